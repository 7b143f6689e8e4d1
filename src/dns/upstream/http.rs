//! DNS over HTTPS (RFC 8484): what is the same in HTTP/2 and HTTP/3, and HTTP/2 itself.
//!
//! A question is a POST: no name stands in an address that somebody logs, and no cache on the way
//! may answer it (RFC 9110 §9.3.3), so an answer's TTLs have not aged (RFC 8484 §5.1). The request
//! has the four headers of the protocol and two that say what the body is: no cookie, no agent, no
//! language. Start at [`over_tls`].

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2::{self, SendRequest};
use hyper::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use hyper::http::uri::{Authority, PathAndQuery, Scheme, Uri};
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::streams::{MESSAGE_OCTETS_MAX, Streams};
use super::trouble::Trouble;
use crate::config::settings::UpstreamUrl;
use crate::dns::tls::alpn;

/// What the body is, both ways (RFC 8484 §6).
const DNS_MESSAGE: &str = "application/dns-message";

/// The longest headers of a response, in octets: a resolver sends some hundred.
pub(super) const HEADERS_OCTETS_MAX: u32 = 16_384;

/// Said where more comes than an answer can be.
const TOO_LONG: Trouble = Trouble::Odd("it sent more than a DNS answer can be");

/// What is asked for on a web server.
#[derive(Debug, Clone)]
pub(super) struct Resource(Result<Uri, Trouble>);

/// HTTP/2 over one connection.
#[derive(Clone)]
pub(super) struct Requests {
    sender: SendRequest<Full<Bytes>>,
    resource: Uri,
}

// === impl Resource ===

impl Resource {
    /// The path of an upstream, on the server that its certificate names.
    pub(super) fn new(url: &UpstreamUrl) -> Self {
        let host = match (&url.tls_name, url.address.ip()) {
            (Some(name), _) => name.clone(),
            (None, std::net::IpAddr::V4(ip)) => ip.to_string(),
            (None, std::net::IpAddr::V6(ip)) => format!("[{ip}]"),
        };
        let authority = match url.address.port() {
            port if port == url.scheme.port() => host,
            port => format!("{host}:{port}"),
        };
        let uri = Authority::try_from(authority).and_then(|authority| {
            let mut parts = hyper::http::uri::Parts::default();
            parts.scheme = Some(Scheme::HTTPS);
            parts.authority = Some(authority);
            parts.path_and_query = Some(PathAndQuery::try_from(url.path())?);
            Ok(Uri::from_parts(parts))
        });
        let uri = uri.ok().and_then(Result::ok);
        Resource(uri.ok_or(Trouble::Odd("its address cannot be asked over HTTP")))
    }

    /// Its address.
    pub(super) fn uri(&self) -> Result<Uri, Trouble> {
        self.0.clone()
    }
}

// === What is the same in HTTP/2 and HTTP/3 ===

/// A question of so many octets, as a request that has this body or gets it later.
pub(super) fn request<B>(resource: Uri, octets: usize, body: B) -> Request<B> {
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = resource;
    let headers = request.headers_mut();
    headers.insert(ACCEPT, DNS_MESSAGE.parse().expect("it is a constant"));
    headers.insert(CONTENT_TYPE, DNS_MESSAGE.parse().expect("it is a constant"));
    headers.insert(CONTENT_LENGTH, octets.into());
    request
}

/// Whether a DNS message follows this head of a response.
pub(super) fn judge_head(status: StatusCode, headers: &HeaderMap) -> Result<(), Trouble> {
    if status != StatusCode::OK {
        return Err(Trouble::Status(status.as_u16()));
    }
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    // Parameters may follow (RFC 9110 §8.3.1).
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case(DNS_MESSAGE) {
        return Err(Trouble::Odd("it sent something else than a DNS answer; compare its path"));
    }
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: usize| length > MESSAGE_OCTETS_MAX) {
        return Err(TOO_LONG);
    }
    Ok(())
}

/// Adds a piece of a body, as long as it can still be an answer.
pub(super) fn take(body: &mut Vec<u8>, piece: &[u8]) -> Result<(), Trouble> {
    if body.len() + piece.len() > MESSAGE_OCTETS_MAX {
        return Err(TOO_LONG);
    }
    body.extend_from_slice(piece);
    Ok(())
}

// === HTTP/2 ===

/// HTTP/2 over a connection whose other end has proved its name. What comes second is to be polled,
/// and done when the connection has closed.
pub(super) async fn over_tls(
    stream: TlsStream<TcpStream>,
    resource: &Resource,
) -> Result<(Requests, impl Future<Output = ()> + use<>), Trouble> {
    let resource = resource.uri()?;
    if stream.get_ref().1.alpn_protocol() != Some(alpn::H2) {
        return Err(Trouble::Tls("it does not speak HTTP/2".to_owned()));
    }
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .max_header_list_size(HEADERS_OCTETS_MAX)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| trouble_of(&error))?;
    let ended = async {
        // Why it ended, every open question learns by itself.
        let _why = connection.await;
    };
    Ok((Requests { sender, resource }, ended))
}

impl Streams for Requests {
    async fn ask(mut self, message: Vec<u8>) -> Result<Vec<u8>, Trouble> {
        let request = request(self.resource, message.len(), Full::new(Bytes::from(message)));
        let response = self.sender.send_request(request).await;
        let response = response.map_err(|error| trouble_of(&error))?;
        judge_head(response.status(), response.headers())?;
        read(response.into_body()).await
    }

    fn close(self) {
        // The last handle that is dropped says it.
    }
}

async fn read(body: Incoming) -> Result<Vec<u8>, Trouble> {
    match Limited::new(body, MESSAGE_OCTETS_MAX).collect().await {
        Ok(whole) => Ok(whole.to_bytes().into()),
        Err(error) => match error.downcast_ref::<hyper::Error>() {
            Some(error) => Err(trouble_of(error)),
            None => Err(TOO_LONG),
        },
    }
}

fn trouble_of(error: &hyper::Error) -> Trouble {
    let gone = error.is_closed() || error.is_canceled() || error.is_incomplete_message();
    if gone { Trouble::Broken } else { Trouble::Reset }
}
