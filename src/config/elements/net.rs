//! Devices, addresses, ranges, upstream resolvers.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::Mistake;
use crate::clients::{Address, Mac};
use crate::config::settings::{Scheme, UpstreamUrl};
use crate::config::suggest::did_you_mean;
use crate::name::Name;

/// The port of plain DNS (RFC 1035 §4.2).
const PORT_DNS: u16 = 53;
/// The longest path of a resolver, in octets: far more than any has, and it fits a header with room.
const PATH_OCTETS_MAX: usize = 1_000;

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

/// Reads an upstream: `tls://9.9.9.9#dns.quad9.net`, `https://1.1.1.1/dns-query#cloudflare-dns.com`.
pub(in crate::config) fn upstream(text: &str) -> Result<UpstreamUrl, Mistake> {
    let Some((word, rest)) = text.split_once("://") else {
        let help = match socket(text, PORT_DNS) {
            Some(_) => format!("write \"udp://{text}\", or tls:// where it speaks that"),
            None => "write it like \"tls://9.9.9.9#dns.quad9.net\"".to_owned(),
        };
        return Err(Mistake::new(format!("`{text}` does not say how it is asked"), help));
    };
    let Some(scheme) = Scheme::ALL.into_iter().find(|scheme| scheme.word() == word) else {
        let help = did_you_mean(word, Scheme::ALL.map(Scheme::word));
        return Err(Mistake::new(
            format!("an upstream cannot be asked by `{word}`"),
            help.unwrap_or_else(|| {
                "write udp://, tcp://, tls://, https://, quic:// or h3://".to_owned()
            }),
        ));
    };
    let (place, tls_name) = match rest.split_once('#') {
        Some((place, name)) => (place, Some(name)),
        None => (rest, None),
    };
    let (host, path) = match place.split_once('/') {
        Some((host, _)) if scheme.has_path() => (host, Some(&place[host.len()..])),
        Some((host, "")) => (host, None),
        Some((host, _)) if socket(host, scheme.port()).is_some() => {
            return Err(Mistake::new(
                format!("upstream `{text}` has a path, and only a web server has those"),
                format!("write \"{word}://{host}\", or https://"),
            ));
        }
        Some(_) | None => (place, None),
    };
    let address = socket(host, scheme.port()).filter(|socket| socket.port() != 0);
    let address = address.ok_or_else(|| {
        let bare = host.rsplit_once(':').map_or(host, |(bare, _)| bare);
        let help = match Name::parse(bare) {
            Ok(_) if scheme.is_encrypted() => format!(
                "write its address, and this name behind it: \"{word}://ADDRESS{}#{bare}\"",
                path.unwrap_or_default()
            ),
            Ok(_) | Err(_) if scheme.is_encrypted() => {
                format!(
                    "write its address, and its name behind it: \"{word}://9.9.9.9#dns.quad9.net\""
                )
            }
            Ok(_) | Err(_) => format!("write its address, like \"{word}://192.168.1.1\""),
        };
        Mistake::new(format!("upstream `{text}` has no address to start with"), help)
    })?;
    let tls_name = tls_name.map(|name| tls_name_of(name, scheme, text)).transpose()?;
    let path = path.map(path_of).transpose()?.flatten();
    Ok(UpstreamUrl { scheme, address, tls_name, path })
}

/// The path of a resolver; none where it is the usual one.
fn path_of(path: &str) -> Result<Option<String>, Mistake> {
    const USUAL: &str = UpstreamUrl::USUAL_PATH;
    if matches!(path, "/" | USUAL) {
        return Ok(None);
    }
    let can_stand =
        |octet: u8| octet.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@%".contains(&octet);
    if path.contains(['{', '?']) {
        return Err(Mistake::new(
            format!("`{path}` is more than a path: the question is sent with the request"),
            format!("leave away what begins with `{{` or `?`, like `{USUAL}`"),
        ));
    }
    if path.len() > PATH_OCTETS_MAX || !path.bytes().all(can_stand) {
        let help = format!("copy it from what the resolver says of itself; most have `{USUAL}`");
        return Err(Mistake::new("this is not the path of a resolver", help));
    }
    Ok(Some(path.to_owned()))
}

fn tls_name_of(name: &str, scheme: Scheme, text: &str) -> Result<String, Mistake> {
    if !scheme.is_encrypted() {
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
        let url = |scheme, address: &str, name: Option<&str>, path: Option<&str>| {
            let address = address.parse().unwrap();
            let [tls_name, path] = [name, path].map(|text| text.map(str::to_owned));
            Ok(UpstreamUrl { scheme, address, tls_name, path })
        };
        let quad9 = url(Scheme::Tls, "9.9.9.9:853", Some("dns.quad9.net"), None);
        assert_eq!(upstream("tls://9.9.9.9#dns.quad9.net"), quad9);
        assert_eq!(upstream("udp://[::1]:5353"), url(Scheme::Udp, "[::1]:5353", None, None));
        assert_eq!(upstream("tcp://::1/"), url(Scheme::Tcp, "[::1]:53", None, None));
        let name = Some("cloudflare-dns.com");
        let web = |scheme, path| url(scheme, "1.1.1.1:443", name, path);
        let own = Some("/family/dns");
        assert_eq!(upstream("https://1.1.1.1#cloudflare-dns.com"), web(Scheme::Https, None));
        assert_eq!(upstream("https://1.1.1.1/#cloudflare-dns.com"), web(Scheme::Https, None));
        assert_eq!(upstream("h3://1.1.1.1/dns-query#cloudflare-dns.com"), web(Scheme::H3, None));
        assert_eq!(upstream("h3://1.1.1.1/family/dns#cloudflare-dns.com"), web(Scheme::H3, own));
        let adguard = url(Scheme::Quic, "94.140.14.14:853", Some("dns.adguard-dns.com"), None);
        assert_eq!(upstream("quic://94.140.14.14#dns.adguard-dns.com"), adguard);
        assert_eq!(
            upstream("https://[2606:4700:4700::1111]:8443/x"),
            url(Scheme::Https, "[2606:4700:4700::1111]:8443", None, Some("/x"))
        );
        for bad in [
            "9.9.9.9",
            "tls://dns.quad9.net",
            "udp://9.9.9.9#x.y",
            "tsl://9.9.9.9",
            "udp://1.1.1.1:0",
            "quic://",
            "quic://9.9.9.9/dns-query",
            "https://9.9.9.9/dns-query{?dns}",
            "https://9.9.9.9/a b",
        ] {
            assert!(upstream(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_instead_of_an_address_is_told_where_the_address_stands() {
        let help = |text| upstream(text).unwrap_err().help;
        assert_eq!(
            help("https://dns.quad9.net:443/dns-query"),
            "write its address, and this name behind it: \
             \"https://ADDRESS/dns-query#dns.quad9.net\""
        );
        assert_eq!(
            help("quic://dns.adguard-dns.com"),
            "write its address, and this name behind it: \"quic://ADDRESS#dns.adguard-dns.com\""
        );
        assert_eq!(help("udp://dns.quad9.net"), "write its address, like \"udp://192.168.1.1\"");
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
        fn near_misses_are_read_or_refused(text in "(tls://|quic://|h3://|id:)?[0-9a-f:./#\\[\\]-]{0,20}") {
            let _ = (device(&text), net(&text), listen(&text), upstream(&text));
        }
    }
}
