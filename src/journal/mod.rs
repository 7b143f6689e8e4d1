//! What is remembered: blocked attempts, in words a parent understands.
//!
//! The way of a query hands an [`Entry`] over and never waits ([`Journal::record`]); one writer
//! thread folds and writes; [`reader`] reads, whether the daemon runs or not.

use std::sync::Arc;

use jiff::Timestamp;

use crate::name::Name;
use crate::policy::ReasonKind;
use crate::policy::rules::JournalLevel;

/// One answered question, as the journal takes it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// When it was asked.
    pub at: Timestamp,
    /// Whose device asked: the id of a child or adult; none for unknown devices.
    pub subject: Option<Arc<str>>,
    /// The device.
    pub device: Arc<str>,
    /// The name asked.
    pub name: Name,
    /// Whether it was answered as closed.
    pub blocked: bool,
    /// The kind of reason.
    pub kind: ReasonKind,
    /// The reason's id; empty where the kind says it all.
    pub reason_id: Arc<str>,
    /// The service the name belongs to: then that is the site.
    pub service: Option<Arc<str>>,
    /// The category of the name.
    pub category: Option<Arc<str>>,
    /// Whether the category guards against fraud and spying.
    pub security: bool,
    /// What is kept of this subject.
    pub level: JournalLevel,
}
