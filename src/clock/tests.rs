use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().expect("the test writes a time")
}

fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

fn afternoon() -> Clock {
    Clock::held(at("2026-11-23T16:00:00Z"))
}

#[test]
fn set_and_advance_move_both_clocks_and_step_moves_the_wall_alone() {
    let clock = afternoon();
    let (began, mut watch) = (clock.tick(), clock.watch());
    clock.advance(seconds(60));
    clock.set(at("2026-11-23T16:02:00Z"));
    assert_eq!(clock.now(), at("2026-11-23T16:02:00Z"));
    assert_eq!(clock.tick().millis_since(began), 120_000);
    assert_eq!(clock.drift(&mut watch), None);
    clock.step(seconds(-3600));
    assert_eq!(clock.now(), at("2026-11-23T15:02:00Z"));
    assert_eq!(clock.tick().millis_since(began), 120_000);
    assert_eq!(clock.drift(&mut watch), Some(seconds(-3600)));
    assert_eq!(clock.drift(&mut watch), None, "a step is told once");
    clock.set(at("2026-11-23T15:00:00Z"));
    assert_eq!(clock.tick(), began, "a held clock goes back as a whole");
}

#[test]
fn two_seconds_are_no_step() {
    let clock = afternoon();
    let mut watch = clock.watch();
    clock.step(seconds(2));
    assert_eq!(clock.drift(&mut watch), None);
    clock.step(SignedDuration::from_millis(-2001));
    assert_eq!(clock.drift(&mut watch), Some(SignedDuration::from_millis(-2001)));
}

#[test]
fn the_machine_s_two_clocks_go_together() {
    let clock = Clock::System;
    let mut watch = clock.watch();
    assert_eq!(clock.drift(&mut watch), None);
    assert!(clock.now() >= watch.at());
}

#[tokio::test]
async fn who_waits_is_woken_when_a_held_clock_comes_to_the_time() {
    let clock = afternoon();
    let watch = clock.watch();
    let waiting = tokio::spawn({
        let clock = clock.clone();
        async move { clock.wait_until(Some(at("2026-11-23T20:30:00Z")), &watch).await }
    });
    tokio::task::yield_now().await;
    clock.set(at("2026-11-23T20:29:59.999Z"));
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished(), "it is never early");
    clock.advance(SignedDuration::from_millis(1));
    assert_eq!(waiting.await.unwrap(), Woken::Due);
}

#[tokio::test]
async fn who_waits_is_woken_by_a_step() {
    for (by, until) in [(-60, Some("2026-11-23T20:30:00Z")), (60, None), (-60, None)] {
        let clock = afternoon();
        let watch = clock.watch();
        let waiting = tokio::spawn({
            let clock = clock.clone();
            async move { clock.wait_until(until.map(at), &watch).await }
        });
        tokio::task::yield_now().await;
        clock.step(seconds(by));
        assert_eq!(waiting.await.unwrap(), Woken::Stepped);
    }
}

#[tokio::test]
async fn a_step_before_the_wait_is_not_missed() {
    let clock = afternoon();
    let mut watch = clock.watch();
    clock.step(seconds(-60));
    assert_eq!(clock.wait_until(None, &watch).await, Woken::Stepped);
    assert_eq!(clock.drift(&mut watch), Some(seconds(-60)));
    clock.set(at("2026-11-23T15:00:00Z"));
    assert_eq!(clock.wait_until(None, &watch).await, Woken::Stepped, "taken back as a whole");
    assert_eq!(clock.drift(&mut watch), None);
    clock.step(seconds(3600));
    assert_eq!(clock.wait_until(Some(at("2026-11-23T15:30:00Z")), &watch).await, Woken::Due);
}

#[tokio::test]
async fn the_machine_s_clock_wakes_and_never_early() {
    let clock = Clock::System;
    for millis in [-5, 0, 1, 20] {
        let watch = clock.watch();
        let until = clock.now() + SignedDuration::from_millis(millis);
        assert_eq!(clock.wait_until(Some(until), &watch).await, Woken::Due);
        assert!(clock.now() >= until);
    }
}

#[tokio::test]
async fn without_timers_it_sleeps_a_second_at_most() {
    let mut alarm = Alarm::nap(Duration::from_millis(5));
    assert_eq!(alarm.rings().await, Rang::Time);
    let Alarm::Nap(after) = Alarm::nap(Duration::from_secs(3600)) else { panic!("it naps") };
    assert_eq!(after, Duration::from_secs(1));
}

#[test]
fn a_corrected_clock_shows_the_truth_and_goes_on() {
    let clock = Clock::held(Timestamp::UNIX_EPOCH);
    let mut watch = clock.watch();
    let truth = at("2026-11-23T16:00:00Z");
    clock.correct(truth.duration_since(Timestamp::UNIX_EPOCH));
    assert_eq!(clock.now(), truth);
    assert!(clock.is_corrected());
    assert_eq!(clock.drift(&mut watch), Some(truth.duration_since(Timestamp::UNIX_EPOCH)));
    clock.advance(seconds(60));
    assert_eq!(clock.now(), at("2026-11-23T16:01:00Z"));
    assert_eq!(clock.drift(&mut watch), None);
    clock.set(at("2026-11-23T18:00:00Z"));
    assert_eq!(clock.now(), at("2026-11-23T18:00:00Z"));
    clock.correct(seconds(-3600));
    assert_eq!(clock.now(), at("2026-11-23T17:00:00Z"), "corrected once more");
}

#[test]
fn a_correction_ends_when_the_machine_is_right_and_nobody_sees_it() {
    let clock = Clock::held(Timestamp::UNIX_EPOCH);
    let truth = at("2026-11-23T16:00:00Z");
    let by = truth.duration_since(Timestamp::UNIX_EPOCH);
    clock.correct(by);
    let mut watch = clock.watch();
    clock.step(seconds(1_700_000_000));
    assert_eq!(clock.now(), truth, "set to some other time");
    assert_eq!(clock.drift(&mut watch), None);
    assert!(clock.is_corrected());
    clock.step(by - seconds(1_700_000_000) + SignedDuration::from_millis(300));
    assert_eq!(clock.now(), truth, "never corrected twice");
    assert_eq!(clock.drift(&mut watch), None);
    assert!(!clock.is_corrected());
    assert_eq!(clock.now(), truth + SignedDuration::from_millis(300));
    clock.step(seconds(60));
    assert_eq!(clock.drift(&mut watch), Some(seconds(60)), "from now on its steps count");
}

#[test]
fn a_synchronised_machine_knows_better_than_a_correction_unless_it_is_in_1970() {
    let clock = Clock::held(Timestamp::UNIX_EPOCH);
    let truth = at("2026-11-23T16:00:00Z");
    clock.correct(truth.duration_since(Timestamp::UNIX_EPOCH));
    clock.set_synchronised(true);
    let mut watch = clock.watch();
    assert_eq!(clock.drift(&mut watch), None);
    assert_eq!(clock.now(), truth);
    let other = at("2026-11-24T16:00:00Z");
    clock.step(other.duration_since(Timestamp::UNIX_EPOCH));
    assert_eq!(clock.drift(&mut watch), Some(seconds(24 * 3600)));
    assert_eq!(clock.now(), other);
}

#[test]
fn what_is_hardly_wrong_is_not_corrected() {
    let clock = afternoon();
    clock.correct(seconds(2));
    assert!(!clock.is_corrected());
    clock.correct(SignedDuration::MAX);
    assert!(clock.is_corrected(), "nothing overflows");
    clock.correct(SignedDuration::MIN);
    assert!(clock.now() < at("2026-11-23T16:00:00Z"));
}

#[tokio::test]
async fn a_correction_wakes_who_waits() {
    let clock = afternoon();
    let watch = clock.watch();
    let waiting = tokio::spawn({
        let clock = clock.clone();
        async move { clock.wait_until(Some(at("2026-11-23T20:30:00Z")), &watch).await }
    });
    tokio::task::yield_now().await;
    clock.correct(seconds(-60));
    assert_eq!(waiting.await.unwrap(), Woken::Stepped);
}

#[test]
fn certificates_are_never_judged_by_an_earlier_time_than_is_known() {
    let judged = |clock: &Clock| clock.current_time().unwrap().as_secs();
    let clock = Clock::held(Timestamp::UNIX_EPOCH);
    assert_eq!(judged(&clock), u64::try_from(TIME_FLOOR_SECONDS).unwrap());
    clock.raise_floor(at("2027-01-01T00:00:00Z"));
    clock.raise_floor(at("2020-01-01T00:00:00Z"));
    assert_eq!(judged(&clock), 1_798_761_600);
    clock.set(at("2028-01-01T00:00:00Z"));
    assert_eq!(judged(&clock), 1_830_297_600);
}

#[test]
fn a_held_clock_says_of_the_machine_what_it_was_told() {
    let clock = afternoon();
    assert!(!clock.is_synchronised());
    clock.set_synchronised(true);
    assert!(clock.clone().is_synchronised());
    assert_eq!(clock.boot_id(), "held");
    clock.set_boot_id("another");
    assert_eq!(clock.boot_id(), "another");
}

#[test]
fn the_machine_s_run_has_one_number() {
    assert_eq!(Clock::System.boot_id(), Clock::System.boot_id());
}
