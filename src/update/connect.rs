//! Connections to where lists are.
//!
//! A name is looked up once, over the household's own upstreams, and what is connected to is the
//! very address that was judged: a second look-up could say something else. Start at
//! [`Dialer::addresses`] and [`Dialer::open`]. Knows nothing of HTTP.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::address::Reach;
use super::trouble::Trouble;
use crate::clock::Clock;

/// So many of a host's addresses are tried: two networks with two broken ones each still leave
/// time for the list.
const ADDRESSES_MAX: usize = 6;

/// Looks up hosts: over the household's own upstreams, so that it works where this machine's DNS
/// is this program.
pub trait Addresses: Send + Sync {
    /// The IPv4 and IPv6 addresses of a host's name. The error is the end of a sentence.
    fn of(&self, host: &str) -> impl Future<Output = Result<Vec<IpAddr>, String>> + Send;
}

/// A connection, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A server of a list, or a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    /// By its name, without a dot at its end.
    Name(String),
    /// By its address.
    Address(IpAddr),
}

/// Opens connections.
pub(super) struct Dialer<A> {
    addresses: A,
    connector: TlsConnector,
    /// Where an address leads; tests have a public internet of their own.
    reach: fn(IpAddr) -> Reach,
    /// How long each step to one address may take.
    pub(super) step: Duration,
}

// === impl Host ===

impl Host {
    /// The host of a checked address.
    pub(super) fn of(url: &url::Url) -> Option<Self> {
        Some(match url.host()? {
            url::Host::Domain(name) => Host::of_text(name),
            url::Host::Ipv4(address) => Host::Address(address.into()),
            url::Host::Ipv6(address) => Host::Address(address.into()),
        })
    }

    /// A name, or an address without brackets.
    pub(super) fn of_text(text: &str) -> Self {
        let name = || text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        text.parse().map_or_else(|_| Host::Name(name()), Host::Address)
    }

    /// As people read it.
    pub(super) fn shown(&self) -> String {
        match self {
            Host::Name(name) => name.clone(),
            Host::Address(address) => address.to_string(),
        }
    }

    fn server_name(&self) -> Result<ServerName<'static>, Trouble> {
        match self {
            Host::Address(address) => Ok(ServerName::IpAddress((*address).into())),
            Host::Name(name) => ServerName::try_from(name.clone()).map_err(|_| Trouble::Tls {
                host: name.clone(),
                why: "no certificate can be for such a name".to_owned(),
            }),
        }
    }
}

// === impl Dialer ===

impl<A: Addresses> Dialer<A> {
    /// Trusts the web's certificate authorities and `extra_roots`.
    pub(super) fn new(
        addresses: A,
        extra_roots: &[CertificateDer<'static>],
        reach: fn(IpAddr) -> Reach,
        step: Duration,
    ) -> Self {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        roots.add_parsable_certificates(extra_roots.iter().cloned());
        let provider = Arc::new(ring::default_provider());
        let mut config = ClientConfig::builder_with_details(provider, Arc::new(Clock::System))
            .with_safe_default_protocol_versions()
            .expect("ring serves TLS 1.2 and 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Dialer { addresses, connector: TlsConnector::from(Arc::new(config)), reach, step }
    }

    /// The addresses of a host that may be connected to: the public ones, and where a parent wrote
    /// the host (`may_be_household`), those of the household.
    pub(super) async fn addresses(
        &self,
        host: &Host,
        may_be_household: bool,
    ) -> Result<Vec<IpAddr>, Trouble> {
        let all = self.look_up(host).await?;
        let refused = |&address: &IpAddr| self.refused(host, address, may_be_household);
        let allowed: Vec<_> =
            all.iter().copied().filter(|address| refused(address).is_none()).collect();
        match all.iter().find_map(refused) {
            Some(trouble) if allowed.is_empty() => Err(trouble),
            _ => Ok(in_turn(&allowed)),
        }
    }

    /// The same rule for a host that a proxy connects to: it looks the name up itself and may take
    /// any address, so none may be of the household. Where we cannot look it up, it decides.
    pub(super) async fn judge_behind_proxy(
        &self,
        host: &Host,
        may_be_household: bool,
    ) -> Result<(), Trouble> {
        let Ok(all) = self.look_up(host).await else { return Ok(()) };
        let refused = |&address| self.refused(host, address, may_be_household);
        all.iter().find_map(refused).map_or(Ok(()), Err)
    }

    /// Connects to the first of the addresses that answers, and with TLS proves its name.
    pub(super) async fn open(
        &self,
        host: &Host,
        port: u16,
        addresses: &[IpAddr],
        is_tls: bool,
    ) -> Result<Box<dyn Stream>, Trouble> {
        let nowhere = "it has no address".to_owned();
        let mut trouble = Trouble::Unknown { host: host.shown(), why: nowhere };
        for &address in addresses {
            match self.open_one(host, SocketAddr::new(address, port), is_tls).await {
                Ok(stream) => return Ok(stream),
                Err(why) => trouble = why,
            }
        }
        Err(trouble)
    }

    async fn open_one(
        &self,
        host: &Host,
        address: SocketAddr,
        is_tls: bool,
    ) -> Result<Box<dyn Stream>, Trouble> {
        let stream = match timeout(self.step, TcpStream::connect(address)).await {
            Ok(connected) => connected.map_err(|error| Trouble::of_io(&host.shown(), &error))?,
            Err(_) => return Err(Trouble::Silent(host.shown())),
        };
        if is_tls { self.encrypt(host, stream).await } else { Ok(Box::new(stream)) }
    }

    /// TLS over a connection, to a server that proves to be `host`.
    pub(super) async fn encrypt(
        &self,
        host: &Host,
        stream: impl Stream + 'static,
    ) -> Result<Box<dyn Stream>, Trouble> {
        let name = host.server_name()?;
        match timeout(self.step, self.connector.connect(name, stream)).await {
            Ok(Ok(stream)) => Ok(Box::new(stream)),
            Ok(Err(error)) => Err(Trouble::of_handshake(&host.shown(), &error)),
            Err(_) => Err(Trouble::Silent(host.shown())),
        }
    }

    async fn look_up(&self, host: &Host) -> Result<Vec<IpAddr>, Trouble> {
        let name = match host {
            Host::Address(address) => return Ok(vec![*address]),
            // No upstream knows this machine (RFC 6761 §6.3).
            Host::Name(name) if name == "localhost" || name.ends_with(".localhost") => {
                return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
            }
            Host::Name(name) => name,
        };
        let unknown = |why| Trouble::Unknown { host: name.clone(), why };
        match timeout(self.step, self.addresses.of(name)).await {
            Ok(Ok(all)) if all.is_empty() => Err(unknown("it has no address".to_owned())),
            Ok(found) => found.map_err(unknown),
            Err(_) => Err(unknown("nobody told its address in time".to_owned())),
        }
    }

    fn refused(&self, host: &Host, address: IpAddr, may_be_household: bool) -> Option<Trouble> {
        let host = || host.shown();
        match (self.reach)(address) {
            Reach::Public => None,
            Reach::Household if may_be_household => None,
            Reach::Household => Some(Trouble::Household { host: host(), address }),
            Reach::Nobody => Some(Trouble::Nobody { host: host(), address }),
        }
    }
}

/// One of each family in turn, as they came: where one family leads nowhere, the other is next.
fn in_turn(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let is_first_v6 = addresses.first().is_some_and(IpAddr::is_ipv6);
    let of = |is_v6| addresses.iter().copied().filter(move |address| address.is_ipv6() == is_v6);
    let (mut first, mut second) = (of(is_first_v6), of(!is_first_v6));
    let pairs = std::iter::from_fn(|| match [first.next(), second.next()] {
        [None, None] => None,
        pair => Some(pair),
    });
    pairs.flatten().flatten().take(ADDRESSES_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn turn(addresses: &str, expected: &str) {
        let read = |text: &str| -> Vec<IpAddr> {
            text.split_whitespace().map(|address| address.parse().unwrap()).collect()
        };
        assert_eq!(in_turn(&read(addresses)), read(expected));
    }

    #[test]
    fn the_families_take_turns() {
        turn("1.0.0.1 1.0.0.2 2600::1 2600::2", "1.0.0.1 2600::1 1.0.0.2 2600::2");
        turn("2600::1 2600::2 1.0.0.1", "2600::1 1.0.0.1 2600::2");
        turn("1.0.0.1 1.0.0.2", "1.0.0.1 1.0.0.2");
        turn("", "");
        let many = "1.0.0.1 1.0.0.2 1.0.0.3 1.0.0.4 1.0.0.5 1.0.0.6";
        turn(&format!("{many} 1.0.0.7 1.0.0.8"), many);
    }

    #[track_caller]
    fn host(url: &str, expected: &str) {
        let host = Host::of(&url.parse().unwrap()).unwrap();
        assert_eq!(host.shown(), expected, "{url}");
    }

    #[test]
    fn an_address_is_seen_through_every_disguise() {
        host("https://Lists.Example./a", "lists.example");
        host("http://0x7f.1/", "127.0.0.1");
        host("http://2130706433/", "127.0.0.1");
        host("http://[::ffff:c0a8:101]/", "::ffff:192.168.1.1");
        host("http://127.0.0.1./", "127.0.0.1");
    }
}
