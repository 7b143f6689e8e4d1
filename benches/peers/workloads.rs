//! What is asked.
//!
//! Names on the list are the list's own; open names are others of nobody, counted from
//! [`names::OPEN`]: those that are cached, those a household asks, and those below which are names
//! that were never seen.

use std::ops::Range;
use std::time::Duration;

use crate::lists::Names;
use crate::load::Questions;
use crate::names::{self, Random, name};

/// Names that are asked again and again.
const CACHED: Range<u64> = 0..10_000;
/// Names that a household asks, popular ones first.
const POPULAR: Range<u64> = 10_000..26_000;
/// Names below which others are that nobody asked before.
const ROOTS: Range<u64> = 26_000..46_000;
/// Listed names that a household asks.
const CLOSED_ASKED: usize = 4_000;
/// Questions that are asked over and over, of one kind.
const REPEATED: usize = 100_000;
/// More questions a second than anybody answers: so many must be made, for none to be asked twice.
const HOUSEHOLD_A_SECOND: f64 = 900_000.0;
const MISSES_A_SECOND: f64 = 400_000.0;
/// Of a hundred questions of a household: this many for open names, then for closed ones; the
/// rest for names never seen.
const HOUSEHOLD_SHARES: [usize; 2] = [70, 90];
/// Of a hundred: A, then AAAA; the rest HTTPS.
const TYPE_SHARES: [usize; 2] = [50, 85];

const A: u16 = 1;
const AAAA: u16 = 28;
const HTTPS: u16 = 65;

/// A kind of load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workload {
    /// Listed names.
    Blocked,
    /// Names that are in the cache.
    Cached,
    /// What a household asks: 70 % open, 20 % closed, 10 % never seen.
    Household,
    /// Names that were never seen.
    Misses,
}

impl Workload {
    pub(crate) const ALL: [Workload; 4] =
        [Workload::Blocked, Workload::Cached, Workload::Household, Workload::Misses];

    /// Its name in the tables.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Workload::Blocked => "a blocked",
            Workload::Cached => "b cached",
            Workload::Household => "c household",
            Workload::Misses => "d misses",
        }
    }
}

/// The questions that are the same in every round.
pub(crate) struct Fixed {
    pub(crate) blocked: Questions,
    pub(crate) cached: Questions,
    /// Each of the cached names once.
    pub(crate) cached_once: Questions,
    /// Each of the household's open names once, with each type.
    pub(crate) popular_once: Questions,
    /// Half closed, half cached.
    pub(crate) mixed: Questions,
}

/// The questions of one round, with names that no other round has.
pub(crate) struct Fresh {
    pub(crate) household: Questions,
    pub(crate) misses: Questions,
}

impl Fixed {
    pub(crate) fn of(names: &Names) -> Self {
        let mut random = Random::new(1);
        let kept = names.kept();
        let mut fixed = Fixed {
            blocked: Questions::default(),
            cached: Questions::default(),
            cached_once: Questions::default(),
            popular_once: Questions::default(),
            mixed: Questions::default(),
        };
        for place in 0..REPEATED {
            let closed = &kept[random.below(kept.len())];
            let open = one_of(CACHED, &mut random);
            fixed.blocked.add(closed, A, true);
            fixed.cached.add(&open, A, false);
            if place % 2 == 0 {
                fixed.mixed.add(closed, A, true);
            } else {
                fixed.mixed.add(&open, A, false);
            }
        }
        for number in CACHED {
            fixed.cached_once.add(&name(names::OPEN + number), A, false);
        }
        for number in POPULAR {
            for qtype in [A, AAAA, HTTPS] {
                fixed.popular_once.add(&name(names::OPEN + number), qtype, false);
            }
        }
        fixed
    }
}

impl Fresh {
    pub(crate) fn of(names: &Names, round: usize, length: Duration) -> Self {
        let mut random = Random::new(0x1000 + u64::try_from(round).unwrap_or(0));
        let kept = names.kept();
        let closed: Vec<&str> =
            (0..CLOSED_ASKED).map(|_| kept[random.below(kept.len())].as_str()).collect();
        let popular: Vec<String> = POPULAR.map(|number| name(names::OPEN + number)).collect();
        let (of_popular, of_closed) = (Zipf::new(popular.len()), Zipf::new(closed.len()));
        let mut fresh = Fresh { household: Questions::default(), misses: Questions::default() };
        for _ in 0..count(HOUSEHOLD_A_SECOND, length) {
            let qtype = match random.below(100) {
                share if share < TYPE_SHARES[0] => A,
                share if share < TYPE_SHARES[1] => AAAA,
                _ => HTTPS,
            };
            match random.below(100) {
                share if share < HOUSEHOLD_SHARES[0] => {
                    fresh.household.add(&popular[of_popular.draw(&mut random)], qtype, false);
                }
                share if share < HOUSEHOLD_SHARES[1] => {
                    fresh.household.add(closed[of_closed.draw(&mut random)], qtype, true);
                }
                _ => fresh.household.add(&never_seen(&mut random), qtype, false),
            }
        }
        for _ in 0..count(MISSES_A_SECOND, length) {
            fresh.misses.add(&never_seen(&mut random), A, false);
        }
        fresh
    }
}

fn count(a_second: f64, length: Duration) -> usize {
    let count = Duration::from_secs(1).as_secs_f64() * a_second * length.as_secs_f64();
    // Through a duration, which knows how to round: a microsecond a question.
    usize::try_from(Duration::from_secs_f64(count / 1e6).as_micros()).unwrap_or(1).max(1)
}

fn one_of(range: Range<u64>, random: &mut Random) -> String {
    name(names::OPEN + range.start + random.number() % (range.end - range.start))
}

/// A name that nobody asked before: ten letters below a name that is open.
fn never_seen(random: &mut Random) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut text: String = (0..10).map(|_| char::from(LETTERS[random.below(32)])).collect();
    text.push('.');
    text.push_str(&one_of(ROOTS, random));
    text
}

/// Chooses places so that the n-th is chosen 1/n times as often as the first.
struct Zipf {
    /// The sum of the shares up to each place.
    sums: Vec<f64>,
}

impl Zipf {
    fn new(count: usize) -> Self {
        let mut sum = 0.0;
        let shares = (1_u32..).take(count).map(|place| {
            sum += 1.0 / f64::from(place);
            sum
        });
        Zipf { sums: shares.collect() }
    }

    fn draw(&self, random: &mut Random) -> usize {
        let whole = self.sums.last().copied().unwrap_or(0.0);
        // 32 bits are finer than any share.
        let part = f64::from(u32::try_from(random.number() >> 32).unwrap_or(0)) / 4_294_967_296.0;
        self.sums.partition_point(|&sum| sum < part * whole).min(self.sums.len() - 1)
    }
}
