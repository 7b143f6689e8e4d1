//! What programs are told, and what becomes of those that fail.

use std::sync::atomic::AtomicBool;

use jiff::Timestamp;

use super::hook::{Failure, Program};
use super::*;

fn line(verb: Verb, device: &str, address: &str) -> Line {
    let name = name("video.example").wire().into();
    Line { verb, device: ip(device), address: ip(address), name }
}

#[test]
fn nft_is_told_pairs_of_one_family_that_run_out() {
    let set = NftablesSet { table: "amparo".to_owned(), set: "closed".to_owned() };
    let lines = [
        line(Verb::Close, "192.168.1.42", "203.0.113.5"),
        line(Verb::Close, "fd00::42", "2001:db8::5"),
        line(Verb::Close, "192.168.1.42", "2001:db8::5"),
        line(Verb::Open, "192.168.1.42", "203.0.113.6"),
    ];
    assert_eq!(
        nft::script(&set, &lines),
        "add element inet amparo closed { 192.168.1.42 . 203.0.113.5 timeout 24h }\n\
         add element inet amparo closed6 { fd00::42 . 2001:db8::5 timeout 24h }\n\
         add element inet amparo closed { 192.168.1.42 . 203.0.113.6 }\n\
         delete element inet amparo closed { 192.168.1.42 . 203.0.113.6 }\n"
    );
    assert_eq!(nft::script(&set, &lines[2..3]), "");
    assert_eq!(nft::flush(&set), "flush set inet amparo closed\nflush set inet amparo closed6\n");
}

/// An enforcer with a script, and where that writes.
fn enforcer(text: &str) -> (tempfile::TempDir, Arc<Handed>, Enforcer) {
    let folder = tempfile::tempdir().unwrap();
    let path = script_at(&folder.path().join("cut"), text);
    let settings = EnforceSettings {
        command: Some(vec![path, folder.path().join("told").to_str().unwrap().to_owned()]),
        nftables_set: None,
    };
    let handed = Arc::<Handed>::default();
    let clock = Clock::held(Timestamp::from_second(1_800_000_000).unwrap());
    let enforcer = Enforcer::new(&settings, Arc::clone(&handed), clock.clone(), |_| Vec::new());
    (folder, handed, enforcer.unwrap())
}

/// The tick of the held clock of [`enforcer`].
const NOW: Tick = Tick(1_800_000_000_000);

fn told(folder: &tempfile::TempDir) -> String {
    std::fs::read_to_string(folder.path().join("told")).unwrap_or_default()
}

#[test]
fn a_program_is_told_what_closes_and_opens_once_for_each_child() {
    let (folder, handed, enforcer) = enforcer("(echo \"child=$AMPARO_CHILD\"; cat) >> \"$1\"\n");
    handed.take([to_tablet("video.example", "203.0.113.5")], NOW);
    let phone = given("phone", "192.168.1.50", "video.example", "203.0.113.5");
    handed.take([Given { subject: None, ..phone }], NOW);
    enforcer.settled();
    assert_eq!(told(&folder), "", "nothing is closed");

    enforcer.changed(closed(&["video.example"]));
    enforcer.settled();
    let all = told(&folder);
    let (sofia, guest) = (
        "child=sofia\nclose 192.168.1.42 203.0.113.5 video.example\n",
        "child=\nclose 192.168.1.50 203.0.113.5 video.example\n",
    );
    let orders = [format!("{sofia}{guest}"), format!("{guest}{sofia}")];
    assert!(orders.contains(&all), "{all}");

    std::fs::remove_file(folder.path().join("told")).unwrap();
    enforcer.changed(|subject, _| subject.is_none());
    enforcer.settled();
    assert_eq!(told(&folder), "child=sofia\nopen 192.168.1.42 203.0.113.5 video.example\n");

    // Handed out for something open: let go without any change of the rules.
    std::fs::remove_file(folder.path().join("told")).unwrap();
    let guest = given("phone", "192.168.1.50", "help.example", "203.0.113.5");
    handed.take([Given { subject: None, ..guest }], NOW);
    enforcer.settled();
    assert_eq!(told(&folder), "child=\nopen 192.168.1.50 203.0.113.5 video.example\n");
    assert_eq!(enforcer.troubles(), []);
}

#[test]
fn a_program_that_fails_is_a_trouble_until_it_works_again() {
    let (folder, handed, enforcer) =
        enforcer("[ -e \"$1\" ] && exec cat >> \"$1\"\nprintf 'no\\n\\033route' >&2\nexit 3\n");
    handed.take([to_tablet("video.example", "203.0.113.5")], NOW);
    enforcer.changed(closed(&["example"]));
    enforcer.settled();
    let troubles = enforcer.troubles();
    assert_eq!(troubles.len(), 1);
    let (es, en) = (&troubles[0].es, &troubles[0].en);
    assert!(en.starts_with("connections that are open already are not cut: `/"), "{en}");
    assert!(en.contains("it ended with exit status: 3: no route. Names are closed"), "{en}");
    assert!(es.starts_with("no se cortan las conexiones"), "{es}");

    std::fs::write(folder.path().join("told"), "").unwrap();
    enforcer.changed(closed(&["example"]));
    enforcer.settled();
    assert_eq!(told(&folder), "close 192.168.1.42 203.0.113.5 video.example\n");
    assert_eq!(enforcer.troubles(), []);
}

#[test]
fn a_program_that_is_not_there_is_said_before_the_first_boundary() {
    let settings = EnforceSettings {
        command: Some(vec!["/nowhere/amparo/cut".to_owned()]),
        nftables_set: None,
    };
    let enforcer = Enforcer::new(&settings, Arc::default(), Clock::System, |_| Vec::new()).unwrap();
    enforcer.settled();
    let troubles = enforcer.troubles();
    assert!(troubles[0].en.contains("`/nowhere/amparo/cut`: it is not installed"), "{troubles:?}");
}

#[test]
fn a_missing_nft_is_said() {
    let absent = Program { words: vec!["amparo-has-no-such-nft".to_owned()] };
    let outcome = absent.run(&[], "", &AtomicBool::new(false));
    assert!(matches!(outcome, Err(Failure::Missing)), "{outcome:?}");
}

#[test]
fn a_program_that_does_not_read_and_one_that_leaves_another_behind_hold_up_nothing() {
    let run = |text: &str| {
        let words = ["/bin/sh", "-c", text].map(str::to_owned).to_vec();
        let input = "close\n".repeat(1_000_000);
        Program { words }.run(&[], &input, &AtomicBool::new(false))
    };
    run("exit 0").unwrap();
    run("sleep 3 & exit 0").unwrap();
}

#[test]
fn a_program_that_does_not_end_is_stopped_with_all_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    let text = format!("sleep 1000 & echo $! > {0}.new; mv {0}.new {0}; wait", mark.display());
    let words = vec!["/bin/sh".to_owned(), "-c".to_owned(), text];
    let ending = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&ending);
    let running = std::thread::spawn(move || Program { words }.run(&[], "", &told));
    while !mark.exists() {
        std::thread::yield_now();
    }
    ending.store(true, Ordering::Release);
    assert!(matches!(running.join().unwrap(), Err(Failure::Ending)));
    let sleeper = std::fs::read_to_string(&mark).unwrap();
    let state = format!("/proc/{}/stat", sleeper.trim());
    // Whoever takes in orphans may not have looked yet.
    while std::fs::read_to_string(&state).is_ok_and(|stat| !stat.contains(") Z ")) {
        std::thread::yield_now();
    }
}

#[test]
fn a_program_that_complains_without_end_is_stopped() {
    let words = ["/bin/sh", "-c", "yes no >&2"].map(str::to_owned).to_vec();
    let outcome = Program { words }.run(&[], "", &AtomicBool::new(false));
    let Err(Failure::TooLoud(said)) = outcome else { panic!("{outcome:?}") };
    assert!(said.starts_with("no no no"));
}

#[test]
fn an_enforcer_ends_while_its_program_runs() {
    let (folder, handed, enforcer) = enforcer("echo began > \"$1\"; sleep 1000\n");
    handed.take([to_tablet("video.example", "203.0.113.5")], NOW);
    enforcer.changed(closed(&["example"]));
    while told(&folder).is_empty() {
        std::thread::yield_now();
    }
    drop(enforcer);
}
