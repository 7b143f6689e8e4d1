//! Settings that are not rules: listening, upstreams, cache, journal.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use rustls::pki_types::CertificateDer;

use crate::name::Name;

/// `[calendar.ID]` whose days are in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarFile {
    /// The calendar's id.
    pub id: String,
    /// The file, in iCalendar form.
    pub path: PathBuf,
}

/// `[dns]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsSettings {
    /// Where to listen, UDP and TCP. None: port 53 everywhere, else 5353 on loopback.
    pub listen: Option<Vec<SocketAddr>>,
    /// Who is asked for adults.
    pub upstreams: Vec<UpstreamUrl>,
    /// Who is asked for children and unknown devices.
    pub child_upstreams: Vec<UpstreamUrl>,
    /// Certificate authorities of the household's own, which may sign for upstreams.
    pub upstream_ca: Vec<CertificateDer<'static>>,
    /// How one of several is chosen.
    pub strategy: Strategy,
    /// Zones that are asked elsewhere: names at and below each.
    pub forward: Vec<(Name, Vec<UpstreamUrl>)>,
    /// With which keys signatures are checked here (DNSSEC); none: they are not.
    pub validation: Option<Anchors>,
    /// The cache's bound.
    pub cache_mib: u32,
    /// Whether expired answers serve when upstreams fail (RFC 8767).
    pub serve_stale: bool,
    /// How a closed name is answered.
    pub blocked_answer: BlockedAnswer,
    /// The TTL of that answer, in seconds.
    pub blocked_ttl_seconds: u32,
    /// Whose questions are taken: address and fixed bits; others are refused.
    pub allow_from: Vec<(IpAddr, u8)>,
    /// Whether those of this machine's own networks are taken too: unless `allow_from` is written.
    pub own_networks: bool,
    /// Resolvers that ask for others, and are believed when they say for which device: address and
    /// fixed bits.
    pub trusted_forwarders: Vec<(IpAddr, u8)>,
    /// Queries a second that one client may ask; 0: as many as it likes.
    pub rate_limit: u32,
    /// Names that may lead to addresses of the house, with all below them.
    pub rebind_allow: Vec<Name>,
    /// Where encrypted questions come in; none: nowhere.
    pub encrypted: Option<Box<EncryptedSettings>>,
    /// Files and folders in which DHCP servers keep their leases; empty: the usual places.
    pub leases: Vec<PathBuf>,
}

/// `[dns.encrypted]`: where encrypted questions come in, at least one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptedSettings {
    /// The file of the certificate and of those that vouch for it, in PEM.
    pub certificate: PathBuf,
    /// The file of its key, in PEM.
    pub private_key: PathBuf,
    /// The name in the certificate, in lower case: what devices are told to ask for.
    pub hostname: Option<Name>,
    /// Where DNS over TLS listens (RFC 7858).
    pub tls: Vec<SocketAddr>,
    /// Where DNS over HTTPS listens (RFC 8484), over TCP and QUIC.
    pub https: Vec<SocketAddr>,
    /// Where DNS over QUIC listens (RFC 9250).
    pub quic: Vec<SocketAddr>,
}

/// The keys at which every chain of signatures must end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Anchors {
    /// Those of the root, as IANA publishes them.
    Iana,
    /// Others.
    Own(Vec<Anchor>),
}

/// One such key: a DNSKEY record (RFC 4034 §2.1) that is known beforehand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// The zone it is of.
    pub zone: Name,
    /// Its algorithm, any number.
    pub algorithm: u8,
    /// The key itself.
    pub key: Vec<u8>,
}

impl EncryptedSettings {
    /// The usual port of DNS over TLS and over QUIC (RFC 7858 §3.1, RFC 9250 §4.1.1).
    pub const PORT_TLS: u16 = 853;
    /// The usual port of HTTPS.
    pub const PORT_HTTPS: u16 = 443;
}

/// One upstream resolver, as `tls://9.9.9.9#dns.quad9.net`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UpstreamUrl {
    /// How it is spoken to.
    pub scheme: Scheme,
    /// Its address, so that starting never needs DNS.
    pub address: SocketAddr,
    /// Where encrypted: the name its certificate must carry; none: its address.
    pub tls_name: Option<String>,
    /// For HTTPS and HTTP/3: the path that is asked, where it is not [`UpstreamUrl::USUAL_PATH`].
    pub path: Option<String>,
}

impl UpstreamUrl {
    /// The path of DNS over HTTPS wherever none is written (RFC 8484 §4.1.1 uses it).
    pub const USUAL_PATH: &'static str = "/dns-query";

    /// The path that is asked over HTTP.
    #[must_use]
    pub fn path(&self) -> &str {
        self.path.as_deref().unwrap_or(Self::USUAL_PATH)
    }
}

/// How an upstream is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain, over UDP, with TCP when an answer is cut.
    Udp,
    /// Plain, over TCP.
    Tcp,
    /// DNS over TLS (RFC 7858).
    Tls,
    /// DNS over HTTPS (RFC 8484), in HTTP/2.
    Https,
    /// DNS over QUIC (RFC 9250).
    Quic,
    /// DNS over HTTPS, in HTTP/3.
    H3,
}

impl Scheme {
    /// Every scheme.
    pub const ALL: [Scheme; 6] =
        [Scheme::Udp, Scheme::Tcp, Scheme::Tls, Scheme::Https, Scheme::Quic, Scheme::H3];

    /// How it is written.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Scheme::Udp => "udp",
            Scheme::Tcp => "tcp",
            Scheme::Tls => "tls",
            Scheme::Https => "https",
            Scheme::Quic => "quic",
            Scheme::H3 => "h3",
        }
    }

    /// The port where none is written (RFC 1035 §4.2, RFC 7858 §3.1, RFC 8484, RFC 9250 §4.1.1).
    #[must_use]
    pub fn port(self) -> u16 {
        match self {
            Scheme::Udp | Scheme::Tcp => 53,
            Scheme::Tls | Scheme::Quic => 853,
            Scheme::Https | Scheme::H3 => 443,
        }
    }

    /// Whether nobody on the way can read or change what is said.
    #[must_use]
    pub fn is_encrypted(self) -> bool {
        !matches!(self, Scheme::Udp | Scheme::Tcp)
    }

    /// Whether it asks a path of a web server.
    #[must_use]
    pub fn has_path(self) -> bool {
        matches!(self, Scheme::Https | Scheme::H3)
    }
}

/// How one of several upstreams is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// The one that answered fastest of late.
    #[default]
    Fastest,
    /// Two at once, the first good answer counts.
    Parallel,
    /// The first that works.
    InOrder,
}

/// How a closed name is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BlockedAnswer {
    /// `0.0.0.0` and `::`; every other type has no data.
    #[default]
    ZeroIp,
    /// The name does not exist, for every type.
    NxDomain,
    /// One address; the other family and every other type have no data.
    Address(IpAddr),
}

/// `[journal]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalSettings {
    /// How long rows are kept, in days.
    pub keep_days: u32,
    /// How much is kept, in MiB.
    pub keep_mib: u32,
    /// How often rows are written.
    pub flush: Duration,
}

/// `[enforce]`: who is told the addresses of what just closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnforceSettings {
    /// A program with its arguments, never empty; no shell reads them.
    pub command: Option<Vec<String>>,
    /// A pair of nftables sets.
    pub nftables_set: Option<NftablesSet>,
}

/// A set of nftables' `inet` family for addresses of IPv4; with a `6` behind its name, the one for
/// those of IPv6.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NftablesSet {
    /// The table it is in.
    pub table: String,
    /// Its name.
    pub set: String,
}

/// A list that is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// The list's id, as in [`crate::lists::Source`].
    pub list: String,
    /// From where: `https://…` or `http://…`, the part of an archive behind a `#`.
    pub url: String,
    /// How often it is asked whether there is a newer one.
    pub every: std::time::Duration,
    /// Whether a parent wrote the address; then its host may have a private address.
    pub is_written: bool,
}

impl Download {
    /// The host of its address.
    #[must_use]
    pub fn host(&self) -> &str {
        let rest = self.url.split_once("://").map_or(&*self.url, |(_, rest)| rest);
        rest.split(['/', ':', '?', '#']).next().unwrap_or_default()
    }

    /// The part of an archive that is meant: what stands behind the `#`.
    #[must_use]
    pub fn part(&self) -> Option<&str> {
        self.url.split_once('#').map(|(_, part)| part).filter(|part| !part.is_empty())
    }
}
