//! Nodes and edges of the lineage graph as bytes.
//!
//! | row | bytes |
//! |---|---|
//! | a node | kind 1; name and version, each behind its length; facts |
//! | edges of a node, in order | kind 1, origin 1, number of the other end; facts behind their length |
//!
//! Lengths and numbers of nodes are varints. Facts are JSON; nothing where nothing is known.

use std::cmp::Ordering;
use std::sync::Arc;
use std::sync::LazyLock;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::EdgeRow;
use super::NodeId;
use super::StoreError;
use crate::index::bytes::Cursor;
use crate::index::bytes::Malformed;
use crate::index::bytes::put_varint;
use crate::model::lineage::EdgeFacts;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::Node;
use crate::model::lineage::NodeFacts;
use crate::model::lineage::NodeKind;
use crate::model::lineage::NodeRef;
use crate::model::lineage::Origin;

/// One edge at one of its ends: kind, origin, and the number of the other end, big-endian, so that
/// the order of bytes is that of edges.
pub(super) type Tail = [u8; 10];

const NODE: &str = "a row is not a node";
const EDGE: &str = "a row is not the edges of a node";

/// A node that is not parsed further than it is asked for.
#[derive(Clone, Copy)]
pub(super) struct NodeRow<'a> {
    pub(super) kind: NodeKind,
    name: &'a str,
    version: &'a str,
    facts: &'a [u8],
}

impl<'a> NodeRow<'a> {
    pub(super) fn read(row: &'a [u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(row);
        let kind = NodeKind::of_number(cursor.u8(NODE)?).ok_or(Malformed(NODE))?;
        Ok(Self {
            kind,
            name: text(&mut cursor)?,
            version: text(&mut cursor)?,
            facts: cursor.rest(),
        })
    }

    pub(super) fn node(self) -> NodeRef {
        NodeRef {
            kind: self.kind,
            name: self.name.to_owned(),
            version: self.version.to_owned(),
        }
    }

    pub(super) fn whole(self, at: &str) -> Result<Node, StoreError> {
        Ok(Node {
            node: self.node(),
            facts: known(self.facts, at, &OF_NODE, |entry| NodeFacts {
                entry: Some(entry),
                ..NodeFacts::default()
            })?,
        })
    }

    /// The node as it is written, in parts.
    fn written(&self) -> [&[u8]; 5] {
        let at = if self.version.is_empty() { "" } else { "@" };
        [self.kind.as_str(), ":", self.name, at, self.version].map(str::as_bytes)
    }

    /// How the node as it is written stands to `text`.
    pub(super) fn written_cmp(&self, text: &str) -> Ordering {
        let mut rest = text.as_bytes();
        for part in self.written() {
            let (head, behind) = rest.split_at(part.len().min(rest.len()));
            match part.cmp(head) {
                Ordering::Equal => rest = behind,
                order @ (Ordering::Less | Ordering::Greater) => return order,
            }
        }
        if rest.is_empty() {
            Ordering::Equal
        } else {
            Ordering::Less
        }
    }
}

fn text<'a>(cursor: &mut Cursor<'a>) -> Result<&'a str, Malformed> {
    std::str::from_utf8(counted(cursor, NODE)?).map_err(|_| Malformed(NODE))
}

fn counted<'a>(cursor: &mut Cursor<'a>, what: &'static str) -> Result<&'a [u8], Malformed> {
    let bytes = usize::try_from(cursor.varint(what)?).map_err(|_| Malformed(what))?;
    cursor.take(bytes, what)
}

pub(super) fn node_row(
    node: &NodeRef,
    facts: &NodeFacts,
    at: &str,
) -> Result<Box<[u8]>, StoreError> {
    let mut out = vec![node.kind.number()];
    for text in [&node.name, &node.version] {
        put_varint(&mut out, text.len() as u64);
        out.extend(text.as_bytes());
    }
    out.extend(facts_row(facts, at)?);
    Ok(out.into_boxed_slice())
}

/// Facts as bytes: none where nothing is known.
pub(super) fn facts_row<T: Serialize + Default + PartialEq>(
    facts: &T,
    at: &str,
) -> Result<Box<[u8]>, StoreError> {
    if *facts == T::default() {
        return Ok(Box::default());
    }
    let bytes = serde_json::to_vec(facts)
        .map_err(|error| StoreError::corrupt(format!("a row cannot be written ({error})"), at))?;
    Ok(bytes.into_boxed_slice())
}

/// Nothing that is known of a node, and of an edge: made once.
static OF_NODE: LazyLock<Arc<NodeFacts>> = LazyLock::new(Arc::default);
static OF_EDGE: LazyLock<Arc<EdgeFacts>> = LazyLock::new(Arc::default);

/// Facts that [`facts_row`] wrote.
fn known<T: DeserializeOwned>(
    row: &[u8],
    at: &str,
    nothing: &Arc<T>,
    of_entry: impl Fn(u64) -> T,
) -> Result<Arc<T>, StoreError> {
    if row.is_empty() {
        return Ok(nothing.clone());
    }
    // Of most nodes and edges only the entry is known: read without a parser of everything.
    let entry = row
        .strip_prefix(b"{\"entry\":")
        .and_then(|rest| rest.strip_suffix(b"}"));
    if let Some(entry) = entry.and_then(number) {
        return Ok(Arc::new(of_entry(entry)));
    }
    serde_json::from_slice(row)
        .map(Arc::new)
        .map_err(|error| StoreError::corrupt(format!("facts cannot be read ({error})"), at))
}

/// A number as JSON writes it; `None` for anything else, which is left to the parser.
fn number(digits: &[u8]) -> Option<u64> {
    let all = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    all.then_some(())?;
    digits.iter().try_fold(0_u64, |number, digit| {
        number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    })
}

/// Edges of a row, in order.
pub(super) struct EdgeRows<'a>(Cursor<'a>);

impl<'a> EdgeRows<'a> {
    pub(super) fn new(row: &'a [u8]) -> Self {
        Self(Cursor::new(row))
    }

    fn read(&mut self) -> Result<(Tail, &'a [u8]), Malformed> {
        let kind = self.0.u8(EDGE)?;
        let origin = self.0.u8(EDGE)?;
        let far = NodeId(self.0.varint(EDGE)?);
        Ok((tail(kind, origin, far), counted(&mut self.0, EDGE)?))
    }
}

impl<'a> Iterator for EdgeRows<'a> {
    type Item = Result<(Tail, &'a [u8]), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let read = self.read();
        if read.is_err() {
            // What stands behind a malformed edge cannot be told apart.
            self.0 = Cursor::new(&[]);
        }
        Some(read)
    }
}

pub(super) fn put_edge(out: &mut Vec<u8>, tail: Tail, facts: &[u8]) {
    let [kind, origin, far @ ..] = tail;
    out.extend([kind, origin]);
    put_varint(out, u64::from_be_bytes(far));
    put_varint(out, facts.len() as u64);
    out.extend(facts);
}

pub(super) fn tail(kind: u8, origin: u8, far: NodeId) -> Tail {
    let mut tail = [0; size_of::<Tail>()];
    let bytes = [kind, origin].into_iter().chain(far.0.to_be_bytes());
    for (place, byte) in tail.iter_mut().zip(bytes) {
        *place = byte;
    }
    tail
}

/// The number at the other end.
pub(super) fn far_end(tail: Tail) -> NodeId {
    let [_, _, far @ ..] = tail;
    NodeId(u64::from_be_bytes(far))
}

pub(super) fn edge_facts(facts: &[u8], at: &str) -> Result<Arc<EdgeFacts>, StoreError> {
    known(facts, at, &OF_EDGE, |entry| EdgeFacts {
        entry: Some(entry),
        ..EdgeFacts::default()
    })
}

pub(super) fn edge(tail: Tail, facts: Arc<EdgeFacts>, at: &str) -> Result<EdgeRow, StoreError> {
    let [kind, origin, ..] = tail;
    let bad = || StoreError::corrupt(EDGE, at);
    Ok(EdgeRow {
        other: far_end(tail),
        kind: EdgeKind::of_number(kind).ok_or_else(bad)?,
        origin: Origin::of_number(origin).ok_or_else(bad)?,
        facts,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nodes() -> impl Strategy<Value = NodeRef> {
        (
            0..11_usize,
            "[a-cé@:]([a-c:@/é ]{0,4}[a-c@])?",
            "[a@v1]{0,3}",
        )
            .prop_map(|(kind, name, version)| {
                let kind = NodeKind::all().nth(kind).unwrap();
                if kind == NodeKind::Dataset {
                    NodeRef::dataset(&name, &version)
                } else {
                    NodeRef::new(kind, &name)
                }
            })
    }

    proptest! {
        #[test]
        fn a_node_is_compared_as_it_is_written(a in nodes(), b in nodes()) {
            let row = node_row(&a, &NodeFacts::default(), "here").unwrap();
            let read = NodeRow::read(&row).unwrap();
            prop_assert_eq!(&read.whole("here").unwrap().node, &a);
            prop_assert_eq!(read.written_cmp(&b.to_string()), a.to_string().cmp(&b.to_string()));
            prop_assert_eq!(read.written_cmp(&a.to_string()), Ordering::Equal);
        }

        #[test]
        fn facts_are_read_as_they_were_written(
            records in proptest::option::of(any::<u64>()),
            entry in proptest::option::of(any::<u64>()),
            note in proptest::option::of(".*"),
        ) {
            let facts = EdgeFacts { records, note, entry, ..EdgeFacts::default() };
            let mut row = Vec::new();
            let wanted = tail(1, 3, NodeId(1 << 40));
            put_edge(&mut row, wanted, &facts_row(&facts, "here").unwrap());
            put_edge(&mut row, tail(2, 0, NodeId(5)), &[]);
            let read: Vec<_> = EdgeRows::new(&row).collect::<Result<_, _>>().unwrap();
            prop_assert_eq!(read.len(), 2);
            let (tail, bytes) = read[0];
            prop_assert_eq!(tail, wanted);
            let edge = edge(tail, edge_facts(bytes, "here").unwrap(), "here").unwrap();
            prop_assert_eq!(edge.other, NodeId(1 << 40));
            prop_assert_eq!((edge.kind, edge.origin), (EdgeKind::Contained, Origin::Found));
            prop_assert_eq!(edge.facts.as_ref(), &facts);
        }

        #[test]
        fn no_bytes_at_all_make_a_reader_panic(row in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut edges = 0;
            for read in EdgeRows::new(&row) {
                edges += 1;
                if let Ok((tail, facts)) = read {
                    drop(edge_facts(facts, "here").and_then(|facts| edge(tail, facts, "here")));
                }
            }
            prop_assert!(edges <= row.len());
            if let Ok(read) = NodeRow::read(&row) {
                drop(read.whole("here"));
            }
        }
    }

    #[test]
    fn facts_that_only_look_like_an_entry_are_parsed() {
        for bad in [
            "{\"entry\":}",
            "{\"entry\":99999999999999999999}",
            "{\"entry\":-1}",
            "{\"entry\":1",
        ] {
            let mut row = Vec::new();
            put_edge(&mut row, tail(0, 0, NodeId(1)), bad.as_bytes());
            let (_, facts) = EdgeRows::new(&row).next().unwrap().unwrap();
            let error = edge_facts(facts, "here").unwrap_err().to_string();
            assert!(error.contains("facts cannot be read"), "{bad}: {error}");
        }
    }
}
