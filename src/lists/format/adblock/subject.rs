//! Which names a rule is about: one name with what it covers, or a pattern.
//!
//! In a rule `||` is the beginning of a label, `|` an end of the name, `^` behind a name its end,
//! and `*` any text. A name without end (`||ads.example`) is read as that name: as the beginning of
//! others (`ads.example.org`) it was hardly meant, and closes them all.

use super::super::super::Matching;
use super::super::{Skip, address, host};
use super::are_akin;
use crate::name::Name;

/// The least text of a pattern with stars, in octets: what is shorter is in every other name.
const TEXT_OCTETS_MIN: usize = 3;

/// Which names a rule is about.
#[expect(clippy::large_enum_variant, reason = "there is one, for as long as a line is read")]
pub(super) enum Subject {
    /// This name, with what it covers where the rule says so.
    Name(Name, Option<Matching>),
    /// All names this regular expression finds something in.
    Pattern(String),
}

/// Where what is written begins in a name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    /// Where any label begins.
    Label,
    /// Where the name begins.
    Name,
    /// Anywhere.
    Anywhere,
}

impl Subject {
    /// What stands before the `$` of a rule.
    pub(super) fn of(pattern: &[u8]) -> Result<Self, Skip> {
        if let [b'/', regex @ .., b'/'] = pattern {
            return written_regex(regex).map(Subject::Pattern);
        }
        let (start, rest) = match pattern {
            [b'|', b'|', rest @ ..] => (Start::Label, rest),
            [b'|', rest @ ..] | [b':', b'/', b'/', rest @ ..] => (Start::Name, rest),
            rest => (Start::Anywhere, rest),
        };
        let end = [&b"^|"[..], b"|", b"^*", b"^"].iter().find_map(|end| rest.strip_suffix(*end));
        Glob::of(start, end.unwrap_or(rest), end.is_some()).subject()
    }

    /// Whether a name with all below it can be among what the rule is about.
    pub(super) fn may_meet(&self, name: &Name) -> bool {
        match self {
            Subject::Name(own, _) => are_akin(own, name),
            Subject::Pattern(_) => true,
        }
    }
}

/// Text with stars in it, and where it stands in a name.
struct Glob<'a> {
    start: Start,
    /// Without stars at its ends.
    text: &'a [u8],
    /// Whether it stood behind a star.
    is_behind_star: bool,
    /// Whether it stood before a star.
    is_before_star: bool,
    /// Whether the name ends with it.
    is_end: bool,
}

impl<'a> Glob<'a> {
    fn of(start: Start, text: &'a [u8], is_end: bool) -> Self {
        let is_star = |octet: &u8| *octet == b'*';
        let first = text.iter().position(|octet| !is_star(octet)).unwrap_or(text.len());
        let end = text.iter().rposition(|octet| !is_star(octet)).map_or(first, |last| last + 1);
        let (is_behind_star, is_before_star) = (first > 0, end < text.len());
        Glob {
            // Before the star anything may stand.
            start: if is_behind_star { Start::Anywhere } else { start },
            text: &text[first..end],
            is_behind_star,
            is_before_star,
            is_end: is_end && !is_before_star,
        }
    }

    fn subject(&self) -> Result<Subject, Skip> {
        self.is_about_names()?;
        if !self.text.contains(&b'*') && !self.is_before_star {
            let above = self.text.strip_prefix(b".").filter(|_| self.start == Start::Anywhere);
            if let Some(above) = above.filter(|above| self.is_whole(above, Start::Label)) {
                return Ok(Subject::Name(host(above)?, Some(Matching::Below)));
            }
            if !self.is_behind_star && self.is_whole(self.text, self.start) {
                let matching = match self.start {
                    Start::Label => Some(Matching::Subdomains),
                    Start::Name => Some(Matching::Exact),
                    Start::Anywhere => None,
                };
                return Ok(Subject::Name(host(self.text)?, matching));
            }
        }
        self.regex().map(Subject::Pattern)
    }

    /// Whether the rule could be about names at all.
    fn is_about_names(&self) -> Result<(), Skip> {
        let bare = self.text.strip_prefix(b"[").and_then(|text| text.strip_suffix(b"]"));
        if address(bare.unwrap_or(self.text)).is_some() {
            return Err(Skip::Address);
        }
        // `^` within is where a name ends and the rest of an address begins.
        if self.text.iter().any(|octet| b"/:?&^".contains(octet)) {
            return Err(Skip::Path);
        }
        Ok(())
    }

    /// Whether some text is a name from its first label to its last, rather than a part of one.
    fn is_whole(&self, text: &[u8], start: Start) -> bool {
        let is_begun =
            start != Start::Anywhere || !text.starts_with(b"-") && !text.starts_with(b".");
        // A dot at the end is that of a whole name only where nothing says that more may follow.
        let is_ended = self.is_end
            || !text.ends_with(b"-") && (!text.ends_with(b".") || start == Start::Anywhere);
        is_begun && is_ended
    }

    /// The same as a regular expression over a whole name.
    fn regex(&self) -> Result<String, Skip> {
        let is_text = |octet: &u8| octet.is_ascii_alphanumeric() || b"-_.".contains(octet);
        if !self.text.iter().all(|octet| is_text(octet) || *octet == b'*') {
            // What is in the way is said as of any name.
            return Err(host(self.text).err().unwrap_or(Skip::NotAName));
        }
        let is_text_enough = self.text.iter().filter(|octet| is_text(octet)).count();
        if is_text_enough < TEXT_OCTETS_MIN {
            return Err(if self.text.is_empty() && !self.is_behind_star {
                Skip::NotAName
            } else {
                Skip::Pattern
            });
        }
        if self.text.iter().all(|octet| octet.is_ascii_digit() || b".*".contains(octet)) {
            return Err(Skip::Address);
        }
        let begins_empty = self.text.starts_with(b".") && self.start != Start::Anywhere;
        if begins_empty || self.text.windows(2).any(|pair| pair == b"..") {
            return Err(Skip::NotAName);
        }
        let mut regex = String::with_capacity(2 * self.text.len() + 8);
        regex.push_str(match self.start {
            Start::Label => r"(?:^|\.)",
            Start::Name => "^",
            Start::Anywhere => "",
        });
        for (at, octet) in self.text.iter().enumerate() {
            match octet {
                b'*' if self.text[at - 1] == b'*' => {}
                b'*' => regex.push_str(".*"),
                b'.' => regex.push_str(r"\."),
                other => regex.push(char::from(other.to_ascii_lowercase())),
            }
        }
        regex.push_str(if self.is_end { "$" } else { "" });
        Ok(regex)
    }
}

/// A regular expression as the list has it.
fn written_regex(regex: &[u8]) -> Result<String, Skip> {
    // No name has a slash: this one is about addresses of pages.
    if regex.contains(&b'/') {
        return Err(Skip::Path);
    }
    let text = std::str::from_utf8(regex).ok().filter(|text| text.is_ascii());
    let text = text.filter(|text| !text.is_empty()).ok_or(Skip::Pattern)?;
    if looks_around_or_back(text) {
        return Err(Skip::Pattern);
    }
    let mut before = 0;
    let has_capitals = regex.iter().any(|octet| {
        let is_escaped = std::mem::replace(&mut before, *octet) == b'\\';
        octet.is_ascii_uppercase() && !is_escaped
    });
    // Names are in lower case. Letters in escapes, groups and flags mean other things than
    // themselves, so none is changed.
    Ok(if has_capitals { format!("(?i){text}") } else { text.to_owned() })
}

/// Whether a regular expression cannot be matched in linear time: it looks around (`(?=`) or back
/// (`\1`).
fn looks_around_or_back(text: &str) -> bool {
    let back = text.as_bytes().windows(2).any(|pair| matches!(pair, [b'\\', b'1'..=b'9']));
    back || ["(?=", "(?!", "(?<=", "(?<!"].iter().any(|around| text.contains(around))
}
