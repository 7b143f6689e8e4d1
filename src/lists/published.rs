//! The lists that others keep and publish: `blocklists/sources.toml`.
//!
//! What is known of each: where it is, what it closes, under which licence, what is wrong with it.
//! None of their names is in the program. Which of them a household has is `config`'s to say.

use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Format;
use crate::words::Words;

/// A list that somebody else keeps.
#[derive(Debug, Clone)]
pub struct Published {
    /// Its id: a word of `[list.ID]`.
    pub id: String,
    /// What a parent reads.
    pub name: String,
    /// The page of its keeper.
    pub home: String,
    /// Where it is fetched from; behind a `#` the part of an archive.
    pub url: String,
    /// The category it fills.
    pub category: String,
    /// How it is written.
    pub format: Format,
    /// Its licence, as an SPDX identifier.
    pub licence: String,
    /// What the licence asks to be shown with it; none: nothing.
    pub attribution: Option<String>,
    /// How often it is fetched.
    pub every: Duration,
    /// About how many names it has.
    pub names: u64,
    /// Whether a household has it by itself where its category is closed for somebody.
    pub subscribe: bool,
    /// The day of the copy that was looked at: `2026-08-22`.
    pub checked: String,
    /// What is known to be wrong with it, a sentence.
    pub known: Words,
}

/// The keys of a list.
const KEYS: [&str; 13] = [
    "id",
    "name",
    "home",
    "url",
    "category",
    "format",
    "licence",
    "attribution",
    "every_hours",
    "names",
    "subscribe",
    "checked",
    "known",
];

/// A table of the file.
struct Row<'a>(&'a DeTable<'a>);

/// Reads the file, which is ours.
///
/// # Panics
/// When it is no such file: a table test reads it.
pub(super) fn published(text: &str) -> Vec<Published> {
    let file = DeTable::parse(text).expect("blocklists/sources.toml is TOML: table test");
    let lists = file.get_ref().get("list").and_then(|lists| lists.get_ref().as_array());
    let lists = lists.expect("blocklists/sources.toml has lists: table test").iter();
    let tables = lists.map(|list| list.get_ref().as_table().expect("a table: table test"));
    tables.map(|table| Row(table).read()).collect()
}

// === impl Row ===

impl Row<'_> {
    fn read(self) -> Published {
        // By hand: what reads any file into any type makes a larger program.
        let unknown = self.0.keys().find(|key| !KEYS.contains(&key.get_ref().as_ref()));
        assert!(unknown.is_none(), "{unknown:?} is no key of a list: table test");
        let known = self.value("known").and_then(DeValue::as_table).map(Row);
        let known = known.expect("what is known is a table: table test");
        Published {
            id: self.text("id"),
            name: self.text("name"),
            home: self.text("home"),
            url: self.text("url"),
            category: self.text("category"),
            format: Format::of_word(&self.text("format")).expect("a format: table test"),
            licence: self.text("licence"),
            attribution: self.0.contains_key("attribution").then(|| self.text("attribution")),
            every: Duration::from_secs(self.number("every_hours") * 3600),
            names: self.number("names"),
            subscribe: self.flag("subscribe"),
            checked: self.text("checked"),
            known: Words { es: known.text("es").into(), en: known.text("en").into() },
        }
    }

    fn value(&self, key: &str) -> Option<&DeValue<'_>> {
        self.0.get(key).map(Spanned::get_ref)
    }

    fn text(&self, key: &str) -> String {
        self.value(key).and_then(DeValue::as_str).expect("a text: table test").to_owned()
    }

    fn flag(&self, key: &str) -> bool {
        self.value(key).and_then(DeValue::as_bool).expect("yes or no: table test")
    }

    fn number(&self, key: &str) -> u64 {
        let number = self.value(key).and_then(DeValue::as_integer);
        number.and_then(|number| number.as_str().parse().ok()).expect("a number: table test")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::lists::catalogue::{Stance, catalogue};

    /// The most names that a household gets without being asked: with four octets of remainder and
    /// two of tags each some eight MB on the disk of a router.
    const SUBSCRIBED_NAMES_MAX: u64 = 1_000_000;
    /// The licences that allow a household to fetch the list, whatever it does with it.
    const LICENCES: [&str; 4] = ["Unlicense", "MIT", "GPL-3.0", "CC-BY-SA-4.0"];

    fn rows() -> &'static [Published] {
        &catalogue().published
    }

    #[test]
    fn every_published_list_has_an_id_an_address_and_a_category_of_its_own() {
        let categories: HashSet<_> = catalogue().categories.iter().map(|row| row.id).collect();
        let services = catalogue().services.iter().map(|row| row.id);
        let taken: HashSet<_> = categories.iter().copied().chain(services).collect();
        let (mut ids, mut urls) = (HashSet::new(), HashSet::new());
        for row in rows() {
            let plain = |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit();
            assert!(row.id.bytes().all(|octet| plain(octet) || octet == b'_'), "{}", row.id);
            assert!(!taken.contains(row.id.as_str()), "{} is a category or a service", row.id);
            assert!(ids.insert(&row.id) && urls.insert(&row.url), "{} stands there twice", row.id);
            assert!(categories.contains(row.category.as_str()), "{}: {}", row.id, row.category);
            assert!(row.url.starts_with("https://") && row.home.starts_with("https://"));
            assert!(row.url.is_ascii() && !row.url.contains(' '), "{}", row.id);
            assert!(row.every >= Duration::from_secs(24 * 3600) && row.names > 0, "{}", row.id);
        }
    }

    #[test]
    fn what_is_known_to_be_wrong_is_told_in_both_languages() {
        for row in rows() {
            for text in [&row.known.es, &row.known.en] {
                assert!(text.len() > 15 && text.ends_with('.'), "{}: {text}", row.id);
            }
            assert_ne!(row.known.es, row.known.en, "{}", row.id);
            let date: jiff::civil::Date = row.checked.parse().unwrap();
            assert!((2022..=2026).contains(&date.year()), "{}", row.id);
        }
    }

    #[test]
    fn licences_allow_every_household_to_fetch_and_say_what_they_ask() {
        for row in rows() {
            assert!(LICENCES.contains(&row.licence.as_str()), "{}: {}", row.id, row.licence);
            let asks = row.licence.starts_with("CC-BY");
            assert_eq!(row.attribution.is_some(), asks, "{}", row.id);
        }
    }

    #[test]
    fn what_a_household_gets_by_itself_is_narrow_and_fits_a_small_router() {
        let subscribed: Vec<_> = rows().iter().filter(|row| row.subscribe).collect();
        let ids: Vec<_> = subscribed.iter().map(|row| row.id.as_str()).collect();
        assert_eq!(
            ids,
            [
                "sw_adult",
                "sw_gambling",
                "ut1_gambling",
                "ut1_dating",
                "ut1_vpn",
                "ut1_doh",
                "ut1_stalkerware",
                "ut1_phishing",
                "ut1_malware",
                "hagezi_light",
            ]
        );
        let names: u64 = subscribed.iter().map(|row| row.names).sum();
        assert!(names < SUBSCRIBED_NAMES_MAX, "{names}");
        for row in &subscribed {
            let category = catalogue().categories.iter().find(|other| other.id == row.category);
            let closed = category.unwrap().by_band[0] == Stance::Closed;
            assert!(closed, "{} fills what nobody has closed", row.id);
        }
        for wide in ["social_media", "games", "messaging", "video", "shorteners"] {
            assert!(subscribed.iter().all(|row| row.category != wide), "{wide} is no narrow one");
        }
    }
}
