//! The members of a tar archive, one after the other, as its octets come.
//!
//! It knows regular files and their paths; links, devices and folders are passed by. Nothing of it
//! is written anywhere, so a path is only a name. What is kept in memory is one header and one
//! path. An archive that ends before its end mark is damaged: half a list is none.

use std::io::{self, Read};

use super::{MEMBERS_MAX, Trouble};

/// The length of a header, and what members are padded to, in octets.
const BLOCK: usize = 512;
/// Where a header says its own sum, which counts as blanks there.
const SUM: std::ops::Range<usize> = 148..156;
/// The longest path, in octets: ten thousand of them are 5 MB.
const PATH_OCTETS_MAX: usize = 512;
/// The longest extended header that is read, in octets: paths, times and attributes of one file.
const EXTENDED_OCTETS_MAX: usize = 64 * 1024;

/// An archive, read forward. As [`Read`] it gives the member it is at.
pub(super) struct Tar<R> {
    inner: R,
    /// What is left of the member, in octets.
    left: u64,
    /// What stands behind it to fill its last block.
    padding: u64,
    members: usize,
}

/// A regular file of an archive.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// How it is called, as it is written.
    pub(super) path: String,
}

/// What the headers before a member say of it.
#[derive(Default)]
struct Extended {
    path: Option<Vec<u8>>,
    octets: Option<u64>,
}

/// Whether a text that begins so is an archive: its first header has the sum that it says.
pub(super) fn begins(head: &[u8]) -> bool {
    head.get(..BLOCK).is_some_and(|head| sum_is_right(head) && head[0] != 0)
}

// === impl Tar ===

impl<R: Read> Tar<R> {
    pub(super) fn new(inner: R) -> Self {
        Tar { inner, left: 0, padding: 0, members: 0 }
    }

    /// Goes to the next regular file; none: that was the end, and it was whole.
    pub(super) fn next(&mut self) -> Result<Option<Member>, Trouble> {
        let mut extended = Extended::default();
        loop {
            self.pass_by()?;
            let header = self.block()?;
            if header.iter().all(|octet| *octet == 0) {
                // What wraps the archive has its own sum, at its own end.
                io::copy(&mut self.inner, &mut io::sink())?;
                return Ok(None);
            }
            if !sum_is_right(&header) {
                return Err(Trouble::Damaged("a header of the archive has a wrong sum".to_owned()));
            }
            self.members += 1;
            if self.members > MEMBERS_MAX {
                return Err(Trouble::TooManyFiles);
            }
            let octets = number(&header[124..136])
                .ok_or_else(|| Trouble::Damaged("a length in the archive is none".to_owned()))?;
            self.stand_before(octets);
            match header[156] {
                b'L' => extended.path = Some(until_nul(&self.whole(EXTENDED_OCTETS_MAX)?).to_vec()),
                b'x' => extended.take(&self.whole(EXTENDED_OCTETS_MAX)?),
                // Its length does not tell where the next header is.
                b'S' => return Err(Trouble::Damaged("it holds a file with gaps".to_owned())),
                b'0' | 0 => {
                    let said = std::mem::take(&mut extended);
                    self.stand_before(said.octets.unwrap_or(octets));
                    let path = said.path.unwrap_or_else(|| path_in(&header));
                    // The oldest archives have no other sign of a folder.
                    if path.ends_with(b"/") {
                        continue;
                    }
                    if path.len() > PATH_OCTETS_MAX {
                        return Err(Trouble::Damaged(
                            "a path in the archive is too long".to_owned(),
                        ));
                    }
                    let path = String::from_utf8_lossy(&path).into_owned();
                    return Ok(Some(Member { path }));
                }
                // What is said of all files (`g`), or of what is no file (`K`: where a link leads).
                b'g' | b'K' => {}
                // Links, devices and folders have no text, whatever length they say.
                b'1'..=b'6' => {
                    extended = Extended::default();
                    self.stand_before(0);
                }
                _ => {
                    let said = std::mem::take(&mut extended);
                    self.stand_before(said.octets.unwrap_or(octets));
                }
            }
        }
    }

    fn stand_before(&mut self, octets: u64) {
        let block = BLOCK as u64;
        self.left = octets;
        self.padding = (block - octets % block) % block;
    }

    /// Leaves the member it is at behind.
    fn pass_by(&mut self) -> Result<(), Trouble> {
        let rest = self.left.saturating_add(self.padding);
        (self.left, self.padding) = (0, 0);
        let passed = io::copy(&mut (&mut self.inner).take(rest), &mut io::sink())?;
        if passed < rest { Err(Trouble::CutOff) } else { Ok(()) }
    }

    fn block(&mut self) -> Result<[u8; BLOCK], Trouble> {
        let mut block = [0; BLOCK];
        self.inner.read_exact(&mut block)?;
        Ok(block)
    }

    /// What the member holds, if it is no longer than that.
    fn whole(&mut self, octets_max: usize) -> Result<Vec<u8>, Trouble> {
        if self.left > octets_max as u64 {
            return Err(Trouble::Damaged("a header of the archive is too long".to_owned()));
        }
        let mut whole = Vec::new();
        self.read_to_end(&mut whole)?;
        Ok(whole)
    }
}

impl<R: Read> Read for Tar<R> {
    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.left).map_or(octets.len(), |left| octets.len().min(left));
        if room == 0 {
            return Ok(0);
        }
        let length = self.inner.read(&mut octets[..room])?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= length as u64;
        Ok(length)
    }
}

// === impl Extended ===

impl Extended {
    /// Takes records as POSIX writes them: `LENGTH KEY=VALUE`, a line each.
    fn take(&mut self, mut records: &[u8]) {
        while let Some(blank) = records.iter().position(|octet| *octet == b' ') {
            let length = std::str::from_utf8(&records[..blank]).ok().and_then(|it| it.parse().ok());
            let Some(length) = length.filter(|it| (blank + 2..=records.len()).contains(it)) else {
                return;
            };
            let record = &records[blank + 1..length - 1];
            records = &records[length..];
            if let Some(path) = record.strip_prefix(b"path=") {
                self.path = Some(path.to_vec());
            } else if let Some(octets) = record.strip_prefix(b"size=") {
                self.octets = std::str::from_utf8(octets).ok().and_then(|it| it.parse().ok());
            }
        }
    }
}

// === what a header says ===

fn sum_is_right(header: &[u8]) -> bool {
    let is_sum = |place: usize| SUM.contains(&place);
    let counted = header
        .iter()
        .enumerate()
        .map(|(place, octet)| u64::from(if is_sum(place) { b' ' } else { *octet }));
    number(&header[SUM]) == Some(counted.sum())
}

/// A number in octal digits, or in octets where the first has its highest bit set.
fn number(field: &[u8]) -> Option<u64> {
    if let [0x80, rest @ ..] = field {
        let (zeros, value) = rest.split_at(rest.len().checked_sub(8)?);
        let value = u64::from_be_bytes(value.try_into().ok()?);
        return zeros.iter().all(|octet| *octet == 0).then_some(value);
    }
    let text = std::str::from_utf8(until_nul(field)).ok()?.trim_matches(' ');
    u64::from_str_radix(text, 8).ok()
}

fn path_in(header: &[u8]) -> Vec<u8> {
    let (name, before) = (until_nul(&header[..100]), until_nul(&header[345..500]));
    // GNU's own archives have times where POSIX has the beginning of a long path.
    if !header[257..].starts_with(b"ustar\0") || before.is_empty() {
        return name.to_vec();
    }
    [before, b"/", name].concat()
}

fn until_nul(field: &[u8]) -> &[u8] {
    field.split(|octet| *octet == 0).next().unwrap_or_default()
}
