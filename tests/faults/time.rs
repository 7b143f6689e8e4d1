//! A machine that starts in 1970: it answers at once, closed where time decides, until somebody
//! whom it may believe says what time it is.

use std::process::Command as Run;

use amparo::control::Command;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{HOME, is_closed, status};
use crate::harness::{
    ANA, Amparo, Device, Home, MATEO, Program, SOFIA, TimeServer, instant, until,
};

/// Where a clock without a battery begins.
const BEGINNING: &str = "1970-01-02 00:00:00";

/// A machine whose clock is a file.
struct Machine {
    home: Home,
    /// What stands before a program that is to run on it.
    before: Vec<String>,
}

impl Machine {
    /// None, with the reason printed, where there is no `faketime`.
    fn new() -> Option<Self> {
        let library = Run::new("faketime").args([BEGINNING, "printenv", "LD_PRELOAD"]).output();
        let library = match library {
            Ok(output) if output.status.success() => output.stdout,
            Ok(_) | Err(_) => {
                println!("skipped: there is no faketime; tests/run installs it");
                return None;
            }
        };
        let library = String::from_utf8(library).expect("a path");
        let home = Home::new();
        let clock = home.path().join("clock");
        let before = vec![
            "env".to_owned(),
            format!("LD_PRELOAD={}", library.trim()),
            format!("FAKETIME_TIMESTAMP_FILE={}", clock.display()),
            "FAKETIME_NO_CACHE=1".to_owned(),
            // Time-outs go on: only the clock on the wall is wrong.
            "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
        ];
        let machine = Machine { home, before };
        machine.shows(BEGINNING);
        Some(machine)
    }

    /// Its clock stands at this time, UTC.
    fn shows(&self, at: &str) {
        // Renamed, so that nobody reads half of it.
        self.home.write("clock.new", at);
        let (new, clock) = (self.home.path().join("clock.new"), self.home.path().join("clock"));
        std::fs::rename(new, clock).expect("it is there");
    }

    fn start(&self) -> Program {
        let before: Vec<&str> = self.before.iter().map(String::as_str).collect();
        Program::start_behind(&before, HOME)
    }
}

/// A moment of the household.
fn at(wall: &str) -> Timestamp {
    instant(wall, &TimeZone::get("America/Guatemala").expect("it is in the program"))
}

fn asks(program: &Program, from: &str, name: &str) -> crate::harness::Answer {
    Device::at(from).asks(program.address, name)
}

#[tokio::test]
async fn the_real_program_answers_in_1970_and_obeys_the_clock_once_it_is_set() {
    let Some(machine) = Machine::new() else { return };
    let mut program = machine.start();
    // The first answer is to a child, the second to an adult.
    asks(&program, SOFIA, "www.example.com").is_blocked();
    asks(&program, ANA, "www.example.com").is_open();
    asks(&program, SOFIA, "pool.ntp.org").is_open();
    asks(&program, MATEO, "www.closed.example").is_blocked();
    let how = program.tell(&Command::Status).expect("it tells");
    assert_eq!(how["time_known"], false);
    assert!(how["troubles"].to_string().contains("not known yet"), "{how:#}");
    // The network is there, and the system sets the clock: 16:00 in Guatemala.
    machine.shows("2026-11-23 22:00:00");
    let wants = async |closed: bool| {
        let wanted = if closed { "bedtime" } else { "the afternoon" };
        let asked = async || is_closed(&asks(&program, SOFIA, "www.example.com")) == closed;
        until(wanted, asked).await;
    };
    wants(false).await;
    let how = program.tell(&Command::Status).expect("it tells");
    assert_eq!(how["time_known"], true);
    machine.shows("2026-11-24 02:29:59");
    wants(false).await;
    machine.shows("2026-11-24 02:30:00");
    wants(true).await;
    program.is_the_same();
}

#[tokio::test]
async fn two_time_servers_that_agree_are_believed_and_schedules_are_right_at_once() {
    let servers = [(); 2].map(|()| TimeServer::shows(at("2026-11-23 20:00")));
    let addresses = [servers[0].address, servers[1].address];
    let amparo = Amparo::start(HOME).time_servers(&addresses).at("1970-01-02 12:00").await;
    until("the time", async || status(&amparo).await["time_known"] == true).await;
    amparo.ask(SOFIA, "www.example.com").await.is_open();
    let wrong = amparo.now().duration_since(at("2026-11-23 20:00")).abs();
    assert!(wrong < SignedDuration::from_secs(2), "{}", amparo.now());
    amparo.set("2026-11-23 20:29:59").ask(SOFIA, "www.example.com").await.is_open();
    amparo.set("2026-11-23 20:30:00").ask(SOFIA, "www.example.com").await.is_blocked();
    // What was learnt is kept: the machine's own clock is still wrong when it starts again.
    let amparo = amparo.restart().await;
    amparo.ask(SOFIA, "www.example.com").await.is_blocked();
}

/// Nobody learns from these servers what time it is, however often they are asked.
async fn are_not_believed(shown: &[&str]) {
    let servers: Vec<TimeServer> = shown.iter().map(|wall| TimeServer::shows(at(wall))).collect();
    let addresses: Vec<_> = servers.iter().map(|server| server.address).collect();
    let amparo = Amparo::start(HOME).time_servers(&addresses).at("1970-01-02 12:00").await;
    // Asked a second time, what they said the first time was thrown away.
    until("a second question", async || servers.iter().all(|server| server.asked() >= 2)).await;
    assert_eq!(status(&amparo).await["time_known"], false, "{shown:?}");
    amparo.ask(SOFIA, "www.example.com").await.is_blocked();
    amparo.ask(SOFIA, "pool.ntp.org").await.is_open();
    amparo.ask(ANA, "www.example.com").await.is_open();
}

#[tokio::test]
async fn time_servers_that_contradict_each_other_are_not_believed() {
    are_not_believed(&["2026-11-23 16:00", "2026-11-24 16:00"]).await;
}

#[tokio::test]
async fn time_servers_that_say_what_cannot_be_are_not_believed() {
    are_not_believed(&["2061-11-23 16:00", "2061-11-23 16:00"]).await;
    are_not_believed(&["2001-11-23 16:00", "2001-11-23 16:00"]).await;
}
