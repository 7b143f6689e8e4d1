//! Names of devices that no lease tells: the router's, and what the device answers itself.

use std::net::{Ipv4Addr, UdpSocket};

use hickory_proto::op::{Message, MessageType};
use hickory_proto::rr::rdata::PTR;
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::{HOUSEHOLD, SOFIAS, STRANGERS, is};
use crate::harness::HomeNetwork;
use crate::harness::home_network::eventually;
use crate::harness::packet::name_octets;

/// Where a device answers that is asked what it is called (RFC 6762 §3).
const MDNS_PORT: u16 = 5353;

/// Sofía's device is known by its name alone.
fn by_name(dns: &str) -> String {
    let by_name = format!("devices = [\"host:sofia-tablet\"]\n# {SOFIAS}");
    format!("{dns}{}", HOUSEHOLD.replace(&format!("devices = [\"{SOFIAS}\"]"), &by_name))
}

#[test]
fn the_router_tells_what_a_device_is_called_where_names_are_forwarded_to_it() {
    let Some(network) = HomeNetwork::new() else { return };
    let forward = "[dns]\nforward = { \"9.10.in-addr.arpa\" = \"udp://{upstream}\" }\n";
    let serving = network.serves(&by_name(forward));
    let name = name_octets("Sofia-Tablet.lan");
    serving.upstream().data("7.0.9.10.in-addr.arpa", RecordType::PTR, &[name]);
    let tablet = network.machine(STRANGERS);
    tablet.namespace.run("ip addr add 10.9.0.7/24 dev lan");
    // Nobody knows it yet: it is asked for once it was seen.
    is(&tablet, "10.9.0.7", "10.9.0.1", "unknown");
    let is_named = || (serving.device(STRANGERS)["host"] == "sofia-tablet").then_some(());
    eventually("the router's name", is_named);
    is(&tablet, "10.9.0.7", "10.9.0.1", "sofia");
    assert_eq!(serving.device(STRANGERS)["child"], "sofia");
}

#[test]
fn a_device_that_is_asked_over_multicast_dns_tells_what_it_is_called() {
    let Some(network) = HomeNetwork::new() else { return };
    let serving = network.serves(&by_name(""));
    let tablet = network.machine(STRANGERS);
    tablet.namespace.run("ip addr add 10.9.0.7/24 dev lan");
    let answering = tablet.namespace.inside(|| {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, MDNS_PORT)).expect("it is free");
        std::thread::spawn(move || {
            let mut buffer = [0; 1500];
            let (length, from) = socket.recv_from(&mut buffer).expect("it is asked");
            let mut message = Message::from_vec(&buffer[..length]).expect("it is a question");
            let asked = message.queries[0].name().clone();
            let called = Name::from_ascii("Sofia-Tablet.local.").expect("it is a name");
            message.metadata.message_type = MessageType::Response;
            message.answers.push(Record::from_rdata(asked, 120, RData::PTR(PTR(called))));
            let answer = message.to_vec().expect("it is short");
            socket.send_to(&answer, from).expect("the router is near");
        })
    });
    is(&tablet, "10.9.0.7", "10.9.0.1", "unknown");
    let is_named = || (serving.device(STRANGERS)["host"] == "sofia-tablet").then_some(());
    eventually("the device's name", is_named);
    answering.join().expect("it was asked once");
    is(&tablet, "10.9.0.7", "10.9.0.1", "sofia");
}
