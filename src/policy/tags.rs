//! Tags: what the lists say about a name, as bits.
//!
//! A tag is a category, a service, or a list that fills no category. A [`TagSet`] is a fixed row
//! of bits, so that deciding is an AND and allocates nothing.

use super::mentioned::Mentioned;
use crate::name::Name;
use crate::words::Words;

/// The most categories, services and lists of their own that one household may have together.
/// Ours are about 120; the rest is the household's. One cache line of bits.
pub const TAGS_MAX: usize = 512;

/// The place of a category, service or list in the household's [`TagTable`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub u16);

/// A set of [`Tag`]s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct TagSet([u64; TAGS_MAX / 64]);

/// What a tag stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagKind {
    /// A category of sites, such as `gambling`.
    Category,
    /// One service with all its names, such as `tiktok`.
    Service,
    /// A list that fills no category and is closed by itself.
    List,
}

/// One row of the [`TagTable`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagInfo {
    /// The id, as written in the config file.
    pub id: String,
    /// What it is.
    pub kind: TagKind,
    /// What a parent reads.
    pub words: Words,
    /// Whether it guards against fraud and spying rather than unsuitable content: such blocks
    /// say so on the wire (EDE 15), and their sites are kept at every journal level but `off`.
    pub security: bool,
    /// Whether its names are never printed: a list of such sites must advertise nothing.
    pub hidden: bool,
    /// For a service: the category it belongs to.
    pub category: Option<Tag>,
}

/// All tags of a household. Ids are unique: categories and services share one namespace.
#[derive(Debug, Clone, Default)]
pub struct TagTable {
    rows: Vec<TagInfo>,
    /// The tags of each kind, by its place: the nearest reason is found by an AND.
    of_kind: [TagSet; 3],
}

/// A name with what the lists and rules know of it.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// The name.
    pub name: &'a Name,
    /// What the lists say of it.
    pub tags: TagSet,
    /// Whether a rule may spell it or a parent of it out; false is certain.
    pub mentioned: bool,
}

/// What the lists know of a name. The index implements it; the arrow points inward.
pub trait Lookup: Send + Sync {
    /// The tags of the name: those of its own entries and those its parents hand down.
    fn tags_of(&self, name: &Name) -> TagSet;

    /// The hash under which [`Mentioned`] keeps a name. Whoever hashes the parents of a name
    /// anyway gives its own hash here, and asks for those parents in [`Lookup::look_up`]: both are
    /// written, or neither.
    fn hash_of(&self, _name: &Name) -> u64 {
        0
    }

    /// [`Lookup::tags_of`], and whether the name or a parent of it may be spelt out by a rule:
    /// false must be certain.
    fn look_up(&self, name: &Name, _mentioned: &Mentioned) -> (TagSet, bool) {
        (self.tags_of(name), true)
    }
}

// === impl TagSet ===

impl TagSet {
    /// No tag.
    pub const EMPTY: TagSet = TagSet([0; TAGS_MAX / 64]);

    /// The set of one tag.
    #[must_use]
    pub fn of(tag: Tag) -> Self {
        let mut set = TagSet::EMPTY;
        set.insert(tag);
        set
    }

    /// The set as octets, as [`TagSet::from_octets`] reads them.
    #[must_use]
    pub fn to_octets(&self) -> [u8; TAGS_MAX / 8] {
        let mut octets = [0; TAGS_MAX / 8];
        for (to, word) in octets.as_chunks_mut().0.iter_mut().zip(&self.0) {
            *to = word.to_le_bytes();
        }
        octets
    }

    /// The set that some octets hold: the tag 0 is the lowest bit of the first.
    #[must_use]
    #[inline]
    pub fn from_octets(octets: &[u8; TAGS_MAX / 8]) -> Self {
        let words = octets.as_chunks().0;
        TagSet(std::array::from_fn(|i| u64::from_le_bytes(words[i])))
    }

    /// Adds a tag.
    pub fn insert(&mut self, tag: Tag) {
        self.0[usize::from(tag.0) / 64] |= 1 << (tag.0 % 64);
    }

    /// Takes a tag out.
    pub fn remove(&mut self, tag: Tag) {
        self.0[usize::from(tag.0) / 64] &= !(1 << (tag.0 % 64));
    }

    /// Whether the tag is in the set.
    #[must_use]
    pub fn contains(&self, tag: Tag) -> bool {
        self.0[usize::from(tag.0) / 64] & (1 << (tag.0 % 64)) != 0
    }

    /// Whether the set has no tag.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0 == TagSet::EMPTY.0
    }

    /// Whether any tag is in both sets.
    #[must_use]
    pub fn meets(&self, other: &TagSet) -> bool {
        !self.intersection(other).is_empty()
    }

    /// The lowest tag.
    #[must_use]
    pub fn first(&self) -> Option<Tag> {
        self.iter().next()
    }

    /// The tags in either set.
    #[must_use]
    pub fn union(&self, other: &TagSet) -> TagSet {
        TagSet(std::array::from_fn(|i| self.0[i] | other.0[i]))
    }

    /// The tags in both sets.
    #[must_use]
    pub fn intersection(&self, other: &TagSet) -> TagSet {
        TagSet(std::array::from_fn(|i| self.0[i] & other.0[i]))
    }

    /// The tags of this set that the other lacks.
    #[must_use]
    pub fn minus(&self, other: &TagSet) -> TagSet {
        TagSet(std::array::from_fn(|i| self.0[i] & !other.0[i]))
    }

    /// The tags, lowest first.
    pub fn iter(&self) -> impl Iterator<Item = Tag> + use<> {
        let mut words = self.0;
        let mut at = 0;
        std::iter::from_fn(move || {
            while *words.get(at)? == 0 {
                at += 1;
            }
            let place = at * 64 + words[at].trailing_zeros() as usize;
            // The lowest bit goes.
            words[at] &= words[at] - 1;
            u16::try_from(place).ok().map(Tag)
        })
    }
}

impl FromIterator<Tag> for TagSet {
    fn from_iter<I: IntoIterator<Item = Tag>>(tags: I) -> Self {
        let mut set = TagSet::EMPTY;
        tags.into_iter().for_each(|tag| set.insert(tag));
        set
    }
}

// === impl TagTable ===

impl TagTable {
    /// Adds a row; none when the id is taken already or the table is full.
    pub fn add(&mut self, row: TagInfo) -> Option<Tag> {
        if self.rows.len() >= TAGS_MAX || self.find(&row.id).is_some() {
            return None;
        }
        let tag = u16::try_from(self.rows.len()).ok().map(Tag)?;
        self.of_kind[row.kind as usize].insert(tag);
        self.rows.push(row);
        Some(tag)
    }

    /// The lowest tag of a kind in a set.
    #[must_use]
    pub fn first_of(&self, kind: TagKind, tags: &TagSet) -> Option<Tag> {
        self.of_kind[kind as usize].intersection(tags).first()
    }

    /// The tag of an id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<Tag> {
        let place = self.rows.iter().position(|row| row.id == id)?;
        u16::try_from(place).ok().map(Tag)
    }

    /// The row of a tag of this table.
    ///
    /// # Panics
    /// When the tag is another table's and lies beyond the end of this one.
    #[must_use]
    pub fn info(&self, tag: Tag) -> &TagInfo {
        &self.rows[usize::from(tag.0)]
    }

    /// All rows with their tags.
    pub fn iter(&self) -> impl Iterator<Item = (Tag, &TagInfo)> {
        self.rows
            .iter()
            .enumerate()
            .filter_map(|(place, row)| Some((Tag(u16::try_from(place).ok()?), row)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_do_what_sets_do() {
        let ab: TagSet = [Tag(1), Tag(511)].into_iter().collect();
        let b = TagSet::of(Tag(511));
        assert_eq!(ab.intersection(&b), b);
        assert_eq!(ab.minus(&b), TagSet::of(Tag(1)));
        assert_eq!(b.union(&TagSet::of(Tag(1))), ab);
        assert_eq!(ab.iter().collect::<Vec<_>>(), [Tag(1), Tag(511)]);
        assert_eq!((ab.first(), TagSet::EMPTY.first()), (Some(Tag(1)), None));
        assert!(ab.meets(&b) && !b.meets(&TagSet::of(Tag(1))));
        let all: TagSet = (0..512).map(Tag).collect();
        assert!(all.iter().eq((0..512).map(Tag)));
        assert!(TagSet::EMPTY.is_empty() && !ab.is_empty());
        assert_eq!(TagSet::from_octets(&ab.to_octets()), ab);
        assert_eq!(ab.to_octets()[0], 2);
    }

    #[test]
    fn an_id_is_taken_once() {
        let mut table = TagTable::default();
        let row = |id: &str| TagInfo {
            id: id.to_owned(),
            kind: TagKind::Category,
            words: Words::same(id),
            security: false,
            hidden: false,
            category: None,
        };
        assert_eq!(table.add(row("games")), Some(Tag(0)));
        assert_eq!(table.add(row("games")), None);
        assert_eq!(table.find("games"), Some(Tag(0)));
    }
}
