//! A time server of the tests.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::{SignedDuration, Timestamp};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

/// A time server on loopback, until it is dropped.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    asked: Arc<AtomicUsize>,
    _task: JoinSet<()>,
}

impl Server {
    /// Shows this time.
    pub(super) async fn shows(at: Timestamp) -> Self {
        Self::scripted(at, |answer| answer).await
    }

    /// Shows this time, and what is sent is what the script makes of an honest answer. An empty
    /// answer is not sent.
    pub(super) async fn scripted(
        at: Timestamp,
        script: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let socket = loopback().await;
        let address = socket.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let mut task = JoinSet::new();
        let counted = Arc::clone(&asked);
        task.spawn(async move {
            let mut octets = [0; 100];
            while let Ok((length, from)) = socket.recv_from(&mut octets).await {
                counted.fetch_add(1, Ordering::Relaxed);
                let answer = script(honest(&octets[..length], at));
                if !answer.is_empty() {
                    socket.send_to(&answer, from).await.unwrap();
                }
            }
        });
        Server { address, asked, _task: task }
    }

    /// How often it was asked.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

/// A socket on loopback.
pub(super) async fn loopback() -> UdpSocket {
    UdpSocket::bind((IpAddr::from(Ipv4Addr::LOCALHOST), 0)).await.unwrap()
}

/// What a server of stratum 2 answers to a question.
pub(super) fn honest(question: &[u8], at: Timestamp) -> Vec<u8> {
    assert_eq!((question.len(), question[0]), (48, 0x23), "a client of version 4");
    assert_eq!(question[1..40], [0; 39], "which says nothing of itself");
    let mut answer = vec![0x24, 2, 0, 0xec];
    answer.extend([0, 0, 0x10, 0, 0, 0, 0x08, 0]);
    answer.extend([127, 0, 0, 1]);
    answer.extend(stamp(at - SignedDuration::from_secs(30)));
    answer.extend(&question[40..]);
    answer.extend(stamp(at));
    answer.extend(stamp(at));
    answer
}

/// A time as NTP writes it, to the second.
pub(super) fn stamp(at: Timestamp) -> [u8; 8] {
    let since_1900 = at.as_second() + 2_208_988_800;
    let seconds = u32::try_from(since_1900.rem_euclid(1 << 32)).unwrap();
    (u64::from(seconds) << 32).to_be_bytes()
}
