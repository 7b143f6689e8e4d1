//! Upstreams that tests make up: on loopback, on ports of their own, saying what they are told.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use super::{Ask, Failure, Pace, Settings, Upstreams};
use crate::clock::Clock;
use crate::config::settings::{Scheme, Strategy, UpstreamUrl};
use crate::name::Name;

/// What a good server says.
pub(super) const GOOD: [u8; 4] = [192, 0, 2, 7];
/// What a forger says.
pub(super) const FORGED: [u8; 4] = [198, 51, 100, 102];

pub(super) const TYPE_A: u16 = 1;

/// Datagrams to send back for a query that came as the n-th.
pub(super) type Script = dyn Fn(&[u8], usize) -> Vec<Vec<u8>> + Send + Sync;

/// A query, and where it came from.
pub(super) type Seen = (SocketAddr, Vec<u8>);

/// A fake server and what it saw.
pub(super) struct Fake {
    pub(super) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<Mutex<usize>>,
    /// One permit for each answer over UDP.
    gate: Arc<Semaphore>,
}

impl Fake {
    /// Speaks UDP.
    pub(super) async fn udp(
        script: impl Fn(&[u8], usize) -> Vec<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        let (socket, fake) = Self::bind().await;
        fake.serve_udp(socket, Arc::new(script));
        fake
    }

    /// Speaks UDP, once it is let.
    pub(super) async fn udp_held(
        script: impl Fn(&[u8], usize) -> Vec<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        let (socket, mut fake) = Self::bind().await;
        fake.gate = Arc::new(Semaphore::new(0));
        fake.serve_udp(socket, Arc::new(script));
        fake
    }

    /// Lets it speak.
    pub(super) fn release(&self) {
        self.gate.close();
    }

    /// Speaks UDP by one script and TCP by another, on one port.
    pub(super) async fn udp_and_tcp(
        udp: impl Fn(&[u8], usize) -> Vec<Vec<u8>> + Send + Sync + 'static,
        tcp: impl Fn(&[u8], usize) -> Vec<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        let (socket, fake) = Self::bind().await;
        let listener = TcpListener::bind(fake.address).await.unwrap();
        fake.serve_udp(socket, Arc::new(udp));
        fake.serve_tcp(listener, None, usize::MAX, Arc::new(tcp));
        fake
    }

    /// Speaks TCP, or TLS; hangs up after so many messages of a connection.
    pub(super) async fn stream(
        tls: Option<TlsAcceptor>,
        messages_max: usize,
        script: impl Fn(&[u8], usize) -> Vec<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let fake = Self::at(listener.local_addr().unwrap());
        fake.serve_tcp(listener, tls, messages_max, Arc::new(script));
        fake
    }

    async fn bind() -> (UdpSocket, Self) {
        // Each has an address of its own within loopback's network, so that its port is free for
        // TCP as well, and nobody else's TCP is found there.
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let [high, low] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let socket = UdpSocket::bind((Ipv4Addr::new(127, 88, high, low), 0)).await.unwrap();
        let fake = Self::at(socket.local_addr().unwrap());
        (socket, fake)
    }

    fn at(address: SocketAddr) -> Self {
        Fake {
            address,
            seen: Arc::default(),
            connections: Arc::default(),
            gate: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
        }
    }

    /// Every query, with where it came from.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(super) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }

    fn serve_udp(&self, socket: UdpSocket, script: Arc<Script>) {
        let (seen, gate) = (Arc::clone(&self.seen), Arc::clone(&self.gate));
        tokio::spawn(async move {
            let mut buffer = [0; 4096];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let query = buffer[..length].to_vec();
                let nth = note(&seen, from, &query);
                // Closed means open to all: there is nothing to count any more.
                let _permit = gate.acquire().await;
                for reply in script(&query, nth) {
                    let _refused = socket.send_to(&reply, from).await;
                }
            }
        });
    }

    fn serve_tcp(
        &self,
        listener: TcpListener,
        tls: Option<TlsAcceptor>,
        messages_max: usize,
        script: Arc<Script>,
    ) {
        let (seen, connections) = (Arc::clone(&self.seen), Arc::clone(&self.connections));
        tokio::spawn(async move {
            while let Ok((stream, from)) = listener.accept().await {
                *connections.lock().unwrap() += 1;
                let (seen, script, tls) = (Arc::clone(&seen), Arc::clone(&script), tls.clone());
                tokio::spawn(async move {
                    if let Some(tls) = tls {
                        if let Ok(stream) = tls.accept(stream).await {
                            talk(stream, from, &seen, messages_max, &*script).await;
                        }
                    } else {
                        talk(stream, from, &seen, messages_max, &*script).await;
                    }
                });
            }
        });
    }
}

fn note(seen: &Mutex<Vec<Seen>>, from: SocketAddr, query: &[u8]) -> usize {
    let mut seen = seen.lock().unwrap();
    seen.push((from, query.to_vec()));
    seen.len() - 1
}

async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    from: SocketAddr,
    seen: &Mutex<Vec<Seen>>,
    messages_max: usize,
    script: &Script,
) {
    for _ in 0..messages_max {
        let Ok(length) = stream.read_u16().await else { return };
        let mut query = vec![0; usize::from(length)];
        if stream.read_exact(&mut query).await.is_err() {
            return;
        }
        let nth = note(seen, from, &query);
        for reply in script(&query, nth) {
            let mut message = u16::try_from(reply.len()).unwrap().to_be_bytes().to_vec();
            message.extend_from_slice(&reply);
            if stream.write_all(&message).await.is_err() || stream.flush().await.is_err() {
                return;
            }
        }
    }
    let _gone = stream.shutdown().await;
}

// === TLS ===

/// A server's configuration with a certificate for these names, and the authority that signed it.
/// `alpn`: what it speaks within.
pub(super) fn server_config(
    names: &[&str],
    alpn: Option<&[u8]>,
) -> (ServerConfig, CertificateDer<'static>) {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = authority.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(authority, authority_key);

    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let leaf = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    config.alpn_protocols = alpn.into_iter().map(<[u8]>::to_vec).collect();
    (config, root.der().clone())
}

// === Messages ===

/// Where the question of a query ends.
pub(super) fn question_end(query: &[u8]) -> usize {
    let mut at = 12;
    while query[at] != 0 {
        at += 1 + usize::from(query[at]);
    }
    at + 5
}

/// A response to `query` without records, with this response code.
pub(super) fn empty(query: &[u8], rcode: u8) -> Vec<u8> {
    let mut reply = query[..question_end(query)].to_vec();
    reply[2] = 0x81;
    reply[3] = 0x80 | rcode;
    reply[6..12].fill(0);
    reply
}

/// A response with one record of this type and data, its name a pointer to the question.
pub(super) fn record(query: &[u8], rtype: u16, data: &[u8]) -> Vec<u8> {
    let mut reply = empty(query, 0);
    reply[7] = 1;
    reply.extend_from_slice(&[0xc0, 12]);
    reply.extend_from_slice(&rtype.to_be_bytes());
    reply.extend_from_slice(&[0, 1, 0, 0, 1, 44]);
    reply.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
    reply.extend_from_slice(data);
    reply
}

/// The right answer.
pub(super) fn good(query: &[u8]) -> Vec<u8> {
    record(query, TYPE_A, &GOOD)
}

/// A server that always knows.
pub(super) fn honest(query: &[u8], _nth: usize) -> Vec<Vec<u8>> {
    vec![good(query)]
}

/// An address where nothing listens: the port of `discard`, somewhere in loopback's network.
pub(super) fn nobody() -> SocketAddr {
    SocketAddr::from(([127, 77, 0, 1], 9))
}

/// A server that hears and says nothing.
pub(super) fn silent(_query: &[u8], _nth: usize) -> Vec<Vec<u8>> {
    Vec::new()
}

/// The last four octets: the address of a response by [`record`].
pub(super) fn address_in(answer: &[u8]) -> [u8; 4] {
    *answer.last_chunk().unwrap()
}

// === Asking ===

pub(super) fn url(scheme: Scheme, address: SocketAddr, tls_name: Option<&str>) -> UpstreamUrl {
    UpstreamUrl { scheme, address, tls_name: tls_name.map(str::to_owned), path: None }
}

/// Waits short enough for tests of silence, long enough for a busy machine.
pub(super) fn hurried() -> Pace {
    Pace {
        wait_min: Duration::from_millis(150),
        try_wait: Duration::from_millis(150),
        total: Duration::from_secs(4),
        tcp_retry: Duration::from_millis(400),
        silence: Duration::from_millis(300),
        ..Pace::default()
    }
}

pub(super) fn group(urls: &[UpstreamUrl], strategy: Strategy) -> Arc<Upstreams> {
    let settings = Settings { pace: hurried(), ..Settings::default() };
    Upstreams::with_settings(urls, strategy, Clock::System, &settings)
}

/// Where nothing is lost and packets are counted: waits that no busy machine reaches.
pub(super) fn calm(urls: &[UpstreamUrl], strategy: Strategy) -> Arc<Upstreams> {
    let long = Duration::from_secs(60);
    let pace = Pace { wait_min: long, try_wait: long, total: long, ..Pace::default() };
    let settings = Settings { pace, ..Settings::default() };
    Upstreams::with_settings(urls, strategy, Clock::System, &settings)
}

pub(super) fn trusting(urls: &[UpstreamUrl], root: CertificateDer<'static>) -> Arc<Upstreams> {
    trusting_at(urls, root, Pace::default())
}

pub(super) fn trusting_at(
    urls: &[UpstreamUrl],
    root: CertificateDer<'static>,
    pace: Pace,
) -> Arc<Upstreams> {
    let settings = Settings { extra_roots: vec![root], pace, ..Settings::default() };
    Upstreams::with_settings(urls, Strategy::InOrder, Clock::System, &settings)
}

/// Asks for a name and type, in the case it is written in.
pub(super) async fn ask_type(
    upstreams: &Upstreams,
    text: &str,
    qtype: u16,
) -> Result<Arc<[u8]>, Failure> {
    let name = Name::parse(text).unwrap();
    let mut as_asked = Vec::new();
    for label in text.split('.') {
        as_asked.push(u8::try_from(label.len()).unwrap());
        as_asked.extend_from_slice(label.as_bytes());
    }
    as_asked.push(0);
    let ask = Ask {
        name: &name,
        name_as_asked: &as_asked,
        qtype,
        qclass: 1,
        dnssec_ok: false,
        checking_disabled: false,
        authentic_data: false,
    };
    upstreams.ask(ask).await
}

pub(super) async fn ask(upstreams: &Upstreams, text: &str) -> Result<Arc<[u8]>, Failure> {
    ask_type(upstreams, text, TYPE_A).await
}
