//! Made-up reports that the tests share. No text of any data set.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::check::CheckReport;
use super::check::Logged;
use super::check::walk;
use super::period::PeriodApproval;
use super::period::PeriodCheck;
use super::period::PeriodDeployment;
use super::period::PeriodEvent;
use super::period::PeriodReport;
use super::thing::Ancestor;
use super::thing::CheckSeen;
use super::thing::ThingReport;
use crate::model::CheckOutcome;
use crate::model::lineage::Direction;
use crate::model::lineage::EdgeFacts;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::Hop;
use crate::model::lineage::Meaning;
use crate::model::lineage::Node;
use crate::model::lineage::NodeFacts;
use crate::model::lineage::NodeKind;
use crate::model::lineage::NodeRef;
use crate::model::lineage::Origin;
use crate::model::lineage::Reached;
use crate::model::lineage::Says;
use crate::model::lineage::Terms;
use crate::model::lineage::Traced;
use crate::model::lineage::Walk;
use crate::report::samples;
use crate::report::wire::VerdictDocument;

const LLAMA: &str = "meta-llama/Llama-2-70b-chat-hf";

fn llama_2() -> Meaning {
    Meaning {
        means: "Llama 2".into(),
        licenses: vec![Terms {
            id: "llama-2".into(),
            title: "Llama 2 Community License Agreement".into(),
            link: "https://example.test/llama-2".into(),
            says: vec![Says {
                section: "1.b.v".into(),
                says: "outputs must not improve other models; its own family is excluded".into(),
            }],
        }],
        known: true,
    }
}

fn unknown() -> Meaning {
    Meaning {
        means: "a model that the catalog does not know".into(),
        licenses: vec![],
        known: false,
    }
}

/// The report on a check with this outcome.
pub(crate) fn check(outcome: &CheckOutcome) -> CheckReport {
    let mut document = VerdictDocument::from(outcome);
    for input in &mut document.inputs {
        input.sources = vec![crate::report::wire::InputSource {
            source: "ultra".into(),
            rows: 2,
            level: crate::report::wire::Level::Block,
        }];
    }
    let walk = walk(&document);
    let meanings = walk
        .nodes
        .iter()
        .enumerate()
        .filter(|(_, reached)| reached.node.node.name.contains("llama-2"))
        .map(|(place, _)| (place, llama_2()))
        .collect();
    CheckReport {
        document,
        logged: Some(Logged {
            entry: 17,
            time: "2026-11-20T10:00:00Z".into(),
        }),
        traced: Traced {
            walk,
            meanings,
            entries: 18,
            warnings: vec![],
        },
    }
}

/// The report on a check that blocked.
pub(crate) fn blocked() -> CheckReport {
    check(&samples::block_two_claims())
}

fn reached(kind: NodeKind, name: &str, depth: u32, facts: NodeFacts) -> Reached {
    let node = match name.split_once('@') {
        Some((name, version)) if kind == NodeKind::Dataset => NodeRef::dataset(name, version),
        _ => NodeRef::new(kind, name),
    };
    let facts = NodeFacts {
        label: (kind == NodeKind::Model && name != node.name).then(|| name.to_owned()),
        ..facts
    };
    Reached {
        node: Node {
            node,
            facts: Arc::new(facts),
        },
        depth,
        cut: 0,
    }
}

fn hop(from: usize, to: usize, kind: EdgeKind, origin: Origin, facts: EdgeFacts) -> Hop {
    Hop {
        from,
        to,
        kind,
        origin,
        facts: Arc::new(facts),
    }
}

fn rows(records: u64, of: u64, level: &str) -> EdgeFacts {
    EdgeFacts {
        records: Some(records),
        of: Some(of),
        level: Some(level.into()),
        entry: Some(9),
        ..EdgeFacts::default()
    }
}

/// What stands behind the model Y: its run, a mix that holds output of X, X's run, a mix that holds
/// output of Llama 2.
pub(crate) fn upstream() -> Traced {
    use EdgeKind::{Base, Contained, Derived, Generated, Input, Produced};
    use Origin::{Declared, Found, Imported, Registered};
    let facts = NodeFacts::default;
    let counted = |records| NodeFacts {
        records: Some(records),
        ..NodeFacts::default()
    };
    let says = EdgeFacts::default;
    let derived = EdgeFacts {
        how: Some("filter".into()),
        entry: Some(4),
        ..EdgeFacts::default()
    };
    let nodes = vec![
        reached(NodeKind::Model, "acme-y", 0, facts()),
        reached(NodeKind::Run, "2026-11-sft-y", 1, facts()),
        reached(NodeKind::Dataset, "acme/mix-y@v1", 2, counted(4_000)),
        reached(NodeKind::Model, "mistralai/Mistral-7B-v0.3", 2, facts()),
        reached(NodeKind::Source, "acme-x-answers", 3, counted(900)),
        reached(NodeKind::Dataset, "acme/tickets@v2", 3, counted(5_100)),
        reached(NodeKind::Model, "acme-x", 4, facts()),
        reached(NodeKind::Run, "2026-10-sft-x", 5, facts()),
        reached(NodeKind::Dataset, "acme/mix@v3", 6, counted(12_000)),
        reached(NodeKind::Source, "support-bot-2026-10", 7, counted(2_000)),
        reached(NodeKind::Model, LLAMA, 8, facts()),
    ];
    let edges = vec![
        hop(1, 0, Produced, Declared, says()),
        hop(2, 1, Input, Declared, says()),
        hop(3, 1, Base, Imported, says()),
        hop(3, 7, Base, Declared, says()),
        hop(4, 2, Contained, Found, rows(750, 4_000, "flag")),
        hop(4, 2, Contained, Declared, says()),
        hop(5, 2, Derived, Declared, derived),
        hop(6, 4, Generated, Registered, says()),
        hop(7, 6, Produced, Declared, says()),
        hop(8, 7, Input, Declared, says()),
        hop(9, 8, Contained, Found, rows(2_000, 12_000, "block")),
        hop(10, 9, Generated, Registered, says()),
    ];
    Traced {
        walk: Walk {
            direction: Direction::Upstream,
            depth_max: None,
            nodes,
            edges,
        },
        meanings: BTreeMap::from([
            (0, unknown()),
            (
                3,
                Meaning {
                    means: "Mistral 7B".into(),
                    licenses: vec![],
                    known: true,
                },
            ),
            (6, unknown()),
            (10, llama_2()),
        ]),
        entries: 31,
        warnings: vec![
            "source:support-bot-2026-10 was found in dataset:acme/mix@v3 and is declared nowhere"
                .into(),
        ],
    }
}

/// What the model Y went into.
pub(crate) fn downstream() -> Traced {
    let deployed = NodeFacts {
        label: Some("acme-y in prod-eu".into()),
        state: Some("running".into()),
        owner: Some("jdoe".into()),
        ..NodeFacts::default()
    };
    let mut place = reached(NodeKind::Deployment, "acme-y#prod-eu", 1, deployed.clone());
    place.node.facts = Arc::new(deployed);
    Traced {
        walk: Walk {
            direction: Direction::Downstream,
            depth_max: None,
            nodes: vec![
                reached(NodeKind::Model, "acme-y", 0, NodeFacts::default()),
                place,
            ],
            edges: vec![hop(
                0,
                1,
                EdgeKind::Deployed,
                Origin::Declared,
                EdgeFacts::default(),
            )],
        },
        meanings: BTreeMap::from([(0, unknown())]),
        entries: 31,
        warnings: vec![],
    }
}

/// The report on the model Y.
pub(crate) fn model() -> ThingReport {
    ThingReport {
        upstream: upstream(),
        downstream: downstream(),
        checks: vec![CheckSeen {
            entry: 17,
            time: "2026-11-20T10:00:00Z".into(),
            verdict: "flag".into(),
            target: Some("acme-y".into()),
            of: "data/mix-y.parquet".into(),
        }],
        ancestors: vec![
            Ancestor {
                model: "acme-x".into(),
                weights: false,
                way: vec!["model:acme-y".into(), "model:acme-x".into()],
                meaning: unknown(),
            },
            Ancestor {
                model: LLAMA.into(),
                weights: false,
                way: vec!["model:acme-y".into(), format!("model:{LLAMA}")],
                meaning: llama_2(),
            },
        ],
    }
}

/// The report on a quarter.
pub(crate) fn period() -> PeriodReport {
    let check = |entry: u64, day: &str, verdict: &str, rows: u64| PeriodCheck {
        entry,
        time: format!("{day}T09:00:00Z"),
        verdict: verdict.into(),
        target: entry.is_multiple_of(2).then(|| "acme-chat-7b".to_owned()),
        inputs: 2,
        tally: BTreeMap::from([("read".to_owned(), rows), (verdict.to_owned(), rows)]),
        models: (entry != 9).then(|| {
            if verdict == "pass" {
                vec![]
            } else {
                vec![(LLAMA.to_owned(), Some("llama-2".to_owned()), rows)]
            }
        }),
    };
    PeriodReport {
        from: jiff::civil::date(2026, 10, 1),
        to: jiff::civil::date(2026, 12, 31),
        as_of: "2026-12-31".into(),
        soon_days: 30,
        entries: 40,
        checks: vec![
            check(3, "2026-10-01", "pass", 100),
            check(6, "2026-10-05", "block", 40),
            check(8, "2026-10-07", "flag", 9),
            check(9, "2026-11-16", "undecided", 5),
            check(12, "2026-12-31", "pass", 70),
        ],
        approvals: vec![
            PeriodApproval {
                id: "SO-0001".into(),
                kind: "sign-off".into(),
                standing: "in force".into(),
                scope: "license llama-3, target acme-topics".into(),
                requester: "jdoe".into(),
                decided_by: Some("msmith".into()),
                expires: "2027-01-15".into(),
                soon: true,
            },
            PeriodApproval {
                id: "WA-0002".into(),
                kind: "waiver".into(),
                standing: "pending".into(),
                scope: "code duty-unmet".into(),
                requester: "jdoe".into(),
                decided_by: None,
                expires: "2027-06-01".into(),
                soon: false,
            },
        ],
        deployments: vec![
            PeriodDeployment {
                model: LLAMA.into(),
                environment: "prod-eu".into(),
                from: "2026-01-15".into(),
                means: "Llama 2".into(),
                licenses: vec!["llama-2".into()],
            },
            PeriodDeployment {
                model: "house-model".into(),
                environment: "lab".into(),
                from: "2026-02-01".into(),
                means: "a model that the catalog does not know".into(),
                licenses: vec![],
            },
        ],
        events: vec![PeriodEvent {
            entry: 1,
            time: "2026-10-01T08:00:00Z".into(),
            kind: "register".into(),
            about: "support-bot-2026-10, 2000 records in all".into(),
        }],
        further: vec![],
    }
}

/// A text that tries to break out of wherever it stands.
pub(crate) const ATTACK: &str =
    "evil`m<script>alert(1)</script>\u{1b}[2J\u{202e}\"onerror='x'](javascript:1) | *b*\n# h ```";

/// The report on a model whose every name is an attack.
pub(crate) fn hostile() -> ThingReport {
    let mut report = model();
    for traced in [&mut report.upstream, &mut report.downstream] {
        for (place, reached) in traced.walk.nodes.iter_mut().enumerate() {
            reached.node.node.name = format!("{ATTACK}{place}");
            let facts = Arc::make_mut(&mut reached.node.facts);
            facts.label = Some(format!("{ATTACK}{place}"));
            facts.state = Some(ATTACK.into());
            facts.owner = Some(ATTACK.into());
            facts.note = Some(ATTACK.into());
            facts.more = BTreeMap::from([(ATTACK.into(), ATTACK.into())]);
        }
        for hop in &mut traced.walk.edges {
            let facts = Arc::make_mut(&mut hop.facts);
            facts.how = Some(ATTACK.into());
            facts.of_outputs = Some(ATTACK.into());
            facts.level = Some(ATTACK.into());
        }
        for meaning in traced.meanings.values_mut() {
            meaning.means = ATTACK.into();
        }
        traced.warnings = vec![ATTACK.into()];
    }
    for check in &mut report.checks {
        check.time = ATTACK.into();
        check.verdict = ATTACK.into();
        check.of = ATTACK.into();
        check.target = Some(ATTACK.into());
    }
    for ancestor in &mut report.ancestors {
        ancestor.model = ATTACK.into();
        ancestor.way = vec![ATTACK.into()];
    }
    report
}
