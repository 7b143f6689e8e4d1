//! Sorted entries in files, and all of them merged into one order again: what does not fit into
//! the memory a build may take, and what was made of a list before.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io::{self, BufWriter, Seek as _, Write as _};
use std::os::unix::fs::FileExt as _;

use super::build::{Entry, Mark};

/// The octets of an entry with its mark.
const ENTRY_OCTETS: usize = 12;
/// How much of all runs together is read ahead, in octets.
const READ_AHEAD_OCTETS: usize = 2 * 1024 * 1024;
/// How much of one run is read ahead at most, in entries: more makes nothing faster.
const RUN_AHEAD_ENTRIES_MAX: usize = 8 * 1024;

/// Sorted runs in a file without a name.
pub(super) struct Runs {
    file: File,
    /// Where each run ends; the first begins at 0.
    ends: Vec<u64>,
}

/// One sorted run while it is read.
pub(super) struct Run<'a> {
    file: &'a File,
    at: u64,
    end: u64,
    /// How an entry stands there.
    shape: Shape,
    ahead: Vec<u8>,
    taken: usize,
}

/// How an entry stands in a file, behind the eight octets of its hash.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// With its mark in four octets.
    Marked,
    /// With one octet, which counts from this mark.
    From(Mark),
}

/// All entries in order: those of the runs and those still in memory.
pub(super) struct Merge<'a> {
    runs: Vec<Run<'a>>,
    memory: std::slice::Iter<'a, Entry>,
    /// The next entry of each run, and of the memory, which is the run after the last.
    next: BinaryHeap<Reverse<(u64, Mark, usize)>>,
}

// === impl Runs ===

impl Runs {
    /// None yet; they will go into this file, which is empty.
    pub(super) fn new(file: File) -> Self {
        Runs { file, ends: Vec::new() }
    }

    /// Writes a run of sorted entries.
    pub(super) fn push(&mut self, entries: &[Entry]) -> io::Result<()> {
        let mut out = BufWriter::with_capacity(64 * 1024, &self.file);
        for (hash, mark) in entries {
            out.write_all(&hash.to_le_bytes())?;
            out.write_all(&mark.to_le_bytes())?;
        }
        out.flush()?;
        let start = self.ends.last().copied().unwrap_or(0);
        self.ends.push(start + (entries.len() * ENTRY_OCTETS) as u64);
        Ok(())
    }

    /// Forgets all of them.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.ends.clear();
        self.file.set_len(0)?;
        self.file.rewind()
    }

    /// Each run, to be read.
    pub(super) fn iter(&self) -> impl Iterator<Item = Run<'_>> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(at, &end)| Run::new(&self.file, at, end, Shape::Marked))
    }
}

// === impl Merge ===

impl<'a> Merge<'a> {
    /// The entries of the runs and of a sorted slice.
    pub(super) fn new(
        runs: impl Iterator<Item = Run<'a>>,
        memory: &'a [Entry],
    ) -> io::Result<Self> {
        let runs: Vec<_> = runs.collect();
        let mut merge = Merge { runs, memory: memory.iter(), next: BinaryHeap::new() };
        let share = READ_AHEAD_OCTETS / ENTRY_OCTETS / merge.runs.len().max(1);
        let ahead = share.clamp(1, RUN_AHEAD_ENTRIES_MAX);
        for run in &mut merge.runs {
            run.ahead = vec![0; ahead * run.shape.octets()];
            run.taken = run.ahead.len();
        }
        for place in 0..=merge.runs.len() {
            if let Some((hash, mark)) = merge.pull(place)? {
                merge.next.push(Reverse((hash, mark, place)));
            }
        }
        Ok(merge)
    }

    /// Hands over each hash once, in order, with its marks, which stand there once.
    pub(super) fn each_name(
        mut self,
        mut each: impl FnMut(u64, &[Mark]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut marks: Vec<Mark> = Vec::new();
        let mut current = 0;
        while let Some((hash, mark)) = self.pop()? {
            if hash != current && !marks.is_empty() {
                each(current, &marks)?;
                marks.clear();
            }
            current = hash;
            if marks.last() != Some(&mark) {
                marks.push(mark);
            }
        }
        if marks.is_empty() { Ok(()) } else { each(current, &marks) }
    }

    /// The first of all entries.
    fn pop(&mut self) -> io::Result<Option<Entry>> {
        let Merge { runs, memory, next } = self;
        let Some(mut top) = next.peek_mut() else { return Ok(None) };
        let Reverse((hash, mark, place)) = *top;
        let following = match runs.get_mut(place) {
            Some(run) => run.pull()?,
            None => memory.next().copied(),
        };
        match following {
            Some((hash, mark)) => *top = Reverse((hash, mark, place)),
            None => drop(PeekMut::pop(top)),
        }
        Ok(Some((hash, mark)))
    }

    fn pull(&mut self, place: usize) -> io::Result<Option<Entry>> {
        match self.runs.get_mut(place) {
            Some(run) => run.pull(),
            None => Ok(self.memory.next().copied()),
        }
    }
}

// === impl Run ===

impl<'a> Run<'a> {
    /// The entries between two places of a file.
    pub(super) fn new(file: &'a File, at: u64, end: u64, shape: Shape) -> Self {
        Run { file, at, end, shape, ahead: Vec::new(), taken: 0 }
    }

    fn pull(&mut self) -> io::Result<Option<Entry>> {
        if self.taken >= self.ahead.len() {
            let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
            self.ahead.truncate(left);
            self.file.read_exact_at(&mut self.ahead, self.at)?;
            self.at += self.ahead.len() as u64;
            self.taken = 0;
        }
        let octets = self.ahead.get(self.taken..).unwrap_or_default();
        let Some((hash, rest)) = octets.split_first_chunk::<8>() else { return Ok(None) };
        let mark = match self.shape {
            Shape::Marked => rest.first_chunk().map(|mark| Mark::from_le_bytes(*mark)),
            Shape::From(first) => rest.first().map(|&number| first + Mark::from(number)),
        };
        self.taken += self.shape.octets();
        Ok(mark.map(|mark| (u64::from_le_bytes(*hash), mark)))
    }
}

impl Shape {
    fn octets(self) -> usize {
        match self {
            Shape::Marked => ENTRY_OCTETS,
            Shape::From(_) => 9,
        }
    }
}
