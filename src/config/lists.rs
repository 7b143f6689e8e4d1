//! `[list.ID]`: names from a file, or fetched from an address; and which of the lists that others
//! publish a household has.

use std::time::Duration;

use super::Config;
use super::context::Context;
use super::elements;
use super::read::{Entry, Text, flag, inner, text};
use super::settings::Download;
use super::suggest::did_you_mean;
use super::tags::{Tags, too_many};
use crate::lists::catalogue::Catalogue;
use crate::lists::{Effect, Format, Matching, Origin, Published, Source};
use crate::policy::tags::{Tag, TagInfo, TagKind, TagSet};
use crate::words::Words;

/// How often a list is fetched that does not say: their keepers publish once a day at most.
const EVERY: Duration = Duration::from_secs(24 * 3600);
/// The shortest time between two fetches: who keeps a list for nothing pays for the traffic.
const EVERY_MIN: Duration = Duration::from_secs(1 * 3600);

/// Where a list comes from.
enum From<'written, 'known> {
    File(Text<'written>),
    Url(Text<'written>),
    /// From whoever publishes it: the id alone is written.
    Published(&'known Published),
}

/// Whether the household has lists that it does not name: `[household] public_lists`.
pub(super) fn has_public_lists(context: &Context<'_>) -> bool {
    let household = inner(context.root, "household");
    household.and_then(|table| flag(table, "public_lists")).unwrap_or(true)
}

impl Tags {
    /// `[list.ID]`.
    pub(super) fn list(&mut self, context: &mut Context<'_>, entry: &Entry<'_>) {
        let (id, table) = (entry.id.text, entry.table);
        let category = text(table, "category");
        let mut tags = TagSet::EMPTY;
        if let Some(category) = &category {
            tags = self.of(category.text);
            if tags.is_empty() {
                let message = format!(
                    "list `{id}` fills a category that is not defined: `{}`",
                    category.text
                );
                let help = self.which(category.text);
                context.error(category.span.clone(), message, help);
                return;
            }
        }
        if context.catalogue.published.iter().any(|row| row.id == id) {
            self.spoken_for.push(id.to_owned());
        }
        let Some(from) = from(context, entry) else { return };
        let every = every(context, entry);
        let origin = match &from {
            From::File(file) => {
                if let Some(every) = text(table, "every") {
                    let message = "`every` is for a list with a `url`: it has no effect";
                    let help = "a file is read again as soon as it changes";
                    context.warning(every.span, message, help);
                }
                Some(Origin::File(context.path(file.text)))
            }
            From::Url(url) => context.element(url, elements::url).map(Origin::Url),
            From::Published(row) => Some(Origin::Url(row.url.clone())),
        };
        let opens = text(table, "kind").is_some_and(|kind| kind.text == "allow");
        let enabled = flag(table, "enabled").unwrap_or(true);
        let (usual_format, usual_every, is_written) = match &from {
            From::File(_) | From::Url(_) => (Format::Auto, EVERY, true),
            From::Published(row) => (row.format, row.every, false),
        };
        let (Some(format), Some(origin)) = (format(entry, usual_format), origin) else { return };
        if !enabled {
            return;
        }
        let mut category = category.map(|category| category.text.to_owned());
        if let (None, From::Published(row)) = (&category, &from) {
            tags = self.of(&row.category);
            category = Some(row.category.clone());
        }
        if opens {
            // Of a service its own tag alone: that of its category stands for many more.
            tags = category
                .as_deref()
                .and_then(|id| self.find(id))
                .map(TagSet::of)
                .unwrap_or_default();
        } else if category.is_none() {
            let Some(tag) = self.add_list(id) else {
                return too_many(context, entry.id.span.clone());
            };
            tags = TagSet::of(tag);
            self.lists.insert(tag);
        }
        if let Origin::Url(url) = &origin {
            self.downloads.push(Download {
                list: id.to_owned(),
                url: url.clone(),
                every: every.unwrap_or(usual_every),
                is_written,
            });
        }
        self.sources.push(Source {
            id: id.to_owned(),
            category,
            tags,
            effect: if opens { Effect::Open } else { Effect::Close },
            origin,
            format,
            matching: matching(entry),
        });
    }

    /// Lists that open and name no category open what any category or list closes: known when all
    /// of these are.
    pub(super) fn complete(&mut self) {
        let categories = self.table.iter().filter(|(_, row)| row.kind == TagKind::Category);
        let all = categories.map(|(tag, _)| tag).collect::<TagSet>().union(&self.lists);
        for source in &mut self.sources {
            if source.effect == Effect::Open && source.category.is_none() {
                source.tags = all;
            }
        }
    }

    /// Adds the lists that others publish for what is closed for somebody, but those that
    /// `[list.ID]` speaks of.
    pub(super) fn subscribe(&mut self, catalogue: &Catalogue, closed: &TagSet) {
        for row in catalogue.published.iter().filter(|row| row.subscribe) {
            let Some(tag) = self.find(&row.category) else { continue };
            if !closed.contains(tag) || self.spoken_for.contains(&row.id) {
                continue;
            }
            self.downloads.push(Download {
                list: row.id.clone(),
                url: row.url.clone(),
                every: row.every,
                is_written: false,
            });
            self.sources.push(Source {
                id: row.id.clone(),
                category: Some(row.category.clone()),
                tags: self.of(&row.category),
                effect: Effect::Close,
                origin: Origin::Url(row.url.clone()),
                format: row.format,
                matching: None,
            });
        }
    }

    /// A tag for a list that stands alone. Where a category or service has its id already, the
    /// tag is told apart.
    fn add_list(&mut self, id: &str) -> Option<Tag> {
        let taken = self.table.find(id).is_some();
        let id = if taken { format!("list/{id}") } else { id.to_owned() };
        self.table.add(TagInfo {
            words: Words::same(&id),
            id,
            kind: TagKind::List,
            security: false,
            hidden: false,
            category: None,
        })
    }
}

/// `file`, `url`, or the id of a list that somebody publishes; none, with its mistake reported,
/// when it is not one of them.
fn from<'written, 'known>(
    context: &mut Context<'known>,
    entry: &Entry<'written>,
) -> Option<From<'written, 'known>> {
    let (id, table) = (entry.id.text, entry.table);
    match (text(table, "file"), text(table, "url")) {
        (Some(file), Some(url)) => {
            let message = format!("list `{id}` has both a file and a url");
            let problem = super::Problem::error(url.span, message, "remove one of the two");
            context.problems.push(problem.beside(file.span, "the file"));
            None
        }
        (None, None) => {
            // A wrong shape was reported already.
            if table.get("file").is_some() || table.get("url").is_some() {
                return None;
            }
            let published = &context.catalogue.published;
            if let Some(row) = published.iter().find(|row| row.id == id) {
                return Some(From::Published(row));
            }
            let message = format!("list `{id}` has neither a file nor a url");
            let help = did_you_mean(id, published.iter().map(|row| row.id.as_str()))
                .unwrap_or_else(|| "add `file = \"…\"` or `url = \"https://…\"`".to_owned());
            context.error(entry.id.span.clone(), message, help);
            None
        }
        (Some(file), None) if file.text.is_empty() => {
            let help = "write a path, like \"lists/games.txt\"";
            context.error(file.span, format!("list `{id}` has no file"), help);
            None
        }
        (Some(file), None) => Some(From::File(file)),
        (None, Some(url)) => Some(From::Url(url)),
    }
}

/// `every`; none where it is not written.
fn every(context: &mut Context<'_>, entry: &Entry<'_>) -> Option<Duration> {
    let written = text(entry.table, "every")?;
    // What is no length of time was reported where shapes are checked.
    let every = elements::duration(written.text).ok()?;
    if every < EVERY_MIN {
        let message = format!("list `{}` would be fetched too often", entry.id.text);
        let help = "write \"1h\" or more: lists change once a day";
        context.error(written.span, message, help);
    }
    Some(every)
}

/// The format that is written, or the usual one; none when it is no word of ours.
fn format(entry: &Entry<'_>, usual: Format) -> Option<Format> {
    let Some(written) = text(entry.table, "format") else { return Some(usual) };
    // Another word than one of ours was reported where shapes are checked.
    Format::of_word(written.text)
}

/// `match`; none: what the format says.
fn matching(entry: &Entry<'_>) -> Option<Matching> {
    match text(entry.table, "match").map(|word| word.text) {
        Some("exact") => Some(Matching::Exact),
        Some("subdomains") => Some(Matching::Subdomains),
        _ => None,
    }
}

// === impl Config ===

impl Config {
    /// Fetches nothing (`--offline`): lists that others publish do not count, and of lists with an
    /// address of their own the last copies serve.
    pub fn go_offline(&mut self) {
        for download in std::mem::take(&mut self.downloads) {
            if !download.is_written {
                self.lists.retain(|source| source.id != download.list);
            }
        }
    }
}
