//! Regular expressions over whole names, as lists of advertisement blockers have a few.
//!
//! They are matched in linear time whatever they say, and their number and size are bounded: a
//! list comes from a stranger.

use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

use super::exceptions::Exceptions;
use super::format::Role;
use crate::name::Name;
use crate::policy::tags::TagSet;

/// The most patterns that are kept of all lists of a household together. The lists in use have
/// some hundreds; each costs every look-up a little.
pub(super) const PATTERNS_MAX: usize = 1_000;
/// The longest pattern, in octets. Names have 253.
const PATTERN_OCTETS_MAX: usize = 512;
/// The largest compiled form of one pattern, in octets.
const COMPILED_OCTETS_MAX: usize = 64 * 1024;
/// The largest compiled form of all patterns together, in octets, and of what is kept while
/// names are matched.
const SET_OCTETS_MAX: usize = 4 * 1024 * 1024;

/// A pattern by itself, when it is one that is kept: short, and small when compiled.
pub(super) fn compiled(pattern: &str) -> Option<Regex> {
    if pattern.is_empty() || pattern.len() > PATTERN_OCTETS_MAX {
        return None;
    }
    // Names are ASCII: what a letter is beyond that costs tables and matches nothing. Over octets,
    // because only they may be told apart without those tables.
    RegexBuilder::new(pattern).unicode(false).size_limit(COMPILED_OCTETS_MAX).build().ok()
}

/// All patterns at once; none when together they are too large.
pub(super) fn set(patterns: &[impl AsRef<str>]) -> Option<RegexSet> {
    RegexSetBuilder::new(patterns)
        .unicode(false)
        .size_limit(SET_OCTETS_MAX)
        .dfa_size_limit(SET_OCTETS_MAX)
        .build()
        .ok()
}

/// The patterns of all lists, ready to be matched.
#[derive(Debug)]
pub(super) struct Patterns {
    lists: Vec<ListPatterns>,
    /// All patterns of all lists at once.
    set: RegexSet,
    /// The list of each, and what its rule does.
    of: Vec<(usize, Role)>,
}

/// The patterns of one list, and what it takes back of them.
#[derive(Debug, Default)]
pub(super) struct ListPatterns {
    /// The tags of the names that match.
    pub(super) tags: TagSet,
    /// The patterns with what their rules do.
    pub(super) patterns: Vec<(String, Role)>,
    /// What the list excepts from them.
    pub(super) exceptions: Exceptions,
}

// === impl Patterns ===

impl Patterns {
    /// The patterns of lists, as many as are kept; none: there is none.
    pub(super) fn new(mut lists: Vec<ListPatterns>) -> Option<Self> {
        let all = lists.iter().enumerate().flat_map(|(place, list)| {
            list.patterns.iter().map(move |(pattern, role)| (pattern.clone(), (place, *role)))
        });
        let (mut patterns, mut of): (Vec<String>, Vec<_>) = all.take(PATTERNS_MAX).unzip();
        // Each is small by itself; where all together are not, the first of them are.
        while !patterns.is_empty() {
            if let Some(set) = set(&patterns) {
                for list in &mut lists {
                    list.exceptions.close();
                }
                return Some(Patterns { lists, set, of });
            }
            patterns.truncate(patterns.len() / 2);
            of.truncate(patterns.len());
        }
        None
    }

    /// Every tag a pattern gives.
    pub(super) fn tags(&self) -> TagSet {
        self.lists.iter().fold(TagSet::EMPTY, |all, list| all.union(&list.tags))
    }

    /// The tags of the lists of which a pattern matches the name.
    pub(super) fn tags_of(&self, name: &Name) -> TagSet {
        let mut tags = TagSet::EMPTY;
        for place in &self.set.matches(name.to_string().as_bytes()) {
            let (list, role) = self.of[place];
            let list = &self.lists[list];
            if !list.exceptions.covers(name, role) {
                tags = tags.union(&list.tags);
            }
        }
        tags
    }
}
