//! The proxy that the environment names, where it names one.
//!
//! `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in capitals or not, as curl reads
//! them. An address over http is asked for through the proxy; for one over https the proxy makes
//! a tunnel (CONNECT, RFC 9110 §9.3.6), so that it sees the host's name and nothing else.

use hyper::Uri;
use hyper::header::HeaderValue;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::trouble::Trouble;

/// The longest answer to CONNECT that is read, in octets: a status and some headers.
const ANSWER_OCTETS_MAX: usize = 8 * 1024;

/// Which proxy serves which address.
#[derive(Debug)]
pub(super) struct Proxies(Matcher);

/// A proxy.
#[derive(Debug, Clone)]
pub(super) struct Proxy {
    /// Its host, without the brackets of an IPv6 address.
    pub(super) host: String,
    /// Its port.
    pub(super) port: u16,
    /// Whether it is spoken to over TLS.
    pub(super) is_tls: bool,
    /// `Proxy-Authorization`, where the environment holds a password.
    pub(super) authorization: Option<HeaderValue>,
}

// === impl Proxies ===

impl Proxies {
    /// Those of the environment.
    pub(super) fn of_environment() -> Self {
        Proxies(Matcher::from_env())
    }

    /// One for every address but those in `no_proxy`.
    #[cfg(test)]
    pub(super) fn all(proxy: &str, no_proxy: &str) -> Self {
        Proxies(Matcher::builder().all(proxy.to_owned()).no(no_proxy.to_owned()).build())
    }

    /// The proxy for an address; none: it is asked for directly.
    ///
    /// # Errors
    /// A proxy of a kind that is not spoken. To go around it would break the rule it stands for.
    pub(super) fn of(&self, uri: &Uri) -> Result<Option<Proxy>, Trouble> {
        let Some(found) = self.0.intercept(uri) else { return Ok(None) };
        Proxy::new(&found).map(Some)
    }
}

// === impl Proxy ===

impl Proxy {
    fn new(found: &Intercept) -> Result<Self, Trouble> {
        let uri = found.uri();
        let host = uri.host().unwrap_or_default();
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let (is_tls, usual_port) = match uri.scheme_str() {
            Some("http") => (false, 80),
            Some("https") => (true, 443),
            other => {
                let kind = other.unwrap_or("none");
                let why = format!(
                    "of the environment is of a kind that is not spoken ({kind}): name an \
                     http:// or https:// one in HTTPS_PROXY, or add the list's host to NO_PROXY"
                );
                return Err(Trouble::Proxy { proxy: host.to_owned(), why });
            }
        };
        Ok(Proxy {
            host: host.to_owned(),
            port: uri.port_u16().unwrap_or(usual_port),
            is_tls,
            authorization: found.basic_auth().cloned(),
        })
    }

    /// Asks for a tunnel to `host:port` over a connection to the proxy.
    pub(super) async fn tunnel(
        &self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        authority: &str,
    ) -> Result<(), Trouble> {
        let mut ask = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n").into_bytes();
        if let Some(authorization) = &self.authorization {
            ask.extend_from_slice(b"Proxy-Authorization: ");
            ask.extend_from_slice(authorization.as_bytes());
            ask.extend_from_slice(b"\r\n");
        }
        ask.extend_from_slice(b"\r\n");
        let broken = |error: std::io::Error| Trouble::of_io(&self.host, &error);
        stream.write_all(&ask).await.map_err(broken)?;
        stream.flush().await.map_err(broken)?;
        let mut answer = Vec::new();
        // Octet by octet: what follows the empty line belongs to the server behind the tunnel.
        while !answer.ends_with(b"\r\n\r\n") {
            if answer.len() == ANSWER_OCTETS_MAX {
                return Err(self.refuses("answers with more than a tunnel needs".to_owned()));
            }
            answer.push(stream.read_u8().await.map_err(broken)?);
        }
        match status(&answer) {
            Some(200..=299) => Ok(()),
            Some(407) => {
                let why = "asks for a name and a password: write them into HTTPS_PROXY as \
                           http://name:password@host:port (407)";
                Err(self.refuses(why.to_owned()))
            }
            Some(code) => Err(self.refuses(format!("makes no tunnel to {authority} ({code})"))),
            None => Err(self.refuses("does not answer as a proxy does".to_owned())),
        }
    }

    /// The proxy itself could not be reached.
    pub(super) fn trouble(&self, trouble: &Trouble) -> Trouble {
        self.refuses(format!("of the environment is out of reach: {trouble}"))
    }

    /// Trouble that is the proxy's.
    fn refuses(&self, why: String) -> Trouble {
        Trouble::Proxy { proxy: self.host.clone(), why }
    }
}

/// The status in the first line of an answer: `HTTP/1.1 200 Connection established`.
fn status(answer: &[u8]) -> Option<u16> {
    let rest = answer.strip_prefix(b"HTTP/1.")?.get(1..)?.strip_prefix(b" ")?;
    std::str::from_utf8(rest.get(..3)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The proxy of an address, as `host:port`, or the trouble.
    #[track_caller]
    fn proxy(proxies: &Proxies, uri: &str, expected: &str) {
        let said = match proxies.of(&uri.parse().unwrap()) {
            Ok(Some(proxy)) => format!("{} {} {}", proxy.host, proxy.port, proxy.is_tls),
            Ok(None) => "none".to_owned(),
            Err(trouble) => trouble.to_string(),
        };
        assert!(said.starts_with(expected), "{uri}: {said}");
    }

    #[test]
    fn a_proxy_serves_all_but_what_is_excepted() {
        let proxies = Proxies::all("http://[::1]:3128", "lan.example,192.168.0.0/16");
        proxy(&proxies, "https://a.example/list", "::1 3128 false");
        proxy(&proxies, "http://a.example/list", "::1 3128 false");
        proxy(&proxies, "https://nas.lan.example/list", "none");
        proxy(&proxies, "http://192.168.1.2/list", "none");
        proxy(&Proxies::all("", ""), "http://a.example/", "none");
        proxy(&Proxies::all("http://p.example", "*"), "http://a.example/", "none");
    }

    #[test]
    fn a_proxy_has_the_port_of_its_kind() {
        proxy(&Proxies::all("p.example", ""), "http://a.example/", "p.example 80 false");
        proxy(&Proxies::all("https://p.example", ""), "http://a.example/", "p.example 443 true");
    }

    #[test]
    fn a_proxy_of_another_kind_is_told() {
        let proxies = Proxies::all("socks5://p.example:1080", "");
        let said =
            "the proxy p.example of the environment is of a kind that is not spoken (socks5)";
        proxy(&proxies, "https://a.example/", said);
    }

    proptest! {
        #[test]
        fn any_answer_has_a_status_or_none(answer: Vec<u8>) {
            let _status = status(&answer);
        }
    }

    #[test]
    fn the_status_stands_in_the_first_line() {
        assert_eq!(status(b"HTTP/1.1 200 Connection established\r\n\r\n"), Some(200));
        assert_eq!(status(b"HTTP/1.0 407\r\n\r\n"), Some(407));
        assert_eq!(status(b"HTTP/2 200\r\n"), None);
        assert_eq!(status(b"SSH-2.0-OpenSSH\r\n\r\n"), None);
    }
}
