use std::io::Write;

use jiff::Timestamp;

use super::{App, Exit, Failure, label, moments, name_of, print_json, readable, word_label};
use crate::clients::{Around, Hosts, Neighbours};
use crate::control::{self, Command};
use crate::inspect;
use crate::name::Name;
use crate::policy::rules::Household;
use crate::policy::{ReasonKind, budget};
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
        let ((neighbours, _), hosts) = (Neighbours::start(), Hosts::default());
        let around = Around { neighbours: &neighbours, hosts: &hosts };
        let (passing, who) = (app.passing(&state, household), self.who.as_deref());
        let why = inspect::why(&house, &passing, around, &state, name, who, at)
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
    rows.extend(minutes_of(why, household).map(|minutes| (&words::time::BUDGET, minutes)));
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

/// What the budget that closes a name allows on that day; the file may have changed since the
/// daemon read it.
fn minutes_of(why: &inspect::Why, household: &Household) -> Option<String> {
    if why.reason.kind != ReasonKind::Budget.word() {
        return None;
    }
    let child = why.child.as_deref()?;
    let subject = household.subjects.iter().find(|subject| subject.id == child)?;
    let id = why.reason.id.as_deref()?;
    let budget = subject.rules.budgets.iter().find(|budget| budget.id == id)?;
    let at: Timestamp = why.at.parse().ok()?;
    let day = budget::day_of(at, &subject.zone, household.day_starts);
    let minutes = budget.minutes_on(day.weekday())?.to_string();
    Some(words::time::MINUTES_ON.fill(household.language, &word_label(household, id), &minutes))
}

#[cfg(test)]
mod tests {
    use super::super::changes::tests::household;
    use super::*;
    use crate::policy::budget::{Budget, BudgetMode};
    use crate::policy::rules::What;
    use crate::words::Language;

    #[test]
    fn a_budget_that_closes_a_name_says_how_much_it_allows() {
        let mut household = household(Language::En);
        let what = What::Tag(household.tags.find("youtube").unwrap());
        let sofia = household.subjects.iter_mut().find(|subject| subject.id == "sofia").unwrap();
        sofia.rules.budgets = vec![Budget {
            id: "youtube".to_owned(),
            what,
            minutes: [Some(45), None, None, None, None, None, Some(90)],
            mode: BudgetMode::Measured,
        }];
        // Two in the morning of a Monday still belongs to Sunday.
        for (at, minutes) in [("2026-11-23T18:00:00-06:00", 45), ("2026-11-23T02:00:00-06:00", 90)]
        {
            let why = inspect::Why {
                v: 1,
                name: "www.youtube.com".to_owned(),
                child: Some("sofia".to_owned()),
                device: None,
                profile: "7-9".to_owned(),
                at: at.to_owned(),
                verdict: "block".to_owned(),
                reason: inspect::WhyReason {
                    kind: "budget".to_owned(),
                    id: Some("youtube".to_owned()),
                    text: "YouTube: Sofía has no time left for it now".to_owned(),
                },
                categories: Vec::new(),
                matches: Vec::new(),
                target: None,
                until: Some("2026-11-24T04:00:00-06:00".to_owned()),
                steps: Vec::new(),
            };
            let mut out = Vec::new();
            print(&mut out, &why, &household).unwrap();
            let printed = String::from_utf8(out).unwrap();
            let row = format!("\n  budget      YouTube: {minutes} min that day\n");
            assert!(printed.contains(&row), "{printed}");
            assert!(printed.contains("\n  changes     2026-11-24 04:00\n"), "{printed}");
        }
    }
}
