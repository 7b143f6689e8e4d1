//! What people change: parents, and children by asking, starting and stopping.
//!
//! Each change is one row of the audit and, if a parent made it, one step of
//! [`Ledger::undo`]. Nothing is half changed: what refuses comes first.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::changes::{About, Back, Next};
use super::events::Happening;
use super::spans::{Said, Thing, word_of};
use super::state::{Held, State, Time, later};
use super::{
    Actor, Answer, AuditEntry, Done, Ledger, Permanent, Refusal, Request, RequestState, Span,
    TIME_WORD, Undone, Written,
};
use crate::policy::budget::next_day;
use crate::policy::rules::Household;

/// The most granted time that may lie ahead of a child, in hours: what is longer is a rule.
pub const FREE_HOURS_MAX: i64 = 48;

// === What holds for a while ===

impl Ledger {
    /// Closes everything for somebody until then. What was paused already is paused until then
    /// now.
    pub fn pause(&self, child: &str, span: Span, by: &Actor) -> Result<Done, Refusal> {
        self.change(|state, time| {
            let held = time.hold(span)?;
            state.minutes.stop_all(child, time);
            let back = say(state, child, Thing::Pause, Some(Said { opens: false, held }), time);
            let about = About { child: Some(child), until: Some(held.until), ..About::default() };
            Ok(state.note(("pause", about), back, by, time))
        })
    }

    /// Ends a pause.
    pub fn resume(&self, child: &str, by: &Actor) -> Result<Done, Refusal> {
        self.change(|state, time| {
            state.spans.get(child, &Thing::Pause, time).ok_or(Refusal::NotPaused)?;
            let back = say(state, child, Thing::Pause, None, time);
            let about = About { child: Some(child), ..About::default() };
            Ok(state.note(("resume", about), back, by, time))
        })
    }

    /// Gives time: for so long neither schedules nor budgets close anything. Given while some runs
    /// it adds up, to at most [`FREE_HOURS_MAX`] ahead.
    pub fn free(&self, child: &str, length: Duration, by: &Actor) -> Result<Done, Refusal> {
        self.change(|state, time| {
            let (back, until) = give(state, child, length, time)?;
            let about = About { child: Some(child), until: Some(until), ..About::default() };
            Ok(state.note(("grant", about), back, by, time))
        })
    }

    /// Opens a word for a while, whatever closes it.
    pub fn open_word(
        &self,
        child: &str,
        word: &str,
        span: Span,
        by: &Actor,
    ) -> Result<Done, Refusal> {
        self.say_word(("allow", true), child, word, span, by)
    }

    /// Closes a word for a while.
    pub fn close_word(
        &self,
        child: &str,
        word: &str,
        span: Span,
        by: &Actor,
    ) -> Result<Done, Refusal> {
        self.say_word(("block", false), child, word, span, by)
    }

    fn say_word(
        &self,
        (action, opens): (&str, bool),
        child: &str,
        word: &str,
        span: Span,
        by: &Actor,
    ) -> Result<Done, Refusal> {
        self.change(|state, time| {
            let (back, word, until) = word_said(state, child, word, (opens, span), time)?;
            let about = About { child: Some(child), what: Some(&word), until: Some(until) };
            Ok(state.note((action, about), back, by, time))
        })
    }

    /// Notes that a word is open or closed for good, so that it can be taken back: it stands in the
    /// config file, since now where it was `written`. What was said of it for a while is forgotten,
    /// for the last word wins.
    pub fn for_good(
        &self,
        child: &str,
        word: &str,
        what: Permanent,
        written: Option<&Written>,
        by: &Actor,
    ) -> Done {
        let done = self.note_only(|state, time| {
            let action = what.word();
            let about = About { child: Some(child), what: Some(word), ..About::default() };
            let id = state.changes.add(action, about, by, time);
            let thing = Thing::Word(word.to_owned());
            let is_said =
                what != Permanent::Assign && state.spans.get(child, &thing, time).is_some();
            let steps = is_said.then(|| say(state, child, thing, None, time)).into_iter().collect();
            if is_said || written.is_some() {
                state.changes.can_undo(id, steps, written.cloned());
            }
            Done { id, until: None }
        });
        self.changed.notify_one();
        done
    }

    // === Budgets ===

    /// Gives more of a budget, until the day of budgets ends.
    pub fn bonus(
        &self,
        household: &Household,
        child: &str,
        budget: &str,
        minutes: u32,
        by: &Actor,
    ) -> Result<Done, Refusal> {
        self.change(|state, time| {
            let State { minutes: counters, saved, .. } = state;
            let clock = (saved.as_ref(), time);
            let day = counters.give((household, child, budget), minutes, clock)?;
            let (owner, word) = (child.to_owned(), budget.to_owned());
            let back = Back::Bonus { child: owner, budget: word, day, minutes };
            let zone = household.subjects.iter().find(|one| one.id == child).map(|one| &one.zone);
            let zone = zone.unwrap_or(&household.zone);
            let until = Some(next_day(time.now, zone, household.day_starts));
            let about = About { child: Some(child), what: Some(budget), until };
            Ok(state.note(("bonus", about), back, by, time))
        })
    }

    /// Starts the time of a budget that counts only then; the end is when it will be used up. What
    /// runs already goes on, and nothing is noted.
    pub fn start(
        &self,
        household: &Household,
        child: &str,
        budget: &str,
        by: &Actor,
    ) -> Result<Done, Refusal> {
        self.change(|state, time| {
            let State { minutes, saved, changes, spans, .. } = state;
            // A pause and granted time end what runs; nothing begins to be counted in them either.
            for (thing, refusal) in
                [(Thing::Pause, Refusal::Paused), (Thing::Free, Refusal::FreeNow)]
            {
                if spans.get(child, &thing, time).is_some() {
                    return Err(refusal);
                }
            }
            let clock = (saved.as_ref(), time);
            let (until, is_new) = minutes.start((household, child, budget), clock)?;
            let about = About { child: Some(child), what: Some(budget), until };
            let id = if is_new { changes.add("start", about, by, time) } else { changes.last() };
            Ok(Done { id, until })
        })
    }

    /// Stops it.
    pub fn stop(
        &self,
        household: &Household,
        child: &str,
        budget: &str,
        by: &Actor,
    ) -> Result<Done, Refusal> {
        self.change(|state, time| {
            state.minutes.stop((household, child, budget), time)?;
            let about = About { child: Some(child), what: Some(budget), until: None };
            Ok(Done { id: state.changes.add("stop", about, by, time), until: None })
        })
    }

    // === Requests ===

    /// A child asks for a word, or for [`TIME_WORD`], with a reason. Who asks for what waits
    /// already is counted once more.
    pub fn ask(
        &self,
        child: &str,
        device: Option<&str>,
        word: &str,
        reason: &str,
    ) -> Result<Request, Refusal> {
        self.change_quietly(|state, time| {
            // What ran out a moment ago must not stand in the way.
            state.requests.expire(time);
            let (request, is_new) = state.requests.ask((child, device), word, reason, time)?;
            if is_new {
                let by = Actor { who: child.to_owned(), via: super::Via::Child };
                let about = About { child: Some(child), what: Some(&request.word), until: None };
                state.changes.add("ask", about, &by, time);
                let child = child.to_owned();
                state.events.add(Happening::RequestMade { child, request: request.id }, time);
            }
            Ok(request)
        })
    }

    /// What children asked for, newest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.lock().state.requests.newest_first()
    }

    /// Says yes or no to a request. A yes opens the word for the span; without a span the word
    /// stands in the config file already, and taking the answer back takes that back too.
    pub fn answer(&self, id: u64, answer: Answer, by: &Actor) -> Result<Done, Refusal> {
        let Answer { approve, word, span, note } = answer;
        self.change(|state, time| {
            state.requests.expire(time);
            let request = state.requests.waiting(id)?;
            let child = request.child.as_str();
            let mut steps = Vec::new();
            // A no is about what was asked for.
            let word = word.as_deref().filter(|_| approve).unwrap_or(&request.word);
            let word = word_of(word)?;
            let mut until = None;
            match span {
                _ if !approve => {}
                None if word == TIME_WORD => return Err(Refusal::TimeForGood),
                None => {}
                Some(span) if word == TIME_WORD => {
                    let length = span.until.duration_since(time.now);
                    let length = Duration::try_from(length).map_err(|_| Refusal::Past)?;
                    let (back, end) = give(state, child, length, time)?;
                    steps.push(back);
                    until = Some(end);
                }
                Some(span) => {
                    let (back, _, end) = word_said(state, child, &word, (true, span), time)?;
                    steps.push(back);
                    until = Some(end);
                }
            }
            let (verdict, action) = if approve {
                (RequestState::Approved, "approve")
            } else {
                (RequestState::Denied, "deny")
            };
            state.requests.answer(id, verdict, until, note.as_deref(), time);
            let owner = child.to_owned();
            state.events.add(
                Happening::RequestAnswered { child: owner, request: id, approved: approve },
                time,
            );
            let about = About { child: Some(child), what: Some(&word), until };
            let audit = state.changes.add(action, about, by, time);
            let back = Back::Request { id, state: verdict };
            let in_file = approve && steps.is_empty() && state.changes.join_file(child, &back);
            if !in_file {
                steps.push(back);
                state.changes.can_undo(audit, steps, None);
            }
            Ok(Done { id: audit, until })
        })
    }

    // === Taking back ===

    /// Takes back the last change that stands and was not taken back.
    pub fn undo(&self, by: &Actor) -> Result<Undone, Refusal> {
        self.change(|state, time| match state.undo(time).ok_or(Refusal::NothingToUndo)? {
            Next::File(written, id) => Ok(Undone::File(written, id)),
            Next::Done(id) => {
                let what = state.changes.row(id).cloned().ok_or(Refusal::NothingToUndo)?;
                Ok(Undone::Done { done: state.note_undo(Some(&what), by, time), what })
            }
        })
    }

    /// The config file is as it was before the change of this number.
    pub fn mark_undone(&self, id: u64, by: &Actor) -> Done {
        self.note_only(|state, time| {
            state.undone(id, time);
            let what = state.changes.row(id).cloned();
            state.note_undo(what.as_ref(), by, time)
        })
    }

    /// The change of this number can be taken back no more, because the config file is another one
    /// since: the next [`Ledger::undo`] takes the one before it.
    pub fn cannot_undo(&self, id: u64) {
        self.note_only(|state, _| state.changes.forget(id));
    }

    // === The audit ===

    /// Notes something that was done elsewhere.
    pub fn note(&self, action: &str, child: Option<&str>, what: Option<&str>, by: &Actor) -> Done {
        self.note_only(|state, time| {
            let about = About { child, what, until: None };
            Done { id: state.changes.add(action, about, by, time), until: None }
        })
    }

    /// Who changed what, newest first.
    #[must_use]
    pub fn audit(&self, limit: usize) -> Vec<AuditEntry> {
        self.lock().state.changes.newest_first(limit)
    }

    // === Helpers ===

    /// Makes a change that decides something.
    fn change<T>(
        &self,
        alter: impl FnOnce(&mut State, &Time) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let made = self.change_quietly(alter)?;
        self.changed.notify_one();
        Ok(made)
    }

    /// Makes one that does not.
    fn change_quietly<T>(
        &self,
        alter: impl FnOnce(&mut State, &Time) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let mut inner = self.lock();
        let time = inner.time(&self.clock);
        let made = alter(&mut inner.state, &time)?;
        inner.is_dirty = true;
        Ok(made)
    }

    /// Makes one that nothing can refuse.
    fn note_only<T>(&self, alter: impl FnOnce(&mut State, &Time) -> T) -> T {
        let mut inner = self.lock();
        let time = inner.time(&self.clock);
        let made = alter(&mut inner.state, &time);
        inner.is_dirty = true;
        made
    }
}

// === impl State ===

impl State {
    /// A row of the audit, with the one step that takes it back.
    fn note(
        &mut self,
        (action, about): (&str, About<'_>),
        back: Back,
        by: &Actor,
        time: &Time,
    ) -> Done {
        let id = self.changes.add(action, about, by, time);
        self.changes.can_undo(id, vec![back], None);
        Done { id, until: about.until }
    }

    fn note_undo(&mut self, what: Option<&AuditEntry>, by: &Actor, time: &Time) -> Done {
        let about = About {
            child: what.and_then(|what| what.child.as_deref()),
            what: what.and_then(|what| what.what.as_deref()),
            until: None,
        };
        Done { id: self.changes.add("undo", about, by, time), until: None }
    }
}

/// Says something of a thing; hands over the way back.
fn say(state: &mut State, child: &str, thing: Thing, made: Option<Said>, time: &Time) -> Back {
    let before = state.spans.set(child, &thing, made, time);
    Back::Span { child: child.to_owned(), thing, made, before }
}

/// Says something of a word; hands over the way back, the word as it is kept, and the end.
fn word_said(
    state: &mut State,
    child: &str,
    word: &str,
    (opens, span): (bool, Span),
    time: &Time,
) -> Result<(Back, String, Timestamp), Refusal> {
    let word = word_of(word)?;
    let held = time.hold(span)?;
    let thing = Thing::Word(word.clone());
    state.spans.has_room(child, &thing, time)?;
    Ok((say(state, child, thing, Some(Said { opens, held }), time), word, held.until))
}

/// Gives time; hands over the way back and the end.
fn give(
    state: &mut State,
    child: &str,
    length: Duration,
    time: &Time,
) -> Result<(Back, Timestamp), Refusal> {
    let length = SignedDuration::try_from(length).map_err(|_| Refusal::LongTime)?;
    if length.is_zero() {
        return Err(Refusal::Past);
    }
    let running = state.spans.get(child, &Thing::Free, time).map(|said| said.held.until);
    let until = later(running.map_or(time.now, |until| until.max(time.now)), length);
    if until.duration_since(time.now) > SignedDuration::from_hours(FREE_HOURS_MAX) {
        return Err(Refusal::LongTime);
    }
    state.minutes.stop_all(child, time);
    let held = Held { until, length_in: Some(time.run) };
    let back = say(state, child, Thing::Free, Some(Said { opens: true, held }), time);
    Ok((back, until))
}
