//! Scripts for `nft -f -`.
//!
//! Two sets hold pairs of addresses, the device's first: the named one those of IPv4
//! (`ipv4_addr . ipv4_addr`), the one with a `6` behind its name those of IPv6. A script is one
//! transaction, and saying the same twice is no mistake: what is deleted is added before, since
//! deleting what is not there would undo all of it.

use std::fmt::Write as _;
use std::net::IpAddr;

use super::handed::KEPT_HOURS;
use super::{Line, Verb};
use crate::config::NftablesSet;

/// Empties both sets: nobody knows any more what is in them from before.
pub(super) fn flush(set: &NftablesSet) -> String {
    let NftablesSet { table, set } = set;
    format!("flush set inet {table} {set}\nflush set inet {table} {set}6\n")
}

/// The script that brings these lines about, in their order; empty when they are about nothing a
/// set can hold: a pair is of one family.
pub(super) fn script<'a>(set: &NftablesSet, lines: impl IntoIterator<Item = &'a Line>) -> String {
    let NftablesSet { table, set } = set;
    let mut script = String::new();
    for line in lines {
        let suffix = match (line.device, line.address) {
            (IpAddr::V4(_), IpAddr::V4(_)) => "",
            (IpAddr::V6(_), IpAddr::V6(_)) => "6",
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => continue,
        };
        let place = format!("element inet {table} {set}{suffix}");
        let Line { device, address, .. } = line;
        let pair = format!("{device} . {address}");
        // Writing to a text never fails.
        let _ = match line.verb {
            Verb::Close => writeln!(script, "add {place} {{ {pair} timeout {KEPT_HOURS}h }}"),
            Verb::Open => writeln!(script, "add {place} {{ {pair} }}\ndelete {place} {{ {pair} }}"),
        };
    }
    script
}
