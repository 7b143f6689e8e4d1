use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::clients::{Hosts, Leases, Neighbours};
use crate::clock::Clock;
use crate::config::{self, Origin, System};
use crate::dns::cache::{Cache, Key};
use crate::dns::serve::{Answer as _, Quick, Source, Transport};
use crate::dns::{Beside, Resolver, State, wire};
use crate::house::{Copies, House};
use crate::journal::Journal;
use crate::ledger::Ledger;
use crate::name::Name;
use crate::policy::passing::Passing;
use crate::roster::Roster;
use crate::words::Language;

const A: &[u8] = b"\xc0\x0c\0\x01\0\x01\0\0\x01\x2c\0\x04\xcb\0\x71\x05";
const AAAA: &[u8] =
    b"\xc0\x0c\0\x1c\0\x01\0\0\x01\x2c\0\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x05";
/// `1 . ipv4hint=203.0.113.5,203.0.113.6 ipv6hint=2001:db8::6`
const HTTPS: &[u8] = b"\xc0\x0c\0\x41\0\x01\0\0\x01\x2c\0\x23\0\x01\0\
    \0\x04\0\x08\xcb\0\x71\x05\xcb\0\x71\x06\
    \0\x06\0\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x06";

fn packet(flags: u8, qtype: u16, answers: &[&[u8]], additional: &[&[u8]]) -> Vec<u8> {
    let mut packet = vec![0xab, 0xcd, flags, 0, 0, 1];
    for section in [answers, &[], additional] {
        packet.extend_from_slice(&u16::try_from(section.len()).unwrap().to_be_bytes());
    }
    packet.extend_from_slice(b"\x03www\x04test\0");
    packet.extend_from_slice(&qtype.to_be_bytes());
    packet.extend_from_slice(&[0, 1]);
    packet.extend_from_slice(&[answers.concat(), additional.concat()].concat());
    packet
}

fn response(qtype: u16, answers: &[&[u8]], additional: &[&[u8]]) -> Response {
    let name = Name::parse("www.test").unwrap();
    Response::read(&packet(0x81, qtype, answers, additional), &name, qtype).unwrap()
}

fn ips(text: &str) -> Vec<IpAddr> {
    text.split(' ').map(|ip| ip.parse().unwrap()).collect()
}

#[test]
fn addresses_and_hints_of_the_answer_are_handed_out_and_no_others() {
    assert_eq!(addresses(&response(1, &[A, A], &[AAAA])), ips("203.0.113.5"));
    assert_eq!(addresses(&response(28, &[AAAA], &[])), ips("2001:db8::5"));
    let hints = ips("203.0.113.5 203.0.113.6 2001:db8::6");
    assert_eq!(addresses(&response(65, &[HTTPS], &[A])), hints);
    assert_eq!(addresses(&response(1, &[], &[])), Vec::<IpAddr>::new());
}

#[test]
fn an_answer_is_noted_once_a_minute_for_each_device_and_again_when_it_is_another() {
    let question = wire::question(&packet(1, 1, &[], &[])).unwrap();
    let response = response(1, &[A], &[]);
    let mut handing = Handing::default();
    let mut is_noted = |from: &str, age_seconds, tick| {
        let before = handing.given.len();
        let from: IpAddr = from.parse().unwrap();
        let aged = Aged { age_seconds, stale: false };
        handing.note(from, &question, &response, (aged, Tick(tick)), || Given {
            device: "tablet".into(),
            from,
            subject: None,
            name: question.name,
            addresses: Vec::new(),
        });
        handing.given.len() > before
    };
    assert!(is_noted("192.168.1.2", 0, 100_000));
    assert!(!is_noted("192.168.1.2", 5, 105_000));
    assert!(is_noted("192.168.1.3", 5, 105_000), "another device");
    assert!(is_noted("192.168.1.2", 1, 130_000), "fetched anew since");
    assert!(is_noted("192.168.1.2", 61, 190_000), "a minute later");
}

/// What `video.example` and `www.google.com` hand to a device under this config.
fn handed_to(device: &str, more: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "[child.sofia]\nage = 9\ndevices = [\"192.168.1.42\"]\n\
         [adult.ana]\ndevices = [\"192.168.1.10\"]\n{more}"
    );
    let zone = jiff::tz::TimeZone::UTC;
    let system = System { language: Language::En, zone, zone_name: None };
    let config = config::load(&text, &Origin::Embedded, &system).unwrap().config;
    let house = House::open(config, folder.path(), Copies::LookOnly);
    let clock = Clock::held("2026-11-23T12:00:00Z".parse().unwrap());
    let journal = Journal::open(&folder.path().join("j"), &house.config.journal, clock.clone());
    let state = Arc::new(State::new(house, Vec::new(), Passing::default(), &clock, None));
    let beside = Beside {
        identity: Arc::default(),
        neighbours: Neighbours::fixed([]),
        hosts: Hosts::default(),
        leases: Leases::new(&["/dev/null".into()]),
        journal: Arc::new(journal.unwrap()),
        ledger: Arc::new(Ledger::in_memory(clock.clone())),
        roster: Arc::new(Roster::in_memory(clock.clone())),
        clock: clock.clone(),
    };
    let resolver = Resolver::new(Arc::clone(&state), Cache::new(1 << 20, 10), beside);
    let mut desk = resolver.desk(1);
    resolver.begin(&mut desk);
    let source = Source {
        from: (ip(device), 4000).into(),
        to: ip("192.168.1.1"),
        by: Transport::Udp,
        id: None,
    };
    for (asked, kept, last) in
        [("video.example", "video.example", 5), ("www.google.com", "forcesafesearch.google.com", 6)]
    {
        let [asked, kept] = [asked, kept].map(|text| Name::parse(text).unwrap());
        let question = |name: &Name, answers: u8| {
            let head = [0xab, 0xcd, 1, 0, 0, 1, 0, answers, 0, 0, 0, 0];
            [&head[..], name.wire(), &[0, 1, 0, 1]].concat()
        };
        // For an adult, the site itself.
        for (group, kept) in [(0, asked), (1, kept)] {
            let mut answer = question(&kept, 1);
            answer[2] = 0x81;
            answer.extend_from_slice(&A[..A.len() - 1]);
            answer.push(last);
            let response = Response::read(&answer, &kept, 1).unwrap();
            let key = Key::new(&kept, 1, false, false, state.kept_under(group));
            resolver.cache().insert(&key, Arc::new(response), clock.tick());
        }
        let mut out = Vec::new();
        let quick = resolver.answer_now(&mut desk, &question(&asked, 0), &source, &mut out);
        assert!(matches!(quick, Quick::Reply), "{asked} is answered at once");
        assert_eq!(out.last(), Some(&last), "{asked} was in the cache");
    }
    resolver.end(&mut desk);
    let mut lines = resolver.handed().lines();
    lines.sort();
    lines
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn what_a_child_is_handed_is_remembered_by_the_name_asked() {
    let enforce = "[enforce]\nnftables_set = \"inet amparo closed\"";
    assert_eq!(
        handed_to("192.168.1.42", enforce),
        [
            "sofia 192.168.1.42 203.0.113.5 video.example",
            "sofia 192.168.1.42 203.0.113.6 www.google.com"
        ]
    );
    assert_eq!(handed_to("192.168.1.42", ""), [""; 0], "nobody is to be told");
    assert_eq!(handed_to("192.168.1.10", enforce), [""; 0], "an adult");
}

proptest! {
    #[test]
    fn whatever_a_record_holds_is_survived(mut data in proptest::collection::vec(any::<u8>(), 0..80)) {
        data.truncate(80);
        let length = u16::try_from(data.len()).unwrap().to_be_bytes();
        let record = [b"\xc0\x0c\0\x41\0\x01\0\0\x01\x2c", &length[..], &data].concat();
        let name = Name::parse("www.test").unwrap();
        let message = packet(0x81, 65, &[&record], &[]);
        if let Ok(response) = Response::read(&message, &name, 65) {
            prop_assert!(addresses(&response).len() <= data.len() / 4);
        }
    }
}
