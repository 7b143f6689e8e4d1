//! Windows of time: when something is closed.
//!
//! Wall clock, in the household's zone. A window that passes midnight belongs to the day it
//! starts on. It never asks what time it is.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::rules::Scope;
use super::tags::TagSet;
use crate::name::Name;

/// A window in which something is closed or only something is open.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// The name a parent gave it, or `bedtime`.
    pub name: String,
    /// The days it starts on.
    pub days: Days,
    /// From when to when.
    pub span: Span,
    /// What it closes.
    pub block: Scope,
    /// What alone stays open; everything else closes.
    pub only: Option<Scope>,
    /// What stays open all the same.
    pub allow: Scope,
    /// The only dates it starts on, both ends included; every date when empty.
    pub dates: Vec<(Date, Date)>,
    /// Dates on which it does not start, both ends included.
    pub except: Vec<(Date, Date)>,
}

/// A set of days of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days(pub u8);

/// Minutes of the day: from `start` (0 to 1439), up to but not including `end` (1 to 1440).
/// `start` > `end` passes midnight; they are never equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first minute inside.
    pub start: u16,
    /// The first minute outside.
    pub end: u16,
}

impl Schedule {
    /// Whether the window is open at this moment of the wall clock.
    #[must_use]
    pub fn is_active(&self, _wall: DateTime) -> bool {
        false
    }

    /// Whether the window, while it is open, closes the name.
    #[must_use]
    pub fn closes(&self, name: &Name, tags: &TagSet) -> bool {
        let named = self.block.covers(name, tags)
            || self.only.as_ref().is_some_and(|only| !only.covers(name, tags));
        named && !self.allow.covers(name, tags)
    }

    /// Whether the window, while it is open, keeps the name open by an exception of its own.
    #[must_use]
    pub fn opens(&self, name: &Name, tags: &TagSet) -> bool {
        self.allow.covers(name, tags)
            || self.only.as_ref().is_some_and(|only| only.covers(name, tags))
    }
}

/// The next moment after `now` at which the set of active windows changes; none within the next
/// eight days.
#[must_use]
pub fn next_change(
    _schedules: &[Schedule],
    _zone: &TimeZone,
    _now: Timestamp,
) -> Option<Timestamp> {
    None
}
