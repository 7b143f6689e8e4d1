//! What may be wrong with an installation, in words, with what to do about it.
//!
//! Facts are gathered once ([`gather`]): of files, of `/proc`, of a daemon if one runs, of the
//! network. What they mean is pure ([`examine`]), so that each check can be tried with facts that
//! were made up. A check is one file, and one row of [`CHECKS`]. It does not know terminals.

mod clock;
mod config;
mod devices;
mod lists;
pub mod port;
mod router;
mod setup;
mod state;
mod upstreams;

use std::path::{Path, PathBuf};

use crate::clock::Clock;
use crate::control::{self, Command};
use crate::words::{Language, Sentence, Words, doctor as words};

/// Where to look.
#[derive(Debug, Clone)]
pub struct Look {
    /// The config file, as it was named.
    pub config: Option<PathBuf>,
    /// The state directory, as it was named.
    pub state: Option<PathBuf>,
    /// Whether nobody on the network is asked for anything.
    pub offline: bool,
    /// What time it is.
    pub clock: Clock,
}

/// How something is, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// As it should be.
    Ok,
    /// Worth knowing.
    Note,
    /// The family is served, but not as it thinks.
    Warning,
    /// It does not work.
    Failed,
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A line for a shell, whole: it is not to be broken.
    Run(String),
    /// A sentence.
    Say(String),
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The check's name.
    pub check: &'static str,
    /// How it is.
    pub state: State,
    /// What is so, as a sentence in the household's language.
    pub text: String,
    /// More of it, lines that are printed as they are.
    pub detail: Option<String>,
    /// What to do about it.
    pub fix: Vec<Step>,
    /// How to take that back, where it changes the system.
    pub undo: Vec<Step>,
}

/// Something that is looked at.
pub struct Check {
    /// Its name, as in JSON.
    pub name: &'static str,
    /// What it is called.
    pub label: &'static Words,
    /// What the facts mean.
    judge: fn(&Facts) -> Vec<Finding>,
}

/// Every check, in the order in which they are told: what others depend on comes first.
pub const CHECKS: &[Check] = &[
    config::CHECK,
    state::CHECK,
    port::CHECK,
    clock::CHECK,
    upstreams::CHECK,
    lists::CHECK,
    devices::CHECK,
    setup::CHECK,
    router::CHECK,
];

/// All that is known, gathered once.
pub struct Facts {
    /// The household's language.
    pub language: Language,
    config: config::Facts,
    state: state::Facts,
    port: port::Facts,
    clock: clock::Facts,
    upstreams: upstreams::Facts,
    lists: lists::Facts,
    devices: devices::Facts,
    setup: setup::Facts,
    router: router::Facts,
}

/// What came of asking a daemon.
#[expect(clippy::large_enum_variant, reason = "there is one, on the stack")]
enum Asked {
    Answered(Daemon),
    /// This user may not: of the state directory, too, it is told little.
    Locked,
    Silent,
}

/// A daemon that answered.
struct Daemon {
    status: control::Status,
    /// Its process, where the system says it.
    pid: Option<u32>,
}

/// Gathers what there is to know. Takes a few seconds where servers do not answer.
#[must_use]
pub fn gather(look: &Look) -> Facts {
    let (config, checked) = config::gather(look);
    let household = &checked.config.household;
    let language = config.language;
    let directory = config.state_directory.clone();
    let asked = Asked::of(&directory);
    let is_locked = matches!(asked, Asked::Locked);
    let daemon = match &asked {
        Asked::Answered(daemon) => Some(daemon),
        Asked::Locked | Asked::Silent => None,
    };
    let system = port::System::find();
    std::thread::scope(|scope| {
        let dns = &checked.config.dns;
        let upstreams = scope.spawn(|| upstreams::gather(dns, look));
        let router = scope.spawn(|| router::gather(look));
        let lists = if is_locked {
            lists::Facts::locked()
        } else {
            lists::gather(&checked.config, &directory, daemon.is_some(), &look.clock)
        };
        let facts = (
            state::gather(&directory, &asked, &look.clock),
            port::gather(dns, config.is_embedded(), &asked, system),
            clock::gather(household, config.names_zone, &directory, daemon, &look.clock),
            devices::gather(),
            setup::gather(daemon),
        );
        let (state, port, clock, devices, setup) = facts;
        Facts {
            language,
            state,
            port,
            clock,
            lists,
            devices,
            setup,
            upstreams: upstreams.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            router: router.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            config,
        }
    })
}

/// What the facts mean, check by check.
#[must_use]
pub fn examine(facts: &Facts) -> Vec<Finding> {
    let findings = CHECKS.iter().flat_map(|check| {
        let found = (check.judge)(facts).into_iter();
        found.map(|finding| Finding { check: check.name, ..finding })
    });
    findings.collect()
}

// === impl Asked ===

impl Asked {
    fn of(directory: &Path) -> Self {
        match control::tell(directory, &Command::Status) {
            Ok(status) => {
                let pid = peer(&control::socket_path(directory));
                Asked::Answered(Daemon { status, pid })
            }
            Err(control::Error::Silent { source, .. })
                if source.kind() == std::io::ErrorKind::PermissionDenied =>
            {
                Asked::Locked
            }
            Err(
                control::Error::Silent { .. }
                | control::Error::Refused(_)
                | control::Error::Garbled(_),
            ) => Asked::Silent,
        }
    }
}

/// The process behind a socket.
fn peer(path: &Path) -> Option<u32> {
    use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
    let stream = std::os::unix::net::UnixStream::connect(path).ok()?;
    let credentials = getsockopt(&stream, PeerCredentials).ok()?;
    u32::try_from(credentials.pid()).ok()
}

// === impl State ===

impl State {
    /// Its word in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Note => "note",
            State::Warning => "warning",
            State::Failed => "failed",
        }
    }

    /// Its word for a person.
    #[must_use]
    pub fn label(self) -> &'static Words {
        match self {
            State::Ok => &words::OK,
            State::Note => &words::NOTE,
            State::Warning => &words::WARNING,
            State::Failed => &words::FAILED,
        }
    }
}

// === impl Step ===

impl Step {
    /// Its text.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Step::Run(text) | Step::Say(text) => text,
        }
    }
}

// === impl Finding ===

impl Finding {
    fn new(state: State, text: impl Into<String>) -> Self {
        let text = printable(&text.into());
        Finding { check: "", state, text, detail: None, fix: Vec::new(), undo: Vec::new() }
    }

    fn of(state: State, words: &'static Words, language: Language) -> Self {
        Finding::new(state, words.in_language(language))
    }

    /// The same with lines that are shown as they are.
    fn detail(mut self, lines: impl Into<String>) -> Self {
        self.detail = Some(lines.into());
        self
    }

    /// The same with a line for a shell.
    fn run(mut self, line: impl Into<String>) -> Self {
        self.fix.push(Step::Run(printable(&line.into())));
        self
    }

    /// The same with a sentence that says what to do.
    fn say(mut self, sentence: impl Into<String>) -> Self {
        self.fix.push(Step::Say(printable(&sentence.into())));
        self
    }

    /// The same with a line for a shell that takes the fix back.
    fn undo(mut self, line: impl Into<String>) -> Self {
        self.undo.push(Step::Run(printable(&line.into())));
        self
    }

    /// The same with a sentence that says how to take the fix back.
    fn undo_say(mut self, sentence: impl Into<String>) -> Self {
        self.undo.push(Step::Say(printable(&sentence.into())));
        self
    }
}

// === helpers ===

/// A sentence with its two places filled.
fn fill(language: Language, sentence: &Sentence, what: &str, who: &str) -> String {
    sentence.fill(language, what, who)
}

/// A text without what would steer a terminal or turn its writing around: names of programs and of
/// files may hold anything.
fn printable(text: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if steers(c) { '?' } else { c }).collect()
}

/// A path for a shell: between quotes where it needs them.
fn shell(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+:@,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_has_a_name_of_its_own() {
        let mut names: Vec<&str> = CHECKS.iter().map(|check| check.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CHECKS.len());
    }

    #[test]
    fn states_are_ordered_by_how_bad_they_are() {
        assert!(State::Ok < State::Note && State::Note < State::Warning);
        assert!(State::Warning < State::Failed);
    }

    #[test]
    fn a_path_is_one_word_for_a_shell() {
        assert_eq!(shell(Path::new("/etc/amparo/amparo.toml")), "/etc/amparo/amparo.toml");
        assert_eq!(shell(Path::new("/home/o'brien/a b")), "'/home/o'\\''brien/a b'");
    }

    #[test]
    fn nothing_that_was_found_steers_a_terminal() {
        let finding = Finding::new(State::Ok, "a\u{1b}[31m").run("b\u{7}").undo("c\n");
        assert_eq!(finding.text, "a?[31m");
        assert_eq!((finding.fix[0].text(), finding.undo[0].text()), ("b?", "c?"));
    }
}
