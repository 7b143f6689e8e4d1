//! A time server that shows what a test tells it to.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use jiff::Timestamp;

/// From 1900, where NTP counts from, to 1970, in seconds.
const SECONDS_TO_1970: i64 = 2_208_988_800;
/// A question or an answer (RFC 4330 §4).
const PACKET_OCTETS: usize = 48;

/// A time server of stratum 2 on loopback, until this goes.
pub(crate) struct TimeServer {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    asked: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
}

impl TimeServer {
    /// One that says it is this time, and always will be.
    pub(crate) fn shows(at: Timestamp) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has ports");
        let address = socket.local_addr().expect("it is bound");
        let (asked, over) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let (counted, ends) = (Arc::clone(&asked), Arc::clone(&over));
        thread::spawn(move || {
            let mut question = [0; PACKET_OCTETS];
            while let Ok((length, from)) = socket.recv_from(&mut question) {
                if ends.load(Ordering::SeqCst) {
                    return;
                }
                if length == PACKET_OCTETS {
                    // Whoever asked may be gone.
                    let _gone = socket.send_to(&answer(&question, at), from);
                    counted.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        TimeServer { address, asked, over }
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for TimeServer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // A packet wakes the thread, which then sees that it is over.
        let waker = UdpSocket::bind("127.0.0.1:0");
        let _woken = waker.and_then(|socket| socket.send_to(&[], self.address));
    }
}

/// What an honest server answers (RFC 5905 §7.3): no leap second ahead, version 4, stratum 2.
fn answer(question: &[u8; PACKET_OCTETS], at: Timestamp) -> Vec<u8> {
    let seconds = u32::try_from((at.as_second() + SECONDS_TO_1970).rem_euclid(1 << 32));
    let stamp = (u64::from(seconds.expect("it is a remainder")) << 32).to_be_bytes();
    let head = [0x24, 2, 6, 0xec, 0, 0, 0, 1, 0, 0, 0, 1, 127, 0, 0, 1];
    // Set at, repeated from the question, received at, sent at.
    [&head[..], &stamp, &question[40..], &stamp, &stamp].concat()
}
