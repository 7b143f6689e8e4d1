//! Plain lists: one name a line.

use super::super::{Format, Matching};
use super::{Example, Item, Skip, Syntax, host, without_comment, words};

/// Plain lists.
pub const SYNTAX: Syntax = Syntax {
    format: Format::Domains,
    name: "domains",
    summary: "one name a line, which covers what is below it; =name is that name alone",
    looks_like,
    without_comment,
    parser: || Box::new(parse),
    matching: Matching::Subdomains,
    key: None,
    examples: &[
        ("ads.example", &[Example::Name("ads.example")]),
        ("  Ads.Example.\t# why", &[Example::Name("ads.example")]),
        (".ads.example", &[Example::Below("ads.example")]),
        ("=ads.example", &[Example::Exactly("ads.example")]),
        ("señal.example", &[Example::Name("xn--seal-hqa.example")]),
        ("com", &[Example::Name("com")]),
        ("; a comment", &[]),
        ("192.0.2.7", &[Example::Skipped(Skip::Address)]),
        ("2001:db8::7", &[Example::Skipped(Skip::Address)]),
        ("*.ads.example", &[Example::Below("ads.example")]),
        ("||ads.example^", &[Example::Skipped(Skip::OtherFormat)]),
        ("site.example##.banner", &[Example::Skipped(Skip::OtherFormat)]),
        ("https://site.example/page", &[Example::Skipped(Skip::Path)]),
        ("site.example/page", &[Example::Skipped(Skip::Path)]),
        ("two.example words.example", &[Example::Skipped(Skip::OtherFormat)]),
        ("a..example", &[Example::Skipped(Skip::NotAName)]),
    ],
};

fn looks_like(line: &[u8]) -> bool {
    let mut words = words(line);
    words.next().is_some_and(|word| host(word).is_ok()) && words.next().is_none()
}

fn parse(line: &[u8], each: &mut dyn FnMut(Item<'_>)) {
    let mut words = words(line);
    let Some(word) = words.next() else { return };
    if words.next().is_some() {
        // A sentence, or a rule of another program: which of its words was meant is a guess.
        each(Item::Skipped(Skip::OtherFormat));
        return;
    }
    let (word, matching) = match word {
        [b'=', rest @ ..] => (rest, Some(Matching::Exact)),
        // As squid and others write a name with all below it.
        [b'.', rest @ ..] | [b'*', b'.', rest @ ..] => (rest, Some(Matching::Subdomains)),
        other => (other, None),
    };
    match host(word) {
        Ok(name) => each(Item::Entry(&name, matching)),
        Err(skip) => each(Item::Skipped(skip)),
    }
}
