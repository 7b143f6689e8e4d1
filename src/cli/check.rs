use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

use super::{App, Exit, Failure, count, failure_of, print_json, print_report};
use crate::config::{self, Origin, System};
use crate::house::calendars::CalendarState;
use crate::house::{Copies, House, ListState, Unusable};

/// How many refused entries are named: enough to see of which kind they are.
const REFUSED_NAMED: usize = 5;

/// Read a config file, its lists too, and say every mistake at once
#[derive(clap::Args)]
pub(super) struct Check {
    /// The file; else the one `amparo` would run with
    file: Option<PathBuf>,
    /// One line of JSON
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(super) fn run(self, app: &App) -> Result<(), Failure> {
        let file = match self.file {
            Some(file) => Some(file),
            None => config::find_file(app.place.config.as_deref()),
        };
        let (text, origin) = match &file {
            None => (config::EMBEDDED.to_owned(), Origin::Embedded),
            Some(path) => {
                let text = config::read_file(path).map_err(|error| {
                    let sentence = format!("{} cannot be read: {error}", path.display());
                    failure_of(Unusable::Unreadable(sentence))
                })?;
                (text, Origin::File(path.clone()))
            }
        };
        let outcome = config::load(&text, &origin, &System::detect());
        let mut out = std::io::stdout().lock();
        let checked = match outcome {
            Ok(checked) => checked,
            Err(report) => {
                if self.json {
                    let mistakes = report.to_json();
                    print_json(&mut out, &json(&origin, false, &mistakes, &[], &[]))?;
                } else {
                    print_report(&report);
                }
                return Err(Failure::quiet(Exit::Config));
            }
        };

        let state = config::state_directory(app.place.state.as_deref(), Some(&checked.config));
        let house = House::open(checked.config, &state, Copies::LookOnly);
        let today = app.clock.now().to_zoned(house.policy.household.zone.clone()).date();
        let odd = config::lint::lint(&text, &house.config, today);
        let mut warnings = checked.warnings;
        warnings.add(odd);
        let lists: Vec<String> = house.lists.iter().flat_map(troubles_of).collect();
        let calendars: Vec<String> =
            house.calendars.iter().flat_map(CalendarState::troubles).collect();
        if self.json {
            return print_json(
                &mut out,
                &json(&origin, true, &warnings.to_json(), &lists, &calendars),
            );
        }
        if !warnings.is_empty() {
            out.flush()?;
            print_report(&warnings);
        }
        for trouble in lists.iter().chain(&calendars) {
            writeln!(std::io::stderr(), "warning: {trouble}")?;
        }
        let people = house.policy.household.subjects.len() - 1;
        let good = if std::io::stdout().is_terminal() { "✓ " } else { "" };
        writeln!(
            out,
            "{good}{origin} is good: {}, {}, {} in {}.",
            count(people, "person", "people"),
            count(house.config.devices.len(), "device", "devices"),
            count(house.names, "name", "names"),
            count(house.lists.len(), "list", "lists"),
        )?;
        Ok(())
    }
}

/// What a parent should know of a list: that it cannot be read, or does not close all it names.
fn troubles_of(list: &ListState) -> impl Iterator<Item = String> + '_ {
    let report = &list.report;
    let unread = list.trouble.as_ref().map(|trouble| format!("list `{}`: {trouble}", report.id));
    let refused = (report.refused_count > 0).then(|| {
        format!(
            "list `{id}`: {} of its names left open, no list may close them: {}{}; write a name \
             into `block` to close it by hand; `amparo lists status {id}` shows all",
            report.refused_count,
            report.refused.iter().take(REFUSED_NAMED).cloned().collect::<Vec<_>>().join(", "),
            if report.refused_count > REFUSED_NAMED { ", …" } else { "" },
            id = report.id,
        )
    });
    unread.into_iter().chain(refused)
}

fn json(
    origin: &Origin,
    good: bool,
    problems: &serde_json::Value,
    lists: &[String],
    calendars: &[String],
) -> serde_json::Value {
    serde_json::json!({
        "v": crate::inspect::JSON_VERSION,
        "config": origin.to_string(),
        "good": good,
        "problems": problems,
        "lists": lists,
        "calendars": calendars,
    })
}
