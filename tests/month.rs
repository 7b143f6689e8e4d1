//! A month of a family, drawn at random: after every step the daemon's answers are those of a
//! slow, obvious model.
//!
//! Four children, two time zones with a change of clocks in the month; pauses, grants, words opened
//! and closed for a while, more time, requests, taking back, restarts and clocks that are set.
//! [`model::Family`] knows the rules in the plainest way there is: it keeps everything that
//! happened and works out every answer from the beginning.

mod model;

use amparo::control::{Command, FamilyCommand as Do, Until};
use jiff::SignedDuration;

use crate::harness::Amparo;
use model::{Act, Family, KIDS, NAMES};

/// The steps of the short form: about half a month.
const STEPS: usize = 400;
/// Steps of the whole month, several times over.
const STEPS_LONG: usize = 20_000;

/// The family; `model` has the same rules once more.
const CONFIG: &str = r#"
[household]
timezone = "America/New_York"

[category.fun]
name  = "Fun"
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
budget  = { fun = { mon-fri = "45m", sat-sun = "3h" }, pixels = "1h" }
[[child.mateo.schedule]]
name = "homework"
days = ["mon-thu"]
time = "15:00-17:00"
only = ["school.example"]

[child.lucia]
profile = "ours"
devices = ["127.0.0.13"]
block   = ["own.example"]
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
budget   = { fun = "20m" }
"#;

#[tokio::test]
async fn a_month_of_random_steps_is_answered_as_the_model_says() {
    let seed = std::env::var("AMPARO_SEED").ok().and_then(|seed| seed.parse().ok());
    live(seed.unwrap_or(0x5eed), STEPS).await;
}

/// Several months, each of another seed: `tests/long` runs it.
#[tokio::test]
#[ignore = "takes an hour"]
async fn long_months_of_random_steps_are_answered_as_the_model_says() {
    let seed = std::env::var("AMPARO_SEED").ok().and_then(|seed| seed.parse().ok());
    live(seed.unwrap_or(1), STEPS_LONG).await;
}

/// Numbers that are the same every time: xorshift64*.
struct Dice(u64);

impl Dice {
    fn up_to(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) % bound
    }

    fn one_of<'a, T>(&mut self, values: &'a [T]) -> &'a T {
        let place = self.up_to(values.len() as u64);
        &values[usize::try_from(place).expect("it is a place")]
    }
}

async fn live(seed: u64, steps: usize) {
    let mut dice = Dice(seed.max(1));
    let mut amparo = Amparo::start(CONFIG).at("2027-10-20 07:12:30").await;
    amparo.clock().set_synchronised(true);
    let mut family = Family::new(amparo.now());
    let mut last = None;
    for step in 0..steps {
        let tale = if dice.up_to(40) == 0 {
            amparo = amparo.restart().await;
            "restarted".to_owned()
        } else {
            act(&mut dice, &amparo, &mut family, &mut last).await
        };
        for _ in 0..6 {
            let kid = usize::try_from(dice.up_to(KIDS.len() as u64)).expect("there are four");
            let name = *dice.one_of(NAMES);
            let device = *dice.one_of(KIDS[kid].devices);
            let said = amparo.ask(device, name).await;
            let closed = said.addresses().iter().any(std::net::IpAddr::is_unspecified);
            let expected = family.ask(kid, name);
            assert_eq!(
                closed,
                expected.is_some(),
                "seed {seed}, step {step} ({tale}), at {}: {} asks for {name}; the model says \
                 {expected:?}",
                family.shown(kid),
                KIDS[kid].id,
            );
        }
        // What was used is counted by now, also what is told after the answers.
        settled(&amparo).await;
    }
}

/// Waits until all that happened is counted and in force.
async fn settled(amparo: &Amparo) {
    amparo.tell(&Command::Status).await.expect("it tells how it is");
}

/// One step, done to both. What it was, for who reads a failure.
async fn act(
    dice: &mut Dice,
    amparo: &Amparo,
    family: &mut Family,
    last: &mut Option<Family>,
) -> String {
    let kid = usize::try_from(dice.up_to(KIDS.len() as u64)).expect("there are four");
    let child = KIDS[kid].id.to_owned();
    let before = family.clone();
    let seconds = 60 * (1 + dice.up_to(180));
    let until = if dice.up_to(3) == 0 {
        Until::At(family.wall + SignedDuration::from_secs(i64::try_from(seconds).expect("hours")))
    } else {
        Until::For(seconds)
    };
    let word = (*dice.one_of(&["fun", "bad", "pixels", "own.example", "=both.example"])).to_owned();
    let mut may_be_undone = true;
    let (act, command) = match dice.up_to(38) {
        0..=17 => {
            let at_most = *dice.one_of(&[3, 3, 12, 200]);
            let minutes = dice.up_to(at_most);
            let by = SignedDuration::from_secs(i64::try_from(minutes * 60 + 7).expect("hours"));
            family.advance(by);
            amparo.clock().advance(by);
            settled(amparo).await;
            *last = None;
            return format!("{minutes} minutes later");
        }
        18..=20 => (Act::Pause(until), Do::Pause { child, until }),
        21..=22 => (Act::Resume, Do::Resume { child }),
        23..=25 => (Act::Free(seconds), Do::Grant { child, seconds, budget: None }),
        26..=27 => {
            let budget = dice.one_of(KIDS[kid].budgets).0.to_owned();
            (
                Act::Bonus(budget.clone(), seconds),
                Do::Grant { child, seconds, budget: Some(budget) },
            )
        }
        28..=30 => (Act::Open(word.clone(), until), Do::Allow { what: word, child, until }),
        31..=33 => (Act::Close(word.clone(), until), Do::Block { what: word, child, until }),
        34 => {
            let asked = Do::Ask { child, what: word.clone(), reason: "please".to_owned() };
            let Ok(request) = amparo.tell(&Command::Family(asked)).await else {
                return "asked too often".to_owned();
            };
            let id = request["id"].as_u64().expect("it has a number");
            let approve = dice.up_to(3) > 0;
            let answer = Do::Answer { id, approve, until: Some(until), what: None, note: None };
            may_be_undone = false;
            (if approve { Act::Open(word, until) } else { Act::Nothing }, answer)
        }
        35..=36 => {
            let Some(was) = last.take() else { return "nothing to take back".to_owned() };
            amparo.tell(&Command::Family(Do::Undo)).await.expect("there is something");
            family.take_back(&was);
            settled(amparo).await;
            return "taken back".to_owned();
        }
        _ => {
            let minutes = *dice.one_of(&[-1500, -90, -7, 11, 70, 1500]);
            let by = SignedDuration::from_mins(minutes);
            family.step(by);
            amparo.clock().step(by);
            settled(amparo).await;
            *last = None;
            return format!("the clock is set by {minutes} minutes");
        }
    };
    let told = amparo.tell(&Command::Family(command)).await;
    let tale = format!("{} {act:?}: {}", KIDS[kid].id, told.is_ok());
    if told.is_ok() {
        family.act(kid, act);
        *last = may_be_undone.then_some(before);
    } else {
        *last = None;
    }
    settled(amparo).await;
    tale
}
