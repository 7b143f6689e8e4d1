//! What happens next, drawn at random and done to both.

use amparo::control::{FamilyCommand as Do, Until};
use jiff::SignedDuration;

use super::Driven;
use super::model::{Act, Family, Kid};

/// Numbers that are the same every time: xorshift64*.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        // Small seeds lie far from each other.
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).max(1))
    }

    pub(super) fn up_to(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) % bound
    }

    pub(super) fn one_of<'a, T>(&mut self, values: &'a [T]) -> &'a T {
        let place = self.up_to(values.len() as u64);
        &values[usize::try_from(place).expect("it is a place")]
    }
}

/// The words that are opened and closed for a while.
const WORDS: &[&str] = &["games", "bad", "pixels", "roblox", "own.example", "=both.example"];
/// Between two things that somebody does, where time has to go on.
const A_MOMENT: SignedDuration = SignedDuration::from_secs(7);

/// One step, done to both. What it was, for who reads a failure.
pub(super) async fn step(dice: &mut Dice, driven: &mut impl Driven, family: &mut Family) -> String {
    match dice.up_to(48) {
        0..=21 => {
            let at_most = *dice.one_of(&[3, 3, 12, 200]);
            let minutes = dice.up_to(at_most);
            let by = SignedDuration::from_mins(i64::try_from(minutes).expect("hours")) + A_MOMENT;
            family.advance(by);
            driven.advance(by).await;
            format!("{minutes} minutes later")
        }
        22 => {
            driven.restart().await;
            "restarted".to_owned()
        }
        23 => {
            let minutes = *dice.one_of(&[-1500, -90, -7, 11, 70, 1500]);
            let by = SignedDuration::from_mins(minutes);
            family.step(by);
            driven.step(by).await;
            // A device is counted once a second: a clock that is set lets none go by.
            family.advance(A_MOMENT);
            driven.advance(A_MOMENT).await;
            format!("the clock is set by {minutes} minutes")
        }
        // The day that counts is the one that was known with this config.
        24 if !family.is_lost => {
            let version = 1 - family.version;
            family.reload(version);
            driven.reload(version).await;
            format!("version {version} of the config")
        }
        25 if driven_can_lose_time(driven) => {
            let is_lost = !family.is_lost;
            family.lose(is_lost);
            driven.lose_time(is_lost).await;
            format!("the time is {}", if is_lost { "lost" } else { "known" })
        }
        // What was done to somebody with another name is taken back when that is back.
        26..=29 if family.version == 0 => {
            let told = driven.tell(Do::Undo).await.is_ok();
            let taken = family.take_back();
            assert_eq!(told, taken, "something to take back");
            format!("taken back: {taken}")
        }
        _ => {
            let kid = dice.one_of(family.kids());
            change(dice, driven, family, kid).await
        }
    }
}

fn driven_can_lose_time<D: Driven>(_: &D) -> bool {
    D::CAN_LOSE_TIME
}

/// Something that somebody does to one child.
async fn change(
    dice: &mut Dice,
    driven: &mut impl Driven,
    family: &mut Family,
    kid: &'static Kid,
) -> String {
    let child = kid.id.to_owned();
    let seconds = 60 * (1 + dice.up_to(180));
    let until = if dice.up_to(3) == 0 {
        Until::At(family.wall + SignedDuration::from_secs(i64::try_from(seconds).expect("hours")))
    } else {
        Until::For(seconds)
    };
    let word = (*dice.one_of(WORDS)).to_owned();
    // Whoever has no budget gets more of one all the same, in vain.
    let budget = kid.budgets.get(usize::from(dice.up_to(2) == 0)).or(kid.budgets.first());
    let budget = budget.map_or("pixels", |budget| budget.0);
    let (act, command) = match dice.up_to(22) {
        0..=1 => (Act::Pause(until), Do::Pause { child, until }),
        2..=3 => (Act::Resume, Do::Resume { child }),
        4..=5 => (Act::Free(seconds), Do::Grant { child, seconds, budget: None }),
        6..=7 => {
            let seconds = seconds.min(60 * (1 + dice.up_to(60)));
            let more = Do::Grant { child, seconds, budget: Some(budget.to_owned()) };
            (Act::Bonus(budget, seconds), more)
        }
        8..=10 => (Act::Open(word.clone(), until), Do::Allow { what: word, child, until }),
        11..=13 => (Act::Close(word.clone(), until), Do::Block { what: word, child, until }),
        14..=17 => (Act::Start(budget), Do::Start { child, budget: budget.to_owned() }),
        18..=19 => (Act::Stop(budget), Do::Stop { child, budget: budget.to_owned() }),
        _ => {
            let is_time = dice.up_to(3) == 0;
            let what = if is_time { "time".to_owned() } else { word.clone() };
            let asked = Do::Ask { child, what, reason: "please".to_owned() };
            let Ok(id) = driven.tell(asked).await else {
                return "asked too often".to_owned();
            };
            let approve = dice.up_to(3) > 0;
            let answer = Do::Answer { id, approve, until: Some(until), what: None, note: None };
            let act = match (approve, is_time) {
                (true, true) => Act::Free(seconds),
                (true, false) => Act::Open(word, until),
                (false, _) => Act::Deny,
            };
            (act, answer)
        }
    };
    let told = driven.tell(command).await;
    let tale = format!("{} {act:?}: {told:?}", kid.id);
    if told.is_ok() {
        family.act(kid, act);
    }
    tale
}
