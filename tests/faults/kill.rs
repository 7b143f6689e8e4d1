//! The real program is killed in the middle of changes: what was acknowledged is there when it
//! starts again.

use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};

use amparo::clock::Clock;
use amparo::control::{self, Command, Error, FamilyCommand as Do, Until};
use amparo::ledger::Ledger;
use jiff::Timestamp;
use serde_json::Value;

use super::{HOME, mateo, person, sofia};
use crate::harness::{Device, Home, MATEO, Numbers, Program};

/// How often it is killed.
const KILLS: usize = 10;
/// The same where there is time: `cargo test -- --ignored kill`.
const KILLS_LONG: usize = 200;
/// At most so many changes are acknowledged before it is killed, and more that come meanwhile.
const CHANGES: usize = 8;
/// How long it lives on after the last of them, at most, in turns of the processor.
const TURNS: usize = 3_000;
/// So many of the last changes are looked for after each start.
const LOOKED_FOR: usize = 500;

/// One who makes one change after the other until nobody answers any more.
struct Parent {
    /// What was acknowledged, in order: its number, and what the daemon said.
    acknowledged: Receiver<(usize, Value)>,
    /// Ends with the number of the change that had no answer.
    making: JoinHandle<usize>,
}

impl Parent {
    /// Makes those changes, from this one on.
    fn of(state: PathBuf, first: usize, nth: fn(usize) -> Do) -> Self {
        let (sender, acknowledged) = mpsc::channel();
        let making = thread::spawn(move || {
            for n in first.. {
                match control::tell(&state, &Command::Family(nth(n))) {
                    // The test may look no longer.
                    Ok(said) => _ = sender.send((n, said)),
                    Err(Error::Refused(why)) => assert!(!why.contains("cannot be"), "{why}"),
                    Err(Error::Silent { .. } | Error::Garbled(_)) => return n,
                }
            }
            unreachable!("there are many numbers")
        });
        Parent { acknowledged, making }
    }

    /// Waits for some of them and a moment more.
    fn makes_some(&self, numbers: &mut Numbers) -> Vec<(usize, Value)> {
        let some = 1 + numbers.next(CHANGES);
        let acknowledged = self.acknowledged.iter().take(some).collect();
        (0..numbers.next(TURNS)).for_each(|_| thread::yield_now());
        acknowledged
    }

    /// All others that were acknowledged before it was killed, and the number of the one that was
    /// under way.
    fn rest(self) -> (Vec<(usize, Value)>, usize) {
        let under_way = self.making.join().expect("every refusal has its reason");
        (self.acknowledged.iter().collect(), under_way)
    }
}

// === What is in the ledger ===

/// The n-th thing that is done for a while.
fn for_a_while(n: usize) -> Do {
    let until = Until::For(3600 + n as u64);
    match n % 7 {
        0 => Do::Pause { child: mateo(), until },
        1 => Do::Allow { what: format!("w{}.example", n % 5), child: mateo(), until },
        2 => Do::Grant { child: sofia(), seconds: 60, budget: None },
        3 => Do::Resume { child: mateo() },
        4 => Do::Block { what: format!("b{}.example", n % 5), child: sofia(), until },
        5 => Do::Ask { child: sofia(), what: format!("a{n}.example"), reason: n.to_string() },
        _ => Do::Grant { child: mateo(), seconds: 60, budget: Some("games".to_owned()) },
    }
}

/// What the audit says of it, and whose it is; none: it is a request.
fn in_audit(n: usize) -> Option<(&'static str, &'static str)> {
    match n % 7 {
        0 => Some(("pause", "mateo")),
        1 => Some(("allow", "mateo")),
        2 => Some(("grant", "sofia")),
        3 => Some(("resume", "mateo")),
        4 => Some(("block", "sofia")),
        5 => None,
        _ => Some(("bonus", "mateo")),
    }
}

/// Whether it pauses somebody or ends that; none: neither.
fn pauses(n: usize) -> Option<bool> {
    match n % 7 {
        0 => Some(true),
        3 => Some(false),
        _ => None,
    }
}

fn ledger_is_whole(home: &Home) {
    let octets = std::fs::read(home.state().join("ledger.json")).expect("it was written");
    let clock = Clock::held(Timestamp::UNIX_EPOCH);
    assert!(Ledger::from_octets(&octets, clock).is_some(), "{}", String::from_utf8_lossy(&octets));
}

fn is_there(program: &Program, acknowledged: &[(usize, Value)]) {
    let all = |command| program.tell(&Command::Family(command)).expect("it tells");
    let (audit, requests) = (all(Do::Audit { limit: 1_000 }), all(Do::Requests));
    let found = |rows: &Value, id: &Value| {
        rows.as_array().and_then(|rows| rows.iter().find(|row| row["id"] == *id).cloned())
    };
    for (n, said) in acknowledged.iter().rev().take(LOOKED_FOR) {
        let expected = in_audit(*n);
        let rows = if expected.is_some() { &audit } else { &requests };
        let row = found(rows, &said["id"]);
        let row = row.unwrap_or_else(|| panic!("{n} is lost: {said}: {rows:#}"));
        if let Some((action, child)) = expected {
            assert_eq!((&row["action"], &row["child"]), (&action.into(), &child.into()));
        } else {
            assert_eq!(row["reason"], n.to_string());
        }
    }
}

fn kill_and_look(kills: usize, seed: u64) {
    let mut numbers = Numbers(seed);
    let mut program = Program::start(HOME);
    let (mut acknowledged, mut next) = (Vec::new(), 0);
    let mut is_paused = false;
    for _ in 0..kills {
        let parent = Parent::of(program.home.state(), next, for_a_while);
        let mut made = parent.makes_some(&mut numbers);
        let (started, (rest, under_way)) = program.killed(|home| {
            ledger_is_whole(home);
            parent.rest()
        });
        program = started;
        made.extend(rest);
        let made_last = made.iter().rev().find_map(|(n, _)| pauses(*n)).unwrap_or(is_paused);
        acknowledged.extend(made);
        next = under_way + 1;
        is_there(&program, &acknowledged);

        let status = program.tell(&Command::Status).expect("it tells");
        assert!(!status["troubles"].to_string().contains("ledger"), "{status:#}");
        is_paused = person(&status, "mateo")["is_paused"].as_bool().expect("it is or is not");
        let may_be = is_paused == made_last || Some(is_paused) == pauses(under_way);
        assert!(may_be, "{under_way}: {made_last}, {is_paused}");
        if is_paused {
            Device::at(MATEO).asks(program.address, "www.example.com").is_blocked();
        }
    }
    println!("{kills} kills, {} changes acknowledged, none lost", acknowledged.len());
}

#[test]
fn no_change_that_was_acknowledged_is_lost_when_it_is_killed() {
    kill_and_look(KILLS, 0x5eed_0005);
}

#[test]
#[ignore = "a minute or two of starts"]
fn no_change_that_was_acknowledged_is_lost_in_two_hundred_kills() {
    kill_and_look(KILLS_LONG, 0x5eed_0006);
}

// === What is in the config file ===

/// The n-th thing that is done for good: names are opened, and every fifth time that is taken back.
fn for_good(n: usize) -> Do {
    if n % 5 == 4 {
        return Do::Undo;
    }
    let what = format!("n{n}.closed.example");
    Do::Allow { what, child: mateo(), until: Until::Always }
}

/// The names that the file opens, by their numbers.
fn opened(home: &Home) -> Vec<usize> {
    let text = std::fs::read_to_string(home.config()).expect("it is there");
    let words = text.split('"').filter_map(|word| word.strip_suffix(".closed.example"));
    words.filter_map(|word| word.strip_prefix('n')?.parse().ok()).collect()
}

/// What is open after the n-th thing.
fn opens(mut open: Vec<usize>, n: usize) -> Vec<usize> {
    if n % 5 == 4 {
        open.retain(|&other| other + 1 != n);
    } else {
        open.push(n);
    }
    open
}

fn kill_and_read(kills: usize, seed: u64) {
    let mut numbers = Numbers(seed);
    let mut program = Program::start(HOME);
    let (mut open, mut next, mut all) = (Vec::new(), 0, 0);
    for _ in 0..kills {
        let parent = Parent::of(program.home.state(), next, for_good);
        let mut acknowledged = parent.makes_some(&mut numbers);
        let (started, (found, (rest, under_way))) = program.killed(|home| {
            home.amparo(&["check"]).exits(0);
            (opened(home), parent.rest())
        });
        program = started;
        acknowledged.extend(rest);
        for (n, _) in &acknowledged {
            open = opens(open, *n);
        }
        assert!(found == open || found == opens(open.clone(), under_way), "{open:?}: {found:?}");
        if let Some(last) = found.last() {
            let device = Device::at(MATEO);
            device.asks(program.address, &format!("n{last}.closed.example")).is_open();
            device.asks(program.address, "other.closed.example").is_blocked();
        }
        // What is taken back next was opened in the same life.
        (open, next) = (found, (under_way / 5 + 1) * 5);
        all += acknowledged.len();
    }
    println!("{kills} kills, {all} changes for good acknowledged, none lost");
}

#[test]
fn the_config_file_is_the_old_one_or_the_new_one_when_it_is_killed() {
    kill_and_read(KILLS, 0x5eed_0007);
}

#[test]
#[ignore = "a minute or two of starts"]
fn the_config_file_is_the_old_one_or_the_new_one_in_two_hundred_kills() {
    kill_and_read(KILLS_LONG, 0x5eed_0008);
}
