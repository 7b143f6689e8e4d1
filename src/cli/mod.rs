//! The command line: one file a command, its doc comments are the help.
//!
//! Exit codes: 0 done, 1 failed, 2 usage, 3 the config is wrong, 4 the daemon does not answer;
//! `why` 10 when the name is blocked.

mod allow;
mod audit;
mod cache;
mod changes;
mod check;
mod columns;
mod device_setup;
mod devices;
mod doctor;
mod firewall;
mod grant;
mod init;
mod lists;
mod log;
pub mod moments;
mod pause;
mod reload;
mod requests;
mod run;
mod session;
mod shell;
mod status;
mod try_out;
mod undo;
mod week;
mod why;

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, CommandFactory as _, Parser, Subcommand};

use crate::clock::Clock;
use crate::config::{self, Origin, Report, System};
use crate::control;
use crate::house::{self, Copies, Found, House, Unusable};
use crate::inspect::{self, label};
use crate::ledger::Ledger;
use crate::lists::Index;
use crate::name::Name;
use crate::policy::Policy;
use crate::policy::passing::Passing;
use crate::policy::rules::Household;
use crate::words;

/// The family's DNS: it asks who, what for, and when.
#[derive(Parser)]
#[command(name = "amparo", version, about, propagate_version = true, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Which household.
#[derive(Args, Debug, Clone, Default)]
pub struct Place {
    /// The config file; else `$AMPARO_CONFIG`, /etc/amparo/amparo.toml (as root) or
    /// ~/.config/amparo/amparo.toml
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The state directory; else `[state] directory`, /var/lib/amparo (as root) or
    /// `$XDG_STATE_HOME/amparo`
    #[arg(long, global = true, value_name = "DIR")]
    state: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Run),
    Check(check::Check),
    Why(why::Why),
    Log(log::Log),
    Status(status::Status),
    Devices(devices::Devices),
    DeviceSetup(device_setup::DeviceSetup),
    Week(week::Week),
    Pause(pause::Pause),
    Resume(pause::Resume),
    Grant(grant::Grant),
    Allow(allow::Allow),
    Block(allow::Block),
    Start(session::Start),
    Stop(session::Stop),
    Requests(requests::Requests),
    Undo(undo::Undo),
    Audit(audit::Audit),
    Lists(lists::Lists),
    Cache(cache::Cache),
    Reload(reload::Reload),
    Init(init::Init),
    Doctor(doctor::Doctor),
    Firewall(firewall::Firewall),
    Try(try_out::Try),
    Completions(shell::Completions),
    Man(shell::Man),
}

/// Why a command did not do what it was told: a sentence, a hint, and how the program exits.
#[derive(Debug)]
pub struct Failure {
    /// What is wrong; printed after `amparo: `. Empty when everything was said already.
    pub message: String,
    /// What to do instead.
    pub hint: Option<String>,
    /// How the program exits.
    pub exit: Exit,
}

/// How the program exits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Nothing more to do: whoever reads our output has seen enough.
    Done = 0,
    /// It could not be done.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The config is wrong.
    Config = 3,
    /// The daemon does not answer.
    Silent = 4,
    /// `why`: the name is blocked.
    Blocked = 10,
}

/// What commands share: where things are, and what time it is.
pub struct App {
    place: Place,
    clock: Clock,
}

/// Runs the program with the process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let app = App { place: cli.place, clock: Clock::System };
    let command = cli.command.unwrap_or(Command::Run(run::Run::default()));
    let outcome = match command {
        Command::Run(command) => command.run(&app),
        Command::Check(command) => command.run(&app),
        Command::Why(command) => command.run(&app),
        Command::Log(command) => log_of(&command, &app),
        Command::Status(command) => command.run(&app),
        Command::Devices(command) => command.run(&app),
        Command::DeviceSetup(command) => command.run(&app),
        Command::Week(command) => command.run(&app),
        Command::Pause(command) => command.run(&app),
        Command::Resume(command) => command.run(&app),
        Command::Grant(command) => command.run(&app),
        Command::Allow(command) => command.run(&app),
        Command::Block(command) => command.run(&app),
        Command::Start(command) => command.run(&app),
        Command::Stop(command) => command.run(&app),
        Command::Requests(command) => command.run(&app),
        Command::Undo(command) => command.run(&app),
        Command::Audit(command) => command.run(&app),
        Command::Lists(command) => command.run(&app),
        Command::Cache(command) => command.run(&app),
        Command::Reload(command) => command.run(&app),
        Command::Init(command) => command.run(&app),
        Command::Doctor(command) => command.run(&app),
        Command::Firewall(command) => command.run(&app),
        Command::Try(command) => command.run(),
        Command::Completions(command) => command.run(),
        Command::Man(command) => command.run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let mut stderr = std::io::stderr().lock();
            if !failure.message.is_empty() {
                let _ = writeln!(stderr, "amparo: {}", failure.message);
            }
            if let Some(hint) = &failure.hint {
                let _ = writeln!(stderr, "  {hint}");
            }
            ExitCode::from(failure.exit as u8)
        }
    }
}

// === impl Failure ===

impl Failure {
    /// It could not be done.
    pub fn failed(message: impl Into<String>) -> Self {
        Failure { message: message.into(), hint: None, exit: Exit::Failed }
    }

    /// The command line is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Failure { message: message.into(), hint: None, exit: Exit::Usage }
    }

    /// Nothing to say, only how to exit.
    #[must_use]
    pub fn quiet(exit: Exit) -> Self {
        Failure { message: String::new(), hint: None, exit }
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<control::Error> for Failure {
    fn from(error: control::Error) -> Self {
        let message = error.to_string();
        match error {
            control::Error::Silent { source, .. } => {
                let hint = if source.kind() == std::io::ErrorKind::PermissionDenied {
                    "the daemon is another user's: ask as root, or as one of its group"
                } else {
                    "start it with `amparo`, or name its state directory with --state DIR"
                };
                Failure { message, hint: None, exit: Exit::Silent }.hint(hint)
            }
            control::Error::Refused(_) | control::Error::Garbled(_) => Failure::failed(message),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        // Whoever reads our output has seen enough: `amparo log | head`.
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Failure::quiet(Exit::Done);
        }
        Failure::failed(error.to_string())
    }
}

// === impl App ===

impl App {
    /// The config that counts: what a daemon would start with. Its mistakes are printed.
    fn found(&self) -> Result<Found, Failure> {
        let found = self.find().map_err(failure_of)?;
        if let Some(why) = &found.trouble {
            print_unusable(why);
            let _ = writeln!(std::io::stderr(), "Its last good copy is what counts meanwhile.\n");
        }
        Ok(found)
    }

    /// The same for what can be done without one, whatever is wrong with the file: then its last
    /// good copy or the embedded default tells the language, the zone and the people.
    fn found_or_default(&self) -> Result<Found, Failure> {
        self.find().or_else(|_| {
            let (file, state) = (self.file(), self.place.state.as_deref());
            let text = file.and_then(|file| config::read_file(&file).ok());
            let said = text.and_then(|text| config::directory_in(&text));
            let state = state.map(Path::to_owned).or(said);
            let default = config::EMBEDDED;
            match config::load(default, &Origin::Embedded, &System::detect()) {
                Ok(checked) => Ok(Found {
                    checked,
                    text: default.to_owned(),
                    state_directory: config::state_directory(state.as_deref(), None),
                    trouble: None,
                }),
                Err(report) => Err(failure_of(Unusable::Wrong(report))),
            }
        })
    }

    /// The household, opened without a daemon, and its state directory.
    fn house(&self) -> Result<(House, PathBuf), Failure> {
        let found = self.found()?;
        let directory = found.state_directory;
        Ok((House::open(found.checked.config, &directory, Copies::LookOnly), directory))
    }

    /// What holds for a while, as it was written down last.
    fn passing(&self, state: &Path, household: &Household) -> Passing {
        Ledger::look(state, self.clock.clone()).passing(household)
    }

    fn find(&self) -> Result<Found, Unusable> {
        house::find_config(self.file().as_deref(), self.place.state.as_deref())
    }

    fn file(&self) -> Option<PathBuf> {
        config::find_file(self.place.config.as_deref())
    }
}

/// Says why there is no config to go by.
fn failure_of(why: Unusable) -> Failure {
    match why {
        Unusable::Unreadable(message) => Failure {
            message,
            hint: Some("name another file with --config FILE".to_owned()),
            exit: Exit::Config,
        },
        Unusable::Wrong(report) => {
            print_report(&report);
            Failure::quiet(Exit::Config)
        }
    }
}

fn print_unusable(why: &Unusable) {
    match why {
        Unusable::Wrong(report) => print_report(report),
        Unusable::Unreadable(sentence) => {
            let _ = writeln!(std::io::stderr(), "amparo: {sentence}");
        }
    }
}

/// Runs `amparo log`: what the daemon holds in memory is written first, so that the newest shows.
fn log_of(command: &log::Log, app: &App) -> Result<(), Failure> {
    let found = app.found_or_default()?;
    let state = found.state_directory;
    match control::tell::<()>(&state, &control::Command::Flush) {
        // Without a daemon there is nothing in memory; a full disk does not hide what is on it.
        Ok(()) | Err(control::Error::Silent { .. }) => {}
        Err(control::Error::Refused(why)) => {
            let _ = writeln!(std::io::stderr(), "amparo: {why}");
        }
        Err(error @ control::Error::Garbled(_)) => return Err(error.into()),
    }
    // Sentences need labels, not lists: the policy is read without an index.
    let household = found.checked.config.household;
    let zone = household.zone.clone();
    let policy = Policy::new(household, Arc::new(Index::default()));
    let language = policy.household.language;
    let view = log::View {
        who: &|attempt| match attempt.child.as_deref() {
            Some(id) => label(&policy.household, id),
            None => words::UNKNOWN_DEVICE_CELL.in_language(language).to_owned(),
        },
        why: &|attempt| {
            let who = match attempt.child.as_deref() {
                Some(id) => label(&policy.household, id),
                None => words::UNKNOWN_DEVICES.in_language(language).to_owned(),
            };
            let (kind, id) = (attempt.kind, &attempt.reason_id);
            policy.sentence_of(&who, kind, id, !attempt.blocked, language)
        },
        zone: &zone,
        now: app.clock.now(),
    };
    let journal = state.join(crate::journal::FILE_NAME);
    match command.run(&journal, &view, &mut std::io::stdout().lock()) {
        Ok(_) => Ok(()),
        Err(error @ log::LogError::Moment { .. }) => Err(Failure::usage(error.to_string())),
        Err(error @ (log::LogError::Read(_) | log::LogError::Write(_))) => {
            Err(Failure::failed(error.to_string()))
        }
    }
}

/// What a word of the config file is called, safe to print, wherever the word comes from.
fn word_label(household: &Household, word: &str) -> String {
    log::printable(&inspect::word_label(household, word)).into_owned()
}

/// A time of our JSON as a person reads it: `2026-11-23 21:30`.
fn readable(rfc3339: &str) -> String {
    rfc3339.get(..16).unwrap_or(rfc3339).replace('T', " ")
}

/// `1 person`, `2 people`.
fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// The name that a person wrote; for an address of the web it says which part is the name.
fn name_of(text: &str) -> Result<Name, Failure> {
    Name::parse(text).map_err(|why| {
        let text = moments::shown(text);
        let rest = text.split_once("://").map_or(text.as_str(), |(_, rest)| rest);
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = host.rsplit('@').next().unwrap_or_default();
        let host = host.split(':').next().unwrap_or_default().trim_start_matches("*.");
        let name = if Name::parse(host).is_ok() { host } else { "www.tiktok.com, for example" };
        let why = why.to_string();
        Failure::usage(format!("`{text}` is no domain name: {}", log::printable(&why)))
            .hint(format!("write only the name: {name}"))
    })
}

/// Prints mistakes or warnings of a config file to stderr.
fn print_report(report: &Report) {
    let mut stderr = std::io::stderr().lock();
    let colour = stderr.is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let _ = write!(stderr, "{}", report.render(colour));
}

/// Prints one value as a line of JSON.
fn print_json(out: &mut dyn std::io::Write, value: &impl serde::Serialize) -> Result<(), Failure> {
    let line = serde_json::to_string(value).map_err(|e| Failure::failed(e.to_string()))?;
    writeln!(out, "{line}")?;
    Ok(())
}

/// The whole command line, for completions and the manual.
fn command_line() -> clap::Command {
    Cli::command()
}
