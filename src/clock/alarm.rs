//! A timer of the kernel on the machine's wall clock: it rings at a time, and when somebody sets
//! the clock.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use jiff::Timestamp;
use nix::libc;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags as SetFlags};

use crate::sys::Readable;

/// It rings at least once in this time. Whoever waits longer sets it again: no wake-ups that
/// matter, and every time fits a small counter.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// How long is slept at a time where the kernel has no such timers.
const NAP: Duration = Duration::from_secs(1);

/// A timer that was set.
pub(super) enum Alarm {
    Timer(Readable),
    /// There are none: sandboxes may deny them.
    Nap(Duration),
    /// The clock was stepped while it was being set.
    Rung,
}

/// Why it rang.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rang {
    /// Its time has come, or it is time to look.
    Time,
    /// The clock was set.
    Step,
}

impl Alarm {
    /// Sets one on the wall clock, which shows `now`; without `after` it is for steps alone.
    pub(super) fn set(now: Timestamp, after: Option<Duration>) -> Self {
        let after = after.unwrap_or(LONGEST).min(LONGEST);
        match timer(now, after) {
            Ok(timer) => Alarm::Timer(timer),
            Err(error) if error.raw_os_error() == Some(libc::ECANCELED) => Alarm::Rung,
            Err(_) => Alarm::nap(after),
        }
    }

    /// Sleeps instead.
    pub(super) fn nap(after: Duration) -> Self {
        Alarm::Nap(after.min(NAP))
    }

    /// Waits until it rings.
    pub(super) async fn rings(&mut self) -> Rang {
        match self {
            Alarm::Timer(timer) => match timer.read(&mut [0; 8]).await {
                Ok(_) => Rang::Time,
                Err(error) if error.raw_os_error() == Some(libc::ECANCELED) => Rang::Step,
                Err(_) => {
                    // Not known to happen; whoever asks again must not spin.
                    tokio::time::sleep(NAP).await;
                    Rang::Time
                }
            },
            Alarm::Nap(after) => {
                tokio::time::sleep(*after).await;
                Rang::Time
            }
            Alarm::Rung => Rang::Step,
        }
    }
}

fn timer(now: Timestamp, after: Duration) -> io::Result<Readable> {
    let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
    let timer = TimerFd::new(ClockId::CLOCK_REALTIME, flags)?;
    let at = now.saturating_add(after).map_err(io::Error::other)?;
    let flags = SetFlags::TFD_TIMER_ABSTIME | SetFlags::TFD_TIMER_CANCEL_ON_SET;
    timer.set(Expiration::OneShot(time_spec(at)?), flags)?;
    Readable::new(OwnedFd::from(timer))
}

/// Never zero, which would switch the timer off.
fn time_spec(at: Timestamp) -> io::Result<TimeSpec> {
    let nanos = u64::try_from(at.as_nanosecond().max(1)).map_err(io::Error::other)?;
    // The counter of seconds has 32 bits on some boards, and ends in 2038.
    let since = Duration::from_nanos(nanos);
    libc::time_t::try_from(since.as_secs()).map_err(io::Error::other)?;
    Ok(TimeSpec::from_duration(since))
}
