//! What a listener and whoever answers have to do with each other.
//!
//! The loops in `udp` and `tcp` know sockets and limits; an [`Answer`] knows what is answered.
//! Neither knows the other.

use std::future::{Future, poll_fn};
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::dress::Wants;
use super::{answer, wire};
use crate::clients::ClientId;

/// How many queries of one UDP socket, or of all TCP connections of one listener, may wait for
/// something at once. Each costs a task of a few KiB; a home never has a hundred.
pub const WAITING_MAX: usize = 1024;
/// How long queries under way may still take when the program ends.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);

/// Answers queries, whatever way they came.
pub trait Answer: Send + Sync + 'static {
    /// A query that waits for something, with all that is known of it.
    type Later: Send + 'static;

    /// What one loop keeps between its queries, so that loops share nothing on the way of a query.
    type Desk: Send + 'static;

    /// A desk for queries of at most so many clients at a time; more are served too, slower.
    fn desk(&self, clients: usize) -> Self::Desk;

    /// To be called before a batch of queries: they see one time and one state of everything.
    fn begin(&self, desk: &mut Self::Desk);

    /// To be called when the replies of a batch are on their way: what nobody waits for.
    fn end(&self, desk: &mut Self::Desk);

    /// Answers at once where nothing must be waited for. `out` is empty, and is filled with the
    /// reply, which fits the way it goes back.
    fn answer_now(
        &self,
        desk: &mut Self::Desk,
        packet: &[u8],
        source: &Source,
        out: &mut Vec<u8>,
    ) -> Quick<Self::Later>;

    /// Finishes what had to wait, in bounded time: it holds a place meanwhile. None: nothing is
    /// sent.
    fn answer_later(
        self: Arc<Self>,
        later: Self::Later,
    ) -> impl Future<Output = Option<Vec<u8>>> + Send;

    /// Where the loops count what they could not do.
    fn counters(&self) -> &Counters;
}

/// What became of a query at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quick<Later> {
    /// The reply is written.
    Reply,
    /// The reply is written; when it is on its way, something is to be done that nobody waits for.
    ReplyThen(Later),
    /// Nothing is sent.
    Silence,
    /// It must wait.
    Later(Later),
}

/// Where a query came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// Who sent it; an IPv4 address in its own form.
    pub from: SocketAddr,
    /// The address that was asked, which is the one that answers.
    pub to: IpAddr,
    /// How it came.
    pub by: Transport,
    /// Which device its connection says it is: by the name it asked for, or by the path.
    pub id: Option<ClientId>,
}

/// How a query came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// A datagram: its sender may be forged, its reply must be short.
    Udp,
    /// A plain stream.
    Tcp,
    /// DNS over TLS (RFC 7858).
    Tls,
    /// DNS over HTTPS (RFC 8484).
    Https,
    /// DNS over QUIC (RFC 9250).
    Quic,
}

impl Transport {
    /// Whether whoever sent it has shown to be where it says, and its reply may be long.
    #[must_use]
    pub fn is_stream(self) -> bool {
        self != Transport::Udp
    }

    /// Whether nobody on the way can read it.
    #[must_use]
    pub fn is_encrypted(self) -> bool {
        matches!(self, Transport::Tls | Transport::Https | Transport::Quic)
    }
}

/// What the loops could not do, since the start.
#[derive(Debug, Default)]
pub struct Counters {
    overloaded: AtomicU64,
    unsent: AtomicU64,
    unreceived: AtomicU64,
    turned_away: AtomicU64,
    panicked: AtomicU64,
}

/// The counts of [`Counters`] at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counted {
    /// Queries answered SERVFAIL because [`WAITING_MAX`] others waited.
    pub overloaded: u64,
    /// Replies that the system did not take.
    pub unsent: u64,
    /// Failures to receive or to accept.
    pub unreceived: u64,
    /// Connections closed to make room, or not taken for want of it.
    pub turned_away: u64,
    /// Queries whose answering panicked: a mistake of ours, which cost that query its answer.
    pub panicked: u64,
}

impl Counters {
    /// The counts now.
    #[must_use]
    pub fn read(&self) -> Counted {
        Counted {
            overloaded: self.overloaded.load(Ordering::Relaxed),
            unsent: self.unsent.load(Ordering::Relaxed),
            unreceived: self.unreceived.load(Ordering::Relaxed),
            turned_away: self.turned_away.load(Ordering::Relaxed),
            panicked: self.panicked.load(Ordering::Relaxed),
        }
    }

    pub(super) fn count_unsent(&self, replies: usize) {
        if replies > 0 {
            self.unsent.fetch_add(replies as u64, Ordering::Relaxed);
        }
    }

    pub(super) fn count_unreceived(&self) {
        self.unreceived.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_turned_away(&self) {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
    }
}

/// [`Answer::begin`]; a panic in it leaves what was seen before, and is counted.
pub(super) fn begin<A: Answer>(answer: &A, desk: &mut A::Desk) {
    if catch_unwind(AssertUnwindSafe(|| answer.begin(desk))).is_err() {
        answer.counters().panicked.fetch_add(1, Ordering::Relaxed);
    }
}

/// [`Answer::end`]; a panic in it costs what it had to do, and is counted.
pub(super) fn end<A: Answer>(answer: &A, desk: &mut A::Desk) {
    if catch_unwind(AssertUnwindSafe(|| answer.end(desk))).is_err() {
        answer.counters().panicked.fetch_add(1, Ordering::Relaxed);
    }
}

/// [`Answer::answer_now`], except that a panic in it is a SERVFAIL for this query, not the end of
/// the loop that everybody's queries come through.
pub(super) fn answer_now<A: Answer>(
    answer: &A,
    desk: &mut A::Desk,
    packet: &[u8],
    source: &Source,
    out: &mut Vec<u8>,
) -> Quick<A::Later> {
    // What a panic may leave half written is `out`, which is begun anew.
    match catch_unwind(AssertUnwindSafe(|| answer.answer_now(desk, packet, source, out))) {
        Ok(quick) => quick,
        Err(_) if panicked(answer.counters(), packet, out) => Quick::Reply,
        Err(_) => Quick::Silence,
    }
}

/// [`Answer::answer_later`], a panic in it being a SERVFAIL too.
pub(super) async fn answer_later<A: Answer>(
    answer: Arc<A>,
    later: A::Later,
    packet: &[u8],
) -> Option<Vec<u8>> {
    let waiting = Arc::clone(&answer).answer_later(later);
    let mut waiting = pin!(waiting);
    let outcome = poll_fn(|context| {
        // What panicked is not polled again.
        match catch_unwind(AssertUnwindSafe(|| waiting.as_mut().poll(context))) {
            Ok(Poll::Ready(reply)) => Poll::Ready(Some(reply)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(_) => Poll::Ready(None),
        }
    });
    if let Some(reply) = outcome.await {
        return reply;
    }
    let mut out = Vec::new();
    panicked(answer.counters(), packet, &mut out).then_some(out)
}

/// Answers a query that comes by itself, as a request or a stream of its own, to its end. `desk` is its
/// connection's. None: nothing is to be said.
pub(super) async fn answer_alone<A: Answer>(
    answer: &Arc<A>,
    desk: &Mutex<A::Desk>,
    waiting: &Arc<Semaphore>,
    query: &[u8],
    source: &Source,
) -> Option<Vec<u8>> {
    let wants = Wants::of(query, source.by);
    let mut reply = Vec::new();
    let quick = {
        // A panic in it is caught before it gets here.
        let mut desk = desk.lock().unwrap_or_else(PoisonError::into_inner);
        begin(&**answer, &mut desk);
        let quick = answer_now(&**answer, &mut desk, query, source, &mut reply);
        end(&**answer, &mut desk);
        quick
    };
    let mut reply = match quick {
        Quick::Reply => reply,
        Quick::Silence => return None,
        Quick::ReplyThen(work) => {
            if let Ok(place) = Arc::clone(waiting).try_acquire_owned() {
                tokio::spawn(work_off(Arc::clone(answer), work, place));
            }
            reply
        }
        Quick::Later(later) => match Arc::clone(waiting).try_acquire_owned() {
            Ok(_place) => answer_later(Arc::clone(answer), later, query).await?,
            Err(_) => overloaded(answer.counters(), query, &mut reply).then_some(reply)?,
        },
    };
    // How long its connection is kept is for what is below it to say.
    wants.dress(&mut reply, 0);
    Some(reply)
}

/// Does what nobody waits for.
pub(super) async fn work_off<A: Answer>(
    answer: Arc<A>,
    work: A::Later,
    _place: OwnedSemaphorePermit,
) {
    let _ = answer_later(answer, work, &[]).await;
}

/// Says SERVFAIL to a query whose answering panicked, and counts it; false when even that fails.
fn panicked(counters: &Counters, packet: &[u8], out: &mut Vec<u8>) -> bool {
    counters.panicked.fetch_add(1, Ordering::Relaxed);
    catch_unwind(AssertUnwindSafe(|| servfail(packet, out))).unwrap_or(false)
}

/// Says SERVFAIL to a query that found no place to wait, and counts it.
pub(super) fn overloaded(counters: &Counters, packet: &[u8], out: &mut Vec<u8>) -> bool {
    counters.overloaded.fetch_add(1, Ordering::Relaxed);
    servfail(packet, out)
}

fn servfail(packet: &[u8], out: &mut Vec<u8>) -> bool {
    match wire::question(packet) {
        Ok(question) => {
            answer::servfail(packet, &question, None, out);
            true
        }
        Err(refusal) => answer::refusal(packet, &refusal, out),
    }
}
