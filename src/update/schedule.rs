//! When a list is asked for next.
//!
//! Pure: what is known of the last check and what time it is come in. Knows nothing of fetching.
//! Start at [`next`].

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::house::fetched::Meta;

/// How long after each failure in a row a list is asked for again; the last one stays. A page of a
/// hotel's or a router's own is over in a minute, a server that moved is not.
const AFTER_FAILURES: [Duration; 4] = [
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(6 * 60 * 60),
];

/// How far an interval strays either way, in thousandths: a publisher's server does not meet every
/// household at once.
const JITTER_PER_MILLE: u64 = 100;

/// Over how long lists are spread that fell due while the machine was off: after a power cut a
/// whole town starts at once.
const SPREAD: Duration = Duration::from_secs(60);

/// No clock of a running Amparo shows less: before 2024 it was not set yet.
const CLOCK_UNSET_BEFORE: Timestamp = Timestamp::constant(1_704_067_200, 0);

/// What is known of a list that was asked for before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Last {
    /// When.
    pub checked: Timestamp,
    /// Failures in a row since something good came.
    pub failures: u32,
    /// Whether something good came, and is in force.
    pub has_copy: bool,
}

impl Last {
    /// What is known of a list that is to be had from an address; none when it never was asked for
    /// there.
    #[must_use]
    pub fn of(known: &Meta, url: &str) -> Option<Self> {
        let checked = known.asked.or(known.checked).filter(|_| known.url == url)?;
        Some(Last { checked, failures: known.failures, has_copy: known.fetched.is_some() })
    }
}

/// When a list is asked for that is to be asked for every `every`: in the past or now when it is
/// due. `uptime` is how long the program runs, by a clock that never jumps.
///
/// A list that never came is due at once. A clock that was set back neither starves a list nor
/// asks for it again and again: what was checked in the future counts from there when that is
/// within one interval, and from now on otherwise. While the clock is not set at all, that is
/// counted from the start of the program.
#[must_use]
pub fn next(
    id: &str,
    every: Duration,
    last: Option<Last>,
    now: Timestamp,
    uptime: Duration,
) -> Timestamp {
    let began = before(now, uptime);
    // No jitter: households that begin do so at times of their own.
    let Some(Last { checked, failures, has_copy }) = last else { return began };
    let wait = jittered(interval(every, failures), id, checked);
    let due = if checked <= now {
        after(checked, wait)
    } else if now < CLOCK_UNSET_BEFORE {
        after(began, wait)
    } else if checked <= after(now, wait) {
        after(checked, wait)
    } else {
        began
    };
    if has_copy && failures == 0 { due.max(after(began, spread(id, checked))) } else { due }
}

/// How long to wait after a check.
fn interval(every: Duration, failures: u32) -> Duration {
    let Some(place) = failures.checked_sub(1) else { return every };
    let place = usize::try_from(place).unwrap_or(usize::MAX).min(AFTER_FAILURES.len() - 1);
    AFTER_FAILURES[place].min(every)
}

fn jittered(wait: Duration, id: &str, checked: Timestamp) -> Duration {
    let per_mille = 1000 - JITTER_PER_MILLE + draw(id, checked) % (2 * JITTER_PER_MILLE + 1);
    let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(millis.saturating_mul(per_mille) / 1000)
}

fn spread(id: &str, checked: Timestamp) -> Duration {
    Duration::from_secs(draw(id, checked) % (SPREAD.as_secs() + 1))
}

/// The same number for the same list and check, so that a wait does not change while it lasts.
fn draw(id: &str, checked: Timestamp) -> u64 {
    let mut hasher = DefaultHasher::new();
    (id, checked.as_nanosecond()).hash(&mut hasher);
    hasher.finish()
}

fn after(at: Timestamp, wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    at.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

fn before(at: Timestamp, span: Duration) -> Timestamp {
    let span = SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
    at.saturating_sub(span).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn seconds(from: Timestamp, to: Timestamp) -> i64 {
        to.duration_since(from).as_secs()
    }

    /// Seconds from the last check to the next one, of a program that runs for long.
    fn wait(every: u64, failures: u32) -> i64 {
        let checked = at("2026-11-23T16:00:00Z");
        let last = Last { checked, failures, has_copy: true };
        let uptime = Duration::from_secs(30 * DAY);
        seconds(checked, next("big", Duration::from_secs(every), Some(last), checked, uptime))
    }

    #[test]
    fn a_list_that_never_came_is_due_at_once() {
        for now in ["2026-11-23T16:00:00Z", "1970-01-01T00:00:00Z"] {
            let due = next("big", Duration::from_secs(DAY), None, at(now), Duration::ZERO);
            assert!(due <= at(now));
        }
    }

    #[test]
    fn failures_wait_longer_and_longer_and_never_longer_than_the_list() {
        for (failures, seconds) in [
            (0, DAY),
            (1, MINUTE),
            (2, 5 * MINUTE),
            (3, 30 * MINUTE),
            (4, 6 * HOUR),
            (99, 6 * HOUR),
        ] {
            let seconds = i64::try_from(seconds).unwrap();
            let waited = wait(DAY, failures);
            assert!((waited - seconds).abs() <= seconds / 10, "{failures}: {waited}");
        }
        assert!(wait(HOUR, 9) <= i64::try_from(HOUR + HOUR / 10).unwrap());
    }

    #[test]
    fn lists_of_one_moment_are_asked_for_at_different_times() {
        let checked = at("2026-11-23T16:00:00Z");
        let last = Last { checked, failures: 0, has_copy: true };
        let due = |list: &str| {
            let uptime = Duration::from_secs(30 * DAY);
            next(list, Duration::from_secs(DAY), Some(last), checked, uptime)
        };
        let mut dues: Vec<_> = (0..50).map(|number| due(&format!("list-{number}"))).collect();
        assert_eq!(due("list-7"), dues[7], "the same twice");
        dues.sort_unstable();
        dues.dedup();
        assert!(dues.len() > 40, "{}", dues.len());
    }

    #[test]
    fn what_fell_due_while_the_machine_was_off_is_spread_over_a_minute() {
        let now = at("2026-11-26T16:00:00Z");
        let checked = at("2026-11-23T16:00:00Z");
        let last = Last { checked, failures: 0, has_copy: true };
        let due = |list: &str| {
            seconds(now, next(list, Duration::from_secs(DAY), Some(last), now, Duration::ZERO))
        };
        let dues: Vec<_> = (0..50).map(|number| due(&format!("list-{number}"))).collect();
        assert!(dues.iter().all(|due| (0..=60).contains(due)), "{dues:?}");
        assert!(dues.iter().any(|due| *due > 30) && dues.iter().any(|due| *due < 30), "{dues:?}");
    }

    #[test]
    fn a_restart_asks_for_nothing_again() {
        let checked = at("2026-11-23T16:00:00Z");
        let now = at("2026-11-23T17:00:00Z");
        let last = Last { checked, failures: 0, has_copy: true };
        let due = next("big", Duration::from_secs(DAY), Some(last), now, Duration::ZERO);
        assert!(seconds(now, due) > i64::try_from(20 * HOUR).unwrap());
    }

    #[test]
    fn a_clock_that_is_not_set_counts_from_the_start_of_the_program() {
        let checked = at("2026-11-23T16:00:00Z");
        let last = Some(Last { checked, failures: 0, has_copy: true });
        let due = |now: &str, uptime: u64| {
            let (now, uptime) = (at(now), Duration::from_secs(uptime));
            seconds(now, next("big", Duration::from_secs(DAY), last, now, uptime))
        };
        assert!(due("1970-01-01T00:01:00Z", MINUTE) > i64::try_from(20 * HOUR).unwrap());
        assert!(due("1970-01-02T06:00:00Z", 30 * HOUR) <= 0, "it does not starve");
    }

    #[test]
    fn a_clock_that_was_set_back_far_asks_once() {
        let day = Duration::from_secs(DAY);
        let now = at("2026-11-23T16:00:00Z");
        let far = Last { checked: at("2036-01-01T00:00:00Z"), failures: 0, has_copy: true };
        let uptime = Duration::from_secs(HOUR);
        assert!(next("big", day, Some(far), now, uptime) <= now);
        let done = Last { checked: now, ..far };
        assert!(next("big", day, Some(done), now, uptime) > now);
    }

    proptest! {
        /// Whatever the clock did: what was just checked is not due, and everything is due some day.
        #[test]
        fn no_clock_starves_a_list_or_asks_in_a_loop(
            checked in -2_000_000_000i64..10_000_000_000,
            now in -2_000_000_000i64..10_000_000_000,
            failures in 0u32..10,
            uptime in 0u64..100_000_000,
            every in HOUR..100 * DAY,
            has_copy: bool,
        ) {
            let instant = |seconds| Timestamp::from_second(seconds).unwrap();
            let (now, every) = (instant(now), Duration::from_secs(every));
            let last = Last { checked: instant(checked), failures, has_copy };
            let uptime = Duration::from_secs(uptime);
            let longest = every + every / 10 + SPREAD;
            let due = next("big", every, Some(last), now, uptime);
            prop_assert!(due <= after(now, 2 * longest), "it starves");
            let just = next("big", every, Some(Last { checked: now, ..last }), now, uptime);
            prop_assert!(just >= after(now, Duration::from_secs(54)), "it storms");
        }
    }
}
