//! Where the file and the state are, and what the system says: the part of the configuration
//! that asks the environment and reads the file.

use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use super::{Config, System, TEXT_OCTETS_MAX, text_of};
use crate::words::Language;

/// The file of a machine that runs it as a service.
const FILE_OF_ROOT: &str = "/etc/amparo/amparo.toml";
/// The state of such a machine.
const STATE_OF_ROOT: &str = "/var/lib/amparo";

/// Answers what a variable of the environment holds.
type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

impl System {
    /// What this system says: the language of `LC_ALL`, `LC_MESSAGES` or `LANG`, and its zone.
    #[must_use]
    pub fn detect() -> System {
        let zone = TimeZone::system();
        let zone_name = zone.iana_name().map(str::to_owned);
        System { language: language(&environment), zone, zone_name }
    }
}

/// The file that rules: the one given, else `$AMPARO_CONFIG` (both whether they exist or not, so
/// that a slip is found), else the usual place when there is a file. None: the embedded default.
#[must_use]
pub fn find_file(explicit: Option<&Path>) -> Option<PathBuf> {
    if let Some(path) = named_file(explicit, &environment) {
        return Some(path);
    }
    usual_file(is_root(), &environment).filter(|path| path.exists())
}

/// The text of a config file.
///
/// # Errors
/// Why it cannot be read, as the end of a sentence: what the system says, or [`text_of`].
pub fn read_file(path: &Path) -> Result<String, String> {
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut octets = Vec::new();
    let limit = TEXT_OCTETS_MAX as u64 + 1;
    match file.take(limit).read_to_end(&mut octets) {
        Err(error) if error.kind() == std::io::ErrorKind::IsADirectory => {
            Err("it is a directory; name the file in it".to_owned())
        }
        Err(error) => Err(error.to_string()),
        Ok(_) => text_of(octets),
    }
}

/// Where the journal and what expires by itself live: the directory given, else `[state]
/// directory`, else the usual place.
#[must_use]
pub fn state_directory(explicit: Option<&Path>, config: Option<&Config>) -> PathBuf {
    explicit
        .map(Path::to_path_buf)
        .or_else(|| config.and_then(|config| config.state_directory.clone()))
        .unwrap_or_else(|| usual_state(is_root(), &environment))
}

/// The `[state] directory` of a text, whatever else is wrong with it: the last good copy of a
/// broken file must be found.
#[must_use]
pub fn directory_in(text: &str) -> Option<PathBuf> {
    let (document, _) = toml::de::DeTable::parse_recoverable(text);
    let state = document.get_ref().get("state")?;
    let directory = state.get_ref().as_table()?.get("directory")?.get_ref().as_str()?;
    Some(PathBuf::from(directory)).filter(|directory| directory.is_absolute())
}

/// The language that a text asks for, whatever else is wrong with it: its mistakes are to be told
/// in it.
#[must_use]
pub fn language_in(text: &str) -> Option<Language> {
    match household_text(text, "language")?.as_str() {
        "es" => Some(Language::Es),
        "en" => Some(Language::En),
        _ => None,
    }
}

/// Whether a text names the household's time zone.
#[must_use]
pub fn names_zone(text: &str) -> bool {
    household_text(text, "timezone").is_some()
}

fn household_text(text: &str, key: &str) -> Option<String> {
    let (document, _) = toml::de::DeTable::parse_recoverable(text);
    let household = document.get_ref().get("household")?;
    let value = household.get_ref().as_table()?.get(key)?.get_ref().as_str()?;
    Some(value.to_owned())
}

/// Where this user's config file is looked for when none is named.
#[must_use]
pub fn usual_place() -> PathBuf {
    usual_file(is_root(), &environment).unwrap_or_else(|| PathBuf::from(FILE_OF_ROOT))
}

fn named_file(explicit: Option<&Path>, environment: Environment<'_>) -> Option<PathBuf> {
    explicit
        .map(Path::to_path_buf)
        .or_else(|| filled("AMPARO_CONFIG", environment).map(PathBuf::from))
}

fn usual_file(root: bool, environment: Environment<'_>) -> Option<PathBuf> {
    if root {
        return Some(PathBuf::from(FILE_OF_ROOT));
    }
    Some(PathBuf::from(filled("HOME", environment)?).join(".config/amparo/amparo.toml"))
}

fn usual_state(root: bool, environment: Environment<'_>) -> PathBuf {
    if root {
        return PathBuf::from(STATE_OF_ROOT);
    }
    let xdg = filled("XDG_STATE_HOME", environment).map(PathBuf::from);
    xdg.or_else(|| Some(PathBuf::from(filled("HOME", environment)?).join(".local/state")))
        .map_or_else(|| PathBuf::from(STATE_OF_ROOT), |home| home.join("amparo"))
}

fn language(environment: Environment<'_>) -> Language {
    ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .find_map(|variable| filled(variable, environment))
        .map_or(Language::En, |locale| Language::of_locale(&locale.to_string_lossy()))
}

fn filled(variable: &str, environment: Environment<'_>) -> Option<OsString> {
    environment(variable).filter(|value| !value.is_empty())
}

fn environment(variable: &str) -> Option<OsString> {
    std::env::var_os(variable)
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<'a>(rows: &'a [(&str, &str)]) -> impl Fn(&str) -> Option<OsString> + 'a {
        |asked| rows.iter().find(|(name, _)| *name == asked).map(|(_, value)| value.into())
    }

    #[test]
    fn the_file_given_comes_before_the_variable_and_that_before_the_usual_place() {
        let rows = [("AMPARO_CONFIG", "/b.toml"), ("HOME", "/home/ana")];
        let environment = with(&rows);
        assert_eq!(named_file(Some(Path::new("/a.toml")), &environment), Some("/a.toml".into()));
        assert_eq!(named_file(None, &environment), Some("/b.toml".into()));
        assert_eq!(named_file(None, &with(&[("AMPARO_CONFIG", "")])), None);
        assert_eq!(usual_file(true, &environment), Some(FILE_OF_ROOT.into()));
        let home = Some("/home/ana/.config/amparo/amparo.toml".into());
        assert_eq!(usual_file(false, &environment), home);
        assert_eq!(usual_file(false, &with(&[])), None);
    }

    #[test]
    fn state_lives_where_the_system_keeps_state() {
        let home = ("HOME", "/home/ana");
        assert_eq!(usual_state(true, &with(&[home])), Path::new("/var/lib/amparo"));
        let both = [("XDG_STATE_HOME", "/state"), home];
        assert_eq!(usual_state(false, &with(&both)), Path::new("/state/amparo"));
        assert_eq!(usual_state(false, &with(&[home])), Path::new("/home/ana/.local/state/amparo"));
    }

    #[test]
    fn the_first_locale_that_is_set_chooses_the_language() {
        assert_eq!(language(&with(&[("LANG", "es_GT.UTF-8")])), Language::Es);
        assert_eq!(language(&with(&[("LC_ALL", "C"), ("LANG", "es_GT.UTF-8")])), Language::En);
        assert_eq!(language(&with(&[])), Language::En);
    }
}
