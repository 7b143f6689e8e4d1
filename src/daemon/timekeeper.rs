//! What has to happen at a certain time, and what happens when nobody knows what time it is.
//!
//! Nothing here makes a window open or close on time: every query does that by itself
//! ([`State::moment`](crate::dns::State::moment)). Here it is written down what was used, told what
//! just closed, and noticed that the clock on the wall was set.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tracing::{info, warn};

use super::Shared;
use super::commands::stopped;
use crate::timekeeping::Keeper;

/// How often what was used is written down: what a power cut may lose.
const SAVE_EVERY: SignedDuration = SignedDuration::from_secs(60);
/// How often, in milliseconds, the time is written down while nothing else is: twenty thousand octets six times an
/// hour wear no card.
const HEARTBEAT_MILLIS: u64 = 10 * 60 * 1000;

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
        let _ = shared.remember().await;
        let next = next_due(&shared);
        tokio::select! {
            () = stopped(&mut stop) => return,
            () = shared.ledger.changed() => {}
            _ = shared.clock.wait_until(Some(next), &look) => {}
        }
    }
}

/// Finds out what time it is, whenever that is in doubt, until told to stop.
pub(super) async fn learn(
    mut keeper: Keeper,
    shared: Arc<Shared>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let mut look = shared.clock.watch();
        if let Some(doubt) = keeper.doubt() {
            warn!(
                "it is not known what time it is ({doubt:?}); every schedule's stricter side holds"
            );
            shared.ledger.set_time_unknown(true);
            let known = tokio::select! {
                () = stopped(&mut stop) => return,
                known = keeper.until_known() => known,
            };
            info!("it is known what time it is: {known:?}");
            shared.ledger.set_time_unknown(false);
            look = shared.clock.watch();
        }
        tokio::select! {
            () = stopped(&mut stop) => return,
            _ = shared.clock.wait_until(None, &look) => {}
        }
    }
}

/// When something is to be done next.
fn next_due(shared: &Shared) -> Timestamp {
    let now = shared.clock.now();
    let state = shared.resolver.state();
    let until = state.moment(now).until;
    let due = shared.ledger.due(&state.house.policy.household);
    let save = now.saturating_add(SAVE_EVERY).unwrap_or(Timestamp::MAX);
    // What lies behind has just been done, as far as it can be.
    due.into_iter().chain([until]).filter(|&at| at > now).fold(save, Timestamp::min)
}
