//! Networks of the tests' own, and devices that ask the real program.

use std::fs::File;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use hickory_proto::rr::RecordType;
use nix::sched::CloneFlags;

use super::{Answer, Question};

/// When a device asks again that has no answer.
const AGAIN_AFTER: Duration = Duration::from_millis(250);
/// How often it asks before the test gives up: a minute.
const TRIES: usize = 240;
/// The user `nobody` of every Linux.
const NOBODY: &str = "65534";

/// A network namespace: a machine as far as networks go. It goes when this goes.
pub(crate) struct Namespace {
    name: String,
}

/// A device on this machine, with an address of its own.
pub(crate) struct Device {
    socket: UdpSocket,
    from: String,
}

// === impl Namespace ===

impl Namespace {
    /// A machine with a loopback interface; none, with the reason printed, where we may not make
    /// one: then there is nothing to test.
    pub(crate) fn new() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if !Path::new("/proc/sys/net/ipv6").exists() {
            println!("skipped: the kernel of this machine has no IPv6");
            return None;
        }
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("amparo-{}-{count}", std::process::id());
        let made = Command::new("ip").args(["netns", "add", &name]).output();
        let why = match made {
            Ok(output) if output.status.success() => String::new(),
            Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => format!("ip: {error}; tests/run installs what is missing"),
        };
        if !why.is_empty() {
            println!("skipped: no network namespace can be made ({why}); root may");
            return None;
        }
        let namespace = Namespace { name };
        // Addresses serve at once: nobody else is there to have them too.
        namespace.run("ip link set lo up; cd /proc/sys/net/ipv6/conf; echo 0 | tee all/accept_dad default/accept_dad");
        Some(namespace)
    }

    /// What stands before a program that is to run on this machine.
    pub(crate) fn enter(&self) -> Vec<&str> {
        vec!["ip", "netns", "exec", &self.name]
    }

    /// The same for a program that must not run as root.
    pub(crate) fn enter_as_nobody(&self) -> Vec<&str> {
        [self.enter(), as_nobody()].concat()
    }

    /// Does something on it. Sockets that are made and threads that are started meanwhile stay there.
    #[track_caller]
    pub(crate) fn inside<T: Send>(&self, what: impl FnOnce() -> T + Send) -> T {
        let door = File::open(Path::new("/run/netns").join(&self.name)).expect("it was made");
        let enter_and_do = || {
            nix::sched::setns(door, CloneFlags::CLONE_NEWNET).expect("root may enter");
            what()
        };
        let done = thread::scope(|scope| scope.spawn(enter_and_do).join());
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// Runs a line of the shell on it, and says what that printed.
    #[track_caller]
    pub(crate) fn run(&self, line: &str) -> String {
        let output =
            Command::new("ip").args(["netns", "exec", &self.name, "sh", "-ec", line]).output();
        let output = output.expect("it made the namespace");
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        assert!(output.status.success(), "{line}: {text} {output:?}");
        text
    }

    /// Lays a cable of this name, with the hardware address of the other machine's end.
    #[track_caller]
    pub(crate) fn connect(&self, other: &Namespace, cable: &str, mac: &str) {
        let other_name = &other.name;
        self.run(&format!("ip link add {cable} type veth peer name {cable} netns {other_name}"));
        other.run(&format!("ip link set {cable} address {mac}; ip link set {cable} up"));
        self.run(&format!("ip link set {cable} up"));
    }

    /// Asks one question with one packet (`kdig` and its arguments): what was answered, in short.
    #[track_caller]
    pub(crate) fn asks(&self, question: &str) -> String {
        self.run(&format!("kdig +short +time=20 +retry=0 {question}"))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // What cannot be removed goes with the machine.
        let _removed = Command::new("ip").args(["netns", "del", &self.name]).status();
    }
}

/// What stands before a program that must not run as root; nothing when nobody here is root.
pub(crate) fn as_nobody() -> Vec<&'static str> {
    if !is_root() {
        return Vec::new();
    }
    vec!["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]
}

/// Whether the tests run as root.
pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

// === impl Device ===

impl Device {
    /// One that asks from this address.
    pub(crate) fn at(from: &str) -> Self {
        let address: IpAddr = from.parse().expect("the test writes an address");
        let socket = UdpSocket::bind((address, 0)).expect("loopback is wide");
        socket.set_read_timeout(Some(AGAIN_AFTER)).expect("it is a time-out");
        Device { socket, from: from.to_owned() }
    }

    /// Asks for a name's address until it gets an answer from the address asked.
    #[track_caller]
    pub(crate) fn asks(&self, to: SocketAddr, name: &str) -> Answer {
        let answer = (0..TRIES).find_map(|_| self.tries(to, name));
        answer.unwrap_or_else(|| panic!("nobody answers at {to}"))
    }

    /// Asks once; none when no answer came soon.
    #[track_caller]
    pub(crate) fn tries(&self, to: SocketAddr, name: &str) -> Option<Answer> {
        let kind = if self.socket.local_addr().is_ok_and(|local| local.is_ipv4()) {
            RecordType::A
        } else {
            RecordType::AAAA
        };
        let question = Question::of(name, kind);
        // Refused while nobody listens.
        self.socket.send_to(&question.octets(), to).ok()?;
        let mut buffer = [0; 4096];
        loop {
            let (length, from) = self.socket.recv_from(&mut buffer).ok()?;
            assert_eq!(from, to, "the address asked is the address that answers");
            // An answer to an earlier try may come late.
            if buffer[..2] == question.id.to_be_bytes() {
                let asked = format!("{name}, asked from {}", self.from);
                return Some(Answer::read(buffer[..length].to_vec(), &asked));
            }
        }
    }
}
