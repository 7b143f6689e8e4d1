use std::io::Write;

use jiff::Timestamp;

use super::{App, Exit, Failure, label, moments, name_of, print_json, readable};
use crate::clients::neighbours::Neighbours;
use crate::control::{self, Command};
use crate::inspect;
use crate::name::Name;
use crate::policy::rules::Household;
use crate::words::{self, Words};

/// Explain why a name is open or closed, with every step of the decision
///
/// Asks the daemon if one runs, else reads the config and its lists. Write only the name, no address
/// of the web. Exits 10 when the name is
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
        let name = name_of(&self.name)?;
        // A running daemon answers whatever became of the file meanwhile.
        let found = app.found_or_default()?;
        let at = self.moment(app, &found.checked.config.household)?;
        let command = Command::Why { name: name.to_string(), who: self.who.clone(), at };
        let (why, household) = match control::tell(&found.state_directory, &command) {
            Ok(why) => (why, found.checked.config.household),
            Err(control::Error::Silent { .. }) => self.decide_here(app, &name)?,
            Err(control::Error::Refused(sentence)) => return Err(Failure::usage(sentence)),
            Err(error @ control::Error::Garbled(_)) => return Err(error.into()),
        };
        let why: inspect::Why = why;
        let mut out = std::io::stdout().lock();
        let printed = if self.json {
            print_json(&mut out, &why)
        } else {
            print(&mut out, &why, &household).map_err(Failure::from)
        };
        match printed {
            // Who has read enough still wants to know how it ended.
            Err(failure) if failure.exit != Exit::Done => Err(failure),
            Ok(()) | Err(_) if why.verdict == "block" => Err(Failure::quiet(Exit::Blocked)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn moment(&self, app: &App, household: &Household) -> Result<Option<Timestamp>, Failure> {
        let read = |text| moments::parse_at(text, app.clock.now(), &household.zone);
        let moment = self.at.as_deref().map(read).transpose();
        moment.map_err(|error| Failure::usage(error.to_string()))
    }

    fn decide_here(&self, app: &App, name: &Name) -> Result<(inspect::Why, Household), Failure> {
        let (house, state) = app.house()?;
        let household = &house.policy.household;
        let at = self.moment(app, household)?.unwrap_or_else(|| app.clock.now());
        let (neighbours, _) = Neighbours::start();
        let why = inspect::why(&house, &neighbours, &state, name, self.who.as_deref(), at)
            .map_err(Failure::usage)?;
        Ok((why, household.clone()))
    }
}

/// The answer for a person: the verdict first, then how it came about.
fn print(out: &mut dyn Write, why: &inspect::Why, household: &Household) -> std::io::Result<()> {
    let say = |words: &'static Words| words.in_language(household.language);
    let verdict = |word: &str| match word {
        "block" => say(&words::CLOSED).to_owned(),
        "allow" => say(&words::OPEN).to_owned(),
        "rewrite" => say(&words::SAFE_FORM).to_owned(),
        "local" => say(&words::ANSWERED_HERE).to_owned(),
        other => other.to_owned(),
    };
    let who = match &why.child {
        Some(id) => label(household, id),
        None => say(&words::UNKNOWN_DEVICE_ONE).to_owned(),
    };
    let (decision, text) = (verdict(&why.verdict), &why.reason.text);
    writeln!(out, "{} {} {who}: {decision} — {text}", why.name, say(&words::FOR))?;
    writeln!(out)?;

    let mut rows = vec![(&words::AT, readable(&why.at)), (&words::PROFILE, why.profile.clone())];
    rows.extend(why.device.clone().map(|device| (&words::DEVICE, device)));
    if !why.categories.is_empty() {
        rows.push((&words::CATEGORIES, why.categories.join(", ")));
    }
    rows.extend(why.target.clone().map(|target| (&words::ANSWERED_AS, target)));
    rows.extend(why.until.as_deref().map(|until| (&words::CHANGES_AT, readable(until))));
    for (head, cell) in rows {
        writeln!(out, "  {:<11} {cell}", say(head))?;
    }

    writeln!(out, "\n  {}", say(&words::STEPS))?;
    for step in &why.steps {
        let mark = if step.decided { "▶" } else { " " };
        let says = match (&step.verdict, &step.text) {
            (Some(word), Some(text)) => format!("{}: {text}", verdict(word)),
            _ => "–".to_owned(),
        };
        let name = words::step(&step.step).map_or(step.step.as_str(), say);
        writeln!(out, "  {mark} {name:<15} {says}")?;
    }
    if !why.matches.is_empty() {
        writeln!(out, "\n  {}", say(&words::ON_LISTS))?;
        for found in &why.matches {
            let entry = found.entry.as_deref().unwrap_or(say(&words::NOT_SHOWN));
            writeln!(out, "    {} {} {}: {entry}", found.list, say(&words::LINE), found.line)?;
        }
    }
    Ok(())
}
