//! What is remembered of a child: attempts a parent can read, and no more than the family chose.

use hickory_proto::rr::RecordType;
use serde_json::Value;

use crate::harness::{ANA, Amparo, FAMILY, MATEO, Question, SOFIA, STRANGER};

/// The rows of one site.
fn of_site<'a>(rows: &'a [Value], site: &str) -> Vec<&'a Value> {
    rows.iter().filter(|row| row["site"] == site).collect()
}

#[tokio::test]
async fn nine_questions_for_one_service_are_one_attempt() {
    let amparo = Amparo::start(FAMILY).await;
    for name in ["www.tiktok.com", "v16.tiktokcdn.com", "m.tiktok.com"] {
        for _ in 0..3 {
            amparo.advance_seconds(20).ask(SOFIA, name).await.is_blocked();
        }
    }
    let rows = amparo.journal().await;
    assert_eq!(rows.len(), 1, "{rows:#?}");
    let row = &rows[0];
    assert_eq!(row["v"], 1);
    assert_eq!(row["child"], "sofia");
    assert_eq!(row["device"], SOFIA);
    assert_eq!(row["site"], "tiktok");
    assert_eq!(row["count"], 9);
    assert_eq!(row["verdict"], "block");
    assert_eq!(row["first"], "2026-11-23T16:00:20-06:00");
    assert_eq!(row["last"], "2026-11-23T16:03:00-06:00");
    let mut names: Vec<&str> =
        row["names"].as_array().expect("names").iter().filter_map(Value::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["m.tiktok.com", "v16.tiktokcdn.com", "www.tiktok.com"]);
    let text = row["reason"]["text"].as_str().expect("a sentence");
    assert!(text.to_lowercase().contains("sofia"), "`{text}` names the child");
    assert!(row["reason"]["kind"].is_string() && row["reason"]["id"].is_string(), "{row:#}");
}

#[tokio::test]
async fn an_attempt_ends_after_ten_quiet_minutes() {
    let amparo = Amparo::start(FAMILY).await;
    amparo.ask(MATEO, "www.tiktok.com").await.is_blocked();
    amparo.advance_seconds(9 * 60).ask(MATEO, "www.tiktok.com").await.is_blocked();
    amparo.advance_seconds(11 * 60).ask(MATEO, "www.tiktok.com").await.is_blocked();
    let rows = amparo.journal().await;
    let mut counts: Vec<u64> = rows.iter().filter_map(|row| row["count"].as_u64()).collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 2], "{rows:#?}");
}

#[tokio::test]
async fn each_device_has_its_own_attempts() {
    let amparo = Amparo::start(FAMILY).await;
    for who in [SOFIA, MATEO, STRANGER] {
        amparo.ask(who, "www.tiktok.com").await.is_blocked();
    }
    let rows = amparo.journal().await;
    assert_eq!(rows.len(), 3, "{rows:#?}");
    let stranger = rows.iter().find(|row| row["device"] == STRANGER).expect("it has a row");
    assert_eq!(stranger["child"], Value::Null);
}

#[tokio::test]
async fn what_no_service_has_is_named_by_its_registered_domain() {
    let amparo = Amparo::start(&FAMILY.replace("\"tiktok\"", "\"example.co.uk\"")).await;
    for name in ["www.example.co.uk", "CDN.Example.co.uk", "example.co.uk"] {
        amparo.ask(MATEO, name).await.is_blocked();
    }
    let rows = amparo.journal().await;
    assert_eq!(of_site(&rows, "example.co.uk").len(), 1, "{rows:#?}");
    assert_eq!(rows[0]["count"], 3);
    assert_eq!(rows[0]["reason"]["kind"], "block_rule");
}

// === Nothing is lost ===

#[tokio::test]
async fn a_shutdown_loses_no_attempt() {
    let amparo = Amparo::start(&FAMILY.replace("\"tiktok\"", "\"internet\"")).await;
    for n in 0..300 {
        amparo.ask(MATEO, &format!("www.site{}.example", n % 100)).await.is_blocked();
    }
    let rows = amparo.journal().await;
    let sum: u64 = rows.iter().filter_map(|row| row["count"].as_u64()).sum();
    assert_eq!(sum, 300, "{} rows", rows.len());
    assert_eq!(rows.len(), 100);
}

#[tokio::test]
async fn a_restart_loses_no_attempt() {
    let amparo = Amparo::start(FAMILY).await;
    amparo.ask(MATEO, "www.tiktok.com").await.is_blocked();
    let amparo = amparo.restart().await;
    amparo.advance_seconds(3600).ask(MATEO, "www.tiktok.com").await.is_blocked();
    assert_eq!(amparo.journal().await.len(), 2);
}

#[tokio::test]
async fn the_running_program_shows_what_just_happened() {
    let amparo = Amparo::start(FAMILY).await;
    amparo.ask(MATEO, "www.tiktok.com").await.is_blocked();
    let rows = amparo.cli(&["log", "--json"]).await.exits(0).json();
    assert_eq!(of_site(&rows, "tiktok").len(), 1, "{rows:#?}");
}

#[tokio::test]
async fn a_block_over_tcp_and_from_the_cache_is_recorded_too() {
    let amparo = Amparo::start(FAMILY)
        .upstream(|upstream| {
            upstream.alias("shop.example", "www.tiktok.com");
        })
        .await;
    amparo.ask(ANA, "shop.example").await.is_open();
    amparo.ask(MATEO, "shop.example").await.is_blocked();
    amparo.send_tcp(MATEO, &Question::of("www.tiktok.com", RecordType::A)).await.is_blocked();
    let sum: u64 = amparo.journal().await.iter().filter_map(|row| row["count"].as_u64()).sum();
    assert_eq!(sum, 2);
}

// === Nothing is kept that is not needed ===

#[tokio::test]
async fn help_is_never_recorded_at_any_level() {
    let config = FAMILY
        .replace("bedtime =", "journal = \"all\"\nbedtime =")
        .replace("block   = [\"tiktok\"]", "block   = [\"internet\"]\njournal = \"all\"");
    let amparo = Amparo::start(&config).at("2026-11-23 22:00").await;
    for name in ["www.unicef.org", "takeitdown.ncmec.org", "pool.ntp.org", "findahelpline.com"] {
        amparo.ask(SOFIA, name).await.is_open();
        amparo.ask(MATEO, name).await.is_open();
    }
    amparo.ask(SOFIA, "www.example.com").await.is_blocked();
    let home = amparo.shutdown().await;
    let rows = home.amparo(&["log", "--json"]).exits(0).json();
    assert_eq!(rows.len(), 1, "{rows:#?}");
    // Not in the log, and not in the file either.
    for entry in std::fs::read_dir(home.state()).expect("it is ours") {
        let path = entry.expect("it is ours").path();
        let of_journal =
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("journal"));
        if of_journal {
            let octets = std::fs::read(&path).expect("it is ours");
            for word in [&b"unicef"[..], b"takeitdown", b"findahelpline"] {
                let found = octets.windows(word.len()).any(|window| window == word);
                assert!(!found, "{} holds help", path.display());
            }
        }
    }
}

#[tokio::test]
async fn what_is_allowed_is_not_recorded_unless_a_family_says_so() {
    let amparo = Amparo::start(FAMILY).await;
    for who in [SOFIA, MATEO, ANA, STRANGER] {
        amparo.ask(who, "www.example.com").await.is_open();
    }
    assert_eq!(amparo.journal().await, Vec::<Value>::new());

    let amparo = Amparo::start(&FAMILY.replace("bedtime =", "journal = \"all\"\nbedtime =")).await;
    amparo.ask(SOFIA, "www.example.com").await.is_open();
    let rows = amparo.journal().await;
    assert_eq!(rows.len(), 1, "{rows:#?}");
    assert_eq!(rows[0]["verdict"], "allow");
    assert_eq!(rows[0]["site"], "example.com");
}

#[tokio::test]
async fn adults_are_not_recorded() {
    let config = format!("{FAMILY}block = [\"closed.example\"]\n");
    let amparo = Amparo::start(&config).await;
    amparo.ask(ANA, "closed.example").await.is_blocked();
    assert_eq!(amparo.journal().await, Vec::<Value>::new());
}

#[tokio::test]
async fn the_names_a_teenager_asked_are_not_kept() {
    let amparo = Amparo::start(FAMILY).await;
    amparo.ask(MATEO, "very-private.tiktok.com").await.is_blocked();
    let home = amparo.shutdown().await;
    let output = home.amparo(&["log", "--json"]);
    output.exits(0).prints("\"tiktok\"");
    assert!(!output.stdout.contains("very-private"), "{output}");
}

#[tokio::test]
async fn at_sixteen_only_counts_are_kept() {
    let amparo = Amparo::start(&FAMILY.replace("age     = 14", "age     = 16")).await;
    amparo.ask(MATEO, "www.tiktok.com").await.is_blocked();
    let home = amparo.shutdown().await;
    let output = home.amparo(&["log", "--json"]);
    output.exits(0);
    let rows = output.json();
    assert_eq!(of_site(&rows, "tiktok").len(), 0, "{output}");
    assert!(!output.stdout.contains("tiktok.com"), "{output}");
}

#[tokio::test]
async fn a_journal_that_is_off_keeps_nothing() {
    let amparo = Amparo::start(&FAMILY.replace("bedtime =", "journal = \"off\"\nbedtime =")).await;
    amparo.ask(SOFIA, "www.tiktok.com").await.is_blocked();
    assert_eq!(amparo.journal().await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_nasty_name_is_shown_and_not_obeyed() {
    let amparo = Amparo::start(FAMILY).at("2026-11-23 22:00").await;
    let labels: [&[u8]; 3] = [b"\x1b[31m\n\0<script>\"", b"\xff\r\x07", b"example"];
    let question = Question::of("x", RecordType::A).labels(&labels);
    amparo.send(SOFIA, &question).await.is_blocked();
    let home = amparo.shutdown().await;
    let output = home.amparo(&["log", "--json"]);
    output.exits(0).is_plain();
    assert_eq!(output.json().len(), 1, "{output}");
    home.amparo(&["log"]).exits(0).is_plain();
}

// === How it is read ===

#[tokio::test]
async fn the_log_reads_as_sentences() {
    let amparo = Amparo::start(FAMILY).await;
    amparo.ask(MATEO, "www.tiktok.com").await.is_blocked();
    amparo.ask(SOFIA, "www.tiktok.com").await.is_blocked();
    let home = amparo.shutdown().await;
    let output = home.amparo(&["log"]);
    output.exits(0).is_plain();
    let text = output.stdout.to_lowercase();
    for word in ["tiktok", "mateo", "sofia"] {
        assert!(text.contains(word), "`{word}` is missing:\n{output}");
    }
}

#[tokio::test]
async fn an_empty_journal_is_no_failure() {
    let home = Amparo::start(FAMILY).await.shutdown().await;
    let output = home.amparo(&["log", "--json"]);
    assert_eq!(output.exits(0).json(), Vec::<Value>::new());
}

#[tokio::test]
async fn who_left_the_household_is_still_called_by_name() {
    let amparo = Amparo::start(FAMILY).await;
    amparo.ask(MATEO, "www.tiktok.com").await.is_blocked();
    amparo.ask(STRANGER, "www.tiktok.com").await.is_blocked();
    let home = amparo.shutdown().await;
    home.write("amparo.toml", "[household]\nlanguage = \"en\"\n");
    home.amparo(&["log"])
        .exits(0)
        .prints("  Mateo     ")
        .prints("TikTok is closed for Mateo")
        .prints("  unknown   ");
}

#[tokio::test]
async fn a_name_that_is_not_kept_leaves_no_hole_in_the_sentence() {
    let config = FAMILY.replace("age     = 14", "age     = 16").replace("tiktok", "one.example");
    let amparo = Amparo::start(&config).await;
    amparo.ask(MATEO, "www.one.example").await.is_blocked();
    let home = amparo.shutdown().await;
    let output = home.amparo(&["log"]);
    output.exits(0).prints("  a site is closed for Mateo because you blocked it\n");
    assert!(!output.stdout.contains("one.example"), "{output}");
}

#[test]
fn a_journal_of_a_newer_version_is_left_to_it() {
    let home = crate::harness::Home::with(FAMILY);
    std::fs::create_dir(home.state()).expect("the directory is ours");
    let journal = rusqlite::Connection::open(home.state().join("journal.db")).expect("it is ours");
    journal.pragma_update(None, "user_version", 99).expect("it is ours");
    drop(journal);
    home.amparo(&["log"]).exits(1).complains("a newer version of amparo made");
}
