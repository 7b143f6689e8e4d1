//! Text that fits a terminal: what is too long for a line goes on below, under its column.

use std::io::{self, Write};

/// What every terminal has, and a letter on paper too.
pub(super) const COLUMNS: usize = 80;
/// What is left at least beside a head that is too wide.
const COLUMNS_BESIDE_MIN: usize = 20;

/// Writes pieces beside a head, at most [`COLUMNS`] wide; further lines stand under the first
/// piece. `style` is given the head alone, so that colours count no columns.
pub(super) fn write_beside(
    out: &mut dyn Write,
    head: &str,
    style: &dyn Fn(&str) -> String,
    pieces: &[String],
    between: &str,
) -> io::Result<()> {
    let indent = width(head);
    let lines = fill(pieces, between, COLUMNS.saturating_sub(indent).max(COLUMNS_BESIDE_MIN));
    for (place, line) in lines.iter().enumerate() {
        if place == 0 {
            writeln!(out, "{}{}", style(head), line.trim_end())?;
        } else {
            writeln!(out, "{:indent$}{}", "", line.trim_end())?;
        }
    }
    Ok(())
}

/// Writes a text below and under what a head of this width has beside it.
pub(super) fn write_below(out: &mut dyn Write, indent: usize, text: &str) -> io::Result<()> {
    for line in broken(text, COLUMNS.saturating_sub(indent).max(COLUMNS_BESIDE_MIN)) {
        writeln!(out, "{:indent$}{line}", "")?;
    }
    Ok(())
}

/// How many columns a text takes.
pub(super) fn width(text: &str) -> usize {
    text.chars().count()
}

/// Pieces in lines of at most so many columns: a line ends between two of them where it can.
fn fill(pieces: &[String], between: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for piece in pieces {
        match lines.last_mut() {
            Some(last) if width(last) + width(between) + width(piece) <= columns => {
                last.push_str(between);
                last.push_str(piece);
            }
            Some(_) | None if width(piece) <= columns => lines.push(piece.clone()),
            Some(_) | None => lines.extend(broken(piece, columns)),
        }
    }
    lines
}

/// A text in lines of at most so many columns; a word is cut only where it fits no line.
fn broken(text: &str, columns: usize) -> Vec<String> {
    let letters: Vec<Vec<char>> = text.split(' ').map(|word| word.chars().collect()).collect();
    let parts =
        letters.iter().filter(|word| !word.is_empty()).flat_map(|word| word.chunks(columns));
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        match lines.last_mut() {
            Some(last) if width(last) + 1 + part.len() <= columns => {
                last.push(' ');
                last.extend(part);
            }
            Some(_) | None => lines.push(part.iter().collect()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(head: &str, pieces: &[&str], expected: &str) {
        let pieces: Vec<String> = pieces.iter().map(|&piece| piece.to_owned()).collect();
        let mut out = Vec::new();
        write_beside(&mut out, head, &str::to_owned, &pieces, " · ").unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn a_line_ends_between_two_pieces() {
        check("lun 23  ", &["one", "two"], "lun 23  one · two\n");
        let long = "x".repeat(60);
        let wide = "x".repeat(62);
        check("lun 23  ", &["one", &long, "two"], &format!("lun 23  one · {long} · two\n"));
        check(
            "lun 23  ",
            &["one", "two", &wide, "e"],
            &format!("lun 23  one · two\n        {wide} · e\n"),
        );
    }

    #[test]
    fn a_piece_longer_than_a_line_ends_between_two_words() {
        let long = "seven77 ".repeat(10);
        let expected = format!("head    {}\n        seven77\n", "seven77 ".repeat(9).trim_end());
        check("head    ", &[&long], &expected);
    }

    proptest! {
        #[test]
        fn no_line_is_too_wide_and_no_letter_is_lost(
            head in "\\PC{0,30}",
            pieces in proptest::collection::vec("[a-zé ]{0,200}", 0..8),
        ) {
            let mut out = Vec::new();
            write_beside(&mut out, &head, &str::to_owned, &pieces, " ").unwrap();
            write_below(&mut out, width(&head), &pieces.concat()).unwrap();
            let out = String::from_utf8(out).unwrap();
            prop_assert!(out.lines().all(|line| width(line) <= COLUMNS));
            let letters = |text: &str| text.chars().filter(|c| *c != ' ' && *c != '\n').collect::<String>();
            let said = pieces.concat().repeat(2);
            let written = letters(&out);
            prop_assert!(pieces.concat().trim().is_empty() || written.ends_with(&letters(&said)));
        }
    }
}
