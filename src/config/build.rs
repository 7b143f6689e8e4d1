//! Everything together: the checked parts become a [`Config`].
//!
//! Merging goes from far to near: built-in profile → household → profile (and what it is based
//! on, furthest first) → person. Words add up, and where they disagree the nearer table speaks;
//! single values and `bedtime` of the nearer table replace those further away. Built-in profiles
//! stand behind the household because no parent wrote them.

use jiff::tz::TimeZone;

use super::budgets::Allowance;
use super::context::Context;
use super::hours::calendars;
use super::lists::has_public_lists;
use super::part::{Part, add, journal_level, part};
use super::people::{DEFAULT_PROFILE, Person, Profile, band_of, check_profile, people, profiles};
use super::read::{entries, inner, text};
use super::settings_check as settings;
use super::tags::{Tags, of_band, of_security, tags};
use super::{Config, Severity};
use crate::lists::catalogue::Catalogue;
use crate::name::Name;
use crate::policy::budget::{BUDGETS_MAX, Budget};
use crate::policy::rules::{
    Household, JournalLevel, Level, NameRule, NameRules, NameSet, Reach, Rules, Scope, Subject,
    SubjectKind, What, YouTube,
};
use crate::policy::tags::{Tag, TagSet};
use crate::words::UNKNOWN_DEVICES;

/// The id of whoever is not known.
const UNKNOWN_ID: &str = "unknown";
/// The longest TTL handed to a child, in seconds: what is closed bites within a minute; and to
/// whoever has budgets, so that what is used is asked for again and its minutes are seen.
const CHILD_TTL_SECONDS_MAX: u32 = 60;
/// How many bands, youngest first, have ways around the filter closed: to 15.
const BANDS_WITHOUT_BYPASS: usize = 4;
/// The category of ways around the filter.
const BYPASS: &str = "bypass";
/// The service that restricted mode makes safe.
const YOUTUBE: &str = "youtube";

/// What a chain of profiles ends in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Base {
    /// A built-in profile by age: its place among the bands.
    Band(usize),
    /// The built-in profile `adult`.
    Adult,
    /// The built-in profile `open`.
    Open,
    /// A profile of the household's that is based on none.
    Nothing,
}

/// Who rules are merged for.
struct For<'a> {
    kind: SubjectKind,
    profile: &'a str,
    /// The band of a child's age: what a profile that is based on none is based on.
    band: Option<usize>,
    own: Option<&'a Part>,
}

/// What merging needs of the household.
struct Merge<'a> {
    catalogue: &'a Catalogue,
    tags: &'a Tags,
    profiles: &'a [Profile],
    household: &'a Part,
    /// `[journal] level`.
    level: Option<JournalLevel>,
    youtube: Option<Tag>,
}

/// Checks everything and builds the config; none when something is wrong.
pub(super) fn config(context: &mut Context<'_>) -> Option<Config> {
    let home = settings::home(context);
    let dns = settings::dns(context);
    let local = settings::local_names(context, &dns);
    let journal = settings::journal(context);
    let state_directory = settings::state(context);
    let enforce = settings::enforce(context);
    let mut tags = tags(context);
    let calendars = calendars(context);
    let profiles = profiles(context, &tags, &calendars);
    let (people, devices) = people(context, &tags, &calendars);
    let household = match inner(context.root, "household") {
        Some(table) => part(context, &tags, &calendars, "the household", table),
        None => Part::default(),
    };
    let unknown = unknown_devices(context);
    if context.problems.iter().any(|problem| problem.severity == Severity::Error) {
        return None;
    }

    let level = inner(context.root, "journal").and_then(|journal| text(journal, "level"));
    let merge = Merge {
        catalogue: context.catalogue,
        tags: &tags,
        profiles: &profiles,
        household: &household,
        level: level.map(|level| journal_level(&level)),
        youtube: tags.table.find(YOUTUBE),
    };
    let mut subjects = vec![Subject {
        id: UNKNOWN_ID.to_owned(),
        label: UNKNOWN_DEVICES.in_language(home.language).to_owned(),
        kind: SubjectKind::Unknown,
        zone: home.zone.clone(),
        rules: merge.unknown(&unknown),
        profile: unknown,
    }];
    subjects.extend(people.into_iter().map(|person| merge.subject(person, &home.zone)));
    if too_many_budgets(context, &subjects) {
        return None;
    }
    let youtube = merge.youtube;
    if has_public_lists(context) {
        tags.subscribe(context.catalogue, &closed_for_somebody(&subjects));
    }
    Some(Config {
        household: Household {
            language: home.language,
            zone: home.zone,
            day_starts: home.day_starts,
            essentials: names(&context.catalogue.essentials),
            noise: names(&context.catalogue.noise),
            local,
            subjects,
            youtube,
            tags: tags.table,
        },
        devices,
        lists: tags.sources,
        downloads: tags.downloads,
        calendars: calendars.files,
        dns,
        journal,
        enforce,
        state_directory,
        country: home.country,
        name: home.name,
        explanations: tags.explanations,
    })
}

/// `unknown_devices`: the id of a profile, or `block`.
fn unknown_devices(context: &mut Context<'_>) -> String {
    let written = inner(context.root, "household").and_then(|table| text(table, "unknown_devices"));
    let Some(written) = written else { return DEFAULT_PROFILE.to_owned() };
    if written.text != "block" {
        let profiles = entries(context.root, "profile");
        check_profile(context, &profiles, &written, "unknown devices have");
    }
    written.text.to_owned()
}

/// Whether somebody has more budgets than there may be, with what the profiles hand down; it is
/// reported.
fn too_many_budgets(context: &mut Context<'_>, subjects: &[Subject]) -> bool {
    let mut people = entries(context.root, "child");
    people.extend(entries(context.root, "adult"));
    let mut found = false;
    for subject in subjects.iter().filter(|subject| subject.rules.budgets.len() > BUDGETS_MAX) {
        let place = people.iter().find(|entry| entry.id.text == subject.id);
        let span = place.map_or(0..0, |entry| entry.id.span.clone());
        let message = format!(
            "{} has more than {BUDGETS_MAX} budgets, with those of the profiles",
            subject.label
        );
        context.error(span, message, "limit a category instead of its services");
        found = true;
    }
    found
}

/// What is closed for somebody, always or at some time.
fn closed_for_somebody(subjects: &[Subject]) -> TagSet {
    let rules = subjects.iter().map(|subject| &subject.rules);
    let windows = rules.clone().flat_map(|rules| &rules.schedules);
    let budgets = rules.clone().flat_map(|rules| &rules.budgets);
    let used_up = budgets.filter_map(|budget| match budget.what {
        What::Tag(tag) => Some(tag),
        What::Everything | What::Name(..) => None,
    });
    let used_up: TagSet = used_up.collect();
    let sets = rules.map(|rules| &rules.closed).chain(windows.map(|window| &window.block.tags));
    sets.fold(used_up, |all, set| all.union(set))
}

/// Names of our own lists of names: `=name` is that name alone.
fn names(lines: &[&str]) -> NameSet {
    let mut names = NameSet::default();
    for line in lines {
        let (name, reach) = match line.strip_prefix('=') {
            Some(name) => (name, Reach::Exact),
            None => (*line, Reach::Below),
        };
        if let Ok(name) = Name::parse(name) {
            names.insert(&name, reach);
        }
    }
    names
}

// === impl Merge ===

impl Merge<'_> {
    fn subject(&self, person: Person, zone: &TimeZone) -> Subject {
        let whom = For {
            kind: person.kind,
            profile: &person.profile,
            band: person.band,
            own: Some(&person.part),
        };
        let rules = self.rules(&whom);
        Subject {
            id: person.id,
            label: person.label,
            kind: person.kind,
            profile: person.profile,
            zone: person.zone.unwrap_or_else(|| zone.clone()),
            rules,
        }
    }

    fn unknown(&self, profile: &str) -> Rules {
        let refused = profile == "block";
        // Who is refused still has rules: the strict side of whatever does not ask first.
        let profile = if refused { DEFAULT_PROFILE } else { profile };
        let whom = For { kind: SubjectKind::Unknown, profile, band: None, own: None };
        Rules { refused, ..self.rules(&whom) }
    }

    /// The household's profiles from the named one to the furthest, and what they end in.
    fn chain(&self, whom: &For<'_>) -> (Vec<&Profile>, Base) {
        let mut chain: Vec<&Profile> = Vec::new();
        let mut id = Some(whom.profile);
        while let Some(wanted) = id {
            if let Some(band) = band_of(wanted) {
                return (chain, Base::Band(band));
            }
            match wanted {
                "adult" => return (chain, Base::Adult),
                "open" => return (chain, Base::Open),
                _ => {}
            }
            // Loops and undefined ids were refused before anything is merged.
            let Some(profile) = self.profiles.iter().find(|profile| profile.id == wanted) else {
                break;
            };
            chain.push(profile);
            id = profile.based_on.as_deref();
        }
        // A child with an age keeps the protection of that age under a profile of the house.
        let base = match (whom.kind, whom.band) {
            (SubjectKind::Child | SubjectKind::Unknown, Some(band)) => Base::Band(band),
            (SubjectKind::Child | SubjectKind::Unknown, None) | (SubjectKind::Adult, _) => {
                Base::Nothing
            }
        };
        (chain, base)
    }

    fn rules(&self, whom: &For<'_>) -> Rules {
        let (chain, base) = self.chain(whom);
        // From far to near.
        let profiles = chain.iter().rev().map(|profile| (&profile.part, Level::Profile));
        let parts: Vec<(&Part, Level)> = [(self.household, Level::Household)]
            .into_iter()
            .chain(profiles)
            .chain(whom.own.map(|own| (own, Level::Subject)))
            .collect();

        let mut words = self.built_in(base);
        for (part, _) in &parts {
            words.speak(part, self.tags);
        }
        let nearest = parts.iter().rev().map(|(part, _)| part);
        let youtube = nearest.clone().find_map(|part| part.youtube);
        let youtube = youtube.unwrap_or_else(|| youtube_of(base));
        words.finish(self.youtube, youtube);

        let mut names = NameRules::default();
        let mut schedules = Vec::new();
        for (part, level) in parts.iter().rev() {
            add_names(&mut names, part, *level);
            schedules.extend(part.schedules.iter().cloned());
        }
        let bedtime = nearest.clone().find_map(|part| part.bedtime.as_ref());
        schedules.extend(bedtime.into_iter().flatten().cloned());
        let budgets = budgets_of(parts.iter().rev().map(|(part, _)| *part));
        let is_counted = !budgets.is_empty();
        let as_child = whom.kind == SubjectKind::Child
            || whom.kind == SubjectKind::Unknown && matches!(base, Base::Band(_));
        Rules {
            refused: false,
            schedules,
            budgets,
            names,
            closed: words.closed,
            everything_closed: words.everything_closed,
            excused: words.excused,
            only: words.only,
            safe_search: nearest
                .clone()
                .find_map(|part| part.safe_search)
                .unwrap_or(matches!(base, Base::Band(_))),
            youtube,
            relays_closed: as_child,
            ttl_seconds_max: (as_child || is_counted).then_some(CHILD_TTL_SECONDS_MAX),
            journal: nearest
                .clone()
                .find_map(|part| part.journal)
                .or(self.level)
                .unwrap_or_else(|| journal_of(whom.kind, base)),
        }
    }

    /// What the built-in profile closes.
    fn built_in(&self, base: Base) -> Words {
        let table = &self.tags.table;
        let (mut closed, unless_safe) = match base {
            Base::Band(band) => of_band(self.catalogue, table, band),
            Base::Adult => (of_security(table), TagSet::EMPTY),
            Base::Open | Base::Nothing => (TagSet::EMPTY, TagSet::EMPTY),
        };
        let bypass = self.tags.find(BYPASS);
        if let (Base::Band(0..BANDS_WITHOUT_BYPASS), Some(bypass)) = (base, bypass) {
            closed.insert(bypass);
        }
        // Lists that fill no category are closed for everyone but `open`.
        if base != Base::Open {
            closed = closed.union(&self.tags.lists);
        }
        Words { closed, unless_safe, ..Words::default() }
    }
}

/// What the words of all tables come to.
#[derive(Default)]
struct Words {
    closed: TagSet,
    /// Closed by the built-in profile unless a restricted mode makes it safe.
    unless_safe: TagSet,
    /// Opened by hand.
    opened: TagSet,
    excused: Vec<(Tag, TagSet)>,
    only: Option<Scope>,
    everything_closed: bool,
}

impl Words {
    /// The next nearer table speaks: first what it keeps alone open, then what it blocks, then
    /// what it allows, so that `block = ["messaging"]` with `allow = ["whatsapp"]` leaves that one.
    fn speak(&mut self, part: &Part, tags: &Tags) {
        for said in part.only.iter().flatten() {
            add(self.only.get_or_insert_default(), said);
            if let What::Tag(tag) = said {
                self.open(*tag, tags);
            }
        }
        // An empty garden is a garden.
        if part.only.is_some() {
            self.only.get_or_insert_default();
        }
        if let Some(bypass) = tags.find(BYPASS) {
            match part.bypass_closed {
                Some(true) => self.close(bypass),
                Some(false) => self.closed.remove(bypass),
                None => {}
            }
        }
        for said in &part.block {
            match said {
                What::Everything => self.everything_closed = true,
                What::Tag(tag) => self.close(*tag),
                What::Name(..) => {}
            }
        }
        for said in &part.allow {
            match said {
                What::Everything => self.everything_closed = false,
                What::Tag(tag) => self.open(*tag, tags),
                What::Name(..) => {}
            }
        }
    }

    fn close(&mut self, tag: Tag) {
        self.closed.insert(tag);
        self.opened.remove(tag);
        self.unless_safe.remove(tag);
        // What a table further away excused, this one closes: the service, or its category.
        self.excused.retain(|(service, _)| *service != tag);
        for (_, categories) in &mut self.excused {
            categories.remove(tag);
        }
    }

    fn open(&mut self, tag: Tag, tags: &Tags) {
        self.closed.remove(tag);
        self.opened.insert(tag);
        if let Some(category) = tags.table.info(tag).category {
            self.excused.push((tag, TagSet::of(category)));
        }
    }

    fn finish(&mut self, service: Option<Tag>, mode: YouTube) {
        let safe = self.unless_safe.intersection(&self.closed);
        if let Some(service) = service.filter(|_| mode != YouTube::Open && !safe.is_empty()) {
            self.excused.push((service, safe));
        }
        // Everything closed, save what was opened by hand, is a walled garden of the latter.
        if self.everything_closed && self.only.is_none() && !self.opened.is_empty() {
            self.everything_closed = false;
            self.only = Some(Scope::default());
        }
        if let Some(garden) = &mut self.only {
            garden.tags = garden.tags.union(&self.opened);
        }
    }
}

/// Adds a table's names. Nearer tables are added first: within a level the first one speaks.
fn add_names(names: &mut NameRules, part: &Part, level: Level) {
    for (said, allow) in [(&part.block, false), (&part.allow, true)] {
        for said in said {
            if let What::Name(name, reach) = said {
                names.insert(name, NameRule { allow, reach: *reach, level });
            }
        }
    }
}

/// The budgets of several tables, the nearest first: of each word its entry counts, and its mode
/// for all.
fn budgets_of<'a>(nearest: impl Iterator<Item = &'a Part> + Clone) -> Vec<Budget> {
    let mode = nearest.clone().find_map(|part| part.budget_mode).unwrap_or_default();
    let mut budgets: Vec<Budget> = Vec::new();
    for allowance in nearest.flat_map(|part| &part.budgets) {
        if budgets.iter().any(|budget| budget.what == allowance.what) {
            continue;
        }
        let Allowance { what, id, minutes } = allowance.clone();
        budgets.push(Budget { id, what, minutes, mode });
    }
    budgets
}

/// Strict to 9, moderate to 15, open after.
fn youtube_of(base: Base) -> YouTube {
    match base {
        Base::Band(0 | 1) => YouTube::Strict,
        Base::Band(2 | 3) => YouTube::Moderate,
        Base::Band(_) | Base::Adult | Base::Open | Base::Nothing => YouTube::Open,
    }
}

/// What is kept where nobody says: less the older somebody is, and nothing of adults.
fn journal_of(kind: SubjectKind, base: Base) -> JournalLevel {
    match (kind, base) {
        (SubjectKind::Adult, _) | (_, Base::Adult | Base::Open) => JournalLevel::Off,
        (SubjectKind::Unknown, Base::Band(_) | Base::Nothing)
        | (SubjectKind::Child, Base::Band(0..=2) | Base::Nothing) => JournalLevel::Names,
        (SubjectKind::Child, Base::Band(3)) => JournalLevel::Sites,
        (SubjectKind::Child, Base::Band(_)) => JournalLevel::Counts,
    }
}
