//! What a parent does for a while: pauses, grants, budgets, requests, taking it back.
//!
//! Several of these are defects that families met in other filters.

use amparo::control::{Command, FamilyCommand as Do, Until};
use amparo::policy::meter::MINIMUM_MINUTES;
use hickory_proto::rr::RecordType;
use serde_json::Value;

use crate::harness::{ANA, Amparo, MATEO, Question, SOFIA};

/// Two children with time of their own; Mateo has two devices.
const HOME: &str = r#"
[category.games]
names = ["playground.example"]

[child.sofia]
age     = 9
name    = "Sofía"
devices = ["127.0.0.10"]
bedtime = "20:30-06:30"
budget  = { games = "30m" }

[child.mateo]
age     = 14
devices = ["127.0.0.11", "127.0.0.12"]
block   = ["tiktok"]   # until the exams are over
budget  = { games = { mon-fri = "10m", sat-sun = "3h" }, internet = "2h" }

[adult.ana]
devices = ["127.0.0.20"]
"#;

const GAME: &str = "www.playground.example";

/// Tells the daemon; what came of it.
async fn tell(amparo: &Amparo, command: Do) -> Value {
    amparo.tell(&Command::Family(command)).await.expect("it does what it is told")
}

/// What the daemon says why not.
async fn refusal(amparo: &Amparo, command: Do) -> String {
    amparo.tell(&Command::Family(command)).await.expect_err("it does not do that")
}

/// How it is; what happened before is counted and in force.
async fn status(amparo: &Amparo) -> Value {
    amparo.tell(&Command::Status).await.expect("it tells how it is")
}

fn person<'a>(status: &'a Value, id: &str) -> &'a Value {
    let people = status["people"].as_array().expect("there are people");
    people.iter().find(|one| one["id"] == id).expect("it is one of them")
}

/// Plays so many minutes from now on, a question in each; the clock then stands at the end of them.
async fn play(amparo: &Amparo, from: &str, minutes: u32) {
    for _ in 0..minutes {
        amparo.ask(from, GAME).await.is_open();
        status(amparo).await;
        amparo.advance_seconds(60);
    }
}

fn sofia() -> String {
    "sofia".to_owned()
}

fn mateo() -> String {
    "mateo".to_owned()
}

// === Pauses ===

#[tokio::test]
async fn a_pause_closes_everything_but_help_until_its_end() {
    let amparo = Amparo::start(HOME).at("2026-11-23 16:00").await;
    let question = Question::of("www.example.com", RecordType::A);
    amparo.ask(MATEO, "www.example.com").await.is_open().lives_at_most(60);
    let told = tell(&amparo, Do::Pause { child: mateo(), until: Until::For(1800) }).await;
    assert_eq!(told["text"], "Mateo is paused until 16:30");
    amparo.ask(MATEO, "www.example.com").await.is_blocked();
    amparo.send_tcp(MATEO, &question).await.is_blocked();
    amparo.ask("127.0.0.12", "www.wikipedia.org").await.is_blocked();
    amparo.ask(MATEO, "pool.ntp.org").await.is_open();
    amparo.ask(SOFIA, "www.example.com").await.is_open();
    amparo.set("2026-11-23 16:29:50").ask(MATEO, "www.example.com").await.lives_at_most(10);
    amparo.set("2026-11-23 16:30:00").ask(MATEO, "www.example.com").await.is_open();
}

#[tokio::test]
async fn a_pause_is_ended_by_resume_and_found_again_after_a_restart() {
    let amparo = Amparo::start(HOME).at("2026-11-23 16:00").await;
    tell(&amparo, Do::Pause { child: mateo(), until: Until::For(3600) }).await;
    let amparo = amparo.restart().await;
    amparo.ask(MATEO, "www.example.com").await.is_blocked();
    tell(&amparo, Do::Resume { child: mateo() }).await;
    amparo.ask(MATEO, "www.example.com").await.is_open();
    let amparo = amparo.restart().await;
    amparo.ask(MATEO, "www.example.com").await.is_open();
}

#[tokio::test]
async fn a_pause_is_for_a_while_and_about_somebody() {
    let amparo = Amparo::start(HOME).await;
    let pause = |child: &str, until| Do::Pause { child: child.to_owned(), until };
    let why = refusal(&amparo, pause("mateo", Until::Always)).await;
    assert!(why.contains("a pause has an end"), "{why}");
    let why = refusal(&amparo, pause("matteo", Until::For(60))).await;
    assert!(why.contains("did you mean `mateo`"), "{why}");
    let why = refusal(&amparo, pause("mateo", Until::At(amparo.now()))).await;
    assert!(why.contains("has passed"), "{why}");
    let why = refusal(&amparo, pause("mateo", Until::Bedtime)).await;
    assert!(why.contains("has no `bedtime`"), "{why}");
    let told = tell(&amparo, pause("Sofía", Until::Bedtime)).await;
    assert_eq!(told["text"], "Sofía is paused until 20:30");
}

// === Grants ===

#[tokio::test]
async fn an_hour_of_free_time_in_bedtime_lives_exactly_sixty_minutes() {
    let amparo = Amparo::start(HOME).at("2026-11-23 21:07:13").await;
    amparo.ask(SOFIA, "www.example.com").await.is_blocked();
    tell(&amparo, Do::Grant { child: sofia(), seconds: 3600, budget: None }).await;
    amparo.ask(SOFIA, "www.example.com").await.is_open();
    amparo.set("2026-11-23 22:07:12").ask(SOFIA, "www.example.com").await.lives_at_most(1);
    amparo.ask(SOFIA, "www.example.com").await.is_open();
    amparo.set("2026-11-23 22:07:13").ask(SOFIA, "www.example.com").await.is_blocked();
}

#[tokio::test]
async fn free_time_opens_no_list() {
    let amparo = Amparo::start(HOME).at("2026-11-23 21:00").await;
    tell(&amparo, Do::Grant { child: sofia(), seconds: 3600, budget: None }).await;
    amparo.ask(SOFIA, "www.pornhub.com").await.is_blocked();
    amparo.ask(SOFIA, "www.tiktok.com").await.is_blocked();
    tell(&amparo, Do::Grant { child: mateo(), seconds: 3600, budget: None }).await;
    amparo.ask(MATEO, "www.tiktok.com").await.is_blocked();
}

#[tokio::test]
async fn free_time_that_is_given_twice_adds_up() {
    let amparo = Amparo::start(HOME).at("2026-11-23 21:00").await;
    let half_an_hour = || Do::Grant { child: sofia(), seconds: 1800, budget: None };
    tell(&amparo, half_an_hour()).await;
    let told = tell(&amparo, half_an_hour()).await;
    assert!(told["text"].as_str().is_some_and(|text| text.contains("until 22:00")), "{told}");
    amparo.set("2026-11-23 21:59:59").ask(SOFIA, "www.example.com").await.is_open();
    amparo.set("2026-11-23 22:00:00").ask(SOFIA, "www.example.com").await.is_blocked();
}

#[tokio::test]
async fn a_name_that_is_allowed_for_a_while_is_open_whatever_closes_it() {
    let amparo = Amparo::start(HOME).at("2026-11-23 20:00").await;
    let allow = Do::Allow {
        what: "www.tiktok.com".to_owned(),
        child: mateo(),
        until: Until::At(amparo.now() + jiff::SignedDuration::from_mins(90)),
    };
    amparo.ask(MATEO, "www.tiktok.com").await.is_blocked();
    let told = tell(&amparo, allow).await;
    assert_eq!(told["text"], "www.tiktok.com is open for Mateo until 21:30");
    amparo.ask(MATEO, "www.tiktok.com").await.is_open().lives_at_most(60);
    amparo.ask(MATEO, "m.tiktok.com").await.is_blocked();
    amparo.set("2026-11-23 21:29:30").ask(MATEO, "www.tiktok.com").await.lives_at_most(30);
    amparo.set("2026-11-23 21:30:00").ask(MATEO, "www.tiktok.com").await.is_blocked();
}

#[tokio::test]
async fn a_service_that_is_allowed_in_bedtime_is_all_that_is_open() {
    let amparo = Amparo::start(HOME).at("2026-11-23 21:00").await;
    let allow =
        |what: &str| Do::Allow { what: what.to_owned(), child: sofia(), until: Until::For(600) };
    tell(&amparo, allow("spotify")).await;
    amparo.ask(SOFIA, "open.spotify.com").await.is_open();
    amparo.ask(SOFIA, "www.example.com").await.is_blocked();
    let why = refusal(&amparo, allow("internet")).await;
    assert!(why.contains("amparo grant"), "{why}");
    let why = refusal(&amparo, allow("spotifi")).await;
    assert!(why.contains("did you mean `spotify`"), "{why}");
}

#[tokio::test]
async fn what_is_blocked_for_a_while_is_open_again_at_its_end() {
    let amparo = Amparo::start(HOME).at("2026-11-23 16:00").await;
    let block =
        |what: &str| Do::Block { what: what.to_owned(), child: mateo(), until: Until::For(600) };
    for (what, name) in [("games", GAME), ("example.com", "www.example.com")] {
        tell(&amparo, block(what)).await;
        amparo.ask(MATEO, name).await.is_blocked().lives_at_most(10);
    }
    amparo.ask(MATEO, "www.example.org").await.is_open();
    amparo.advance_seconds(599).ask(MATEO, GAME).await.is_blocked().lives_at_most(1);
    amparo.advance_seconds(1);
    for name in [GAME, "www.example.com"] {
        amparo.ask(MATEO, name).await.is_open();
    }
}

// === Budgets ===

#[tokio::test]
async fn a_budget_of_ten_minutes_ends_after_ten_active_minutes() {
    let amparo = Amparo::start(HOME).at("2026-11-23 16:00").await;
    play(&amparo, MATEO, 9).await;
    amparo.ask(MATEO, GAME).await.is_open();
    status(&amparo).await;
    amparo.advance_seconds(59).ask(MATEO, GAME).await.is_open().lives_at_most(1);
    amparo.advance_seconds(1).ask(MATEO, GAME).await.is_blocked();
    amparo.ask("127.0.0.12", GAME).await.is_blocked();
    amparo.ask(MATEO, "www.example.com").await.is_open();
    let status = status(&amparo).await;
    let games = &person(&status, "mateo")["budgets"][0];
    assert_eq!((&games["budget"], &games["left"]), (&"games".into(), &0.into()), "{games}");
    assert_eq!(games["is_closed"], true);
    // At four in the morning a new day begins.
    amparo.set("2026-11-24 03:59:59").ask(MATEO, GAME).await.is_blocked();
    amparo.set("2026-11-24 04:00:00").ask(MATEO, GAME).await.is_open();
}

#[tokio::test]
async fn two_devices_in_one_minute_are_one_minute() {
    let amparo = Amparo::start(HOME).at("2026-11-23 16:00").await;
    for _ in 0..6 {
        amparo.ask(MATEO, GAME).await.is_open();
        amparo.ask("127.0.0.12", GAME).await.is_open();
        status(&amparo).await;
        amparo.advance_seconds(60);
    }
    let status = status(&amparo).await;
    assert_eq!(person(&status, "mateo")["budgets"][0]["used"], 6, "{status}");
}

#[tokio::test]
async fn a_lone_question_and_a_name_that_is_noise_are_nobody() {
    assert_eq!(MINIMUM_MINUTES, 2);
    let amparo = Amparo::start(HOME).at("2026-11-23 16:00").await;
    amparo.ask(MATEO, GAME).await.is_open();
    for _ in 0..5 {
        amparo.advance_seconds(60).ask(MATEO, "app-measurement.com").await.is_open();
        amparo.ask(MATEO, "pool.ntp.org").await.is_open();
    }
    amparo.advance_seconds(1800);
    let status = status(&amparo).await;
    let budgets = &person(&status, "mateo")["budgets"];
    assert_eq!((&budgets[0]["used"], &budgets[1]["used"]), (&0.into(), &0.into()), "{budgets}");
}

#[tokio::test]
async fn what_was_used_is_found_again_after_a_restart_and_counts_on() {
    let mut amparo = Amparo::start(HOME).at("2026-11-23 16:00").await;
    for _ in 0..5 {
        play(&amparo, MATEO, 2).await;
        amparo = amparo.restart().await;
    }
    amparo.ask(MATEO, GAME).await.is_blocked();
    let amparo = amparo.restart().await;
    amparo.ask(MATEO, GAME).await.is_blocked();
}

#[tokio::test]
async fn more_time_is_for_today() {
    let amparo = Amparo::start(HOME).at("2026-11-23 16:00").await;
    play(&amparo, MATEO, 10).await;
    amparo.ask(MATEO, GAME).await.is_blocked();
    let more = || Do::Grant { child: mateo(), seconds: 300, budget: Some("games".to_owned()) };
    tell(&amparo, more()).await;
    play(&amparo, MATEO, 5).await;
    amparo.ask(MATEO, GAME).await.is_blocked();
    // What is left over is not there tomorrow.
    tell(&amparo, more()).await;
    amparo.set("2026-11-24 16:00");
    play(&amparo, MATEO, 10).await;
    amparo.ask(MATEO, GAME).await.is_blocked();
}

#[tokio::test]
async fn free_time_uses_no_budget() {
    let amparo = Amparo::start(HOME).at("2026-11-23 16:00").await;
    play(&amparo, MATEO, 10).await;
    amparo.ask(MATEO, GAME).await.is_blocked();
    tell(&amparo, Do::Grant { child: mateo(), seconds: 1200, budget: None }).await;
    play(&amparo, MATEO, 20).await;
    amparo.ask(MATEO, GAME).await.is_blocked();
    let status = status(&amparo).await;
    assert_eq!(person(&status, "mateo")["budgets"][1]["used"], 10, "{status}");
}

#[tokio::test]
async fn time_that_must_be_started_is_closed_until_it_is() {
    let config = HOME.replace(
        "budget  = { games = \"30m\" }",
        "budget_mode = \"started\"\nbudget = { games = \"30m\" }",
    );
    let amparo = Amparo::start(&config).at("2026-11-23 16:00").await;
    amparo.ask(SOFIA, GAME).await.is_blocked();
    let games = || "games".to_owned();
    tell(&amparo, Do::Start { child: sofia(), budget: games() }).await;
    play(&amparo, SOFIA, 10).await;
    tell(&amparo, Do::Stop { child: sofia(), budget: games() }).await;
    amparo.ask(SOFIA, GAME).await.is_blocked();
    // Nothing runs meanwhile.
    amparo.set("2026-11-23 18:00");
    tell(&amparo, Do::Start { child: sofia(), budget: games() }).await;
    play(&amparo, SOFIA, 18).await;
    amparo.advance_seconds(180).ask(SOFIA, GAME).await.is_blocked();
}

#[tokio::test]
async fn a_warning_comes_at_fifteen_and_at_five_minutes() {
    let amparo = Amparo::start(HOME).at("2026-11-23 16:00").await;
    play(&amparo, SOFIA, 30).await;
    let status = status(&amparo).await;
    let events = status["events"].as_array().expect("they are told");
    let of_sofia: Vec<_> = events.iter().filter(|event| event["child"] == "sofia").collect();
    let told: Vec<_> =
        of_sofia.iter().map(|event| (&event["kind"], &event["minutes_left"])).collect();
    let (warning, used_up) = (Value::from("warning"), Value::from("used_up"));
    assert_eq!(
        told,
        [(&warning, &15.into()), (&warning, &5.into()), (&used_up, &Value::Null)],
        "{events:?}"
    );
}

// === Requests ===

#[tokio::test]
async fn a_request_is_approved_for_a_while() {
    let amparo = Amparo::start(HOME).at("2026-11-23 16:00").await;
    let ask = || Do::Ask {
        child: mateo(),
        what: "tiktok".to_owned(),
        reason: "for the school project".to_owned(),
    };
    let first = tell(&amparo, ask()).await;
    amparo.advance_seconds(60);
    let again = tell(&amparo, ask()).await;
    assert_eq!((&first["id"], &again["count"]), (&again["id"], &2.into()), "{again}");
    let id = first["id"].as_u64().expect("it has a number");
    amparo.ask(MATEO, "www.tiktok.com").await.is_blocked();
    let answer = |approve, note: Option<&str>| Do::Answer {
        id,
        approve,
        until: Some(Until::For(3600)),
        what: None,
        note: note.map(str::to_owned),
    };
    tell(&amparo, answer(true, Some("one hour"))).await;
    amparo.ask(MATEO, "www.tiktok.com").await.is_open();
    let requests = tell(&amparo, Do::Requests).await;
    assert_eq!(requests[0]["state"], "approved", "{requests}");
    assert_eq!(requests[0]["note"], "one hour");
    refusal(&amparo, answer(true, None)).await;
    amparo.advance_seconds(3600).ask(MATEO, "www.tiktok.com").await.is_blocked();
}

#[tokio::test]
async fn a_request_that_is_denied_opens_nothing_and_one_that_waits_runs_out() {
    let amparo = Amparo::start(HOME).at("2026-11-23 16:00").await;
    let ask = |what: &str| Do::Ask { child: mateo(), what: what.to_owned(), reason: String::new() };
    let id = tell(&amparo, ask("tiktok")).await["id"].as_u64().expect("it has a number");
    tell(&amparo, Do::Answer { id, approve: false, until: None, what: None, note: None }).await;
    amparo.ask(MATEO, "www.tiktok.com").await.is_blocked();
    tell(&amparo, ask("x.example")).await;
    assert_eq!(person(&status(&amparo).await, "mateo")["requests"], 1);
    amparo.set("2026-11-24 16:00:01");
    let requests = tell(&amparo, Do::Requests).await;
    assert_eq!(requests[0]["state"], "expired", "{requests}");
    assert_eq!(person(&status(&amparo).await, "mateo")["requests"], 0);
}

#[tokio::test]
async fn what_was_denied_is_not_written_into_the_file_by_a_late_yes() {
    let amparo = Amparo::start(HOME).await;
    let ask = Do::Ask { child: mateo(), what: "tiktok".to_owned(), reason: String::new() };
    let id = tell(&amparo, ask).await["id"].as_u64().expect("it has a number");
    let answer = |approve, until| Do::Answer { id, approve, until, what: None, note: None };
    tell(&amparo, answer(false, None)).await;
    let before = std::fs::read_to_string(amparo.home.config()).expect("it has a file");
    let why = refusal(&amparo, answer(true, Some(Until::Always))).await;
    assert!(why.contains("answered already"), "{why}");
    let after = std::fs::read_to_string(amparo.home.config()).expect("it has a file");
    assert_eq!(after, before);
    amparo.ask(MATEO, "www.tiktok.com").await.is_blocked();
}

#[tokio::test]
async fn a_child_cannot_ask_without_end() {
    let amparo = Amparo::start(HOME).await;
    let ask = |what: String| Do::Ask { child: mateo(), what, reason: String::new() };
    let mut refused = 0;
    for number in 0..20 {
        let asked = amparo.tell(&Command::Family(ask(format!("site{number}.example")))).await;
        refused += usize::from(asked.is_err());
    }
    assert!(refused >= 14, "{refused} of 20 refused");
}

// === For good, and taken back ===

#[tokio::test]
async fn for_good_is_written_into_the_file_and_taken_back_to_the_letter() {
    let amparo = Amparo::start(HOME).await;
    let before = std::fs::read_to_string(amparo.home.config()).expect("it has a file");
    let allow = Do::Allow { what: "tiktok".to_owned(), child: mateo(), until: Until::Always };
    amparo.ask(MATEO, "www.tiktok.com").await.is_blocked();
    let told = tell(&amparo, allow).await;
    assert!(told["text"].as_str().is_some_and(|text| text.ends_with("into the file")), "{told}");
    amparo.ask(MATEO, "www.tiktok.com").await.is_open();
    let after = std::fs::read_to_string(amparo.home.config()).expect("it has a file");
    assert!(after.contains("allow   = [\"tiktok\"]   # until the exams are over"), "{after}");
    tell(&amparo, Do::Undo).await;
    let undone = std::fs::read_to_string(amparo.home.config()).expect("it has a file");
    assert_eq!(undone, before);
    amparo.ask(MATEO, "www.tiktok.com").await.is_blocked();
}

#[tokio::test]
async fn undo_takes_back_one_change_after_the_other() {
    let amparo = Amparo::start(HOME).at("2026-11-23 16:00").await;
    let allow = Do::Allow { what: "tiktok".to_owned(), child: mateo(), until: Until::For(3600) };
    tell(&amparo, allow).await;
    tell(&amparo, Do::Pause { child: mateo(), until: Until::For(3600) }).await;
    amparo.ask(MATEO, "www.tiktok.com").await.is_blocked();
    tell(&amparo, Do::Undo).await;
    amparo.ask(MATEO, "www.tiktok.com").await.is_open();
    tell(&amparo, Do::Undo).await;
    amparo.ask(MATEO, "www.tiktok.com").await.is_blocked();
    refusal(&amparo, Do::Undo).await;
}

#[tokio::test]
async fn the_audit_tells_who_changed_what() {
    let amparo = Amparo::start(HOME).at("2026-11-23 16:00").await;
    tell(&amparo, Do::Pause { child: mateo(), until: Until::For(3600) }).await;
    tell(&amparo, Do::Undo).await;
    let amparo = amparo.restart().await;
    let rows = tell(&amparo, Do::Audit { limit: 10 }).await;
    let pause = rows.as_array().and_then(|rows| rows.iter().find(|row| row["action"] == "pause"));
    let pause = pause.expect("it is in there");
    assert_eq!((&pause["child"], &pause["via"]), (&"mateo".into(), &"cli".into()), "{rows}");
    assert_eq!(pause["undone"], true);
    assert!(pause["who"].as_str().is_some_and(|who| !who.is_empty()), "{pause}");
}

// === The clock ===

#[tokio::test]
async fn without_a_clock_the_stricter_side_of_each_schedule_holds() {
    let amparo = Amparo::start(HOME).at("1970-01-02 12:00").await;
    amparo.ask(SOFIA, "www.example.com").await.is_blocked();
    amparo.ask(SOFIA, "pool.ntp.org").await.is_open();
    amparo.ask(ANA, "www.example.com").await.is_open();
    let how = status(&amparo).await;
    assert_eq!(how["time_known"], false);
    assert!(how["troubles"].to_string().contains("not known yet"), "{how}");
    // The network is there, and the clock is set.
    let noon: jiff::Timestamp = "2026-11-23T18:00:00Z".parse().expect("it is a time");
    amparo.clock().step(noon.duration_since(amparo.now()));
    amparo.clock().set_synchronised(true);
    crate::harness::until("the time", async || status(&amparo).await["time_known"] == true).await;
    amparo.ask(SOFIA, "www.example.com").await.is_open();
}

#[tokio::test]
async fn a_day_forward_and_back_changes_what_is_open_at_once_and_gives_no_time() {
    let amparo = Amparo::start(HOME).at("2026-11-23 16:00").await;
    play(&amparo, MATEO, 10).await;
    amparo.ask(MATEO, GAME).await.is_blocked();
    tell(&amparo, Do::Pause { child: sofia(), until: Until::For(600) }).await;
    for hours in [24, -24, 24, -24] {
        amparo.clock().step(jiff::SignedDuration::from_hours(hours));
        let how = status(&amparo).await;
        assert_eq!(how["time_known"], true);
        amparo.ask(SOFIA, "www.example.com").await.is_blocked();
    }
    amparo.ask(MATEO, GAME).await.is_blocked();
    amparo.clock().step(jiff::SignedDuration::from_hours(5));
    amparo.ask(SOFIA, "www.example.com").await.is_blocked();
    amparo.advance_seconds(600);
    status(&amparo).await;
    // The pause is over after ten minutes, and it is bedtime now.
    assert_eq!(person(&status(&amparo).await, "sofia")["is_paused"], false);
    amparo.ask(SOFIA, "www.example.com").await.is_blocked();
}

#[tokio::test]
async fn unplugging_the_box_gives_no_time() {
    let amparo = Amparo::start(HOME).at("2026-11-23 20:29").await;
    status(&amparo).await;
    let clock = amparo.clock().clone();
    let off = amparo.stop().await;
    // It starts again in another boot, with a clock that stood still.
    clock.set_boot_id("another");
    let amparo = off.start().await;
    assert_eq!(status(&amparo).await["time_known"], false);
    amparo.ask(SOFIA, "www.example.com").await.is_blocked();
}
