//! Lists in a state directory: what is kept, what is taken again, what is not trusted.

use std::borrow::Cow;

use proptest::prelude::*;

use super::tests::{compile_to, covers, inputs, list};
use super::{Format, Guard, INDEX_FILE, Origin, Source, Unusable};
use crate::policy::rules::NameSet;

/// A list of some names with a hidden one beside it, which has its text in itself.
fn two_lists() -> Vec<(Source, Cow<'static, [u8]>)> {
    let written = Source {
        origin: Origin::Written("written.example\ncom".to_owned()),
        ..list(9, Format::Domains, None)
    };
    let lines: Vec<_> = (0..500).map(|number| format!("0.0.0.0 n{number}.example")).collect();
    let text = lines.join("\n");
    vec![(list(3, Format::Auto, None), Cow::Owned(text.into_bytes())), (written, Cow::default())]
}

#[test]
fn an_index_is_taken_from_its_file_while_its_inputs_are_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    let path = state.join(INDEX_FILE);
    let lists = two_lists();
    let compiled = compile_to(Some(&state), &lists, &NameSet::default(), 7);
    assert!(compiled.index.is_mapped() && compiled.trouble.is_none());

    let sources: Vec<_> = lists.into_iter().map(|(source, _)| source).collect();
    let (index, reports) =
        super::open(&state, &inputs(&sources, &NameSet::default())).expect("it is current");
    assert!(index.is_mapped() && index.len() == 501);
    assert_eq!(reports, compiled.reports);
    assert!(covers(&index, "n7.example") && !covers(&index, "x.n7.example"));
    assert!(covers(&index, "x.written.example") && !covers(&index, "n500.example"));

    let other = inputs(&sources[..1], &NameSet::default());
    assert!(matches!(super::open(&state, &other), Err(Unusable::Outdated)));
    std::fs::remove_file(&path).unwrap();
    let same = inputs(&sources, &NameSet::default());
    assert!(matches!(super::open(&state, &same), Err(Unusable::Absent)));
    // Mapped, it outlives its file.
    assert!(covers(&index, "n7.example"));
    let left: Vec<_> =
        std::fs::read_dir(&state).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(left, [state.join("lists")]);
}

#[test]
fn an_index_that_cannot_be_kept_is_in_memory() {
    let directory = tempfile::tempdir().unwrap();
    let blocker = directory.path().join("state");
    std::fs::write(&blocker, "a file where the directory should be").unwrap();
    let compiled = compile_to(Some(&blocker), &two_lists(), &NameSet::default(), 1000);
    assert!(compiled.trouble.is_some() && !compiled.index.is_mapped());
    assert!(covers(&compiled.index, "n7.example"));
}

#[test]
fn a_text_that_was_not_the_one_seen_is_read_again_next_time() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let sources = [list(0, Format::Domains, None)];
    let inputs = inputs(&sources, &NameSet::default());
    let compiled = super::compile(
        &sources,
        &Guard::new(&NameSet::default(), []),
        &inputs,
        Some(path),
        &mut |_, reader| {
            reader.feed(b"half.example\nbro");
            reader.start_over();
            reader.feed(b"copy.example\n");
        },
    );
    assert_eq!(compiled.reports[0].taken, 1);
    assert!(covers(&compiled.index, "copy.example") && !covers(&compiled.index, "bro"));
    assert!(matches!(super::open(path, &inputs), Err(Unusable::Outdated)));
}

#[test]
fn what_a_power_cut_left_half_written_is_swept() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("lists.index.new-AbCdEf"), "half").unwrap();
    std::fs::write(directory.path().join("journal.db"), "whole").unwrap();
    let compiled = compile_to(Some(directory.path()), &two_lists(), &NameSet::default(), 1000);
    assert!(compiled.index.is_mapped());
    let mut left: Vec<_> = std::fs::read_dir(directory.path())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort_unstable();
    assert_eq!(left, ["journal.db", "lists", "lists.index"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Any octet of the file, and any length: never a panic, never a wrong index.
    #[test]
    fn a_damaged_file_is_not_used(
        place in any::<prop::sample::Index>(), flip in 1..=255_u8, cut in any::<bool>(),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lists.index");
        let lists = two_lists();
        drop(compile_to(Some(directory.path()), &lists, &NameSet::default(), 1000));
        let mut octets = std::fs::read(&path).unwrap();
        // Half of the flips where the lengths are.
        let place = if flip % 2 == 0 { place.index(128) } else { place.index(octets.len()) };
        if cut {
            octets.truncate(place);
        } else {
            octets[place] ^= flip;
        }
        std::fs::write(&path, &octets).unwrap();
        let sources: Vec<_> = lists.into_iter().map(|(source, _)| source).collect();
        let outcome = super::open(directory.path(), &inputs(&sources, &NameSet::default()));
        // Between the header and the lines nothing is said.
        let says_nothing = !cut && (128..4096).contains(&place);
        prop_assert_eq!(outcome.is_err(), !says_nothing);
    }

    /// A list is what it is, however it is cut.
    #[test]
    fn pieces_of_any_length_make_the_same_list(
        text in proptest::collection::vec(prop_oneof![
            Just(b"a.example".to_vec()),
            Just(b"\n".to_vec()),
            Just(b"\r\n0.0.0.0 b.example".to_vec()),
            Just(b"\xef\xbb\xbf".to_vec()),
            Just(vec![b'x'; 5000]),
            proptest::collection::vec(any::<u8>(), 0..20),
        ], 0..30),
        piece in 1..6000_usize,
    ) {
        let lists = [(list(0, Format::Auto, None), Cow::Owned(text.concat()))];
        let whole = compile_to(None, &lists, &NameSet::default(), usize::MAX);
        let cut = compile_to(None, &lists, &NameSet::default(), piece);
        prop_assert_eq!(whole.index.len(), cut.index.len());
        prop_assert_eq!(whole.reports, cut.reports);
    }
}

#[test]
fn a_list_that_did_not_change_is_not_read_again_when_another_does() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path();
    let mut lists: Vec<_> = (0..3_u16)
        .map(|place| {
            let text = format!("a{place}.example\nb{place}.example\n@@nothing\n");
            (list(place, Format::Domains, None), Cow::Owned(text.into_bytes()))
        })
        .collect();
    let read = |lists: &[_]| compile_to(Some(state), lists, &NameSet::default(), 1000);
    let first = read(&lists);
    assert_eq!((first.read.as_slice(), first.trouble), (&[0, 1, 2][..], None));

    // Another format is another list; its neighbours are taken as they were.
    lists[1].0.format = Format::Wildcard;
    let second = read(&lists);
    assert_eq!(second.read, [1]);
    assert_eq!((&second.reports[0], &second.reports[2]), (&first.reports[0], &first.reports[2]));
    for text in ["x.a0.example", "a1.example", "x.b2.example"] {
        assert!(covers(&second.index, text), "{text}");
    }
    assert!(!covers(&second.index, "x.a1.example"));

    // The category a list fills is nothing in its text.
    lists[2].0.category = Some("games".to_owned());
    lists[2].0.tags = crate::policy::tags::TagSet::of(crate::policy::tags::Tag(7));
    let third = read(&lists);
    assert_eq!(third.read, [0_usize; 0]);
    assert_eq!(third.reports[2].category.as_deref(), Some("games"));
    lists.remove(0);
    read(&lists);
    let mut files: Vec<_> = std::fs::read_dir(state.join("lists"))
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort_unstable();
    assert_eq!(files, ["list1.names", "list2.names"]);
}

#[test]
fn names_that_are_damaged_on_the_disk_are_read_again_and_never_trusted() {
    let directory = tempfile::tempdir().unwrap();
    let lists = [two_lists().swap_remove(0)];
    let read = || compile_to(Some(directory.path()), &lists, &NameSet::default(), 1000);
    read();
    let path = directory.path().join("lists").join("list3.names");
    let whole = std::fs::read(&path).unwrap();
    for place in [0, 20, 40, 60, 80, 95, 96, 700, whole.len() - 1] {
        for cut in [false, true] {
            let mut octets = whole.clone();
            if cut {
                octets.truncate(place);
            } else {
                octets[place] ^= 0x10;
            }
            std::fs::write(&path, &octets).unwrap();
            let compiled = read();
            assert_eq!(compiled.read, [0], "{place}");
            assert!(covers(&compiled.index, "n499.example") && compiled.index.len() == 500);
        }
    }
    std::fs::write(&path, &whole).unwrap();
}
