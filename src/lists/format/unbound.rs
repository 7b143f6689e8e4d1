//! Settings of unbound: `local-zone` and `local-data`.
//!
//! A zone that redirects closes or leads elsewhere by its data, which stands on another line: it
//! waits for that. unbound answers from the nearest zone; here a zone that is opened speaks for all
//! below it but for single names with data of their own.

use std::collections::{BTreeMap, HashMap};

use super::super::{Format, Matching};
use super::{Example, Item, Parser, Role, Skip, Syntax, address, host, is_sink};
use crate::name::Name;

/// Settings of unbound.
pub const SYNTAX: Syntax = Syntax {
    format: Format::Unbound,
    name: "unbound",
    summary: "local-zone and local-data of unbound",
    looks_like,
    without_comment,
    parser: || Box::new(Unbound::default()),
    matching: Matching::Subdomains,
    key: None,
    examples: &[
        ("local-zone: \"ads.example.\" always_null", &[Example::Below("ads.example")]),
        ("local-zone: ads.example always_nxdomain # why", &[Example::Below("ads.example")]),
        ("  local-zone:'Ads.Example' refuse", &[Example::Below("ads.example")]),
        ("local-zone: \"ads.example\" static", &[Example::Below("ads.example")]),
        ("local-zone: \"ads.example\" redirect", &[Example::Below("ads.example")]),
        (
            "local-zone: \"ads.example\" redirect\nlocal-data: \"ads.example A 0.0.0.0\"",
            &[Example::Below("ads.example")],
        ),
        (
            "local-zone: \"bank.example\" redirect\nlocal-data: \"bank.example 60 IN A 192.0.2.7\"",
            &[Example::Skipped(Skip::Address)],
        ),
        (
            "local-zone: \"good.ads.example\" always_transparent",
            &[Example::Rule("good.ads.example", Matching::Subdomains, Role::ExceptAll)],
        ),
        (
            "local-zone: \"good.example\" transparent local-data: \"ads.good.example A 0.0.0.0\"",
            &[
                Example::Rule("good.example", Matching::Subdomains, Role::Except),
                Example::Rule("ads.good.example", Matching::Exact, Role::CloseAll),
            ],
        ),
        (
            "local-data: \"ads.example. 3600 IN AAAA ::\"",
            &[Example::Rule("ads.example", Matching::Exact, Role::CloseAll)],
        ),
        ("server:", &[]),
        ("# a comment", &[]),
        ("local-data: \"bank.example A 192.0.2.7\"", &[Example::Skipped(Skip::Address)]),
        ("local-data: \"a.example CNAME b.example.\"", &[Example::Skipped(Skip::Address)]),
        ("local-data: 'a.example TXT \"why\"'", &[Example::Skipped(Skip::OtherFormat)]),
        ("local-zone: \"a.example\" block_a", &[Example::Skipped(Skip::Modifier)]),
        ("local-zone-tag: \"a.example\" \"kids\"", &[Example::Skipped(Skip::OtherFormat)]),
        ("verbosity: 1", &[Example::Skipped(Skip::OtherFormat)]),
        ("local-zone: \"a..example\" static", &[Example::Skipped(Skip::NotAName)]),
    ],
};

/// How many zones may wait for their data. It stands on the next line, or at the end of a file
/// with few of them.
const WAITING_MAX: usize = 4096;

/// Reads settings of unbound.
#[derive(Default)]
struct Unbound {
    /// Zones that redirect and whose data was not met yet, in their order.
    waiting: BTreeMap<u64, Name>,
    place_of: HashMap<Name, u64>,
    /// How many waited so far.
    count: u64,
    /// The last name that leads elsewhere: more of its data may follow, or its zone.
    elsewhere: Option<Name>,
}

/// What a type of zone does.
enum Zone {
    Is(Role),
    Waits,
    Partly,
    Unknown,
}

fn without_comment(line: &[u8]) -> &[u8] {
    let mut quote = None;
    let mut before = b' ';
    for (at, &octet) in line.iter().enumerate() {
        match (quote, octet) {
            (None, b'#') if before.is_ascii_whitespace() => return &line[..at],
            (None, b'"' | b'\'') => quote = Some(octet),
            (Some(open), _) if open == octet => quote = None,
            (_, _) => {}
        }
        before = octet;
    }
    line
}

fn looks_like(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    line.starts_with(b"local-zone:") || line.starts_with(b"local-data:") || line == b"server:"
}

/// The words of a line: those in quotes are one, and a key ends with its colon.
fn tokens(line: &[u8]) -> Vec<&[u8]> {
    let mut tokens = Vec::new();
    let mut rest = line.trim_ascii_start();
    while let Some(&first) = rest.first() {
        let (token, after) = if matches!(first, b'"' | b'\'') {
            let end = rest[1..].iter().position(|octet| *octet == first);
            end.map_or((&rest[1..], &[][..]), |end| (&rest[1..=end], &rest[end + 2..]))
        } else {
            let ends = |octet: &u8| octet.is_ascii_whitespace() || matches!(octet, b'"' | b'\'');
            let end = rest.iter().position(ends).unwrap_or(rest.len());
            let key = [&b"local-zone:"[..], b"local-data:"].into_iter();
            let key = key.filter(|key| rest.starts_with(key)).map(<[u8]>::len).next();
            rest.split_at(key.unwrap_or(end))
        };
        tokens.push(token);
        rest = after.trim_ascii_start();
    }
    tokens
}

// === impl Parser ===

impl Parser for Unbound {
    fn line(&mut self, line: &[u8], each: &mut dyn FnMut(Item<'_>)) {
        let tokens = tokens(line);
        let mut tokens = &tokens[..];
        loop {
            match tokens {
                [] => return,
                [b"local-zone:", name, kind, rest @ ..] => {
                    self.zone(name, kind, each);
                    tokens = rest;
                }
                [b"local-data:", data, rest @ ..] => {
                    self.data(data, each);
                    tokens = rest;
                }
                // The head of a part: `server:`.
                [head, rest @ ..] if is_head(head) && rest.first().is_none_or(|it| is_ours(it)) => {
                    tokens = rest;
                }
                _ => return each(Item::Skipped(Skip::OtherFormat)),
            }
        }
    }

    fn end(&mut self, each: &mut dyn FnMut(Item<'_>)) {
        // A zone that redirects and has nothing to lead to answers with nothing.
        for (_, name) in std::mem::take(&mut self.waiting) {
            each(Item::Entry(&name, Some(Matching::Subdomains)));
        }
        *self = Unbound::default();
    }
}

fn is_head(word: &[u8]) -> bool {
    word.len() > 1 && word.ends_with(b":") && !is_ours(word)
}

fn is_ours(key: &[u8]) -> bool {
    matches!(key, b"local-zone:" | b"local-data:")
}

// === impl Unbound ===

impl Unbound {
    fn zone(&mut self, name: &[u8], kind: &[u8], each: &mut dyn FnMut(Item<'_>)) {
        let zone = Zone::of(kind);
        let name = match host(name) {
            Ok(name) => name,
            Err(skip) => return each(Item::Skipped(skip)),
        };
        match zone {
            Zone::Is(Role::Close) => each(Item::Entry(&name, Some(Matching::Subdomains))),
            Zone::Is(role) => each(Item::Rule(&name, Matching::Subdomains, role)),
            Zone::Waits if self.elsewhere == Some(name) => each(Item::Skipped(Skip::Address)),
            Zone::Waits => self.wait(name, each),
            Zone::Partly => each(Item::Skipped(Skip::Modifier)),
            Zone::Unknown => each(Item::Skipped(Skip::OtherFormat)),
        }
    }

    /// Keeps a zone until its data comes. Where too many wait, the first is taken as most are
    /// meant: closed.
    fn wait(&mut self, name: Name, each: &mut dyn FnMut(Item<'_>)) {
        if self.place_of.contains_key(&name) {
            return;
        }
        self.count += 1;
        self.place_of.insert(name, self.count);
        self.waiting.insert(self.count, name);
        if self.waiting.len() > WAITING_MAX
            && let Some((_, first)) = self.waiting.pop_first()
        {
            self.place_of.remove(&first);
            each(Item::Entry(&first, Some(Matching::Subdomains)));
        }
    }

    /// Takes a record: `name 3600 IN A 0.0.0.0`.
    fn data(&mut self, data: &[u8], each: &mut dyn FnMut(Item<'_>)) {
        let mut words = super::words(data);
        let name = match words.next().map_or(Err(Skip::NotAName), host) {
            Ok(name) => name,
            Err(skip) => return each(Item::Skipped(skip)),
        };
        let is_head =
            |word: &&[u8]| word.iter().all(u8::is_ascii_digit) || word.eq_ignore_ascii_case(b"in");
        let mut words = words.skip_while(is_head);
        let (kind, value) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let is_address = [&b"a"[..], b"aaaa"].iter().any(|it| kind.eq_ignore_ascii_case(it));
        let is_alias = [&b"cname"[..], b"dname"].iter().any(|it| kind.eq_ignore_ascii_case(it));
        if !is_address && !is_alias {
            return each(Item::Skipped(Skip::OtherFormat));
        }
        let zone = self.place_of.remove(&name);
        if let Some(zone) = zone {
            self.waiting.remove(&zone);
        }
        if is_address && is_sink(value) && self.elsewhere != Some(name) {
            each(match zone {
                Some(_) => Item::Entry(&name, Some(Matching::Subdomains)),
                // A name with data of its own is not asked for, whatever its zone is.
                None => Item::Rule(&name, Matching::Exact, Role::CloseAll),
            });
        } else if is_alias || address(value).is_some() {
            self.elsewhere = Some(name);
            each(Item::Skipped(Skip::Address));
        } else {
            each(Item::Skipped(Skip::NotAName));
        }
    }
}

impl Zone {
    fn of(kind: &[u8]) -> Zone {
        match kind {
            b"always_nxdomain" | b"always_null" | b"always_nodata" | b"always_refuse"
            | b"always_deny" | b"refuse" | b"deny" | b"static" | b"inform_deny" => {
                Zone::Is(Role::Close)
            }
            b"transparent" | b"typetransparent" | b"nodefault" | b"inform" => {
                Zone::Is(Role::Except)
            }
            // Not even data of its own counts.
            b"always_transparent" => Zone::Is(Role::ExceptAll),
            b"redirect" | b"inform_redirect" => Zone::Waits,
            // Some of its questions, or those of some clients, are answered as ever.
            b"block_a" | b"noview" => Zone::Partly,
            _ => Zone::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::items;
    use super::*;

    fn read(text: &str) -> Vec<String> {
        items(Format::Unbound, text.as_bytes())
    }

    #[test]
    fn a_redirect_closes_or_not_by_its_data_wherever_that_stands() {
        let zones = "local-zone: \"a.example\" redirect\nlocal-zone: \"b.example\" redirect\n";
        let data = "local-data: \"b.example A 192.0.2.7\"\nlocal-data: \"a.example A 0.0.0.0\"\n\
                    local-data: \"a.example AAAA ::\"\n";
        assert_eq!(
            read(&format!("{zones}{data}")),
            ["address", "a.example Subdomains", "a.example Exact CloseAll"]
        );
        let behind = "local-data: \"b.example A 192.0.2.7\"\nlocal-zone: \"b.example\" redirect\n\
                      local-data: \"b.example AAAA ::\"\n";
        assert_eq!(read(behind), ["address", "address", "address"]);
    }

    #[test]
    fn a_million_zones_that_wait_take_no_more_room_than_some() {
        let mut parser = Unbound::default();
        let mut closed = 0;
        let mut take = |item: Item<'_>| closed += usize::from(matches!(item, Item::Entry(..)));
        for at in 0..100_000 {
            parser.line(format!("local-zone: n{at}.example redirect").as_bytes(), &mut take);
            assert!(parser.waiting.len() <= WAITING_MAX);
            assert_eq!(parser.waiting.len(), parser.place_of.len());
        }
        parser.end(&mut take);
        assert_eq!(closed, 100_000);
    }
}
