//! What no list may close, whatever stands in it.

use psl::{Psl as _, Type};

use crate::name::Name;
use crate::policy::rules::NameSet;

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

/// Whether an entry is refused: too wide, or it closes nothing but what always answers.
pub(super) fn refuses(name: &Name, essentials: &NameSet) -> bool {
    is_too_wide(name) || essentials.contains(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::rules::Reach;

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
        for (name, refused) in [
            ("help.example.org", true),
            ("www.help.example.org", true),
            ("example.org", false),
            ("time.example.com", true),
            ("x.time.example.com", false),
        ] {
            assert_eq!(refuses(&Name::parse(name).unwrap(), &essentials), refused, "{name}");
        }
    }
}
