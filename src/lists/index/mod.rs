//! All names of all lists in one run of octets: a file mapped into memory, or the same in memory
//! where no file can be written.
//!
//! ```text
//! header │ line 0 │ line 1 │ …                             │ rows        │ reports
//!        │ 10 remainders (u32), 10 row numbers (u16), u32  │ sets of tags│ (JSON)
//! ```
//! A name is kept as a keyed 64-bit hash. Its upper half chooses its home among the *lines*, of a
//! cache line each; its lower half, the *remainder*, stands there beside the number of a *row*:
//! what the name's tags are. What finds no room at home spills to the line after, and the last
//! word of each line is a filter of what spilled past it, so that a look-up touches one cache line
//! a label and seldom two. Lines are 82 % full: 7.8 octets a name.
//!
//! Two names are taken for one when both home and remainder agree: for a name on no list, once in
//! 2²⁹ looks at a line. The key is random for each index, so nobody can craft such a name; names
//! that must stay open are looked at when an index is built, which then takes another key.
//!
//! It knows no text, no formats and no ids. `build` makes an index, `file` is how it stands on the
//! disk, `hash` how a name becomes numbers. Start at [`Index::tags_of`].

mod build;
mod carve;
mod file;
mod hash;
mod list_run;
mod runs;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Deref;

use super::pattern::Patterns;
use crate::name::Name;
use crate::policy::mentioned::Mentioned;
use crate::policy::tags::{Lookup, TAGS_MAX, TagSet};
use crate::sys::Mapped;
pub(super) use build::{Builder, Mark, Names, Row, Unbuilt};
pub(super) use carve::Exception;
pub use file::Unusable;
pub(super) use file::{Carried, Checksum, InFile, InMemory, key_of};
use file::{HEADER_OCTETS, Header};
pub(super) use hash::Key;
pub(super) use list_run::{ListRun, Made, write as write_list};

/// The octets of a line: one cache line.
const LINE_OCTETS: usize = 64;
/// The entries of a line.
const LINE_ENTRIES: usize = 10;
/// The words of a line that are compared at once, in fours as vector units have them. The last two
/// are row numbers; what they say is looked at again.
const LINE_WORDS_COMPARED: usize = 12;
/// The octets of a set of tags.
const SET_OCTETS: usize = TAGS_MAX / 8;
/// The octets of what a row says of a name: the tags it has, those it has not of what its parents
/// hand down, those it never has.
const SAID_OCTETS: usize = 3 * SET_OCTETS;
/// The octets of a row: what it says of the name itself, and of the names below it.
const ROW_OCTETS: usize = 2 * SAID_OCTETS;
/// How many labels are hashed before their lines are looked at: the loads of several lines then
/// overlap. Most names have three or four.
const BATCH: usize = 8;

/// All names of all lists.
pub struct Index {
    octets: Octets,
    key: Key,
    names: usize,
    /// The fewest and the most labels any name here has; nothing else need be looked up.
    labels: (usize, usize),
    /// Lines that are some name's home; what spills from the last one stands behind.
    home_lines: u32,
    /// Where the lines end and the rows begin.
    lines_end: usize,
    rows_end: usize,
    patterns: Option<Patterns>,
}

/// Where the octets of an index are.
enum Octets {
    /// In a file.
    Mapped(Mapped),
    /// In memory, from this place on.
    Owned(Vec<u8>, usize),
}

/// The tags of a name, while its rows are met from the shortest parent on.
#[derive(Clone, Copy)]
struct Tags {
    has: TagSet,
    never: TagSet,
}

// === impl Index ===

impl Lookup for Index {
    fn tags_of(&self, name: &Name) -> TagSet {
        let mut tags = Tags::NONE;
        self.walk(name, 0, |_| {}, |said| tags.hear(said));
        tags.beside(self.tags_by_pattern(name))
    }

    fn hash_of(&self, name: &Name) -> u64 {
        self.key.hash_of(name)
    }

    fn look_up(&self, name: &Name, mentioned: &Mentioned) -> (TagSet, bool) {
        let (mut tags, mut may_be_mentioned) = (Tags::NONE, false);
        let also = |hash| may_be_mentioned |= mentioned.contains(hash);
        self.walk(name, mentioned.labels_max(), also, |said| tags.hear(said));
        (tags.beside(self.tags_by_pattern(name)), may_be_mentioned)
    }
}

impl Tags {
    const NONE: Tags = Tags { has: TagSet::EMPTY, never: TagSet::EMPTY };

    /// Takes what a row says.
    #[inline]
    fn hear(&mut self, said: &[u8; SAID_OCTETS]) {
        let Some([has, less, never]) = said.as_chunks::<SET_OCTETS>().0.first_chunk() else {
            return;
        };
        let kept = self.has.minus(&TagSet::from_octets(less));
        self.has = kept.union(&TagSet::from_octets(has));
        self.never = self.never.union(&TagSet::from_octets(never));
    }

    /// What is left of these and some more.
    #[inline]
    fn beside(self, more: TagSet) -> TagSet {
        self.has.union(&more).minus(&self.never)
    }
}

impl Index {
    /// How many names.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names
    }

    /// Whether there is no name.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names == 0
    }

    /// How many octets it has, in memory or in its file.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.octets.len()
    }

    /// Whether it is a file, mapped.
    #[must_use]
    pub fn is_mapped(&self) -> bool {
        match self.octets {
            Octets::Mapped(_) => true,
            Octets::Owned(..) => false,
        }
    }

    /// Every tag that some name has.
    pub(super) fn tags(&self) -> TagSet {
        let sets = self.rows().iter().flat_map(|row| row.as_chunks::<SET_OCTETS>().0);
        let in_rows = sets.fold(TagSet::EMPTY, |all, set| all.union(&TagSet::from_octets(set)));
        self.patterns.iter().fold(in_rows, |all, patterns| all.union(&patterns.tags()))
    }

    /// With patterns beside the names.
    pub(super) fn with(mut self, patterns: Option<Patterns>) -> Self {
        self.patterns = patterns;
        self
    }

    /// What a header says stands in some octets. The header is one that was checked, or ours.
    fn new(octets: Octets, header: &Header) -> Self {
        Index {
            octets,
            key: header.key,
            names: header.names,
            labels: header.labels,
            home_lines: header.home_lines,
            lines_end: header.lines_end(),
            rows_end: header.rows_end(),
            patterns: None,
        }
    }

    fn lines(&self) -> &[[u8; LINE_OCTETS]] {
        self.octets.get(HEADER_OCTETS..self.lines_end).unwrap_or_default().as_chunks().0
    }

    fn rows(&self) -> &[[u8; ROW_OCTETS]] {
        self.octets.get(self.lines_end..self.rows_end).unwrap_or_default().as_chunks().0
    }

    /// Hands over the hashes of the name and of its parents up to so many labels, or as many as
    /// some name here has, and from the shortest on what each says of the name.
    #[inline]
    fn walk(
        &self,
        name: &Name,
        labels_max: usize,
        mut each_hash: impl FnMut(u64),
        mut each: impl FnMut(&[u8; SAID_OCTETS]),
    ) {
        let lines = self.lines();
        let (fewest, most) = self.labels;
        let mut walk = self.key.walk(name);
        let labels = walk.left();
        let end = labels.min(most.max(labels_max));
        let mut hashes = [0; BATCH];
        let mut depth = 0;
        while depth < end {
            let mut count = 0;
            for (to, hash) in hashes.iter_mut().zip(walk.by_ref().take(end - depth)) {
                *to = hash;
                count += 1;
            }
            for &hash in &hashes[..count] {
                depth += 1;
                each_hash(hash);
                // Rules may spell out longer names than the lists.
                if (fewest..=most).contains(&depth) {
                    each_row(lines, self.home_lines, hash, |row| {
                        if let Some(said) = self.said(row, depth == labels) {
                            each(said);
                        }
                    });
                }
            }
        }
    }

    /// Whether a hash is taken for one of the names.
    fn finds(&self, hash: u64) -> bool {
        let mut found = false;
        each_row(self.lines(), self.home_lines, hash, |_| found = true);
        found
    }

    /// What a row says of a name itself, or of what stands below.
    #[inline]
    fn said(&self, row: u16, is_whole: bool) -> Option<&[u8; SAID_OCTETS]> {
        self.rows().get(usize::from(row))?.as_chunks().0.get(usize::from(!is_whole))
    }

    /// The tags of the patterns that match a name. Few households have any.
    #[inline]
    fn tags_by_pattern(&self, name: &Name) -> TagSet {
        self.patterns.as_ref().map_or(TagSet::EMPTY, |patterns| patterns.tags_of(name))
    }
}

/// Hands over the rows of one hash.
#[inline]
fn each_row(lines: &[[u8; LINE_OCTETS]], home_lines: u32, hash: u64, mut each: impl FnMut(u16)) {
    let remainder = remainder_of(hash);
    let home = home_of(hash, home_lines) as usize;
    for line in lines.get(home..).unwrap_or_default() {
        let (words, _) = line.as_chunks::<4>();
        let is_here = words[..LINE_WORDS_COMPARED]
            .iter()
            .fold(false, |is_here, word| is_here | (u32::from_le_bytes(*word) == remainder));
        if is_here {
            let (rows, _) = line[4 * LINE_ENTRIES..].as_chunks::<2>();
            for (word, row) in words[..LINE_ENTRIES].iter().zip(rows) {
                if u32::from_le_bytes(*word) == remainder {
                    each(u16::from_le_bytes(*row));
                }
            }
        }
        if u32::from_le_bytes(words[15]) & spill_bit(remainder) == 0 {
            return;
        }
    }
}

/// The line in which a hash is at home: the lines share its upper half evenly.
#[inline]
fn home_of(hash: u64, home_lines: u32) -> u32 {
    (((hash >> 32) * u64::from(home_lines)) >> 32) as u32
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is asked for")]
fn remainder_of(hash: u64) -> u32 {
    hash as u32
}

/// The bit that stands for a remainder among those that spilled past a line.
#[inline]
fn spill_bit(remainder: u32) -> u32 {
    1 << (remainder >> 27)
}

/// No name.
impl Default for Index {
    fn default() -> Self {
        Index {
            octets: Octets::Owned(Vec::new(), 0),
            key: Key::random(),
            names: 0,
            labels: (0, 0),
            home_lines: 0,
            lines_end: 0,
            rows_end: 0,
            patterns: None,
        }
    }
}

/// Millions of numbers tell nobody anything.
impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index")
            .field("names", &self.len())
            .field("rows", &self.rows().len())
            .field("memory_bytes", &self.memory_bytes())
            .field("is_mapped", &self.is_mapped())
            .finish_non_exhaustive()
    }
}

// === impl Octets ===

impl Deref for Octets {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Octets::Mapped(octets) => octets,
            Octets::Owned(octets, start) => octets.get(*start..).unwrap_or_default(),
        }
    }
}
