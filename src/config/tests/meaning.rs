//! What the file means: built-in profile, household, profile and person merged.

use std::path::Path;
use std::time::Duration;

use super::super::{Download, registry};
use super::*;
use crate::clients::Address;
use crate::lists::{Effect, Format, Matching, Origin as ListOrigin};
use crate::name::Name;
use crate::policy::rules::{JournalLevel, Level, NameRule, Reach, SubjectId, SubjectKind, YouTube};
use crate::policy::tags::TagKind;
use crate::words::BEDTIME_ID;

/// The services that are excused, each with its categories.
fn excused(config: &Config, id: &str) -> Vec<String> {
    let excused = &subject(config, id).rules.excused;
    let rows = excused.iter().map(|(service, categories)| {
        format!("{} {}", config.household.tags.info(*service).id, ids(config, categories).join(" "))
    });
    rows.collect()
}

/// The rule that speaks for a name.
fn rule(config: &Config, id: &str, name: &str) -> Option<NameRule> {
    let name = Name::parse(name).unwrap();
    subject(config, id).rules.names.find(&name).map(|(rule, _)| rule)
}

#[test]
fn without_any_file_every_device_is_a_child_of_ten() {
    let config = config("");
    let unknown = subject(&config, "unknown");
    assert_eq!(config.household.subjects.len(), 1);
    assert_eq!((unknown.profile.as_str(), unknown.kind), ("10-12", SubjectKind::Unknown));
    assert_eq!(unknown.label, "unknown devices");
    assert_eq!(
        closed(&config, "unknown"),
        "gambling adult social_media video bypass scam_phishing"
    );
    assert_eq!(unknown.rules.journal, JournalLevel::Names);
    assert_eq!(unknown.rules.ttl_seconds_max, Some(60));
    assert!(unknown.rules.relays_closed && unknown.rules.safe_search && !unknown.rules.refused);
    assert!(config.household.essentials.contains(&Name::parse("0.pool.ntp.org").unwrap()));
    assert!(!config.household.essentials.contains(&Name::parse("x.time.apple.com").unwrap()));
    assert_eq!(config.dns.listen, None);
    assert_eq!(config.dns.cache_mib, 16);
}

#[test]
fn the_age_chooses_the_profile() {
    for (age, profile, youtube, journal, safe) in [
        (0, "0-6", YouTube::Strict, JournalLevel::Names, true),
        (6, "0-6", YouTube::Strict, JournalLevel::Names, true),
        (7, "7-9", YouTube::Strict, JournalLevel::Names, true),
        (10, "10-12", YouTube::Moderate, JournalLevel::Names, true),
        (13, "13-15", YouTube::Moderate, JournalLevel::Sites, true),
        (17, "16-17", YouTube::Open, JournalLevel::Counts, true),
    ] {
        let config = config(&format!("[child.x]\nage = {age}"));
        let x = subject(&config, "x");
        assert_eq!(x.profile, profile);
        assert_eq!((x.rules.youtube, x.rules.journal), (youtube, journal), "{age}");
        assert_eq!(x.rules.safe_search, safe);
        assert!(x.rules.relays_closed);
        assert_eq!(x.rules.ttl_seconds_max, Some(60));
    }
}

#[test]
fn an_adult_has_only_security_closed_and_nothing_recorded() {
    let config = config("[adult.ana]\nname = \"Ana\"");
    let ana = subject(&config, "ana");
    assert_eq!((ana.label.as_str(), ana.profile.as_str()), ("Ana", "adult"));
    assert_eq!(closed(&config, "ana"), "scam_phishing");
    assert_eq!(ana.rules.journal, JournalLevel::Off);
    assert!(!ana.rules.relays_closed && !ana.rules.safe_search);
    assert_eq!(ana.rules.ttl_seconds_max, None);
}

#[test]
fn a_child_without_age_and_profile_gets_the_middle_one_with_a_warning() {
    let checked = passes("[child.x]\n");
    assert_eq!(subject(&checked.config, "x").profile, "10-12");
    assert!(checked.warnings.render(false).contains("neither an age nor a profile"));
}

#[test]
fn restricted_youtube_is_excused_from_its_category_and_open_youtube_is_not() {
    let config = config(
        "[child.a]\nage = 8\n[child.b]\nage = 8\nyoutube = \"open\"\n\
         [child.c]\nage = 8\nblock = [\"video\"]\n[child.d]\nage = 8\nblock = [\"youtube\"]",
    );
    assert_eq!(excused(&config, "a"), ["youtube video"]);
    assert!(closed(&config, "a").contains("video"));
    assert!(excused(&config, "b").is_empty());
    assert!(excused(&config, "c").is_empty(), "a parent who closes video closes all of it");
    assert!(closed(&config, "d").contains("youtube"));
}

#[test]
fn allow_takes_a_category_out_and_excuses_a_service_from_its_own() {
    let config =
        config("[child.x]\nage = 8\nallow = [\"games\", \"whatsapp\"]\nblock = \"netflix\"");
    assert_eq!(
        closed(&config, "x"),
        "gambling adult social_media video messaging bypass scam_phishing netflix"
    );
    assert_eq!(excused(&config, "x"), ["whatsapp messaging", "youtube video"]);
}

#[test]
fn the_nearer_table_speaks_over_the_one_further_away() {
    let config = config(
        r#"
        [household]
        block = ["games", "tiktok", "house.example"]
        allow = ["social_media"]
        [profile.kids]
        based_on = "10-12"
        allow = ["whatsapp", "tiktok", "x.example"]
        [profile.late]
        based_on = "kids"
        block = ["x.example"]
        [child.x]
        profile = "late"
        allow = ["games"]
        block = ["messaging", "=x.example"]
        [adult.ana]
        "#,
    );
    assert_eq!(closed(&config, "ana"), "games scam_phishing tiktok");
    assert_eq!(closed(&config, "x"), "gambling adult video messaging bypass scam_phishing");
    let cancelled = "whatsapp ".to_owned();
    assert!(excused(&config, "x").contains(&cancelled), "{:?}", excused(&config, "x"));
    let house = NameRule { allow: false, reach: Reach::Below, level: Level::Household };
    assert_eq!(rule(&config, "ana", "www.house.example"), Some(house));
    assert_eq!(rule(&config, "x", "x.example").map(|rule| rule.level), Some(Level::Subject));
    let late = NameRule { allow: false, reach: Reach::Below, level: Level::Profile };
    assert_eq!(rule(&config, "x", "www.x.example"), Some(late), "the nearer profile speaks");
}

#[test]
fn single_values_of_the_nearer_table_replace_and_windows_add_up() {
    let config = config(
        r#"
        [profile.kids]
        based_on = "10-12"
        bedtime = "20:00-06:00"
        youtube = "strict"
        journal = "sites"
        [[profile.kids.schedule]]
        name = "school"
        days = "lun-vie"
        time = "07:30-12:30"
        block = ["games"]
        [child.a]
        profile = "kids"
        [child.b]
        profile = "kids"
        bedtime = { school-nights = "21:00-06:00", fin-de-semana = "22:00-08:00" }
        safe_search = false
        youtube = "open"
        journal = "off"
        bypass = "allow"
        "#,
    );
    let windows = |id| {
        let schedules = &subject(&config, id).rules.schedules;
        schedules.iter().map(|w| (w.name.as_str(), w.days.0, w.span.start)).collect::<Vec<_>>()
    };
    assert_eq!(windows("a"), [("school", 0b001_1111, 450), (BEDTIME_ID, 0b111_1111, 1_200)]);
    assert_eq!(
        windows("b"),
        [
            ("school", 0b001_1111, 450),
            (BEDTIME_ID, 0b100_1111, 1_260),
            (BEDTIME_ID, 0b011_0000, 1_320)
        ]
    );
    let (a, b) = (&subject(&config, "a").rules, &subject(&config, "b").rules);
    assert_eq!((a.youtube, b.youtube), (YouTube::Strict, YouTube::Open));
    assert_eq!((a.journal, b.journal), (JournalLevel::Sites, JournalLevel::Off));
    assert!(a.safe_search && !b.safe_search);
    assert!(closed(&config, "a").contains("bypass") && !closed(&config, "b").contains("bypass"));
    assert!(a.schedules[1].block.everything && a.schedules[1].only.is_none());
}

#[test]
fn a_schedule_knows_its_words_days_and_dates() {
    let config = config(
        r#"
        [calendar.holidays]
        dates = ["2026-12-20..2027-01-10", "2026-10-31"]
        [child.x]
        age = 12
        [[child.x.schedule]]
        time = "15:00-17:00"
        block = ["games", "x.example"]
        allow = "whatsapp"
        only = ["=y.example", "internet"]
        dates = "2026-09-15"
        except = "holidays"
        "#,
    );
    let window = &subject(&config, "x").rules.schedules[0];
    assert_eq!((window.name.as_str(), window.days.0), ("15:00-17:00", 0b111_1111));
    assert_eq!((window.span.start, window.span.end), (900, 1_020));
    assert_eq!(ids(&config, &window.block.tags), ["games"]);
    assert!(window.block.names.contains(&Name::parse("www.x.example").unwrap()));
    assert_eq!(ids(&config, &window.allow.tags), ["whatsapp"]);
    assert!(window.only.as_ref().is_some_and(|only| only.everything));
    assert_eq!((window.dates.len(), window.except.len()), (1, 2));
}

#[test]
fn a_profile_of_the_house_keeps_the_protection_of_the_age() {
    let config = config(
        "[profile.house]\nblock = [\"games\"]\n[child.young]\nage = 8\nprofile = \"house\"\n\
         [child.ageless]\nprofile = \"house\"\n[child.free]\nage = 12\nprofile = \"open\"",
    );
    assert!(closed(&config, "young").contains("gambling"));
    assert_eq!(subject(&config, "young").profile, "house");
    assert_eq!(closed(&config, "ageless"), "games");
    assert_eq!(closed(&config, "free"), "");
    assert_eq!(subject(&config, "free").rules.journal, JournalLevel::Off);
}

#[test]
fn a_walled_garden_opens_what_it_names() {
    let config =
        config("[child.x]\nage = 8\nonly = [\"wikipedia.org\", \"whatsapp\"]\nallow = [\"games\"]");
    let only = subject(&config, "x").rules.only.as_ref().unwrap();
    assert_eq!(ids(&config, &only.tags), ["games", "whatsapp"]);
    assert!(only.names.contains(&Name::parse("es.wikipedia.org").unwrap()));
    assert!(excused(&config, "x").contains(&"whatsapp messaging".to_owned()));
}

#[test]
fn the_internet_closed_save_a_service_is_a_walled_garden_of_it() {
    let config = config(
        "[child.a]\nage = 12\nblock = \"internet\"\n\
         [child.b]\nage = 12\nblock = \"internet\"\nallow = \"whatsapp\"",
    );
    assert!(subject(&config, "a").rules.everything_closed);
    let b = &subject(&config, "b").rules;
    assert!(!b.everything_closed);
    assert_eq!(ids(&config, &b.only.as_ref().unwrap().tags), ["whatsapp"]);
}

#[test]
fn unknown_devices_get_what_the_household_says() {
    let blocked = config("[household]\nunknown_devices = \"block\"\nlanguage = \"es\"");
    assert!(subject(&blocked, "unknown").rules.refused);
    assert_eq!(subject(&blocked, "unknown").label, "los dispositivos desconocidos");
    let open = config("[household]\nunknown_devices = \"open\"");
    let open = &subject(&open, "unknown").rules;
    assert!(!open.refused && open.closed.is_empty() && !open.relays_closed);
    assert_eq!((open.journal, open.ttl_seconds_max), (JournalLevel::Off, None));
    let own =
        config("[household]\nunknown_devices = \"guests\"\n[profile.guests]\nbased_on = \"16-17\"");
    assert_eq!(subject(&own, "unknown").rules.journal, JournalLevel::Names);
}

#[test]
fn the_journal_level_of_the_house_yields_to_profile_and_person() {
    let config = config(
        "[journal]\nlevel = \"counts\"\n[child.a]\nage = 8\n[child.b]\nage = 8\njournal = \"all\"",
    );
    assert_eq!(subject(&config, "a").rules.journal, JournalLevel::Counts);
    assert_eq!(subject(&config, "b").rules.journal, JournalLevel::All);
}

#[test]
fn devices_belong_to_their_person() {
    let config = config(
        "[child.x]\nage = 9\ndevices = [\"3c:22:fb:12:34:56\", \"192.168.1.0/28\"]\n\
         [adult.ana]\ndevices = \"fd00::1\"",
    );
    assert_eq!(config.devices.len(), 3);
    assert_eq!(config.devices[0].subject, SubjectId(1));
    assert_eq!(config.household.subjects[1].id, "x");
    let ana = &config.devices[2];
    assert_eq!(ana.subject, SubjectId(2));
    assert_eq!(ana.address, Address::Net("fd00::1".parse().unwrap(), 128));
}

#[test]
fn lists_fill_categories_or_stand_alone() {
    let config = config(
        r#"
        [list.casinos]
        category = "gambling"
        file = "lists/casinos.txt"
        format = "hosts"
        match = "subdomains"
        [list.mine]
        file = "/srv/mine.txt"
        [list.off]
        file = "off.txt"
        enabled = false
        [child.x]
        age = 17
        [child.y]
        profile = "open"
        [adult.ana]
        "#,
    );
    let list = |id: &str| config.lists.iter().find(|list| list.id == id);
    let casinos = list("casinos").unwrap();
    let file = Path::new("/etc/amparo/lists/casinos.txt");
    assert_eq!(casinos.origin, ListOrigin::File(file.to_owned()));
    assert_eq!((casinos.format, casinos.matching), (Format::Hosts, Some(Matching::Subdomains)));
    assert_eq!(casinos.category.as_deref(), Some("gambling"));
    assert_eq!(ids(&config, &casinos.tags), ["gambling"]);
    assert_eq!(ids(&config, &list("mine").unwrap().tags), ["mine"]);
    assert!(list("off").is_none());
    assert_eq!(closed(&config, "ana"), "scam_phishing mine");
    assert!(closed(&config, "x").ends_with("mine"));
    assert_eq!(closed(&config, "y"), "");
}

#[test]
fn a_list_with_a_url_is_fetched_and_only_then() {
    let config = config(
        r#"
        [household]
        public_lists = false
        [list.casinos]
        category = "gambling"
        url = "https://example.org/casinos.txt"
        every = "12h"
        format = "hosts"
        [list.mine]
        url = "http://192.168.1.5:8000/all.tar.gz#mine"
        [list.off]
        url = "https://example.org/off.txt"
        enabled = false
        [list.file]
        file = "file.txt"
        [child.x]
        age = 17
        "#,
    );
    let list = |id: &str| config.lists.iter().find(|list| list.id == id);
    let casinos = list("casinos").unwrap();
    assert_eq!(casinos.origin, ListOrigin::Url("https://example.org/casinos.txt".to_owned()));
    assert_eq!(casinos.format, Format::Hosts);
    assert_eq!(ids(&config, &casinos.tags), ["gambling"]);
    assert_eq!(ids(&config, &list("mine").unwrap().tags), ["mine"]);
    assert!(list("off").is_none());
    let download = |list: &str, url: &str, hours: u64| Download {
        list: list.to_owned(),
        url: url.to_owned(),
        every: Duration::from_secs(hours * 3600),
        is_written: true,
    };
    assert_eq!(
        config.downloads,
        [
            download("casinos", "https://example.org/casinos.txt", 12),
            download("mine", "http://192.168.1.5:8000/all.tar.gz#mine", 24),
        ]
    );
}

#[test]
fn every_format_there_is_may_be_written() {
    for syntax in crate::lists::format::FORMATS {
        assert!(registry::FORMATS.contains(&syntax.name), "{}", syntax.name);
        let text = format!("[list.x]\nfile = \"x\"\nformat = \"{}\"\n", syntax.name);
        let config = config(&text);
        let list = config.lists.iter().find(|list| list.id == "x").unwrap();
        assert_eq!(list.format, syntax.format);
    }
    assert_eq!(registry::FORMATS[0], "auto");
}

#[test]
fn our_lists_and_the_household_s_own_names_are_sources() {
    let config = passes(
        r#"
        [category.clubs]
        name = "Clubs"
        names = ["club.example", "=x.club.example"]
        explain = "Ask first."
        [service.tiktok]
        names = "more.example"
        [service.pixel]
        [child.x]
        age = 12
        block = ["clubs", "pixel"]
        "#,
    )
    .config;
    let list = |id: &str| config.lists.iter().find(|list| list.id == id).unwrap();
    assert_eq!(list("amparo/gambling").origin, ListOrigin::Embedded("casino.example\n"));
    assert_eq!(list("amparo/adult").origin, ListOrigin::EmbeddedHidden("c2V4LmV4YW1wbGUK"));
    assert_eq!(ids(&config, &list("amparo/tiktok").tags), ["social_media", "tiktok"]);
    assert_eq!(
        list("category/clubs").origin,
        ListOrigin::Written("club.example\n=x.club.example\n".to_owned())
    );
    assert_eq!(ids(&config, &list("service/tiktok").tags), ["social_media", "tiktok"]);
    let clubs = config.household.tags.find("clubs").unwrap();
    let info = config.household.tags.info(clubs);
    assert_eq!((info.kind, info.words.in_language(Language::Es)), (TagKind::Category, "Clubs"));
    assert_eq!(config.explanations, [("clubs".to_owned(), "Ask first.".to_owned())]);
    assert!(closed(&config, "x").ends_with("clubs pixel"));
}

#[test]
fn children_are_asked_where_only_upstreams_says() {
    let silent = config("");
    assert_eq!(silent.dns.child_upstreams[0].address, "1.1.1.3:853".parse().unwrap());
    let one = config("[dns]\nupstreams = \"udp://192.168.1.1\"");
    assert_eq!(one.dns.child_upstreams, one.dns.upstreams);
}

#[test]
fn the_settings_of_the_house_are_read() {
    let config = passes(
        r#"
        [household]
        name = "Casa"
        timezone = "America/Guatemala"
        country = "gt"
        [dns]
        listen = "127.0.0.1:0"
        strategy = "in_order"
        blocked_answer = "192.168.1.2"
        allow_from = ["10.0.0.0/8"]
        forward = { "lan" = "udp://192.168.1.1:5353" }
        records = { "printer.home.arpa" = ["192.168.1.5", "fd00::5"] }
        [state]
        directory = "state"
        [journal]
        flush_seconds = 1
        "#,
    )
    .config;
    assert_eq!((config.country.as_deref(), config.name.as_deref()), (Some("GT"), Some("Casa")));
    assert_eq!(config.household.zone.iana_name(), Some("America/Guatemala"));
    assert_eq!(config.dns.listen, Some(vec!["127.0.0.1:0".parse().unwrap()]));
    assert_eq!(config.dns.forward.len(), 1);
    let printer = Name::parse("printer.home.arpa").unwrap();
    assert_eq!(config.household.local.addresses(&printer).len(), 2);
    assert_eq!(config.state_directory.as_deref(), Some(Path::new("/etc/amparo/state")));
    assert_eq!(config.journal.flush.as_secs(), 1);
}

#[test]
fn a_list_that_opens_takes_names_out_of_its_category_or_of_all() {
    let config = config(
        r#"
[list.mine]
file = "mine.txt"
[list.good]
file = "good.txt"
kind = "allow"
[list.fine-games]
category = "games"
file = "fine.txt"
kind = "allow"
"#,
    );
    let list = |id: &str| config.lists.iter().find(|list| list.id == id).unwrap();
    assert_eq!((list("fine-games").effect, list("mine").effect), (Effect::Open, Effect::Close));
    assert_eq!(ids(&config, &list("fine-games").tags), ["games"]);
    let all = ids(&config, &list("good").tags);
    let has = |id: &str| all.iter().any(|other| other == id);
    assert!(["adult", "games", "scam_phishing", "mine"].into_iter().all(has));
    assert!(!has("tiktok"));
}

#[test]
fn whoever_is_told_what_to_cut_is_a_program_a_set_or_both() {
    let enforce = |text: &str| config(&format!("[enforce]\n{text}")).enforce;
    assert_eq!(config("").enforce, None);
    assert_eq!(enforce(""), None);
    let command = |words: &[&str]| {
        let words = words.iter().map(|&word| word.to_owned()).collect();
        Some(crate::config::EnforceSettings { command: Some(words), nftables_set: None })
    };
    assert_eq!(enforce("command = \"/bin/cut\""), command(&["/bin/cut"]));
    assert_eq!(enforce("command = [\"cut\", \"-x\", \"a b\"]"), command(&["cut", "-x", "a b"]));
    let both = enforce("command = \"cut\"\nnftables_set = \"inet  amparo closed\"").unwrap();
    let set = both.nftables_set.unwrap();
    assert_eq!((&*set.table, &*set.set, both.command.is_some()), ("amparo", "closed", true));
}
