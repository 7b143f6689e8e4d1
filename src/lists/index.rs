//! All names of all lists in a few flat arrays.
//!
//! A name is kept as a keyed 64-bit hash. Its top bits choose a bucket, the 32 bits after them,
//! the *remainder*, stand in the bucket beside the number of a *row*: what the name's tags are.
//! About 7.5 octets a name, and a look-up touches two cache lines for each label of the name.
//!
//! Two names are taken for one when both bucket and remainder agree. For a name on no list that
//! happens once in 2³² comparisons, of which a look-up makes about three a label; among a million
//! listed names, one pair in five thousand builds shares its tags. The key is random for each
//! index, so nobody can craft such a name, and the next build undoes an accident. Essentials and
//! the parent's own names speak before the lists and do not depend on this.
//!
//! It knows no text, no formats and no ids. Start at [`Index::tags_of`] and [`Builder::finish`].

use std::collections::HashMap;
use std::fmt;

use crate::name::{NAME_OCTETS_MAX, Name};
use crate::policy::mentioned::Mentioned;
use crate::policy::tags::{Lookup, TagSet};

/// The most labels a name can have: each takes two octets at least.
const LABELS_MAX: usize = NAME_OCTETS_MAX / 2;
/// The most rows: their numbers take 16 bits.
const ROWS_MAX: usize = 1 << 16;
/// The most bits that choose a bucket. Bucket and remainder together then fill the hash.
const BUCKET_BITS_MAX: u32 = 32;

/// All names of all lists.
#[derive(Default)]
pub struct Index {
    key: Key,
    bucket_bits: u32,
    /// The most labels any name here has; what is longer need not be looked up.
    labels_max: usize,
    /// Where each bucket starts in `remainders`, and where the last one ends.
    buckets: Box<[u32]>,
    remainders: Box<[u32]>,
    /// The row of each remainder.
    row_numbers: Box<[u16]>,
    rows: Box<[Row]>,
}

/// What an entry says of the name it spells and of the names below that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Row {
    /// Tags of the name itself.
    pub(super) at: TagSet,
    /// Tags of the names below it.
    pub(super) below: TagSet,
}

/// The place of a row among those given to [`Builder::finish`].
pub(super) type Mark = u32;

/// Collects names and makes an [`Index`] of them.
pub(super) struct Builder {
    key: Key,
    labels_max: usize,
    entries: Vec<(u64, Mark)>,
}

/// The secret of a hash: two random numbers.
#[derive(Debug, Clone, Copy, Default)]
struct Key {
    start: u64,
    /// Odd, so that multiplying by it loses nothing.
    factor: u64,
}

// === impl Index ===

impl Lookup for Index {
    fn tags_of(&self, name: &Name) -> TagSet {
        let mut tags = TagSet::EMPTY;
        self.key.each_suffix(name, self.labels_max, |is_whole, hash| {
            for row in self.rows_of(hash) {
                tags = tags.union(if is_whole { &row.at } else { &row.below });
            }
        });
        tags
    }

    fn hash_of(&self, name: &Name) -> u64 {
        self.key.whole(name).0
    }

    fn look_up(&self, name: &Name, mentioned: &Mentioned) -> (TagSet, bool) {
        let (mut tags, mut may_be_mentioned, mut labels) = (TagSet::EMPTY, false, 0);
        let labels_max = self.labels_max.max(mentioned.labels_max());
        self.key.each_suffix(name, labels_max, |is_whole, hash| {
            labels += 1;
            may_be_mentioned |= mentioned.contains(hash);
            // Rules may spell out longer names than the lists.
            if labels <= self.labels_max {
                for row in self.rows_of(hash) {
                    tags = tags.union(if is_whole { &row.at } else { &row.below });
                }
            }
        });
        (tags, may_be_mentioned)
    }
}

impl Index {
    /// How many names.
    #[must_use]
    pub fn len(&self) -> usize {
        self.remainders.len()
    }

    /// Whether there is no name.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.remainders.is_empty()
    }

    /// How many octets of memory the arrays take.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        size_of_val(&*self.buckets)
            + size_of_val(&*self.remainders)
            + size_of_val(&*self.row_numbers)
            + size_of_val(&*self.rows)
    }

    fn rows_of(&self, hash: u64) -> impl Iterator<Item = &Row> {
        let bucket = bucket_of(hash, self.bucket_bits);
        let from = self.buckets[bucket] as usize;
        let to = self.buckets[bucket + 1] as usize;
        let remainder = remainder_of(hash, self.bucket_bits);
        self.remainders[from..to]
            .iter()
            .zip(&self.row_numbers[from..to])
            .filter(move |(here, _)| **here == remainder)
            .map(|(_, &row)| &self.rows[usize::from(row)])
    }
}

/// Millions of numbers tell nobody anything.
impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index")
            .field("names", &self.len())
            .field("rows", &self.rows.len())
            .field("memory_bytes", &self.memory_bytes())
            .finish_non_exhaustive()
    }
}

fn bucket_of(hash: u64, bucket_bits: u32) -> usize {
    // In two steps, because shifting by all 64 bits at once is no shift.
    usize::try_from((hash >> 1) >> (63 - bucket_bits)).expect("at most 32 bits are left")
}

fn remainder_of(hash: u64, bucket_bits: u32) -> u32 {
    u32::try_from((hash << bucket_bits) >> 32).expect("32 bits are left")
}

// === impl Builder ===

impl Builder {
    /// An empty one with a key that nobody knows.
    pub(super) fn new() -> Self {
        let key = Key { start: rand::random(), factor: rand::random::<u64>() | 1 };
        Builder { key, labels_max: 0, entries: Vec::new() }
    }

    /// Adds a name with the place of its row.
    pub(super) fn add(&mut self, name: &Name, mark: Mark) {
        let (whole, labels) = self.key.whole(name);
        self.labels_max = self.labels_max.max(labels);
        self.entries.push((whole, mark));
    }

    /// The index of all names added. A name that was added more than once has the tags of all its
    /// rows.
    pub(super) fn finish(self, rows: &[Row]) -> Index {
        self.finish_in(rows, ROWS_MAX)
    }

    /// As [`Builder::finish`], with room for so many rows.
    fn finish_in(mut self, rows: &[Row], rows_max: usize) -> Index {
        self.entries.sort_unstable();
        self.entries.dedup();
        if self.entries.is_empty() {
            return Index { key: self.key, ..Index::default() };
        }
        let names = self.entries.chunk_by(|a, b| a.0 == b.0).count();
        // Two to four names a bucket: fewer would cost more memory, more would cost more time.
        let bucket_bits = names.ilog2().saturating_sub(1).min(BUCKET_BITS_MAX);

        let mut table = RowNumbers::new(rows, rows_max);
        let mut buckets = Vec::with_capacity((1_usize << bucket_bits) + 1);
        let mut remainders = Vec::with_capacity(names);
        let mut row_numbers = Vec::with_capacity(names);
        let place = |hash| (bucket_of(hash, bucket_bits), remainder_of(hash, bucket_bits));
        for same in self.entries.chunk_by(|a, b| place(a.0) == place(b.0)) {
            let (bucket, remainder) = place(same[0].0);
            let start = u32::try_from(remainders.len()).expect("memory ends before 2^32 names");
            // Also starts the empty buckets before this one.
            while buckets.len() <= bucket {
                buckets.push(start);
            }
            table.each_number(same, |number| {
                remainders.push(remainder);
                row_numbers.push(number);
            });
        }
        let end = u32::try_from(remainders.len()).expect("memory ends before 2^32 names");
        buckets.resize((1_usize << bucket_bits) + 1, end);
        Index {
            key: self.key,
            bucket_bits,
            labels_max: self.labels_max,
            buckets: buckets.into(),
            remainders: remainders.into(),
            row_numbers: row_numbers.into(),
            rows: table.rows.into(),
        }
    }
}

/// The rows of an index being built, each once, and their numbers.
struct RowNumbers<'a> {
    of_mark: &'a [Row],
    numbers_of_marks: Vec<u16>,
    numbers: HashMap<Row, u16>,
    rows: Vec<Row>,
    rows_max: usize,
}

impl<'a> RowNumbers<'a> {
    /// The rows of single marks come first, so that there is always room for them.
    fn new(of_mark: &'a [Row], rows_max: usize) -> Self {
        let mut table = RowNumbers {
            of_mark,
            numbers_of_marks: Vec::with_capacity(of_mark.len()),
            numbers: HashMap::new(),
            rows: Vec::new(),
            rows_max,
        };
        for row in of_mark {
            let number = table.number(*row).expect("a household has fewer than 2^16 lists");
            table.numbers_of_marks.push(number);
        }
        table
    }

    /// The numbers a name is kept with: one for all its marks together, or one for each where
    /// there is no room left for what they make together.
    fn each_number(&mut self, entries: &[(u64, Mark)], mut keep: impl FnMut(u16)) {
        if let [(_, mark)] = entries {
            keep(self.numbers_of_marks[*mark as usize]);
            return;
        }
        let mut all = Row::default();
        for (_, mark) in entries {
            let row = &self.of_mark[*mark as usize];
            all = Row { at: all.at.union(&row.at), below: all.below.union(&row.below) };
        }
        if let Some(number) = self.number(all) {
            keep(number);
            return;
        }
        for (_, mark) in entries {
            keep(self.numbers_of_marks[*mark as usize]);
        }
    }

    fn number(&mut self, row: Row) -> Option<u16> {
        if let Some(&number) = self.numbers.get(&row) {
            return Some(number);
        }
        if self.rows.len() >= self.rows_max {
            return None;
        }
        let number = u16::try_from(self.rows.len()).ok()?;
        self.rows.push(row);
        self.numbers.insert(row, number);
        Some(number)
    }
}

// === impl Key ===

impl Key {
    /// Hands over the hashes of the last label, the last two, and so on up to `labels_max` labels,
    /// each with whether that is the whole name. One pass over the octets, no allocation.
    fn each_suffix(&self, name: &Name, labels_max: usize, mut each: impl FnMut(bool, u64)) {
        let wire = name.wire();
        let mut starts = [0_u8; LABELS_MAX];
        let mut count = 0;
        for (suffix, start) in name.suffixes().zip(&mut starts) {
            *start = u8::try_from(wire.len() - suffix.len()).expect("a name has 255 octets");
            count += 1;
        }
        let mut hash = self.start;
        for place in (0..count).rev().take(labels_max) {
            let start = usize::from(starts[place]);
            let length = usize::from(wire[start]);
            hash = self.below(hash, &wire[start + 1..=start + length]);
            each(place == 0, hash);
        }
    }

    /// The hash of a whole name, and how many labels it has.
    fn whole(&self, name: &Name) -> (u64, usize) {
        let (mut whole, mut labels) = (self.start, 0);
        self.each_suffix(name, LABELS_MAX, |_, hash| {
            whole = hash;
            labels += 1;
        });
        (whole, labels)
    }

    /// The hash of a label and what stands to its right.
    fn below(&self, parent: u64, label: &[u8]) -> u64 {
        // The length keeps a label apart from the same with zero octets after it.
        let mut hash = parent ^ label.len() as u64;
        for octets in label.chunks(8) {
            let mut word = [0; 8];
            word[..octets.len()].copy_from_slice(octets);
            hash = self.mix(hash ^ u64::from_le_bytes(word));
        }
        // Once more, because bucket and remainder are the top bits.
        self.mix(hash ^ self.start)
    }

    /// Multiplies and folds the upper half of the product onto the lower: every bit then depends
    /// on every bit and on the key.
    #[expect(clippy::cast_possible_truncation, reason = "the product is taken apart in halves")]
    fn mix(&self, value: u64) -> u64 {
        let product = u128::from(value) * u128::from(self.factor);
        product as u64 ^ (product >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::tags::Tag;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    /// A row for a name with all below it.
    fn all_below(tag: u16) -> Row {
        Row { at: TagSet::of(Tag(tag)), below: TagSet::of(Tag(tag)) }
    }

    #[test]
    fn an_empty_index_knows_nothing() {
        assert_eq!(Index::default().tags_of(&name("a.example")), TagSet::EMPTY);
        assert_eq!(Builder::new().finish(&[]).tags_of(&Name::ROOT), TagSet::EMPTY);
    }

    #[test]
    fn an_index_of_any_size_finds_its_names() {
        for size in [1, 2, 3, 4, 7, 100, 5000_u32] {
            let mut builder = Builder::new();
            for number in 0..size {
                builder.add(&name(&format!("n{number}.example")), 0);
            }
            let index = builder.finish(&[all_below(3)]);
            assert_eq!(index.len(), size as usize);
            for number in 0..size {
                let below = name(&format!("www.n{number}.example"));
                assert_eq!(index.tags_of(&below), TagSet::of(Tag(3)));
            }
            assert_eq!(index.tags_of(&name("example")), TagSet::EMPTY);
            assert_eq!(index.tags_of(&name(&format!("n{size}.example"))), TagSet::EMPTY);
        }
    }

    #[test]
    fn a_name_keeps_all_its_tags_when_rows_run_out() {
        let rows: Vec<Row> = (0..4).map(all_below).collect();
        for rows_max in [4, 5, ROWS_MAX] {
            let mut builder = Builder::new();
            for (text, marks) in [("a.example", [0, 1]), ("b.example", [2, 3])] {
                for mark in marks {
                    builder.add(&name(text), mark);
                }
            }
            let index = builder.finish_in(&rows, rows_max);
            let tags = |text| index.tags_of(&name(text)).iter().collect::<Vec<_>>();
            assert_eq!(tags("a.example"), [Tag(0), Tag(1)]);
            assert_eq!(tags("x.b.example"), [Tag(2), Tag(3)]);
        }
    }

    #[test]
    fn octets_that_are_no_letters_collide_with_nothing() {
        let mut builder = Builder::new();
        builder.add(&name("ab.example"), 0);
        let index = builder.finish(&[all_below(1)]);
        let odd = Name::from_wire(b"\x03ab\x00\x07example\x00").unwrap();
        assert_eq!(index.tags_of(&odd), TagSet::EMPTY);
        assert_eq!(index.tags_of(&name("a.b.example")), TagSet::EMPTY);
    }
}
