use super::Failure;
use super::run::serve;
use crate::clock::Clock;
use crate::daemon::{Options, loopback};
use crate::timekeeping::sntp;

/// Try the embedded defaults: in a temporary directory, on loopback, nothing stays
#[derive(clap::Args)]
pub(super) struct Try {
    /// The port on loopback; 0 takes any that is free
    #[arg(long, default_value_t = 5353)]
    port: u16,
    /// Fetch no list and ask no time server
    #[arg(long)]
    offline: bool,
}

impl Try {
    pub(super) fn run(self) -> Result<(), Failure> {
        let directory = tempfile::Builder::new().prefix("amparo-try-").tempdir()?;
        serve(Options {
            config_file: None,
            config_expected: None,
            state_directory: Some(directory.path().to_owned()),
            listen: Some(loopback(self.port).to_vec()),
            offline: self.offline,
            time_servers: if self.offline { Vec::new() } else { sntp::SERVERS.to_vec() },
            clock: Clock::System,
        })
    }
}
