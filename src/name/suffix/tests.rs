//! The rules, and that they are applied as publicsuffix.org says, and as the crate `psl` does.

use std::collections::HashMap;

use proptest::prelude::*;
use psl::{Psl as _, Type};

use super::*;

/// What the crate says.
fn published(name: &Name) -> PublicSuffix {
    let labels: Vec<&[u8]> =
        name.suffixes().map(|suffix| &suffix[1..=usize::from(suffix[0])]).collect();
    let found = psl::List.find(labels.iter().rev().copied());
    // It answers in octets of text: labels and the dots between them.
    let mut octets = 0;
    let fits = |label: &&&[u8]| {
        octets += label.len() + usize::from(octets > 0);
        octets <= found.len
    };
    let labels = labels.iter().rev().take_while(fits).count();
    let of = found.typ.map(|kind| match kind {
        Type::Icann => SuffixOf::Registry,
        Type::Private => SuffixOf::Company,
    });
    PublicSuffix { labels, of }
}

fn rules() -> Vec<Rule> {
    RULES.lines().filter_map(Rule::of).collect()
}

/// Each rule as it is published.
static LINES: LazyLock<HashMap<String, SuffixOf>> = LazyLock::new(|| {
    let written = |rule: Rule| {
        let before = match rule.says {
            Says::Suffix => "",
            Says::Below => "*.",
            Says::Except => "!",
        };
        (format!("{before}{}", rule.name), rule.of)
    };
    rules().into_iter().map(written).collect()
});

/// The longest rule that matches, an exception before all others: word for word as the list's
/// keepers tell it.
fn by_the_book(name: &Name) -> PublicSuffix {
    let suffixes: Vec<String> =
        (1..=name.label_count()).rev().map(|labels| name.last_labels(labels).to_string()).collect();
    let labels = |suffix: &str| suffix.split('.').count();
    let say = |rule: &str| LINES.get(rule).copied();
    for suffix in &suffixes {
        if let Some(of) = say(&format!("!{suffix}")) {
            return PublicSuffix { labels: labels(suffix) - 1, of: Some(of) };
        }
    }
    for suffix in &suffixes {
        let below = || suffix.split_once('.').and_then(|(_, parent)| say(&format!("*.{parent}")));
        if let Some(of) = say(suffix).or_else(below) {
            return PublicSuffix { labels: labels(suffix), of: Some(of) };
        }
    }
    PublicSuffix { labels: 1, of: None }
}

/// Whether the crate forgets a star: it does (2.1.247) where longer rules begin like the name, as
/// with `*.run.app` and `*.mtls.run.app` for `mtls.run.app`.
fn is_forgotten(name: &Name) -> bool {
    (2..=name.label_count()).any(|labels| {
        let suffix = name.last_labels(labels).to_string();
        let parent = name.last_labels(labels - 1);
        let longer = || LINES.keys().any(|rule| rule.ends_with(&format!(".{suffix}")));
        LINES.contains_key(&format!("*.{parent}")) && !LINES.contains_key(&suffix) && longer()
    })
}

/// The list as it is published (`public_suffix_list.dat`), in our form.
fn compact(published: &str) -> String {
    let mut lines = Vec::new();
    let mut mark = "";
    for line in published.lines().map(str::trim) {
        if line.contains("===BEGIN PRIVATE DOMAINS===") {
            mark = "+";
        }
        if line.is_empty() || line.starts_with("//") {
            continue;
        }
        let at = line.find(|c| !"!*.".contains(c)).unwrap();
        let name = Name::parse(&line[at..]).unwrap().to_string();
        lines.push(format!("{}{name}{mark}", &line[..at]));
    }
    let from_the_right = |line: &String| -> Vec<String> {
        line.trim_matches(['!', '+']).rsplit('.').map(str::to_owned).collect()
    };
    lines.sort_by_cached_key(from_the_right);
    lines.join("\n") + "\n"
}

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
        ("ck", 1, None),
        ("com.ck", 2, Some(SuffixOf::Registry)),
        ("a.com.ck", 2, Some(SuffixOf::Registry)),
        ("www.ck", 1, Some(SuffixOf::Registry)),
        ("a.www.ck", 1, Some(SuffixOf::Registry)),
        ("www.食狮.公司.cn", 2, Some(SuffixOf::Registry)),
        ("tv.lan", 1, None),
    ] {
        let name = Name::parse(text).unwrap();
        assert_eq!(name.public_suffix(), PublicSuffix { labels, of }, "{text}");
    }
    assert_eq!(Name::ROOT.public_suffix(), PublicSuffix { labels: 0, of: None });
}

#[test]
fn every_rule_is_applied_at_its_name_above_and_below() {
    for rule in rules() {
        for before in ["", "x.", "www.", "x.y.", "x.y.z."] {
            let name = Name::parse(&format!("{before}{}", rule.name)).unwrap();
            for labels in 1..=name.label_count() {
                let name = name.last_labels(labels);
                assert_eq!(name.public_suffix(), by_the_book(&name), "{name}");
                if name.public_suffix() != published(&name) {
                    assert!(is_forgotten(&name), "{name}");
                }
            }
        }
    }
}

/// `SUFFIX_LIST=public_suffix_list.dat cargo test --lib the_rules_are_in_order` writes the rules anew,
/// from the list as it is published.
#[test]
fn the_rules_are_in_order_fit_the_table_and_have_no_more_labels_than_are_looked_at() {
    if let Ok(list) = std::env::var("SUFFIX_LIST") {
        let rules = compact(&std::fs::read_to_string(list).unwrap());
        let comments = RULES.split_inclusive('\n').filter(|line| line.starts_with('#'));
        let comments: String = comments.collect();
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/blocklists/suffixes.txt");
        std::fs::write(file, comments + &rules).unwrap();
    }
    let rules = rules();
    let kept = RULES.split_inclusive('\n').filter(|line| !line.starts_with('#'));
    assert_eq!(kept.clone().count(), rules.len());
    assert!(RULES.starts_with('#') && rules.len() * 3 / 2 < PLACES);
    assert!(u32::try_from(RULES.len()).unwrap() <= START);
    for rule in &rules {
        let stars = usize::from(rule.says == Says::Below);
        assert!(Name::parse(rule.name).unwrap().label_count() + stars < LABELS_MAX, "{rule:?}");
    }
    let mut seen: Vec<_> = rules.iter().map(|rule| (rule.name, rule.says as u8)).collect();
    seen.sort_unstable();
    assert!(seen.windows(2).all(|pair| pair[0] != pair[1]), "a rule stands there twice");
    // As one would write them: stars and marks change nothing.
    let of_companies = |line: &&str| line.ends_with("+\n");
    let registries: String = kept.clone().filter(|line| !of_companies(line)).collect();
    let companies: String = kept.clone().filter(of_companies).collect();
    let published =
        format!("{registries}// ===BEGIN PRIVATE DOMAINS===\n{}", companies.replace('+', ""));
    assert_eq!(compact(&published), kept.collect::<String>());
}

#[test]
fn the_list_as_it_is_published_is_read() {
    let published = "// ===BEGIN ICANN DOMAINS===\n\n// cn : x\ncn\n公司.cn\n*.ck\n!www.ck\n\
                     // ===BEGIN PRIVATE DOMAINS===\ngithub.io\n*.x.cn\n";
    assert_eq!(compact(published), "*.ck\n!www.ck\ncn\n*.x.cn+\nxn--55qx5d.cn\ngithub.io+\n");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn names_of_labels_of_the_list_have_the_suffix_that_book_and_crate_say(
        places in proptest::collection::vec((any::<usize>(), any::<usize>()), 1..7),
    ) {
        let rules = rules();
        let label = |(rule, label): &(usize, usize)| {
            let labels: Vec<_> = rules[rule % rules.len()].name.split('.').collect();
            labels[label % labels.len()]
        };
        let first = rules[places[0].0 % rules.len()].name;
        let others = || places.iter().map(label).collect::<Vec<_>>().join(".");
        for text in [others(), format!("{}.{first}", others())] {
            let Ok(name) = Name::parse(&text) else { continue };
            prop_assert_eq!(name.public_suffix(), by_the_book(&name), "{}", text);
            prop_assert!(name.public_suffix() == published(&name) || is_forgotten(&name), "{}", text);
        }
    }

    #[test]
    fn any_octets_have_the_suffix_that_the_crate_says(
        labels in proptest::collection::vec("[a-c.*!+_-]{1,3}|[ -~]{1,63}|com|ck|jp|kobe", 1..6),
    ) {
        let mut wire = Vec::new();
        for label in &labels {
            wire.push(u8::try_from(label.len()).unwrap());
            wire.extend_from_slice(label.as_bytes());
        }
        wire.push(0);
        if let Ok(name) = Name::from_wire(&wire) {
            prop_assert_eq!(name.public_suffix(), published(&name), "{}", name);
        }
    }
}
