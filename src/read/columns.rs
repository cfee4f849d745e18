//! The paths of a file: a tree of keys, lists and maps, and the columns that its leaves are.
//!
//! How a path is written: keys joined by `.`, a list `[]`, the values of a map `{}`, the keys of
//! a map `{key}`, JSON inside a string `→`, a row that is a bare string `$`. So `messages[].content`, `meta{}`,
//! `response→choices[].message.content`. Keys themselves are no text and are not scanned, except
//! those of a map type, which are data. Where an object has more than
//! [`OBJECT_KEYS_MAX`](super::limits::OBJECT_KEYS_MAX) different keys, the later ones are written
//! `{}` as for a map.

use serde::Deserialize;
use serde::Serialize;

mod news;

use std::collections::HashMap;
use std::sync::Arc;

pub(super) use self::news::Map;
pub(super) use self::news::News;
pub(super) use self::news::Wide;

use self::news::Born;
use self::news::Journal;
use super::limits::OBJECT_KEYS_MAX;
use super::limits::PATH_NODES_MAX;
use super::names;
use super::names::KeyClass;
use crate::model::ColumnId;
use crate::model::ColumnUse;
use crate::model::Role;

/// Keys longer than this are folded like those beyond [`OBJECT_KEYS_MAX`]: no column is named so.
const KEY_BYTES_MAX: usize = 256;

/// Keys of one object up to which they are looked up one by one.
const LINEAR_KEYS_MAX: usize = 16;

/// A place in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct NodeId(pub(super) u32);

/// The row itself.
pub(super) const ROOT: NodeId = NodeId(0);

/// How a node hangs on its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Root,
    Key,
    /// Key of an object beyond the number that become columns.
    Folded,
    List,
    MapValue,
    MapKey,
    Json,
}

/// One place in the tree, with everything that its path alone decides.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent properties, read on the hot path"
)]
pub(super) struct Node {
    pub(super) path: Arc<str>,
    pub(super) parent: NodeId,
    pub(super) step: Step,
    /// Class of the nearest key at or above.
    pub(super) class: KeyClass,
    pub(super) affix: Option<&'static str>,
    /// Role that the path gives; a chat turn may overrule it.
    pub(super) role: Role,
    /// Whether the user named this path as a prompt.
    pub(super) forced_prompt: bool,
    /// Whether leaves here are text to hand on.
    pub(super) emit: bool,
    /// Whether a path inside JSON in a string here is selected.
    pub(super) opens: bool,
    /// Whether this is the path given as `--model-column`.
    pub(super) explicit_model: bool,
    /// Whether outputs took their model from here.
    names_models: bool,
    pub(super) tokens_named: bool,
    /// Row in which integers were last counted, and how many so far.
    pub(super) ints: (u64, u64),
    /// The object in which this key was last seen; tells a duplicate.
    seen_in: u64,
    column: Option<ColumnId>,
    keys: Vec<(Box<str>, NodeId)>,
    by_key: HashMap<Box<str>, NodeId>,
    /// Position in `keys` where the next key is expected.
    expected: usize,
    special: [Option<NodeId>; 5],
}

/// What is to be read, as the user asked.
#[derive(Debug, Clone, Default)]
pub(super) struct Selection {
    pub(super) text: Vec<Pattern>,
    pub(super) exempt: Vec<Pattern>,
    pub(super) prompt: Vec<Pattern>,
    pub(super) model: Option<Pattern>,
    /// Registering: prompts beside a selected column are still handed on, as prompts.
    pub(super) registering: bool,
}

/// What is wrong with a key given twice in one object.
pub(super) fn twice(key: &str) -> String {
    format!("the key {key:?} occurs twice in one object")
}

/// A column path as a user wrote it; covers itself and all below. `[*]` is `[]`, and a path
/// without brackets covers lists too (`completions.model` is `completions[].model`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    pub(super) written: String,
    path: String,
    bare: bool,
}

impl Pattern {
    pub(super) fn new(written: &str) -> Self {
        let path = written.trim().replace("[*]", "[]").replace("->", "→");
        let bare = !path.contains("[]");
        Self {
            written: written.to_owned(),
            path,
            bare,
        }
    }

    /// What of `path` lies below this pattern, if it covers it; lists taken out where the
    /// pattern is written without.
    fn below(&self, path: &str) -> Option<String> {
        let path = if self.bare {
            path.replace("[]", "")
        } else {
            path.to_owned()
        };
        let rest = path.strip_prefix(&self.path)?;
        // An empty pattern covers nothing: an unset shell variable must not exempt everything.
        let whole_step = rest.is_empty() || rest.starts_with(['.', '[', '{', '→']);
        (whole_step && !self.path.is_empty()).then(|| rest.to_owned())
    }

    pub(super) fn covers(&self, path: &str) -> bool {
        self.below(path).is_some()
    }

    /// Whether the pattern names something in the JSON of the strings at `path`.
    fn is_inside(&self, path: &str) -> bool {
        let bare;
        let path = if self.bare {
            bare = path.replace("[]", "");
            &bare
        } else {
            path
        };
        self.path
            .strip_prefix(path)
            .is_some_and(|rest| rest.starts_with('→'))
    }

    fn is(&self, path: &str) -> bool {
        self.below(path).is_some_and(|rest| rest.is_empty())
    }
}

/// How often a column was met, by what was found.
#[derive(Debug, Clone, Copy, Default)]
struct Found {
    scanned: u64,
    exempt: u64,
    tokens: u64,
    binary: u64,
    other: u64,
}

/// A leaf that is not handed on as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaf {
    Scanned,
    Exempt,
    Tokens,
    Binary,
    NotText,
}

/// One column of a file: its path, how it was treated and how many leaves it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnInfo {
    /// The path, as the module documentation of `columns` writes it.
    pub path: Arc<str>,
    /// How it was treated. Where leaves differ, the first of tokens, binary, scanned, exempt,
    /// not text that occurs.
    pub used: ColumnUse,
    /// Number of leaves of that use; for numbers in Parquet the values stored, nulls included.
    pub leaves: u64,
}

/// The tree and the columns of one file.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_field_names,
    reason = "the columns are one of its parts"
)]
pub(super) struct Columns {
    nodes: Vec<Node>,
    columns: Vec<(Arc<str>, Found)>,
    by_path: HashMap<Arc<str>, ColumnId>,
    selection: Selection,
    columns_max: usize,
    announced: usize,
    /// What was learnt, for another table to learn it too.
    journal: Option<Journal>,
}

impl Columns {
    pub(super) fn new(selection: Selection, columns_max: usize) -> Self {
        let mut columns = Self {
            nodes: Vec::new(),
            columns: Vec::new(),
            by_path: HashMap::new(),
            selection,
            columns_max,
            announced: 0,
            journal: None,
        };
        let root = columns.make(ROOT, Step::Root, "");
        columns.nodes.push(root);
        columns
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "ids are made only by this table and never removed"
    )]
    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "ids are made only by this table and never removed"
    )]
    pub(super) fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.0 as usize]
    }

    /// The child under a key of an object. `object` numbers the object in hand; a key that it
    /// already had is an error.
    pub(super) fn key(&mut self, at: NodeId, key: &str, object: u64) -> Result<NodeId, String> {
        let node = self.node(at);
        let hit = match node.keys.get(node.expected) {
            Some((known, child)) if &**known == key => Some((node.expected, *child)),
            _ if node.by_key.is_empty() => node
                .keys
                .iter()
                .position(|(known, _)| &**known == key)
                .and_then(|index| Some((index, node.keys.get(index)?.1))),
            // The position is only a hint, so a wrong one costs nothing but time.
            _ => node.by_key.get(key).map(|child| (node.expected, *child)),
        };
        let (index, child) = match hit {
            Some(hit) => hit,
            None if node.keys.len() >= OBJECT_KEYS_MAX || key.len() > KEY_BYTES_MAX => {
                return self.special(at, Step::Folded);
            }
            None => {
                let child = self.add(at, Step::Key, key)?;
                let node = self.node_mut(at);
                node.keys.push((key.into(), child));
                if node.keys.len() > LINEAR_KEYS_MAX {
                    if node.by_key.is_empty() {
                        node.by_key = node.keys.iter().cloned().collect();
                    } else {
                        node.by_key.insert(key.into(), child);
                    }
                }
                (node.keys.len() - 1, child)
            }
        };
        let node = self.node_mut(at);
        node.expected = if index + 1 < node.keys.len() {
            index + 1
        } else {
            0
        };
        let seen = &mut self.node_mut(child).seen_in;
        if *seen == object {
            return Err(twice(key));
        }
        *seen = object;
        Ok(child)
    }

    /// The child under a key that was met before, if it is a place of its own.
    pub(super) fn known_key(&self, at: NodeId, key: &str) -> Option<NodeId> {
        let node = self.node(at);
        if node.by_key.is_empty() {
            let mut keys = node.keys.iter();
            keys.find(|(known, _)| &**known == key).map(|(_, id)| *id)
        } else {
            node.by_key.get(key).copied()
        }
    }

    /// The child that is a list's elements, a map's keys or values, or JSON in a string.
    pub(super) fn special(&mut self, at: NodeId, step: Step) -> Result<NodeId, String> {
        let slot = match step {
            Step::List => 0,
            Step::MapValue => 1,
            Step::MapKey => 2,
            Step::Json => 3,
            Step::Folded | Step::Key | Step::Root => 4,
        };
        if let Some(Some(child)) = self.node(at).special.get(slot) {
            return Ok(*child);
        }
        let child = self.add(at, step, "")?;
        if let Some(place) = self.node_mut(at).special.get_mut(slot) {
            *place = Some(child);
        }
        Ok(child)
    }

    fn add(&mut self, parent: NodeId, step: Step, key: &str) -> Result<NodeId, String> {
        let id = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        if self.nodes.len() >= PATH_NODES_MAX {
            return Err(format!(
                "the file has more than {PATH_NODES_MAX} different paths"
            ));
        }
        let node = self.make(parent, step, key);
        self.nodes.push(node);
        if let Some(journal) = &mut self.journal {
            journal.nodes.push(Born {
                parent,
                step,
                key: key.into(),
            });
        }
        Ok(NodeId(id))
    }

    fn make(&self, parent: NodeId, step: Step, key: &str) -> Node {
        let blank = |path: Arc<str>, class, affix, role, tokens_named| Node {
            path,
            parent,
            step,
            class,
            affix,
            role,
            forced_prompt: false,
            emit: true,
            opens: false,
            explicit_model: false,
            names_models: false,
            tokens_named,
            ints: (u64::MAX, 0),
            seen_in: u64::MAX,
            column: None,
            keys: Vec::new(),
            by_key: HashMap::new(),
            expected: 0,
            special: [None; 5],
        };
        let mut node = if step == Step::Root {
            blank(Arc::from(""), KeyClass::Other, None, Role::Unknown, false)
        } else {
            let above = self.node(parent);
            let path = match step {
                Step::Key if above.path.is_empty() || above.step == Step::Json => {
                    format!("{}{key}", above.path)
                }
                Step::Key => format!("{}.{key}", above.path),
                Step::List => format!("{}[]", above.path),
                Step::MapValue | Step::Folded => format!("{}{{}}", above.path),
                Step::MapKey => format!("{}{{key}}", above.path),
                Step::Json => format!("{}→", above.path),
                Step::Root => String::new(),
            };
            let path = Arc::from(path);
            match step {
                Step::Key => {
                    let meaning = names::meaning(key);
                    let role = role_below(above.role, meaning.class);
                    blank(
                        path,
                        meaning.class,
                        meaning.affix,
                        role,
                        names::names_tokens(key),
                    )
                }
                Step::MapKey | Step::Folded => {
                    let role = role_below(above.role, KeyClass::Other);
                    blank(path, KeyClass::Other, None, role, false)
                }
                Step::List | Step::MapValue | Step::Json | Step::Root => blank(
                    path,
                    above.class,
                    above.affix,
                    above.role,
                    above.tokens_named,
                ),
            }
        };
        self.apply(&mut node);
        node
    }

    /// Lets the user's words overrule what the names say.
    fn apply(&self, node: &mut Node) {
        let selection = &self.selection;
        let path = display(&node.path);
        let covers = |patterns: &[Pattern]| patterns.iter().any(|p| p.covers(path));
        let selected = selection.text.is_empty() || covers(&selection.text);
        node.forced_prompt = covers(&selection.prompt);
        node.explicit_model = selection.model.as_ref().is_some_and(|p| p.is(path));
        if node.forced_prompt {
            node.role = Role::Prompt;
        } else if selection.registering
            && selection
                .text
                .iter()
                .any(|p| p.below(path).is_some_and(|rest| is_wrapper(&rest)))
            && matches!(
                node.class,
                KeyClass::Output | KeyClass::Content | KeyClass::Wrapper | KeyClass::Other
            )
            && (node.role != Role::Prompt || node.class == KeyClass::Output)
        {
            node.role = Role::Output;
        }
        let named = selection
            .text
            .iter()
            .chain(&selection.prompt)
            .chain(&selection.model);
        node.opens = named.into_iter().any(|p| p.is_inside(path)) && !covers(&selection.exempt);
        let prompt_beside = selection.registering && node.role == Role::Prompt;
        node.emit = (selected || prompt_beside) && !covers(&selection.exempt);
    }

    /// Whether text below a path could be handed on: the path, something above it or something
    /// below it is selected. Used to leave whole columns of a container undecoded.
    pub(super) fn wanted(&self, id: NodeId) -> bool {
        let node = self.node(id);
        node.emit
            || node.opens
            || node.explicit_model
            || matches!(node.class, KeyClass::Speaker | KeyClass::Model(_))
    }

    /// The column of a node, made on first use.
    pub(super) fn column(&mut self, id: NodeId) -> Result<ColumnId, String> {
        let node = self.node(id);
        if let Some(column) = node.column {
            return Ok(column);
        }
        let path: Arc<str> = match display(&node.path) {
            path if path == &*node.path => Arc::clone(&node.path),
            path => Arc::from(path),
        };
        let column = if let Some(column) = self.by_path.get(&path) {
            *column
        } else {
            if self.columns.len() >= self.columns_max {
                return Err(format!(
                    "the file has more than {} columns",
                    self.columns_max
                ));
            }
            let column = ColumnId(u32::try_from(self.columns.len()).unwrap_or(u32::MAX));
            self.columns.push((Arc::clone(&path), Found::default()));
            self.by_path.insert(path, column);
            column
        };
        self.node_mut(id).column = Some(column);
        Ok(column)
    }

    pub(super) fn count(&mut self, column: ColumnId, leaf: Leaf, leaves: u64) {
        if let Some((_, found)) = self.columns.get_mut(column.0 as usize) {
            let count = match leaf {
                Leaf::Scanned => &mut found.scanned,
                Leaf::Exempt => &mut found.exempt,
                Leaf::Tokens => &mut found.tokens,
                Leaf::Binary => &mut found.binary,
                Leaf::NotText => &mut found.other,
            };
            *count += leaves;
        }
    }

    /// Columns found since the last call.
    pub(super) fn announce(&mut self) -> Vec<(ColumnId, Arc<str>)> {
        let new = self
            .columns
            .iter()
            .enumerate()
            .skip(self.announced)
            .map(|(id, (path, _))| {
                (
                    ColumnId(u32::try_from(id).unwrap_or(u32::MAX)),
                    Arc::clone(path),
                )
            })
            .collect();
        self.announced = self.columns.len();
        new
    }

    /// Every column, in order of discovery.
    pub(super) fn infos(&self) -> Vec<ColumnInfo> {
        self.columns
            .iter()
            .map(|(path, found)| {
                let (used, leaves) = if found.tokens > 0 {
                    (ColumnUse::Tokens, found.tokens)
                } else if found.binary > 0 {
                    (ColumnUse::Binary, found.binary)
                } else if found.scanned > 0 {
                    (ColumnUse::Scanned, found.scanned)
                } else if found.exempt > 0 {
                    (ColumnUse::Exempt, found.exempt)
                } else {
                    (ColumnUse::NotText, found.other)
                };
                ColumnInfo {
                    path: Arc::clone(path),
                    used,
                    leaves,
                }
            })
            .collect()
    }

    /// The columns that outputs took their model from, in order of discovery.
    pub(super) fn model_columns(&self) -> Vec<Arc<str>> {
        let named = self.nodes.iter().filter(|node| node.names_models);
        named.map(|node| Arc::clone(&node.path)).collect()
    }

    /// Notes that outputs took their model from a place.
    pub(super) fn name_models(&mut self, id: NodeId) {
        if self.node(id).names_models {
            return;
        }
        self.node_mut(id).names_models = true;
        if let Some(journal) = &mut self.journal {
            journal.named.push(id);
        }
    }

    /// Whether a pattern covers a column that occurs.
    pub(super) fn occurs(&self, pattern: &Pattern) -> bool {
        self.columns.iter().any(|(path, _)| pattern.covers(path))
    }

    pub(super) fn selection(&self) -> &Selection {
        &self.selection
    }

    /// The columns as a list for a message.
    pub(super) fn listing(&self) -> String {
        const SHOWN: usize = 40;
        let mut names: Vec<&str> = self
            .columns
            .iter()
            .take(SHOWN)
            .map(|(path, _)| &**path)
            .collect();
        if self.columns.len() > SHOWN {
            names.push("…");
        }
        if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        }
    }

    /// The key directly below `top` on the way to `id`; `id` itself when it stands there.
    pub(super) fn child_towards(&self, top: NodeId, id: NodeId) -> NodeId {
        let mut at = id;
        loop {
            let parent = self.node(at).parent;
            if parent == top || at == ROOT {
                return at;
            }
            at = parent;
        }
    }
}

fn display(path: &str) -> &str {
    if path.is_empty() { "$" } else { path }
}

/// Whether what stands below a named path is still the named text: lists, maps, JSON, and keys
/// that only wrap it.
fn is_wrapper(rest: &str) -> bool {
    rest.split(['.', '→'])
        .map(|word| word.trim_end_matches("[]").trim_end_matches("{}"))
        .filter(|word| !word.is_empty())
        .all(|word| {
            matches!(
                names::meaning(word).class,
                KeyClass::Content | KeyClass::Wrapper | KeyClass::Output
            )
        })
}

/// The role of a key below a place with a role. A prompt's insides stay prompt; what stands
/// beside the text inside an output (a judge's note, an id) is not taken for output.
fn role_below(above: Role, class: KeyClass) -> Role {
    if above == Role::Prompt {
        return Role::Prompt;
    }
    match class {
        // The word that names a speaker or a model is nobody's output.
        KeyClass::Prompt | KeyClass::Speaker | KeyClass::Model(_) => Role::Prompt,
        KeyClass::Output => Role::Output,
        KeyClass::Content | KeyClass::Wrapper => above,
        KeyClass::Other => Role::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path_of(columns: &mut Columns, keys: &[&str]) -> NodeId {
        static OBJECTS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let mut at = ROOT;
        for key in keys {
            let object = OBJECTS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            at = match *key {
                "[]" => columns.special(at, Step::List).unwrap(),
                "{}" => columns.special(at, Step::MapValue).unwrap(),
                "→" => columns.special(at, Step::Json).unwrap(),
                key => columns.key(at, key, object).unwrap(),
            };
        }
        at
    }

    fn table(text: &[&str], exempt: &[&str], registering: bool) -> Columns {
        let patterns = |list: &[&str]| list.iter().map(|p| Pattern::new(p)).collect();
        let selection = Selection {
            text: patterns(text),
            exempt: patterns(exempt),
            registering,
            ..Selection::default()
        };
        Columns::new(selection, 100)
    }

    #[test]
    fn paths_are_written_as_documented() {
        let mut columns = table(&[], &[], false);
        for (keys, path) in [
            (&["messages", "[]", "content"][..], "messages[].content"),
            (&["m", "{}"], "m{}"),
            (&["r", "→", "choices", "[]", "text"], "r→choices[].text"),
            (&["r", "→", "[]"], "r→[]"),
            (&["[]", "a"], "[].a"),
        ] {
            let node = path_of(&mut columns, keys);
            assert_eq!(&*columns.node(node).path, path);
        }
    }

    #[test]
    fn patterns_cover_what_is_below() {
        let covers = |pattern: &str, path: &str| Pattern::new(pattern).covers(path);
        assert!(covers("messages", "messages[].content"));
        assert!(covers("messages[].content", "messages[].content"));
        assert!(covers("messages[*].content", "messages[].content[].text"));
        assert!(covers("completions.model", "completions[].model"));
        assert!(covers("r->choices", "r→choices[].text"));
        assert!(!covers("message", "messages[].content"));
        assert!(!covers("messages[].content", "messages[].role"));
        assert!(!covers("a.b", "a"));
    }

    #[test]
    fn selection_and_exemption() {
        let mut columns = table(&["messages", "text"], &["messages[].name"], false);
        for (keys, emit) in [
            (&["messages", "[]", "content"][..], true),
            (&["messages", "[]", "name"], false),
            (&["text"], true),
            (&["prompt"], false),
        ] {
            let node = path_of(&mut columns, keys);
            assert_eq!(columns.node(node).emit, emit, "{keys:?}");
        }
        let mut columns = table(&["text"], &["system"], true);
        for (keys, emit, role) in [
            (&["text"][..], true, Role::Output),
            (&["prompt"], true, Role::Prompt),
            (&["system"], false, Role::Prompt),
            (&["response"], false, Role::Output),
        ] {
            let node = path_of(&mut columns, keys);
            let node = columns.node(node);
            assert_eq!((node.emit, node.role), (emit, role), "{keys:?}");
        }
    }

    #[test]
    fn roles_follow_the_names() {
        let mut columns = table(&[], &[], true);
        for (keys, role) in [
            (&["completions", "[]", "response"][..], Role::Output),
            (&["completions", "[]", "critique"], Role::Unknown),
            (&["completions", "[]", "custom_system_prompt"], Role::Prompt),
            (&["generations", "[]"], Role::Output),
            (&["output", "outputBodyJson", "generation"], Role::Output),
            (&["input", "inputBodyJson", "prompt"], Role::Prompt),
            (&["prompt", "[]", "content"], Role::Prompt),
            (
                &["response", "body", "choices", "[]", "message", "content"],
                Role::Output,
            ),
            (&["response", "body", "id"], Role::Unknown),
            (&["text"], Role::Unknown),
            (&["question"], Role::Prompt),
        ] {
            let node = path_of(&mut columns, keys);
            assert_eq!(columns.node(node).role, role, "{keys:?}");
        }
    }

    #[test]
    fn a_prompt_stays_a_prompt_when_named_as_text() {
        let mut columns = table(&["prompt", "question.answer"], &[], true);
        for (keys, role) in [
            (&["prompt"][..], Role::Prompt),
            (&["question", "answer"], Role::Output),
        ] {
            let node = path_of(&mut columns, keys);
            assert_eq!(columns.node(node).role, role, "{keys:?}");
        }
    }

    #[test]
    fn a_key_twice_in_one_object_is_refused_and_in_two_is_not() {
        let mut columns = table(&[], &[], false);
        columns.key(ROOT, "a", 1).unwrap();
        columns.key(ROOT, "b", 1).unwrap();
        assert!(columns.key(ROOT, "a", 1).unwrap_err().contains("twice"));
        columns.key(ROOT, "a", 2).unwrap();
    }

    #[test]
    fn many_keys_fold_and_many_paths_fail() {
        let mut columns = table(&[], &[], false);
        let mut last = ROOT;
        for n in 0..=OBJECT_KEYS_MAX {
            last = columns.key(ROOT, &format!("k{n}"), 1).unwrap();
        }
        assert_eq!(&*columns.node(last).path, "{}");
        let nodes: Vec<_> = (0..101)
            .map(|n| columns.key(ROOT, &format!("k{n}"), 2).unwrap())
            .collect();
        for node in &nodes[..100] {
            columns.column(*node).unwrap();
        }
        assert!(
            columns
                .column(nodes[100])
                .unwrap_err()
                .contains("100 columns")
        );
    }
}
