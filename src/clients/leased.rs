//! Lease files, looked at: what they say becomes what devices are called.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use super::budget::Budget;
use super::hosts::Hosts;
use super::leases::LeaseFiles;
use crate::clock::Clock;
use crate::words::Words;

/// How often a second the files are looked at because a question came from a device of nobody's, at
/// most. It is a few system calls where nothing has changed, so that a flood costs a core 1 %.
const LOOKS_PER_SECOND: u64 = 100;

/// The household's lease files.
#[derive(Debug)]
pub struct Leases {
    files: Mutex<(Vec<PathBuf>, LeaseFiles)>,
    looks: Budget<LOOKS_PER_SECOND, LOOKS_PER_SECOND>,
}

impl Leases {
    /// The files at these paths, or in these folders; none: those in the usual places.
    #[must_use]
    pub fn new(paths: &[PathBuf]) -> Self {
        let files = (paths.to_vec(), LeaseFiles::new(paths.to_vec()));
        Leases { files: Mutex::new(files), looks: Budget::default() }
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
        leases.is_some_and(|leases| hosts.set_leases(&leases, now))
    }

    /// [`Leases::look`] because a question came from a device of nobody's: it may have its lease since a
    /// moment ago. A hundred times a second at most.
    pub fn look_for_stranger(&self, hosts: &Hosts, now: Timestamp) {
        if self.looks.take(Clock::System.tick()) {
            self.look(hosts, now);
        }
    }

    /// Whether one more [`Leases::look_for_stranger`] would look. Takes no lock.
    #[must_use]
    pub fn may_look(&self) -> bool {
        self.looks.has_one(Clock::System.tick())
    }

    /// What is wrong with the files, a sentence each.
    #[must_use]
    pub fn troubles(&self) -> Vec<Words> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).1.troubles()
    }
}
