use super::changes::change;
use super::{App, Failure, moments};
use crate::control::FamilyCommand;

/// Give time: schedules and budgets close nothing for so long
///
/// It opens nothing else: what lists, categories and names close stays closed.
#[derive(Debug, clap::Args)]
pub(super) struct Grant {
    /// A child's or adult's id or name
    child: String,
    /// How long: 30m, 1h, 1h30m
    #[arg(value_name = "LENGTH")]
    length: String,
    /// More of this budget today, instead of time free of all: its word, such as youtube
    #[arg(long, value_name = "WORD")]
    budget: Option<String>,
    /// One line of JSON
    #[arg(long)]
    json: bool,
}

impl Grant {
    pub(super) fn run(self, app: &App) -> Result<(), Failure> {
        change(app, self.json, |_| self.command())
    }

    fn command(&self) -> Result<FamilyCommand, Failure> {
        let length = moments::parse_duration(&self.length).map_err(|error| {
            Failure::usage(error.to_string())
                .hint("to open a name instead: amparo allow NAME --for CHILD --until MOMENT")
        })?;
        Ok(FamilyCommand::Grant {
            child: self.child.clone(),
            seconds: length.as_secs(),
            budget: self.budget.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::changes::tests::{parsed, usage};
    use super::*;

    fn grant(arguments: &str) -> Result<FamilyCommand, Failure> {
        parsed::<Grant>(arguments).unwrap().command()
    }

    #[test]
    fn time_is_given_free_or_to_a_budget() {
        let given = |seconds, budget: Option<&str>| FamilyCommand::Grant {
            child: "sofia".to_owned(),
            seconds,
            budget: budget.map(str::to_owned),
        };
        assert_eq!(grant("sofia 30m").unwrap(), given(1800, None));
        let more = grant("sofia 1h30m --budget youtube").unwrap();
        assert_eq!(more, given(5400, Some("youtube")));
    }

    #[test]
    fn what_is_no_length_says_what_to_write() {
        for length in ["21:30", "tiktok", "always", "0m", "30"] {
            let said = usage(grant(&format!("sofia {length}")));
            assert!(said.contains("30s, 45m, 1h30m") && said.contains("amparo allow"), "{said}");
        }
        assert!(usage(grant("sofia 9999d")).contains("too long"));
        assert!(parsed::<Grant>("sofia").is_err());
    }
}
