//! A config that passes still does after an edit, says its word then, and has nothing left to do.

use std::sync::LazyLock;

use amparo::config::edit::{Change, Edit, Edited, apply};
use amparo::config::{self, Origin, System};
use amparo::words::Language;
use jiff::tz::TimeZone;

static SYSTEM: LazyLock<System> = LazyLock::new(|| System {
    language: Language::En,
    zone: TimeZone::UTC,
    zone_name: Some("UTC".to_owned()),
});

pub(crate) fn run(octets: &[u8]) {
    let Ok(text) = config::text_of(octets.to_vec()) else { return };
    let origin = Origin::File("amparo.toml".into());
    let Ok(checked) = config::load(&text, &origin, &SYSTEM) else { return };
    for subject in checked.config.household.subjects.iter().skip(1).take(2) {
        for (word, change) in [
            ("youtube", Change::Allow),
            ("x.example", Change::Block),
            ("02:00:00:00:00:0a", Change::Device),
        ] {
            let edit = Edit { person: &subject.id, word, change };
            match apply(&text, &edit, &SYSTEM, &origin) {
                Ok(Edited::Changed(text)) => {
                    let again = apply(&text, &edit, &SYSTEM, &origin);
                    assert!(matches!(again, Ok(Edited::AlreadySo)), "{text}");
                }
                Ok(Edited::AlreadySo) => {}
                Err(wrong) => panic!("{wrong}\n{text}"),
            }
        }
    }
}
