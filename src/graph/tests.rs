//! The view against the log that it is made from, on real files.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::*;
use crate::audit::Check;
use crate::audit::Log;
use crate::index::Compat;
use crate::index::IndexDir;
use crate::index::Secrets;
use crate::lineage::Graph as _;
use crate::model::lineage::Direction;
use crate::model::lineage::EdgeClaim;
use crate::model::lineage::EdgeFacts;
use crate::model::lineage::EdgeGone;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::NodeRef;
use crate::model::lineage::Origin;
use crate::model::lineage::Statement;
use crate::snapshot::Writer;

const NOW: &str = "2026-11-22T12:00:00Z";

fn compat() -> Compat {
    Compat {
        recipe: "r1-k24-w41".to_owned(),
        unicode: "16.0.0".to_owned(),
        guarantee_bytes: 64,
        key_check: [9; 16],
    }
}

struct Home {
    _temp: tempfile::TempDir,
    dir: IndexDir,
    secrets: Secrets,
}

impl Home {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let dir = IndexDir::new(temp.path().join("index"), None);
        let secrets = Secrets::load_or_create(dir.keys()).unwrap();
        drop(Writer::init_bare(&dir, &secrets, &compat(), NOW).unwrap());
        let secrets = Secrets::load(dir.keys()).unwrap();
        Self {
            _temp: temp,
            dir,
            secrets,
        }
    }

    fn state(&self, edges: &[(&str, EdgeKind, &str)], gone: &[(&str, EdgeKind, &str)]) {
        let node = |text: &str| NodeRef::parse(text).unwrap();
        let statement = Statement {
            command: "dataset add".to_owned(),
            origin: Origin::Declared,
            by: None,
            nodes: Vec::new(),
            edges: edges
                .iter()
                .map(|(from, edge, to)| EdgeClaim {
                    from: node(from),
                    edge: *edge,
                    to: node(to),
                    facts: EdgeFacts::default(),
                })
                .collect(),
            gone: gone
                .iter()
                .map(|(from, edge, to)| EdgeGone {
                    from: node(from),
                    edge: *edge,
                    to: node(to),
                })
                .collect(),
        };
        let mut log = Log::open(&self.dir, &self.secrets);
        log.append_lineage(NOW, vec![statement]).unwrap();
    }

    /// A check of one file in which one source was found in so many rows; none for zero.
    fn check(&self, file: &str, source: &str, rows: u64) -> u64 {
        let sources = if rows == 0 {
            Vec::new()
        } else {
            vec![serde_json::json!({"source": source, "rows": rows, "level": "block"})]
        };
        let json = serde_json::json!({
            "target": {"name": "acme", "base": ["m"]},
            "inputs": [{"path": "a.jsonl", "sha256": file, "rows": 10, "bytes": 5, "sources": sources}],
        })
        .to_string();
        keep_verdict(&self.dir, &json).unwrap();
        self.log_check(&json)
    }

    fn log_check(&self, json: &str) -> u64 {
        use sha2::Digest as _;
        let check = Check {
            verdict: "block".to_owned(),
            outcome: hex::encode(sha2::Sha256::digest(json)),
            target: "22".repeat(32),
            policy: "33".repeat(32),
            snapshot: Some(1),
            snapshot_digest: None,
            inputs: 1,
            input_digests: vec![Some("f2".to_owned())],
            inputs_digest: "55".repeat(32),
            tally: BTreeMap::from([("read".to_owned(), 10)]),
            as_of: "2026-11-22".to_owned(),
            sketches: None,
        };
        let mut log = Log::open(&self.dir, &self.secrets);
        log.append_check(NOW, check).unwrap().index
    }

    fn open(&self) -> Result<View, GraphError> {
        View::open(&self.dir, &self.secrets.public(), &compat())
    }

    /// Every edge, written out.
    fn edges(&self) -> Vec<String> {
        let view = self.open().unwrap();
        let mut out = Vec::new();
        for kind in crate::model::lineage::NodeKind::all() {
            for (node, id) in view.named(kind, "", 1000).unwrap() {
                for seen in view.edges(id, Direction::Downstream).unwrap() {
                    let to = view.node(seen.other).unwrap().node;
                    let records = seen.facts.records.unwrap_or(0);
                    out.push(format!("{node} {} {to} {records}", seen.kind.as_str()));
                }
            }
        }
        assert_eq!(
            out.len() as u64,
            view.state().edges,
            "the state counts them"
        );
        out.sort();
        out
    }

    /// Every edge as the store gives it.
    fn everything(&self) -> Result<Vec<(String, EdgeKind, String)>, GraphError> {
        let view = self.open()?;
        let mut out = Vec::new();
        for kind in crate::model::lineage::NodeKind::all() {
            for (node, id) in view.named(kind, "", usize::MAX)? {
                assert_eq!(view.find(&node)?, Some(id));
                view.edges(id, Direction::Upstream)?;
                for seen in view.edges(id, Direction::Downstream)? {
                    let to = view.node(seen.other)?.node;
                    out.push((node.to_string(), seen.kind, to.to_string()));
                }
            }
        }
        Ok(out)
    }

    fn files(&self) -> Vec<PathBuf> {
        let folder = fs::read_dir(self.dir.graph()).unwrap();
        folder.map(|entry| entry.unwrap().path()).collect()
    }
}

#[test]
fn the_view_follows_the_log_and_is_the_same_when_made_anew() {
    let home = Home::new();
    assert!(home.edges().is_empty());
    home.state(&[("dataset:a@1", EdgeKind::Input, "run:r")], &[]);
    home.state(&[("run:r", EdgeKind::Produced, "model:X")], &[]);
    let one = ["dataset:a@1 input run:r 0", "run:r produced model:x 0"];
    assert_eq!(home.edges(), one);
    home.state(
        &[("model:x", EdgeKind::Generated, "source:s")],
        &[("dataset:a@1", EdgeKind::Input, "run:r")],
    );
    let two = ["model:x generated source:s 0", "run:r produced model:x 0"];
    assert_eq!(home.edges(), two);
    fs::remove_dir_all(home.dir.graph()).unwrap();
    assert_eq!(home.edges(), two);
}

#[test]
fn what_the_last_check_of_a_file_found_stands() {
    let home = Home::new();
    let first = home.check("f1", "s", 3);
    let found = format!("check:{first} checked file:f1 0");
    assert_eq!(
        home.edges(),
        [found.as_str(), "source:s contained file:f1 3"]
    );
    home.check("f1", "t", 2);
    assert_eq!(home.edges().last().unwrap(), "source:t contained file:f1 2");
    assert_eq!(home.edges().len(), 3, "both checks, one source");
    home.check("f1", "t", 0);
    assert!(home.edges().iter().all(|edge| !edge.contains("contained")));
}

#[test]
fn a_verdict_that_was_not_kept_is_said_and_one_that_was_changed_is_refused() {
    let home = Home::new();
    let entry = home.log_check("{\"never\": \"kept\"}");
    let view = home.open().unwrap();
    let check = NodeRef::parse(&format!("check:{entry}")).unwrap();
    let id = view.find(&check).unwrap().unwrap();
    let note = view.node(id).unwrap().facts.note.clone().unwrap();
    assert!(note.contains("not kept"), "{note}");
    drop(view);
    // What it found in `f2` is not known: that is no "nothing stands behind it".
    home.state(
        &[
            ("file:f2", EdgeKind::Input, "run:r"),
            ("run:r", EdgeKind::Produced, "model:x"),
        ],
        &[],
    );
    let error = home.open().unwrap().behind("x").unwrap_err().to_string();
    assert!(error.contains(&format!("check {entry} read f2")), "{error}");
    assert_eq!(home.open().unwrap().behind("unrelated").unwrap(), []);
    home.check("f2", "s", 1);
    assert_eq!(
        home.open().unwrap().behind("x").unwrap(),
        [],
        "a later check saw it, and nobody generated s"
    );
    home.check("f1", "s", 3);
    let kept = fs::read_dir(home.dir.verdicts()).unwrap().next().unwrap();
    let path = kept.unwrap().path();
    let other = zstd::encode_all(&b"{\"inputs\":[],\"target\":{}}"[..], 3).unwrap();
    fs::write(&path, other).unwrap();
    let error = home.open().err().unwrap().to_string();
    assert!(error.contains("another digest"), "{error}");
}

#[test]
fn damage_to_any_file_of_the_view_is_never_an_absence() {
    let home = Home::new();
    // More than a delta holds, so that there is a base.
    for part in 0..40 {
        let names: Vec<(String, String)> = (0..300)
            .map(|at| (format!("dataset:d{at:03}@{part}"), format!("run:{part}")))
            .collect();
        let edges: Vec<(&str, EdgeKind, &str)> = names
            .iter()
            .map(|(from, to)| (from.as_str(), EdgeKind::Input, to.as_str()))
            .collect();
        home.state(&edges, &[]);
    }
    home.everything().unwrap();
    home.state(&[("run:7", EdgeKind::Produced, "model:x")], &[]);
    let whole = home.everything().unwrap();
    assert_eq!((whole.len(), home.files().len()), (12_001, 3));
    for kind in ["base-", "delta-", "manifest"] {
        for damage in 0..6 {
            let of_kind = |path: &PathBuf| {
                let name = path.file_name().unwrap().to_str().unwrap();
                name.starts_with(kind)
            };
            let file = home.files().into_iter().find(of_kind);
            let Some(file) = file else {
                assert!(kind == "delta-", "made anew, there is only a base: {kind}");
                break;
            };
            let mut bytes = fs::read(&file).unwrap();
            match damage {
                0..=3 => {
                    let place = (bytes.len() - 1) * damage / 3;
                    bytes[place] ^= 1;
                    fs::write(&file, bytes).unwrap();
                }
                4 => fs::write(&file, &bytes[..bytes.len() / 2]).unwrap(),
                _ => fs::remove_file(&file).unwrap(),
            }
            let told = home.everything().unwrap_or_else(|error| {
                let said = error.to_string();
                assert!(said.contains("run the command again"), "{said}");
                assert_eq!((kind, damage < 3), ("base-", true), "{said}");
                home.everything().unwrap()
            });
            assert!(told == whole, "{kind} {damage}");
        }
    }
}

#[test]
fn a_crash_while_the_view_is_written_leaves_the_one_before() {
    let home = Home::new();
    home.state(&[("dataset:a@1", EdgeKind::Input, "run:r")], &[]);
    let whole = home.edges();
    let listed = home.files();
    for leftover in ["delta-half", "base-half", ".tmpAbc"] {
        fs::write(home.dir.graph().join(leftover), "half").unwrap();
    }
    assert_eq!(home.edges(), whole);
    home.state(&[("run:r", EdgeKind::Produced, "model:x")], &[]);
    assert_eq!(home.edges().len(), whole.len() + 1);
    assert_eq!(
        home.files().len(),
        listed.len(),
        "what nobody lists is gone"
    );
}

#[test]
fn a_view_of_another_log_is_made_anew() {
    let home = Home::new();
    home.state(&[("dataset:a@1", EdgeKind::Input, "run:r")], &[]);
    home.edges();
    let other = Home::new();
    other.state(&[("dataset:b@1", EdgeKind::Input, "run:q")], &[]);
    other.edges();
    fs::remove_dir_all(home.dir.graph()).unwrap();
    fs::rename(other.dir.graph(), home.dir.graph()).unwrap();
    assert_eq!(home.edges(), ["dataset:a@1 input run:r 0"]);
}
