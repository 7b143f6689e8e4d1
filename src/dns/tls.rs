//! Who we say we are to whoever asks encrypted: certificate, key and name.
//!
//! The handshake takes the certificate that is there when it begins, so a newer one needs no restart.
//! A device may ask for `ID.hostname` instead of `hostname`: that is how it says which one it is.
//! Start at [`Identity`].

use std::io;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::clients::ClientId;
use crate::clock::Clock;
use crate::name::Name;

/// What is spoken behind a handshake (ALPN).
pub mod alpn {
    /// DNS over TLS (RFC 7858 §3.1, by the IANA registry).
    pub const DOT: &[u8] = b"dot";
    /// DNS over QUIC (RFC 9250 §4.1.1).
    pub const DOQ: &[u8] = b"doq";
    /// HTTP/2 (RFC 9113 §3.1).
    pub const H2: &[u8] = b"h2";
    /// HTTP/1.1 (RFC 7301 §6).
    pub const HTTP_1_1: &[u8] = b"http/1.1";
    /// HTTP/3 (RFC 9114 §3.1).
    pub const H3: &[u8] = b"h3";
}

/// Who we say we are.
#[derive(Debug, Default)]
pub struct Identity {
    certified: ArcSwapOption<CertifiedKey>,
    hostname: ArcSwapOption<Name>,
}

/// A certificate or a key that cannot be taken: the end of a sentence about its file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// The chain.
    #[error("holds no certificate in PEM")]
    Certificate,
    /// The key.
    #[error("holds no private key in PEM")]
    Key,
    /// Both, together.
    #[error("does not fit: {0}")]
    Pair(String),
}

/// Shakes hands over TCP.
#[derive(Clone)]
pub struct Acceptor {
    acceptor: TlsAcceptor,
    identity: Arc<Identity>,
}

// === impl Identity ===

impl Identity {
    /// Reads a certificate with those that vouch for it, and its key, and shows it from now on. What
    /// cannot be taken leaves what was shown before.
    pub fn show(&self, chain: &[u8], key: &[u8], hostname: Option<Name>) -> Result<(), Unusable> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(|_| Unusable::Certificate)?;
        if chain.is_empty() {
            return Err(Unusable::Certificate);
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| Unusable::Key)?;
        let certified = CertifiedKey::from_der(chain, key, &ring::default_provider());
        let certified = certified.map_err(|error| Unusable::Pair(error.to_string()))?;
        self.certified.store(Some(Arc::new(certified)));
        self.hostname.store(hostname.map(Arc::new));
        Ok(())
    }

    /// Whether there is something to show.
    #[must_use]
    pub fn is_shown(&self) -> bool {
        self.certified.load().is_some()
    }

    /// The name devices are told to ask for, where there is something to show.
    #[must_use]
    pub fn hostname(&self) -> Option<Name> {
        self.hostname.load().as_deref().copied().filter(|_| self.is_shown())
    }

    /// The device that a connection is of which asked for this name.
    #[must_use]
    pub fn id_of(&self, asked_for: Option<&str>) -> Option<ClientId> {
        let asked_for = asked_for?.trim_end_matches('.').to_ascii_lowercase();
        let hostname = self.hostname.load_full()?.to_string();
        let id = asked_for.strip_suffix(hostname.as_str())?.strip_suffix('.')?;
        ClientId::new(id)
    }

    /// How hands are shaken for these protocols.
    fn config(
        self: &Arc<Self>,
        protocols: &[&[u8]],
        versions: &[&'static SupportedProtocolVersion],
        clock: &Clock,
    ) -> ServerConfig {
        let (provider, time) = (Arc::new(ring::default_provider()), Arc::new(clock.clone()));
        let resolver = Arc::clone(self) as Arc<dyn ResolvesServerCert>;
        let mut config = ServerConfig::builder_with_details(provider, time)
            .with_protocol_versions(versions)
            .expect("ring serves TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        // A device comes again and again, and shakes hands in full once: the ticket holds all of it,
        // so nothing is kept here. Where the system has no random numbers it does so each time.
        if let Ok(ticketer) = ring::Ticketer::new() {
            config.ticketer = ticketer;
        }
        config.send_tls13_tickets = 1;
        config
    }

    /// Shakes hands over TCP for one of these protocols.
    #[must_use]
    pub fn acceptor(self: &Arc<Self>, protocols: &[&[u8]], clock: &Clock) -> Acceptor {
        let config = self.config(protocols, &[&TLS13, &TLS12], clock);
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Acceptor { acceptor, identity: Arc::clone(self) }
    }

    /// How hands are shaken over QUIC for one of these protocols.
    #[must_use]
    pub fn over_quic(self: &Arc<Self>, protocols: &[&[u8]], clock: &Clock) -> ServerConfig {
        self.config(protocols, &[&TLS13], clock)
    }
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.certified.load_full()
    }
}

// === impl Acceptor ===

impl Acceptor {
    /// Shakes hands, and says which device it is that the other end says to be.
    pub(super) async fn accept(
        &self,
        stream: TcpStream,
    ) -> io::Result<(TlsStream<TcpStream>, Option<ClientId>)> {
        let stream = self.acceptor.accept(stream).await?;
        let id = self.identity.id_of(stream.get_ref().1.server_name());
        Ok((stream, id))
    }
}

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Acceptor").finish_non_exhaustive()
    }
}
