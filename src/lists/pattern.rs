//! Regular expressions over whole names, as lists of advertisement blockers have a few.
//!
//! They are matched in linear time whatever they say, and their number and size are bounded: a
//! list comes from a stranger.

use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

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
    // Names are ASCII: what a letter is beyond that costs tables and matches nothing.
    RegexBuilder::new(pattern).unicode(false).size_limit(COMPILED_OCTETS_MAX).build().ok()
}

/// All patterns at once; none when together they are too large.
pub(super) fn set(patterns: &[String]) -> Option<RegexSet> {
    RegexSetBuilder::new(patterns)
        .unicode(false)
        .size_limit(SET_OCTETS_MAX)
        .dfa_size_limit(SET_OCTETS_MAX)
        .build()
        .ok()
}
