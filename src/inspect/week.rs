//! The coming week of somebody: what time closes, opens and gives on each day.
//!
//! It walks from one boundary to the next, as the daemon will when they come, so that the table
//! and the filter cannot tell different stories; the spans of a day cover it exactly, also where it
//! has 23 or 25 hours. What lists and names close all the time is not in it. Start at [`week`].

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};

use super::{JSON_VERSION, rfc3339};
use crate::name::Name;
use crate::policy::hours::Schedule;
use crate::policy::passing::{ForAWhile, Passing};
use crate::policy::rules::{Household, Reach, Scope, Subject, SubjectId, SubjectKind, What};
use crate::policy::{Moment, Policy};
use crate::words::{self, Language};

/// How many days a week has. No schedule looks further than one, whatever the calendar says.
const DAYS: i64 = 7;

/// The coming week of somebody in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Week {
    /// [`JSON_VERSION`].
    pub v: u32,
    /// The child or adult; none for devices nobody claimed.
    pub child: Option<String>,
    /// The IANA name of the zone whose clock it is by, or its offset where it has no name.
    pub zone: String,
    /// Whether it is known what time it is; if not, these may not be the days to come.
    pub time_known: bool,
    /// Today and the days after it, in order.
    pub days: Vec<WeekDay>,
}

/// One day in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeekDay {
    /// The date, `2026-11-23`.
    pub date: String,
    /// `mon` to `sun`.
    pub weekday: String,
    /// How long it is: 1440, unless the clocks change.
    pub minutes: i64,
    /// What is special about it, as sentences: clocks that change, windows that do not open.
    pub notes: Vec<String>,
    /// What time decides, from its first moment to its last without a gap. Two that touch differ.
    pub spans: Vec<WeekSpan>,
    /// The budgets that count, in the file's order.
    pub budgets: Vec<WeekBudget>,
}

/// A stretch of a day in which nothing opens or closes, in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeekSpan {
    /// Its first moment, RFC 3339.
    pub from: String,
    /// The first moment after it.
    pub to: String,
    /// What time leaves open, all told.
    pub state: WeekState,
    /// Whether a pause closes everything.
    pub is_paused: bool,
    /// The windows that close something; none while given time lifts them.
    pub windows: Vec<WeekWindow>,
    /// What was closed by hand for a while: words as in the config file.
    pub closed: Vec<String>,
    /// What was opened by hand for a while.
    pub opened: Vec<String>,
}

/// What time leaves open. What lists and names close is closed all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeekState {
    /// Nothing, but for exceptions.
    Closed,
    /// What the parent chose.
    Only,
    /// All but some words.
    Partly,
    /// Everything: no window is open.
    Open,
    /// Everything but what was closed by hand: given time lifts schedules and budgets.
    Free,
}

/// An open window in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeekWindow {
    /// Its name; `bedtime` for the key `bedtime`.
    pub window: String,
    /// What it leaves open by itself: `closed`, `only` or `partly`.
    pub state: WeekState,
    /// The words it closes; `internet` for everything.
    pub closes: Vec<String>,
    /// The words it leaves open by name.
    pub opens: Vec<String>,
}

/// A budget of a day in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeekBudget {
    /// Its word.
    pub budget: String,
    /// The minutes of that day.
    pub minutes: u16,
}

/// Where a week is walked.
struct Walk<'a> {
    policy: &'a Policy,
    subject: SubjectId,
    whose: &'a Subject,
    /// What holds for a while is known from then on.
    from: Timestamp,
    passing: Passing,
}

/// The seven days of somebody that begin with the day of `from`, by the clock on that one's wall.
///
/// Before `from` only the rules speak: what held for a while is forgotten. That the time is not
/// known closes nothing here, because days that are told as they are written are told right.
#[must_use]
pub fn week(policy: &Policy, subject: SubjectId, from: Timestamp, passing: &Passing) -> Week {
    let whose = policy.subject(subject);
    let zone = &whose.zone;
    let time_known = !passing.time_unknown;
    let passing = Passing { time_unknown: false, ..passing.clone() };
    let walk = Walk { policy, subject, whose, from, passing };
    let today = zone.to_datetime(from).date();
    let dates = (0..DAYS).filter_map(|ahead| today.checked_add(ahead.days()).ok());
    let offset = || zone.to_offset(from).to_string();
    Week {
        v: JSON_VERSION,
        child: (whose.kind != SubjectKind::Unknown).then(|| whose.id.clone()),
        zone: zone.iana_name().map_or_else(offset, str::to_owned),
        time_known,
        days: dates.filter_map(|date| walk.day(date)).collect(),
    }
}

// === impl Walk ===

impl Walk<'_> {
    /// One day; none where the zone skips it, or the calendar ends.
    fn day(&self, date: Date) -> Option<WeekDay> {
        let zone = &self.whose.zone;
        let (start, end) = (first_moment(zone, date)?, first_moment(zone, date.tomorrow().ok()?)?);
        if end <= start {
            return None;
        }
        let weekday = date.weekday();
        let rules = &self.whose.rules;
        let budgets = rules.budgets.iter().filter_map(|budget| {
            let minutes = budget.minutes_on(weekday)?;
            Some(WeekBudget { budget: budget.id.clone(), minutes })
        });
        Some(WeekDay {
            date: date.to_string(),
            weekday: weekday_id(weekday).to_owned(),
            minutes: end.duration_since(start).as_mins(),
            notes: self.notes(date, start, end),
            spans: self.spans(start, end),
            budgets: budgets.collect(),
        })
    }

    /// What holds from `start` to `end`, from boundary to boundary.
    fn spans(&self, start: Timestamp, end: Timestamp) -> Vec<WeekSpan> {
        let nothing = Passing::default();
        let mut spans: Vec<WeekSpan> = Vec::new();
        let mut at = start;
        while at < end {
            let (passing, limit) =
                if at < self.from { (&nothing, end.min(self.from)) } else { (&self.passing, end) };
            let moment = self.policy.moment_with(at, passing);
            let until = moment.next_change(self.subject).map_or(limit, |next| next.min(limit));
            let span = self.span(at, until, &moment, passing);
            match spans.last_mut() {
                // A boundary of what is not shown here, such as the minutes of a budget.
                Some(last) if last.says_the_same(&span) => last.to = span.to,
                Some(_) | None => spans.push(span),
            }
            at = until;
        }
        spans
    }

    fn span(&self, from: Timestamp, to: Timestamp, moment: &Moment, passing: &Passing) -> WeekSpan {
        let household = &self.policy.household;
        let is_paused = moment.is_paused(self.subject);
        let is_free = !is_paused && moment.freed_until(self.subject).is_some();
        let windows: Vec<WeekWindow> = moment
            .windows(self.subject)
            .iter()
            .filter(|_| moment.freed_until(self.subject).is_none())
            .filter_map(|&place| self.whose.rules.schedules.get(usize::from(place)))
            .map(|window| WeekWindow::of(window, household))
            .collect();
        let held = |words: &[ForAWhile]| -> Vec<String> {
            let held = words.iter().filter(|one| one.until > from);
            held.map(|one| word(&one.what, household)).collect()
        };
        let passing = passing.of(self.subject);
        let closed = held(&passing.closed);
        let opened = if is_paused { Vec::new() } else { held(&passing.opened) };
        let strictest = windows.iter().map(|window| window.state).min_by_key(|state| *state as u8);
        let state = match strictest {
            _ if is_paused => WeekState::Closed,
            Some(state) => state,
            None if is_free => WeekState::Free,
            None if !closed.is_empty() => WeekState::Partly,
            None => WeekState::Open,
        };
        let zone = &self.whose.zone;
        let (from, to) = (rfc3339(zone, from), rfc3339(zone, to));
        WeekSpan { from, to, state, is_paused, windows, closed, opened }
    }

    /// What is special about a day.
    fn notes(&self, date: Date, start: Timestamp, end: Timestamp) -> Vec<String> {
        let language = self.policy.household.language;
        let mut notes = clock_changes(&self.whose.zone, date, start, end, language);
        let suspended = self.whose.rules.schedules.iter().filter(|one| is_suspended(one, date));
        for window in suspended {
            let name = window_name(&window.name, language);
            let note = words::time::SUSPENDED.fill(language, name, "");
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        notes
    }
}

// === impl WeekSpan ===

impl WeekSpan {
    fn says_the_same(&self, other: &WeekSpan) -> bool {
        let WeekSpan { from: _, to: _, state, is_paused, windows, closed, opened } = self;
        (*state, *is_paused) == (other.state, other.is_paused)
            && (windows, closed, opened) == (&other.windows, &other.closed, &other.opened)
    }
}

// === impl WeekWindow ===

impl WeekWindow {
    fn of(window: &Schedule, household: &Household) -> Self {
        let Schedule { name, block, only, allow, .. } = window;
        let state = match only {
            _ if block.everything => WeekState::Closed,
            Some(_) => WeekState::Only,
            None => WeekState::Partly,
        };
        let mut opens = only.as_ref().map(|only| scope_words(only, household)).unwrap_or_default();
        opens.extend(scope_words(allow, household));
        WeekWindow { window: name.clone(), state, closes: scope_words(block, household), opens }
    }
}

// === Days ===

/// The first moment of a day: midnight, or where the clocks jump over it, the jump.
fn first_moment(zone: &TimeZone, date: Date) -> Option<Timestamp> {
    let midnight = date.to_datetime(Time::midnight());
    match zone.to_ambiguous_timestamp(midnight).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(midnight).ok(),
        AmbiguousOffset::Fold { before, .. } => before.to_timestamp(midnight).ok(),
        AmbiguousOffset::Gap { after, .. } => {
            // By the later offset, midnight lies before the jump.
            let before_jump = after.to_timestamp(midnight).ok()?;
            zone.following(before_jump).next().map(|jump| jump.timestamp())
        }
    }
}

/// The clocks that change on a day, as sentences.
fn clock_changes(
    zone: &TimeZone,
    date: Date,
    start: Timestamp,
    end: Timestamp,
    language: Language,
) -> Vec<String> {
    let just_before = |at: Timestamp| at.saturating_sub(SignedDuration::from_nanos(1));
    let Ok(before_start) = just_before(start) else { return Vec::new() };
    let jumps = zone.following(before_start).map(|jump| jump.timestamp());
    let jumps = jumps.skip_while(|&at| at < start).take_while(|&at| at < end);
    let sentences = jumps.filter_map(|at| {
        let before = zone.to_offset(just_before(at).ok()?);
        let seconds = zone.to_offset(at).seconds() - before.seconds();
        let sentence = match seconds {
            0 => return None,
            1.. => &words::time::CLOCKS_FORWARD,
            _ => &words::time::CLOCKS_BACK,
        };
        let wall = before.to_datetime(at);
        // The midnight that ends this day is no midnight of it.
        let time = if wall.date() > date && wall.time() == Time::midnight() {
            "24:00".to_owned()
        } else {
            wall.strftime("%H:%M").to_string()
        };
        let minutes = i64::from(seconds.unsigned_abs() / 60);
        let changed = sentence.fill(language, &hours_and_minutes(minutes), &time);
        let length = hours_and_minutes(end.duration_since(start).as_mins());
        Some(format!("{changed}; {}", words::time::DAY_LASTS.fill(language, &length, "")))
    });
    sentences.collect()
}

/// `1 h`, `30 min`, `23 h 30 min`.
fn hours_and_minutes(minutes: i64) -> String {
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// Whether a window would start on a day, were it not for an exception.
fn is_suspended(window: &Schedule, date: Date) -> bool {
    let within = |ranges: &[(Date, Date)]| {
        ranges.iter().any(|(first, last)| (first..=last).contains(&&date))
    };
    window.days.contains(date.weekday())
        && (window.dates.is_empty() || within(&window.dates))
        && within(&window.except)
}

fn weekday_id(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "mon",
        Weekday::Tuesday => "tue",
        Weekday::Wednesday => "wed",
        Weekday::Thursday => "thu",
        Weekday::Friday => "fri",
        Weekday::Saturday => "sat",
        Weekday::Sunday => "sun",
    }
}

// === Words of the config file ===

fn window_name(name: &str, language: Language) -> &str {
    if name == words::BEDTIME_ID { words::BEDTIME.in_language(language) } else { name }
}

/// What a scope covers as words of the config file: everything, categories and services in the
/// catalogue's order, then names in the alphabet's.
fn scope_words(scope: &Scope, household: &Household) -> Vec<String> {
    if scope.everything {
        return vec![words::INTERNET_ID.to_owned()];
    }
    let mut names: Vec<String> = scope
        .names
        .iter()
        .filter_map(|(wire, reach)| Some(name_word(&Name::from_wire(wire).ok()?, reach)))
        .collect();
    names.sort_unstable();
    let tags = scope.tags.iter().map(|tag| household.tags.info(tag).id.clone());
    tags.chain(names).collect()
}

fn word(what: &What, household: &Household) -> String {
    match what {
        What::Everything => words::INTERNET_ID.to_owned(),
        What::Tag(tag) => household.tags.info(*tag).id.clone(),
        What::Name(name, reach) => name_word(name, *reach),
    }
}

fn name_word(name: &Name, reach: Reach) -> String {
    match reach {
        Reach::Exact => format!("={name}"),
        Reach::Below => name.to_string(),
    }
}

#[cfg(test)]
mod tests;
