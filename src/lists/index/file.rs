//! How an index stands in a file, and how it gets there whole.
//!
//! The header says how long everything is and ends in a checksum over all of it. The checksum
//! tells torn files and worn cards; it keeps no attacker out, and need not: who can write into the
//! state directory can write the config too. A file that is not as it should be in any way is not
//! used, and built again. Start at [`Header`] and [`Index::open`].

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::build::Unbuilt;
use super::hash::{Key, LABELS_MAX};
use super::{Index, LINE_OCTETS, Octets, ROW_OCTETS};
use crate::name::fold;
use crate::sys::Mapped;

/// Where the lines begin: on a page of their own.
pub(super) const HEADER_OCTETS: usize = 4096;
/// The words of the header that say something, the checksum last.
const HEADER_WORDS: usize = 16;
/// The first octets of each index.
const MAGIC: u64 = u64::from_le_bytes(*b"amparo\x00i");
/// The version of this layout. Another one is built again.
const VERSION: u64 = 2;
/// How much is written at once, in octets.
const WRITE_OCTETS: usize = 64 * 1024;
/// Multiplies in the checksum: odd, and with as many ones as zeros. Nothing else hangs on it.
const CHECKSUM_FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// What stands in the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lists) struct Header {
    pub(super) key: Key,
    /// Of what it was made from.
    pub(super) fingerprint: [u64; 2],
    /// When building began, in nanoseconds since 1970 by the clock of the file system.
    pub(super) began: i64,
    pub(super) names: usize,
    /// The fewest and the most labels of a name.
    pub(super) labels: (usize, usize),
    pub(super) home_lines: u32,
    pub(super) lines: u32,
    pub(super) rows: usize,
    /// Octets that were given along: whole blocks.
    pub(super) carried_octets: usize,
}

/// What an index carries along for whoever asked for it.
#[derive(Debug, Clone, Default)]
pub(in crate::lists) struct Carried {
    /// Of what the index is made from.
    pub(in crate::lists) fingerprint: [u64; 2],
    /// When building began, in nanoseconds since 1970 by the clock of the file system.
    pub(in crate::lists) began: i64,
    /// Any text; the blanks that fill it up to whole blocks come back with it.
    pub(in crate::lists) text: Vec<u8>,
}

/// Why a file is not used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// There is none.
    #[error("there is none")]
    Absent,
    /// It was made from something else.
    #[error("it was made from other lists or rules")]
    Outdated,
    /// It is torn or worn, another program's or another version's.
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(io::Error),
}

/// Where an index is written to: blocks of whole lines, one after another, then its header.
pub(in crate::lists) trait Sink {
    /// Begins a file of about so many octets.
    fn begin(&mut self, octets: usize) -> io::Result<()>;

    /// Writes some blocks.
    fn write(&mut self, blocks: &[u8]) -> io::Result<()>;

    /// Puts the header before them, and the whole in its place when it passes the test.
    fn finish(self, header: &Header, test: &dyn Fn(&Index) -> bool) -> Result<Index, Unbuilt>;
}

/// An index in memory.
#[derive(Default)]
pub(in crate::lists) struct InMemory {
    octets: Vec<u8>,
    start: usize,
}

/// An index in a file that takes the place of another when it is whole.
pub(in crate::lists) struct InFile<'a> {
    out: BufWriter<tempfile::NamedTempFile>,
    path: &'a Path,
    checksum: Checksum,
}

/// A sum over blocks of [`LINE_OCTETS`]. Eight octets a step, in four lanes that the processor
/// works on at once.
#[derive(Debug, Clone, Copy)]
pub(in crate::lists) struct Checksum {
    lanes: [u64; 4],
}

// === impl Header ===

impl Header {
    /// Where the lines end and the rows begin.
    pub(super) fn lines_end(&self) -> usize {
        HEADER_OCTETS + self.lines as usize * LINE_OCTETS
    }

    /// Where the rows end, and what is carried along begins.
    pub(super) fn rows_end(&self) -> usize {
        self.lines_end() + self.rows * ROW_OCTETS
    }

    /// How long the whole is.
    pub(super) fn end(&self) -> usize {
        self.rows_end() + self.carried_octets
    }

    /// The header as it is written. Lengths have at most 32 bits.
    fn encode(&self, mut checksum: Checksum) -> [u8; HEADER_WORDS * 8] {
        let [start, factor] = self.key.to_words();
        let mut words = [
            MAGIC,
            VERSION,
            start,
            factor,
            self.fingerprint[0],
            self.fingerprint[1],
            self.began.cast_unsigned(),
            self.names as u64,
            self.labels.0 as u64,
            self.labels.1 as u64,
            u64::from(self.home_lines),
            u64::from(self.lines),
            self.rows as u64,
            self.carried_octets as u64,
            self.end() as u64,
            0,
        ];
        for word in &words[..HEADER_WORDS - 1] {
            checksum.add_word(*word);
        }
        words[HEADER_WORDS - 1] = checksum.words()[0];
        let mut octets = [0; HEADER_WORDS * 8];
        for (to, word) in octets.as_chunks_mut().0.iter_mut().zip(words) {
            *to = word.to_le_bytes();
        }
        octets
    }

    /// Reads the header of a whole file. No length is believed.
    fn decode(octets: &[u8]) -> Result<Self, &'static str> {
        let head = octets.first_chunk::<{ HEADER_WORDS * 8 }>().ok_or("it is too short")?;
        let head = head.as_chunks::<8>().0;
        let words: [u64; HEADER_WORDS] = std::array::from_fn(|i| u64::from_le_bytes(head[i]));
        let [magic, version, start, factor, a, b, began, rest @ ..] = words;
        if (magic, version) != (MAGIC, VERSION) {
            return Err("it is no index of this version");
        }
        let [names, fewest, most, home_lines, lines, rows, carried, end, checksum] = rest;
        let key = Key::from_words([start, factor]).ok_or("its key is none")?;
        let small = |word: u64| u32::try_from(word).map_err(|_| "its lengths are too large");
        let length = |word: u64| small(word).map(|word| word as usize);
        let header = Header {
            key,
            fingerprint: [a, b],
            began: began.cast_signed(),
            names: length(names)?,
            labels: (length(fewest)?, length(most)?),
            home_lines: small(home_lines)?,
            lines: small(lines)?,
            rows: length(rows)?,
            carried_octets: length(carried)?,
        };
        // In 64 bits: on a small machine the lengths of a wrong file could wrap.
        let said =
            HEADER_OCTETS as u64 + lines * LINE_OCTETS as u64 + rows * ROW_OCTETS as u64 + carried;
        if said != end || end != octets.len() as u64 {
            return Err("it is not as long as it says");
        }
        let is_even = carried.is_multiple_of(LINE_OCTETS as u64);
        if !is_even || home_lines > lines || header.labels.1 > LABELS_MAX {
            return Err("its lengths contradict one another");
        }
        let mut sum = Checksum::default();
        sum.add(&octets[HEADER_OCTETS..]);
        for word in &words[..HEADER_WORDS - 1] {
            sum.add_word(*word);
        }
        // A fuzzer finds no checksum; what stands behind one that is right by chance must do no harm.
        if sum.words()[0] != checksum && !cfg!(fuzzing) {
            return Err("its checksum is another one");
        }
        Ok(header)
    }
}

// === impl Index: from a file ===

impl Index {
    /// Maps the file at a path; what it carries along comes with it.
    ///
    /// # Errors
    /// When there is none, it was made from something else, or it is not whole.
    pub(in crate::lists) fn open(
        path: &Path,
        fingerprint: [u64; 2],
    ) -> Result<(Self, Carried), Unusable> {
        let file = File::open(path).map_err(|error| {
            let is_absent = error.kind() == io::ErrorKind::NotFound;
            if is_absent { Unusable::Absent } else { Unusable::Unreadable(error) }
        })?;
        let octets = Mapped::open(&file).map_err(Unusable::Unreadable)?;
        let header = Header::decode(&octets).map_err(Unusable::Damaged)?;
        if header.fingerprint != fingerprint {
            return Err(Unusable::Outdated);
        }
        let text = octets[header.rows_end()..].to_vec();
        let carried = Carried { fingerprint, began: header.began, text };
        Ok((Index::new(Octets::Mapped(octets), &header), carried))
    }
}

#[doc(hidden)]
impl Index {
    /// An index of any octets that have its shape: what is fuzzed.
    ///
    /// # Errors
    /// When they have not.
    pub fn from_octets(octets: &[u8]) -> Result<Self, Unusable> {
        let header = Header::decode(octets).map_err(Unusable::Damaged)?;
        Ok(Index::new(Octets::Owned(octets.to_vec(), 0), &header))
    }
}

/// The key of the index at a path, whatever it was made from: names that were hashed for it need not
/// be hashed again. None when it is no index of this version.
pub(in crate::lists) fn key_of(path: &Path) -> Option<Key> {
    let mut head = [0; HEADER_WORDS * 8];
    File::open(path).ok()?.read_exact_at(&mut head, 0).ok()?;
    let words = head.as_chunks::<8>().0;
    let [magic, version, start, factor] = std::array::from_fn(|i| u64::from_le_bytes(words[i]));
    if (magic, version) == (MAGIC, VERSION) { Key::from_words([start, factor]) } else { None }
}

// === impl Sink for InMemory ===

impl Sink for InMemory {
    fn begin(&mut self, octets: usize) -> io::Result<()> {
        self.octets = Vec::with_capacity(octets + LINE_OCTETS);
        // So that a line is a cache line here too.
        self.start = self.octets.as_ptr().align_offset(LINE_OCTETS).min(LINE_OCTETS);
        self.octets.resize(self.start + HEADER_OCTETS, 0);
        Ok(())
    }

    fn write(&mut self, blocks: &[u8]) -> io::Result<()> {
        self.octets.extend_from_slice(blocks);
        Ok(())
    }

    fn finish(self, header: &Header, test: &dyn Fn(&Index) -> bool) -> Result<Index, Unbuilt> {
        let index = Index::new(Octets::Owned(self.octets, self.start), header);
        if test(&index) { Ok(index) } else { Err(Unbuilt::Collision) }
    }
}

// === impl InFile ===

impl<'a> InFile<'a> {
    /// Writes into a temporary file, and finally to the path, which is in the same directory.
    pub(in crate::lists) fn new(temporary: tempfile::NamedTempFile, path: &'a Path) -> Self {
        let out = BufWriter::with_capacity(WRITE_OCTETS, temporary);
        InFile { out, path, checksum: Checksum::default() }
    }
}

impl Sink for InFile<'_> {
    fn begin(&mut self, _: usize) -> io::Result<()> {
        self.out.write_all(&[0; HEADER_OCTETS])
    }

    fn write(&mut self, blocks: &[u8]) -> io::Result<()> {
        self.checksum.add(blocks);
        self.out.write_all(blocks)
    }

    fn finish(self, header: &Header, test: &dyn Fn(&Index) -> bool) -> Result<Index, Unbuilt> {
        let temporary = self.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        temporary.as_file().write_all_at(&header.encode(self.checksum), 0)?;
        temporary.as_file().sync_all()?;
        // Nobody writes to it any more.
        let octets = Mapped::open(temporary.as_file())?;
        let header = Header::decode(&octets).map_err(io::Error::other)?;
        let index = Index::new(Octets::Mapped(octets), &header);
        if !test(&index) {
            return Err(Unbuilt::Collision);
        }
        temporary.persist(self.path).map_err(io::Error::from)?;
        File::open(self.path.parent().unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(index)
    }
}

// === impl Checksum ===

impl Default for Checksum {
    fn default() -> Self {
        Checksum { lanes: [1, 2, 3, 4] }
    }
}

impl Checksum {
    /// Adds whole blocks; what is left over at the end counts as if filled up with zeros.
    pub(in crate::lists) fn add(&mut self, octets: &[u8]) {
        let (blocks, rest) = octets.as_chunks::<32>();
        for block in blocks {
            self.add_block(block);
        }
        if !rest.is_empty() {
            let mut block = [0; 32];
            block[..rest.len()].copy_from_slice(rest);
            self.add_block(&block);
        }
    }

    fn add_block(&mut self, block: &[u8; 32]) {
        for (lane, word) in self.lanes.iter_mut().zip(block.as_chunks().0) {
            *lane = fold(*lane ^ u64::from_le_bytes(*word), CHECKSUM_FACTOR);
        }
    }

    /// Adds eight octets.
    pub(in crate::lists) fn add_word(&mut self, word: u64) {
        self.lanes[0] = fold(self.lanes[0] ^ word, CHECKSUM_FACTOR);
    }

    /// The sum, twice as long as a checksum need be.
    pub(in crate::lists) fn words(&self) -> [u64; 2] {
        let all = |start| {
            self.lanes.iter().fold(start, |sum: u64, lane| {
                fold(sum.wrapping_add(1) ^ lane, CHECKSUM_FACTOR).rotate_left(17)
            })
        };
        [all(5), all(6)]
    }
}
