//! Lengths of time, windows of the day, days of the week, dates.

use std::time::Duration;

use jiff::civil::Date;

use super::{Mistake, unaccented};
use crate::policy::hours::{Days, Span};

/// The minutes of a day.
const DAY_MINUTES: u16 = 24 * 60;
/// The longest length of time that is meant seriously: ten years, far below what overflows.
const DURATION_SECONDS_MAX: u64 = 10 * 366 * 86_400;

/// The days with all their spellings, Monday first, accents taken off.
const DAYS: [&[&str]; 7] = [
    &["mon", "monday", "lun", "lunes"],
    &["tue", "tues", "tuesday", "mar", "martes"],
    &["wed", "wednesday", "mie", "miercoles"],
    &["thu", "thur", "thurs", "thursday", "jue", "jueves"],
    &["fri", "friday", "vie", "viernes"],
    &["sat", "saturday", "sab", "sabado"],
    &["sun", "sunday", "dom", "domingo"],
];

/// The sets of days: those whose night is before a school day, and the other two.
const SETS: [(&str, u8); 7] = [
    ("school-nights", 0b100_1111),
    ("noches-de-escuela", 0b100_1111),
    ("noches-de-clase", 0b100_1111),
    ("weekend", 0b011_0000),
    ("fin-de-semana", 0b011_0000),
    ("every-day", 0b111_1111),
    ("todos-los-dias", 0b111_1111),
];

/// Reads a length of time: `30s`, `45m`, `1h`, `1h30m`, `2d`; units from large to small.
pub(in crate::config) fn duration(text: &str) -> Result<Duration, Mistake> {
    parse_duration(text).ok_or_else(|| {
        Mistake::new(
            format!("`{text}` is not a length of time"),
            "write it like `45m`, `1h30m` or `2d`",
        )
    })
}

fn parse_duration(text: &str) -> Option<Duration> {
    const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];
    let mut seconds: u64 = 0;
    let mut rest = text;
    let mut units = UNITS.iter();
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let count: u64 = rest[..digits].parse().ok()?;
        let unit = rest[digits..].chars().next()?;
        // The units left get fewer, so that none comes twice.
        let (_, length) = units.find(|(name, _)| *name == unit)?;
        seconds = seconds.checked_add(count.checked_mul(*length)?)?;
        rest = &rest[digits + 1..];
    }
    let sensible = seconds <= DURATION_SECONDS_MAX && !text.is_empty();
    sensible.then_some(Duration::from_secs(seconds))
}

/// Reads a length of time that fits into a day, in whole minutes.
pub(in crate::config) fn minutes(text: &str) -> Result<u16, Mistake> {
    let seconds = duration(text)?.as_secs();
    let minutes = seconds / 60;
    if text.ends_with('s') {
        // Up, so that nobody is told to write `0m` who wrote something.
        let help = format!("write `{}m`", seconds.div_ceil(60));
        return Err(Mistake::new(format!("`{text}` has seconds: minutes are counted"), help));
    }
    match u16::try_from(minutes) {
        Ok(minutes) if minutes <= DAY_MINUTES => Ok(minutes),
        _ => Err(Mistake::new(
            format!("`{text}` is longer than a day"),
            "write `24h` or less; a day that is left out has no limit",
        )),
    }
}

/// Reads a time of day as minutes from midnight: `04:00`.
pub(in crate::config) fn minute_of_day(text: &str) -> Result<u16, Mistake> {
    clock_time(text.trim()).filter(|minute| *minute < DAY_MINUTES).ok_or_else(|| {
        let help = "write it like \"04:00\", from 00:00 to 23:59";
        Mistake::new(format!("`{text}` is not a time of day"), help)
    })
}

/// Reads a window of the day: `20:30-06:30`. `key` is what it is called when it has no length.
pub(in crate::config) fn span(key: &str, text: &str) -> Result<Span, Mistake> {
    let minutes = || {
        let (start, end) = text.split_once('-')?;
        Some((clock_time(start.trim())?, clock_time(end.trim())?))
    };
    let (start, end) = minutes().filter(|(start, _)| *start < DAY_MINUTES).ok_or_else(|| {
        Mistake::new(
            format!("`{text}` is not a time from when to when"),
            "write it like \"20:30-06:30\", with 24 hours to the day",
        )
    })?;
    if start == end {
        return Err(Mistake::new(
            format!("{key} `{text}` has no length"),
            "write \"00:00-24:00\" for the whole day, or remove the line",
        ));
    }
    // Midnight at the end is the end of the day it ends.
    Ok(Span { start, end: if end == 0 { DAY_MINUTES } else { end } })
}

fn clock_time(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let digits = |text: &str, lengths: std::ops::RangeInclusive<usize>| {
        let good = lengths.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        good.then(|| text.parse::<u16>().ok()).flatten()
    };
    let (hours, minutes) = (digits(hours, 1..=2)?, digits(minutes, 2..=2)?);
    let time = hours * 60 + minutes;
    (minutes < 60 && time <= DAY_MINUTES).then_some(time)
}

/// Reads days: one, a range that may pass Sunday, or a set, in English or Spanish.
pub(in crate::config) fn days(text: &str) -> Result<Days, Mistake> {
    let word = unaccented(text.trim()).replace([' ', '_'], "-");
    if let Some((_, days)) = SETS.iter().find(|(name, _)| *name == word) {
        return Ok(Days(*days));
    }
    if let Some(day) = day(&word) {
        return Ok(Days(1 << day));
    }
    let range = || {
        let (first, last) = word.split_once('-')?;
        Some((day(first)?, day(last)?))
    };
    let (first, last) = range().ok_or_else(|| {
        let known = DAYS.iter().flat_map(|names| names.iter().copied());
        let help = crate::config::suggest::did_you_mean(
            &word,
            known.chain(SETS.iter().map(|(name, _)| *name)),
        );
        Mistake::new(
            format!("`{text}` is not a day"),
            help.unwrap_or_else(|| {
                "write days like `mon`, `mon-thu`, `school-nights` or `weekend`".to_owned()
            }),
        )
    })?;
    let mut days = 1 << last;
    let mut day = first;
    while day != last {
        days |= 1 << day;
        day = (day + 1) % 7;
    }
    Ok(Days(days))
}

fn day(word: &str) -> Option<u8> {
    let place = DAYS.iter().position(|names| names.contains(&word))?;
    u8::try_from(place).ok()
}

/// The first day that is in both, by its English name.
pub(in crate::config) fn days_clash(one: Days, other: Days) -> Option<&'static str> {
    let both = one.0 & other.0;
    (0..7).find(|day| both & (1 << day) != 0).map(|day: usize| DAYS[day][1])
}

/// Whether a text is meant as dates rather than as a calendar's id.
pub(in crate::config) fn is_dates(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit()) && text.contains(['-', '/', '.'])
}

/// Reads a date or a stretch of them with both ends included: `2026-12-20..2027-01-10`.
pub(in crate::config) fn dates(text: &str) -> Result<(Date, Date), Mistake> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let date = |text: &str| {
        // jiff reads more than dates here (a time of day behind them, say).
        (text.len() == 10).then(|| text.parse::<Date>().ok()).flatten()
    };
    match (date(first.trim()), date(last.trim())) {
        (Some(first), Some(last)) if first <= last => Ok((first, last)),
        (Some(first), Some(last)) => Err(Mistake::new(
            format!("`{text}` ends before it begins"),
            format!("write \"{last}..{first}\""),
        )),
        _ => Err(Mistake::new(
            format!("`{text}` is not a date"),
            "write it like \"2026-12-24\" or \"2026-12-20..2027-01-10\"",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_of_time_are_read() {
        let seconds = |text| duration(text).map(|length| length.as_secs()).ok();
        assert_eq!(seconds("30s"), Some(30));
        assert_eq!(seconds("45m"), Some(2_700));
        assert_eq!(seconds("1h30m"), Some(5_400));
        assert_eq!(seconds("2d"), Some(172_800));
        for bad in ["", "1", "h", "30m1h", "1h1h", "-1h", "1.5h", "1 h", "99999999999999999999d"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_budget_is_whole_minutes_of_a_day() {
        let told =
            |text: &str| minutes(text).map_err(|Mistake { what, help }| format!("{what}; {help}"));
        assert_eq!((told("0m"), told("0h")), (Ok(0), Ok(0)));
        assert_eq!((told("1h30m"), told("24h"), told("1d")), (Ok(90), Ok(1_440), Ok(1_440)));
        let seconds = |text: &str, help: &str| {
            assert_eq!(
                told(text),
                Err(format!("`{text}` has seconds: minutes are counted; {help}"))
            );
        };
        seconds("90s", "write `2m`");
        seconds("1m30s", "write `2m`");
        seconds("60s", "write `1m`");
        let long = "write `24h` or less; a day that is left out has no limit";
        for text in ["24h1m", "2d", "1441m", "9999h"] {
            assert_eq!(told(text), Err(format!("`{text}` is longer than a day; {long}")));
        }
    }

    #[test]
    fn a_time_of_day_is_from_midnight_to_the_last_minute() {
        let read = |text| minute_of_day(text).ok();
        assert_eq!((read("00:00"), read("4:00"), read("23:59")), (Some(0), Some(240), Some(1_439)));
        for bad in ["24:00", "04", "4am", "04:60", "", "-1:00", "04:00-05:00"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_window_may_pass_midnight_and_end_with_the_day() {
        let minutes = |text| span("time", text).map(|span| (span.start, span.end)).ok();
        assert_eq!(minutes("20:30-06:30"), Some((1_230, 390)));
        assert_eq!(minutes("00:00-24:00"), Some((0, 1_440)));
        assert_eq!(minutes("22:00-00:00"), Some((1_320, 1_440)));
        assert_eq!(minutes("7:05-8:00"), Some((425, 480)));
        for bad in ["21:00-21:00", "24:00-06:00", "25:00-06:00", "20:60-06:00", "8pm-6am", "20:30"]
        {
            assert_eq!(minutes(bad), None, "{bad}");
        }
    }

    #[test]
    fn days_are_read_in_both_languages() {
        let bits = |text| days(text).map(|days| days.0).ok();
        assert_eq!(bits("mon"), Some(0b000_0001));
        assert_eq!(bits("Sábado"), Some(0b010_0000));
        assert_eq!(bits("mon-thu"), Some(0b000_1111));
        assert_eq!(bits("lunes-jueves"), Some(0b000_1111));
        assert_eq!(bits("fri-mon"), Some(0b111_0001));
        assert_eq!(bits("dom-dom"), Some(0b100_0000));
        assert_eq!(bits("school-nights"), bits("sun-thu"));
        assert_eq!(bits("weekend"), bits("fri-sat"));
        assert_eq!(bits("fin de semana"), bits("vie-sab"));
        assert_eq!(bits("mon-"), None);
        assert_eq!(days("mondya").unwrap_err().help, "did you mean `monday`?");
    }

    #[test]
    fn dates_are_days_or_stretches_of_days() {
        assert_eq!(dates("2026-12-24").map(|(a, b)| a == b), Ok(true));
        assert!(dates("2026-12-20..2027-01-10").is_ok());
        assert!(dates("2027-01-10..2026-12-20").is_err());
        assert!(dates("2026-02-30").is_err() && dates("24.12.2026").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,24}") {
            let _ = (duration(&text), span("time", &text), days(&text), dates(&text));
            let _ = (minutes(&text), minute_of_day(&text));
        }

        #[test]
        fn near_misses_are_read_or_refused(text in "[0-9:hmsd.monfri-]{0,14}") {
            let _ = (duration(&text), days(&text), dates(&text));
            prop_assert!(minutes(&text).is_ok_and(|m| m <= 1_440) || minutes(&text).is_err());
            prop_assert!(minute_of_day(&text).is_ok_and(|m| m < 1_440) || minute_of_day(&text).is_err());
            if let Ok(span) = span("time", &text) {
                prop_assert!(span.start < 1_440 && (1..=1_440).contains(&span.end));
                prop_assert!(span.start != span.end);
            }
        }
    }
}
