use std::io::Write as _;

use clap::Subcommand;

use super::{App, Failure, count, name_of, print_json};
use crate::control::{self, Command};
use crate::inspect::{self, ListStatus, WhyMatch};

/// Show what was taken from each list, and which lists hold a name
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
    /// Show the state of all lists, or of one with what was refused
    Status {
        /// The list's id
        id: Option<String>,
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
            Some(ListsCommand::Search { name }) => search(app, &name, self.json),
        }
    }
}

fn status(app: &App, id: Option<&str>, json: bool) -> Result<(), Failure> {
    let state = app.found_or_default()?.state_directory;
    let mut lists: Vec<ListStatus> = match control::tell(&state, &Command::Lists) {
        Ok(lists) => lists,
        Err(control::Error::Silent { .. }) => {
            let (house, _) = app.house()?;
            house.lists.iter().map(|list| inspect::list_status(&house, list)).collect()
        }
        Err(error) => return Err(error.into()),
    };
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
    let widest = |cell: fn(&ListStatus) -> &str, head: &str| {
        let cells = lists.iter().map(|list| cell(list).chars().count());
        cells.max().unwrap_or(0).max(head.len())
    };
    let width = widest(|list| &list.list, "list");
    let category = widest(|list| list.category.as_deref().unwrap_or("-"), "category");
    let format = widest(|list| &list.format, "format");
    writeln!(
        out,
        "{:<width$}  {:<category$}  {:<format$}  {:>9} {:>8} {:>8}  state",
        "list", "category", "format", "taken", "skipped", "refused"
    )?;
    for list in &lists {
        writeln!(
            out,
            "{:<width$}  {:<category$}  {:<format$}  {:>9} {:>8} {:>8}  {}",
            list.list,
            list.category.as_deref().unwrap_or("-"),
            list.format,
            list.taken,
            list.skipped,
            list.refused,
            list.state,
        )?;
        if id.is_some() && list.refused > 0 {
            let refused = count(list.refused, "entry", "entries");
            writeln!(out, "{refused} refused: no list may close what keeps a family safe.")?;
            for entry in &list.refused_entries {
                writeln!(out, "  {entry}")?;
            }
        }
    }
    Ok(())
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
        writeln!(out, "{} line {}: {entry}", found.list, found.line)?;
    }
    Ok(())
}
