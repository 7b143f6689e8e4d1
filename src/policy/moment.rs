//! Which windows are open, for a stretch of time in which none opens or closes.
//!
//! All that needs a calendar, and all that the open windows have in common, is computed here, once
//! at each boundary; deciding then compares bits. It never asks what time it is. Start reading at
//! [`Policy::moment`].

use jiff::Timestamp;

use super::rules::{Rules, Scope, SubjectId};
use super::tags::{Known, TagSet};
use super::{Policy, hours};

/// Which windows are open, for a stretch of time in which none opens or closes.
///
/// Deciding needs no calendar: a moment is computed once and serves until its end.
#[derive(Debug, Clone)]
pub struct Moment {
    /// From when it holds.
    pub from: Timestamp,
    /// Until when it holds; it must be computed anew at that very instant.
    pub until: Timestamp,
    subjects: Vec<Now>,
}

/// What holds for one subject in a [`Moment`].
#[derive(Debug, Clone, Default)]
pub(super) struct Now {
    /// The open windows, by their place among the subject's schedules.
    pub(super) windows: Vec<u16>,
    /// What some open window may close.
    pub(super) closing: Together,
    /// What some open window may keep open by an exception of its own.
    pub(super) opening: Together,
    /// When a window of this subject opens or closes next.
    next_change: Option<Timestamp>,
    /// When an answer must be gone; none where nothing ever opens or closes.
    answers_until: Option<Timestamp>,
}

/// What several scopes may cover together: one look tells that none of them has anything to say.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Together {
    /// One of them covers names it does not spell out.
    everything: bool,
    tags: TagSet,
    /// One of them spells out names.
    names: bool,
}

/// For a subject that the moment does not know: nothing is open.
static NOTHING: Now = Now {
    windows: Vec::new(),
    closing: Together::NOTHING,
    opening: Together::NOTHING,
    next_change: None,
    answers_until: None,
};

impl Policy {
    /// Which windows are open at this time, and until when that holds.
    #[must_use]
    pub fn moment(&self, now: Timestamp) -> Moment {
        let subjects = &self.household.subjects;
        let subjects: Vec<Now> =
            subjects.iter().map(|subject| self.now_of(&subject.rules, now)).collect();
        let until = subjects.iter().filter_map(|now| now.next_change).min();
        Moment { from: now, until: until.unwrap_or_else(|| horizon(now)), subjects }
    }

    /// The longest time, in seconds, that an answer to this subject may be kept: nothing outlives
    /// a boundary. At least 1.
    #[must_use]
    pub fn ttl_seconds_max(&self, subject: SubjectId, moment: &Moment, now: Timestamp) -> u32 {
        let of_rules = self.subject(subject).rules.ttl_seconds_max.unwrap_or(u32::MAX);
        let to_change = moment.of(subject).answers_until.map_or(u32::MAX, |until| {
            // Whole seconds, cut: an answer must be gone when the window opens.
            u32::try_from(until.duration_since(now).as_secs()).unwrap_or(0)
        });
        of_rules.min(to_change).max(1)
    }

    fn now_of(&self, rules: &Rules, now: Timestamp) -> Now {
        let zone = &self.household.zone;
        let wall = zone.to_datetime(now);
        let next_change = hours::next_change(&rules.schedules, zone, now);
        // Beyond the horizon nobody looked: there a window may open too.
        let scheduled = !rules.schedules.is_empty();
        let mut of_subject = Now {
            next_change,
            answers_until: next_change.or(scheduled.then(|| horizon(now))),
            ..Now::default()
        };
        for (place, window) in (0..=u16::MAX).zip(&rules.schedules) {
            if !window.is_active(wall) {
                continue;
            }
            of_subject.windows.push(place);
            of_subject.closing.add(&window.block);
            of_subject.opening.add(&window.allow);
            if let Some(only) = &window.only {
                of_subject.closing.everything = true;
                of_subject.opening.add(only);
            }
        }
        of_subject
    }
}

// === impl Moment ===

impl Moment {
    /// Whether it still tells the truth at `now`. A clock that was set back makes it untrue too.
    #[must_use]
    pub fn holds_at(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }

    /// The subject's open windows, by their place among its schedules.
    #[must_use]
    pub fn windows(&self, subject: SubjectId) -> &[u16] {
        &self.of(subject).windows
    }

    /// When a window of this subject opens or closes next.
    #[must_use]
    pub fn next_change(&self, subject: SubjectId) -> Option<Timestamp> {
        self.of(subject).next_change
    }

    pub(super) fn of(&self, subject: SubjectId) -> &Now {
        self.subjects.get(usize::from(subject.0)).unwrap_or(&NOTHING)
    }
}

// === impl Together ===

impl Together {
    const NOTHING: Together = Together { everything: false, tags: TagSet::EMPTY, names: false };

    fn add(&mut self, scope: &Scope) {
        self.everything |= scope.everything;
        self.tags = self.tags.union(&scope.tags);
        self.names |= !scope.names.is_empty();
    }

    /// Whether one of them may cover the name; false is certain.
    pub(super) fn may_cover(&self, asked: &Known<'_>) -> bool {
        self.everything || self.names && asked.mentioned || self.tags.meets(&asked.tags)
    }
}

/// How far `hours::next_change` has looked from here. A window that opens on a date beyond it is
/// found because the moment ends before.
fn horizon(from: Timestamp) -> Timestamp {
    from.saturating_add(hours::HORIZON).unwrap_or(Timestamp::MAX)
}
