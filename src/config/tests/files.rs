//! The files that come with the program, the registry, and nonsense.

use proptest::prelude::*;

use super::super::registry::{Key, Shape, TABLES, Table};
use super::super::{EMBEDDED, schema};
use super::{config, load, passes};

const EXAMPLES: [(&str, &str, usize); 5] = [
    ("minimal", include_str!("../../../config/examples/minimal.toml"), 0),
    ("family", include_str!("../../../config/examples/family.toml"), 1),
    ("teenager", include_str!("../../../config/examples/teenager.toml"), 1),
    ("school", include_str!("../../../config/examples/school.toml"), 3),
    ("router", include_str!("../../../config/examples/router.toml"), 0),
];

/// The embedded file with its settings no longer commented out.
fn uncommented() -> String {
    let lines = EMBEDDED.lines().map(|line| match line.strip_prefix('#') {
        Some(rest) if !rest.is_empty() && !rest.starts_with(' ') => rest,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The lines below a header, up to the next one.
fn section(header: &str) -> String {
    let text = uncommented();
    let below = text.lines().skip_while(|line| *line != header).skip(1);
    below.take_while(|line| !line.starts_with('[')).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_examples_pass_and_warn_only_where_they_say_so() {
    for (name, text, warnings) in EXAMPLES {
        let checked = passes(text);
        assert_eq!(checked.warnings.len(), warnings, "{name}: {}", checked.warnings.render(false));
    }
}

#[test]
fn the_embedded_file_says_what_holds_without_any_file() {
    // Without the sets of names, which print in any order.
    let whole = |text| {
        let config = config(text);
        let house = config.household;
        let people = format!("{} {:?} {:?}", house.language, house.zone, house.subjects);
        let rest = (config.devices, config.lists, config.journal, config.state_directory);
        format!("{people} {:?} {rest:?} {:?} {:?}", config.dns, config.country, config.name)
    };
    assert!(whole(EMBEDDED) == whole(""), "config/amparo.toml sets something");
}

#[test]
fn every_commented_setting_passes_when_it_is_used() {
    passes(&uncommented());
}

#[test]
fn the_commented_defaults_are_the_defaults() {
    let settings = ["dns", "journal"].map(|table| {
        let kept = section(&format!("[{table}]"));
        // By age, and for adults off: that is no single value.
        let kept = kept.lines().filter(|line| !line.starts_with("level ="));
        format!("[{table}]\n{}\n", kept.collect::<Vec<_>>().join("\n"))
    });
    let written = passes(&settings.concat()).config;
    let silent = config("");
    assert_eq!(written.journal, silent.journal);
    assert_eq!(
        written.dns.listen.as_deref().map(<[_]>::len),
        Some(2),
        "silence means 53 or, where that may not be bound, 5353"
    );
    let sorted = |mut ranges: Vec<_>| {
        ranges.sort();
        ranges
    };
    let mut written = written.dns;
    written.listen = None;
    // The machine's own networks are served while the ranges are left unwritten.
    written.own_networks = true;
    written.allow_from = sorted(written.allow_from);
    let mut silent = silent.dns;
    silent.allow_from = sorted(silent.allow_from);
    assert_eq!(written, silent);
}

#[test]
fn the_embedded_file_mentions_every_key_below_its_table() {
    fn headers(table: &Table) -> Vec<String> {
        let text = uncommented();
        let prefix =
            if table.by_id { format!("[{}.", table.name) } else { format!("[{}]", table.name) };
        text.lines().filter(|line| line.starts_with(&prefix)).map(str::to_owned).collect()
    }
    fn mentions(below: &str, key: &Key) -> bool {
        below.lines().any(|line| {
            line.strip_prefix(key.name).is_some_and(|rest| rest.trim_start().starts_with('='))
        })
    }
    for table in TABLES {
        let headers = headers(table);
        assert!(!headers.is_empty(), "config/amparo.toml has no [{}]", table.name);
        let mut shown: Vec<String> = headers.iter().map(|header| section(header)).collect();
        // What people have a profile has too: each key is shown once, below one of the two.
        if ["child", "adult", "profile"].contains(&table.name) {
            shown.extend([section("[child.sofia]"), section("[profile.teens]")]);
        }
        let below = shown.join("\n");
        for key in table.keys() {
            let inner = match key.shape {
                Shape::Table(inner) => Some((section(&format!("[{}]", inner.name)), inner)),
                Shape::Tables(inner) => {
                    Some((section(&format!("[[child.sofia.{}]]", key.name)), inner))
                }
                Shape::Flag
                | Shape::Number(..)
                | Shape::Age
                | Shape::Text
                | Shape::Choice(_)
                | Shape::Duration
                | Shape::Texts
                | Shape::Bedtime
                | Shape::Budget
                | Shape::Records => None,
            };
            match inner {
                Some((mentioned, inner)) => {
                    for key in inner.keys() {
                        assert!(mentions(&mentioned, key), "{}: {}", inner.name, key.name);
                    }
                }
                None => assert!(mentions(&below, key), "[{}]: {}", table.name, key.name),
            }
        }
    }
}

#[test]
fn every_key_has_a_good_example_and_stands_once() {
    for table in TABLES {
        let mut names: Vec<&str> = table.keys().map(|key| key.name).collect();
        for key in table.keys() {
            assert!(key.doc.ends_with('.') || key.doc.ends_with("none"), "{}", key.name);
            // What a message shows as right must have the right shape.
            let header = if table.by_id {
                format!("[{}.x]", table.name)
            } else {
                format!("[{}]", table.name)
            };
            let text = format!("{header}\n{} = {}\n", key.name, key.example);
            if let Err(report) = load(&text) {
                let report = report.render(false);
                assert!(!report.contains("write it like"), "{report}");
                assert!(!report.contains("has no key"), "{report}");
            }
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "[{}] has a key twice", table.name);
    }
}

#[test]
fn the_schema_that_is_checked_in_is_that_of_the_registry() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/config/amparo.schema.json");
    let text = schema::text();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let checked_in = std::fs::read_to_string(path).unwrap();
    assert!(checked_in == text, "run the tests with UPDATE=1 to write the schema anew");
}

proptest! {
    #[test]
    fn any_text_passes_or_is_reported(text in ".{0,200}") {
        if let Err(report) = load(&text) {
            prop_assert!(!report.is_empty());
            prop_assert!(!report.render(true).is_empty());
        }
    }

    #[test]
    fn a_file_with_slips_passes_or_is_reported(
        which in 0..6_usize,
        slips in proptest::collection::vec((any::<prop::sample::Index>(), 0..3_u8, any::<char>()), 1..6),
    ) {
        let text = EXAMPLES.get(which).map_or_else(uncommented, |(_, text, _)| (*text).to_owned());
        let mut letters: Vec<char> = text.chars().collect();
        for (place, what, letter) in slips {
            let place = place.index(letters.len());
            match what {
                0 => letters[place] = letter,
                1 => letters.insert(place, letter),
                _ => { letters.remove(place); }
            }
        }
        let text: String = letters.into_iter().collect();
        if let Err(report) = load(&text) {
            let rendered = report.render(false);
            prop_assert!(rendered.contains("error: "), "{rendered}");
            let escape = '\u{1b}';
            prop_assert!(!rendered.contains(escape));
            prop_assert_eq!(report.to_json().as_array().map(Vec::len), Some(report.len()));
        }
    }
}
