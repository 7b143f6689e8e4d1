//! The one thread that writes the journal: batches, retention, and what to do when it cannot.
//!
//! It knows nothing of queries; it takes what [`super::fold`] holds, as often as the settings say
//! or when somebody waits. Start reading at [`Writer::run`].

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::Shared;
use super::fold::{Delta, Key, add_distinct, is_near, timestamp};
use super::schema;
use super::trouble::Trouble;
use crate::clock::Clock;
use crate::config::JournalSettings;

/// Writing more often than this would only wear the card.
const FLUSH_MIN: Duration = Duration::from_millis(100);
/// Rows deleted in one transaction: a few milliseconds, so that a flush never waits for long.
const RETENTION_ROWS: u32 = 500;
/// Deletions after one writing; what is left waits for the next.
const RETENTION_STEPS: u32 = 8;
/// Pages given back to the file system in one step.
const VACUUM_PAGES: u32 = 512;
/// A row that should have gone so long ago makes the clock doubtful and not the row: every day what
/// is too old is deleted, so what is left over is a day too old, or as old as a long holiday.
const DOUBTFUL_AGE: SignedDuration = SignedDuration::from_hours(365 * 24);
/// How long a doubtful clock has to be put right before it is believed: a time server needs
/// minutes, an outage of the line takes hours.
const DOUBT_ENDS_AFTER: SignedDuration = SignedDuration::from_hours(24);
/// What a full disk takes from the oldest rows, once, so that the newest can be kept: a tenth.
const FULL_DISK_SHARE: u32 = 10;

/// The writer's thread.
pub(super) struct Writer {
    shared: Arc<Shared>,
    path: PathBuf,
    clock: Clock,
    connection: Option<Connection>,
    /// The disk is full, and the oldest rows have made room once already.
    made_room: bool,
    /// Since when the clock has been in doubt; see [`DOUBTFUL_AGE`].
    doubted: Option<Timestamp>,
}

impl Writer {
    /// Opens the store at once, so that who starts the journal learns its state.
    pub(super) fn new(shared: Arc<Shared>, path: PathBuf, clock: Clock) -> Self {
        let mut writer =
            Writer { shared, path, clock, connection: None, made_room: false, doubted: None };
        let opened = writer.connect();
        writer.shared.lock().trouble = opened.err();
        writer
    }

    /// Writes until the journal is closed.
    pub(super) fn run(mut self) {
        let _gone = Gone(self.shared.clone());
        self.check();
        loop {
            let mut inner = self.shared.lock();
            let interval = inner.settings.flush.max(FLUSH_MIN);
            inner = self.shared.wait_for_work(inner, interval);
            let (ticket, stopping) = (inner.asked, inner.stopping);
            inner.hurried = false;
            let settings = inner.settings.clone();
            drop(inner);

            let mut result = self.write();
            if stopping && result.is_err() {
                // The last chance: a lock may have gone meanwhile.
                result = self.write();
            }
            let is_written = result.is_ok();
            let mut inner = self.shared.lock();
            if let Err(trouble) = &result
                && inner.trouble.is_none()
            {
                tracing::warn!("{}", trouble.sentence().en);
            } else if is_written && inner.trouble.is_some() {
                tracing::info!("the journal is being saved again");
            }
            inner.trouble = result.err();
            inner.done = ticket;
            drop(inner);
            self.shared.written.notify_all();
            if stopping {
                return;
            }
            if is_written {
                self.retain(&settings);
            }
        }
    }

    /// Looks the whole file over once, off the way of the start.
    fn check(&mut self) {
        if let Some(connection) = &self.connection
            && let Err(Trouble::Damaged(detail)) = schema::check(connection)
        {
            self.connection = None;
            if let Err(trouble) = self.begin_anew(&detail) {
                self.shared.lock().trouble = Some(trouble);
            }
        }
    }

    /// Writes what waits. What could not be written waits again.
    fn write(&mut self) -> Result<(), Trouble> {
        // Nothing is taken out of memory before there is a file to put it in.
        self.connect()?;
        let mut batch = self.shared.lock().fold.take();
        if batch.is_empty() {
            return Ok(());
        }
        // The order in which attempts began is the order of their ids.
        batch.sort_by_key(|(_, delta)| delta.first);
        let result = self.write_batch(&batch);
        if result.is_err() {
            // After a failed write or fsync, what the handle believes to be on the disk may not
            // be; a new one reads it again.
            self.connection = None;
            self.shared.lock().fold.restore(batch);
        }
        result
    }

    fn write_batch(&mut self, batch: &[(Key, Delta)]) -> Result<(), Trouble> {
        match self.commit(batch) {
            Ok(()) => {
                self.made_room = false;
                Ok(())
            }
            Err(Trouble::Damaged(detail)) => {
                self.connection = None;
                self.begin_anew(&detail)?;
                self.commit(batch)
            }
            Err(Trouble::Full(detail)) if !self.made_room => {
                // Once until a writing succeeds: somebody else may be filling the disk, and a
                // family's journal must not melt away for that.
                self.made_room = true;
                let rows = self.connection.as_ref().map_or(0, make_room);
                if rows == 0 {
                    return Err(Trouble::Full(detail));
                }
                tracing::warn!(rows, "the disk is full: the oldest rows of the journal made room");
                self.commit(batch)
            }
            Err(
                trouble @ (Trouble::Newer
                | Trouble::Full(_)
                | Trouble::Locked(_)
                | Trouble::Unwritable(_)),
            ) => Err(trouble),
        }
    }

    fn commit(&mut self, batch: &[(Key, Delta)]) -> Result<(), Trouble> {
        self.connect()?;
        let Some(connection) = &mut self.connection else {
            return Err(Trouble::Unwritable("it is not open".to_owned()));
        };
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut revision: i64 =
            transaction.query_row("SELECT revision FROM journal", [], |row| row.get(0))?;
        let mut begun = Vec::new();
        for (key, delta) in batch {
            revision += 1;
            if write_attempt(&transaction, key, delta, revision)? {
                begun.push(key.device.clone());
            }
        }
        transaction.execute("UPDATE journal SET revision = ?", [revision])?;
        transaction.commit()?;
        self.shared.lock().fold.note_begun(self.clock.now(), begun);
        Ok(())
    }

    /// Opens the file when it is not; a damaged one is set aside.
    fn connect(&mut self) -> Result<(), Trouble> {
        if self.connection.is_some() {
            return Ok(());
        }
        match schema::open(&self.path) {
            Ok(connection) => {
                self.connection = Some(connection);
                Ok(())
            }
            Err(Trouble::Damaged(detail)) => self.begin_anew(&detail),
            Err(
                trouble @ (Trouble::Newer
                | Trouble::Full(_)
                | Trouble::Locked(_)
                | Trouble::Unwritable(_)),
            ) => Err(trouble),
        }
    }

    fn begin_anew(&mut self, detail: &str) -> Result<(), Trouble> {
        let bad = schema::set_aside(&self.path, self.clock.now())?;
        tracing::warn!(
            detail,
            path = %bad.display(),
            "the journal was damaged: it is set aside and a new one begins"
        );
        self.shared.lock().set_aside = Some(bad);
        self.connection = Some(schema::open(&self.path)?);
        Ok(())
    }

    /// Before when rows are too old. A clock that leapt years ahead, as one without a battery may
    /// at a start, must not delete a family's journal before it is put right.
    fn cutoff(&mut self, settings: &JournalSettings) -> Timestamp {
        let now = self.clock.now();
        let kept = SignedDuration::from_hours(i64::from(settings.keep_days) * 24);
        let cutoff = now.checked_sub(kept).unwrap_or(Timestamp::UNIX_EPOCH);
        let newest = self.connection.as_ref().and_then(|open| newest_before(open, cutoff));
        if newest.is_none_or(|newest| cutoff.duration_since(newest) <= DOUBTFUL_AGE) {
            self.doubted = None;
            return cutoff;
        }
        let since = self.doubted.unwrap_or_else(|| {
            tracing::warn!(
                clock = %now,
                "the clock is years ahead of the journal: nothing is deleted for its age today"
            );
            now
        });
        self.doubted = Some(since);
        if now.duration_since(since) < DOUBT_ENDS_AFTER { Timestamp::UNIX_EPOCH } else { cutoff }
    }

    /// Deletes what is too old or too much, a little at a time.
    fn retain(&mut self, settings: &JournalSettings) {
        let cutoff = self.cutoff(settings);
        let Some(connection) = &self.connection else { return };
        let octets_max = i64::from(settings.keep_mib) << 20;
        let mut has_deleted = false;
        for _ in 0..RETENTION_STEPS {
            match retention_step(connection, cutoff.as_millisecond(), octets_max) {
                Ok(0) => break,
                Ok(_) => has_deleted = true,
                Err(error) => {
                    // The next writing meets the same error, and says so.
                    tracing::debug!(%error, "old rows of the journal could not be deleted");
                    return;
                }
            }
        }
        if !has_deleted {
            return;
        }
        // What was deleted goes out of the write-ahead log too. A reader may hold it: next time.
        let _ = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        if let Err(error) = schema::prune_set_aside(&self.path, cutoff) {
            tracing::debug!(%error, "journals set aside could not be deleted");
        }
    }
}

/// When the newest of the rows ended that are older than `cutoff`.
fn newest_before(connection: &Connection, cutoff: Timestamp) -> Option<Timestamp> {
    let sql = "SELECT max(last) FROM attempts WHERE last < ?";
    let newest = connection.query_row(sql, [cutoff.as_millisecond()], |row| row.get(0));
    // Who cannot read it now cannot delete it now either.
    newest.ok().flatten().map(timestamp)
}

/// Adds to the row of an attempt that goes on, or begins one; whether it began.
fn write_attempt(
    transaction: &Transaction<'_>,
    key: &Key,
    delta: &Delta,
    revision: i64,
) -> rusqlite::Result<bool> {
    let kind = key.kind.word();
    let mut newest = transaction.prepare_cached(
        "SELECT id, first, last, names FROM attempts
         WHERE child IS ?1 AND device = ?2 AND site = ?3 AND kind = ?4 AND reason_id = ?5
           AND blocked = ?6 AND hourly = ?7 AND (NOT hourly OR (first = ?8 AND category IS ?9))
         ORDER BY id DESC LIMIT 1",
    )?;
    let (child, category) = (key.child.as_deref(), key.category.as_deref());
    let hourly = key.hour.is_some();
    let row = newest
        .query_row(
            params![
                child,
                &*key.device,
                &*key.site,
                kind,
                &*key.reason_id,
                key.blocked,
                hourly,
                delta.first,
                category
            ],
            |row| {
                let (id, first, last): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok((id, first, last, row.get::<_, String>(3)?))
            },
        )
        .optional()?
        .filter(|(_, first, last, _)| is_near((*first, *last), (delta.first, delta.last)));
    let count = i64::try_from(delta.count).unwrap_or(i64::MAX);
    if let Some((id, first, last, names)) = row {
        let mut all: Vec<Box<str>> = names.split_whitespace().map(Into::into).collect();
        for name in &delta.names {
            add_distinct(&mut all, name.clone());
        }
        transaction
            .prepare_cached(
                "UPDATE attempts SET revision = ?2, count = count + ?3, first = ?4, last = ?5,
                    names = ?6, category = coalesce(category, ?7) WHERE id = ?1",
            )?
            .execute(params![
                id,
                revision,
                count,
                first.min(delta.first),
                last.max(delta.last),
                all.join(" "),
                delta.category.as_deref()
            ])?;
        return Ok(false);
    }
    transaction
        .prepare_cached(
            "INSERT INTO attempts (revision, child, device, site, names, count, first, last,
                hourly, blocked, kind, reason_id, category)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            revision,
            child,
            &*key.device,
            &*key.site,
            delta.names.join(" "),
            count,
            delta.first,
            delta.last,
            hourly,
            key.blocked,
            kind,
            &*key.reason_id,
            delta.category.as_deref()
        ])?;
    Ok(true)
}

/// Deletes some rows that ended before `cutoff`, in milliseconds since 1970, or that are too many
/// for `octets_max`; how many.
fn retention_step(
    connection: &Connection,
    cutoff: i64,
    octets_max: i64,
) -> rusqlite::Result<usize> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (page, pages, free) =
        (pragma("page_size")?, pragma("page_count")?, pragma("freelist_count")?);
    // Deleted first and counted after: a row too old goes whether there is room or not.
    let limit =
        if (pages - free) * page > octets_max { Value::Null } else { Value::Integer(cutoff) };
    let is_due: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM attempts WHERE ?1 IS NULL OR last < ?1)",
        [&limit],
        |row| row.get(0),
    )?;
    let deleted = if is_due { delete_oldest(connection, &limit, RETENTION_ROWS)? } else { 0 };
    if deleted > 0 || free > 0 {
        let mut vacuum =
            connection.prepare(&format!("PRAGMA incremental_vacuum({VACUUM_PAGES})"))?;
        let mut steps = vacuum.query([])?;
        while steps.next()?.is_some() {}
    }
    Ok(deleted)
}

/// Deletes up to `rows` rows with the oldest end before `limit`; null is no limit.
fn delete_oldest(connection: &Connection, limit: &Value, rows: u32) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "DELETE FROM attempts WHERE id IN (
                SELECT id FROM attempts WHERE ?1 IS NULL OR last < ?1 ORDER BY last LIMIT ?2)",
        )?
        .execute(params![limit, rows])
}

/// Deletes a tenth of the rows, in steps small enough for the write-ahead log as it is; stops at
/// the first that fails. How many.
pub(super) fn make_room(connection: &Connection) -> usize {
    let checkpoint = || {
        // What it cannot move now stays in the log, where it is safe.
        let _ = connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(()));
    };
    let count = connection
        .query_row("SELECT count(*) FROM attempts", [], |row| row.get::<_, u32>(0))
        .unwrap_or(0);
    let wanted = count / FULL_DISK_SHARE;
    let mut deleted = 0;
    checkpoint();
    for step in (0..wanted).step_by(RETENTION_ROWS as usize) {
        let rows = RETENTION_ROWS.min(wanted - step);
        let Ok(gone) = delete_oldest(connection, &Value::Null, rows) else { break };
        deleted += gone;
        checkpoint();
    }
    deleted
}

/// Tells those who wait that nobody will write any more, however the thread ended.
struct Gone(Arc<Shared>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.lock().gone = true;
        self.0.written.notify_all();
    }
}
