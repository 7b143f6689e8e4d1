//! What the file means, and how a mistake in it reads.

mod budgets;
mod files;
mod meaning;
mod public;
mod reports;
mod reports_lists;
mod slips;

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::{Checked, Config, Origin, Report, System, load_with};
use crate::lists::catalogue::{Catalogue, Category, Service, Stance, Starter};
use crate::lists::{Format, Published};
use crate::policy::rules::Subject;
use crate::policy::tags::TagSet;
use crate::words::{Language, Words};

/// A small catalogue, so that no test here depends on the data of the real one.
pub(super) static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    use Stance::{Closed, ClosedUnlessSafe, Open};
    let category = |id, by_band| Category {
        id,
        words: Words::new(id, id),
        by_band,
        security: id == "scam_phishing",
    };
    let service = |id, label, category, names| Service { id, label, category, names };
    let published = |id: &str, category: &str, subscribe| Published {
        id: id.to_owned(),
        name: id.to_owned(),
        home: "https://example.org/".to_owned(),
        url: format!("https://example.org/{id}"),
        category: category.to_owned(),
        format: Format::Hosts,
        licence: "MIT".to_owned(),
        attribution: None,
        every: Duration::from_secs(48 * 3600),
        names: 7,
        subscribe,
        checked: "2026-08-22".to_owned(),
        known: Words::same("Nothing."),
    };
    Catalogue {
        categories: vec![
            category("gambling", [Closed; 5]),
            category("adult", [Closed; 5]),
            category("social_media", [Closed, Closed, Closed, Open, Open]),
            category("games", [Closed, Closed, Open, Open, Open]),
            category("video", [ClosedUnlessSafe, ClosedUnlessSafe, ClosedUnlessSafe, Open, Open]),
            category("messaging", [Closed, Closed, Open, Open, Open]),
            category("bypass", [Closed, Closed, Closed, Closed, Open]),
            category("scam_phishing", [Closed; 5]),
        ],
        services: vec![
            service("tiktok", "TikTok", Some("social_media"), "tiktok.com\n"),
            service("youtube", "YouTube", Some("video"), "youtube.com\n"),
            service("netflix", "Netflix", Some("video"), "netflix.com\n"),
            service("whatsapp", "WhatsApp", Some("messaging"), "whatsapp.com\n"),
            service("instagram", "Instagram", Some("social_media"), "instagram.com\n"),
        ],
        starters: vec![
            Starter { category: "gambling", text: "casino.example\n", hidden: false },
            Starter { category: "adult", text: "c2V4LmV4YW1wbGUK", hidden: true },
        ],
        noise: Vec::new(),
        essentials: vec!["pool.ntp.org", "=time.apple.com"],
        guarded: Vec::new(),
        everyday: Vec::new(),
        published: vec![
            published("public_gambling", "gambling", true),
            published("public_adult", "adult", false),
            published("public_games", "games", true),
            published("public_bypass", "bypass", true),
            published("public_scam", "scam_phishing", true),
            // The commented settings of config/amparo.toml name it.
            published("sw_gambling", "gambling", false),
        ],
    }
});

pub(super) fn system() -> System {
    System { language: Language::En, zone: TimeZone::UTC, zone_name: Some("UTC".to_owned()) }
}

fn load(text: &str) -> Result<Checked, Report> {
    let origin = Origin::File(PathBuf::from("/etc/amparo/amparo.toml"));
    load_with(text, &origin, &system(), &CATALOGUE)
}

/// The config of a text that passes without a warning.
#[track_caller]
fn config(text: &str) -> Config {
    let checked = passes(text);
    assert!(checked.warnings.is_empty(), "{}", checked.warnings.render(false));
    checked.config
}

/// A text that passes.
#[track_caller]
pub(super) fn passes(text: &str) -> Checked {
    load(text).unwrap_or_else(|report| panic!("{}", report.render(false)))
}

/// The subject of that id.
#[track_caller]
fn subject<'a>(config: &'a Config, id: &str) -> &'a Subject {
    config.household.subjects.iter().find(|subject| subject.id == id).unwrap()
}

/// The ids of a set of tags, in the order of the table.
fn ids(config: &Config, tags: &TagSet) -> Vec<String> {
    tags.iter().map(|tag| config.household.tags.info(tag).id.clone()).collect()
}

/// The ids that are closed for somebody, between spaces.
#[track_caller]
fn closed(config: &Config, id: &str) -> String {
    ids(config, &subject(config, id).rules.closed).join(" ")
}
