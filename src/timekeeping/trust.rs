//! Whether a time is to be believed.
//!
//! Pure: what the clock shows and what is known of it come in. Start at [`doubt`].

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Machines without a battery start with the time that was last written down, or that of their last
/// file. From one to the other it is minutes where it is written every few minutes and at the end;
/// a machine that was off for less than this is in doubt until somebody confirms its time.
const STOOD_STILL: SignedDuration = SignedDuration::from_mins(15);

/// A time this much before the last saved one is believed within one run of the machine: whoever
/// puts a clock right moves it by seconds, and nobody gains an evening by a minute.
const SMALL_STEP: SignedDuration = SignedDuration::from_mins(1);

/// A clock that shows a time so long after the program was built is not set: no box runs one
/// program for 20 years, and what was spent or granted until then would be forgotten.
const FAR: SignedDuration = SignedDuration::from_hours(20 * 8766);

/// The time as it was last written down while it was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Saved<'a> {
    /// What it was.
    pub at: Timestamp,
    /// In which run of the machine; empty where the system does not say.
    pub boot: &'a str,
}

/// What there is to judge a time by.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// What the clock shows.
    pub now: Timestamp,
    /// When the program was built: it cannot be earlier.
    pub built: Timestamp,
    /// The time that was last known.
    pub saved: Option<Saved<'a>>,
    /// This run of the machine; empty where the system does not say.
    pub boot: &'a str,
    /// How long the machine has been running.
    pub uptime: Duration,
    /// Whether the system says that its clock is synchronised.
    pub is_synchronised: bool,
}

/// Why a time is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// It lies before the program was built.
    BeforeBuilt,
    /// It lies before the last saved time.
    BeforeSaved,
    /// The machine began again where it ended: its clock may have stood while it was off.
    StoodStill,
    /// It lies 20 years ahead.
    FarAhead,
}

/// Why the time is in doubt; none when it is known.
///
/// A synchronised system is believed, but never that it is earlier than when the program was built.
/// A first start without anything saved is believed too: nothing can be gained by it yet.
#[must_use]
pub fn doubt(evidence: &Evidence<'_>) -> Option<Doubt> {
    let Evidence { now, built, saved, boot, uptime, is_synchronised } = *evidence;
    if now < built {
        return Some(Doubt::BeforeBuilt);
    }
    if is_synchronised {
        return None;
    }
    if now > latest(built) {
        return Some(Doubt::FarAhead);
    }
    let saved = saved?;
    let is_same_boot = !boot.is_empty() && boot == saved.boot;
    if is_same_boot {
        return (now.duration_since(saved.at) < -SMALL_STEP).then_some(Doubt::BeforeSaved);
    }
    if now < saved.at {
        return Some(Doubt::BeforeSaved);
    }
    // What the clock showed when the machine started: that it has run for an hour since does not
    // make its time any better.
    let uptime = SignedDuration::try_from(uptime).unwrap_or(SignedDuration::MAX);
    let started = now.saturating_sub(uptime).unwrap_or(Timestamp::MIN);
    (started.duration_since(saved.at) <= STOOD_STILL).then_some(Doubt::StoodStill)
}

/// The latest time that is believed of a program built then, unless the system is synchronised.
#[must_use]
pub fn latest(built: Timestamp) -> Timestamp {
    built.saturating_add(FAR).unwrap_or(Timestamp::MAX)
}

/// The earliest time that is possible.
#[must_use]
pub fn earliest(built: Timestamp, saved: Option<Saved<'_>>) -> Timestamp {
    saved.map_or(built, |saved| saved.at.max(built))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BUILT: Timestamp = Timestamp::constant(1_793_491_200, 0);
    const SAVED: Timestamp = Timestamp::constant(1_795_000_000, 0);

    /// The doubt about a time so many seconds after the saved one.
    fn after_saved(seconds: i64, boot: &str, uptime_seconds: u64) -> Option<Doubt> {
        doubt(&Evidence {
            now: SAVED + SignedDuration::from_secs(seconds),
            built: BUILT,
            saved: Some(Saved { at: SAVED, boot: "first" }),
            boot,
            uptime: Duration::from_secs(uptime_seconds),
            is_synchronised: false,
        })
    }

    fn at(now: Timestamp, saved: Option<Saved<'_>>, is_synchronised: bool) -> Option<Doubt> {
        let uptime = Duration::from_secs(10);
        doubt(&Evidence { now, built: BUILT, saved, boot: "second", uptime, is_synchronised })
    }

    #[test]
    fn no_time_before_the_program_was_built_is_believed() {
        let before = BUILT - SignedDuration::from_nanos(1);
        for is_synchronised in [false, true] {
            assert_eq!(at(before, None, is_synchronised), Some(Doubt::BeforeBuilt));
            assert_eq!(at(Timestamp::UNIX_EPOCH, None, is_synchronised), Some(Doubt::BeforeBuilt));
        }
    }

    #[test]
    fn a_first_start_is_believed() {
        assert_eq!(at(BUILT, None, false), None);
    }

    #[test]
    fn a_time_twenty_years_ahead_is_believed_of_a_synchronised_system_alone() {
        let far = "2046-11-02T00:00:00Z".parse().unwrap();
        assert_eq!(at(far, None, false), Some(Doubt::FarAhead));
        assert_eq!(at(far, None, true), None);
        assert_eq!(at("2046-10-30T00:00:00Z".parse().unwrap(), None, false), None);
    }

    #[test]
    fn a_synchronised_system_is_believed_even_if_it_was_later_before() {
        let saved = Saved { at: SAVED, boot: "first" };
        assert_eq!(at(SAVED - SignedDuration::from_hours(1), Some(saved), true), None);
    }

    #[test]
    fn within_one_run_of_the_machine_time_goes_forward() {
        assert_eq!(after_saved(0, "first", 10), None);
        assert_eq!(after_saved(600, "first", 10), None);
        assert_eq!(after_saved(-60, "first", 10), None, "somebody put it right");
        assert_eq!(after_saved(-61, "first", 10), Some(Doubt::BeforeSaved));
    }

    #[test]
    fn unplugging_the_box_gains_no_time() {
        assert_eq!(after_saved(-1, "second", 10), Some(Doubt::BeforeSaved));
        assert_eq!(after_saved(0, "second", 0), Some(Doubt::StoodStill));
        assert_eq!(after_saved(910, "second", 10), Some(Doubt::StoodStill));
        assert_eq!(after_saved(911, "second", 10), None, "a battery kept it");
    }

    #[test]
    fn a_clock_that_stood_still_is_no_better_an_hour_later() {
        assert_eq!(after_saved(3600, "second", 3600), Some(Doubt::StoodStill));
        assert_eq!(after_saved(3600, "second", 7200), Some(Doubt::StoodStill));
        assert_eq!(after_saved(8 * 3600, "second", 3600), None);
    }

    #[test]
    fn a_run_without_a_number_is_another_one() {
        let saved = Some(Saved { at: SAVED, boot: "" });
        let evidence = Evidence {
            now: SAVED,
            built: BUILT,
            saved,
            boot: "",
            uptime: Duration::ZERO,
            is_synchronised: false,
        };
        assert_eq!(doubt(&evidence), Some(Doubt::StoodStill));
    }

    proptest! {
        #[test]
        fn any_time_is_judged(
            now in -377_705_023_201_i64..=253_402_207_200,
            saved in -377_705_023_201_i64..=253_402_207_200,
            uptime in any::<u64>(),
            is_synchronised: bool,
        ) {
            let now = Timestamp::from_second(now).unwrap();
            let saved = Timestamp::from_second(saved).unwrap();
            let doubt = doubt(&Evidence {
                now,
                built: BUILT,
                saved: Some(Saved { at: saved, boot: "first" }),
                boot: "second",
                uptime: Duration::from_secs(uptime),
                is_synchronised,
            });
            prop_assert!(doubt.is_some() || is_synchronised || now >= saved);
            prop_assert!(doubt.is_some() || now >= BUILT);
        }
    }
}
