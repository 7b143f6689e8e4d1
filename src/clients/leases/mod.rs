//! Lease files: what a DHCP server wrote down of the devices it gave addresses to.
//!
//! Each format is one file and one row of [`FORMATS`]. A format turns text into [`Lease`]s and
//! knows nothing of files, time or households: whether a lease is over is for who uses it to say,
//! because a name outlives a lease (a phone that sleeps is still Mateo's). [`files`] reads and
//! watches. Start reading at [`read`].

mod dnsmasq;
pub mod files;
mod isc;
mod kea;
mod networkd;
mod odhcpd;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use jiff::Timestamp;

use super::address::Mac;
use super::hosts::label;

pub use files::LeaseFiles;

/// The formats, in the order in which they are tried where a file's name does not tell.
pub static FORMATS: &[Format] =
    &[dnsmasq::FORMAT, odhcpd::FORMAT, kea::CSV, kea::JSON, isc::FORMAT, networkd::FORMAT];

/// How many leases are taken out of all files together. A home has a hundred, a school two thousand.
pub const LEASES_MAX: usize = 8192;

/// What a DHCP server wrote down of one device and one address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lease {
    /// The address it was given; none when the server itself says that this is over.
    pub address: Option<IpAddr>,
    /// Its hardware address. Beside an IPv6 address it is the one in the device's DUID, which may be
    /// that of another interface of the same device (RFC 8415 §11).
    pub mac: Option<Mac>,
    /// What it calls itself: one label of letters, digits, `-` and `_` in lower case.
    pub host: Option<String>,
    /// When the address is somebody else's to have; none when it never is, or the file does not say.
    pub until: Option<Timestamp>,
}

/// One format of lease files.
#[derive(Debug)]
pub struct Format {
    /// What it is called.
    pub name: &'static str,
    /// Whose it is, in a few words.
    pub summary: &'static str,
    /// Where its files usually are.
    pub places: &'static [Place],
    /// How names of its files begin, wherever they are.
    pub file_names: &'static [&'static str],
    /// Whether a text is of this format, were it without leases.
    pub looks_like: fn(&str) -> bool,
    /// The leases of a text. What is not understood is passed over.
    pub parse: fn(&str) -> Vec<Lease>,
    /// Texts, and what becomes of them.
    pub examples: &'static [Example],
}

/// Where files are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// This one.
    File(&'static str),
    /// All in this directory whose names begin so.
    Folder(&'static str, &'static str),
}

/// A text and what becomes of it: for each lease the address, the hardware address, the name and
/// the second since 1970 at which it ends, `-` where there is none.
#[derive(Debug)]
pub struct Example {
    /// A file, or a piece of one.
    pub text: &'static str,
    /// Its leases.
    pub leases: &'static [(&'static str, &'static str, &'static str, &'static str)],
}

/// The leases of a text, by the format that its file's name tells or, where that does not fit, by
/// the first one that it looks like; none when it looks like no format.
#[must_use]
pub fn read(file_name: &str, text: &str) -> Option<Vec<Lease>> {
    let is_called = |format: &&Format| {
        format.file_names.iter().any(|beginning| file_name.starts_with(beginning))
    };
    let by_name = FORMATS.iter().filter(is_called);
    let format = by_name.chain(FORMATS).find(|format| (format.looks_like)(text))?;
    Some((format.parse)(text))
}

// === impl Lease ===

impl Lease {
    /// A lease that says something: a name or a hardware address.
    fn of(
        address: Option<IpAddr>,
        mac: Option<Mac>,
        host: &str,
        until: Option<Timestamp>,
    ) -> Option<Self> {
        let address = address.map(|address| address.to_canonical());
        let address = address.filter(|it| !(it.is_unspecified() || it.is_multicast()));
        let host = label(host);
        let is_about_something = address.is_some() || mac.is_some();
        let says_something = host.is_some() || mac.is_some();
        (is_about_something && says_something).then_some(Lease { address, mac, host, until })
    }

    /// The same without its address: the server says that it is over.
    fn over(self) -> Option<Self> {
        self.mac.is_some().then_some(Lease { address: None, until: None, ..self })
    }
}

// === helpers ===

/// A time in seconds since 1970; none where it is beyond all calendars.
fn time(seconds: i64) -> Option<Timestamp> {
    Timestamp::from_second(seconds).ok()
}

/// A hardware address as servers write it: pairs with `:` or `-` between them. What is none (a
/// group's, or of another kind of network) is left out.
fn mac(text: &str) -> Option<Mac> {
    Mac::parse(text).ok().flatten()
}

/// The octets of a text of hexadecimal digits, with or without `:` between them.
fn octets(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|&octet| octet != b':').collect();
    let (pairs, rest) = digits.as_chunks::<2>();
    // A DUID has 130 octets at most (RFC 8415 §11.1), a client id 255.
    if !rest.is_empty() || pairs.is_empty() || pairs.len() > 255 {
        return None;
    }
    let digit = |octet: u8| char::from(octet).to_digit(16).and_then(|it| u8::try_from(it).ok());
    pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
}

/// The hardware address in a DUID: DUID-LLT and DUID-LL of Ethernet have one (RFC 8415 §11.2,
/// §11.4).
fn mac_of_duid(duid: &[u8]) -> Option<Mac> {
    match duid {
        [0, 1, 0, 1, _, _, _, _, address @ ..] | [0, 3, 0, 1, address @ ..] => {
            Mac::of_device(address)
        }
        _ => None,
    }
}

/// The hardware address in a client identifier of IPv4: kind 1 is Ethernet (RFC 2132 §9.14), kind
/// 255 an interface's number and a DUID (RFC 4361 §6.1).
fn mac_of_client_id(id: &[u8]) -> Option<Mac> {
    match id {
        [1, address @ ..] => Mac::of_device(address),
        [255, _, _, _, _, duid @ ..] => mac_of_duid(duid),
        _ => None,
    }
}
