//! Names that are answered here and never leave the house.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::name::Name;

/// The household's own records and the special-use names.
#[derive(Debug, Clone, Default)]
pub struct LocalNames {
    /// `dns.records` and the program's own pages: name to addresses.
    records: HashMap<Name, Vec<IpAddr>>,
    /// Zones that `dns.forward` sends elsewhere: they are not ours to answer.
    forwarded: Vec<Name>,
}

/// How a local name is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalAnswer {
    /// With the addresses of [`LocalNames::addresses`]; NODATA for other types.
    Records,
    /// With the loopback addresses; NODATA for other types (RFC 6761 §6.3).
    Loopback,
    /// With the address the question came to: the program itself.
    Myself,
    /// The name exists, without data (RFC 9462 §4 for `resolver.arpa`).
    NoData,
    /// There is no such name.
    NoName,
    /// `blocked.amparo.test`: answered as every closed site, so that a family can see it.
    Blocked,
}

impl LocalNames {
    /// The names of a household: `dns.records`, the zones of `dns.forward`, and the names of the
    /// program's own pages.
    #[must_use]
    pub fn new(
        records: Vec<(Name, Vec<IpAddr>)>,
        forwarded: Vec<Name>,
        _own_pages: Vec<Name>,
    ) -> Self {
        LocalNames { records: records.into_iter().collect(), forwarded }
    }

    /// How the name is answered here; none when it is for upstream.
    #[must_use]
    pub fn find(&self, _name: &Name) -> Option<LocalAnswer> {
        None
    }

    /// The addresses of a name whose answer is [`LocalAnswer::Records`].
    #[must_use]
    pub fn addresses(&self, name: &Name) -> &[IpAddr] {
        self.records.get(name).map_or(&[], Vec::as_slice)
    }
}
