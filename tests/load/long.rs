//! Floods at length: minutes, with figures. `tests/long` runs them, one after the other.
#![expect(clippy::disallowed_methods, reason = "a flood has a rate, and latency is what it costs")]

use std::time::{Duration, Instant};

use super::*;

/// The flood's rate, in questions a second.
const FLOOD_RATE: usize = 100_000;
/// How long it lasts.
const FLOOD_TIME: Duration = Duration::from_secs(120);
/// How often the second device asks.
const SECOND_EVERY: Duration = Duration::from_millis(10);
/// What the second device may wait for all but one answer of a hundred.
const P99_MAX: Duration = Duration::from_millis(20);
/// The memory of a small router that the program may have.
const CGROUP_MIB: u64 = 64;

/// A memory cgroup with a limit of its own; it goes when this goes.
struct Cgroup(std::path::PathBuf);

impl Cgroup {
    /// One below ours, of either version; none, with the reason printed, where none can be made.
    fn new() -> Option<Self> {
        let own = std::fs::read_to_string("/proc/self/cgroup").ok()?;
        let name = format!("amparo-long-{}", std::process::id());
        let found = own.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            let (controllers, path) = (parts.next()?, parts.next()?.trim_start_matches('/'));
            let (root, file) = match controllers {
                "memory" => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
                "" => ("/sys/fs/cgroup", "memory.max"),
                _ => return None,
            };
            let directory = std::path::Path::new(root).join(path).join(&name);
            std::fs::create_dir(&directory).ok()?;
            let limit = (CGROUP_MIB << 20).to_string();
            // In version 2 the controller may not be given to us.
            if std::fs::write(directory.join(file), limit).is_ok() {
                return Some(Cgroup(directory));
            }
            let _removed = std::fs::remove_dir(&directory);
            None
        });
        if found.is_none() {
            println!("no memory cgroup can be made here: resident memory is looked at instead");
        }
        found
    }

    /// How often an allocation met the limit (version 1) or a process was killed for it.
    fn failures(&self) -> String {
        let read = |file: &str| std::fs::read_to_string(self.0.join(file)).ok();
        let said = read("memory.failcnt").or_else(|| read("memory.events")).unwrap_or_default();
        said.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // What cannot be removed is empty.
        let _removed = std::fs::remove_dir(&self.0);
    }
}

/// What the second device met.
struct Second {
    asked: usize,
    lost: usize,
    waited: Vec<Duration>,
}

/// A device that asks at its own pace until it is told to stop.
fn steady(to: SocketAddr, ends: &Arc<AtomicBool>) -> JoinHandle<Second> {
    let ends = Arc::clone(ends);
    thread::spawn(move || {
        let mut flood = Flood::new(ANA, to);
        let mut second = Second { asked: 0, lost: 0, waited: Vec::new() };
        let mut next = Instant::now();
        while !ends.load(Ordering::Relaxed) {
            thread::sleep(next.saturating_duration_since(Instant::now()));
            next = Instant::now().max(next) + SECOND_EVERY;
            let name = format!("c{}.example.com", second.asked % CACHED_NAMES);
            let begun = Instant::now();
            second.lost += flood.ask_all([Question::of(&name, RecordType::A).octets()]);
            second.waited.push(begun.elapsed());
            second.asked += 1;
        }
        second.waited.sort_unstable();
        second
    })
}

/// Asks as fast as there are answers: the processor time of one, in nanoseconds. It stays what it
/// is when others use the machine too; the rate, which does not, is printed.
fn cost(program: &Program, what: &str, question: impl Fn(usize) -> Vec<u8>) -> u64 {
    const QUESTIONS: u32 = 400_000;
    let questions: Vec<Vec<u8>> = (0..QUESTIONS as usize).map(question).collect();
    let mut flood = Flood::new(MATEO, program.address);
    let (begun, ticks) = (Instant::now(), program.ticks());
    assert_eq!(flood.ask_all(questions), 0, "questions without an answer");
    let nanoseconds = (program.ticks() - ticks) * 10_000_000 / u64::from(QUESTIONS);
    let rate = f64::from(QUESTIONS) / begun.elapsed().as_secs_f64();
    println!("{what}: {nanoseconds} ns of processor time each, {rate:.0} q/s");
    nanoseconds
}

fn closed(n: usize) -> Vec<u8> {
    Question::of(&format!("n{}.tiktok.com", n % 1000), RecordType::A).octets()
}

fn cached(n: usize) -> Vec<u8> {
    Question::of(&format!("c{}.example.com", n % CACHED_NAMES), RecordType::A).octets()
}

fn distinct(n: usize) -> Vec<u8> {
    Question::of(&format!("x{n}.example.net"), RecordType::A).octets()
}

/// Fills every table there is: what they hold is meant to be held, and is no growth. In several
/// goes, from other ports each time: the kernel deals them out to the threads, and each keeps a heap.
fn fill(program: &Program) {
    for go in 20..26 {
        let names = go * 100_000..(go + 2) * 100_000;
        Flood::new(MATEO, program.address).ask_all(names.map(distinct));
    }
}

#[test]
#[ignore = "a minute or more: tests/long"]
fn a_million_mutated_packets_leave_the_process_as_it_was() {
    let mut program = Program::start(FAMILY);
    fill(&program);
    mutate(&mut program, 50_000, 0x5eed_0004);
    let before = program.resident_kib();
    mutate(&mut program, 1_000_000, 0x5eed_0005);
    let after = program.resident_kib();
    println!("a million mutated packets: {before} KiB before, {after} KiB after");
    assert!(after <= before + before / 10, "memory grows with packets that mean nothing");
}

#[test]
#[ignore = "two minutes: tests/long"]
fn a_flood_of_two_minutes_costs_a_second_device_nothing() {
    let cgroup = Cgroup::new();
    let enter = cgroup.as_ref().map(|cgroup| {
        let procs = cgroup.0.join("cgroup.procs");
        format!("echo $$ > {}; exec \"$@\"", procs.display())
    });
    let before: Vec<&str> =
        enter.as_ref().map_or(Vec::new(), |line| vec!["sh", "-ec", line.as_str(), "sh"]);
    let mut program = Program::start_behind(&before, FAMILY);
    let mut flood = Flood::new(MATEO, program.address);
    flood.ask_all((0..1000).map(mixed));
    let (sent_before, answered_before) = (flood.sent, flood.answered);

    let ends = Arc::new(AtomicBool::new(false));
    let second = steady(program.address, &ends);
    let begun = Instant::now();
    let mut resident_max = 0;
    let (ticks, mut n) = (program.ticks(), 0_usize);
    while begun.elapsed() < FLOOD_TIME {
        let due = usize::try_from(begun.elapsed().as_micros()).expect("it is two minutes")
            * FLOOD_RATE
            / 1_000_000;
        // A client that could not keep up does not make up for it in one blow.
        n = n.max(due.saturating_sub(FLOOD_RATE / 100));
        let batch: Vec<Vec<u8>> =
            (n..due.min(n + 4 * crate::harness::load::BATCH)).map(mixed).collect();
        if batch.is_empty() {
            thread::sleep(Duration::from_micros(200));
        }
        n += batch.len();
        flood.send(&batch);
        flood.take();
        if n % 100_000 < batch.len() {
            resident_max = resident_max.max(program.resident_kib());
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    ends.store(true, Ordering::Relaxed);
    let second = second.join().expect("it asks until the end");
    flood.take();
    program.is_the_same();

    let per_second = |count: usize| f64::from(u32::try_from(count).expect("it fits")) / seconds;
    let (sent, answered) = (flood.sent - sent_before, flood.answered - answered_before);
    let place = |percent: usize| second.waited[second.waited.len() * percent / 100];
    println!(
        "flood: {:.0} q/s sent, {:.0} q/s answered, {:.2} processor seconds a second",
        per_second(sent),
        per_second(answered),
        per_second(usize::try_from(program.ticks() - ticks).expect("it fits")) / 100.0
    );
    println!(
        "second device: {} asked, {} lost, p50 {:?}, p99 {:?}, longest {:?}",
        second.asked,
        second.lost,
        place(50),
        place(99),
        second.waited.last()
    );
    let failures = cgroup.as_ref().map_or_else(String::new, Cgroup::failures);
    println!("memory: {resident_max} KiB resident at most; the cgroup's failures: {failures}");
    assert_eq!(second.lost, 0, "questions of the second device without an answer");
    assert!(place(99) < P99_MAX, "the second device waits");
    assert!(resident_max < CGROUP_MIB << 10, "it does not fit a small router");
}

#[test]
#[ignore = "a minute or more: tests/long"]
fn a_million_distinct_names_leave_speed_and_memory_as_they_were() {
    let mut program = Program::start(FAMILY);
    fill(&program);
    let figures = |program: &Program| {
        Flood::new(MATEO, program.address).ask_all((0..1000).map(cached));
        let costs = [cost(program, "closed", closed), cost(program, "cached", cached)];
        (costs, program.resident_kib())
    };
    let (costs, resident) = figures(&program);
    let mut lost = 0;
    for quarter in 0..4 {
        let names = quarter * 250_000..(quarter + 1) * 250_000;
        lost += Flood::new(MATEO, program.address).ask_all(names.map(distinct));
        println!("after {} names: {} KiB", (quarter + 1) * 250_000, program.resident_kib());
    }
    program.is_the_same();
    let (costs_after, resident_after) = figures(&program);
    for (what, before, after) in
        [("closed", costs[0], costs_after[0]), ("cached", costs[1], costs_after[1])]
    {
        println!("{what}: after {} % of before", after * 100 / before.max(1));
    }
    println!("memory: {resident} KiB before, {resident_after} after; {lost} lost of the million");
    let dearer = costs.iter().zip(costs_after).any(|(before, after)| after > before * 13 / 10);
    assert!(!dearer, "the flood left it slower");
    assert!(resident_after <= resident + resident / 10, "memory grows with names");
}

#[test]
#[ignore = "seconds, with figures: tests/long"]
fn a_thousand_quiet_connections_hold_up_nobody() {
    let program = Program::start(FAMILY);
    let quiet = crate::streams::quiet_connections(program.address, 1000);
    for from in [ANA, MATEO] {
        let begun = Instant::now();
        Device::at(from).asks(program.address, "localhost").holds_only("127.0.0.1");
        let udp = begun.elapsed();
        let begun = Instant::now();
        crate::streams::asks_over_tcp(from, program.address, "localhost");
        println!("{} quiet connections: UDP {udp:?}, TCP {:?}", quiet.len(), begun.elapsed());
        assert!(begun.elapsed() <= Duration::from_millis(100), "a new query waits");
    }
}
