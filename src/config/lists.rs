//! `[list.ID]`: names from a file, or fetched from an address.

use std::time::Duration;

use super::context::Context;
use super::elements;
use super::read::{Entry, Text, flag, text};
use super::settings::Download;
use super::tags::{Tags, too_many};
use crate::lists::{Format, Matching, Origin, Source};
use crate::policy::tags::{Tag, TagInfo, TagKind, TagSet};
use crate::words::Words;

/// How often a list is fetched that does not say: their keepers publish once a day at most.
const EVERY: Duration = Duration::from_hours(24);
/// The shortest time between two fetches: who keeps a list for nothing pays for the traffic.
const EVERY_MIN: Duration = Duration::from_hours(1);

/// Where a list comes from.
enum From<'a> {
    File(Text<'a>),
    Url(Text<'a>),
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
        };
        let kind = text(table, "kind").filter(|kind| kind.text == "allow");
        if let Some(kind) = &kind {
            let message = "lists that open are not built yet: this list is left out";
            let help = "meanwhile write its names into `allow`";
            context.warning(kind.span.clone(), message, help);
        }
        let enabled = flag(table, "enabled").unwrap_or(true);
        let (Some(format), Some(origin)) = (format(entry), origin) else { return };
        if kind.is_some() || !enabled {
            return;
        }
        if category.is_none() {
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
                every,
                is_written: true,
            });
        }
        self.sources.push(Source {
            id: id.to_owned(),
            category: category.map(|category| category.text.to_owned()),
            tags,
            origin,
            format,
            matching: matching(entry),
        });
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

/// `file` or `url`; none, with its mistake reported, when it is not one of the two.
fn from<'a>(context: &mut Context<'_>, entry: &Entry<'a>) -> Option<From<'a>> {
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
            if table.get("file").is_none() && table.get("url").is_none() {
                let message = format!("list `{id}` has neither a file nor a url");
                let help = "add `file = \"…\"` or `url = \"https://…\"`";
                context.error(entry.id.span.clone(), message, help);
            }
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

/// `every`: a day where it is not written.
fn every(context: &mut Context<'_>, entry: &Entry<'_>) -> Duration {
    // Another length of time was reported where shapes are checked.
    let Some(written) = text(entry.table, "every") else { return EVERY };
    let Ok(every) = elements::duration(written.text) else { return EVERY };
    if every < EVERY_MIN {
        let message = format!("list `{}` would be fetched too often", entry.id.text);
        let help = "write \"1h\" or more: lists change once a day";
        context.error(written.span, message, help);
    }
    every
}

/// The format of a list; none when it is no word of ours.
fn format(entry: &Entry<'_>) -> Option<Format> {
    let Some(written) = text(entry.table, "format") else { return Some(Format::Auto) };
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
