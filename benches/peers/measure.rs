//! One measurement each: throughput, latency, a reload under way.

use std::net::UdpSocket;
use std::time::Duration;

use crate::lists::Names;
use crate::load::{self, Questions, Until, Waiting, ask, closed_loop, is_closed, open_loop};
use crate::machine;
use crate::responder::Responder;
use crate::servers::Server;
use crate::workloads::{Fixed, Fresh, Workload};

/// The pace at which latency is measured, in queries a second: a lively evening of a large family.
const LATENCY_PACE: u32 = 2000;
/// The pace while a list is read again, in queries a second.
const RELOAD_PACE: u32 = 1000;
/// When, after the beginning, the list changes.
const CHANGE_AFTER: Duration = Duration::from_secs(1);
/// How long it may take to be in force.
const RELOAD_MAX: Duration = Duration::from_secs(30);
/// How long is watched on after it is in force.
const AFTERWARDS: Duration = Duration::from_secs(1);
/// How often the changed name is asked for.
const SENTINEL_EVERY: Duration = Duration::from_millis(5);
/// How often what shall be cached is asked before.
const WARM_UP: usize = 2;

/// How a server did in one run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Throughput {
    pub(crate) queries_per_second: f64,
    /// The CPU time of the server for one answered query, in microseconds.
    pub(crate) cpu_microseconds: f64,
    pub(crate) lost: u64,
    pub(crate) failed: u64,
}

/// How long answers took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Latency {
    pub(crate) p50_microseconds: f64,
    pub(crate) p99_microseconds: f64,
    pub(crate) lost: u64,
    pub(crate) wrong: u64,
}

/// How a reload went.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reloaded {
    pub(crate) lost: u64,
    pub(crate) wrong: u64,
    pub(crate) slowest_milliseconds: f64,
    /// From the change of the file until a new name and one below it are closed; none: never.
    pub(crate) in_force_milliseconds: Option<f64>,
}

/// The floor: a server that does nothing.
pub(crate) fn floor(echo: &Responder, fixed: &Fixed, length: Duration) -> Throughput {
    let before = machine::thread_nanoseconds(echo.thread);
    let outcome = closed_loop(echo.address, &fixed.blocked, Until::Passed(length));
    throughput(outcome, machine::thread_nanoseconds(echo.thread) - before)
}

/// A server under one workload, as fast as it goes.
pub(crate) fn run(
    server: &Server,
    workload: Workload,
    fixed: &Fixed,
    fresh: &Fresh,
    length: Duration,
) -> Throughput {
    let questions = match workload {
        Workload::Blocked => &fixed.blocked,
        Workload::Cached => &fixed.cached,
        Workload::Household => &fresh.household,
        Workload::Misses => &fresh.misses,
    };
    let before = machine::cpu_nanoseconds(server.process());
    let outcome = closed_loop(server.address, questions, Until::Passed(length));
    // Threads that ended meanwhile take their time with them.
    let spent = machine::cpu_nanoseconds(server.process()).saturating_sub(before);
    throughput(outcome, spent)
}

fn throughput(outcome: load::Outcome, cpu_nanoseconds: u64) -> Throughput {
    let answered = outcome.answered.max(1);
    Throughput {
        queries_per_second: float(outcome.answered) / outcome.seconds,
        cpu_microseconds: float(cpu_nanoseconds) / float(answered) / 1000.0,
        lost: outcome.lost,
        failed: outcome.failed,
    }
}

/// Has a server ask everything that shall be in its cache.
pub(crate) fn warm(server: &Server, questions: &Questions) {
    for _ in 0..WARM_UP {
        closed_loop(server.address, questions, Until::AllAsked);
    }
}

/// How long answers take when there is little to do.
pub(crate) fn latency(server: &Server, questions: &Questions, length: Duration) -> Latency {
    let timing =
        open_loop(server.address, questions, LATENCY_PACE, length, Waiting::Awake, &mut |_| true);
    let at = |percent: usize| {
        let place = (timing.times.len() * percent / 100).min(timing.times.len().saturating_sub(1));
        timing.times.get(place).map_or(0.0, |time| time.as_secs_f64() * 1e6)
    };
    Latency {
        p50_microseconds: at(50),
        p99_microseconds: at(99),
        lost: timing.lost,
        wrong: timing.wrong,
    }
}

/// Changes a server's list while it is asked.
pub(crate) fn reload(server: &Server, names: &Names, fixed: &Fixed) -> Reloaded {
    warm(server, &fixed.cached_once);
    // A name that was just asked for is in the cache when it is closed.
    let sentinel = names.sentinel();
    let _ = ask(server.address, sentinel, CHANGE_AFTER);
    let mut watch = Watch::new(server, sentinel);
    let longest = CHANGE_AFTER + RELOAD_MAX;
    let mut command = None;
    let mut changed = false;
    let mut done_at = None;
    let timing = open_loop(
        server.address,
        &fixed.mixed,
        RELOAD_PACE,
        longest,
        Waiting::Asleep,
        &mut |elapsed| {
            if elapsed < CHANGE_AFTER {
                return true;
            }
            if !changed {
                changed = true;
                server.take_prepared_list().expect("the directory is ours");
                command = server.tell_reload();
            }
            if let Some(child) = &mut command
                && !matches!(child.try_wait(), Ok(None))
            {
                command = None;
            }
            watch.look(elapsed);
            if watch.in_force().is_some() && command.is_none() {
                let done = *done_at.get_or_insert(elapsed);
                return elapsed < done + AFTERWARDS;
            }
            true
        },
    );
    if let Some(mut child) = command {
        let _ = child.kill();
        let _ = child.wait();
    }
    let in_force = watch.in_force();
    Reloaded {
        lost: timing.lost,
        wrong: timing.wrong,
        slowest_milliseconds: timing.times.last().map_or(0.0, |time| time.as_secs_f64() * 1e3),
        in_force_milliseconds: in_force
            .map(|elapsed| elapsed.saturating_sub(CHANGE_AFTER).as_secs_f64() * 1e3),
    }
}

/// Asks for the new name and for names below it, in turn, until both are closed.
struct Watch<'a> {
    socket: UdpSocket,
    sentinel: &'a str,
    next: Duration,
    number: u16,
    /// When the name itself, and one below it, was closed first.
    closed: [Option<Duration>; 2],
}

impl<'a> Watch<'a> {
    fn new(server: &Server, sentinel: &'a str) -> Self {
        let socket = UdpSocket::bind((load::CHILDREN[0], 0)).expect("loopback has a free port");
        socket.connect(server.address).expect("loopback is there");
        socket.set_nonblocking(true).expect("a socket can be made so");
        Watch { socket, sentinel, next: Duration::ZERO, number: 0, closed: [None; 2] }
    }

    fn look(&mut self, elapsed: Duration) {
        let mut reply = [0; 512];
        while let Ok(length) = self.socket.recv(&mut reply) {
            if length >= 12 && is_closed(&reply[..length]) {
                self.closed[usize::from(reply[1] % 2)].get_or_insert(elapsed);
            }
        }
        if self.in_force().is_none() && elapsed >= self.next {
            self.next = elapsed + SENTINEL_EVERY;
            self.number += 1;
            let number = self.number;
            let below = format!("r{number}.{}", self.sentinel);
            let name = if number.is_multiple_of(2) { self.sentinel } else { &below };
            let _ = self.socket.send(&load::packet(name, number));
        }
    }

    fn in_force(&self) -> Option<Duration> {
        Some(self.closed[0]?.max(self.closed[1]?))
    }
}

#[expect(clippy::cast_precision_loss, reason = "what is counted here is far below 2^52")]
fn float(number: u64) -> f64 {
    number as f64
}
