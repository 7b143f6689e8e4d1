mod bar;
mod update;

use std::io::Write;

use clap::Subcommand;

use super::{App, Failure, count, name_of, print_json, readable};
use crate::control::{self, Command};
use crate::house::{Copies, House};
use crate::inspect::{self, ListGuess, ListStatus, ListView, WhyMatch};

/// Show what was taken from each list, fetch newer ones, and find which hold a name
#[derive(clap::Args)]
pub(super) struct Lists {
    #[command(subcommand)]
    command: Option<ListsCommand>,
    /// One line of JSON each
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum ListsCommand {
    /// Show the state of all lists, or of one with what was refused and why
    Status {
        /// The list's id
        id: Option<String>,
    },
    /// Fetch lists now: all that are fetched, or one
    Update {
        /// The list's id
        id: Option<String>,
        /// Take what comes also when it would be held: because it lost more than half of its
        /// names, or would newly close names that everybody uses
        #[arg(long)]
        accept: bool,
    },
    /// Find every list entry that holds a name or a parent of it
    Search {
        /// The name
        name: String,
    },
}

impl Lists {
    pub(super) fn run(self, app: &App) -> Result<(), Failure> {
        match self.command {
            None => status(app, None, self.json),
            Some(ListsCommand::Status { id }) => status(app, id.as_deref(), self.json),
            Some(ListsCommand::Update { id, accept }) => {
                update::run(app, id.as_deref(), accept, self.json)
            }
            Some(ListsCommand::Search { name }) => search(app, &name, self.json),
        }
    }
}

/// The state of every list: the daemon's, or what one would start with.
fn lists_of(app: &App) -> Result<Vec<ListStatus>, Failure> {
    let state = app.found_or_default()?.state_directory;
    match control::tell(&state, &Command::Lists) {
        Ok(lists) => Ok(lists),
        Err(control::Error::Silent { .. }) => {
            let found = app.found()?;
            let directory = found.state_directory;
            let house = House::open(found.checked.config, &directory, Copies::LookOnly);
            let view = ListView { state: &directory, now: app.clock.now(), uptime: None };
            Ok(house.lists.iter().map(|list| inspect::list_status(&house, list, &view)).collect())
        }
        Err(error) => Err(error.into()),
    }
}

fn status(app: &App, id: Option<&str>, json: bool) -> Result<(), Failure> {
    let mut lists = lists_of(app)?;
    if let Some(id) = id {
        lists.retain(|list| list.list == id);
        if lists.is_empty() {
            return Err(Failure::failed(format!("no list is called `{id}`"))
                .hint("`amparo lists` names all of them"));
        }
    }
    let mut out = std::io::stdout().lock();
    if json {
        return lists.iter().try_for_each(|list| print_json(&mut out, list));
    }
    table(&mut out, &lists)?;
    if let (Some(_), Some(list)) = (id, lists.first()) {
        details(&mut out, list)?;
    }
    Ok(())
}

/// A line for each list: words to the left, numbers to the right.
fn table(out: &mut dyn Write, lists: &[ListStatus]) -> std::io::Result<()> {
    let head = ["list", "category", "format", "taken", "skipped", "refused", "age", "state"];
    let rows = lists.iter().map(|list| {
        [
            list.list.clone(),
            list.category.clone().unwrap_or_else(|| "-".to_owned()),
            list.format.clone(),
            list.taken.to_string(),
            list.skipped.to_string(),
            list.refused.to_string(),
            list.age_seconds.map_or_else(|| "-".to_owned(), age),
            list.state.clone(),
        ]
    });
    let rows: Vec<[String; 8]> = std::iter::once(head.map(str::to_owned)).chain(rows).collect();
    let widths: [usize; 8] = std::array::from_fn(|column| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
    });
    for row in &rows {
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            match column {
                0..3 => write!(out, "{cell:<width$}  ")?,
                3..7 => write!(out, "{cell:>width$}  ")?,
                _ => writeln!(out, "{cell}")?,
            }
        }
    }
    Ok(())
}

/// All there is to say of one list.
fn details(out: &mut dyn Write, list: &ListStatus) -> std::io::Result<()> {
    let read_as = list.guess.map(|ListGuess { like, of }| {
        let format = &list.format;
        format!("{format}, because {like} of its first {of} lines look like it")
    });
    let rows = [
        ("name", list.name.clone()),
        ("from", list.from.clone()),
        ("licence", list.licence.clone()),
        ("credit", list.attribution.clone()),
        ("read as", read_as),
        ("came", list.updated.as_deref().map(readable).filter(|_| list.is_fetched)),
        ("changed", list.updated.as_deref().map(readable).filter(|_| !list.is_fetched)),
        ("checked", list.checked.as_deref().map(readable)),
        ("next check", list.next_check.as_deref().map(readable)),
    ];
    writeln!(out)?;
    for (head, cell) in rows {
        if let Some(cell) = cell {
            writeln!(out, "{head:<10}  {cell}")?;
        }
    }
    if list.skipped > 0 {
        let kinds = list.skipped_kinds.iter();
        let kinds: Vec<_> =
            kinds.map(|(kind, count)| format!("{count} {}", kind.replace('_', " "))).collect();
        writeln!(out, "{:<10}  {}", "skipped", kinds.join(", "))?;
    }
    if list.refused > 0 {
        let refused = count(list.refused, "entry", "entries");
        writeln!(out, "{refused} refused: no list may close what keeps a family safe.")?;
        for entry in &list.refused_entries {
            writeln!(out, "  {entry}")?;
        }
        let more = list.refused.saturating_sub(list.refused_entries.len());
        if more > 0 && !list.refused_entries.is_empty() {
            writeln!(out, "  and {more} more")?;
        }
    }
    Ok(())
}

/// How long ago something was, in one word: `3 d`.
fn age(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

fn search(app: &App, text: &str, json: bool) -> Result<(), Failure> {
    let name = name_of(text)?;
    let state = app.found_or_default()?.state_directory;
    let command = Command::Search { name: name.to_string() };
    let matches: Vec<WhyMatch> = match control::tell(&state, &command) {
        Ok(matches) => matches,
        Err(control::Error::Silent { .. }) => {
            let (house, state) = app.house()?;
            inspect::matches(&house, &state, &name)
        }
        Err(error) => return Err(error.into()),
    };
    let mut out = std::io::stdout().lock();
    if json {
        return matches.iter().try_for_each(|found| print_json(&mut out, found));
    }
    if matches.is_empty() {
        writeln!(out, "{name} is on no list, nor is a parent of it.")?;
    }
    for found in &matches {
        let entry = found.entry.as_deref().unwrap_or("(not shown)");
        let category = found.category.as_ref();
        let category = category.map(|category| format!(" ({category})")).unwrap_or_default();
        writeln!(out, "{} line {}: {entry}{category}", found.list, found.line)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_one_number() {
        for (seconds, shown) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3599, "59 min"),
            (3600, "1 h"),
            (172_799, "47 h"),
            (172_800, "2 d"),
            (86_400 * 400, "400 d"),
        ] {
            assert_eq!(age(seconds), shown);
        }
    }
}
