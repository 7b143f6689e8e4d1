//! The order of precedence, pair by pair: one line is one claim.
//!
//! [`kid`] makes a household with one child from lines of rules; [`check`] asks. Times are those
//! of the week of Monday, 23 November 2026, in Guatemala.

use std::collections::HashMap;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::hours::{Days, HORIZON, Schedule, Span};
use super::local::LocalNames;
use super::rules::{Level, NameRule, NameSet, Reach, Scope, SubjectKind, YouTube};
use super::tags::{Tag, TagInfo, TagTable};
use super::*;
use crate::words::{Language, Words};

mod budgets;
mod shortcuts;

const KID: SubjectId = SubjectId(1);
const MONDAY: Date = date(2026, 11, 23);

/// The categories, services and lists of the tests.
const TAGS: &[(&str, TagKind)] = &[
    ("social", TagKind::Category),
    ("games", TagKind::Category),
    ("video", TagKind::Category),
    ("adult", TagKind::Category),
    ("tiktok", TagKind::Service),
    ("youtube", TagKind::Service),
    ("pets", TagKind::List),
];

/// What the lists say: each name with all below it.
const LISTED: &[(&str, &[&str])] = &[
    ("tiktok.com", &["tiktok", "social", "pets"]),
    ("youtube.com", &["youtube", "video"]),
    ("videos.youtube.com", &["youtube", "video", "adult"]),
    ("roblox.com", &["games"]),
    ("chat.roblox.com", &["social"]),
    ("xxx.com", &["adult"]),
    ("cats.com", &["pets"]),
    ("catgames.com", &["pets", "games"]),
    ("pool.ntp.org", &["adult"]),
];

struct Listed(HashMap<Box<[u8]>, TagSet>);

impl Lookup for Listed {
    fn tags_of(&self, name: &Name) -> TagSet {
        let tags = name.suffixes().filter_map(|suffix| self.0.get(suffix));
        tags.fold(TagSet::EMPTY, |all, tags| all.union(tags))
    }
}

// === The household of a test ===

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn tag(id: &str) -> Option<Tag> {
    let place = TAGS.iter().position(|(known, _)| *known == id)?;
    Some(Tag(u16::try_from(place).unwrap()))
}

/// `=name` is that name alone.
fn reach(word: &str) -> (Name, Reach) {
    match word.strip_prefix('=') {
        Some(exact) => (name(exact), Reach::Exact),
        None => (name(word), Reach::Below),
    }
}

/// `everything`, tags and names.
fn scope(words: &[&str]) -> Scope {
    let mut scope = Scope::default();
    for word in words {
        if *word == "everything" {
            scope.everything = true;
        } else if let Some(tag) = tag(word) {
            scope.tags.insert(tag);
        } else {
            let (name, reach) = reach(word);
            scope.names.insert(&name, reach);
        }
    }
    scope
}

/// `20:30-06:30 block … only … allow …`
fn window(id: &str, words: &[&str]) -> Schedule {
    let (start, end) = words[0].split_once('-').unwrap();
    let minute = |text: &str| {
        let (hour, minute) = text.split_once(':').unwrap();
        hour.parse::<u16>().unwrap() * 60 + minute.parse::<u16>().unwrap()
    };
    let section = |key: &str| {
        let from = words.iter().position(|word| *word == key)? + 1;
        let length =
            words[from..].iter().position(|word| ["block", "only", "allow"].contains(word));
        Some(scope(&words[from..length.map_or(words.len(), |length| from + length)]))
    };
    Schedule {
        name: id.to_owned(),
        days: Days::EVERY,
        span: Span { start: minute(start), end: minute(end) },
        block: section("block").unwrap_or_default(),
        only: section("only"),
        allow: section("allow").unwrap_or_default(),
        dates: Vec::new(),
        except: Vec::new(),
        files: hours::CalendarFiles::default(),
    }
}

fn rules(lines: &[&str]) -> Rules {
    let mut rules = Rules::default();
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["closed", ..] => rules.closed = scope(&words[1..]).tags,
            ["excused", service, "from", category] => {
                rules.excused.push((tag(service).unwrap(), TagSet::of(tag(category).unwrap())));
            }
            [level @ ("child" | "profile" | "household"), verb, written] => {
                let (name, reach) = reach(written);
                let level = match level {
                    "child" => Level::Subject,
                    "profile" => Level::Profile,
                    _ => Level::Household,
                };
                rules.names.insert(&name, NameRule { allow: verb == "allow", reach, level });
            }
            ["internet"] => rules.everything_closed = true,
            ["only", ..] => rules.only = Some(scope(&words[1..])),
            ["window", id, ..] => rules.schedules.push(window(id, &words[2..])),
            ["safe_search"] => rules.safe_search = true,
            ["youtube", "strict"] => rules.youtube = YouTube::Strict,
            ["relays_closed"] => rules.relays_closed = true,
            ["refused"] => rules.refused = true,
            ["budget", ..] => rules.budgets.push(budgets::budget(&words[1..])),
            ["ttl", seconds] => rules.ttl_seconds_max = Some(seconds.parse().unwrap()),
            _ => panic!("no such rule: {line}"),
        }
    }
    rules
}

fn kid(lines: &[&str]) -> Policy {
    Policy::new(household(lines), Arc::new(listed()))
}

fn listed() -> Listed {
    let rows = LISTED.iter().map(|(listed, ids)| {
        (name(listed).wire().into(), ids.iter().filter_map(|id| tag(id)).collect())
    });
    Listed(rows.collect())
}

fn household(lines: &[&str]) -> Household {
    let subject = |id: &str, kind, rules| Subject {
        id: id.to_owned(),
        label: "Mateo".to_owned(),
        kind,
        profile: "test".to_owned(),
        zone: TimeZone::get("America/Guatemala").unwrap(),
        rules,
    };
    let mut tags = TagTable::default();
    for (id, kind) in TAGS {
        let info = TagInfo {
            id: (*id).to_owned(),
            kind: *kind,
            words: Words::same(id),
            security: false,
            hidden: false,
            category: (*id == "youtube").then(|| tag("video")).flatten(),
        };
        tags.add(info).unwrap();
    }
    let mut essentials = NameSet::default();
    essentials.insert(&name("pool.ntp.org"), Reach::Below);
    essentials.insert(&name("help.example"), Reach::Exact);
    let mut noise = NameSet::default();
    noise.insert(&name("telemetry.youtube.com"), Reach::Below);
    Household {
        language: Language::En,
        zone: TimeZone::get("America/Guatemala").unwrap(),
        day_starts: budget::DAY_STARTS,
        tags,
        essentials,
        noise,
        local: LocalNames::default(),
        subjects: vec![
            subject("unknown", SubjectKind::Unknown, Rules::default()),
            subject("mateo", SubjectKind::Child, rules(lines)),
        ],
        youtube: tag("youtube"),
    }
}

// === Claims ===

/// `mon 20:29`, with seconds if need be.
fn time(day: &str, time: &str) -> Timestamp {
    let place = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].iter().position(|d| *d == day);
    let day = MONDAY.checked_add(jiff::Span::new().days(i64::try_from(place.unwrap()).unwrap()));
    let wall = day.unwrap().to_datetime(time.parse().unwrap());
    wall.to_zoned(TimeZone::get("America/Guatemala").unwrap()).unwrap().timestamp()
}

/// The verdict in words: what is done, the kind of reason, its id.
fn said(policy: &Policy, name: &Name, verdict: Verdict) -> String {
    let kind = verdict.reason.kind().word();
    let id = policy.reason_id(KID, name, verdict.reason);
    for language in [Language::Es, Language::En] {
        let sentence = policy.sentence(KID, name, verdict, language);
        assert!(!sentence.is_empty() && !sentence.contains(['{', '}']), "{sentence}");
    }
    format!("{} {kind} {id}", verdict.word()).trim_end().to_owned()
}

/// Each claim: `mon 20:29 youtube.com` and what is said of it. Explaining says the same.
fn check(policy: &Policy, claims: &[(&str, &str)]) {
    check_with(policy, &passing::Passing::default(), claims);
}

/// The same with what holds for a while.
fn check_with(policy: &Policy, passing: &passing::Passing, claims: &[(&str, &str)]) {
    for (claim, expected) in claims {
        let words: Vec<&str> = claim.split(' ').collect();
        let [day, hour, asked] = words[..] else { panic!("{claim}") };
        let (moment, name) = (policy.moment_with(time(day, hour), passing), name(asked));
        let verdict = policy.decide(KID, &name, &moment);
        assert_eq!(said(policy, &name, verdict), *expected, "{claim}");
        assert_eq!(policy.explain(KID, &name, &moment).verdict, verdict, "{claim}");
    }
}

/// The same about a target met in an answer; `-` where no rule speaks.
fn check_target(policy: &Policy, claims: &[(&str, &str)]) {
    for (claim, expected) in claims {
        let words: Vec<&str> = claim.split(' ').collect();
        let [day, hour, target] = words[..] else { panic!("{claim}") };
        let (moment, target) = (policy.moment(time(day, hour)), name(target));
        let verdict = policy.judge_target(KID, &target, &moment);
        let said = verdict.map_or("-".to_owned(), |verdict| said(policy, &target, verdict));
        assert_eq!(said, *expected, "{claim}");
    }
}

#[test]
fn essentials_answer_whatever_else_is_closed() {
    for closing in [
        &["window bedtime 20:30-06:30 block everything"][..],
        &["only wikipedia.org"],
        &["household block pool.ntp.org", "household block help.example"],
        &["closed adult", "internet"],
        &["refused"],
    ] {
        check(
            &kid(closing),
            &[
                ("mon 21:00 pool.ntp.org", "allow essential"),
                ("mon 21:00 gt.pool.ntp.org", "allow essential"),
                ("mon 21:00 help.example", "allow essential"),
            ],
        );
    }
}

#[test]
fn the_familys_own_pages_answer_at_any_time() {
    let policy = kid(&["window bedtime 20:30-06:30 block everything", "refused"]);
    check(
        &policy,
        &[
            ("mon 21:00 amparo.test", "local local"),
            ("mon 21:00 localhost", "local local"),
            ("mon 21:00 printer", "local local"),
            ("mon 21:00 blocked.amparo.test", "block local"),
        ],
    );
    let moment = policy.moment(time("mon", "21:00"));
    let action = policy.decide(KID, &name("nobody.home.arpa"), &moment).action;
    assert_eq!(action, Action::Local(LocalAnswer::NoName));
}

#[test]
fn a_device_that_is_refused_gets_nothing_else() {
    check(
        &kid(&["refused", "child allow youtube.com", "window homework 15:00-17:00 block games"]),
        &[
            ("mon 12:00 youtube.com", "block unknown_device"),
            ("mon 15:00 roblox.com", "block unknown_device"),
            ("mon 12:00 use-application-dns.net", "block bypass"),
        ],
    );
}

#[test]
fn the_canary_does_not_exist_for_anybody() {
    for lines in [&[][..], &["child allow use-application-dns.net"], &["relays_closed"]] {
        check(&kid(lines), &[("mon 12:00 use-application-dns.net", "block bypass")]);
    }
}

#[test]
fn relays_do_not_exist_where_they_are_closed() {
    check(
        &kid(&["relays_closed"]),
        &[
            ("mon 12:00 mask.icloud.com", "block bypass"),
            ("mon 12:00 mask-h2.icloud.com", "block bypass"),
            ("mon 12:00 x.mask.icloud.com", "block bypass"),
            ("mon 12:00 www.icloud.com", "allow default"),
        ],
    );
    check(&kid(&[]), &[("mon 12:00 mask.icloud.com", "allow default")]);
    // A parent's own name speaks before, the window too.
    check(
        &kid(&[
            "relays_closed",
            "child allow mask.icloud.com",
            "window w 20:00-21:00 block everything",
        ]),
        &[
            ("mon 12:00 mask.icloud.com", "allow allow_rule mask.icloud.com"),
            ("mon 20:00 mask.icloud.com", "block schedule w"),
        ],
    );
}

#[test]
fn a_window_speaks_before_an_allowed_name() {
    check(
        &kid(&["window bedtime 20:30-06:30 block everything", "child allow youtube.com"]),
        &[
            ("mon 20:29 youtube.com", "allow allow_rule youtube.com"),
            ("mon 20:29:59.999 youtube.com", "allow allow_rule youtube.com"),
            ("mon 20:30 youtube.com", "block schedule bedtime"),
            ("tue 06:29:59 m.youtube.com", "block schedule bedtime"),
            ("tue 06:30 m.youtube.com", "allow allow_rule youtube.com"),
        ],
    );
}

#[test]
fn a_window_closes_what_it_names() {
    check(
        &kid(&["window homework 15:00-17:00 block games tiktok =news.com allow kids.roblox.com"]),
        &[
            ("mon 15:00 roblox.com", "block schedule homework"),
            ("mon 15:00 www.tiktok.com", "block schedule homework"),
            ("mon 15:00 news.com", "block schedule homework"),
            ("mon 15:00 www.news.com", "allow default"),
            ("mon 15:00 kids.roblox.com", "allow schedule homework"),
            ("mon 15:00 youtube.com", "allow default"),
            ("mon 17:00 roblox.com", "allow default"),
            ("mon 17:00 kids.roblox.com", "allow default"),
        ],
    );
}

#[test]
fn a_window_may_leave_only_something_open() {
    check(
        &kid(&[
            "window homework 15:00-17:00 only wikipedia.org youtube allow school.gt",
            "closed video",
        ]),
        &[
            ("mon 15:00 es.wikipedia.org", "allow schedule homework"),
            ("mon 15:00 school.gt", "allow schedule homework"),
            ("mon 15:00 cats.com", "block schedule homework"),
            // What is open in the window is no more open than outside it.
            ("mon 15:00 youtube.com", "block category video"),
        ],
    );
}

#[test]
fn an_exception_of_a_window_opens_nothing_that_is_closed_anyway() {
    check(
        &kid(&[
            "window free 15:00-17:00 block games allow xxx.com tiktok catgames.com",
            "window bedtime 16:00-18:00 block everything",
            "closed adult tiktok",
            "child block catgames.com",
        ]),
        &[
            ("mon 15:00 xxx.com", "block category adult"),
            ("mon 15:00 tiktok.com", "block service tiktok"),
            ("mon 15:00 catgames.com", "block block_rule catgames.com"),
            // Another window's neither.
            ("mon 16:00 xxx.com", "block schedule bedtime"),
        ],
    );
    check(
        &kid(&["window free 15:00-17:00 block games allow cats.com", "only wikipedia.org"]),
        &[("mon 15:00 cats.com", "block only")],
    );
}

#[test]
fn the_first_window_that_closes_gives_the_reason() {
    check(
        &kid(&["window one 15:00-17:00 block games", "window two 16:00-18:00 block everything"]),
        &[
            ("mon 15:59 roblox.com", "block schedule one"),
            ("mon 16:00 roblox.com", "block schedule one"),
            ("mon 16:00 cats.com", "block schedule two"),
            ("mon 17:00 roblox.com", "block schedule two"),
        ],
    );
}

#[test]
fn an_allowed_name_speaks_before_services_categories_and_lists() {
    check(
        &kid(&[
            "closed tiktok social games pets",
            "internet",
            "child allow tiktok.com",
            "profile allow catgames.com",
        ]),
        &[
            ("mon 12:00 www.tiktok.com", "allow allow_rule tiktok.com"),
            ("mon 12:00 catgames.com", "allow allow_rule catgames.com"),
            ("mon 12:00 cats.com", "block list pets"),
        ],
    );
}

#[test]
fn an_allowed_name_speaks_before_the_walled_garden() {
    check(
        &kid(&["only wikipedia.org", "child allow cats.com", "child block es.wikipedia.org"]),
        &[
            ("mon 12:00 cats.com", "allow allow_rule cats.com"),
            ("mon 12:00 es.wikipedia.org", "block block_rule es.wikipedia.org"),
            ("mon 12:00 wikipedia.org", "allow only"),
        ],
    );
}

#[test]
fn the_longest_name_wins_whoever_wrote_it() {
    check(
        &kid(&[
            "child block x.com",
            "household allow a.x.com",
            "profile block b.a.x.com",
            "household block com",
        ]),
        &[
            ("mon 12:00 www.x.com", "block block_rule x.com"),
            ("mon 12:00 a.x.com", "allow allow_rule a.x.com"),
            ("mon 12:00 c.a.x.com", "allow allow_rule a.x.com"),
            ("mon 12:00 c.b.a.x.com", "block block_rule b.a.x.com"),
            ("mon 12:00 netflix.com", "block block_rule com"),
        ],
    );
}

#[test]
fn at_equal_length_the_nearest_wins() {
    check(
        &kid(&[
            "household block x.com",
            "child allow x.com",
            "profile block x.com",
            "household allow y.com",
            "profile block y.com",
            "household allow z.com",
        ]),
        &[
            ("mon 12:00 x.com", "allow allow_rule x.com"),
            ("mon 12:00 y.com", "block block_rule y.com"),
            ("mon 12:00 z.com", "allow allow_rule z.com"),
        ],
    );
}

#[test]
fn a_name_with_an_equals_sign_is_that_name_alone() {
    check(
        &kid(&[
            "child block =x.com",
            "child block y.com",
            "child allow =y.com",
            "household block z.com",
            "child allow =www.z.com",
        ]),
        &[
            ("mon 12:00 x.com", "block block_rule x.com"),
            ("mon 12:00 www.x.com", "allow default"),
            ("mon 12:00 y.com", "allow allow_rule y.com"),
            ("mon 12:00 www.y.com", "block block_rule y.com"),
            ("mon 12:00 www.z.com", "allow allow_rule www.z.com"),
            ("mon 12:00 x.www.z.com", "block block_rule z.com"),
        ],
    );
}

#[test]
fn the_nearest_reason_is_given() {
    check(
        &kid(&["closed tiktok social pets games"]),
        &[
            ("mon 12:00 tiktok.com", "block service tiktok"),
            ("mon 12:00 catgames.com", "block category games"),
            ("mon 12:00 cats.com", "block list pets"),
            // It is in two categories by itself and its parent: one closed is enough.
            ("mon 12:00 chat.roblox.com", "block category social"),
        ],
    );
    check(&kid(&["closed games"]), &[("mon 12:00 chat.roblox.com", "block category games")]);
}

#[test]
fn an_excused_service_is_excused_from_its_category_only() {
    check(
        &kid(&["closed video adult", "excused youtube from video"]),
        &[
            ("mon 12:00 www.youtube.com", "allow default"),
            ("mon 12:00 videos.youtube.com", "block category adult"),
        ],
    );
    check(
        &kid(&["closed video youtube", "excused youtube from video"]),
        &[("mon 12:00 youtube.com", "block service youtube")],
    );
    check(
        &kid(&["closed video social", "excused tiktok from social"]),
        &[
            ("mon 12:00 tiktok.com", "allow default"),
            ("mon 12:00 youtube.com", "block category video"),
            ("mon 12:00 chat.roblox.com", "block category social"),
        ],
    );
}

#[test]
fn without_internet_only_names_are_open() {
    check(
        &kid(&["internet", "child allow school.gt", "closed adult"]),
        &[
            ("mon 12:00 www.school.gt", "allow allow_rule school.gt"),
            ("mon 12:00 cats.com", "block block_rule internet"),
            ("mon 12:00 xxx.com", "block category adult"),
        ],
    );
}

#[test]
fn a_walled_garden_holds_names_services_and_categories() {
    check(
        &kid(&["only youtube games =wikipedia.org", "closed adult"]),
        &[
            ("mon 12:00 m.youtube.com", "allow only"),
            ("mon 12:00 roblox.com", "allow only"),
            ("mon 12:00 wikipedia.org", "allow only"),
            ("mon 12:00 es.wikipedia.org", "block only"),
            ("mon 12:00 cats.com", "block only"),
            // The garden opens nothing that is closed.
            ("mon 12:00 videos.youtube.com", "block category adult"),
        ],
    );
}

#[test]
fn what_nothing_closes_is_open() {
    check(
        &kid(&[]),
        &[("mon 12:00 xxx.com", "allow default"), ("sun 03:00 cats.com", "allow default")],
    );
}

#[test]
fn a_target_meets_the_closing_rules_only() {
    let lines = [
        "window bedtime 20:30-06:30 block everything",
        "only wikipedia.org",
        "closed adult tiktok",
        "household block tracker.com",
        "child allow good.tracker.com",
        "relays_closed",
    ];
    check_target(
        &kid(&lines),
        &[
            // Neither the window nor the garden: what they leave open lives behind other names.
            ("mon 21:00 cdn.example.com", "-"),
            ("mon 21:00 mask.icloud.com", "-"),
            ("mon 12:00 x.tracker.com", "block block_rule tracker.com"),
            ("mon 12:00 good.tracker.com", "allow allow_rule good.tracker.com"),
            ("mon 12:00 xxx.com", "block category adult"),
            ("mon 12:00 v.tiktok.com", "block service tiktok"),
        ],
    );
}

#[test]
fn below_what_was_opened_by_hand_nothing_is_judged() {
    let policy =
        kid(&["child allow a.com", "only b.com", "window w 20:00-21:00 block games allow b.com"]);
    let moment = policy.moment(time("mon", "20:00"));
    let is_final = |text: &str| policy.decide(KID, &name(text), &moment).is_final();
    assert!(is_final("a.com") && is_final("b.com") && is_final("pool.ntp.org"));
    let open = kid(&["window w 20:00-21:00 block games allow b.com"]);
    assert!(open.decide(KID, &name("b.com"), &moment).is_final());
    assert!(!open.decide(KID, &name("c.com"), &moment).is_final());
}

#[test]
fn what_is_allowed_answers_in_its_safe_form_and_what_is_closed_does_not() {
    // The table of engines has tests of its own; each of its names is a claim here.
    for (place, engine) in safesearch::ENGINES.iter().enumerate() {
        let hosts = engine.hosts.iter().filter_map(|host| Name::parse(host).ok());
        for host in hosts.filter(|host| {
            let found = safesearch::engine_of(host, true, YouTube::Strict);
            found.map(usize::from) == Some(place)
        }) {
            let safe = ["safe_search", "youtube strict"];
            let ask = |line: &str, expected: &str| {
                let policy = kid(&[&safe[..], &[line]].concat());
                check(&policy, &[(&format!("mon 12:00 {host}"), expected)]);
            };
            let rewrite = format!("rewrite safe_search {}", engine.id);
            ask("relays_closed", &rewrite);
            ask(&format!("child allow {host}"), &rewrite);
            ask(&format!("only {host}"), &rewrite);
            ask(&format!("window w 11:00-13:00 block games allow {host}"), &rewrite);
            ask(&format!("child block {host}"), &format!("block block_rule {host}"));
            ask("window w 11:00-13:00 block everything", "block schedule w");
            ask("only wikipedia.org", "block only");
            ask("internet", "block block_rule internet");
            check(&kid(&[]), &[(&format!("mon 12:00 {host}"), "allow default")]);
        }
    }
}

#[test]
fn a_closed_name_exists_while_something_below_it_is_open() {
    let at_four = |lines: &[&str], text: &str| {
        let policy = kid(lines);
        policy.closes_all_below(KID, &name(text), &policy.moment(time("mon", "16:00")))
    };
    for (lines, asked, expected) in [
        (&["closed games"][..], "roblox.com", true),
        (&["closed games"], "com", false),
        (&["closed games", "child allow ok.roblox.com"], "roblox.com", false),
        (&["child block x.com", "child allow x.org"], "x.com", true),
        (&["child block =x.com"], "x.com", false),
        (&["child block ntp.org"], "ntp.org", false),
        (&["only wikipedia.org"], "cats.com", true),
        (&["only wikipedia.org"], "org", false),
        (&["only youtube"], "com", false),
        (&["closed video", "excused tiktok from video"], "youtube.com", false),
        (&["closed adult", "excused tiktok from video"], "xxx.com", true),
        (&["window w 15:00-17:00 block everything"], "cats.com", true),
        (&["window w 15:00-17:00 block everything allow a.cats.com"], "cats.com", false),
        (&["window w 15:00-17:00 only a.cats.com"], "cats.com", false),
        (&["window w 15:00-17:00 block games only a.roblox.com"], "roblox.com", true),
        (&["refused"], "cats.com", true),
        (&["refused"], "test", false),
        (&[], "blocked.amparo.test", true),
    ] {
        assert_eq!(at_four(lines, asked), expected, "{lines:?} {asked}");
    }
}

#[test]
fn no_answer_is_kept_past_a_boundary() {
    let seconds = |lines: &[&str], day: &str, hour: &str| {
        let policy = kid(lines);
        let now = time(day, hour);
        policy.ttl_seconds_max(KID, &policy.moment(now), now)
    };
    let bedtime = ["window bedtime 20:30-06:30 block everything"];
    let bedtime_and_ttl = [bedtime[0], "ttl 60"];
    assert_eq!(seconds(&["ttl 60"], "mon", "12:00"), 60);
    assert_eq!(seconds(&bedtime_and_ttl, "mon", "20:00"), 60);
    assert_eq!(seconds(&bedtime_and_ttl, "mon", "20:29:15"), 45);
    // Whole seconds, cut; at least one.
    assert_eq!(seconds(&bedtime_and_ttl, "mon", "20:29:15.2"), 44);
    assert_eq!(seconds(&bedtime_and_ttl, "mon", "20:29:59.5"), 1);
    // Blocked answers end with the window too.
    assert_eq!(seconds(&bedtime_and_ttl, "tue", "06:29:50"), 10);
    assert_eq!(seconds(&bedtime, "mon", "19:30"), 3600);
    assert_eq!(seconds(&[], "mon", "12:00"), u32::MAX);
    // Nobody has looked further than the horizon.
    assert_eq!(seconds(&["window always 00:00-24:00 block games"], "mon", "12:00"), 8 * 86_400);
}

#[test]
fn a_moment_holds_until_the_next_boundary() {
    let policy = kid(&["window bedtime 20:30-06:30 block everything"]);
    let (noon, half_past) = (time("mon", "12:00"), time("mon", "20:30"));
    let moment = policy.moment(noon);
    assert_eq!((moment.from, moment.until), (noon, half_past));
    let nanosecond = SignedDuration::from_nanos(1);
    assert!(moment.holds_at(noon) && moment.holds_at(half_past - nanosecond));
    assert!(!moment.holds_at(half_past));
    // A clock that was set back.
    assert!(!moment.holds_at(noon - nanosecond));
    assert_eq!(policy.moment(half_past).until, time("tue", "06:30"));
    assert_eq!(moment.next_change(KID), Some(half_past));
    assert_eq!(moment.next_change(SubjectId::UNKNOWN), None);
}

#[test]
fn a_moment_ends_at_the_horizon_when_nothing_changes_before() {
    let mut policy = kid(&["window trip 08:00-20:00 block everything"]);
    let christmas = (date(2026, 12, 24), date(2026, 12, 24));
    policy.household.subjects[1].rules.schedules[0].dates = vec![christmas];
    let mut now = time("mon", "12:00");
    let mut steps = 0;
    while policy.moment(now).windows(KID).is_empty() {
        let until = policy.moment(now).until;
        assert!(now < until && until <= now + HORIZON);
        (now, steps) = (until, steps + 1);
    }
    assert_eq!(now.to_string(), "2026-12-24T14:00:00Z");
    assert_eq!(steps, 4);
}

#[test]
fn each_step_of_an_explanation_is_a_row_of_the_order() {
    let policy =
        kid(&["window w 11:00-13:00 block games", "child allow roblox.com", "closed games"]);
    let explanation =
        policy.explain(KID, &name("roblox.com"), &policy.moment(time("mon", "12:00")));
    let speaking: Vec<Step> = explanation
        .steps
        .iter()
        .filter(|(_, verdict)| verdict.is_some())
        .map(|(step, _)| *step)
        .collect();
    assert_eq!(speaking, [Step::Schedules, Step::Names, Step::Lists]);
    assert_eq!(explanation.until, Some(time("mon", "13:00")));
}
