//! Texts in every wrapping, whole and broken.

use std::io::Write as _;

use data_encoding::BASE64;
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;

/// `a.example` and `b.example`, a line each, as `xz` packs them.
const XZ: &str = "/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4AATABFdADCLiKfDaatHPGJcs8EX8wAAAAAAAJTBAL41\
                  8DIjAAEtFLk7dhoftvN9AQAAAAAEWVo=";
/// The same with a dictionary of 1.5 GiB.
const XZ_LARGE: &str = "/Td6WFoAAATm1rRGAgAhASUAAAA7eHtB4AATABFdADCLiKfDaatHPGJcs8EX8wAAAAAAAJTBAL41\
                        8DIjAAEtFLk7dhoftvN9AQAAAAAEWVo=";
const TEXT: &str = "a.example\nb.example\n";

fn from_base64(text: &str) -> Vec<u8> {
    BASE64.decode(text.replace(char::is_whitespace, "").as_bytes()).unwrap()
}

fn gz(octets: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(octets).unwrap();
    encoder.finish().unwrap()
}

/// A member of an archive, of a type.
fn member(kind: u8, path: &str, octets: &[u8]) -> Vec<u8> {
    let mut header = vec![0; 512];
    header[..path.len()].copy_from_slice(path.as_bytes());
    header[124..135].copy_from_slice(format!("{:011o}", octets.len()).as_bytes());
    header[148..156].copy_from_slice(b"        ");
    header[156] = kind;
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = header.iter().map(|octet| u32::from(*octet)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    let padding = vec![0; octets.len().next_multiple_of(512) - octets.len()];
    [header, octets.to_vec(), padding].concat()
}

fn tar(files: &[(&str, &str)]) -> Vec<u8> {
    let members = files.iter().map(|(path, text)| member(b'0', path, text.as_bytes()));
    members.chain([vec![0; 1024]]).collect::<Vec<_>>().concat()
}

/// What is handed over of a file, with `|` where files end.
fn text_of(octets: &[u8], part: Option<&str>) -> Result<String, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("list");
    fs::write(&path, octets).unwrap();
    text_at(&path, part)
}

fn text_at(path: &Path, part: Option<&str>) -> Result<String, String> {
    let mut text = Vec::new();
    read(path, part, &mut |piece| match piece {
        Piece::Text(octets) => text.extend_from_slice(octets),
        Piece::EndOfFile => text.push(b'|'),
    })
    .map_err(|trouble| trouble.to_string())?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (path, octets) in files {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, octets).unwrap();
    }
    directory
}

#[track_caller]
fn fails(octets: &[u8], why: &str) {
    let said = text_of(octets, None).expect_err("it is no list");
    assert!(said.contains(why), "{said}");
}

#[test]
fn a_text_is_the_same_in_every_wrapping() {
    let one = tar(&[("list.txt", TEXT)]);
    for wrapped in [TEXT.as_bytes(), &gz(TEXT.as_bytes()), &from_base64(XZ), &one, &gz(&one)] {
        assert_eq!(text_of(wrapped, None).unwrap(), format!("{TEXT}|"));
    }
    assert_eq!(text_of(b"", None).unwrap(), "|");
    let two = [gz(b"a.exam"), gz(b"ple\n")].concat();
    assert_eq!(text_of(&two, None).unwrap(), "a.example\n|");
    let long = "name.example\n".repeat(100_000);
    assert_eq!(text_of(long.as_bytes(), None).unwrap(), format!("{long}|"));
}

#[test]
fn what_is_cut_off_anywhere_is_an_error() {
    let text = (0..300).fold(String::new(), |text, at| format!("{text}n{at}.example\n"));
    let archive = tar(&[("one.txt", &text), ("two.txt", &text)]);
    for whole in [gz(text.as_bytes()), from_base64(XZ), archive.clone(), gz(&archive)] {
        assert!(text_of(&whole, None).is_ok());
        // Below two octets nothing tells that it was packed; an archive may do without its last block.
        for length in (12..whole.len().min(archive.len() - 1023)).step_by(7) {
            let cut = text_of(&whole[..length], None);
            let is_text = archive.starts_with(&whole[..length]) && length < 512;
            assert!(cut.is_err() || is_text, "{length} of {}", whole.len());
        }
    }
}

#[test]
fn one_wrong_octet_is_an_error() {
    let (text, packed) = (TEXT.repeat(3), gz(TEXT.repeat(3).as_bytes()));
    let whole = Ok(format!("{text}|"));
    for place in 10..packed.len() {
        let mut wrong = packed.clone();
        wrong[place] ^= 0x10;
        // A few bits fill up the last octet and mean nothing.
        let said = text_of(&wrong, None);
        assert!(said.is_err() || said == whole, "{place} of {}: {said:?}", packed.len());
    }
    let mut archive = tar(&[("one.txt", TEXT), ("two.txt", TEXT)]);
    archive[1024] ^= 1;
    fails(&archive, "a header of the archive has a wrong sum");
    fails(&[gz(TEXT.as_bytes()), b"<html> and a page".to_vec()].concat(), "damaged");
}

#[test]
fn a_bomb_costs_neither_time_nor_memory() {
    let bomb = gz(&vec![b'\n'; 8 * 1024 * 1024]);
    assert!(bomb.len() < 10_000);
    fails(&bomb, "unpacks to more than 50 times its size");
    fails(&from_base64(XZ_LARGE), "its xz dictionary is larger than 16 MiB");
    // A length that is not there, and a name of a gigabyte.
    for (kind, length) in [(b'0', "77777777777"), (b'L', "10000000000"), (b'x', "10000000000")] {
        let mut header = member(kind, "list.txt", b"");
        header[124..135].copy_from_slice(length.as_bytes());
        header[148..156].copy_from_slice(b"        ");
        let sum: u32 = header.iter().map(|octet| u32::from(*octet)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        assert!(text_of(&header, None).is_err());
    }
    let many = (0..=MEMBERS_MAX).flat_map(|_| member(b'2', "link", b"")).collect::<Vec<_>>();
    fails(&gz(&many), "more than 50 times its size");
    let mut header = member(b'2', "link", b"");
    for count in 0..=MEMBERS_MAX {
        // Times that differ, so that it does not pack so well.
        header.extend(member(b'2', &format!("{count:x}{}", rand::random::<u64>()), b""));
    }
    fails(&header, "more than 10000 files");
}

#[test]
fn a_sparse_file_larger_than_a_list_is_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("list");
    File::create(&path).unwrap().set_len(LIST_BYTES_MAX + 1).unwrap();
    assert_eq!(text_at(&path, None).unwrap_err(), "it is larger than 128 MiB");
}

#[test]
fn what_is_packed_twice_or_otherwise_says_so() {
    let inner = gz(TEXT.as_bytes());
    fails(&gz(&inner), "it holds another packed file");
    let text = member(b'0', "list.gz", &inner);
    fails(&[text, vec![0; 1024]].concat(), "it holds another packed file");
    let archive = member(b'0', "list.tar", &tar(&[("list.txt", TEXT)]));
    fails(&[archive, vec![0; 1024]].concat(), "it holds another packed file");
    fails(b"PK\x03\x04 and more", "it is packed as zip");
    fails(b"BZh91AY&SY and more", "it is packed as bzip2");
    assert_eq!(text_of(b"BZhigh.example\n", None).unwrap(), "BZhigh.example\n|");
    let lists = folder(&[("a.txt", b"a.example"), ("b.gz", &gz(b"b.example\n"))]);
    assert_eq!(text_at(lists.path(), None).unwrap(), "a.example|b.example\n|");
    let lists = folder(&[("b.tar", &tar(&[("list.txt", TEXT)]))]);
    assert!(text_at(lists.path(), None).unwrap_err().contains("another packed file"));
}

#[test]
fn long_paths_and_foreign_headers_are_read() {
    let long = format!("{}/domains", "deep".repeat(40));
    let gnu = [member(b'L', "././@LongLink", format!("{long}\0").as_bytes()), tar(&[("x", "a\n")])];
    assert_eq!(text_of(&gnu.concat(), Some(&"deep".repeat(40))).unwrap(), "a\n|");
    let record = format!("path={long}\n");
    let record = format!("{} {record}", record.len() + 4);
    let posix = [
        member(b'g', "pax_global_header", b"17 comment=abcdef\n"),
        member(b'x', "paxheader", record.as_bytes()),
        member(b'0', "x", b"a\n"),
        member(b'5', "folder/", b""),
        member(b'2', "link", b""),
        tar(&[(".hidden", "no\n"), ("./._domains", "no\n")]),
    ];
    assert_eq!(text_of(&posix.concat(), Some(&"deep".repeat(40))).unwrap(), "a\n|");
}

#[test]
fn every_file_of_a_folder_is_read_but_hidden_ones_and_links() {
    let lists = folder(&[
        ("b.txt", b"b.example\n"),
        ("a.txt", b"a.example\n"),
        ("c/d.txt", b"d.example\n"),
        (".git/config", b"no\n"),
    ]);
    std::os::unix::fs::symlink("/etc/hosts", lists.path().join("link")).unwrap();
    assert_eq!(text_at(lists.path(), None).unwrap(), "a.example\n|b.example\n|d.example\n|");
    assert_eq!(text_at(lists.path(), Some("c, a.txt")).unwrap(), "a.example\n|d.example\n|");
    assert_eq!(
        text_at(lists.path(), Some("e")).unwrap_err(),
        "it has no part `e`; it has a.txt, b.txt, c/d.txt"
    );
    assert_eq!(text_at(folder(&[]).path(), None).unwrap_err(), "it has no files");
    assert_eq!(text_of(b"a\n", Some("x")).unwrap_err(), "it is one file: it has no part `x`");
}

/// A collection with categories of all kinds, those of `usage` behind what they are about.
const COLLECTION: [(&str, &str); 16] = [
    ("lists/README", "not a list\n"),
    ("lists/adult/domains", "adult.example\n"),
    ("lists/adult/expressions", "^adult\n"),
    ("lists/adult/urls", "site.example/adult\n"),
    ("lists/adult/usage", "black\nadult\n"),
    ("lists/blog/domains", "blog.example\n"),
    ("lists/blog/usage", "# this white category contains blogs\nblack\n"),
    ("lists/child/domains", "child.example\n"),
    ("lists/child/usage", "white\nchild\n"),
    ("lists/chat/domains", "chat.example\n"),
    ("lists/chat/usage", "black\nwhite\n"),
    ("lists/jobs/domains", "jobs.example\n"),
    ("lists/odd/domains", "odd.example\n"),
    (
        "lists/global_usage",
        "# NAME: x\nNAME:\tjobs\nDEFAULT_TYPE: white\nNAME: odd\nDEFAULT_TYPE:\tblack\n",
    ),
    ("lists/other/domains", "other.example\n"),
    ("lists/games/online/domains", "games.example\n"),
];

#[test]
fn usage_decides_which_categories_close() {
    let octets = COLLECTION.map(|(path, text)| (path, text.as_bytes()));
    let unpacked = folder(&octets);
    let both = |part| {
        let sorted = |text: String| {
            let mut files: Vec<_> = text.split_terminator('|').map(str::to_owned).collect();
            files.sort();
            files.concat()
        };
        let packed = text_of(&gz(&tar(&COLLECTION)), part).map(sorted);
        assert_eq!(packed, text_at(unpacked.path(), part).map(sorted));
        packed.map(|text| text.replace('\n', " "))
    };
    assert_eq!(
        both(None).unwrap(),
        "^adult adult.example blog.example games.example odd.example other.example \
         site.example/adult "
    );
    assert_eq!(both(Some("chat")).unwrap(), "chat.example ");
    assert_eq!(both(Some("lists/chat, blog")).unwrap(), "blog.example chat.example ");
    assert_eq!(both(Some("games")).unwrap(), "games.example ");
    assert_eq!(both(Some("games/online")).unwrap(), "games.example ");
    assert_eq!(both(Some("blog,child")).unwrap(), "blog.example ");
    assert!(!both(Some("lists")).unwrap().contains("chat.example"));
    for part in ["child", "jobs"] {
        assert!(both(Some(part)).unwrap_err().contains("none of this is meant to be closed"));
    }
    let unknown = both(Some("adul")).unwrap_err();
    assert!(unknown.starts_with("it has no part `adul`; it has adult, blog, chat"), "{unknown}");
}

#[test]
fn a_category_by_itself_was_named() {
    let chat = [("chat/domains", "chat.example\n"), ("chat/usage", "black\nwhite\n")];
    assert_eq!(text_of(&tar(&chat), None).unwrap(), "chat.example\n|");
    let unpacked = folder(&[
        ("chat/domains", b"chat.example\n"),
        ("chat/usage", b"black white"),
        ("jobs/domains", b"jobs.example\n"),
        ("global_usage", b"NAME: jobs\nDEFAULT_TYPE: white\n"),
    ]);
    assert_eq!(text_at(&unpacked.path().join("chat"), None).unwrap(), "chat.example\n|");
    assert!(text_at(&unpacked.path().join("jobs"), None).is_err());
}

#[test]
fn pieces_of_a_file_are_joined_in_the_order_of_their_numbers() {
    let pieces = [
        ("adult/domains.10", "ple\n"),
        ("adult/domains.1", "ne.exam"),
        ("x/domains", "two.example\n"),
        ("adult/domains.2", "ple\nten"),
        ("adult/domains.9", ".exam"),
        ("adult/domains.0", "o"),
    ];
    let adult = "one.example\nten.example\n|";
    assert_eq!(text_of(&gz(&tar(&pieces)), Some("adult")).unwrap(), adult);
    assert_eq!(text_of(&gz(&tar(&pieces)), None).unwrap(), format!("two.example\n|{adult}"));
    let unpacked = folder(&pieces.map(|(path, text)| (path, text.as_bytes())));
    assert_eq!(text_at(unpacked.path(), None).unwrap(), format!("{adult}two.example\n|"));
    let mut descending: Vec<_> = (0..20).map(|at| format!("adult/domains.{at}")).collect();
    descending.reverse();
    let descending: Vec<_> = descending.iter().map(|path| (&**path, "x")).collect();
    fails(&tar(&descending), "too much disorder");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_octets_upset_it(octets in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = text_of(&octets, None);
        let _ = text_of(&[b"\x1f\x8b\x08", &octets[..]].concat(), None);
        let _ = text_of(&[b"\xfd7zXZ\0", &octets[..]].concat(), None);
    }

    #[test]
    fn a_wrong_octet_anywhere_is_no_panic(
        which in 0..4_usize,
        places in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let archive = tar(&COLLECTION);
        let mut octets = vec![gz(TEXT.as_bytes()), from_base64(XZ), gz(&archive), archive].swap_remove(which);
        for (place, octet) in places {
            let place = place.index(octets.len());
            octets[place] = octet;
        }
        let _ = text_of(&octets, Some("adult"));
    }
}
