//! What a week tells, from the words of a config file.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::config::{self, Origin, System};
use crate::lists::Index;
use crate::policy::passing::OfSubject;
use crate::policy::rules::What;

/// Sofía with bedtime and homework; whatever else is about her, and about calendars, comes with a
/// test.
fn policy(zone: &str, hers: &str, rest: &str) -> Policy {
    let text = format!(
        "[household]\nlanguage = \"en\"\ntimezone = \"{zone}\"\n[child.sofia]\nname = \"Sofía\"\n\
         age = 9\n{hers}\n{rest}"
    );
    let origin = Origin::Embedded;
    let checked = config::load(&text, &origin, &System::detect())
        .unwrap_or_else(|report| panic!("{}", report.render(false)));
    Policy::new(checked.config.household, Arc::new(Index::default()))
}

const BEDTIME: &str = "bedtime = \"20:30-06:30\"";
const HOMEWORK: &str = "[[child.sofia.schedule]]\nname = \"homework\"\ndays = [\"mon-thu\"]\n\
                        time = \"15:00-17:00\"\nonly = [\"wikipedia.org\"]";
/// The place of Sofía: whoever is not known comes first.
const SOFIA: SubjectId = SubjectId(1);

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn of_sofia(hers: OfSubject) -> Passing {
    Passing { subjects: vec![OfSubject::default(), hers], ..Passing::default() }
}

/// Each span of a day as one line.
fn lines(day: &WeekDay) -> Vec<String> {
    let line = |span: &WeekSpan| {
        let clock = |text: &str| text[11..16].to_owned();
        let mut words = vec![clock(&span.from), clock(&span.to), format!("{:?}", span.state)];
        words.extend(span.is_paused.then(|| "paused".to_owned()));
        words.extend(span.windows.iter().map(|window| window.window.clone()));
        words.extend(span.closed.iter().map(|word| format!("-{word}")));
        words.extend(span.opened.iter().map(|word| format!("+{word}")));
        words.join(" ")
    };
    day.spans.iter().map(line).collect()
}

#[track_caller]
fn day<'a>(week: &'a Week, date: &str) -> &'a WeekDay {
    week.days.iter().find(|day| day.date == date).unwrap()
}

fn the_week(policy: &Policy, from: &str) -> Week {
    week(policy, SOFIA, at(from), &Passing::default())
}

/// Half past two on a Monday afternoon.
const MONDAY: &str = "2026-11-23T14:30:00-06:00";

#[test]
fn a_week_begins_today_and_has_seven_days() {
    let policy = policy("America/Guatemala", BEDTIME, "");
    let week = the_week(&policy, MONDAY);
    assert_eq!((week.v, week.child.as_deref()), (1, Some("sofia")));
    assert_eq!((week.zone.as_str(), week.time_known), ("America/Guatemala", true));
    let days: Vec<_> =
        week.days.iter().map(|day| format!("{} {}", day.weekday, day.date)).collect();
    assert_eq!((days.len(), days[0].as_str()), (7, "mon 2026-11-23"));
    assert_eq!(days[6], "sun 2026-11-29");
}

#[test]
fn windows_stand_where_the_file_puts_them() {
    let policy = policy("America/Guatemala", BEDTIME, HOMEWORK);
    let week = the_week(&policy, MONDAY);
    let school_day = [
        "00:00 06:30 Closed bedtime",
        "06:30 15:00 Open",
        "15:00 17:00 Only homework",
        "17:00 20:30 Open",
        "20:30 00:00 Closed bedtime",
    ];
    assert_eq!(lines(&week.days[0]), school_day);
    assert_eq!(lines(&week.days[3]), school_day);
    let free_day = ["00:00 06:30 Closed bedtime", "06:30 20:30 Open", "20:30 00:00 Closed bedtime"];
    assert_eq!(lines(&week.days[4]), free_day);
    let window = &week.days[0].spans[2].windows[0];
    assert_eq!(
        (window.state, window.opens.join(" ")),
        (WeekState::Only, "wikipedia.org".to_owned())
    );
    assert_eq!(week.days[0].spans[0].windows[0].closes, ["internet"]);
}

#[test]
fn a_bedtime_past_midnight_belongs_to_the_day_it_starts_on() {
    let hers = "bedtime = { fri = \"22:00-07:00\" }";
    let week = the_week(&policy("America/Guatemala", hers, ""), MONDAY);
    assert_eq!(lines(day(&week, "2026-11-27")), ["00:00 22:00 Open", "22:00 00:00 Closed bedtime"]);
    assert_eq!(lines(day(&week, "2026-11-28")), ["00:00 07:00 Closed bedtime", "07:00 00:00 Open"]);
    assert_eq!(lines(day(&week, "2026-11-29")), ["00:00 00:00 Open"]);
}

#[test]
fn a_window_says_what_it_closes_in_the_words_of_the_file() {
    let rest = "[[child.sofia.schedule]]\nname = \"afternoon\"\ntime = \"14:00-18:00\"\n\
                block = [\"games\", \"roblox\", \"z.example\", \"=a.example\"]\n\
                allow = [\"minecraft\"]";
    let week = the_week(&policy("America/Guatemala", "", rest), MONDAY);
    let window = &week.days[0].spans[1].windows[0];
    assert_eq!(window.state, WeekState::Partly);
    let mut closes = window.closes.clone();
    assert_eq!(closes.split_off(2), ["=a.example", "z.example"]);
    assert_eq!(
        (closes, window.opens.join(" ")),
        (vec!["games".to_owned(), "roblox".to_owned()], "minecraft".to_owned())
    );
}

#[test]
fn a_day_on_which_the_clocks_go_forward_has_23_hours_and_says_so() {
    let policy = policy("America/New_York", BEDTIME, "");
    let week = the_week(&policy, "2026-03-04T12:00:00-05:00");
    let sunday = day(&week, "2026-03-08");
    assert_eq!(sunday.minutes, 23 * 60);
    assert_eq!(sunday.notes, ["the clocks go forward 1 h at 02:00; the day lasts 23 h"]);
    assert_eq!(sunday.spans[0].from, "2026-03-08T00:00:00-05:00");
    assert_eq!(sunday.spans[0].to, "2026-03-08T06:30:00-04:00");
    assert_eq!(day(&week, "2026-03-07").notes, [""; 0]);
    assert_eq!(day(&week, "2026-03-07").minutes, 24 * 60);
}

#[test]
fn a_day_on_which_the_clocks_go_back_has_25_hours_and_says_so() {
    let hers = "bedtime = \"00:30-01:30\"";
    let week = the_week(&policy("America/New_York", hers, ""), "2026-10-29T12:00:00-04:00");
    let sunday = day(&week, "2026-11-01");
    assert_eq!(sunday.minutes, 25 * 60);
    assert_eq!(sunday.notes, ["the clocks go back 1 h at 02:00; the day lasts 25 h"]);
    // The window ends inside the hour that comes twice: it is open again until it ends for good.
    let twice = [
        "00:00 00:30 Open",
        "00:30 01:30 Closed bedtime",
        "01:30 01:00 Open",
        "01:00 01:30 Closed bedtime",
        "01:30 00:00 Open",
    ];
    assert_eq!(lines(sunday), twice);
}

#[test]
fn a_day_may_begin_after_its_midnight_and_end_after_a_second_one() {
    let policy = policy("America/Santiago", "bedtime = \"23:30-06:30\"", "");
    let spring = the_week(&policy, "2026-09-03T12:00:00-04:00");
    let sunday = day(&spring, "2026-09-06");
    assert_eq!(sunday.minutes, 23 * 60);
    assert_eq!(sunday.notes, ["the clocks go forward 1 h at 00:00; the day lasts 23 h"]);
    assert_eq!(sunday.spans[0].from, "2026-09-06T01:00:00-03:00");
    let autumn = the_week(&policy, "2026-04-02T12:00:00-03:00");
    let saturday = day(&autumn, "2026-04-04");
    assert_eq!(saturday.minutes, 25 * 60);
    assert_eq!(saturday.notes, ["the clocks go back 1 h at 24:00; the day lasts 25 h"]);
    assert_eq!(
        lines(saturday)[2..],
        ["23:30 23:00 Closed bedtime", "23:00 23:30 Open", "23:30 00:00 Closed bedtime"]
    );
}

#[test]
fn a_day_that_a_zone_skips_is_not_there() {
    let policy = policy("Pacific/Apia", BEDTIME, "");
    let week = the_week(&policy, "2011-12-28T12:00:00-10:00");
    let dates: Vec<&str> = week.days.iter().map(|day| &day.date[8..]).collect();
    assert_eq!(dates, ["28", "29", "31", "01", "02", "03"]);
}

#[test]
fn a_holiday_suspends_homework_and_says_so() {
    let rest = format!(
        "{HOMEWORK}\nexcept = \"holidays\"\n[calendar.holidays]\n\
                        dates = [\"2026-11-24..2026-11-25\"]"
    );
    let week = the_week(&policy("America/Guatemala", BEDTIME, &rest), MONDAY);
    for (date, is_free) in [("2026-11-23", false), ("2026-11-24", true), ("2026-11-25", true)] {
        let day = day(&week, date);
        let has_homework = lines(day).iter().any(|line| line.contains("homework"));
        assert_eq!((has_homework, day.notes.is_empty()), (!is_free, !is_free), "{date}");
    }
    let note = "homework: does not apply, this day is an exception";
    assert_eq!(day(&week, "2026-11-24").notes, [note]);
    // A day on which it would not start anyway has no exception to speak of.
    assert_eq!(day(&week, "2026-11-27").notes, [""; 0]);
}

#[test]
fn given_time_opens_the_evening_and_no_minute_more() {
    let policy = policy("America/Guatemala", BEDTIME, "");
    let from = at("2026-11-23T20:00:00-06:00");
    let freed_until = Some(at("2026-11-23T21:00:00-06:00"));
    let given = of_sofia(OfSubject { freed_until, ..OfSubject::default() });
    let week = week(&policy, SOFIA, from, &given);
    let evening = ["06:30 20:00 Open", "20:00 21:00 Free", "21:00 00:00 Closed bedtime"];
    assert_eq!(lines(&week.days[0])[1..], evening);
    assert_eq!(lines(&week.days[1])[2..], ["20:30 00:00 Closed bedtime"]);
}

#[test]
fn a_pause_closes_all_until_it_ends_and_nothing_before_it() {
    let policy = policy("America/Guatemala", BEDTIME, "");
    let paused_until = Some(at("2026-11-23T21:00:00-06:00"));
    let freed_until = Some(at("2026-11-23T20:45:00-06:00"));
    let paused = of_sofia(OfSubject { paused_until, freed_until, ..OfSubject::default() });
    let week = week(&policy, SOFIA, at(MONDAY), &paused);
    let monday = [
        "06:30 14:30 Open",
        "14:30 20:45 Closed paused",
        "20:45 21:00 Closed paused bedtime",
        "21:00 00:00 Closed bedtime",
    ];
    assert_eq!(lines(&week.days[0])[1..], monday);
}

#[test]
fn what_is_opened_and_closed_for_a_while_is_there_until_then() {
    let policy = policy("America/Guatemala", "", "");
    let until = at("2026-11-24T12:00:00-06:00");
    let name = |text| What::Name(Name::parse(text).unwrap(), Reach::Below);
    let roblox = What::Tag(policy.household.tags.find("roblox").unwrap());
    let held = of_sofia(OfSubject {
        opened: vec![ForAWhile { what: roblox, until }],
        closed: vec![ForAWhile {
            what: name("example.org"),
            until: at("2026-11-23T18:00:00-06:00"),
        }],
        ..OfSubject::default()
    });
    let week = week(&policy, SOFIA, at(MONDAY), &held);
    let monday =
        ["00:00 14:30 Open", "14:30 18:00 Partly -example.org +roblox", "18:00 00:00 Open +roblox"];
    assert_eq!(lines(&week.days[0]), monday);
    assert_eq!(lines(&week.days[1]), ["00:00 12:00 Open +roblox", "12:00 00:00 Open"]);
}

#[test]
fn budgets_are_those_of_the_day() {
    let mut policy = policy("America/Guatemala", "", "");
    policy.household.subjects[1].rules.budgets = vec![crate::policy::budget::Budget {
        id: "games".to_owned(),
        what: What::Tag(policy.household.tags.find("games").unwrap()),
        minutes: [Some(45), None, None, None, None, Some(180), Some(0)],
        mode: crate::policy::budget::BudgetMode::Measured,
    }];
    let week = the_week(&policy, MONDAY);
    let minutes: Vec<Option<u16>> =
        week.days.iter().map(|day| day.budgets.first().map(|budget| budget.minutes)).collect();
    assert_eq!(minutes, [Some(45), None, None, None, None, Some(180), Some(0)]);
    // The day of a budget begins at four: that is no boundary of what is open.
    assert_eq!(lines(&week.days[0]), ["00:00 00:00 Open"]);
}

#[test]
fn an_unknown_time_is_said_and_closes_no_day_to_come() {
    let policy = policy("America/Guatemala", BEDTIME, "");
    let passing = Passing { time_unknown: true, ..Passing::default() };
    let told = week(&policy, SOFIA, at(MONDAY), &passing);
    assert!(!told.time_known);
    assert_eq!(told.days, the_week(&policy, MONDAY).days);
}

#[test]
fn the_language_of_the_notes_is_the_households() {
    let mut policy = policy("America/New_York", BEDTIME, "");
    policy.household.language = Language::Es;
    let week = the_week(&policy, "2026-03-08T12:00:00-04:00");
    let note = "los relojes se adelantan 1 h a las 02:00; el día dura 23 h";
    assert_eq!(week.days[0].notes, [note]);
}

#[test]
fn the_end_of_the_calendar_is_no_panic() {
    let policy = policy("America/Guatemala", BEDTIME, HOMEWORK);
    for from in [Timestamp::MIN, Timestamp::MAX] {
        let _ = week(&policy, SOFIA, from, &Passing::default());
    }
}

#[test]
fn somebody_is_found_by_id_and_by_name() {
    use super::super::person;
    let policy = policy("America/Guatemala", "", "[adult.ana]");
    let found = |who| person(&policy.household, who);
    assert_eq!(found("sofia"), Ok(SOFIA));
    assert_eq!(found("SOFÍA"), Ok(SOFIA));
    assert_eq!(found("ana"), Ok(SubjectId(2)));
    let sentence = found("sofa").unwrap_err();
    assert_eq!(
        sentence,
        "nobody is called `sofa` (did you mean `sofia`?); in this household: sofia, ana"
    );
}

/// The spans of each day touch, and the days do too: no minute is there twice or never. What they
/// say is what the rules say at that very moment.
fn check_whole(week: &Week, policy: &Policy, passing: &Passing, from: Timestamp) {
    let mut at_last: Option<Timestamp> = None;
    for day in &week.days {
        let start = at(&day.spans[0].from);
        assert!(at_last.is_none_or(|last| last == start), "{} begins late", day.date);
        assert!(day.spans.windows(2).all(|pair| !pair[0].says_the_same(&pair[1])), "{}", day.date);
        let mut last = start;
        for span in &day.spans {
            let (begin, end) = (at(&span.from), at(&span.to));
            assert_eq!(begin, last, "{}: a minute is there twice or never", day.date);
            assert!(begin < end, "{}", day.date);
            last = end;
            // What was held before now is forgotten.
            for moment in [begin, Timestamp::from_second(end.as_second() - 1).unwrap()] {
                let nothing = Passing::default();
                let held = if moment < from { &nothing } else { passing };
                let now = policy.moment_with(moment, held);
                assert_eq!(now.is_paused(SOFIA), span.is_paused, "{moment}");
                let free = now.freed_until(SOFIA).is_some();
                let windows = if free { 0 } else { now.windows(SOFIA).len() };
                assert_eq!(windows, span.windows.len(), "{moment}");
            }
        }
        assert_eq!(last.duration_since(start).as_mins(), day.minutes, "{}", day.date);
        at_last = Some(last);
    }
}

const ZONES: &[&str] = &[
    "America/Guatemala",
    "America/Havana",
    "America/New_York",
    "America/Nuuk",
    "America/Santiago",
    "Africa/Cairo",
    "Asia/Beirut",
    "Australia/Lord_Howe",
    "Europe/Madrid",
    "Pacific/Apia",
];

#[test]
fn no_week_of_a_year_has_a_minute_twice_or_never() {
    let hers = "bedtime = { school-nights = \"20:30-06:30\", weekend = \"23:15-02:30\" }";
    for zone in ZONES {
        let policy = policy(zone, hers, HOMEWORK);
        let mut from = at("2026-01-01T10:00:00Z");
        for _ in 0..52 {
            let passing = Passing::default();
            check_whole(&week(&policy, SOFIA, from, &passing), &policy, &passing, from);
            from += SignedDuration::from_hours(7 * 24);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_holds_for_a_while_no_minute_is_there_twice_or_never(
        zone in proptest::sample::select(ZONES),
        second in 1_760_000_000_i64..1_830_000_000,
        paused in proptest::option::of(-100_000_i64..400_000),
        freed in proptest::option::of(-100_000_i64..400_000),
        start in 0_u16..1440,
        end in 0_u16..1440,
    ) {
        prop_assume!(start != end);
        let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        let hers = format!("bedtime = \"{}-{}\"", clock(start), clock(end));
        let policy = policy(zone, &hers, HOMEWORK);
        let from = Timestamp::from_second(second).unwrap();
        let after = |seconds| Timestamp::from_second(second + seconds).unwrap();
        let held = of_sofia(OfSubject {
            paused_until: paused.map(after),
            freed_until: freed.map(after),
            ..OfSubject::default()
        });
        check_whole(&week(&policy, SOFIA, from, &held), &policy, &held, from);
    }
}
