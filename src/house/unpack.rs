//! The text of a list, whatever it is wrapped in.
//!
//! A plain file, gz or xz (told by their first octets, not by a name), a tar within, or a folder.
//! It comes from strangers: everything streams, every length has a limit, nothing is written, and
//! what is cut off or damaged is an error, never half a list. Start at [`read`]; `tar` walks an
//! archive, `folders` knows which of its files close names. It does not know what a list is.

mod folders;
mod tar;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::fs::{self, File, Metadata};
use std::io::{self, BufReader, Read, Seek as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;

use super::LIST_BYTES_MAX;
use folders::{Contents, Plan};
use tar::Tar;

/// How much of a text is in memory at once, in octets.
const PIECE_OCTETS: usize = 256 * 1024;
/// How much of a file is read at once, in octets.
const FILE_OCTETS: usize = 64 * 1024;
/// How much a packed octet may stand for. Lists of names shrink to a fifth or a tenth; a bomb
/// gives a thousand, and takes a small processor minutes.
const RATIO_MAX: u64 = 50;
/// What may be unpacked whatever the ratio, in octets: a small list may repeat itself.
const RATIO_FREE: u64 = 1024 * 1024;
/// The largest dictionary of xz, in KiB: twice what `xz -6` takes. It is memory.
const XZ_DICTIONARY_KIB_MAX: u32 = 16 * 1024;
/// What the decoder counts beside its dictionary, in KiB.
const XZ_REST_KIB: u32 = 128;
/// How many files a folder or an archive may have. The largest collections have some hundreds.
const MEMBERS_MAX: usize = 10_000;
/// How deep folders may lie in each other.
const DEPTH_MAX: usize = 8;
/// The longest file that says what categories are for, in octets; the best known has 30,000.
const USAGE_OCTETS_MAX: u64 = 256 * 1024;
/// How often an archive is read again because the pieces of a file stand in the wrong order.
const PASSES_MAX: usize = 8;
/// How much of a text tells what it is, in octets: one header of an archive.
const HEAD_OCTETS: u64 = 512;

/// A piece of a list's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// What follows.
    Text(&'a [u8]),
    /// A file ended: no line goes on in the next.
    EndOfFile,
}

/// Why a text cannot be read: `FILE cannot be read: …`.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The system does not let us.
    #[error("{0}")]
    Unreadable(io::Error),
    /// More than a list has, packed or not.
    #[error("it is larger than {} MiB", LIST_BYTES_MAX / 1024 / 1024)]
    TooLarge,
    /// A bomb.
    #[error("it unpacks to more than {RATIO_MAX} times its size, which no list does")]
    TooDense,
    /// More memory than a router has to spare.
    #[error(
        "its xz dictionary is larger than {} MiB: pack it again with `xz -6`",
        XZ_DICTIONARY_KIB_MAX / 1024
    )]
    LargeDictionary,
    /// It ends too early.
    #[error("it is cut off: a download or a copy ended too early")]
    CutOff,
    /// It is not whole in another way.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// It is packed in a way that is not unpacked here.
    #[error("it is packed as {0}, which is not unpacked here: unpack it, or pack it as gz or xz")]
    OtherPacking(&'static str),
    /// A packed file in a packed file.
    #[error("it holds another packed file: unpack it once")]
    PackedTwice,
    /// More files than a list has.
    #[error("it has more than {MEMBERS_MAX} files")]
    TooManyFiles,
    /// Folders in folders.
    #[error("its folders are more than {DEPTH_MAX} deep")]
    TooDeep,
    /// The pieces of a file stand in no order.
    #[error("the pieces of its files stand in too much disorder: unpack it into a folder")]
    Disordered,
    /// Nothing is in it.
    #[error("it has no files")]
    NoFiles,
    /// A part was asked for of what has none.
    #[error("it is one file: it has no part `{0}`")]
    NoParts(String),
    /// A part was asked for that is not there; and those that are.
    #[error("it has no part `{0}`; it has {1}")]
    NoSuchPart(String, String),
    /// All that was asked for is meant to be opened.
    #[error("its `usage` files say that none of this is meant to be closed ({0})")]
    NothingToClose(String),
    /// It is another archive than a moment ago.
    #[error("it was changed while it was read")]
    Changed,
}

/// A limit that was met while octets streamed.
#[derive(Debug, thiserror::Error)]
enum Limit {
    #[error("too large")]
    Large,
    #[error("too dense")]
    Dense,
}

/// What was read so far of one list.
#[derive(Default)]
struct Meter {
    /// Octets of files.
    packed: Cell<u64>,
    /// Octets of text.
    unpacked: Cell<u64>,
}

/// A file, metered.
struct Packed<'a> {
    file: &'a File,
    meter: &'a Meter,
}

/// What a file unpacks to, within the limits.
struct Unpacked<'a, R> {
    inner: R,
    meter: &'a Meter,
    /// Whether the ratio matters.
    is_packed: bool,
}

/// What a file holds when it is unpacked.
struct Stream<'a> {
    /// The beginning, which tells what it is, and then the rest.
    inner: Box<dyn Read + 'a>,
    is_archive: bool,
}

/// Hands over the text at `path`: a plain file, gz or xz, a tar within, or a folder. `part` names
/// one folder or several (with commas) of an archive or folder; none: all that may be closed.
///
/// # Errors
/// When it cannot be read, or not whole, or meets a limit. What was handed over until then is not
/// the list.
pub fn read(
    path: &Path,
    part: Option<&str>,
    each: &mut dyn FnMut(Piece<'_>),
) -> Result<(), Trouble> {
    let file = File::open(path)?;
    let about = file.metadata()?;
    if about.is_dir() {
        return read_folder(path, part, each);
    }
    if read_file(&file, part, each)? == Form::Text
        && let Some(part) = part
    {
        return Err(Trouble::NoParts(part.to_owned()));
    }
    Ok(())
}

/// What a file was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// One text.
    Text,
    /// An archive of files.
    Archive,
}

/// Hands over the text of a file. A part is of an archive; one text has none, and is handed over
/// as it is.
pub(super) fn read_file(
    file: &File,
    part: Option<&str>,
    each: &mut dyn FnMut(Piece<'_>),
) -> Result<Form, Trouble> {
    if file.metadata()?.len() > LIST_BYTES_MAX {
        return Err(Trouble::TooLarge);
    }
    let meter = Meter::default();
    let mut stream = unwrapped(file, &meter)?;
    if !stream.is_archive {
        pour(&mut stream.inner, each)?;
        each(Piece::EndOfFile);
        return Ok(Form::Text);
    }
    let contents = contents_of_archive(Tar::new(stream.inner))?;
    let plan = contents.plan(part)?;
    read_archive(file, &contents, plan, each)?;
    Ok(Form::Archive)
}

/// The files of a folder that may be read for its text, with what the file system says of them, in
/// the order of their paths. Links and hidden files are none of them.
pub(super) fn files_of(folder: &Path) -> Result<Vec<(PathBuf, Metadata)>, Trouble> {
    let mut files = Vec::new();
    collect(folder, 0, &mut files)?;
    files.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(files)
}

/// What says what categories are for beside a folder: a single one may lie in its collection.
pub(super) fn usage_beside(folder: &Path) -> Option<(PathBuf, Metadata)> {
    let path = folder.parent()?.join("global_usage");
    let about = fs::metadata(&path).ok().filter(Metadata::is_file)?;
    Some((path, about))
}

fn collect(
    folder: &Path,
    depth: usize,
    files: &mut Vec<(PathBuf, Metadata)>,
) -> Result<(), Trouble> {
    if depth > DEPTH_MAX {
        return Err(Trouble::TooDeep);
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().as_bytes().starts_with(b".") {
            continue;
        }
        // Of the link itself, not of what it leads to.
        let about = entry.metadata()?;
        if about.is_dir() {
            collect(&entry.path(), depth + 1, files)?;
        } else if about.is_file() {
            files.push((entry.path(), about));
        }
        if files.len() > MEMBERS_MAX {
            return Err(Trouble::TooManyFiles);
        }
    }
    Ok(())
}

fn read_folder(
    folder: &Path,
    part: Option<&str>,
    each: &mut dyn FnMut(Piece<'_>),
) -> Result<(), Trouble> {
    let files = files_of(folder)?;
    let mut contents = Contents {
        name: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        ..Contents::default()
    };
    if let Some((path, _)) = usage_beside(folder) {
        contents.tell("global_usage", &usage(File::open(path)?)?);
    }
    for (path, _) in &files {
        let shown = path.strip_prefix(folder).unwrap_or(path).to_string_lossy().into_owned();
        if Contents::tells(&shown) {
            contents.tell(&shown, &usage(File::open(path)?)?);
        }
        contents.paths.push(shown);
    }
    let meter = Meter::default();
    for pieces in contents.plan(part)? {
        for place in pieces {
            let file = File::open(&files[place].0)?;
            pour(&mut unwrapped(&file, &meter)?.inner, each)?;
        }
        each(Piece::EndOfFile);
    }
    Ok(())
}

fn contents_of_archive<R: Read>(mut archive: Tar<R>) -> Result<Contents, Trouble> {
    let mut contents = Contents::default();
    while let Some(member) = archive.next()? {
        let path = folders::plain(&member.path);
        if Contents::tells(&path) {
            contents.tell(&path, &usage(&mut archive)?);
        }
        contents.paths.push(path);
    }
    Ok(contents)
}

/// Hands over the files of an archive. What stands before a piece that it follows is met when the
/// archive is read again.
fn read_archive(
    file: &File,
    contents: &Contents,
    mut plan: Plan,
    each: &mut dyn FnMut(Piece<'_>),
) -> Result<(), Trouble> {
    // The next one is at the end.
    for pieces in &mut plan {
        pieces.reverse();
    }
    let mut at: Option<usize> = None;
    for _ in 0..PASSES_MAX {
        let mut file = file;
        file.rewind()?;
        let meter = Meter::default();
        let mut archive = Tar::new(unwrapped(file, &meter)?.inner);
        let mut place = 0;
        while let Some(member) = archive.next()? {
            if contents.paths.get(place).is_none_or(|path| *path != folders::plain(&member.path)) {
                return Err(Trouble::Changed);
            }
            let is_next = |pieces: &Vec<usize>| pieces.last() == Some(&place);
            let found = match at {
                Some(at) => is_next(&plan[at]).then_some(at),
                None => plan.iter().position(is_next),
            };
            if let Some(found) = found {
                pour(&mut archive, each)?;
                plan[found].pop();
                at = (!plan[found].is_empty()).then_some(found);
                if at.is_none() {
                    each(Piece::EndOfFile);
                }
            }
            place += 1;
        }
        if plan.iter().all(Vec::is_empty) {
            return Ok(());
        }
    }
    Err(Trouble::Disordered)
}

/// What a file unpacks to.
fn unwrapped<'a>(file: &'a File, meter: &'a Meter) -> Result<Stream<'a>, Trouble> {
    let mut packed = BufReader::with_capacity(FILE_OCTETS, Packed { file, meter });
    let mut head = Vec::new();
    (&mut packed).take(HEAD_OCTETS).read_to_end(&mut head)?;
    let packing = Packing::of(&head);
    let packed = io::Cursor::new(head).chain(packed);
    let inner: Box<dyn Read + 'a> = match packing {
        Packing::None => Box::new(packed),
        Packing::Gz => Box::new(MultiGzDecoder::new(packed)),
        Packing::Xz => {
            let limit = XZ_DICTIONARY_KIB_MAX + XZ_REST_KIB;
            Box::new(XzReader::new_mem_limit(packed, true, limit))
        }
        Packing::Other(name) => return Err(Trouble::OtherPacking(name)),
    };
    let is_packed = packing != Packing::None;
    let mut inner = Unpacked { inner, meter, is_packed };
    let mut head = Vec::new();
    (&mut inner).take(HEAD_OCTETS).read_to_end(&mut head)?;
    let is_archive = tar::begins(&head);
    Ok(Stream { inner: Box::new(io::Cursor::new(head).chain(inner)), is_archive })
}

/// Hands over all of a text.
fn pour(text: &mut dyn Read, each: &mut dyn FnMut(Piece<'_>)) -> Result<(), Trouble> {
    let mut head = Vec::new();
    text.take(HEAD_OCTETS).read_to_end(&mut head)?;
    if Packing::of(&head) != Packing::None || tar::begins(&head) {
        return Err(Trouble::PackedTwice);
    }
    each(Piece::Text(&head));
    let mut piece = vec![0; PIECE_OCTETS];
    loop {
        match text.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(length) => each(Piece::Text(&piece[..length])),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// The text of a file that says what categories are for.
fn usage(text: impl Read) -> Result<Vec<u8>, Trouble> {
    let mut usage = Vec::new();
    text.take(USAGE_OCTETS_MAX + 1).read_to_end(&mut usage)?;
    if usage.len() as u64 > USAGE_OCTETS_MAX {
        return Err(Trouble::Damaged("one of its `usage` files is none".to_owned()));
    }
    Ok(usage)
}

/// How a text is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    None,
    Gz,
    Xz,
    Other(&'static str),
}

// === impl Packing ===

impl Packing {
    /// By the first octets, which no text has.
    fn of(head: &[u8]) -> Packing {
        const ALL: [(&[u8], Packing); 7] = [
            (b"\x1f\x8b", Packing::Gz),
            (b"\xfd7zXZ\0", Packing::Xz),
            (b"PK\x03\x04", Packing::Other("zip")),
            (b"\x28\xb5\x2f\xfd", Packing::Other("zstd")),
            (b"7z\xbc\xaf\x27\x1c", Packing::Other("7z")),
            (b"Rar!\x1a\x07", Packing::Other("rar")),
            (b"\x1f\x9d", Packing::Other("compress")),
        ];
        let is_bzip2 = head.starts_with(b"BZh") && head.get(4..10) == Some(b"1AY&SY");
        let found = ALL.iter().find(|(first, _)| head.starts_with(first));
        match found {
            Some((_, packing)) => *packing,
            None if is_bzip2 => Packing::Other("bzip2"),
            None => Packing::None,
        }
    }
}

// === impl Read ===

impl Read for Packed<'_> {
    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read(octets)?;
        self.meter.packed.set(self.meter.packed.get() + length as u64);
        Ok(length)
    }
}

impl<R: Read> Read for Unpacked<'_, R> {
    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(octets)?;
        let unpacked = self.meter.unpacked.get() + length as u64;
        self.meter.unpacked.set(unpacked);
        // A file may grow while it is read, and a device has no length.
        if unpacked > LIST_BYTES_MAX {
            return Err(io::Error::other(Limit::Large));
        }
        if self.is_packed && unpacked > RATIO_FREE + RATIO_MAX * self.meter.packed.get() {
            return Err(io::Error::other(Limit::Dense));
        }
        Ok(length)
    }
}

// === impl Trouble ===

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        let limit = error.get_ref().and_then(|inner| inner.downcast_ref::<Limit>());
        match (limit, error.kind()) {
            (Some(Limit::Large), _) => Trouble::TooLarge,
            (Some(Limit::Dense), _) => Trouble::TooDense,
            (None, _) if error.raw_os_error().is_some() => Trouble::Unreadable(error),
            (None, io::ErrorKind::UnexpectedEof) => Trouble::CutOff,
            (None, io::ErrorKind::OutOfMemory) => Trouble::LargeDictionary,
            (None, _) => Trouble::Damaged(error.to_string()),
        }
    }
}
