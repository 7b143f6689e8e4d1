//! What no list may close, whatever stands in it.

use std::collections::HashSet;
use std::sync::LazyLock;

use psl::{Psl as _, Type};

use super::catalogue::catalogue;
use super::{Origin, Source};
use crate::name::Name;
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

/// The most labels of a suffix under which registries sell names: `city.kobe.jp` has three, and
/// the longest (`pvt.k12.ma.us`) four.
const SUFFIX_LABELS_MAX: usize = 4;

/// Whether an entry would close far more than a site: a single label (`com`), or a suffix under
/// which everyone registers (`com.gt`). The suffixes of hosting companies (`duckdns.org`) are
/// sites like others, and lists name them on purpose.
pub(super) fn is_too_wide(name: &Name) -> bool {
    let mut labels: [&[u8]; SUFFIX_LABELS_MAX] = [&[]; SUFFIX_LABELS_MAX];
    let mut count = 0;
    for suffix in name.suffixes() {
        let Some(label) = labels.get_mut(count) else { return false };
        *label = &suffix[1..=usize::from(suffix[0])];
        count += 1;
    }
    if count < 2 {
        return true;
    }
    let labels = &labels[..count];
    let found = psl::List.find(labels.iter().rev().copied());
    let octets = labels.iter().map(|label| label.len() + 1).sum::<usize>() - 1;
    found.typ == Some(Type::Icann) && found.len == octets
}

/// Whether an entry of a list is refused: too wide, or it closes nothing but what always answers,
/// or it stands in a file and at or above a guarded name. Our own services and what a parent wrote
/// are meant as they are.
pub(super) fn refuses(source: &Source, name: &Name, essentials: &NameSet) -> bool {
    is_too_wide(name) || essentials.contains(name) || is_from_a_file(source) && is_guarded(name)
}

fn is_guarded(name: &Name) -> bool {
    GUARDED.contains(name.wire())
}

fn is_from_a_file(source: &Source) -> bool {
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
            origin,
            format: Format::Domains,
            matching: None,
        }
    }

    #[test]
    fn a_file_closes_nothing_at_or_above_a_guarded_name_and_others_may() {
        let file = source(Origin::File("list.txt".into()));
        let refused = |source: &Source, text: &str| {
            refuses(source, &Name::parse(text).unwrap(), &NameSet::default())
        };
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
            assert_eq!(
                refuses(&written, &Name::parse(name).unwrap(), &essentials),
                refused,
                "{name}"
            );
        }
    }
}
