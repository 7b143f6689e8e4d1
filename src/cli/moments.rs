//! Moments and durations as people write them: `45m`, `21:30`, `"sat 21:30"`, `tomorrow`.
//!
//! Pure: what time it is, and where, are arguments. English and Spanish words are both understood,
//! whatever language the household speaks. A local time that the clocks skip is read as the one
//! shown an hour later; one that comes twice is the first that still lies ahead.

use std::time::Duration;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use crate::control::Until;

/// The longest duration: ten years. What is meant to last longer is a rule.
const DURATION_SECONDS_MAX: u64 = 3660 * SECONDS_A_DAY;
const SECONDS_A_DAY: u64 = 24 * 60 * 60;
/// The units of a duration in seconds, the largest first, as they must be written.
const UNITS: [(char, u64); 4] = [('d', SECONDS_A_DAY), ('h', 60 * 60), ('m', 60), ('s', 1)];
/// The days as their first letters; more letters of the same word may follow.
const DAYS: [(&str, &str, Weekday); 16] = [
    ("mon", "monday", Weekday::Monday),
    ("tue", "tuesday", Weekday::Tuesday),
    ("wed", "wednesday", Weekday::Wednesday),
    ("thu", "thursday", Weekday::Thursday),
    ("fri", "friday", Weekday::Friday),
    ("sat", "saturday", Weekday::Saturday),
    ("sun", "sunday", Weekday::Sunday),
    ("lun", "lunes", Weekday::Monday),
    ("mar", "martes", Weekday::Tuesday),
    ("mie", "miercoles", Weekday::Wednesday),
    ("mié", "miércoles", Weekday::Wednesday),
    ("jue", "jueves", Weekday::Thursday),
    ("vie", "viernes", Weekday::Friday),
    ("sab", "sabado", Weekday::Saturday),
    ("sáb", "sábado", Weekday::Saturday),
    ("dom", "domingo", Weekday::Sunday),
];

/// Why a text is no moment or no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MomentError {
    /// No duration at all.
    #[error("`{}` is no duration: write for example 30s, 45m, 1h30m or 2d", shown(.0))]
    NotADuration(String),
    /// More than ten years.
    #[error("`{}` is too long: at most 3660d", shown(.0))]
    TooLong(String),
    /// No moment at all.
    #[error(
        "`{}` is no moment: write a duration (45m, 1h30m), a time (21:30), a day and a time \
         (\"sat 21:30\") or a date and a time (2026-11-23T21:30:00-06:00)", shown(.0)
    )]
    NotAMoment(String),
    /// A time no clock shows.
    #[error("`{}` is no time of day: it goes from 00:00 to 23:59", shown(.0))]
    NotATime(String),
    /// Before or after every calendar.
    #[error("`{}` lies outside the calendar", shown(.0))]
    OutsideCalendar(String),
}

/// Which of the many half past nines is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// The next one, after now.
    Next,
    /// The last one, up to now.
    Last,
}

/// Reads `30s`, `45m`, `1h`, `1h30m`, `2d`: whole numbers with their units, the larger unit first,
/// more than nothing and at most ten years.
pub fn parse_duration(text: &str) -> Result<Duration, MomentError> {
    let wrong = || MomentError::NotADuration(text.to_owned());
    let too_long = || MomentError::TooLong(text.to_owned());
    let mut rest = text.trim();
    let mut units = UNITS.iter();
    let mut seconds: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, tail) = rest.split_at(digits);
        let unit = tail.chars().next().ok_or_else(wrong)?;
        let (_, each) = units.find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        if number.is_empty() {
            return Err(wrong());
        }
        // Digits only: what does not parse is too great.
        let number: u64 = number.parse().map_err(|_| too_long())?;
        seconds = number
            .checked_mul(*each)
            .and_then(|part| seconds.checked_add(part))
            .filter(|sum| *sum <= DURATION_SECONDS_MAX)
            .ok_or_else(too_long)?;
        rest = &tail[unit.len_utf8()..];
    }
    if seconds == 0 { Err(wrong()) } else { Ok(Duration::from_secs(seconds)) }
}

/// Reads `--since`: a duration ago, the last `HH:MM` or `sat HH:MM` up to now, or a date and time.
pub fn parse_since(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, MomentError> {
    parse(text, now, zone, Side::Last)
}

/// Reads `--at`: a duration from now, the next `HH:MM` or `sat HH:MM`, or a date and time.
pub fn parse_at(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, MomentError> {
    parse(text, now, zone, Side::Next)
}

/// Reads `--until`: a duration, which counts whatever the clock does meanwhile, else what
/// [`parse_at`] reads, and `tomorrow` (when that day begins), `bedtime` and `always`. A date may lie
/// in the past.
pub fn parse_until(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Until, MomentError> {
    match text.trim().to_lowercase().as_str() {
        "tomorrow" | "mañana" | "manana" => {
            let outside = |_| MomentError::OutsideCalendar(text.to_owned());
            let today = now.to_zoned(zone.clone()).date();
            let start = today.tomorrow().and_then(|day| day.to_zoned(zone.clone()));
            Ok(Until::At(start.map_err(outside)?.timestamp()))
        }
        "bedtime" | "dormir" => Ok(Until::Bedtime),
        "always" | "siempre" => Ok(Until::Always),
        _ => match parse_duration(text) {
            Ok(length) => Ok(Until::For(length.as_secs())),
            Err(error @ MomentError::TooLong(_)) => Err(error),
            Err(_) => parse_at(text, now, zone).map(Until::At),
        },
    }
}

fn parse(
    text: &str,
    now: Timestamp,
    zone: &TimeZone,
    side: Side,
) -> Result<Timestamp, MomentError> {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words[..] {
        [one] if one.starts_with(|c: char| c.is_ascii_digit()) => {
            if let Some(moment) = date_and_time(one, zone) {
                return Ok(moment);
            }
            if let Some(time) = time_of_day(one)? {
                return nearest(text, now, zone, side, |wall| {
                    let today = wall.date().to_datetime(time);
                    match side {
                        Side::Next if today <= wall => today.checked_add(1.day()),
                        Side::Last if today > wall => today.checked_sub(1.day()),
                        Side::Next | Side::Last => Ok(today),
                    }
                });
            }
            let span = match parse_duration(one) {
                Err(MomentError::NotADuration(_)) => {
                    return Err(MomentError::NotAMoment(text.to_owned()));
                }
                result => result?,
            };
            match side {
                Side::Next => now.checked_add(span),
                Side::Last => now.checked_sub(span),
            }
            .map_err(|_| MomentError::OutsideCalendar(text.to_owned()))
        }
        [date, time] if date.starts_with(|c: char| c.is_ascii_digit()) => {
            // `2026-11-23 21:30`, as `log` shows it.
            date_and_time(&format!("{date}T{time}"), zone)
                .ok_or_else(|| MomentError::NotAMoment(text.to_owned()))
        }
        [day, time] => {
            let wrong = || MomentError::NotAMoment(text.to_owned());
            let day = weekday(day).ok_or_else(wrong)?;
            let time = time_of_day(time)?.ok_or_else(wrong)?;
            nearest(text, now, zone, side, |wall| {
                let ahead = wall.date().weekday().until(day);
                let this_week = wall.date().checked_add(i64::from(ahead).days())?.to_datetime(time);
                match side {
                    Side::Next if this_week <= wall => this_week.checked_add(7.days()),
                    Side::Last if this_week > wall => this_week.checked_sub(7.days()),
                    Side::Next | Side::Last => Ok(this_week),
                }
            })
        }
        _ => Err(MomentError::NotAMoment(text.to_owned())),
    }
}

/// The moment at which the walls show what `choose` makes of the time they show now.
fn nearest(
    text: &str,
    now: Timestamp,
    zone: &TimeZone,
    side: Side,
    choose: impl Fn(DateTime) -> Result<DateTime, jiff::Error>,
) -> Result<Timestamp, MomentError> {
    let wall = now.to_zoned(zone.clone()).datetime();
    let moment = choose(wall).and_then(|chosen| {
        let chosen = zone.to_ambiguous_timestamp(chosen);
        let first = chosen.compatible()?;
        match side {
            // In an hour that comes twice, the first one may be over.
            Side::Next if first <= now => chosen.later(),
            Side::Next => Ok(first),
            // A skipped time is read as a later one, which may lie ahead.
            Side::Last => Ok(first.min(now)),
        }
    });
    moment.map_err(|_| MomentError::OutsideCalendar(text.to_owned()))
}

/// RFC 3339, or the same without an offset, or a date alone, in the household's time.
fn date_and_time(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment);
    }
    // Checked by shape first: jiff reads more than what is promised here.
    let has_shape = text.len() >= 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-';
    if !has_shape || text.contains(['[', 'Z', 'z', '+']) {
        return None;
    }
    let wall = match text.len() {
        10 => text.parse::<Date>().ok()?.to_datetime(Time::midnight()),
        _ => text.parse::<DateTime>().ok()?,
    };
    Some(wall.to_zoned(zone.clone()).ok()?.timestamp())
}

/// `21:30` or `7:05`; none when it does not look like a time.
fn time_of_day(text: &str) -> Result<Option<Time>, MomentError> {
    let Some((hour, minute)) = text.split_once(':') else { return Ok(None) };
    let is_number = |part: &str| part.bytes().all(|octet| octet.is_ascii_digit());
    if !(1..=2).contains(&hour.len()) || minute.len() != 2 || !is_number(hour) || !is_number(minute)
    {
        return Ok(None);
    }
    let wrong = || MomentError::NotATime(text.to_owned());
    let number = |part: &str| part.parse::<i8>().map_err(|_| wrong());
    Time::new(number(hour)?, number(minute)?, 0, 0).map(Some).map_err(|_| wrong())
}

fn weekday(text: &str) -> Option<Weekday> {
    let text = text.to_lowercase();
    DAYS.iter().find(|(short, long, _)| text == *short || text == *long).map(|(_, _, day)| *day)
}

/// What a person wrote, safe to print in a message and not too long for one.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(60).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Sunday 2026-11-22, 20:00 in Guatemala.
    fn now() -> Timestamp {
        "2026-11-22T20:00:00-06:00".parse().unwrap()
    }

    fn zone() -> TimeZone {
        TimeZone::get("America/Guatemala").unwrap()
    }

    fn wall(moment: Timestamp) -> String {
        moment.to_zoned(zone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    #[track_caller]
    fn check_at(text: &str, expected: &str) {
        assert_eq!(wall(parse_at(text, now(), &zone()).unwrap()), expected, "--at {text}");
    }

    #[track_caller]
    fn check_since(text: &str, expected: &str) {
        assert_eq!(wall(parse_since(text, now(), &zone()).unwrap()), expected, "--since {text}");
    }

    #[test]
    fn durations_are_numbers_with_units() {
        for (text, seconds) in [
            ("30s", 30),
            ("45m", 2700),
            ("1h", 3600),
            ("1h30m", 5400),
            ("2d", 172_800),
            ("1d1s", 86_401),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_says_what_to_write() {
        for text in
            ["", "0s", "30", "h", "m30", "30m1h", "1h1h", "1.5h", "-1h", "1 h", "1h 30m", "3w", "é"]
        {
            assert_eq!(parse_duration(text), Err(MomentError::NotADuration(text.to_owned())));
        }
        for text in ["3661d", "99999999999999999999s", "9999999999999999999d"] {
            assert_eq!(parse_duration(text), Err(MomentError::TooLong(text.to_owned())));
        }
        assert_eq!(
            parse_duration("1 week\n").unwrap_err().to_string(),
            r"`1 week\n` is no duration: write for example 30s, 45m, 1h30m or 2d"
        );
    }

    #[test]
    fn durations_count_from_now_or_back_from_it() {
        check_at("1h30m", "2026-11-22 21:30:00");
        check_since("1h30m", "2026-11-22 18:30:00");
        check_since("2d", "2026-11-20 20:00:00");
    }

    #[test]
    fn a_time_is_the_next_or_the_last_one() {
        check_at("21:30", "2026-11-22 21:30:00");
        check_at("7:05", "2026-11-23 07:05:00");
        check_at("20:00", "2026-11-23 20:00:00");
        check_since("20:00", "2026-11-22 20:00:00");
        check_since("21:30", "2026-11-21 21:30:00");
        check_since("00:00", "2026-11-22 00:00:00");
    }

    #[test]
    fn a_day_and_a_time_are_the_next_or_the_last_one_in_both_languages() {
        check_at("sat 21:30", "2026-11-28 21:30:00");
        check_at("sun 21:30", "2026-11-22 21:30:00");
        check_at("domingo 19:00", "2026-11-29 19:00:00");
        check_since("sat 21:30", "2026-11-21 21:30:00");
        check_since("Sáb 21:30", "2026-11-21 21:30:00");
        check_since("sun 20:00", "2026-11-22 20:00:00");
        check_since("sun 20:01", "2026-11-15 20:01:00");
        check_since("miércoles 8:00", "2026-11-18 08:00:00");
    }

    #[test]
    fn a_date_and_time_stand_for_themselves() {
        check_at("2026-12-24T18:00:00-06:00", "2026-12-24 18:00:00");
        check_since("2026-11-20T00:00:00Z", "2026-11-19 18:00:00");
        check_since("2026-11-20T08:00", "2026-11-20 08:00:00");
        check_since("2026-11-20 08:00", "2026-11-20 08:00:00");
        check_since("2026-11-20", "2026-11-20 00:00:00");
    }

    #[test]
    fn until_knows_three_words_more() {
        let until = |text| parse_until(text, now(), &zone()).unwrap();
        let Until::At(tomorrow) = until("tomorrow") else { panic!("a moment") };
        assert_eq!(wall(tomorrow), "2026-11-23 00:00:00");
        assert_eq!(until("mañana"), Until::At(tomorrow));
        assert_eq!(until("bedtime"), Until::Bedtime);
        assert_eq!(until("Always"), Until::Always);
        assert_eq!(until("21:30"), Until::At(parse_at("21:30", now(), &zone()).unwrap()));
    }

    #[test]
    fn a_length_stays_a_length_because_clocks_may_be_set() {
        let until = |text| parse_until(text, now(), &zone());
        assert_eq!(until("30m"), Ok(Until::For(1800)));
        assert_eq!(until(" 1h30m "), Ok(Until::For(5400)));
        assert!(matches!(until("9999d"), Err(MomentError::TooLong(_))));
        assert!(matches!(until("30"), Err(MomentError::NotAMoment(_))));
    }

    #[test]
    fn in_an_hour_that_comes_twice_the_next_time_is_the_one_ahead() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let second: Timestamp = "2026-11-01T01:10:00-05:00".parse().unwrap();
        let at = parse_at("1:30", second, &zone).unwrap();
        assert_eq!(at, "2026-11-01T01:30:00-05:00".parse().unwrap());
        let first: Timestamp = "2026-11-01T01:10:00-04:00".parse().unwrap();
        let at = parse_at("1:30", first, &zone).unwrap();
        assert_eq!(at, "2026-11-01T01:30:00-04:00".parse().unwrap());
    }

    #[test]
    fn a_time_the_clocks_skip_is_read_an_hour_later_and_never_lies_ahead_of_now() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let evening: Timestamp = "2026-03-07T22:00:00-05:00".parse().unwrap();
        let at = parse_at("2:30", evening, &zone).unwrap();
        assert_eq!(at, "2026-03-08T03:30:00-04:00".parse().unwrap());
        let after: Timestamp = "2026-03-08T03:10:00-04:00".parse().unwrap();
        assert_eq!(parse_since("2:30", after, &zone).unwrap(), after);
    }

    #[test]
    fn what_is_no_moment_says_so() {
        for text in ["", "soon", "sat", "sat soon", "21", "21:3", "sat 21:30 x", "2026-13-01", "é"]
        {
            let error = parse_at(text, now(), &zone()).unwrap_err();
            assert_eq!(error, MomentError::NotAMoment(text.to_owned()));
        }
        for text in ["24:00", "12:60", "sat 25:00"] {
            let error = parse_since(text, now(), &zone()).unwrap_err();
            assert!(matches!(error, MomentError::NotATime(_)), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_in_one_printable_line(text in "\\PC{0,30}|[0-9a-z: T+-]{0,30}|\\s*.*") {
            for result in [
                parse_at(&text, now(), &zone()).map(drop),
                parse_since(&text, now(), &zone()).map(drop),
                parse_until(&text, now(), &zone()).map(drop),
                parse_duration(&text).map(drop),
            ] {
                if let Err(error) = result {
                    prop_assert!(!error.to_string().contains(char::is_control));
                }
            }
        }

        #[test]
        fn next_lies_ahead_and_last_does_not(hour in 0..24, minute in 0..60, at in 0_i64..4_000_000_000) {
            let now = Timestamp::from_second(at).unwrap();
            let zone = TimeZone::get("Europe/Madrid").unwrap();
            let text = format!("{hour:02}:{minute:02}");
            let last = parse_since(&text, now, &zone).unwrap();
            prop_assert!(last <= now);
            prop_assert!(now.duration_since(last).as_hours() <= 25);
            let next = parse_at(&text, now, &zone).unwrap();
            prop_assert!(next > now);
            prop_assert!(next.duration_since(now).as_hours() <= 25);
        }
    }
}
