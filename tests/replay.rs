//! What the fuzz targets ask of any octets, asked of their seeds, and of each seed changed a few
//! hundred times: `fuzz/run` goes on from there, with coverage.

#[path = "../fuzz/bodies/cache.rs"]
mod cache;
#[path = "../fuzz/bodies/config_edit.rs"]
mod config_edit;
#[path = "../fuzz/bodies/config_text.rs"]
mod config_text;
#[path = "../fuzz/bodies/ical.rs"]
mod ical;
#[path = "../fuzz/bodies/index_file.rs"]
mod index_file;
#[path = "../fuzz/bodies/leases.rs"]
mod leases;
#[path = "../fuzz/bodies/ledger.rs"]
mod ledger;
#[path = "../fuzz/bodies/list.rs"]
mod list;
#[path = "../fuzz/bodies/mdns.rs"]
mod mdns;
#[path = "../fuzz/bodies/name.rs"]
mod name;
#[path = "../fuzz/bodies/options.rs"]
mod options;
#[path = "../fuzz/bodies/question.rs"]
mod question;
#[path = "../fuzz/bodies/response.rs"]
mod response;
#[path = "../fuzz/bodies/rewriter.rs"]
mod rewriter;
#[path = "../fuzz/bodies/sntp.rs"]
mod sntp;
#[path = "../fuzz/bodies/tcp_framing.rs"]
mod tcp_framing;

use std::path::{Path, PathBuf};

use amparo::lists::Format;

use crate::harness::Numbers;

/// How often each seed is changed.
const CHANGES: usize = 200;

/// A target with what it does.
type Target = (&'static str, fn(&[u8]));

/// Every target.
const TARGETS: &[Target] = &[
    ("cache", cache::run),
    ("config_edit", config_edit::run),
    ("config_text", config_text::run),
    ("ical", ical::run),
    ("index_file", index_file::run),
    ("leases", leases::run),
    ("ledger", ledger::run),
    ("mdns", mdns::run),
    ("name", name::run),
    ("options", options::run),
    ("question", question::run),
    ("response", response::run),
    ("rewriter", rewriter::run),
    ("sntp", sntp::run),
    ("tcp_framing", tcp_framing::run),
    ("list_adblock", |text| list::reads(Format::Adblock, text)),
    ("list_auto", |text| list::reads(Format::Auto, text)),
    ("list_dnsmasq", |text| list::reads(Format::Dnsmasq, text)),
    ("list_domains", |text| list::reads(Format::Domains, text)),
    ("list_hosts", |text| list::reads(Format::Hosts, text)),
    ("list_rpz", |text| list::reads(Format::Rpz, text)),
    ("list_squidguard", |text| list::reads(Format::Squidguard, text)),
    ("list_unbound", |text| list::reads(Format::Unbound, text)),
    ("list_wildcard", |text| list::reads(Format::Wildcard, text)),
];

/// The seeds of a target, each with its path, in order.
fn seeds(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = fuzz().join("seeds").join(target);
    let entries = std::fs::read_dir(&folder);
    let entries = entries.unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> =
        entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let octets = std::fs::read(&path).expect("the repository has it");
        (path, octets)
    };
    paths.into_iter().map(read).collect()
}

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

#[test]
fn every_seed_of_every_target_holds() {
    for (target, run) in TARGETS {
        let seeds = seeds(target);
        assert!(!seeds.is_empty(), "{target} has no seeds");
        run(&[]);
        for (_, octets) in &seeds {
            run(octets);
        }
    }
}

#[test]
fn every_seed_holds_however_it_is_changed() {
    let mut failed = Vec::new();
    for (place, (target, run)) in (1..).zip(TARGETS) {
        let mut numbers = Numbers(place);
        for (path, octets) in seeds(target) {
            for change in 0..CHANGES {
                let changed = numbers.mutate(&octets);
                if std::panic::catch_unwind(|| run(&changed)).is_err() {
                    failed.push(format!("{}, change {change}: {changed:02x?}", path.display()));
                }
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn every_target_that_there_is_is_replayed() {
    let entries = std::fs::read_dir(fuzz().join("fuzz_targets")).expect("the repository has it");
    let mut files: Vec<String> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.file_name().to_string_lossy().trim_end_matches(".rs").to_owned())
        .collect();
    files.sort();
    let mut named: Vec<&str> = TARGETS.iter().map(|(target, _)| *target).collect();
    named.sort_unstable();
    assert_eq!(named, files);
    let manifest =
        std::fs::read_to_string(fuzz().join("Cargo.toml")).expect("the repository has it");
    for target in named {
        assert!(manifest.contains(&format!("name = \"{target}\"")), "{target} is no program");
    }
}
