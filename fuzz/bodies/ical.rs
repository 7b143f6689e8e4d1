//! Any octets are a calendar's days, in order and within their bounds, or no calendar.

use std::sync::LazyLock;

use amparo::config::ical;
use jiff::tz::TimeZone;

/// A zone whose clock is set twice a year.
static HOME: LazyLock<TimeZone> =
    LazyLock::new(|| TimeZone::get("America/Santiago").expect("the zones are bundled"));

pub(crate) fn run(octets: &[u8]) {
    let Ok(days) = ical::read(octets, &HOME) else { return };
    assert!(days.ranges.len() <= ical::RANGES_MAX);
    assert!(days.ranges.iter().all(|(first, last)| first <= last && *last <= ical::LAST_DAY));
    let is_apart = |pair: &[(jiff::civil::Date, jiff::civil::Date)]| {
        pair[0].1.tomorrow().is_ok_and(|next| next < pair[1].0)
    };
    assert!(days.ranges.windows(2).all(is_apart), "they are merged: {:?}", days.ranges);
    let lines = octets.split(|&octet| octet == b'\n').count();
    assert!(days.skipped.iter().all(|event| (1..=lines).contains(&event.line)));
}
