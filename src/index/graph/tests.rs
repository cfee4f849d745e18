//! The stored graph against plain maps, over many openings, and against damage.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn node(name: &str) -> NodeRef {
    NodeRef::new(NodeKind::Run, name)
}

fn note(text: &str) -> NodeFacts {
    NodeFacts {
        note: Some(text.to_owned()),
        ..NodeFacts::default()
    }
}

fn records(count: u64) -> EdgeFacts {
    EdgeFacts {
        records: Some(count),
        ..EdgeFacts::default()
    }
}

#[test]
fn what_was_stated_is_found_from_both_ends_after_closing() {
    let temp = tempfile::tempdir().unwrap();
    let mut store = GraphStore::create(temp.path());
    let a = store.put_node(&node("a"), &note("first")).unwrap();
    let b = store.put_node(&node("b"), &NodeFacts::default()).unwrap();
    assert_eq!(
        store.put_node(&node("a"), &NodeFacts::default()).unwrap(),
        a
    );
    for _ in 0..2 {
        store
            .put_edge(a, EdgeKind::Input, Origin::Declared, b, &records(3))
            .unwrap();
    }
    store
        .put_edge(a, EdgeKind::Input, Origin::Found, b, &records(3))
        .unwrap();
    assert_eq!(store.state().edges, 2, "the same edge counts once");
    store
        .remove_edge(a, EdgeKind::Input, Origin::Found, b)
        .unwrap();
    let files = store.finish(7, "root").unwrap();

    let store = GraphStore::open(temp.path(), &files).unwrap();
    let state = store.state();
    assert_eq!((state.nodes, state.edges, state.entries), (2, 1, 7));
    assert_eq!(state.root, "root");
    assert_eq!(store.find(&node("a")).unwrap(), Some(a));
    assert_eq!(store.find(&node("c")).unwrap(), None);
    assert_eq!(store.node(a).unwrap().facts.note.as_deref(), Some("first"));
    let seen = |id, direction| store.edges(id, direction, None).unwrap();
    let row = |other| EdgeRow {
        other,
        kind: EdgeKind::Input,
        origin: Origin::Declared,
        facts: Arc::new(records(3)),
    };
    assert_eq!(seen(a, Direction::Downstream), [row(b)]);
    assert_eq!(seen(b, Direction::Upstream), [row(a)]);
    assert!(seen(a, Direction::Upstream).is_empty());
    let named = store.named("run:", 9).unwrap();
    assert_eq!(named, [(node("a"), a), (node("b"), b)]);
    assert_eq!(store.named("run:", 1).unwrap().len(), 1);
    let error = store.node(NodeId(9)).unwrap_err().to_string();
    assert!(error.contains("node 9 is named and not there"), "{error}");
}

#[derive(Debug, Clone)]
enum Step {
    Node(usize, Option<String>),
    Edge(usize, usize, usize, u64),
    Gone(usize, usize, usize),
    /// Closed and opened again.
    Reopen,
}

const KINDS: [(EdgeKind, Origin); 4] = [
    (EdgeKind::Input, Origin::Found),
    (EdgeKind::Input, Origin::Declared),
    (EdgeKind::Generated, Origin::Registered),
    (EdgeKind::Affects, Origin::Declared),
];

fn names() -> Vec<NodeRef> {
    let kinds = [NodeKind::Run, NodeKind::Model, NodeKind::Source];
    let names = ["a", "a b", "ab", "b", "ä"];
    let mut out: Vec<NodeRef> = kinds
        .into_iter()
        .flat_map(|kind| names.map(|name| NodeRef::new(kind, name)))
        .collect();
    out.push(NodeRef::dataset("a", "1"));
    out.push(NodeRef::dataset("a", ""));
    out.push(NodeRef::dataset("a@1", "2"));
    out
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let at = 0..names().len();
    let kind = 0..KINDS.len();
    proptest::collection::vec(
        prop_oneof![
            3 => (at.clone(), proptest::option::of("[a-z]{0,3}")).prop_map(|(a, note)| Step::Node(a, note)),
            6 => (at.clone(), kind.clone(), at.clone(), 0..3_u64).prop_map(|(a, k, b, n)| Step::Edge(a, k, b, n)),
            2 => (at.clone(), kind, at).prop_map(|(a, k, b)| Step::Gone(a, k, b)),
            1 => Just(Step::Reopen),
        ],
        0..60,
    )
}

/// The same, as one would write it down.
#[derive(Default)]
struct Plain {
    nodes: BTreeMap<String, (NodeRef, Option<String>)>,
    edges: BTreeMap<(String, EdgeKind, Origin, String), u64>,
}

fn agree(store: &GraphStore, plain: &Plain) {
    assert_eq!(store.state().nodes, plain.nodes.len() as u64);
    assert_eq!(store.state().edges, plain.edges.len() as u64);
    for asked in names() {
        let text = asked.to_string();
        let found = store.find(&asked).unwrap();
        assert_eq!(found.is_some(), plain.nodes.contains_key(&text), "{text}");
        let Some(id) = found else { continue };
        let known = store.node(id).unwrap();
        let (node, said) = &plain.nodes[&text];
        assert_eq!((&known.node, &known.facts.note), (node, said));
        assert_eq!(store.kind(id).unwrap(), node.kind);
        for direction in [Direction::Upstream, Direction::Downstream] {
            for wanted in [None, Some(EdgeKind::Input)] {
                let rows = store.edges(id, direction, wanted).unwrap();
                let order: Vec<_> = rows.iter().map(|r| (r.kind, r.origin, r.other)).collect();
                assert!(order.is_sorted(), "{order:?}");
                let seen: BTreeSet<_> = rows
                    .iter()
                    .map(|row| {
                        let other = store.node(row.other).unwrap().node.to_string();
                        (row.kind, row.origin, other, row.facts.records.unwrap_or(0))
                    })
                    .collect();
                assert_eq!(seen.len(), rows.len());
                let said: BTreeSet<_> = plain
                    .edges
                    .iter()
                    .filter_map(|((from, kind, origin, to), records)| {
                        let (near, far) = match direction {
                            Direction::Downstream => (from, to),
                            Direction::Upstream => (to, from),
                        };
                        let is = *near == text && wanted.is_none_or(|wanted| wanted == *kind);
                        is.then(|| (*kind, *origin, far.clone(), *records))
                    })
                    .collect();
                assert_eq!(seen, said, "{text} {direction:?} {wanted:?}");
            }
        }
    }
    for prefix in ["", "run:", "run:a", "dataset:a@1", "model:", "x"] {
        let said: Vec<&String> = plain
            .nodes
            .keys()
            .filter(|name| name.starts_with(prefix))
            .collect();
        for max in [0, 2, 99] {
            let told = store.named(prefix, max).unwrap();
            let told: Vec<String> = told.iter().map(|(node, _)| node.to_string()).collect();
            assert!(
                told.iter().eq(said.iter().copied().take(max)),
                "{prefix:?} {max} {told:?}"
            );
        }
    }
}

proptest! {
    #[test]
    fn the_store_is_what_was_stated(
        steps in steps(),
        delta_rows in 0..30_usize,
        memory_rows in 1..30_usize,
    ) {
        let temp = tempfile::tempdir().unwrap();
        let limits = Limits { delta_rows, memory_rows };
        let mut store = GraphStore { limits, ..GraphStore::create(temp.path()) };
        let mut plain = Plain::default();
        let names = names();
        for (at, step) in steps.iter().enumerate() {
            match step {
                Step::Node(a, said) => {
                    let facts = NodeFacts { note: said.clone(), ..NodeFacts::default() };
                    store.put_node(&names[*a], &facts).unwrap();
                    let known = plain.nodes.entry(names[*a].to_string());
                    let known = known.or_insert_with(|| (names[*a].clone(), None));
                    known.1 = said.clone().or(known.1.take());
                }
                Step::Edge(a, k, b, n) => {
                    let [from, to] = [*a, *b].map(|place| {
                        plain.nodes.entry(names[place].to_string())
                            .or_insert_with(|| (names[place].clone(), None));
                        store.put_node(&names[place], &NodeFacts::default()).unwrap()
                    });
                    let (kind, origin) = KINDS[*k];
                    store.put_edge(from, kind, origin, to, &records(*n)).unwrap();
                    let key = (names[*a].to_string(), kind, origin, names[*b].to_string());
                    plain.edges.insert(key, *n);
                }
                Step::Gone(a, k, b) => {
                    let ends = [*a, *b].map(|place| store.find(&names[place]).unwrap());
                    let (kind, origin) = KINDS[*k];
                    if let [Some(from), Some(to)] = ends {
                        store.remove_edge(from, kind, origin, to).unwrap();
                    }
                    let key = (names[*a].to_string(), kind, origin, names[*b].to_string());
                    plain.edges.remove(&key);
                }
                Step::Reopen => {
                    let files = store.finish(at as u64, "r").unwrap();
                    files.remove_others(temp.path(), "list").unwrap();
                    store = GraphStore { limits, ..GraphStore::open(temp.path(), &files).unwrap() };
                    store.verify().unwrap();
                }
            }
        }
        agree(&store, &plain);
    }
}

/// A graph in a base and a delta: a thousand nodes, more than one chunk.
fn two_files(folder: &Path) -> GraphFiles {
    let mut store = GraphStore::create(folder);
    let mut before = None;
    for at in 0..1_000 {
        let id = store
            .put_node(
                &node(&format!("{at:04}")),
                &note("long enough for a chunk of its own"),
            )
            .unwrap();
        if let Some(before) = before.replace(id) {
            let kind = EdgeKind::Derived;
            store
                .put_edge(before, kind, Origin::Declared, id, &records(1))
                .unwrap();
        }
    }
    store.merge().unwrap();
    store.put_node(&node("late"), &note("new")).unwrap();
    store.finish(1, "root").unwrap()
}

/// A node with its edges, down and up.
type Told = (Node, Vec<EdgeRow>, Vec<EdgeRow>);

/// Everything that it answers.
fn told(store: &GraphStore) -> Result<Vec<Told>, StoreError> {
    store
        .named("", usize::MAX)?
        .into_iter()
        .map(|(node, id)| {
            assert_eq!(store.find(&node)?, Some(id));
            let down = store.edges(id, Direction::Downstream, None)?;
            let up = store.edges(id, Direction::Upstream, None)?;
            Ok((store.node(id)?, down, up))
        })
        .collect()
}

#[test]
fn changed_and_missing_bytes_are_errors_and_never_an_absence() {
    let temp = tempfile::tempdir().unwrap();
    let files = two_files(temp.path());
    let whole = told(&GraphStore::open(temp.path(), &files).unwrap()).unwrap();
    assert_eq!(whole.len(), 1_001);
    let base = files.base.as_ref().unwrap();
    let chunks = GraphStore::open(temp.path(), &files).unwrap();
    let chunks = chunks.base.unwrap().0;
    assert!(chunks.rows(Section::Out) == 1_000 && chunks.rows(Section::Names) == 1);
    for name in [&base.name, &files.delta.name] {
        let path = temp.path().join(name);
        let bytes = fs::read(&path).unwrap();
        let ask = || {
            let store = GraphStore::open(temp.path(), &files)?;
            let told = told(&store);
            // Every byte belongs to some answer, so both notice the same damage.
            assert_eq!(told.is_err(), store.verify().is_err());
            told
        };
        for place in (0..bytes.len()).step_by(997).chain([bytes.len() - 1]) {
            let mut changed = bytes.clone();
            changed[place] ^= 4;
            fs::write(&path, changed).unwrap();
            let error = ask().unwrap_err();
            assert!(
                matches!(error, StoreError::Corrupt { .. }),
                "{place}: {error}"
            );
        }
        for cut in [0, bytes.len() / 2, bytes.len() - 1] {
            fs::write(&path, &bytes[..cut]).unwrap();
            assert!(ask().is_err(), "{cut}");
        }
        fs::remove_file(&path).unwrap();
        assert!(ask().is_err());
        fs::write(&path, &bytes).unwrap();
        assert_eq!(ask().unwrap(), whole);
    }
}

#[test]
fn what_no_list_names_is_removed() {
    let temp = tempfile::tempdir().unwrap();
    let files = two_files(temp.path());
    fs::create_dir(temp.path().join("db")).unwrap();
    fs::write(temp.path().join("db/CURRENT"), "x").unwrap();
    fs::write(temp.path().join("base-lost"), "x").unwrap();
    fs::write(temp.path().join("list"), "x").unwrap();
    files.remove_others(temp.path(), "list").unwrap();
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 3);
    assert_eq!(
        told(&GraphStore::open(temp.path(), &files).unwrap())
            .unwrap()
            .len(),
        1_001
    );
}
