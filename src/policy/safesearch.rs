//! Search engines and YouTube in their safe form.

use super::rules::YouTube;
use crate::name::Name;

/// One engine: which names are answered with which other name.
#[derive(Debug, Clone, Copy)]
pub struct Engine {
    /// The id: `google`, `youtube_strict`.
    pub id: &'static str,
    /// What a parent reads.
    pub label: &'static str,
    /// Exact host names that are answered with the target.
    pub hosts: &'static [&'static str],
    /// The safe name.
    pub target: &'static str,
}

/// The place of the engine that serves a name, in [`ENGINES`].
#[must_use]
pub fn engine_of(_name: &Name, _safe_search: bool, _youtube: YouTube) -> Option<u8> {
    None
}

/// All engines.
pub const ENGINES: &[Engine] = &[];
