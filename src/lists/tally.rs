//! What was met while a list was read.

use regex::bytes::Regex;

use super::exceptions::Exceptions;
use super::format::Skip;
use super::guard::Guard;
use super::pattern::{self, PATTERNS_MAX};
use super::reader::Read;
use super::{Effect, REFUSED_SHOWN_MAX, Report, Source};
use crate::name::Name;

/// What was met while a source was read.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) taken: usize,
    /// Patterns that were looked at.
    patterns: usize,
    skipped: [usize; Skip::ALL.len()],
    refused: Vec<String>,
    refused_count: usize,
}

// === impl Tally ===

impl Tally {
    pub(super) fn skip(&mut self, kind: Skip, count: usize) {
        self.skipped[kind as usize] += count;
    }

    pub(super) fn refuse(&mut self, name: &Name, source: &Source) {
        self.refuse_entry(source, || name.to_string());
    }

    fn refuse_entry(&mut self, source: &Source, shown: impl FnOnce() -> String) {
        self.refused_count += 1;
        if !source.is_hidden() && self.refused.len() < REFUSED_SHOWN_MAX {
            self.refused.push(shown());
        }
    }

    /// A pattern, when it is taken.
    pub(super) fn pattern(
        &mut self,
        text: &str,
        source: &Source,
        guard: &Guard<'_>,
    ) -> Option<Regex> {
        // Each costs some microseconds to look at, and a list may hold millions.
        let is_room = self.patterns < PATTERNS_MAX && source.effect == Effect::Close;
        let pattern = if is_room { pattern::compiled(text) } else { None };
        self.patterns += usize::from(is_room);
        let Some(pattern) = pattern else {
            self.skip(Skip::Pattern, 1);
            return None;
        };
        if guard.refuses_pattern(&pattern) {
            self.refuse_entry(source, || format!("/{text}/"));
            return None;
        }
        self.taken += 1;
        Some(pattern)
    }

    pub(super) fn except(&mut self, exceptions: &Exceptions) {
        self.skip(Skip::Disabled, exceptions.names_left_out);
        self.skip(Skip::Pattern, exceptions.patterns_left_out);
    }

    pub(super) fn report(self, source: &Source, read: Read) -> Report {
        Report {
            id: source.id.clone(),
            category: source.category.clone(),
            format: read.format,
            guess: read.guess,
            taken: self.taken,
            skipped: self.skipped.iter().sum(),
            skipped_kinds: Skip::ALL
                .into_iter()
                .map(|kind| (kind, self.skipped[kind as usize]))
                .filter(|(_, count)| *count > 0)
                .collect(),
            refused: self.refused,
            refused_count: self.refused_count,
        }
    }
}
