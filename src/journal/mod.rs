//! What is remembered: blocked attempts, in words a parent understands.
//!
//! The way of a query hands an [`Entry`] over and never waits ([`Journal::record`]); one writer
//! thread folds and writes; [`reader`] reads, whether the daemon runs or not.
//!
//! Entries are folded where they arrive, in one map behind a mutex, and not sent through a channel:
//! a thousand tries of an app are then one entry of memory and not a thousand, so the bound on
//! memory is one of attempts, and none is lost while the writer waits for a slow card. The lock is
//! held for one look-up; the writer takes the whole map under it and works on its own copy.
//!
//! The journal is never needed to answer: whatever is wrong with its file, `record` works, and
//! [`Journal::state`] says what is wrong.

mod fold;
pub mod reader;
mod schema;
mod site;
#[cfg(test)]
mod tests;
mod trouble;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;

use self::fold::{Fold, Query};
use self::trouble::Trouble;
use self::writer::Writer;
use crate::clock::Clock;
use crate::config::JournalSettings;
use crate::name::Name;
use crate::policy::ReasonKind;
use crate::policy::rules::JournalLevel;
use crate::words::Words;

pub use self::fold::Overflow;
pub use self::site::{registrable, site_of};

/// The journal's file in the state directory.
pub const FILE_NAME: &str = "journal.db";

/// One answered question, as the journal takes it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// When it was asked.
    pub at: Timestamp,
    /// Whose device asked: the id of a child or adult; none for unknown devices.
    pub subject: Option<Arc<str>>,
    /// The device.
    pub device: Arc<str>,
    /// The name asked.
    pub name: Name,
    /// Whether it was answered as closed.
    pub blocked: bool,
    /// The kind of reason.
    pub kind: ReasonKind,
    /// The reason's id; empty where the kind says it all.
    pub reason_id: Arc<str>,
    /// The service the name belongs to: then that is the site.
    pub service: Option<Arc<str>>,
    /// The category of the name.
    pub category: Option<Arc<str>>,
    /// Whether the category guards against fraud and spying.
    pub security: bool,
    /// What is kept of this subject.
    pub level: JournalLevel,
}

/// The journal while the daemon runs. Dropping it writes what waits, as [`Journal::close`] does.
#[derive(Debug)]
pub struct Journal {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
}

/// How the journal is doing, for the status page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// What is wrong, and what happens meanwhile; none while writing works.
    pub trouble: Option<Words>,
    /// Where a damaged file was put since the start.
    pub set_aside: Option<PathBuf>,
    /// Attempts in memory that wait to be written.
    pub waiting: usize,
    /// What did not fit since the start.
    pub overflow: Overflow,
}

/// Why there is no journal at all.
#[derive(Debug, thiserror::Error)]
#[error("the journal's thread cannot be started: {0}")]
pub struct OpenError(#[from] std::io::Error);

/// What the handle and the writer share.
#[derive(Debug)]
struct Shared {
    inner: Mutex<Inner>,
    /// There is work: somebody waits, much is in memory, or the end has come.
    work: Condvar,
    /// A writing is done, well or not.
    written: Condvar,
}

#[derive(Debug)]
struct Inner {
    fold: Fold,
    settings: JournalSettings,
    /// The number of the last writing somebody asked for.
    asked: u64,
    /// Up to which number writings are done.
    done: u64,
    /// The writer should not wait its full interval.
    hurried: bool,
    stopping: bool,
    /// The writer has ended.
    gone: bool,
    trouble: Option<Trouble>,
    set_aside: Option<PathBuf>,
}

// === impl Journal ===

impl Journal {
    /// Begins to keep the journal in the file at `path`. A damaged file is set aside; one that
    /// cannot be written is tried again and again, and [`Journal::state`] says so meanwhile.
    pub fn open(
        path: &Path,
        settings: &JournalSettings,
        clock: Clock,
    ) -> Result<Journal, OpenError> {
        let shared = Arc::new(Shared {
            inner: Mutex::new(Inner {
                fold: Fold::default(),
                settings: settings.clone(),
                asked: 0,
                done: 0,
                hurried: false,
                stopping: false,
                gone: false,
                trouble: None,
                set_aside: None,
            }),
            work: Condvar::new(),
            written: Condvar::new(),
        });
        let writer = Writer::new(shared.clone(), path.to_owned(), clock);
        if let Some(trouble) = &shared.lock().trouble {
            tracing::warn!(path = %path.display(), "{}", trouble.sentence().en);
        }
        let thread =
            std::thread::Builder::new().name("journal".to_owned()).spawn(|| writer.run())?;
        Ok(Journal { shared, writer: Some(thread) })
    }

    /// Remembers an entry, as far as its level says. Never waits for the disk.
    pub fn record(&self, entry: Entry) {
        let Some((key, query)) = Query::of(entry) else { return };
        self.add(|fold| fold.add(key, query));
    }

    /// Remembers that a device asked so many questions such as this one that only their number is
    /// kept.
    pub fn record_flood(&self, entry: Entry, queries: u64) {
        let Some((key, query)) = Query::of(entry) else { return };
        self.add(|fold| fold.add_flood(key, query, queries));
    }

    fn add(&self, add: impl FnOnce(&mut Fold)) {
        let mut inner = self.shared.lock();
        add(&mut inner.fold);
        if !inner.hurried && inner.trouble.is_none() && inner.fold.is_hurried() {
            inner.hurried = true;
            self.shared.work.notify_one();
        }
    }

    /// Waits until everything recorded so far is on the disk, or gives the sentence that says why
    /// it is not.
    pub fn flush(&self) -> Result<(), Words> {
        let mut inner = self.shared.lock();
        inner.asked += 1;
        let ticket = inner.asked;
        self.shared.work.notify_one();
        while inner.done < ticket && !inner.gone {
            inner = self.shared.written.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
        inner.trouble.as_ref().map_or(Ok(()), |trouble| Err(trouble.sentence()))
    }

    /// Writes everything and ends; the sentence says what kept it from doing so.
    pub fn close(mut self) -> Result<(), Words> {
        self.stop();
        let inner = self.shared.lock();
        inner.trouble.as_ref().map_or(Ok(()), |trouble| Err(trouble.sentence()))
    }

    /// Takes over the settings of a changed config file.
    pub fn update_settings(&self, settings: &JournalSettings) {
        let mut inner = self.shared.lock();
        inner.settings = settings.clone();
        inner.hurried = true;
        self.shared.work.notify_one();
    }

    /// How the journal is doing.
    #[must_use]
    pub fn state(&self) -> State {
        let inner = self.shared.lock();
        State {
            trouble: inner.trouble.as_ref().map(Trouble::sentence),
            set_aside: inner.set_aside.clone(),
            waiting: inner.fold.len(),
            overflow: inner.fold.overflow,
        }
    }

    fn stop(&mut self) {
        self.shared.lock().stopping = true;
        self.shared.work.notify_one();
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the journal's thread ended by a mistake of this program");
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.stop();
    }
}

// === impl Shared ===

impl Shared {
    /// A thread that panicked with the lock leaves whole values behind: each change is one step.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps until there is work, or for `interval`.
    fn wait_for_work<'a>(
        &self,
        inner: MutexGuard<'a, Inner>,
        interval: Duration,
    ) -> MutexGuard<'a, Inner> {
        self.work
            .wait_timeout_while(inner, interval, |inner| {
                inner.asked == inner.done && !inner.hurried && !inner.stopping
            })
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }
}
