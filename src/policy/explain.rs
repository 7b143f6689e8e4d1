//! The steps and the sentence of a verdict, for people.

use jiff::Timestamp;

use super::hours::Schedule;
use super::rules::SubjectId;
use super::tags::TagSet;
use super::{
    Action, Granted, Moment, ORDER, Policy, Reason, ReasonKind, Step, Verdict, in_safe_form,
    safesearch,
};
use crate::name::Name;
use crate::words::{self, Language};

/// A decision with everything that led to it.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// What [`Policy::decide`] says.
    pub verdict: Verdict,
    /// Each rule in its order, with the verdict it would give; the first that has one spoke. Then
    /// the safe form, where an open name answers in it.
    pub steps: Vec<(Step, Option<Verdict>)>,
    /// What the lists say of the name.
    pub tags: TagSet,
    /// When a window of the subject opens or closes next, what holds for a while ends, or a new
    /// day gives or takes time.
    pub until: Option<Timestamp>,
}

impl Policy {
    /// Decides as [`Policy::decide`] does, and keeps each step.
    #[must_use]
    pub fn explain(&self, subject: SubjectId, name: &Name, moment: &Moment) -> Explanation {
        let ask = self.ask(subject, name, moment);
        let mut steps: Vec<_> = ORDER.iter().map(|(step, rule)| (*step, rule(&ask))).collect();
        let reach = steps.iter().find_map(|(_, verdict)| *verdict).unwrap_or(Verdict::OPEN);
        let safe = in_safe_form(&ask, reach);
        steps.push((Step::SafeForm, (safe != reach).then_some(safe)));
        let verdict = ask.metered(safe, reach.reason);
        Explanation { verdict, steps, tags: ask.asked.tags, until: moment.next_change(subject) }
    }

    /// The id of the reason in JSON and in the journal: of the service, category, list, window or
    /// engine, or the name as the parent wrote it; empty where the kind says it all.
    #[must_use]
    pub fn reason_id(&self, subject: SubjectId, name: &Name, reason: Reason) -> String {
        match reason {
            Reason::Service(tag) | Reason::Category(tag) | Reason::List(tag) => {
                self.household.tags.info(tag).id.clone()
            }
            Reason::Grant(Granted::Tag(tag)) => self.household.tags.info(tag).id.clone(),
            Reason::Budget(place) => {
                let budget = self.subject(subject).rules.budgets.get(usize::from(place));
                budget.map(|budget| budget.id.clone()).unwrap_or_default()
            }
            Reason::Schedule(place) => {
                self.window(subject, place).map(|window| window.name.clone()).unwrap_or_default()
            }
            Reason::AllowRule(_, labels)
            | Reason::BlockRule(_, labels)
            | Reason::Grant(Granted::Name(labels)) => {
                name.last_labels(usize::from(labels)).to_string()
            }
            Reason::EverythingClosed => words::INTERNET_ID.to_owned(),
            Reason::SafeSearch(engine) => safesearch::ENGINES[usize::from(engine)].id.to_owned(),
            Reason::Essential
            | Reason::Local
            | Reason::Pause
            | Reason::Only
            | Reason::Bypass
            | Reason::Rebind
            | Reason::Upstream
            | Reason::UnknownDevice
            | Reason::Default => String::new(),
        }
    }

    /// The sentence a person reads.
    #[must_use]
    pub fn sentence(
        &self,
        subject: SubjectId,
        name: &Name,
        verdict: Verdict,
        language: Language,
    ) -> String {
        let id = self.reason_id(subject, name, verdict.reason);
        let open = verdict.action != Action::Block;
        self.sentence_of(&self.subject(subject).label, verdict.reason.kind(), &id, open, language)
    }

    /// The sentence for a reason that was kept as kind and id, such as a row of the journal; `who`
    /// is the label of the subject. An id that is no longer defined is shown as it is; where none
    /// was kept, the sentence is about some site.
    #[must_use]
    pub fn sentence_of(
        &self,
        who: &str,
        kind: ReasonKind,
        id: &str,
        open: bool,
        language: Language,
    ) -> String {
        let tag = self.household.tags.find(id);
        let what = match kind {
            ReasonKind::Service
            | ReasonKind::AllowRule
            | ReasonKind::BlockRule
            | ReasonKind::Grant
            | ReasonKind::Budget
                if id.is_empty() =>
            {
                words::SOME_SITE.in_language(language)
            }
            ReasonKind::Service
            | ReasonKind::Category
            | ReasonKind::List
            | ReasonKind::Grant
            | ReasonKind::Budget => match tag {
                None if id == words::INTERNET_ID => words::INTERNET.in_language(language),
                tag => {
                    tag.map_or(id, |tag| self.household.tags.info(tag).words.in_language(language))
                }
            },
            ReasonKind::SafeSearch => safesearch::ENGINES
                .iter()
                .find(|engine| engine.id == id)
                .map_or(id, |engine| engine.label),
            ReasonKind::Schedule if id == words::BEDTIME_ID => words::BEDTIME.in_language(language),
            ReasonKind::Schedule
            | ReasonKind::Essential
            | ReasonKind::Local
            | ReasonKind::Pause
            | ReasonKind::AllowRule
            | ReasonKind::BlockRule
            | ReasonKind::Only
            | ReasonKind::Bypass
            | ReasonKind::Rebind
            | ReasonKind::Upstream
            | ReasonKind::UnknownDevice
            | ReasonKind::Default => id,
        };
        template(kind, open).fill(language, what, who)
    }

    fn window(&self, subject: SubjectId, place: u16) -> Option<&Schedule> {
        self.subject(subject).rules.schedules.get(usize::from(place))
    }
}

/// The sentence of a kind of reason.
fn template(kind: ReasonKind, open: bool) -> &'static words::Sentence {
    match kind {
        ReasonKind::Essential => &words::ESSENTIAL,
        ReasonKind::Local => &words::LOCAL,
        ReasonKind::Pause => &words::PAUSE,
        ReasonKind::Grant => &words::GRANT,
        ReasonKind::Budget => &words::BUDGET,
        ReasonKind::Schedule if open => &words::SCHEDULE_OPEN,
        ReasonKind::Schedule => &words::SCHEDULE,
        ReasonKind::AllowRule => &words::ALLOW_RULE,
        ReasonKind::BlockRule => &words::BLOCK_RULE,
        ReasonKind::Service => &words::SERVICE,
        ReasonKind::Category => &words::CATEGORY,
        ReasonKind::List => &words::LIST,
        ReasonKind::Only if open => &words::ONLY_OPEN,
        ReasonKind::Only => &words::ONLY,
        ReasonKind::SafeSearch => &words::SAFE_SEARCH,
        ReasonKind::Bypass => &words::BYPASS,
        ReasonKind::Rebind => &words::REBIND,
        ReasonKind::Upstream => &words::UPSTREAM,
        ReasonKind::UnknownDevice => &words::UNKNOWN_DEVICE,
        ReasonKind::Default => &words::DEFAULT,
    }
}
