//! Any text is a config or a report that can be shown, as plain text and as JSON.

use std::sync::LazyLock;

use amparo::config::{self, System};
use amparo::words::Language;
use jiff::tz::TimeZone;

static SYSTEM: LazyLock<System> = LazyLock::new(|| System {
    language: Language::En,
    zone: TimeZone::UTC,
    zone_name: Some("UTC".to_owned()),
});

pub(crate) fn run(octets: &[u8]) {
    let Ok(text) = config::text_of(octets.to_vec()) else { return };
    let origin = config::Origin::File("amparo.toml".into());
    let report = match config::load(&text, &origin, &SYSTEM) {
        Ok(checked) => checked.warnings,
        Err(report) => {
            assert!(!report.is_empty(), "a refusal says why");
            report
        }
    };
    let shown = report.render(false);
    let control = |c: char| c.is_control() && c != '\n' && c != '\t';
    assert!(!shown.contains(control), "a terminal obeys nothing in it: {shown:?}");
    let _json = report.to_json().to_string();
}
