//! DNS over HTTPS (RFC 8484): one request, one query.
//!
//! What a request says is read the same whatever form of HTTP it came in ([`Request`]), and so is what
//! is said back. Start at [`serve()`] for HTTP/1.1 and HTTP/2; HTTP/3 comes in with QUIC
//! ([`super::quic`]).

use std::convert::Infallible;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};

use super::records::{Records, rtype};
use super::seats::{self, Seat, Seats};
use super::serve::{self, Answer, Source};
use super::tcp::Context;
use super::tcp::frames::QUERY_OCTETS_MAX;
use super::udp::ended;
use super::wire;
use crate::clients::ClientId;
use crate::config::settings::UpstreamUrl;

/// Where queries are taken (RFC 8484 §4.1), and below it with a device's id.
const PATH: &str = UpstreamUrl::USUAL_PATH;
/// What a query and its answer are (RFC 8484 §6).
const MESSAGE_TYPE: HeaderValue = HeaderValue::from_static("application/dns-message");
/// Queries of one connection at once, over HTTP/2.
const STREAMS_MAX: u32 = 64;
/// The headers of one request: a browser sends a few hundred octets.
const HEADER_OCTETS_MAX: u32 = 8 * 1024;
/// The headers of a request must be whole after so long.
const HEADER_TIME_MAX: Duration = Duration::from_secs(5);
/// The body of a request must be whole after so long.
const BODY_TIME_MAX: Duration = Duration::from_secs(5);
/// After so long without a request a connection is closed: a browser keeps it for its next page.
const IDLE: Duration = Duration::from_secs(30);
/// What waits is given so long to be taken when the connection ends.
const FAREWELL: Duration = Duration::from_secs(5);

/// A query, as a request brought it.
pub(super) struct Request {
    /// The message.
    pub(super) query: Bytes,
    /// The device that its path names.
    pub(super) id: Option<ClientId>,
}

/// Where a request's query is.
pub(super) enum Place {
    /// In its path: here it is.
    Path(Bytes),
    /// In its body.
    Body,
}

/// Serves one connection to its end.
pub(super) async fn serve<A, S>(mut context: Context<A>, stream: S, seat: &Seat)
where
    A: Answer,
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let desk = Arc::new(Mutex::new(context.answer.desk(1)));
    let requests = Arc::new(Requests::default());
    let service = hyper::service::service_fn(|request: hyper::Request<Incoming>| {
        let (answer, waiting) = (Arc::clone(&context.answer), Arc::clone(&context.waiting));
        let (desk, source) = (Arc::clone(&desk), context.source);
        let seats = Arc::clone(&seat.seats);
        seat.touch();
        let open = requests.open(&seat.place);
        async move {
            let _open = open;
            let response = match read(request).await {
                Ok(Request { query, id }) => {
                    let source = Source { id: id.or(source.id), ..source };
                    let waiting = &waiting;
                    let reply = serve::answer_alone(&answer, &desk, waiting, &query, &source).await;
                    said(reply, &seats)
                }
                Err(status) => refused(status),
            };
            Ok::<_, Infallible>(response)
        }
    });
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME_MAX)
        .max_buf_size(HEADER_OCTETS_MAX as usize)
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEADER_OCTETS_MAX)
        .max_send_buf_size(HEADER_OCTETS_MAX as usize * 4);
    let connection = server.serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let mut seen = 0;
    loop {
        tokio::select! {
            _ = connection.as_mut() => return,
            () = seat.leave.notified() => return,
            () = ended(&mut context.shutdown) => break,
            () = tokio::time::sleep(IDLE) => {
                let now = requests.begun.load(Ordering::Relaxed);
                if now == seen && requests.open.load(Ordering::Relaxed) == 0 {
                    break;
                }
                seen = now;
            }
        }
    }
    connection.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(FAREWELL, connection).await;
}

/// The requests of a connection, in numbers.
#[derive(Debug, Default)]
struct Requests {
    begun: AtomicUsize,
    open: AtomicUsize,
}

/// A request that is being answered.
struct Open {
    requests: Arc<Requests>,
    place: Arc<seats::Place>,
}

impl Requests {
    fn open(self: &Arc<Self>, place: &Arc<seats::Place>) -> Open {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.open.fetch_add(1, Ordering::Relaxed);
        place.busy.store(true, Ordering::Relaxed);
        Open { requests: Arc::clone(self), place: Arc::clone(place) }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if self.requests.open.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.place.busy.store(false, Ordering::Relaxed);
        }
    }
}

/// Reads a request to its end.
async fn read(request: hyper::Request<Incoming>) -> Result<Request, StatusCode> {
    let (parts, body) = request.into_parts();
    let (place, id) = place_of(&parts)?;
    let query = match place {
        Place::Path(query) => query,
        Place::Body => {
            let body = Limited::new(body, QUERY_OCTETS_MAX).collect();
            match tokio::time::timeout(BODY_TIME_MAX, body).await {
                Ok(Ok(body)) => body.to_bytes(),
                Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
                    return Err(StatusCode::PAYLOAD_TOO_LARGE);
                }
                Ok(Err(_)) => return Err(StatusCode::BAD_REQUEST),
                Err(_) => return Err(StatusCode::REQUEST_TIMEOUT),
            }
        }
    };
    whole(query, id)
}

/// A request with its query, where that can be one.
pub(super) fn whole(query: Bytes, id: Option<ClientId>) -> Result<Request, StatusCode> {
    // What even has no header is not answered by DNS.
    if query.len() < super::records::HEADER_OCTETS {
        return Err(StatusCode::BAD_REQUEST);
    }
    Ok(Request { query, id })
}

/// Where the query of a request is, and which device it is of; else why it is none.
pub(super) fn place_of(parts: &Parts) -> Result<(Place, Option<ClientId>), StatusCode> {
    let id = match parts.uri.path().strip_prefix(PATH) {
        Some("" | "/") => None,
        Some(rest) => {
            let id = rest.strip_prefix('/').and_then(ClientId::new);
            Some(id.ok_or(StatusCode::NOT_FOUND)?)
        }
        None => return Err(StatusCode::NOT_FOUND),
    };
    match parts.method {
        Method::GET => {
            let pairs = parts.uri.query().unwrap_or_default().split('&');
            let mut values = pairs.filter_map(|pair| pair.strip_prefix("dns="));
            let encoded = values.next().ok_or(StatusCode::BAD_REQUEST)?;
            if encoded.len() > QUERY_OCTETS_MAX * 4 / 3 + 4 {
                return Err(StatusCode::URI_TOO_LONG);
            }
            let query = BASE64URL_NOPAD.decode(encoded.as_bytes());
            let query = query.map_err(|_| StatusCode::BAD_REQUEST)?;
            Ok((Place::Path(query.into()), id))
        }
        Method::POST => {
            let is_message = parts.headers.get(CONTENT_TYPE) == Some(&MESSAGE_TYPE);
            if is_message { Ok((Place::Body, id)) } else { Err(StatusCode::UNSUPPORTED_MEDIA_TYPE) }
        }
        _ => Err(StatusCode::METHOD_NOT_ALLOWED),
    }
}

/// An answer of DNS, whatever it says (RFC 8484 §4.2.1), kept no longer than its shortest TTL (§5.1).
pub(super) fn said(reply: Option<Vec<u8>>, seats: &Arc<Seats>) -> Response<Full<Bytes>> {
    let Some(reply) = reply else { return refused(StatusCode::BAD_REQUEST) };
    let max_age = format!("max-age={}", life_seconds(&reply));
    let Some(reply) = seats.hold_reply(reply) else {
        return refused(StatusCode::SERVICE_UNAVAILABLE);
    };
    let mut response = Response::new(Full::new(reply));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, MESSAGE_TYPE);
    if let Ok(max_age) = HeaderValue::try_from(max_age) {
        headers.insert(CACHE_CONTROL, max_age);
    }
    response
}

/// What is said to a request that holds no query.
pub(super) fn refused(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    response
}

/// The shortest TTL of a reply's records, in seconds; 0 of one without any.
fn life_seconds(reply: &[u8]) -> u32 {
    let Some(end) = wire::question_end(reply) else { return 0 };
    let records = Records::new(reply, end).filter_map(Result::ok);
    let ttls = records.filter(|record| record.rtype != rtype::OPT);
    ttls.map(|record| record.ttl_seconds()).min().unwrap_or(0)
}
