//! Windows of time that leave a gap at night, never begin, or lie inside another; budgets that
//! nothing can use up.
//!
//! A week is laid out minute by minute: what closes everything every week is a row of marks.

use std::ops::Range;

use jiff::civil::Date;

use super::super::elements;
use super::super::read::{rows, text_of};
use super::super::report::Problem;
use super::Person;
use crate::policy::hours::{Days, Schedule};
use crate::words::BEDTIME_ID;

/// The minutes of a day.
const DAY: usize = 24 * 60;
/// The minutes of a week.
const WEEK: usize = 7 * DAY;
/// A gap that is shorter is one by mistake: nobody opens everything for two hours of a night.
const GAP_MINUTES_MAX: usize = 3 * 60;
/// When a night begins, and how long it is: from nine to six.
const NIGHT: (usize, usize) = (21 * 60, 9 * 60);
/// What ends from here on to midnight was meant to end with the day.
const NEARLY_MIDNIGHT: u16 = 23 * 60 + 50;
/// How many days of its dates are looked at: a hundred years.
const DATES_MAX: usize = 36_600;
/// The days, Monday first.
const NAMES: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// A window with its place in the text.
struct Window<'a> {
    schedule: &'a Schedule,
    span: Range<usize>,
    /// Whose it is: ``child `mateo` ``.
    title: &'a str,
}

/// What is closed of a week, from Monday midnight.
struct Week(Vec<bool>);

/// Windows that never begin or have no effect, and gaps between those that close everything.
pub(super) fn windows(person: &Person<'_>, today: Date, problems: &mut Vec<Problem>) {
    let windows = of(person);
    let mut counts = vec![true; windows.len()];
    for (place, window) in windows.iter().enumerate() {
        let never = never(window, today);
        let shadow = || shadow(&windows, &counts, place);
        let Some((message, help)) = never.or_else(shadow) else { continue };
        counts[place] = false;
        let message = format!("{} of {} {message}", called(window), window.title);
        problems.push(Problem::warning(window.span.clone(), message, help));
    }
    gaps(&windows, problems);
}

/// The windows of somebody in the order of the rules: own ones first, bedtime last.
fn of<'a>(person: &'a Person<'_>) -> Vec<Window<'a>> {
    let mut places: Vec<(Range<usize>, &str)> = Vec::new();
    for said in &person.tables {
        let array = said.table.get("schedule").and_then(|value| value.get_ref().as_array());
        for row in array.into_iter().flatten() {
            let time = row.get_ref().as_table().and_then(|row| row.get("time"));
            places.extend(time.map(|time| (time.span(), said.title.as_str())));
        }
    }
    let bedtime = person.tables.iter().find_map(|said| Some((said.table.get("bedtime")?, said)));
    if let Some((value, said)) = bedtime {
        match value.get_ref().as_table() {
            Some(days) => {
                let rows = rows(days).into_iter();
                places.extend(rows.map(|(_, time)| (time.span(), said.title.as_str())));
            }
            None => places.push((value.span(), &said.title)),
        }
    }
    let schedules = &person.subject.rules.schedules;
    // The rules are made in the same order; should they ever not be, nothing is said.
    if schedules.len() != places.len() {
        return Vec::new();
    }
    let pairs = schedules.iter().zip(places);
    pairs.map(|(schedule, (span, title))| Window { schedule, span, title }).collect()
}

fn called(window: &Window<'_>) -> String {
    if window.schedule.name == BEDTIME_ID {
        "bedtime".to_owned()
    } else {
        format!("schedule `{}`", window.schedule.name)
    }
}

// === Never ===

/// Why a window never begins.
fn never(window: &Window<'_>, today: Date) -> Option<(String, String)> {
    let Schedule { days, span, dates, except, files, .. } = window.schedule;
    if !files.dates.is_empty() || dates.is_empty() {
        return None;
    }
    let help = "give it other dates, or remove it".to_owned();
    let last = dates.iter().map(|(_, last)| *last).max()?;
    if last == Date::MIN {
        return Some(("never begins: its calendar has no days".to_owned(), help));
    }
    let ends = if span.start < span.end { Ok(last) } else { last.tomorrow() };
    if ends.is_ok_and(|ends| ends < today) {
        return Some((format!("is over: its last day was {last}"), help));
    }
    let all = dates.iter().flat_map(|(first, last)| {
        first.series(jiff::Span::new().days(1)).take_while(move |day| day <= last)
    });
    let mut on_its_days = all.take(DATES_MAX).filter(|day| days.contains(day.weekday())).peekable();
    if on_its_days.peek().is_none() {
        return Some(("never begins: none of its dates is one of its days".to_owned(), help));
    }
    let is_left_out = |day: Date| except.iter().any(|(first, last)| *first <= day && day <= *last);
    on_its_days
        .all(is_left_out)
        .then(|| ("never begins: `except` leaves out all its dates".to_owned(), help))
}

/// What closes everything whenever a window is open.
fn shadow(windows: &[Window<'_>], counts: &[bool], place: usize) -> Option<(String, String)> {
    let others = windows.iter().zip(counts).enumerate().filter(|(other, (window, counts))| {
        let Schedule { except, files, allow, .. } = window.schedule;
        let is_always = except.is_empty() && files.except.is_empty();
        let lets_through = allow.everything || !allow.tags.is_empty() || !allow.names.is_empty();
        *other != place && **counts && closes_weekly(window.schedule) && is_always && !lets_through
    });
    let mut closed = Week::new();
    let mut names = Vec::new();
    let mut own = Week::new();
    own.close(minutes(windows[place].schedule));
    for (_, (window, _)) in others {
        let all = minutes(window.schedule);
        if all.iter().any(|minute| own.0[*minute]) {
            names.push(called(window));
        }
        closed.close(all);
    }
    let is_inside = own.0.iter().zip(&closed.0).all(|(own, closed)| !own || *closed);
    names.dedup();
    is_inside.then(|| {
        let help = format!("{} closes everything then", names.join(" and "));
        ("has no effect".to_owned(), help)
    })
}

/// Whether a window closes everything in every week.
fn closes_weekly(schedule: &Schedule) -> bool {
    schedule.block.everything && schedule.dates.is_empty() && schedule.files.dates.is_empty()
}

/// The minutes of the week in which a window is open, if its dates have all days.
fn minutes(schedule: &Schedule) -> Vec<usize> {
    let (start, end) = (usize::from(schedule.span.start), usize::from(schedule.span.end));
    let length = if start < end { end - start } else { end + DAY - start };
    let days = (0..7).filter(|day| schedule.days.0 >> day & 1 == 1);
    days.flat_map(|day| (0..length).map(move |minute| (day * DAY + start + minute) % WEEK))
        .collect()
}

// === Gaps ===

/// Stretches of a night that lie open between windows that close everything.
fn gaps(windows: &[Window<'_>], problems: &mut Vec<Problem>) {
    let closing = windows.iter().filter(|window| closes_weekly(window.schedule));
    let mut closed = Week::new();
    for window in closing.clone() {
        closed.close(minutes(window.schedule));
    }
    // Each with the days on whose evening or morning it is.
    let mut gaps: Vec<(usize, usize, Days)> = Vec::new();
    for start in (0..WEEK).filter(|start| !closed.0[*start] && closed.0[(start + WEEK - 1) % WEEK])
    {
        let length = (0..WEEK).take_while(|more| !closed.0[(start + more) % WEEK]).count();
        let (day, minute) = (start / DAY, start % DAY);
        let into_night = (minute + DAY - NIGHT.0) % DAY;
        let is_gap = length < GAP_MINUTES_MAX && into_night + length <= NIGHT.1;
        let length = if is_gap {
            length
        } else if minute >= usize::from(NEARLY_MIDNIGHT) {
            // It ends a minute before the day does.
            DAY - minute
        } else {
            continue;
        };
        match gaps.iter_mut().find(|gap| (gap.0, gap.1) == (minute, length)) {
            Some(gap) => gap.2.0 |= 1 << day,
            None => gaps.push((minute, length, Days(1 << day))),
        }
    }
    for (minute, length, days) in gaps {
        let ends_there =
            |window: &&Window<'_>| usize::from(window.schedule.span.end) % DAY == minute;
        let Some(window) = closing.clone().find(ends_there) else { continue };
        let end = if minute + length == DAY { DAY } else { (minute + length) % DAY };
        let (from, to) = (clock(minute), clock(end));
        let message = format!("{} {from}-{to} is open for {}", named(days), window.title);
        let help = if end == DAY {
            "a window up to the end of the day ends at `24:00`".to_owned()
        } else {
            format!("let this one end at {to}, if that is a slip")
        };
        problems.push(Problem::warning(window.span.clone(), message, help));
    }
}

fn clock(minute: usize) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// `every day`, `Monday`, `Monday and Friday`.
fn named(days: Days) -> String {
    let names = NAMES.iter().enumerate().filter(|(day, _)| days.0 >> day & 1 == 1);
    let names: Vec<&str> = names.map(|(_, name)| *name).collect();
    match names[..] {
        [] => String::new(),
        [name] => name.to_owned(),
        [.., last] if names.len() < NAMES.len() => {
            format!("{} and {last}", names[..names.len() - 1].join(", "))
        }
        [..] => "every day".to_owned(),
    }
}

// === Budgets ===

/// Budgets on what is closed anyway, and those that are longer than the day is open.
pub(super) fn budgets(person: &Person<'_>, day_starts: u16, problems: &mut Vec<Problem>) {
    let schedules = person.subject.rules.schedules.iter().filter(|one| closes_weekly(one));
    let mut closed = Week::new();
    schedules.for_each(|schedule| closed.close(minutes(schedule)));
    for (word, value) in person.budgets() {
        if let Some(why) = person.closes_always(word.text) {
            let message = format!("a budget on `{}` has no effect: it is always closed", word.text);
            problems.push(Problem::warning(word.span, message, why));
            continue;
        }
        let of_days = match value.get_ref().as_table() {
            None => text_of(value).map(|time| (Days::EVERY, time)).into_iter().collect(),
            Some(table) => rows(table)
                .into_iter()
                .filter_map(|(days, time)| Some((elements::days(days.text).ok()?, text_of(time)?)))
                .collect::<Vec<_>>(),
        };
        for (days, time) in of_days {
            let Ok(length) = elements::duration(time.text) else { continue };
            let budget = usize::try_from(length.as_secs() / 60).unwrap_or(usize::MAX);
            let too_long = (0..7).filter(|day| days.0 >> day & 1 == 1).find_map(|day| {
                let begins = day * DAY + usize::from(day_starts);
                let minutes = (begins..begins + DAY).map(|minute| closed.0[minute % WEEK]);
                let open = minutes.filter(|closed| !closed).count();
                (open < DAY && budget > open).then_some((day, open))
            });
            let Some((day, open)) = too_long else { continue };
            let message = format!("the budget of `{}` is never used up", word.text);
            let open = match (open / 60, open % 60) {
                (hours, 0) => format!("{hours}h"),
                (0, minutes) => format!("{minutes}m"),
                (hours, minutes) => format!("{hours}h{minutes}m"),
            };
            let help = format!("{} is open for {open} only", NAMES[day]);
            problems.push(Problem::warning(time.span, message, help));
        }
    }
}

// === impl Week ===

impl Week {
    fn new() -> Self {
        Week(vec![false; WEEK])
    }

    fn close(&mut self, minutes: Vec<usize>) {
        for minute in minutes {
            self.0[minute] = true;
        }
    }
}
