//! Lists: text in, an index of names out.
//!
//! Whoever calls reads the lists and feeds their text to a [`Reader`]. [`compile()`] turns every
//! source into one [`Index`], which answers all profiles in one walk over a name's labels; it stands
//! in a file, and [`open`] takes it from there while its [`Inputs`] are the same. [`search`] says
//! which line of which list named something. [`format`](mod@format) knows how lists are written, `guard` what none of them
//! may close, [`catalogue`] what the program brings along.

pub mod catalogue;
mod compile;
mod examine;
mod exceptions;
pub mod files;
mod fingerprint;
pub mod format;
mod guard;
mod index;
mod kept;
mod kind;
mod pattern;
mod published;
mod reader;
mod tally;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_exceptions;
#[cfg(test)]
mod tests_excerpts;
#[cfg(test)]
mod tests_files;
#[cfg(test)]
mod tests_model;

use std::borrow::Cow;
use std::sync::Arc;

use crate::policy::tags::{Lookup, TagSet};
pub use compile::{Compiled, INDEX_FILE, compile, open};
pub use examine::{Examined, examine, search};
pub use fingerprint::{Inputs, Seen};
pub use format::{Guess, Skip};
pub use guard::Guard;
pub use index::{Index, Unusable};
pub use published::Published;
pub use reader::Reader;

/// One list: where its names come from and what they are.
#[derive(Debug, Clone)]
pub struct Source {
    /// `[list.ID]`'s id; ours are `amparo/ID`.
    pub id: String,
    /// The category its names fill, for people; none when it stands alone.
    pub category: Option<String>,
    /// The tags its names get, or never have.
    pub tags: TagSet,
    /// Which of the two.
    pub effect: Effect,
    /// Where its text is.
    pub origin: Origin,
    /// How it is written.
    pub format: Format,
    /// What its entries cover; none: what the format says.
    pub matching: Option<Matching>,
}

/// What a list does with its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Effect {
    /// Gives them its tags, so that they are closed where these are.
    #[default]
    Close,
    /// Takes its tags from them, whichever list gave them (`kind = "allow"`). What a parent, a
    /// service, a schedule or a pause closes stays closed.
    Open,
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
    /// A file, or a folder of files.
    File(std::path::PathBuf),
    /// What is fetched from an address (`https://…`, `http://…`); its copy is in the state
    /// directory.
    Url(String),
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
    /// `*.name`, a line each.
    Wildcard,
    /// Rules of advertisement blockers: `||name^`.
    Adblock,
    /// Response policy zones: `name CNAME .`
    Rpz,
    /// `address=/name/`
    Dnsmasq,
    /// `local-zone: "name" always_null`
    Unbound,
    /// The folders of squidGuard: `domains`, `urls`, `usage`.
    Squidguard,
}

impl Format {
    /// The word in `[list.ID] format`.
    #[must_use]
    pub fn word(self) -> &'static str {
        let syntax = format::FORMATS.iter().find(|syntax| syntax.format == self);
        syntax.map_or("auto", |syntax| syntax.name)
    }

    /// The format that `[list.ID] format` calls by a word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        let syntax = format::FORMATS.iter().find(|syntax| syntax.name == word);
        syntax.map(|syntax| syntax.format).or((word == "auto").then_some(Format::Auto))
    }
}

/// What an entry covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matching {
    /// The name alone.
    Exact,
    /// The name and all below it.
    Subdomains,
    /// All below the name, and not the name itself (RPZ's `*.name`).
    Below,
}

impl Matching {
    /// What is left when some of it is taken away; none: nothing.
    #[must_use]
    pub fn minus(self, other: Matching) -> Option<Matching> {
        let has = |matching| (matching != Matching::Below, matching != Matching::Exact);
        let ((at, below), (gone_at, gone_below)) = (has(self), has(other));
        match (at && !gone_at, below && !gone_below) {
            (true, true) => Some(Matching::Subdomains),
            (true, false) => Some(Matching::Exact),
            (false, true) => Some(Matching::Below),
            (false, false) => None,
        }
    }

    /// Whether it covers the name itself (else: names below it).
    #[must_use]
    pub fn covers(self, is_itself: bool) -> bool {
        match self {
            Matching::Exact => is_itself,
            Matching::Below => !is_itself,
            Matching::Subdomains => true,
        }
    }
}

/// How many refused entries a [`Report`] shows: enough to see what a list is about, and a list of
/// nothing else costs no memory. All are counted.
pub const REFUSED_SHOWN_MAX: usize = 100;

/// What became of one list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The source's id.
    pub id: String,
    /// The source's category.
    pub category: Option<String>,
    /// What it was read as.
    pub format: Format,
    /// Why, where that was a guess.
    pub guess: Option<Guess>,
    /// Entries taken; one that stands there twice counts twice.
    pub taken: usize,
    /// Lines or words that are no names.
    pub skipped: usize,
    /// The same by kind, without the kinds that did not occur.
    pub skipped_kinds: Vec<(Skip, usize)>,
    /// Entries not taken because no list may close them (a single label, a public suffix, an
    /// essential name, a guarded one), the first [`REFUSED_SHOWN_MAX`]. Empty for a list that is never printed.
    pub refused: Vec<String>,
    /// How many entries were refused.
    pub refused_count: usize,
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
    /// What its list does with it.
    pub effect: Effect,
}

const _: fn(Index) -> Arc<dyn Lookup> = |index| Arc::new(index);

// === impl Source ===

impl Source {
    /// The text, where the source carries it itself; none for a file.
    #[must_use]
    pub fn embedded_text(&self) -> Option<Cow<'_, [u8]>> {
        match &self.origin {
            Origin::Embedded(text) => Some(Cow::Borrowed(text.as_bytes())),
            Origin::EmbeddedHidden(text) => Some(Cow::Owned(catalogue::unhide(text))),
            Origin::Written(text) => Some(Cow::Borrowed(text.as_bytes())),
            Origin::File(_) | Origin::Url(_) => None,
        }
    }

    /// Whether its entries are never printed.
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        match self.origin {
            Origin::EmbeddedHidden(_) => true,
            Origin::Embedded(_) | Origin::Written(_) | Origin::File(_) | Origin::Url(_) => false,
        }
    }
}
