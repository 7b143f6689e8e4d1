//! A router that asks for everybody: Debian's dnsmasq on a machine of its own, which says for
//! which device it asks, in each of its ways.

use data_encoding::HEXLOWER;

use super::{ANAS, EVERYBODY, HOUSEHOLD, MATEOS, SOFIAS, STRANGERS};
use crate::harness::HomeNetwork;
use crate::harness::home_network::{Background, Machine, Serving, dnsmasq, eventually};

/// The address of the forwarder.
const FORWARDER: &str = "10.9.0.2";
/// Its hardware address, which is nobody's.
const FORWARDERS: &str = "02:00:00:00:00:0f";
/// What dnsmasq tells of the device: its hardware address as octets (option 65001), as text and in
/// base64 (65073).
const BY_HARDWARE_ADDRESS: [&str; 3] = ["--add-mac", "--add-mac=text", "--add-mac=base64"];
/// Its address as a client subnet of full length (RFC 7871), and a word of the network (65074).
const OTHERWISE: [&str; 2] = ["--add-subnet=32,128", "--add-cpe-id=mateo-phone"];
/// The options of all those: none of them leaves the house.
const PRIVATE: [u16; 4] = [8, 65001, 65073, 65074];

/// The household, in which the forwarder is trusted, and the older child has a client id.
fn trusting() -> String {
    let by_id = format!("devices = [\"{MATEOS}\", \"id:mateo-phone\"]");
    let config = HOUSEHOLD.replace(&format!("devices = [\"{MATEOS}\"]"), &by_id);
    format!("[dns]\ntrusted_forwarders = [\"{FORWARDER}\"]\n{config}")
}

/// The machine of the forwarder.
fn forwarder_in(network: &HomeNetwork) -> Machine {
    let machine = network.machine(FORWARDERS);
    machine.namespace.run(&format!("ip addr add {FORWARDER}/24 dev lan"));
    machine
}

/// The forwarder, telling this of whoever asks, until it goes.
fn forwards(machine: &Machine, telling: &str) -> Background {
    let forwarder = dnsmasq(
        &machine.namespace,
        &format!(
            "--port=53 --interface=lan --no-resolv --no-hosts --cache-size=0 --server=10.9.0.1 {telling}"
        ),
    );
    // Port 53 in the kernel's own words.
    let listens = || machine.namespace.run("cat /proc/net/udp").contains(":0035 ").then_some(());
    eventually("the forwarder", listens);
    forwarder
}

/// A question through the forwarder meets these rules, over UDP and over TCP.
#[track_caller]
fn is_behind(machine: &Machine, telling: &str, who: &str) {
    for transport in ["", "+tcp"] {
        let closes = |who: &str| machine.asks(&format!("@{FORWARDER} {transport} {who}.example"));
        let rules: Vec<_> = EVERYBODY.into_iter().filter(|who| closes(who) == "0.0.0.0").collect();
        assert_eq!(rules, [who], "{telling} {transport}");
    }
}

/// A question that leaves the house does so without what was told of the device.
#[track_caller]
fn tells_nobody_outside(serving: &Serving<'_>, machine: &Machine, telling: &str, number: usize) {
    let name = format!("outside{number}.example");
    let answer = machine.asks(&format!("@{FORWARDER} {name}"));
    assert_eq!(answer, "192.0.2.7", "{telling}");
    assert!(serving.upstream().count(&name) > 0, "it was asked outside");
    for seen in serving.upstream().seen() {
        let told: Vec<_> = seen.options.iter().filter(|code| PRIVATE.contains(code)).collect();
        assert!(told.is_empty(), "{telling}: {seen:?}");
    }
}

/// Everybody, with their machine.
fn everybody(network: &HomeNetwork) -> [(Machine, &'static str); 4] {
    [
        (network.guest(SOFIAS, "sofia-tablet"), "sofia"),
        (network.guest(MATEOS, "mateo-phone"), "mateo"),
        (network.guest(ANAS, "ana-laptop"), "ana"),
        (network.guest(STRANGERS, "somebody"), "unknown"),
    ]
}

#[test]
fn behind_a_trusted_forwarder_everybody_has_their_own_rules() {
    let Some(network) = HomeNetwork::new() else { return };
    let serving = network.serves(&trusting());
    let (forwarder, everybody) = (forwarder_in(&network), everybody(&network));
    for (number, telling) in BY_HARDWARE_ADDRESS.into_iter().enumerate() {
        let _forwarding = forwards(&forwarder, telling);
        for (machine, who) in &everybody {
            is_behind(machine, telling, who);
            tells_nobody_outside(&serving, machine, telling, number);
        }
    }
}

#[test]
fn a_trusted_forwarder_may_tell_an_address_instead_of_a_hardware_address() {
    let Some(network) = HomeNetwork::new() else { return };
    let serving = network.serves(&trusting());
    let (forwarder, everybody) = (forwarder_in(&network), everybody(&network));
    let _forwarding = forwards(&forwarder, OTHERWISE[0]);
    for (machine, who) in &everybody {
        is_behind(machine, OTHERWISE[0], who);
        tells_nobody_outside(&serving, machine, OTHERWISE[0], 0);
    }
}

#[test]
fn the_word_a_trusted_forwarder_adds_is_a_client_id() {
    let Some(network) = HomeNetwork::new() else { return };
    let serving = network.serves(&trusting());
    let (forwarder, stranger) = (forwarder_in(&network), network.guest(STRANGERS, "somebody"));
    let forwarding = forwards(&forwarder, OTHERWISE[1]);
    is_behind(&stranger, OTHERWISE[1], "mateo");
    tells_nobody_outside(&serving, &stranger, OTHERWISE[1], 0);
    drop(forwarding);
    // Another word is nobody's.
    let _forwarding = forwards(&forwarder, "--add-cpe-id=somebodys-phone");
    is_behind(&stranger, "another word", "unknown");
}

#[test]
fn what_a_forwarder_tells_counts_for_nothing_unless_it_is_trusted() {
    let Some(network) = HomeNetwork::new() else { return };
    let key = format!("trusted_forwarders = [\"{FORWARDER}\"]");
    let config = trusting().replace(&key, "trusted_forwarders = [\"10.9.0.3\"]");
    let serving = network.serves(&config);
    let (forwarder, everybody) = (forwarder_in(&network), everybody(&network));
    for (number, telling) in [&BY_HARDWARE_ADDRESS[..], &OTHERWISE].concat().into_iter().enumerate()
    {
        let _forwarding = forwards(&forwarder, telling);
        for (machine, _) in &everybody {
            is_behind(machine, telling, "unknown");
        }
        tells_nobody_outside(&serving, &everybody[0].0, telling, number);
    }
}

#[test]
fn whoever_claims_to_be_somebody_else_stays_who_they_are() {
    let Some(network) = HomeNetwork::new() else { return };
    let serving = network.serves(&trusting());
    // The adult's hardware address in each form, her address, and a child's word.
    let ana = network.guest(ANAS, "ana-laptop");
    let address: std::net::Ipv4Addr = ana.addresses().v4.parse().expect("ip writes an address");
    let claims = [
        "65001:02000000000c".to_owned(),
        format!("65073:{}", HEXLOWER.encode(ANAS.as_bytes())),
        format!("65073:{}", HEXLOWER.encode(b"AgAAAAAM")),
        format!("65074:{}", HEXLOWER.encode(b"mateo-phone")),
        format!("8:00012000{}", HEXLOWER.encode(&address.octets())),
    ];
    for (machine, who) in [
        (network.guest(STRANGERS, "somebody"), "unknown"),
        (network.guest(SOFIAS, "sofia-tablet"), "sofia"),
    ] {
        for claim in &claims {
            for (from, server) in machine.addresses().ways() {
                let question = format!("@{server} -b {from} +ednsopt={claim} {who}.example");
                assert_eq!(machine.asks(&question), "0.0.0.0", "{claim}");
            }
            let name = format!("{who}-outside.example");
            machine.asks(&format!("@10.9.0.1 +ednsopt={claim} {name}"));
        }
    }
    for seen in serving.upstream().seen() {
        let told: Vec<_> = seen.options.iter().filter(|code| PRIVATE.contains(code)).collect();
        assert!(told.is_empty(), "{seen:?}");
    }
}
