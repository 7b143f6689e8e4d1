//! The journal's file: its tables, and how it is opened and set aside.
//!
//! One `SQLite` file in WAL mode, so that any tool reads it while the daemon writes. One table:
//!
//! - `attempts`: a row is one attempt, or one hour of one category (`hourly`). `id` rises in the
//!   order in which attempts began and is never used again, so paging by it shows the oldest first
//!   without sorting. `revision` rises with every writing of a row, so that who follows sees a row
//!   that grew. `names` are separated by spaces, which no name holds: they are stored as they are
//!   shown, with every odd octet escaped (RFC 4343 §2.1). `first` and `last` are milliseconds since
//!   1970, because text of local time sorts wrongly twice a year. An empty `device` or `site` was
//!   not kept; `child` is null for devices that nobody claimed.
//! - `journal` has one row: the revision given last. It stands apart so that deleting the newest
//!   attempts cannot give a revision twice.
//!
//! Three indices, no more, because each is written with every row on a memory card: what makes an
//! attempt (to find the row that goes on, also after a restart), `last` (what is too old, what is
//! since), and `revision` (what is new).
//!
//! What is deleted is gone: `secure_delete` overwrites it and the incremental vacuum gives the
//! pages back. `synchronous = FULL` makes a commit survive a power cut.
//!
//! A new version of the tables is one more step at the end of [`MIGRATIONS`].

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::trouble::Trouble;

/// Each step takes the tables from the version of its place to the next (`user_version`).
const MIGRATIONS: &[&str] = &["
    CREATE TABLE attempts (
        id        INTEGER PRIMARY KEY AUTOINCREMENT,
        revision  INTEGER NOT NULL,
        child     TEXT,
        device    TEXT NOT NULL,
        site      TEXT NOT NULL,
        names     TEXT NOT NULL,
        count     INTEGER NOT NULL,
        first     INTEGER NOT NULL,
        last      INTEGER NOT NULL,
        hourly    INTEGER NOT NULL,
        blocked   INTEGER NOT NULL,
        kind      TEXT NOT NULL,
        reason_id TEXT NOT NULL,
        category  TEXT
    ) STRICT;
    CREATE INDEX attempts_same ON attempts (child, device, site, kind, reason_id);
    CREATE INDEX attempts_last ON attempts (last);
    CREATE INDEX attempts_revision ON attempts (revision);
    CREATE TABLE journal (
        only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
        revision INTEGER NOT NULL
    ) STRICT;
    INSERT INTO journal VALUES (1, 0);
"];

/// The version of the tables this program writes.
pub(super) const VERSION: usize = MIGRATIONS.len();
/// Owner reads and writes, group reads: who may run the daemon may read what it keeps.
const FILE_MODE: u32 = 0o640;
/// How long a writing waits for another program's lock. Only the writer's thread waits.
const BUSY: Duration = Duration::from_secs(1);
/// The write-ahead log is cut back to this after a checkpoint.
const WAL_OCTETS_MAX: i64 = 4 << 20;
/// Damaged files kept for a closer look; older ones are deleted, a failing card would fill up.
const BAD_FILES_MAX: usize = 2;

/// Opens the file for writing; makes it, or brings its tables up to date.
pub(super) fn open(path: &Path) -> Result<Connection, Trouble> {
    create(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    // Before the first table, or it has no effect.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "secure_delete", "ON")?;
    connection.pragma_update(None, "journal_size_limit", WAL_OCTETS_MAX)?;
    migrate(&mut connection)?;
    Ok(connection)
}

/// Whether the file is whole. Reads all of it: for the writer's thread only.
pub(super) fn check(connection: &Connection) -> Result<(), Trouble> {
    let answer: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if answer == "ok" { Ok(()) } else { Err(Trouble::Damaged(answer)) }
}

/// Renames a damaged file to `journal.db.bad-TIME`, what belongs to it alongside. Gives its new
/// path.
pub(super) fn set_aside(path: &Path, now: Timestamp) -> io::Result<PathBuf> {
    let bad = suffixed(path, &format!(".bad-{}", stamp(now)));
    fs::rename(path, &bad)?;
    for suffix in ["-wal", "-shm"] {
        let result = fs::rename(suffixed(path, suffix), suffixed(&bad, suffix));
        if let Err(error) = result
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
    }
    Ok(bad)
}

/// Deletes files set aside before `cutoff`, and all but the newest [`BAD_FILES_MAX`]: what is
/// damaged is kept no longer than what is whole.
pub(super) fn prune_set_aside(path: &Path, cutoff: Timestamp) -> io::Result<()> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
    let prefix = format!("{}.bad-", name.to_string_lossy());
    let mut bad: Vec<String> = fs::read_dir(directory)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with(&prefix))
        .filter(|name| !name.ends_with("-wal") && !name.ends_with("-shm"))
        .collect();
    // The stamp sorts like the time it stands for.
    bad.sort_unstable();
    let first_kept = format!("{prefix}{}", stamp(cutoff));
    let too_many = bad.len().saturating_sub(BAD_FILES_MAX);
    for (place, name) in bad.iter().enumerate() {
        if place < too_many || *name < first_kept {
            for suffix in ["-wal", "-shm", ""] {
                // What cannot be deleted now is tried again the next time.
                let _ = fs::remove_file(directory.join(format!("{name}{suffix}")));
            }
        }
    }
    Ok(())
}

fn create(path: &Path) -> Result<(), Trouble> {
    let result = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path);
    match result {
        // Once more, because the mask of the process may have taken the group's right.
        Ok(file) => Ok(file.set_permissions(fs::Permissions::from_mode(FILE_MODE))?),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn migrate(connection: &mut Connection) -> Result<(), Trouble> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let Some(steps) = usize::try_from(version).ok().and_then(|from| MIGRATIONS.get(from..)) else {
        return Err(Trouble::Newer);
    };
    if steps.is_empty() {
        return Ok(());
    }
    for step in steps {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", i64::try_from(VERSION).unwrap_or(i64::MAX))?;
    Ok(transaction.commit()?)
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut whole = path.as_os_str().to_owned();
    whole.push(suffix);
    whole.into()
}

fn stamp(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string()
}
