//! What is told of answers that hand out addresses, where connections are to be cut.
//!
//! Off unless `[enforce]` is written: then the way of a query meets one branch. On, an answer is
//! looked at once a minute for each device and name, and noted like those for the journal.

use std::hash::BuildHasher;
use std::net::IpAddr;

use super::records::{Records, Section, address, rtype};
use super::rewrite::{Aged, Response};
use super::svcb;
use super::wire::Question;
use crate::clock::Tick;
use crate::enforce::{Given, Handed};
use crate::name::Keyed;

/// How long it is enough to have noted an answer, in milliseconds: what is remembered longest is
/// what was noted last.
const NOTED_MILLIS: u64 = 60_000;
/// Answers one loop knows to have noted: what a busy home asks for in a minute. Another answer that
/// needs the place pushes one out; then that is noted once more.
const NOTED_MAX: usize = 2_048;

/// Answers with addresses that were given, and which of them were noted of late.
#[derive(Debug, Default)]
pub(super) struct Handing {
    given: Vec<Given>,
    noted: Option<Noted>,
}

/// Answers that were noted: a slot each.
#[derive(Debug)]
struct Noted {
    hasher: Keyed,
    slots: Box<[(u64, Tick)]>,
}

impl Handing {
    /// Notes an answer, unless the same was noted a moment ago; `given` makes the note, but for
    /// the addresses.
    pub(super) fn note(
        &mut self,
        from: IpAddr,
        question: &Question,
        response: &Response,
        (aged, now): (Aged, Tick),
        given: impl FnOnce() -> Given,
    ) {
        let asks = matches!(question.qtype, rtype::A | rtype::AAAA | rtype::SVCB | rtype::HTTPS);
        let noted = self.noted.get_or_insert_with(Noted::default);
        if asks && !noted.is_known(from, question, aged, now) {
            let addresses = addresses(response);
            if !addresses.is_empty() {
                self.given.push(Given { addresses, ..given() });
            }
        }
    }

    /// Hands over what was noted.
    pub(super) fn settle(&mut self, handed: &Handed, now: Tick) {
        if !self.given.is_empty() {
            handed.take(self.given.drain(..), now);
        }
    }
}

impl Default for Noted {
    fn default() -> Self {
        let slots = vec![(0, Tick(0)); NOTED_MAX].into_boxed_slice();
        Noted { hasher: Keyed::default(), slots }
    }
}

impl Noted {
    /// Whether this very answer was noted a moment ago. One that came from upstream since is
    /// another: addresses of large sites change by the second.
    fn is_known(&mut self, from: IpAddr, question: &Question, aged: Aged, now: Tick) -> bool {
        let flags = (question.qtype, question.dnssec_ok(), question.checking_disabled);
        let hash = self.hasher.hash_one((from, &question.name, flags));
        let place = usize::try_from(hash).unwrap_or(0) % self.slots.len();
        let (known, at) = &mut self.slots[place];
        let since = now.millis_since(*at);
        // Its age is cut to whole seconds: it had come by then for certain.
        let same_answer = since <= u64::from(aged.age_seconds) * 1000;
        if *known == hash && since < NOTED_MILLIS && same_answer {
            return true;
        }
        (*known, *at) = (hash, now);
        false
    }
}

/// The addresses an answer hands out: those of its answer section, hints included, each once.
fn addresses(response: &Response) -> Vec<IpAddr> {
    let message = response.bytes();
    let mut found = Vec::new();
    for record in Records::new(message, response.question_end()) {
        let Ok(record) = record else { break };
        if record.section != Section::Answer {
            break;
        }
        match record.rtype {
            rtype::A | rtype::AAAA => found.extend(address(&message[record.data])),
            rtype::SVCB | rtype::HTTPS => found.extend(svcb::hints(message, &record.data)),
            _ => {}
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests;
