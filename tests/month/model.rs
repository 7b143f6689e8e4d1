//! The family in the plainest way there is.

mod sheet;

use amparo::control::Until;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use sheet::Sheet;

/// All names that are asked for.
pub(super) const NAMES: &[&str] = &[
    "www.pixels.example",
    "fun.example",
    "both.example",
    "x.both.example",
    "bad.example",
    "www.roblox.com",
    "plain.example",
    "www.school.example",
    "own.example",
    "a.own.example",
    "app-measurement.com",
    "front.example",
    "mask.example",
    "door.example",
];

/// What some of them are other names for.
pub(super) const ALIASES: &[(&str, &str)] = &[
    ("front.example", "www.pixels.example"),
    ("mask.example", "both.example"),
    ("door.example", "www.roblox.com"),
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

/// The word of a budget, its minutes from Monday to Friday, those of the weekend; none: no limit.
type Allowance = (&'static str, Option<i64>, Option<i64>);

/// A child.
pub(super) struct Kid {
    pub(super) id: &'static str,
    pub(super) devices: &'static [&'static str],
    zone: &'static str,
    windows: &'static [Window],
    pub(super) budgets: &'static [Allowance],
    /// Whether its budgets count only while they are started.
    started: bool,
    /// Whether `own.example` is allowed or blocked by the parent.
    own: Option<bool>,
    /// Categories that are closed for good.
    closed: &'static [&'static str],
    /// Services that are open although their category is closed for good.
    excused: &'static [&'static str],
    /// All that is open at all.
    garden: Option<&'static [&'static str]>,
}

const EVERY: &[i8] = &[0, 1, 2, 3, 4, 5, 6];
/// All words of the config that are categories or services.
const TAGS: &[&str] = &["bad", "games", "pixels", "roblox"];
/// All names that are opened and closed for a while.
const NAMED: &[&str] = &["own.example", "=both.example"];

const NOBODY: Kid = Kid {
    id: "",
    devices: &[],
    zone: "America/New_York",
    windows: &[],
    budgets: &[],
    started: false,
    own: None,
    closed: &["bad"],
    excused: &[],
    garden: None,
};

const SOFIA: Kid = Kid {
    id: "sofia",
    devices: &["127.0.0.10"],
    windows: &[Window { days: EVERY, from: 1230, to: 390, open: &[], holidays_off: false }],
    budgets: &[("pixels", Some(30), Some(30))],
    ..NOBODY
};

const MATEO: Kid = Kid {
    id: "mateo",
    devices: &["127.0.0.11", "127.0.0.12"],
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
    budgets: &[("games", Some(45), Some(180)), ("pixels", Some(60), Some(60))],
    own: Some(true),
    ..NOBODY
};

const LUCIA: Kid = Kid {
    id: "lucia",
    devices: &["127.0.0.13"],
    windows: &[Window {
        days: EVERY,
        from: 1140,
        to: 1200,
        open: &["school.example"],
        holidays_off: true,
    }],
    budgets: &[("internet", Some(120), Some(120))],
    own: Some(false),
    closed: &["bad", "games"],
    excused: &["roblox"],
    ..NOBODY
};

const DIEGO: Kid = Kid {
    id: "diego",
    devices: &["127.0.0.14"],
    zone: "Europe/Madrid",
    windows: &[Window { days: EVERY, from: 1260, to: 420, open: &[], holidays_off: false }],
    budgets: &[("games", Some(20), None)],
    ..NOBODY
};

const THEO: Kid = Kid {
    id: "theo",
    devices: &["127.0.0.15"],
    windows: &[Window { days: EVERY, from: 1200, to: 420, open: &[], holidays_off: false }],
    budgets: &[("games", Some(40), Some(40)), ("pixels", Some(25), Some(0))],
    garden: Some(&["school.example", "games", "pixels"]),
    ..NOBODY
};

const NORA: Kid = Kid {
    id: "nora",
    devices: &["127.0.0.16", "127.0.0.17"],
    windows: &[Window { days: EVERY, from: 1320, to: 420, open: &[], holidays_off: false }],
    budgets: &[("games", Some(30), Some(60)), ("pixels", Some(0), Some(20))],
    started: true,
    ..NOBODY
};

/// The children of each version of the config: in the second Sofía has no budget, and Lucía is
/// called otherwise.
pub(super) const VERSIONS: [&[Kid]; 2] = [
    &[SOFIA, MATEO, LUCIA, DIEGO, THEO, NORA],
    &[Kid { budgets: &[], ..SOFIA }, MATEO, Kid { id: "lucy", ..LUCIA }, DIEGO, THEO, NORA],
];

/// What somebody does.
#[derive(Debug, Clone)]
pub(super) enum Act {
    Pause(Until),
    Resume,
    Free(u64),
    Bonus(&'static str, u64),
    Open(String, Until),
    Close(String, Until),
    Start(&'static str),
    Stop(&'static str),
    /// Says no to a request.
    Deny,
}

/// What something is said of.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Thing {
    Pause,
    Free,
    Word(String),
}

/// What is said: open or closed, until a moment on the wall; and whether it was said as a length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Said {
    opens: bool,
    until: Timestamp,
    is_length: bool,
}

/// What can be taken back.
#[derive(Debug)]
enum Change {
    Said { id: &'static str, thing: Thing, made: Option<Said>, before: Option<Said> },
    Bonus { id: &'static str, word: &'static str, day: Date, minutes: i64 },
    Denied,
}

/// The last changes that can be taken back.
const CHANGES_MAX: usize = 20;

/// Everything that happened.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) wall: Timestamp,
    /// Milliseconds on a clock that is never set.
    steady: i64,
    /// Nobody knows what time it is.
    pub(super) is_lost: bool,
    /// The version of the config.
    pub(super) version: usize,
    said: Vec<(&'static str, Thing, Said)>,
    /// The day of budgets that each child lives in, as of when the time was known.
    days: Vec<(&'static str, Date)>,
    sheets: Vec<Sheet>,
    changes: Vec<Change>,
}

impl Family {
    pub(super) fn new(wall: Timestamp) -> Self {
        let mut family = Family {
            wall,
            steady: 0,
            is_lost: false,
            version: 0,
            said: Vec::new(),
            days: Vec::new(),
            sheets: Vec::new(),
            changes: Vec::new(),
        };
        family.look();
        family
    }

    pub(super) fn kids(&self) -> &'static [Kid] {
        VERSIONS[self.version]
    }

    // === What happens ===

    pub(super) fn advance(&mut self, by: SignedDuration) {
        self.wall += by;
        self.steady += i64::try_from(by.as_millis()).expect("days");
        self.look();
    }

    /// The clock on the wall is set; what was said as a length is not shorter or longer for that.
    pub(super) fn step(&mut self, by: SignedDuration) {
        self.wall += by;
        let changed = self.changes.iter_mut().flat_map(|change| match change {
            Change::Said { made, before, .. } => [made.as_mut(), before.as_mut()],
            Change::Bonus { .. } | Change::Denied => [None, None],
        });
        let said = self.said.iter_mut().map(|(_, _, said)| said).chain(changed.flatten());
        said.filter(|said| said.is_length).for_each(|said| said.until += by);
        self.look();
    }

    pub(super) fn lose(&mut self, is_lost: bool) {
        self.is_lost = is_lost;
        self.look();
    }

    pub(super) fn reload(&mut self, version: usize) {
        self.version = version;
        self.look();
    }

    /// What is over is over, also when the clock is set back.
    fn look(&mut self) {
        let said = std::mem::take(&mut self.said);
        self.said = said.into_iter().filter(|(_, _, said)| self.lasts(*said)).collect();
        for kid in self.kids().iter().filter(|kid| !kid.budgets.is_empty()) {
            if !self.is_lost {
                let day = self.day_on_wall(kid);
                if !self.days.contains(&(kid.id, day)) {
                    // Whoever has another name since has no day either.
                    let kids = self.kids();
                    let is_known = |id: &str| kids.iter().any(|kid| kid.id == id);
                    self.days.retain(|(id, _)| *id != kid.id && is_known(id));
                    self.days.push((kid.id, day));
                }
                let others = self.sheets.iter_mut().filter(|one| one.id == kid.id);
                others.filter(|one| one.day != day).for_each(Sheet::end_day);
            }
            let minute = self.minute();
            for budget in kid.budgets {
                let allowed = self.allowed(kid, budget);
                self.sheet(kid, budget.0).look(minute, allowed);
            }
        }
    }

    pub(super) fn act(&mut self, kid: &'static Kid, act: Act) {
        let wall = self.wall;
        let say = |opens: bool, until: Until| match until {
            Until::For(seconds) => Said { opens, until: wall + length(seconds), is_length: true },
            Until::At(until) => Said { opens, until, is_length: false },
            Until::Bedtime | Until::Always => panic!("not in this month"),
        };
        let minute = self.minute();
        match act {
            Act::Pause(until) => {
                self.stop_all(kid);
                self.say(kid, Thing::Pause, Some(say(false, until)));
            }
            Act::Resume => self.say(kid, Thing::Pause, None),
            Act::Free(seconds) => {
                self.stop_all(kid);
                let from = self.heard(kid, &Thing::Free).map_or(wall, |said| said.until.max(wall));
                let until = from + length(seconds);
                self.say(kid, Thing::Free, Some(Said { opens: true, until, is_length: true }));
            }
            Act::Bonus(word, seconds) => {
                let minutes = i64::try_from(seconds / 60).expect("hours");
                let day = self.day(kid);
                self.sheet(kid, word).more += minutes;
                self.note(Change::Bonus { id: kid.id, word, day, minutes });
            }
            Act::Open(word, until) => self.say(kid, Thing::Word(word), Some(say(true, until))),
            Act::Close(word, until) => self.say(kid, Thing::Word(word), Some(say(false, until))),
            Act::Start(word) => self.sheet(kid, word).start(minute),
            Act::Stop(word) => self.sheet(kid, word).stop(minute),
            Act::Deny => self.note(Change::Denied),
        }
        self.look();
    }

    /// Takes the last change back that still says what it said; false: there is none.
    pub(super) fn take_back(&mut self) -> bool {
        while let Some(change) = self.changes.pop() {
            let taken = match change {
                Change::Said { id, thing, made, before } => {
                    let before = before.filter(|said| self.lasts(*said));
                    let heard = self.heard_of(id, &thing);
                    let stands = heard == made && before != heard;
                    if stands {
                        self.set(id, &thing, before);
                    }
                    stands
                }
                Change::Bonus { id, word, day, minutes } => {
                    let stands = self.days.contains(&(id, day));
                    let sheets = self.sheets.iter_mut().filter(|one| one.is_of(id, word, day));
                    sheets.filter(|_| stands).for_each(|sheet| sheet.more -= minutes);
                    stands
                }
                Change::Denied => true,
            };
            if taken {
                self.look();
                return true;
            }
        }
        false
    }

    fn say(&mut self, kid: &'static Kid, thing: Thing, made: Option<Said>) {
        let before = self.heard(kid, &thing);
        self.set(kid.id, &thing, made);
        self.note(Change::Said { id: kid.id, thing, made, before });
    }

    fn set(&mut self, id: &'static str, thing: &Thing, said: Option<Said>) {
        self.said.retain(|(of, about, _)| (*of, about) != (id, thing));
        self.said.extend(said.map(|said| (id, thing.clone(), said)));
    }

    fn note(&mut self, change: Change) {
        self.changes.push(change);
        if self.changes.len() > CHANGES_MAX {
            self.changes.remove(0);
        }
    }

    fn stop_all(&mut self, kid: &Kid) {
        let minute = self.minute();
        let theirs = self.sheets.iter_mut().filter(|sheet| sheet.id == kid.id);
        theirs.for_each(|sheet| sheet.stop(minute));
    }

    // === What is answered ===

    /// Why a name is closed now; none: it is open, and counts where it counts.
    pub(super) fn ask(&mut self, kid: &'static Kid, name: &str) -> Option<&'static str> {
        let leads_to = ALIASES.iter().find(|(alias, _)| *alias == name);
        let why = self.closed(kid, name).or_else(|| {
            let (_, target) = leads_to?;
            self.closed_by_name_or_tag(kid, target).map(|_| "what it leads to")
        });
        if why.is_none() && self.is_metered(kid, name) {
            let minute = self.minute();
            for budget in kid.budgets.iter().filter(|(word, ..)| covers(word, name)) {
                let allowed = self.allowed(kid, budget);
                if allowed.is_some() {
                    let sheet = self.sheet(kid, budget.0);
                    sheet.touch(minute, kid.started);
                    // The silence before this question is use now, and may be the last of it.
                    sheet.look(minute, allowed);
                }
            }
        }
        why
    }

    pub(super) fn shown(&self, kid: &Kid) -> String {
        self.wall.to_zoned(zone(kid)).to_string()
    }

    fn closed(&self, kid: &Kid, name: &str) -> Option<&'static str> {
        if self.heard(kid, &Thing::Pause).is_some() {
            return Some("pause");
        }
        if self.is_granted(kid, name) {
            return None;
        }
        let is_free = self.is_free(kid);
        if !is_free && kid.windows.iter().any(|window| self.closes(kid, window, name)) {
            return Some("window");
        }
        match self.own(kid, name) {
            Some(true) => return None,
            Some(false) => return Some("closed by name"),
            None => {}
        }
        if !is_free && kid.budgets.iter().any(|budget| self.is_used_up(kid, budget, name)) {
            return Some("budget");
        }
        let of_tags = self.closed_by_name_or_tag(kid, name);
        let is_outside = kid.garden.is_some_and(|in_it| !in_it.iter().any(|w| covers(w, name)));
        of_tags.or(is_outside.then_some("garden"))
    }

    /// What time has no part in: this is how a name is judged that another one leads to.
    fn closed_by_name_or_tag(&self, kid: &Kid, name: &str) -> Option<&'static str> {
        if self.is_granted(kid, name) {
            return None;
        }
        match self.own(kid, name) {
            Some(true) => return None,
            Some(false) => return Some("closed by name"),
            None => {}
        }
        let is_excused = kid.excused.iter().any(|word| covers(word, name));
        let closes = |tag: &&&str| {
            let for_good = kid.closed.contains(*tag) && !(is_excused && **tag == "games");
            let opened =
                self.says(kid, tag, true) || **tag == "games" && self.opens_roblox(kid, name);
            covers(tag, name) && !opened && (for_good || self.says(kid, tag, false))
        };
        TAGS.iter().find(closes).copied()
    }

    /// What the parent says of the name itself: for a while, or for good.
    fn own(&self, kid: &Kid, name: &str) -> Option<bool> {
        let is_closed = |word: &&&str| self.says(kid, word, false) && covers(word, name);
        if NAMED.iter().any(|word| is_closed(&word)) {
            return Some(false);
        }
        kid.own.filter(|_| covers("own.example", name))
    }

    fn is_granted(&self, kid: &Kid, name: &str) -> bool {
        if NAMED.iter().any(|word| self.says(kid, word, true) && covers(word, name)) {
            return true;
        }
        // What the parent closed by its name opens by that name alone.
        if self.own(kid, name) == Some(false) {
            return false;
        }
        // Another category that is closed stays so; a service opens in its own category.
        let closes = |tag: &&&str| {
            let opened =
                self.says(kid, tag, true) || **tag == "games" && self.opens_roblox(kid, name);
            let closed = kid.closed.contains(*tag) || self.says(kid, tag, false);
            covers(tag, name) && closed && !opened
        };
        !TAGS.iter().any(|tag| closes(&tag))
            && TAGS.iter().any(|tag| self.says(kid, tag, true) && covers(tag, name))
    }

    /// Whether the name is open as part of the one service that is in a category.
    fn opens_roblox(&self, kid: &Kid, name: &str) -> bool {
        covers("roblox", name) && self.says(kid, "roblox", true)
    }

    /// Whether the time it takes counts.
    fn is_metered(&self, kid: &Kid, name: &str) -> bool {
        let is_noise = name == "app-measurement.com";
        let is_own = self.own(kid, name) == Some(true);
        !self.is_free(kid) && !is_own && !is_noise && !self.is_granted(kid, name)
    }

    /// Whether the wall shows a minute inside the window, and the name is not one of its own.
    fn closes(&self, kid: &Kid, window: &Window, name: &str) -> bool {
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
        (is_open || self.is_lost) && !window.open.iter().any(|word| covers(word, name))
    }

    /// Whether nothing is left of a budget that covers the name.
    fn is_used_up(&self, kid: &Kid, budget: &Allowance, name: &str) -> bool {
        let Some(allowed) = self.allowed(kid, budget) else { return false };
        let sheet = self.find_sheet(kid, budget.0);
        let used_up = sheet.map_or(allowed == 0, |sheet| sheet.counted >= allowed);
        let is_idle = kid.started && sheet.is_none_or(|sheet| sheet.session.is_none());
        covers(budget.0, name) && (used_up || is_idle)
    }

    /// The minutes of today; none: no limit. While nobody knows which day it is: the least.
    fn allowed(&self, kid: &Kid, budget: &Allowance) -> Option<i64> {
        let (word, week, weekend) = *budget;
        let base = match self.day(kid).weekday() {
            _ if self.is_lost => week.into_iter().chain(weekend).min(),
            Weekday::Saturday | Weekday::Sunday => weekend,
            Weekday::Monday
            | Weekday::Tuesday
            | Weekday::Wednesday
            | Weekday::Thursday
            | Weekday::Friday => week,
        };
        Some(base? + self.find_sheet(kid, word).map_or(0, |sheet| sheet.more))
    }

    // === Small things ===

    fn is_free(&self, kid: &Kid) -> bool {
        self.heard(kid, &Thing::Free).is_some() && !self.is_lost
    }

    fn heard(&self, kid: &Kid, thing: &Thing) -> Option<Said> {
        self.heard_of(kid.id, thing)
    }

    fn heard_of(&self, id: &str, thing: &Thing) -> Option<Said> {
        let found = self.said.iter().find(|(of, about, _)| *of == id && about == thing);
        found.map(|(_, _, said)| *said).filter(|said| self.lasts(*said))
    }

    /// Whether a word is opened, or closed, for a while. Nothing is while nobody knows how long.
    fn says(&self, kid: &Kid, word: &str, opens: bool) -> bool {
        let said = self.heard(kid, &Thing::Word(word.to_owned()));
        said.is_some_and(|said| said.opens == opens) && !(opens && self.is_lost)
    }

    /// Nobody knows whether a time on the wall is past while nobody knows what time it is.
    fn lasts(&self, said: Said) -> bool {
        self.wall < said.until || self.is_lost && !said.is_length
    }

    fn minute(&self) -> i64 {
        self.steady / 60_000
    }

    fn day(&self, kid: &Kid) -> Date {
        let known = self.days.iter().find(|(id, _)| *id == kid.id);
        known.map_or_else(|| self.day_on_wall(kid), |(_, day)| *day)
    }

    /// The day of budgets begins at four.
    fn day_on_wall(&self, kid: &Kid) -> Date {
        let wall = zone(kid).to_datetime(self.wall);
        if wall.hour() < 4 {
            wall.date().yesterday().expect("it is not year 0")
        } else {
            wall.date()
        }
    }

    fn find_sheet(&self, kid: &Kid, word: &str) -> Option<&Sheet> {
        let day = self.day(kid);
        self.sheets.iter().find(|one| one.is_of(kid.id, word, day))
    }

    fn sheet(&mut self, kid: &Kid, word: &'static str) -> &mut Sheet {
        let day = self.day(kid);
        let found = self.sheets.iter().position(|one| one.is_of(kid.id, word, day));
        let place = found.unwrap_or_else(|| {
            self.sheets.push(Sheet::new(kid.id, word, day));
            self.sheets.len() - 1
        });
        &mut self.sheets[place]
    }
}

fn length(seconds: u64) -> SignedDuration {
    SignedDuration::from_secs(i64::try_from(seconds).expect("hours"))
}

fn zone(kid: &Kid) -> TimeZone {
    TimeZone::get(kid.zone).expect("there is such a zone")
}

/// Whether a word of the config covers a name.
fn covers(word: &str, name: &str) -> bool {
    let below = |site: &str| name == site || name.ends_with(&format!(".{site}"));
    match word {
        "internet" => true,
        "games" => below("fun.example") || below("both.example") || below("roblox.com"),
        "bad" => below("bad.example") || below("both.example"),
        "pixels" => below("pixels.example"),
        "roblox" => below("roblox.com"),
        _ => match word.strip_prefix('=') {
            Some(exact) => name == exact,
            None => below(word),
        },
    }
}

fn date(text: &str) -> Date {
    text.parse().expect("the test writes a date")
}
