//! The ledger: everything that expires by itself or is counted, and it is durable.
//!
//! Pauses, granted time, words opened and closed for a while, requests, the minutes used of
//! budgets, who changed what, and what the family may want to be told. All of it is by ids as
//! text, because households are reloaded; [`Ledger::passing`] compiles it for one.
//!
//! It knows neither the config file nor the network, and does not decide: `policy` does. A word is
//! kept as it comes; whoever calls has looked whether it is one. Nothing about help gets here, for
//! names that were asked never do.
//!
//! Changes by people are in `people`, all else that happens is here; `file` is the disk. A change
//! is in force as soon as its call returns and durable as soon as [`Ledger::save`] does: who
//! acknowledges it saves before, and saves before publishing what [`Ledger::changed`] tells of.

mod changes;
mod compile;
mod events;
mod file;
mod minutes;
mod people;
mod refusal;
mod requests;
mod spans;
mod state;

use std::net::IpAddr;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::clock::{Clock, Tick};
use crate::kept::{self, Store};
use crate::policy::budget::BudgetSet;
use crate::policy::passing::Passing;
use crate::policy::rules::{Household, SubjectId};
use crate::words::Words;

pub use changes::{AUDIT_MAX, AuditEntry, UNDO_MAX};
pub use events::{EVENTS_MAX, Event, Happening, SignSeen};
pub use file::FILE_OCTETS_MAX;
pub use minutes::{BONUS_MINUTES_MAX, WARNINGS};
pub use people::FREE_HOURS_MAX;
pub use refusal::Refusal;
pub use requests::{
    Answer, REASON_CHARS_MAX, REQUESTS_AN_HOUR_MAX, Request, RequestState, TIME_WORD, WAITING_MAX,
};
pub use spans::{WORD_CHARS_MAX, WORDS_MAX};

use events::Events;
use minutes::Effect;
use state::{State, Time};

/// Everything that expires by itself or is counted.
#[derive(Debug)]
pub struct Ledger {
    clock: Clock,
    inner: Mutex<Inner>,
    /// Held while a file is written; none: nothing is.
    store: Mutex<Option<Store>>,
    changed: Notify,
}

/// What is in memory.
#[derive(Debug)]
struct Inner {
    state: State,
    time_unknown: bool,
    /// Something is not in the file yet.
    is_dirty: bool,
    /// What the next file says of when it was written.
    heartbeat: Option<Saved>,
    /// The tick at which the ledger was opened, and the milliseconds that stood for it.
    began: (Tick, u64),
    /// The first run of this boot of the machine.
    first_run: u32,
    /// What was wrong with the file when it was read.
    read_trouble: Option<Words>,
    /// Why the last file could not be written.
    write_trouble: Option<Words>,
}

/// When, and in which boot of the machine, the program last said that it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// When. While nobody knew what time it was, this stood still.
    pub at: Timestamp,
    /// The boot, as the system names it.
    pub boot: String,
}

/// Whoever changes something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// A user of this machine, or a child's id.
    pub who: String,
    /// From where.
    pub via: Via,
}

/// From where a change comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// The command line.
    Cli,
    /// The dashboard.
    Web,
    /// The child's own page.
    Child,
}

/// Until when something holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// From that moment on it is over.
    pub until: Timestamp,
    /// Whether it was given as a length (`30m`): then a step of the wall clock moves its end.
    pub is_length: bool,
}

/// A change that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// Its number in the audit.
    pub id: u64,
    /// Until when it holds; none: for good, or it has no end.
    pub until: Option<Timestamp>,
}

/// A permanent change that was written into the config file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// Whom it is about: the child's or adult's id.
    pub child: String,
    /// The word or the device, as written.
    pub word: String,
    /// What became of it.
    pub what: Permanent,
    /// What the file was before, as a checksum.
    pub before_hash: String,
    /// What it was after.
    pub after_hash: String,
    /// Where the file as it was before is kept.
    pub backup: String,
}

/// What becomes of a word in the config file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permanent {
    /// It is open.
    Allow,
    /// It is closed.
    Block,
    /// It is a device, and somebody's.
    Assign,
}

/// What was taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undone {
    /// It is as it was before.
    Done {
        /// The change that was taken back.
        what: AuditEntry,
        /// The change that taking it back is.
        done: Done,
    },
    /// It stands in the config file, which is to be put back; then comes [`Ledger::mark_undone`]
    /// with this number, or [`Ledger::cannot_undo`] if that is not possible.
    File(Written, u64),
}

/// How far a budget is used today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// The minutes of today, those given on top included; none: no limit today.
    pub minutes: Option<u32>,
    /// About how many were used.
    pub used: u32,
    /// About how many are left; none: no limit today.
    pub left: Option<u32>,
    /// Whether the child has started it, where it counts only then.
    pub is_running: bool,
}

// === impl Permanent ===

impl Permanent {
    /// Its word in the audit.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Permanent::Allow => "allow",
            Permanent::Block => "block",
            Permanent::Assign => "assign",
        }
    }
}

// === impl Ledger: the file ===

impl Ledger {
    /// Opens what is kept in a directory. It always opens: a damaged file gives way to the one
    /// before it, or to nothing, and [`Ledger::troubles`] says so.
    #[must_use]
    pub fn open(directory: &Path, clock: Clock) -> Ledger {
        let found = Store::open(directory, file::NAME);
        let trouble = found.trouble.as_ref().map(file::trouble_words);
        Ledger::of(found.state, trouble, Some(found.store), clock)
    }

    /// What is kept in a directory, only looked at: a daemon may be writing there.
    #[must_use]
    pub fn look(directory: &Path, clock: Clock) -> Ledger {
        let found = Store::look(directory, file::NAME);
        let trouble = found.trouble.as_ref().map(file::trouble_words);
        Ledger::of(found.state, trouble, None, clock)
    }

    /// An empty one that is never written.
    #[must_use]
    pub fn in_memory(clock: Clock) -> Ledger {
        Ledger::of(State::default(), None, None, clock)
    }

    /// What a file says, read as [`Ledger::open`] reads it and never written; none when it is not
    /// as it was written.
    #[must_use]
    pub fn from_octets(octets: &[u8], clock: Clock) -> Option<Ledger> {
        let (_, state) = file::parse(octets).ok()?;
        Some(Ledger::of(state, None, None, clock))
    }

    /// A file with a right checksum around the body of another one: for tests, which look for
    /// what no checksum guards against.
    #[must_use]
    pub fn sealed(body: &str) -> String {
        kept::seal(file::NAME, 1, body)
    }

    fn of(mut state: State, trouble: Option<Words>, store: Option<Store>, clock: Clock) -> Ledger {
        state.run = state.run.saturating_add(1);
        let began = (clock.tick(), state.minutes.resume(clock.now()));
        let inner = Inner {
            first_run: state.run,
            state,
            time_unknown: false,
            is_dirty: false,
            heartbeat: None,
            began,
            read_trouble: trouble,
            write_trouble: None,
        };
        let (inner, store) = (Mutex::new(inner), Mutex::new(store));
        Ledger { clock, inner, store, changed: Notify::new() }
    }

    /// Sentences about what is wrong with the file; empty when all is well.
    #[must_use]
    pub fn troubles(&self) -> Vec<Words> {
        let inner = self.lock();
        inner.read_trouble.iter().chain(&inner.write_trouble).cloned().collect()
    }

    /// Whether something is not in the file yet.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.lock().is_dirty
    }

    /// Writes the file, if something is not in it yet: everything that was changed before the call
    /// is durable when this returns. It waits for the disk.
    ///
    /// # Errors
    /// What the disk says; then the file is as it was before, and the next call tries again.
    pub fn save(&self) -> std::io::Result<()> {
        // First this: who comes second waits until what is being written is written.
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let (snapshot, heartbeat) = {
            let mut inner = self.lock();
            if !inner.is_dirty {
                return Ok(());
            }
            inner.is_dirty = false;
            let time = inner.time(&self.clock);
            inner.state.minutes.anchor(&time);
            let mut snapshot = inner.state.clone();
            let heartbeat = inner.heartbeat.clone().or_else(|| snapshot.saved.take());
            snapshot.saved.clone_from(&heartbeat);
            (snapshot, heartbeat)
        };
        let result = store
            .as_mut()
            .map_or(Ok(()), |store| file::body_of(snapshot).and_then(|body| store.write(&body)));
        let mut inner = self.lock();
        match &result {
            Ok(()) => {
                inner.state.saved = heartbeat;
                inner.write_trouble = None;
            }
            Err(error) => {
                inner.is_dirty = true;
                inner.write_trouble = Some(file::unwritten_words(error));
            }
        }
        result
    }

    // === What time it is ===

    /// What the file says of when it was written.
    #[must_use]
    pub fn saved(&self) -> Option<Saved> {
        self.lock().state.saved.clone()
    }

    /// Notes that it is now this time, in this boot of the machine: the next file says so. While
    /// nobody knows what time it is, the time in the file stands still. To be called once before
    /// anything is changed: then lengths that were given before a restart of the program, in the
    /// same boot, still count on the same clock.
    pub fn heartbeat(&self, boot: &str) {
        let mut inner = self.lock();
        let time = inner.time(&self.clock);
        let saved = inner.state.saved.as_ref();
        if inner.heartbeat.is_none() {
            if saved.is_some_and(|saved| saved.boot == boot) {
                inner.first_run = inner.state.boot_run;
            } else {
                inner.state.boot_run = inner.first_run;
            }
        }
        let last = inner.heartbeat.as_ref().or(inner.state.saved.as_ref()).map(|last| last.at);
        let at = last.filter(|_| time.is_unknown).unwrap_or(time.now);
        inner.heartbeat = Some(Saved { at, boot: boot.to_owned() });
        inner.is_dirty = true;
    }

    /// Says whether nobody knows what time it is.
    pub fn set_time_unknown(&self, unknown: bool) {
        let mut inner = self.lock();
        if inner.time_unknown == unknown {
            return;
        }
        inner.time_unknown = unknown;
        let time = inner.time(&self.clock);
        let what = if unknown { Happening::TimeUnknown } else { Happening::TimeKnown };
        inner.state.events.add(what, &time);
        self.note_change(&mut inner);
    }

    /// Whether nobody knows what time it is.
    #[must_use]
    pub fn is_time_unknown(&self) -> bool {
        self.lock().time_unknown
    }

    /// The wall clock was stepped by so much: spans that were given as lengths keep their length.
    pub fn step(&self, by: SignedDuration) {
        let mut inner = self.lock();
        let time = inner.time(&self.clock);
        inner.state.step(by, &time);
        self.note_change(&mut inner);
    }
}

// === impl Ledger: time goes on ===

impl Ledger {
    /// Waits until something changed that [`Ledger::passing`] depends on, since the last call. For
    /// one who waits.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// What holds for a while, compiled for a household. What the household does not know says
    /// nothing.
    #[must_use]
    pub fn passing(&self, household: &Household) -> Passing {
        let mut inner = self.lock();
        let time = inner.time(&self.clock);
        self.advance(&mut inner, household, &time);
        inner.state.passing(household, &time)
    }

    /// Ends what is over, closes minutes, tells that little is left, begins days.
    pub fn tick(&self, household: &Household) {
        let mut inner = self.lock();
        let time = inner.time(&self.clock);
        self.advance(&mut inner, household, &time);
        // That a span is over everyone knows already: its end was told with it.
        let has_ended = inner.state.expire(&time);
        inner.is_dirty |= has_ended;
    }

    /// When [`Ledger::tick`] has something to do next; none: nothing is to come. It may lie in the
    /// past.
    #[must_use]
    pub fn due(&self, household: &Household) -> Option<Timestamp> {
        let mut inner = self.lock();
        let time = inner.time(&self.clock);
        self.advance(&mut inner, household, &time);
        let state = &inner.state;
        let spans = state.spans.ends(&time);
        spans.chain(state.requests.next_end(&time)).chain(state.minutes.due(&time)).min()
    }

    /// Something that counts against these budgets of the subject was asked.
    pub fn touch(&self, household: &Household, subject: SubjectId, budgets: BudgetSet) {
        let mut inner = self.lock();
        let time = inner.time(&self.clock);
        let State { minutes, events, saved, .. } = &mut inner.state;
        let effect = minutes.touch(household, subject, budgets, (saved.as_ref(), &time), events);
        self.note_effect(&mut inner, effect);
    }

    /// How far each budget of the subject is used today, by its place.
    #[must_use]
    pub fn usage(&self, household: &Household, subject: SubjectId) -> Vec<Usage> {
        let mut inner = self.lock();
        let time = inner.time(&self.clock);
        self.advance(&mut inner, household, &time);
        let Some(subject) = household.subjects.get(usize::from(subject.0)) else {
            return Vec::new();
        };
        let state = &inner.state;
        state.minutes.usage(household, subject, state.saved.as_ref(), &time)
    }

    /// Tells that a device of nobody's asked for the first time.
    pub fn met(&self, device: &str, address: Option<IpAddr>, host: Option<&str>) {
        let (device, host) = (device.to_owned(), host.map(str::to_owned));
        self.happened(|events, time| {
            events.add(Happening::NewDevice { device, address, host }, time);
        });
    }

    /// Tells that a device may be on a way around: one event for each device and day, which says
    /// all that was seen of it.
    pub fn suspect(&self, device: &str, child: Option<&str>, day: Date, signs: Vec<SignSeen>) {
        self.happened(|events, time| events.suspect(device, child, day, signs, time));
    }

    fn happened(&self, tell: impl FnOnce(&mut Events, &Time)) {
        let mut inner = self.lock();
        let time = inner.time(&self.clock);
        tell(&mut inner.state.events, &time);
        inner.is_dirty = true;
    }

    /// What happened after the event of this number, oldest first: at most the last
    /// [`EVENTS_MAX`].
    #[must_use]
    pub fn events(&self, after: u64) -> Vec<Event> {
        self.lock().state.events.after(after)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // What a panic left is still the best that is known.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn advance(&self, inner: &mut Inner, household: &Household, time: &Time) {
        let State { minutes, events, saved, .. } = &mut inner.state;
        let effect = minutes.advance(household, saved.as_ref(), time, events);
        self.note_effect(inner, effect);
    }

    fn note_effect(&self, inner: &mut Inner, effect: Effect) {
        inner.is_dirty |= effect.is_dirty;
        if effect.bites {
            self.changed.notify_one();
        }
    }

    /// Something that decides is another now.
    fn note_change(&self, inner: &mut Inner) {
        inner.is_dirty = true;
        self.changed.notify_one();
    }
}

// === impl Inner ===

impl Inner {
    fn time(&self, clock: &Clock) -> Time {
        let (tick, millis) = self.began;
        Time {
            now: clock.now(),
            is_unknown: self.time_unknown,
            millis: millis.saturating_add(clock.tick().millis_since(tick)),
            run: self.state.run,
            first_run: self.first_run,
        }
    }
}

// === impl Via ===

impl Via {
    /// Its word in the audit.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Via::Cli => "cli",
            Via::Web => "web",
            Via::Child => "child",
        }
    }
}

#[cfg(test)]
mod tests;
