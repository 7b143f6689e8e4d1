//! Whom the rules are for, where questions go, and what a person is told.

use std::path::Path;

use super::*;
use crate::config::{Config, Origin, System};

const FAMILY: &str = r#"
[child.sofia]
age = 9
devices = ["02:00:00:00:00:0a", "192.168.1.20", "id:sofia-phone", "host:sofia-tv"]

[child.mateo]
age = 14
devices = ["192.168.2.0/24", "host:mateo-box", "host:nowhere"]

[adult.ana]
devices = ["02:00:00:00:00:0c", "fd00::10", "192.168.0.0/16"]
"#;

fn household(text: &str) -> Config {
    let system = System {
        language: crate::words::Language::En,
        zone: jiff::tz::TimeZone::UTC,
        zone_name: None,
    };
    crate::config::load(text, &Origin::Embedded, &system).unwrap().config
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn router() -> Machine {
    Machine { networks: names(&["lan", "wan"]), ways_out: names(&["wan"]), forwards: true }
}

fn listen(text: &str) -> Vec<SocketAddr> {
    text.split_whitespace().map(|at| at.parse().unwrap()).collect()
}

/// The plan for this config on a router, with two devices seen.
fn plan(text: &str) -> Plan {
    let config = household(text);
    let hosts = [
        SeenHost {
            host: "sofia-tv".to_owned(),
            mac: Some(Mac([2, 0, 0, 0, 0, 0x1a])),
            addresses: vec![],
        },
        SeenHost {
            host: "mateo-box".to_owned(),
            mac: None,
            addresses: vec!["fd00::99".parse().unwrap()],
        },
    ];
    Plan::new(Given {
        household: &config.household,
        devices: &config.devices,
        listen: &listen("0.0.0.0:53 [::]:53"),
        hosts: &hosts,
        machine: &router(),
        house: &[],
        elsewhere: None,
    })
}

/// The lines of a chain of the script, without comments.
fn chain(script: &str, name: &str) -> Vec<String> {
    let (_, rest) = script.split_once(&format!("  chain {name} {{\n")).expect("the chain is there");
    let (body, _) = rest.split_once("\n  }").unwrap();
    let lines = body.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    lines.map(str::to_owned).collect()
}

#[test]
fn each_device_is_held_or_free_as_the_filter_decides_who_it_is() {
    let whom = plan(FAMILY).whom;
    let shown = |devices: &Devices| {
        let macs = devices.macs.iter().map(ToString::to_string);
        let v4 = devices.v4.iter().map(ToString::to_string);
        macs.chain(v4).chain(devices.v6.iter().map(ToString::to_string)).collect::<Vec<_>>()
    };
    assert_eq!(
        shown(&whom.children),
        ["02:00:00:00:00:0a", "02:00:00:00:00:1a", "192.168.1.20", "fd00::99"]
    );
    assert_eq!(shown(&whom.adults), ["02:00:00:00:00:0c", "fd00::10"]);
    let ranges: Vec<_> =
        whom.ranges.iter().map(|(ip, length, child)| format!("{ip}/{length} {child}")).collect();
    assert_eq!(ranges, ["192.168.2.0/24 true", "192.168.0.0/16 false"]);
    assert!(whom.strangers);
}

#[test]
fn what_no_packet_shows_is_said() {
    let told = |kind: fn(String, String) -> Notice, who: &str, what: &str| {
        kind(who.to_owned(), what.to_owned())
    };
    let expected = [
        told(Notice::LeftOut, "sofia", "id:sofia-phone"),
        told(Notice::HostNow, "sofia", "host:sofia-tv"),
        told(Notice::HostNow, "mateo", "host:mateo-box"),
        told(Notice::HostUnseen, "mateo", "host:nowhere"),
    ];
    assert_eq!(plan(FAMILY).notices, expected);
}

#[test]
fn strangers_are_held_unless_the_household_leaves_them_open() {
    for (said, expected) in [
        ("", true),
        ("[household]\nunknown_devices = \"block\"\n", true),
        ("[household]\nunknown_devices = \"7-9\"\n", true),
        ("[household]\nunknown_devices = \"open\"\n", false),
    ] {
        let plan = plan(&format!("{said}{FAMILY}"));
        assert_eq!(plan.whom.strangers, expected, "{said}");
        assert_eq!(plan.notices.contains(&Notice::StrangersFree), !expected, "{said}");
        assert_eq!(
            chain(&nft::script(&plan), "held").contains(&"goto refuse".to_owned()),
            expected
        );
        assert!(plan.reaches_somebody());
    }
    let nobody = plan("[household]\nunknown_devices = \"open\"\n");
    assert!(nobody.notices.contains(&Notice::Nobody) && !nobody.reaches_somebody());
}

#[test]
fn a_machine_beside_the_router_says_that_nothing_passes_through_it() {
    let config = household("");
    let beside =
        Machine { networks: names(&["eth0"]), ways_out: names(&["eth0"]), forwards: false };
    let given = |machine, house| Given {
        household: &config.household,
        devices: &config.devices,
        listen: &[],
        hosts: &[],
        machine,
        house,
        elsewhere: None,
    };
    let plan = Plan::new(given(&beside, &[]));
    assert_eq!(plan.house, ["eth0"]);
    assert!(plan.notices.contains(&Notice::ForwardsNothing));
    assert!(plan.notices.contains(&Notice::OneNetwork));
    assert!(!plan.reaches_somebody());
    let lost = Machine { ways_out: Vec::new(), ..router() };
    assert!(Plan::new(given(&lost, &[])).notices.contains(&Notice::NoWayOut));
    assert_eq!(Plan::new(given(&lost, &names(&["lan"]))).house, ["lan"]);
}

#[test]
fn a_question_is_turned_to_where_the_program_answers_and_else_refused() {
    let config = household("");
    let turned = |at: &str| {
        let plan = Plan::new(Given {
            household: &config.household,
            devices: &config.devices,
            listen: &listen(at),
            hosts: &[],
            machine: &router(),
            house: &[],
            elsewhere: None,
        });
        let script = nft::script(&plan);
        let refused: Vec<_> = chain(&script, "forward")
            .into_iter()
            .filter(|line| line.contains("dport 53 "))
            .collect();
        (chain(&script, "turn"), refused)
    };
    let both = "meta l4proto { tcp, udp }";
    let (turn, refused) = turned("0.0.0.0:53 [::]:5300");
    assert_eq!(
        turn,
        [
            format!("meta nfproto ipv4 {both} redirect to :53"),
            format!("meta nfproto ipv6 {both} redirect to :5300")
        ]
    );
    assert!(refused.is_empty(), "{refused:?}");
    let (turn, refused) = turned("127.0.0.1:53 192.168.1.1:53 [::1]:53 [fd00::1]:53");
    assert_eq!(
        turn,
        [
            format!("meta nfproto ipv4 {both} dnat ip to 192.168.1.1:53"),
            format!("meta nfproto ipv6 {both} dnat ip6 to [fd00::1]:53")
        ]
    );
    assert!(refused.is_empty(), "{refused:?}");
    let (turn, refused) = turned("0.0.0.0:53");
    assert_eq!(turn, [format!("meta nfproto ipv4 {both} redirect to :53")]);
    assert_eq!(refused, [format!("meta nfproto ipv6 {both} th dport 53 jump held")]);
}

#[test]
fn a_filter_elsewhere_is_the_only_resolver_that_the_router_lets_ask() {
    let config = household(FAMILY);
    let plan = Plan::new(Given {
        household: &config.household,
        devices: &config.devices,
        listen: &[],
        hosts: &[],
        // What this machine is says nothing of the router.
        machine: &Machine::default(),
        house: &[],
        elsewhere: Some("192.168.1.5".parse().unwrap()),
    });
    assert_eq!(plan.house, [openwrt::HOUSE]);
    assert!(plan.reaches_somebody());
    let script = nft::script(&plan);
    assert!(!script.contains("redirect to") && !script.contains("dnat"));
    let forward = chain(&script, "forward");
    let place = |part: &str| forward.iter().position(|line| line.contains(part)).unwrap();
    assert!(place("ip saddr 192.168.1.5 accept") < place("dport 53 jump held"));
}

#[test]
fn the_openwrt_script_names_one_section_and_takes_back_exactly_that() {
    let plan = plan(FAMILY);
    let file = Path::new("/etc/amparo/firewall.nft");
    let (script, undo) = (openwrt::script(&plan, file), openwrt::undo(file));
    assert!(script.contains(&nft::script(&plan)), "the same rules");
    let is_ours = |line: &&str| line.starts_with("set ") && !line.contains("amparo_firewall");
    assert_eq!(script.lines().filter(|line| line.starts_with("set firewall")).find(is_ours), None);
    for part in ["uci -q delete firewall.amparo_firewall", "rm -f '/etc/amparo/firewall.nft'"] {
        assert!(undo.contains(part), "{undo}");
    }
}

#[test]
fn only_what_may_be_an_interface_gets_into_the_rules() {
    for (name, expected) in [
        ("br-lan", true),
        ("eth0.20", true),
        ("", false),
        ("sixteen-letters!", false),
        ("a\"; flush ruleset", false),
        ("wlan0\n", false),
    ] {
        assert_eq!(nft::is_interface(name), expected, "{name}");
    }
}
