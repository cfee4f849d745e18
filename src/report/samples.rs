//! Outcomes that the report tests share. Made up by hand; no text of any data set.

use std::sync::Arc;

use crate::model::target::{Availability, Purpose, Stage, Target, TargetKind};
use crate::model::{
    Canaries, CheckOutcome, Code, ColumnUse, Decision, DutyOrigin, DutyOwner, DutyRecording,
    Evidence, Finding, FindingClaim, IndexInfo, InputInfo, Integrity, Level, Location, ModelCount,
    Obligation, ObligationState, Ruling, StandingDuty, StoredDuties, StoredDuty, Tally, Tier,
    Verdict,
};

pub(crate) const SHA: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

fn target() -> Target {
    Target {
        name: Some("acme-chat-7b".into()),
        base: vec!["mistralai/Mistral-7B-v0.3".into()],
        kind: TargetKind::Llm,
        availability: Availability::Weights,
        folder: None,
        stage: Stage::Train,
        purpose: Purpose::Commercial,
        inputs: vec![],
        models_used: vec![],
    }
}

fn input(path: &str, tally: Tally) -> InputInfo {
    InputInfo {
        path: path.into(),
        format: Some("parquet".into()),
        sha256: Some(SHA.into()),
        tally,
        rows_read: tally.read,
        rows_declared: Some(tally.read),
        text_units: tally.read * 3,
        bytes: 5_242_880,
        text_bytes: 9_000_000,
        columns: vec![
            ("id".into(), ColumnUse::NotText, tally.read),
            ("license".into(), ColumnUse::Exempt, tally.read),
            (
                "messages[].content".into(),
                ColumnUse::Scanned,
                tally.read * 3,
            ),
        ],
        canaries: Canaries {
            planted: 2,
            found: 2,
        },
        sources: Vec::new(),
    }
}

fn tally(pass: u64, flag: u64, block: u64, undecided: u64) -> Tally {
    Tally {
        read: pass + flag + block + undecided,
        pass,
        flag,
        block,
        undecided,
    }
}

/// A clean set.
pub(crate) fn pass() -> CheckOutcome {
    let tally = tally(4_800, 0, 0, 0);
    CheckOutcome {
        verdict: Verdict::Pass,
        target: target(),
        policy_digest: SHA.into(),
        policy_name: "default".into(),
        index: Some(IndexInfo {
            snapshot: 7,
            digest: SHA.into(),
            sources: 3,
            records: 12_000,
            recipe: "r1-5a3c".into(),
            guarantee_bytes: 50,
        }),
        inputs: vec![input("data/train.parquet", tally)],
        tally,
        findings: vec![],
        findings_total: 0,
        counts: crate::model::FindingCounts::default(),
        models: vec![],
        obligations: vec![],
        stored_duties: StoredDuties {
            file: Some("duties.toml".into()),
            recording: DutyRecording::On,
            duties: vec![],
        },
        limits: vec![
            "Only outputs registered in this snapshot can be found; unregistered, paraphrased or \
             translated output was not assessed."
                .into(),
            "Uses that leave no text (judging, filtering, reward) count only when the target file \
             names them."
                .into(),
        ],
        as_of: "2026-11-21".into(),
    }
}

pub(crate) fn decision(code: &'static str, level: Level, license: &str) -> Decision {
    let prohibited = level == Level::Block;
    Decision {
        code: Code(code),
        ruling: Some(if prohibited {
            Ruling::Prohibited
        } else {
            Ruling::PermittedWithObligations
        }),
        level,
        license: Some(license.into()),
        clause: Some(format!(
            "{license} §1.b.v https://www.llama.com/{license}/license/"
        )),
        obligations: vec![],
        reason: if prohibited {
            format!(
                "License {license} does not allow its outputs to improve another language model; the target starts from mistralai/Mistral-7B-v0.3."
            )
        } else {
            format!(
                "License {license} allows this use and asks the target's name to begin with \"Llama\"."
            )
        },
        how_to_fix: if prohibited {
            "Leave these rows out, or train a model of the same family.".into()
        } else {
            "Name the model accordingly before release.".into()
        },
        readings: vec!["derivative-outputs-covered"],
        question: None,
    }
}

fn evidence(tier: Tier, share_of_row: f64, share_of_output: f64) -> Evidence {
    Evidence {
        tier,
        share_of_row,
        share_of_output,
        longest_run_bytes: 812,
        strength: share_of_output,
        integrity: Integrity::default(),
    }
}

fn claim(model: &str, source: &str, row: u64, decision: Decision) -> FindingClaim {
    FindingClaim {
        source: source.into(),
        source_record: format!("runs.jsonl#{row}:completions[].response"),
        model: Some(model.into()),
        lineage: Vec::new(),
        decision,
        approval: None,
    }
}

pub(crate) fn matched(row: u64, tier: Tier, claims: Vec<FindingClaim>) -> Finding {
    let decision = claims[0].decision.clone();
    Finding {
        level: decision.level,
        location: Location {
            path: "data/train.parquet".into(),
            row: Some(row),
            column: Some("messages[].content".into()),
        },
        ordinal: 1,
        evidence: Some(match tier {
            Tier::Exact => evidence(tier, 1.0, 1.0),
            Tier::Contained => evidence(tier, 0.312_345_6, 0.87),
            Tier::Near => evidence(tier, 0.64, 0.999_96),
        }),
        approval: claims[0].approval.clone(),
        claims,
        decision,
    }
}

/// Llama 3.1 outputs: permitted with a naming duty.
pub(crate) fn flag() -> CheckOutcome {
    let mut out = pass();
    out.verdict = Verdict::Flag;
    out.tally = tally(4_798, 2, 0, 0);
    out.inputs = vec![input("data/train.parquet", out.tally)];
    let duty = Obligation {
        id: "name-prefix-llama".into(),
        text: "Begin the name of the model with \"Llama\".".into(),
        clause: "llama-3.1 §1.b.i".into(),
        license: "llama-3.1".into(),
        state: ObligationState::NotYetCheckable,
    };
    let mut decided = decision("llama-output-with-duties", Level::Flag, "llama-3.1");
    decided.obligations = vec![duty.clone()];
    let model = "meta-llama/Llama-3.1-70B-Instruct";
    out.findings = vec![
        matched(
            17,
            Tier::Exact,
            vec![claim(model, "ultra", 3, decided.clone())],
        ),
        matched(90, Tier::Near, vec![claim(model, "ultra", 8, decided)]),
    ];
    out.findings_total = 2;
    out.models = vec![ModelCount {
        model: model.into(),
        license: Some("llama-3.1".into()),
        records: 2,
    }];
    out.stored_duties.duties = vec![StandingDuty {
        stored: StoredDuty {
            id: duty.id.clone(),
            license: duty.license.clone(),
            text: duty.text.clone(),
            clause: duty.clause.clone(),
            enforced: true,
            owner: DutyOwner {
                target: Some("acme-chat".into()),
                file: "target.toml".into(),
                folder: None,
            },
            origin: DutyOrigin {
                as_of: "2026-11-20".into(),
                snapshot: 6,
                snapshot_digest: SHA.into(),
                policy_digest: SHA.into(),
                inputs: vec![("data/earlier.parquet".into(), Some(SHA.into()))],
                inputs_total: 3,
                models: vec![model.into()],
                sources: vec!["ultra".into()],
            },
        },
        state: duty.state,
    }];
    out.obligations = vec![duty];
    out
}

/// One text claimed under Llama 2 and Llama 3.1: the stricter claim decides, both are listed.
pub(crate) fn block_two_claims() -> CheckOutcome {
    let mut out = flag();
    out.verdict = Verdict::Block;
    out.tally = tally(4_797, 2, 1, 0);
    out.inputs = vec![input("data/train.parquet", out.tally)];
    let strict = decision("llama-output-prohibited", Level::Block, "llama-2");
    let mild = decision("llama-output-with-duties", Level::Flag, "llama-3.1");
    let mut both = matched(
        4,
        Tier::Contained,
        vec![
            claim("meta-llama/Llama-2-70b-chat-hf", "old-runs", 11, strict),
            claim("meta-llama/Llama-3.1-70B-Instruct", "ultra", 5, mild),
        ],
    );
    if let Some(found) = &mut both.evidence {
        found.integrity = Integrity {
            invisible: true,
            bidi: false,
            look_alike: true,
        };
    }
    out.findings.insert(0, both);
    out.findings_total = 3;
    out.models.push(ModelCount {
        model: "meta-llama/Llama-2-70b-chat-hf".into(),
        license: Some("llama-2".into()),
        records: 1,
    });
    out
}

fn trouble(code: &'static str, location: Location, reason: &str, fix: &str) -> Finding {
    Finding {
        level: Level::Undecided,
        location,
        ordinal: 0,
        evidence: None,
        claims: vec![],
        approval: None,
        decision: Decision {
            code: Code(code),
            ruling: None,
            level: Level::Undecided,
            license: None,
            clause: None,
            obligations: vec![],
            reason: reason.into(),
            how_to_fix: fix.into(),
            readings: vec![],
            question: None,
        },
    }
}

/// Two rows that could not be read, and a column of token ids.
pub(crate) fn undecided_rows() -> CheckOutcome {
    let mut out = pass();
    out.verdict = Verdict::Undecided;
    out.tally = tally(998, 0, 0, 2);
    let mut info = input("in\u{1b}[2J/train.jsonl", out.tally);
    info.format = Some("jsonl".into());
    info.sha256 = None;
    info.columns
        .push(("input_ids".into(), ColumnUse::Tokens, 998));
    let path: Arc<str> = info.path.clone();
    out.inputs = vec![info];
    let at = |row| Location {
        path: path.clone(),
        row: Some(row),
        column: None,
    };
    let fix = "Repair or remove the row, then check again.";
    out.findings = vec![
        trouble(
            "row-unreadable",
            at(12),
            "The key \"text\" stands twice in this row.",
            fix,
        ),
        trouble(
            "row-unreadable",
            at(500),
            "The line ends inside a string.",
            fix,
        ),
    ];
    out.findings_total = 2;
    out
}

/// No snapshot could be opened.
pub(crate) fn undecided_index() -> CheckOutcome {
    let mut out = pass();
    out.verdict = Verdict::Undecided;
    out.index = None;
    out.inputs = vec![];
    out.tally = Tally::default();
    out.findings = vec![trouble(
        "index-unavailable",
        Location::file(".herdbook"),
        "The log names snapshot 7, and its folder is missing: an older snapshot must not answer.",
        "Restore .herdbook/snapshots/7 from a backup, or seal anew: herdbook snapshot seal",
    )];
    out.findings_total = 1;
    out
}

/// More findings than are kept, in several groups.
pub(crate) fn many() -> CheckOutcome {
    let mut out = block_two_claims();
    let strict = decision("llama-output-prohibited", Level::Block, "llama-3");
    let model = "meta-llama/Meta-Llama-3-8B-Instruct";
    for row in 100..150 {
        let tier = if row % 2 == 0 {
            Tier::Exact
        } else {
            Tier::Contained
        };
        out.findings.push(matched(
            row,
            tier,
            vec![claim(model, "ultra", row, strict.clone())],
        ));
    }
    out.findings_total = 2_000;
    out.tally = tally(2_800, 2, 1_998, 0);
    out.inputs = vec![input("data/train.parquet", out.tally)];
    out.models.insert(
        0,
        ModelCount {
            model: model.into(),
            license: Some("llama-3".into()),
            records: 1_997,
        },
    );
    out
}

/// Every sample with its name.
pub(crate) fn all() -> Vec<(&'static str, CheckOutcome)> {
    vec![
        ("pass", pass()),
        ("flag", flag()),
        ("block", block_two_claims()),
        ("undecided_rows", undecided_rows()),
        ("undecided_index", undecided_index()),
        ("many", many()),
    ]
}

/// Every text that can come from data tries to break out of the report.
pub(crate) fn hostile() -> CheckOutcome {
    let mut out = block_two_claims();
    let attack = "evil`model<script>alert(1)</script>\u{1b}[2J\u{202e}\"onerror='x'](javascript:1) | *b*\n# h";
    out.target.name = Some(attack.into());
    out.target.base = vec![attack.into()];
    out.policy_name = attack.into();
    for info in &mut out.inputs {
        info.path = attack.into();
        info.columns.push((attack.into(), ColumnUse::Scanned, 1));
    }
    for finding in &mut out.findings {
        finding.location.path = attack.into();
        finding.location.column = Some(attack.into());
        finding.decision.reason = attack.into();
        finding.decision.how_to_fix = attack.into();
        finding.decision.clause = Some(format!("{attack} https://x.test/\"onclick=1"));
        for claim in &mut finding.claims {
            claim.model = Some(attack.into());
            claim.source = attack.into();
            claim.source_record = attack.into();
        }
    }
    for model in &mut out.models {
        model.model = attack.into();
    }
    out.limits.push(attack.into());
    out.stored_duties.file = Some(attack.into());
    for duty in &mut out.stored_duties.duties {
        let stored = &mut duty.stored;
        stored.id = attack.into();
        stored.license = attack.into();
        stored.origin.as_of = attack.into();
        stored.origin.models = vec![attack.into()];
        stored.origin.inputs = vec![(attack.into(), None)];
    }
    for duty in &mut out.obligations {
        duty.text = attack.into();
        duty.clause = attack.into();
    }
    out
}
