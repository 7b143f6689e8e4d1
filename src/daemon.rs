//! The running program: it puts the parts together, owns every task, reloads and shuts down.
//!
//! Nothing is bound before the index is in force, so nothing is answered unfiltered. A reload
//! builds a whole new state beside the old one; what cannot be built leaves the old one in force
//! and says so.

mod commands;
mod devices;
mod encrypted;
mod family;
mod listen;
mod loops;
mod timekeeper;
mod updates;
mod watch;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock};

use jiff::Timestamp;
use tokio::sync::watch as signal;
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use crate::clients::{Hosts, Leases, Neighbours};
use crate::clock::{Clock, Watch};
use crate::config::EnforceSettings;
use crate::config::settings::DnsSettings;
use crate::config::{self, Checked, Config};
use crate::dns::cache::Cache;
use crate::dns::seats::Seats;
use crate::dns::tcp::{self, Speech};
use crate::dns::udp::UdpListener;
use crate::dns::{Beside, Resolver, State};
use crate::enforce::Enforcer;
use crate::house::calendars::CalendarState;
use crate::house::{self, Copies, Found, House};
use crate::inspect;
use crate::journal::{self, Journal};
use crate::ledger::Ledger;
use crate::roster::Roster;
use crate::timekeeping::Keeper;
use crate::update::{Settings, Wanted};
use crate::words;

use encrypted::Encrypted;
use listen::Pair;
pub use listen::loopback;
use loops::{Loops, told};
use updates::Updates;
pub use updates::{OwnUpstreams, progress_of};

/// The share of the cache that negative answers may take: a flood of names that do not exist
/// cannot push out what a family uses.
const NEGATIVE_SHARE_PERCENT: u8 = 10;
/// What is said when a reload cannot put everything into force.
const RESTART: &str = "`[dns] listen`, `cache_mib` or where `[dns.encrypted]` listens changed: that \
                       takes a restart of amparo; meanwhile it answers where it did";
/// The mode of a state directory we make: what a child asked is for the owner and the group.
const DIRECTORY_MODE: u32 = 0o750;

/// How to start.
#[derive(Debug, Clone)]
pub struct Options {
    /// The config file, which is also watched; none: the embedded default.
    pub config_file: Option<PathBuf>,
    /// Where a config file is taken from as soon as there is one, if there is none at the start.
    pub config_expected: Option<PathBuf>,
    /// Where what expires and what is remembered lives; none: as the config says.
    pub state_directory: Option<PathBuf>,
    /// Where to listen instead of what the config says.
    pub listen: Option<Vec<SocketAddr>>,
    /// Whether nothing is fetched: [`Config::go_offline`](config::Config::go_offline).
    pub offline: bool,
    /// Who is asked what time it is when the clock cannot be believed; none: nobody.
    pub time_servers: Vec<SocketAddr>,
    /// What time it is.
    pub clock: Clock,
}

/// Why the program could not start.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The config is wrong and there is no last good copy. Holds the report.
    #[error("{0}")]
    Config(String),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The system gives no thread to answer questions, or to fetch lists.
    #[error("no thread to answer questions or to fetch lists: {0}")]
    Thread(std::io::Error),
    /// The state directory cannot be used.
    #[error("the state directory {path} cannot be used: {why}")]
    State {
        /// The directory.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

/// A running program.
pub struct Daemon {
    shared: Arc<Shared>,
    addresses: Vec<SocketAddr>,
    loops: Loops,
    tasks: JoinSet<()>,
    stop: signal::Sender<bool>,
}

/// A task of the daemon. In a box: the runtime is compiled anew for each kind of task.
type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What the tasks of a daemon share.
struct Shared {
    options: Options,
    state_directory: PathBuf,
    resolver: Arc<Resolver>,
    journal: Arc<Journal>,
    ledger: Arc<Ledger>,
    roster: Arc<Roster>,
    clock: Clock,
    since: Timestamp,
    addresses: Vec<SocketAddr>,
    /// Where encrypted questions come in, as they are written: `tls://0.0.0.0:853`.
    encrypted_at: Vec<String>,
    /// Who this program says it is to whoever asks encrypted.
    encrypted: Encrypted,
    /// Sentences about what is not as it should be, by where they come from.
    notices: Mutex<Notices>,
    /// What only a start puts into force.
    at_start: AtStart,
    /// One reload at a time.
    reloading: tokio::sync::Mutex<()>,
    /// What cuts connections, with what it was made from.
    enforcer: Mutex<Option<(EnforceSettings, Enforcer)>>,
    /// Whether it is known what time it is.
    keeper: Keeper,
    /// The look at both clocks that the next one is compared with.
    watch: Mutex<Watch>,
    /// One who writes down what holds for a while, and puts it into force, at a time.
    remembering: tokio::sync::Mutex<()>,
    /// One who writes into the config file at a time.
    editing: tokio::sync::Mutex<()>,
    /// What keeps the lists fresh.
    updates: Updates,
    /// The config file that was not there at the start. Once taken it is the one that counts,
    /// also when it goes again: never defaults instead of a family's rules.
    config_found: OnceLock<PathBuf>,
}

/// What only a start puts into force: `[dns] listen`, `cache_mib`, and where encrypted questions come in.
#[derive(Debug, PartialEq, Eq)]
struct AtStart {
    listen: Option<Vec<SocketAddr>>,
    cache_mib: u32,
    encrypted: [Vec<SocketAddr>; 3],
}

impl AtStart {
    fn of(dns: &DnsSettings) -> Self {
        let encrypted = dns.encrypted.as_deref().map_or_else(Default::default, |encrypted| {
            [&encrypted.tls, &encrypted.https, &encrypted.quic].map(Clone::clone)
        });
        AtStart { listen: dns.listen.clone(), cache_mib: dns.cache_mib, encrypted }
    }
}

/// What is not as it should be.
#[derive(Debug, Default)]
struct Notices {
    config: Option<String>,
    start: Vec<String>,
    rules_since: Timestamp,
}

/// Starts the program: answers are given from the moment this returns.
pub async fn start(mut options: Options) -> Result<Daemon, Failure> {
    let clock = options.clock.clone();
    let found =
        house::find_config(options.config_file.as_deref(), options.state_directory.as_deref())
            .map_err(|why| Failure::Config(why.to_string()))?;
    let mut notices = notices_of(&found);
    let Found { mut checked, text, state_directory, trouble } = found;
    lint(&mut checked, &text, &clock);
    if options.offline {
        checked.config.go_offline();
    }
    prepare(&state_directory, &mut notices.start)?;
    let control = commands::bind(&state_directory, &mut notices.start).await?;
    // Only now: another daemon's copy is not ours to replace.
    match trouble {
        None if options.config_file.is_some() => house::keep_config(&state_directory, &text),
        None => {}
        // A file that is gone is looked for where it was, most likely, and taken when it is back.
        Some(_) => _ = options.config_file.get_or_insert_with(config::usual_place),
    }

    let (neighbours, notice) = Neighbours::start();
    notices.start.extend(notice);
    let journal_file = state_directory.join(journal::FILE_NAME);
    let journal = Journal::open(&journal_file, &checked.config.journal, clock.clone());
    let journal = Arc::new(journal.map_err(|error| Failure::State {
        path: state_directory.clone(),
        why: error.to_string(),
    })?);
    let cache_bytes = checked.config.dns.cache_mib as usize * 1024 * 1024;
    let at_start = AtStart::of(&checked.config.dns);
    let listen = options.listen.clone().or_else(|| checked.config.dns.listen.clone());
    let embedded = options.config_file.is_none();
    warn_of(&checked);

    let house = open_house(checked.config, state_directory.clone()).await;
    let (ledger, keeper) = timekeeper::open(&state_directory, &clock, &options.time_servers);
    let passing = ledger.passing(&house.policy.household);
    let state = Arc::new(State::new(house, listen::own_networks(), passing, &clock, None));
    let roster = Arc::new(Roster::open(&state_directory, clock.clone()));
    let encrypted = Encrypted::default();
    encrypted.read(state.house.config.dns.encrypted.as_deref());
    let beside = Beside {
        neighbours,
        identity: Arc::clone(&encrypted.identity),
        hosts: Hosts::default(),
        leases: Leases::new(&state.house.config.dns.leases),
        journal: Arc::clone(&journal),
        ledger: Arc::clone(&ledger),
        roster: Arc::clone(&roster),
        clock: clock.clone(),
    };
    let cache = Cache::new(cache_bytes, NEGATIVE_SHARE_PERCENT);
    let resolver = Arc::new(Resolver::new(Arc::clone(&state), cache, beside));

    listen::raise_descriptors();
    // The index is in force; now questions may come.
    let listeners = listen::bind(listen.as_deref(), embedded, &mut notices.start)?;
    let addresses: Vec<SocketAddr> = listeners.iter().map(|pair| pair.address).collect();
    let places = encrypted::bind(state.house.config.dns.encrypted.as_deref(), &mut notices.start);
    drop(state);
    notices.rules_since = clock.now();
    let settings = Settings {
        clock: clock.clone(),
        state: state_directory.clone(),
        keeps_fresh: !options.offline,
    };
    let updates = Updates::start(&resolver, settings).map_err(Failure::Thread)?;
    let shared = Arc::new(Shared {
        options,
        state_directory,
        resolver: resolver.clone(),
        journal,
        ledger,
        roster,
        since: clock.now(),
        keeper,
        enforcer: Mutex::default(),
        watch: Mutex::new(clock.watch()),
        clock,
        addresses: addresses.clone(),
        encrypted_at: places.iter().map(encrypted::Place::written).collect(),
        encrypted,
        notices: Mutex::new(notices),
        reloading: tokio::sync::Mutex::new(()),
        remembering: tokio::sync::Mutex::new(()),
        editing: tokio::sync::Mutex::new(()),
        updates,
        config_found: OnceLock::new(),
        at_start,
    });

    let (stop, stopped) = signal::channel(false);
    let mut tasks = JoinSet::<()>::new();
    let mut run = |task: Task| _ = tasks.spawn(task);
    let (datagrams, streams) = streams(listeners, places, &shared, &stopped);
    streams.into_iter().for_each(&mut run);
    let loops = Loops::start(datagrams, &resolver, &stopped)?;
    if let Some(control) = control {
        run(Box::pin(commands::serve(control, shared.clone(), stopped.clone())));
    }
    standing_tasks(&shared, &stopped).into_iter().for_each(run);
    info!(addresses = ?addresses, "listening");
    Ok(Daemon { shared, addresses, loops, tasks, stop })
}

/// What serves connections, and the sockets for datagrams that stand beside the plain ones.
fn streams(
    listeners: Vec<Pair>,
    places: Vec<encrypted::Place>,
    shared: &Shared,
    stopped: &signal::Receiver<bool>,
) -> (Vec<UdpListener>, Vec<Task>) {
    let seats = Arc::new(Seats::default());
    let (mut datagrams, mut tasks) = (Vec::new(), Vec::<Task>::new());
    for Pair { address, udp, tcp } in listeners {
        datagrams.push(udp);
        let (resolver, seats) = (Arc::clone(&shared.resolver), Arc::clone(&seats));
        let stop = stopped.clone();
        tasks.push(Box::pin(async move {
            told(address, tcp::run(tcp, Speech::Plain, resolver, seats, stop).await);
        }));
    }
    tasks.extend(encrypted::serve(places, shared, &seats, stopped));
    (datagrams, tasks)
}

/// What goes on from the start to the end.
fn standing_tasks(shared: &Arc<Shared>, stopped: &signal::Receiver<bool>) -> [Task; 5] {
    let (shared, stopped) = (|| shared.clone(), || stopped.clone());
    [
        Box::pin(watch::run(shared(), stopped())),
        Box::pin(timekeeper::run(shared(), stopped())),
        Box::pin(timekeeper::learn(shared(), stopped())),
        Box::pin(devices::run(shared(), stopped())),
        Box::pin(updates::run(shared(), stopped())),
    ]
}

// === impl Daemon ===

impl Daemon {
    /// Where it listens, UDP and TCP.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The state directory.
    #[must_use]
    pub fn state_directory(&self) -> &Path {
        &self.shared.state_directory
    }

    /// The config file; none: the embedded default.
    #[must_use]
    pub fn config_file(&self) -> Option<&Path> {
        self.shared.config_file()
    }

    /// The clock it goes by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// What is not as it should be, a sentence each.
    #[must_use]
    pub fn troubles(&self) -> Vec<String> {
        self.shared.troubles()
    }

    /// Names in the index, and lists.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let state = self.shared.resolver.state();
        (state.house.names, state.house.lists.len())
    }

    /// Reads the config and the lists again.
    ///
    /// # Errors
    /// The report of the mistakes; the rules that were in force stay so.
    pub async fn reload(&self) -> Result<String, String> {
        // In a box: whoever waits for it need not carry a whole config.
        Box::pin(self.shared.reload()).await
    }

    /// Stops: no new question is taken, what is under way is finished, the journal is written.
    pub async fn shutdown(mut self) {
        let _ = self.stop.send(true);
        let (loops, shared) = (self.loops, Arc::clone(&self.shared));
        blocking(move || {
            loops.join();
            shared.updates.updater().stop();
        })
        .await;
        while self.tasks.join_next().await.is_some() {}
        let _ = std::fs::remove_file(crate::control::socket_path(&self.shared.state_directory));
        let _ = self.shared.remember().await;
        let roster = Arc::clone(&self.shared.roster);
        if let Err(error) = blocking(move || roster.save()).await {
            warn!("which devices there are cannot be saved: {error}");
        }
        let journal = self.shared.journal.clone();
        match blocking(move || journal.flush()).await {
            Ok(()) => info!("stopped"),
            Err(sentence) => error!("stopped; the journal is not whole: {}", sentence.en),
        }
    }
}

/// Waits until the process is told to stop (SIGTERM, SIGINT). From the moment this is called such
/// a signal no longer ends the process at once.
pub fn signals() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let listened = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    async {
        let (Ok(mut terminate), Ok(mut interrupt)) = listened else {
            error!("signals cannot be listened for; stop the process with SIGKILL");
            return std::future::pending().await;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}

// === impl Shared ===

impl Shared {
    /// Reads the config and the lists again, and puts them into force as a whole or not at all.
    async fn reload(&self) -> Result<String, String> {
        let _one_at_a_time = self.reloading.lock().await;
        let outcome = self.read_config();
        let checked = match outcome {
            Ok(checked) => checked,
            Err(report) => {
                let mut notices =
                    self.notices.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                let zone = &self.resolver.state().house.policy.household.zone.clone();
                let since = notices.rules_since.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M");
                let report =
                    format!("{report}\namparo keeps running with the rules it read at {since}.");
                warn!("the config was not taken; the rules read at {since} stay in force");
                notices.config = Some(report.clone());
                return Err(report);
            }
        };
        warn_of(&checked);
        self.journal.update_settings(&checked.config.journal);
        let dns = &checked.config.dns;
        let restart = AtStart::of(dns) != self.at_start;
        self.encrypted.read(dns.encrypted.as_deref());
        let (names, lists) = self.put_in_force(checked.config).await;

        let mut notices = self.notices.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        notices.config = restart.then(|| RESTART.to_owned());
        notices.rules_since = self.clock.now();
        info!(names, lists, "rules in force");
        let mut sentence = format!("The new rules are in force: {names} names in {lists} lists.");
        if restart {
            warn!("{RESTART}");
            sentence = format!("{sentence}\n{RESTART}");
        }
        Ok(sentence)
    }

    /// Puts copies of lists into force that came since, with the config that is: the file may have
    /// been broken meanwhile.
    async fn reload_lists(&self) {
        let _one_at_a_time = self.reloading.lock().await;
        if self.updates.take() {
            let config = self.resolver.state().house.config.clone();
            let (names, lists) = self.put_in_force(config).await;
            info!(names, lists, "new copies of lists are in force");
        }
    }

    /// Opens the house of a config and swaps it in: how many names in how many lists.
    async fn put_in_force(&self, config: Config) -> (usize, usize) {
        let directory = self.state_directory.clone();
        let house = open_house(config, directory).await;
        let (names, lists) = (house.names, house.lists.len());
        let wanted = Wanted::of(&house.config);
        let previous = self.resolver.state();
        let passing = self.ledger.passing(&house.policy.household);
        let networks = listen::own_networks();
        let state = State::new(house, networks, passing, &self.clock, Some(&previous));
        self.resolver.leases().move_to(&state.house.config.dns.leases);
        let asks_others = state.asks_others_than(&previous);
        self.resolver.swap(Arc::new(state));
        if asks_others {
            // Answers are kept by group of upstreams: those of a group that is gone only take room.
            self.resolver.cache().clear();
        }
        // What changed while the house was opened holds under it too.
        let _ = self.remember().await;
        self.updates.updater().want(wanted);
        (names, lists)
    }

    /// What `lists status` shows of every list.
    fn lists(&self) -> Vec<inspect::ListStatus> {
        let state = self.resolver.state();
        let uptime = Some(self.updates.updater().uptime());
        let view =
            inspect::ListView { state: &self.state_directory, now: self.clock.now(), uptime };
        state
            .house
            .lists
            .iter()
            .map(|list| inspect::list_status(&state.house, list, &view))
            .collect()
    }

    /// The config file that counts; none: the embedded default.
    fn config_file(&self) -> Option<&Path> {
        let named = self.options.config_file.as_ref().or_else(|| self.config_found.get());
        let expected = || {
            let path = self.options.config_expected.as_ref().filter(|path| path.exists())?;
            Some(self.config_found.get_or_init(|| path.clone()))
        };
        named.or_else(expected).map(PathBuf::as_path)
    }

    fn read_config(&self) -> Result<Checked, String> {
        let file = self.config_file();
        let read = house::read_config(file, self.options.state_directory.as_deref());
        let (mut checked, text) = read.map_err(|(why, _)| why.to_string())?;
        lint(&mut checked, &text, &self.clock);
        if self.options.offline {
            checked.config.go_offline();
        }
        if file.is_some() {
            house::keep_config(&self.state_directory, &text);
        }
        Ok(checked)
    }

    /// Everything that is not as it should be.
    fn troubles(&self) -> Vec<String> {
        let state = self.resolver.state();
        let notices = self.notices.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let lists = list_troubles(&self.lists());
        let calendars = state.house.calendars.iter().flat_map(CalendarState::troubles);
        let upstreams = state.upstreams().flat_map(|group| group.state());
        let silent = upstreams.filter(|upstream| !upstream.healthy).map(|upstream| {
            let why = upstream.last_error.map(|why| format!(": {why}")).unwrap_or_default();
            format!("upstream {} does not answer{why}", upstream.url)
        });
        notices
            .config
            .iter()
            .cloned()
            .chain(notices.start.iter().cloned())
            .chain(lists)
            .chain(calendars)
            .chain(silent)
            .chain(self.ledger_troubles())
            .chain(self.journal_troubles())
            .collect()
    }

    /// What is wrong with what holds for a while, and with what cuts connections, in the household's
    /// language.
    fn ledger_troubles(&self) -> Vec<String> {
        let language = self.resolver.state().house.policy.household.language;
        let unknown = self.ledger.is_time_unknown().then_some(&words::time::TIME_UNKNOWN);
        let leases = self.resolver.leases().troubles();
        let encrypted = self.encrypted.trouble().into_iter().collect();
        let troubles = [self.ledger.troubles(), self.roster.troubles(), leases, encrypted].concat();
        let enforcer = self.enforcer.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let uncut = enforcer.as_ref().map(|(_, enforcer)| enforcer.troubles()).unwrap_or_default();
        let all = unknown.into_iter().chain(&troubles).chain(&uncut);
        all.map(|words| words.in_language(language).to_owned()).collect()
    }

    /// What is wrong with the journal, in the household's language.
    fn journal_troubles(&self) -> Vec<String> {
        let language = self.resolver.state().house.policy.household.language;
        let state = self.journal.state();
        let trouble = state.trouble.map(|words| words.in_language(language).to_owned());
        let aside = state.set_aside.map(|path| {
            format!("the journal was damaged; it is kept as {}, a new one began", path.display())
        });
        trouble.into_iter().chain(aside).collect()
    }
}

/// What is not as it should be with lists. Those that are on their way for the first time are told
/// in one sentence.
fn list_troubles(lists: &[inspect::ListStatus]) -> Vec<String> {
    let (coming, others): (Vec<_>, Vec<_>) =
        lists.iter().partition(|list| list.state == inspect::NOT_YET);
    let others = others.into_iter().filter(|list| list.state != inspect::OK);
    let others = others.map(|list| format!("list `{}`: {}", list.list, list.state));
    let coming = match coming[..] {
        [] => None,
        [list] => Some(format!("list `{}`: {}", list.list, list.state)),
        [..] => {
            let ids: Vec<_> = coming.iter().map(|list| format!("`{}`", list.list)).collect();
            let ids = ids.join(", ");
            Some(format!(
                "lists {ids} have not come yet; their names are not closed until they have"
            ))
        }
    };
    coming.into_iter().chain(others).collect()
}

/// What is not as it should be with the config that counts.
fn notices_of(found: &Found) -> Notices {
    let mut notices = Notices::default();
    if let Some(why) = &found.trouble {
        error!("{why}");
        warn!("the config cannot be taken; its last good copy is in force");
        notices.config = Some(format!("{why}\nIts last good copy is in force."));
    }
    notices
}

/// Makes the state directory. A full or read-only disk is told and lived with; a place where
/// nothing can be kept is a mistake to be mended.
fn prepare(directory: &Path, notices: &mut Vec<String>) -> Result<(), Failure> {
    use std::io::ErrorKind;
    use std::os::unix::fs::DirBuilderExt as _;
    let tried = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(DIRECTORY_MODE)
        .create(directory)
        .and_then(|()| tempfile::tempfile_in(directory).map(|_| ()));
    let Err(error) = tried else { return Ok(()) };
    let passing = matches!(
        error.kind(),
        ErrorKind::ReadOnlyFilesystem | ErrorKind::StorageFull | ErrorKind::QuotaExceeded
    );
    if passing {
        let path = directory.display();
        notices.push(format!(
            "{path} cannot be written: {error}; names are filtered, nothing is kept"
        ));
        return Ok(());
    }
    Err(Failure::State { path: directory.to_owned(), why: error.to_string() })
}

/// Adds to the warnings of a config what is odd in it.
fn lint(checked: &mut Checked, text: &str, clock: &Clock) {
    let today = checked.config.household.zone.to_datetime(clock.now()).date();
    checked.warnings.add(config::lint::lint(text, &checked.config, today));
}

/// Logs the warnings of a config.
fn warn_of(checked: &Checked) {
    if !checked.warnings.is_empty() {
        warn!("{}", checked.warnings.render(false).trim_end());
    }
}

/// Reads the lists of a config in a thread of its own, which gives way to those that answer: on a
/// small router both share one core.
async fn open_house(config: Config, state_directory: PathBuf) -> House {
    blocking(move || {
        let open = || House::open(config.clone(), &state_directory, Copies::Keep);
        let patiently = || {
            crate::sys::give_way();
            open()
        };
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("lists-index".to_owned());
            match thread.spawn_scoped(scope, patiently) {
                Ok(thread) => {
                    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                }
                // The system has no thread to spare: here, then.
                Err(_) => open(),
            }
        })
    })
    .await
}

/// Runs something slow beside the answering.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (tell, told) = tokio::sync::oneshot::channel();
    // In a box: the runtime is compiled anew for each kind of work that it is given.
    let work: Box<dyn FnOnce() + Send> = Box::new(move || _ = tell.send(work()));
    if let Err(error) = tokio::task::spawn_blocking(work).await {
        std::panic::resume_unwind(error.into_panic());
    }
    told.await.expect("work that did not panic has told what came of it")
}
