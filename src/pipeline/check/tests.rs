//! A check whose scan is played by the test.

use std::sync::Arc;

use super::*;
use crate::catalog::Catalog;
use crate::governance::Approvals;
use crate::model::Canaries;
use crate::model::DutyRecording;
use crate::model::IndexInfo;
use crate::model::Level;
use crate::model::SourceId;
use crate::model::SourceInfo;
use crate::model::Verdict;
use crate::pipeline::scan::BatchMatches;
use crate::pipeline::scan::FileScan;
use crate::policy::Policy;
use crate::policy::Position;
use crate::policy::codes;
use crate::read::FileRead;
use crate::read::ReadError;
use crate::read::SplitCounts;

/// One file of clean rows, with these canaries.
struct Played {
    facts: SnapshotFacts,
    canaries: Canaries,
    text_units: u64,
}

impl Scanner for Played {
    fn facts(&self) -> &SnapshotFacts {
        &self.facts
    }

    fn scan(
        &mut self,
        _input: &InputPath,
        _options: &ReadOptions,
        _progress: &(dyn Fn(u64) + Sync),
        take: &mut dyn FnMut(Scanned),
    ) -> FileScan {
        take(Scanned {
            first_row: 0,
            rows: 3,
            errors: Vec::new(),
            opaque: Vec::new(),
            continues: false,
            columns: Vec::new(),
            units: self.text_units,
            text_bytes: 100,
            text_rows: 3,
            found: BatchMatches::default(),
        });
        let read = FileRead {
            format: Some("jsonl".to_owned()),
            sha256: Some("00".repeat(32)),
            bytes: 1000,
            rows: 3,
            row_errors: 0,
            rows_declared: None,
            columns: Vec::new(),
            model_columns: Vec::new(),
            error: None,
            exempt_unused: Vec::new(),
        };
        FileScan {
            read,
            failed: None,
            canaries: self.canaries,
        }
    }

    fn split(
        &mut self,
        input: &InputPath,
        _options: &ReadOptions,
        _job: &SplitJob<'_>,
    ) -> Result<SplitCounts, ReadError> {
        Err(ReadError::Stopped {
            path: Arc::clone(&input.name),
        })
    }
}

fn source(name: &str) -> SourceInfo {
    SourceInfo {
        id: SourceId(0),
        name: name.to_owned(),
        digest: String::new(),
        files: Vec::new(),
        models: Vec::new(),
        columns: Vec::new(),
        access: None,
        acquisition: crate::model::Acquisition::SelfGenerated,
        records: 1,
        new_texts: 1,
        text_bytes: 100,
        index_bytes: 100,
        registered_at: "2026-11-22T00:00:00Z".to_owned(),
        withdrawn_at: None,
        bundle: None,
    }
}

fn outcome(sources: Vec<SourceInfo>, canaries: Canaries) -> CheckOutcome {
    let facts = SnapshotFacts {
        info: IndexInfo {
            snapshot: 2,
            digest: "11".repeat(32),
            sources: 1,
            records: 1,
            recipe: "r".to_owned(),
            guarantee_bytes: 80,
        },
        sealed_at: "2026-11-22T00:00:00Z".to_owned(),
        log_size: Some(2),
        sources,
    };
    let catalog = Catalog::builtin().unwrap();
    let duties = DutyBook {
        file: None,
        stored: Vec::new(),
        owner: None,
        recording: DutyRecording::NoFile,
        let_through: Level::Flag,
    };
    let target = crate::policy::target_file::from_model_id("mistralai/Mistral-7B-v0.3");
    let judged = Judged {
        catalog: &catalog,
        policy: &Policy::default(),
        position: &Position::default(),
        target: &target,
        approvals: &Approvals::default(),
        duties: &duties,
        as_of: "2026-11-22",
    };
    let recipe = Recipe::default();
    let context = CheckContext {
        snapshot: &facts,
        recipe: &recipe,
        judged: &judged,
        ancestry: &Ancestry::default(),
        folder: None,
    };
    let options = CheckOptions {
        read: ReadOptions::default(),
        split: None,
    };
    let mut scanner = Played {
        facts: facts.clone(),
        canaries,
        text_units: 3,
    };
    let inputs = [Ok(InputPath::file("a.jsonl"))];
    let run = check(&context, &mut scanner, &inputs, &options, &|_| {}).unwrap();
    run.outcome
}

fn with(planted: u64, found: u64) -> CheckOutcome {
    let sources = vec![source(SourceInfo::CANARY), source("answers")];
    outcome(sources, Canaries { planted, found })
}

fn codes_of(outcome: &CheckOutcome) -> Vec<&'static str> {
    let findings = outcome.findings.iter();
    findings.map(|finding| finding.decision.code.0).collect()
}

#[test]
fn a_pass_needs_every_canary_and_one_at_least() {
    for (planted, found, verdict) in [
        (1, 1, Verdict::Pass),
        (7, 7, Verdict::Pass),
        (0, 0, Verdict::Undecided),
        (1, 0, Verdict::Undecided),
        (7, 6, Verdict::Undecided),
        (6, 7, Verdict::Undecided),
    ] {
        let outcome = with(planted, found);
        assert_eq!(outcome.verdict, verdict, "{planted} {found}");
        let lost = codes_of(&outcome).contains(&codes::CANARY_LOST.0);
        assert_eq!(lost, verdict == Verdict::Undecided, "{planted} {found}");
        let canaries = outcome.inputs.first().unwrap().canaries;
        assert_eq!((canaries.planted, canaries.found), (planted, found));
    }
}

#[test]
fn an_index_without_a_canary_answers_nothing_and_says_how_it_gets_one() {
    let canaries = Canaries {
        planted: 1,
        found: 1,
    };
    let outcome = outcome(vec![source("answers")], canaries);
    assert_eq!(outcome.verdict, Verdict::Undecided);
    assert_eq!(codes_of(&outcome), [codes::INDEX_UNAVAILABLE.0]);
    let reason = &outcome.findings.first().unwrap().decision.reason;
    assert!(reason.contains("herdbook snapshot seal"), "{reason}");
}
