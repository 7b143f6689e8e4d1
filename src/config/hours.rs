//! `[calendar.ID]`, `schedule` and `bedtime`: windows of time as written.

use jiff::civil::Date;
use toml::de::DeTable;

use super::context::Context;
use super::elements;
use super::part::{self, Sayer};
use super::read::{Text, Value, entries, inner, rows, text, text_of, texts};
use super::settings::CalendarFile;
use super::suggest::did_you_mean;
use super::tags::Tags;
use crate::policy::hours::{CalendarFiles, Days, Schedule};
use crate::policy::rules::Scope;
use crate::words::BEDTIME_ID;

/// Every day of the week.
const EVERY_DAY: Days = Days(0b111_1111);

/// The calendars with their days.
pub(super) struct Calendars {
    rows: Vec<Calendar>,
    /// Those whose days are in files, too.
    pub(super) files: Vec<CalendarFile>,
}

struct Calendar {
    id: String,
    dates: Vec<(Date, Date)>,
    /// Its place among the files.
    file: Option<usize>,
}

/// What `dates` or `except` says: dates, and the places of calendar files.
type Written = (Vec<(Date, Date)>, Vec<usize>);

/// Reads `[calendar.ID]`.
pub(super) fn calendars(context: &mut Context<'_>) -> Calendars {
    let mut calendars = Calendars { rows: Vec::new(), files: Vec::new() };
    for entry in entries(context.root, "calendar") {
        if entry.table.get("dates").is_none() && entry.table.get("file").is_none() {
            let message = format!("calendar `{}` has no days", entry.id.text);
            let help = "add `dates = [\"2026-12-20..2027-01-10\"]`, or `file = \"holidays.ics\"`";
            context.error(entry.id.span.clone(), message, help);
        }
        let written = texts(entry.table, "dates").unwrap_or_default();
        let dates =
            written.iter().filter_map(|date| context.element(date, elements::dates)).collect();
        let id = entry.id.text.to_owned();
        let file = text(entry.table, "file").filter(|file| {
            if file.text.is_empty() {
                let help = "write a path, like \"holidays.ics\"";
                context.error(file.span.clone(), format!("calendar `{id}` has no file"), help);
            }
            !file.text.is_empty()
        });
        let file = file.map(|file| {
            let path = context.path(file.text);
            calendars.files.push(CalendarFile { id: id.clone(), path });
            calendars.files.len() - 1
        });
        calendars.rows.push(Calendar { id, dates, file });
    }
    calendars
}

impl Calendars {
    /// The days of `dates` or `except`: dates, or a calendar's.
    fn days(&self, context: &mut Context<'_>, table: &DeTable<'_>, key: &str) -> Written {
        let (mut days, mut files) = Written::default();
        for written in texts(table, key).unwrap_or_default() {
            if elements::is_dates(written.text) {
                days.extend(context.element(&written, elements::dates));
                continue;
            }
            if let Some(calendar) = self.rows.iter().find(|row| row.id == written.text) {
                days.extend(&calendar.dates);
                files.extend(calendar.file);
            } else {
                let message = format!("there is no calendar `{}`", written.text);
                let known = self.rows.iter().map(|row| row.id.as_str());
                let help = did_you_mean(written.text, known).unwrap_or_else(|| {
                    format!("add `[calendar.{}]`", elements::id_from(written.text))
                });
                context.error(written.span, message, help);
            }
        }
        (days, files)
    }
}

/// Reads the windows of somebody's `schedule`.
pub(super) fn schedules(
    context: &mut Context<'_>,
    tags: &Tags,
    calendars: &Calendars,
    sayer: &Sayer,
    table: &DeTable<'_>,
) -> Vec<Schedule> {
    let Some(windows) = table.get("schedule").and_then(|value| value.get_ref().as_array()) else {
        return Vec::new();
    };
    windows.iter().filter_map(|window| schedule(context, tags, calendars, sayer, window)).collect()
}

fn schedule(
    context: &mut Context<'_>,
    tags: &Tags,
    calendars: &Calendars,
    sayer: &Sayer,
    window: &Value<'_>,
) -> Option<Schedule> {
    let table = window.get_ref().as_table()?;
    let name = text(table, "name").and_then(|name| Context::shown(name.text));
    let title = match &name {
        Some(name) => format!("schedule `{name}` of {}", sayer.title),
        None => format!("a schedule of {}", sayer.title),
    };
    let time = text(table, "time");
    let span =
        time.as_ref().and_then(|time| context.element(time, |time| elements::span("time", time)));
    if table.get("time").is_none() {
        let help = "add `time = \"15:00-17:00\"`, or \"00:00-24:00\" for the whole day";
        context.error(window.span(), format!("{title} has no time"), help);
    }
    let in_schedule = Sayer { title: title.clone(), everything: true };
    let scope = |context: &mut Context<'_>, key, verb| {
        let words = part::words(context, tags, &in_schedule, table, key, verb)?;
        Some(part::scope(&words))
    };
    let block = scope(context, "block", "closes");
    let only = scope(context, "only", "keeps open");
    let allow = scope(context, "allow", "keeps open").unwrap_or_default();
    if table.get("block").is_none() && table.get("only").is_none() {
        let help = "add `block = \"everything\"`, or what it closes, or `only`";
        context.error(window.span(), format!("{title} closes nothing"), help);
    }
    let days = days(context, table);
    let (dates, in_dates) = calendars.days(context, table, "dates");
    let (except, in_except) = calendars.days(context, table, "except");
    Some(Schedule {
        name: name.unwrap_or_else(|| time.map_or_else(String::new, |time| time.text.to_owned())),
        days,
        span: span?,
        block: block.unwrap_or_default(),
        only,
        allow,
        dates,
        except,
        files: CalendarFiles { dates: in_dates, except: in_except },
    })
}

fn days(context: &mut Context<'_>, table: &DeTable<'_>) -> Days {
    let Some(written) = texts(table, "days") else { return EVERY_DAY };
    let mut days = Days(0);
    for word in &written {
        days.0 |= context.element(word, elements::days).map_or(0, |days| days.0);
    }
    if let Some(value) =
        table.get("days").filter(|value| written.is_empty() && value.get_ref().is_array())
    {
        let help = "name some, or remove the line: then it is every day";
        context.error(value.span(), "a schedule without a day never begins", help);
    }
    days
}

/// Reads `bedtime`: one time for every day, or one by days. None when it is not written.
pub(super) fn bedtime(context: &mut Context<'_>, table: &DeTable<'_>) -> Option<Vec<Schedule>> {
    let value = table.get("bedtime")?;
    if let Some(time) = text_of(value) {
        return Some(bed(context, EVERY_DAY, &time).into_iter().collect());
    }
    let mut windows: Vec<Schedule> = Vec::new();
    for (key, time) in rows(inner(table, "bedtime")?) {
        let days = context.element(&key, elements::days);
        let (Some(days), Some(time)) = (days, text_of(time)) else { continue };
        let clash = windows.iter().find_map(|window| elements::days_clash(window.days, days));
        if let Some(day) = clash {
            let help = "leave the day out of one of them";
            context.error(key.span.clone(), format!("{day} has two bedtimes"), help);
        }
        windows.extend(bed(context, days, &time));
    }
    Some(windows)
}

fn bed(context: &mut Context<'_>, days: Days, time: &Text<'_>) -> Option<Schedule> {
    let span = context.element(time, |time| elements::span("bedtime", time))?;
    Some(Schedule {
        name: BEDTIME_ID.to_owned(),
        days,
        span,
        block: Scope { everything: true, ..Scope::default() },
        only: None,
        allow: Scope::default(),
        dates: Vec::new(),
        except: Vec::new(),
        files: CalendarFiles::default(),
    })
}
