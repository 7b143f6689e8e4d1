//! What devices did that may be a way around, and that new ones are told, over loopback: no network
//! of its own is needed for that.

use hickory_proto::rr::RecordType;
use serde_json::Value;

use amparo::control::Command;

use crate::harness::{ANA, Amparo, FAMILY, MATEO, SOFIA, STRANGER};

/// A site that answers whatever is asked below it.
const TUNNEL: &str = "tunnel.example";

async fn devices(amparo: &Amparo) -> Vec<Value> {
    let told = amparo.tell(&Command::Devices).await.expect("it tells");
    told.as_array().expect("a list").clone()
}

async fn device(amparo: &Amparo, id: &str) -> Value {
    let devices = devices(amparo).await;
    let found = devices.iter().find(|device| device["id"] == id).cloned();
    found.unwrap_or_else(|| panic!("{id} is not among {devices:#?}"))
}

async fn events(amparo: &Amparo, kind: &str) -> Vec<Value> {
    let status = amparo.tell(&Command::Status).await.expect("it tells");
    let events = status["events"].as_array().expect("a list");
    events.iter().filter(|event| event["kind"] == kind).cloned().collect()
}

/// The kinds of what is odd about a device, with how often it was seen.
fn kinds(device: &Value) -> Vec<(String, u64)> {
    let signs = device["suspicion"].as_array().expect("a list").iter();
    let of = |sign: &Value| {
        let kind = sign["kind"].as_str().expect("a word").to_owned();
        (kind, sign["count"].as_u64().expect("a number"))
    };
    signs.map(of).collect()
}

#[tokio::test]
async fn ways_around_are_folded_into_one_event_for_each_device_and_day() {
    let amparo = Amparo::start(FAMILY).await;
    for _ in 0..3 {
        amparo.ask(MATEO, "www.1clickvpn.com").await.is_blocked();
    }
    for name in ["mask.icloud.com", "mask-h2.icloud.com", "use-application-dns.net"] {
        amparo.ask(MATEO, name).await;
    }
    amparo.ask_type(MATEO, "_dns.resolver.arpa", RecordType::SVCB).await;
    let mateos = device(&amparo, MATEO).await;
    let expected = [("bypass_name", 3), ("relay", 2), ("canary", 1), ("discovery", 1)]
        .map(|(kind, count)| (kind.to_owned(), count));
    assert_eq!(kinds(&mateos), expected, "{mateos:#}");
    let usual = mateos["suspicion"].as_array().expect("a list").iter();
    let usual: Vec<_> = usual.map(|sign| sign["usual"] == true).collect();
    assert_eq!(usual, [false, true, true, true]);

    let told = events(&amparo, "suspicion").await;
    let [event] = &told[..] else { panic!("one event: {told:#?}") };
    assert_eq!((&event["child"], &event["device"]), (&"mateo".into(), &MATEO.into()));
    assert_eq!(event["signs"].as_array().map(Vec::len), Some(4), "{event:#}");
    amparo.cli(&["status"]).await.exits(0).prints("Mateo").prints("1clickvpn.com");
    amparo.cli(&["devices"]).await.exits(0).prints("! it looked for a VPN");

    // The next day tells anew.
    amparo.set("2026-11-24 16:00").ask(MATEO, "www.1clickvpn.com").await.is_blocked();
    assert_eq!(kinds(&device(&amparo, MATEO).await), [("bypass_name".to_owned(), 1)]);
    assert_eq!(events(&amparo, "suspicion").await.len(), 2);
}

#[tokio::test]
async fn what_adults_do_is_nobodys_business_and_names_that_lead_nowhere_else_are_no_sign() {
    let amparo = Amparo::start(FAMILY).await;
    for name in ["www.1clickvpn.com", "use-application-dns.net", "mask.icloud.com"] {
        amparo.ask(ANA, name).await;
        amparo.ask(SOFIA, "www.tiktok.com").await.is_blocked();
    }
    assert_eq!(kinds(&device(&amparo, ANA).await), []);
    assert_eq!(kinds(&device(&amparo, SOFIA).await), []);
    assert!(events(&amparo, "suspicion").await.is_empty());
}

#[tokio::test]
async fn data_in_names_is_told_as_a_tunnel() {
    let amparo = Amparo::start(FAMILY).await;
    for number in 0..600u64 {
        let word = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let name = format!("{word:016x}{word:016x}.{number}.{TUNNEL}");
        amparo.advance_seconds(1).ask(SOFIA, &name).await;
        // As many questions, all for the same name.
        amparo.ask(MATEO, "www.example.com").await.is_open();
    }
    assert_eq!(kinds(&device(&amparo, SOFIA).await), [("tunnel".to_owned(), 1)]);
    let event = &events(&amparo, "suspicion").await[0];
    assert_eq!(event["signs"][0]["name"], TUNNEL, "{event:#}");
    assert_eq!(kinds(&device(&amparo, MATEO).await), []);
}

#[tokio::test]
async fn a_new_device_is_told_once_also_over_a_restart_and_a_known_one_is_not() {
    let amparo = Amparo::start(FAMILY).await;
    for _ in 0..5 {
        amparo.ask(STRANGER, "www.example.com").await.is_open();
        amparo.ask(SOFIA, "www.example.com").await.is_open();
    }
    let told = events(&amparo, "new_device").await;
    let [event] = &told[..] else { panic!("one event: {told:#?}") };
    assert_eq!(event["device"], STRANGER, "{event:#}");
    assert_eq!(event["text"], format!("new device: a device, {STRANGER}"));
    assert_eq!(device(&amparo, STRANGER).await["queries_today"], 5);
    assert_eq!(device(&amparo, SOFIA).await["child"], "sofia");

    let amparo = amparo.restart().await;
    amparo.ask(STRANGER, "www.example.com").await.is_open();
    assert_eq!(events(&amparo, "new_device").await.len(), 1);
    assert_eq!(device(&amparo, STRANGER).await["queries_today"], 6);
}

#[tokio::test]
async fn a_device_is_given_to_somebody_and_taken_back_and_forgotten() {
    let amparo = Amparo::start(FAMILY).await;
    amparo.ask(STRANGER, "www.tiktok.com").await.is_blocked();
    amparo.ask(STRANGER, "www.netflix.com").await.is_blocked();
    let assigned = amparo.cli(&["devices", "assign", STRANGER, "mateo"]).await;
    assigned.exits(0).prints("is Mateo's now; it is written into the file");
    amparo.ask(STRANGER, "www.netflix.com").await.is_open();
    let text = std::fs::read_to_string(amparo.home.config()).expect("it is there");
    assert!(text.contains(&format!("devices = [\"127.0.0.11\", \"{STRANGER}\"]")), "{text}");
    amparo.cli(&["audit"]).await.exits(0).prints("assign").prints(STRANGER);

    // From one child to another, never to both.
    amparo.cli(&["devices", "assign", STRANGER, "sofia"]).await.exits(0);
    amparo.ask(STRANGER, "www.netflix.com").await.is_blocked();
    assert_eq!(device(&amparo, STRANGER).await["child"], "sofia");
    amparo.cli(&["undo"]).await.exits(0);
    amparo.ask(STRANGER, "www.netflix.com").await.is_open();

    amparo.cli(&["devices", "forget", STRANGER]).await.exits(0).prints("it is still Mateo's");
    assert!(devices(&amparo).await.iter().all(|device| device["id"] != STRANGER));
    amparo.cli(&["devices", "forget", STRANGER]).await.exits(1).complains("is known");
    amparo.cli(&["devices", "assign", "a-phone", "mateo"]).await.exits(1).complains("not a device");
    amparo.cli(&["devices", "assign", STRANGER, "nobody"]).await.exits(1).complains("nobody");
}
