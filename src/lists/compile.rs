//! From texts to the index, and from a name back to the line that named it.
//!
//! Both read a source in the same way, so that what `why` shows is what the index holds.

use std::fs;
use std::io;
use std::path::Path;

use super::catalogue::catalogue;
use super::exceptions::Exceptions;
use super::fingerprint::modified;
use super::format::Skip;
use super::index::{Builder, Carried, InFile, InMemory, Index, Key, Mark, Row, Unbuilt, Unusable};
use super::reader::{Entry, Reader, Sink};
use super::{Format, Inputs, Match, Matching, REFUSED_SHOWN_MAX, Report, Source, guard, kept};
use crate::name::Name;
use crate::policy::rules::NameSet;
use crate::policy::safesearch::ENGINES;
use crate::policy::tags::TagSet;

/// How many keys are tried until no name that must stay open is taken for a listed one. One in a
/// hundred thousand is no good; a row of ten bad ones has another reason.
const KEYS_MAX: usize = 10;
/// What files of ours that are not whole yet begin with, after the name of the index.
const UNFINISHED: &str = ".new-";

/// What became of the lists.
#[derive(Debug)]
pub struct Compiled {
    /// All names.
    pub index: Index,
    /// What was taken from each source, in their order.
    pub reports: Vec<Report>,
    /// Why the index is not in its file but in memory, where it should be in a file.
    pub trouble: Option<String>,
}

/// Takes the index that stands in a file, with what was taken from each source, when it was made
/// from just these.
///
/// # Errors
/// When it was not, or is not whole, or may be older than the lists.
pub fn open(path: &Path, inputs: &Inputs) -> Result<(Index, Vec<Report>), Unusable> {
    let (index, carried) = Index::open(path, inputs.fingerprint)?;
    if !inputs.are_settled(carried.began) {
        return Err(Unusable::Outdated);
    }
    let reports = kept::read(&carried.text).ok_or(Unusable::Damaged("its reports are none"))?;
    if !index.tags().minus(&inputs.tags).is_empty() {
        return Err(Unusable::Damaged("it knows tags that there are not"));
    }
    Ok((index, reports))
}

/// Compiles sources into one index: into the file at `path`, where there is one and it can be
/// written, else in memory. `read` feeds the text of the source at a place among them, for those
/// that do not carry their own; it may be asked more than once. Never fails: what cannot be taken
/// is counted.
pub fn compile(
    sources: &[Source],
    essentials: &NameSet,
    inputs: &Inputs,
    path: Option<&Path>,
    read: &mut dyn FnMut(usize, &mut Reader<'_>),
) -> Compiled {
    let mut work = Work { sources, essentials, inputs, read, is_as_seen: true };
    let mut trouble = None;
    if let Some(path) = path {
        match work.compile_to(path, Key::random) {
            Ok((index, reports)) => return Compiled { index, reports, trouble },
            Err(error) => trouble = Some(error.to_string()),
        }
    }
    let (index, reports) = work.in_memory(Key::random);
    Compiled { index, reports, trouble }
}

/// Every entry of a source that covers the name and was taken. `read` feeds its text where the
/// source does not carry its own.
#[must_use]
pub fn search(
    source: &Source,
    name: &Name,
    essentials: &NameSet,
    read: impl FnMut(&mut Reader<'_>),
) -> Vec<Match> {
    let mut seeking = Seeking { source, name, essentials, matches: Vec::new() };
    Reader::run(source, &mut seeking, read);
    seeking.matches
}

/// What is compiled.
struct Work<'a> {
    sources: &'a [Source],
    essentials: &'a NameSet,
    inputs: &'a Inputs,
    read: &'a mut dyn FnMut(usize, &mut Reader<'_>),
    /// Whether each text was what was seen before.
    is_as_seen: bool,
}

/// Takes what stands in one list into the index.
struct Taking<'a> {
    source: &'a Source,
    essentials: &'a NameSet,
    builder: &'a mut Builder,
    /// The row of its exact entries; the next one is of those with all below them.
    exact: Mark,
    tally: Tally,
    is_as_seen: bool,
}

/// Looks for one name.
struct Seeking<'a> {
    source: &'a Source,
    name: &'a Name,
    essentials: &'a NameSet,
    matches: Vec<Match>,
}

/// What was met while a source was read.
#[derive(Default)]
struct Tally {
    taken: usize,
    skipped: [usize; Skip::ALL.len()],
    refused: Vec<String>,
    refused_count: usize,
}

// === impl Work ===

impl Work<'_> {
    fn compile_to(
        &mut self,
        path: &Path,
        mut key: impl FnMut() -> Key,
    ) -> io::Result<(Index, Vec<Report>)> {
        let directory = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(directory)?;
        let prefix = format!("{}{UNFINISHED}", file_name(path));
        sweep(directory, &prefix);
        let open = names_left_open(self.essentials);
        for attempt in 1..=KEYS_MAX {
            let file = tempfile::Builder::new().prefix(&prefix).tempfile_in(directory)?;
            // The clock of the file system is the one that files are changed by.
            let began = modified(&file.as_file().metadata()?);
            let scratch = tempfile::tempfile_in(directory)?;
            let mut builder = Builder::new(key(), Some(scratch));
            let reports = self.fill(&mut builder);
            let carried = self.carried(began, &reports);
            let open = if attempt < KEYS_MAX { &open[..] } else { &[] };
            match builder.finish(&self.rows(), &carried, open, InFile::new(file, path)) {
                Ok(index) => return Ok((index, reports)),
                Err(Unbuilt::Collision) => {}
                Err(Unbuilt::Disk(error)) => return Err(error),
            }
        }
        Err(io::Error::other("no key is a good one"))
    }

    fn in_memory(&mut self, mut key: impl FnMut() -> Key) -> (Index, Vec<Report>) {
        let open = names_left_open(self.essentials);
        let mut attempt = 1;
        loop {
            let mut builder = Builder::new(key(), None);
            let reports = self.fill(&mut builder);
            let open = if attempt < KEYS_MAX { &open[..] } else { &[] };
            let carried = Carried::default();
            match builder.finish(&self.rows(), &carried, open, InMemory::default()) {
                Ok(index) => return (index, reports),
                Err(_) if attempt < KEYS_MAX => attempt += 1,
                Err(_) => return (Index::default(), reports),
            }
        }
    }

    /// Reads every source.
    fn fill(&mut self, builder: &mut Builder) -> Vec<Report> {
        let mut reports = Vec::with_capacity(self.sources.len());
        for ((place, source), exact) in self.sources.iter().enumerate().zip((0..).step_by(2)) {
            let tally = Tally::default();
            let essentials = self.essentials;
            let mut taking = Taking { source, essentials, builder, exact, tally, is_as_seen: true };
            let format =
                Reader::run(source, &mut taking, |reader| (self.read)(place, reader)).format;
            self.is_as_seen &= taking.is_as_seen;
            reports.push(taking.tally.report(source, format));
        }
        reports
    }

    /// Each source has two rows: for its exact entries, and for those with all below them.
    fn rows(&self) -> Vec<Row> {
        let rows = |source: &Source| {
            [TagSet::EMPTY, source.tags].map(|below| Row { at: source.tags, below })
        };
        self.sources.iter().flat_map(rows).collect()
    }

    fn carried(&self, began: i64, reports: &[Report]) -> Carried {
        // What was read instead of what was seen is no index of that: the next start reads again.
        let fingerprint = if self.is_as_seen { self.inputs.fingerprint } else { rand::random() };
        Carried { fingerprint, began, text: kept::write(reports) }
    }
}

/// The names that no accident may close: essential ones, search engines, services.
fn names_left_open(essentials: &NameSet) -> Vec<Name> {
    let hosts = ENGINES.iter().flat_map(|engine| engine.hosts.iter().copied());
    let services = catalogue().services.iter().flat_map(|service| service.names.lines());
    let guarded = catalogue().guarded.iter().map(|line| line.strip_prefix('=').unwrap_or(line));
    let written = hosts.chain(services).chain(guarded).filter_map(|text| Name::parse(text).ok());
    let essentials = essentials.iter().filter_map(|(wire, _)| Name::from_wire(wire).ok());
    essentials.chain(written).collect()
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Removes what a power cut left half written.
fn sweep(directory: &Path, prefix: &str) {
    for file in fs::read_dir(directory).into_iter().flatten().flatten() {
        if file.file_name().to_string_lossy().starts_with(prefix) {
            // What cannot be removed is in nobody's way.
            let _ = fs::remove_file(file.path());
        }
    }
}

// === impl Sink ===

impl Sink for Taking<'_> {
    fn take(&mut self, _: usize, entry: Entry<'_>) {
        match entry {
            Entry::Skipped(skip) => self.tally.skipped[skip as usize] += 1,
            Entry::Pattern(..) => self.tally.skipped[Skip::Pattern as usize] += 1,
            Entry::Name(name, ..) if guard::refuses(self.source, name, self.essentials) => {
                self.tally.refuse(name, self.source.is_hidden());
            }
            Entry::Name(name, matching, _) => {
                self.tally.taken += 1;
                if !self.source.tags.is_empty() {
                    let mark = self.exact + Mark::from(matching == Matching::Subdomains);
                    self.builder.add(name, mark);
                }
            }
        }
    }

    /// Names that were taken stay closed: half a list is a sign of trouble, not of a parent's wish.
    fn forget(&mut self, is_as_seen: bool) {
        self.tally = Tally::default();
        self.is_as_seen &= is_as_seen;
    }

    fn except(&mut self, _: &Exceptions) {}
}

impl Sink for Seeking<'_> {
    fn take(&mut self, line: usize, entry: Entry<'_>) {
        let Entry::Name(entry, matching, _) = entry else { return };
        let covers = self.name.is_at_or_below(entry) && matching.covers(entry == self.name);
        if covers && !guard::refuses(self.source, entry, self.essentials) {
            let entry = (!self.source.is_hidden()).then(|| entry.to_string());
            self.matches.push(Match { list: self.source.id.clone(), line, entry });
        }
    }

    fn forget(&mut self, _: bool) {
        self.matches.clear();
    }

    fn except(&mut self, _: &Exceptions) {}
}

// === impl Tally ===

impl Tally {
    fn refuse(&mut self, name: &Name, hidden: bool) {
        self.refused_count += 1;
        if !hidden && self.refused.len() < REFUSED_SHOWN_MAX {
            self.refused.push(name.to_string());
        }
    }

    fn report(self, source: &Source, format: Format) -> Report {
        Report {
            id: source.id.clone(),
            category: source.category.clone(),
            format,
            taken: self.taken,
            skipped: self.skipped.iter().sum(),
            skipped_kinds: Skip::ALL
                .into_iter()
                .map(|kind| (kind, self.skipped[kind as usize]))
                .filter(|(_, count)| *count > 0)
                .collect(),
            refused: self.refused,
            refused_count: self.refused_count,
        }
    }
}
