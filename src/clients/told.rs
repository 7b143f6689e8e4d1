//! What others say of the device behind a question: a trusted forwarder, an encrypted connection.

use std::net::IpAddr;

use super::address::{ClientId, Mac};

/// What a question brings of its device, beside the address it came from. Whoever brings it is
/// trusted; that is looked at before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Told {
    /// Its hardware address.
    pub mac: Option<Mac>,
    /// Its own address, where another one asks for it.
    pub address: Option<IpAddr>,
    /// Its id.
    pub id: Option<ClientId>,
}

impl Told {
    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Told::default()
    }
}
