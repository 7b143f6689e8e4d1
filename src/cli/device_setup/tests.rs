//! What is told for which config. The profile is read as Apple's devices would in
//! `tests/cli_setup.rs`.

use std::collections::HashSet;

use proptest::prelude::*;

use super::super::changes::tests::{parsed, usage};
use super::*;
use crate::config::{Origin, System, load};

/// A family with encrypted DNS; these lines say where it listens.
fn config(listens: &str) -> Config {
    let text = format!(
        "[household]\nlanguage = \"en\"\n[dns.encrypted]\ncertificate = \"/c.pem\"\n\
         private_key = \"/k.pem\"\nhostname = \"dns.example.org\"\n{listens}\n\
         [child.mateo]\nage = 14\nname = \"Mateo R.\"\ndevices = [\"id:mateo-phone\"]\n\
         [child.sofi_a]\nage = 9\ndevices = [\"10.0.0.9\"]\n"
    );
    let checked = load(&text, &Origin::Embedded, &System::detect());
    checked.unwrap_or_else(|report| panic!("{}", report.render(false))).config
}

/// The names and addresses for an id.
#[track_caller]
fn told(listens: &str, id: &str, expected: [Option<&str>; 3]) {
    let config = config(listens);
    let (encrypted, hostname) = served(&config).unwrap();
    let (id, person, listed) = meant(&config, id).unwrap();
    let setup = Setup::new(encrypted, hostname, &id, person, listed);
    let found = [setup.tls_name, setup.https_url, setup.quic_name];
    assert_eq!(found, expected.map(|text| text.map(str::to_owned)), "{listens}");
}

const ALL: &str = "tls = \"0.0.0.0\"\nhttps = \"0.0.0.0\"\nquic = \"0.0.0.0\"";

#[test]
fn a_port_is_named_where_it_is_not_the_usual_one() {
    told(
        ALL,
        "mateo-phone",
        [
            Some("mateo-phone.dns.example.org"),
            Some("https://dns.example.org/dns-query/mateo-phone"),
            Some("mateo-phone.dns.example.org"),
        ],
    );
    told(
        "tls = \"0.0.0.0:8853\"\nhttps = [\"0.0.0.0:8443\", \"0.0.0.0:9443\"]",
        "id:x",
        [Some("x.dns.example.org:8853"), Some("https://dns.example.org:8443/dns-query/x"), None],
    );
    told(
        "https = [\"0.0.0.0:8443\", \"0.0.0.0:443\"]",
        "x",
        [None, Some("https://dns.example.org/dns-query/x"), None],
    );
}

#[test]
fn an_id_that_no_certificate_covers_is_in_no_name() {
    for id in ["a.b", "a_b", "-a", "a-"] {
        let url = format!("https://dns.example.org/dns-query/{id}");
        told(ALL, id, [None, Some(&url), None]);
    }
}

#[test]
fn whose_an_id_is_comes_from_the_devices_and_else_from_who_is_named() {
    let config = config(ALL);
    let who = |text: &str| {
        let (id, person, listed) = meant(&config, text).unwrap();
        (id.as_str().to_owned(), person.map(|subject| subject.id.clone()), listed)
    };
    let person = |id: &str| Some(id.to_owned());
    assert_eq!(who("Mateo-Phone"), ("mateo-phone".to_owned(), person("mateo"), true));
    assert_eq!(who("mateo"), ("mateo".to_owned(), person("mateo"), false));
    assert_eq!(who("mateo r."), ("mateo".to_owned(), person("mateo"), false));
    assert_eq!(who("id:mateo"), ("mateo".to_owned(), None, false));
    assert_eq!(who("unknown"), ("unknown".to_owned(), None, false));
    for bad in ["", "10.0.0.9", "3c:22:fb:12:34:56", "a b", "id:", "fd00::1", &"x".repeat(64)] {
        let said = usage(meant(&config, bad));
        assert!(said.contains("is no id"), "{said}");
    }
    assert_eq!(near(&config, "mateo-fone"), Some("mateo-phone"));
    assert_eq!(near(&config, "zzz"), None);
}

#[test]
fn apples_devices_ask_over_https_or_at_the_usual_port_of_tls() {
    let reach = |listens: &str| {
        let config = config(listens);
        let (encrypted, hostname) = served(&config).unwrap();
        let id = ClientId::new("x").unwrap();
        let setup = Setup::new(encrypted, hostname, &id, None, false);
        setup.for_apple(encrypted).map(|reach| format!("{reach:?}"))
    };
    let https = "Https(\"https://dns.example.org/dns-query/x\")";
    assert_eq!(reach(ALL).as_deref(), Some(https));
    assert_eq!(reach("tls = \"0.0.0.0\"").as_deref(), Some("Tls(\"x.dns.example.org\")"));
    assert_eq!(reach("tls = \"0.0.0.0:8853\""), None);
    assert_eq!(reach("quic = \"0.0.0.0\""), None);
}

#[test]
fn a_wifi_belongs_to_a_profile() {
    assert!(parsed::<DeviceSetup>("mateo --apple m.mobileconfig --wifi \"Casa Pérez\"").is_ok());
    assert!(parsed::<DeviceSetup>("mateo --wifi Casa").is_err());
    assert!(parsed::<DeviceSetup>("").is_err());
}

/// The four UUIDs of the profiles of a device over both transports.
fn uuids(hostname: &str, id: &str) -> Vec<String> {
    let reaches = [Reach::Https("https://x/dns-query"), Reach::Tls("x")];
    let texts = reaches
        .map(|reach| Profile { id, hostname, reach, wifi: &[], name: "n", text: "t" }.to_string());
    let after = |text: &str| {
        let parts = text.split("<key>PayloadUUID</key>").skip(1);
        let values = parts.filter_map(|part| part.split(['<', '>']).nth(2).map(str::to_owned));
        values.collect::<Vec<_>>()
    };
    texts.iter().flat_map(|text| after(text)).collect()
}

#[test]
fn a_profile_has_the_uuids_of_its_device_and_of_no_other() {
    let one = uuids("dns.example.org", "mateo");
    assert_eq!(one.len(), 4);
    assert_eq!(one[..2], one[2..], "another transport is another state of the same profile");
    let others = [("dns.example.org", "mateo2"), ("dns.example.net", "mateo"), ("mateo", "dns")];
    let all = others.iter().flat_map(|(hostname, id)| uuids(hostname, id)[..2].to_vec());
    let all: HashSet<String> = all.chain(one[..2].to_vec()).collect();
    assert_eq!(all.len(), 8, "{all:?}");
    for uuid in all {
        let lengths: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{uuid}");
        assert!(uuid[14..].starts_with('8') && "89AB".contains(&uuid[19..20]), "{uuid}");
    }
}

#[test]
fn a_profile_of_ours_is_known_and_nothing_else() {
    let profile =
        Profile { id: "a", hostname: "b", reach: Reach::Tls("c"), wifi: &[], name: "", text: "" };
    assert!(profile::is_ours(&profile.to_string()));
    let foreign = profile.to_string().replace("<string>amparo.", "<string>org.example.");
    assert!(!profile::is_ours(&foreign) && !profile::is_ours("") && !profile::is_ours("<?xml"));
}

proptest! {
    #[test]
    fn nothing_that_a_name_holds_leaves_its_element(name in any::<String>()) {
        let wifi = [name.clone()];
        let profile = Profile {
            id: "a", hostname: "b", reach: Reach::Tls("c"), wifi: &wifi, name: &name, text: &name,
        };
        let plain = Profile {
            id: "a", hostname: "b", reach: Reach::Tls("c"), wifi: &[String::new()], name: "", text: "",
        };
        let (profile, plain) = (profile.to_string(), plain.to_string());
        prop_assert_eq!(profile.matches('<').count(), plain.matches('<').count());
        prop_assert_eq!(profile.matches('>').count(), plain.matches('>').count());
        let is_legal = |c: char| !c.is_control() || c == '\n' || c == '\t' || c >= '\u{7f}';
        prop_assert!(profile.chars().all(is_legal));
    }
}
