//! What `amparo doctor` says of real machines, and the file that `amparo init` writes.
//!
//! What listens or asks the network does so in a network of the test's own.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::harness::net::{as_nobody, is_root};
use crate::harness::{Home, Namespace};

/// A file that passes without a warning, and asks nobody far away.
const GOOD: &str = r#"
[household]
language = "en"
timezone = "America/Guatemala"
public_lists = false

[dns]
upstreams = "udp://127.0.0.1:9"

[child.mateo]
age = 14
devices = ["02:00:00:00:00:0a"]
"#;

/// The findings of one check.
fn of_check<'a>(rows: &'a [Value], check: &str) -> Vec<&'a Value> {
    let rows: Vec<&Value> = rows.iter().filter(|row| row["check"] == check).collect();
    assert!(!rows.is_empty(), "no row of `{check}`");
    rows
}

fn text(row: &Value) -> &str {
    row["text"].as_str().expect("each finding has a text")
}

/// All lines to be run for it.
fn lines(row: &Value, key: &str) -> Vec<String> {
    let lines = row[key].as_array().expect("fix and undo are arrays");
    lines.iter().map(|line| line.as_str().expect("of texts").to_owned()).collect()
}

/// A program that a test started; it ends with this.
struct Server(Child);

impl Server {
    /// Starts it on a machine, and waits until it says this.
    fn start(machine: &Namespace, line: &str, says: &str) -> Self {
        let mut words = machine.enter();
        words.extend(line.split_whitespace());
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.stderr(Stdio::piped()).spawn().expect("the program is there");
        let mut server = Server(child);
        let stderr = server.0.stderr.take().expect("it was asked for");
        let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
        let mut heard = Vec::new();
        while let Some(said) = lines.next() {
            if said.contains(says) {
                // What else it says is read, so that saying it does not hold it up.
                std::thread::spawn(move || lines.for_each(drop));
                return server;
            }
            heard.push(said);
        }
        panic!("`{line}` did not say `{says}`: {heard:#?}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// Whether a program of this machine is there; says why nothing is tested where it is not.
fn has(program: &str) -> bool {
    let is_there = ["/usr/sbin", "/usr/bin"].iter().any(|at| Path::new(at).join(program).exists());
    if !is_there {
        println!("skipped: this machine has no {program}");
    }
    is_there
}

// === The config file ===

#[test]
fn a_machine_on_which_nothing_was_set_up_fails_nothing() {
    let Some(machine) = Namespace::new() else { return };
    let home = Home::new();
    home.give_to(65534);
    let output = home.behind(&machine.enter_as_nobody(), &["doctor", "--offline"]);
    output.exits(0).prints("There is no config file at").prints("amparo init").is_plain();
    output.prints("This user may not listen on 0.0.0.0:53").prints("setcap -r");
}

#[test]
fn a_broken_file_is_shown_as_check_shows_it_in_its_language() {
    let home = Home::with("[household]\nlanguage = \"es\"\nlangauge = \"en\"\n");
    let output = home.amparo(&["doctor", "--offline"]);
    output.exits(1).prints("tiene 1 error").prints("did you mean `language`?").prints("falla");
    home.amparo(&["check"]).exits(3).complains("did you mean `language`?");
}

#[test]
fn a_file_that_everybody_may_write_is_a_warning() {
    let home = Home::with(GOOD);
    let mode = std::fs::Permissions::from_mode(0o666);
    std::fs::set_permissions(home.config(), mode).expect("it is ours");
    let rows = home.amparo(&["doctor", "--offline", "--json"]).json();
    let config = of_check(&rows, "config");
    assert_eq!(
        (config[0]["state"].as_str(), config[1]["state"].as_str()),
        (Some("ok"), Some("warning"))
    );
    assert_eq!(lines(config[1], "undo"), [format!("chmod 0666 {}", home.config().display())]);
}

#[test]
fn a_file_that_went_is_a_failure_and_says_how_it_comes_back() {
    let Some(machine) = Namespace::new() else { return };
    let home = Home::new();
    let folder = home.path().join(".config/amparo");
    std::fs::create_dir_all(home.path().join("amparo")).expect("it is ours");
    std::fs::create_dir_all(&folder).expect("it is ours");
    home.write("amparo/config.last.toml", GOOD);
    home.give_to(65534);
    let output = home.behind(&machine.enter_as_nobody(), &["doctor", "--offline"]);
    output.exits(1).prints("There was a config file").prints("/amparo/config.last.toml");
}

// === The port ===

#[test]
fn a_program_that_holds_the_port_is_named_with_its_process() {
    let Some(machine) = Namespace::new() else { return };
    let first = Home::with(GOOD);
    let mut holder = first.start_behind(&machine.enter(), &["run", "--offline"]);
    holder.hears("answers on 0.0.0.0:53");

    let second = Home::with(GOOD);
    let rows = second.behind(&machine.enter(), &["doctor", "--offline", "--json"]).exits(1).json();
    let port = of_check(&rows, "port");
    assert_eq!((port.len(), port[0]["state"].as_str()), (1, Some("failed")), "{port:#?}");
    let who = format!("amparo ({})", holder.id());
    assert!(text(port[0]).starts_with(&who), "{port:#?}");
    let output = second.behind(&machine.enter(), &["run", "--offline"]);
    let who = format!("another program answers there: amparo, process {}", holder.id());
    output.exits(1).complains(&who).complains("`amparo doctor` tells how to free it");

    // Its own doctor finds all well.
    let rows = first.behind(&machine.enter(), &["doctor", "--offline", "--json"]).exits(0).json();
    let port = of_check(&rows, "port");
    assert_eq!((port.len(), port[0]["state"].as_str()), (1, Some("ok")), "{port:#?}");
    assert_eq!(
        text(of_check(&rows, "setup")[0]),
        "Nobody has asked yet: point the router at this machine."
    );
}

#[test]
fn dnsmasq_is_told_to_keep_handing_out_addresses() {
    let Some(machine) = Namespace::new() else { return };
    if !has("dnsmasq") {
        return;
    }
    let line = "dnsmasq -k --conf-file=/dev/null --no-resolv --no-hosts --pid-file= \
                --user=root --log-facility=- --listen-address=127.0.0.1 --bind-interfaces";
    let _server = Server::start(&machine, line, "started");
    let home = Home::with(GOOD);
    let rows = home.behind(&machine.enter(), &["doctor", "--offline", "--json"]).exits(1).json();
    let port = of_check(&rows, "port");
    let held = port.iter().find(|row| row["state"] == "failed").expect("it holds the port");
    assert!(text(held).starts_with("dnsmasq ("), "{held:#?}");
    assert!(text(held).contains("TCP 127.0.0.1:53, UDP 127.0.0.1:53"), "{held:#?}");
    let fix = lines(held, "fix");
    assert!(fix.iter().any(|line| line.contains("port=0")), "{fix:#?}");
    assert!(!lines(held, "undo").is_empty());
}

// === The state directory ===

#[test]
fn who_may_not_ask_the_daemon_is_told_to_ask_as_root_and_nothing_is_called_broken() {
    let Some(machine) = Namespace::new() else { return };
    let home = Home::with(GOOD);
    let mut running = home.start_behind(&machine.enter(), &["run", "--offline"]);
    running.hears("answers on 0.0.0.0:53");
    // Another user's program and config, with the daemon's state.
    let other = Home::with(GOOD);
    other.give_to(65534);
    let state = home.state().display().to_string();
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(home.path(), open).expect("it is ours");
    let config = other.config().display().to_string();
    let program = other.path().join("amparo.copy").display().to_string();
    let mut before = machine.enter_as_nobody();
    before.push(&program);
    let args = ["doctor", "--offline", "--json", "--config", &config, "--state", &state];
    let output = Command::new(before[0]).args(&before[1..]).args(args).output();
    let output = output.expect("ip made the namespace");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && !text.contains("\"failed\""), "{text}");
    assert!(!text.contains("\"warning\"") && text.contains("sudo amparo doctor"), "{text}");
}

#[test]
fn a_state_directory_that_cannot_be_written_is_a_failure() {
    let home = Home::with(GOOD);
    std::fs::create_dir(home.state()).expect("it is ours");
    home.give_to(65534);
    let status = Command::new("chmod").arg("0500").arg(home.state()).status();
    assert!(status.is_ok_and(|status| status.success()));
    let rows = home.behind(&as_nobody(), &["doctor", "--offline", "--json"]).exits(1).json();
    let state = of_check(&rows, "state");
    assert_eq!(state[0]["state"], "failed", "{state:#?}");
    let path = home.state().display().to_string();
    assert_eq!(lines(state[0], "fix"), [format!("chmod u+rwx {path}")]);
    assert_eq!(lines(state[0], "undo"), [format!("chmod 0500 {path}")]);

    if is_root() {
        let status = Command::new("chown").arg("0").arg(home.state()).status();
        assert!(status.is_ok_and(|status| status.success()));
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(home.state(), mode).expect("we are root");
        let rows = home.behind(&as_nobody(), &["doctor", "--offline", "--json"]).exits(1).json();
        let state = of_check(&rows, "state");
        assert!(text(state[0]).contains("is of user 0"), "{state:#?}");
        assert!(text(state[1]).contains("(mode 0755)"), "{state:#?}");
    }
}

// === The network ===

#[test]
fn an_upstream_that_is_dead_is_told_with_the_reason() {
    let Some(machine) = Namespace::new() else { return };
    let home = Home::with(&GOOD.replace("\"en\"", "\"es\""));
    let output = home.behind(&machine.enter(), &["doctor"]);
    output.exits(1).prints("udp://127.0.0.1:9 (para adultos) no respondió a tiempo").is_plain();
    output.prints("Este equipo no tiene red a la que preguntar").prints("Qué hacer:");
}

#[test]
fn an_upstream_that_answers_is_told_with_how_long_it_took() {
    let Some(machine) = Namespace::new() else { return };
    // Another amparo is a resolver too: of its own names it needs nobody.
    let resolver = Home::with(&format!("{GOOD}\n[dns.records]\n\"example.com\" = \"192.0.2.1\"\n"));
    let mut running = resolver.start_behind(&machine.enter(), &["run", "--offline"]);
    running.hears("answers on 0.0.0.0:53");
    let config =
        GOOD.replace("udp://127.0.0.1:9\"", "udp://127.0.0.1\"\nlisten = \"127.0.0.1:5300\"");
    let home = Home::with(&config);
    let rows = home.behind(&machine.enter(), &["doctor", "--json"]).exits(0).json();
    let upstreams = of_check(&rows, "upstreams");
    assert_eq!(upstreams[0]["state"], "ok", "{upstreams:#?}");
    assert!(text(upstreams[0]).starts_with("udp://127.0.0.1 (for adults) answers, within "));
}

#[test]
fn a_router_that_hands_out_a_second_server_is_found_out() {
    let (Some(router), Some(machine)) = (Namespace::new(), Namespace::new()) else { return };
    if !has("dnsmasq") {
        return;
    }
    router.connect(&machine, "lan", "02:00:00:00:00:0a");
    router.run("ip addr add 10.9.0.1/24 dev lan; ip addr add fd09::1/64 dev lan");
    machine.run("ip addr add 10.9.0.2/24 dev lan; ip addr add fd09::2/64 dev lan");
    let line = "dnsmasq -k --conf-file=/dev/null --port=0 --pid-file= --user=root \
                --log-facility=- --interface=lan --leasefile-ro \
                --dhcp-range=10.9.0.50,10.9.0.60,1h --dhcp-option=option:dns-server,10.9.0.2,8.8.8.8 \
                --enable-ra --dhcp-range=fd09::,ra-only,1h \
                --dhcp-option=option6:dns-server,[2001:4860:4860::8888]";
    let _server = Server::start(&router, line, "IPv6 router advertisement enabled");
    let home = Home::with(GOOD);
    let rows = home.behind(&machine.enter(), &["doctor", "--json"]).json();
    let router = of_check(&rows, "router");
    let also = "10.9.0.1 (DHCP) also hands out 8.8.8.8: a way around this protection.";
    assert_eq!(
        (text(router[0]), router[0]["state"].as_str()),
        (also, Some("warning")),
        "{router:#?}"
    );
    let v6 = router.iter().find(|row| text(row).contains("(IPv6 announcement)"));
    let v6 = v6.unwrap_or_else(|| panic!("nothing of IPv6: {router:#?}"));
    assert!(text(v6).contains("hands out 2001:4860:4860::8888, which is not this machine"));
}

// === The form ===

#[test]
fn json_is_a_whole_object_a_line() {
    let home = Home::with(GOOD);
    let output = home.amparo(&["doctor", "--offline", "--json"]);
    let rows = output.is_plain().json();
    let mut checks: Vec<&str> = rows.iter().filter_map(|row| row["check"].as_str()).collect();
    checks.dedup();
    let all =
        ["config", "state", "port", "clock", "upstreams", "lists", "devices", "setup", "router"];
    assert_eq!(checks, all);
    for row in &rows {
        assert_eq!(row["v"], 1, "{row:#}");
        let state = row["state"].as_str().expect("each has a state");
        assert!(["ok", "note", "warning", "failed"].contains(&state), "{row:#}");
        assert!(!text(row).is_empty() && row["fix"].is_array() && row["undo"].is_array());
    }
    let has_failed = rows.iter().any(|row| row["state"] == "failed");
    assert_eq!(output.exit, i32::from(has_failed));
}

#[test]
fn both_languages_fit_a_terminal() {
    for language in ["es", "en"] {
        let home = Home::with(&GOOD.replace("\"en\"", &format!("\"{language}\"")));
        let output = home.amparo(&["doctor", "--offline"]);
        // What is to be copied stays whole; it stands eight columns in.
        let wide = |line: &&str| line.chars().count() > 80 && !line.starts_with("        ");
        let wide: Vec<&str> = output.stdout.lines().filter(wide).collect();
        assert!(wide.is_empty(), "{wide:#?}");
    }
}

// === init ===

/// The file that these flags and answers make.
#[track_caller]
fn made(home: &Home, args: &[&str], answers: &str) -> String {
    let output = home.told(args, answers);
    output.exits(0).is_plain();
    home.amparo(&["check"]).exits(0);
    std::fs::read_to_string(home.config()).expect("it was written")
}

#[test]
fn flags_write_a_file_that_passes() {
    let home = Home::new();
    let args = [
        "init",
        "--yes",
        "--language",
        "es",
        "--timezone",
        "America/Guatemala",
        "--country",
        "GT",
        "--child",
        "Sofía:9:20:30-06:30",
        "--child",
        "mateo:14",
        "--adult",
        "ana",
        "--device",
        "sofia=3c:22:fb:12:34:56",
    ];
    let text = made(&home, &args, "");
    assert!(text.contains("[child.sofia]\nname = \"Sofía\"\nage = 9 "), "{text}");
    assert!(text.contains("devices = [\"3c:22:fb:12:34:56\"]"), "{text}");
    let mode = std::fs::metadata(home.config()).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
    let why =
        home.amparo(&["why", "example.org", "--for", "sofia", "--at", "2026-11-23T21:00:00-06:00"]);
    why.exits(10).prints("Hora de dormir");
}

#[test]
fn answers_write_a_file_that_passes() {
    let home = Home::new();
    let answers = "es\nGuatemala\nGT\nSofía \"la reina\" \\ Peña\n9\n20:30-06:30\n\
                   3c:22:fb:12:34:56, 192.168.1.42\n\nAna\n192.168.1.10\n\nsí\n";
    let text = made(&home, &["init"], answers);
    assert!(text.contains("name = \"Sofía \\\"la reina\\\" \\\\ Peña\""), "{text}");
    assert!(text.contains("devices = [\"3c:22:fb:12:34:56\", \"192.168.1.42\"]"), "{text}");
}

#[test]
fn a_file_that_is_there_is_never_touched() {
    let home = Home::with(GOOD);
    for args in [&["init"][..], &["init", "--yes", "--child", "sofia:9"]] {
        let output = home.told(args, "es\n\n\n\n\nsí\n");
        output.exits(1).complains("is there already").complains("amparo check");
    }
    let text = std::fs::read_to_string(home.config()).expect("it is there");
    assert_eq!(text, GOOD);
}

#[test]
fn answers_that_end_too_soon_write_nothing() {
    let answers = "es\nGuatemala\nGT\nSofía\n9\n20:30-06:30\n\n\n\n";
    for lines in 0..=9 {
        let home = Home::new();
        let some: String = answers.split_inclusive('\n').take(lines).collect();
        let output = home.told(&["init"], &some);
        output.exits(1).complains("amparo: ");
        assert!(!home.config().exists(), "after {lines} answers");
    }
}

#[test]
fn who_says_no_at_the_end_has_nothing_written() {
    let home = Home::new();
    let output = home.told(&["init"], "en\nGuatemala\nGT\n\n\nno\n");
    output.exits(0).prints("[household]").prints("Nothing was written.");
    assert!(!home.config().exists());
}

#[test]
fn wrong_flags_are_usage_and_a_place_that_cannot_be_written_is_told() {
    let home = Home::new();
    let output = home.told(&["init", "--yes", "--child", "sofia"], "");
    output.exits(2).complains("write NAME:AGE or NAME:AGE:BEDTIME, like mateo:14");
    home.write("file", "");
    let path = home.path().join("file/amparo.toml").display().to_string();
    let output = home.bare(&["init", "--yes", "--config", &path]);
    output.exits(1).complains("cannot be written").complains("--config FILE");
}

#[test]
fn the_devices_that_are_seen_can_be_picked() {
    let (Some(machine), Some(child)) = (Namespace::new(), Namespace::new()) else { return };
    machine.connect(&child, "lan", "02:00:00:00:00:0a");
    machine.run("ip addr add 10.9.0.1/24 dev lan");
    child.run("ip addr add 10.9.0.10/24 dev lan");
    machine.run("ip neigh replace 10.9.0.10 lladdr 02:00:00:00:00:0a dev lan");
    let home = Home::new();
    let answers = "es\nGuatemala\nGT\nSofía\n9\n\n1\n\n\nsí\n";
    let output = home.told_behind(&machine.enter(), &["init"], answers);
    output.exits(0).prints("1  02:00:00:00:00:0a  10.9.0.10 (dirección privada: puede cambiar)");
    let text = std::fs::read_to_string(home.config()).expect("it was written");
    assert!(text.contains("devices = [\"02:00:00:00:00:0a\"]"), "{text}");
}
