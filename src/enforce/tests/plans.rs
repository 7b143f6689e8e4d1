//! What is cut and what is let go.

use super::*;

/// Tells what changed, and that it was heard.
fn tell(handed: &Handed, now: u64, names: &'static [&'static str]) -> Vec<String> {
    let orders = handed.plan(Tick(now), &closed(names), &|_| Vec::new());
    let lines = shown(&orders);
    handed.settle(orders, true);
    lines
}

fn house() -> Handed {
    let handed = Handed::default();
    handed.take(
        [
            to_tablet("video.example", "203.0.113.5 203.0.113.9"),
            to_tablet("school.example", "203.0.113.7 203.0.113.9"),
        ],
        Tick(0),
    );
    handed
}

#[test]
fn what_closes_is_cut_once_and_let_go_when_it_opens() {
    let handed = house();
    assert_eq!(tell(&handed, 1, &[]), [""; 0]);
    let cut = "close 192.168.1.42 203.0.113.5 video.example";
    assert_eq!(tell(&handed, 2, &["video.example"]), [cut]);
    assert_eq!(tell(&handed, 3, &["video.example"]), [""; 0]);
    let open = "open 192.168.1.42 203.0.113.5 video.example";
    assert_eq!(tell(&handed, 4, &[]), [open]);
    assert_eq!(tell(&handed, 5, &[]), [""; 0]);
    assert_eq!(tell(&handed, 6, &["video.example"]), [cut], "and again");
}

#[test]
fn an_address_that_something_open_has_too_is_not_cut_until_that_closes() {
    let handed = house();
    assert_eq!(tell(&handed, 1, &["video.example"]).len(), 1);
    assert_eq!(
        tell(&handed, 2, &["video.example", "school.example"]),
        [
            "close 192.168.1.42 203.0.113.7 school.example",
            "close 192.168.1.42 203.0.113.9 video.example"
        ]
    );
    assert_eq!(
        tell(&handed, 3, &["video.example"]),
        [
            "open 192.168.1.42 203.0.113.7 school.example",
            "open 192.168.1.42 203.0.113.9 video.example"
        ],
        "what opens with it is let go although another name of it stays closed"
    );
}

#[test]
fn what_is_cut_and_then_handed_out_for_something_open_is_let_go_at_once() {
    let handed = house();
    tell(&handed, 1, &["video.example"]);
    handed.take([to_tablet("help.example", "203.0.113.5")], Tick(2));
    handed.take([to_tablet("help.example", "203.0.113.5")], Tick(3));
    let orders = handed.let_go();
    assert_eq!(shown(&orders), ["open 192.168.1.42 203.0.113.5 video.example"]);
    handed.settle(orders, true);
    assert_eq!(tell(&handed, 4, &["video.example"]), [""; 0]);
}

#[test]
fn what_was_not_heard_is_told_again() {
    let handed = house();
    let plan = |names| handed.plan(Tick(1), &closed(names), &|_| Vec::new());
    for is_done in [false, false, true] {
        let orders = plan(&["video.example"]);
        assert_eq!(shown(&orders), ["close 192.168.1.42 203.0.113.5 video.example"]);
        handed.settle(orders, is_done);
    }
    for is_done in [false, true] {
        let orders = plan(&[]);
        assert_eq!(shown(&orders), ["open 192.168.1.42 203.0.113.5 video.example"]);
        handed.settle(orders, is_done);
    }
    assert_eq!(shown(&plan(&[])), [""; 0]);
}

#[test]
fn what_closes_again_before_it_was_let_go_stays_cut() {
    let handed = house();
    tell(&handed, 1, &["video.example"]);
    handed.take([to_tablet("help.example", "203.0.113.5")], Tick(2));
    let cut = "close 192.168.1.42 203.0.113.5 help.example";
    let told = tell(&handed, 3, &["video.example", "help.example"]);
    assert_eq!(told, [cut.replace("help", "video")]);
    assert_eq!(shown(&handed.let_go()), [""; 0], "not let go behind that");
}

#[test]
fn each_device_is_cut_by_the_rules_of_its_child() {
    for (whose, device) in [(Some("mateo"), "192.168.1.50"), (None, "192.168.1.60")] {
        let handed = house();
        let phone = given("phone", "192.168.1.50", "video.example", "203.0.113.5");
        handed.take([Given { subject: Some("mateo".into()), ..phone }], Tick(0));
        let guest = given("guest", "192.168.1.60", "video.example", "203.0.113.5");
        handed.take([Given { subject: None, ..guest }], Tick(0));
        let of_one = |subject: Option<&str>, asked: &Name| {
            subject == whose && *asked == name("video.example")
        };
        let orders = handed.plan(Tick(1), &of_one, &|_| Vec::new());
        assert_eq!(shown(&orders), [format!("close {device} 203.0.113.5 video.example")]);
    }
}

#[test]
fn a_device_is_cut_from_addresses_of_each_family_by_its_own_of_that_family() {
    let handed = Handed::default();
    handed.take([to_tablet("video.example", "203.0.113.5 2001:db8::5")], Tick(0));
    let known = |device: &str| {
        assert_eq!(device, TABLET);
        vec![ip("192.168.1.42"), ip("fd00::42"), ip("fd00::43")]
    };
    let orders = handed.plan(Tick(1), &closed(&["example"]), &known);
    assert_eq!(
        shown(&orders),
        [
            "close 192.168.1.42 203.0.113.5 video.example",
            "close fd00::42 2001:db8::5 video.example",
            "close fd00::43 2001:db8::5 video.example",
        ]
    );
    handed.settle(orders, true);
    // It is let go by the addresses by which it was cut.
    let opened = handed.plan(Tick(2), &closed(&[]), &|_| Vec::new());
    assert_eq!(opened.len(), 3);
}

#[test]
fn a_device_known_by_one_family_alone_is_told_by_that() {
    let handed = Handed::default();
    handed.take([to_tablet("video.example", "2001:db8::5")], Tick(0));
    let orders = handed.plan(Tick(1), &closed(&["example"]), &|_| Vec::new());
    assert_eq!(shown(&orders), ["close 192.168.1.42 2001:db8::5 video.example"]);
}

#[test]
fn nothing_stays_cut_longer_than_a_day() {
    let handed = house();
    assert_eq!(tell(&handed, 10, &["example"]).len(), 3);
    assert_eq!(tell(&handed, KEPT_MILLIS + 9, &["example"]).len(), 0);
    assert_eq!(tell(&handed, KEPT_MILLIS + 10, &["example"]).len(), 3, "let go");
    assert_eq!(tell(&handed, KEPT_MILLIS + 11, &["example"]).len(), 0);
    assert!(handed.is_empty());
}

#[test]
fn a_name_is_told_in_printable_letters() {
    let handed = Handed::default();
    let odd = Name::from_wire(b"\x05a b\n\xff\0").unwrap();
    let one = Given { name: odd, ..to_tablet("x.example", "203.0.113.5") };
    handed.take([one], Tick(0));
    let orders = handed.plan(Tick(1), &|_, _| true, &|_| Vec::new());
    assert_eq!(shown(&orders), [r"close 192.168.1.42 203.0.113.5 a\032b\010\255"]);
}

proptest::proptest! {
    /// Whatever happens in whatever order: cut is exactly what is closed under every name.
    #[test]
    fn what_is_cut_is_what_is_closed(
        steps in proptest::collection::vec((0_u8..4, 0_u8..4, 0_u8..16, proptest::bool::ANY), 1..60),
    ) {
        use std::collections::{HashMap, HashSet};
        let handed = Handed::default();
        let mut sites: HashMap<u8, HashSet<u8>> = HashMap::new();
        let mut router: HashSet<IpAddr> = HashSet::new();
        let mut mask = 0_u8;
        let hear = |orders: Vec<handed::Order>, is_done, router: &mut HashSet<IpAddr>| {
            for handed::Order { line, .. } in orders.iter().filter(|_| is_done) {
                match line.verb {
                    Verb::Close => router.insert(line.address),
                    Verb::Open => router.remove(&line.address),
                };
            }
            handed.settle(orders, is_done);
        };
        for (at, (site, address, closed, hears)) in (1..).zip(steps) {
            let label = |site: u8| format!("s{site}.example");
            // Only what is open is handed out.
            if mask & (1 << site) == 0 {
                let to = format!("203.0.113.{}", address + 1);
                handed.take([to_tablet(&label(site), &to)], Tick(at));
                sites.entry(site).or_default().insert(address);
            }
            hear(handed.let_go(), hears, &mut router);
            mask = closed;
            let is_closed = |_: Option<&str>, asked: &Name| {
                (0..4).any(|site| mask & (1 << site) != 0 && *asked == name(&label(site)))
            };
            hear(handed.plan(Tick(at), &is_closed, &|_| Vec::new()), hears, &mut router);
            if !hears {
                continue;
            }
            for address in 0..4 {
                let names: Vec<_> = sites.iter().filter(|(_, to)| to.contains(&address)).collect();
                let is_cut = !names.is_empty() && names.iter().all(|(site, _)| mask & (1 << **site) != 0);
                let found = router.contains(&ip(&format!("203.0.113.{}", address + 1)));
                proptest::prop_assert_eq!(found, is_cut);
            }
        }
    }
}
