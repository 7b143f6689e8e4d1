//! Rules and lists change while it runs; what was closed never opens by accident.

mod index;

use std::sync::atomic::{AtomicBool, Ordering};

use amparo::clock::Clock;
use hickory_proto::rr::RecordType;

use crate::harness::{ANA, Amparo, FAMILY, MATEO, Question, SOFIA, instant, started};

/// The family with a list of its own.
const WITH_LIST: &str = r#"
[child.mateo]
age     = 14
devices = ["127.0.0.11"]

[list.extra]
file     = "{dir}/extra.txt"
category = "adult"
"#;

#[tokio::test]
async fn a_change_of_the_file_is_in_force_when_the_reload_is_done() {
    let amparo = Amparo::start(FAMILY).await;
    amparo.ask(MATEO, "www.example.com").await.is_open();
    let changed = FAMILY.replace("\"tiktok\"", "\"tiktok\", \"example.com\"");
    amparo.reload_with(&changed).await.expect("the file is good");
    amparo.ask(MATEO, "www.example.com").await.is_blocked();
    amparo.reload_with(FAMILY).await.expect("the file is good");
    amparo.ask(MATEO, "www.example.com").await.is_open();
}

#[tokio::test]
async fn a_bad_file_leaves_the_running_rules_in_force() {
    let amparo = Amparo::start(FAMILY).await;
    let bad = [
        FAMILY.replace("\"tiktok\"", "\"tiktokk\""),
        FAMILY.replace("20:30-06:30", "20:30-20:30"),
        FAMILY.replace("block   = [", "block   = "),
        FAMILY.replace("devices", "devicse"),
        "\0\0\0".to_owned(),
    ];
    for file in bad {
        let error = amparo.reload_with(&file).await.expect_err("the file is bad");
        assert!(!error.is_empty());
        amparo.ask(MATEO, "www.tiktok.com").await.is_blocked();
        amparo.ask(MATEO, "www.example.com").await.is_open();
        amparo.ask(ANA, "www.tiktok.com").await.is_open();
    }
}

#[tokio::test]
async fn a_reload_says_what_is_wrong_and_what_to_write() {
    let amparo = Amparo::start(FAMILY).await;
    let bad = FAMILY.replace("\"tiktok\"", "\"tiktokk\"");
    let error = amparo.reload_with(&bad).await.expect_err("the file is bad");
    assert!(error.contains("tiktokk"), "{error}");
    assert!(error.contains("did you mean `tiktok`?"), "{error}");
}

#[tokio::test]
async fn a_file_that_vanished_leaves_the_running_rules_in_force() {
    let amparo = Amparo::start(FAMILY).await;
    std::fs::remove_file(amparo.home.config()).expect("it is ours");
    amparo.reload().await.expect_err("there is no file");
    amparo.ask(MATEO, "www.tiktok.com").await.is_blocked();
}

#[tokio::test]
async fn a_reload_never_opens_a_child_not_even_for_a_moment() {
    let amparo = Amparo::start(WITH_LIST).file("extra.txt", "nasty.example\n").await;
    let over = AtomicBool::new(false);
    let reloads = async {
        for round in 0..20 {
            let more = "filler.example\n".repeat(round + 1);
            amparo.home.write("extra.txt", &format!("{more}nasty.example\n"));
            amparo.reload().await.expect("the file is good");
        }
        over.store(true, Ordering::Relaxed);
    };
    let questions = async {
        while !over.load(Ordering::Relaxed) {
            amparo.ask(MATEO, "nasty.example").await.is_blocked();
        }
    };
    tokio::join!(reloads, questions);
    amparo.ask(MATEO, "nasty.example").await.is_blocked();
}

#[tokio::test]
async fn a_list_may_grow_and_shrink() {
    let amparo = Amparo::start(WITH_LIST).file("extra.txt", "one.example\n").await;
    amparo.ask(MATEO, "one.example").await.is_blocked();
    amparo.ask(MATEO, "two.example").await.is_open();
    amparo.home.write("extra.txt", "two.example\n");
    amparo.reload().await.expect("the file is good");
    amparo.ask(MATEO, "one.example").await.is_open();
    amparo.ask(MATEO, "two.example").await.is_blocked();
}

#[tokio::test]
async fn a_list_that_can_no_longer_be_read_keeps_its_names_closed() {
    let amparo = Amparo::start(WITH_LIST).file("extra.txt", "nasty.example\n").await;
    std::fs::remove_file(amparo.home.path().join("extra.txt")).expect("it is ours");
    // Whether the reload succeeds with the old names or fails as a whole, nothing opens.
    let _either = amparo.reload().await;
    amparo.ask(MATEO, "nasty.example").await.is_blocked();
    std::fs::create_dir(amparo.home.path().join("extra.txt")).expect("it is ours");
    let _either = amparo.reload().await;
    amparo.ask(MATEO, "nasty.example").await.is_blocked();
}

#[tokio::test]
async fn a_list_that_cannot_be_read_at_the_start_costs_nothing_else() {
    let config = WITH_LIST.replace("age     = 14", "age     = 14\nblock   = [\"tiktok\"]");
    let amparo = Amparo::start(&config).await;
    amparo.ask(MATEO, "www.tiktok.com").await.is_blocked();
    amparo.ask(MATEO, "www.example.com").await.is_open();
}

#[tokio::test]
async fn nonsense_in_a_list_is_skipped() {
    let text = "\0\0\0\n<html>\n  \n\u{1f600}\nnasty.example\n!!!\n";
    let amparo = Amparo::start(WITH_LIST).file("extra.txt", text).await;
    amparo.ask(MATEO, "nasty.example").await.is_blocked();
    amparo.ask(MATEO, "www.example.com").await.is_open();
}

#[tokio::test]
async fn a_list_cannot_close_a_whole_top_level_domain() {
    let amparo = Amparo::start(WITH_LIST).file("extra.txt", "com\nexample\n.\n").await;
    amparo.ask(MATEO, "www.example.com").await.is_open();
    amparo.ask(MATEO, "open.example").await.is_open();
}

#[tokio::test]
async fn the_last_good_file_serves_when_it_starts_with_a_bad_one() {
    let amparo = Amparo::start(FAMILY).at("2026-11-23 21:00").await;
    let bad = FAMILY.replace("\"tiktok\"", "\"tiktokk\"");
    amparo.reload_with(&bad).await.expect_err("the file is bad");
    let amparo = amparo.restart().await;
    amparo.ask(MATEO, "www.tiktok.com").await.is_blocked();
    amparo.ask(SOFIA, "www.example.com").await.is_blocked();
    amparo.ask(ANA, "www.example.com").await.is_open();
}

#[tokio::test]
async fn without_a_last_good_file_it_does_not_start_with_a_bad_one() {
    let home = crate::harness::Home::with(&FAMILY.replace("\"tiktok\"", "\"tiktokk\""));
    let clock = Clock::held(instant("2026-11-23 21:00", &jiff::tz::TimeZone::UTC));
    let failure = started(&home, clock).await;
    assert!(failure.is_err(), "defaults instead of a family's rules");
}

#[tokio::test]
async fn a_restart_keeps_everything() {
    let amparo = Amparo::start(FAMILY).at("2026-11-23 21:00").await.restart().await;
    amparo.ask(SOFIA, "www.example.com").await.is_blocked();
    amparo.ask(MATEO, "www.tiktok.com").await.is_blocked();
    let question = Question::of("www.example.com", RecordType::A);
    amparo.send_tcp(ANA, &question).await.is_open();
}

#[tokio::test]
async fn reloads_lose_no_question() {
    let amparo = Amparo::start(FAMILY).await;
    amparo.ask(ANA, "www.example.com").await.is_open();
    let over = AtomicBool::new(false);
    let reloads = async {
        for round in 0..30 {
            // Another group of upstreams comes and goes, and the cache with it.
            let more = "\n[dns]\nforward = { \"lan\" = [\"udp://{second}\"] }\n";
            let config = if round % 2 == 0 { format!("{FAMILY}{more}") } else { FAMILY.to_owned() };
            amparo.reload_with(&config).await.expect("the file is good");
        }
        over.store(true, Ordering::Relaxed);
    };
    let questions = async |who: &'static str, blocked: bool| {
        let socket = amparo.socket(who).await;
        let mut reply = [0; 512];
        while !over.load(Ordering::Relaxed) {
            let name = if blocked { "www.tiktok.com" } else { "www.example.com" };
            let question = Question::of(name, RecordType::A);
            socket.send(&question.octets()).await.expect("loopback takes it");
            // Each is sent once: one that is lost is waited for in vain.
            let received = crate::harness::within(socket.recv(&mut reply), "each answer").await;
            let length = received.expect("it listens");
            assert_eq!(reply[..2], question.id.to_be_bytes());
            assert_eq!(reply[3] & 15, 0);
            assert_eq!(reply[length - 4..length] == [0; 4], blocked);
        }
    };
    tokio::join!(reloads, questions(MATEO, true), questions(ANA, false));
}
