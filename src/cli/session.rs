use super::changes::{change, word};
use super::{App, Failure};
use crate::control::FamilyCommand;

/// Start the time of a budget that counts only while it is started
///
/// Such budgets are those with `budget_mode = "started"`; what they are about is closed until then.
#[derive(Debug, clap::Args)]
pub(super) struct Start {
    /// A child's id or name
    child: String,
    /// The budget's word, such as youtube
    budget: String,
    /// One line of JSON
    #[arg(long)]
    json: bool,
}

/// Stop the time of a budget that was started
#[derive(Debug, clap::Args)]
pub(super) struct Stop {
    /// A child's id or name
    child: String,
    /// The budget's word, such as youtube
    budget: String,
    /// One line of JSON
    #[arg(long)]
    json: bool,
}

impl Start {
    pub(super) fn run(self, app: &App) -> Result<(), Failure> {
        let budget = word(&self.budget)?;
        change(app, self.json, |_| Ok(FamilyCommand::Start { child: self.child.clone(), budget }))
    }
}

impl Stop {
    pub(super) fn run(self, app: &App) -> Result<(), Failure> {
        let budget = word(&self.budget)?;
        change(app, self.json, |_| Ok(FamilyCommand::Stop { child: self.child.clone(), budget }))
    }
}
