//! Machines that nobody knows: what holds for them, what is told of them, and how they become
//! somebody's.

use serde_json::Value;

use super::{HOUSEHOLD, MADE_UP, SOFIAS, STRANGERS, is, is_from_everywhere};
use crate::harness::HomeNetwork;
use crate::harness::home_network::eventually;

/// A hardware address whose maker has it from the IEEE: 3c:22:fb is one of Apple's.
const MADE_BY_APPLE: &str = "3c:22:fb:12:34:56";

#[test]
fn a_changed_hardware_address_is_another_device_from_its_first_packet_on() {
    let Some(network) = HomeNetwork::new() else { return };
    let _serving = network.serves(HOUSEHOLD);
    let tablet = network.guest(SOFIAS, "sofia-tablet");
    is_from_everywhere(&tablet, "sofia");
    tablet.becomes(MADE_UP);
    let address = tablet.takes_lease("sofia-tablet");
    is(&tablet, &address, "10.9.0.1", "unknown");
    network.wrote_lease(&address);
    is_from_everywhere(&tablet, "unknown");
}

#[test]
fn an_address_that_another_machine_takes_is_that_machines() {
    let Some(network) = HomeNetwork::new() else { return };
    let _serving = network.serves(HOUSEHOLD);
    let (sofia, stranger) = (network.machine(SOFIAS), network.machine(STRANGERS));
    let address = "10.9.0.77";
    for (gives, takes, who) in [(&stranger, &sofia, "sofia"), (&sofia, &stranger, "unknown")] {
        gives.namespace.run("ip -4 addr flush dev lan");
        takes.namespace.run(&format!("ip addr add {address}/24 dev lan"));
        // The kernel believes the old owner for a second, and tells of the new one when it asks.
        let question = format!("@10.9.0.1 -b {address} {who}.example");
        eventually("its owner's rules", || (takes.asks(&question) == "0.0.0.0").then_some(()));
        is(takes, address, "10.9.0.1", who);
    }
}

#[test]
fn a_new_device_is_an_event_once_however_much_it_asks() {
    let Some(network) = HomeNetwork::new() else { return };
    let mut serving = network.serves(HOUSEHOLD);
    let tablet = network.guest(SOFIAS, "sofia-tablet");
    is_from_everywhere(&tablet, "sofia");
    for mac in [MADE_UP, MADE_BY_APPLE] {
        tablet.becomes(mac);
        tablet.takes_lease("sofia-tablet");
        is_from_everywhere(&tablet, "unknown");
        let is_told = || !serving.events("new_device", mac).is_empty();
        eventually("the event", || is_told().then_some(()));
        for _ in 0..3 {
            is_from_everywhere(&tablet, "unknown");
        }
        assert_eq!(serving.events("new_device", mac).len(), 1, "{:#}", serving.status());
        // Nor is it new to the program that starts again.
        serving.restarts();
        is_from_everywhere(&tablet, "unknown");
        assert_eq!(serving.device(mac)["id"], mac);
        assert!(serving.events("new_device", mac).len() <= 1, "{:#}", serving.status());
    }
    let of_child = serving.events("new_device", SOFIAS);
    assert!(of_child.is_empty(), "the child's device is no news: {of_child:#?}");
}

#[test]
fn a_made_up_address_with_a_known_host_name_is_suggested_and_never_assigned() {
    let Some(network) = HomeNetwork::new() else { return };
    let serving = network.serves(HOUSEHOLD);
    let tablet = network.guest(SOFIAS, "sofia-tablet");
    is_from_everywhere(&tablet, "sofia");
    let before = serving.device(SOFIAS);
    assert_eq!(before["child"], "sofia", "{before:#}");
    assert_eq!(before["host"], "sofia-tablet", "{before:#}");
    assert_eq!(before["suggestion"], Value::Null, "{before:#}");

    tablet.becomes(MADE_UP);
    tablet.takes_lease("sofia-tablet");
    let addresses = tablet.addresses();
    network.wrote_lease(&addresses.v4);
    is_from_everywhere(&tablet, "unknown");
    let row = eventually("the suggestion", || {
        let row = serving.devices().into_iter().find(|row| row["id"] == MADE_UP)?;
        (row["suggestion"] != Value::Null).then_some(row)
    });
    assert_eq!(row["suggestion"], "sofia", "{row:#}");
    assert_eq!(row["child"], Value::Null, "{row:#}");
    assert_eq!(row["random_mac"], true, "{row:#}");
    assert_eq!(row["host"], "sofia-tablet", "{row:#}");
    let shown = row["addresses"].as_array().expect("addresses are an array");
    for address in addresses.all() {
        assert!(shown.contains(&address.to_string().into()), "{address} is missing: {row:#}");
    }
    is_from_everywhere(&tablet, "unknown");

    // Nobody's name, nobody's suggestion; and not every hardware address is made up.
    let phone = network.guest(MADE_BY_APPLE, "somebodys-phone");
    is_from_everywhere(&phone, "unknown");
    let row = serving.device(MADE_BY_APPLE);
    assert_eq!(row["random_mac"], false, "{row:#}");
    assert_eq!(row["suggestion"], Value::Null, "{row:#}");
}

#[test]
fn a_host_name_in_the_config_follows_the_lease_whatever_the_hardware_address() {
    let Some(network) = HomeNetwork::new() else { return };
    let by_name = format!("devices = [\"host:sofia-tablet\"]\n# {SOFIAS}");
    let config = HOUSEHOLD.replace(&format!("devices = [\"{SOFIAS}\"]"), &by_name);
    let _serving = network.serves(&config);
    let tablet = network.machine(STRANGERS);
    for mac in [STRANGERS, MADE_UP] {
        tablet.becomes(mac);
        let address = tablet.takes_lease("sofia-tablet");
        network.wrote_lease(&address);
        is(&tablet, &address, "10.9.0.1", "sofia");
        is_from_everywhere(&tablet, "sofia");
    }
    let other = network.guest(SOFIAS, "somebodys-tablet");
    is_from_everywhere(&other, "unknown");
}

#[test]
fn an_assigned_device_is_the_childs_from_its_next_packet_on_and_undo_takes_it_back() {
    let Some(network) = HomeNetwork::new() else { return };
    let serving = network.serves(HOUSEHOLD);
    let phone = network.guest(MADE_UP, "a-phone");
    is_from_everywhere(&phone, "unknown");
    let file = || std::fs::read_to_string(serving.home.config()).expect("it is there");
    let before = file();

    serving.cli(&["devices", "assign", MADE_UP, "sofia"]).exits(0);
    is(&phone, &phone.addresses().v4, "10.9.0.1", "sofia");
    is_from_everywhere(&phone, "sofia");
    assert!(file().contains(MADE_UP), "{}", file());
    assert_eq!(serving.device(MADE_UP)["child"], "sofia");

    serving.cli(&["undo"]).exits(0);
    is(&phone, &phone.addresses().v4, "10.9.0.1", "unknown");
    is_from_everywhere(&phone, "unknown");
    assert_eq!(file(), before);
}

#[test]
fn a_forgotten_device_is_no_longer_in_the_list_until_it_asks_again() {
    let Some(network) = HomeNetwork::new() else { return };
    let serving = network.serves(HOUSEHOLD);
    let phone = network.guest(MADE_UP, "a-phone");
    is_from_everywhere(&phone, "unknown");
    let is_listed = || serving.devices().iter().any(|row| row["id"] == MADE_UP);
    eventually("the device", || is_listed().then_some(()));
    serving.cli(&["devices", "forget", MADE_UP]).exits(0);
    assert!(!is_listed(), "{:#?}", serving.devices());
    is_from_everywhere(&phone, "unknown");
    eventually("the device, back again", || is_listed().then_some(()));
}

#[test]
fn what_holds_for_unknown_devices_is_what_the_household_says() {
    // What each lets through: a name that nobody closes, and one that age closes.
    for (unknown, open, tiktok) in
        [("block", false, false), ("open", true, true), ("10-12", true, false)]
    {
        let Some(network) = HomeNetwork::new() else { return };
        let word = format!("unknown_devices = \"{unknown}\"");
        let config = HOUSEHOLD.replace("unknown_devices = \"strangers\"", &word);
        let _serving = network.serves(&config);
        let stranger = network.guest(STRANGERS, "somebody");
        let sofia = network.guest(SOFIAS, "sofia-tablet");
        for (from, server) in stranger.addresses().ways() {
            let passes = |name| stranger.asks(&format!("@{server} -b {from} {name}")) != "0.0.0.0";
            assert_eq!(passes("www.example.com"), open, "{unknown}, {from}");
            assert_eq!(passes("www.tiktok.com"), tiktok, "{unknown}, {from}");
        }
        is_from_everywhere(&sofia, "sofia");
    }
}
