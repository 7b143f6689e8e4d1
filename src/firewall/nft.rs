//! The rules for nftables: a table of their own, whole in one transaction.
//!
//! What is said once more begins anew, and what is taken back is exactly this table. Nothing of
//! another table changes, and nothing that another table lets pass gets past this one.

use std::fmt::{Display, Write as _};
use std::net::IpAddr;

use super::doh::resolvers;
use super::{DNS_PORT, Devices, Door, ENCRYPTED_PORT, HTTPS_PORT, Plan, Turn, Whom};

/// The table.
pub const TABLE: &str = "amparo_firewall";
/// The longest name of an interface (Linux: `IFNAMSIZ` with its last octet).
const INTERFACE_OCTETS_MAX: usize = 15;

/// The script that takes the rules back, whether they are there or not.
#[must_use]
pub fn undo() -> String {
    format!("table inet {TABLE}\ndelete table inet {TABLE}\n")
}

/// Whether an interface may have this name; what has it is written between quotes.
#[must_use]
pub fn is_interface(name: &str) -> bool {
    let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-_.@:+".contains(&octet);
    !name.is_empty() && name.len() <= INTERFACE_OCTETS_MAX && name.bytes().all(is_plain)
}

/// The script that brings a plan about, whatever was there of an earlier one.
#[must_use]
pub fn script(plan: &Plan) -> String {
    let mut out = undo();
    let Plan { house, dns, whom, .. } = plan;
    // Writing to a text never fails.
    let _ = writeln!(out, "\ntable inet {TABLE} {{");
    let quoted = house.iter().filter(|name| is_interface(name)).map(|name| format!("\"{name}\""));
    set(&mut out, "house", "ifname", false, quoted);
    devices(&mut out, "children", &whom.children);
    devices(&mut out, "adults", &whom.adults);
    let known = resolvers();
    let of_family = |is_v4: bool| {
        let own = known.iter().filter(move |one| one.address.is_ipv4() == is_v4);
        own.map(|one| range(one.address, one.length)).collect::<Vec<_>>()
    };
    set(&mut out, "resolvers4", "ipv4_addr", true, of_family(true).into_iter());
    set(&mut out, "resolvers6", "ipv6_addr", true, of_family(false).into_iter());
    match dns {
        Turn::Here(v4, v6) => turn(&mut out, whom, *v4, *v6),
        Turn::Refused(_) => {}
    }
    refuse(&mut out, whom, *dns);
    out.push_str("}\n");
    out
}

/// What is answered here instead.
fn turn(out: &mut String, whom: &Whom, v4: Door, v6: Door) {
    whom_chain(out, "turned", whom, "turn");
    out.push_str("\n  chain turn {\n");
    door(out, "ip", "ipv4", v4);
    door(out, "ip6", "ipv6", v6);
    out.push_str("  }\n\n");
    let _ = write!(
        out,
        "  chain dns {{\n    \
           type nat hook prerouting priority dstnat - 10; policy accept;\n    \
           # What is meant for this machine comes as it is.\n    \
           fib daddr type local accept\n    \
           iifname @house meta l4proto {{ tcp, udp }} th dport {DNS_PORT} jump turned\n  \
         }}\n"
    );
}

/// One family's questions, turned to where this machine answers.
fn door(out: &mut String, family: &str, protocol: &str, door: Door) {
    let this = format!("    meta nfproto {protocol} meta l4proto {{ tcp, udp }}");
    let _ = match door {
        Door::Port(port) => writeln!(out, "{this} redirect to :{port}"),
        Door::At(at) if at.is_ipv4() => writeln!(out, "{this} dnat {family} to {at}"),
        Door::At(at) => writeln!(out, "{this} dnat {family} to [{}]:{}", at.ip(), at.port()),
        Door::None => Ok(()),
    };
}

/// What does not pass.
fn refuse(out: &mut String, whom: &Whom, dns: Turn) {
    whom_chain(out, "held", whom, "refuse");
    let _ = write!(
        out,
        "\n  chain refuse {{\n    \
           # Whoever asks hears at once that nothing is there, and no app waits.\n    \
           meta l4proto tcp reject with tcp reset\n    \
           reject with icmpx port-unreachable\n  \
         }}\n\n  \
         chain forward {{\n    \
           type filter hook forward priority filter - 10; policy accept;\n    \
           iifname != @house accept\n"
    );
    let plain = match dns {
        Turn::Here(v4, v6) => {
            let missing = [(v4, "ipv4"), (v6, "ipv6")];
            let missing = missing.into_iter().filter(|(door, _)| *door == Door::None);
            missing.map(|(_, family)| format!("meta nfproto {family} ")).collect()
        }
        Turn::Refused(IpAddr::V4(at)) => {
            let _ = writeln!(out, "    ip saddr {at} accept\n    ip daddr {at} accept");
            vec![String::new()]
        }
        Turn::Refused(IpAddr::V6(at)) => {
            let _ = writeln!(out, "    ip6 saddr {at} accept\n    ip6 daddr {at} accept");
            vec![String::new()]
        }
    };
    for family in plain {
        let _ =
            writeln!(out, "    {family}meta l4proto {{ tcp, udp }} th dport {DNS_PORT} jump held");
    }
    let _ = write!(
        out,
        "    # DNS over TLS and over QUIC.\n    \
           meta l4proto {{ tcp, udp }} th dport {ENCRYPTED_PORT} jump held\n    \
           # DNS over HTTPS, as far as resolvers are known by address.\n    \
           ip daddr @resolvers4 meta l4proto {{ tcp, udp }} th dport {HTTPS_PORT} jump held\n    \
           ip6 daddr @resolvers6 meta l4proto {{ tcp, udp }} th dport {HTTPS_PORT} jump held\n  \
         }}\n"
    );
}

/// The chain that goes on with whom the rules are for, and lets everybody else be.
fn whom_chain(out: &mut String, name: &str, whom: &Whom, then: &str) {
    let _ = writeln!(out, "\n  # Whom the rules are for: the first line that speaks is right.");
    let _ = writeln!(out, "  chain {name} {{");
    for (group, verdict) in [("children", format!("goto {then}")), ("adults", "return".to_owned())]
    {
        let _ = writeln!(out, "    ether saddr @{group}_macs {verdict}");
        let _ = writeln!(out, "    ip saddr @{group}4 {verdict}");
        let _ = writeln!(out, "    ip6 saddr @{group}6 {verdict}");
    }
    for &(address, length, is_child) in &whom.ranges {
        let family = if address.is_ipv4() { "ip" } else { "ip6" };
        let verdict = if is_child { format!("goto {then}") } else { "return".to_owned() };
        let _ = match length {
            // A range of everything is every packet of the family.
            0 => writeln!(
                out,
                "    meta nfproto {} {verdict}",
                if address.is_ipv4() { "ipv4" } else { "ipv6" }
            ),
            _ => writeln!(out, "    {family} saddr {} {verdict}", range(address, length)),
        };
    }
    if whom.strangers {
        let _ = writeln!(out, "    # Devices that are nobody's.\n    goto {then}");
    }
    out.push_str("  }\n");
}

/// The sets of a group's devices.
fn devices(out: &mut String, group: &str, devices: &Devices) {
    set(out, &format!("{group}_macs"), "ether_addr", false, devices.macs.iter());
    set(out, &format!("{group}4"), "ipv4_addr", false, devices.v4.iter());
    set(out, &format!("{group}6"), "ipv6_addr", false, devices.v6.iter());
}

/// A set with these elements; without any it is empty, and meets nobody.
fn set(
    out: &mut String,
    name: &str,
    kind: &str,
    has_ranges: bool,
    elements: impl Iterator<Item = impl Display>,
) {
    let elements: Vec<String> = elements.map(|element| element.to_string()).collect();
    let _ = writeln!(out, "  set {name} {{\n    type {kind}");
    if has_ranges {
        out.push_str("    flags interval\n");
    }
    if !elements.is_empty() {
        let _ = writeln!(out, "    elements = {{\n      {}\n    }}", elements.join(",\n      "));
    }
    out.push_str("  }\n");
}

/// An address, or a range where it is one.
fn range(address: IpAddr, length: u8) -> String {
    if length == if address.is_ipv4() { 32 } else { 128 } {
        return address.to_string();
    }
    format!("{address}/{length}")
}
