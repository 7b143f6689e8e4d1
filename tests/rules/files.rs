//! The files that come with the program, and files that are no config.

use std::path::PathBuf;

use amparo::config::{self, Origin};
use amparo::house::{Copies, House};

use super::{check, system};
use crate::harness::Home;

// === The files that come with the program ===

#[test]
fn the_examples_pass_with_the_real_catalogue_and_warn_where_they_say_so() {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/config/examples"));
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("it is ours") {
        let path = entry.expect("readable").path();
        let text = std::fs::read_to_string(&path).expect("text");
        let checked = config::load(&text, &Origin::File(path.clone()), &system())
            .unwrap_or_else(|report| panic!("{}", report.render(false)));
        let expected = match path.file_name().and_then(|name| name.to_str()) {
            Some("family.toml" | "teenager.toml") => 1,
            Some("school.toml") => 3,
            _ => 0,
        };
        assert_eq!(checked.warnings.len(), expected, "{}", checked.warnings.render(false));
        let home = Home::new();
        let house = House::open(checked.config, &home.state(), Copies::LookOnly);
        assert!(house.lists.iter().all(|list| list.trouble.is_none()), "{}", path.display());
        count += 1;
    }
    assert_eq!(count, 5);
    let embedded = config::load(config::EMBEDDED, &Origin::Embedded, &system());
    assert!(embedded.is_ok_and(|checked| checked.warnings.is_empty()));
}

#[test]
fn the_family_of_the_readme_is_as_it_reads() {
    let text = include_str!("../../config/examples/family.toml");
    let checked = config::load(text, &Origin::Embedded, &system())
        .unwrap_or_else(|report| panic!("{}", report.render(false)));
    let home = Home::new();
    let house = House::open(checked.config, &home.state(), Copies::LookOnly);
    check(
        &house,
        "
        sofia mon 20:30 es.wikipedia.org => block schedule bedtime
        sofia mon 12:00 es.wikipedia.org => allow default
        mateo mon 21:30 www.tiktok.com   => block service tiktok
        mateo mon 21:30 www.youtube.com  => rewrite safe_search youtube_moderate
        ana   mon 21:30 www.tiktok.com   => allow default
        ",
    );
}

// === A file that is no config ===

#[test]
fn what_is_no_text_says_what_it_is() {
    let home = Home::new();
    let check = |octets: &[u8]| {
        std::fs::write(home.config(), octets).expect("the directory is ours");
        home.amparo(&["check"])
    };
    for (octets, expected) in [
        (&b"\xff\xfe[\0c\0h\0"[..], "it is UTF-16 text: save it as UTF-8"),
        (b"# x\n# Sof\xeda\n", "line 2 holds a letter that is not UTF-8"),
        (b"[child.sofia]\nage = 9\n\0\0", "line 3 holds a NUL octet"),
        (&vec![b'a'; config::TEXT_OCTETS_MAX + 1], "larger than 4 MiB"),
    ] {
        let output = check(octets);
        assert_eq!(output.exit, 3, "{output:?}");
        assert!(output.stderr.contains(expected), "{}", output.stderr);
    }
    assert_eq!(check(b"").exit, 0);
    assert_eq!(check(b"\xef\xbb\xbf[child.sofia]\r\nage = 9\r\n").exit, 0);
    let directory = home.bare(&["check", "."]);
    assert!(directory.stderr.contains("it is a directory"), "{}", directory.stderr);
}

#[test]
fn a_line_without_end_is_shown_in_part() {
    let text =
        format!("[child.kid]\nage = 9\nblock = [{}\"tiktokk\"]", "\"a.example\", ".repeat(9_000));
    let report = config::load(&text, &Origin::Embedded, &system()).expect_err("a slip");
    let shown = report.render(false);
    assert!(shown.contains("did you mean `tiktok`?") && shown.len() < 2_000, "{shown}");
}
