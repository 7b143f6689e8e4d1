use std::io::Write;

use clap::Subcommand;

use super::{App, Failure, count, name_of, print_json};
use crate::control::{self, CacheFlushed, CacheStats, Command};

/// Show what the running daemon keeps of upstreams' answers, or have it forget some
#[derive(clap::Args)]
pub(super) struct Cache {
    #[command(subcommand)]
    command: Option<CacheCommand>,
    /// One line of JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum CacheCommand {
    /// Show how many answers are kept, what they take and how often one served
    Stats,
    /// Forget what is kept of a name and of every name below it; without a name, everything
    Flush {
        /// The name
        name: Option<String>,
    },
}

impl Cache {
    pub(super) fn run(self, app: &App) -> Result<(), Failure> {
        match self.command {
            None | Some(CacheCommand::Stats) => stats(app, self.json),
            Some(CacheCommand::Flush { name }) => flush(app, name.as_deref(), self.json),
        }
    }
}

fn stats(app: &App, json: bool) -> Result<(), Failure> {
    let state = app.found_or_default()?.state_directory;
    let told: CacheStats = control::tell(&state, &Command::CacheStats)?;
    let mut out = std::io::stdout().lock();
    if json {
        return print_json(&mut out, &told);
    }
    Ok(print(&mut out, &told)?)
}

fn print(out: &mut dyn Write, stats: &CacheStats) -> std::io::Result<()> {
    let rate = match stats.hit_rate {
        Some(rate) => format!("{:.1} % of those asked for were here", rate * 100.0),
        None => "none was asked for yet".to_owned(),
    };
    let (bytes, bytes_max) = (stats.bytes / 1024, stats.bytes_max / 1024);
    writeln!(out, "answers  {} kept, {} of them negative", stats.entries, stats.negatives)?;
    writeln!(out, "memory   {bytes} of {bytes_max} KiB, {} pushed out", stats.evictions)?;
    writeln!(out, "served   {rate} ({} hits, {} misses)", stats.hits, stats.misses)
}

fn flush(app: &App, name: Option<&str>, json: bool) -> Result<(), Failure> {
    let name = name.map(name_of).transpose()?.map(|name| name.to_string());
    let state = app.found_or_default()?.state_directory;
    let command = Command::CacheFlush { name };
    let flushed: CacheFlushed = control::tell(&state, &command)?;
    let mut out = std::io::stdout().lock();
    if json {
        return print_json(&mut out, &flushed);
    }
    let answers =
        count(usize::try_from(flushed.forgotten).unwrap_or(usize::MAX), "answer", "answers");
    match &flushed.name {
        None => writeln!(out, "{answers} forgotten: all there were.")?,
        Some(name) => writeln!(out, "{answers} forgotten for {name} and the names below it.")?,
    }
    Ok(())
}
