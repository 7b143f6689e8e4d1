//! A household, ready to decide: its config with its lists read and compiled.
//!
//! The daemon and the commands that work without one open a house the same way. Lists are read
//! (`texts`) only when the index in the state directory was made from others than there are; a file
//! that cannot be read is replaced by its last good copy there, so that what was closed for a child
//! stays closed.

pub mod calendars;
pub mod fetched;
pub mod place;
mod texts;
pub mod unpack;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use tracing::{info, warn};

use crate::clients::Table;
use crate::config::{self, Checked, Config, Download, System};
use crate::lists::{
    self, Compiled, Guard, Index, Inputs, Match, Report, Unusable as UnusableIndex,
};
use crate::name::Name;
use crate::policy::Policy;
use crate::policy::rules::SubjectKind;
use calendars::CalendarState;
use texts::Look;

/// The largest list file that is read, in bytes: 5 million names of 25 letters. Larger ones are
/// no lists, and a small router has 128 MiB.
pub const LIST_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// The copy of the last config that passed, in the state directory.
const LAST_CONFIG: &str = "config.last.toml";

/// The config that counts, and where its state is.
pub struct Found {
    /// What it says.
    pub checked: Checked,
    /// Its text.
    pub text: String,
    /// The state directory.
    pub state_directory: PathBuf,
    /// What is wrong with the file; then its last good copy is what counts.
    pub trouble: Option<Unusable>,
}

/// Why a config file cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// It cannot be read, as a sentence.
    #[error("{0}")]
    Unreadable(String),
    /// It is wrong: the report.
    #[error("{}", .0.render(false))]
    Wrong(config::Report),
}

/// Everything that decides, whole.
pub struct House {
    /// The config it was built from.
    pub config: Config,
    /// The rules with the index of all lists.
    pub policy: Policy,
    /// Whose device is which.
    pub devices: Table,
    /// What became of each list.
    pub lists: Vec<ListState>,
    /// What became of each calendar file.
    pub calendars: Vec<CalendarState>,
    /// Names in the index.
    pub names: usize,
}

/// One list, as `lists status` shows it.
#[derive(Debug, Clone)]
pub struct ListState {
    /// What was taken and what was not.
    pub report: Report,
    /// When its file was last changed; none for ours.
    pub updated: Option<Timestamp>,
    /// What is wrong with it, as a sentence with what is in force meanwhile.
    pub trouble: Option<String>,
}

/// Whether what is read of the lists is also kept in the state directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copies {
    /// The daemon keeps the last good copies, and the index.
    Keep,
    /// Commands only look.
    LookOnly,
}

/// The config to start with: the file's (none: the embedded default), or its last good copy when
/// that cannot be taken. Never the defaults instead of a family's rules.
///
/// # Errors
/// What is wrong with the file, when there is no copy.
pub fn find_config(file: Option<&Path>, state: Option<&Path>) -> Result<Found, Unusable> {
    let (why, said) = match read_config(file, state) {
        Ok((checked, text)) => {
            let state_directory = config::state_directory(state, Some(&checked.config));
            return Ok(Found { checked, text, state_directory, trouble: None });
        }
        Err(refused) => refused,
    };
    let state_directory = match (state, said) {
        (None, Some(said)) => said,
        (state, _) => config::state_directory(state, None),
    };
    let copy = last_config(&state_directory);
    let kept = std::fs::read_to_string(&copy).ok().and_then(|text| {
        let origin = config::Origin::File(file.unwrap_or(&copy).to_owned());
        let checked = config::load(&text, &origin, &System::detect()).ok()?;
        Some((checked, text))
    });
    match kept {
        Some((checked, text)) => Ok(Found { checked, text, state_directory, trouble: Some(why) }),
        None => Err(why),
    }
}

/// Reads and checks the file (none: the embedded default); gives its text too.
///
/// # Errors
/// What is wrong with it, and the state directory it names all the same.
pub fn read_config(
    file: Option<&Path>,
    state: Option<&Path>,
) -> Result<(Checked, String), (Unusable, Option<PathBuf>)> {
    let (text, origin) =
        text_of(file, state).map_err(|sentence| (Unusable::Unreadable(sentence), None))?;
    match config::load(&text, &origin, &System::detect()) {
        Ok(checked) => Ok((checked, text)),
        Err(report) => Err((Unusable::Wrong(report), config::directory_in(&text))),
    }
}

/// The text of the config, or the sentence that says why there is none.
fn text_of(file: Option<&Path>, state: Option<&Path>) -> Result<(String, config::Origin), String> {
    if let Some(path) = file {
        return match config::read_file(path) {
            Ok(text) => Ok((text, config::Origin::File(path.to_owned()))),
            Err(error) => Err(format!("{} cannot be read: {error}", path.display())),
        };
    }
    let copy = config::state_directory(state, None).join(LAST_CONFIG);
    if copy.exists() {
        return Err(format!(
            "there was a config file and there is none at {} now; to go on with the embedded \
             defaults, remove its copy {}",
            config::usual_place().display(),
            copy.display()
        ));
    }
    Ok((config::EMBEDDED.to_owned(), config::Origin::Embedded))
}

/// Where the last config that passed is kept.
#[must_use]
pub fn last_config(state_directory: &Path) -> PathBuf {
    state_directory.join(LAST_CONFIG)
}

/// Keeps the text of a config that passed, for a start with a broken one.
pub fn keep_config(directory: &Path, text: &str) {
    let copy = directory.join(LAST_CONFIG);
    if std::fs::read_to_string(&copy).is_ok_and(|kept| kept == text) {
        return;
    }
    if let Err(error) = write_whole(&copy, text.as_bytes()) {
        warn!("the last good copy of the config could not be kept: {error}");
    }
}

impl House {
    /// Takes the index of a config's lists, or reads and compiles them where it is not current.
    /// Never fails: a list that cannot be read is replaced by its last good copy or left out, and
    /// its state says so.
    #[must_use]
    pub fn open(mut config: Config, state_directory: &Path, copies: Copies) -> Self {
        let calendars = calendars::fill(&mut config, state_directory, copies);
        let mut looks: Vec<Look> =
            config.lists.iter().map(|source| texts::look(source, state_directory)).collect();
        if copies == Copies::Keep {
            config.lists.iter().zip(&looks).for_each(|(source, look)| look.warn(&source.id));
        }
        let (index, reports) = indexed(&config, &mut looks, state_directory, copies);
        let names = index.len();
        let lists = reports
            .into_iter()
            .zip(looks)
            .map(|(report, Look { updated, trouble, .. })| ListState { report, updated, trouble })
            .collect();

        let subjects = &config.household.subjects;
        let devices = Table::new(&config.devices, |subject| {
            subjects[usize::from(subject.0)].kind == SubjectKind::Child
        });
        let policy = Policy::new(config.household.clone(), Arc::new(index));
        House { config, policy, devices, lists, calendars, names }
    }

    /// Every list entry that covers a name. Reads the lists again: their text is not kept.
    #[must_use]
    pub fn matches(&self, name: &Name, state_directory: &Path) -> Vec<Match> {
        let guard = guard(&self.config);
        self.config
            .lists
            .iter()
            .flat_map(|source| {
                let mut look = texts::look(source, state_directory);
                lists::search(source, name, &guard, |reader| {
                    texts::feed(source, &mut look, state_directory, Copies::LookOnly, reader);
                })
            })
            .collect()
    }
}

/// The index of the lists as they are: the file in the state directory, or a new one.
fn indexed(
    config: &Config,
    looks: &mut [Look],
    state_directory: &Path,
    copies: Copies,
) -> (Index, Vec<Report>) {
    let guard = guard(config);
    let seen: Vec<_> = looks.iter().map(|look| look.seen).collect();
    let inputs = Inputs::new(&config.lists, &seen, &guard, &config.household.tags);
    match lists::open(state_directory, &inputs) {
        Ok((index, reports)) => {
            keep_again(config, looks, state_directory, copies, &[]);
            info!(names = index.len(), lists = reports.len(), "the index of the lists is current");
            return (index, reports);
        }
        Err(UnusableIndex::Absent | UnusableIndex::Outdated) => {}
        Err(why @ (UnusableIndex::Damaged(_) | UnusableIndex::Unreadable(_))) => {
            let directory = state_directory.display();
            warn!(%directory, "the index of the lists is not used: {why}; it is made anew");
        }
    }

    let kept = (copies == Copies::Keep).then_some(state_directory);
    let Compiled { index, reports, read, trouble } =
        lists::compile(&config.lists, &guard, &inputs, kept, &mut |place, reader| {
            texts::feed(&config.lists[place], &mut looks[place], state_directory, copies, reader);
        });
    keep_again(config, looks, state_directory, copies, &read);
    if let Some(why) = trouble {
        let directory = state_directory.display();
        warn!(%directory, "the index of the lists cannot be kept: {why}; it is in memory meanwhile");
    }
    info!(names = index.len(), lists = reports.len(), "lists compiled");
    for report in reports.iter().filter(|report| report.refused_count > 0) {
        let (id, refused) = (&report.id, report.refused_count);
        info!(list = id, refused, "entries that no list may close; `lists status` shows them");
    }
    (index, reports)
}

/// Keeps the copies of lists that were not read, where they went missing.
fn keep_again(
    config: &Config,
    looks: &[Look],
    state_directory: &Path,
    copies: Copies,
    read: &[usize],
) {
    if copies == Copies::LookOnly {
        return;
    }
    for (place, (source, look)) in config.lists.iter().zip(looks).enumerate() {
        if !read.contains(&place) {
            texts::keep_again(source, look, state_directory);
        }
    }
}

/// What no list may close in a household: essential names, and the hosts it needs itself.
#[must_use]
pub fn guard(config: &Config) -> Guard<'_> {
    let dns = &config.dns;
    let forwards = dns.forward.iter().flat_map(|(_, urls)| urls);
    let upstreams = dns.upstreams.iter().chain(&dns.child_upstreams).chain(forwards);
    let upstreams = upstreams.filter_map(|url| url.tls_name.as_deref());
    let servers = config.downloads.iter().map(Download::host);
    Guard::new(
        &config.household.essentials,
        upstreams.chain(servers).filter_map(|host| Name::parse(host).ok()),
    )
}

/// Writes a file so that it is either the old one or the new one, whatever happens.
pub fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    let directory = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory)?;
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    std::fs::File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lists").join("big.last");
        write_whole(&path, b"old").unwrap();
        write_whole(&path, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
