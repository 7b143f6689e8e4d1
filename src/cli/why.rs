use std::io::Write;

use super::{App, Exit, Failure, moments, print_json};
use crate::clients::neighbours::Neighbours;
use crate::control::{self, Command};
use crate::house::House;
use crate::inspect;
use crate::name::Name;

/// Why is a name open or closed? Tells every step of the decision
///
/// Asks the daemon if one runs, else reads the config and its lists. Exits 10 when the name is
/// blocked.
#[derive(clap::Args)]
pub(super) struct Why {
    /// The name, such as www.tiktok.com
    name: String,
    /// For whom: a child's or adult's id, or a device's address; else a device nobody claimed
    #[arg(long = "for", value_name = "CHILD|ADULT|DEVICE")]
    who: Option<String>,
    /// For when: 45m (from now), 21:30, "sat 21:30" or RFC 3339; else now
    #[arg(long, value_name = "MOMENT")]
    at: Option<String>,
    /// One line of JSON
    #[arg(long)]
    json: bool,
}

impl Why {
    pub(super) fn run(self, app: &App) -> Result<(), Failure> {
        let name = Name::parse(&self.name)
            .map_err(|why| Failure::usage(format!("`{}` is no domain name: {why}", self.name)))?;
        let why = match self.ask_daemon(app, &name)? {
            Some(why) => why,
            None => self.decide_here(app, &name)?,
        };
        let mut out = std::io::stdout().lock();
        if self.json {
            print_json(&mut out, &why)?;
        } else {
            print(&mut out, &why)?;
        }
        if why.verdict == "block" { Err(Failure::quiet(Exit::Blocked)) } else { Ok(()) }
    }

    /// The daemon's answer; none when no daemon runs.
    fn ask_daemon(&self, app: &App, name: &Name) -> Result<Option<inspect::Why>, Failure> {
        let (checked, _) = app.config()?;
        let state = app.state_directory()?;
        let zone = &checked.config.household.zone;
        let at = self.at.as_deref().map(|text| moments::parse_at(text, app.clock.now(), zone));
        let at = at.transpose().map_err(|error| Failure::usage(error.to_string()))?;
        let command = Command::Why { name: name.to_string(), who: self.who.clone(), at };
        match control::tell(&state, &command) {
            Ok(why) => Ok(Some(why)),
            Err(control::Error::Silent { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn decide_here(&self, app: &App, name: &Name) -> Result<inspect::Why, Failure> {
        let house: House = app.house()?;
        let zone = &house.policy.household.zone;
        let now = app.clock.now();
        let at = self.at.as_deref().map(|text| moments::parse_at(text, now, zone));
        let at = at.transpose().map_err(|error| Failure::usage(error.to_string()))?.unwrap_or(now);
        let (neighbours, _) = Neighbours::start();
        let state = app.state_directory()?;
        inspect::why(&house, &neighbours, &state, name, self.who.as_deref(), at)
            .map_err(Failure::usage)
    }
}

/// The answer for a person: the verdict first, then how it came about.
fn print(out: &mut dyn Write, why: &inspect::Why) -> std::io::Result<()> {
    let who = why.child.as_deref().unwrap_or("a device nobody claimed");
    writeln!(out, "{} for {who}: {} — {}", why.name, why.verdict, why.reason.text)?;
    writeln!(out)?;
    writeln!(out, "  at          {}", why.at)?;
    writeln!(out, "  profile     {}", why.profile)?;
    if let Some(device) = &why.device {
        writeln!(out, "  device      {device}")?;
    }
    if !why.categories.is_empty() {
        writeln!(out, "  categories  {}", why.categories.join(", "))?;
    }
    if let Some(target) = &why.target {
        writeln!(out, "  answered as {target}")?;
    }
    if let Some(until) = &why.until {
        writeln!(out, "  changes at  {until}")?;
    }
    writeln!(out, "\n  steps, the first that speaks decides:")?;
    for step in &why.steps {
        let mark = if step.decided { "▶" } else { " " };
        let says = match (&step.verdict, &step.text) {
            (Some(verdict), Some(text)) => format!("{verdict}: {text}"),
            _ => "–".to_owned(),
        };
        writeln!(out, "  {mark} {:<15} {says}", step.step)?;
    }
    if !why.matches.is_empty() {
        writeln!(out, "\n  on lists:")?;
        for found in &why.matches {
            let entry = found.entry.as_deref().unwrap_or("(not shown)");
            writeln!(out, "    {} line {}: {entry}", found.list, found.line)?;
        }
    }
    Ok(())
}
