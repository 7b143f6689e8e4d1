//! A crash at the worst moment, told by the files it leaves behind.

use amparo::control::{FamilyCommand as Do, Until};

use super::{GAME, HOME, counted, is_closed, mateo, play, status, tell, used};
use crate::harness::{Amparo, MATEO, until};

#[tokio::test]
async fn what_is_used_up_is_on_the_disk_before_anything_is_closed_for_it() {
    let amparo = Amparo::start(HOME).at("2026-11-23 16:00:30").await;
    play(&amparo, MATEO, 9).await;
    amparo.ask(MATEO, GAME).await.is_open();
    counted(&amparo).await;
    amparo.advance_seconds(60);
    until("the end of the game", async || is_closed(&amparo.ask(MATEO, GAME).await)).await;
    let after = amparo.crashed().await;
    after.ask(MATEO, GAME).await.is_blocked();
    after.ask(MATEO, "www.example.com").await.is_open();
    // The machine was off as well, and its clock stood still meanwhile.
    amparo.clock().set_boot_id("another");
    let after = amparo.crashed().await;
    assert_eq!(status(&after).await["time_known"], false);
    after.ask(MATEO, GAME).await.is_blocked();
    // At four in the morning a new day begins, for whoever knows what time it is.
    amparo.set("2026-11-24 03:59:59").ask(MATEO, GAME).await.is_blocked();
    amparo.set("2026-11-24 04:00:00").ask(MATEO, GAME).await.is_open();
}

#[tokio::test]
async fn a_crash_loses_at_most_a_minute_of_what_was_used() {
    let amparo = Amparo::start(HOME).at("2026-11-23 16:00:30").await;
    play(&amparo, MATEO, 5).await;
    // Nobody asks how it is: what is kept is kept by itself, as time goes on.
    until("four minutes on the disk", async || {
        amparo.advance_seconds(1);
        let after = Box::pin(amparo.crashed()).await;
        used(&status(&after).await) >= 4
    })
    .await;
    let after = amparo.crashed().await;
    play(&after, MATEO, 5).await;
    until("the end of the game", async || is_closed(&after.ask(MATEO, GAME).await)).await;
}

#[tokio::test]
async fn what_was_acknowledged_is_on_the_disk() {
    let amparo = Amparo::start(HOME).at("2026-11-23 16:00").await;
    tell(&amparo, Do::Pause { child: mateo(), until: Until::For(3600) }).await;
    amparo.crashed().await.ask(MATEO, "www.example.com").await.is_blocked();
    tell(&amparo, Do::Resume { child: mateo() }).await;
    amparo.crashed().await.ask(MATEO, "www.example.com").await.is_open();
    let what = "www.closed.example".to_owned();
    tell(&amparo, Do::Allow { what, child: mateo(), until: Until::Always }).await;
    amparo.crashed().await.ask(MATEO, "www.closed.example").await.is_open();
}
