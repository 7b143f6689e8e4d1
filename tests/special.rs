//! Names that never leave the house, and those that a family sends elsewhere.

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;

use crate::harness::{ANA, Amparo, FAMILY, MATEO, SOFIA};

#[tokio::test]
async fn localhost_is_this_machine() {
    let amparo = Amparo::start(FAMILY).await;
    for name in ["localhost", "printer.localhost"] {
        amparo.ask(ANA, name).await.holds_only("127.0.0.1");
        amparo.ask_type(ANA, name, RecordType::AAAA).await.holds_only("::1");
        amparo.ask_type(ANA, name, RecordType::TXT).await.is_nodata();
    }
    amparo.upstream.saw_nothing();
}

#[tokio::test]
async fn special_names_do_not_exist_and_do_not_leave_the_house() {
    let amparo = Amparo::start(FAMILY).await;
    let names = [
        "invalid",
        "some.invalid",
        "facebookcorewwwi.onion",
        "some.alt",
        "printer.local",
        "router.home.arpa",
        "db.internal",
        "printer",
        "wpad",
    ];
    for name in names {
        for kind in [RecordType::A, RecordType::AAAA, RecordType::HTTPS] {
            amparo.ask_type(ANA, name, kind).await.is_nxdomain();
        }
        amparo.ask(MATEO, name).await.is_nxdomain();
    }
    amparo.upstream.saw_nothing();
}

#[tokio::test]
async fn reverse_names_of_the_house_do_not_leave_it() {
    let amparo = Amparo::start(FAMILY).await;
    let names = [
        "5.1.168.192.in-addr.arpa",
        "1.0.0.10.in-addr.arpa",
        "1.2.16.172.in-addr.arpa",
        "1.2.31.172.in-addr.arpa",
        "1.0.64.100.in-addr.arpa",
        "1.0.254.169.in-addr.arpa",
        "1.0.0.127.in-addr.arpa",
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa",
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.e.f.ip6.arpa",
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
    ];
    for name in names {
        let answer = amparo.ask_type(ANA, name, RecordType::PTR).await;
        let code = answer.message.metadata.response_code;
        assert!(matches!(code, ResponseCode::NoError | ResponseCode::NXDomain), "{answer:?}");
    }
    amparo.upstream.saw_nothing();
}

#[tokio::test]
async fn reverse_names_of_the_world_are_asked_upstream() {
    let amparo = Amparo::start(FAMILY).await;
    for name in ["8.8.8.8.in-addr.arpa", "1.0.32.172.in-addr.arpa", "1.0.169.192.in-addr.arpa"] {
        amparo.ask_type(ANA, name, RecordType::PTR).await;
        assert_eq!(amparo.upstream.count(name), 1, "{name}");
    }
}

#[tokio::test]
async fn no_designated_resolver_is_found_through_us() {
    // An upstream's answer would let a phone move past the filter (RFC 9462 §4).
    let amparo = Amparo::start(FAMILY).await;
    for name in ["_dns.resolver.arpa", "resolver.arpa"] {
        for who in [SOFIA, ANA] {
            amparo.ask_type(who, name, RecordType::SVCB).await.is_nodata();
        }
    }
    amparo.upstream.saw_nothing();
}

#[tokio::test]
async fn the_name_that_phones_find_nat64_with_is_asked_upstream() {
    // RFC 8880 §7.1.
    let amparo = Amparo::start(FAMILY).await;
    amparo.ask_type(MATEO, "ipv4only.arpa", RecordType::AAAA).await.is_open();
    assert_eq!(amparo.upstream.count("ipv4only.arpa"), 1);
}

#[tokio::test]
async fn the_familys_own_records_answer_here() {
    let config = format!(
        "{FAMILY}\n[dns]\nrecords = {{ \"printer.home.arpa\" = \"192.168.1.5\", \
         \"nas.example\" = \"fd00::5\" }}\n"
    );
    let amparo = Amparo::start(&config).at("2026-11-23 22:00").await;
    for who in [SOFIA, ANA] {
        amparo.ask(who, "printer.home.arpa").await.holds_only("192.168.1.5");
        amparo.ask_type(who, "printer.home.arpa", RecordType::AAAA).await.is_nodata();
        amparo.ask_type(who, "nas.example", RecordType::AAAA).await.holds_only("fd00::5");
        amparo.ask(who, "nas.example").await.is_nodata();
    }
    amparo.upstream.saw_nothing();
}

#[tokio::test]
async fn a_zone_may_be_asked_elsewhere() {
    let config = format!("{FAMILY}\n[dns]\nforward = {{ \"lan\" = [\"udp://{{second}}\"] }}\n");
    let amparo = Amparo::start(&config)
        .second(|second| {
            second.address("printer.lan", "198.51.100.5");
        })
        .await;
    amparo.ask(ANA, "printer.lan").await.resolves_to("198.51.100.5");
    amparo.ask(MATEO, "printer.lan").await.resolves_to("198.51.100.5");
    amparo.ask(ANA, "www.example.com").await.is_open();
    amparo.upstream.never_saw("printer.lan");
    amparo.second.never_saw("www.example.com");
}

#[tokio::test]
async fn a_special_zone_may_be_asked_elsewhere_too() {
    let config = format!(
        "{FAMILY}\n[dns]\nforward = {{ \"home.arpa\" = [\"udp://{{second}}\"], \
         \"168.192.in-addr.arpa\" = [\"udp://{{second}}\"] }}\n"
    );
    let amparo = Amparo::start(&config)
        .second(|second| {
            second.address("router.home.arpa", "198.51.100.1");
        })
        .await;
    amparo.ask(ANA, "router.home.arpa").await.resolves_to("198.51.100.1");
    amparo.ask_type(ANA, "5.1.168.192.in-addr.arpa", RecordType::PTR).await;
    assert_eq!(amparo.second.count("5.1.168.192.in-addr.arpa"), 1);
    amparo.upstream.saw_nothing();
}

#[tokio::test]
async fn a_child_may_be_asked_for_elsewhere() {
    let config = format!("{FAMILY}\n[dns]\nchild_upstreams = [\"udp://{{second}}\"]\n");
    let amparo = Amparo::start(&config)
        .upstream(|upstream| {
            upstream.address("mixed.example", "198.51.100.1");
        })
        .second(|second| {
            second.address("mixed.example", "198.51.100.2");
        })
        .await;
    // Both ways round: the cache must not mix who was asked.
    amparo.ask(ANA, "mixed.example").await.holds_only("198.51.100.1");
    amparo.ask(MATEO, "mixed.example").await.holds_only("198.51.100.2");
    amparo.ask(ANA, "mixed.example").await.holds_only("198.51.100.1");
}
