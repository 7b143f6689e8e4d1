//! No way around: what an answer may not lead to, what a child's browser may not hide, and how fast
//! one device may ask.

use amparo::control::Command;
use hickory_proto::rr::RecordType;

use crate::harness::upstream::{ipv4_hint, service_record};
use crate::harness::{ANA, Amparo, FAMILY, MATEO, Question, SOFIA, STRANGER};

/// Extended error 15, Blocked (RFC 8914 §4.16).
const BLOCKED: u16 = 15;

// === Names that lead into the house ===

#[tokio::test]
async fn no_name_out_there_leads_into_the_house() {
    let start = Amparo::start(FAMILY).upstream(|upstream| {
        upstream.address("router.evil.example", "192.168.1.1");
        upstream.address("self.evil.example", "127.0.0.1");
        upstream.address("six.evil.example", "fd00::1");
        upstream.alias("alias.evil.example", "router.evil.example");
        let hint = service_record(1, ".", &ipv4_hint([10, 0, 0, 1].into()));
        upstream.data("hint.evil.example", RecordType::HTTPS, &[hint]);
    });
    let amparo = start.await;
    for (name, kind) in [
        ("router.evil.example", RecordType::A),
        ("self.evil.example", RecordType::A),
        ("six.evil.example", RecordType::AAAA),
        ("alias.evil.example", RecordType::A),
        ("hint.evil.example", RecordType::HTTPS),
    ] {
        for who in [ANA, MATEO, STRANGER] {
            let answer = amparo.send(who, &Question::of(name, kind).edns()).await;
            let (code, text) = answer.is_nodata().ede().expect("it says why");
            assert_eq!((code, &*text), (BLOCKED, "it leads to an address inside the house"));
        }
    }
    assert_eq!(amparo.upstream.count("router.evil.example"), 1, "the cache keeps it, judged anew");
}

#[tokio::test]
async fn names_that_the_household_lets_lead_home_do() {
    let config = format!("{FAMILY}\n[dns]\nrebind_allow = [\"plex.example\"]\n");
    let amparo = Amparo::start(&config)
        .upstream(|upstream| {
            upstream.address("tv.plex.example", "192.168.1.9");
            upstream.address("tv.notplex.example", "192.168.1.9");
        })
        .await;
    amparo.ask(MATEO, "tv.plex.example").await.holds_only("192.168.1.9");
    amparo.ask(MATEO, "tv.notplex.example").await.is_nodata();
}

#[tokio::test]
async fn a_name_that_leads_home_is_an_attempt_with_its_reason() {
    let amparo = Amparo::start(FAMILY)
        .upstream(|upstream| _ = upstream.address("router.evil.example", "192.168.1.1"))
        .await;
    amparo.ask(MATEO, "router.evil.example").await.is_nodata();
    let rows = amparo.journal().await;
    assert_eq!(rows.len(), 1, "{rows:#?}");
    let reason = &rows[0]["reason"];
    assert_eq!((&reason["kind"], &rows[0]["verdict"]), (&"rebind".into(), &"block".into()));
    assert_eq!(reason["text"], "it leads to an address inside the house");
}

// === Names that lead around ===

#[tokio::test]
async fn what_shows_other_sites_under_its_own_name_is_closed_for_children() {
    let amparo = Amparo::start(FAMILY).await;
    for name in [
        "www-example-com.translate.goog",
        "web.archive.org",
        "webcache.googleusercontent.com",
        "203-0-113-5.sslip.io",
        "api.cloudflareclient.com",
    ] {
        amparo.ask(MATEO, name).await.is_blocked();
        amparo.ask(ANA, name).await.is_open();
    }
    amparo.ask(MATEO, "translate.google.com").await.is_open();
    amparo.ask(MATEO, "archive.org").await.is_open();
}

#[tokio::test]
async fn search_engines_without_a_safe_mode_are_closed_for_the_young() {
    let amparo = Amparo::start(FAMILY).await;
    for name in ["search.yahoo.com", "mx.search.yahoo.com", "www.baidu.com", "searx.be"] {
        amparo.ask(SOFIA, name).await.is_blocked();
        amparo.ask(MATEO, name).await.is_open();
    }
    amparo.ask(SOFIA, "www.yahoo.com").await.is_open();
}

#[tokio::test]
async fn an_address_taken_for_a_name_is_none_and_stays_in_the_house() {
    let amparo = Amparo::start(FAMILY).await;
    amparo.ask(MATEO, "192.168.1.1").await.is_nxdomain();
    amparo.upstream.saw_nothing();
}

// === What a browser may not hide ===

/// An HTTPS record with the protocols it speaks, an address and a key of Encrypted Client Hello.
fn hidden() -> Vec<u8> {
    let alpn = [0, 1, 0, 3, 2, b'h', b'2'];
    let ech = [0, 5, 0, 4, 0xfe, 0x0d, 0, 0];
    let params = [&alpn[..], &ipv4_hint([203, 0, 113, 5].into()), &ech].concat();
    service_record(1, ".", &params)
}

/// Whether an answer holds the key.
fn is_hidden(octets: &[u8]) -> bool {
    octets.windows(4).any(|window| window == [0xfe, 0x0d, 0, 0])
}

#[tokio::test]
async fn a_childs_browser_gets_no_key_to_hide_which_site_it_opens() {
    let amparo = Amparo::start(FAMILY)
        .upstream(|upstream| _ = upstream.data("www.example.com", RecordType::HTTPS, &[hidden()]))
        .await;
    for _twice in ["from upstream", "from the cache"] {
        for (who, hides) in [(ANA, true), (MATEO, false), (STRANGER, false)] {
            let question = Question::of("www.example.com", RecordType::HTTPS).edns();
            let answer = amparo.send(who, &question).await;
            assert_eq!(is_hidden(answer.body()), hides, "{answer:?}");
            assert!(answer.body().windows(2).any(|window| window == *b"h2"), "{answer:?}");
            assert!(answer.body().windows(4).any(|window| window == [203, 0, 113, 5]));
        }
    }
}

// === How fast one device may ask ===

/// How many of so many questions, one after the other, are answered whole. A question that a busy
/// machine lost is asked again and counts twice; one that comes to another core in the moment in which
/// the last is written down does not count yet.
async fn answered(amparo: &Amparo, who: &str, questions: usize) -> usize {
    let mut whole = 0;
    for _ in 0..questions {
        let answer = amparo.ask(who, "www.example.com").await;
        if answer.is_cut() {
            assert!(answer.addresses().is_empty(), "{answer:?}");
        } else {
            answer.is_open();
            whole += 1;
        }
    }
    whole
}

#[tokio::test]
async fn a_device_that_asks_too_fast_is_told_to_come_over_tcp() {
    let amparo = Amparo::start(&format!("{FAMILY}\n[dns]\nrate_limit = 2\n")).await;
    assert!((1..=15).contains(&answered(&amparo, MATEO, 30).await));
    // Over TCP nobody can pretend to be another, and it is answered.
    let question = Question::of("www.example.com", RecordType::A);
    amparo.send_tcp(MATEO, &question).await.is_open();
    assert!(answered(&amparo, ANA, 3).await > 0, "another device has an account of its own");
    amparo.advance_seconds(1);
    assert!((1..=6).contains(&answered(&amparo, MATEO, 30).await));
    let status = amparo.tell(&Command::Status).await.expect("it answers");
    assert!(status["limited"].as_u64() >= Some(39), "{status:#}");
}

#[tokio::test]
async fn a_reload_gives_nobody_a_new_account() {
    let amparo = Amparo::start(&format!("{FAMILY}\n[dns]\nrate_limit = 2\n")).await;
    assert!((1..=15).contains(&answered(&amparo, MATEO, 30).await));
    amparo.reload().await.expect("the rules are the same");
    assert!(answered(&amparo, MATEO, 30).await <= 3);
}
