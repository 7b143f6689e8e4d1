//! `budget`, `day_starts` and the zones of people: what they mean, and how a mistake reads.

use std::fmt::Write as _;

use super::reports::check;
use super::*;
use crate::policy::budget::{BUDGETS_MAX, Budget, BudgetMode, DAY_STARTS};

/// The budgets of somebody: the word, and the minutes of each day, Monday first.
fn budgets(config: &Config, id: &str) -> Vec<String> {
    let days = |budget: &Budget| {
        let day = |minutes: &Option<u16>| minutes.map_or("-".to_owned(), |m| m.to_string());
        budget.minutes.iter().map(day).collect::<Vec<_>>().join(" ")
    };
    let budgets = &subject(config, id).rules.budgets;
    budgets.iter().map(|budget| format!("{}: {}", budget.id, days(budget))).collect()
}

/// What the report of a child with this line says, which must be a mistake.
#[track_caller]
fn told(line: &str) -> String {
    let text = format!("[child.x]\nage = 12\n{line}\n");
    load(&text).expect_err("it is a mistake").render(false)
}

#[test]
fn a_budget_is_of_all_days_or_of_some() {
    let config = config(
        r#"
        [child.x]
        age = 14
        [child.x.budget]
        youtube = "1h"
        games = { mon-fri = "45m", "Sábado" = "3h" }
        internet = { weekend = "24h", dom = "0m" }
        "Example.com" = "1h30m"
        "=www.example.org" = "1d"
        "#,
    );
    assert_eq!(
        budgets(&config, "x"),
        [
            "youtube: 60 60 60 60 60 60 60",
            "games: 45 45 45 45 45 180 -",
            "internet: - - - - 1440 1440 0",
            "example.com: 90 90 90 90 90 90 90",
            "=www.example.org: 1440 1440 1440 1440 1440 1440 1440",
        ]
    );
    let rules = &subject(&config, "x").rules;
    assert!(rules.budgets.iter().all(|budget| budget.mode == BudgetMode::Measured));
    assert!(subject(&config, "unknown").rules.budgets.is_empty());
}

#[test]
fn the_nearest_budget_of_a_word_counts_and_the_others_stay() {
    let config = config(
        r#"
        [profile.kids]
        based_on = "10-12"
        budget = { games = "1h", youtube = "1h", internet = "4h" }
        budget_mode = "started"
        [profile.late]
        based_on = "kids"
        budget = { games = { sat-sun = "2h" }, tiktok = "30m" }
        [child.a]
        profile = "late"
        budget = { youtube = "20m" }
        [child.b]
        profile = "kids"
        budget_mode = "measured"
        [adult.ana]
        budget = { "news.example" = "30m" }
        "#,
    );
    assert_eq!(
        budgets(&config, "a"),
        [
            "youtube: 20 20 20 20 20 20 20",
            // Whole: of the days it leaves out nothing comes from further away.
            "games: - - - - - 120 120",
            "tiktok: 30 30 30 30 30 30 30",
            "internet: 240 240 240 240 240 240 240",
        ]
    );
    let mode = |id| subject(&config, id).rules.budgets[0].mode;
    assert_eq!((mode("a"), mode("b")), (BudgetMode::Started, BudgetMode::Measured));
    // Whoever has budgets asks again each minute.
    assert_eq!(subject(&config, "ana").rules.ttl_seconds_max, Some(60));
}

#[test]
fn a_day_begins_at_four_unless_the_house_says_otherwise() {
    assert_eq!(config("").household.day_starts, DAY_STARTS);
    let at = |time: &str| config(&format!("[household]\nday_starts = \"{time}\"")).household;
    assert_eq!((at("00:00").day_starts, at("5:30").day_starts), (0, 330));
}

#[test]
fn whoever_lives_in_another_zone_has_a_clock_of_their_own() {
    let config = config(
        r#"
        [household]
        timezone = "America/Guatemala"
        [child.x]
        age = 12
        timezone = "Europe/Madrid"
        [child.y]
        age = 12
        [adult.ana]
        timezone = "America/New_York"
        "#,
    );
    let zone = |id| subject(&config, id).zone.iana_name().unwrap().to_owned();
    assert_eq!((zone("x").as_str(), zone("ana").as_str()), ("Europe/Madrid", "America/New_York"));
    assert_eq!((zone("y"), zone("unknown")), (zone("y"), zone("y")));
    assert_eq!(zone("y"), "America/Guatemala");
}

#[test]
fn each_slip_in_a_budget_is_told_what_to_write() {
    for (line, told_to) in [
        ("budget = \"1h\"", "`budget` is a table, and this is text"),
        ("budget = { youtube = 60 }", "write it like \"45m\" or \"1h30m\""),
        ("budget = { youtube = \"60\" }", "`60` is not a length of time"),
        ("budget = { youtube = \"90s\" }", "write `2m`"),
        ("budget = { youtube = \"25h\" }", "`25h` is longer than a day"),
        ("budget = { youtube = \"sat\" }", "`sat` is not a length of time"),
        ("budget = { youtube = {} }", "the budget for `youtube` names no day"),
        ("budget = { youtube = { mondya = \"1h\" } }", "did you mean `monday`?"),
        ("budget = { youtube = { mon = 45 } }", "a budget is a length of time between quotes"),
        ("budget = { everything = \"1h\" }", "write `internet`"),
        ("budget = { youtube.com = \"1h\" }", "between quotes: `\"youtube.com\" = …`"),
        ("budget = { www.example.com = \"1h\" }", "between quotes: `\"www.example.com\" = …`"),
        ("budget = { juegos = \"1h\" }", "did you mean `games`?"),
        ("budget = { \"X.com\" = \"1h\", \"x.com\" = \"2h\" }", "two budgets for `x.com`"),
        ("budget_mode = \"start\"", "write `measured` or `started`"),
        ("timezone = \"Guatemala\"", "did you mean `America/Guatemala`?"),
    ] {
        let told = told(line);
        assert!(told.contains(told_to), "{line}:\n{told}");
        assert_eq!(told.matches("error:").count(), 1, "{line}:\n{told}");
    }
    // By days with a dot is no name.
    passes("[child.x]\nage = 12\nbudget = { games.sat = \"3h\" }");
}

#[test]
fn a_day_with_two_budgets() {
    check(
        r#"
[household]
day_starts = "24:00"
[child.x]
age = 9
budget = { games = { mon-fri = "45m", weekend = "3h" } }
"#,
        r#"
error: `24:00` is not a time of day
 --> /etc/amparo/amparo.toml:2:14
  |
2 | day_starts = "24:00"
  |              ^^^^^^^ write it like "04:00", from 00:00 to 23:59

error: friday has two budgets for `games`
 --> /etc/amparo/amparo.toml:5:39
  |
5 | budget = { games = { mon-fri = "45m", weekend = "3h" } }
  |                                       ^^^^^^^ leave the day out of one of them

2 problems in /etc/amparo/amparo.toml.
"#,
    );
}

#[test]
fn more_budgets_than_there_may_be() {
    let lines = |from: usize, count: usize| {
        (from..from + count).fold(String::new(), |mut lines, number| {
            let _ = writeln!(lines, "\"n{number}.example\" = \"1h\"");
            lines
        })
    };
    let own = |count| format!("[child.x]\nage = 9\n[child.x.budget]\n{}", lines(0, count));
    assert_eq!(budgets(&config(&own(BUDGETS_MAX)), "x").len(), BUDGETS_MAX);
    let report = load(&own(BUDGETS_MAX + 3)).unwrap_err().render(false);
    assert!(report.contains("child `x` has more than 32 budgets"), "{report}");
    assert_eq!(report.matches("error:").count(), 1);
    let together = format!(
        "[profile.kids]\nbased_on = \"10-12\"\n[profile.kids.budget]\n{}\
         [child.sofia]\nprofile = \"kids\"\n[child.sofia.budget]\n{}",
        lines(0, 20),
        lines(20, 13)
    );
    let report = load(&together).unwrap_err().render(false);
    assert!(report.contains("Sofia has more than 32 budgets, with those of the profiles"));
}
