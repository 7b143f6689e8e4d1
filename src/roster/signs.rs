//! Signs that a device may be on a way around: what they are, and how a tunnel is told.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clock::Tick;

/// A sign that a device may be on a way around this protection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignKind {
    /// It was on the network for long, and asked nothing.
    Silent,
    /// Names below one site, very many and very long: a tunnel through DNS.
    Tunnel,
    /// A name of a VPN, a proxy, or a DNS server of others, which is closed for it.
    BypassName,
    /// A name by which Apple's devices look for iCloud Private Relay.
    Relay,
    /// The name by which Firefox looks whether it may use a DNS server of its own.
    Canary,
    /// The name by which devices look for encrypted DNS (RFC 9462).
    Discovery,
}

/// One kind of sign of one device on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sign {
    /// What it is.
    pub kind: SignKind,
    /// How often.
    pub count: u64,
    /// When first.
    pub first: Timestamp,
    /// When last.
    pub last: Timestamp,
    /// The name or the site it was last; none where there is none.
    #[serde(default)]
    pub name: Option<String>,
}

/// Names that were asked for below a few sites, of one device. In memory only.
#[derive(Debug, Default)]
pub(super) struct Bursts(VecDeque<Burst>);

/// Names asked for below one site within [`BURST_MILLIS`].
#[derive(Debug)]
struct Burst {
    site: u64,
    since: Tick,
    /// A bit for each hash of a name: how many are clear says how many names there were (linear
    /// counting: Whang, Vander-Zanden and Taylor 1990).
    bits: Box<[u64; BURST_WORDS]>,
    /// Octets before the site in all of these names, and how many questions they were of.
    octets: u64,
    questions: u64,
    is_told: bool,
}

/// Sites looked at for each device: a tunnel is one of those asked of late.
const SITES_MAX: usize = 4;
/// How long names of one site are counted together.
const BURST_MILLIS: u64 = 10 * 60 * 1000;
/// Words of a burst's bits: with 2,048 bits the bound below is told within 5 %.
const BURST_WORDS: usize = 32;
/// Different names of one site in that time from which on it is a tunnel. Pages, and what looks up
/// reputations, ask for some dozens.
const NAMES_MIN: u64 = 400;
/// How long their part before the site is on average, at least, in octets: a tunnel fills its names.
const OCTETS_MIN: u64 = 20;

impl SignKind {
    /// All kinds, what says most first.
    pub const ALL: [SignKind; 6] = [
        SignKind::Silent,
        SignKind::Tunnel,
        SignKind::BypassName,
        SignKind::Relay,
        SignKind::Canary,
        SignKind::Discovery,
    ];

    /// The word in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            SignKind::Silent => "silent",
            SignKind::Tunnel => "tunnel",
            SignKind::BypassName => "bypass_name",
            SignKind::Relay => "relay",
            SignKind::Canary => "canary",
            SignKind::Discovery => "discovery",
        }
    }

    /// Whether devices do so by themselves, whoever holds them: then it says nothing alone.
    #[must_use]
    pub fn is_usual(self) -> bool {
        match self {
            SignKind::Relay | SignKind::Canary | SignKind::Discovery => true,
            SignKind::Silent | SignKind::Tunnel | SignKind::BypassName => false,
        }
    }
}

// === impl Bursts ===

impl Bursts {
    /// Counts a name that no cache knew: the hash of its site, its own, and how many octets stand
    /// before the site. Says whether it is a tunnel, once for each burst.
    pub(super) fn count(&mut self, site: u64, name: u64, octets: usize, now: Tick) -> bool {
        let is_over = |burst: &Burst| now.millis_since(burst.since) > BURST_MILLIS;
        self.0.retain(|burst| !is_over(burst));
        let place = self.0.iter().position(|burst| burst.site == site).unwrap_or_else(|| {
            if self.0.len() == SITES_MAX {
                // The one with the fewest questions makes room: noise does not hide a tunnel.
                let least = (0..self.0.len()).min_by_key(|&place| self.0[place].questions);
                self.0.remove(least.unwrap_or(0));
            }
            self.0.push_back(Burst::new(site, now));
            self.0.len() - 1
        });
        let burst = &mut self.0[place];
        burst.add(name, octets);
        if burst.is_told || !burst.is_tunnel() {
            return false;
        }
        burst.is_told = true;
        true
    }
}

impl Burst {
    fn new(site: u64, since: Tick) -> Self {
        let bits = Box::new([0; BURST_WORDS]);
        Burst { site, since, bits, octets: 0, questions: 0, is_told: false }
    }

    fn add(&mut self, name: u64, octets: usize) {
        let bits = u64::try_from(BURST_WORDS).unwrap_or(1) * 64;
        let place = name % bits;
        self.bits[usize::try_from(place / 64).unwrap_or(0)] |= 1 << (place % 64);
        self.octets += u64::try_from(octets).unwrap_or(0);
        self.questions += 1;
    }

    fn is_tunnel(&self) -> bool {
        self.questions >= NAMES_MIN
            && self.octets >= OCTETS_MIN * self.questions
            && self.names() >= NAMES_MIN
    }

    /// About how many different names there were.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an estimate of a few hundred"
    )]
    fn names(&self) -> u64 {
        let all = BURST_WORDS as f64 * 64.0;
        let clear: u32 = self.bits.iter().map(|word| word.count_zeros()).sum();
        (all * (all / f64::from(clear.max(1))).ln()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number that looks random.
    fn hash(number: u64) -> u64 {
        let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 7
    }

    /// At which of so many questions a burst was told, of names this long, each asked so often.
    fn told(questions: u64, octets: usize, times: u64, millis_each: u64) -> Option<u64> {
        let mut bursts = Bursts::default();
        (0..questions).find(|&number| {
            let now = Tick(number * millis_each);
            bursts.count(7, hash(number / times), octets, now)
        })
    }

    #[test]
    fn many_long_names_of_one_site_are_a_tunnel() {
        let at = told(2_000, 40, 1, 100).unwrap();
        assert!((370..440).contains(&at), "told at {at}");
    }

    #[test]
    fn short_names_few_names_and_slow_ones_are_none() {
        assert_eq!(told(5_000, 8, 1, 100), None);
        assert_eq!(told(5_000, 40, 100, 100), None);
        // Three hundred in ten minutes.
        assert_eq!(told(5_000, 40, 1, 2_000), None);
    }

    #[test]
    fn a_tunnel_is_told_once_and_other_sites_do_not_hide_it() {
        let mut bursts = Bursts::default();
        let mut told = 0;
        for number in 0..3_000 {
            let now = Tick(number * 50);
            bursts.count(1_000 + number, hash(number), 60, now);
            told += u32::from(bursts.count(7, hash(number), 40, now));
        }
        assert_eq!(told, 1);
    }
}
