//! What is odd, and what is not: a line each.

use super::super::tests::{CATALOGUE, passes, system};
use super::super::{EMBEDDED, Report, report::Origin};
use super::*;
use jiff::civil::date;

const EXAMPLES: [&str; 5] = [
    include_str!("../../../config/examples/minimal.toml"),
    include_str!("../../../config/examples/family.toml"),
    include_str!("../../../config/examples/teenager.toml"),
    include_str!("../../../config/examples/school.toml"),
    include_str!("../../../config/examples/router.toml"),
];
const TODAY: Date = date(2026, 11, 23);

/// Each warning as `line: message (help)`.
fn said(text: &str) -> Vec<String> {
    let checked = passes(text);
    let problems = lint_with(text, &checked.config, TODAY, &CATALOGUE);
    let report = Report::new(problems, text, &Origin::Embedded);
    let rows = report.to_json();
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| {
        let text = |key: &str| row[key].as_str().unwrap_or_default();
        format!("{}: {} ({})", row["line"], text("message"), text("help"))
    })
    .collect()
}

/// The rules of a child of nine with a device, below each other.
fn child(rules: &str) -> String {
    let rules = rules.replace(" | ", "\n");
    format!("[child.leo]\nage = 9\ndevices = \"10.0.0.9\"\n{rules}\n")
}

#[track_caller]
fn check(rules: &str, expected: &[&str]) {
    assert_eq!(said(&child(rules)), expected, "{rules}");
}

/// A window of the child.
fn window(keys: &str) -> String {
    format!("[[child.leo.schedule]]\n{}", keys.replace(" | ", "\n"))
}

#[test]
fn a_good_file_is_not_odd() {
    for text in EXAMPLES.into_iter().chain([EMBEDDED, ""]) {
        let checked = super::super::load(text, &Origin::Embedded, &system());
        let config = checked.unwrap().config;
        let problems = lint(text, &config, TODAY);
        assert!(problems.is_empty(), "{problems:?}");
    }
    check("bedtime = \"20:30-06:30\"", &[]);
    check("bedtime = { school-nights = \"20:30-06:30\", weekend = \"22:00-08:00\" }", &[]);
    let lunch = window("time = \"12:00-13:00\" | block = \"everything\"");
    check(&format!("bedtime = \"20:30-06:30\"\n{lunch}"), &[]);
}

#[test]
fn a_gap_at_night_is_told_with_its_days() {
    check(
        "bedtime = { fri = \"21:00-23:59\", sat = \"00:00-06:00\" }",
        &[
            "4: Friday 23:59-24:00 is open for child `leo` (a window up to the end of the day ends at `24:00`)",
        ],
    );
    check(
        "bedtime = \"21:00-23:59\"",
        &[
            "4: every day 23:59-24:00 is open for child `leo` (a window up to the end of the day ends at `24:00`)",
        ],
    );
    let early =
        window("time = \"00:30-06:00\" | block = \"everything\" | days = [\"sun\", \"sat\"]");
    check(
        &format!("bedtime = {{ fri-sat = \"21:00-23:00\" }}\n{early}"),
        &[
            "4: Friday and Saturday 23:00-00:30 is open for child `leo` (let this one end at 00:30, if that is a slip)",
        ],
    );
    let early = window("time = \"00:00-06:00\" | block = \"everything\"");
    check(&format!("bedtime = \"21:00-24:00\"\n{early}"), &[]);
}

#[test]
fn a_window_that_never_begins_is_told() {
    let one = |keys: &str| window(&format!("time = \"15:00-17:00\" | block = \"games\" | {keys}"));
    let never = |keys: &str, why: &str| {
        let expected = format!(
            "5: schedule `15:00-17:00` of child `leo` {why} (give it other dates, or remove it)"
        );
        check(&one(keys), &[&expected]);
    };
    never("dates = \"2026-11-22\"", "is over: its last day was 2026-11-22");
    never(
        "dates = \"2026-12-24\" | days = \"mon\"",
        "never begins: none of its dates is one of its days",
    );
    never(
        "dates = \"2026-12-24\" | except = \"2026-12-20..2027-01-02\"",
        "never begins: `except` leaves out all its dates",
    );
    check(&one("dates = \"2026-11-23\""), &[]);
    check(&one("dates = [\"2026-01-01\", \"2026-12-24\"]"), &[]);
    // The night of the last day is not over yet.
    check(&window("time = \"21:00-06:00\" | block = \"games\" | dates = \"2026-11-22\""), &[]);
}

#[test]
fn a_window_inside_one_that_closes_everything_is_told() {
    let one = |keys: &str| format!("bedtime = \"20:00-06:00\"\n{}", window(keys));
    let expected =
        "6: schedule `21:00-22:00` of child `leo` has no effect (bedtime closes everything then)";
    check(&one("time = \"21:00-22:00\" | block = \"games\""), &[expected]);
    check(&one("time = \"21:00-22:00\" | only = \"a.example\""), &[expected]);
    check(&one("time = \"19:00-22:00\" | block = \"games\""), &[]);
    check(
        &one("time = \"20:00-06:00\" | block = \"everything\""),
        &[
            "6: schedule `20:00-06:00` of child `leo` has no effect (bedtime closes everything then)",
        ],
    );
    let allow = window("time = \"20:00-06:00\" | block = \"everything\" | allow = \"whatsapp\"");
    check(&format!("{allow}\n{}", window("time = \"21:00-22:00\" | block = \"whatsapp\"")), &[]);
}

#[test]
fn what_is_closed_already_is_told() {
    check(
        "block = \"gambling\"",
        &["4: `gambling` is closed already for child `leo` (profile `7-9` closes it)"],
    );
    check(
        "block = [\"tiktok\"]",
        &[
            "4: `tiktok` is closed already for child `leo` (profile `7-9` closes `social_media`, and it with that)",
        ],
    );
    check(
        "profile = \"13-15\" | block = [\"tiktok\", \"social_media\"]",
        &["5: `tiktok` is closed already for child `leo` (`social_media` beside it closes it too)"],
    );
    check("profile = \"13-15\" | block = [\"tiktok\"]", &[]);
    // Its category is closed but for this one, which is answered in a safe form.
    check("block = [\"youtube\"]", &[]);
    check("block = [\"video\"]", &[]);
    let household = "[household]\nblock = \"tiktok\"\n[adult.ana]\ndevices = \"10.0.0.2\"\nblock = \"tiktok\"\n";
    assert_eq!(
        said(household),
        ["5: `tiktok` is closed already for adult `ana` (the household closes it)",]
    );
    let opened = "[household]\nallow = \"tiktok\"\n".to_owned() + &child("block = \"tiktok\"");
    assert_eq!(said(&opened), Vec::<String>::new());
}

#[test]
fn what_is_open_already_is_told() {
    check(
        "profile = \"13-15\" | allow = \"tiktok\"",
        &[
            "5: `tiktok` is open already for child `leo` (nothing closes it: the word has no effect)",
        ],
    );
    check("allow = [\"tiktok\", \"games\", \"video\"]", &[]);
    check("profile = \"13-15\" | block = \"messaging\" | allow = \"whatsapp\"", &[]);
    check("profile = \"13-15\" | only = \"a.example\" | allow = \"whatsapp\"", &[]);
    check("profile = \"13-15\" | block = \"internet\" | allow = \"whatsapp\"", &[]);
}

#[test]
fn a_name_that_two_tables_disagree_about_is_told() {
    let text = "[household]\nblock = \"a.example\"\n".to_owned() + &child("allow = \"a.example\"");
    assert_eq!(
        said(&text),
        ["6: child `leo` allows `a.example`, and the household blocks it (this one counts)",]
    );
    let text = "[household]\nblock = \"a.example\"\n".to_owned() + &child("allow = \"=a.example\"");
    assert!(said(&text).is_empty(), "the name alone is another rule");
}

#[test]
fn a_name_that_another_covers_is_told() {
    check(
        "block = [\"a.example\", \"www.a.example\"]",
        &["4: `www.a.example` is covered by `a.example` in `block` (remove this one)"],
    );
    check(
        "block = [\"=a.example\", \"a.example\"]",
        &["4: `=a.example` is covered by `a.example` in `block` (remove this one)"],
    );
    check(
        "allow = [\"a.example\", \"A.example\"]",
        &["4: `A.example` stands twice in `allow` (remove this one)"],
    );
    check("block = [\"a.example\", \"x.www.a.example\"] | allow = \"www.a.example\"", &[]);
    check("block = [\"=a.example\", \"www.a.example\"]", &[]);
}

#[test]
fn a_device_in_the_range_of_another_person_is_told() {
    let two = |range: &str| child("") + &format!("[adult.ana]\ndevices = [\"{range}\"]\n");
    assert_eq!(
        said(&two("10.0.0.0/24")),
        [
            "3: `10.0.0.9` of `leo` lies in `10.0.0.0/24` of `ana` (`leo` has it: the narrower one counts)",
        ]
    );
    assert!(said(&two("10.0.1.0/24")).is_empty());
    assert!(said(&two("fd00::/8")).is_empty());
}

#[test]
fn what_is_empty_is_told() {
    assert_eq!(
        said("[child.leo]\nage = 9\n"),
        [
            "1: child `leo` has no devices: nobody has these rules (add `devices = [\"3c:22:fb:12:34:56\"]`, or an address)",
        ]
    );
    check(
        "only = []",
        &[
            "4: `only` of child `leo` is empty: it opens nothing (name what stays open, or remove the line)",
        ],
    );
}

#[test]
fn a_budget_that_limits_nothing_is_told() {
    check(
        "budget = { tiktok = \"1h\", games = \"1h\" }",
        &[
            "4: a budget on `tiktok` has no effect: it is always closed (profile `7-9` closes `social_media`)",
            "4: a budget on `games` has no effect: it is always closed (profile `7-9` closes `games`)",
        ],
    );
    check(
        "block = \"a.example\" | budget.\"a.example\" = \"1h\"",
        &["5: a budget on `a.example` has no effect: it is always closed (its name is in `block`)"],
    );
    check(
        "bedtime = \"20:00-08:00\" | budget = { youtube = { mon-fri = \"1h\", sat-sun = \"13h\" } }",
        &["5: the budget of `youtube` is never used up (Saturday is open for 12h only)"],
    );
    check("bedtime = \"20:00-08:00\" | budget = { youtube = \"12h\", internet = \"2h\" }", &[]);
}

#[test]
fn encrypted_dns_without_a_name_is_told() {
    let text = "[dns.encrypted]\ncertificate = \"/c.pem\"\nprivate_key = \"/k.pem\"\n\
                https = \"0.0.0.0\"\ntls = [\"0.0.0.0\"]\n";
    assert_eq!(
        said(text),
        [
            "4: `[dns.encrypted]` has no `hostname`: devices do not find it by themselves, and `amparo device-setup` has no name to tell (add the name in the certificate: `hostname = \"dns.example.org\"`)",
        ]
    );
    assert!(said(&format!("{text}hostname = \"dns.example.org\"\n")).is_empty());
    assert!(said("[dns.encrypted]\ncertificate = \"/c.pem\"\n").is_empty(), "it listens nowhere");
}

#[test]
fn an_id_that_nothing_brings_is_told() {
    let child = "[child.leo]\nage = 9\ndevices = [\"10.0.0.9\", \"id:leo-phone\"]\n";
    assert_eq!(
        said(child),
        [
            "3: nothing brings `id:leo-phone` of child `leo`: no encrypted DNS is set up, and no trusted forwarder (set up `[dns.encrypted]` (docs/encrypted/README.md), or name `trusted_forwarders` under [dns])",
        ]
    );
    assert!(said(&format!("[dns]\ntrusted_forwarders = \"10.0.0.1\"\n{child}")).is_empty());
    let encrypted = "[dns.encrypted]\ncertificate = \"/c.pem\"\nprivate_key = \"/k.pem\"\n\
                     hostname = \"dns.example.org\"\nquic = \"0.0.0.0\"\n";
    assert!(said(&format!("{encrypted}{child}")).is_empty());
}
