//! Any body of a ledger with a right checksum is one or none: whatever stands in it, using it and
//! writing it upsets nothing.

use amparo::clock::Clock;
use amparo::ledger::{Actor, Ledger, Undone, Via};
use jiff::{SignedDuration, Timestamp};

pub(crate) fn run(octets: &[u8]) {
    let clock = Clock::held(Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * 365 * 56));
    // As it comes no checksum would ever be right.
    assert!(Ledger::from_octets(octets, clock.clone()).is_none_or(|_| octets.len() > 40));
    let Ok(body) = std::str::from_utf8(octets) else { return };
    let sealed = Ledger::sealed(body);
    let Some(ledger) = Ledger::from_octets(sealed.as_bytes(), clock.clone()) else { return };
    let ana = Actor { who: "ana".to_owned(), via: Via::Cli };
    ledger.heartbeat("boot");
    clock.advance(SignedDuration::from_mins(2));
    ledger.step(SignedDuration::from_hours(1));
    let _refused = ledger.ask("sofia", None, "games", "please");
    while ledger.undo(&ana).is_ok_and(|undone| matches!(undone, Undone::Done { .. })) {}
    let _all = (ledger.requests(), ledger.audit(9), ledger.events(0));
    ledger.save().expect("nothing is written");
}
