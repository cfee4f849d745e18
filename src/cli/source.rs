//! `herdbook source …`: the registered sources.

use anyhow::anyhow;

use super::args::Global;
use super::args::SourceCommand;
use super::exit::Exit;
use super::exit::Failure;
use super::exit::OrExit as _;
use super::opened;
use super::opened::Opened;
use super::out;
use super::table::Table;
use crate::index::WriteError;
use crate::model::SourceInfo;
use crate::report::escape;
use crate::report::sources::Source;
use crate::snapshot::SealError;

pub(super) fn run(global: &Global, command: &SourceCommand) -> Result<Exit, Failure> {
    match command {
        SourceCommand::List(output) => {
            let sources = sources(global)?;
            if output.json {
                out::json(&sources.iter().map(Source::from).collect::<Vec<_>>())?;
            } else {
                out::print(&listed(&sources))?;
            }
            Ok(Exit::Pass)
        }
        SourceCommand::Show(args) => {
            let sources = sources(global)?;
            let source = named(&sources, &args.name)?;
            if args.output.json {
                out::json(&Source::from(source))?;
            } else {
                out::print(&shown(source))?;
            }
            Ok(Exit::Pass)
        }
        SourceCommand::Withdraw(args) => withdraw(global, &args.name),
    }
}

/// Every source, withdrawn ones included, in order of registration; not the index's own canary.
/// Read from the sealed snapshot, as a check reads them.
fn sources(global: &Global) -> Result<Vec<SourceInfo>, Failure> {
    let opened = Opened::find(global).or_undecided()?;
    let snapshot = opened.head().or_undecided()?;
    let sources = snapshot.sources().iter();
    Ok(sources
        .filter(|source| !source.is_canary())
        .cloned()
        .collect())
}

fn withdraw(global: &Global, name: &str) -> Result<Exit, Failure> {
    let opened = Opened::find(global).or_undecided()?;
    let mut writer = opened.writer()?;
    let done = writer
        .withdraw(name, &opened::now()?)
        .map_err(|error| match error {
            SealError::Write(WriteError::NoSuchSource { .. } | WriteError::Withdrawn { .. }) => {
                Failure::usage(error)
            }
            SealError::Write(_) | SealError::Seal(_) | SealError::Log(_) => {
                Failure::undecided(error)
            }
        })?;
    out::print(&format!(
        "Withdrew source {}: its {} records no longer match, and stay in the log.\n  snapshot  {} \
         ({})\n",
        escape::identifier(&done.source.name),
        done.source.records,
        done.snapshot,
        done.digest,
    ))?;
    Ok(Exit::Pass)
}

/// The source of this name; an unknown name is bad usage.
fn named<'a>(sources: &'a [SourceInfo], name: &str) -> Result<&'a SourceInfo, Failure> {
    sources
        .iter()
        .find(|source| source.name == name)
        .ok_or_else(|| {
            Failure::usage(anyhow!(
                "no source is named {name}: `herdbook source list` prints the names"
            ))
        })
}

/// The models of a source in one cell: the first, and how many more.
fn models(source: &SourceInfo) -> String {
    match source.models.split_first() {
        None => "not stated".to_owned(),
        Some((first, [])) => first.clone(),
        Some((first, rest)) => format!("{first} and {} more", rest.len()),
    }
}

fn listed(sources: &[SourceInfo]) -> String {
    if sources.is_empty() {
        return "No source is registered: `herdbook register PATH…` adds one.\n".to_owned();
    }
    let mut table = Table::new(&["NAME", "RECORDS", "REGISTERED", "STATE", "MODELS"]).right(&[1]);
    for source in sources {
        let mut state = if source.withdrawn_at.is_some() {
            "withdrawn".to_owned()
        } else {
            "active".to_owned()
        };
        if let Some(partner) = source.claimed_by() {
            let by = format!(", claimed by {partner}");
            state.push_str(&by);
        }
        table.row([
            source.name.clone(),
            source.records.to_string(),
            source.registered_at.clone(),
            state,
            models(source),
        ]);
    }
    table.render()
}

fn shown(source: &SourceInfo) -> String {
    let mut table = Table::new(&["source", &escape::identifier(&source.name)]);
    let list = |values: &[String]| {
        if values.is_empty() {
            "none".to_owned()
        } else {
            values.join(", ")
        }
    };
    for (label, value) in [
        ("digest", source.digest.clone()),
        (
            "models",
            if source.models.is_empty() {
                "not stated".to_owned()
            } else {
                list(&source.models)
            },
        ),
        ("columns", list(&source.columns)),
        (
            "access",
            source
                .access
                .clone()
                .unwrap_or_else(|| "not stated".to_owned()),
        ),
        ("acquisition", source.acquisition.as_str().to_owned()),
        ("records", source.records.to_string()),
        ("new texts", source.new_texts.to_string()),
        ("text bytes", source.text_bytes.to_string()),
        (
            "index bytes",
            format!(
                "{} ({:.0} % of the text, filter included)",
                source.index_bytes,
                source.index_percent()
            ),
        ),
        ("registered", source.registered_at.clone()),
        (
            "withdrawn",
            source
                .withdrawn_at
                .clone()
                .unwrap_or_else(|| "no".to_owned()),
        ),
    ] {
        table.row([label.to_owned(), value]);
    }
    if let Some(bundle) = &source.bundle {
        for (label, value) in [
            ("claimed by", bundle.partner.clone()),
            ("name there", bundle.source.clone()),
            ("records there", bundle.records.to_string()),
            ("signed by", bundle.key.clone()),
            ("bundle", bundle.bundle.clone()),
            ("exported", bundle.exported_at.clone()),
        ] {
            table.row([label.to_owned(), value]);
        }
        return table.render();
    }
    let mut files = Table::new(&["FILE", "ROWS", "BYTES", "SHA-256"]).right(&[1, 2]);
    for file in &source.files {
        files.row([
            file.path.clone(),
            file.rows.to_string(),
            file.bytes.to_string(),
            file.sha256.clone(),
        ]);
    }
    format!("{}\n{}", table.render(), files.render())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Acquisition;
    use crate::model::SourceId;
    use crate::model::source::BundleOrigin;
    use crate::model::source::SourceFile;

    fn source(name: &str) -> SourceInfo {
        SourceInfo {
            id: SourceId(0),
            name: name.into(),
            digest: "ab".repeat(32),
            files: vec![SourceFile {
                path: "r\u{1b}[2J.jsonl".into(),
                sha256: "cd".repeat(32),
                rows: 3,
                bytes: 99,
            }],
            models: vec!["m1".into(), "m2".into(), "m3".into()],
            columns: vec!["completions[].response".into()],
            access: None,
            acquisition: Acquisition::Found,
            records: 12,
            new_texts: 10,
            text_bytes: 4_000,
            index_bytes: 800,
            registered_at: "2026-11-21T10:00:00Z".into(),
            withdrawn_at: None,
            bundle: None,
        }
    }

    #[test]
    fn lists_and_shows_without_control_characters() {
        let mut gone = source("second");
        gone.withdrawn_at = Some("2026-11-22T10:00:00Z".into());
        insta::assert_snapshot!("list", listed(&[source("first"), gone]));
        insta::assert_snapshot!("show", shown(&source("first")));
        let mut shared = source("acme/runs");
        shared.bundle = Some(BundleOrigin {
            partner: "acme\u{1b}[2J".into(),
            source: "runs".into(),
            key: "k".into(),
            bundle: "b".into(),
            exported_at: "2026-11-20T10:00:00Z".into(),
            records: 14,
        });
        let text = shown(&shared) + &listed(&[shared]);
        for said in [
            "claimed by",
            "runs",
            "records there  14",
            "active, claimed by acme",
        ] {
            assert!(text.contains(said), "{said}: {text}");
        }
        assert!(!text.contains('\u{1b}'));
        assert!(listed(&[]).contains("register"));
    }

    #[test]
    fn an_unknown_name_is_bad_usage() {
        let failure = named(&[source("a")], "b").expect_err("unknown");
        assert_eq!(failure.exit, Exit::Usage);
        assert_eq!(named(&[source("a")], "a").expect("known").name, "a");
    }

    #[test]
    fn json_has_every_key() {
        let json = serde_json::to_value(Source::from(&source("a"))).expect("json");
        for key in [
            "id",
            "name",
            "digest",
            "models",
            "columns",
            "access",
            "acquisition",
            "records",
            "registered_at",
            "withdrawn_at",
            "files",
        ] {
            assert!(json.get(key).is_some(), "{key}");
        }
        assert_eq!(json["acquisition"], "found");
    }
}
