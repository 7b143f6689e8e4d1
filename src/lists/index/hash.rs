//! The keyed hash of a name and of its parents, in one walk from the right.
//!
//! Each label goes in with its length octet in front, eight octets a step, upon the hash of what
//! stands to its right. Start at [`Key::walk`].

use crate::name::{NAME_OCTETS_MAX, Name, fold};

/// The most labels a name can have: each takes two octets at least.
pub(super) const LABELS_MAX: usize = NAME_OCTETS_MAX / 2;

/// The secret of a hash: two random numbers. Without them nobody can craft two names that are
/// taken for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lists) struct Key {
    start: u64,
    /// Odd, so that multiplying by it loses nothing.
    factor: u64,
}

/// The hashes of the last label of a name, of its last two, and so on to the whole name.
pub(super) struct Walk<'a> {
    key: Key,
    name: &'a Name,
    /// Where each label begins, from the left.
    starts: [u8; LABELS_MAX],
    /// How many labels are still to come.
    left: usize,
    hash: u64,
}

// === impl Key ===

impl Key {
    /// A key that nobody knows.
    pub(in crate::lists) fn random() -> Self {
        Key { start: rand::random(), factor: rand::random::<u64>() | 1 }
    }

    /// The key of two numbers that were [`Key::to_words`]; none when they never were.
    pub(super) fn from_words([start, factor]: [u64; 2]) -> Option<Self> {
        (factor % 2 == 1).then_some(Key { start, factor })
    }

    /// The two numbers.
    pub(super) fn to_words(self) -> [u64; 2] {
        [self.start, self.factor]
    }

    /// The hashes of a name's parents and of itself, shortest first.
    #[inline]
    pub(super) fn walk(self, name: &Name) -> Walk<'_> {
        let wire = name.wire();
        let mut starts = [0; LABELS_MAX];
        let mut left = 0;
        let mut at = 0_u8;
        while let Some(&length) = wire.get(usize::from(at)) {
            let Some(start) = starts.get_mut(left).filter(|_| length > 0) else { break };
            *start = at;
            left += 1;
            at = at.saturating_add(length + 1);
        }
        Walk { key: self, name, starts, left, hash: self.start }
    }

    /// The hash of a whole name.
    #[inline]
    pub(super) fn hash_of(self, name: &Name) -> u64 {
        self.walk(name).last().unwrap_or(self.start)
    }

    /// Multiplies and folds the upper half of the product onto the lower: every bit then depends
    /// on every bit and on the key.
    #[inline]
    fn mix(self, value: u64) -> u64 {
        fold(value, self.factor)
    }
}

// === impl Walk ===

impl Walk<'_> {
    /// How many labels are still to come.
    #[inline]
    pub(super) fn left(&self) -> usize {
        self.left
    }
}

impl Iterator for Walk<'_> {
    type Item = u64;

    #[inline]
    fn next(&mut self) -> Option<u64> {
        self.left = self.left.checked_sub(1)?;
        let mut at = self.starts[self.left];
        let mut word = self.name.word_at(at);
        // The length octet is the first of them: a label stays apart from the same with zero
        // octets after it.
        let mut octets = (word & 0xff) + 1;
        let mut hash = self.hash;
        while octets > 8 {
            hash = self.key.mix(hash ^ word);
            at = at.saturating_add(8);
            octets -= 8;
            word = self.name.word_at(at);
        }
        hash = self.key.mix(hash ^ (word & (u64::MAX >> (64 - 8 * octets))));
        self.hash = hash;
        Some(hash)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_parent_has_the_hash_it_has_as_a_name() {
        let key = Key::random();
        for text in ["a.b.example", "www.averylonglabelofmanyletters.eightlet.com", "x"] {
            let name = Name::parse(text).unwrap();
            let parents: Vec<_> = name
                .suffixes()
                .map(|suffix| key.hash_of(&Name::from_wire(suffix).unwrap()))
                .collect();
            let mut walked: Vec<_> = key.walk(&name).collect();
            walked.reverse();
            assert_eq!(walked, parents, "{text}");
        }
        assert_eq!(key.walk(&Name::ROOT).count(), 0);
        let longest = Name::parse(&"a.".repeat(127)[..253]).unwrap();
        assert_eq!(key.walk(&longest).count(), LABELS_MAX);
    }

    #[test]
    fn octets_that_are_no_letters_collide_with_nothing() {
        let key = Key::random();
        let names: [&[u8]; 5] = [
            b"\x02ab\x00",
            b"\x03ab\x00\x00",
            b"\x01a\x01b\x00",
            b"\x03a\x01b\x00",
            b"\x08ab\x00\x00\x00\x00\x00\x00\x00",
        ];
        let hashes: HashSet<_> =
            names.iter().map(|wire| key.hash_of(&Name::from_wire(wire).unwrap())).collect();
        assert_eq!(hashes.len(), names.len());
    }

    proptest! {
        #[test]
        fn the_octets_behind_a_name_do_not_count(
            text in "([a-z]{1,20}\\.){1,5}[a-z]{1,20}", more in "[a-z]{1,60}",
        ) {
            let key = Key::random();
            let name = Name::parse(&text).unwrap();
            let mut wire = name.wire().to_vec();
            wire.extend(more.bytes());
            prop_assert_eq!(key.hash_of(&name), key.hash_of(&Name::from_wire(&wire).unwrap()));
        }
    }
}
