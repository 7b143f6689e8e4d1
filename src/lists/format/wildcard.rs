//! Wildcard lists: `*.name` covers a name with all below it.
//!
//! The star of DNS leaves the name itself out; that of these lists does not: their makers write
//! `*.site.example` and nothing else to close the site, and so do all programs that read them.

use super::super::{Format, Matching};
use super::{Example, Item, Skip, Syntax, host, without_comment, words};

/// Wildcard lists.
pub const SYNTAX: Syntax = Syntax {
    format: Format::Wildcard,
    name: "wildcard",
    summary: "*.name or .name a line, which covers the name and what is below it; a name without \
              star is that name alone",
    looks_like,
    without_comment,
    parser: || Box::new(parse),
    matching: Matching::Exact,
    key: None,
    examples: &[
        ("*.ads.example", &[Example::Below("ads.example")]),
        ("  *.Ads.Example.\t# why", &[Example::Below("ads.example")]),
        (".ads.example", &[Example::Below("ads.example")]),
        ("ads.example", &[Example::Name("ads.example")]),
        ("*.señal.example", &[Example::Below("xn--seal-hqa.example")]),
        ("*.com", &[Example::Below("com")]),
        ("# a comment", &[]),
        ("*ads.example", &[Example::Skipped(Skip::Pattern)]),
        ("ads.*.example", &[Example::Skipped(Skip::Pattern)]),
        ("*", &[Example::Skipped(Skip::Pattern)]),
        ("*.192.0.2.7", &[Example::Skipped(Skip::Address)]),
        ("||ads.example^", &[Example::Skipped(Skip::OtherFormat)]),
        ("*.two.example *.words.example", &[Example::Skipped(Skip::OtherFormat)]),
        ("*.site.example/page", &[Example::Skipped(Skip::Path)]),
    ],
};

fn looks_like(line: &[u8]) -> bool {
    let mut words = words(line);
    let Some(word) = words.next() else { return false };
    let name = word.strip_prefix(b"*.").or_else(|| word.strip_prefix(b"."));
    name.is_some_and(|name| host(name).is_ok()) && words.next().is_none()
}

fn parse(line: &[u8], each: &mut dyn FnMut(Item<'_>)) {
    let mut words = words(line);
    let Some(word) = words.next() else { return };
    if words.next().is_some() {
        each(Item::Skipped(Skip::OtherFormat));
        return;
    }
    let (word, matching) = match word {
        [b'*', b'.', rest @ ..] | [b'.', rest @ ..] => (rest, Some(Matching::Subdomains)),
        other => (other, None),
    };
    match host(word) {
        Ok(name) => each(Item::Entry(&name, matching)),
        // A star elsewhere: which names it stands for is no question of labels.
        Err(Skip::OtherFormat) if word.contains(&b'*') => each(Item::Skipped(Skip::Pattern)),
        Err(skip) => each(Item::Skipped(skip)),
    }
}
