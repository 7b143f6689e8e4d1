//! How often the cache has what is asked for, beside an exact LRU of as many octets.
//!
//! `cargo bench --bench cache` prints two tables; the seed is fixed, so that every run counts the
//! same but for the cache's own random hash. The first asks for names as a network does (Zipf),
//! with and without names that nobody asks for twice. The second floods a small cache and counts
//! what is left of the names in use.
//!
//! The LRU here pays an entry what ours does and nothing for its table; ours pays for its table
//! and, as shipped, keeps a tenth for negative answers, of which the first table has none.

use std::io::Write as _;
use std::sync::Arc;

use amparo::clock::Tick;
use amparo::dns::cache::{Cache, Key};
use amparo::dns::rewrite::Response;
use amparo::name::Name;

/// Names that are asked for more than once.
const NAMES: usize = 100_000;
/// Questions of a trace.
const QUESTIONS: usize = 400_000;
/// Sizes, in octets.
const SIZES: [usize; 3] = [1 << 20, 4 << 20, 16 << 20];
/// The share of negative answers in the daemon.
const NEGATIVE_PERCENT: u8 = 10;
/// Where names begin that are asked for once.
const ONCE: usize = 1 << 32;
/// The TTL of every answer: none runs out.
const TTL_SECONDS: u32 = 86_400;

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "hit rate in percent; {QUESTIONS} questions for {NAMES} names\n")?;
    writeln!(out, "zipf  once   MiB    LRU   ours  ratio  without a share for negatives")?;
    for skew in [0.8, 0.9, 1.0] {
        for once_percent in [0, 20] {
            let trace = trace(skew, once_percent);
            for size in SIZES {
                let lru = percent(of_lru(&trace, size));
                let ours = percent(of_cache(&trace, &Cache::new(size, NEGATIVE_PERCENT)));
                let whole = percent(of_cache(&trace, &Cache::new(size, 0)));
                let (ratio, mib) = (ours / lru, size >> 20);
                writeln!(
                    out,
                    "{skew:>4.1} {once_percent:>4}% {mib:>5} {lru:>6.2} {ours:>6.2} {ratio:>6.3} \
                     {whole:>6.2}"
                )?;
            }
        }
    }
    writeln!(out, "\n100,000 names asked once through 1 MiB, between them 500 names in use")?;
    for (answers, positive) in [("an address", true), ("NXDOMAIN", false)] {
        let (left, missed) = flood(positive);
        writeln!(out, "flood of {answers:<10}  {left} of 500 left, {missed:.2} % asked in vain")?;
    }
    Ok(())
}

// === Traces ===

/// Numbers of names, as they are asked for. The rest of the numbers is never asked for twice.
fn trace(skew: f64, once_percent: usize) -> Vec<usize> {
    let mut sum = 0.0;
    let bounds: Vec<f64> = (1..=u32::try_from(NAMES).unwrap_or(u32::MAX))
        .map(|rank| {
            sum += f64::from(rank).powf(-skew);
            sum
        })
        .collect();
    let mut random = Random(7);
    (0..QUESTIONS)
        .map(|place| {
            if random.below(100) < once_percent {
                return ONCE + place;
            }
            let at = random.unit() * sum;
            bounds.partition_point(|bound| *bound < at).min(NAMES - 1)
        })
        .collect()
}

/// Numbers that look random and are the same in every run (`SplitMix64`).
struct Random(u64);

impl Random {
    fn step(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.step() % end as u64).unwrap_or(0)
    }

    fn unit(&mut self) -> f64 {
        f64::from(u32::try_from(self.step() >> 32).unwrap_or(0)) / f64::from(u32::MAX)
    }
}

// === Counting ===

fn percent(hits: usize) -> f64 {
    let hits = f64::from(u32::try_from(hits).unwrap_or(u32::MAX));
    100.0 * hits / f64::from(u32::try_from(QUESTIONS).unwrap_or(u32::MAX))
}

fn of_cache(trace: &[usize], cache: &Cache) -> usize {
    trace.iter().filter(|&&number| ask(cache, &name(number), true)).count()
}

/// Asks for a name; what is missing is put in, as an answer from upstream would be.
fn ask(cache: &Cache, name: &Name, positive: bool) -> bool {
    let key = Key::new(name, 1, false, false, 1);
    let hit = cache.get(&key, Tick(0)).is_some();
    if !hit {
        cache.insert(&key, answer(name, positive), Tick(0));
    }
    hit
}

/// An LRU of so many octets, each entry as large as ours is.
fn of_lru(trace: &[usize], octets_max: usize) -> usize {
    let mut lru = Lru::default();
    // A longer name makes its answer longer; the key has room for every name here in itself.
    let fixed = octets(&name(0)) - name(0).wire().len();
    let octets_of = |number| fixed + name(number).wire().len();
    let mut octets = 0;
    trace
        .iter()
        .filter(|&&number| {
            if lru.touch(number) {
                return true;
            }
            octets += octets_of(number);
            while octets > octets_max {
                let Some(oldest) = lru.pop() else { break };
                octets -= octets_of(oldest);
            }
            false
        })
        .count()
}

/// What our cache pays for this name's entry.
fn octets(name: &Name) -> usize {
    let cache = Cache::new(1 << 20, 0);
    let empty = cache.stats().bytes;
    ask(&cache, name, true);
    usize::try_from(cache.stats().bytes - empty).unwrap_or(0)
}

/// Numbers by when they were asked for last.
#[derive(Default)]
struct Lru {
    asked_at: std::collections::HashMap<usize, usize>,
    by_time: std::collections::BTreeMap<usize, usize>,
    time: usize,
}

impl Lru {
    /// Notes a question, and says whether the number was here.
    fn touch(&mut self, number: usize) -> bool {
        self.time += 1;
        self.by_time.insert(self.time, number);
        let earlier = self.asked_at.insert(number, self.time);
        earlier.is_some_and(|earlier| self.by_time.remove(&earlier).is_some())
    }

    fn pop(&mut self) -> Option<usize> {
        let (_, number) = self.by_time.pop_first()?;
        self.asked_at.remove(&number);
        Some(number)
    }
}

/// How many of 500 names in use are left after the flood, and the percentage asked for in vain.
fn flood(positive: bool) -> (usize, f64) {
    const USED: usize = 500;
    let cache = Cache::new(1 << 20, NEGATIVE_PERCENT);
    for number in 0..USED {
        ask(&cache, &name(number), true);
    }
    let (mut asked, mut missed) = (0_u32, 0_u32);
    for place in 0..100_000 {
        ask(&cache, &name(ONCE + place), positive);
        if place % 2 == 0 {
            asked += 1;
            missed += u32::from(!ask(&cache, &name(place / 2 % USED), true));
        }
    }
    let left = (0..USED).filter(|&number| {
        let name = name(number);
        cache.get(&Key::new(&name, 1, false, false, 1), Tick(0)).is_some()
    });
    (left.count(), 100.0 * f64::from(missed) / f64::from(asked))
}

// === Messages ===

fn name(number: usize) -> Name {
    Name::parse(&format!("www.n{number}.example.com")).expect("it is a name")
}

/// An answer about type A: an address, or that there is no such name.
fn answer(name: &Name, positive: bool) -> Arc<Response> {
    let (code, answers) = if positive { (0x80, 1) } else { (0x83, 0) };
    let mut packet = vec![0, 0, 0x81, code, 0, 1, 0, answers, 0, 0, 0, 0];
    packet.extend_from_slice(name.wire());
    packet.extend_from_slice(b"\0\x01\0\x01");
    if positive {
        packet.extend_from_slice(b"\xc0\x0c\0\x01\0\x01");
        packet.extend_from_slice(&TTL_SECONDS.to_be_bytes());
        packet.extend_from_slice(b"\0\x04\xc0\0\x02\x07");
    }
    Arc::new(Response::read(&packet, name, 1).expect("it is an answer"))
}
