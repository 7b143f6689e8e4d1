//! Which part of a name is a public suffix, by the Public Suffix List (publicsuffix.org): a suffix
//! under which everyone may have a name.
//!
//! The rules stand in `blocklists/suffixes.txt` and are searched where they lie in the program; a
//! table of their places is made when the first name is looked up.

use std::sync::LazyLock;

use super::Name;
use crate::fnv;

/// One rule a line, as the list is published: `com`, `*.ck`, `!www.ck`; behind those of a company
/// stands a `+`. International labels are in A-labels (RFC 5890 §2.3.2.1).
const RULES: &str = include_str!("../../blocklists/suffixes.txt");

/// The most labels that are looked at: the longest rules have seven, stars included.
const LABELS_MAX: usize = 8;

/// Places of the table: a power of two, a half more than there are rules.
const PLACES: usize = 1 << 14;
/// The bits of a place that say where in [`RULES`] its line begins. A comment stands first, so that
/// none begins at 0. The other bits are of the sum of its name.
const START: u32 = (1 << 18) - 1;

static TABLE: LazyLock<Box<[u32]>> = LazyLock::new(table);

/// What is known of a name's public suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicSuffix {
    /// How many labels it has: at least one, unless the name is the root.
    pub labels: usize,
    /// Whose it is; none when no rule knows it, and the last label counts.
    pub of: Option<SuffixOf>,
}

/// Whose a public suffix is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SuffixOf {
    /// A registry's: `com`, `com.gt`.
    Registry,
    /// A company's that lends names below its own: `github.io`.
    Company,
}

/// A line of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rule {
    /// What it is about, without star and mark.
    name: &'static str,
    says: Says,
    of: SuffixOf,
}

/// What a rule says of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    /// It is a suffix.
    Suffix,
    /// Every name one label longer is one.
    Below,
    /// It is none, whatever [`Says::Below`] says of its parent.
    Except,
}

impl Name {
    /// The public suffix of the name.
    #[must_use]
    pub fn public_suffix(&self) -> PublicSuffix {
        let wire = self.wire();
        // Where the last labels begin, the topmost first.
        let mut starts = [0; LABELS_MAX];
        let mut count = 0;
        let passed = self.label_count().saturating_sub(LABELS_MAX);
        for (start, suffix) in starts.iter_mut().zip(self.suffixes().skip(passed)) {
            *start = wire.len() - suffix.len();
            count += 1;
        }
        let starts = &mut starts[..count];
        starts.reverse();

        let mut found = PublicSuffix { labels: count.min(1), of: None };
        let mut sum = fnv::BEGIN;
        let mut below = None;
        for (labels, &start) in (1..).zip(starts.iter()) {
            if let Some(of) = below.take() {
                found = PublicSuffix { labels, of: Some(of) };
            }
            let suffix = &wire[start..];
            sum = add_label(sum, &suffix[1..=usize::from(suffix[0])]);
            for rule in rules_with(sum).filter(|rule| is_name(rule.name, suffix)) {
                match rule.says {
                    Says::Suffix => found = PublicSuffix { labels, of: Some(rule.of) },
                    Says::Below => below = Some(rule.of),
                    Says::Except => {
                        return PublicSuffix { labels: labels - 1, of: Some(rule.of) };
                    }
                }
            }
        }
        found
    }
}

impl Rule {
    /// Reads a line; none: it is a comment.
    fn of(line: &'static str) -> Option<Rule> {
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let (rule, of) = match line.strip_suffix('+') {
            Some(rule) => (rule, SuffixOf::Company),
            None => (line, SuffixOf::Registry),
        };
        let (says, name) = match (rule.strip_prefix("*."), rule.strip_prefix('!')) {
            (Some(name), _) => (Says::Below, name),
            (None, Some(name)) => (Says::Except, name),
            (None, None) => (Says::Suffix, rule),
        };
        Some(Rule { name, says, of })
    }
}

/// The places of all rules, by the sums of their names; whoever finds a place taken takes the next.
fn table() -> Box<[u32]> {
    let mut table = vec![0; PLACES].into_boxed_slice();
    let mut start = 0;
    for line in RULES.split_inclusive('\n') {
        if let Some(rule) = Rule::of(line.trim_end()) {
            let labels = rule.name.rsplit('.');
            let sum = labels.fold(fnv::BEGIN, |sum, label| add_label(sum, label.as_bytes()));
            let mut place = place_of(sum);
            while table[place] != 0 {
                place = (place + 1) % PLACES;
            }
            table[place] = mark_of(sum) | start;
        }
        start += u32::try_from(line.len()).unwrap_or(START);
    }
    table
}

/// The rules whose names may have this sum.
fn rules_with(sum: u64) -> impl Iterator<Item = Rule> {
    let first = place_of(sum);
    let places = (0..PLACES).map(move |step| TABLE[(first + step) % PLACES]);
    let taken = places.take_while(|&entry| entry != 0);
    let marked = taken.filter(move |entry| entry & !START == mark_of(sum));
    marked.filter_map(|entry| {
        let rest = RULES.get(usize::try_from(entry & START).ok()?..)?;
        Rule::of(rest.lines().next()?)
    })
}

/// The sum of one more label, before those it was made of.
fn add_label(sum: u64, label: &[u8]) -> u64 {
    fnv::add(fnv::add(sum, b"."), label)
}

/// Where the rules of a sum are looked for.
#[expect(clippy::cast_possible_truncation, reason = "the rest is in the mark")]
fn place_of(sum: u64) -> usize {
    (sum ^ sum >> 32) as usize % PLACES
}

/// The bits of a sum that stand in its place.
fn mark_of(sum: u64) -> u32 {
    (sum >> 32) as u32 & !START
}

/// Whether a text is this name in wire form. By labels: one may hold a dot of its own (RFC 2181
/// §11).
fn is_name(text: &str, mut wire: &[u8]) -> bool {
    let mut is_next = |label: &str| {
        let (length, rest) = wire.split_first()?;
        let (first, rest) = rest.split_at_checked(usize::from(*length))?;
        wire = rest;
        (first == label.as_bytes()).then_some(())
    };
    text.split('.').all(|label| is_next(label).is_some()) && wire == [0]
}

#[cfg(test)]
mod tests;
