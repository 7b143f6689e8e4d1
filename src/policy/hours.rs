//! Windows of time: when something is closed.
//!
//! Wall clock, in the household's zone. A window that passes midnight belongs to the day it
//! starts on. It never asks what time it is. Start reading at [`Schedule::is_active`].
//!
//! A window is open exactly when the clock on the wall shows a minute inside it, whatever the
//! zone does that night:
//!
//! - *A skipped hour* (clocks go from 02:00 to 03:00) has no minutes, so nothing is open in it. A
//!   window that would end inside it ends at the jump; one that would start inside it starts at
//!   the jump; one that lies inside it whole does not happen that night.
//! - *A repeated hour* (clocks go from 03:00 back to 02:00) counts twice: a window inside it opens
//!   twice, one that ends inside it opens again at the jump until its end comes the second time.
//!   Nothing is ever shorter than the wall says.
//!
//! So the set of open windows changes only where the wall shows a start or an end, or at a jump
//! of the zone: that is all [`next_change`] looks at.

use std::collections::BTreeSet;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::rules::Scope;
use super::tags::Known;

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
    /// The calendars whose days are in files.
    pub files: CalendarFiles,
}

/// The calendars of a schedule whose days are in files, by their places in the config: whoever reads
/// the files adds their days to `dates` and `except`, and empties this.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CalendarFiles {
    /// Of the only dates it starts on.
    pub dates: Vec<usize>,
    /// Of the dates on which it does not start.
    pub except: Vec<usize>,
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

/// How many days [`next_change`] looks ahead: past every window of a week, and a day more, so that
/// the same window is met again on a week with a jump in it.
const HORIZON_DAYS: i64 = 8;
/// How far [`next_change`] looks ahead.
pub const HORIZON: SignedDuration = SignedDuration::from_hours(24 * HORIZON_DAYS);
/// The minutes of a day on the wall.
const DAY_MINUTES: u16 = 24 * 60;

// === impl Days ===

impl Days {
    /// Monday to Sunday.
    pub const EVERY: Days = Days(0b111_1111);
    /// The evenings before a school day: Sunday to Thursday.
    pub const SCHOOL_NIGHTS: Days = Days(0b100_1111);
    /// The evenings before a free day: Friday and Saturday.
    pub const WEEKEND: Days = Days(0b011_0000);

    /// The set of one day: bit 0 is Monday, bit 6 is Sunday.
    #[must_use]
    pub fn of(day: Weekday) -> Self {
        Days(1 << day.to_monday_zero_offset())
    }

    /// Whether the day is in the set.
    #[must_use]
    pub fn contains(self, day: Weekday) -> bool {
        self.0 & Days::of(day).0 != 0
    }
}

// === impl Schedule ===

impl Schedule {
    /// Whether the window is open at this moment of the wall clock.
    #[must_use]
    pub fn is_active(&self, wall: DateTime) -> bool {
        let Span { start, end } = self.span;
        let minute = minute_of(wall.time());
        if start < end {
            return start <= minute && minute < end && self.starts_on(wall.date());
        }
        // It passes midnight: the evening of the day it starts on, or the morning after.
        (start <= minute && self.starts_on(wall.date()))
            || (minute < end && wall.date().yesterday().is_ok_and(|day| self.starts_on(day)))
    }

    /// Whether the window, while it is open, closes the name.
    #[must_use]
    pub fn closes(&self, asked: &Known<'_>) -> bool {
        let named =
            self.block.covers(asked) || self.only.as_ref().is_some_and(|only| !only.covers(asked));
        named && !self.allow.covers(asked)
    }

    /// Whether the window, while it is open, keeps the name open by an exception of its own.
    #[must_use]
    pub fn opens(&self, asked: &Known<'_>) -> bool {
        self.allow.covers(asked) || self.only.as_ref().is_some_and(|only| only.covers(asked))
    }

    /// Whether the window starts on this day.
    fn starts_on(&self, day: Date) -> bool {
        let within = |ranges: &[(Date, Date)]| {
            ranges.iter().any(|&(first, last)| first <= day && day <= last)
        };
        self.days.contains(day.weekday())
            && (self.dates.is_empty() || within(&self.dates))
            && !within(&self.except)
    }
}

/// The next moment after `now` at which the set of active windows changes; none within the next
/// [`HORIZON`]. Between `now` and it the set stays as it is; at it, to the second, it is
/// another one.
#[must_use]
pub fn next_change(schedules: &[Schedule], zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
    if schedules.is_empty() {
        return None;
    }
    let now_on_wall = zone.to_datetime(now);
    let active: Vec<bool> = schedules.iter().map(|one| one.is_active(now_on_wall)).collect();
    boundaries(schedules, zone, now).into_iter().find(|&at| {
        let wall = zone.to_datetime(at);
        schedules.iter().zip(&active).any(|(one, &was)| one.is_active(wall) != was)
    })
}

/// Every moment up to the horizon at which a window may open or close, in order.
fn boundaries(schedules: &[Schedule], zone: &TimeZone, now: Timestamp) -> BTreeSet<Timestamp> {
    let horizon = now.saturating_add(HORIZON).unwrap_or(Timestamp::MAX);
    let minutes: BTreeSet<u16> = schedules
        .iter()
        .flat_map(|one| [one.span.start % DAY_MINUTES, one.span.end % DAY_MINUTES])
        .collect();
    // A day more on both sides: a jump may lead back into yesterday, or over a whole day.
    let today = zone.to_datetime(now).date();
    let days =
        (-1..=HORIZON_DAYS + 1).filter_map(|distance| today.checked_add(distance.days()).ok());
    let on_the_wall = days.flat_map(|day| {
        minutes.iter().filter_map(move |&minute| Some(day.to_datetime(time_of(minute)?)))
    });
    let jumps =
        zone.following(now).map(|jump| jump.timestamp()).take_while(|&jump| jump <= horizon);
    on_the_wall
        .flat_map(|wall| moments_of(zone, wall))
        .flatten()
        .chain(jumps)
        .filter(|&at| now < at && at <= horizon)
        .collect()
}

/// The moments at which the wall shows this time: one; none when it is skipped (the jump over it
/// is a boundary of its own); two when it is repeated.
pub(super) fn moments_of(zone: &TimeZone, wall: DateTime) -> [Option<Timestamp>; 2] {
    match zone.to_ambiguous_timestamp(wall).offset() {
        AmbiguousOffset::Unambiguous { offset } => [offset.to_timestamp(wall).ok(), None],
        AmbiguousOffset::Gap { .. } => [None, None],
        AmbiguousOffset::Fold { before, after } => {
            [before.to_timestamp(wall).ok(), after.to_timestamp(wall).ok()]
        }
    }
}

/// The minute of the day, seconds cut: a window holds until the last second of its last minute.
pub(super) fn minute_of(time: Time) -> u16 {
    u16::try_from(i16::from(time.hour()) * 60 + i16::from(time.minute())).unwrap_or(0)
}

/// The time at which a minute of the day begins.
pub(super) fn time_of(minute: u16) -> Option<Time> {
    let hour = i8::try_from(minute / 60).ok()?;
    let minute = i8::try_from(minute % 60).ok()?;
    Time::new(hour, minute, 0, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Zones with every kind of jump: none, one hour, half an hour, at midnight, twice a year for
    /// Ramadan, abolished and brought back, odd offsets.
    const ZONES: &[&str] = &[
        "Africa/Cairo",
        "Africa/Casablanca",
        "Africa/El_Aaiun",
        "Africa/Johannesburg",
        "Africa/Juba",
        "America/Asuncion",
        "America/Bogota",
        "America/Chihuahua",
        "America/Ciudad_Juarez",
        "America/Guatemala",
        "America/Havana",
        "America/Los_Angeles",
        "America/Mexico_City",
        "America/Miquelon",
        "America/New_York",
        "America/Nuuk",
        "America/Ojinaga",
        "America/Santiago",
        "America/Sao_Paulo",
        "America/Scoresbysund",
        "America/St_Johns",
        "America/Tijuana",
        "America/Whitehorse",
        "Antarctica/Casey",
        "Antarctica/Troll",
        "Asia/Almaty",
        "Asia/Amman",
        "Asia/Beirut",
        "Asia/Gaza",
        "Asia/Jerusalem",
        "Asia/Kathmandu",
        "Asia/Tehran",
        "Atlantic/Azores",
        "Australia/Lord_Howe",
        "Australia/Sydney",
        "Europe/Chisinau",
        "Europe/Dublin",
        "Europe/Madrid",
        "Europe/Volgograd",
        "Pacific/Apia",
        "Pacific/Auckland",
        "Pacific/Chatham",
        "Pacific/Easter",
        "Pacific/Fiji",
        "Pacific/Norfolk",
        "UTC",
    ];

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn window(days: Days, start: u16, end: u16) -> Schedule {
        Schedule {
            name: "window".to_owned(),
            days,
            span: Span { start, end },
            block: Scope::default(),
            only: None,
            allow: Scope::default(),
            dates: Vec::new(),
            except: Vec::new(),
            files: CalendarFiles::default(),
        }
    }

    /// `hour(20, 30)` is the minute of the day.
    fn hour(hour: u16, minute: u16) -> u16 {
        hour * 60 + minute
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn is_open(window: &Schedule, wall: &str) -> bool {
        window.is_active(wall.parse().unwrap())
    }

    /// The obvious way: is there a day it starts on, whose window holds this time on the wall?
    fn model(window: &Schedule, wall: DateTime) -> bool {
        [wall.date(), wall.date().yesterday().unwrap()].into_iter().any(|day| {
            let in_any = |ranges: &[(Date, Date)]| ranges.iter().any(|r| r.0 <= day && day <= r.1);
            let Span { start, end } = window.span;
            let midnight = day.to_datetime(Time::midnight());
            let length = if start < end { end - start } else { end + 1440 - start };
            let from = midnight + i64::from(start).minutes();
            let named = window.days.0 >> day.weekday().to_monday_zero_offset() & 1 == 1;
            named
                && (window.dates.is_empty() || in_any(&window.dates))
                && !in_any(&window.except)
                && from <= wall
                && wall < from + i64::from(length).minutes()
        })
    }

    fn jumps(zone: &TimeZone) -> Vec<Timestamp> {
        zone.following(at("2020-01-01T00:00:00Z"))
            .map(|jump| jump.timestamp())
            .take_while(|&jump| jump < at("2036-01-01T00:00:00Z"))
            .collect()
    }

    /// Checks every minute of the five hours around a moment, half a minute before it too, and
    /// that `next_change` names each change and nothing else.
    fn no_wrong_minute(windows: &[Schedule], zone: &TimeZone, around: Timestamp) {
        let minute = SignedDuration::from_mins(1);
        let (mut now, last) = (around - 150 * minute, around + 150 * minute);
        let set = |now: Timestamp| -> Vec<bool> {
            windows.iter().map(|window| model(window, zone.to_datetime(now))).collect()
        };
        let mut next = next_change(windows, zone, now);
        let mut before = set(now);
        while now < last {
            let wall = zone.to_datetime(now);
            let open: Vec<bool> = windows.iter().map(|window| window.is_active(wall)).collect();
            assert_eq!(open, set(now), "{wall} in {zone:?}");
            assert_eq!(next == Some(now), before != open, "{wall} in {zone:?}, next is {next:?}");
            if next == Some(now) {
                next = next_change(windows, zone, now);
            }
            before = open;
            let almost = now + SignedDuration::from_millis(59_999);
            assert_eq!(set(almost), before, "{wall} and 59.999 s in {zone:?}");
            now += minute;
        }
    }

    #[test]
    fn no_minute_is_wrong_around_any_jump() {
        // Around every hour at which zones jump, and over midnight, on all and on some days.
        let windows = [
            window(Days::EVERY, hour(20, 30), hour(6, 30)),
            window(Days::EVERY, hour(21, 0), hour(24, 0)),
            window(Days::EVERY, hour(0, 0), hour(0, 30)),
            window(Days::EVERY, hour(1, 45), hour(2, 15)),
            window(Days::EVERY, hour(2, 10), hour(2, 40)),
            window(Days::WEEKEND, hour(22, 0), hour(2, 30)),
            window(Days::SCHOOL_NIGHTS, hour(23, 20), hour(0, 20)),
            window(Days::of(Weekday::Sunday), hour(3, 0), hour(1, 20)),
        ];
        for name in ZONES {
            let zone = zone(name);
            for jump in jumps(&zone) {
                no_wrong_minute(&windows, &zone, jump);
            }
            no_wrong_minute(&windows, &zone, at("2026-11-23T03:00:00Z"));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn no_minute_is_wrong_for_any_window(
            name in proptest::sample::select(ZONES),
            place in any::<proptest::sample::Index>(),
            drawn in proptest::collection::vec((0u8..128, 0u16..1440, 1u16..=1440), 1..4),
            shift in -1800i64..1800,
        ) {
            let zone = zone(name);
            let jumps = jumps(&zone);
            let jump = if jumps.is_empty() { at("2026-11-23T12:00:00Z") } else { *place.get(&jumps) };
            let mut windows: Vec<_> = drawn
                .into_iter()
                .filter(|(_, start, end)| start != end)
                .map(|(days, start, end)| window(Days(days), start, end))
                .collect();
            let day = zone.to_datetime(jump).date();
            if let Some(first) = windows.first_mut() {
                first.except = vec![(day, day)];
            }
            if let Some(last) = windows.last_mut() {
                last.dates = vec![(day.yesterday().unwrap(), day)];
            }
            no_wrong_minute(&windows, &zone, jump + SignedDuration::from_mins(shift));
        }
    }

    #[test]
    fn a_window_past_midnight_belongs_to_the_day_it_starts_on() {
        let friday = window(Days::of(Weekday::Friday), hour(22, 0), hour(7, 0));
        // 2026-11-27 is a Friday.
        assert!(!is_open(&friday, "2026-11-27T06:59"));
        assert!(!is_open(&friday, "2026-11-27T21:59:59"));
        assert!(is_open(&friday, "2026-11-27T22:00"));
        assert!(is_open(&friday, "2026-11-28T06:59:59.999"));
        assert!(!is_open(&friday, "2026-11-28T07:00"));
        assert!(!is_open(&friday, "2026-11-28T22:00"));
    }

    #[test]
    fn every_second_between_start_and_end_counts() {
        let evening = window(Days::EVERY, hour(21, 0), hour(24, 0));
        assert!(!is_open(&evening, "2026-11-23T20:59:59.999999999"));
        assert!(is_open(&evening, "2026-11-23T21:00:00"));
        assert!(is_open(&evening, "2026-11-23T21:00:01"));
        assert!(is_open(&evening, "2026-11-23T23:59:30"));
        assert!(!is_open(&evening, "2026-11-24T00:00:00"));
    }

    #[test]
    fn dates_and_exceptions_look_at_the_day_it_starts_on() {
        let date = |text: &str| text.parse::<Date>().unwrap();
        let mut night = window(Days::EVERY, hour(22, 0), hour(7, 0));
        night.dates = vec![(date("2026-12-20"), date("2026-12-31"))];
        night.except = vec![(date("2026-12-24"), date("2026-12-25"))];
        assert!(!is_open(&night, "2026-12-20T06:00"));
        assert!(is_open(&night, "2026-12-20T22:00"));
        assert!(is_open(&night, "2026-12-24T06:00"));
        assert!(!is_open(&night, "2026-12-24T22:00"));
        assert!(!is_open(&night, "2026-12-26T06:00"));
        assert!(is_open(&night, "2027-01-01T06:00"));
        assert!(!is_open(&night, "2027-01-01T22:00"));
    }

    #[test]
    fn the_days_have_their_names() {
        use Weekday::{Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday};
        for day in [Sunday, Monday, Tuesday, Wednesday, Thursday] {
            assert!(Days::SCHOOL_NIGHTS.contains(day) && !Days::WEEKEND.contains(day));
        }
        for day in [Friday, Saturday] {
            assert!(Days::WEEKEND.contains(day) && !Days::SCHOOL_NIGHTS.contains(day));
        }
        assert_eq!(Days::WEEKEND.0 | Days::SCHOOL_NIGHTS.0, Days::EVERY.0);
    }

    #[test]
    fn the_evening_of_a_day_with_a_jump_is_on_time() {
        // Madrid, 2026: clocks go on at 02:00 on 29 March and back at 03:00 on 25 October.
        let evening = [window(Days::EVERY, hour(21, 0), hour(22, 0))];
        let madrid = zone("Europe/Madrid");
        let next = |now: &str| next_change(&evening, &madrid, at(now));
        assert_eq!(next("2026-03-29T00:30:00Z"), Some(at("2026-03-29T19:00:00Z")));
        assert_eq!(next("2026-10-25T00:30:00Z"), Some(at("2026-10-25T20:00:00Z")));
    }

    #[test]
    fn the_next_change_is_exact_and_after_now() {
        let windows = [window(Days::of(Weekday::Monday), hour(21, 0), hour(21, 1))];
        let guatemala = zone("America/Guatemala");
        let next = |now: &str| next_change(&windows, &guatemala, at(now));
        let monday = at("2026-11-24T03:00:00Z");
        assert_eq!(next("2026-11-24T02:59:59.999Z"), Some(monday));
        assert_eq!(next("2026-11-24T03:00:00Z"), Some(at("2026-11-24T03:01:00Z")));
        assert_eq!(next("2026-11-24T03:01:00Z"), Some(at("2026-12-01T03:00:00Z")));
    }

    #[test]
    fn what_never_changes_has_no_next_change() {
        let utc = TimeZone::UTC;
        let now = at("2026-11-23T12:00:00Z");
        assert_eq!(next_change(&[], &utc, now), None);
        assert_eq!(next_change(&[window(Days::EVERY, 0, 1440)], &utc, now), None);
        assert_eq!(next_change(&[window(Days(0), 60, 120)], &utc, now), None);
        // Two windows that take turns change nothing of their own, but the set changes.
        let turns = [window(Days::EVERY, 0, 720), window(Days::EVERY, 720, 1440)];
        assert_eq!(next_change(&turns, &utc, now), Some(at("2026-11-24T00:00:00Z")));
    }

    #[test]
    fn the_ends_of_time_do_not_panic() {
        let windows = [window(Days::EVERY, hour(22, 0), hour(7, 0))];
        for now in [Timestamp::MIN, Timestamp::MAX] {
            let _ = next_change(&windows, &zone("Europe/Madrid"), now);
        }
    }
}
