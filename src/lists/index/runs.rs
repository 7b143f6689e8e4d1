//! Entries that do not fit into the memory a build may take: sorted runs in a file without a name,
//! and all of them merged into one order again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::FileExt as _;

use super::build::{Entry, Mark};

/// The octets of an entry in the file.
const ENTRY_OCTETS: usize = 12;
/// How much of all runs together is read ahead, in octets.
const READ_AHEAD_OCTETS: usize = 2 * 1024 * 1024;
/// How much of one run is read ahead at most, in entries: more makes nothing faster.
const RUN_AHEAD_ENTRIES_MAX: usize = 8 * 1024;

/// Sorted runs in a file.
pub(super) struct Runs {
    file: File,
    /// Where each run ends; the first begins at 0.
    ends: Vec<u64>,
}

/// All entries in order: those of the runs and those still in memory.
pub(super) struct Merge<'a> {
    runs: Vec<Run<'a>>,
    memory: std::slice::Iter<'a, Entry>,
    /// The next entry of each run, and of the memory, which is the run after the last.
    next: BinaryHeap<Reverse<(u64, Mark, usize)>>,
}

/// One run while it is read.
struct Run<'a> {
    file: &'a File,
    at: u64,
    end: u64,
    ahead: Vec<u8>,
    taken: usize,
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
}

// === impl Merge ===

impl<'a> Merge<'a> {
    /// The entries of the runs and of a sorted slice.
    pub(super) fn new(runs: Option<&'a Runs>, memory: &'a [Entry]) -> io::Result<Self> {
        let mut merge = Merge { runs: Vec::new(), memory: memory.iter(), next: BinaryHeap::new() };
        if let Some(Runs { file, ends }) = runs {
            let share = READ_AHEAD_OCTETS / ENTRY_OCTETS / ends.len().max(1);
            let ahead = ENTRY_OCTETS * share.clamp(1, RUN_AHEAD_ENTRIES_MAX);
            let mut at = 0;
            for &end in ends {
                merge.runs.push(Run { file, at, end, ahead: vec![0; ahead], taken: ahead });
                at = end;
            }
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
        while let Some(Reverse((hash, mark, place))) = self.next.pop() {
            if let Some((hash, mark)) = self.pull(place)? {
                self.next.push(Reverse((hash, mark, place)));
            }
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

    fn pull(&mut self, place: usize) -> io::Result<Option<Entry>> {
        match self.runs.get_mut(place) {
            Some(run) => run.pull(),
            None => Ok(self.memory.next().copied()),
        }
    }
}

// === impl Run ===

impl Run<'_> {
    fn pull(&mut self) -> io::Result<Option<Entry>> {
        if self.taken >= self.ahead.len() {
            let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
            self.ahead.truncate(left);
            self.file.read_exact_at(&mut self.ahead, self.at)?;
            self.at += self.ahead.len() as u64;
            self.taken = 0;
        }
        let entry = self.ahead.get(self.taken..).and_then(<[u8]>::first_chunk::<ENTRY_OCTETS>);
        self.taken += ENTRY_OCTETS;
        let Some(entry) = entry else { return Ok(None) };
        let (hash, mark) = entry.split_at(8);
        let hash = hash.try_into().map(u64::from_le_bytes);
        let mark = mark.try_into().map(Mark::from_le_bytes);
        Ok(hash.ok().zip(mark.ok()))
    }
}
