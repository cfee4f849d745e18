//! What is kept beside the log, and named there by its digest: verdicts, sketches, worklists.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::Examination;
use super::Opened;
use super::State;
use crate::audit;
use crate::audit::Record;
use crate::graph;
use crate::model::lineage::NodeKind;
use crate::pipeline::sketches::SketchError;
use crate::pipeline::sketches::SketchFile;

/// Entries that a line names. Chosen: it stays a line.
const NAMED_MAX: usize = 5;

/// Digests of documents, each with the first entry that names it: two checks may have found the same.
type Named = BTreeMap<String, u64>;

/// Documents of one kind.
#[derive(Default)]
struct Kind {
    whole: u64,
    gone: Vec<u64>,
    wrong: Vec<String>,
}

impl Kind {
    fn take<E: Display>(&mut self, entry: u64, found: Result<bool, E>) {
        match found {
            Ok(true) => self.whole += 1,
            Ok(false) => self.gone.push(entry),
            Err(error) => self.wrong.push(error.to_string()),
        }
    }

    /// Says what was found, with what follows from what is gone; documents that are not what the log
    /// names are `wrong`.
    fn note(self, name: &'static str, follows: &str, wrong: State, found: &mut Examination) {
        for what in self.wrong {
            found.note(name, wrong, what);
        }
        if !self.gone.is_empty() {
            let count = self.gone.len();
            let some: Vec<String> = self
                .gone
                .iter()
                .take(NAMED_MAX)
                .map(u64::to_string)
                .collect();
            let more = if count > NAMED_MAX { ", …" } else { "" };
            let some = some.join(", ");
            found.note(
                name,
                State::Warning,
                format!(
                    "{count} missing (entry {some}{more}): restore {name}/ from a backup; {follows}"
                ),
            );
        }
        if self.whole > 0 {
            let whole = self.whole;
            found.note(
                name,
                State::Ok,
                format!("{whole} kept, as the log names them"),
            );
        }
    }
}

pub(super) fn documents(opened: &Opened, found: &mut Examination) {
    let (mut verdicts, mut sketches, mut worklists) = (Named::new(), Named::new(), Named::new());
    let read = audit::entries(
        &opened.dir,
        &opened.secrets.public(),
        0,
        |entry, said| match said.record {
            Record::Check(check) => {
                verdicts.entry(check.outcome).or_insert(entry);
                if let Some(digest) = check.sketches {
                    sketches.entry(digest).or_insert(entry);
                }
            }
            Record::Lineage(stated) => {
                let incidents = stated.nodes.into_iter();
                let of_incidents = incidents.filter(|claim| claim.node.kind == NodeKind::Incident);
                let digests =
                    of_incidents.filter_map(|claim| claim.facts.more.get("worklist").cloned());
                for digest in digests {
                    worklists.entry(digest).or_insert(entry);
                }
            }
            Record::Init(_)
            | Record::Register(_)
            | Record::Withdraw(_)
            | Record::Seal(_)
            | Record::Signoff(_)
            | Record::Waive(_)
            | Record::Reading(_)
            | Record::Deployment(_)
            | Record::Policy(_)
            | Record::Attest(_)
            | Record::Share(_)
            | Record::RotateKey(_) => {}
        },
    );
    // A log that cannot be read was told of already.
    if read.is_err() {
        return;
    }
    let mut kind = Kind::default();
    for (digest, entry) in &verdicts {
        let kept = graph::kept_verdict(&opened.dir, *entry, digest);
        kind.take(*entry, kept.map(|kept| kept.is_some()));
    }
    let follows = "what these checks found is not known meanwhile, and a check that asks what stands \
                   behind a model may be undecided for it";
    kind.note("verdicts", follows, State::Broken, found);

    let mut kind = Kind::default();
    for (digest, entry) in &sketches {
        let opened = SketchFile::open(&opened.dir, digest, &opened.compat);
        kind.take(
            *entry,
            match opened {
                Ok(_) => Ok(true),
                Err(SketchError::Missing { .. }) => Ok(false),
                Err(error) => Err(error),
            },
        );
    }
    let follows = "`recheck` cannot decide these checks again meanwhile";
    kind.note("sketches", follows, State::Warning, found);

    let mut kind = Kind::default();
    for (digest, entry) in &worklists {
        let kept = graph::kept_worklist(&opened.dir, *entry, digest);
        kind.take(*entry, kept.map(|_| true));
    }
    kind.note("worklists", "", State::Broken, found);
}
