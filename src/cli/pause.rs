use super::changes::{Here, change};
use super::{App, Failure};
use crate::control::{FamilyCommand, Until};

/// How long a pause lasts of which nobody says it.
const PAUSE_SECONDS: u64 = 60 * 60;

/// Close everything for somebody for a while
///
/// Help and what must always answer stay open. It bites within a minute, and ends by itself.
#[derive(Debug, clap::Args)]
pub(super) struct Pause {
    /// A child's or adult's id or name
    child: String,
    /// For how long: 30m, 1h30m; else an hour
    #[arg(value_name = "LENGTH", conflicts_with = "until")]
    length: Option<String>,
    /// Until when: 45m (from now), 21:30, "sat 21:30", bedtime, tomorrow or RFC 3339
    #[arg(long, value_name = "MOMENT")]
    until: Option<String>,
    /// One line of JSON
    #[arg(long)]
    json: bool,
}

/// End a pause before its time
#[derive(Debug, clap::Args)]
pub(super) struct Resume {
    /// A child's or adult's id or name
    child: String,
    /// One line of JSON
    #[arg(long)]
    json: bool,
}

impl Pause {
    pub(super) fn run(self, app: &App) -> Result<(), Failure> {
        change(app, self.json, |here| self.command(here))
    }

    fn command(&self, here: &Here) -> Result<FamilyCommand, Failure> {
        let until = match self.length.as_deref().or(self.until.as_deref()) {
            None => Until::For(PAUSE_SECONDS),
            Some(text) => here.until(text)?,
        };
        if until == Until::Always {
            let hint = "to close everything for good, write a schedule into the config file: \
                        time = \"00:00-24:00\", block = \"everything\"";
            return Err(Failure::usage("a pause ends by itself; it cannot last always").hint(hint));
        }
        Ok(FamilyCommand::Pause { child: self.child.clone(), until })
    }
}

impl Resume {
    pub(super) fn run(self, app: &App) -> Result<(), Failure> {
        change(app, self.json, |_| Ok(FamilyCommand::Resume { child: self.child.clone() }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::changes::tests::{at, here, parsed, usage};
    use super::*;

    fn pause(arguments: &str) -> Result<FamilyCommand, Failure> {
        parsed::<Pause>(arguments).unwrap().command(&here())
    }

    #[track_caller]
    fn check(arguments: &str, until: Until) {
        let expected = FamilyCommand::Pause { child: "sofia".to_owned(), until };
        assert_eq!(pause(arguments).unwrap(), expected, "pause {arguments}");
    }

    #[test]
    fn a_pause_lasts_an_hour_unless_somebody_says_how_long() {
        check("sofia", Until::For(3600));
        check("sofia 30m", Until::For(1800));
        check("sofia --until 45m", Until::For(2700));
        check("sofia --until bedtime", Until::Bedtime);
        check("sofia --until 21:30", Until::At(at("2026-11-23T21:30:00-06:00")));
        check("sofia 21:30", Until::At(at("2026-11-23T21:30:00-06:00")));
        check("sofia --until \"sat 9:00\"", Until::At(at("2026-11-28T09:00:00-06:00")));
    }

    #[test]
    fn a_pause_for_good_is_a_schedule() {
        for arguments in ["sofia --until always", "sofia siempre"] {
            assert!(usage(pause(arguments)).contains("write a schedule"), "{arguments}");
        }
    }

    #[test]
    fn a_length_and_an_end_are_one_too_many() {
        assert!(parsed::<Pause>("sofia 30m --until 21:30").is_err());
        assert!(parsed::<Pause>("").is_err());
    }

    #[test]
    fn a_pause_cannot_end_in_the_past() {
        assert!(usage(pause("sofia --until 2026-11-23")).contains("is over"));
    }
}
