//! What goes wrong with an upstream, in words.
//!
//! [`Trouble`] is what one server did; [`Failure`] is what a question came to when nobody
//! answered it. Both are read by the person who looks after the box, so they say what to look at.

use std::fmt;
use std::io;
use std::sync::Arc;

/// Why one upstream gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Trouble {
    /// Silence.
    #[error("it did not answer in time")]
    Silent,
    /// An ICMP or a TCP refusal.
    #[error("nothing listens there (connection refused)")]
    Refused,
    /// The system could not send, or has no route.
    #[error("the network says: {0}")]
    Network(String),
    /// The certificate does not prove who it is.
    #[error("its certificate was not accepted: {0}")]
    Certificate(String),
    /// Any other end of a handshake.
    #[error("the encrypted connection failed: {0}")]
    Tls(String),
    /// A connection ended with questions open.
    #[error("it closed the connection without answering")]
    Broken,
    /// Too many datagrams that were no answer.
    #[error("its answer did not show among forged or damaged ones")]
    Drowned,
    /// It answers with the letters changed, and not over TCP.
    #[error("it changes the letters of names and does not answer over TCP")]
    LettersChanged,
    /// It broke one answer off, or took one question no more.
    #[error("it broke off instead of answering")]
    Reset,
    /// A web server that does not answer questions of DNS there.
    #[error("as a web server it said {0} instead of an answer; compare its path")]
    Status(u16),
    /// It keeps to no rule of its protocol.
    #[error("{0}")]
    Odd(&'static str),
    /// SERVFAIL, REFUSED and the like.
    #[error("it declines to answer")]
    Declined,
}

impl Trouble {
    /// What a failed system call means.
    pub(super) fn of_io(error: &io::Error) -> Self {
        if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Trouble::of_tls(tls);
        }
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the system names many, and may add more"
        )]
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Trouble::Refused,
            io::ErrorKind::TimedOut => Trouble::Silent,
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe => Trouble::Broken,
            _ => Trouble::Network(error.to_string()),
        }
    }

    /// What a failed handshake means.
    pub(super) fn of_tls(error: &rustls::Error) -> Self {
        use rustls::CertificateError as Bad;
        if *error == rustls::Error::AlertReceived(rustls::AlertDescription::NoApplicationProtocol) {
            return Trouble::Tls("it does not speak what this scheme needs".to_owned());
        }
        let rustls::Error::InvalidCertificate(bad) = error else {
            return Trouble::Tls(error.to_string());
        };
        let said = bad.to_string();
        #[expect(clippy::wildcard_enum_match_arm, reason = "rustls names many, and may add more")]
        let words = match bad {
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
                "it is for another name; compare what follows `#` in the upstream's address"
            }
            Bad::Expired | Bad::ExpiredContext { .. } => {
                "it has expired, or this machine's clock is ahead"
            }
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
                "it is not valid yet, or this machine's clock is behind"
            }
            Bad::UnknownIssuer | Bad::BadSignature => "nobody we trust has signed it",
            _ => said.as_str(),
        };
        Trouble::Certificate(words.to_owned())
    }

    fn kind(&self) -> FailureKind {
        match self {
            Trouble::Silent | Trouble::Drowned => FailureKind::Timeout,
            Trouble::Refused
            | Trouble::Network(_)
            | Trouble::Broken
            | Trouble::Reset
            | Trouble::Status(_)
            | Trouble::Odd(_)
            | Trouble::Declined
            | Trouble::LettersChanged => FailureKind::Network,
            Trouble::Certificate(_) | Trouble::Tls(_) => FailureKind::Tls,
        }
    }
}

/// Why a question got no answer from any upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What it was at heart.
    pub kind: FailureKind,
    words: Arc<str>,
}

/// The sorts of [`Failure`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// Nobody answered in time.
    Timeout,
    /// The network refused, or a connection broke.
    Network,
    /// No trustworthy encrypted connection could be had.
    Tls,
    /// Too many questions are open; nobody was asked.
    Busy,
    /// The answer's signatures do not hold (RFC 4035 §4.3), with the extended error that says why.
    Bogus(u16),
}

impl Failure {
    /// Nobody was asked, because of a limit of ours.
    pub(super) fn busy(words: &str) -> Self {
        Failure { kind: FailureKind::Busy, words: words.into() }
    }

    /// An answer came that is not to be believed.
    pub(super) fn bogus(extended_error: u16, why: &str) -> Self {
        let words = format!("the answer is not to be believed: {why}").into();
        Failure { kind: FailureKind::Bogus(extended_error), words }
    }

    /// An answer came, and upstreams decline to say what is needed to check it.
    pub(super) fn declined() -> Self {
        let words = "no upstream says what is needed to check the answer".into();
        Failure { kind: FailureKind::Network, words }
    }

    /// An answer came, and what is needed to check it did not.
    pub(super) fn unchecked_in_time() -> Self {
        let words = "what is needed to check the answer did not come in time".into();
        Failure { kind: FailureKind::Timeout, words }
    }

    /// Each upstream by its address, with what it did.
    pub(super) fn of(troubles: &[(&str, Trouble)]) -> Self {
        let kind = troubles.last().map_or(FailureKind::Timeout, |(_, trouble)| trouble.kind());
        let told: Vec<String> =
            troubles.iter().map(|(url, trouble)| format!("{url}: {trouble}")).collect();
        Failure { kind, words: told.join("; ").into() }
    }

    /// The extended error to answer with (RFC 8914 §4.23, §4.24): 22, no reachable authority, or
    /// 23, network error. For a limit of ours 0, other (§4.1). For what is bogus 5 to 12.
    #[must_use]
    pub fn extended_error(&self) -> u16 {
        match self.kind {
            FailureKind::Timeout => 22,
            FailureKind::Network | FailureKind::Tls => 23,
            FailureKind::Busy => 0,
            FailureKind::Bogus(code) => code,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl std::error::Error for Failure {}
