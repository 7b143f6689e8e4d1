//! Why a list did not come, in words for whoever looks after the box.
//!
//! The sentences say what went wrong and where; what is in force meanwhile, the caller adds. An
//! address may hold a password or a token, so only hosts are told.

use std::error::Error as _;
use std::io;
use std::net::IpAddr;

/// How hyper says that it stopped reading headers; it lets only servers ask.
const HEAD_TOO_LARGE: &str = "message head is too large";

/// Why a list did not come.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The address cannot be read, or is of another kind.
    #[error("the address of the list is none that can be fetched: {0}")]
    Address(String),
    /// The name cannot be looked up.
    #[error("{host} could not be found: {why}")]
    Unknown {
        /// The server.
        host: String,
        /// What the look-up says.
        why: String,
    },
    /// A machine of the household, where no parent wrote it.
    #[error(
        "{host} leads to {address}, a machine of this household or of the network around it; lists \
         come from there only when the config names that host itself"
    )]
    Household {
        /// The server.
        host: String,
        /// Where it leads.
        address: IpAddr,
    },
    /// No machine's address.
    #[error(
        "{host} leads to {address}, which is no server's address (a blocked name looks like this)"
    )]
    Nobody {
        /// The server.
        host: String,
        /// Where it leads.
        address: IpAddr,
    },
    /// No connection.
    #[error("{host} cannot be reached: {why}")]
    Unreachable {
        /// The server, or the proxy.
        host: String,
        /// What the network says.
        why: String,
    },
    /// Its certificate does not prove who it is.
    #[error("{host} did not prove who it is: {why}")]
    Certificate {
        /// The server.
        host: String,
        /// What is wrong with the certificate.
        why: String,
    },
    /// Any other failure of the encrypted connection.
    #[error("the encrypted connection to {host} failed: {why}")]
    Tls {
        /// The server.
        host: String,
        /// What went wrong.
        why: String,
    },
    /// The proxy of the environment.
    #[error("the proxy {proxy} {why}")]
    Proxy {
        /// Its host.
        proxy: String,
        /// What it did.
        why: String,
    },
    /// From https to http.
    #[error("{0} sends us on over an unencrypted connection, where anybody could change the list")]
    Downgrade(String),
    /// In a circle.
    #[error("{0} sends us in a circle")]
    Circle(String),
    /// Too often.
    #[error("{host} sends us on and on ({redirects} times)")]
    Redirects {
        /// Who did so last.
        host: String,
        /// How often we went.
        redirects: usize,
    },
    /// To nowhere.
    #[error("{0} sends us on, but to no address that can be fetched")]
    Location(String),
    /// Anything but a list.
    #[error("{}", status_sentence(host, *status))]
    Status {
        /// The server.
        host: String,
        /// What it says (RFC 9110 §15).
        status: u16,
    },
    /// "Not modified" where we have nothing.
    #[error("{0} says that nothing has changed, but was not asked that")]
    NotAsked(String),
    /// It speaks something else.
    #[error("{host} does not answer as a web server does: {why}")]
    NotHttp {
        /// The server.
        host: String,
        /// What is wrong with its answer.
        why: String,
    },
    /// Too many or too long headers.
    #[error("{0} answers with more headers than any list needs")]
    Headers(String),
    /// Packed in a way we did not offer.
    #[error("{host} sends the list packed as `{encoding}`, which it was not asked for")]
    Encoding {
        /// The server.
        host: String,
        /// Its `Content-Encoding`.
        encoding: String,
    },
    /// More than the limit.
    #[error("the list is larger than {} MiB", octets_max / 1024 / 1024)]
    TooLarge {
        /// The limit in octets.
        octets_max: u64,
    },
    /// No answer.
    #[error("{0} does not answer")]
    Silent(String),
    /// Too little too late.
    #[error("{host} is too slow: less than {octets_min} octets in {seconds} s")]
    Slow {
        /// The server.
        host: String,
        /// What should have come.
        octets_min: u64,
        /// In this time.
        seconds: u64,
    },
    /// The whole took too long.
    #[error("it was not all here after {seconds} s")]
    TooLong {
        /// The limit.
        seconds: u64,
    },
    /// It ended before its end.
    #[error("the list broke off after {octets} octets{}", of_octets(*of))]
    Cut {
        /// What came.
        octets: u64,
        /// What the server announced.
        of: Option<u64>,
    },
    /// No octets.
    #[error("{0} sent an empty file")]
    Empty(String),
    /// It could not be written.
    #[error("the list could not be written to the disk: {0}")]
    Disk(String),
}

/// What a status means to who asked for a list.
fn status_sentence(host: &str, status: u16) -> String {
    let says = match status {
        401 | 407 => "asks for a name and a password",
        403 | 451 => "does not let us have the list",
        404 | 410 => "says there is no such list",
        408 | 504 => "says it took too long",
        429 => "says it was asked too often",
        500 | 502 => "has a fault of its own",
        503 => "says it is too busy or under repair",
        200..=299 => "answers with something other than a list",
        300..=399 => "sends us on in a way we cannot follow",
        400..=499 => "does not accept the question",
        500..=599 => "cannot serve the list",
        _ => "answers with a number nobody knows",
    };
    format!("{host} {says} ({status})")
}

fn of_octets(of: Option<u64>) -> String {
    of.map_or_else(String::new, |of| format!(" of {of}"))
}

// === impl Trouble ===

impl Trouble {
    /// What a failed system call means on the way to `host`.
    pub(super) fn of_io(host: &str, error: &io::Error) -> Self {
        let host = host.to_owned();
        if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Trouble::of_tls(host, tls);
        }
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the system names many, and may add more"
        )]
        let why = match error.kind() {
            io::ErrorKind::ConnectionRefused => "nothing listens there".to_owned(),
            io::ErrorKind::TimedOut => "it is silent".to_owned(),
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe => "it closed the connection".to_owned(),
            _ => error.to_string(),
        };
        Trouble::Unreachable { host, why }
    }

    /// What a failed handshake means.
    pub(super) fn of_handshake(host: &str, error: &io::Error) -> Self {
        let trouble = Trouble::of_io(host, error);
        let Trouble::Unreachable { host, why } = trouble else { return trouble };
        Trouble::Tls { host, why }
    }

    fn of_tls(host: String, error: &rustls::Error) -> Self {
        use rustls::CertificateError as Bad;
        let rustls::Error::InvalidCertificate(bad) = error else {
            return Trouble::Tls { host, why: error.to_string() };
        };
        #[expect(clippy::wildcard_enum_match_arm, reason = "rustls names many, and may add more")]
        let why = match bad {
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
                "its certificate is for another name".to_owned()
            }
            Bad::Expired | Bad::ExpiredContext { .. } => {
                "its certificate has expired, or this machine's clock is ahead".to_owned()
            }
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
                "its certificate is not valid yet, or this machine's clock is behind".to_owned()
            }
            Bad::UnknownIssuer | Bad::BadSignature => {
                "nobody we trust has signed its certificate".to_owned()
            }
            _ => bad.to_string(),
        };
        Trouble::Certificate { host, why }
    }

    /// What a failed exchange means before the list began.
    pub(super) fn of_http(host: &str, error: &hyper::Error) -> Self {
        // hyper keeps what the socket said behind its own words.
        if let Some(io) = error.source().and_then(|inner| inner.downcast_ref::<io::Error>()) {
            return Trouble::of_io(host, io);
        }
        let host = host.to_owned();
        if error.is_parse() && error.to_string() == HEAD_TOO_LARGE {
            return Trouble::Headers(host);
        }
        if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
            let why = "it closed the connection without an answer".to_owned();
            return Trouble::Unreachable { host, why };
        }
        Trouble::NotHttp { host, why: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn status(status: u16, expected: &str) {
        let trouble = Trouble::Status { host: "lists.example".to_owned(), status };
        assert_eq!(trouble.to_string(), expected);
    }

    #[test]
    fn a_status_is_a_sentence() {
        status(404, "lists.example says there is no such list (404)");
        status(410, "lists.example says there is no such list (410)");
        status(403, "lists.example does not let us have the list (403)");
        status(429, "lists.example says it was asked too often (429)");
        status(500, "lists.example has a fault of its own (500)");
        status(503, "lists.example says it is too busy or under repair (503)");
        status(204, "lists.example answers with something other than a list (204)");
        status(999, "lists.example answers with a number nobody knows (999)");
    }

    #[test]
    fn what_is_missing_is_told_where_it_is_known() {
        let cut = |of| Trouble::Cut { octets: 99, of }.to_string();
        assert_eq!(cut(Some(100)), "the list broke off after 99 octets of 100");
        assert_eq!(cut(None), "the list broke off after 99 octets");
    }
}
