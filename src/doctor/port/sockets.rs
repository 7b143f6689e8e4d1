//! Which programs hold which sockets, as `/proc` tells it (proc(5)).

use std::collections::HashMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

/// The most processes whose descriptors are read: far more than a home server has.
const PROCESSES_MAX: usize = 100_000;
/// The most lines read of a table of sockets.
const SOCKETS_MAX: usize = 100_000;
/// `TCP_LISTEN` of the kernel, as its tables write it.
const LISTENING: &str = "0A";

/// How questions come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// Datagrams.
    Udp,
    /// Connections.
    Tcp,
}

/// A socket that takes questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Socket {
    /// How.
    pub protocol: Protocol,
    /// Where.
    pub local: SocketAddr,
    /// Its number, by which the process that has it is found.
    pub inode: u64,
}

/// A running program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its process.
    pub pid: u32,
    /// The name of its file, or what it calls itself.
    pub name: String,
    /// What it was started with, its own name first.
    pub arguments: Vec<String>,
}

/// The four tables of this network, where they are.
pub(super) fn read_all(proc: &Path) -> Vec<Socket> {
    let tables = [
        ("net/udp", Protocol::Udp),
        ("net/udp6", Protocol::Udp),
        ("net/tcp", Protocol::Tcp),
        ("net/tcp6", Protocol::Tcp),
    ];
    let read = |(name, protocol): (&str, Protocol)| {
        let text = fs::read_to_string(proc.join(name)).unwrap_or_default();
        read_table(&text, protocol)
    };
    tables.into_iter().flat_map(read).collect()
}

/// The sockets of a table that take questions. Lines that are none are left out.
pub(super) fn read_table(text: &str, protocol: Protocol) -> Vec<Socket> {
    let socket = |line: &str| {
        let mut columns = line.split_ascii_whitespace();
        let local = address(columns.nth(1)?)?;
        let state = columns.nth(1)?;
        let inode = columns.nth(5)?.parse().ok()?;
        let takes = protocol == Protocol::Udp || state == LISTENING;
        takes.then_some(Socket { protocol, local, inode })
    };
    text.lines().take(SOCKETS_MAX).filter_map(socket).collect()
}

/// `0100007F:0035`: words in the machine's own order, the port as a number.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    if !ip.is_ascii() {
        return None;
    }
    let word = |place: usize| {
        let digits = ip.get(place * 8..place * 8 + 8)?;
        u32::from_str_radix(digits, 16).ok().map(u32::to_ne_bytes)
    };
    let ip: IpAddr = match ip.len() {
        8 => Ipv4Addr::from(word(0)?).into(),
        32 => {
            let mut octets = [0; 16];
            for (place, chunk) in octets.chunks_exact_mut(4).enumerate() {
                chunk.copy_from_slice(&word(place)?);
            }
            Ipv6Addr::from(octets).into()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// The programs that have these sockets. Of other users' processes only root is told.
pub(super) fn holders(proc: &Path, inodes: &[u64]) -> HashMap<u64, Program> {
    let mut found = HashMap::new();
    if inodes.is_empty() {
        return found;
    }
    for (pid, path) in processes(proc) {
        let Ok(descriptors) = fs::read_dir(path.join("fd")) else { continue };
        for descriptor in descriptors.filter_map(Result::ok) {
            let Ok(target) = fs::read_link(descriptor.path()) else { continue };
            let inode = target.to_str().and_then(inode_of);
            if let Some(inode) = inode.filter(|inode| inodes.contains(inode)) {
                found.entry(inode).or_insert_with(|| program(pid, &path));
            }
        }
    }
    found
}

/// The running programs with one of these names: what everybody is told of a process.
pub(super) fn named(proc: &Path, names: &[&str]) -> Vec<Program> {
    let programs = processes(proc).into_iter().map(|(pid, path)| program(pid, &path));
    programs.filter(|program| names.contains(&program.name.as_str())).collect()
}

fn processes(proc: &Path) -> Vec<(u32, std::path::PathBuf)> {
    let Ok(entries) = fs::read_dir(proc) else { return Vec::new() };
    let process = |entry: fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        Some((pid, entry.path()))
    };
    let all = entries.filter_map(|entry| process(entry.ok()?));
    let mut all: Vec<_> = all.take(PROCESSES_MAX).collect();
    all.sort_unstable();
    all
}

/// `socket:[12345]`
fn inode_of(target: &str) -> Option<u64> {
    target.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

fn program(pid: u32, path: &Path) -> Program {
    let line = fs::read(path.join("cmdline")).unwrap_or_default();
    let arguments: Vec<String> = line
        .split(|&octet| octet == 0)
        .filter(|word| !word.is_empty())
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect();
    let file = fs::read_link(path.join("exe")).ok().map(|file| file.display().to_string());
    let called = fs::read_to_string(path.join("comm")).unwrap_or_default();
    let name = name_of(file.as_deref(), arguments.first().map(String::as_str), called.trim());
    Program { pid, name, arguments }
}

/// The name of a program: of its file; what it calls itself is cut after 15 letters. Some files are
/// many programs.
fn name_of(file: Option<&str>, first: Option<&str>, called: &str) -> String {
    let last = |path: &str| {
        let path = path.strip_suffix(" (deleted)").unwrap_or(path);
        path.rsplit('/').next().unwrap_or(path).to_owned()
    };
    let file = file.map(last).filter(|name| !name.starts_with("busybox"));
    // Whoever does not see the file sees how it was started, unless the program wrote over it.
    let first = first.map(last).filter(|name| !called.is_empty() && name.starts_with(called));
    file.or(first).unwrap_or_else(|| called.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const UDP: &str = "\
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  243: 3500007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 15716 2 0000000000000000 0
";
    const TCP6: &str = "\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:0035 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000000000000000 100 0 0 10 0
   1: 00000000000000000000000001000000:0035 00000000000000000000000001000000:A000 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000000000000000 100 0 0 10 0
";

    #[test]
    #[cfg(target_endian = "little")]
    fn the_kernels_tables_are_read() {
        let [udp] = read_table(UDP, Protocol::Udp)[..] else { panic!("one socket") };
        assert_eq!((udp.local, udp.inode), ("127.0.0.53:53".parse().unwrap(), 15716));
        let [tcp] = read_table(TCP6, Protocol::Tcp)[..] else { panic!("one that listens") };
        assert_eq!((tcp.local, tcp.inode), ("[::]:53".parse().unwrap(), 4711));
    }

    #[test]
    fn a_program_is_named_by_its_file() {
        let name = |file, first| name_of(file, first, "systemd-resolve");
        assert_eq!(name(Some("/usr/lib/systemd/systemd-resolved"), None), "systemd-resolved");
        assert_eq!(name(None, Some("/usr/lib/systemd/systemd-resolved")), "systemd-resolved");
        assert_eq!(name(None, Some("something else")), "systemd-resolve");
        assert_eq!(name_of(Some("/bin/busybox"), None, "udhcpc"), "udhcpc");
        assert_eq!(name_of(Some("/usr/sbin/named (deleted)"), None, "isc"), "named");
    }

    #[test]
    fn the_holder_of_a_socket_is_found() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let local = socket.local_addr().unwrap();
        let proc = Path::new("/proc");
        let all = read_all(proc);
        let ours = all.iter().find(|socket| socket.local == local).expect("the kernel lists it");
        let holders = holders(proc, &[ours.inode]);
        assert_eq!(holders[&ours.inode].pid, std::process::id());
    }

    proptest! {
        #[test]
        fn any_text_is_read_as_a_table(text in "[0-9A-F: é\\n]{0,300}") {
            let _ = read_table(&text, Protocol::Udp);
            let _ = inode_of(&text);
        }
    }
}
