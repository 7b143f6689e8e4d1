//! The names that the rules of a household spell out, to tell quickly that one is not among them.
//!
//! Nearly every name that is asked is spelt out by no rule. [`Mentioned::contains`] says so with
//! one look at one word of memory for each parent of a name, while the lists are looked up; the
//! rules then need not look the name up themselves. A Bloom filter whose bits for one name all lie
//! in one word: it never misses a name, and takes about one in a thousand for one of its own,
//! which costs time and changes no verdict. That one must not be `com`, or half of all names would
//! cost it: the bits are chosen so that no suffix which many names share is taken. It knows hashes
//! only, whoever makes them.

use super::safesearch::ENGINES;
use super::tags::Lookup;
use super::{CANARY, RELAYS, rules};
use crate::name::Name;

/// How many names share a word, on average at most: with three bits each, a word is sparse enough.
const NAMES_PER_WORD: usize = 2;

/// Suffixes under which most of what a home asks for lies: the largest of the internet's zones, those
/// of Central America and its neighbours, and the companies whose servers every page names.
const SHARED: [&str; 40] = [
    "com",
    "net",
    "org",
    "info",
    "io",
    "co",
    "app",
    "dev",
    "xyz",
    "top",
    "online",
    "shop",
    "site",
    "tv",
    "me",
    "ai",
    "gg",
    "cloud",
    "eu",
    "us",
    "uk",
    "de",
    "es",
    "mx",
    "gt",
    "sv",
    "hn",
    "ni",
    "cr",
    "pa",
    "com.gt",
    "com.mx",
    "com.sv",
    "googleapis.com",
    "gstatic.com",
    "googleusercontent.com",
    "cloudfront.net",
    "amazonaws.com",
    "akamaized.net",
    "icloud.com",
];

/// The hashes of the names that the rules spell out.
#[derive(Debug, Clone)]
pub struct Mentioned {
    /// A power of two of them.
    words: Box<[u64]>,
    labels_max: usize,
    /// How far hashes are turned before their bits are looked at.
    turn: u32,
}

impl Mentioned {
    /// The names of a household: essentials, noise, local names and forwarded zones, the parent's own
    /// names, those of windows and walled gardens, of everyone; canary, relays and the hosts of
    /// search engines. Hashed by [`Lookup::hash_of`].
    #[must_use]
    pub fn of(household: &rules::Household, lookup: &dyn Lookup) -> Self {
        let own = household.subjects.iter().flat_map(|subject| subject.rules.mentioned());
        let wires = household.essentials.wires().chain(household.noise.wires());
        let wires = wires.chain(household.local.wires()).chain(own);
        let wires = wires.chain([CANARY]).chain(RELAYS);
        let engines = ENGINES.iter().flat_map(|engine| engine.hosts);
        let hosts = engines.filter_map(|host| Name::parse(host).ok());
        let names: Vec<Name> =
            wires.filter_map(|wire| Name::from_wire(wire).ok()).chain(hosts).collect();
        Mentioned::new(&names, lookup)
    }

    /// These names.
    #[must_use]
    pub fn new(names: &[Name], lookup: &dyn Lookup) -> Self {
        let hashes: Vec<u64> = names.iter().map(|name| lookup.hash_of(name)).collect();
        let shared = SHARED.iter().filter_map(|name| Name::parse(name).ok());
        let shared = shared.filter(|name| !names.contains(name));
        let shared: Vec<u64> = shared.map(|name| lookup.hash_of(&name)).collect();
        let takes_none = |turned: &Mentioned| !shared.iter().any(|&hash| turned.contains(hash));
        let labels_max = names.iter().map(Name::label_count).max().unwrap_or(0);
        let mut turns = (0..u64::BITS).map(|turn| Mentioned::turned(&hashes, labels_max, turn));
        // Nearly always the first. Where none will do, the first is as good as any.
        let good = turns.find(takes_none);
        good.unwrap_or_else(|| Mentioned::turned(&hashes, labels_max, 0))
    }

    fn turned(hashes: &[u64], labels_max: usize, turn: u32) -> Self {
        let count = (hashes.len() / NAMES_PER_WORD).max(1).next_power_of_two();
        let mut turned = Mentioned { words: vec![0; count].into(), labels_max, turn };
        for &hash in hashes {
            let (place, bits) = turned.place_of(hash);
            turned.words[place] |= bits;
        }
        turned
    }

    /// Whether a name with this hash may be spelt out; false is certain.
    #[inline]
    #[must_use]
    pub fn contains(&self, hash: u64) -> bool {
        let (place, bits) = self.place_of(hash);
        self.words[place] & bits == bits
    }

    /// The most labels any of the names has: longer parents need not be asked for.
    #[must_use]
    pub fn labels_max(&self) -> usize {
        self.labels_max
    }

    /// The word of a hash, by its low bits, and three bits in it, by its high ones.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "only the low bits choose the word")]
    fn place_of(&self, hash: u64) -> (usize, u64) {
        let hash = hash.rotate_left(self.turn);
        let place = hash as usize & (self.words.len() - 1);
        let bit = |shift: u32| 1 << (hash >> shift & 63);
        (place, bit(58) | bit(52) | bit(46))
    }
}
