//! Which site a name belongs to: what a parent reads instead of a dozen host names.

use crate::name::Name;

/// The site of a name: the id of its service, else its registrable domain in lower case, else the
/// name itself (a name in the house, or one that is a public suffix).
#[must_use]
pub fn site_of(name: &Name, service: Option<&str>) -> String {
    match service {
        Some(id) => id.to_owned(),
        None => registrable(name).unwrap_or(*name).to_string(),
    }
}

/// The public suffix with one label before it; none when the name has no more than the suffix.
#[must_use]
pub fn registrable(name: &Name) -> Option<Name> {
    let suffix_labels = name.public_suffix().labels;
    (name.label_count() > suffix_labels).then(|| name.last_labels(suffix_labels + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn site(name: &str) -> String {
        site_of(&Name::parse(name).unwrap(), None)
    }

    #[test]
    fn a_service_is_the_site_of_its_names() {
        let name = Name::parse("v16.tiktokcdn.com").unwrap();
        assert_eq!(site_of(&name, Some("tiktok")), "tiktok");
    }

    #[test]
    fn a_site_is_the_part_somebody_registered() {
        assert_eq!(site("WWW.Example.com"), "example.com");
        assert_eq!(site("example.com"), "example.com");
        assert_eq!(site("www.mineduc.gob.gt"), "mineduc.gob.gt");
        assert_eq!(site("a.b.example.co.uk"), "example.co.uk");
        assert_eq!(site("ana.github.io"), "ana.github.io");
        assert_eq!(site("www.食狮.公司.cn"), "xn--85x722f.xn--55qx5d.cn");
    }

    #[test]
    fn what_nobody_registered_stands_for_itself() {
        assert_eq!(site("co.uk"), "co.uk");
        assert_eq!(site("com"), "com");
        assert_eq!(site("printer.home"), "printer.home");
        assert_eq!(site("localhost"), "localhost");
        assert_eq!(site_of(&Name::ROOT, None), ".");
    }

    #[test]
    fn a_dot_inside_a_label_is_no_border() {
        let name = Name::from_wire(b"\x03www\x07a.co.uk\x03com\x00").unwrap();
        assert_eq!(site_of(&name, None), r"a\.co\.uk.com");
    }

    proptest! {
        #[test]
        fn any_name_has_a_printable_site_it_ends_with(
            octets in proptest::collection::vec(any::<u8>(), 1..200),
        ) {
            if let Ok(name) = Name::from_wire(&octets) {
                let site = site_of(&name, None);
                prop_assert!(name.to_string().ends_with(&site));
                prop_assert!(site.bytes().all(|octet| (0x21..=0x7e).contains(&octet)));
            }
        }
    }
}
