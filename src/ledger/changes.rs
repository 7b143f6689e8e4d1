//! Who changed what, and what taking the last change back needs.
//!
//! A change is taken back whole, the last one first, and only while it stands: what ran out by
//! itself or was overtaken by another change is passed over.

use std::collections::VecDeque;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::requests::RequestState;
use super::spans::{Said, Thing, WORD_CHARS_MAX};
use super::state::{State, Time, tidy, tidy_id};
use super::{Actor, Via, Written};

/// Rows of the audit that are kept: a busy family's year.
pub const AUDIT_MAX: usize = 1_000;
/// Changes that can be taken back: further back nobody remembers what was before.
pub const UNDO_MAX: usize = 20;

/// One change, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its number; later ones are greater.
    pub id: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: String,
    /// From where.
    pub via: Via,
    /// What was done: `pause`, `resume`, `grant`, `bonus`, `allow`, `block`, `undo`, `ask`,
    /// `approve`, `deny`, `start`, `stop`, and what [`super::Ledger::note`] was given.
    pub action: String,
    /// Whom it is about.
    #[serde(default)]
    pub child: Option<String>,
    /// What it is about.
    #[serde(default)]
    pub what: Option<String>,
    /// Until when; none: for good, or it has no end.
    #[serde(default)]
    pub until: Option<Timestamp>,
    /// Whether it was taken back.
    #[serde(default)]
    pub undone: bool,
}

/// The audit and what can be taken back.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Changes {
    /// The number of the last one.
    last: u64,
    /// Oldest first.
    rows: VecDeque<AuditEntry>,
    /// Oldest first.
    undo: Vec<Undo>,
}

/// What taking a change back needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Undo {
    /// The change's number in the audit.
    audit: u64,
    steps: Vec<Back>,
    /// What stands in the config file because of it.
    #[serde(default)]
    file: Option<Written>,
}

/// One step back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Back {
    /// Something is said of a thing, or was.
    Span { child: String, thing: Thing, made: Option<Said>, before: Option<Said> },
    /// Minutes were given.
    Bonus { child: String, budget: String, day: Date, minutes: u32 },
    /// A request was answered.
    Request { id: u64, state: RequestState },
}

/// What a change is about.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct About<'a> {
    pub(super) child: Option<&'a str>,
    pub(super) what: Option<&'a str>,
    pub(super) until: Option<Timestamp>,
}

/// The change that is taken back next.
pub(super) enum Next {
    /// It was taken back here.
    Done(u64),
    /// It stands in the config file.
    File(Written, u64),
}

// === impl Changes ===

impl Changes {
    /// Adds a row, and hands over its number.
    pub(super) fn add(&mut self, action: &str, about: About<'_>, by: &Actor, time: &Time) -> u64 {
        self.last = self.last.saturating_add(1);
        self.rows.push_back(AuditEntry {
            id: self.last,
            at: time.now,
            who: tidy_id(&by.who),
            via: by.via,
            action: tidy_id(action),
            child: about.child.map(tidy_id),
            what: about.what.map(|what| tidy(what, WORD_CHARS_MAX)),
            until: about.until,
            undone: false,
        });
        while self.rows.len() > AUDIT_MAX {
            self.rows.pop_front();
        }
        self.last
    }

    /// Remembers how to take a change back.
    pub(super) fn can_undo(&mut self, audit: u64, steps: Vec<Back>, file: Option<Written>) {
        self.undo.push(Undo { audit, steps, file });
        let over = self.undo.len().saturating_sub(UNDO_MAX);
        self.undo.drain(..over);
    }

    /// One more step of the last change, where that was written into the file for this child: the
    /// answer to a request goes back with what was written for it.
    pub(super) fn join_file(&mut self, child: &str, step: &Back) -> bool {
        let last = self.undo.last_mut();
        let of_child = |one: &&mut Undo| one.file.as_ref().is_some_and(|file| file.child == child);
        let Some(last) = last.filter(of_child).filter(|one| one.steps.is_empty()) else {
            return false;
        };
        last.steps.push(step.clone());
        true
    }

    pub(super) fn row(&self, id: u64) -> Option<&AuditEntry> {
        self.rows.iter().rev().find(|row| row.id == id)
    }

    /// The number of the last change.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    pub(super) fn newest_first(&self, limit: usize) -> Vec<AuditEntry> {
        self.rows.iter().rev().take(limit).cloned().collect()
    }

    /// Nothing can be done any more to take this change back.
    pub(super) fn forget(&mut self, audit: u64) {
        self.undo.retain(|undo| undo.audit != audit);
    }

    /// Makes the file smaller by the oldest half of the rows; false when there are none.
    pub(super) fn shed(&mut self) -> bool {
        let half = self.rows.len().div_ceil(2);
        self.rows.drain(..half);
        half > 0
    }

    pub(super) fn step(&mut self, by: SignedDuration, time: &Time) {
        for back in self.undo.iter_mut().flat_map(|undo| &mut undo.steps) {
            if let Back::Span { made, before, .. } = back {
                made.iter_mut().chain(before).for_each(|said| said.held.step(by, time));
            }
        }
    }
}

// === Taking back ===

impl State {
    /// Takes the last change back that stands.
    pub(super) fn undo(&mut self, time: &Time) -> Option<Next> {
        while let Some(last) = self.changes.undo.pop() {
            if let Some(file) = &last.file {
                let next = Next::File(file.clone(), last.audit);
                self.changes.undo.push(last);
                return Some(next);
            }
            if self.stands(&last, time) {
                self.take_back(&last, time);
                return Some(Next::Done(last.audit));
            }
        }
        None
    }

    /// A change that stood in the file was taken back there: the rest of it is here.
    pub(super) fn undone(&mut self, audit: u64, time: &Time) {
        let at = self.changes.undo.iter().position(|undo| undo.audit == audit);
        if let Some(at) = at {
            let undo = self.changes.undo.remove(at);
            self.take_back(&undo, time);
        }
    }

    /// Whether a change still says what it said. What is said of things decides; a request that
    /// was answered by them is just told of it.
    fn stands(&self, undo: &Undo, time: &Time) -> bool {
        let is_request = |step: &&Back| matches!(step, Back::Request { .. });
        let mut others = undo.steps.iter().filter(|step| !is_request(step)).peekable();
        if others.peek().is_some() {
            others.all(|step| self.step_stands(step, time))
        } else {
            undo.steps.iter().any(|step| self.step_stands(step, time))
        }
    }

    fn step_stands(&self, step: &Back, time: &Time) -> bool {
        match step {
            Back::Span { child, thing, made, before } => {
                let is_ahead = |said: &Said| !said.held.is_over(time);
                let stands = self.spans.get(child, thing, time);
                // Going back to where one is would be no change.
                stands == *made && before.filter(is_ahead) != stands
            }
            Back::Bonus { child, budget, day, minutes } => {
                self.minutes.has_bonus(child, budget, *day, *minutes)
            }
            Back::Request { id, state } => self.requests.is_answered(*id, *state),
        }
    }

    fn take_back(&mut self, undo: &Undo, time: &Time) {
        for step in &undo.steps {
            match step {
                Back::Span { child, thing, before, .. } => {
                    let before = before.filter(|said| !said.held.is_over(time));
                    self.spans.set(child, thing, before, time);
                }
                Back::Bonus { child, budget, day, minutes } => {
                    self.minutes.take_back(child, budget, *day, *minutes);
                }
                Back::Request { id, state } => {
                    if self.requests.is_answered(*id, *state) {
                        self.requests.reopen(*id);
                    }
                }
            }
        }
        if let Some(row) = self.changes.rows.iter_mut().find(|row| row.id == undo.audit) {
            row.undone = true;
        }
    }
}
