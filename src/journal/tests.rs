//! The journal against real files: what is folded, what is kept, and what survives.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::fold::{ATTEMPTS_MAX, ATTEMPTS_PER_DEVICE_MAX, Fold, NAMES_PER_ATTEMPT_MAX, Query};
use super::reader::{Attempt, Filter, ReadError, Reader};
use super::{Entry, FILE_NAME, Journal, schema};
use crate::clock::Clock;
use crate::config::JournalSettings;
use crate::name::Name;
use crate::policy::ReasonKind;
use crate::policy::rules::JournalLevel;

fn start() -> Timestamp {
    "2026-11-23T21:30:00Z".parse().unwrap()
}

/// So many seconds after the start.
fn after(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}

fn settings() -> JournalSettings {
    // An hour: nothing is written but what a test asks for.
    JournalSettings { keep_days: 30, keep_mib: 200, flush: Duration::from_secs(3600) }
}

fn entry(at: Timestamp, name: &str) -> Entry {
    Entry {
        at,
        subject: Some("mateo".into()),
        device: "192.168.1.42".into(),
        name: Name::parse(name).unwrap(),
        blocked: true,
        kind: ReasonKind::Category,
        reason_id: "games".into(),
        service: None,
        category: Some("games".into()),
        security: false,
        level: JournalLevel::Names,
    }
}

/// A state directory.
struct Home {
    directory: tempfile::TempDir,
    clock: Clock,
}

impl Home {
    fn new() -> Self {
        Home { directory: tempfile::tempdir().unwrap(), clock: Clock::held(start()) }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join(FILE_NAME)
    }

    fn open(&self) -> Journal {
        Journal::open(&self.path(), &settings(), self.clock.clone()).unwrap()
    }

    fn rows(&self) -> Vec<Attempt> {
        rows(&self.path(), &Filter::default())
    }

    /// What a journal makes of these entries.
    fn journal_of(entries: impl IntoIterator<Item = Entry>) -> Vec<Attempt> {
        let home = Home::new();
        let journal = home.open();
        entries.into_iter().for_each(|entry| journal.record(entry));
        journal.close().unwrap();
        home.rows()
    }

    /// Every octet of the files.
    fn octets(&self) -> Vec<u8> {
        let files = fs::read_dir(self.directory.path()).unwrap();
        files.flat_map(|file| fs::read(file.unwrap().path()).unwrap()).collect()
    }

    fn bad_files(&self) -> usize {
        let files = fs::read_dir(self.directory.path()).unwrap();
        files.filter(|file| is_bad(&file.as_ref().unwrap().path())).count()
    }
}

fn is_bad(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    name.contains(".bad-") && !name.ends_with("-wal") && !name.ends_with("-shm")
}

fn rows(path: &Path, filter: &Filter) -> Vec<Attempt> {
    Reader::open(path).unwrap().attempts(filter).unwrap().collect::<Result<_, _>>().unwrap()
}

fn contains(octets: &[u8], text: &str) -> bool {
    octets.windows(text.len()).any(|window| window == text.as_bytes())
}

// === Folding ===

#[test]
fn repeated_queries_for_a_site_are_one_attempt() {
    let rows = Home::journal_of([
        entry(after(0), "www.example.com"),
        entry(after(2), "cdn.example.com"),
        entry(after(599), "www.example.com"),
    ]);
    let [row] = &rows[..] else { panic!("one row: {rows:?}") };
    assert_eq!(row.site, "example.com");
    assert_eq!(row.names, ["www.example.com", "cdn.example.com"]);
    assert_eq!((row.count, row.first, row.last), (3, after(0), after(599)));
    assert_eq!((row.child.as_deref(), row.device.as_str()), (Some("mateo"), "192.168.1.42"));
    assert_eq!((row.kind, row.reason_id.as_str()), (ReasonKind::Category, "games"));
    assert!(row.blocked && !row.hourly);
}

#[test]
fn an_attempt_ends_after_ten_quiet_minutes() {
    let at = |seconds| entry(after(seconds), "example.com");
    let rows = Home::journal_of([at(0), at(600), at(1201)]);
    assert_eq!(rows.iter().map(|row| row.count).collect::<Vec<_>>(), [2, 1]);
    assert!(rows[0].id < rows[1].id);
}

#[test]
fn device_site_reason_and_child_each_make_another_attempt() {
    let one = || entry(start(), "example.com");
    let rows = Home::journal_of([
        one(),
        Entry { device: "192.168.1.43".into(), ..one() },
        Entry { name: Name::parse("example.org").unwrap(), ..one() },
        Entry { kind: ReasonKind::Schedule, reason_id: "bedtime".into(), ..one() },
        Entry { reason_id: "video".into(), ..one() },
        Entry { subject: None, ..one() },
    ]);
    assert_eq!(rows.len(), 6);
    assert!(rows.iter().all(|row| row.count == 1));
}

#[test]
fn names_of_an_attempt_are_bounded() {
    let names = (0..50).map(|n| entry(after(n), &format!("n{n}.example.com")));
    let rows = Home::journal_of(names);
    assert_eq!((rows[0].count, rows[0].names.len()), (50, NAMES_PER_ATTEMPT_MAX));
}

#[test]
fn a_device_that_makes_up_sites_fills_one_row_in_the_end() {
    let flood = ATTEMPTS_PER_DEVICE_MAX + 200;
    let home = Home::new();
    let journal = home.open();
    for n in 0..flood {
        journal.record(entry(start(), &format!("site{n}.example")));
    }
    journal.record(Entry { device: "other".into(), ..entry(start(), "mine.example") });
    assert_eq!(journal.state().overflow.queries_without_site, 200);
    journal.close().unwrap();
    let rows = home.rows();
    assert_eq!(rows.len(), ATTEMPTS_PER_DEVICE_MAX + 2);
    let rest = rows.iter().find(|row| row.site.is_empty()).unwrap();
    assert_eq!((rest.count, rest.names.len()), (200, 0));
    assert!(rows.iter().any(|row| row.site == "mine.example"));
}

#[test]
fn a_flood_that_was_counted_is_one_row_without_site_or_names() {
    let home = Home::new();
    let journal = home.open();
    journal.record(entry(start(), "site.example"));
    journal.record_flood(entry(start(), "another.example"), 70_000);
    journal.record_flood(entry(after(3), "site.example"), 30_000);
    assert_eq!(journal.state().overflow.queries_without_site, 100_000);
    journal.close().unwrap();
    let rows = home.rows();
    assert_eq!(rows.len(), 2);
    let flood = rows.iter().find(|row| row.site.is_empty()).unwrap();
    assert_eq!((flood.count, flood.names.len()), (100_000, 0));
}

#[test]
fn a_patient_flood_is_held_back_too_until_the_hour_ends() {
    let home = Home::new();
    let journal = home.open();
    for n in 0..ATTEMPTS_PER_DEVICE_MAX + 3 {
        journal.record(entry(start(), &format!("site{n}.example")));
        if n % 100 == 0 {
            journal.flush().unwrap();
        }
    }
    journal.flush().unwrap();
    assert_eq!(journal.state().overflow.queries_without_site, 3);
    home.clock.advance(SignedDuration::from_hours(1));
    let other = Entry { device: "other".into(), ..entry(home.clock.now(), "a.example") };
    journal.record(other);
    journal.flush().unwrap();
    journal.record(entry(home.clock.now(), "b.example"));
    assert_eq!(journal.state().overflow.queries_without_site, 3);
    journal.close().unwrap();
    assert_eq!(home.rows().last().unwrap().site, "b.example");
}

#[test]
fn memory_is_bounded_and_keeps_the_latest() {
    let mut fold = Fold::default();
    let total = ATTEMPTS_MAX + 2_500;
    for n in 0..total {
        let device = format!("device{}", n / 100).into();
        let at = after(i64::try_from(n).unwrap());
        let entry = Entry { device, ..entry(at, &format!("site{n}.example")) };
        let (key, query) = Query::of(entry).unwrap();
        fold.add(key, query);
        assert!(fold.len() <= ATTEMPTS_MAX);
    }
    assert_eq!(fold.overflow.queries_forgotten, 2_500);
    assert_eq!(fold.waiting.values().sum::<usize>(), ATTEMPTS_MAX, "forgotten devices too");
    let batch = fold.take();
    let oldest = batch.iter().map(|(_, delta)| delta.first).min().unwrap();
    assert_eq!(oldest, after(2_500).as_millisecond());
}

#[test]
fn what_could_not_be_written_goes_on_as_the_same_attempt() {
    let mut fold = Fold::default();
    let add = |fold: &mut Fold, seconds, name: &str| {
        let (key, query) = Query::of(entry(after(seconds), name)).unwrap();
        fold.add(key, query);
    };
    add(&mut fold, 0, "a.example.com");
    for round in 1..20 {
        let mut batch = fold.take();
        batch.sort_by_key(|(_, delta)| delta.first);
        add(&mut fold, round * 60, "b.example.com");
        fold.restore(batch);
        assert_eq!(fold.len(), 1);
    }
    add(&mut fold, 20 * 60 + 1000, "a.example.com");
    let mut batch = fold.take();
    batch.sort_by_key(|(_, delta)| delta.first);
    fold.restore(batch);
    assert_eq!(fold.len(), 2);
    let mut batch = fold.take();
    batch.sort_by_key(|(_, delta)| delta.first);
    assert_eq!((batch[0].1.count, batch[1].1.count), (20, 1));
    assert_eq!(batch[0].1.names, ["a.example.com".into(), "b.example.com".into()]);
}

// === Levels ===

#[test]
fn each_level_keeps_what_it_says() {
    let kept = |level, blocked| {
        let rows =
            Home::journal_of([Entry { blocked, level, ..entry(start(), "www.example.com") }]);
        rows.into_iter().next().map(|row| (row.site, row.names.len(), row.device.is_empty()))
    };
    let site = || "example.com".to_owned();
    assert_eq!(kept(JournalLevel::Off, true), None);
    assert_eq!(kept(JournalLevel::Counts, true), Some((String::new(), 0, true)));
    assert_eq!(kept(JournalLevel::Sites, true), Some((site(), 0, false)));
    assert_eq!(kept(JournalLevel::Names, true), Some((site(), 1, false)));
    assert_eq!(kept(JournalLevel::All, true), Some((site(), 1, false)));
    for level in [JournalLevel::Off, JournalLevel::Counts, JournalLevel::Sites, JournalLevel::Names]
    {
        assert_eq!(kept(level, false), None, "{level:?}");
    }
    assert_eq!(kept(JournalLevel::All, false), Some((site(), 1, false)));
}

#[test]
fn counts_are_one_row_an_hour_and_category() {
    let count = |seconds, name, category: &str| Entry {
        level: JournalLevel::Counts,
        reason_id: category.into(),
        category: Some(category.into()),
        ..entry(after(seconds), name)
    };
    let tiktok = Entry {
        kind: ReasonKind::Service,
        reason_id: "tiktok".into(),
        service: Some("tiktok".into()),
        ..count(1500, "www.tiktok.com", "games")
    };
    let rows = Home::journal_of([
        count(0, "a.example", "games"),
        count(1000, "b.example", "games"),
        tiktok,
        count(1799, "c.example", "gambling"),
        count(1800, "a.example", "games"),
    ]);
    let seen: Vec<_> = rows
        .iter()
        .map(|row| (row.first.to_string(), row.category.clone().unwrap(), row.count))
        .collect();
    let hour = |hour: &str, category: &str, count| {
        (format!("2026-11-23T{hour}:00:00Z"), category.to_owned(), count)
    };
    let mut expected =
        vec![hour("21", "games", 3), hour("21", "gambling", 1), hour("22", "games", 1)];
    let mut seen = seen;
    seen.sort();
    expected.sort();
    assert_eq!(seen, expected);
    assert!(rows.iter().all(|row| row.hourly && row.first == row.last));
    assert!(rows.iter().all(|row| row.kind == ReasonKind::Category && row.reason_id != "tiktok"));
}

#[test]
fn counts_keep_the_site_of_fraud_and_spying() {
    let rows = Home::journal_of([Entry {
        level: JournalLevel::Counts,
        security: true,
        category: Some("scam_phishing".into()),
        ..entry(start(), "login.bank.example")
    }]);
    assert_eq!(rows[0].site, "bank.example");
    assert!(rows[0].names.is_empty() && rows[0].device.is_empty());
}

#[test]
fn help_the_house_and_canaries_are_never_recorded() {
    for kind in [ReasonKind::Essential, ReasonKind::Local, ReasonKind::Bypass] {
        for blocked in [true, false] {
            let level = JournalLevel::All;
            let entry = Entry { blocked, kind, level, ..entry(start(), "help.example") };
            assert_eq!(Home::journal_of([entry]), []);
        }
    }
}

// === Writing ===

#[test]
fn what_was_flushed_is_in_the_file() {
    let home = Home::new();
    let journal = home.open();
    journal.record(entry(start(), "example.com"));
    assert_eq!(journal.state().waiting, 1);
    journal.flush().unwrap();
    assert_eq!(journal.state().waiting, 0);
    assert_eq!(home.rows().len(), 1);
    // As a power cut would leave it: the file and its log, and no process that closed them.
    let after_cut = tempfile::tempdir().unwrap();
    for suffix in ["", "-wal"] {
        let file = format!("{FILE_NAME}{suffix}");
        fs::copy(home.directory.path().join(&file), after_cut.path().join(&file)).unwrap();
    }
    let path = after_cut.path().join(FILE_NAME);
    assert_eq!(rows(&path, &Filter::default()), home.rows());
}

#[test]
fn dropping_the_journal_writes_what_waits() {
    let home = Home::new();
    let journal = home.open();
    journal.record(entry(start(), "example.com"));
    drop(journal);
    assert_eq!(home.rows().len(), 1);
}

#[test]
fn a_long_attempt_is_one_row_that_grows() {
    let home = Home::new();
    let journal = home.open();
    let mut revisions = Vec::new();
    for round in 0..10 {
        journal.record(entry(after(round * 500), &format!("n{}.example.com", round % 3)));
        journal.flush().unwrap();
        revisions.push(home.rows()[0].revision);
    }
    let rows = home.rows();
    assert_eq!((rows.len(), rows[0].count, rows[0].names.len()), (1, 10, 3));
    assert_eq!((rows[0].first, rows[0].last), (after(0), after(4500)));
    assert!(revisions.is_sorted_by(|a, b| a < b));
}

#[test]
fn an_attempt_goes_on_across_a_restart() {
    let home = Home::new();
    for seconds in [0, 590, 1200] {
        let journal = home.open();
        journal.record(entry(after(seconds), "example.com"));
        journal.close().unwrap();
    }
    let counts: Vec<_> = home.rows().iter().map(|row| row.count).collect();
    assert_eq!(counts, [2, 1]);
}

#[test]
fn many_threads_lose_nothing() {
    let home = Home::new();
    let journal = home.open();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let journal = &journal;
            scope.spawn(move || {
                for n in 0..1000 {
                    let name = format!("site{}.example", n % 50);
                    let device = format!("device{thread}").into();
                    journal.record(Entry { device, ..entry(after(n), &name) });
                    if n % 300 == 0 {
                        journal.flush().unwrap();
                    }
                }
            });
        }
    });
    journal.close().unwrap();
    assert_eq!(home.rows().iter().map(|row| row.count).sum::<u64>(), 4000);
}

#[test]
fn others_may_not_read_the_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    let journal = home.open();
    journal.record(entry(start(), "example.com"));
    journal.flush().unwrap();
    for file in fs::read_dir(home.directory.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o640, "{file:?}");
    }
}

// === Faults ===

#[test]
fn a_damaged_file_is_set_aside() {
    let home = Home::new();
    fs::write(home.path(), b"this is no database, and longer than the header of one".repeat(50))
        .unwrap();
    let journal = home.open();
    journal.record(entry(start(), "example.com"));
    journal.flush().unwrap();
    let bad = journal.state().set_aside.unwrap();
    assert!(bad.ends_with("journal.db.bad-20261123T213000Z"), "{}", bad.display());
    assert!(bad.exists());
    assert_eq!(journal.state().trouble, None);
    assert_eq!(home.rows().len(), 1);
}

#[test]
fn damage_inside_the_file_is_found_and_loses_nothing_new() {
    let home = Home::new();
    let journal = home.open();
    for n in 0..400 {
        journal.record(entry(start(), &format!("site{n}.example")));
    }
    journal.close().unwrap();
    let mut octets = fs::read(home.path()).unwrap();
    // The header stays, so that it opens; every page after it is rubbish.
    octets[4096..].fill(0x5a);
    fs::write(home.path(), octets).unwrap();
    let journal = home.open();
    journal.record(entry(after(5), "new.example"));
    journal.flush().unwrap();
    assert_eq!(home.rows().len(), 1);
    assert_eq!(home.bad_files(), 1);
}

#[test]
fn a_file_with_other_tables_is_set_aside() {
    let home = Home::new();
    let other = rusqlite::Connection::open(home.path()).unwrap();
    other.execute_batch("CREATE TABLE attempts (x); PRAGMA user_version = 1;").unwrap();
    drop(other);
    let journal = home.open();
    journal.record(entry(start(), "example.com"));
    journal.flush().unwrap();
    assert_eq!((home.rows().len(), home.bad_files()), (1, 1));
}

#[test]
fn only_the_newest_damaged_files_are_kept() {
    let home = Home::new();
    for day in ["20261119", "20261120", "20261121", "20261122"] {
        let bad = format!("{FILE_NAME}.bad-{day}T000000Z");
        fs::write(home.directory.path().join(&bad), b"x").unwrap();
        fs::write(home.directory.path().join(bad + "-wal"), b"x").unwrap();
    }
    schema::prune_set_aside(&home.path(), Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(home.bad_files(), 2);
    schema::prune_set_aside(&home.path(), "2026-11-22T00:00:00Z".parse().unwrap()).unwrap();
    assert_eq!(home.bad_files(), 1);
    assert_eq!(fs::read_dir(home.directory.path()).unwrap().count(), 2);
}

#[test]
fn a_file_of_a_newer_version_is_left_alone() {
    let home = Home::new();
    let newer = rusqlite::Connection::open(home.path()).unwrap();
    newer.execute_batch("PRAGMA user_version = 99;").unwrap();
    let journal = home.open();
    journal.record(entry(start(), "example.com"));
    let sentence = journal.flush().unwrap_err();
    assert!(sentence.en.contains("update amparo"), "{}", sentence.en);
    assert!(sentence.es.contains("actualice amparo"), "{}", sentence.es);
    assert!(matches!(Reader::open(&home.path()), Err(ReadError::Newer(_))));
    assert_eq!(home.bad_files(), 0);
}

#[test]
fn without_a_directory_it_remembers_and_writes_when_it_can() {
    let home = Home::new();
    let parent = home.directory.path().join("state");
    fs::write(&parent, b"a file stands where the directory should be").unwrap();
    let path = parent.join(FILE_NAME);
    let journal = Journal::open(&path, &settings(), home.clock.clone()).unwrap();
    assert!(journal.state().trouble.is_some());
    journal.record(entry(after(0), "example.com"));
    let sentence = journal.flush().unwrap_err();
    assert!(sentence.en.starts_with("the journal is not being saved"), "{}", sentence.en);
    journal.record(entry(after(1), "example.com"));
    assert_eq!(journal.state().waiting, 1);

    fs::remove_file(&parent).unwrap();
    fs::create_dir(&parent).unwrap();
    journal.flush().unwrap();
    assert_eq!(journal.state().trouble, None);
    assert_eq!(rows(&path, &Filter::default())[0].count, 2);
}

#[test]
fn a_locked_file_is_written_when_it_is_free() {
    let home = Home::new();
    let journal = home.open();
    journal.flush().unwrap();
    let other = rusqlite::Connection::open(home.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    journal.record(entry(start(), "example.com"));
    let sentence = journal.flush().unwrap_err();
    assert!(sentence.en.contains("locked"), "{}", sentence.en);
    other.execute_batch("ROLLBACK").unwrap();
    journal.flush().unwrap();
    assert_eq!(home.rows().len(), 1);
}

#[test]
fn a_full_disk_lets_the_oldest_rows_make_room() {
    let home = Home::new();
    let journal = home.open();
    for n in 0..3000 {
        let device = format!("device{}", n / 100).into();
        journal.record(Entry { device, ..entry(after(n), &format!("site{n}.example")) });
    }
    journal.close().unwrap();
    let connection = schema::open(&home.path()).unwrap();
    let before = home.rows().len();
    assert_eq!(super::writer::make_room(&connection), 300);
    let rows = home.rows();
    assert_eq!((before, rows.len()), (3000, 2700));
    assert_eq!(rows[0].site, "site300.example");
}

// === Retention ===

#[test]
fn what_is_too_old_is_gone_from_the_disk() {
    let home = Home::new();
    let journal = home.open();
    journal.record(entry(start(), "very-private.example"));
    journal.flush().unwrap();
    assert!(contains(&home.octets(), "very-private"));
    home.clock.advance(SignedDuration::from_hours(30 * 24 + 1));
    journal.record(entry(home.clock.now(), "new.example"));
    // The first deletes, after it has written; the second comes after that.
    journal.flush().unwrap();
    journal.flush().unwrap();
    let rows = home.rows();
    assert_eq!(rows.iter().map(|row| row.site.as_str()).collect::<Vec<_>>(), ["new.example"]);
    assert!(!contains(&home.octets(), "very-private"));
}

#[test]
fn a_clock_years_ahead_deletes_nothing_for_a_day() {
    let home = Home::new();
    let journal = home.open();
    let write = |site: &str| {
        journal.record(entry(home.clock.now(), site));
        // The first deletes, after it has written; the second comes after that.
        journal.flush().unwrap();
        journal.flush().unwrap();
        home.rows().len()
    };
    assert_eq!(write("one.example"), 1);
    home.clock.advance(SignedDuration::from_hours(20 * 365 * 24));
    assert_eq!(write("two.example"), 2, "the clock is doubted");
    home.clock.advance(SignedDuration::from_hours(23));
    assert_eq!(write("three.example"), 3, "still");
    home.clock.advance(SignedDuration::from_hours(2));
    assert_eq!(write("four.example"), 3, "it stood for a day: it is believed");
    home.clock.set(start());
    assert_eq!(write("five.example"), 4, "put right, it deletes nothing that is new");
}

#[test]
fn what_is_too_much_goes_from_the_oldest() {
    let home = Home::new();
    let journal = home.open();
    for n in 0..8000_i64 {
        let device = format!("device{}", n / 100).into();
        let name = format!("{}.site{n}.example", "x".repeat(60));
        journal.record(Entry { device, ..entry(after(n), &name) });
    }
    journal.flush().unwrap();
    let before = home.rows().len();
    assert_eq!(before, 8000);
    journal.update_settings(&JournalSettings { keep_mib: 1, ..settings() });
    for _ in 0..5 {
        journal.flush().unwrap();
    }
    let rows = home.rows();
    assert!((1..before).contains(&rows.len()), "{}", rows.len());
    assert_eq!(rows.last().unwrap().site, "site7999.example");
    let octets = fs::metadata(home.path()).unwrap().len();
    assert!(octets <= 2 << 20, "{octets}");
}

// === Reading ===

#[test]
fn a_reader_sees_what_is_written_while_it_reads() {
    let home = Home::new();
    let journal = home.open();
    journal.record(entry(after(0), "a.example"));
    journal.flush().unwrap();
    let reader = Reader::open(&home.path()).unwrap();
    let mut reading = reader.attempts(&Filter::default()).unwrap();
    assert_eq!(reading.next().unwrap().unwrap().site, "a.example");
    let revision = reader.revision().unwrap();
    journal.record(entry(after(1), "a.example"));
    journal.record(entry(after(2), "b.example"));
    journal.flush().unwrap();
    assert_eq!(reading.next().unwrap().unwrap().site, "b.example");
    let news = reader.attempts_after(revision, &Filter::default()).unwrap();
    let news: Vec<_> = news.iter().map(|row| (row.site.as_str(), row.count)).collect();
    assert_eq!(news, [("a.example", 2), ("b.example", 1)]);
}

#[test]
fn rows_come_in_pages_without_a_gap() {
    let home = Home::new();
    let journal = home.open();
    for n in 0..1234_i64 {
        let device = format!("device{}", n % 10).into();
        journal.record(Entry { device, ..entry(after(n), &format!("site{n}.example")) });
    }
    journal.flush().unwrap();
    let rows = home.rows();
    assert_eq!(rows.len(), 1234);
    assert!(rows.is_sorted_by_key(|row| row.first));
    let filter = Filter { limit: Some(700), ..Filter::default() };
    assert_eq!(super::tests::rows(&home.path(), &filter), rows[534..]);
    let filter = Filter { since: Some(after(100)), until: Some(after(110)), ..Filter::default() };
    assert_eq!(super::tests::rows(&home.path(), &filter), rows[100..110]);
}

#[test]
fn no_file_and_an_empty_file_are_no_journal() {
    let home = Home::new();
    assert!(matches!(Reader::open(&home.path()), Err(ReadError::Missing(_))));
    fs::write(home.path(), b"").unwrap();
    assert!(matches!(Reader::open(&home.path()), Err(ReadError::Missing(_))));
    fs::write(home.path(), b"rubbish ".repeat(1000)).unwrap();
    assert!(matches!(Reader::open(&home.path()), Err(ReadError::Store { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn names_of_any_octets_come_back_as_they_were_shown(
        octets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..60), 1..10),
    ) {
        let names: Vec<Name> = octets
            .iter()
            .filter_map(|label| {
                let length = u8::try_from(label.len()).unwrap();
                let wire = [&[length], &label[..], b"\x07example\x03com\x00"].concat();
                Name::from_wire(&wire).ok()
            })
            .collect();
        let rows = Home::journal_of(
            names.iter().map(|name| Entry { name: *name, ..entry(start(), "x.example") }),
        );
        let mut shown: Vec<String> = Vec::new();
        for name in names.iter().map(Name::to_string) {
            if !shown.contains(&name) {
                shown.push(name);
            }
        }
        prop_assert_eq!(rows.len(), 1);
        prop_assert_eq!(&rows[0].names, &shown);
    }

    #[test]
    fn a_file_with_any_octets_changed_is_written_or_set_aside(
        places in proptest::collection::vec((0_usize..40_000, any::<u8>()), 1..40),
    ) {
        let home = Home::new();
        let journal = home.open();
        for n in 0..60 {
            journal.record(entry(start(), &format!("site{n}.example")));
        }
        journal.close().unwrap();
        let mut octets = fs::read(home.path()).unwrap();
        for (place, octet) in places {
            let place = place % octets.len();
            octets[place] = octet;
        }
        fs::write(home.path(), octets).unwrap();
        let journal = home.open();
        journal.record(entry(after(5), "new.example"));
        let result = journal.flush();
        // A changed version number reads as a newer program's file; that is left alone.
        if result.is_ok() {
            let reader = Reader::open(&home.path()).unwrap();
            let filter = Filter { site: Some("new.example".to_owned()), ..Filter::default() };
            let count = reader.attempts(&filter).unwrap().flatten().count();
            prop_assert_eq!(count, 1);
        } else {
            prop_assert_eq!(journal.state().waiting, 1);
        }
    }
}
