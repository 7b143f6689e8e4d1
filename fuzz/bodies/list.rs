//! What must hold of any text, whatever format it is read as.

use amparo::lists::Format;
use amparo::lists::format::{FORMATS, Item, read, syntax_of};
use amparo::name::Name;

/// Reads a text in a format: each line is entries, patterns or skipped.
pub(crate) fn reads(format: Format, text: &[u8]) {
    let lines = text.split(|&octet| octet == b'\n').count();
    let (syntax, guess) = syntax_of(format, text);
    assert_eq!(guess.is_some(), format == Format::Auto);
    assert!(guess.is_none_or(|guess| guess.like <= guess.of && guess.of <= lines));
    assert!(FORMATS.iter().any(|known| known.format == syntax.format));
    let mut parser = (syntax.parser)();
    let read = read(syntax, &mut *parser, text, &mut |line, item| {
        assert!((1..=lines).contains(&line));
        check(item);
    });
    assert_eq!(read, lines);
    parser.end(&mut check);
    let keys = syntax.key.iter();
    keys.for_each(|key| text.split(|&octet| octet == b'\n').for_each(|line| _ = key(line)));
}

/// What stands in a list is a name in its one form, a pattern, or skipped for a reason.
fn check(item: Item<'_>) {
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
}
