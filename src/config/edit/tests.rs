//! What an edit leaves as it was, and what it says in the end.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::super::EMBEDDED;
use super::super::read::{entries, texts};
use super::*;
use crate::words::Language;

fn system() -> System {
    System { language: Language::En, zone: TimeZone::UTC, zone_name: Some("UTC".to_owned()) }
}

fn origin() -> Origin {
    Origin::File("/etc/amparo/amparo.toml".into())
}

fn edit(text: &str, allow: bool, word: &str) -> Result<Edited, Wrong> {
    let change = if allow { Change::Allow } else { Change::Block };
    apply(text, &Edit { person: "sofia", word, change }, &system(), &origin())
}

#[track_caller]
fn edited(text: &str, allow: bool, word: &str) -> String {
    match edit(text, allow, word) {
        Ok(Edited::Changed(text)) => text,
        Ok(Edited::AlreadySo) => text.to_owned(),
        Err(wrong) => panic!("{wrong}"),
    }
}

/// `+word` allows, `-word` blocks.
#[track_caller]
fn check(text: &str, change: &str, expected: &str) {
    let after = edited(text, change.starts_with('+'), &change[1..]);
    assert_eq!(after, expected);
    if !text.contains('\n') {
        return;
    }
    let with_crlf = |text: &str| text.replace('\n', "\r\n");
    let after = edited(&with_crlf(text), change.starts_with('+'), &change[1..]);
    assert_eq!(after, with_crlf(expected), "with the line ends of Windows");
}

#[test]
fn a_key_that_is_missing_comes_below_the_last_of_the_table() {
    check(
        "[child.sofia]\nage = 9 # años\n\n# Mateo\n[child.mateo]\nage = 14\n",
        "+youtube",
        "[child.sofia]\nage = 9 # años\nallow = [\"youtube\"]\n\n# Mateo\n[child.mateo]\nage = 14\n",
    );
    check("[child.sofia]\n", "-x.com", "[child.sofia]\nblock = [\"x.com\"]\n");
    check(
        "[child.sofia]\nage=9\n[child.sofia.budget]\nyoutube = \"1h\"\n",
        "-tiktok",
        "[child.sofia]\nage=9\nblock=[\"tiktok\"]\n[child.sofia.budget]\nyoutube = \"1h\"\n",
    );
    check("[adult.sofia]", "-tiktok", "[adult.sofia]\nblock = [\"tiktok\"]");
}

#[test]
fn a_device_is_given_to_somebody_and_to_nobody_else() {
    let given = |text: &str, word: &str| {
        let edit = Edit { person: "sofia", word, change: Change::Device };
        apply(text, &edit, &system(), &origin())
    };
    for (text, expected) in [
        (
            "[child.sofia]\nage = 9 # nine\nbedtime = \"20:00-06:00\"\n",
            "[child.sofia]\nage = 9 # nine\ndevices = [\"3c:22:fb:12:34:56\"]\nbedtime = \"20:00-06:00\"\n",
        ),
        (
            "[child.sofia]\nage = 9\ndevices = \"192.168.1.5\" # tablet\n",
            "[child.sofia]\nage = 9\ndevices = [\"192.168.1.5\", \"3c:22:fb:12:34:56\"] # tablet\n",
        ),
        (
            "[child.sofia]\nage = 9\n[adult.ana]\n# hers\ndevices = [\"3C-22-FB-12-34-56\", \"10.0.0.1\"]\n",
            "[child.sofia]\nage = 9\ndevices = [\"3c:22:fb:12:34:56\"]\n[adult.ana]\n# hers\ndevices = [\"10.0.0.1\"]\n",
        ),
        (
            "[child.sofia]\nage = 9\n[child.mateo]\nage = 14\ndevices = \"3c:22:fb:12:34:56\"\n",
            "[child.sofia]\nage = 9\ndevices = [\"3c:22:fb:12:34:56\"]\n[child.mateo]\nage = 14\n",
        ),
    ] {
        let changed = Edited::Changed(expected.to_owned());
        assert_eq!(given(text, "3c:22:fb:12:34:56").unwrap(), changed);
        assert_eq!(given(expected, "3c:22:fb:12:34:56").unwrap(), Edited::AlreadySo);
    }
    let text = "[child.sofia]\nage = 9\n";
    assert!(matches!(given(text, "a phone"), Err(Wrong::Word { .. })));
    assert!(matches!(given(text, "host:"), Err(Wrong::Word { .. })));
    let host = "[child.sofia]\nage = 9\ndevices = [\"host:sofia-tablet\"]\n";
    assert_eq!(given(text, "host:sofia-tablet").unwrap(), Edited::Changed(host.to_owned()));
}

#[test]
fn a_key_that_is_missing_is_aligned_with_the_other() {
    check(
        "[child.sofia]\nage     = 9\nblock   = [\"x.com\"]\ndevices = []\n",
        "+youtube",
        "[child.sofia]\nage     = 9\nblock   = [\"x.com\"]\nallow   = [\"youtube\"]\ndevices = []\n",
    );
    check(
        "  [child.sofia]\n  age = 9\n",
        "+youtube",
        "  [child.sofia]\n  age = 9\n  allow = [\"youtube\"]\n",
    );
}

#[test]
fn a_word_is_turned_round_where_it_stands() {
    check(
        "[child.sofia]\nblock   = [\"tiktok\"] # hasta los 13\n",
        "+tiktok",
        "[child.sofia]\nallow   = [\"tiktok\"] # hasta los 13\n",
    );
    check("[child.sofia]\nblock = 'x.com'\n", "+X.com", "[child.sofia]\nallow = 'x.com'\n");
}

#[test]
fn one_text_becomes_an_array() {
    check(
        "[child.sofia]\nallow = 'x.com' # sí\n",
        "+youtube",
        "[child.sofia]\nallow = ['x.com', 'youtube'] # sí\n",
    );
}

#[test]
fn an_array_keeps_its_form() {
    let with = |array: &str| format!("[child.sofia]\nage = 9\nallow = {array}\ndevices = []\n");
    for (before, after) in [
        ("[]", "[\"x.com\"]"),
        ("[ ]", "[\"x.com\"]"),
        ("[\"a.b\"]", "[\"a.b\", \"x.com\"]"),
        ("['a.b', ]", "['a.b', 'x.com', ]"),
        ("[ \"a.b\" ]", "[ \"a.b\", \"x.com\" ]"),
        ("[\n  \"a.b\",\n]", "[\n  \"a.b\",\n  \"x.com\",\n]"),
        ("[\n  \"a.b\"\n]", "[\n  \"a.b\",\n  \"x.com\"\n]"),
        ("[\n\t\"a.b\", # uno\n\t# fin\n]", "[\n\t\"a.b\", # uno\n\t\"x.com\",\n\t# fin\n]"),
        ("[\n  \"a.b\" # uno, dos\n]", "[\n  \"a.b\", # uno, dos\n  \"x.com\"\n]"),
        ("[\"a.b\",\n \"c.d\"]", "[\"a.b\",\n \"c.d\", \"x.com\"]"),
        ("[\n  \"a.b\", \"c.d\",\n]", "[\n  \"a.b\", \"c.d\", \"x.com\",\n]"),
        ("[\n  \"a.b\" # uno\n  , # raro\n]", "[\n  \"a.b\" # uno\n  , \"x.com\", # raro\n]"),
        ("[\n  # nada aún\n]", "[\n  # nada aún\n    \"x.com\",\n]"),
    ] {
        check(&with(before), "+x.com", &with(after));
    }
}

#[test]
fn a_word_is_taken_out_with_its_comma_and_its_line() {
    let with =
        |allow: &str, block: &str| format!("[child.sofia]\nallow = [{allow}]\nblock = {block}\n");
    for (before, after) in [
        ("[\"x.com\", \"a.b\"]", "[\"a.b\"]"),
        ("[\"a.b\", \"x.com\"]", "[\"a.b\"]"),
        ("[\"a.b\", \"x.com\", \"c.d\"]", "[\"a.b\", \"c.d\"]"),
        ("[\"a.b\", \"x.com\", \"X.com.\"]", "[\"a.b\"]"),
        ("[ \"a.b\", \"x.com\" ]", "[ \"a.b\" ]"),
        ("[\n  \"a.b\",\n  \"x.com\",\n]", "[\n  \"a.b\",\n]"),
        ("[\n  \"a.b\",\n  \"x.com\"\n]", "[\n  \"a.b\"\n]"),
        ("[\n  \"x.com\", # no\n  # otros\n  \"a.b\",\n]", "[\n  # otros\n  \"a.b\",\n]"),
        ("[\n  \"a.b\", \"x.com\",\n  \"c.d\",\n]", "[\n  \"a.b\",\n  \"c.d\",\n]"),
        ("[\"a.b\",\n \"x.com\"]", "[\"a.b\"\n]"),
        // Its comment keeps the brackets.
        ("[\n  # redes\n  \"x.com\",\n]", "[\n  # redes\n]"),
        ("[\"a.b\", \"=x.com\"]", "[\"a.b\"]"),
    ] {
        check(&with("'y.z'", before), "+x.com", &with("'y.z', 'x.com'", after));
    }
}

#[test]
fn a_key_that_is_empty_then_goes_and_the_comment_above_it_stays() {
    check(
        "[child.sofia]\nallow = [\"a.b\"]\n# redes\nblock = [\"x.com\"] # no\nage = 9\n",
        "+x.com",
        "[child.sofia]\nallow = [\"a.b\", \"x.com\"]\n# redes\nage = 9\n",
    );
}

#[test]
fn tables_are_found_however_they_are_written() {
    for (before, after) in [
        ("child = { sofia = { age = 9 } }", "child = { sofia = { age = 9, block = [\"x.com\"] } }"),
        ("child = { sofia.age = 9 }", "child = { sofia.age = 9, sofia.block = [\"x.com\"] }"),
        ("child.sofia = {}", "child.sofia = { block = [\"x.com\"] }"),
        ("child.sofia.age = 9", "child.sofia.age = 9\nchild.sofia.block = [\"x.com\"]"),
        (
            "[child]\nsofia.age = 9\nleo.age = 3\n",
            "[child]\nsofia.age = 9\nsofia.block = [\"x.com\"]\nleo.age = 3\n",
        ),
        (
            "[child]\nsofia . budget.games = \"1h\"\nleo.age = 3\n",
            "[child]\nsofia . budget.games = \"1h\"\nsofia . block = [\"x.com\"]\nleo.age = 3\n",
        ),
        (
            "[child]\nsofia = { allow = [\"x.com\"], age = 9 }\n",
            "[child]\nsofia = { block = [\"x.com\"], age = 9 }\n",
        ),
        (
            "[child]\nsofia = { block = 'a.b', allow = [\"x.com\"] }\n",
            "[child]\nsofia = { block = ['a.b', 'x.com'] }\n",
        ),
        (
            "[child]\nsofia = { allow = [\"x.com\"], block = 'a.b' }\n",
            "[child]\nsofia = { block = ['a.b', 'x.com'] }\n",
        ),
        (
            "[[child.sofia.schedule]]\ntime = \"15:00-16:00\"\nblock = \"games\"\n",
            "[[child.sofia.schedule]]\ntime = \"15:00-16:00\"\nblock = \"games\"\n\n[child.sofia]\nblock = [\"x.com\"]\n",
        ),
    ] {
        check(before, "-x.com", after);
    }
}

#[test]
fn what_the_file_says_already_is_left_alone() {
    let text = "[child.sofia]\nallow = [\"x.com\", \"youtube\"]\nblock = \"=www.x.com\"\n";
    assert_eq!(edit(text, true, "x.com").unwrap(), Edited::AlreadySo);
    assert_eq!(edit(text, true, " youtube ").unwrap(), Edited::AlreadySo);
    assert!(matches!(edit(text, true, "=x.com").unwrap(), Edited::Changed(_)));
}

#[test]
fn what_cannot_be_done_says_what_to_do() {
    let text = "[child.sofia]\nage = 9\n";
    let why = |text, person, word| {
        let wrong =
            apply(text, &Edit { person, word, change: Change::Allow }, &system(), &origin());
        wrong.unwrap_err().to_string()
    };
    assert_eq!(
        why(text, "sofi", "x.com"),
        "nobody is called `sofi` in the config file: did you mean `sofia`?"
    );
    assert_eq!(
        why(text, "sofia", "youtub"),
        "there is no category or service `youtub`: did you mean `youtube`?"
    );
    assert!(why(text, "sofia", "https://x.com/").contains("write `x.com`"));
    assert!(why(text, "sofia", "everything").contains("write `internet`"));
    assert!(why(text, "sofia", "x\"]\nage = 3").starts_with("there is no category or service"));
    assert!(why("[child.sofia]\nage = 99\n", "sofia", "x.com").contains("mended first"));
}

#[test]
fn the_example_file_is_edited_with_its_settings_in_use() {
    let text: String = EMBEDDED
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if !rest.is_empty() && !rest.starts_with(' ') => format!("{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let after = edited(&text, true, "tiktok");
    let changed: Vec<(&str, &str)> =
        text.lines().zip(after.lines()).filter(|(before, after)| before != after).collect();
    assert!(changed.len() > 1, "the line of `block` went");
    assert!(after.contains("allow = [\"whatsapp\", \"tiktok\"]    "), "{after}");
    assert!(!after.contains("\nblock = [\"tiktok\"]"));
}

// === Any file ===

/// What `allow` and `block` of the person say, by what it means.
fn meaning(text: &str) -> [BTreeSet<String>; 2] {
    let (document, errors) = DeTable::parse_recoverable(text);
    assert!(errors.is_empty(), "{text}");
    ["allow", "block"].map(|key| {
        let child = entries(document.get_ref(), "child").into_iter().find(|e| e.id.text == "sofia");
        let words = child.and_then(|child| {
            Some(texts(child.table, key)?.into_iter().map(|word| word.text.to_owned()).collect())
        });
        words.unwrap_or_default()
    })
}

/// Arrays of words as people write them.
fn array() -> impl Strategy<Value = String> {
    let item = (
        prop::sample::select(vec!["x.com", "=x.com", "tiktok", "b.example", "games"]),
        prop::sample::select(vec!["\"", "'"]),
        prop::sample::select(vec!["", "", "\n  ", "\n\t# una nota, con coma\n\t"]),
        prop::sample::select(vec!["", " ", " # nota ]\n  "]),
        prop::sample::select(vec!["", " ", " # otra\n"]),
    );
    (prop::collection::vec(item, 0..5), prop::sample::select(vec!["", ",", ",\n", "\n"])).prop_map(
        |(items, end)| {
            let count = items.len();
            let mut out = "[".to_owned();
            for (place, (word, quote, before, comma, behind)) in items.into_iter().enumerate() {
                let _ = write!(out, "{before}{quote}{word}{quote}{comma}");
                if place + 1 < count {
                    out.push(',');
                    out.push_str(behind);
                }
            }
            if count > 0 || !end.starts_with(',') {
                out.push_str(end);
            }
            out.push(']');
            out
        },
    )
}

fn any_file() -> impl Strategy<Value = String> {
    let key = |key: &'static str| {
        prop::option::of(array()).prop_map(move |array| {
            array
                .map(|array| format!("# sobre {key}\n{key}   = {array} # fin\n"))
                .unwrap_or_default()
        })
    };
    let tail =
        "\n# El segundo\n[child.leo]\nage = 3 # tres\nblock = [\"x.com\",\n \"b.example\"]\n";
    (key("allow"), key("block"), any::<bool>(), any::<bool>()).prop_map(
        move |(allow, block, turned, crlf)| {
            let (first, second) = if turned { (block, allow) } else { (allow, block) };
            let text = format!("[child.sofia]\n{first}age = 9\n{second}{tail}");
            if crlf { text.replace('\n', "\r\n") } else { text }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn an_edit_says_its_word_and_nothing_else(
        text in any_file(),
        allow in any::<bool>(),
        word in prop::sample::select(vec!["x.com", "tiktok", "other.example"]),
    ) {
        // The same word in both is refused before anything is edited.
        prop_assume!(load(&text, &origin(), &system()).is_ok());
        let after = edited(&text, allow, word);
        let [mut said, mut against] = meaning(&text);
        if !allow { std::mem::swap(&mut said, &mut against); }
        said.insert(word.to_owned());
        against.remove(word);
        against.remove(&format!("={word}"));
        let [mut now_said, mut now_against] = meaning(&after);
        if !allow { std::mem::swap(&mut now_said, &mut now_against); }
        prop_assert_eq!(&now_said, &said, "{}", after);
        prop_assert_eq!(&now_against, &against, "{}", after);

        // Comments on lines of their own, and everybody else, are as they were.
        let notes = |text: &str| -> Vec<String> {
            let is_note = |line: &&str| line.trim_start().starts_with('#');
            text.lines().filter(is_note).map(str::to_owned).collect()
        };
        let kept = notes(&after);
        prop_assert!(notes(&text).iter().all(|note| kept.contains(note)), "{}", after);
        let tail = |text: &str| text[text.find("# El segundo").unwrap()..].to_owned();
        prop_assert_eq!(tail(&after), tail(&text));
        prop_assert_eq!(after.contains("\r\n"), text.contains("\r\n"));
        prop_assert_eq!(after.replace("\r\n", "").contains('\n'), text.replace("\r\n", "").contains('\n'));

        // Said again, nothing is left to do; turned round, it is as if only that had been said.
        prop_assert_eq!(edit(&after, allow, word).unwrap(), Edited::AlreadySo);
        // (Then the name alone is not spelled out any more beside the name with all below it.)
        let turned = edited(&after, !allow, word);
        let without = |text: &str| {
            let mut meaning = meaning(text);
            for words in &mut meaning {
                words.remove(&format!("={word}"));
            }
            meaning
        };
        prop_assert_eq!(without(&edited(&turned, allow, word)), without(&after));
    }
}

// === The file ===

mod on_disk {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use jiff::Timestamp;

    use super::super::*;
    use super::system;

    const BEFORE: &str = "[child.sofia]\nage = 9\n";
    const AFTER: &str = "[child.sofia]\nage = 9\nallow = [\"youtube\"]\n";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + second).unwrap()
    }

    fn backups(directory: &Path) -> usize {
        fs::read_dir(directory).map_or(0, Iterator::count)
    }

    #[test]
    fn the_new_text_is_in_place_and_the_old_one_kept() {
        let directory = tempfile::tempdir().unwrap();
        let (path, kept) = (directory.path().join("amparo.toml"), directory.path().join("state/b"));
        fs::write(&path, BEFORE).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let link = directory.path().join("link.toml");
        std::os::unix::fs::symlink("amparo.toml", &link).unwrap();

        let backup = write(&link, BEFORE, AFTER, &kept, at(0)).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), AFTER);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_to_string(&backup.path).unwrap(), BEFORE);
        assert_eq!(backup.path.file_name().unwrap(), "amparo-2026-11-18T11-06-40Z.toml");

        let again = restore(&link, &backup.now, &backup.path, &kept, &system(), at(0)).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), BEFORE);
        assert_eq!(fs::read_to_string(again.path).unwrap(), AFTER);
        assert_eq!(
            fs::read_dir(directory.path()).unwrap().count(),
            3,
            "nothing is left lying about"
        );
    }

    #[test]
    fn what_was_changed_meanwhile_is_not_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let (path, kept) = (directory.path().join("amparo.toml"), directory.path().join("b"));
        fs::write(&path, "# mine\n").unwrap();
        let wrong = write(&path, BEFORE, AFTER, &kept, at(0)).unwrap_err();
        assert!(matches!(wrong, Wrong::ChangedMeanwhile(_)));
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), backups(&kept)), ("# mine\n", 0));

        let backup = write(&path, "# mine\n", AFTER, &kept, at(1)).unwrap();
        fs::write(&path, "# again\n").unwrap();
        let wrong = restore(&path, &backup.now, &backup.path, &kept, &system(), at(2));
        assert!(matches!(wrong, Err(Wrong::ChangedMeanwhile(_))));
    }

    #[test]
    fn the_newest_ten_are_kept_whatever_the_clock_says() {
        let directory = tempfile::tempdir().unwrap();
        let (path, kept) = (directory.path().join("amparo.toml"), directory.path().join("b"));
        let mut text = "# 0\n".to_owned();
        fs::write(&path, &text).unwrap();
        let mut last = None;
        for (count, second) in [0, 1, 2, 2, 2, 3, 4, 5, 6, 7, 8, 9, 10, -5].into_iter().enumerate()
        {
            let next = format!("# {}\n", count + 1);
            last = Some(write(&path, &text, &next, &kept, at(second)).unwrap().path);
            text = next;
        }
        assert_eq!(backups(&kept), BACKUPS_KEPT);
        assert_eq!(fs::read_to_string(last.unwrap()).unwrap(), "# 13\n");
        assert!(!kept.join("amparo-2026-11-18T11-06-40Z.toml").exists());
    }

    #[test]
    fn a_place_that_cannot_be_written_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("none.toml");
        let wrong = write(&path, "", AFTER, directory.path(), at(0)).unwrap_err();
        assert!(wrong.to_string().contains("cannot be read"), "{wrong}");
    }
}
