//! The threads that answer datagrams: one for each core, each with its own runtime and its own
//! socket on every address, so that they share nothing on the way of a query.

use std::net::SocketAddr;
use std::num::NonZero;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{error, warn};

use super::Failure;
use crate::dns::Resolver;
use crate::dns::udp::{self, UdpListener};

/// The threads, until they are told to stop or the sender of that is gone.
pub(super) struct Loops(Vec<JoinHandle<()>>);

impl Loops {
    /// Serves these sockets on every core this process may use.
    pub(super) fn start(
        listeners: Vec<UdpListener>,
        resolver: &Arc<Resolver>,
        stop: &watch::Receiver<bool>,
    ) -> Result<Self, Failure> {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let mut shares: Vec<Vec<UdpListener>> = (1..cores).map(|_| shares_of(&listeners)).collect();
        shares.push(listeners);
        let start = |(number, listeners): (usize, Vec<UdpListener>)| {
            let (resolver, stop) = (Arc::clone(resolver), stop.clone());
            // One core: nothing of it is ever taken up by another thread.
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            std::thread::Builder::new().name(format!("dns-{number}")).spawn(move || {
                runtime.block_on(serve(listeners, resolver, stop));
            })
        };
        let threads = shares.into_iter().enumerate().map(start).collect::<Result<_, _>>();
        threads.map(Loops).map_err(Failure::Thread)
    }

    /// Waits until all have ended.
    pub(super) fn join(self) {
        for thread in self.0 {
            if thread.join().is_err() {
                error!("a thread that answers questions ended by a mistake of this program");
            }
        }
    }
}

/// One more socket for each address. A kernel that shares none leaves the work to fewer cores.
fn shares_of(listeners: &[UdpListener]) -> Vec<UdpListener> {
    let share = |listener: &UdpListener| {
        let address = listener.local_addr();
        let share = listener.share();
        share.inspect_err(|error| warn!("{address} is answered by one core: {error}")).ok()
    };
    listeners.iter().filter_map(share).collect()
}

async fn serve(listeners: Vec<UdpListener>, resolver: Arc<Resolver>, stop: watch::Receiver<bool>) {
    let mut sockets = JoinSet::new();
    for listener in listeners {
        let address = listener.local_addr();
        let (resolver, stop) = (Arc::clone(&resolver), stop.clone());
        sockets.spawn(async move { told(address, udp::run(listener, resolver, stop).await) });
    }
    while sockets.join_next().await.is_some() {}
}

/// Says why a listener ended before its time.
pub(super) fn told(address: SocketAddr, ended: std::io::Result<()>) {
    if let Err(error) = ended {
        error!("{address} is no longer listened on: {error}");
    }
}
