//! One list, fetched safely.
//!
//! The server is a stranger, and so is whoever its name or a redirect leads to: nothing it does
//! costs more than the limits below. What comes goes to the disk piece by piece; what is wrong with
//! it as a list, [`judge`](super::judge) says later. Start at [`Fetcher::fetch`]. Knows nothing of
//! when a list is due.

use std::future::poll_fn;
use std::io::Write as _;
use std::path::Path;
use std::pin::{Pin, pin};
use std::time::Duration;

use hyper::body::{Body as _, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tempfile::NamedTempFile;
use tokio::time::{sleep, timeout};
use url::{Position, Url};

use super::address;
pub use super::connect::Addresses;
use super::connect::{Dialer, Host, Stream};
use super::proxy::Proxies;
pub use super::trouble::Trouble;
use crate::config::Download;
use crate::house::fetched::{self, Meta};

/// A list may have so many octets on the wire. The largest public ones have 50 million, and a small
/// router's disk should hold the old one and the new one.
pub const WIRE_OCTETS_MAX: u64 = 64 * 1024 * 1024;

/// Redirects that are followed: http to https, to a `www`, to a mirror, to a file of that.
pub const REDIRECTS_MAX: usize = 4;

/// The limits of a household; tests have shorter ones.
const LIMITS: Limits = Limits {
    octets: WIRE_OCTETS_MAX,
    // A busy server on the other side of the world answers a handshake in seconds.
    step: Duration::from_secs(10),
    // Some make the list when it is asked for.
    answer: Duration::from_secs(30),
    // Less than a kilobyte a second is nobody's line but a trap.
    slow_octets: 20 * 1024,
    slow_span: Duration::from_secs(20),
    // 64 MiB at 4.5 Mbit/s; others wait their turn.
    whole: Duration::from_secs(120),
};

/// Headers of an answer, and their octets: real servers send 30 in 4 KiB.
const HEADERS_MAX: usize = 100;
const HEADER_OCTETS_MAX: usize = 32 * 1024;
/// What hyper reads ahead at most, in octets.
const BUFFER_OCTETS_MAX: usize = 64 * 1024;
/// The longest validator that is kept, in octets: real ones have 70.
const VALIDATOR_OCTETS_MAX: usize = 512;

/// What the program calls itself. Nothing else tells one household from another.
const USER_AGENT: &str = concat!("amparo/", env!("CARGO_PKG_VERSION"));

/// Fetches lists.
pub struct Fetcher<A> {
    dialer: Dialer<A>,
    proxies: Proxies,
    limits: Limits,
}

/// How far a list has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Octets that came, packed as they are.
    pub octets: u64,
    /// How many it will be, where the server says so.
    pub of: Option<u64>,
}

/// What a fetch came to.
#[derive(Debug)]
pub enum Outcome {
    /// There is nothing newer than the copy.
    Unchanged,
    /// A list came whole; whether it may be taken is another question.
    Came(Came),
}

/// A list that came whole.
#[derive(Debug)]
pub struct Came {
    /// It, as it came: packed with gzip or not, which its first octets tell.
    pub file: NamedTempFile,
    /// Its `ETag`.
    pub etag: Option<String>,
    /// Its `Last-Modified`.
    pub last_modified: Option<String>,
    /// Its length.
    pub octets: u64,
}

/// What a server may cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Octets of a list.
    pub(super) octets: u64,
    /// A look-up, a connection, a handshake: each.
    pub(super) step: Duration,
    /// From the question to the answer's headers.
    pub(super) answer: Duration,
    /// In each `slow_span`, so many octets must come.
    pub(super) slow_octets: u64,
    pub(super) slow_span: Duration,
    /// Everything together.
    pub(super) whole: Duration,
}

/// One fetch: what is asked of every server on the way.
struct Errand<'a, P> {
    /// The only host that may be of the household; none: no host may.
    written: Option<Host>,
    /// The copy there is; its validators go along.
    known: Option<&'a Meta>,
    /// Where a file for the list is made.
    directory: &'a Path,
    progress: P,
}

/// What one server said.
enum Step {
    GoOn(Url),
    Done(Outcome),
}

// === impl Fetcher ===

impl<A: Addresses> Fetcher<A> {
    /// With the limits of a household and the proxies of the environment.
    #[must_use]
    pub fn new(addresses: A) -> Self {
        let dialer = Dialer::new(addresses, &[], address::reach, LIMITS.step);
        Fetcher::with(dialer, Proxies::of_environment(), LIMITS)
    }

    /// With everything as told.
    pub(super) fn with(dialer: Dialer<A>, proxies: Proxies, limits: Limits) -> Self {
        Fetcher { dialer, proxies, limits }
    }

    /// Fetches a list, or learns that there is nothing newer than the copy that `known` is about.
    /// Give `known` only where that copy is whole: a server will not send it again.
    ///
    /// A file is made in `directory` and is gone again unless the list came whole; nothing else is
    /// written. Dropping the future ends it at once.
    ///
    /// # Errors
    /// Why it did not come; what is in force meanwhile, the caller adds.
    pub async fn fetch(
        &self,
        download: &Download,
        known: Option<&Meta>,
        directory: &Path,
        progress: impl FnMut(Progress),
    ) -> Result<Outcome, Trouble> {
        let mut url = Url::parse(&download.url)
            .map_err(|error| Trouble::Address(error.to_string()))
            .and_then(checked)?;
        let errand = Errand {
            written: download.is_written.then(|| Host::of(&url)).flatten(),
            // Another address's validators say nothing of this one.
            known: known.filter(|meta| meta.url == download.url),
            directory,
            progress,
        };
        // The part of an archive is no business of the server's.
        url.set_fragment(None);
        match timeout(self.limits.whole, self.follow(url, errand)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Trouble::TooLong { seconds: self.limits.whole.as_secs() }),
        }
    }

    /// From server to server, until one has the list.
    async fn follow<P: FnMut(Progress)>(
        &self,
        first: Url,
        mut errand: Errand<'_, P>,
    ) -> Result<Outcome, Trouble> {
        let mut visited = vec![first];
        loop {
            let url = &visited[visited.len() - 1];
            let host = Host::of(url).map(|host| host.shown()).unwrap_or_default();
            let next = match self.ask(url, &mut errand).await? {
                Step::Done(outcome) => return Ok(outcome),
                Step::GoOn(next) => next,
            };
            if url.scheme() == "https" && next.scheme() == "http" {
                return Err(Trouble::Downgrade(host));
            }
            if visited.contains(&next) {
                return Err(Trouble::Circle(host));
            }
            if visited.len() > REDIRECTS_MAX {
                return Err(Trouble::Redirects { host, redirects: REDIRECTS_MAX });
            }
            visited.push(next);
        }
    }

    /// Asks one server.
    async fn ask<P: FnMut(Progress)>(
        &self,
        url: &Url,
        errand: &mut Errand<'_, P>,
    ) -> Result<Step, Trouble> {
        let target = Target::of(url)?;
        let may_be_household = errand.written.as_ref() == Some(&target.host);
        let (stream, request) = self.way(&target, may_be_household, errand.known).await?;
        let shown = target.host.shown();
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(BUFFER_OCTETS_MAX)
            .max_headers(HEADERS_MAX)
            .max_header_size(HEADER_OCTETS_MAX)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| Trouble::of_http(&shown, &error))?;
        let exchange = async {
            match timeout(self.limits.answer, sender.send_request(request)).await {
                Ok(Ok(response)) => self.hear(url, &shown, response, errand).await,
                Ok(Err(error)) => Err(Trouble::of_http(&shown, &error)),
                Err(_) => Err(Trouble::Silent(shown.clone())),
            }
        };
        // The connection moves only while the exchange waits for it, and ends with it.
        let (mut connection, mut exchange) = (pin!(connection), pin!(exchange));
        tokio::select! {
            biased;
            step = &mut exchange => return step,
            _ended = &mut connection => {}
        }
        exchange.await
    }

    /// A connection to a server, through a proxy where there is one, and the question for it.
    async fn way(
        &self,
        target: &Target<'_>,
        may_be_household: bool,
        known: Option<&Meta>,
    ) -> Result<(Box<dyn Stream>, Request<String>), Trouble> {
        let Target { host, port, is_tls, .. } = target;
        let Some(proxy) = self.proxies.of(&target.whole)? else {
            let addresses = self.dialer.addresses(host, may_be_household).await?;
            let stream = self.dialer.open(host, *port, &addresses, *is_tls).await?;
            return Ok((stream, target.request(&target.path, known)?));
        };
        self.dialer.judge_behind_proxy(host, may_be_household).await?;
        // Whoever runs this program named the proxy, so it may be anywhere.
        let proxy_host = Host::of_text(&proxy.host);
        let reached = async {
            let addresses = self.dialer.addresses(&proxy_host, true).await?;
            self.dialer.open(&proxy_host, proxy.port, &addresses, proxy.is_tls).await
        };
        let mut stream = reached.await.map_err(|trouble| proxy.trouble(&trouble))?;
        if !is_tls {
            let mut request = target.request(&target.whole, known)?;
            if let Some(authorization) = &proxy.authorization {
                request.headers_mut().insert(header::PROXY_AUTHORIZATION, authorization.clone());
            }
            return Ok((stream, request));
        }
        let authority = target.authority();
        match timeout(self.dialer.step, proxy.tunnel(&mut stream, &authority)).await {
            Ok(made) => made?,
            Err(_) => return Err(Trouble::Silent(proxy.host)),
        }
        let stream = self.dialer.encrypt(host, stream).await?;
        Ok((stream, target.request(&target.path, known)?))
    }

    /// What a server's answer means.
    async fn hear<P: FnMut(Progress)>(
        &self,
        url: &Url,
        host: &str,
        response: Response<Incoming>,
        errand: &mut Errand<'_, P>,
    ) -> Result<Step, Trouble> {
        match response.status().as_u16() {
            200 => self.take(host, response, errand).await.map(Step::Done),
            301 | 302 | 303 | 307 | 308 => next(url, host, response.headers()).map(Step::GoOn),
            304 if errand.known.is_some_and(has_validator) => Ok(Step::Done(Outcome::Unchanged)),
            304 => Err(Trouble::NotAsked(host.to_owned())),
            status => Err(Trouble::Status { host: host.to_owned(), status }),
        }
    }

    /// Writes the list to the disk as it comes.
    async fn take<P: FnMut(Progress)>(
        &self,
        host: &str,
        response: Response<Incoming>,
        errand: &mut Errand<'_, P>,
    ) -> Result<Outcome, Trouble> {
        let (head, mut body) = response.into_parts();
        unpackable(host, &head.headers)?;
        let of = body.size_hint().exact();
        let too_large = Trouble::TooLarge { octets_max: self.limits.octets };
        if of.is_some_and(|of| of > self.limits.octets) {
            return Err(too_large);
        }
        let disk = |error: std::io::Error| Trouble::Disk(error.to_string());
        let mut file = fetched::temporary(errand.directory).map_err(disk)?;
        let (mut octets, mut lately) = (0_u64, 0_u64);
        let mut span = pin!(sleep(self.limits.slow_span));
        loop {
            (errand.progress)(Progress { octets, of });
            let piece = tokio::select! {
                biased;
                piece = piece(&mut body) => piece,
                () = &mut span => {
                    if lately < self.limits.slow_octets {
                        return Err(self.slow(host));
                    }
                    lately = 0;
                    span.set(sleep(self.limits.slow_span));
                    continue;
                }
            };
            let Some(piece) = piece else { break };
            let piece = piece.map_err(|_| Trouble::Cut { octets, of })?;
            octets += piece.len() as u64;
            lately += piece.len() as u64;
            if octets > self.limits.octets {
                return Err(too_large);
            }
            file.write_all(&piece).map_err(disk)?;
        }
        if octets == 0 {
            return Err(Trouble::Empty(host.to_owned()));
        }
        let validator = |name| validator(&head.headers, name);
        let (etag, last_modified) = (validator(header::ETAG), validator(header::LAST_MODIFIED));
        Ok(Outcome::Came(Came { file, etag, last_modified, octets }))
    }

    fn slow(&self, host: &str) -> Trouble {
        let Limits { slow_octets, slow_span, .. } = self.limits;
        let (host, seconds) = (host.to_owned(), slow_span.as_secs());
        Trouble::Slow { host, octets_min: slow_octets, seconds }
    }
}

/// The next piece of a list; none at its end. What else a body may hold (trailers) says nothing.
async fn piece(body: &mut Incoming) -> Option<Result<Bytes, hyper::Error>> {
    loop {
        match poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await? {
            Ok(frame) => match frame.into_data() {
                Ok(piece) => return Some(Ok(piece)),
                Err(_trailers) => {}
            },
            Err(error) => return Some(Err(error)),
        }
    }
}

/// An address that can be fetched.
fn checked(url: Url) -> Result<Url, Trouble> {
    let wrong = |why: &str| Err(Trouble::Address(why.to_owned()));
    if !matches!(url.scheme(), "http" | "https") {
        return wrong("it begins neither with https:// nor with http://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("it holds a name or a password before an @");
    }
    if Host::of(&url).is_none() { wrong("it has no host") } else { Ok(url) }
}

/// Where a redirect leads.
fn next(url: &Url, host: &str, headers: &HeaderMap) -> Result<Url, Trouble> {
    let location = headers.get(header::LOCATION).map(HeaderValue::as_bytes);
    let location = location.and_then(|octets| std::str::from_utf8(octets).ok());
    let next = location.and_then(|location| checked(url.join(location).ok()?).ok());
    let mut next = next.ok_or_else(|| Trouble::Location(host.to_owned()))?;
    next.set_fragment(None);
    Ok(next)
}

/// Whether a list is packed as it was asked for, or not at all.
fn unpackable(host: &str, headers: &HeaderMap) -> Result<(), Trouble> {
    for encoding in headers.get_all(header::CONTENT_ENCODING) {
        let encoding = String::from_utf8_lossy(encoding.as_bytes()).to_ascii_lowercase();
        if !matches!(encoding.trim(), "" | "identity" | "gzip" | "x-gzip") {
            let encoding = encoding.escape_default().take(VALIDATOR_OCTETS_MAX).collect();
            return Err(Trouble::Encoding { host: host.to_owned(), encoding });
        }
    }
    Ok(())
}

/// What a copy is compared by, as the server wrote it.
fn validator(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let text = headers.get(name)?.to_str().ok()?;
    (!text.is_empty() && text.len() <= VALIDATOR_OCTETS_MAX).then(|| text.to_owned())
}

/// Whether a server can compare a copy with what it has.
fn has_validator(meta: &Meta) -> bool {
    meta.etag.is_some() || meta.last_modified.is_some()
}

// === Targets ===

/// Where one question goes.
struct Target<'a> {
    url: &'a Url,
    host: Host,
    port: u16,
    is_tls: bool,
    /// The whole address: what a proxy is asked for.
    whole: Uri,
    /// Its path and query: what a server is asked for.
    path: Uri,
}

impl<'a> Target<'a> {
    fn of(url: &'a Url) -> Result<Self, Trouble> {
        let wrong = || Trouble::Address("it has letters that no server understands".to_owned());
        let uri = |text: &str| text.parse::<Uri>().map_err(|_| wrong());
        Ok(Target {
            url,
            host: Host::of(url).ok_or_else(wrong)?,
            port: url.port_or_known_default().ok_or_else(wrong)?,
            is_tls: url.scheme() == "https",
            whole: uri(&url[..Position::AfterQuery])?,
            path: uri(&url[Position::BeforePath..Position::AfterQuery])?,
        })
    }

    /// Host and port, as CONNECT wants them.
    fn authority(&self) -> String {
        format!("{}:{}", self.url.host_str().unwrap_or_default(), self.port)
    }

    /// The question: for `uri`, unless the copy is still what the server has.
    fn request(&self, uri: &Uri, known: Option<&Meta>) -> Result<Request<String>, Trouble> {
        // What is packed itself comes as it is; packed twice, nobody could read it.
        let is_packed = [".gz", ".tgz", ".xz", ".txz", ".bz2", ".zst", ".zip"]
            .iter()
            .any(|end| self.url.path().to_ascii_lowercase().ends_with(end));
        let mut request = Request::get(uri)
            .header(header::HOST, &self.url[Position::BeforeHost..Position::AfterPort])
            .header(header::USER_AGENT, USER_AGENT)
            .header(header::ACCEPT, "*/*")
            .header(header::ACCEPT_ENCODING, if is_packed { "identity" } else { "gzip" })
            .header(header::CONNECTION, "close");
        let validators = known.into_iter().flat_map(|meta| {
            [(header::IF_NONE_MATCH, &meta.etag), (header::IF_MODIFIED_SINCE, &meta.last_modified)]
        });
        for (name, text) in validators {
            // A sidecar can be damaged and still be read.
            if let Some(Ok(value)) = text.as_deref().map(HeaderValue::from_str) {
                request = request.header(name, value);
            }
        }
        let wrong = |error: hyper::http::Error| Trouble::Address(error.to_string());
        request.body(String::new()).map_err(wrong)
    }
}
