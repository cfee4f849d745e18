//! `herdbook licenses …`: what the texts say about outputs.

use anyhow::anyhow;
use serde::Serialize;

use super::args::Global;
use super::args::LicensesCommand;
use super::catalog;
use super::config::Config;
use super::exit::Exit;
use super::exit::Failure;
use super::exit::OrExit as _;
use super::governance;
use super::out;
use super::table::Table;
use crate::catalog::Catalog;
use crate::model::License;
use crate::model::Termination;
use crate::model::Trigger;
use crate::report::escape;

pub(super) fn run(global: &Global, command: &LicensesCommand) -> Result<Exit, Failure> {
    let config = Config::load(&global.index).or_usage()?;
    match command {
        LicensesCommand::Verify(args) => return governance::verify::run(global, args),
        LicensesCommand::List(args) => {
            let catalog = catalog::load(&config, &args.own)?;
            if args.output.json {
                out::json(
                    &catalog
                        .licenses()
                        .iter()
                        .map(|l| Shown::from(&**l))
                        .collect::<Vec<_>>(),
                )?;
            } else {
                out::print(&listed(&catalog))?;
            }
        }
        LicensesCommand::Show(args) => {
            let catalog = catalog::load(&config, &args.own)?;
            let license = catalog.license(&args.id).ok_or_else(|| {
                Failure::usage(anyhow!(
                    "no license is named {}: `herdbook licenses list` prints the ids",
                    args.id
                ))
            })?;
            if args.output.json {
                out::json(&Shown::from(&**license))?;
            } else {
                out::print(&shown(license))?;
            }
        }
    }
    Ok(Exit::Pass)
}

#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    title: &'a str,
    licensor: &'a str,
    llama: bool,
    hugging_face: Option<&'a str>,
    card_names: &'a [String],
    scancode: Option<&'a str>,
    link: &'a str,
    version_date: Option<&'a str>,
    date_line: Option<&'a str>,
    read: &'a str,
    sha256: Option<&'a str>,
    use_policy_link: Option<&'a str>,
    use_policy_sha256: Option<&'a str>,
    own_file: Option<&'a str>,
    outputs: &'a str,
    clauses: Vec<Clause>,
}

#[derive(Serialize)]
struct Clause {
    #[serde(rename = "clause")]
    kind: &'static str,
    section: String,
    says: String,
}

impl<'a> From<&'a License> for Shown<'a> {
    fn from(license: &'a License) -> Self {
        Self {
            id: &license.id,
            title: &license.title,
            licensor: &license.licensor,
            llama: license.llama.is_some(),
            hugging_face: license.hugging_face.as_deref(),
            card_names: &license.card_names,
            scancode: license.scancode.as_deref(),
            link: &license.link,
            version_date: license.version_date.as_deref(),
            date_line: license.date_line.as_deref(),
            read: &license.read,
            sha256: license.sha256.as_deref(),
            use_policy_link: license.use_policy_link.as_deref(),
            use_policy_sha256: license.use_policy_sha256.as_deref(),
            own_file: license.own_file.as_deref(),
            outputs: &license.outputs,
            clauses: clauses(license),
        }
    }
}

/// Every clause that the catalog holds of a license, in reading order.
#[expect(
    clippy::too_many_lines,
    reason = "one entry per clause shape, in reading order; nothing branches on another"
)]
fn clauses(license: &License) -> Vec<Clause> {
    let c = &license.clauses;
    let mut all = Vec::new();
    let mut add = |kind, section: &str, says: String| {
        all.push(Clause {
            kind,
            section: section.to_owned(),
            says,
        });
    };
    if let Some(p) = &c.purpose_limit {
        add(
            "purpose-limit",
            &p.section,
            "non-commercial research only, outputs included".to_owned(),
        );
    }
    if let Some(ban) = &c.improve_ban {
        let own = if ban.own_family_excluded {
            "; its own family is excluded"
        } else {
            ""
        };
        add(
            "improve-ban",
            &ban.section,
            format!("outputs must not improve other models{own}"),
        );
    }
    if let Some(ban) = &c.competing_ban {
        add(
            "competing-ban",
            &ban.section,
            "outputs must not make competing models".to_owned(),
        );
    }
    let when = |trigger| match trigger {
        Trigger::Materials => "the model itself is used",
        Trigger::MaterialsOrOutputs => "the model or its outputs are used",
    };
    if let Some(prefix) = &c.name_prefix {
        add(
            "name-prefix",
            &prefix.section,
            format!(
                "a distributed model's name begins with \"{}\" when {}",
                prefix.text,
                when(prefix.trigger)
            ),
        );
    }
    if let Some(display) = &c.display {
        add(
            "display",
            &display.section,
            format!(
                "{} is displayed when {}",
                quoted(&display.text, &display.alternatives),
                when(display.trigger)
            ),
        );
    }
    if let Some(notice) = &c.notice {
        add("notice", &notice.section, notice.text.clone());
    }
    if let Some(copy) = &c.copy {
        add(
            "copy",
            &copy.section,
            "a copy of the agreement goes with the model".to_owned(),
        );
    }
    if let Some(users) = &c.monthly_users {
        add(
            "monthly-users",
            &users.section,
            format!(
                "above {} monthly users a license must be asked for",
                users.above
            ),
        );
    }
    if let Some(eu) = &c.eu_multimodal {
        add(
            "eu-multimodal",
            &eu.section,
            "multimodal models are not licensed to those domiciled in the EU".to_owned(),
        );
    }
    if let Some(policy) = &c.use_policy {
        add(
            "use-policy",
            &policy.section,
            "an acceptable use policy applies".to_owned(),
        );
    }
    if let Some(flow) = &c.flow_down {
        add(
            "flow-down",
            &flow.section,
            "a model trained on outputs counts as a derivative".to_owned(),
        );
    }
    if let Some(end) = &c.termination {
        add("termination", &end.section, termination(end));
    }
    all
}

/// Strings of which one has to stand.
fn quoted(first: &str, others: &[String]) -> String {
    let all = std::iter::once(first).chain(others.iter().map(String::as_str));
    let all: Vec<String> = all.map(|text| format!("\"{text}\"")).collect();
    all.join(" or ")
}

fn termination(end: &Termination) -> String {
    let how = if end.automatic {
        "a breach ends the license by itself"
    } else {
        "the licensor may end it on a breach"
    };
    let materials = if end.deletes_materials {
        "weights and documents are deleted, outputs are not meant"
    } else {
        "no deletion is asked for"
    };
    let outputs = if end.outputs_restriction_survives {
        "the restriction of outputs goes on"
    } else {
        "the clause on outputs is not among those that go on"
    };
    format!(
        "{how}; {materials}; {outputs} (sections {} survive)",
        end.survives
    )
}

fn listed(catalog: &Catalog) -> String {
    let mut table = Table::new(&["ID", "LICENSE", "OUTPUTS"]);
    for license in catalog.licenses() {
        table.row([
            license.id.clone(),
            license.title.clone(),
            license.outputs.clone(),
        ]);
    }
    table.render()
}

/// The lines about the use policy and the file that states the license, where there are any.
fn policy_lines(license: &License) -> String {
    let stated = [
        ("policy", &license.use_policy_link),
        ("its sha", &license.use_policy_sha256),
        ("own file", &license.own_file),
    ];
    stated
        .iter()
        .filter_map(|(key, value)| value.as_ref().map(|value| format!("  {key:<10}{value}\n")))
        .collect()
}

fn shown(license: &License) -> String {
    let mut text = format!(
        "{} ({})\n  by        {}\n  link      {}\n  dated     {}\n  read      {}\n  sha256    {}\n{}\n\
         Outputs: {}\n",
        license.title,
        license.id,
        license.licensor,
        license.link,
        license
            .version_date
            .as_deref()
            .unwrap_or("no date in the text"),
        license.read,
        license.sha256.as_deref().unwrap_or("not recorded"),
        policy_lines(license),
        license.outputs,
    );
    // In full, whatever its length: notice lines and strings to display are there to be copied.
    for clause in clauses(license) {
        let lines = format!(
            "\n{} (section {})\n  {}\n",
            clause.kind,
            escape::terminal(&clause.section),
            escape::terminal(&clause.says)
        );
        text.push_str(&lines);
    }
    text.push_str("\nA reading of the text, not legal advice; the text at the link decides.\n");
    text
}
