//! Any text is a list: each line is entries or skipped, in every format, and each entry is a name
//! that reads the same when it is written again.
#![no_main]

use amparo::lists::Format;
use amparo::lists::format::{Item, read, syntax_of};
use amparo::name::Name;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let lines = text.split(|&octet| octet == b'\n').count();
    for format in [Format::Auto, Format::Hosts, Format::Domains] {
        let (syntax, _) = syntax_of(format, text);
        read(syntax, &mut *(syntax.parser)(), text, &mut |line, item| {
            assert!((1..=lines).contains(&line));
            match item {
                Item::Entry(name, _) | Item::Rule(name, ..) => {
                    let again = Name::from_wire(name.wire());
                    assert!(again.is_ok_and(|again| again == *name));
                    assert!(!name.wire().iter().any(u8::is_ascii_uppercase));
                }
                Item::Pattern(pattern, _) => assert!(!pattern.is_empty()),
                Item::Disables(_) => {}
                Item::Skipped(skip) => assert!(!skip.word().is_empty()),
            }
        });
    }
});
