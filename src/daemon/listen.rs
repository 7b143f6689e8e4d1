//! Where questions come in.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use nix::errno::Errno;
use tracing::warn;

use super::Failure;
use crate::dns::tcp::TcpListener;
use crate::dns::udp::UdpListener;

/// The port of DNS.
const PORT: u16 = 53;
/// The port on loopback when that one may not be bound.
const PORT_FOR_TRYING: u16 = 5353;

/// Descriptors wished for: upstreams hold 512 ports and some connections at worst, each listener's
/// TCP 256 connections; lists, journal and control socket come on top.
const DESCRIPTORS: u64 = 4096;

/// Raises the bound on descriptors as far as the system lets us: many give a process 1,024, and
/// without a socket no question goes out.
pub(super) fn raise_descriptors() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < DESCRIPTORS.min(hard)
        && let Err(error) = setrlimit(Resource::RLIMIT_NOFILE, DESCRIPTORS.min(hard), hard)
    {
        warn!("only {soft} descriptors may be open ({error}); a flood of questions needs more");
    }
}

/// One address with both its sockets.
pub(super) struct Pair {
    pub(super) address: SocketAddr,
    pub(super) udp: UdpListener,
    pub(super) tcp: TcpListener,
}

/// Binds the addresses. Without any, port 53 of every address; and with the embedded defaults,
/// where that may not be bound, [`PORT_FOR_TRYING`] on loopback.
pub(super) fn bind(
    wanted: Option<&[SocketAddr]>,
    embedded: bool,
    notices: &mut Vec<String>,
) -> Result<Vec<Pair>, Failure> {
    if let Some(addresses) = wanted {
        // Those of the embedded defaults are ours: nobody asked for IPv6 by name.
        return bind_all(addresses, embedded);
    }
    match bind_all(&everywhere(PORT), true) {
        Err(Failure::Listen { address, source }) if embedded => {
            let fallback = bind_all(&loopback(PORT_FOR_TRYING), true)?;
            // Not a trouble of a household: somebody is trying the program.
            warn!("{address} cannot be bound ({source}); listening on loopback instead");
            Ok(fallback)
        }
        Err(failure) => Err(failure),
        Ok(pairs) => {
            if pairs.iter().all(|pair| pair.address.is_ipv4()) {
                notices.push("this machine has no IPv6; only IPv4 questions are taken".to_owned());
            }
            Ok(pairs)
        }
    }
}

/// Binds each address; with `ipv6_optional`, a machine without IPv6 is no failure.
fn bind_all(addresses: &[SocketAddr], ipv6_optional: bool) -> Result<Vec<Pair>, Failure> {
    let mut pairs = Vec::new();
    for &address in addresses {
        match crate::dns::udp::bind_pair(address) {
            Ok((udp, tcp)) => {
                let address = udp.local_addr();
                pairs.push(Pair { address, udp, tcp });
            }
            Err(source)
                if ipv6_optional
                    && address.is_ipv6()
                    && !pairs.is_empty()
                    && is_for_want_of_ipv6(&source) =>
            {
                warn!("{address} cannot be bound: {source}; IPv4 only");
            }
            Err(source) => return Err(Failure::Listen { address, source }),
        }
    }
    Ok(pairs)
}

/// No address of this machine is IPv6, or its kernel does not know what that is. The latter has no
/// kind of its own in std.
fn is_for_want_of_ipv6(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable
        || error.raw_os_error() == Some(Errno::EAFNOSUPPORT as i32)
}

fn everywhere(port: u16) -> [SocketAddr; 2] {
    [(Ipv4Addr::UNSPECIFIED, port).into(), (Ipv6Addr::UNSPECIFIED, port).into()]
}

/// Loopback of both families.
#[must_use]
pub fn loopback(port: u16) -> [SocketAddr; 2] {
    [(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()]
}

/// The networks of this machine's interfaces: a home's devices may have public IPv6 addresses.
pub(super) fn own_networks() -> Vec<(IpAddr, u8)> {
    let Ok(interfaces) = nix::ifaddrs::getifaddrs() else { return Vec::new() };
    interfaces
        .filter_map(|interface| {
            let (address, mask) = (interface.address?, interface.netmask?);
            if let (Some(v4), Some(mask)) = (address.as_sockaddr_in(), mask.as_sockaddr_in()) {
                let bits = mask.ip().to_bits().count_ones();
                return Some((IpAddr::V4(v4.ip()), u8::try_from(bits).ok()?));
            }
            let (v6, mask) = (address.as_sockaddr_in6()?, mask.as_sockaddr_in6()?);
            let bits = mask.ip().to_bits().count_ones();
            Some((IpAddr::V6(v6.ip()), u8::try_from(bits).ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_without_ipv6_is_no_failure_and_a_taken_port_is_one() {
        let is_fine = |error: Errno| is_for_want_of_ipv6(&error.into());
        assert!(is_fine(Errno::EAFNOSUPPORT) && is_fine(Errno::EADDRNOTAVAIL));
        assert!(!is_fine(Errno::EADDRINUSE) && !is_fine(Errno::EACCES));
    }
}
