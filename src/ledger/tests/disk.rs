//! The file: whole or the one before, and what a restart finds again.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// A directory with a ledger that is opened again and again.
struct Home {
    directory: tempfile::TempDir,
    at: At,
}

impl Home {
    fn new() -> Home {
        let directory = tempfile::tempdir().unwrap();
        let mut at = At::noon();
        at.ledger = Ledger::open(directory.path(), at.clock.clone());
        Home { directory, at }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The program stops as a power cut stops it, and starts again.
    fn restart(&mut self) {
        self.at.ledger = Ledger::open(self.directory.path(), self.at.clock.clone());
    }

    fn pause(&self, minutes: i64) {
        self.at.ledger.pause("sofia", self.at.minutes(minutes), &ana()).unwrap();
    }

    fn paused_until(&self) -> Option<Timestamp> {
        self.at.sofia().paused_until
    }
}

#[test]
fn what_is_saved_is_found_again() {
    let mut home = Home::new();
    assert!(home.at.ledger.troubles().is_empty(), "a first start is no trouble");
    home.pause(30);
    home.at.ledger.save().unwrap();
    assert!(!home.at.ledger.is_dirty());
    home.restart();
    assert_eq!(home.paused_until(), Some(on_monday("12:30")));
    assert!(home.at.ledger.troubles().is_empty());
    assert_eq!(home.at.ledger.audit(9).len(), 1);
}

#[test]
fn nothing_is_written_when_nothing_changed() {
    let home = Home::new();
    home.at.ledger.save().unwrap();
    assert!(!home.path("ledger.json").exists());
    home.pause(30);
    home.at.ledger.save().unwrap();
    let before = fs::read(home.path("ledger.json")).unwrap();
    home.at.ledger.save().unwrap();
    assert_eq!(fs::read(home.path("ledger.json")).unwrap(), before);
    assert!(!home.path("ledger.json.old").exists());
}

#[test]
fn the_file_is_its_owners_alone_and_one_object() {
    let home = Home::new();
    for minutes in [30, 40] {
        home.pause(minutes);
        home.at.ledger.save().unwrap();
    }
    let names = fs::read_dir(home.directory.path()).unwrap();
    let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["ledger.json", "ledger.json.old"], "and nothing is left over");
    for (name, generation) in [("ledger.json", 2), ("ledger.json.old", 1)] {
        let path = home.path(name);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let json: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        assert_eq!((&json["v"], &json["generation"]), (&1.into(), &generation.into()));
    }
}

#[test]
fn a_damaged_file_gives_way_to_the_one_before() {
    let mut home = Home::new();
    for minutes in [30, 40] {
        home.pause(minutes);
        home.at.ledger.save().unwrap();
    }
    let whole = fs::read(home.path("ledger.json")).unwrap();
    fs::write(home.path("ledger.json"), &whole[..whole.len() / 2]).unwrap();
    home.restart();
    assert_eq!(home.paused_until(), Some(on_monday("12:30")));
    let troubles = home.at.ledger.troubles();
    assert!(troubles.len() == 1 && troubles[0].en.contains("the copy before it"), "{troubles:?}");
    home.pause(50);
    home.at.ledger.save().unwrap();
    fs::remove_file(home.path("ledger.json")).unwrap();
    home.restart();
    assert_eq!(
        home.paused_until(),
        Some(on_monday("12:30")),
        "what was damaged never took the place of the one before"
    );
}

#[test]
fn where_both_are_damaged_it_says_so_and_goes_on() {
    let mut home = Home::new();
    home.pause(30);
    home.at.ledger.save().unwrap();
    fs::write(home.path("ledger.json"), "{}").unwrap();
    fs::write(home.path("ledger.json.old"), b"\xff\x00").unwrap();
    home.restart();
    assert_eq!(home.paused_until(), None);
    assert!(home.at.ledger.troubles()[0].en.contains("are lost"));
    home.pause(40);
    home.at.ledger.save().unwrap();
    home.restart();
    assert_eq!(home.paused_until(), Some(on_monday("12:40")));
    assert!(home.at.ledger.troubles().is_empty());
}

#[test]
fn what_cannot_be_written_is_said_and_tried_again() {
    let home = Home::new();
    // A directory stands where the file belongs.
    fs::create_dir_all(home.path("ledger.json/in the way")).unwrap();
    home.pause(30);
    home.at.ledger.save().unwrap_err();
    assert_eq!(home.at.ledger.troubles().len(), 1);
    assert!(home.at.ledger.is_dirty());
    assert!(home.paused_until().is_some(), "it is in force");
    fs::remove_dir_all(home.path("ledger.json")).unwrap();
    home.at.ledger.save().unwrap();
    assert!(home.at.ledger.troubles().is_empty());
}

#[test]
fn what_a_power_cut_left_unfinished_is_removed() {
    let mut home = Home::new();
    fs::write(home.path(".ledger-coming-abc"), "half").unwrap();
    home.restart();
    assert!(!home.path(".ledger-coming-abc").exists());
}

#[test]
fn the_oldest_changes_make_room_in_a_file_that_grew_too_long() {
    let mut home = Home::new();
    let long = "é".repeat(WORD_CHARS_MAX);
    for place in 0..AUDIT_MAX {
        home.at.ledger.note(&format!("{place}"), Some(&long), Some(&long), &by(&long, Via::Web));
    }
    home.at.ledger.save().unwrap();
    let length = fs::metadata(home.path("ledger.json")).unwrap().len();
    assert!(length <= FILE_OCTETS_MAX as u64, "{length}");
    home.restart();
    let rows = home.at.ledger.audit(usize::MAX);
    assert!(rows.len() > 100 && rows[0].action == (AUDIT_MAX - 1).to_string());
}

// === Minutes and restarts ===

fn games() -> BudgetSet {
    let mut games = BudgetSet::EMPTY;
    games.insert(GAMES);
    games
}

fn play(home: &Home, minutes: u32) {
    for _ in 0..minutes {
        home.at.ledger.touch(&home.at.home, SOFIA, games());
        home.at.wait(1);
    }
}

fn used(home: &Home, place: usize) -> u32 {
    home.at.ledger.usage(&home.at.home, SOFIA)[place].used
}

#[test]
fn a_restart_amid_a_game_joins_what_it_was_part_of() {
    let mut home = Home::new();
    play(&home, 10);
    home.at.ledger.save().unwrap();
    home.at.clock.advance(SignedDuration::from_mins(2));
    home.restart();
    play(&home, 5);
    assert_eq!(used(&home, GAMES), 17);
}

#[test]
fn a_long_time_without_power_is_no_play() {
    let mut home = Home::new();
    play(&home, 10);
    home.at.ledger.save().unwrap();
    home.at.clock.advance(SignedDuration::from_hours(3));
    home.restart();
    assert_eq!(used(&home, GAMES), 10);
    play(&home, 5);
    assert_eq!(used(&home, GAMES), 15);
}

#[test]
fn what_will_be_used_up_is_so_after_a_restart_at_any_time() {
    for seconds in [0, 30, 59, 60, 90, 3600, 86_400 / 2] {
        let mut home = Home::new();
        play(&home, 59);
        home.at.ledger.touch(&home.at.home, SOFIA, games());
        home.at.ledger.save().unwrap();
        home.at.clock.advance(SignedDuration::from_secs(seconds));
        home.restart();
        let closes = home.at.sofia().used[GAMES].closes;
        assert_eq!(closes, Some(on_monday("13:00")), "after {seconds} s");
    }
}

#[test]
fn what_is_used_up_stays_so_with_a_clock_that_starts_in_1970() {
    let mut home = Home::new();
    play(&home, 60);
    home.at.ledger.heartbeat("a");
    home.at.ledger.save().unwrap();
    home.at.clock.step(Timestamp::UNIX_EPOCH.duration_since(home.at.clock.now()));
    home.restart();
    home.at.ledger.set_time_unknown(true);
    let used = home.at.sofia().used[GAMES];
    assert!(used.closes.is_some_and(|closes| closes <= home.at.clock.now()));
    assert_eq!(used.day, MONDAY);
    assert_eq!(home.at.ledger.saved().unwrap().at, on_monday("13:00"));
}

#[test]
fn what_was_started_goes_on_after_a_short_restart_only() {
    for (minutes, goes_on) in [(2, true), (30, false)] {
        let mut home = Home::new();
        let sofia = by("sofia", Via::Child);
        home.at.ledger.start(&home.at.home, "sofia", "youtube", &sofia).unwrap();
        home.at.wait(4);
        home.at.ledger.save().unwrap();
        home.at.clock.advance(SignedDuration::from_mins(minutes));
        home.restart();
        assert_eq!(home.at.sofia().used[YOUTUBE].is_running, goes_on);
        assert_eq!(used(&home, YOUTUBE), if goes_on { 7 } else { 5 });
    }
}

// === Lengths and restarts ===

#[test]
fn a_length_is_stepped_in_the_boot_it_was_given_in_and_in_no_other() {
    for (boot, until) in [("a", "13:30"), ("b", "12:30")] {
        let mut home = Home::new();
        home.at.ledger.heartbeat("a");
        home.pause(30);
        home.at.ledger.save().unwrap();
        home.restart();
        home.at.ledger.heartbeat(boot);
        home.at.ledger.step(SignedDuration::from_hours(1));
        assert_eq!(home.paused_until(), Some(on_monday(until)), "boot {boot}");
    }
}

#[test]
fn a_pause_outlives_a_boot_that_begins_in_1970() {
    let mut home = Home::new();
    home.at.ledger.heartbeat("a");
    home.pause(30);
    home.at.ledger.save().unwrap();
    let back = Timestamp::UNIX_EPOCH.duration_since(home.at.clock.now());
    home.at.clock.step(back);
    home.restart();
    home.at.ledger.heartbeat("b");
    home.at.ledger.set_time_unknown(true);
    home.at.wait(5);
    assert!(home.paused_until().is_some());
    home.at.clock.step(-back);
    home.at.ledger.step(-back);
    home.at.ledger.set_time_unknown(false);
    assert_eq!(home.paused_until(), Some(on_monday("12:30")));
}

// === Any octets ===

/// Everything there is to do with a ledger, for what it holds.
fn use_it(ledger: Ledger, clock: Clock) {
    let at = At { ledger, clock, home: home() };
    at.ledger.heartbeat("a");
    at.wait(2);
    at.ledger.touch(&at.home, SOFIA, games());
    let _refused = at.ledger.start(&at.home, "sofia", "youtube", &ana());
    let _refused = at.ledger.bonus(&at.home, "sofia", "games", 5, &ana());
    let _refused = at.ledger.ask("sofia", None, "games", "");
    at.ledger.step(SignedDuration::from_hours(1));
    while at.ledger.undo(&ana()).is_ok_and(|undone| matches!(undone, Undone::Done { .. })) {}
    let _whenever = at.ledger.due(&at.home);
    let _all = (at.ledger.requests(), at.ledger.audit(9), at.ledger.events(0));
    let _all = (at.sofia(), at.ledger.usage(&at.home, SOFIA));
}

#[test]
fn odd_values_upset_nothing() {
    let body = format!(
        r#"{{"run":4294967295,"minutes":{{"anchor":{{"millis":{max},"at":"9999-12-30T22:00:00Z"}},
        "days":{{"sofia":"9999-12-31"}},"all":[{{"child":"sofia","budget":"games","day":"2026-11-23",
        "meter":{{"counted":4294967295,"until":{max},"stretches":[[{max},0],[0,{max}]],
        "session":[{max},0,5]}},"bonus":4294967295}}]}},"requests":{{"last":{max}}},
        "changes":{{"last":{max},"undo":[{{"audit":7,"steps":[{{"request":{{"id":1,"state":"denied"}}}}]}}]}},
        "events":{{"last":{max}}}}}"#,
        max = u64::MAX
    );
    let clock = Clock::held(on_monday("12:00"));
    let sealed = Ledger::sealed(&body);
    use_it(Ledger::from_octets(sealed.as_bytes(), clock.clone()).unwrap(), clock);
}

#[test]
fn what_fuzzing_begins_with_is_a_ledger() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/ledger/family");
    let body = fs::read_to_string(path).unwrap();
    let clock = Clock::held(on_monday("12:00"));
    let ledger = Ledger::from_octets(Ledger::sealed(&body).as_bytes(), clock.clone()).unwrap();
    assert_eq!((ledger.requests().len(), ledger.audit(9).len()), (1, 1));
    use_it(ledger, clock);
}

proptest! {
    #[test]
    fn any_octets_are_a_ledger_or_none(octets in vec(any::<u8>(), 0..200)) {
        let clock = Clock::held(on_monday("12:00"));
        prop_assert!(Ledger::from_octets(&octets, clock).is_none());
    }

    #[test]
    fn any_damage_is_noticed_and_the_one_before_taken(
        place in any::<prop::sample::Index>(),
        octet in any::<u8>(),
        cut in any::<bool>(),
    ) {
        let mut home = Home::new();
        for minutes in [30, 40] {
            home.pause(minutes);
            home.at.ledger.save().unwrap();
        }
        let path = home.path("ledger.json");
        let mut octets = fs::read(&path).unwrap();
        // The line end says nothing.
        let place = place.index(octets.len() - 1);
        let is_same = octets[place] == octet && !cut;
        octets[place] = octet;
        if cut {
            octets.truncate(place);
        }
        fs::write(&path, octets).unwrap();
        home.restart();
        let until = if is_same { "12:40" } else { "12:30" };
        prop_assert_eq!(home.paused_until(), Some(on_monday(until)));
        prop_assert_eq!(home.at.ledger.troubles().is_empty(), is_same);
    }

    #[test]
    fn a_body_that_something_was_changed_in_upsets_nothing(
        place in any::<prop::sample::Index>(),
        digits in "[0-9]{1,20}",
    ) {
        let home = Home::new();
        play(&home, 3);
        home.pause(30);
        home.at.ledger.ask("sofia", None, "games", "").unwrap();
        home.at.ledger.save().unwrap();
        let text = fs::read_to_string(home.path("ledger.json")).unwrap();
        let body = text.split_once("\"ledger\":").unwrap().1.trim_end().strip_suffix('}').unwrap();
        // Some number becomes another one.
        let starts: Vec<_> = body.match_indices(|c: char| c.is_ascii_digit()).map(|at| at.0).collect();
        let start = starts[place.index(starts.len())];
        let length = body[start..].bytes().take_while(u8::is_ascii_digit).count();
        let body = format!("{}{digits}{}", &body[..start], &body[start + length..]);
        let clock = home.at.clock.clone();
        if let Some(ledger) = Ledger::from_octets(Ledger::sealed(&body).as_bytes(), clock.clone()) {
            use_it(ledger, clock);
        }
    }
}
