mod profile;

use std::fs::{self, File, Permissions};
use std::io::{self, Read as _, Write};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::columns::write_below;
use super::init::own_address;
use super::log::printable;
use super::{App, Failure, moments, print_json};
use crate::clients::{Address, ClientId};
use crate::config::suggest::nearest;
use crate::config::{Config, EncryptedSettings};
use crate::inspect;
use crate::name::Name;
use crate::policy::rules::{Household, Subject, SubjectKind};
use crate::words::{Language, setup as say};
use profile::{Profile, Reach};

/// The mode of a profile: nothing in it is secret, and another account may send it on.
const FILE_MODE: u32 = 0o644;
/// How much of a file is read to see whether it is a profile of ours: more than one ever has.
const PROFILE_OCTETS_MAX: u64 = 64 * 1024;
/// The longest name of a Wi-Fi, in octets (IEEE 802.11, the SSID element).
const WIFI_OCTETS_MAX: usize = 32;
/// What to write where nothing is set up.
const EXAMPLE: &str = "
  [dns.encrypted]
  certificate = \"/etc/amparo/cert.pem\"
  private_key = \"/etc/amparo/key.pem\"
  hostname    = \"dns.example.org\"
  tls         = [\"0.0.0.0:853\", \"[::]:853\"]
  https       = [\"0.0.0.0:443\", \"[::]:443\"]";

/// Show what to set on somebody's phone or computer so that it asks encrypted, by its own name
///
/// Needs `[dns.encrypted]` with a `hostname`: docs/encrypted/README.md. The device then tells whose
/// it is with each question, whatever hardware address it makes up.
#[derive(Debug, clap::Args)]
pub(super) struct DeviceSetup {
    /// A child's or adult's id or name, or a device's id: what follows `id:` in `devices`
    id: String,
    /// Write a profile for iPhone, iPad and Mac into this file (NAME.mobileconfig)
    #[arg(long, value_name = "FILE")]
    apple: Option<PathBuf>,
    /// Have the profile hold on this Wi-Fi only; as often as needed
    #[arg(long, value_name = "NAME", requires = "apple")]
    wifi: Vec<String>,
    /// One line of JSON
    #[arg(long)]
    json: bool,
}

/// Where a device asks. A port is named only where it is not the usual one.
#[derive(Debug, Serialize)]
struct Setup<'a> {
    v: u32,
    id: &'a str,
    /// Whose it is, or will be; none: nobody's.
    person: Option<&'a str>,
    /// For DNS over TLS.
    tls_name: Option<String>,
    /// For DNS over HTTPS.
    https_url: Option<String>,
    /// For DNS over QUIC.
    quic_name: Option<String>,
    /// Whether somebody has the id in `devices`.
    listed: bool,
}

/// What became of the file of the profile.
enum Written<'a> {
    New(&'a Path),
    Replaced(&'a Path),
}

impl DeviceSetup {
    pub(super) fn run(self, app: &App) -> Result<(), Failure> {
        let found = app.found()?;
        let config = &found.checked.config;
        let language = config.household.language;
        let (encrypted, hostname) = served(config)?;
        let (id, person, listed) = meant(config, &self.id)?;
        let setup = Setup::new(encrypted, hostname, &id, person, listed);
        let written = match &self.apple {
            Some(path) => Some(self.write(path, &setup, encrypted, hostname, &config.household)?),
            None => None,
        };
        let mut out = io::stdout().lock();
        if self.json {
            return print_json(&mut out, &setup);
        }
        let who = person.map(|subject| printable(&subject.label).into_owned());
        let sheet = Sheet {
            setup: &setup,
            encrypted,
            hostname,
            who: who.as_deref(),
            near: if listed || person.is_some() { None } else { near(config, id.as_str()) },
            kind: person.map(|subject| subject.kind),
            wifi: &self.wifi,
            written,
            language,
        };
        Ok(sheet.print(&mut out)?)
    }

    /// Writes the profile for Apple's devices.
    fn write<'a>(
        &self,
        path: &'a Path,
        setup: &Setup<'_>,
        encrypted: &EncryptedSettings,
        hostname: &Name,
        household: &Household,
    ) -> Result<Written<'a>, Failure> {
        let language = household.language;
        let is_wifi = |name: &String| {
            (1..=WIFI_OCTETS_MAX).contains(&name.len()) && !name.chars().any(char::is_control)
        };
        if !self.wifi.iter().all(is_wifi) {
            return Err(Failure::usage(say::BAD_WIFI.in_language(language)));
        }
        let Some(reach) = setup.for_apple(encrypted) else {
            return Err(Failure::failed(say::APPLE_NEEDS.in_language(language))
                .hint(say::APPLE_NEEDS_HINT.in_language(language)));
        };
        let hostname = hostname.to_string();
        let who =
            setup.person.map_or_else(|| setup.id.to_owned(), |id| inspect::label(household, id));
        let profile = Profile {
            id: setup.id,
            hostname: &hostname,
            reach,
            wifi: &self.wifi,
            name: &say::PROFILE_NAME.fill(language, "", &who),
            text: &say::PROFILE_TEXT.fill(language, &hostname, ""),
        };
        put(path, &profile.to_string(), language)
    }
}

/// Where encrypted questions come in, and by which name.
fn served(config: &Config) -> Result<(&EncryptedSettings, &Name), Failure> {
    let language = config.household.language;
    let Some(encrypted) = config.dns.encrypted.as_deref() else {
        let hint = format!("{}\n{EXAMPLE}", say::NO_LISTENER_HINT.in_language(language));
        return Err(Failure::failed(say::NO_LISTENER.in_language(language)).hint(hint));
    };
    let Some(hostname) = &encrypted.hostname else {
        return Err(Failure::failed(say::NO_HOSTNAME.in_language(language))
            .hint(say::NO_HOSTNAME_HINT.in_language(language)));
    };
    Ok((encrypted, hostname))
}

/// The id that is meant, whose it is or will be, and whether somebody has it.
fn meant<'a>(
    config: &'a Config,
    text: &str,
) -> Result<(ClientId, Option<&'a Subject>, bool), Failure> {
    let household = &config.household;
    let text = text.trim();
    let bare = text.strip_prefix("id:");
    let subject = |place: usize| {
        household.subjects.get(place).filter(|subject| subject.kind != SubjectKind::Unknown)
    };
    // Who writes `id:` means the device, and nobody by name.
    let named = match bare {
        Some(_) => None,
        None => inspect::person(household, text).ok().and_then(|id| subject(id.0.into())),
    };
    let bare = bare.unwrap_or(text);
    let id = named.map_or(bare, |subject| &subject.id);
    let is_address = id.parse::<IpAddr>().is_ok();
    let id = ClientId::new(id).filter(|_| !is_address).ok_or_else(|| {
        let shown = moments::shown(text);
        Failure::usage(say::BAD_ID.fill(household.language, &shown, ""))
    })?;
    let rule = config.devices.iter().find(|rule| rule.address == Address::Id(id));
    let owner = rule.and_then(|rule| subject(rule.subject.0.into()));
    Ok((id, owner.or(named), rule.is_some()))
}

/// Whom or what an id that nobody has may have been meant for.
fn near<'a>(config: &'a Config, id: &str) -> Option<&'a str> {
    let people = config.household.subjects.iter();
    let people = people.filter(|subject| subject.kind != SubjectKind::Unknown);
    let ids = config.devices.iter().filter_map(|rule| match &rule.address {
        Address::Id(id) => Some(id.as_str()),
        Address::Mac(_) | Address::Net(..) | Address::Host(_) => None,
    });
    nearest(id, people.map(|subject| subject.id.as_str()).chain(ids))
}

/// The port at which a device reaches one of these places: the usual one where it can.
fn port(places: &[SocketAddr], usual: u16) -> Option<u16> {
    let first = places.first()?.port();
    let is_usual = places.iter().any(|place| place.port() == usual);
    Some(if is_usual { usual } else { first })
}

/// A name with its port, where that is not the usual one.
fn at(name: &str, port: u16, usual: u16) -> String {
    if port == usual { name.to_owned() } else { format!("{name}:{port}") }
}

/// Puts a profile into its file, whole or not at all; what others wrote stays.
fn put<'a>(path: &'a Path, text: &str, language: Language) -> Result<Written<'a>, Failure> {
    let shown = printable(&path.display().to_string()).into_owned();
    let failed = |error: &io::Error| {
        Failure::failed(say::CANNOT_WRITE.fill(language, &shown, &error.to_string()))
    };
    let not_ours = || {
        Failure::failed(say::NOT_OURS.fill(language, &shown, ""))
            .hint(say::NOT_OURS_HINT.in_language(language))
    };
    let is_there = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_file() && is_ours(path) => true,
        Ok(_) => return Err(not_ours()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(failed(&error)),
    };
    let directory = match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        Some(_) | None => Path::new("."),
    };
    let write = || {
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        file.write_all(text.as_bytes())?;
        file.as_file().set_permissions(Permissions::from_mode(FILE_MODE))?;
        file.as_file().sync_all()?;
        let put = if is_there { file.persist(path) } else { file.persist_noclobber(path) };
        put.map_err(|error| error.error)
    };
    write().map_err(|error: io::Error| {
        let is_taken = error.kind() == io::ErrorKind::AlreadyExists;
        if is_taken { not_ours() } else { failed(&error) }
    })?;
    Ok(if is_there { Written::Replaced(path) } else { Written::New(path) })
}

/// Whether a file is a profile that we wrote.
fn is_ours(path: &Path) -> bool {
    let mut text = String::new();
    let file = File::open(path);
    let read = file.and_then(|file| file.take(PROFILE_OCTETS_MAX).read_to_string(&mut text));
    read.is_ok() && profile::is_ours(&text)
}

// === impl Setup ===

impl<'a> Setup<'a> {
    fn new(
        encrypted: &EncryptedSettings,
        hostname: &Name,
        id: &'a ClientId,
        person: Option<&'a Subject>,
        listed: bool,
    ) -> Self {
        let (tls, https) = (EncryptedSettings::PORT_TLS, EncryptedSettings::PORT_HTTPS);
        let id = id.as_str();
        let name = label(id).and_then(|label| hostname.child(label)).map(|name| name.to_string());
        let named = |places: &[SocketAddr]| {
            name.as_deref().zip(port(places, tls)).map(|(name, port)| at(name, port, tls))
        };
        let https_url = port(&encrypted.https, https).map(|port| {
            format!("https://{}/dns-query/{id}", at(&hostname.to_string(), port, https))
        });
        Setup {
            v: inspect::JSON_VERSION,
            id,
            person: person.map(|subject| subject.id.as_str()),
            tls_name: named(&encrypted.tls),
            https_url,
            quic_name: named(&encrypted.quic),
            listed,
        }
    }

    /// How Apple's devices ask; none where they cannot: over TLS they know the usual port only.
    fn for_apple(&self, encrypted: &EncryptedSettings) -> Option<Reach<'_>> {
        let https = self.https_url.as_deref().map(Reach::Https);
        let usual = EncryptedSettings::PORT_TLS;
        let tls = || {
            let name =
                self.tls_name.as_deref().filter(|_| port(&encrypted.tls, usual) == Some(usual));
            name.map(Reach::Tls)
        };
        https.or_else(tls)
    }
}

/// An id as a label of a name that certificates and devices take: letters, digits and `-`, which
/// begins and ends nothing (RFC 5890 §2.3.1). A wildcard stands for one label (RFC 9525 §6.3).
fn label(id: &str) -> Option<&[u8]> {
    let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
    let is_label = id.bytes().all(is_plain) && !id.starts_with('-') && !id.ends_with('-');
    is_label.then_some(id.as_bytes())
}

// === The sheet ===

/// What a person reads, one kind of device below the other.
struct Sheet<'a> {
    setup: &'a Setup<'a>,
    encrypted: &'a EncryptedSettings,
    hostname: &'a Name,
    /// What the person is called.
    who: Option<&'a str>,
    /// Whom or what an id of nobody's may have been meant for.
    near: Option<&'a str>,
    kind: Option<SubjectKind>,
    wifi: &'a [String],
    written: Option<Written<'a>>,
    language: Language,
}

impl Sheet<'_> {
    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        let (id, language) = (self.setup.id, self.language);
        let head = match self.who {
            Some(who) => say::HEAD.fill(language, id, who),
            None => say::HEAD_NOBODYS.fill(language, id, ""),
        };
        write_below(out, 0, &head)?;
        if !self.setup.listed {
            self.unlisted(out)?;
        }
        self.android(out)?;
        self.apple(out)?;
        self.browsers(out)?;
        self.others(out)?;
        writeln!(out)?;
        write_below(out, 0, &say::CERTIFICATE.fill(language, &self.names(), ""))?;
        write_below(out, 0, say::AWAY.in_language(language))
    }

    /// How somebody gets the id.
    fn unlisted(&self, out: &mut dyn Write) -> io::Result<()> {
        let (id, language) = (self.setup.id, self.language);
        writeln!(out)?;
        let mut text = say::UNLISTED.fill(language, id, "");
        if let Some(near) = self.near {
            text = format!("{text} {}", say::NEAR.fill(language, near, ""));
        }
        write_below(out, 0, &text)?;
        write_below(out, 0, say::SAY_WHOSE.in_language(language))?;
        let who = self.setup.person.unwrap_or(say::SOMEBODY.in_language(language));
        value(out, &format!("amparo devices assign id:{id} {who}"))?;
        let kind = if self.kind == Some(SubjectKind::Adult) { "adult" } else { "child" };
        write_below(out, 0, &say::OR_IN_FILE.fill(language, &format!("[{kind}.{who}]"), ""))?;
        value(out, &format!("devices = [..., \"id:{id}\"]"))
    }

    fn android(&self, out: &mut dyn Write) -> io::Result<()> {
        let language = self.language;
        let usual = EncryptedSettings::PORT_TLS;
        writeln!(out, "\nAndroid")?;
        match (&self.setup.tls_name, port(&self.encrypted.tls, usual)) {
            (Some(name), Some(port)) if port == usual => {
                write_below(out, 2, say::ANDROID.in_language(language))?;
                value(out, name)
            }
            (_, None) => write_below(out, 2, say::ANDROID_NEEDS_TLS.in_language(language)),
            (Some(_), Some(_)) => {
                write_below(out, 2, &say::ANDROID_PORT.fill(language, &usual.to_string(), ""))
            }
            (None, Some(_)) => {
                write_below(out, 2, &say::NO_LABEL.fill(language, self.setup.id, ""))
            }
        }
    }

    fn apple(&self, out: &mut dyn Write) -> io::Result<()> {
        let (id, language) = (self.setup.id, self.language);
        writeln!(out, "\niPhone, iPad, Mac")?;
        if self.setup.for_apple(self.encrypted).is_none() {
            let text = say::APPLE_NEEDS.in_language(language);
            return write_below(out, 2, text);
        }
        let shown = |path: &Path| printable(&path.display().to_string()).into_owned();
        match &self.written {
            Some(Written::New(path)) => {
                write_below(out, 2, &say::APPLE_WRITTEN.fill(language, &shown(path), ""))?;
            }
            Some(Written::Replaced(path)) => {
                write_below(out, 2, &say::APPLE_REPLACED.fill(language, &shown(path), ""))?;
            }
            None => {
                write_below(out, 2, say::APPLE_FIRST.in_language(language))?;
                value(out, &format!("amparo device-setup {id} --apple {id}.mobileconfig"))?;
            }
        }
        write_below(out, 2, say::APPLE_THEN.in_language(language))?;
        if self.wifi.is_empty() {
            return write_below(out, 2, say::APPLE_EVERYWHERE.in_language(language));
        }
        let wifi = printable(&self.wifi.join(", ")).into_owned();
        write_below(out, 2, &say::APPLE_WIFI.fill(language, &wifi, ""))
    }

    fn browsers(&self, out: &mut dyn Write) -> io::Result<()> {
        let language = self.language;
        let Some(url) = &self.setup.https_url else { return Ok(()) };
        writeln!(out, "\n{}", say::BROWSERS.in_language(language))?;
        write_below(out, 2, say::FIREFOX.in_language(language))?;
        write_below(out, 2, say::CHROME.in_language(language))?;
        value(out, url)?;
        let address = house_address(&self.encrypted.https).map(|address| address.to_string());
        let address = address.as_deref().unwrap_or(say::THIS_MACHINE.in_language(language));
        writeln!(out, "\nWindows 11")?;
        write_below(out, 2, &say::WINDOWS.fill(language, address, ""))?;
        value(out, url)
    }

    fn others(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "\n{}", say::OTHERS.in_language(self.language))?;
        let rows = [
            ("DNS over TLS   ", &self.setup.tls_name),
            ("DNS over HTTPS ", &self.setup.https_url),
            ("DNS over QUIC  ", &self.setup.quic_name),
        ];
        for (what, name) in rows {
            if let Some(name) = name {
                writeln!(out, "  {what} {name}")?;
            }
        }
        Ok(())
    }

    /// What the certificate must be for.
    fn names(&self) -> String {
        let hostname = self.hostname;
        if self.setup.tls_name.is_none() && self.setup.quic_name.is_none() {
            return hostname.to_string();
        }
        format!("{hostname} {} *.{hostname}", say::AND.in_language(self.language))
    }
}

/// Something to be copied: on a line of its own, never broken.
fn value(out: &mut dyn Write, text: &str) -> io::Result<()> {
    writeln!(out, "      {text}")
}

/// The address by which devices reach one of these places.
fn house_address(places: &[SocketAddr]) -> Option<IpAddr> {
    let mut addresses = places.iter().map(SocketAddr::ip);
    let named = addresses.find(|address| !address.is_unspecified() && !address.is_loopback());
    named.or_else(own_address)
}

#[cfg(test)]
mod tests;
