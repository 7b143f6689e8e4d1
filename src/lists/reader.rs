//! A list read piece by piece: what it holds does not depend on where it is cut, and a list of any
//! length takes the memory of one piece.

use super::format::{self, Item, LINE_OCTETS_MAX, Skip, Syntax};
use super::{Format, Matching, Source};
use crate::name::Name;

/// How much of a text a guess at its format sees, in octets: past the head of any list.
const GUESS_OCTETS: usize = 1024 * 1024;

/// Takes the text of one list, in pieces of any length.
pub struct Reader<'a> {
    source: &'a Source,
    sink: &'a mut dyn Sink,
    /// None until enough was seen to know.
    syntax: Option<&'static Syntax>,
    /// What follows the last end of a line.
    rest: Vec<u8>,
    /// Lines before that.
    lines: usize,
}

/// What is done with what stands in a list.
pub(super) trait Sink {
    /// Takes what stands on a line, from 1.
    fn take(&mut self, line: usize, entry: Entry<'_>);

    /// Forgets all of this list: it is read from its beginning, or another text in its place.
    fn forget(&mut self);
}

/// What stands in a source.
pub(super) enum Entry<'a> {
    Name(&'a Name, Matching),
    Skipped(Skip),
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a Source, sink: &'a mut dyn Sink) -> Self {
        Reader { source, sink, syntax: None, rest: Vec::new(), lines: 0 }
    }

    /// Reads a source that carries its own text; anything else is fed by `read`. What it was
    /// read as.
    pub(super) fn run(
        source: &'a Source,
        sink: &'a mut dyn Sink,
        read: impl FnOnce(&mut Reader<'_>),
    ) -> Format {
        let mut reader = Reader::new(source, sink);
        match source.embedded_text() {
            Some(own) => reader.feed(&own),
            None => read(&mut reader),
        }
        reader.finish()
    }

    /// Takes the next piece.
    pub fn feed(&mut self, octets: &[u8]) {
        if let Some(syntax) = self.syntax {
            return self.go_on(syntax, octets);
        }
        self.rest.extend_from_slice(octets);
        if self.rest.len() >= GUESS_OCTETS {
            self.begin();
        }
    }

    /// Forgets what it took: another text comes instead.
    pub fn start_over(&mut self) {
        self.sink.forget();
        self.syntax = None;
        self.rest.clear();
        self.lines = 0;
    }

    /// That was all. What it was read as.
    fn finish(mut self) -> Format {
        let syntax = self.syntax.unwrap_or_else(|| self.begin());
        let rest = std::mem::take(&mut self.rest);
        self.read(syntax, &rest);
        syntax.format
    }

    fn begin(&mut self) -> &'static Syntax {
        let head = std::mem::take(&mut self.rest);
        let syntax = format::syntax_of(self.source.format, &head);
        self.syntax = Some(syntax);
        self.go_on(syntax, format::without_mark(&head));
        syntax
    }

    fn go_on(&mut self, syntax: &'static Syntax, octets: &[u8]) {
        let end = |octet: &u8| *octet == b'\n';
        let Some(last) = octets.iter().rposition(end) else { return self.hold(octets) };
        let mut whole = &octets[..last];
        if !self.rest.is_empty() {
            let first = octets.iter().position(end).unwrap_or(last);
            self.hold(&octets[..first]);
            let line = std::mem::take(&mut self.rest);
            self.read(syntax, &line);
            // Its memory is used again.
            self.rest = line;
            self.rest.clear();
            whole = octets.get(first + 1..last).unwrap_or_default();
            if first == last {
                return self.hold(&octets[last + 1..]);
            }
        }
        self.read(syntax, whole);
        self.hold(&octets[last + 1..]);
    }

    /// Keeps the beginning of a line. Of one that is too long no more than shows it.
    fn hold(&mut self, octets: &[u8]) {
        let room = (LINE_OCTETS_MAX + 1).saturating_sub(self.rest.len());
        self.rest.extend_from_slice(&octets[..octets.len().min(room)]);
    }

    /// Reads lines: what their entries cover is as the entry says, else the list, else the format.
    fn read(&mut self, syntax: &Syntax, text: &[u8]) {
        let by_list = self.source.matching.unwrap_or(syntax.matching);
        let (sink, before) = (&mut self.sink, self.lines);
        self.lines += format::read(syntax, text, &mut |line, item| {
            let entry = match item {
                Item::Entry(name, by_entry) => Entry::Name(name, by_entry.unwrap_or(by_list)),
                Item::Skipped(skip) => Entry::Skipped(skip),
            };
            sink.take(before + line, entry);
        });
    }
}
