//! What neighbours cost an answer: the whole way from the packet to the reply, blocked and cached,
//! for two hundred devices in turn, with a table of nobody, of a thousand and of eight thousand
//! addresses: `cargo bench --bench neighbours`.
//!
//! Once as the program has it (a listener has 256 clients at hand, so nobody is looked up unless
//! the table has changed), and once with everybody looked up for every question, which no listener
//! does: that is the price of the look-up itself. The journal remembers nothing of what is asked:
//! who is looked up anew is noted anew, and that would hide what is measured.
//!
//! Measured is the processor's time of this thread, in short slices, those of the three tables one
//! after the other; only slices that stand side by side are compared. So what else the machine does
//! has little part in it.
#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

#[expect(dead_code, reason = "other benchmarks use the rest")]
mod fixture;
mod names;

use fixture::{ASKED, Family, Network, Whole};
use nix::sys::time::TimeValLike;
use nix::time::ClockId;

/// Addresses in the kernel's table. The first is what the others are compared with.
const NEIGHBOURS: [u16; 3] = [0, 1_000, 8_000];
/// Devices that ask.
const DEVICES: u16 = 200;
/// Names on the list.
const NAMES: u64 = 10_000;
/// Questions of a slice.
const SLICE: usize = 512;
/// How often all names are asked of a set of households.
const TURNS: usize = 50;
/// Sets of households, another one of each made first: where something lies in memory makes more of
/// a difference than what is measured.
const SETS: usize = 6;
/// More than this would be measurable: in thousandths of the time without neighbours.
const WANTED: i64 = 1_050;

/// How clients are met: what it is called, and how many are at hand.
const WAYS: [(&str, usize); 2] = [("as the program has it", 256), ("looked up every time", 1)];

/// What is asked.
type Asked = (&'static str, fn(u64) -> amparo::name::Name);
const ASKS: [Asked; 2] = [("blocked", fixture::listed), ("cached", fixture::open)];

fn main() {
    println!("| clients | answer | neighbours | ns a question | against none (middle half) |");
    println!("|---|---|---|---|---|");
    for (way, clients) in WAYS {
        let mut slices = ASKS.map(|_| Vec::new());
        for set in 0..SETS {
            let mut wholes = NEIGHBOURS.map(|_| None);
            for place in 0..NEIGHBOURS.len() {
                let place = (place + set) % NEIGHBOURS.len();
                let neighbours = NEIGHBOURS[place];
                let network = Network { devices: DEVICES, neighbours, clients, is_noted: false };
                wholes[place] = Some(Whole::on(network, NAMES, ASKED, Family::USUAL));
            }
            let wholes = wholes.map(|whole| whole.expect("each was made"));
            for (slices, (_, name)) in slices.iter_mut().zip(ASKS) {
                let packets = (0..ASKED).map(|number| fixture::packet(&name(number)));
                slices.extend(measured(&wholes, &packets.collect::<Vec<_>>()));
            }
        }
        for ((answer, _), slices) in ASKS.iter().zip(&slices) {
            report(way, answer, slices);
        }
    }
}

/// The nanoseconds of each table's slices, side by side.
fn measured(wholes: &[Whole; 3], packets: &[Vec<u8>]) -> Vec<[i64; 3]> {
    let mut out = Vec::with_capacity(512);
    let mut slices = Vec::new();
    // The first turn fills what fills itself on first use.
    for turn in 0..=TURNS {
        for slice in packets.chunks(SLICE) {
            let mut times = [0; 3];
            for place in 0..wholes.len() {
                // Another one first each time.
                let place = (place + slices.len()) % wholes.len();
                let began = now();
                for packet in slice {
                    wholes[place].answer(packet, &mut out);
                }
                times[place] = now() - began;
            }
            if turn > 0 {
                slices.push(times);
            }
        }
    }
    slices
}

/// The processor's time of this thread, in nanoseconds.
fn now() -> i64 {
    let time = ClockId::CLOCK_THREAD_CPUTIME_ID.now().expect("Linux has this clock");
    time.num_nanoseconds()
}

fn report(way: &str, answer: &str, slices: &[[i64; 3]]) {
    let questions = i64::try_from(SLICE).expect("it is small");
    for (place, neighbours) in NEIGHBOURS.into_iter().enumerate() {
        let times = sorted(slices, |times| times[place]);
        let ratios = sorted(slices, |times| times[place] * 1_000 / times[0].max(1));
        let [low, ratio, high] = [1, 2, 3].map(|quarter| ratios[ratios.len() * quarter / 4]);
        let beyond = if ratio > WANTED { "more than 1.05: " } else { "" };
        println!(
            "| {way} | {answer} | {neighbours} | {} | {beyond}{} ({}-{}) |",
            times[times.len() / 2] / questions,
            thousandths(ratio),
            thousandths(low),
            thousandths(high),
        );
    }
}

fn sorted(slices: &[[i64; 3]], of: impl Fn(&[i64; 3]) -> i64) -> Vec<i64> {
    let mut values: Vec<_> = slices.iter().map(of).collect();
    values.sort_unstable();
    values
}

fn thousandths(number: i64) -> String {
    format!("{}.{:03}", number / 1_000, number % 1_000)
}
