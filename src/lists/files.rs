//! How the files of lists are called in the state directory: `lists/ID.END`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::index::Checksum;

/// The longest id that is used in a file's name as it is; file systems end at 255 octets.
const ID_OCTETS_MAX: usize = 120;

/// Where the files of lists are.
#[must_use]
pub fn directory(state: &Path) -> PathBuf {
    state.join("lists")
}

/// A file of a list.
#[must_use]
pub fn path_of(state: &Path, id: &str, end: &str) -> PathBuf {
    directory(state).join(format!("{}{end}", stem(id)))
}

/// An id as the beginning of a file's name. The config allows words only; anything else is
/// written as `%` and its octets, so that no id leads out of the directory or to another's file.
#[must_use]
pub fn stem(id: &str) -> String {
    let mut out = String::with_capacity(id.len());
    for &octet in id.as_bytes() {
        if octet.is_ascii_lowercase() || octet.is_ascii_digit() || b"_-".contains(&octet) {
            out.push(char::from(octet));
        } else {
            let _infallible = write!(out, "%{octet:02x}");
        }
    }
    if out.len() > ID_OCTETS_MAX {
        let mut sum = Checksum::default();
        sum.add(out.as_bytes());
        out.truncate(ID_OCTETS_MAX);
        let _infallible = write!(out, "%{:016x}", sum.words()[0]);
    }
    out
}
