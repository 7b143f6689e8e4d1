//! Questions that have a stream each: HTTP/2, HTTP/3, DNS over QUIC.
//!
//! What is the same for the three: how many are open, that each is told what came of it and none
//! harms another, when the connection counts as dead or idle, and a polite end. What differs is one
//! question on one stream ([`Streams::ask`]). Start at [`run`]. Knows nothing of connecting.
//!
//! Messages carry the id 0 (RFC 8484 §4.1, RFC 9250 §4.2.1): a stream tells questions apart.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::answer::is_answer_to;
use super::line::{OPEN_MAX, Order};
use super::trouble::Trouble;

/// The longest message an answer may be, in octets (RFC 1035 §4.2.2: two octets say how long).
pub(super) const MESSAGE_OCTETS_MAX: usize = 65_535;

/// An open connection. A clone is another handle of it.
pub(super) trait Streams: Clone + Send + 'static {
    /// Asks over a stream of its own: one message out, one back, of at most
    /// [`MESSAGE_OCTETS_MAX`]. [`Trouble::Broken`] says that the connection takes no more.
    fn ask(self, message: Vec<u8>) -> impl Future<Output = Result<Vec<u8>, Trouble>> + Send;

    /// Says farewell, where dropping the last handle does not.
    fn close(self);
}

/// What became of a stream.
#[derive(PartialEq, Eq)]
enum Outcome {
    /// The server said something, good or bad.
    Heard,
    /// Whoever asked has gone.
    Forsaken,
    /// The connection takes no more questions.
    Broken,
}

/// Holds a connection until it breaks, idles, or nobody can ask over it any more. `ended` is done
/// when it has closed, and has to be polled for anything to happen on it. Ends by dropping every
/// open order, which tells those who wait that the connection broke.
pub(super) async fn run<S: Streams>(
    streams: S,
    ended: impl Future<Output = ()> + Send,
    mut inbox: mpsc::Receiver<Order>,
    silence: Duration,
    idle: Duration,
) {
    let mut ended = std::pin::pin!(ended);
    let mut open = JoinSet::new();
    // Runs out when nothing came for too long: with questions open the connection is dead, without
    // it is idle.
    let mut patience = std::pin::pin!(sleep(idle));
    let mut takes = true;
    loop {
        tokio::select! {
            order = inbox.recv(), if takes && open.len() < OPEN_MAX => {
                let Some(order) = order else { break };
                if open.is_empty() {
                    patience.set(sleep(silence));
                }
                open.spawn(answer(streams.clone(), order));
            }
            Some(done) = open.join_next() => {
                if matches!(done, Ok(Outcome::Broken)) {
                    // What is open may still be answered; whoever asks from now on opens another.
                    takes = false;
                    inbox.close();
                    while inbox.try_recv().is_ok() {}
                }
                if open.is_empty() && !takes {
                    break;
                }
                if open.is_empty() {
                    patience.set(sleep(idle));
                } else if matches!(done, Ok(Outcome::Heard)) {
                    patience.set(sleep(silence));
                }
            }
            () = &mut ended => break,
            () = &mut patience => break,
        }
    }
    inbox.close();
    drop(inbox);
    open.shutdown().await;
    streams.close();
    // A polite end, which a dead peer must not hold up.
    let _unheard = tokio::time::timeout(silence, ended).await;
}

/// Asks one question, and tells what came of it.
async fn answer<S: Streams>(streams: S, order: Order) -> Outcome {
    let Order { query, mut answer } = order;
    let query = query.with_id(0);
    let heard = tokio::select! {
        biased;
        heard = streams.ask(query.octets().to_vec()) => heard,
        // Dropped, the stream is reset: the server is spared the work.
        () = answer.closed() => return Outcome::Forsaken,
    };
    let told = match heard {
        Err(Trouble::Broken) => return Outcome::Broken,
        Err(trouble) => Err(trouble),
        Ok(octets) if octets.is_empty() => Err(Trouble::Odd("it sent an empty answer")),
        Ok(octets) => match is_answer_to(&octets, &query) {
            Ok(reading) => Ok((octets, reading)),
            Err(_) => Err(Trouble::Odd("what it sent is no answer to what was asked")),
        },
    };
    // Whoever asked may have gone; then nobody misses the answer.
    let _gone = answer.send(told);
    Outcome::Heard
}
