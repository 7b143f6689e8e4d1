//! The family in the plainest way there is.

use amparo::control::Until;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// All names that are asked for.
pub(super) const NAMES: &[&str] = &[
    "www.pixels.example",
    "fun.example",
    "both.example",
    "x.both.example",
    "bad.example",
    "plain.example",
    "www.school.example",
    "own.example",
    "a.own.example",
    "app-measurement.com",
];

/// A window of days (Monday is 0), from a minute of the day to another.
pub(super) struct Window {
    days: &'static [i8],
    from: i64,
    to: i64,
    /// What stays open in it.
    open: &'static [&'static str],
    holidays_off: bool,
}

/// A child.
pub(super) struct Kid {
    pub(super) id: &'static str,
    pub(super) devices: &'static [&'static str],
    zone: &'static str,
    windows: &'static [Window],
    /// The word, the minutes from Monday to Friday, those of the weekend.
    pub(super) budgets: &'static [(&'static str, usize, usize)],
    /// Whether `own.example` is allowed or blocked by the parent.
    own: Option<bool>,
}

const EVERY: &[i8] = &[0, 1, 2, 3, 4, 5, 6];

pub(super) const KIDS: &[Kid] = &[
    Kid {
        id: "sofia",
        devices: &["127.0.0.10"],
        zone: "America/New_York",
        windows: &[Window { days: EVERY, from: 1230, to: 390, open: &[], holidays_off: false }],
        budgets: &[("pixels", 30, 30)],
        own: None,
    },
    Kid {
        id: "mateo",
        devices: &["127.0.0.11", "127.0.0.12"],
        zone: "America/New_York",
        windows: &[
            Window { days: &[6, 0, 1, 2, 3], from: 1320, to: 360, open: &[], holidays_off: false },
            Window { days: &[4, 5], from: 1410, to: 480, open: &[], holidays_off: false },
            Window {
                days: &[0, 1, 2, 3],
                from: 900,
                to: 1020,
                open: &["school.example"],
                holidays_off: false,
            },
        ],
        budgets: &[("fun", 45, 180), ("pixels", 60, 60)],
        own: Some(true),
    },
    Kid {
        id: "lucia",
        devices: &["127.0.0.13"],
        zone: "America/New_York",
        windows: &[Window {
            days: EVERY,
            from: 1140,
            to: 1200,
            open: &["school.example"],
            holidays_off: true,
        }],
        budgets: &[("internet", 120, 120)],
        own: Some(false),
    },
    Kid {
        id: "diego",
        devices: &["127.0.0.14"],
        zone: "Europe/Madrid",
        windows: &[Window { days: EVERY, from: 1260, to: 420, open: &[], holidays_off: false }],
        budgets: &[("fun", 20, 20)],
        own: None,
    },
];

/// What a parent does.
#[derive(Debug, Clone)]
pub(super) enum Act {
    Pause(Until),
    Resume,
    Free(u64),
    Bonus(String, u64),
    Open(String, Until),
    Close(String, Until),
    Nothing,
}

/// An end: a moment on the wall, and whether it was said as a length.
type End = (Timestamp, bool);

/// What holds for a while for one child.
#[derive(Debug, Clone, Default)]
struct Held {
    pause: Option<End>,
    free: Option<End>,
    open: Vec<(String, End)>,
    close: Vec<(String, End)>,
    /// More minutes of a budget on a day.
    bonus: Vec<(String, Date, usize)>,
    /// Every touch of a budget: the word, the day, the minute.
    touches: Vec<(String, Date, i64)>,
}

/// Everything that happened.
#[derive(Debug, Clone)]
pub(super) struct Family {
    pub(super) wall: Timestamp,
    /// Milliseconds on a clock that is never set.
    steady: i64,
    held: Vec<Held>,
}

impl Family {
    pub(super) fn new(wall: Timestamp) -> Self {
        let held = KIDS.iter().map(|_| Held::default()).collect();
        Family { wall, steady: wall.as_millisecond(), held }
    }

    pub(super) fn advance(&mut self, by: SignedDuration) {
        self.wall += by;
        self.steady += i64::try_from(by.as_millis()).expect("days");
        self.forget();
    }

    /// What is over is over, also when the clock is set back.
    fn forget(&mut self) {
        let wall = self.wall;
        let lasts = |end: &End| wall < end.0;
        for held in &mut self.held {
            held.pause = held.pause.filter(lasts);
            held.free = held.free.filter(lasts);
            held.open.retain(|(_, end)| lasts(end));
            held.close.retain(|(_, end)| lasts(end));
        }
    }

    /// The clock on the wall is set; what was said as a length is not shorter or longer for that.
    pub(super) fn step(&mut self, by: SignedDuration) {
        self.wall += by;
        for held in &mut self.held {
            let ends = held.pause.iter_mut().chain(&mut held.free);
            let words = held.open.iter_mut().chain(&mut held.close).map(|(_, end)| end);
            ends.chain(words).filter(|(_, is_length)| *is_length).for_each(|(at, _)| *at += by);
        }
        self.forget();
    }

    /// What a parent did, as if it had not been done. Time goes on all the same.
    pub(super) fn take_back(&mut self, before: &Family) {
        for (now, before) in self.held.iter_mut().zip(&before.held) {
            let touches = std::mem::take(&mut now.touches);
            *now = Held { touches, ..before.clone() };
        }
    }

    pub(super) fn act(&mut self, kid: usize, act: Act) {
        let day = self.day(kid);
        let end = |wall: Timestamp, until: Until| match until {
            Until::For(seconds) => {
                (wall + SignedDuration::from_secs(i64::try_from(seconds).expect("hours")), true)
            }
            Until::At(at) => (at, false),
            Until::Bedtime | Until::Always => panic!("not in this month"),
        };
        let wall = self.wall;
        let held = &mut self.held[kid];
        let forget = |words: &mut Vec<(String, End)>, word: &str| words.retain(|(w, _)| w != word);
        match act {
            Act::Pause(until) => held.pause = Some(end(wall, until)),
            Act::Resume => held.pause = None,
            Act::Free(seconds) => {
                let from = held.free.map_or(wall, |(at, _)| at.max(wall));
                held.free = Some(end(from, Until::For(seconds)));
            }
            Act::Bonus(word, seconds) => {
                held.bonus.push((word, day, usize::try_from(seconds / 60).expect("hours")));
            }
            Act::Open(word, until) => {
                forget(&mut held.open, &word);
                forget(&mut held.close, &word);
                held.open.push((word, end(wall, until)));
            }
            Act::Close(word, until) => {
                forget(&mut held.open, &word);
                forget(&mut held.close, &word);
                held.close.push((word, end(wall, until)));
            }
            Act::Nothing => {}
        }
    }

    /// Why a name is closed now; none: it is open, and counts where it counts.
    pub(super) fn ask(&mut self, kid: usize, name: &str) -> Option<&'static str> {
        let why = self.closed(kid, name);
        if why.is_none() && self.is_metered(kid, name) {
            let (day, minute) = (self.day(kid), self.steady / 60_000);
            for (word, ..) in KIDS[kid].budgets.iter().filter(|(word, ..)| covers(word, name)) {
                self.held[kid].touches.push(((*word).to_owned(), day, minute));
            }
        }
        why
    }

    pub(super) fn shown(&self, kid: usize) -> String {
        self.wall.to_zoned(zone(kid)).to_string()
    }

    fn closed(&self, kid: usize, name: &str) -> Option<&'static str> {
        let held = &self.held[kid];
        if held.pause.is_some_and(|end| self.lasts(end)) {
            return Some("pause");
        }
        if self.is_granted(kid, name) {
            return None;
        }
        let is_free = held.free.is_some_and(|end| self.lasts(end));
        if !is_free && KIDS[kid].windows.iter().any(|window| self.closes(kid, window, name)) {
            return Some("window");
        }
        let closed = |word: &str| held.close.iter().any(|(w, end)| w == word && self.lasts(*end));
        let named = ["own.example", "=both.example"].into_iter();
        if named.clone().any(|word| closed(word) && covers(word, name)) {
            return Some("closed by name");
        }
        match KIDS[kid].own {
            Some(false) if covers("own.example", name) => return Some("own"),
            Some(true) if covers("own.example", name) => return None,
            Some(_) | None => {}
        }
        if !is_free && KIDS[kid].budgets.iter().any(|budget| self.is_used_up(kid, budget, name)) {
            return Some("budget");
        }
        let tags = ["bad", "fun", "pixels"].into_iter();
        let mut closing = tags.filter(|tag| *tag == "bad" || closed(tag));
        closing.any(|tag| covers(tag, name)).then_some("tag")
    }

    fn is_granted(&self, kid: usize, name: &str) -> bool {
        let held = &self.held[kid];
        let open = |word: &str| held.open.iter().any(|(w, end)| w == word && self.lasts(*end));
        let closed = |word: &str| held.close.iter().any(|(w, end)| w == word && self.lasts(*end));
        if ["own.example", "=both.example"].into_iter().any(|word| open(word) && covers(word, name))
        {
            return true;
        }
        // What the parent closed by its name opens by that name alone.
        let is_own = KIDS[kid].own == Some(false) && covers("own.example", name);
        let named = ["own.example", "=both.example"].into_iter();
        if is_own || named.into_iter().any(|word| closed(word) && covers(word, name)) {
            return false;
        }
        let tags = ["bad", "fun", "pixels"];
        let closing =
            tags.iter().filter(|tag| (**tag == "bad" || closed(tag)) && covers(tag, name));
        let others = closing.filter(|tag| !open(tag)).count();
        others == 0 && tags.iter().any(|tag| open(tag) && covers(tag, name))
    }

    /// Whether the time it takes counts.
    fn is_metered(&self, kid: usize, name: &str) -> bool {
        let held = &self.held[kid];
        let is_free = held.free.is_some_and(|end| self.lasts(end));
        let is_own = KIDS[kid].own == Some(true) && covers("own.example", name);
        let is_noise = name == "app-measurement.com";
        !is_free && !is_own && !is_noise && !self.is_granted(kid, name)
    }

    /// Whether the wall shows a minute inside the window, and the name is not one of its own.
    fn closes(&self, kid: usize, window: &Window, name: &str) -> bool {
        let wall = zone(kid).to_datetime(self.wall);
        let minute = i64::from(wall.hour()) * 60 + i64::from(wall.minute());
        let starts = |day: Date| {
            let weekday = day.weekday().to_monday_zero_offset();
            let holiday = (date("2027-10-29")..=date("2027-11-02")).contains(&day);
            window.days.contains(&weekday) && !(window.holidays_off && holiday)
        };
        let (today, yesterday) = (wall.date(), wall.date().yesterday().expect("it is not year 0"));
        let is_open = if window.from < window.to {
            starts(today) && (window.from..window.to).contains(&minute)
        } else {
            starts(today) && minute >= window.from || starts(yesterday) && minute < window.to
        };
        is_open && !window.open.iter().any(|word| covers(word, name))
    }

    /// Whether nothing is left of a budget that covers the name.
    fn is_used_up(&self, kid: usize, budget: &(&str, usize, usize), name: &str) -> bool {
        let (word, week, weekend) = *budget;
        let (held, today) = (&self.held[kid], self.day(kid));
        let is_weekend = matches!(today.weekday(), Weekday::Saturday | Weekday::Sunday);
        let more = held.bonus.iter().filter(|(w, day, _)| w == word && *day == today);
        let allowed =
            if is_weekend { weekend } else { week } + more.map(|(_, _, more)| more).sum::<usize>();
        let touches = held.touches.iter().filter(|(w, day, _)| w == word && *day == today);
        let mut minutes: Vec<i64> = touches.map(|(_, _, minute)| *minute).collect();
        minutes.sort_unstable();
        minutes.dedup();
        let end = end_of(&minutes, allowed);
        covers(word, name) && end.is_some_and(|end| self.steady / 60_000 > end)
    }

    fn lasts(&self, end: End) -> bool {
        self.wall < end.0
    }

    /// The day of budgets begins at four.
    fn day(&self, kid: usize) -> Date {
        let wall = zone(kid).to_datetime(self.wall);
        if wall.hour() < 4 {
            wall.date().yesterday().expect("it is not year 0")
        } else {
            wall.date()
        }
    }
}

/// The minute with whose end so many minutes are used: those touched, with gaps of up to five
/// between them; a lone one counts only where it is the last that is left.
fn end_of(touched: &[i64], allowed: usize) -> Option<i64> {
    let mut stretches: Vec<(i64, i64)> = Vec::new();
    for &minute in touched {
        match stretches.last_mut() {
            Some((_, last)) if minute - *last <= 6 => *last = minute,
            Some(_) | None => stretches.push((minute, minute)),
        }
    }
    let mut used = 0;
    for (place, (first, last)) in stretches.iter().enumerate() {
        let minutes = last - first + 1;
        if minutes < 2 && place + 1 < stretches.len() {
            continue;
        }
        let left = i64::try_from(allowed).expect("a day") - used;
        if left <= minutes {
            return Some(first + left - 1);
        }
        used += minutes;
    }
    None
}

fn zone(kid: usize) -> TimeZone {
    TimeZone::get(KIDS[kid].zone).expect("there is such a zone")
}

/// Whether a word of the config covers a name.
fn covers(word: &str, name: &str) -> bool {
    let below = |site: &str| name == site || name.ends_with(&format!(".{site}"));
    match word {
        "internet" => true,
        "fun" => below("fun.example") || below("both.example"),
        "bad" => below("bad.example") || below("both.example"),
        "pixels" => below("pixels.example"),
        _ => match word.strip_prefix('=') {
            Some(exact) => name == exact,
            None => below(word),
        },
    }
}

fn date(text: &str) -> Date {
    text.parse().expect("the test writes a date")
}
