//! Time: windows open and close on the second, and nothing outlives them.
//!
//! Several of these are defects that families met in other filters.

use hickory_proto::rr::RecordType;

use crate::harness::upstream::TTL_SECONDS;
use crate::harness::{ANA, Amparo, FAMILY, MATEO, Reply, SOFIA};

/// A window on Friday evenings that passes midnight.
const FRIDAY: &str = r#"
[child.sofia]
age     = 9
devices = ["127.0.0.10"]

[[child.sofia.schedule]]
name  = "friday"
days  = ["fri"]
time  = "22:00-07:00"
block = "everything"
"#;

/// Bedtime where clocks change.
const NEW_YORK: &str = r#"
[household]
timezone = "America/New_York"

[child.sofia]
age     = 9
devices = ["127.0.0.10"]
bedtime = "21:00-06:00"
"#;

/// At each wall time: whether the child is closed. The clock goes from one to the next, so that
/// what was cached before a boundary is there behind it.
async fn check(config: &str, claims: &[(&'static str, bool)]) {
    let amparo = Amparo::start(config).at(claims[0].0).await;
    for &(at, closed) in claims {
        let answer = amparo.set(at).ask(SOFIA, "www.example.com").await;
        let zero = answer.addresses().iter().any(std::net::IpAddr::is_unspecified);
        assert_eq!(zero, closed, "at {at}: {answer:?}");
    }
}

#[tokio::test]
async fn bedtime_holds_from_its_first_second_to_its_last() {
    check(
        FAMILY,
        &[
            ("2026-11-23 20:29:59", false),
            ("2026-11-23 20:30:00", true),
            ("2026-11-23 20:30:01", true),
            ("2026-11-23 23:59:30", true),
            ("2026-11-24 00:00:00", true),
            ("2026-11-24 06:29:59", true),
            ("2026-11-24 06:30:00", false),
        ],
    )
    .await;
}

#[tokio::test]
async fn the_last_half_minute_of_the_day_is_in_bedtime() {
    let amparo = Amparo::start(FAMILY).at("2026-11-23 23:59:30").await;
    amparo.ask(SOFIA, "www.example.com").await.is_blocked();
}

#[tokio::test]
async fn the_first_question_after_a_start_within_bedtime_is_closed() {
    for at in ["2026-11-23 20:30:00", "2026-11-23 22:10:07", "2026-11-24 06:29:59"] {
        let amparo = Amparo::start(FAMILY).at(at).await;
        amparo.ask(SOFIA, "www.example.com").await.is_blocked();
    }
}

#[tokio::test]
async fn a_friday_window_holds_on_saturday_morning_and_not_on_friday_morning() {
    check(
        FRIDAY,
        &[
            ("2026-11-27 06:59", false),
            ("2026-11-27 21:59:59", false),
            ("2026-11-27 22:00", true),
            ("2026-11-28 06:59", true),
            ("2026-11-28 07:00", false),
            ("2026-11-28 22:30", false),
            ("2026-11-29 06:00", false),
        ],
    )
    .await;
}

#[tokio::test]
async fn bedtime_is_on_the_wall_on_the_day_clocks_go_forward() {
    check(
        NEW_YORK,
        &[
            ("2027-03-14 01:59", true),
            ("2027-03-14 05:59", true),
            ("2027-03-14 06:00", false),
            ("2027-03-14 20:59:59", false),
            ("2027-03-14 21:00", true),
            ("2027-03-15 05:59", true),
            ("2027-03-15 06:00", false),
        ],
    )
    .await;
}

#[tokio::test]
async fn bedtime_is_on_the_wall_on_the_day_clocks_go_back() {
    check(
        NEW_YORK,
        &[
            ("2027-11-06 21:00", true),
            ("2027-11-07 01:30", true),
            ("2027-11-07 05:59", true),
            ("2027-11-07 06:00", false),
            ("2027-11-07 20:59:59", false),
            ("2027-11-07 21:00", true),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_whole_day_window_ends_at_midnight() {
    let config = FRIDAY.replace("22:00-07:00", "00:00-24:00");
    check(
        &config,
        &[
            ("2026-11-26 23:59:59", false),
            ("2026-11-27 00:00", true),
            ("2026-11-27 23:59:59", true),
            ("2026-11-28 00:00", false),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_window_may_close_one_thing_and_spare_another() {
    let config = r#"
[child.mateo]
age     = 14
devices = ["127.0.0.11"]

[[child.mateo.schedule]]
name  = "homework"
days  = ["mon-thu"]
time  = "15:00-17:00"
block = ["games"]

[[child.mateo.schedule]]
name  = "reading"
days  = ["mon-thu"]
time  = "17:00-18:00"
block = "everything"
allow = ["library.example"]
"#;
    let amparo = Amparo::start(config).at("2026-11-23 14:59:59").await;
    amparo.ask(MATEO, "www.minecraft.net").await.is_open();
    amparo.set("2026-11-23 15:00").ask(MATEO, "www.minecraft.net").await.is_blocked();
    amparo.ask(MATEO, "www.example.com").await.is_open();
    amparo.set("2026-11-23 17:00").ask(MATEO, "www.example.com").await.is_blocked();
    amparo.ask(MATEO, "www.library.example").await.is_open();
    amparo.set("2026-11-23 18:00").ask(MATEO, "www.minecraft.net").await.is_open();
}

#[tokio::test]
async fn a_window_that_keeps_something_open_opens_nothing_that_is_closed() {
    let config = r#"
[child.mateo]
age     = 14
devices = ["127.0.0.11"]

[[child.mateo.schedule]]
name  = "reading"
time  = "15:00-18:00"
block = "everything"
allow = ["social_media"]

[list.extra]
file     = "{dir}/extra.txt"
category = "adult"
"#;
    // TikTok is social media: the window spares it, the adult list that names it does not.
    let amparo = Amparo::start(config).file("extra.txt", "tiktok.com\n").await;
    amparo.ask(MATEO, "www.tiktok.com").await.is_blocked();
}

#[tokio::test]
async fn bedtime_is_the_childs_own() {
    let amparo = Amparo::start(FAMILY).at("2026-11-23 22:00").await;
    amparo.ask(SOFIA, "www.example.com").await.is_blocked();
    amparo.ask(MATEO, "www.example.com").await.is_open();
    amparo.ask(ANA, "www.example.com").await.is_open();
}

// === Nothing outlives a boundary ===

#[tokio::test]
async fn an_answer_to_a_child_lives_a_minute_and_to_an_adult_as_long_as_it_says() {
    let amparo = Amparo::start(FAMILY).await;
    amparo.ask(SOFIA, "www.example.com").await.is_open().lives_at_most(60);
    amparo.ask(MATEO, "www.example.com").await.is_open().lives_at_most(60);
    let answer = amparo.ask(ANA, "fresh.example.com").await;
    assert_eq!(answer.is_open().life_seconds(), TTL_SECONDS, "{answer:?}");
}

#[tokio::test]
async fn an_answer_does_not_outlive_the_start_of_bedtime() {
    let amparo = Amparo::start(FAMILY).at("2026-11-23 20:29:40").await;
    for kind in [RecordType::A, RecordType::AAAA, RecordType::HTTPS, RecordType::TXT] {
        amparo.ask_type(SOFIA, "www.example.com", kind).await.lives_at_most(20);
    }
    amparo.set("2026-11-23 20:29:59").ask(SOFIA, "www.example.com").await.lives_at_most(1);
    amparo.set("2026-11-23 20:30:00").ask(SOFIA, "www.example.com").await.is_blocked();
}

#[tokio::test]
async fn what_does_not_exist_does_not_outlive_the_start_of_bedtime_either() {
    let amparo = Amparo::start(FAMILY)
        .at("2026-11-23 20:29:50")
        .upstream(|upstream| {
            upstream.reply("gone.example", Reply::NxDomain).reply("empty.example", Reply::NoData);
        })
        .await;
    amparo.ask(SOFIA, "gone.example").await.is_nxdomain().lives_at_most(10);
    amparo.ask(SOFIA, "empty.example").await.is_nodata().lives_at_most(10);
}

#[tokio::test]
async fn a_block_does_not_outlive_the_end_of_bedtime() {
    let amparo = Amparo::start(FAMILY).at("2026-11-24 06:29:56").await;
    for kind in [RecordType::A, RecordType::AAAA, RecordType::HTTPS, RecordType::TXT] {
        amparo.ask_type(SOFIA, "www.example.com", kind).await.is_blocked().lives_at_most(4);
    }
    amparo.set("2026-11-24 06:30:00").ask(SOFIA, "www.example.com").await.is_open();
}

#[tokio::test]
async fn a_boundary_bites_over_tcp_and_from_the_cache() {
    let amparo = Amparo::start(FAMILY).at("2026-11-23 20:29:30").await;
    let question = crate::harness::Question::of("www.example.com", RecordType::A);
    amparo.send_tcp(SOFIA, &question).await.is_open();
    amparo.ask(ANA, "www.example.com").await.is_open();
    amparo.set("2026-11-23 20:30:00");
    amparo.send_tcp(SOFIA, &question).await.is_blocked();
    assert_eq!(amparo.upstream.count("www.example.com"), 1, "the second came from the cache");
}

#[tokio::test]
async fn a_clock_set_back_is_believed() {
    let amparo = Amparo::start(FAMILY).at("2026-11-23 21:00").await;
    amparo.ask(SOFIA, "www.example.com").await.is_blocked();
    amparo.set("2026-11-23 19:00").ask(SOFIA, "www.example.com").await.is_open();
    amparo.set("2026-11-23 21:00").ask(SOFIA, "www.example.com").await.is_blocked();
}

#[tokio::test]
async fn a_stepped_clock_is_obeyed_at_once() {
    let amparo = Amparo::start(FAMILY).at("2026-11-23 19:00").await;
    amparo.ask(SOFIA, "www.example.com").await.is_open();
    amparo.step_seconds(2 * 3600).ask(SOFIA, "www.example.com").await.is_blocked();
    amparo.step_seconds(-2 * 3600).ask(SOFIA, "www.example.com").await.is_open();
}
