//! Whether the time is known, and what is done where it is not.
//!
//! A box without a battery starts in 1970, or where it ended; a child who unplugs it must gain
//! nothing. [`trust`] judges a time by what is known of it; [`sntp`] asks other machines; a
//! [`Keeper`] does both for the daemon. None of them knows schedules or budgets, and none sets the
//! machine's clock: others do that.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tracing::debug;

use crate::clock::{Clock, Tick};
use sntp::Unsure;
use trust::{Doubt, Evidence, Saved};

pub mod sntp;
pub mod trust;

/// How often the system is asked whether it is synchronised, while the time is in doubt: a call
/// that costs nothing, for at most this much of a strict schedule too long. Steps are noticed at
/// once.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How soon time servers are asked again: twice as late after each round, the network may be just
/// coming up.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Never later than this: a family waits.
const LAST_PAUSE: Duration = Duration::from_secs(60);
/// How long a server is left alone that wants to be.
const LEFT_ALONE_MILLIS: u64 = 3_600_000;

/// Watches over whether the time is known.
#[derive(Debug)]
pub struct Keeper {
    clock: Clock,
    built: Timestamp,
    /// The time that was last known, and in which run of the machine.
    saved: Mutex<Option<(Timestamp, String)>>,
    servers: Vec<SocketAddr>,
    /// Who wanted to be left alone, and since when.
    kissed: Mutex<HashMap<SocketAddr, Tick>>,
}

/// How the time became known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// The system says that its clock is synchronised.
    Synchronised,
    /// Time servers said how far ahead they are, and the clock shows that from now on.
    Sntp(SignedDuration),
    /// Somebody set the clock to a time that can be, or it was not in doubt at all.
    Stepped,
}

impl Keeper {
    /// A keeper for a program built then, with the time that was last written down and the time
    /// servers to ask ([`sntp::SERVERS`]; none is asked where none is given).
    ///
    /// Certificates are not judged by a time before the saved one from now on.
    #[must_use]
    pub fn new(
        clock: Clock,
        built: Timestamp,
        saved: Option<Saved<'_>>,
        servers: &[SocketAddr],
    ) -> Self {
        let saved = saved.map(|saved| (saved.at, saved.boot.to_owned()));
        // A saved time that cannot be would close every connection for good.
        if let Some((at, _)) = saved.as_ref().filter(|(at, _)| *at <= trust::latest(built)) {
            clock.raise_floor(*at);
        }
        let (saved, kissed) = (Mutex::new(saved), Mutex::default());
        Keeper { clock, built, saved, servers: servers.to_vec(), kissed }
    }

    /// Why the time is in doubt now; none when it is known.
    #[must_use]
    pub fn doubt(&self) -> Option<Doubt> {
        let saved = self.saved();
        trust::doubt(&Evidence {
            now: self.clock.now(),
            built: self.built,
            saved: saved.as_ref().map(|(at, boot)| Saved { at: *at, boot }),
            boot: &self.clock.boot_id(),
            uptime: self.clock.uptime(),
            is_synchronised: self.clock.is_synchronised(),
        })
    }

    /// The earliest time that is possible: when the program was built, or the last saved time.
    #[must_use]
    pub fn floor(&self) -> Timestamp {
        let saved = self.saved();
        trust::earliest(self.built, saved.as_ref().map(|(at, boot)| Saved { at: *at, boot }))
    }

    /// The time that was last known, and in which run of the machine.
    #[must_use]
    pub fn saved(&self) -> Option<(Timestamp, String)> {
        self.saved.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the time is known, and says how it came to be; at once when it is.
    ///
    /// Until then time servers are asked, the system is asked whether it is synchronised, and the
    /// time is judged anew when somebody steps the clock. Dropped while it waits, it leaves nothing
    /// behind. What was learnt is worth being written down at once: until then another start is in
    /// doubt again.
    pub async fn until_known(&self) -> Known {
        // Known already: nobody is asked.
        if self.doubt().is_none() {
            return self.known();
        }
        let mut pause = FIRST_PAUSE;
        loop {
            tokio::select! {
                () = self.confirmed() => return self.known(),
                asked = self.ask() => match asked {
                    Ok(ahead) => {
                        self.clock.correct(ahead);
                        self.believe();
                        return Known::Sntp(ahead);
                    }
                    Err(unsure) => self.note(&unsure),
                }
            }
            tokio::select! {
                () = self.confirmed() => return self.known(),
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(LAST_PAUSE),
            }
        }
    }

    // === Inside ===

    /// Waits until there is no doubt any more.
    async fn confirmed(&self) {
        let mut watch = self.clock.watch();
        while self.doubt().is_some() {
            let stepped = self.clock.wait_until(None, &watch);
            let _looks_anyway = tokio::time::timeout(LOOK_EVERY, stepped).await;
            self.clock.drift(&mut watch);
        }
    }

    /// It is known, for nobody said otherwise.
    fn known(&self) -> Known {
        self.believe();
        if self.clock.is_synchronised() { Known::Synchronised } else { Known::Stepped }
    }

    fn believe(&self) {
        let now = (self.clock.now(), self.clock.boot_id());
        *self.saved.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }

    /// Asks the servers that may be asked now. One is enough where there is no other, but not where
    /// the others want to be left alone.
    async fn ask(&self) -> Result<SignedDuration, Unsure> {
        let now = self.clock.tick();
        let servers: Vec<SocketAddr> = {
            let kissed = self.kissed.lock().unwrap_or_else(PoisonError::into_inner);
            let is_asked = |server: &&SocketAddr| {
                let since = kissed.get(server);
                since.is_none_or(|since| now.millis_since(*since) >= LEFT_ALONE_MILLIS)
            };
            self.servers.iter().filter(is_asked).copied().collect()
        };
        sntp::agree_of(&servers, self.servers.len().clamp(1, 2), &self.clock, self.floor()).await
    }

    fn note(&self, unsure: &Unsure) {
        debug!(why = ?unsure.trouble, "the time is not known yet: {}", unsure.trouble);
        let now = self.clock.tick();
        let mut kissed = self.kissed.lock().unwrap_or_else(PoisonError::into_inner);
        kissed.extend(unsure.leave_alone.iter().map(|server| (*server, now)));
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_server;
#[cfg(test)]
mod tests_sntp;
