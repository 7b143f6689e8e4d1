//! Lists: text in, an index of names out.
//!
//! Pure: whoever calls has read the file. [`compile`] turns every source into one [`Index`], which
//! answers all profiles in one walk over a name's labels.

pub mod catalogue;

use std::borrow::Cow;
use std::sync::Arc;

use crate::name::Name;
use crate::policy::tags::{Lookup, TagSet};

/// One list: where its names come from and what they are.
#[derive(Debug, Clone)]
pub struct Source {
    /// `[list.ID]`'s id; ours are `amparo/ID`.
    pub id: String,
    /// The category its names fill, for people; none when it stands alone.
    pub category: Option<String>,
    /// The tags its names get.
    pub tags: TagSet,
    /// Where its text is.
    pub origin: Origin,
    /// How it is written.
    pub format: Format,
    /// What its entries cover; none: what the format says.
    pub matching: Option<Matching>,
}

/// Where the text of a list is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// In the program, as it is.
    Embedded(&'static str),
    /// In the program, in base64, so that the file advertises nothing; never printed.
    EmbeddedHidden(&'static str),
    /// Names a parent wrote under `[category.ID]` or `[service.ID]`, a line each.
    Written(String),
    /// A file.
    File(std::path::PathBuf),
}

/// How a list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Whatever its first lines look like.
    #[default]
    Auto,
    /// `0.0.0.0 name name …`
    Hosts,
    /// One name a line.
    Domains,
}

/// What an entry covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matching {
    /// The name alone.
    Exact,
    /// The name and all below it.
    Subdomains,
}

/// What became of one list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The source's id.
    pub id: String,
    /// The source's category.
    pub category: Option<String>,
    /// What it was read as.
    pub format: Format,
    /// Names taken.
    pub taken: usize,
    /// Lines or words that are no names, by kind.
    pub skipped: usize,
    /// Entries not taken because no list may close them (a single label, an essential name).
    pub refused: Vec<String>,
}

/// One entry of a list that covers a name: what `why` and `lists search` show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The source's id.
    pub list: String,
    /// The line it stands on, from 1.
    pub line: usize,
    /// The entry; none when the list must advertise nothing.
    pub entry: Option<String>,
}

/// All names of all lists.
#[derive(Debug, Default)]
pub struct Index {}

impl Lookup for Index {
    fn tags_of(&self, _name: &Name) -> TagSet {
        TagSet::EMPTY
    }
}

/// Compiles sources with their texts into one index. Never fails: what cannot be taken is
/// counted.
#[must_use]
pub fn compile(
    _sources: &[(Source, Cow<'_, [u8]>)],
    _essentials: &crate::policy::rules::NameSet,
) -> (Index, Vec<Report>) {
    (Index::default(), Vec::new())
}

/// Every entry of a source's text that covers the name.
#[must_use]
pub fn search(_source: &Source, _text: &[u8], _name: &Name) -> Vec<Match> {
    Vec::new()
}

const _: fn(Index) -> Arc<dyn Lookup> = |index| Arc::new(index);
