//! A permanent change, written into the file a parent keeps.
//!
//! [`apply`] is pure: text in, text out. Only what the change is about is cut out or put in, so that
//! comments, order, quotes, indentation and line ends stay as they are; that is why the text itself
//! is edited, at the places the reader knows, instead of being written anew from a document. What
//! comes out has passed [`load`]. [`write()`] puts it in place of the file, and
//! [`restore`] takes it back; `splice` knows how arrays and lines are cut.

mod file;
mod splice;
#[cfg(test)]
mod tests;

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::elements::{self, Mistake, Word};
use super::read::{Text, inner, text_of, texts_of};
use super::suggest::did_you_mean;
use super::{Config, Origin, Report, System, load};
use crate::clients::Address;
use crate::policy::rules::Reach;
use crate::policy::tags::TagKind;
pub use file::{BACKUPS_KEPT, Backup, fingerprint, restore, write};
use splice::{Splice, end_of_line, insert_item, newline_of, quoted, remove_item, start_of_line};

/// The tables in which people are.
const KINDS: [&str; 2] = ["child", "adult"];

/// One word that is always open, or always closed, for somebody; or one device that is somebody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edit<'a> {
    /// Whose: the id of a child or an adult.
    pub person: &'a str,
    /// A category, a service, `internet` or a name, as in `block`; or a device, as in `devices`.
    pub word: &'a str,
    /// What becomes of it.
    pub change: Change,
}

/// What becomes of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is open.
    Allow,
    /// It is closed.
    Block,
    /// It is this one's device, and nobody else's.
    Device,
}

/// What became of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edited {
    /// The new text.
    Changed(String),
    /// The file says so already.
    AlreadySo,
}

/// Why the file stays as it is: a sentence with what to do.
#[derive(Debug, thiserror::Error)]
pub enum Wrong {
    /// The file does not pass as it is.
    #[error("the config file must be mended first:\n{}", .0.render(false).trim_end())]
    NotGood(Report),
    /// It would not pass with the change.
    #[error("the config file would not pass with this change, and stays as it is:\n{}", .0.render(false).trim_end())]
    Refused(Report),
    /// Nobody has that id.
    #[error("nobody is called `{}` in the config file{hint}", .id.escape_debug())]
    Nobody {
        /// The id.
        id: String,
        /// Whose id it may be, with what stands before it; or nothing.
        hint: String,
    },
    /// It is no word.
    #[error("{what}: {help}")]
    Word {
        /// What is wrong.
        what: String,
        /// What to write instead.
        help: String,
    },
    /// Somebody wrote to the file meanwhile.
    #[error("{0} was changed meanwhile, and stays as it is: try again")]
    ChangedMeanwhile(String),
    /// The system would not have it.
    #[error("{0}")]
    Disk(String),
}

/// One entry of a person's table, where the person's own lines are.
#[derive(Debug, Clone)]
struct Line {
    key: Range<usize>,
    /// Where its value begins; of a dotted key, where the rest of the key does.
    value: Range<usize>,
    /// Where all of it ends.
    end: usize,
}

/// Where a person's table stands in the text.
struct Whose<'a> {
    kind: &'static str,
    table: &'a DeTable<'a>,
    /// The place of the table itself: its header, its braces, or the key that it is the first part
    /// of.
    span: Range<usize>,
    /// Whether it stands between braces, itself or with all the others.
    in_braces: bool,
}

/// The text with the change in it.
///
/// # Errors
/// When the file does not pass, before or afterwards; when there is no such person or word.
pub fn apply(
    text: &str,
    edit: &Edit<'_>,
    system: &System,
    origin: &Origin,
) -> Result<Edited, Wrong> {
    let before = load(text, origin, system).map_err(Wrong::NotGood)?;
    let mut now = text.to_owned();
    let (key, other) = match edit.change {
        Change::Allow => ("allow", "block"),
        Change::Block => ("block", "allow"),
        Change::Device => {
            let device = elements::device(edit.word.trim());
            let device = device.map_err(|Mistake { what, help }| Wrong::Word { what, help })?;
            while let Some(next) = hand_over(&now, edit, &device)? {
                now = next;
            }
            return done(text, now, system, origin);
        }
    };
    let word = wanted(edit.word.trim(), &before.config)?;
    while let Some(next) = step(&now, edit, &word, (key, other))? {
        now = next;
    }
    done(text, now, system, origin)
}

/// What became of a text, once it passes.
fn done(text: &str, now: String, system: &System, origin: &Origin) -> Result<Edited, Wrong> {
    if now == text {
        return Ok(Edited::AlreadySo);
    }
    load(&now, origin, system).map_err(Wrong::Refused)?;
    Ok(Edited::Changed(now))
}

/// What the word means.
fn wanted<'a>(text: &'a str, config: &Config) -> Result<Word<'a>, Wrong> {
    let wrong = |what: String, help: String| Wrong::Word { what, help };
    match elements::word(text).map_err(|mistake| wrong(mistake.what, mistake.help))? {
        Word::Everything => {
            let what = "`everything` is a word of a schedule".to_owned();
            Err(wrong(what, "write `internet`".to_owned()))
        }
        Word::Id(id) => {
            let known = config.household.tags.iter().map(|(_, info)| info);
            let known = known.filter(|info| info.kind != TagKind::List);
            let known: Vec<&str> = known.map(|info| info.id.as_str()).collect();
            if known.contains(&id) {
                return Ok(Word::Id(id));
            }
            let help = did_you_mean(id, known)
                .unwrap_or_else(|| format!("for a site write its name, like `{id}.com`"));
            let what = format!("there is no category or service `{}`", id.escape_debug());
            Err(wrong(what, help.escape_debug().to_string()))
        }
        word @ (Word::Internet | Word::Name(..)) => Ok(word),
    }
}

/// The text with one step done of giving a device to somebody: another one's is taken away first; none
/// when all is done.
fn hand_over(text: &str, edit: &Edit<'_>, device: &Address) -> Result<Option<String>, Wrong> {
    const KEY: &str = "devices";
    let (document, _) = DeTable::parse_recoverable(text);
    let root = document.get_ref();
    let whose = whose(root, text, edit.person)?;
    let is_it = |text: &Text<'_>| elements::device(text.text).is_ok_and(|other| other == *device);
    for id in people(root).filter(|id| *id != edit.person) {
        let another = self::whose(root, text, id)?;
        let has = words(&another, KEY);
        if let Some(place) = has.iter().position(is_it) {
            return Ok(Some(take_out(text, &another, KEY, &has, place)));
        }
    }
    let has = words(&whose, KEY);
    if has.iter().any(is_it) {
        return Ok(None);
    }
    Ok(Some(put_in(text, &whose, KEY, "age", &has, edit.word.trim())))
}

/// The text with one thing done that is left to do; none when all is.
fn step(
    text: &str,
    edit: &Edit<'_>,
    word: &Word<'_>,
    (key, other): (&str, &str),
) -> Result<Option<String>, Wrong> {
    let (document, _) = DeTable::parse_recoverable(text);
    let whose = whose(document.get_ref(), text, edit.person)?;
    let said = words(&whose, key);
    let against = words(&whose, other);

    let is_word = |text: &Text<'_>| elements::word(text.text).is_ok_and(|other| other == *word);
    let is_against = |text: &Text<'_>| {
        is_word(text)
            || match (word, elements::word(text.text)) {
                // The name alone speaks before the name with all below it.
                (Word::Name(wide, Reach::Below), Ok(Word::Name(alone, Reach::Exact))) => {
                    *wide == alone
                }
                _ => false,
            }
    };
    if let Some(place) = against.iter().position(is_against) {
        let is_renamed = !whose.table.contains_key(key) && against.iter().all(is_word);
        return Ok(Some(if is_renamed {
            rename(text, &whose, other, key)
        } else {
            take_out(text, &whose, other, &against, place)
        }));
    }
    if said.iter().any(is_word) {
        return Ok(None);
    }
    Ok(Some(put_in(text, &whose, key, other, &said, edit.word.trim())))
}

fn whose<'a>(root: &'a DeTable<'a>, text: &str, id: &str) -> Result<Whose<'a>, Wrong> {
    for kind in KINDS {
        let Some(all) = root.get(kind) else { continue };
        let Some(value) = all.get_ref().as_table().and_then(|all| all.get(id)) else { continue };
        let Some(table) = value.get_ref().as_table() else { continue };
        let opens = |span: Range<usize>| text[span].starts_with('{');
        let in_braces = opens(all.span()) || opens(value.span());
        return Ok(Whose { kind, table, span: value.span(), in_braces });
    }
    let hint = did_you_mean(id, people(root)).map(|hint| format!(": {hint}")).unwrap_or_default();
    Err(Wrong::Nobody { id: id.to_owned(), hint })
}

/// The ids of everyone.
fn people<'a>(root: &'a DeTable<'a>) -> impl Iterator<Item = &'a str> {
    let tables = KINDS.iter().filter_map(|kind| inner(root, kind));
    tables.flat_map(|table| table.keys().map(|key| key.get_ref().as_ref()))
}

fn words<'a>(whose: &Whose<'a>, key: &str) -> Vec<Text<'a>> {
    whose.table.get(key).map(texts_of).unwrap_or_default()
}

/// Gives the line with nothing but this word in it the other name: what it says is turned round
/// where it stands.
fn rename(text: &str, whose: &Whose<'_>, from: &str, to: &str) -> String {
    match line_of(whose, from) {
        Some(line) => Splice::new(text).replace(line.key, to).done(),
        None => text.to_owned(),
    }
}

/// Takes a word out; the key with it, when it was its only one.
fn take_out(text: &str, whose: &Whose<'_>, key: &str, words: &[Text<'_>], place: usize) -> String {
    let Some(line) = line_of(whose, key) else { return text.to_owned() };
    let array = line.value.clone();
    // A comment inside is a parent's too: it keeps its brackets.
    let is_emptied = words.len() == 1 && !splice::has_comment(text, &array, &words[0].span);
    if !is_emptied {
        let items: Vec<_> = words.iter().map(|word| word.span.clone()).collect();
        return remove_item(text, &items, place, &array);
    }
    if !whose.in_braces {
        let cut = start_of_line(text, line.key.start)..end_of_line(text, line.end);
        return Splice::new(text).replace(cut, "").done();
    }
    let begins = start_in_braces(text, line.key.start);
    let behind = &text[line.end..];
    let spaces = behind.len() - behind.trim_start().len();
    let before = text[..begins].trim_end();
    let cut = if behind.trim_start().starts_with(',') {
        let comma = line.end + spaces;
        let rest = &text[comma + 1..];
        begins..comma + 1 + (rest.len() - rest.trim_start_matches(' ').len())
    } else if before.ends_with(',') {
        before.len() - 1..line.end
    } else {
        begins..line.end
    };
    Splice::new(text).replace(cut, "").done()
}

/// Puts a word into `allow` or `block`, which may not be there yet.
fn put_in(
    text: &str,
    whose: &Whose<'_>,
    key: &str,
    other: &str,
    said: &[Text<'_>],
    word: &str,
) -> String {
    if let Some(value) = whose.table.get(key) {
        if let Some(alone) = text_of(value) {
            let like = &text[alone.span.clone()];
            let array = format!("[{like}, {}]", quoted(word, like));
            return Splice::new(text).replace(alone.span, &array).done();
        }
        let items: Vec<_> = said.iter().map(|word| word.span.clone()).collect();
        return insert_item(text, &items, &value.span(), word);
    }
    let entry = format!("[{}]", quoted(word, "\""));
    let lines = lines(whose.table);
    let beside =
        lines.iter().find(|line| text[line.key.clone()].trim_matches(['"', '\'']) == other);
    let beside = beside.or_else(|| lines.iter().max_by_key(|line| line.end));
    match beside {
        Some(line) if whose.in_braces => {
            let path = &text[start_in_braces(text, line.key.start)..line.key.start];
            Splice::new(text).insert(line.end, &format!(", {path}{key} = {entry}")).done()
        }
        Some(line) => {
            // Whatever stands before that key: spaces, and the first part of a dotted one.
            let path = &text[start_of_line(text, line.key.start)..line.key.start];
            let equals = equals_like(&text[line.key.end..line.value.start], &line.key, key);
            splice::insert_line(text, line.end, &format!("{path}{key}{equals}{entry}"))
        }
        None if whose.in_braces => {
            let between = whose.span.start + 1..whose.span.end - 1;
            let is_blank = !text[between.clone()].contains('\n');
            let cut = if is_blank { between } else { between.start..between.start };
            Splice::new(text).replace(cut, &format!(" {key} = {entry} ")).done()
        }
        None if text[whose.span.clone()].starts_with('[') => {
            splice::insert_line(text, whose.span.end, &format!("{key} = {entry}"))
        }
        // The person stands in the headers of its windows only.
        None => {
            let newline = newline_of(text);
            let id = &text[whose.span.clone()];
            let ends = if text.ends_with('\n') { "" } else { newline };
            let header = format!("{ends}{newline}[{}.{id}]{newline}", whose.kind);
            Splice::new(text)
                .insert(text.len(), &format!("{header}{key} = {entry}{newline}"))
                .done()
        }
    }
}

/// The sign between key and value, with the spaces that put it below that of another key.
fn equals_like(other: &str, other_key: &Range<usize>, key: &str) -> String {
    match other.split_once('=') {
        Some((before, behind)) if before.trim().is_empty() && behind.trim().is_empty() => {
            let column = other_key.len() + before.len();
            let spaces =
                if before.is_empty() { 0 } else { column.saturating_sub(key.len()).max(1) };
            format!("{}={behind}", " ".repeat(spaces))
        }
        _ => " = ".to_owned(),
    }
}

/// Where an entry between braces begins, with the first part of a dotted key.
fn start_in_braces(text: &str, key: usize) -> usize {
    let begins = text[..key].rfind(['{', ',', '\n']).map_or(0, |place| place + 1);
    let spaces = &text[begins..key];
    begins + (spaces.len() - spaces.trim_start().len())
}

fn line_of(whose: &Whose<'_>, key: &str) -> Option<Line> {
    let (written, value) = whose.table.get_key_value(key)?;
    Some(Line { key: written.span(), value: value.span(), end: value.span().end })
}

/// The entries that stand in the table itself rather than below headers of their own.
fn lines(table: &DeTable<'_>) -> Vec<Line> {
    let mut lines = Vec::new();
    for (key, value) in table {
        // The key of a header lies inside its brackets.
        if value.span().start < key.span().start {
            continue;
        }
        let is_dotted = value.span() == key.span();
        let end = match value.get_ref() {
            DeValue::Table(below) if is_dotted => self::lines(below).iter().map(|l| l.end).max(),
            DeValue::Table(_)
            | DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_) => Some(value.span().end),
        };
        // Of `[child.sofia.budget]` alone, nothing stands here.
        let Some(end) = end else { continue };
        let begins = if is_dotted { key.span().end..end } else { value.span() };
        lines.push(Line { key: key.span(), value: begins, end });
    }
    lines
}
