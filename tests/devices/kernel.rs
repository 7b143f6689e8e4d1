//! The kernel's table: where it is large and changes all the time, and where it is not to be had.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use hickory_proto::rr::RecordType;

use super::{HOUSEHOLD, MATEOS, SOFIAS, is, is_from_everywhere};
use crate::harness::home_network::{Machine, eventually};
use crate::harness::{Answer, HomeNetwork, Namespace, Question};

/// How many neighbours a test makes up: a school's.
const NEIGHBOURS: u32 = 1_000;
/// How often they all go and come again.
const ROUNDS: usize = 20;
/// How long a question may take: it is asked once, so a busy machine is no lost question.
const PATIENCE: Duration = Duration::from_secs(30);
/// Becomes another program, for which the kernel has no netlink: `socket(AF_NETLINK, …)` fails with
/// `EAFNOSUPPORT`, by a seccomp filter (seccomp(2)) of six instructions (bpf(4)). It is given the
/// numbers of the system calls `socket` and `prctl`.
const WITHOUT_NETLINK: &str = r#"
    my ($socket, $prctl) = splice(@ARGV, 0, 2);
    my $filter = pack("(SCCL)*",
        0x20, 0, 0, 0,  0x15, 0, 3, $socket,  0x20, 0, 0, 16,  0x15, 0, 1, 16,
        0x06, 0, 0, 0x50000 | 97,  0x06, 0, 0, 0x7fff0000);
    my $program = pack("Sx6P", 6, $filter);
    syscall($prctl + 0, 38, 1, 0, 0, 0) == 0 or die "no_new_privs: $!";
    syscall($prctl + 0, 22, 2, $program) == 0 or die "seccomp: $!";
    exec @ARGV;
"#;

/// Runs a batch of commands of `ip` on a machine (`ip -batch`).
#[track_caller]
fn batch(machine: &Namespace, lines: &str) {
    let mut file = tempfile::NamedTempFile::new().expect("there is room for a file");
    std::io::Write::write_all(&mut file, lines.as_bytes()).expect("the file is ours");
    machine.run(&format!("ip -batch {}", file.path().display()));
}

/// Asks for a name from each of these addresses in turn, one packet a question, until it is over:
/// how many were answered, all of them as closed.
fn asks_until_over(machine: &Machine, name: &str, is_over: &AtomicBool) -> usize {
    let ways = machine.addresses().ways();
    machine.namespace.inside(|| {
        // All but the address on the link, which is none without its interface.
        let sockets = ways[..3].iter().map(|(from, server)| {
            let from: IpAddr = from.parse().expect("ip writes an address");
            let server: IpAddr = server.parse().expect("it is one");
            let socket = UdpSocket::bind((from, 0)).expect("the address is the machine's");
            socket.connect(SocketAddr::new(server, 53)).expect("the router is near");
            socket.set_read_timeout(Some(PATIENCE)).expect("it is a time-out");
            (socket, format!("question from {from}"))
        });
        let sockets: Vec<_> = sockets.collect();
        let mut answered = 0;
        while !is_over.load(Ordering::Relaxed) {
            for (socket, asked) in &sockets {
                let mut buffer = [0; 512];
                let question = Question::of(name, RecordType::A);
                socket.send(&question.octets()).expect("the router is near");
                let length = socket.recv(&mut buffer);
                let length = length.unwrap_or_else(|error| panic!("{asked}, lost: {error}"));
                assert_eq!(buffer[..2], question.id.to_be_bytes(), "one question, one answer");
                Answer::read(buffer[..length].to_vec(), asked).holds_only("0.0.0.0");
                answered += 1;
            }
        }
        answered
    })
}

#[test]
fn a_thousand_neighbours_that_go_and_come_again_cost_no_answer_and_no_identity() {
    let Some(network) = HomeNetwork::new() else { return };
    let serving = network.serves(HOUSEHOLD);
    let (sofia, mateo) = (network.guest(SOFIAS, "tablet"), network.guest(MATEOS, "phone"));
    let mut all = String::new();
    for number in 0..NEIGHBOURS {
        let (high, low) = (number / 250, number % 250);
        let address = match number % 2 {
            0 => format!("10.5.{high}.{low}"),
            _ => format!("fd05::{number:x}"),
        };
        let mac = format!("02:05:00:00:{high:02x}:{low:02x}");
        writeln!(all, "neigh add {address} lladdr {mac} nud permanent dev lan")
            .expect("a string takes all");
    }
    let is_over = AtomicBool::new(false);
    let answered = thread::scope(|scope| {
        let asking = scope.spawn(|| asks_until_over(&sofia, "sofia.example", &is_over));
        for _ in 0..ROUNDS {
            batch(&network.router, &all);
            network.router.run("ip neigh flush nud permanent dev lan");
        }
        batch(&network.router, &all);
        is_over.store(true, Ordering::Relaxed);
        asking.join()
    });
    let answered = answered.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    assert!(answered > ROUNDS, "it asked {answered} times only");
    let rows = serving.cli(&["log", "--json"]).exits(0).json();
    assert!(rows.iter().all(|row| row["device"] == SOFIAS), "{rows:#?}");

    // All is forgotten, whoever is there as well: the next packets are known all the same.
    network.router.run("ip neigh flush nud permanent dev lan; ip neigh flush dev lan");
    is_from_everywhere(&sofia, "sofia");
    is_from_everywhere(&mateo, "mateo");
}

#[test]
fn a_thousand_neighbours_are_followed_from_one_device_to_another() {
    let Some(network) = HomeNetwork::new() else { return };
    let _serving = network.serves(HOUSEHOLD);
    let (sofia, mateo) = (network.guest(SOFIAS, "tablet"), network.guest(MATEOS, "phone"));
    let address = |number: u32| format!("fd09::7:{number:x}");
    // Those that somebody asks from, the last one among them.
    let asked = || (0..NEIGHBOURS).rev().step_by(50).map(address);
    for (machine, mac, who) in [(&sofia, SOFIAS, "sofia"), (&mateo, MATEOS, "mateo")] {
        let mut all = String::new();
        for number in 0..NEIGHBOURS {
            let address = address(number);
            writeln!(all, "neigh replace {address} lladdr {mac} nud permanent dev lan")
                .expect("a string takes all");
        }
        batch(&network.router, &all);
        let mut own = String::new();
        for address in asked() {
            writeln!(own, "addr add {address}/64 dev lan nodad").expect("a string takes all");
        }
        batch(&machine.namespace, &own);
        let last = address(NEIGHBOURS - 1);
        let question = format!("@fd09::1 -b {last} {who}.example");
        eventually("the last change", || (machine.asks(&question) == "0.0.0.0").then_some(()));
        for from in asked() {
            is(machine, &from, "fd09::1", who);
        }
    }
}

#[test]
fn a_device_that_asks_from_many_new_addresses_at_once_stays_whose_it_is() {
    /// More than anybody needs, and more than the kernel is asked for at once.
    const ADDRESSES: u32 = 120;
    let Some(network) = HomeNetwork::new() else { return };
    let _serving = network.serves(HOUSEHOLD);
    let sofia = network.guest(SOFIAS, "tablet");
    is_from_everywhere(&sofia, "sofia");
    let address = |number: u32| format!("fd09::8:{number:x}");
    let mut own = String::new();
    for number in 0..ADDRESSES {
        writeln!(own, "addr add {}/64 dev lan nodad", address(number)).expect("a string takes all");
    }
    batch(&sofia.namespace, &own);
    sofia.namespace.inside(|| {
        let asked = (0..ADDRESSES).map(|number| {
            let from: IpAddr = address(number).parse().expect("it is one");
            let socket = UdpSocket::bind((from, 0)).expect("the address is the machine's");
            socket.connect(("fd09::1", 53)).expect("the router is near");
            socket.set_read_timeout(Some(PATIENCE)).expect("it is a time-out");
            let question = Question::of("sofia.example", RecordType::A);
            socket.send(&question.octets()).expect("the router is near");
            (socket, from)
        });
        let asked: Vec<_> = asked.collect();
        for (socket, from) in asked {
            let mut buffer = [0; 512];
            let length = socket.recv(&mut buffer);
            let length = length.unwrap_or_else(|error| panic!("{from} has no answer: {error}"));
            Answer::read(buffer[..length].to_vec(), &from.to_string()).holds_only("0.0.0.0");
        }
    });
}

#[test]
fn without_netlink_it_says_so_and_knows_devices_over_ipv4_and_by_address() {
    let numbers = match std::env::consts::ARCH {
        "x86_64" => ["41", "157"],
        "aarch64" => ["198", "167"],
        other => {
            println!("skipped: nobody wrote down the numbers of the system calls of {other}");
            return;
        }
    };
    let Some(network) = HomeNetwork::new() else { return };
    let (sofia, mateo) = (network.guest(SOFIAS, "tablet"), network.guest(MATEOS, "phone"));
    let by_address = sofia.addresses().slaac;
    let named = format!("devices = [\"{SOFIAS}\", \"{by_address}\"]");
    let config = HOUSEHOLD.replace(&format!("devices = [\"{SOFIAS}\"]"), &named);
    let before = ["perl", "-e", WITHOUT_NETLINK, numbers[0], numbers[1]];
    let mut serving = network.serves_behind(&before, &config);
    serving.hears("the kernel does not tell its neighbours over netlink");
    is(&sofia, &sofia.addresses().v4, "10.9.0.1", "sofia");
    is(&mateo, &mateo.addresses().v4, "10.9.0.1", "mateo");
    is(&sofia, &by_address, "fd09::1", "sofia");
    is(&mateo, &mateo.addresses().slaac, "fd09::1", "unknown");
}
