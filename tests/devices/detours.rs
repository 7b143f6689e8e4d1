//! Networks that lead past the filter: what is found out about them, and that nothing is found
//! where all is well. The program runs in this process, on the router, with a clock that the test
//! holds: these things take hours to show.

use std::net::{IpAddr, SocketAddr};

use serde_json::Value;

use super::{ANAS, HOUSEHOLD, MATEOS, SOFIAS, STRANGERS};
use crate::harness::home_network::{Machine, ROUTER_V4, ROUTER_V6, dnsmasq};
use crate::harness::{Amparo, Device, HomeNetwork};

/// For how many hours a household goes on before the test gives up.
const HOURS: u32 = 48;
/// How many questions somebody asks in an hour, each for a name of its own.
const QUESTIONS: u32 = 6;

/// Lives for some hours, and says what `status` says of the set-up then: as soon as it says
/// anything, unless the test wants to see all hours.
fn lives(network: &HomeNetwork, to_the_end: bool, hour: impl Fn(u32) + Sync) -> Value {
    network.router.inside(|| {
        // With threads of its own: this one waits for the machines.
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(2).enable_all().build();
        let runtime = runtime.expect("the system gives a runtime");
        runtime.block_on(async {
            let listen = "[dns]\nlisten = [\"0.0.0.0:53\", \"[::]:53\"]\n";
            let amparo = Amparo::start(&format!("{listen}{HOUSEHOLD}")).await;
            let mut said = Value::Null;
            for number in 0..HOURS {
                hour(number);
                amparo.advance_seconds(3_600);
                said = amparo.cli(&["status", "--json"]).await.exits(0).json().remove(0);
                let is_found = said["setup"].as_array().is_some_and(|found| !found.is_empty());
                if is_found && !to_the_end {
                    break;
                }
            }
            said["setup"].clone()
        })
    })
}

/// It found this, and nothing else.
#[track_caller]
fn is_only(setup: &Value, kind: &str) {
    let kinds: Vec<_> =
        setup.as_array().into_iter().flatten().map(|found| &found["kind"]).collect();
    assert_eq!(kinds, [kind], "{setup:#}");
}

/// Somebody asks for what people ask for in an hour.
fn asks(machine: &Machine, from: &str, server: &str, hour: u32) {
    let server: IpAddr = server.parse().expect("the test writes an address");
    machine.namespace.inside(|| {
        let device = Device::at(from);
        for number in 0..QUESTIONS {
            device.asks(SocketAddr::new(server, 53), &format!("n{number}.hour{hour}.example"));
        }
    });
}

/// The router hears of an address of a machine.
fn shows_itself(machine: &Machine, from: &str, router: &str) {
    machine.namespace.run(&format!("busybox ping -c 1 -W 20 -I {from} {router}"));
}

/// A household with addresses that the whole internet reaches.
fn at_home(network: &HomeNetwork) -> [Machine; 3] {
    network.router.run("ip addr add 2001:db8:9::1/64 dev lan nodad");
    [(SOFIAS, "a"), (MATEOS, "b"), (ANAS, "c")].map(|(mac, last)| {
        let machine = network.guest(mac, &format!("device-{last}"));
        machine.namespace.run(&format!("ip addr add 2001:db8:9::{last}/64 dev lan nodad"));
        shows_itself(&machine, &format!("2001:db8:9::{last}"), "2001:db8:9::1");
        machine
    })
}

#[test]
fn where_all_is_well_nothing_is_found() {
    let Some(network) = HomeNetwork::new() else { return };
    let family = at_home(&network);
    let setup = lives(&network, true, |hour| {
        for machine in &family {
            let addresses = machine.addresses();
            asks(machine, &addresses.v4, ROUTER_V4, hour);
            asks(machine, &addresses.privacy, ROUTER_V6, hour);
        }
    });
    assert_eq!(setup.as_array().map(Vec::len), Some(0), "{setup:#}");
}

#[test]
fn devices_with_ipv6_that_ask_over_ipv4_only_are_found() {
    let Some(network) = HomeNetwork::new() else { return };
    let family = at_home(&network);
    let setup = lives(&network, false, |hour| {
        for (machine, last) in family.iter().zip(["a", "b", "c"]) {
            asks(machine, &machine.addresses().v4, ROUTER_V4, hour);
            shows_itself(machine, &format!("2001:db8:9::{last}"), "2001:db8:9::1");
        }
    });
    is_only(&setup, "ipv6_bypass");
}

#[test]
fn a_household_that_asks_from_one_address_is_found() {
    let Some(network) = HomeNetwork::new() else { return };
    let family = [SOFIAS, MATEOS, ANAS].map(|mac| network.guest(mac, "device"));
    let proxy = network.machine(STRANGERS);
    proxy.namespace.run("ip addr add 10.9.0.2/24 dev lan");
    let _forwarding = dnsmasq(
        &proxy.namespace,
        "--port=53 --interface=lan --no-resolv --no-hosts --cache-size=0 --server=10.9.0.1",
    );
    let setup = lives(&network, false, |hour| {
        for machine in &family {
            let addresses = machine.addresses();
            asks(machine, &addresses.v4, "10.9.0.2", hour);
            shows_itself(machine, &addresses.v4, ROUTER_V4);
        }
    });
    is_only(&setup, "one_address");
}

#[test]
fn devices_that_are_there_and_ask_somewhere_else_are_found() {
    let Some(network) = HomeNetwork::new() else { return };
    let family = [SOFIAS, MATEOS, ANAS].map(|mac| network.guest(mac, "device"));
    let [sofia, mateo, ana] = &family;
    let setup = lives(&network, false, |hour| {
        asks(ana, &ana.addresses().v4, ROUTER_V4, hour);
        for machine in [sofia, mateo] {
            if hour.is_multiple_of(12) {
                machine.sleeps();
            }
            let addresses = machine.addresses();
            // A question a day reaches us: it knows us, and asks somebody else.
            if hour.is_multiple_of(24) {
                asks(machine, &addresses.v4, ROUTER_V4, hour);
            }
            shows_itself(machine, &addresses.v4, ROUTER_V4);
        }
    });
    is_only(&setup, "second_resolver");
}
