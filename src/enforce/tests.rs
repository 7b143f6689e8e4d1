//! What is cut and let go, and what whoever does it is told.

mod plans;
mod programs;
mod router;
mod table;

use std::net::IpAddr;
use std::path::Path;

use super::*;
use crate::clock::Tick;
use crate::config::NftablesSet;

const TABLET: &str = "02:00:00:00:00:0a";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// An answer that a device of Sofia's gets.
fn given(device: &str, from: &str, asked: &str, addresses: &str) -> Given {
    Given {
        device: device.into(),
        from: ip(from),
        subject: Some("sofia".into()),
        name: name(asked),
        addresses: addresses.split_whitespace().map(ip).collect(),
    }
}

fn to_tablet(asked: &str, addresses: &str) -> Given {
    given(TABLET, "192.168.1.42", asked, addresses)
}

fn shown(orders: &[handed::Order]) -> Vec<String> {
    orders.iter().map(|order| order.line.to_string()).collect()
}

/// Says that these names are closed, with what is below them.
fn closed(names: &'static [&'static str]) -> impl Fn(Option<&str>, &Name) -> bool {
    move |_, asked| names.iter().any(|closed| asked.is_at_or_below(&name(closed)))
}

fn script_at(path: &Path, text: &str) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, format!("#!/bin/sh\n{text}")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}
