//! Devices are recognised: real machines on a home's network, with addresses that come and go.
//!
//! Every member of the household closes a name of their own, so that an answer shows whose rules
//! held. What needs network namespaces is skipped, with the reason printed, where none can be made.
//! This file is about addresses; the others about machines that are new, forwarders, ways around
//! the filter and their signs, names, and the kernel's table.

mod arrivals;
mod detours;
mod forwarders;
mod kernel;
mod names;
mod signs;

use crate::harness::HomeNetwork;
use crate::harness::home_network::Machine;

/// The hardware address of the child of nine.
const SOFIAS: &str = "02:00:00:00:00:0a";
/// Of the child of fourteen.
const MATEOS: &str = "02:00:00:00:00:0b";
/// Of the adult.
const ANAS: &str = "02:00:00:00:00:0c";
/// Of a device that nobody claimed.
const STRANGERS: &str = "02:00:00:00:00:0d";
/// One that a machine made up.
const MADE_UP: &str = "06:5e:11:22:33:44";

/// Whose rules there are; each closes `….example` of its name.
const EVERYBODY: [&str; 4] = ["sofia", "mateo", "ana", "unknown"];
/// The household of these tests.
const HOUSEHOLD: &str = r#"
[household]
unknown_devices = "strangers"

[profile.strangers]
based_on = "open"
block = ["unknown.example"]

[child.sofia]
age = 9
devices = ["02:00:00:00:00:0a"]
block = ["sofia.example"]

[child.mateo]
age = 14
devices = ["02:00:00:00:00:0b"]
block = ["mateo.example"]

[adult.ana]
devices = ["02:00:00:00:00:0c"]
block = ["ana.example"]
"#;

/// The next packet from this address of a machine meets these rules: one packet, one answer.
#[track_caller]
fn is(machine: &Machine, from: &str, server: &str, who: &str) {
    let closes = |who: &str| machine.asks(&format!("@{server} -b {from} {who}.example"));
    let answer = closes(who);
    if answer != "0.0.0.0" {
        let rules = EVERYBODY.into_iter().find(|who| closes(who) == "0.0.0.0");
        panic!("a packet from {from} should meet {who}: `{answer}`; now it meets {rules:?}");
    }
}

/// The next packet from each address of a machine does.
#[track_caller]
fn is_from_everywhere(machine: &Machine, who: &str) {
    for (from, server) in machine.addresses().ways() {
        is(machine, &from, server, who);
    }
}

#[test]
fn from_every_address_the_first_packet_meets_the_rules_of_whose_device_it_is() {
    let Some(network) = HomeNetwork::new() else { return };
    // Two are at home when the program starts, and two come while it runs.
    let sofia = network.guest(SOFIAS, "sofia-tablet");
    let stranger = network.guest(STRANGERS, "somebody");
    let serving = network.serves(HOUSEHOLD);
    let mateo = network.guest(MATEOS, "mateo-phone");
    let ana = network.guest(ANAS, "ana-laptop");

    let family = [(&sofia, "sofia"), (&mateo, "mateo"), (&ana, "ana"), (&stranger, "unknown")];
    for (machine, who) in family {
        is_from_everywhere(machine, who);
        is(machine, &machine.addresses().v4, "10.9.0.1 +tcp", who);
    }
    let rows = serving.cli(&["log", "--json"]).exits(0).json();
    for (child, device) in [("sofia", SOFIAS), ("mateo", MATEOS)] {
        let of_child: Vec<_> = rows.iter().filter(|row| row["child"] == child).collect();
        assert_eq!(of_child.len(), 1, "one device, one attempt: {rows:#?}");
        assert_eq!(of_child[0]["device"], device, "{rows:#?}");
    }
}

#[test]
fn a_privacy_address_that_rotates_is_still_the_childs() {
    let Some(network) = HomeNetwork::new() else { return };
    let _serving = network.serves(HOUSEHOLD);
    let sofia = network.guest(SOFIAS, "sofia-tablet");
    let mateo = network.guest(MATEOS, "mateo-phone");
    is_from_everywhere(&sofia, "sofia");
    is_from_everywhere(&mateo, "mateo");
    for _ in 0..2 {
        for (machine, who) in [(&sofia, "sofia"), (&mateo, "mateo")] {
            let before = machine.addresses().privacy;
            let after = machine.rotates();
            is(machine, &after, "fd09::1", who);
            is(machine, &before, "fd09::1", who);
        }
    }
}

#[test]
fn a_new_lease_is_still_the_childs() {
    let Some(network) = HomeNetwork::new() else { return };
    let _serving = network.serves(HOUSEHOLD);
    let sofia = network.guest(SOFIAS, "sofia-tablet");
    let mateo = network.guest(MATEOS, "mateo-phone");
    is_from_everywhere(&sofia, "sofia");
    is_from_everywhere(&mateo, "mateo");
    for (machine, who, address) in [(&sofia, "sofia", "10.9.0.61"), (&mateo, "mateo", "10.9.0.62")]
    {
        machine.takes_new_lease(who, address);
        is(machine, address, "10.9.0.1", who);
    }
}

#[test]
fn whoever_slept_is_still_the_child_they_were() {
    let Some(network) = HomeNetwork::new() else { return };
    let _serving = network.serves(HOUSEHOLD);
    let sofia = network.guest(SOFIAS, "sofia-tablet");
    let mateo = network.guest(MATEOS, "mateo-phone");
    is_from_everywhere(&sofia, "sofia");
    for _ in 0..2 {
        sofia.sleeps();
        mateo.sleeps();
        // Over IPv4 at once, before there are other addresses.
        is(&sofia, &sofia.addresses().v4, "10.9.0.1", "sofia");
        is_from_everywhere(&sofia, "sofia");
        is_from_everywhere(&mateo, "mateo");
    }
}
