//! The ledger on the disk.
//!
//! ```text
//! ledger.json       the last generation: one JSON object, on one line
//! ledger.json.old   the one before
//! ```
//! `{"v":1,"generation":7,"checksum":"…","ledger":{…}}`: the checksum is of the generation and of
//! what follows `"ledger":`, octet by octet, so that a file which lost a piece is known from one
//! that somebody means. Power may go at any moment: each file is whole or is not taken.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::state::State;
use crate::fnv;
use crate::words::Words;

/// The file is made no longer than this, in octets, by leaving the oldest changes out: it is
/// written every few minutes, and a router's flash wears.
pub const FILE_OCTETS_MAX: usize = 1024 * 1024;
/// A file that is longer than this, in octets, is none of ours: it is not even read.
const READ_OCTETS_MAX: u64 = 16 * 1024 * 1024;

/// The last generation.
const NAME: &str = "ledger.json";
/// The one before.
const OLD_NAME: &str = "ledger.json.old";
/// How a file begins that is not finished yet.
const UNFINISHED: &str = ".ledger-coming-";
/// The version of the format.
const VERSION: &str = "{\"v\":1,\"generation\":";

/// Where the ledger is kept.
#[derive(Debug)]
pub(super) struct Store {
    directory: PathBuf,
    /// The last one that was written.
    generation: u64,
    /// Whether the last generation on the disk is worth keeping as the one before.
    is_last_whole: bool,
}

/// What was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) store: Store,
    pub(super) state: State,
    /// What is wrong with it.
    pub(super) trouble: Option<Words>,
}

/// Why a file is not taken.
enum Unread {
    /// There is none.
    Missing,
    /// It cannot be read, or is not as it was written.
    Damaged(String),
}

/// What a file says: its generation and its state; why not, where it is not as it was written.
pub(super) fn parse(octets: &[u8]) -> Result<(u64, State), String> {
    let text = std::str::from_utf8(octets).map_err(|_| "it is not text".to_owned())?;
    let not_ours = || "it does not begin as this version writes it".to_owned();
    let rest = text.strip_prefix(VERSION).ok_or_else(not_ours)?;
    let (generation, rest) = rest.split_once(",\"checksum\":\"").ok_or_else(not_ours)?;
    let (checksum, rest) = rest.split_once("\",\"ledger\":").ok_or_else(not_ours)?;
    let body = rest.trim_end().strip_suffix('}').ok_or("its end is missing")?;
    let number: u64 = generation.parse().map_err(|_| not_ours())?;
    if checksum != checksum_of(number, body) {
        return Err("its checksum is another one".to_owned());
    }
    let state = serde_json::from_str(body).map_err(|error| error.to_string())?;
    Ok((number, state))
}

/// A file that holds a body: what [`parse`] reads, if the body is a state.
pub(super) fn seal(generation: u64, body: &str) -> String {
    let checksum = checksum_of(generation, body);
    format!("{VERSION}{generation},\"checksum\":\"{checksum}\",\"ledger\":{body}}}\n")
}

/// The checksum of a generation.
fn checksum_of(generation: u64, body: &str) -> String {
    let sum = fnv::add(fnv::add(fnv::BEGIN, &generation.to_be_bytes()), body.as_bytes());
    format!("{sum:016x}")
}

/// The state as text, short enough: the oldest changes go first.
fn body_of(mut state: State) -> io::Result<String> {
    loop {
        let body = serde_json::to_string(&state)?;
        if body.len() <= FILE_OCTETS_MAX || !state.changes.shed() {
            return Ok(body);
        }
    }
}

// === impl Store ===

impl Store {
    /// [`Store::look`], for who will write: what a power cut left unfinished is removed.
    pub(super) fn open(directory: &Path) -> Found {
        forget_unfinished(directory);
        Store::look(directory)
    }

    /// Reads what is kept in a directory: the last generation, else the one before, else nothing.
    pub(super) fn look(directory: &Path) -> Found {
        let path = directory.join(NAME);
        let store = |generation, is_last_whole| Store {
            directory: directory.to_owned(),
            generation,
            is_last_whole,
        };
        let last = match read(&path) {
            Ok((generation, state)) => {
                return Found { store: store(generation, true), state, trouble: None };
            }
            Err(unread) => unread,
        };
        let why = match &last {
            Unread::Missing => "it is missing".to_owned(),
            Unread::Damaged(why) => why.clone(),
        };
        match (read(&directory.join(OLD_NAME)), last) {
            (Ok((generation, state)), _) => {
                let trouble = Some(older_words(&path, &why));
                Found { store: store(generation, false), state, trouble }
            }
            // Nobody has changed anything yet.
            (Err(Unread::Missing), Unread::Missing) => {
                Found { store: store(0, false), state: State::default(), trouble: None }
            }
            (Err(_), _) => {
                let trouble = Some(lost_words(&path, &why));
                Found { store: store(0, false), state: State::default(), trouble }
            }
        }
    }

    /// Writes a generation: it is on the disk when this returns, and until then the one before is.
    pub(super) fn write(&mut self, state: State) -> io::Result<()> {
        let generation = self.generation.saturating_add(1);
        let text = seal(generation, &body_of(state)?);
        fs::create_dir_all(&self.directory)?;
        // A temporary file is its owner's alone (0600), and so is what takes its place.
        let mut new = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(&self.directory)?;
        new.write_all(text.as_bytes())?;
        new.as_file().sync_all()?;
        let (path, old) = (self.directory.join(NAME), self.directory.join(OLD_NAME));
        if self.is_last_whole && path.exists() {
            // By a second name, so that there is a last generation at every moment.
            let second = self.directory.join(format!("{UNFINISHED}old"));
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

/// For file systems without second names.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to)?;
    File::open(to)?.sync_all()
}

fn read(path: &Path) -> Result<(u64, State), Unread> {
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
    parse(&octets).map_err(Unread::Damaged)
}

/// Removes what a power cut left unfinished.
fn forget_unfinished(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.filter_map(Result::ok) {
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(UNFINISHED)) {
            let _next_time = fs::remove_file(entry.path());
        }
    }
}

// === What is wrong, in words ===

fn older_words(path: &Path, why: &str) -> Words {
    let path = path.display();
    Words {
        es: format!(
            "{path} está dañado ({why}); vale la copia anterior. Revise las pausas, los permisos y el tiempo usado de los últimos minutos."
        )
        .into(),
        en: format!(
            "{path} is damaged ({why}); the copy before it is in force. Look at the pauses, the grants and the time used in the last minutes."
        )
        .into(),
    }
}

fn lost_words(path: &Path, why: &str) -> Words {
    let path = path.display();
    Words {
        es: format!(
            "{path} está dañado ({why}), y su copia anterior también: se perdieron las pausas, los permisos, las peticiones y el tiempo usado. Las reglas siguen en vigor."
        )
        .into(),
        en: format!(
            "{path} is damaged ({why}), and so is the copy before it: pauses, grants, requests and the time used are lost. The rules are in force."
        )
        .into(),
    }
}

/// What could not be written.
pub(super) fn unwritten_words(error: &io::Error) -> Words {
    Words {
        es: format!(
            "no se pueden guardar las pausas, los permisos ni el tiempo usado ({error}); valen hasta que el equipo se reinicie."
        )
        .into(),
        en: format!(
            "pauses, grants and the time used cannot be saved ({error}); they hold until the machine restarts."
        )
        .into(),
    }
}
