//! A first config file: what a family says at the beginning, as a text with comments.
//!
//! Pure. [`Draft::text`] writes it in the family's language; whatever was taken into a draft, that
//! text passes [`load`](super::load). What people write is read here too, by the same elements as
//! the file; what is said when it is wrong is the caller's.

use std::fmt::Write as _;

use jiff::tz::TimeZone;

use super::context::Context;
use super::elements;
use super::settings_check::suggest_zone;
use crate::words::{self, Language, Words, init};

/// The longest name of a person, in letters: it stands in tables.
pub const NAME_LETTERS_MAX: usize = 40;
/// The most people: a school writes its file by hand.
pub const PEOPLE_MAX: usize = 50;
/// The most devices of one person.
pub const DEVICES_MAX: usize = 50;
/// The ages of children, the oldest included.
pub const AGE_MAX: u8 = 17;
/// Where the comment behind a value begins, in columns.
const COMMENT_COLUMN: usize = 36;

/// What a family said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Its language, also that of the comments.
    pub language: Language,
    /// Its time zone, as [`zone`] gives it; none: the system's.
    pub timezone: Option<String>,
    /// Its country, as [`country`] gives it.
    pub country: Option<String>,
    people: Vec<Person>,
}

/// Somebody of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The id: made of the name.
    id: String,
    name: String,
    /// None: an adult.
    age: Option<u8>,
    /// As [`bedtime`] gives it.
    bedtime: Option<String>,
    devices: Vec<String>,
}

/// Why a device cannot be somebody's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoDevice {
    /// It is none.
    Unknown,
    /// It is somebody's already: the name.
    Taken(String),
    /// There are too many.
    TooMany,
}

// === What people write ===

/// A person's name without what nobody sees; none when nothing is left, or it is too long.
#[must_use]
pub fn name(text: &str) -> Option<String> {
    let name = Context::shown(text)?;
    (name.chars().count() <= NAME_LETTERS_MAX).then_some(name)
}

/// A child's age in years; none from 18 on, and for what is no number.
#[must_use]
pub fn age(text: &str) -> Option<u8> {
    text.trim().parse().ok().filter(|age| *age <= AGE_MAX)
}

/// A bedtime such as `20:30-06:30`.
#[must_use]
pub fn bedtime(text: &str) -> Option<String> {
    let text: String = text.split_whitespace().collect();
    elements::span("bedtime", &text).ok().map(|_| text)
}

/// The two letters of a country, in upper case.
#[must_use]
pub fn country(text: &str) -> Option<String> {
    let text = text.trim();
    let is_good = text.len() == 2 && text.bytes().all(|octet| octet.is_ascii_alphabetic());
    is_good.then(|| text.to_ascii_uppercase())
}

/// The IANA name of a time zone; its city alone is enough.
///
/// # Errors
/// When there is no such zone: the one that may be meant.
pub fn zone(text: &str) -> Result<String, Option<String>> {
    let text = text.trim();
    if let Some(name) =
        TimeZone::get(text).ok().and_then(|zone| zone.iana_name().map(str::to_owned))
    {
        return Ok(name);
    }
    match suggest_zone(text) {
        Some(found) => {
            let city = found.rsplit('/').next().unwrap_or_default();
            let is_meant = city.eq_ignore_ascii_case(&text.replace(' ', "_"));
            if is_meant { Ok(found) } else { Err(Some(found)) }
        }
        None => Err(None),
    }
}

// === impl Draft ===

impl Draft {
    /// One in which nobody is yet.
    #[must_use]
    pub fn new(language: Language) -> Self {
        Draft { language, timezone: None, country: None, people: Vec::new() }
    }

    /// Adds a child with an age, or an adult without one: the place by which more is said of them.
    /// None when there are too many. The name is one that [`name`] gave.
    pub fn add(&mut self, name: &str, age: Option<u8>) -> Option<usize> {
        if self.people.len() >= PEOPLE_MAX {
            return None;
        }
        let id = self.free_id(name);
        let (bedtime, devices) = (None, Vec::new());
        // Who writes `sofía` in a hurry means `Sofía`.
        let is_hasty = !name.contains(|letter: char| letter.is_uppercase() || letter == ' ');
        let name = if is_hasty { words::capitalised(name) } else { name.to_owned() };
        self.people.push(Person { id, name, age, bedtime, devices });
        Some(self.people.len() - 1)
    }

    /// Gives somebody a bedtime that [`bedtime`] gave.
    pub fn set_bedtime(&mut self, place: usize, bedtime: String) {
        if let Some(person) = self.people.get_mut(place) {
            person.bedtime = Some(bedtime);
        }
    }

    /// Gives somebody a device: a hardware address, an address, a range.
    ///
    /// # Errors
    /// When it is none, or somebody else's.
    pub fn add_device(&mut self, place: usize, text: &str) -> Result<(), NoDevice> {
        let text = text.trim();
        let device = elements::device(text).map_err(|_| NoDevice::Unknown)?.to_string();
        let owner = self.people.iter().position(|person| person.devices.contains(&device));
        match owner {
            Some(owner) if owner == place => Ok(()),
            Some(owner) => Err(NoDevice::Taken(self.people[owner].name.clone())),
            None => {
                let person = self.people.get_mut(place).ok_or(NoDevice::Unknown)?;
                if person.devices.len() >= DEVICES_MAX {
                    return Err(NoDevice::TooMany);
                }
                person.devices.push(device);
                Ok(())
            }
        }
    }

    /// Whether somebody has this device, written as the file has it.
    #[must_use]
    pub fn has_device(&self, device: &str) -> bool {
        self.people.iter().any(|person| person.devices.iter().any(|one| one == device))
    }

    /// Who is called that, by name or id.
    #[must_use]
    pub fn find(&self, who: &str) -> Option<usize> {
        let who = who.trim().to_lowercase();
        let by_id = self.people.iter().position(|person| person.id == who);
        by_id.or_else(|| self.people.iter().position(|person| person.name.to_lowercase() == who))
    }

    /// How many children there are, and how many adults.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let children = self.people.iter().filter(|person| person.age.is_some()).count();
        (children, self.people.len() - children)
    }

    /// The ids of everybody.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.people.iter().map(|person| person.id.as_str())
    }

    /// An id made of a name that nobody has.
    fn free_id(&self, name: &str) -> String {
        let made = elements::id_from(name);
        let made = made.trim_matches(|c| c == '_' || c == '-');
        // Of a name in other letters nothing is left; `unknown` is whoever nobody claimed.
        let has_letters = made.bytes().any(|octet| octet.is_ascii_alphanumeric());
        let base = match made {
            "unknown" => "person",
            made if has_letters => made,
            _ => "person",
        };
        let is_free = |id: &str| self.people.iter().all(|person| person.id != id);
        if is_free(base) {
            return base.to_owned();
        }
        let mut ids = (2..).map(|number| format!("{base}-{number}"));
        ids.find(|id| is_free(id)).unwrap_or_else(|| base.to_owned())
    }

    /// The text of the file.
    #[must_use]
    pub fn text(&self) -> String {
        let say = |words: &'static Words| words.in_language(self.language);
        let mut out = String::new();
        comment(&mut out, say(&init::FILE_HEAD));
        out.push_str("\n[household]\n");
        value(&mut out, "language", self.language.code(), "es | en");
        match &self.timezone {
            Some(zone) => value(&mut out, "timezone", zone, say(&init::FILE_ZONE)),
            None => setting(&mut out, "#timezone = \"America/Guatemala\"", say(&init::FILE_ZONE)),
        }
        match &self.country {
            Some(country) => value(&mut out, "country", country, say(&init::FILE_COUNTRY)),
            None => setting(&mut out, "#country = \"GT\"", say(&init::FILE_COUNTRY)),
        }
        setting(&mut out, "#unknown_devices = \"10-12\"", say(&init::FILE_UNKNOWN));
        setting(&mut out, "#block = [\"gambling\"]", say(&init::FILE_BLOCK_ALL));

        out.push('\n');
        comment(&mut out, say(&init::FILE_CHILDREN));
        let (children, adults): (Vec<&Person>, Vec<&Person>) =
            self.people.iter().partition(|person| person.age.is_some());
        for child in &children {
            self.person(&mut out, "child", child);
        }
        if children.is_empty() {
            out.push_str("\n#[child.sofia]\n#name = \"Sofía\"\n#age = 9\n");
            out.push_str("#devices = [\"3c:22:fb:12:34:56\"]\n#bedtime = \"20:30-06:30\"\n");
        }
        out.push('\n');
        comment(&mut out, say(&init::FILE_ADULTS));
        for adult in &adults {
            self.person(&mut out, "adult", adult);
        }
        if adults.is_empty() {
            out.push_str("\n#[adult.ana]\n#devices = [\"192.168.1.10\"]\n");
        }
        out.push('\n');
        let first = children.first().map_or("sofia", |child| child.id.as_str());
        self.examples(&mut out, first);
        out
    }

    fn person(&self, out: &mut String, kind: &str, person: &Person) {
        let say = |words: &'static Words| words.in_language(self.language);
        // Writing into a `String` does not fail.
        let _ = writeln!(out, "\n[{kind}.{}]", person.id);
        if words::capitalised(&person.id) != person.name {
            let _ = writeln!(out, "name = {}", quoted(&person.name));
        }
        if let Some(age) = person.age {
            setting(out, &format!("age = {age}"), say(&init::FILE_AGE));
        }
        if person.devices.is_empty() {
            comment(out, say(&init::FILE_NO_DEVICES));
        } else {
            let devices: Vec<String> = person.devices.iter().map(|one| quoted(one)).collect();
            let _ = writeln!(out, "devices = [{}]", devices.join(", "));
        }
        match (&person.bedtime, person.age) {
            (Some(bedtime), _) => value(out, "bedtime", bedtime, say(&init::FILE_BEDTIME)),
            (None, Some(_)) => {
                setting(out, "#bedtime = \"20:30-06:30\"", say(&init::FILE_BEDTIME));
            }
            (None, None) => {}
        }
        if person.age.is_some() {
            setting(out, "#block = [\"tiktok\"]", say(&init::FILE_BLOCK));
            setting(out, "#allow = [\"wikipedia.org\"]", say(&init::FILE_ALLOW));
            setting(out, "#budget = { youtube = \"1h\" }", say(&init::FILE_BUDGET));
        }
    }

    /// What can come next, all of it commented out.
    fn examples(&self, out: &mut String, child: &str) {
        let say = |words: &'static Words| words.in_language(self.language);
        comment(out, say(&init::FILE_SCHEDULE));
        let _ = writeln!(out, "#[[child.{child}.schedule]]");
        let _ = writeln!(out, "#name = {}", quoted(say(&init::FILE_HOMEWORK)));
        out.push_str("#days = [\"mon-thu\"]\n#time = \"15:00-17:00\"\n");
        out.push_str("#block = [\"games\", \"video\"]\n\n");
        comment(out, say(&init::FILE_LIST));
        out.push_str("#[list.casinos]\n#category = \"gambling\"\n");
        out.push_str("#url = \"https://example.org/casinos.txt\"\n\n");
        comment(out, say(&init::FILE_DNS));
        out.push_str("#[dns]\n#listen = [\"0.0.0.0:53\", \"[::]:53\"]\n");
        out.push_str("#upstreams = [\"tls://9.9.9.9#dns.quad9.net\"]\n");
    }
}

// === helpers ===

/// Lines behind `# `.
fn comment(out: &mut String, text: &str) {
    for line in text.lines() {
        let _ = writeln!(out, "# {line}");
    }
}

/// `key = "value"` with what it means behind it.
fn value(out: &mut String, key: &str, value: &str, meaning: &str) {
    setting(out, &format!("{key} = {}", quoted(value)), meaning);
}

fn setting(out: &mut String, line: &str, meaning: &str) {
    let columns = line.chars().count();
    let gap = COMMENT_COLUMN.saturating_sub(columns).max(1);
    let _ = writeln!(out, "{line}{:gap$}# {meaning}", "");
}

/// A basic string of TOML (TOML 1.0, "String").
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            letter if letter.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(letter));
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::{self, Checked, Origin, System};

    #[track_caller]
    fn load(text: &str) -> Checked {
        let loaded = config::load(text, &Origin::Embedded, &System::detect());
        loaded.unwrap_or_else(|report| panic!("{}\n{text}", report.render(false)))
    }

    fn family(language: Language) -> Draft {
        let mut draft = Draft::new(language);
        draft.timezone = Some("America/Guatemala".to_owned());
        draft.country = Some("GT".to_owned());
        let sofia = draft.add("Sofía", Some(9)).unwrap();
        draft.set_bedtime(sofia, bedtime("20:30 - 06:30").unwrap());
        draft.add_device(sofia, "3C-22-FB-12-34-56").unwrap();
        draft.add("Mateo", Some(14)).unwrap();
        let ana = draft.add("Ana", None).unwrap();
        draft.add_device(ana, "192.168.1.10").unwrap();
        draft
    }

    #[test]
    fn a_family_is_written_as_it_was_told() {
        for language in [Language::Es, Language::En] {
            let text = family(language).text();
            let household = load(&text).config.household;
            assert_eq!(household.language, language);
            assert_eq!(household.zone.iana_name(), Some("America/Guatemala"));
            let people: Vec<_> = household.subjects[1..].iter().map(|one| &*one.id).collect();
            assert_eq!(people, ["sofia", "mateo", "ana"]);
            assert_eq!(household.subjects[1].label, "Sofía");
            assert!(text.contains("devices = [\"3c:22:fb:12:34:56\"]\n"), "{text}");
            assert!(text.contains("bedtime = \"20:30-06:30\""), "{text}");
        }
    }

    #[test]
    fn what_is_commented_out_passes_when_it_is_not() {
        for draft in [family(Language::Es), Draft::new(Language::En)] {
            let lines = draft.text().lines().map(str::to_owned).collect::<Vec<_>>();
            let used = lines.iter().map(|line| match line.strip_prefix('#') {
                Some(rest) if !rest.starts_with(' ') => rest,
                Some(_) | None => line,
            });
            let text = used.collect::<Vec<_>>().join("\n");
            // What is written already stands only once.
            load(&text);
        }
    }

    #[test]
    fn no_line_of_it_is_wider_than_a_terminal() {
        for language in [Language::Es, Language::En] {
            for draft in [family(language), Draft::new(language)] {
                let text = draft.text();
                let wide: Vec<_> = text.lines().filter(|line| line.chars().count() > 80).collect();
                assert!(wide.is_empty(), "{wide:#?}");
            }
        }
    }

    #[test]
    fn ids_are_made_of_names_and_nobody_has_anothers() {
        let mut draft = Draft::new(Language::Es);
        for name in ["Sofía Peña", "sofia pena", "李明", "unknown", "\"", "李明"] {
            draft.add(name, Some(9)).unwrap();
        }
        let ids: Vec<_> = draft.people.iter().map(|person| &*person.id).collect();
        let expected = ["sofia_pena", "sofia_pena-2", "person", "person-2", "person-3", "person-4"];
        assert_eq!(ids, expected);
        assert_eq!(draft.find("李明"), Some(2));
        assert_eq!(draft.find("sofia_pena-2"), Some(1));
        assert_eq!(draft.find("SOFÍA peña"), Some(0));
        draft.add("maría", None).unwrap();
        assert!(draft.text().contains("[adult.maria]\nname = \"María\"\n"));
    }

    #[test]
    fn a_device_is_one_persons() {
        let mut draft = family(Language::Es);
        let taken = NoDevice::Taken("Sofía".to_owned());
        assert_eq!(draft.add_device(1, "3c:22:fb:12:34:56"), Err(taken));
        assert_eq!(draft.add_device(0, "3c:22:fb:12:34:56"), Ok(()));
        assert_eq!(draft.add_device(0, "tablet"), Err(NoDevice::Unknown));
        assert!(draft.has_device("192.168.1.10"));
    }

    #[test]
    fn what_people_write_is_read_or_refused() {
        assert_eq!(zone("guatemala").as_deref(), Ok("America/Guatemala"));
        assert_eq!(zone("mexico city").as_deref(), Ok("America/Mexico_City"));
        assert_eq!(zone("America/Guatemla"), Err(Some("America/Guatemala".to_owned())));
        assert!(zone("").is_err() && zone("-").is_err());
        assert_eq!(
            (age("9"), age(" 17 "), age("18"), age("-1"), age("x")),
            (Some(9), Some(17), None, None, None)
        );
        assert_eq!(
            (country("gt"), country("GTM"), country("")),
            (Some("GT".to_owned()), None, None)
        );
        assert_eq!((bedtime("20:30"), bedtime("20:30-20:30")), (None, None));
        assert_eq!((name("  \u{7} "), name(&"a".repeat(41))), (None, None));
    }

    proptest! {
        #[test]
        fn whatever_is_taken_into_a_draft_passes(
            people in proptest::collection::vec(("\\PC{0,12}|[a-zA-ZáéíñÑ\"'\\\\#\\[\\]=.\n ]{0,12}", any::<u8>(), any::<bool>()), 0..8),
            devices in proptest::collection::vec("[0-9a-f:./%-]{0,20}|02:00:00:00:00:0[0-9]|192\\.168\\.1\\.[1-9]", 0..8),
            bedtimes in proptest::collection::vec("[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]", 0..8),
            spanish: bool,
        ) {
            let mut draft = Draft::new(if spanish { Language::Es } else { Language::En });
            for (written, years, is_adult) in people {
                let Some(name) = name(&written) else { continue };
                let age = age(&years.to_string()).filter(|_| !is_adult);
                prop_assert!(draft.add(&name, age).is_some());
            }
            let count = draft.people.len().max(1);
            for (place, device) in devices.iter().enumerate() {
                let _ = draft.add_device(place % count, device);
            }
            for (place, written) in bedtimes.iter().enumerate() {
                if let Some(bedtime) = bedtime(written) {
                    draft.set_bedtime(place % count, bedtime);
                }
            }
            let checked = load(&draft.text());
            let labels: Vec<_> =
                checked.config.household.subjects[1..].iter().map(|one| one.label.clone()).collect();
            let (children, adults): (Vec<_>, Vec<_>) =
                draft.people.iter().partition(|person| person.age.is_some());
            let names: Vec<_> =
                children.iter().chain(&adults).map(|person| person.name.clone()).collect();
            prop_assert_eq!(labels, names);
        }
    }
}
