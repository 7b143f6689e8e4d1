//! Copies of fetched lists in the state directory, and what is known of each.
//!
//! ```text
//! lists/ID.copy       what came last and was taken: as it came, packed or not
//! lists/ID.copy.old   the copy before
//! lists/ID.json       the sidecar: from where, since when, how long, which checksum, what is wrong
//! ```
//! Power may go at any moment: each file is the old one or the new one, and a copy counts only
//! where the sidecar knows its length and checksum ([`whole_copy`]). Start at [`replace`].

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::write_whole;
use crate::fnv;
use crate::lists::files;

/// How a file begins that is not finished yet: [`forget_unfinished`] finds those of a power cut.
const UNFINISHED: &str = ".coming-";
/// How much of a copy is in memory at once, in octets.
const PIECE_OCTETS: usize = 64 * 1024;
/// A sidecar is a kilobyte; what is much longer is none.
const SIDECAR_OCTETS_MAX: u64 = 64 * 1024;

/// What is known of a fetched list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Meta {
    /// From where the copy came: its validators mean nothing to another address.
    pub url: String,
    /// The copy's `ETag`, as the server wrote it.
    pub etag: Option<String>,
    /// The copy's `Last-Modified`, as the server wrote it.
    pub last_modified: Option<String>,
    /// When the copy came.
    pub fetched: Option<Timestamp>,
    /// When the server was last asked, with success or without.
    pub asked: Option<Timestamp>,
    /// When the server was last asked with success, "nothing newer" included.
    pub checked: Option<Timestamp>,
    /// The copy's length.
    pub octets: u64,
    /// The copy's [`checksum`].
    pub checksum: u64,
    /// Names at the last take.
    pub taken: usize,
    /// What is wrong, with what is in force meanwhile: an English sentence.
    pub trouble: Option<String>,
    /// Attempts that failed since the last success.
    pub failures: u32,
}

/// A copy that is as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeCopy {
    /// Where it is.
    pub path: PathBuf,
    /// Whether it is the copy before, because the last one is damaged or gone.
    pub is_old: bool,
}

/// The sidecar as written.
#[derive(Default, Serialize, Deserialize)]
struct Sidecar {
    /// Of the last copy.
    meta: Meta,
    /// The copy before.
    #[serde(default)]
    before: Option<Print>,
}

/// What a copy is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Print {
    octets: u64,
    checksum: u64,
}

/// The last copy of a list.
#[must_use]
pub fn copy_path(state: &Path, id: &str) -> PathBuf {
    files::path_of(state, id, ".copy")
}

/// The copy before.
#[must_use]
pub fn old_path(state: &Path, id: &str) -> PathBuf {
    files::path_of(state, id, ".copy.old")
}

/// What is known of them.
#[must_use]
pub fn meta_path(state: &Path, id: &str) -> PathBuf {
    files::path_of(state, id, ".json")
}

/// A file for what is coming, in the directory of the copies, so that it can take a copy's place
/// at once. It removes itself unless it does.
pub fn temporary(directory: &Path) -> io::Result<NamedTempFile> {
    fs::create_dir_all(directory)?;
    tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(directory)
}

/// Puts a new copy in force: the last one becomes the one before. The copy's length and checksum
/// are filled into `meta` here, so that they are of what is on the disk.
///
/// # Errors
/// What the disk says; then the last copy is in force as before.
pub fn replace(state: &Path, id: &str, new: NamedTempFile, meta: &Meta) -> io::Result<Meta> {
    let place = files::directory(state);
    let (copy, old, path) = (copy_path(state, id), old_path(state, id), meta_path(state, id));
    new.as_file().sync_all()?;
    let print = Print::of(new.path())?;
    let meta = Meta { octets: print.octets, checksum: print.checksum, ..meta.clone() };
    let known = Sidecar::load(&path);
    let mut before = known.as_ref().and_then(|sidecar| sidecar.before);
    // Only what is whole is worth keeping: else the copy before stays the copy before.
    let last = known.map(|sidecar| Print::from(&sidecar.meta));
    let whole = last.filter(|last| Print::of(&copy).is_ok_and(|print| print == *last));
    if whole == Some(print) {
        // The same again, from a server that does not compare: nothing to write but the sidecar.
        Sidecar { meta: meta.clone(), before }.save(&path)?;
        return Ok(meta);
    }
    if whole.is_some() {
        // By a second name, so that there is a last copy at every moment.
        let second = place.join(format!("{UNFINISHED}{}.old", files::stem(id)));
        let _absent = fs::remove_file(&second);
        fs::hard_link(&copy, &second).or_else(|_| fs::copy(&copy, &second).map(|_| ()))?;
        fs::rename(&second, &old)?;
        before = whole;
    }
    new.persist(&copy)?;
    File::open(&place)?.sync_all()?;
    Sidecar { meta: meta.clone(), before }.save(&path)?;
    Ok(meta)
}

/// The copy to read: the last one, or the one before where that is damaged. None when neither is
/// as it came. Reads them.
#[must_use]
pub fn whole_copy(state: &Path, id: &str) -> Option<WholeCopy> {
    let sidecar = Sidecar::load(&meta_path(state, id))?;
    let known = [Some(Print::from(&sidecar.meta)), sidecar.before];
    [(copy_path(state, id), false), (old_path(state, id), true)].into_iter().find_map(
        |(path, is_old)| {
            let print = Print::of(&path).ok()?;
            known.contains(&Some(print)).then_some(WholeCopy { path, is_old })
        },
    )
}

/// Removes the copies of lists that are no longer in the config. What cannot be removed now is
/// tried again next time.
pub fn forget_others<'a>(state: &Path, ids: impl IntoIterator<Item = &'a str>) {
    let stems: Vec<String> = ids.into_iter().map(files::stem).collect();
    remove_where(state, |name| {
        let of = [".copy", ".copy.old", ".json"].iter().find_map(|end| name.strip_suffix(end));
        of.is_some_and(|of| !stems.iter().any(|stem| stem == of))
    });
}

/// Removes what a power cut left unfinished. Before the first fetch: later ones are being written.
pub fn forget_unfinished(state: &Path) {
    remove_where(state, |name| name.starts_with(UNFINISHED));
}

fn remove_where(state: &Path, is_gone: impl Fn(&str) -> bool) {
    let Ok(entries) = fs::read_dir(files::directory(state)) else { return };
    for entry in entries.filter_map(Result::ok) {
        if entry.file_name().to_str().is_some_and(&is_gone) {
            let _next_time = fs::remove_file(entry.path());
        }
    }
}

/// The length and checksum ([`fnv`]) of a file.
pub fn checksum(path: &Path) -> io::Result<(u64, u64)> {
    let mut file = File::open(path)?;
    let mut piece = vec![0; PIECE_OCTETS];
    let (mut octets, mut sum) = (0, fnv::BEGIN);
    loop {
        let length = match file.read(&mut piece) {
            Ok(0) => return Ok((octets, sum)),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        octets += length as u64;
        sum = fnv::add(sum, &piece[..length]);
    }
}

// === impl Meta ===

impl Meta {
    /// What is known of a list; none when nothing is, or the sidecar is damaged.
    #[must_use]
    pub fn load(state: &Path, id: &str) -> Option<Self> {
        Sidecar::load(&meta_path(state, id)).map(|sidecar| sidecar.meta)
    }

    /// Writes what is known of a list, whole or not at all.
    pub fn save(&self, state: &Path, id: &str) -> io::Result<()> {
        let path = meta_path(state, id);
        let before = Sidecar::load(&path).and_then(|sidecar| sidecar.before);
        Sidecar { meta: self.clone(), before }.save(&path)
    }
}

// === impl Sidecar ===

impl Sidecar {
    fn load(path: &Path) -> Option<Self> {
        let mut text = Vec::new();
        File::open(path).ok()?.take(SIDECAR_OCTETS_MAX).read_to_end(&mut text).ok()?;
        serde_json::from_slice(&text).ok()
    }

    fn save(&self, path: &Path) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        write_whole(path, &text)
    }
}

// === impl Print ===

impl Print {
    fn of(path: &Path) -> io::Result<Self> {
        let (octets, checksum) = checksum(path)?;
        Ok(Print { octets, checksum })
    }
}

impl From<&Meta> for Print {
    fn from(meta: &Meta) -> Self {
        Print { octets: meta.octets, checksum: meta.checksum }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// A state directory with a list that came as each of these texts in turn.
    fn came(texts: &[&str]) -> tempfile::TempDir {
        let state = tempfile::tempdir().unwrap();
        for text in texts {
            comes(state.path(), text);
        }
        state
    }

    fn comes(state: &Path, text: &str) {
        let mut new = temporary(&files::directory(state)).unwrap();
        new.write_all(text.as_bytes()).unwrap();
        let meta = Meta { url: "https://a.example/".to_owned(), ..Meta::default() };
        let meta = replace(state, "big", new, &meta).unwrap();
        assert_eq!(Meta::load(state, "big"), Some(meta));
    }

    /// What a reader finds: the text, and whether it is the one before.
    fn read(state: &Path) -> Option<(String, bool)> {
        let copy = whole_copy(state, "big")?;
        Some((fs::read_to_string(copy.path).unwrap(), copy.is_old))
    }

    fn files(state: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(files::directory(state))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_new_copy_makes_the_last_one_the_one_before() {
        let state = came(&["one", "two", "three"]);
        assert_eq!(read(state.path()), Some(("three".to_owned(), false)));
        assert_eq!(fs::read_to_string(old_path(state.path(), "big")).unwrap(), "two");
        assert_eq!(files(state.path()), ["big.copy", "big.copy.old", "big.json"]);
    }

    #[test]
    fn the_same_copy_again_keeps_the_one_before() {
        let state = came(&["one", "two", "two"]);
        assert_eq!(read(state.path()), Some(("two".to_owned(), false)));
        assert_eq!(fs::read_to_string(old_path(state.path(), "big")).unwrap(), "one");
        assert_eq!(files(state.path()), ["big.copy", "big.copy.old", "big.json"]);
    }

    #[test]
    fn a_damaged_copy_gives_way_to_the_one_before() {
        let state = came(&["one", "two"]);
        for damage in ["", "tw", "twO", "two more"] {
            fs::write(copy_path(state.path(), "big"), damage).unwrap();
            assert_eq!(read(state.path()), Some(("one".to_owned(), true)), "{damage:?}");
        }
        fs::remove_file(copy_path(state.path(), "big")).unwrap();
        assert_eq!(read(state.path()), Some(("one".to_owned(), true)));
        fs::write(old_path(state.path(), "big"), "onE").unwrap();
        assert_eq!(read(state.path()), None);
    }

    #[test]
    fn a_damaged_copy_never_becomes_the_one_before() {
        let state = came(&["one", "two"]);
        fs::write(copy_path(state.path(), "big"), "tw").unwrap();
        comes(state.path(), "three");
        assert_eq!(read(state.path()), Some(("three".to_owned(), false)));
        fs::write(copy_path(state.path(), "big"), "thre").unwrap();
        assert_eq!(read(state.path()), Some(("one".to_owned(), true)));
    }

    #[test]
    fn a_power_cut_between_any_two_steps_leaves_a_whole_copy() {
        // After the second name, the last copy is there twice.
        let state = came(&["one", "two"]);
        fs::copy(copy_path(state.path(), "big"), old_path(state.path(), "big")).unwrap();
        assert_eq!(read(state.path()), Some(("two".to_owned(), false)));
        // After the new copy, the sidecar still knows the last one, which is the one before now.
        fs::write(copy_path(state.path(), "big"), "three").unwrap();
        assert_eq!(read(state.path()), Some(("two".to_owned(), true)));
        // And the next one that comes is taken.
        comes(state.path(), "four");
        assert_eq!(read(state.path()), Some(("four".to_owned(), false)));
    }

    #[test]
    fn a_sidecar_that_is_damaged_is_none() {
        let state = came(&["one"]);
        for damage in ["", "{", "{\"meta\":3}", "null", "\0\0\0"] {
            fs::write(meta_path(state.path(), "big"), damage).unwrap();
            assert_eq!(Meta::load(state.path(), "big"), None, "{damage:?}");
            assert_eq!(read(state.path()), None, "{damage:?}");
        }
        comes(state.path(), "two");
        assert_eq!(read(state.path()), Some(("two".to_owned(), false)));
    }

    #[test]
    fn what_is_known_is_written_without_forgetting_the_one_before() {
        let state = came(&["one", "two"]);
        let mut meta = Meta::load(state.path(), "big").unwrap();
        meta.trouble = Some("the server is silent; the copy of yesterday is in force".to_owned());
        meta.checked = Some(Timestamp::UNIX_EPOCH);
        meta.failures = 3;
        meta.save(state.path(), "big").unwrap();
        assert_eq!(Meta::load(state.path(), "big"), Some(meta));
        fs::remove_file(copy_path(state.path(), "big")).unwrap();
        assert_eq!(read(state.path()), Some(("one".to_owned(), true)));
    }

    #[test]
    fn what_is_not_in_the_config_is_forgotten() {
        let state = came(&["one", "two"]);
        let lists = files::directory(state.path());
        for name in ["bigger.copy", "bigger.copy.old", "bigger.json", "file.last", "big.last"] {
            fs::write(lists.join(name), "").unwrap();
        }
        forget_others(state.path(), ["big"]);
        let left = ["big.copy", "big.copy.old", "big.json", "big.last", "file.last"];
        assert_eq!(files(state.path()), left);
        forget_others(state.path(), []);
        assert_eq!(files(state.path()), ["big.last", "file.last"]);
        forget_others(Path::new("/nowhere"), []);
    }

    #[test]
    fn what_a_power_cut_left_is_removed() {
        let state = came(&["one"]);
        let (_, path) = temporary(&files::directory(state.path())).unwrap().keep().unwrap();
        forget_unfinished(state.path());
        assert!(!path.exists());
        assert_eq!(files(state.path()), ["big.copy", "big.json"]);
    }

    #[test]
    fn no_id_leads_out_of_the_directory() {
        let state = Path::new("/state");
        let long = "x".repeat(400);
        let ids = ["", ".", "..", "../../etc/passwd", "a/b", "a%2fb", "a\0b", "ñ", "A", &long];
        let mut seen = std::collections::HashSet::new();
        for id in ids.into_iter().chain(["a", "a-b_1"]) {
            for path in [copy_path(state, id), old_path(state, id), meta_path(state, id)] {
                assert_eq!(path.parent(), Some(&*files::directory(state)), "{id:?}");
                let name = path.file_name().unwrap().to_str().unwrap();
                assert!(name.len() < 200 && !name.contains(['/', '\0']), "{name}");
                assert!(seen.insert(path.clone()), "{id:?}");
            }
        }
        assert_eq!(copy_path(state, "a-b_1"), Path::new("/state/lists/a-b_1.copy"));
        assert_eq!(copy_path(state, "a/b"), Path::new("/state/lists/a%2fb.copy"));
    }
}
