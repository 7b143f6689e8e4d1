//! Devices that ask encrypted: the program's own client, and octets by hand for what it never says.

use std::net::SocketAddr;
use std::sync::Arc;

use amparo::config::settings::{Scheme, Strategy, UpstreamUrl};
use amparo::control::Command;
use amparo::dns::upstream::{Ask, Settings, Upstreams};
use amparo::name::Name;
use hickory_proto::op::Message;
use hickory_proto::rr::RecordType;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::harness::{Amparo, within};

/// A certificate for a name and for all below it, with who vouches for it; all in PEM.
pub(super) struct Certificate {
    pub(super) chain: String,
    pub(super) key: String,
    pub(super) authority: String,
}

impl Certificate {
    pub(super) fn of(hostname: &str) -> Self {
        let authority_key = KeyPair::generate().expect("there are random numbers");
        let mut authority = CertificateParams::new(Vec::new()).expect("no name is wrong");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = authority.self_signed(&authority_key).expect("it signs itself");
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate().expect("there are random numbers");
        let names = vec![hostname.to_owned(), format!("*.{hostname}")];
        let leaf = CertificateParams::new(names).expect("these are names");
        let leaf = leaf.signed_by(&key, &issuer).expect("it signs others");
        Certificate { chain: leaf.pem(), key: key.serialize_pem(), authority: root.pem() }
    }

    fn root(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.authority.as_bytes()).expect("it is in PEM")
    }

    /// How a client shakes hands that trusts this authority alone.
    fn client(&self, protocol: &[u8]) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.root()).expect("it is an authority");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring serves TLS 1.2 and 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        config
    }
}

/// Where a way in listens, as `status` says.
pub(super) async fn place_of(amparo: &Amparo, word: &str) -> SocketAddr {
    let status = amparo.tell(&Command::Status).await.expect("it answers");
    let places = status["encrypted"].as_array().expect("it names them").clone();
    let of_word = |place: &serde_json::Value| {
        let (scheme, address) = place.as_str()?.split_once("://")?;
        (scheme == word).then(|| address.parse().expect("it is an address"))
    };
    places.iter().find_map(of_word).unwrap_or_else(|| panic!("{word} is not among {places:?}"))
}

/// Asks over one of the ways, as a device with an id or without.
pub(super) async fn ask(
    amparo: &Amparo,
    certificate: &Certificate,
    scheme: Scheme,
    id: Option<&str>,
    name: &str,
    kind: RecordType,
) -> Message {
    let word = match scheme {
        Scheme::Https => "https",
        Scheme::Quic => "quic",
        Scheme::H3 => "h3",
        Scheme::Udp | Scheme::Tcp | Scheme::Tls => "tls",
    };
    let below = id.map(|id| format!("{id}.")).unwrap_or_default();
    let url = UpstreamUrl {
        scheme,
        address: place_of(amparo, word).await,
        tls_name: Some(format!("{below}dns.example.org")),
        path: None,
    };
    let settings = Settings { extra_roots: vec![certificate.root()], ..Settings::default() };
    let clock = amparo.clock().clone();
    let client = Upstreams::with_settings(&[url], Strategy::InOrder, clock, &settings);
    let name = Name::parse(name).expect("the test writes a name");
    let asking = client.ask(Ask::of_our_own(&name, kind.into()));
    let octets = within(asking, "an answer").await;
    Message::from_vec(&octets.unwrap_or_else(|failure| panic!("{word}: {failure}")))
        .expect("it is a message")
}

/// Whether a name is answered as closed.
pub(super) async fn ask_as(
    amparo: &Amparo,
    certificate: &Certificate,
    scheme: Scheme,
    id: Option<&str>,
    name: &str,
) -> bool {
    let said = ask(amparo, certificate, scheme, id, name, RecordType::A).await;
    said.answers.iter().any(|record| record.data.to_string() == "0.0.0.0")
}

/// Runs a program to its end: what it printed.
pub(super) async fn served(program: &'static str, arguments: &[String]) -> String {
    let arguments = arguments.to_vec();
    let run = move || std::process::Command::new(program).args(arguments).output();
    let output = tokio::task::spawn_blocking(run).await.expect("it ends").expect("it is there");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// A message behind its length.
pub(super) fn framed(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).expect("it is short");
    [&length.to_be_bytes()[..], message].concat()
}

/// A connection of DNS over QUIC.
pub(super) async fn quic(amparo: &Amparo, certificate: &Certificate) -> quinn::Connection {
    let crypto = quinn::crypto::rustls::QuicClientConfig::try_from(certificate.client(b"doq"));
    let config = quinn::ClientConfig::new(Arc::new(crypto.expect("it speaks TLS 1.3")));
    let endpoint = quinn::Endpoint::client(([127, 0, 0, 1], 0).into()).expect("a port is free");
    let to = place_of(amparo, "quic").await;
    let connecting = endpoint.connect_with(config, to, "dns.example.org").expect("it is a name");
    within(connecting, "a handshake").await.expect("both agree")
}

/// A connection over TLS, by hand.
pub(super) struct Tls(TlsStream<TcpStream>);

/// What came back over HTTP/1.1.
pub(super) struct Said {
    pub(super) status: u16,
    head: String,
    pub(super) body: Vec<u8>,
}

impl Tls {
    pub(super) async fn to(
        amparo: &Amparo,
        certificate: &Certificate,
        word: &str,
        name: &str,
    ) -> Self {
        let stream = TcpStream::connect(place_of(amparo, word).await).await.expect("it listens");
        let protocol: &[u8] = if word == "tls" { b"dot" } else { b"http/1.1" };
        let connector = TlsConnector::from(Arc::new(certificate.client(protocol)));
        let name = ServerName::try_from(name.to_owned()).expect("it is a name");
        let shaking = connector.connect(name, stream);
        Tls(within(shaking, "a handshake").await.expect("both agree"))
    }

    pub(super) async fn send(&mut self, query: &[u8]) {
        self.0.write_all(&framed(query)).await.expect("it takes it");
    }

    pub(super) async fn receive(&mut self) -> Vec<u8> {
        let reading = async {
            let length = self.0.read_u16().await.expect("an answer");
            let mut reply = vec![0; usize::from(length)];
            self.0.read_exact(&mut reply).await.expect("all of it");
            reply
        };
        within(reading, "an answer").await
    }

    pub(super) async fn ask(&mut self, query: &[u8]) -> Vec<u8> {
        self.send(query).await;
        self.receive().await
    }

    /// A request without a body.
    pub(super) async fn request(&mut self, line: &str) -> Said {
        self.say(&format!("{line}\r\nhost: dns.example.org\r\n\r\n"), &[]).await
    }

    pub(super) async fn post(&mut self, path: &str, kind: &str, body: &[u8]) -> Said {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: dns.example.org\r\ncontent-type: {kind}\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        self.say(&head, body).await
    }

    async fn say(&mut self, head: &str, body: &[u8]) -> Said {
        let talking = async {
            // It may be refused before its last octet is out.
            let _ = self.0.write_all(&[head.as_bytes(), body].concat()).await;
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(self.0.read_u8().await.expect("a head"));
            }
            let head = String::from_utf8(head).expect("heads are text").to_ascii_lowercase();
            let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
            let mut said = Said { status: status.expect("a status"), head, body: Vec::new() };
            let length = said.header("content-length").and_then(|length| length.parse().ok());
            said.body = vec![0; length.expect("a length")];
            self.0.read_exact(&mut said.body).await.expect("a body");
            said
        };
        within(talking, "a response").await
    }
}

impl Said {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let line = self.head.lines().find(|line| line.starts_with(&format!("{name}:")))?;
        Some(line.split_once(':')?.1.trim())
    }

    pub(super) fn message(&self) -> Message {
        Message::from_vec(&self.body).expect("it is a message")
    }
}
