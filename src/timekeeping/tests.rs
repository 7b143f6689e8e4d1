use jiff::{SignedDuration, Timestamp};

use super::tests_server::Server;
use super::*;
use crate::clock;

fn truth() -> Timestamp {
    "2026-11-23T16:00:00Z".parse().expect("it is a time")
}

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

/// A keeper for a clock that shows `now`, in another run of the machine than the saved time.
fn keeper(clock: &Clock, saved: Option<Timestamp>, servers: &[SocketAddr]) -> Keeper {
    let saved = saved.map(|at| Saved { at, boot: "earlier" });
    Keeper::new(clock.clone(), clock::BUILT, saved, servers)
}

#[tokio::test]
async fn a_clock_that_is_known_asks_nobody() {
    let server = Server::shows(truth()).await;
    let keeper = keeper(&Clock::held(truth()), None, &[server.address]);
    assert_eq!(keeper.until_known().await, Known::Stepped);
    assert_eq!(server.asked(), 0);
}

#[tokio::test]
async fn a_clock_in_1970_is_corrected_by_time_servers() {
    let clock = Clock::held(Timestamp::UNIX_EPOCH);
    let (one, other) = (Server::shows(truth()).await, Server::shows(truth()).await);
    let keeper = keeper(&clock, None, &[one.address, other.address]);
    assert_eq!(keeper.doubt(), Some(Doubt::BeforeBuilt));
    let behind = truth().duration_since(Timestamp::UNIX_EPOCH);
    assert_eq!(keeper.until_known().await, Known::Sntp(behind));
    assert_eq!(clock.now(), truth());
    assert_eq!(keeper.doubt(), None);
    assert_eq!(keeper.saved(), Some((truth(), "held".to_owned())));
}

#[tokio::test]
async fn unplugging_the_box_gains_nothing_and_time_servers_say_how_long_it_was_off() {
    // It starts where it ended, ten minutes ago.
    let clock = Clock::held(truth() - minutes(10));
    let server = Server::shows(truth()).await;
    let keeper = keeper(&clock, Some(truth() - minutes(10)), &[server.address]);
    assert_eq!(keeper.doubt(), Some(Doubt::StoodStill));
    assert_eq!(keeper.until_known().await, Known::Sntp(minutes(10)));
    assert_eq!(clock.now(), truth());
    assert_eq!(keeper.doubt(), None);
}

#[tokio::test]
async fn a_clock_that_was_right_all_along_is_left_as_it_is() {
    let clock = Clock::held(truth());
    let server = Server::shows(truth() + SignedDuration::from_secs(1)).await;
    let keeper = keeper(&clock, Some(truth() - minutes(5)), &[server.address]);
    assert_eq!(keeper.doubt(), Some(Doubt::StoodStill));
    assert_eq!(keeper.until_known().await, Known::Sntp(SignedDuration::from_secs(1)));
    assert!(!clock.is_corrected());
    assert_eq!(keeper.doubt(), None);
}

#[tokio::test]
async fn time_servers_that_say_less_than_the_saved_time_confirm_nothing() {
    let clock = Clock::held(Timestamp::UNIX_EPOCH);
    let server = Server::shows(truth() - minutes(60)).await;
    let keeper = keeper(&clock, Some(truth()), &[server.address]);
    let waiting = tokio::spawn(async move { keeper.until_known().await });
    while server.asked() < 1 {
        tokio::task::yield_now().await;
    }
    assert!(!clock.is_corrected());
    clock.step(truth().duration_since(Timestamp::UNIX_EPOCH) + minutes(16));
    assert_eq!(waiting.await.unwrap(), Known::Stepped);
}

#[tokio::test]
async fn a_system_that_says_it_is_synchronised_is_believed() {
    let clock = Clock::held(truth());
    let keeper = keeper(&clock, Some(truth()), &[]);
    let waiting = tokio::spawn(async move {
        let known = keeper.until_known().await;
        (known, keeper.doubt())
    });
    tokio::task::yield_now().await;
    clock.set_synchronised(true);
    assert_eq!(waiting.await.unwrap(), (Known::Synchronised, None));
}

#[tokio::test]
async fn a_step_that_helps_nothing_leaves_the_doubt() {
    let clock = Clock::held(Timestamp::UNIX_EPOCH);
    let keeper = keeper(&clock, Some(truth()), &[]);
    let waiting = tokio::spawn(async move { keeper.until_known().await });
    tokio::task::yield_now().await;
    clock.step(minutes(60));
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert!(!waiting.is_finished());
    clock.step(truth().duration_since(clock.now()) + minutes(60));
    assert_eq!(waiting.await.unwrap(), Known::Stepped);
}

#[tokio::test]
async fn a_clock_put_back_later_is_in_doubt_again_unless_it_is_synchronised() {
    let clock = Clock::held(truth());
    let keeper = keeper(&clock, None, &[]);
    assert_eq!(keeper.until_known().await, Known::Stepped);
    clock.step(-minutes(60));
    assert_eq!(keeper.doubt(), Some(Doubt::BeforeSaved));
    clock.set_synchronised(true);
    assert_eq!(keeper.doubt(), None);
    assert_eq!(keeper.until_known().await, Known::Synchronised);
    assert_eq!(keeper.floor(), truth() - minutes(60));
}

#[tokio::test]
async fn a_server_that_wants_to_be_left_alone_is() {
    let clock = Clock::held(Timestamp::UNIX_EPOCH);
    let one = Server::shows(truth()).await;
    let kissing = Server::scripted(truth(), |mut answer| {
        answer[1] = 0;
        answer[12..16].copy_from_slice(b"RATE");
        answer
    })
    .await;
    let keeper = keeper(&clock, None, &[one.address, kissing.address]);
    for asked in [1, 1] {
        let unsure = keeper.ask().await.unwrap_err();
        keeper.note(&unsure);
        assert_eq!(kissing.asked(), asked, "one that is left is not believed alone");
    }
    assert_eq!(one.asked(), 2);
    clock.advance(minutes(60));
    keeper.ask().await.unwrap_err();
    assert_eq!(kissing.asked(), 2);
}
