//! The real program as a process of its own, seen as the system sees it.

use std::net::SocketAddr;

use amparo::control::{self, Command};
use serde_json::Value;

use super::cli::Running;
use super::{FakeUpstream, Home, whole};

/// The program, running with a family's config and a resolver that says what the test tells it to.
pub(crate) struct Program {
    running: Running,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Its files.
    pub(crate) home: Home,
    /// The resolver it asks.
    pub(crate) upstream: FakeUpstream,
}

impl Program {
    /// The program with these rules, as `Amparo::start` takes them.
    pub(crate) fn start(config: &str) -> Self {
        Program::start_behind(&[], config)
    }

    /// The same behind words that become it: `sh -c 'ulimit -n 64; exec "$@"' sh`.
    pub(crate) fn start_behind(before: &[&str], config: &str) -> Self {
        let (home, upstream) = (Home::new(), FakeUpstream::start());
        home.write("amparo.toml", &whole(config, &home, &upstream, &upstream));
        Program::started(before, home, upstream)
    }

    /// Ends it as a power cut does, has what is left looked at, and starts it again with the same
    /// files.
    #[track_caller]
    pub(crate) fn killed<T>(self, look: impl FnOnce(&Home) -> T) -> (Self, T) {
        let Program { running, home, upstream, .. } = self;
        running.kill();
        let seen = look(&home);
        (Program::started(&[], home, upstream), seen)
    }

    /// Tells it something over its socket, as the command line does.
    pub(crate) fn tell(&self, command: &Command) -> Result<Value, String> {
        control::tell(&self.home.state(), command).map_err(|error| error.to_string())
    }

    /// It asks nobody on the internet for anything: nor what time it is.
    #[track_caller]
    fn started(before: &[&str], home: Home, upstream: FakeUpstream) -> Self {
        let mut running = home.start_behind(before, &["run", "--offline"]);
        let line = running.hears("answers on 127.0.0.1:");
        let place = line.split("answers on ").nth(1).and_then(|rest| rest.split(' ').next());
        let address = place.and_then(|place| place.parse().ok());
        let address = address.unwrap_or_else(|| panic!("no address in `{line}`"));
        Program { running, address, home, upstream }
    }

    /// It is the process that was started, and has not ended.
    #[track_caller]
    pub(crate) fn is_the_same(&mut self) {
        assert!(self.running.is_running(), "it ended");
    }

    /// What it holds in memory, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.running.id()))
            .expect("the process is there");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let word = line.and_then(|line| line.split_whitespace().next());
        word.and_then(|word| word.parse().ok()).expect("Linux says it")
    }

    /// The processor time it took so far, in hundredths of a second.
    pub(crate) fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.running.id()))
            .expect("the process is there");
        // The name in brackets may hold blanks; user and system time are the 12th and 13th behind.
        let (_, rest) = stat.rsplit_once(')').expect("Linux writes brackets");
        let words = rest.split_whitespace().skip(11).take(2);
        words.map(|word| word.parse::<u64>().expect("Linux writes numbers")).sum()
    }
}
