//! The repository's own rules: what no compiler checks and every reader relies on.
//!
//! Each rule says in its message what to do instead. `source` reads the files; the layers come
//! first, because they are the ones people meet.
#![cfg(test)]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The layers of the crate: a module may use only what is listed beside it. `main.rs` and `lib.rs`
/// put the crate together and stand outside.
const MAY_USE: &[(&str, &[&str])] = &[
    ("fnv", &[]),
    ("name", &["fnv"]),
    ("words", &[]),
    ("kept", &["fnv"]),
    ("sys", &[]),
    ("clock", &["sys"]),
    ("timekeeping", &["clock"]),
    ("policy", &["name", "words"]),
    ("lists", &["name", "words", "sys", "policy"]),
    ("clients", &["name", "words", "clock", "policy"]),
    ("ledger", &["name", "words", "kept", "clock", "policy"]),
    ("roster", &["name", "words", "kept", "clock"]),
    ("config", &["name", "words", "fnv", "policy", "lists", "clients"]),
    ("house", &["name", "words", "fnv", "sys", "policy", "lists", "clients", "config"]),
    ("journal", &["name", "words", "clock", "policy", "config"]),
    ("enforce", &["name", "words", "clock", "config"]),
    (
        "dns",
        &[
            "name", "clock", "sys", "policy", "ledger", "clients", "roster", "config", "house",
            "journal", "enforce",
        ],
    ),
    ("update", &["name", "words", "clock", "sys", "lists", "config", "house"]),
    (
        "inspect",
        &[
            "name", "words", "policy", "ledger", "lists", "clients", "roster", "config", "house",
            "update",
        ],
    ),
    ("control", &["inspect"]),
    (
        "daemon",
        &[
            "name",
            "words",
            "clock",
            "sys",
            "timekeeping",
            "policy",
            "ledger",
            "lists",
            "clients",
            "roster",
            "config",
            "house",
            "journal",
            "enforce",
            "dns",
            "update",
            "inspect",
            "control",
        ],
    ),
    ("firewall", &["name", "words", "policy", "clients", "enforce", "dns"]),
    (
        "doctor",
        &[
            "words",
            "clock",
            "timekeeping",
            "policy",
            "ledger",
            "lists",
            "clients",
            "config",
            "house",
            "journal",
            "dns",
            "name",
            "inspect",
            "control",
        ],
    ),
    (
        "cli",
        &[
            "fnv",
            "name",
            "words",
            "clock",
            "timekeeping",
            "policy",
            "ledger",
            "lists",
            "clients",
            "roster",
            "config",
            "house",
            "journal",
            "dns",
            "update",
            "inspect",
            "control",
            "daemon",
            "firewall",
            "doctor",
        ],
    ),
];

/// A longer file is two files: split by what changes together.
const LINES_MAX: usize = 800;

/// What is left for later does not pass. In halves, so that this file passes itself.
const UNFINISHED: [&str; 6] = [
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("FIX", "ME"),
    concat!("XX", "X:"),
    concat!("db", "g!("),
    concat!("#[ign", "ore]"),
];

/// What stands outside the repository: it must be whole without.
const OUTSIDE: [&str; 2] = [concat!("../", "shared"), concat!("/work", "/")];

/// Where every locked dependency comes from.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

// === Layers ===

#[test]
fn every_import_follows_the_layers() {
    for file in source("src") {
        let Some(module) = file.module() else { continue };
        let allowed = MAY_USE.iter().find(|(name, _)| *name == module);
        let Some((_, allowed)) = allowed else {
            panic!("{}: `{module}` is in no layer: add it to MAY_USE and to the map", file.shown());
        };
        for (line, used) in uses(&file) {
            assert!(
                used == module || allowed.contains(&used.as_str()),
                "{}:{line}: `{module}` uses `{used}`; see the map of layers in src/lib.rs",
                file.shown()
            );
        }
    }
}

#[test]
fn the_layers_have_no_circle() {
    for (place, (module, allowed)) in MAY_USE.iter().enumerate() {
        for used in *allowed {
            let at = MAY_USE.iter().position(|(name, _)| name == used);
            let at = at.unwrap_or_else(|| panic!("`{used}` has no row in MAY_USE"));
            assert!(at < place, "`{module}` uses `{used}`, which is above it");
        }
    }
}

#[test]
fn imports_are_found_however_they_are_written() {
    let found = |path: &str, text: &str| {
        let file = File { path: root().join(path), text: text.to_owned() };
        uses(&file).into_iter().map(|(line, used)| format!("{line} {used}")).collect::<Vec<_>>()
    };
    assert_eq!(found("src/a.rs", "use crate::name::Name;"), ["1 name"]);
    assert_eq!(
        found("src/a.rs", "use crate::{\n  name::{A, B},\n  words,\n};"),
        ["1 name", "1 words"]
    );
    assert_eq!(found("src/a.rs", "fn f() { crate::dns::g() }"), ["1 dns"]);
    assert_eq!(found("src/a.rs", "use super::clock::Clock;"), ["1 clock"]);
    assert_eq!(found("src/a/mod.rs", "use super::clock::Clock;"), ["1 clock"]);
    assert_eq!(found("src/a/b.rs", "use super::clock;"), Vec::<String>::new());
    assert_eq!(found("src/a/b.rs", "use super::super::clock;"), ["1 clock"]);
    assert_eq!(found("src/a.rs", "/// See [`crate::dns`].\n// crate::dns"), Vec::<String>::new());
    let tests = "#[cfg(test)]\nmod tests {\n    use crate::dns;\n}\nuse crate::name;";
    assert_eq!(found("src/a.rs", tests), ["5 name"]);
}

// === Files ===

#[test]
fn no_file_is_longer_than_a_reader() {
    for file in [source("src"), source("tests"), source("benches")].concat() {
        let lines = file.text.lines().count();
        assert!(
            lines <= LINES_MAX,
            "{}: {lines} lines, at most {LINES_MAX}: split it by what changes together",
            file.shown()
        );
    }
}

#[test]
fn nothing_is_left_for_later() {
    for file in [source("src"), source("tests"), source("benches")].concat() {
        for (line, text) in file.numbered() {
            for needle in UNFINISHED {
                assert!(
                    !text.contains(needle),
                    "{}:{line}: `{needle}`: finish it, or give the reason (`#[ignore = \"…\"]`)",
                    file.shown()
                );
            }
        }
    }
}

#[test]
fn the_repository_is_whole_by_itself() {
    for file in texts() {
        for (line, text) in file.numbered() {
            for needle in OUTSIDE {
                assert!(!text.contains(needle), "{}:{line}: `{needle}`", file.shown());
            }
        }
    }
    assert!(!root().join(".cargo").exists(), ".cargo/ holds one machine's settings");
    for (line, text) in read("Cargo.lock").numbered() {
        if let Some(from) = text.trim().strip_prefix("source = ") {
            assert_eq!(from.trim_matches('"'), REGISTRY, "Cargo.lock:{line}");
        }
    }
}

#[test]
fn every_source_file_is_compiled() {
    for file in [source("src"), source("tests")].concat() {
        let stem = file.path.file_stem().and_then(|stem| stem.to_str()).expect("a file's name");
        let folder = file.path.parent().expect("a file is in a folder");
        // A module is declared by the file that stands for its folder.
        let (name, parents) = if stem == "mod" {
            let name = folder.file_name().and_then(|name| name.to_str()).expect("a folder's name");
            (name, parents_of(folder.parent().expect("it is below src")))
        } else {
            (stem, parents_of(folder))
        };
        let is_root = ["lib", "main", "it", "tidy"].contains(&stem);
        let declared =
            parents.iter().filter_map(|path| std::fs::read_to_string(path).ok()).any(|text| {
                text.lines().any(|line| line.trim_end().ends_with(&format!("mod {name};")))
            });
        assert!(is_root || declared, "{}: no `mod {name};` reaches it", file.shown());
    }
}

#[test]
fn every_test_binary_is_named_in_the_manifest() {
    let manifest = read("Cargo.toml").text;
    assert!(manifest.contains("autotests = false"), "one binary for whole-program tests");
    for binary in ["it", "tidy"] {
        let path = format!("path = \"tests/{binary}.rs\"");
        assert!(manifest.contains(&path), "Cargo.toml: `{path}` is missing");
    }
    assert_eq!(
        manifest.matches("[[test]]").count(),
        2,
        "Cargo.toml: add new modules to tests/it.rs"
    );
}

#[test]
fn every_benchmark_is_named_in_the_manifest() {
    let manifest = read("Cargo.toml").text;
    assert!(manifest.contains("autobenches = false"), "what benchmarks share is none itself");
    let shared = ["benches/fixture.rs", "benches/names.rs"].map(|path| root().join(path));
    for file in source("benches") {
        let folder = file.path.parent().expect("a file is in a folder");
        let of_folder = folder.join("main.rs");
        if shared.contains(&file.path) || of_folder.is_file() && of_folder != file.path {
            continue;
        }
        let path = format!("path = \"{}\"", file.shown());
        assert!(manifest.contains(&path), "Cargo.toml: no [[bench]] has `{path}`");
    }
}

#[test]
fn every_dependency_says_what_it_is_for() {
    let file = read("Cargo.toml");
    let mut in_dependencies = false;
    let mut before = "";
    for (line, text) in file.numbered() {
        if text.starts_with('[') {
            in_dependencies = text.ends_with("dependencies]");
        } else if in_dependencies && text.contains(" = ") {
            let reason = before.strip_prefix("# ").is_some_and(|reason| reason.len() > 10);
            assert!(reason, "Cargo.toml:{line}: `{text}`: say above it what it is for");
        }
        before = text;
    }
}

#[test]
fn the_scripts_can_be_run() {
    for path in [
        "tests/run",
        "tests/long",
        "fuzz/run",
        ".ci/run",
        "benches/peers.sh",
        "src/clients/makers.sh",
    ] {
        let file = read(path);
        let mode = std::fs::metadata(&file.path).expect("it was read").permissions().mode();
        assert!(mode & 0o100 != 0, "{path} is not executable: chmod +x");
        assert!(file.text.starts_with("#!/usr/bin/env bash\n"), "{path} names its shell");
        assert!(file.text.contains("\nset -euo pipefail\n"), "{path} goes on after a failure");
    }
}

#[test]
fn the_papers_are_there() {
    for path in ["README.md", "README.es.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"] {
        assert!(root().join(path).is_file(), "{path} is missing");
    }
}

// === Documents ===

#[test]
fn both_readmes_have_the_same_sections() {
    let headings = |path| read(path).numbered().filter(|(_, text)| text.starts_with("## ")).count();
    let (en, es) = (headings("README.md"), headings("README.es.md"));
    assert_eq!(en, es, "README.md has {en} sections, README.es.md {es}");
    assert!(en > 0, "README.md has no sections");
}

#[test]
fn every_config_in_a_document_is_accepted() {
    let folder = tempfile::tempdir().expect("there is room for a directory");
    let documents = [
        "README.md",
        "README.es.md",
        "docs/lists/README.md",
        "docs/lists/LEAME.md",
        "docs/encrypted/README.md",
        "docs/encrypted/LEAME.md",
        "docs/enforce/README.md",
        "docs/enforce/LEAME.md",
        "docs/time/README.md",
        "docs/time/LEAME.md",
        "docs/time/calendars.md",
        "docs/time/calendarios.md",
    ];
    for document in documents {
        let blocks = toml_blocks(&read(document));
        assert!(!blocks.is_empty(), "{document} shows no config");
        for (line, text) in blocks {
            let path = folder.path().join("amparo.toml");
            std::fs::write(&path, &text).expect("the directory is ours");
            check(&path, &format!("{document}:{line}"));
        }
    }
    for file in files("config").iter().filter(|path| path.extension().is_some_and(|e| e == "toml"))
    {
        check(file, &file.display().to_string());
    }
}

/// Has the program itself check a config.
fn check(path: &Path, shown: &str) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_amparo"));
    let output = command.arg("check").arg(path).output().expect("cargo built the program");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{shown}: the config shown here does not pass:\n{said}");
}

/// The TOML blocks of a document, with the line each begins on.
fn toml_blocks(document: &File) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (line, text) in document.numbered() {
        match &mut open {
            None if text.trim_end() == "```toml" => open = Some((line + 1, String::new())),
            Some(_) if text.starts_with("```") => blocks.extend(open.take()),
            Some((_, block)) => {
                block.push_str(text);
                block.push('\n');
            }
            None => {}
        }
    }
    blocks
}

// === Reading ===

/// A text file of the repository.
#[derive(Clone)]
struct File {
    path: PathBuf,
    text: String,
}

impl File {
    /// Its path as people write it.
    fn shown(&self) -> String {
        let path = self.path.strip_prefix(root()).unwrap_or(&self.path);
        path.display().to_string()
    }

    /// Its lines with their numbers.
    fn numbered(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(at, text)| (at + 1, text))
    }

    /// The module under `src` it belongs to; none for the crate's roots and for tests.
    fn module(&self) -> Option<String> {
        let inner = self.path.strip_prefix(root().join("src")).ok()?;
        let mut parts = inner.components().filter_map(|part| part.as_os_str().to_str());
        let first = parts.next()?.trim_end_matches(".rs").to_owned();
        let of_tests = inner.components().any(|part| {
            part.as_os_str().to_str().is_some_and(|part| part.trim_end_matches(".rs") == "tests")
        });
        (!of_tests && first != "lib" && first != "main").then_some(first)
    }

    /// How many modules deep its code is: 1 for `src/a.rs` and `src/a/mod.rs`.
    fn depth(&self) -> usize {
        let inner = self.path.strip_prefix(root().join("src")).unwrap_or(&self.path);
        let parts = inner.components().count();
        if inner.ends_with("mod.rs") { parts - 1 } else { parts }
    }
}

/// The modules of the crate that a file uses outside its tests and comments, each with its line.
fn uses(file: &File) -> Vec<(usize, String)> {
    let code = without_tests(&file.text);
    let climb = "super::".repeat(file.depth());
    let mut found = Vec::new();
    for root in ["crate::", &climb] {
        for (at, _) in code.match_indices(root) {
            // `pub(in crate::a)`, `$crate::` and a longer chain of `super` are other things.
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let line = code[..at].matches('\n').count() + 1;
            let names = names_at(&code[at + root.len()..]);
            found.extend(names.into_iter().map(|name| (line, name)));
        }
    }
    found
}

/// The first words of a path or of each member of a group.
fn names_at(text: &str) -> Vec<String> {
    let word = |text: &str| {
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
        text[..end].to_owned()
    };
    let Some(group) = text.strip_prefix('{') else {
        // A type or macro at the crate's root belongs to no layer.
        let name = word(text);
        return if name.starts_with(char::is_lowercase) { vec![name] } else { Vec::new() };
    };
    let mut names = Vec::new();
    let mut depth = 0_usize;
    let mut begins = true;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => begins = true,
            c if begins && !c.is_whitespace() => {
                names.push(word(&group[at..]));
                begins = false;
            }
            _ => {}
        }
    }
    names
}

/// The code of a file, its lines in their places, comments and test modules blank.
fn without_tests(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut test_next = false;
    let mut until_brace = false;
    for line in text.lines() {
        let code = line.trim_start();
        if until_brace {
            // rustfmt puts the end of a top-level module into the first column.
            until_brace = line != "}";
        } else if code.starts_with("#[cfg(test)]") {
            test_next = true;
        } else if test_next && !code.starts_with("#[") {
            test_next = false;
            until_brace = code.contains("mod ") && code.ends_with('{');
        } else if !code.starts_with("//") {
            out.push_str(line);
        }
        out.push('\n');
    }
    out
}

/// The files that may declare the modules of a folder.
fn parents_of(folder: &Path) -> Vec<PathBuf> {
    let inside = ["mod.rs", "lib.rs", "main.rs", "it.rs"].map(|name| folder.join(name));
    inside.into_iter().chain([folder.with_extension("rs")]).collect()
}

/// The Rust files below a folder of the repository.
fn source(folder: &str) -> Vec<File> {
    let rust = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    files(folder).into_iter().filter(rust).map(|path| read_path(&path)).collect()
}

/// Every text a person wrote: what git knows, but lists of names, which may say anything.
fn texts() -> Vec<File> {
    let mut paths = vec![root().join("Cargo.toml"), root().join("clippy.toml")];
    let folders =
        ["src", "tests", "benches", "config", "packaging", "docs", "fuzz/fuzz_targets", ".ci"];
    for folder in folders {
        paths.extend(files(folder));
    }
    let papers = std::fs::read_dir(root()).expect("the repository is there");
    let paper = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "md");
    paths.extend(papers.filter_map(Result::ok).map(|entry| entry.path()).filter(paper));
    paths.iter().map(|path| read_path(path)).collect()
}

/// The files below a folder of the repository; none when there is no such folder.
fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// A file of the repository.
fn read(path: &str) -> File {
    read_path(&root().join(path))
}

fn read_path(path: &Path) -> File {
    match std::fs::read(path) {
        Ok(octets) => {
            File { path: path.to_owned(), text: String::from_utf8_lossy(&octets).into_owned() }
        }
        Err(error) => panic!("{}: {error}", path.display()),
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
