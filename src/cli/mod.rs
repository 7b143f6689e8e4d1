//! The command line: one file a command, its doc comments are the help.
//!
//! Exit codes: 0 done, 1 failed, 2 usage, 3 the config is wrong, 4 the daemon does not answer;
//! `why` 10 when the name is blocked.

mod check;
mod lists;
mod log;
pub mod moments;
mod reload;
mod run;
mod shell;
mod status;
mod try_out;
mod why;

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, CommandFactory as _, Parser, Subcommand};

use crate::clock::Clock;
use crate::config::{self, Checked, Origin, Report, System};
use crate::control;
use crate::house::{Copies, House};
use crate::journal::reader::Attempt;
use crate::lists::Index;
use crate::policy::Policy;

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
    Lists(lists::Lists),
    Reload(reload::Reload),
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
        Command::Lists(command) => command.run(&app),
        Command::Reload(command) => command.run(&app),
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
            control::Error::Silent { .. } => Failure { message, hint: None, exit: Exit::Silent }
                .hint("start it with `amparo`, or name its state directory with --state DIR"),
            control::Error::Refused(_) | control::Error::Garbled(_) => Failure::failed(message),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        // Whoever reads our output has seen enough: `amparo log | head`.
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Failure::quiet(Exit::Failed);
        }
        Failure::failed(error.to_string())
    }
}

// === impl App ===

impl App {
    /// The config file that counts, read and checked; the embedded defaults when there is none.
    /// Its mistakes are printed.
    fn config(&self) -> Result<(Checked, Option<PathBuf>), Failure> {
        let file = config::find_file(self.place.config.as_deref());
        let (text, origin) = match &file {
            None => (config::EMBEDDED.to_owned(), Origin::Embedded),
            Some(path) => (read_config(path)?, Origin::File(path.clone())),
        };
        match config::load(&text, &origin, &System::detect()) {
            Ok(checked) => Ok((checked, file)),
            Err(report) => {
                print_report(&report);
                Err(Failure::quiet(Exit::Config))
            }
        }
    }

    /// The household, opened without a daemon.
    fn house(&self) -> Result<House, Failure> {
        let (checked, _) = self.config()?;
        let state = config::state_directory(self.place.state.as_deref(), Some(&checked.config));
        Ok(House::open(checked.config, &state, Copies::LookOnly))
    }

    /// The state directory. The config is read only when the command line does not name it.
    fn state_directory(&self) -> Result<PathBuf, Failure> {
        if let Some(state) = &self.place.state {
            return Ok(state.clone());
        }
        let (checked, _) = self.config()?;
        Ok(config::state_directory(None, Some(&checked.config)))
    }
}

/// Runs `amparo log`: what the daemon holds in memory is written first, so that the newest shows.
fn log_of(command: &log::Log, app: &App) -> Result<(), Failure> {
    let (checked, _) = app.config()?;
    let state = config::state_directory(app.place.state.as_deref(), Some(&checked.config));
    match control::tell::<()>(&state, &control::Command::Flush) {
        // Without a daemon there is nothing in memory; a full disk does not hide what is on it.
        Ok(()) | Err(control::Error::Silent { .. } | control::Error::Refused(_)) => {}
        Err(error @ control::Error::Garbled(_)) => return Err(error.into()),
    }
    // Sentences need labels, not lists: the policy is read without an index.
    let zone = checked.config.household.zone.clone();
    let policy = Policy::new(checked.config.household, Arc::new(Index::default()));
    let language = policy.household.language;
    let whose = |attempt: &Attempt| {
        let subjects = &policy.household.subjects;
        let id = attempt.child.as_deref();
        subjects.iter().find(|subject| Some(subject.id.as_str()) == id).unwrap_or(&subjects[0])
    };
    let view = log::View {
        who: &|attempt| whose(attempt).label.clone(),
        why: &|attempt| {
            let (kind, id) = (attempt.kind, &attempt.reason_id);
            policy.sentence_of(whose(attempt), kind, id, !attempt.blocked, language)
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

/// The text of a config file.
fn read_config(path: &std::path::Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure {
        message: format!("{} cannot be read: {error}", path.display()),
        hint: Some("name another file with --config FILE".to_owned()),
        exit: Exit::Config,
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
