//! What repeats: RRULE (RFC 5545 §3.3.10), for days.
//!
//! Days, weeks, months and years one after another; in each the days that the rule names. A rule
//! with a part that is not here is refused whole. Start at [`Rule::each`].

use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime, Weekday};

use super::{LAST_DAY, When};

/// The longest step between two times: a hundred years in months.
const INTERVAL_MAX: u32 = 1_200;

/// A rule.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    every: Every,
    interval: i32,
    /// How many times, the first included.
    count: Option<u32>,
    /// The last time.
    pub(super) until: Option<When>,
    /// Days of the week; the number counts them within the month or year, from its end below zero;
    /// 0: each.
    days: Vec<(i8, Weekday)>,
    months: Vec<i8>,
    /// Days of the month, from its end below zero.
    month_days: Vec<i8>,
    /// On which day a week begins.
    week_starts: Weekday,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Every {
    Day,
    Week,
    Month,
    Year,
}

impl Rule {
    /// Reads a rule.
    ///
    /// # Errors
    /// What of it is not understood.
    pub(super) fn parse(text: &str) -> Result<Rule, &'static str> {
        const WRONG: &str = "repeats by a rule that cannot be read";
        let mut every = None;
        let mut rule = Rule {
            every: Every::Day,
            interval: 1,
            count: None,
            until: None,
            days: Vec::new(),
            months: Vec::new(),
            month_days: Vec::new(),
            week_starts: Weekday::Monday,
        };
        for part in text.split(';').filter(|part| !part.trim().is_empty()) {
            let (key, value) = part.split_once('=').ok_or(WRONG)?;
            let value = value.trim().to_ascii_uppercase();
            match key.trim().to_ascii_uppercase().as_str() {
                "FREQ" => {
                    every = Some(match value.as_str() {
                        "DAILY" => Every::Day,
                        "WEEKLY" => Every::Week,
                        "MONTHLY" => Every::Month,
                        "YEARLY" => Every::Year,
                        _ => return Err("repeats more than once a day"),
                    });
                }
                "INTERVAL" => {
                    let interval = value.parse().ok().filter(|n| (1..=INTERVAL_MAX).contains(n));
                    rule.interval =
                        interval.and_then(|n: u32| i32::try_from(n).ok()).ok_or(WRONG)?;
                }
                "COUNT" => rule.count = Some(value.parse().map_err(|_| WRONG)?),
                "UNTIL" => rule.until = Some(When::parse(&value, None).ok_or(WRONG)?),
                "BYDAY" => rule.days = all(&value, numbered_day).ok_or(WRONG)?,
                "BYMONTH" => rule.months = all(&value, |text| within(text, 1, 12)).ok_or(WRONG)?,
                "BYMONTHDAY" => {
                    rule.month_days =
                        all(&value, |text| within(text, -31, 31).filter(|day| *day != 0))
                            .ok_or(WRONG)?;
                }
                "WKST" => rule.week_starts = day(&value).ok_or(WRONG)?,
                _ => return Err("repeats by a rule with a part that is not understood"),
            }
        }
        rule.every = every.ok_or(WRONG)?;
        rule.months.sort_unstable();
        let is_numbered = rule.days.iter().any(|(number, _)| *number != 0);
        match rule.every {
            Every::Day | Every::Week if is_numbered => Err(WRONG),
            Every::Week if !rule.month_days.is_empty() => Err(WRONG),
            Every::Day | Every::Week | Every::Month | Every::Year => Ok(rule),
        }
    }

    /// Hands over each time after the first, in order, up to the last one and [`LAST_DAY`].
    ///
    /// # Errors
    /// When no steps are left; what was handed over counts.
    pub(super) fn each(
        &self,
        start: DateTime,
        until: Option<DateTime>,
        steps: &mut usize,
        mut hand_over: impl FnMut(DateTime),
    ) -> Result<(), &'static str> {
        let first = start.date();
        let mut left = self.count.map_or(u32::MAX, |count| count.saturating_sub(1));
        let mut dates = Vec::new();
        for turn in 0_i32.. {
            let Some(begins) = self.turn(first, turn).filter(|begins| *begins <= LAST_DAY) else {
                return Ok(());
            };
            dates.clear();
            self.dates(first, begins, &mut dates);
            dates.sort_unstable();
            dates.dedup();
            *steps = steps.checked_sub(1 + dates.len()).ok_or("repeats too often")?;
            for &date in dates.iter().filter(|date| **date > first) {
                let wall = date.to_datetime(start.time());
                if left == 0 || date > LAST_DAY || until.is_some_and(|until| wall > until) {
                    return Ok(());
                }
                left -= 1;
                hand_over(wall);
            }
            if left == 0 {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The first day of the day, week, month or year of a turn.
    fn turn(&self, first: Date, turn: i32) -> Option<Date> {
        let by = turn.checked_mul(self.interval)?;
        match self.every {
            Every::Day => first.checked_add(by.days()).ok(),
            Every::Week => {
                let into = first.weekday().since(self.week_starts);
                let begins = first.checked_sub(i64::from(into).days()).ok()?;
                begins.checked_add(by.weeks()).ok()
            }
            Every::Month => first.first_of_month().checked_add(by.months()).ok(),
            Every::Year => first.first_of_year().checked_add(by.years()).ok(),
        }
    }

    /// The days of the turn that begins on this day.
    fn dates(&self, first: Date, begins: Date, out: &mut Vec<Date>) {
        let in_month = |date: Date| self.months.is_empty() || self.months.contains(&date.month());
        match self.every {
            Every::Day => {
                let is_day = |date: Date| {
                    self.month_days.is_empty()
                        || self.month_days.iter().any(|day| day_of_month(date, *day) == Some(date))
                };
                if in_month(begins) && is_day(begins) && self.is_weekday(begins, begins, begins) {
                    out.push(begins);
                }
            }
            Every::Week => {
                let alone = [(0, first.weekday())];
                let days = if self.days.is_empty() { &alone[..] } else { &self.days };
                let dates = days.iter().filter_map(|(_, day)| {
                    begins.checked_add(i64::from(day.since(self.week_starts)).days()).ok()
                });
                out.extend(dates.filter(|date| in_month(*date)));
            }
            Every::Month => {
                if in_month(begins) {
                    self.of_month(first, begins, out);
                }
            }
            Every::Year => {
                let month = |month| Date::new(begins.year(), month, 1).ok();
                if !self.months.is_empty() {
                    let months = self.months.iter().filter_map(|number| month(*number));
                    months.for_each(|month| self.of_month(first, month, out));
                } else if !self.month_days.is_empty() {
                    (1..=12).filter_map(month).for_each(|month| self.of_month(first, month, out));
                } else if self.days.is_empty() {
                    out.extend(Date::new(begins.year(), first.month(), first.day()).ok());
                } else {
                    numbered(&self.days, begins, begins.last_of_year(), out);
                }
            }
        }
    }

    /// The days of a month.
    fn of_month(&self, first: Date, month: Date, out: &mut Vec<Date>) {
        let last = month.last_of_month();
        if !self.month_days.is_empty() {
            let dates = self.month_days.iter().filter_map(|day| day_of_month(month, *day));
            out.extend(dates.filter(|date| self.is_weekday(*date, month, last)));
        } else if self.days.is_empty() {
            out.extend(day_of_month(month, first.day()));
        } else {
            numbered(&self.days, month, last, out);
        }
    }

    /// Whether a day is one of the week's days, counted between the two others.
    fn is_weekday(&self, date: Date, begins: Date, ends: Date) -> bool {
        if self.days.is_empty() {
            return true;
        }
        let of_day = self.days.iter().filter(|(_, day)| *day == date.weekday());
        let mut dates = Vec::new();
        of_day.for_each(|day| numbered(std::slice::from_ref(day), begins, ends, &mut dates));
        dates.contains(&date)
    }
}

/// The days of the week between two days that these numbers mean.
fn numbered(days: &[(i8, Weekday)], begins: Date, ends: Date, out: &mut Vec<Date>) {
    for (number, weekday) in days {
        let to_first = i64::from(weekday.since(begins.weekday()));
        let to_last = i64::from(ends.weekday().since(*weekday));
        let first = begins.checked_add(to_first.days()).ok();
        let last = ends.checked_sub(to_last.days()).ok();
        let (Some(first), Some(last)) = (first, last) else { continue };
        let weeks = i64::from(*number);
        let dates: &mut dyn Iterator<Item = Date> = match number {
            0 => &mut first.series(1.week()).take_while(|date| *date <= ends),
            1.. => &mut first.checked_add((weeks - 1).weeks()).into_iter(),
            _ => &mut last.checked_sub((-weeks - 1).weeks()).into_iter(),
        };
        out.extend(dates.filter(|date| begins <= *date && *date <= ends));
    }
}

/// A day of the month, from its end below zero; none where it has no such day.
fn day_of_month(month: Date, day: i8) -> Option<Date> {
    let day = if day < 0 { month.days_in_month() + 1 + day } else { day };
    Date::new(month.year(), month.month(), day).ok()
}

/// All of a list, or none.
fn all<T>(text: &str, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    text.split(',').map(|one| read(one.trim())).collect()
}

fn within(text: &str, from: i8, to: i8) -> Option<i8> {
    text.parse().ok().filter(|number| (from..=to).contains(number))
}

/// `MO`, `2MO`, `-1FR`.
fn numbered_day(text: &str) -> Option<(i8, Weekday)> {
    let place = text.len().checked_sub(2).filter(|place| text.is_char_boundary(*place))?;
    let (number, name) = text.split_at(place);
    let number = if number.is_empty() {
        0
    } else {
        within(number, -53, 53).filter(|number| *number != 0)?
    };
    Some((number, day(name)?))
}

fn day(text: &str) -> Option<Weekday> {
    Some(match text {
        "MO" => Weekday::Monday,
        "TU" => Weekday::Tuesday,
        "WE" => Weekday::Wednesday,
        "TH" => Weekday::Thursday,
        "FR" => Weekday::Friday,
        "SA" => Weekday::Saturday,
        "SU" => Weekday::Sunday,
        _ => return None,
    })
}
