//! Which of the lists that others publish a household has.

use super::super::Download;
use super::*;
use crate::lists::{Matching, Origin as ListOrigin};

/// The ids of what is fetched, in their order.
fn fetched(text: &str) -> Vec<String> {
    let config = config(text);
    for download in &config.downloads {
        let list = config.lists.iter().find(|list| list.id == download.list).unwrap();
        assert_eq!(list.origin, ListOrigin::Url(download.url.clone()));
        assert_eq!(config.lists.iter().filter(|list| list.id == download.list).count(), 1);
    }
    config.downloads.into_iter().map(|download| download.list).collect()
}

/// Nobody but the person a test writes has anything closed.
const ALONE: &str = "[household]\nunknown_devices = \"open\"\n";

#[test]
fn a_household_has_the_lists_of_what_is_closed_for_somebody() {
    let with = |person: &str| fetched(&format!("{ALONE}{person}"));
    assert_eq!(fetched(""), ["public_gambling", "public_bypass", "public_scam"]);
    assert!(with("").is_empty(), "nothing is closed for anybody");
    assert_eq!(with("[adult.ana]\n"), ["public_scam"]);
    assert_eq!(with("[child.x]\nage = 17\n"), ["public_gambling", "public_scam"]);
    assert_eq!(
        with("[child.x]\nage = 8\n"),
        ["public_gambling", "public_games", "public_bypass", "public_scam"]
    );
    assert_eq!(
        with("[child.x]\nage = 8\nallow = [\"gambling\"]\nbypass = \"allow\"\n"),
        ["public_games", "public_scam"]
    );
    assert_eq!(with("[profile.idle]\nbased_on = \"7-9\"\n"), Vec::<String>::new());
    assert_eq!(with("[child.x]\nprofile = \"open\"\nblock = [\"games\"]\n"), ["public_games"]);
}

#[test]
fn what_a_schedule_closes_is_closed_for_somebody() {
    let text = format!(
        "{ALONE}[child.x]\nprofile = \"open\"\n\
         [[child.x.schedule]]\ntime = \"15:00-17:00\"\nblock = [\"games\"]\n"
    );
    assert_eq!(fetched(&text), ["public_games"]);
}

#[test]
fn what_a_budget_closes_once_it_is_used_up_is_closed_for_somebody() {
    let text = format!("{ALONE}[child.x]\nprofile = \"open\"\nbudget = {{ games = \"1h\" }}\n");
    assert_eq!(fetched(&text), ["public_games"]);
}

#[test]
fn unknown_devices_count_also_where_they_are_refused() {
    let blocked = "[household]\nunknown_devices = \"block\"\n";
    assert_eq!(fetched(blocked), ["public_gambling", "public_bypass", "public_scam"]);
}

#[test]
fn a_subscribed_list_is_as_it_is_published() {
    let config = config("");
    let download = Download {
        list: "public_gambling".to_owned(),
        url: "https://example.org/public_gambling".to_owned(),
        every: Duration::from_secs(48 * 3600),
        is_written: false,
    };
    assert_eq!(config.downloads[0], download);
    let list = config.lists.iter().find(|list| list.id == "public_gambling").unwrap();
    assert_eq!((list.format, list.matching), (Format::Hosts, None));
    assert_eq!(list.category.as_deref(), Some("gambling"));
    assert_eq!(ids(&config, &list.tags), ["gambling"]);
}

#[test]
fn one_key_leaves_all_public_lists_out_but_those_that_are_named() {
    let off = "[household]\npublic_lists = false\n";
    assert!(fetched(off).is_empty());
    let named = format!(
        "{off}[list.public_adult]\n[list.mine]\nurl = \"https://example.org/mine\"\n\
         [list.public_scam]\nenabled = false\n"
    );
    assert_eq!(fetched(&named), ["public_adult", "mine"]);
}

#[test]
fn the_id_of_a_public_list_turns_it_on_or_off_or_changes_it() {
    let text = r#"
        [list.public_adult]
        every = "96h"
        category = "games"
        match = "exact"
        [list.public_gambling]
        enabled = false
        [list.public_bypass]
        every = "24h"
        format = "domains"
        "#;
    assert_eq!(fetched(text), ["public_adult", "public_bypass", "public_scam"]);
    let config = config(text);
    let every = |place: usize| config.downloads[place].every.as_secs() / 3600;
    assert_eq!((every(0), every(1), every(2)), (96, 24, 48));
    assert!(config.downloads.iter().all(|download| !download.is_written));
    let list = |id: &str| config.lists.iter().find(|list| list.id == id).unwrap();
    assert_eq!(list("public_adult").category.as_deref(), Some("games"));
    assert_eq!(list("public_adult").matching, Some(Matching::Exact));
    assert_eq!(list("public_adult").format, Format::Hosts);
    assert_eq!(list("public_bypass").format, Format::Domains);
    assert_eq!(ids(&config, &list("public_bypass").tags), ["bypass"]);
}

#[test]
fn a_list_of_the_household_s_own_replaces_the_public_one_of_its_id() {
    let config = config("[list.public_gambling]\ncategory = \"gambling\"\nfile = \"g.txt\"\n");
    let lists: Vec<_> = config.lists.iter().filter(|list| list.id == "public_gambling").collect();
    assert_eq!(lists.len(), 1);
    assert!(matches!(lists[0].origin, ListOrigin::File(_)));
    assert!(config.downloads.iter().all(|download| download.list != "public_gambling"));
}

#[test]
fn who_goes_offline_fetches_nothing_and_keeps_the_lists_of_his_own() {
    let mut config =
        config("[list.mine]\nurl = \"https://example.org/mine\"\n[list.public_adult]\n");
    config.go_offline();
    assert!(config.downloads.is_empty());
    assert!(config.lists.iter().any(|list| list.id == "mine"));
    assert!(config.lists.iter().all(|list| !list.id.starts_with("public_")));
}
