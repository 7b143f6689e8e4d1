use std::io::Write as _;

use super::{App, Exit, Failure};
use crate::control::{self, Command};

/// Have the running daemon read its config and lists again
#[derive(clap::Args)]
pub(super) struct Reload {}

impl Reload {
    #[expect(clippy::unused_self, reason = "every command runs the same way")]
    pub(super) fn run(self, app: &App) -> Result<(), Failure> {
        let state = app.found_or_default()?.state_directory;
        match control::tell::<String>(&state, &Command::Reload) {
            Ok(sentence) => Ok(writeln!(std::io::stdout(), "{sentence}")?),
            // The report of the file's mistakes, as `check` prints it.
            Err(control::Error::Refused(report)) => {
                writeln!(std::io::stderr(), "{report}")?;
                Err(Failure::quiet(Exit::Config))
            }
            Err(error @ (control::Error::Silent { .. } | control::Error::Garbled(_))) => {
                Err(error.into())
            }
        }
    }
}
