//! From texts to the index, and from a name back to the line that named it.
//!
//! Both read a source in the same way, so that what `why` shows is what the index holds.

use std::borrow::Cow;

use super::format::{self, Item, Skip, Syntax};
use super::index::{Builder, Index, Mark, Row};
use super::{Format, Match, Matching, REFUSED_SHOWN_MAX, Report, Source, guard};
use crate::name::Name;
use crate::policy::rules::NameSet;
use crate::policy::tags::TagSet;

/// Compiles sources with their texts into one index. Never fails: what cannot be taken is
/// counted. The text of a source that carries its own is not looked at.
#[must_use]
pub fn compile(sources: &[(Source, Cow<'_, [u8]>)], essentials: &NameSet) -> (Index, Vec<Report>) {
    let mut builder = Builder::new();
    let mut rows: Vec<Row> = Vec::with_capacity(sources.len() * 2);
    let mut reports = Vec::with_capacity(sources.len());
    // Each source has two rows: for its exact entries, and for those with all below them.
    for ((source, text), exact) in sources.iter().zip((0..).step_by(2)) {
        rows.push(Row { at: source.tags, below: TagSet::EMPTY });
        rows.push(Row { at: source.tags, below: source.tags });

        let mut tally = Tally::default();
        let syntax = entries(source, text, &mut |_, entry| match entry {
            Entry::Skipped(skip) => tally.skipped[skip as usize] += 1,
            Entry::Name(name, _) if guard::refuses(source, name, essentials) => {
                tally.refuse(name, source.is_hidden());
            }
            Entry::Name(name, matching) => {
                tally.taken += 1;
                if !source.tags.is_empty() {
                    builder.add(name, exact + Mark::from(matching == Matching::Subdomains));
                }
            }
        });
        reports.push(tally.report(source, syntax.format));
    }
    (builder.finish(&rows), reports)
}

/// Every entry of a source's text that covers the name and was taken. The text of a source that
/// carries its own is not looked at.
#[must_use]
pub fn search(source: &Source, text: &[u8], name: &Name, essentials: &NameSet) -> Vec<Match> {
    let mut matches = Vec::new();
    entries(source, text, &mut |line, entry| match entry {
        Entry::Skipped(_) => {}
        Entry::Name(entry, matching) => {
            let covers = match matching {
                Matching::Exact => entry == name,
                Matching::Subdomains => name.is_at_or_below(entry),
            };
            if covers && !guard::refuses(source, entry, essentials) {
                let entry = (!source.is_hidden()).then(|| entry.to_string());
                matches.push(Match { list: source.id.clone(), line, entry });
            }
        }
    });
    matches
}

/// What stands in a source.
enum Entry<'a> {
    Name(&'a Name, Matching),
    Skipped(Skip),
}

/// Reads a source: its own text where it carries one, and what its entries cover as the entry
/// says, else the list, else the format.
fn entries(
    source: &Source,
    text: &[u8],
    each: &mut dyn FnMut(usize, Entry<'_>),
) -> &'static Syntax {
    let own = source.embedded_text();
    let text = own.as_deref().unwrap_or(text);
    let syntax = format::syntax_of(source.format, text);
    let by_list = source.matching.unwrap_or(syntax.matching);
    format::read(syntax, text, &mut |line, item| match item {
        Item::Entry(name, by_entry) => each(line, Entry::Name(name, by_entry.unwrap_or(by_list))),
        Item::Skipped(skip) => each(line, Entry::Skipped(skip)),
    });
    syntax
}

/// What was met while a source was read.
#[derive(Default)]
struct Tally {
    taken: usize,
    skipped: [usize; Skip::ALL.len()],
    refused: Vec<String>,
    refused_count: usize,
}

impl Tally {
    fn refuse(&mut self, name: &Name, hidden: bool) {
        self.refused_count += 1;
        if !hidden && self.refused.len() < REFUSED_SHOWN_MAX {
            self.refused.push(name.to_string());
        }
    }

    fn report(self, source: &Source, format: Format) -> Report {
        Report {
            id: source.id.clone(),
            category: source.category.clone(),
            format,
            taken: self.taken,
            skipped: self.skipped.iter().sum(),
            skipped_kinds: Skip::ALL
                .into_iter()
                .map(|kind| (kind, self.skipped[kind as usize]))
                .filter(|(_, count)| *count > 0)
                .collect(),
            refused: self.refused,
            refused_count: self.refused_count,
        }
    }
}
