//! The local control socket: how the command line speaks with a running daemon.
//!
//! `control.sock` in the state directory, mode 0660: whoever may open it may command. One line of
//! JSON each way, one command a connection. The daemon's side is in `daemon`; this is the
//! language and the side that asks.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// How long a command may take before the daemon counts as silent: a reload of millions of names
/// on a small router takes seconds.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(120);

/// The same for lists that are fetched: a server may take minutes, many lists wait for each other,
/// and as long as something comes there is progress to hear of.
const UPDATE_SILENCE_MAX: Duration = Duration::from_secs(600);

/// The longest line read from the socket, in octets. A command is short.
pub const COMMAND_OCTETS_MAX: usize = 64 * 1024;

/// What a daemon can be told or asked.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// How is everything? Answer: [`Status`].
    Status,
    /// Read the config file and the lists again. Answer: a sentence.
    Reload,
    /// Write what the journal holds in memory. Answer: nothing.
    Flush,
    /// Why is a name open or closed? Answer: [`crate::inspect::Why`].
    Why {
        /// The name.
        name: String,
        /// For whom.
        who: Option<String>,
        /// For when; none: now.
        at: Option<Timestamp>,
    },
    /// The state of every list. Answer: [`crate::inspect::ListStatus`] each.
    Lists,
    /// Every list entry that covers a name. Answer: [`crate::inspect::WhyMatch`] each.
    Search {
        /// The name.
        name: String,
    },
    /// Fetch lists now. Answers: [`Answer::Progress`] with a [`ListProgress`] each, then
    /// [`crate::inspect::ListUpdate`] each, as soon as what came is in force.
    ListsUpdate {
        /// The list; none: all that are fetched.
        id: Option<String>,
        /// Take what comes whatever seems to be wrong with it.
        accept: bool,
    },
    /// What a parent does for a while, and what a child asks for. Answers: see there.
    Family(FamilyCommand),
    /// Which devices are there? Answer: [`crate::inspect::DeviceStatus`] each.
    Devices,
    /// What does the cache hold? Answer: [`CacheStats`].
    CacheStats,
    /// Forget what upstreams said. Answer: [`CacheFlushed`].
    CacheFlush {
        /// Of this name and every name below it; none: of every name.
        name: Option<String>,
    },
}

/// What a parent does for a while, and what a child asks for.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FamilyCommand {
    /// Close everything for somebody for a while. Answer: [`Changed`].
    Pause {
        /// The child's or adult's id.
        child: String,
        /// Until when.
        until: Until,
    },
    /// End a pause. Answer: [`Changed`].
    Resume {
        /// The child's or adult's id.
        child: String,
    },
    /// Give time: schedules and budgets close nothing for so long; or, for a budget, more of it
    /// today. Answer: [`Changed`].
    Grant {
        /// The child's or adult's id.
        child: String,
        /// How long, in seconds.
        seconds: u64,
        /// The budget that gets more; none: schedules and budgets are lifted from now on.
        budget: Option<String>,
    },
    /// Open a name, a category or a service for somebody. Answer: [`Changed`].
    Allow {
        /// The word, as in the config file.
        what: String,
        /// The child's or adult's id.
        child: String,
        /// Until when; always: it is written into the config file.
        until: Until,
    },
    /// Close a name, a category or a service for somebody. Answer: [`Changed`].
    Block {
        /// The word, as in the config file.
        what: String,
        /// The child's or adult's id.
        child: String,
        /// Until when; always: it is written into the config file.
        until: Until,
    },
    /// Take back the last change that was not taken back yet. Answer: [`Changed`].
    Undo,
    /// Start the time of a budget that counts only then. Answer: [`Changed`].
    Start {
        /// The child's id.
        child: String,
        /// The budget's word.
        budget: String,
    },
    /// Stop it. Answer: [`Changed`].
    Stop {
        /// The child's id.
        child: String,
        /// The budget's word.
        budget: String,
    },
    /// What children asked for. Answer: [`RequestStatus`] each, newest first.
    Requests,
    /// Ask for something, as a child does. Answer: [`RequestStatus`].
    Ask {
        /// The child's id.
        child: String,
        /// The word: a name, a service or a category, or `time`.
        what: String,
        /// Why, in the child's words.
        reason: String,
    },
    /// Say yes or no to a request. Answer: [`Changed`].
    Answer {
        /// The request's number.
        id: u64,
        /// Yes or no.
        approve: bool,
        /// Until when; none: an hour.
        until: Option<Until>,
        /// What is opened instead of what was asked for: the service instead of the name, say.
        what: Option<String>,
        /// What the child is told.
        note: Option<String>,
    },
    /// Say whose a device is: it is written into the config file. Answer: [`Changed`].
    Assign {
        /// The device: its id as [`Command::Devices`] tells it, an address, `host:NAME`, `id:NAME`.
        device: String,
        /// The child's or adult's id.
        child: String,
    },
    /// Forget what is known of a device. Answer: [`Changed`].
    Forget {
        /// The device, in the same way.
        device: String,
    },
    /// Who changed what, newest first. Answer: [`AuditRow`] each.
    Audit {
        /// How many at most.
        limit: usize,
    },
    /// The coming week of somebody. Answer: [`crate::inspect::Week`].
    Week {
        /// The child's or adult's id.
        child: String,
    },
}

/// Until when something holds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// For so many seconds from now, whatever the clock on the wall does meanwhile.
    For(u64),
    /// Until this moment.
    At(Timestamp),
    /// Until the next bedtime.
    Bedtime,
    /// For good.
    Always,
}

/// A change that was made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Changed {
    /// The version of this JSON.
    pub v: u32,
    /// Its number in the audit.
    pub id: u64,
    /// Whom it is about; none: the household.
    pub child: Option<String>,
    /// Until when it holds, RFC 3339; none: for good, or it has no end.
    pub until: Option<String>,
    /// What is so now, as a sentence in the household's language.
    pub text: String,
}

/// What a child asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RequestStatus {
    /// The version of this JSON.
    pub v: u32,
    /// Its number.
    pub id: u64,
    /// Who asked.
    pub child: String,
    /// The word asked for.
    pub what: String,
    /// Why, in the child's words.
    pub reason: String,
    /// When it was asked first, RFC 3339.
    pub at: String,
    /// How many times it was asked.
    pub count: u32,
    /// `waiting`, `approved`, `denied` or `expired`.
    pub state: String,
    /// When it was answered or ran out.
    pub answered: Option<String>,
    /// Until when what was approved holds.
    pub until: Option<String>,
    /// What the child is told.
    pub note: Option<String>,
}

/// Who changed what.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AuditRow {
    /// The version of this JSON.
    pub v: u32,
    /// Its number.
    pub id: u64,
    /// When, RFC 3339.
    pub at: String,
    /// Who: a user of this machine, a child's id.
    pub who: String,
    /// From where: `cli`, `web`, `child`.
    pub via: String,
    /// What was done: `pause`, `resume`, `grant`, `bonus`, `allow`, `block`, `undo`, `ask`,
    /// `approve`, `deny`, `start`, `stop`, `reload`, `assign`, `forget`.
    pub action: String,
    /// Whom it is about.
    pub child: Option<String>,
    /// What it is about.
    pub what: Option<String>,
    /// Until when, RFC 3339; none: for good, or it has no end.
    pub until: Option<String>,
    /// Whether it was taken back.
    pub undone: bool,
}

/// Something that a parent may want to know.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EventStatus {
    /// Its number.
    pub id: u64,
    /// When, RFC 3339.
    pub at: String,
    /// `warning`, `used_up`, `request_made`, `request_answered`, `new_device`, `suspicion`,
    /// `time_unknown` or `time_known`.
    pub kind: String,
    /// Whom it is about.
    pub child: Option<String>,
    /// The budget or the word.
    pub what: Option<String>,
    /// Of a warning: about how many minutes are left.
    pub minutes_left: Option<u32>,
    /// The device, where it is about one.
    #[serde(default)]
    pub device: Option<String>,
    /// What is odd about it.
    #[serde(default)]
    pub signs: Vec<SignStatus>,
    /// It as a sentence, where it is about a device.
    #[serde(default)]
    pub text: Option<String>,
}

/// A kind of sign that a device may be on a way around.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignStatus {
    /// `silent`, `tunnel`, `bypass_name`, `relay`, `canary` or `discovery`.
    pub kind: String,
    /// How often it was seen that day.
    pub count: u64,
    /// The name or the site it was last.
    pub name: Option<String>,
}

/// What is wrong with how the network is set up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetupFinding {
    /// `one_address`, `ipv6_bypass` or `second_resolver`.
    pub kind: String,
    /// What is so, as a sentence.
    pub text: String,
    /// What to do, one step each.
    pub fix: Vec<String>,
}

/// How far a budget is used today.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BudgetStatus {
    /// Its word.
    pub budget: String,
    /// What it is called.
    pub label: String,
    /// `measured` or `started`.
    pub mode: String,
    /// The minutes of today, more that was given included; none: no limit today.
    pub minutes: Option<u32>,
    /// About how many were used.
    pub used: u32,
    /// About how many are left.
    pub left: Option<u32>,
    /// Whether the child has started it, where it counts only then.
    pub is_running: bool,
    /// Whether what it is about is closed for want of time.
    pub is_closed: bool,
}

/// The daemon's answer: what was asked for, or a sentence that says why not. Before that, for what
/// takes its time, how far it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// What was asked for.
    Done(serde_json::Value),
    /// Why not.
    Failed(String),
    /// How far it is; the answer is still to come.
    Progress(serde_json::Value),
}

/// How far the fetching of a list is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListProgress {
    /// The list's id.
    pub list: String,
    /// Octets that came so far.
    pub octets: u64,
    /// Of how many, where the server says so.
    pub of: Option<u64>,
    /// Nothing more comes of it.
    pub is_over: bool,
}

/// How a running daemon is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Status {
    /// The version of this JSON.
    pub v: u32,
    /// The program's version.
    pub version: String,
    /// Since when it runs.
    pub since: String,
    /// The config file; none: the embedded defaults.
    pub config: Option<String>,
    /// When the rules in force were read, and what was wrong with a later try.
    pub rules_since: String,
    /// Sentences about what is not as it should be; empty when all is well.
    pub troubles: Vec<String>,
    /// Whether it is known what time it is; until then the stricter side of each schedule holds.
    pub time_known: bool,
    /// Where it listens.
    pub listen: Vec<String>,
    /// Where encrypted questions come in: `tls://0.0.0.0:853`.
    #[serde(default)]
    pub encrypted: Vec<String>,
    /// Names in the index.
    pub names: usize,
    /// Lists, with those in trouble.
    pub lists: usize,
    /// Questions since the start.
    pub queries: u64,
    /// Of these, answered as closed.
    pub blocked: u64,
    /// Of these, answered from the cache.
    pub cached: u64,
    /// Of these, not answered because no upstream did.
    pub failed: u64,
    /// Questions that came too fast, and were told to come over TCP.
    #[serde(default)]
    pub limited: u64,
    /// Entries and octets of the cache.
    pub cache: CacheStatus,
    /// The upstreams.
    pub upstreams: Vec<UpstreamStatus>,
    /// Everyone rules are for.
    pub people: Vec<PersonStatus>,
    /// What is wrong with how the network is set up.
    #[serde(default)]
    pub setup: Vec<SetupFinding>,
    /// Devices that may be going around the filter today.
    #[serde(default)]
    pub odd_devices: Vec<crate::inspect::DeviceStatus>,
    /// What happened lately that a parent may want to know, oldest first.
    pub events: Vec<EventStatus>,
}

/// The cache in numbers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CacheStatus {
    /// Answers kept.
    pub entries: u64,
    /// Octets they take.
    pub bytes: u64,
}

/// What `amparo cache` tells.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CacheStats {
    /// The version of this JSON.
    pub v: u32,
    /// Answers kept, those that have run out included.
    pub entries: u64,
    /// Of these, negative answers and failures.
    pub negatives: u64,
    /// Octets of memory they take, with the table they are found by.
    pub bytes: u64,
    /// The most octets they may take.
    pub bytes_max: u64,
    /// Questions since the start that were answered from the cache.
    pub hits: u64,
    /// Questions since the start that were looked for in vain.
    pub misses: u64,
    /// The share of hits, from 0 to 1; none before the first question.
    pub hit_rate: Option<f64>,
    /// Answers pushed out for want of room since the start.
    pub evictions: u64,
}

/// What `amparo cache flush` did.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CacheFlushed {
    /// The version of this JSON.
    pub v: u32,
    /// The name; none: all names.
    pub name: Option<String>,
    /// How many answers were forgotten.
    pub forgotten: u64,
}

/// One upstream.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UpstreamStatus {
    /// Its URL, as written.
    pub url: String,
    /// Whether its last answers came.
    pub healthy: bool,
    /// Its usual time to answer, in milliseconds.
    pub latency_ms: Option<u64>,
    /// What went wrong last, as a sentence.
    pub last_error: Option<String>,
}

/// What holds for somebody now.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PersonStatus {
    /// The id.
    pub id: String,
    /// `child`, `adult` or `unknown`.
    pub kind: String,
    /// The profile the rules come from.
    pub profile: String,
    /// Whether everything is closed by a pause.
    pub is_paused: bool,
    /// Until when it lasts, RFC 3339.
    pub paused_until: Option<String>,
    /// Until when granted time lifts schedules and budgets, RFC 3339.
    pub free_until: Option<String>,
    /// The budgets of today.
    pub budgets: Vec<BudgetStatus>,
    /// Requests that wait for an answer.
    pub requests: usize,
    /// The windows that are open now.
    pub windows: Vec<String>,
    /// When that changes.
    pub until: Option<String>,
}

/// Why a daemon did not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no daemon, or it is not this state directory's.
    #[error("no daemon answers at {path}: {source}")]
    Silent {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It answered with a sentence.
    #[error("{0}")]
    Refused(String),
    /// It answered with something else: another version, most likely.
    #[error("the daemon's answer cannot be read; is it another version? ({0})")]
    Garbled(String),
}

/// The socket of a state directory.
#[must_use]
pub fn socket_path(state_directory: &Path) -> PathBuf {
    state_directory.join("control.sock")
}

/// Tells the daemon of a state directory something, and waits for its answer.
pub fn tell<T: DeserializeOwned>(state_directory: &Path, command: &Command) -> Result<T, Error> {
    tell_and_watch(state_directory, command, |_| {})
}

/// [`tell`], handing over what the daemon says of its progress meanwhile.
pub fn tell_and_watch<T: DeserializeOwned>(
    state_directory: &Path,
    command: &Command,
    mut progress: impl FnMut(serde_json::Value),
) -> Result<T, Error> {
    let path = socket_path(state_directory);
    let silent = |source| Error::Silent { path: path.clone(), source };
    let mut stream = UnixStream::connect(&path).map_err(silent)?;
    stream.set_read_timeout(Some(command.silence_max())).map_err(silent)?;
    let mut line = serde_json::to_string(command).map_err(|e| Error::Garbled(e.to_string()))?;
    line.push('\n');
    stream.write_all(line.as_bytes()).map_err(silent)?;

    let mut reader = BufReader::new(stream);
    loop {
        let mut answer = String::new();
        let octets = reader.read_line(&mut answer).map_err(silent)?;
        if octets == 0 {
            // It stopped before it answered.
            return Err(silent(std::io::ErrorKind::UnexpectedEof.into()));
        }
        match serde_json::from_str(&answer).map_err(|e| Error::Garbled(e.to_string()))? {
            Answer::Progress(value) => progress(value),
            Answer::Done(value) => {
                return serde_json::from_value(value).map_err(|e| Error::Garbled(e.to_string()));
            }
            Answer::Failed(sentence) => return Err(Error::Refused(sentence)),
        }
    }
}

// === impl Command ===

impl Command {
    /// How long the daemon may say nothing before it counts as silent.
    fn silence_max(&self) -> Duration {
        match self {
            Command::ListsUpdate { .. } => UPDATE_SILENCE_MAX,
            Command::Status
            | Command::Reload
            | Command::Flush
            | Command::Family(_)
            | Command::Why { .. }
            | Command::Lists
            | Command::Search { .. }
            | Command::Devices
            | Command::CacheStats
            | Command::CacheFlush { .. } => ANSWER_TIME_MAX,
        }
    }
}
