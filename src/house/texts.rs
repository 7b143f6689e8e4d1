//! List files and folders: what is seen of them, their text piece by piece, and their last good
//! copies.
//!
//! Start at [`look`], which reads nothing, and [`feed`].

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tracing::warn;

use super::fetched::{self, Meta};
use super::place::{self, Place};
use super::unpack::{self, Form, Piece, Trouble};
use super::{Copies, LIST_BYTES_MAX};
use crate::lists::{Origin, Reader, Seen, Source, files};

/// How much of a list is in memory at once, in octets.
const PIECE_OCTETS: usize = 256 * 1024;

/// What is said of a fetched list that has no whole copy any more.
const COPY_DAMAGED: &str = "its copy is damaged; its names are not closed until it comes again";

/// What is known of a list before it is read.
#[derive(Debug, Clone, Default)]
pub(super) struct Look {
    /// Its file, or the last good copy of that; none: it has none that can be read.
    pub(super) seen: Option<Seen>,
    /// When that was last changed.
    pub(super) updated: Option<Timestamp>,
    /// What is wrong with its file, with what is in force meanwhile.
    pub(super) trouble: Option<String>,
}

/// Keeps a text where it is another one than before: an SD card wears with each write.
struct Keeper<'a> {
    copy: &'a Path,
    /// What there was, as long as the new text is the same up to `at`.
    old: Option<File>,
    at: u64,
    new: Option<tempfile::NamedTempFile>,
}

/// Keeps what is read while it is read, if it is to be kept and can be.
struct Keeping<'a> {
    keeper: Option<Keeper<'a>>,
    outcome: io::Result<()>,
    /// Whether the last text did not end its line.
    is_amid_line: bool,
}

/// What is seen of a list without reading it.
pub(super) fn look(source: &Source, state_directory: &Path) -> Look {
    let path = match &source.origin {
        Origin::File(path) => path,
        Origin::Url(_) => return look_at_fetched(source, state_directory),
        Origin::Embedded(_) | Origin::EmbeddedHidden(_) | Origin::Written(_) => {
            return Look::default();
        }
    };
    match see(path, false) {
        Ok((seen, updated)) => Look { seen: Some(seen), updated, trouble: None },
        Err(why) => look_at_copy(path, &copy_of(source, state_directory), &why),
    }
}

/// Feeds the text of a list that carries none itself: of the file that was looked at, or of its
/// last good copy when that cannot be read.
pub(super) fn feed(
    source: &Source,
    look: &mut Look,
    state_directory: &Path,
    copies: Copies,
    reader: &mut Reader<'_>,
) {
    let path = match &source.origin {
        Origin::File(path) => path,
        Origin::Url(url) => return feed_fetched(source, url, look, state_directory, reader),
        Origin::Embedded(_) | Origin::EmbeddedHidden(_) | Origin::Written(_) => return,
    };
    let copy = copy_of(source, state_directory);
    if look.trouble.is_none() {
        match feed_from(path, (copies == Copies::Keep).then_some(&*copy), reader) {
            Ok(()) => return,
            Err(why) => {
                *look = look_at_copy(path, &copy, &why);
                if copies == Copies::Keep {
                    look.warn(&source.id);
                }
                reader.start_over();
            }
        }
    }
    if look.seen.is_some() && feed_copy(path, &copy, reader).is_err() {
        reader.start_over();
    }
}

/// What is seen of the copy of a fetched list. By its length alone: its octets are checked when it
/// is read, and a start with a current index reads nothing.
fn look_at_fetched(source: &Source, state_directory: &Path) -> Look {
    let known = Meta::load(state_directory, &source.id);
    let last = see(&fetched::copy_path(state_directory, &source.id), true).ok();
    let last = last.filter(|(seen, _)| known.as_ref().is_some_and(|it| it.octets == seen.octets));
    let before = || see(&fetched::old_path(state_directory, &source.id), true).ok();
    let (seen, updated) = last.or_else(before).unzip();
    let came = known.is_some_and(|known| known.fetched.is_some());
    let trouble = (came && seen.is_none()).then(|| COPY_DAMAGED.to_owned());
    Look { seen, updated: updated.flatten(), trouble }
}

/// Feeds the copy of a fetched list that is as it came.
fn feed_fetched(
    source: &Source,
    url: &str,
    look: &mut Look,
    state_directory: &Path,
    reader: &mut Reader<'_>,
) {
    let Some(copy) = fetched::whole_copy(state_directory, &source.id) else {
        if look.seen.is_some() {
            look.trouble = Some(COPY_DAMAGED.to_owned());
        }
        return;
    };
    if copy.is_old {
        look.trouble = Some("its copy is damaged; the one before is in force".to_owned());
    }
    let part = url.split_once('#').map(|(_, part)| part);
    let read = unpack::read(&copy.path, part, &mut |piece| hand_over(piece, reader));
    if let Err(why) = read {
        look.trouble = Some(format!("its copy cannot be read: {why}; its names are not closed"));
        reader.start_over();
    }
}

/// Feeds the text at a place, and keeps a copy of it once it was read to its end: of a file as it
/// is, packed or not; of a folder the texts that were read.
fn feed_from(path: &Path, copy: Option<&Path>, reader: &mut Reader<'_>) -> Result<(), Trouble> {
    let Place { path, part } = Place::of(path);
    let part = part.as_deref();
    let mut keeping = Keeping::new(copy);
    if fs::metadata(path)?.is_dir() {
        unpack::read(path, part, &mut |piece| {
            hand_over(piece, reader);
            keeping.take(piece);
        })?;
    } else {
        let file = File::open(path)?;
        let before = file.metadata()?;
        let form = unpack::read_file(&file, part, &mut |piece| hand_over(piece, reader))?;
        if let (Form::Text, Some(part)) = (form, part) {
            return Err(Trouble::NoParts(part.to_owned()));
        }
        // What was read is good, whatever becomes of its copy. A file that was written to since is
        // another one, and may be half of it.
        let is_as_read = |about: &Metadata| Seen::of(about, false) == Seen::of(&before, false);
        let copied = copy.is_none()
            || (&file).rewind().is_ok()
                && each_piece(&file, &mut |octets| keeping.feed(octets)).is_ok()
                && file.metadata().is_ok_and(|now| is_as_read(&now));
        if !copied {
            return Ok(());
        }
    }
    if let Some(copy) = copy {
        keeping.finish(copy);
    }
    Ok(())
}

/// Feeds a last good copy. That of a folder is one text, without parts.
fn feed_copy(path: &Path, copy: &Path, reader: &mut Reader<'_>) -> Result<(), Trouble> {
    let part = Place::of(path).part;
    let file = File::open(copy)?;
    unpack::read_file(&file, part.as_deref(), &mut |piece| hand_over(piece, reader))?;
    Ok(())
}

fn hand_over(piece: Piece<'_>, reader: &mut Reader<'_>) {
    match piece {
        Piece::Text(octets) => reader.feed(octets),
        Piece::EndOfFile => reader.end_of_file(),
    }
}

/// Keeps the copy of a list that need not be read, where it went missing.
pub(super) fn keep_again(source: &Source, look: &Look, state_directory: &Path) {
    let (Origin::File(path), Some(seen), None) = (&source.origin, &look.seen, &look.trouble) else {
        return;
    };
    let copy = copy_of(source, state_directory);
    let place = Place::of(path);
    // The copy of a folder has another length than its files.
    let is_folder = fs::metadata(place.path).is_ok_and(|about| about.is_dir());
    if fs::metadata(&copy).is_ok_and(|about| is_folder || about.len() == seen.octets) {
        return;
    }
    let mut keeping = Keeping::new(Some(&copy));
    let read = if is_folder {
        unpack::read(place.path, place.part.as_deref(), &mut |piece| keeping.take(piece))
    } else {
        File::open(place.path)
            .map_err(Trouble::from)
            .and_then(|file| each_piece(&file, &mut |octets| keeping.feed(octets)))
    };
    if read.is_ok() {
        keeping.finish(&copy);
    }
}

fn copy_of(source: &Source, state_directory: &Path) -> PathBuf {
    files::path_of(state_directory, &source.id, ".last")
}

fn look_at_copy(path: &Path, copy: &Path, why: &Trouble) -> Look {
    let (seen, updated, meanwhile) = match see(copy, true) {
        Ok((seen, updated)) => (Some(seen), updated, "its last good copy is in force"),
        Err(_) => (None, None, "its names are not closed until it can be read"),
    };
    let trouble = format!("{} cannot be read: {why}; {meanwhile}", path.display());
    Look { seen, updated, trouble: Some(trouble) }
}

fn see(path: &Path, is_copy: bool) -> Result<(Seen, Option<Timestamp>), Trouble> {
    let seen = Seen { is_copy, ..place::see(path)? };
    let updated = Timestamp::from_nanosecond(i128::from(seen.modified)).ok();
    Ok((seen, updated))
}

/// Hands over a file as it is, piece by piece.
fn each_piece(mut file: &File, each: &mut dyn FnMut(&[u8])) -> Result<(), Trouble> {
    let mut piece = vec![0; PIECE_OCTETS];
    let mut total = 0;
    loop {
        let length = match file.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        // A file may grow while it is read, and a device has no length.
        total += length as u64;
        if total > LIST_BYTES_MAX {
            return Err(Trouble::TooLarge);
        }
        each(&piece[..length]);
    }
}

// === impl Look ===

impl Look {
    /// Tells the log what is wrong.
    pub(super) fn warn(&self, list: &str) {
        if let Some(trouble) = &self.trouble {
            warn!(list, "{trouble}");
        }
    }
}

// === impl Keeping ===

impl<'a> Keeping<'a> {
    fn new(copy: Option<&'a Path>) -> Self {
        Keeping { keeper: copy.map(Keeper::new), outcome: Ok(()), is_amid_line: false }
    }

    fn feed(&mut self, octets: &[u8]) {
        if let (Some(keeper), Ok(())) = (&mut self.keeper, &self.outcome) {
            self.outcome = keeper.feed(octets);
        }
    }

    /// Takes a piece of several files, of which one text is made.
    fn take(&mut self, piece: Piece<'_>) {
        match piece {
            Piece::Text(octets) => {
                self.is_amid_line = octets.last().map_or(self.is_amid_line, |last| *last != b'\n');
                self.feed(octets);
            }
            Piece::EndOfFile if std::mem::take(&mut self.is_amid_line) => self.feed(b"\n"),
            Piece::EndOfFile => {}
        }
    }

    /// That was all, and it was good.
    fn finish(self, copy: &Path) {
        let Some(keeper) = self.keeper else { return };
        if let Err(error) = self.outcome.and_then(|()| keeper.finish()) {
            warn!(copy = %copy.display(), "the last good copy of a list could not be kept: {error}");
        }
    }
}

// === impl Keeper ===

impl<'a> Keeper<'a> {
    fn new(copy: &'a Path) -> Self {
        Keeper { copy, old: File::open(copy).ok(), at: 0, new: None }
    }

    /// Takes the next piece.
    fn feed(&mut self, octets: &[u8]) -> io::Result<()> {
        if let (Some(old), None) = (&mut self.old, &self.new) {
            let mut same = vec![0; octets.len()];
            if old.read_exact(&mut same).is_ok() && same == octets {
                self.at += octets.len() as u64;
                return Ok(());
            }
        }
        self.begin_anew()?.write_all(octets)
    }

    /// Puts the text in place, if it is another one.
    fn finish(mut self) -> io::Result<()> {
        let same = self.old.as_ref().and_then(|old| old.metadata().ok());
        if self.new.is_none() && same.is_some_and(|about| about.len() == self.at) {
            return Ok(());
        }
        self.begin_anew()?.as_file().sync_all()?;
        if let Some(new) = self.new {
            new.persist(self.copy)?;
        }
        File::open(self.copy.parent().unwrap_or(Path::new(".")))?.sync_all()
    }

    /// The file of the new text, which begins as the old one did.
    fn begin_anew(&mut self) -> io::Result<&mut tempfile::NamedTempFile> {
        if self.new.is_none() {
            let directory = self.copy.parent().unwrap_or(Path::new("."));
            std::fs::create_dir_all(directory)?;
            let mut new = tempfile::NamedTempFile::new_in(directory)?;
            if let Some(old) = &mut self.old {
                old.rewind()?;
                io::copy(&mut old.take(self.at), &mut new)?;
            }
            self.new = Some(new);
        }
        self.new.as_mut().ok_or_else(|| io::Error::other("there is one now"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(copy: &Path, pieces: &[&[u8]]) -> Vec<u8> {
        let mut keeper = Keeper::new(copy);
        for piece in pieces {
            keeper.feed(piece).unwrap();
        }
        keeper.finish().unwrap();
        std::fs::read(copy).unwrap()
    }

    #[test]
    fn a_copy_is_the_text_whatever_stood_there() {
        let directory = tempfile::tempdir().unwrap();
        let copy = directory.path().join("lists").join("big.last");
        for text in
            [&b"one two three"[..], b"one two", b"one two three", b"one six", b"", b"", b"another"]
        {
            for length in [1, 3, 100] {
                let pieces: Vec<_> = text.chunks(length).collect();
                assert_eq!(kept(&copy, &pieces), text);
            }
        }
        assert_eq!(std::fs::read_dir(copy.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn the_same_text_is_not_written_again() {
        let directory = tempfile::tempdir().unwrap();
        let copy = directory.path().join("big.last");
        kept(&copy, &[b"the ", b"text"]);
        let before = Seen::of(&std::fs::metadata(&copy).unwrap(), true);
        kept(&copy, &[b"th", b"e te", b"xt"]);
        assert_eq!(Seen::of(&std::fs::metadata(&copy).unwrap(), true), before);
    }
}
