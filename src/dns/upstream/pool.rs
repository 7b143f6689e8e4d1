//! The ports from which one server is asked.
//!
//! Every question has a fresh port as long as a budget lasts, and at a home's rates it always
//! does. In a flood it is a random one of a few ports, each of which is replaced within
//! milliseconds: a forger has to find a port among 55,296 and an id among 65,536 while it lives.
//! Start at [`Pools::port`]. Knows nothing of questions.
//!
//! A socket belongs to the runtime it was made in: there is a pool for each. A pool lives as long
//! as its keeper, which is a task of that runtime, so none outlives it; and runtimes never share
//! an id, so none is mistaken for another.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::runtime::{Handle, Id};
use tokio::time::sleep;

use super::port::Port;
use crate::clock::Tick;

/// Ports that one runtime keeps for one server: few, so that in a flood answers that come together
/// are read together. A forger has one port and one id to guess for each question all the same.
pub(super) const MEMBERS_MAX: usize = 4;

/// Fresh ports at once: ten thousand questions, more than a house asks in a day's worst minute,
/// each find a port of their own.
pub(super) const FRESH_BURST: u64 = 10_000;

/// Fresh ports a millisecond after that: with four members, a port lives for two. Opening one
/// costs some ten microseconds, so a flood pays a fiftieth of its core for them.
const FRESH_PER_MILLISECOND: u64 = 2;

/// Ports of one pool, those included that are no members any more and wait for an answer: one
/// silent server takes no descriptors from the others.
const OPEN_PER_POOL_MAX: usize = 128;

/// Ports of the whole process: half of the 1,024 descriptors a process gets that nobody
/// configured.
const OPEN_MAX: usize = 512;

/// How often ports are looked at, and closed if nobody asked from them since: a page's questions
/// come closer together, and at night a home holds none.
const IDLE: Duration = Duration::from_secs(3);

/// Descriptors are the process's, and so is their count.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// The pools of one server.
pub(super) struct Pools {
    server: SocketAddr,
    by_runtime: Arc<ByRuntime>,
}

type ByRuntime = ArcSwap<Vec<(Id, Arc<Pool>)>>;

/// The ports of one server in one runtime.
struct Pool {
    server: SocketAddr,
    members: Mutex<Members>,
    open: Arc<AtomicUsize>,
}

struct Members {
    ports: Vec<Arc<Port>>,
    fresh: Budget,
}

/// One descriptor in the counts of its pool and of the process.
pub(super) struct Count(Arc<AtomicUsize>);

/// A token bucket: what may be spent now.
struct Budget {
    left: u64,
    filled_at: Tick,
}

/// Takes the pool away with its runtime, or when nobody asks any more.
struct Keeper {
    runtime: Id,
    pools: Weak<ByRuntime>,
}

// === impl Pools ===

impl Pools {
    /// No port is open yet.
    pub(super) fn new(server: SocketAddr) -> Self {
        Pools { server, by_runtime: Arc::default() }
    }

    /// A port to ask from. Must run within a tokio runtime, and so must the question.
    pub(super) fn port(&self, now: Tick) -> io::Result<Arc<Port>> {
        let runtime = Handle::current().id();
        let found =
            |pools: &Vec<(Id, Arc<Pool>)>| pools.iter().position(|(theirs, _)| *theirs == runtime);
        let pools = self.by_runtime.load();
        match found(&pools) {
            Some(place) => pools[place].1.port(now),
            None => self.add(runtime, now).port(now),
        }
    }

    /// The pool of a runtime that has none; two threads of it may come at once.
    fn add(&self, runtime: Id, now: Tick) -> Arc<Pool> {
        let ours = Arc::new(Pool::new(self.server, now));
        let before = self.by_runtime.rcu(|pools| {
            let mut pools = Vec::clone(pools);
            if !pools.iter().any(|(theirs, _)| *theirs == runtime) {
                pools.push((runtime, Arc::clone(&ours)));
            }
            pools
        });
        if let Some((_, theirs)) = before.iter().find(|(theirs, _)| *theirs == runtime) {
            return Arc::clone(theirs);
        }
        let keeper = Keeper { runtime, pools: Arc::downgrade(&self.by_runtime) };
        tokio::spawn(keeper.keep(Arc::downgrade(&ours)));
        ours
    }
}

// === impl Keeper ===

impl Keeper {
    /// Until nobody asks, or the server is no upstream any more. Ends with the runtime, too.
    async fn keep(self, pool: Weak<Pool>) {
        loop {
            sleep(IDLE).await;
            let Some(pool) = pool.upgrade() else { return };
            if pool.close_unused() == 0 {
                return;
            }
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let Some(pools) = self.pools.upgrade() else { return };
        pools.rcu(|pools| {
            let others = pools.iter().filter(|(theirs, _)| *theirs != self.runtime);
            others.cloned().collect::<Vec<_>>()
        });
    }
}

// === impl Pool ===

impl Pool {
    fn new(server: SocketAddr, now: Tick) -> Self {
        let fresh = Budget { left: FRESH_BURST, filled_at: now };
        let members = Mutex::new(Members { ports: Vec::new(), fresh });
        Pool { server, members, open: Arc::default() }
    }

    /// A fresh port, which takes the place of a member; or one of the members.
    fn port(&self, now: Tick) -> io::Result<Arc<Port>> {
        let mut members = self.lock();
        let count = if members.ports.is_empty() {
            Some(Count::take(&self.open))
        } else if members.fresh.take(now) {
            Count::take_within_limits(&self.open)
        } else {
            None
        };
        if let Some(count) = count {
            match Port::open(self.server, count) {
                Ok(port) => return Ok(members.add(port)),
                Err(error) if members.ports.is_empty() => return Err(error),
                // No descriptor left, perhaps; but somewhere to ask from.
                Err(_) => {}
            }
        }
        let place = rand::random_range(0..members.ports.len());
        Ok(Arc::clone(&members.ports[place]))
    }

    /// Closes what nobody asked from since the last call, and says how many are left.
    fn close_unused(&self) -> usize {
        let mut members = self.lock();
        members.ports.retain(|port| port.take_used());
        members.ports.len()
    }

    /// A panic elsewhere leaves the list whole.
    fn lock(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Members ===

impl Members {
    /// Whoever asks from the one that is replaced goes on, and closes it.
    fn add(&mut self, port: Port) -> Arc<Port> {
        let port = Arc::new(port);
        if self.ports.len() < MEMBERS_MAX {
            self.ports.push(Arc::clone(&port));
        } else {
            self.ports[rand::random_range(0..MEMBERS_MAX)] = Arc::clone(&port);
        }
        port
    }
}

// === impl Count ===

impl Count {
    fn take(pool: &Arc<AtomicUsize>) -> Self {
        pool.fetch_add(1, Ordering::Relaxed);
        OPEN.fetch_add(1, Ordering::Relaxed);
        Count(Arc::clone(pool))
    }

    /// None when too many are open. Two threads may pass the limit together: it is no exact one.
    fn take_within_limits(pool: &Arc<AtomicUsize>) -> Option<Self> {
        let within = pool.load(Ordering::Relaxed) < OPEN_PER_POOL_MAX
            && OPEN.load(Ordering::Relaxed) < OPEN_MAX;
        within.then(|| Count::take(pool))
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}

// === impl Budget ===

impl Budget {
    fn take(&mut self, now: Tick) -> bool {
        let earned = now.millis_since(self.filled_at).saturating_mul(FRESH_PER_MILLISECOND);
        if earned > 0 {
            self.left = self.left.saturating_add(earned).min(FRESH_BURST);
            self.filled_at = now;
        }
        self.left.checked_sub(1).inspect(|left| self.left = *left).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_spent_and_earned_again() {
        let mut budget = Budget { left: FRESH_BURST, filled_at: Tick(0) };
        assert!((0..FRESH_BURST).all(|_| budget.take(Tick(0))));
        assert!(!budget.take(Tick(0)));
        assert!((0..FRESH_PER_MILLISECOND).all(|_| budget.take(Tick(1))));
        assert!(!budget.take(Tick(1)));
        assert!((0..FRESH_BURST).all(|_| budget.take(Tick(1_000_000))));
        assert!(!budget.take(Tick(1_000_000)));
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    #[test]
    fn a_pool_ends_with_its_runtime_and_none_is_shared() {
        let pools = Pools::new(([127, 0, 0, 1], 9).into());
        let (one, other) = (runtime(), runtime());
        let here = one.block_on(async { pools.port(Tick(0)).unwrap() });
        let there = other.block_on(async { pools.port(Tick(0)).unwrap() });
        assert!(!Arc::ptr_eq(&here, &there));
        assert_eq!(pools.by_runtime.load().len(), 2);
        drop(one);
        let left = pools.by_runtime.load_full();
        assert_eq!(left.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [other.handle().id()]);
        drop(other);
        assert!(pools.by_runtime.load().is_empty());
    }

    #[tokio::test]
    async fn a_pool_nobody_asks_from_is_emptied() {
        let pool = Pool::new(([127, 0, 0, 1], 9).into(), Tick(0));
        drop(pool.port(Tick(0)).unwrap());
        assert_eq!(pool.close_unused(), 1);
        assert_eq!(pool.close_unused(), 0);
    }

    #[tokio::test]
    async fn fresh_ports_end_at_the_bound_and_close_when_nobody_holds_them() {
        let pool = Pool::new(([127, 0, 0, 1], 9).into(), Tick(0));
        let held: Vec<_> =
            (0..OPEN_PER_POOL_MAX * 2).map(|_| pool.port(Tick(0)).unwrap()).collect();
        assert!(pool.open.load(Ordering::Relaxed) <= OPEN_PER_POOL_MAX);
        drop(held);
        while pool.open.load(Ordering::Relaxed) > MEMBERS_MAX {
            tokio::task::yield_now().await;
        }
    }
}
