//! Lists as a whole: several sources in, tags of names and lines of lists out.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use proptest::prelude::*;

use super::{
    Compiled, Effect, Format, Guard, Index, Inputs, Match, Matching, Origin, REFUSED_SHOWN_MAX,
    Report, Skip, Source, catalogue,
};
use crate::name::Name;
use crate::policy::rules::{NameSet, Reach};
use crate::policy::tags::{Lookup as _, Tag, TagSet, TagTable};

/// A list in a file, which gets the tag of its place.
pub(super) fn list(place: u16, format: Format, matching: Option<Matching>) -> Source {
    Source {
        id: format!("list{place}"),
        category: None,
        tags: TagSet::of(Tag(place)),
        effect: Effect::Close,
        origin: Origin::File("list.txt".into()),
        format,
        matching,
    }
}

pub(super) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// The index and the reports of sources with their texts, which are fed in pieces.
fn compile(sources: &[(Source, Cow<'_, [u8]>)], essentials: &NameSet) -> (Index, Vec<Report>) {
    let Compiled { index, reports, trouble, .. } = compile_to(None, sources, essentials, 3);
    assert_eq!(trouble, None);
    (index, reports)
}

/// [`compile`] into a file, with pieces of so many octets.
pub(super) fn compile_to(
    path: Option<&Path>,
    sources: &[(Source, Cow<'_, [u8]>)],
    essentials: &NameSet,
    piece: usize,
) -> Compiled {
    let (sources, texts): (Vec<_>, Vec<_>) = sources.iter().cloned().unzip();
    let inputs = inputs(&sources, essentials);
    super::compile(&sources, &Guard::new(essentials, []), &inputs, path, &mut |place, reader| {
        texts[place].chunks(piece).for_each(|piece| reader.feed(piece));
    })
}

pub(super) fn inputs(sources: &[Source], essentials: &NameSet) -> Inputs {
    let seen = vec![None; sources.len()];
    Inputs::new(sources, &seen, &Guard::new(essentials, []), &TagTable::default())
}

/// Every line of a text that covers a name.
fn search(source: &Source, text: &[u8], name: &Name, essentials: &NameSet) -> Vec<Match> {
    super::search(source, name, &Guard::new(essentials, []), |reader| {
        text.chunks(3).for_each(|piece| reader.feed(piece));
    })
}

/// The index and the report of one text.
fn compiled(format: Format, matching: Option<Matching>, text: &[u8]) -> (Index, Report) {
    let (index, mut reports) =
        compile(&[(list(0, format, matching), Cow::Borrowed(text))], &NameSet::default());
    (index, reports.remove(0))
}

pub(super) fn covers(index: &Index, text: &str) -> bool {
    !index.tags_of(&name(text)).is_empty()
}

#[test]
fn hosts_files_close_a_name_alone_and_plain_lists_what_is_below_it() {
    let hosts = b"0.0.0.0 site.example\n";
    let plain = b"site.example\n";
    for (format, matching, text, below) in [
        (Format::Hosts, None, &hosts[..], false),
        (Format::Auto, None, &hosts[..], false),
        (Format::Auto, Some(Matching::Subdomains), &hosts[..], true),
        (Format::Domains, None, &plain[..], true),
        (Format::Auto, Some(Matching::Exact), &plain[..], false),
        (Format::Auto, Some(Matching::Subdomains), &b"=site.example"[..], false),
    ] {
        let (index, _) = compiled(format, matching, text);
        assert!(covers(&index, "site.example") && covers(&index, "SITE.example."));
        assert_eq!(covers(&index, "www.site.example"), below);
        assert!(!covers(&index, "mysite.example") && !covers(&index, "example"));
    }
}

#[test]
fn a_name_in_several_lists_has_the_tags_of_all() {
    let exact = list(1, Format::Domains, Some(Matching::Exact));
    let below = list(2, Format::Domains, None);
    let parent = list(3, Format::Domains, None);
    let (index, _) = compile(
        &[
            (exact, Cow::Borrowed(b"a.example")),
            (below, Cow::Borrowed(b"a.example\na.example")),
            (parent, Cow::Borrowed(b"b.example")),
        ],
        &NameSet::default(),
    );
    let tags = |text| index.tags_of(&name(text)).iter().map(|tag| tag.0).collect::<Vec<_>>();
    assert_eq!(tags("a.example"), [1, 2]);
    assert_eq!(tags("x.a.example"), [2]);
    assert_eq!(tags("x.y.b.example"), [3]);
    assert_eq!(index.len(), 2);
}

#[test]
fn a_hosts_file_as_they_are_is_counted_to_the_last_word() {
    let text = b"\xef\xbb\xbf# Title: made up\r\n127.0.0.1 localhost\r\n::1 ip6-localhost ip6-loopback\r\n\
        fe80::1%lo0 localhost\r\n255.255.255.255 broadcasthost\r\n0.0.0.0 0.0.0.0\r\n\r\n\
        0.0.0.0 One.Example two.example\t# both\r\n127.0.0.1\tthree.example;why\r\n\
        0 four.example.\r\n:: se\xc3\xb1al.example\r\n0.0.0.0 se\xf1al.example\r\n\
        192.0.2.9 bank.example\r\n0.0.0.0 com\r\n0.0.0.0 com.gt\r\n0.0.0.0 a.example/b\r\n";
    let (index, report) = compiled(Format::Auto, None, text);
    assert_eq!(report.format, Format::Hosts);
    assert_eq!((report.taken, index.len()), (5, 5));
    assert_eq!(
        report.skipped_kinds,
        [(Skip::Address, 4), (Skip::Local, 3), (Skip::Path, 1), (Skip::NotAName, 1)]
    );
    assert_eq!(report.skipped, 9);
    assert_eq!((report.refused_count, report.refused), (2, vec!["com".into(), "com.gt".into()]));
    assert!(covers(&index, "xn--seal-hqa.example") && !covers(&index, "bank.example"));
}

#[test]
fn a_plain_list_as_they_are_is_counted_to_the_last_line() {
    let text = b"! Title: made up\n[Some blocker]\none.example\nTwo.Example. #Country - Nowhere\n\
        .three.example\n*.four.example\n||five.example^\nsix.example/page\n193.0.2.62\n\
        https://seven.example/\n.zip\neight.example##.banner\nnine.example#why\n";
    let (index, report) = compiled(Format::Auto, None, text);
    assert_eq!(report.format, Format::Domains);
    assert_eq!((report.taken, index.len(), report.skipped), (5, 5, 6));
    assert_eq!((report.refused_count, report.refused), (1, vec!["zip".into()]));
}

#[test]
fn refused_entries_are_all_counted_and_some_shown() {
    let lines: Vec<_> = (0..300).map(|number| format!("label{number}")).collect();
    let (index, report) = compiled(Format::Domains, None, lines.join("\n").as_bytes());
    assert!(index.is_empty());
    assert_eq!((report.refused.len(), report.refused_count), (REFUSED_SHOWN_MAX, 300));
}

#[test]
fn no_list_closes_what_must_always_answer() {
    let mut essentials = NameSet::default();
    essentials.insert(&name("help.example"), Reach::Below);
    let source = list(0, Format::Domains, None);
    let text = Cow::Borrowed(&b"help.example\nwww.help.example\nother.example"[..]);
    let (index, reports) = compile(&[(source, text)], &essentials);
    assert!(!covers(&index, "www.help.example") && covers(&index, "other.example"));
    assert_eq!(reports[0].refused, ["help.example", "www.help.example"]);
}

#[test]
fn a_source_that_carries_its_text_needs_no_other() {
    let written = Source {
        origin: Origin::Written("=a.example\nb.example".into()),
        ..list(0, Format::Domains, None)
    };
    // `hidden.example`
    let hidden = Source {
        origin: Origin::EmbeddedHidden("aGlkZGVu\nLmV4YW1wbGUKY29tCg==\n"),
        ..list(1, Format::Domains, None)
    };
    let sources = [(written, Cow::Borrowed(&b""[..])), (hidden, Cow::Borrowed(&b"x.example"[..]))];
    let (index, reports) = compile(&sources, &NameSet::default());
    assert_eq!([reports[0].taken, reports[1].taken], [2, 1]);
    assert!(!covers(&index, "x.a.example") && covers(&index, "x.b.example"));

    let shown = search(&sources[0].0, b"", &name("x.b.example"), &NameSet::default());
    assert_eq!(
        shown,
        [Match {
            list: "list0".into(),
            line: 2,
            entry: Some("b.example".into()),
            effect: Effect::Close,
        }]
    );
    let concealed = search(&sources[1].0, b"", &name("www.hidden.example"), &NameSet::default());
    assert_eq!(
        concealed,
        [Match { list: "list1".into(), line: 1, entry: None, effect: Effect::Close }]
    );
    assert_eq!((reports[1].refused_count, reports[1].refused.len()), (1, 0));
}

#[test]
fn a_search_names_every_line_that_covers_a_name_and_no_other() {
    let source = list(0, Format::Domains, None);
    let text = b"# head\nsite.example\n\nwww.site.example\n=site.example\nmysite.example\ncom\n";
    let lines = |text_of_name: &str| -> Vec<usize> {
        search(&source, text, &name(text_of_name), &NameSet::default())
            .iter()
            .map(|found| found.line)
            .collect()
    };
    assert_eq!(lines("site.example"), [2, 5]);
    assert_eq!(lines("a.www.site.example"), [2, 4]);
    assert_eq!(lines("com"), [0_usize; 0]);
    let hosts = list(0, Format::Hosts, None);
    let found =
        search(&hosts, b"0.0.0.0 a.example b.example", &name("b.example"), &NameSet::default());
    assert_eq!(found[0].entry.as_deref(), Some("b.example"));
    assert!(
        search(&hosts, b"0.0.0.0 b.example", &name("a.b.example"), &NameSet::default()).is_empty()
    );
}

#[test]
fn what_the_program_brings_along_is_taken_whole() {
    for starter in &catalogue::catalogue().starters {
        let origin = if starter.hidden {
            Origin::EmbeddedHidden(starter.text)
        } else {
            Origin::Embedded(starter.text)
        };
        let source = Source { origin, ..list(0, Format::Domains, None) };
        let (index, reports) = compile(&[(source, Cow::Borrowed(b""))], &NameSet::default());
        assert_eq!((reports[0].skipped, reports[0].refused_count), (0, 0), "{}", starter.category);
        assert_eq!(index.len(), reports[0].taken);
    }
    for service in &catalogue::catalogue().services {
        let origin = Origin::Embedded(service.names);
        let source = Source { origin, ..list(0, Format::Domains, None) };
        let (index, reports) = compile(&[(source, Cow::Borrowed(b""))], &NameSet::default());
        assert_eq!((reports[0].skipped, reports[0].refused_count), (0, 0), "{}", service.id);
        assert_eq!(index.len(), reports[0].taken);
    }
}

#[test]
fn a_list_that_opens_takes_its_tags_from_names_whichever_list_gave_them() {
    let closing = |place, text: &'static str| {
        (list(place, Format::Domains, None), Cow::Borrowed(text.as_bytes()))
    };
    let opening =
        Source { tags: TagSet::of(Tag(1)), effect: Effect::Open, ..list(9, Format::Domains, None) };
    let text = Cow::Borrowed(&b"good.example\n=alone.example\ncom\ngoogle.com\n"[..]);
    let lists = [
        closing(1, "good.example\nx.good.example\nalone.example\nbad.example"),
        closing(2, "www.good.example"),
        (opening, text),
    ];
    let (index, reports) = compile(&lists, &NameSet::default());
    let tags = |text| index.tags_of(&name(text)).iter().map(|tag| tag.0).collect::<Vec<_>>();
    assert_eq!(tags("good.example"), [0; 0]);
    assert_eq!(tags("a.x.good.example"), [0; 0]);
    assert_eq!(tags("www.good.example"), [2]);
    assert_eq!((tags("alone.example"), tags("www.alone.example")), (vec![], vec![1]));
    assert_eq!(tags("bad.example"), [1]);
    assert_eq!((reports[2].taken, &*reports[2].refused), (3, &["com".to_owned()][..]));
}

/// A list of the model: entries with whether each covers what is below it.
type Entries = HashMap<Vec<u8>, bool>;

/// What a plain walk over a name's parents says.
fn tags_by_walking(lists: &[Entries], name: &Name) -> TagSet {
    let covers = |list: &Entries| {
        name.suffixes()
            .enumerate()
            .any(|(depth, suffix)| list.get(suffix).is_some_and(|&below| below || depth == 0))
    };
    (0..).zip(lists).filter(|(_, list)| covers(list)).map(|(place, _)| Tag(place)).collect()
}

proptest! {
    /// Few letters and few labels, so that names stand below one another and in several lists.
    #[test]
    fn the_index_says_what_a_walk_over_the_parents_says(
        lists in proptest::collection::vec(
            proptest::collection::vec(("([ab]{1,2}\\.){1,3}(x|yy)\\.example", any::<bool>()), 0..40),
            1..6,
        ),
        asked in proptest::collection::vec("([ab]{1,2}\\.){0,4}(x|yy|z)\\.example", 30),
    ) {
        let mut model = Vec::new();
        let mut sources = Vec::new();
        for (place, lines) in (0..).zip(&lists) {
            let mut entries = Entries::new();
            let mut text = String::new();
            for (line, below) in lines {
                *entries.entry(name(line).wire().to_vec()).or_default() |= below;
                text += if *below { "" } else { "=" };
                text += line;
                text += "\n";
            }
            model.push(entries);
            let source = list(place, Format::Domains, None);
            sources.push((source, Cow::Owned(text.into_bytes())));
        }
        let (index, reports) = compile(&sources, &NameSet::default());
        for (report, lines) in reports.iter().zip(&lists) {
            prop_assert_eq!((report.taken, report.skipped), (lines.len(), 0));
        }
        let own = lists.iter().flatten().map(|(line, _)| line);
        for text in own.chain(&asked) {
            let name = name(text);
            let tags = index.tags_of(&name);
            prop_assert_eq!(tags, tags_by_walking(&model, &name));
            for (place, (source, text)) in (0..).zip(&sources) {
                let found = !search(source, text, &name, &NameSet::default()).is_empty();
                prop_assert_eq!(found, tags.contains(Tag(place)));
            }
        }
    }

    #[test]
    fn no_octets_upset_compiling_or_searching(
        text in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let source = list(0, Format::Auto, None);
        let _ = search(&source, &text, &name("a.example"), &NameSet::default());
        let (index, reports) =
            compile(&[(source, Cow::Borrowed(&text[..]))], &NameSet::default());
        prop_assert!(index.len() <= reports[0].taken);
    }
}
