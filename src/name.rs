//! Domain names.
//!
//! A [`Name`] is valid, absolute and in lower case, and holds its wire form (RFC 1035 §3.1: each
//! label behind its length, a zero octet last) in place, so that reading one from a packet and
//! walking its parents allocates nothing. Labels may hold any octet (RFC 2181 §11); what a person
//! sees is always escaped (RFC 4343 §2.1).

mod suffix;

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::str::FromStr;
use std::sync::LazyLock;

pub use suffix::{PublicSuffix, SuffixOf};

/// The longest name in wire form, its final zero octet included (RFC 1035 §2.3.4).
pub const NAME_OCTETS_MAX: usize = 255;
/// The longest label (RFC 1035 §2.3.4).
pub const LABEL_OCTETS_MAX: usize = 63;

/// A valid domain name in lower case.
#[derive(Clone, Copy)]
pub struct Name {
    length: u8,
    wire: [u8; NAME_OCTETS_MAX],
}

/// What is known of names, by wire form: a parent is found by its octets in the longer name.
pub type NameMap<V> = HashMap<Box<[u8]>, V, Keyed>;

/// Makes the hashers of [`NameMap`] and of every other map that is asked with what clients send.
///
/// Each eight octets are multiplied by a secret and the halves of the product folded together: a
/// few instructions where the standard library's hasher takes a hundred. The secret is drawn once
/// for each process, so that nobody can craft names that share a place.
#[derive(Debug, Clone, Copy)]
pub struct Keyed {
    start: u64,
    /// Odd, so that multiplying by it loses nothing.
    factor: u64,
}

/// A hash under way.
#[derive(Debug, Clone)]
pub struct KeyedHasher {
    hash: u64,
    factor: u64,
}

/// Why a text or some octets are no domain name: a fragment that follows "this is no name: ".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAName {
    /// Nothing, or nothing but dots.
    #[error("it is empty")]
    Empty,
    /// `a..b`, or a leading dot.
    #[error("it has an empty part between two dots")]
    EmptyLabel,
    /// A label of more than [`LABEL_OCTETS_MAX`] octets.
    #[error("a part between dots is longer than 63 letters")]
    LabelTooLong,
    /// More than [`NAME_OCTETS_MAX`] octets.
    #[error("it is longer than 253 letters")]
    TooLong,
    /// A character that host names do not have, such as a space, `/` or `*`.
    #[error("`{0}` cannot stand in a domain name")]
    Character(char),
    /// Letters of other scripts that IDNA (UTS 46) refuses.
    #[error("its letters do not form an international name")]
    International,
    /// Octets that do not form labels.
    #[error("its labels are malformed")]
    Malformed,
}

impl Name {
    /// The root: no label at all.
    pub const ROOT: Name = Name { length: 1, wire: [0; NAME_OCTETS_MAX] };

    /// Reads uncompressed wire form, labels of any octets, up to and including the zero octet.
    /// Octets after it are not looked at.
    pub fn from_wire(octets: &[u8]) -> Result<Self, NotAName> {
        let mut name = Name::ROOT;
        let mut at = 0;
        loop {
            let length = usize::from(*octets.get(at).ok_or(NotAName::Malformed)?);
            if length == 0 {
                break;
            }
            if length > LABEL_OCTETS_MAX {
                return Err(NotAName::Malformed);
            }
            let next = at + 1 + length;
            if next >= NAME_OCTETS_MAX {
                return Err(NotAName::TooLong);
            }
            let label = octets.get(at + 1..next).ok_or(NotAName::Malformed)?;
            name.wire[at] = octets[at];
            for (to, octet) in name.wire[at + 1..next].iter_mut().zip(label) {
                *to = octet.to_ascii_lowercase();
            }
            at = next;
        }
        name.wire[at] = 0;
        name.length = u8::try_from(at + 1).map_err(|_| NotAName::TooLong)?;
        Ok(name)
    }

    /// Reads a host name as people and lists write it: letters, digits, `-` and `_`, one dot at
    /// the end allowed, other scripts by IDNA (UTS 46). Stricter than DNS, on purpose: what comes
    /// in here was typed by a person.
    pub fn parse(text: &str) -> Result<Self, NotAName> {
        if !text.is_ascii() {
            let ascii = idna::domain_to_ascii_cow(text.as_bytes(), idna::AsciiDenyList::URL)
                .map_err(|_| NotAName::International)?;
            return Self::parse_ascii(ascii.as_bytes());
        }
        Self::parse_ascii(text.as_bytes())
    }

    /// [`Name::parse`] for octets that are ASCII already, without allocation.
    pub fn parse_ascii(text: &[u8]) -> Result<Self, NotAName> {
        let text = text.strip_suffix(b".").unwrap_or(text);
        if text.is_empty() {
            return Err(NotAName::Empty);
        }
        let mut name = Name::ROOT;
        let mut start = 0;
        // Each label's length goes where the dot before it stood, so the text lies one octet on.
        for (at, &octet) in text.iter().chain(b".").enumerate() {
            if at + 1 >= NAME_OCTETS_MAX {
                return Err(NotAName::TooLong);
            }
            match octet {
                b'.' => {
                    let length = at - start;
                    if length == 0 {
                        return Err(NotAName::EmptyLabel);
                    }
                    if length > LABEL_OCTETS_MAX {
                        return Err(NotAName::LabelTooLong);
                    }
                    name.wire[start] = u8::try_from(length).map_err(|_| NotAName::LabelTooLong)?;
                    start = at + 1;
                }
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => {
                    name.wire[at + 1] = octet.to_ascii_lowercase();
                }
                other => return Err(NotAName::Character(char::from(other))),
            }
        }
        name.wire[start] = 0;
        name.length = u8::try_from(start + 1).map_err(|_| NotAName::TooLong)?;
        Ok(name)
    }

    /// The wire form in lower case, the final zero octet included.
    #[must_use]
    pub fn wire(&self) -> &[u8] {
        &self.wire[..usize::from(self.length)]
    }

    /// Eight octets from a place in the wire form, the first of them lowest. What stands behind
    /// the end of the name is no part of it.
    #[inline]
    pub(crate) fn word_at(&self, place: u8) -> u64 {
        let octets = self.wire.get(usize::from(place)..).unwrap_or_default();
        if let Some(octets) = octets.first_chunk() {
            return u64::from_le_bytes(*octets);
        }
        // Only the very longest names end here.
        octets.iter().rev().fold(0, |word, octet| word << 8 | u64::from(*octet))
    }

    /// The name and each of its parents in wire form, longest first, the root left out.
    ///
    /// ```
    /// # use amparo::name::Name;
    /// let name = Name::parse("www.netflix.com").unwrap();
    /// let last = name.suffixes().last().unwrap();
    /// assert_eq!(last, b"\x03com\x00");
    /// ```
    #[must_use]
    pub fn suffixes(&self) -> Suffixes<'_> {
        Suffixes { rest: self.wire() }
    }

    /// How many labels; none for the root.
    #[must_use]
    pub fn label_count(&self) -> usize {
        self.suffixes().count()
    }

    /// Whether this name is `other` or stands below it, label by label.
    #[must_use]
    pub fn is_at_or_below(&self, other: &Name) -> bool {
        other.length == 1 || self.suffixes().any(|suffix| suffix == other.wire())
    }

    /// The name with one more label in front; none when that would be too long, or the label is no
    /// label.
    #[must_use]
    pub fn child(&self, label: &[u8]) -> Option<Name> {
        if label.is_empty() || label.len() > LABEL_OCTETS_MAX {
            return None;
        }
        let mut wire = [0; NAME_OCTETS_MAX];
        let start = 1 + label.len();
        let end = start + self.wire().len();
        wire[0] = u8::try_from(label.len()).ok()?;
        wire[1..start].copy_from_slice(label);
        wire[1..start].make_ascii_lowercase();
        wire.get_mut(start..end)?.copy_from_slice(self.wire());
        Some(Name { length: u8::try_from(end).ok()?, wire })
    }

    /// The names strictly above this one, nearest first, the root last; none for the root.
    pub fn ancestors(&self) -> impl Iterator<Item = &[u8]> {
        let root: &[u8] = &[0];
        self.suffixes().skip(1).chain((self.length > 1).then_some(root))
    }

    /// The last `count` labels, as a name of its own; the whole name when it has fewer.
    #[must_use]
    pub fn last_labels(&self, count: usize) -> Name {
        let skip = self.label_count().saturating_sub(count);
        self.suffixes()
            .nth(skip)
            .and_then(|suffix| Name::from_wire(suffix).ok())
            .unwrap_or(Name::ROOT)
    }
}

/// The walk of [`Name::suffixes`].
#[derive(Debug, Clone)]
pub struct Suffixes<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Suffixes<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(*self.rest.first()?);
        if length == 0 {
            return None;
        }
        let suffix = self.rest;
        self.rest = self.rest.get(length + 1..)?;
        Some(suffix)
    }
}

// === impl of the usual traits: two names are equal when their wire forms are.

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.wire() == other.wire()
    }
}

impl Eq for Name {}

impl std::hash::Hash for Name {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.wire().hash(state);
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.wire().cmp(other.wire())
    }
}

impl FromStr for Name {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        Self::parse(text)
    }
}

// === impl Keyed ===

/// The key of this process.
impl Default for Keyed {
    fn default() -> Self {
        static KEY: LazyLock<Keyed> =
            LazyLock::new(|| Keyed { start: rand::random(), factor: rand::random::<u64>() | 1 });
        *KEY
    }
}

impl BuildHasher for Keyed {
    type Hasher = KeyedHasher;

    fn build_hasher(&self) -> KeyedHasher {
        KeyedHasher { hash: self.start, factor: self.factor }
    }
}

// === impl KeyedHasher ===

impl KeyedHasher {
    #[inline]
    fn mix(&mut self, word: u64) {
        self.hash = fold(self.hash ^ word, self.factor);
    }
}

/// The two halves of a product, one upon the other: every bit then depends on every bit of the
/// value and of the factor, which is odd and secret.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the product is taken apart in halves")]
pub(crate) fn fold(value: u64, factor: u64) -> u64 {
    let product = u128::from(value) * u128::from(factor);
    product as u64 ^ (product >> 64) as u64
}

impl Hasher for KeyedHasher {
    /// Octets that differ in nothing but zeros at the end are kept apart by their count, which
    /// slices hash too.
    #[inline]
    fn write(&mut self, octets: &[u8]) {
        let (words, rest) = octets.as_chunks();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            self.mix(u64::from_le_bytes(word));
        }
    }

    #[inline]
    fn write_u8(&mut self, value: u8) {
        self.mix(value.into());
    }

    #[inline]
    fn write_u64(&mut self, value: u64) {
        self.mix(value);
    }

    #[inline]
    fn write_usize(&mut self, value: usize) {
        self.mix(value as u64);
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.hash
    }
}

/// Presentation form without the last dot, every octet outside printable ASCII, and those with a
/// meaning in zone files, escaped as `\DDD` or `\X` (RFC 1035 §5.1, RFC 4343 §2.1). Nothing in a
/// name can reach a terminal, a file or a page unescaped.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        if self.length == 1 {
            return f.write_char('.');
        }
        for (depth, suffix) in self.suffixes().enumerate() {
            if depth > 0 {
                f.write_char('.')?;
            }
            for &octet in &suffix[1..=usize::from(suffix[0])] {
                match octet {
                    b'.' | b'\\' | b'"' | b'(' | b')' | b';' | b'@' | b'$' => {
                        write!(f, "\\{}", char::from(octet))?;
                    }
                    0x21..=0x7e => f.write_char(char::from(octet))?,
                    _ => write!(f, "\\{octet:03}")?,
                }
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    #[test]
    fn case_and_the_last_dot_do_not_matter() {
        assert_eq!(name("WWW.Example.COM."), name("www.example.com"));
        assert_eq!(name("www.example.com").wire(), b"\x03www\x07example\x03com\x00");
    }

    #[test]
    fn a_name_is_below_another_at_label_boundaries_only() {
        assert!(name("www.x.com").is_at_or_below(&name("x.com")));
        assert!(name("x.com").is_at_or_below(&name("x.com")));
        assert!(!name("netflix.com").is_at_or_below(&name("x.com")));
        assert!(!name("com").is_at_or_below(&name("x.com")));
        assert!(name("x.com").is_at_or_below(&Name::ROOT));
    }

    #[test]
    fn a_child_has_one_more_label() {
        assert_eq!(name("example.com").child(b"www"), Some(name("www.example.com")));
        assert_eq!(Name::ROOT.child(b"com"), Some(name("com")));
        assert_eq!(name("example.com").child(b"WWW"), Some(name("www.example.com")));
        assert_eq!(name(&"a.".repeat(127)[..253]).child(b"b"), None);
        assert_eq!(name(&"a.".repeat(126)[..251]).child(b"b").unwrap().wire().len(), 255);
        assert_eq!(name("com").child(b""), None);
        assert_eq!(name("com").child(&[b'a'; 64]), None);
    }

    #[test]
    fn the_root_stands_above_every_other_name() {
        let (name, com) = (name("www.example.com"), name("com"));
        let above: Vec<_> = name.ancestors().collect();
        assert_eq!(above, [b"\x07example\x03com\x00".as_slice(), com.wire(), Name::ROOT.wire()]);
        assert_eq!(Name::ROOT.ancestors().count(), 0);
    }

    #[test]
    fn names_of_any_length_have_hashes_of_their_own() {
        let keyed = Keyed::default();
        let mut hashes: Vec<u64> = (0..200_u32)
            .flat_map(|number| [vec![0; number as usize], number.to_string().into_bytes()])
            .map(|octets| keyed.hash_one(octets.as_slice()))
            .collect();
        hashes.sort_unstable();
        assert!(hashes.windows(2).all(|pair| pair[0] != pair[1]));
        // A set finds what is borrowed by what it owns.
        let map: NameMap<u8> = [(name("a.example").wire().into(), 1)].into_iter().collect();
        assert_eq!(map.get(name("x.a.example").suffixes().nth(1).unwrap()), Some(&1));
    }

    #[test]
    fn last_labels_cuts_from_the_left() {
        assert_eq!(name("a.b.c.d").last_labels(2), name("c.d"));
        assert_eq!(name("c.d").last_labels(5), name("c.d"));
        assert_eq!(name("c.d").last_labels(0), Name::ROOT);
    }

    #[test]
    fn what_is_no_name_says_why() {
        let why = |text: &str| Name::parse(text).unwrap_err();
        assert_eq!(why(""), NotAName::Empty);
        assert_eq!(why("."), NotAName::Empty);
        assert_eq!(why("a..b"), NotAName::EmptyLabel);
        assert_eq!(why(".a"), NotAName::EmptyLabel);
        assert_eq!(why("a b"), NotAName::Character(' '));
        assert_eq!(why("*.a"), NotAName::Character('*'));
        assert_eq!(why(&"a".repeat(64)), NotAName::LabelTooLong);
        // 253 letters of text are 255 octets of wire: the longest that is still a name.
        assert_eq!(Name::parse(&"a.".repeat(127)[..253]).unwrap().wire().len(), 255);
        assert_eq!(why(&"a.".repeat(128)[..255]), NotAName::TooLong);
    }

    #[test]
    fn international_names_become_their_ascii_form() {
        assert_eq!(name("niño.example"), name("xn--nio-8ma.example"));
        assert_eq!(Name::parse("a\u{0}ñ.example"), Err(NotAName::International));
    }

    #[test]
    fn eight_octets_are_read_from_any_place() {
        let longest = name(&"a.".repeat(127)[..253]);
        assert_eq!(longest.word_at(0).to_le_bytes(), *b"\x01a\x01a\x01a\x01a");
        assert_eq!(longest.word_at(252).to_le_bytes()[..3], *b"\x01a\x00");
        assert_eq!(longest.word_at(255), 0);
    }

    #[test]
    fn strange_octets_are_shown_escaped() {
        let wire = b"\x05a \x1b.\xff\x07example\x00";
        assert_eq!(Name::from_wire(wire).unwrap().to_string(), r"a\032\027\.\255.example");
        assert_eq!(Name::ROOT.to_string(), ".");
    }

    proptest! {
        #[test]
        fn any_octets_parse_or_say_why(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(name) = Name::from_wire(&octets) {
                let wire = name.wire();
                prop_assert!(wire.len() <= NAME_OCTETS_MAX);
                prop_assert!(wire.eq_ignore_ascii_case(&octets[..wire.len()]));
                prop_assert_eq!(Name::from_wire(wire), Ok(name));
                prop_assert!(name.to_string().bytes().all(|b| (0x21..=0x7e).contains(&b)));
            }
        }

        #[test]
        fn text_of_a_parsed_name_parses_to_it(text in "[a-zA-Z0-9_-]{1,20}(\\.[a-z0-9]{1,20}){0,6}") {
            let name = Name::parse(&text).unwrap();
            prop_assert_eq!(Name::parse(&name.to_string()), Ok(name));
            prop_assert_eq!(Name::from_wire(name.wire()), Ok(name));
        }
    }
}
