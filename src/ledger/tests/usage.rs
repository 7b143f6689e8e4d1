//! Minutes: what is used, what is told, when it closes.

use super::*;
use crate::policy::meter::LINGER_MINUTES;
use crate::policy::passing::Used;

fn games() -> BudgetSet {
    let mut set = BudgetSet::EMPTY;
    set.insert(GAMES);
    set
}

/// Sofía plays for so many minutes, the one that runs included.
fn play(at: &At, minutes: u32) {
    for minute in 0..minutes {
        if minute > 0 {
            at.clock.advance(SignedDuration::from_mins(1));
        }
        at.ledger.touch(&at.home, SOFIA, games());
        at.ledger.tick(&at.home);
    }
}

fn used(at: &At, place: usize) -> Used {
    at.sofia().used[place]
}

fn usage(at: &At, place: usize) -> Usage {
    at.ledger.usage(&at.home, SOFIA)[place]
}

/// What was told, by its words.
fn told(at: &At) -> Vec<String> {
    let told = |event: &Event| match &event.what {
        Happening::Warning { budget, minutes_left, .. } => format!("{budget} {minutes_left}"),
        Happening::UsedUp { budget, .. } => format!("{budget} used up"),
        Happening::RequestMade { .. }
        | Happening::RequestAnswered { .. }
        | Happening::NewDevice { .. }
        | Happening::Suspicion { .. }
        | Happening::TimeUnknown
        | Happening::TimeKnown => event.what.word().to_owned(),
    };
    at.ledger.events(0).iter().map(told).collect()
}

#[test]
fn an_hour_of_games_ends_after_sixty_minutes_of_play() {
    let at = At::noon();
    assert!(at.sofia().used.is_empty(), "nothing was used");
    play(&at, 59);
    assert_eq!(used(&at, GAMES).closes, None);
    at.has_changed();
    at.clock.advance(SignedDuration::from_mins(1));
    assert!(!at.has_changed());
    at.ledger.touch(&at.home, SOFIA, games());
    assert!(at.has_changed(), "it is known a minute before it bites");
    assert!(at.ledger.is_dirty());
    assert_eq!(used(&at, GAMES).closes, Some(on_monday("13:00")));
    assert_eq!(usage(&at, GAMES).left, Some(0));
    at.wait(30);
    assert_eq!(used(&at, GAMES).closes, Some(on_monday("13:00")), "and so it stays");
    assert_eq!(told(&at), ["games 15", "games 5", "games used up"]);
}

#[test]
fn what_lingers_is_not_counted_and_what_follows_is() {
    let at = At::noon();
    play(&at, 10);
    at.wait(u32::try_from(LINGER_MINUTES).unwrap() + 5);
    assert_eq!(usage(&at, GAMES).used, 10);
    play(&at, 5);
    let Usage { minutes, used, left, is_running } = usage(&at, GAMES);
    assert_eq!((minutes, used, left, is_running), (Some(60), 15, Some(45), false));
}

#[test]
fn a_question_that_makes_the_silence_before_it_use_closes_at_once_what_that_used_up() {
    let at = At::noon();
    play(&at, 57);
    at.wait(5);
    assert_eq!((usage(&at, GAMES).used, used(&at, GAMES).closes), (57, None));
    at.ledger.touch(&at.home, SOFIA, games());
    assert_eq!(usage(&at, GAMES).left, Some(0));
    assert_eq!(used(&at, GAMES).closes, Some(on_monday("13:00")), "and it is 13:01");
    // What comes next of the same minute changes nothing, and what was used is used once.
    at.ledger.touch(&at.home, SOFIA, games());
    at.wait(10);
    assert_eq!(usage(&at, GAMES).used, 62);
}

#[test]
fn a_bonus_is_for_today_and_warns_anew() {
    let at = At::noon();
    play(&at, 60);
    at.wait(1);
    let done = at.ledger.bonus(&at.home, "sofia", "games", 30, &ana()).unwrap();
    assert_eq!(done.until, Some(on_monday("04:00") + SignedDuration::from_hours(24)));
    assert_eq!(used(&at, GAMES).closes, None, "it is open again");
    assert_eq!(usage(&at, GAMES).left, Some(30));
    play(&at, 30);
    at.wait(1);
    assert!(used(&at, GAMES).closes.is_some());
    let twice = ["games 15", "games 5", "games used up"];
    assert_eq!(told(&at), [twice, twice].concat());
    at.wait(24 * 60);
    assert_eq!(usage(&at, GAMES).minutes, Some(60), "tomorrow it is over");
}

#[test]
fn a_bonus_must_be_one() {
    let at = At::noon();
    let give = |child, budget, minutes| at.ledger.bonus(&at.home, child, budget, minutes, &ana());
    assert_eq!(give("sofia", "games", 0), Err(Refusal::ManyMinutes));
    assert_eq!(give("sofia", "games", u32::MAX), Err(Refusal::ManyMinutes));
    assert_eq!(give("sofia", "chess", 5), Err(Refusal::NoSuchBudget));
    assert_eq!(give("nobody", "games", 5), Err(Refusal::NoSuchChild));
    let mut at = At::noon();
    at.home.subjects[1].rules.budgets[GAMES].minutes = [None; 7];
    let refused = at.ledger.bonus(&at.home, "sofia", "games", 5, &ana());
    assert_eq!(refused, Err(Refusal::NoLimitToday));
    assert_eq!(usage(&at, GAMES).left, None);
}

#[test]
fn what_is_started_counts_until_it_is_stopped() {
    let at = At::noon();
    let sofia = by("sofia", Via::Child);
    let stop = || at.ledger.stop(&at.home, "sofia", "youtube", &sofia);
    assert_eq!(stop(), Err(Refusal::NotStarted));
    let done = at.ledger.start(&at.home, "sofia", "youtube", &sofia).unwrap();
    assert_eq!(done.until, Some(on_monday("12:30")));
    assert!(used(&at, YOUTUBE).is_running);
    assert_eq!(used(&at, YOUTUBE).closes, Some(on_monday("12:30")));
    at.wait(4);
    at.ledger.start(&at.home, "sofia", "youtube", &sofia).unwrap();
    assert_eq!(at.ledger.audit(9).len(), 1, "started twice is started");
    stop().unwrap();
    assert!(!used(&at, YOUTUBE).is_running);
    assert_eq!(usage(&at, YOUTUBE).used, 5);
    at.wait(60);
    assert_eq!(usage(&at, YOUTUBE).used, 5);
}

#[test]
fn nothing_is_started_that_need_not_be_counted() {
    let at = At::noon();
    let sofia = by("sofia", Via::Child);
    let start = || at.ledger.start(&at.home, "sofia", "youtube", &sofia);
    let span = Span { until: on_monday("13:00"), is_length: true };
    at.ledger.pause("sofia", span, &ana()).unwrap();
    assert_eq!(start(), Err(Refusal::Paused));
    at.ledger.resume("sofia", &ana()).unwrap();
    at.ledger.free("sofia", std::time::Duration::from_secs(600), &ana()).unwrap();
    assert_eq!(start(), Err(Refusal::FreeNow));
    at.wait(10);
    start().unwrap();
}

#[test]
fn what_is_used_up_cannot_be_started() {
    let at = At::noon();
    let sofia = by("sofia", Via::Child);
    let start = || at.ledger.start(&at.home, "sofia", "youtube", &sofia);
    start().unwrap();
    let mut youtube = BudgetSet::EMPTY;
    youtube.insert(YOUTUBE);
    for _ in 0..30 {
        at.ledger.touch(&at.home, SOFIA, youtube);
        at.wait(1);
    }
    assert_eq!(start(), Err(Refusal::NothingLeft));
    assert!(!used(&at, YOUTUBE).is_running);
    assert_eq!(used(&at, YOUTUBE).closes, Some(on_monday("12:30")));
    assert_eq!(told(&at), ["youtube 15", "youtube 5", "youtube used up"]);
    let refused = at.ledger.start(&at.home, "sofia", "games", &sofia);
    assert_eq!(refused, Err(Refusal::CountsByItself));
}

#[test]
fn questions_do_not_start_what_is_started_by_hand() {
    let at = At::noon();
    let mut youtube = BudgetSet::EMPTY;
    youtube.insert(YOUTUBE);
    for _ in 0..10 {
        at.ledger.touch(&at.home, SOFIA, youtube);
        at.wait(1);
    }
    assert!(at.sofia().used.is_empty());
}

#[test]
fn a_pause_and_granted_time_stop_what_was_started() {
    let at = At::noon();
    let sofia = by("sofia", Via::Child);
    at.ledger.start(&at.home, "sofia", "youtube", &sofia).unwrap();
    at.wait(4);
    at.ledger.pause("sofia", at.minutes(10), &ana()).unwrap();
    assert!(!used(&at, YOUTUBE).is_running);
    at.wait(10);
    at.ledger.start(&at.home, "sofia", "youtube", &sofia).unwrap();
    at.ledger.free("sofia", Duration::from_secs(600), &ana()).unwrap();
    assert!(!used(&at, YOUTUBE).is_running);
    assert_eq!(usage(&at, YOUTUBE).used, 6);
}

#[test]
fn a_day_of_budgets_begins_at_four() {
    let at = At::noon();
    play(&at, 20);
    at.clock.set(on_monday("03:59:59") + SignedDuration::from_hours(24));
    at.ledger.tick(&at.home);
    assert_eq!((usage(&at, GAMES).used, used(&at, GAMES).day), (20, MONDAY));
    at.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(usage(&at, GAMES).used, 0);
    assert!(at.sofia().used.is_empty());
}

#[test]
fn a_clock_that_goes_to_another_day_and_back_finds_its_minutes() {
    let at = At::noon();
    play(&at, 20);
    for days in [1, -2, 300, -299] {
        at.clock.step(SignedDuration::from_hours(24 * days));
        at.ledger.step(SignedDuration::from_hours(24 * days));
        at.ledger.tick(&at.home);
        at.ledger.touch(&at.home, SOFIA, games());
    }
    assert_eq!(used(&at, GAMES).day, MONDAY);
    assert!((20..=21).contains(&usage(&at, GAMES).used));
}

#[test]
fn a_step_of_the_wall_clock_neither_gives_nor_takes_minutes() {
    let at = At::noon();
    play(&at, 30);
    at.clock.step(SignedDuration::from_hours(2));
    at.ledger.step(SignedDuration::from_hours(2));
    at.clock.advance(SignedDuration::from_mins(1));
    play(&at, 30);
    assert_eq!(used(&at, GAMES).closes, Some(on_monday("15:00")));
    assert_eq!(usage(&at, GAMES).used, 60);
}

#[test]
fn the_days_of_a_week_are_kept() {
    let at = At::noon();
    for _ in 0..30 {
        play(&at, 3);
        at.clock.advance(SignedDuration::from_hours(24));
        at.ledger.tick(&at.home);
    }
    at.ledger.touch(&at.home, SOFIA, games());
    at.ledger.heartbeat("a");
    let day = |days: i64| {
        at.clock.step(SignedDuration::from_hours(24 * days));
        at.ledger.usage(&at.home, SOFIA)[GAMES].used
    };
    assert_eq!(day(-7), 3);
    assert_eq!(day(-1), 0);
}

#[test]
fn while_something_is_under_way_every_minute_is_due() {
    let at = At::noon();
    assert_eq!(at.ledger.due(&at.home), None);
    at.ledger.touch(&at.home, SOFIA, games());
    at.clock.advance(SignedDuration::from_secs(10));
    assert_eq!(at.ledger.due(&at.home), Some(on_monday("12:01")));
    at.wait(10);
    assert_eq!(at.ledger.due(&at.home), None);
}

#[test]
fn a_limit_that_was_lowered_below_what_was_used_closes_at_once() {
    let mut at = At::noon();
    play(&at, 20);
    at.wait(10);
    at.home.subjects[1].rules.budgets[GAMES].minutes = [Some(10); 7];
    assert!(used(&at, GAMES).closes.is_some_and(|closes| closes <= at.clock.now()));
    at.home.subjects[1].rules.budgets[GAMES].minutes = [Some(30); 7];
    assert_eq!(used(&at, GAMES).closes, None);
}

#[test]
fn a_day_without_a_minute_stays_closed_whatever_else_is_used() {
    let mut at = At::noon();
    at.home.subjects[1].rules.budgets[YOUTUBE].minutes = [Some(0); 7];
    at.ledger.touch(&at.home, SOFIA, games());
    assert_eq!(used(&at, GAMES).closes, None);
    assert_eq!(used(&at, YOUTUBE).closes, Some(on_monday("12:00")));
}

#[test]
fn whoever_left_before_the_end_has_not_used_it_up() {
    let at = At::noon();
    at.ledger.start(&at.home, "sofia", "youtube", &ana()).unwrap();
    // Nobody looked meanwhile: the machine slept.
    at.clock.advance(SignedDuration::from_mins(45));
    let Usage { used, left, is_running, .. } = usage(&at, YOUTUBE);
    assert_eq!((used, left, is_running), (1, Some(29), false));
}

#[test]
fn while_nobody_knows_the_day_the_least_of_all_days_is_allowed() {
    let mut at = At::noon();
    // Mondays have no limit.
    at.home.subjects[1].rules.budgets[GAMES].minutes =
        [None, Some(20), Some(20), Some(20), Some(20), Some(30), Some(30)];
    at.ledger.tick(&at.home);
    at.ledger.set_time_unknown(true);
    for _ in 0..20 {
        at.ledger.touch(&at.home, SOFIA, games());
        at.wait(1);
    }
    let now = usage(&at, GAMES);
    assert_eq!((now.minutes, now.left), (Some(20), Some(0)));
    at.ledger.set_time_unknown(false);
    let now = usage(&at, GAMES);
    assert_eq!((now.minutes, now.used, now.left), (None, 20, None));
    assert_eq!(used(&at, GAMES).closes, None, "nothing closes it any more");
}
