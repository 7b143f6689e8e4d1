//! How an upstream has been doing.
//!
//! A smoothed latency with its deviation (as RFC 6298 §2 keeps them for TCP) tells how long to
//! wait before somebody else is asked; misses in a row tell when to stop asking first. Pure but
//! for its lock: time comes in as [`Tick`]s. Start at [`Health::answered`] and [`Health::failed`].

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Tick;

/// Silent waits in a row until an upstream counts as down: one is a lost datagram, two happen.
const MISSES_MAX: u32 = 3;

/// How long an upstream that is down is left alone at first; doubled each time it fails again.
const BACKOFF_MILLIS_MIN: u64 = 1_000;

/// The longest it is left alone: its return is seen within a minute.
const BACKOFF_MILLIS_MAX: u64 = 60_000;

/// Answers in a row until a bad past is forgotten, so that one that comes and goes is asked less
/// each time.
const ANSWERS_TO_FORGIVE: u32 = 8;

/// How old the latency of an upstream may grow before a real question measures it again.
const LATENCY_KEPT_MILLIS: u64 = 30_000;

/// A measurement under way that never reported back is forgotten after this.
const PROBE_MILLIS_MAX: u64 = 10_000;

/// The shortest patience: below this a busy network looks like a dead server.
const PATIENCE_MIN: Duration = Duration::from_millis(120);

/// One upstream's record.
#[derive(Debug, Default)]
pub(super) struct Health {
    record: Mutex<Record>,
}

#[derive(Debug, Default)]
struct Record {
    /// Eight times the smoothed latency in milliseconds; none before the first answer.
    latency_x8: Option<u64>,
    /// Four times its mean deviation.
    deviation_x4: u64,
    misses: u32,
    answers_in_row: u32,
    /// How often it went down without being forgiven.
    strikes: u32,
    /// Down: not before this is it tried again.
    down_until: Option<Tick>,
    measured_at: Option<Tick>,
    probe_since: Option<Tick>,
    last_error: Option<String>,
}

/// What choosing an upstream looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// It is not known to be down.
    pub(super) healthy: bool,
    /// The smoothed latency; none before the first answer.
    pub(super) latency_millis: Option<u64>,
}

/// What changed, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing.
    Same,
    /// It was well and is down now.
    WentDown,
    /// It was down and answered.
    CameBack,
}

impl Health {
    /// An answer came after so many milliseconds.
    pub(super) fn answered(&self, now: Tick, took_millis: u64) -> Turn {
        let mut record = self.lock();
        record.measure(took_millis);
        record.measured_at = Some(now);
        record.probe_since = None;
        record.misses = 0;
        record.answers_in_row = record.answers_in_row.saturating_add(1);
        if record.answers_in_row >= ANSWERS_TO_FORGIVE {
            record.strikes = 0;
        }
        if record.down_until.take().is_some() { Turn::CameBack } else { Turn::Same }
    }

    /// It said that it would not or could not. That may be the name's fault, so it is no miss by
    /// itself; but who is down stays down.
    pub(super) fn declined(&self, now: Tick, took_millis: u64, error: &str) -> Turn {
        let mut record = self.lock();
        record.measure(took_millis);
        record.measured_at = Some(now);
        record.probe_since = None;
        match record.down_until {
            Some(until) if now >= until => record.go_down(now, error),
            Some(_) | None => Turn::Same,
        }
    }

    /// A miss that is no proof: it let a whole wait pass and may still answer, or it declined
    /// where another knew.
    pub(super) fn missed(&self, now: Tick, error: &str) -> Turn {
        let mut record = self.lock();
        record.misses = record.misses.saturating_add(1);
        record.answers_in_row = 0;
        if record.misses < MISSES_MAX {
            return Turn::Same;
        }
        record.go_down(now, error)
    }

    /// It failed for certain.
    pub(super) fn failed(&self, now: Tick, error: &str) -> Turn {
        let mut record = self.lock();
        record.answers_in_row = 0;
        record.probe_since = None;
        record.go_down(now, error)
    }

    /// What is known of it.
    pub(super) fn standing(&self) -> Standing {
        let record = self.lock();
        Standing {
            healthy: record.down_until.is_none(),
            latency_millis: record.latency_x8.map(|eighths| eighths / 8),
        }
    }

    /// The last error, as a sentence's end; kept after it has come back.
    pub(super) fn last_error(&self) -> Option<String> {
        self.lock().last_error.clone()
    }

    /// How long to wait for it before another is asked too, never more than `longest`, which is
    /// also what holds before the first answer.
    pub(super) fn patience(&self, longest: Duration) -> Duration {
        let record = self.lock();
        let Some(latency_x8) = record.latency_x8 else { return longest };
        let usual = Duration::from_millis(latency_x8 / 8 + record.deviation_x4);
        usual.max(PATIENCE_MIN).min(longest)
    }

    /// Takes on measuring it with a real question, if that is due: when it is down and was left
    /// alone long enough, or, with `by_latency`, when its latency is unknown or old.
    pub(super) fn take_probe(&self, now: Tick, by_latency: bool) -> bool {
        let mut record = self.lock();
        if record.probe_since.is_some_and(|since| now.millis_since(since) < PROBE_MILLIS_MAX) {
            return false;
        }
        let due = match (record.down_until, record.measured_at) {
            (Some(until), _) => now >= until,
            (None, None) => by_latency,
            (None, Some(at)) => by_latency && now.millis_since(at) >= LATENCY_KEPT_MILLIS,
        };
        if due {
            record.probe_since = Some(now);
        }
        due
    }

    /// A panic elsewhere cannot leave a record half written: every field stands alone.
    fn lock(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record {
    fn measure(&mut self, took_millis: u64) {
        let Some(latency_x8) = self.latency_x8 else {
            self.latency_x8 = Some(took_millis * 8);
            self.deviation_x4 = took_millis * 2;
            return;
        };
        let off = took_millis.abs_diff(latency_x8 / 8);
        self.deviation_x4 = self.deviation_x4 - self.deviation_x4 / 4 + off;
        self.latency_x8 = Some(latency_x8 - latency_x8 / 8 + took_millis);
    }

    fn go_down(&mut self, now: Tick, error: &str) -> Turn {
        self.last_error = Some(error.to_owned());
        // Questions that were under way when it went down report it again: that is one fall.
        if self.down_until.is_some_and(|until| now < until) {
            return Turn::Same;
        }
        let span = (BACKOFF_MILLIS_MIN << self.strikes.min(6)).min(BACKOFF_MILLIS_MAX);
        self.strikes = self.strikes.saturating_add(1);
        let before = self.down_until.replace(Tick(now.0.saturating_add(span)));
        if before.is_none() { Turn::WentDown } else { Turn::Same }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_millis(800);

    #[test]
    fn latency_follows_what_is_measured() {
        let health = Health::default();
        assert_eq!(health.standing().latency_millis, None);
        assert_eq!(health.patience(LONGEST), LONGEST);
        health.answered(Tick(0), 40);
        assert_eq!(health.standing().latency_millis, Some(40));
        for _ in 0..100 {
            health.answered(Tick(0), 20);
        }
        assert!(health.standing().latency_millis.unwrap() <= 27);
        assert_eq!(health.patience(LONGEST), PATIENCE_MIN);
    }

    #[test]
    fn a_slow_one_is_waited_for_but_not_for_ever() {
        let health = Health::default();
        health.answered(Tick(0), 200);
        assert_eq!(health.patience(LONGEST), Duration::from_millis(600));
        health.answered(Tick(0), 2_000);
        assert_eq!(health.patience(LONGEST), LONGEST);
    }

    #[test]
    fn three_silences_in_a_row_are_down_and_one_answer_is_back() {
        let health = Health::default();
        assert_eq!(health.missed(Tick(0), "silent"), Turn::Same);
        assert_eq!(health.missed(Tick(0), "silent"), Turn::Same);
        assert_eq!(health.missed(Tick(0), "silent"), Turn::WentDown);
        assert!(!health.standing().healthy);
        assert_eq!(health.last_error().as_deref(), Some("silent"));
        assert_eq!(health.answered(Tick(5), 5), Turn::CameBack);
        assert!(health.standing().healthy);
    }

    #[test]
    fn declining_brings_nobody_back_and_forgives_no_miss() {
        let health = Health::default();
        for _ in 0..2 {
            health.missed(Tick(0), "declines");
            health.declined(Tick(0), 1, "declines");
        }
        assert!(health.standing().healthy);
        assert_eq!(health.missed(Tick(0), "declines"), Turn::WentDown);
        health.declined(Tick(1_000), 1, "declines");
        assert!(!health.standing().healthy);
        assert!(!health.take_probe(Tick(2_999), true));
    }

    #[test]
    fn it_is_left_alone_for_spans_that_double() {
        let health = Health::default();
        let mut now = Tick(0);
        for span in [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000] {
            health.failed(now, "refused");
            assert!(!health.take_probe(Tick(now.0 + span - 1), true), "before {span}");
            now = Tick(now.0 + span);
            assert!(health.take_probe(now, true), "after {span}");
            assert!(!health.take_probe(now, true), "one probe at a time");
        }
    }

    #[test]
    fn many_failures_at_once_are_one_fall() {
        let health = Health::default();
        assert_eq!(health.failed(Tick(0), "refused"), Turn::WentDown);
        assert_eq!(health.failed(Tick(1), "refused"), Turn::Same);
        assert!(health.take_probe(Tick(1_000), false));
    }

    #[test]
    fn eight_answers_forgive_and_fewer_do_not() {
        let health = Health::default();
        health.failed(Tick(0), "refused");
        health.answered(Tick(10), 1);
        health.failed(Tick(20), "refused");
        assert!(!health.take_probe(Tick(1_100), false));
        for _ in 0..8 {
            health.answered(Tick(2_100), 1);
        }
        health.failed(Tick(3_000), "refused");
        assert!(health.take_probe(Tick(4_000), false));
    }

    #[test]
    fn a_latency_grows_old() {
        let health = Health::default();
        assert!(!health.take_probe(Tick(0), false));
        assert!(health.take_probe(Tick(0), true));
        health.answered(Tick(1), 1);
        assert!(!health.take_probe(Tick(30_000), true));
        assert!(health.take_probe(Tick(30_001), true));
    }
}
