//! What `amparo week` prints, from the words of a config file.

use super::super::changes::tests::{at, checked};
use super::super::columns::{COLUMNS, width};
use super::*;
use crate::policy::passing::{ForAWhile, OfSubject, Passing};
use crate::policy::rules::{SubjectId, What};

const SOFIA: &str = "[child.sofia]\nname = \"Sofía\"\nage = 9\nbedtime = \"20:30-06:30\"\n";
const HOMEWORK: &str = "[[child.sofia.schedule]]\nname = \"tarea\"\ndays = [\"mon-thu\"]\n\
                        time = \"15:00-17:00\"\nonly = [\"wikipedia.org\"]\n";

fn policy(zone: &str, language: &str, rest: &str) -> Policy {
    let head = format!("[household]\nlanguage = \"{language}\"\ntimezone = \"{zone}\"\n");
    Policy::new(checked(&(head + rest)), Arc::new(Index::default()))
}

fn printed_with(policy: &Policy, from: &str, passing: &Passing) -> String {
    let week = inspect::week(policy, SubjectId(1), at(from), passing);
    let mut out = Vec::new();
    print(&mut out, &week, &policy.household, false).unwrap();
    String::from_utf8(out).unwrap()
}

fn printed(policy: &Policy, from: &str) -> String {
    printed_with(policy, from, &Passing::default())
}

/// The lines of a day, without the heading.
fn day(printed: &str, place: usize) -> &str {
    printed.lines().nth(place + 1).unwrap()
}

const MONDAY: &str = "2026-11-23T14:30:00-06:00";

#[test]
fn a_week_is_one_line_a_day() {
    let policy = policy("America/Guatemala", "es", &format!("{SOFIA}{HOMEWORK}"));
    let expected = "\
Sofía — semana del 23 al 29 de noviembre
lun 23   hasta las 06:30 Hora de dormir: todo cerrado
         15:00-17:00 tarea: solo wikipedia.org
         20:30-06:30 Hora de dormir: todo cerrado
mar 24   15:00-17:00 tarea: solo wikipedia.org
         20:30-06:30 Hora de dormir: todo cerrado
mié 25   15:00-17:00 tarea: solo wikipedia.org
         20:30-06:30 Hora de dormir: todo cerrado
jue 26   15:00-17:00 tarea: solo wikipedia.org
         20:30-06:30 Hora de dormir: todo cerrado
vie 27   20:30-06:30 Hora de dormir: todo cerrado
sáb 28   20:30-06:30 Hora de dormir: todo cerrado
dom 29   desde las 20:30 Hora de dormir: todo cerrado
";
    assert_eq!(printed(&policy, MONDAY), expected);
}

#[test]
fn the_heading_names_both_months_and_a_zone_of_ones_own() {
    let rest = "[child.sofia]\nage = 9\n";
    let mut policy = policy("America/Guatemala", "en", rest);
    let two = printed(&policy, "2026-11-28T12:00:00-06:00");
    assert!(two.starts_with("Sofia — week of 28 November to 4 December\n"), "{two}");
    assert_eq!(day(&two, 0), "Sat 28   no schedule");
    assert_eq!(day(&two, 3), "Tue  1   no schedule");
    policy.household.subjects[1].zone = jiff::tz::TimeZone::get("Europe/Madrid").unwrap();
    let away = printed(&policy, MONDAY);
    assert!(away.starts_with("Sofia — week of 23 to 29 November (Europe/Madrid)\n"), "{away}");
}

#[test]
fn a_day_on_which_the_clocks_change_says_so() {
    let policy = policy("America/New_York", "es", SOFIA);
    let printed = printed(&policy, "2026-03-08T12:00:00-04:00");
    assert!(printed.contains("(los relojes se adelantan 1 h a las 02:00; el día dura 23 h)"));
}

#[test]
fn an_end_at_the_hour_that_clocks_repeat_is_not_before_its_beginning() {
    let rest = "[child.sofia]\nage = 9\nbedtime = \"23:30-06:30\"\n";
    let policy = policy("America/Santiago", "en", rest);
    let printed = printed(&policy, "2026-04-04T12:00:00-03:00");
    let saturday: Vec<&str> = printed.lines().skip(1).take(3).map(|line| &line[9..]).collect();
    assert_eq!(saturday[0], "until 06:30 Bedtime: all closed · 23:30-24:00 Bedtime: all closed");
    assert_eq!(saturday[1], "23:30-06:30 Bedtime: all closed");
}

#[test]
fn a_window_that_lasts_all_day_says_so_each_day() {
    let rest = "[child.sofia]\nage = 9\nbedtime = \"20:30-06:30\"\n[[child.sofia.schedule]]\n\
                name = \"away\"\ndays = [\"fri-sat\"]\ntime = \"00:00-24:00\"\n\
                block = [\"games\", \"tiktok\", \"roblox\", \"example.org\", \"example.com\"]\n\
                allow = [\"minecraft\"]\n";
    let policy = policy("America/Guatemala", "en", rest);
    let printed = printed(&policy, "2026-11-26T12:00:00-06:00");
    assert_eq!(printed.matches("all day away: no ").count(), 2, "{printed}");
    assert!(printed.contains(" and 2 more, but Minecraft"), "{printed}");
    assert_eq!(printed.matches("20:30-06:30 Bedtime").count(), 6);
}

#[test]
fn what_holds_for_a_while_stands_where_it_ends() {
    let policy = policy("America/Guatemala", "en", &format!("{SOFIA}{HOMEWORK}"));
    let until = |text| Some(at(text));
    let roblox = What::Tag(policy.household.tags.find("roblox").unwrap());
    let hers = OfSubject {
        paused_until: until("2026-11-23T15:30:00-06:00"),
        freed_until: until("2026-11-23T21:00:00-06:00"),
        opened: vec![ForAWhile { what: roblox, until: at("2026-11-23T18:00:00-06:00") }],
        ..OfSubject::default()
    };
    let passing = Passing { subjects: vec![OfSubject::default(), hers], ..Passing::default() };
    let printed = printed_with(&policy, MONDAY, &passing);
    let expected = "\
Mon 23   until 06:30 Bedtime: all closed · 14:30-15:30 pause: all closed
         15:30-21:00 free time: schedules close nothing
         15:30-18:00 Roblox: open · 21:00-06:30 Bedtime: all closed
Tue 24 ";
    assert!(printed.contains(expected), "{printed}");
}

#[test]
fn budgets_and_holidays_are_told() {
    let rest = format!(
        "{SOFIA}{HOMEWORK}except = \"fiestas\"\n[calendar.fiestas]\ndates = [\"2026-11-24\"]\n"
    );
    let mut policy = policy("America/Guatemala", "es", &rest);
    policy.household.subjects[1].rules.budgets = vec![crate::policy::budget::Budget {
        id: "youtube".to_owned(),
        what: What::Tag(policy.household.tags.find("youtube").unwrap()),
        minutes: [Some(60); 7],
        mode: crate::policy::budget::BudgetMode::Measured,
    }];
    let printed = printed(&policy, MONDAY);
    assert!(printed.contains("20:30-06:30 Hora de dormir: todo cerrado · YouTube 60 min\n"));
    assert!(printed.contains("(tarea: no rige, este día es una excepción)"), "{printed}");
}

#[test]
fn an_unknown_time_is_said() {
    let policy = policy("America/Guatemala", "en", SOFIA);
    let passing = Passing { time_unknown: true, ..Passing::default() };
    assert!(printed_with(&policy, MONDAY, &passing).contains("The time is not known yet"));
}

#[test]
fn no_line_is_wider_than_a_terminal_or_steers_it() {
    let rest = "[child.sofia]\nage = 9\n[[child.sofia.schedule]]\nname = \"x\"\n\
                time = \"08:00-12:00\"\nonly = [\"a.example\"]\n";
    let mut policy = policy("America/Guatemala", "es", rest);
    policy.household.subjects[1].rules.schedules[0].name = "a\u{1b}[31m ".repeat(40);
    policy.household.subjects[1].label = "b\u{202e}".to_owned();
    let printed = printed(&policy, MONDAY);
    assert!(printed.lines().all(|line| width(line) <= COLUMNS), "{printed}");
    assert!(!printed.contains(['\u{1b}', '\u{202e}']));
}

#[test]
fn colours_are_for_terminals() {
    let policy = policy("America/Guatemala", "en", SOFIA);
    let week = inspect::week(&policy, SubjectId(1), at(MONDAY), &Passing::default());
    let mut out = Vec::new();
    print(&mut out, &week, &policy.household, true).unwrap();
    let coloured = String::from_utf8(out).unwrap();
    assert!(coloured.contains("\u{1b}[1mMon 23   \u{1b}[0muntil 06:30"), "{coloured}");
    let plain = coloured.replace("\u{1b}[1m", "").replace("\u{1b}[0m", "");
    assert_eq!(plain, printed(&policy, MONDAY));
}
