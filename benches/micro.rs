//! What one step of a query costs, in nanoseconds: `cargo bench --bench micro`.
//!
//! Each takes the next of some thousand names every time, so that the processor's caches hold what
//! they would hold in a house and not the one entry that is asked. `benches/instructions.rs`
//! counts instead of measuring, for when a machine is too busy to be timed.

mod fixture;
mod names;

use std::hint::black_box;
use std::sync::Arc;

use amparo::config::settings::BlockedAnswer;
use amparo::dns::answer::{self, Closed, Ede};
use amparo::dns::cache::Cache;
use amparo::dns::rewrite::Response;
use amparo::dns::wire;
use amparo::name::Name;
use amparo::policy::rules::SubjectId;
use divan::Bencher;
use fixture::{ASKED, Family, Whole};

/// Names in the lists that are looked up in.
const SIZES: [u64; 3] = [10_000, 1_000_000, 5_000_000];
/// A small family, and a large one.
const FAMILIES: [Family; 2] = [Family { children: 1, schedules: 1, budgets: 0 }, Family::LARGE];
/// The first child. Id 0 is whoever is not known.
const CHILD: SubjectId = SubjectId(1);

fn main() {
    divan::main();
}

/// Goes round through values.
struct Round<T> {
    values: Vec<T>,
    next: usize,
}

impl<T> Round<T> {
    fn of(value: impl Fn(u64) -> T) -> Self {
        // A stride that meets all of them, not one after the other as they were made.
        Round { values: (0..ASKED).map(|number| value(number * 1021 % ASKED)).collect(), next: 0 }
    }

    fn next(&mut self) -> &T {
        self.next = (self.next + 1) % self.values.len();
        &self.values[self.next]
    }
}

mod look_up {
    use super::{Bencher, Family, Name, Round, SIZES, black_box, fixture};

    fn measure(bencher: Bencher<'_, '_>, size: u64, name: impl Fn(u64) -> Name) {
        let house = fixture::house(size, Family { children: 1, schedules: 0, budgets: 0 }, "");
        let mut names = Round::of(name);
        bencher.bench_local(|| black_box(house.policy.tags_of(names.next())));
    }

    #[divan::bench(args = SIZES)]
    fn hit(bencher: Bencher<'_, '_>, size: u64) {
        // All over the list.
        measure(bencher, size, |number| fixture::listed(number * 7919 % size));
    }

    #[divan::bench(args = SIZES)]
    fn miss(bencher: Bencher<'_, '_>, size: u64) {
        measure(bencher, size, fixture::open);
    }
}

mod decide {
    use super::{Bencher, CHILD, FAMILIES, Family, Name, Round, black_box, fixture};

    fn measure(bencher: Bencher<'_, '_>, family: Family, name: impl Fn(u64) -> Name) {
        let house = fixture::house(100_000, family, "");
        let moment = house.policy.moment(fixture::clock().now());
        let mut names = Round::of(name);
        bencher.bench_local(|| black_box(house.policy.decide(CHILD, names.next(), &moment)));
    }

    #[divan::bench(args = FAMILIES)]
    fn blocked(bencher: Bencher<'_, '_>, family: Family) {
        measure(bencher, family, fixture::listed);
    }

    #[divan::bench(args = FAMILIES)]
    fn allowed(bencher: Bencher<'_, '_>, family: Family) {
        measure(bencher, family, fixture::open);
    }

    #[divan::bench(args = FAMILIES)]
    fn own_name(bencher: Bencher<'_, '_>, family: Family) {
        measure(bencher, family, |number| {
            Name::parse(&format!("n{number}.own.example")).expect("it is a name")
        });
    }
}

#[divan::bench]
fn parse_question(bencher: Bencher<'_, '_>) {
    let mut packets = Round::of(|number| fixture::packet(&fixture::open(number)));
    bencher.bench_local(|| black_box(wire::question(packets.next())));
}

#[divan::bench]
fn blocked_answer(bencher: Bencher<'_, '_>) {
    let packet = fixture::packet(&fixture::listed(1));
    let question = wire::question(&packet).expect("it is a question");
    let closed = Closed {
        answer: BlockedAnswer::ZeroIp,
        ttl_seconds: 10,
        nxdomain_forced: false,
        ede: Some(Ede { code: 17, text: "Measured is closed" }),
    };
    let mut out = Vec::with_capacity(512);
    bencher.bench_local(|| {
        answer::blocked(black_box(&packet), &question, &closed, &mut out);
        black_box(&out);
    });
}

#[divan::bench]
fn cache_hit(bencher: Bencher<'_, '_>) {
    let cache = Cache::new(16 << 20, 10);
    let tick = fixture::clock().tick();
    let mut asked = Round::of(|number| {
        let name = fixture::open(number);
        let packet = fixture::packet(&name);
        let response = Response::read(&fixture::answer_to(&packet), &name, 1);
        let question = wire::question(&packet).expect("it is a question");
        let key = fixture::key(&question);
        cache.insert(&key, Arc::new(response.expect("it answers the question")), tick);
        (packet, question)
    });
    let mut out = Vec::with_capacity(512);
    bencher.bench_local(|| {
        let (packet, question) = asked.next();
        let hit = cache.get(&fixture::key(question), tick).expect("it is in the cache");
        let written = hit.response.reply(packet, question, hit.aged, 60, &mut out);
        black_box(written.is_ok());
    });
}

mod whole {
    use super::{ASKED, Bencher, Family, Round, Whole, fixture};

    const FAMILIES: [Family; 3] = [Family::USUAL, Family::TIMELESS, Family::LARGE];

    #[divan::bench(args = FAMILIES)]
    fn blocked(bencher: Bencher<'_, '_>, family: Family) {
        let whole = Whole::new(1_000_000, 0, family);
        let mut packets = Round::of(|number| fixture::packet(&fixture::listed(number)));
        let mut out = Vec::with_capacity(512);
        bencher.bench_local(|| whole.answer(packets.next(), &mut out));
    }

    #[divan::bench(args = FAMILIES)]
    fn cached(bencher: Bencher<'_, '_>, family: Family) {
        let whole = Whole::new(1_000_000, ASKED, family);
        let mut packets = Round::of(|number| fixture::packet(&fixture::open(number)));
        let mut out = Vec::with_capacity(512);
        bencher.bench_local(|| whole.answer(packets.next(), &mut out));
    }
}
