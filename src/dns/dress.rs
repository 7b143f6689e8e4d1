//! What a reply over a stream carries beside its answer: how long the connection is kept, and padding.
//!
//! Both only for a client that asked for them. Start at [`Wants::of`].

use super::options;
use super::records::{MESSAGE_OCTETS_MAX, Records, rtype, u16_at};
use super::serve::Transport;
use super::wire;

/// EDNS TCP keepalive (RFC 7828 §3.1).
pub(super) const KEEPALIVE: u16 = 11;
/// Padding (RFC 7830 §3).
const PADDING: u16 = 12;
/// Replies are padded to a multiple of this, so that their length does not tell the name (RFC 8467
/// §4.1).
const BLOCK_OCTETS: usize = 468;
/// An option's code and length.
const OPTION_HEAD_OCTETS: usize = 4;

/// What a query wants its reply to carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Wants {
    /// How long the connection is kept.
    pub(super) keepalive: bool,
    padding: bool,
}

impl Wants {
    /// What a query wants that came this way: padding hides nothing where all can read it, and QUIC
    /// and HTTP know by themselves how long a connection is kept.
    pub(super) fn of(query: &[u8], by: Transport) -> Self {
        let Ok(question) = wire::question(query) else { return Wants::default() };
        let mut wants = Wants::default();
        for (code, _) in options::all(query, &question) {
            wants.keepalive |= code == KEEPALIVE && matches!(by, Transport::Tcp | Transport::Tls);
            wants.padding |= code == PADDING && by.is_encrypted();
        }
        wants
    }

    /// Writes it into a reply. `kept_seconds`: how long the connection is kept without a query.
    pub(super) fn dress(self, reply: &mut Vec<u8>, kept_seconds: u64) {
        if self == Wants::default() {
            return;
        }
        // Our OPT record is the last one.
        let Some(length_at) = opt_length_at(reply) else { return };
        if self.keepalive {
            // In tenths of a second.
            let timeout = u16::try_from(kept_seconds * 10).unwrap_or(u16::MAX);
            put(reply, KEEPALIVE, &timeout.to_be_bytes());
        }
        if self.padding {
            let bare = reply.len() + OPTION_HEAD_OCTETS;
            let whole = bare.next_multiple_of(BLOCK_OCTETS).min(MESSAGE_OCTETS_MAX);
            put(reply, PADDING, &vec![0; whole.saturating_sub(bare)]);
        }
        let length = reply.len() - length_at - 2;
        match u16::try_from(length) {
            Ok(length) if reply.len() <= MESSAGE_OCTETS_MAX => {
                reply[length_at..length_at + 2].copy_from_slice(&length.to_be_bytes());
            }
            // It is as long as it may be without.
            Ok(_) | Err(_) => reply.truncate(length_at + 2 + stated(reply, length_at)),
        }
    }
}

/// Where the length of the OPT record stands that ends a reply; none where none does.
fn opt_length_at(reply: &[u8]) -> Option<usize> {
    let last = Records::new(reply, wire::question_end(reply)?).last()?.ok()?;
    let ends = last.rtype == rtype::OPT && last.data.end == reply.len();
    ends.then_some(last.data.start - 2)
}

/// The length that a reply's OPT record says it has.
fn stated(reply: &[u8], length_at: usize) -> usize {
    u16_at(reply, length_at).map_or(0, usize::from)
}

fn put(reply: &mut Vec<u8>, code: u16, data: &[u8]) {
    reply.extend_from_slice(&code.to_be_bytes());
    reply.extend_from_slice(&u16::try_from(data.len()).unwrap_or(0).to_be_bytes());
    reply.extend_from_slice(data);
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::op::Message;
    use proptest::prelude::*;

    /// A query with these empty options, and a reply with that many octets of text.
    fn query(options: &[u16]) -> Vec<u8> {
        let mut packet = b"\xab\xcd\x01\0\0\x01\0\0\0\0\0\x01\x04test\0\0\x10\0\x01".to_vec();
        packet.extend(b"\0\0\x29\x10\0\0\0\0\0");
        packet.extend(u16::try_from(4 * options.len()).unwrap().to_be_bytes());
        for code in options {
            packet.extend(code.to_be_bytes());
            packet.extend([0, 0]);
        }
        packet
    }

    fn reply(text: usize) -> Vec<u8> {
        let mut packet = b"\xab\xcd\x81\x80\0\x01\0\x01\0\0\0\x01\x04test\0\0\x10\0\x01".to_vec();
        packet.extend(b"\xc0\x0c\0\x10\0\x01\0\0\0\x3c");
        packet.extend(u16::try_from(text).unwrap().to_be_bytes());
        packet.extend(vec![0; text]);
        packet.extend(b"\0\0\x29\x04\xd0\0\0\0\0\0\0");
        packet
    }

    fn dressed(options: &[u16], by: Transport, text: usize) -> Vec<u8> {
        let mut reply = reply(text);
        Wants::of(&query(options), by).dress(&mut reply, 30);
        reply
    }

    #[test]
    fn padding_fills_blocks_where_nobody_can_read() {
        for by in [Transport::Tls, Transport::Https, Transport::Quic] {
            assert_eq!(dressed(&[PADDING], by, 10).len(), 468);
            assert_eq!(dressed(&[PADDING], by, 466).len(), 936);
            assert_eq!(dressed(&[], by, 10), reply(10));
        }
        for by in [Transport::Udp, Transport::Tcp] {
            assert_eq!(dressed(&[PADDING], by, 10), reply(10));
        }
    }

    #[test]
    fn how_long_a_connection_is_kept_is_told_on_streams_of_their_own() {
        for by in [Transport::Tcp, Transport::Tls] {
            let told = dressed(&[KEEPALIVE], by, 10);
            assert!(told.ends_with(&[0, 11, 0, 2, 0x01, 0x2c]), "{told:?}");
        }
        for by in [Transport::Udp, Transport::Https, Transport::Quic] {
            assert_eq!(dressed(&[KEEPALIVE], by, 10), reply(10));
        }
    }

    proptest! {
        #[test]
        fn a_reply_stays_whole(
            options in proptest::collection::vec(10u16..13, 0..4),
            text in 0usize..65_000,
        ) {
            let reply = dressed(&options, Transport::Tls, text);
            prop_assert!(reply.len() <= MESSAGE_OCTETS_MAX);
            prop_assert!(Message::from_vec(&reply).is_ok());
        }

        #[test]
        fn any_octets_are_dressed_or_left(mut octets in proptest::collection::vec(any::<u8>(), 0..600)) {
            Wants { keepalive: true, padding: true }.dress(&mut octets, 30);
        }
    }
}
