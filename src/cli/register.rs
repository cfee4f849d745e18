//! `herdbook register PATH…`: generated records into the index.

use std::sync::atomic::AtomicU64;

use super::args::Global;
use super::args::RegisterArgs;
use super::catalog;
use super::catalog::OwnCatalogArgs;
use super::config::Config;
use super::exit::Exit;
use super::exit::Failure;
use super::exit::OrExit as _;
use super::inputs;
use super::opened;
use super::opened::Opened;
use super::out;
use super::progress::Progress;
use super::table::Table;
use crate::catalog::Catalog;
use crate::index::WriteError;
use crate::model::Acquisition;
use crate::model::Outcome;
use crate::pipeline;
use crate::pipeline::RegisterError;
use crate::pipeline::RegisterOptions;
use crate::pipeline::RegisterOutcome;
use crate::read::Purpose;
use crate::read::ReadOptions;
use crate::report::escape;
use crate::snapshot::SealError;

/// Models listed after a registration. Chosen: a screenful; `source show` lists all.
const MODELS_SHOWN: usize = 20;

pub(super) fn run(global: &Global, args: &RegisterArgs) -> Result<Exit, Failure> {
    let config = Config::load(&global.index).or_usage()?;
    let catalog = catalog::load(&config, &OwnCatalogArgs::default())?;
    let opened = Opened::find(global).or_undecided()?;
    let mut writer = opened.writer()?;
    let expansion = inputs::expand(&args.paths);
    let options = RegisterOptions {
        name: args.source.clone(),
        model: args.model.clone(),
        access: args.access.clone().or(config.access),
        acquisition: args
            .acquisition
            .map(Acquisition::from)
            .or(config.acquisition)
            .unwrap_or_default(),
        read: ReadOptions {
            format: args.format.map(inputs::format),
            text_columns: args.text_columns.clone(),
            prompt_columns: args.prompt_column.iter().cloned().collect(),
            model_column: args.model_column.clone(),
            purpose: Purpose::Register,
            ..ReadOptions::default()
        },
        threads: opened::threads(args.threads.or(config.threads)),
        now: opened::now()?,
    };
    let progress = Progress::bytes("registering", inputs::bytes(&expansion), global.quiet);
    let done = {
        let seen = AtomicU64::new(0);
        let report = inputs::accumulate(&seen, &progress);
        pipeline::register(
            &mut writer,
            &opened.recipe,
            &opened.key,
            &expansion,
            &options,
            &report,
        )
    };
    progress.finish();
    let outcome = done.map_err(failure)?;
    out::print(&said(&outcome, args, &catalog))?;
    warnings(&outcome, &catalog);
    Ok(Exit::Pass)
}

/// A clash of names and text that nobody named are the user's to solve (exit 2); what cannot be
/// read or written is exit 3.
fn failure(error: RegisterError) -> Failure {
    match &error {
        RegisterError::NoOutputs(_)
        | RegisterError::Index(SealError::Write(
            WriteError::NameTaken { .. } | WriteError::Withdrawn { .. } | WriteError::Empty { .. },
        )) => Failure::usage(error),
        RegisterError::Unreadable(_) | RegisterError::Index(_) => Failure::undecided(error),
    }
}

fn said(outcome: &RegisterOutcome, args: &RegisterArgs, catalog: &Catalog) -> String {
    let source = outcome.source();
    let name = escape::identifier(&source.name);
    if !outcome.registered.new {
        return format!(
            "Source {name} is registered already, with the same content and claim; nothing was \
             changed.\n"
        );
    }
    let mut text = format!(
        "Registered {} records as source {name}\n  digest    {}\n  columns   {}\n  model     {}\n  texts     {} new \
         to this index\n  index     {} bytes added for {} bytes of text ({:.0} %)\n  snapshot  {} \
         ({})\n",
        source.records,
        source.digest,
        escape::terminal(&source.columns.join(", ")),
        escape::terminal(&model_from(outcome, args)),
        source.new_texts,
        source.index_bytes,
        source.text_bytes,
        source.index_percent(),
        outcome.registered.snapshot,
        outcome.registered.digest,
    );
    if !source.models.is_empty() {
        let mut table = Table::new(&["MODEL AS CLAIMED", "MEANS HERE", "LICENSE"]);
        for id in source.models.iter().take(MODELS_SHOWN) {
            let resolution = catalog.resolve(id);
            table.row([
                escape::identifier(id),
                resolution.label(),
                super::models::licenses(&resolution),
            ]);
        }
        text.push('\n');
        text.push_str(&table.render());
        if source.models.len() > MODELS_SHOWN {
            let more = source.models.len() - MODELS_SHOWN;
            let line = format!("and {more} more: `herdbook source show`\n");
            text.push_str(&line);
        }
    }
    text
}

/// Where the model of the records was taken from.
fn model_from(outcome: &RegisterOutcome, args: &RegisterArgs) -> String {
    match (&args.model, outcome.model_columns.as_slice()) {
        (Some(_), []) => "as --model says".to_owned(),
        (Some(_), columns) => {
            format!("as --model says, not as in {}", columns.join(", "))
        }
        (None, []) => "named nowhere".to_owned(),
        (None, columns) => format!("from {}", columns.join(", ")),
    }
}

fn warnings(outcome: &RegisterOutcome, catalog: &Catalog) {
    if !outcome.registered.new {
        return;
    }
    let unknown: Vec<String> = outcome
        .source()
        .models
        .iter()
        .filter(|id| matches!(catalog.resolve(id).outcome, Outcome::Unknown))
        .map(|id| escape::identifier(id))
        .collect();
    if !unknown.is_empty() {
        out::warn(&format!(
            "the catalog does not know {}: a match with these records will need review",
            unknown.join(", ")
        ));
    }
    if outcome.without_model > 0 {
        out::warn(&format!(
            "nobody named the model of {} records: a match with them will need review; register \
             with --model ID or --model-column COLUMN to name it",
            outcome.without_model
        ));
    }
    if outcome.empty_outputs > 0 {
        out::warn(&format!(
            "{} outputs hold no letter and no digit; they cannot be recognised again and were left \
             out",
            outcome.empty_outputs
        ));
    }
    if !outcome.left_out.is_empty() {
        let columns: Vec<String> = outcome
            .left_out
            .iter()
            .map(|(column, leaves)| format!("{} ({leaves} texts)", escape::identifier(column)))
            .collect();
        out::note(&format!(
            "not registered, because it is not known to be output: {}; name it with --text-column \
             if it is",
            columns.join(", ")
        ));
    }
}
