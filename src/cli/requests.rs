use std::io::Write;

use clap::Subcommand;

use super::changes::{Here, change, word};
use super::columns::{width, write_below, write_beside};
use super::log::printable;
use super::{App, Failure, label, print_json, readable, word_label};
use crate::control::{self, Command, FamilyCommand, RequestStatus};
use crate::policy::rules::Household;
use crate::words::{self, time};

/// Show what children asked for, newest first, or answer it
#[derive(Debug, clap::Args)]
pub(super) struct Requests {
    #[command(subcommand)]
    command: Option<RequestsCommand>,
    /// One JSON object a line
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum RequestsCommand {
    /// Say yes: what was asked for opens for a while
    Approve {
        /// The request's number
        id: u64,
        /// Until when: 45m (from now), 21:30, "sat 21:30", bedtime, tomorrow, always or RFC 3339;
        /// else an hour
        #[arg(long, value_name = "MOMENT")]
        until: Option<String>,
        /// Open this instead of what was asked for: the service instead of the name, say
        #[arg(long, value_name = "WORD")]
        what: Option<String>,
        /// What the child is told
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    /// Say no
    Deny {
        /// The request's number
        id: u64,
        /// What the child is told
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    /// Ask for something, as a child does
    Ask {
        /// A name, a service or a category; or time
        what: String,
        /// For whom: a child's id or name
        #[arg(long = "for", value_name = "CHILD")]
        child: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

impl Requests {
    pub(super) fn run(self, app: &App) -> Result<(), Failure> {
        let json = self.json;
        match self.command {
            None => list(app, json),
            Some(asked @ RequestsCommand::Ask { .. }) => ask(app, asked, json),
            Some(answer) => change(app, json, |here| answer.command(here)),
        }
    }
}

impl RequestsCommand {
    fn command(self, here: &Here) -> Result<FamilyCommand, Failure> {
        Ok(match self {
            RequestsCommand::Approve { id, until, what, note } => {
                let until = until.map(|text| here.until(&text)).transpose()?;
                let what = what.map(|text| word(&text)).transpose()?;
                FamilyCommand::Answer { id, approve: true, until, what, note }
            }
            RequestsCommand::Deny { id, note } => {
                FamilyCommand::Answer { id, approve: false, until: None, what: None, note }
            }
            RequestsCommand::Ask { what, child, reason } => {
                FamilyCommand::Ask { what: word(&what)?, child, reason }
            }
        })
    }
}

fn list(app: &App, json: bool) -> Result<(), Failure> {
    let found = app.found_or_default()?;
    let requests: Vec<RequestStatus> =
        control::tell(&found.state_directory, &Command::Family(FamilyCommand::Requests))?;
    let mut out = std::io::stdout().lock();
    if json {
        return requests.iter().try_for_each(|request| print_json(&mut out, request));
    }
    Ok(print(&mut out, &requests, &found.checked.config.household)?)
}

fn ask(app: &App, asked: RequestsCommand, json: bool) -> Result<(), Failure> {
    let found = app.found_or_default()?;
    let household = &found.checked.config.household;
    let command = asked.command(&Here::of(app, household))?;
    let request: RequestStatus = control::tell(&found.state_directory, &Command::Family(command))?;
    let mut out = std::io::stdout().lock();
    if json {
        return print_json(&mut out, &request);
    }
    let who = label(household, &request.child);
    let sentence = time::ASKED.fill(household.language, &request.id.to_string(), &who);
    Ok(writeln!(out, "{}", printable(&sentence))?)
}

/// Each request: its number, when, who, what for and how it stands; below, in whose words.
fn print(
    out: &mut dyn Write,
    requests: &[RequestStatus],
    household: &Household,
) -> std::io::Result<()> {
    let language = household.language;
    let say = |words: &'static words::Words| words.in_language(language).to_owned();
    if requests.is_empty() {
        return writeln!(out, "{}", say(&time::NO_REQUESTS));
    }
    let rows: Vec<(String, String, String, &RequestStatus)> = requests
        .iter()
        .map(|request| {
            let who = printable(&label(household, &request.child)).into_owned();
            let what = word_label(household, &request.what);
            let count =
                if request.count > 1 { format!(" ×{}", request.count) } else { String::new() };
            let state = time::state(&request.state).map_or_else(
                || printable(&request.state).into_owned(),
                |words| words.in_language(language).to_owned(),
            );
            let until = request
                .until
                .as_deref()
                .map(|until| format!(" {}", time::UNTIL.fill(language, &readable(until), "")));
            (who, what + &count, state + &until.unwrap_or_default(), request)
        })
        .collect();
    let whose = rows.iter().map(|(who, ..)| width(who)).max().unwrap_or(0);
    let whats = rows.iter().map(|(_, what, ..)| width(what)).max().unwrap_or(0);
    let ids = requests.iter().map(|request| width(&request.id.to_string())).max().unwrap_or(0);
    for (who, what, state, request) in rows {
        let head = format!("{:>ids$}  {}  ", request.id, printable(&readable(&request.at)));
        let pieces = [format!("{who:<whose$}"), format!("{what:<whats$}"), state];
        write_beside(out, &head, &str::to_owned, &pieces, "  ")?;
        if !request.reason.is_empty() {
            write_below(out, width(&head), &format!("«{}»", printable(&request.reason)))?;
        }
        if let Some(note) = request.note.as_deref().filter(|note| !note.is_empty()) {
            let note = format!("{}: {}", say(&time::NOTE), printable(note));
            write_below(out, width(&head), &note)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::changes::tests::{at, here, household, parsed, usage};
    use super::super::columns::COLUMNS;
    use super::*;
    use crate::control::Until;
    use crate::words::Language;
    use proptest::prelude::*;

    fn command(arguments: &str) -> Result<FamilyCommand, Failure> {
        parsed::<Requests>(arguments).unwrap().command.unwrap().command(&here())
    }

    fn request(id: u64, state: &str) -> RequestStatus {
        RequestStatus {
            v: 1,
            id,
            child: "sofia".to_owned(),
            what: "youtube".to_owned(),
            reason: "for my homework on volcanoes".to_owned(),
            at: "2026-11-23T16:05:00-06:00".to_owned(),
            count: 1,
            state: state.to_owned(),
            answered: None,
            until: None,
            note: None,
        }
    }

    fn printed(requests: &[RequestStatus], language: Language) -> String {
        let mut out = Vec::new();
        print(&mut out, requests, &household(language)).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_request_is_answered_by_its_number() {
        let answer =
            |id, approve, until, what: Option<&str>, note: Option<&str>| FamilyCommand::Answer {
                id,
                approve,
                until,
                what: what.map(str::to_owned),
                note: note.map(str::to_owned),
            };
        assert_eq!(command("approve 3").unwrap(), answer(3, true, None, None, None));
        let yes = command("approve 3 --until 21:30 --what youtube --note \"an hour\"").unwrap();
        let until = Some(Until::At(at("2026-11-23T21:30:00-06:00")));
        assert_eq!(yes, answer(3, true, until, Some("youtube"), Some("an hour")));
        let no = command("deny 4 --note \"after dinner\"").unwrap();
        assert_eq!(no, answer(4, false, None, None, Some("after dinner")));
        assert!(usage(command("approve 3 --until 2020-01-01")).contains("is over"));
        assert!(parsed::<Requests>("approve").is_err());
        assert!(parsed::<Requests>("deny x").is_err());
    }

    #[test]
    fn a_child_asks_with_a_reason() {
        let asked = command("ask youtube --for sofia --reason \"my homework\"").unwrap();
        let (what, child) = ("youtube".to_owned(), "sofia".to_owned());
        assert_eq!(asked, FamilyCommand::Ask { what, child, reason: "my homework".to_owned() });
        assert!(parsed::<Requests>("ask youtube --for sofia").is_err());
    }

    #[test]
    fn without_more_the_requests_are_listed() {
        let list = parsed::<Requests>("--json").unwrap();
        assert!(list.json && list.command.is_none());
        assert!(parsed::<Requests>("deny 4 --json").unwrap().json);
    }

    #[test]
    fn nobody_asked_is_one_sentence() {
        assert_eq!(printed(&[], Language::En), "Nobody has asked for anything yet.\n");
        assert_eq!(printed(&[], Language::Es), "Nadie ha pedido nada todavía.\n");
    }

    #[test]
    fn a_request_is_told_with_its_reason_below() {
        let mut answered = request(2, "approved");
        answered.what = "time".to_owned();
        answered.until = Some("2026-11-23T17:05:00-06:00".to_owned());
        answered.note = Some("have fun".to_owned());
        answered.count = 3;
        let requests = [request(12, "waiting"), answered];
        let expected = "\
12  2026-11-23 16:05  Sofía  YouTube  waiting
                      «for my homework on volcanoes»
 2  2026-11-23 16:05  Sofía  time ×3  approved until 2026-11-23 17:05
                      «for my homework on volcanoes»
                      note: have fun
";
        assert_eq!(printed(&requests, Language::En), expected);
        assert!(printed(&requests, Language::Es).contains("Sofía  tiempo ×3  aprobada hasta 2026"));
    }

    proptest! {
        #[test]
        fn whatever_a_child_writes_no_line_is_too_wide_or_steers(
            reason in "\\PC{0,300}|[a-z \u{1b}\n\u{202e}]{0,300}",
            what in "\\PC{0,100}|[a-z.\u{1b}]{0,300}",
        ) {
            let asked = RequestStatus { what, reason, ..request(7, "waiting") };
            let printed = printed(&[asked], Language::Es);
            for line in printed.lines() {
                prop_assert!(width(line) <= COLUMNS, "{line}");
                let steers = line.contains(|c: char| c.is_control() || c == '\u{202e}');
                prop_assert!(!steers, "{line:?}");
            }
        }
    }
}
