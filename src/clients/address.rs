//! How a device is named: a hardware address, an address, a range, what it calls itself, or an id.
//!
//! As written in the config file. Start reading at [`Address::parse`].

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// How a device is named in the config file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A hardware address, found in the kernel's neighbour table.
    Mac(Mac),
    /// One address, or a range in CIDR form; the length counts the fixed bits.
    Net(IpAddr, u8),
    /// `host:NAME`: what the device calls itself to the DHCP server, or over mDNS. In lower case.
    Host(Box<str>),
    /// `id:NAME`: the id that an encrypted connection or a trusted forwarder brings. In lower case.
    Id(ClientId),
}

/// The id of a device, as an encrypted connection or a trusted forwarder brings it: letters, digits,
/// `-`, `_` and `.`, in lower case, at most [`ClientId::OCTETS_MAX`] of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientId {
    octets: [u8; ClientId::OCTETS_MAX],
    length: u8,
}

/// A hardware address (EUI-48).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mac(pub [u8; 6]);

/// Why a text names no device: a sentence that says what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAddress {
    /// Not any of the known forms.
    #[error(
        "it is neither a hardware address (`3c:22:fb:12:34:56`), nor an address (`192.168.1.42`), nor a range (`192.168.1.0/24`)"
    )]
    Unknown,
    /// It looks like a hardware address, but is none.
    #[error("a hardware address is six pairs of 0-9 and a-f, such as `3c:22:fb:12:34:56`")]
    Mac,
    /// All zeros, or a group's hardware address.
    #[error("no single device has this hardware address; look for the one in its settings")]
    NobodysMac,
    /// `0.0.0.0`, `::` or a group's address.
    #[error("no device asks from this address")]
    NobodysAddress,
    /// `fe80::1%eth0`
    #[error(
        "an address with `%` holds on one machine only: write the device's hardware address instead"
    )]
    Scoped,
    /// `host:` or `id:` without a name that could be one.
    #[error("behind the colon come letters, digits and `-`, 63 at most, like `host:sofia-tablet`")]
    Name,
    /// The length after the `/` is no number, or too large.
    #[error("the number after `/` counts the fixed bits: 0 to {0}")]
    Length(u8),
    /// A range with bits of one device set.
    #[error(
        "`{address}/{length}` is a range with one device in it: write `{range}` for the whole range, or `{address}` for the device alone"
    )]
    HostBits {
        /// The address before the `/`.
        address: IpAddr,
        /// The length after it.
        length: u8,
        /// The range it lies in.
        range: String,
    },
}

// === impl Address ===

impl Address {
    /// Reads a hardware address with `:` or `-` between its pairs, `host:` or `id:` with a name, an
    /// IPv4 or IPv6 address, or a range of either. IPv4 addresses in IPv6 form (`::ffff:192.168.1.42`, RFC 4291 §2.5.5.2)
    /// become IPv4.
    pub fn parse(text: &str) -> Result<Self, NotAnAddress> {
        let text = text.trim();
        if let Some(mac) = Mac::parse(text)? {
            return Ok(Address::Mac(mac));
        }
        if let Some(name) = text.strip_prefix("host:") {
            let name = ClientId::new(name).ok_or(NotAnAddress::Name)?;
            return Ok(Address::Host(name.as_str().into()));
        }
        if let Some(name) = text.strip_prefix("id:") {
            return ClientId::new(name).map(Address::Id).ok_or(NotAnAddress::Name);
        }
        if text.contains('%') {
            return Err(NotAnAddress::Scoped);
        }
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.trim().parse().map_err(|_| NotAnAddress::Unknown)?;
        let length = match length {
            None => bits_of(address),
            Some(digits) => digits
                .trim()
                .parse()
                .ok()
                .filter(|&length| length <= bits_of(address))
                .ok_or(NotAnAddress::Length(bits_of(address)))?,
        };
        Self::checked(address, length)
    }

    fn checked(address: IpAddr, length: u8) -> Result<Self, NotAnAddress> {
        let network = network(address, length);
        if network != address {
            let range = Address::Net(network, length).to_string();
            return Err(NotAnAddress::HostBits { address, length, range });
        }
        let canonical = address.to_canonical();
        // Only what lies whole in ::ffff:0:0/96 has an IPv4 form.
        let mapped = bits_of(address) - bits_of(canonical);
        let (address, length) =
            length.checked_sub(mapped).map_or((address, length), |length| (canonical, length));
        if length == bits_of(address) && (address.is_unspecified() || address.is_multicast()) {
            return Err(NotAnAddress::NobodysAddress);
        }
        Ok(Address::Net(address, length))
    }
}

impl FromStr for Address {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        Self::parse(text)
    }
}

/// The canonical form: a hardware address in lower case with colons, one address without a length,
/// a range with it.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Mac(mac) => write!(f, "{mac}"),
            Address::Net(address, length) if *length == bits_of(*address) => write!(f, "{address}"),
            Address::Net(address, length) => write!(f, "{address}/{length}"),
            Address::Host(name) => write!(f, "host:{name}"),
            Address::Id(id) => write!(f, "id:{}", id.as_str()),
        }
    }
}

// === impl ClientId ===

impl ClientId {
    /// The longest id, in octets: a label of a domain name (RFC 1035 §2.3.4), for it may be one.
    pub const OCTETS_MAX: usize = 63;

    /// The id of a text; none where it holds anything else than an id may.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let is_id = |octet: u8| octet.is_ascii_alphanumeric() || b"-_.".contains(&octet);
        if text.is_empty() || text.len() > Self::OCTETS_MAX || !text.bytes().all(is_id) {
            return None;
        }
        let mut octets = [0; Self::OCTETS_MAX];
        for (octet, letter) in octets.iter_mut().zip(text.bytes()) {
            *octet = letter.to_ascii_lowercase();
        }
        u8::try_from(text.len()).ok().map(|length| ClientId { octets, length })
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.octets[..usize::from(self.length)]).unwrap_or_default()
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

// === impl Mac ===

impl Mac {
    /// The hardware address of one device in these octets; none for all zeros, for groups
    /// (IEEE 802: the lowest bit of the first octet) and for other lengths.
    #[must_use]
    pub fn of_device(octets: &[u8]) -> Option<Self> {
        let mac = Mac(octets.try_into().ok()?);
        (mac.0 != [0; 6] && mac.0[0] & 1 == 0).then_some(mac)
    }

    /// Whether the device made this address up (IEEE 802: the second lowest bit of the first octet,
    /// "locally administered"). Phones, tablets and newer computers show each network another one,
    /// and some a new one after weeks or when the network is forgotten; virtual machines and
    /// containers have such addresses too. It says nothing of who made the device.
    #[must_use]
    pub fn is_random(self) -> bool {
        self.0[0] & 2 != 0
    }

    /// Reads a hardware address; none when the text does not look like one.
    pub(super) fn parse(text: &str) -> Result<Option<Self>, NotAnAddress> {
        let separator = if text.contains('-') { '-' } else { ':' };
        if text.split(separator).count() != 6 || text.contains("::") || text.contains('.') {
            return Ok(None);
        }
        let mut octets = [0; 6];
        for (octet, pair) in octets.iter_mut().zip(text.split(separator)) {
            let is_pair = pair.len() == 2 && pair.bytes().all(|digit| digit.is_ascii_hexdigit());
            *octet =
                u8::from_str_radix(pair, 16).ok().filter(|_| is_pair).ok_or(NotAnAddress::Mac)?;
        }
        Self::of_device(&octets).map(Some).ok_or(NotAnAddress::NobodysMac)
    }
}

/// Lower case with colons.
impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, octet) in self.0.iter().enumerate() {
            let separator = if place == 0 { "" } else { ":" };
            write!(f, "{separator}{octet:02x}")?;
        }
        Ok(())
    }
}

// === helpers ===

/// How many bits an address has.
pub(super) fn bits_of(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// Whether an address lies in the range of `length` fixed bits around `network`.
#[must_use]
pub fn is_inside(address: IpAddr, range: IpAddr, length: u8) -> bool {
    let (address, range) = (address.to_canonical(), range.to_canonical());
    address.is_ipv4() == range.is_ipv4() && network(address, length) == network(range, length)
}

/// The first address of the range of this length that the address lies in.
pub(super) fn network(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length.min(32))).unwrap_or(0);
            Ipv4Addr::from_bits(v4.to_bits() & mask).into()
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length.min(128))).unwrap_or(0);
            Ipv6Addr::from_bits(v6.to_bits() & mask).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn canonical(text: &str) -> String {
        Address::parse(text).unwrap().to_string()
    }

    fn why(text: &str) -> String {
        Address::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn every_form_becomes_the_canonical_one() {
        for (text, expected) in [
            ("3C-22-FB-12-34-56", "3c:22:fb:12:34:56"),
            ("3c:22:fb:12:34:56", "3c:22:fb:12:34:56"),
            (" 192.168.1.42 ", "192.168.1.42"),
            ("192.168.1.42/32", "192.168.1.42"),
            ("192.168.1.0/24", "192.168.1.0/24"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("FD00:0:0::5", "fd00::5"),
            ("fd00::/8", "fd00::/8"),
            ("::1", "::1"),
            ("::/0", "::/0"),
            ("::ffff:192.168.1.42", "192.168.1.42"),
            ("::ffff:192.168.1.0/120", "192.168.1.0/24"),
            ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
            ("host:Sofia-Tablet", "host:sofia-tablet"),
            ("id:mateo-phone", "id:mateo-phone"),
        ] {
            assert_eq!(canonical(text), expected, "{text}");
        }
    }

    #[test]
    fn a_mistake_says_what_to_write() {
        for (text, part) in [
            ("", "neither"),
            ("mateo", "neither"),
            ("host:", "behind the colon"),
            ("host:Sofía", "behind the colon"),
            ("id:a b", "behind the colon"),
            ("192.168.1.420", "neither"),
            ("3c:22:fb:12:34:5", "six pairs"),
            ("3c:22:fb:12:34:5g", "six pairs"),
            ("+c:22:fb:12:34:56", "six pairs"),
            ("00:00:00:00:00:00", "no single device"),
            ("ff:ff:ff:ff:ff:ff", "no single device"),
            ("33:33:00:00:00:01", "no single device"),
            ("0.0.0.0", "no device asks"),
            ("ff02::1", "no device asks"),
            ("fe80::1%eth0", "hardware address instead"),
            ("192.168.1.0/33", "0 to 32"),
            ("fd00::/129", "0 to 128"),
            ("192.168.1.0/x", "0 to 32"),
        ] {
            assert!(why(text).contains(part), "{text}: {}", why(text));
        }
        assert_eq!(
            why("192.168.1.42/24"),
            "`192.168.1.42/24` is a range with one device in it: write `192.168.1.0/24` for the \
             whole range, or `192.168.1.42` for the device alone",
        );
    }

    #[test]
    fn a_made_up_hardware_address_is_told_from_a_makers() {
        for (octets, expected) in [
            ([0x3c, 0x22, 0xfb, 0x12, 0x34, 0x56], false),
            ([0x00, 0x15, 0xb9, 0x00, 0x00, 0x01], false),
            ([0x02, 0x42, 0xac, 0x11, 0x00, 0x02], true),
            ([0xda, 0xa1, 0x19, 0x12, 0x34, 0x56], true),
            ([0x5e, 0x22, 0xfb, 0x12, 0x34, 0x56], true),
        ] {
            assert_eq!(Mac(octets).is_random(), expected, "{}", Mac(octets));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            if let Ok(address) = Address::parse(&text) {
                prop_assert_eq!(Address::parse(&address.to_string()), Ok(address));
            }
        }

        #[test]
        fn every_range_is_read_back(address in any::<IpAddr>(), length in 0u8..=128) {
            let range = format!("{}/{length}", network(address, length));
            match Address::parse(&range) {
                Ok(parsed) => prop_assert_eq!(Address::parse(&parsed.to_string()), Ok(parsed)),
                Err(error) => prop_assert!(
                    length > bits_of(address) || error == NotAnAddress::NobodysAddress,
                    "{}: {}", range, error
                ),
            }
        }
    }
}
