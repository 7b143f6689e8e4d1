//! Whether the lists came, are fresh, and are what they were.

use std::path::Path;

use super::{Check, Finding, State, fill};
use crate::clock::Clock;
use crate::config::Config;
use crate::control::{self, Command};
use crate::house::{Copies, House};
use crate::inspect::{self, ListStatus, ListView, NOT_YET};
use crate::words::{Language, doctor as words};

pub(super) const CHECK: Check = Check {
    name: "lists",
    label: &words::LISTS,
    judge: |facts| judge(facts.language, &facts.lists),
};

/// A copy this old is told: most lists change within days, and sites move.
const OLD_SECONDS: i64 = 14 * 24 * 3600;
const DAY_SECONDS: i64 = 24 * 3600;
/// How many lists are named in one sentence.
const NAMED_MAX: usize = 5;

/// What is known of the lists.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    lists: Vec<ListStatus>,
    /// Whether a daemon keeps them fresh.
    is_running: bool,
    /// Whether this user may not look.
    is_locked: bool,
}

impl Facts {
    /// What who may not look knows: nothing.
    pub(super) fn locked() -> Self {
        Facts { lists: Vec::new(), is_running: false, is_locked: true }
    }
}

/// Asks the daemon, else reads what is in the state directory.
pub(super) fn gather(config: &Config, directory: &Path, is_running: bool, clock: &Clock) -> Facts {
    let told = || control::tell(directory, &Command::Lists).ok();
    let told: Option<Vec<ListStatus>> = if is_running { told() } else { None };
    let lists = told.unwrap_or_else(|| {
        let house = House::open(config.clone(), directory, Copies::LookOnly);
        let view = ListView { state: directory, now: clock.now(), uptime: None };
        house.lists.iter().map(|list| inspect::list_status(&house, list, &view)).collect()
    });
    Facts { lists, is_running, is_locked: false }
}

fn judge(language: Language, facts: &Facts) -> Vec<Finding> {
    if facts.is_locked {
        return vec![Finding::of(State::Note, &words::LISTS_LOCKED, language)];
    }
    let mut findings = Vec::new();
    let good = facts.lists.iter().filter(|list| list.state == inspect::OK);
    let (count, names) = good.fold((0, 0), |(count, names), list| (count + 1, names + list.taken));
    let oldest = facts.lists.iter().filter(|list| list.is_fetched).filter_map(|list| {
        let age = list.age_seconds?;
        Some((age, list))
    });
    let oldest = oldest.max_by_key(|(age, _)| *age);
    let mut text = fill(language, &words::LISTS_GOOD, &count.to_string(), &names.to_string());
    if let Some((age, _)) = oldest.filter(|(age, _)| *age < OLD_SECONDS) {
        text.push(' ');
        text.push_str(&fill(language, &words::LISTS_AGE, &days(age, language), ""));
    }
    findings.push(Finding::new(State::Ok, text));

    let coming: Vec<&ListStatus> =
        facts.lists.iter().filter(|list| list.state == NOT_YET).collect();
    if !coming.is_empty() {
        let text = fill(language, &words::LISTS_COMING, &named(&coming, language), "");
        let fix = if facts.is_running { &words::LISTS_WAIT } else { &words::LISTS_START };
        let finding = Finding::new(State::Warning, text).say(fix.in_language(language));
        findings.push(if facts.is_running { finding.run("amparo lists update") } else { finding });
    }
    let old: Vec<&ListStatus> = facts
        .lists
        .iter()
        .filter(|list| list.is_fetched && list.age_seconds.is_some_and(|age| age >= OLD_SECONDS))
        .collect();
    if let (false, Some((age, _))) = (old.is_empty(), oldest) {
        let (which, days) = (named(&old, language), days(age, language));
        findings.push(
            Finding::new(State::Warning, fill(language, &words::LISTS_OLD, &which, &days))
                .run("amparo lists update"),
        );
    }
    let in_trouble =
        facts.lists.iter().filter(|list| list.state != inspect::OK && list.state != NOT_YET);
    for list in in_trouble {
        let text = fill(language, &words::LIST_TROUBLE, &list.list, &list.state);
        let finding =
            Finding::new(State::Warning, text).run(format!("amparo lists status {}", list.list));
        findings.push(match (list.is_fetched, facts.is_running) {
            (true, true) => finding.run(format!("amparo lists update {}", list.list)),
            (true, false) | (false, _) => finding,
        });
    }
    findings
}

/// `a`, `b` and 3 more
fn named(lists: &[&ListStatus], language: Language) -> String {
    let ids: Vec<String> =
        lists.iter().take(NAMED_MAX).map(|list| format!("`{}`", list.list)).collect();
    let ids = ids.join(", ");
    match lists.len().saturating_sub(NAMED_MAX) {
        0 => ids,
        more => fill(language, &words::AND_MORE, &ids, &more.to_string()),
    }
}

/// `3 days`; less than two are counted in hours.
fn days(seconds: i64, language: Language) -> String {
    if seconds < 2 * DAY_SECONDS {
        return fill(language, &words::HOURS, &(seconds / 3600).to_string(), "");
    }
    fill(language, &words::DAYS, &(seconds / DAY_SECONDS).to_string(), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(id: &str, state: &str, age_seconds: Option<i64>) -> ListStatus {
        ListStatus {
            v: 1,
            list: id.to_owned(),
            category: None,
            format: "domains".to_owned(),
            guess: None,
            taken: 100,
            skipped: 0,
            skipped_kinds: std::collections::BTreeMap::default(),
            refused: 0,
            refused_entries: Vec::new(),
            updated: None,
            age_seconds,
            from: None,
            is_fetched: true,
            name: None,
            licence: None,
            attribution: None,
            checked: None,
            next_check: None,
            state: state.to_owned(),
        }
    }

    fn told(lists: Vec<ListStatus>, is_running: bool) -> Vec<(State, String)> {
        let findings = judge(Language::En, &Facts { lists, is_running, is_locked: false });
        findings.into_iter().map(|finding| (finding.state, finding.text)).collect()
    }

    #[test]
    fn lists_that_are_well_are_counted_with_the_age_of_the_oldest() {
        let told = told(vec![list("a", "ok", Some(3600)), list("b", "ok", Some(3 * 86400))], true);
        assert_eq!(
            told,
            [(
                State::Ok,
                "Lists that serve: 2; names in them: 200. The oldest copy is 3 days old."
                    .to_owned()
            )]
        );
    }

    #[test]
    fn who_may_not_look_is_told_that_and_nothing_else() {
        let found = judge(Language::En, &Facts::locked());
        assert_eq!((found.len(), found[0].state), (1, State::Note));
    }

    #[test]
    fn lists_that_never_came_are_one_warning() {
        let lists: Vec<_> = (0..7).map(|n| list(&format!("l{n}"), NOT_YET, None)).collect();
        let told = told(lists, false);
        assert_eq!(told.len(), 2);
        assert_eq!(told[1].0, State::Warning);
        assert!(told[1].1.contains("`l4` and 2 more"), "{}", told[1].1);
    }

    #[test]
    fn a_list_in_trouble_and_an_old_one_are_warnings() {
        let lists =
            vec![list("a", "it is a web page", Some(60)), list("b", "ok", Some(20 * 86400))];
        let told = told(lists, true);
        assert_eq!(
            told[1],
            (State::Warning, "These copies are old, up to 20 days: `b`.".to_owned())
        );
        assert_eq!(told[2], (State::Warning, "List `a`: it is a web page.".to_owned()));
    }
}
