//! Our server beside those of others, in turn, in one run. `benches/peers.sh` builds and runs it;
//! `benches/README.md` says what each row means.
//!
//! Everything stays on 127.0.0.0/8 and in a temporary directory. Start reading at [`main`]; a
//! measurement each is in `measure`, the configs of the peers are in `servers`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what it prints is what it is for")]

mod lists;
mod load;
mod machine;
mod measure;
#[path = "../names.rs"]
mod names;
mod report;
mod responder;
mod running;
mod servers;
mod workloads;

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::Duration;

use lists::{Names, Version};
use machine::Cores;
use report::{Report, Row};
use responder::Responder;
use servers::{PEERS, Place, Server};
use workloads::{Fixed, Fresh, Workload};

const USAGE: &str = "\
usage: cargo bench --bench peers -- [OPTIONS]
  --amparo FILE      the program to measure (target/release/amparo)
  --rounds N         rounds (5)
  --seconds S        seconds a workload (1.2)
  --names-count N    names on the list (1000000)
  --names FILE       take the names from a file, one a line
  --peers A,B        only these peers (all that are installed)
  --no-reload        leave the reload out";
/// Answers of each kind that are looked at before anything is timed.
const SAMPLE: usize = 100;

/// What is to be done.
struct Options {
    amparo: PathBuf,
    rounds: usize,
    length: Duration,
    names_count: usize,
    names: Option<PathBuf>,
    peers: Option<Vec<String>>,
    reload: bool,
}

fn main() -> std::process::ExitCode {
    let options = match Options::read(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(why) => {
            eprintln!("{why}\n{USAGE}");
            return 2.into();
        }
    };
    match measure_all(&options) {
        Ok(report) => {
            println!("{}", report.text());
            0.into()
        }
        Err(error) => {
            eprintln!("{error}");
            1.into()
        }
    }
}

fn measure_all(options: &Options) -> std::io::Result<Report> {
    let folder = tempfile::tempdir()?;
    running::stop_all_on_signals(folder.path().to_owned());
    let cores = Cores::find();
    describe(options, cores);

    let names = match &options.names {
        Some(file) => Names::of_file(file, options.names_count)?,
        None => Names::generated(options.names_count),
    };
    eprintln!("{} names", names.len());
    let fixed = Fixed::of(&names);
    let upstream = Responder::upstream(cores.load);
    let echo = Responder::echo(cores.server);
    machine::settle_this_thread(cores.load);

    let mut report = Report::default();
    let mut servers = Vec::new();
    for mut server in find_servers(options, folder.path(), upstream.address)? {
        if let Some(row) = bring_up(&mut server, &names, &fixed, cores)? {
            report.servers.push(row);
            servers.push(server);
        }
    }
    for round in 0..options.rounds {
        let fresh = Fresh::of(&names, round, options.length);
        report.floor.push(measure::floor(&echo, &fixed, options.length));
        // Each round begins with another one: nobody always comes after the same neighbour.
        for turn in 0..servers.len() {
            let place = (turn + round) % servers.len();
            measure_round(&servers[place], &mut report.servers[place], &fixed, &fresh, options);
        }
        eprintln!("round {} of {}", round + 1, options.rounds);
    }
    for (server, row) in servers.iter_mut().zip(&mut report.servers) {
        row.memory[2] = machine::memory(server.process());
        if options.reload {
            server.prepare_list(&names, Version::Second)?;
            row.reloaded = Some(measure::reload(server, &names, &fixed));
            eprintln!("{} read its list again", server.name);
        }
        server.stop();
    }
    Ok(report)
}

/// Starts a server three times: without names, with all of them, and once more. None when it does
/// not filter.
fn bring_up(
    server: &mut Server,
    names: &Names,
    fixed: &Fixed,
    cores: Cores,
) -> std::io::Result<Option<Row>> {
    let mut row = Row::new(server.name, server.version.clone());
    let closed = names.kept().last().map(String::as_str);
    server.write_list(names, Version::Empty)?;
    if server.start(cores, None).is_some() {
        row.memory[0] = machine::memory(server.process());
    }
    server.stop();
    server.write_list(names, Version::First)?;
    row.started[0] = server.start(cores, closed);
    server.stop();
    row.started[1] = server.start(cores, closed);
    if row.started[1].is_none() {
        eprintln!("{} does not filter and is left out:\n    {}", server.name, server.last_words());
        return Ok(None);
    }
    row.memory[1] = machine::memory(server.process());
    measure::warm(server, &fixed.cached_once);
    measure::warm(server, &fixed.popular_once);
    row.wrong = fixed.mixed.count_wrong(server.address, SAMPLE)
        + fixed.popular_once.count_wrong(server.address, SAMPLE);
    eprintln!("{} {} answers on {}", server.name, server.version, server.address);
    Ok(Some(row))
}

fn measure_round(server: &Server, row: &mut Row, fixed: &Fixed, fresh: &Fresh, options: &Options) {
    // What the misses of the last round pushed out comes back before hits are counted.
    measure::warm(server, &fixed.cached_once);
    let latency = [&fixed.blocked, &fixed.cached]
        .map(|questions| measure::latency(server, questions, options.length));
    for (runs, latency) in row.latency.iter_mut().zip(latency) {
        runs.push(latency);
    }
    for (runs, workload) in row.runs.iter_mut().zip(Workload::ALL) {
        if workload == Workload::Household {
            measure::warm(server, &fixed.popular_once);
        }
        runs.push(measure::run(server, workload, fixed, fresh, options.length));
    }
}

/// Ours, then the peers that are installed and wanted.
fn find_servers(
    options: &Options,
    folder: &Path,
    upstream: SocketAddrV4,
) -> std::io::Result<Vec<Server>> {
    let place = |name: &str| -> std::io::Result<Place> {
        let folder = folder.join(name);
        Ok(Place { folder, address: free_address()?, upstream, control: free_address()? })
    };
    let mut servers = vec![Server::amparo(&options.amparo, place("amparo")?)?];
    for peer in PEERS {
        let wanted = options.peers.as_ref();
        if wanted.is_some_and(|wanted| !wanted.iter().any(|name| name == peer.name)) {
            continue;
        }
        match peer.find(place(peer.name)?)? {
            Some(server) => servers.push(server),
            None => eprintln!("{} is not installed", peer.name),
        }
    }
    Ok(servers)
}

/// An address of loopback that nobody listens on.
fn free_address() -> std::io::Result<SocketAddrV4> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    match socket.local_addr()? {
        SocketAddr::V4(address) => Ok(address),
        SocketAddr::V6(_) => Err(std::io::ErrorKind::AddrNotAvailable.into()),
    }
}

/// Says what is measured and how.
fn describe(options: &Options, cores: Cores) {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let octets = std::fs::metadata(&options.amparo).map_or(0, |about| about.len());
    let pinned = match (cores.server, cores.load) {
        (Some(server), Some(load)) => {
            format!("servers on core {server}, load and upstream on core {load}")
        }
        (Some(_) | None, _) => {
            "NOT PINNED: there are no two cores that `taskset` may choose; servers, load and \
             upstream disturb each other"
                .to_owned()
        }
    };
    println!(
        "Linux {}; {pinned}; {} rounds of {} s a workload; {} of {octets} bytes",
        kernel.trim(),
        options.rounds,
        options.length.as_secs_f64(),
        options.amparo.display(),
    );
}

impl Options {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let release = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/release/amparo");
        let mut options = Options {
            amparo: release,
            rounds: 5,
            length: Duration::from_millis(1200),
            names_count: 1_000_000,
            names: None,
            peers: None,
            reload: true,
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} takes a value"));
            match word.as_str() {
                "--amparo" => options.amparo = value()?.into(),
                "--rounds" => options.rounds = number(&value()?)?,
                "--names-count" => options.names_count = number::<usize>(&value()?)?.max(10),
                "--seconds" => {
                    let seconds = number::<f64>(&value()?)?;
                    let length = Duration::try_from_secs_f64(seconds);
                    options.length = length.map_err(|error| format!("--seconds: {error}"))?;
                }
                "--names" => options.names = Some(value()?.into()),
                "--peers" => {
                    options.peers = Some(value()?.split(',').map(str::to_owned).collect());
                }
                "--no-reload" => options.reload = false,
                // What cargo says to every benchmark.
                "--bench" => {}
                _ => return Err(format!("`{word}` is not known")),
            }
        }
        if !options.amparo.is_file() {
            let file = options.amparo.display();
            return Err(format!("{file} is not there: `cargo build --release`, or --amparo FILE"));
        }
        // The server is started in a directory of its own.
        options.amparo = std::fs::canonicalize(&options.amparo).map_err(|e| e.to_string())?;
        options.rounds = options.rounds.max(1);
        Ok(options)
    }
}

fn number<T: std::str::FromStr>(word: &str) -> Result<T, String> {
    word.parse().map_err(|_| format!("`{word}` is no number"))
}
