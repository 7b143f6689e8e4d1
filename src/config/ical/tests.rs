//! What days a calendar has.

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;

const HOME: &str = "America/Guatemala";

fn calendar(events: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{}\r\nEND:VCALENDAR\r\n",
        events.trim().replace('\n', "\r\n")
    )
}

fn event(lines: &str) -> String {
    format!("BEGIN:VEVENT\nUID:one\n{}\nEND:VEVENT", lines.trim().replace(" | ", "\n"))
}

fn days_of(text: &str) -> Days {
    read(text.as_bytes(), &TimeZone::get(HOME).unwrap()).unwrap()
}

/// The first eight stretches as `12-24` or `12-20..12-24`, of another year than 2026 with it.
fn shown(days: &Days) -> String {
    let one = |day: &Date| {
        let text = day.to_string();
        text.strip_prefix("2026-").unwrap_or(&text).to_owned()
    };
    let ranges = days.ranges.iter().take(8).map(|(first, last)| {
        if first == last { one(first) } else { format!("{}..{}", one(first), one(last)) }
    });
    ranges.collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn check(lines: &str, expected: &str) {
    let days = days_of(&calendar(&event(lines)));
    assert!(days.skipped.is_empty(), "{:?}", days.skipped);
    assert_eq!(shown(&days), expected, "{lines}");
}

#[track_caller]
fn skipped(lines: &str, why: &'static str) {
    let days = days_of(&calendar(&event(lines)));
    assert_eq!(days.skipped, [Skipped { line: 3, why }], "{lines}");
    assert!(days.ranges.is_empty());
}

#[test]
fn the_end_of_days_is_not_one_of_them() {
    check("DTSTART;VALUE=DATE:20261224", "12-24");
    check("DTSTART;VALUE=DATE:20261224 | DTEND;VALUE=DATE:20261225", "12-24");
    check("DTSTART;VALUE=DATE:20261220 | DTEND;VALUE=DATE:20270111", "12-20..2027-01-10");
    check("DTSTART:20261224 | DTEND:20261224", "12-24");
    check("DTSTART;VALUE=DATE:20261224 | DURATION:P2D", "12-24..12-25");
    check("DTSTART;VALUE=DATE:20261224 | DURATION:P1W", "12-24..12-30");
}

#[test]
fn a_time_is_on_the_days_it_touches_at_home() {
    check("DTSTART:20261224T180000 | DTEND:20261225T000000", "12-24");
    check("DTSTART:20261224T180000 | DTEND:20261225T000001", "12-24..12-25");
    check("DTSTART:20261224T180000", "12-24");
    check("DTSTART:20261224T230000 | DURATION:PT1H30M", "12-24..12-25");
    // Guatemala is six hours behind: there it is the evening before.
    check("DTSTART:20261224T050000Z | DTEND:20261224T055959Z", "12-23");
    check("DTSTART;TZID=Europe/Madrid:20261224T060000", "12-23");
    check("DTSTART;TZID=\"Europe/Madrid\":20261224T090000", "12-24");
    check("DTSTART;TZID=Romance Standard Time:20261224T060000", "12-24");
}

#[test]
fn folded_lines_and_alarms_are_read_as_what_they_are() {
    check("SUMMARY:Vacaciones de fin de\n  año: todo;s\nDTSTART;VALUE=DA\n TE:20261224", "12-24");
    let alarm = "BEGIN:VALARM | TRIGGER:-PT15M | DURATION:P9D | DTSTART:20260101 | END:VALARM";
    check(&format!("DTSTART;VALUE=DATE:20261224 | {alarm}"), "12-24");
    check("dtstart;value=date:20261224", "12-24");
    check("DTSTART;X-NOTE=\"a:b;c\";VALUE=DATE:20261224", "12-24");
}

#[test]
fn what_is_cancelled_does_not_happen() {
    check("DTSTART;VALUE=DATE:20261224 | STATUS:CANCELLED", "");
    check("DTSTART;VALUE=DATE:20261224 | STATUS:CONFIRMED", "12-24");
}

#[test]
fn what_repeats_does_so_as_the_standard_says() {
    let from = |start: &str, rule: &str, expected: &str| {
        check(&format!("DTSTART;VALUE=DATE:{start} | RRULE:{rule}"), expected);
    };
    from("20260105", "FREQ=DAILY;COUNT=3", "01-05..01-07");
    from("20260105", "FREQ=DAILY;INTERVAL=10;COUNT=3", "01-05 01-15 01-25");
    from("20260105", "FREQ=DAILY;UNTIL=20260107", "01-05..01-07");
    from("20260102", "FREQ=DAILY;BYDAY=FR;COUNT=3", "01-02 01-09 01-16");
    from("20260105", "FREQ=WEEKLY;COUNT=3", "01-05 01-12 01-19");
    from("20260105", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;COUNT=4", "01-05 01-07 01-19 01-21");
    // RFC 5545 §3.8.5.3: the same rule with another first day of the week.
    from(
        "19970805",
        "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
        "1997-08-05 1997-08-10 1997-08-19 1997-08-24",
    );
    from(
        "19970805",
        "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
        "1997-08-05 1997-08-17 1997-08-19 1997-08-31",
    );
    from("20260131", "FREQ=MONTHLY;COUNT=4", "01-31 03-31 05-31 07-31");
    from("20260102", "FREQ=MONTHLY;BYDAY=1FR;COUNT=3", "01-02 02-06 03-06");
    from("20260130", "FREQ=MONTHLY;BYDAY=-1FR;COUNT=3", "01-30 02-27 03-27");
    from("20260131", "FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3", "01-31 02-28 03-31");
    from("20260213", "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=3", "02-13 03-13 11-13");
    from("20260915", "FREQ=YEARLY;COUNT=3", "09-15 2027-09-15 2028-09-15");
    from("20240229", "FREQ=YEARLY;COUNT=2", "2024-02-29 2028-02-29");
    // The second Sunday of May, and Thanksgiving.
    from("20260510", "FREQ=YEARLY;BYMONTH=5;BYDAY=2SU;COUNT=3", "05-10 2027-05-09 2028-05-14");
    from("20261126", "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH;COUNT=2", "11-26 2027-11-25");
    from("20260518", "FREQ=YEARLY;BYDAY=20MO;COUNT=3", "05-18 2027-05-17 2028-05-15");
    from("20260101", "FREQ=YEARLY;BYMONTH=1,7;BYMONTHDAY=1;COUNT=3", "01-01 07-01 2027-01-01");
}

#[test]
fn the_last_time_counts_on_the_clock_of_the_event() {
    let lines = "DTSTART;TZID=America/Guatemala:20260105T200000 | RRULE:FREQ=DAILY;UNTIL=";
    check(&format!("{lines}20260108T020000Z"), "01-05..01-07");
    check(&format!("{lines}20260108T015959Z"), "01-05..01-06");
}

#[test]
fn without_an_end_it_goes_on_to_the_last_day_that_is_looked_at() {
    let days = days_of(&calendar(&event("DTSTART;VALUE=DATE:20260101 | RRULE:FREQ=DAILY")));
    assert_eq!(days.ranges, [(date(2026, 1, 1), LAST_DAY)]);
    let days = days_of(&calendar(&event("DTSTART;VALUE=DATE:20261225 | RRULE:FREQ=YEARLY")));
    assert_eq!(days.ranges.len(), 75);
}

#[test]
fn single_days_are_taken_out_put_in_and_moved() {
    let daily = "DTSTART;VALUE=DATE:20260105 | RRULE:FREQ=DAILY;COUNT=5";
    check(&format!("{daily} | EXDATE;VALUE=DATE:20260106,20260108"), "01-05 01-07 01-09");
    check(&format!("{daily} | RDATE;VALUE=DATE:20260201"), "01-05..01-09 02-01");
    let moved = "BEGIN:VEVENT\nUID:one\nRECURRENCE-ID;VALUE=DATE:20260107\nDTSTART;VALUE=DATE:20260120\nEND:VEVENT";
    let days = days_of(&calendar(&format!("{}\n{moved}", event(daily))));
    assert_eq!(shown(&days), "01-05..01-06 01-08..01-09 01-20");
    let cancelled = moved.replace("DTSTART", "STATUS:CANCELLED\nDTSTART");
    let days = days_of(&calendar(&format!("{cancelled}\n{}", event(daily))));
    assert_eq!(shown(&days), "01-05..01-06 01-08..01-09");
    // The same time, told in another zone.
    check(
        "DTSTART;TZID=America/Guatemala:20260105T100000 | RRULE:FREQ=DAILY;COUNT=3 | EXDATE:20260106T160000Z",
        "01-05 01-07",
    );
}

#[test]
fn what_is_not_understood_is_left_out_and_said() {
    let start = "DTSTART;VALUE=DATE:20260105 | ";
    let part = "repeats by a rule with a part that is not understood";
    skipped(&format!("{start}RRULE:FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-1"), part);
    skipped(&format!("{start}RRULE:FREQ=HOURLY"), "repeats more than once a day");
    skipped(
        &format!("{start}RRULE:FREQ=WEEKLY;BYDAY=2MO"),
        "repeats by a rule that cannot be read",
    );
    skipped(
        &format!("{start}RDATE;VALUE=PERIOD:20260105T10Z/PT1H"),
        "has a date that cannot be read",
    );
    skipped("DTSTART:gestern", "has a date that cannot be read");
    skipped("SUMMARY:x", "has no DTSTART");
}

#[test]
fn what_is_no_whole_calendar_is_none() {
    let read = |octets: &[u8]| read(octets, &TimeZone::UTC);
    assert_eq!(read(b""), Err(NoCalendar::NoBegin));
    assert_eq!(read(b"<html>\n<p style=\"a:b\">:</p>"), Err(NoCalendar::NoBegin));
    assert_eq!(read(b"BEGIN:VCALENDAR\nBEGIN:VEVENT\n"), Err(NoCalendar::NoEnd));
    assert_eq!(read(&vec![b' '; OCTETS_MAX + 1]), Err(NoCalendar::TooLarge));
    assert_eq!(read(b"\xef\xbb\xbfBEGIN:VCALENDAR\nEND:VCALENDAR"), Ok(Days::default()));
}

#[test]
fn many_rules_together_come_to_an_end() {
    let many = vec![event("DTSTART;VALUE=DATE:00010101 | RRULE:FREQ=DAILY;INTERVAL=2"); 10_000];
    let days = days_of(&calendar(&many.join("\n")));
    assert!(days.ranges.len() <= RANGES_MAX && days.skipped.len() > 9_000);
}

/// The obvious way: each day asked whether the weekly rule names it.
fn weekly_model(start: Date, interval: i64, days: &[Weekday], count: usize) -> Vec<Date> {
    let monday = |date: Date| {
        date.checked_sub(i64::from(date.weekday().to_monday_zero_offset()).days()).unwrap()
    };
    let all = start.series(jiff::Span::new().days(1));
    let named = all.filter(|date| {
        let weeks = (monday(*date) - monday(start)).get_days() / 7;
        *date == start || i64::from(weeks) % interval == 0 && days.contains(&date.weekday())
    });
    named.take(count).collect()
}

use jiff::civil::Weekday;

proptest! {
    #[test]
    fn any_octets_are_days_or_no_calendar(octets in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&octets, &TimeZone::UTC);
    }

    #[test]
    fn near_misses_are_in_order_and_within_bounds(
        lines in proptest::collection::vec(
            "(DTSTART|DTEND|EXDATE|RDATE|RRULE|DURATION|RECURRENCE-ID|BEGIN|END)(;VALUE=DATE|;TZID=Asia/Tokyo)?:(20[0-9]{2}[01][0-9][0-3][0-9](T[0-9]{6}Z?)?|P[0-9]{1,18}[DWHS]|FREQ=(DAILY|WEEKLY|MONTHLY|YEARLY)(;INTERVAL=[0-9]{1,3}|;COUNT=[0-9]{1,3}|;BYDAY=-?[0-9]?(MO|SU)|;BYMONTH=[0-9]{1,2}|;BYMONTHDAY=-?[0-9]{1,2}){0,3}|VEVENT|VALARM)",
            0..8,
        ),
    ) {
        let text = calendar(&event(&lines.join("\n")));
        if let Ok(days) = read(text.as_bytes(), &TimeZone::get(HOME).unwrap()) {
            prop_assert!(days.ranges.iter().all(|(first, last)| first <= last && *last <= LAST_DAY));
            prop_assert!(days.ranges.windows(2).all(|pair| pair[0].1.tomorrow().unwrap() < pair[1].0));
        }
    }

    #[test]
    fn weeks_repeat_as_in_the_model(
        offset in 0_i64..400,
        interval in 1_i64..5,
        bits in 1_u8..128,
        count in 1_usize..30,
    ) {
        let start = date(2026, 1, 1).checked_add(offset.days()).unwrap();
        let all = [Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday,
            Weekday::Friday, Weekday::Saturday, Weekday::Sunday];
        let days: Vec<Weekday> =
            all.into_iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1).map(|(_, d)| d).collect();
        let names: Vec<&str> = days.iter()
            .map(|day| ["MO", "TU", "WE", "TH", "FR", "SA", "SU"][usize::from(day.to_monday_zero_offset().unsigned_abs())])
            .collect();
        let text = calendar(&event(&format!(
            "DTSTART;VALUE=DATE:{} | RRULE:FREQ=WEEKLY;INTERVAL={interval};COUNT={count};BYDAY={}",
            start.strftime("%Y%m%d"), names.join(","),
        )));
        let model = weekly_model(start, interval, &days, count);
        prop_assert_eq!(days_of(&text).ranges, merged(model.into_iter().map(|d| (d, d)).collect()));
    }

    #[test]
    fn a_time_anywhere_is_on_the_day_the_clock_shows(seconds in 1_600_000_000_i64..1_900_000_000) {
        let home = TimeZone::get(HOME).unwrap();
        let at = Timestamp::from_second(seconds).unwrap();
        let text = calendar(&event(&format!("DTSTART:{}", at.strftime("%Y%m%dT%H%M%SZ"))));
        let day = home.to_datetime(at).date();
        prop_assert_eq!(days_of(&text).ranges, [(day, day)]);
    }
}
