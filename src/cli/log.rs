//! `amparo log`: what was tried and closed, for a terminal, a program or a spreadsheet.
//!
//! It reads the journal's file, so it works without a daemon. Who a child is and which sentence
//! belongs to a reason it is told by [`View`]. Nothing that a device sent reaches the output
//! without passing [`printable`].

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
use crate::journal::reader::{Attempt, Filter, ReadError, Reader};

/// How often `--follow` looks: soon enough to feel live, and nothing against the flush interval.
const FOLLOW_EVERY: Duration = Duration::from_millis(500);
/// The version of the JSON.
const JSON_VERSION: u32 = 1;
/// The columns of `--csv`, in the words of the JSON.
const CSV_HEADER: &str =
    "child,device,site,names,count,first,last,verdict,reason_kind,reason_id,reason_text,category";

/// Show what was tried and closed, oldest first
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Log {
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
pub struct View<'a> {
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
pub enum LogError {
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
    /// Whether rows come as JSON: then mistakes and notes do not belong on the output.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Prints the rows of the journal at `journal` and, with `--follow`, goes on until interrupted;
    /// how many. A reader that closed the pipe has seen enough: that is no error.
    pub fn run(
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
fn printable(text: &str) -> Cow<'_, str> {
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
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::config::JournalSettings;
    use crate::journal::{Entry, FILE_NAME, Journal};
    use crate::name::Name;
    use crate::policy::ReasonKind;
    use crate::policy::rules::JournalLevel;
    use clap::{FromArgMatches as _, Parser};
    use proptest::prelude::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        log: Log,
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn entry(at: Timestamp, name: &str) -> Entry {
        Entry {
            at,
            subject: Some("mateo".into()),
            device: "192.168.1.42".into(),
            name: Name::parse(name).unwrap(),
            blocked: true,
            kind: ReasonKind::Service,
            reason_id: "tiktok".into(),
            service: Some("tiktok".into()),
            category: Some("social_media".into()),
            security: false,
            level: JournalLevel::Names,
        }
    }

    /// A journal in a directory of its own that lasts as long as it.
    struct Fixture {
        directory: tempfile::TempDir,
        journal: Journal,
    }

    impl Fixture {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let settings =
                JournalSettings { keep_days: 30, keep_mib: 200, flush: Duration::from_secs(3600) };
            let clock = Clock::held(at("2026-11-23T22:00:00-06:00"));
            let path = directory.path().join(FILE_NAME);
            let journal = Journal::open(&path, &settings, clock).unwrap();
            Fixture { directory, journal }
        }

        fn with(self, entries: &[Entry]) -> Self {
            for entry in entries {
                self.journal.record(entry.clone());
            }
            self.journal.flush().unwrap();
            self
        }

        fn log(&self, arguments: &str) -> Result<String, LogError> {
            self.follow(arguments, || ControlFlow::Break(()))
        }

        fn follow(
            &self,
            arguments: &str,
            pause: impl FnMut() -> ControlFlow<()>,
        ) -> Result<String, LogError> {
            let words = std::iter::once("log").chain(arguments.split_whitespace());
            let log = Program::parse_from(words).log;
            let mut out = Vec::new();
            with_view(|view| {
                log.run_with(&self.directory.path().join(FILE_NAME), view, &mut out, pause)
            })?;
            Ok(String::from_utf8(out).unwrap())
        }
    }

    fn with_view<T>(f: impl FnOnce(&View<'_>) -> T) -> T {
        f(&View {
            who: &|attempt| {
                attempt.child.as_deref().map_or("?".to_owned(), |id| match id {
                    "mateo" => "Mateo".to_owned(),
                    other => other.to_owned(),
                })
            },
            why: &|attempt| format!("{} is closed", attempt.reason_id),
            zone: &TimeZone::get("America/Guatemala").unwrap(),
            now: at("2026-11-23T22:00:00-06:00"),
        })
    }

    fn evening() -> Fixture {
        let first = at("2026-11-23T21:30:00-06:00");
        Fixture::new().with(&[
            entry(first, "www.tiktok.com"),
            entry(at("2026-11-23T21:31:00-06:00"), "v16.tiktokcdn.com"),
            Entry {
                subject: Some("sofia".into()),
                kind: ReasonKind::Category,
                reason_id: "games".into(),
                service: None,
                category: Some("games".into()),
                ..entry(at("2026-11-22T16:00:00-06:00"), "play.example.com")
            },
        ])
    }

    #[test]
    fn the_table_has_one_line_an_attempt_below_its_day() {
        let expected = "\
2026-11-22
16:00  sofia       example.com                  1×  games is closed
2026-11-23
21:30  Mateo       tiktok                       2×  tiktok is closed
";
        assert_eq!(evening().log("").unwrap(), expected);
        let today = "21:30  Mateo       tiktok                       2×  tiktok is closed\n";
        assert_eq!(evening().log("--child mateo").unwrap(), today);
    }

    #[test]
    fn json_is_as_the_contract_says() {
        let expected = concat!(
            r#"{"v":1,"child":"mateo","device":"192.168.1.42","site":"tiktok","#,
            r#""names":["www.tiktok.com","v16.tiktokcdn.com"],"count":2,"#,
            r#""first":"2026-11-23T21:30:00-06:00","last":"2026-11-23T21:31:00-06:00","#,
            r#""verdict":"block","reason":{"kind":"service","id":"tiktok","text":"tiktok is closed"}}"#,
            "\n"
        );
        assert_eq!(evening().log("--json --site tiktok").unwrap(), expected);
    }

    #[test]
    fn an_hourly_count_has_its_category_instead_of_a_site() {
        let entry = Entry {
            level: JournalLevel::Counts,
            ..entry(at("2026-11-23T21:30:00-06:00"), "www.tiktok.com")
        };
        let fixture = Fixture::new().with(&[entry]);
        let json: serde_json::Value =
            serde_json::from_str(&fixture.log("--json").unwrap()).unwrap();
        assert_eq!(json["site"], serde_json::Value::Null);
        assert_eq!(json["device"], serde_json::Value::Null);
        assert_eq!(json["category"], "social_media");
        assert_eq!(json["first"], "2026-11-23T21:00:00-06:00");
        assert!(fixture.log("").unwrap().contains("social_media"));
        assert!(!fixture.log("--csv").unwrap().contains("tiktok"));
    }

    #[test]
    fn csv_has_a_header_and_one_line_an_attempt() {
        let expected = format!(
            "{CSV_HEADER}\nmateo,192.168.1.42,tiktok,www.tiktok.com v16.tiktokcdn.com,2,\
             2026-11-23T21:30:00-06:00,2026-11-23T21:31:00-06:00,block,service,tiktok,\
             tiktok is closed,social_media\n"
        );
        assert_eq!(evening().log("--csv --child mateo").unwrap(), expected);
    }

    #[test]
    fn cells_are_quoted_and_start_no_formula() {
        assert_eq!(csv_cell("a,b"), "\"a,b\"");
        assert_eq!(csv_cell("a\"b"), "\"a\"\"b\"");
        assert_eq!(csv_cell("=1+1"), "'=1+1");
        assert_eq!(csv_cell("@x,-"), "\"'@x,-\"");
        assert_eq!(csv_cell("-1\r\n"), r"'-1\u{d}\u{a}");
    }

    #[test]
    fn filters_choose_rows() {
        let fixture = evening();
        let count = |arguments: &str| fixture.log(arguments).unwrap().matches('×').count();
        assert_eq!(count(""), 2);
        assert_eq!(count("--child sofia"), 1);
        assert_eq!(count("--child unknown"), 0);
        assert_eq!(count("--category games"), 1);
        assert_eq!(count("--device 192.168.1.42"), 2);
        assert_eq!(count("--site example.com"), 1);
        assert_eq!(count("--site TikTok.com"), 1, "by the names asked");
        assert_eq!(count("--site tok.com"), 0, "at label boundaries only");
        assert_eq!(count("--since 2h"), 1);
        assert_eq!(count("--since 2d --until 1h"), 0, "an hour from two days ago");
        assert_eq!(count("--until 21:00"), 1);
        assert_eq!(count("--limit 1"), 1);
        assert_eq!(count("--limit 0"), 0);
        assert!(fixture.log("--limit 1").unwrap().contains("tiktok"), "the newest");
    }

    #[test]
    fn a_moment_that_is_none_says_which_option() {
        let error = evening().log("--since soon").unwrap_err();
        assert!(error.to_string().starts_with("--since: `soon` is no moment"), "{error}");
    }

    #[test]
    fn without_a_journal_it_says_where_it_looked() {
        let mut out = Vec::new();
        let path = Path::new("/nowhere/journal.db");
        let error = with_view(|view| Log::default().run(path, view, &mut out)).unwrap_err();
        assert!(error.to_string().contains("no journal at /nowhere/journal.db"), "{error}");
    }

    #[test]
    fn follow_shows_what_is_new_and_what_grew() {
        let fixture = evening();
        let mut looks = 0;
        let out = fixture
            .follow("--follow --json", || {
                looks += 1;
                let name = match looks {
                    1 => "m.tiktok.com",
                    3 => "other.example.com",
                    _ => {
                        return if looks > 3 {
                            ControlFlow::Break(())
                        } else {
                            ControlFlow::Continue(())
                        };
                    }
                };
                let service = (looks == 1).then(|| "tiktok".into());
                let at = at("2026-11-23T21:32:00-06:00");
                fixture.journal.record(Entry { service, ..entry(at, name) });
                fixture.journal.flush().unwrap();
                ControlFlow::Continue(())
            })
            .unwrap();
        let seen: Vec<(String, u64)> = out
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .map(|line| {
                (line["site"].as_str().unwrap().to_owned(), line["count"].as_u64().unwrap())
            })
            .collect();
        let expected = [("example.com", 1), ("tiktok", 2), ("tiktok", 3), ("example.com", 1)];
        assert_eq!(seen, expected.map(|(site, count)| (site.to_owned(), count)));
    }

    #[test]
    fn a_closed_pipe_is_no_error() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let fixture = evening();
        let path = fixture.directory.path().join(FILE_NAME);
        assert_eq!(with_view(|view| Log::default().run(&path, view, &mut Closed)).unwrap(), 0);
    }

    #[test]
    fn the_arguments_are_well_formed() {
        use clap::Args as _;
        let command = Log::augment_args(clap::Command::new("log"));
        command.clone().debug_assert();
        assert!(command.clone().try_get_matches_from(["log", "--json", "--csv"]).is_err());
        let matches = command.try_get_matches_from(["log", "--json"]).unwrap();
        assert!(Log::from_arg_matches(&matches).unwrap().is_json());
    }

    proptest! {
        #[test]
        fn nothing_a_device_sent_steers_a_terminal(
            octets in proptest::collection::vec(any::<u8>(), 1..60),
            text in "\\PC{0,10}[\\x00-\\x1f\\x7f-\\u{9f}\\u{202e}\\u{2066}]{0,3}.{0,10}",
        ) {
            let attempt = Attempt {
                id: 1,
                revision: 1,
                child: Some(text.clone()),
                device: text.clone(),
                site: text.clone(),
                names: Name::from_wire(&octets).map(|name| name.to_string()).into_iter()
                    .chain([text.clone()]).collect(),
                count: 9,
                first: at("2026-11-23T21:30:00Z"),
                last: at("2026-11-23T21:30:00Z"),
                hourly: true,
                blocked: true,
                kind: ReasonKind::Service,
                reason_id: text.clone(),
                category: Some(text),
            };
            for form in [Form::Table, Form::Json, Form::Csv] {
                let mut out = Vec::new();
                with_view(|view| {
                    let day = Date::constant(2026, 11, 23);
                    let mut printer = Printer { form, view, out: &mut out, day, count: 0 };
                    printer.print(&attempt).unwrap();
                });
                let line = String::from_utf8(out).unwrap();
                let line = line.strip_suffix('\n').unwrap();
                prop_assert!(!line.contains(is_steering), "{line:?}");
                prop_assert!(line.bytes().all(|octet| octet >= 0x20));
                if form == Form::Json {
                    let json: serde_json::Value = serde_json::from_str(line).unwrap();
                    prop_assert_eq!(json["device"].as_str(), kept(&attempt.device));
                }
            }
        }
    }
}
