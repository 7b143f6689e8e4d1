//! The reason in a few words for whoever asked, sent in the open with a closed answer.
//!
//! It names neither a child nor a list. Every text a household can need is written once, when its
//! rules are: a closed answer only chooses one.

use super::rules::{Household, SubjectId};
use super::{Policy, Reason, Verdict, budget_name, window_name};
use crate::words::{self, Language};

/// Every text of a household.
#[derive(Debug, Clone)]
pub(super) struct Briefs {
    /// By tag.
    tags: Vec<String>,
    /// By subject and the place of the window.
    windows: Vec<Vec<String>>,
    /// By subject and the place of the budget.
    budgets: Vec<Vec<String>>,
    pause: String,
    bypass: String,
    rebind: String,
    upstream: String,
    unknown_device: String,
    /// The family's rules, without saying which.
    rules: String,
}

impl Policy {
    /// The reason of a closed answer in a few words, in the household's language.
    #[must_use]
    pub fn brief(&self, subject: SubjectId, verdict: Verdict) -> &str {
        self.briefs.of(subject, verdict.reason)
    }
}

impl Briefs {
    pub(super) fn new(household: &Household) -> Self {
        let language = household.language;
        let closed = |what: &str| words::BRIEF_CLOSED.fill(language, what, "");
        let tags = household.tags.iter();
        let windows = household.subjects.iter().map(|subject| {
            let windows = subject.rules.schedules.iter();
            windows.map(|window| until(&window.name, window.span.end, language)).collect()
        });
        let budgets = household.subjects.iter().map(|subject| {
            let budgets = subject.rules.budgets.iter();
            let name = |what| budget_name(household, what, language);
            budgets
                .map(|budget| words::BRIEF_USED_UP.fill(language, &name(&budget.what), ""))
                .collect()
        });
        Briefs {
            budgets: budgets.collect(),
            pause: words::BRIEF_PAUSED.in_language(language).to_owned(),
            tags: tags.map(|(_, info)| closed(info.words.in_language(language))).collect(),
            windows: windows.collect(),
            bypass: words::BYPASS.fill(language, "", ""),
            rebind: words::REBIND.fill(language, "", ""),
            upstream: words::BRIEF_UPSTREAM.in_language(language).to_owned(),
            unknown_device: words::BRIEF_UNKNOWN.in_language(language).to_owned(),
            rules: words::BRIEF.in_language(language).to_owned(),
        }
    }

    fn of(&self, subject: SubjectId, reason: Reason) -> &str {
        let rules = &self.rules;
        match reason {
            Reason::Service(tag) | Reason::Category(tag) => {
                self.tags.get(usize::from(tag.0)).unwrap_or(rules)
            }
            Reason::Schedule(place) => {
                let windows = self.windows.get(usize::from(subject.0));
                windows.and_then(|windows| windows.get(usize::from(place))).unwrap_or(rules)
            }
            Reason::Budget(place) => {
                let budgets = self.budgets.get(usize::from(subject.0));
                budgets.and_then(|budgets| budgets.get(usize::from(place))).unwrap_or(rules)
            }
            Reason::Pause => &self.pause,
            Reason::Bypass => &self.bypass,
            Reason::Rebind => &self.rebind,
            Reason::Upstream => &self.upstream,
            Reason::UnknownDevice => &self.unknown_device,
            Reason::BlockRule(..)
            | Reason::EverythingClosed
            | Reason::List(_)
            | Reason::Only
            | Reason::Essential
            | Reason::Local
            | Reason::Grant(_)
            | Reason::AllowRule(..)
            | Reason::SafeSearch(_)
            | Reason::Default => rules,
        }
    }
}

/// A window and when it ends, a minute of the day.
fn until(name: &str, end: u16, language: Language) -> String {
    let until = format!("{:02}:{:02}", end / 60 % 24, end % 60);
    let until = words::family::clock(language, &until);
    words::BRIEF_UNTIL.fill(language, window_name(name, language), &until)
}
