//! From the events of a walk through a row to units in batches.
//!
//! JSON and Arrow walkers call the same methods (`enter_object`, `text`, `int_list`, …) so that a
//! row means the same whatever it was stored in. Text is copied once, into the batch. A row is
//! provisional until [`RowWriter::commit`]: a broken one leaves nothing behind but its error.

use std::collections::HashMap;
use std::collections::HashSet;

use super::columns::Columns;
use super::columns::Leaf;
use super::columns::NodeId;
use super::columns::ROOT;
use super::columns::Step;
use super::error::Stop;
use super::json;
use super::limits::BATCH_ERRORS_MAX;
use super::limits::FOLDED_KEYS_MAX;
use super::limits::JSON_IN_STRING_DEPTH_MAX;
use super::limits::Limits;
use super::limits::TOKEN_LIST_MIN;
use super::names;
use super::names::KeyClass;
use crate::model::Batch;
use crate::model::ColumnId;
use crate::model::Role;
use crate::model::RowError;
use crate::model::UnitSpan;

/// Columns of a table up to which their places are looked up once for many rows. Chosen: beyond,
/// telling them apart pair by pair costs more.
const KNOWN_KEYS_MAX: usize = 64;

/// Receives batches.
pub(super) trait Sink {
    /// Takes what it wants of a batch. The buffers that it leaves serve for the next one.
    /// `columns` is the table of the columns that the batch speaks of.
    fn batch(&mut self, batch: &mut Batch, columns: &mut Columns) -> Result<(), Stop>;
}

/// Hands whole batches on.
pub(super) struct Whole<'a>(pub(super) &'a mut dyn FnMut(Batch) -> Result<(), Stop>);

impl Sink for Whole<'_> {
    fn batch(&mut self, batch: &mut Batch, _: &mut Columns) -> Result<(), Stop> {
        let units = Vec::with_capacity(batch.units.len());
        let batch = std::mem::replace(
            batch,
            Batch {
                units,
                ..Batch::default()
            },
        );
        (self.0)(batch)
    }
}

/// Collects rows into batches and hands the batches on.
pub(super) struct RowWriter<'a> {
    pub(super) columns: Columns,
    batch: Batch,
    sink: &'a mut dyn Sink,
    limits: Limits,
    registering: bool,
    /// Number of the row in hand; also the number of rows finished.
    row: u64,
    row_errors: u64,
    /// Numbers objects, so that a key seen twice in one is told from one seen in two.
    objects: u64,
    start: Mark,
    frames: Vec<Frame>,
    claims: Vec<Claim>,
    elements: Vec<Element>,
    touched: Vec<(NodeId, Leaf, u64)>,
    opaque: Vec<(NodeId, Leaf)>,
    model_ids: HashMap<String, u32>,
    /// Index of the element in hand, in the innermost list.
    element: Option<u32>,
    chat_turns: u64,
    json_depth: usize,
    /// Units of the row in hand that were handed on with earlier batches.
    ordinals_before: u32,
    /// Rows before this one were handed on by another writer.
    hand_on_from: u64,
}

/// How far everything had grown at some point, to be able to go back there.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    text: usize,
    units: usize,
    models: usize,
    touched: usize,
    opaque: usize,
    frames: usize,
    claims: usize,
    elements: usize,
    chat_turns: u64,
    element: Option<u32>,
}

/// An object being walked.
#[derive(Debug)]
struct Frame {
    node: NodeId,
    units: usize,
    claims: usize,
    elements: usize,
    speaker: Speaker,
    has_content: bool,
    /// Keys seen that are no columns of their own: the table of columns cannot tell their doubles.
    folded: HashSet<Box<str>>,
}

/// Who speaks in an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speaker {
    /// The object names nobody: it is no chat turn.
    None,
    /// A word that is not known, so that the role is not either.
    Unknown,
    /// A known word.
    Known(Role),
}

/// A model id found in a row.
#[derive(Debug, Clone, Copy)]
struct Claim {
    model: u32,
    /// Where the id stood.
    node: NodeId,
    rank: u8,
    affix: Option<&'static str>,
    /// Position in a list of models, matched with the list of outputs beside it.
    element: Option<u32>,
    explicit: bool,
}

/// Where an element of an output list begins.
#[derive(Debug, Clone, Copy)]
struct Element {
    list: NodeId,
    index: u32,
    units: usize,
}

impl<'a> RowWriter<'a> {
    pub(super) fn new(columns: Columns, limits: Limits, sink: &'a mut dyn Sink) -> Self {
        let registering = columns.selection().registering;
        Self {
            columns,
            batch: Batch::default(),
            sink,
            limits,
            registering,
            row: 0,
            row_errors: 0,
            objects: 0,
            start: Mark::default(),
            frames: Vec::new(),
            claims: Vec::new(),
            elements: Vec::new(),
            touched: Vec::new(),
            opaque: Vec::new(),
            model_ids: HashMap::new(),
            element: None,
            chat_turns: 0,
            json_depth: 0,
            ordinals_before: 0,
            hand_on_from: 0,
        }
    }

    /// Rows finished so far, broken ones included; the number of the row in hand.
    pub(super) fn row(&self) -> u64 {
        self.row
    }

    /// Rows begun: those finished, and one more if part of it was handed on already.
    pub(super) fn rows_begun(&self) -> u64 {
        self.row + u64::from(self.batch.continues)
    }

    pub(super) fn row_errors(&self) -> u64 {
        self.row_errors
    }

    /// The next row is number `row`; nothing of an earlier one may be in hand.
    pub(super) fn start_at(&mut self, row: u64) {
        self.row = row;
        self.batch.first_row = row;
        // What an earlier stretch of rows broke off with is not to be seen again.
        self.json_depth = 0;
        self.element = None;
    }

    /// Rows before this one are read and not handed on.
    pub(super) fn hand_on_from(&mut self, row: u64) {
        self.hand_on_from = row;
    }

    fn mark(&self) -> Mark {
        Mark {
            text: self.batch.text.len(),
            units: self.batch.units.len(),
            models: self.batch.models.len(),
            touched: self.touched.len(),
            opaque: self.opaque.len(),
            frames: self.frames.len(),
            claims: self.claims.len(),
            elements: self.elements.len(),
            chat_turns: self.chat_turns,
            element: self.element,
        }
    }

    fn go_back(&mut self, mark: Mark) {
        self.batch.text.truncate(mark.text);
        self.batch.units.truncate(mark.units);
        if self.batch.models.len() > mark.models {
            self.batch.models.truncate(mark.models);
            self.model_ids
                .retain(|_, index| (*index as usize) < mark.models);
        }
        self.touched.truncate(mark.touched);
        self.opaque.truncate(mark.opaque);
        self.frames.truncate(mark.frames);
        self.claims.truncate(mark.claims);
        self.elements.truncate(mark.elements);
        self.chat_turns = mark.chat_turns;
        self.element = mark.element;
    }

    /// Starts the next row.
    pub(super) fn begin(&mut self) {
        self.start = self.mark();
    }

    /// The row in hand is complete.
    pub(super) fn commit(&mut self) -> Result<(), Stop> {
        match self.settle() {
            Ok(()) => self.next_row(),
            Err(message) => self.fail(message),
        }
    }

    /// Turns places into columns and counts the leaves.
    fn settle(&mut self) -> Result<(), String> {
        let relative = self.batch.rows;
        let first = self.start.units;
        for (ordinal, unit) in (self.ordinals_before..).zip(self.batch.units.iter_mut().skip(first))
        {
            let node = NodeId(unit.column.0);
            let column = self.columns.column(node)?;
            if self.columns.node(node).forced_prompt {
                unit.role = Role::Prompt;
            }
            unit.column = column;
            unit.row = relative;
            unit.ordinal = ordinal;
        }
        for (node, _) in &self.opaque {
            self.columns.column(*node)?;
        }
        for (node, _, _) in &self.touched {
            self.columns.column(*node)?;
        }
        // Nothing can fail from here on, so counts are of whole rows only.
        for unit in self.batch.units.iter().skip(first) {
            self.columns.count(unit.column, Leaf::Scanned, 1);
        }
        for (node, leaf, leaves) in self.touched.drain(..) {
            let column = self.columns.column(node)?;
            self.columns.count(column, leaf, leaves);
        }
        for (node, leaf) in self.opaque.drain(..) {
            let column = self.columns.column(node)?;
            self.columns.count(column, leaf, 1);
            if self.batch.opaque.last() != Some(&(relative, column)) {
                self.batch.opaque.push((relative, column));
            }
        }
        self.claims.clear();
        self.elements.clear();
        self.frames.clear();
        Ok(())
    }

    /// The row in hand is broken: whatever it had is taken back, and it is counted.
    pub(super) fn fail(&mut self, message: String) -> Result<(), Stop> {
        self.go_back(self.start);
        self.touched.clear();
        self.opaque.clear();
        self.frames.clear();
        self.claims.clear();
        self.elements.clear();
        self.json_depth = 0;
        self.row_errors += 1;
        self.batch.errors.push(RowError {
            row: self.row,
            message,
        });
        self.next_row()
    }

    fn next_row(&mut self) -> Result<(), Stop> {
        self.ordinals_before = 0;
        self.row += 1;
        self.batch.rows += 1;
        if self.batch.rows >= self.limits.batch_rows_max
            || self.batch.text.len() >= self.limits.batch_text_bytes
            || self.batch.errors.len() >= BATCH_ERRORS_MAX
            || self.row == self.hand_on_from
        {
            return self.flush(self.row);
        }
        Ok(())
    }

    /// Hands on what is there.
    pub(super) fn finish(&mut self) -> Result<(), Stop> {
        if self.batch.rows > 0 {
            self.flush(self.row)
        } else {
            Ok(())
        }
    }

    fn flush(&mut self, next_first_row: u64) -> Result<(), Stop> {
        let batch = &mut self.batch;
        batch.columns = self.columns.announce();
        self.model_ids.clear();
        let known = batch.first_row + u64::from(batch.rows) <= self.hand_on_from;
        let done = if known {
            Ok(())
        } else {
            self.sink.batch(batch, &mut self.columns)
        };
        batch.first_row = next_first_row;
        batch.rows = 0;
        batch.text.clear();
        // A row as long as a row may be must not be paid for to the end of the file.
        batch.text.shrink_to(4 * self.limits.batch_text_bytes);
        batch.text.reserve(self.limits.batch_text_bytes);
        batch.units.clear();
        batch.models.clear();
        batch.errors.clear();
        batch.opaque.clear();
        batch.columns.clear();
        batch.continues = false;
        done
    }

    /// Hands on the units so far although the row goes on; later batches carry on with it.
    pub(super) fn flush_within_row(&mut self) -> Result<(), Stop> {
        if let Err(message) = self.settle() {
            return self.fail(message);
        }
        let units = self.batch.units.len() - self.start.units;
        self.ordinals_before += u32::try_from(units).unwrap_or(u32::MAX);
        self.batch.rows += 1;
        self.flush(self.row)?;
        self.batch.continues = true;
        self.start = Mark::default();
        Ok(())
    }

    /// A number for the next object.
    pub(super) fn enter_object(&mut self, node: NodeId) -> u64 {
        self.frames.push(Frame {
            node,
            units: self.batch.units.len(),
            claims: self.claims.len(),
            elements: self.elements.len(),
            speaker: Speaker::None,
            has_content: false,
            folded: HashSet::new(),
        });
        self.objects += 1;
        self.objects
    }

    /// A key of the object in hand; `object` is what [`Self::enter_object`] gave.
    pub(super) fn key(&mut self, at: NodeId, key: &str, object: u64) -> Result<NodeId, String> {
        let child = self.columns.key(at, key, object)?;
        if self.columns.node(child).step == Step::Folded {
            self.folded_key(key)?;
        }
        self.known_key(child);
        Ok(child)
    }

    /// The places of the keys that every row of a table has, if each is a column of its own: so
    /// they need to be looked up and told apart but once.
    pub(super) fn known_keys<'k>(
        &self,
        keys: impl Iterator<Item = &'k str>,
    ) -> Option<Vec<NodeId>> {
        let mut nodes = Vec::new();
        for key in keys {
            let node = self.columns.known_key(ROOT, key)?;
            if nodes.contains(&node) || nodes.len() == KNOWN_KEYS_MAX {
                return None;
            }
            nodes.push(node);
        }
        Some(nodes)
    }

    /// A key of the object in hand that [`Self::known_keys`] found.
    pub(super) fn known_key(&mut self, node: NodeId) {
        if self.columns.node(node).class == KeyClass::Content
            && let Some(frame) = self.frames.last_mut()
        {
            frame.has_content = true;
        }
    }

    fn folded_key(&mut self, key: &str) -> Result<(), String> {
        let open: usize = self.frames.iter().map(|frame| frame.folded.len()).sum();
        if open >= FOLDED_KEYS_MAX {
            return Err(format!(
                "objects of more than {FOLDED_KEYS_MAX} keys: too many to tell a key given twice"
            ));
        }
        let new = self
            .frames
            .last_mut()
            .is_none_or(|frame| frame.folded.insert(key.into()));
        if new {
            Ok(())
        } else {
            Err(super::columns::twice(key))
        }
    }

    /// The object in hand ends: chat turns get their role, outputs their model.
    pub(super) fn leave_object(&mut self) {
        let Some(frame) = self.frames.pop() else {
            return;
        };
        if frame.speaker != Speaker::None && frame.has_content {
            self.chat_turns += 1;
            self.give_turn_its_role(&frame);
        }
        if self.claims.len() > frame.claims {
            self.give_units_their_model(&frame);
        }
        self.elements.truncate(frame.elements);
    }

    fn give_turn_its_role(&mut self, frame: &Frame) {
        let role = match (self.columns.node(frame.node).role, frame.speaker) {
            (Role::Prompt, _) => Role::Prompt,
            (_, Speaker::Known(role)) => role,
            (_, Speaker::Unknown | Speaker::None) => Role::Unknown,
        };
        let columns = &self.columns;
        for unit in self.batch.units.iter_mut().skip(frame.units) {
            let node = NodeId(unit.column.0);
            let top = columns.node(columns.child_towards(frame.node, node)).class;
            let own = columns.node(node).class;
            unit.role = match (top, own) {
                (KeyClass::Speaker | KeyClass::Model(_), _)
                | (_, KeyClass::Speaker | KeyClass::Model(_)) => Role::Prompt,
                // What the model thought belongs to what it said, and a user's notes to the user.
                (
                    KeyClass::Content | KeyClass::Output,
                    KeyClass::Content | KeyClass::Wrapper | KeyClass::Output,
                ) => role,
                _ if role == Role::Prompt => Role::Prompt,
                _ => Role::Unknown,
            };
        }
    }

    fn give_units_their_model(&mut self, frame: &Frame) {
        let claims: Vec<Claim> = self.claims.drain(frame.claims..).collect();
        let plain = claims
            .iter()
            .filter(|claim| claim.affix.is_none() && claim.element.is_none())
            .min_by_key(|claim| claim.rank);
        let affixed = claims.iter().any(|claim| claim.affix.is_some());
        let listed = claims.iter().any(|claim| claim.element.is_some());
        let columns = &self.columns;
        let mut outputs = false;
        let mut used: Vec<NodeId> = Vec::new();
        for (index, unit) in self.batch.units.iter_mut().enumerate().skip(frame.units) {
            outputs |= unit.role == Role::Output;
            if unit.model.is_some() {
                continue;
            }
            let mut claim = plain;
            if affixed {
                let top = columns.child_towards(frame.node, NodeId(unit.column.0));
                if let Some(affix) = columns.node(top).affix {
                    claim = claims.iter().find(|c| c.affix == Some(affix)).or(claim);
                }
            }
            if listed {
                let element = self
                    .elements
                    .iter()
                    .skip(frame.elements)
                    .rev()
                    .find(|element| element.units <= index)
                    .filter(|element| {
                        let list = columns.node(element.list);
                        columns
                            .node(NodeId(unit.column.0))
                            .path
                            .starts_with(&*list.path)
                    });
                if let Some(element) = element {
                    claim = claims
                        .iter()
                        .find(|c| c.element == Some(element.index))
                        .or(claim);
                }
            }
            unit.model = claim.map(|claim| claim.model);
            let node = claim.map(|claim| claim.node);
            if unit.role != Role::Prompt && used.last() != node.as_ref() {
                used.extend(node);
            }
        }
        for node in used {
            self.columns.name_models(node);
        }
        // A column that the user named counts for what stands around it (`meta.model`).
        if !outputs {
            self.claims
                .extend(claims.into_iter().filter(|claim| claim.explicit));
        }
    }

    /// The child that is a list's elements.
    pub(super) fn enter_list(&mut self, node: NodeId) -> Result<(NodeId, Option<u32>), String> {
        let child = self.columns.special(node, Step::List)?;
        Ok((child, self.element))
    }

    /// An element of a list begins.
    pub(super) fn element(&mut self, list: NodeId, index: usize) {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        self.element = Some(index);
        if self.registering && self.columns.node(list).role == Role::Output {
            self.elements.push(Element {
                list,
                index,
                units: self.batch.units.len(),
            });
        }
    }

    /// A list ends; `outer` is what [`Self::enter_list`] gave.
    pub(super) fn leave_list(&mut self, outer: Option<u32>) {
        self.element = outer;
    }

    /// A string. `depth` of JSON in strings is watched here.
    pub(super) fn text(&mut self, node: NodeId, text: &str) -> Result<(), String> {
        let place = self.columns.node(node);
        let (emit, opens, class, role) = (place.emit, place.opens, place.class, place.role);
        if class == KeyClass::Speaker
            && let Some(frame) = self.frames.last_mut()
        {
            frame.speaker = names::speaker(text).map_or(Speaker::Unknown, Speaker::Known);
        }
        if self.registering {
            self.claim(node, text);
        }
        let opened = (emit || opens)
            && json::looks_like_json(text)
            && self.json_depth < JSON_IN_STRING_DEPTH_MAX
            && self.json_in_string(node, text)?;
        if !emit {
            self.touched.push((node, Leaf::Exempt, 1));
            return Ok(());
        }
        if opened {
            return Ok(());
        }
        let start = self.batch.text.len();
        self.batch.text.push_str(text);
        self.push_unit(node, start, role);
        Ok(())
    }

    fn push_unit(&mut self, node: NodeId, start: usize, role: Role) {
        self.batch.units.push(UnitSpan {
            row: 0,
            // Holds the place until the row is settled.
            column: ColumnId(node.0),
            ordinal: 0,
            start,
            end: self.batch.text.len(),
            role,
            model: None,
        });
    }

    fn claim(&mut self, node: NodeId, text: &str) {
        let place = self.columns.node(node);
        let explicit = place.explicit_model;
        let recognised = self.columns.selection().model.is_none();
        let rank = if explicit {
            0
        } else if let (KeyClass::Model(rank), true) = (place.class, recognised) {
            rank
        } else {
            return;
        };
        if text.is_empty() {
            return;
        }
        let element = if place.step == Step::List {
            self.element
        } else {
            None
        };
        let affix = place.affix;
        let model = if let Some(index) = self.model_ids.get(text) {
            *index
        } else {
            let index = u32::try_from(self.batch.models.len()).unwrap_or(u32::MAX);
            self.batch.models.push(text.to_owned());
            self.model_ids.insert(text.to_owned(), index);
            index
        };
        self.claims.push(Claim {
            model,
            node,
            rank,
            affix,
            element,
            explicit,
        });
    }

    /// Walks JSON inside a string. `true` if the walk has delivered all its text, so that the
    /// string itself need not be a unit: a chat, where the whole would mix the turns.
    fn json_in_string(&mut self, node: NodeId, text: &str) -> Result<bool, String> {
        let mark = self.mark();
        let inner = self.columns.special(node, Step::Json)?;
        self.json_depth += 1;
        let walked = json::walk(self, inner, text);
        self.json_depth -= 1;
        self.element = mark.element;
        let opaque = self.opaque.len() > mark.opaque;
        let units = self.batch.units.len() > mark.units;
        if walked.is_err() || !(units || opaque) {
            // Not JSON after all, or nothing in it but numbers: it is scanned as it stands.
            self.go_back(mark);
            return Ok(false);
        }
        let chat = self.chat_turns > mark.chat_turns;
        if self.registering && !chat && self.columns.node(node).role == Role::Output {
            // An answer that is JSON was generated whole, and is registered whole.
            self.go_back(mark);
            return Ok(false);
        }
        Ok(chat)
    }

    /// Bytes without a character set: text if they are UTF-8.
    pub(super) fn bytes(&mut self, node: NodeId, bytes: &[u8]) -> Result<(), String> {
        match simdutf8::basic::from_utf8(bytes) {
            Ok(text) => self.text(node, text),
            Err(_) if self.columns.node(node).emit => {
                self.opaque.push((node, Leaf::Binary));
                Ok(())
            }
            Err(_) => {
                self.touched.push((node, Leaf::Exempt, 1));
                Ok(())
            }
        }
    }

    /// Something that holds no text.
    pub(super) fn not_text(&mut self, node: NodeId, leaves: u64) {
        let leaf = if self.columns.node(node).emit {
            Leaf::NotText
        } else {
            Leaf::Exempt
        };
        self.touched.push((node, leaf, leaves));
    }

    /// `count` integers that stood in one list; `node` is the place of its elements. Token ids,
    /// if the name says so or there are many and they are not all 0 or 1 (a mask).
    pub(super) fn int_list(&mut self, node: NodeId, count: u64, all_bits: bool) {
        let row = self.row;
        let place = self.columns.node_mut(node);
        if count == 0 || !place.emit || (all_bits && !place.tokens_named) {
            self.not_text(node, count);
            return;
        }
        if place.ints.0 != row {
            place.ints = (row, 0);
        }
        let before = place.ints.1;
        place.ints.1 += count;
        let enough = if place.tokens_named {
            1
        } else {
            TOKEN_LIST_MIN
        };
        let after = place.ints.1;
        if after < enough {
            self.not_text(node, count);
        } else if before < enough {
            self.opaque.push((node, Leaf::Tokens));
        }
    }

    /// One window of a document that is a row of its own.
    pub(super) fn window(&mut self, node: NodeId, text: &str) {
        let role = self.columns.node(node).role;
        if self.columns.node(node).emit {
            let start = self.batch.text.len();
            self.batch.text.push_str(text);
            self.push_unit(node, start, role);
        } else {
            self.touched.push((node, Leaf::Exempt, 1));
        }
    }
}
