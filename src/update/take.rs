//! One list: fetched, read as far as it takes to judge it, and taken or kept out.
//!
//! What came is looked at beside the copy in force, and takes its place only when it is a list
//! that looks like the one before. Start at [`bring`], then [`settle`]. Knows nothing of when.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use tempfile::NamedTempFile;
use tracing::warn;

use super::fetch::{Addresses, Fetcher, Outcome as Fetched, Progress};
use super::judge::{FIRST_OCTETS, Held, Seen, judge};
use crate::config::{Config, Download};
use crate::house;
use crate::house::fetched::{self, Meta};
use crate::house::unpack::{self, Piece};
use crate::lists::catalogue::catalogue;
use crate::lists::{self, Source};
use crate::name::Name;

/// What is kept fresh, and what it is judged by: of the config in force.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The lists that are fetched.
    pub lists: Vec<List>,
    /// What none of them may close, and in which zone a sentence tells a day.
    config: Arc<Config>,
}

/// One list that is fetched.
#[derive(Debug, Clone)]
pub struct List {
    /// From where, and how often.
    pub download: Download,
    /// How it is read.
    pub source: Source,
}

/// What came of asking for a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// There is nothing newer than the copy.
    Unchanged,
    /// A new copy came, and was taken.
    Taken,
    /// What came was kept out: why, and what is in force meanwhile.
    Held(String),
    /// Nothing came: why, and what is in force meanwhile.
    Failed(String),
}

/// What was brought home, before anything is changed.
pub(super) enum Brought {
    /// The server says so, or sent the same octets again.
    Unchanged,
    Good(NamedTempFile, Meta),
    Held(Held),
    Trouble(String),
}

/// What came, looked at.
enum Judged {
    /// It is the copy there is.
    Same,
    /// It may be taken, with so many names.
    Good(usize),
    Held(Held),
}

/// The same copy, read.
struct Examined {
    /// How its text begins.
    first: Vec<u8>,
    seen: Seen,
}

/// Tells what still reads for somebody that he has gone.
#[derive(Default)]
struct GivenUp(Arc<AtomicBool>);

/// Fetches a list and judges it. Changes nothing; dropped, it leaves nothing behind. With `accept`
/// it is fetched whole, and only what is no list at all is kept out.
pub(super) async fn bring<A: Addresses>(
    fetcher: &Fetcher<A>,
    list: &List,
    wanted: &Arc<Wanted>,
    state: &Path,
    known: Meta,
    accept: bool,
    progress: impl FnMut(Progress) + Send,
) -> Brought {
    // The copy's validators are of the address it came from; what is damaged is fetched again.
    let is_current = known.url == list.download.url && !accept;
    let copy = || fetched::whole_copy(state, &list.download.list);
    let is_whole = || copy().is_some_and(|copy| !copy.is_old);
    let validators = (is_current && is_whole()).then_some(&known);
    let directory = lists::files::directory(state);
    let came = match fetcher.fetch(&list.download, validators, &directory, progress).await {
        Ok(Fetched::Unchanged) => return Brought::Unchanged,
        Ok(Fetched::Came(came)) => came,
        Err(trouble) => return Brought::Trouble(trouble.to_string()),
    };
    let meta = Meta {
        url: list.download.url.clone(),
        etag: came.etag,
        last_modified: came.last_modified,
        ..Meta::default()
    };

    let given_up = GivenUp::default();
    let (list, wanted) = (list.clone(), Arc::clone(wanted));
    let (state, flag) = (state.to_owned(), given_up.0.clone());
    let judged = tokio::task::spawn_blocking(move || {
        let judged = judged(&list, &wanted, &state, &known, came.file.path(), accept, &flag);
        (judged, came.file)
    });
    match judged.await {
        Ok((Ok(Judged::Same), _)) => Brought::Unchanged,
        Ok((Ok(Judged::Good(taken)), file)) => Brought::Good(file, Meta { taken, ..meta }),
        Ok((Ok(Judged::Held(held)), _)) => Brought::Held(held),
        Ok((Err(trouble), _)) => Brought::Trouble(trouble),
        Err(_) => Brought::Trouble("reading what came ended by a mistake of this program".into()),
    }
}

/// Changes what is known of a list by what was brought, and puts a good copy in the place of the
/// last one. The caller tells the house.
pub(super) fn settle(
    list: &List,
    wanted: &Wanted,
    state: &Path,
    known: &mut Meta,
    brought: Brought,
    now: Timestamp,
) -> Outcome {
    let id = &list.download.list;
    if known.url != list.download.url {
        // The copy stays in force, but asking elsewhere whether it is current means nothing.
        known.url.clone_from(&list.download.url);
        (known.etag, known.last_modified) = (None, None);
    }
    known.asked = Some(now);
    let meanwhile = match known.fetched {
        None => "its names are not closed yet".to_owned(),
        Some(at) => {
            let day = at.to_zoned(wanted.config.household.zone.clone()).strftime("%Y-%m-%d");
            format!("the copy of {day} stays in force")
        }
    };
    let outcome = match brought {
        Brought::Unchanged => Outcome::Unchanged,
        Brought::Good(file, new) => {
            let new = Meta { fetched: Some(now), asked: Some(now), checked: Some(now), ..new };
            match fetched::replace(state, id, file, &new) {
                Ok(new) => {
                    *known = new;
                    return Outcome::Taken;
                }
                Err(error) => {
                    Outcome::Failed(format!("what came cannot be kept: {error}; {meanwhile}"))
                }
            }
        }
        Brought::Held(held) if is_a_list(&held) => Outcome::Held(format!(
            "held: {held}; {meanwhile}; `amparo lists update {id} --accept` takes it all the same"
        )),
        Brought::Held(held) => Outcome::Held(format!("held: {held}; {meanwhile}")),
        Brought::Trouble(why) => Outcome::Failed(format!("{why}; {meanwhile}")),
    };
    match &outcome {
        Outcome::Held(sentence) | Outcome::Failed(sentence) => {
            known.failures = known.failures.saturating_add(1);
            known.trouble = Some(sentence.clone());
        }
        Outcome::Unchanged | Outcome::Taken => {
            known.failures = 0;
            known.trouble = None;
            known.checked = Some(now);
        }
    }
    if let Err(error) = known.save(state, id) {
        // It counts all the same; only the next start knows less.
        warn!(list = id, "what is known of a list cannot be kept: {error}");
    }
    outcome
}

/// Whether what was held is a list, so that a person may want it.
fn is_a_list(held: &Held) -> bool {
    match held {
        Held::Page | Held::Data(_) | Held::Empty => false,
        Held::Shrunk { .. } | Held::Other { .. } | Held::Everyday { .. } => true,
    }
}

/// Reads what came, and the copy in force beside it. The error is what is wrong with its packing.
fn judged(
    list: &List,
    wanted: &Wanted,
    state: &Path,
    known: &Meta,
    file: &Path,
    accept: bool,
    given_up: &AtomicBool,
) -> Result<Judged, String> {
    let copy = fetched::whole_copy(state, &list.download.list);
    // Some servers know no validators: what is the same is not read again by anybody.
    let is_last = copy.as_ref().is_some_and(|copy| !copy.is_old);
    let is_same = |print| print == (known.octets, known.checksum);
    if is_last && fetched::checksum(file).is_ok_and(is_same) {
        return Ok(Judged::Same);
    }
    let after = examined(list, wanted, file, given_up)?;
    let before = copy.and_then(|copy| examined(list, wanted, &copy.path, given_up).ok());
    let before = before.as_ref().map(|before| &before.seen);
    Ok(match judge(&after.first, before, &after.seen) {
        Err(held) if !(accept && is_a_list(&held)) => Judged::Held(held),
        Ok(()) | Err(_) => Judged::Good(after.seen.taken),
    })
}

/// Reads a copy as the house would. The error is what is wrong with its packing.
fn examined(
    list: &List,
    wanted: &Wanted,
    file: &Path,
    given_up: &AtomicBool,
) -> Result<Examined, String> {
    let (_, part) = list.download.url.split_once('#').unzip();
    let everyday: Vec<Name> =
        catalogue().everyday.iter().filter_map(|name| Name::parse(name).ok()).collect();
    let mut first = Vec::new();
    let mut outcome = Ok(());
    let guard = house::guard(&wanted.config);
    let examined = lists::examine(&list.source, &guard, &everyday, |reader| {
        let read = unpack::read(file, part, &mut |piece| match piece {
            // Nobody waits for it any more.
            _ if given_up.load(Ordering::Relaxed) => {}
            Piece::Text(octets) => {
                let room = FIRST_OCTETS.saturating_sub(first.len()).min(octets.len());
                first.extend_from_slice(&octets[..room]);
                reader.feed(octets);
            }
            Piece::EndOfFile => reader.end_of_file(),
        });
        if let Err(trouble) = read {
            outcome = Err(format!("what came cannot be read: {trouble}"));
        }
    });
    outcome?;
    let report = examined.report;
    let closes = examined.closes.into_iter().map(|place| everyday[place].to_string()).collect();
    let (taken, skipped, refused) = (report.taken, report.skipped, report.refused_count);
    Ok(Examined { first, seen: Seen { taken, skipped, refused, closes } })
}

// === impl GivenUp ===

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

// === impl Wanted ===

impl Wanted {
    /// What a config wants.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let of = |download: &Download| {
            let source = config.lists.iter().find(|source| source.id == download.list)?;
            Some(List { download: download.clone(), source: source.clone() })
        };
        Wanted {
            lists: config.downloads.iter().filter_map(of).collect(),
            config: Arc::new(config.clone()),
        }
    }

    /// The list of an id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&List> {
        self.lists.iter().find(|list| list.download.list == id)
    }
}

// === impl Outcome ===

impl Outcome {
    /// It as a word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::Unchanged => "unchanged",
            Outcome::Taken => "taken",
            Outcome::Held(_) => "held",
            Outcome::Failed(_) => "failed",
        }
    }
}
