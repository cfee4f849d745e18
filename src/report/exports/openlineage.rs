//! The whole log, or what hangs together with a node, as `OpenLineage` 2-0-2 events, one per line.
//!
//! One run event per check and one per run and output, one data set event for everything else that
//! came from something. Consumers read a run's inputs times its outputs as edges, so no event has
//! more than one output, and every edge is also written out in the lineage facet. `OpenLineage` has
//! no models: they are data sets of a namespace of their own.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use super::CheckedFile;
use super::FromLog;
use super::Ledger;
use super::LedgerCheck;
use super::Listed;
use super::PRODUCER;
use super::Upstream;
use super::is_sha256;
use super::is_time;
use super::said;
use super::set;
use super::uuid;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::Node;
use crate::model::lineage::NodeKind;
use crate::model::lineage::NodeRef;

const SPEC: &str = "https://openlineage.io/spec";

/// The events, each a line of JSON; in order of time, then of what they are about.
///
/// Namespaces are `NAMESPACE.dataset`, `NAMESPACE.model` and so on; jobs stand in `NAMESPACE`.
pub fn openlineage(ledger: &Ledger, namespace: &str) -> String {
    let mut produced: BTreeMap<&NodeRef, Vec<&Listed>> = BTreeMap::new();
    for listed in &ledger.nodes {
        let runs: BTreeSet<&NodeRef> = listed
            .edges
            .iter()
            .filter(|edge| edge.kind == EdgeKind::Produced)
            .map(|edge| &edge.from.node)
            .collect();
        for run in runs {
            produced.entry(run).or_default().push(listed);
        }
    }
    let writer = Writer {
        log: &ledger.log,
        namespace,
        produced,
    };
    let mut events: Vec<(String, String, Value)> = Vec::new();
    for check in &ledger.checks {
        let about = format!("check:{:020}", check.entry);
        events.push((check.time.clone(), about, writer.check(check)));
    }
    for listed in &ledger.nodes {
        let about = listed.node.node.to_string();
        if listed.node.node.kind == NodeKind::Run {
            for (number, event) in writer.run(listed).into_iter().enumerate() {
                events.push((writer.time(listed), format!("{about} {number:08}"), event));
            }
        } else if let Some(event) = writer.dataset(listed) {
            events.push((writer.time(listed), about, event));
        }
    }
    // Times of one log have one form, but those that people stated may not.
    events.sort_by(|(a, x, _), (b, y, _)| instant(a).cmp(&instant(b)).then_with(|| x.cmp(y)));
    let mut out = String::new();
    for (_, _, event) in events {
        out.push_str(&event.to_string());
        out.push('\n');
    }
    out
}

/// Texts that are no time come first.
fn instant(time: &str) -> jiff::Timestamp {
    time.parse().unwrap_or(jiff::Timestamp::MIN)
}

struct Writer<'a> {
    log: &'a FromLog,
    namespace: &'a str,
    /// What each run made.
    produced: BTreeMap<&'a NodeRef, Vec<&'a Listed>>,
}

impl Writer<'_> {
    /// When a node was last spoken of: its entry, or what its facts say, or the log's last entry.
    fn time(&self, listed: &Listed) -> String {
        let edges = listed.edges.iter().filter_map(|edge| edge.time.as_ref());
        let recorded = edges.chain(listed.time.as_ref()).max();
        let stated = listed.node.facts.time.as_ref().filter(|time| is_time(time));
        recorded.or(stated).unwrap_or(&self.log.time).clone()
    }

    fn event(time: &str, definition: &str) -> Map<String, Value> {
        let mut event = Map::new();
        event.insert("eventTime".to_owned(), json!(time));
        event.insert("producer".to_owned(), json!(PRODUCER));
        event.insert(
            "schemaURL".to_owned(),
            json!(format!("{SPEC}/2-0-2/OpenLineage.json#/$defs/{definition}")),
        );
        event
    }

    fn facet(version: &str, file: &str, definition: &str, body: Value) -> Value {
        let mut facet = json!({
            "_producer": PRODUCER,
            "_schemaURL": format!("{SPEC}/facets/{version}/{file}.json#/$defs/{definition}"),
        });
        if let (Value::Object(facet), Value::Object(body)) = (&mut facet, body) {
            facet.extend(body);
        }
        facet
    }

    /// A facet of our own; its body is what the graph says, under the names of its JSON.
    fn own(name: &str, body: Value) -> Value {
        let mut facet = json!({
            "_producer": PRODUCER,
            "_schemaURL": format!("{PRODUCER}/facets/1-0-0/{name}.json"),
        });
        if let (Value::Object(facet), Value::Object(body)) = (&mut facet, body) {
            facet.extend(body);
        }
        facet
    }

    fn space(&self, kind: NodeKind) -> String {
        format!("{}.{}", self.namespace, kind.as_str())
    }

    /// Namespace and name of a node.
    fn entity(&self, node: &Node) -> Value {
        let name = match node.node.kind {
            NodeKind::File => node.node.name.clone(),
            NodeKind::Model
            | NodeKind::Source
            | NodeKind::Dataset
            | NodeKind::Run
            | NodeKind::Deployment
            | NodeKind::Check
            | NodeKind::Signoff
            | NodeKind::Waiver
            | NodeKind::Reading
            | NodeKind::Incident => node.label(),
        };
        json!({"namespace": self.space(node.node.kind), "name": name})
    }

    /// A node as a data set, with what is known of it.
    fn described(&self, node: &Node, lineage: Option<Value>) -> Value {
        let known = &node.facts;
        let mut facets = Map::new();
        let digest = match node.node.kind {
            NodeKind::File => Some(node.node.name.as_str()),
            NodeKind::Source => None,
            NodeKind::Model
            | NodeKind::Dataset
            | NodeKind::Run
            | NodeKind::Deployment
            | NodeKind::Check
            | NodeKind::Signoff
            | NodeKind::Waiver
            | NodeKind::Reading
            | NodeKind::Incident => known.digest.as_deref(),
        };
        let version = match digest.filter(|digest| is_sha256(digest)) {
            Some(digest) => Some(format!("sha256:{digest}")),
            None => Some(node.node.version.clone()).filter(|version| !version.is_empty()),
        };
        if let Some(version) = version {
            let body = json!({"datasetVersion": version});
            let (file, definition) = ("DatasetVersionDatasetFacet", "DatasetVersionDatasetFacet");
            facets.insert(
                "version".to_owned(),
                Self::facet("1-0-1", file, definition, body),
            );
        }
        if let Some(owner) = &known.owner {
            let body = json!({"owners": [{"name": owner}]});
            let (file, definition) = ("OwnershipDatasetFacet", "OwnershipDatasetFacet");
            facets.insert(
                "ownership".to_owned(),
                Self::facet("1-0-1", file, definition, body),
            );
        }
        facets.insert(
            "herdbook_node".to_owned(),
            Self::own(
                "NodeDatasetFacet",
                json!({"node": node.node.to_string(), "facts": known}),
            ),
        );
        if let Some(lineage) = lineage {
            facets.insert("lineage".to_owned(), lineage);
        }
        let mut entity = self.entity(node);
        set(&mut entity, "facets", Value::Object(facets));
        entity
    }

    /// One edge, as the lineage facet has it.
    fn source(&self, edge: &Upstream) -> Value {
        let mut source = self.entity(&edge.from);
        set(&mut source, "type", json!("DATASET"));
        let direct = edge.kind != EdgeKind::Used;
        let mut transformation = json!({
            "type": if direct { "DIRECT" } else { "INDIRECT" },
            "subtype": edge.kind.as_str(),
            "description": said(edge.origin, &edge.facts),
        });
        if let Some(how) = &edge.facts.how {
            set(&mut transformation, "subtype", json!(how));
        }
        set(&mut source, "transformations", json!([transformation]));
        source
    }

    /// What a node that is no run came from; `None` where it came from nothing but runs, which say
    /// so themselves.
    fn dataset(&self, listed: &Listed) -> Option<Value> {
        let inputs: Vec<Value> = listed
            .edges
            .iter()
            .filter(|edge| edge.kind.flows() && edge.from.node.kind != NodeKind::Run)
            .map(|edge| self.source(edge))
            .collect();
        if inputs.is_empty() {
            return None;
        }
        let lineage = Self::facet(
            "1-0-0",
            "LineageFacet",
            "LineageDatasetFacet",
            json!({"inputs": inputs}),
        );
        let entity = self.described(&listed.node, Some(lineage));
        let mut event = Self::event(&self.time(listed), "DatasetEvent");
        event.insert("dataset".to_owned(), entity);
        Some(Value::Object(event))
    }

    /// A run: one event for every model that it produced, or one without an output.
    fn run(&self, listed: &Listed) -> Vec<Value> {
        let node = &listed.node;
        let state = node.facts.state.as_deref();
        let kind = match state {
            Some("started") => "START",
            Some("finished") => "COMPLETE",
            Some("failed") => "FAIL",
            _ => "OTHER",
        };
        let edges: Vec<&Upstream> = listed
            .edges
            .iter()
            .filter(|edge| edge.kind.flows())
            .collect();
        let inputs: Vec<Value> = edges
            .iter()
            .map(|edge| self.described(&edge.from, None))
            .collect();
        let sources: Vec<Value> = edges.iter().map(|edge| self.source(edge)).collect();
        let produced = self.produced.get(&node.node);
        let event = |output: Option<&Listed>| {
            let mut target = match output {
                Some(output) => self.entity(&output.node),
                None => json!({}),
            };
            set(
                &mut target,
                "type",
                json!(if output.is_some() { "DATASET" } else { "JOB" }),
            );
            set(&mut target, "inputs", json!(sources));
            let lineage = Self::facet(
                "1-0-0",
                "LineageFacet",
                "LineageJobFacet",
                json!({"entries": [target]}),
            );
            let job_type = Self::facet(
                "2-0-4",
                "JobTypeJobFacet",
                "JobTypeJobFacet",
                json!({"processingType": "BATCH", "integration": "HERDBOOK", "jobType": "MODEL"}),
            );
            let mut event = Self::event(&self.time(listed), "RunEvent");
            let outputs = output.map(|output| self.described(&output.node, None));
            let outputs: Vec<Value> = outputs.into_iter().collect();
            for (key, value) in [
                ("eventType", json!(kind)),
                (
                    "run",
                    json!({
                        "runId": uuid(self.log, &node.node.to_string()),
                        "facets": {"herdbook_node": Self::own(
                            "NodeRunFacet",
                            json!({"node": node.node.to_string(), "facts": node.facts}),
                        )},
                    }),
                ),
                (
                    "job",
                    json!({
                        "namespace": self.namespace,
                        "name": node.label(),
                        "facets": {"jobType": job_type, "lineage": lineage},
                    }),
                ),
                ("inputs", json!(inputs)),
                ("outputs", json!(outputs)),
            ] {
                event.insert(key.to_owned(), value);
            }
            Value::Object(event)
        };
        match produced {
            Some(produced) => produced.iter().map(|model| event(Some(model))).collect(),
            None => vec![event(None)],
        }
    }

    /// A check: its files as inputs, what was found in each as assertions, no output.
    fn check(&self, check: &LedgerCheck) -> Value {
        let kind = match check.verdict.as_str() {
            "pass" | "flag" => "COMPLETE",
            "block" => "FAIL",
            // Nothing was decided.
            _ => "ABORT",
        };
        let count = |name: &str| check.tally.get(name).copied().unwrap_or_default();
        let matched = count("flag") + count("block");
        let (status, severity) = match check.verdict.as_str() {
            "pass" => ("pass", "error"),
            "flag" => ("fail", "warn"),
            "block" => ("fail", "error"),
            _ => ("skip", "error"),
        };
        let test = Self::facet(
            "1-0-1",
            "TestRunFacet",
            "TestRunFacet",
            json!({"tests": [{
                "name": "herdbook.no-registered-output",
                "status": status,
                "severity": severity,
                "type": "provenance",
                "description": "rows that match registered output, and what the policy says of them; a pass \
                                is no finding of compliance",
                "expected": "0",
                "actual": matched.to_string(),
                "params": {"policy": check.policy, "verdict": check.verdict},
            }]}),
        );
        let own = Self::own(
            "CheckRunFacet",
            json!({
                "entry": check.entry,
                "verdict": check.verdict,
                "verdictSha256": check.digest,
                "policySha256": check.policy,
                "target": check.target,
                "tally": check.tally,
                "log": {"origin": self.log.origin},
            }),
        );
        let inputs: Vec<Value> = check.files.iter().map(|file| self.checked(file)).collect();
        let mut event = Self::event(&check.time, "RunEvent");
        for (key, value) in [
            ("eventType", json!(kind)),
            (
                "run",
                json!({
                    "runId": uuid(self.log, &format!("check:{}", check.entry)),
                    "facets": {"test": test, "herdbook_check": own},
                }),
            ),
            (
                "job",
                json!({"namespace": self.namespace, "name": "herdbook.check"}),
            ),
            ("inputs", json!(inputs)),
            ("outputs", json!([])),
        ] {
            event.insert(key.to_owned(), value);
        }
        Value::Object(event)
    }

    fn checked(&self, file: &CheckedFile) -> Value {
        let mut facets = Map::new();
        if let Some(sha256) = &file.sha256 {
            let body = json!({"datasetVersion": format!("sha256:{sha256}")});
            let (name, definition) = ("DatasetVersionDatasetFacet", "DatasetVersionDatasetFacet");
            facets.insert(
                "version".to_owned(),
                Self::facet("1-0-1", name, definition, body),
            );
        }
        let models: BTreeSet<&String> = file.sources.iter().flat_map(|s| &s.models).collect();
        if !models.is_empty() {
            let tags: Vec<Value> = models
                .into_iter()
                .map(|model| json!({"key": "herdbook.model", "value": model, "source": "HERDBOOK"}))
                .collect();
            let body = json!({"tags": tags});
            facets.insert(
                "tags".to_owned(),
                Self::facet("1-0-0", "TagsDatasetFacet", "TagsDatasetFacet", body),
            );
        }
        let found: Vec<Value> = file
            .sources
            .iter()
            .map(|source| {
                json!({
                    "source": source.source,
                    "models": source.models,
                    "rows": source.rows,
                    "level": source.level,
                })
            })
            .collect();
        facets.insert(
            "herdbook_provenance".to_owned(),
            Self::own(
                "ProvenanceDatasetFacet",
                json!({"path": file.path, "rows": file.rows, "found": found}),
            ),
        );
        let assertions: Vec<Value> = if file.sources.is_empty() {
            vec![json!({
                "assertion": "herdbook.no_registered_output",
                "success": true,
                "severity": "error",
                "expected": "0",
                "actual": "0",
            })]
        } else {
            let each = file.sources.iter().map(|source| {
                json!({
                    "assertion": "herdbook.no_registered_output",
                    "name": format!("herdbook.source:{}", source.source),
                    "success": source.level == "note",
                    "severity": if source.level == "block" { "error" } else { "warn" },
                    "expected": "0",
                    "actual": source.rows.to_string(),
                    "params": {"source": source.source, "level": source.level},
                })
            });
            each.collect()
        };
        let quality = Self::facet(
            "1-1-0",
            "DataQualityAssertionsDatasetFacet",
            "DataQualityAssertionsDatasetFacet",
            json!({"assertions": assertions}),
        );
        json!({
            "namespace": self.space(NodeKind::File),
            "name": file.sha256.as_deref().unwrap_or(&file.path),
            "facets": facets,
            "inputFacets": {"dataQualityAssertions": quality},
        })
    }
}
