//! ISC dhcpd: blocks in the syntax of its config file, the last one of an address holds
//! (dhcpd.leases(5)).
//!
//! ```text
//! lease 192.168.1.42 {
//!   ends 2 2026/11/24 18:00:00;        (UTC; or `epoch` and seconds, or `never`)
//!   binding state active;
//!   hardware ethernet 3c:22:fb:12:34:56;
//!   client-hostname "Mateos-Phone";
//! }
//! ```
//!
//! Those of IPv6 are in `ia-na "…" { iaaddr fd00::42 { … } }`, where the text is the number of the
//! association, four octets, and the device's DUID.

use std::collections::HashMap;
use std::net::IpAddr;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::{Example, Format, Lease, Place, mac, mac_of_duid, time};
use crate::clients::address::Mac;

/// The format.
pub(super) const FORMAT: Format = Format {
    name: "isc",
    summary: "ISC dhcpd",
    places: &[
        Place::File("/var/lib/dhcp/dhcpd.leases"),
        Place::File("/var/lib/dhcp/dhcpd6.leases"),
        Place::File("/var/lib/dhcpd/dhcpd.leases"),
        Place::File("/var/lib/dhcpd/dhcpd6.leases"),
        Place::File("/run/dhcpd.leases"),
        Place::File("/config/dhcpd.leases"),
    ],
    file_names: &["dhcpd"],
    looks_like: |text| {
        text.lines()
            .any(|line| OWN_LINES.iter().any(|beginning| line.trim_start().starts_with(beginning)))
    },
    parse,
    examples: &[
        Example {
            text: "# The format of this file is documented in the dhcpd.leases(5) manual page.\n\
                   authoring-byte-order little-endian;\n\
                   lease 192.168.1.42 {\n  starts 2 2026/09/21 12:00:00;\n  ends 2 2026/09/21 13:00:00;\n  binding state active;\n  hardware ethernet 3c:22:fb:12:34:56;\n  client-hostname \"Old\";\n}\n\
                   server-duid \"\\000\\001\\000\\001*\\274\\\"{};#\";\n\
                   lease 192.168.1.42 {\n  starts 2 2026/09/21 12:30:00;\n  ends 2 2026/09/21 13:33:20; # a comment\n  binding state active;\n  next binding state free;\n  rewind binding state free;\n  hardware ethernet 3c:22:fb:12:34:56;\n  uid \"\\001<\\\"\\373\\0224V\";\n  set vendor-class-identifier = \"android-dhcp-14; binding state free\";\n  client-hostname \"Mateos-Phone\";\n}\n",
            leases: &[("192.168.1.42", "3c:22:fb:12:34:56", "mateos-phone", "1789997600")],
        },
        Example {
            text: "lease 192.168.1.2 { ends never; binding state active; hardware ethernet 3c:22:fb:12:34:02; client-hostname \"printer\"; }\n\
                   lease 192.168.1.3 { ends epoch 1790000000; binding state active; hardware ethernet 3c:22:fb:12:34:03; }\n\
                   lease 192.168.1.4 { ends epoch 1700000000; binding state free; hardware ethernet 3c:22:fb:12:34:04; client-hostname \"tablet\"; }\n\
                   lease 192.168.1.5 { binding state abandoned; client-hostname \"nobody\"; }\n\
                   lease 192.168.1.6 { starts 1 2026/01/01 00:00:00; hardware ethernet 3c:22:fb:12:34:06; set ddns-fwd-name = \"laptop.home.arpa\"; }\n",
            leases: &[
                ("192.168.1.2", "3c:22:fb:12:34:02", "printer", "-"),
                ("192.168.1.3", "3c:22:fb:12:34:03", "-", "1790000000"),
                ("-", "3c:22:fb:12:34:04", "tablet", "-"),
                ("192.168.1.6", "3c:22:fb:12:34:06", "laptop", "-"),
            ],
        },
        Example {
            text: "ia-na \"\\001\\000\\000\\000\\000\\003\\000\\001<\\\"\\373\\0224V\" {\n  cltt 1 2026/09/21 12:00:00;\n  iaaddr fd00::42 {\n    binding state active;\n    preferred-life 375;\n    max-life 600;\n    ends epoch 1790000000;\n    set ddns-fwd-name = \"sofia.home.arpa\";\n  }\n}\n",
            leases: &[("fd00::42", "3c:22:fb:12:34:56", "sofia", "1790000000")],
        },
        // The server stopped in the middle of a line.
        Example {
            text: "lease 192.168.1.7 { hardware ethernet 3c:22:fb:12:34:07; }\nlease 192.168.1.8 { hardware ethernet 3c:22:",
            leases: &[("192.168.1.7", "3c:22:fb:12:34:07", "-", "-")],
        },
        Example { text: "subnet 192.168.1.0 netmask 255.255.255.0 { }", leases: &[] },
    ],
};

/// How lines begin that no other format has.
const OWN_LINES: [&str; 6] = [
    "lease ",
    "ia-na ",
    "server-duid ",
    "authoring-byte-order ",
    "# The format of this file is documented in the dhcpd.leases",
    "failover peer ",
];

/// The longest word, in octets: a DUID in octal takes 500.
const WORD_OCTETS_MAX: usize = 1024;
/// The most words of a statement that is looked at.
const WORDS_MAX: usize = 8;

/// The words of one statement and the character that ends it: `;`, `{` or `}`.
struct Statement {
    words: Vec<Vec<u8>>,
    end: u8,
}

/// A block that is being read.
enum Block {
    /// Of one address.
    Lease(Found),
    /// Of one association of IPv6, with the hardware address in its DUID.
    Association(Option<Mac>),
    /// Anything else.
    Other,
}

/// What one block says.
#[derive(Default)]
struct Found {
    address: String,
    mac: Option<Mac>,
    host: String,
    /// The name that the server gives it in DNS, where it does not say its own.
    dns_host: String,
    until: Option<Timestamp>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// Older servers write no state.
    #[default]
    Active,
    /// Expired, released, free.
    Over,
    /// Somebody else was found at the address.
    Abandoned,
}

fn parse(text: &str) -> Vec<Lease> {
    let mut leases: Vec<Option<Lease>> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut open: Vec<Block> = Vec::new();
    let mut rest = text.as_bytes();
    while let Some(statement) = Statement::next(&mut rest) {
        match statement.end {
            b'{' => open.push(statement.begins(open.last())),
            b'}' => {
                let Some(Block::Lease(found)) = open.pop() else { continue };
                let address = found.address.clone();
                let lease = found.lease();
                if let Some(place) = places.get(&address).and_then(|&at| leases.get_mut(at)) {
                    *place = lease;
                } else {
                    places.insert(address, leases.len());
                    leases.push(lease);
                }
            }
            _ => {
                if let Some(Block::Lease(found)) = open.last_mut() {
                    found.learn(&statement);
                }
            }
        }
    }
    leases.into_iter().flatten().collect()
}

// === impl Statement ===

impl Statement {
    /// Takes the next statement from the text; none at its end, or when it ends within one.
    fn next(rest: &mut &[u8]) -> Option<Self> {
        let mut words: Vec<Vec<u8>> = Vec::new();
        let mut is_in_word = false;
        loop {
            let (&octet, after) = rest.split_first()?;
            *rest = after;
            match octet {
                b';' | b'{' | b'}' => return Some(Statement { words, end: octet }),
                b'#' => {
                    let end = rest.iter().position(|&octet| octet == b'\n').unwrap_or(rest.len());
                    *rest = rest.get(end..)?;
                    is_in_word = false;
                }
                b'"' => {
                    words.push(quoted(rest)?);
                    is_in_word = false;
                }
                _ if octet.is_ascii_whitespace() => is_in_word = false,
                _ => {
                    if !is_in_word {
                        words.push(Vec::new());
                    }
                    is_in_word = true;
                    push(words.last_mut()?, octet);
                }
            }
            words.truncate(WORDS_MAX);
        }
    }

    /// A word as text; empty where there is none.
    fn word(&self, place: usize) -> &str {
        self.words.get(place).and_then(|word| std::str::from_utf8(word).ok()).unwrap_or_default()
    }

    /// The block that begins with this.
    fn begins(&self, within: Option<&Block>) -> Block {
        let mac = match (self.word(0), within) {
            ("lease", None) => None,
            ("iaaddr", Some(Block::Association(mac))) => *mac,
            ("ia-na", None) => {
                let id = self.words.get(1).map(Vec::as_slice).unwrap_or_default();
                return Block::Association(id.get(4..).and_then(mac_of_duid));
            }
            _ => return Block::Other,
        };
        Block::Lease(Found { address: self.word(1).to_owned(), mac, ..Found::default() })
    }
}

/// The rest of a text in quotes, with `\` before a quote and before three octal digits.
fn quoted(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let mut word = Vec::new();
    loop {
        let (&octet, after) = rest.split_first()?;
        *rest = after;
        match (octet, *rest) {
            (b'"', _) => return Some(word),
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) => {
                *rest = after;
                push(&mut word, (a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
            }
            (b'\\', [escaped, after @ ..]) => {
                *rest = after;
                push(&mut word, *escaped);
            }
            _ => push(&mut word, octet),
        }
    }
}

fn push(word: &mut Vec<u8>, octet: u8) {
    if word.len() < WORD_OCTETS_MAX {
        word.push(octet);
    }
}

// === impl Found ===

impl Found {
    fn learn(&mut self, statement: &Statement) {
        let word = |place| statement.word(place);
        match (word(0), word(1)) {
            ("hardware", "ethernet") => self.mac = mac(word(2)),
            ("client-hostname", host) => host.clone_into(&mut self.host),
            ("set", "ddns-fwd-name" | "ddns-client-fqdn") => {
                word(3).clone_into(&mut self.dns_host);
            }
            ("ends", "never") => self.until = None,
            ("ends", "epoch") => self.until = word(2).parse().ok().and_then(time),
            ("ends", _) => self.until = date(word(2), word(3)),
            ("binding", "state") => {
                self.state = match word(2) {
                    "active" => State::Active,
                    "abandoned" => State::Abandoned,
                    _ => State::Over,
                }
            }
            ("abandoned", _) => self.state = State::Abandoned,
            _ => {}
        }
    }

    fn lease(self) -> Option<Lease> {
        let address: IpAddr = self.address.parse().ok()?;
        let host = if self.host.is_empty() { self.dns_host } else { self.host };
        let lease = Lease::of(Some(address), self.mac, &host, self.until)?;
        match self.state {
            State::Active => Some(lease),
            State::Over => lease.over(),
            State::Abandoned => None,
        }
    }
}

/// `2026/11/24` and `18:00:00` of UTC. With `db-time-format local`, servers write `epoch`.
fn date(day: &str, time: &str) -> Option<Timestamp> {
    let moment = format!("{day} {time}");
    let moment = DateTime::strptime("%Y/%m/%d %H:%M:%S", moment).ok()?;
    Some(moment.to_zoned(TimeZone::UTC).ok()?.timestamp())
}
