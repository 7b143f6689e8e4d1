//! Response policy zones: a zone file whose records say what becomes of questions.
//!
//! A record's owner, without the zone's own name, is what it is about; its data says what is done.
//! The syntax is that of RFC 1035 §5.1, and real files break it: what stands in no record is
//! skipped, and the next line follows.

use super::super::{Format, Matching};
use super::{Example, Item, Parser, Role, Skip, Syntax, host, is_sink};
use crate::name::{NAME_OCTETS_MAX, Name};

/// Response policy zones.
pub const SYNTAX: Syntax = Syntax {
    format: Format::Rpz,
    name: "rpz",
    summary: "response policy zones as name servers exchange them: name CNAME .",
    looks_like,
    without_comment,
    parser: || Box::new(Rpz::default()),
    matching: Matching::Exact,
    key: None,
    examples: &[
        ("ads.example CNAME .", &[Example::Exactly("ads.example")]),
        (
            "*.ads.example\t300\tIN\tCNAME\t*. ; why",
            &[Example::Rule("ads.example", Matching::Below, Role::Close)],
        ),
        ("Ads.Example IN 1h CNAME rpz-drop.", &[Example::Exactly("ads.example")]),
        ("ads.example A 0.0.0.0", &[Example::Exactly("ads.example")]),
        (
            "good.ads.example CNAME rpz-passthru.",
            &[Example::Rule("good.ads.example", Matching::Exact, Role::Except)],
        ),
        (
            "*.good.example CNAME *.good.example.",
            &[Example::Rule("good.example", Matching::Below, Role::Except)],
        ),
        (
            "$TTL 1h\n$ORIGIN rpz.example.\n@ SOA a. b. (1 ; serial\n 2 3 4 5)\n NS localhost.\n\
             ads.example CNAME .\nb.example.rpz.example. CNAME .\n 60 A 0.0.0.0",
            &[
                Example::Exactly("ads.example"),
                Example::Exactly("b.example"),
                Example::Exactly("b.example"),
            ],
        ),
        ("; a comment", &[]),
        ("ads.example CNAME rpz-tcp-only.", &[Example::Skipped(Skip::Modifier)]),
        ("24.0.2.0.192.rpz-ip CNAME .", &[Example::Skipped(Skip::IpTrigger)]),
        ("ns.ads.example.rpz-nsdname CNAME .", &[Example::Skipped(Skip::IpTrigger)]),
        ("bank.example A 192.0.2.7", &[Example::Skipped(Skip::Address)]),
        ("search.example CNAME safe.example.", &[Example::Skipped(Skip::Address)]),
        ("* CNAME .", &[Example::Skipped(Skip::Pattern)]),
        ("ads.example TXT \"why; not\"", &[Example::Skipped(Skip::OtherFormat)]),
        ("ads.example", &[Example::Skipped(Skip::OtherFormat)]),
        ("a..example CNAME .", &[Example::Skipped(Skip::NotAName)]),
    ],
};

/// How many lines may stand between parentheses: an SOA has some ten. One that never closes is a
/// slip, and what follows it is read.
const PARENTHESIS_LINES_MAX: usize = 32;
/// How many words of a record are kept: owner, class, time to live, type, and its data.
const WORDS_MAX: usize = 16;
/// The numbers of an SOA.
const SOA_NUMBERS: usize = 5;
/// What a name is called that is about addresses and not about names.
const IP_TRIGGERS: [&[u8]; 4] = [b"rpz-ip", b"rpz-client-ip", b"rpz-nsip", b"rpz-nsdname"];

/// Reads a zone file.
#[derive(Default)]
struct Rpz {
    /// What relative names are relative to, in lower case without the last dot.
    origin: Vec<u8>,
    /// The zone's own name, written alike, once it was said.
    zone: Option<Vec<u8>>,
    /// The last owner, whole, written alike.
    owner: Option<Vec<u8>>,
    /// The record that is read while a parenthesis is open.
    held: Held,
    /// Whether an SOA had too few numbers: they may follow where they should not.
    soa_goes_on: bool,
}

/// A record in the making.
#[derive(Default)]
struct Held {
    words: Vec<Vec<u8>>,
    /// Whether it begins with a blank: its owner is the last one.
    is_ownerless: bool,
    is_open: bool,
    lines: usize,
}

/// What a record does.
enum Action {
    Close,
    Except,
    Skip(Skip),
    /// It is about the zone.
    Nothing,
}

fn without_comment(line: &[u8]) -> &[u8] {
    let (mut is_quoted, mut before) = (false, b' ');
    for (at, &octet) in line.iter().enumerate() {
        match octet {
            _ if before == b'\\' => {
                before = b' ';
                continue;
            }
            b'"' => is_quoted = !is_quoted,
            b';' if !is_quoted => return &line[..at],
            _ => {}
        }
        before = octet;
    }
    line
}

fn looks_like(line: &[u8]) -> bool {
    if line.starts_with(b"$ORIGIN") || line.starts_with(b"$TTL") {
        return true;
    }
    let words: Vec<_> = super::words(line).take(5).collect();
    let words = if line.first().is_some_and(u8::is_ascii_whitespace) {
        &words[..]
    } else {
        words.get(1..).unwrap_or_default()
    };
    let place = words.iter().position(|word| !is_head(word));
    place.is_some_and(|place| is_policy(words[place]) && words.len() > place + 1)
}

/// Whether a word says a class or a time to live, which stand before the type in any order.
fn is_head(word: &[u8]) -> bool {
    let is_time = word[0].is_ascii_digit()
        && word.iter().all(|octet| octet.is_ascii_digit() || b"smhdwSMHDW".contains(octet));
    is_time || [&b"in"[..], b"ch", b"hs"].iter().any(|class| word.eq_ignore_ascii_case(class))
}

/// Whether a type is one that policies are made of.
fn is_policy(kind: &[u8]) -> bool {
    [&b"cname"[..], b"a", b"aaaa"].iter().any(|it| kind.eq_ignore_ascii_case(it))
}

/// The words of a line, and whether a parenthesis is open behind it. What is quoted or behind a
/// backslash opens none.
fn words(line: &[u8], mut is_open: bool) -> (Vec<&[u8]>, bool) {
    let mut words = Vec::new();
    let (mut from, mut is_quoted, mut before) = (0, false, b' ');
    for (at, &octet) in line.iter().chain(b" ").enumerate() {
        let is_escaped = before == b'\\';
        before = if is_escaped { b' ' } else { octet };
        let is_last = at == line.len();
        match octet {
            _ if is_escaped && !is_last => continue,
            b'"' => is_quoted = !is_quoted,
            _ => {}
        }
        let is_parenthesis = matches!(octet, b'(' | b')') && !is_quoted;
        if is_last || is_parenthesis || octet.is_ascii_whitespace() && !is_quoted {
            if from < at && words.len() < WORDS_MAX {
                words.push(&line[from..at]);
            }
            from = at + 1;
        }
        if is_parenthesis {
            is_open = octet == b'(';
        }
    }
    (words, is_open)
}

// === impl Parser ===

impl Parser for Rpz {
    fn line(&mut self, line: &[u8], each: &mut dyn FnMut(Item<'_>)) {
        // A record where none can be: the parenthesis before it was never closed.
        let begins = line.first().is_some_and(|first| !first.is_ascii_whitespace());
        if self.held.is_open
            && (self.held.lines >= PARENTHESIS_LINES_MAX || begins && looks_like(line))
        {
            self.held = Held::default();
            each(Item::Skipped(Skip::OtherFormat));
        }
        let (words, is_open) = words(line, self.held.is_open);
        if !self.held.is_open {
            if words.is_empty() && !is_open {
                return;
            }
            self.held = Held { is_ownerless: !begins, ..Held::default() };
        }
        let room = WORDS_MAX - self.held.words.len();
        self.held.words.extend(words.into_iter().take(room).map(<[u8]>::to_vec));
        self.held.is_open = is_open;
        self.held.lines += 1;
        if !is_open {
            let held = std::mem::take(&mut self.held);
            self.record(&held, each);
        }
    }

    fn end(&mut self, each: &mut dyn FnMut(Item<'_>)) {
        if self.held.is_open {
            each(Item::Skipped(Skip::OtherFormat));
        }
        *self = Rpz::default();
    }
}

// === impl Rpz ===

impl Rpz {
    fn record(&mut self, held: &Held, each: &mut dyn FnMut(Item<'_>)) {
        let words: Vec<_> = held.words.iter().map(Vec::as_slice).collect();
        let soa_goes_on = std::mem::take(&mut self.soa_goes_on);
        let rest = match (held.is_ownerless, &words[..]) {
            (_, []) => return,
            // The rest of an SOA whose parenthesis was forgotten.
            (true, words) if soa_goes_on && words.iter().all(|word| is_rest_of_soa(word)) => {
                self.soa_goes_on = true;
                return;
            }
            (true, words) => words,
            (false, [first, rest @ ..]) if first.starts_with(b"$") => {
                return self.directive(first, rest, each);
            }
            (false, [first, rest @ ..]) => {
                match self.whole(first) {
                    Some(owner) => self.owner = Some(owner),
                    None => return each(Item::Skipped(Skip::NotAName)),
                }
                rest
            }
        };
        let place = rest.iter().position(|word| !is_head(word)).unwrap_or(rest.len());
        let ([kind, data @ ..], Some(owner)) = (&rest[place..], self.owner.clone()) else {
            return each(Item::Skipped(Skip::OtherFormat));
        };
        if kind.eq_ignore_ascii_case(b"soa") {
            self.soa_goes_on = data.len() < SOA_NUMBERS + 2;
            self.zone = Some(owner);
            return;
        }
        let Some(about) = self.without_zone(&owner) else { return };
        let action = self.action(kind, data, about);
        take(about, &action, each);
    }

    fn directive(&mut self, word: &[u8], rest: &[&[u8]], each: &mut dyn FnMut(Item<'_>)) {
        match (word.to_ascii_uppercase().as_slice(), rest) {
            (b"$TTL", _) => {}
            (b"$ORIGIN", [origin, ..]) => {
                if let Some(origin) = self.whole(origin) {
                    self.zone.get_or_insert_with(|| origin.clone());
                    self.origin = origin;
                } else {
                    each(Item::Skipped(Skip::NotAName));
                }
            }
            (_, _) => each(Item::Skipped(Skip::OtherFormat)),
        }
    }

    /// A name with its origin; none where it is too long for any.
    fn whole(&self, word: &[u8]) -> Option<Vec<u8>> {
        let mut whole = match word {
            b"@" => self.origin.clone(),
            b"." => Vec::new(),
            _ if word.ends_with(b".") => word[..word.len() - 1].to_vec(),
            _ if self.origin.is_empty() => word.to_vec(),
            _ => [word, b".", &self.origin].concat(),
        };
        whole.make_ascii_lowercase();
        (whole.len() <= 2 * NAME_OCTETS_MAX).then_some(whole)
    }

    /// What a record is about; none: the zone itself. A name outside the zone was written by
    /// somebody who forgot the zone, and means itself.
    fn without_zone<'a>(&self, owner: &'a [u8]) -> Option<&'a [u8]> {
        let zone = self.zone.as_deref().unwrap_or_default();
        if owner == zone {
            return None;
        }
        if zone.is_empty() {
            return Some(owner);
        }
        let about = owner.strip_suffix(zone).and_then(|about| about.strip_suffix(b"."));
        Some(about.unwrap_or(owner))
    }

    fn action(&self, kind: &[u8], data: &[&[u8]], about: &[u8]) -> Action {
        let is = |other: &str| kind.eq_ignore_ascii_case(other.as_bytes());
        if about.rsplit(|octet| *octet == b'.').any(|label| IP_TRIGGERS.contains(&label)) {
            return Action::Skip(Skip::IpTrigger);
        }
        let Some(target) = data.first().map(|target| target.to_ascii_lowercase()) else {
            return Action::Skip(Skip::OtherFormat);
        };
        if is("a") || is("aaaa") {
            return if is_sink(&target) { Action::Close } else { Action::Skip(Skip::Address) };
        }
        if is("dname") {
            return Action::Skip(Skip::Address);
        }
        if is("ns") || is("rrsig") || is("nsec") {
            return Action::Nothing;
        }
        if !is("cname") {
            return Action::Skip(Skip::OtherFormat);
        }
        // The dot is often forgotten, and nobody means a name of the zone's own.
        match target.strip_suffix(b".").unwrap_or(&target) {
            b"" | b"*" | b"rpz-drop" => Action::Close,
            b"rpz-passthru" => Action::Except,
            b"rpz-tcp-only" => Action::Skip(Skip::Modifier),
            // As passing through was written before it had a word.
            own if own == about => Action::Except,
            _ if self.whole(&target).as_deref() == self.owner.as_deref() => Action::Except,
            _ => Action::Skip(Skip::Address),
        }
    }
}

/// Whether a word may stand where the numbers of an SOA do.
fn is_rest_of_soa(word: &[u8]) -> bool {
    is_head(word) || word.iter().all(|octet| b"\\();".contains(octet))
}

fn take(about: &[u8], action: &Action, each: &mut dyn FnMut(Item<'_>)) {
    let (word, matching) = match about {
        b"*" => (about, None),
        [b'*', b'.', rest @ ..] => (rest, Some(Matching::Below)),
        other => (other, Some(Matching::Exact)),
    };
    let name: Result<Name, Skip> = host(word);
    match (action, name, matching) {
        (Action::Nothing, ..) => {}
        (Action::Skip(skip), ..) => each(Item::Skipped(*skip)),
        (_, _, None) => each(Item::Skipped(Skip::Pattern)),
        (_, Err(skip), _) => each(Item::Skipped(skip)),
        (Action::Close, Ok(name), Some(Matching::Below)) => {
            each(Item::Rule(&name, Matching::Below, Role::Close));
        }
        (Action::Close, Ok(name), matching) => each(Item::Entry(&name, matching)),
        (Action::Except, Ok(name), Some(matching)) => {
            each(Item::Rule(&name, matching, Role::Except));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::items;
    use super::*;

    fn read(text: &str) -> Vec<String> {
        items(Format::Rpz, text.as_bytes())
    }

    #[test]
    fn a_soa_in_pieces_loses_nothing_behind_it() {
        // As a public list has it: its opening parenthesis is missing, the other one is escaped.
        let text = "$ORIGIN\tlocalhost.\n$TTL 1800;\n@\tIN\tSOA\tlocalhost. host.example. 1598057154\t; Serial\n\
                    \t\t3600\t; refresh\n\t\t60\n\t\t604800\n\t\t60;\t; TTL\n\t\t\\)\n\t\tIN\tNS\tlocalhost\t;out\n\n\
                    ads.example\tCNAME\t.\n*.ads.example\tCNAME\t.\n";
        assert_eq!(read(text), ["ads.example Exact", "ads.example Below Close"]);
    }

    #[test]
    fn the_zone_of_the_soa_or_the_origin_is_no_part_of_a_name() {
        for head in [
            "$ORIGIN rpz.example.\n",
            "rpz.example. 60 IN SOA a. b. 1 2 3 4 5\n$ORIGIN rpz.example.\n",
            "$ORIGIN example.\nrpz SOA a. b. ( 1 2 3 4 5 )\n$ORIGIN rpz.example.\n",
        ] {
            let text =
                format!("{head}@ NS localhost.\nads.test CNAME .\n*.B.test.RPZ.example. CNAME .\n");
            assert_eq!(read(&text), ["ads.test Exact", "b.test Below Close"], "{head}");
        }
        let text = "@ SOA a. b. 1 2 3 4 5\n$ORIGIN com.\nads CNAME .\n$ORIGIN .\nb.test CNAME .\n";
        assert_eq!(read(text), ["ads.com Exact", "b.test Exact"]);
        let text = "$ORIGIN rpz.example.\nads.test. CNAME .\ngood.test CNAME good.test.\n";
        assert_eq!(read(text), ["ads.test Exact", "good.test Exact Except"]);
    }

    #[test]
    fn a_parenthesis_that_never_closes_hides_nothing() {
        let many = "a.example CNAME .\n".repeat(3);
        assert_eq!(read(&format!("@ SOA a. b. ( 1 2 3\n{many}")).len(), 4);
        let junk = "x (\n".to_owned() + &"word word\n".repeat(10_000);
        assert!(read(&junk).len() > 9_000);
        let mut parser = Rpz::default();
        parser.line(b"x SOA (", &mut |_| {});
        for _ in 0..PARENTHESIS_LINES_MAX - 1 {
            parser.line(&b"word ".repeat(800), &mut |_| {});
            assert!(parser.held.words.len() <= WORDS_MAX);
        }
    }
}
