//! What the commands that change something share: they have the daemon do it, and print its
//! sentence. Who there is and what a word means is the daemon's to know.

use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::columns::write_below;
use super::log::printable;
use super::{App, Failure, moments, name_of, print_json};
use crate::control::{self, Changed, Command, FamilyCommand, Until};
use crate::policy::rules::Household;
use crate::words;

/// When and where a command is written: what moments are read by.
#[derive(Debug, Clone)]
pub(super) struct Here {
    /// What time it is.
    pub now: Timestamp,
    /// The household's clock.
    pub zone: TimeZone,
}

/// Reads a command by the household's clock, has the daemon do it and prints what is so now.
pub(super) fn change(
    app: &App,
    json: bool,
    command: impl FnOnce(&Here) -> Result<FamilyCommand, Failure>,
) -> Result<(), Failure> {
    // A running daemon obeys whatever became of the file meanwhile.
    let found = app.found_or_default()?;
    let command = command(&Here::of(app, &found.checked.config.household))?;
    tell(&found.state_directory, command, json)
}

fn tell(state: &Path, command: FamilyCommand, json: bool) -> Result<(), Failure> {
    let changed: Changed = control::tell(state, &Command::Family(command))?;
    let mut out = std::io::stdout().lock();
    if json {
        return print_json(&mut out, &changed);
    }
    Ok(write_below(&mut out, 0, &printable(&changed.text))?)
}

// === impl Here ===

impl Here {
    pub(super) fn of(app: &App, household: &Household) -> Self {
        Here { now: app.clock.now(), zone: household.zone.clone() }
    }

    /// Reads `--until`. A moment that is over is a mistake of usage.
    pub(super) fn until(&self, text: &str) -> Result<Until, Failure> {
        let until = moments::parse_until(text, self.now, &self.zone)
            .map_err(|error| Failure::usage(error.to_string()))?;
        match until {
            Until::At(at) if at <= self.now => {
                let text = moments::shown(text);
                Err(Failure::usage(format!("`{text}` is over: nothing can hold until then"))
                    .hint("write a length from now (45m) or a moment to come (21:30, tomorrow)"))
            }
            Until::At(_) | Until::For(_) | Until::Bedtime | Until::Always => Ok(until),
        }
    }
}

/// A word of the config file as somebody wrote it. What looks like a name must be one: `=name`
/// is that name alone.
pub(super) fn word(text: &str) -> Result<String, Failure> {
    let looks_like_a_name = text.contains(['.', ':', '/']);
    if !looks_like_a_name {
        return Ok(text.to_owned());
    }
    let (mark, name) = text.strip_prefix('=').map_or(("", text), |name| ("=", name));
    Ok(format!("{mark}{}", name_of(name)?))
}

/// Whether a word means everything.
pub(super) fn is_everything(word: &str) -> bool {
    word == words::INTERNET_ID || word == "everything"
}

#[cfg(test)]
pub(super) mod tests {
    use clap::Args;

    use super::*;
    use crate::cli::Exit;
    use crate::config::{self, Origin, System};
    use crate::words::Language;

    /// A command as somebody wrote it, read by its own arguments alone.
    pub(in crate::cli) fn parsed<T: Args>(arguments: &str) -> Result<T, clap::Error> {
        let program = T::augment_args(clap::Command::new("amparo").no_binary_name(true));
        let matches = program.try_get_matches_from(words_of(arguments))?;
        T::from_arg_matches(&matches)
    }

    /// The arguments; what stands between quotes is one.
    fn words_of(arguments: &str) -> Vec<String> {
        let parts = arguments.split('"').enumerate();
        let words = parts.flat_map(|(place, part)| match place % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        });
        words.collect()
    }

    /// Monday 2026-11-23, 18:00 in Guatemala.
    pub(in crate::cli) fn here() -> Here {
        Here {
            now: at("2026-11-23T18:00:00-06:00"),
            zone: TimeZone::get("America/Guatemala").unwrap(),
        }
    }

    pub(in crate::cli) fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// The household of a config file.
    pub(in crate::cli) fn checked(text: &str) -> Household {
        let checked = config::load(text, &Origin::Embedded, &System::detect());
        checked.unwrap_or_else(|report| panic!("{}", report.render(false))).config.household
    }

    /// Sofía's household.
    pub(in crate::cli) fn household(language: Language) -> Household {
        checked(&format!(
            "[household]\nlanguage = \"{language}\"\ntimezone = \"America/Guatemala\"\n\
             [child.sofia]\nname = \"Sofía\"\nage = 9\n"
        ))
    }

    /// What is said of a mistake of usage, with its hint.
    #[track_caller]
    pub(in crate::cli) fn usage<T: std::fmt::Debug>(result: Result<T, Failure>) -> String {
        let failure = result.unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        format!("{} | {}", failure.message, failure.hint.unwrap_or_default())
    }

    #[test]
    fn until_lies_ahead() {
        let until = |text| here().until(text);
        assert_eq!(until("45m").unwrap(), Until::For(2700));
        assert_eq!(until("21:30").unwrap(), Until::At(at("2026-11-23T21:30:00-06:00")));
        assert_eq!(until("tomorrow").unwrap(), Until::At(at("2026-11-24T00:00:00-06:00")));
        assert_eq!(until("17:00").unwrap(), Until::At(at("2026-11-24T17:00:00-06:00")));
        assert_eq!(until("bedtime").unwrap(), Until::Bedtime);
        let over = usage(until("2026-11-23T17:59:59-06:00"));
        assert!(over.starts_with("`2026-11-23T17:59:59-06:00` is over"), "{over}");
        assert!(usage(until("2026-11-23 18:00")).contains("is over"));
        assert!(usage(until("soon")).starts_with("`soon` is no moment"));
    }

    #[test]
    fn a_word_with_a_dot_is_a_name() {
        let word = |text| word(text).unwrap();
        assert_eq!(word("tiktok"), "tiktok");
        assert_eq!(word("WWW.TikTok.com"), "www.tiktok.com");
        assert_eq!(word("=tiktok.com"), "=tiktok.com");
        let page = usage(super::word("https://www.tiktok.com/@sofia"));
        assert!(page.ends_with("write only the name: www.tiktok.com"), "{page}");
        assert!(!usage(super::word("a.\u{1b}[31m")).contains('\u{1b}'));
    }
}
