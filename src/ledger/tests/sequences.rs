//! Any sequence of operations, and what a restart makes of it: nothing else.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// What may happen in a house.
#[derive(Debug, Clone)]
enum Step {
    Pause(i64),
    Resume,
    Free(u64),
    Say(bool, usize, i64, bool),
    Bonus(u32),
    Undo,
    Touch,
    Start,
    Stop,
    Ask(usize),
    Answer(u64, bool),
    Wait(i64),
    SetClock(i64),
    Unknown(bool),
}

const WORDS: [&str; 4] = ["games", "youtube", "site.com", TIME_WORD];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        1 => (1..90i64).prop_map(Step::Pause),
        1 => Just(Step::Resume),
        1 => (1..90u64).prop_map(Step::Free),
        1 => (any::<bool>(), 0..WORDS.len(), 1..90i64, any::<bool>())
            .prop_map(|(opens, word, minutes, is_length)| Step::Say(opens, word, minutes, is_length)),
        1 => (1..60u32).prop_map(Step::Bonus),
        2 => Just(Step::Undo),
        6 => Just(Step::Touch),
        1 => Just(Step::Start),
        1 => Just(Step::Stop),
        1 => (0..WORDS.len()).prop_map(Step::Ask),
        1 => (1..9u64, any::<bool>()).prop_map(|(id, approve)| Step::Answer(id, approve)),
        8 => (1..400i64).prop_map(Step::Wait),
        1 => (-200_000..200_000i64).prop_map(Step::SetClock),
        1 => any::<bool>().prop_map(Step::Unknown),
    ];
    vec(step, 1..80)
}

fn take(at: &At, step: &Step) {
    let ana = ana();
    let mut both = BudgetSet::EMPTY;
    both.insert(GAMES);
    both.insert(YOUTUBE);
    let (ledger, home) = (&at.ledger, &at.home);
    // Whether it is refused is another test's matter.
    let _done = match *step {
        Step::Pause(minutes) => ledger.pause("sofia", at.minutes(minutes), &ana).err(),
        Step::Resume => ledger.resume("sofia", &ana).err(),
        Step::Free(minutes) => ledger.free("sofia", Duration::from_secs(60 * minutes), &ana).err(),
        Step::Say(opens, word, minutes, is_length) => {
            let span = Span { is_length, ..at.minutes(minutes) };
            let word = WORDS[word];
            if opens {
                ledger.open_word("sofia", word, span, &ana).err()
            } else {
                ledger.close_word("sofia", word, span, &ana).err()
            }
        }
        Step::Bonus(minutes) => ledger.bonus(home, "sofia", "games", minutes, &ana).err(),
        Step::Undo => ledger.undo(&ana).err(),
        Step::Touch => {
            ledger.touch(home, SOFIA, both);
            None
        }
        Step::Start => ledger.start(home, "sofia", "youtube", &ana).err(),
        Step::Stop => ledger.stop(home, "sofia", "youtube", &ana).err(),
        Step::Ask(word) => ledger.ask("sofia", None, WORDS[word], "").err(),
        Step::Answer(id, approve) => {
            let span = Some(at.minutes(30));
            ledger.answer(id, Answer { approve, span, ..Answer::default() }, &ana).err()
        }
        Step::Wait(seconds) => {
            at.clock.advance(SignedDuration::from_secs(seconds));
            ledger.tick(home);
            None
        }
        Step::SetClock(seconds) => {
            at.clock.step(SignedDuration::from_secs(seconds));
            ledger.step(SignedDuration::from_secs(seconds));
            None
        }
        Step::Unknown(unknown) => {
            ledger.set_time_unknown(unknown);
            None
        }
    };
}

/// Everything that can be seen of it.
fn seen(at: &At) -> String {
    let ledger = &at.ledger;
    let passing = ledger.passing(&at.home);
    let told = (ledger.usage(&at.home, SOFIA), ledger.due(&at.home));
    format!("{passing:#?} {told:#?} {:#?} {:#?}", ledger.requests(), ledger.audit(usize::MAX))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_restart_changes_nothing(steps in vec(steps(), 1..4)) {
        let directory = tempfile::tempdir().unwrap();
        let mut at = At::noon();
        at.ledger = Ledger::open(directory.path(), at.clock.clone());
        at.ledger.heartbeat("a");
        for steps in steps {
            for step in &steps {
                take(&at, step);
            }
            let before = seen(&at);
            at.ledger.heartbeat("a");
            at.ledger.save().unwrap();
            let unknown = at.ledger.is_time_unknown();
            at.ledger = Ledger::open(directory.path(), at.clock.clone());
            at.ledger.heartbeat("a");
            at.ledger.set_time_unknown(unknown);
            prop_assert_eq!(seen(&at), before);
        }
    }

    #[test]
    fn taking_everything_back_leaves_nothing(steps in steps()) {
        let at = At::noon();
        // Without time going on nothing runs out, and every change can be taken back.
        let stays = |step: &&Step| {
            !matches!(step, Step::Wait(_) | Step::SetClock(_) | Step::Unknown(_) | Step::Answer(..))
        };
        for step in steps.iter().filter(stays).take(UNDO_MAX) {
            take(&at, step);
        }
        while at.ledger.undo(&ana()).is_ok() {}
        let sofia = at.sofia();
        prop_assert_eq!(sofia.paused_until, None);
        prop_assert_eq!(sofia.freed_until, None);
        prop_assert_eq!(sofia.opened.len() + sofia.closed.len(), 0);
        prop_assert_eq!(at.ledger.usage(&at.home, SOFIA)[GAMES].minutes, Some(60));
    }

    #[test]
    fn what_is_due_is_done_by_the_next_tick(steps in steps()) {
        let at = At::noon();
        for step in &steps {
            take(&at, step);
            at.ledger.tick(&at.home);
            if let Some(due) = at.ledger.due(&at.home) {
                prop_assert!(due > at.clock.now(), "the daemon would spin");
            }
        }
    }
}
