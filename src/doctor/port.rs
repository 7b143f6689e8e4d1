//! Who holds the port of DNS where we want to listen, and whether we may bind it at all.

mod remedies;
mod sockets;

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use super::{Asked, Check, Finding, State, Step, fill, printable};
use crate::config::DnsSettings;
use crate::words::{Language, doctor as words};
pub use sockets::{Program, Protocol, Socket};

pub(super) const CHECK: Check =
    Check { name: "port", label: &words::PORT, judge: |facts| judge(facts.language, &facts.port) };

/// The port of DNS (RFC 1035 §4.2).
const DNS_PORT: u16 = 53;
/// Where the kernel tells of processes and sockets.
const PROC: &str = "/proc";

/// What is known of the addresses we want to listen on.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// Whether loopback serves where port 53 may not be bound.
    is_embedded: bool,
    /// The sockets that stand where we want to, with who has them.
    in_the_way: Vec<(Socket, Option<Program>)>,
    /// Programs that mostly are the ones, where the system does not say who it is.
    suspects: Vec<Program>,
    /// Whether there may be a daemon that this user may not ask.
    is_locked: bool,
    /// The daemon's process.
    own: Option<u32>,
    /// Where a daemon says that it listens.
    listens: Vec<String>,
    /// What came of binding each address.
    tried: Vec<(SocketAddr, Tried)>,
    system: System,
}

/// What came of binding an address.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Tried {
    /// We could.
    Bound,
    /// Another has it.
    Taken,
    /// We may not.
    Forbidden,
    /// It is none of this machine's.
    NotOurs,
    /// Something else, as the system says it.
    Other(String),
}

/// How this machine is looked after: the same is done in other ways on each.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Debug, Clone, Default)]
pub(super) struct System {
    is_root: bool,
    has_systemd: bool,
    is_openwrt: bool,
    /// Where `/etc/resolv.conf` leads, if it is a link.
    resolv_link: Option<String>,
    /// Whether `/etc/resolv.conf` is a plain file that names systemd's own resolver.
    resolv_names_stub: bool,
    /// Our own program's file.
    program: Option<PathBuf>,
}

/// Looks who holds what, and tries to bind.
pub(super) fn gather(dns: &DnsSettings, is_embedded: bool, asked: &Asked, system: System) -> Facts {
    let daemon = match asked {
        Asked::Answered(daemon) => Some(daemon),
        Asked::Locked | Asked::Silent => None,
    };
    let is_locked = matches!(asked, Asked::Locked);
    let wanted = wanted(dns);
    let own = daemon.and_then(|daemon| daemon.pid);
    let listens = daemon.map(|daemon| daemon.status.listen.clone()).unwrap_or_default();
    let in_the_way = in_the_way(Path::new(PROC), &wanted);
    let is_unknown = in_the_way.iter().any(|(_, program)| program.is_none());
    let suspects = if is_unknown && own.is_none() {
        sockets::named(Path::new(PROC), remedies::KNOWN)
    } else {
        Vec::new()
    };
    // Where a daemon of ours listens there is nothing to try.
    let free = wanted.iter().filter(|address| !listens.contains(&address.to_string()));
    let tried = free.map(|&address| (address, Tried::of(address))).collect();
    Facts { is_embedded, in_the_way, suspects, is_locked, own, listens, tried, system }
}

/// The program that stands where somebody wants to listen; none where there is none, or where the
/// system does not say.
#[must_use]
pub fn holder_of(address: SocketAddr) -> Option<Program> {
    in_the_way(Path::new(PROC), &[address]).into_iter().find_map(|(_, program)| program)
}

fn wanted(dns: &DnsSettings) -> Vec<SocketAddr> {
    dns.listen.clone().unwrap_or_else(|| {
        vec![(Ipv4Addr::UNSPECIFIED, DNS_PORT).into(), (Ipv6Addr::UNSPECIFIED, DNS_PORT).into()]
    })
}

fn in_the_way(proc: &Path, wanted: &[SocketAddr]) -> Vec<(Socket, Option<Program>)> {
    let all = sockets::read_all(proc).into_iter();
    let met: Vec<Socket> =
        all.filter(|socket| wanted.iter().any(|&wanted| meets(wanted, socket.local))).collect();
    let inodes: Vec<u64> = met.iter().map(|socket| socket.inode).collect();
    let holders = sockets::holders(proc, &inodes);
    met.into_iter().map(|socket| (socket, holders.get(&socket.inode).cloned())).collect()
}

/// Whether two sockets cannot stand side by side. One on every address of IPv6 may take those of
/// IPv4 too; ours does not, another's mostly does.
fn meets(wanted: SocketAddr, held: SocketAddr) -> bool {
    // Port 0 is any that is free.
    if wanted.port() != held.port() || wanted.port() == 0 {
        return false;
    }
    match (wanted.ip(), held.ip()) {
        (IpAddr::V4(_), IpAddr::V6(held)) => held.is_unspecified(),
        (IpAddr::V6(_), IpAddr::V4(_)) => false,
        (wanted, held) => wanted == held || wanted.is_unspecified() || held.is_unspecified(),
    }
}

fn judge(language: Language, facts: &Facts) -> Vec<Finding> {
    let fill = |sentence, what: &str, who: &str| fill(language, sentence, what, who);
    let mut findings = Vec::new();
    let mut held: BTreeMap<Option<u32>, Vec<&(Socket, Option<Program>)>> = BTreeMap::new();
    let is_ours = |program: &Option<Program>| {
        facts.own.is_some() && program.as_ref().map(|program| program.pid) == facts.own
    };
    let says_ours = |socket: &Socket| facts.listens.contains(&socket.local.to_string());
    for one @ (socket, program) in &facts.in_the_way {
        if is_ours(program) || program.is_none() && says_ours(socket) {
            continue;
        }
        held.entry(program.as_ref().map(|program| program.pid)).or_default().push(one);
    }
    if !facts.listens.is_empty() {
        let listens = facts.listens.join(", ");
        findings.push(Finding::new(State::Ok, fill(&words::PORT_OURS, &listens, "")));
    }
    // With the defaults it answers somewhere else meanwhile.
    let bad = if facts.is_embedded { State::Warning } else { State::Failed };
    for sockets in held.values() {
        let places = places(sockets.iter().map(|(socket, _)| socket));
        let program = sockets.first().and_then(|(_, program)| program.as_ref());
        // Who is not root may not ask the family's own: it is most likely that one.
        if facts.is_locked && program.is_none_or(|program| program.name == "amparo") {
            let text = fill(&words::PORT_LIKELY_OURS, &places, "");
            findings.push(Finding::new(State::Note, text).run("sudo amparo doctor"));
            continue;
        }
        findings.push(match program {
            Some(program) => remedies::remedy(
                Finding::new(
                    bad,
                    fill(
                        &words::PORT_HELD,
                        &places,
                        &format!("{} ({})", program.name, program.pid),
                    ),
                ),
                language,
                program,
                &sockets.iter().map(|(socket, _)| socket.local).collect::<Vec<_>>(),
                &facts.system,
            ),
            None => unknown(language, facts, bad, &places),
        });
    }
    for (address, tried) in &facts.tried {
        let shown = address.to_string();
        let is_told = || held.values().flatten().any(|(socket, _)| meets(*address, socket.local));
        findings.extend(match tried {
            Tried::Bound => {
                let is_free = !is_told();
                is_free.then(|| Finding::new(State::Ok, fill(&words::PORT_FREE, &shown, "")))
            }
            Tried::Taken if is_told() => None,
            Tried::Taken => Some(unknown(language, facts, bad, &shown)),
            Tried::Forbidden if facts.is_locked && is_told() => None,
            Tried::Forbidden if facts.is_locked => Some(
                Finding::new(State::Note, fill(&words::PORT_FORBIDDEN, &shown, ""))
                    .run("sudo amparo doctor"),
            ),
            Tried::Forbidden => Some(forbidden(language, facts, bad, *address)),
            Tried::NotOurs if facts.is_embedded || is_everywhere(*address) => {
                Some(Finding::new(State::Note, fill(&words::PORT_NO_FAMILY, &shown, "")))
            }
            Tried::NotOurs => Some(
                Finding::new(State::Failed, fill(&words::PORT_NOT_OURS, &shown, ""))
                    .run("ip -brief address")
                    .say(words::PORT_NOT_OURS_FIX.in_language(language)),
            ),
            Tried::Other(why) => Some(Finding::new(bad, fill(&words::PORT_OTHER, &shown, why))),
        });
    }
    findings
}

fn is_everywhere(address: SocketAddr) -> bool {
    address.is_ipv6() && address.ip().is_unspecified()
}

/// `UDP 127.0.0.53:53, TCP 127.0.0.53:53`
fn places<'a>(sockets: impl Iterator<Item = &'a Socket>) -> String {
    let mut places: Vec<String> = sockets
        .map(|socket| {
            let protocol = match socket.protocol {
                Protocol::Udp => "UDP",
                Protocol::Tcp => "TCP",
            };
            format!("{protocol} {}", socket.local)
        })
        .collect();
    places.sort_unstable();
    places.dedup();
    places.join(", ")
}

/// Somebody has it, and the system does not say who.
fn unknown(language: Language, facts: &Facts, bad: State, places: &str) -> Finding {
    let finding = Finding::new(bad, fill(language, &words::PORT_HELD_UNKNOWN, places, ""));
    // systemd's resolver has an address that no other program takes (systemd-resolved(8)).
    let is_resolved = facts.in_the_way.iter().any(|(socket, program)| {
        program.is_none() && socket.local.ip() == IpAddr::V4(Ipv4Addr::new(127, 0, 0, 53))
    });
    let suspect =
        facts.suspects.iter().find(|suspect| !is_resolved || remedies::is_resolved(&suspect.name));
    let finding = match suspect {
        Some(suspect) => {
            let who = format!("{} ({})", suspect.name, suspect.pid);
            let finding = finding.say(fill(language, &words::PORT_PERHAPS, &who, ""));
            remedies::remedy(finding, language, suspect, &[], &facts.system)
        }
        None if facts.system.is_root => {
            let port = facts.in_the_way.first().map_or(DNS_PORT, |(socket, _)| socket.local.port());
            finding.run(format!("ss -lntup 'sport = :{port}'"))
        }
        None => finding,
    };
    if facts.system.is_root {
        return finding;
    }
    finding.say(words::PORT_ASK_ROOT.in_language(language))
}

/// Ports below 1024 are root's, unless the system says otherwise (ip(7), capabilities(7)).
fn forbidden(language: Language, facts: &Facts, bad: State, address: SocketAddr) -> Finding {
    let program = facts.system.program.as_deref().map(super::shell);
    let program = program.unwrap_or_else(|| "$(command -v amparo)".to_owned());
    Finding::new(bad, fill(language, &words::PORT_FORBIDDEN, &address.to_string(), ""))
        .say(words::PORT_FORBIDDEN_FIX.in_language(language))
        .run(format!("setcap cap_net_bind_service=+ep {program}"))
        .undo(format!("setcap -r {program}"))
}

// === impl Facts: for who starts ===

impl Program {
    /// `dnsmasq, process 815`, safe to print.
    #[must_use]
    pub fn shown(&self) -> String {
        printable(&format!("{}, process {}", self.name, self.pid))
    }
}

// === impl Tried ===

impl Tried {
    /// Binds both sockets of an address, and lets go of them at once.
    fn of(address: SocketAddr) -> Self {
        match bind(address) {
            Ok(()) => Tried::Bound,
            Err(error) => Tried::from(&error),
        }
    }
}

impl From<&io::Error> for Tried {
    fn from(error: &io::Error) -> Self {
        use nix::errno::Errno;
        #[expect(clippy::wildcard_enum_match_arm, reason = "the system's list of errors")]
        match error.kind() {
            io::ErrorKind::AddrInUse => Tried::Taken,
            io::ErrorKind::PermissionDenied => Tried::Forbidden,
            io::ErrorKind::AddrNotAvailable => Tried::NotOurs,
            _ if error.raw_os_error() == Some(Errno::EAFNOSUPPORT as i32) => Tried::NotOurs,
            _ => Tried::Other(error.to_string()),
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<()> {
    use socket2::{Domain, Socket, Type};
    for kind in [Type::DGRAM, Type::STREAM] {
        let socket = Socket::new(Domain::for_address(address), kind, None)?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        if kind == Type::STREAM {
            // Connections that ended a moment ago are in nobody's way.
            socket.set_reuse_address(true)?;
        }
        socket.bind(&address.into())?;
        if kind == Type::STREAM {
            socket.listen(1)?;
        }
    }
    Ok(())
}

// === impl System ===

impl System {
    pub(super) fn find() -> Self {
        let resolv = Path::new("/etc/resolv.conf");
        let link = std::fs::read_link(resolv).ok();
        let text = std::fs::read_to_string(resolv).unwrap_or_default();
        let names_stub = text.lines().any(|line| {
            let mut words = line.split_ascii_whitespace();
            words.next() == Some("nameserver") && words.next() == Some("127.0.0.53")
        });
        System {
            is_root: nix::unistd::geteuid().is_root(),
            has_systemd: Path::new("/run/systemd/system").exists(),
            is_openwrt: Path::new("/etc/openwrt_release").exists(),
            resolv_names_stub: link.is_none() && names_stub,
            resolv_link: link.map(|link| link.display().to_string()),
            program: std::env::current_exe().ok(),
        }
    }
}

#[cfg(test)]
mod tests;
