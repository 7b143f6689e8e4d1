//! How many minutes of one budget one person has used on one day, as far as questions show it.
//!
//! Whoever uses a [`Meter`] numbers the minutes on a monotonic clock, and tells it of a question
//! that counts, from whichever of the person's devices it came: [`Meter::touch`]. Start reading
//! there. It never asks what time it is, knows neither the day nor what is allowed, and is plain
//! data that may be kept and read again.
//!
//! A minute in which something was asked is a minute of use, however often and from however many
//! devices. Silence of at most [`LINGER_MINUTES`] between two questions is use too, once the
//! second comes; silence that nothing follows never is. What holds together like that is a
//! stretch, and one shorter than [`MINIMUM_MINUTES`] is nobody: it does not count. That never
//! makes a budget longer: where a short stretch would use the rest of it, it is used.
//!
//! This is an estimate, "about 40 min": DNS tells of questions and nothing of what flows after
//! them.
//! - It counts too little where one question feeds a long stream. Answers to whoever has budgets
//!   are kept for at most 60 s, so that most programs ask again; one that keeps a connection open
//!   for long does not.
//! - It counts too much where a program asks in the background. The list of noise names, which
//!   never come here, and the minimum take most of that away; a program that looks for news every
//!   few minutes remains.
//! - Minutes are whole: the first and the last one of a stretch are rarely full.
//!
//! A budget that is started ([`Meter::start`]) has none of these errors but the last: every minute
//! counts until it is stopped.

/// The longest silence, in minutes, between two questions that belong together: what was fetched
/// is read or watched that long.
pub const LINGER_MINUTES: u64 = 5;

/// The shortest stretch, in minutes, that counts: a lone question is a device by itself.
pub const MINIMUM_MINUTES: u32 = 2;

/// A budget that was started stops by itself after so many minutes without a question: whoever
/// forgot to stop it is not there.
pub const IDLE_MINUTES: u64 = 10;

/// How many minutes late, at most, a question may be told of.
const LATE_MINUTES: u64 = 1;

/// The minutes used of one budget by one person on one day.
///
/// The fields are what is kept of it. Whatever stands in them, nothing panics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meter {
    /// The minutes that count of all that is over.
    pub counted: u32,
    /// The last minute among them: no minute up to this one counts again.
    pub counted_until: Option<u64>,
    /// What is not over yet, oldest first: the last one may go on, and the one before may still
    /// turn out to be one with it.
    pub stretches: Vec<Stretch>,
    /// Started and not stopped yet.
    pub session: Option<Session>,
}

/// Minutes that belong together, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// The first minute.
    pub first: u64,
    /// The last minute.
    pub last: u64,
}

/// What was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// The first minute that counts.
    pub first: u64,
    /// The last minute in which somebody was there: asked something, or started it.
    pub alive: u64,
    /// The last minute that is known to have come.
    pub seen: u64,
}

// === impl Meter ===

impl Meter {
    /// Something that counts was asked in this minute. A minute counts once; one that is told of
    /// after the next one is taken too, an older one only where it changes nothing that is over.
    pub fn touch(&mut self, minute: u64) {
        self.settle(minute);
        if let Some(session) = &mut self.session {
            session.alive = session.alive.max(minute);
            return;
        }
        if self.counted_until.is_some_and(|until| minute <= until) {
            return;
        }
        self.stretches.push(Stretch { first: minute, last: minute });
        self.stretches.sort_unstable_by_key(|stretch| stretch.first);
        self.stretches.dedup_by(|next, before| {
            let joins = next.first <= before.reaches_until();
            if joins {
                before.last = before.last.max(next.last);
            }
            joins
        });
    }

    /// It is this minute now: what lingered too long is over, and so is what was started and left
    /// alone. `u64::MAX` ends all that is under way.
    pub fn settle(&mut self, minute: u64) {
        while let Some(oldest) = self.stretches.first().copied() {
            if minute <= oldest.reaches_until().saturating_add(LATE_MINUTES) {
                break;
            }
            self.stretches.remove(0);
            if oldest.counts() {
                self.count(oldest);
            }
        }
        if let Some(session) = &mut self.session {
            session.seen = session.seen.max(minute);
            if minute > session.alive.saturating_add(IDLE_MINUTES) {
                let alive = session.alive;
                self.end_session(alive);
            }
        }
    }

    /// The minutes that count so far.
    #[must_use]
    pub fn used(&self) -> u32 {
        let stretches = self.stretches.iter().filter(|stretch| stretch.counts());
        let session = self.session.map(|session| session.until(session.seen).minutes());
        stretches.map(Stretch::minutes).chain(session).fold(self.counted, u32::saturating_add)
    }

    /// The minute with whose end nothing is left of so many: the one in which the last of them was
    /// used. Of what was started it may lie ahead. None: not as far as is known.
    #[must_use]
    pub fn ends_after(&self, allowed: u32) -> Option<u64> {
        let mut left = allowed.saturating_sub(self.counted);
        if left == 0 {
            return Some(self.counted_until.unwrap_or(0));
        }
        if let Some(session) = &self.session {
            return Some(session.first.saturating_add(u64::from(left) - 1));
        }
        for (place, stretch) in self.stretches.iter().enumerate() {
            // The last one may be short still: it counts if it uses up what is left.
            let is_last = place + 1 == self.stretches.len();
            if !stretch.counts() && !is_last {
                continue;
            }
            let minutes = stretch.minutes();
            if left <= minutes {
                return Some(stretch.first.saturating_add(u64::from(left) - 1));
            }
            left -= minutes;
        }
        None
    }

    /// So many minutes are used up for good: what used the last of them counts from now on,
    /// however short it was, and if nobody was there. To be called once the minute that
    /// [`Meter::ends_after`] tells is over; without one it does nothing.
    pub fn use_up(&mut self, allowed: u32) {
        let Some(end) = self.ends_after(allowed) else { return };
        self.end_session(end);
        let last = self.stretches.pop();
        self.settle(u64::MAX);
        if let Some(last) = last {
            self.count(last);
        }
    }

    /// From this minute on every minute counts, until [`Meter::stop`].
    pub fn start(&mut self, minute: u64) {
        self.settle(minute);
        if let Some(session) = &mut self.session {
            session.alive = session.alive.max(minute);
            return;
        }
        self.settle(u64::MAX);
        // The minute in which the one before was stopped has been counted.
        let free = self.counted_until.map_or(0, |until| until.saturating_add(1));
        self.session = Some(Session { first: minute.max(free), alive: minute, seen: minute });
    }

    /// What was started is over with this minute.
    pub fn stop(&mut self, minute: u64) {
        self.settle(minute);
        self.end_session(minute);
    }

    /// Whether it was started and is not over.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.session.is_some()
    }

    /// Minutes are numbered anew from here on, as after a start of the program whose clock begins
    /// at nought: what is under way is over, what counts stays.
    pub fn renumber(&mut self) {
        self.settle(u64::MAX);
        self.counted_until = None;
    }

    fn end_session(&mut self, last: u64) {
        if let Some(session) = self.session.take() {
            self.count(session.until(last));
        }
    }

    fn count(&mut self, stretch: Stretch) {
        let minutes = stretch.minutes();
        if minutes > 0 {
            self.counted = self.counted.saturating_add(minutes);
            self.counted_until = self.counted_until.max(Some(stretch.last));
        }
    }
}

// === impl Stretch, Session ===

impl Stretch {
    fn minutes(&self) -> u32 {
        let minutes = self.last.saturating_add(1).saturating_sub(self.first);
        u32::try_from(minutes).unwrap_or(u32::MAX)
    }

    fn counts(&self) -> bool {
        self.minutes() >= MINIMUM_MINUTES
    }

    /// The last minute whose question still belongs to it.
    fn reaches_until(&self) -> u64 {
        self.last.saturating_add(LINGER_MINUTES + 1)
    }
}

impl Session {
    fn until(self, last: u64) -> Stretch {
        Stretch { first: self.first, last }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn touched(minutes: &[u64]) -> Meter {
        let mut meter = Meter::default();
        for &minute in minutes {
            meter.touch(minute);
        }
        meter
    }

    /// The minutes that count, one by one, of all that were touched: the rules as they are told.
    fn model(touches: &[u64]) -> Vec<bool> {
        let end = touches.iter().max().map_or(0, |last| last + 1);
        let is_touched = |minute: &u64| touches.contains(minute);
        let mut used: Vec<bool> = (0..end).map(|minute| is_touched(&minute)).collect();
        let asked: Vec<u64> = (0..end).filter(is_touched).collect();
        for pair in asked.windows(2) {
            if pair[1] - pair[0] - 1 <= LINGER_MINUTES {
                (pair[0]..pair[1]).for_each(|minute| used[usize::try_from(minute).unwrap()] = true);
            }
        }
        let alone = |place: usize| {
            !(place > 0 && used[place - 1] || used.get(place + 1).copied().unwrap_or(false))
        };
        (0..used.len()).map(|place| used[place] && !alone(place)).collect()
    }

    fn minutes_of(model: &[bool]) -> u32 {
        u32::try_from(model.iter().filter(|used| **used).count()).unwrap()
    }

    /// Minutes in order with silences of every kind.
    fn minutes() -> impl Strategy<Value = Vec<u64>> {
        let step = prop_oneof![4 => 0..3u64, 4 => 4..9u64, 1 => 10..40u64];
        (0..5u64, vec(step, 0..60)).prop_map(|(from, steps)| {
            let mut minute = from;
            let next = |step: &u64| {
                minute += step;
                minute
            };
            steps.iter().map(next).collect()
        })
    }

    proptest! {
        #[test]
        fn every_minute_counts_as_the_model_says(minutes in minutes(), settled in any::<bool>()) {
            let mut meter = Meter::default();
            for (place, &minute) in minutes.iter().enumerate() {
                if settled {
                    meter.settle(minute);
                }
                meter.touch(minute);
                let model = model(&minutes[..=place]);
                prop_assert_eq!(meter.used(), minutes_of(&model), "{:?}", &minutes[..=place]);
            }
            let used = meter.used();
            meter.settle(u64::MAX);
            prop_assert_eq!(meter.used(), used);
            prop_assert!(meter.stretches.is_empty());
        }

        #[test]
        fn a_minute_that_is_told_late_counts_the_same(
            minutes in minutes(),
            late in vec(any::<bool>(), 60),
            settled in any::<bool>(),
        ) {
            let mut told: Vec<(u64, u64)> =
                minutes.iter().zip(late).map(|(&m, late)| (m + u64::from(late), m)).collect();
            told.sort_unstable_by_key(|&(at, minute)| (at, u64::MAX - minute));
            let mut meter = Meter::default();
            for (at, minute) in told {
                if settled {
                    meter.settle(at);
                }
                meter.touch(minute);
                prop_assert!(meter.stretches.len() <= 2);
            }
            prop_assert_eq!(meter.used(), minutes_of(&model(&minutes)), "{:?}", minutes);
        }

        #[test]
        fn the_end_is_the_minute_in_which_the_last_one_allowed_was_used(
            minutes in minutes(),
            allowed in 1..40u32,
        ) {
            let mut meter = Meter::default();
            for (place, &minute) in minutes.iter().enumerate() {
                meter.touch(minute);
                let mut model = model(&minutes[..=place]);
                // A short stretch may use up what is left.
                model[usize::try_from(minute).unwrap()] = true;
                let used = (0u64..).zip(&model).filter(|(_, used)| **used);
                let end = used.map(|(minute, _)| minute).nth(usize::try_from(allowed - 1).unwrap());
                let told = meter.ends_after(allowed);
                prop_assert_eq!(told.is_some(), end.is_some(), "{:?}", &minutes[..=place]);
                if let (Some(told), Some(end)) = (told, end) {
                    // Of what is over it is only known that it is.
                    prop_assert!(end <= told && told <= minute);
                    meter.use_up(allowed);
                    prop_assert!(meter.used() >= allowed);
                    prop_assert!(meter.used() >= minutes_of(&model));
                    let after = meter.clone();
                    meter.settle(u64::MAX);
                    prop_assert_eq!(meter, after);
                    break;
                }
            }
        }

        #[test]
        fn so_many_active_minutes_end_so_many(allowed in 1..1440u32, from in 0..1_000_000u64) {
            let mut meter = Meter::default();
            for minute in from..from + u64::from(allowed) - 1 {
                meter.touch(minute);
                prop_assert_eq!(meter.ends_after(allowed), None);
            }
            let last = from + u64::from(allowed) - 1;
            meter.touch(last);
            prop_assert_eq!(meter.ends_after(allowed), Some(last));
        }

        #[test]
        fn a_lone_question_never_counts(from in 0..1000u64, gaps in vec(7..50u64, 0..40)) {
            let mut minute = from;
            let mut meter = touched(&[from]);
            for gap in gaps {
                minute += gap;
                meter.touch(minute);
                prop_assert_eq!(meter.used(), 0);
            }
        }

        #[test]
        fn whatever_is_told_nothing_panics_and_no_minute_counts_twice(
            acts in vec((0..6u8, prop_oneof![3 => 0..200u64, 1 => any::<u64>()]), 0..60),
        ) {
            let mut meter = Meter::default();
            let mut last = 0;
            for (act, minute) in acts {
                last = last.max(minute);
                match act {
                    0 => meter.start(minute),
                    1 => meter.stop(minute),
                    2 => meter.settle(minute),
                    3 => meter.use_up(u32::try_from(minute).unwrap_or(u32::MAX).max(1)),
                    _ => meter.touch(minute),
                }
                // A session may have been used up ahead of its minutes: that is the caller's word.
                if act == 3 {
                    break;
                }
                prop_assert!(u64::from(meter.used()) <= last.saturating_add(1));
                let _ = meter.ends_after(30);
            }
        }
    }

    #[test]
    fn two_devices_in_one_minute_are_one_minute() {
        assert_eq!(touched(&[3, 3, 4, 4, 4]).used(), 2);
        assert_eq!(touched(&[4, 3, 4, 3]).used(), 2);
    }

    #[test]
    fn silence_between_two_questions_counts_and_silence_after_the_last_does_not() {
        assert_eq!(touched(&[0, 6]).used(), 7);
        assert_eq!(touched(&[0, 7]).used(), 0);
        let mut meter = touched(&[0, 1]);
        meter.settle(6);
        assert_eq!(meter.used(), 2);
    }

    #[test]
    fn the_minimum_never_makes_a_budget_longer() {
        assert_eq!(touched(&[5]).ends_after(1), Some(5));
        let mut meter = touched(&[0, 1, 2, 20]);
        assert_eq!((meter.used(), meter.ends_after(4)), (3, Some(20)));
        meter.use_up(4);
        assert_eq!((meter.used(), meter.ends_after(4)), (4, Some(20)));
        // More was allowed since.
        assert_eq!(meter.ends_after(5), None);
        meter.touch(21);
        assert_eq!(meter.ends_after(5), Some(21));
    }

    #[test]
    fn a_question_that_is_over_and_alone_ends_nothing() {
        let mut meter = touched(&[0, 1, 20]);
        meter.settle(28);
        assert_eq!((meter.used(), meter.ends_after(3)), (2, None));
        meter.use_up(3);
        assert_eq!(meter.used(), 2);
    }

    #[test]
    fn what_is_started_counts_until_it_is_stopped() {
        let mut meter = Meter::default();
        meter.start(10);
        assert!(meter.is_running());
        // Known from the start.
        assert_eq!((meter.used(), meter.ends_after(30)), (1, Some(39)));
        meter.touch(15);
        meter.settle(20);
        assert_eq!((meter.used(), meter.ends_after(30)), (11, Some(39)));
        meter.stop(24);
        assert_eq!((meter.used(), meter.ends_after(30), meter.is_running()), (15, None, false));
        // In the same minute: it was counted.
        meter.start(24);
        meter.stop(24);
        assert_eq!(meter.used(), 15);
        meter.start(24);
        meter.stop(26);
        assert_eq!(meter.used(), 17);
        meter.touch(26);
        meter.settle(u64::MAX);
        assert_eq!(meter.used(), 17);
    }

    #[test]
    fn what_is_started_and_left_alone_ends_at_the_last_question() {
        let mut meter = Meter::default();
        meter.start(10);
        meter.touch(12);
        meter.settle(22);
        assert_eq!((meter.is_running(), meter.used()), (true, 13));
        meter.settle(23);
        assert_eq!((meter.is_running(), meter.used()), (false, 3));
        let mut untouched = Meter::default();
        untouched.start(10);
        untouched.settle(21);
        assert_eq!((untouched.is_running(), untouched.used()), (false, 1));
        // Nobody looked meanwhile.
        let mut unseen = Meter::default();
        unseen.start(10);
        unseen.stop(100);
        assert_eq!(unseen.used(), 1);
    }

    #[test]
    fn what_was_used_up_with_nobody_there_stays_so() {
        let mut meter = Meter::default();
        meter.start(10);
        let end = meter.ends_after(5).unwrap();
        meter.settle(end + 1);
        meter.use_up(5);
        meter.settle(u64::MAX);
        assert_eq!((end, meter.used(), meter.is_running()), (14, 5, false));
    }

    #[test]
    fn minutes_may_be_numbered_anew() {
        let mut meter = touched(&[100, 101, 102]);
        meter.renumber();
        meter.touch(0);
        meter.touch(1);
        assert_eq!(meter.used(), 5);
    }
}
