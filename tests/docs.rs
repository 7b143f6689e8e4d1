//! The tables of the documents that the program knows by itself: `UPDATE=1` writes them anew.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use amparo::lists::Published;
use amparo::lists::catalogue::catalogue;
use amparo::lists::format::FORMATS;

/// What each format is, in Spanish: the program says it in English.
const IN_SPANISH: [(&str, &str); 8] = [
    ("hosts", "un archivo hosts: 0.0.0.0 y los nombres que cierra"),
    ("domains", "un nombre por línea, que cubre lo que está debajo; =nombre es ese nombre solo"),
    (
        "wildcard",
        "*.nombre o .nombre por línea, que cubre el nombre y lo que está debajo; un nombre sin asterisco es ese nombre solo",
    ),
    ("adblock", "reglas de bloqueadores de anuncios, en la sintaxis de AdGuard DNS"),
    ("rpz", "zonas de política de respuestas, como las que intercambian los servidores DNS"),
    ("dnsmasq", "configuración de dnsmasq: `address=`, `server=`, `local=`"),
    ("unbound", "configuración de unbound: `local-zone`, `local-data`"),
    ("squidguard", "carpetas de squidGuard y UT1: `domains`, `urls`, `usage`"),
];

/// Who reads or writes the documents: one test at a time, since `UPDATE=1` writes them.
static DOCUMENTS: Mutex<()> = Mutex::new(());

fn documents() -> MutexGuard<'static, ()> {
    DOCUMENTS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Compares what stands between two markers of a document; writes it with `UPDATE=1`.
#[track_caller]
fn check(document: &str, what: &str, table: &str) {
    let path = root().join(document);
    let text = std::fs::read_to_string(&path).expect("it is ours");
    let (begin, end) =
        (format!("<!-- {what}: written by a test -->\n"), format!("<!-- {what} end -->"));
    let markers = || {
        let (before, rest) = text.split_once(&begin)?;
        Some((before, rest.split_once(&end)?))
    };
    let Some((before, (found, after))) = markers() else {
        panic!("{document} has no place for `{what}`")
    };
    if found == table {
        return;
    }
    assert!(
        std::env::var_os("UPDATE").is_some(),
        "the {what} of {document} have changed: run the tests with UPDATE=1 to write them anew"
    );
    std::fs::write(&path, format!("{before}{begin}{table}{end}{after}")).expect("it is ours");
}

/// A number as people read it: `219,522`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// A table of all public lists: its head, the word for yes, and each one's sentence.
fn lists(head: &str, yes: &str, known: fn(&Published) -> &str) -> String {
    let mut table = format!("{head}\n|---|---|---:|---|---|---|---|\n");
    for list in &catalogue().published {
        let (id, home, category) = (&list.id, &list.home, &list.category);
        let by_itself = if list.subscribe { yes } else { "" };
        let _ = writeln!(
            table,
            "| [`{id}`]({home}) | `{category}` | {} | {} | {by_itself} | {} | {} |",
            grouped(list.names),
            list.licence,
            known(list),
            list.checked,
        );
    }
    table
}

/// A table of all formats, which lead to their pages in that folder.
fn formats(head: &str, folder: &str, summary: fn(&str, &'static str) -> &'static str) -> String {
    let mut table = format!("{head}\n|---|---|\n");
    for syntax in FORMATS {
        let name = syntax.name;
        // A bar of a rule is no bar of the table.
        let summary = summary(name, syntax.summary).replace('|', "\\|");
        let _ = writeln!(table, "| [`{name}`]({folder}{name}.md) | {summary} |");
    }
    table
}

fn in_spanish(name: &str, _: &'static str) -> &'static str {
    let row = IN_SPANISH.iter().find(|(other, _)| *other == name);
    row.map(|(_, summary)| *summary).expect("IN_SPANISH has a row for each format")
}

#[test]
fn the_table_of_public_lists_is_that_of_the_registry() {
    let _alone = documents();
    let english = "| list | fills | names | licence | by itself | known to be wrong | looked at |";
    let spanish =
        "| lista | llena | nombres | licencia | por sí sola | se sabe que está mal | revisada |";
    check("docs/lists/README.md", "lists", &lists(english, "yes", |list| &list.known.en));
    check("docs/lists/LEAME.md", "lists", &lists(spanish, "sí", |list| &list.known.es));
}

#[test]
fn the_table_of_formats_is_that_of_the_registry() {
    let _alone = documents();
    let (english, spanish) = ("| format | what it is |", "| formato | qué es |");
    let same = |_: &str, summary: &'static str| summary;
    check("README.md", "formats", &formats(english, "docs/lists/", same));
    check("docs/lists/README.md", "formats", &formats(english, "", same));
    check("README.es.md", "formats", &formats(spanish, "docs/lists/", in_spanish));
    check("docs/lists/LEAME.md", "formats", &formats(spanish, "", in_spanish));
}

#[test]
fn every_format_has_a_page() {
    for syntax in FORMATS {
        let page = root().join(format!("docs/lists/{}.md", syntax.name));
        assert!(page.is_file(), "{} is missing", page.display());
    }
}

#[test]
fn what_a_licence_asks_to_be_shown_is_shown() {
    let _alone = documents();
    for document in ["docs/lists/README.md", "docs/lists/LEAME.md", "blocklists/SOURCES.md"] {
        let text = std::fs::read_to_string(root().join(document)).expect("it is ours");
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for list in &catalogue().published {
            let Some(attribution) = &list.attribution else { continue };
            // The name of the licence leads to it in a document.
            let who = attribution.split(", CC").next().unwrap_or_default();
            assert!(text.contains(who), "{document} does not name {who}");
            assert!(text.contains("CC BY-SA 4.0"), "{document}");
        }
    }
}

#[test]
fn every_link_between_the_documents_leads_somewhere() {
    let _alone = documents();
    let documents = [
        "README.md",
        "README.es.md",
        "docs/lists/README.md",
        "docs/lists/LEAME.md",
        "docs/time/README.md",
        "docs/time/LEAME.md",
        "docs/time/calendars.md",
        "docs/time/calendarios.md",
        "docs/enforce/README.md",
        "docs/enforce/LEAME.md",
        "docs/firewall/README.md",
        "docs/firewall/LEAME.md",
        "docs/devices/README.md",
        "docs/devices/LEAME.md",
        "docs/dns/README.md",
        "docs/dns/LEAME.md",
        "docs/upstreams/README.md",
        "docs/upstreams/LEAME.md",
        "docs/encrypted/README.md",
        "docs/encrypted/LEAME.md",
    ];
    for document in documents {
        let path = root().join(document);
        let text = std::fs::read_to_string(&path).expect("it is ours");
        let folder = path.parent().unwrap_or(Path::new("."));
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let is_file = !link.contains("://") && !link.starts_with('#');
            assert!(!is_file || folder.join(link).exists(), "{document} leads to {link}");
        }
    }
}

#[test]
fn every_test_that_a_row_names_is_there() {
    let text = std::fs::read_to_string(root().join("docs/dns/rows.md")).expect("it is ours");
    let spans = text.split('`').skip(1).step_by(2);
    let named: Vec<(&str, &str)> = spans.filter_map(|span| span.split_once(".rs::")).collect();
    assert!(named.len() > 60, "{} tests are named", named.len());
    for (file, name) in named {
        let source = std::fs::read_to_string(root().join(format!("{file}.rs")));
        let source = source.unwrap_or_else(|error| panic!("{file}.rs: {error}"));
        assert!(source.contains(&format!("fn {name}(")), "{file}.rs has no {name}");
    }
}
