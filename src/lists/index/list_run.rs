//! One list as an index takes it: its names as sorted hashes in a file, so that a list that did not
//! change is not read again when another did.
//!
//! ```text
//! header │ hash (u64), kind (u8) │ … │ what is carried along (JSON)
//! ```
//! The hashes are keyed as those of the index are; with another key, or another text, a file says
//! nothing. The header ends in a checksum over all of it. Start at [`ListRun::open`] and [`write()`].

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::build::{Mark, Names};
use super::file::{Checksum, Unusable};
use super::hash::{Key, LABELS_MAX};
use super::runs::{Run, Shape};

/// The words of the header, the checksum last.
const HEADER_WORDS: usize = 12;
/// Where the entries begin.
const HEADER_OCTETS: usize = HEADER_WORDS * 8;
/// The octets of an entry.
const ENTRY_OCTETS: u64 = 9;
/// The first octets of each such file.
const MAGIC: u64 = u64::from_le_bytes(*b"amparo\x00l");
/// The version of this layout. Another one is made again.
const VERSION: u64 = 1;
/// How much is read or written at once, in octets: whole blocks of the checksum.
const PIECE_OCTETS: usize = 64 * 1024;

/// The names of one list.
#[derive(Debug)]
pub(in crate::lists) struct ListRun {
    file: File,
    pub(super) entries: u64,
    /// The fewest and the most labels of a name.
    pub(super) labels: (usize, usize),
    /// When it was begun, in nanoseconds since 1970 by the clock of the file system.
    pub(in crate::lists) began: i64,
    /// What was given along.
    pub(in crate::lists) carried: Vec<u8>,
}

/// What a list is made of: when any of it is another, so is the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lists) struct Made {
    pub(in crate::lists) key: Key,
    pub(in crate::lists) fingerprint: [u64; 2],
}

impl ListRun {
    /// Takes the names from a file that was made of just this.
    ///
    /// # Errors
    /// When there is none, it was made of something else, or it is not whole.
    pub(in crate::lists) fn open(path: &Path, made: Made) -> Result<Self, Unusable> {
        let file = File::open(path).map_err(|error| {
            let is_absent = error.kind() == io::ErrorKind::NotFound;
            if is_absent { Unusable::Absent } else { Unusable::Unreadable(error) }
        })?;
        Self::of(file, made)
    }

    fn of(file: File, made: Made) -> Result<Self, Unusable> {
        let octets = file.metadata().map_err(Unusable::Unreadable)?.len();
        let mut head = [0; HEADER_OCTETS];
        file.read_exact_at(&mut head, 0).map_err(|_| Unusable::Damaged("it is too short"))?;
        let words: [u64; HEADER_WORDS] =
            std::array::from_fn(|i| u64::from_le_bytes(head.as_chunks::<8>().0[i]));
        let [magic, version, start, factor, a, b, began, entries, fewest, most, carried, checksum] =
            words;
        if (magic, version) != (MAGIC, VERSION) {
            return Err(Unusable::Damaged("it is no list of this version"));
        }
        if ([start, factor], [a, b]) != (made.key.to_words(), made.fingerprint) {
            return Err(Unusable::Outdated);
        }
        let end_of_entries = entries.checked_mul(ENTRY_OCTETS);
        let end_of_entries =
            end_of_entries.and_then(|length| length.checked_add(HEADER_OCTETS as u64));
        let end = end_of_entries.and_then(|end| end.checked_add(carried));
        let label = |word| usize::try_from(word).ok().filter(|labels| *labels <= LABELS_MAX);
        let (Some(end_of_entries), Some(fewest), Some(most)) =
            (end_of_entries, label(fewest), label(most))
        else {
            return Err(Unusable::Damaged("its lengths are too large"));
        };
        if end != Some(octets) {
            return Err(Unusable::Damaged("it is not as long as it says"));
        }
        let mut sum = Checksum::default();
        each_piece(&file, |piece| sum.add(piece)).map_err(Unusable::Unreadable)?;
        words[..HEADER_WORDS - 1].iter().for_each(|word| sum.add_word(*word));
        if sum.words()[0] != checksum && !cfg!(fuzzing) {
            return Err(Unusable::Damaged("its checksum is another one"));
        }
        let mut text = vec![0; usize::try_from(carried).unwrap_or_default()];
        file.read_exact_at(&mut text, end_of_entries).map_err(Unusable::Unreadable)?;
        let labels = (fewest, most);
        Ok(ListRun { file, entries, labels, began: began.cast_signed(), carried: text })
    }

    /// Its entries in order; the marks count from the first.
    pub(super) fn read(&self, first: Mark) -> Run<'_> {
        let start = HEADER_OCTETS as u64;
        Run::new(&self.file, start, start + self.entries * ENTRY_OCTETS, Shape::From(first))
    }
}

/// Writes the names of a list, whose marks are the numbers of kinds, to a path, and takes them from
/// there. What is carried along is written as it is.
///
/// # Errors
/// When a file fails.
pub(in crate::lists) fn write(
    path: &Path,
    made: Made,
    began: i64,
    mut names: Names,
    carried: &[u8],
) -> io::Result<ListRun> {
    let labels = names.sort()?;
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut temporary = tempfile::NamedTempFile::new_in(directory)?;
    let mut entries = 0_u64;
    let mut out = BufWriter::with_capacity(PIECE_OCTETS, temporary.as_file_mut());
    out.write_all(&[0; HEADER_OCTETS])?;
    names.merged()?.each_name(|hash, marks| {
        entries += marks.len() as u64;
        marks.iter().try_for_each(|mark| {
            out.write_all(&hash.to_le_bytes())?;
            out.write_all(&[u8::try_from(*mark).unwrap_or(u8::MAX)])
        })
    })?;
    out.write_all(carried)?;
    out.flush()?;
    drop(out);
    drop(names);

    let [start, factor] = made.key.to_words();
    let labels = if entries == 0 { (0, 0) } else { labels };
    let mut words = [
        MAGIC,
        VERSION,
        start,
        factor,
        made.fingerprint[0],
        made.fingerprint[1],
        began.cast_unsigned(),
        entries,
        labels.0 as u64,
        labels.1 as u64,
        carried.len() as u64,
        0,
    ];
    let mut sum = Checksum::default();
    each_piece(temporary.as_file(), |piece| sum.add(piece))?;
    words[..HEADER_WORDS - 1].iter().for_each(|word| sum.add_word(*word));
    words[HEADER_WORDS - 1] = sum.words()[0];
    let mut head = [0; HEADER_OCTETS];
    for (to, word) in head.as_chunks_mut().0.iter_mut().zip(words) {
        *to = word.to_le_bytes();
    }
    temporary.as_file().write_all_at(&head, 0)?;
    // Not waited for until it is on the disk: what a power cut tears has another checksum.
    let file = temporary.persist(path).map_err(io::Error::from)?;
    Ok(ListRun { file, entries, labels, began, carried: carried.to_vec() })
}

/// Hands over what stands behind the header, in whole blocks but for the last.
fn each_piece(file: &File, mut each: impl FnMut(&[u8])) -> io::Result<()> {
    let mut piece = vec![0; PIECE_OCTETS];
    let mut at = HEADER_OCTETS as u64;
    loop {
        let mut filled = 0;
        while filled < piece.len() {
            match file.read_at(&mut piece[filled..], at) {
                Ok(0) => break,
                Ok(length) => {
                    filled += length;
                    at += length as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if filled == 0 {
            return Ok(());
        }
        each(&piece[..filled]);
    }
}
