//! `herdbook signoff`, `waive` and `reading`: requests and the decisions on them.

use std::path::PathBuf;

use anyhow::anyhow;
use serde::Serialize;

use super::super::args::Global;
use super::super::catalog;
use super::super::exit::Exit;
use super::super::exit::Failure;
use super::super::exit::OrExit as _;
use super::super::out;
use super::super::table::Table;
use super::Files;
use super::append;
use super::day;
use super::document;
use super::known_readings;
use super::license;
use super::read_ledger;
use super::request_args::CommonArgs;
use super::request_args::DecideArgs;
use super::request_args::ReadingCommand;
use super::request_args::ReadingRequestArgs;
use super::request_args::RequestListArgs;
use super::request_args::SignoffCommand;
use super::request_args::SignoffRequestArgs;
use super::request_args::WaiveBaselineArgs;
use super::request_args::WaiveCommand;
use super::request_args::WaiveRequestArgs;
use super::request_args::WaiverArgs;
use super::review;
use super::today;
use crate::audit::Approval;
use crate::audit::Record;
use crate::catalog::Catalog;
use crate::governance::Ask;
use crate::governance::Decided;
use crate::governance::Document;
use crate::governance::Ledger;
use crate::governance::NOT_WAIVABLE;
use crate::governance::Payload;
use crate::governance::ReadingAsk;
use crate::governance::Request;
use crate::governance::SignOffAsk;
use crate::governance::State;
use crate::governance::WaiverAsk;
use crate::model::Access;
use crate::model::Level;
use crate::policy::codes;

/// Which kind of request a command is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    SignOff,
    Waiver,
    Reading,
}

impl About {
    fn is(self, ask: &Ask) -> bool {
        match ask {
            Ask::SignOff(_) => self == Self::SignOff,
            Ask::Waiver(_) => self == Self::Waiver,
            Ask::Reading(_) => self == Self::Reading,
        }
    }

    /// The kind of its entries in the audit log.
    fn record(self) -> fn(Approval) -> Record {
        match self {
            Self::SignOff => Record::Signoff,
            Self::Waiver => Record::Waive,
            Self::Reading => Record::Reading,
        }
    }

    fn command(self) -> &'static str {
        match self {
            Self::SignOff => "signoff",
            Self::Waiver => "waive",
            Self::Reading => "reading",
        }
    }
}

/// What is decided about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Approve,
    Reject,
    Revoke,
}

pub(in crate::cli) fn signoff(global: &Global, command: &SignoffCommand) -> Result<Exit, Failure> {
    let about = About::SignOff;
    match command {
        SignoffCommand::Request(args) => request_signoff(global, args),
        SignoffCommand::Approve(args) => decide(global, about, Verb::Approve, args),
        SignoffCommand::Reject(args) => decide(global, about, Verb::Reject, args),
        SignoffCommand::Revoke(args) => decide(global, about, Verb::Revoke, args),
        SignoffCommand::List(args) => list(global, about, args),
    }
}

pub(in crate::cli) fn waive(global: &Global, command: &WaiveCommand) -> Result<Exit, Failure> {
    let about = About::Waiver;
    match command {
        WaiveCommand::Request(args) => request_waiver(global, args),
        WaiveCommand::Baseline(args) => request_baseline(global, args),
        WaiveCommand::Approve(args) => decide(global, about, Verb::Approve, args),
        WaiveCommand::Reject(args) => decide(global, about, Verb::Reject, args),
        WaiveCommand::Revoke(args) => decide(global, about, Verb::Revoke, args),
        WaiveCommand::List(args) => list(global, about, args),
    }
}

pub(in crate::cli) fn reading(global: &Global, command: &ReadingCommand) -> Result<Exit, Failure> {
    let about = About::Reading;
    match command {
        ReadingCommand::Request(args) => request_reading(global, args),
        ReadingCommand::Approve(args) => decide(global, about, Verb::Approve, args),
        ReadingCommand::Reject(args) => decide(global, about, Verb::Reject, args),
        ReadingCommand::Revoke(args) => decide(global, about, Verb::Revoke, args),
        ReadingCommand::List(args) => list(global, about, args),
    }
}

fn request_signoff(global: &Global, args: &SignoffRequestArgs) -> Result<Exit, Failure> {
    let catalog = catalog::of_index(global)?;
    let text = license(&catalog, &args.license)?;
    if let Some(question) = &args.question
        && question.split_once(':').map(|(of, _)| of) != Some(text.id.as_str())
    {
        return Err(Failure::usage(anyhow!(
            "the question {question} is not one of {}: a question begins with its license, as in \
             {}:target-competes",
            text.id,
            text.id
        )));
    }
    let ask = Ask::SignOff(SignOffAsk {
        license: text.id.clone(),
        license_sha256: text.sha256.clone(),
        question: args.question.clone(),
        target: args.target.clone(),
        base: args.base.clone(),
        host: match &args.host {
            Some(word) => Some(host(&catalog, word)?),
            None => None,
        },
        evidence: document(&args.evidence)?,
        at: today()?,
        expires: args.common.expires.to_string(),
        note: args.common.note.clone(),
    });
    request(global, &args.common, About::SignOff, ask)
}

/// The name by which decisions know a host whose terms were not read.
fn host(catalog: &Catalog, word: &str) -> Result<String, Failure> {
    match catalog.access(Some(word)) {
        Access::HostUnread { host } => Ok(host),
        Access::LicenseAlone | Access::HostRead { .. } | Access::Contract { .. } => {
            Err(Failure::usage(anyhow!(
                "{word} needs no sign-off of its terms: the catalog knows what applies there"
            )))
        }
    }
}

fn request_waiver(global: &Global, args: &WaiveRequestArgs) -> Result<Exit, Failure> {
    let Some(info) = codes::info(&args.code) else {
        return Err(Failure::usage(anyhow!(
            "no finding code is named {}: docs/policy.md lists them all",
            args.code
        )));
    };
    if info.level == Level::Undecided || NOT_WAIVABLE.contains(&info.code.0) {
        return Err(Failure::usage(anyhow!(
            "{} cannot be waived: no risk can be accepted for what could not be checked, and a \
             strict policy has no exceptions",
            info.code.0
        )));
    }
    if let Some(id) = &args.license {
        license(&catalog::of_index(global)?, id)?;
    }
    let ask = WaiverAsk {
        code: Some(info.code.0.to_owned()),
        license: args.license.clone(),
        source: args.source.clone(),
        target: args.target.clone(),
        findings: Vec::new(),
        ..waiver(&args.waiver)?
    };
    request(global, &args.waiver.common, About::Waiver, Ask::Waiver(ask))
}

fn request_baseline(global: &Global, args: &WaiveBaselineArgs) -> Result<Exit, Failure> {
    let known = review::baseline(&args.reports)?;
    if known.left_out > 0 {
        out::warn(&format!(
            "{} blocked findings cannot stand in a baseline (declared uses, standard input, files \
             that were not read to their end, or codes that cannot be waived) and stay blocked",
            known.left_out
        ));
    }
    if known.digests.is_empty() {
        return Err(Failure::usage(anyhow!(
            "these reports hold no blocked finding that could be listed"
        )));
    }
    let ask = WaiverAsk {
        target: args.target.clone(),
        findings: known.digests,
        ..waiver(&args.waiver)?
    };
    request(global, &args.waiver.common, About::Waiver, Ask::Waiver(ask))
}

/// A waiver without its scope.
fn waiver(args: &WaiverArgs) -> Result<WaiverAsk, Failure> {
    Ok(WaiverAsk {
        code: None,
        license: None,
        source: None,
        target: None,
        findings: Vec::new(),
        reason: args.reason,
        evidence: optional_document(args.evidence.as_ref())?,
        at: today()?,
        expires: args.common.expires.to_string(),
        note: args.common.note.clone(),
    })
}

fn request_reading(global: &Global, args: &ReadingRequestArgs) -> Result<Exit, Failure> {
    let known = known_readings();
    let Some((_, answers)) = known.iter().find(|(id, _)| *id == args.id) else {
        let ids: Vec<&str> = known.iter().map(|(id, _)| *id).collect();
        return Err(Failure::usage(anyhow!(
            "no reading is named {}: there are {}",
            args.id,
            ids.join(", ")
        )));
    };
    if !answers.contains(&args.answer.as_str()) {
        return Err(Failure::usage(anyhow!(
            "the reading {} cannot be answered {}: the answers are {}",
            args.id,
            args.answer,
            answers.join(", ")
        )));
    }
    let ask = Ask::Reading(ReadingAsk {
        reading: args.id.clone(),
        answer: args.answer.clone(),
        evidence: optional_document(args.evidence.as_ref())?,
        at: today()?,
        expires: args.common.expires.to_string(),
        note: args.common.note.clone(),
    });
    request(global, &args.common, About::Reading, ask)
}

fn optional_document(path: Option<&PathBuf>) -> Result<Option<Document>, Failure> {
    path.map(|path| document(path)).transpose()
}

fn request(global: &Global, common: &CommonArgs, about: About, ask: Ask) -> Result<Exit, Failure> {
    let files = common.files.find(global)?;
    let (noun, scope, expires) = (ask.noun(), ask.scope(), ask.expires().to_owned());
    let ledger = append(
        global,
        &files,
        &common.signer,
        &Payload::Request(ask),
        about.record(),
    )?;
    let id = ledger
        .requests()
        .last()
        .map_or("", |request| request.id.as_str());
    out::print(&format!(
        "Recorded the request {id} in {}\n  asks for    {noun}: {scope}\n  until       {expires}\n  \
         next        somebody else with the role approver:\n              herdbook {} approve {id} \
         --as PERSON --key FILE{}\n",
        files.approvals.display(),
        about.command(),
        common.files.repeated(),
    ))?;
    Ok(Exit::Pass)
}

fn decide(global: &Global, about: About, verb: Verb, args: &DecideArgs) -> Result<Exit, Failure> {
    let files = args.files.find(global)?;
    let ledger = read_ledger(&files).or_undecided()?;
    let request = find(&ledger, about, &args.id, &files)?;
    let decided = Decided {
        request: request.id.clone(),
        request_sha256: request.sha256.clone(),
        at: today()?,
        note: args.note.clone(),
    };
    let (payload, said) = match verb {
        Verb::Approve => (Payload::Approve(decided), "Approved"),
        Verb::Reject => (Payload::Reject(decided), "Rejected"),
        Verb::Revoke => (Payload::Revoke(decided), "Revoked"),
    };
    append(global, &files, &args.signer, &payload, about.record())?;
    out::print(&format!(
        "{said} {} {}: {}\n  recorded in {}: commit it\n",
        request.ask.noun(),
        request.id,
        request.ask.scope(),
        files.approvals.display(),
    ))?;
    Ok(Exit::Pass)
}

fn find<'a>(
    ledger: &'a Ledger,
    about: About,
    id: &str,
    files: &Files,
) -> Result<&'a Request, Failure> {
    ledger
        .request(id)
        .filter(|request| about.is(&request.ask))
        .ok_or_else(|| {
            Failure::usage(anyhow!(
                "{} holds no such request {id}: `herdbook {} list` prints the ids",
                files.approvals.display(),
                about.command()
            ))
        })
}

/// A request as the lists print it.
#[derive(Serialize)]
pub(super) struct Listed {
    pub(super) id: String,
    kind: &'static str,
    /// `pending`, `rejected`, `revoked`; of approved ones, whether they hold.
    pub(super) standing: &'static str,
    pub(super) scope: String,
    reason: Option<&'static str>,
    evidence: Option<String>,
    pub(super) requester: String,
    decided_by: Option<String>,
    note: Option<String>,
    pub(super) expires: String,
}

impl Listed {
    pub(super) fn new(
        request: &Request,
        licenses: &[std::sync::Arc<crate::model::License>],
        as_of: &str,
    ) -> Self {
        let (reason, evidence, note) = match &request.ask {
            Ask::SignOff(ask) => (None, Some(&ask.evidence), &ask.note),
            Ask::Waiver(ask) => (Some(ask.reason.as_str()), ask.evidence.as_ref(), &ask.note),
            Ask::Reading(ask) => (None, ask.evidence.as_ref(), &ask.note),
        };
        Self {
            id: request.id.clone(),
            kind: request.ask.noun(),
            standing: request
                .standing(licenses, as_of)
                .map_or(request.state.as_str(), |standing| standing.as_str()),
            scope: request.ask.scope(),
            reason,
            evidence: evidence.map(|document| format!("{} ({})", document.name, document.sha256)),
            requester: request.requester.clone(),
            decided_by: match &request.state {
                State::Pending => None,
                State::Approved(by) | State::Rejected(by) | State::Revoked(by) => {
                    Some(by.person.clone())
                }
            },
            note: note.clone(),
            expires: request.ask.expires().to_owned(),
        }
    }
}

/// Requests as a table.
pub(super) fn table(listed: &[Listed]) -> String {
    let mut table = Table::new(&["ID", "STANDING", "UNTIL", "ASKED BY", "DECIDED BY", "SCOPE"]);
    for request in listed {
        table.row([
            request.id.clone(),
            request.standing.to_owned(),
            request.expires.clone(),
            request.requester.clone(),
            request.decided_by.clone().unwrap_or_default(),
            request.scope.clone(),
        ]);
    }
    table.render()
}

fn list(global: &Global, about: About, args: &RequestListArgs) -> Result<Exit, Failure> {
    let files = args.files.find(global)?;
    let ledger = read_ledger(&files).or_undecided()?;
    let catalog = catalog::of_index(global)?;
    let as_of = day(args.as_of)?;
    let listed: Vec<Listed> = ledger
        .requests()
        .iter()
        .filter(|request| about.is(&request.ask))
        .map(|request| Listed::new(request, catalog.licenses(), &as_of))
        .collect();
    if args.json {
        out::json(&listed)?;
    } else {
        out::print(&table(&listed))?;
    }
    Ok(Exit::Pass)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::governance::SIGN_OFF_CODES;

    #[test]
    fn governance_and_the_table_of_codes_agree() {
        let fixed: Vec<&str> = codes::ALL
            .iter()
            .filter(|info| info.level == Level::Block && info.mildest == Level::Block)
            .map(|info| info.code.0)
            .collect();
        assert_eq!(NOT_WAIVABLE, fixed);
        for code in SIGN_OFF_CODES.iter().chain(&["host-terms-unread"]) {
            assert!(codes::info(code).is_some(), "{code}");
        }
    }
}
