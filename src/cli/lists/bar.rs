//! How far the fetching is: one line on a terminal, written again and again. No colours, and
//! nothing at all where nobody looks.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};

use crate::control::ListProgress;

/// The letters of the line: every terminal is as wide.
const WIDTH: usize = 79;
/// The marks between its brackets.
const MARKS: usize = 20;

/// The line.
pub(super) struct Bar {
    is_shown: bool,
    /// How many lists there are.
    lists: usize,
    /// Those of which something was heard.
    heard: BTreeMap<String, ListProgress>,
}

impl Bar {
    /// For so many lists.
    pub(super) fn new(lists: usize) -> Self {
        Bar { is_shown: std::io::stderr().is_terminal(), lists, heard: BTreeMap::new() }
    }

    /// Takes news of a list.
    pub(super) fn hear(&mut self, mut news: ListProgress) {
        if news.is_over {
            let before = self.heard.get(&news.list);
            news.octets = before.map_or(0, |before| before.octets);
        }
        self.heard.insert(news.list.clone(), news);
        self.write(&self.line());
    }

    /// Takes the line away.
    pub(super) fn finish(&self) {
        self.write("");
    }

    fn write(&self, line: &str) {
        if self.is_shown {
            let mut stderr = std::io::stderr().lock();
            let end = if line.is_empty() { "\r" } else { "" };
            let _ = write!(stderr, "\r{line:<WIDTH$}{end}");
            let _ = stderr.flush();
        }
    }

    /// What is there of each list, on the average; of one that does not say how long it is, nothing
    /// until it is over.
    fn line(&self) -> String {
        let per_mille: u64 = self.heard.values().map(per_mille).sum();
        let all = u64::try_from(self.lists).unwrap_or(u64::MAX).max(1);
        let per_mille = usize::try_from(per_mille / all).unwrap_or(0).min(1000);
        let filled = MARKS * per_mille / 1000;
        let octets = self.heard.values().fold(0u64, |all, news| all.saturating_add(news.octets));
        let over = self.heard.values().filter(|news| news.is_over).count();
        let under_way: Vec<&str> =
            self.heard.values().filter(|news| !news.is_over).map(|news| &*news.list).collect();
        let (marks, rest) = ("#".repeat(filled), ".".repeat(MARKS - filled));
        let tenths = octets / 100_000;
        let line = format!(
            "[{marks}{rest}] {over} of {} lists, {}.{} MB  {}",
            self.lists,
            tenths / 10,
            tenths % 10,
            under_way.join(", ")
        );
        line.chars().take(WIDTH).collect()
    }
}

/// How much of a list is there.
fn per_mille(news: &ListProgress) -> u64 {
    match news.of {
        _ if news.is_over => 1000,
        Some(of) if of > 0 => news.octets.saturating_mul(1000) / of,
        Some(_) | None => 0,
    }
    .min(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(list: &str, octets: u64, of: Option<u64>, is_over: bool) -> ListProgress {
        ListProgress { list: list.to_owned(), octets, of, is_over }
    }

    #[test]
    fn the_line_tells_what_is_there() {
        let mut bar = Bar { is_shown: false, lists: 2, heard: BTreeMap::new() };
        assert_eq!(bar.line(), "[....................] 0 of 2 lists, 0.0 MB  ");
        bar.hear(news("big", 1_000_000, Some(2_000_000), false));
        assert_eq!(bar.line(), "[#####...............] 0 of 2 lists, 1.0 MB  big");
        bar.hear(news("small", 40_000, None, false));
        assert_eq!(bar.line(), "[#####...............] 0 of 2 lists, 1.0 MB  big, small");
        bar.hear(news("small", 0, None, true));
        assert_eq!(bar.line(), "[###############.....] 1 of 2 lists, 1.0 MB  big");
        bar.hear(news("big", 0, None, true));
        assert_eq!(bar.line(), "[####################] 2 of 2 lists, 1.0 MB  ");
    }

    #[test]
    fn a_server_that_errs_about_the_length_breaks_no_line() {
        let mut bar = Bar { is_shown: false, lists: 1, heard: BTreeMap::new() };
        for (octets, of) in [(5, Some(0)), (u64::MAX, Some(1)), (7, Some(u64::MAX))] {
            bar.hear(news(&"long".repeat(40), octets, of, false));
            assert!(bar.line().chars().count() <= WIDTH);
        }
    }
}
