//! Decisions already made in a run. A run has few kinds of claims and many matches: the words are
//! found once per kind.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::Acquisition;
use crate::model::Decision;
use crate::model::Tier;
use crate::model::target::OutputUse;

use super::decide::Basis;
use super::decide::ClaimFacts;
use super::decide::Setting;
use super::ground::Ground;

/// Kinds kept. *Chosen*: sources times models of any real register; beyond it every claim is
/// decided anew, which costs time and nothing else.
const KINDS_MAX: usize = 1 << 16;

/// What stands for a generator and its access path: numbers of source, model, and model behind it.
type ClaimKind = (u32, Option<u32>, usize);

/// Everything that tells one claim of a run from another, as far as a decision can see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Kind {
    claim: ClaimKind,
    acquisition: Acquisition,
    of_outputs: OutputUse,
    tier: Tier,
    short: bool,
}

/// Makes decisions in one setting, each kind once.
#[derive(Debug)]
pub struct Decisions<'a> {
    ground: Ground<'a>,
    known: HashMap<Kind, Arc<Decision>>,
}

impl<'a> Decisions<'a> {
    /// None made yet.
    pub fn new(setting: Setting<'a>) -> Self {
        Self {
            ground: Ground::new(setting),
            known: HashMap::new(),
        }
    }

    /// What the decisions are made on.
    pub fn ground(&self) -> &Ground<'a> {
        &self.ground
    }

    /// What [`decide`](super::decide()) says. `claim` stands for generator and access path: the
    /// same number always means the same two; it is the number of the source, of the model in
    /// it, and of the model behind that one, counted from 1, 0 for that one itself.
    pub fn decide(&mut self, claim: ClaimKind, facts: &ClaimFacts<'_>) -> Arc<Decision> {
        let ground = &self.ground;
        let made = || Arc::new(ground.judge(facts).worded(ground));
        // A weak match is worded with its strength, so no two are alike.
        let strong = facts.strength >= ground.setting().policy.block_strength();
        if facts.basis != Basis::Match || !strong {
            return made();
        }
        let kind = Kind {
            claim,
            acquisition: facts.acquisition,
            of_outputs: facts.of_outputs,
            tier: facts.tier,
            short: facts.short,
        };
        if let Some(known) = self.known.get(&kind) {
            return Arc::clone(known);
        }
        let made = made();
        if self.known.len() < KINDS_MAX {
            self.known.insert(kind, Arc::clone(&made));
        }
        made
    }
}
