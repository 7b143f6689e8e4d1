//! A sheet of paper: what one child used of one budget on one day.

use jiff::civil::Date;

/// Silence of so many minutes is use, once it is over.
const SILENCE: i64 = 5;
/// After so many minutes without a question nobody is there.
const LEFT_ALONE: i64 = 10;

#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) id: &'static str,
    word: &'static str,
    pub(super) day: Date,
    /// Minutes given on top.
    pub(super) more: i64,
    /// Minutes that were used, whatever comes.
    pub(super) counted: i64,
    /// The last minute of them.
    until: i64,
    /// Minutes in which something was asked, of what is not over.
    touched: Vec<i64>,
    /// What was started: its first minute, and the last in which somebody was there.
    pub(super) session: Option<(i64, i64)>,
    /// When somebody looked last.
    seen: i64,
}

impl Sheet {
    pub(super) fn new(id: &'static str, word: &'static str, day: Date) -> Self {
        let (touched, session) = (Vec::new(), None);
        Sheet { id, word, day, more: 0, counted: 0, until: -1, touched, session, seen: 0 }
    }

    pub(super) fn is_of(&self, id: &str, word: &str, day: Date) -> bool {
        (self.id, self.word, self.day) == (id, word, day)
    }

    pub(super) fn touch(&mut self, minute: i64, started: bool) {
        if let Some((_, alive)) = &mut self.session {
            *alive = minute;
        } else if !started && minute > self.until && self.touched.last() != Some(&minute) {
            self.touched.push(minute);
        }
    }

    pub(super) fn start(&mut self, minute: i64) {
        let first = self.session.map_or(minute.max(self.until + 1), |(first, _)| first);
        self.session = Some((first, minute));
    }

    pub(super) fn stop(&mut self, minute: i64) {
        if let Some((first, _)) = self.session.take() {
            self.count(first, minute);
        }
    }

    /// Another day has begun.
    pub(super) fn end_day(&mut self) {
        self.stop(self.seen);
        for (first, last) in self.stretches() {
            if first < last {
                self.count(first, last);
            }
        }
        self.touched.clear();
    }

    /// It is this minute now, and so many are allowed; none: as many as one likes.
    pub(super) fn look(&mut self, now: i64, allowed: Option<i64>) {
        self.seen = now;
        let left = allowed.map(|allowed| (allowed - self.counted).max(0));
        if let Some((first, alive)) = self.session {
            // Used up, left alone, or still going on: whichever came first.
            let end = left.map_or(i64::MAX, |left| first + left - 1);
            if end.min(now) > alive + LEFT_ALONE {
                self.stop(alive);
            } else if end < now {
                self.stop(end);
            }
            return;
        }
        if left.and_then(|left| self.end(left)).is_some_and(|end| end < now) {
            // The last ones were used, however short that was.
            let stretches = self.stretches();
            for (place, (first, last)) in stretches.iter().enumerate() {
                if first < last || place + 1 == stretches.len() {
                    self.count(*first, *last);
                }
            }
            self.touched.clear();
            return;
        }
        // A lone minute that nothing follows is nobody.
        for (first, last) in self.stretches() {
            if now > last + SILENCE + 2 {
                self.touched.retain(|minute| *minute > last);
                if first < last {
                    self.count(first, last);
                }
            }
        }
    }

    /// The minute with whose end so many more are used; a lone one counts only where it is the
    /// last that is left.
    fn end(&self, left: i64) -> Option<i64> {
        if left == 0 {
            return Some(-1);
        }
        let stretches = self.stretches();
        let mut used = 0;
        for (place, (first, last)) in stretches.iter().enumerate() {
            let minutes = last - first + 1;
            if minutes < 2 && place + 1 < stretches.len() {
                continue;
            }
            if left - used <= minutes {
                return Some(first + left - used - 1);
            }
            used += minutes;
        }
        None
    }

    /// The minutes that were touched, with gaps of up to five between them.
    fn stretches(&self) -> Vec<(i64, i64)> {
        let mut stretches: Vec<(i64, i64)> = Vec::new();
        for &minute in &self.touched {
            match stretches.last_mut() {
                Some((_, last)) if minute - *last <= SILENCE + 1 => *last = minute,
                Some(_) | None => stretches.push((minute, minute)),
            }
        }
        stretches
    }

    fn count(&mut self, first: i64, last: i64) {
        if first <= last {
            self.counted += last - first + 1;
            self.until = self.until.max(last);
        }
    }
}
