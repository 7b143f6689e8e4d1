//! What holds for a while and what takes it back: one line is one claim.
//!
//! [`home`] is a household of two children; [`At`] is a ledger with a clock that a test holds,
//! at noon of Monday, 23 November 2026, in a house where it is that late everywhere.

use std::time::Duration;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

use super::*;
use crate::policy::budget::{Budget, BudgetMode, DAY_STARTS};
use crate::policy::local::LocalNames;
use crate::policy::passing::OfSubject;
use crate::policy::rules::{NameSet, Rules, Subject, SubjectKind, What};
use crate::policy::tags::{TagInfo, TagKind, TagTable};
use crate::words::Language;

mod disk;
mod requests;
mod sequences;
mod time;
mod undo;
mod usage;

const SOFIA: SubjectId = SubjectId(1);
const MATEO: SubjectId = SubjectId(2);
const MONDAY: Date = date(2026, 11, 23);
/// The places of Sofía's budgets.
const GAMES: usize = 0;
const YOUTUBE: usize = 1;

// === A household ===

fn tag(id: &str) -> What {
    What::Tag(home().tags.find(id).unwrap())
}

/// Sofía has an hour of games, and half an hour of YouTube that she starts; Mateo has neither.
fn home() -> Household {
    let mut tags = TagTable::default();
    for id in ["games", "youtube"] {
        let info = TagInfo {
            id: id.to_owned(),
            kind: TagKind::Service,
            words: Words::same(id),
            security: false,
            hidden: false,
            category: None,
        };
        tags.add(info).unwrap();
    }
    let budget = |id: &str, minutes, mode| {
        let what = What::Tag(tags.find(id).unwrap());
        Budget { id: id.to_owned(), what, minutes: [Some(minutes); 7], mode }
    };
    let budgets =
        vec![budget("games", 60, BudgetMode::Measured), budget("youtube", 30, BudgetMode::Started)];
    let subject = |id: &str, budgets| Subject {
        id: id.to_owned(),
        label: id.to_owned(),
        kind: SubjectKind::Child,
        profile: "test".to_owned(),
        zone: TimeZone::UTC,
        rules: Rules { budgets, ..Rules::default() },
    };
    let subjects = vec![
        subject("unknown", Vec::new()),
        subject("sofia", budgets),
        subject("mateo", Vec::new()),
    ];
    Household {
        language: Language::En,
        zone: TimeZone::UTC,
        day_starts: DAY_STARTS,
        tags,
        essentials: NameSet::default(),
        noise: NameSet::default(),
        local: LocalNames::default(),
        subjects,
        youtube: None,
    }
}

fn by(who: &str, via: Via) -> Actor {
    Actor { who: who.to_owned(), via }
}

fn ana() -> Actor {
    by("ana", Via::Cli)
}

/// A time of that Monday.
fn on_monday(time: &str) -> Timestamp {
    let wall = MONDAY.to_datetime(time.parse().unwrap());
    TimeZone::UTC.to_timestamp(wall).unwrap()
}

/// A ledger, the clock it reads, and the household it is asked for.
struct At {
    ledger: Ledger,
    clock: Clock,
    home: Household,
}

impl At {
    fn noon() -> At {
        let clock = Clock::held(on_monday("12:00"));
        At { ledger: Ledger::in_memory(clock.clone()), clock, home: home() }
    }

    fn minutes(&self, minutes: i64) -> Span {
        let until = self.clock.now() + SignedDuration::from_mins(minutes);
        Span { until, is_length: true }
    }

    fn until(time: &str) -> Span {
        Span { until: on_monday(time), is_length: false }
    }

    /// Lets minutes pass, with a tick in each.
    fn wait(&self, minutes: u32) {
        for _ in 0..minutes {
            self.clock.advance(SignedDuration::from_mins(1));
            self.ledger.tick(&self.home);
        }
    }

    fn sofia(&self) -> OfSubject {
        self.ledger.passing(&self.home).of(SOFIA).clone()
    }

    /// What is opened and what is closed for her.
    fn words(&self) -> (Vec<What>, Vec<What>) {
        let OfSubject { opened, closed, .. } = self.sofia();
        let what = |words: Vec<crate::policy::passing::ForAWhile>| {
            words.into_iter().map(|one| one.what).collect()
        };
        (what(opened), what(closed))
    }

    fn has_changed(&self) -> bool {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.ledger.changed() => true,
                () = std::future::ready(()) => false,
            }
        })
    }
}

// === Pauses ===

#[test]
fn a_pause_holds_until_its_end() {
    let at = At::noon();
    let done = at.ledger.pause("sofia", at.minutes(30), &ana()).unwrap();
    assert_eq!(done.until, Some(on_monday("12:30")));
    assert_eq!(at.sofia().paused_until, Some(on_monday("12:30")));
    assert_eq!(at.ledger.passing(&at.home).of(MATEO).paused_until, None);
    at.clock.set(on_monday("12:29:59"));
    assert!(at.sofia().paused_until.is_some());
    at.clock.set(on_monday("12:30"));
    assert_eq!(at.sofia().paused_until, None, "from its end on it is over");
    at.ledger.tick(&at.home);
    assert_eq!(at.ledger.due(&at.home), None, "and forgotten");
}

#[test]
fn the_last_pause_counts_be_it_shorter_or_longer() {
    let at = At::noon();
    at.ledger.pause("sofia", at.minutes(60), &ana()).unwrap();
    at.ledger.pause("sofia", At::until("12:10"), &ana()).unwrap();
    assert_eq!(at.sofia().paused_until, Some(on_monday("12:10")));
}

#[test]
fn a_pause_can_be_ended() {
    let at = At::noon();
    assert_eq!(at.ledger.resume("sofia", &ana()), Err(Refusal::NotPaused));
    at.ledger.pause("sofia", at.minutes(30), &ana()).unwrap();
    at.ledger.resume("sofia", &ana()).unwrap();
    assert_eq!(at.sofia().paused_until, None);
}

#[test]
fn nothing_ends_in_the_past() {
    let at = At::noon();
    let now = At::until("12:00");
    assert_eq!(at.ledger.pause("sofia", now, &ana()), Err(Refusal::Past));
    assert_eq!(at.ledger.open_word("sofia", "games", now, &ana()), Err(Refusal::Past));
    assert_eq!(at.ledger.free("sofia", Duration::ZERO, &ana()), Err(Refusal::Past));
    assert!(at.ledger.audit(9).is_empty(), "what is refused is no change");
}

// === Granted time ===

#[test]
fn granted_time_adds_up_while_it_runs() {
    let at = At::noon();
    let half = Duration::from_secs(30 * 60);
    at.ledger.free("sofia", half, &ana()).unwrap();
    at.wait(10);
    let done = at.ledger.free("sofia", half, &ana()).unwrap();
    assert_eq!(done.until, Some(on_monday("13:00")));
    assert_eq!(at.sofia().freed_until, Some(on_monday("13:00")));
    at.wait(60);
    at.ledger.free("sofia", half, &ana()).unwrap();
    assert_eq!(at.sofia().freed_until, Some(on_monday("13:40")), "what is over adds nothing");
}

#[test]
fn nobody_gives_more_time_than_two_days() {
    let at = At::noon();
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    at.ledger.free("sofia", hours(40), &ana()).unwrap();
    assert_eq!(at.ledger.free("sofia", hours(9), &ana()), Err(Refusal::LongTime));
    assert_eq!(at.ledger.free("sofia", Duration::MAX, &ana()), Err(Refusal::LongTime));
    at.ledger.free("sofia", hours(8), &ana()).unwrap();
}

// === Words ===

#[test]
fn a_word_means_what_it_means_in_the_config() {
    use crate::policy::rules::Reach;
    let at = At::noon();
    let name = crate::name::Name::parse("site.com").unwrap();
    for word in ["Games", "site.com", "=site.com"] {
        at.ledger.open_word("sofia", word, at.minutes(30), &ana()).unwrap();
    }
    let expected =
        vec![tag("games"), What::Name(name, Reach::Below), What::Name(name, Reach::Exact)];
    assert_eq!(at.words(), (expected, vec![]));
}

#[test]
fn what_the_household_does_not_know_says_nothing() {
    let at = At::noon();
    for word in ["internet", "chess", "..", "=", "site..com"] {
        at.ledger.close_word("sofia", word, at.minutes(30), &ana()).unwrap();
    }
    at.ledger.pause("nobody", at.minutes(30), &ana()).unwrap();
    assert_eq!(at.words(), (vec![], vec![]));
    assert!(at.ledger.passing(&at.home).subjects.iter().all(|one| one.paused_until.is_none()));
}

#[test]
fn the_last_word_on_the_same_thing_wins() {
    let at = At::noon();
    at.ledger.close_word("sofia", "games", at.minutes(60), &ana()).unwrap();
    assert_eq!(at.words(), (vec![], vec![tag("games")]));
    at.ledger.open_word("sofia", "games", at.minutes(30), &ana()).unwrap();
    assert_eq!(at.words(), (vec![tag("games")], vec![]));
    at.wait(30);
    assert_eq!(at.words(), (vec![], vec![]), "what it replaced does not come back");
    at.ledger.close_word("sofia", "games", at.minutes(60), &ana()).unwrap();
    assert_eq!(at.words(), (vec![], vec![tag("games")]));
}

#[test]
fn one_child_has_so_many_words_at_most() {
    let at = At::noon();
    for place in 0..WORDS_MAX {
        at.ledger.open_word("sofia", &format!("s{place}.com"), at.minutes(30), &ana()).unwrap();
    }
    let more = |child| at.ledger.open_word(child, "more.com", at.minutes(30), &ana());
    assert_eq!(more("sofia"), Err(Refusal::TooManyWords));
    more("mateo").unwrap();
    at.ledger.close_word("sofia", "s0.com", at.minutes(30), &ana()).unwrap();
    at.wait(30);
    more("sofia").unwrap();
}

#[test]
fn a_word_is_one_word_and_not_endless() {
    let at = At::noon();
    let open = |word: &str| at.ledger.open_word("sofia", word, at.minutes(30), &ana());
    assert_eq!(open("  "), Err(Refusal::NoWord));
    assert_eq!(open("two words"), Err(Refusal::NoWord));
    assert_eq!(open("a\u{1b}[2J"), Err(Refusal::NoWord));
    assert_eq!(open(&"a".repeat(257)), Err(Refusal::LongWord));
}

// === Who changed what ===

#[test]
fn every_change_is_one_row_with_who_and_from_where() {
    let at = At::noon();
    at.ledger.pause("sofia", at.minutes(30), &by("ana\n\u{202e}", Via::Web)).unwrap();
    at.ledger.note("reload", None, None, &by("root", Via::Cli));
    let rows = at.ledger.audit(9);
    let told =
        |row: &AuditEntry| format!("{} {} {} {}", row.id, row.who, row.via.word(), row.action);
    assert_eq!(rows.iter().map(told).collect::<Vec<_>>(), ["2 root cli reload", "1 ana web pause"]);
    assert_eq!(rows[1].child.as_deref(), Some("sofia"));
    assert_eq!((rows[1].at, rows[1].until), (on_monday("12:00"), Some(on_monday("12:30"))));
    assert_eq!(at.ledger.audit(1).len(), 1);
}

#[test]
fn the_audit_forgets_what_is_oldest() {
    let at = At::noon();
    for _ in 0..=AUDIT_MAX {
        at.ledger.note("reload", None, None, &ana());
    }
    let rows = at.ledger.audit(usize::MAX);
    assert_eq!((rows.len(), rows[AUDIT_MAX - 1].id), (AUDIT_MAX, 2));
}

#[test]
fn whoever_waits_is_told_of_what_decides() {
    let at = At::noon();
    assert!(!at.has_changed());
    at.ledger.pause("sofia", at.minutes(30), &ana()).unwrap();
    assert!(at.has_changed());
    assert!(!at.has_changed(), "once");
    at.ledger.note("reload", None, None, &ana());
    at.ledger.ask("sofia", None, "games", "").unwrap();
    assert!(!at.has_changed(), "the audit and a request decide nothing");
}

#[test]
fn every_refusal_is_a_sentence_in_both_languages() {
    let at = At::noon();
    let refused = at.ledger.undo(&ana()).unwrap_err();
    let words = refused.words();
    assert_ne!(words.es, words.en);
    assert!(words.es.ends_with('.') && words.en.ends_with('.'));
    assert_eq!(refused.to_string(), words.en);
}
