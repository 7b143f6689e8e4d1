//! How lists are written: text in, names out.
//!
//! Each format is one file and one row of [`FORMATS`]. A format knows the shape of a line and
//! nothing of tags, essentials or the index; what it cannot take it says so, and the next line
//! follows. Start at [`read`].

pub mod adblock;
pub mod dnsmasq;
pub mod domains;
pub mod hosts;
pub mod rpz;
pub mod squidguard;
pub mod unbound;
pub mod wildcard;

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Format, Matching};
use crate::name::Name;

/// The formats, in the order in which they win a tie when [`Format::Auto`] has to guess: plain names
/// first.
pub const FORMATS: &[&Syntax] = &[
    &domains::SYNTAX,
    &hosts::SYNTAX,
    &wildcard::SYNTAX,
    &adblock::SYNTAX,
    &dnsmasq::SYNTAX,
    &unbound::SYNTAX,
    &rpz::SYNTAX,
    &squidguard::SYNTAX,
];

/// The longest line that is read. A line of a hosts file with ten names has about 300 octets; a
/// page of HTML or a binary file in one line is no list.
pub const LINE_OCTETS_MAX: usize = 4096;

/// How many lines with something on them a guess looks at. The head of a list is comments and
/// a handful of local names; two hundred lines are past it.
const GUESS_LINES_MAX: usize = 200;

/// Reads the lines of one text, in their order.
pub trait Parser {
    /// Reads one line without its comment and hands over all that stands on it.
    fn line(&mut self, line: &[u8], each: &mut dyn FnMut(Item<'_>));

    /// The text ends: hands over what waited for more.
    fn end(&mut self, _each: &mut dyn FnMut(Item<'_>)) {}
}

/// A format in which no line depends on another.
impl<F: FnMut(&[u8], &mut dyn FnMut(Item<'_>))> Parser for F {
    fn line(&mut self, line: &[u8], each: &mut dyn FnMut(Item<'_>)) {
        self(line, each);
    }
}

/// One format.
#[derive(Debug)]
pub struct Syntax {
    /// Which one it is.
    pub format: Format,
    /// Its word in `[list.ID] format`.
    pub name: &'static str,
    /// What it is, in a few words.
    pub summary: &'static str,
    /// Whether a line without its comment, which is never blank, looks like this format.
    pub looks_like: fn(&[u8]) -> bool,
    /// The line up to its comment, as this format writes comments.
    pub without_comment: fn(&[u8]) -> &[u8],
    /// Begins to read a text.
    pub parser: fn() -> Box<dyn Parser>,
    /// What an entry covers when neither it nor the list says so.
    pub matching: Matching,
    /// The key of a rule for [`Item::Disables`], where the format has such rules: rules that
    /// differ in the order of their modifiers only have the same.
    pub key: Option<fn(&[u8]) -> u64>,
    /// Lines, and what each becomes.
    pub examples: &'static [(&'static str, &'static [Example])],
}

/// What a word or a line of a list is.
#[derive(Debug, Clone, Copy)]
pub enum Item<'a> {
    /// A name that is closed, with what it covers where the entry's own syntax says so.
    Entry(&'a Name, Option<Matching>),
    /// A name with what its rule does with it, and what it covers.
    Rule(&'a Name, Matching, Role),
    /// A regular expression over whole names, in lower case without the last dot, with what its
    /// rule does.
    Pattern(&'a str, Role),
    /// Rules with this key, from [`Syntax::key`], count for nothing in this list (`$badfilter`).
    Disables(u64),
    /// Something else.
    Skipped(Skip),
}

/// What a rule does with a name. An exception touches no other list than its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Closes it.
    Close,
    /// Closes it whatever exceptions the list has, but [`Role::ExceptAll`] (`$important`).
    CloseAll,
    /// Closes it but for the names of [`Role::ExceptLimited`] (`$denyallow`), and exceptions.
    CloseLimited,
    /// Excepts it from [`Role::Close`] and [`Role::CloseLimited`] (`@@`).
    Except,
    /// Excepts it from all rules of this list (`@@` with `$important`).
    ExceptAll,
    /// Excepts it from [`Role::CloseLimited`].
    ExceptLimited,
}

/// Why a word or a line of a list is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Skip {
    /// A line of more than [`LINE_OCTETS_MAX`] octets.
    LongLine,
    /// An address where a name belongs, or a hosts line that leads somewhere: a list may close a
    /// name, never redirect it.
    Address,
    /// `localhost` and its kin, as every hosts file begins.
    Local,
    /// An address of a page: DNS cannot close a part of a site, and the whole was not meant.
    Path,
    /// A rule of another format, such as `||name^` in a hosts file, or a setting of another program.
    OtherFormat,
    /// A rule that hides a part of a page.
    Cosmetic,
    /// A rule with a condition that is not judged here; taken without, it would close more than
    /// was meant.
    Modifier,
    /// A pattern that is too costly, or too wide, or beyond the number that is kept.
    Pattern,
    /// A rule about addresses of answers (RPZ's IP triggers).
    IpTrigger,
    /// A rule that another rule of the list switched off.
    Disabled,
    /// Anything else.
    NotAName,
}

/// What one word of an example line becomes.
#[derive(Debug, Clone, Copy)]
pub enum Example {
    /// This name, covering what the format says.
    Name(&'static str),
    /// This name alone, by its own syntax.
    Exactly(&'static str),
    /// This name with all below it, by its own syntax.
    Below(&'static str),
    /// A rule about this name.
    Rule(&'static str, Matching, Role),
    /// A regular expression.
    Pattern(&'static str, Role),
    /// A rule that switches another off.
    Disables,
    /// Nothing, for this reason.
    Skipped(Skip),
}

impl Skip {
    /// All kinds.
    pub const ALL: [Skip; 11] = [
        Skip::LongLine,
        Skip::Address,
        Skip::Local,
        Skip::Path,
        Skip::OtherFormat,
        Skip::Cosmetic,
        Skip::Modifier,
        Skip::Pattern,
        Skip::IpTrigger,
        Skip::Disabled,
        Skip::NotAName,
    ];

    /// The kind as a word in reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Skip::LongLine => "long_line",
            Skip::Address => "address",
            Skip::Local => "local",
            Skip::Path => "path",
            Skip::OtherFormat => "other_format",
            Skip::Cosmetic => "cosmetic",
            Skip::Modifier => "modifier",
            Skip::Pattern => "pattern",
            Skip::IpTrigger => "ip_trigger",
            Skip::Disabled => "disabled",
            Skip::NotAName => "not_a_name",
        }
    }
}

/// Why a text was taken for a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guess {
    /// How many of its first lines look like it.
    pub like: usize,
    /// Of how many.
    pub of: usize,
}

/// How a format is written; for [`Format::Auto`], what the text looks like and why.
#[must_use]
pub fn syntax_of(format: Format, text: &[u8]) -> (&'static Syntax, Option<Guess>) {
    if let Some(syntax) = FORMATS.iter().find(|syntax| syntax.format == format) {
        return (syntax, None);
    }
    let (syntax, guess) = guess(text);
    (syntax, Some(guess))
}

/// Reads whole lines and hands over all that stands in them, with the line's number from 1. How
/// many lines there were. The text has no byte order mark any more: [`without_mark`].
pub fn read(
    syntax: &Syntax,
    parser: &mut dyn Parser,
    text: &[u8],
    each: &mut dyn FnMut(usize, Item<'_>),
) -> usize {
    read_but(&HashSet::new(), syntax, parser, text, each)
}

/// As [`read`], without the rules whose [`Syntax::key`] is among those that are switched off.
pub(super) fn read_but(
    disabled: &HashSet<u64>,
    syntax: &Syntax,
    parser: &mut dyn Parser,
    text: &[u8],
    each: &mut dyn FnMut(usize, Item<'_>),
) -> usize {
    let key = syntax.key.filter(|_| !disabled.is_empty());
    let mut number = 0;
    for line in lines(text) {
        number += 1;
        if line.len() > LINE_OCTETS_MAX {
            each(number, Item::Skipped(Skip::LongLine));
            continue;
        }
        let line = (syntax.without_comment)(line);
        if key.is_some_and(|key| disabled.contains(&key(line))) {
            each(number, Item::Skipped(Skip::Disabled));
            continue;
        }
        parser.line(line, &mut |item| each(number, item));
    }
    number
}

/// A text without the byte order mark it begins with.
#[must_use]
pub fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}

/// The format most of the first lines look like; plain names when none speaks.
fn guess(text: &[u8]) -> (&'static Syntax, Guess) {
    let mut votes = [0_usize; FORMATS.len()];
    let mut of = 0;
    let spoken = lines(without_mark(text))
        .filter(|line| line.len() <= LINE_OCTETS_MAX)
        .filter(|line| words(without_comment(line)).next().is_some())
        .take(GUESS_LINES_MAX);
    for line in spoken {
        of += 1;
        for (syntax, votes) in FORMATS.iter().zip(&mut votes) {
            *votes += usize::from((syntax.looks_like)((syntax.without_comment)(line)));
        }
    }
    let mut best = (&domains::SYNTAX, 0);
    for (syntax, votes) in FORMATS.iter().zip(votes) {
        if votes > best.1 {
            best = (syntax, votes);
        }
    }
    (best.0, Guess { like: best.1, of })
}

// === what the formats share ===

/// The lines of a text. A carriage return at a line's end is white space like any other, and
/// [`words`] drops it.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&octet| octet == b'\n')
}

/// The words of a line.
fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

/// The line up to its comment: `#` and `;` anywhere, `!` and `//` where a word begins.
fn without_comment(line: &[u8]) -> &[u8] {
    for (at, &octet) in line.iter().enumerate() {
        if !matches!(octet, b'#' | b';' | b'!' | b'/') {
            continue;
        }
        let next = line.get(at + 1);
        let begins_word = at == 0 || line[at - 1].is_ascii_whitespace();
        let begins_comment = match octet {
            b'#' if begins_word => true,
            // An advertisement blocker's rule hides a part of a page (`name##.banner`). Cut here,
            // the whole site would be closed.
            b'#' if next.is_some_and(|next| b"#@?$%".contains(next)) => return line,
            b'#' | b';' => true,
            b'!' => begins_word,
            _ => begins_word && next == Some(&b'/'),
        };
        if begins_comment {
            return &line[..at];
        }
    }
    line
}

/// The name a word spells, or what it is instead.
fn host(word: &[u8]) -> Result<Name, Skip> {
    let name = if word.is_ascii() {
        Name::parse_ascii(word).ok()
    } else {
        std::str::from_utf8(word).ok().and_then(|text| Name::parse(text).ok())
    };
    match name {
        // No top level is a number: `192.0.2.1` and `1.2.3` are addresses (RFC 1123 §2.1).
        Some(_) if ends_in_a_number(word) => Err(Skip::Address),
        Some(name) => Ok(name),
        None if address(word).is_some() => Err(Skip::Address),
        None if word.contains(&b'/') => Err(Skip::Path),
        None if word.iter().any(|octet| b"*|^$@[]<>{}=,\"%#".contains(octet)) => {
            Err(Skip::OtherFormat)
        }
        None => Err(Skip::NotAName),
    }
}

fn ends_in_a_number(word: &[u8]) -> bool {
    let word = word.strip_suffix(b".").unwrap_or(word);
    // Nearly every name ends in a letter, and is done here.
    word.last().is_some_and(u8::is_ascii_digit)
        && word
            .rsplit(|&octet| octet == b'.')
            .next()
            .is_some_and(|label| label.iter().all(u8::is_ascii_digit))
}

/// The address a word spells; its zone (`fe80::1%lo0`) does not count.
fn address(word: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(word).ok()?;
    text.split('%').next()?.parse().ok()
}

/// Whether an address leads nowhere: a list that could say where a name leads could impersonate a
/// bank.
fn is_sink(word: &[u8]) -> bool {
    // These begin nearly every line there is.
    if matches!(word, b"0.0.0.0" | b"127.0.0.1" | b"::" | b"::1") {
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

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// All a text holds, each item as one word.
    pub(in super::super) fn items(format: Format, text: &[u8]) -> Vec<String> {
        let mut items = Vec::new();
        let (syntax, _) = syntax_of(format, text);
        let mut parser = (syntax.parser)();
        read(syntax, &mut *parser, text, &mut |_, item| items.push(shown(item)));
        parser.end(&mut |item| items.push(shown(item)));
        items
    }

    fn shown(item: Item<'_>) -> String {
        match item {
            Item::Entry(name, None) => name.to_string(),
            Item::Entry(name, Some(matching)) => format!("{name} {matching:?}"),
            Item::Rule(name, matching, role) => format!("{name} {matching:?} {role:?}"),
            Item::Pattern(pattern, role) => format!("/{pattern}/ {role:?}"),
            Item::Disables(_) => "disables".to_owned(),
            Item::Skipped(skip) => skip.word().to_owned(),
        }
    }

    #[test]
    fn every_format_reads_its_own_examples() {
        for syntax in FORMATS {
            assert!(!syntax.summary.is_empty() && syntax.examples.len() > 3);
            for (line, expected) in syntax.examples {
                let expected: Vec<_> = expected
                    .iter()
                    .map(|example| match example {
                        Example::Name(name) => (*name).to_owned(),
                        Example::Exactly(name) => format!("{name} Exact"),
                        Example::Below(name) => format!("{name} Subdomains"),
                        Example::Rule(name, matching, role) => {
                            format!("{name} {matching:?} {role:?}")
                        }
                        Example::Pattern(pattern, role) => format!("/{pattern}/ {role:?}"),
                        Example::Disables => "disables".to_owned(),
                        Example::Skipped(skip) => skip.word().to_owned(),
                    })
                    .collect();
                assert_eq!(items(syntax.format, line.as_bytes()), expected, "{line}");
            }
        }
    }

    #[test]
    fn every_format_has_a_word_of_its_own_and_is_never_auto() {
        for (at, syntax) in FORMATS.iter().enumerate() {
            assert_ne!(syntax.format, Format::Auto);
            assert!(FORMATS[..at].iter().all(|other| other.name != syntax.name));
            assert!(FORMATS[..at].iter().all(|other| other.format != syntax.format));
        }
    }

    #[test]
    fn a_guess_reads_past_the_head_of_a_file() {
        let hosts = b"\xef\xbb\xbf# title\r\n\r\n127.0.0.1 localhost\r\n0.0.0.0 a.example\r\n";
        assert_eq!(guess(hosts).0.format, Format::Hosts);
        assert_eq!(guess(b"! title\na.example\nb.example # both\n").0.format, Format::Domains);
        assert_eq!(guess(b"").0.format, Format::Domains);
        assert_eq!(guess(b"\xff\xfe\x00<html>").0.format, Format::Domains);
    }

    /// The beginnings of lists as they are in the world, made up, each with what it is.
    const BEGINNINGS: [(Format, &str); 14] = [
        (Format::Domains, "# a list\na.example\nb.example # why\n192.0.2.7\nc.example/page\n"),
        (Format::Domains, "<html>\n<body>\n"),
        (Format::Domains, "a.example\n*.b.example\n"),
        (Format::Hosts, "# hosts\n127.0.0.1 localhost\n0.0.0.0 a.example b.example\n"),
        (Format::Hosts, "::1 a.example\n192.0.2.7 b.example\n"),
        (Format::Wildcard, "# list\n*.a.example\n*.b.example\nc.example\n"),
        (Format::Dnsmasq, "# list\n\nserver=/a.example/\nserver=/b.example/\nno-resolv\n"),
        (Format::Dnsmasq, "address=/a.example/#\naddress=/b.example/c.example/0.0.0.0\n"),
        (Format::Unbound, "# list\nserver:\nlocal-zone: \"a.example.\" always_null\n"),
        (Format::Unbound, "local-data: \"a.example A 0.0.0.0\"\nlocal-data: \"b.example A ::\"\n"),
        (
            Format::Rpz,
            "; list\n$TTL 60\n@ SOA a. b. (\n 1\n 2\n 3\n 4\n 5)\n NS a.\na.example CNAME .\n*.a.example CNAME .\nb.example CNAME .\nc.example CNAME .\n*.d.example CNAME .\ne.example 60 IN A 0.0.0.0\n",
        ),
        (Format::Rpz, "a.example CNAME rpz-passthru.\nb.example A 192.0.2.7\n"),
        (
            Format::Squidguard,
            "# urls\na.example/page\nb.example/other/page?id=1\n192.0.2.7/x\nc.example\n",
        ),
        (Format::Squidguard, "(^|[-.])(ads|banner)\n(one|two)\n"),
    ];

    #[test]
    fn a_format_is_known_by_the_beginning_of_a_list() {
        for (format, text) in BEGINNINGS {
            let (syntax, guess) = guess(text.as_bytes());
            assert_eq!(syntax.format, format, "{text}");
            assert!(guess.like <= guess.of);
        }
    }

    #[test]
    fn a_comment_ends_a_line_but_a_hiding_rule_is_no_comment() {
        for line in ["a.example # why", "a.example#why", "a.example ; why", "a.example // why"] {
            assert_eq!(words(without_comment(line.as_bytes())).next(), Some(&b"a.example"[..]));
        }
        for line in ["a.example##.banner", "a.example#@#.banner", "a.example#?#p"] {
            assert_eq!(without_comment(line.as_bytes()), line.as_bytes());
        }
        for line in ["# x", "; x", "! x", "// x", "  ! x", "#### x"] {
            assert_eq!(words(without_comment(line.as_bytes())).count(), 0, "{line}");
        }
    }

    #[test]
    fn a_line_without_end_is_one_thing_skipped() {
        let text = [b"a.example\n".to_vec(), vec![b'x'; 1 << 20], b"\nb.example".to_vec()].concat();
        assert_eq!(items(Format::Domains, &text), ["a.example", "long_line", "b.example"]);
    }

    #[test]
    fn a_text_in_another_encoding_loses_only_its_own_lines() {
        let text = b"a.example\r\nse\xf1al.example\r\n\x00\x01\r\nb.example\r\n";
        assert_eq!(
            items(Format::Domains, text),
            ["a.example", "not_a_name", "not_a_name", "b.example"]
        );
    }

    proptest! {
        #[test]
        fn no_octets_upset_any_format(text in proptest::collection::vec(any::<u8>(), 0..400)) {
            items(Format::Auto, &text);
            for syntax in FORMATS {
                items(syntax.format, &text);
            }
        }

        #[test]
        fn nothing_that_resembles_a_list_upsets_any_format(
            text in "([ \\t#;!/*|^.=:0-9a-zA-Z%ñт。-]{0,30}\\r?\\n){0,20}"
        ) {
            items(Format::Auto, text.as_bytes());
            for syntax in FORMATS {
                items(syntax.format, text.as_bytes());
            }
        }

        #[test]
        fn nothing_made_of_their_own_words_upsets_any_format(
            text in "((@|\\$ORIGIN|\\$TTL|SOA|CNAME|A|IN|60|\\.|\\*|\\*\\.|\\(|\\)|;|\"|'|\\\\|rpz-ip|a\\.b|\
                     local-zone:|local-data:|server:|redirect|static|0\\.0\\.0\\.0|::|address=/|\
                     server=/|/|#|[ \\t]|\n){0,6}[ \\n]){0,20}"
        ) {
            for syntax in FORMATS {
                items(syntax.format, text.as_bytes());
            }
        }
    }
}
