//! What only the system can do: the one file with `unsafe` code.
//!
//! Each piece wraps one thing of the kernel in a type that cannot be misused, and says why. It
//! knows neither DNS nor lists.

#![expect(unsafe_code, reason = "the kernel's calls; each block says why it holds")]

use std::fs::File;
use std::io;
use std::ops::Deref;

/// A file, mapped into memory for reading: opening it costs nothing, and the kernel may drop and
/// read its pages again as it likes.
#[derive(Debug)]
pub struct Mapped(memmap2::Mmap);

impl Mapped {
    /// Maps a file that nobody writes to any more: one of ours, put in place by renaming it, and
    /// replaced in the same way.
    pub fn open(file: &File) -> io::Result<Self> {
        // SAFETY: the octets must not change while they are mapped. Files that come here are made
        // under another name, renamed once they are whole and replaced by renaming another one
        // over them; the directory is the daemon's own (mode 0750).
        let map = unsafe { memmap2::Mmap::map(file) }?;
        Ok(Mapped(map))
    }
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_mapped_file_reads_as_it_was_written() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"amparo").unwrap();
        assert_eq!(&*Mapped::open(&file).unwrap(), b"amparo");
    }
}
