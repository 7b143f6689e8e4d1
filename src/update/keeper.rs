//! The thread that keeps lists fresh: which list when, and a few at once.
//!
//! It has a runtime of its own, so that nothing of it touches the loops that answer questions.
//! Start at [`Updater::start`], then `Keeper::run`. What is done with one list is in `take`, when
//! it is due in `schedule`; that copies were replaced is told by [`Fresh`], and what follows from
//! it is the caller's.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Sleep, sleep};
use tracing::{info, warn};

use super::fetch::{Addresses, Fetcher, Progress};
use super::schedule::{self, Last};
use super::take::{self, Brought, List, Outcome, Wanted};
use crate::clock::{Clock, Tick};
use crate::house::fetched::{self, Meta};
use crate::sys;

/// Lists fetched at once: a slow server holds up no other list, and a home's line is not filled.
const FETCHES_MAX: usize = 3;
/// How often the clock is looked at: it may be set, and what it then shows may be due.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a replaced copy waits for others that are under way, so that lists that come together
/// are read together: reading a million names is work for a router.
const TOGETHER: Duration = Duration::from_secs(3);
/// Progress is told at steps of so many octets: some hundred times for the largest list.
const PROGRESS_OCTETS: u64 = 256 * 1024;
/// What is said when a fetch panicked.
const BROKEN: &str = "fetching it ended by a mistake of this program";

/// Fetches lists when they are due, or told to. Dropped, it stops.
pub struct Updater {
    orders: Mutex<Option<mpsc::UnboundedSender<Order>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    clock: Clock,
    began: Tick,
}

/// How an [`Updater`] goes about it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What time it is.
    pub clock: Clock,
    /// The state directory.
    pub state: PathBuf,
    /// Whether it fetches what is due by itself, and removes copies of lists that are gone; else
    /// it does what it is told.
    pub keeps_fresh: bool,
}

/// Whether copies were replaced that are not in force yet.
#[derive(Debug, Default)]
pub struct Fresh {
    is_dirty: AtomicBool,
    due: Notify,
}

/// What is told of lists that are fetched on demand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Octets came.
    Progress {
        /// The list's id.
        list: String,
        /// So many so far.
        octets: u64,
        /// Of so many, where the server says so.
        of: Option<u64>,
    },
    /// That was all.
    Over {
        /// The list's id.
        list: String,
        /// What came of it.
        outcome: Outcome,
    },
}

enum Order {
    Want(Wanted),
    Update { ids: Vec<String>, accept: bool, listener: mpsc::UnboundedSender<News> },
}

/// One list that is to be fetched.
struct Job {
    id: String,
    accept: bool,
    listeners: Vec<mpsc::UnboundedSender<News>>,
}

/// One list that is being fetched.
struct Run {
    job: Job,
    /// The list as it was wanted when it began.
    list: List,
    task: AbortHandle,
}

struct Keeper<A> {
    settings: Settings,
    fetcher: Arc<Fetcher<A>>,
    fresh: Arc<Fresh>,
    wanted: Arc<Wanted>,
    began: Tick,
    /// What is known of each list: on disk too, as far as that can be written.
    known: HashMap<String, Meta>,
    waiting: VecDeque<Job>,
    running: Vec<Run>,
    fetches: JoinSet<Brought>,
    told: (mpsc::UnboundedSender<News>, mpsc::UnboundedReceiver<News>),
    /// Copies were replaced; when this is over, that is told.
    together: Option<Pin<Box<Sleep>>>,
}

// === impl Updater ===

impl Updater {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn start<A: Addresses + Send + Sync + 'static>(
        addresses: A,
        settings: Settings,
        wanted: Wanted,
        fresh: Arc<Fresh>,
    ) -> io::Result<Self> {
        let (orders, ordered) = mpsc::unbounded_channel();
        let (clock, began) = (settings.clock.clone(), settings.clock.tick());
        // What comes is unpacked and counted in threads of this runtime.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .on_thread_start(sys::give_way)
            .build()?;
        let thread = std::thread::Builder::new().name("lists".to_owned()).spawn(move || {
            let keeper = Keeper {
                settings,
                fetcher: Arc::new(Fetcher::new(addresses)),
                fresh,
                wanted: Arc::new(wanted),
                began,
                known: HashMap::new(),
                waiting: VecDeque::new(),
                running: Vec::new(),
                fetches: JoinSet::new(),
                told: mpsc::unbounded_channel(),
                together: None,
            };
            runtime.block_on(keeper.run(ordered));
        })?;
        let (orders, thread) = (Mutex::new(Some(orders)), Mutex::new(Some(thread)));
        Ok(Updater { orders, thread, clock, began })
    }

    /// Goes by another config from now on.
    pub fn want(&self, wanted: Wanted) {
        self.order(Order::Want(wanted));
    }

    /// Fetches these lists now, those under way included. Each ends with one [`News::Over`]; the
    /// channel ends when all have. With `accept`, what would be held is taken. Ids that are not
    /// wanted are passed by.
    pub fn update(&self, ids: Vec<String>, accept: bool) -> mpsc::UnboundedReceiver<News> {
        let (listener, news) = mpsc::unbounded_channel();
        self.order(Order::Update { ids, accept, listener });
        news
    }

    /// How long it runs, by a clock that never jumps.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        Duration::from_millis(self.clock.tick().millis_since(self.began))
    }

    /// Stops, and waits until it has: what is under way is given up, copies stay as they are.
    pub fn stop(&self) {
        drop(self.orders.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            warn!("the thread that fetches lists ended by a mistake of this program");
        }
    }

    fn order(&self, order: Order) {
        if let Some(orders) = &*self.orders.lock().unwrap_or_else(PoisonError::into_inner) {
            // A thread that has ended hears nothing; who listens finds the channel closed.
            let _ = orders.send(order);
        }
    }
}

// === impl Fresh ===

impl Fresh {
    /// Waits until copies are to be put into force.
    pub async fn due(&self) {
        self.due.notified().await;
    }

    /// Whether there are any; whoever asks puts them into force.
    pub fn take(&self) -> bool {
        self.is_dirty.swap(false, Ordering::AcqRel)
    }
}

// === impl Keeper ===

impl<A: Addresses + Send + Sync + 'static> Keeper<A> {
    async fn run(mut self, mut ordered: mpsc::UnboundedReceiver<Order>) {
        if self.settings.keeps_fresh {
            fetched::forget_unfinished(&self.settings.state);
            self.forget_others();
        }
        loop {
            self.plan();
            self.begin();
            self.tell_if_alone();
            let looks = self.settings.keeps_fresh && !self.wanted.lists.is_empty();
            let together = async {
                match &mut self.together {
                    Some(together) => together.await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                order = ordered.recv() => match order {
                    None => return,
                    Some(Order::Want(wanted)) => self.want(wanted),
                    Some(Order::Update { ids, accept, listener }) => {
                        self.take_order(ids, accept, &listener);
                    }
                },
                Some(news) = self.told.1.recv() => self.pass_on(&news),
                Some(ended) = self.fetches.join_next_with_id() => match ended {
                    Ok((task, brought)) => self.end(task, brought),
                    Err(gone) => self.end(gone.id(), Brought::Trouble(BROKEN.to_owned())),
                },
                () = together => self.tell(),
                () = sleep(LOOK_EVERY), if looks => {}
            }
        }
    }

    /// Goes by other lists. What is fetched from an address that counts no more is given up.
    fn want(&mut self, wanted: Wanted) {
        self.wanted = Arc::new(wanted);
        for run in self.running.iter().filter(|run| !self.is_wanted(&run.list)) {
            run.task.abort();
        }
        self.known.retain(|id, _| self.wanted.find(id).is_some());
        if self.settings.keeps_fresh {
            self.forget_others();
        }
    }

    /// Lines up what is due.
    fn plan(&mut self) {
        if !self.settings.keeps_fresh {
            return;
        }
        let now = self.settings.clock.now();
        let uptime = self.settings.clock.tick().millis_since(self.began);
        let wanted = Arc::clone(&self.wanted);
        for List { download, .. } in &wanted.lists {
            let known = self.known(&download.list);
            let last = Last::of(known, &download.url);
            let uptime = Duration::from_millis(uptime);
            let due = schedule::next(&download.list, download.every, last, now, uptime);
            if due <= now && !self.is_under_way(&download.list) {
                let (id, listeners) = (download.list.clone(), Vec::new());
                self.waiting.push_back(Job { id, accept: false, listeners });
            }
        }
    }

    /// Lines up what is ordered, before the rest: a person waits for it. Who wants to accept joins
    /// nobody who does not.
    fn take_order(&mut self, ids: Vec<String>, accept: bool, from: &mpsc::UnboundedSender<News>) {
        for id in ids.into_iter().rev() {
            let running = self.running.iter_mut().map(|run| &mut run.job);
            let mut jobs = running.chain(&mut self.waiting);
            if let Some(job) = jobs.find(|job| job.id == id && job.accept == accept) {
                job.listeners.push(from.clone());
            } else {
                let listeners = vec![from.clone()];
                self.waiting.push_front(Job { id, accept, listeners });
            }
        }
    }

    /// Begins what has room.
    fn begin(&mut self) {
        while self.running.len() < FETCHES_MAX {
            let is_free = |job: &Job| !self.running.iter().any(|run| run.job.id == job.id);
            let Some(place) = self.waiting.iter().position(is_free) else { return };
            let Some(job) = self.waiting.remove(place) else { return };
            // Nobody wants it any more: its listeners learn that by the end of their channel.
            let Some(list) = self.wanted.find(&job.id).cloned() else { continue };
            let known = self.known(&job.id).clone();
            let (fetcher, wanted) = (Arc::clone(&self.fetcher), Arc::clone(&self.wanted));
            let (state, accept) = (self.settings.state.clone(), job.accept);
            let (id, told, meant) = (job.id.clone(), self.told.0.clone(), list.clone());
            let mut next = 0;
            let progress = move |Progress { octets, of }: Progress| {
                if octets >= next {
                    next = octets + PROGRESS_OCTETS;
                    let _ = told.send(News::Progress { list: id.clone(), octets, of });
                }
            };
            let task = self.fetches.spawn(async move {
                take::bring(&fetcher, &meant, &wanted, &state, known, accept, progress).await
            });
            self.running.push(Run { job, list, task });
        }
    }

    /// Settles what was brought, unless nobody wants it any more.
    fn end(&mut self, task: tokio::task::Id, brought: Brought) {
        let Some(place) = self.running.iter().position(|run| run.task.id() == task) else { return };
        let Run { job, list, .. } = self.running.swap_remove(place);
        if !self.is_wanted(&list) {
            if !job.listeners.is_empty() {
                // It has another address now, and that is the one that was meant.
                self.waiting.push_front(job);
            }
            return;
        }
        let (wanted, now) = (Arc::clone(&self.wanted), self.settings.clock.now());
        let state = self.settings.state.clone();
        let outcome = take::settle(&list, &wanted, &state, self.known(&job.id), brought, now);
        let id = job.id;
        match &outcome {
            Outcome::Taken => {
                info!(list = id, "a new copy of a list was taken");
                self.fresh.is_dirty.store(true, Ordering::Release);
                self.together.get_or_insert_with(|| Box::pin(sleep(TOGETHER)));
            }
            Outcome::Unchanged => info!(list = id, "the copy of a list is current"),
            Outcome::Held(why) | Outcome::Failed(why) => warn!(list = id, "{why}"),
        }
        for listener in job.listeners {
            let _ = listener.send(News::Over { list: id.clone(), outcome: outcome.clone() });
        }
    }

    /// Tells of replaced copies, when nothing is under way that could be waited for.
    fn tell_if_alone(&mut self) {
        if self.together.is_some() && self.running.is_empty() {
            self.tell();
        }
    }

    fn tell(&mut self) {
        self.together = None;
        self.fresh.due.notify_one();
    }

    /// Hands progress to those who asked for the list.
    fn pass_on(&self, news: &News) {
        let (News::Progress { list, .. } | News::Over { list, .. }) = news;
        let runs = self.running.iter().filter(|run| run.job.id == *list);
        for listener in runs.flat_map(|run| &run.job.listeners) {
            let _ = listener.send(news.clone());
        }
    }

    /// What is known of a list; nothing but its default when it never came.
    fn known(&mut self, id: &str) -> &mut Meta {
        let state = &self.settings.state;
        self.known.entry(id.to_owned()).or_insert_with(|| {
            let mut known = Meta::load(state, id).unwrap_or_default();
            let is_damaged = || fetched::whole_copy(state, id).is_none_or(|copy| copy.is_old);
            if known.fetched.is_some() && is_damaged() {
                // It is due at once.
                (known.asked, known.checked) = (None, None);
            }
            known
        })
    }

    /// Whether a list is still to be had from where it was asked for.
    fn is_wanted(&self, list: &List) -> bool {
        let now = self.wanted.find(&list.download.list);
        now.is_some_and(|now| now.download.url == list.download.url)
    }

    fn is_under_way(&self, id: &str) -> bool {
        let running = self.running.iter().map(|run| &run.job);
        self.waiting.iter().chain(running).any(|job| job.id == id)
    }

    /// Removes the copies of lists that nobody wants.
    fn forget_others(&self) {
        let ids = self.wanted.lists.iter().map(|list| list.download.list.as_str());
        fetched::forget_others(&self.settings.state, ids);
    }
}
