//! Calendar files: read, and their days put into the schedules that ask for them.
//!
//! As with lists, the last good copy serves where a file cannot be read. Where there is none either,
//! the stricter side holds: a schedule on these days holds on every day, and one except these days
//! on these too. Start at `fill`.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use tracing::warn;

use super::{Copies, write_whole};
use crate::config::ical::{self, Days, NoCalendar};
use crate::config::{CalendarFile, Config};
use crate::lists::files::stem;

/// A day that never comes: the only date of a schedule whose calendars have none. (Without a date
/// it would hold on every day.)
pub const NEVER: (Date, Date) = (Date::MIN, Date::MIN);

/// How many events that were left out are named: enough to see of which kind they are.
const SKIPPED_NAMED: usize = 5;

/// One calendar file.
#[derive(Debug, Clone)]
pub struct CalendarState {
    /// The calendar's id.
    pub id: String,
    /// Its days; none: it was never read.
    pub days: Option<Days>,
    /// Why its file cannot be read, as a sentence with what is in force meanwhile.
    pub trouble: Option<String>,
}

/// Why the days of a file are not known.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("{0}")]
    Disk(#[from] io::Error),
    #[error("{0}")]
    Text(#[from] NoCalendar),
}

/// Reads the calendar files of a config, and puts their days into its schedules.
pub(super) fn fill(
    config: &mut Config,
    state_directory: &Path,
    copies: Copies,
) -> Vec<CalendarState> {
    let zone = &config.household.zone;
    let states: Vec<CalendarState> = config
        .calendars
        .iter()
        .map(|calendar| read(calendar, state_directory, copies, zone))
        .collect();
    let subjects = &mut config.household.subjects;
    for schedule in subjects.iter_mut().flat_map(|subject| &mut subject.rules.schedules) {
        let files = std::mem::take(&mut schedule.files);
        let days_of = |place: &usize| states.get(*place).and_then(|state| state.days.as_ref());
        for days in files.except.iter().filter_map(days_of) {
            schedule.except.extend(&days.ranges);
        }
        if files.dates.iter().any(|place| days_of(place).is_none()) {
            schedule.dates.clear();
        } else if !files.dates.is_empty() {
            for days in files.dates.iter().filter_map(days_of) {
                schedule.dates.extend(&days.ranges);
            }
            if schedule.dates.is_empty() {
                schedule.dates.push(NEVER);
            }
        }
    }
    states
}

fn read(
    calendar: &CalendarFile,
    state_directory: &Path,
    copies: Copies,
    zone: &TimeZone,
) -> CalendarState {
    let CalendarFile { id, path } = calendar;
    let copy = copy_of(state_directory, id);
    let (days, trouble) = match days_of(path, zone) {
        Ok((days, octets)) => {
            if copies == Copies::Keep && fs::read(&copy).map_or(true, |kept| kept != octets) {
                keep(&copy, &octets);
            }
            (Some(days), None)
        }
        Err(why) => {
            let days = days_of(&copy, zone).ok().map(|(days, _)| days);
            let meanwhile = match &days {
                Some(_) => "its last good copy is in force",
                None => {
                    "until it can be read, a schedule on its days holds on every day, and one \
                     except its days on these too"
                }
            };
            let path = path.display();
            (days, Some(format!("{path} cannot be read: {why}; {meanwhile}")))
        }
    };
    let state = CalendarState { id: id.clone(), days, trouble };
    if copies == Copies::Keep {
        state.troubles().for_each(|trouble| warn!("{trouble}"));
    }
    state
}

/// The days of a file, with its octets.
fn days_of(path: &Path, zone: &TimeZone) -> Result<(Days, Vec<u8>), Trouble> {
    let mut octets = Vec::new();
    // One octet more tells that there are too many.
    File::open(path)?.take(ical::OCTETS_MAX as u64 + 1).read_to_end(&mut octets)?;
    Ok((ical::read(&octets, zone)?, octets))
}

fn keep(copy: &Path, octets: &[u8]) {
    if let Err(error) = write_whole(copy, octets) {
        warn!(copy = %copy.display(), "the last good copy of a calendar could not be kept: {error}");
    }
}

fn copy_of(state_directory: &Path, id: &str) -> PathBuf {
    state_directory.join("calendars").join(format!("{}.ics", stem(id)))
}

// === impl CalendarState ===

impl CalendarState {
    /// What is not as it should be, a sentence each.
    pub fn troubles(&self) -> impl Iterator<Item = String> + '_ {
        let id = &self.id;
        let skipped = self.days.iter().flat_map(|days| &days.skipped);
        let named = skipped.clone().take(SKIPPED_NAMED).map(move |event| {
            let (line, why) = (event.line, event.why);
            format!("calendar `{id}`: the event on line {line} {why}, and is left out")
        });
        let more = skipped.count().saturating_sub(SKIPPED_NAMED);
        let more = (more > 0).then(|| format!("calendar `{id}`: {more} more events are left out"));
        let cut = self.days.as_ref().is_some_and(|days| days.is_cut).then(|| {
            let max = ical::RANGES_MAX;
            format!("calendar `{id}` has more than {max} stretches of days: the last are left out")
        });
        let trouble = self.trouble.iter().map(move |trouble| format!("calendar `{id}`: {trouble}"));
        trouble.chain(named).chain(more).chain(cut)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::config::{Origin, System, load};
    use crate::words::Language;

    const ONE_DAY: &str =
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20261224\nEND:VEVENT\nEND:VCALENDAR\n";
    const CONFIG: &str = r#"
        [calendar.holidays]
        dates = ["2027-01-01"]
        file = "holidays.ics"
        [child.sofia]
        age = 9
        [[child.sofia.schedule]]
        time = "10:00-11:00"
        block = "everything"
        dates = "holidays"
        [[child.sofia.schedule]]
        time = "12:00-13:00"
        block = "everything"
        except = "holidays"
    "#;

    struct House {
        config: Config,
        states: Vec<CalendarState>,
    }

    fn open(directory: &Path, copies: Copies) -> House {
        let origin = Origin::File(directory.join("amparo.toml"));
        let system =
            System { language: Language::En, zone: TimeZone::UTC, zone_name: Some("UTC".into()) };
        let mut config = load(CONFIG, &origin, &system).unwrap().config;
        let states = fill(&mut config, &directory.join("state"), copies);
        House { config, states }
    }

    impl House {
        fn days(&self) -> [Vec<(Date, Date)>; 2] {
            let schedules = &self.config.household.subjects[1].rules.schedules;
            [schedules[0].dates.clone(), schedules[1].except.clone()]
        }

        fn troubles(&self) -> Vec<String> {
            self.states.iter().flat_map(CalendarState::troubles).collect()
        }
    }

    #[test]
    fn a_calendar_has_the_days_of_its_dates_and_its_file() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("holidays.ics"), ONE_DAY).unwrap();
        let house = open(directory.path(), Copies::LookOnly);
        let days = [date(2027, 1, 1), date(2026, 12, 24)].map(|day| (day, day)).to_vec();
        assert_eq!(house.days(), [days.clone(), days]);
        assert!(house.troubles().is_empty());
        assert!(!directory.path().join("state").exists(), "a command only looks");
    }

    #[test]
    fn the_last_good_copy_serves_where_the_file_is_gone_or_half() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("holidays.ics");
        std::fs::write(&file, ONE_DAY).unwrap();
        let good = open(directory.path(), Copies::Keep).days();
        std::fs::write(&file, &ONE_DAY[..40]).unwrap();
        let house = open(directory.path(), Copies::Keep);
        assert_eq!(house.days(), good);
        assert!(house.troubles()[0].contains("half a calendar"), "{:?}", house.troubles());
        std::fs::remove_file(&file).unwrap();
        assert_eq!(open(directory.path(), Copies::LookOnly).days(), good);
    }

    #[test]
    fn what_was_never_read_is_taken_strictly() {
        let directory = tempfile::tempdir().unwrap();
        let house = open(directory.path(), Copies::Keep);
        let of_dates = (date(2027, 1, 1), date(2027, 1, 1));
        assert_eq!(
            house.days(),
            [vec![], vec![of_dates]],
            "every day; only what is known is left out"
        );
        let troubles = house.troubles();
        assert!(troubles[0].contains("holidays.ics cannot be read: "), "{troubles:?}");
        assert!(troubles[0].contains("holds on every day"), "{troubles:?}");
    }

    #[test]
    fn a_calendar_without_days_is_no_reason_to_hold() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("holidays.ics");
        std::fs::write(&file, "BEGIN:VCALENDAR\nEND:VCALENDAR\n").unwrap();
        let text = CONFIG.replace("dates = [\"2027-01-01\"]", "");
        let origin = Origin::File(directory.path().join("amparo.toml"));
        let system = System { language: Language::En, zone: TimeZone::UTC, zone_name: None };
        let mut config = load(&text, &origin, &system).unwrap().config;
        fill(&mut config, directory.path(), Copies::LookOnly);
        let schedules = &config.household.subjects[1].rules.schedules;
        assert_eq!(schedules[0].dates, [NEVER]);
        assert!(schedules[1].except.is_empty());
    }
}
