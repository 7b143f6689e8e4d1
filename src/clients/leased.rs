//! Lease files, looked at: what they say becomes what devices are called.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use super::hosts::Hosts;
use super::leases::LeaseFiles;
use crate::clock::Clock;
use crate::words::Words;

/// How long a look at the files counts as a new one, in milliseconds. A device that asks for the first
/// time has had its lease for longer.
const FRESH_MILLIS: u64 = 1_000;

/// The household's lease files.
#[derive(Debug)]
pub struct Leases {
    files: Mutex<(Vec<PathBuf>, LeaseFiles)>,
    /// When they were looked at, by the machine's clock, in milliseconds; 0: never.
    looked: AtomicU64,
}

impl Leases {
    /// The files at these paths, or in these folders; none: those in the usual places.
    #[must_use]
    pub fn new(paths: &[PathBuf]) -> Self {
        let files = (paths.to_vec(), LeaseFiles::new(paths.to_vec()));
        Leases { files: Mutex::new(files), looked: AtomicU64::new(0) }
    }

    /// Goes by these paths from now on.
    pub fn move_to(&self, paths: &[PathBuf]) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if files.0 != paths {
            *files = (paths.to_vec(), LeaseFiles::new(paths.to_vec()));
        }
    }

    /// Reads the files that have changed; says whether anybody is called otherwise than before. It
    /// waits for the disk: a look at a few files where nothing has changed.
    pub fn look(&self, hosts: &Hosts, now: Timestamp) -> bool {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let leases = files.1.read_changed();
        self.looked.store(Clock::System.tick().0.max(1), Ordering::Release);
        leases.is_some_and(|leases| hosts.set_leases(&leases, now))
    }

    /// Whether they were looked at a moment ago. Takes no lock.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        let looked = self.looked.load(Ordering::Acquire);
        looked != 0 && Clock::System.tick().0.saturating_sub(looked) < FRESH_MILLIS
    }

    /// What is wrong with the files, a sentence each.
    #[must_use]
    pub fn troubles(&self) -> Vec<Words> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).1.troubles()
    }
}
