//! What an index is made from, in two words: whoever finds them in an index need read no list.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use super::guard::Guard;
use super::index::Checksum;
use super::{Effect, Matching, Origin, Source};
use crate::policy::rules::{NameSet, Reach};
use crate::policy::tags::{TagSet, TagTable};

/// The version of how lists are read. It counts up whenever the same text gives other names, so
/// that an update of the program reads all lists again.
const READING: u64 = 2;
/// A file that was changed so shortly before it was read may change again without a sign: the
/// clock of some file systems counts in steps of two seconds.
const UNSETTLED: Duration = Duration::from_secs(2);
/// What was changed so long after building began was so by another clock: a machine without one
/// of its own starts in the past, and its lists are none the newer.
const BUILDING_MAX: Duration = Duration::from_secs(600);

/// What is seen of a list's file without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Whether it is a copy in the state directory, which is never changed but replaced.
    pub is_copy: bool,
    /// Its length in octets.
    pub octets: u64,
    /// When it was last changed, in nanoseconds since 1970.
    pub modified: i64,
    /// Its inode.
    pub inode: u64,
}

/// What an index is made from.
#[derive(Debug, Clone)]
pub struct Inputs {
    pub(super) fingerprint: [u64; 2],
    /// Of each source, whatever its tags: of the names in it.
    pub(super) of_lists: Vec<[u64; 2]>,
    /// When each file was last changed that may change again without a sign.
    modified: Vec<Option<i64>>,
    /// All tags that a name can have.
    pub(super) tags: TagSet,
}

/// A sum over values, each apart from the next.
#[derive(Default)]
struct Print(Checksum);

// === impl Seen ===

impl Seen {
    /// What the file system says of a file.
    #[must_use]
    pub fn of(about: &Metadata, is_copy: bool) -> Self {
        let modified = modified(about);
        Seen { is_copy, octets: about.len(), modified, inode: about.ino() }
    }
}

/// When a file was last changed, in nanoseconds since 1970.
pub(super) fn modified(about: &Metadata) -> i64 {
    about.mtime().saturating_mul(1_000_000_000).saturating_add(about.mtime_nsec())
}

// === impl Inputs ===

impl Inputs {
    /// The sources, each with what is seen of its file (none: it has none, or none that can be
    /// read), and what decides what is taken of them.
    #[must_use]
    pub fn new(
        sources: &[Source],
        seen: &[Option<Seen>],
        guard: &Guard<'_>,
        table: &TagTable,
    ) -> Self {
        let mut reading = Print::default();
        reading.text(env!("CARGO_PKG_VERSION"));
        reading.word(READING);
        reading.word(guard.fingerprint());
        let of_lists: Vec<_> = sources
            .iter()
            .zip(seen)
            .map(|(source, seen)| {
                let mut print = Print(reading.0);
                print.text_of(source);
                print.seen(seen.as_ref());
                print.0.words()
            })
            .collect();
        let mut print = reading;
        table.iter().for_each(|(_, info)| print.text(&info.id));
        for (source, of_list) in sources.iter().zip(&of_lists) {
            print.source(source);
            for word in of_list {
                print.word(*word);
            }
        }
        let changing = |seen: &Option<Seen>| {
            seen.as_ref().filter(|seen| !seen.is_copy).map(|seen| seen.modified)
        };
        Inputs {
            fingerprint: print.0.words(),
            of_lists,
            modified: seen.iter().map(changing).collect(),
            tags: sources.iter().fold(TagSet::EMPTY, |all, source| all.union(&source.tags)),
        }
    }

    /// Whether files that look the same as before are the same: none was changed at the moment
    /// when building began, in nanoseconds since 1970 by the clock of the file system.
    pub(super) fn are_settled(&self, began: i64) -> bool {
        (0..self.modified.len()).all(|place| self.is_settled(place, began))
    }

    /// The same of the file of one source.
    pub(super) fn is_settled(&self, place: usize, began: i64) -> bool {
        let nanoseconds = |span: Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
        let from = began.saturating_sub(nanoseconds(UNSETTLED));
        let to = began.saturating_add(nanoseconds(BUILDING_MAX));
        !self.modified[place].is_some_and(|modified| (from..=to).contains(&modified))
    }
}

impl Guard<'_> {
    /// A sum over everything it refuses, in no order.
    fn fingerprint(&self) -> u64 {
        let mut sum = of_names(self.essential_set());
        self.each(|wire| {
            let mut print = Print::default();
            print.octets(wire);
            sum = sum.wrapping_add(print.0.words()[0]);
        });
        sum
    }
}

/// A sum over names in no order.
fn of_names(names: &NameSet) -> u64 {
    names.iter().fold(0, |sum, (wire, reach)| {
        let mut print = Print::default();
        print.octets(wire);
        print.word(u64::from(reach == Reach::Below));
        sum.wrapping_add(print.0.words()[0])
    })
}

// === impl Print ===

impl Print {
    fn word(&mut self, word: u64) {
        self.0.add_word(word);
    }

    fn octets(&mut self, octets: &[u8]) {
        self.word(octets.len() as u64);
        self.0.add(octets);
    }

    fn text(&mut self, text: &str) {
        self.octets(text.as_bytes());
    }

    /// What a source is to the household.
    fn source(&mut self, source: &Source) {
        let Source { id, category, tags, effect: _, origin: _, format: _, matching: _ } = source;
        self.text(id);
        self.word(u64::from(category.is_some()));
        self.text(category.as_deref().unwrap_or_default());
        self.octets(&tags.to_octets());
    }

    /// What is read of a source.
    fn text_of(&mut self, source: &Source) {
        let Source { id: _, category: _, tags: _, effect, origin, format, matching } = source;
        self.word(u64::from(*effect == Effect::Open));
        self.text(format.word());
        self.word(match matching {
            None => 0,
            Some(Matching::Exact) => 1,
            Some(Matching::Subdomains) => 2,
            Some(Matching::Below) => 3,
        });
        let (kind, octets) = match origin {
            Origin::Embedded(text) => (0, text.as_bytes()),
            Origin::EmbeddedHidden(text) => (1, text.as_bytes()),
            Origin::Written(text) => (2, text.as_bytes()),
            Origin::File(path) => (3, path.as_os_str().as_encoded_bytes()),
            Origin::Url(url) => (4, url.as_bytes()),
        };
        self.word(kind);
        self.octets(octets);
    }

    fn seen(&mut self, seen: Option<&Seen>) {
        let Some(Seen { is_copy, octets, modified, inode }) = seen else { return self.word(0) };
        self.word(1 + u64::from(*is_copy));
        self.word(*octets);
        self.word(modified.cast_unsigned());
        self.word(*inode);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lists::Format;
    use crate::name::Name;
    use crate::policy::tags::{Tag, TagInfo, TagKind};
    use crate::words::Words;

    const SECOND: i64 = 1_000_000_000;

    fn seen() -> Seen {
        Seen { is_copy: false, octets: 10, modified: 1000 * SECOND, inode: 7 }
    }

    fn source() -> Source {
        Source {
            id: "list".to_owned(),
            category: Some("games".to_owned()),
            tags: TagSet::of(Tag(1)),
            effect: Effect::Close,
            origin: Origin::File("list.txt".into()),
            format: Format::Auto,
            matching: None,
        }
    }

    fn of(source: &Source, seen: Option<Seen>) -> [u64; 2] {
        let sources = std::slice::from_ref(source);
        let essentials = NameSet::default();
        let guard = Guard::new(&essentials, []);
        Inputs::new(sources, &[seen], &guard, &TagTable::default()).fingerprint
    }

    #[test]
    fn whatever_changes_the_names_changes_the_fingerprint() {
        let mut prints = vec![of(&source(), Some(seen())), of(&source(), None)];
        for other in [
            Seen { is_copy: true, ..seen() },
            Seen { octets: 11, ..seen() },
            Seen { modified: 1000 * SECOND + 1, ..seen() },
            Seen { inode: 8, ..seen() },
        ] {
            prints.push(of(&source(), Some(other)));
        }
        for other in [
            Source { id: "other".to_owned(), ..source() },
            Source { category: None, ..source() },
            Source { category: Some(String::new()), ..source() },
            Source { tags: TagSet::of(Tag(2)), ..source() },
            Source { origin: Origin::File("other.txt".into()), ..source() },
            Source { origin: Origin::Url("list.txt".to_owned()), ..source() },
            Source { origin: Origin::Embedded("list.txt"), ..source() },
            Source { origin: Origin::EmbeddedHidden("list.txt"), ..source() },
            Source { origin: Origin::Written("list.txt".to_owned()), ..source() },
            Source { effect: Effect::Open, ..source() },
            Source { format: Format::Hosts, ..source() },
            Source { matching: Some(Matching::Exact), ..source() },
            Source { matching: Some(Matching::Subdomains), ..source() },
            Source { matching: Some(Matching::Below), ..source() },
        ] {
            prints.push(of(&other, Some(seen())));
        }
        let mut essentials = NameSet::default();
        let name = Name::parse("help.example").unwrap();
        for reach in [Reach::Exact, Reach::Below] {
            essentials.insert(&name, reach);
            let table = TagTable::default();
            let inputs =
                Inputs::new(&[source()], &[Some(seen())], &Guard::new(&essentials, []), &table);
            prints.push(inputs.fingerprint);
        }
        let mut table = TagTable::default();
        table.add(TagInfo {
            id: "games".to_owned(),
            kind: TagKind::Category,
            words: Words::same("games"),
            security: false,
            hidden: false,
            category: None,
        });
        let none = NameSet::default();
        let guard = Guard::new(&none, []);
        let inputs = Inputs::new(&[source()], &[Some(seen())], &guard, &table);
        prints.push(inputs.fingerprint);
        let own = Guard::new(&none, [name]);
        let inputs = Inputs::new(&[source()], &[Some(seen())], &own, &table);
        prints.push(inputs.fingerprint);
        let inputs = Inputs::new(&[], &[], &guard, &TagTable::default());
        prints.push(inputs.fingerprint);

        assert_eq!(of(&source(), Some(seen())), prints[0]);
        let count = prints.len();
        prints.sort_unstable();
        prints.dedup();
        assert_eq!(prints.len(), count);
    }

    #[test]
    fn a_file_that_was_changed_just_before_it_was_read_is_read_again() {
        let essentials = NameSet::default();
        let guard = Guard::new(&essentials, []);
        let inputs = Inputs::new(&[source()], &[Some(seen())], &guard, &TagTable::default());
        for (began, settled) in
            [(1000, false), (1001, false), (1003, true), (999, false), (100, true), (90_000, true)]
        {
            assert_eq!(inputs.are_settled(began * SECOND), settled, "{began}");
        }
    }
}
