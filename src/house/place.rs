//! Where the text of a list is, and what is seen of it without reading it.
//!
//! A place is a file or a folder, or a part of one: `lists.tar.gz#gambling`. Start at [`see`].

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::LIST_BYTES_MAX;
use super::unpack::{self, Trouble};
use crate::lists::Seen;

/// A file or a folder, or a part of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place<'a> {
    /// The file or folder.
    pub(super) path: &'a Path,
    /// The folders of it that are meant; none: all.
    pub(super) part: Option<Cow<'a, str>>,
}

/// What is seen of a place. Of a folder, all that is in it counts: whatever changes there, this
/// changes.
///
/// # Errors
/// When it cannot be opened, or is larger than a list, or an empty folder.
pub fn see(path: &Path) -> Result<Seen, Trouble> {
    let path = Place::of(path).path;
    let file = File::open(path)?;
    let about = file.metadata()?;
    if about.is_dir() {
        return see_folder(path);
    }
    let seen = Seen::of(&about, false);
    if seen.octets > LIST_BYTES_MAX { Err(Trouble::TooLarge) } else { Ok(seen) }
}

fn see_folder(folder: &Path) -> Result<Seen, Trouble> {
    let mut files = unpack::files_of(folder)?;
    if files.is_empty() {
        return Err(Trouble::NoFiles);
    }
    files.extend(unpack::usage_beside(folder));
    let mut all = DefaultHasher::new();
    let (mut octets, mut modified) = (0_u64, i64::MIN);
    for (path, about) in &files {
        let seen = Seen::of(about, false);
        path.hash(&mut all);
        (seen.octets, seen.modified, seen.inode).hash(&mut all);
        octets = octets.saturating_add(seen.octets);
        modified = modified.max(seen.modified);
    }
    Ok(Seen { is_copy: false, octets, modified, inode: all.finish() })
}

// === impl Place ===

impl<'a> Place<'a> {
    /// What a path in the config means: itself where it is there, else a part of what stands before
    /// its last `#`.
    pub(super) fn of(path: &'a Path) -> Self {
        let octets = path.as_os_str().as_bytes();
        let whole = Place { path, part: None };
        let Some(mark) = octets.iter().rposition(|octet| *octet == b'#') else { return whole };
        if fs::symlink_metadata(path).is_ok() {
            return whole;
        }
        Place {
            path: Path::new(OsStr::from_bytes(&octets[..mark])),
            part: Some(String::from_utf8_lossy(&octets[mark + 1..])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_begins_a_part_where_no_file_has_it_in_its_name() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("list.tar"), "x").unwrap();
        let (asked, archive) = (at("list.tar#a/b,c"), at("list.tar"));
        let part = Some(Cow::Borrowed("a/b,c"));
        assert_eq!(Place::of(&asked), Place { path: &archive, part });
        for name in ["list.tar", "none"] {
            assert_eq!(Place::of(&at(name)), Place { path: &at(name), part: None });
        }
        fs::write(at("list.tar#a"), "x").unwrap();
        assert_eq!(Place::of(&at("list.tar#a")).part, None);
    }

    #[test]
    fn whatever_changes_in_a_folder_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().join("lists");
        fs::create_dir_all(folder.join("adult")).unwrap();
        assert!(matches!(see(&folder), Err(Trouble::NoFiles)));
        let domains = folder.join("adult").join("domains");
        let mut seen = Vec::new();
        let mut look = |folder: &Path| {
            let now = see(folder).unwrap();
            assert_eq!(now, see(folder).unwrap());
            assert!(!seen.contains(&now));
            seen.push(now);
        };
        fs::write(&domains, "one.example\n").unwrap();
        look(&folder);
        fs::write(&domains, "three.example\n").unwrap();
        look(&folder);
        fs::write(folder.join("adult").join("usage"), "black\n").unwrap();
        look(&folder);
        fs::write(directory.path().join("global_usage"), "NAME: adult\n").unwrap();
        look(&folder);
        // The same length at the same time is another file.
        let time = fs::metadata(&domains).unwrap().modified().unwrap();
        let new = folder.join("adult").join("new");
        fs::write(&new, "seven.example\n").unwrap();
        File::options().write(true).open(&new).unwrap().set_modified(time).unwrap();
        fs::rename(&new, &domains).unwrap();
        look(&folder);
        fs::rename(&domains, folder.join("adult").join("urls")).unwrap();
        look(&folder);
    }
}
