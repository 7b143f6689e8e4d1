//! Lists that are fetched stay fresh by themselves, and nothing a server does opens what was closed.

use amparo::lists::catalogue::catalogue;
use serde_json::Value;

use crate::harness::{Amparo, Home, ListServer, MATEO, Output, Reply, until};

const DONE: i32 = 0;
const FAILED: i32 = 1;
const USAGE: i32 = 2;

/// In seconds.
const HOUR: i64 = 3600;
/// Past a day with every jitter, in seconds.
const DAY_AND_JITTER: i64 = 27 * HOUR;

/// The family with these lists: an id and an address each.
fn family(lists: &[(&str, String)]) -> String {
    let lists = lists.iter().map(|(id, url)| {
        format!("\n[list.{id}]\nurl = \"{url}\"\ncategory = \"adult\"\nformat = \"domains\"\n")
    });
    let child = "[child.mateo]\nage = 14\ndevices = [\"127.0.0.11\"]\n";
    child.to_owned() + &lists.collect::<String>()
}

/// A list of so many names, the first of which is given.
fn names(first: &str, count: usize) -> String {
    let more = (1..count).map(|number| format!("name{number}.example\n"));
    format!("{first}\n{}", more.collect::<String>())
}

/// A server with one list of twenty names.
fn server() -> ListServer {
    let server = ListServer::start();
    server.serves("/big", &names("nasty.example", 20));
    server
}

/// A family with that list, and the list in force.
async fn with_list(server: &ListServer) -> Amparo {
    let amparo = Amparo::start(&family(&[("big", server.url("/big"))])).await;
    is_closed(&amparo, "nasty.example").await;
    amparo
}

/// Whether a name is closed for the child now.
async fn closes(amparo: &Amparo, name: &str) -> bool {
    let answer = amparo.ask(MATEO, name).await;
    answer.addresses().iter().all(std::net::IpAddr::is_unspecified)
}

/// Waits until a name is closed for the child.
async fn is_closed(amparo: &Amparo, name: &str) {
    until(&format!("{name} closed"), async || closes(amparo, name).await).await;
}

/// What is said of a list.
async fn list(amparo: &Amparo, id: &str) -> Value {
    let output = amparo.cli(&["lists", "status", id, "--json"]).await;
    output.exits(DONE).json().remove(0)
}

/// Waits until this is said of a list.
async fn says(amparo: &Amparo, id: &str, words: &str) {
    let said = async || list(amparo, id).await["state"].as_str().is_some_and(|s| s.contains(words));
    until(&format!("`{words}`"), said).await;
}

/// Seconds from now until a list is asked for again.
async fn waits_seconds(amparo: &Amparo, id: &str) -> i64 {
    let row = list(amparo, id).await;
    let next = row["next_check"].as_str().unwrap_or_else(|| panic!("no next check: {row:#}"));
    let next: jiff::Timestamp = next.parse().expect("RFC 3339");
    next.duration_since(amparo.now()).as_secs()
}

async fn update(amparo: &Amparo, args: &[&str]) -> Output {
    amparo.cli(&[&["lists", "update"], args].concat()).await
}

// === They come ===

#[tokio::test]
async fn a_list_comes_by_itself_and_its_names_close_without_a_restart() {
    let server = server();
    let amparo = with_list(&server).await;
    amparo.ask(MATEO, "other.example").await.is_open();
    let row = list(&amparo, "big").await;
    assert_eq!(row["state"], "ok", "{row:#}");
    assert_eq!(row["taken"], 20);
    assert_eq!(row["is_fetched"], true);
    assert_eq!(row["from"], server.url("/big"));

    server.serves("/big", &names("other.example", 21));
    amparo.advance_seconds(DAY_AND_JITTER);
    is_closed(&amparo, "other.example").await;
    amparo.ask(MATEO, "nasty.example").await.is_open();
    assert_eq!(list(&amparo, "big").await["taken"], 21);
}

#[tokio::test]
async fn what_did_not_change_is_neither_sent_nor_read_again() {
    let server = server();
    let amparo = with_list(&server).await;
    let before = list(&amparo, "big").await;
    amparo.advance_seconds(DAY_AND_JITTER);
    server.is_asked("/big", 2).await;
    let asked = server.seen("/big");
    assert!(asked[0].if_none_match.is_none() && asked[1].if_none_match.is_some(), "{asked:?}");
    assert_eq!([asked[0].status, asked[1].status], [200, 304]);
    until("a check", async || list(&amparo, "big").await["checked"] != before["checked"]).await;
    let after = list(&amparo, "big").await;
    assert_eq!(after["updated"], before["updated"], "the copy is the same");
    assert_eq!(after["state"], "ok");
    let output = update(&amparo, &["big"]).await;
    output.exits(DONE).prints("big: there is nothing newer than the copy of 2026-11-23").is_plain();
}

#[tokio::test]
async fn the_same_text_sent_again_is_nothing_new() {
    let server = ListServer::start();
    server.always_sends("/big", &names("nasty.example", 20));
    let amparo = with_list(&server).await;
    let before = list(&amparo, "big").await;
    update(&amparo, &[]).await.exits(DONE).prints("big: there is nothing newer");
    assert_eq!([server.seen("/big")[0].status, server.seen("/big")[1].status], [200, 200]);
    assert_eq!(list(&amparo, "big").await["updated"], before["updated"]);
}

#[tokio::test]
async fn servers_are_found_by_asking_the_households_own_upstreams() {
    let server = server();
    let url = format!("http://lists.example:{}/big", server.address.port());
    let amparo = Amparo::start(&family(&[("big", url)]))
        .upstream(|upstream| {
            upstream.reply("lists.example", Reply::NoData).address("lists.example", "127.0.0.1");
        })
        .await;
    is_closed(&amparo, "nasty.example").await;
    amparo.upstream.is_asked("lists.example").await;
}

#[tokio::test]
async fn a_server_that_stalls_holds_up_no_other_list() {
    let server = server();
    server.stalls("/slow");
    let lists = [("slow", server.url("/slow")), ("big", server.url("/big"))];
    let amparo = Amparo::start(&family(&lists)).await;
    server.is_asked("/slow", 1).await;
    is_closed(&amparo, "nasty.example").await;
    assert_eq!(list(&amparo, "big").await["state"], "ok");
    says(&amparo, "slow", "its names are not closed").await;
    amparo.shutdown().await;
}

#[tokio::test]
async fn a_list_that_is_new_in_the_config_comes_at_once_and_one_that_is_gone_leaves_nothing() {
    let server = server();
    server.serves("/more", "more.example\n");
    let amparo = with_list(&server).await;
    let both = [("big", server.url("/big")), ("more", server.url("/more"))];
    amparo.reload_with(&family(&both)).await.expect("the file is good");
    is_closed(&amparo, "more.example").await;
    assert_eq!(server.count("/big"), 1, "it was not asked for again");

    amparo.reload_with(&family(&both[1..])).await.expect("the file is good");
    amparo.ask(MATEO, "nasty.example").await.is_open();
    let copies = amparo.home.state().join("lists");
    let is_gone = |id: &str| !copies.join(format!("{id}.copy")).exists();
    until("the copy gone", async || is_gone("big")).await;
    assert!(!is_gone("more"));
}

#[tokio::test]
async fn another_address_is_asked_without_what_the_first_one_said() {
    let server = server();
    server.serves("/moved", &names("moved.example", 20));
    let amparo = with_list(&server).await;
    let moved = family(&[("big", server.url("/moved"))]);
    amparo.reload_with(&moved).await.expect("the file is good");
    is_closed(&amparo, "moved.example").await;
    assert_eq!(server.seen("/moved")[0].if_none_match, None);
}

#[tokio::test]
async fn new_copies_come_into_force_while_the_config_file_is_broken() {
    let server = server();
    let amparo = with_list(&server).await;
    amparo.reload_with("[child.mateo]\nagee = 14\n").await.expect_err("the file is bad");
    server.serves("/big", &names("other.example", 20));
    update(&amparo, &[]).await.exits(DONE);
    assert!(closes(&amparo, "other.example").await);
}

// === They do not come ===

#[tokio::test]
async fn a_list_that_never_came_is_told() {
    let server = ListServer::start();
    let amparo = Amparo::start(&family(&[("big", server.url("/big"))])).await;
    says(&amparo, "big", "its names are not closed yet").await;
    amparo.cli(&["status"]).await.exits(DONE).prints("! list `big`: ");
    amparo.ask(MATEO, "nasty.example").await.is_open();
}

#[tokio::test]
async fn the_last_good_copy_serves_while_the_server_is_gone_and_after_a_cold_start() {
    let server = server();
    let amparo = with_list(&server).await;
    drop(server);
    amparo.advance_seconds(DAY_AND_JITTER);
    says(&amparo, "big", "the copy of 2026-11-23 stays in force").await;
    amparo.cli(&["status"]).await.prints("the copy of 2026-11-23 stays in force");
    let before = amparo.upstream.count("nasty.example");
    let amparo = amparo.restart().await;
    amparo.ask(MATEO, "nasty.example").await.is_blocked();
    says(&amparo, "big", "the copy of 2026-11-23 stays in force").await;
    assert_eq!(amparo.upstream.count("nasty.example"), before, "it left the house");
}

#[tokio::test]
async fn failures_wait_longer_and_longer_also_over_a_restart() {
    let server = ListServer::start();
    server.fails("/big", 500);
    let mut amparo = Amparo::start(&family(&[("big", server.url("/big"))])).await;
    let waits = [60, 300, 1800, 6 * HOUR, 6 * HOUR];
    for (place, wait) in waits.into_iter().enumerate() {
        server.is_asked("/big", place + 1).await;
        let within = |seconds: i64| (seconds - wait).abs() <= wait / 10;
        let waited = async || within(waits_seconds(&amparo, "big").await);
        until(&format!("a wait of {wait} s"), waited).await;
        if place == 2 {
            amparo = amparo.restart().await;
            assert!(within(waits_seconds(&amparo, "big").await), "a restart is no reason to ask");
        }
        amparo.advance_seconds(wait + wait / 10);
    }
    server.serves("/big", "nasty.example\n");
    amparo.advance_seconds(7 * HOUR);
    is_closed(&amparo, "nasty.example").await;
    assert!(waits_seconds(&amparo, "big").await > 21 * HOUR, "all is well again");
}

#[tokio::test]
async fn a_restart_asks_for_nothing_that_is_fresh() {
    let server = server();
    let amparo = with_list(&server).await.restart().await;
    amparo.ask(MATEO, "nasty.example").await.is_blocked();
    let waits = waits_seconds(&amparo, "big").await;
    assert!((21 * HOUR..27 * HOUR).contains(&waits), "{waits}");
    assert_eq!(server.count("/big"), 1);
}

#[tokio::test]
async fn a_copy_that_the_disk_damaged_is_fetched_again() {
    let server = server();
    let amparo = with_list(&server).await;
    let home = amparo.home.clone();
    std::fs::write(home.state().join("lists/big.copy"), "nasty.exam").expect("it is ours");
    let amparo = amparo.restart().await;
    server.is_asked("/big", 2).await;
    assert_eq!(server.seen("/big")[1].if_none_match, None, "it wants all of it");
    is_closed(&amparo, "nasty.example").await;
}

#[tokio::test]
async fn a_copy_that_is_damaged_while_its_server_is_gone_is_told_for_what_it_is() {
    let server = server();
    let amparo = with_list(&server).await;
    drop(server);
    let copy = amparo.home.state().join("lists/big.copy");
    let whole = std::fs::read(&copy).expect("it came");
    let home = amparo.home.clone();
    let of_names = home.state().join("lists/big.names");
    let mut amparo = amparo;
    for damaged in [whole[..9].to_vec(), vec![b'x'; whole.len()]] {
        std::fs::write(&copy, damaged).expect("it is ours");
        // With its names on the disk the copy is not even read.
        std::fs::remove_file(&of_names).expect("it is ours");
        std::fs::remove_file(home.state().join("lists.index")).expect("it is ours");
        amparo = amparo.restart().await;
        amparo.advance_seconds(DAY_AND_JITTER);
        says(&amparo, "big", "its copy is damaged; its names are not closed").await;
    }
}

// === They come, and are no good ===

#[tokio::test]
async fn what_is_no_list_is_not_taken_whatever_a_person_says() {
    let server = server();
    let amparo = with_list(&server).await;
    for (text, why) in [
        ("<!doctype html>\n<p>Log in</p>\n", "held: what came is a web page, not a list"),
        ("", "sent an empty file"),
        ("# nothing\n", "held: there is no name in what came"),
        ("{\"error\": 1}", "held: what came is JSON, not a list"),
    ] {
        server.serves("/big", text);
        for args in [&["big"][..], &["big", "--accept"]] {
            let output = update(&amparo, args).await;
            output.exits(FAILED).prints("big: ").prints(why).is_plain();
            output.prints("the copy of 2026-11-23 stays in force");
        }
        amparo.ask(MATEO, "nasty.example").await.is_blocked();
        amparo.cli(&["status"]).await.prints(why);
    }
}

#[tokio::test]
async fn what_looks_wrong_is_held_until_a_person_accepts_it() {
    let everyday = catalogue().everyday.iter().take(12).copied().collect::<Vec<_>>().join("\n");
    for (text, why) in [
        (names("other.example", 9), "only 9 of 20 names are left"),
        (format!("{}{everyday}\n", names("other.example", 20)), "would newly close"),
    ] {
        let server = server();
        let amparo = with_list(&server).await;
        server.serves("/big", &text);
        amparo.advance_seconds(DAY_AND_JITTER);
        says(&amparo, "big", why).await;
        says(&amparo, "big", "`amparo lists update big --accept` takes it all the same").await;
        amparo.cli(&["status"]).await.prints(why);
        amparo.ask(MATEO, "nasty.example").await.is_blocked();
        amparo.ask(MATEO, "other.example").await.is_open();

        update(&amparo, &["big"]).await.exits(FAILED).prints(why);
        let output = update(&amparo, &["big", "--accept"]).await;
        output.exits(DONE).prints("big: a new copy came, with ");
        amparo.ask(MATEO, "other.example").await.is_blocked();
        assert_eq!(list(&amparo, "big").await["state"], "ok");
        update(&amparo, &["big"]).await.exits(DONE).prints("nothing newer");
    }
}

// === By hand ===

#[tokio::test]
async fn an_update_by_hand_is_in_force_when_the_command_ends() {
    let server = server();
    server.fails("/bad", 503);
    let lists = [("big", server.url("/big")), ("bad", server.url("/bad"))];
    let amparo = Amparo::start(&family(&lists)).await;
    is_closed(&amparo, "nasty.example").await;
    server.serves("/big", &names("other.example", 20));
    let output = update(&amparo, &[]).await;
    output.exits(FAILED).prints("big: a new copy came, with 20 names").prints("bad: ").is_plain();
    amparo.ask(MATEO, "other.example").await.is_blocked();

    server.serves("/bad", "bad.example\n");
    let rows = update(&amparo, &["--json"]).await.exits(DONE).json();
    let outcomes: Vec<_> = rows.iter().map(|row| (&row["list"], &row["outcome"])).collect();
    assert_eq!(rows.len(), 2, "{rows:#?}");
    for (id, outcome) in [("big", "unchanged"), ("bad", "taken")] {
        assert!(outcomes.contains(&(&id.into(), &outcome.into())), "{rows:#?}");
    }
    assert!(rows.iter().all(|row| row["v"] == 1 && row["state"] == "ok"), "{rows:#?}");
}

#[tokio::test]
async fn an_id_that_is_not_fetched_is_a_mistake_that_names_those_that_are() {
    let server = server();
    let amparo = with_list(&server).await;
    update(&amparo, &["bigg"]).await.exits(USAGE).complains("fetched are: big");
    let output = update(&amparo, &["amparo/tiktok"]).await;
    output.exits(USAGE).complains("is not fetched").complains("fetched are: big");
    let home = Home::with("[child.kid]\nage = 9\n[household]\npublic_lists = false\n");
    home.amparo(&["lists", "update"]).exits(DONE).prints("No list is fetched");
    home.amparo(&["lists", "update", "big"]).exits(USAGE).complains("no list is called `big`");
}

#[tokio::test]
async fn without_a_daemon_the_command_fetches_itself() {
    let server = server();
    let url = format!("http://lists.example:{}/big", server.address.port());
    let start = Amparo::start(&family(&[("big", url)])).upstream(|upstream| {
        upstream.reply("lists.example", Reply::NoData).address("lists.example", "127.0.0.1");
    });
    let home = start.prepared();
    let run = async |args: &'static [&'static str]| {
        let home = home.clone();
        let run = tokio::task::spawn_blocking(move || home.amparo(args));
        run.await.expect("the command ends")
    };
    let output = run(&["lists", "status", "big"]).await;
    output.exits(DONE).prints("it has not come yet");
    let output = run(&["lists", "update"]).await;
    output.exits(DONE).prints("big: a new copy came, with 20 names").is_plain();
    run(&["lists", "search", "www.nasty.example"]).await.prints("big line 1: nasty.example");
    server.fails("/big", 404);
    let output = run(&["lists", "update", "big"]).await;
    output.exits(FAILED).prints("stays in force");
    // What was fetched is there from the first answer.
    let amparo = start.await;
    amparo.ask(MATEO, "nasty.example").await.is_blocked();
}
