//! What each rule of an advertisement blocker becomes.

use proptest::prelude::*;
use regex::bytes::{Regex, RegexBuilder};

use super::super::{FORMATS, Guess, read, syntax_of};
use super::*;

/// All that a text holds, each item as one word.
fn items(text: &[u8]) -> Vec<String> {
    let mut items = Vec::new();
    read(&SYNTAX, &mut *(SYNTAX.parser)(), text, &mut |_, item| {
        items.push(match item {
            Item::Entry(name, None) => name.to_string(),
            Item::Entry(name, Some(matching)) => format!("{name} {matching:?}"),
            Item::Rule(name, matching, role) => format!("{name} {matching:?} {role:?}"),
            Item::Pattern(pattern, role) => format!("/{pattern}/ {role:?}"),
            Item::Disables(_) => "disables".to_owned(),
            Item::Skipped(skip) => skip.word().to_owned(),
        });
    });
    items
}

/// Each line is this one item.
#[track_caller]
fn check(lines: &[(&str, &str)]) {
    for (line, expected) in lines {
        assert_eq!(items(line.as_bytes()), [*expected], "{line}");
    }
}

/// Each line is skipped, for this reason.
#[track_caller]
fn skips(skip: Skip, lines: &[&str]) {
    lines.iter().for_each(|line| check(&[(line, skip.word())]));
}

fn regex(pattern: &str) -> Regex {
    RegexBuilder::new(pattern).unicode(false).build().unwrap()
}

// === Names ===

#[test]
fn two_bars_cover_the_name_and_what_is_below_it() {
    for line in ["||x.example^", "||X.Example^ ", "||x.example^|", "||x.example|", "||x.example"] {
        check(&[(line, "x.example Subdomains")]);
    }
    check(&[("||x.example.^", "x.example Subdomains"), ("||x.example^*", "x.example Subdomains")]);
    check(&[("||-x_y-.example^", "-x_y-.example Subdomains"), ("||x^", "x Subdomains")]);
}

#[test]
fn one_bar_is_the_name_alone() {
    for line in ["|x.example^", "|x.example|", "|x.example^|", "|x.example", "://x.example^"] {
        check(&[(line, "x.example Exact")]);
    }
}

#[test]
fn a_name_by_itself_is_as_the_list_says() {
    for line in ["x.example", "X.EXAMPLE.", "x.example^", "x.example # note", "x.example\t#note"] {
        check(&[(line, "x.example")]);
    }
}

#[test]
fn a_star_before_a_dot_leaves_the_name_itself_out() {
    for line in ["||*.x.example^", "*.x.example^", "*.x.example", ".x.example^", "|*.x.example|"] {
        check(&[(line, "x.example Below Close")]);
    }
    check(&[("@@||*.x.example^", "x.example Below Except")]);
    check(&[("||*.x.example^$important", "x.example Below CloseAll")]);
}

#[test]
fn a_hosts_line_closes_its_names_alone_and_leads_nowhere() {
    assert_eq!(items(b"0.0.0.0 a.example b.example # two"), ["a.example Exact", "b.example Exact"]);
    check(&[("0 a.example", "a.example Exact"), (":: a.example", "a.example Exact")]);
    check(&[("127.0.0.1 localhost", "local"), ("0.0.0.0 ||a.example^", "other_format")]);
    skips(
        Skip::Address,
        &["192.0.2.7 bank.example", "2001:db8::7 bank.example", "0.0.0.0 0.0.0.0"],
    );
}

#[test]
fn an_address_is_no_name() {
    skips(
        Skip::Address,
        &[
            "||192.0.2.7^",
            "192.0.2.7",
            "|2001:db8::7|",
            "||[2001:db8::7]^",
            "||192.0.2.*",
            "||1.2^",
        ],
    );
}

// === Roles ===

#[test]
fn two_at_signs_open_what_the_same_rule_closes() {
    check(&[
        ("@@||x.example^", "x.example Subdomains Except"),
        ("@@||x.example^|", "x.example Subdomains Except"),
        ("@@|x.example^", "x.example Exact Except"),
        ("@@x.example", "x.example Subdomains Except"),
        ("@@/^x/", "/^x/ Except"),
    ]);
}

#[test]
fn important_stands_above_exceptions_that_are_not() {
    check(&[
        ("||x.example^$important", "x.example Subdomains CloseAll"),
        ("x.example$important", "x.example Subdomains CloseAll"),
        ("@@||x.example^$important", "x.example Subdomains ExceptAll"),
        ("||x*.example^$important", r"/(?:^|\.)x.*\.example$/ CloseAll"),
    ]);
}

#[test]
fn denyallow_leaves_names_out_of_its_own_rule() {
    assert_eq!(
        items(b"||x.example^$denyallow=a.x.example|B.x.example"),
        [
            "x.example Subdomains CloseLimited",
            "a.x.example Subdomains ExceptLimited",
            "b.x.example Subdomains ExceptLimited",
        ]
    );
    assert_eq!(
        items(b"||x*.example^$denyallow=com"),
        [r"/(?:^|\.)x.*\.example$/ CloseLimited", "com Subdomains ExceptLimited"]
    );
}

#[test]
fn denyallow_of_names_that_the_rule_cannot_meet_opens_nothing() {
    assert_eq!(
        items(b"||x.example^$denyallow=elsewhere.example"),
        ["x.example Subdomains CloseLimited"]
    );
}

#[test]
fn a_denyallow_that_cannot_be_honoured_skips_the_rule() {
    skips(
        Skip::Modifier,
        &[
            "||x.example^$denyallow",
            "||x.example^$denyallow=",
            "||x.example^$denyallow=a.x.example|",
            "||x.example^$denyallow=*.x.example",
            "||x.example^$denyallow=~a.x.example",
            "||x.example^$denyallow=a.x.example,denyallow=b.x.example",
            "||x.example^$denyallow=a.x.example,important",
            "@@||x.example^$denyallow=a.x.example",
        ],
    );
}

#[test]
fn badfilter_disables_the_rule_without_it_whatever_else_that_says() {
    let disabled = |line: &str| {
        let mut keys = Vec::new();
        parse(line.as_bytes(), &mut |item| match item {
            Item::Disables(key) => keys.push(key),
            other => panic!("{line}: {other:?}"),
        });
        assert_eq!(keys.len(), 1, "{line}");
        keys[0]
    };
    for (line, rule) in [
        ("||x.example^$badfilter", "||x.example^"),
        ("||X.example^$badfilter", "  ||x.EXAMPLE^\r"),
        ("||x.example^$important,badfilter", "||x.example^$important"),
        ("||x.example^$badfilter,important", "||x.example^$important"),
        ("||x.example^$all,badfilter,important", "||x.example^$important,all"),
        ("||x.example^$third-party,badfilter", "||x.example^$third-party"),
        ("@@||x.example^$badfilter", "@@||x.example^"),
        ("x.example$badfilter", "x.example"),
        ("/^x$/$badfilter", "/^x$/"),
    ] {
        assert_eq!(disabled(line), key(rule.as_bytes()), "{line}");
        assert_ne!(key(line.as_bytes()), key(rule.as_bytes()), "{line}");
    }
    for (line, other) in [
        ("||x.example^$badfilter", "||y.example^"),
        ("||x.example^$badfilter", "||x.example^$important"),
        ("||x.example^$badfilter", "@@||x.example^"),
        ("@@||x.example^$badfilter", "||x.example^"),
        ("||x.example^$important,badfilter", "||x.example^"),
        (r"/^x\D/$badfilter", r"/^x\d/"),
        ("||x.example^$badfilter", ""),
    ] {
        assert_ne!(disabled(line), key(other.as_bytes()), "{line} {other}");
    }
    skips(Skip::NotAName, &["$badfilter", "@@$badfilter"]);
}

// === Conditions ===

#[test]
fn a_rule_about_both_addresses_is_taken_and_about_one_is_not() {
    for types in ["A|AAAA", "aaaa|a", "A|AAAA|HTTPS", "~TXT", "~HTTPS|~SVCB", "~ptr"] {
        check(&[(&format!("||x.example^$dnstype={types}"), "x.example Subdomains")]);
        let important = format!("||x.example^$important,dnstype={types}");
        check(&[(&important, "x.example Subdomains CloseAll")]);
    }
    for types in [
        "A",
        "AAAA",
        "HTTPS",
        "CNAME",
        "~A",
        "~AAAA",
        "~CNAME",
        "~cname|~TXT",
        "~ANY",
        "A|~AAAA",
        "A|AAAA|~TXT",
        "",
        "~",
        "A||AAAA",
        "~TYPE1",
        "TYPE1|TYPE28",
        "~A~AAAA",
    ] {
        skips(Skip::Modifier, &[&format!("||x.example^$dnstype={types},all")]);
    }
    skips(Skip::Modifier, &["||x.example^$dnstype", "||x.example^$~dnstype=A"]);
    check(&[("@@||x.example^$dnstype=A|AAAA", "x.example Subdomains Except")]);
}

#[test]
fn what_means_the_whole_site_is_taken() {
    for modifiers in ["", "all", "document", "doc", ",", "all,document", "all, doc"] {
        check(&[(&format!("||x.example^${modifiers}").replace(' ', ""), "x.example Subdomains")]);
    }
}

#[test]
fn what_means_the_pages_of_a_site_opens_no_name() {
    skips(Skip::Modifier, &["@@||x.example^$document", "@@||x.example^$doc", "@@||x.example^$all"]);
}

#[test]
fn a_rule_with_a_condition_that_is_not_judged_is_skipped() {
    for modifier in [
        "client=192.0.2.7",
        "client='A child'",
        "ctag=device_phone",
        "dnsrewrite=192.0.2.7",
        "dnsrewrite=NXDOMAIN",
        "dnsrewrite",
        "third-party",
        "3p",
        "~third-party",
        "first-party",
        "domain=a.example",
        "from=a.example",
        "script",
        "popup",
        "network",
        "redirect=noop.js",
        "csp=script-src 'none'",
        "removeparam=/^utm_/",
        "match-case",
        "unheard-of",
        "IMPORTANT",
        "~important",
        "important=1",
        "~document",
        "document=1",
        "$",
    ] {
        for line in [
            format!("||x.example^${modifier}"),
            format!("@@||x.example^${modifier}"),
            format!("||x.example^$important,{modifier}"),
            format!("||x.example^${modifier},all"),
            format!("/^x/${modifier}"),
        ] {
            let skipped = items(line.as_bytes());
            assert!(
                skipped == ["modifier"]
                    || line.contains(' ') && skipped == ["other_format"]
                    || line.contains("$$") && skipped == ["cosmetic"],
                "{line}: {skipped:?}"
            );
        }
    }
}

#[test]
fn half_the_web_is_not_closed_by_a_rule_that_spares_aliases() {
    skips(Skip::Modifier, &["||cloud.example^$dnstype=~CNAME"]);
}

// === Patterns ===

#[test]
fn text_that_is_part_of_a_name_becomes_a_pattern() {
    check(&[
        ("||ads.", r"/(?:^|\.)ads\./ Close"),
        ("||ads.*", r"/(?:^|\.)ads\./ Close"),
        ("||ads-", r"/(?:^|\.)ads-/ Close"),
        ("||ads*", r"/(?:^|\.)ads/ Close"),
        ("||*ads.example^", r"/ads\.example$/ Close"),
        ("*ads.example|", r"/ads\.example$/ Close"),
        ("||a.*.Ads**x.example^|", r"/(?:^|\.)a\..*\.ads.*x\.example$/ Close"),
        ("://ads.", r"/^ads\./ Close"),
        ("|ads.*^", r"/^ads\./ Close"),
        ("-ads.", r"/-ads\./ Close"),
        (".ads.", r"/\.ads\./ Close"),
        ("*banner*", "/banner/ Close"),
    ]);
}

#[test]
fn a_pattern_of_next_to_nothing_is_not_taken() {
    skips(
        Skip::Pattern,
        &["*", "||*", "||*^", "|*|", "a*", "||a*", "*.*", "||t.", "*$denyallow=com"],
    );
}

#[test]
fn a_pattern_matches_what_the_rule_spells() {
    for (rule, matching, others) in [
        (
            "||ads*.example^",
            &["ads.example", "ads1.example", "x.ads.y.example"][..],
            &["bads.example", "ads.example.org", "adsexample", "x-ads.example"][..],
        ),
        ("|ads-*|", &["ads-1.example"], &["x.ads-1.example", "ads.example"]),
        ("||adserver.", &["adserver.example", "x.adserver.example"], &["adserver", "adserver2.x"]),
        ("-ads.example^", &["my-ads.example"], &["ads.example", "my-ads.example.org"]),
    ] {
        parse(rule.as_bytes(), &mut |item| {
            let Item::Pattern(pattern, Role::Close) = item else { panic!("{rule}: {item:?}") };
            let regex = regex(pattern);
            assert!(matching.iter().all(|name| regex.is_match(name.as_bytes())), "{rule}");
            assert!(!others.iter().any(|name| regex.is_match(name.as_bytes())), "{rule}");
        });
    }
}

#[test]
fn a_regular_expression_is_passed_on_as_written() {
    check(&[
        (r"/^ad[sx]?\d+\.x\.example$/", r"/^ad[sx]?\d+\.x\.example$/ Close"),
        ("/a$/$removeparam=/a/", "modifier"),
        (r"/\Dads\W/", r"/\Dads\W/ Close"),
        ("/^Ads/", "/(?i)^Ads/ Close"),
        ("/[A-Z]{3}/", "/(?i)[A-Z]{3}/ Close"),
        ("/a$|b$/$important", "/a$|b$/ CloseAll"),
        ("/a$/$dnstype=A|AAAA", "/a$/ Close"),
        ("/x/ # note", "/x/ Close"),
    ]);
    assert!(regex("(?i)^Ads").is_match(b"ads.example"));
}

#[test]
fn a_regular_expression_about_more_than_names_is_not_taken() {
    skips(Skip::Path, &[r"/^https?:\/\/ads/", "/a/b/", "/banner/*/img"]);
    let beyond = [r"/(a)\1/", "/a(?=b)/", "/a(?!b)/", "/(?<=a)b/", "/(?<!a)b/", "//", "/señal/"];
    skips(Skip::Pattern, &beyond);
}

// === What is no rule about a name ===

#[test]
fn an_address_of_a_page_is_skipped() {
    skips(
        Skip::Path,
        &[
            "||x.example/",
            "||x.example/ads^",
            "||x.example^/ads",
            "||x.example^ads",
            "||x.example^*/ads/",
            "||x.example^*ads",
            "||x.example:8080^",
            "|https://x.example^",
            "http://x.example^",
            "/ads/banner.",
            "&ad_box=",
            "x.example/page$important",
        ],
    );
}

#[test]
fn a_rule_about_a_part_of_a_page_is_skipped() {
    skips(
        Skip::Cosmetic,
        &[
            "##.banner",
            "###banner",
            "##div > p",
            "x.example##.banner",
            "x.example##div > #id",
            "x.example ##.banner",
            "x.example,y.example##.banner",
            "x.example#@#.banner",
            "x.example#?#p:has(a)",
            "x.example#@?#p",
            "x.example#$#p { color: red }",
            "x.example#@$?#p",
            "x.example#%#code",
            "x.example##+js(nothing)",
            "x.example$$script[a=b]",
            "x.example$@$script",
            "#@#.banner",
            "[$path=/a]x.example##.banner",
        ],
    );
}

#[test]
fn heads_and_comments_are_nothing() {
    for line in [
        "",
        "   ",
        "\r",
        "! Title: x.example",
        "  ! x",
        "!#if (adguard)",
        "!",
        "#",
        "# x.example",
        "#x.example",
        "## x",
        "####",
        "#### x ####",
        "#####x#####",
        "### x",
        "#$ x",
        "[Adblock Plus 2.0]",
        "[uBlock Origin]\r",
    ] {
        assert!(items(line.as_bytes()).is_empty(), "{line}");
    }
}

#[test]
fn a_comment_behind_a_rule_is_cut_and_a_sign_within_is_not() {
    check(&[
        ("||x.example^ # note", "x.example Subdomains"),
        ("||x.example^$important\t# note", "x.example Subdomains CloseAll"),
        ("x.example#note", "other_format"),
        ("x.example;note", "not_a_name"),
        ("x.example ; note", "other_format"),
        ("||x.example^ note", "other_format"),
        ("@@0.0.0.0 x.example", "other_format"),
    ]);
}

#[test]
fn what_is_no_name_is_said() {
    skips(
        Skip::NotAName,
        &["||^", "||", "|", "@@", "^", "||.x.example^", "a..b*", "||x..example^"],
    );
    check(&[("||x{1}.example^", "other_format"), ("||x(y)*.example^", "other_format")]);
    assert_eq!(items(b"||se\xf1al.example^\n||x.example^"), ["not_a_name", "x.example Subdomains"]);
}

// === Guesses ===

/// What a text looks like.
fn guessed(text: &str) -> (Format, Guess) {
    let (syntax, guess) = syntax_of(Format::Auto, text.as_bytes());
    (syntax.format, guess.unwrap())
}

#[test]
fn rules_are_recognised_past_their_head() {
    let text = "[Adblock Plus 2.0]\n! Title: made up\n! a.example\n\n||a.example^\n@@||b.example^\n\
                c.example\n||d.example^$important\n";
    assert_eq!(guessed(text), (Format::Adblock, Guess { like: 4, of: 5 }));
    assert_eq!(guessed("x.example##.a\n||y.example/z^$script\n-ads.\n").0, Format::Adblock);
}

#[test]
fn a_plain_list_with_stray_rules_stays_plain() {
    let text = "a.example\nb.example\n||c.example^\nd.example##.banner\ne.example\n";
    assert_eq!(guessed(text).0, Format::Domains);
    assert_eq!(guessed("0.0.0.0 a.example\n0.0.0.0 b.example\n||c.example^\n").0, Format::Hosts);
    assert_eq!(guessed("*.a.example\n*.b.example\n||c.example^\n").0, Format::Wildcard);
}

#[test]
fn tables_and_other_octets_do_not_look_like_rules() {
    for line in
        ["| a | b |", "|", "^", "a ^", "|| a b", "@@ -1,2 +3,4 @@", "||a\u{1}b^", "a\u{7}##b"]
    {
        assert!(!looks_like(line.as_bytes()), "{line}");
    }
    assert!(!looks_like(b"||\xff\xfe^"));
}

#[test]
fn the_lines_of_other_formats_do_not_look_like_rules() {
    for syntax in FORMATS.iter().filter(|syntax| syntax.format != Format::Adblock) {
        let lines = syntax.examples.iter();
        let taken = lines.filter(|(_, items)| {
            !items.is_empty() && !items.iter().any(|item| matches!(item, Example::Skipped(_)))
        });
        for (line, _) in taken {
            assert!(!looks_like(line.as_bytes()), "{}: {line}", syntax.name);
        }
    }
}

// === Anything ===

/// Whether a rule spells a name, letter by letter: `text` stands in it where `start` says, with any
/// octets for each star, and ends it if `is_end`.
fn spells(start: &str, text: &[u8], is_end: bool, name: &[u8]) -> bool {
    let begins = |at: usize| match start {
        "||" => at == 0 || name[at - 1] == b'.',
        "|" | "://" => at == 0,
        _ => true,
    };
    (0..=name.len()).any(|at| begins(at) && stands(text, is_end, &name[at..]))
}

fn stands(text: &[u8], is_end: bool, name: &[u8]) -> bool {
    match text {
        [] => !is_end || name.is_empty(),
        [b'*', rest @ ..] => (0..=name.len()).any(|at| stands(rest, is_end, &name[at..])),
        [octet, rest @ ..] => name.first() == Some(octet) && stands(rest, is_end, &name[1..]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_rule_takes_a_wider_name_than_it_spells(
        start in prop::sample::select(&["", "|", "||", "://"][..]),
        text in "[ab]{0,1}[ab.*-]{0,7}[ab]{0,1}",
        end in prop::sample::select(&["", "^", "|", "^|"][..]),
        names in proptest::collection::vec("[ab-]{1,3}(\\.[ab-]{1,3}){0,3}", 20),
    ) {
        let is_end = !end.is_empty();
        let mut names = names;
        // Names it might well be about.
        let bare = text.replace('*', "");
        names.extend([&bare[..], bare.trim_matches('.')].map(str::to_owned));
        names.extend([format!("a.{bare}"), format!("a{bare}"), format!("{bare}.b")]);
        let names: Vec<_> = names.iter().filter_map(|name| Name::parse(name).ok()).collect();
        parse(format!("{start}{text}{end}").as_bytes(), &mut |item| {
            let mut whole = false;
            let covers: Box<dyn Fn(&Name) -> bool> = match item {
                Item::Entry(own, matching) => {
                    let (own, matching) = (*own, matching.unwrap_or(SYNTAX.matching));
                    Box::new(move |name| name.is_at_or_below(&own) && matching.covers(*name == own))
                }
                Item::Rule(own, matching, Role::Close) => {
                    let own = *own;
                    Box::new(move |name| name.is_at_or_below(&own) && matching.covers(*name == own))
                }
                Item::Pattern(pattern, Role::Close) => {
                    whole = true;
                    let regex = regex(pattern);
                    Box::new(move |name| regex.is_match(name.to_string().as_bytes()))
                }
                Item::Skipped(_) => return,
                Item::Rule(..) | Item::Pattern(..) | Item::Disables(_) => panic!("{item:?}"),
            };
            for name in &names {
                // A dot at the end of a whole name says nothing.
                let text = text.strip_suffix('.').filter(|_| !whole).unwrap_or(&text);
                let spelled = spells(start, text.as_bytes(), is_end, name.to_string().as_bytes());
                assert!(spelled || !covers(name), "{start}{text}{end} {name} {item:?}");
                assert!(!whole || !spelled || covers(name), "{start}{text}{end} {name} {item:?}");
            }
        });
    }

    #[test]
    fn a_pattern_of_a_rule_without_slashes_can_be_matched(
        rule in "(@@)?(\\|{0,2})[a-zA-Z0-9.*_-]{1,30}[\\^|]{0,2}"
    ) {
        parse(rule.as_bytes(), &mut |item| if let Item::Pattern(pattern, _) = item {
            regex(pattern);
        });
    }

    #[test]
    fn no_octets_upset_rules(text in proptest::collection::vec(any::<u8>(), 0..300)) {
        items(&text);
        key(&text);
        looks_like(&text);
    }

    #[test]
    fn nothing_that_resembles_rules_upsets_them(
        text in "(@@|\\|\\||\\||/|#|\\$|!|\\[)?[ab.*^|/$=,~#@?%ñ \\\\-]{0,20}(\\$[a-z=|~,]{0,20})?"
    ) {
        items(text.as_bytes());
        key(text.as_bytes());
        looks_like(text.as_bytes());
    }

    #[test]
    fn an_unknown_modifier_always_skips_a_rule(
        modifiers in proptest::collection::vec(prop::sample::select(
            &["important", "all", "dnstype=A|AAAA", "denyallow=a.x.example"][..]), 0..4),
        place in any::<prop::sample::Index>(),
        unknown in "[b-z][a-z-]{2,12}(=[a-z.|~]{0,12})?",
    ) {
        let known = ["important", "document", "doc", "badfilter"];
        prop_assume!(!known.contains(&&*unknown) && !unknown.starts_with("dnstype=")
            && !unknown.starts_with("denyallow="));
        let mut modifiers = modifiers;
        modifiers.insert(place.index(modifiers.len() + 1), &unknown);
        let line = format!("||x.example^${}", modifiers.join(","));
        prop_assert_eq!(items(line.as_bytes()), ["modifier"]);
    }
}
