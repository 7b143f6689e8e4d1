//! What `amparo log` prints, from journals made for each test.

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
    let json: serde_json::Value = serde_json::from_str(&fixture.log("--json").unwrap()).unwrap();
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
        .map(|line| (line["site"].as_str().unwrap().to_owned(), line["count"].as_u64().unwrap()))
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
    assert!(Log::from_arg_matches(&matches).unwrap().json);
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
