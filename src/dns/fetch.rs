//! Asking upstream for what is not in the cache.
//!
//! Whom, how long, whether the answer is checked, and what is kept of it. Start at
//! [`Resolver::fetch_or_give_up`]. What becomes of the answer is `mod.rs`'s business.

use std::sync::Arc;
use std::time::Duration;

use super::desk::Sight;
use super::rewrite::Response;
use super::upstream::{self, Failure, FailureKind};
use super::{EDE_INVALID_DATA, Resolver, Waiting, records, wire};
use crate::name::Name;

/// EDE "No Reachable Authority" (RFC 8914 §4.23).
pub(super) const EDE_UNREACHABLE: u16 = 22;
/// How long upstream is waited for where an expired answer could serve (RFC 8767 §5).
const STALE_WAIT: Duration = Duration::from_millis(1800);

impl Resolver {
    /// [`Resolver::fetch`]; where an expired answer is held, only as long as a client would wait
    /// before that one serves. The answer is fetched to its end all the same, for the next client.
    pub(super) async fn fetch_or_give_up(
        self: &Arc<Self>,
        waiting: &Arc<Waiting>,
    ) -> Result<Arc<Response>, u16> {
        if !waiting.holds_stale {
            return self.clone().fetch(waiting.clone()).await;
        }
        let fetching = tokio::spawn(self.clone().fetch(waiting.clone()));
        let fetched = Box::pin(tokio::time::timeout(STALE_WAIT, fetching)).await;
        if let Ok(Ok(outcome)) = fetched {
            return outcome;
        }
        let none = Response::unanswered(&waiting.wanted, waiting.question.qtype, EDE_UNREACHABLE);
        self.cache.insert(&waiting.key(), Arc::new(none), self.beside.clock.tick());
        Err(EDE_UNREACHABLE)
    }

    /// Asks the group of upstreams, and has the answer checked where that is done here and the
    /// client did not say that it does so itself (RFC 4035 §3.2.2).
    async fn ask_upstream(waiting: &Waiting) -> Result<Arc<[u8]>, Failure> {
        let Waiting { sight, question, wanted, group, .. } = waiting;
        let Sight { state, moment, now, .. } = sight;
        let upstreams = state.upstreams_of(*group);
        let ask = ask(wanted, waiting);
        if !state.validates() {
            return upstreams.ask(ask).await;
        }
        // No signature can be judged by a time that is not known; and no chain leads to what is
        // asked elsewhere.
        let is_checked = !question.checking_disabled
            && question.qclass == wire::CLASS_IN
            && !moment.time_unknown
            && !state.is_forwarded(wanted);
        if is_checked {
            // In a box: it is large, and only those who validate carry it.
            return Box::pin(upstreams.ask_checked(ask, *now)).await;
        }
        // AD would say that it was checked here.
        upstreams.ask(ask).await.map(upstream::unauthenticated)
    }

    /// Asks upstream, and keeps what came of it, failures too (RFC 9520 §3).
    pub(super) async fn fetch(
        self: Arc<Self>,
        waiting: Arc<Waiting>,
    ) -> Result<Arc<Response>, u16> {
        let Waiting { sight, question, wanted, .. } = &*waiting;
        let read = match Self::ask_upstream(&waiting).await {
            // Malformed although it matched the question: as good as no answer (RFC 8914 §4.25).
            Ok(octets) => Response::read(&octets, wanted, question.qtype)
                .map(|response| Arc::new(response.judged_by(&sight.state)))
                .map_err(|_| EDE_INVALID_DATA),
            // Nobody was asked, so nothing was learnt.
            Err(failure) if failure.kind == FailureKind::Busy => {
                return Err(failure.extended_error());
            }
            Err(failure) => Err(failure.extended_error()),
        };
        let kept = match &read {
            Ok(response) => response.clone(),
            Err(code) => Arc::new(Response::unanswered(wanted, question.qtype, *code)),
        };
        self.cache.insert(&waiting.key(), kept, self.beside.clock.tick());
        read
    }
}

/// What is asked upstream.
fn ask<'a>(wanted: &'a Name, waiting: &'a Waiting) -> upstream::Ask<'a> {
    let question = &waiting.question;
    let own = *wanted == question.name;
    let as_asked = waiting.packet.get(records::HEADER_OCTETS..question.end - 4).filter(|_| own);
    upstream::Ask {
        name: wanted,
        name_as_asked: as_asked.unwrap_or(wanted.wire()),
        qtype: question.qtype,
        qclass: question.qclass,
        dnssec_ok: question.dnssec_ok(),
        checking_disabled: question.checking_disabled,
        // Always wanted: the answer is kept for clients that understand it too.
        authentic_data: true,
    }
}
