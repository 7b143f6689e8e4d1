//! Real networks and the real program in them: every family of addresses, devices known by their
//! hardware address, ports that are taken, and ends that nobody planned.
//!
//! What needs a network of its own is skipped, with the reason printed, where we may not make one.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::Value;
use tokio_rustls::TlsAcceptor;

use crate::harness::net::{as_nobody, is_root};
use crate::harness::upstream::dead_address;
use crate::harness::{ANA, Amparo, Device, FAMILY, Home, MATEO, Namespace, Question, SOFIA};

/// The hardware address of the child's device.
const CHILDS_MAC: &str = "02:00:00:00:00:0a";
/// A household in which each closes a name of its own: the answer shows whose rules hold.
const WHO_IS_WHO: &str = r#"
[household]
language = "en"
unknown_devices = "strangers"

[dns]
upstreams = "udp://127.0.0.1:9"

[profile.strangers]
based_on = "open"
block = ["unknown.example"]

[child.mateo]
age = 14
devices = ["02:00:00:00:00:0a"]
block = ["mateo.example"]

[adult.ana]
devices = ["10.8.0.20", "10.9.0.20"]
block = ["ana.example"]
"#;

/// A real program's address on loopback, and the family whose rules it has.
fn family_on_loopback(more: &str) -> (Home, SocketAddr) {
    let address = dead_address();
    let rules = FAMILY.replace("\"tiktok\"", "\"internet\"");
    let config = format!(
        "[dns]\nlisten = \"{address}\"\nupstreams = \"udp://127.0.0.1:9\"\n{more}\n{rules}"
    );
    (Home::with(&config), address)
}

/// How many questions the rows of a log stand for.
fn total(rows: &[Value]) -> u64 {
    rows.iter().filter_map(|row| row["count"].as_u64()).sum()
}

// === Addresses ===

#[tokio::test]
async fn a_child_is_known_by_an_ipv6_address_and_by_a_range() {
    for device in ["::1", "::/64"] {
        let config = format!(
            "[dns]\nlisten = \"[::1]:0\"\n[child.mateo]\nage = 14\ndevices = [\"{device}\"]\nblock = [\"closed.example\"]\n"
        );
        let amparo = Amparo::start(&config).await;
        for name in ["closed.example", "www.closed.example"] {
            let question = Question::of(name, RecordType::AAAA);
            amparo.send("::1", &question).await.holds_only("::");
            amparo.send_tcp("::1", &question).await.holds_only("::");
            amparo.send_tcp("::1", &Question::of(name, RecordType::A)).await.is_blocked();
        }
        amparo.ask("::1", "open.example").await.is_open();
        let row = &amparo.journal().await[0];
        assert_eq!((&row["child"], &row["device"]), (&"mateo".into(), &"::1".into()), "{row:#}");
    }
}

#[tokio::test]
async fn a_wildcard_answers_from_the_address_asked_and_calls_it_its_own() {
    for (listen, from, asked) in [
        ("0.0.0.0:0", MATEO, "127.0.0.5"),
        ("0.0.0.0:0", "127.0.0.5", "127.0.0.5"),
        ("[::]:0", "::1", "::1"),
    ] {
        let config = format!("[dns]\nlisten = \"{listen}\"\n{FAMILY}");
        let amparo = Amparo::start(&config).await;
        let ip: IpAddr = asked.parse().expect("an address");
        let to = SocketAddr::new(ip, amparo.server().port());
        let ask = move || {
            let device = Device::at(from);
            device.asks(to, "amparo.test").holds_only(asked);
            device.asks(to, "blocked.amparo.test").is_blocked();
        };
        // The daemon runs on this thread too: it must not be held up.
        tokio::task::spawn_blocking(ask).await.expect("the device has its answers");
    }
}

// === An upstream that cannot prove its name ===

#[tokio::test]
async fn an_upstream_without_a_good_certificate_is_not_believed_and_status_says_why() {
    let issued = rcgen::generate_simple_self_signed(["dns.example".to_owned()]).expect("a name");
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(issued.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring serves TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_single_cert(vec![issued.cert.der().clone()], key)
        .expect("the key is the certificate's");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has ports");
    let address = listener.local_addr().expect("it is bound");
    let serving = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let shaken = acceptor.accept(stream).await;
            assert!(shaken.is_err(), "a stranger's certificate was taken");
        }
    });

    let url = format!("tls://{address}#dns.example");
    let amparo = Amparo::start(&format!("[dns]\nupstreams = \"{url}\"\n{FAMILY}")).await;
    let question = Question::of("www.example.com", RecordType::A).edns();
    let answer = amparo.send(ANA, &question).await;
    answer.has_code(ResponseCode::ServFail).has_no_address();
    assert!(answer.ede().is_some(), "{answer:?}");
    amparo.ask(SOFIA, "www.tiktok.com").await.is_blocked();
    let trouble = format!("! upstream {url} does not answer: ");
    amparo.cli(&["status"]).await.exits(0).prints(&trouble).prints("nobody we trust has signed it");
    assert!(!serving.is_finished(), "the server saw a handshake that went well");
    serving.abort();
}

// === Hardware addresses ===

#[test]
fn the_first_question_from_every_address_of_a_device_meets_its_owners_rules() {
    let (Some(router), Some(child)) = (Namespace::new(), Namespace::new()) else { return };
    let Some(adult) = Namespace::new() else { return };
    router.connect(&child, "lan", CHILDS_MAC);
    router.run("ip addr add 10.9.0.1/24 dev lan; ip addr add fd09::1/64 dev lan; ip addr add fe80::1/64 dev lan");
    child.run("ip addr add 10.9.0.10/24 dev lan");
    for address in ["fd09::10/64", "fd09::1234:5678:9abc:def0/64", "fe80::10/64"] {
        child.run(&format!("ip addr add {address} dev lan"));
    }
    router.connect(&adult, "work", "02:00:00:00:00:0b");
    router.run("ip addr add 10.8.0.1/24 dev work");
    adult.run("ip addr add 10.8.0.20/24 dev work; ip addr add 10.8.0.30/24 dev work");

    let home = Home::with(WHO_IS_WHO);
    let mut running = home.start_behind(&router.enter(), &["run", "--offline"]);
    running.hears("answers on 0.0.0.0:53 and [::]:53");

    for (from, server) in [
        ("10.9.0.10", "10.9.0.1"),
        ("fd09::10", "fd09::1"),
        // It knows the router by now: nothing announces this one before its first question.
        ("fd09::1234:5678:9abc:def0", "fd09::1"),
        ("fe80::10%lan", "fe80::1%lan"),
    ] {
        assert_eq!(child.asks(&format!("@{server} -b {from} mateo.example")), "0.0.0.0", "{from}");
    }
    assert_eq!(child.asks("@10.9.0.1 +tcp mateo.example"), "0.0.0.0");
    assert_eq!(child.asks("@fd09::1 amparo.test AAAA"), "fd09::1");
    assert_eq!(child.asks("@fe80::1%lan amparo.test AAAA"), "fe80::1");
    // Whoever takes the adult's address stays who they are, from the first question on.
    child.run("ip addr add 10.9.0.20/24 dev lan");
    assert_eq!(child.asks("@10.9.0.1 -b 10.9.0.20 mateo.example"), "0.0.0.0");

    assert_eq!(adult.asks("@10.8.0.1 -b 10.8.0.20 ana.example"), "0.0.0.0");
    assert_eq!(adult.asks("@10.8.0.1 -b 10.8.0.30 unknown.example"), "0.0.0.0");

    // Another hardware address is another device.
    child
        .run("ip link set lan down; ip link set lan address 02:00:00:00:00:0c; ip link set lan up");
    child.run("ip addr add 10.9.0.40/24 dev lan");
    assert_eq!(child.asks("@10.9.0.1 -b 10.9.0.40 unknown.example"), "0.0.0.0");
    // Behind an old address the kernel asks the device that is gone for some ten seconds before it
    // looks for another one: here it forgets at once. Its next answer makes it look.
    router.run("ip neigh flush all");
    let line = "kdig +short +time=1 +retry=0 @10.9.0.1 -b 10.9.0.10 unknown.example || true";
    let is_other = || child.run(line) == "0.0.0.0";
    assert!((0..30).any(|_| is_other()), "its old address must not keep its old owner");
    assert_eq!(running.terminate(), 0);

    let rows = home.amparo(&["log", "--json"]).exits(0).json();
    let of_child: Vec<_> = rows.iter().filter(|row| row["child"] == "mateo").collect();
    assert!(of_child.iter().all(|row| row["device"] == CHILDS_MAC), "{rows:#?}");
    assert_eq!(of_child.len(), 1, "one device, one attempt: {rows:#?}");
}

// === Where it listens ===

#[test]
fn without_the_right_to_port_53_the_defaults_serve_on_loopback() {
    let Some(machine) = Namespace::new() else { return };
    let home = Home::new();
    home.give_to(65534);
    let mut running = home.start_behind(&machine.enter_as_nobody(), &["run", "--offline"]);
    running.hears("0.0.0.0:53 cannot be bound (Permission denied");
    running.hears("answers on 127.0.0.1:5353 and [::1]:5353");
    running.hears("Try:  dig @127.0.0.1 -p 5353 blocked.amparo.test");
    assert_eq!(machine.asks("@127.0.0.1 -p 5353 blocked.amparo.test"), "0.0.0.0");
    assert_eq!(machine.asks("@::1 -p 5353 +tcp blocked.amparo.test AAAA"), "::");
    assert_eq!(running.terminate(), 0);
}

#[test]
fn a_file_written_after_the_start_is_taken_and_stays_the_one_that_counts() {
    let Some(machine) = Namespace::new() else { return };
    let home = Home::new();
    let folder = home.path().join(".config/amparo");
    std::fs::create_dir_all(&folder).expect("it is ours");
    home.give_to(65534);
    let nobody = machine.enter_as_nobody();
    let mut running = home.start_behind(&nobody, &["run", "--offline"]);
    running.hears("answers on 127.0.0.1:5353");

    let file = folder.join("amparo.toml");
    std::fs::write(&file, "[household]\nblock = [\"example.com\"]").expect("it is ours");
    home.behind(&nobody, &["reload"]).exits(0).prints("The new rules are in force");
    assert_eq!(machine.asks("@127.0.0.1 -p 5353 example.com"), "0.0.0.0");
    home.behind(&nobody, &["status"]).exits(0).prints("/.config/amparo/amparo.toml");

    std::fs::write(&file, "[household]\nblock = [\"example.com\"]\n[dns]\nlisten = \"[::1]:53\"")
        .expect("it is ours");
    home.behind(&nobody, &["reload"]).exits(0).prints("takes a restart");

    // Never defaults instead of a family's rules.
    std::fs::remove_file(&file).expect("it is ours");
    home.behind(&nobody, &["reload"]).exits(3);
    assert_eq!(machine.asks("@127.0.0.1 -p 5353 example.com"), "0.0.0.0");
    assert_eq!(running.terminate(), 0);
}

#[test]
fn where_port_53_is_taken_a_familys_rules_do_not_move_and_the_defaults_do() {
    let Some(machine) = Namespace::new() else { return };
    let first = Home::with(WHO_IS_WHO);
    let mut holder = first.start_behind(&machine.enter(), &["run", "--offline"]);
    holder.hears("answers on 0.0.0.0:53");

    let second = Home::with(WHO_IS_WHO);
    let output = second.behind(&machine.enter(), &["run", "--offline"]);
    output.exits(1).complains("amparo: cannot listen on 0.0.0.0:53: ").complains("another program");

    let third = Home::new();
    let state = third.state().display().to_string();
    let args = ["--state", &state, "run", "--offline"];
    // As root the usual config file may be there.
    if !std::path::Path::new("/etc/amparo/amparo.toml").exists() {
        let mut moved = third.start_behind(&machine.enter(), &args);
        moved.hears("0.0.0.0:53 cannot be bound (Address already in use");
        moved.hears("answers on 127.0.0.1:5353 and [::1]:5353");
        assert_eq!(machine.asks("@127.0.0.1 -p 5353 blocked.amparo.test"), "0.0.0.0");
    }
}

#[test]
fn a_machine_with_one_family_of_addresses_is_served_by_that() {
    let (Some(old), Some(new)) = (Namespace::new(), Namespace::new()) else { return };
    old.run("cd /proc/sys/net/ipv6/conf; echo 1 | tee all/disable_ipv6 default/disable_ipv6");
    new.run("ip addr add fd07::1/64 dev lo; ip addr del 127.0.0.1/8 dev lo");
    for (machine, server, kind, zero) in
        [(&old, "127.0.0.1", "A", "0.0.0.0"), (&new, "fd07::1", "AAAA", "::")]
    {
        let home = Home::with(WHO_IS_WHO);
        let mut running = home.start_behind(&machine.enter(), &["run", "--offline"]);
        running.hears("answers on");
        assert_eq!(machine.asks(&format!("@{server} amparo.test {kind}")), server);
        assert_eq!(machine.asks(&format!("@{server} blocked.amparo.test {kind}")), zero);
        assert_eq!(running.terminate(), 0);
    }
    // Loopback has no IPv6 address here: a try does without.
    let mut trying = Home::new().start_behind(&old.enter(), &["try", "--offline"]);
    trying.hears("IPv4 only");
    trying.hears("answers on 127.0.0.1:5353 (UDP and TCP)");
    assert_eq!(old.asks("@127.0.0.1 -p 5353 blocked.amparo.test"), "0.0.0.0");
}

#[test]
fn somebody_who_is_not_root_has_their_own_file_and_state() {
    let home = Home::new();
    let folder = home.path().join(".config/amparo");
    std::fs::create_dir_all(&folder).expect("it is ours");
    let config = format!(
        "[household]\npublic_lists = false\n[dns]\nlisten = \"{}\"\n{FAMILY}",
        dead_address()
    );
    std::fs::write(folder.join("amparo.toml"), config).expect("it is ours");
    if is_root() {
        home.give_to(65534);
    }
    let mut running = home.start_behind(&as_nobody(), &[]);
    running.hears(&format!("Rules: {}/amparo.toml.", folder.display()));
    let state = home.path().join("amparo");
    running.hears(&format!("state in {}.", state.display()));
    home.behind(&as_nobody(), &["status"]).exits(0).prints("/.config/amparo/amparo.toml");
    assert_eq!(running.terminate(), 0);
    assert!(state.join("journal.db").exists());
}

// === The start and the end ===

#[test]
fn nothing_is_answered_before_the_lists_are_in_force() {
    let names: Vec<String> = (0..300_000).map(|n| format!("name{n}.big.example")).collect();
    let list = "[list.big]\ncategory = \"adult\"\nformat = \"domains\"\nfile = \"big.txt\"";
    let (home, address) = family_on_loopback(list);
    home.write("big.txt", &names.join("\n"));
    let _running = home.start(&["run", "--offline"]);
    let device = Device::at(SOFIA);
    for n in (0..300_000).step_by(7_000) {
        device.asks(address, &format!("name{n}.big.example")).is_blocked();
    }
}

#[test]
fn told_to_end_with_much_in_memory_it_loses_nothing() {
    // Fewer attempts than would be written at once; those beyond 500 a device are folded into one.
    let (home, address) = family_on_loopback("[journal]\nflush_seconds = 3600");
    let mut running = home.start(&["run", "--offline"]);
    running.hears("answers on");
    let mateo = Device::at(MATEO);
    for n in 0..900 {
        mateo.asks(address, &format!("www.site{n}.example")).is_blocked();
    }
    assert_eq!(running.terminate(), 0);
    let rows = home.amparo(&["log", "--json"]).exits(0).json();
    // A question may have been asked twice on a slow machine.
    assert!(total(&rows) >= 900, "{} rows for {} questions", rows.len(), total(&rows));
}

#[test]
fn a_kill_loses_no_more_than_the_last_seconds_and_the_next_start_works() {
    let (home, address) = family_on_loopback("[journal]\nflush_seconds = 1");
    let mut running = home.start(&["run", "--offline"]);
    running.hears("answers on");
    let mateo = Device::at(MATEO);
    for n in 0..100 {
        mateo.asks(address, &format!("www.site{n}.example")).is_blocked();
    }
    // Without its socket nobody can have the daemon write before its time.
    let (socket, aside) = (home.state().join("control.sock"), home.state().join("aside.sock"));
    std::fs::rename(&socket, &aside).expect("the daemon made it");
    let kept = || total(&home.amparo(&["log", "--json"]).exits(0).json());
    assert!((0..2_000).any(|_| kept() >= 100), "what is older than the interval is on the disk");
    std::fs::rename(&aside, &socket).expect("it is there");
    mateo.asks(address, "www.last.example").is_blocked();
    running.kill();
    assert!(socket.exists(), "a kill leaves the socket behind");
    assert!(kept() >= 100);

    let mut running = home.start(&["run", "--offline"]);
    running.hears("answers on");
    home.amparo(&["status"]).exits(0).prints("All is well.");
    mateo.asks(address, "www.site1.example").is_blocked();
    assert_eq!(running.terminate(), 0);
    assert!(!socket.exists(), "an end in good order leaves none");
    assert!(kept() > 100);
}

#[test]
fn two_daemons_do_not_share_a_state_directory() {
    let (home, address) = family_on_loopback("");
    let mut running = home.start(&["run", "--offline"]);
    running.hears("answers on");
    let output = home.amparo(&["run", "--offline"]);
    let state = home.state().display().to_string();
    output.exits(1).complains(&state).complains("another amparo runs with it").is_plain();
    // The first one is none the worse for it.
    home.amparo(&["status"]).exits(0);
    Device::at(MATEO).asks(address, "www.example.com").is_blocked();
    assert_eq!(running.terminate(), 0);
}
