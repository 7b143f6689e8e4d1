//! What time it is.
//!
//! The only file that asks. Everything else is told, so that a test can hold the clock and a
//! decision can be explained for any moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;

/// The earliest time certificates are judged by, in seconds since 1970: 2026-11-01. A router
/// without a battery starts in 1970; it cannot be earlier than when this was written.
const TIME_FLOOR_SECONDS: u64 = 1_793_491_200;

/// Tells the time: the machine's, or one that a test holds and moves.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A held clock, in nanoseconds since 1970; every clone shows the same time.
    Held(Arc<AtomicI64>),
}

/// A point on a clock that never jumps, for spans within one run: milliseconds since the process
/// began (or since the epoch of a held clock). TTLs and time-outs count on it, so that a step of
/// the wall clock expires nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tick(pub u64);

impl Tick {
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
        Clock::Held(Arc::new(AtomicI64::new(nanoseconds(at))))
    }

    /// The wall clock's time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self {
            #[expect(clippy::disallowed_methods, reason = "this is the file that asks")]
            Clock::System => Timestamp::now(),
            Clock::Held(nanos) => {
                Timestamp::from_nanosecond(i128::from(nanos.load(Ordering::Relaxed)))
                    .unwrap_or(Timestamp::UNIX_EPOCH)
            }
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
            Clock::Held(nanos) => {
                Tick(u64::try_from(nanos.load(Ordering::Relaxed) / 1_000_000).unwrap_or(0))
            }
        }
    }

    /// Moves a held clock to `at`; the machine's clock is left alone.
    pub fn set(&self, at: Timestamp) {
        if let Clock::Held(nanos) = self {
            nanos.store(nanoseconds(at), Ordering::Relaxed);
        }
    }

    /// Moves a held clock on by `by`; the machine's clock is left alone.
    pub fn advance(&self, by: SignedDuration) {
        self.set(self.now().saturating_add(by).unwrap_or(Timestamp::MAX));
    }
}

/// The time certificates are judged by: the wall clock's, but never before this was written.
impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.now().as_second()).unwrap_or(0).max(TIME_FLOOR_SECONDS);
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)))
    }
}

/// Years 1678 to 2262 fit; what lies outside is held at the border.
fn nanoseconds(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond()).unwrap_or(i64::MAX)
}
