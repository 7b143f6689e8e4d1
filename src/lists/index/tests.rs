//! The index against a plain map of names.

use std::collections::HashMap;

use proptest::prelude::*;

use super::build::{Builder, Mark, Names, ROWS_MAX, Row, Unbuilt};
use super::file::{Carried, InFile, InMemory};
use super::hash::Key;
use super::{Index, LINE_OCTETS};
use crate::name::Name;
use crate::policy::mentioned::Mentioned;
use crate::policy::tags::{Lookup as _, Tag, TagSet};

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// A row for a name with all below it.
fn all_below(tag: u16) -> Row {
    Row { at: TagSet::of(Tag(tag)), below: TagSet::of(Tag(tag)), ..Row::default() }
}

/// Two rows for each of four tags: for the name alone, and with all below it.
fn rows() -> Vec<Row> {
    let exact = |tag| Row { at: TagSet::of(Tag(tag)), ..Row::default() };
    (0..4).flat_map(|tag| [exact(tag), all_below(tag)]).collect()
}

fn built(names: Names, rows: &[Row]) -> Index {
    Builder::new(names).finish(rows, &Carried::default(), &[], InMemory::default()).unwrap()
}

/// Names of one to four labels, of letters few enough that they meet.
fn some_names(count: u32) -> impl Iterator<Item = (Name, Mark)> {
    (0..count).map(move |number| {
        let parent = number.wrapping_mul(2_654_435_761) % (count / 3 + 1);
        let text = match number % 4 {
            0 => format!("n{number}.example"),
            1 => format!("sub.n{parent}.example"),
            2 => format!("a.label.as.long.as.they.come.n{number}.example"),
            _ => format!("n{parent}.example"),
        };
        (name(&text), number.wrapping_mul(40_503) >> 3 & 7)
    })
}

/// What a plain walk over the parents says.
fn model_of(names: impl Iterator<Item = (Name, Mark)>) -> HashMap<Vec<u8>, Row> {
    let rows = rows();
    let mut model: HashMap<Vec<u8>, Row> = HashMap::new();
    for (name, mark) in names {
        let row = model.entry(name.wire().to_vec()).or_default();
        let more = rows[mark as usize];
        *row = Row {
            at: row.at.union(&more.at),
            below: row.below.union(&more.below),
            ..Row::default()
        };
    }
    model
}

fn tags_by_walking(model: &HashMap<Vec<u8>, Row>, name: &Name) -> TagSet {
    name.suffixes().enumerate().fold(TagSet::EMPTY, |tags, (depth, suffix)| {
        let row = model.get(suffix).copied().unwrap_or_default();
        tags.union(if depth == 0 { &row.at } else { &row.below })
    })
}

fn agrees(index: &Index, model: &HashMap<Vec<u8>, Row>) {
    assert_eq!(index.len(), model.len());
    for wire in model.keys() {
        let listed = Name::from_wire(wire).unwrap();
        for asked in [Some(listed), listed.child(b"www"), listed.child(b"n1"), listed.child(b"")] {
            let Some(asked) = asked else { continue };
            assert_eq!(index.tags_of(&asked), tags_by_walking(model, &asked), "{asked}");
        }
    }
    for number in 0..1000 {
        let unlisted = name(&format!("unlisted{number}.example"));
        assert!(index.tags_of(&unlisted).is_empty(), "{unlisted}");
    }
}

#[test]
fn an_empty_index_knows_nothing() {
    assert_eq!(Index::default().tags_of(&name("a.example")), TagSet::EMPTY);
    let empty = built(Names::new(Key::random(), None), &[]);
    assert!(empty.is_empty() && empty.tags_of(&Name::ROOT).is_empty());
}

#[test]
fn an_index_of_any_size_says_what_a_walk_says() {
    for size in [0, 1, 2, 3, 9, 10, 11, 100, 5000, 100_000] {
        let mut names = Names::new(Key::random(), None);
        some_names(size).for_each(|(name, mark)| names.add(&name, mark));
        agrees(&built(names, &rows()), &model_of(some_names(size)));
    }
}

#[test]
fn runs_on_the_disk_make_the_same_index_as_memory() {
    for held_max in [1, 100, 4096, 100_000] {
        let size = if held_max == 1 { 300 } else { 20_000 };
        let key = Key::random();
        let mut in_memory = Names::new(key, None);
        let mut spilling = Names::holding(key, Some(tempfile::tempfile().unwrap()), held_max);
        for (name, mark) in some_names(size) {
            in_memory.add(&name, mark);
            spilling.add(&name, mark);
        }
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("index");
        let file = tempfile::NamedTempFile::new_in(directory.path()).unwrap();
        let carried = Carried { text: b"[]".to_vec(), ..Carried::default() };
        let spilled = Builder::new(spilling)
            .finish(&rows(), &carried, &[], InFile::new(file, &path))
            .unwrap();
        let in_memory = built(in_memory, &rows());
        assert_eq!(spilled.lines(), in_memory.lines());
        assert_eq!(spilled.rows(), in_memory.rows());
        agrees(&spilled, &model_of(some_names(size)));
        let (opened, carried) = Index::open(&path, [0, 0]).unwrap();
        assert_eq!(carried.text.trim_ascii(), b"[]");
        agrees(&opened, &model_of(some_names(size)));
    }
}

#[test]
fn a_million_names_would_take_less_than_eight_octets_each() {
    // Names that differ by a number alone are spread well by most keys, and less well by some.
    let (mut past, mut lines) = (0, 0);
    for _ in 0..5 {
        let mut names = Names::new(Key::random(), None);
        (0..100_000).for_each(|number| names.add(&name(&format!("n{number}.example")), 0));
        let index = built(names, &rows());
        assert!(size_of_val(index.lines()) < 785_000, "{}", size_of_val(index.lines()));
        // Chance spreads names over lines as it spreads drops over tiles: few lines are passed.
        past += index.lines().iter().filter(|line| line[60..] != [0; 4]).count();
        lines += index.lines().len();
    }
    assert!(past * 2 < lines, "{past} of {lines}");
}

#[test]
fn lines_are_cache_lines_in_memory_too() {
    let mut names = Names::new(Key::random(), None);
    some_names(1000).for_each(|(name, mark)| names.add(&name, mark));
    let index = built(names, &rows());
    assert!(index.lines().as_ptr().cast::<u8>().addr().is_multiple_of(LINE_OCTETS));
}

#[test]
fn a_name_keeps_all_its_tags_when_rows_run_out() {
    let rows: Vec<Row> = (0..4).map(all_below).collect();
    for rows_max in [5, 6, ROWS_MAX] {
        let mut names = Names::new(Key::random(), None);
        for (text, marks) in [("a.example", [0, 1]), ("b.example", [2, 3])] {
            for mark in marks {
                names.add(&name(text), mark);
            }
        }
        let carried = Carried::default();
        let index = Builder::new(names)
            .finish_in(&rows, rows_max, &carried, &[], InMemory::default())
            .unwrap();
        let tags = |text| index.tags_of(&name(text)).iter().collect::<Vec<_>>();
        assert_eq!(tags("a.example"), [Tag(0), Tag(1)]);
        assert_eq!(tags("x.b.example"), [Tag(2), Tag(3)]);
        assert_eq!(index.len(), 2);
    }
}

#[test]
fn a_name_that_must_stay_open_is_never_taken_for_a_listed_one() {
    // A key that mixes nothing: the lower half of the hash holds the first three letters alone.
    let weak = Key::from_words([0, 1]).unwrap();
    let build = |key, open: &[Name]| {
        let mut names = Names::new(key, None);
        names.add(&name("abcd.example"), 1);
        names.add(&name("own.example"), 1);
        Builder::new(names).finish(&rows(), &Carried::default(), open, InMemory::default())
    };
    let twin = name("abce.example");
    assert!(!build(weak, &[]).unwrap().tags_of(&twin).is_empty());
    assert!(matches!(build(weak, &[twin]), Err(Unbuilt::Collision)));
    assert!(matches!(build(weak, &[name("www.abce.example")]), Err(Unbuilt::Collision)));
    assert!(build(weak, &[name("own.example"), name("other.example")]).is_ok());
    assert!(build(Key::random(), &[twin]).unwrap().tags_of(&twin).is_empty());
}

#[test]
fn a_name_that_a_rule_spells_out_is_told_however_long_it_is() {
    let mut names = Names::new(Key::random(), None);
    names.add(&name("listed.example"), 1);
    for index in [built(names, &rows()), Index::default()] {
        let spelt = [name("a.rule.of.many.labels.example"), name("b.example")];
        let mentioned = Mentioned::new(&spelt, &index);
        for asked in ["www.a.rule.of.many.labels.example", "b.example", "x.b.example"] {
            assert!(index.look_up(&name(asked), &mentioned).1, "{asked}");
        }
        let listed = name("www.listed.example");
        assert_eq!(index.look_up(&listed, &mentioned).0, index.tags_of(&listed));
        assert!(!index.look_up(&listed, &Mentioned::new(&[], &index)).1);
    }
}

proptest! {
    /// Few labels, so that names stand below one another and on several lists.
    #[test]
    fn the_index_says_what_a_walk_over_the_parents_says(
        listed in proptest::collection::vec(("([ab]{1,2}\\.){1,12}(x|yy)", 0..8_u32), 0..60),
        asked in proptest::collection::vec("([ab]{1,2}\\.){0,14}(x|yy|z)", 30),
    ) {
        let listed: Vec<_> = listed.iter().map(|(text, mark)| (name(text), *mark)).collect();
        let model = model_of(listed.iter().copied());
        let mut names = Names::new(Key::random(), None);
        for (name, mark) in &listed {
            names.add(name, *mark);
        }
        let index = built(names, &rows());
        let asked: Vec<_> = asked.iter().map(|text| name(text)).collect();
        for name in listed.iter().map(|(name, _)| name).chain(&asked) {
            prop_assert_eq!(index.tags_of(name), tags_by_walking(&model, name));
        }
    }
}
