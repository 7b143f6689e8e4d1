use std::io::Write;

use super::{App, Failure, label, print_json, readable};
use crate::control::{self, Command};
use crate::policy::rules::Household;
use crate::words::{self, Sentence, Words};

/// Show how the running daemon is, and what holds for everyone now
#[derive(clap::Args)]
pub(super) struct Status {
    /// One line of JSON
    #[arg(long)]
    json: bool,
}

impl Status {
    pub(super) fn run(self, app: &App) -> Result<(), Failure> {
        let found = app.found_or_default()?;
        let status: control::Status = control::tell(&found.state_directory, &Command::Status)?;
        let mut out = std::io::stdout().lock();
        if self.json {
            return print_json(&mut out, &status);
        }
        Ok(print(&mut out, &status, &found.checked.config.household)?)
    }
}

fn print(
    out: &mut dyn Write,
    status: &control::Status,
    household: &Household,
) -> std::io::Result<()> {
    let language = household.language;
    let say = |words: &'static Words| words.in_language(language);
    let fill = |sentence: &Sentence, what: &str, who: &str| sentence.fill(language, what, who);
    let two = |sentence: &Sentence, what: u64, who: u64| {
        sentence.fill(language, &what.to_string(), &who.to_string())
    };
    if status.troubles.is_empty() {
        writeln!(out, "{}", say(&words::ALL_IS_WELL))?;
    }
    for trouble in &status.troubles {
        writeln!(out, "! {trouble}")?;
    }
    let since = fill(&words::SINCE, &status.version, &readable(&status.since));
    writeln!(out, "\n{since}: {}", status.listen.join(", "))?;
    let config = status.config.as_deref().unwrap_or(say(&words::EMBEDDED_RULES));
    let rows = [
        (&words::RULES, fill(&words::RULES_READ, config, &readable(&status.rules_since))),
        (&words::LISTS, two(&words::NAMES_IN_LISTS, status.names as u64, status.lists as u64)),
        (
            &words::QUERIES,
            format!(
                "{} ({}, {})",
                status.queries,
                two(&words::QUERIES_OF, status.blocked, status.cached),
                two(&words::QUERIES_FAILED, status.failed, 0)
            ),
        ),
        (&words::CACHE, two(&words::CACHE_HOLDS, status.cache.entries, status.cache.bytes / 1024)),
    ];
    for (head, cell) in rows {
        writeln!(out, "{:<10} {cell}", say(head))?;
    }

    writeln!(out, "\n{}", say(&words::PEOPLE))?;
    let rows: Vec<[String; 4]> = status
        .people
        .iter()
        .map(|person| {
            let (who, kind) = match person.kind.as_str() {
                "child" => (label(household, &person.id), say(&words::CHILD)),
                "adult" => (label(household, &person.id), say(&words::ADULT)),
                _ => (say(&words::UNKNOWN_DEVICES).to_owned(), "–"),
            };
            let windows: Vec<&str> = person
                .windows
                .iter()
                .map(|id| if id == words::BEDTIME_ID { say(&words::BEDTIME) } else { id })
                .collect();
            let windows = if windows.is_empty() { "–".to_owned() } else { windows.join(", ") };
            let until = person.until.as_deref().map_or_else(String::new, |until| {
                format!("; {} {}", say(&words::CHANGES_AT), readable(until))
            });
            let now = format!("{}: {windows}{until}", say(&words::NOW));
            [who, kind.to_owned(), person.profile.clone(), now]
        })
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let [who, kind, profile] = [0, 1, 2].map(|column| width(column).unwrap_or(0));
    for [a, b, c, now] in &rows {
        writeln!(out, "  {a:<who$}  {b:<kind$}  {c:<profile$}  {now}")?;
    }

    writeln!(out, "\n{}", say(&words::UPSTREAMS))?;
    let width = status.upstreams.iter().map(|upstream| upstream.url.chars().count()).max();
    for upstream in &status.upstreams {
        let health = say(match (upstream.healthy, upstream.latency_ms) {
            (false, _) => &words::SILENT,
            (true, Some(_)) => &words::WORKS,
            (true, None) => &words::UNASKED,
        });
        let latency = upstream.latency_ms.map(|ms| format!(", {ms} ms")).unwrap_or_default();
        let error = upstream.last_error.as_ref().map(|e| format!(" — {e}")).unwrap_or_default();
        let width = width.unwrap_or(0);
        writeln!(out, "  {:<width$}  {health}{latency}{error}", upstream.url)?;
    }
    Ok(())
}
