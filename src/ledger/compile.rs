//! From ids and words to what decides: [`Passing`] for a household.
//!
//! Households are reloaded, the ledger stays: a child, a budget or a word that the household does
//! not know any more says nothing until it comes back.

use super::Saved;
use super::spans::Thing;
use super::state::{State, Time};
use crate::name::Name;
use crate::policy::passing::{ForAWhile, OfSubject, Passing};
use crate::policy::rules::{Household, Reach, Subject, What};
use crate::words::INTERNET_ID;

impl State {
    /// What holds for a while, compiled for a household.
    pub(super) fn passing(&self, household: &Household, time: &Time) -> Passing {
        let saved = self.saved.as_ref();
        let subjects = household.subjects.iter();
        let subjects = subjects.map(|subject| self.of_subject(household, subject, saved, time));
        Passing { time_unknown: time.is_unknown, subjects: subjects.collect() }
    }

    fn of_subject(
        &self,
        household: &Household,
        subject: &Subject,
        saved: Option<&Saved>,
        time: &Time,
    ) -> OfSubject {
        let used = self.minutes.used(household, subject, saved, time);
        let mut of_subject = OfSubject { used, ..OfSubject::default() };
        for (thing, said) in self.spans.of(&subject.id, time) {
            let until = said.held.until;
            match thing {
                Thing::Pause => of_subject.paused_until = Some(until),
                Thing::Free => of_subject.freed_until = Some(until),
                Thing::Word(word) => {
                    let Some(what) = what_of(household, word) else { continue };
                    let words =
                        if said.opens { &mut of_subject.opened } else { &mut of_subject.closed };
                    words.push(ForAWhile { what, until });
                }
            }
        }
        of_subject
    }
}

/// What a word means to a household; none: nothing. Everything is never opened or closed this way.
fn what_of(household: &Household, word: &str) -> Option<What> {
    let name = |text: &str, reach| Name::parse(text).ok().map(|name| What::Name(name, reach));
    match word.strip_prefix('=') {
        Some(exact) => name(exact, Reach::Exact),
        None if word == INTERNET_ID => None,
        None if word.contains('.') => name(word, Reach::Below),
        None => household.tags.find(word).map(What::Tag),
    }
}
