//! Clocks that are stepped, and clocks that nobody trusts.

use super::*;

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

/// Steps the wall clock and says so.
fn step(at: &At, by: SignedDuration) {
    at.clock.step(by);
    at.ledger.step(by);
}

#[test]
fn a_length_stays_as_long_when_the_clock_is_stepped() {
    let at = At::noon();
    at.ledger.pause("sofia", at.minutes(60), &ana()).unwrap();
    at.ledger.open_word("sofia", "games", At::until("13:00"), &ana()).unwrap();
    step(&at, hours(10));
    assert_eq!(at.sofia().paused_until, Some(on_monday("23:00")));
    assert_eq!(at.words().0, [], "a time on the wall has passed");
    step(&at, hours(-20));
    assert_eq!(at.sofia().paused_until, Some(on_monday("03:00")));
    assert_eq!(at.words().0, [tag("games")]);
}

#[test]
fn what_is_taken_back_was_stepped_too() {
    let at = At::noon();
    at.ledger.pause("sofia", at.minutes(60), &ana()).unwrap();
    at.ledger.pause("sofia", at.minutes(10), &ana()).unwrap();
    step(&at, hours(1));
    at.ledger.undo(&ana()).unwrap();
    assert_eq!(at.sofia().paused_until, Some(on_monday("14:00")));
}

#[test]
fn a_request_made_on_a_wrong_clock_waits_a_day_all_the_same() {
    let at = At::noon();
    at.ledger.ask("sofia", None, "games", "").unwrap();
    step(&at, hours(24 * 365));
    at.ledger.tick(&at.home);
    assert_eq!(at.ledger.requests()[0].state, RequestState::Waiting);
    step(&at, hours(-24 * 365));
    at.clock.advance(hours(24));
    at.ledger.tick(&at.home);
    assert_eq!(at.ledger.requests()[0].state, RequestState::Expired);
}

#[test]
fn a_step_to_the_end_of_all_calendars_is_no_panic() {
    let at = At::noon();
    at.ledger.pause("sofia", at.minutes(60), &ana()).unwrap();
    at.ledger.touch(&at.home, SOFIA, BudgetSet::EMPTY);
    at.ledger.ask("sofia", None, "games", "").unwrap();
    for by in [SignedDuration::MAX, SignedDuration::MIN, SignedDuration::MIN] {
        at.ledger.step(by);
        at.ledger.tick(&at.home);
        let _whenever = at.ledger.due(&at.home);
    }
}

#[test]
fn while_the_time_is_unknown_nothing_runs_out_but_lengths_of_this_boot() {
    let at = At::noon();
    at.ledger.pause("sofia", At::until("13:00"), &ana()).unwrap();
    at.ledger.close_word("sofia", "games", at.minutes(60), &ana()).unwrap();
    at.ledger.set_time_unknown(true);
    at.clock.advance(hours(2));
    at.ledger.tick(&at.home);
    assert!(at.sofia().paused_until.is_some(), "who knows whether it is 13:00");
    assert_eq!(at.words().1, [], "an hour is an hour");
    assert_eq!(at.ledger.due(&at.home), None, "there is nothing to wait for");
    at.ledger.set_time_unknown(false);
    at.ledger.tick(&at.home);
    assert_eq!(at.sofia().paused_until, None);
}

#[test]
fn that_the_time_is_unknown_is_told_once() {
    let at = At::noon();
    assert!(!at.ledger.is_time_unknown());
    at.ledger.set_time_unknown(false);
    assert!(!at.has_changed());
    at.ledger.set_time_unknown(true);
    at.ledger.set_time_unknown(true);
    assert!(at.has_changed());
    assert!(at.ledger.is_time_unknown() && at.ledger.passing(&at.home).time_unknown);
    at.ledger.set_time_unknown(false);
    let words: Vec<_> = at.ledger.events(0).iter().map(|event| event.what.word()).collect();
    assert_eq!(words, ["time_unknown", "time_known"]);
}

#[test]
fn while_the_time_is_unknown_the_last_day_that_was_known_goes_on() {
    let at = At::noon();
    let mut games = BudgetSet::EMPTY;
    games.insert(GAMES);
    for _ in 0..60 {
        at.ledger.touch(&at.home, SOFIA, games);
        at.wait(1);
    }
    let closes = at.sofia().used[GAMES].closes;
    assert!(closes.is_some());
    at.ledger.set_time_unknown(true);
    step(&at, hours(-24 * 365 * 50));
    let used = at.sofia().used[GAMES];
    assert_eq!(used.day, MONDAY);
    assert!(used.closes.is_some_and(|closes| closes <= at.clock.now()), "what is used up stays so");
    assert_eq!(at.ledger.usage(&at.home, SOFIA)[GAMES].left, Some(0));
    step(&at, hours(24 * 365 * 50));
    at.ledger.set_time_unknown(false);
    assert_eq!(at.sofia().used[GAMES].closes, closes);
}

#[test]
fn the_time_in_the_file_stands_still_while_it_is_unknown() {
    let at = At::noon();
    at.ledger.heartbeat("a");
    assert_eq!(at.ledger.saved(), None, "it is not written yet");
    at.ledger.save().unwrap();
    let saved = |at: &At| at.ledger.saved().map(|saved| (saved.at, saved.boot)).unwrap();
    assert_eq!(saved(&at), (on_monday("12:00"), "a".to_owned()));
    at.ledger.set_time_unknown(true);
    at.clock.step(hours(-100));
    at.ledger.heartbeat("a");
    at.ledger.save().unwrap();
    assert_eq!(saved(&at).0, on_monday("12:00"));
}
