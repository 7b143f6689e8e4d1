//! Encrypted connections to upstreams: DNS over TLS (RFC 7858), and TLS for HTTPS and QUIC.
//!
//! Opens a stream whose other end has proved its name; what goes over it is `line.rs`'s business.
//! The strict profile only (RFC 8310 §5): without a valid certificate there is no connection and
//! no fall back to plain text.
//!
//! The streams are rustls' own and not hickory-net's exchange. Its multiplexer reads every answer
//! into typed records and drops the whole answer when one of them does not parse, so that a name
//! with one odd record would be a name without an answer; a test holds such answers. It also
//! writes every query anew from typed values and has no end for idle connections.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::line;
use super::trouble::Trouble;
use crate::clock::Clock;
use crate::config::settings::UpstreamUrl;

/// Opens connections to one upstream.
#[derive(Clone)]
pub(super) struct Tls {
    connector: TlsConnector,
    /// The certificate's name; why there is none is told when a connection is asked for.
    name: Result<ServerName<'static>, Trouble>,
}

impl Tls {
    /// Trusts these authorities. One per upstream: sessions are resumed with it.
    pub(super) fn new(
        url: &UpstreamUrl,
        roots: &Arc<RootCertStore>,
        clock: &Clock,
        alpn: Option<&[u8]>,
    ) -> Self {
        let config = Arc::new(config(roots, clock, alpn));
        Tls { connector: TlsConnector::from(config), name: name_of(url) }
    }

    /// Connects and checks the certificate.
    pub(super) async fn connect(
        &self,
        address: SocketAddr,
    ) -> Result<TlsStream<TcpStream>, Trouble> {
        let name = self.name.clone()?;
        let stream = line::connect(address).await?;
        self.connector.connect(name, stream).await.map_err(|error| Trouble::of_io(&error))
    }
}

/// Our side of TLS, with a memory of sessions of its own. `alpn`: what is to be spoken within.
pub(super) fn config(
    roots: &Arc<RootCertStore>,
    clock: &Clock,
    alpn: Option<&[u8]>,
) -> ClientConfig {
    let provider = Arc::new(ring::default_provider());
    let mut config = ClientConfig::builder_with_details(provider, Arc::new(clock.clone()))
        .with_safe_default_protocol_versions()
        .expect("ring serves TLS 1.2 and 1.3")
        .with_root_certificates(Arc::clone(roots))
        .with_no_client_auth();
    config.alpn_protocols = alpn.into_iter().map(<[u8]>::to_vec).collect();
    config
}

/// The name that an upstream's certificate must carry: what stands behind `#`, else its address.
pub(super) fn name_of(url: &UpstreamUrl) -> Result<ServerName<'static>, Trouble> {
    match &url.tls_name {
        Some(name) => ServerName::try_from(name.clone())
            .map_err(|_| Trouble::Tls(format!("`{name}` after `#` is no name of a host"))),
        None => Ok(ServerName::IpAddress(url.address.ip().into())),
    }
}
