//! Which files of a folder or an archive close names.
//!
//! Pure: it is told the paths and what the `usage` files say, and answers with places among the
//! paths. squidGuard's folders (`CATEGORY/domains`) have meanings; any other folder is read whole.

use std::collections::HashMap;

use super::Trouble;

/// How many folders a sentence names when it lists those there are.
const NAMED_MAX: usize = 12;

/// What a category of squidGuard is for, by its `usage`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Usage {
    /// It is meant to be closed.
    pub(super) black: bool,
    /// It is meant to be opened.
    pub(super) white: bool,
}

/// What a folder or an archive holds.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// The paths of its files, hidden ones too, in the order in which they are found.
    pub(super) paths: Vec<String>,
    /// What each `usage` says, by its folder.
    pub(super) usages: HashMap<String, Usage>,
    /// What `global_usage` says of the categories that it names.
    pub(super) all_usages: HashMap<String, Usage>,
    /// What it is called itself, where that is known.
    pub(super) name: String,
}

/// The places of the files that are read, each with the places of those that go on where it ends:
/// pieces of one file.
pub(super) type Plan = Vec<Vec<usize>>;

/// What a file in a category's folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Domains,
    Urls,
    Expressions,
}

/// A file of a category: its folder, what it is there, and its pieces by number.
type Pieces<'a> = ((&'a str, Kind), Vec<(u64, usize)>);

// === impl Contents ===

impl Contents {
    /// Whether a file says what categories are for; it is read for [`Contents::tell`].
    pub(super) fn tells(path: &str) -> bool {
        let (_, name) = split(path);
        matches!(name, "usage" | "global_usage") && !is_hidden(path)
    }

    /// Takes what such a file says.
    pub(super) fn tell(&mut self, path: &str, text: &[u8]) {
        match split(path) {
            (folder, "usage") => _ = self.usages.insert(folder.to_owned(), Usage::of(text)),
            (_, _) => self.all_usages.extend(all_usages(text)),
        }
    }

    /// Which files are read. `part` names folders with all in them; none: all that may be closed.
    pub(super) fn plan(&self, part: Option<&str>) -> Result<Plan, Trouble> {
        let parts: Vec<_> = part
            .into_iter()
            .flat_map(|part| part.split(','))
            .map(|part| part.trim().trim_matches('/'))
            .filter(|part| !part.is_empty())
            .collect();
        let plan = if self.is_squidguard() { self.categories(&parts) } else { self.files(&parts) };
        let (plan, there_are) = plan;
        for part in &parts {
            if !self.paths.iter().any(|path| reaches(path, part).is_some()) {
                return Err(Trouble::NoSuchPart(shown(part), listed(there_are)));
            }
        }
        match (plan.is_empty(), there_are.is_empty()) {
            (true, true) => Err(Trouble::NoFiles),
            (true, false) => Err(Trouble::NothingToClose(listed(there_are))),
            (false, _) => Ok(plan),
        }
    }

    fn is_squidguard(&self) -> bool {
        let kinds = self.paths.iter().filter_map(|path| of_squidguard(path));
        kinds.into_iter().any(|(_, kind, _)| kind != Kind::Expressions)
    }

    /// The categories that may be closed, and all there are.
    fn categories(&self, parts: &[&str]) -> (Plan, Vec<String>) {
        let mut files: Vec<Pieces<'_>> = Vec::new();
        let mut place_of: HashMap<(&str, Kind), usize> = HashMap::new();
        for (place, path) in self.paths.iter().enumerate() {
            let Some((folder, kind, number)) = of_squidguard(path) else { continue };
            let at = *place_of.entry((folder, kind)).or_insert_with(|| {
                files.push(((folder, kind), Vec::new()));
                files.len() - 1
            });
            files[at].1.push((number, place));
        }
        let mut there_are: Vec<_> = files.iter().map(|((folder, _), _)| *folder).collect();
        there_are.sort_unstable();
        there_are.dedup();
        let is_alone = there_are.len() == 1;
        let plan = files
            .into_iter()
            .filter(|((folder, _), pieces)| {
                self.closes(folder, parts, is_alone, &self.paths[pieces[0].1])
            })
            .map(|(_, mut pieces)| {
                pieces.sort_unstable();
                pieces.into_iter().map(|(_, place)| place).collect()
            })
            .collect();
        (plan, there_are.into_iter().map(|folder| self.name_of(folder).to_owned()).collect())
    }

    /// Whether a category is closed: by its usage, and by what was asked for.
    fn closes(&self, folder: &str, parts: &[&str], is_alone: bool, path: &str) -> bool {
        let reached: Vec<_> = parts.iter().filter_map(|part| reaches(path, part)).collect();
        if !parts.is_empty() && reached.is_empty() {
            return false;
        }
        // One that is good for some and bad for others is closed for whoever says so: a bank, a
        // chat. A folder above it does not say so.
        let is_named = is_alone || reached.iter().any(|end| *end >= folder.len());
        let usage = self.usage_of(folder);
        usage.black && (is_named || !usage.white)
    }

    fn usage_of(&self, folder: &str) -> Usage {
        let own = self.usages.get(folder).copied().unwrap_or_default();
        if own != Usage::default() {
            return own;
        }
        // Who says nothing made a list of what is to be closed.
        let black = Usage { black: true, white: false };
        self.all_usages.get(self.name_of(folder)).copied().unwrap_or(black)
    }

    /// What a category is called: as its folder is.
    fn name_of<'a>(&'a self, folder: &'a str) -> &'a str {
        if folder.is_empty() { &self.name } else { split(folder).1 }
    }

    /// All files, and all there are.
    fn files(&self, parts: &[&str]) -> (Plan, Vec<String>) {
        let shown = |path: &&String| !is_hidden(path);
        let asked =
            |path: &str| parts.is_empty() || parts.iter().any(|part| reaches(path, part).is_some());
        let plan = self.paths.iter().enumerate();
        let plan = plan.filter(|(_, path)| shown(path) && asked(path));
        let mut there_are: Vec<_> = self.paths.iter().filter(shown).cloned().collect();
        there_are.sort_unstable();
        (plan.map(|(place, _)| vec![place]).collect(), there_are)
    }
}

// === impl Usage ===

impl Usage {
    /// What a `usage` says: words, with comments.
    fn of(text: &[u8]) -> Usage {
        let mut usage = Usage::default();
        for line in text.split(|octet| *octet == b'\n') {
            if line.trim_ascii_start().starts_with(b"#") {
                continue;
            }
            for word in line.split(|octet| !octet.is_ascii_alphanumeric()) {
                usage.black |= word.eq_ignore_ascii_case(b"black");
                usage.white |= word.eq_ignore_ascii_case(b"white");
            }
        }
        usage
    }
}

/// What `global_usage` says: blocks of `NAME: …` and `DEFAULT_TYPE: black`.
fn all_usages(text: &[u8]) -> HashMap<String, Usage> {
    let mut all = HashMap::new();
    let mut name = String::new();
    for line in text.split(|octet| *octet == b'\n') {
        if let Some(said) = line.strip_prefix(b"NAME:") {
            String::from_utf8_lossy(said).trim().clone_into(&mut name);
        } else if let Some(said) = line.strip_prefix(b"DEFAULT_TYPE:")
            && !name.is_empty()
        {
            all.insert(std::mem::take(&mut name), Usage::of(said));
        }
    }
    all
}

// === paths ===

/// The path as parts of it are compared: no `./` before it, no `/`.
pub(super) fn plain(path: &str) -> String {
    let parts: Vec<_> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    parts.join("/")
}

/// The folder and the file's own name.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

fn is_hidden(path: &str) -> bool {
    path.split('/').any(|part| part.starts_with('.'))
}

/// The category's folder, what the file is there, and which piece of it.
fn of_squidguard(path: &str) -> Option<(&str, Kind, u64)> {
    let (folder, name) = split(path);
    let (name, number) = match name.split_once('.') {
        // The whole file comes before what was cut off it, if both are there.
        Some((name, number)) if number.bytes().all(|octet| octet.is_ascii_digit()) => {
            (name, number.parse::<u64>().ok()?.checked_add(1)?)
        }
        Some(_) => return None,
        None => (name, 0),
    };
    let kind = match name {
        "domains" => Kind::Domains,
        "urls" => Kind::Urls,
        "expressions" => Kind::Expressions,
        _ => return None,
    };
    (!is_hidden(path)).then_some((folder, kind, number))
}

/// Where in the path the part that was asked for ends, if it is a run of whole folders in it: the
/// last one.
fn reaches(path: &str, part: &str) -> Option<usize> {
    let is_border = |octet: Option<&u8>| octet.is_none_or(|octet| *octet == b'/');
    path.rmatch_indices(part).map(|(from, part)| (from, from + part.len())).find_map(
        |(from, to)| {
            let before = from.checked_sub(1).map(|place| &path.as_bytes()[place]);
            (is_border(before) && is_border(path.as_bytes().get(to))).then_some(to)
        },
    )
}

/// Names for a sentence.
fn listed(mut names: Vec<String>) -> String {
    let more = names.len().saturating_sub(NAMED_MAX);
    names.truncate(NAMED_MAX);
    let names: Vec<_> = names.iter().map(|name| shown(name)).collect();
    let names = names.join(", ");
    if more > 0 { format!("{names} and {more} more") } else { names }
}

/// A name from an archive for a terminal.
fn shown(name: &str) -> String {
    name.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}
