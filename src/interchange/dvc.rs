//! DVC: stages of a `dvc.lock`, and single outputs of `*.dvc` files.
//!
//! DVC knows content by MD5, which identifies nothing here: it is kept as a fact and stands in the
//! version. A stage is a run; what it depends on goes in, what it made comes out.

use std::collections::BTreeMap;

use sha2::Digest as _;
use sha2::Sha256;

use super::Document;
use super::ImportError;
use super::Taken;
use super::value::At;
use super::value::yaml;
use crate::model::lineage::EdgeFacts;
use crate::model::lineage::EdgeKind;
use crate::model::lineage::NodeFacts;
use crate::model::lineage::NodeKind;
use crate::model::lineage::NodeRef;

/// Hex digits that stand for a version, or tell runs of a stage apart. Chosen: as Git shows.
const DIGITS: usize = 12;

/// A file or folder that DVC keeps, for whoever can look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DvcOut {
    /// Its way from the folder of the DVC file.
    pub path: String,
    /// The data set that stands for it.
    pub node: NodeRef,
    /// Its MD5 as DVC has it, `.dir` at the end for a folder; `None` where it names none.
    pub md5: Option<String>,
}

/// Reads a `dvc.lock` or `*.dvc`. `models` are outputs that are models, id by path.
///
/// # Errors
/// [`ImportError`] where it is not YAML, or not of DVC.
pub fn dvc(
    document: Document<'_>,
    models: &BTreeMap<String, String>,
) -> Result<(Taken, Vec<DvcOut>), ImportError> {
    let value = yaml(document, 0)?;
    let top = At::top(document.name, &value);
    let mut reader = Reader {
        models,
        taken: Taken::default(),
        outs: Vec::new(),
    };
    if let Some(stages) = top.get("stages") {
        for (name, stage) in stages.entries()? {
            reader.stage(name, &stage)?;
        }
    } else if top.get("outs").is_some() {
        reader.single(&top)?;
    } else {
        return Err(ImportError::Foreign {
            place: document.name.to_owned(),
            message: "is neither a dvc.lock (it has no stages) nor a *.dvc file (it has no outs)"
                .to_owned(),
        });
    }
    Ok((reader.taken, reader.outs))
}

struct Reader<'a> {
    models: &'a BTreeMap<String, String>,
    taken: Taken,
    outs: Vec<DvcOut>,
}

impl Reader<'_> {
    fn stage(&mut self, name: &str, stage: &At<'_>) -> Result<(), ImportError> {
        let deps = stage.list("deps")?;
        let outs = stage.list("outs")?;
        let mut sha = Sha256::new().chain_update(name.as_bytes());
        let mut inputs = Vec::new();
        let mut made = Vec::new();
        for (list, nodes) in [(&deps, &mut inputs), (&outs, &mut made)] {
            for each in list {
                let (node, path, md5) = self.thing(each)?;
                for part in [
                    path.as_str(),
                    "\0",
                    md5.as_deref().unwrap_or_default(),
                    "\0",
                ] {
                    sha.update(part.as_bytes());
                }
                nodes.push((node, path));
            }
            sha.update(b"\0");
        }
        let digest: String = hex::encode(sha.finalize()).chars().take(DIGITS).collect();
        let run = stage.named(NodeKind::Run, &format!("dvc:{name}:{digest}"))?;
        let mut facts = NodeFacts {
            label: Some(name.to_owned()),
            state: Some("finished".to_owned()),
            ..NodeFacts::default()
        };
        if let Some(cmd) = stage.get("cmd") {
            // A list of commands is one after the other; a command may be long, and may hold
            // secrets: its digest tells two apart.
            let digest = Sha256::digest(cmd.value.to_string().as_bytes());
            facts
                .more
                .insert("cmd_sha256".to_owned(), hex::encode(digest));
        }
        self.taken.node(&run, &facts);
        for (node, path) in inputs {
            let edge = if node.kind == NodeKind::Model {
                EdgeKind::Base
            } else {
                EdgeKind::Input
            };
            self.taken.edge(&node, edge, &run, at_path(path));
        }
        for (node, path) in made {
            self.taken
                .edge(&run, EdgeKind::Produced, &node, at_path(path));
        }
        for (key, _) in stage.entries()? {
            if !["cmd", "deps", "outs"].contains(&key) {
                self.taken.pass(&format!("stage key {key}"));
            }
        }
        Ok(())
    }

    /// A `*.dvc` file: outputs that were added, or imported from elsewhere.
    fn single(&mut self, top: &At<'_>) -> Result<(), ImportError> {
        let mut from = Vec::new();
        for dep in top.list("deps")? {
            let path = dep.need("path")?;
            let node = path.dataset(&path.text()?.replace('@', "_"), "")?;
            let mut facts = NodeFacts::default();
            for key in ["etag", "md5", "version_id"] {
                if let Some(at) = dep.get(key) {
                    facts.more.insert(key.to_owned(), at.text()?.to_owned());
                }
            }
            self.taken.node(&node, &facts);
            from.push(node);
        }
        for out in top.list("outs")? {
            let (node, path, _) = self.thing(&out)?;
            for dep in &from {
                let facts = EdgeFacts {
                    how: Some("copy".to_owned()),
                    ..at_path(path.clone())
                };
                let edge = if node.kind == NodeKind::Model {
                    EdgeKind::Trained
                } else {
                    EdgeKind::Derived
                };
                self.taken.edge(dep, edge, &node, facts);
            }
        }
        for (key, _) in top.entries()? {
            if !["outs", "deps", "md5", "frozen"].contains(&key) {
                self.taken.pass(&format!("key {key}"));
            }
        }
        Ok(())
    }

    /// A dependency or output: its node, its path, its MD5.
    fn thing(&mut self, at: &At<'_>) -> Result<(NodeRef, String, Option<String>), ImportError> {
        let path_at = at.need("path")?;
        let path = path_at.text()?;
        let md5 = match at.get("md5") {
            Some(md5) => Some(md5.text()?.to_lowercase()),
            None => None,
        };
        let digits = md5
            .as_deref()
            .map(|md5| md5.strip_suffix(".dir").unwrap_or(md5));
        if let Some(digits) = digits
            && (digits.len() != 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
        {
            return Err(at.wrong(format!(
                "has {digits:?} for an MD5: 32 hex digits are needed"
            )));
        }
        let mut facts = NodeFacts::default();
        if let Some(md5) = &md5 {
            facts.more.insert("md5".to_owned(), md5.clone());
        } else {
            self.taken
                .pass("things without an md5 (etags and checksums of remotes)");
        }
        if let Some(size) = at.get("size") {
            facts.bytes = Some(size.count()?);
        }
        if let Some(count) = at.get("nfiles") {
            facts
                .more
                .insert("files".to_owned(), count.count()?.to_string());
        }
        let node = if let Some(id) = self.models.get(path) {
            facts.label = Some(id.clone());
            path_at.named(NodeKind::Model, id)?
        } else {
            let version: String = digits.unwrap_or_default().chars().take(DIGITS).collect();
            path_at.dataset(&path.replace('@', "_"), &version)?
        };
        self.taken.node(&node, &facts);
        self.outs.push(DvcOut {
            path: path.to_owned(),
            node: node.clone(),
            md5: md5.clone(),
        });
        Ok((node, path.to_owned(), md5))
    }
}

fn at_path(path: String) -> EdgeFacts {
    EdgeFacts {
        path: Some(path),
        ..EdgeFacts::default()
    }
}
