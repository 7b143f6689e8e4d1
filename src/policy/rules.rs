//! The rules of a household as plain data: what the config file becomes.
//!
//! Everything a profile hands down is merged in before it gets here (`config::build`), so that a
//! subject's [`Rules`] are whole and deciding never climbs.

use std::collections::HashSet;

use jiff::tz::TimeZone;

use super::budget::Budget;
use super::hours::Schedule;
use super::local::LocalNames;
use super::tags::{Known, Tag, TagSet, TagTable};
use crate::name::{Keyed, Name, NameMap};
use crate::words::Language;

/// Everything permanent that decides, for everyone.
#[derive(Debug, Clone)]
pub struct Household {
    /// The language of reasons on the wire and of reports.
    pub language: Language,
    /// Where the walls have their clock, for whoever has no zone of their own.
    pub zone: TimeZone,
    /// The minute of the day at which a day of budgets begins: 0 to 1439.
    pub day_starts: u16,
    /// All categories, services and single lists.
    pub tags: TagTable,
    /// Names that are always answered: time, connectivity checks, certificate status, help.
    pub essentials: NameSet,
    /// Names that devices ask for by themselves (telemetry, push, thumbnails): they never show
    /// that somebody is there, so they count against no budget.
    pub noise: NameSet,
    /// Names answered here: the household's records and special-use names.
    pub local: LocalNames,
    /// Whoever asks. The first is whoever is not known: [`SubjectId::UNKNOWN`].
    pub subjects: Vec<Subject>,
    /// The tag of the service whose restricted mode `youtube` chooses.
    pub youtube: Option<Tag>,
}

/// The place of a subject in [`Household::subjects`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SubjectId(pub u16);

impl SubjectId {
    /// A device that nobody claimed.
    pub const UNKNOWN: SubjectId = SubjectId(0);
}

/// Somebody rules are for.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The id in the config file; `unknown` for devices that nobody claimed.
    pub id: String,
    /// The name a parent reads.
    pub label: String,
    /// Child, adult, or not known.
    pub kind: SubjectKind,
    /// The id of the profile the rules come from.
    pub profile: String,
    /// Where this one's clock is: the household's, unless the file says otherwise.
    pub zone: TimeZone,
    /// The rules, whole.
    pub rules: Rules,
}

/// Who a subject is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubjectKind {
    /// A device that nobody claimed.
    Unknown,
    /// A child.
    Child,
    /// An adult.
    Adult,
}

/// The rules of one subject, with what its profile and the household hand down merged in.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch a parent sets by itself")]
pub struct Rules {
    /// Nothing is answered at all: `unknown_devices = "block"`.
    pub refused: bool,
    /// Windows in which something is closed.
    pub schedules: Vec<Schedule>,
    /// Daily allowances of time: at most [`BUDGETS_MAX`](super::budget::BUDGETS_MAX).
    pub budgets: Vec<Budget>,
    /// The parent's own names.
    pub names: NameRules,
    /// Closed categories, services and lists.
    pub closed: TagSet,
    /// `block = ["internet"]`: everything is closed that no name opens.
    pub everything_closed: bool,
    /// Services that stay open although their category is closed: opened by hand, or made safe
    /// by restricted mode. Each with the categories it is excused from.
    pub excused: Vec<(Tag, TagSet)>,
    /// The walled garden: only this is open.
    pub only: Option<Scope>,
    /// Search engines answer in their safe form.
    pub safe_search: bool,
    /// Which form of YouTube is answered.
    pub youtube: YouTube,
    /// Relay names (iCloud Private Relay) do not exist: true for every child.
    pub relays_closed: bool,
    /// TTLs handed out are at most this many seconds: 60 for children, so that a pause bites.
    pub ttl_seconds_max: Option<u32>,
    /// What the journal keeps.
    pub journal: JournalLevel,
}

/// YouTube's restricted modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum YouTube {
    /// As it comes.
    #[default]
    Open,
    /// Restricted, moderate.
    Moderate,
    /// Restricted, strict: no comments, far fewer videos.
    Strict,
}

/// What the journal keeps of somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub enum JournalLevel {
    /// Nothing.
    #[default]
    Off,
    /// Hourly counts per category, no sites (security categories keep the site).
    Counts,
    /// Blocked attempts with site, reason and count.
    Sites,
    /// The same with the names asked.
    Names,
    /// Allowed sites too.
    All,
}

/// What one word of `block`, `allow`, `only` or `budget` means.
#[expect(clippy::large_enum_variant, reason = "few, and never on the way of a query")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Everything: `internet`.
    Everything,
    /// A category or service.
    Tag(Tag),
    /// A name.
    Name(Name, Reach),
}

/// What a list of words in `block`, `only` or `allow` of a schedule, or in `only`, covers.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// `"everything"` or `internet`.
    pub everything: bool,
    /// Categories and services.
    pub tags: TagSet,
    /// Names.
    pub names: NameSet,
}

/// A set of names; each covers what is below it, unless it was written `=name`.
#[derive(Debug, Clone, Default)]
pub struct NameSet {
    entries: NameMap<Reach>,
    above: Above,
}

/// What stands strictly above some names, so that whether any of them is below another name is one
/// look-up.
#[derive(Debug, Clone, Default)]
pub(super) struct Above(HashSet<Box<[u8]>, Keyed>);

/// What a written name covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// `=name`: that name alone.
    Exact,
    /// `name`: it and everything below it.
    Below,
}

/// Whose rule it is: at equal length the child's speaks before the profile's, that before the
/// household's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// `[child.ID]` or `[adult.ID]`.
    Subject,
    /// `[profile.ID]`.
    Profile,
    /// `[household]`.
    Household,
}

/// The parent's own names: which are open and which are closed.
#[derive(Debug, Clone, Default)]
pub struct NameRules {
    entries: NameMap<Vec<NameRule>>,
    above_open: Above,
}

/// One name a parent wrote into `allow` or `block`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameRule {
    /// Whether it opens.
    pub allow: bool,
    /// What it covers.
    pub reach: Reach,
    /// Whose rule it is.
    pub level: Level,
}

// === impl Rules ===

impl Rules {
    /// Every name spelt out in these rules, in wire form.
    pub fn mentioned(&self) -> impl Iterator<Item = &[u8]> {
        let windows = self.schedules.iter().flat_map(|window| {
            [Some(&window.block), Some(&window.allow), window.only.as_ref()].into_iter().flatten()
        });
        let scopes = windows.chain(&self.only);
        let budgets = self.budgets.iter().filter_map(|budget| match &budget.what {
            What::Name(name, _) => Some(name.wire()),
            What::Everything | What::Tag(_) => None,
        });
        self.names.wires().chain(scopes.flat_map(|scope| scope.names.wires())).chain(budgets)
    }
}

// === impl What ===

impl What {
    /// Whether the name is covered.
    #[must_use]
    pub fn covers(&self, asked: &Known<'_>) -> bool {
        match self {
            What::Everything => true,
            What::Tag(tag) => asked.tags.contains(*tag),
            What::Name(name, Reach::Exact) => asked.name == name,
            What::Name(name, Reach::Below) => asked.name.is_at_or_below(name),
        }
    }

    /// Whether a name strictly below this one may be covered; of a category or service nobody
    /// knows where its names lie.
    #[must_use]
    pub fn reaches_below(&self, above: &Name) -> bool {
        match self {
            What::Everything | What::Tag(_) => true,
            What::Name(name, _) => name != above && name.is_at_or_below(above),
        }
    }
}

// === impl Scope ===

impl Scope {
    /// Whether the name is covered.
    #[must_use]
    pub fn covers(&self, asked: &Known<'_>) -> bool {
        self.everything
            || self.tags.meets(&asked.tags)
            || asked.mentioned && self.names.contains(asked.name)
    }

    /// Whether a name strictly below this one may be covered: names are looked at, and of
    /// categories and services nobody knows where their names lie.
    #[must_use]
    pub fn reaches_below(&self, name: &Name) -> bool {
        self.everything || !self.tags.is_empty() || self.names.reaches_below(name)
    }
}

// === impl NameSet ===

impl NameSet {
    /// Adds a name. The wider reach stays when it is there already.
    pub fn insert(&mut self, name: &Name, reach: Reach) {
        let entry = self.entries.entry(name.wire().into()).or_insert(reach);
        if reach == Reach::Below {
            *entry = Reach::Below;
        }
        self.above.insert(name);
    }

    /// Whether there is no name.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether the name or a parent of it is covered.
    #[must_use]
    pub fn contains(&self, name: &Name) -> bool {
        !self.entries.is_empty()
            && name.suffixes().enumerate().any(|(depth, suffix)| match self.entries.get(suffix) {
                Some(Reach::Below) => true,
                Some(Reach::Exact) => depth == 0,
                None => false,
            })
    }

    /// The names in wire form, each with what it covers, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], Reach)> {
        self.entries.iter().map(|(wire, reach)| (&**wire, *reach))
    }

    /// The names as written, in wire form.
    pub fn wires(&self) -> impl Iterator<Item = &[u8]> {
        self.entries.keys().map(AsRef::as_ref)
    }

    /// Whether a name strictly below this one is covered.
    #[must_use]
    pub fn reaches_below(&self, name: &Name) -> bool {
        self.above.contains(name)
    }
}

// === impl NameRules ===

impl NameRules {
    /// Adds a rule.
    pub fn insert(&mut self, name: &Name, rule: NameRule) {
        let rules = self.entries.entry(name.wire().into()).or_default();
        rules.push(rule);
        // Within one name: the nearer level first, and there `=name` before `name`.
        rules.sort_by_key(|rule| (rule.level, rule.reach == Reach::Below));
        if rule.allow {
            self.above_open.insert(name);
        }
    }

    /// The names as written, in wire form.
    pub fn wires(&self) -> impl Iterator<Item = &[u8]> {
        self.entries.keys().map(AsRef::as_ref)
    }

    /// Whether a name strictly below this one is opened.
    #[must_use]
    pub fn opens_below(&self, name: &Name) -> bool {
        self.above_open.contains(name)
    }

    /// The rule that speaks for a name, with the number of labels it was written with: the
    /// longest match wins, at equal length the nearer level.
    #[must_use]
    pub fn find(&self, name: &Name) -> Option<(NameRule, usize)> {
        if self.entries.is_empty() {
            return None;
        }
        name.suffixes().enumerate().find_map(|(depth, suffix)| {
            let rules = self.entries.get(suffix)?;
            let rule = rules.iter().find(|rule| depth == 0 || rule.reach == Reach::Below)?;
            Some((*rule, name.label_count() - depth))
        })
    }
}

// === impl Above ===

impl Above {
    /// Adds what stands above a name.
    pub(super) fn insert(&mut self, name: &Name) {
        self.0.extend(name.ancestors().map(Box::from));
    }

    /// Whether one of the names is strictly below this one.
    pub(super) fn contains(&self, name: &Name) -> bool {
        self.0.contains(name.wire())
    }
}
