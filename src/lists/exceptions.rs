//! What a list excepts from itself: the names, patterns and rules that its own lines take back.
//!
//! An exception can stand behind what it is about, so a list that has any is read twice: first for
//! its exceptions, then for its names without those. It knows no other list: what one list leaves
//! open another may close.

use std::collections::{HashMap, HashSet};

use regex::bytes::RegexSet;

use super::Matching;
use super::format::Role;
use super::pattern;
use crate::name::Name;

/// The most exceptions that are kept of one list: the largest lists of advertisement blockers have
/// some thousands. What is beyond them stays closed.
pub(super) const EXCEPTIONS_MAX: usize = 50_000;

/// The exceptions of one list.
#[derive(Debug, Clone, Default)]
pub(super) struct Exceptions {
    /// By name, in wire form.
    names: HashMap<Box<[u8]>, Vec<(Matching, Role)>>,
    /// How many of them.
    count: usize,
    /// Exceptions there was no room for.
    pub(super) names_left_out: usize,
    patterns: Vec<(String, Role)>,
    /// Patterns of exceptions that are too costly or too many.
    pub(super) patterns_left_out: usize,
    compiled: RegexSet,
    /// Rules that are switched off, by their keys.
    pub(super) disabled: HashSet<u64>,
}

impl Exceptions {
    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty() && self.patterns.is_empty() && self.disabled.is_empty()
    }

    /// The same with nothing but what is switched off.
    pub(super) fn anew(self) -> Self {
        Exceptions { disabled: self.disabled, ..Exceptions::default() }
    }

    /// Keeps an exception.
    pub(super) fn except(&mut self, name: &Name, matching: Matching, role: Role) {
        if self.count >= EXCEPTIONS_MAX {
            self.names_left_out += 1;
            return;
        }
        let rules = self.names.entry(name.wire().into()).or_default();
        if !rules.contains(&(matching, role)) {
            rules.push((matching, role));
            self.count += 1;
        }
    }

    /// Keeps a pattern of names that are excepted, if it is one that is kept.
    pub(super) fn except_pattern(&mut self, pattern: &str, role: Role) {
        if self.patterns.len() < pattern::PATTERNS_MAX && pattern::compiled(pattern).is_some() {
            self.patterns.push((pattern.to_owned(), role));
        } else {
            self.patterns_left_out += 1;
        }
    }

    /// All were kept: from now on questions are answered.
    pub(super) fn close(&mut self) {
        // Each was tried by itself; where all of them together are too much, none excepts.
        let patterns: Vec<_> = self.patterns.iter().map(|(pattern, _)| pattern).collect();
        self.compiled = pattern::set(&patterns).unwrap_or_default();
    }

    /// What is left of an entry; none: all of it is taken back.
    pub(super) fn left(&self, name: &Name, matching: Matching, role: Role) -> Option<Matching> {
        let mut left = matching;
        let mut suffixes = name.suffixes();
        let own = suffixes.next().and_then(|wire| self.names.get(wire)).into_iter().flatten();
        for (excepted, _) in own.filter(|(_, by)| takes_back(*by, role)) {
            left = left.minus(*excepted)?;
        }
        let mut above = suffixes.filter_map(|wire| self.names.get(wire)).flatten();
        if above.any(|(excepted, by)| *excepted != Matching::Exact && takes_back(*by, role)) {
            return None;
        }
        if self.compiled.is_empty() {
            return Some(left);
        }
        let matches = |text: &str| {
            let places = self.compiled.matches(text.as_bytes());
            places.iter().any(|place| takes_back(self.patterns[place].1, role))
        };
        // What a pattern takes back below the name cannot be told; one name there speaks for all.
        let text = name.to_string();
        if matches(&text) {
            left = left.minus(Matching::Exact)?;
        }
        if left != Matching::Exact && matches(&format!("www.{text}")) {
            left = left.minus(Matching::Below)?;
        }
        Some(left)
    }

    /// Whether a name is excepted from what closes it in this way.
    pub(super) fn covers(&self, name: &Name, role: Role) -> bool {
        self.left(name, Matching::Exact, role).is_none()
    }

    /// The patterns.
    pub(super) fn patterns(&self) -> &[(String, Role)] {
        &self.patterns
    }

    /// All names with what is excepted of each, and from what.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Name, Matching, Role)> {
        self.names.iter().flat_map(|(wire, rules)| {
            let name = Name::from_wire(wire).expect("it was a name's");
            rules.iter().map(move |(matching, role)| (name, *matching, *role))
        })
    }
}

/// Whether an exception of one role takes back what another role closes.
pub(super) fn takes_back(exception: Role, closing: Role) -> bool {
    match exception {
        Role::Except => matches!(closing, Role::Close | Role::CloseLimited),
        Role::ExceptAll => true,
        Role::ExceptLimited => closing == Role::CloseLimited,
        Role::Close | Role::CloseAll | Role::CloseLimited => false,
    }
}
