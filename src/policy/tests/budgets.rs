//! What holds for a while beside the rules, pair by pair: pauses, grants, budgets.
//!
//! [`for_a_while`] makes what holds from lines; [`check_with`] asks.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::budget::{Budget, BudgetMode};
use super::passing::{ForAWhile, OfSubject, Passing, Used};
use super::rules::What;
use super::*;

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

// === The language of the claims ===

/// `internet`, a tag or a name.
fn what(word: &str) -> What {
    if word == "internet" {
        return What::Everything;
    }
    if let Some(tag) = tag(word) {
        return What::Tag(tag);
    }
    let (name, reach) = reach(word);
    What::Name(name, reach)
}

/// `youtube 60`, `games 45 sat 0 sun - started`.
pub(super) fn budget(words: &[&str]) -> Budget {
    let minutes = |text: &str| (text != "-").then(|| text.parse().unwrap());
    let mut budget = Budget {
        id: words[0].to_owned(),
        what: what(words[0]),
        minutes: [minutes(words[1]); 7],
        mode: BudgetMode::Measured,
    };
    for pair in words[2..].chunks(2) {
        match *pair {
            ["started"] => budget.mode = BudgetMode::Started,
            [day, of_day] => {
                let place = DAYS.iter().position(|known| *known == day).unwrap();
                budget.minutes[place] = minutes(of_day);
            }
            _ => panic!("{words:?}"),
        }
    }
    budget
}

fn date_of(day: &str) -> Date {
    let place = DAYS.iter().position(|known| *known == day).unwrap();
    MONDAY.checked_add(jiff::Span::new().days(i64::try_from(place).unwrap())).unwrap()
}

/// `pause mon 21:00`, `free …`, `grant WORD …`, `close WORD …`: until then. `used WORD mon`: that
/// day, something of it; with a time: from then on nothing is left. `running WORD mon`, with a time
/// until then. `unknown`: nobody knows the time.
fn for_a_while(policy: &Policy, lines: &[&str]) -> Passing {
    let mut kid = OfSubject::default();
    let mut time_unknown = false;
    let place = |word: &str| {
        let budgets = &policy.household.subjects[1].rules.budgets;
        budgets.iter().position(|budget| budget.id == word).unwrap()
    };
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["pause", day, hour] => kid.paused_until = Some(time(day, hour)),
            ["free", day, hour] => kid.freed_until = Some(time(day, hour)),
            ["grant", word, day, hour] => {
                kid.opened.push(ForAWhile { what: what(word), until: time(day, hour) });
            }
            ["close", word, day, hour] => {
                kid.closed.push(ForAWhile { what: what(word), until: time(day, hour) });
            }
            [verb @ ("used" | "running"), word, day, ..] => {
                let none = Used { day: date(2000, 1, 1), closes: None, is_running: false };
                kid.used.resize(kid.used.len().max(place(word) + 1), none);
                let closes = words.get(3).map(|hour| time(day, hour));
                kid.used[place(word)] =
                    Used { day: date_of(day), closes, is_running: verb == "running" };
            }
            ["unknown"] => time_unknown = true,
            _ => panic!("{line}"),
        }
    }
    Passing { time_unknown, subjects: vec![OfSubject::default(), kid] }
}

/// Claims about a child with these rules while this holds.
#[track_caller]
fn check_while(rules: &[&str], lines: &[&str], claims: &[(&str, &str)]) {
    let policy = kid(rules);
    check_with(&policy, &for_a_while(&policy, lines), claims);
}

/// The budgets that a question counts against.
fn counts(rules: &[&str], lines: &[&str], claim: &str) -> Vec<String> {
    let policy = kid(rules);
    let words: Vec<&str> = claim.split(' ').collect();
    let moment = policy.moment_with(time(words[0], words[1]), &for_a_while(&policy, lines));
    let metered = policy.decide(KID, &name(words[2]), &moment).metered;
    let budgets = &policy.subject(KID).rules.budgets;
    metered.places().map(|place| budgets[place].id.clone()).collect()
}

fn seconds(rules: &[&str], lines: &[&str], day: &str, hour: &str) -> u32 {
    let policy = kid(rules);
    let now = time(day, hour);
    let moment = policy.moment_with(now, &for_a_while(&policy, lines));
    policy.ttl_seconds_max(KID, &moment, now)
}

// === Pauses ===

#[test]
fn a_pause_closes_all_but_essentials_and_the_familys_own_names() {
    check_while(
        &["child allow school.gt", "only youtube"],
        &["pause mon 13:00"],
        &[
            ("mon 12:00 school.gt", "block pause"),
            ("mon 12:00 youtube.com", "block pause"),
            ("mon 12:59:59.999 cats.com", "block pause"),
            ("mon 12:00 pool.ntp.org", "allow essential"),
            ("mon 12:00 help.example", "allow essential"),
            ("mon 12:00 amparo.test", "local local"),
            ("mon 13:00 school.gt", "allow allow_rule school.gt"),
        ],
    );
    check_while(&["refused"], &["pause mon 13:00"], &[("mon 12:00 x.com", "block unknown_device")]);
}

#[test]
fn a_pause_beats_grants_and_windows() {
    check_while(
        &["window homework 11:00-14:00 only wikipedia.org", "budget youtube 60"],
        &["pause mon 13:00", "grant youtube mon 15:00", "grant x.com mon 15:00", "free mon 15:00"],
        &[
            ("mon 12:00 youtube.com", "block pause"),
            ("mon 12:00 x.com", "block pause"),
            ("mon 12:00 wikipedia.org", "block pause"),
            ("mon 13:00 youtube.com", "allow grant youtube"),
        ],
    );
}

// === Grants ===

#[test]
fn a_granted_name_is_open_whatever_closes_it() {
    for closing in [
        "window bedtime 11:00-14:00 block everything",
        "window homework 11:00-14:00 only wikipedia.org",
        "household block roblox.com",
        "child block kids.roblox.com",
        "closed games",
        "internet",
        "only wikipedia.org",
        "budget games 0",
        "budget internet 60 started",
    ] {
        check_while(
            &[closing],
            &["grant roblox.com mon 13:00"],
            &[
                ("mon 12:00 roblox.com", "allow grant roblox.com"),
                ("mon 12:00 kids.roblox.com", "allow grant roblox.com"),
                ("mon 12:59:59.999 roblox.com", "allow grant roblox.com"),
            ],
        );
        let policy = kid(&[closing]);
        let moment = policy.moment_with(
            time("mon", "13:00"),
            &for_a_while(&policy, &["grant roblox.com mon 13:00"]),
        );
        let after = policy.decide(KID, &name("kids.roblox.com"), &moment);
        assert_eq!(after.action, Action::Block, "{closing}");
    }
}

#[test]
fn a_name_granted_alone_opens_nothing_below_it() {
    check_while(
        &["closed games"],
        &["grant =roblox.com mon 13:00"],
        &[
            ("mon 12:00 roblox.com", "allow grant roblox.com"),
            ("mon 12:00 kids.roblox.com", "block category games"),
        ],
    );
}

#[test]
fn a_granted_service_opens_its_names_save_those_that_something_else_closes() {
    check_while(
        &["closed video adult youtube", "window bedtime 11:00-14:00 block everything"],
        &["grant youtube mon 13:00"],
        &[
            ("mon 12:00 m.youtube.com", "allow grant youtube"),
            ("mon 12:00 videos.youtube.com", "block schedule bedtime"),
            ("mon 12:00 cats.com", "block schedule bedtime"),
        ],
    );
    check_while(
        &["closed video adult", "child block m.youtube.com", "only wikipedia.org"],
        &["grant video mon 13:00"],
        &[
            ("mon 12:00 youtube.com", "allow grant video"),
            ("mon 12:00 videos.youtube.com", "block category adult"),
            // The parent wrote that name: it opens by its name.
            ("mon 12:00 m.youtube.com", "block block_rule m.youtube.com"),
        ],
    );
    // What is in two categories needs both.
    check_while(
        &["closed video social games"],
        &["grant games mon 13:00", "grant social mon 12:30"],
        &[
            ("mon 12:30 roblox.com", "allow grant games"),
            ("mon 12:00 chat.roblox.com", "allow grant games"),
            ("mon 12:30 chat.roblox.com", "block category social"),
        ],
    );
    check_while(
        &["child block m.youtube.com"],
        &["grant youtube mon 13:00", "grant m.youtube.com mon 12:30"],
        &[
            ("mon 12:00 m.youtube.com", "allow grant m.youtube.com"),
            ("mon 12:30 m.youtube.com", "block block_rule m.youtube.com"),
        ],
    );
}

#[test]
fn granted_time_lifts_windows_and_budgets_and_nothing_else() {
    check_while(
        &[
            "window bedtime 11:00-14:00 block everything",
            "window homework 11:00-14:00 only wikipedia.org",
            "budget youtube 60",
            "budget internet 0",
            "closed adult tiktok pets",
            "child block x.com",
        ],
        &["free mon 13:00", "used youtube mon 11:00"],
        &[
            ("mon 12:00 news.com", "allow default"),
            ("mon 12:00 youtube.com", "allow default"),
            ("mon 12:00 xxx.com", "block category adult"),
            ("mon 12:00 tiktok.com", "block service tiktok"),
            ("mon 12:00 cats.com", "block list pets"),
            ("mon 12:00 x.com", "block block_rule x.com"),
            ("mon 13:00 news.com", "block schedule bedtime"),
            ("mon 14:00 youtube.com", "block budget youtube"),
        ],
    );
    check_while(
        &["only wikipedia.org"],
        &["free mon 13:00"],
        &[("mon 12:00 cats.com", "block only")],
    );
    check_while(
        &["internet"],
        &["free mon 13:00"],
        &[("mon 12:00 x.com", "block block_rule internet")],
    );
}

#[test]
fn a_target_in_what_is_granted_is_not_closed_by_its_service_or_category() {
    let policy = kid(&["closed video adult youtube", "household block m.youtube.com"]);
    let said_of = |lines: &[&str], target: &str| {
        let moment = policy.moment_with(time("mon", "12:00"), &for_a_while(&policy, lines));
        let target = name(target);
        let verdict = policy.judge_target(KID, &target, &moment);
        verdict.map_or("-".to_owned(), |verdict| said(&policy, &target, verdict))
    };
    let granted = ["grant youtube mon 13:00"];
    assert_eq!(said_of(&[], "youtube.com"), "block service youtube");
    assert_eq!(said_of(&granted, "youtube.com"), "allow grant youtube");
    assert_eq!(said_of(&granted, "videos.youtube.com"), "block category adult");
    assert_eq!(said_of(&granted, "m.youtube.com"), "block block_rule m.youtube.com");
}

#[test]
fn what_is_granted_does_not_count() {
    let rules = ["budget youtube 60", "budget internet 120"];
    assert_eq!(counts(&rules, &[], "mon 12:00 youtube.com"), ["youtube", "internet"]);
    assert!(counts(&rules, &["grant youtube mon 13:00"], "mon 12:00 youtube.com").is_empty());
    assert!(counts(&rules, &["grant youtube.com mon 13:00"], "mon 12:00 youtube.com").is_empty());
    assert!(counts(&rules, &["free mon 13:00"], "mon 12:00 youtube.com").is_empty());
    assert_eq!(counts(&rules, &["free mon 13:00"], "mon 13:00 youtube.com").len(), 2);
}

// === What is closed for a while ===

#[test]
fn what_a_parent_closes_for_a_while_is_closed_as_if_it_were_written() {
    check_while(
        &["child allow good.x.com", "excused youtube from video"],
        &["close x.com mon 13:00", "close video mon 13:00", "close =y.com mon 13:00"],
        &[
            ("mon 12:00 www.x.com", "block block_rule x.com"),
            // It was said last.
            ("mon 12:00 good.x.com", "block block_rule x.com"),
            ("mon 12:00 youtube.com", "block category video"),
            ("mon 12:00 y.com", "block block_rule y.com"),
            ("mon 12:00 www.y.com", "allow default"),
            ("mon 13:00 www.x.com", "allow default"),
            ("mon 13:00 good.x.com", "allow allow_rule good.x.com"),
            ("mon 13:00 youtube.com", "allow default"),
        ],
    );
}

// === Budgets ===

#[test]
fn a_budget_closes_when_nothing_is_left_and_opens_with_the_next_day() {
    check_while(
        &["budget youtube 60"],
        &["used youtube mon 18:00"],
        &[
            ("mon 17:59:59.999 m.youtube.com", "allow default"),
            ("mon 18:00 m.youtube.com", "block budget youtube"),
            ("mon 18:00 cats.com", "allow default"),
            ("tue 03:59:59.999 youtube.com", "block budget youtube"),
            ("tue 04:00 youtube.com", "allow default"),
        ],
    );
    check_while(
        &["budget youtube 60"],
        &["used youtube mon"],
        &[("mon 23:00 youtube.com", "allow default")],
    );
}

#[test]
fn the_parents_own_names_and_windows_speak_before_a_budget_and_lists_after_it() {
    check_while(
        &[
            "budget internet 60",
            "child allow school.gt",
            "child block x.com",
            "closed adult",
            "window bedtime 20:00-21:00 block everything",
        ],
        &["used internet mon 18:00"],
        &[
            ("mon 19:00 www.school.gt", "allow allow_rule school.gt"),
            ("mon 19:00 x.com", "block block_rule x.com"),
            ("mon 19:00 xxx.com", "block budget internet"),
            ("mon 19:00 pool.ntp.org", "allow essential"),
            ("mon 20:00 xxx.com", "block schedule bedtime"),
        ],
    );
    // Neither a garden nor the exception of a window is more open than the time that is left.
    check_while(
        &[
            "budget youtube 0",
            "only youtube games",
            "window w 11:00-13:00 block games allow m.youtube.com",
        ],
        &[],
        &[
            ("mon 10:00 youtube.com", "block budget youtube"),
            ("mon 12:00 m.youtube.com", "block budget youtube"),
            ("mon 12:00 roblox.com", "block schedule w"),
        ],
    );
}

#[test]
fn the_first_budget_that_is_used_up_gives_the_reason() {
    check_while(
        &["budget youtube 60", "budget video 60", "budget youtube.com 60"],
        &["used video mon 18:00", "used youtube.com mon 17:00"],
        &[
            ("mon 17:00 youtube.com", "block budget youtube.com"),
            ("mon 18:00 youtube.com", "block budget video"),
        ],
    );
}

#[test]
fn what_counts_is_what_the_budget_would_close() {
    let rules = [
        "budget youtube 60",
        "budget video 60 sun -",
        "budget =m.youtube.com 60",
        "budget internet 60",
        "child allow school.gt",
        "closed adult",
        "only youtube games school.gt cats.com",
        "window w 11:00-13:00 block pets allow chat.roblox.com",
        "youtube strict",
    ];
    let all = ["youtube", "video", "=m.youtube.com", "internet"];
    // In its safe form too.
    assert_eq!(counts(&rules, &[], "mon 12:00 m.youtube.com"), all);
    assert_eq!(counts(&rules, &[], "sun 12:00 m.youtube.com"), [all[0], all[2], all[3]]);
    assert_eq!(counts(&rules, &[], "mon 12:00 x.m.youtube.com"), [all[0], all[1], all[3]]);
    // In a garden, and by the exception of a window.
    assert_eq!(counts(&rules, &[], "mon 12:00 roblox.com"), ["internet"]);
    assert_eq!(counts(&rules[..8], &[], "mon 12:00 chat.roblox.com"), ["internet"]);
    for none in ["school.gt", "pool.ntp.org", "xxx.com", "cats.com", "amparo.test", "localhost"] {
        assert!(counts(&rules, &[], &format!("mon 12:00 {none}")).is_empty(), "{none}");
    }
    // Names that devices ask for by themselves count no time and are closed with the rest.
    for noise in ["telemetry.youtube.com", "a.telemetry.youtube.com"] {
        assert!(counts(&rules, &[], &format!("mon 12:00 {noise}")).is_empty());
    }
    let (used, noise) = (["used youtube mon 11:00"], "mon 12:00 telemetry.youtube.com");
    check_while(&["budget youtube 60"], &used, &[(noise, "block budget youtube")]);
}

#[test]
fn a_day_without_minutes_is_closed_from_its_first_second() {
    check_while(
        &["budget games 60 sat 0 sun -"],
        &["used games fri", "used games sun 05:00"],
        &[
            ("sat 03:59:59.999 roblox.com", "allow default"),
            ("sat 04:00 roblox.com", "block budget games"),
            ("sun 03:59:59.999 roblox.com", "block budget games"),
            // No limit: whatever was used.
            ("sun 04:00 roblox.com", "allow default"),
            ("sun 06:00 roblox.com", "allow default"),
        ],
    );
    assert!(counts(&["budget games 60 sun -"], &[], "sun 12:00 roblox.com").is_empty());
}

#[test]
fn what_is_started_is_closed_unless_it_runs() {
    check_while(
        &["budget games 60 sun - started"],
        &[],
        &[
            ("mon 12:00 roblox.com", "block budget games"),
            ("sun 12:00 roblox.com", "allow default"),
        ],
    );
    check_while(
        &["budget games 60 started"],
        &["running games mon 18:00"],
        &[
            ("mon 17:59:59.999 roblox.com", "allow default"),
            ("mon 18:00 roblox.com", "block budget games"),
            ("tue 12:00 roblox.com", "block budget games"),
        ],
    );
    check_while(
        &["budget games 60 started"],
        &["used games mon"],
        &[("mon 12:00 roblox.com", "block budget games")],
    );
    // It ends with its day.
    check_while(
        &["budget games 600 started"],
        &["running games mon"],
        &[
            ("tue 03:59:59.999 roblox.com", "allow default"),
            ("tue 04:00 roblox.com", "block budget games"),
        ],
    );
    assert_eq!(
        counts(&["budget games 60 started"], &["running games mon"], "mon 12:00 roblox.com"),
        ["games"]
    );
}

// === Nobody knows the time ===

#[test]
fn while_nobody_knows_the_time_the_stricter_side_holds() {
    let rules = [
        "window bedtime 20:30-06:30 block games",
        "window homework 15:00-17:00 only wikipedia.org school.gt allow cats.com",
        "child allow school.gt",
        "closed adult",
    ];
    let claims = [
        ("mon 12:00 roblox.com", "block schedule bedtime"),
        ("mon 12:00 news.com", "block schedule homework"),
        ("mon 12:00 wikipedia.org", "allow default"),
        ("mon 12:00 school.gt", "allow allow_rule school.gt"),
        ("mon 12:00 pool.ntp.org", "allow essential"),
    ];
    check_while(&rules, &["unknown"], &claims);
    let grants = ["grant news.com mon 13:00", "grant games mon 13:00", "free mon 13:00"];
    check_while(&rules, &[&["unknown"], &grants[..]].concat(), &claims);
    // Pauses hold, over or not; what the parent closed too.
    check_while(
        &rules,
        &["unknown", "pause mon 11:00", "close cats.com mon 11:00"],
        &[("mon 12:00 school.gt", "block pause"), ("mon 12:00 cats.com", "block pause")],
    );
    check_while(
        &[],
        &["unknown", "close cats.com mon 11:00"],
        &[
            ("mon 12:00 cats.com", "block block_rule cats.com"),
            ("mon 12:00 x.com", "allow default"),
        ],
    );
}

#[test]
fn while_nobody_knows_the_time_what_was_used_up_stays_so() {
    // Whichever day the clock shows, and whenever it was.
    for line in ["used youtube mon 18:00", "used youtube fri 23:00"] {
        for budget in ["budget youtube 60", "budget youtube 60 wed -"] {
            let claims = [("wed 12:00 youtube.com", "block budget youtube")];
            check_while(&[budget], &["unknown", line], &claims);
        }
    }
    let open = [("wed 12:00 youtube.com", "allow default")];
    check_while(&["budget youtube 60"], &["unknown", "used youtube mon"], &open);
    // A day without minutes may be today.
    let closed = [("wed 12:00 youtube.com", "block budget youtube")];
    check_while(&["budget youtube 60 sat 0"], &["unknown"], &closed);
    check_while(&["budget youtube 60 started"], &["unknown"], &closed);
}

// === Boundaries ===

#[test]
fn no_answer_outlives_what_holds_for_a_while() {
    let mon = |rules: &[&str], lines: &[&str], hour: &str| seconds(rules, lines, "mon", hour);
    assert_eq!(mon(&[], &["pause mon 13:00"], "12:59:30"), 30);
    assert_eq!(mon(&[], &["free mon 13:00"], "12:59:30"), 30);
    assert_eq!(mon(&[], &["grant x.com mon 13:00"], "12:59:15"), 45);
    assert_eq!(mon(&[], &["close tiktok mon 13:00"], "12:59:15.5"), 44);
    assert_eq!(mon(&["budget games 60"], &["used games mon 13:00"], "12:59:59.5"), 1);
    assert_eq!(mon(&["budget games 60 started"], &["running games mon 13:00"], "12:59:50"), 10);
    // The nearest of them; what is over is none.
    let many = ["pause mon 12:00", "grant x.com mon 13:00", "close y.com mon 12:59:45"];
    assert_eq!(mon(&[], &many, "12:59:30"), 15);
    assert_eq!(mon(&[], &many, "13:00"), u32::MAX);
    // The next day of budgets, where it gives time or takes it.
    let used = ["used games mon 13:00"];
    assert_eq!(seconds(&["budget games 60"], &used, "tue", "03:59:20"), 40);
    assert_eq!(seconds(&["budget games 60"], &[], "tue", "03:59:20"), u32::MAX);
    assert_eq!(seconds(&["budget games 60 wed 0"], &[], "wed", "03:59:59"), 1);
    let ttl = ["ttl 60", "budget games 60"];
    assert_eq!(seconds(&ttl, &["pause mon 13:00"], "mon", "12:00"), 60);
}

#[test]
fn a_moment_ends_with_what_holds_for_a_while() {
    let policy = kid(&["budget games 60", "window bedtime 20:30-06:30 block everything"]);
    let until = |lines: &[&str], day: &str, hour: &str| {
        policy.moment_with(time(day, hour), &for_a_while(&policy, lines)).until
    };
    assert_eq!(until(&[], "mon", "12:00"), time("mon", "20:30"));
    assert_eq!(until(&[], "mon", "20:30"), time("tue", "06:30"));
    assert_eq!(until(&["used games mon 12:02"], "mon", "20:30"), time("tue", "04:00"));
    assert_eq!(until(&["pause mon 12:01"], "mon", "12:00"), time("mon", "12:01"));
    assert_eq!(until(&["used games mon 12:02"], "mon", "12:00"), time("mon", "12:02"));
    assert_eq!(until(&["used games mon 12:02"], "mon", "12:02"), time("mon", "20:30"));
    let moment = policy.moment_with(
        time("mon", "12:00"),
        &for_a_while(&policy, &["used games mon 12:00", "free mon 11:00", "pause mon 13:00"]),
    );
    assert!(moment.is_paused(KID) && moment.freed_until(KID).is_none());
    assert_eq!(moment.budgets(KID).1.places().collect::<Vec<_>>(), [0]);
}

#[test]
fn a_name_closed_for_a_while_exists_while_something_below_it_is_open() {
    let at_noon = |rules: &[&str], lines: &[&str], asked: &str| {
        let policy = kid(rules);
        let moment = policy.moment_with(time("mon", "12:00"), &for_a_while(&policy, lines));
        policy.closes_all_below(KID, &name(asked), &moment)
    };
    let used = ["used youtube mon 11:00"];
    for (rules, lines, asked, expected) in [
        (&["child allow a.x.com"][..], &["pause mon 13:00"][..], "x.com", true),
        (&[], &["pause mon 13:00", "grant a.x.com mon 13:00"], "x.com", true),
        (&[], &["pause mon 13:00"], "ntp.org", false),
        (&["budget youtube 60"], &used, "youtube.com", true),
        (&["budget youtube 60"], &used, "com", false),
        (&["budget youtube 60", "child allow m.youtube.com"], &used, "youtube.com", false),
        (&["budget =x.com 0"], &[], "x.com", false),
        (&["budget x.com 0"], &[], "x.com", true),
        (&["closed games"], &["grant kids.roblox.com mon 13:00"], "roblox.com", false),
        (&["closed games"], &["grant kids.roblox.com mon 12:00"], "roblox.com", true),
        // Where the names of a service lie nobody knows.
        (&["closed games"], &["grant youtube mon 13:00"], "roblox.com", false),
        (&[], &["close x.com mon 13:00"], "x.com", true),
        (&[], &["close =x.com mon 13:00"], "x.com", false),
    ] {
        assert_eq!(at_noon(rules, lines, asked), expected, "{rules:?} {lines:?} {asked}");
    }
}

/// What may hold for a while at noon, over or not.
fn passing_lines() -> impl Strategy<Value = Vec<String>> {
    let words =
        ["youtube", "video", "games", "social", "x.com", "=a.x.com", "m.youtube.com", "com"];
    let hours = ["11:00", "12:00", "13:00"];
    let pause = select(hours.to_vec()).prop_map(|hour| format!("pause mon {hour}"));
    let free = select(hours.to_vec()).prop_map(|hour| format!("free mon {hour}"));
    let word = (select(&["grant", "close"][..]), select(words.to_vec()), select(hours.to_vec()))
        .prop_map(|(verb, word, hour)| format!("{verb} {word} mon {hour}"));
    let used = (select(&["used", "running"][..]), select(&["youtube", "internet"][..]))
        .prop_flat_map(move |(verb, word)| {
            let closes = prop::option::of(select(hours.to_vec()));
            closes.prop_map(move |closes| match closes {
                Some(hour) => format!("{verb} {word} mon {hour}"),
                None => format!("{verb} {word} mon"),
            })
        });
    let unknown = prop::bool::weighted(0.1).prop_map(|is| is.then(|| "unknown".to_owned()));
    let rarely = |line| prop::option::weighted(0.15, line);
    (rarely(pause.boxed()), rarely(free.boxed()), vec(word, 0..4), vec(used, 0..2), unknown)
        .prop_map(|(pause, free, words, used, unknown)| {
            let once = pause.into_iter().chain(free).chain(unknown);
            words.into_iter().chain(used).chain(once).collect()
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn below_a_name_that_may_be_said_not_to_exist_everything_is_closed(
        rules in vec(select(&[
            "closed games", "closed video adult", "child allow a.x.com", "child block x.com",
            "profile block youtube.com", "internet", "only youtube cats.com", "excused youtube from video",
            "window w 11:00-13:00 block video allow m.youtube.com", "window v 11:00-13:00 only x.com",
        ][..]), 0..5),
        mode in select(&["", " started"][..]),
        minutes in (select(&["0", "60", "-"][..]), select(&["0", "60"][..])),
        lines in passing_lines(),
        seed in any::<Index>(),
    ) {
        let budgets = [
            format!("budget youtube {}{mode}", minutes.0),
            format!("budget internet {}", minutes.1),
        ];
        let rules: Vec<&str> =
            rules.into_iter().chain(budgets.iter().map(String::as_str)).collect();
        let policy = kid(&rules);
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let passing = for_a_while(&policy, &lines);
        let moment = policy.moment_with(time("mon", "12:00"), &passing);
        let names = [
            "com", "x.com", "a.x.com", "b.a.x.com", "youtube.com", "m.youtube.com",
            "videos.youtube.com", "telemetry.youtube.com", "roblox.com", "chat.roblox.com",
            "cats.com", "n.cats.com", "org", "ntp.org", "pool.ntp.org", "amparo.test",
        ]
        .map(name);
        for above in &names {
            if !policy.closes_all_below(KID, above, &moment) {
                continue;
            }
            for below in names.iter().filter(|name| *name != above && name.is_at_or_below(above)) {
                let verdict = policy.decide(KID, below, &moment);
                prop_assert_eq!(verdict.action, Action::Block, "{} {:?} {:?}", below, rules, lines);
            }
        }
        // Explaining says the same, and what counts is open.
        let asked = seed.get(&names);
        let verdict = policy.decide(KID, asked, &moment);
        prop_assert_eq!(policy.explain(KID, asked, &moment).verdict, verdict);
        prop_assert!(verdict.metered.is_empty() || verdict.action != Action::Block);
        let (counting, used_up) = moment.budgets(KID);
        prop_assert!(verdict.metered.minus(counting).is_empty());
        prop_assert!(used_up.minus(counting).is_empty());
        prop_assert!(verdict.metered.minus(used_up) == verdict.metered);
    }
}
