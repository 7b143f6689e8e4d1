//! Makes an index: names in any order in, lines in order out, in bounded memory.
//!
//! Start at [`Names::add`] and [`Builder::finish`].

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io;

use super::carve::{Carving, Exception};
use super::file::{Carried, Header, Sink};
use super::hash::{Key, LABELS_MAX};
use super::list_run::ListRun;
use super::runs::{Merge, Runs};
use super::{Index, LINE_ENTRIES, LINE_OCTETS, ROW_OCTETS, home_of, remainder_of, spill_bit};
use crate::name::Name;
use crate::policy::tags::TagSet;

/// The most rows: their numbers take 16 bits.
pub(super) const ROWS_MAX: usize = 1 << 16;
/// The most entries that are held in memory where there is a file for the others: 8 MiB.
const ENTRIES_HELD_MAX: usize = 512 * 1024;
/// How full lines are, in names for five of them: 7.8 octets a name, and one entry in fifty is
/// not at home.
const NAMES_IN_FIVE_LINES: usize = 41;
/// The most names: the most lines that 32 bits can count.
const NAMES_MAX: usize = u32::MAX as usize;

/// What an entry says of the name it spells and of the names below that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(in crate::lists) struct Row {
    /// Tags of the name itself.
    pub(in crate::lists) at: TagSet,
    /// Tags of the names below it.
    pub(in crate::lists) below: TagSet,
    /// Tags that its parents hand down and the name itself has not.
    pub(in crate::lists) less_at: TagSet,
    /// The same of the names below it.
    pub(in crate::lists) less_below: TagSet,
    /// Tags the name itself never has, whatever gives them.
    pub(in crate::lists) never_at: TagSet,
    /// The same of the names below it.
    pub(in crate::lists) never_below: TagSet,
}

/// The place of a row among those given to [`Builder::finish`].
pub(in crate::lists) type Mark = u32;

/// The hash of a name and the mark it was added with.
pub(super) type Entry = (u64, Mark);

/// Collects names in any order, in bounded memory.
pub(in crate::lists) struct Names {
    key: Key,
    /// The fewest and the most labels.
    labels: (usize, usize),
    entries: Vec<Entry>,
    /// How many entries are held at most; what is more goes into `runs`, where there are any.
    held_max: usize,
    runs: Option<Runs>,
    /// What went wrong with the runs. Nothing is taken any more.
    broken: Option<io::Error>,
}

/// Makes an [`Index`] of names, and of lists of which the names are known.
pub(in crate::lists) struct Builder {
    names: Names,
    /// Lists, each with its first mark.
    lists: Vec<(ListRun, Mark)>,
    exceptions: Vec<Exception>,
}

/// Why there is no index.
#[derive(Debug)]
pub(in crate::lists) enum Unbuilt {
    /// A file cannot be written or read.
    Disk(io::Error),
    /// A name that must stay open is taken for a listed one: another key, please.
    Collision,
}

impl From<io::Error> for Unbuilt {
    fn from(error: io::Error) -> Self {
        Unbuilt::Disk(error)
    }
}

// === impl Names ===

impl Names {
    /// None yet; entries beyond some millions of octets go into the file, where there is one.
    pub(in crate::lists) fn new(key: Key, scratch: Option<File>) -> Self {
        Self::holding(key, scratch, ENTRIES_HELD_MAX)
    }

    pub(super) fn holding(key: Key, scratch: Option<File>, held_max: usize) -> Self {
        let runs = scratch.map(Runs::new);
        // Doubling would take half as much again; what is not used is never touched.
        let entries = Vec::with_capacity(if runs.is_some() { held_max } else { 0 });
        Names { key, labels: (LABELS_MAX, 0), entries, held_max, runs, broken: None }
    }

    /// Adds a name with the place of its row.
    pub(in crate::lists) fn add(&mut self, name: &Name, mark: Mark) {
        let walk = self.key.walk(name);
        let labels = walk.left();
        let Some(hash) = walk.last().filter(|_| self.broken.is_none()) else { return };
        self.reach((labels, labels));
        if self.entries.len() >= self.held_max
            && let Some(runs) = &mut self.runs
        {
            self.entries.sort_unstable();
            self.entries.dedup();
            self.broken = runs.push(&self.entries).err();
            self.entries.clear();
        }
        self.entries.push((hash, mark));
    }

    /// How many names are held in memory.
    pub(in crate::lists) fn held(&self) -> usize {
        self.entries.len()
    }

    /// Forgets the names added since so many were held. Where there is a file, these were none.
    pub(in crate::lists) fn forget_from(&mut self, held: usize) {
        self.entries.truncate(held);
        if let Some(runs) = &mut self.runs {
            self.broken = runs.clear().err();
        }
    }

    /// The hashes of a name's parents and of itself, shortest first.
    pub(in crate::lists) fn hashes_of(&self, name: &Name) -> Vec<u64> {
        self.key.walk(name).collect()
    }

    fn reach(&mut self, (fewest, most): (usize, usize)) {
        self.labels = (self.labels.0.min(fewest), self.labels.1.max(most));
    }

    /// No more names come: the fewest and the most labels of those that came.
    pub(super) fn sort(&mut self) -> io::Result<(usize, usize)> {
        if let Some(error) = self.broken.take() {
            return Err(error);
        }
        self.entries.sort_unstable();
        Ok(self.labels)
    }

    /// All entries in order, after [`Names::sort`].
    pub(super) fn merged(&self) -> io::Result<Merge<'_>> {
        Merge::new(self.runs.iter().flat_map(Runs::iter), &self.entries)
    }
}

// === impl Builder ===

impl Builder {
    /// One of some names.
    pub(in crate::lists) fn new(names: Names) -> Self {
        Builder { names, lists: Vec::new(), exceptions: Vec::new() }
    }

    /// Adds a list whose names are known; their marks count from the first.
    pub(in crate::lists) fn add_list(&mut self, run: ListRun, first: Mark) {
        if run.entries > 0 {
            self.names.reach(run.labels);
        }
        self.lists.push((run, first));
    }

    /// Adds an exception of a list.
    pub(in crate::lists) fn except(&mut self, exception: Exception) {
        self.names.reach((exception.hashes.len(), exception.hashes.len()));
        self.exceptions.push(exception);
    }

    /// Writes the index of all names added. A name that was added more than once has the tags of
    /// all its rows.
    ///
    /// # Errors
    /// When a file fails, or a name of `open`, which was not added, is taken for one that was.
    pub(in crate::lists) fn finish<S: Sink>(
        self,
        rows: &[Row],
        carried: &Carried,
        open: &[Name],
        sink: S,
    ) -> Result<Index, Unbuilt> {
        self.finish_in(rows, ROWS_MAX, carried, open, sink)
    }

    /// As [`Builder::finish`], with room for so many rows.
    pub(super) fn finish_in<S: Sink>(
        mut self,
        rows: &[Row],
        rows_max: usize,
        carried: &Carried,
        open: &[Name],
        mut sink: S,
    ) -> Result<Index, Unbuilt> {
        self.names.sort()?;
        let mut open: Vec<u64> = open.iter().flat_map(|name| self.names.key.walk(name)).collect();
        open.sort_unstable();
        open.dedup();

        // Once to count, once to write: how many lines there are decides where a name stands.
        let mut table = RowNumbers::new(rows, rows_max);
        let mut carving = Carving::new(&self.exceptions);
        let (mut names, mut entries, mut listed) = (0, 0, 0);
        let mut unlisted = Vec::with_capacity(open.len());
        self.merged()?.each_name(|hash, marks| {
            names += 1;
            while open.get(listed).is_some_and(|open| *open < hash) {
                unlisted.push(open[listed]);
                listed += 1;
            }
            listed += usize::from(open.get(listed) == Some(&hash));
            if !carving.is_empty() {
                carving.note(hash, marks);
            }
            table.each_number(marks, |_| {
                entries += 1;
                Ok(())
            })
        })?;
        unlisted.extend_from_slice(&open[listed..]);
        let losses = carving.losses(rows).into_iter();
        // Where there is no room for such a row, what a list took back stays closed.
        let losses: Vec<_> =
            losses.filter_map(|(hash, row)| Some((hash, table.number(&row)?))).collect();
        entries += losses.len();
        // What loses tags is found as well, and that is right.
        unlisted.retain(|hash| losses.binary_search_by_key(hash, |(lost, _)| *lost).is_err());
        if entries > NAMES_MAX {
            return Err(io::Error::other("there are more than 2^32 names").into());
        }

        let mut text = carried.text.clone();
        text.resize(text.len().next_multiple_of(LINE_OCTETS), b' ');
        let home_lines = (entries * 5).div_ceil(NAMES_IN_FIVE_LINES);
        let home_lines = u32::try_from(home_lines).expect("fewer lines than names");
        let mut header = Header {
            key: self.names.key,
            fingerprint: carried.fingerprint,
            began: carried.began,
            names,
            labels: if entries == 0 { (0, 0) } else { self.names.labels },
            home_lines,
            lines: home_lines,
            rows: table.rows.len(),
            carried_octets: text.len(),
        };
        // What spills from the last line takes next to nothing.
        sink.begin(header.end() + LINE_OCTETS * LINE_OCTETS)?;
        let mut lines = Lines { homes: home_lines, at: 0, waiting: VecDeque::new() };
        let mut losses = losses.into_iter().peekable();
        self.merged()?.each_name(|hash, marks| {
            // What a name loses stands before what it has.
            while let Some((hash, number)) = losses.next_if(|(lost, _)| *lost <= hash) {
                lines.put(hash, number, &mut sink)?;
            }
            table.each_number(marks, |number| lines.put(hash, number, &mut sink))
        })?;
        for (hash, number) in losses {
            lines.put(hash, number, &mut sink)?;
        }
        header.lines = lines.finish(&mut sink)?;
        for row in &table.rows {
            let mut octets = [0; ROW_OCTETS];
            let at = [row.at, row.less_at, row.never_at];
            let below = [row.below, row.less_below, row.never_below];
            let sets = at.into_iter().chain(below);
            for (to, set) in octets.as_chunks_mut().0.iter_mut().zip(sets) {
                *to = set.to_octets();
            }
            sink.write(&octets)?;
        }
        sink.write(&text)?;
        drop((self.names, self.lists));
        sink.finish(&header, &|index| !unlisted.iter().any(|hash| index.finds(*hash)))
    }

    fn merged(&self) -> io::Result<Merge<'_>> {
        let lists = self.lists.iter().map(|(run, first)| run.read(*first));
        let runs = self.names.runs.iter().flat_map(Runs::iter).chain(lists);
        Merge::new(runs, &self.names.entries)
    }
}

/// The lines while they are written, from the first to the last.
struct Lines {
    homes: u32,
    /// The next line to be written.
    at: u32,
    /// Remainders and rows that are at home in that line or before it.
    waiting: VecDeque<(u32, u16)>,
}

impl Lines {
    /// Takes an entry. Hashes come in order, and so do their homes.
    fn put(&mut self, hash: u64, row: u16, out: &mut impl Sink) -> io::Result<()> {
        while self.at < home_of(hash, self.homes) {
            self.write(out)?;
        }
        self.waiting.push_back((remainder_of(hash), row));
        Ok(())
    }

    /// Writes what is left; how many lines there are.
    fn finish(mut self, out: &mut impl Sink) -> io::Result<u32> {
        while self.at < self.homes || !self.waiting.is_empty() {
            self.write(out)?;
        }
        Ok(self.at)
    }

    /// Writes a line. Places that stay empty belong to the remainder 0, with the row that says
    /// nothing.
    fn write(&mut self, out: &mut impl Sink) -> io::Result<()> {
        let mut line = [0; LINE_OCTETS];
        let (remainders, rest) = line.split_at_mut(4 * LINE_ENTRIES);
        let (rows, filter) = rest.split_at_mut(2 * LINE_ENTRIES);
        let places = remainders.as_chunks_mut().0.iter_mut().zip(rows.as_chunks_mut().0);
        for (to, row_to) in places {
            let Some((remainder, row)) = self.waiting.pop_front() else { break };
            *to = remainder.to_le_bytes();
            *row_to = row.to_le_bytes();
        }
        let spilled = self.waiting.iter().fold(0, |bits, (gone, _)| bits | spill_bit(*gone));
        filter.copy_from_slice(&spilled.to_le_bytes());
        self.at += 1;
        out.write(&line)
    }
}

/// The rows of an index being built, each once, and their numbers.
struct RowNumbers<'a> {
    of_mark: &'a [Row],
    numbers_of_marks: Vec<u16>,
    /// The numbers of several marks together, as far as they were met.
    numbers_together: HashMap<Box<[Mark]>, u16>,
    numbers: HashMap<Row, u16>,
    rows: Vec<Row>,
    rows_max: usize,
}

impl<'a> RowNumbers<'a> {
    /// The row that says nothing comes first, then those of single marks, so that there is always
    /// room for them.
    fn new(of_mark: &'a [Row], rows_max: usize) -> Self {
        let mut table = RowNumbers {
            of_mark,
            numbers_of_marks: Vec::with_capacity(of_mark.len()),
            numbers_together: HashMap::new(),
            numbers: HashMap::new(),
            rows: Vec::new(),
            rows_max,
        };
        table.number(&Row::default());
        for row in of_mark {
            let number = table.number(row).expect("a household has fewer than 2^16 tags");
            table.numbers_of_marks.push(number);
        }
        table
    }

    /// The numbers a name is kept with: one for all its marks together, or one for each where
    /// there is no room left for what they make together. The same whenever it is asked.
    fn each_number(
        &mut self,
        marks: &[Mark],
        mut keep: impl FnMut(u16) -> io::Result<()>,
    ) -> io::Result<()> {
        if let [mark] = marks {
            return keep(self.numbers_of_marks[*mark as usize]);
        }
        if let Some(number) = self.together(marks) {
            return keep(number);
        }
        marks.iter().try_for_each(|mark| keep(self.numbers_of_marks[*mark as usize]))
    }

    fn together(&mut self, marks: &[Mark]) -> Option<u16> {
        if let Some(number) = self.numbers_together.get(marks) {
            return Some(*number);
        }
        let all = marks.iter().fold(Row::default(), |all, mark| {
            let row = &self.of_mark[*mark as usize];
            Row {
                at: all.at.union(&row.at),
                below: all.below.union(&row.below),
                never_at: all.never_at.union(&row.never_at),
                never_below: all.never_below.union(&row.never_below),
                ..all
            }
        });
        let number = self.number(&all)?;
        if self.numbers_together.len() < ROWS_MAX {
            self.numbers_together.insert(marks.into(), number);
        }
        Some(number)
    }

    fn number(&mut self, row: &Row) -> Option<u16> {
        if let Some(&number) = self.numbers.get(row) {
            return Some(number);
        }
        if self.rows.len() >= self.rows_max {
            return None;
        }
        let number = u16::try_from(self.rows.len()).ok()?;
        self.rows.push(*row);
        self.numbers.insert(*row, number);
        Some(number)
    }
}
