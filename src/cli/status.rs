use std::io::Write;

use jiff::{SignedDuration, Timestamp, Zoned};

use super::columns::{width, write_below, write_beside};
use super::log::printable;
use super::{App, Failure, label, print_json, readable};
use crate::control::{self, BudgetStatus, Command, PersonStatus};
use crate::policy::rules::Household;
use crate::words::family::{moment, when};
use crate::words::{self, Language, Sentence, Words, devices, time};

/// How many new devices are told.
const NEW_SHOWN_MAX: usize = 5;

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
        let household = &found.checked.config.household;
        let now = app.clock.now().to_zoned(household.zone.clone());
        Ok(print(&mut out, &status, household, &now)?)
    }
}

/// How many questions there were, and what became of them.
fn queries(status: &control::Status, household: &Household) -> String {
    let fill = |sentence: &Sentence, what: u64, who: u64| {
        sentence.fill(household.language, &what.to_string(), &who.to_string())
    };
    let mut of = vec![
        fill(&words::QUERIES_OF, status.blocked, status.cached),
        fill(&words::QUERIES_FAILED, status.failed, 0),
    ];
    if status.limited > 0 {
        of.push(fill(&words::QUERIES_LIMITED, status.limited, 0));
    }
    format!("{} ({})", status.queries, of.join(", "))
}

fn print(
    out: &mut dyn Write,
    status: &control::Status,
    household: &Household,
    now: &Zoned,
) -> std::io::Result<()> {
    let language = household.language;
    let say = |words: &'static Words| words.in_language(language);
    let fill = |sentence: &Sentence, what: &str, who: &str| sentence.fill(language, what, who);
    let two = |sentence: &Sentence, what: u64, who: u64| {
        sentence.fill(language, &what.to_string(), &who.to_string())
    };
    if status.troubles.is_empty() && status.setup.is_empty() {
        writeln!(out, "{}", say(&words::ALL_IS_WELL))?;
    }
    for trouble in &status.troubles {
        writeln!(out, "! {trouble}")?;
    }
    for finding in &status.setup {
        writeln!(out, "! {} ({})", finding.text, say(&devices::ASK_DOCTOR))?;
    }
    let since = fill(&words::SINCE, &status.version, &readable(&status.since));
    let places: Vec<&str> =
        status.listen.iter().chain(&status.encrypted).map(String::as_str).collect();
    writeln!(out, "\n{since}: {}", places.join(", "))?;
    let config = status.config.as_deref().unwrap_or(say(&words::EMBEDDED_RULES));
    let rows = [
        (&words::RULES, fill(&words::RULES_READ, config, &readable(&status.rules_since))),
        (&words::LISTS, two(&words::NAMES_IN_LISTS, status.names as u64, status.lists as u64)),
        (&words::QUERIES, queries(status, household)),
        (&words::CACHE, two(&words::CACHE_HOLDS, status.cache.entries, status.cache.bytes / 1024)),
    ];
    for (head, cell) in rows {
        writeln!(out, "{:<10} {cell}", say(head))?;
    }

    writeln!(out, "\n{}", say(&words::PEOPLE))?;
    print_people(out, &status.people, household, now)?;

    print_devices(out, status, household, now)?;

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

/// Devices that came today and are nobody's, and those that may be going around the filter.
fn print_devices(
    out: &mut dyn Write,
    status: &control::Status,
    household: &Household,
    now: &Zoned,
) -> std::io::Result<()> {
    let language = household.language;
    let is_recent = |at: &str| {
        let at = at.parse::<Timestamp>();
        at.is_ok_and(|at| now.timestamp().duration_since(at) < SignedDuration::from_hours(24))
    };
    let new = status.events.iter().filter(|event| event.kind == "new_device");
    let new = new.filter(|event| is_recent(&event.at));
    let new: Vec<&str> = new.filter_map(|event| event.text.as_deref()).collect();
    // The last ones: `amparo devices` shows all.
    let new = &new[new.len().saturating_sub(NEW_SHOWN_MAX)..];
    if !new.is_empty() || !status.odd_devices.is_empty() {
        writeln!(out)?;
    }
    for text in new {
        write_below(out, 0, &printable(text))?;
    }
    if !status.odd_devices.is_empty() {
        writeln!(out, "{}", devices::ODD.in_language(language))?;
    }
    for device in &status.odd_devices {
        let who = device.child.as_deref().map(|id| label(household, id));
        let who = who.unwrap_or_else(|| devices::NOBODYS.in_language(language).to_owned());
        let head = format!("  {who}  ");
        let mut pieces = vec![device.described(language)];
        pieces.extend(device.suspicion.iter().filter(|one| !one.usual).map(|one| one.text.clone()));
        let pieces: Vec<String> =
            pieces.iter().map(|piece| printable(piece).into_owned()).collect();
        write_beside(out, &printable(&head), &str::to_owned, &pieces, " · ")?;
    }
    Ok(())
}

/// Everyone with what holds now; below, what is left of each budget and what waits.
fn print_people(
    out: &mut dyn Write,
    people: &[PersonStatus],
    household: &Household,
    now: &Zoned,
) -> std::io::Result<()> {
    let language = household.language;
    let say = |words: &'static Words| words.in_language(language);
    let heads: Vec<[String; 3]> = people
        .iter()
        .map(|person| {
            let (who, kind) = match person.kind.as_str() {
                "child" => (label(household, &person.id), say(&words::CHILD)),
                "adult" => (label(household, &person.id), say(&words::ADULT)),
                _ => (say(&words::UNKNOWN_DEVICE_CELL).to_owned(), "–"),
            };
            [who, kind.to_owned(), person.profile.clone()]
        })
        .collect();
    let widest = |column: usize| heads.iter().map(|head| width(&head[column])).max();
    let [who, kind, profile] = [0, 1, 2].map(|column| widest(column).unwrap_or(0));
    for (person, [a, b, c]) in people.iter().zip(&heads) {
        let head = format!("  {a:<who$}  {b:<kind$}  {c:<profile$}  ");
        let holds = [format!("{}: {}", say(&words::NOW), now_of(person, household, now))];
        write_beside(out, &head, &str::to_owned, &holds, " ")?;
        for budget in &person.budgets {
            write_below(out, width(&head), &budget_of(budget, language))?;
        }
        let waits = match person.requests {
            0 => continue,
            1 => say(&time::REQUEST_WAITS).to_owned(),
            several => time::REQUESTS_WAIT.fill(language, &several.to_string(), ""),
        };
        write_below(out, width(&head), &waits)?;
    }
    Ok(())
}

/// `paused until 21:00, Bedtime; changes at 20:30`.
fn now_of(person: &PersonStatus, household: &Household, now: &Zoned) -> String {
    let language = household.language;
    let said = |how: fn(Language, &Zoned, &Zoned) -> String, at: &str| match at.parse::<Timestamp>()
    {
        Ok(at) => how(language, &at.to_zoned(household.zone.clone()), now),
        Err(_) => readable(at),
    };
    let mut holds: Vec<String> = Vec::new();
    if person.is_paused {
        holds.push(match &person.paused_until {
            Some(until) => time::PAUSED_UNTIL.fill(language, &said(moment, until), ""),
            None => time::PAUSED.in_language(language).to_owned(),
        });
    }
    match &person.free_until {
        // What was given serves nobody who is paused.
        Some(until) if !person.is_paused => {
            holds.push(time::FREE_UNTIL.fill(language, &said(moment, until), ""));
        }
        Some(_) => {}
        None => holds.extend(person.windows.iter().map(|id| {
            let bedtime = words::BEDTIME.in_language(language);
            if id == words::BEDTIME_ID { bedtime.to_owned() } else { printable(id).into_owned() }
        })),
    }
    if holds.is_empty() {
        holds.push(time::NO_WINDOW_NOW.in_language(language).to_owned());
    }
    let holds = holds.join(", ");
    let changes = words::CHANGES_AT.in_language(language);
    match &person.until {
        // That was told already.
        until if *until == person.paused_until || *until == person.free_until => holds,
        Some(until) => format!("{holds}; {changes} {}", said(when, until)),
        None => holds,
    }
}

/// `YouTube: about 20 of 60 min used, about 40 left`: what is measured by names asked for is never
/// exact, and is not told as if it were.
fn budget_of(budget: &BudgetStatus, language: Language) -> String {
    let say = |words: &'static Words| words.in_language(language).to_owned();
    let used = budget.used.to_string();
    let told = match (budget.minutes, budget.used) {
        (None, 0) => say(&time::NO_LIMIT),
        (None, _) => time::USED.fill(language, &used, ""),
        (Some(0), 0) => say(&time::NO_TIME_TODAY),
        (Some(minutes), 0) => time::UNUSED.fill(language, &minutes.to_string(), ""),
        (Some(minutes), _) => time::USED_OF.fill(language, &used, &minutes.to_string()),
    };
    let left = match budget.left {
        _ if budget.used == 0 => None,
        Some(0) => Some(say(&time::NOTHING_LEFT)),
        Some(left) => Some(time::LEFT.fill(language, &left.to_string(), "")),
        None => None,
    };
    let session = (budget.mode == "started" && budget.left != Some(0))
        .then(|| say(if budget.is_running { &time::RUNNING } else { &time::NOT_STARTED }));
    let told: Vec<String> = [Some(told), left, session].into_iter().flatten().collect();
    format!("{}: {}", printable(&budget.label), told.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::changes::tests::{here, household};
    use super::super::columns::COLUMNS;
    use super::*;
    use crate::control::{CacheStatus, Status};

    fn sofia() -> PersonStatus {
        PersonStatus {
            id: "sofia".to_owned(),
            kind: "child".to_owned(),
            profile: "7-9".to_owned(),
            is_paused: false,
            paused_until: None,
            free_until: None,
            budgets: Vec::new(),
            requests: 0,
            windows: Vec::new(),
            until: None,
        }
    }

    fn youtube(minutes: Option<u32>, used: u32) -> BudgetStatus {
        BudgetStatus {
            budget: "youtube".to_owned(),
            label: "YouTube".to_owned(),
            mode: "measured".to_owned(),
            minutes,
            used,
            left: minutes.map(|minutes| minutes.saturating_sub(used)),
            is_running: false,
            is_closed: false,
        }
    }

    fn status(time_known: bool) -> Status {
        let nothing = "2026-11-23T18:00:00-06:00";
        Status {
            setup: Vec::new(),
            odd_devices: Vec::new(),
            events: Vec::new(),
            v: 1,
            version: "0.1.0".to_owned(),
            since: nothing.to_owned(),
            config: None,
            rules_since: nothing.to_owned(),
            troubles: if time_known { Vec::new() } else { vec!["no time yet".to_owned()] },
            time_known,
            listen: Vec::new(),
            encrypted: Vec::new(),
            names: 0,
            lists: 0,
            queries: 0,
            blocked: 0,
            cached: 0,
            failed: 0,
            limited: 0,
            cache: CacheStatus { entries: 0, bytes: 0 },
            upstreams: Vec::new(),
            people: vec![sofia()],
        }
    }

    fn now() -> Zoned {
        here().now.to_zoned(here().zone)
    }

    fn people(people: &[PersonStatus], language: Language) -> String {
        let mut out = Vec::new();
        print_people(&mut out, people, &household(language), &now()).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_pause_says_until_when() {
        let until = Some("2026-11-23T21:00:00-06:00".to_owned());
        let (windows, paused_until) = (vec!["bedtime".to_owned()], until.clone());
        let paused = PersonStatus { is_paused: true, paused_until, windows, until, ..sofia() };
        let line = "  Sofía  child  7-9  now: paused until 21:00, Bedtime";
        assert_eq!(people(&[paused], Language::En).lines().next(), Some(line));
    }

    #[test]
    fn given_time_lifts_the_windows() {
        let free_until = Some("2026-11-23T21:00:00-06:00".to_owned());
        let free = PersonStatus { free_until, windows: vec!["bedtime".to_owned()], ..sofia() };
        let printed = people(&[free], Language::Es);
        assert!(printed.contains("ahora: tiempo libre hasta las 21:00"), "{printed}");
        assert!(!printed.contains("dormir"));
    }

    #[test]
    fn minutes_never_sound_exact() {
        let told = |budget: &BudgetStatus| budget_of(budget, Language::En);
        let half = youtube(Some(60), 20);
        assert_eq!(told(&half), "YouTube: about 20 of 60 min used, about 40 left");
        assert_eq!(told(&youtube(Some(60), 60)), "YouTube: about 60 of 60 min used, no time left");
        assert_eq!(told(&youtube(Some(60), 0)), "YouTube: 60 min, not used yet");
        assert_eq!(told(&youtube(Some(0), 0)), "YouTube: no time today");
        assert_eq!(told(&youtube(None, 5)), "YouTube: about 5 min used, no limit today");
        assert_eq!(told(&youtube(None, 0)), "YouTube: no limit today");
        let spanish = budget_of(&half, Language::Es);
        assert_eq!(spanish, "YouTube: cerca de 20 de 60 min usados, quedan cerca de 40");
    }

    #[test]
    fn what_a_child_starts_says_whether_it_runs() {
        let started = |is_running, used| {
            let mode = "started".to_owned();
            budget_of(&BudgetStatus { mode, is_running, ..youtube(Some(60), used) }, Language::En)
        };
        assert_eq!(started(false, 0), "YouTube: 60 min, not used yet, not started");
        assert_eq!(started(true, 9), "YouTube: about 9 of 60 min used, about 51 left, running");
        assert_eq!(started(false, 60), "YouTube: about 60 of 60 min used, no time left");
    }

    #[test]
    fn what_waits_is_told_below() {
        let budgets = vec![youtube(Some(60), 20)];
        let busy = PersonStatus { budgets, requests: 2, ..sofia() };
        let expected = "  Sofía  child  7-9  now: no schedule holds\n                     YouTube: about 20 of 60 min used, about 40 left\n                     2 requests wait: amparo requests\n";
        assert_eq!(people(&[busy], Language::En), expected);
        let one = PersonStatus { requests: 1, ..sofia() };
        assert!(people(&[one], Language::Es).contains("1 petición espera"));
    }

    #[test]
    fn an_unknown_time_is_not_well_and_is_told_once() {
        let printed = |time_known| {
            let mut out = Vec::new();
            print(&mut out, &status(time_known), &household(Language::En), &now()).unwrap();
            String::from_utf8(out).unwrap()
        };
        let unknown = printed(false);
        assert!(unknown.starts_with("! no time yet\n\n"), "{unknown}");
        assert!(printed(true).starts_with("All is well.\n"));
    }

    #[test]
    fn the_table_of_people_fits_a_terminal() {
        let windows = vec!["homework \u{1b}[31m".repeat(12)];
        let printed = people(&[PersonStatus { windows, ..sofia() }], Language::Es);
        assert!(printed.lines().all(|line| width(line) <= COLUMNS) && !printed.contains('\u{1b}'));
    }
}
