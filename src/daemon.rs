//! Stands in for the composition root until it lands: the tests compile against its shape.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::clock::Clock;

/// What a daemon is started with.
#[derive(Debug)]
pub struct Options {
    /// The rules as text.
    pub config_text: Option<String>,
    /// The file of the rules.
    pub config_file: Option<PathBuf>,
    /// Where state lives.
    pub state_directory: PathBuf,
    /// The clock.
    pub clock: Clock,
    /// Whether nothing is printed.
    pub quiet: bool,
}

/// Why it did not start.
#[derive(Debug)]
pub struct Failure {
    /// The sentence.
    pub message: String,
}

/// A running daemon.
#[derive(Debug)]
pub struct Daemon {
    clock: Clock,
    addresses: Vec<SocketAddr>,
}

/// Starts it.
#[expect(clippy::unused_async, reason = "the shape is what counts here")]
pub async fn start(options: Options) -> Result<Daemon, Failure> {
    let _ = options;
    Err(Failure { message: "the daemon is not here yet".to_owned() })
}

impl Daemon {
    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Reads the rules again.
    #[expect(clippy::unused_async, reason = "the shape is what counts here")]
    pub async fn reload(&self) -> Result<(), String> {
        Err("the daemon is not here yet".to_owned())
    }

    /// Ends it.
    #[expect(clippy::unused_async, reason = "the shape is what counts here")]
    pub async fn shutdown(self) {}

    /// Its clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
}
