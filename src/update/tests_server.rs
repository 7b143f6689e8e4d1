//! A hostile list server, and the small internet it stands in.
//!
//! All on loopback: `127.9.…` is this internet's public part ([`reach`]), `127.0.0.1` the
//! household. A server says what its script says, octet by octet, whatever it was asked.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::address::{self, Reach};
use super::connect::{Addresses, Dialer};
use super::fetch::{Came, Fetcher, Limits, Outcome, Trouble};
use super::proxy::Proxies;
use crate::config::Download;
use crate::house::fetched::{self, Meta};
use crate::lists::files;

/// The household's machine.
pub(super) const AT_HOME: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// A public server.
pub(super) const OUT_THERE: Ipv4Addr = Ipv4Addr::new(127, 9, 0, 1);
/// A public address nobody listens on.
pub(super) const DEAD: Ipv4Addr = Ipv4Addr::new(127, 9, 0, 99);

/// What is in force before a fetch.
pub(super) const BEFORE: &str = "before.example\n";

/// Limits that no test reaches but that on length; a test of another one shortens that alone, so
/// that a busy machine changes no outcome.
pub(super) const PATIENT: Limits = Limits {
    octets: 1024 * 1024,
    step: Duration::from_secs(60),
    answer: Duration::from_secs(60),
    slow_octets: 1000,
    slow_span: Duration::from_secs(60),
    whole: Duration::from_secs(60),
};
/// A limit that a test waits for.
pub(super) const SHORT: Duration = Duration::from_millis(200);

/// What a server does, one after the other; at the end it closes the connection in order.
#[derive(Debug, Clone)]
pub(super) enum Act {
    Say(Vec<u8>),
    /// Without end.
    Repeat(Vec<u8>),
    /// Octet by octet, with a pause after each.
    Drip(Vec<u8>, Duration),
    /// Keeps the connection open and is silent.
    Stall,
    /// Ends the connection without the end of TLS.
    Cut,
}

/// A server, and the heads of what it was asked.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

/// Who answers for which name.
#[derive(Clone, Default)]
pub(super) struct Names(Arc<Mutex<HashMap<String, Vec<IpAddr>>>>);

/// A household whose list is fetched.
pub(super) struct Household {
    pub(super) state: tempfile::TempDir,
    pub(super) names: Names,
    pub(super) limits: Limits,
    pub(super) proxies: Proxies,
    pub(super) roots: Vec<CertificateDer<'static>>,
    pub(super) is_written: bool,
    /// What is known of the copy in force.
    pub(super) known: Option<Meta>,
}

/// The tests' own internet: loopback is the household's, but for a part of it.
pub(super) fn reach(address: IpAddr) -> Reach {
    let is_out_there = matches!(address, IpAddr::V4(v4) if v4.octets()[..2] == [127, 9]);
    if is_out_there { Reach::Public } else { address::reach(address) }
}

pub(super) fn say(text: impl AsRef<[u8]>) -> Act {
    Act::Say(text.as_ref().to_vec())
}

/// An answer with a status line, headers and a body, and its length.
pub(super) fn answer(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Act {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    Act::Say([head.as_bytes(), body].concat())
}

/// A redirect.
pub(super) fn moved(to: &str) -> Act {
    answer("302 Found", &format!("Location: {to}\r\n"), "moved")
}

/// A server's side of TLS with a certificate for these names, and the authority that signed it.
pub(super) fn certified(names: &[&str]) -> (TlsAcceptor, CertificateDer<'static>) {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = authority.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(authority, authority_key);

    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let leaf = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), root.der().clone())
}

// === impl Server ===

impl Server {
    /// Does the same whatever it is asked.
    pub(super) async fn saying(acts: Vec<Act>) -> Self {
        Server::at(OUT_THERE, None, move |_| acts.clone()).await
    }

    /// Does what its script says of the head of a question.
    pub(super) async fn at(
        address: Ipv4Addr,
        tls: Option<TlsAcceptor>,
        script: impl Fn(&str) -> Vec<Act> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((address, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (seen, script) = (Arc::clone(&heads), Arc::new(script));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, seen, script) = (tls.clone(), Arc::clone(&seen), Arc::clone(&script));
                tokio::spawn(async move {
                    match tls {
                        None => act(stream, &seen, &*script).await,
                        Some(tls) => {
                            // Whoever does not trust us hangs up here.
                            if let Ok(stream) = tls.accept(stream).await {
                                act(stream, &seen, &*script).await;
                            }
                        }
                    }
                });
            }
        });
        Server { address, heads }
    }

    /// A proxy: makes tunnels to whatever listens on the port asked for, at `to`.
    pub(super) async fn tunnelling(to: Ipv4Addr) -> Self {
        let listener = TcpListener::bind((AT_HOME, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&heads);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let asked = head(&mut near).await;
                let authority = asked.split_whitespace().nth(1).unwrap_or_default();
                let port = authority.rsplit(':').next().unwrap().parse().unwrap();
                seen.lock().unwrap().push(asked);
                tokio::spawn(async move {
                    let mut far = TcpStream::connect((to, port)).await.unwrap();
                    near.write_all(b"HTTP/1.1 200 OK\r\nVia: us\r\n\r\n").await.unwrap();
                    let _ended = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                });
            }
        });
        Server { address, heads }
    }

    /// What it was asked, in the order it was.
    pub(super) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    /// An address of a list on it.
    pub(super) fn url(&self, scheme: &str, host: &str) -> String {
        format!("{scheme}://{host}:{}/list.txt", self.address.port())
    }
}

async fn act(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    seen: &Mutex<Vec<String>>,
    script: &(dyn Fn(&str) -> Vec<Act> + Send + Sync),
) {
    let head = head(&mut stream).await;
    let acts = script(&head);
    seen.lock().unwrap().push(head);
    for act in acts {
        // The other side may have had enough of it.
        let done = match act {
            Act::Say(octets) => stream.write_all(&octets).await,
            Act::Repeat(octets) => loop {
                if let Err(error) = stream.write_all(&octets).await {
                    break Err(error);
                }
            },
            Act::Drip(octets, pause) => drip(&mut stream, &octets, pause).await,
            Act::Stall => std::future::pending().await,
            Act::Cut => {
                let _ended = stream.flush().await;
                return;
            }
        };
        if done.is_err() {
            return;
        }
    }
    let _ended = stream.shutdown().await;
    // To close with questions unread would reset the connection and lose the answer.
    let _ended = stream.read(&mut [0; 64]).await;
}

async fn drip(
    stream: &mut (impl AsyncWrite + Unpin),
    octets: &[u8],
    pause: Duration,
) -> std::io::Result<()> {
    for octet in octets {
        stream.write_all(&[*octet]).await?;
        stream.flush().await?;
        tokio::time::sleep(pause).await;
    }
    Ok(())
}

async fn head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(octet) => head.push(octet),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

// === impl Names ===

impl Names {
    pub(super) fn add(&self, name: &str, addresses: &[Ipv4Addr]) {
        let addresses = addresses.iter().map(|&address| address.into()).collect();
        self.0.lock().unwrap().insert(name.to_owned(), addresses);
    }
}

impl Addresses for Names {
    async fn of(&self, host: &str) -> Result<Vec<IpAddr>, String> {
        let found = self.0.lock().unwrap().get(host).cloned();
        found.ok_or_else(|| "there is no such name".to_owned())
    }
}

// === impl Household ===

impl Household {
    /// With a good copy in force, and `lists.example` on the public server.
    pub(super) fn new() -> Self {
        let state = tempfile::tempdir().unwrap();
        let mut copy = fetched::temporary(&files::directory(state.path())).unwrap();
        std::io::Write::write_all(&mut copy, BEFORE.as_bytes()).unwrap();
        fetched::replace(state.path(), "big", copy, &Meta::default()).unwrap();
        let names = Names::default();
        names.add("lists.example", &[OUT_THERE]);
        names.add("nas.example", &[AT_HOME]);
        Household {
            state,
            names,
            limits: PATIENT,
            proxies: Proxies::all("", ""),
            roots: Vec::new(),
            is_written: false,
            known: None,
        }
    }

    /// Fetches, and says what came of it.
    pub(super) async fn fetch(self, url: &str) -> (Self, Result<Outcome, Trouble>) {
        let Household { state, names, limits, proxies, roots, is_written, known } = self;
        let dialer = Dialer::new(names.clone(), &roots, reach, limits.step);
        let fetcher = Fetcher::with(dialer, proxies, limits);
        let download = Download {
            list: "big".to_owned(),
            url: url.to_owned(),
            every: Duration::from_secs(86_400),
            is_written,
        };
        let directory = files::directory(state.path());
        let outcome = fetcher.fetch(&download, known.as_ref(), &directory, |_| {}).await;
        let proxies = Proxies::all("", "");
        (Household { state, names, limits, proxies, roots, is_written, known }, outcome)
    }

    /// Fetches what must come, and gives its octets.
    pub(super) async fn fetches(self, url: &str) -> (Came, Vec<u8>) {
        match self.fetch(url).await {
            (_state, Ok(Outcome::Came(came))) => {
                let octets = std::fs::read(came.file.path()).unwrap();
                assert_eq!(came.octets, octets.len() as u64);
                (came, octets)
            }
            (_, other) => panic!("{url}: {other:?}"),
        }
    }

    /// Fetches what must not come: gives the sentence, once it is sure that nothing else changed.
    pub(super) async fn fails(self, url: &str) -> String {
        let (household, outcome) = self.fetch(url).await;
        match outcome {
            Err(trouble) => {
                household.assert_untouched();
                trouble.to_string()
            }
            Ok(outcome) => panic!("{url}: {outcome:?}"),
        }
    }

    /// The copy in force is as it was, and nothing lies beside it.
    pub(super) fn assert_untouched(&self) {
        let state = self.state.path();
        let copy = fetched::whole_copy(state, "big").unwrap();
        assert_eq!(std::fs::read_to_string(copy.path).unwrap(), BEFORE);
        assert_eq!(files(&files::directory(state)), ["big.copy", "big.json"]);
    }
}

/// The files of a directory.
pub(super) fn files(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
