//! Lists that are no plain files: packed, in an archive, in a folder.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use amparo::config::{self, Origin};
use amparo::house::{Copies, House};

use super::{check, system};
use crate::harness::Home;

/// A household with a list for each way in which a text may come.
const CONFIG: &str = "[child.kid]\nage = 9\n\
    [list.one]\nfile = \"one.txt.gz\"\ncategory = \"adult\"\n\
    [list.two]\nfile = \"lists.tar.gz#gambling\"\ncategory = \"gambling\"\n\
    [list.three]\nfile = \"folder\"\ncategory = \"adult\"\n";

fn gz(octets: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(octets).expect("it is memory");
    encoder.finish().expect("it is memory")
}

/// An archive, as POSIX writes it.
fn tar(files: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (path, text) in files {
        let mut header = vec![0; 512];
        header[..path.len()].copy_from_slice(path.as_bytes());
        header[124..135].copy_from_slice(format!("{:011o}", text.len()).as_bytes());
        header[148..156].copy_from_slice(b"        ");
        header[156] = b'0';
        let sum: u32 = header.iter().map(|octet| u32::from(*octet)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        archive.extend(header);
        archive.extend(text.as_bytes());
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

fn home() -> Home {
    let home = Home::with(CONFIG);
    let at = |name: &str| home.path().join(name);
    let write = |name: &str, octets: &[u8]| std::fs::write(at(name), octets).expect("it is ours");
    write("one.txt.gz", &gz(b"0.0.0.0 one.example\n"));
    let lists = tar(&[
        ("lists/gambling/domains.1", "le\n"),
        ("lists/gambling/domains.0", "two.examp"),
        ("lists/child/domains", "child.example\n"),
        ("lists/games/domains", "games.example\n"),
        ("lists/child/usage", "white\n"),
    ]);
    write("lists.tar.gz", &gz(&lists));
    std::fs::create_dir_all(at("folder")).expect("it is ours");
    write("folder/a.txt", b"three.example");
    write("folder/b.txt.gz", &gz(b"four.example\n"));
    home
}

fn opened(home: &Home, copies: Copies) -> House {
    let checked = config::load(CONFIG, &Origin::File(home.config()), &system())
        .unwrap_or_else(|report| panic!("{}", report.render(false)));
    House::open(checked.config, &home.state(), copies)
}

const CLOSED: &str = "
    kid mon 12:00 one.example       => block category adult
    kid mon 12:00 www.two.example   => block category gambling
    kid mon 12:00 www.three.example => block category adult
    kid mon 12:00 four.example      => block category adult
    kid mon 12:00 games.example     => allow default
    kid mon 12:00 child.example     => allow default
";

#[test]
fn what_is_packed_closes_as_if_it_were_not() {
    let home = home();
    let house = opened(&home, Copies::LookOnly);
    check(&house, CLOSED);
    assert!(house.lists.iter().all(|list| list.trouble.is_none()));
    let search = home.amparo(&["lists", "search", "two.example"]);
    assert_eq!(search.stdout, "two line 1: two.example\n");
}

#[test]
fn what_can_no_longer_be_unpacked_leaves_its_last_good_copy_in_force() {
    let home = home();
    opened(&home, Copies::Keep);
    let at = |name: &str| home.path().join(name);
    for name in ["one.txt.gz", "lists.tar.gz"] {
        let whole = std::fs::read(at(name)).expect("it was written");
        // The copy is as the file was, packed.
        let half = &whole[..whole.len() / 2];
        std::fs::write(at(name), half).expect("it is ours");
    }
    std::fs::remove_dir_all(at("folder")).expect("it is ours");
    let house = opened(&home, Copies::Keep);
    check(&house, CLOSED);
    for id in ["one", "two", "three"] {
        let list = house.lists.iter().find(|list| list.report.id == id).expect("it is there");
        let trouble = list.trouble.as_deref().unwrap_or_default();
        assert!(trouble.contains("its last good copy is in force"), "{id}: {trouble}");
    }
}

#[test]
fn a_change_within_a_folder_is_read() {
    let home = home();
    opened(&home, Copies::Keep);
    std::fs::write(home.path().join("folder/c.txt"), "games.example\n").expect("it is ours");
    let house = opened(&home, Copies::Keep);
    check(&house, "kid mon 12:00 games.example => block category adult");
}
