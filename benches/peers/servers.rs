//! The servers: ours and those found on this machine, each configured as its own documentation
//! has it: one thread, the list blocked, everything else asked of our upstream, a cache that holds
//! what is asked.
//!
//! A new peer is a row of [`PEERS`] and the function that writes its config.

use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use data_encoding::BASE64;
use nix::sys::signal::Signal;

use crate::lists::{Form, Names, Version};
use crate::load::{ask, is_closed};
use crate::machine::{Cores, now};
use crate::names::Random;
use crate::running::Running;

/// How long a server may take to filter; the slowest known takes fifteen seconds.
const START_MAX: Duration = Duration::from_secs(120);
/// How long one question of the start waits.
const FIRST_PATIENCE: Duration = Duration::from_millis(200);
/// How often a server that is not there is asked.
const ASK_EVERY: Duration = Duration::from_millis(2);
/// Entries of a cache that is counted in entries: all that the household asks and more.
const CACHE_ENTRIES: usize = 200_000;

/// A server that can be measured.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) version: String,
    pub(crate) address: SocketAddrV4,
    program: PathBuf,
    arguments: Vec<String>,
    folder: PathBuf,
    form: Form,
    reload: Reload,
    running: Option<Running>,
}

/// How a server is told that its list changed.
enum Reload {
    /// By SIGHUP.
    Signal,
    /// By a command.
    Command(Vec<String>),
    /// It looks by itself.
    Unasked,
}

/// How long a server took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Started {
    /// Until it answered anything, in seconds.
    pub(crate) answered_seconds: f64,
    /// Until it answered a closed name as closed, in seconds.
    pub(crate) filtered_seconds: f64,
}

/// Where a server stands and whom it asks.
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    pub(crate) address: SocketAddrV4,
    pub(crate) upstream: SocketAddrV4,
    /// A second port, for those who are commanded by one.
    pub(crate) control: SocketAddrV4,
}

/// How a server is run, once its config is written.
struct Arranged {
    arguments: Vec<String>,
    form: Form,
    reload: Reload,
}

/// A server of others.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    program: &'static str,
    version_option: &'static str,
    arrange: fn(&Place) -> std::io::Result<Arranged>,
}

/// The servers of others, as Debian packs them.
pub(crate) const PEERS: &[Peer] = &[
    Peer {
        name: "dnsdist-cdb",
        program: "/usr/bin/dnsdist",
        version_option: "--version",
        arrange: dnsdist_cdb,
    },
    Peer {
        name: "dnsdist-suffix",
        program: "/usr/bin/dnsdist",
        version_option: "--version",
        arrange: dnsdist_suffix,
    },
    Peer {
        name: "pdns-recursor",
        program: "/usr/sbin/pdns_recursor",
        version_option: "--version",
        arrange: pdns_recursor,
    },
    Peer { name: "unbound", program: "/usr/sbin/unbound", version_option: "-V", arrange: unbound },
    Peer {
        name: "dnsmasq",
        program: "/usr/sbin/dnsmasq",
        version_option: "--version",
        arrange: dnsmasq,
    },
];

impl Peer {
    /// The server, where it is installed.
    pub(crate) fn find(&self, place: Place) -> std::io::Result<Option<Server>> {
        let program = Path::new(self.program);
        if !program.exists() {
            return Ok(None);
        }
        std::fs::create_dir_all(&place.folder)?;
        let arranged = (self.arrange)(&place)?;
        let version = version(program, self.version_option);
        Ok(Some(Server::new(self.name, version, program, place, arranged)))
    }
}

// === impl Server ===

impl Server {
    /// Ours.
    pub(crate) fn amparo(program: &Path, place: Place) -> std::io::Result<Self> {
        std::fs::create_dir_all(&place.folder)?;
        let arranged = amparo(&place, program)?;
        Ok(Server::new("amparo", version(program, "--version"), program, place, arranged))
    }

    fn new(
        name: &'static str,
        version: String,
        program: &Path,
        place: Place,
        arranged: Arranged,
    ) -> Self {
        Server {
            name,
            version,
            address: place.address,
            program: program.to_owned(),
            arguments: arranged.arguments,
            folder: place.folder,
            form: arranged.form,
            reload: arranged.reload,
            running: None,
        }
    }

    /// Gives it a list.
    pub(crate) fn write_list(&self, names: &Names, version: Version) -> std::io::Result<()> {
        names.write(version, self.form, &list_in(&self.folder))
    }

    /// Writes the list that [`Server::take_prepared_list`] puts into place at once.
    pub(crate) fn prepare_list(&self, names: &Names, version: Version) -> std::io::Result<()> {
        names.write(version, self.form, &self.folder.join("next"))
    }

    /// Puts the prepared list into place; the server does not know yet.
    pub(crate) fn take_prepared_list(&self) -> std::io::Result<()> {
        std::fs::rename(self.folder.join("next"), list_in(&self.folder))
    }

    /// Starts it and asks until `closed` is answered as closed, or, without one, anything.
    /// None when it does not come to that.
    pub(crate) fn start(&mut self, cores: Cores, closed: Option<&str>) -> Option<Started> {
        let mut command = cores.server_command(&self.program);
        command.args(&self.arguments).current_dir(&self.folder).env("TOKIO_WORKER_THREADS", "1");
        let begin = now();
        let mut running = Running::start(command, &self.folder.join("log"));
        let mut answered_seconds = None;
        loop {
            let reply = ask(self.address, closed.unwrap_or("example.com"), FIRST_PATIENCE);
            let seconds = now().duration_since(begin).as_secs_f64();
            if let Some(reply) = reply {
                let answered_seconds = *answered_seconds.get_or_insert(seconds);
                if closed.is_none() || is_closed(&reply) {
                    self.running = Some(running);
                    return Some(Started { answered_seconds, filtered_seconds: seconds });
                }
            }
            if seconds > START_MAX.as_secs_f64() || running.has_ended() {
                return None;
            }
            std::thread::sleep(ASK_EVERY);
        }
    }

    /// Stops it, if it runs.
    pub(crate) fn stop(&mut self) {
        self.running = None;
    }

    /// The kernel's number of its process.
    pub(crate) fn process(&self) -> u32 {
        self.running.as_ref().map_or(0, Running::id)
    }

    /// The last that it said, for a report of why it does not work.
    pub(crate) fn last_words(&self) -> String {
        let said = std::fs::read(self.folder.join("log")).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        let lines: Vec<&str> = said.lines().collect();
        lines[lines.len().saturating_sub(5)..].join("\n    ")
    }

    /// Tells it that its list changed; a command that does so may still run.
    pub(crate) fn tell_reload(&self) -> Option<Child> {
        match &self.reload {
            Reload::Unasked => None,
            Reload::Signal => {
                if let Some(running) = &self.running {
                    running.signal(Signal::SIGHUP);
                }
                None
            }
            Reload::Command(words) => {
                let mut command = Command::new(&words[0]);
                command.args(&words[1..]).stdin(Stdio::null());
                command.stdout(Stdio::null()).stderr(Stdio::null());
                command.spawn().ok()
            }
        }
    }
}

fn version(program: &Path, option: &str) -> String {
    let said = Command::new(program).arg(option).stdin(Stdio::null()).output();
    let said = said.map(|said| [said.stdout, said.stderr].concat()).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let looks_like =
        |word: &&str| word.contains('.') && word.starts_with(|first: char| first.is_ascii_digit());
    said.split_whitespace().find(looks_like).unwrap_or("?").to_owned()
}

fn list_in(folder: &Path) -> PathBuf {
    folder.join("list")
}

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).into()
}

// === Configurations ===

/// A family: four children of four ages with a bedtime and homework hours each, the list closed to
/// all, the journal on. The windows lie hours away from now, else everything would be closed.
fn amparo(place: &Place, program: &Path) -> std::io::Result<Arranged> {
    use std::fmt::Write as _;
    let Place { folder, address, upstream, .. } = place;
    let (list, state) = (list_in(folder), folder.join("state"));
    let (list, state) = (list.display(), state.display().to_string());
    let seconds = std::fs::metadata(folder)?.modified()?.duration_since(std::time::UNIX_EPOCH);
    let hour = seconds.map_or(0, |seconds| seconds.as_secs() / 3600 % 24);
    let at = |later: u64| format!("{:02}:30", (hour + later) % 24);
    let mut config = format!(
        r#"[household]
language = "es"
timezone = "UTC"

[dns]
listen = ["{address}"]
upstreams = ["udp://{upstream}"]
rate_limit = 1000000

[state]
directory = "{state}"

[category.measured]
name = "Measured"
names = []

[list.measured]
category = "measured"
file = "{list}"
format = "domains"
"#
    );
    for (number, age) in [6, 9, 12, 15].into_iter().enumerate() {
        let device = crate::load::CHILDREN[number];
        let (bedtime, morning, lunch, afternoon) = (at(10), at(18), at(5), at(7));
        write!(
            config,
            r#"
[child.child{number}]
age = {age}
devices = ["{device}"]
block = ["measured"]
bedtime = "{bedtime}-{morning}"

[[child.child{number}.schedule]]
name = "homework"
time = "{lunch}-{afternoon}"
block = ["games", "video"]
"#
        )
        .expect("a string takes all");
    }
    let file = folder.join("amparo.toml");
    std::fs::write(&file, config)?;
    let file = file.display().to_string();
    let program = program.display().to_string();
    Ok(Arranged {
        arguments: words(["run", "--offline", "--config", &file, "--state", &state]),
        form: Form::Plain,
        reload: Reload::Command(words([&program, "reload", "--config", &file, "--state", &state])),
    })
}

/// unbound.conf(5): `always_null` answers with the unspecified address, as we do.
fn unbound(place: &Place) -> std::io::Result<Arranged> {
    let Place { folder, address, upstream, .. } = place;
    let (ip, port) = (address.ip(), address.port());
    let shown = folder.display();
    let list = list_in(folder);
    let list = list.display();
    let file = folder.join("unbound.conf").display().to_string();
    let config = format!(
        r#"server:
    interface: {ip}@{port}
    access-control: 127.0.0.0/8 allow
    username: ""
    chroot: ""
    directory: "{shown}"
    pidfile: ""
    use-syslog: no
    verbosity: 0
    num-threads: 1
    do-not-query-localhost: no
    module-config: "iterator"
    msg-cache-size: 64m
    rrset-cache-size: 128m
    outgoing-range: 4096
    num-queries-per-thread: 2048
include: "{list}"
remote-control:
    control-enable: yes
    control-interface: "{shown}/control"
    control-use-cert: no
forward-zone:
    name: "."
    forward-addr: {}@{}
"#,
        upstream.ip(),
        upstream.port()
    );
    std::fs::write(&file, config)?;
    Ok(Arranged {
        arguments: words(["-d", "-c", &file]),
        form: Form::UnboundZones,
        reload: Reload::Command(words(["unbound-control", "-c", &file, "reload_keep_cache"])),
    })
}

/// dnsmasq(8): `--servers-file` is the one list that SIGHUP reads again with all below each name.
fn dnsmasq(place: &Place) -> std::io::Result<Arranged> {
    let Place { folder, address, upstream, .. } = place;
    let config = format!(
        "port={}\nlisten-address={}\nbind-interfaces\nno-resolv\nno-hosts\nuser=root\npid-file\n\
         server={}#{}\ncache-size={CACHE_ENTRIES}\ndns-forward-max=10000\nservers-file={}\n",
        address.port(),
        address.ip(),
        upstream.ip(),
        upstream.port(),
        list_in(folder).display()
    );
    let file = folder.join("dnsmasq.conf");
    std::fs::write(&file, config)?;
    Ok(Arranged {
        arguments: words(["--keep-in-foreground", &format!("--conf-file={}", file.display())]),
        form: Form::DnsmasqServers,
        reload: Reload::Signal,
    })
}

/// The recursor's manual, "Response Policy Zones" and `forward-zones-recurse`.
fn pdns_recursor(place: &Place) -> std::io::Result<Arranged> {
    let Place { folder, address, upstream, .. } = place;
    let shown = folder.display().to_string();
    let lua = folder.join("recursor.lua");
    std::fs::write(
        &lua,
        format!("rpzFile(\"{}\", {{policyName=\"list\"}})\n", list_in(folder).display()),
    )?;
    let config = format!(
        "local-address={}\nlocal-port={}\nallow-from=127.0.0.0/8\ndont-query=\n\
         forward-zones-recurse=.={upstream}\ndnssec=off\nthreads=1\nlua-config-file={}\n\
         socket-dir={shown}\nquiet=yes\nloglevel=3\nsecurity-poll-suffix=\n\
         max-cache-entries={CACHE_ENTRIES}\nmax-packetcache-entries={CACHE_ENTRIES}\n",
        address.ip(),
        address.port(),
        lua.display()
    );
    std::fs::write(folder.join("recursor.conf"), config)?;
    let directory = format!("--config-dir={shown}");
    let socket = format!("--socket-dir={shown}");
    Ok(Arranged {
        arguments: words([&directory, "--daemon=no", "--disable-syslog"]),
        form: Form::PolicyZone,
        reload: Reload::Command(words(["rec_control", &directory, &socket, "reload-lua-config"])),
    })
}

/// dnsdist's guide, "Key-value stores": the file is looked at each second.
fn dnsdist_cdb(place: &Place) -> std::io::Result<Arranged> {
    let list = list_in(&place.folder);
    let list = list.display();
    let rules = format!(
        "store = newCDBKVStore(\"{list}\", 1)\n\
         addAction(KeyValueStoreLookupRule(store, KeyValueLookupKeySuffix(1)), \
         RCodeAction(DNSRCode.NXDOMAIN))\n"
    );
    let arguments = dnsdist(place, &rules)?;
    Ok(Arranged { arguments, form: Form::Cdb, reload: Reload::Unasked })
}

/// dnsdist's guide, `SuffixMatchNode`, filled anew by a command on its console.
fn dnsdist_suffix(place: &Place) -> std::io::Result<Arranged> {
    let list = list_in(&place.folder);
    let list = list.display();
    let rules = format!(
        "function readList()\n\
           local names = newSuffixMatchNode()\n\
           for line in io.lines(\"{list}\") do names:add(newDNSName(line)) end\n\
           setRules({{newRuleAction(SuffixMatchNodeRule(names, true), \
         RCodeAction(DNSRCode.NXDOMAIN))}})\n\
         end\n\
         readList()\n"
    );
    let arguments = dnsdist(place, &rules)?;
    let file = arguments.last().cloned().unwrap_or_default();
    Ok(Arranged {
        arguments,
        form: Form::Plain,
        reload: Reload::Command(words(["dnsdist", "-C", &file, "-e", "readList()"])),
    })
}

fn dnsdist(place: &Place, rules: &str) -> std::io::Result<Vec<String>> {
    let Place { folder, address, upstream, control } = place;
    // The console wants a key of 32 octets; nobody else is on this loopback port.
    let mut random = Random::new(u64::from(control.port()));
    let key: Vec<u8> = (0..4).flat_map(|_| random.number().to_le_bytes()).collect();
    let config = format!(
        "setKey(\"{}\")\ncontrolSocket('{control}')\nsetSecurityPollSuffix(\"\")\n\
         setACL({{'127.0.0.0/8'}})\nsetLocal('{address}')\n\
         newServer({{address='{upstream}', checkInterval=3600}})\n\
         getPool(\"\"):setCache(newPacketCache({CACHE_ENTRIES}, {{maxTTL=86400}}))\n\
         setMaxUDPOutstanding(60000)\n{rules}",
        BASE64.encode(&key)
    );
    let file = folder.join("dnsdist.conf");
    std::fs::write(&file, config)?;
    Ok(words(["--supervised", "--disable-syslog", "-C", &file.display().to_string()]))
}
