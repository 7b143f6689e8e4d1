//! Plain DNS over UDP: one datagram out, and the one that answers it back.
//!
//! What stands between a forger and a child's screen (RFC 5452 §9): a random port that hears one
//! server only (`pool.rs`, `port.rs`); a random id; letters in random case; and only a reply to
//! the whole question counts. What does not count is passed over, never fatal; a few such
//! replies, and the question goes over TCP, where nobody off the path can answer. Start at
//! [`ask`].

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::Pace;
use super::answer::Reading;
use super::line::Line;
use super::pool::Pools;
use super::port::{News, Ticket};
use super::query::Query;
use super::trouble::Trouble;
use crate::clock::Tick;

/// How much is done for one question at one upstream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effort {
    /// How often the datagram is sent at most; the same one, so that a forger has one to guess.
    pub(super) sends: u32,
    /// The time between two.
    pub(super) gap: Duration,
    /// Whether a refusal is waited out while sends are left: a server that restarts refuses for a
    /// moment. Not where somebody else can be asked at once.
    pub(super) waits_out_refusals: bool,
}

/// An answer, and what it showed about the server.
#[derive(Debug)]
pub(super) struct Heard {
    /// The message as it came, up to its last counted record.
    pub(super) octets: Arc<[u8]>,
    /// What is in it.
    pub(super) reading: Reading,
    /// The server was seen to change the letters of the question, by a way nobody can forge.
    pub(super) changes_letters: bool,
}

/// Where a question is asked.
#[derive(Clone, Copy)]
pub(super) struct Way<'a> {
    /// Over UDP.
    pub(super) pools: &'a Pools,
    /// Over TCP.
    pub(super) line: &'a Line,
    pub(super) pace: &'a Pace,
}

/// Asks one upstream, and waits for the answer as long as it is polled: the caller sets the end.
/// An answer that was cut is fetched over TCP; when that fails, the cut one is returned.
pub(super) async fn ask(
    way: Way<'_>,
    mut query: Query,
    effort: Effort,
    now: Tick,
) -> Result<Heard, Trouble> {
    let port = way.pools.port(now).map_err(|error| Trouble::of_io(&error))?;
    let ticket = Ticket::take(port, &mut query);
    let mut unsent = effort.sends;
    // Nothing to wait for before the first: it goes at once.
    let mut is_due = true;
    let mut gap = pin!(sleep(effort.gap));
    loop {
        let news = if is_due {
            is_due = false;
            unsent -= 1;
            match send(&ticket, &query).await {
                Ok(()) => continue,
                Err(trouble) => News::Failed(trouble),
            }
        } else {
            tokio::select! {
                biased;
                news = ticket.news() => news,
                () = &mut gap, if unsent > 0 => {
                    is_due = true;
                    gap.set(sleep(effort.gap));
                    continue;
                }
            }
        };
        match news {
            News::Heard(octets, reading) => return judge(way, &query, octets, reading).await,
            News::NearMisses => {
                if let Ok(heard) = Box::pin(over_tcp(way.line, &query, way.pace.try_wait)).await {
                    return Ok(heard);
                }
            }
            News::Drowned => return Err(Trouble::Drowned),
            News::Failed(trouble) if unsent == 0 || !effort.waits_out_refusals => {
                return Err(trouble);
            }
            News::Failed(_) => {}
        }
    }
}

/// The same datagram each time, so that a forger has one to guess; without EDNS for a server that
/// seems to refuse it.
async fn send(ticket: &Ticket, query: &Query) -> Result<(), Trouble> {
    if ticket.refuses_edns() {
        return ticket.send(query.without_edns().octets()).await;
    }
    ticket.send(query.octets()).await
}

/// What a datagram that passed the gate is worth.
async fn judge(
    way: Way<'_>,
    query: &Query,
    octets: Arc<[u8]>,
    reading: Reading,
) -> Result<Heard, Trouble> {
    if reading.truncated {
        let cut = Heard { octets, reading, changes_letters: false };
        let whole = Box::pin(over_tcp(way.line, query, way.pace.tcp_retry)).await;
        return Ok(whole.unwrap_or(cut));
    }
    if reading.same_case || !query.is_mixed_case() {
        return Ok(Heard { octets, reading, changes_letters: false });
    }
    // Somebody guessed all but the letters, or the server does not keep them. Over TCP we hear
    // which; if it is silent there, the caller asks once more in lower case.
    let heard = Box::pin(over_tcp(way.line, query, way.pace.try_wait)).await;
    heard.map_err(|_| Trouble::LettersChanged)
}

/// The same question over TCP. Boxed: few questions go there, and all would carry its size.
async fn over_tcp(line: &Line, query: &Query, span: Duration) -> Result<Heard, Trouble> {
    match tokio::time::timeout(span, line.ask(query)).await {
        Ok(Ok((octets, reading))) => {
            let changes_letters = query.is_mixed_case() && !reading.same_case;
            Ok(Heard { octets: octets[..reading.end].into(), reading, changes_letters })
        }
        Ok(Err(trouble)) => Err(trouble),
        Err(_) => Err(Trouble::Silent),
    }
}
