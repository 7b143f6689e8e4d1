//! What SVCB and HTTPS records say beside the name they lead to (RFC 9460).
//!
//! A record may carry addresses of its own, and the key by which a browser hides from the network
//! which site it opens. Start at [`params`].

use std::net::IpAddr;
use std::ops::Range;

use super::records::{address, skip_name, u16_at};

/// Addresses of the service (RFC 9460 §7.3).
pub(super) const IPV4HINT: u16 = 4;
/// The key of Encrypted Client Hello (RFC 9848 §3).
pub(super) const ECH: u16 = 5;
/// Like [`IPV4HINT`].
pub(super) const IPV6HINT: u16 = 6;

/// One parameter of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Param {
    /// Its number.
    pub(super) key: u16,
    /// Where it stands in the message, number and length included.
    pub(super) whole: Range<usize>,
}

/// The parameters of the record whose RDATA lie at `data`, in the order they stand. One that is cut
/// short ends them: whoever reads the record takes it for broken too (RFC 9460 §2.2).
pub(super) fn params(message: &[u8], data: &Range<usize>) -> impl Iterator<Item = Param> {
    let mut at = skip_name(message, data.start + 2).unwrap_or(data.end);
    std::iter::from_fn(move || {
        let (key, length) = (u16_at(message, at)?, u16_at(message, at + 2)?);
        let whole = at..at + 4 + usize::from(length);
        at = whole.end;
        (whole.end <= data.end).then_some(Param { key, whole })
    })
}

/// The addresses the record carries.
pub(super) fn hints(message: &[u8], data: &Range<usize>) -> impl Iterator<Item = IpAddr> {
    params(message, data).flat_map(move |Param { key, whole }| {
        let size = match key {
            IPV4HINT => 4,
            IPV6HINT => 16,
            // No address is as long as all that follows its length.
            _ => usize::MAX,
        };
        message[whole.start + 4..whole.end].chunks_exact(size).filter_map(address)
    })
}
