//! What time decides changes at the boundaries it names and nowhere else, and no answer outlives
//! one.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::policy::hours::tests::{ZONES, jumps};
use crate::policy::passing::{ForAWhile, OfSubject, Passing, Used};
use crate::policy::rules::What;

/// Names that rules of every kind speak of, and one that none does.
const NAMES: &[&str] =
    &["www.tiktok.com", "m.youtube.com", "roblox.com", "chat.roblox.com", "school.gt", "cats.com"];

/// What a window closes and opens.
const SECTIONS: &[&[&str]] = &[
    &["block", "everything"],
    &["block", "social", "tiktok"],
    &["only", "school.gt"],
    &["block", "everything", "allow", "games", "cats.com"],
    &["allow", "youtube.com"],
    &["block", "games", "only", "video"],
];

/// One child: rules, where its clock is, and what holds for a while, in milliseconds from now.
#[derive(Debug, Clone)]
struct Drawn {
    zone: &'static str,
    lines: Vec<&'static str>,
    windows: Vec<Schedule>,
    paused: Option<i64>,
    freed: Option<i64>,
    opened: Vec<(&'static str, i64)>,
    closed: Vec<(&'static str, i64)>,
    /// Of each budget: how many days ago it was used, from when on nothing is left, whether it runs.
    used: Vec<(i64, Option<i64>, bool)>,
}

/// Some are near, some far, some past.
fn ends() -> impl Strategy<Value = i64> {
    prop_oneof![4 => -5_000..400_000i64, 2 => 0..90_000_000i64]
}

fn schedule() -> impl Strategy<Value = Schedule> {
    let sections = select(SECTIONS);
    let dates = || option::weighted(0.2, (0..3_650i64, 0..20i64));
    (1..128u8, 0..1_440u16, 1..=1_440u16, sections, dates(), dates())
        .prop_filter("a window has a length", |(_, start, end, ..)| start != end)
        .prop_map(|(days, start, end, sections, dates, except)| {
            let words: Vec<&str> = [&["00:00-01:00"], sections].concat();
            let range = |range: Option<(i64, i64)>| -> Vec<(Date, Date)> {
                let day = |days: i64| date(2026, 1, 1) + jiff::Span::new().days(days);
                range.into_iter().map(|(from, days)| (day(from), day(from + days))).collect()
            };
            let (days, span) = (Days(days), Span { start, end });
            let (dates, except) = (range(dates), range(except));
            Schedule { days, span, dates, except, ..window("w", &words) }
        })
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let lines = proptest::sample::subsequence(
        vec![
            "closed games",
            "child block school.gt",
            "child allow m.youtube.com",
            "ttl 60",
            "budget games 40 wed -",
            "budget video 30 mon 0 sun 0",
            "budget internet 90 started",
        ],
        0..7,
    );
    let words = || select(&["social", "games", "video", "roblox.com", "=cats.com"][..]);
    let said = || vec((words(), ends()), 0..3);
    let used = vec((0..2i64, option::of(ends()), any::<bool>()), 0..4);
    let rules = (select(ZONES), lines, vec(schedule(), 0..4));
    let spans = (option::weighted(0.2, ends()), option::weighted(0.2, ends()), said(), said());
    (rules, spans, used).prop_map(|((zone, lines, windows), spans, used)| {
        let (paused, freed, opened, closed) = spans;
        Drawn { zone, lines, windows, paused, freed, opened, closed, used }
    })
}

/// Any second of ten years, or one around a jump of the zone.
fn moments(zone: &str, far: i64, near: Option<i64>, which: prop::sample::Index) -> Timestamp {
    let jumps = jumps(&TimeZone::get(zone).unwrap());
    let at = |seconds| SignedDuration::from_secs(seconds);
    match near {
        Some(near) if !jumps.is_empty() => *which.get(&jumps) + at(near),
        Some(_) | None => "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap() + at(far),
    }
}

fn policy(drawn: &[Drawn]) -> Policy {
    let mut household = household(&[]);
    let nobody = household.subjects.remove(1);
    for drawn in drawn {
        let mut rules = rules(&drawn.lines);
        rules.schedules.clone_from(&drawn.windows);
        let zone = TimeZone::get(drawn.zone).unwrap();
        household.subjects.push(Subject { zone, rules, ..nobody.clone() });
    }
    Policy::new(household, Arc::new(listed()))
}

fn passing(policy: &Policy, drawn: &[Drawn], time_unknown: bool, now: Timestamp) -> Passing {
    let at = |millis| now + SignedDuration::from_millis(millis);
    let what = |word: &str| match tag(word) {
        Some(tag) => What::Tag(tag),
        None => What::Name(reach(word).0, reach(word).1),
    };
    let said = |words: &[(&str, i64)]| -> Vec<ForAWhile> {
        words.iter().map(|(word, end)| ForAWhile { what: what(word), until: at(*end) }).collect()
    };
    let of_subject = |(drawn, subject): (&Drawn, &Subject)| {
        let today = budget::day_of(now, &subject.zone, policy.household.day_starts);
        let used = drawn.used.iter().map(|(ago, closes, is_running)| Used {
            day: today - jiff::Span::new().days(*ago),
            closes: closes.map(at),
            is_running: *is_running,
        });
        OfSubject {
            paused_until: drawn.paused.map(at),
            freed_until: drawn.freed.map(at),
            opened: said(&drawn.opened),
            closed: said(&drawn.closed),
            used: used.collect(),
        }
    };
    let subjects = drawn.iter().zip(&policy.household.subjects[1..]).map(of_subject);
    let subjects = [OfSubject::default()].into_iter().chain(subjects).collect();
    Passing { time_unknown, subjects }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_answer_outlives_what_it_was_given_for(
        drawn in vec(drawn(), 1..4),
        time_unknown in prop::bool::weighted(0.15),
        far in 0..315_000_000i64,
        near in option::of(-100_000..10_000i64),
        which in any::<prop::sample::Index>(),
    ) {
        let policy = policy(&drawn);
        let now = moments(drawn[0].zone, far, near, which);
        let passing = passing(&policy, &drawn, time_unknown, now);
        let moment = policy.moment_with(now, &passing);
        for (place, _) in policy.household.subjects.iter().enumerate() {
            let subject = SubjectId(u16::try_from(place).unwrap());
            let cap = i64::from(policy.ttl_seconds_max(subject, &moment, now)).min(9 * 86_400);
            prop_assert!(cap >= 1);
            // Every second of the first minutes and of the last, and some of the others.
            let seconds = (0..cap).filter(|s| *s < 90 || cap - s < 30 || s % 9_973 == 0);
            for second in seconds {
                let later = now + SignedDuration::from_secs(second);
                let then = policy.moment_with(later, &passing);
                for text in NAMES {
                    let (name, before) = (name(text), &moment);
                    let was = policy.decide(subject, &name, before);
                    let is = policy.decide(subject, &name, &then);
                    prop_assert_eq!(was, is, "{} {} {} s later", now, text, second);
                    let was = policy.judge_target(subject, &name, before);
                    let is = policy.judge_target(subject, &name, &then);
                    prop_assert_eq!(was, is, "{} target {} {} s later", now, text, second);
                }
            }
        }
    }
}

/// Goes from boundary to boundary for so many days: each of them changes something, and nothing
/// changes between two. How many there were.
fn walk(drawn: &[Drawn], from: Timestamp, days: i64) -> usize {
    let policy = policy(drawn);
    let subjects: Vec<SubjectId> =
        (0..=u16::MAX).map(SubjectId).zip(&policy.household.subjects).map(|(id, _)| id).collect();
    let said = |moment: &Moment| -> Vec<(Vec<u16>, budget::BudgetSet, Vec<Verdict>)> {
        let of_subject = |&subject: &SubjectId| {
            let verdicts = NAMES.iter().map(|text| policy.decide(subject, &name(text), moment));
            (moment.windows(subject).to_vec(), moment.budgets(subject).0, verdicts.collect())
        };
        subjects.iter().map(of_subject).collect()
    };
    let day_at = |now: Timestamp| -> Vec<Date> {
        let subjects = policy.household.subjects.iter();
        subjects.map(|one| budget::day_of(now, &one.zone, policy.household.day_starts)).collect()
    };
    let end = from + SignedDuration::from_hours(24 * days);
    let (mut now, mut boundaries) = (from, 0);
    while now < end {
        let moment = policy.moment(now);
        let (until, held) = (moment.until, said(&moment));
        assert!(now < until && moment.holds_at(now) && !moment.holds_at(until));
        let almost = until - SignedDuration::from_nanos(1);
        let length = until.duration_since(now);
        for part in 1..=5 {
            let between = now + length / 7 * part;
            assert_eq!(said(&policy.moment(between)), held, "{between} after {now}");
            assert_eq!(policy.moment(between).until.min(until), until, "{between} after {now}");
        }
        assert_eq!(said(&policy.moment(almost)), held, "{almost} after {now}");
        let then = policy.moment(until);
        let is_named = subjects.iter().any(|&subject| moment.next_change(subject) == Some(until));
        assert!(is_named || length == HORIZON, "{now} until {until}");
        if is_named {
            let new_day = day_at(almost) != day_at(until);
            assert!(said(&then) != held || new_day, "{until} changes nothing");
            boundaries += 1;
        }
        now = until;
    }
    boundaries
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn something_changes_at_each_boundary_and_nothing_between_two(
        drawn in vec(drawn(), 1..3),
        far in 0..315_000_000i64,
        which in any::<prop::sample::Index>(),
    ) {
        let from = moments("UTC", far, None, which);
        prop_assert!(walk(&drawn, from, 366) < 366 * 24 * drawn.len());
    }
}
