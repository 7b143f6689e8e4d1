//! Who made a device, by the first three octets of its hardware address.
//!
//! A table of the makers that are in homes is part of the program: `makers.txt`, read when the
//! program is compiled. Who is not in it may be in a list of the system's own: [`maker_in_system`].
//! A hardware address that the device made up ([`Mac::is_random`]) says nothing of its maker.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};

use super::address::Mac;

/// The table as text: lines with a name, and below each the prefixes that are its.
const TEXT: &[u8] = include_bytes!("makers.txt");
/// How many makers and prefixes there are in it.
const COUNTS: (usize, usize) = counted();
/// The longest name, in octets.
const NAME_OCTETS_MAX: usize = 20;

/// All prefixes, maker by maker, those of each in order.
static PREFIXES: [[u8; 3]; COUNTS.1] = prefixes();
/// The makers in the order of their prefixes.
static MAKERS: [Maker; COUNTS.0] = makers();

/// Where systems keep lists of all makers, with how they are written: the IEEE's own list (Debian's
/// ieee-data and hwdata, Fedora's hwdata), udev's, nmap's.
const SYSTEM_LISTS: [(&str, Form); 6] = [
    ("/usr/share/ieee-data/oui.txt", Form::Ieee),
    ("/var/lib/ieee-data/oui.txt", Form::Ieee),
    ("/usr/share/hwdata/oui.txt", Form::Ieee),
    ("/usr/lib/udev/hwdb.d/20-OUI.hwdb", Form::Udev),
    ("/lib/udev/hwdb.d/20-OUI.hwdb", Form::Udev),
    ("/usr/share/nmap/nmap-mac-prefixes", Form::Nmap),
];
/// How much of a list is read, in octets: the IEEE's has six MiB.
const LIST_OCTETS_MAX: u64 = 32 * 1024 * 1024;
/// The longest line that is looked at, in octets.
const LINE_OCTETS_MAX: u64 = 1024;
/// The longest name that is shown, in characters.
const SHOWN_MAX: usize = 60;

/// One maker: its name, and where its prefixes end.
#[derive(Clone, Copy)]
struct Maker {
    name: [u8; NAME_OCTETS_MAX],
    name_length: usize,
    end: usize,
}

/// How a list is written.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// `3C22FB     (base 16)`, tabs, and `Apple, Inc.`
    Ieee,
    /// `OUI:3C22FB*` and, on the line after it, ` ID_OUI_FROM_DATABASE=Apple, Inc.`
    Udev,
    /// `3C22FB Apple`
    Nmap,
}

/// Who made a device, in a word or two, when it is one of the makers that are in homes.
#[must_use]
pub fn maker_of(mac: Mac) -> Option<&'static str> {
    if mac.is_random() {
        return None;
    }
    let prefix = prefix_of(mac);
    let mut rest = &PREFIXES[..];
    let mut start = 0;
    for maker in &MAKERS {
        let (its, others) = rest.split_at_checked(maker.end - start)?;
        if its.binary_search(&prefix).is_ok() {
            return std::str::from_utf8(maker.name.get(..maker.name_length)?).ok();
        }
        (rest, start) = (others, maker.end);
    }
    None
}

/// Who made a device, as a list of this system says: the first list that there is and that knows.
/// Reads through some megabytes: to be asked rarely, once for each device.
#[must_use]
pub fn maker_in_system(mac: Mac) -> Option<String> {
    if mac.is_random() {
        return None;
    }
    SYSTEM_LISTS.iter().find_map(|&(path, form)| {
        // A list that cannot be read knows nothing.
        let list = File::open(path).ok()?.take(LIST_OCTETS_MAX);
        maker_in(BufReader::new(list), form, prefix_of(mac)).ok()?
    })
}

/// Who has a prefix in a list.
fn maker_in(mut list: impl BufRead, form: Form, prefix: [u8; 3]) -> io::Result<Option<String>> {
    let [a, b, c] = prefix;
    let digits = format!("{a:02X}{b:02X}{c:02X}");
    let mut line = Vec::new();
    let mut is_next = false;
    loop {
        line.clear();
        let length = list.by_ref().take(LINE_OCTETS_MAX).read_until(b'\n', &mut line)?;
        if length == 0 {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&line);
        let name = match form {
            Form::Ieee => text
                .strip_prefix(&digits)
                .and_then(|rest| rest.trim_start().strip_prefix("(base 16)")),
            Form::Nmap => text.strip_prefix(&digits).filter(|rest| rest.starts_with(' ')),
            Form::Udev if is_next => text.trim_start().strip_prefix("ID_OUI_FROM_DATABASE="),
            Form::Udev => {
                let key = text.strip_prefix("OUI:").and_then(|rest| rest.strip_prefix(&digits));
                // A longer key is that of a part of the prefix.
                is_next = key.is_some_and(|rest| rest.starts_with('*'));
                None
            }
        };
        if let Some(name) = name {
            return Ok(shown(name));
        }
    }
}

/// A name as it may stand on a terminal; none where the prefix is parted among many, or whose it is
/// is not told.
fn shown(name: &str) -> Option<String> {
    let name = name.trim();
    let is_nobody = name.is_empty() || name == "Private" || name.starts_with("IEEE Registration");
    let clean = name.chars().filter(|character| !character.is_control()).take(SHOWN_MAX);
    (!is_nobody).then(|| clean.collect())
}

fn prefix_of(mac: Mac) -> [u8; 3] {
    let [a, b, c, ..] = mac.0;
    [a, b, c]
}

// === reading the table, when the program is compiled ===

/// One thing in the text, and where what follows it begins.
enum Token {
    /// From here to there.
    Name(usize, usize),
    Prefix([u8; 3]),
    End,
}

const fn token(mut at: usize) -> (Token, usize) {
    loop {
        if at >= TEXT.len() {
            return (Token::End, at);
        }
        match TEXT[at] {
            b'\n' => at += 1,
            b'#' => at = end_of_line(at),
            b' ' => {
                let prefix = [octet_at(at + 1), octet_at(at + 3), octet_at(at + 5)];
                return (Token::Prefix(prefix), at + 7);
            }
            _ => {
                let end = end_of_line(at);
                return (Token::Name(at, end), end);
            }
        }
    }
}

const fn end_of_line(mut at: usize) -> usize {
    while at < TEXT.len() && TEXT[at] != b'\n' {
        at += 1;
    }
    at
}

const fn octet_at(at: usize) -> u8 {
    digit(TEXT[at]) << 4 | digit(TEXT[at + 1])
}

const fn digit(octet: u8) -> u8 {
    match octet {
        b'0'..=b'9' => octet - b'0',
        b'A'..=b'F' => octet - b'A' + 10,
        _ => panic!("makers.txt: a prefix is six digits of 0-9 and A-F behind a space"),
    }
}

const fn counted() -> (usize, usize) {
    let (mut makers, mut prefixes, mut at) = (0, 0, 0);
    loop {
        let (token, next) = token(at);
        match token {
            Token::Name(..) => makers += 1,
            Token::Prefix(_) => prefixes += 1,
            Token::End => return (makers, prefixes),
        }
        at = next;
    }
}

#[expect(clippy::large_stack_arrays, reason = "it is on no stack: the compiler makes it")]
const fn prefixes() -> [[u8; 3]; COUNTS.1] {
    let mut all = [[0; 3]; COUNTS.1];
    let (mut count, mut at) = (0, 0);
    loop {
        let (token, next) = token(at);
        match token {
            Token::Name(..) => {}
            Token::Prefix(prefix) => {
                all[count] = prefix;
                count += 1;
            }
            Token::End => return all,
        }
        at = next;
    }
}

const fn makers() -> [Maker; COUNTS.0] {
    let mut all = [Maker { name: [0; NAME_OCTETS_MAX], name_length: 0, end: 0 }; COUNTS.0];
    let (mut count, mut prefixes, mut at) = (0, 0, 0);
    loop {
        let (token, next) = token(at);
        match token {
            Token::Name(from, to) => {
                let mut place = from;
                while place < to {
                    all[count].name[place - from] = TEXT[place];
                    place += 1;
                }
                all[count].name_length = to - from;
                count += 1;
            }
            Token::Prefix(_) => {
                prefixes += 1;
                all[count - 1].end = prefixes;
            }
            Token::End => return all,
        }
        at = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn mac(text: &str) -> Mac {
        Mac::parse(text).unwrap().unwrap()
    }

    #[test]
    fn makers_are_told_by_their_prefix() {
        for (address, expected) in [
            ("3c:22:fb:12:34:56", Some("Apple")),
            ("b8:27:eb:12:34:56", Some("Raspberry Pi")),
            ("00:12:47:ff:ff:ff", Some("Samsung")),
            ("00:09:bf:00:00:01", Some("Nintendo")),
            ("24:0a:c4:00:00:01", Some("Espressif")),
            // A maker of petrol pumps, and addresses that were made up.
            ("00:22:72:00:00:01", None),
            ("da:a1:19:00:00:01", None),
            ("3e:22:fb:12:34:56", None),
            ("02:42:ac:11:00:02", None),
        ] {
            assert_eq!(maker_of(mac(address)), expected, "{address}");
        }
    }

    #[test]
    fn the_table_is_what_the_text_says() {
        let text = std::str::from_utf8(TEXT).unwrap();
        let mut told = HashMap::new();
        let mut name = "";
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some(prefixes) = line.strip_prefix(' ') else {
                name = line;
                continue;
            };
            for prefix in prefixes.split(' ') {
                let number = u32::from_str_radix(prefix, 16).unwrap();
                let [_, a, b, c] = number.to_be_bytes();
                assert_eq!(told.insert([a, b, c], name), None, "{prefix} is there twice");
            }
        }
        assert_eq!(told.len(), PREFIXES.len());
        assert!(MAKERS.len() > 70 && PREFIXES.len() * 3 <= 40 * 1024);
        for ([a, b, c], name) in told {
            let maker = maker_of(Mac([a, b, c, 0, 0, 1]));
            // What the registry once gave out in the range of made-up addresses is not believed.
            let expected = (a & 2 == 0).then_some(name);
            assert_eq!(maker, expected, "{a:02x}:{b:02x}:{c:02x}");
        }
    }

    #[test]
    fn each_form_of_list_tells_the_maker() {
        let ieee = "OUI/MA-L\n\n3C-22-FB   (hex)\t\tApple, Inc.\n3C22FB     (base 16)\t\tApple, Inc.\r\n\t\t\t\t1 Infinite Loop\n\n44650D     (base 16)\t\tAmazon Technologies Inc.\n";
        let udev = "# a comment\n\nOUI:3C22FB*\n ID_OUI_FROM_DATABASE=Apple, Inc.\n\nOUI:44650D0*\n ID_OUI_FROM_DATABASE=A part of it\n\nOUI:44650D*\n ID_OUI_FROM_DATABASE=Amazon Technologies Inc.\n";
        let nmap = "# a comment\n3C22FB Apple, Inc.\n44650D Amazon Technologies Inc.\n44650D0 A part of it\n";
        for (form, list) in [(Form::Ieee, ieee), (Form::Udev, udev), (Form::Nmap, nmap)] {
            let maker = |prefix| maker_in(list.as_bytes(), form, prefix).unwrap();
            assert_eq!(maker([0x3c, 0x22, 0xfb]).as_deref(), Some("Apple, Inc."), "{form:?}");
            let amazon = maker([0x44, 0x65, 0x0d]);
            assert_eq!(amazon.as_deref(), Some("Amazon Technologies Inc."), "{form:?}");
            assert_eq!(maker([0, 0, 1]), None, "{form:?}");
        }
    }

    #[test]
    fn a_name_that_says_nothing_or_harms_is_not_shown() {
        for (name, expected) in [
            (" Apple, Inc.\r\n", Some("Apple, Inc.")),
            ("Private", None),
            ("IEEE Registration Authority", None),
            ("", None),
            ("\x1b[31mred\x07", Some("[31mred")),
        ] {
            assert_eq!(shown(name).as_deref(), expected, "{name:?}");
        }
        assert_eq!(shown(&"ñ".repeat(200)).map(|name| name.chars().count()), Some(60));
    }

    #[test]
    fn no_list_is_read_for_a_made_up_address() {
        assert_eq!(maker_in_system(mac("da:a1:19:00:00:01")), None);
    }
}
