//! What stands in the text of a list, without an index: the lines that cover a name, and what an
//! update would close.
//!
//! It is read as it is read into the index, so that what `why` shows is what the index holds. Start
//! at [`search`] and [`examine`].

use std::collections::HashSet;

use super::exceptions::Exceptions;
use super::format::Role;
use super::guard::Guard;
use super::pattern;
use super::reader::{Entry, Reader, Sink};
use super::tally::Tally;
use super::{Effect, Match, Report, Source};
use crate::name::Name;

/// What stands in a text, judged without an index.
#[derive(Debug)]
pub struct Examined {
    /// What would be taken and what not.
    pub report: Report,
    /// The places of the names that were watched for and would be closed.
    pub closes: Vec<usize>,
}

/// Every entry of a source that covers the name and was taken. `read` feeds its text where the
/// source does not carry its own, twice where the list has exceptions.
#[must_use]
pub fn search(
    source: &Source,
    name: &Name,
    guard: &Guard<'_>,
    read: impl FnMut(&mut Reader<'_>),
) -> Vec<Match> {
    let text = name.to_string();
    let mut seeking = Seeking { source, name, text, guard, matches: Vec::new() };
    Reader::run(source, &mut seeking, read);
    seeking.matches.into_iter().map(|(found, _)| found).collect()
}

/// Counts what stands in a source, and tells which of some names it would close.
pub fn examine(
    source: &Source,
    guard: &Guard<'_>,
    watched: &[Name],
    read: impl FnMut(&mut Reader<'_>),
) -> Examined {
    let mut watching = Watching {
        source,
        guard,
        watched,
        parents: watched.iter().flat_map(|name| name.suffixes().map(Box::from)).collect(),
        closes: vec![Vec::new(); watched.len()],
        tally: Tally::default(),
    };
    let read = Reader::run(source, &mut watching, read);
    let closes = watching.closes.iter().enumerate().filter(|(_, roles)| !roles.is_empty());
    let closes = closes.map(|(place, _)| place).collect();
    Examined { report: watching.tally.report(source, read), closes }
}

/// Looks for one name.
struct Seeking<'a> {
    source: &'a Source,
    name: &'a Name,
    text: String,
    guard: &'a Guard<'a>,
    matches: Vec<(Match, Role)>,
}

/// Looks which of some names are closed.
struct Watching<'a> {
    source: &'a Source,
    guard: &'a Guard<'a>,
    watched: &'a [Name],
    /// These and all above them.
    parents: HashSet<Box<[u8]>>,
    /// How each of them is closed.
    closes: Vec<Vec<Role>>,
    tally: Tally,
}

// === impl Sink ===

impl Sink for Seeking<'_> {
    fn take(&mut self, line: usize, entry: Entry<'_>) {
        let (entry, role) = match entry {
            Entry::Skipped(_) => return,
            Entry::Pattern(..) if self.source.effect == Effect::Open => return,
            Entry::Pattern(text, role) => {
                let pattern = pattern::compiled(text).filter(|pattern| {
                    pattern.is_match(self.text.as_bytes()) && !self.guard.refuses_pattern(pattern)
                });
                if pattern.is_none() {
                    return;
                }
                (format!("/{text}/"), role)
            }
            Entry::Name(entry, matching, role) => {
                let covers = self.name.is_at_or_below(entry) && matching.covers(entry == self.name);
                if !covers || self.guard.refuses(self.source, entry) {
                    return;
                }
                (entry.to_string(), role)
            }
        };
        let entry = Some(entry).filter(|_| !self.source.is_hidden());
        let Source { id, effect, .. } = self.source;
        let found = Match { list: id.clone(), line, entry, effect: *effect };
        self.matches.push((found, role));
    }

    fn forget(&mut self, _: bool) {
        self.matches.clear();
    }

    fn except(&mut self, exceptions: &Exceptions) {
        self.matches.retain(|(_, role)| !exceptions.covers(self.name, *role));
    }
}

impl Sink for Watching<'_> {
    fn take(&mut self, _: usize, entry: Entry<'_>) {
        match entry {
            Entry::Skipped(skip) => self.tally.skip(skip, 1),
            Entry::Pattern(text, role) => {
                let Some(pattern) = self.tally.pattern(text, self.source, self.guard) else {
                    return;
                };
                for (name, closes) in self.watched.iter().zip(&mut self.closes) {
                    if pattern.is_match(name.to_string().as_bytes()) {
                        closes.push(role);
                    }
                }
            }
            Entry::Name(name, ..) if self.guard.refuses(self.source, name) => {
                self.tally.refuse(name, self.source);
            }
            Entry::Name(name, matching, role) => {
                self.tally.taken += 1;
                if self.source.effect == Effect::Open || !self.parents.contains(name.wire()) {
                    return;
                }
                for (watched, closes) in self.watched.iter().zip(&mut self.closes) {
                    if watched.is_at_or_below(name) && matching.covers(watched == name) {
                        closes.push(role);
                    }
                }
            }
        }
    }

    fn forget(&mut self, _: bool) {
        self.tally = Tally::default();
        self.closes.iter_mut().for_each(Vec::clear);
    }

    fn except(&mut self, exceptions: &Exceptions) {
        self.tally.except(exceptions);
        for (name, closes) in self.watched.iter().zip(&mut self.closes) {
            closes.retain(|role| !exceptions.covers(name, *role));
        }
    }
}
