//! What no list may close, whatever stands in it.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::catalogue::catalogue;
use super::{Effect, Origin, Source};
use crate::name::{Name, SuffixOf};
use crate::policy::rules::NameSet;
use crate::policy::safesearch::ENGINES;

/// What a list from a file may not close, in wire form: the names of `blocklists/list-guard.txt`,
/// the hosts of search engines with a safe form, and everything above any of them. A list that
/// names `google.com` would close the search of a whole family.
static GUARDED: LazyLock<HashSet<Box<[u8]>>> = LazyLock::new(|| {
    let names = catalogue().guarded.iter().map(|line| line.strip_prefix('=').unwrap_or(line));
    let hosts = ENGINES.iter().flat_map(|engine| engine.hosts.iter().copied());
    let names = names.chain(hosts).map(|text| Name::parse(text).expect("names parse: table test"));
    names.flat_map(|name| name.suffixes().map(Box::from).collect::<Vec<_>>()).collect()
});

/// What lists may not close in one household.
#[derive(Debug)]
pub struct Guard<'a> {
    essentials: &'a NameSet,
    /// Names this household needs itself, and everything above them.
    own: HashSet<Box<[u8]>>,
}

impl<'a> Guard<'a> {
    /// The guard of a household with these essential names, and hosts that it needs itself: its
    /// upstreams, the servers of its lists.
    #[must_use]
    pub fn new(essentials: &'a NameSet, own: impl IntoIterator<Item = Name>) -> Self {
        let own = own.into_iter();
        let own = own.flat_map(|name| name.suffixes().map(Box::from).collect::<Vec<_>>()).collect();
        Guard { essentials, own }
    }

    /// Whether an entry of a list is refused: too wide, or it closes nothing but what always
    /// answers, or it stands in a list from elsewhere and at or above a guarded name. Our own
    /// services and what a parent wrote are meant as they are.
    pub(super) fn refuses(&self, source: &Source, name: &Name) -> bool {
        let foreign = is_from_elsewhere(source);
        if source.effect == Effect::Open {
            return is_suffix(name, foreign);
        }
        is_suffix(name, foreign)
            || self.essentials.contains(name)
            || foreign && (is_guarded(name) || self.own.contains(name.wire()))
    }

    /// Whether a pattern of a list is refused: it matches a guarded name.
    pub(super) fn refuses_pattern(&self, pattern: &Regex) -> bool {
        let matches = |wire: &[u8]| {
            Name::from_wire(wire).is_ok_and(|name| pattern.is_match(name.to_string().as_bytes()))
        };
        GUARDED.iter().chain(&self.own).any(|wire| matches(wire))
            || self.essentials.iter().any(|(wire, _)| matches(wire))
    }

    /// The essential names as they are kept.
    pub(super) fn essential_set(&self) -> &NameSet {
        self.essentials
    }

    /// The essential names.
    pub(super) fn essentials(&self) -> impl Iterator<Item = Name> {
        self.essentials.iter().filter_map(|(wire, _)| Name::from_wire(wire).ok())
    }

    /// Everything it refuses, for a fingerprint.
    pub(super) fn each(&self, mut each: impl FnMut(&[u8])) {
        GUARDED.iter().chain(&self.own).for_each(|wire| each(wire));
    }
}

/// Whether an entry would close far more than a site: a single label (`com`), a suffix under
/// which everyone registers (`com.gt`), or, of a list from elsewhere, one under which a company
/// lends names to everyone (`github.io`).
fn is_suffix(name: &Name, private_too: bool) -> bool {
    let labels = name.label_count();
    if labels < 2 {
        return true;
    }
    let suffix = name.public_suffix();
    let counts = match suffix.of {
        Some(SuffixOf::Registry) => true,
        Some(SuffixOf::Company) => private_too,
        None => false,
    };
    counts && suffix.labels == labels
}

/// Whether a name is a suffix of registries or a single label.
#[cfg(test)]
pub(super) fn is_too_wide(name: &Name) -> bool {
    is_suffix(name, false)
}

fn is_guarded(name: &Name) -> bool {
    GUARDED.contains(name.wire())
}

fn is_from_elsewhere(source: &Source) -> bool {
    match source.origin {
        Origin::File(_) | Origin::Url(_) => true,
        Origin::Embedded(_) | Origin::EmbeddedHidden(_) | Origin::Written(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lists::Format;
    use crate::policy::rules::Reach;
    use crate::policy::tags::TagSet;

    fn source(origin: Origin) -> Source {
        Source {
            id: "list".to_owned(),
            category: None,
            tags: TagSet::EMPTY,
            effect: Effect::Close,
            origin,
            format: Format::Domains,
            matching: None,
        }
    }

    #[test]
    fn a_file_closes_nothing_at_or_above_a_guarded_name_and_others_may() {
        let file = source(Origin::File("list.txt".into()));
        let essentials = NameSet::default();
        let guard = Guard::new(&essentials, [Name::parse("dns.quad9.net").unwrap()]);
        let refused =
            |source: &Source, text: &str| guard.refuses(source, &Name::parse(text).unwrap());
        for (name, guarded) in [
            ("google.com", true),
            ("www.google.com", true),
            ("google.com.gt", true),
            ("Bing.com", true),
            ("duckduckgo.com", true),
            ("youtube.com", true),
            ("live.com", true),
            ("login.live.com", true),
            ("cloudfront.net", true),
            ("push.apple.com", true),
            ("apple.com", true),
            ("nasa.gov", true),
            ("d111.cloudfront.net", false),
            ("x.login.live.com", false),
            ("ads.google.com", false),
            ("notgoogle.com", false),
            ("site.example", false),
            ("dns.quad9.net", true),
            ("quad9.net", true),
            ("dns9.quad9.net", false),
            ("github.io", true),
            ("duckdns.org", true),
            ("someone.duckdns.org", false),
        ] {
            assert_eq!(refused(&file, name), guarded, "{name}");
            for own in [Origin::Embedded(""), Origin::Written(String::new())] {
                assert!(!refused(&source(own), name), "{name}");
            }
        }
    }

    #[test]
    fn every_guarded_line_is_a_name_that_stands_there_once() {
        let mut lines = catalogue().guarded.clone();
        assert!(lines.len() > 60);
        for line in &lines {
            let name = line.strip_prefix('=').unwrap_or(line);
            assert_eq!(Name::parse(name).unwrap().to_string(), name);
            assert!(
                is_guarded(&Name::parse(name).unwrap())
                    && !is_too_wide(&Name::parse(name).unwrap())
            );
        }
        lines.sort_unstable();
        lines.dedup();
        assert_eq!(lines.len(), catalogue().guarded.len());
    }

    #[test]
    fn a_list_closes_sites_and_not_the_suffixes_they_stand_under() {
        for wide in ["com", "com.gt", "co.uk", "pvt.k12.ma.us", "xn--p1ai"] {
            assert!(is_too_wide(&Name::parse(wide).unwrap()), "{wide}");
        }
        for site in ["a.com", "a.com.gt", "duckdns.org", "a.b.c.d.e.com", "site.unheard-of"] {
            assert!(!is_too_wide(&Name::parse(site).unwrap()), "{site}");
        }
    }

    #[test]
    fn what_stands_at_or_below_an_essential_name_is_refused_but_not_what_stands_above() {
        let mut essentials = NameSet::default();
        essentials.insert(&Name::parse("help.example.org").unwrap(), Reach::Below);
        essentials.insert(&Name::parse("time.example.com").unwrap(), Reach::Exact);
        let written = source(Origin::Written(String::new()));
        for (name, refused) in [
            ("help.example.org", true),
            ("www.help.example.org", true),
            ("example.org", false),
            ("time.example.com", true),
            ("x.time.example.com", false),
        ] {
            let guard = Guard::new(&essentials, []);
            assert_eq!(guard.refuses(&written, &Name::parse(name).unwrap()), refused, "{name}");
        }
    }
}
