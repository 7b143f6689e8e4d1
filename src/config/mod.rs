//! The one file a parent edits: as written → checked, every mistake at once.
//!
//! [`load`] is the way in: text becomes a [`Config`], whose types cannot hold a bad value, or a
//! [`Report`] of all that is wrong. It is pure: it reads no file, no environment, no clock; what
//! the system says comes in as [`System`], and [`place`] finds and reads the file. The journey: `read`
//! (TOML along the `registry` of keys), `tags` and `lists` (categories, services, lists), `part`, `hours`
//! and `budgets` (somebody's rules as written), `people`, `settings_check`, and `build`, which merges built-in
//! profile → household → profile → person into whole rules.

mod budgets;
mod build;
mod context;
pub mod draft;
pub mod edit;
mod elements;
mod hours;
pub mod ical;
pub mod lint;
mod lists;
mod part;
mod people;
pub mod place;
mod read;
pub mod registry;
mod registry_rules;
pub mod report;
pub mod schema;
pub mod settings;
mod settings_check;
pub mod suggest;
mod tags;
#[cfg(test)]
mod tests;
mod trust;

use jiff::tz::TimeZone;

use crate::clients::DeviceRule;
use crate::lists::Source;
use crate::lists::catalogue::{Catalogue, catalogue};
use crate::policy::rules::{Household, What};
use crate::policy::tags::TagTable;
use crate::words::Language;
use context::Context;
use elements::{Mistake, Word};
pub use place::{
    directory_in, find_file, language_in, names_zone, read_file, state_directory, usual_place,
};
pub use report::{Origin, Problem, Report, Severity};
pub use settings::{
    CalendarFile, DnsSettings, Download, EncryptedSettings, EnforceSettings, JournalSettings,
    NftablesSet,
};

/// The embedded default: every key with its default, commented out.
pub const EMBEDDED: &str = include_str!("../../config/amparo.toml");

/// The largest text that is read, in octets: a school's file with thousands of devices has less
/// than one MiB, and what is larger is a list of names given by mistake.
pub const TEXT_OCTETS_MAX: usize = 4 * 1024 * 1024;

/// A file that passed every check: its types cannot hold a bad value.
#[derive(Debug, Clone)]
pub struct Config {
    /// The rules.
    pub household: Household,
    /// Whose device is which.
    pub devices: Vec<DeviceRule>,
    /// The lists: ours, the household's files, the names of its own categories and services.
    pub lists: Vec<Source>,
    /// Those of them that are fetched.
    pub downloads: Vec<Download>,
    /// The calendars whose days are in files: [`Schedule::files`](crate::policy::hours::Schedule)
    /// names them by their places here.
    pub calendars: Vec<CalendarFile>,
    /// How questions come in and go out.
    pub dns: DnsSettings,
    /// How the journal is kept.
    pub journal: JournalSettings,
    /// Who is told the addresses of what just closed.
    pub enforce: Option<EnforceSettings>,
    /// `[state] directory`.
    pub state_directory: Option<std::path::PathBuf>,
    /// The country whose help lines are shown: ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// What the family calls itself.
    pub name: Option<String>,
    /// What the household says about its categories and services: their ids with `explain`.
    pub explanations: Vec<(String, String)>,
}

/// A file that passed, with what it does not do.
#[derive(Debug, Clone)]
pub struct Checked {
    /// What it says.
    pub config: Config,
    /// What is in it that has no effect, and what is in force meanwhile.
    pub warnings: Report,
}

/// What holds where the file is silent, as the system has it.
#[derive(Debug, Clone)]
pub struct System {
    /// The language of its locale.
    pub language: Language,
    /// Its time zone.
    pub zone: TimeZone,
    /// That zone's IANA name; none when the system does not tell.
    pub zone_name: Option<String>,
}

/// The text of a file, or why it is none, as a sentence with what to do.
///
/// # Errors
/// When it is too large, in another encoding than UTF-8, or no text at all.
pub fn text_of(octets: Vec<u8>) -> Result<String, String> {
    if octets.len() > TEXT_OCTETS_MAX {
        return Err(too_large());
    }
    // Windows' editor writes UTF-16 under the name "Unicode", with this mark in front.
    let save = "save it as UTF-8 in the editor";
    if octets.starts_with(b"\xff\xfe") || octets.starts_with(b"\xfe\xff") {
        return Err(format!("it is UTF-16 text: {save}"));
    }
    if let Some(place) = octets.iter().position(|&octet| octet == 0) {
        let line = line_of(&octets, place);
        return Err(format!("line {line} holds a NUL octet: it is no text file"));
    }
    String::from_utf8(octets).map_err(|error| {
        let line = line_of(error.as_bytes(), error.utf8_error().valid_up_to());
        format!("line {line} holds a letter that is not UTF-8: {save}")
    })
}

/// What a word means that a person gives to a command, as the file would read it.
///
/// # Errors
/// When it is neither a category or service of the household nor a domain name: a sentence that
/// says what to write instead.
pub fn what(text: &str, tags: &TagTable) -> Result<What, String> {
    let sentence = |mistake: Mistake| format!("{}: {}", mistake.what, mistake.help);
    match elements::word(text).map_err(sentence)? {
        Word::Internet | Word::Everything => Ok(What::Everything),
        Word::Name(name, reach) => Ok(What::Name(name, reach)),
        Word::Id(id) => match tags::find(tags, id) {
            Some(tag) => Ok(What::Tag(tag)),
            None => {
                Err(format!("`{}` is not defined: {}", id.escape_debug(), tags::which(tags, id)))
            }
        },
    }
}

/// The line, from 1, in which an octet stands.
fn line_of(octets: &[u8], place: usize) -> usize {
    octets[..place].split(|&octet| octet == b'\n').count()
}

fn too_large() -> String {
    let mib = TEXT_OCTETS_MAX / 1024 / 1024;
    format!(
        "it is larger than {mib} MiB; lists of names belong into files of their own, `[list.ID]`"
    )
}

/// Reads and checks a text.
///
/// # Errors
/// Everything that is wrong with it, and the warnings among it.
pub fn load(text: &str, origin: &Origin, system: &System) -> Result<Checked, Report> {
    load_with(text, origin, system, catalogue())
}

/// [`load`] with a catalogue of the caller's.
///
/// # Errors
/// As [`load`].
pub fn load_with(
    text: &str,
    origin: &Origin,
    system: &System,
    catalogue: &Catalogue,
) -> Result<Checked, Report> {
    if text.len() > TEXT_OCTETS_MAX {
        let problem = Problem::error(0..0, "this is too large for a config file", too_large());
        return Err(Report::new(vec![problem], "", origin));
    }
    let mut problems = Vec::new();
    let document = read::document(text, &mut problems);
    let config = document.as_ref().and_then(|document| {
        let mut context = Context::new(document.get_ref(), origin, system, catalogue);
        let config = build::config(&mut context);
        problems.append(&mut context.problems);
        config
    });
    let failed = problems.iter().any(|problem| problem.severity == Severity::Error);
    let report = Report::new(problems, text, origin);
    match config {
        Some(config) if !failed => Ok(Checked { config, warnings: report }),
        Some(_) | None => Err(report),
    }
}
