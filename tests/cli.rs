//! The program as a person meets it: its commands, what they print and how they end.

use std::net::{TcpListener, UdpSocket};

use hickory_proto::rr::RecordType;
use serde_json::Value;

use crate::harness::{ANA, Amparo, Answer, FAMILY, Home, MATEO, Question, SOFIA};

/// Done.
const DONE: i32 = 0;
/// Failed.
const FAILED: i32 = 1;
/// Not how it is called.
const USAGE: i32 = 2;
/// The config is wrong.
const CONFIG: i32 = 3;
/// The daemon does not answer.
const NO_DAEMON: i32 = 4;
/// `why`: it is blocked.
const BLOCKED: i32 = 10;

/// The family with the keys that every command needs.
fn family() -> String {
    format!("[household]\ntimezone = \"America/Guatemala\"\nlanguage = \"en\"\n{FAMILY}")
}

// === How it is called ===

#[test]
fn help_and_version_are_no_failure() {
    let home = Home::new();
    home.bare(&["--help"]).exits(DONE).prints("check").prints("why").is_plain();
    home.bare(&["--version"]).exits(DONE).prints(env!("CARGO_PKG_VERSION"));
    home.bare(&["why", "--help"]).exits(DONE).prints("--for").prints("--at");
}

#[test]
fn what_is_not_a_command_is_a_mistake_of_usage() {
    let home = Home::new();
    home.bare(&["frobnicate"]).exits(USAGE);
    home.bare(&["--frobnicate"]).exits(USAGE);
    home.bare(&["why"]).exits(USAGE);
    home.bare(&["chekc"]).exits(USAGE).complains("check");
}

#[test]
fn shells_and_manuals_are_served() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish"] {
        home.bare(&["completions", shell]).exits(DONE).prints("amparo");
    }
    home.bare(&["man"]).exits(DONE).prints(".TH amparo-why").prints("\\fBamparo lists status\\fR");
}

// === check ===

#[test]
fn a_good_file_passes() {
    let home = Home::with(&family());
    home.amparo(&["check"]).exits(DONE).is_plain();
    let path = home.config().display().to_string();
    home.bare(&["check", &path]).exits(DONE);
}

#[test]
fn an_empty_file_passes() {
    Home::with("").amparo(&["check"]).exits(DONE);
}

#[test]
fn a_word_nobody_knows_is_pointed_at() {
    let home = Home::with(&family().replace("\"tiktok\"", "\"tiktokk\""));
    let output = home.amparo(&["check"]);
    output.exits(CONFIG).is_plain();
    let line = home.config().display().to_string();
    output
        .complains("child `mateo` blocks something that is not defined")
        .complains(&format!("--> {line}:"))
        .complains("block   = [\"tiktokk\"]")
        .complains("^^^^^^^^^ did you mean `tiktok`?");
}

#[test]
fn all_mistakes_are_told_at_once() {
    let text = family().replace("\"tiktok\"", "\"tiktokk\"").replace("20:30-06:30", "25:00-06:30");
    let output = Home::with(&format!("{text}\n[dns]\ncolour = 1\n")).amparo(&["check"]);
    output.exits(CONFIG).complains("tiktokk").complains("25:00").complains("colour");
}

#[test]
fn a_bad_file_is_reported_the_same_to_whoever_asks() {
    let home = Home::with(&family().replace("\"tiktok\"", "\"tiktokk\""));
    for command in [&["check"][..], &["why", "tiktok.com"], &["run"]] {
        home.amparo(command).exits(CONFIG).complains("did you mean `tiktok`?");
    }
}

#[test]
fn a_file_that_is_not_there_is_said_to_be_missing() {
    let home = Home::new();
    let output = home.amparo(&["check"]);
    assert!([FAILED, CONFIG].contains(&output.exit), "{output}");
    output.complains("amparo.toml");
}

#[test]
fn a_file_of_nonsense_is_refused() {
    for text in ["\0\0\0", "[[[", "= 1", "[child.sofia]\nage = \"nine\"", "\u{feff}\u{feff}x"] {
        Home::with(text).amparo(&["check"]).exits(CONFIG);
    }
}

#[test]
fn a_variable_that_names_no_file_is_a_wrong_config() {
    let home = Home::new();
    let output = home.bare_with("AMPARO_CONFIG", "/nowhere/x.toml", &["run", "--offline"]);
    output.exits(CONFIG).complains("/nowhere/x.toml cannot be read");
}

#[test]
fn one_is_counted_as_one() {
    let home = Home::with("[adult.ana]\ndevices = [\"127.0.0.20\"]\n");
    home.amparo(&["check"]).exits(DONE).prints("1 person, 1 device, ");
}

// === A file that broke, with the last good copy beside it ===

/// A home whose daemon ran with the family's rules, and whose file is broken now.
async fn broken(config: &str) -> Home {
    let amparo = Amparo::start(config).await;
    amparo.ask(MATEO, "www.tiktok.com").await.is_blocked();
    let text = std::fs::read_to_string(amparo.home.config()).expect("it is ours");
    let home = amparo.shutdown().await;
    home.write("amparo.toml", &text.replace("\"tiktok\"", "\"tiktokk\""));
    home
}

#[tokio::test]
async fn a_broken_file_hides_neither_the_log_nor_who_was_meant() {
    let home = broken(FAMILY).await;
    home.amparo(&["log"]).exits(DONE).prints("Mateo").prints("TikTok is closed for Mateo");
    home.amparo(&["status"]).exits(NO_DAEMON);
    std::fs::remove_file(home.state().join("config.last.toml")).expect("it was kept");
    home.amparo(&["log"]).exits(DONE).prints("TikTok").prints("Mateo");
}

#[tokio::test]
async fn why_goes_by_the_last_good_copy_and_says_so() {
    let home = broken(FAMILY).await;
    home.amparo(&["why", "www.tiktok.com", "--for", "mateo"])
        .exits(BLOCKED)
        .prints("TikTok is closed for Mateo")
        .complains("did you mean `tiktok`?")
        .complains("last good copy");
}

#[tokio::test]
async fn a_daemon_answers_whatever_became_of_its_file() {
    let amparo = Amparo::start(FAMILY).await;
    let text = std::fs::read_to_string(amparo.home.config()).expect("it is ours");
    amparo.home.write("amparo.toml", &text.replace("\"tiktok\"", "\"tiktokk\""));
    amparo.cli(&["status"]).await.exits(DONE);
    let output = amparo.cli(&["why", "www.tiktok.com", "--for", "mateo"]).await;
    output.exits(BLOCKED).prints("TikTok is closed for Mateo");
    let output = amparo.cli(&["reload"]).await;
    output
        .exits(CONFIG)
        .complains("error: child `mateo`")
        .complains("keeps running with the rules");
    assert!(output.stderr.starts_with("error: "), "{output}");
}

#[tokio::test]
async fn a_file_that_is_gone_is_not_replaced_by_the_defaults() {
    let home = broken(FAMILY).await;
    std::fs::remove_file(home.config()).expect("it is ours");
    // The state of nobody's file: the usual place has none.
    let state = home.state().display().to_string();
    home.bare(&["why", "www.tiktok.com", "--for", "mateo", "--state", &state])
        .exits(BLOCKED)
        .prints("TikTok is closed for Mateo")
        .complains("there was a config file");
}

#[test]
fn a_broken_file_still_says_where_its_copy_is() {
    let home = Home::new();
    let state = home.path().join("elsewhere");
    std::fs::create_dir(&state).expect("the directory is ours");
    let good = format!("{}[state]\ndirectory = \"{}\"\n", family(), state.display());
    std::fs::write(state.join("config.last.toml"), &good).expect("the directory is ours");
    home.write("amparo.toml", &good.replace("\"tiktok\"", "\"tiktokk\""));
    let config = home.config().display().to_string();
    home.bare(&["why", "www.tiktok.com", "--for", "mateo", "--config", &config])
        .exits(BLOCKED)
        .complains("last good copy");
}

#[tokio::test]
async fn others_may_not_look_into_the_state_directory() {
    use std::os::unix::fs::PermissionsExt as _;
    let amparo = Amparo::start(FAMILY).await;
    let mode = |name: &str| {
        let path = amparo.home.state().join(name);
        std::fs::metadata(path).expect("it was made").permissions().mode() & 0o777
    };
    let modes = [mode(""), mode("control.sock"), mode("journal.db")];
    assert_eq!(modes, [0o750, 0o660, 0o640], "directory, socket, journal");
}

// === why ===

#[test]
fn why_says_why_without_a_daemon() {
    let home = Home::with(&family());
    let at = "2026-11-23T21:30:00-06:00";
    let output = home.amparo(&["why", "www.tiktok.com", "--for", "mateo", "--at", at, "--json"]);
    let rows = output.exits(BLOCKED).json();
    let [why] = rows.as_slice() else { panic!("one object:\n{output}") };
    assert_eq!(why["v"], 1);
    assert_eq!(why["name"], "www.tiktok.com");
    assert_eq!(why["child"], "mateo");
    assert_eq!(why["profile"], "13-15");
    assert_eq!(why["at"], at);
    assert_eq!(why["verdict"], "block");
    assert_eq!(why["reason"]["kind"], "service");
    assert_eq!(why["reason"]["id"], "tiktok");
    let text = why["reason"]["text"].as_str().expect("a sentence");
    assert_eq!(text, "TikTok is closed for Mateo");
    assert!(why["categories"].as_array().expect("an array").contains(&"social_media".into()));
    let matches = why["matches"].as_array().expect("an array");
    let found = matches.iter().any(|found| {
        found["entry"] == "tiktok.com" && found["line"].is_u64() && found["list"].is_string()
    });
    assert!(found, "{why:#}");
    for key in ["device", "target", "until"] {
        assert!(why.get(key).is_some(), "`{key}` is there, null or not: {why:#}");
    }
}

#[test]
fn why_ends_with_0_for_what_is_open() {
    let home = Home::with(&family());
    let output = home.amparo(&["why", "www.example.com", "--for", "mateo", "--json"]);
    let rows = output.exits(DONE).json();
    assert_eq!(rows[0]["verdict"], "allow");
    assert_eq!(rows[0]["reason"]["kind"], "default");
    home.amparo(&["why", "www.tiktok.com", "--for", "ana"]).exits(DONE).is_plain();
}

#[test]
fn why_knows_a_child_by_its_device_and_a_moment_by_its_day() {
    let home = Home::with(&family());
    for who in ["sofia", SOFIA] {
        let args = ["why", "www.example.com", "--for", who, "--at", "sat 21:30", "--json"];
        let rows = home.amparo(&args).exits(BLOCKED).json();
        assert_eq!(rows[0]["child"], "sofia");
        assert_eq!(rows[0]["reason"]["kind"], "schedule");
        assert_eq!(rows[0]["reason"]["id"], "bedtime");
        assert!(rows[0]["until"].is_string(), "{:#}", rows[0]);
    }
}

#[test]
fn why_shows_the_safe_form() {
    let at = "2026-11-23T16:00:00-06:00";
    let args = ["why", "www.google.com", "--for", "sofia", "--at", at, "--json"];
    let rows = Home::with(&family()).amparo(&args).exits(DONE).json();
    assert_eq!(rows[0]["verdict"], "rewrite");
    assert_eq!(rows[0]["reason"]["kind"], "safe_search");
    assert_eq!(rows[0]["target"], "forcesafesearch.google.com");
}

#[test]
fn why_speaks_spanish_where_the_household_does() {
    let home = Home::with(&family().replace("\"en\"", "\"es\""));
    home.amparo(&["why", "www.tiktok.com", "--for", "mateo"])
        .exits(BLOCKED)
        .prints("www.tiktok.com para Mateo: cerrado — TikTok está cerrado para Mateo\n")
        .prints("\n  perfil      13-15\n")
        .prints("pasos; decide el primero que habla:");
}

#[test]
fn why_does_not_guess_who_is_meant_or_what() {
    let home = Home::with(&family());
    let output = home.amparo(&["why", "www.tiktok.com", "--for", "nobody"]);
    assert!([FAILED, USAGE].contains(&output.exit), "{output}");
    output.complains("nobody");
    let output = home.amparo(&["why", "not a name", "--for", "mateo"]);
    assert!([FAILED, USAGE].contains(&output.exit), "{output}");
    let output = home.amparo(&["why", "tiktok.com", "--at", "someday"]);
    assert!([FAILED, USAGE].contains(&output.exit), "{output}");
    output.complains("someday");
}

#[test]
fn an_address_of_the_web_is_no_name_but_holds_one() {
    let home = Home::with(&family());
    for text in [
        "https://www.tiktok.com/foo?x=1",
        "www.tiktok.com/@mateo",
        "www.tiktok.com:443",
        "http://ana@www.tiktok.com",
        "*.www.tiktok.com",
    ] {
        let output = home.amparo(&["why", text]);
        output.exits(USAGE).complains("write only the name: www.tiktok.com\n");
        home.amparo(&["lists", "search", text]).exits(USAGE).complains("write only the name");
    }
    home.amparo(&["why", "\u{1b}[31m"]).exits(USAGE).is_plain();
}

#[test]
fn somebody_is_known_by_the_name_on_the_fridge() {
    let home = Home::with(&family().replace("age     = 9", "name = \"Sofía\"\nage = 9"));
    for who in ["sofia", "Sofia", "Sofía", "sofía"] {
        let rows = home.amparo(&["why", "tiktok.com", "--for", who, "--json"]).json();
        assert_eq!(rows[0]["child"], "sofia", "{who}");
    }
    let output = home.amparo(&["why", "tiktok.com", "--for", "matoe"]);
    output.exits(USAGE).complains("did you mean `mateo`?").complains("sofia, mateo, ana");
}

#[tokio::test]
async fn nobody_is_a_mistake_of_usage_with_and_without_a_daemon() {
    let amparo = Amparo::start(FAMILY).await;
    let with = amparo.cli(&["why", "tiktok.com", "--for", "nobody"]).await;
    let without = amparo.shutdown().await.amparo(&["why", "tiktok.com", "--for", "nobody"]);
    assert_eq!(with.exits(USAGE).stderr, without.exits(USAGE).stderr);
}

#[test]
fn without_any_file_the_embedded_rules_speak() {
    let home = Home::new();
    let state = home.state().display().to_string();
    home.bare(&["why", "www.tiktok.com", "--state", &state]).exits(BLOCKED);
    home.bare(&["why", "www.example.com", "--state", &state]).exits(DONE);
}

#[tokio::test]
async fn why_asks_the_daemon_if_one_runs() {
    let amparo = Amparo::start(FAMILY).at("2026-11-23 21:30").await;
    let output = amparo.cli(&["why", "www.example.com", "--for", "sofia", "--json"]).await;
    let rows = output.exits(BLOCKED).json();
    assert_eq!(rows[0]["at"], "2026-11-23T21:30:00-06:00", "the daemon's clock, not ours");
    amparo.set("2026-11-24 12:00");
    amparo.cli(&["why", "www.example.com", "--for", "sofia"]).await.exits(DONE);
}

#[tokio::test]
async fn why_and_the_answers_agree() {
    let amparo = Amparo::start(FAMILY).at("2026-11-23 19:00").await;
    let names = ["www.tiktok.com", "www.example.com", "pool.ntp.org", "use-application-dns.net"];
    for (child, address) in [("sofia", SOFIA), ("mateo", MATEO), ("ana", ANA)] {
        for name in names {
            let output = amparo.cli(&["why", name, "--for", child]).await;
            let answer = amparo.ask(address, name).await;
            let open = answer.addresses().iter().any(|address| !address.is_unspecified());
            assert_eq!(output.exit, if open { DONE } else { BLOCKED }, "{child}, {name}: {output}");
        }
    }
}

// === lists ===

#[tokio::test]
async fn every_list_tells_what_became_of_it() {
    let config = format!(
        "{FAMILY}\n[list.extra]\nfile = \"{{dir}}/extra.txt\"\ncategory = \"adult\"\n\
         format = \"domains\"\n"
    );
    let text = "one.example\ntwo.example\nunicef.org\nnot a name!\n";
    let amparo = Amparo::start(&config).file("extra.txt", text).await;
    let rows = amparo.cli(&["lists", "status", "--json"]).await.exits(DONE).json();
    let extra = rows.iter().find(|row| row["list"] == "extra").expect("it has a row");
    assert_eq!(extra["v"], 1);
    assert_eq!(extra["category"], "adult");
    assert_eq!(extra["format"], "domains");
    assert_eq!(extra["taken"], 2, "{extra:#}");
    assert_eq!(extra["refused"], 1, "an essential name: {extra:#}");
    assert_eq!(extra["refused_entries"], Value::from(vec!["unicef.org"]));
    assert!(extra["skipped"].as_u64() >= Some(1), "{extra:#}");
    assert_eq!(extra["state"], "ok");
}

#[test]
fn a_search_finds_the_lists_that_name_a_name() {
    let output = Home::with(&family()).amparo(&["lists", "search", "www.tiktok.com"]);
    output.exits(DONE).prints("tiktok.com").is_plain();
}

// === The daemon, there or not ===

#[test]
fn without_a_daemon_its_commands_say_so() {
    let home = Home::with(&family());
    for command in ["status", "reload", "cache"] {
        let output = home.amparo(&[command]);
        output.exits(NO_DAEMON);
        assert!(!output.stderr.is_empty(), "it says what to do: {output}");
    }
}

#[tokio::test]
async fn a_daemon_tells_its_state_and_reloads_on_demand() {
    let amparo = Amparo::start(FAMILY).await;
    amparo.cli(&["status"]).await.exits(DONE).is_plain();
    let rows = amparo.cli(&["status", "--json"]).await.exits(DONE).json();
    assert_eq!(rows[0]["v"], 1);

    let text = std::fs::read_to_string(amparo.home.config()).expect("it is ours");
    amparo.home.write("amparo.toml", &text.replace("\"tiktok\"", "\"tiktok\", \"example.com\""));
    amparo.cli(&["reload"]).await.exits(DONE);
    amparo.ask(MATEO, "www.example.com").await.is_blocked();

    amparo.home.write("amparo.toml", &text.replace("\"tiktok\"", "\"tiktokk\""));
    let output = amparo.cli(&["reload"]).await;
    output.exits(CONFIG).complains("did you mean `tiktok`?");
    amparo.ask(MATEO, "www.example.com").await.is_blocked();
}

#[tokio::test]
async fn the_cache_is_shown_and_forgets_what_it_is_told() {
    let amparo = Amparo::start(FAMILY).await;
    for name in ["example.com", "www.example.com", "www.example.org", "example.com"] {
        amparo.ask(ANA, name).await;
    }
    amparo.cli(&["cache"]).await.exits(DONE).prints("3 kept").prints("25.0 %").is_plain();
    let rows = amparo.cli(&["cache", "stats", "--json"]).await.exits(DONE).json();
    let [v, entries, hits, misses] = ["v", "entries", "hits", "misses"].map(|key| &rows[0][key]);
    assert_eq!((v, entries, hits, misses), (&1.into(), &3.into(), &1.into(), &3.into()));
    assert!(rows[0]["bytes"].as_u64() < rows[0]["bytes_max"].as_u64());

    let rows = amparo.cli(&["cache", "flush", "Example.com", "--json"]).await.exits(DONE).json();
    assert_eq!((&rows[0]["name"], &rows[0]["forgotten"]), (&"example.com".into(), &2.into()));
    amparo.cli(&["cache", "flush"]).await.exits(DONE).prints("1 answer forgotten").is_plain();
    amparo.cli(&["cache", "flush", "not a name"]).await.exits(USAGE).is_plain();
}

#[test]
fn a_port_in_use_is_said_with_its_number() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let address = taken.local_addr().expect("it is bound");
    let _udp = UdpSocket::bind(address);
    let home = Home::with(&format!("{}\n[dns]\nlisten = \"{address}\"\n", family()));
    let output = home.amparo(&["run", "--offline"]);
    output.exits(FAILED).complains(&address.port().to_string()).is_plain();
}

#[test]
fn a_state_directory_that_cannot_be_written_is_said_with_its_path() {
    let home = Home::with(&format!("{}\n[dns]\nlisten = \"127.0.0.1:0\"\n", family()));
    // A file where a directory must be: root may write everywhere else.
    home.write("file", "");
    let config = home.config().display().to_string();
    let state = home.path().join("file/state").display().to_string();
    let output = home.bare(&["run", "--offline", "--config", &config, "--state", &state]);
    output.exits(FAILED).complains(&state);
}

#[test]
fn a_program_told_to_end_has_written_every_attempt() {
    let port = free_port();
    let home = Home::with(&format!("{}\n[dns]\nlisten = \"127.0.0.1:{port}\"\n", family()));
    let running = home.start(&["run", "--offline"]);
    let question = Question::of("www.tiktok.com", RecordType::A);
    for _ in 0..5 {
        asked(MATEO, port, &question).is_blocked();
    }
    assert_eq!(running.terminate(), DONE);
    let rows = home.amparo(&["log", "--json"]).exits(DONE).json();
    let sum: u64 = rows.iter().filter_map(|row| row["count"].as_u64()).sum();
    // At least: a question may have been sent twice on a slow machine.
    assert!(sum >= 5, "{rows:#?}");
}

#[test]
fn a_try_serves_at_once_and_says_how_to_ask() {
    let home = Home::new();
    let mut running = home.start_bare(&["try", "--offline"]);
    let line = running.hears("dig");
    let words: Vec<&str> = line.split_whitespace().collect();
    let port = words.windows(2).find(|pair| pair[0] == "-p").expect("the port is in the line")[1];
    let port = port.trim_end_matches(|c: char| !c.is_ascii_digit()).parse().expect("a number");
    let question = Question::of("blocked.amparo.test", RecordType::A);
    asked("127.0.0.1", port, &question).is_blocked();
    assert_eq!(running.terminate(), DONE);
}

/// Asks a program that may still be starting: again and again, until it answers.
fn asked(from: &str, port: u16, question: &Question) -> Answer {
    let socket = UdpSocket::bind((from, 0)).expect("loopback is wide");
    socket
        .set_read_timeout(Some(std::time::Duration::from_millis(250)))
        .expect("a quarter of a second is a time-out");
    for _ in 0..240 {
        // Refused while nobody listens.
        let _refused = socket.send_to(&question.octets(), ("127.0.0.1", port));
        let mut buffer = [0; 1500];
        if let Ok(length) = socket.recv(&mut buffer) {
            return Answer::read(buffer[..length].to_vec(), "a question to the real program");
        }
    }
    panic!("nobody answers on port {port}");
}

/// A port that was free a moment ago, for UDP and TCP.
fn free_port() -> u16 {
    crate::harness::upstream::dead_address().port()
}
