//! The tables, in Markdown: medians with their range, and ratios.

use std::fmt::Write as _;

use crate::machine::Memory;
use crate::measure::{Latency, Reloaded, Throughput};
use crate::servers::Started;
use crate::workloads::Workload;

/// All that was measured.
#[derive(Default)]
pub(crate) struct Report {
    /// The echo, once a round.
    pub(crate) floor: Vec<Throughput>,
    /// Ours first.
    pub(crate) servers: Vec<Row>,
}

/// What was measured of one server.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) version: String,
    /// Its runs under each workload, one a round.
    pub(crate) runs: [Vec<Throughput>; 4],
    /// Blocked and cached.
    pub(crate) latency: [Vec<Latency>; 2],
    /// Without names, with all names, after all loads.
    pub(crate) memory: [Memory; 3],
    /// The first start with the list, and the next.
    pub(crate) started: [Option<Started>; 2],
    pub(crate) reloaded: Option<Reloaded>,
    /// Answers of a sample that were wrong before the loads began.
    pub(crate) wrong: usize,
}

/// The name of our row.
const OURS: &str = "amparo";

impl Row {
    pub(crate) fn new(name: &'static str, version: String) -> Self {
        Row {
            name,
            version,
            runs: Default::default(),
            latency: Default::default(),
            memory: [Memory::default(); 3],
            started: [None; 2],
            reloaded: None,
            wrong: 0,
        }
    }

    fn shown(&self) -> String {
        format!("{} {}", self.name, self.version)
    }
}

impl Report {
    /// The report as text.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        self.throughput(&mut out);
        self.cpu(&mut out);
        self.ratios(&mut out);
        self.latency(&mut out);
        self.memory_and_start(&mut out);
        self.reload(&mut out);
        self.mistakes(&mut out);
        out
    }

    fn throughput(&self, out: &mut String) {
        title(out, "Thousand queries a second, median (range)");
        head(out, &["server"], Workload::ALL.map(Workload::word).as_slice());
        let floor = spread(&self.floor, |run| run.queries_per_second / 1e3, 0);
        line(out, "echo (the floor)", &[floor.clone(), floor, String::new(), String::new()]);
        for row in &self.servers {
            let cells = row.runs.each_ref().map(|runs| {
                let lost: u64 = runs.iter().map(|run| run.lost).sum();
                let lost = if lost == 0 { String::new() } else { format!(", {lost} lost") };
                spread(runs, |run| run.queries_per_second / 1e3, 0) + &lost
            });
            line(out, &row.shown(), &cells);
        }
    }

    fn cpu(&self, out: &mut String) {
        title(out, "CPU microseconds a query, median (range)");
        head(out, &["server"], Workload::ALL.map(Workload::word).as_slice());
        let floor = spread(&self.floor, |run| run.cpu_microseconds, 2);
        line(out, "echo (the floor)", &[floor.clone(), floor, String::new(), String::new()]);
        for row in &self.servers {
            let cells = row.runs.each_ref().map(|runs| spread(runs, |run| run.cpu_microseconds, 2));
            line(out, &row.shown(), &cells);
        }
    }

    fn ratios(&self, out: &mut String) {
        let Some(ours) = self.servers.iter().find(|row| row.name == OURS) else { return };
        title(out, "Ours against the others, median of the rounds");
        head(out, &["ratio"], Workload::ALL.map(Workload::word).as_slice());
        let against_floor = ours.runs.each_ref().map(|runs| {
            let pairs = runs.iter().zip(&self.floor);
            let ratios = pairs.map(|(run, floor)| run.cpu_microseconds / floor.cpu_microseconds);
            shown(&ratios.collect::<Vec<_>>(), 2)
        });
        line(out, "CPU a query against the floor", &against_floor);
        let of_best = |better: fn(&Throughput) -> f64| {
            std::array::from_fn::<_, 4, _>(|workload| {
                let peers = self.servers.iter().filter(|row| row.name != OURS);
                let peers = peers.filter(|row| !row.runs[workload].is_empty());
                let rate = |row: &Row| median(&values(&row.runs[workload], better));
                let best = peers.max_by(|a, b| rate(a).total_cmp(&rate(b)));
                best.map_or(String::new(), |best| {
                    let pairs = ours.runs[workload].iter().zip(&best.runs[workload]);
                    let ratios = pairs.map(|(our, their)| better(our) / better(their));
                    format!("{} of {}", shown(&ratios.collect::<Vec<_>>(), 2), best.name)
                })
            })
        };
        line(out, "queries/s against the best peer", &of_best(|run| run.queries_per_second));
        let frugal = of_best(|run| 1.0 / run.cpu_microseconds);
        line(out, "queries a CPU second against the most frugal peer", &frugal);
    }

    fn latency(&self, out: &mut String) {
        title(out, "Latency at 2,000 queries a second, microseconds, median of the rounds (range)");
        head(out, &["server"], &["blocked p50", "blocked p99", "cached p50", "cached p99"]);
        for row in &self.servers {
            let [blocked, cached] = &row.latency;
            let cells = [
                spread(blocked, |run| run.p50_microseconds, 1),
                spread(blocked, |run| run.p99_microseconds, 1),
                spread(cached, |run| run.p50_microseconds, 1),
                spread(cached, |run| run.p99_microseconds, 1),
            ];
            line(out, &row.shown(), &cells);
        }
    }

    fn memory_and_start(&self, out: &mut String) {
        title(
            out,
            "Resident memory in MiB (of these its own), and start to first filtered answer in ms",
        );
        let columns = ["no names", "all names", "after all loads", "first start", "start again"];
        head(out, &["server"], &columns);
        for row in &self.servers {
            let mut cells: Vec<String> =
                row.memory.iter().map(|memory| mebibytes(*memory)).collect();
            cells.extend(row.started.iter().map(|started| {
                started.map_or("never".to_owned(), |started| {
                    let filtered = started.filtered_seconds * 1e3;
                    // What answers before it filters lets through what it should not.
                    let open = (started.filtered_seconds - started.answered_seconds) * 1e3;
                    if open > 0.5 {
                        format!("{filtered:.0} (open for {open:.0})")
                    } else {
                        format!("{filtered:.0}")
                    }
                })
            }));
            line(out, &row.shown(), &cells);
        }
    }

    fn reload(&self, out: &mut String) {
        title(out, "The list changed under 1,000 queries a second");
        head(out, &["server"], &["lost", "wrong", "slowest ms", "in force after ms"]);
        for row in &self.servers {
            let Some(reloaded) = row.reloaded else { continue };
            let in_force = reloaded.in_force_milliseconds;
            let cells = [
                reloaded.lost.to_string(),
                reloaded.wrong.to_string(),
                format!("{:.1}", reloaded.slowest_milliseconds),
                in_force.map_or("not within 30 s".to_owned(), |time| format!("{time:.0}")),
            ];
            line(out, &row.shown(), &cells);
        }
    }

    /// What makes a row doubtful.
    fn mistakes(&self, out: &mut String) {
        let mut said = String::new();
        for row in &self.servers {
            let name = row.name;
            if row.wrong > 0 {
                let wrong = row.wrong;
                let _ = writeln!(said, "- {name}: {wrong} answers of the sample were wrong");
            }
            let failed: u64 = row.runs.iter().flatten().map(|run| run.failed).sum();
            if failed > 0 {
                let _ = writeln!(said, "- {name}: {failed} SERVFAIL under load");
            }
            let late = row.latency.iter().flatten().map(|run| run.lost + run.wrong).sum::<u64>();
            if late > 0 {
                let _ = writeln!(said, "- {name}: {late} lost or wrong at 2,000 queries a second");
            }
        }
        if !said.is_empty() {
            title(out, "To be looked at");
            out.push_str(&said);
        }
    }
}

fn title(out: &mut String, text: &str) {
    let _ = write!(out, "\n### {text}\n\n");
}

fn head(out: &mut String, first: &[&str], columns: &[&str]) {
    let all: Vec<&str> = first.iter().chain(columns).copied().collect();
    let _ = writeln!(out, "| {} |\n|{}", all.join(" | "), "---|".repeat(all.len()));
}

fn line(out: &mut String, name: &str, cells: &[String]) {
    let _ = writeln!(out, "| {name} | {} |", cells.join(" | "));
}

fn mebibytes(memory: Memory) -> String {
    let of = |kib: u64| f64::from(u32::try_from(kib).unwrap_or(u32::MAX)) / 1024.0;
    format!("{:.1} ({:.1})", of(memory.resident_kib), of(memory.anonymous_kib))
}

fn values<T>(runs: &[T], value: impl Fn(&T) -> f64) -> Vec<f64> {
    runs.iter().map(value).collect()
}

fn spread<T>(runs: &[T], value: impl Fn(&T) -> f64, digits: usize) -> String {
    shown(&values(runs, value), digits)
}

/// The median, with the least and the greatest where there is more than one.
fn shown(values: &[f64], digits: usize) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = values.iter().copied().fold(0.0, f64::max);
    match values.len() {
        0 => "-".to_owned(),
        1 => format!("{least:.digits$}"),
        _ => format!("{:.digits$} ({least:.digits$}-{greatest:.digits$})", median(values)),
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        count if count % 2 == 0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}
