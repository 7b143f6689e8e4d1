//! Whether what came may take the place of what was.
//!
//! A publisher's server errs in ways that look like lists: a login page, a cut file, a list that
//! suddenly holds everything. What closes nothing opens doors, and what closes everything makes a
//! family switch the filter off; in both cases the copy before is the better list. Pure; start at
//! [`judge`].

/// An update may lose this share of the names: lists are cleaned up now and then, but one that
/// loses more was cut, moved or emptied.
const KEPT_PERCENT_MIN: usize = 50;

/// So many of the things that stand in it are names, in a list that can be read at all. Lists of
/// rules for browsers are mostly other things; such a list was so before.
const NAMES_PERCENT_MIN: usize = 10;

/// So many everyday names may be newly closed by one update: a list may have its reasons for one
/// or two (a video site in a list of videos), but not for many at once.
const EVERYDAY_MAX: usize = 5;

/// How many names a sentence tells: enough to see what it is about.
const TOLD_MAX: usize = 3;

/// How much of the beginning of a text [`judge`] needs to tell a page from a list, in octets.
pub const FIRST_OCTETS: usize = 512;

/// What was seen of a list when it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Names taken.
    pub taken: usize,
    /// Lines or words that are no names.
    pub skipped: usize,
    /// Names that no list may close.
    pub refused: usize,
    /// The everyday names it closes.
    pub closes: Vec<String>,
}

/// Why an update is held: what is wrong with it. What is in force meanwhile, the caller knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Held {
    /// HTML.
    #[error("what came is a web page, not a list")]
    Page,
    /// Another markup or data language; its name.
    #[error("what came is {0}, not a list")]
    Data(&'static str),
    /// No octets, only comments, or nothing that could be a name.
    #[error("there is no name in what came")]
    Empty,
    /// It lost too many names.
    #[error("only {after} of {before} names are left in what came")]
    Shrunk {
        /// Names before.
        before: usize,
        /// Names now.
        after: usize,
    },
    /// Nearly all of it is something else, and was not before.
    #[error("almost nothing in what came is a name ({names} of {things} entries)")]
    Other {
        /// Entries that are names.
        names: usize,
        /// All entries.
        things: usize,
    },
    /// It would newly close many names that everybody uses.
    #[error("what came would newly close {count} everyday names, such as {}", some.join(", "))]
    Everyday {
        /// How many.
        count: usize,
        /// The first of them.
        some: Vec<String>,
    },
}

/// Whether what came may take the place of what was. `first` is the beginning of its text,
/// unpacked: [`FIRST_OCTETS`] or all. Without a list before there is nothing better to keep, so
/// only what is no list at all is held.
///
/// # Errors
/// Why the list before stays.
pub fn judge(first: &[u8], before: Option<&Seen>, after: &Seen) -> Result<(), Held> {
    if let Some(held) = no_list(first) {
        return Err(held);
    }
    if after.names() == 0 {
        return Err(Held::Empty);
    }
    let Some(before) = before else { return Ok(()) };
    if after.taken.saturating_mul(100) < before.taken.saturating_mul(KEPT_PERCENT_MIN) {
        return Err(Held::Shrunk { before: before.taken, after: after.taken });
    }
    if after.is_mostly_other() && !before.is_mostly_other() {
        return Err(Held::Other { names: after.names(), things: after.things() });
    }
    let mut newly = after.closes.iter().filter(|name| !before.closes.contains(name));
    let some: Vec<_> = newly.by_ref().take(TOLD_MAX).cloned().collect();
    let count = some.len() + newly.count();
    if count > EVERYDAY_MAX { Err(Held::Everyday { count, some }) } else { Ok(()) }
}

/// What the first octets say it is, where that is no list.
fn no_list(first: &[u8]) -> Option<Held> {
    let text = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(first).trim_ascii_start();
    match text.split_first()? {
        (b'<', rest) => {
            let xml = starts(rest, "?xml") && !contains(rest, "<html");
            Some(if xml { Held::Data("XML") } else { Held::Page })
        }
        // `[Adblock Plus 2.0]` begins a list; a text, a number or another bracket begin JSON.
        (b'[', rest) if opens(rest, b"{[\"]0123456789-") => Some(Held::Data("JSON")),
        (b'{', rest) if opens(rest, b"\"}") => Some(Held::Data("JSON")),
        (b'P', rest) if rest.starts_with(b"K\x03\x04") => Some(Held::Data("a ZIP archive")),
        (b'%', rest) if rest.starts_with(b"PDF-") => Some(Held::Data("a PDF document")),
        _ => None,
    }
}

/// Whether the next thing is one of these, or has not come yet.
fn opens(rest: &[u8], with: &[u8]) -> bool {
    rest.trim_ascii_start().first().is_none_or(|octet| with.contains(octet))
}

/// Whether a text begins with a word, in letters of either case.
fn starts(text: &[u8], word: &str) -> bool {
    text.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word.as_bytes()))
}

/// Whether a word stands in a text, in letters of either case.
fn contains(text: &[u8], word: &str) -> bool {
    text.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}

// === impl Seen ===

impl Seen {
    /// Entries that are names, taken or refused.
    fn names(&self) -> usize {
        self.taken.saturating_add(self.refused)
    }

    /// Everything that stands in it.
    fn things(&self) -> usize {
        self.names().saturating_add(self.skipped)
    }

    fn is_mostly_other(&self) -> bool {
        self.names().saturating_mul(100) < self.things().saturating_mul(NAMES_PERCENT_MIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seen(taken: usize, skipped: usize, refused: usize) -> Seen {
        Seen { taken, skipped, refused, closes: Vec::new() }
    }

    fn closing(names: &[&str]) -> Seen {
        Seen { closes: names.iter().map(|&name| name.to_owned()).collect(), ..seen(1000, 0, 0) }
    }

    /// What is said of a text that is as long a list as before.
    #[track_caller]
    fn text(first: &str, expected: &str) {
        let list = seen(1000, 0, 0);
        for before in [None, Some(&list)] {
            let said = judge(first.as_bytes(), before, &list).map_err(|held| held.to_string());
            assert_eq!(said.err().unwrap_or_default(), expected, "{first:?}");
        }
    }

    /// What is said of an update.
    #[track_caller]
    fn update(before: &Seen, after: &Seen, expected: &str) {
        let said = judge(b"a.example\n", Some(before), after).map_err(|held| held.to_string());
        assert_eq!(said.err().unwrap_or_default(), expected);
    }

    #[track_caller]
    fn first_load(after: &Seen, expected: Result<(), Held>) {
        assert_eq!(judge(b"a.example\n", None, after), expected);
    }

    #[test]
    fn lists_of_every_format_are_lists() {
        text("# a list\n0.0.0.0 a.example\n", "");
        text("\u{feff}a.example\n", "");
        text("[Adblock Plus 2.0]\n! Title\n||a.example^\n", "");
        text("  [ Adblock ]\n", "");
        text("! Title: a list\n", "");
        text("$TTL 2h\n@ SOA localhost. root.localhost. (1 2 3 4 5)\n", "");
        text("address=/a.example/#\n", "");
        text("server:\n  local-zone: \"a.example\" always_null\n", "");
        text("*.a.example\n", "");
        text("/^ads[0-9]+\\./\n", "");
        text("PKO.example\n", "");
    }

    #[test]
    fn a_page_is_no_list() {
        text("<!DOCTYPE html>\n<html>", "what came is a web page, not a list");
        text("\n\n  <HTML>", "what came is a web page, not a list");
        text("\u{feff}<html lang=es>", "what came is a web page, not a list");
        text("<!-- a comment --><p>Log in", "what came is a web page, not a list");
        text("<?xml version=\"1.0\"?><html xmlns=", "what came is a web page, not a list");
    }

    #[test]
    fn data_for_programs_is_no_list() {
        text("<?xml version=\"1.0\"?><rss>", "what came is XML, not a list");
        text("{\"error\":\"not found\"}", "what came is JSON, not a list");
        text("{\n  \"names\": [", "what came is JSON, not a list");
        text("{}", "what came is JSON, not a list");
        text("[\"a.example\"]", "what came is JSON, not a list");
        text("[ {\"name\"", "what came is JSON, not a list");
        text("[]", "what came is JSON, not a list");
        text("PK\u{3}\u{4}\u{14}", "what came is a ZIP archive, not a list");
        text("%PDF-1.7", "what came is a PDF document, not a list");
    }

    #[test]
    fn nothing_is_no_list_even_at_first() {
        first_load(&seen(0, 0, 0), Err(Held::Empty));
        first_load(&seen(0, 5000, 0), Err(Held::Empty));
        update(&seen(0, 0, 0), &seen(0, 0, 0), "there is no name in what came");
    }

    #[test]
    fn a_first_load_is_taken_as_it_is() {
        first_load(&seen(1, 0, 0), Ok(()));
        first_load(&seen(1, 5000, 0), Ok(()));
        first_load(&seen(0, 0, 3), Ok(()));
        let everyday = ["a", "b", "c", "d", "e", "f", "g", "h"];
        first_load(&closing(&everyday), Ok(()));
    }

    #[test]
    fn a_list_may_grow_and_lose_half() {
        update(&seen(1000, 0, 0), &seen(900_000, 0, 0), "");
        update(&seen(1000, 0, 0), &seen(500, 0, 0), "");
        update(&seen(1, 0, 0), &seen(1, 0, 0), "");
        update(&seen(10, 0, 0), &seen(9, 0, 0), "");
        update(&seen(0, 0, 5), &seen(3, 0, 0), "");
    }

    #[test]
    fn a_list_that_lost_more_is_held() {
        let said = "only 499 of 1000 names are left in what came";
        update(&seen(1000, 0, 0), &seen(499, 0, 0), said);
        update(&seen(1000, 0, 0), &seen(1, 5, 0), "only 1 of 1000 names are left in what came");
        update(&seen(20, 0, 0), &seen(9, 0, 0), "only 9 of 20 names are left in what came");
        let said = "only 0 of 1000 names are left in what came";
        update(&seen(1000, 0, 0), &seen(0, 0, 900), said);
    }

    #[test]
    fn a_list_of_other_things_is_held_where_it_was_none_before() {
        let said = "almost nothing in what came is a name (99 of 1000 entries)";
        update(&seen(99, 100, 0), &seen(99, 901, 0), said);
        update(&seen(99, 100, 0), &seen(100, 900, 0), "");
        update(&seen(99, 5000, 0), &seen(98, 5001, 0), "");
    }

    #[test]
    fn many_everyday_names_newly_closed_are_held() {
        let six = ["a.example", "b.example", "c.example", "d.example", "e.example", "f.example"];
        let said = "what came would newly close 6 everyday names, such as \
                    a.example, b.example, c.example";
        update(&closing(&[]), &closing(&six), said);
        update(&closing(&[]), &closing(&six[..5]), "");
        update(&closing(&six[..1]), &closing(&six), "");
        update(&closing(&six), &closing(&six), "");
        update(&closing(&six), &closing(&[]), "");
    }

    proptest! {
        /// Whatever comes, there is a verdict; the same list again is always taken.
        #[test]
        fn any_text_and_any_numbers_have_a_verdict(
            first: Vec<u8>, before: [usize; 3], after: [usize; 3],
        ) {
            let before = seen(before[0], before[1], before[2]);
            let after = seen(after[0], after[1], after[2]);
            let _verdict = judge(&first, Some(&before), &after);
            if after.names() > 0 {
                prop_assert_eq!(judge(b"a.example", Some(&after), &after), Ok(()));
            }
        }
    }
}
