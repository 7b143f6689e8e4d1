//! What an answer is kept by, and its hash.

use crate::name::{Name, fold};

/// What was asked, and of whom. It borrows the name: making one copies sixteen octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key<'a> {
    /// The name's wire form.
    pub(super) name: &'a [u8],
    /// All else, in one word: the name's length (8 bits), type (16), flags (8), group (32).
    pub(super) rest: u64,
}

/// Signatures are wanted.
const FLAG_DNSSEC_OK: u64 = 1 << 32;
/// Checking is disabled.
const FLAG_CHECKING_DISABLED: u64 = 1 << 33;
/// Where the type begins.
const TYPE_SHIFT: u32 = 40;
/// Where the length begins.
const LENGTH_SHIFT: u32 = 56;

impl<'a> Key<'a> {
    /// The key of a question, asked of one group of upstreams. Signatures wanted and CD make
    /// another answer; who asks does not.
    #[must_use]
    pub fn new(
        name: &'a Name,
        qtype: u16,
        dnssec_ok: bool,
        checking_disabled: bool,
        group: u32,
    ) -> Self {
        let name = name.wire();
        let mut rest = u64::from(group)
            | (u64::from(qtype) << TYPE_SHIFT)
            | ((name.len() as u64) << LENGTH_SHIFT);
        if dnssec_ok {
            rest |= FLAG_DNSSEC_OK;
        }
        if checking_disabled {
            rest |= FLAG_CHECKING_DISABLED;
        }
        Key { name, rest }
    }
}

/// The length of the name of a key with this rest.
pub(super) fn name_length(rest: u64) -> usize {
    usize::try_from(rest >> LENGTH_SHIFT).expect("eight bits are left")
}

/// The secret of a cache's hash: two random numbers, so that nobody can choose names that all fall
/// into one set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seed {
    start: u64,
    /// Odd, so that multiplying by it loses nothing.
    factor: u64,
}

impl Seed {
    /// One that nobody knows.
    pub(super) fn random() -> Self {
        Seed { start: rand::random(), factor: rand::random::<u64>() | 1 }
    }

    /// The hash of a key: eight octets at a time, the last ones overlapping.
    #[inline]
    pub(super) fn hash(self, key: &Key<'_>) -> u64 {
        let (words, last) = key.name.as_chunks::<8>();
        let mut hash = self.mix(self.start ^ key.rest);
        for word in words {
            hash = self.mix(hash ^ u64::from_le_bytes(*word));
        }
        if last.is_empty() {
            return hash;
        }
        let word = key.name.last_chunk().copied().unwrap_or_else(|| {
            let mut word = [0; 8];
            word[..last.len()].copy_from_slice(last);
            word
        });
        self.mix(hash ^ u64::from_le_bytes(word))
    }

    /// Multiplies and folds the upper half of the product onto the lower: every bit then depends
    /// on every bit and on the seed.
    fn mix(self, value: u64) -> u64 {
        fold(value, self.factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fall_evenly_into_sets() {
        let seed = Seed::random();
        let mut sets = [0_u32; 256];
        for number in 0..256 * 64 {
            let name = Name::parse(&format!("{number}.a.test")).unwrap();
            let hash = seed.hash(&Key::new(&name, 1, false, false, 0));
            sets[usize::try_from((hash >> 8) & 255).unwrap()] += 1;
        }
        // 64 on average, 8 either way is usual, 48 happens to nobody.
        assert!(sets.iter().all(|count| (16..112).contains(count)), "{sets:?}");
    }

    #[test]
    fn names_of_every_length_differ_in_their_hash() {
        let seed = Seed::random();
        let mut hashes = std::collections::HashSet::new();
        for length in 1..=63 {
            for first in ["a", "b"] {
                let name = Name::parse(&format!("{first}{}", "x".repeat(length - 1))).unwrap();
                assert!(hashes.insert(seed.hash(&Key::new(&name, 1, false, false, 0))));
            }
        }
    }
}
