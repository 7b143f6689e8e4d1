use std::io::Write;

use super::columns::write_beside;
use super::log::printable;
use super::{App, Failure, label, print_json, readable, word_label};
use crate::control::{self, AuditRow, Command, FamilyCommand};
use crate::policy::rules::Household;
use crate::words::time;

/// How many changes are shown of which nobody says how many: what fits a screen.
const LIMIT: &str = "20";

/// Show who changed what, newest first
#[derive(Debug, clap::Args)]
pub(super) struct Audit {
    /// Only the newest N
    #[arg(long, value_name = "N", default_value = LIMIT)]
    limit: usize,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

impl Audit {
    pub(super) fn run(self, app: &App) -> Result<(), Failure> {
        let found = app.found_or_default()?;
        let command = Command::Family(FamilyCommand::Audit { limit: self.limit });
        let rows: Vec<AuditRow> = control::tell(&found.state_directory, &command)?;
        let mut out = std::io::stdout().lock();
        if self.json {
            return rows.iter().try_for_each(|row| print_json(&mut out, row));
        }
        Ok(print(&mut out, &rows, &found.checked.config.household)?)
    }
}

fn print(out: &mut dyn Write, rows: &[AuditRow], household: &Household) -> std::io::Result<()> {
    let language = household.language;
    if rows.is_empty() {
        return writeln!(out, "{}", time::NO_CHANGES.in_language(language));
    }
    let ids = rows.iter().map(|row| row.id.to_string().len()).max().unwrap_or(0);
    for row in rows {
        let head = format!("{:>ids$}  {}  ", row.id, printable(&readable(&row.at)));
        let action = time::action(&row.action).map_or_else(
            || printable(&row.action).into_owned(),
            |words| words.in_language(language).to_owned(),
        );
        let child = row.child.as_deref().map(|id| printable(&label(household, id)).into_owned());
        let what = row.what.as_deref().map(|what| word_label(household, what));
        let until = row.until.as_deref();
        let until = until.map(|until| time::UNTIL.fill(language, &printable(&readable(until)), ""));
        let who = format!("{} ({})", printable(&row.who), printable(&row.via));
        let undone = row.undone.then(|| time::UNDONE.in_language(language).to_owned());
        let pieces = [Some(action), child, what, until, Some(who), undone];
        let pieces: Vec<String> = pieces.into_iter().flatten().collect();
        write_beside(out, &head, &str::to_owned, &pieces, " · ")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::changes::tests::{household, parsed};
    use super::*;
    use crate::words::Language;

    fn row(id: u64, action: &str) -> AuditRow {
        AuditRow {
            v: 1,
            id,
            at: "2026-11-23T18:00:00-06:00".to_owned(),
            who: "ana".to_owned(),
            via: "cli".to_owned(),
            action: action.to_owned(),
            child: Some("sofia".to_owned()),
            what: None,
            until: None,
            undone: false,
        }
    }

    fn printed(rows: &[AuditRow], language: Language) -> String {
        let mut out = Vec::new();
        print(&mut out, rows, &household(language)).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_change_is_told_with_who_made_it() {
        let mut opened = row(10, "allow");
        opened.what = Some("youtube".to_owned());
        opened.until = Some("2026-11-23T19:00:00-06:00".to_owned());
        opened.undone = true;
        let reload = AuditRow { child: None, via: "file".to_owned(), ..row(9, "reload") };
        let expected = "\
10  2026-11-23 18:00  allow · Sofía · YouTube · until 2026-11-23 19:00
                      ana (cli) · undone
 9  2026-11-23 18:00  reload · ana (file)
";
        assert_eq!(printed(&[opened, reload], Language::En), expected);
        assert!(printed(&[row(1, "pause")], Language::Es).contains("pausa · Sofía · ana (cli)"));
    }

    #[test]
    fn nothing_changed_is_one_sentence() {
        assert_eq!(printed(&[], Language::En), "Nobody has changed anything yet.\n");
    }

    #[test]
    fn what_another_wrote_does_not_steer_the_terminal() {
        let row = AuditRow { what: Some("\u{1b}[2J".to_owned()), ..row(1, "\u{9b}x") };
        assert!(!printed(&[row], Language::En).contains(['\u{1b}', '\u{9b}']));
    }

    #[test]
    fn the_newest_twenty_are_shown_unless_somebody_says_how_many() {
        assert_eq!(parsed::<Audit>("").unwrap().limit, 20);
        assert_eq!(parsed::<Audit>("--limit 5").unwrap().limit, 5);
        assert!(parsed::<Audit>("--limit few").is_err());
    }
}
