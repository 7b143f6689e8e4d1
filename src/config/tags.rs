//! Categories, services and lists: the table of tags, and the sources that fill it.

use std::ops::Range;

use toml::de::DeTable;

use super::context::Context;
use super::elements::{self, Word};
use super::read::{Entry, entries, text, texts};
use super::report::ticked;
use super::settings::Download;
use super::suggest::did_you_mean;
use crate::lists::catalogue::{Catalogue, Stance};
use crate::lists::{Effect, Format, Origin, Source};
use crate::policy::tags::{TAGS_MAX, Tag, TagInfo, TagKind, TagSet, TagTable};
use crate::words::Words;

/// The most ids that a message lists.
const LISTED_MAX: usize = 12;
/// What people write who do not know our ids yet: accents taken off, `_` for spaces.
const MEANT: [(&str, &str); 27] = [
    ("porn", "adult"),
    ("porno", "adult"),
    ("pornography", "adult"),
    ("pornografia", "adult"),
    ("sex", "adult"),
    ("sexo", "adult"),
    ("xxx", "adult"),
    ("adultos", "adult"),
    ("social", "social_media"),
    ("redes", "social_media"),
    ("social_networks", "social_media"),
    ("juegos", "games"),
    ("videojuegos", "games"),
    ("gaming", "games"),
    ("videos", "video"),
    ("streaming", "video"),
    ("chat", "messaging"),
    ("mensajes", "messaging"),
    ("vpn", "bypass"),
    ("proxy", "bypass"),
    ("ads", "ads_trackers"),
    ("anuncios", "ads_trackers"),
    ("casino", "gambling"),
    ("ia", "ai_chatbots"),
    ("ai", "ai_chatbots"),
    ("all", "internet"),
    ("todo", "internet"),
];
/// Words with a meaning of their own in `block`, `allow` and `only`.
const RESERVED: [&str; 2] = ["internet", "everything"];

/// All tags with what fills them.
pub(super) struct Tags {
    /// The table.
    pub(super) table: TagTable,
    /// The lists.
    pub(super) sources: Vec<Source>,
    /// Those of them that are fetched.
    pub(super) downloads: Vec<Download>,
    /// The lists that stand alone: closed for everyone whose profile is not `open`.
    pub(super) lists: TagSet,
    /// The ids of published lists that `[list.ID]` speaks of: turned on, turned off or replaced.
    pub(super) spoken_for: Vec<String>,
    /// What each own category or service says to a child.
    pub(super) explanations: Vec<(String, String)>,
}

/// Builds the table: ours first, then the household's categories, services and lists.
pub(super) fn tags(context: &mut Context<'_>) -> Tags {
    let categories = entries(context.root, "category");
    let services = entries(context.root, "service");
    let mut tags = Tags {
        table: TagTable::default(),
        sources: Vec::new(),
        downloads: Vec::new(),
        lists: TagSet::EMPTY,
        spoken_for: Vec::new(),
        explanations: Vec::new(),
    };
    tags.ours(context.catalogue, &categories, &services);
    for (entries, kind) in [(&categories, TagKind::Category), (&services, TagKind::Service)] {
        for entry in entries {
            tags.own(context, entry, kind);
        }
    }
    let twice = services.iter().filter_map(|service| {
        let category = categories.iter().find(|category| category.id.text == service.id.text)?;
        Some((service.id.clone(), category.id.span.clone()))
    });
    for (service, category) in twice {
        let message = format!("`{}` is both a category and a service", service.text);
        let help = "give one of them another id";
        let problem = super::Problem::error(service.span, message, help);
        context.problems.push(problem.beside(category, "the category"));
    }
    for entry in entries(context.root, "list") {
        tags.list(context, &entry);
    }
    tags.complete();
    tags
}

impl Tags {
    fn ours(&mut self, catalogue: &Catalogue, categories: &[Entry<'_>], services: &[Entry<'_>]) {
        for category in &catalogue.categories {
            self.table.add(TagInfo {
                id: category.id.to_owned(),
                kind: TagKind::Category,
                words: label(categories, category.id).unwrap_or_else(|| category.words.clone()),
                security: category.security,
                hidden: catalogue
                    .starters
                    .iter()
                    .any(|row| row.hidden && row.category == category.id),
                category: None,
            });
        }
        for starter in &catalogue.starters {
            let tags = self.table.find(starter.category).map(TagSet::of).unwrap_or_default();
            self.sources.push(Source {
                id: format!("amparo/{}", starter.category),
                category: Some(starter.category.to_owned()),
                tags,
                effect: Effect::Close,
                origin: if starter.hidden {
                    Origin::EmbeddedHidden(starter.text)
                } else {
                    Origin::Embedded(starter.text)
                },
                format: Format::Domains,
                matching: None,
            });
        }
        for service in &catalogue.services {
            let words = label(services, service.id);
            self.table.add(TagInfo {
                id: service.id.to_owned(),
                kind: TagKind::Service,
                words: words.unwrap_or_else(|| Words::same(service.label)),
                security: false,
                hidden: false,
                category: service.category.and_then(|category| self.table.find(category)),
            });
            self.sources.push(Source {
                id: format!("amparo/{}", service.id),
                category: service.category.map(str::to_owned),
                tags: self.of(service.id),
                effect: Effect::Close,
                origin: Origin::Embedded(service.names),
                format: Format::Domains,
                matching: None,
            });
        }
    }

    /// The tag of an id, for a service with that of its category.
    pub(super) fn of(&self, id: &str) -> TagSet {
        let Some(tag) = self.table.find(id) else { return TagSet::EMPTY };
        let category = self.table.info(tag).category;
        [Some(tag), category].into_iter().flatten().collect()
    }

    /// `[category.ID]` or `[service.ID]`: a new one, or more names for one of ours.
    fn own(&mut self, context: &mut Context<'_>, entry: &Entry<'_>, kind: TagKind) {
        let id = entry.id.text;
        let (word, other) = match kind {
            TagKind::Category => ("category", "service"),
            TagKind::Service | TagKind::List => ("service", "category"),
        };
        if RESERVED.contains(&id) {
            let message = format!("`{id}` cannot be the id of a {word}");
            let help = "the word has a meaning of its own; choose another id";
            return context.error(entry.id.span.clone(), message, help);
        }
        match self.table.find(id).map(|tag| self.table.info(tag).kind) {
            None => {
                let words = label(std::slice::from_ref(entry), id);
                let row = TagInfo {
                    id: id.to_owned(),
                    kind,
                    words: words.unwrap_or_else(|| Words::same(id)),
                    security: false,
                    hidden: false,
                    category: None,
                };
                if self.table.add(row).is_none() {
                    return too_many(context, entry.id.span.clone());
                }
            }
            Some(found) if found == kind => {}
            Some(_) => {
                // Two of the household's own that clash are reported where both can be shown.
                let ours = context.catalogue.categories.iter().any(|ours| ours.id == id)
                    || context.catalogue.services.iter().any(|ours| ours.id == id);
                if ours {
                    let message = format!("`{id}` is built in as a {other}");
                    let help = format!("write `[{other}.{id}]` to add names, or choose another id");
                    context.error(entry.id.span.clone(), message, help);
                }
                return;
            }
        }
        if let Some(explain) =
            text(entry.table, "explain").and_then(|explain| Context::shown(explain.text))
        {
            self.explanations.push((id.to_owned(), explain));
        }
        let names = own_names(context, entry.table);
        if !names.is_empty() {
            self.sources.push(Source {
                id: format!("{word}/{id}"),
                category: Some(id.to_owned()).filter(|_| kind == TagKind::Category),
                tags: self.of(id),
                effect: Effect::Close,
                origin: Origin::Written(names),
                format: Format::Domains,
                matching: None,
            });
        }
    }

    /// The tag of a category or service; a list's id is no word of `block`.
    pub(super) fn find(&self, id: &str) -> Option<Tag> {
        find(&self.table, id)
    }

    /// What to write instead of an id that is not defined.
    pub(super) fn which(&self, id: &str) -> String {
        which(&self.table, id)
    }
}

/// The tag of a category or service; a list's id is no word of `block`.
pub(super) fn find(table: &TagTable, id: &str) -> Option<Tag> {
    table.find(id).filter(|&tag| table.info(tag).kind != TagKind::List)
}

/// The id of what a person calls by its name in Spanish or English.
fn meant(table: &TagTable, word: &str) -> Option<String> {
    let word = elements::id_from(word);
    let is_called =
        |words: &Words| [&words.es, &words.en].iter().any(|label| elements::id_from(label) == word);
    let mut rows = table.iter().filter(|(_, row)| row.kind != TagKind::List);
    let by_label = rows.find(|(_, row)| is_called(&row.words)).map(|(_, row)| row.id.as_str());
    let by_word = || MEANT.iter().find(|(other, _)| *other == word).map(|(_, id)| *id);
    let id = by_label
        .or_else(|| by_word().filter(|id| *id == "internet" || find(table, id).is_some()))?;
    Some(format!("did you mean `{id}`?"))
}

/// What to write instead of an id that is not defined.
pub(super) fn which(table: &TagTable, id: &str) -> String {
    let known = || {
        let rows = table.iter().filter(|(_, row)| row.kind != TagKind::List);
        rows.map(|(_, row)| row.id.as_str())
    };
    let words = || known().chain(["internet"]);
    let parts: Vec<&str> = id.split([',', ';']).map(str::trim).collect();
    if parts.len() > 1 && parts.iter().all(|part| !part.is_empty()) {
        let quoted: Vec<String> = parts.iter().map(|part| format!("\"{part}\"")).collect();
        return format!("write each between quotes of its own: `[{}]`", quoted.join(", "));
    }
    meant(table, id).or_else(|| did_you_mean(id, words())).unwrap_or_else(|| {
        let ids: Vec<&str> = known().take(LISTED_MAX + 1).collect();
        if ids.is_empty() || ids.len() > LISTED_MAX {
            format!(
                "no category or service has this id; of a site write the whole name, like \
                 `{}.com`",
                elements::id_from(id)
            )
        } else {
            format!("defined are {}", ticked(&ids, "and"))
        }
    })
}

pub(super) fn too_many(context: &mut Context<'_>, span: Range<usize>) {
    let message = format!("there are more than {TAGS_MAX} categories, services and lists together");
    context.error(span, message, "let lists share a `category`");
}

/// The label that a household gives one of these ids.
fn label(entries: &[Entry<'_>], id: &str) -> Option<Words> {
    let entry = entries.iter().find(|entry| entry.id.text == id)?;
    let name = Context::shown(text(entry.table, "name")?.text)?;
    Some(Words::same(&name))
}

/// `names`, checked, one a line.
fn own_names(context: &mut Context<'_>, table: &DeTable<'_>) -> String {
    let mut lines = String::new();
    for name in texts(table, "names").unwrap_or_default() {
        match context.element(&name, elements::word) {
            Some(Word::Name(..)) => {
                lines.push_str(name.text);
                lines.push('\n');
            }
            Some(Word::Internet | Word::Everything | Word::Id(_)) => {
                let message = format!("`{}` is not a domain name: it has no dot", name.text);
                context.error(name.span, message, "write a name like `example.com`");
            }
            None => {}
        }
    }
    lines
}

/// What a built-in profile by age closes: all it closes, and which of that only unless a
/// restricted mode makes it safe.
pub(super) fn of_band(catalogue: &Catalogue, table: &TagTable, band: usize) -> (TagSet, TagSet) {
    let (mut closed, mut unless_safe) = (TagSet::EMPTY, TagSet::EMPTY);
    for category in &catalogue.categories {
        let Some(tag) = table.find(category.id) else { continue };
        match category.by_band[band] {
            Stance::Closed => closed.insert(tag),
            Stance::ClosedUnlessSafe => {
                closed.insert(tag);
                unless_safe.insert(tag);
            }
            Stance::Open => {}
        }
    }
    (closed, unless_safe)
}

/// The categories that guard against fraud and spying: what `adult` closes.
pub(super) fn of_security(table: &TagTable) -> TagSet {
    let rows = table.iter().filter(|(_, row)| row.security && row.kind == TagKind::Category);
    rows.map(|(tag, _)| tag).collect()
}
