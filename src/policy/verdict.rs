//! What is done with a question, and why.

use super::budget::BudgetSet;
use super::local::LocalAnswer;
use super::rules::Level;
use super::tags::Tag;

/// What to do with a question, and why.
///
/// Every verdict has a reason, [`Action::Allow`] included: the journal stores it, and
/// `amparo why` prints it. A reason holds small ids, so a `Verdict` is `Copy` and deciding
/// allocates nothing; [`super::Policy::sentence`] turns the ids into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// What is done.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// Whose time it takes: the budgets of the subject that an open name is counted against.
    pub metered: BudgetSet,
}

/// What is done with a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It is asked upstream.
    Allow,
    /// It is answered as closed.
    Block,
    /// It is answered with the safe form of the site: the row of `safesearch::ENGINES`.
    Rewrite(u8),
    /// It is answered here.
    Local(LocalAnswer),
}

/// Why a verdict is what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Time, connectivity checks, certificate status, help: always answered.
    Essential,
    /// The household's own name, or a special-use name that never leaves the house.
    Local,
    /// A parent paused everything for a while.
    Pause,
    /// A parent opened it for a while: the name as granted, of so many labels; or what it is.
    Grant(Granted),
    /// A window of the subject's schedules, by its place.
    Schedule(u16),
    /// A name a parent opened, written with so many labels.
    AllowRule(Level, u8),
    /// A name a parent closed, written with so many labels.
    BlockRule(Level, u8),
    /// `block = ["internet"]`.
    EverythingClosed,
    /// The time of a budget is used up, or was not started: its place among the subject's.
    Budget(u8),
    /// A closed service.
    Service(Tag),
    /// A closed category.
    Category(Tag),
    /// A list that fills no category.
    List(Tag),
    /// The walled garden: the name is in it (allowed) or not (blocked).
    Only,
    /// A search engine or YouTube in its safe form: the row of `safesearch::ENGINES`.
    SafeSearch(u8),
    /// A canary or relay name: it does not exist here.
    Bypass,
    /// A name out there that leads to an address of the house.
    Rebind,
    /// The resolver that was asked closes it.
    Upstream,
    /// The device is not known, and unknown devices are blocked.
    UnknownDevice,
    /// No rule speaks.
    Default,
}

/// What a grant was written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granted {
    /// A name of so many labels.
    Name(u8),
    /// A category or service.
    Tag(Tag),
}

impl Verdict {
    /// Nothing closes the name.
    pub const OPEN: Verdict = Verdict::allow(Reason::Default);

    /// An answer from upstream, for this reason.
    #[must_use]
    pub const fn allow(reason: Reason) -> Self {
        Verdict { action: Action::Allow, reason, metered: BudgetSet::EMPTY }
    }

    /// Closed, for this reason.
    #[must_use]
    pub const fn block(reason: Reason) -> Self {
        Verdict { action: Action::Block, reason, metered: BudgetSet::EMPTY }
    }

    /// Answered here.
    #[must_use]
    pub const fn local(answer: LocalAnswer) -> Self {
        Verdict { action: Action::Local(answer), reason: Reason::Local, metered: BudgetSet::EMPTY }
    }

    /// The word for the action in JSON: `allow`, `block`, `rewrite` or `local`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self.action {
            Action::Allow => "allow",
            Action::Block => "block",
            Action::Rewrite(_) => "rewrite",
            Action::Local(_) => "local",
        }
    }

    /// Whether somebody opened the name by hand, or it must stay open whatever it points to:
    /// then nothing below it is judged again.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self.reason {
            Reason::Essential
            | Reason::Local
            | Reason::Grant(_)
            | Reason::Schedule(_)
            | Reason::AllowRule(..)
            | Reason::Only
            | Reason::SafeSearch(_) => true,
            Reason::Pause
            | Reason::Budget(_)
            | Reason::BlockRule(..)
            | Reason::EverythingClosed
            | Reason::Service(_)
            | Reason::Category(_)
            | Reason::List(_)
            | Reason::Bypass
            | Reason::Rebind
            | Reason::Upstream
            | Reason::UnknownDevice
            | Reason::Default => false,
        }
    }
}

impl Reason {
    /// The kind of reason, without its ids.
    #[must_use]
    pub fn kind(self) -> ReasonKind {
        match self {
            Reason::Essential => ReasonKind::Essential,
            Reason::Local => ReasonKind::Local,
            Reason::Pause => ReasonKind::Pause,
            Reason::Grant(_) => ReasonKind::Grant,
            Reason::Schedule(_) => ReasonKind::Schedule,
            Reason::AllowRule(..) => ReasonKind::AllowRule,
            Reason::BlockRule(..) | Reason::EverythingClosed => ReasonKind::BlockRule,
            Reason::Budget(_) => ReasonKind::Budget,
            Reason::Service(_) => ReasonKind::Service,
            Reason::Category(_) => ReasonKind::Category,
            Reason::List(_) => ReasonKind::List,
            Reason::Only => ReasonKind::Only,
            Reason::SafeSearch(_) => ReasonKind::SafeSearch,
            Reason::Bypass => ReasonKind::Bypass,
            Reason::Rebind => ReasonKind::Rebind,
            Reason::Upstream => ReasonKind::Upstream,
            Reason::UnknownDevice => ReasonKind::UnknownDevice,
            Reason::Default => ReasonKind::Default,
        }
    }
}

/// A kind of reason: what the journal keeps, and `reason.kind` in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is a variant of Reason, documented there")]
pub enum ReasonKind {
    Essential,
    Local,
    Pause,
    Grant,
    Schedule,
    AllowRule,
    BlockRule,
    Budget,
    Service,
    Category,
    List,
    Only,
    SafeSearch,
    Bypass,
    Rebind,
    Upstream,
    UnknownDevice,
    Default,
}

impl ReasonKind {
    /// All kinds.
    pub const ALL: [ReasonKind; 18] = [
        ReasonKind::Essential,
        ReasonKind::Local,
        ReasonKind::Pause,
        ReasonKind::Grant,
        ReasonKind::Schedule,
        ReasonKind::AllowRule,
        ReasonKind::BlockRule,
        ReasonKind::Budget,
        ReasonKind::Service,
        ReasonKind::Category,
        ReasonKind::List,
        ReasonKind::Only,
        ReasonKind::SafeSearch,
        ReasonKind::Bypass,
        ReasonKind::Rebind,
        ReasonKind::Upstream,
        ReasonKind::UnknownDevice,
        ReasonKind::Default,
    ];

    /// The word in JSON and in the journal.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            ReasonKind::Essential => "essential",
            ReasonKind::Local => "local",
            ReasonKind::Pause => "pause",
            ReasonKind::Grant => "grant",
            ReasonKind::Schedule => "schedule",
            ReasonKind::AllowRule => "allow_rule",
            ReasonKind::BlockRule => "block_rule",
            ReasonKind::Budget => "budget",
            ReasonKind::Service => "service",
            ReasonKind::Category => "category",
            ReasonKind::List => "list",
            ReasonKind::Only => "only",
            ReasonKind::SafeSearch => "safe_search",
            ReasonKind::Bypass => "bypass",
            ReasonKind::Rebind => "rebind",
            ReasonKind::Upstream => "upstream",
            ReasonKind::UnknownDevice => "unknown_device",
            ReasonKind::Default => "default",
        }
    }

    /// The kind of a word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        ReasonKind::ALL.into_iter().find(|kind| kind.word() == word)
    }
}
