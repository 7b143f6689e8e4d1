//! Files of squidGuard's categories: `domains`, `urls` and `expressions`.
//!
//! Which categories of a collection are read, by their `usage`, is decided where folders are read.

use super::super::{Format, Matching};
use super::{Example, Item, Skip, Syntax, address, host, words};

/// Files of squidGuard's categories.
pub const SYNTAX: Syntax = Syntax {
    format: Format::Squidguard,
    name: "squidguard",
    summary: "the domains files of squidGuard's folders; what is about pages (urls, expressions) \
              is left out",
    looks_like,
    without_comment,
    parser: || Box::new(parse),
    matching: Matching::Subdomains,
    key: None,
    examples: &[
        ("ads.example", &[Example::Name("ads.example")]),
        ("Ads.Example # why", &[Example::Name("ads.example")]),
        (".ads.example", &[Example::Below("ads.example")]),
        ("# a comment", &[]),
        ("192.0.2.7", &[Example::Skipped(Skip::Address)]),
        ("site.example/page?id=1#top", &[Example::Skipped(Skip::Path)]),
        ("site.example:8080/page", &[Example::Skipped(Skip::Path)]),
        ("192.0.2.7/page", &[Example::Skipped(Skip::Path)]),
        ("https://site.example/page", &[Example::Skipped(Skip::Path)]),
        ("(^|[-./_])(ads|banner)s?([-./_]|$)", &[Example::Skipped(Skip::Pattern)]),
        (r"\.(mp4|avi) ?$", &[Example::Skipped(Skip::Pattern)]),
        ("||ads.example^", &[Example::Skipped(Skip::OtherFormat)]),
        ("0.0.0.0 ads.example", &[Example::Skipped(Skip::OtherFormat)]),
        ("a..example", &[Example::Skipped(Skip::NotAName)]),
    ],
};

/// The line up to a `#` that begins a word: in an address of a page it is part of it.
fn without_comment(line: &[u8]) -> &[u8] {
    let begins = |at: usize| at == 0 || line[at - 1].is_ascii_whitespace();
    let comment = (0..line.len()).find(|at| line[*at] == b'#' && begins(*at));
    &line[..comment.unwrap_or(line.len())]
}

/// Only what no other format has: a name by itself is a plain list's too.
fn looks_like(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    is_page(line) || line.starts_with(b"(") && line.contains(&b'|') && line.contains(&b')')
}

/// Whether a word is the address of a page, as these lists write it: without `https://`.
fn is_page(word: &[u8]) -> bool {
    let Some(slash) = word.iter().position(|octet| *octet == b'/') else { return false };
    let host_and_port = &word[..slash];
    let port = host_and_port.iter().rposition(|octet| *octet == b':').filter(|colon| {
        let port = &host_and_port[colon + 1..];
        !port.is_empty() && port.iter().all(u8::is_ascii_digit)
    });
    let name = &host_and_port[..port.unwrap_or(slash)];
    host(name).is_ok() || address(name).is_some()
}

fn parse(line: &[u8], each: &mut dyn FnMut(Item<'_>)) {
    let line = line.trim_ascii();
    if line.is_empty() {
        return;
    }
    let (word, matching) = match line {
        [b'.', rest @ ..] => (rest, Some(Matching::Subdomains)),
        other => (other, None),
    };
    let is_rule = line.starts_with(b"||") || line.starts_with(b"@@");
    let skip = match host(word) {
        Ok(name) => return each(Item::Entry(&name, matching)),
        Err(_) if is_page(line) => Skip::Path,
        Err(_) if is_rule => Skip::OtherFormat,
        Err(_) if line.iter().any(|octet| br"()|^$[]{}\*+?".contains(octet)) => Skip::Pattern,
        Err(_) if words(line).count() > 1 => Skip::OtherFormat,
        Err(skip) => skip,
    };
    each(Item::Skipped(skip));
}
