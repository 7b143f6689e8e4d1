//! `amparo init`: a first config file, by questions or by flags.

mod talk;

use std::fs::Permissions;
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

use super::columns::write_below;
use super::{App, Failure};
use crate::clients::neighbours::Seen;
use crate::clients::{Hosts, Leases, Neighbours};
use crate::clock::Clock;
use crate::config::draft::{self, Draft};
use crate::config::{self, System};
use crate::inspect;
use crate::words::{Language, Sentence, Words, init as words};
use talk::{Stopped, Talk};

/// The mode of the file: no secret is in it, and who runs amparo must be able to read it.
const FILE_MODE: u32 = 0o644;
/// The mode of its directory, where we make it.
const DIRECTORY_MODE: u32 = 0o755;
/// Which country a zone is in, where the system has the table (tz database).
const ZONE_TABLE: &str = "/usr/share/zoneinfo/zone.tab";
/// The name that is always closed.
const TEST_NAME: &str = "blocked.amparo.test";

/// Write a first config file, with questions to answer
///
/// Asks for the language, the time zone, the children with their ages, devices and bedtimes, and
/// the adults; shows the file, and writes it where amparo looks for it. An existing file is never
/// touched. What a flag says is not asked. With `--yes` nothing is asked:
///
/// amparo init --yes --language en --timezone America/Guatemala --country GT
/// --child sofía:9:20:30-06:30 --child mateo:14 --device sofia=3c:22:fb:12:34:56 --adult ana
#[derive(clap::Args)]
pub(super) struct Init {
    /// The language of the family: es or en
    #[arg(long, value_name = "LANGUAGE")]
    language: Option<String>,
    /// Its time zone, by its IANA name or its city
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// Its country, by two letters
    #[arg(long, value_name = "COUNTRY")]
    country: Option<String>,
    /// A child: NAME:AGE, or NAME:AGE:BEDTIME with a bedtime such as 20:30-06:30; as often as needed
    #[arg(long, value_name = "NAME:AGE[:BEDTIME]")]
    child: Vec<String>,
    /// An adult's name; as often as needed
    #[arg(long, value_name = "NAME")]
    adult: Vec<String>,
    /// Somebody's device: WHO=ADDRESS, with the name or id of a `--child` or `--adult`, and a
    /// hardware address, an address or a range, several with commas; as often as needed
    #[arg(long, value_name = "WHO=ADDRESS")]
    device: Vec<String>,
    /// Ask nothing: what no flag says is left to its default
    #[arg(long)]
    yes: bool,
}

impl Init {
    pub(super) fn run(self, app: &App) -> Result<(), Failure> {
        let system = System::detect();
        let path = config::find_file(app.place.config.as_deref());
        let path = path.unwrap_or_else(config::usual_place);
        let language =
            match &self.language {
                Some(text) => Some(language(text).ok_or_else(|| {
                    Failure::usage(words::BAD_LANGUAGE.in_language(system.language))
                })?),
                None => None,
            };
        let speaks = language.unwrap_or(system.language);
        if path.symlink_metadata().is_ok() {
            return Err(exists(&path, speaks));
        }
        let mut draft = self.draft(language, &system)?;
        if !self.yes {
            let (input, out) = (io::stdin().lock(), io::stdout().lock());
            let mut talk = Talk::new(input, out, speaks);
            if !self.ask(&mut talk, &mut draft, language.is_none(), &system, &path)? {
                return Ok(());
            }
        }
        let language = draft.language;
        write(&path, &draft.text()).map_err(|error| {
            if error.kind() == io::ErrorKind::AlreadyExists && path.symlink_metadata().is_ok() {
                return exists(&path, language);
            }
            let path = path.display().to_string();
            Failure::failed(words::CANNOT_WRITE.fill(language, &path, &error.to_string()))
                .hint(words::CANNOT_WRITE_HINT.in_language(language))
        })?;
        next(&mut io::stdout().lock(), &path, &draft, app.place.config.is_some())?;
        Ok(())
    }

    /// What the flags say.
    fn draft(&self, language: Option<Language>, system: &System) -> Result<Draft, Failure> {
        let mut draft = Draft::new(language.unwrap_or(system.language));
        let language = draft.language;
        let wrong = |sentence: &Sentence, what: &str, who: &str| {
            Failure::usage(sentence.fill(language, &shown(what), who))
        };
        draft.timezone = match &self.timezone {
            Some(text) => Some(draft::zone(text).map_err(|near| {
                let (sentence, near) = bad_zone(near.as_deref());
                wrong(sentence, text, near)
            })?),
            None if self.yes => system.zone_name.clone().filter(|name| !is_nowhere(name)),
            None => None,
        };
        if let Some(text) = &self.country {
            let country = draft::country(text);
            draft.country = Some(country.ok_or_else(|| wrong(&words::BAD_COUNTRY, text, ""))?);
        }
        let too_many = || wrong(&words::TOO_MANY_PEOPLE, &draft::PEOPLE_MAX.to_string(), "");
        for text in &self.child {
            let bad = || wrong(&words::BAD_CHILD_FLAG, text, "");
            let mut parts = text.splitn(3, ':');
            let name = parts.next().and_then(draft::name).ok_or_else(bad)?;
            let age = parts.next().and_then(draft::age).ok_or_else(bad)?;
            let place = draft.add(&name, Some(age)).ok_or_else(too_many)?;
            if let Some(bedtime) = parts.next() {
                draft.set_bedtime(place, draft::bedtime(bedtime).ok_or_else(bad)?);
            }
        }
        for text in &self.adult {
            let bad = || wrong(&words::BAD_NAME, &draft::NAME_LETTERS_MAX.to_string(), "");
            let name = draft::name(text).ok_or_else(bad)?;
            draft.add(&name, None).ok_or_else(too_many)?;
        }
        for text in &self.device {
            let (who, devices) =
                text.split_once('=').ok_or_else(|| wrong(&words::BAD_DEVICE_FLAG, text, ""))?;
            let place = draft.find(who).ok_or_else(|| {
                let all = draft.ids().collect::<Vec<_>>().join(", ");
                wrong(&words::NOBODY, text, if all.is_empty() { "–" } else { &all })
            })?;
            for device in devices.split(',') {
                draft.add_device(place, device).map_err(|why| {
                    Failure::usage(talk::no_device(&why, &shown(device), language))
                })?;
            }
        }
        Ok(draft)
    }

    /// Asks for what no flag says, shows the file, and asks whether to write it.
    fn ask<I: io::BufRead, O: io::Write>(
        &self,
        talk: &mut Talk<I, O>,
        draft: &mut Draft,
        asks_language: bool,
        system: &System,
        path: &Path,
    ) -> Result<bool, Failure> {
        let stopped = |stopped: Stopped, language: Language| match stopped {
            Stopped::Out(error) => Failure::from(error),
            Stopped::End => Failure::failed(words::STOPPED.in_language(language)),
            Stopped::TooOften => Failure::failed(words::TOO_OFTEN.in_language(language)),
        };
        let hosts = Hosts::default();
        Leases::new(&[]).look(&hosts, Clock::System.now());
        let plan = talk::Plan {
            language: asks_language.then_some(system.language),
            zone: self.timezone.is_none(),
            system_zone: system.zone_name.clone().filter(|name| !is_nowhere(name)),
            country: self.country.is_none(),
            country_of: &|zone| {
                country_of(zone, &std::fs::read_to_string(ZONE_TABLE).unwrap_or_default())
            },
            children: self.child.is_empty(),
            adults: self.adult.is_empty(),
            seen: &Neighbours::start().0.seen(),
            describe: &|seen, language| describe(&hosts, seen, language),
        };
        talk.family(draft, &plan).map_err(|why| stopped(why, talk.language()))?;
        talk.confirm(draft, &path.display().to_string())
            .map_err(|why| stopped(why, talk.language()))
    }
}

/// `es`, `en`, or what people call them.
fn language(text: &str) -> Option<Language> {
    match text.trim().to_lowercase().as_str() {
        "es" | "español" | "espanol" | "spanish" => Some(Language::Es),
        "en" | "inglés" | "ingles" | "english" => Some(Language::En),
        _ => None,
    }
}

/// A zone that nobody lives in: the machine was never told where it is.
fn is_nowhere(zone: &str) -> bool {
    ["UTC", "GMT", "Etc/UTC", "Etc/GMT", "Etc/Unknown"].contains(&zone)
}

fn bad_zone(near: Option<&str>) -> (&'static Sentence, &str) {
    match near {
        Some(near) => (&words::BAD_ZONE_NEAR, near),
        None => (&words::BAD_ZONE, ""),
    }
}

/// What somebody wrote, short and safe to print.
fn shown(text: &str) -> String {
    super::moments::shown(text)
}

fn exists(path: &Path, language: Language) -> Failure {
    let path = path.display().to_string();
    Failure::failed(words::EXISTS.fill(language, &path, ""))
        .hint(words::EXISTS_HINT.fill(language, &path, ""))
}

/// What is known of a device that is on the network now: what it calls itself, who made it, and
/// whether its hardware address may change.
fn describe(hosts: &Hosts, seen: &Seen, language: Language) -> String {
    let host = seen.addresses.first().and_then(|&address| hosts.of(address, Some(seen.mac)));
    let made = inspect::maker(seen.mac);
    let changes = seen.mac.is_random().then(|| words::ADDRESS_CHANGES.in_language(language));
    let known = host.map(|host| host.to_string()).into_iter().chain(made);
    known.chain(changes.map(str::to_owned)).collect::<Vec<_>>().join(", ")
}

/// The country in which a zone is, by the system's table: `GT +1438-09031 America/Guatemala`.
fn country_of(zone: &str, table: &str) -> Option<String> {
    let line = table
        .lines()
        .filter(|line| !line.starts_with('#'))
        .find(|line| line.split('\t').nth(2).is_some_and(|name| name == zone));
    line.and_then(|line| draft::country(line.split('\t').next()?))
}

/// Writes a new file, whole or not at all; one that is there stays.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let directory = match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        Some(_) | None => Path::new("."),
    };
    std::fs::DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(directory)?;
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(Permissions::from_mode(FILE_MODE))?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    // The file is in place; a directory that cannot be flushed is no reason to say it is not.
    let _is_flushed = std::fs::File::open(directory).and_then(|directory| directory.sync_all());
    Ok(())
}

/// What comes next.
fn next(out: &mut dyn io::Write, path: &Path, draft: &Draft, is_named: bool) -> io::Result<()> {
    let language = draft.language;
    let say = |words: &'static Words| words.in_language(language);
    let shown = path.display().to_string();
    writeln!(out, "\n{}\n\n{}", words::WRITTEN.fill(language, &shown, ""), say(&words::NEXT))?;
    // Whoever named the file names it again.
    let named = if is_named { format!(" --config {shown}") } else { String::new() };
    let rows = [
        (format!("amparo check{named}"), say(&words::NEXT_CHECK)),
        (format!("amparo doctor{named}"), say(&words::NEXT_DOCTOR)),
        (format!("amparo{named}"), say(&words::NEXT_RUN)),
    ];
    let widest = rows.iter().map(|(line, _)| super::columns::width(line)).max().unwrap_or(0);
    for (line, meaning) in &rows {
        if is_named {
            writeln!(out, "  {line}")?;
            write_below(out, 6, meaning)?;
        } else {
            writeln!(out, "  {line:<widest$}  {meaning}")?;
        }
    }
    let own = own_address().map(|own| own.to_string());
    let own = own.as_deref();
    let router = own.unwrap_or_else(|| say(&words::THIS_MACHINE));
    writeln!(out)?;
    write_below(out, 2, &words::NEXT_ROUTER.fill(language, router, ""))?;
    write_below(out, 2, &words::NEXT_TEST.fill(language, TEST_NAME, ""))?;
    writeln!(out, "      dig @{} {TEST_NAME}", own.unwrap_or("127.0.0.1"))
}

/// The address by which the house knows this machine, most likely.
pub(super) fn own_address() -> Option<IpAddr> {
    let interfaces = nix::ifaddrs::getifaddrs().ok()?;
    let mut addresses = interfaces.filter_map(|interface| {
        let address = interface.address?;
        address.as_sockaddr_in().map(nix::sys::socket::SockaddrIn::ip)
    });
    addresses.find(std::net::Ipv4Addr::is_private).map(IpAddr::from)
}

#[cfg(test)]
mod tests {
    use super::super::changes::tests::{parsed, usage};
    use super::*;
    use crate::clients::{Lease, Mac};

    fn of_flags(arguments: &str) -> Result<Draft, Failure> {
        let init = parsed::<Init>(arguments).unwrap();
        let language = init.language.as_deref().and_then(language);
        let zone_name = Some("UTC".to_owned());
        let system = System { language: Language::En, zone: jiff::tz::TimeZone::UTC, zone_name };
        init.draft(language, &system)
    }

    #[test]
    fn flags_say_it_all() {
        let draft = of_flags(
            "--yes --language es --timezone guatemala --country gt --child Sofía:9:20:30-06:30 \
             --child mateo:14 --device Sofía=3c:22:fb:12:34:56,192.168.1.42 --adult ana \
             --device ana=192.168.1.10",
        );
        let text = draft.unwrap().text();
        for line in [
            "language = \"es\"",
            "timezone = \"America/Guatemala\"",
            "country = \"GT\"",
            "[child.sofia]\nname = \"Sofía\"\nage = 9",
            "devices = [\"3c:22:fb:12:34:56\", \"192.168.1.42\"]",
            "bedtime = \"20:30-06:30\"",
            "[child.mateo]\nage = 14",
            "[adult.ana]\ndevices = [\"192.168.1.10\"]",
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
    }

    #[test]
    fn a_flag_that_is_wrong_says_what_to_write() {
        let said = |arguments| usage(of_flags(arguments));
        assert!(said("--child mateo").contains("NAME:AGE"));
        assert!(said("--child ana:30").contains("NAME:AGE"));
        assert!(said("--child mateo:14:late").contains("NAME:AGE"));
        assert!(said("--timezone America/Guatemla").contains("America/Guatemala?"));
        assert!(said("--country Guatemala").contains("two letters"));
        assert!(said("--device sofia=192.168.1.2").contains("there are: –"));
        assert!(said("--adult ana --device ana").contains("WHO=ADDRESS"));
        assert!(said("--adult ana --device ana=tablet").contains("is no device"));
        let taken = "--adult ana --adult leo --device ana=192.168.1.2 --device leo=192.168.1.2";
        assert!(said(taken).contains("is Ana's already"));
    }

    #[test]
    fn a_machine_that_was_never_told_where_it_is_names_no_zone() {
        assert_eq!(of_flags("--yes").unwrap().timezone, None);
    }

    #[test]
    fn a_device_is_told_by_its_name_its_maker_and_what_may_change() {
        let hosts = Hosts::default();
        let seen = |mac| Seen { mac, addresses: vec![IpAddr::from([10, 0, 0, 9])], awake: None };
        let (real, made_up) = (Mac([0x3c, 0x22, 0xfb, 1, 2, 3]), Mac([2, 0, 0, 0, 0, 1]));
        assert_eq!(describe(&hosts, &seen(real), Language::En), "Apple");
        let changes = "private address: it may change";
        assert_eq!(describe(&hosts, &seen(made_up), Language::En), changes);
        let (address, host) = (Some([10, 0, 0, 9].into()), Some("sofia-tablet".to_owned()));
        let lease = Lease { address, mac: Some(made_up), host, until: None };
        hosts.set_leases(&[lease], jiff::Timestamp::UNIX_EPOCH);
        let told = describe(&hosts, &seen(made_up), Language::En);
        assert_eq!(told, format!("sofia-tablet, {changes}"));
    }

    #[test]
    fn the_country_of_a_zone_is_the_tables() {
        let table = "# comment\nGT\t+1438-09031\tAmerica/Guatemala\nXX\n";
        assert_eq!(country_of("America/Guatemala", table).as_deref(), Some("GT"));
        assert_eq!(country_of("Mars/Olympus", table), None);
    }

    #[test]
    fn a_file_that_is_there_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new/amparo.toml");
        write(&path, "one").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, FILE_MODE);
        let again = write(&path, "two").unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
