//! Whether it is known what time it is, and by which zone the family's times are meant.

use std::path::Path;

use jiff::Zoned;

use super::{Check, Daemon, Finding, State, fill};
use crate::clock::{self, Clock};
use crate::ledger::Ledger;
use crate::policy::rules::Household;
use crate::timekeeping::trust::{self, Doubt, Evidence, Saved};
use crate::words::{Language, doctor as words};

pub(super) const CHECK: Check = Check {
    name: "clock",
    label: &words::CLOCK,
    judge: |facts| judge(facts.language, &facts.clock),
};

/// Sets the clock by the network where systemd looks after it.
const TIMEDATECTL: &str = "/usr/bin/timedatectl";

/// There while systemd runs the system (`sd_booted(3)`).
const SYSTEMD: &str = "/run/systemd/system";

/// What is known of the time.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// What the clock shows, in the household's zone.
    now: Zoned,
    belief: Belief,
    /// The zone's name.
    zone: Option<String>,
    /// Whether the config file names the zone.
    is_zone_written: bool,
    has_timedatectl: bool,
}

/// Whether it is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Belief {
    /// Others keep it right.
    Kept,
    /// Nothing speaks against it.
    Alone,
    /// It is not.
    InDoubt,
}

/// Asks the daemon, else judges as it would.
pub(super) fn gather(
    household: &Household,
    is_zone_written: bool,
    directory: &Path,
    daemon: Option<&Daemon>,
    clock: &Clock,
) -> Facts {
    let is_in_doubt = match daemon {
        Some(daemon) => !daemon.status.time_known,
        None => doubt(directory, clock).is_some(),
    };
    Facts {
        now: clock.now().to_zoned(household.zone.clone()),
        belief: match (is_in_doubt, clock.is_synchronised()) {
            (true, _) => Belief::InDoubt,
            (false, true) => Belief::Kept,
            (false, false) => Belief::Alone,
        },
        zone: household.zone.iana_name().map(str::to_owned),
        is_zone_written,
        has_timedatectl: [TIMEDATECTL, SYSTEMD].iter().all(|path| Path::new(path).exists()),
    }
}

fn doubt(directory: &Path, clock: &Clock) -> Option<Doubt> {
    let saved = Ledger::look(directory, clock.clone()).saved();
    trust::doubt(&Evidence {
        now: clock.now(),
        built: clock::BUILT,
        saved: saved.as_ref().map(|saved| Saved { at: saved.at, boot: &saved.boot }),
        boot: &clock.boot_id(),
        uptime: clock.uptime(),
        is_synchronised: clock.is_synchronised(),
    })
}

fn judge(language: Language, facts: &Facts) -> Vec<Finding> {
    let now = facts.now.strftime("%Y-%m-%d %H:%M").to_string();
    let zone = facts.zone.as_deref().unwrap_or("?");
    let set_by_network = |finding: Finding| {
        if facts.has_timedatectl {
            finding.run("timedatectl set-ntp true").undo("timedatectl set-ntp false")
        } else {
            finding.say(words::CLOCK_NTP.in_language(language))
        }
    };
    let time = |state, sentence| Finding::new(state, fill(language, sentence, &now, zone));
    let time = match facts.belief {
        Belief::Kept => time(State::Ok, &words::CLOCK_GOOD),
        Belief::Alone => set_by_network(time(State::Note, &words::CLOCK_ALONE)),
        Belief::InDoubt => set_by_network(time(State::Failed, &words::CLOCK_DOUBT))
            .say(words::CLOCK_SET.in_language(language)),
    };
    let mut findings = vec![time];
    // Whoever has never set a zone lives by that of Greenwich, and so do the bedtimes.
    let is_nowhere = facts
        .zone
        .as_deref()
        .is_none_or(|zone| ["UTC", "Etc/UTC", "Etc/Unknown", "GMT", "Etc/GMT"].contains(&zone));
    if is_nowhere && !facts.is_zone_written {
        findings.push(
            Finding::new(State::Warning, fill(language, &words::ZONE_NONE, zone, ""))
                .say(words::ZONE_FIX.in_language(language)),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            now: "2026-11-23T18:00[America/Guatemala]".parse().unwrap(),
            belief: Belief::Kept,
            zone: Some("America/Guatemala".to_owned()),
            is_zone_written: false,
            has_timedatectl: true,
        }
    }

    #[test]
    fn a_clock_that_others_keep_right_is_ok() {
        let found = judge(Language::En, &facts());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].state, State::Ok);
        assert_eq!(
            found[0].text,
            "The clock shows 2026-11-23 18:00 (America/Guatemala), and the system keeps it right."
        );
    }

    #[test]
    fn a_clock_that_nobody_keeps_right_is_noted_and_one_in_doubt_fails() {
        let alone = judge(Language::En, &Facts { belief: Belief::Alone, ..facts() });
        assert_eq!(alone[0].state, State::Note);
        assert_eq!(alone[0].undo[0].text(), "timedatectl set-ntp false");
        let doubt = judge(Language::Es, &Facts { belief: Belief::InDoubt, ..facts() });
        assert_eq!(doubt[0].state, State::Failed);
    }

    #[test]
    fn times_by_greenwich_are_warned_of_unless_the_file_says_so() {
        let utc = Facts { zone: Some("UTC".to_owned()), ..facts() };
        assert_eq!(judge(Language::En, &utc)[1].state, State::Warning);
        assert_eq!(judge(Language::En, &Facts { is_zone_written: true, ..utc }).len(), 1);
        assert_eq!(judge(Language::En, &Facts { zone: None, ..facts() }).len(), 2);
    }
}
