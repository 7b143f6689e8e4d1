//! Reads the journal, whether the daemon runs or not.
//!
//! Rows come a page at a time, each page in a reading of its own, so that a slow terminal holds
//! nothing back: a long reading would keep the write-ahead log from being cut. It knows nothing of
//! the writer but the tables (`schema.rs`).

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::vec;

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, Row, params_from_iter};

use super::fold::timestamp;
use super::schema;
use crate::policy::ReasonKind;

/// Rows of one reading.
const PAGE_ROWS: i64 = 500;
/// How long a reading waits for a lock: the writer holds one only while it sets the file up.
const BUSY: Duration = Duration::from_secs(2);
/// Whom `child = "unknown"` means: devices that nobody claimed.
const UNKNOWN: &str = "unknown";
/// The columns of an [`Attempt`], in the order of [`Attempt::of_row`].
const COLUMNS: &str = "id, revision, child, device, site, names, count, first, last, hourly, \
                       blocked, kind, reason_id, category";

/// One row: repeated queries for one site, or one hour of one category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Rises in the order in which attempts began.
    pub id: i64,
    /// Rises with every writing of a row.
    pub revision: i64,
    /// The child or adult; none for devices that nobody claimed.
    pub child: Option<String>,
    /// The device; empty where it is not kept.
    pub device: String,
    /// The service's id or the registrable domain; empty where it is not kept.
    pub site: String,
    /// The names asked, escaped (RFC 4343 §2.1); a few, and none where they are not kept.
    pub names: Vec<String>,
    /// DNS queries.
    pub count: u64,
    /// The first query; the hour's beginning for an hourly count.
    pub first: Timestamp,
    /// The last query; the hour's beginning for an hourly count.
    pub last: Timestamp,
    /// Whether this is one hour of one category and not one attempt.
    pub hourly: bool,
    /// Whether it was closed.
    pub blocked: bool,
    /// The kind of reason.
    pub kind: ReasonKind,
    /// The reason's id; empty where the kind says it all, or where it would tell the site.
    pub reason_id: String,
    /// The category.
    pub category: Option<String>,
}

/// Which rows. The default is all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Only this child or adult; `unknown` for devices that nobody claimed.
    pub child: Option<String>,
    /// Only this device.
    pub device: Option<String>,
    /// Only this site: a service's id, a registrable domain, or a domain with the names below it
    /// as far as names are kept.
    pub site: Option<String>,
    /// Only this category.
    pub category: Option<String>,
    /// Only what went on at or after this moment.
    pub since: Option<Timestamp>,
    /// Only what began before this moment.
    pub until: Option<Timestamp>,
    /// Only so many, the newest.
    pub limit: Option<u64>,
}

/// The journal for reading.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
}

/// The rows of [`Reader::attempts`], oldest first.
#[derive(Debug)]
pub struct Attempts<'a> {
    reader: &'a Reader,
    filter: Condition,
    /// The id of the last row of the last page.
    after: i64,
    page: vec::IntoIter<Attempt>,
    is_last: bool,
}

/// Why the journal cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no file.
    #[error(
        "there is no journal at {}: nothing has been recorded there. If amparo runs with another \
         state directory, say --state DIR", .0.display()
    )]
    Missing(PathBuf),
    /// A later version of the program made it.
    #[error("a newer version of amparo made {}: update amparo to read it", .0.display())]
    Newer(PathBuf),
    /// Anything `SQLite` says: rights, damage, a lock.
    #[error("the journal {} cannot be read: {source}", path.display())]
    Store {
        /// The file.
        path: PathBuf,
        /// What `SQLite` says.
        source: rusqlite::Error,
    },
}

/// A `WHERE` clause with its values.
#[derive(Debug, Clone)]
struct Condition {
    clause: String,
    values: Vec<Value>,
}

// === impl Reader ===

impl Reader {
    /// Opens the file for reading. It changes nothing in it.
    pub fn open(path: &Path) -> Result<Reader, ReadError> {
        if !path.exists() {
            return Err(ReadError::Missing(path.to_owned()));
        }
        let store = |source| ReadError::Store { path: path.to_owned(), source };
        let (connection, version) = Self::connect(path).map_err(store)?;
        if usize::try_from(version).is_ok_and(|version| version > schema::VERSION) {
            return Err(ReadError::Newer(path.to_owned()));
        }
        if version < 1 {
            // The daemon has made the file and not yet its tables.
            return Err(ReadError::Missing(path.to_owned()));
        }
        Ok(Reader { connection })
    }

    /// The rows that pass, oldest first.
    pub fn attempts(&self, filter: &Filter) -> Result<Attempts<'_>, ReadError> {
        let condition = Condition::of(filter);
        let mut after = 0;
        if let Some(limit) = filter.limit {
            let sql = format!(
                "SELECT min(id) - 1 FROM (SELECT id FROM attempts WHERE {}
                 ORDER BY id DESC LIMIT {})",
                condition.clause,
                i64::try_from(limit).unwrap_or(i64::MAX)
            );
            let first: Option<i64> = self
                .connection
                .query_row(&sql, params_from_iter(&condition.values), |row| row.get(0))
                .map_err(|error| self.error(error))?;
            // No row, or a limit of none: nothing comes after the greatest id.
            after = first.unwrap_or(i64::MAX);
        }
        let page = Vec::new().into_iter();
        Ok(Attempts { reader: self, filter: condition, after, page, is_last: false })
    }

    /// Rows written after `revision`, some at a time, in the order of writing: new ones and those
    /// that grew. None when there is nothing new.
    pub fn attempts_after(
        &self,
        revision: i64,
        filter: &Filter,
    ) -> Result<Vec<Attempt>, ReadError> {
        self.page(&Condition::of(filter), "revision", revision)
    }

    /// The revision given last.
    pub fn revision(&self) -> Result<i64, ReadError> {
        self.connection
            .query_row("SELECT revision FROM journal", [], |row| row.get(0))
            .map_err(|error| self.error(error))
    }

    fn connect(path: &Path) -> rusqlite::Result<(Connection, i64)> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(path, flags).and_then(with_version);
        match opened {
            // No daemon runs and this person may not write in the directory, so SQLite cannot put
            // its index of the log there. Without a log none is needed: the file stands still.
            Err(error) if !wal_of(path).exists() => {
                let mut uri = "file:".to_owned();
                for octet in path.as_os_str().as_encoded_bytes() {
                    // A `String` takes everything.
                    let _ = match octet {
                        b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                            write!(uri, "{}", char::from(*octet))
                        }
                        _ => write!(uri, "%{octet:02X}"),
                    };
                }
                uri.push_str("?immutable=1");
                Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)
                    .and_then(with_version)
                    .map_err(|_| error)
            }
            opened => opened,
        }
    }

    fn page(
        &self,
        condition: &Condition,
        order: &'static str,
        after: i64,
    ) -> Result<Vec<Attempt>, ReadError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM attempts WHERE {} AND {order} > ? ORDER BY {order} LIMIT ?",
            condition.clause
        );
        let values = condition.values.iter().cloned().chain([after.into(), PAGE_ROWS.into()]);
        self.connection
            .prepare_cached(&sql)
            .and_then(|mut rows| {
                rows.query_map(params_from_iter(values), Attempt::of_row)?.collect()
            })
            .map_err(|error| self.error(error))
    }

    fn error(&self, source: rusqlite::Error) -> ReadError {
        ReadError::Store { path: self.connection.path().unwrap_or_default().into(), source }
    }
}

// === impl Attempts ===

impl Iterator for Attempts<'_> {
    type Item = Result<Attempt, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(attempt) = self.page.next() {
            return Some(Ok(attempt));
        }
        if self.is_last {
            return None;
        }
        match self.reader.page(&self.filter, "id", self.after) {
            Ok(page) => {
                self.is_last = page.is_empty();
                self.after = page.last().map_or(self.after, |attempt| attempt.id);
                self.page = page.into_iter();
                self.page.next().map(Ok)
            }
            Err(error) => {
                self.is_last = true;
                Some(Err(error))
            }
        }
    }
}

// === impl Attempt ===

impl Attempt {
    /// The word of JSON: `block` or `allow`.
    #[must_use]
    pub fn verdict(&self) -> &'static str {
        if self.blocked { "block" } else { "allow" }
    }

    fn of_row(row: &Row<'_>) -> rusqlite::Result<Attempt> {
        Ok(Attempt {
            id: row.get(0)?,
            revision: row.get(1)?,
            child: row.get(2)?,
            device: row.get(3)?,
            site: row.get(4)?,
            names: row.get::<_, String>(5)?.split_whitespace().map(str::to_owned).collect(),
            count: u64::try_from(row.get::<_, i64>(6)?).unwrap_or(0),
            first: timestamp(row.get(7)?),
            last: timestamp(row.get(8)?),
            hourly: row.get(9)?,
            blocked: row.get(10)?,
            // A kind this version does not know says nothing of which rule spoke.
            kind: ReasonKind::of_word(&row.get::<_, String>(11)?).unwrap_or(ReasonKind::Default),
            reason_id: row.get(12)?,
            category: row.get(13)?,
        })
    }
}

// === impl Condition ===

impl Condition {
    fn of(filter: &Filter) -> Condition {
        let mut condition = Condition { clause: "1".to_owned(), values: Vec::new() };
        if let Some(child) = &filter.child {
            if child == UNKNOWN {
                condition.and("child IS NULL", []);
            } else {
                condition.and("child = ?", [child.clone().into()]);
            }
        }
        if let Some(device) = &filter.device {
            condition.and("device = ?", [device.clone().into()]);
        }
        if let Some(site) = &filter.site {
            let site = site.trim_end_matches('.').to_ascii_lowercase();
            // By `instr`, not `LIKE`: `_` is a letter of names, not a wildcard.
            condition.and(
                "(site = ? OR instr(' ' || names || ' ', ?) OR instr(names || ' ', ?))",
                [site.clone().into(), format!(" {site} ").into(), format!(".{site} ").into()],
            );
        }
        if let Some(category) = &filter.category {
            condition.and("category = ?", [category.clone().into()]);
        }
        if let Some(since) = filter.since {
            // An hourly count stands for all of its hour.
            condition.and(
                "last >= CASE WHEN hourly THEN ? - 3599999 ELSE ? END",
                [since.as_millisecond().into(), since.as_millisecond().into()],
            );
        }
        if let Some(until) = filter.until {
            condition.and("first < ?", [until.as_millisecond().into()]);
        }
        condition
    }

    fn and<const N: usize>(&mut self, clause: &str, values: [Value; N]) {
        self.clause.push_str(" AND ");
        self.clause.push_str(clause);
        self.values.extend(values);
    }
}

fn with_version(connection: Connection) -> rusqlite::Result<(Connection, i64)> {
    connection.busy_timeout(BUSY)?;
    let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok((connection, version))
}

fn wal_of(path: &Path) -> PathBuf {
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    wal.into()
}
