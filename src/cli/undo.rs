use super::changes::change;
use super::{App, Failure};
use crate::control::FamilyCommand;

/// Take back the last change that was not taken back yet
#[derive(Debug, clap::Args)]
pub(super) struct Undo {
    /// One line of JSON
    #[arg(long)]
    json: bool,
}

impl Undo {
    pub(super) fn run(self, app: &App) -> Result<(), Failure> {
        change(app, self.json, |_| Ok(FamilyCommand::Undo))
    }
}
