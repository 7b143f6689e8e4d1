//! Encrypted questions: where they come in, and the certificate that is shown to whoever asks.
//!
//! Plain DNS never waits for it: what cannot be bound or read is told, and all else goes on.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tracing::warn;

use super::loops::told;
use super::{Shared, Task};
use crate::config::settings::EncryptedSettings;
use crate::dns::Resolver;
use crate::dns::quic;
use crate::dns::seats::Seats;
use crate::dns::tcp::{self, Speech, TcpListener};
use crate::dns::tls::{Identity, alpn};
use crate::words::{Language, Words, encrypted as words};

/// The largest file of a certificate or key that is read: a long chain has some 20 KiB.
const FILE_OCTETS_MAX: u64 = 256 * 1024;

/// Who this program says it is, and what is wrong with that.
#[derive(Debug, Default)]
pub(super) struct Encrypted {
    pub(super) identity: Arc<Identity>,
    trouble: Mutex<Option<Words>>,
}

/// A place where encrypted questions come in: bound, and not yet served.
pub(super) struct Place {
    address: SocketAddr,
    spoken: &'static str,
    socket: Socket,
}

enum Socket {
    Tls(TcpListener),
    Https(TcpListener),
    /// DNS over QUIC, or HTTP/3: it knows which.
    Quic(quic::Listener),
}

impl Place {
    /// How it is written: `tls://0.0.0.0:853`.
    pub(super) fn written(&self) -> String {
        format!("{}://{}", self.spoken, self.address)
    }
}

/// Binds what the config names; what cannot be bound is told.
pub(super) fn bind(settings: Option<&EncryptedSettings>, notices: &mut Vec<String>) -> Vec<Place> {
    let Some(settings) = settings else { return Vec::new() };
    let stream = |socket: fn(TcpListener) -> Socket, address: SocketAddr| {
        TcpListener::bind(address).map(|bound| (bound.local_addr(), socket(bound)))
    };
    let datagrams = |speech: quic::Speech, address: SocketAddr| {
        let bound = quic::Listener::bind(address, speech)?;
        Ok((bound.local_addr()?, Socket::Quic(bound)))
    };
    let mut places = Vec::new();
    let mut keep = |spoken: &'static str, wanted: SocketAddr, bound: std::io::Result<_>| match bound
    {
        Ok((address, socket)) => {
            places.push(Place { address, spoken, socket });
            Some(address)
        }
        Err(error) => {
            warn!("{spoken}://{wanted} cannot be bound: {error}");
            notices.push(format!("{spoken}://{wanted} cannot be listened on: {error}"));
            None
        }
    };
    for &wanted in &settings.tls {
        keep("tls", wanted, stream(Socket::Tls, wanted));
    }
    for &wanted in &settings.https {
        // HTTP/3 on the port that HTTP/2 has.
        let bound = keep("https", wanted, stream(Socket::Https, wanted)).unwrap_or(wanted);
        keep("h3", bound, datagrams(quic::Speech::Http3, bound));
    }
    for &wanted in &settings.quic {
        keep("quic", wanted, datagrams(quic::Speech::Quic, wanted));
    }
    places
}

/// What serves each place, until told to stop.
pub(super) fn serve(
    places: Vec<Place>,
    shared: &Shared,
    seats: &Arc<Seats>,
    stopped: &watch::Receiver<bool>,
) -> Vec<Task> {
    let task = |place: Place| -> Task {
        let Place { address, socket, .. } = place;
        let resolver: Arc<Resolver> = Arc::clone(&shared.resolver);
        let (seats, stop) = (Arc::clone(seats), stopped.clone());
        let identity = Arc::clone(&shared.encrypted.identity);
        let clock = shared.clock.clone();
        let (listener, speech) = match socket {
            Socket::Tls(listener) => {
                (listener, Speech::Tls(identity.acceptor(&[alpn::DOT], &clock)))
            }
            Socket::Https(listener) => {
                let protocols = [alpn::H2, alpn::HTTP_1_1];
                (listener, Speech::Https(identity.acceptor(&protocols, &clock)))
            }
            Socket::Quic(listener) => {
                return Box::pin(async move {
                    let served = quic::run(listener, identity, resolver, seats, clock, stop);
                    told(address, served.await);
                });
            }
        };
        Box::pin(async move {
            told(address, tcp::run(listener, speech, resolver, seats, stop).await);
        })
    };
    places.into_iter().map(task).collect()
}

impl Encrypted {
    /// Reads the certificate and its key anew, and shows them from now on. What cannot be taken leaves
    /// what was shown before, and is told.
    pub(super) fn read(&self, settings: Option<&EncryptedSettings>) {
        let trouble = settings.and_then(|settings| self.show(settings).err());
        if let Some(trouble) = &trouble {
            warn!("{}", trouble.en);
        }
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// What is wrong with it, where something is.
    pub(super) fn trouble(&self) -> Option<Words> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn show(&self, settings: &EncryptedSettings) -> Result<(), Words> {
        let sentence = if self.identity.is_shown() {
            &words::OLD_CERTIFICATE_SERVES
        } else {
            &words::NO_CERTIFICATE
        };
        let tell = |path: &Path, why: &str| {
            let path = path.display().to_string();
            let fill = |language| sentence.fill(language, &path, why).into();
            Words { es: fill(Language::Es), en: fill(Language::En) }
        };
        let chain = read(&settings.certificate);
        let chain = chain.map_err(|error| tell(&settings.certificate, &error.to_string()))?;
        let key = read(&settings.private_key);
        let key = key.map_err(|error| tell(&settings.private_key, &error.to_string()))?;
        let shown = self.identity.show(&chain, &key, settings.hostname);
        shown.map_err(|unusable| tell(&settings.certificate, &unusable.to_string()))
    }
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut octets = Vec::new();
    std::fs::File::open(path)?.take(FILE_OCTETS_MAX).read_to_end(&mut octets)?;
    Ok(octets)
}
