//! Questions over one stream, TCP or TLS, each behind its length.
//!
//! They are pipelined and answers come in any order (RFC 7766 §6.2.1); each message stands behind its
//! length in two octets (RFC 1035 §4.2.2). Start at [`Held::run`]. Knows nothing of connecting.

use std::collections::HashMap;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;

use super::answer::is_answer_to;
use super::line::{OPEN_MAX, Order};

/// Octets read at once.
const READ_OCTETS: usize = 4096;

/// An open connection.
pub(super) struct Held<S> {
    stream: S,
    /// Octets read and not yet a whole message.
    read: Vec<u8>,
    open: HashMap<u16, Order>,
    silence: Duration,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Held<S> {
    pub(super) fn new(stream: S, silence: Duration) -> Self {
        Held { stream, read: Vec::with_capacity(READ_OCTETS), open: HashMap::new(), silence }
    }

    /// Ends by dropping every open order, which tells those who wait that the connection broke.
    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Order>, idle: Duration) {
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
                let _gone = order.answer.send(Ok((message.to_vec(), reading)));
            }
        }
        self.read.drain(..at);
    }
}
