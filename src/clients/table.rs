//! The table of devices: pure, address in, client out.

use std::net::IpAddr;
use std::sync::Arc;

use super::neighbours::Neighbours;
use crate::policy::rules::SubjectId;

/// How a device is named in the config file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A hardware address, found in the kernel's neighbour table.
    Mac(Mac),
    /// One address, or a range in CIDR form; the length counts the fixed bits.
    Net(IpAddr, u8),
}

/// A hardware address (EUI-48).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mac(pub [u8; 6]);

/// One device of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRule {
    /// How it is recognised.
    pub address: Address,
    /// Whose it is.
    pub subject: SubjectId,
}

/// The devices of a household.
#[derive(Debug, Clone, Default)]
pub struct Table {}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Whose rules hold.
    pub subject: SubjectId,
    /// The device as the journal names it: its MAC where that is known, else its address.
    pub device: Arc<str>,
}

impl Table {
    /// The table of these rules.
    #[must_use]
    pub fn new(_rules: &[DeviceRule]) -> Self {
        Table {}
    }

    /// Who asks from this address.
    #[must_use]
    pub fn identify(&self, from: IpAddr, _neighbours: &Neighbours) -> Client {
        Client { subject: SubjectId::UNKNOWN, device: from.to_string().into() }
    }
}
