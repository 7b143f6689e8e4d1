//! One upstream: how it is spoken to, and what has been learnt about it.
//!
//! Start at [`Server::exchange`]. Knows nothing of the other upstreams; `mod.rs` chooses.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::RootCertStore;
use tracing::{info, warn};

use super::answer::{RCODE_FORMERR, RCODE_NOTIMP, RCODE_REFUSED, RCODE_SERVFAIL, Reading};
use super::health::{Health, Turn};
use super::http::Resource;
use super::http3::THEIR_STREAMS_MAX;
use super::line::{Line, Transport};
use super::plain::{self, Effort, Heard, Way};
use super::pool::Pools;
use super::query::{Form, HEADER_OCTETS, Query, Question};
use super::quic::Quic;
use super::tls::Tls;
use super::trouble::Trouble;
use super::{Pace, UpstreamState};
use crate::clock::{Clock, Tick};
use crate::config::settings::{Scheme, UpstreamUrl};
use crate::dns::tls::alpn;

/// One upstream.
pub(super) struct Server {
    url: UpstreamUrl,
    /// The address as it is written in the config.
    written: String,
    health: Health,
    /// Where a plain upstream is asked from.
    pools: Pools,
    /// The connection it is asked over; for a plain upstream, where cut answers are fetched.
    line: Line,
    /// It has not been seen to change the letters of a question.
    keeps_letters: AtomicBool,
    /// It has not been seen to need questions without EDNS.
    takes_edns: AtomicBool,
    clock: Clock,
    pace: Pace,
}

/// What an upstream said.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply {
    /// How good it is.
    pub(super) worth: Worth,
    /// The message, cut behind its last counted record, the question in lower case.
    pub(super) octets: Arc<[u8]>,
}

/// How good a reply is; another upstream is asked for anything but the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Worth {
    /// SERVFAIL, REFUSED, FORMERR or NOTIMP: another may know.
    Unwilling,
    /// The answer was cut, and could not be had over TCP.
    Cut,
    /// An answer.
    Good,
}

// === impl Server ===

impl Server {
    pub(super) fn new(
        url: &UpstreamUrl,
        roots: Option<&Arc<RootCertStore>>,
        clock: &Clock,
        pace: Pace,
    ) -> Self {
        let transport = roots.map_or(Transport::Tcp, |roots| encrypted(url, roots, clock));
        Server {
            written: written(url),
            url: url.clone(),
            health: Health::default(),
            pools: Pools::new(url.address),
            line: Line::new(url.address, transport, pace),
            keeps_letters: AtomicBool::new(true),
            takes_edns: AtomicBool::new(true),
            clock: clock.clone(),
            pace,
        }
    }

    /// The address as it is written in the config.
    pub(super) fn url(&self) -> &str {
        &self.written
    }

    /// Its record.
    pub(super) fn health(&self) -> &Health {
        &self.health
    }

    /// The time its record is kept by.
    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// What `amparo status` shows of it.
    pub(super) fn state(&self) -> UpstreamState {
        let standing = self.health.standing();
        UpstreamState {
            url: self.written.clone(),
            healthy: standing.healthy,
            latency_ms: standing.latency_millis,
            last_error: self.health.last_error(),
        }
    }

    /// Asks, waits as long as it is polled, and keeps the record.
    pub(super) async fn exchange(
        &self,
        question: &Question,
        effort: Effort,
    ) -> Result<Reply, Trouble> {
        let began = self.clock.tick();
        let result = self.ask_as_it_can(question, effort).await;
        let now = self.clock.tick();
        let took = now.millis_since(began);
        match &result {
            Ok(reply) if reply.worth == Worth::Unwilling => {
                self.health.declined(now, took, &Trouble::Declined.to_string());
            }
            Ok(_) => self.log(self.health.answered(now, took), None),
            Err(trouble) => self.failed(now, trouble),
        }
        result
    }

    /// It failed for certain.
    pub(super) fn failed(&self, now: Tick, trouble: &Trouble) {
        self.log(self.health.failed(now, &trouble.to_string()), Some(trouble));
    }

    /// It let a whole wait pass, or declined where another knew.
    pub(super) fn missed(&self, now: Tick, trouble: &Trouble) {
        self.log(self.health.missed(now, &trouble.to_string()), Some(trouble));
    }

    /// With EDNS first; once without, for those who refuse it (RFC 6891 §6.2.2).
    async fn ask_as_it_can(&self, question: &Question, effort: Effort) -> Result<Reply, Trouble> {
        let edns = self.takes_edns.load(Ordering::Relaxed);
        let heard = self.ask_in_letters(question, edns, effort).await?;
        let refuses = matches!(heard.reading.rcode, RCODE_FORMERR | RCODE_NOTIMP);
        if edns
            && refuses
            && !heard.reading.has_opt
            // Boxed like all that is rare, so that other questions do not carry its size.
            && let Ok(bare) = Box::pin(self.ask_in_letters(question, false, effort)).await
            && worth(&bare.reading) == Worth::Good
        {
            self.takes_edns.store(false, Ordering::Relaxed);
            return Ok(reply(bare, question));
        }
        Ok(reply(heard, question))
    }

    /// With letters in random case over UDP; in lower case for those who change them.
    async fn ask_in_letters(
        &self,
        question: &Question,
        edns: bool,
        effort: Effort,
    ) -> Result<Heard, Trouble> {
        let plain = Form { edns, padded: false, mixed_case: false };
        if self.url.scheme != Scheme::Udp {
            let form = Form { padded: self.url.scheme.is_encrypted(), ..plain };
            return Box::pin(self.ask_over_line(question, form)).await;
        }
        let mixed_case = self.keeps_letters.load(Ordering::Relaxed);
        let query = Query::new(question, Form { mixed_case, ..plain });
        let way = Way { pools: &self.pools, line: &self.line, pace: &self.pace };
        match plain::ask(way, query, effort, self.clock.tick()).await {
            Ok(heard) => {
                if heard.changes_letters {
                    self.keeps_letters.store(false, Ordering::Relaxed);
                }
                Ok(heard)
            }
            Err(Trouble::LettersChanged) => {
                let query = Query::new(question, plain);
                let asking = plain::ask(way, query, effort, self.clock.tick());
                let heard = Box::pin(asking).await?;
                self.keeps_letters.store(false, Ordering::Relaxed);
                Ok(heard)
            }
            Err(trouble) => Err(trouble),
        }
    }

    async fn ask_over_line(&self, question: &Question, form: Form) -> Result<Heard, Trouble> {
        let (octets, reading) = self.line.ask(&Query::new(question, form)).await?;
        Ok(Heard { octets: octets[..reading.end].into(), reading, changes_letters: false })
    }

    fn log(&self, turn: Turn, trouble: Option<&Trouble>) {
        let upstream = self.url();
        match (turn, trouble) {
            (Turn::WentDown, Some(trouble)) => warn!(upstream, %trouble, "upstream is down"),
            (Turn::CameBack, _) => info!(upstream, "upstream answers again"),
            (Turn::WentDown, None) | (Turn::Same, _) => {}
        }
    }
}

fn worth(reading: &Reading) -> Worth {
    if reading.truncated {
        return Worth::Cut;
    }
    match reading.rcode {
        RCODE_FORMERR | RCODE_SERVFAIL | RCODE_NOTIMP | RCODE_REFUSED => Worth::Unwilling,
        _ => Worth::Good,
    }
}

/// Takes our random letters back.
fn reply(heard: Heard, question: &Question) -> Reply {
    let Heard { mut octets, reading, .. } = heard;
    // Nobody else holds them yet, so nothing is copied.
    let message = Arc::make_mut(&mut octets);
    if reading.truncated {
        // Its records were left out, so that nobody takes them for the answer.
        message[6..HEADER_OCTETS].fill(0);
    }
    set_name(message, question.name().wire());
    Reply { worth: worth(&reading), octets }
}

/// Writes the question's name anew, in another case.
pub(super) fn set_name(octets: &mut [u8], name: &[u8]) {
    if let Some(place) = octets.get_mut(HEADER_OCTETS..HEADER_OCTETS + name.len()) {
        place.copy_from_slice(name);
    }
}

/// How an encrypted upstream is connected to.
fn encrypted(url: &UpstreamUrl, roots: &Arc<RootCertStore>, clock: &Clock) -> Transport {
    match url.scheme {
        Scheme::Udp | Scheme::Tcp => Transport::Tcp,
        Scheme::Tls => Transport::Tls(Tls::new(url, roots, clock, None)),
        Scheme::Https => {
            Transport::Https(Tls::new(url, roots, clock, Some(alpn::H2)), Resource::new(url))
        }
        Scheme::Quic => Transport::Quic(Quic::new(url, roots, clock, alpn::DOQ, 0)),
        Scheme::H3 => {
            let quic = Quic::new(url, roots, clock, alpn::H3, THEIR_STREAMS_MAX);
            Transport::H3(quic, Resource::new(url))
        }
    }
}

/// The address as it is written in the config; port and path only where they are not the usual ones.
fn written(url: &UpstreamUrl) -> String {
    let scheme = url.scheme.word();
    let address = match (url.address.port() == url.scheme.port(), url.address.ip()) {
        (true, std::net::IpAddr::V4(ip)) => ip.to_string(),
        (true, std::net::IpAddr::V6(ip)) => format!("[{ip}]"),
        (false, _) => url.address.to_string(),
    };
    let path = url.path.as_deref().unwrap_or_default();
    let name = url.tls_name.as_ref().map(|name| format!("#{name}")).unwrap_or_default();
    format!("{scheme}://{address}{path}{name}")
}
