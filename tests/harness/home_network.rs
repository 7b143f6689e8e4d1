//! A home's network, made of namespaces: a router with a bridge, where Debian's dnsmasq hands out
//! leases and announces an IPv6 prefix, and machines that do what machines do: take a lease, make
//! up privacy addresses, change their hardware address.
//!
//! Every address is real: it comes from a DHCP client or from the kernel's own autoconfiguration,
//! its duplicates looked for. What takes time is waited for. Start reading at [`HomeNetwork::new`].

use std::cell::Cell;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use data_encoding::HEXLOWER;
use serde_json::Value;

use super::cli::Running;
use super::net::Namespace;
use super::{FakeUpstream, Home, Output, whole};

/// The router's IPv4 address; its prefixes are the two of the bridge.
pub(crate) const ROUTER_V4: &str = "10.9.0.1";
/// Its IPv6 address.
pub(crate) const ROUTER_V6: &str = "fd09::1";
/// Its address on the link, as a machine names it.
const ROUTER_LINK_LOCAL: &str = "fe80::1%lan";
/// How often a test looks whether what must come has come.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How often it looks before it gives up: a minute at least.
const LOOKS: usize = 3_000;
/// What the DHCP client calls with what it was given (busybox's `udhcpc`).
const TAKE_LEASE: &str = r#"#!/bin/sh
[ "$1" = bound ] || exit 0
ip -4 addr flush dev "$interface"
ip -4 addr add "$ip/$mask" dev "$interface"
"#;
/// What becomes the program with the test's leases where Debian's dnsmasq keeps them: only it sees
/// them there, since every program entering a namespace has mounts of its own (`ip-netns(8)`).
const WITH_LEASES: &str = r#"mount --bind "$0" /var/lib/misc; exec "$@""#;

/// A router and the machines around it.
pub(crate) struct HomeNetwork {
    // Ends before its machine goes.
    _dhcp: Background,
    pub(crate) router: Namespace,
    directory: tempfile::TempDir,
    ports: Cell<u32>,
}

/// A machine on the home's network.
pub(crate) struct Machine {
    pub(crate) namespace: Namespace,
    script: PathBuf,
}

/// What a machine is reached at.
#[derive(Debug, Clone)]
pub(crate) struct Addresses {
    /// The address of its lease.
    pub(crate) v4: String,
    /// The address made of its hardware address (RFC 4862 §5.5).
    pub(crate) slaac: String,
    /// The newest of those that it made up (RFC 8981).
    pub(crate) privacy: String,
    /// Its address on the link.
    pub(crate) link_local: String,
}

/// The program on the router, with a resolver behind it.
pub(crate) struct Serving<'a> {
    pub(crate) home: Home,
    running: Option<Running>,
    upstream: Option<FakeUpstream>,
    network: &'a HomeNetwork,
}

/// A program that ends when this goes.
pub(crate) struct Background(Child);

/// Waits until there is something, or the test ends.
#[track_caller]
pub(crate) fn eventually<T>(wanted: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..LOOKS {
        if let Some(found) = look() {
            return found;
        }
        thread::sleep(LOOK_EVERY);
    }
    panic!("{wanted}: it did not come")
}

// === impl HomeNetwork ===

impl HomeNetwork {
    /// A router that serves leases from 10.9.0.50 on and announces `fd09::/64`; none, with the
    /// reason printed, where no namespace can be made.
    pub(crate) fn new() -> Option<Self> {
        let router = Namespace::new()?;
        router.run(&format!(
            "ip link add lan type bridge mcast_snooping 0
             ip link set lan address 02:00:00:00:00:01; ip link set lan up
             ip addr add {ROUTER_V4}/24 dev lan
             ip addr add {ROUTER_V6}/64 dev lan; ip addr add fe80::1/64 dev lan"
        ));
        let directory = tempfile::tempdir().expect("there is room for a directory");
        let (leases, script) = (directory.path().join("leases"), directory.path().join("script"));
        std::fs::create_dir(&leases).expect("the directory is ours");
        std::fs::write(&script, TAKE_LEASE).expect("the directory is ours");
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755))
            .expect("the file is ours");
        let file = leases.join("dnsmasq.leases");
        let dhcp = dnsmasq(
            &router,
            &format!(
                "--port=0 --interface=lan --no-ping --dhcp-authoritative \
                 --dhcp-range=10.9.0.50,10.9.0.199,12h --dhcp-leasefile={} \
                 --enable-ra --dhcp-range=fd09::,ra-only --ra-param=lan,4",
                file.display()
            ),
        );
        // Port 67 in the kernel's own words: whoever asks for a lease earlier waits for seconds.
        let listens = || router.run("cat /proc/net/udp").contains(":0043 ").then_some(());
        eventually("the DHCP server (dnsmasq, which tests/run installs)", listens);
        Some(HomeNetwork { _dhcp: dhcp, router, directory, ports: Cell::new(0) })
    }

    /// A machine with this hardware address, its cable plugged in. It has no lease.
    #[track_caller]
    pub(crate) fn machine(&self, mac: &str) -> Machine {
        let namespace = Namespace::new().expect("one was made before");
        // As machines at home have it: duplicates are looked for, privacy addresses made up and
        // used; not one of them is used longer than it must be.
        namespace.run(
            "cd /proc/sys/net/ipv6/conf/default
             echo 1 > accept_dad; echo 2 > use_tempaddr
             echo 0 > max_desync_factor; echo 0 > router_solicitation_delay",
        );
        let port = format!("port{}", self.ports.replace(self.ports.get() + 1));
        let [.., other] = namespace.enter()[..] else { panic!("it has a name") };
        self.router.run(&format!(
            "ip link add {port} type veth peer name lan netns {other}
             ip link set {port} master lan; ip link set {port} up"
        ));
        namespace.run(&format!("ip link set lan address {mac}; ip link set lan up"));
        Machine { namespace, script: self.directory.path().join("script") }
    }

    /// A machine that has been given a lease, and has all its addresses.
    #[track_caller]
    pub(crate) fn guest(&self, mac: &str, host: &str) -> Machine {
        let machine = self.machine(mac);
        let _address = machine.takes_lease(host);
        machine.addresses();
        machine
    }

    /// The lines of the leases' file.
    pub(crate) fn leases(&self) -> Vec<String> {
        let file = self.directory.path().join("leases/dnsmasq.leases");
        let text = std::fs::read_to_string(file).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Waits until the leases' file has a line for this address, as a reader would find it.
    #[track_caller]
    pub(crate) fn wrote_lease(&self, address: &str) {
        let word = format!(" {address} ");
        let has_line = || self.leases().iter().any(|line| line.contains(&word)).then_some(());
        eventually("the line of the lease", has_line);
    }

    /// Starts the program on the router, with these rules as [`super::Amparo::start`] takes them,
    /// and waits until it answers.
    #[track_caller]
    pub(crate) fn serves(&self, config: &str) -> Serving<'_> {
        self.serves_behind(&[], config)
    }

    /// The same behind words that become it.
    #[track_caller]
    pub(crate) fn serves_behind(&self, more: &[&str], config: &str) -> Serving<'_> {
        let upstream = self.router.inside(FakeUpstream::start);
        let home = Home::new();
        let config = with_listen(config);
        home.write("amparo.toml", &whole(&config, &home, &upstream, &upstream));
        let running = Some(self.starts(&home, more));
        Serving { home, running, upstream: Some(upstream), network: self }
    }

    #[track_caller]
    fn starts(&self, home: &Home, more: &[&str]) -> Running {
        let leases = self.directory.path().join("leases").display().to_string();
        let before = [&self.router.enter()[..], &["sh", "-ec", WITH_LEASES, &leases], more];
        let mut running = home.start_behind(&before.concat(), &["run", "--offline"]);
        running.hears("answers on 0.0.0.0:53 and [::]:53");
        running
    }
}

/// The config, listening where machines ask.
fn with_listen(config: &str) -> String {
    let listen = "[dns]\nlisten = [\"0.0.0.0:53\", \"[::]:53\"]\n";
    match config.split_once("[dns]\n") {
        Some((before, after)) => format!("{before}{listen}{after}"),
        None => format!("{listen}{config}"),
    }
}

/// Debian's dnsmasq on a machine, with these arguments and no file of the system's.
#[track_caller]
pub(crate) fn dnsmasq(machine: &Namespace, args: &str) -> Background {
    let enter = machine.enter();
    let mut command = Command::new(enter[0]);
    command.args(&enter[1..]).args(["dnsmasq", "--conf-file=/dev/null", "--keep-in-foreground"]);
    command.args(["--pid-file=", "--user=root", "--group=root", "--bind-interfaces"]);
    command.args(args.split_whitespace()).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    Background(command.spawn().expect("it made the namespace"))
}

// === impl Machine ===

impl Machine {
    /// Asks for a lease under this host name, and takes the address it is given.
    #[track_caller]
    pub(crate) fn takes_lease(&self, host: &str) -> String {
        self.udhcpc(&format!("-x hostname:{host}"));
        self.v4().expect("it took what it was given")
    }

    /// The same as somebody who was never here: under another client id, with another address.
    #[track_caller]
    pub(crate) fn takes_new_lease(&self, host: &str, address: &str) {
        let id = HEXLOWER.encode(address.as_bytes());
        self.udhcpc(&format!("-x hostname:{host} -x 0x3d:00{id} -r {address}"));
        assert_eq!(self.v4().as_deref(), Some(address), "the address was free");
    }

    fn udhcpc(&self, args: &str) {
        let script = self.script.display();
        // Until there is a lease, one try a second: then it ends, and the lease stays.
        self.namespace.run(&format!(
            "busybox udhcpc -i lan -f -q -n -t 30 -T 1 -s {script} {args} 2>&1 || \
             {{ echo 'no lease; tests/run installs busybox and dnsmasq'; exit 1; }}"
        ));
    }

    /// Its addresses, as soon as it may use them all.
    #[track_caller]
    pub(crate) fn addresses(&self) -> Addresses {
        eventually("all addresses of a machine", || {
            Some(Addresses {
                v4: self.v4()?,
                slaac: self.of_kind(|row| row["mngtmpaddr"] == true)?,
                privacy: self.of_kind(|row| row["temporary"] == true)?,
                link_local: self.of_kind(|row| row["scope"] == "link")?,
            })
        })
    }

    fn v4(&self) -> Option<String> {
        self.of_kind(|row| row["family"] == "inet")
    }

    /// The newest address of a kind that is in use.
    fn of_kind(&self, kind: impl Fn(&Value) -> bool) -> Option<String> {
        let text = self.namespace.run("ip -j addr show dev lan");
        let read: Value = serde_json::from_str(&text).expect("ip writes JSON");
        let rows = read[0]["addr_info"].as_array().expect("ip writes addresses").clone();
        let in_use = |row: &&Value| row["tentative"] != true && row["deprecated"] != true;
        let newest = rows
            .iter()
            .filter(|row| kind(row))
            .filter(in_use)
            .max_by_key(|row| row["preferred_life_time"].as_u64());
        newest.map(|row| row["local"].as_str().expect("ip writes an address").to_owned())
    }

    /// Has the kernel rotate the privacy address as it does every day: the new one, as soon as it
    /// may be used. The old one goes on for a while.
    #[track_caller]
    pub(crate) fn rotates(&self) -> String {
        let old = self.addresses().privacy;
        // Shorter than what the kernel takes to make the next one: it begins at once.
        self.namespace
            .run(&format!("ip addr change {old}/64 dev lan valid_lft 3600 preferred_lft 5"));
        eventually("another privacy address", || {
            self.of_kind(|row| row["temporary"] == true).filter(|address| *address != old)
        })
    }

    /// Its interface goes down and comes up, as when it sleeps: it keeps its lease.
    #[track_caller]
    pub(crate) fn sleeps(&self) {
        self.namespace.run("ip link set lan down; ip link set lan up");
    }

    /// It comes back with another hardware address, and without a lease.
    #[track_caller]
    pub(crate) fn becomes(&self, mac: &str) {
        self.namespace.run(&format!(
            "ip link set lan down; ip -4 addr flush dev lan
             ip link set lan address {mac}; ip link set lan up"
        ));
    }

    /// Asks one question with one packet (`kdig` and its arguments): what was answered, in short.
    #[track_caller]
    pub(crate) fn asks(&self, question: &str) -> String {
        self.namespace.asks(question)
    }
}

impl Addresses {
    /// Each as a machine names it, with the address of the router's that is asked from there.
    pub(crate) fn ways(&self) -> [(String, &'static str); 4] {
        [
            (self.v4.clone(), ROUTER_V4),
            (self.slaac.clone(), ROUTER_V6),
            (self.privacy.clone(), ROUTER_V6),
            (format!("{}%lan", self.link_local), ROUTER_LINK_LOCAL),
        ]
    }

    /// All of them, as the program writes them.
    pub(crate) fn all(&self) -> [IpAddr; 4] {
        [&self.v4, &self.slaac, &self.privacy, &self.link_local]
            .map(|text| text.parse().expect("ip writes addresses"))
    }
}

// === impl Serving ===

impl Serving<'_> {
    /// The resolver it asks.
    pub(crate) fn upstream(&self) -> &FakeUpstream {
        self.upstream.as_ref().expect("it goes with this")
    }

    /// Waits for a line of the program's that holds this.
    #[track_caller]
    pub(crate) fn hears(&mut self, text: &str) -> String {
        self.running.as_mut().expect("it goes with this").hears(text)
    }

    /// Ends it in good order, and starts it again.
    #[track_caller]
    pub(crate) fn restarts(&mut self) {
        let running = self.running.take().expect("it goes with this");
        assert_eq!(running.terminate(), 0, "it ends in good order");
        self.running = Some(self.network.starts(&self.home, &[]));
    }

    /// Runs a command of the program against it.
    #[track_caller]
    pub(crate) fn cli(&self, args: &[&str]) -> Output {
        self.home.amparo(args)
    }

    /// What `devices --json` says of each device.
    #[track_caller]
    pub(crate) fn devices(&self) -> Vec<Value> {
        self.cli(&["devices", "--json"]).exits(0).json()
    }

    /// What it says of this one.
    #[track_caller]
    pub(crate) fn device(&self, id: &str) -> Value {
        let rows = self.devices();
        let row = rows.iter().find(|row| row["id"] == id);
        row.unwrap_or_else(|| panic!("{id} is not among {rows:#?}")).clone()
    }

    /// What `status --json` says.
    #[track_caller]
    pub(crate) fn status(&self) -> Value {
        self.cli(&["status", "--json"]).exits(0).json().remove(0)
    }

    /// The events of a kind that name this device.
    #[track_caller]
    pub(crate) fn events(&self, kind: &str, device: &str) -> Vec<Value> {
        let status = self.status();
        let events = status["events"].as_array().unwrap_or_else(|| panic!("no events: {status:#}"));
        let of_kind = events.iter().filter(|event| event["kind"] == kind);
        of_kind.filter(|event| event.to_string().contains(device)).cloned().collect()
    }
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        // It wakes its threads by a connection, which has to come from where they listen.
        let upstream = self.upstream.take();
        self.network.router.inside(|| drop(upstream));
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}
