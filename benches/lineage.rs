//! `trace` and `impact` on large graphs, as whole processes.
//!
//! `cargo bench --locked --bench lineage` states a graph of so many edges in the audit log of an
//! empty index, times the making of the view from nothing, its update after one more statement, and
//! both commands: on a node of an ordinary component, and on a source that went into a thousand data
//! sets. `--help` lists the settings.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::panic,
    reason = "a program that prints a table and stops at the first surprise"
)]

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

use herdbook::audit::Log;
use herdbook::index::IndexDir;
use herdbook::index::Secrets;
use herdbook::model::lineage::EdgeClaim;
use herdbook::model::lineage::EdgeFacts;
use herdbook::model::lineage::EdgeKind;
use herdbook::model::lineage::NodeRef;
use herdbook::model::lineage::Origin;
use herdbook::model::lineage::Statement;

const HELP: &str = "\
cargo bench --locked --bench lineage -- [SETTING=VALUE…]
  edges=100000   edges of the graph
  rounds=9       times that each command is run; the median is printed
  dir=PATH       where the index is made and kept (default: a temporary folder)
";

/// Edges of one component: see [`component`].
const COMPONENT_EDGES: usize = 40;
/// Data sets that the large source went into.
const HUB_DATASETS: usize = 1_000;
/// Edges in one statement: an entry of the log has 64 KB.
const STATEMENT_EDGES: usize = 300;
/// Statements in one append.
const APPEND_STATEMENTS: usize = 256;
const NOW: &str = "2026-11-22T12:00:00Z";

struct Settings {
    edges: usize,
    rounds: usize,
    dir: Option<PathBuf>,
}

fn settings() -> Settings {
    let mut out = Settings {
        edges: 100_000,
        rounds: 9,
        dir: None,
    };
    for word in std::env::args().skip(1) {
        match word.split_once('=') {
            Some(("edges", value)) => out.edges = value.parse().expect("a number"),
            Some(("rounds", value)) => out.rounds = value.parse().expect("a number"),
            Some(("dir", value)) => out.dir = Some(value.into()),
            // Cargo's own.
            None if word == "--bench" => {}
            _ => panic!("no such setting: {word}\n{HELP}"),
        }
    }
    out
}

fn edge(from: &str, edge: EdgeKind, to: &str) -> EdgeClaim {
    let node = |text: &str| NodeRef::parse(text).expect("a node");
    EdgeClaim {
        from: node(from),
        edge,
        to: node(to),
        facts: EdgeFacts::default(),
    }
}

/// A project: a generator, its text, ten data sets one from the other and from what two of them were
/// filtered of, runs on them, models, what these generated, and where they run. Forty edges.
fn component(number: usize, hub: bool) -> Vec<EdgeClaim> {
    let name = |what: &str, at: usize| format!("{what}-{number:06}-{at}");
    let source = format!("source:{}", name("s", 0));
    let dataset = |at: usize| format!("dataset:team/{}@v1", name("d", at));
    let mut out = vec![
        edge(
            "model:meta-llama/llama-2-13b-chat-hf",
            EdgeKind::Generated,
            &source,
        ),
        edge(&source, EdgeKind::Contained, &dataset(0)),
    ];
    if hub {
        out.push(edge("source:hub", EdgeKind::Contained, &dataset(0)));
    }
    for at in 1..10 {
        out.push(edge(&dataset(at - 1), EdgeKind::Derived, &dataset(at)));
        if at > 1 {
            out.push(edge(&dataset(at - 2), EdgeKind::Derived, &dataset(at)));
        }
    }
    for at in 0..5 {
        let run = format!("run:{}", name("r", at));
        let model = format!("model:team/{}", name("m", at));
        out.push(edge(&dataset(2 * at), EdgeKind::Input, &run));
        out.push(edge(
            "model:mistralai/mistral-7b-v0.3",
            EdgeKind::Base,
            &run,
        ));
        out.push(edge(&run, EdgeKind::Produced, &model));
        let place = format!("deployment:team/{}#prod", name("m", at));
        out.push(edge(&model, EdgeKind::Deployed, &place));
    }
    out.truncate(COMPONENT_EDGES);
    out
}

fn herdbook(index: &Path, args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_herdbook"))
        .args(args)
        .arg("--index")
        .arg(index)
        .output()
        .expect("herdbook runs");
    assert!(
        output.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The median over rounds, with what was printed last.
fn timed(index: &Path, args: &[&str], rounds: usize) -> (Duration, String) {
    let mut times = Vec::new();
    let mut told = String::new();
    for _ in 0..rounds {
        let started = Instant::now();
        told = herdbook(index, args);
        times.push(started.elapsed());
    }
    times.sort_unstable();
    (times.get(rounds / 2).copied().unwrap_or_default(), told)
}

fn statement(edges: Vec<EdgeClaim>) -> Statement {
    Statement {
        command: "bench".to_owned(),
        origin: Origin::Declared,
        by: None,
        nodes: Vec::new(),
        edges,
        gone: Vec::new(),
    }
}

fn main() {
    let settings = settings();
    let temp = tempfile::tempdir().expect("a folder");
    let index = settings
        .dir
        .clone()
        .unwrap_or_else(|| temp.path().join("index"));
    herdbook(&index, &["init"]);
    let dir = IndexDir::new(&index, None);
    let secrets = Secrets::load(dir.keys()).expect("keys");
    let mut log = Log::open(&dir, &secrets);
    let started = Instant::now();
    let components = settings.edges.div_ceil(COMPONENT_EDGES);
    let mut waiting = Vec::new();
    let mut statements = Vec::new();
    for number in 0..components {
        waiting.extend(component(number, number < HUB_DATASETS));
        if waiting.len() >= STATEMENT_EDGES || number + 1 == components {
            statements.push(statement(std::mem::take(&mut waiting)));
        }
        if statements.len() >= APPEND_STATEMENTS || number + 1 == components {
            log.append_lineage(NOW, std::mem::take(&mut statements))
                .expect("appended");
        }
    }
    println!(
        "stated in the log: {:.1} s",
        started.elapsed().as_secs_f64()
    );

    let ordinary = format!("model:team/m-{:06}-4", components - 1);
    let source = format!("source:s-{:06}-0", components - 1);
    let started = Instant::now();
    herdbook(&index, &["trace", &ordinary, "--json"]);
    println!(
        "view made from the log, and one trace: {:.1} s",
        started.elapsed().as_secs_f64()
    );
    let bytes: u64 = std::fs::read_dir(dir.graph())
        .expect("a view")
        .map(|file| {
            file.and_then(|file| file.metadata())
                .map_or(0, |meta| meta.len())
        })
        .sum();
    println!("view: {:.1} MB", bytes as f64 / 1e6);

    println!("\n| command | median, ms | nodes | hops |\n|---|---|---|---|");
    let (nothing, _) = timed(&index, &["source", "list"], settings.rounds);
    println!(
        "| `source list`, for comparison | {:.0} | | |",
        nothing.as_secs_f64() * 1e3
    );
    for args in [
        &["trace", ordinary.as_str(), "--json"][..],
        &["impact", source.as_str(), "--json"],
        &["impact", "source:hub", "--json"],
        &["impact", "source:hub"],
        &["impact", "source:hub", "--depth", "1", "--json"],
    ] {
        let (median, told) = timed(&index, args, settings.rounds);
        let told: serde_json::Value = serde_json::from_str(&told).unwrap_or_default();
        let walk = told.pointer("/walks/0");
        let of_walk = |key: &str| walk.and_then(|walk| walk.get(key));
        let nodes = of_walk("nodes").and_then(|nodes| nodes.as_array());
        println!(
            "| `{}` | {:.0} | {} | {} |",
            args.join(" "),
            median.as_secs_f64() * 1e3,
            nodes.map_or_else(String::new, |nodes| nodes.len().to_string()),
            of_walk("depth").map_or_else(String::new, ToString::to_string)
        );
    }
    let mut times = Vec::new();
    for round in 0..settings.rounds {
        let to = format!("dataset:late-{round}@v1");
        let late = statement(vec![edge(&source, EdgeKind::Contained, &to)]);
        log.append_lineage(NOW, vec![late]).expect("appended");
        let started = Instant::now();
        let told = herdbook(&index, &["impact", &source, "--json"]);
        times.push(started.elapsed());
        assert!(told.contains(&to), "the last statement is seen");
    }
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    println!(
        "| the second, first time after one more statement | {:.0} | | |",
        median.as_secs_f64() * 1e3
    );
}
