//! `OpenLineage` events: one per line, a JSON array, or one event.
//!
//! Where a lineage facet says which output came from which input, these edges are taken. Where none
//! does, inputs and outputs meet in the run, and nowhere else: inputs times outputs would invent
//! edges. Namespaces that end in `.dataset`, `.model`, `.source` or `.file` are those of herdbook's
//! own export.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Value;

use super::Document;
use super::ImportError;
use super::Taken;
use super::between;
use super::is_sha256;
use super::limits::ITEMS_MAX;
use super::value::At;
use super::value::without_place;
use crate::model::lineage::EdgeFacts;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::NodeFacts;
use crate::model::lineage::NodeKind;
use crate::model::lineage::NodeRef;

/// Digits of a content's digest that stand for a version. Chosen: as of `herdbook dataset add`.
const VERSION_DIGITS: usize = 12;
/// Facets that are read; any other is counted as passed over.
const READ: [&str; 3] = ["version", "ownership", "lineage"];

/// Reads events. `models` are further namespaces whose data sets are models.
///
/// # Errors
/// [`ImportError`] with `file:line` of the event.
pub fn openlineage(document: Document<'_>, models: &[String]) -> Result<Taken, ImportError> {
    let mut taken = Taken::default();
    let text = document.text;
    if text.trim_start().starts_with('[') {
        let events = super::value::json(document)?;
        for (number, event) in At::top(document.name, &events).each()?.iter().enumerate() {
            let place = format!("{}: event {number}", document.name);
            read(&At::top(&place, event.value), models, &mut taken)?;
        }
        return Ok(taken);
    }
    let mut events = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let mut line = 1;
    let mut counted = 0;
    let mut count = 0;
    while let Some(event) = {
        // Lines are counted up to the first byte of the next event.
        let from = events.byte_offset();
        let rest = text.get(from..).unwrap_or_default();
        let begin = from + (rest.len() - rest.trim_start().len());
        line += text
            .get(counted..begin)
            .map_or(0, |between| between.matches('\n').count());
        counted = begin;
        events.next()
    } {
        let event = event.map_err(|error| {
            // The parser counts lines from the first of the text.
            ImportError::Syntax {
                place: format!("{}:{}:{}", document.name, error.line(), error.column()),
                message: format!(
                    "not JSON: {}; one event per line, or a JSON array of events, is read",
                    without_place(&error.to_string())
                ),
            }
        })?;
        let place = format!("{}:{line}", document.name);
        read(&At::top(&place, &event), models, &mut taken)?;
        count += 1;
        if count > ITEMS_MAX {
            return Err(ImportError::TooLarge {
                place,
                what: "another event".to_owned(),
                limit: ITEMS_MAX.to_string(),
            });
        }
    }
    if count == 0 {
        return Err(ImportError::Foreign {
            place: document.name.to_owned(),
            message: "no event stands in it".to_owned(),
        });
    }
    Ok(taken)
}

fn read(event: &At<'_>, models: &[String], taken: &mut Taken) -> Result<(), ImportError> {
    let mut reader = Reader {
        models,
        taken,
        known: BTreeMap::new(),
    };
    if let Some(dataset) = event.get("dataset") {
        return reader.dataset_event(&dataset);
    }
    match (event.get("run"), event.get("job")) {
        (Some(run), Some(job)) => reader.run_event(event, &run, &job),
        (None, Some(_)) => {
            reader
                .taken
                .pass("job events (what a job would do, not what was done)");
            Ok(())
        }
        _ => Err(event.wrong("is no OpenLineage event: it has neither run and job nor dataset")),
    }
}

/// What feeds something: the node, how, and whether it was only used.
type Feed = (NodeRef, EdgeFacts, bool);
/// A lineage entry: where it leads, `None` for the job itself, and what feeds it.
type Entry = (Option<NodeRef>, Vec<Feed>);

struct Reader<'a> {
    models: &'a [String],
    taken: &'a mut Taken,
    /// Data sets of this event, with their versions, by namespace and name.
    known: BTreeMap<(String, String), NodeRef>,
}

impl Reader<'_> {
    /// The node that a namespace and name stand for, where nothing is known of a version.
    fn plain(&self, entity: &At<'_>) -> Result<NodeRef, ImportError> {
        let space_at = entity.need("namespace")?;
        let (space, name_at) = (space_at.text()?, entity.need("name")?);
        let name = name_at.text()?;
        if self.models.iter().any(|known| known == space) {
            return name_at.named(NodeKind::Model, name);
        }
        let own = space.rsplit_once('.').and_then(|(_, kind)| match kind {
            "dataset" => Some(NodeKind::Dataset),
            "model" => Some(NodeKind::Model),
            "source" => Some(NodeKind::Source),
            "file" => Some(NodeKind::File),
            "deployment" => Some(NodeKind::Deployment),
            _ => None,
        });
        match own {
            Some(NodeKind::File) if !is_sha256(name) => {
                Err(name_at.wrong("is no SHA-256, and files are known by theirs"))
            }
            Some(kind) => name_at.named(kind, name),
            // An @ would be read as a version.
            None => name_at.dataset(&format!("{space}/{}", name.replace('@', "_")), ""),
        }
    }

    fn find(&self, entity: &At<'_>) -> Result<NodeRef, ImportError> {
        let key = (
            entity.need("namespace")?.text()?.to_owned(),
            entity.need("name")?.text()?.to_owned(),
        );
        match self.known.get(&key) {
            Some(node) => Ok(node.clone()),
            None => self.plain(entity),
        }
    }

    /// States a data set with what its facets say, and remembers its version.
    fn entity(&mut self, entity: &At<'_>) -> Result<NodeRef, ImportError> {
        let plain = self.plain(entity)?;
        let mut facts = NodeFacts::default();
        let mut node = plain.clone();
        for group in ["facets", "inputFacets", "outputFacets"] {
            let Some(stated) = entity.get(group) else {
                continue;
            };
            for (name, facet) in stated.entries()? {
                match name {
                    "version" => {
                        let at = facet.need("datasetVersion")?;
                        let version = at.text()?;
                        let bare = version.strip_prefix("sha256:").unwrap_or(version);
                        if is_sha256(bare) {
                            facts.digest = Some(bare.to_owned());
                        }
                        if node.kind == NodeKind::Dataset && node.version.is_empty() {
                            let short: String = if is_sha256(bare) {
                                bare.chars().take(VERSION_DIGITS).collect()
                            } else {
                                version.to_owned()
                            };
                            node = at.dataset(&plain.name, &short)?;
                        }
                    }
                    "ownership" => {
                        let owners = facet.list("owners")?;
                        let names: Result<Vec<&str>, ImportError> = owners
                            .iter()
                            .map(|owner| owner.need("name")?.text())
                            .collect();
                        let names = names?;
                        if !names.is_empty() {
                            facts.owner = Some(names.join(", "));
                        }
                    }
                    "lineage" => {}
                    other => self.taken.pass(&format!("facets {other}")),
                }
            }
        }
        let key = (
            entity.need("namespace")?.text()?.to_owned(),
            entity.need("name")?.text()?.to_owned(),
        );
        self.known.insert(key, node.clone());
        // What a registration says of a source is not for others to change.
        if node.kind == NodeKind::Source {
            facts = NodeFacts::default();
        } else if node.kind == NodeKind::Model {
            facts.label = Some(entity.need("name")?.text()?.to_owned());
            facts.digest = None;
        }
        self.taken.node(&node, &facts);
        Ok(node)
    }

    /// The sources of a lineage entry, with how.
    fn sources(&mut self, inputs: &[At<'_>]) -> Result<Vec<Feed>, ImportError> {
        let mut out = Vec::new();
        for input in inputs {
            if input.get("type").map(|kind| kind.text()).transpose()? == Some("JOB") {
                self.taken.pass("lineage inputs that are jobs");
                continue;
            }
            let node = self.find(input)?;
            if node.kind == NodeKind::Model {
                let facts = NodeFacts {
                    label: Some(input.need("name")?.text()?.to_owned()),
                    ..NodeFacts::default()
                };
                self.taken.node(&node, &facts);
            }
            let mut how = None;
            let mut used = false;
            for step in input.list("transformations")? {
                if let Some(word) = step.get("subtype") {
                    let word = word.text()?;
                    used |= word == EdgeKind::Used.as_str();
                    how = Some(word.to_lowercase());
                }
            }
            // Our own export writes the kind of the edge where nobody said how.
            let how = how.filter(|word| {
                [
                    "generated",
                    "contained",
                    "part",
                    "derived",
                    "input",
                    "base",
                    "used",
                    "trained",
                ]
                .iter()
                .all(|kind| kind != word)
            });
            out.push((
                node,
                EdgeFacts {
                    how,
                    ..EdgeFacts::default()
                },
                used,
            ));
        }
        Ok(out)
    }

    fn flow(
        &mut self,
        at: &At<'_>,
        from: &NodeRef,
        to: &NodeRef,
        facts: EdgeFacts,
        used: bool,
    ) -> Result<(), ImportError> {
        let edge = if used && from.kind == NodeKind::Model && to.kind == NodeKind::Run {
            Some(EdgeKind::Used)
        } else {
            between(from.kind, to.kind)
        };
        match edge {
            Some(edge) => {
                self.taken.edge(from, edge, to, facts);
                Ok(())
            }
            None => Err(at.wrong(format!("nothing flows from {from} to {to}"))),
        }
    }

    fn dataset_event(&mut self, dataset: &At<'_>) -> Result<(), ImportError> {
        let to = self.entity(dataset)?;
        let lineage = dataset
            .get("facets")
            .and_then(|facets| facets.get("lineage"));
        let Some(lineage) = lineage else {
            return Ok(());
        };
        self.fields(&lineage);
        for (from, facts, used) in self.sources(&lineage.list("inputs")?)? {
            self.flow(&lineage, &from, &to, facts, used)?;
        }
        Ok(())
    }

    fn fields(&mut self, lineage: &At<'_>) {
        let named = lineage
            .get("fields")
            .and_then(|fields| fields.value.as_object().map(serde_json::Map::len));
        for _ in 0..named.unwrap_or(0).min(ITEMS_MAX) {
            self.taken.pass("lineage of single fields");
        }
    }

    fn run_event(&mut self, event: &At<'_>, run: &At<'_>, job: &At<'_>) -> Result<(), ImportError> {
        let of_run = run.get("facets");
        if of_run.is_some_and(|facets| facets.get("herdbook_check").is_some()) {
            self.taken
                .pass("checks of a herdbook (a log is believed by its own proofs only)");
            return Ok(());
        }
        let id_at = run.need("runId")?;
        let id = id_at.text()?;
        let space = job.need("namespace")?;
        let name = job.need("name")?;
        let (space, name) = (space.text()?, name.text()?);
        let node = id_at.named(NodeKind::Run, &format!("{space}/{name}:{id}"))?;
        let state = match event.get("eventType").map(|kind| kind.text()).transpose()? {
            Some("START" | "RUNNING") => Some("started"),
            Some("COMPLETE") => Some("finished"),
            Some("FAIL" | "ABORT") => Some("failed"),
            _ => None,
        };
        let time = event.need("eventTime")?;
        let facts = NodeFacts {
            label: Some(format!("{space}/{name}")),
            state: state.map(str::to_owned),
            time: Some(time.text()?.to_owned()),
            ..NodeFacts::default()
        };
        for group in [run.get("facets"), job.get("facets")].into_iter().flatten() {
            for (facet, _) in group.entries()? {
                if !READ.contains(&facet) {
                    self.taken.pass(&format!("facets {facet}"));
                }
            }
        }
        let input_ats = event.list("inputs")?;
        let output_ats = event.list("outputs")?;
        let mut inputs = BTreeSet::new();
        for input in &input_ats {
            inputs.insert(self.entity(input)?);
        }
        let mut outputs = BTreeSet::new();
        for output in &output_ats {
            outputs.insert(self.entity(output)?);
        }
        self.taken.node(&node, &facts);
        let explicit = self.explicit(job, &output_ats)?;
        if explicit.is_empty() || outputs.len() <= 1 {
            self.through_run(event, &node, &inputs, &outputs, explicit)
        } else {
            self.past_run(event, &node, &inputs, explicit)
        }
    }

    /// The edges of lineage facets, of the job and of its outputs, by where they lead; `None` for
    /// the job itself.
    fn explicit(&mut self, job: &At<'_>, outputs: &[At<'_>]) -> Result<Vec<Entry>, ImportError> {
        let mut out = Vec::new();
        let lineage = job.get("facets").and_then(|facets| facets.get("lineage"));
        for entry in lineage.map_or_else(|| Ok(Vec::new()), |facet| facet.list("entries"))? {
            self.fields(&entry);
            let kind = entry.need("type")?;
            let target = match kind.text()? {
                "DATASET" => Some(self.find(&entry)?),
                "JOB" if entry.get("name").is_none() => None,
                "JOB" => {
                    self.taken.pass("lineage entries of other jobs");
                    continue;
                }
                other => return Err(kind.wrong(format!("is {other:?}, neither DATASET nor JOB"))),
            };
            out.push((target, self.sources(&entry.list("inputs")?)?));
        }
        for output in outputs {
            let lineage = output
                .get("facets")
                .and_then(|facets| facets.get("lineage"));
            if let Some(lineage) = lineage {
                self.fields(&lineage);
                let target = self.find(output)?;
                out.push((Some(target), self.sources(&lineage.list("inputs")?)?));
            }
        }
        Ok(out)
    }

    /// One output at most: everything that is said to feed it goes through the run.
    fn through_run(
        &mut self,
        event: &At<'_>,
        run: &NodeRef,
        inputs: &BTreeSet<NodeRef>,
        outputs: &BTreeSet<NodeRef>,
        explicit: Vec<Entry>,
    ) -> Result<(), ImportError> {
        let mut named = BTreeSet::new();
        let said = !explicit.is_empty();
        for (from, facts, used) in explicit.into_iter().flat_map(|(_, sources)| sources) {
            named.insert(from.clone());
            self.flow(event, &from, run, facts, used)?;
        }
        for from in inputs.difference(&named) {
            if said && !outputs.is_empty() {
                self.taken.pass("inputs that no lineage entry names");
                continue;
            }
            self.flow(event, from, run, EdgeFacts::default(), false)?;
        }
        for to in outputs {
            self.flow(event, run, to, EdgeFacts::default(), false)?;
        }
        Ok(())
    }

    /// Several outputs that came from different inputs: the run would mix them up, so that the
    /// edges go past it.
    fn past_run(
        &mut self,
        event: &At<'_>,
        run: &NodeRef,
        inputs: &BTreeSet<NodeRef>,
        explicit: Vec<Entry>,
    ) -> Result<(), ImportError> {
        let mut named = BTreeSet::new();
        for (target, sources) in explicit {
            for (from, mut facts, used) in sources {
                named.insert(from.clone());
                facts.note = Some(format!("in {run}"));
                match &target {
                    Some(to) => self.flow(event, &from, to, facts, used)?,
                    None => self.flow(event, &from, run, facts, used)?,
                }
            }
        }
        for _ in inputs.difference(&named) {
            self.taken.pass("inputs that no lineage entry names");
        }
        self.taken.note(format!(
            "{run} made several things from different inputs: each edge is recorded on its own, and none through the run"
        ));
        Ok(())
    }
}
