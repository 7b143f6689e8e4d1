//! Rules of advertisement blockers, as far as they are about names: `||name^` and its kin.
//!
//! A rule is taken only when all of it is understood. Whatever it says beyond names (parts of
//! pages, addresses of pages, conditions on who asks and what for) makes it a rule that is skipped:
//! taken without, it would close more than was meant. `subject` says which names a rule is about,
//! `modifiers` what stands behind its `$`. What exceptions do to the rest of a list is no question
//! of a line, and not answered here. Start at `parse`.

mod modifiers;
mod subject;
#[cfg(test)]
mod tests;

use std::hash::BuildHasher as _;

use self::modifiers::Modifiers;
use self::subject::Subject;
use super::super::{Format, Matching};
use super::{Example, Item, Role, Skip, Syntax, address, host, hosts, words};
use crate::name::{Keyed, Name};

/// Rules of advertisement blockers.
pub const SYNTAX: Syntax = Syntax {
    format: Format::Adblock,
    name: "adblock",
    summary: "rules of advertisement blockers that are about names: ||name^ covers the name and \
              what is below it; @@||name^ excepts it from this list",
    looks_like,
    without_comment,
    parser: || Box::new(parse),
    matching: Matching::Subdomains,
    key: Some(key),
    examples: &[
        // Names.
        ("||ads.example^", &[Example::Below("ads.example")]),
        ("  ||Ads.Example^\t# why", &[Example::Below("ads.example")]),
        ("||ads.example^|", &[Example::Below("ads.example")]),
        ("||ads.example", &[Example::Below("ads.example")]),
        ("||señal.example^", &[Example::Below("xn--seal-hqa.example")]),
        ("|ads.example^", &[Example::Exactly("ads.example")]),
        ("|ads.example|", &[Example::Exactly("ads.example")]),
        ("://ads.example^", &[Example::Exactly("ads.example")]),
        ("ads.example", &[Example::Name("ads.example")]),
        ("ads.example^", &[Example::Name("ads.example")]),
        ("||*.ads.example^", &[Example::Rule("ads.example", Matching::Below, Role::Close)]),
        (".ads.example^", &[Example::Rule("ads.example", Matching::Below, Role::Close)]),
        ("0.0.0.0 ads.example", &[Example::Exactly("ads.example")]),
        ("192.0.2.7 bank.example", &[Example::Skipped(Skip::Address)]),
        ("||192.0.2.7^", &[Example::Skipped(Skip::Address)]),
        // Exceptions, and what stands above them.
        ("@@||shop.example^", &[Example::Rule("shop.example", Matching::Subdomains, Role::Except)]),
        ("@@|shop.example^", &[Example::Rule("shop.example", Matching::Exact, Role::Except)]),
        (
            "@@||shop.example^$important",
            &[Example::Rule("shop.example", Matching::Subdomains, Role::ExceptAll)],
        ),
        (
            "||ads.example^$important",
            &[Example::Rule("ads.example", Matching::Subdomains, Role::CloseAll)],
        ),
        (
            "||ads.example^$denyallow=cdn.ads.example|other.example",
            &[
                Example::Rule("ads.example", Matching::Subdomains, Role::CloseLimited),
                Example::Rule("cdn.ads.example", Matching::Subdomains, Role::ExceptLimited),
            ],
        ),
        ("||ads.example^$important,badfilter", &[Example::Disables]),
        // Conditions.
        ("||ads.example^$all", &[Example::Below("ads.example")]),
        ("||ads.example^$document", &[Example::Below("ads.example")]),
        ("||ads.example^$dnstype=A|AAAA", &[Example::Below("ads.example")]),
        ("||ads.example^$dnstype=~TXT", &[Example::Below("ads.example")]),
        ("||ads.example^$dnstype=AAAA", &[Example::Skipped(Skip::Modifier)]),
        ("||ads.example^$dnstype=~CNAME", &[Example::Skipped(Skip::Modifier)]),
        ("||ads.example^$client=192.0.2.7", &[Example::Skipped(Skip::Modifier)]),
        ("||ads.example^$dnsrewrite=192.0.2.7", &[Example::Skipped(Skip::Modifier)]),
        ("||ads.example^$third-party", &[Example::Skipped(Skip::Modifier)]),
        // Patterns.
        ("||ads*.example^", &[Example::Pattern(r"(?:^|\.)ads.*\.example$", Role::Close)]),
        ("||adserver.", &[Example::Pattern(r"(?:^|\.)adserver\.", Role::Close)]),
        ("|ads-*|", &[Example::Pattern("^ads-", Role::Close)]),
        ("@@-ads.example^", &[Example::Pattern(r"-ads\.example$", Role::Except)]),
        (r"/^ads?\d+\./", &[Example::Pattern(r"^ads?\d+\.", Role::Close)]),
        ("/^Ads/$important", &[Example::Pattern("(?i)^Ads", Role::CloseAll)]),
        ("/^ads(?!.*shop)/", &[Example::Skipped(Skip::Pattern)]),
        ("||*^", &[Example::Skipped(Skip::Pattern)]),
        // What no name can say.
        ("||site.example/page", &[Example::Skipped(Skip::Path)]),
        ("https://site.example^", &[Example::Skipped(Skip::Path)]),
        ("/banner/*/img", &[Example::Skipped(Skip::Path)]),
        ("||site.example:8080^", &[Example::Skipped(Skip::Path)]),
        ("site.example##.banner", &[Example::Skipped(Skip::Cosmetic)]),
        ("##.banner", &[Example::Skipped(Skip::Cosmetic)]),
        ("site.example#@#.banner", &[Example::Skipped(Skip::Cosmetic)]),
        ("site.example$$script", &[Example::Skipped(Skip::Cosmetic)]),
        ("||two.example words.example^", &[Example::Skipped(Skip::OtherFormat)]),
        ("||a..example^", &[Example::Skipped(Skip::NotAName)]),
        // Heads and comments.
        ("[Adblock Plus 2.0]", &[]),
        ("! Title: a list", &[]),
        ("# a comment", &[]),
    ],
};

/// A rule, taken apart.
struct Rule<'a> {
    /// Whether it opens (`@@`).
    is_exception: bool,
    /// Which names it is about.
    pattern: &'a [u8],
    /// What stands behind its `$`.
    modifiers: &'a [u8],
}

/// Only what no other format has, and only a few of it: a plain list with a stray rule stays plain.
fn looks_like(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let is_text =
        |line| std::str::from_utf8(line).is_ok_and(|text| !text.contains(char::is_control));
    if !is_text(line) || line.len() < 2 {
        return false;
    }
    is_cosmetic(line)
        || line.get(..8).is_some_and(|head| head.eq_ignore_ascii_case(b"[adblock"))
        || words(line).count() == 1
            && (line.starts_with(b"|")
                || line.starts_with(b"@@")
                || line.ends_with(b"^")
                || line.windows(2).any(|pair| pair == b"^$"))
}

/// The line up to its comment: a line that begins with `!` or `#` is one, and ` #` ends a rule. No
/// other sign does, because rules have them.
fn without_comment(line: &[u8]) -> &[u8] {
    match line.trim_ascii_start() {
        [b'!', ..] => return &[],
        // `##.banner` hides something everywhere; `## Title` is a comment.
        head @ [b'#', ..] if !hides_everywhere(head) => return &[],
        _ => {}
    }
    // Nearly every line ends here.
    if !line.contains(&b'#') {
        return line;
    }
    let comment = line.windows(2).enumerate().find(|(at, pair)| {
        pair[0].is_ascii_whitespace() && pair[1] == b'#' && mark(&line[at + 1..]).is_none()
    });
    comment.map_or(line, |(at, _)| &line[..at])
}

fn parse(line: &[u8], each: &mut dyn FnMut(Item<'_>)) {
    let line = line.trim_ascii();
    // Nearly every line is `||name^`.
    let plain = line.strip_prefix(b"||").and_then(|line| line.strip_suffix(b"^"));
    if let Some(name) = plain.and_then(|name| host(name).ok()) {
        return each(Item::Entry(&name, Some(Matching::Subdomains)));
    }
    if line.is_empty() || is_head(line) {
        return;
    }
    if is_cosmetic(line) {
        return each(Item::Skipped(Skip::Cosmetic));
    }
    let mut words = words(line);
    let first = words.next().unwrap_or_default();
    if words.next().is_none() {
        return Rule::of(line).hand_over(each);
    }
    if first == b"0" || address(first).is_some() {
        // What a hosts line closes is its names alone, whatever the lines around it cover.
        return hosts::parse(line, &mut |item| {
            let closed = if let Item::Entry(name, None) = item { Some(name) } else { None };
            each(closed.map_or(item, |name| Item::Entry(name, Some(Matching::Exact))));
        });
    }
    // A sentence: which of its words was meant is a guess.
    each(Item::Skipped(Skip::OtherFormat));
}

/// Rules have the same key when they differ in nothing but the order of their modifiers, and in
/// the case of names. A rule that switches another off is not switched off by itself.
fn key(line: &[u8]) -> u64 {
    let rule = Rule::of(line.trim_ascii());
    let key = rule.key();
    if Modifiers::of(rule.modifiers, rule.is_exception).badfilter { !key } else { key }
}

// === impl Rule ===

impl<'a> Rule<'a> {
    /// The parts of a line that is one word, and neither comment nor cosmetic.
    fn of(line: &'a [u8]) -> Self {
        let exception = line.strip_prefix(b"@@");
        let rest = exception.unwrap_or(line);
        let end = match rest {
            // In a regular expression `$` is the end of the name.
            [b'/', regex @ ..] => regex.windows(2).position(|pair| pair == b"/$").map(|at| at + 2),
            _ => rest.iter().position(|&octet| octet == b'$'),
        };
        let (pattern, modifiers) = end.map_or((rest, &[][..]), |at| (&rest[..at], &rest[at + 1..]));
        Rule { is_exception: exception.is_some(), pattern, modifiers }
    }

    fn hand_over(&self, each: &mut dyn FnMut(Item<'_>)) {
        let modifiers = Modifiers::of(self.modifiers, self.is_exception);
        if modifiers.badfilter && !self.pattern.is_empty() {
            return each(Item::Disables(self.key()));
        }
        let subject = match Subject::of(self.pattern) {
            Ok(subject) => subject,
            Err(skip) => return each(Item::Skipped(skip)),
        };
        let Some(role) = self.role(&modifiers) else {
            return each(Item::Skipped(Skip::Modifier));
        };
        match &subject {
            Subject::Name(name, Some(Matching::Below)) => {
                each(Item::Rule(name, Matching::Below, role));
            }
            Subject::Name(name, matching) if role == Role::Close => {
                each(Item::Entry(name, *matching));
            }
            Subject::Name(name, matching) => {
                each(Item::Rule(name, matching.unwrap_or(SYNTAX.matching), role));
            }
            Subject::Pattern(pattern) => each(Item::Pattern(pattern, role)),
        }
        // All rules of a list with such limits share them, so what limits nothing here stays out.
        for limit in modifiers.limits().filter_map(|limit| host(limit).ok()) {
            if subject.may_meet(&limit) {
                each(Item::Rule(&limit, Matching::Subdomains, Role::ExceptLimited));
            }
        }
    }

    /// What the rule does; none when it has a condition that is not judged.
    fn role(&self, modifiers: &Modifiers<'_>) -> Option<Role> {
        let is_limited = modifiers.limits().next().is_some();
        if !modifiers.are_judged || modifiers.limits().any(|limit| host(limit).is_err()) {
            return None;
        }
        match (self.is_exception, modifiers.important, is_limited) {
            (false, false, false) => Some(Role::Close),
            (false, true, false) => Some(Role::CloseAll),
            (false, false, true) => Some(Role::CloseLimited),
            (true, false, false) => Some(Role::Except),
            (true, true, false) => Some(Role::ExceptAll),
            // No role says "but for these" of an exception, or of what no exception opens.
            (true, _, true) | (false, true, true) => None,
        }
    }

    /// The key of the rule without `badfilter`.
    fn key(&self) -> u64 {
        let keyed = Keyed::default();
        let pattern = if self.pattern.starts_with(b"/") {
            keyed.hash_one(self.pattern)
        } else {
            keyed.hash_one(self.pattern.to_ascii_lowercase().as_slice())
        };
        let pattern = keyed.hash_one((self.is_exception, pattern));
        // A sum, so that their order does not matter.
        modifiers::words(self.modifiers)
            .filter(|word| *word != modifiers::BADFILTER)
            .fold(pattern, |key, word| key.wrapping_add(keyed.hash_one(word)))
    }
}

// === What is no rule about a name ===

/// Whether a line is `[Adblock Plus 2.0]` or its like, as lists begin.
fn is_head(line: &[u8]) -> bool {
    line.starts_with(b"[") && line.ends_with(b"]")
}

/// Whether a rule is about a part of a page: `site##.banner` and all its kin, `site$$script`.
fn is_cosmetic(line: &[u8]) -> bool {
    line.iter().enumerate().any(|(at, octet)| match octet {
        b'#' => mark(&line[at..]).is_some(),
        b'$' => line[at..].starts_with(b"$$") || line[at..].starts_with(b"$@$"),
        _ => false,
    })
}

/// Whether a line that begins with `#` hides a part of every page, rather than being a comment.
fn hides_everywhere(line: &[u8]) -> bool {
    let hashes = line.iter().take_while(|&&octet| octet == b'#').count();
    // `###name` hides what has that id; a row of more is an ornament.
    let length = if hashes > 3 { None } else { mark(line).map(|length| length.max(hashes)) };
    length.and_then(|length| line.get(length)).is_some_and(|next| !next.is_ascii_whitespace())
}

/// The length of the mark of a cosmetic rule: `##`, `#@#`, `#?#`, `#@$?#` and so on.
fn mark(text: &[u8]) -> Option<usize> {
    let rest = text.strip_prefix(b"#")?;
    let signs = rest.iter().take(3).take_while(|octet| b"@$?%".contains(octet)).count();
    (rest.get(signs) == Some(&b'#')).then_some(signs + 2)
}

/// Whether two names are the same, or one stands above the other.
fn are_akin(one: &Name, other: &Name) -> bool {
    one.is_at_or_below(other) || other.is_at_or_below(one)
}
