//! Small files of the state directory that must outlive power cuts.
//!
//! ```text
//! NAME.json       the last generation: one JSON object, on one line
//! NAME.json.old   the one before
//! ```
//! `{"v":1,"generation":7,"checksum":"…","NAME":{…}}`: the checksum is of the generation and of
//! what follows `"NAME":`, octet by octet, so that a file which lost a piece is known from one
//! that somebody means. Power may go at any moment: each file is whole or is not taken. Start
//! reading at [`Store`].

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::fnv;

/// A file that is longer than this, in octets, is none of ours: it is not even read.
const READ_OCTETS_MAX: u64 = 16 * 1024 * 1024;
/// The version of the format.
const VERSION: &str = "{\"v\":1,\"generation\":";

/// Where something is kept.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    name: &'static str,
    /// The last one that was written.
    generation: u64,
    /// Whether the last generation on the disk is worth keeping as the one before.
    is_last_whole: bool,
}

/// What was found.
#[derive(Debug)]
pub struct Found<T> {
    /// Where the next generation goes.
    pub store: Store,
    /// What was kept, or nothing.
    pub state: T,
    /// What is wrong with it.
    pub trouble: Option<Trouble>,
}

/// What is wrong with what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The last generation, at this path, is damaged: the one before it was taken.
    Older(PathBuf, String),
    /// Both are.
    Lost(PathBuf, String),
}

/// Why a file is not taken.
enum Unread {
    /// There is none.
    Missing,
    /// It cannot be read, or is not as it was written.
    Damaged(String),
}

/// What a file says: its generation and its state.
///
/// # Errors
/// Why not, as a fragment, where it is not as it was written.
pub fn parse<T: DeserializeOwned>(name: &str, octets: &[u8]) -> Result<(u64, T), String> {
    let text = std::str::from_utf8(octets).map_err(|_| "it is not text".to_owned())?;
    let not_ours = || "it does not begin as this version writes it".to_owned();
    let rest = text.strip_prefix(VERSION).ok_or_else(not_ours)?;
    let (generation, rest) = rest.split_once(",\"checksum\":\"").ok_or_else(not_ours)?;
    let (checksum, rest) = rest.split_once("\",\"").ok_or_else(not_ours)?;
    let rest = rest.strip_prefix(name).and_then(|rest| rest.strip_prefix("\":"));
    let body = rest.ok_or_else(not_ours)?.trim_end();
    let body = body.strip_suffix('}').ok_or("its end is missing")?;
    let number: u64 = generation.parse().map_err(|_| not_ours())?;
    if checksum != checksum_of(number, body) {
        return Err("its checksum is another one".to_owned());
    }
    let state = serde_json::from_str(body).map_err(|error| error.to_string())?;
    Ok((number, state))
}

/// A file that holds a body: what [`parse`] reads, if the body is a state.
#[must_use]
pub fn seal(name: &str, generation: u64, body: &str) -> String {
    let checksum = checksum_of(generation, body);
    format!("{VERSION}{generation},\"checksum\":\"{checksum}\",\"{name}\":{body}}}\n")
}

/// The checksum of a generation.
fn checksum_of(generation: u64, body: &str) -> String {
    let sum = fnv::add(fnv::add(fnv::BEGIN, &generation.to_be_bytes()), body.as_bytes());
    format!("{sum:016x}")
}

// === impl Store ===

impl Store {
    /// [`Store::look`], for who will write: what a power cut left unfinished is removed.
    #[must_use]
    pub fn open<T: DeserializeOwned + Default>(directory: &Path, name: &'static str) -> Found<T> {
        forget_unfinished(directory, name);
        Store::look(directory, name)
    }

    /// Reads what is kept in a directory: the last generation, else the one before, else nothing.
    #[must_use]
    pub fn look<T: DeserializeOwned + Default>(directory: &Path, name: &'static str) -> Found<T> {
        let store = |generation, is_last_whole| Store {
            directory: directory.to_owned(),
            name,
            generation,
            is_last_whole,
        };
        let (path, old) = places(directory, name);
        let last = match read(name, &path) {
            Ok((generation, state)) => {
                return Found { store: store(generation, true), state, trouble: None };
            }
            Err(unread) => unread,
        };
        let why = match &last {
            Unread::Missing => "it is missing".to_owned(),
            Unread::Damaged(why) => why.clone(),
        };
        match (read(name, &old), last) {
            (Ok((generation, state)), _) => {
                let trouble = Some(Trouble::Older(path, why));
                Found { store: store(generation, false), state, trouble }
            }
            // Nobody has kept anything yet.
            (Err(Unread::Missing), Unread::Missing) => {
                Found { store: store(0, false), state: T::default(), trouble: None }
            }
            (Err(_), _) => {
                let trouble = Some(Trouble::Lost(path, why));
                Found { store: store(0, false), state: T::default(), trouble }
            }
        }
    }

    /// Writes a generation, the JSON of its state: it is on the disk when this returns, and until
    /// then the one before is. The file is its owner's alone (0600).
    ///
    /// # Errors
    /// What the disk says.
    pub fn write(&mut self, body: &str) -> io::Result<()> {
        let generation = self.generation.saturating_add(1);
        let text = seal(self.name, generation, body);
        fs::create_dir_all(&self.directory)?;
        // A temporary file is its owner's alone, and so is what takes its place.
        let unfinished = unfinished(self.name);
        let mut new = tempfile::Builder::new().prefix(&unfinished).tempfile_in(&self.directory)?;
        new.write_all(text.as_bytes())?;
        new.as_file().sync_all()?;
        let (path, old) = places(&self.directory, self.name);
        if self.is_last_whole && path.exists() {
            // By a second name, so that there is a last generation at every moment.
            let second = self.directory.join(format!("{unfinished}old"));
            let _absent = fs::remove_file(&second);
            fs::hard_link(&path, &second).or_else(|_| copy(&path, &second))?;
            fs::rename(&second, &old)?;
        }
        new.persist(&path)?;
        self.generation = generation;
        self.is_last_whole = true;
        File::open(&self.directory)?.sync_all()
    }
}

/// The last generation and the one before.
fn places(directory: &Path, name: &str) -> (PathBuf, PathBuf) {
    (directory.join(format!("{name}.json")), directory.join(format!("{name}.json.old")))
}

/// How a file begins that is not finished yet.
fn unfinished(name: &str) -> String {
    format!(".{name}-coming-")
}

/// For file systems without second names.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to)?;
    File::open(to)?.sync_all()
}

fn read<T: DeserializeOwned>(name: &str, path: &Path) -> Result<(u64, T), Unread> {
    let damaged = |error: io::Error| {
        if error.kind() == io::ErrorKind::NotFound {
            Unread::Missing
        } else {
            Unread::Damaged(error.to_string())
        }
    };
    let file = File::open(path).map_err(damaged)?;
    let mut octets = Vec::new();
    file.take(READ_OCTETS_MAX).read_to_end(&mut octets).map_err(damaged)?;
    parse(name, &octets).map_err(Unread::Damaged)
}

/// Removes what a power cut left unfinished.
fn forget_unfinished(directory: &Path, name: &str) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    let unfinished = unfinished(name);
    for entry in entries.filter_map(Result::ok) {
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(&unfinished)) {
            let _next_time = fs::remove_file(entry.path());
        }
    }
}
