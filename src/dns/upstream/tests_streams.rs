//! Fakes of the transports that have a stream for each question, and what is true of all of them:
//! HTTP/2, HTTP/3 and DNS over QUIC.

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Buf as _, Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::tests_fakes::*;
use super::{FailureKind, Pace, Upstreams};
use crate::config::settings::{Scheme, UpstreamUrl};

/// The name in the certificates.
const NAME: &str = "dns.example";

/// What a fake says to one question.
pub(super) enum Said {
    /// This message.
    Message(Vec<u8>),
    /// This, as a body of this type.
    Typed(&'static str, Vec<u8>),
    /// A page that says this status.
    Status(u16),
    /// Nothing, ever.
    Nothing,
    /// The stream breaks off.
    Reset,
}

pub(super) type Script = dyn Fn(&[u8], usize) -> Said + Send + Sync;

/// A question as it came.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) query: Vec<u8>,
    /// Over HTTP: the method, the address, the headers.
    pub(super) head: Option<(Method, String, HeaderMap)>,
}

/// A fake of one of the three.
pub(super) struct Fake {
    pub(super) address: SocketAddr,
    pub(super) book: Arc<Book>,
    /// Told to hang up, politely.
    leave: watch::Sender<bool>,
    /// Its connections die with it.
    _tasks: JoinSet<()>,
}

/// What a fake saw.
#[derive(Default)]
pub(super) struct Book {
    pub(super) asked: Mutex<Vec<Asked>>,
    pub(super) connections: Mutex<usize>,
    /// How many of these resumed a session.
    pub(super) resumed: Mutex<usize>,
}

impl Book {
    fn note(&self, asked: Asked) -> usize {
        let mut all = self.asked.lock().unwrap();
        all.push(asked);
        all.len() - 1
    }

    fn connected(&self, resumed: bool) {
        *self.connections.lock().unwrap() += 1;
        *self.resumed.lock().unwrap() += usize::from(resumed);
    }
}

impl Fake {
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.book.asked.lock().unwrap().clone()
    }

    pub(super) fn connections(&self) -> usize {
        *self.book.connections.lock().unwrap()
    }

    pub(super) fn resumed(&self) -> usize {
        *self.book.resumed.lock().unwrap()
    }

    /// Asks those connected to come back on another connection.
    pub(super) fn leave(&self) {
        self.leave.send_replace(true);
    }

    async fn start(
        scheme: Scheme,
        address: SocketAddr,
        config: ServerConfig,
        script: Arc<Script>,
    ) -> Self {
        let (leave, left) = watch::channel(false);
        let book = Arc::<Book>::default();
        let mut tasks = JoinSet::new();
        let address = match scheme {
            Scheme::Https => {
                let listener = TcpListener::bind(address).await.unwrap();
                let address = listener.local_addr().unwrap();
                tasks.spawn(serve_h2(listener, config, Arc::clone(&book), script, left));
                address
            }
            Scheme::Quic | Scheme::H3 => {
                let tls = quinn::crypto::rustls::QuicServerConfig::try_from(config).unwrap();
                let mut config = quinn::ServerConfig::with_crypto(Arc::new(tls));
                let mut transport = quinn::TransportConfig::default();
                transport.max_concurrent_bidi_streams(50_u32.into());
                config.transport_config(Arc::new(transport));
                let endpoint = quinn::Endpoint::server(config, address).unwrap();
                let address = endpoint.local_addr().unwrap();
                let book = Arc::clone(&book);
                tasks.spawn(serve_quic(endpoint, scheme, book, script, left));
                address
            }
            Scheme::Udp | Scheme::Tcp | Scheme::Tls => panic!("no fake of {scheme:?}"),
        };
        Fake { address, book, leave, _tasks: tasks }
    }
}

/// What a scheme speaks within TLS.
fn alpn(scheme: Scheme) -> &'static [u8] {
    match scheme {
        Scheme::Https => b"h2",
        Scheme::Quic => b"doq",
        Scheme::H3 => b"h3",
        Scheme::Udp | Scheme::Tcp | Scheme::Tls => panic!("no fake of {scheme:?}"),
    }
}

/// A fake with a good certificate, and a group that trusts it.
async fn fake(
    scheme: Scheme,
    script: impl Fn(&[u8], usize) -> Said + Send + Sync + 'static,
) -> (Fake, Arc<Upstreams>) {
    let (config, root) = server_config(&[NAME], Some(alpn(scheme)));
    let anywhere = (Ipv4Addr::LOCALHOST, 0).into();
    let fake = Fake::start(scheme, anywhere, config, Arc::new(script)).await;
    let upstreams = trusting_at(&[url(scheme, fake.address, Some(NAME))], root, calm_pace());
    (fake, upstreams)
}

/// Waits that no busy machine reaches.
fn calm_pace() -> Pace {
    let long = std::time::Duration::from_secs(60);
    Pace {
        wait_min: long,
        try_wait: long,
        total: long,
        connect: long,
        silence: long,
        ..Pace::default()
    }
}

fn honest_words(query: &[u8], _nth: usize) -> Said {
    Said::Message(good(query))
}

// === The fakes ===

async fn serve_h2(
    listener: TcpListener,
    config: ServerConfig,
    book: Arc<Book>,
    script: Arc<Script>,
    left: watch::Receiver<bool>,
) {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, book, script) = (acceptor.clone(), Arc::clone(&book), Arc::clone(&script));
        let mut left = left.clone();
        connections.spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let resumed =
                stream.get_ref().1.handshake_kind() == Some(rustls::HandshakeKind::Resumed);
            book.connected(resumed);
            let service =
                service_fn(|request| answer_h2(request, Arc::clone(&book), Arc::clone(&script)));
            let serving = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service);
            let mut serving = std::pin::pin!(serving);
            left.mark_unchanged();
            tokio::select! {
                _ = &mut serving => return,
                _ = left.changed() => serving.as_mut().graceful_shutdown(),
            }
            let _gone = serving.await;
        });
    }
}

async fn answer_h2(
    request: Request<Incoming>,
    book: Arc<Book>,
    script: Arc<Script>,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let (head, body) = request.into_parts();
    let query = body.collect().await.map_err(std::io::Error::other)?.to_bytes().to_vec();
    let head = Some((head.method, head.uri.to_string(), head.headers));
    let nth = book.note(Asked { query: query.clone(), head });
    let (kind, status, octets) = match script(&query, nth) {
        Said::Message(octets) => ("application/dns-message", 200, octets),
        Said::Typed(kind, octets) => (kind, 200, octets),
        Said::Status(status) => ("text/html", status, b"<html>".to_vec()),
        Said::Nothing => std::future::pending().await,
        Said::Reset => return Err(std::io::ErrorKind::Other.into()),
    };
    let response = Response::builder().status(status).header("content-type", kind);
    Ok(response.body(Full::new(Bytes::from(octets))).unwrap())
}

async fn serve_quic(
    endpoint: quinn::Endpoint,
    scheme: Scheme,
    book: Arc<Book>,
    script: Arc<Script>,
    left: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    while let Some(incoming) = endpoint.accept().await {
        let (book, script, mut left) = (Arc::clone(&book), Arc::clone(&script), left.clone());
        connections.spawn(async move {
            let Ok(connection) = incoming.await else { return };
            // quinn does not say whether a session was resumed.
            book.connected(false);
            left.mark_unchanged();
            let talk: Pin<Box<dyn Future<Output = ()> + Send>> = if scheme == Scheme::Quic {
                Box::pin(talk_doq(connection.clone(), book, script))
            } else {
                Box::pin(talk_h3(connection.clone(), book, script, left.clone()))
            };
            let mut talk = talk;
            tokio::select! {
                () = &mut talk => return,
                _ = left.changed() => {}
            }
            if scheme == Scheme::Quic {
                // DNS over QUIC has no way to say it but this.
                connection.close(0_u32.into(), b"");
            }
            talk.await;
        });
    }
}

async fn talk_doq(connection: quinn::Connection, book: Arc<Book>, script: Arc<Script>) {
    let mut streams = JoinSet::new();
    while let Ok((mut sending, mut receiving)) = connection.accept_bi().await {
        let (book, script) = (Arc::clone(&book), Arc::clone(&script));
        streams.spawn(async move {
            let Ok(framed) = receiving.read_to_end(70_000).await else { return };
            assert_eq!(usize::from(u16::from_be_bytes([framed[0], framed[1]])), framed.len() - 2);
            let query = framed[2..].to_vec();
            let nth = book.note(Asked { query: query.clone(), head: None });
            match script(&query, nth) {
                Said::Message(octets) => {
                    let length = u16::try_from(octets.len()).unwrap().to_be_bytes();
                    let _gone = sending.write_all(&[&length, &*octets].concat()).await;
                    let _gone = sending.finish();
                }
                Said::Nothing => std::future::pending().await,
                Said::Reset => sending.reset(2_u32.into()).unwrap(),
                Said::Typed(..) | Said::Status(_) => panic!("there is no HTTP"),
            }
        });
    }
}

async fn talk_h3(
    connection: quinn::Connection,
    book: Arc<Book>,
    script: Arc<Script>,
    mut left: watch::Receiver<bool>,
) {
    let connection = h3_quinn::Connection::new(connection);
    let mut serving = h3::server::builder().build::<_, Bytes>(connection).await.unwrap();
    let mut streams = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = serving.accept() => accepted,
            _ = left.changed() => {
                let _gone = serving.shutdown(0).await;
                continue;
            }
        };
        let Ok(Some(resolver)) = accepted else { break };
        let (book, script) = (Arc::clone(&book), Arc::clone(&script));
        streams.spawn(async move {
            let Ok((request, mut stream)) = resolver.resolve_request().await else { return };
            let mut query = Vec::new();
            while let Ok(Some(mut piece)) = stream.recv_data().await {
                query.extend_from_slice(&piece.copy_to_bytes(piece.remaining()));
            }
            let (head, ()) = request.into_parts();
            let head = Some((head.method, head.uri.to_string(), head.headers));
            let nth = book.note(Asked { query: query.clone(), head });
            let (kind, status, octets) = match script(&query, nth) {
                Said::Message(octets) => ("application/dns-message", 200, octets),
                Said::Typed(kind, octets) => (kind, 200, octets),
                Said::Status(status) => ("text/html", status, b"<html>".to_vec()),
                Said::Nothing => std::future::pending().await,
                Said::Reset => return stream.stop_stream(h3::error::Code::H3_INTERNAL_ERROR),
            };
            let response = Response::builder().status(status).header("content-type", kind);
            let _gone = stream.send_response(response.body(()).unwrap()).await;
            let _gone = stream.send_data(Bytes::from(octets)).await;
            let _gone = stream.finish().await;
        });
    }
    while streams.join_next().await.is_some() {}
}

// === What is true of each ===

const SCHEMES: [Scheme; 3] = [Scheme::Https, Scheme::Quic, Scheme::H3];

#[tokio::test]
async fn a_hundred_questions_at_once_share_one_connection() {
    for scheme in SCHEMES {
        let (fake, upstreams) = fake(scheme, honest_words).await;
        let mut clients = Vec::new();
        for number in 0..100 {
            let upstreams = Arc::clone(&upstreams);
            clients.push(tokio::spawn(async move {
                ask_type(&upstreams, &format!("n{number}.example.com"), 65280).await
            }));
        }
        for client in clients {
            assert_eq!(address_in(&client.await.unwrap().unwrap()), GOOD);
        }
        assert_eq!((fake.connections(), fake.asked().len()), (1, 100), "{scheme:?}");
    }
}

#[tokio::test]
async fn nothing_of_the_client_travels_but_the_question() {
    for scheme in SCHEMES {
        let (fake, upstreams) = fake(scheme, honest_words).await;
        ask(&upstreams, "www.example.com").await.unwrap();
        let Asked { query, head } = fake.asked().remove(0);
        // The id 0, padded to a block of 128, with nothing else in the OPT record.
        assert_eq!((&query[..2], query.len()), (&[0, 0][..], 128), "{scheme:?}");
        let padding = u8::try_from(128 - question_end(&query) - 15).unwrap();
        let option = &query[question_end(&query) + 9..][..6];
        assert_eq!(option, [0, padding + 4, 0, 12, 0, padding], "{scheme:?}");
        let Some((method, uri, headers)) = head else { continue };
        let authority = format!("{NAME}:{}", fake.address.port());
        assert_eq!((method, uri), (Method::POST, format!("https://{authority}/dns-query")));
        let mut names: Vec<_> = headers.keys().map(hyper::header::HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept", "content-length", "content-type"], "{scheme:?}");
    }
}

#[tokio::test]
async fn a_slow_stream_holds_up_no_other() {
    for scheme in SCHEMES {
        let (fake, upstreams) =
            fake(
                scheme,
                |query, nth| {
                    if nth == 0 { Said::Nothing } else { Said::Message(good(query)) }
                },
            )
            .await;
        let slow = tokio::spawn({
            let upstreams = Arc::clone(&upstreams);
            async move { ask(&upstreams, "slow.example").await }
        });
        while fake.asked().is_empty() {
            tokio::task::yield_now().await;
        }
        for number in 0..10 {
            let answer = ask(&upstreams, &format!("n{number}.example")).await.unwrap();
            assert_eq!(address_in(&answer), GOOD);
        }
        assert!(!slow.is_finished());
        assert_eq!(fake.connections(), 1, "{scheme:?}");
    }
}

/// What is told of a fake that says this to one question, while it answers others well.
async fn told(scheme: Scheme, bad: impl Fn(&[u8]) -> Said + Send + Sync + 'static) -> String {
    let (fake, upstreams) = fake(scheme, move |query, _| {
        if query[13..].starts_with(b"bad") { bad(query) } else { Said::Message(good(query)) }
    })
    .await;
    ask(&upstreams, "good.example").await.unwrap();
    let (failure, other) =
        tokio::join!(ask(&upstreams, "bad.example"), ask(&upstreams, "fine.example"));
    assert_eq!(address_in(&other.unwrap()), GOOD, "{scheme:?}");
    let failure = failure.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Network);
    let told = failure.to_string();
    let address = format!("{}://{}#{NAME}: ", scheme.word(), fake.address);
    told.strip_prefix(&address).unwrap_or_else(|| panic!("{told}")).to_owned()
}

#[tokio::test]
async fn what_is_no_answer_is_said_and_harms_no_other_question() {
    for scheme in SCHEMES {
        let other = |query: &[u8]| {
            let mut reply = good(query);
            reply[14] ^= 1;
            Said::Message(reply)
        };
        let no_answer = "what it sent is no answer to what was asked";
        assert_eq!(told(scheme, other).await, no_answer, "{scheme:?}");
        assert_eq!(told(scheme, |_| Said::Message(vec![7; 40])).await, no_answer, "{scheme:?}");
        assert_eq!(told(scheme, |_| Said::Message(Vec::new())).await, "it sent an empty answer");
        assert_eq!(told(scheme, |_| Said::Reset).await, "it broke off instead of answering");
    }
}

#[tokio::test]
async fn an_answer_cut_although_a_stream_has_room_has_no_records() {
    for scheme in SCHEMES {
        let (_fake, upstreams) = fake(scheme, |query, _| {
            let mut reply = record(query, TYPE_A, &FORGED);
            reply[2] |= 0x02;
            Said::Message(reply)
        })
        .await;
        let answer = ask(&upstreams, "www.example.com").await.unwrap();
        assert_eq!((answer[2] & 0x02, &answer[6..12]), (0x02, &[0; 6][..]), "{scheme:?}");
    }
}

#[tokio::test]
async fn the_longest_answer_comes_through_as_it_is() {
    for scheme in SCHEMES {
        let longest = |query: &[u8]| {
            let bare = record(query, 65280, &[]).len();
            record(query, 65280, &vec![7; 65_535 - bare])
        };
        let (_fake, upstreams) = fake(scheme, move |query, _| Said::Message(longest(query))).await;
        let answer = ask_type(&upstreams, "long.example.com", 65280).await.unwrap();
        assert_eq!(answer.len(), 65_535, "{scheme:?}");
    }
}

/// A group that trusts `root`, and what is told when it asks a fake with such a certificate.
async fn refused(scheme: Scheme, names: &[&str], root: Option<CertificateDer<'static>>) -> String {
    let (config, its_root) = server_config(names, Some(alpn(scheme)));
    let anywhere = (Ipv4Addr::LOCALHOST, 0).into();
    let fake = Fake::start(scheme, anywhere, config, Arc::new(honest_words)).await;
    let urls = [url(scheme, fake.address, Some(NAME))];
    let upstreams = trusting_at(&urls, root.unwrap_or(its_root), calm_pace());
    let failure = ask(&upstreams, "a.example").await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Tls, "{failure}");
    assert!(fake.asked().is_empty(), "no question was told to it");
    failure.to_string()
}

#[tokio::test]
async fn a_certificate_for_another_name_or_of_an_unknown_authority_is_refused() {
    for scheme in SCHEMES {
        let other = refused(scheme, &["other.example"], None).await;
        assert!(other.contains("it is for another name"), "{scheme:?}: {other}");
        let (_, another_root) = server_config(&[NAME], None);
        let unknown = refused(scheme, &[NAME], Some(another_root)).await;
        assert!(unknown.ends_with("nobody we trust has signed it"), "{scheme:?}: {unknown}");
    }
}

#[tokio::test]
async fn a_server_that_speaks_something_else_is_told_in_words() {
    for scheme in SCHEMES {
        let (config, root) = server_config(&[NAME], Some(b"smtp"));
        let anywhere = (Ipv4Addr::LOCALHOST, 0).into();
        let fake = Fake::start(scheme, anywhere, config, Arc::new(honest_words)).await;
        let upstreams = trusting_at(&[url(scheme, fake.address, Some(NAME))], root, calm_pace());
        let failure = ask(&upstreams, "a.example").await.unwrap_err();
        assert!(failure.to_string().contains("does not speak"), "{scheme:?}: {failure}");
    }
}

#[tokio::test]
async fn a_server_that_comes_back_is_asked_again_and_resumes_the_session() {
    for scheme in SCHEMES {
        let (config, root) = server_config(&[NAME], Some(alpn(scheme)));
        let anywhere = (Ipv4Addr::LOCALHOST, 0).into();
        let first = Fake::start(scheme, anywhere, config.clone(), Arc::new(honest_words)).await;
        let address = first.address;
        let upstreams = trusting_at(&[url(scheme, address, Some(NAME))], root, calm_pace());
        ask(&upstreams, "a.example").await.unwrap();
        first.leave();
        for number in 0..5 {
            ask(&upstreams, &format!("b{number}.example")).await.unwrap();
        }
        let resumed = usize::from(scheme == Scheme::Https);
        assert_eq!((first.connections(), first.resumed()), (2, resumed), "{scheme:?}");
    }
}

#[tokio::test]
async fn no_question_is_lost_while_a_server_leaves() {
    for scheme in SCHEMES {
        let (fake, upstreams) = fake(scheme, honest_words).await;
        for round in 0..5 {
            let mut clients = Vec::new();
            for number in 0..20 {
                let upstreams = Arc::clone(&upstreams);
                let name = format!("n{round}-{number}.example");
                clients.push(tokio::spawn(async move { ask(&upstreams, &name).await }));
                if number == 10 {
                    tokio::task::yield_now().await;
                    fake.leave();
                }
            }
            for client in clients {
                assert_eq!(address_in(&client.await.unwrap().unwrap()), GOOD, "{scheme:?}");
            }
        }
    }
}

#[tokio::test]
async fn an_unused_connection_is_closed_and_opened_again() {
    for scheme in SCHEMES {
        let (config, root) = server_config(&[NAME], Some(alpn(scheme)));
        let anywhere = (Ipv4Addr::LOCALHOST, 0).into();
        let fake = Fake::start(scheme, anywhere, config, Arc::new(honest_words)).await;
        let pace = Pace { tls_idle: std::time::Duration::from_millis(20), ..calm_pace() };
        let upstreams = trusting_at(&[url(scheme, fake.address, Some(NAME))], root, pace);
        let mut number = 0;
        while fake.connections() < 2 {
            ask(&upstreams, &format!("n{number}.example")).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(30)).await;
            number += 1;
        }
    }
}

// === What is true of HTTP ===

const WEB: [Scheme; 2] = [Scheme::Https, Scheme::H3];

#[tokio::test]
async fn pages_of_a_web_server_are_no_answers() {
    for scheme in WEB {
        let status = told(scheme, |_| Said::Status(404)).await;
        let words = "as a web server it said 404 instead of an answer; compare its path";
        assert_eq!(status, words, "{scheme:?}");
        let page = told(scheme, |query| Said::Typed("text/html", good(query))).await;
        let words = "it sent something else than a DNS answer; compare its path";
        assert_eq!(page, words, "{scheme:?}");
        let long = told(scheme, |_| Said::Message(vec![7; 70_000])).await;
        assert_eq!(long, "it sent more than a DNS answer can be", "{scheme:?}");
    }
}

#[tokio::test]
async fn a_type_with_parameters_is_the_same_type() {
    for scheme in WEB {
        let kind = "Application/DNS-Message; charset=binary";
        let (_fake, upstreams) = fake(scheme, move |query, _| Said::Typed(kind, good(query))).await;
        assert_eq!(address_in(&ask(&upstreams, "a.example").await.unwrap()), GOOD);
    }
}

#[tokio::test]
async fn another_path_is_asked_where_one_is_written() {
    for scheme in WEB {
        let (config, root) = server_config(&["127.0.0.1"], Some(alpn(scheme)));
        let anywhere = (Ipv4Addr::LOCALHOST, 0).into();
        let fake = Fake::start(scheme, anywhere, config, Arc::new(honest_words)).await;
        let url =
            UpstreamUrl { path: Some("/family/dns".to_owned()), ..url(scheme, fake.address, None) };
        let upstreams = trusting_at(&[url], root, calm_pace());
        ask(&upstreams, "a.example").await.unwrap();
        let (_, uri, _) = fake.asked().remove(0).head.unwrap();
        assert_eq!(uri, format!("https://{}/family/dns", fake.address));
        let written = &upstreams.state()[0].url;
        assert_eq!(*written, format!("{}://{}/family/dns", scheme.word(), fake.address));
    }
}
