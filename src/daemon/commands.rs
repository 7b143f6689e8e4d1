//! The daemon's side of the control socket.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Serialize;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::unix::OwnedWriteHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::updates::progress_of;
use super::{Failure, Shared, blocking, devices, family};
use crate::control::{
    Answer, COMMAND_OCTETS_MAX, CacheFlushed, CacheStats, CacheStatus, Command, EventStatus,
    PersonStatus, Status, UpstreamStatus, socket_path,
};
use crate::house::House;
use crate::inspect::{self, DeviceStatus};
use crate::ledger::{Actor, Event, Happening, Request, RequestState, Via};
use crate::name::Name;
use crate::policy::passing::Passing;
use crate::policy::rules::SubjectKind;
use crate::update::News;

/// How long a connection may take to say its command: a person's terminal is quick.
const COMMAND_TIME_MAX: Duration = Duration::from_secs(5);
/// Connections at once; further ones wait.
const CONNECTIONS_MAX: usize = 16;
/// Who may command: the owner and the group.
const MODE: u32 = 0o660;

/// Opens the control socket. One that a dead daemon left is replaced; a living one is another
/// daemon's. None where no socket can be made: names are filtered all the same.
pub(super) async fn bind(
    directory: &Path,
    notices: &mut Vec<String>,
) -> Result<Option<UnixListener>, Failure> {
    let path = socket_path(directory);
    if UnixStream::connect(&path).await.is_ok() {
        return Err(Failure::State {
            path: directory.to_owned(),
            why: "another amparo runs with it; stop that one, or give this one a directory of its \
                  own with --state DIR"
                .to_owned(),
        });
    }
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {}
        Ok(()) | Err(_) => {}
    }
    let bound = UnixListener::bind(&path).and_then(|listener| {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(MODE))?;
        Ok(listener)
    });
    match bound {
        Ok(listener) => Ok(Some(listener)),
        Err(error) => {
            let path = path.display();
            notices.push(format!(
                "{path} cannot be made: {error}; commands will not reach this daemon"
            ));
            Ok(None)
        }
    }
}

/// Answers commands until told to stop.
pub(super) async fn serve(
    listener: UnixListener,
    shared: Arc<Shared>,
    mut stop: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stopped(&mut stop) => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => {
                match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(converse(stream, shared.clone()));
                    }
                    // Out of file descriptors, most likely: not to be tried in a tight loop.
                    Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                }
            }
        }
    }
    connections.shutdown().await;
}

/// Waits until the daemon is told to stop.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // A sender that is gone is a daemon that is gone.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn converse(stream: UnixStream, shared: Arc<Shared>) {
    let by = actor_of(&stream);
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    let mut reader = BufReader::new(read.take(COMMAND_OCTETS_MAX as u64));
    let said = tokio::time::timeout(COMMAND_TIME_MAX, reader.read_line(&mut line)).await;
    if !matches!(said, Ok(Ok(octets)) if octets > 0) {
        return;
    }
    let answer = match serde_json::from_str::<Command>(&line) {
        Ok(command) => obey(command, &shared, by, &mut write).await,
        Err(error) => Answer::Failed(format!("the command cannot be read: {error}")),
    };
    say(&mut write, &answer).await;
}

/// Who commands: the user of this machine.
fn actor_of(stream: &UnixStream) -> Actor {
    let uid = stream.peer_cred().map(|peer| peer.uid()).ok();
    let user = uid.map(|uid| nix::unistd::User::from_uid(uid.into()));
    let who = match user {
        Some(Ok(Some(user))) => user.name,
        Some(Ok(None) | Err(_)) => format!("uid {}", uid.unwrap_or_default()),
        None => String::new(),
    };
    Actor { who, via: Via::Cli }
}

/// Says a line. Who has gone away hears nothing.
async fn say(write: &mut OwnedWriteHalf, answer: &Answer) {
    if let Ok(mut text) = serde_json::to_string(answer) {
        text.push('\n');
        let _ = write.write_all(text.as_bytes()).await;
    }
}

/// Fetches lists now, telling how far it is; the answer comes when what came is in force.
async fn update_lists(
    id: Option<String>,
    accept: bool,
    shared: &Arc<Shared>,
    write: &mut OwnedWriteHalf,
) -> Answer {
    let downloads: Vec<String> = {
        let state = shared.resolver.state();
        state.house.config.downloads.iter().map(|download| download.list.clone()).collect()
    };
    if shared.options.offline {
        let why = "nothing is fetched: this daemon was started with --offline";
        return Answer::Failed(why.to_owned());
    }
    let ids = match id {
        None => downloads,
        Some(id) if downloads.contains(&id) => vec![id],
        Some(id) => return Answer::Failed(format!("no list that is fetched is called `{id}`")),
    };
    let mut news = shared.updates.updater().update(ids, accept);
    let mut outcomes = Vec::new();
    while let Some(news) = news.recv().await {
        if let Ok(progress) = serde_json::to_value(progress_of(&news)) {
            say(write, &Answer::Progress(progress)).await;
        }
        if let News::Over { list, outcome } = news {
            outcomes.push((list, outcome.word()));
        }
    }
    shared.reload_lists().await;
    let reached = blocking({
        let shared = shared.clone();
        move || inspect::list_updates(shared.lists(), &outcomes)
    });
    done(&reached.await)
}

/// Does what is told. What takes its time says meanwhile how far it is.
async fn obey(
    command: Command,
    shared: &Arc<Shared>,
    by: Actor,
    write: &mut OwnedWriteHalf,
) -> Answer {
    match command {
        Command::Status => {
            shared.resolver.settled().await;
            shared.look_at_devices().await;
            // What was answered by now is counted and in force. What cannot be kept is told.
            let _ = shared.remember().await;
            done(&status(shared))
        }
        Command::Reload => match shared.reload().await {
            Ok(sentence) => {
                shared.ledger.note("reload", None, None, &by);
                done(&sentence)
            }
            Err(report) => Answer::Failed(report),
        },
        Command::Flush => {
            shared.resolver.settled().await;
            let journal = shared.journal.clone();
            match blocking(move || journal.flush()).await {
                Ok(()) => done(&()),
                Err(sentence) => {
                    let language = shared.resolver.state().house.policy.household.language;
                    Answer::Failed(sentence.in_language(language).to_owned())
                }
            }
        }
        Command::Why { name, who, at } => {
            let Ok(name) = Name::parse(&name) else {
                return Answer::Failed(format!("`{name}` is no domain name"));
            };
            let shared = shared.clone();
            let why = blocking(move || {
                let resolver = &shared.resolver;
                let state = resolver.state();
                // Who asks about a certain time knows what time it is.
                let time_unknown = at.is_none() && shared.ledger.is_time_unknown();
                let passing = Passing { time_unknown, ..state.passing() };
                let at = at.unwrap_or_else(|| shared.clock.now());
                let (around, directory) = (resolver.around(), &shared.state_directory);
                let who = who.as_deref();
                inspect::why(&state.house, &passing, around, directory, &name, who, at)
            });
            match why.await {
                Ok(why) => done(&why),
                Err(sentence) => Answer::Failed(sentence),
            }
        }
        Command::Lists => {
            let shared = shared.clone();
            done(&blocking(move || shared.lists()).await)
        }
        Command::ListsUpdate { id, accept } => update_lists(id, accept, shared, write).await,
        Command::Search { name } => {
            let Ok(name) = Name::parse(&name) else {
                return Answer::Failed(format!("`{name}` is no domain name"));
            };
            let shared = shared.clone();
            let matches = blocking(move || {
                let house = &shared.resolver.state().house;
                inspect::matches(house, &shared.state_directory, &name)
            });
            done(&matches.await)
        }
        Command::Family(command) => family::obey(command, shared, by).await,
        Command::Devices => {
            shared.resolver.settled().await;
            shared.look_at_devices().await;
            let shared = shared.clone();
            let devices = blocking(move || shared.devices(&shared.resolver.state()));
            done(&devices.await)
        }
        Command::CacheStats => {
            shared.resolver.settled().await;
            done(&cache_stats(shared))
        }
        Command::CacheFlush { name } => {
            let below = match name.as_deref().map(Name::parse).transpose() {
                Ok(below) => below,
                Err(why) => return Answer::Failed(format!("that is no domain name: {why}")),
            };
            let shared = shared.clone();
            let forgotten = blocking(move || {
                let cache = shared.resolver.cache();
                below.map_or_else(|| cache.clear(), |name| cache.flush(&name))
            });
            let (v, forgotten) = (inspect::JSON_VERSION, forgotten.await);
            done(&CacheFlushed { v, name, forgotten })
        }
    }
}

pub(super) fn done(value: &impl Serialize) -> Answer {
    match serde_json::to_value(value) {
        Ok(value) => Answer::Done(value),
        Err(error) => Answer::Failed(format!("the answer cannot be written: {error}")),
    }
}

fn cache_stats(shared: &Shared) -> CacheStats {
    let stats = shared.resolver.cache().stats();
    let counts = &shared.resolver.counts;
    let hits = counts.cached.load(Ordering::Relaxed);
    let misses = counts.missed.load(Ordering::Relaxed);
    // In ten-thousandths, which is more than anybody reads.
    let share = (hits * 10_000).checked_div(hits + misses);
    let share = share.and_then(|share| u32::try_from(share).ok());
    CacheStats {
        v: inspect::JSON_VERSION,
        entries: stats.entries,
        negatives: stats.negatives,
        bytes: stats.bytes,
        bytes_max: stats.bytes_max,
        hits,
        misses,
        hit_rate: share.map(|share| f64::from(share) / 10_000.0),
        evictions: stats.evictions,
    }
}

fn status(shared: &Shared) -> Status {
    let state = shared.resolver.state();
    let house = &state.house;
    let counts = &shared.resolver.counts;
    let cache = shared.resolver.cache().stats();
    let now = shared.clock.now();
    let moment = state.moment(now);
    let rules_since = {
        let notices = shared.notices.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        notices.rules_since
    };
    let subjects =
        (0u16..).map(crate::policy::rules::SubjectId).zip(&house.policy.household.subjects);
    let requests = shared.ledger.requests();
    let is_waiting = |request: &&Request| request.state == RequestState::Waiting;
    let waiting: Vec<&Request> = requests.iter().filter(is_waiting).collect();
    let passing = state.passing();
    let people = subjects.map(|(id, subject)| PersonStatus {
        id: subject.id.clone(),
        kind: match subject.kind {
            SubjectKind::Unknown => "unknown",
            SubjectKind::Child => "child",
            SubjectKind::Adult => "adult",
        }
        .to_owned(),
        profile: subject.profile.clone(),
        windows: moment
            .windows(id)
            .iter()
            .filter_map(|&place| subject.rules.schedules.get(usize::from(place)))
            .map(|window| window.name.clone())
            .collect(),
        is_paused: moment.is_paused(id),
        paused_until: passing
            .of(id)
            .paused_until
            .filter(|_| moment.is_paused(id))
            .map(|at| inspect::local_time(house, at)),
        free_until: moment.freed_until(id).map(|at| inspect::local_time(house, at)),
        budgets: family::budgets(shared, &state, id),
        requests: waiting.iter().filter(|request| request.child == subject.id).count(),
        // While nobody knows what time it is, no window opens or closes.
        until: moment
            .next_change(id)
            .filter(|_| !moment.time_unknown)
            .map(|at| inspect::local_time(house, at)),
    });
    Status {
        v: inspect::JSON_VERSION,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        since: inspect::local_time(house, shared.since),
        config: shared.config_file().map(|path| path.display().to_string()),
        rules_since: inspect::local_time(house, rules_since),
        troubles: shared.troubles(),
        time_known: !moment.time_unknown,
        listen: shared.addresses.iter().map(ToString::to_string).collect(),
        encrypted: shared.encrypted_at.clone(),
        names: house.names,
        lists: house.lists.len(),
        queries: counts.queries.load(Ordering::Relaxed),
        blocked: counts.blocked.load(Ordering::Relaxed),
        cached: counts.cached.load(Ordering::Relaxed),
        failed: counts.failed.load(Ordering::Relaxed),
        limited: counts.limited.load(Ordering::Relaxed),
        cache: CacheStatus { entries: cache.entries, bytes: cache.bytes },
        upstreams: state
            .upstreams()
            .flat_map(|group| group.state())
            .map(|one| UpstreamStatus {
                url: one.url,
                healthy: one.healthy,
                latency_ms: one.latency_ms,
                last_error: one.last_error,
            })
            .collect(),
        people: people.collect(),
        setup: shared.setup(&state),
        odd_devices: shared.devices(&state).into_iter().filter(DeviceStatus::is_odd).collect(),
        events: shared.ledger.events(0).iter().map(|event| event_status(house, event)).collect(),
    }
}

fn event_status(house: &House, event: &Event) -> EventStatus {
    let (child, what, minutes_left) = match &event.what {
        Happening::RequestMade { child, request }
        | Happening::RequestAnswered { child, request, .. } => {
            (Some(child), Some(request.to_string()), None)
        }
        Happening::Warning { child, budget, minutes_left } => {
            (Some(child), Some(budget.clone()), Some(*minutes_left))
        }
        Happening::UsedUp { child, budget } => (Some(child), Some(budget.clone()), None),
        Happening::Suspicion { child, .. } => (child.as_ref(), None, None),
        Happening::NewDevice { .. } | Happening::TimeUnknown | Happening::TimeKnown => {
            (None, None, None)
        }
    };
    let mut status = EventStatus {
        id: event.id,
        at: inspect::local_time(house, event.at),
        kind: event.what.word().to_owned(),
        child: child.cloned(),
        what,
        minutes_left,
        device: None,
        signs: Vec::new(),
        text: None,
    };
    devices::of_device(&event.what, house.policy.household.language, &mut status);
    status
}
