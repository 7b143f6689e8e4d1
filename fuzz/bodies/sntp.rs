//! Any packet is an answer of a time server to one question, or none.

use amparo::clock;
use amparo::timekeeping::sntp::{self, Answer};
use jiff::SignedDuration;

/// What an answer must repeat; the seeds do.
const NUMBER: [u8; 8] = *b"number!!";

pub(crate) fn run(packet: &[u8]) {
    let Ok(Answer { received, sent }) = sntp::read(packet, NUMBER, clock::BUILT) else { return };
    assert!(packet.len() >= 48 && packet[24..32] == NUMBER, "it answers this question");
    assert!(received <= sent && sent.duration_since(received) <= SignedDuration::from_secs(3));
    let away = sent.duration_since(clock::BUILT).abs();
    assert!(away <= SignedDuration::from_secs((1 << 31) + 3), "the century is ours");
}
