//! Texts one by one, without a file around them: what a program that embeds the check asks.
//!
//! The same sieve, matcher and decision as for files, so that the answer is what a check would say
//! of a row that holds the text.

use std::sync::Arc;

use crate::fingerprint::FingerprintKey;
use crate::fingerprint::Recipe;
use crate::model::Batch;
use crate::model::ColumnId;
use crate::model::Finding;
use crate::model::FolderFacts;
use crate::model::Location;
use crate::model::Role;
use crate::model::TargetLineage;
use crate::model::UnitSpan;
use crate::snapshot::Snapshot;

use super::super::matching::MatchError;
use super::super::matching::Matcher;
use super::super::scan::SnapshotFacts;
use super::super::scan::matches_of;
use super::Ancestry;
use super::Judged;
use super::decider;
use super::decider::Decider;
use super::findings;

/// What the target is made from, resolved: made once, for any number of [`OneByOne`].
pub fn lineage(
    judged: &Judged<'_>,
    ancestry: &Ancestry,
    folder: Option<FolderFacts>,
) -> TargetLineage {
    decider::lineage(judged, ancestry, folder)
}

/// Why no text can be answered for: a snapshot that holds nothing, or one older than the policy
/// allows. `None` when texts can be checked.
pub fn unfit(snapshot: &SnapshotFacts, judged: &Judged<'_>) -> Option<String> {
    if snapshot.info.sources == 0 {
        return Some(super::NO_SOURCE.to_owned());
    }
    findings::stale(snapshot, judged)
}

/// Checks texts one by one. One per thread; its buffers are kept from text to text.
pub struct OneByOne<'c> {
    matcher: Matcher<'c>,
    decider: Decider<'c>,
    /// Always one unit of one row.
    batch: Batch,
}

impl<'c> OneByOne<'c> {
    /// A checker against a snapshot, which must not be [`unfit`]; `facts` are its own.
    pub fn new(
        snapshot: &'c Snapshot,
        facts: &'c SnapshotFacts,
        recipe: &Recipe,
        key: &FingerprintKey,
        ancestry: &'c Ancestry,
        judged: Judged<'c>,
        lineage: &'c TargetLineage,
    ) -> Self {
        let minimum = judged.policy.flag_strength();
        let unit = UnitSpan {
            row: 0,
            column: ColumnId(0),
            ordinal: 0,
            start: 0,
            end: 0,
            role: Role::Unknown,
            model: None,
        };
        Self {
            matcher: Matcher::new(snapshot, *recipe, key, minimum),
            decider: Decider::new(facts, ancestry, judged, lineage),
            batch: Batch {
                rows: 1,
                units: vec![unit],
                ..Batch::default()
            },
        }
    }

    /// What a check would say of a row of `input` that holds this text and nothing else; `None`
    /// when it would say nothing.
    pub fn finding(&mut self, input: &Arc<str>, text: &str) -> Result<Option<Finding>, MatchError> {
        self.batch.text.clear();
        self.batch.text.push_str(text);
        for unit in &mut self.batch.units {
            unit.end = text.len();
        }
        let (found, _) = matches_of(&mut self.matcher, &self.batch, None)?;
        Ok(found.units.first().and_then(|unit| {
            let location = Location::file(Arc::clone(input));
            self.decider.finding(location, unit)
        }))
    }
}
