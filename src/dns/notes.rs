//! What is told the journal and the counters when nobody waits for an answer any more.
//!
//! While a batch is answered, [`Notes`] are taken: numbers, and for each answer the journal keeps
//! a [`Note`] of ids. What makes text of it comes later ([`Notes::settle`]). A device that asks in a
//! flood is noted in numbers only ([`Allowance`]): its attempts are one already.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;

use super::desk::Seat;
use super::handing::Handing;
use super::state::State;
use crate::clients::Client;
use crate::clock::Tick;
use crate::enforce::Handed;
use crate::journal::{Entry, Journal};
use crate::ledger::Ledger;
use crate::name::Name;
use crate::policy::budget::BudgetSet;
use crate::policy::rules::{JournalLevel, SubjectId};
use crate::policy::tags::TagKind;
use crate::policy::{Action, Reason, ReasonKind, Verdict};
use crate::roster::{Did, Roster, Sighting, Suspect};

/// Notes one device may take in a second, and at once. A page full of trackers takes a hundred; a
/// program that retries as fast as it can, some thousand.
const NOTES_PER_SECOND: u32 = 1_000;
/// Notes a device may save up: two seconds' worth.
const NOTES_SAVED_MAX: u32 = 2 * NOTES_PER_SECOND;

/// What may be ways around of one batch: more says nothing that so many do not.
const SUSPECTS_MAX: usize = 64;

/// What was answered since the start.
#[derive(Debug, Default)]
pub struct Counts {
    /// Questions.
    pub queries: AtomicU64,
    /// Of these, closed.
    pub blocked: AtomicU64,
    /// Of these, answered from the cache.
    pub cached: AtomicU64,
    /// Questions for which the cache had nothing that could be handed on.
    pub missed: AtomicU64,
    /// Of these, not answered because no upstream did.
    pub failed: AtomicU64,
    /// Questions that came too fast, and were told to come over TCP.
    pub limited: AtomicU64,
}

/// Where notes are brought.
pub(super) struct Books<'a> {
    pub(super) counts: &'a Counts,
    pub(super) journal: &'a Journal,
    pub(super) ledger: &'a Ledger,
    pub(super) roster: &'a Roster,
    pub(super) handed: &'a Handed,
}

/// What was noted of a batch, or of one answer.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) queries: u64,
    pub(super) blocked: u64,
    pub(super) cached: u64,
    pub(super) missed: u64,
    pub(super) failed: u64,
    pub(super) limited: u64,
    /// Each with the number of queries of the flood it stands for; 0: it stands for itself.
    kept: Vec<(Note, u64)>,
    /// Who used what a budget limits.
    used: Vec<(SubjectId, BudgetSet)>,
    /// Who asked how often.
    seen: Vec<Sighting>,
    /// What may be ways around.
    suspects: Vec<Suspect>,
    /// Addresses that were given out.
    pub(super) handing: Handing,
    /// Which batch this is.
    batch: u64,
}

/// One answer to be remembered.
#[derive(Debug)]
pub(super) struct Note {
    pub(super) client: Client,
    pub(super) verdict: Verdict,
    /// The name asked.
    pub(super) name: Name,
    /// The name that was judged: the one asked, or one met in its answer.
    pub(super) judged: Name,
    pub(super) at: Timestamp,
}

/// How many notes a device may still take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    left: u32,
    since: Tick,
    /// The batch and the places of the notes that count its floods: of open answers, of closed ones.
    floods: (u64, [Option<usize>; 2]),
    /// The second, and the budgets that this device was counted against in it.
    counted: (u64, BudgetSet),
}

// === impl Allowance ===

impl Default for Allowance {
    fn default() -> Self {
        Allowance {
            left: NOTES_SAVED_MAX,
            since: Tick(0),
            floods: (0, [None; 2]),
            counted: (0, BudgetSet::EMPTY),
        }
    }
}

impl Allowance {
    /// Whether one more note may be taken.
    fn take(&mut self, now: Tick) -> bool {
        let earned = now.millis_since(self.since) * u64::from(NOTES_PER_SECOND) / 1000;
        if earned > 0 {
            self.since = now;
            let left = u64::from(self.left).saturating_add(earned).min(NOTES_SAVED_MAX.into());
            self.left = u32::try_from(left).unwrap_or(NOTES_SAVED_MAX);
        }
        let may = self.left > 0;
        self.left = self.left.saturating_sub(1);
        may
    }

    /// Those of the budgets that this device was not counted against yet in this second. Time is
    /// counted in minutes, but whoever counts has minutes of another clock: those of this one could
    /// hide the question that shows that somebody is there in the next.
    fn not_counted(&mut self, budgets: BudgetSet, now: Tick) -> BudgetSet {
        let second = now.0 / 1_000;
        if self.counted.0 != second {
            self.counted = (second, BudgetSet::EMPTY);
        }
        let new = budgets.minus(self.counted.1);
        self.counted.1 = self.counted.1.union(budgets);
        new
    }

    /// Where the flood of this batch is counted.
    fn flood(&mut self, batch: u64, is_blocked: bool) -> &mut Option<usize> {
        if self.floods.0 != batch {
            self.floods = (batch, [None; 2]);
        }
        &mut self.floods.1[usize::from(is_blocked)]
    }
}

// === impl Notes ===

impl Notes {
    /// Takes a note where the journal keeps such. Without an allowance there is no limit: whatever
    /// went upstream is bounded there.
    pub(super) fn keep(
        &mut self,
        level: JournalLevel,
        verdict: Verdict,
        allowance: Option<(&mut Allowance, Tick)>,
        note: impl FnOnce() -> Note,
    ) {
        if !is_kept(level, verdict) {
            return;
        }
        let flood = allowance.and_then(|(allowance, now)| {
            let is_flood = !allowance.take(now);
            is_flood.then(|| allowance.flood(self.batch, verdict.action == Action::Block))
        });
        match flood {
            None => self.kept.push((note(), 0)),
            Some(Some(place)) => self.kept[*place].1 += 1,
            Some(place @ None) => {
                *place = Some(self.kept.len());
                self.kept.push((note(), 1));
            }
        }
    }

    /// Notes that somebody uses what budgets limit.
    pub(super) fn count(
        &mut self,
        subject: SubjectId,
        budgets: BudgetSet,
        allowance: Option<(&mut Allowance, Tick)>,
    ) {
        let new = allowance.map_or(budgets, |(allowance, now)| allowance.not_counted(budgets, now));
        if !new.is_empty() {
            self.used.push((subject, new));
        }
    }

    /// Notes what a client asked since this was noted last.
    pub(super) fn saw(&mut self, seat: &mut Seat) {
        self.seen.extend(seat.sighting());
    }

    /// Notes one question of a client that has no place yet.
    pub(super) fn saw_one(&mut self, client: &Client, address: Option<IpAddr>) {
        self.seen.push(Sighting { device: Arc::clone(&client.device), address, queries: 1 });
    }

    /// Notes what may be a way around. What adults do is nobody's business.
    #[cold]
    pub(super) fn suspect(&mut self, state: &State, client: &Client, what: impl FnOnce() -> Did) {
        if self.suspects.len() < SUSPECTS_MAX && state.watches(client.subject) {
            self.suspects.push(Suspect { device: Arc::clone(&client.device), what: what() });
        }
    }

    /// Brings the notes where they belong.
    pub(super) fn settle(&mut self, state: &State, now: Tick, books: &Books<'_>) {
        let Books { counts, journal, ledger, roster, handed } = *books;
        self.handing.settle(handed, now);
        let numbers = [
            (&counts.queries, &mut self.queries),
            (&counts.blocked, &mut self.blocked),
            (&counts.cached, &mut self.cached),
            (&counts.missed, &mut self.missed),
            (&counts.failed, &mut self.failed),
            (&counts.limited, &mut self.limited),
        ];
        for (count, noted) in numbers.into_iter().filter(|(_, noted)| **noted > 0) {
            count.fetch_add(std::mem::take(noted), Ordering::Relaxed);
        }
        for (note, flood) in self.kept.drain(..) {
            let entry = note.entry(state);
            match flood {
                0 => journal.record(entry),
                queries => journal.record_flood(entry, queries),
            }
        }
        let household = &state.house.policy.household;
        for (subject, budgets) in self.used.drain(..) {
            ledger.touch(household, subject, budgets);
        }
        if !self.seen.is_empty() {
            roster.note(&household.zone, self.seen.drain(..));
        }
        if !self.suspects.is_empty() {
            roster.suspect(&household.zone, self.suspects.drain(..));
        }
        self.batch += 1;
    }
}

/// Whether the journal keeps such an answer.
fn is_kept(level: JournalLevel, verdict: Verdict) -> bool {
    let of_level = match level {
        JournalLevel::Off => false,
        JournalLevel::Counts | JournalLevel::Sites | JournalLevel::Names => {
            verdict.action == Action::Block
        }
        JournalLevel::All => true,
    };
    // Help and local names are nobody's business; canaries are browsers' probes.
    let kind = verdict.reason.kind();
    of_level && !matches!(kind, ReasonKind::Essential | ReasonKind::Local | ReasonKind::Bypass)
}

// === impl Note ===

impl Note {
    fn entry(self, state: &State) -> Entry {
        let Note { client, verdict, name, judged, at } = self;
        let facts = state.facts(client.subject);
        let policy = &state.house.policy;
        let tags = policy.tags_of(&judged);
        let table = &policy.household.tags;
        let of_kind = |kind| tags.iter().find(|&tag| table.info(tag).kind == kind);
        // A site whose list must advertise nothing is kept as its category, without a name.
        let hidden = tags.iter().find(|&tag| table.info(tag).hidden);
        let service = hidden.or_else(|| of_kind(TagKind::Service));
        let of_service = || service.and_then(|tag| table.info(tag).category);
        let category = if let Reason::Category(tag) = verdict.reason {
            Some(tag)
        } else {
            of_service().or_else(|| of_kind(TagKind::Category))
        };
        let level = facts.journal;
        Entry {
            at,
            subject: facts.id.clone(),
            reason_id: policy.reason_id(client.subject, &judged, verdict.reason).into(),
            device: client.device,
            name,
            blocked: verdict.action == Action::Block,
            kind: verdict.reason.kind(),
            service: service.map(|tag| state.tag_id(tag)),
            category: category.map(|tag| state.tag_id(tag)),
            security: category.is_some_and(|tag| table.info(tag).security),
            level: if hidden.is_some() { level.min(JournalLevel::Sites) } else { level },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::rules::SubjectId;

    #[test]
    fn a_device_saves_up_notes_for_two_seconds() {
        let mut allowance = Allowance::default();
        let mut taken = |now| (0..10_000).filter(|_| allowance.take(Tick(now))).count();
        assert_eq!(taken(5), 2000);
        assert_eq!(taken(5), 0);
        assert_eq!(taken(105), 100);
        assert_eq!(taken(9_000_000), 2000);
    }

    fn note() -> Note {
        let name = Name::ROOT;
        let client = Client { subject: SubjectId::UNKNOWN, device: "10.0.0.9".into() };
        let verdict = Verdict::block(Reason::EverythingClosed);
        Note { client, verdict, name, judged: name, at: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn a_flood_is_one_note_a_batch_for_open_and_for_closed() {
        let mut notes = Notes::default();
        let mut allowance = Allowance { left: 1, since: Tick(7), ..Allowance::default() };
        let (closed, open) = (note().verdict, Verdict::OPEN);
        let mut keep = |verdict| {
            notes.keep(JournalLevel::All, verdict, Some((&mut allowance, Tick(7))), note);
        };
        for verdict in [closed, closed, open, closed, open, closed] {
            keep(verdict);
        }
        let stands_for: Vec<u64> = notes.kept.iter().map(|(_, queries)| *queries).collect();
        assert_eq!(stands_for, [0, 3, 2]);
        notes.kept.clear();
        notes.batch += 1;
        notes.keep(JournalLevel::All, closed, Some((&mut allowance, Tick(7))), note);
        assert_eq!(notes.kept[0].1, 1, "the next batch counts anew");
    }

    #[test]
    fn help_and_what_no_level_keeps_is_not_noted() {
        let mut notes = Notes::default();
        notes.keep(JournalLevel::All, Verdict::allow(Reason::Essential), None, note);
        notes.keep(JournalLevel::Names, Verdict::OPEN, None, note);
        notes.keep(JournalLevel::Off, note().verdict, None, note);
        assert!(notes.kept.is_empty());
    }
}
