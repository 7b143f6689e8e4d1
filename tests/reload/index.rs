//! The index in the state directory: what is in force after a start that reads no list, and after
//! one that finds no index it can use.

use std::fs::File;
use std::time::{Duration, SystemTime};

use super::WITH_LIST;
use crate::harness::{Amparo, Home, MATEO};

/// A list that has stood there for long: only such a one is trusted to be the same.
fn write_list(home: &Home, text: &str) {
    home.write("extra.txt", text);
    let list =
        File::options().append(true).open(home.path().join("extra.txt")).expect("it is ours");
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    list.set_modified(long_ago).expect("it is ours");
}

/// A daemon that has just made its index of `old.example`.
async fn with_an_index() -> Amparo {
    let start = Amparo::start(WITH_LIST);
    write_list(start.home(), "old.example\n");
    let amparo = start.await;
    amparo.ask(MATEO, "old.example").await.is_blocked();
    assert!(amparo.home.state().join("lists.index").is_file());
    amparo
}

#[tokio::test]
async fn a_start_reads_no_list_that_looks_as_before() {
    let amparo = with_an_index().await;
    // As long and as old: whoever reads it would know the other name.
    write_list(&amparo.home, "new.example\n");
    let amparo = amparo.restart().await;
    amparo.ask(MATEO, "old.example").await.is_blocked();
    amparo.ask(MATEO, "new.example").await.is_open();
    amparo.reload().await.expect("nothing changed");
    amparo.ask(MATEO, "old.example").await.is_blocked();

    amparo.home.write("extra.txt", "new.example\nand another.example\n");
    amparo.reload().await.expect("the list is good");
    amparo.ask(MATEO, "old.example").await.is_open();
    amparo.ask(MATEO, "new.example").await.is_blocked();
}

#[tokio::test]
async fn a_damaged_index_opens_nothing() {
    let mut amparo = with_an_index().await;
    for damage in [0, 4100, usize::MAX] {
        let path = amparo.home.state().join("lists.index");
        let mut octets = std::fs::read(&path).expect("it is ours");
        match octets.get_mut(damage) {
            Some(octet) => *octet ^= 1,
            None => octets.truncate(5000),
        }
        // Another file, as after a power cut: the running daemon goes on with its own.
        std::fs::remove_file(&path).expect("it is ours");
        std::fs::write(&path, &octets).expect("it is ours");
        amparo = amparo.restart().await;
        amparo.ask(MATEO, "old.example").await.is_blocked();
        amparo.ask(MATEO, "new.example").await.is_open();
        assert_ne!(std::fs::read(&path).expect("it is ours"), octets, "it was built again");
    }
}

#[tokio::test]
async fn an_index_that_cannot_be_kept_filters_from_memory() {
    let start = Amparo::start(WITH_LIST);
    write_list(start.home(), "old.example\n");
    std::fs::create_dir_all(start.home().state().join("lists.index")).expect("it is ours");
    let amparo = start.await;
    amparo.ask(MATEO, "old.example").await.is_blocked();
    amparo.ask(MATEO, "new.example").await.is_open();
}

#[tokio::test]
async fn a_list_that_is_gone_at_a_start_keeps_its_names_closed() {
    let amparo = with_an_index().await;
    std::fs::remove_file(amparo.home.path().join("extra.txt")).expect("it is ours");
    for _ in 0..2 {
        amparo.reload().await.expect("the config is good");
        amparo.ask(MATEO, "old.example").await.is_blocked();
        let lists = amparo.cli(&["lists"]).await;
        assert!(lists.stdout.contains("its last good copy is in force"), "{}", lists.stdout);
    }
    let amparo = amparo.restart().await;
    amparo.ask(MATEO, "old.example").await.is_blocked();
}

#[tokio::test]
async fn a_command_uses_the_index_and_writes_none() {
    let amparo = with_an_index().await;
    let home = amparo.shutdown().await;
    let index = home.state().join("lists.index");
    let octets = std::fs::read(&index).expect("it is ours");
    write_list(&home, "new.example\n");
    let status = || {
        let mut lists = home.amparo(&["lists", "status", "extra", "--json"]).exits(0).json();
        // A second later it is a second older.
        lists[0]["age_seconds"].take();
        lists
    };
    let lists = status();
    assert_eq!(lists[0]["taken"], 1);
    assert_eq!(std::fs::read(&index).expect("it is ours"), octets);
    std::fs::remove_file(&index).expect("it is ours");
    assert_eq!(status(), lists);
    assert!(!index.exists());
}
