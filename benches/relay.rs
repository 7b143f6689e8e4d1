//! What a question to a plain upstream costs: `cargo bench --bench relay [-- QUESTIONS]`.
//!
//! One `current_thread` runtime keeps a hundred questions in flight; an upstream on a thread of its
//! own answers each at once. Printed is what the asking thread alone spent, kernel included:
//! compare two versions in turn in one sitting, the machine's pace changes within seconds.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and ends where it fails"
)]

use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use amparo::clock::Clock;
use amparo::config::settings::{Scheme, Strategy, UpstreamUrl};
use amparo::dns::upstream::{Ask, Upstreams};
use amparo::name::Name;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

/// Questions in flight: what a busy house has at its worst moments.
const IN_FLIGHT: usize = 100;

/// Questions of one round, unless the command line says another number.
const QUESTIONS: u32 = 200_000;

/// Rounds; the first also spends the budget of fresh ports.
const ROUNDS: u32 = 5;

fn main() {
    let questions =
        std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(QUESTIONS);
    let address = upstream();
    let url = UpstreamUrl { scheme: Scheme::Udp, address, tls_name: None, path: None };
    let upstreams = Upstreams::new(&[url], Strategy::Fastest, Clock::System);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for round in 1..=ROUNDS {
        let (clock, before) = (Clock::System.now(), cpu());
        let failed = runtime.block_on(ask_all(&upstreams, questions, round));
        let spent = cpu().saturating_sub(before);
        let took = Clock::System.now().duration_since(clock).unsigned_abs();
        report(round, questions, failed, took, spent);
    }
}

fn report(round: u32, questions: u32, failed: u32, took: Duration, spent: Duration) {
    let count = f64::from(questions);
    println!(
        "round {round}: {:>8.0} questions/s, {:.2} us CPU a question, {failed} failed",
        count / took.as_secs_f64(),
        spent.as_secs_f64() * 1e6 / count,
    );
}

/// Asks for as many different names, and says how many questions failed.
async fn ask_all(upstreams: &Arc<Upstreams>, questions: u32, round: u32) -> u32 {
    let (left, failed) = (Rc::new(Cell::new(questions)), Rc::new(Cell::new(0)));
    let local = tokio::task::LocalSet::new();
    for _ in 0..IN_FLIGHT {
        let (left, failed) = (Rc::clone(&left), Rc::clone(&failed));
        let upstreams = Arc::clone(upstreams);
        local.spawn_local(async move {
            while left.get() > 0 {
                let number = left.get();
                left.set(number - 1);
                let name = Name::parse(&format!("n{number}.r{round}.example.com")).unwrap();
                let ask = Ask {
                    name: &name,
                    name_as_asked: name.wire(),
                    qtype: 1,
                    qclass: 1,
                    dnssec_ok: false,
                    checking_disabled: false,
                    authentic_data: false,
                };
                if upstreams.ask(ask).await.is_err() {
                    failed.set(failed.get() + 1);
                }
            }
        });
    }
    local.await;
    failed.get()
}

/// What this thread has spent, in user and kernel mode.
fn cpu() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_THREAD).unwrap();
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Duration::from_micros(micros.unsigned_abs())
}

/// Starts an upstream that answers every question with one address.
fn upstream() -> SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut message = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut message) {
            let end = answer(&mut message, length);
            let _gone = socket.send_to(&message[..end], from);
        }
    });
    address
}

/// Makes an answer of a query in place, and says how long it is.
fn answer(message: &mut [u8], length: usize) -> usize {
    const RECORD: [u8; 16] = [0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 7];
    // All but the OPT record of eleven octets, which is the last.
    let question_end = length - 11;
    message[2] = 0x81;
    message[3] = 0x80;
    message[6..12].copy_from_slice(&[0, 1, 0, 0, 0, 0]);
    let end = question_end + RECORD.len();
    message[question_end..end].copy_from_slice(&RECORD);
    end
}
