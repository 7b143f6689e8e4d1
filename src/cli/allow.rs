use super::changes::{Here, change, is_everything, word};
use super::{App, Failure};
use crate::control::{FamilyCommand, Until};

/// Open a name, a service or a category for somebody
///
/// Without --until it is written into the config file, with its comments and order kept.
#[derive(Debug, clap::Args)]
pub(super) struct Allow {
    /// The name, such as wikipedia.org, which covers what is below it; or a service or category
    name: String,
    /// For whom: a child's or adult's id or name
    #[arg(long = "for", value_name = "CHILD")]
    child: String,
    /// Until when: 45m (from now), 21:30, "sat 21:30", bedtime, tomorrow or RFC 3339; else always
    #[arg(long, value_name = "MOMENT")]
    until: Option<String>,
    /// One line of JSON
    #[arg(long)]
    json: bool,
}

/// Close a name, a service or a category for somebody
///
/// Without --until it is written into the config file, with its comments and order kept.
#[derive(Debug, clap::Args)]
pub(super) struct Block {
    /// The name, such as example.org, which covers what is below it; or a service or category
    name: String,
    /// For whom: a child's or adult's id or name
    #[arg(long = "for", value_name = "CHILD")]
    child: String,
    /// Until when: 45m (from now), 21:30, "sat 21:30", bedtime, tomorrow or RFC 3339; else always
    #[arg(long, value_name = "MOMENT")]
    until: Option<String>,
    /// One line of JSON
    #[arg(long)]
    json: bool,
}

impl Allow {
    pub(super) fn run(self, app: &App) -> Result<(), Failure> {
        change(app, self.json, |here| self.command(here))
    }

    fn command(&self, here: &Here) -> Result<FamilyCommand, Failure> {
        let what = word(&self.name)?;
        let until = until(here, self.until.as_deref())?;
        if is_everything(&what) {
            let message = "nothing opens everything: what lists close stays closed";
            return Err(Failure::usage(message)
                .hint("to lift schedules and budgets for a while: amparo grant CHILD 30m"));
        }
        Ok(FamilyCommand::Allow { what, child: self.child.clone(), until })
    }
}

impl Block {
    pub(super) fn run(self, app: &App) -> Result<(), Failure> {
        change(app, self.json, |here| self.command(here))
    }

    fn command(&self, here: &Here) -> Result<FamilyCommand, Failure> {
        let what = word(&self.name)?;
        let until = until(here, self.until.as_deref())?;
        if is_everything(&what) && until != Until::Always {
            return Err(Failure::usage("closing everything for a while is a pause")
                .hint("write: amparo pause CHILD --until MOMENT"));
        }
        Ok(FamilyCommand::Block { what, child: self.child.clone(), until })
    }
}

fn until(here: &Here, text: Option<&str>) -> Result<Until, Failure> {
    text.map_or(Ok(Until::Always), |text| here.until(text))
}

#[cfg(test)]
mod tests {
    use super::super::changes::tests::{here, parsed, usage};
    use super::*;

    fn allow(arguments: &str) -> Result<FamilyCommand, Failure> {
        parsed::<Allow>(arguments).unwrap().command(&here())
    }

    fn block(arguments: &str) -> Result<FamilyCommand, Failure> {
        parsed::<Block>(arguments).unwrap().command(&here())
    }

    #[test]
    fn without_an_end_it_is_for_good() {
        let (child, what) = ("sofia".to_owned(), "wikipedia.org".to_owned());
        let open = allow("Wikipedia.org --for sofia").unwrap();
        let until = Until::Always;
        assert_eq!(open, FamilyCommand::Allow { what, child: child.clone(), until });
        let closed = block("tiktok --for sofia --until always").unwrap();
        assert_eq!(closed, FamilyCommand::Block { what: "tiktok".to_owned(), child, until });
    }

    #[test]
    fn with_an_end_it_is_for_a_while() {
        let (child, what) = ("Sofía".to_owned(), "youtube".to_owned());
        let open = allow("youtube --for Sofía --until 45m").unwrap();
        let until = Until::For(2700);
        assert_eq!(open, FamilyCommand::Allow { what: what.clone(), child: child.clone(), until });
        let closed = block("youtube --for Sofía --until bedtime").unwrap();
        assert_eq!(closed, FamilyCommand::Block { what, child, until: Until::Bedtime });
    }

    #[test]
    fn opening_everything_is_given_time() {
        for arguments in ["internet --for sofia", "internet --for sofia --until 1h"] {
            assert!(usage(allow(arguments)).contains("amparo grant"), "{arguments}");
        }
    }

    #[test]
    fn closing_everything_for_a_while_is_a_pause() {
        assert!(usage(block("internet --for sofia --until 1h")).contains("amparo pause"));
        assert!(block("internet --for sofia").is_ok());
    }

    #[test]
    fn for_whom_must_be_said() {
        assert!(parsed::<Allow>("tiktok").is_err());
        assert!(parsed::<Block>("tiktok").is_err());
    }

    #[test]
    fn what_is_no_name_is_not_sent() {
        assert!(usage(block("https://tiktok.com --for sofia")).contains("write only the name"));
        assert!(usage(allow("tiktok..com --for sofia")).contains("no domain name"));
        assert!(usage(allow("tiktok --for sofia --until 2020-01-01")).contains("is over"));
    }
}
