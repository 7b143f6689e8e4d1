//! What a device is told that looks for encrypted DNS of whoever answers it (RFC 9462).
//!
//! Start at [`designations`].

use std::net::{IpAddr, SocketAddr};

use super::svcb::{IPV4HINT, IPV6HINT};
use super::tls::alpn;
use crate::config::settings::EncryptedSettings;
use crate::name::Name;

/// Keys of the parameters (RFC 9460 §14.3.2, RFC 9461 §5).
const ALPN: u16 = 1;
const PORT: u16 = 3;
const DOHPATH: u16 = 7;
/// Where queries are taken over HTTPS.
const TEMPLATE: &[u8] = b"/dns-query{?dns}";

/// The RDATA of one SVCB record for each way in, the better first. `to` is the address that was asked,
/// at which the device finds us.
pub(super) fn designations(
    settings: &EncryptedSettings,
    hostname: &Name,
    to: IpAddr,
) -> Vec<Vec<u8>> {
    // Where it listens, the port that need not be told, and the protocols as ALPN lists them.
    let ways = [
        (&settings.https, EncryptedSettings::PORT_HTTPS, [alpn::H2, alpn::H3].as_slice()),
        (&settings.tls, EncryptedSettings::PORT_TLS, &[alpn::DOT]),
        (&settings.quic, EncryptedSettings::PORT_TLS, &[alpn::DOQ]),
    ];
    let serving = |places: &[SocketAddr]| {
        let serves = |place: &&SocketAddr| place.ip().is_unspecified() || place.ip() == to;
        let same_family = |place: &&SocketAddr| place.is_ipv4() == to.is_ipv4();
        places.iter().filter(same_family).find(serves).map(SocketAddr::port)
    };
    let mut written = Vec::new();
    for (places, usual, protocols) in ways {
        let Some(port) = serving(places) else { continue };
        // Above 0, which would be an alias.
        let mut data = u16::try_from(written.len() + 1).unwrap_or(1).to_be_bytes().to_vec();
        data.extend_from_slice(hostname.wire());
        let named = protocols.iter().flat_map(|protocol| {
            let length = u8::try_from(protocol.len()).unwrap_or(0);
            std::iter::once(length).chain(protocol.iter().copied())
        });
        put(&mut data, ALPN, &named.collect::<Vec<u8>>());
        if port != usual {
            put(&mut data, PORT, &port.to_be_bytes());
        }
        match to {
            IpAddr::V4(v4) => put(&mut data, IPV4HINT, &v4.octets()),
            IpAddr::V6(v6) => put(&mut data, IPV6HINT, &v6.octets()),
        }
        if usual == EncryptedSettings::PORT_HTTPS {
            put(&mut data, DOHPATH, TEMPLATE);
        }
        written.push(data);
    }
    written
}

/// Appends a parameter: their keys stand in order (RFC 9460 §2.2).
fn put(data: &mut Vec<u8>, key: u16, value: &[u8]) {
    data.extend_from_slice(&key.to_be_bytes());
    data.extend_from_slice(&u16::try_from(value.len()).unwrap_or(0).to_be_bytes());
    data.extend_from_slice(value);
}
