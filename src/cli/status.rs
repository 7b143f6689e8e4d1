use std::io::Write;

use super::{App, Failure, print_json};
use crate::control::{self, Command};

/// How is everything? What the running daemon says of itself
#[derive(clap::Args)]
pub(super) struct Status {
    /// One line of JSON
    #[arg(long)]
    json: bool,
}

impl Status {
    pub(super) fn run(self, app: &App) -> Result<(), Failure> {
        let state = app.state_directory()?;
        let status: control::Status = control::tell(&state, &Command::Status)?;
        let mut out = std::io::stdout().lock();
        if self.json { print_json(&mut out, &status) } else { Ok(print(&mut out, &status)?) }
    }
}

fn print(out: &mut dyn Write, status: &control::Status) -> std::io::Result<()> {
    if status.troubles.is_empty() {
        writeln!(out, "All is well.")?;
    } else {
        for trouble in &status.troubles {
            writeln!(out, "! {trouble}")?;
        }
    }
    writeln!(
        out,
        "\nAmparo {} since {}, on {}",
        status.version,
        status.since,
        status.listen.join(", ")
    )?;
    let config = status.config.as_deref().unwrap_or("the embedded defaults");
    writeln!(out, "rules      {config}, read {}", status.rules_since)?;
    writeln!(out, "lists      {} names in {} lists", status.names, status.lists)?;
    writeln!(
        out,
        "queries    {} ({} closed, {} from the cache, {} without an answer)",
        status.queries, status.blocked, status.cached, status.failed
    )?;
    writeln!(
        out,
        "cache      {} answers, {} KiB",
        status.cache.entries,
        status.cache.bytes / 1024
    )?;

    writeln!(out, "\npeople")?;
    for person in &status.people {
        let now =
            if person.windows.is_empty() { "–".to_owned() } else { person.windows.join(", ") };
        let until =
            person.until.as_ref().map(|at| format!(", changes at {at}")).unwrap_or_default();
        writeln!(
            out,
            "  {:<12} {:<8} {:<8} now: {now}{until}",
            person.id, person.kind, person.profile
        )?;
    }
    writeln!(out, "\nupstreams")?;
    for upstream in &status.upstreams {
        let health = if upstream.healthy { "works" } else { "does not answer" };
        let latency = upstream.latency_ms.map(|ms| format!(", {ms} ms")).unwrap_or_default();
        let error = upstream.last_error.as_ref().map(|e| format!(" — {e}")).unwrap_or_default();
        writeln!(out, "  {:<44} {health}{latency}{error}", upstream.url)?;
    }
    Ok(())
}
