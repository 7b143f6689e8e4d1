//! `amparo log`: what was tried and closed, for a terminal, a program or a spreadsheet.
//!
//! It reads the journal's file, so it works without a daemon. Who a child is and which sentence
//! belongs to a reason it is told by [`View`]. Nothing that a device sent reaches the output
//! without passing `printable`.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::moments::{self, MomentError};
use crate::inspect::JSON_VERSION;
use crate::journal::reader::{Attempt, Filter, ReadError, Reader};

/// How often `--follow` looks: soon enough to feel live, and nothing against the flush interval.
const FOLLOW_EVERY: Duration = Duration::from_millis(500);
/// The columns of `--csv`, in the words of the JSON.
const CSV_HEADER: &str =
    "child,device,site,names,count,first,last,verdict,reason_kind,reason_id,reason_text,category";

/// Show what was tried and closed, oldest first
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Log {
    /// Only this child or adult; `unknown` for devices nobody claimed
    #[arg(long, value_name = "ID")]
    child: Option<String>,
    /// Only this device
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,
    /// Only this service or domain
    #[arg(long, value_name = "SITE")]
    site: Option<String>,
    /// Only this category
    #[arg(long, value_name = "ID")]
    category: Option<String>,
    /// Only what went on since then: 2d, 21:30, "sat 21:30" (ago, or the last one), or RFC 3339
    #[arg(long, value_name = "MOMENT")]
    since: Option<String>,
    /// Only what began before then; with --since, counted from there: --since 20:00 --until 2h
    #[arg(long, value_name = "MOMENT")]
    until: Option<String>,
    /// Go on showing what comes, until interrupted; an attempt that grew is shown again
    #[arg(long, short)]
    follow: bool,
    /// One JSON object a line
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Comma-separated values for a spreadsheet, with a header
    #[arg(long)]
    csv: bool,
    /// Only the newest N
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
}

/// What `log` has to be told.
pub(super) struct View<'a> {
    /// The label of a child, adult or unknown device, for the table.
    pub who: &'a dyn Fn(&Attempt) -> String,
    /// The sentence of a row's reason.
    pub why: &'a dyn Fn(&Attempt) -> String,
    /// The household's time zone.
    pub zone: &'a TimeZone,
    /// What time it is.
    pub now: Timestamp,
}

/// Why `log` ended before its time.
#[derive(Debug, thiserror::Error)]
pub(super) enum LogError {
    /// `--since` or `--until` is no moment: a mistake of usage.
    #[error("{option}: {source}")]
    Moment {
        /// The option.
        option: &'static str,
        /// What is wrong with it.
        source: MomentError,
    },
    /// The journal cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The output cannot be written.
    #[error("the output cannot be written: {0}")]
    Write(#[from] io::Error),
}

/// One line of `--json`, in the order of the fields.
#[derive(Serialize)]
struct Line<'a> {
    v: u32,
    child: Option<&'a str>,
    device: Option<&'a str>,
    site: Option<&'a str>,
    names: &'a [String],
    count: u64,
    first: String,
    last: String,
    verdict: &'static str,
    reason: ReasonLine<'a>,
    /// What an hourly count is about; an attempt has a site instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<&'a str>,
}

#[derive(Serialize)]
struct ReasonLine<'a> {
    kind: &'static str,
    id: &'a str,
    text: &'a str,
}

/// Writes rows in the chosen form.
struct Printer<'a> {
    form: Form,
    view: &'a View<'a>,
    out: &'a mut dyn Write,
    /// The day the table is at; its first is today, which needs no heading.
    day: Date,
    count: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Table,
    Json,
    Csv,
}

// === impl Log ===

impl Log {
    /// Prints the rows of the journal at `journal` and, with `--follow`, goes on until interrupted;
    /// how many. A reader that closed the pipe has seen enough: that is no error.
    pub(super) fn run(
        &self,
        journal: &Path,
        view: &View<'_>,
        out: &mut dyn Write,
    ) -> Result<usize, LogError> {
        self.run_with(journal, view, out, || {
            std::thread::sleep(FOLLOW_EVERY);
            ControlFlow::Continue(())
        })
    }

    /// [`Log::run`] with what `--follow` does between two looks.
    fn run_with(
        &self,
        journal: &Path,
        view: &View<'_>,
        out: &mut dyn Write,
        pause: impl FnMut() -> ControlFlow<()>,
    ) -> Result<usize, LogError> {
        let filter = self.filter(view)?;
        let day = view.now.to_zoned(view.zone.clone()).date();
        let form = match (self.json, self.csv) {
            (true, _) => Form::Json,
            (false, true) => Form::Csv,
            (false, false) => Form::Table,
        };
        let mut printer = Printer { form, view, out, day, count: 0 };
        let result = self.print(journal, &filter, &mut printer, pause);
        match result {
            Err(LogError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => {}
            result => result?,
        }
        Ok(printer.count)
    }

    fn print(
        &self,
        journal: &Path,
        filter: &Filter,
        printer: &mut Printer<'_>,
        mut pause: impl FnMut() -> ControlFlow<()>,
    ) -> Result<(), LogError> {
        let reader = Reader::open(journal)?;
        printer.begin()?;
        // What is written while the rows are read has a later revision. It may be among them.
        let mut revision = reader.revision()?;
        let mut printed_after = HashSet::new();
        for attempt in reader.attempts(filter)? {
            let attempt = attempt?;
            printer.print(&attempt)?;
            if attempt.revision > revision {
                printed_after.insert(attempt.revision);
            }
        }
        printer.out.flush()?;
        drop(reader);
        while self.follow && pause().is_continue() {
            // Opened anew each time: the daemon may have set a damaged file aside.
            let Ok(reader) = Reader::open(journal) else { continue };
            if reader.revision().is_ok_and(|newest| newest < revision) {
                // Another file: its revisions begin at the beginning.
                revision = 0;
                printed_after.clear();
            }
            loop {
                let Ok(rows) = reader.attempts_after(revision, filter) else { break };
                let Some(last) = rows.last() else { break };
                revision = last.revision;
                for attempt in rows.iter().filter(|row| !printed_after.remove(&row.revision)) {
                    printer.print(attempt)?;
                }
            }
            printer.out.flush()?;
        }
        Ok(())
    }

    fn filter(&self, view: &View<'_>) -> Result<Filter, LogError> {
        let moment = |option| move |source| LogError::Moment { option, source };
        let since = self
            .since
            .as_deref()
            .map(|text| moments::parse_since(text, view.now, view.zone))
            .transpose()
            .map_err(moment("--since"))?;
        let until = self
            .until
            .as_deref()
            .map(|text| match since {
                // "From eight for two hours", "from eight to ten": counted from eight.
                Some(since) => moments::parse_at(text, since, view.zone),
                None => moments::parse_since(text, view.now, view.zone),
            })
            .transpose()
            .map_err(moment("--until"))?;
        Ok(Filter {
            child: self.child.clone(),
            device: self.device.clone(),
            site: self.site.clone(),
            category: self.category.clone(),
            since,
            until,
            limit: self.limit,
        })
    }
}

// === impl Printer ===

impl Printer<'_> {
    fn begin(&mut self) -> io::Result<()> {
        match self.form {
            Form::Csv => writeln!(self.out, "{CSV_HEADER}"),
            Form::Table | Form::Json => Ok(()),
        }
    }

    fn print(&mut self, attempt: &Attempt) -> Result<(), LogError> {
        match self.form {
            Form::Table => self.print_row(attempt)?,
            Form::Json => writeln!(self.out, "{}", self.json(attempt))?,
            Form::Csv => writeln!(self.out, "{}", self.csv(attempt))?,
        }
        self.count += 1;
        Ok(())
    }

    /// `21:30  Mateo  tiktok  9×  TikTok is closed for Mateo`, below its day unless that is today.
    fn print_row(&mut self, attempt: &Attempt) -> io::Result<()> {
        let first = attempt.first.to_zoned(self.view.zone.clone());
        if first.date() != self.day {
            self.day = first.date();
            writeln!(self.out, "{}", self.day)?;
        }
        let who = (self.view.who)(attempt);
        let why = (self.view.why)(attempt);
        let site = if attempt.site.is_empty() {
            attempt.category.as_deref().unwrap_or("-")
        } else {
            &attempt.site
        };
        let time = first.strftime("%H:%M");
        let times = format!("{}×", attempt.count);
        let (who, site, why) = (printable(&who), printable(site), printable(&why));
        writeln!(self.out, "{time}  {who:<10}  {site:<24}  {times:>5}  {why}")
    }

    fn json(&self, attempt: &Attempt) -> String {
        let text = (self.view.why)(attempt);
        let line = Line {
            v: JSON_VERSION,
            child: attempt.child.as_deref(),
            device: kept(&attempt.device),
            site: kept(&attempt.site),
            names: &attempt.names,
            count: attempt.count,
            first: self.rfc3339(attempt.first),
            last: self.rfc3339(attempt.last),
            verdict: attempt.verdict(),
            reason: ReasonLine { kind: attempt.kind.word(), id: &attempt.reason_id, text: &text },
            category: attempt.category.as_deref().filter(|_| attempt.hourly),
        };
        let line = serde_json::to_string(&line).expect("strings and numbers are JSON");
        // serde_json escapes what is below a space; the rest can only stand inside a string.
        escape(&line, |out, c| {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                // A `String` takes everything.
                let _ = write!(out, "\\u{unit:04x}");
            }
        })
        .into_owned()
    }

    fn csv(&self, attempt: &Attempt) -> String {
        let text = (self.view.why)(attempt);
        let cells: [&str; 12] = [
            attempt.child.as_deref().unwrap_or_default(),
            &attempt.device,
            &attempt.site,
            &attempt.names.join(" "),
            &attempt.count.to_string(),
            &self.rfc3339(attempt.first),
            &self.rfc3339(attempt.last),
            attempt.verdict(),
            attempt.kind.word(),
            &attempt.reason_id,
            &text,
            attempt.category.as_deref().unwrap_or_default(),
        ];
        cells.map(csv_cell).join(",")
    }

    fn rfc3339(&self, at: Timestamp) -> String {
        at.to_zoned(self.view.zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }
}

fn kept(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// One cell (RFC 4180), which no spreadsheet takes for a formula.
fn csv_cell(text: &str) -> String {
    let mut text = printable(text).into_owned();
    if text.starts_with(['=', '+', '-', '@']) {
        text.insert(0, '\'');
    }
    if text.contains([',', '"']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

/// The text with everything escaped that would steer a terminal or turn its writing around.
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    escape(text, |out, c| {
        // A `String` takes everything.
        let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
    })
}

fn escape(text: &str, one: impl Fn(&mut String, char)) -> Cow<'_, str> {
    if !text.contains(is_steering) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_steering(c) {
            one(&mut out, c);
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Control characters (C0, DEL, C1), line separators, and those that turn the direction of writing
/// or cannot be seen.
fn is_steering(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests;
