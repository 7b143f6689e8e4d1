//! Which part of a name is a public suffix, by the Public Suffix List (publicsuffix.org): a suffix
//! under which everyone may have a name.

use psl::{Psl as _, Type};

use super::Name;

/// The most labels that are looked at: the longest suffixes of the list have five, and one more
/// where a star stands before them.
const LABELS_MAX: usize = 8;

/// What is known of a name's public suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicSuffix {
    /// How many labels it has: at least one, unless the name is the root.
    pub labels: usize,
    /// Whose it is; none when no rule knows it, and the last label counts.
    pub of: Option<SuffixOf>,
}

/// Whose a public suffix is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SuffixOf {
    /// A registry's: `com`, `com.gt`.
    Registry,
    /// A company's that lends names below its own: `github.io`.
    Company,
}

impl Name {
    /// The public suffix of the name.
    #[must_use]
    pub fn public_suffix(&self) -> PublicSuffix {
        // By labels, not by text: a label may hold a dot of its own (RFC 2181 §11).
        let mut labels: [&[u8]; LABELS_MAX] = [&[]; LABELS_MAX];
        let mut count = 0;
        let passed = self.label_count().saturating_sub(LABELS_MAX);
        for (to, suffix) in labels.iter_mut().zip(self.suffixes().skip(passed)) {
            *to = &suffix[1..=usize::from(suffix[0])];
            count += 1;
        }
        let labels = &labels[..count];
        let found = psl::List.find(labels.iter().rev().copied());
        // The list answers in octets of text: labels and the dots between them.
        let mut octets = 0;
        let mut length = 0;
        for label in labels.iter().rev() {
            octets += label.len() + usize::from(length > 0);
            if octets > found.len {
                break;
            }
            length += 1;
        }
        let of = found.typ.map(|kind| match kind {
            Type::Icann => SuffixOf::Registry,
            Type::Private => SuffixOf::Company,
        });
        PublicSuffix { labels: length, of }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suffix_is_a_registrys_a_companys_or_unknown() {
        for (text, labels, of) in [
            ("www.example.com", 1, Some(SuffixOf::Registry)),
            ("com", 1, Some(SuffixOf::Registry)),
            ("a.b.example.co.uk", 2, Some(SuffixOf::Registry)),
            ("www.mineduc.gob.gt", 2, Some(SuffixOf::Registry)),
            ("x.pvt.k12.ma.us", 4, Some(SuffixOf::Registry)),
            ("ana.github.io", 2, Some(SuffixOf::Company)),
            ("b.s3.dualstack.us-east-1.amazonaws.com", 5, Some(SuffixOf::Company)),
            ("a.b.c.d.e.f.g.h.i.j.k.example.com.gt", 2, Some(SuffixOf::Registry)),
            ("tv.lan", 1, None),
        ] {
            let name = Name::parse(text).unwrap();
            assert_eq!(name.public_suffix(), PublicSuffix { labels, of }, "{text}");
        }
        assert_eq!(Name::ROOT.public_suffix().labels, 0);
    }
}
