//! What has to happen at a certain time, and what happens when nobody knows what time it is.
//!
//! Nothing here makes a window open or close on time: every query does that by itself
//! ([`State::moment`](crate::dns::State::moment)). Here it is written down what was used, told what
//! just closed, and noticed that the clock on the wall was set.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tracing::{error, info, warn};

use super::commands::stopped;
use super::{Shared, blocking};
use crate::clock::{self, Clock};
use crate::dns::State;
use crate::enforce::Enforcer;
use crate::ledger::Ledger;
use crate::policy::passing::Passing;
use crate::timekeeping::Keeper;
use crate::timekeeping::trust::Saved;

/// How often what was used is written down: what a power cut may lose.
const SAVE_EVERY: SignedDuration = SignedDuration::from_secs(60);
/// How often, in milliseconds, the time is written down while nothing else is: twenty thousand
/// octets six times an hour wear no card.
const HEARTBEAT_MILLIS: u64 = 10 * 60 * 1000;

/// Opens what holds for a while, and looks whether it is known what time it is.
pub(super) fn open(
    directory: &Path,
    clock: &Clock,
    servers: &[SocketAddr],
) -> (Arc<Ledger>, Keeper) {
    let ledger = Ledger::open(directory, clock.clone());
    let saved = ledger.saved();
    let saved = saved.as_ref().map(|saved| Saved { at: saved.at, boot: &saved.boot });
    let keeper = Keeper::new(clock.clone(), clock::BUILT, saved, servers);
    ledger.set_time_unknown(keeper.doubt().is_some());
    ledger.heartbeat(&clock.boot_id());
    (Arc::new(ledger), keeper)
}

/// Does what is due, until told to stop.
pub(super) async fn run(shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut heartbeat = shared.clock.tick();
    loop {
        let look = shared.clock.watch();
        if shared.clock.tick().millis_since(heartbeat) >= HEARTBEAT_MILLIS {
            heartbeat = shared.clock.tick();
            shared.ledger.heartbeat(&shared.clock.boot_id());
        }
        // What cannot be kept is told by `amparo status`.
        let (until, _) = shared.put_in_force_until().await;
        let next = next_due(&shared, until);
        tokio::select! {
            () = stopped(&mut stop) => return,
            () = shared.ledger.changed() => {}
            _ = shared.clock.wait_until(Some(next), &look) => {}
        }
    }
}

/// Finds out what time it is, whenever that is in doubt, until told to stop.
pub(super) async fn learn(shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    loop {
        let mut look = shared.clock.watch();
        if let Some(doubt) = shared.keeper.doubt() {
            warn!(
                "it is not known what time it is ({doubt:?}); every schedule's stricter side holds"
            );
            let _ = shared.remember().await;
            let known = tokio::select! {
                () = stopped(&mut stop) => return,
                known = shared.keeper.until_known() => known,
            };
            info!("it is known what time it is: {known:?}");
            let _ = shared.remember().await;
            shared.ledger.heartbeat(&shared.clock.boot_id());
            look = shared.clock.watch();
        }
        tokio::select! {
            () = stopped(&mut stop) => return,
            _ = shared.clock.wait_until(None, &look) => {}
        }
    }
}

/// When something is to be done next, where what is in force holds until then.
fn next_due(shared: &Shared, until: Timestamp) -> Timestamp {
    let now = shared.clock.now();
    let due = shared.ledger.due(&shared.resolver.state().house.policy.household);
    let save = now.saturating_add(SAVE_EVERY).unwrap_or(Timestamp::MAX);
    // What lies behind has just been done, as far as it can be. What is in force may have ended
    // since, and nobody was told: then it is due now.
    due.into_iter().filter(|&at| at > now).chain([until]).fold(save, Timestamp::min)
}

// === impl Shared ===

impl Shared {
    /// Writes down what holds for a while, and puts it into force: in this order, so that nothing
    /// that was told is forgotten.
    ///
    /// # Errors
    /// A sentence, when it cannot be written. It is in force all the same.
    pub(super) async fn remember(&self) -> Result<(), String> {
        self.put_in_force_until().await.1
    }

    /// [`Shared::remember`], with until when what is in force now holds.
    async fn put_in_force_until(&self) -> (Timestamp, Result<(), String>) {
        let drift = {
            let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
            self.clock.drift(&mut watch)
        };
        // Before anything is counted: minutes do not go to a day that nobody believes.
        self.ledger.set_time_unknown(self.keeper.doubt().is_some());
        if let Some(by) = drift {
            info!("the clock was set by {by:#}");
            self.ledger.step(by);
        }
        // One after the other: what is put into force was on the disk before, and nothing older comes
        // after it.
        let _one_at_a_time = self.remembering.lock().await;
        let state = self.resolver.state();
        self.ledger.tick(&state.house.policy.household);
        let passing = self.ledger.passing(&state.house.policy.household);
        let ledger = Arc::clone(&self.ledger);
        let saved = blocking(move || ledger.save()).await;
        let saved = saved.map_err(|error| {
            let directory = self.state_directory.display();
            format!("it is in force, but cannot be kept in {directory}: {error}")
        });
        (self.pass_on(&state, passing), saved)
    }

    /// Puts what holds for a while into force, and tells what cuts connections that something may
    /// have opened or closed. Hands over until when that holds.
    ///
    /// Of several who do it at once one comes after the other, each with the rules and the ledger as
    /// they are then: a disk may have kept one waiting while the rules were read anew.
    fn pass_on(&self, under: &Arc<State>, passing: Passing) -> Timestamp {
        let mut enforcer = self.enforcer.lock().unwrap_or_else(PoisonError::into_inner);
        let state = self.resolver.state();
        // The rules may have been read anew while the disk was waited for.
        let passing = if Arc::ptr_eq(&state, under) {
            passing
        } else {
            self.ledger.passing(&state.house.policy.household)
        };
        let moment = state.pass(passing, self.clock.now());
        let until = moment.until;
        let settings = state.house.config.enforce.as_ref();
        if enforcer.as_ref().map(|(settings, _)| settings) != settings {
            self.resolver.handed().clear();
            // The old one has ended before the new one begins.
            *enforcer = None;
            *enforcer = settings.and_then(|settings| {
                let resolver = Arc::clone(&self.resolver);
                let addresses_of = move |device: &str| resolver.neighbours().addresses_of(device);
                let handed = Arc::clone(self.resolver.handed());
                let made = Enforcer::new(settings, handed, self.clock.clone(), addresses_of);
                let made = made.inspect_err(|error| error!("connections are not cut: {error}"));
                made.ok().map(|enforcer| (settings.clone(), enforcer))
            });
        }
        if let Some((_, enforcer)) = &*enforcer {
            let state = Arc::clone(&state);
            enforcer.changed(move |subject, name| state.is_closed(subject, name, &moment));
        }
        until
    }
}
