//! Lists: what a file may close, what is found in it, and what is never shown.

use std::path::PathBuf;
use std::sync::LazyLock;

use amparo::name::Name;

use super::{check, house, house_with, names_of};
use crate::harness::{Amparo, FAMILY, Home, SOFIA};

#[test]
fn a_list_from_a_file_cannot_close_what_everybody_needs() {
    let config = "[child.kid]\nage = 14\n[adult.ana]\n[list.big]\nfile = \"big.txt\"\ncategory = \"adult\"\n\
                  [list.alone]\nfile = \"hosts.txt\"\n";
    let big = "google.com\nyoutube.com\napple.com\ncloudfront.net\nnasa.gov\ncom\npool.ntp.org\n\
               d1.cloudfront.net\nnasty.example\n";
    let hosts = "0.0.0.0 www.google.com\n0.0.0.0 login.live.com\n0.0.0.0 x.example\n";
    let (house, home) = house_with(config, &[("big.txt", big), ("hosts.txt", hosts)]);
    check(
        &house,
        "
        kid mon 12:00 www.google.com    => rewrite safe_search google
        kid mon 12:00 mail.google.com   => allow default
        kid mon 12:00 www.youtube.com   => rewrite safe_search youtube_moderate
        kid mon 12:00 push.apple.com    => allow default
        kid mon 12:00 d2.cloudfront.net => allow default
        kid mon 12:00 d1.cloudfront.net => block category adult
        kid mon 12:00 www.nasty.example => block category adult
        ana mon 12:00 login.live.com    => allow default
        ana mon 12:00 x.example         => block list alone
        ",
    );
    let status = home.amparo(&["lists", "status", "big"]);
    for refused in ["7 entries refused", "google.com", "nasa.gov", "cloudfront.net"] {
        assert!(status.stdout.contains(refused), "{}", status.stdout);
    }
    // What is not in force is not shown as a reason either.
    let search = home.amparo(&["lists", "search", "mail.google.com"]);
    assert!(!search.stdout.contains("big line"), "{}", search.stdout);
}

#[test]
fn our_own_services_and_a_parents_words_close_guarded_names() {
    let config = "[child.kid]\nage = 14\nblock = [\"youtube\", \"google.com\", \"duckduckgo.com\"]\n\
                  [adult.ana]\nblock = [\"own\"]\n[service.own]\nnames = [\"bing.com\"]\n";
    check(
        &house(config),
        "
        kid mon 12:00 www.youtube.com => block service youtube
        kid mon 12:00 www.google.com  => block block_rule google.com
        kid mon 12:00 duckduckgo.com  => block block_rule duckduckgo.com
        ana mon 12:00 www.bing.com    => block service own
        ",
    );
}

#[test]
fn a_file_that_fills_a_category_is_searched_and_why_shows_its_line() {
    let config = "[child.kid]\nage = 9\n[list.own]\nfile = \"own.txt\"\ncategory = \"adult\"\n";
    let home = Home::with(config);
    home.write("own.txt", "# ours\nother.example\nnasty.example\n");
    let search = home.amparo(&["lists", "search", "www.nasty.example"]);
    assert_eq!(search.stdout, "own line 3: nasty.example (adult)\n");
    let why = home.amparo(&["why", "www.nasty.example", "--for", "kid"]);
    assert_eq!(why.exit, 10, "{why:?}");
    assert!(why.stdout.contains("own line 3: nasty.example"), "{}", why.stdout);
}

#[tokio::test]
async fn what_must_advertise_nothing_is_in_no_output() {
    static HIDDEN: LazyLock<Vec<Name>> = LazyLock::new(|| names_of("selfharm"));
    // None of these assertions prints what it found.
    let shows = |text: &str| HIDDEN.iter().any(|name| text.contains(&name.to_string()));
    let program = std::fs::read(env!("CARGO_BIN_EXE_amparo")).expect("cargo built it");
    for (place, name) in HIDDEN.iter().enumerate() {
        let octets = name.to_string().into_bytes();
        let found = program.windows(octets.len()).any(|window| window == octets);
        assert!(!found, "the program holds name {place}");
    }
    let files = walk(PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/blocklists")));
    assert!(files.iter().all(|text| !shows(text)), "a file under blocklists/ holds one");

    let amparo = Amparo::start(FAMILY).await;
    for name in HIDDEN.iter() {
        amparo.ask(SOFIA, &format!("www.{name}")).await.is_blocked();
    }
    let rows = amparo.journal().await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["site"], "selfharm");
    assert_eq!(rows[0]["names"].as_array().map(Vec::len), Some(0));
    assert!(rows.iter().all(|row| !shows(&row.to_string())), "the log shows one");

    let home = Home::with("[child.kid]\nage = 9\n");
    for args in [&["lists"][..], &["lists", "--json"], &["lists", "status", "amparo/selfharm"]] {
        let output = home.amparo(args);
        assert!(!shows(&output.stdout) && !shows(&output.stderr), "{args:?} shows one");
    }
    for (place, name) in HIDDEN.iter().enumerate() {
        // Whoever asks for a name below says another than the list does.
        let asked = format!("www.{name}");
        for args in [
            &["lists", "search", &asked][..],
            &["why", &asked, "--for", "kid"],
            &["why", "--json", &asked],
        ] {
            let output = home.amparo(args);
            let rest = output.stdout.replace(&asked, "");
            assert!(!shows(&rest) && !shows(&output.stderr), "{} of {place} shows it", args[0]);
        }
    }
}

/// The texts below a folder.
fn walk(folder: PathBuf) -> Vec<String> {
    let entries =
        std::fs::read_dir(folder).expect("it is ours").map(|entry| entry.expect("readable"));
    entries
        .flat_map(|entry| match entry.path() {
            path if path.is_dir() => walk(path),
            path => vec![std::fs::read_to_string(path).expect("text")],
        })
        .collect()
}
