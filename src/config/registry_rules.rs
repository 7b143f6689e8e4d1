//! The keys of people and profiles: the rules themselves.

use super::registry::{Key, LEVELS, Shape, Table};

/// Who somebody is.
pub(super) const PERSON: &[Key] = &[
    Key::new("name", Shape::Text, "\"Sofía\"", "What a parent reads. Default: the id."),
    Key::new("profile", Shape::Text, "\"7-9\"", "Whose rules hold. Default: by age, or adult."),
    Key::new(
        "devices",
        Shape::Texts,
        "[\"3c:22:fb:12:34:56\", \"192.168.1.42\"]",
        "Each a MAC, an address or a range; host:NAME and id:NAME later.",
    ),
    Key::new(
        "timezone",
        Shape::Text,
        "\"America/Guatemala\"",
        "IANA name of the time zone, for who lives in another one. Default: the household's.",
    ),
];

/// The keys of a profile, which people have too.
pub(super) const RULES: &[Key] = &[
    Key::new("based_on", Shape::Text, "\"10-12\"", "The profile whose rules come first."),
    Key::new("block", Shape::Texts, "[\"tiktok\"]", "Closed: categories, services, names."),
    Key::new("allow", Shape::Texts, "[\"whatsapp\"]", "Open: categories, services, names."),
    Key::new("only", Shape::Texts, "[\"wikipedia.org\"]", "The walled garden: only this is open."),
    Key::new("safe_search", Shape::Flag, "true", "Search engines answer in their safe form."),
    Key::new(
        "youtube",
        Shape::Choice(&["open", "moderate", "strict"]),
        "\"moderate\"",
        "Which form of YouTube is answered.",
    ),
    Key::new("schedule", Shape::Tables(&SCHEDULE), "[]", "Windows in which something is closed."),
    Key::new(
        "bedtime",
        Shape::Bedtime,
        "\"20:30-06:30\"",
        "When everything is closed: one time, or one by days.",
    ),
    Key::new(
        "budget",
        Shape::Budget,
        "{ youtube = \"1h\" }",
        "Time a day, 0m to 24h: each a category, service, name or internet, for all days or by days.",
    ),
    Key::new(
        "budget_mode",
        Shape::Choice(&["measured", "started"]),
        "\"measured\"",
        "How its time is counted: from what is asked, or from start to stop.",
    ),
    Key::new("journal", Shape::Choice(LEVELS), "\"names\"", "What is kept. Default: by age."),
    Key::new(
        "bypass",
        Shape::Choice(&["block", "allow"]),
        "\"block\"",
        "Whether ways around the filter are closed.",
    ),
];

/// `[[child.ID.schedule]]`.
pub(super) static SCHEDULE: Table = Table {
    name: "schedule",
    by_id: false,
    doc: "A window in which something is closed or only something is open.",
    keys: &[SCHEDULE_KEYS],
    open: false,
    unbuilt: None,
};

const SCHEDULE_KEYS: &[Key] = &[
    Key::new("name", Shape::Text, "\"homework\"", "What a parent reads. Default: its time."),
    Key::new(
        "days",
        Shape::Texts,
        "[\"mon-thu\", \"sun\"]",
        "The days it starts on, in English or Spanish. Default: every day.",
    ),
    Key::new("time", Shape::Text, "\"15:00-17:00\"", "From when to when."),
    Key::new("block", Shape::Texts, "\"everything\"", "What it closes, or everything."),
    Key::new("only", Shape::Texts, "[\"wikipedia.org\"]", "What alone stays open."),
    Key::new("allow", Shape::Texts, "[\"whatsapp\"]", "What stays open all the same."),
    Key::new(
        "dates",
        Shape::Texts,
        "[\"2026-12-20..2027-01-10\"]",
        "The only days, or a calendar.",
    ),
    Key::new("except", Shape::Texts, "\"holidays\"", "Days left out: a calendar, or dates."),
];
