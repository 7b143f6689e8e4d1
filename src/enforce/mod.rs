//! Cutting connections of what just closed.
//!
//! DNS decides whether a name is found; what runs already goes on. So the addresses that were
//! handed to a device are remembered ([`Handed`]), and when something closes, whoever stands
//! between it and the world is told which of them to cut: a program of the family's, a pair of sets
//! of nftables, or both. When it opens again, the same are told.
//!
//! A thread of its own does it ([`Enforcer`]), one telling at a time, so nothing here ever makes an
//! answer or a change of the rules wait. It knows no rules: what is closed now, it is given as a
//! function. `plan` is what is decided, `hook` runs programs, `nft` writes what `nft` reads.

mod handed;
pub(crate) mod hook;
mod nft;
mod plan;
#[cfg(test)]
mod tests;
mod worker;

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::clock::Clock;
use crate::config::EnforceSettings;
use crate::name::Name;
use crate::words::Words;
pub use handed::{ADDRESSES_MAX, DEVICE_ADDRESSES_MAX, Given, Handed, KEPT_MILLIS};
use worker::Worker;

/// Whether a name is closed for somebody: for the child with this id, or for unknown devices.
type IsClosed = Box<dyn Fn(Option<&str>, &Name) -> bool + Send>;
/// The addresses of a device, named as the journal names it.
type AddressesOf = Box<dyn Fn(&str) -> Vec<IpAddr> + Send>;

/// Tells a router what to cut. Dropped, it stops; what is cut then stays so until its time is over.
#[derive(Debug)]
pub struct Enforcer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What an [`Enforcer`] and its thread share.
#[derive(Default)]
struct Shared {
    mail: Mutex<Mail>,
    /// All that was asked for is done.
    done: Condvar,
    ending: AtomicBool,
}

/// What the thread is to do.
#[derive(Default)]
struct Mail {
    /// What is closed now. A later one replaces an earlier one that nobody has looked at.
    is_closed: Option<IsClosed>,
    /// How many changes there were, and up to which all is told that can be.
    asked: u64,
    done: u64,
    /// What is wrong, first with the program, then with nftables.
    troubles: [Option<Words>; 2],
}

/// A connection that is to be cut, or may be again.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    verb: Verb,
    /// An address of the device's.
    device: IpAddr,
    /// The address it may not reach.
    address: IpAddr,
    /// The name for which it got that.
    name: plan::Wire,
}

/// What is told of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Close,
    Open,
}

// === impl Enforcer ===

impl Enforcer {
    /// Begins: what was put into the sets before is taken out, and nothing counts as cut. So tell
    /// it at once what is closed ([`Enforcer::changed`]). `addresses_of` says what else is known
    /// of a device than where its questions come from: one that asks over IPv4 alone still has
    /// connections over IPv6.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn new(
        settings: &EnforceSettings,
        handed: Arc<Handed>,
        clock: Clock,
        addresses_of: impl Fn(&str) -> Vec<IpAddr> + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::<Shared>::default();
        // Beginning is the first thing that is asked for.
        shared.lock().asked = 1;
        let addresses_of = Box::new(addresses_of);
        let worker = Worker::new(settings, handed, clock, addresses_of, Arc::clone(&shared));
        let thread =
            std::thread::Builder::new().name("enforce".to_owned()).spawn(move || worker.run())?;
        Ok(Enforcer { shared, thread: Some(thread) })
    }

    /// Something opened or closed: from now on this says what is closed. Never waits; to be called
    /// at every boundary and after every change of the rules, whether or not anything closed.
    pub fn changed(&self, is_closed: impl Fn(Option<&str>, &Name) -> bool + Send + 'static) {
        let mut mail = self.shared.lock();
        mail.is_closed = Some(Box::new(is_closed));
        mail.asked += 1;
        drop(mail);
        self.wake();
    }

    /// What is wrong, for the status page.
    #[must_use]
    pub fn troubles(&self) -> Vec<Words> {
        self.shared.lock().troubles.iter().flatten().cloned().collect()
    }

    /// Waits until everything that was asked for is told, or was tried.
    pub fn settled(&self) {
        let mut mail = self.shared.lock();
        // It looks once more, also at what is to be let go.
        mail.asked += 1;
        let asked = mail.asked;
        self.wake();
        drop(self.shared.done.wait_while(mail, |mail| mail.done < asked));
    }

    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for Enforcer {
    fn drop(&mut self) {
        self.shared.ending.store(true, Ordering::Release);
        self.wake();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that tells what to cut ended by a mistake of this program");
        }
    }
}

// === impl Shared ===

impl Shared {
    /// A thread that panicked with the lock leaves whole values behind: each change is one step.
    fn lock(&self) -> MutexGuard<'_, Mail> {
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("ending", &self.ending).finish_non_exhaustive()
    }
}

// === impl Line ===

/// As a program reads it: `close 192.168.1.42 203.0.113.5 video.example`.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.verb {
            Verb::Close => "close",
            Verb::Open => "open",
        };
        let name = Name::from_wire(&self.name).unwrap_or(Name::ROOT);
        write!(f, "{verb} {} {} {name}", self.device, self.address)
    }
}
