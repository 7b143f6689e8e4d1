//! What holds for a while: pauses, granted time, words opened or closed.
//!
//! One thing has one word at a time: whoever speaks last is heard, and what was said before is
//! kept by [`super::changes`] only, so that it can come back.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::refusal::Refusal;
use super::state::{Held, Time};

/// The most words opened or closed for a while for one child. A parent has a few; each costs a
/// comparison a query.
pub const WORDS_MAX: usize = 64;
/// The longest word, in characters: the longest name has 253, and `=` before it.
pub const WORD_CHARS_MAX: usize = 256;

/// All that holds for a while.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Spans {
    all: Vec<Standing>,
}

/// One thing with what was said of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Standing {
    child: String,
    thing: Thing,
    said: Said,
}

/// What something is said of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Thing {
    /// Everything, closed by a pause.
    Pause,
    /// Schedules and budgets, lifted by granted time.
    Free,
    /// A word, as in the config file.
    Word(String),
}

/// What is said of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Said {
    /// Open or closed.
    pub(super) opens: bool,
    /// Until when.
    pub(super) held: Held,
}

impl Spans {
    /// What is said of a thing and not over.
    pub(super) fn get(&self, child: &str, thing: &Thing, time: &Time) -> Option<Said> {
        let found = self.all.iter().find(|one| one.child == child && one.thing == *thing)?;
        (!found.said.held.is_over(time)).then_some(found.said)
    }

    /// Says something of a thing, or nothing any more, and hands over what was said before.
    pub(super) fn set(
        &mut self,
        child: &str,
        thing: &Thing,
        said: Option<Said>,
        time: &Time,
    ) -> Option<Said> {
        let before = self.get(child, thing, time);
        self.all.retain(|one| one.child != child || one.thing != *thing);
        self.all.extend(said.map(|said| Standing {
            child: child.to_owned(),
            thing: thing.clone(),
            said,
        }));
        before
    }

    /// Whether there is room for one more word.
    pub(super) fn has_room(&self, child: &str, thing: &Thing, time: &Time) -> Result<(), Refusal> {
        let others = self
            .of(child, time)
            .filter(|(other, _)| matches!(other, Thing::Word(_)) && *other != thing);
        if others.count() < WORDS_MAX { Ok(()) } else { Err(Refusal::TooManyWords) }
    }

    /// All that is said for a child and not over, oldest first.
    pub(super) fn of<'a>(
        &'a self,
        child: &'a str,
        time: &'a Time,
    ) -> impl Iterator<Item = (&'a Thing, Said)> {
        let of_child = self.all.iter().filter(move |one| one.child == child);
        of_child.filter(|one| !one.said.held.is_over(time)).map(|one| (&one.thing, one.said))
    }

    /// When each of them ends, as far as is known.
    pub(super) fn ends<'a>(&'a self, time: &'a Time) -> impl Iterator<Item = Timestamp> + 'a {
        self.all.iter().filter_map(|one| one.said.held.ends(time))
    }

    pub(super) fn step(&mut self, by: SignedDuration, time: &Time) {
        self.all.iter_mut().for_each(|one| one.said.held.step(by, time));
    }

    /// Forgets what is over; whether anything was.
    pub(super) fn expire(&mut self, time: &Time) -> bool {
        let before = self.all.len();
        self.all.retain(|one| !one.said.held.is_over(time));
        self.all.len() != before
    }
}

/// A word as it is kept: small letters, nothing around it.
pub(super) fn word_of(text: &str) -> Result<String, Refusal> {
    let word = text.trim().to_lowercase();
    if word.is_empty() || word.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(Refusal::NoWord);
    }
    if word.chars().count() > WORD_CHARS_MAX {
        return Err(Refusal::LongWord);
    }
    Ok(word)
}
