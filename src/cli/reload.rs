use std::io::Write as _;

use super::{App, Failure};
use crate::control::{self, Command};

/// Let the running daemon read its config and lists again
#[derive(clap::Args)]
pub(super) struct Reload {}

impl Reload {
    #[expect(clippy::unused_self, reason = "every command runs the same way")]
    pub(super) fn run(self, app: &App) -> Result<(), Failure> {
        let state = app.state_directory()?;
        let sentence: String = control::tell(&state, &Command::Reload)?;
        writeln!(std::io::stdout(), "{sentence}")?;
        Ok(())
    }
}
