//! Nothing that was handed out outlives the moment at which something opens or closes, whatever
//! that moment comes from and whatever was asked.

use amparo::control::{FamilyCommand as Do, Until};
use hickory_proto::rr::RecordType;

use super::{GAME, mateo, sofia, status, tell};
use crate::harness::{ANA, Amparo, MATEO, Question, Reply, SOFIA};

/// Bedtime, a budget, and a day without one: Tuesday.
const HOME: &str = r#"
[category.games]
names = ["playground.example"]

[child.sofia]
age     = 9
devices = ["127.0.0.10"]
bedtime = "20:30-06:30"

[child.mateo]
age     = 14
devices = ["127.0.0.11"]
budget  = { games = { tue = "0m", wed-mon = "10m" } }

[adult.ana]
devices = ["127.0.0.20"]
"#;

/// Names that do not exist, and have no records.
const GONE: [&str; 2] = ["gone.playground.example", "empty.playground.example"];

async fn start(at: &'static str) -> Amparo {
    let scripted = Amparo::start(HOME).at(at).upstream(|upstream| {
        upstream.reply(GONE[0], Reply::NxDomain).reply(GONE[1], Reply::NoData);
    });
    scripted.await
}

/// Ten seconds before a boundary and in its last second nothing lives longer than that, whatever is
/// asked, over UDP and TCP, cached or not; behind it whoever asks is closed, or is not.
async fn check(amparo: &Amparo, from: &str, boundary: &str, closes: bool) {
    amparo.set(boundary).advance_seconds(-10);
    for seconds in [10, 1] {
        let kinds = [RecordType::A, RecordType::AAAA, RecordType::HTTPS, RecordType::TXT];
        let of_gone = GONE.map(|name| (name, RecordType::A));
        for (name, kind) in kinds.map(|kind| (GAME, kind)).into_iter().chain(of_gone) {
            let question = Question::of(name, kind);
            amparo.send(from, &question).await.lives_at_most(seconds);
            amparo.send_tcp(from, &question).await.lives_at_most(seconds);
            // Adults have no boundaries, and what they are told does not shorten what is kept.
            amparo.send(ANA, &question).await;
        }
        let answer = amparo.ask(from, GAME).await;
        assert_eq!(super::is_closed(&answer), !closes, "{seconds} s before {boundary}: {answer:?}");
        status(amparo).await;
        amparo.set(boundary).advance_seconds(-1);
    }
    amparo.set(boundary);
    let question = Question::of(GAME, RecordType::A);
    for answer in [amparo.send(from, &question).await, amparo.send_tcp(from, &question).await] {
        assert_eq!(super::is_closed(&answer), closes, "at {boundary}: {answer:?}");
    }
}

#[tokio::test]
async fn nothing_outlives_the_start_and_the_end_of_bedtime() {
    let amparo = start("2026-11-23 20:00").await;
    check(&amparo, SOFIA, "2026-11-23 20:30:00", true).await;
    check(&amparo, SOFIA, "2026-11-24 06:30:00", false).await;
}

#[tokio::test]
async fn nothing_outlives_granted_time() {
    let amparo = start("2026-11-23 21:00").await;
    tell(&amparo, Do::Grant { child: sofia(), seconds: 1800, budget: None }).await;
    check(&amparo, SOFIA, "2026-11-23 21:30:00", true).await;
}

#[tokio::test]
async fn nothing_outlives_a_word_that_was_opened_or_closed_for_a_while() {
    let amparo = start("2026-11-23 21:00").await;
    let what = || "playground.example".to_owned();
    tell(&amparo, Do::Allow { what: what(), child: sofia(), until: Until::For(600) }).await;
    check(&amparo, SOFIA, "2026-11-23 21:10:00", true).await;
    tell(&amparo, Do::Block { what: what(), child: mateo(), until: Until::For(600) }).await;
    check(&amparo, MATEO, "2026-11-23 21:20:00", false).await;
}

#[tokio::test]
async fn no_block_outlives_a_pause() {
    let amparo = start("2026-11-23 16:00").await;
    tell(&amparo, Do::Pause { child: sofia(), until: Until::For(1800) }).await;
    check(&amparo, SOFIA, "2026-11-23 16:30:00", false).await;
}

#[tokio::test]
async fn nothing_outlives_the_known_end_of_a_budget() {
    let amparo = start("2026-11-23 16:00").await;
    for _ in 0..9 {
        amparo.ask(MATEO, GAME).await.is_open();
        status(&amparo).await;
        amparo.advance_seconds(60);
    }
    // From the first question of its last minute on the end is known.
    amparo.ask(MATEO, GAME).await.is_open();
    status(&amparo).await;
    check(&amparo, MATEO, "2026-11-23 16:10:00", true).await;
}

#[tokio::test]
async fn nothing_outlives_the_night_before_and_after_a_day_without_time() {
    let amparo = start("2026-11-23 22:00").await;
    check(&amparo, MATEO, "2026-11-24 04:00:00", true).await;
    check(&amparo, MATEO, "2026-11-25 04:00:00", false).await;
}
