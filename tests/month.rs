//! A month of a family, drawn at random: after every step the answers are those of a slow, obvious
//! model.
//!
//! Six children, two time zones with a change of clocks in the month; pauses, grants, words opened
//! and closed for a while, more time, budgets that are started, requests, taking back, restarts,
//! other versions of the config, and clocks that are set or that nobody believes.
//! [`model::Family`] knows the rules in the plainest way there is. It is compared with the daemon
//! over its sockets, and with what decides alone ([`core`]), which is a thousand times faster.

mod core;
mod draw;
mod model;
mod sockets;

use core::Core;
use draw::Dice;
use model::Family;
use sockets::Sockets;

use amparo::control::FamilyCommand;
use jiff::{SignedDuration, Timestamp};

/// The steps of the short form: about half a month.
const STEPS: usize = 400;
/// Steps of the whole month, several times over.
const STEPS_LONG: usize = 20_000;
/// What is decided in a month without sockets.
const DECISIONS: usize = 5_000;
/// The months of the short form, and of the long one: a million decisions.
const MONTHS: u64 = 4;
const MONTHS_LONG: u64 = 200;
/// Clocks go back in Madrid and then in New York; and forward, the other way round.
const BEGINS: [&str; 2] = ["2027-10-20T11:12:30Z", "2028-03-05T11:12:30Z"];

/// The family; `model` has the same rules once more.
const CONFIG: &str = r#"
[household]
timezone = "America/New_York"

[category.games]
names = ["fun.example", "both.example"]
[category.bad]
name  = "Bad"
names = ["bad.example", "both.example"]
[service.pixels]
name  = "Pixels"
names = ["pixels.example"]

[calendar.holidays]
dates = ["2027-10-29..2027-11-02"]

[profile.ours]
block       = ["bad"]
safe_search = false

[child.sofia]
profile = "ours"
devices = ["127.0.0.10"]
bedtime = "20:30-06:30"
budget  = { pixels = "30m" }

[child.mateo]
profile = "ours"
devices = ["127.0.0.11", "127.0.0.12"]
allow   = ["own.example"]
bedtime = { school-nights = "22:00-06:00", weekend = "23:30-08:00" }
budget  = { games = { mon-fri = "45m", sat-sun = "3h" }, pixels = "1h" }
[[child.mateo.schedule]]
name = "homework"
days = ["mon-thu"]
time = "15:00-17:00"
only = ["school.example"]

[child.lucia]
profile = "ours"
devices = ["127.0.0.13"]
block   = ["own.example", "games"]
allow   = ["roblox"]
budget  = { internet = "2h" }
[[child.lucia.schedule]]
name   = "dinner"
time   = "19:00-20:00"
block  = "everything"
allow  = ["school.example"]
except = "holidays"

[child.diego]
profile  = "ours"
timezone = "Europe/Madrid"
devices  = ["127.0.0.14"]
bedtime  = "21:00-07:00"
budget   = { games = { mon-fri = "20m" } }

[child.theo]
profile = "ours"
devices = ["127.0.0.15"]
bedtime = "20:00-07:00"
only    = ["school.example", "games", "pixels"]
budget  = { games = "40m", pixels = { mon-fri = "25m", sat-sun = "0m" } }

[child.nora]
profile     = "ours"
devices     = ["127.0.0.16", "127.0.0.17"]
bedtime     = "22:00-07:00"
budget      = { games = { mon-fri = "30m", sat-sun = "1h" }, pixels = { mon-fri = "0m", sat-sun = "20m" } }
budget_mode = "started"
"#;

/// What is compared with the model.
trait Driven {
    /// Whether it can be told that nobody knows what time it is.
    const CAN_LOSE_TIME: bool;

    /// Does what somebody tells; the number of the request, where one was made.
    async fn tell(&mut self, command: FamilyCommand) -> Result<u64, String>;
    /// Time goes on.
    async fn advance(&mut self, by: SignedDuration);
    /// Somebody sets the clock on the wall.
    async fn step(&mut self, by: SignedDuration);
    /// Another version of the config.
    async fn reload(&mut self, version: usize);
    /// It ends and starts again.
    async fn restart(&mut self);
    /// Nobody knows what time it is; or somebody does again.
    async fn lose_time(&mut self, is_lost: bool);
    /// Whether a child's device is answered that the name is closed.
    async fn is_closed(&mut self, id: &str, device: &str, name: &str) -> bool;
    /// All that was asked is counted.
    async fn settle(&mut self);
}

/// The config of a version.
fn config(version: usize) -> String {
    if version == 0 {
        return CONFIG.to_owned();
    }
    CONFIG.replace("child.lucia", "child.lucy").replace("budget  = { pixels = \"30m\" }", "")
}

#[tokio::test]
async fn a_month_of_random_steps_is_answered_as_the_model_says() {
    let seed = seed().unwrap_or(0x5eed);
    live(seed, &mut Sockets::start().await, begin(0), |step, _| step < STEPS).await;
}

/// Several months, each of another seed: `tests/long` runs it.
#[tokio::test]
#[ignore = "takes an hour"]
async fn long_months_of_random_steps_are_answered_as_the_model_says() {
    let seed = seed().unwrap_or(1);
    live(seed, &mut Sockets::start().await, begin(0), |step, _| step < STEPS_LONG).await;
}

#[tokio::test]
async fn what_decides_alone_says_what_the_model_says() {
    live_without_sockets(MONTHS).await;
}

#[tokio::test]
#[ignore = "takes minutes"]
async fn a_million_decisions_are_what_the_model_says() {
    let decisions = live_without_sockets(MONTHS_LONG).await;
    assert!(decisions >= 1_000_000, "{decisions}");
}

/// Months of different seeds; how many decisions were compared.
async fn live_without_sockets(months: u64) -> usize {
    let houses = [0, 1].map(|version| core::house(&config(version)));
    let first = seed().unwrap_or(1);
    let mut decisions = 0;
    for month in 0..months {
        let begins = begin(usize::try_from(month).expect("few"));
        let mut core = Core::new(&houses, begins);
        decisions += live(first + month, &mut core, begins, |_, asked| asked < DECISIONS).await;
    }
    decisions
}

fn seed() -> Option<u64> {
    std::env::var("AMPARO_SEED").ok().and_then(|seed| seed.parse().ok())
}

fn begin(month: usize) -> Timestamp {
    BEGINS[month % BEGINS.len()].parse().expect("the test writes a time")
}

/// Lives until it has been enough, by steps and by questions; how many were asked.
async fn live(
    seed: u64,
    driven: &mut impl Driven,
    begins: Timestamp,
    goes_on: impl Fn(usize, usize) -> bool,
) -> usize {
    let mut dice = Dice::new(seed);
    let mut family = Family::new(begins);
    let (mut step, mut asked) = (0, 0);
    while goes_on(step, asked) {
        let tale = draw::step(&mut dice, driven, &mut family).await;
        for _ in 0..6 {
            let kid = dice.one_of(family.kids());
            let name = *dice.one_of(model::NAMES);
            // All devices of a child in one minute, now and then.
            let devices = match dice.up_to(3) {
                0 => kid.devices,
                _ => std::slice::from_ref(dice.one_of(kid.devices)),
            };
            for device in devices {
                let closed = driven.is_closed(kid.id, device, name).await;
                let expected = family.ask(kid, name);
                assert_eq!(
                    closed,
                    expected.is_some(),
                    "seed {seed}, step {step} ({tale}), at {}: {} asks for {name}; the model says \
                     {expected:?}",
                    family.shown(kid),
                    kid.id,
                );
                asked += 1;
            }
        }
        // What was used is counted by now, also what is told after the answers.
        driven.settle().await;
        step += 1;
    }
    asked
}
