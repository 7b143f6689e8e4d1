//! The small things values are made of: text in, a typed value or a [`Mistake`] out.
//!
//! Pure and one line at a time; nothing here knows which key a text stands in.

mod net;
mod time;
mod url;

pub(super) use net::{address, device, listen, listen_at, net, upstream};
pub(super) use time::{dates, days, days_clash, duration, is_dates, minute_of_day, minutes, span};
pub(super) use url::url;

use crate::name::Name;
use crate::policy::rules::Reach;

/// Why a text is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mistake {
    /// What is wrong: a fragment.
    pub(super) what: String,
    /// What to write instead.
    pub(super) help: String,
}

/// A word in `block`, `allow`, `only` or `budget`.
#[expect(clippy::large_enum_variant, reason = "one at a time, on the stack")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word<'a> {
    /// `internet`: everything.
    Internet,
    /// `everything`, which only a schedule may say.
    Everything,
    /// A category or a service.
    Id(&'a str),
    /// A domain name.
    Name(Name, Reach),
}

impl Mistake {
    pub(super) fn new(what: impl Into<String>, help: impl Into<String>) -> Self {
        Mistake { what: what.into(), help: help.into() }
    }
}

/// Reads a word: a bare one is an id, one with a dot a name with all below it, `=name` that name
/// alone.
pub(super) fn word(text: &str) -> Result<Word<'_>, Mistake> {
    match text {
        "internet" => return Ok(Word::Internet),
        "everything" => return Ok(Word::Everything),
        _ => {}
    }
    if let Some(exact) = text.strip_prefix('=') {
        return Ok(Word::Name(name(exact)?, Reach::Exact));
    }
    if text.contains(['.', '/', ':', '*']) {
        return Ok(Word::Name(name(text)?, Reach::Below));
    }
    Ok(Word::Id(text))
}

/// Reads a domain name.
pub(super) fn name(text: &str) -> Result<Name, Mistake> {
    Name::parse(text).map_err(|why| {
        let host = host_of(text);
        let help = match Name::parse(host) {
            Ok(_) if host != text => format!("write `{host}`: it covers what is below it"),
            Ok(_) | Err(_) => "write a name like `example.com`".to_owned(),
        };
        Mistake::new(format!("`{text}` is not a domain name: {why}"), help)
    })
}

/// The host in what a person copied from the address bar or wrote with a star.
fn host_of(text: &str) -> &str {
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    let text = text.split(['/', '?', '#']).next().unwrap_or(text);
    let text = text.rsplit_once('@').map_or(text, |(_, rest)| rest);
    let text = text.split(':').next().unwrap_or(text);
    text.trim_start_matches("*.").trim_start_matches('.').trim()
}

/// Whether a text may be an id: `[a-z0-9_-]+`.
pub(super) fn is_id(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|octet| matches!(octet, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
}

/// The id nearest to a text: in lower case, without accents, anything else as `_`.
pub(super) fn id_from(text: &str) -> String {
    let id: String = unaccented(text)
        .chars()
        .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' { c } else { '_' })
        .collect();
    if id.is_empty() { "an_id".to_owned() } else { id }
}

/// Lower case, with the accents of Spanish taken off.
pub(super) fn unaccented(text: &str) -> String {
    let lower = text.chars().flat_map(char::to_lowercase);
    lower
        .map(|letter| match letter {
            'á' => 'a',
            'é' => 'e',
            'í' => 'i',
            'ó' => 'o',
            'ú' | 'ü' => 'u',
            'ñ' => 'n',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_makes_a_name_and_an_equals_sign_that_name_alone() {
        let x = Name::parse("x.com").unwrap();
        assert_eq!(word("x.com"), Ok(Word::Name(x, Reach::Below)));
        assert_eq!(word("=x.com"), Ok(Word::Name(x, Reach::Exact)));
        assert_eq!(word("games"), Ok(Word::Id("games")));
        assert_eq!(word("internet"), Ok(Word::Internet));
    }

    #[test]
    fn what_was_copied_from_the_address_bar_is_turned_into_a_name() {
        let help = |text| word(text).unwrap_err().help;
        assert_eq!(help("https://x.com/home?a=b"), "write `x.com`: it covers what is below it");
        assert_eq!(help("*.x.com"), "write `x.com`: it covers what is below it");
        assert_eq!(help("a b.com"), "write a name like `example.com`");
    }

    #[test]
    fn an_id_is_made_of_what_was_written() {
        assert_eq!(id_from("Sofía Peña"), "sofia_pena");
        assert!(is_id("10-12") && !is_id("Sofía") && !is_id(""));
    }
}
