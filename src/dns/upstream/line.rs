//! The connection to one upstream, TCP or TLS, that all questions share.
//!
//! Opened by the first question, kept while it is used, closed when it idles, opened again when it
//! broke. Questions are pipelined and answers come in any order (RFC 7766 §6.2.1); each message
//! stands behind its length in two octets (RFC 1035 §4.2.2). Start at [`Line::ask`]. Knows
//! nothing of which upstream is best.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex as StdMutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc, oneshot};

use super::Pace;
use super::answer::{Reading, is_answer_to};
use super::query::Query;
use super::tls::Tls;
use super::trouble::Trouble;

/// Questions open on one connection: as many as one group of upstreams has in flight, and few
/// beside the 65,536 ids, so that a free one is found at once.
const OPEN_MAX: usize = 512;

/// Questions that wait to be written.
const ORDERS_MAX: usize = 64;

/// Octets read at once.
const READ_OCTETS: usize = 4096;

/// How often a question is asked again because the connection broke under it: once for one that
/// had died while it idled, once more, alone, for a server that closes after every answer.
const ATTEMPTS_MAX: u32 = 3;

/// The line to one upstream.
pub(super) struct Line {
    address: SocketAddr,
    /// None: plain TCP.
    tls: Option<Tls>,
    pace: Pace,
    /// Held while connecting, so that many questions share one handshake.
    connection: Mutex<Option<mpsc::Sender<Order>>>,
    /// Counts failed attempts to connect: those who waited for one share its failure.
    failed: AtomicU64,
    failed_with: StdMutex<Trouble>,
}

/// A question for the task that holds the connection.
struct Order {
    query: Query,
    answer: oneshot::Sender<(Vec<u8>, Reading)>,
}

// === impl Line ===

impl Line {
    /// A line that is not open yet.
    pub(super) fn new(address: SocketAddr, tls: Option<Tls>, pace: Pace) -> Self {
        Line {
            address,
            tls,
            pace,
            connection: Mutex::new(None),
            failed: AtomicU64::new(0),
            failed_with: StdMutex::new(Trouble::Silent),
        }
    }

    /// Asks, and waits for the answer as long as it is polled: the caller sets the end. The id on
    /// the wire is another than the query's, and fresh.
    pub(super) async fn ask(&self, query: &Query) -> Result<(Vec<u8>, Reading), Trouble> {
        for attempt in 1..=ATTEMPTS_MAX {
            let connection =
                if attempt < ATTEMPTS_MAX { self.shared().await? } else { self.open().await? };
            let (answer, waiting) = oneshot::channel();
            let order = Order { query: query.clone(), answer };
            // Either fails only when the connection's task has ended.
            if connection.send(order).await.is_ok()
                && let Ok(answer) = waiting.await
            {
                return Ok(answer);
            }
        }
        Err(Trouble::Broken)
    }

    /// The open connection, or a new one.
    async fn shared(&self) -> Result<mpsc::Sender<Order>, Trouble> {
        let failed_before = self.failed.load(Ordering::Acquire);
        let mut connection = self.connection.lock().await;
        if let Some(open) = connection.as_ref().filter(|open| !open.is_closed()) {
            return Ok(open.clone());
        }
        // Whoever held the lock found nobody there. To try again, each in turn, would make the
        // last one wait for all.
        if self.failed.load(Ordering::Acquire) != failed_before {
            return Err(self.failed_with.lock().unwrap_or_else(PoisonError::into_inner).clone());
        }
        match self.open().await {
            Ok(open) => Ok(connection.insert(open).clone()),
            Err(trouble) => {
                *self.failed_with.lock().unwrap_or_else(PoisonError::into_inner) = trouble.clone();
                self.failed.fetch_add(1, Ordering::Release);
                Err(trouble)
            }
        }
    }

    /// Connects, and starts the task that holds the connection until it breaks, idles, or nobody
    /// can ask over it any more.
    async fn open(&self) -> Result<mpsc::Sender<Order>, Trouble> {
        let (orders, inbox) = mpsc::channel(ORDERS_MAX);
        let silence = self.pace.silence;
        if let Some(tls) = &self.tls {
            let stream = tls.connect(self.address, self.pace.connect).await?;
            tokio::spawn(Held::new(stream, silence).run(inbox, self.pace.tls_idle));
        } else {
            let connecting = TcpStream::connect(self.address);
            let stream = match tokio::time::timeout(self.pace.connect, connecting).await {
                Ok(connected) => connected.map_err(|error| Trouble::of_io(&error))?,
                Err(_) => return Err(Trouble::Silent),
            };
            // Questions are small and alone: waiting to fill a segment only delays them.
            stream.set_nodelay(true).map_err(|error| Trouble::of_io(&error))?;
            tokio::spawn(Held::new(stream, silence).run(inbox, self.pace.tcp_idle));
        }
        Ok(orders)
    }
}

// === The task of one connection ===

struct Held<S> {
    stream: S,
    /// Octets read and not yet a whole message.
    read: Vec<u8>,
    open: HashMap<u16, Order>,
    silence: Duration,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Held<S> {
    fn new(stream: S, silence: Duration) -> Self {
        Held { stream, read: Vec::with_capacity(READ_OCTETS), open: HashMap::new(), silence }
    }

    /// Ends by dropping every open order, which tells those who wait that the connection broke.
    async fn run(mut self, mut inbox: mpsc::Receiver<Order>, idle: Duration) {
        // Runs out when nothing came for too long: with questions open the connection is dead,
        // without it is idle.
        let mut patience = std::pin::pin!(tokio::time::sleep(idle));
        loop {
            tokio::select! {
                order = inbox.recv() => {
                    let Some(order) = order else { break };
                    let first = self.open.is_empty();
                    if !self.send(order).await {
                        break;
                    }
                    if first {
                        patience.set(tokio::time::sleep(self.silence));
                    }
                }
                // A query never closes what it reads from, so this is cancel safe.
                count = self.stream.read_buf(&mut self.read) => {
                    if !matches!(count, Ok(1..)) {
                        break;
                    }
                    self.deliver();
                    let span = if self.open.is_empty() { idle } else { self.silence };
                    patience.set(tokio::time::sleep(span));
                }
                () = &mut patience => break,
            }
        }
        // A polite end (RFC 7766 §6.2.4), which a dead peer must not hold up.
        inbox.close();
        let _unheard = tokio::time::timeout(self.silence, self.stream.shutdown()).await;
    }

    /// Writes a question under an id that is free here. Whether the connection still stands.
    async fn send(&mut self, order: Order) -> bool {
        if self.open.len() >= OPEN_MAX {
            self.open.retain(|_, order| !order.answer.is_closed());
        }
        if self.open.len() >= OPEN_MAX {
            // So many unanswered: the other end has given up. Whoever asked asks again.
            return false;
        }
        let id = loop {
            let id = rand::random();
            if !self.open.contains_key(&id) {
                break id;
            }
        };
        let order = Order { query: order.query.with_id(id), ..order };
        let octets = order.query.octets();
        let Ok(length) = u16::try_from(octets.len()) else { return true };
        // Length and message in one write (RFC 7766 §8).
        let mut message = Vec::with_capacity(octets.len() + 2);
        message.extend_from_slice(&length.to_be_bytes());
        message.extend_from_slice(octets);
        self.open.insert(id, order);
        let writing = async {
            self.stream.write_all(&message).await?;
            self.stream.flush().await
        };
        matches!(tokio::time::timeout(self.silence, writing).await, Ok(Ok(())))
    }

    /// Hands every whole message to whoever asked. What answers nothing is passed over: the
    /// answer may still come.
    fn deliver(&mut self) {
        let mut at = 0;
        while let Some((length, rest)) = self.read[at..].split_first_chunk::<2>() {
            let Some(message) = rest.get(..usize::from(u16::from_be_bytes(*length))) else { break };
            at += 2 + message.len();
            let Some(id) = message.first_chunk::<2>().map(|id| u16::from_be_bytes(*id)) else {
                continue;
            };
            let Some(order) = self.open.get(&id) else { continue };
            let Ok(reading) = is_answer_to(message, &order.query) else { continue };
            if let Some(order) = self.open.remove(&id) {
                // Whoever asked may have gone; then nobody misses the answer.
                let _gone = order.answer.send((message.to_vec(), reading));
            }
        }
        self.read.drain(..at);
    }
}
