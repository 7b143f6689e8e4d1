//! What the rules of one list do to one another, and to no other list.

use std::borrow::Cow;

use proptest::prelude::*;

use super::tests::{compile_to, list, name};
use super::{Compiled, Format, Guard, Index, Report, Skip};
use crate::policy::rules::NameSet;
use crate::policy::tags::{Lookup as _, Tag, TagSet};

/// The index and the reports of lists of rules, each with the tag of its place.
fn compile(texts: &[&str]) -> (Index, Vec<Report>) {
    let lists: Vec<_> = (0..)
        .zip(texts)
        .map(|(place, text)| {
            (list(place, Format::Adblock, None), Cow::Owned(text.as_bytes().to_vec()))
        })
        .collect();
    let Compiled { index, reports, .. } = compile_to(None, &lists, &NameSet::default(), 7);
    (index, reports)
}

/// A list of these rules closes these names and not those, and a search finds a line for each
/// that is closed by name.
#[track_caller]
fn check(rules: &str, closed: &[&str], open: &[&str]) {
    let (index, _) = compile(&[rules]);
    for text in closed {
        assert!(!index.tags_of(&name(text)).is_empty(), "{text} is open:\n{rules}");
    }
    for text in open {
        assert!(index.tags_of(&name(text)).is_empty(), "{text} is closed:\n{rules}");
        assert!(lines(rules, text).is_empty(), "a search finds {text}:\n{rules}");
    }
}

/// The lines of a list that close a name.
fn lines(rules: &str, text: &str) -> Vec<usize> {
    let source = list(0, Format::Adblock, None);
    let found =
        super::search(&source, &name(text), &Guard::new(&NameSet::default(), []), |reader| {
            reader.feed(rules.as_bytes());
        });
    found.iter().map(|found| found.line).collect()
}

/// Both orders of two rules.
#[track_caller]
fn check_both(one: &str, other: &str, closed: &[&str], open: &[&str]) {
    check(&format!("{one}\n{other}\n"), closed, open);
    check(&format!("{other}\n{one}\n"), closed, open);
}

// === @@ ===

#[test]
fn an_exception_opens_the_same_rule_wherever_it_stands() {
    check_both("||x.example^", "@@||x.example^", &[], &["x.example", "a.x.example"]);
    check_both("x.example", "@@x.example", &[], &["x.example", "a.x.example"]);
    check_both("|x.example^", "@@||x.example^", &[], &["x.example"]);
    check_both("0.0.0.0 x.example", "@@||x.example^", &[], &["x.example"]);
}

#[test]
fn an_exception_of_a_name_opens_what_stands_below_it() {
    check_both("||a.x.example^", "@@||x.example^", &[], &["a.x.example", "b.a.x.example"]);
    check_both("a.x.example", "@@||*.x.example^", &[], &["a.x.example", "b.a.x.example"]);
}

#[test]
fn an_exception_of_the_name_alone_leaves_the_rest_closed() {
    check_both("||x.example^", "@@|x.example^", &["a.x.example"], &["x.example"]);
    check_both("||x.example^", "@@||*.x.example^", &["x.example"], &["a.x.example"]);
    check_both("||a.x.example^", "@@|x.example^", &["a.x.example", "b.a.x.example"], &[]);
}

#[test]
fn an_exception_below_a_closed_name_opens_only_what_it_says() {
    check_both(
        "||x.example^",
        "@@||shop.x.example^",
        &["x.example", "a.x.example", "ashop.x.example"],
        &["shop.x.example", "a.shop.x.example"],
    );
    check_both(
        "||x.example^",
        "@@|shop.x.example^",
        &["x.example", "a.shop.x.example"],
        &["shop.x.example"],
    );
}

#[test]
fn what_is_closed_again_below_an_exception_is_open() {
    check(
        "||x.example^\n@@||a.x.example^\n||b.a.x.example^\n",
        &["x.example", "c.x.example"],
        &["a.x.example", "b.a.x.example", "c.b.a.x.example"],
    );
}

#[test]
fn an_exception_is_about_whole_labels() {
    check_both("||myx.example^", "@@||x.example^", &["myx.example", "a.myx.example"], &[]);
}

#[test]
fn an_exception_of_another_list_opens_nothing() {
    let (index, _) = compile(&["||x.example^\n", "@@||x.example^\n||y.example^\n"]);
    assert_eq!(index.tags_of(&name("x.example")), TagSet::of(Tag(0)));
    let (index, _) = compile(&["||x.example^\n@@||x.example^\n", "||x.example^\n"]);
    assert_eq!(index.tags_of(&name("a.x.example")), TagSet::of(Tag(1)));
    let (index, _) = compile(&["||x.example^\n@@||a.x.example^\n", "||x.example^\n"]);
    assert_eq!(index.tags_of(&name("a.x.example")), TagSet::of(Tag(1)));
    assert_eq!(index.tags_of(&name("x.example")), [Tag(0), Tag(1)].into_iter().collect());
}

#[test]
fn an_exception_of_an_unread_condition_opens_nothing() {
    for condition in ["client=192.0.2.7", "dnstype=A", "document", "third-party", "ctag=a"] {
        let exception = format!("@@||x.example^${condition}");
        check_both("||x.example^", &exception, &["x.example", "a.x.example"], &[]);
    }
}

// === $important ===

#[test]
fn an_important_rule_stays_above_a_plain_exception() {
    check_both("||x.example^$important", "@@||x.example^", &["x.example", "a.x.example"], &[]);
    check_both("||x.example^$important", "@@||a.x.example^", &["x.example", "a.x.example"], &[]);
    check_both("||a.x.example^$important", "@@||x.example^", &["a.x.example"], &["x.example"]);
    check_both("||x.example^$important", "@@/^x/", &["x.example", "a.x.example"], &[]);
}

#[test]
fn an_important_exception_stays_above_an_important_rule() {
    let exception = "@@||x.example^$important";
    check_both("||x.example^$important", exception, &[], &["x.example", "a.x.example"]);
    check_both("||x.example^", exception, &[], &["x.example", "a.x.example"]);
}

#[test]
fn an_important_rule_below_an_excepted_name_is_closed() {
    check(
        "||x.example^\n@@||x.example^\n||a.x.example^$important\n",
        &["a.x.example", "b.a.x.example"],
        &["x.example", "b.x.example"],
    );
}

#[test]
fn the_same_name_with_and_without_important_is_closed() {
    check("||x.example^\n||x.example^$important\n@@||x.example^\n", &["x.example"], &[]);
}

// === $badfilter ===

#[test]
fn badfilter_switches_off_its_rule_wherever_it_stands() {
    check_both("||x.example^", "||x.example^$badfilter", &[], &["x.example", "a.x.example"]);
    check_both(
        "||x.example^$all,important",
        "||x.example^$important,badfilter,all",
        &[],
        &["x.example"],
    );
    check_both("/^x[0-9]/", "/^x[0-9]/$badfilter", &[], &["x1.example"]);
}

#[test]
fn badfilter_switches_off_no_other_rule() {
    check_both("||x.example^$important", "||x.example^$badfilter", &["x.example"], &[]);
    check_both("||x.example^", "||a.x.example^$badfilter", &["a.x.example"], &[]);
    check_both("||x.example^", "@@||x.example^$badfilter", &["x.example"], &[]);
}

#[test]
fn badfilter_of_an_exception_closes_again() {
    check(
        "||x.example^\n@@||x.example^\n@@||x.example^$badfilter\n",
        &["x.example", "a.x.example"],
        &[],
    );
    check("@@||x.example^$badfilter\n@@||x.example^\n||x.example^\n", &["x.example"], &[]);
}

#[test]
fn what_is_switched_off_is_counted() {
    let (_, reports) = compile(&["||x.example^\n||y.example^\n||x.example^$badfilter\n"]);
    assert_eq!((reports[0].taken, reports[0].skipped), (1, 1));
    assert_eq!(reports[0].skipped_kinds, [(Skip::Disabled, 1)]);
}

// === $denyallow ===

#[test]
fn denyallow_leaves_its_names_open_and_closes_the_rest() {
    check(
        "||x.example^$denyallow=shop.x.example|a.b.x.example\n",
        &["x.example", "b.x.example", "c.b.x.example"],
        &["shop.x.example", "a.shop.x.example", "a.b.x.example"],
    );
}

#[test]
fn denyallow_does_not_open_what_another_rule_closes() {
    check_both(
        "||x.example^$denyallow=shop.x.example",
        "||shop.x.example^",
        &["x.example", "shop.x.example", "a.shop.x.example"],
        &[],
    );
    check_both("||x.example^$denyallow=shop.x.example", "||x.example^", &["shop.x.example"], &[]);
}

#[test]
fn an_exception_opens_what_denyallow_leaves_closed() {
    check_both("||x.example^$denyallow=a.x.example", "@@||x.example^", &[], &["x.example"]);
}

// === Patterns ===

#[test]
fn a_pattern_closes_what_it_matches_and_no_more() {
    check(
        "||ads*.example^\n/^track[0-9]+\\./\n|pixel-*|\n",
        &["ads.example", "ads1.example", "a.ads2.example", "track7.example", "pixel-1.example"],
        &["bads.example", "ads.example.org", "track.example", "a.pixel-1.example"],
    );
}

#[test]
fn a_dot_and_a_class_without_letters_are_as_good_as_any_pattern() {
    check(
        "/^ads.+\\.example$/\n/^x[^a-z]+\\./\n/^\\D+7\\.example$/\n",
        &["ads1.example", "x12.example", "y7.example"],
        &["ads", "xa.example"],
    );
}

#[test]
fn a_pattern_is_folded_as_names_are() {
    check(
        "/^ADS[0-9]/\n||TRACK*.Example^\n",
        &["ads1.example", "Track1.EXAMPLE"],
        &["ads.example"],
    );
}

#[test]
fn an_exception_opens_what_a_pattern_closes() {
    check_both("/^ads[0-9]/", "@@||ads1.example^", &["ads2.example"], &["ads1.example"]);
    check_both("/^ads[0-9]/", "@@||x.example^", &["ads2.example"], &["ads1.x.example"]);
    check_both("||ads*.example^$important", "@@||ads1.example^", &["ads1.example"], &[]);
}

#[test]
fn a_pattern_of_an_exception_opens_names_of_rules() {
    check_both("||ads1.example^", "@@/^ads[0-9]/", &[], &["ads1.example"]);
}

#[test]
fn a_pattern_that_denyallow_limits_leaves_those_open() {
    check(
        "||ads*^$denyallow=example\n",
        &["ads.test", "a.ads1.test"],
        &["ads.example", "ads1.example"],
    );
}

// === Reports ===

#[test]
fn a_list_of_rules_as_they_are_is_counted_to_the_last_line() {
    let rules = "[Adblock Plus 2.0]\n! Title: made up\n!\n||one.example^\n||Two.Example^$important\n\
        |three.example^\n@@||shop.example^\n||four.example^$third-party\n\
        ||five.example^$dnstype=~CNAME\n||six.example/ads\nseven.example##.banner\n\
        ||192.0.2.7^\n192.0.2.7 bank.example\n0.0.0.0 eight.example\n||com^\n||com.gt\n\
        /a(?=b)/\nnine.example # note\n||a..b^\n||one.example^$badfilter\n";
    let (index, reports) = compile(&[rules]);
    let report = &reports[0];
    assert_eq!((report.taken, index.len()), (4, 4));
    assert_eq!(
        report.skipped_kinds,
        [
            (Skip::Address, 2),
            (Skip::Path, 1),
            (Skip::Cosmetic, 1),
            (Skip::Modifier, 2),
            (Skip::Pattern, 1),
            (Skip::Disabled, 1),
            (Skip::NotAName, 1),
        ]
    );
    assert_eq!(
        (report.refused_count, &report.refused[..]),
        (2, &["com".into(), "com.gt".into()][..])
    );
}

#[test]
fn a_search_names_the_rule_and_not_the_exception() {
    let rules = "||x.example^\n@@||a.x.example^\n||b.x.example^$important\n";
    assert_eq!(lines(rules, "b.x.example"), [1, 3]);
    assert_eq!(lines(rules, "a.x.example"), [0_usize; 0]);
}

#[test]
fn an_important_exception_of_a_pattern_opens_important_rules() {
    let rules = "||ads1.example^$important\n||ads*.x.example^$important\n@@/^ads[0-9]/$important\n";
    check(rules, &["adsa.x.example"], &["ads1.example", "ads2.x.example"]);
    let rules = "||ads1.example^$important\n@@/^ads[0-9]/\n";
    check(rules, &["ads1.example"], &[]);
}

proptest! {
    #[test]
    fn no_octets_upset_a_list_of_rules(
        text in proptest::collection::vec(prop_oneof![
            Just("||x.example^".to_owned()), Just("\n".to_owned()), Just("@@".to_owned()),
            Just("$badfilter".to_owned()), Just("$important".to_owned()), Just("/x./".to_owned()),
            Just("$denyallow=a.x.example".to_owned()), "[ -~ñ]{0,10}",
        ], 0..30),
    ) {
        let text: Cow<'_, str> = Cow::Owned(text.concat());
        let (index, _) = compile(&[&text]);
        let _ = index.tags_of(&name("a.x.example"));
        lines(&text, "a.x.example");
    }
}
