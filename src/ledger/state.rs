//! All that is written: plain data, as it stands in memory and in the file.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::changes::Changes;
use super::events::Events;
use super::minutes::Minutes;
use super::refusal::Refusal;
use super::requests::Requests;
use super::spans::Spans;
use super::{Saved, Span};

/// The longest child's id, budget, or name of whoever changes something, in characters.
const ID_CHARS_MAX: usize = 64;

/// Everything that expires or is counted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct State {
    /// When the program last said that it was this time, and in which boot of the machine.
    pub(super) saved: Option<Saved>,
    /// How many times the ledger was opened: lengths are counted on the clock of one boot.
    pub(super) run: u32,
    /// The first run of the boot that [`State::saved`] names.
    pub(super) boot_run: u32,
    pub(super) spans: Spans,
    pub(super) minutes: Minutes,
    pub(super) requests: Requests,
    pub(super) changes: Changes,
    pub(super) events: Events,
}

/// What time it is, for one operation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Time {
    /// On the wall.
    pub(super) now: Timestamp,
    /// Nobody knows whether that is right.
    pub(super) is_unknown: bool,
    /// On the clock that never jumps and goes on over restarts, in milliseconds.
    pub(super) millis: u64,
    /// This run of the program.
    pub(super) run: u32,
    /// The first run of this boot: a length given since then is counted on a clock that still runs.
    pub(super) first_run: u32,
}

/// An end as it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Held {
    /// From that moment on it is over.
    pub(super) until: Timestamp,
    /// The run in which it was given as a length; none: it was given as a time on the wall.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) length_in: Option<u32>,
}

/// A moment that something was noted at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    pub(super) at: Timestamp,
    /// The run it was noted in.
    #[serde(default)]
    run: u32,
}

// === impl State ===

impl State {
    /// The wall clock was stepped: what is counted in lengths stays as long as it was.
    pub(super) fn step(&mut self, by: SignedDuration, time: &Time) {
        self.spans.step(by, time);
        self.changes.step(by, time);
        self.requests.step(by, time);
    }

    /// Forgets what is over.
    pub(super) fn expire(&mut self, time: &Time) -> bool {
        let spans = self.spans.expire(time);
        self.requests.expire(time) | spans
    }
}

// === impl Time ===

impl Time {
    /// The minute, as meters number them.
    pub(super) fn minute(&self) -> u64 {
        self.millis / MINUTE_MILLIS
    }

    /// When a minute is over, on the wall as it stands now.
    pub(super) fn end_of(&self, minute: u64) -> Timestamp {
        let end = i128::from(minute.saturating_add(1).saturating_mul(MINUTE_MILLIS));
        let ahead = (end - i128::from(self.millis)).clamp(-FAR_MILLIS, FAR_MILLIS);
        later(self.now, SignedDuration::from_millis(i64::try_from(ahead).unwrap_or_default()))
    }

    /// Takes an end from a person.
    pub(super) fn hold(&self, span: Span) -> Result<Held, Refusal> {
        if span.until <= self.now {
            return Err(Refusal::Past);
        }
        Ok(Held { until: span.until, length_in: span.is_length.then_some(self.run) })
    }

    /// Now, to be kept.
    pub(super) fn stamp(&self) -> Stamp {
        Stamp { at: self.now, run: self.run }
    }

    /// Whether what was noted in this run was read off the clock that runs now.
    fn is_of_this_boot(&self, run: u32) -> bool {
        self.first_run <= run
    }
}

/// A minute.
pub(super) const MINUTE_MILLIS: u64 = 60_000;
/// No end of a minute is further away: a thousand years.
const FAR_MILLIS: i128 = 1_000 * 365 * 86_400_000;

// === impl Held ===

impl Held {
    /// Whether it is over. While nobody knows what time it is, only a length that began on the
    /// clock that runs now can be.
    pub(super) fn is_over(&self, time: &Time) -> bool {
        let is_certain =
            !time.is_unknown || self.length_in.is_some_and(|run| time.is_of_this_boot(run));
        is_certain && self.until <= time.now
    }

    /// When it will be, as far as is known.
    pub(super) fn ends(&self, time: &Time) -> Option<Timestamp> {
        let at_its_end = Time { now: self.until, ..*time };
        self.is_over(&at_its_end).then_some(self.until)
    }

    pub(super) fn step(&mut self, by: SignedDuration, time: &Time) {
        if self.length_in.is_some_and(|run| time.is_of_this_boot(run)) {
            self.until = later(self.until, by);
        }
    }
}

// === impl Stamp ===

impl Stamp {
    /// Whether it is no longer ago than that. A stamp of a clock that was wrong may lie ahead; what
    /// is as far ahead counts as long ago, so that nobody waits for a time that was never right.
    pub(super) fn is_within(&self, length: SignedDuration, now: Timestamp) -> bool {
        now.duration_since(self.at).abs() < length
    }

    pub(super) fn step(&mut self, by: SignedDuration, time: &Time) {
        if time.is_of_this_boot(self.run) {
            self.at = later(self.at, by);
        }
    }
}

// === Helpers ===

/// A moment moved; what lies outside of all calendars is held at their border.
pub(super) fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    let border = if by.is_negative() { Timestamp::MIN } else { Timestamp::MAX };
    at.saturating_add(by).unwrap_or(border)
}

/// A text that somebody typed, as it is kept and shown: one line, none of the characters that
/// change how a line is read, so many characters at most.
pub(super) fn tidy(text: &str, chars_max: usize) -> String {
    let shown = |c: char| if is_hidden(c) { ' ' } else { c };
    let cut: String = text.chars().map(shown).take(chars_max).collect();
    cut.trim().to_owned()
}

/// An id or a name, kept short.
pub(super) fn tidy_id(text: &str) -> String {
    tidy(text, ID_CHARS_MAX)
}

/// Control characters, line ends, and those that turn the direction of writing.
fn is_hidden(c: char) -> bool {
    let turns =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns || matches!(c, '\u{2028}' | '\u{2029}')
}
