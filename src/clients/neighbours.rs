//! The kernel's neighbour table: which hardware address stands behind an IP address.

use std::net::IpAddr;

use super::table::Mac;

/// What is known of the neighbours.
#[derive(Debug, Default)]
pub struct Neighbours {}

impl Neighbours {
    /// The hardware address behind an IP address.
    #[must_use]
    pub fn mac_of(&self, _address: IpAddr) -> Option<Mac> {
        None
    }
}
