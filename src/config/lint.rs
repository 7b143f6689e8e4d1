//! What is odd in a file that passes: it says less, or other, than its writer thought.
//!
//! [`lint`] reads the text once more beside the config that came of it: places from the one, whole
//! rules from the other. Nothing here changes what is in force. `hours` looks at windows of time,
//! `encrypted` at encrypted DNS and who comes by it; words and devices are looked at here.

mod encrypted;
mod hours;
#[cfg(test)]
mod tests;

use std::ops::Range;

use jiff::civil::Date;
use toml::de::DeTable;

use super::elements::{self, Word};
use super::people::band_of;
use super::read::{Entry, Text, entries, inner, number, rows, text, texts};
use super::report::Problem;
use super::tags::{of_band, of_security};
use super::{Config, TEXT_OCTETS_MAX};
use crate::clients::{Address, is_inside};
use crate::lists::catalogue::{BANDS, Catalogue, catalogue};
use crate::name::Name;
use crate::policy::rules::{Reach, Subject, YouTube};
use crate::policy::tags::{Tag, TagKind, TagSet, TagTable};

/// The category of ways around the filter.
const BYPASS: &str = "bypass";

/// A table with rules, and what it is called in messages.
#[derive(Clone)]
struct Said<'a> {
    /// ``child `mateo` ``, `the household`.
    title: String,
    table: &'a DeTable<'a>,
}

/// Somebody with rules.
struct Person<'a> {
    id: Text<'a>,
    subject: &'a Subject,
    /// The tables whose rules hold, the nearest first, without the household's.
    tables: Vec<Said<'a>>,
    household: Option<Said<'a>>,
    /// What categories and services are closed before the person's own table speaks.
    closed: Closed<'a>,
}

/// What is closed, and by whom.
#[derive(Clone)]
struct Closed<'a> {
    tags: &'a TagTable,
    by: Vec<(Tag, String)>,
    opened: TagSet,
    /// The service that is answered in a safe form, though its category is closed.
    safe: Option<Tag>,
    /// The categories that are closed but for that one.
    unless_safe: TagSet,
}

/// A word in a list, with its place.
struct Named<'a> {
    name: Name,
    reach: Reach,
    text: Text<'a>,
}

/// What is odd in a text from which this config came. `today` is the household's.
#[must_use]
pub fn lint(text: &str, config: &Config, today: Date) -> Vec<Problem> {
    lint_with(text, config, today, catalogue())
}

/// [`lint`] with a catalogue of the caller's.
fn lint_with(text: &str, config: &Config, today: Date, catalogue: &Catalogue) -> Vec<Problem> {
    if text.len() > TEXT_OCTETS_MAX {
        return Vec::new();
    }
    let (document, _) = DeTable::parse_recoverable(text);
    let root = document.get_ref();
    let mut problems = Vec::new();
    let people = people(root, config, catalogue);
    for person in &people {
        empty(person, &mut problems);
        redundant(person, &mut problems);
        overruled(person, &mut problems);
        hours::windows(person, today, &mut problems);
        hours::budgets(person, config.household.day_starts, &mut problems);
    }
    names(root, &mut problems);
    devices(&people, &mut problems);
    encrypted::nameless(root, &config.dns, &mut problems);
    encrypted::unbrought(&people, &config.dns, &mut problems);
    // What is odd in a profile is found for each who has it.
    let mut once: Vec<Problem> = Vec::new();
    for problem in problems {
        if !once.contains(&problem) {
            once.push(problem);
        }
    }
    once
}

// === Who ===

fn people<'a>(root: &'a DeTable<'a>, config: &'a Config, catalogue: &Catalogue) -> Vec<Person<'a>> {
    let household =
        inner(root, "household").map(|table| Said { title: "the household".to_owned(), table });
    let mut people = Vec::new();
    for kind in ["child", "adult"] {
        for Entry { id, table } in entries(root, kind) {
            let subjects = &config.household.subjects;
            let Some(subject) = subjects.iter().find(|subject| subject.id == id.text) else {
                continue;
            };
            let mut tables = vec![Said { title: format!("{kind} `{}`", id.text), table }];
            let base = profiles(root, &subject.profile, &mut tables);
            let base = base.or_else(|| band_of_age(table));
            let mut closed = Closed::new(config, subject, base.as_deref(), catalogue);
            let further = household.iter().chain(tables[1..].iter().rev());
            further.for_each(|said| closed.speak(said));
            let household = household.clone();
            people.push(Person { id, subject, tables, household, closed });
        }
    }
    people
}

/// Adds the household's own profiles, the nearest first, and tells the built-in one they end in.
fn profiles<'a>(root: &'a DeTable<'a>, id: &str, tables: &mut Vec<Said<'a>>) -> Option<String> {
    let known = entries(root, "profile");
    let mut id = id.to_owned();
    // No chain is longer than all of them: loops were refused.
    for _ in 0..=known.len() {
        let Some(profile) = known.iter().find(|profile| profile.id.text == id) else {
            return Some(id);
        };
        tables.push(Said { title: format!("profile `{id}`"), table: profile.table });
        text(profile.table, "based_on")?.text.clone_into(&mut id);
    }
    None
}

fn band_of_age(table: &DeTable<'_>) -> Option<String> {
    let age = u8::try_from(number(table.get("age")?)?).ok()?;
    BANDS.iter().find(|(_, beyond)| age < *beyond).map(|(band, _)| (*band).to_owned())
}

// === impl Closed ===

impl<'a> Closed<'a> {
    /// What a built-in profile closes.
    fn new(
        config: &'a Config,
        subject: &Subject,
        base: Option<&str>,
        catalogue: &Catalogue,
    ) -> Self {
        let tags = &config.household.tags;
        let (all, unless_safe) = match (base, base.and_then(band_of)) {
            (_, Some(band)) => of_band(catalogue, tags, band),
            (Some("adult"), None) => (of_security(tags), TagSet::EMPTY),
            (Some(_) | None, None) => (TagSet::EMPTY, TagSet::EMPTY),
        };
        let title = format!("profile `{}`", base.unwrap_or_default());
        Closed {
            tags,
            by: all.iter().map(|tag| (tag, title.clone())).collect(),
            opened: TagSet::EMPTY,
            safe: config.household.youtube.filter(|_| subject.rules.youtube != YouTube::Open),
            unless_safe,
        }
    }

    /// A nearer table speaks.
    fn speak(&mut self, said: &Said<'_>) {
        for (tag, _) in self.tags_in(said.table, "only") {
            self.open(tag);
        }
        match (text(said.table, "bypass"), self.tags.find(BYPASS)) {
            (Some(word), Some(bypass)) if word.text == "allow" => self.open(bypass),
            (Some(_), Some(bypass)) => self.close(bypass, &said.title),
            _ => {}
        }
        self.speak_against(said);
        for (tag, _) in self.tags_in(said.table, "allow") {
            self.open(tag);
        }
    }

    fn speak_against(&mut self, said: &Said<'_>) {
        for (tag, _) in self.tags_in(said.table, "block") {
            self.close(tag, &said.title);
        }
    }

    fn close(&mut self, tag: Tag, title: &str) {
        self.by.retain(|(closed, _)| *closed != tag);
        self.by.push((tag, title.to_owned()));
        self.opened.remove(tag);
        self.unless_safe.remove(tag);
        // Who closes a category closes what was opened of it further away.
        let of_it = |service: &Tag| self.tags.info(*service).category == Some(tag);
        let services: Vec<Tag> = self.opened.iter().filter(of_it).collect();
        for service in services {
            self.opened.remove(service);
        }
    }

    fn open(&mut self, tag: Tag) {
        self.by.retain(|(closed, _)| *closed != tag);
        self.opened.insert(tag);
    }

    /// Who closes a category or service, and which word of theirs does.
    fn by(&self, tag: Tag) -> Option<(Tag, &str)> {
        let who = |tag: Tag| self.by.iter().find(|(closed, _)| *closed == tag);
        if let Some((_, title)) = who(tag).filter(|_| !self.unless_safe.contains(tag)) {
            return Some((tag, title));
        }
        let category = self.tags.info(tag).category?;
        if self.opened.contains(tag)
            || self.safe == Some(tag) && self.unless_safe.contains(category)
        {
            return None;
        }
        who(category).map(|(_, title)| (category, title.as_str()))
    }

    /// The categories and services of a list, with their places.
    fn tags_in<'t>(&self, table: &'t DeTable<'t>, key: &str) -> Vec<(Tag, Text<'t>)> {
        let words = texts(table, key).unwrap_or_default().into_iter();
        words.filter_map(|word| Some((self.tag(word.text)?, word))).collect()
    }

    fn tag(&self, word: &str) -> Option<Tag> {
        match elements::word(word) {
            Ok(Word::Id(id)) => {
                self.tags.find(id).filter(|tag| self.tags.info(*tag).kind != TagKind::List)
            }
            Ok(Word::Internet | Word::Everything | Word::Name(..)) | Err(_) => None,
        }
    }
}

// === Rules without effect ===

/// A child that has no devices; a walled garden with nothing in it.
fn empty(person: &Person<'_>, problems: &mut Vec<Problem>) {
    let Some(own) = person.tables.first() else { return };
    if texts(own.table, "devices").is_none_or(|devices| devices.is_empty()) {
        let message = format!("{} has no devices: nobody has these rules", own.title);
        let help = "add `devices = [\"3c:22:fb:12:34:56\"]`, or an address";
        problems.push(Problem::warning(person.id.span.clone(), message, help));
    }
    for said in &person.tables {
        let only = said.table.get("only");
        let is_empty = |array: &toml::de::DeArray<'_>| array.is_empty();
        if let Some(only) = only.filter(|only| only.get_ref().as_array().is_some_and(is_empty)) {
            let message = format!("`only` of {} is empty: it opens nothing", said.title);
            let help = "name what stays open, or remove the line";
            problems.push(Problem::warning(only.span(), message, help));
        }
    }
}

/// What is closed by hand and is so anyway; what is opened that nothing closes.
fn redundant(person: &Person<'_>, problems: &mut Vec<Problem>) {
    let Some(own) = person.tables.first() else { return };
    let closed = &person.closed;
    let id = |tag: Tag| &closed.tags.info(tag).id;
    let block = closed.tags_in(own.table, "block");
    for (tag, word) in &block {
        let beside = closed.tags.info(*tag).category;
        let beside = beside.filter(|category| block.iter().any(|(other, _)| other == category));
        let why = match (beside, closed.by(*tag)) {
            (Some(category), _) => format!("`{}` beside it closes it too", id(category)),
            (None, Some((by, title))) if by == *tag => format!("{title} closes it"),
            (None, Some((by, title))) => format!("{title} closes `{}`, and it with that", id(by)),
            (None, None) => continue,
        };
        let message = format!("`{}` is closed already for {}", word.text, own.title);
        problems.push(Problem::warning(word.span.clone(), message, why));
    }
    let rules = &person.subject.rules;
    if rules.everything_closed || rules.only.is_some() {
        return;
    }
    let mut closed = person.closed.clone();
    closed.speak_against(own);
    for (tag, word) in closed.tags_in(own.table, "allow") {
        // A category that is closed but for its safe service is closed.
        if closed.by(tag).is_none() && !closed.by.iter().any(|(other, _)| *other == tag) {
            let message = format!("`{}` is open already for {}", word.text, own.title);
            let help = "nothing closes it: the word has no effect";
            problems.push(Problem::warning(word.span, message, help));
        }
    }
}

// === Names ===

/// The names of a list, in the order of the file.
fn names_in<'a>(table: &'a DeTable<'a>, key: &str) -> Vec<Named<'a>> {
    let words = texts(table, key).unwrap_or_default().into_iter();
    words
        .filter_map(|text| match elements::word(text.text) {
            Ok(Word::Name(name, reach)) => Some(Named { name, reach, text }),
            Ok(Word::Internet | Word::Everything | Word::Id(_)) | Err(_) => None,
        })
        .collect()
}

/// Names that one table allows and another blocks.
fn overruled(person: &Person<'_>, problems: &mut Vec<Problem>) {
    let tables: Vec<&Said<'_>> = person.tables.iter().chain(&person.household).collect();
    for (place, near) in tables.iter().enumerate() {
        for (key, verb, other, other_verb) in
            [("allow", "allows", "block", "blocks"), ("block", "blocks", "allow", "allows")]
        {
            for ours in names_in(near.table, key) {
                let theirs = tables[place + 1..].iter().find_map(|far| {
                    let mut names = names_in(far.table, other).into_iter();
                    let same = names.find(|one| (one.name, one.reach) == (ours.name, ours.reach));
                    Some((far, same?))
                });
                let Some((far, same)) = theirs else { continue };
                let (word, near, far) = (ours.text.text, &near.title, &far.title);
                let message = format!("{near} {verb} `{word}`, and {far} {other_verb} it");
                let problem = Problem::warning(ours.text.span, message, "this one counts");
                problems.push(problem.beside(same.text.span, format!("not this one, for {near}")));
            }
        }
    }
}

/// Names that stand at or below another one in the same list.
fn names(root: &DeTable<'_>, problems: &mut Vec<Problem>) {
    let people = ["profile", "child", "adult"].into_iter().flat_map(|kind| entries(root, kind));
    let tables: Vec<_> =
        inner(root, "household").into_iter().chain(people.map(|entry| entry.table)).collect();
    for (key, other) in [("block", Some("allow")), ("allow", Some("block")), ("only", None)] {
        // Whoever writes a name between the two means the inner one.
        let against = tables.iter().filter_map(|table| other.map(|other| names_in(table, other)));
        let against: Vec<Named<'_>> = against.flatten().collect();
        for table in &tables {
            let names = names_in(table, key);
            for (place, inner) in names.iter().enumerate() {
                let covers = |(at, outer): &(usize, &Named<'_>)| {
                    let is_same = outer.name == inner.name && outer.reach == inner.reach;
                    let is_below =
                        outer.reach == Reach::Below && inner.name.is_at_or_below(&outer.name);
                    let between = |one: &Named<'_>| {
                        inner.name.is_at_or_below(&one.name) && one.name.is_at_or_below(&outer.name)
                    };
                    *at != place
                        && if is_same {
                            *at < place
                        } else {
                            is_below && !against.iter().any(between)
                        }
                };
                let Some((_, outer)) = names.iter().enumerate().find(covers) else { continue };
                let (word, wide) = (inner.text.text, outer.text.text);
                let (message, say) = if (inner.name, inner.reach) == (outer.name, outer.reach) {
                    (format!("`{word}` stands twice in `{key}`"), "here too")
                } else {
                    (format!("`{word}` is covered by `{wide}` in `{key}`"), "it and all below it")
                };
                let problem = Problem::warning(inner.text.span.clone(), message, "remove this one");
                problems.push(problem.beside(outer.text.span.clone(), say));
            }
        }
    }
}

// === Devices ===

/// Addresses of one person in a range of another's.
fn devices(people: &[Person<'_>], problems: &mut Vec<Problem>) {
    let mut all: Vec<(&str, Address, Range<usize>, &str)> = Vec::new();
    for person in people {
        if let Some(said) = person.tables.first() {
            for written in texts(said.table, "devices").unwrap_or_default() {
                if let Ok(address) = elements::device(written.text) {
                    all.push((person.id.text, address, written.span, written.text));
                }
            }
        }
    }
    let wide = |(_, address, ..): &&(&str, Address, Range<usize>, &str)| match address {
        Address::Net(address, length) => *length < if address.is_ipv4() { 32 } else { 128 },
        Address::Mac(_) | Address::Host(_) | Address::Id(_) => false,
    };
    let ranges: Vec<_> = all.iter().filter(wide).collect();
    for (owner, address, span, written) in &all {
        let Address::Net(address, length) = address else { continue };
        let around = ranges.iter().find(|(other, range, ..)| {
            let Address::Net(first, bits) = range else { return false };
            other != owner && bits < length && is_inside(*address, *first, *bits)
        });
        let Some((other, _, around, range)) = around else { continue };
        let message = format!("`{written}` of `{owner}` lies in `{range}` of `{other}`");
        let help = format!("`{owner}` has it: the narrower one counts");
        problems.push(
            Problem::warning(span.clone(), message, help).beside(around.clone(), "the wider one"),
        );
    }
}

impl Person<'_> {
    /// What a budget's word is about, if that is closed at all times: by whom.
    fn closes_always(&self, word: &str) -> Option<String> {
        let mut closed = self.closed.clone();
        closed.speak(self.tables.first()?);
        if let Some(tag) = closed.tag(word) {
            let (by, title) = closed.by(tag)?;
            let what = &closed.tags.info(by).id;
            return Some(format!("{title} closes `{what}`"));
        }
        let Ok(Word::Name(name, _)) = elements::word(word) else { return None };
        let (rule, _) = self.subject.rules.names.find(&name)?;
        (!rule.allow).then(|| "its name is in `block`".to_owned())
    }

    /// The rows of `budget` that count: of each word the nearest.
    fn budgets(&self) -> Vec<(Text<'_>, &super::read::Value<'_>)> {
        let mut all: Vec<(Text<'_>, &super::read::Value<'_>)> = Vec::new();
        for said in &self.tables {
            for (word, value) in inner(said.table, "budget").map(rows).unwrap_or_default() {
                if !all.iter().any(|(known, _)| known.text == word.text) {
                    all.push((word, value));
                }
            }
        }
        all
    }
}
