//! How many instructions the hot functions take, counted by valgrind:
//! `cargo bench --bench instructions`, and with `-- --bless` to write the counts down.
//!
//! A count does not mind what else the machine does. Each function is run under callgrind by this
//! same program, twice, with few and with many rounds: the difference is what the rounds took, and
//! what it takes to begin and to end has gone from it. The counts are compared with those in
//! `benches/instructions.baseline` when they were made by the same rustc for the same kind of
//! processor; another compiler makes other instructions.
//!
//! Every hash in the program has a random key, so a count is not the same twice; that is a
//! fraction of [`TOLERANCE_PERCENT`], as many names are asked.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what it prints is what it is for")]

mod fixture;
mod names;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::sync::Arc;

use amparo::config::settings::BlockedAnswer;
use amparo::dns::answer::{self, Closed, Ede};
use amparo::dns::cache::Cache;
use amparo::dns::rewrite::Response;
use amparo::dns::wire;
use amparo::policy::rules::SubjectId;
use fixture::{ASKED, Family, Network, Whole};

/// How much more than the baseline is no finding.
const TOLERANCE_PERCENT: u64 = 5;
/// Nor are so many instructions more, in functions so short that they are more than the percentage:
/// what the compiler puts where shifts as much when code changes that they never call.
const TOLERANCE_INSTRUCTIONS: u64 = 50;
/// Calls of the shorter run: it fills what fills itself on first use.
const CALLS_FEW: u64 = ASKED;
/// Calls of the longer run.
const CALLS: u64 = ASKED * 5;
/// The same of a function so short that the random part of building its house would show.
const CALLS_OF_SHORT: u64 = ASKED * 25;
/// Names on the list: what a look-up executes hardly depends on it, what it waits for does.
const NAMES: u64 = 10_000;
/// Open names in the cache, asked in turn. Fewer than [`ASKED`]: each is fetched under valgrind.
const CACHED: u64 = 256;
/// Two hundred devices in turn, none of them at hand.
const SCHOOL: Network = Network { devices: 200, neighbours: 1_000, clients: 1, is_noted: false };
/// What says that the counts are not compared.
const OTHER: &str = "the baseline was made by";
/// What writes the counts down.
const BLESS: &str = "cargo bench --bench instructions -- --bless";

/// A function to be counted: its name, the calls of its longer run, and what calls it so often.
type Counted = (&'static str, u64, fn(u64));

/// What is counted, in the order of the table.
const COUNTED: [Counted; 15] = [
    ("parse_question", CALLS, parse_question),
    ("look_up_hit", CALLS_OF_SHORT, |rounds| look_up(rounds, fixture::listed)),
    ("look_up_miss", CALLS_OF_SHORT, |rounds| look_up(rounds, fixture::open)),
    ("decide_blocked", CALLS, |rounds| decide(rounds, fixture::listed)),
    ("decide_allowed", CALLS, |rounds| decide(rounds, fixture::open)),
    ("cache_hit", CALLS, cache_hit),
    ("blocked_answer", CALLS, blocked_answer),
    ("answer_now_blocked", CALLS, |rounds| whole(rounds, 0, Family::USUAL, fixture::listed)),
    ("answer_now_cached", CALLS, |rounds| whole(rounds, CACHED, Family::USUAL, fixture::open)),
    // The same where time decides nothing, and where it decides much: it costs next to nothing.
    ("blocked_timeless", CALLS, |rounds| whole(rounds, 0, Family::TIMELESS, fixture::listed)),
    ("blocked_large_family", CALLS, |rounds| whole(rounds, 0, Family::LARGE, fixture::listed)),
    ("cached_timeless", CALLS, |rounds| whole(rounds, CACHED, Family::TIMELESS, fixture::open)),
    ("cached_large_family", CALLS, |rounds| whole(rounds, CACHED, Family::LARGE, fixture::open)),
    // Who asks is looked up for every question, among a thousand neighbours.
    ("blocked_1000_neighbours", CALLS, |rounds| whole_on(SCHOOL, rounds, 0, fixture::listed)),
    ("cached_1000_neighbours", CALLS, |rounds| whole_on(SCHOOL, rounds, CACHED, fixture::open)),
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["--one", name, rounds] => {
            let counted = COUNTED.iter().find(|(other, ..)| *other == name);
            let (.., run) = counted.expect("this program asked itself");
            run(rounds.parse().expect("this program asked itself"));
            ExitCode::SUCCESS
        }
        [] => report(false),
        ["--bless"] => report(true),
        _ => {
            eprintln!("usage: cargo bench --bench instructions -- [--bless]");
            ExitCode::from(2)
        }
    }
}

// === Counting ===

fn report(bless: bool) -> ExitCode {
    let valgrind = Command::new("valgrind").arg("--version").output();
    if !valgrind.is_ok_and(|said| said.status.success()) {
        eprintln!("valgrind is not installed: nothing is counted");
        return ExitCode::FAILURE;
    }
    let counts = match count_all() {
        Ok(counts) => counts,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::FAILURE;
        }
    };
    let made_by = made_by();
    if bless {
        let mut text = format!(
            "# Instructions a call, from `cargo bench --bench instructions -- --bless`.\n\
             # Compared only where the next line is the same.\n{made_by}\n"
        );
        for (name, count) in &counts {
            let _ = writeln!(text, "{name} {count}");
        }
        if let Err(error) = std::fs::write(baseline_file(), text) {
            eprintln!("{} cannot be written: {error}", baseline_file().display());
            return ExitCode::FAILURE;
        }
    }
    let text = std::fs::read_to_string(baseline_file()).unwrap_or_default();
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let before = lines.next().unwrap_or("nobody");
    let baseline: BTreeMap<&str, u64> = lines
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(name, count)| Some((name, count.parse().ok()?)))
        .collect();

    println!("| function | instructions a call | baseline | change |\n|---|---|---|---|");
    let (mut beyond, mut fewer) = (Vec::new(), Vec::new());
    for (name, count) in counts {
        let Some(&old) = baseline.get(name) else {
            println!("| {name} | {count} | - | - |");
            beyond.push(name);
            continue;
        };
        let change = i128::from(count) - i128::from(old);
        let tenths = change * 1000 / i128::from(old.max(1));
        let sign = if tenths < 0 { '-' } else { '+' };
        let (whole, rest) = (tenths.abs() / 10, tenths.abs() % 10);
        println!("| {name} | {count} | {old} | {sign}{whole}.{rest} % |");
        let tolerance = TOLERANCE_INSTRUCTIONS.max(old * TOLERANCE_PERCENT / 100);
        if count > old + tolerance {
            beyond.push(name);
        } else if count + tolerance < old {
            fewer.push(name);
        }
    }
    if before != made_by {
        println!("\nNot compared: {OTHER} {before}, this is {made_by}.");
        return ExitCode::SUCCESS;
    }
    if !fewer.is_empty() {
        println!("\nFewer than before: {}. Write them down: {BLESS}", fewer.join(", "));
    }
    if beyond.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!(
        "\nMore than {TOLERANCE_PERCENT} % above the baseline: {}. Find out why; when it is meant, \
         write the new counts down: {BLESS}",
        beyond.join(", ")
    );
    ExitCode::FAILURE
}

/// Counts all, as many at once as there are cores.
fn count_all() -> Result<Vec<(&'static str, u64)>, String> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut counts = Vec::new();
    for together in COUNTED.chunks(cores) {
        let results: Vec<Result<u64, String>> = std::thread::scope(|scope| {
            let running: Vec<_> = together
                .iter()
                .map(|(name, calls, _)| scope.spawn(|| count(name, *calls)))
                .collect();
            let join = |handle: std::thread::ScopedJoinHandle<'_, _>| {
                handle.join().unwrap_or_else(|_| Err("a count panicked".to_owned()))
            };
            running.into_iter().map(join).collect()
        });
        for ((name, ..), result) in together.iter().zip(results) {
            counts.push((*name, result?));
        }
    }
    Ok(counts)
}

/// Instructions a call of one function.
fn count(name: &str, calls: u64) -> Result<u64, String> {
    let more = collected(name, calls)?.saturating_sub(collected(name, CALLS_FEW)?);
    Ok(more / (calls - CALLS_FEW))
}

/// The instructions of a whole run of this program.
fn collected(name: &str, rounds: u64) -> Result<u64, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["--one", name, &rounds.to_string()])
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let count = said.lines().find_map(|line| {
        let (_, count) = line.split_once("Collected :")?;
        count.trim().replace(',', "").parse().ok()
    });
    match count {
        Some(count) if output.status.success() => Ok(count),
        Some(_) | None => Err(format!("{name} cannot be counted:\n{said}")),
    }
}

/// The compiler and the kind of processor.
fn made_by() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let said = Command::new(rustc).arg("-V").current_dir(env!("CARGO_MANIFEST_DIR")).output();
    let said = said.map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned());
    format!("{} for {}", said.as_deref().unwrap_or("an unknown rustc"), std::env::consts::ARCH)
}

fn baseline_file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/instructions.baseline")
}

// === What is counted ===

/// So many values, used in turn.
fn values<T>(count: u64, value: impl Fn(u64) -> T) -> Vec<T> {
    (0..count).map(value).collect()
}

/// Calls a function for each of the values in turn, so many times in all.
fn each<T>(values: &[T], rounds: u64, mut call: impl FnMut(&T)) {
    let rounds = usize::try_from(rounds).expect("there are a few thousand");
    values.iter().cycle().take(rounds).for_each(|value| call(black_box(value)));
}

fn parse_question(rounds: u64) {
    let packets = values(ASKED, |number| fixture::packet(&fixture::open(number)));
    each(&packets, rounds, |packet| _ = black_box(wire::question(packet)));
}

fn look_up(rounds: u64, name: fn(u64) -> amparo::name::Name) {
    let house = fixture::house(NAMES, Family { children: 1, schedules: 0, budgets: 0 }, "");
    let names = values(ASKED, name);
    each(&names, rounds, |name| _ = black_box(house.policy.tags_of(name)));
}

fn decide(rounds: u64, name: fn(u64) -> amparo::name::Name) {
    let house = fixture::house(NAMES, Family::USUAL, "");
    let moment = house.policy.moment(fixture::clock().now());
    let names = values(ASKED, name);
    each(&names, rounds, |name| {
        // The first child: id 0 is whoever is not known.
        black_box(house.policy.decide(SubjectId(1), name, &moment));
    });
}

fn cache_hit(rounds: u64) {
    let cache = Cache::new(16 << 20, 10);
    let tick = fixture::clock().tick();
    let asked = values(ASKED, |number| {
        let name = fixture::open(number);
        let packet = fixture::packet(&name);
        let response = Response::read(&fixture::answer_to(&packet), &name, 1);
        let question = wire::question(&packet).expect("it is a question");
        let response = response.expect("it answers the question");
        cache.insert(&fixture::key(&question), Arc::new(response), tick);
        (packet, question)
    });
    let mut out = Vec::with_capacity(512);
    each(&asked, rounds, |(packet, question)| {
        let hit = cache.get(&fixture::key(question), tick).expect("it is in the cache");
        let written = hit.response.reply(packet, question, hit.aged, 60, &mut out);
        black_box(written.is_ok());
    });
}

fn blocked_answer(rounds: u64) {
    let asked = values(ASKED, |number| {
        let packet = fixture::packet(&fixture::listed(number));
        let question = wire::question(&packet).expect("it is a question");
        (packet, question)
    });
    let closed = Closed {
        answer: BlockedAnswer::ZeroIp,
        ttl_seconds: 10,
        nxdomain_forced: false,
        ede: Some(Ede { code: 17, text: "Measured is closed" }),
    };
    let mut out = Vec::with_capacity(512);
    each(&asked, rounds, |(packet, question)| {
        answer::blocked(packet, question, &closed, &mut out);
        black_box(&out);
    });
}

fn whole(rounds: u64, cached: u64, family: Family, name: fn(u64) -> amparo::name::Name) {
    answers(&Whole::new(NAMES, cached, family), rounds, name);
}

fn whole_on(network: Network, rounds: u64, cached: u64, name: fn(u64) -> amparo::name::Name) {
    answers(&Whole::on(network, NAMES, cached, Family::USUAL), rounds, name);
}

fn answers(whole: &Whole, rounds: u64, name: fn(u64) -> amparo::name::Name) {
    // As few blocked names: a child asks for the same ones, and the journal folds them.
    let packets = values(CACHED, |number| fixture::packet(&name(number)));
    let mut out = Vec::with_capacity(512);
    each(&packets, rounds, |packet| whole.answer(packet, &mut out));
}
