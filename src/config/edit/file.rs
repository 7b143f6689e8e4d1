//! Putting a changed text in place of the file, and back.
//!
//! The file is the old one or the new one, whatever happens, and the old one is kept: the newest
//! [`BACKUPS_KEPT`] are.

use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::Wrong;
use crate::config::place::read_file;
use crate::config::{Origin, System, load};
use crate::fnv;

/// How many old texts are kept.
pub const BACKUPS_KEPT: usize = 10;
/// How many backups of one second get names of their own.
const SAME_SECOND_MAX: u32 = 1_000;
/// How the names of backups begin and end.
const NAME: (&str, &str) = ("amparo-", ".toml");

/// What was there before a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// The old text's file.
    pub path: PathBuf,
    /// The [`fingerprint`] of the new text: it may be taken back as long as the file still has it.
    pub now: String,
}

/// Puts `after` in place of `before`, and keeps `before` among the backups. A link is followed: what
/// it leads to is written.
///
/// # Errors
/// When the file holds another text than `before`, or the system does not let it be written; then it
/// is as it was.
pub fn write(
    path: &Path,
    before: &str,
    after: &str,
    backups: &Path,
    now: Timestamp,
) -> Result<Backup, Wrong> {
    let target = fs::canonicalize(path).map_err(|error| unreadable(path, &error))?;
    expect(&target, path, |text| text == before)?;
    let kept = keep(before, backups, now).map_err(|error| {
        let place = backups.display();
        Wrong::Disk(format!(
            "the old config cannot be kept in {place}: {error}; nothing is changed"
        ))
    })?;
    replace(&target, path, before, after)?;
    prune(backups, &kept);
    Ok(Backup { path: kept, now: fingerprint(after) })
}

/// Takes a change back: the text of a backup comes in place of the one whose fingerprint is
/// `expected_now`. What is replaced is kept in its turn.
///
/// # Errors
/// As [`write()`]; and when the backup cannot be read, or does not pass any more.
pub fn restore(
    path: &Path,
    expected_now: &str,
    backup: &Path,
    backups: &Path,
    system: &System,
    now: Timestamp,
) -> Result<Backup, Wrong> {
    let old = read_file(backup).map_err(|error| {
        Wrong::Disk(format!("{} cannot be read: {error}; nothing is changed", backup.display()))
    })?;
    load(&old, &Origin::File(path.to_owned()), system).map_err(Wrong::Refused)?;
    let text = expect(path, path, |text| fingerprint(text) == expected_now)?;
    write(path, &text, &old, backups, now)
}

/// What tells a text from the ones before and after it: FNV-1a and the length. Nobody gains by two
/// texts that look alike here; a backup is the parent's own.
#[must_use]
pub fn fingerprint(text: &str) -> String {
    let hash = fnv::add(fnv::BEGIN, text.as_bytes());
    format!("{hash:016x}-{}", text.len())
}

/// The text of the file, if it is the one that is expected.
fn expect(
    target: &Path,
    shown: &Path,
    is_expected: impl Fn(&str) -> bool,
) -> Result<String, Wrong> {
    let text = read_file(target)
        .map_err(|error| Wrong::Disk(format!("{} cannot be read: {error}", shown.display())))?;
    if is_expected(&text) {
        Ok(text)
    } else {
        Err(Wrong::ChangedMeanwhile(shown.display().to_string()))
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Wrong {
    Wrong::Disk(format!("{} cannot be read: {error}", path.display()))
}

fn replace(target: &Path, shown: &Path, before: &str, after: &str) -> Result<(), Wrong> {
    let refused = |error: io::Error| {
        let shown = shown.display();
        Wrong::Disk(match error.raw_os_error() {
            Some(code) if code == nix::libc::EBUSY => format!(
                "{shown} cannot be replaced, it is mounted by itself: mount its directory instead"
            ),
            Some(_) | None => format!("{shown} cannot be written: {error}; it stays as it was"),
        })
    };
    let directory = target.parent().unwrap_or(Path::new("/"));
    let old = fs::metadata(target).map_err(refused)?;
    let mut new = tempfile::NamedTempFile::new_in(directory).map_err(refused)?;
    let written = new.write_all(after.as_bytes()).and_then(|()| {
        // Only root gives a file away; whoever else writes here owns what it writes.
        let _is_theirs = fchown(new.as_file(), Some(old.uid()), Some(old.gid()));
        new.as_file().set_permissions(Permissions::from_mode(old.mode() & 0o7777))?;
        new.as_file().sync_all()
    });
    written.map_err(refused)?;
    // Once more, as late as can be: an editor may have saved while the new file was written.
    expect(target, shown, |text| text == before)?;
    new.persist(target).map_err(|error| refused(error.error))?;
    // The new text is in place, and a directory that cannot be flushed is no reason to say it is not.
    let _is_flushed = File::open(directory).and_then(|directory| directory.sync_all());
    Ok(())
}

/// Keeps a text among the backups, readable by its owner alone.
fn keep(text: &str, backups: &Path, now: Timestamp) -> io::Result<PathBuf> {
    fs::create_dir_all(backups)?;
    let mut file = tempfile::NamedTempFile::new_in(backups)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    let (begin, end) = NAME;
    let time = now.strftime("%Y-%m-%dT%H-%M-%SZ").to_string();
    for again in 0..SAME_SECOND_MAX {
        let more = if again == 0 { String::new() } else { format!("-{again:03}") };
        let path = backups.join(format!("{begin}{time}{more}{end}"));
        match file.persist_noclobber(&path) {
            Ok(_) => {
                File::open(backups)?.sync_all()?;
                return Ok(path);
            }
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => file = error.file,
            Err(error) => return Err(error.error),
        }
    }
    Err(io::Error::other("too many changes in one second"))
}

/// Removes what is too old. The one just kept stays, even where the clock was set back.
fn prune(backups: &Path, kept: &Path) {
    let Ok(entries) = fs::read_dir(backups) else { return };
    let (begin, end) = NAME;
    let is_backup = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with(begin) && name.ends_with(end))
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut paths: Vec<PathBuf> = paths.filter(|path| is_backup(path) && path != kept).collect();
    // Their names are their times. `-001` comes before the end of a name without it.
    paths.sort_by_cached_key(|path| path.with_extension(""));
    let surplus = paths.len().saturating_sub(BACKUPS_KEPT - 1);
    for path in &paths[..surplus] {
        // One that stays is one too many, and nothing worse.
        let _is_gone = fs::remove_file(path);
    }
}
