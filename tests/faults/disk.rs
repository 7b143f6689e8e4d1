//! A disk that takes nothing any more: what is told is in force, and said not to be kept.

use amparo::control::{Command, FamilyCommand as Do, Until};

use super::{HOME, mateo, sofia, status, tell};
use crate::harness::{ANA, Amparo, MATEO, SOFIA};

/// What stands where the last ledger is put before the new one takes its place. A directory there
/// fails every write, also for root, whom neither rights nor a full disk's reserve stop.
const IN_THE_WAY: &str = ".ledger-coming-old";

#[tokio::test]
async fn what_cannot_be_kept_is_in_force_and_said_to_be_lost() {
    let amparo = Amparo::start(HOME).at("2026-11-23 16:00").await;
    tell(&amparo, Do::Pause { child: sofia(), until: Until::For(3600) }).await;
    let in_the_way = amparo.home.state().join(IN_THE_WAY);
    std::fs::create_dir(&in_the_way).expect("the disk takes directories");

    let pause = Command::Family(Do::Pause { child: mateo(), until: Until::For(1800) });
    let why = amparo.tell(&pause).await.expect_err("it cannot be kept");
    assert!(why.contains("it is in force, but cannot be kept in"), "{why}");
    amparo.ask(MATEO, "www.example.com").await.is_blocked();
    amparo.cli(&["pause", "mateo", "20m"]).await.exits(1).complains("it is in force, but");
    amparo.cli(&["status"]).await.exits(0).prints("cannot be saved");
    // Everything else goes on.
    amparo.ask(ANA, "www.example.com").await.is_open();
    amparo.cli(&["resume", "sofia"]).await.exits(1).complains("it is in force, but");
    amparo.ask(SOFIA, "www.example.com").await.is_open();
    let after = amparo.crashed().await;
    after.ask(SOFIA, "www.example.com").await.is_blocked();
    after.ask(MATEO, "www.example.com").await.is_open();

    // There is room again: what was not kept is, without anybody's doing.
    std::fs::remove_dir(&in_the_way).expect("it is empty");
    let how = status(&amparo).await;
    assert!(!how["troubles"].to_string().contains("saved"), "{how}");
    let after = amparo.crashed().await;
    after.ask(SOFIA, "www.example.com").await.is_open();
    after.ask(MATEO, "www.example.com").await.is_blocked();
    amparo.set("2026-11-23 16:20:00").ask(MATEO, "www.example.com").await.is_open();
}

#[tokio::test]
async fn a_config_file_that_cannot_be_written_stays_as_it_was() {
    let amparo = Amparo::start(HOME).at("2026-11-23 16:00").await;
    let before = std::fs::read_to_string(amparo.home.config()).expect("it has a file");
    // A file where the old texts are kept.
    std::fs::write(amparo.home.state().join("config"), "").expect("there is room");
    let args = ["allow", "www.closed.example", "--for", "mateo", "--until", "always"];
    amparo.cli(&args).await.exits(1).complains("nothing is changed");
    let after = std::fs::read_to_string(amparo.home.config()).expect("it has a file");
    assert_eq!(after, before);
    amparo.ask(MATEO, "www.closed.example").await.is_blocked();
    let audit = tell(&amparo, Do::Audit { limit: 10 }).await;
    assert_eq!(audit, serde_json::json!([]), "nothing was done");
}
