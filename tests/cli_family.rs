//! The commands about time as a parent gives them: what they print, and how they end.
//!
//! The program's own clock is not the daemon's here: ends are lengths, moments are written whole.

use serde_json::Value;

use crate::harness::{Amparo, Home, MATEO, Output, SOFIA};

/// Done.
const DONE: i32 = 0;
/// Failed.
const FAILED: i32 = 1;
/// Not how it is called.
const USAGE: i32 = 2;
/// The daemon does not answer.
const NO_DAEMON: i32 = 4;
/// `why`: it is blocked.
const BLOCKED: i32 = 10;

/// What fits a terminal.
const COLUMNS: usize = 80;

const HOME: &str = r#"
[category.games]
names = ["playground.example"]

[child.sofia]
age     = 9
name    = "Sofía"
devices = ["127.0.0.10"]
bedtime = "20:30-06:30"
budget  = { games = "30m" }
budget_mode = "started"

[child.mateo]
age     = 14
devices = ["127.0.0.11"]
block   = ["tiktok"]   # until the exams are over
budget  = { games = "45m" }

[adult.ana]
devices = ["127.0.0.20"]
"#;

/// The same family, which speaks Spanish.
fn in_spanish() -> String {
    format!("[household]\nlanguage = \"es\"\n{HOME}")
}

/// The one object that a command printed.
#[track_caller]
fn one(output: &Output) -> Value {
    let mut all = output.exits(DONE).json();
    assert_eq!(all.len(), 1, "{output}");
    all.remove(0)
}

// === Pauses and given time ===

#[tokio::test]
async fn a_pause_says_until_when_and_closes() {
    let amparo = Amparo::start(HOME).at("2026-11-23 16:00").await;
    let said = amparo.cli(&["pause", "sofia", "30m"]).await;
    said.exits(DONE).prints("Sofía is paused until 16:30\n").is_plain();
    amparo.ask(SOFIA, "www.example.com").await.is_blocked();
    amparo.cli(&["resume", "Sofía"]).await.exits(DONE).prints("The pause of Sofía is over\n");
    amparo.ask(SOFIA, "www.example.com").await.is_open();
    amparo.cli(&["resume", "sofia"]).await.exits(FAILED).complains("There is no pause.");
    let an_hour = one(&amparo.cli(&["pause", "mateo", "--json"]).await);
    assert_eq!((&an_hour["v"], &an_hour["child"]), (&1.into(), &"mateo".into()), "{an_hour}");
    assert_eq!(an_hour["until"], "2026-11-23T17:00:00-06:00");
}

#[tokio::test]
async fn a_pause_until_bedtime_ends_when_it_begins() {
    let amparo = Amparo::start(HOME).at("2026-11-23 16:00").await;
    let said = amparo.cli(&["pause", "sofia", "--until", "bedtime"]).await;
    said.exits(DONE).prints("until 20:30");
    let none = amparo.cli(&["pause", "mateo", "--until", "bedtime"]).await;
    none.exits(FAILED).complains("Mateo has no `bedtime`");
}

#[tokio::test]
async fn spanish_gives_the_hour_its_article() {
    let amparo = Amparo::start(&in_spanish()).at("2026-11-23 23:30").await;
    amparo.cli(&["pause", "sofia", "20m"]).await.exits(DONE).prints("en pausa hasta las 23:50\n");
    let tomorrow = amparo.cli(&["pause", "mateo", "2h"]).await;
    tomorrow.exits(DONE).prints("Mateo está en pausa hasta el mar 24/11 a la 01:30\n");
    amparo.cli(&["undo"]).await.exits(DONE).prints("Se deshizo: pausa (Mateo)\n");
    amparo.cli(&["undo"]).await.exits(DONE).prints("Se deshizo: pausa (Sofía)\n");
    let nothing = amparo.cli(&["undo"]).await;
    nothing.exits(FAILED).complains("No hay ningún cambio que se pueda deshacer.");
}

#[tokio::test]
async fn why_knows_what_was_given_and_when_it_ends() {
    let amparo = Amparo::start(HOME).at("2026-11-23 21:00").await;
    let why = async |at: &str| {
        amparo.cli(&["why", "www.example.com", "--for", "sofia", "--at", at]).await
    };
    let given = amparo.cli(&["grant", "sofia", "1h"]).await;
    given
        .exits(DONE)
        .prints("Sofía has free time until 22:00: schedules and budgets close nothing");
    why("2026-11-23T21:59:59-06:00").await.exits(DONE).prints("www.example.com for Sofía: open");
    why("2026-11-23T22:00:00-06:00").await.exits(BLOCKED).prints("Bedtime");
    amparo.set("2026-11-23 21:59:59").ask(SOFIA, "www.example.com").await.is_open();
    amparo.set("2026-11-23 22:00:00").ask(SOFIA, "www.example.com").await.is_blocked();
}

#[tokio::test]
async fn a_pause_and_given_time_start_no_clock() {
    let amparo = Amparo::start(HOME).at("2026-11-23 16:00").await;
    let start = ["start", "sofia", "games"];
    amparo.cli(&["grant", "sofia", "30m"]).await.exits(DONE);
    amparo.cli(&start).await.exits(FAILED).complains("There is free time now");
    amparo.cli(&["pause", "sofia"]).await.exits(DONE);
    amparo.cli(&start).await.exits(FAILED).complains("There is a pause");
    amparo.cli(&["undo"]).await.exits(DONE);
    amparo.cli(&["undo"]).await.exits(DONE).prints("Taken back: free time (Sofía)\n");
    amparo.cli(&start).await.exits(DONE).prints("Sofía has started: ");
    amparo.ask(SOFIA, "www.playground.example").await.is_open();
    amparo.cli(&["stop", "sofia", "games"]).await.exits(DONE).prints("Sofía has stopped: ");
    amparo.cli(&["stop", "sofia", "games"]).await.exits(FAILED).complains("It was not started.");
    amparo.cli(&["start", "mateo", "games"]).await.exits(FAILED).complains("counts by itself");
}

#[tokio::test]
async fn a_budget_that_is_not_there_is_told_with_those_that_are() {
    let amparo = Amparo::start(HOME).at("2026-11-23 16:00").await;
    let grant = async |child: &str, budget: &str| {
        amparo.cli(&["grant", child, "15m", "--budget", budget]).await
    };
    grant("mateo", "games").await.exits(DONE).prints(" +15 min\n");
    grant("mateo", "chess").await.exits(FAILED).complains("Those of Mateo: games.");
    grant("ana", "games").await.exits(FAILED).complains("Ana has no time limits.");
}

// === Words ===

#[tokio::test]
async fn a_word_is_open_for_a_while_or_for_good() {
    let amparo = Amparo::start(HOME).at("2026-11-23 16:00").await;
    let allow = ["allow", "tiktok", "--for", "mateo"];
    let while_ = amparo.cli(&["allow", "tiktok", "--for", "mateo", "--until", "1h"]).await;
    while_.exits(DONE).prints("TikTok is open for Mateo until 17:00\n");
    amparo.ask(MATEO, "www.tiktok.com").await.is_open();
    amparo.cli(&["undo"]).await.exits(DONE).prints("Taken back: allow TikTok (Mateo)\n");
    amparo.ask(MATEO, "www.tiktok.com").await.is_blocked();
    let before = std::fs::read_to_string(amparo.home.config()).expect("it is there");
    amparo.cli(&allow).await.exits(DONE).prints("; it is written into the file\n");
    amparo.cli(&allow).await.exits(DONE).prints("; it was so already\n");
    amparo.ask(MATEO, "www.tiktok.com").await.is_open();
    amparo.cli(&["undo"]).await.exits(DONE).prints("Taken back: allow TikTok (Mateo)\n");
    let after = std::fs::read_to_string(amparo.home.config()).expect("it is there");
    assert_eq!(after, before);
}

#[tokio::test]
async fn a_slip_of_the_pen_is_told_with_what_was_meant() {
    let amparo = Amparo::start(HOME).at("2026-11-23 16:00").await;
    let said = amparo.cli(&["pause", "sofi"]).await;
    said.exits(FAILED).complains("did you mean `sofia`?").complains("sofia, mateo, ana");
    let said = amparo.cli(&["allow", "tiktokk", "--for", "mateo"]).await;
    said.exits(FAILED).complains("did you mean `tiktok`?");
    let said = amparo.cli(&["block", "https://tiktok.com/x", "--for", "mateo"]).await;
    said.exits(USAGE).complains("write only the name: tiktok.com");
    let said = amparo.cli(&["allow", "internet", "--for", "mateo", "--until", "1h"]).await;
    said.exits(USAGE).complains("amparo grant");
    let said = amparo.cli(&["pause", "mateo", "--until", "2020-01-01"]).await;
    said.exits(USAGE).complains("is over");
    amparo.cli(&["grant", "mateo", "soon"]).await.exits(USAGE).complains("`soon` is no duration");
    amparo.cli(&["week", "pepe"]).await.exits(USAGE).complains("nobody is called `pepe`");
    assert_eq!(amparo.cli(&["audit", "--json"]).await.exits(DONE).json().len(), 0);
}

#[tokio::test]
async fn a_household_that_speaks_spanish_is_told_so_in_spanish() {
    let amparo = Amparo::start(&in_spanish()).at("2026-11-23 16:00").await;
    let said = amparo.cli(&["pause", "sofi"]).await;
    said.exits(FAILED).complains("nadie se llama `sofi` (¿quiso decir `sofia`?); en este hogar: ");
    let said = amparo.cli(&["grant", "mateo", "15m", "--budget", "chess"]).await;
    said.exits(FAILED).complains("Los de Mateo: games.");
    let said = amparo.cli(&["grant", "sofia", "15m"]).await;
    said.exits(DONE).prints("Sofía tiene tiempo libre hasta las 16:15");
    amparo.cli(&["audit"]).await.exits(DONE).prints("tiempo libre · Sofía · ");
}

// === Requests ===

#[tokio::test]
async fn a_request_goes_from_the_child_to_the_parent_and_back() {
    let amparo = Amparo::start(HOME).at("2026-11-23 16:00").await;
    amparo.cli(&["requests"]).await.exits(DONE).prints("Nobody has asked for anything yet.\n");
    let ask = ["requests", "ask", "tiktok", "--for", "mateo", "--reason", "a song for school"];
    amparo.cli(&ask).await.exits(DONE).prints("Request 1 of Mateo is noted");
    amparo.cli(&["requests", "ask", "tiktok", "--for", "mateo"]).await.exits(USAGE);
    let listed = amparo.cli(&["requests"]).await;
    listed.exits(DONE).prints("Mateo  TikTok  waiting\n").prints("«a song for school»");
    let waiting = one(&amparo.cli(&["requests", "--json"]).await);
    assert_eq!((&waiting["id"], &waiting["state"]), (&1.into(), &"waiting".into()), "{waiting}");
    assert_eq!(waiting["what"], "tiktok");

    let note = ["requests", "approve", "1", "--until", "30m", "--note", "have fun"];
    amparo.cli(&note).await.exits(DONE).prints("Mateo may have: TikTok until 16:30\n");
    amparo.ask(MATEO, "www.tiktok.com").await.is_open();
    amparo.set("2026-11-23 16:30:00").ask(MATEO, "www.tiktok.com").await.is_blocked();
    amparo.cli(&["requests"]).await.exits(DONE).prints("note: have fun");

    let again = amparo.cli(&["requests", "deny", "1"]).await;
    again.exits(FAILED).complains("was answered already");
    amparo
        .cli(&["requests", "deny", "99"])
        .await
        .exits(FAILED)
        .complains("no request of that number");
    amparo.cli(&["requests", "deny", "one"]).await.exits(USAGE);
}

#[tokio::test]
async fn a_request_for_time_is_called_time_wherever_it_is_shown() {
    let amparo = Amparo::start(&in_spanish()).at("2026-11-23 21:00").await;
    let ask = ["requests", "ask", "time", "--for", "sofia", "--reason", "no tengo sueño"];
    amparo.cli(&ask).await.exits(DONE).prints("Petición 1 de Sofía anotada");
    amparo.cli(&["requests"]).await.exits(DONE).prints("Sofía  tiempo  espera\n");
    amparo.cli(&["requests", "approve", "1"]).await.exits(DONE).prints("tiempo hasta las 22:00\n");
    amparo.ask(SOFIA, "www.example.com").await.is_open();
    amparo.cli(&["audit"]).await.exits(DONE).prints("aprobar · Sofía · tiempo · ");
    amparo.cli(&["undo"]).await.exits(DONE).prints("Se deshizo: aprobar tiempo (Sofía)\n");
    amparo.ask(SOFIA, "www.example.com").await.is_blocked();
}

// === To see it ===

#[tokio::test]
async fn the_week_shows_a_pause_and_given_time() {
    let amparo = Amparo::start(HOME).at("2026-11-23 21:00").await;
    amparo.cli(&["pause", "sofia", "30m"]).await.exits(DONE);
    amparo.cli(&["grant", "mateo", "1h"]).await.exits(DONE);
    let spans = async |child: &str| {
        let week = one(&amparo.cli(&["week", child, "--json"]).await);
        assert_eq!(week["days"].as_array().map(Vec::len), Some(7), "{week}");
        week["days"][0]["spans"].as_array().expect("a day has spans").clone()
    };
    let is_paused = |span: &Value| {
        span["is_paused"] == true
            && span["from"] == "2026-11-23T21:00:00-06:00"
            && span["to"] == "2026-11-23T21:30:00-06:00"
    };
    let of_sofia = spans("sofia").await;
    assert!(of_sofia.iter().any(is_paused), "{of_sofia:?}");
    let is_free =
        |span: &Value| span["state"] == "free" && span["to"] == "2026-11-23T22:00:00-06:00";
    let of_mateo = spans("mateo").await;
    assert!(of_mateo.iter().any(is_free), "{of_mateo:?}");
    let shown = amparo.cli(&["week", "sofia"]).await;
    shown.exits(DONE).prints("21:00-21:30 pause: all closed").prints("20:30-06:30 Bedtime");
}

#[tokio::test]
async fn nothing_that_is_shown_is_wider_than_a_terminal() {
    for config in [HOME.to_owned(), in_spanish()] {
        let amparo = Amparo::start(&config).at("2026-11-23 16:00").await;
        let reason = "because ".repeat(20);
        let ask = ["requests", "ask", "tiktok", "--for", "mateo", "--reason", &reason];
        amparo.cli(&ask).await.exits(DONE);
        for command in [
            ["grant", "sofia", "5h"].as_slice(),
            &["pause", "mateo", "2d"],
            &["week", "sofia"],
            &["week", "mateo"],
            &["requests"],
            &["audit"],
        ] {
            let output = amparo.cli(command).await;
            output.exits(DONE).is_plain();
            let wide = output.stdout.lines().find(|line| line.chars().count() > COLUMNS);
            assert_eq!(wide, None, "{command:?}");
        }
    }
}

#[tokio::test]
async fn the_status_tells_what_holds_for_everyone() {
    let amparo = Amparo::start(HOME).at("2026-11-23 16:00").await;
    amparo.cli(&["pause", "sofia"]).await.exits(DONE);
    let status = one(&amparo.cli(&["status", "--json"]).await);
    let people = status["people"].as_array().expect("there are people");
    let find = |id: &str| people.iter().find(|one| one["id"] == id).expect("it is one of them");
    assert_eq!(find("sofia")["paused_until"], "2026-11-23T17:00:00-06:00");
    assert_eq!(find("mateo")["budgets"][0]["minutes"], 45);
    assert_eq!(find("mateo")["until"], Value::Null, "a new day changes nothing: {status}");
    let shown = amparo.cli(&["status"]).await;
    shown.exits(DONE).prints("now: paused until ").prints("now: no schedule holds\n");
}

#[test]
fn without_a_daemon_nothing_is_changed_and_the_exit_says_so() {
    let home = Home::with("[child.sofia]\nage = 9\n[household]\npublic_lists = false\n");
    for command in [
        ["pause", "sofia"].as_slice(),
        &["resume", "sofia"],
        &["grant", "sofia", "30m"],
        &["allow", "tiktok", "--for", "sofia"],
        &["block", "tiktok", "--for", "sofia", "--until", "1h"],
        &["start", "sofia", "games"],
        &["stop", "sofia", "games"],
        &["undo"],
        &["audit"],
        &["requests"],
        &["requests", "approve", "1"],
        &["status"],
    ] {
        home.amparo(command).exits(NO_DAEMON).complains("no daemon answers");
    }
    // These need none.
    home.amparo(&["week", "sofia"]).exits(DONE);
    home.amparo(&["why", "www.tiktok.com", "--for", "sofia"]).exits(BLOCKED);
    // What is wrong with the command is told before the daemon is asked.
    home.amparo(&["pause", "sofia", "--until", "always"]).exits(USAGE);
    home.amparo(&["grant", "sofia", "0m"]).exits(USAGE);
}
