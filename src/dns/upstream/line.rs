//! The connection to one upstream that all questions share.
//!
//! Opened by the first question, kept while it is used, closed when it idles, opened again when it
//! broke; who waited for one attempt to connect shares its failure. All of that is the same for
//! every transport and stands here. How questions go over an open connection differs, and is the
//! business of a task that takes [`Order`]s: one stream with messages behind their lengths
//! (`stream.rs`), or a stream for each question (`streams.rs`). Start at [`Line::ask`]. Knows
//! nothing of which upstream is best.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex as StdMutex, PoisonError};

use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc, oneshot};

use super::answer::Reading;
use super::http::{self, Resource};
use super::query::Query;
use super::quic::{Doq, Quic};
use super::stream::Held;
use super::tls::Tls;
use super::trouble::Trouble;
use super::{Pace, http3, streams};

/// Questions open on one connection: as many as one group of upstreams has in flight, and few
/// beside the 65,536 ids, so that a free one is found at once.
pub(super) const OPEN_MAX: usize = 512;

/// Questions that wait to be written.
const ORDERS_MAX: usize = 64;

/// How often a question is asked again because the connection broke under it: once for one that
/// had died while it idled, once more, alone, for a server that closes after every answer.
const ATTEMPTS_MAX: u32 = 3;

/// The line to one upstream.
pub(super) struct Line {
    address: SocketAddr,
    transport: Transport,
    pace: Pace,
    /// Held while connecting, so that many questions share one handshake.
    connection: Mutex<Option<mpsc::Sender<Order>>>,
    /// Counts failed attempts to connect: those who waited for one share its failure.
    failed: AtomicU64,
    failed_with: StdMutex<Trouble>,
}

/// How a line is opened, and how questions go over it.
pub(super) enum Transport {
    /// Messages behind their lengths, in the open.
    Tcp,
    /// The same, encrypted.
    Tls(Tls),
    /// HTTP/2.
    Https(Tls, Resource),
    /// DNS over QUIC.
    Quic(Quic),
    /// HTTP/3.
    H3(Quic, Resource),
}

/// A question for the task that holds the connection.
pub(super) struct Order {
    /// The question; its id is the task's to choose.
    pub(super) query: Query,
    /// Where what came of it is told. Dropped without telling, the connection broke under it, and it
    /// is asked again.
    pub(super) answer: oneshot::Sender<Told>,
}

/// What came of a question: a message that answers it, and what the gate saw in it.
pub(super) type Told = Result<(Vec<u8>, Reading), Trouble>;

// === impl Line ===

impl Line {
    /// A line that is not open yet.
    pub(super) fn new(address: SocketAddr, transport: Transport, pace: Pace) -> Self {
        Line {
            address,
            transport,
            pace,
            connection: Mutex::new(None),
            failed: AtomicU64::new(0),
            failed_with: StdMutex::new(Trouble::Silent),
        }
    }

    /// Asks, and waits for the answer as long as it is polled: the caller sets the end. The id on
    /// the wire is another than the query's.
    pub(super) async fn ask(&self, query: &Query) -> Told {
        let mut trouble = Trouble::Broken;
        for attempt in 1..=ATTEMPTS_MAX {
            let connection =
                if attempt < ATTEMPTS_MAX { self.shared().await? } else { self.open().await? };
            let (answer, waiting) = oneshot::channel();
            let order = Order { query: query.clone(), answer };
            // Either fails only when the connection's task has ended.
            if connection.send(order).await.is_err() {
                continue;
            }
            match waiting.await {
                // A server that leaves takes some questions no more; another connection does.
                Ok(Err(Trouble::Reset)) => trouble = Trouble::Reset,
                Ok(told) => return told,
                Err(_) => trouble = Trouble::Broken,
            }
        }
        Err(trouble)
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
        let Pace { silence, tcp_idle, tls_idle, .. } = self.pace;
        let connecting = async {
            match &self.transport {
                Transport::Tcp => {
                    let stream = connect(self.address).await?;
                    tokio::spawn(Held::new(stream, silence).run(inbox, tcp_idle));
                }
                Transport::Tls(tls) => {
                    let stream = tls.connect(self.address).await?;
                    tokio::spawn(Held::new(stream, silence).run(inbox, tls_idle));
                }
                Transport::Https(tls, resource) => {
                    let stream = tls.connect(self.address).await?;
                    let (requests, ended) = http::over_tls(stream, resource).await?;
                    tokio::spawn(streams::run(requests, ended, inbox, silence, tls_idle));
                }
                Transport::Quic(quic) => {
                    let connection = quic.connect(self.address).await?;
                    let doq = Doq(connection.clone());
                    let ended = async move {
                        // Why it ended, every open question learns by itself.
                        let _why = connection.closed().await;
                    };
                    tokio::spawn(streams::run(doq, ended, inbox, silence, tls_idle));
                }
                Transport::H3(quic, resource) => {
                    let connection = quic.connect(self.address).await?;
                    let (requests, ended) = http3::over_quic(connection, resource).await?;
                    tokio::spawn(streams::run(requests, ended, inbox, silence, tls_idle));
                }
            }
            Ok(orders)
        };
        // In a box, so that questions which find the connection open do not carry its size.
        let opened = tokio::time::timeout(self.pace.connect, Box::pin(connecting)).await;
        opened.unwrap_or(Err(Trouble::Silent))
    }
}

/// A TCP connection.
pub(super) async fn connect(address: SocketAddr) -> Result<TcpStream, Trouble> {
    let stream = TcpStream::connect(address).await.map_err(|error| Trouble::of_io(&error))?;
    // Questions are small and alone: waiting to fill a segment only delays them.
    stream.set_nodelay(true).map_err(|error| Trouble::of_io(&error))?;
    Ok(stream)
}
