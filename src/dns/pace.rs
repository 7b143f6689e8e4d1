//! How fast one client may ask.
//!
//! Each client has an account in which time is saved, and every question takes a little of it (the
//! generic cell rate algorithm, ITU-T I.371): whoever has used up what was saved is told to come over
//! TCP, where nobody can pretend to be another. The accounts are shared by all loops, looked at when a
//! client asks first in a batch and written when the batch is over, so that no question waits for
//! another core. Start at [`Account::take`].

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::Tick;

/// How far an account may be overdrawn: what may be asked at once is five seconds' worth.
const CREDIT_MICROS: u64 = 5 * MICROS_PER_SECOND;
/// Accounts: more than a home or a school has devices. Two clients that fall on one share it.
const ACCOUNTS: usize = 4_096;
/// Answers a second to a network that is not served, all of them short: enough to tell somebody who set
/// the wrong address, too few to trouble whoever's address was forged.
const REFUSALS_PER_SECOND: u32 = 10;
/// The fixed bits of such a network: what one owner has (RFC 6177 §2 for IPv6).
const REFUSED_BITS: (u32, u32) = (24, 56);
/// A tick has milliseconds; an account needs more.
const MICROS_PER_MILLI: u64 = 1_000;
const MICROS_PER_SECOND: u64 = 1_000_000;

/// The accounts of all clients.
#[derive(Debug)]
pub(super) struct Paces {
    /// Until when, in microseconds of the clock's ticks, the time of each is spent.
    accounts: Box<[AtomicU64]>,
}

/// How fast: what one question takes of an account, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    price: u64,
}

/// One client's account, as one loop sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Account {
    place: usize,
    spent_until: u64,
    /// What this batch took and is not written down yet.
    taken: u64,
}

// === impl Pace ===

impl Pace {
    /// So many questions a second, with a burst of five seconds' worth; 0 is no limit.
    pub(super) fn per_second(questions: u32) -> Self {
        let price = MICROS_PER_SECOND.checked_div(questions.into()).unwrap_or(0);
        Pace { price }
    }

    /// That of refusals.
    pub(super) fn of_refusals() -> Self {
        Pace::per_second(REFUSALS_PER_SECOND)
    }
}

/// From when on time may be taken of an account.
fn from_when(spent_until: u64, now: u64) -> u64 {
    // Nobody could overdraw it so far: it is of a clock that was set back since.
    let is_of_another_clock = spent_until > now + 2 * CREDIT_MICROS;
    if is_of_another_clock { now } else { spent_until.max(now) }
}

// === impl Account ===

impl Account {
    /// Takes one question's time; false when none is left. A question that is not answered takes none,
    /// so that whoever asks too fast is answered at the pace all the same.
    pub(super) fn take(&mut self, pace: Pace, now: Tick) -> bool {
        let now = now.0 * MICROS_PER_MILLI;
        let spent_until = from_when(self.spent_until, now) + pace.price;
        if spent_until > now + CREDIT_MICROS && pace.price > 0 {
            return false;
        }
        self.spent_until = spent_until;
        self.taken += pace.price;
        true
    }
}

// === impl Paces ===

impl Default for Paces {
    fn default() -> Self {
        Paces { accounts: std::iter::repeat_with(AtomicU64::default).take(ACCOUNTS).collect() }
    }
}

impl Paces {
    /// The account at a place, which may be any number.
    pub(super) fn open(&self, place: usize) -> Account {
        let place = place % ACCOUNTS;
        let spent_until = self.accounts[place].load(Ordering::Relaxed);
        Account { place, spent_until, taken: 0 }
    }

    /// Reads what other loops took.
    pub(super) fn look(&self, account: &mut Account) {
        account.spent_until = self.accounts[account.place].load(Ordering::Relaxed);
    }

    /// Writes down what a batch took.
    pub(super) fn settle(&self, account: &mut Account, now: Tick) {
        if account.taken == 0 {
            return;
        }
        let (taken, now) = (std::mem::take(&mut account.taken), now.0 * MICROS_PER_MILLI);
        let shared = &self.accounts[account.place];
        let relaxed = Ordering::Relaxed;
        let write = |spent_until| Some(from_when(spent_until, now) + taken);
        // It always writes.
        let _ = shared.fetch_update(relaxed, relaxed, write);
    }

    /// Whether a network that is not served may be told so once more.
    pub(super) fn may_refuse(&self, from: IpAddr, now: Tick) -> bool {
        let network = match from {
            IpAddr::V4(v4) => u64::from(v4.to_bits() >> (32 - REFUSED_BITS.0)),
            #[expect(clippy::cast_possible_truncation, reason = "what is left has 56 bits")]
            IpAddr::V6(v6) => (v6.to_bits() >> (128 - REFUSED_BITS.1)) as u64,
        };
        let place = usize::try_from(network ^ network >> 12 ^ network >> 24).unwrap_or(0);
        let mut account = self.open(place);
        let may = account.take(Pace::of_refusals(), now);
        self.settle(&mut account, now);
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Tick = Tick(43_200_000);

    /// How many of so many questions are answered.
    fn answered(account: &mut Account, pace: Pace, now: Tick, questions: usize) -> usize {
        (0..questions).filter(|_| account.take(pace, now)).count()
    }

    #[test]
    fn five_seconds_worth_may_come_at_once_and_then_as_much_as_time_brings() {
        let (pace, mut account) = (Pace::per_second(100), Paces::default().open(7));
        assert_eq!(answered(&mut account, pace, NOON, 1_000), 500);
        assert_eq!(answered(&mut account, pace, Tick(NOON.0 + 1_000), 1_000), 100);
        assert_eq!(answered(&mut account, pace, Tick(NOON.0 + 1_010), 1_000), 1);
        assert_eq!(answered(&mut account, pace, Tick(NOON.0 + 60_000), 1_000), 500);
    }

    #[test]
    fn without_a_limit_nothing_is_taken() {
        let (pace, mut account) = (Pace::per_second(0), Paces::default().open(7));
        assert_eq!(answered(&mut account, pace, NOON, 100_000), 100_000);
        assert_eq!(account.taken, 0);
    }

    #[test]
    fn what_one_loop_took_another_has_not() {
        let (paces, pace) = (Paces::default(), Pace::per_second(100));
        let (mut one, mut other) = (paces.open(7), paces.open(7));
        assert_eq!(answered(&mut one, pace, NOON, 300), 300);
        assert_eq!(answered(&mut other, pace, NOON, 100), 100);
        paces.settle(&mut one, NOON);
        paces.settle(&mut other, NOON);
        paces.look(&mut other);
        assert_eq!(answered(&mut other, pace, NOON, 1_000), 100);
        // Whoever sits down anew, after a reload say, is still the same.
        paces.settle(&mut other, NOON);
        assert_eq!(answered(&mut paces.open(7), pace, NOON, 1_000), 0);
        assert_eq!(answered(&mut paces.open(8), pace, NOON, 1_000), 500);
    }

    #[test]
    fn a_network_that_is_not_served_is_told_so_a_few_times() {
        let paces = Paces::default();
        let refused = |address: &str, now| {
            let address: IpAddr = address.parse().unwrap();
            (0..1_000).filter(|_| paces.may_refuse(address, now)).count()
        };
        assert_eq!(refused("198.51.100.7", NOON), 50);
        assert_eq!(refused("198.51.100.99", NOON), 0, "it is the same network");
        assert_eq!(refused("203.0.113.7", NOON), 50);
        assert_eq!(refused("2001:db8:1::1", NOON), 50);
        assert_eq!(refused("2001:db8:1:42::1", NOON), 0, "it is the same network");
        assert_eq!(refused("198.51.100.7", Tick(NOON.0 + 1_000)), 10);
    }
}
