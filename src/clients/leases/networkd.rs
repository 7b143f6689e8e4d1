//! systemd-networkd: one JSON file an interface, written by systemd 256 and later,
//! `{"BootID": …, "Leases": [{"Address": [192,168,1,42], "Hostname": …, …}]}`.
//!
//! Of the two ends of a lease, `ExpirationRealtimeUSec` is the one on the wall clock, in
//! microseconds since 1970.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::Value;

use super::{Example, Format, Lease, Place, mac_of_client_id};
use crate::clients::address::Mac;

/// The format.
pub(super) const FORMAT: Format = Format {
    name: "networkd",
    summary: "systemd-networkd, from systemd 256 on",
    places: &[
        Place::Folder("/run/systemd/netif/dhcp-server-lease", ""),
        Place::Folder("/var/lib/systemd/network/dhcp-server-lease", ""),
    ],
    file_names: &[],
    looks_like: |text| {
        serde_json::from_str(text).is_ok_and(|file: Value| file.get("Leases").is_some())
    },
    parse,
    examples: &[
        Example {
            text: r#"{"BootID":"0f0e0d0c0b0a09080706050403020100","Address":[192,168,7,1],"PrefixLength":24,"Leases":[
                {"ClientId":[1,60,34,251,18,52,86],"Address":[192,168,7,42],"Hostname":"Mateo-Phone",
                 "HardwareAddressType":1,"HardwareAddressLength":6,"HardwareAddress":[60,34,251,18,52,86,0,0,0,0,0,0,0,0,0,0],
                 "ExpirationUSec":88000000,"ExpirationRealtimeUSec":1790000000500000},
                {"ClientId":[255,1,2,3,4,0,3,0,1,60,34,251,18,52,87],"AddressString":"192.168.7.43",
                 "ExpirationUSec":18446744073709551615}]}"#,
            leases: &[
                ("192.168.7.42", "3c:22:fb:12:34:56", "mateo-phone", "1790000000"),
                ("192.168.7.43", "3c:22:fb:12:34:57", "-", "-"),
            ],
        },
        Example {
            text: r#"{"Leases":[{"Address":[192,168,7,420],"Hostname":"x"}, 7]}"#,
            leases: &[],
        },
        Example { text: r#"{"arguments":{"leases":[]}}"#, leases: &[] },
        Example { text: "{", leases: &[] },
    ],
};

fn parse(text: &str) -> Vec<Lease> {
    let file: Value = serde_json::from_str(text).unwrap_or_default();
    let leases = file.get("Leases").and_then(Value::as_array).map(Vec::as_slice);
    leases.unwrap_or_default().iter().filter_map(lease).collect()
}

fn lease(entry: &Value) -> Option<Lease> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str);
    let number = |key: &str| entry.get(key).and_then(Value::as_u64);
    let octets = |key: &str| entry.get(key).and_then(octets).unwrap_or_default();

    let address = <[u8; 4]>::try_from(octets("Address")).ok().map(Ipv4Addr::from);
    let address = address.or_else(|| text("AddressString")?.parse().ok());
    // Some versions write all the room there is in a packet.
    let mut hardware = octets("HardwareAddress");
    let length = number("HardwareAddressLength").and_then(|length| usize::try_from(length).ok());
    hardware.truncate(length.unwrap_or(hardware.len()));
    let mac = Mac::of_device(&hardware).or_else(|| mac_of_client_id(&octets("ClientId")));
    let until = number("ExpirationRealtimeUSec")
        .and_then(|microseconds| i64::try_from(microseconds / 1_000_000).ok())
        .and_then(super::time);
    Lease::of(address.map(IpAddr::from), mac, text("Hostname").unwrap_or_default(), until)
}

/// A list of octets.
fn octets(list: &Value) -> Option<Vec<u8>> {
    let octet = |value: &Value| value.as_u64().and_then(|octet| u8::try_from(octet).ok());
    list.as_array()?.iter().map(octet).collect()
}
