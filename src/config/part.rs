//! The rules that one table writes: of a profile, a child, an adult or the household.

use std::ops::Range;

use toml::de::DeTable;

use super::budgets::{Allowance, budgets};
use super::context::Context;
use super::elements::{self, Word};
use super::hours::{Calendars, bedtime, schedules};
use super::read::{Text, flag, text, texts};
use super::report::Problem;
use super::tags::Tags;
use crate::policy::budget::BudgetMode;
use crate::policy::hours::Schedule;
use crate::policy::rules::{JournalLevel, Reach, Scope, What, YouTube};

/// The rules of one table, as written: what is none was not said.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) block: Vec<What>,
    pub(super) allow: Vec<What>,
    pub(super) only: Option<Vec<What>>,
    pub(super) safe_search: Option<bool>,
    pub(super) youtube: Option<YouTube>,
    pub(super) schedules: Vec<Schedule>,
    pub(super) bedtime: Option<Vec<Schedule>>,
    pub(super) budgets: Vec<Allowance>,
    pub(super) budget_mode: Option<BudgetMode>,
    pub(super) journal: Option<JournalLevel>,
    /// Whether ways around the filter are closed.
    pub(super) bypass_closed: Option<bool>,
}

/// Whose words they are, for messages.
#[derive(Debug, Clone)]
pub(super) struct Sayer {
    /// ``child `mateo` ``, `the household`.
    pub(super) title: String,
    /// Whether `everything` may be said: only in a schedule.
    pub(super) everything: bool,
}

/// Reads the rules of a table.
pub(super) fn part(
    context: &mut Context<'_>,
    tags: &Tags,
    calendars: &Calendars,
    title: &str,
    table: &DeTable<'_>,
) -> Part {
    let sayer = Sayer { title: title.to_owned(), everything: false };
    let read =
        |context: &mut Context<'_>, key, verb| words(context, tags, &sayer, table, key, verb);
    let block = read(context, "block", "blocks").unwrap_or_default();
    let allow = read(context, "allow", "allows").unwrap_or_default();
    let only = read(context, "only", "keeps open");
    contradictions(context, tags, title, &block, &allow);
    Part {
        block: bare(block),
        allow: bare(allow),
        only: only.map(bare),
        safe_search: flag(table, "safe_search"),
        youtube: text(table, "youtube").map(|mode| match mode.text {
            "strict" => YouTube::Strict,
            "moderate" => YouTube::Moderate,
            _ => YouTube::Open,
        }),
        schedules: schedules(context, tags, calendars, &sayer, table),
        bedtime: bedtime(context, table),
        budgets: budgets(context, tags, &sayer, table),
        budget_mode: text(table, "budget_mode").map(|mode| match mode.text {
            "started" => BudgetMode::Started,
            _ => BudgetMode::Measured,
        }),
        journal: text(table, "journal").map(|level| journal_level(&level)),
        bypass_closed: text(table, "bypass").map(|word| word.text != "allow"),
    }
}

/// The level of a word; the registry has refused others.
pub(super) fn journal_level(word: &Text<'_>) -> JournalLevel {
    match word.text {
        "all" => JournalLevel::All,
        "names" => JournalLevel::Names,
        "sites" => JournalLevel::Sites,
        "counts" => JournalLevel::Counts,
        _ => JournalLevel::Off,
    }
}

/// Reads the words of a key with their places; none when it is not written.
pub(super) fn words(
    context: &mut Context<'_>,
    tags: &Tags,
    sayer: &Sayer,
    table: &DeTable<'_>,
    key: &str,
    verb: &str,
) -> Option<Vec<(What, Range<usize>)>> {
    let mut said = Vec::new();
    for written in texts(table, key)? {
        if let Some(word) = self::said(context, tags, sayer, &written, verb) {
            said.push((word, written.span));
        }
    }
    Some(said)
}

/// What a word means; none, with its mistake reported, when nothing.
pub(super) fn said(
    context: &mut Context<'_>,
    tags: &Tags,
    sayer: &Sayer,
    written: &Text<'_>,
    verb: &str,
) -> Option<What> {
    match context.element(written, elements::word)? {
        Word::Internet => Some(What::Everything),
        Word::Everything if sayer.everything => Some(What::Everything),
        Word::Everything => {
            let message = "`everything` is a word of a schedule";
            context.error(written.span.clone(), message, "write `internet`");
            None
        }
        Word::Name(name, reach) => Some(What::Name(name, reach)),
        Word::Id(id) => {
            let found = tags.find(id);
            if found.is_none() {
                let message = format!("{} {verb} something that is not defined", sayer.title);
                context.error(written.span.clone(), message, tags.which(id));
            }
            found.map(What::Tag)
        }
    }
}

/// What words cover.
pub(super) fn scope(words: &[(What, Range<usize>)]) -> Scope {
    let mut scope = Scope::default();
    for (said, _) in words {
        add(&mut scope, said);
    }
    scope
}

/// Adds a word to what is covered.
pub(super) fn add(scope: &mut Scope, said: &What) {
    match said {
        What::Everything => scope.everything = true,
        What::Tag(tag) => scope.tags.insert(*tag),
        What::Name(name, reach) => scope.names.insert(name, *reach),
    }
}

/// The word for something, in one spelling.
pub(super) fn word_of(tags: &Tags, said: &What) -> String {
    match said {
        What::Everything => "internet".to_owned(),
        What::Tag(tag) => tags.table.info(*tag).id.clone(),
        What::Name(name, Reach::Exact) => format!("={name}"),
        What::Name(name, Reach::Below) => name.to_string(),
    }
}

fn bare(words: Vec<(What, Range<usize>)>) -> Vec<What> {
    words.into_iter().map(|(said, _)| said).collect()
}

/// The same word both allowed and blocked by one table.
fn contradictions(
    context: &mut Context<'_>,
    tags: &Tags,
    title: &str,
    block: &[(What, Range<usize>)],
    allow: &[(What, Range<usize>)],
) {
    for (said, blocked) in block {
        if let Some((_, allowed)) = allow.iter().find(|(other, _)| other == said) {
            let word = word_of(tags, said);
            let message = format!("{title} both blocks and allows `{word}`");
            let problem =
                Problem::error(blocked.clone(), message, "blocked here: keep one of the two");
            context.problems.push(problem.beside(allowed.clone(), "allowed here"));
        }
    }
}
