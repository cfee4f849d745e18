use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::model::lineage::Direction;
use crate::model::lineage::Meaning;
use crate::model::lineage::Node;
use crate::model::lineage::NodeFacts;
use crate::model::lineage::NodeRef;
use crate::model::lineage::Reached;
use crate::model::lineage::Says;
use crate::model::lineage::Terms;
use crate::model::lineage::Traced;
use crate::model::lineage::Walk;

fn reached(text: &str, depth: u32, facts: NodeFacts) -> Reached {
    Reached {
        node: Node {
            node: NodeRef::parse(text).unwrap(),
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

/// A model back to Llama 2, with a name that wants to be markup, a diamond, and something cut.
fn traced() -> Traced {
    let label = |label: &str| NodeFacts {
        label: Some(label.to_owned()),
        ..NodeFacts::default()
    };
    let held = EdgeFacts {
        records: Some(3),
        of: Some(2_000),
        level: Some("block".to_owned()),
        ..EdgeFacts::default()
    };
    let mut mix = reached(
        "dataset:a\"b|<i>#;`\u{202e}@v1",
        2,
        NodeFacts {
            records: Some(2_000),
            owner: Some("data-team".to_owned()),
            ..NodeFacts::default()
        },
    );
    mix.cut = 4;
    let nodes = vec![
        reached("model:acme/x", 0, label("acme/X")),
        reached("run:r", 1, NodeFacts::default()),
        mix,
        reached("source:s", 3, NodeFacts::default()),
        reached("model:llama-2", 4, label("Llama-2")),
    ];
    let none = EdgeFacts::default();
    let edges = vec![
        hop(1, 0, EdgeKind::Produced, Origin::Declared, none.clone()),
        hop(2, 1, EdgeKind::Input, Origin::Declared, none.clone()),
        hop(3, 1, EdgeKind::Input, Origin::Imported, none.clone()),
        hop(3, 2, EdgeKind::Contained, Origin::Found, held),
        hop(4, 3, EdgeKind::Generated, Origin::Registered, none),
    ];
    let meaning = Meaning {
        means: "Llama 2".to_owned(),
        licenses: vec![Terms {
            id: "llama-2".to_owned(),
            title: "Llama 2 Community License Agreement".to_owned(),
            link: "https://example.org/llama-2".to_owned(),
            says: vec![Says {
                section: "1.b.v".to_owned(),
                says: "outputs must not improve other models".to_owned(),
            }],
        }],
        known: true,
    };
    Traced {
        walk: Walk {
            direction: Direction::Upstream,
            depth_max: Some(4),
            nodes,
            edges,
        },
        meanings: BTreeMap::from([(4, meaning)]),
        entries: 17,
        warnings: vec!["source:s was found".to_owned()],
    }
}

#[test]
fn a_walk_is_told_as_a_tree_each_node_once() {
    insta::assert_snapshot!("tree", tree(&traced()));
    assert_eq!(tree(&traced()).matches("source s").count(), 2);
    assert_eq!(tree(&traced()).matches("told above").count(), 1);
}

#[test]
fn a_walk_is_drawn_and_no_name_is_syntax() {
    let (mermaid, dot) = (mermaid(&traced()), dot(&traced()));
    insta::assert_snapshot!("mermaid", mermaid);
    insta::assert_snapshot!("dot", dot);
    for line in mermaid.lines().skip(1) {
        assert_eq!(line.matches('"').count(), 2, "{line}");
        assert!(!line.contains('<'), "{line}");
    }
    assert!(!mermaid.contains('\u{202e}') && !dot.contains('\u{202e}'));
}

#[test]
fn json_has_every_key() {
    let traced = traced();
    let json = serde_json::to_value(LineageJson::from(&traced)).unwrap();
    insta::assert_snapshot!("json", serde_json::to_string_pretty(&json).unwrap());
    assert_eq!(json["cut"], 4);
    assert_eq!(
        json["nodes"][4]["licenses"][0]["clauses"]["1.b.v"],
        "outputs must not improve other models"
    );
    assert_eq!(json["nodes"][0]["means"], serde_json::Value::Null);
}

/// A walk of so many nodes, with names that look like the document.
fn long(nodes: usize) -> Traced {
    let mut traced = traced();
    let (node, hop) = (traced.walk.nodes[1].clone(), traced.walk.edges[0].clone());
    for at in traced.walk.nodes.len()..nodes {
        let mut more = node.clone();
        more.node.node.name = format!("{at} \"nodes\": [] \n \"edges\": []");
        traced.walk.nodes.push(more);
        let mut more = hop.clone();
        (more.from, more.to) = (at - 1, at);
        traced.walk.edges.push(more);
    }
    traced.warnings = vec!["\"edges\": []".to_owned(); 2];
    traced
}

#[test]
fn json_that_is_written_in_pieces_is_that_of_the_whole() {
    #[derive(serde::Serialize)]
    struct Whole<'a> {
        matches: Option<&'a [&'a str]>,
        walks: Vec<LineageJson<'a>>,
    }
    let mut empty = traced();
    (empty.walk.nodes, empty.walk.edges) = (Vec::new(), Vec::new());
    for walks in [
        vec![],
        vec![traced()],
        vec![empty.clone(), long(513), empty, traced()],
        // More than are held at once.
        vec![long(9_000)],
    ] {
        for matches in [None, Some(&[][..]), Some(&["\"nodes\": []", "b"][..])] {
            let whole = Whole {
                matches,
                walks: walks.iter().map(LineageJson::from).collect(),
            };
            let mut out = Vec::new();
            write(&mut out, matches, &walks).unwrap();
            let out = String::from_utf8(out).unwrap();
            let whole = serde_json::to_string_pretty(&whole).unwrap() + "\n";
            assert!(out == whole, "{} walks", walks.len());
        }
    }
}

#[test]
fn a_writer_that_refuses_ends_the_document_with_its_error() {
    struct Full(usize);
    impl std::io::Write for Full {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self
                .0
                .checked_sub(bytes.len())
                .ok_or(std::io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let walks = [long(20_000)];
    for room in [0, 1_000, 1_000_000, 3_000_000] {
        let error = write(&mut Full(room), None::<&[u8]>, &walks).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull, "{room}");
    }
}

#[test]
fn a_share_is_never_rounded_to_nothing() {
    assert_eq!(percent(0, 10), "0.0 %");
    assert_eq!(percent(1, 100_000), "< 0.1 %");
    assert_eq!(percent(1, 8), "12.5 %");
}
