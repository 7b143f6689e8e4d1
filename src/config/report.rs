//! Mistakes with their places, and how a person reads them.
//!
//! A [`Report`] holds every problem of one file at once. It prints the line, a caret under the
//! place, and beside it what to write instead. It does not know what a problem is about: start at
//! [`Report::render`].

use std::fmt::Write as _;
use std::ops::Range;
use std::path::PathBuf;

use serde_json::{Value, json};

/// The most characters of a line that are printed on either side of the place it is about: a file
/// without line ends must not fill the screen.
const AROUND_CHARS_MAX: usize = 160;
/// How wide a tab is printed.
const TAB_COLUMNS: usize = 4;

/// Where a text came from: how its places are printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The program's own defaults.
    Embedded,
    /// A file. Paths of lists in it are taken from its directory.
    File(PathBuf),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Origin::Embedded => f.write_str("the embedded default"),
            Origin::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The file does not pass.
    Error,
    /// The file passes; something in it does less than it says.
    Warning,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in the person's own words: a fragment without a full stop.
    pub message: String,
    /// Where: octets of the text.
    pub span: Range<usize>,
    /// What to write instead, or what is in force meanwhile; may be empty.
    pub help: String,
    /// A second place the problem is about, with what to say there.
    pub related: Option<(Range<usize>, String)>,
}

/// Everything that is wrong with one text.
#[derive(Debug, Clone)]
pub struct Report {
    problems: Vec<Problem>,
    text: String,
    origin: Origin,
}

/// A place as a person counts: both from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    line: usize,
    column: usize,
}

/// One caret row: where, with which sign, and what is said there.
struct Label<'a> {
    span: &'a Range<usize>,
    sign: char,
    say: &'a str,
}

// === impl Problem ===

impl Problem {
    /// A mistake at a place.
    #[must_use]
    pub fn error(span: Range<usize>, message: impl Into<String>, help: impl Into<String>) -> Self {
        let (message, help) = (message.into(), help.into());
        Problem { severity: Severity::Error, message, span, help, related: None }
    }

    /// A warning at a place.
    #[must_use]
    pub fn warning(
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Problem { severity: Severity::Warning, ..Problem::error(span, message, help) }
    }

    /// The problem with a second place.
    #[must_use]
    pub fn beside(mut self, span: Range<usize>, say: impl Into<String>) -> Self {
        self.related = Some((span, say.into()));
        self
    }
}

// === impl Report ===

impl Report {
    /// The report of these problems, in the order of their places.
    #[must_use]
    pub fn new(mut problems: Vec<Problem>, text: &str, origin: &Origin) -> Self {
        problems.sort_by_key(|problem| (problem.span.start, problem.span.end));
        // The same mistake found on two ways is one mistake.
        problems.dedup();
        Report { problems, text: text.to_owned(), origin: origin.clone() }
    }

    /// Adds more problems of the same text.
    pub fn add(&mut self, more: Vec<Problem>) {
        self.problems.extend(more);
        // As in `new`: a stable sort, so that two sets about one place stay in their order.
        self.problems.sort_by_key(|problem| (problem.span.start, problem.span.end));
        self.problems.dedup();
    }

    /// The problems, in the order of their places.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// How many problems there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.problems.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// All problems as a person reads them, each line ended; empty when there is none. With more
    /// than one problem the last line counts them.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let paint = Paint { colour };
        let origin = self.origin_text();
        let mut out = String::new();
        for problem in &self.problems {
            self.render_one(problem, &origin, paint, &mut out);
            out.push('\n');
        }
        if self.problems.len() > 1 {
            let _ = writeln!(out, "{} in {origin}.", self.count());
        } else {
            // The empty line only separates one problem from the next.
            out.pop();
        }
        out
    }

    /// The problems as a JSON array of `severity`, `message`, `line`, `column`, `help`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let rows = self.problems.iter().map(|problem| {
            let place = self.place(problem.span.start);
            json!({
                "severity": problem.severity.word(),
                "message": problem.message,
                "line": place.line,
                "column": place.column,
                "help": if problem.help.is_empty() { Value::Null } else { json!(problem.help) },
            })
        });
        Value::Array(rows.collect())
    }

    fn count(&self) -> String {
        let of = |severity| self.problems.iter().filter(|p| p.severity == severity).count();
        match (of(Severity::Error), of(Severity::Warning)) {
            (errors, 0) => numbered(errors, "problem"),
            (0, warnings) => numbered(warnings, "warning"),
            (errors, warnings) => {
                format!("{} and {}", numbered(errors, "problem"), numbered(warnings, "warning"))
            }
        }
    }

    fn origin_text(&self) -> String {
        match &self.origin {
            Origin::Embedded => "the built-in configuration".to_owned(),
            Origin::File(path) => printable(&path.display().to_string()),
        }
    }

    fn render_one(&self, problem: &Problem, origin: &str, paint: Paint, out: &mut String) {
        let place = self.place(problem.span.start);
        let mut labels = vec![Label { span: &problem.span, sign: '^', say: &problem.help }];
        if let Some((span, say)) = &problem.related {
            labels.push(Label { span, sign: '-', say });
            labels.sort_by_key(|label| label.span.start);
        }
        let last_line = labels.iter().map(|label| self.place(label.span.start).line).max();
        let gutter = last_line.unwrap_or(1).to_string().len();

        let head = format!("{}:", problem.severity.word());
        let message = printable(&problem.message);
        let _ = writeln!(out, "{} {message}", paint.severity(&head, problem.severity));
        let at = format!("{origin}:{}:{}", place.line, place.column);
        let _ = writeln!(out, "{:gutter$}{} {at}", "", paint.dim("-->"));
        let _ = writeln!(out, "{:gutter$} {}", "", paint.dim("|"));
        let mut line_before = None;
        for label in &labels {
            let line = self.place(label.span.start).line;
            if line_before.is_some_and(|before| before + 1 < line) {
                let _ = writeln!(out, "{}", paint.dim("..."));
            }
            let (source, indent, width) = self.underlined(label.span);
            if line_before != Some(line) {
                let number = format!("{line:>gutter$} |");
                let _ = writeln!(out, "{} {source}", paint.dim(&number));
            }
            let carets = label.sign.to_string().repeat(width);
            let say = printable(label.say);
            let under = format!("{carets} {say}");
            let bar = paint.dim("|");
            let under = paint.severity(under.trim_end(), problem.severity);
            let _ = writeln!(out, "{:gutter$} {bar} {:indent$}{under}", "", "");
            line_before = Some(line);
        }
    }

    /// The line a span starts on as it is printed, how far in the span begins, and how wide it is.
    fn underlined(&self, span: &Range<usize>) -> (String, usize, usize) {
        let at = self.boundary(span.start);
        let start = self.text[..at].rfind('\n').map_or(0, |place| place + 1);
        let end = self.text[at..].find('\n').map_or(self.text.len(), |place| at + place);
        let line = &self.text[start..end];
        let line_end = (start + line.trim_end_matches('\r').len()).max(at);
        let stop = self.boundary(span.end).clamp(at, line_end);
        let (before, cut_before) = last_of(&self.text[start..at]);
        let (behind, cut_behind) = first_of(&self.text[at..line_end]);
        let before = format!("{}{}", if cut_before { "…" } else { "" }, printable(before));
        let indent = columns(&before);
        let under = &self.text[at..stop.min(at + behind.len())];
        let width = columns(&printable(under)).max(1);
        let line = format!("{before}{}{}", printable(behind), if cut_behind { "…" } else { "" });
        (line, indent, width)
    }

    /// The place of an octet.
    fn place(&self, octet: usize) -> Place {
        let before = &self.text[..self.boundary(octet)];
        let start = before.rfind('\n').map_or(0, |place| place + 1);
        Place {
            line: before.matches('\n').count() + 1,
            column: before[start..].chars().count() + 1,
        }
    }

    /// The nearest start of a character at or before an octet.
    fn boundary(&self, octet: usize) -> usize {
        let mut octet = octet.min(self.text.len());
        while !self.text.is_char_boundary(octet) {
            octet -= 1;
        }
        octet
    }
}

// === impl Severity ===

impl Severity {
    /// How it is printed.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// Puts colours on, or leaves them off.
#[derive(Clone, Copy)]
struct Paint {
    colour: bool,
}

impl Paint {
    fn severity(self, text: &str, severity: Severity) -> String {
        match severity {
            Severity::Error => self.wrap(text, "1;31"),
            Severity::Warning => self.wrap(text, "1;33"),
        }
    }

    fn dim(self, text: &str) -> String {
        self.wrap(text, "34")
    }

    fn wrap(self, text: &str, code: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// The last characters of a text, and whether any were left out.
fn last_of(text: &str) -> (&str, bool) {
    match text.char_indices().rev().nth(AROUND_CHARS_MAX) {
        Some((place, letter)) => (&text[place + letter.len_utf8()..], true),
        None => (text, false),
    }
}

/// The first characters of a text, and whether any were left out.
fn first_of(text: &str) -> (&str, bool) {
    match text.char_indices().nth(AROUND_CHARS_MAX) {
        Some((place, _)) => (&text[..place], true),
        None => (text, false),
    }
}

/// `1 problem`, `2 problems`.
#[must_use]
pub fn numbered(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// `a`, `b` and `c`, each between backticks.
#[must_use]
pub fn ticked<S: AsRef<str>>(words: &[S], joint: &str) -> String {
    let ticked: Vec<String> = words.iter().map(|word| format!("`{}`", word.as_ref())).collect();
    match ticked.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} {joint} {last}", rest.join(", ")),
    }
}

/// The text with nothing in it that could move a cursor, recolour a terminal or turn the
/// direction of writing: tabs become spaces, control and direction characters `\u{fffd}`.
fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\t' => out.push_str(&" ".repeat(TAB_COLUMNS)),
            '\u{feff}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => out.push('\u{fffd}'),
            other if other.is_control() => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}

/// How many columns a terminal gives to a text.
fn columns(text: &str) -> usize {
    text.chars().map(width_of).sum()
}

/// How wide a terminal draws a character: the blocks of combining marks take no column, those of
/// East Asian wide characters and pictures two (UAX #11). Blocks rather than the whole table: a
/// caret that is one column off costs nobody anything.
fn width_of(character: char) -> usize {
    match character {
        '\u{300}'..='\u{36f}'
        | '\u{200b}'..='\u{200d}'
        | '\u{20d0}'..='\u{20ff}'
        | '\u{fe00}'..='\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{303e}'
        | '\u{3041}'..='\u{a4cf}'
        | '\u{a960}'..='\u{a97c}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1f64f}'
        | '\u{1f680}'..='\u{1f6ff}'
        | '\u{1f900}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}
