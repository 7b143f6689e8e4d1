use std::io::{IsTerminal as _, Write};

use super::columns::{width, write_below, write_beside};
use super::{App, Exit, Failure, print_json};
use crate::doctor::{self, Finding, Look, State, Step};
use crate::words::{Language, Words, doctor as words};

/// Look at everything that may be wrong with this installation, and say what to do about it
///
/// Each finding is ok, a note, a warning or a failure; where a fix changes the system it says how
/// to undo it. Nothing is changed. Exits with 1 when something failed.
#[derive(clap::Args)]
pub(super) struct Doctor {
    /// Ask nobody on the network: neither upstreams nor the router
    #[arg(long)]
    offline: bool,
    /// One line of JSON for each finding
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(super) fn run(self, app: &App) -> Result<(), Failure> {
        let facts = doctor::gather(&Look {
            config: app.place.config.clone(),
            state: app.place.state.clone(),
            offline: self.offline,
            clock: app.clock.clone(),
        });
        let findings = doctor::examine(&facts);
        let mut out = std::io::stdout().lock();
        if self.json {
            for finding in &findings {
                print_json(&mut out, &json(finding))?;
            }
        } else {
            let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            print(&mut out, &findings, facts.language, colour)?;
        }
        out.flush()?;
        if findings.iter().any(|finding| finding.state == State::Failed) {
            return Err(Failure::quiet(Exit::Failed));
        }
        Ok(())
    }
}

fn json(finding: &Finding) -> serde_json::Value {
    let texts =
        |steps: &[Step]| steps.iter().map(Step::text).map(str::to_owned).collect::<Vec<_>>();
    serde_json::json!({
        "v": crate::inspect::JSON_VERSION,
        "check": finding.check,
        "state": finding.state.word(),
        "text": finding.text,
        "detail": finding.detail,
        "fix": texts(&finding.fix),
        "undo": texts(&finding.undo),
    })
}

/// A line a finding, with what is to be done below it; the last line counts.
fn print(
    out: &mut dyn Write,
    findings: &[Finding],
    language: Language,
    colour: bool,
) -> std::io::Result<()> {
    let say = |words: &'static Words| words.in_language(language);
    let label = |name: &str| {
        let check = doctor::CHECKS.iter().find(|check| check.name == name);
        check.map_or("", |check| say(check.label))
    };
    let states = [State::Ok, State::Note, State::Warning, State::Failed];
    let widest = states.iter().map(|state| width(say(state.label()))).max().unwrap_or(0);
    let labels = doctor::CHECKS.iter().map(|check| width(say(check.label)));
    let column = labels.max().unwrap_or(0);
    let mut before = "";
    for finding in findings {
        // A check with several findings is named once.
        let name = if before == finding.check { "" } else { label(finding.check) };
        before = finding.check;
        let state = say(finding.state.label());
        let head = format!("{name:<column$}  {state:<widest$}  ");
        let paint = |head: &str| {
            let code = match finding.state {
                State::Ok => "32",
                State::Note => "0",
                State::Warning => "33",
                State::Failed => "31",
            };
            if colour {
                head.replacen(state, &format!("\u{1b}[{code}m{state}\u{1b}[0m"), 1)
            } else {
                head.to_owned()
            }
        };
        write_beside(out, &head, &paint, std::slice::from_ref(&finding.text), " ")?;
        if let Some(detail) = &finding.detail {
            for line in detail.lines() {
                writeln!(out, "    {line}")?;
            }
        }
        steps(out, say(&words::FIX), &finding.fix)?;
        steps(out, say(&words::UNDO), &finding.undo)?;
    }
    let count = |state| findings.iter().filter(|finding| finding.state == state).count();
    let (failed, warnings) = (count(State::Failed), count(State::Warning));
    writeln!(out)?;
    if failed + warnings == 0 {
        return writeln!(out, "{}", say(&words::ALL_WELL));
    }
    let text = words::COUNTED.fill(language, &failed.to_string(), &warnings.to_string());
    writeln!(out, "{text}")
}

/// What is to be done. Lines for a shell stay whole, so that they can be copied.
fn steps(out: &mut dyn Write, head: &str, steps: &[Step]) -> std::io::Result<()> {
    if steps.is_empty() {
        return Ok(());
    }
    writeln!(out, "    {head}")?;
    for step in steps {
        match step {
            Step::Say(sentence) => write_below(out, 6, sentence)?,
            Step::Run(line) => writeln!(out, "        {line}")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::columns::COLUMNS;
    use super::*;

    fn finding(state: State) -> Finding {
        Finding {
            check: "port",
            state,
            text: "word ".repeat(30).trim().to_owned(),
            detail: None,
            fix: vec![Step::Say("sentence ".repeat(20)), Step::Run("printf".to_owned())],
            undo: vec![Step::Run("rm".to_owned())],
        }
    }

    fn printed(findings: &[Finding], language: Language, colour: bool) -> String {
        let mut out = Vec::new();
        print(&mut out, findings, language, colour).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn it_fits_a_terminal_and_a_check_is_named_once() {
        for language in [Language::Es, Language::En] {
            let text = printed(&[finding(State::Failed), finding(State::Warning)], language, false);
            assert!(text.lines().all(|line| width(line) <= COLUMNS), "{text}");
            let label = doctor::CHECKS[2].label.in_language(language);
            assert_eq!(text.matches(label).count(), 1, "{text}");
        }
    }

    #[test]
    fn a_fix_stands_before_its_undo_and_the_last_line_counts() {
        let text = printed(&[finding(State::Failed)], Language::En, false);
        let place = |word| text.find(word).unwrap();
        assert!(
            place("        printf") < place("To undo it:")
                && place("To undo it:") < place("        rm")
        );
        assert!(text.ends_with("\nFailed: 1. Warnings: 0.\n"), "{text}");
        let well = Finding { fix: Vec::new(), undo: Vec::new(), ..finding(State::Ok) };
        assert!(printed(&[well], Language::Es, false).ends_with("Todo está como debe.\n"));
    }

    #[test]
    fn colours_are_of_the_state_alone() {
        let text = printed(&[finding(State::Failed)], Language::En, true);
        assert!(text.contains("\u{1b}[31mfailed\u{1b}[0m"), "{text}");
    }
}
