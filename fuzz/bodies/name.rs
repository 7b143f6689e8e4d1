//! Any octets are a name or none, and what is shown of one holds nothing that a terminal, a file or
//! a page would obey, and says which name it is.

use amparo::name::{NAME_OCTETS_MAX, Name};

pub(crate) fn run(octets: &[u8]) {
    if let Ok(name) = Name::from_wire(octets) {
        shown(&name);
        assert!(name.wire().eq_ignore_ascii_case(&octets[..name.wire().len()]));
    }
    let Ok(text) = std::str::from_utf8(octets) else { return };
    match Name::parse(text) {
        Ok(name) => shown(&name),
        Err(why) => assert!(!why.to_string().is_empty()),
    }
}

/// What is shown leads back to the name.
fn shown(name: &Name) {
    assert!(name.wire().len() <= NAME_OCTETS_MAX);
    assert_eq!(Name::from_wire(name.wire()), Ok(*name));
    let text = name.to_string();
    assert!(text.bytes().all(|octet| (0x21..=0x7e).contains(&octet)), "{text}");
    let quotes = |&(at, _): &(usize, char)| !text[..at].ends_with('\\');
    assert!(!text.char_indices().filter(quotes).any(|(_, c)| "\"();@$".contains(c)), "{text}");
    assert_eq!(unescaped(&text), name.wire(), "{text}");
}

/// The wire form of a presentation form (RFC 1035 §5.1).
fn unescaped(text: &str) -> Vec<u8> {
    let mut wire = vec![0];
    let (mut length_at, mut octets) = (0, text.bytes());
    while let Some(octet) = octets.next().filter(|_| text != ".") {
        match octet {
            b'.' => {
                length_at = wire.len();
                wire.push(0);
                continue;
            }
            b'\\' => {
                let next = octets.next().expect("something is escaped");
                if next.is_ascii_digit() {
                    let rest = [octets.next(), octets.next()].map(|digit| digit.expect("a digit"));
                    let digits = [next, rest[0], rest[1]].map(|digit| u16::from(digit - b'0'));
                    let value = digits[0] * 100 + digits[1] * 10 + digits[2];
                    wire.push(u8::try_from(value).expect("an octet"));
                } else {
                    wire.push(next);
                }
            }
            plain => wire.push(plain),
        }
        wire[length_at] += 1;
    }
    if text != "." {
        wire.push(0);
    }
    wire
}
