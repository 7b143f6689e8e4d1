//! The wall clock is stepped by days and by decades, while the other one goes on.

use amparo::control::{Command, FamilyCommand as Do, Until};
use jiff::SignedDuration;
use serde_json::Value;

use super::{GAME, HOME, counted, is_closed, mateo, play, status, tell, used};
use crate::harness::{ANA, Amparo, MATEO, SOFIA, until};

/// Fifty years, in whole weeks: the day of the week stays.
const FIFTY_YEARS_HOURS: i64 = 2_609 * 7 * 24;
/// A day and fifty years, both ways; each step is taken back before the next one.
const STEPS_HOURS: [i64; 4] = [24, -24, FIFTY_YEARS_HOURS, -FIFTY_YEARS_HOURS];

fn step(amparo: &Amparo, hours: i64) {
    amparo.clock().step(SignedDuration::from_hours(hours));
}

/// The time is known, or it is not.
async fn time_is_known(amparo: &Amparo, is_known: bool) {
    until("the doubt", async || status(amparo).await["time_known"] == is_known).await;
}

#[tokio::test]
async fn a_step_expires_nothing_that_is_cached() {
    let amparo = Amparo::start(HOME).at("2026-11-23 16:00").await;
    let names: Vec<String> = (0..50).map(|n| format!("n{n}.example.com")).collect();
    for name in &names {
        amparo.ask(ANA, name).await.is_open();
    }
    for hours in STEPS_HOURS {
        for hours in [hours, -hours] {
            step(&amparo, hours);
            amparo.advance_seconds(10);
            for name in &names {
                amparo.ask(ANA, name).await.is_open();
            }
        }
    }
    assert_eq!(amparo.upstream.seen().len(), names.len(), "no burst of questions");
    // 80 s have passed; the records live 300 s from when they came.
    let answer = amparo.ask(ANA, &names[0]).await;
    assert_eq!(answer.life_seconds(), 220, "{answer:?}");
    amparo.advance_seconds(221).ask(ANA, &names[0]).await.is_open();
    assert_eq!(amparo.upstream.count(&names[0]), 2, "the clock that goes on expires it");
}

#[tokio::test]
async fn the_first_question_behind_a_step_meets_the_windows_of_that_time() {
    let config = r#"
[child.sofia]
age     = 9
devices = ["127.0.0.10"]

[[child.sofia.schedule]]
name  = "tuesday"
days  = ["tue"]
time  = "00:00-24:00"
block = "everything"

[[child.sofia.schedule]]
name  = "sunday"
days  = ["sun"]
time  = "15:59-16:30"
block = "everything"
"#;
    let amparo = Amparo::start(config).at("2026-11-23 16:00").await;
    for (hours, closed) in [(24, true), (-24, false), (-24, true), (24, false), (25, true)] {
        step(&amparo, hours);
        let answer = amparo.ask(SOFIA, "www.example.com").await;
        assert_eq!(is_closed(&answer), closed, "{hours} h on: {answer:?}");
    }
}

#[tokio::test]
async fn fifty_years_either_way_are_not_believed_and_open_nothing() {
    for hours in [FIFTY_YEARS_HOURS, -FIFTY_YEARS_HOURS] {
        let amparo = Amparo::start(HOME).at("2026-11-23 16:00").await;
        amparo.ask(SOFIA, "www.example.com").await.is_open();
        tell(&amparo, Do::Pause { child: mateo(), until: Until::For(3600) }).await;
        step(&amparo, hours);
        time_is_known(&amparo, false).await;
        amparo.ask(SOFIA, "www.example.com").await.is_blocked();
        amparo.ask(MATEO, "www.example.com").await.is_blocked();
        amparo.ask(MATEO, "pool.ntp.org").await.is_open();
        amparo.ask(ANA, "www.example.com").await.is_open();
        step(&amparo, -hours);
        time_is_known(&amparo, true).await;
        amparo.ask(SOFIA, "www.example.com").await.is_open();
        amparo.ask(MATEO, "www.example.com").await.is_blocked();
        amparo.advance_seconds(3600).ask(MATEO, "www.example.com").await.is_open();
    }
}

#[tokio::test]
async fn steps_neither_give_nor_take_minutes_of_a_budget() {
    let amparo = Amparo::start(HOME).at("2026-11-23 16:00").await;
    let mut played = 0;
    for hours in STEPS_HOURS {
        play(&amparo, MATEO, 2).await;
        played += 2;
        assert_eq!(used(&status(&amparo).await), played, "before {hours} h");
        step(&amparo, hours);
        if hours.abs() > 24 {
            // Nobody knows which day that is: it is still the one before.
            time_is_known(&amparo, false).await;
            assert_eq!(used(&status(&amparo).await), played, "{hours} h on");
        } else {
            assert_eq!(used(&status(&amparo).await), 0, "another day has minutes of its own");
        }
        step(&amparo, -hours);
        time_is_known(&amparo, true).await;
        assert_eq!(used(&status(&amparo).await), played, "{hours} h on and back");
    }
    play(&amparo, MATEO, 2).await;
    status(&amparo).await;
    amparo.ask(MATEO, GAME).await.is_blocked();
}

#[tokio::test]
async fn steps_leave_counters_and_journal_as_they_are() {
    let amparo = Amparo::start(HOME).at("2026-11-23 16:00").await;
    let mut asked = 0;
    for hours in STEPS_HOURS {
        for hours in [hours, -hours] {
            amparo.ask(MATEO, "www.closed.example").await.is_blocked();
            asked += 1;
            counted(&amparo).await;
            step(&amparo, hours);
            let how = status(&amparo).await;
            assert_eq!((&how["queries"], &how["blocked"]), (&asked.into(), &asked.into()), "{how}");
            amparo.tell(&Command::Flush).await.expect("it is written");
        }
    }
    let rows = amparo.journal().await;
    let count = |row: &Value| row["count"].as_u64().expect("it is no less than nothing");
    assert_eq!(rows.iter().map(count).sum::<u64>(), asked, "{rows:#?}");
    for row in &rows {
        let at = |key: &str| row[key].as_str().expect("it has one").parse::<jiff::Timestamp>();
        assert!(at("first").expect("a time") <= at("last").expect("a time"), "{row:#}");
    }
}
