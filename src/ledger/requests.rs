//! What children ask for, and what they are told.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::refusal::Refusal;
use super::spans::word_of;
use super::state::{Stamp, Time, tidy, tidy_id};

/// Requests of one child that may wait at once: more than a parent answers in one go are not read.
pub const WAITING_MAX: usize = 5;
/// New requests of one child within an hour: a parent's phone must stay bearable.
pub const REQUESTS_AN_HOUR_MAX: usize = 6;
/// The longest reason and the longest note, in characters: what a phone shows without scrolling.
pub const REASON_CHARS_MAX: usize = 200;
/// The word that asks for time instead of a site.
pub const TIME_WORD: &str = "time";

/// Answered requests that are kept of everyone together: a file of bounded size. Those that wait
/// are bounded by [`WAITING_MAX`].
const ANSWERED_MAX: usize = 200;
/// The window of [`REQUESTS_AN_HOUR_MAX`], and how long a no stands.
const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// After so long nobody will answer any more, and the wish is another one.
const WAITS: SignedDuration = SignedDuration::from_hours(24);
/// How long an answer can be read.
const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The same again within so short a time is one tap, not two.
const ONE_TAP: SignedDuration = SignedDuration::from_secs(30);

/// What a child asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its number.
    pub id: u64,
    /// Who asked.
    pub child: String,
    /// From which device.
    pub device: Option<String>,
    /// The word asked for; [`TIME_WORD`]: time.
    pub word: String,
    /// Why, in the child's words: one line of at most [`REASON_CHARS_MAX`] characters.
    pub reason: String,
    /// When it was asked first.
    pub at: Timestamp,
    /// How many times it was asked.
    pub count: u32,
    /// Whether it waits, or what came of it.
    pub state: RequestState,
    /// When it was answered or ran out.
    pub answered: Option<Timestamp>,
    /// Until when what was approved holds; none: for good, or it was not approved.
    pub until: Option<Timestamp>,
    /// What the child is told.
    pub note: Option<String>,
}

/// Whether a request waits, or what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestState {
    /// Nobody answered yet.
    Waiting,
    /// Yes.
    Approved,
    /// No.
    Denied,
    /// Nobody answered within a day.
    Expired,
}

/// What a parent says to a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// Yes or no.
    pub approve: bool,
    /// What is opened instead of what was asked for.
    pub word: Option<String>,
    /// For how long; none: for good, and it stands in the config file already.
    pub span: Option<super::Span>,
    /// What the child is told.
    pub note: Option<String>,
}

/// All requests that are remembered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Requests {
    /// The number of the last one.
    last: u64,
    /// Oldest first.
    all: Vec<Kept>,
}

/// A request as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Kept {
    id: u64,
    child: String,
    #[serde(default)]
    device: Option<String>,
    word: String,
    #[serde(default)]
    reason: String,
    at: Stamp,
    /// When it was asked last.
    again: Stamp,
    count: u32,
    state: RequestState,
    #[serde(default)]
    answered: Option<Stamp>,
    #[serde(default)]
    until: Option<Timestamp>,
    #[serde(default)]
    note: Option<String>,
}

// === impl RequestState ===

impl RequestState {
    /// Its word in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            RequestState::Waiting => "waiting",
            RequestState::Approved => "approved",
            RequestState::Denied => "denied",
            RequestState::Expired => "expired",
        }
    }
}

// === impl Requests ===

impl Requests {
    /// A child asks. Also tells whether it is a request that was not there yet.
    pub(super) fn ask(
        &mut self,
        (child, device): (&str, Option<&str>),
        word: &str,
        reason: &str,
        time: &Time,
    ) -> Result<(Request, bool), Refusal> {
        let word = word_of(word)?;
        let reason = tidy(reason, REASON_CHARS_MAX);
        let now = time.now;
        let of_child = || self.all.iter().filter(|kept| kept.child == child);
        if let Some(id) =
            of_child().find(|kept| kept.is_waiting() && kept.word == word).map(|k| k.id)
        {
            let Some(kept) = self.find(id) else { return Err(Refusal::NoSuchRequest) };
            if !kept.again.is_within(ONE_TAP, now) {
                kept.count = kept.count.saturating_add(1);
                kept.again = time.stamp();
            }
            if !reason.is_empty() {
                kept.reason = reason;
            }
            return Ok((kept.to_request(), false));
        }
        let said_no = |kept: &Kept| {
            let answered = kept.answered.is_some_and(|answered| answered.is_within(HOUR, now));
            kept.state == RequestState::Denied && kept.word == word && answered
        };
        if of_child().any(said_no) {
            return Err(Refusal::SaidNo);
        }
        if of_child().filter(|kept| kept.is_waiting()).count() >= WAITING_MAX {
            return Err(Refusal::TooManyWaiting);
        }
        if of_child().filter(|kept| kept.at.is_within(HOUR, now)).count() >= REQUESTS_AN_HOUR_MAX {
            return Err(Refusal::AskedTooOften);
        }
        self.last = self.last.saturating_add(1);
        let kept = Kept {
            id: self.last,
            child: child.to_owned(),
            device: device.map(tidy_id),
            word,
            reason,
            at: time.stamp(),
            again: time.stamp(),
            count: 1,
            state: RequestState::Waiting,
            answered: None,
            until: None,
            note: None,
        };
        let request = kept.to_request();
        self.all.push(kept);
        Ok((request, true))
    }

    /// A request that waits.
    pub(super) fn waiting(&self, id: u64) -> Result<Request, Refusal> {
        let kept = self.all.iter().find(|kept| kept.id == id).ok_or(Refusal::NoSuchRequest)?;
        if kept.is_waiting() { Ok(kept.to_request()) } else { Err(Refusal::AnsweredAlready) }
    }

    /// A request was answered.
    pub(super) fn answer(
        &mut self,
        id: u64,
        state: RequestState,
        until: Option<Timestamp>,
        note: Option<&str>,
        time: &Time,
    ) {
        let Some(kept) = self.find(id) else { return };
        kept.state = state;
        kept.answered = Some(time.stamp());
        kept.until = until;
        kept.note = note.map(|note| tidy(note, REASON_CHARS_MAX)).filter(|note| !note.is_empty());
    }

    /// Whether the answer to a request still stands and could be taken back.
    pub(super) fn is_answered(&self, id: u64, state: RequestState) -> bool {
        self.all.iter().any(|kept| kept.id == id && kept.state == state)
    }

    /// Takes an answer back: the request waits again.
    pub(super) fn reopen(&mut self, id: u64) {
        let Some(kept) = self.find(id) else { return };
        kept.state = RequestState::Waiting;
        kept.answered = None;
        kept.until = None;
        kept.note = None;
    }

    /// All of them, newest first.
    pub(super) fn newest_first(&self) -> Vec<Request> {
        self.all.iter().rev().map(Kept::to_request).collect()
    }

    /// When the first of those that wait runs out.
    pub(super) fn next_end(&self, time: &Time) -> Option<Timestamp> {
        let waiting = self.all.iter().filter(|kept| kept.is_waiting());
        let ends = waiting.map(|kept| super::state::later(kept.at.at, WAITS));
        ends.filter(|_| !time.is_unknown).min()
    }

    pub(super) fn step(&mut self, by: SignedDuration, time: &Time) {
        for kept in &mut self.all {
            let stamps = [Some(&mut kept.at), Some(&mut kept.again), kept.answered.as_mut()];
            stamps.into_iter().flatten().for_each(|stamp| stamp.step(by, time));
        }
    }

    /// Ends what nobody answered and forgets what is long over; whether there was any.
    pub(super) fn expire(&mut self, time: &Time) -> bool {
        if time.is_unknown {
            return false;
        }
        let before = self.all.len();
        let mut has_ended = false;
        for kept in self.all.iter_mut().filter(|kept| kept.is_waiting()) {
            if !kept.at.is_within(WAITS, time.now) {
                kept.state = RequestState::Expired;
                kept.answered = Some(time.stamp());
                has_ended = true;
            }
        }
        self.all
            .retain(|kept| kept.answered.is_none_or(|answered| answered.is_within(KEPT, time.now)));
        let answered = self.all.iter().filter(|kept| !kept.is_waiting()).count();
        let mut too_many = answered.saturating_sub(ANSWERED_MAX);
        self.all.retain(|kept| {
            let goes = too_many > 0 && !kept.is_waiting();
            too_many -= usize::from(goes);
            !goes
        });
        has_ended || self.all.len() != before
    }

    fn find(&mut self, id: u64) -> Option<&mut Kept> {
        self.all.iter_mut().find(|kept| kept.id == id)
    }
}

// === impl Kept ===

impl Kept {
    fn is_waiting(&self) -> bool {
        self.state == RequestState::Waiting
    }

    fn to_request(&self) -> Request {
        Request {
            id: self.id,
            child: self.child.clone(),
            device: self.device.clone(),
            word: self.word.clone(),
            reason: self.reason.clone(),
            at: self.at.at,
            count: self.count,
            state: self.state,
            answered: self.answered.map(|answered| answered.at),
            until: self.until,
            note: self.note.clone(),
        }
    }
}
