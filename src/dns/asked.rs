//! One question with all that is known of whoever asks it, while its answer is made.
//!
//! What may be handed on to whom, and for how long; what is noted of it. Which way an answer comes
//! about is the business of the module above.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::LOCAL_TTL_SECONDS;
use super::answer;
use super::desk::Sight;
use super::discovery;
use super::notes::{Allowance, Note, Notes};
use super::rewrite::{Aged, Response};
use super::tls::Identity;
use super::wire::{Question, rcode};
use crate::clients::Client;
use crate::enforce::Given;
use crate::name::Name;
use crate::policy::local::LocalAnswer;
use crate::policy::{self, Reason, Verdict};
use crate::roster::{Did, SignKind};

/// The addresses of `localhost` (RFC 6761 §6.3).
const LOOPBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// What an answer is made from.
pub(super) struct Asked<'a> {
    pub(super) sight: &'a Sight,
    /// The address it was asked from.
    pub(super) from: IpAddr,
    pub(super) packet: &'a [u8],
    pub(super) question: &'a Question,
    pub(super) client: &'a Client,
    pub(super) verdict: Verdict,
    /// How much of it is noted; none: whatever went upstream is bounded there.
    pub(super) allowance: Option<&'a mut Allowance>,
    pub(super) notes: &'a mut Notes,
}

impl Asked<'_> {
    /// Notes the answer for the journal. `judged` is the name that a rule spoke of.
    pub(super) fn note(&mut self, verdict: Verdict, judged: &Name) {
        let Asked { sight, client, question, .. } = *self;
        let level = sight.state.facts(client.subject).journal;
        let allowance = self.allowance.as_deref_mut().map(|allowance| (allowance, sight.tick));
        self.notes.keep(level, verdict, allowance, || Note {
            client: client.clone(),
            verdict,
            name: question.name,
            judged: *judged,
            at: sight.now,
        });
    }

    /// Notes that encrypted DNS was looked for, at a name under which nobody has any here (RFC 9462).
    #[cold]
    pub(super) fn note_discovery(&mut self) {
        let name = &self.question.name;
        if policy::local::is_discovery(name) {
            let (state, client) = (&self.sight.state, self.client);
            self.notes.suspect(state, client, || Did::Sign(SignKind::Discovery, name.to_string()));
        }
    }

    /// Counts the answer against the budgets it takes time of.
    pub(super) fn count(&mut self) {
        let budgets = self.verdict.metered;
        if !budgets.is_empty() {
            let tick = self.sight.tick;
            let allowance = self.allowance.as_deref_mut().map(|allowance| (allowance, tick));
            self.notes.count(self.client.subject, budgets, allowance);
        }
    }

    /// Whether the name asked may not lead into the house: it is no name of the house, nor one that
    /// always answers.
    #[cold]
    pub(super) fn guards_the_house(&self) -> bool {
        self.verdict.reason != Reason::Essential
            && !self.sight.state.may_lead_home(&self.question.name)
    }

    /// An answer in the form in which the client may see it.
    pub(super) fn may_see<'r>(&self, response: &'r Response) -> &'r Response {
        match response.without_ech() {
            Some(bare) if self.sight.state.facts(self.client.subject).is_child => bare,
            Some(_) | None => response,
        }
    }

    /// Notes the addresses that the answer hands out.
    #[cold]
    pub(super) fn note_handed(&mut self, response: &Response, aged: Aged) {
        let Asked { sight, client, question, from, .. } = *self;
        let given = || Given {
            device: Arc::clone(&client.device),
            from,
            subject: sight.state.facts(client.subject).id.clone(),
            name: question.name,
            addresses: Vec::new(),
        };
        self.notes.handing.note(from, question, response, (aged, sight.tick), given);
    }

    /// The longest this answer may be kept.
    pub(super) fn ttl_cap_seconds(&self) -> u32 {
        let Sight { state, moment, now, .. } = self.sight;
        state.house.policy.ttl_seconds_max(self.client.subject, moment, *now)
    }

    /// The longest may be kept what is our own, and has no other TTL where nothing caps it.
    pub(super) fn own_ttl_seconds(&self) -> u32 {
        LOCAL_TTL_SECONDS.min(self.ttl_cap_seconds())
    }

    /// Tells where encrypted questions come in; false where nobody would be answered there. `to` is the
    /// address that was asked: ours.
    #[cold]
    pub(super) fn designate(&self, identity: &Identity, to: IpAddr, out: &mut Vec<u8>) -> bool {
        let settings = self.sight.state.house.config.dns.encrypted.as_deref();
        let (Some(settings), Some(hostname)) = (settings, identity.hostname()) else {
            return false;
        };
        let ways = discovery::designations(settings, &hostname, to);
        if !ways.is_empty() {
            answer::services(self.packet, self.question, &ways, self.own_ttl_seconds(), out);
        }
        !ways.is_empty()
    }

    /// Answers a name that is the house's own. `to` is the address that was asked: ours.
    pub(super) fn answer_here(&self, local: LocalAnswer, to: IpAddr, out: &mut Vec<u8>) {
        let ttl = self.own_ttl_seconds();
        let names = &self.sight.state.house.policy.household.local;
        let myself = [to];
        let addresses: &[IpAddr] = match local {
            LocalAnswer::Records => names.addresses(&self.question.name),
            LocalAnswer::Loopback => &LOOPBACK,
            LocalAnswer::Myself => &myself,
            LocalAnswer::Designated | LocalAnswer::NoData | LocalAnswer::Blocked => &[],
            LocalAnswer::NoName => {
                let (packet, question) = (self.packet, self.question);
                return answer::empty(packet, question, rcode::NXDOMAIN, Some(ttl), None, out);
            }
        };
        answer::addresses(self.packet, self.question, addresses, ttl, None, out);
    }
}
