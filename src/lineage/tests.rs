use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::model::lineage::NodeFacts;
use crate::model::lineage::NodeRef;
use crate::model::lineage::Walk;

/// A graph that is a list of edges.
#[derive(Default)]
struct List {
    nodes: Vec<Node>,
    edges: Vec<(usize, EdgeKind, Origin, usize, EdgeFacts)>,
}

impl List {
    fn add(&mut self, text: &str) -> usize {
        let node = NodeRef::parse(text).unwrap();
        if let Some(at) = self.nodes.iter().position(|known| known.node == node) {
            return at;
        }
        let facts = Arc::new(NodeFacts::default());
        self.nodes.push(Node { node, facts });
        self.nodes.len() - 1
    }

    fn edge(&mut self, from: &str, kind: EdgeKind, to: &str) -> &mut EdgeFacts {
        let (from, to) = (self.add(from), self.add(to));
        let origin = Origin::Declared;
        self.edges
            .push((from, kind, origin, to, EdgeFacts::default()));
        &mut self.edges.last_mut().unwrap().4
    }

    fn walk(&self, start: &str, direction: Direction, depth: Option<u32>) -> Walk {
        let node = NodeRef::parse(start).unwrap();
        let at = self.nodes.iter().position(|known| known.node == node);
        walk(self, at.unwrap(), direction, depth, NODES_MAX).unwrap()
    }
}

impl Graph for List {
    type Key = usize;
    type Error = Infallible;

    fn node(&self, key: usize) -> Result<Node, Infallible> {
        Ok(self.nodes[key].clone())
    }

    fn edges_of(
        &self,
        key: usize,
        direction: Direction,
        wanted: Option<EdgeKind>,
    ) -> Result<Vec<Seen<usize>>, Infallible> {
        Ok(self
            .edges
            .iter()
            .filter_map(|(from, kind, origin, to, facts)| {
                let (near, far) = match direction {
                    Direction::Downstream => (*from, *to),
                    Direction::Upstream => (*to, *from),
                };
                let wanted = wanted.is_none_or(|wanted| wanted == *kind);
                (near == key && wanted).then(|| Seen {
                    other: far,
                    kind: *kind,
                    origin: *origin,
                    facts: Arc::new(facts.clone()),
                })
            })
            .collect())
    }
}

fn names(walk: &Walk) -> Vec<(u32, String)> {
    walk.nodes
        .iter()
        .map(|reached| (reached.depth, reached.node.node.to_string()))
        .collect()
}

fn hops(walk: &Walk) -> Vec<String> {
    let name = |place: usize| walk.nodes[place].node.node.to_string();
    let hop = |hop: &crate::model::lineage::Hop| {
        let records = hop
            .facts
            .records
            .map_or_else(String::new, |n| format!(" {n}"));
        format!(
            "{} {}{records} {}",
            name(hop.from),
            hop.kind.as_str(),
            name(hop.to)
        )
    };
    walk.edges.iter().map(hop).collect()
}

/// Llama 2 text in two files of a mix; the mix trains X; X's text trains Y; Y runs.
fn story() -> List {
    let mut graph = List::default();
    graph.edge("model:llama-2", EdgeKind::Generated, "source:s");
    graph
        .edge("source:s", EdgeKind::Contained, "file:f1")
        .records = Some(3);
    graph
        .edge("source:s", EdgeKind::Contained, "file:f2")
        .records = Some(4);
    for file in ["file:f1", "file:f2", "file:f3"] {
        graph.edge(file, EdgeKind::Part, "dataset:mix@v1");
    }
    graph.edge("dataset:mix@v1", EdgeKind::Input, "run:x");
    graph.edge("model:mistral", EdgeKind::Base, "run:x");
    graph.edge("run:x", EdgeKind::Produced, "model:x");
    graph.edge("model:x", EdgeKind::Generated, "source:x-text");
    graph.edge("source:x-text", EdgeKind::Contained, "file:f4");
    graph.edge("file:f4", EdgeKind::Input, "run:y");
    graph.edge("run:y", EdgeKind::Produced, "model:y");
    graph.edge("model:y", EdgeKind::Deployed, "deployment:y#prod");
    graph.edge("check:5", EdgeKind::Checked, "file:f1");
    graph
}

#[test]
fn files_between_source_and_data_set_are_one_hop_and_add_up() {
    let down = story().walk("source:s", Direction::Downstream, None);
    assert_eq!(
        names(&down),
        [
            (0, "source:s"),
            (1, "dataset:mix@v1"),
            (2, "run:x"),
            (3, "model:x"),
            (4, "source:x-text"),
            (5, "file:f4"),
            (6, "run:y"),
            (7, "model:y"),
            (8, "deployment:y#prod"),
        ]
        .map(|(depth, name)| (depth, name.to_owned()))
    );
    assert_eq!(hops(&down)[0], "source:s contained 7 dataset:mix@v1");
    assert_eq!(down.cut(), 0);
    let up = story().walk("dataset:mix@v1", Direction::Upstream, None);
    assert_eq!(
        hops(&up),
        [
            "source:s contained 7 dataset:mix@v1",
            "model:llama-2 generated source:s"
        ]
    );
}

#[test]
fn where_a_walk_stops_it_says_how_much_is_left() {
    let down = story().walk("source:s", Direction::Downstream, Some(2));
    assert_eq!(down.nodes.last().unwrap().node.node.name, "x");
    assert_eq!((down.depth(), down.cut()), (2, 1));
    let graph = story();
    let start = graph.nodes.iter().position(|n| n.node.name == "s").unwrap();
    let few = walk(&graph, start, Direction::Downstream, None, 3).unwrap();
    assert_eq!((few.nodes.len(), few.cut()), (3, 1));
}

#[test]
fn a_run_on_a_file_is_a_run_on_its_data_set() {
    let mut graph = story();
    graph.edge("file:f3", EdgeKind::Input, "run:z");
    let down = graph.walk("dataset:mix@v1", Direction::Downstream, Some(1));
    assert_eq!(hops(&down).len(), 2);
    assert!(hops(&down)[1].ends_with("input run:z"));
}

#[test]
fn a_model_is_told_by_whose_weights_and_by_whose_text_it_came_to_be() {
    let graph = story();
    let at = |text: &str| {
        let node = NodeRef::parse(text).unwrap();
        graph.nodes.iter().position(|n| n.node == node).unwrap()
    };
    let found = chain(&graph, at("model:y")).unwrap().behind;
    let told: Vec<_> = found
        .iter()
        .map(|b| (b.model.as_str(), b.weights, b.recorded))
        .collect();
    assert_eq!(
        told,
        [
            ("x", false, true),
            ("mistral", false, false),
            ("llama-2", false, false)
        ]
    );
    let llama = &found[2].way;
    assert_eq!(llama.first().unwrap(), "model:y");
    assert_eq!(llama.last().unwrap(), "model:llama-2");
    let x = chain(&graph, at("model:x")).unwrap().behind;
    assert_eq!((x[0].model.as_str(), x[0].weights), ("mistral", true));
    assert_eq!(x[0].way, ["model:x", "run:x", "model:mistral"]);
}

#[test]
fn a_model_that_stands_behind_itself_is_visited_once() {
    let mut graph = List::default();
    graph.edge("model:a", EdgeKind::Base, "model:b");
    graph.edge("model:b", EdgeKind::Base, "model:a");
    let start = 0;
    let found = chain(&graph, start).unwrap().behind;
    assert_eq!(found.len(), 1);
    let round = graph.walk("model:a", Direction::Downstream, None);
    assert_eq!(round.nodes.len(), 2);
    assert_eq!(round.edges.len(), 2, "both edges are shown");
}

proptest! {
    /// Against the definition: what a chain of edges leads to, at the length of the shortest.
    #[test]
    fn a_walk_reaches_what_edges_lead_to(
        edges in proptest::collection::vec((0..12_usize, 0..12_usize), 0..40),
        depth in proptest::option::of(0..6_u32),
    ) {
        let mut graph = List::default();
        for node in 0..12 {
            graph.add(&format!("model:{node:02}"));
        }
        for (from, to) in &edges {
            let facts = EdgeFacts::default();
            graph.edges.push((*from, EdgeKind::Base, Origin::Declared, *to, facts));
        }
        let mut distance: BTreeMap<usize, u32> = BTreeMap::from([(0, 0)]);
        for _ in 0..12 {
            for (from, to) in &edges {
                if let Some(known) = distance.get(from).copied() {
                    let best = distance.entry(*to).or_insert(known + 1);
                    *best = (*best).min(known + 1);
                }
            }
        }
        let found = walk(&graph, 0, Direction::Downstream, depth, NODES_MAX).unwrap();
        let expected: BTreeMap<String, u32> = distance
            .iter()
            .filter(|(_, at)| depth.is_none_or(|max| **at <= max))
            .map(|(node, at)| (format!("{node:02}"), *at))
            .collect();
        let reached: BTreeMap<String, u32> = found
            .nodes
            .iter()
            .map(|reached| (reached.node.node.name.clone(), reached.depth))
            .collect();
        prop_assert_eq!(&reached, &expected);
        prop_assert_eq!(found.cut() > 0, expected.len() < distance.len());
        for hop in &found.edges {
            let name = |at: usize| found.nodes[at].node.node.name.parse::<usize>().unwrap();
            prop_assert!(edges.contains(&(name(hop.from), name(hop.to))));
        }
    }
}
