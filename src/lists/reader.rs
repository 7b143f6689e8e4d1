//! A list read piece by piece: what it holds does not depend on where it is cut, and a list of any
//! length takes the memory of one piece.

use super::exceptions::Exceptions;
use super::format::{self, Guess, Item, LINE_OCTETS_MAX, Parser, Role, Skip, Syntax};
use super::{Format, Matching, Source};
use crate::name::Name;

/// How much of a text a guess at its format sees, in octets: past the head of any list.
const GUESS_OCTETS: usize = 1024 * 1024;

/// Takes the text of one list, in pieces of any length.
pub struct Reader<'a> {
    source: &'a Source,
    sink: &'a mut dyn Sink,
    /// What the list takes back of itself, as far as it was read.
    exceptions: &'a mut Exceptions,
    /// Whether that is known already: the list is read for the second time.
    is_second: bool,
    /// None until enough was seen to know.
    reading: Option<(&'static Syntax, Box<dyn Parser>)>,
    /// What follows the last end of a line.
    rest: Vec<u8>,
    /// Lines before that.
    lines: usize,
    seen: Read,
}

/// How a list was read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Read {
    /// As which format.
    pub(super) format: Format,
    /// Why, where that was a guess.
    pub(super) guess: Option<Guess>,
}

/// What is done with what stands in a list.
pub(super) trait Sink {
    /// Takes what stands on a line, from 1.
    fn take(&mut self, line: usize, entry: Entry<'_>);

    /// The list is read from its beginning again: forgets all of it. `is_as_seen` tells whether
    /// the text is the same as before.
    fn forget(&mut self, is_as_seen: bool);

    /// Takes what the list excepts from itself, when all entries were taken; those that are taken
    /// back as a whole were not handed over.
    fn except(&mut self, exceptions: &Exceptions);
}

/// What stands in a source.
pub(super) enum Entry<'a> {
    /// A name that is closed.
    Name(&'a Name, Matching, Role),
    /// A pattern of names that are closed.
    Pattern(&'a str, Role),
    /// Something else.
    Skipped(Skip),
}

impl<'a> Reader<'a> {
    /// Reads a source that carries its own text; anything else is fed by `read`, a second time
    /// where the list takes back what may stand before. How it was read.
    pub(super) fn run(
        source: &Source,
        sink: &mut dyn Sink,
        mut read: impl FnMut(&mut Reader<'_>),
    ) -> Read {
        let mut exceptions = Exceptions::default();
        let mut seen = Reader::pass(source, sink, &mut exceptions, false, &mut read);
        if !exceptions.disabled.is_empty() {
            // An exception may be among what is switched off.
            exceptions = exceptions.anew();
            sink.forget(true);
            seen = Reader::pass(source, sink, &mut exceptions, false, &mut read);
        }
        if !exceptions.is_empty() {
            exceptions.close();
            sink.forget(true);
            seen = Reader::pass(source, sink, &mut exceptions, true, &mut read);
        }
        sink.except(&exceptions);
        seen
    }

    fn pass(
        source: &'a Source,
        sink: &'a mut dyn Sink,
        exceptions: &'a mut Exceptions,
        is_second: bool,
        read: &mut dyn FnMut(&mut Reader<'_>),
    ) -> Read {
        let mut reader = Reader {
            source,
            sink,
            exceptions,
            is_second,
            reading: None,
            rest: Vec::new(),
            lines: 0,
            seen: Read::default(),
        };
        match source.embedded_text() {
            Some(own) => reader.feed(&own),
            None => read(&mut reader),
        }
        reader.finish()
    }

    /// Takes the next piece.
    pub fn feed(&mut self, octets: &[u8]) {
        if self.reading.is_some() {
            return self.go_on(octets);
        }
        self.rest.extend_from_slice(octets);
        if self.rest.len() >= GUESS_OCTETS {
            self.begin();
        }
    }

    /// Ends a line where the text has none: another file follows.
    pub fn end_of_file(&mut self) {
        let ends = self.rest.is_empty() || self.rest.ends_with(b"\n");
        if !ends {
            self.feed(b"\n");
        }
    }

    /// Forgets what it took: another text comes instead.
    pub fn start_over(&mut self) {
        self.sink.forget(false);
        if !self.is_second {
            *self.exceptions = Exceptions::default();
        }
        self.reading = None;
        self.rest.clear();
        self.lines = 0;
        self.seen = Read::default();
    }

    /// That was all. How it was read.
    fn finish(mut self) -> Read {
        if self.reading.is_none() {
            self.begin();
        }
        let rest = std::mem::take(&mut self.rest);
        if !rest.is_empty() {
            self.read(&rest);
        }
        if let Some((syntax, mut parser)) = self.reading.take() {
            let line = self.lines;
            let mut take = self.taking(syntax);
            parser.end(&mut |item| take(line, item));
        }
        self.seen
    }

    fn begin(&mut self) {
        let head = std::mem::take(&mut self.rest);
        let (syntax, guess) = format::syntax_of(self.source.format, &head);
        self.seen = Read { format: syntax.format, guess };
        self.reading = Some((syntax, (syntax.parser)()));
        self.go_on(format::without_mark(&head));
    }

    fn go_on(&mut self, octets: &[u8]) {
        let end = |octet: &u8| *octet == b'\n';
        let Some(last) = octets.iter().rposition(end) else { return self.hold(octets) };
        let mut whole = &octets[..last];
        if !self.rest.is_empty() {
            let first = octets.iter().position(end).unwrap_or(last);
            self.hold(&octets[..first]);
            let line = std::mem::take(&mut self.rest);
            self.read(&line);
            // Its memory is used again.
            self.rest = line;
            self.rest.clear();
            whole = octets.get(first + 1..last).unwrap_or_default();
            if first == last {
                return self.hold(&octets[last + 1..]);
            }
        }
        self.read(whole);
        self.hold(&octets[last + 1..]);
    }

    /// Keeps the beginning of a line. Of one that is too long no more than shows it.
    fn hold(&mut self, octets: &[u8]) {
        let room = (LINE_OCTETS_MAX + 1).saturating_sub(self.rest.len());
        self.rest.extend_from_slice(&octets[..octets.len().min(room)]);
    }

    /// Reads lines.
    fn read(&mut self, text: &[u8]) {
        let Some((syntax, mut parser)) = self.reading.take() else { return };
        let before = self.lines;
        let disabled = std::mem::take(&mut self.exceptions.disabled);
        let mut take = self.taking(syntax);
        let lines = format::read_but(&disabled, syntax, &mut *parser, text, &mut |line, item| {
            take(before + line, item);
        });
        drop(take);
        self.exceptions.disabled.extend(disabled);
        self.lines += lines;
        self.reading = Some((syntax, parser));
    }

    /// Takes what stands on a line. What an entry covers is as the entry says, else the list, else
    /// the format.
    fn taking(&mut self, syntax: &'static Syntax) -> impl FnMut(usize, Item<'_>) + use<'_, 'a> {
        let by_list = self.source.matching.unwrap_or(syntax.matching);
        let Reader { sink, exceptions, is_second, .. } = self;
        move |line, item| match item {
            Item::Entry(name, by_entry) => {
                let matching = by_entry.unwrap_or(by_list);
                let known = is_second.then_some(&**exceptions);
                close(&mut **sink, known, line, (name, matching, Role::Close));
            }
            Item::Rule(name, matching, role) if is_exception(role) => {
                if !*is_second {
                    exceptions.except(name, matching, role);
                }
            }
            Item::Rule(name, matching, role) => {
                let known = is_second.then_some(&**exceptions);
                close(&mut **sink, known, line, (name, matching, role));
            }
            Item::Pattern(pattern, role) if is_exception(role) => {
                if !*is_second {
                    exceptions.except_pattern(pattern, role);
                }
            }
            Item::Pattern(pattern, role) => sink.take(line, Entry::Pattern(pattern, role)),
            Item::Disables(key) => _ = exceptions.disabled.insert(key),
            Item::Skipped(skip) => sink.take(line, Entry::Skipped(skip)),
        }
    }
}

/// Whether a rule opens.
fn is_exception(role: Role) -> bool {
    match role {
        Role::Close | Role::CloseAll | Role::CloseLimited => false,
        Role::Except | Role::ExceptAll | Role::ExceptLimited => true,
    }
}

/// Hands over what is left of an entry.
fn close(
    sink: &mut dyn Sink,
    exceptions: Option<&Exceptions>,
    line: usize,
    (name, matching, role): (&Name, Matching, Role),
) {
    let left = exceptions.map_or(Some(matching), |known| known.left(name, matching, role));
    sink.take(
        line,
        left.map_or(Entry::Skipped(Skip::Disabled), |left| Entry::Name(name, left, role)),
    );
}
