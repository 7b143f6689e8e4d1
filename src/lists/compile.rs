//! From texts to the index.
//!
//! A list that stands in a file is read into a file of its own first ([`ListRun`]); the index is
//! made of these, so that only what changed is read. Start at [`compile`] and [`open`].

use std::fs;
use std::io;
use std::path::Path;

use super::catalogue::catalogue;
use super::exceptions::Exceptions;
use super::fingerprint::modified;
use super::guard::Guard;
use super::index::{
    Builder, Carried, Exception, InFile, InMemory, Index, Key, ListRun, Made, Mark, Names, Row,
    Unbuilt, Unusable, key_of, write_list,
};
use super::kept::{self, Kept};
use super::kind::Kind;
use super::pattern::{ListPatterns, Patterns};
use super::reader::{Entry, Reader, Sink};
use super::tally::Tally;
use super::{Effect, Inputs, Report, Source, files};
use crate::name::Name;
use crate::policy::safesearch::ENGINES;
use crate::policy::tags::TagSet;

/// The names of all lists, in the state directory.
pub const INDEX_FILE: &str = "lists.index";
/// What the file of a list ends in that holds its names.
const RUN_SUFFIX: &str = ".names";
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
    /// The places of the lists that were read; the others are as they were.
    pub read: Vec<usize>,
    /// Why the index is not in its file but in memory, where it should be in a file.
    pub trouble: Option<String>,
}

/// Takes the index that stands in a state directory, with what was taken from each source, when it
/// was made from just these.
///
/// # Errors
/// When it was not, or is not whole, or may be older than the lists.
pub fn open(directory: &Path, inputs: &Inputs) -> Result<(Index, Vec<Report>), Unusable> {
    let (index, carried) = Index::open(&directory.join(INDEX_FILE), inputs.fingerprint)?;
    if !inputs.are_settled(carried.began) {
        return Err(Unusable::Outdated);
    }
    let (reports, patterns) =
        kept::read_all(&carried.text).ok_or(Unusable::Damaged("its reports are none"))?;
    let index = index.with(Patterns::new(patterns));
    if !index.tags().minus(&inputs.tags).is_empty() {
        return Err(Unusable::Damaged("it knows tags that there are not"));
    }
    Ok((index, reports))
}

/// Compiles sources into one index: into a file of the state directory, where there is one and it
/// can be written, else in memory. `read` feeds the text of the source at a place among them, for
/// those that do not carry their own; it may be asked more than once. Never fails: what cannot be
/// taken is counted.
pub fn compile(
    sources: &[Source],
    guard: &Guard<'_>,
    inputs: &Inputs,
    directory: Option<&Path>,
    read: &mut dyn FnMut(usize, &mut Reader<'_>),
) -> Compiled {
    let mut work = Work { sources, guard, inputs, read, is_as_seen: true, were_read: Vec::new() };
    let mut trouble = None;
    if let Some(directory) = directory {
        match work.compile_to(directory) {
            Ok((index, reports)) => {
                return Compiled { index, reports, read: work.were_read, trouble };
            }
            Err(error) => trouble = Some(error.to_string()),
        }
    }
    let (index, reports) = work.in_memory();
    Compiled { index, reports, read: work.were_read, trouble }
}

/// What is compiled.
struct Work<'a> {
    sources: &'a [Source],
    guard: &'a Guard<'a>,
    inputs: &'a Inputs,
    read: &'a mut dyn FnMut(usize, &mut Reader<'_>),
    /// Whether each text was what was seen before.
    is_as_seen: bool,
    were_read: Vec<usize>,
}

/// What is known of lists beside their names: the reports of all, the patterns of some.
type BesideNames = (Vec<Report>, Vec<ListPatterns>);

/// Takes what stands in one list.
struct Taking<'a> {
    source: &'a Source,
    guard: &'a Guard<'a>,
    /// Where its names go, unless nothing comes of them.
    names: Option<&'a mut Names>,
    /// How many names of other lists are held there.
    held_before: usize,
    /// The mark that its kinds count from.
    first: Mark,
    tally: Tally,
    patterns: ListPatterns,
    exceptions: Vec<(Name, Kind)>,
    is_as_seen: bool,
}

/// What was taken of a list beside its names.
struct Taken {
    report: Report,
    patterns: ListPatterns,
    /// The names it excepts from itself.
    exceptions: Vec<(Name, Kind)>,
    is_as_seen: bool,
}

// === impl Work ===

impl Work<'_> {
    fn compile_to(&mut self, directory: &Path) -> io::Result<(Index, Vec<Report>)> {
        let path = directory.join(INDEX_FILE);
        let lists = files::directory(directory);
        fs::create_dir_all(&lists)?;
        let prefix = format!("{INDEX_FILE}{UNFINISHED}");
        sweep(directory, |name| name.starts_with(&prefix));
        let open = names_left_open(self.guard);
        let mut key = key_of(&path).unwrap_or_else(Key::random);
        for attempt in 1..=KEYS_MAX {
            let file = tempfile::Builder::new().prefix(&prefix).tempfile_in(directory)?;
            // The clock of the file system is the one that files are changed by.
            let began = modified(&file.as_file().metadata()?);
            self.is_as_seen = true;
            let (builder, taken) = self.gather(key, Some(&lists), began)?;
            // What was read instead of what was seen is no index of that: the next start reads again.
            let fingerprint =
                if self.is_as_seen { self.inputs.fingerprint } else { rand::random() };
            let text = kept::write_all(&taken.0, &taken.1);
            let carried = Carried { fingerprint, began, text };
            let open = if attempt < KEYS_MAX { &open[..] } else { &[] };
            match builder.finish(&self.rows(), &carried, open, InFile::new(file, &path)) {
                Ok(index) => {
                    sweep(&lists, |name| self.is_nobodys(name));
                    let (reports, patterns) = taken;
                    return Ok((index.with(Patterns::new(patterns)), reports));
                }
                Err(Unbuilt::Collision) => key = Key::random(),
                Err(Unbuilt::Disk(error)) => return Err(error),
            }
        }
        Err(io::Error::other("no key is a good one"))
    }

    fn in_memory(&mut self) -> (Index, Vec<Report>) {
        let open = names_left_open(self.guard);
        for attempt in 1..=KEYS_MAX {
            // Without files nothing can fail but the key.
            let Ok((builder, (reports, patterns))) = self.gather(Key::random(), None, 0) else {
                break;
            };
            let open = if attempt < KEYS_MAX { &open[..] } else { &[] };
            let carried = Carried::default();
            match builder.finish(&self.rows(), &carried, open, InMemory::default()) {
                Ok(index) => return (index.with(Patterns::new(patterns)), reports),
                Err(_) if attempt < KEYS_MAX => {}
                Err(_) => return (Index::default(), reports),
            }
        }
        (Index::default(), Vec::new())
    }

    /// Reads every source, or takes what was made of it before.
    fn gather(
        &mut self,
        key: Key,
        lists: Option<&Path>,
        began: i64,
    ) -> io::Result<(Builder, BesideNames)> {
        self.were_read.clear();
        let mut names = Names::new(key, None);
        let (mut reports, mut patterns) = (Vec::new(), Vec::new());
        let (mut runs, mut exceptions) = (Vec::new(), Vec::new());
        for (place, source) in self.sources.iter().enumerate() {
            let first = first_mark(place);
            let directory = lists.filter(|_| source.embedded_text().is_none());
            let taken = if let Some(directory) = directory {
                let (run, taken) = self.run_of(place, key, directory, began)?;
                if !source.tags.is_empty() {
                    runs.push((run, first));
                }
                taken
            } else {
                let names = Some(&mut names).filter(|_| !source.tags.is_empty());
                self.take(place, names, first)
            };
            self.is_as_seen &= taken.is_as_seen;
            exceptions.extend(taken.exceptions.iter().map(|(name, kind)| {
                let hashes = names.hashes_of(name);
                Exception { hashes, first, kind: *kind }
            }));
            if !taken.patterns.patterns.is_empty() {
                patterns.push(ListPatterns { tags: source.tags, ..taken.patterns });
            }
            reports.push(Report {
                id: source.id.clone(),
                category: source.category.clone(),
                ..taken.report
            });
        }
        let mut builder = Builder::new(names);
        for (run, first) in runs {
            builder.add_list(run, first);
        }
        for exception in exceptions {
            builder.except(exception);
        }
        Ok((builder, (reports, patterns)))
    }

    /// The names of a list in its own file, made anew where it is not of this text.
    fn run_of(
        &mut self,
        place: usize,
        key: Key,
        directory: &Path,
        began: i64,
    ) -> io::Result<(ListRun, Taken)> {
        let stem = files::stem(&self.sources[place].id);
        let path = directory.join(format!("{stem}{RUN_SUFFIX}"));
        let made = Made { key, fingerprint: self.inputs.of_lists[place] };
        if let Ok(run) = ListRun::open(&path, made)
            && self.inputs.is_settled(place, run.began)
            && let Some(Kept { report, patterns, exceptions }) = kept::read(&run.carried)
        {
            return Ok((run, Taken { report, patterns, exceptions, is_as_seen: true }));
        }
        let mut names = Names::new(key, Some(tempfile::tempfile_in(directory)?));
        let taken = self.take(place, Some(&mut names), 0);
        let carried = kept::write(&taken.report, &taken.patterns, &taken.exceptions);
        // What is not the text that was seen is not to be taken for it later.
        let fingerprint = if taken.is_as_seen { made.fingerprint } else { rand::random() };
        let run = write_list(&path, Made { key, fingerprint }, began, names, &carried)?;
        Ok((run, taken))
    }

    /// Reads a source.
    fn take(&mut self, place: usize, names: Option<&mut Names>, first: Mark) -> Taken {
        self.were_read.push(place);
        let source = &self.sources[place];
        let mut taking = Taking {
            source,
            guard: self.guard,
            held_before: names.as_deref().map_or(0, Names::held),
            names,
            first,
            tally: Tally::default(),
            patterns: ListPatterns::default(),
            exceptions: Vec::new(),
            is_as_seen: true,
        };
        let read = Reader::run(source, &mut taking, |reader| (self.read)(place, reader));
        let Taking { tally, patterns, exceptions, is_as_seen, .. } = taking;
        Taken { report: tally.report(source, read), patterns, exceptions, is_as_seen }
    }

    /// What each kind of each source says of its names.
    fn rows(&self) -> Vec<Row> {
        let row = |tags: TagSet, effect, number| {
            let kind = Kind::from_number(number).expect("it is below their count");
            let covered = |is_itself| {
                if kind.matching().covers(is_itself) { tags } else { TagSet::EMPTY }
            };
            let (at, below) = (covered(true), covered(false));
            match effect {
                Effect::Close => Row { at, below, ..Row::default() },
                Effect::Open => Row { never_at: at, never_below: below, ..Row::default() },
            }
        };
        let rows = |source: &Source| {
            let Source { tags, effect, .. } = *source;
            (0..Kind::CLOSING).map(move |number| row(tags, effect, number))
        };
        self.sources.iter().flat_map(rows).collect()
    }

    /// Whether a file holds the names of a list that is no more.
    fn is_nobodys(&self, file: &str) -> bool {
        let is_its =
            |source: &Source| file.strip_suffix(RUN_SUFFIX) == Some(&*files::stem(&source.id));
        file.ends_with(RUN_SUFFIX) && !self.sources.iter().any(is_its)
    }
}

/// The first mark of the source at a place.
fn first_mark(place: usize) -> Mark {
    Mark::try_from(place).unwrap_or(Mark::MAX / 256) * Mark::from(Kind::CLOSING)
}

/// The names that no accident may close: essential ones, search engines, services.
fn names_left_open(guard: &Guard<'_>) -> Vec<Name> {
    let hosts = ENGINES.iter().flat_map(|engine| engine.hosts.iter().copied());
    let services = catalogue().services.iter().flat_map(|service| service.names.lines());
    let guarded = catalogue().guarded.iter().map(|line| line.strip_prefix('=').unwrap_or(line));
    let written = hosts.chain(services).chain(guarded).filter_map(|text| Name::parse(text).ok());
    guard.essentials().chain(written).collect()
}

/// Removes some files: what a power cut left half written, what belongs to nobody.
fn sweep(directory: &Path, is_swept: impl Fn(&str) -> bool) {
    for file in fs::read_dir(directory).into_iter().flatten().flatten() {
        if is_swept(&file.file_name().to_string_lossy()) {
            // What cannot be removed is in nobody's way.
            let _ = fs::remove_file(file.path());
        }
    }
}

// === impl Sink ===

impl Sink for Taking<'_> {
    fn take(&mut self, _: usize, entry: Entry<'_>) {
        match entry {
            Entry::Skipped(skip) => self.tally.skip(skip, 1),
            Entry::Pattern(text, role) => {
                if self.tally.pattern(text, self.source, self.guard).is_some() {
                    self.patterns.patterns.push((text.to_owned(), role));
                }
            }
            Entry::Name(name, ..) if self.guard.refuses(self.source, name) => {
                self.tally.refuse(name, self.source);
            }
            Entry::Name(name, matching, role) => {
                self.tally.taken += 1;
                if let Some(names) = &mut self.names {
                    names.add(name, self.first + Mark::from(Kind::of(matching, role).number()));
                }
            }
        }
    }

    fn forget(&mut self, is_as_seen: bool) {
        self.tally = Tally::default();
        self.patterns = ListPatterns::default();
        self.is_as_seen &= is_as_seen;
        if let Some(names) = &mut self.names {
            names.forget_from(self.held_before);
        }
    }

    fn except(&mut self, exceptions: &Exceptions) {
        self.tally.except(exceptions);
        let names =
            exceptions.iter().map(|(name, matching, role)| (name, Kind::of(matching, role)));
        self.exceptions = names.collect();
        if !self.patterns.patterns.is_empty() {
            self.patterns.exceptions = exceptions.clone();
        }
    }
}
