//! Devices, addresses, ranges, upstream resolvers.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::Mistake;
use crate::clients::{Address, Mac};
use crate::config::settings::{Scheme, UpstreamUrl};
use crate::config::suggest::did_you_mean;
use crate::name::Name;

/// The port of plain DNS (RFC 1035 §4.2).
const PORT_DNS: u16 = 53;
/// The port of DNS over TLS (RFC 7858 §3.1).
const PORT_DOT: u16 = 853;

/// An upstream as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::config) enum Upstream {
    /// One that is spoken to.
    Url(UpstreamUrl),
    /// One whose scheme is not built yet.
    Later(&'static str),
}

/// Reads a device: a MAC, an address, a range, `host:NAME` or `id:NAME`.
pub(in crate::config) fn device(text: &str) -> Result<Address, Mistake> {
    if let Some(mac) = mac(text) {
        return Ok(Address::Mac(mac));
    }
    if let Some((prefix @ ("host" | "id"), _)) = text.split_once(':') {
        return Address::parse(text).map_err(|_| {
            Mistake::new(
                format!("`{text}` has no name behind the colon"),
                format!("write letters, digits and `-`, like `{prefix}:mateo-phone`"),
            )
        });
    }
    match net(text) {
        Ok((address, bits)) => Ok(Address::Net(address, bits)),
        Err(mistake) if text.contains('/') => Err(mistake),
        Err(_) => Err(Mistake::new(
            format!("`{text}` is not a device"),
            "write a MAC (`3c:22:fb:12:34:56`), an address (`192.168.1.42`), a range \
             (`192.168.1.32/28`) or what it calls itself (`host:mateo-phone`)",
        )),
    }
}

fn mac(text: &str) -> Option<Mac> {
    let sign = if text.contains('-') { '-' } else { ':' };
    let mut octets = [0; 6];
    let mut parts = text.split(sign);
    for octet in &mut octets {
        let part = parts.next()?;
        let hex = part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
        *octet = hex.then(|| u8::from_str_radix(part, 16).ok()).flatten()?;
    }
    parts.next().is_none().then_some(Mac(octets))
}

/// Reads an address or a range in CIDR form; what lies beyond the fixed bits is cleared, so that
/// two spellings of one range are equal.
pub(in crate::config) fn net(text: &str) -> Result<(IpAddr, u8), Mistake> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let parsed = address.parse::<IpAddr>().ok().and_then(|address| {
        let bits_max = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => bits_max,
            Some(bits) if bits.bytes().all(|b| b.is_ascii_digit()) => bits.parse().ok()?,
            Some(_) => return None,
        };
        (bits <= bits_max).then(|| canonical(masked(address, bits), bits))
    });
    parsed.ok_or_else(|| {
        Mistake::new(
            format!("`{text}` is not an address or a range of them"),
            "write it like `192.168.1.42`, `192.168.1.0/24` or `fd00::/8`",
        )
    })
}

/// The address with all but its first `bits` bits cleared.
fn masked(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits.min(32))).unwrap_or(0);
            IpAddr::V4((v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits.min(128))).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
        }
    }
}

/// IPv4 written as mapped IPv6 is IPv4.
fn canonical(address: IpAddr, bits: u8) -> (IpAddr, u8) {
    match address.to_canonical() {
        v4 @ IpAddr::V4(_) if address.is_ipv6() && bits >= 96 => (v4, bits - 96),
        IpAddr::V4(_) | IpAddr::V6(_) => (address, bits),
    }
}

/// Reads one address.
pub(in crate::config) fn address(text: &str) -> Result<IpAddr, Mistake> {
    text.parse().map_err(|_| {
        Mistake::new(
            format!("`{text}` is not an address"),
            "write it like `192.168.1.5` or `fd00::5`",
        )
    })
}

/// Reads where to listen: an address with a port, which is 53 where none is written.
pub(in crate::config) fn listen(text: &str) -> Result<SocketAddr, Mistake> {
    listen_at(text, PORT_DNS)
}

/// [`listen`] with another port where none is written.
pub(in crate::config) fn listen_at(text: &str, port: u16) -> Result<SocketAddr, Mistake> {
    socket(text, port).ok_or_else(|| {
        Mistake::new(
            format!("`{text}` is not an address to listen on"),
            format!("write it like \"0.0.0.0:{port}\" or \"[::]:{port}\""),
        )
    })
}

fn socket(text: &str, port: u16) -> Option<SocketAddr> {
    if let Ok(socket) = text.parse() {
        return Some(socket);
    }
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().map(|address| SocketAddr::new(address, port))
}

/// Reads an upstream: `tls://9.9.9.9#dns.quad9.net`.
pub(in crate::config) fn upstream(text: &str) -> Result<Upstream, Mistake> {
    let Some((scheme, rest)) = text.split_once("://") else {
        let help = match socket(text, PORT_DNS) {
            Some(_) => format!("write \"udp://{text}\", or tls:// where it speaks that"),
            None => "write it like \"tls://9.9.9.9#dns.quad9.net\"".to_owned(),
        };
        return Err(Mistake::new(format!("`{text}` does not say how it is asked"), help));
    };
    let (scheme, port) = match scheme {
        "udp" => (Scheme::Udp, PORT_DNS),
        "tcp" => (Scheme::Tcp, PORT_DNS),
        "tls" => (Scheme::Tls, PORT_DOT),
        "https" => return later("https", rest),
        "quic" => return later("quic", rest),
        "h3" => return later("h3", rest),
        other => {
            let help = did_you_mean(other, ["udp", "tcp", "tls", "https", "quic", "h3"]);
            return Err(Mistake::new(
                format!("an upstream cannot be asked by `{other}`"),
                help.unwrap_or_else(|| "write udp://, tcp:// or tls://".to_owned()),
            ));
        }
    };
    let (host, tls_name) = match rest.split_once('#') {
        Some((host, name)) => (host, Some(name)),
        None => (rest, None),
    };
    let host = host.strip_suffix('/').unwrap_or(host);
    let address = socket(host, port).filter(|socket| socket.port() != 0).ok_or_else(|| {
        let help = match Name::parse(host) {
            Ok(_) if scheme == Scheme::Tls => {
                format!("write its address, with its name behind it: \"tls://9.9.9.9#{host}\"")
            }
            Ok(_) | Err(_) => "write its address, like \"udp://192.168.1.1\"".to_owned(),
        };
        Mistake::new(format!("upstream `{text}` has no address to start with"), help)
    })?;
    let tls_name = tls_name.map(|name| tls_name_of(name, scheme, text)).transpose()?;
    Ok(Upstream::Url(UpstreamUrl { scheme, address, tls_name }))
}

fn tls_name_of(name: &str, scheme: Scheme, text: &str) -> Result<String, Mistake> {
    if scheme != Scheme::Tls {
        let bare = text.split('#').next().unwrap_or(text);
        return Err(Mistake::new(
            format!("upstream `{text}` has a certificate's name, and plain DNS has no certificate"),
            format!("write \"{bare}\", or tls://"),
        ));
    }
    Name::parse(name).map(|name| name.to_string()).map_err(|why| {
        Mistake::new(
            format!("`{name}` is not the name of a certificate: {why}"),
            "write it like \"tls://9.9.9.9#dns.quad9.net\"",
        )
    })
}

/// An upstream whose scheme is not built: looked at only so far that a slip is found.
fn later(scheme: &'static str, rest: &str) -> Result<Upstream, Mistake> {
    let host = rest.split(['/', '#']).next().unwrap_or(rest);
    let bare = host.rsplit_once(':').map_or(host, |(bare, _)| bare);
    if socket(host, PORT_DOT).is_some() || Name::parse(bare).is_ok() {
        return Ok(Upstream::Later(scheme));
    }
    Err(Mistake::new(
        format!("upstream `{scheme}://{rest}` has no address"),
        format!("write it like \"{scheme}://9.9.9.9#dns.quad9.net\""),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_device_is_a_mac_an_address_or_a_range() {
        let mac = Address::Mac(Mac([0x3c, 0x22, 0xfb, 0x12, 0x34, 0x56]));
        assert_eq!(device("3c:22:fb:12:34:56"), Ok(mac.clone()));
        assert_eq!(device("3C-22-FB-12-34-56"), Ok(mac));
        let net = |a: &str, bits| Ok(Address::Net(a.parse().unwrap(), bits));
        assert_eq!(device("192.168.1.42"), net("192.168.1.42", 32));
        assert_eq!(device("192.168.1.42/28"), net("192.168.1.32", 28));
        assert_eq!(device("0.0.0.0/0"), net("0.0.0.0", 0));
        assert_eq!(device("fe80::1"), net("fe80::1", 128));
        assert_eq!(device("::ffff:192.168.1.42"), net("192.168.1.42", 32));
        assert_eq!(device("host:Mateo-Phone"), Ok(Address::Host("mateo-phone".into())));
        assert_eq!(device("id:mateo-phone").unwrap().to_string(), "id:mateo-phone");
        for bad in ["3c:22:fb:12:34", "192.168.1", "1.2.3.4/33", "1.2.3.4/+8", "id:", "phone", ""] {
            assert!(device(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_upstream_is_a_scheme_an_address_and_a_name() {
        let url = |scheme, address: &str, name: Option<&str>| {
            let address = address.parse().unwrap();
            Ok(Upstream::Url(UpstreamUrl { scheme, address, tls_name: name.map(str::to_owned) }))
        };
        let quad9 = url(Scheme::Tls, "9.9.9.9:853", Some("dns.quad9.net"));
        assert_eq!(upstream("tls://9.9.9.9#dns.quad9.net"), quad9);
        assert_eq!(upstream("udp://[::1]:5353"), url(Scheme::Udp, "[::1]:5353", None));
        assert_eq!(upstream("tcp://::1"), url(Scheme::Tcp, "[::1]:53", None));
        assert_eq!(upstream("https://dns.quad9.net/dns-query"), Ok(Upstream::Later("https")));
        for bad in [
            "9.9.9.9",
            "tls://dns.quad9.net",
            "udp://9.9.9.9#x.y",
            "tsl://9.9.9.9",
            "udp://1.1.1.1:0",
            "quic://",
        ] {
            assert!(upstream(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_place_to_listen_has_port_53_unless_it_says_otherwise() {
        assert_eq!(listen("[::]"), Ok("[::]:53".parse().unwrap()));
        assert_eq!(listen("127.0.0.1:0"), Ok("127.0.0.1:0".parse().unwrap()));
        assert!(listen("localhost:53").is_err() && listen("53").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,30}") {
            let _ = (device(&text), net(&text), listen(&text), upstream(&text));
        }

        #[test]
        fn near_misses_are_read_or_refused(text in "(tls://|quic://|id:)?[0-9a-f:./#\\[\\]-]{0,20}") {
            let _ = (device(&text), net(&text), listen(&text), upstream(&text));
        }
    }
}
