//! What holds for a while on top of the rules: pauses, grants, and what was used today.
//!
//! The rules are permanent; this passes by itself. It is plain data, made anew whenever something
//! of it changes, and [`Policy::moment_with`](super::Policy::moment_with) puts both together. It
//! never asks what time it is.

use jiff::Timestamp;
use jiff::civil::Date;

use super::rules::{SubjectId, What};

/// What holds for a while, of everyone.
#[derive(Debug, Clone, Default)]
pub struct Passing {
    /// Whether nobody knows what time it is: then the stricter side of all that time decides holds.
    /// Every window closes what it closes, nothing granted is open, what was used up stays so.
    pub time_unknown: bool,
    /// By subject; whoever has no place has nothing.
    pub subjects: Vec<OfSubject>,
}

/// What holds for a while, of one subject.
#[derive(Debug, Clone, Default)]
pub struct OfSubject {
    /// Everything is closed until then.
    pub paused_until: Option<Timestamp>,
    /// Schedules and budgets close nothing until then: granted time.
    pub freed_until: Option<Timestamp>,
    /// Opened for a while, whatever closes it.
    pub opened: Vec<ForAWhile>,
    /// Closed for a while, by the parent's own word.
    pub closed: Vec<ForAWhile>,
    /// How far each budget is used, by its place; what has no place was not used.
    pub used: Vec<Used>,
}

/// A word with the time when it is forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForAWhile {
    /// What it is about. [`What::Everything`] is never opened or closed this way.
    pub what: What,
    /// Until when: from that moment on it says nothing.
    pub until: Timestamp,
}

/// How far a budget is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    /// The day it was used on; on another one nothing was.
    pub day: Date,
    /// From when on nothing is left of it; none: as far as is known that is not to come.
    pub closes: Option<Timestamp>,
    /// Whether the child has started it, where it counts only then.
    pub is_running: bool,
}

/// Nothing holds for a while.
static NOTHING: OfSubject = OfSubject {
    paused_until: None,
    freed_until: None,
    opened: Vec::new(),
    closed: Vec::new(),
    used: Vec::new(),
};

impl Passing {
    /// What holds for a subject.
    #[must_use]
    pub fn of(&self, subject: SubjectId) -> &OfSubject {
        self.subjects.get(usize::from(subject.0)).unwrap_or(&NOTHING)
    }
}

impl OfSubject {
    /// Every moment at which something of it ends or begins.
    pub(super) fn ends(&self) -> impl Iterator<Item = Timestamp> {
        let words = self.opened.iter().chain(&self.closed).map(|one| one.until);
        let spans = self.paused_until.into_iter().chain(self.freed_until);
        spans.chain(words).chain(self.used.iter().filter_map(|used| used.closes))
    }
}
