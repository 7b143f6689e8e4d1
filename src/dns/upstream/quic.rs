//! QUIC connections to upstreams, and DNS over QUIC itself (RFC 9250).
//!
//! Each connection has a socket of its own, connected, so that the kernel drops what comes from
//! elsewhere and says at once where there is no way to an address. (That nobody listens there it says
//! too, and quinn passes over it, as anybody could have sent that: such a server is silent.) Sessions
//! are resumed, but nothing is sent before the server has answered: early data can be sent again by
//! whoever recorded it (RFC 9250 §9.2). Start at [`Quic::connect`].

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use quinn::crypto::rustls::QuicClientConfig;
use quinn::{
    ClientConfig, Connection, ConnectionError, Endpoint, EndpointConfig, ReadError, ReadExactError,
    TokioRuntime, TransportConfig, TransportErrorCode, WriteError,
};
use rustls::{AlertDescription, CertificateError, RootCertStore};

use super::streams::{MESSAGE_OCTETS_MAX, Streams};
use super::tls;
use super::trouble::Trouble;
use crate::clock::Clock;
use crate::config::settings::UpstreamUrl;

/// What a server may send on one stream before we have read it: one answer and its head.
const STREAM_OCTETS: u32 = 128 * 1024;

/// The same for a whole connection: some answers at once.
const CONNECTION_OCTETS: u32 = 1024 * 1024;

/// Opens connections to one upstream.
pub(super) struct Quic {
    config: ClientConfig,
    /// The certificate's name; why there is none is told when a connection is asked for.
    name: Result<String, Trouble>,
}

/// DNS over QUIC over one connection.
#[derive(Clone)]
pub(super) struct Doq(pub(super) Connection);

// === impl Quic ===

impl Quic {
    /// Trusts these authorities. One per upstream: sessions are resumed with it. A server may open
    /// so many streams of its own, which only HTTP/3 needs.
    pub(super) fn new(
        url: &UpstreamUrl,
        roots: &Arc<RootCertStore>,
        clock: &Clock,
        alpn: &[u8],
        their_streams_max: u32,
    ) -> Self {
        let tls = tls::config(roots, clock, Some(alpn));
        let tls = QuicClientConfig::try_from(tls).expect("ring serves TLS 1.3 as QUIC wants it");
        let mut transport = TransportConfig::default();
        transport
            .max_concurrent_bidi_streams(0_u32.into())
            .max_concurrent_uni_streams(their_streams_max.into())
            .datagram_receive_buffer_size(None)
            .stream_receive_window(STREAM_OCTETS.into())
            .receive_window(CONNECTION_OCTETS.into());
        let mut config = ClientConfig::new(Arc::new(tls));
        config.transport_config(Arc::new(transport));
        let name = tls::name_of(url).map(|name| name.to_str().into_owned());
        Quic { config, name }
    }

    /// Connects and checks the certificate. Boxed by its caller: it is large.
    pub(super) async fn connect(&self, address: SocketAddr) -> Result<Connection, Trouble> {
        let name = self.name.clone()?;
        let socket = socket_to(address).map_err(|error| Trouble::of_io(&error))?;
        let runtime = Arc::new(TokioRuntime);
        let endpoint = Endpoint::new(EndpointConfig::default(), None, socket, runtime)
            .map_err(|error| Trouble::of_io(&error))?;
        // The endpoint lives as long as its connection, whoever holds it.
        let connecting = endpoint
            .connect_with(self.config.clone(), address, &name)
            .map_err(|_| Trouble::Odd("its address cannot be asked over QUIC"))?;
        connecting.await.map_err(|error| trouble_of(&error))
    }
}

fn socket_to(address: SocketAddr) -> std::io::Result<UdpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?,
        SocketAddr::V6(_) => UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))?,
    };
    socket.connect(address)?;
    Ok(socket)
}

/// What the failure of a connection means.
pub(super) fn trouble_of(error: &ConnectionError) -> Trouble {
    match error {
        ConnectionError::TimedOut => Trouble::Silent,
        ConnectionError::TransportError(error) => of_alert(error.code, &error.reason),
        ConnectionError::ConnectionClosed(close) => of_alert(close.error_code, ""),
        ConnectionError::VersionMismatch => Trouble::Tls("it speaks another QUIC".to_owned()),
        ConnectionError::ApplicationClosed(_)
        | ConnectionError::Reset
        | ConnectionError::LocallyClosed
        | ConnectionError::CidsExhausted => Trouble::Broken,
    }
}

/// QUIC carries why TLS failed as the number of an alert above 256 (RFC 9001 §4.8).
fn of_alert(code: TransportErrorCode, reason: &str) -> Trouble {
    let alert = u64::from(code).checked_sub(0x100).and_then(|alert| u8::try_from(alert).ok());
    let Some(alert) = alert.map(AlertDescription::from) else { return Trouble::Broken };
    #[expect(clippy::wildcard_enum_match_arm, reason = "there are many, and may be more")]
    let certificate = match alert {
        AlertDescription::BadCertificate => CertificateError::NotValidForName,
        AlertDescription::CertificateExpired if reason.contains("not valid yet") => {
            CertificateError::NotValidYet
        }
        AlertDescription::CertificateExpired => CertificateError::Expired,
        AlertDescription::UnknownCA | AlertDescription::DecryptError => {
            CertificateError::UnknownIssuer
        }
        AlertDescription::NoApplicationProtocol => {
            return Trouble::of_tls(&rustls::Error::AlertReceived(alert));
        }
        _ => return Trouble::Tls(format!("{alert:?}")),
    };
    Trouble::of_tls(&rustls::Error::InvalidCertificate(certificate))
}

// === impl Doq ===

impl Streams for Doq {
    async fn ask(self, message: Vec<u8>) -> Result<Vec<u8>, Trouble> {
        const CUT: Trouble = Trouble::Odd("it sent a part of an answer");
        let (mut sending, mut receiving) = self.0.open_bi().await.map_err(|_| Trouble::Broken)?;
        // Each message stands behind its length (RFC 9250 §4.2).
        let length = u16::try_from(message.len()).unwrap_or(0).to_be_bytes();
        let whole = [&length, &*message].concat();
        sending.write_all(&whole).await.map_err(|error| match error {
            WriteError::ConnectionLost(_) => Trouble::Broken,
            WriteError::Stopped(_) | WriteError::ClosedStream | WriteError::ZeroRttRejected => {
                Trouble::Reset
            }
        })?;
        // Fails only where the server has had enough already; then it may have answered.
        let _had_enough = sending.finish();
        let of_read = |error| match error {
            ReadExactError::FinishedEarly(_) => CUT,
            ReadExactError::ReadError(ReadError::ConnectionLost(_)) => Trouble::Broken,
            ReadExactError::ReadError(_) => Trouble::Reset,
        };
        let mut length = [0; 2];
        receiving.read_exact(&mut length).await.map_err(of_read)?;
        let mut answer = vec![0; usize::from(u16::from_be_bytes(length)).min(MESSAGE_OCTETS_MAX)];
        receiving.read_exact(&mut answer).await.map_err(of_read)?;
        Ok(answer)
    }

    fn close(self) {
        // DOQ_NO_ERROR (RFC 9250 §4.3).
        self.0.close(0_u32.into(), b"");
    }
}
