//! What time it is.
//!
//! The only file that asks. Everything else is told, so that a test can hold the clock and a
//! decision can be explained for any moment.
//!
//! There are two clocks in every machine: one on the wall, which people and other machines set, and
//! one that never jumps. [`Clock::drift`] watches them together: what the wall clock moved and the
//! other one did not is a step. [`Clock::wait_until`] waits for a time on the wall and wakes when
//! the wall clock is stepped.
//!
//! A machine without a battery starts with a wrong wall clock. Where this program knows better and
//! may not set it, [`Clock::correct`] makes it show the right time nevertheless, until the machine
//! does. Whether a time is to be believed is not known here: see [`crate::timekeeping`].

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use nix::time::ClockId;
use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;
use tokio::sync::Notify;

use crate::sys;
use alarm::{Alarm, Rang};

mod alarm;

/// The earliest time certificates are judged by, in seconds since 1970: 2026-11-01. A router
/// without a battery starts in 1970; it cannot be earlier than when this was written.
const TIME_FLOOR_SECONDS: i64 = 1_793_491_200;
/// When this was written, as good as when it was built: no clock that shows less is set.
pub const BUILT: Timestamp = Timestamp::constant(TIME_FLOOR_SECONDS, 0);

/// What the wall clock may move against the other one without having been stepped. Leap seconds,
/// and the time between looking at one and at the other, are no steps.
const STEP_NANOS: u64 = 2_000_000_000;

/// The two clocks are looked at within this time, or once more: a process that is stopped between
/// the two looks has seen no step.
const LOOK_NANOS: i64 = 100_000_000;
/// A machine too busy for that so many times is taken as it is.
const LOOKS_MAX: usize = 8;

/// A wall clock that needs no correction.
const UNCORRECTED: i64 = i64::MIN;

/// The number of this run of the machine, new after each start.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// Made by systemd-timesyncd when it has set the clock in this run of the machine. Asked where the
/// kernel may not be (`ProtectClock=` of systemd).
const TIMESYNCD_DONE: &str = "/run/systemd/timesync/synchronized";

/// Tells the time: the machine's, or one that a test holds and moves.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A held clock; every clone shows the same time.
    Held(Arc<Held>),
}

/// A clock that stands until a test moves it.
#[derive(Debug)]
pub struct Held {
    /// The clock that never jumps, in nanoseconds since 1970.
    steady: AtomicI64,
    /// How far the wall clock is ahead of it, in nanoseconds. Kept as a difference, so that both
    /// clocks move at once and nobody sees a step where there is none.
    ahead: AtomicI64,
    is_synchronised: AtomicBool,
    boot: Mutex<String>,
    beside: Beside,
}

/// What is known beside the machine's clock. One for the whole process, as is that clock: a
/// certificate is judged by a `Clock::System` that nobody handed on, and a corrected time must hold
/// for it too.
#[derive(Debug)]
struct Beside {
    /// While the wall clock is corrected, what it shows is the steady clock and this many
    /// nanoseconds, so that whoever sets the machine's clock meanwhile does not correct it twice.
    /// [`UNCORRECTED`] otherwise.
    truth: AtomicI64,
    /// The earliest time certificates are judged by, in seconds since 1970.
    floor_seconds: AtomicI64,
    /// Told whenever the wall clock may have been stepped by this process.
    moved: Notify,
}

static SYSTEM: Beside = Beside::new();

/// A point on a clock that never jumps, for spans within one run: milliseconds since the process
/// began (or since the epoch of a held clock). TTLs and time-outs count on it, so that a step of
/// the wall clock expires nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tick(pub u64);

/// One look at the wall clock and at the one that never jumps, to compare the next one with.
#[derive(Debug, Clone, Copy)]
pub struct Watch {
    /// What the wall clock showed, in nanoseconds since 1970.
    wall: i64,
    /// The clock that never jumps, in nanoseconds. It counts while the machine is suspended.
    steady: i64,
}

/// Why somebody who waited was woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    /// The time has come.
    Due,
    /// The wall clock may have been stepped, and the time has not come. [`Clock::drift`] says how
    /// far; a step too small to count may wake too.
    Stepped,
}

impl Tick {
    /// The minute it lies in, by number.
    #[must_use]
    pub fn minute(self) -> u64 {
        self.0 / 60_000
    }

    /// Milliseconds since `earlier`; none when it lies ahead.
    #[must_use]
    pub fn millis_since(self, earlier: Tick) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Clock {
    /// A clock that stands at `at` until it is moved.
    #[must_use]
    pub fn held(at: Timestamp) -> Self {
        Clock::Held(Arc::new(Held {
            steady: AtomicI64::new(nanoseconds(at)),
            ahead: AtomicI64::new(0),
            is_synchronised: AtomicBool::new(false),
            boot: Mutex::new("held".to_owned()),
            beside: Beside::new(),
        }))
    }

    // === What it shows ===

    /// The wall clock's time, corrected where that is known.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self.beside().truth.load(Ordering::Relaxed) {
            UNCORRECTED => self.uncorrected(),
            truth => timestamp(self.steady().saturating_add(truth)),
        }
    }

    /// The monotonic clock's time.
    #[must_use]
    pub fn tick(&self) -> Tick {
        match self {
            Clock::System => {
                static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
                #[expect(clippy::disallowed_methods, reason = "this is the file that asks")]
                let now = std::time::Instant::now();
                let millis = now.duration_since(*START.get_or_init(|| now)).as_millis();
                Tick(u64::try_from(millis).unwrap_or(u64::MAX))
            }
            Clock::Held(held) => {
                Tick(u64::try_from(held.steady.load(Ordering::Relaxed) / 1_000_000).unwrap_or(0))
            }
        }
    }

    /// Whether the machine says that its clock is synchronised with others: what NTP programs tell
    /// the kernel. A held clock says what it was told, and no before.
    #[must_use]
    pub fn is_synchronised(&self) -> bool {
        match self {
            Clock::System => sys::is_clock_synchronised()
                .unwrap_or_else(|| std::path::Path::new(TIMESYNCD_DONE).exists()),
            Clock::Held(held) => held.is_synchronised.load(Ordering::Relaxed),
        }
    }

    /// The number of this run of the machine, which is another one after each start; empty where
    /// the kernel does not say. A held clock's is a text that a test sets, `held` before.
    #[must_use]
    pub fn boot_id(&self) -> String {
        match self {
            Clock::System => std::fs::read_to_string(BOOT_ID).unwrap_or_default().trim().to_owned(),
            Clock::Held(held) => held.boot.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// How long the machine has been running, suspended or not. A held clock's always just began.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        match self {
            Clock::System => Duration::from_nanos(u64::try_from(self.steady()).unwrap_or(0)),
            Clock::Held(_) => Duration::ZERO,
        }
    }

    // === Steps ===

    /// A look at both clocks, to be compared with a later one.
    #[must_use]
    pub fn watch(&self) -> Watch {
        self.look().0
    }

    /// How far the wall clock was stepped since the last look; none for less than 2 s and for what
    /// is slewed, which moves both clocks. The next comparison is with this look.
    ///
    /// A correction ends here when the machine's own clock is right.
    pub fn drift(&self, since: &mut Watch) -> Option<SignedDuration> {
        let (seen, own) = self.look();
        let seen = if self.is_corrected() && self.is_right(own, seen) {
            self.beside().correct_to(UNCORRECTED);
            self.watch()
        } else {
            seen
        };
        let moved = seen.moved_against(*since);
        *since = seen;
        (moved.unsigned_abs() > STEP_NANOS).then(|| SignedDuration::from_nanos(moved))
    }

    /// Waits until the wall clock has come to `at`, to the millisecond and never early, or has been
    /// stepped since the last look, whichever is first. Without `at` it waits for a step alone.
    ///
    /// To be called with the look that `at` was found with, so that no step between the two is
    /// missed; whoever is woken by a step takes another look ([`Clock::drift`]) before waiting
    /// again. Dropped while it waits, it leaves nothing behind. A kernel without timers for the
    /// wall clock has steps noticed within a second.
    pub async fn wait_until(&self, at: Option<Timestamp>, since: &Watch) -> Woken {
        loop {
            // Asked for before looking: what happens in between wakes as well.
            let moved = self.beside().moved.notified();
            let mut alarm = match self {
                Clock::System => Some(Alarm::set(self.uncorrected(), self.remaining(at))),
                Clock::Held(_) => None,
            };
            if at.is_some_and(|at| self.now() >= at) {
                return Woken::Due;
            }
            if self.watch().is_stepped(*since) {
                return Woken::Stepped;
            }
            let rang = async {
                match &mut alarm {
                    Some(alarm) => alarm.rings().await,
                    None => std::future::pending().await,
                }
            };
            let rang = tokio::select! {
                () = moved => Rang::Time,
                rang = rang => rang,
            };
            match rang {
                Rang::Time => {}
                Rang::Step if at.is_some_and(|at| self.now() >= at) => return Woken::Due,
                Rang::Step => return Woken::Stepped,
            }
        }
    }

    /// The wall clock is wrong by this much, and may not be set: shows the right time from now on,
    /// counted by the clock that never jumps. What was less than 2 s wrong is left as it is.
    ///
    /// It holds for every clock of this process ([`Clock::System`]) or every clone (held), until
    /// [`Clock::drift`] finds that the machine's own clock has been put right: that it shows the
    /// same to 2 s, or that the machine says it is synchronised.
    pub fn correct(&self, by: SignedDuration) {
        let by = clamped(by);
        if by.unsigned_abs() <= STEP_NANOS {
            return;
        }
        let seen = self.watch();
        let truth = seen.wall.saturating_add(by).saturating_sub(seen.steady);
        self.beside().correct_to(truth.max(UNCORRECTED + 1));
    }

    /// Whether it shows another time than the machine's own clock.
    #[must_use]
    pub fn is_corrected(&self) -> bool {
        self.beside().truth.load(Ordering::Relaxed) != UNCORRECTED
    }

    /// It cannot be earlier than this: certificates are not judged by an earlier time. An earlier
    /// floor than the one that holds is ignored.
    pub fn raise_floor(&self, at: Timestamp) {
        self.beside().floor_seconds.fetch_max(at.as_second(), Ordering::Relaxed);
    }

    // === A test's hand on a held clock ===

    /// Moves a held clock to `at`, and the monotonic clock with it; the machine's clock is left
    /// alone. A time that lies behind moves both back, as if what was between had not been.
    pub fn set(&self, at: Timestamp) {
        self.advance(at.duration_since(self.now()));
    }

    /// Moves a held clock on by `by`, and the monotonic clock with it; the machine's clock is left
    /// alone.
    pub fn advance(&self, by: SignedDuration) {
        if let Clock::Held(held) = self {
            held.steady.fetch_add(clamped(by), Ordering::Relaxed);
            held.beside.moved.notify_waiters();
        }
    }

    /// Steps the wall clock of a held clock, as if somebody had set it: the monotonic clock stays.
    pub fn step(&self, by: SignedDuration) {
        if let Clock::Held(held) = self {
            held.ahead.fetch_add(clamped(by), Ordering::Relaxed);
            held.beside.moved.notify_waiters();
        }
    }

    /// Has a held clock say that it is synchronised, or that it is not.
    pub fn set_synchronised(&self, is_synchronised: bool) {
        if let Clock::Held(held) = self {
            held.is_synchronised.store(is_synchronised, Ordering::Relaxed);
        }
    }

    /// Has a held clock say that it is in this run of the machine.
    pub fn set_boot_id(&self, boot: &str) {
        if let Clock::Held(held) = self {
            boot.clone_into(&mut held.boot.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    // === Inside ===

    fn beside(&self) -> &Beside {
        match self {
            Clock::System => &SYSTEM,
            Clock::Held(held) => &held.beside,
        }
    }

    /// What the machine's own wall clock shows.
    fn uncorrected(&self) -> Timestamp {
        match self {
            #[expect(clippy::disallowed_methods, reason = "this is the file that asks")]
            Clock::System => Timestamp::now(),
            Clock::Held(held) => {
                let ahead = held.ahead.load(Ordering::Relaxed);
                timestamp(held.steady.load(Ordering::Relaxed).saturating_add(ahead))
            }
        }
    }

    /// The clock that never jumps, in nanoseconds. The machine's counts while it is suspended, as
    /// the wall clock does; kernels that have no such clock are never suspended.
    fn steady(&self) -> i64 {
        match self {
            Clock::System => match ClockId::CLOCK_BOOTTIME.now() {
                Ok(since) => nanoseconds_of(Duration::from(since)),
                Err(_) => nanoseconds_of(Duration::from_millis(self.tick().0)),
            },
            Clock::Held(held) => held.steady.load(Ordering::Relaxed),
        }
    }

    /// Both clocks at once, and what the machine's own wall clock shows.
    fn look(&self) -> (Watch, i64) {
        let mut steady = self.steady();
        for _ in 0..LOOKS_MAX {
            let own = match self {
                Clock::System => nanoseconds(self.uncorrected()),
                // Not asked again: a test may move it between two looks.
                Clock::Held(held) => steady.saturating_add(held.ahead.load(Ordering::Relaxed)),
            };
            let after = match self {
                Clock::System => self.steady(),
                Clock::Held(_) => steady,
            };
            let is_quick = after.saturating_sub(steady) <= LOOK_NANOS;
            steady = after;
            if is_quick {
                return (self.seen(own, steady), own);
            }
        }
        let own = nanoseconds(self.uncorrected());
        (self.seen(own, steady), own)
    }

    fn seen(&self, own: i64, steady: i64) -> Watch {
        match self.beside().truth.load(Ordering::Relaxed) {
            UNCORRECTED => Watch { wall: own, steady },
            truth => Watch { wall: steady.saturating_add(truth), steady },
        }
    }

    /// Whether the machine's own clock needs no correction any more.
    fn is_right(&self, own: i64, seen: Watch) -> bool {
        let floor = self.beside().floor_seconds.load(Ordering::Relaxed);
        let is_possible = timestamp(own).as_second() >= floor;
        own.saturating_sub(seen.wall).unsigned_abs() <= STEP_NANOS
            || is_possible && self.is_synchronised()
    }

    /// How long until the wall clock shows `at`, if nobody steps it.
    fn remaining(&self, at: Option<Timestamp>) -> Option<Duration> {
        let until = at?.duration_since(self.now());
        Some(Duration::try_from(until).unwrap_or_default())
    }
}

/// The time certificates are judged by: the wall clock's, but never before this was written, nor
/// before it was last known.
impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        let floor = self.beside().floor_seconds.load(Ordering::Relaxed);
        let seconds = u64::try_from(self.now().as_second().max(floor)).unwrap_or(0);
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

impl Beside {
    const fn new() -> Self {
        Beside {
            truth: AtomicI64::new(UNCORRECTED),
            floor_seconds: AtomicI64::new(TIME_FLOOR_SECONDS),
            moved: Notify::const_new(),
        }
    }

    fn correct_to(&self, truth: i64) {
        self.truth.store(truth, Ordering::Relaxed);
        self.moved.notify_waiters();
    }
}

impl Watch {
    /// What the wall clock showed.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        timestamp(self.wall)
    }

    /// How much time has passed since an earlier look, whatever became of the wall clock.
    #[must_use]
    pub fn passed_since(&self, earlier: &Watch) -> SignedDuration {
        SignedDuration::from_nanos(self.steady.saturating_sub(earlier.steady))
    }

    /// How far the wall clock moved against the other one, in nanoseconds.
    fn moved_against(self, earlier: Watch) -> i64 {
        let wall = self.wall.saturating_sub(earlier.wall);
        wall.saturating_sub(self.steady.saturating_sub(earlier.steady))
    }

    /// Whether the wall clock was stepped or runs behind an earlier look: a held clock may be taken
    /// back as a whole.
    fn is_stepped(self, earlier: Watch) -> bool {
        self.moved_against(earlier).unsigned_abs() > STEP_NANOS || self.wall < earlier.wall
    }
}

/// Years 1678 to 2262 fit; what lies outside is held at the border.
fn nanoseconds(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond()).unwrap_or(i64::MAX)
}

fn nanoseconds_of(span: Duration) -> i64 {
    i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)
}

/// A span of more than 292 years is held at the border.
fn clamped(by: SignedDuration) -> i64 {
    let border = if by.is_negative() { i64::MIN } else { i64::MAX };
    i64::try_from(by.as_nanos()).unwrap_or(border)
}

fn timestamp(nanos: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(nanos)).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests;
