//! Settings of dnsmasq: `address=/name/` and `server=/name/`.
//!
//! The longest name wins there; here an exception speaks for all below it. What other settings say
//! is for a resolver, not for a list.

use super::super::{Format, Matching};
use super::{Example, Item, Role, Skip, Syntax, address, host, is_sink};

/// Settings of dnsmasq.
pub const SYNTAX: Syntax = Syntax {
    format: Format::Dnsmasq,
    name: "dnsmasq",
    summary: "address=/name/ and server=/name/ of dnsmasq, which cover what is below the name",
    looks_like,
    without_comment,
    parser: || Box::new(parse),
    matching: Matching::Subdomains,
    key: None,
    examples: &[
        ("address=/ads.example/", &[Example::Below("ads.example")]),
        ("address=/ads.example/#", &[Example::Below("ads.example")]),
        ("address=/ads.example/0.0.0.0 # why", &[Example::Below("ads.example")]),
        ("address=/ads.example/::", &[Example::Below("ads.example")]),
        ("address=/ads.example/127.0.0.1", &[Example::Below("ads.example")]),
        (
            "address=/ads.example/b.example/::1",
            &[Example::Below("ads.example"), Example::Below("b.example")],
        ),
        ("server=/ads.example/", &[Example::Below("ads.example")]),
        ("  local = /Ads.Example./ ", &[Example::Below("ads.example")]),
        ("--local=/.ads.example/", &[Example::Below("ads.example")]),
        ("local=/*.ads.example/", &[Example::Rule("ads.example", Matching::Below, Role::Close)]),
        ("local=/*ads.example/", &[Example::Pattern(r"ads\.example$", Role::Close)]),
        (
            "server=/help.ads.example/#",
            &[Example::Rule("help.ads.example", Matching::Subdomains, Role::Except)],
        ),
        ("# a comment", &[]),
        ("address=/bank.example/192.0.2.7", &[Example::Skipped(Skip::Address)]),
        ("server=/lan.example/192.0.2.7#53", &[Example::Skipped(Skip::Address)]),
        ("address=/192.0.2.7/", &[Example::Skipped(Skip::Address)]),
        ("address=/#/", &[Example::Skipped(Skip::Pattern)]),
        ("server=192.0.2.7", &[Example::Skipped(Skip::OtherFormat)]),
        ("bogus-nxdomain=192.0.2.7", &[Example::Skipped(Skip::OtherFormat)]),
        ("no-resolv", &[Example::Skipped(Skip::OtherFormat)]),
        ("local=//", &[Example::Skipped(Skip::NotAName)]),
    ],
};

/// What is done with the names of a line.
enum Outcome {
    Close,
    Except,
    Skip(Skip),
}

/// The line up to a `#` that begins a word: `/name/#` is no comment.
fn without_comment(line: &[u8]) -> &[u8] {
    let begins = |at: usize| at == 0 || line[at - 1].is_ascii_whitespace();
    let comment = (0..line.len()).find(|at| line[*at] == b'#' && begins(*at));
    &line[..comment.unwrap_or(line.len())]
}

fn looks_like(line: &[u8]) -> bool {
    setting(line).is_some()
}

/// The key, the names and what is said of them, where the line is a setting about names.
fn setting(line: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let line = line.trim_ascii();
    let line = line.strip_prefix(b"--").unwrap_or(line);
    let equals = line.iter().position(|octet| *octet == b'=')?;
    let (key, value) = (line[..equals].trim_ascii(), line[equals + 1..].trim_ascii());
    let names = value.strip_prefix(b"/")?;
    let last = names.iter().rposition(|octet| *octet == b'/')?;
    let is_about_names = matches!(key, b"address" | b"server" | b"local");
    is_about_names.then_some((key, &names[..last], &names[last + 1..]))
}

fn parse(line: &[u8], each: &mut dyn FnMut(Item<'_>)) {
    if line.trim_ascii().is_empty() {
        return;
    }
    let Some((key, names, said)) = setting(line) else {
        return each(Item::Skipped(Skip::OtherFormat));
    };
    let outcome = outcome(key, said);
    for name in names.split(|octet| *octet == b'/') {
        take(name, &outcome, each);
    }
}

fn outcome(key: &[u8], said: &[u8]) -> Outcome {
    match (key, said) {
        (_, b"") | (b"address", b"#") => Outcome::Close,
        // Asked as any other name is.
        (_, b"#") => Outcome::Except,
        (b"address", address) if is_sink(address) => Outcome::Close,
        (b"address", word) if address(word).is_none() => Outcome::Skip(Skip::OtherFormat),
        // Another resolver says where it leads.
        (_, _) => Outcome::Skip(Skip::Address),
    }
}

fn take(word: &[u8], outcome: &Outcome, each: &mut dyn FnMut(Item<'_>)) {
    let role = match outcome {
        Outcome::Close => Role::Close,
        Outcome::Except => Role::Except,
        Outcome::Skip(skip) => return each(Item::Skipped(*skip)),
    };
    // All names there are.
    if word == b"#" {
        return each(Item::Skipped(Skip::Pattern));
    }
    let (word, matching) = match word {
        // All below, without the name: the one use of a star that is about labels.
        [b'*', b'.', rest @ ..] => (rest, Some(Matching::Below)),
        [b'*', rest @ ..] => (rest, None),
        [b'.', rest @ ..] => (rest, Some(Matching::Subdomains)),
        other => (other, Some(Matching::Subdomains)),
    };
    match (host(word), matching) {
        (Ok(name), Some(Matching::Subdomains)) if role == Role::Close => {
            each(Item::Entry(&name, Some(Matching::Subdomains)));
        }
        (Ok(name), Some(matching)) => each(Item::Rule(&name, matching, role)),
        // All names that end so, in the middle of a label too.
        (Ok(name), None) => {
            each(Item::Pattern(&format!("{}$", name.to_string().replace('.', r"\.")), role));
        }
        (Err(skip), _) => each(Item::Skipped(skip)),
    }
}
