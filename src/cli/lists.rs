use std::io::Write as _;

use clap::Subcommand;

use super::{App, Failure, print_json};
use crate::control::{self, Command};
use crate::inspect::{self, ListStatus, WhyMatch};
use crate::name::Name;

/// The lists: what was taken from each, and which of them hold a name
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
    /// The state of all lists, or of one with what was refused
    Status {
        /// The list's id
        id: Option<String>,
    },
    /// Every list entry that holds a name or a parent of it
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
    let state = app.state_directory()?;
    let mut lists: Vec<ListStatus> = match control::tell(&state, &Command::Lists) {
        Ok(lists) => lists,
        Err(control::Error::Silent { .. }) => {
            let house = app.house()?;
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
    let width = lists.iter().map(|list| list.list.len()).max().unwrap_or(0).max(4);
    writeln!(
        out,
        "{:<width$}  {:<18} {:<8} {:>9} {:>8} {:>8}  state",
        "list", "category", "format", "taken", "skipped", "refused"
    )?;
    for list in &lists {
        writeln!(
            out,
            "{:<width$}  {:<18} {:<8} {:>9} {:>8} {:>8}  {}",
            list.list,
            list.category.as_deref().unwrap_or("-"),
            list.format,
            list.taken,
            list.skipped,
            list.refused,
            list.state,
        )?;
        if id.is_some() && list.refused > 0 {
            writeln!(out, "{} entries refused, no list may close them:", list.refused)?;
            for entry in &list.refused_entries {
                writeln!(out, "  {entry}")?;
            }
        }
    }
    Ok(())
}

fn search(app: &App, text: &str, json: bool) -> Result<(), Failure> {
    let name = Name::parse(text)
        .map_err(|why| Failure::usage(format!("`{text}` is no domain name: {why}")))?;
    let state = app.state_directory()?;
    let command = Command::Search { name: name.to_string() };
    let matches: Vec<WhyMatch> = match control::tell(&state, &command) {
        Ok(matches) => matches,
        Err(control::Error::Silent { .. }) => inspect::matches(&app.house()?, &state, &name),
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
