//! Encrypted connections to upstreams: DNS over TLS (RFC 7858).
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
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::trouble::Trouble;
use crate::clock::Clock;

/// Opens connections to one upstream.
#[derive(Clone)]
pub(super) struct Tls {
    connector: TlsConnector,
    /// The certificate's name; why there is none is told when a connection is asked for.
    name: Result<ServerName<'static>, Trouble>,
}

impl Tls {
    /// Trusts the web's certificate authorities and `extra_roots`. One per upstream: sessions are
    /// resumed with it.
    pub(super) fn new(
        address: SocketAddr,
        tls_name: Option<&str>,
        extra_roots: &[CertificateDer<'static>],
        clock: &Clock,
    ) -> Self {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        roots.add_parsable_certificates(extra_roots.iter().cloned());
        let provider = Arc::new(ring::default_provider());
        let time = Arc::new(clock.clone());
        let config = ClientConfig::builder_with_details(provider, time)
            .with_safe_default_protocol_versions()
            .expect("ring serves TLS 1.2 and 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = match tls_name {
            Some(name) => ServerName::try_from(name.to_owned())
                .map_err(|_| Trouble::Tls(format!("`{name}` after `#` is no name of a host"))),
            None => Ok(ServerName::IpAddress(address.ip().into())),
        };
        Tls { connector: TlsConnector::from(Arc::new(config)), name }
    }

    /// Connects and checks the certificate, within `span` altogether.
    pub(super) async fn connect(
        &self,
        address: SocketAddr,
        span: Duration,
    ) -> Result<TlsStream<TcpStream>, Trouble> {
        let name = self.name.clone()?;
        let connecting = async {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            self.connector.connect(name, stream).await
        };
        match tokio::time::timeout(span, connecting).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(Trouble::of_io(&error)),
            Err(_) => Err(Trouble::Silent),
        }
    }
}
