//! Cutting text: items of arrays, lines, quotes. It knows of TOML what stands between the items of
//! an array: spaces, line ends, commas and comments.

use std::ops::Range;

/// A text in which some places are replaced.
pub(super) struct Splice<'a> {
    text: &'a str,
    cuts: Vec<(Range<usize>, String)>,
}

impl<'a> Splice<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Splice { text, cuts: Vec::new() }
    }

    /// Replaces a place that no other replacement touches.
    pub(super) fn replace(mut self, place: Range<usize>, with: &str) -> Self {
        self.cuts.push((place, with.to_owned()));
        self
    }

    pub(super) fn insert(self, at: usize, what: &str) -> Self {
        self.replace(at..at, what)
    }

    /// The new text.
    pub(super) fn done(mut self) -> String {
        self.cuts.sort_by_key(|(place, _)| (place.start, place.end));
        let mut out = String::with_capacity(self.text.len());
        let mut at = 0;
        for (place, with) in &self.cuts {
            out.push_str(&self.text[at..place.start.max(at)]);
            out.push_str(with);
            at = place.end.max(at);
        }
        out.push_str(&self.text[at..]);
        out
    }
}

/// Adds a word behind the last item of an array, in the array's own form.
pub(super) fn insert_item(
    text: &str,
    items: &[Range<usize>],
    array: &Range<usize>,
    word: &str,
) -> String {
    let splice = Splice::new(text);
    let Some(last) = items.last() else {
        let between = array.start + 1..array.end - 1;
        let word = quoted(word, "\"");
        if !text[between.clone()].contains('\n') {
            return splice.replace(between, &word).done();
        }
        // Over lines, with comments and no item: above the closing bracket.
        let bracket = array.end - 1;
        let line = start_of_line(text, bracket);
        let indent = &text[line..bracket];
        return if indent.trim().is_empty() {
            let newline = newline_of(text);
            splice.insert(line, &format!("{indent}    {word},{newline}")).done()
        } else {
            splice.insert(bracket, &word).done()
        };
    };
    let word = quoted(word, &text[last.clone()]);
    let comma = comma_after(text, last.end, array.end);
    let behind = comma.map_or(last.end, |comma| comma + 1);
    let line = start_of_line(text, last.start);
    let indent = &text[line..last.start];
    let is_alone = indent.trim().is_empty()
        && end_of_line(text, behind) < array.end
        && !text[last.end..behind].contains('\n');
    match (is_alone, comma) {
        (true, Some(_)) => {
            let newline = newline_of(text);
            splice.insert(end_of_line(text, behind), &format!("{indent}{word},{newline}")).done()
        }
        (true, None) => {
            let newline = newline_of(text);
            let new = format!("{indent}{word}{newline}");
            splice.insert(last.end, ",").insert(end_of_line(text, behind), &new).done()
        }
        (false, Some(_)) => splice.insert(behind, &format!(" {word},")).done(),
        (false, None) => splice.insert(last.end, &format!(", {word}")).done(),
    }
}

/// Takes an item out of an array, with its comma, and with its line where it has one to itself.
pub(super) fn remove_item(
    text: &str,
    items: &[Range<usize>],
    place: usize,
    array: &Range<usize>,
) -> String {
    let item = items[place].clone();
    let comma = comma_after(text, item.end, array.end);
    let behind = comma.map_or(item.end, |comma| comma + 1);
    let line = start_of_line(text, item.start)..end_of_line(text, behind);
    let rest = text[behind..line.end].trim();
    let has_line = line.start > array.start
        && line.end < array.end
        && text[line.start..item.start].trim().is_empty()
        && !text[item.end..behind].contains('\n')
        && (rest.is_empty() || rest.starts_with('#'));
    let mut splice = Splice::new(text);
    if has_line {
        splice = splice.replace(line, "");
    } else if let Some(comma) = comma.filter(|&comma| text[item.end..comma].contains('\n')) {
        splice = splice.replace(item.clone(), "").replace(comma..comma + 1, "");
    } else {
        let spaces = |text: &str| text.len() - text.trim_start_matches([' ', '\t']).len();
        let next = behind + spaces(&text[behind..]);
        let is_last_here = text[next..].starts_with(['\n', '\r', '#', ']']);
        let cut = if comma.is_some() && !is_last_here {
            item.start..next
        } else {
            text[..item.start].trim_end_matches([' ', '\t']).len()..behind
        };
        // `[ "a", "b" ]`: the spaces inside the brackets stay.
        let first = place == 0 && comma.is_none();
        splice = splice.replace(if first { item.clone() } else { cut }, "");
    }
    // What comes last now keeps no comma where the array had none at its end.
    if let (None, Some(before)) = (comma, place.checked_sub(1).map(|place| items[place].end))
        && let Some(comma) = comma_after(text, before, item.start)
    {
        splice = splice.replace(comma..comma + 1, "");
    }
    splice.done()
}

/// Whether an array has a comment inside, outside of its only item.
pub(super) fn has_comment(text: &str, array: &Range<usize>, item: &Range<usize>) -> bool {
    text[array.start..item.start].contains('#') || text[item.end..array.end].contains('#')
}

/// Puts a line behind the one in which `at` stands.
pub(super) fn insert_line(text: &str, at: usize, line: &str) -> String {
    let newline = newline_of(text);
    let end = end_of_line(text, at);
    let splice = Splice::new(text);
    if text[..end].ends_with('\n') {
        splice.insert(end, &format!("{line}{newline}")).done()
    } else {
        splice.insert(end, &format!("{newline}{line}")).done()
    }
}

/// A word between quotes like those of another.
pub(super) fn quoted(word: &str, like: &str) -> String {
    let is_plain = |c: char| !c.is_control() && c != '\'';
    if like.starts_with('\'') && word.chars().all(is_plain) {
        return format!("'{word}'");
    }
    // Words are ids and names: nothing else of what TOML escapes can be in one.
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}

/// How lines end in a text.
pub(super) fn newline_of(text: &str) -> &'static str {
    match text.find('\n') {
        Some(place) if text[..place].ends_with('\r') => "\r\n",
        Some(_) | None => "\n",
    }
}

/// Where the line begins in which a place is.
pub(super) fn start_of_line(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |place| place + 1)
}

/// Where the next line begins.
pub(super) fn end_of_line(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |place| at + place + 1)
}

/// The comma behind an item: spaces, line ends and comments may stand before it.
fn comma_after(text: &str, from: usize, to: usize) -> Option<usize> {
    let mut at = from;
    while at < to {
        let octet = *text.as_bytes().get(at)?;
        match octet {
            b',' => return Some(at),
            b' ' | b'\t' | b'\r' | b'\n' => at += 1,
            b'#' => at = end_of_line(text, at),
            _ => return None,
        }
    }
    None
}
