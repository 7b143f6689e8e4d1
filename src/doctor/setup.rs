//! Whether the network is set up so that every question comes here, from the device that asks it:
//! what a running daemon sees of that.

use super::{Check, Daemon, Finding, State};
use crate::control::SetupFinding;
use crate::words::{Language, doctor as words};

pub(super) const CHECK: Check = Check {
    name: "setup",
    label: &words::SETUP,
    judge: |facts| judge(facts.language, &facts.setup),
};

/// What a daemon sees.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// None: none runs.
    seen: Option<Vec<SetupFinding>>,
    /// Questions that it has had.
    queries: u64,
}

pub(super) fn gather(daemon: Option<&Daemon>) -> Facts {
    Facts {
        seen: daemon.map(|daemon| daemon.status.setup.clone()),
        queries: daemon.map_or(0, |daemon| daemon.status.queries),
    }
}

fn judge(language: Language, facts: &Facts) -> Vec<Finding> {
    let note = |words| vec![Finding::of(State::Note, words, language)];
    match facts.seen.as_deref() {
        None => {
            let finding = Finding::of(State::Note, &words::SETUP_NO_DAEMON, language);
            vec![finding.say(words::SETUP_START.in_language(language))]
        }
        Some([]) if facts.queries == 0 => note(&words::SETUP_NO_QUESTIONS),
        Some([]) => vec![Finding::of(State::Ok, &words::SETUP_GOOD, language)],
        Some(seen) => {
            let finding = |one: &SetupFinding| {
                let found = Finding::new(State::Warning, one.text.as_str());
                one.fix.iter().fold(found, |found, fix| found.say(fix.as_str()))
            };
            seen.iter().map(finding).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_daemon_sees_is_told_with_what_to_do() {
        let seen = SetupFinding {
            kind: "one_address".to_owned(),
            text: "All questions come from one address.".to_owned(),
            fix: vec!["Let devices ask us.".to_owned()],
        };
        let facts = Facts { seen: Some(vec![seen]), queries: 9 };
        let found = judge(Language::En, &facts);
        assert_eq!((found.len(), found[0].state), (1, State::Warning));
        assert_eq!(found[0].fix[0].text(), "Let devices ask us.");
    }

    #[test]
    fn nothing_seen_is_well_only_where_questions_came() {
        let state = |seen, queries| judge(Language::Es, &Facts { seen, queries })[0].state;
        assert_eq!(state(None, 0), State::Note);
        assert_eq!(state(Some(Vec::new()), 0), State::Note);
        assert_eq!(state(Some(Vec::new()), 1), State::Ok);
    }
}
