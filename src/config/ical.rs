//! Calendar files: the days on which something happens in an iCalendar text (RFC 5545).
//!
//! [`read`] is the way in, and pure: octets and the household's zone become days. Of an event only
//! its days count: all those that it touches on the clock of the house. What repeats is in `rule`.
//! An event whose rule has a part that is not understood is left out whole and said, because half
//! of a rule means other days.

mod rule;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use jiff::civil::{Date, DateTime, Time, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan as _};

use rule::Rule;

/// The largest file that is read, in octets: a school's year has less than a hundred KiB.
pub const OCTETS_MAX: usize = 4 * 1024 * 1024;
/// The most stretches of days of one file: each is looked at whenever a window may open.
pub const RANGES_MAX: usize = 20_000;
/// The last day of what repeats without an end.
pub const LAST_DAY: Date = date(2100, 12, 31);
/// How many steps all rules of a file may take together: a hundred that repeat daily for a lifetime.
const STEPS_MAX: usize = 3_000_000;

/// The days of a calendar file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Days {
    /// Stretches of days with both ends included, in order, with a day or more between them.
    pub ranges: Vec<(Date, Date)>,
    /// What was left out.
    pub skipped: Vec<Skipped>,
    /// Whether there were more stretches than [`RANGES_MAX`]: then the last ones are not here.
    pub is_cut: bool,
}

/// Something of a calendar file that was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skipped {
    /// The line on which its event begins, from 1.
    pub line: usize,
    /// Why: a fragment.
    pub why: &'static str,
}

/// Why a file is no calendar, as the end of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoCalendar {
    /// It is larger than [`OCTETS_MAX`].
    #[error("it is larger than {} MiB", OCTETS_MAX / 1024 / 1024)]
    TooLarge,
    /// It does not begin as one.
    #[error("it is no calendar: it does not begin with BEGIN:VCALENDAR")]
    NoBegin,
    /// It does not end as one.
    #[error("it is half a calendar: it does not end with END:VCALENDAR")]
    NoEnd,
}

/// One property: a line with its continuations (RFC 5545 §3.1).
struct Property {
    line: usize,
    /// In upper case.
    name: String,
    /// Each `NAME=VALUE` with the name in upper case, and without quotes.
    parameters: Vec<(String, String)>,
    value: String,
}

/// A day, or a time on the clock of some zone.
#[derive(Debug, Clone, PartialEq, Eq)]
struct When {
    /// What is written; midnight of a day.
    wall: DateTime,
    is_day: bool,
    /// None: the clock of whoever reads it.
    zone: Option<TimeZone>,
}

/// An event as written.
#[derive(Default)]
struct Event {
    line: usize,
    uid: String,
    start: Option<When>,
    end: Option<When>,
    length: Option<SignedDuration>,
    rule: Option<Rule>,
    /// Times at which it happens too.
    also: Vec<When>,
    /// Times at which it does not.
    except: Vec<When>,
    /// The time of the repeated event in whose place this one comes.
    instead_of: Option<When>,
    is_cancelled: bool,
    /// What is not understood.
    wrong: Option<&'static str>,
}

/// The days of a calendar file, as they are in the household's zone.
///
/// # Errors
/// When it is too large, or no whole calendar.
pub fn read(octets: &[u8], home: &TimeZone) -> Result<Days, NoCalendar> {
    if octets.len() > OCTETS_MAX {
        return Err(NoCalendar::TooLarge);
    }
    let octets = octets.strip_prefix(b"\xef\xbb\xbf").unwrap_or(octets);
    let events = events(octets)?;

    // What comes in the place of one time of a repeated event takes that time out of it.
    let mut replaced: HashMap<&str, Vec<&When>> = HashMap::new();
    for event in &events {
        if let Some(when) = &event.instead_of {
            replaced.entry(&event.uid).or_default().push(when);
        }
    }
    let mut days = Days::default();
    let mut steps = STEPS_MAX;
    for event in &events {
        let others = if event.instead_of.is_none() { replaced.get(&*event.uid) } else { None };
        let others = others.map_or(&[][..], Vec::as_slice);
        if let Err(why) = event.add_to(&mut days.ranges, others, home, &mut steps) {
            days.skipped.push(Skipped { line: event.line, why });
        }
    }
    days.ranges = merged(std::mem::take(&mut days.ranges));
    if days.ranges.len() > RANGES_MAX {
        days.ranges.truncate(RANGES_MAX);
        days.is_cut = true;
    }
    Ok(days)
}

/// Stretches in order; those that touch are one.
pub(super) fn merged(mut ranges: Vec<(Date, Date)>) -> Vec<(Date, Date)> {
    ranges.sort_unstable();
    let mut out: Vec<(Date, Date)> = Vec::new();
    for (first, last) in ranges {
        match out.last_mut() {
            Some(before) if before.1.tomorrow().map_or(true, |next| first <= next) => {
                before.1 = before.1.max(last);
            }
            Some(_) | None => out.push((first, last)),
        }
    }
    out
}

/// The events of a calendar. What stands inside an event (alarms) has properties of the same names.
fn events(octets: &[u8]) -> Result<Vec<Event>, NoCalendar> {
    let mut events = Vec::new();
    let mut event: Option<Event> = None;
    let (mut inside, mut has_begun, mut has_ended) = (0_usize, false, false);
    for (line, octets) in unfolded(octets) {
        let Some(property) = Property::parse(line, &octets) else { continue };
        let component = property.value.trim().to_ascii_uppercase();
        match (property.name.as_str(), component.as_str()) {
            ("BEGIN", "VCALENDAR") => (has_begun, has_ended) = (true, false),
            ("END", "VCALENDAR") => has_ended = true,
            _ if !has_begun => return Err(NoCalendar::NoBegin),
            ("BEGIN", "VEVENT") if event.is_none() => {
                event = Some(Event { line: property.line, ..Event::default() });
            }
            ("END", "VEVENT") if inside == 0 => events.extend(event.take()),
            ("BEGIN", _) if event.is_some() => inside += 1,
            ("END", _) if event.is_some() => inside = inside.saturating_sub(1),
            _ => {
                if let Some(event) = event.as_mut().filter(|_| inside == 0) {
                    event.take(&property);
                }
            }
        }
    }
    match (has_begun, has_ended) {
        (false, _) => Err(NoCalendar::NoBegin),
        (true, false) => Err(NoCalendar::NoEnd),
        (true, true) => Ok(events),
    }
}

/// The lines with their numbers: one that begins with a space goes on with the one before (RFC 5545
/// §3.1), even in the middle of a letter.
fn unfolded(octets: &[u8]) -> Vec<(usize, Vec<u8>)> {
    let mut lines: Vec<(usize, Vec<u8>)> = Vec::new();
    for (place, line) in octets.split(|&octet| octet == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match (line.first(), lines.last_mut()) {
            (Some(b' ' | b'\t'), Some((_, before))) => before.extend_from_slice(&line[1..]),
            _ => lines.push((place + 1, line.to_vec())),
        }
    }
    lines
}

// === impl Property ===

impl Property {
    /// Reads `NAME;PARAMETER=VALUE:VALUE`; none when it is no property.
    fn parse(line: usize, octets: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(octets);
        // Quotes keep a colon or a semicolon from ending what they are in.
        let mut is_quoted = false;
        let mut marks = Vec::new();
        let mut colon = None;
        for (place, letter) in text.char_indices() {
            match letter {
                '"' => is_quoted = !is_quoted,
                ';' if !is_quoted => marks.push(place),
                ':' if !is_quoted => {
                    colon = Some(place);
                    break;
                }
                _ => {}
            }
        }
        let colon = colon?;
        let ends = marks.iter().copied().skip(1).chain([colon]);
        let parameters = marks.iter().zip(ends).filter_map(|(&mark, end)| {
            let (name, value) = text[mark + 1..end].split_once('=')?;
            Some((name.trim().to_ascii_uppercase(), value.trim().trim_matches('"').to_owned()))
        });
        let name = &text[..marks.first().copied().unwrap_or(colon)];
        Some(Property {
            line,
            name: name.trim().to_ascii_uppercase(),
            parameters: parameters.collect(),
            value: text[colon + 1..].trim().to_owned(),
        })
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The day or time of the value.
    fn when(&self) -> Option<When> {
        When::parse(&self.value, self.parameter("TZID"))
    }

    /// The days or times of the value; none when one of them is none.
    fn whens(&self) -> Option<Vec<When>> {
        self.value.split(',').map(|one| When::parse(one, self.parameter("TZID"))).collect()
    }
}

// === impl When ===

impl When {
    /// `20261224`, `20261224T180000`, `20261224T180000Z` (RFC 5545 §3.3.4, §3.3.5).
    fn parse(text: &str, zone: Option<&str>) -> Option<Self> {
        let text = text.trim();
        let (text, is_utc) = match text.strip_suffix(['Z', 'z']) {
            Some(text) => (text, true),
            None => (text, false),
        };
        let (day, time) = match text.split_once(['T', 't']) {
            Some((day, time)) => (day, Some(time)),
            None => (text, None),
        };
        let day = digits(day, 8)?;
        let day = Date::new(
            i16::try_from(day / 10_000).ok()?,
            i8::try_from(day / 100 % 100).ok()?,
            i8::try_from(day % 100).ok()?,
        );
        let Some(time) = time else {
            return Some(When {
                wall: day.ok()?.to_datetime(Time::midnight()),
                is_day: true,
                zone: None,
            });
        };
        let time = digits(time, 6)?;
        // A leap second is the last of its minute.
        let second = (time % 100).min(59);
        let time = Time::new(
            i8::try_from(time / 10_000).ok()?,
            i8::try_from(time / 100 % 100).ok()?,
            i8::try_from(second).ok()?,
            0,
        );
        // Some programs have names of their own for zones: then what is written is the wall's.
        let named = || zone.and_then(|zone| TimeZone::get(zone.trim_start_matches('/')).ok());
        let zone = if is_utc { Some(TimeZone::UTC) } else { named() };
        Some(When { wall: day.ok()?.to_datetime(time.ok()?), is_day: false, zone })
    }

    /// What the clock of the house shows then. A day is that day everywhere.
    fn at_home(&self, home: &TimeZone) -> DateTime {
        self.seen_from(self.wall, Some(home))
    }

    /// What the clock in `other` shows when the one in this zone shows `wall`.
    fn seen_from(&self, wall: DateTime, other: Option<&TimeZone>) -> DateTime {
        match (&self.zone, other) {
            (Some(zone), Some(other)) => {
                let at = zone.to_ambiguous_timestamp(wall).compatible();
                at.map_or(wall, |at| other.to_datetime(at))
            }
            (None, _) | (_, None) => wall,
        }
    }
}

/// A number of so many digits.
fn digits(text: &str, count: usize) -> Option<u32> {
    let is_number = text.len() == count && text.bytes().all(|octet| octet.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// Reads a length of time: `P1W`, `P2D`, `PT1H30M` (RFC 5545 §3.3.6).
fn length(text: &str) -> Option<SignedDuration> {
    let text = text.strip_prefix('+').unwrap_or(text).strip_prefix('P')?;
    let mut seconds: i64 = 0;
    let mut number: Option<i64> = None;
    for letter in text.chars() {
        if let Some(digit) = letter.to_digit(10) {
            let next = number.unwrap_or(0).checked_mul(10)?.checked_add(i64::from(digit))?;
            number = Some(next);
            continue;
        }
        let unit = match letter {
            'T' => continue,
            'W' => 7 * 86_400,
            'D' => 86_400,
            'H' => 3_600,
            'M' => 60,
            'S' => 1,
            _ => return None,
        };
        seconds = seconds.checked_add(number.take()?.checked_mul(unit)?)?;
    }
    number.is_none().then(|| SignedDuration::from_secs(seconds))
}

// === impl Event ===

impl Event {
    fn take(&mut self, property: &Property) {
        const TIME: &str = "has a date that cannot be read";
        let mut wrong = None;
        match property.name.as_str() {
            "UID" => self.uid.clone_from(&property.value),
            "STATUS" => self.is_cancelled = property.value.eq_ignore_ascii_case("CANCELLED"),
            "DTSTART" => {
                self.start = property.when();
                wrong = self.start.is_none().then_some(TIME);
            }
            "DTEND" => {
                self.end = property.when();
                wrong = self.end.is_none().then_some(TIME);
            }
            "DURATION" => {
                self.length = length(&property.value);
                wrong = self.length.is_none().then_some("has a length that cannot be read");
            }
            "RECURRENCE-ID" => {
                self.instead_of = property.when();
                wrong = self.instead_of.is_none().then_some(TIME);
                if property.parameter("RANGE").is_some() {
                    wrong = Some("changes all the times that follow (RANGE)");
                }
            }
            "RRULE" if self.rule.is_some() => wrong = Some("repeats by two rules"),
            "RRULE" => match Rule::parse(&property.value) {
                Ok(rule) => self.rule = Some(rule),
                Err(why) => wrong = Some(why),
            },
            "EXRULE" => wrong = Some("has an EXRULE"),
            "EXDATE" => match property.whens() {
                Some(days) => self.except.extend(days),
                None => wrong = Some(TIME),
            },
            "RDATE" => match property.whens() {
                Some(days) => self.also.extend(days),
                None => wrong = Some(TIME),
            },
            _ => {}
        }
        self.wrong = self.wrong.or(wrong);
    }

    /// Adds the event's days.
    fn add_to(
        &self,
        days: &mut Vec<(Date, Date)>,
        replaced: &[&When],
        home: &TimeZone,
        steps: &mut usize,
    ) -> Result<(), &'static str> {
        if self.is_cancelled {
            return Ok(());
        }
        if let Some(why) = self.wrong {
            return Err(why);
        }
        let start = self.start.as_ref().ok_or("has no DTSTART")?;
        let length = self.length_of(start, home);
        let left_out = |wall: DateTime| {
            self.except.iter().chain(replaced.iter().copied()).any(|except| {
                if except.is_day || start.is_day {
                    except.wall.date() == wall.date()
                } else {
                    except.at_home(home) == start.seen_from(wall, Some(home))
                }
            })
        };
        let mut add = |when: &When, wall: DateTime| {
            let first = when.seen_from(wall, Some(home));
            let end = first.checked_add(length).unwrap_or(DateTime::MAX);
            // What ends at midnight does not touch the day that begins then.
            let last = if end > first { end.checked_sub(1.second()).unwrap_or(end) } else { first };
            if first.date() <= LAST_DAY {
                days.push((first.date(), last.date().min(LAST_DAY)));
            }
        };
        if !left_out(start.wall) {
            add(start, start.wall);
        }
        if let Some(rule) = &self.rule {
            // Its end counts on the event's own clock.
            let until = rule.until.as_ref().map(|until| {
                let wall = until.seen_from(until.wall, start.zone.as_ref().or(Some(home)));
                if until.is_day || start.is_day {
                    until.wall.date().to_datetime(Time::MAX)
                } else {
                    wall
                }
            });
            rule.each(start.wall, until, steps, |wall| {
                if !left_out(wall) {
                    add(start, wall);
                }
            })?;
        }
        for also in self.also.iter().filter(|also| !left_out(also.wall)) {
            add(also, also.wall);
        }
        Ok(())
    }

    /// How long it is on the clock of the house. A day without an end is that day.
    fn length_of(&self, start: &When, home: &TimeZone) -> SignedDuration {
        let day = SignedDuration::from_hours(24);
        let least = if start.is_day { day } else { SignedDuration::ZERO };
        let to_end = || {
            let end = self.end.as_ref()?;
            Some(end.at_home(home).duration_since(start.at_home(home)))
        };
        to_end().or(self.length).unwrap_or(least).max(least)
    }
}
