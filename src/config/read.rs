//! The text as a document with places, walked along the registry.
//!
//! [`document`] reports what is no TOML, what has no business in the file, what has the wrong
//! shape, and what is not built yet. Afterwards the small readers at the end take values out; they
//! return nothing where the shape is wrong, because that was reported here already.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::elements::{self, Mistake};
use super::registry::{Key, Shape, TABLES, Table, table};
use super::report::{Problem, ticked};
use super::suggest::did_you_mean;

/// A value with its place.
pub(super) type Value<'i> = Spanned<DeValue<'i>>;

/// A text with its place.
#[derive(Debug, Clone)]
pub(super) struct Text<'a> {
    /// The text.
    pub(super) text: &'a str,
    /// Its place, quotes included.
    pub(super) span: Range<usize>,
}

/// One table of those written `[name.ID]`.
#[derive(Debug, Clone)]
pub(super) struct Entry<'a> {
    /// The ID.
    pub(super) id: Text<'a>,
    /// Its keys.
    pub(super) table: &'a DeTable<'a>,
}

/// Reads a text. What is wrong with it goes to `problems`; none when it is no TOML, since what
/// could be said about the rest would be guessing.
pub(super) fn document<'i>(
    text: &'i str,
    problems: &mut Vec<Problem>,
) -> Option<Spanned<DeTable<'i>>> {
    let (document, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        walk(document.get_ref(), problems);
        return Some(document);
    }
    let mut line_before = None;
    let mut is_below_single = false;
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        let line = text.get(..span.start).map(|before| before.matches('\n').count());
        // The keys of a second window are not those of the first one again.
        let is_twice = error.message() == "duplicate key";
        if is_twice && single_brackets(text, span.start).is_some() {
            is_below_single = true;
        } else if is_twice && is_below_single {
            continue;
        }
        // What the parser says further on in the same line follows from the first mistake.
        if line_before != Some(line) {
            let help = what_is_wrong(error.message(), text, span.start);
            problems.push(Problem::error(span, "this line cannot be read", help));
        }
        line_before = Some(line);
    }
    None
}

/// What the parser says, save where its words would lead a person astray.
fn what_is_wrong(message: &str, text: &str, at: usize) -> String {
    let message = message.trim();
    let before = text.get(..at).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    let rest = text.get(at..).unwrap_or_default();
    let rest = rest.split(['\n', '\r']).next().unwrap_or_default();
    let key = line.split(['=', ':']).next().unwrap_or_default().trim();
    let is_colon = rest.trim_start().starts_with(':') || line.trim_end().ends_with(':');
    if rest.starts_with(['“', '”', '„', '«', '‘', '’']) {
        "these are printed quotes: write straight ones, like \"text\"".to_owned()
    } else if is_colon && !line.contains(['=', '"', '[']) {
        format!("write `=` instead of `:`, like `{key} = …`")
    } else if rest.starts_with(',') && line.trim_end().ends_with(['"', '\'']) && !key.is_empty() {
        format!("several texts stand between brackets: `{key} = [\"…\", \"…\"]`")
    } else if message == "duplicate key"
        && let Some(header) = single_brackets(text, at)
    {
        format!("write `[{header}]`, with two brackets on either side: there may be several")
    } else if message == "duplicate key" && line.trim_start().starts_with('[') {
        "this header stands in the file twice: put the lines below it together".to_owned()
    } else if message == "duplicate key" {
        "this is written twice: keep one of the two lines".to_owned()
    } else if message.contains("leading zero") {
        "write the number without the zero in front".to_owned()
    } else if line.contains('=')
        && !rest.trim_start().is_empty()
        && !rest.trim_start().starts_with('#')
        && (message.starts_with("invalid boolean") || message.contains("must be quoted"))
    {
        "text stands between quotes, like \"text\"".to_owned()
    } else if line.trim_end().ends_with('=')
        && text[before.len()..].trim_start_matches(' ').starts_with(['\n', '\r', '#'])
    {
        "there is no value behind `=`".to_owned()
    } else if message.starts_with("invalid unquoted key") {
        "ids and keys have the letters a-z, digits, `_` and `-`".to_owned()
    } else {
        message.replace('\n', "; ")
    }
}

/// The header in whose line a place is, if it is of a window between single brackets.
fn single_brackets(text: &str, at: usize) -> Option<&str> {
    let begins = text.get(..at)?.rfind('\n').map_or(0, |place| place + 1);
    let header = text.get(begins..)?.lines().next()?.split('#').next()?.trim();
    let is_single = header.starts_with('[') && !header.starts_with("[[");
    (is_single && header.ends_with(".schedule]")).then_some(header)
}

fn walk(root: &DeTable<'_>, problems: &mut Vec<Problem>) {
    for (key, value) in root {
        let name = key.get_ref().as_ref();
        match (table(name), value.get_ref()) {
            (Some(known), DeValue::Table(inner)) if known.by_id => {
                walk_by_id(known, inner, problems);
            }
            (Some(known), DeValue::Table(inner)) => {
                walk_table(known, &format!("`[{name}]`"), &key.span(), inner, problems);
            }
            (Some(known), _) => {
                let (message, help) = header_missing(known);
                problems.push(Problem::error(key.span(), message, help));
            }
            (None, value) => problems.push(unknown_at_the_top(name, key.span(), value)),
        }
    }
}

fn header_missing(known: &Table) -> (String, String) {
    let name = known.name;
    let header = if known.by_id { format!("[{name}.ID]") } else { format!("[{name}]") };
    (format!("`{name}` is a table"), format!("write `{header}` and its keys below"))
}

fn unknown_at_the_top(name: &str, span: Range<usize>, value: &DeValue<'_>) -> Problem {
    if !value.is_table() && !value.is_array() || value.is_array() && is_a_key(name) {
        let message = format!("`{name}` stands outside of every table");
        let homes: Vec<String> = TABLES
            .iter()
            .filter(|table| table.key(name).is_some())
            .map(|table| {
                if table.by_id {
                    format!("[{}.ID]", table.name)
                } else {
                    format!("[{}]", table.name)
                }
            })
            .collect();
        let help = if homes.is_empty() {
            did_you_mean(name, TABLES.iter().flat_map(|table| table.keys().map(|key| key.name)))
                .unwrap_or_else(|| "write it below the header of its table".to_owned())
        } else {
            format!("it belongs below {}", ticked(&homes, "or"))
        };
        return Problem::error(span, message, help);
    }
    let names = || TABLES.iter().map(|table| table.name);
    let help = did_you_mean(name, names()).unwrap_or_else(|| {
        format!("the tables are {}", ticked(&names().collect::<Vec<_>>(), "and"))
    });
    Problem::error(span, format!("there is no table `{name}`"), help)
}

fn is_a_key(name: &str) -> bool {
    TABLES.iter().any(|table| table.key(name).is_some())
}

fn walk_by_id(known: &'static Table, ids: &DeTable<'_>, problems: &mut Vec<Problem>) {
    for (key, value) in ids {
        let (name, id) = (known.name, key.get_ref().as_ref());
        let DeValue::Table(inner) = value.get_ref() else {
            let message = format!("`[{name}]` needs an id");
            let help = if known.key(id).is_some() {
                format!("write `[{name}.ID]` above it, with an id of your choice")
            } else {
                format!("write `[{name}.{}]` and its keys below", elements::id_from(id))
            };
            problems.push(Problem::error(key.span(), message, help));
            continue;
        };
        if !elements::is_id(id) {
            problems.push(Problem::error(
                key.span(),
                format!("`{id}` cannot be the id of a {name}"),
                format!(
                    "an id has the letters a-z, digits, `_` and `-`: write `{}`",
                    elements::id_from(id)
                ),
            ));
        }
        walk_table(known, &format!("`[{name}.{id}]`"), &key.span(), inner, problems);
    }
}

/// Walks the keys of one table; `title` is how it is called in messages.
fn walk_table(
    known: &'static Table,
    title: &str,
    header: &Range<usize>,
    inner: &DeTable<'_>,
    problems: &mut Vec<Problem>,
) {
    if let Some(meanwhile) = known.unbuilt {
        let message = format!("{title} is not built yet: it has no effect");
        problems.push(Problem::warning(header.clone(), message, format!("meanwhile {meanwhile}")));
    }
    for (key, value) in inner {
        let name = key.get_ref().as_ref();
        match known.key(name) {
            Some(key_known) => {
                if let Some(meanwhile) = key_known.unbuilt {
                    let message = format!("`{name}` is not built yet: it has no effect");
                    let help = format!("meanwhile {meanwhile}");
                    problems.push(Problem::warning(key.span(), message, help));
                }
                check_shape(key_known, title, &key.span(), value, problems);
            }
            None if known.open => {}
            None => {
                let message = format!("{title} has no key `{name}`");
                problems.push(Problem::error(key.span(), message, unknown_key_help(known, name)));
            }
        }
    }
}

fn unknown_key_help(known: &'static Table, name: &str) -> String {
    // Adults have no age: who has one is a child.
    if known.name == "adult" && name == "age" {
        return "only a child has an age; remove the line".to_owned();
    }
    let elsewhere = || {
        let home = TABLES.iter().find(|table| table.key(name).is_some())?;
        let id = if home.by_id { ".ID" } else { "" };
        Some(format!("it belongs below `[{}{id}]`", home.name))
    };
    did_you_mean(name, known.keys().map(|key| key.name)).or_else(elsewhere).unwrap_or_else(|| {
        let keys: Vec<&str> = known.keys().map(|key| key.name).collect();
        format!("its keys are {}", ticked(&keys, "and"))
    })
}

fn check_shape(
    key: &'static Key,
    title: &str,
    key_span: &Range<usize>,
    value: &Value<'_>,
    problems: &mut Vec<Problem>,
) {
    let name = key.name;
    let mut wrong = |span: Range<usize>, message: String, help: String| {
        problems.push(Problem::error(span, message, help));
    };
    let such_as = || format!("write it like `{name} = {}`", key.example);
    let found = kind_of(value.get_ref());
    match (key.shape, value.get_ref()) {
        (Shape::Flag, DeValue::Boolean(_))
        | (Shape::Age, DeValue::Integer(_))
        | (Shape::Text | Shape::Texts | Shape::Bedtime, DeValue::String(_))
        // What stands in a budget is checked where it is read.
        | (Shape::Budget, DeValue::Table(_)) => {}
        (Shape::Number(min, max), DeValue::Integer(_)) => {
            if !number(value).is_some_and(|number| (min..=max).contains(&number)) {
                wrong(value.span(), format!("`{name}` is from {min} to {max}"), such_as());
            }
        }
        (Shape::Choice(words), DeValue::String(word)) => {
            if !words.contains(&word.as_ref()) {
                let help = did_you_mean(word, words.iter().copied())
                    .unwrap_or_else(|| format!("write {}", ticked(words, "or")));
                wrong(value.span(), format!("`{name}` cannot be `{word}`"), help);
            }
        }
        (Shape::Duration, DeValue::String(text)) => {
            if let Err(Mistake { what, help }) = elements::duration(text) {
                wrong(value.span(), what, help);
            }
        }
        (Shape::Texts, DeValue::Array(items)) => {
            for item in items.iter().filter(|item| !item.get_ref().is_str()) {
                let kind = kind_of(item.get_ref());
                let message = format!("`{name}` holds texts, and this is {kind}");
                wrong(item.span(), message, "write it between quotes".to_owned());
            }
        }
        (Shape::Bedtime, DeValue::Table(days)) => {
            for (_, time) in days.iter().filter(|(_, time)| !time.get_ref().is_str()) {
                let message = "a time is text".to_owned();
                wrong(time.span(), message, "write it like \"20:30-06:30\"".to_owned());
            }
        }
        (Shape::Records, DeValue::Table(rows)) => {
            for (_, row) in rows {
                let is_texts = match row.get_ref() {
                    DeValue::String(_) => true,
                    DeValue::Array(items) => items.iter().all(|item| item.get_ref().is_str()),
                    DeValue::Integer(_)
                    | DeValue::Float(_)
                    | DeValue::Boolean(_)
                    | DeValue::Datetime(_)
                    | DeValue::Table(_) => false,
                };
                if !is_texts {
                    let message = format!("`{name}` holds texts, and this is not");
                    wrong(row.span(), message, such_as());
                }
            }
        }
        (Shape::Table(known), DeValue::Table(inner)) => {
            walk_table(known, &format!("`[{}]`", known.name), key_span, inner, problems);
        }
        (Shape::Tables(known), DeValue::Array(rows)) => {
            for row in rows {
                if let DeValue::Table(inner) = row.get_ref() {
                    walk_table(known, &format!("a {name}"), &row.span(), inner, problems);
                } else {
                    let message = format!("a {name} is a table");
                    let help = format!("write `[[child.ID.{name}]]` and its keys below");
                    problems.push(Problem::error(row.span(), message, help));
                }
            }
        }
        (Shape::Tables(_), DeValue::Table(_)) => {
            let table = title.trim_matches(['`', ']']);
            let help = format!("write `[{table}.{name}]]`, with two brackets on either side");
            wrong(value.span(), format!("there may be more than one {name}"), help);
        }
        (shape, _) => {
            let message = format!("`{name}` is {}, and this is {found}", kind_of_shape(shape));
            let help = match (shape, value.get_ref()) {
                (Shape::Flag, DeValue::String(word)) if word == "true" || word == "false" => {
                    format!("write it without quotes: `{name} = {word}`")
                }
                (Shape::Number(..) | Shape::Age, DeValue::String(digits))
                    if digits.parse::<i64>().is_ok() =>
                {
                    format!("write it without quotes: `{name} = {digits}`")
                }
                _ => such_as(),
            };
            wrong(value.span(), message, help);
        }
    }
}

fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time without quotes",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

fn kind_of_shape(shape: Shape) -> &'static str {
    match shape {
        Shape::Flag => "true or false",
        Shape::Number(..) | Shape::Age => "a whole number",
        Shape::Text | Shape::Choice(_) => "text",
        Shape::Duration => "a length of time",
        Shape::Texts => "one text or an array of them",
        Shape::Bedtime => "a time, or a table of times by days",
        Shape::Budget | Shape::Records | Shape::Table(_) => "a table",
        Shape::Tables(_) => "an array of tables",
    }
}

// === Taking values out ===

/// The text of a value.
pub(super) fn text_of<'a>(value: &'a Value<'a>) -> Option<Text<'a>> {
    Some(Text { text: value.get_ref().as_str()?, span: value.span() })
}

/// The text of a key.
pub(super) fn text<'a>(table: &'a DeTable<'a>, key: &str) -> Option<Text<'a>> {
    text_of(table.get(key)?)
}

/// The texts of a value that is one or an array of them.
pub(super) fn texts_of<'a>(value: &'a Value<'a>) -> Vec<Text<'a>> {
    match value.get_ref().as_array() {
        Some(items) => items.iter().filter_map(text_of).collect(),
        None => text_of(value).into_iter().collect(),
    }
}

/// The texts of a key; none when it is not written.
pub(super) fn texts<'a>(table: &'a DeTable<'a>, key: &str) -> Option<Vec<Text<'a>>> {
    table.get(key).map(texts_of)
}

/// The flag of a key.
pub(super) fn flag(table: &DeTable<'_>, key: &str) -> Option<bool> {
    table.get(key)?.get_ref().as_bool()
}

/// The whole number of a value.
pub(super) fn number(value: &Value<'_>) -> Option<i64> {
    let written = value.get_ref().as_integer()?;
    i64::from_str_radix(written.as_str(), written.radix()).ok()
}

/// The whole number of a key, when it fits.
pub(super) fn whole(table: &DeTable<'_>, key: &str) -> Option<u32> {
    u32::try_from(number(table.get(key)?)?).ok()
}

/// The table of a key.
pub(super) fn inner<'a>(table: &'a DeTable<'a>, key: &str) -> Option<&'a DeTable<'a>> {
    table.get(key)?.get_ref().as_table()
}

/// The rows of a table with their keys' places, in the order of the file.
pub(super) fn rows<'a>(table: &'a DeTable<'a>) -> Vec<(Text<'a>, &'a Value<'a>)> {
    let mut rows: Vec<(Text<'a>, &'a Value<'a>)> = table
        .iter()
        .map(|(key, value)| (Text { text: key.get_ref().as_ref(), span: key.span() }, value))
        .collect();
    rows.sort_by_key(|(key, _)| key.span.start);
    rows
}

/// The tables written `[name.ID]`, in the order of the file.
pub(super) fn entries<'a>(root: &'a DeTable<'a>, name: &str) -> Vec<Entry<'a>> {
    let Some(ids) = inner(root, name) else { return Vec::new() };
    rows(ids)
        .into_iter()
        .filter_map(|(id, value)| Some(Entry { id, table: value.get_ref().as_table()? }))
        .collect()
}
