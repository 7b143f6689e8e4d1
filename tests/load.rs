//! Floods, in short: the running program is asked by somebody who means harm, and everybody else
//! is answered. `tests/long` runs the long forms, in `long`.

mod long;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use hickory_proto::rr::RecordType;

use crate::harness::{ANA, Device, FAMILY, Flood, MATEO, Numbers, Program, Question};
use crate::hostile::seeds;

/// How many cached names a flood asks for.
const CACHED_NAMES: usize = 20;

/// The n-th question of a flood: six of ten closed, three cached, one never seen.
fn mixed(n: usize) -> Vec<u8> {
    let name = match n % 10 {
        0..=5 => format!("n{}.tiktok.com", n % 1000),
        6..=8 => format!("c{}.example.com", n % CACHED_NAMES),
        _ => format!("x{n}.example.net"),
    };
    Question::of(&name, RecordType::A).octets()
}

/// Sends mutated packets in batches, and after each asks for something that must be answered.
fn mutate(program: &mut Program, packets: usize, seed: u64) {
    let seeds = seeds();
    let mut numbers = Numbers(seed);
    let mut flood = Flood::new(MATEO, program.address);
    let device = Device::at(ANA);
    while flood.sent < packets {
        let batch: Vec<Vec<u8>> = (0..crate::harness::load::BATCH)
            .map(|_| {
                let seed = numbers.next(seeds.len());
                numbers.mutate(&seeds[seed])
            })
            .collect();
        flood.send(&batch);
        device.asks(program.address, "localhost").holds_only("127.0.0.1");
        flood.take();
    }
    program.is_the_same();
    Device::at(MATEO).asks(program.address, "www.tiktok.com").is_blocked();
    device.asks(program.address, "www.example.com").is_open();
}

/// A second device that asks one question after the other until it is told to stop, each once:
/// how many it asked, and how many had no answer.
fn beside(to: SocketAddr, ends: &Arc<AtomicBool>) -> JoinHandle<(usize, usize)> {
    let ends = Arc::clone(ends);
    thread::spawn(move || {
        let mut flood = Flood::new(ANA, to);
        let mut lost = 0;
        while !ends.load(Ordering::Relaxed) {
            let name = format!("c{}.example.com", flood.sent % CACHED_NAMES);
            lost += flood.ask_all([Question::of(&name, RecordType::A).octets()]);
        }
        (flood.sent, lost)
    })
}

#[test]
fn twenty_thousand_mutated_packets_leave_the_process_as_it_was() {
    let mut program = Program::start(FAMILY);
    mutate(&mut program, 20_000, 0x5eed_0003);
}

#[test]
fn a_device_that_asks_without_end_costs_another_no_answer() {
    let mut program = Program::start(FAMILY);
    let ends = Arc::new(AtomicBool::new(false));
    let second = beside(program.address, &ends);
    let mut flood = Flood::new(MATEO, program.address);
    let lost = flood.ask_all((0..30_000).map(mixed));
    ends.store(true, Ordering::Relaxed);
    let (asked, without_answer) = second.join().expect("it asks until the end");
    assert_eq!(without_answer, 0, "of {asked} questions of the second device");
    assert_eq!(lost, 0, "what is too much is refused, not ignored");
    program.is_the_same();
}
