//! DNS over HTTPS in HTTP/3 (RFC 9114): the frames; what is asked and taken stands in `http.rs`.
//!
//! The library reads a frame whole before it looks at it, however long it says it is. What a server
//! could so fill our memory with is bounded by a watch over what a connection has brought.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use h3::client::SendRequest;
use h3::error::StreamError;
use h3_quinn::OpenStreams;
use hyper::body::{Buf as _, Bytes};
use hyper::http::Uri;
use quinn::Connection;

use super::http::{self, HEADERS_OCTETS_MAX, Resource};
use super::streams::Streams;
use super::trouble::Trouble;

/// The streams a server opens: control, and two of header compression (RFC 9114 §6.2); with some for
/// what it tries out.
pub(super) const THEIR_STREAMS_MAX: u32 = 8;

/// What one connection may bring, in octets, before it is closed and the next question opens
/// another: tens of thousands of answers.
const BROUGHT_OCTETS_MAX: u64 = 16 * 1024 * 1024;

/// How often that is looked at.
const WATCH: Duration = Duration::from_secs(1);

/// HTTP/3 over one connection.
#[derive(Clone)]
pub(super) struct Requests {
    sender: SendRequest<OpenStreams, Bytes>,
    resource: Uri,
}

/// HTTP/3 over a connection whose other end has proved its name. What comes second is to be polled,
/// and done when the connection has closed.
pub(super) async fn over_quic(
    connection: Connection,
    resource: &Resource,
) -> Result<(Requests, impl Future<Output = ()> + use<>), Trouble> {
    let resource = resource.uri()?;
    let (mut driver, sender) = h3::client::builder()
        .max_field_section_size(HEADERS_OCTETS_MAX.into())
        .send_grease(false)
        .build(h3_quinn::Connection::new(connection.clone()))
        .await
        .map_err(|_| Trouble::Broken)?;
    let ended = async move {
        let mut driving = pin!(poll_fn(|cx| driver.poll_close(cx)));
        let mut look = tokio::time::interval(WATCH);
        loop {
            tokio::select! {
                // Why it ended, every open question learns by itself.
                _why = &mut driving => return,
                _ = look.tick() => {
                    if connection.stats().udp_rx.bytes > BROUGHT_OCTETS_MAX {
                        return;
                    }
                }
            }
        }
    };
    Ok((Requests { sender, resource }, ended))
}

impl Streams for Requests {
    async fn ask(mut self, message: Vec<u8>) -> Result<Vec<u8>, Trouble> {
        let of = |error| trouble_of(&error);
        let request = http::request(self.resource, message.len(), ());
        let mut stream = self.sender.send_request(request).await.map_err(of)?;
        stream.send_data(Bytes::from(message)).await.map_err(of)?;
        stream.finish().await.map_err(of)?;
        let response = stream.recv_response().await.map_err(of)?;
        http::judge_head(response.status(), response.headers())?;
        let mut body = Vec::new();
        while let Some(mut piece) = stream.recv_data().await.map_err(of)? {
            while piece.has_remaining() {
                let chunk = piece.chunk();
                http::take(&mut body, chunk)?;
                let length = chunk.len();
                piece.advance(length);
            }
        }
        Ok(body)
    }

    fn close(self) {
        // The last handle that is dropped says that nothing was wrong (RFC 9114 §5.2).
    }
}

fn trouble_of(error: &StreamError) -> Trouble {
    #[expect(clippy::wildcard_enum_match_arm, reason = "h3 may add more")]
    match error {
        StreamError::ConnectionError { .. } | StreamError::RemoteClosing { .. } => Trouble::Broken,
        StreamError::HeaderTooBig { .. } => Trouble::Odd("it sent too long a head"),
        _ => Trouble::Reset,
    }
}
