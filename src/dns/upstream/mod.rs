//! Asking others: the upstreams.
//!
//! A question goes out as octets and its answer comes back as the octets the upstream sent; in
//! between stand the choice of a server, the wait, and the gate that lets only answers through.
//! Knows nothing of children, rules or caches. Start at [`Upstreams::ask`], then `Group::race`.
//!
//! ```text
//! mod.rs     which server, and when another one       flight.rs  identical questions asked once
//! server.rs  one server and what is known of it       health.rs  how it has been doing
//! plain.rs   one question over UDP                    pool.rs    the ports to ask from
//! port.rs    one socket, and who waits on it
//! line.rs    the connection all questions share: opened, shared, closed, opened again
//! stream.rs  many questions over one stream          streams.rs a stream for each question
//! http.rs    DNS over HTTPS     http3.rs  the same in HTTP/3     quic.rs   DNS over QUIC
//! tls.rs     handshakes         trust.rs  authorities that are trusted
//! validate.rs checking signatures                    strip.rs   leaving them out
//! query.rs   octets out    answer.rs  octets in       trouble.rs what went wrong, in words
//! ```

mod answer;
mod flight;
mod health;
mod http;
mod http3;
mod line;
mod plain;
mod pool;
mod port;
mod query;
mod quic;
mod server;
mod stream;
mod streams;
mod strip;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_fakes;
#[cfg(test)]
mod tests_hostile;
#[cfg(test)]
mod tests_ports;
#[cfg(test)]
mod tests_streams;
#[cfg(test)]
mod tests_tls;
#[cfg(test)]
mod tests_validate;
mod tls;
mod trouble;
mod trust;
mod validate;

use std::future::pending;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::clock::{Clock, Tick};
use crate::config::settings::{Anchors, Strategy, UpstreamUrl};
use flight::{Carried, Flights, Outcome, Seat};
use plain::Effort;
pub use query::Ask;
use query::Question;
use server::{Reply, Server, Worth};
use trouble::Trouble;
pub use trouble::{Failure, FailureKind};
use validate::Validator;

/// How often one question is sent over UDP at most, all servers together: with a tenth of all
/// datagrams lost, one question in a thousand is.
const SENDS_MAX: u32 = 4;

/// A group of servers that know the same: those of `dns.upstreams`, of `dns.child_upstreams`, or
/// of one zone of `dns.forward`.
pub struct Upstreams {
    asking: Arc<Asking>,
    /// Where signatures are checked here.
    validator: Option<Validator>,
}

/// Asking them, identical questions in flight once.
struct Asking {
    group: Group,
    flights: Arc<Flights>,
}

/// What `amparo status` shows of one upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamState {
    /// Its address as the config writes it.
    pub url: String,
    /// Whether it is asked first, as far as the strategy goes.
    pub healthy: bool,
    /// How fast it answers, smoothed; none before its first answer.
    pub latency_ms: Option<u64>,
    /// Its last failure as the end of a sentence, kept when it is well again.
    pub last_error: Option<String>,
}

/// How long things may take. The defaults serve; tests are in more of a hurry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The shortest wait for one server before another is asked too, however fast it usually is:
    /// below this a busy network looks like a dead server.
    pub wait_min: Duration,
    /// The longest wait for one server before another is asked too, or the same once more: far
    /// above any round trip, and a person has not yet noticed.
    pub try_wait: Duration,
    /// The longest wait altogether: clients give up at five seconds, and are told before.
    pub total: Duration,
    /// The longest wait when every server is known to be down: two tries, so that its return is
    /// seen and nobody waits long meanwhile.
    pub total_when_down: Duration,
    /// For all handshakes together: three losses of the first packet are four seconds.
    pub connect: Duration,
    /// For fetching a cut answer over TCP: it leaves time for the answer "try yourself".
    pub tcp_retry: Duration,
    /// A connection with questions open on which nothing comes for so long is dead. Above the two
    /// seconds a hard question takes a resolver, and half of `total`, so that asking again helps.
    pub silence: Duration,
    /// How long an unused encrypted connection is kept: a page's next questions find it open.
    pub tls_idle: Duration,
    /// How long an unused TCP connection is kept: opening one costs little.
    pub tcp_idle: Duration,
}

/// What a group needs beside its addresses.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Certificate authorities trusted beside the web's and the system's.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// With which keys signatures are checked; none: they are not.
    pub validation: Option<Anchors>,
    /// How long things may take.
    pub pace: Pace,
}

/// The servers and how to choose among them.
struct Group {
    servers: Vec<Arc<Server>>,
    strategy: Strategy,
    clock: Clock,
    pace: Pace,
}

/// Whom one question goes to.
struct Plan<'a> {
    first: &'a Arc<Server>,
    second: Option<&'a Arc<Server>>,
    /// Asked beside them to see how it does; its answer is not waited for.
    probe: Option<&'a Arc<Server>>,
    /// Not one of them is well.
    all_down: bool,
}

/// The best that has come back so far.
#[derive(Default)]
struct Tally<'a> {
    reply: Option<(&'a Server, Reply)>,
    troubles: Vec<(&'a Server, Trouble)>,
}

impl Default for Pace {
    fn default() -> Self {
        Pace {
            wait_min: Duration::from_millis(120),
            try_wait: Duration::from_millis(800),
            total: Duration::from_millis(4_500),
            total_when_down: Duration::from_millis(1_600),
            connect: Duration::from_secs(3),
            tcp_retry: Duration::from_secs(3),
            silence: Duration::from_millis(2_500),
            tls_idle: Duration::from_secs(30),
            tcp_idle: Duration::from_secs(5),
        }
    }
}

// === impl Upstreams ===

impl Upstreams {
    /// The group of these servers. Opens nothing yet.
    #[must_use]
    pub fn new(urls: &[UpstreamUrl], strategy: Strategy, clock: Clock) -> Arc<Self> {
        Self::with_settings(urls, strategy, clock, &Settings::default())
    }

    /// [`Upstreams::new`] with other authorities or another pace.
    #[must_use]
    pub fn with_settings(
        urls: &[UpstreamUrl],
        strategy: Strategy,
        clock: Clock,
        settings: &Settings,
    ) -> Arc<Self> {
        let Settings { extra_roots, validation, pace } = settings;
        // Read only where somebody is asked over TLS.
        let is_any_encrypted = urls.iter().any(|url| url.scheme.is_encrypted());
        let roots = is_any_encrypted.then(|| trust::roots(extra_roots));
        let server = |url| Arc::new(Server::new(url, roots.as_ref(), &clock, *pace));
        let servers = urls.iter().map(server).collect();
        let group = Group { servers, strategy, clock, pace: *pace };
        let asking = Arc::new(Asking { group, flights: Arc::default() });
        let of_keys = |anchors| Validator::new(Arc::clone(&asking), anchors);
        let validator = validation.as_ref().map(of_keys);
        Arc::new(Upstreams { asking, validator })
    }

    /// Asks, within [`Pace::total`]. Must run within a tokio runtime.
    ///
    /// The result is a response to exactly this question, as the upstream sent it: every name and
    /// length in it has been walked, what stood behind its last record is cut, its question is in
    /// the client's case. The id is ours, and the OPT record the upstream's: both are the
    /// caller's to replace. An answer with TC has no records and is not to be cached: it could
    /// not be had in whole, and the client may try over TCP.
    ///
    /// Identical questions in flight are asked once, whoever asks.
    pub async fn ask(&self, ask: Ask<'_>) -> Result<Arc<[u8]>, Failure> {
        let answer = self.asking.ask(&Arc::new(Question::of(&ask))).await?;
        Ok(in_the_case_of(&ask, answer))
    }

    /// [`Upstreams::ask`], with the signatures of the answer checked at this time (RFC 4035 §5),
    /// where the group was made to. Then AD says that it is secure, whoever said so before; DNSSEC
    /// records are left out unless `ask` wants them; and what is bogus is a [`Failure`].
    pub async fn ask_checked(&self, ask: Ask<'_>, now: Timestamp) -> Result<Arc<[u8]>, Failure> {
        let Some(validator) = &self.validator else { return self.ask(ask).await };
        let question = Arc::new(Question::of(&ask));
        let answer = validator.ask(&question, now, self.asking.group.pace.total).await?;
        Ok(in_the_case_of(&ask, answer))
    }

    /// How each server is doing, in the order of the config.
    #[must_use]
    pub fn state(&self) -> Vec<UpstreamState> {
        self.asking.group.servers.iter().map(|server| server.state()).collect()
    }
}

// === impl Asking ===

impl Asking {
    async fn ask(self: &Arc<Self>, question: &Arc<Question>) -> Outcome {
        match self.flights.board(question)? {
            Seat::Other(told) => flight::wait(told).await,
            Seat::First(landing) => {
                let (asking, question) = (Arc::clone(self), Arc::clone(question));
                let asking = async move {
                    let outcome = asking.group.race(&question).await;
                    landing.land(&outcome);
                    outcome
                };
                Carried::new(asking).await
            }
        }
    }
}

/// The same answer without AD (RFC 4035 §3.2.3).
#[must_use]
pub fn unauthenticated(answer: Arc<[u8]>) -> Arc<[u8]> {
    validate::with_ad(answer, false)
}

/// The question as this client wrote it. Those who share an answer share its octets too, unless
/// their letters differ.
fn in_the_case_of(ask: &Ask<'_>, answer: Arc<[u8]>) -> Arc<[u8]> {
    let lower = ask.name.wire();
    if ask.name_as_asked == lower || !ask.name_as_asked.eq_ignore_ascii_case(lower) {
        return answer;
    }
    let mut own = answer.to_vec();
    server::set_name(&mut own, ask.name_as_asked);
    own.into()
}

// === impl Group ===

impl Group {
    /// Asks the best server, another when it is slow or unwilling, and takes the first good
    /// answer; else the best there was.
    async fn race(&self, question: &Arc<Question>) -> Outcome {
        let Some(plan) = self.plan() else {
            return Err(Failure::busy("no upstream is configured for this name"));
        };
        let effort = self.effort(plan.second.is_some());
        let mut probe = plan.probe.map(|server| {
            (
                server,
                tokio::spawn(probe(
                    Arc::clone(server),
                    Arc::clone(question),
                    effort,
                    self.pace.total,
                )),
            )
        });
        let total = if plan.all_down { self.pace.total_when_down } else { self.pace.total };
        let patience = match self.strategy {
            Strategy::Parallel => Duration::ZERO,
            Strategy::Fastest | Strategy::InOrder => {
                plan.first.health().patience(self.pace.wait_min, self.pace.try_wait)
            }
        };

        let mut tally = Tally::default();
        // Who is being measured has the question already, and is not sent it twice.
        let mut asked_by_probe =
            |server| probe.take_if(|(probed, _)| Arc::ptr_eq(probed, server)).map(|(_, task)| task);
        let first_task = asked_by_probe(plan.first);
        let mut second_task = plan.second.and_then(&mut asked_by_probe);
        let mut first = pin!(run(plan.first, question, effort, first_task));
        let mut first_is_due = true;
        // In a box, and made when it is asked: most questions never need it.
        let mut ask_second = || {
            plan.second.map(|server| {
                let asking = run(server, question, effort, second_task.take());
                (server, Box::pin(asking))
            })
        };
        let mut second_asked = self.strategy == Strategy::Parallel;
        let mut second = if second_asked { ask_second() } else { None };
        // One timer for all. It runs until the second is asked; with a poor reply in hand, until
        // a better one is awaited no longer; else to the end.
        let mut timer = pin!(sleep(patience));
        let end = timer.deadline() - patience + total;
        let waits = plan.second.is_some() && !second_asked;
        if !waits || timer.deadline() > end {
            timer.as_mut().reset(end);
        }
        while first_is_due || second.is_some() || !second_asked {
            let (server, result) = tokio::select! {
                biased;
                result = &mut first, if first_is_due => {
                    first_is_due = false;
                    (plan.first, result)
                }
                (server, result) = answer_of(&mut second), if second.is_some() => {
                    second = None;
                    (server, result)
                }
                () = &mut timer => {
                    if second_asked || timer.deadline() >= end {
                        break;
                    }
                    second_asked = true;
                    second = ask_second();
                    plan.first.missed(self.clock.tick(), &Trouble::Silent);
                    timer.as_mut().reset(end);
                    continue;
                }
            };
            if let Some(good) = tally.take(server, result, self.clock.tick()) {
                return Ok(good);
            }
            if !second_asked {
                second_asked = true;
                second = ask_second();
            }
            let wait = sleep(self.pace.try_wait).deadline();
            timer.as_mut().reset(if tally.reply.is_some() { wait.min(end) } else { end });
        }

        let now = self.clock.tick();
        let silent = [first_is_due.then_some(plan.first), second.map(|(server, _)| server)];
        for server in silent.into_iter().flatten() {
            // With a poor reply in hand nobody waited to the end.
            if tally.reply.is_some() {
                server.missed(now, &Trouble::Silent);
            } else {
                server.failed(now, &Trouble::Silent);
            }
            tally.troubles.push((server, Trouble::Silent));
        }
        tally.finish()
    }

    /// The best two servers, and perhaps one to measure. None when there is none at all.
    fn plan(&self) -> Option<Plan<'_>> {
        let rank = |index: usize| {
            let standing = self.servers[index].health().standing();
            let by_strategy = match self.strategy {
                // Not measured yet comes last: the first question measures it.
                Strategy::Fastest => standing.latency_millis.unwrap_or(u64::MAX),
                Strategy::Parallel | Strategy::InOrder => 0,
            };
            (!standing.healthy, by_strategy, index)
        };
        let mut ranks: Vec<_> = (0..self.servers.len()).map(rank).collect();
        ranks.sort_unstable();
        let at = |place: usize| ranks.get(place).map(|&(_, _, index)| &self.servers[index]);
        let now = self.clock.tick();
        let by_latency = self.strategy == Strategy::Fastest;
        let all_down = ranks.iter().all(|&(is_down, ..)| is_down);
        // Who is asked anyway needs no measuring; but those who are all down get little time, and
        // one slow to connect would never be seen to be back.
        let asked_anyway = match self.strategy {
            _ if all_down => 0,
            Strategy::Fastest | Strategy::InOrder => 1,
            Strategy::Parallel => 2,
        };
        let probe = (asked_anyway..ranks.len())
            .filter_map(at)
            .find(|server| server.health().take_probe(now, by_latency));
        Some(Plan { first: at(0)?, second: at(1), probe, all_down })
    }

    /// Two servers are sent to by turns, one alone gets all.
    fn effort(&self, is_pair: bool) -> Effort {
        let servers = if is_pair { 2 } else { 1 };
        Effort {
            sends: SENDS_MAX / servers,
            gap: self.pace.try_wait * servers,
            waits_out_refusals: !is_pair,
        }
    }
}

/// One server's part in a race.
async fn run(
    server: &Arc<Server>,
    question: &Question,
    effort: Effort,
    task: Option<JoinHandle<Result<Reply, Trouble>>>,
) -> Result<Reply, Trouble> {
    match task {
        Some(task) => task.await.unwrap_or(Err(Trouble::Silent)),
        None => server.exchange(question, effort).await,
    }
}

/// What comes of asking the second server; nothing ever, when it is not asked.
async fn answer_of<'a, T>(
    second: &mut Option<(&'a Arc<Server>, Pin<Box<impl Future<Output = T>>>)>,
) -> (&'a Arc<Server>, T) {
    match second {
        Some((server, asking)) => (*server, asking.await),
        None => pending().await,
    }
}

/// Asks one server to see how it does, to the end, whoever else has answered meanwhile.
async fn probe(
    server: Arc<Server>,
    question: Arc<Question>,
    effort: Effort,
    total: Duration,
) -> Result<Reply, Trouble> {
    if let Ok(result) = tokio::time::timeout(total, server.exchange(&question, effort)).await {
        return result;
    }
    server.failed(server.clock().tick(), &Trouble::Silent);
    Err(Trouble::Silent)
}

// === impl Tally ===

impl<'a> Tally<'a> {
    /// Takes note of a result, and gives a good answer back. Who was unwilling where another
    /// knew is treated as failing: a broken resolver answers SERVFAIL, fast.
    fn take(
        &mut self,
        server: &'a Server,
        result: Result<Reply, Trouble>,
        now: Tick,
    ) -> Option<Arc<[u8]>> {
        match result {
            Ok(reply) if reply.worth == Worth::Good => {
                if let Some((unwilling, poor)) = &self.reply
                    && poor.worth == Worth::Unwilling
                {
                    unwilling.missed(now, &Trouble::Declined);
                }
                return Some(reply.octets);
            }
            Ok(reply) => {
                if self.reply.as_ref().is_none_or(|(_, best)| best.worth < reply.worth) {
                    self.reply = Some((server, reply));
                }
            }
            Err(trouble) => self.troubles.push((server, trouble)),
        }
        None
    }

    /// What there is when there is nothing good.
    fn finish(self) -> Outcome {
        if let Some((_, reply)) = self.reply {
            return Ok(reply.octets);
        }
        let told: Vec<_> =
            self.troubles.into_iter().map(|(server, trouble)| (server.url(), trouble)).collect();
        Err(Failure::of(&told))
    }
}
