//! The index against a naive reading: each list by itself, each rule by itself, each name by itself.

use std::borrow::Cow;

use proptest::prelude::*;

use super::exceptions::takes_back;
use super::format::Role;
use super::tests::{compile_to, list, name};
use super::{Format, Guard, Matching};
use crate::name::Name;
use crate::policy::rules::NameSet;
use crate::policy::tags::{Lookup as _, Tag, TagSet};

/// A rule as it is written, and as it is meant.
#[derive(Debug, Clone)]
struct Rule {
    text: String,
    meant: Vec<(Name, Matching, Role)>,
    /// The rule it switches off.
    disables: Option<String>,
}

fn some_name() -> impl Strategy<Value = String> {
    "([ab]{1,2}\\.){1,3}(x|yy)\\.example"
}

fn some_rule() -> impl Strategy<Value = Rule> {
    let shapes = 0..10_u8;
    (shapes, some_name(), "[ab]{1,2}").prop_map(|(shape, text, label)| {
        let other = format!("{label}.{text}");
        let rule = |written: String, meant: Vec<(&str, Matching, Role)>| Rule {
            text: written,
            meant: meant.iter().map(|(text, by, role)| (name(text), *by, *role)).collect(),
            disables: None,
        };
        let (all, exact) = (Matching::Subdomains, Matching::Exact);
        match shape {
            0 | 1 => rule(format!("||{text}^"), vec![(&text, all, Role::Close)]),
            2 => rule(format!("|{text}^"), vec![(&text, exact, Role::Close)]),
            3 => rule(format!("||*.{text}^"), vec![(&text, Matching::Below, Role::Close)]),
            4 => rule(format!("||{text}^$important"), vec![(&text, all, Role::CloseAll)]),
            5 => rule(
                format!("||{text}^$denyallow={other}"),
                vec![(&text, all, Role::CloseLimited), (&other, all, Role::ExceptLimited)],
            ),
            6 => rule(format!("@@||{text}^"), vec![(&text, all, Role::Except)]),
            7 => rule(format!("@@|{text}^"), vec![(&text, exact, Role::Except)]),
            8 => rule(format!("@@||{text}^$important"), vec![(&text, all, Role::ExceptAll)]),
            _ => Rule {
                text: format!("||{text}^$badfilter"),
                meant: Vec::new(),
                disables: Some(format!("||{text}^")),
            },
        }
    })
}

fn is_exception(role: Role) -> bool {
    matches!(role, Role::Except | Role::ExceptAll | Role::ExceptLimited)
}

/// Whether a list closes a name, by looking at every pair of its rules.
fn closes(rules: &[Rule], asked: &Name) -> bool {
    let is_off =
        |rule: &Rule| rules.iter().any(|other| other.disables.as_ref() == Some(&rule.text));
    let covers = |(name, matching, _): &(Name, Matching, Role)| {
        asked.is_at_or_below(name) && matching.covers(asked == name)
    };
    let meant: Vec<_> =
        rules.iter().filter(|rule| !is_off(rule)).flat_map(|rule| &rule.meant).collect();
    let covering = || meant.iter().filter(|rule| covers(rule));
    covering().filter(|rule| !is_exception(rule.2)).any(|closing| {
        !covering().any(|other| is_exception(other.2) && takes_back(other.2, closing.2))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Few letters and few labels, so that rules meet; lists that share a tag, as those of one
    /// category do.
    #[test]
    fn what_lists_close_and_except_is_what_each_says_by_itself(
        lists in proptest::collection::vec(proptest::collection::vec(some_rule(), 0..12), 1..5),
        asked in proptest::collection::vec("([ab]{1,2}\\.){0,5}(x|yy|z)\\.example", 20),
        in_a_file in any::<bool>(),
    ) {
        let tag = |place: u16| Tag(place / 2);
        let sources: Vec<_> = (0..)
            .zip(&lists)
            .map(|(place, rules)| {
                let mut source = list(place, Format::Adblock, None);
                source.tags = TagSet::of(tag(place));
                let lines: Vec<_> = rules.iter().map(|rule| &*rule.text).collect();
                (source, Cow::Owned(lines.join("\n").into_bytes()))
            })
            .collect();
        let directory = in_a_file.then(|| tempfile::tempdir().unwrap());
        let path = directory.as_ref().map(tempfile::TempDir::path);
        let essentials = NameSet::default();
        let index = compile_to(path, &sources, &essentials, 50).index;
        let named = lists.iter().flatten().flat_map(|rule| &rule.meant).map(|meant| meant.0);
        for asked in named.chain(asked.iter().map(|text| name(text))) {
            let expected: TagSet = (0..)
                .zip(&lists)
                .filter(|(_, rules)| closes(rules, &asked))
                .map(|(place, _)| tag(place))
                .collect();
            prop_assert_eq!(index.tags_of(&asked), expected, "{}", asked);
            for ((source, text), rules) in sources.iter().zip(&lists) {
                let found = super::search(source, &asked, &Guard::new(&essentials, []), |reader| {
                    reader.feed(text);
                });
                prop_assert_eq!(!found.is_empty(), closes(rules, &asked), "{}", asked);
            }
        }
    }
}
