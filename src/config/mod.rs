//! The one file a parent edits: raw → checked, every mistake at once.

pub mod settings;

use crate::clients::DeviceRule;
use crate::lists::Source;
use crate::policy::rules::Household;
pub use settings::{DnsSettings, JournalSettings};

/// A file that passed every check: its types cannot hold a bad value.
#[derive(Debug, Clone)]
pub struct Config {
    /// The rules.
    pub household: Household,
    /// Whose device is which.
    pub devices: Vec<DeviceRule>,
    /// The lists: ours, the household's files, the names of its own categories and services.
    pub lists: Vec<Source>,
    /// How questions come in and go out.
    pub dns: DnsSettings,
    /// How the journal is kept.
    pub journal: JournalSettings,
    /// `[state] directory`.
    pub state_directory: Option<std::path::PathBuf>,
    /// The country whose help lines are shown: ISO 3166-1 alpha-2.
    pub country: Option<String>,
}
