//! Hosts files: an address that leads nowhere, then the names it closes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::{Format, Matching};
use super::{Example, Item, Skip, Syntax, address, host, without_comment, words};

/// Hosts files.
pub const SYNTAX: Syntax = Syntax {
    format: Format::Hosts,
    name: "hosts",
    summary: "a hosts file: 0.0.0.0 and the names it closes",
    looks_like,
    without_comment,
    parser: || Box::new(parse),
    matching: Matching::Exact,
    key: None,
    examples: &[
        ("0.0.0.0 ads.example", &[Example::Name("ads.example")]),
        (
            "127.0.0.1\tAds.Example.\tb.example # both",
            &[Example::Name("ads.example"), Example::Name("b.example")],
        ),
        ("::1 ads.example", &[Example::Name("ads.example")]),
        (":: ads.example", &[Example::Name("ads.example")]),
        ("0 ads.example", &[Example::Name("ads.example")]),
        ("0.0.0.0 señal.example", &[Example::Name("xn--seal-hqa.example")]),
        ("# a comment", &[]),
        ("192.0.2.7 bank.example", &[Example::Skipped(Skip::Address)]),
        ("fe80::1%lo0 localhost", &[Example::Skipped(Skip::Address)]),
        ("127.0.0.1 localhost", &[Example::Skipped(Skip::Local)]),
        ("0.0.0.0 0.0.0.0", &[Example::Skipped(Skip::Address)]),
        ("0.0.0.0 ads.example/page", &[Example::Skipped(Skip::Path)]),
        ("0.0.0.0", &[Example::Skipped(Skip::NotAName)]),
        ("ads.example", &[Example::Skipped(Skip::OtherFormat)]),
    ],
};

/// Names of the machine itself, as the heads of hosts files carry them.
const LOCAL: [&str; 12] = [
    "localhost",
    "localhost.localdomain",
    "localhost4",
    "localhost6",
    "local",
    "broadcasthost",
    "ip6-localhost",
    "ip6-loopback",
    "ip6-localnet",
    "ip6-mcastprefix",
    "ip6-allnodes",
    "ip6-allrouters",
];

fn looks_like(line: &[u8]) -> bool {
    let mut words = words(line);
    words.next().is_some_and(|first| first == b"0" || address(first).is_some())
        && words.next().is_some()
}

/// Reads a line, here and where such lines stand among others.
pub(super) fn parse(line: &[u8], each: &mut dyn FnMut(Item<'_>)) {
    let mut words = words(line).peekable();
    let Some(first) = words.next() else { return };
    if !is_sink(first) {
        // A list that could say where a name leads could impersonate a bank.
        let skip = if address(first).is_some() { Skip::Address } else { Skip::OtherFormat };
        each(Item::Skipped(skip));
        return;
    }
    if words.peek().is_none() {
        each(Item::Skipped(Skip::NotAName));
    }
    for word in words {
        if LOCAL.iter().any(|local| word.eq_ignore_ascii_case(local.as_bytes())) {
            each(Item::Skipped(Skip::Local));
            continue;
        }
        match host(word) {
            Ok(name) => each(Item::Entry(&name, None)),
            Err(skip) => each(Item::Skipped(skip)),
        }
    }
}

/// Whether an address leads nowhere.
fn is_sink(word: &[u8]) -> bool {
    // These begin nearly every line there is.
    if matches!(word, b"0.0.0.0" | b"127.0.0.1" | b"::" | b"::1" | b"0") {
        return true;
    }
    match address(word) {
        Some(IpAddr::V4(address)) => address == Ipv4Addr::UNSPECIFIED || address.is_loopback(),
        Some(IpAddr::V6(address)) => {
            address == Ipv6Addr::UNSPECIFIED || address == Ipv6Addr::LOCALHOST
        }
        None => false,
    }
}
