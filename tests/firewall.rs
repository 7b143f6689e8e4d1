//! Devices that were told to ask somebody else are turned back at the router: real packets between
//! namespaces, with rules that the real program loads, and a piece of internet with resolvers.
//!
//! What needs network namespaces is skipped, with the reason printed, where none can be made.

use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::harness::home_network::Machine;
use crate::harness::{FakeUpstream, Home, HomeNetwork, Namespace, Output};

/// The hardware addresses of a child, an adult and nobody.
const SOFIAS: &str = "02:00:00:00:00:0a";
const ANAS: &str = "02:00:00:00:00:0c";
const STRANGERS: &str = "02:00:00:00:00:0d";

/// The resolvers of the internet, as they are known by everybody.
const RESOLVERS: [&str; 2] = ["8.8.8.8", "2001:4860:4860::8888"];
/// What they answer for every name.
const THEIRS: &str = "192.0.2.7";
/// Not known for DNS over HTTPS: the web.
const WEB: &str = "203.0.113.9";
/// How often a server of the internet looks whether it is over.
const LOOK_EVERY: Duration = Duration::from_millis(50);

const HOUSEHOLD: &str = r#"
[child.sofia]
age = 9
devices = ["02:00:00:00:00:0a", "id:sofia-phone"]
block = ["closed.example"]

[adult.ana]
devices = ["02:00:00:00:00:0c"]
"#;

/// A house with a router, and the internet behind it.
struct World {
    network: HomeNetwork,
    _internet: Internet,
}

/// A machine with the resolvers of the world: DNS, DNS over TLS, and whatever connects on 443.
struct Internet {
    machine: Namespace,
    over: Arc<AtomicBool>,
    servers: Vec<thread::JoinHandle<()>>,
    resolvers: Vec<FakeUpstream>,
}

impl World {
    fn new() -> Option<Self> {
        let network = HomeNetwork::new()?;
        let internet = Internet::new(&network.router);
        Some(World { network, _internet: internet })
    }

    /// A machine of the house that can reach the internet by both families.
    fn guest(&self, mac: &str, host: &str) -> Machine {
        let guest = self.network.guest(mac, host);
        // The lease of these tests names no gateway, so that each is its own machine's.
        guest
            .namespace
            .run("ip route add default via 10.9.0.1; ip -6 route replace default via fd09::1");
        guest
    }
}

impl Internet {
    /// Behind the router, which forwards. Nothing here is translated: the way back is known.
    fn new(router: &Namespace) -> Self {
        let machine = Namespace::new().expect("one was made before");
        router.connect(&machine, "wan", "02:00:00:00:99:01");
        router.run(
            "echo 1 > /proc/sys/net/ipv4/ip_forward
             echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
             ip addr add 198.18.0.1/24 dev wan; ip addr add fd18::1/64 dev wan nodad
             ip route add default via 198.18.0.2; ip -6 route add default via fd18::2",
        );
        machine.run(&format!(
            "ip addr add 198.18.0.2/24 dev wan; ip addr add fd18::2/64 dev wan nodad
             ip addr add 8.8.8.8/32 dev lo; ip addr add {WEB}/32 dev lo
             ip -6 addr add 2001:4860:4860::8888/128 dev lo nodad
             ip route add default via 198.18.0.1; ip -6 route add default via fd18::1"
        ));
        let over = Arc::<AtomicBool>::default();
        let mut servers = Vec::new();
        let resolvers = machine.inside(|| {
            for address in [RESOLVERS[0], RESOLVERS[1], WEB] {
                for port in [853, 443] {
                    let at = SocketAddr::new(address.parse().expect("it is one"), port);
                    servers.push(connects(at, Arc::clone(&over)));
                    servers.push(echoes(at, Arc::clone(&over)));
                }
            }
            let at = |ip: &str| SocketAddr::new(ip.parse::<IpAddr>().expect("it is one"), 53);
            RESOLVERS.map(|address| FakeUpstream::start_at(at(address))).into()
        });
        Internet { machine, over, servers, resolvers }
    }
}

impl Drop for Internet {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let resolvers = std::mem::take(&mut self.resolvers);
        // They are woken by a connection, which has to come from where they listen.
        self.machine.inside(|| drop(resolvers));
        for server in self.servers.drain(..) {
            server.join().expect("a server does not fail");
        }
    }
}

/// Takes connections, and says nothing.
fn connects(at: SocketAddr, over: Arc<AtomicBool>) -> thread::JoinHandle<()> {
    let listener = TcpListener::bind(at).expect("the address is the machine's");
    listener.set_nonblocking(true).expect("it is a socket");
    thread::spawn(move || {
        while !over.load(Ordering::SeqCst) {
            if listener.accept().is_err() {
                thread::sleep(LOOK_EVERY);
            }
        }
    })
}

/// Gives datagrams back.
fn echoes(at: SocketAddr, over: Arc<AtomicBool>) -> thread::JoinHandle<()> {
    let socket = UdpSocket::bind(at).expect("the address is the machine's");
    socket.set_read_timeout(Some(LOOK_EVERY)).expect("it is a time-out");
    thread::spawn(move || {
        let mut buffer = [0; 2048];
        while !over.load(Ordering::SeqCst) {
            if let Ok((length, from)) = socket.recv_from(&mut buffer) {
                // Whoever asked may be gone.
                let _gone = socket.send_to(&buffer[..length], from);
            }
        }
    })
}

/// Runs `amparo firewall test` on a machine against both resolvers.
#[track_caller]
fn test_from(machine: &Machine, home: &Home, more: &[&str]) -> Output {
    let via = RESOLVERS.map(|address| ["--via", address]).concat();
    let args = [&["firewall", "test"], more, &via[..]].concat();
    home.behind(&machine.namespace.enter(), &args)
}

/// What each try came to: `8.8.8.8 dns_udp: amparo`.
fn tries(output: &Output) -> Vec<String> {
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let rows = output.json();
    let shown = rows.iter().map(|row| {
        format!("{} {}: {}", text(row, "address"), text(row, "way"), text(row, "outcome"))
    });
    shown.collect()
}

/// The same outcomes for plain and for encrypted ways at every resolver.
fn all(plain: &str, encrypted: &str) -> Vec<String> {
    let ways = [
        ("dns_udp", plain),
        ("dns_tcp", plain),
        ("dns_over_tls", encrypted),
        ("dns_over_quic", encrypted),
        ("dns_over_https", encrypted),
        ("dns_over_http3", encrypted),
    ];
    let of = |address| ways.map(|(way, outcome)| format!("{address} {way}: {outcome}"));
    RESOLVERS.map(of).concat()
}

/// Runs a command of the program on the router.
#[track_caller]
fn on_router(world: &World, home: &Home, args: &[&str]) -> Output {
    home.behind(&world.network.router.enter(), args)
}

#[test]
fn a_child_is_turned_back_an_adult_is_free_and_undo_leaves_nothing() {
    let Some(world) = World::new() else { return };
    let sofia = world.guest(SOFIAS, "tablet");
    let ana = world.guest(ANAS, "laptop");
    let stranger = world.guest(STRANGERS, "somebody");
    let serving = world.network.serves(HOUSEHOLD);
    let home = &serving.home;
    let everybody = [&sofia, &ana, &stranger];
    let router = &world.network.router;

    // Before: each reaches what it likes.
    for machine in everybody {
        let seen = test_from(machine, home, &["--json"]);
        assert_eq!(tries(seen.exits(1)), all("foreign", "open"));
        assert_eq!(machine.asks("@8.8.8.8 anything.example"), THEIRS);
    }

    router.run("nft add table inet other; nft add chain inet other kept");
    let rules = router.run("nft list ruleset");
    for _ in 0..2 {
        on_router(&world, home, &["firewall", "nftables", "--apply"])
            .exits(0)
            .prints("The rules are in force.")
            .prints("id:sofia-phone");
    }

    for held in [&sofia, &stranger] {
        let seen = test_from(held, home, &["--json"]);
        assert_eq!(tries(seen.exits(0)), all("amparo", "refused"));
        test_from(held, home, &[]).exits(0).prints("8.8.8.8 (Google)").prints("Amparo answers");
        // Whom it asked answers: the answer comes from that address.
        for (server, kind, ours) in [
            ("8.8.8.8", "A", "10.9.0.1"),
            ("8.8.8.8 +tcp", "A", "10.9.0.1"),
            ("2001:4860:4860::8888", "AAAA", "fd09::1"),
            ("2001:4860:4860::8888 +tcp", "AAAA", "fd09::1"),
        ] {
            let answer = held.asks(&format!("@{server} amparo.test {kind}"));
            assert_eq!(answer, ours, "asked at {server}");
        }
        // What is asked of the router itself comes as before, and the web is open.
        assert_eq!(held.asks("@10.9.0.1 amparo.test"), "10.9.0.1");
        held.namespace.run(&format!("busybox nc -w 5 {WEB} 443 < /dev/null"));
    }
    // Whose rules hold is known: the question that was turned is the child's own.
    assert_eq!(sofia.asks("@8.8.8.8 closed.example"), "0.0.0.0");
    assert_eq!(stranger.asks("@8.8.8.8 closed.example"), THEIRS);
    let rows = serving.cli(&["log", "--json"]).exits(0).json();
    assert!(rows.iter().any(|row| row["child"] == "sofia" && row["device"] == SOFIAS), "{rows:#?}");

    let seen = test_from(&ana, home, &["--json"]);
    assert_eq!(tries(seen.exits(1)), all("foreign", "open"));
    // The program's own questions go out as ever.
    assert_eq!(router.asks("@8.8.8.8 anything.example"), THEIRS);

    for _ in 0..2 {
        on_router(&world, home, &["firewall", "nftables", "--undo"]).exits(0);
    }
    assert_eq!(router.run("nft list ruleset"), rules, "all that was there is there, and no more");
    for machine in everybody {
        let seen = test_from(machine, home, &["--json"]);
        assert_eq!(tries(seen.exits(1)), all("foreign", "open"));
    }
}

#[test]
fn a_filter_beside_the_router_has_the_router_refuse_other_resolvers() {
    let Some(world) = World::new() else { return };
    let sofia = world.guest(SOFIAS, "tablet");
    let filter = world.guest("02:00:00:00:00:05", "filter");
    let address = filter.addresses().v4;
    let home = Home::with(HOUSEHOLD);
    // What it prints goes to the router as it is.
    let args = ["firewall", "nftables", "--amparo", &address, "--house", "lan"];
    let printed = home.behind(&filter.namespace.enter(), &args);
    let file = home.path().join("rules.nft");
    std::fs::write(&file, &printed.exits(0).stdout).expect("the directory is ours");
    world.network.router.run(&format!("nft -f {}", file.display()));
    let seen = test_from(&sofia, &home, &["--json"]);
    assert_eq!(tries(seen.exits(0)), all("refused", "refused"));
    let v4 = ["firewall", "test", "--json", "--via", "8.8.8.8"];
    let seen = home.behind(&filter.namespace.enter(), &v4);
    assert!(tries(seen.exits(1)).contains(&"8.8.8.8 dns_over_tls: open".to_owned()), "{seen}");
}

#[test]
fn on_a_machine_that_forwards_nothing_it_says_so() {
    let Some(network) = HomeNetwork::new() else { return };
    let beside = network.guest(STRANGERS, "raspberry");
    beside.namespace.run("ip route add default via 10.9.0.1");
    let home = Home::with(HOUSEHOLD);
    let enter = beside.namespace.enter();
    let printed = home.behind(&enter, &["firewall", "nftables"]);
    printed.exits(0).prints("Nothing passes through this machine");
    printed.prints("one network only");
    let told = home.behind(&enter, &["firewall", "nftables", "--json"]).exits(0).json().remove(0);
    assert_eq!(told["reaches_somebody"], false);
    let kinds: Vec<_> = told["notices"].as_array().into_iter().flatten().collect();
    let kinds: Vec<_> = kinds.iter().map(|notice| notice["kind"].as_str()).collect();
    assert!(kinds.contains(&Some("forwards_nothing")) && kinds.contains(&Some("left_out")));
    // Nothing was done.
    assert_eq!(beside.namespace.run("nft list tables"), "");
}

/// An `uci` that writes down what it is told, and a firewall that loads the file it was given.
const FAKE_UCI: &str = "#!/bin/sh\n\
    here=$(dirname \"$0\")\n\
    echo \"uci $*\" >> \"$here/told\"\n\
    case \"$*\" in *batch*) cat >> \"$here/told\";; esac\n";
const FAKE_FW4: &str = "#!/bin/sh\n\
    here=$(dirname \"$0\")\n\
    echo \"fw4 $*\" >> \"$here/told\"\n\
    if [ -e \"$here/firewall.nft\" ]; then nft -f \"$here/firewall.nft\"; fi\n";

#[test]
fn on_openwrt_its_own_firewall_loads_the_rules_and_forgets_them() {
    let Some(world) = World::new() else { return };
    let sofia = world.guest(SOFIAS, "tablet");
    let serving = world.network.serves(HOUSEHOLD);
    let home = &serving.home;
    let none = on_router(&world, home, &["firewall", "openwrt", "--apply"]);
    none.exits(1).complains("this is no OpenWrt");
    for (name, text) in [("uci", FAKE_UCI), ("fw4", FAKE_FW4)] {
        use std::os::unix::fs::PermissionsExt as _;
        home.write(name, text);
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(home.path().join(name), mode).expect("it is ours");
    }
    let path = format!("PATH={}:/usr/sbin:/usr/bin:/sbin:/bin", home.path().display());
    let before = [&world.network.router.enter()[..], &["env", &path]].concat();
    let told = || std::fs::read_to_string(home.path().join("told")).unwrap_or_default();
    let file = home.path().join("firewall.nft");

    home.behind(&before, &["firewall", "openwrt", "--apply"]).exits(0);
    assert!(file.is_file());
    for part in
        ["set firewall.amparo_firewall=include", "position='ruleset-prepend'", "fw4 -q reload"]
    {
        assert!(told().contains(part), "{part}: {}", told());
    }
    assert_eq!(tries(test_from(&sofia, home, &["--json"]).exits(0)), all("amparo", "refused"));

    home.behind(&before, &["firewall", "openwrt", "--undo"]).exits(0);
    assert!(!file.exists() && told().contains("uci -q delete firewall.amparo_firewall"));
    assert_eq!(world.network.router.run("nft list ruleset"), "");
    assert_eq!(tries(test_from(&sofia, home, &["--json"]).exits(1)), all("foreign", "open"));
}

#[test]
fn without_root_it_says_what_failed_and_that_nothing_changed() {
    let home = Home::with(HOUSEHOLD);
    let before = crate::harness::net::as_nobody();
    if !before.is_empty() {
        home.give_to(65_534);
    }
    let output = home.behind(&before, &["firewall", "nftables", "--apply"]);
    output.exits(1).complains("the rules were not loaded: `nft`");
    output.complains("What held before still holds");
}

#[test]
fn an_interface_that_is_none_is_a_mistake_of_the_command_line() {
    let home = Home::with(HOUSEHOLD);
    let output = home.behind(&[], &["firewall", "nftables", "--house", "a\"; flush ruleset"]);
    output.exits(2).complains("is no name of an interface");
}
