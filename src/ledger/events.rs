//! What the family may want to be told: numbered, the last ones kept.

use std::net::IpAddr;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::state::Time;

/// How many events are kept: whoever tells them looks every few seconds, a restart takes a minute.
pub const EVENTS_MAX: usize = 200;

/// Something happened that somebody may want to be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its number; later ones are greater.
    pub id: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: Happening,
}

/// What may happen. Its words are those of `events` in the config file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Happening {
    /// A child asks for something.
    RequestMade {
        /// Who.
        child: String,
        /// The request's number.
        request: u64,
    },
    /// A request was answered.
    RequestAnswered {
        /// Whose.
        child: String,
        /// The request's number.
        request: u64,
        /// Yes or no.
        approved: bool,
    },
    /// Little is left of a budget today.
    Warning {
        /// Whose.
        child: String,
        /// The budget's word.
        budget: String,
        /// Fewer minutes are not left: one of [`super::WARNINGS`].
        minutes_left: u32,
    },
    /// Nothing is left of a budget today.
    UsedUp {
        /// Whose.
        child: String,
        /// The budget's word.
        budget: String,
    },
    /// A device of nobody's asked for the first time.
    NewDevice {
        /// Its id: hardware address, `id:NAME`, or address.
        device: String,
        /// Where it asked from.
        address: Option<IpAddr>,
        /// What it calls itself.
        host: Option<String>,
    },
    /// A device may be on a way around; one event for each device and day.
    Suspicion {
        /// Its id.
        device: String,
        /// Whose it is; none: nobody's.
        child: Option<String>,
        /// The day.
        day: Date,
        /// What was seen of it.
        signs: Vec<SignSeen>,
    },
    /// Nobody knows any more what time it is.
    TimeUnknown,
    /// It is known again.
    TimeKnown,
}

/// A kind of sign that a device may be on a way around.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignSeen {
    /// The word of its kind.
    pub kind: String,
    /// How often it was seen that day.
    pub count: u64,
    /// The name or the site it was last.
    #[serde(default)]
    pub name: Option<String>,
}

/// The last events.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Events {
    /// The number of the last one.
    last: u64,
    /// Oldest first.
    all: Vec<Event>,
}

impl Happening {
    /// Its word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Happening::RequestMade { .. } => "request_made",
            Happening::RequestAnswered { .. } => "request_answered",
            Happening::Warning { .. } => "warning",
            Happening::UsedUp { .. } => "used_up",
            Happening::NewDevice { .. } => "new_device",
            Happening::Suspicion { .. } => "suspicion",
            Happening::TimeUnknown => "time_unknown",
            Happening::TimeKnown => "time_known",
        }
    }
}

impl Events {
    pub(super) fn add(&mut self, what: Happening, time: &Time) {
        self.last = self.last.saturating_add(1);
        self.all.push(Event { id: self.last, at: time.now, what });
        let over = self.all.len().saturating_sub(EVENTS_MAX);
        self.all.drain(..over);
    }

    /// Adds a suspicion, or tells more of the one of that device and day.
    pub(super) fn suspect(
        &mut self,
        device: &str,
        child: Option<&str>,
        day: Date,
        found: Vec<SignSeen>,
        time: &Time,
    ) {
        let same = self.all.iter_mut().rev().find_map(|event| match &mut event.what {
            Happening::Suspicion { device: other, day: of, signs, .. }
                if other == device && *of == day =>
            {
                Some(signs)
            }
            Happening::Suspicion { .. }
            | Happening::RequestMade { .. }
            | Happening::RequestAnswered { .. }
            | Happening::Warning { .. }
            | Happening::UsedUp { .. }
            | Happening::NewDevice { .. }
            | Happening::TimeUnknown
            | Happening::TimeKnown => None,
        });
        if let Some(signs) = same {
            *signs = found;
        } else {
            let (device, child) = (device.to_owned(), child.map(str::to_owned));
            self.add(Happening::Suspicion { device, child, day, signs: found }, time);
        }
    }

    /// Those after a number, oldest first.
    pub(super) fn after(&self, id: u64) -> Vec<Event> {
        self.all.iter().filter(|event| event.id > id).cloned().collect()
    }
}
