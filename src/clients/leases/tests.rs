//! Claims that hold for all formats.

use proptest::prelude::*;

use super::*;

fn shown(leases: &[Lease]) -> Vec<[String; 4]> {
    let dash = || "-".to_owned();
    leases
        .iter()
        .map(|lease| {
            [
                lease.address.map_or_else(dash, |it| it.to_string()),
                lease.mac.map_or_else(dash, |it| it.to_string()),
                lease.host.clone().unwrap_or_else(dash),
                lease.until.map_or_else(dash, |it| it.as_second().to_string()),
            ]
        })
        .collect()
}

#[test]
fn every_example_becomes_what_stands_beside_it() {
    for format in FORMATS {
        for example in format.examples {
            let leases = (format.parse)(example.text);
            let expected: Vec<[String; 4]> = example
                .leases
                .iter()
                .map(|&(address, mac, host, until)| [address, mac, host, until].map(str::to_owned))
                .collect();
            assert_eq!(shown(&leases), expected, "{}: {}", format.name, example.text);
        }
    }
}

#[test]
fn an_example_with_leases_is_recognised_as_its_own_format() {
    for format in FORMATS {
        for example in format.examples.iter().filter(|example| !example.leases.is_empty()) {
            let alike: Vec<&str> = FORMATS
                .iter()
                .filter(|other| (other.looks_like)(example.text))
                .map(|other| other.name)
                .collect();
            assert_eq!(alike.first(), Some(&format.name), "{}: {alike:?}", example.text);
            let leases = read("a file", example.text).map(|leases| shown(&leases));
            assert_eq!(leases, Some(shown(&(format.parse)(example.text))), "{}", example.text);
        }
    }
}

#[test]
fn formats_have_names_and_places_of_their_own() {
    let mut names: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), FORMATS.len());
    let mut places: Vec<&Place> = FORMATS.iter().flat_map(|format| format.places).collect();
    let count = places.len();
    places.sort_unstable_by_key(|place| format!("{place:?}"));
    places.dedup();
    assert_eq!(places.len(), count, "a file would be read twice");
    for format in FORMATS {
        assert!(!format.summary.is_empty() && !format.examples.is_empty(), "{}", format.name);
        for place in format.places {
            let (Place::File(path) | Place::Folder(path, _)) = place;
            assert!(path.starts_with('/') && !path.contains('*'), "{path}");
        }
    }
}

#[test]
fn an_empty_file_of_a_known_server_is_understood() {
    for (name, text) in [
        ("dnsmasq.leases", "duid 00:01:00:01:2a:bc:de:f0:52:54:00:11:22:33\n"),
        ("kea-leases4.csv", "address,hwaddr,client_id,valid_lifetime,expire,hostname,state\n"),
        ("dhcpd.leases", "authoring-byte-order little-endian;\n"),
        ("br-lan", r#"{"BootID":"00","Leases":[]}"#),
    ] {
        assert_eq!(read(name, text), Some(Vec::new()), "{name}");
    }
    assert_eq!(read("dnsmasq.leases", "what is this\n"), None);
    assert_eq!(read("x", ""), None);
}

#[test]
fn no_lease_names_nobody() {
    for (address, mac, host, is_taken) in [
        (None, None, "tablet", false),
        (Some("192.168.1.2"), None, "*", false),
        (Some("192.168.1.2"), None, "tablet", true),
        (Some("0.0.0.0"), None, "tablet", false),
        (None, Some(Mac([2, 0, 0, 0, 0, 1])), "*", true),
    ] {
        let address = address.map(|address| address.parse().unwrap());
        let lease = Lease::of(address, mac, host, None);
        assert_eq!(lease.is_some(), is_taken, "{address:?} {mac:?} {host}");
    }
}

#[test]
fn a_duid_tells_its_hardware_address_only_where_it_has_one() {
    let mac = "3c:22:fb:12:34:56";
    for (duid, expected) in [
        ("00:01:00:01:2a:bb:cc:dd:3c:22:fb:12:34:56", Some(mac)),
        ("000300013c22fb123456", Some(mac)),
        // By the maker's own number, by UUID, of another kind of network, cut, of a group.
        ("00:02:00:00:ab:11:3c:22:fb:12:34:56", None),
        ("00:04:3c:22:fb:12:34:56:3c:22:fb:12:34:56:3c:22:fb:12", None),
        ("00:03:00:20:3c:22:fb:12:34:56", None),
        ("00:03:00:01:3c:22:fb:12:34", None),
        ("00:03:00:01:33:33:00:00:00:01", None),
        ("0", None),
        ("zz", None),
        ("", None),
    ] {
        let found = octets(duid).and_then(|duid| mac_of_duid(&duid));
        assert_eq!(found.map(|mac| mac.to_string()).as_deref(), expected, "{duid}");
    }
}

/// What holds of whatever a format makes of a text.
fn check(text: &str) {
    for format in FORMATS {
        for lease in (format.parse)(text) {
            assert!(lease.address.is_some() || lease.mac.is_some(), "{}: {lease:?}", format.name);
            assert_eq!(lease.host, lease.host.as_deref().and_then(label), "{}", format.name);
        }
    }
    let _ = read("a file", text);
}

proptest! {
    #[test]
    fn any_text_is_read(text in "\\PC{0,200}") {
        check(&text);
    }

    #[test]
    fn any_octets_are_read(octets in proptest::collection::vec(any::<u8>(), 0..400)) {
        check(&String::from_utf8_lossy(&octets));
    }

    /// Half of a file, twice of a piece, a character that is another one.
    #[test]
    fn a_damaged_file_is_read(
        which in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
        from in any::<prop::sample::Index>(),
        put in any::<char>(),
    ) {
        let all: Vec<&str> =
            FORMATS.iter().flat_map(|format| format.examples).map(|it| it.text).collect();
        let mut characters: Vec<char> = which.get(&all).chars().collect();
        let at = cut.index(characters.len());
        characters[at] = put;
        check(&characters.iter().collect::<String>());
        check(&characters[..at].iter().collect::<String>());
        let again: String = characters[from.index(characters.len())..].iter().collect();
        check(&format!("{}{again}", characters[..at].iter().collect::<String>()));
    }
}
