//! Profiles, children, adults and their devices, as written.

use std::collections::HashMap;
use std::ops::Range;

use jiff::tz::TimeZone;

use super::context::Context;
use super::elements;
use super::hours::Calendars;
use super::part::{Part, part};
use super::read::{Entry, Text, entries, number, text, texts};
use super::report::Problem;
use super::settings_check::zone;
use super::suggest::did_you_mean;
use super::tags::Tags;
use crate::clients::{Address, DeviceRule};
use crate::lists::catalogue::BANDS;
use crate::policy::rules::{SubjectId, SubjectKind};
use crate::words;

/// The most people of one household: a school's, with room. It keeps ids within 16 bits.
const PEOPLE_MAX: usize = 10_000;
/// The profile of devices nobody claimed, and of a child without an age.
pub(super) const DEFAULT_PROFILE: &str = "10-12";
/// The ids of the built-in profiles that are not of an age.
const OTHER_BUILT_IN: [&str; 2] = ["adult", "open"];

/// `[profile.ID]`.
pub(super) struct Profile {
    pub(super) id: String,
    /// The id it builds on.
    pub(super) based_on: Option<String>,
    pub(super) part: Part,
}

/// `[child.ID]` or `[adult.ID]`.
pub(super) struct Person {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) kind: SubjectKind,
    /// The id of the profile the rules come from.
    pub(super) profile: String,
    /// The band of the age, as a place in [`BANDS`].
    pub(super) band: Option<usize>,
    /// Where this one's clock is; none: where the household's is.
    pub(super) zone: Option<TimeZone>,
    pub(super) part: Part,
}

/// Reads `[profile.ID]`.
pub(super) fn profiles(
    context: &mut Context<'_>,
    tags: &Tags,
    calendars: &Calendars,
) -> Vec<Profile> {
    let written = entries(context.root, "profile");
    let mut profiles = Vec::new();
    for entry in &written {
        let id = entry.id.text;
        if is_built_in(id) {
            let message = format!("profile `{id}` is built in");
            let help = format!("choose another id and write `based_on = \"{id}\"` in it");
            context.error(entry.id.span.clone(), message, help);
        } else if id == "block" {
            let message = "`block` cannot be the id of a profile";
            let help = "it is a word of `unknown_devices`; choose another id";
            context.error(entry.id.span.clone(), message, help);
        }
        let based_on = text(entry.table, "based_on");
        if let Some(base) = &based_on {
            check_profile(context, &written, base, &format!("profile `{id}` is based on"));
        }
        profiles.push(Profile {
            id: id.to_owned(),
            based_on: based_on.map(|base| base.text.to_owned()),
            part: part(context, tags, calendars, &format!("profile `{id}`"), entry.table),
        });
    }
    loops(context, &written);
    profiles
}

/// The band of that id.
pub(super) fn band_of(id: &str) -> Option<usize> {
    BANDS.iter().position(|(band, _)| *band == id)
}

fn is_built_in(id: &str) -> bool {
    band_of(id).is_some() || OTHER_BUILT_IN.contains(&id)
}

/// Whether a profile is defined; a mistake when it is not.
pub(super) fn check_profile(
    context: &mut Context<'_>,
    profiles: &[Entry<'_>],
    id: &Text<'_>,
    what: &str,
) {
    if is_built_in(id.text) || profiles.iter().any(|profile| profile.id.text == id.text) {
        return;
    }
    let built_in = BANDS.iter().map(|(band, _)| *band).chain(OTHER_BUILT_IN);
    let known = built_in.chain(profiles.iter().map(|profile| profile.id.text));
    let help = did_you_mean(id.text, known).unwrap_or_else(|| {
        "built in are `0-6`, `7-9`, `10-12`, `13-15`, `16-17`, `adult` and `open`".to_owned()
    });
    context.error(id.span.clone(), format!("{what} a profile that is not defined"), help);
}

/// Profiles that are, by however many steps, based on themselves.
fn loops(context: &mut Context<'_>, profiles: &[Entry<'_>]) {
    let base: HashMap<&str, Text<'_>> = profiles
        .iter()
        .filter_map(|profile| Some((profile.id.text, text(profile.table, "based_on")?)))
        .collect();
    for profile in profiles {
        let start = profile.id.text;
        let mut way = vec![start];
        let mut at = base.get(start).map(|base| base.text);
        while let Some(next) = at.filter(|next| !way.contains(next)) {
            way.push(next);
            at = base.get(next).map(|base| base.text);
        }
        // A loop is one mistake: it is reported at the member that comes first in the alphabet.
        if at == Some(start) && way.iter().all(|member| start <= *member) {
            let through = if way.len() > 1 {
                format!(", through {}", super::report::ticked(&way[1..], "and"))
            } else {
                String::new()
            };
            let message = format!("profile `{start}` is based on itself{through}");
            let span = base.get(start).map_or(0..0, |base| base.span.clone());
            context.error(span, message, "base one of them on a built-in profile");
        }
    }
}

/// Reads `[child.ID]` and `[adult.ID]`, in the order of the file, with their devices. The first
/// person is subject 1: subject 0 is whoever is not known.
pub(super) fn people(
    context: &mut Context<'_>,
    tags: &Tags,
    calendars: &Calendars,
) -> (Vec<Person>, Vec<DeviceRule>) {
    let children = entries(context.root, "child");
    let adults = entries(context.root, "adult");
    for adult in &adults {
        if let Some(child) = children.iter().find(|child| child.id.text == adult.id.text) {
            let message = format!("`{}` is both a child and an adult", adult.id.text);
            let problem =
                Problem::error(adult.id.span.clone(), message, "give one of them another id");
            context.problems.push(problem.beside(child.id.span.clone(), "the child"));
        }
    }
    let all = children.iter().map(|child| (child, SubjectKind::Child));
    let mut all: Vec<_> = all.chain(adults.iter().map(|a| (a, SubjectKind::Adult))).collect();
    all.sort_by_key(|(entry, _)| entry.id.span.start);
    if let Some((entry, _)) = all.get(PEOPLE_MAX) {
        let message = format!("there are more than {PEOPLE_MAX} people");
        context.error(entry.id.span.clone(), message, "give a group one entry with a range");
        all.truncate(PEOPLE_MAX);
    }
    let mut devices = Devices::default();
    let mut people = Vec::new();
    for (entry, kind) in all {
        let person = person(context, tags, calendars, entry, kind);
        let subject = u16::try_from(people.len() + 1).expect("PEOPLE_MAX fits 16 bits");
        devices.of(context, entry, &person, SubjectId(subject));
        people.push(person);
    }
    (people, devices.rules)
}

fn person(
    context: &mut Context<'_>,
    tags: &Tags,
    calendars: &Calendars,
    entry: &Entry<'_>,
    kind: SubjectKind,
) -> Person {
    let (id, table) = (entry.id.text, entry.table);
    let word = match kind {
        SubjectKind::Child => "child",
        SubjectKind::Adult | SubjectKind::Unknown => "adult",
    };
    let title = format!("{word} `{id}`");
    if id == "unknown" {
        let message = "`unknown` cannot be the id of a person";
        let help = "it stands for devices that nobody claimed; choose another id";
        context.error(entry.id.span.clone(), message, help);
    }
    // That an adult has no age is said where unknown keys are found.
    let band = if kind == SubjectKind::Child { age(context, entry, &title) } else { None };
    let (profile, based_on) = (text(table, "profile"), text(table, "based_on"));
    if let (Some(profile), Some(based_on)) = (&profile, &based_on) {
        let message = format!("{title} has both `profile` and `based_on`");
        let problem = Problem::error(based_on.span.clone(), message, "keep one of the two");
        context.problems.push(problem.beside(profile.span.clone(), "the profile"));
    }
    let profile = profile.or(based_on);
    if let Some(profile) = &profile {
        let profiles = entries(context.root, "profile");
        check_profile(context, &profiles, profile, &format!("{title} has"));
    }
    if kind == SubjectKind::Child && profile.is_none() && table.get("age").is_none() {
        let message = format!("{title} has neither an age nor a profile");
        let help = format!("meanwhile the profile `{DEFAULT_PROFILE}` holds; add `age = 11`");
        context.warning(entry.id.span.clone(), message, help);
    }
    let by_age = match (kind, band) {
        (SubjectKind::Child | SubjectKind::Unknown, Some(band)) => BANDS[band].0,
        (SubjectKind::Child | SubjectKind::Unknown, None) => DEFAULT_PROFILE,
        (SubjectKind::Adult, _) => "adult",
    };
    let label = text(table, "name").and_then(|name| Context::shown(name.text));
    Person {
        id: id.to_owned(),
        label: label.unwrap_or_else(|| words::capitalised(id)),
        kind,
        profile: profile.map_or(by_age, |profile| profile.text).to_owned(),
        band,
        zone: zone(context, table),
        part: part(context, tags, calendars, &title, table),
    }
}

fn age(context: &mut Context<'_>, entry: &Entry<'_>, title: &str) -> Option<usize> {
    let value = entry.table.get("age")?;
    value.get_ref().as_integer()?;
    let age = number(value).and_then(|age| u8::try_from(age).ok());
    let band = age.and_then(|age| BANDS.iter().position(|(_, beyond)| age < *beyond));
    if band.is_none() {
        let help = match age {
            Some(_) => format!("write `[adult.{}]` instead, without an age", entry.id.text),
            None => "write a whole number of years, like 9".to_owned(),
        };
        let message = format!("{title}: the age of a child is from 0 to 17");
        context.error(value.span(), message, help);
    }
    band
}

/// The devices met so far, with their places.
#[derive(Default)]
struct Devices {
    rules: Vec<DeviceRule>,
    seen: Vec<(Address, SubjectId, String, Range<usize>)>,
}

impl Devices {
    fn of(
        &mut self,
        context: &mut Context<'_>,
        entry: &Entry<'_>,
        person: &Person,
        subject: SubjectId,
    ) {
        for written in texts(entry.table, "devices").unwrap_or_default() {
            let Some(address) = context.element(&written, elements::device) else { continue };
            match self.seen.iter().find(|(seen, ..)| *seen == address) {
                Some((_, owner, _, _)) if *owner == subject => {}
                Some((_, _, owner, span)) => {
                    let message = format!(
                        "`{owner}` and `{}` have the same device, `{}`",
                        person.id, written.text
                    );
                    let problem =
                        Problem::error(written.span, message, "a device belongs to one person");
                    context.problems.push(problem.beside(span.clone(), format!("of `{owner}`")));
                }
                None => {
                    self.rules.push(DeviceRule { address: address.clone(), subject });
                    self.seen.push((address, subject, person.id.clone(), written.span));
                }
            }
        }
    }
}
