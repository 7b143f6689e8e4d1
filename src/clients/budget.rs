//! How often something may be done: so many times a second, and so many at once.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::Tick;

/// What is left, as the moment up to which it is spent, in microseconds. Takes no lock.
#[derive(Debug, Default)]
pub(super) struct Budget<const PER_SECOND: u64, const AT_ONCE: u64>(AtomicU64);

impl<const PER_SECOND: u64, const AT_ONCE: u64> Budget<PER_SECOND, AT_ONCE> {
    /// Takes one, if one is left.
    pub(super) fn take(&self, now: Tick) -> bool {
        let spend = |spent_until| Self::after_one(spent_until, now);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend).is_ok()
    }

    /// Whether one is left.
    pub(super) fn has_one(&self, now: Tick) -> bool {
        Self::after_one(self.0.load(Ordering::Relaxed), now).is_some()
    }

    fn after_one(spent_until: u64, now: Tick) -> Option<u64> {
        let (now, each) = (now.0 * 1_000, 1_000_000 / PER_SECOND);
        let next = spent_until.max(now) + each;
        (next <= now + AT_ONCE * each).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_spends_its_budget_and_no_more() {
        let budget = Budget::<20, 40>::default();
        let taken = |now| (0..10_000).filter(|_| budget.take(Tick(now))).count();
        assert_eq!(taken(0), 40);
        assert!(!budget.has_one(Tick(49)) && budget.has_one(Tick(50)));
        assert_eq!(taken(49), 0);
        assert_eq!(taken(50), 1);
        assert_eq!(taken(1_050), 20);
        assert_eq!(taken(1_000_000), 40);
    }
}
