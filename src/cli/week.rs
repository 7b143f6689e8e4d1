use std::io::{IsTerminal as _, Write};
use std::sync::Arc;

use jiff::civil::{Date, DateTime};
use jiff::{SignedDuration, Timestamp};

use super::columns::write_beside;
use super::log::printable;
use super::{App, Failure, label, print_json, word_label};
use crate::control::{self, Command, FamilyCommand};
use crate::inspect::{self, WeekDay, WeekSpan, WeekState, WeekWindow};
use crate::lists::Index;
use crate::policy::Policy;
use crate::policy::rules::Household;
use crate::words::family::clock;
use crate::words::{self, time};

/// How many words are told of a window; of more, how many more.
const WORDS_MAX: usize = 3;
/// Between what happens on a day.
const BETWEEN: &str = " · ";

/// Show the coming week of somebody: bedtimes, homework, budgets, pauses and given time
///
/// Each window stands on the day it starts on, also where it passes midnight. Asks the daemon if
/// one runs, else reads the config and what the state directory holds.
#[derive(Debug, clap::Args)]
pub(super) struct Week {
    /// A child's or adult's id or name
    child: String,
    /// One line of JSON
    #[arg(long)]
    json: bool,
}

/// What holds on a day from one time to another.
#[derive(Debug, Clone, PartialEq)]
struct Run<'a> {
    what: Holds<'a>,
    from: &'a str,
    /// Its end as a clock shows it, `24:00` included.
    to: String,
    /// Whether it holds from the day's first moment on, and up to its last.
    from_start: bool,
    to_end: bool,
}

/// What holds for a while.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Holds<'a> {
    Pause,
    Free,
    Window(&'a WeekWindow),
    Opened(&'a str),
    Closed(&'a str),
}

impl Week {
    pub(super) fn run(self, app: &App) -> Result<(), Failure> {
        // A running daemon answers whatever became of the file meanwhile.
        let found = app.found_or_default()?;
        let command = Command::Family(FamilyCommand::Week { child: self.child.clone() });
        let (week, household) = match control::tell(&found.state_directory, &command) {
            Ok(week) => (week, found.checked.config.household),
            Err(control::Error::Silent { .. }) => self.read_here(app)?,
            Err(control::Error::Refused(sentence)) => return Err(Failure::usage(sentence)),
            Err(error @ control::Error::Garbled(_)) => return Err(error.into()),
        };
        let stdout = std::io::stdout();
        let colour = stdout.is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let mut out = stdout.lock();
        if self.json {
            return print_json(&mut out, &week);
        }
        Ok(print(&mut out, &week, &household, colour)?)
    }

    fn read_here(&self, app: &App) -> Result<(inspect::Week, Household), Failure> {
        let found = app.found()?;
        let household = found.checked.config.household;
        let subject = inspect::person(&household, &self.child).map_err(Failure::usage)?;
        let passing = app.passing(&found.state_directory, &household);
        // Time needs the words of categories and services, not the lists that fill them.
        let policy = Policy::new(household, Arc::new(Index::default()));
        let week = inspect::week(&policy, subject, app.clock.now(), &passing);
        Ok((week, policy.household))
    }
}

/// The week for a person, one day a line.
fn print(
    out: &mut dyn Write,
    week: &inspect::Week,
    household: &Household,
    colour: bool,
) -> std::io::Result<()> {
    let language = household.language;
    let bold = |text: &str| {
        if colour { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    };
    let who = match &week.child {
        Some(id) => label(household, id),
        None => words::UNKNOWN_DEVICES.in_language(language).to_owned(),
    };
    let mut heading = time::WEEK.fill(language, &days_of(week, household), &who);
    if household.zone.iana_name() != Some(week.zone.as_str()) {
        heading = format!("{heading} ({})", week.zone);
    }
    writeln!(out, "{}", bold(&printable(&heading)))?;
    if !week.time_known {
        writeln!(out, "{}", time::WEEK_UNKNOWN.in_language(language))?;
    }
    let runs = runs_of(&week.days);
    let last = week.days.len().saturating_sub(1);
    for (place, (day, runs)) in week.days.iter().zip(runs).enumerate() {
        let times = |run: &Run<'_>| run.times(place == 0, place == last, household);
        let weekday = DAY_IDS.iter().position(|id| *id == day.weekday);
        let weekday = weekday.map_or("", |place| time::DAYS[place].in_language(language));
        let number = day.date.get(8..).unwrap_or_default().trim_start_matches('0');
        let head = format!("{weekday} {number:>2}   ");
        write_beside(
            out,
            &printable(&head),
            &bold,
            &pieces(day, &runs, &times, household),
            BETWEEN,
        )?;
    }
    Ok(())
}

/// `del 23 al 29 de noviembre`.
fn days_of(week: &inspect::Week, household: &Household) -> String {
    let language = household.language;
    let date = |day: Option<&WeekDay>| day.and_then(|day| day.date.parse::<Date>().ok());
    let (Some(first), Some(last)) = (date(week.days.first()), date(week.days.last())) else {
        return String::new();
    };
    let full = |date: Date| {
        let month = usize::from(date.month().unsigned_abs()).saturating_sub(1);
        let month = time::MONTHS.get(month).map_or("", |words| words.in_language(language));
        time::DAY_OF_MONTH.fill(language, &date.day().to_string(), month)
    };
    let is_one_month = first.month() == last.month();
    let begin = if is_one_month { first.day().to_string() } else { full(first) };
    time::FROM_DAY_TO_DAY.fill(language, &begin, &full(last))
}

/// All that is told of one day.
fn pieces(
    day: &WeekDay,
    runs: &[Run<'_>],
    times: &dyn Fn(&Run<'_>) -> String,
    household: &Household,
) -> Vec<String> {
    let language = household.language;
    let told = runs.iter().map(|run| format!("{} {}", times(run), run.what.text(household)));
    let mut pieces: Vec<String> = told.map(|text| printable(&text).into_owned()).collect();
    if pieces.is_empty() {
        pieces.push(time::NO_WINDOWS.in_language(language).to_owned());
    }
    let budget = |word: &str, minutes| format!("{} {minutes} min", word_label(household, word));
    pieces.extend(day.budgets.iter().map(|one| budget(&one.budget, one.minutes)));
    pieces.extend(day.notes.iter().map(|note| format!("({})", printable(note))));
    pieces
}

// === Runs ===

/// What holds on each day, in the order in which it begins. What passes midnight stands on the day
/// on which it begins, unless it lasts all of a day.
fn runs_of(days: &[WeekDay]) -> Vec<Vec<Run<'_>>> {
    let mut runs: Vec<Vec<Run<'_>>> = days.iter().map(runs_of_day).collect();
    for place in 1..runs.len() {
        let (before, after) = runs.split_at_mut(place);
        let (Some(evening), Some(morning)) = (before.last_mut(), after.first_mut()) else {
            continue;
        };
        for run in evening.iter_mut().filter(|run| run.to_end && !run.from_start) {
            let goes_on = |next: &Run<'_>| next.from_start && !next.to_end && next.what == run.what;
            if let Some(at) = morning.iter().position(goes_on) {
                run.to = morning.remove(at).to;
            }
        }
    }
    runs
}

fn runs_of_day(day: &WeekDay) -> Vec<Run<'_>> {
    let mut runs: Vec<Run<'_>> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    for (place, span) in day.spans.iter().enumerate() {
        let to_end = place + 1 == day.spans.len();
        let to = if to_end { "24:00".to_owned() } else { end_of(span) };
        let mut still_open = Vec::new();
        for what in held_by(span) {
            let before = open.iter().position(|&run| runs[run].what == what);
            let at = if let Some(before) = before {
                open.remove(before)
            } else {
                let from_start = place == 0;
                runs.push(Run { what, from: &span.from, to: String::new(), from_start, to_end });
                runs.len() - 1
            };
            runs[at].to.clone_from(&to);
            runs[at].to_end = to_end;
            still_open.push(at);
        }
        open = still_open;
    }
    runs
}

fn held_by(span: &WeekSpan) -> Vec<Holds<'_>> {
    let pause = span.is_paused.then_some(Holds::Pause);
    let free = (span.state == WeekState::Free).then_some(Holds::Free);
    let windows = span.windows.iter().map(Holds::Window);
    let closed = span.closed.iter().map(|word| Holds::Closed(word));
    let opened = span.opened.iter().map(|word| Holds::Opened(word));
    pause.into_iter().chain(free).chain(windows).chain(closed).chain(opened).collect()
}

/// `21:30` of an RFC 3339 text.
fn clock_of(rfc3339: &str) -> &str {
    rfc3339.get(11..16).unwrap_or(rfc3339)
}

/// When a span ends, as the clock shows it. Where clocks are set back at its very end, it shows
/// an earlier time than at its beginning: told is what it would have shown.
fn end_of(span: &WeekSpan) -> String {
    let wall = |text: &str| text.get(..19).and_then(|text| text.parse::<DateTime>().ok());
    let moment = |text: &str| text.parse::<Timestamp>().ok();
    let walls = wall(&span.from).zip(wall(&span.to));
    let moments = moment(&span.from).zip(moment(&span.to));
    match walls.zip(moments) {
        Some(((from_wall, to_wall), (from, to))) if to_wall <= from_wall => {
            let length: SignedDuration = to.duration_since(from);
            let end = from_wall.saturating_add(length);
            if end.date() > from_wall.date() {
                "24:00".to_owned()
            } else {
                end.strftime("%H:%M").to_string()
            }
        }
        Some(_) | None => clock_of(&span.to).to_owned(),
    }
}

// === impl Run ===

impl Run<'_> {
    /// From when to when. Nobody sees when it began that went on before the first day, and when
    /// it ends that goes on after the last.
    fn times(&self, is_first_day: bool, is_last_day: bool, household: &Household) -> String {
        let language = household.language;
        let from = clock_of(self.from);
        match (self.from_start, self.to_end) {
            (true, true) => time::ALL_DAY.in_language(language).to_owned(),
            (true, false) if is_first_day => {
                time::UNTIL.fill(language, &clock(language, &self.to), "")
            }
            (false, true) if is_last_day => time::FROM.fill(language, &clock(language, from), ""),
            _ => format!("{from}-{}", self.to),
        }
    }
}

// === impl Holds ===

impl Holds<'_> {
    fn text(&self, household: &Household) -> String {
        let language = household.language;
        match self {
            Holds::Pause => time::PAUSE.in_language(language).to_owned(),
            Holds::Free => time::FREE.in_language(language).to_owned(),
            Holds::Opened(word) => time::OPENED.fill(language, &word_label(household, word), ""),
            Holds::Closed(word) => time::CLOSED.fill(language, &word_label(household, word), ""),
            Holds::Window(window) => {
                let name = if window.window == words::BEDTIME_ID {
                    words::BEDTIME.in_language(language)
                } else {
                    &window.window
                };
                format!("{name}: {}", effect_of(window, household))
            }
        }
    }
}

/// What a window does, in a few words.
fn effect_of(window: &WeekWindow, household: &Household) -> String {
    let language = household.language;
    let (closes, opens) = (&window.closes, &window.opens);
    let list = |words: &[String]| list(words, household);
    match window.state {
        WeekState::Closed if opens.is_empty() => time::ALL_CLOSED.in_language(language).to_owned(),
        WeekState::Closed => time::ALL_CLOSED_BUT.fill(language, &list(opens), ""),
        WeekState::Only => {
            let only = if opens.is_empty() || opens.len() > WORDS_MAX {
                time::ONLY_CHOSEN.in_language(language).to_owned()
            } else {
                time::ONLY.fill(language, &list(opens), "")
            };
            if closes.is_empty() {
                return only;
            }
            format!("{only}, {}", time::WITHOUT.fill(language, &list(closes), ""))
        }
        WeekState::Partly | WeekState::Open | WeekState::Free if opens.is_empty() => {
            time::WITHOUT.fill(language, &list(closes), "")
        }
        WeekState::Partly | WeekState::Open | WeekState::Free => {
            time::WITHOUT_BUT.fill(language, &list(closes), &list(opens))
        }
    }
}

/// Some words as a parent reads them.
fn list(words: &[String], household: &Household) -> String {
    let labels: Vec<String> =
        words.iter().take(WORDS_MAX).map(|word| word_label(household, word)).collect();
    let labels = labels.join(", ");
    match words.len().saturating_sub(WORDS_MAX) {
        0 => labels,
        more => time::AND_MORE.fill(household.language, &labels, &more.to_string()),
    }
}

/// The days as the JSON calls them, Monday first.
const DAY_IDS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

#[cfg(test)]
mod tests;
