//! Exceptions below a listed name: which tags a name loses on the way down.
//!
//! A list that closes `site.example` and excepts `good.site.example` takes back its own rule and no
//! other list's. Tags know no lists, so the tags that go are worked out once, when the index is
//! built: along the parents of each excepted name, from the shortest, with all lists that close or
//! except one of them.

use std::collections::HashMap;

use super::build::{Mark, Row};
use crate::lists::exceptions::takes_back;
use crate::lists::kind::Kind;
use crate::policy::tags::TagSet;

/// An exception of one list.
#[derive(Debug, Clone)]
pub(in crate::lists) struct Exception {
    /// The hashes of the name's parents and of itself, shortest first.
    pub(in crate::lists) hashes: Vec<u64>,
    /// The first mark of its list.
    pub(in crate::lists) first: Mark,
    pub(in crate::lists) kind: Kind,
}

/// What is known of the names that are excepted and of their parents.
pub(super) struct Carving<'a> {
    exceptions: &'a [Exception],
    /// The marks of each of these hashes.
    marks: HashMap<u64, Vec<Mark>>,
    /// The exceptions at each of these hashes, by their places.
    excepted: HashMap<u64, Vec<usize>>,
}

impl<'a> Carving<'a> {
    pub(super) fn new(exceptions: &'a [Exception]) -> Self {
        let mut carving = Carving { exceptions, marks: HashMap::new(), excepted: HashMap::new() };
        for (place, exception) in exceptions.iter().enumerate() {
            for hash in &exception.hashes {
                carving.marks.entry(*hash).or_default();
            }
            if let Some(own) = exception.hashes.last() {
                carving.excepted.entry(*own).or_default().push(place);
            }
        }
        carving
    }

    /// Whether there is nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        self.exceptions.is_empty()
    }

    /// Takes note of a listed name.
    pub(super) fn note(&mut self, hash: u64, marks: &[Mark]) {
        if let Some(kept) = self.marks.get_mut(&hash) {
            kept.extend_from_slice(marks);
        }
    }

    /// The hashes of the names that lose tags, in order, with what they lose.
    pub(super) fn losses(&self, rows: &[Row]) -> Vec<(u64, Row)> {
        let own = |places: &Vec<usize>| places.first().map(|&place| &self.exceptions[place].hashes);
        let mut losses: Vec<_> = self
            .excepted
            .values()
            .filter_map(own)
            .filter_map(|hashes| Some((*hashes.last()?, self.loss(hashes, rows)?)))
            .collect();
        losses.sort_unstable_by_key(|(hash, _)| *hash);
        losses
    }

    /// What a name loses; none: nothing that its parents hand down.
    fn loss(&self, hashes: &[u64], rows: &[Row]) -> Option<Row> {
        let (own, parents) = hashes.split_last()?;
        // The rules that reach below where the walk is, by their marks.
        let mut active: Vec<Mark> = Vec::new();
        for hash in parents {
            self.take_back(*hash, false, &mut active);
            let here = self.marks.get(hash).into_iter().flatten();
            active.extend(here.filter(|&&mark| !rows[mark as usize].below.is_empty()));
        }
        let tags = |marks: &[Mark]| {
            marks.iter().fold(TagSet::EMPTY, |all, &mark| all.union(&rows[mark as usize].below))
        };
        let before = tags(&active);
        let lost = |is_itself| {
            let mut left = active.clone();
            self.take_back(*own, is_itself, &mut left);
            before.minus(&tags(&left))
        };
        let row = Row { less_at: lost(true), less_below: lost(false), ..Row::default() };
        (row != Row::default()).then_some(row)
    }

    /// Applies the exceptions at a name to the rules that come from above it.
    fn take_back(&self, hash: u64, is_itself: bool, active: &mut Vec<Mark>) {
        for &place in self.excepted.get(&hash).into_iter().flatten() {
            let Exception { first, kind, .. } = &self.exceptions[place];
            if !kind.matching().covers(is_itself) {
                continue;
            }
            active.retain(|mark| {
                let closing = mark.checked_sub(*first).and_then(|number| u8::try_from(number).ok());
                let closing = closing.filter(|number| *number < Kind::CLOSING);
                let closing = closing.and_then(Kind::from_number);
                !closing.is_some_and(|closing| takes_back(kind.role(), closing.role()))
            });
        }
    }
}
