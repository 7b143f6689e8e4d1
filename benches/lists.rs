//! From the text of lists to an index in force: names a second for each format, what a change of
//! one list among several costs, and how much memory it takes.
//!
//! With files as arguments it imports those instead, each as a list of its own in one household,
//! and prints what was taken of each: `cargo bench --bench lists -- FILE…`.

#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]

mod names;

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use amparo::config::{self, Origin, System};
use amparo::house::{Copies, House};
use amparo::lists::format::FORMATS;
use names::{OPEN, name};

/// Names of each list that is made up.
const NAMES: u64 = 1_000_000;
/// How often each is measured; the median counts.
const ROUNDS: usize = 5;

fn main() -> io::Result<()> {
    let files: Vec<PathBuf> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .map(PathBuf::from)
        .collect();
    let directory = tempfile::tempdir()?;
    let mut out = io::stdout().lock();
    if files.is_empty() {
        formats(directory.path(), &mut out)?;
        one_of_several(directory.path(), &mut out)
    } else {
        import(&files, directory.path(), &mut out)
    }
}

/// How fast each format is read, beside the plainest one.
fn formats(directory: &Path, out: &mut impl io::Write) -> io::Result<()> {
    writeln!(out, "{NAMES} names, text to index in force, median of {ROUNDS} rounds in turn\n")?;
    writeln!(out, "| format | names | ms | names a second | against domains |")?;
    writeln!(out, "|---|---:|---:|---:|---:|")?;
    let texts: Vec<(&str, PathBuf)> = FORMATS
        .iter()
        .filter_map(|syntax| {
            let line = line_of(syntax.name)?;
            let mut text = String::new();
            for number in 0..NAMES {
                text.push_str(&line.replace("NAME", &name(number)));
                text.push('\n');
            }
            let path = directory.join(syntax.name);
            fs::write(&path, text).ok()?;
            Some((syntax.name, path))
        })
        .collect();
    let mut times = vec![Vec::new(); texts.len()];
    let mut counts = vec![0; texts.len()];
    for _ in 0..ROUNDS {
        for (place, (format, path)) in texts.iter().enumerate() {
            let (time, house) = opened(&list("measured", path, format), None);
            times[place].push(time);
            counts[place] = house.names;
        }
    }
    let medians: Vec<Duration> = times.into_iter().map(median).collect();
    let plain = texts.iter().position(|(format, _)| *format == "domains").unwrap_or_default();
    for (((format, _), median), names) in texts.iter().zip(&medians).zip(counts) {
        let rate = rate(names, *median);
        let ratio = median.as_secs_f64() / medians[plain].as_secs_f64();
        let ms = median.as_millis();
        writeln!(out, "| {format} | {names} | {ms} | {rate} | {ratio:.2} |")?;
    }
    Ok(())
}

/// A line of a format that closes a name.
fn line_of(format: &str) -> Option<&'static str> {
    Some(match format {
        "hosts" => "0.0.0.0 NAME",
        "domains" => "NAME",
        "wildcard" => "*.NAME",
        "adblock" => "||NAME^",
        "dnsmasq" => "address=/NAME/#",
        "unbound" => "local-zone: \"NAME\" always_null",
        "rpz" => "NAME CNAME .",
        _ => return None,
    })
}

/// What it costs when one list of eight has other names.
fn one_of_several(directory: &Path, out: &mut impl io::Write) -> io::Result<()> {
    const LISTS: u64 = 8;
    let state = directory.join("several");
    let mut config = String::new();
    for part in 0..LISTS {
        let path = directory.join(format!("part{part}"));
        write_names(&path, part * NAMES / LISTS, 0)?;
        config.push_str(&list(&format!("part{part}"), &path, "domains"));
    }
    let (whole, _) = opened(&config, Some(&state));
    let mut times = Vec::new();
    for round in 1..=ROUNDS as u64 {
        write_names(&directory.join("part3"), 3 * NAMES / LISTS, round)?;
        times.push(opened(&config, Some(&state)).0);
    }
    let (one, current) = (median(times), opened(&config, Some(&state)).0);
    writeln!(
        out,
        "\n{LISTS} lists of {} names: all read {} ms; one of them changed {} ms; none {} ms",
        NAMES / LISTS,
        whole.as_millis(),
        one.as_millis(),
        current.as_millis()
    )?;
    writeln!(out, "peak resident memory of this process: {}", peak())
}

fn write_names(path: &Path, first: u64, other: u64) -> io::Result<()> {
    let mut file = io::BufWriter::new(fs::File::create(path)?);
    for number in first..first + NAMES / 8 {
        writeln!(file, "{}", name(number))?;
    }
    writeln!(file, "{}", name(OPEN + other))?;
    file.flush()?;
    // Older than a build, as lists are: what changed this very moment is read once more.
    let past = std::time::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + other);
    file.into_inner().map_err(io::IntoInnerError::into_error)?.set_modified(past)
}

/// Imports files into one household, as they are.
fn import(files: &[PathBuf], directory: &Path, out: &mut impl io::Write) -> io::Result<()> {
    let mut config = String::new();
    for (place, path) in files.iter().enumerate() {
        config.push_str(&list(&format!("file{place}"), &path.canonicalize()?, "auto"));
    }
    let (time, house) = opened(&config, Some(&directory.join("state")));
    writeln!(out, "| file | taken for | because | taken | refused | skipped | of these |")?;
    writeln!(out, "|---|---|---|---:|---:|---:|---|")?;
    for (state, place) in house.lists.iter().filter_map(|state| {
        Some((state, state.report.id.strip_prefix("file")?.parse::<usize>().ok()?))
    }) {
        let report = &state.report;
        let kinds: Vec<String> = report
            .skipped_kinds
            .iter()
            .map(|(kind, count)| format!("{} {count}", kind.word()))
            .collect();
        let guess = report.guess.map(|guess| format!("{} of {}", guess.like, guess.of));
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} |",
            files[place].file_name().unwrap_or_default().to_string_lossy(),
            report.format.word(),
            guess.unwrap_or_default(),
            report.taken,
            report.refused_count,
            report.skipped,
            state.trouble.clone().unwrap_or_else(|| kinds.join(", ")),
        )?;
    }
    let rate = rate(house.names, time);
    writeln!(
        out,
        "\n{} names of {} lists in force after {} ms ({rate} a second); peak resident memory {}",
        house.names,
        files.len(),
        time.as_millis(),
        peak()
    )
}

fn list(id: &str, path: &Path, format: &str) -> String {
    let mut text = String::new();
    let path = path.display();
    let _ = write!(
        text,
        "[list.{id}]\ncategory = \"adult\"\nfile = \"{path}\"\nformat = \"{format}\"\n"
    );
    text
}

/// Opens a household with these lists, in a state directory of its own or in one that stays.
fn opened(lists: &str, state: Option<&Path>) -> (Duration, House) {
    let text = format!("[household]\ntimezone = \"UTC\"\npublic_lists = false\n{lists}");
    let checked = config::load(&text, &Origin::Embedded, &System::detect());
    let config = checked.unwrap_or_else(|report| panic!("{}", report.render(false))).config;
    let own = tempfile::tempdir().expect("there is room for a directory");
    let began = Instant::now();
    let house = House::open(config, state.unwrap_or(own.path()), Copies::Keep);
    (began.elapsed(), house)
}

/// So many a second.
fn rate(names: usize, time: Duration) -> u128 {
    names as u128 * 1_000_000 / time.as_micros().max(1)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// The most memory this process ever had, as the kernel says it.
fn peak() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.unwrap_or(" unknown").trim().to_owned()
}
