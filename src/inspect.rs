//! What the program says of itself: why a name is open or closed, the state of the lists.
//!
//! The command line without a daemon, the daemon's control socket and the web call the same
//! functions, so that they show the same. The types here are the JSON of product and of nobody
//! else: nothing inside the program derives `Serialize`, but the reports an index carries along.

mod devices;
mod week;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clients::{Address, Around, Client, Sighted};
use crate::config::Download;
use crate::config::suggest::nearest;
use crate::house::fetched::Meta;
use crate::house::{House, ListState};
use crate::ledger::TIME_WORD;
use crate::lists::catalogue::catalogue;
use crate::lists::format::Guess;
use crate::lists::{Origin, Source};
use crate::name::Name;
use crate::policy::passing::Passing;
use crate::policy::rules::{Household, SubjectId, SubjectKind};
use crate::policy::tags::TagKind;
use crate::policy::{Action, Step, Verdict, safesearch};
use crate::update::schedule::{self, Last};
use crate::words::{self, family as say};
pub use devices::{DeviceStatus, Suspicion, devices, mac_of, maker};
pub use week::{Week, WeekBudget, WeekDay, WeekSpan, WeekState, WeekWindow, week};

/// The version of all JSON.
pub const JSON_VERSION: u32 = 1;

/// [`ListStatus::state`] of a list that never came, before anything went wrong.
pub const NOT_YET: &str = "it has not come yet; its names are not closed until it has";

/// The answer of `amparo why`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Why {
    /// [`JSON_VERSION`].
    pub v: u32,
    /// The name asked about.
    pub name: String,
    /// The child or adult; none for a device nobody claimed.
    pub child: Option<String>,
    /// The device, where one was named.
    pub device: Option<String>,
    /// The profile the rules come from.
    pub profile: String,
    /// For when, RFC 3339 with the household's offset.
    pub at: String,
    /// `allow`, `block`, `rewrite` or `local`.
    pub verdict: String,
    /// Why.
    pub reason: WhyReason,
    /// The categories of the name.
    pub categories: Vec<String>,
    /// Each list entry that covers it.
    pub matches: Vec<WhyMatch>,
    /// The safe name that answers instead.
    pub target: Option<String>,
    /// When the child's windows change next.
    pub until: Option<String>,
    /// Each rule in its order with the verdict it would give.
    pub steps: Vec<WhyStep>,
}

/// A reason in JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WhyReason {
    /// The kind.
    pub kind: String,
    /// The id of the service, category, list, window, engine or name.
    pub id: Option<String>,
    /// The sentence a person reads.
    pub text: String,
}

/// A list entry in JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WhyMatch {
    /// The list.
    pub list: String,
    /// Its line, from 1.
    pub line: usize,
    /// The entry; none for a list that must advertise nothing.
    pub entry: Option<String>,
    /// The category the list fills.
    pub category: Option<String>,
}

/// One step of a decision in JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WhyStep {
    /// The rule.
    pub step: String,
    /// Its verdict; none when it does not speak.
    pub verdict: Option<String>,
    /// Its sentence.
    pub text: Option<String>,
    /// Whether it decided.
    pub decided: bool,
}

/// [`ListStatus::state`] of a list with which all is well.
pub const OK: &str = "ok";

/// One list in JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListStatus {
    /// [`JSON_VERSION`].
    pub v: u32,
    /// The id.
    pub list: String,
    /// The category it fills.
    pub category: Option<String>,
    /// What it was read as.
    pub format: String,
    /// Why, where that was a guess.
    pub guess: Option<ListGuess>,
    /// Names taken.
    pub taken: usize,
    /// Lines or words that are no names.
    pub skipped: usize,
    /// The same by kind.
    pub skipped_kinds: BTreeMap<String, usize>,
    /// Entries that no list may close.
    pub refused: usize,
    /// The first of those.
    pub refused_entries: Vec<String>,
    /// When its file was last changed, or its copy came.
    pub updated: Option<String>,
    /// How long ago that is.
    pub age_seconds: Option<i64>,
    /// Its file, or the address it is fetched from without what may be secret in it; none for ours.
    pub from: Option<String>,
    /// Whether it is fetched.
    pub is_fetched: bool,
    /// What its publisher calls it, where we know him.
    pub name: Option<String>,
    /// Its licence as an SPDX identifier, where we know it.
    pub licence: Option<String>,
    /// What that asks to be shown with it.
    pub attribution: Option<String>,
    /// When its server last said what is current.
    pub checked: Option<String>,
    /// When it is asked again; none without a daemon that would.
    pub next_check: Option<String>,
    /// `ok`, or what is wrong as a sentence.
    pub state: String,
}

/// Why a list was taken for a format, in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListGuess {
    /// How many of its first lines look like it.
    pub like: usize,
    /// Of how many.
    pub of: usize,
}

/// What came of fetching a list, in JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListUpdate {
    /// How it is now.
    #[serde(flatten)]
    pub status: ListStatus,
    /// `taken`, `unchanged`, `held` or `failed`.
    pub outcome: String,
}

/// From where and when lists are looked at.
#[derive(Debug, Clone, Copy)]
pub struct ListView<'a> {
    /// The state directory.
    pub state: &'a Path,
    /// What time it is.
    pub now: Timestamp,
    /// How long a daemon has kept them fresh; none: there is none.
    pub uptime: Option<Duration>,
}

/// Whom a question is about: `--for CHILD|ADULT|DEVICE`; without it, a device nobody claimed. A device
/// is told as the config file tells it.
///
/// # Errors
/// When it is neither somebody's id nor an address, as a sentence that lists who there is.
pub fn whom(
    house: &House,
    around: Around<'_>,
    who: Option<&str>,
) -> Result<(SubjectId, Option<String>), String> {
    let Some(who) = who else { return Ok((SubjectId::UNKNOWN, None)) };
    let household = &house.policy.household;
    if let Some(subject) = with_id(household, who) {
        return Ok((subject, None));
    }
    if let Ok(address) = IpAddr::from_str(who) {
        let Client { subject, .. } = house.devices.identify(address, None, around);
        return Ok((subject, Some(who.to_owned())));
    }
    let sighted = match Address::from_str(who) {
        Ok(Address::Mac(mac)) => Some(Sighted { mac: Some(mac), ..Sighted::default() }),
        Ok(Address::Id(id)) => Some(Sighted { id: Some(id), ..Sighted::default() }),
        Ok(Address::Host(ref host)) => {
            let subject = house.devices.whose(&Sighted { host: Some(host), ..Sighted::default() });
            return Ok((subject, Some(who.to_owned())));
        }
        Ok(Address::Net(..)) | Err(_) => None,
    };
    if let Some(sighted) = sighted {
        return Ok((house.devices.whose(&sighted), Some(who.to_owned())));
    }
    match person(household, who) {
        Ok(subject) => Ok((subject, None)),
        Err(sentence) => {
            let or = say::OR_ADDRESS.in_language(household.language);
            Err(format!("{sentence}{or}"))
        }
    }
}

/// Whom a command is about: a child or an adult, by id or by name (`Sofía` for `sofia`: what is
/// written on the fridge, as long as it is one person's).
///
/// # Errors
/// When it is nobody, as a sentence that lists who there is.
pub fn person(household: &Household, who: &str) -> Result<SubjectId, String> {
    if let Some(subject) = with_id(household, who) {
        return Ok(subject);
    }
    let subjects = (0..=u16::MAX).map(SubjectId).zip(&household.subjects);
    let mut namesakes = subjects.filter(|(_, subject)| {
        [&subject.id, &subject.label].iter().any(|word| word.to_lowercase() == who.to_lowercase())
    });
    if let (Some((subject, _)), None) = (namesakes.next(), namesakes.next()) {
        return Ok(subject);
    }
    let known = household.subjects.iter().filter(|one| one.kind != SubjectKind::Unknown);
    let ids: Vec<&str> = known.map(|subject| subject.id.as_str()).collect();
    let language = household.language;
    let nobody = || say::NOBODY_YET.in_language(language).to_owned();
    let there_is = if ids.is_empty() { nobody() } else { ids.join(", ") };
    let meant = nearest(who, ids).map(|id| say::MEANT.fill(language, id, "")).unwrap_or_default();
    let who = who.escape_debug().to_string();
    Err(format!("{}{there_is}", say::NOBODY.fill(language, &who, &meant)))
}

fn with_id(household: &Household, who: &str) -> Option<SubjectId> {
    let place = household.subjects.iter().position(|subject| subject.id == who)?;
    u16::try_from(place).ok().map(SubjectId)
}

/// What somebody is called. Who is no longer in the file is called by the id.
#[must_use]
pub fn label(household: &Household, id: &str) -> String {
    let subject = household.subjects.iter().find(|subject| subject.id == id);
    subject.map_or_else(|| words::capitalised(id), |subject| subject.label.clone())
}

/// What a word of the config file or of a request is called: a category, a service, everything,
/// time, or a name, of which `=name` is that name alone.
#[must_use]
pub fn word_label(household: &Household, word: &str) -> String {
    let language = household.language;
    let label = match household.tags.find(word) {
        Some(tag) => household.tags.info(tag).words.in_language(language),
        None if word == words::INTERNET_ID => words::INTERNET.in_language(language),
        None if word == TIME_WORD => words::time::TIME.in_language(language),
        None => word.trim_start_matches('='),
    };
    label.to_owned()
}

/// Decides as the daemon would, and tells every step.
///
/// # Errors
/// When `who` is nobody: see [`whom`].
pub fn why(
    house: &House,
    passing: &Passing,
    around: Around<'_>,
    state_directory: &Path,
    name: &Name,
    who: Option<&str>,
    at: Timestamp,
) -> Result<Why, String> {
    let policy = &house.policy;
    let language = policy.household.language;
    let (subject, device) = whom(house, around, who)?;
    let moment = policy.moment_with(at, passing);
    let explanation = policy.explain(subject, name, &moment);
    let sentence = |verdict: Verdict| policy.sentence(subject, name, verdict, language);

    let decided = explanation.steps.iter().position(|(_, verdict)| verdict.is_some());
    let steps = explanation
        .steps
        .iter()
        .enumerate()
        .map(|(place, (step, verdict))| WhyStep {
            step: step_word(*step).to_owned(),
            verdict: verdict.map(|verdict| verdict.word().to_owned()),
            text: verdict.map(sentence),
            decided: Some(place) == decided || (*step == Step::SafeForm && verdict.is_some()),
        })
        .collect();

    let verdict = explanation.verdict;
    let id = policy.reason_id(subject, name, verdict.reason);
    let tags = &policy.household.tags;
    let whose = policy.subject(subject);
    Ok(Why {
        v: JSON_VERSION,
        name: name.to_string(),
        child: (whose.kind != SubjectKind::Unknown).then(|| whose.id.clone()),
        device,
        profile: whose.profile.clone(),
        at: local_time(house, at),
        verdict: verdict.word().to_owned(),
        reason: WhyReason {
            kind: verdict.reason.kind().word().to_owned(),
            id: (!id.is_empty()).then_some(id),
            text: sentence(verdict),
        },
        categories: explanation
            .tags
            .iter()
            .map(|tag| tags.info(tag))
            .filter(|info| info.kind == TagKind::Category)
            .map(|info| info.id.clone())
            .collect(),
        matches: matches(house, state_directory, name),
        target: match verdict.action {
            Action::Rewrite(engine) => {
                Some(safesearch::ENGINES[usize::from(engine)].target.to_owned())
            }
            Action::Allow | Action::Block | Action::Local(_) => None,
        },
        until: explanation.until.map(|until| local_time(house, until)),
        steps,
    })
}

/// Every list entry that covers a name.
#[must_use]
pub fn matches(house: &House, state_directory: &Path, name: &Name) -> Vec<WhyMatch> {
    let category = |list: &str| {
        let source = house.config.lists.iter().find(|source| source.id == list);
        source.and_then(|source| source.category.clone())
    };
    let found = house.matches(name, state_directory).into_iter();
    found
        .map(|one| WhyMatch {
            category: category(&one.list),
            list: one.list,
            line: one.line,
            entry: one.entry,
        })
        .collect()
}

/// A list's state. Of a fetched one it is read what is known of its copy.
#[must_use]
pub fn list_status(house: &House, list: &ListState, view: &ListView<'_>) -> ListStatus {
    let report = &list.report;
    let of_source = |source: &&Source| source.id == report.id;
    let origin = house.config.lists.iter().find(of_source).map(|source| &source.origin);
    let published = match origin {
        Some(Origin::Url(url)) => catalogue().published.iter().find(|row| row.url == *url),
        Some(_) | None => None,
    };
    let of_download = |download: &&Download| download.list == report.id;
    let download = house.config.downloads.iter().find(of_download);
    let (from, known) = match origin {
        Some(Origin::File(path)) => (Some(path.display().to_string()), None),
        Some(Origin::Url(url)) => {
            let known = Meta::load(view.state, &report.id).unwrap_or_default();
            (Some(without_secrets(url)), Some(known))
        }
        Some(Origin::Embedded(_) | Origin::EmbeddedHidden(_) | Origin::Written(_)) | None => {
            (None, None)
        }
    };
    let updated = known.as_ref().map_or(list.updated, |known| known.fetched);
    let next_check = view.uptime.zip(download).zip(known.as_ref());
    let next_check = next_check.map(|((uptime, download), known)| {
        let before = Last::of(known, &download.url);
        schedule::next(&download.list, download.every, before, view.now, uptime).max(view.now)
    });
    // What is wrong with what is in force comes before why nothing newer is.
    let state = match (&list.trouble, &known) {
        (Some(trouble), _) | (None, Some(Meta { trouble: Some(trouble), .. })) => trouble.clone(),
        (None, Some(Meta { fetched: None, .. })) => NOT_YET.to_owned(),
        (None, Some(_) | None) => OK.to_owned(),
    };
    ListStatus {
        v: JSON_VERSION,
        list: report.id.clone(),
        category: report.category.clone(),
        format: report.format.word().to_owned(),
        guess: report.guess.map(|Guess { like, of }| ListGuess { like, of }),
        taken: report.taken,
        skipped: report.skipped,
        skipped_kinds: report
            .skipped_kinds
            .iter()
            .map(|(kind, count)| (kind.word().to_owned(), *count))
            .collect(),
        refused: report.refused_count,
        refused_entries: report.refused.clone(),
        updated: updated.map(|at| local_time(house, at)),
        age_seconds: updated.map(|at| view.now.duration_since(at).as_secs().max(0)),
        from,
        is_fetched: known.is_some(),
        name: published.map(|row| row.name.clone()),
        licence: published.map(|row| row.licence.clone()),
        attribution: published.and_then(|row| row.attribution.clone()),
        checked: known.and_then(|known| known.checked).map(|at| local_time(house, at)),
        next_check: next_check.map(|at| local_time(house, at)),
        state,
    }
}

/// What came of fetching lists: each of these outcomes with how its list is now.
#[must_use]
pub fn list_updates(lists: Vec<ListStatus>, outcomes: &[(String, &str)]) -> Vec<ListUpdate> {
    let lists = lists.into_iter().filter_map(|status| {
        let (_, outcome) = outcomes.iter().find(|(list, _)| *list == status.list)?;
        Some(ListUpdate { status, outcome: (*outcome).to_owned() })
    });
    lists.collect()
}

/// An address without user, password and query: some publishers give each household a key.
fn without_secrets(url: &str) -> String {
    let (rest, part) = url.split_once('#').map_or((url, None), |(rest, part)| (rest, Some(part)));
    let rest = rest.split('?').next().unwrap_or_default();
    let (scheme, rest) = rest.split_once("://").unwrap_or(("https", rest));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.rsplit('@').next().unwrap_or_default();
    let part = part.map(|part| format!("#{part}")).unwrap_or_default();
    format!("{scheme}://{host}/{path}{part}")
}

/// A time in RFC 3339 with the household's offset, to the second.
#[must_use]
pub fn local_time(house: &House, at: Timestamp) -> String {
    rfc3339(&house.policy.household.zone, at)
}

/// A time in RFC 3339 with a zone's offset, to the second.
#[must_use]
pub fn rfc3339(zone: &jiff::tz::TimeZone, at: Timestamp) -> String {
    let whole = Timestamp::from_second(at.as_second()).unwrap_or(at);
    whole.display_with_offset(zone.to_offset(at)).to_string()
}

fn step_word(step: Step) -> &'static str {
    match step {
        Step::Essentials => "essentials",
        Step::Local => "local",
        Step::UnknownDevice => "unknown_device",
        Step::Pause => "pause",
        Step::Grants => "grants",
        Step::Schedules => "schedules",
        Step::Names => "names",
        Step::Bypass => "bypass",
        Step::Budgets => "budgets",
        Step::Lists => "lists",
        Step::Only => "only",
        Step::Exceptions => "exceptions",
        Step::SafeForm => "safe_form",
    }
}
