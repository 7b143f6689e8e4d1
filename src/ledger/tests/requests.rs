//! Children ask, parents answer.

use super::*;

fn ask(at: &At, word: &str) -> Result<Request, Refusal> {
    at.ledger.ask("sofia", Some("192.168.1.42"), word, "")
}

fn deny(at: &At, id: u64) {
    at.ledger.answer(id, Answer::default(), &ana()).unwrap();
}

#[test]
fn a_request_waits_newest_first() {
    let at = At::noon();
    let games = at.ledger.ask("sofia", Some("192.168.1.42"), "Games", "please").unwrap();
    assert_eq!((games.word.as_str(), games.reason.as_str(), games.count), ("games", "please", 1));
    assert_eq!((games.at, games.state), (on_monday("12:00"), RequestState::Waiting));
    let time = ask(&at, TIME_WORD).unwrap();
    assert_eq!(at.ledger.requests(), [time, games]);
}

#[test]
fn asking_again_is_counted_and_says_why() {
    let at = At::noon();
    at.ledger.ask("sofia", None, "games", "please").unwrap();
    at.wait(1);
    let again = at.ledger.ask("sofia", None, "games", "").unwrap();
    assert_eq!((again.count, again.reason.as_str()), (2, "please"), "no reason replaces none");
    let twice = at.ledger.ask("sofia", None, "games", "it is homework").unwrap();
    assert_eq!((twice.count, twice.reason.as_str()), (2, "it is homework"), "two taps are one");
    assert_eq!(at.ledger.requests().len(), 1);
    assert_eq!(at.ledger.events(0).len(), 1, "and told once");
    at.ledger.ask("mateo", None, "games", "").unwrap();
    assert_eq!(at.ledger.requests().len(), 2, "another child's is another one");
}

#[test]
fn a_reason_is_one_short_line() {
    let at = At::noon();
    let reason = format!("a\nb\u{1b}[31m\u{202e}{}", "ñ".repeat(300));
    let kept = at.ledger.ask("sofia", None, "games", &reason).unwrap().reason;
    assert_eq!(kept.chars().count(), REASON_CHARS_MAX);
    assert!(kept.starts_with("a b [31m ñ"), "{kept}");
}

#[test]
fn so_many_requests_wait_at_most() {
    let at = At::noon();
    for place in 0..WAITING_MAX {
        ask(&at, &format!("s{place}.com")).unwrap();
    }
    assert_eq!(ask(&at, "more.com"), Err(Refusal::TooManyWaiting));
    ask(&at, "s0.com").unwrap();
    at.ledger.ask("mateo", None, "more.com", "").unwrap();
}

#[test]
fn so_many_requests_are_made_an_hour_at_most() {
    let at = At::noon();
    for place in 0..REQUESTS_AN_HOUR_MAX {
        let request = ask(&at, &format!("s{place}.com")).unwrap();
        deny(&at, request.id);
    }
    assert_eq!(ask(&at, "more.com"), Err(Refusal::AskedTooOften));
    at.wait(60);
    ask(&at, "more.com").unwrap();
}

#[test]
fn a_no_stands_for_an_hour() {
    let at = At::noon();
    let request = ask(&at, "games").unwrap();
    deny(&at, request.id);
    at.wait(59);
    assert_eq!(ask(&at, "games"), Err(Refusal::SaidNo));
    at.wait(1);
    ask(&at, "games").unwrap();
}

#[test]
fn a_yes_opens_the_word_for_the_span() {
    let at = At::noon();
    let request = ask(&at, "site.com").unwrap();
    let note = Some("until dinner\n".to_owned());
    let yes =
        Answer { approve: true, word: Some("games".to_owned()), span: Some(at.minutes(60)), note };
    let done = at.ledger.answer(request.id, yes.clone(), &ana()).unwrap();
    assert_eq!(done.until, Some(on_monday("13:00")));
    assert_eq!(at.words(), (vec![tag("games")], vec![]), "the service instead of the site");
    let answered = &at.ledger.requests()[0];
    assert_eq!((answered.state, answered.until), (RequestState::Approved, done.until));
    assert_eq!(answered.note.as_deref(), Some("until dinner"));
    assert_eq!(at.ledger.answer(request.id, yes.clone(), &ana()), Err(Refusal::AnsweredAlready));
    assert_eq!(at.ledger.answer(99, yes, &ana()), Err(Refusal::NoSuchRequest));
}

#[test]
fn a_yes_to_time_gives_time() {
    let at = At::noon();
    let request = ask(&at, TIME_WORD).unwrap();
    let for_good = Answer { approve: true, ..Answer::default() };
    assert_eq!(at.ledger.answer(request.id, for_good, &ana()), Err(Refusal::TimeForGood));
    let yes = Answer { approve: true, span: Some(at.minutes(30)), ..Answer::default() };
    at.ledger.answer(request.id, yes, &ana()).unwrap();
    assert_eq!(at.sofia().freed_until, Some(on_monday("12:30")));
}

#[test]
fn a_yes_that_is_refused_leaves_the_request_waiting() {
    let at = At::noon();
    let request = ask(&at, "games").unwrap();
    let late = Answer { approve: true, span: Some(At::until("11:00")), ..Answer::default() };
    assert_eq!(at.ledger.answer(request.id, late, &ana()), Err(Refusal::Past));
    assert_eq!(at.ledger.requests(), [request]);
}

#[test]
fn what_nobody_answers_runs_out_within_a_day() {
    let at = At::noon();
    ask(&at, "games").unwrap();
    let end = on_monday("12:00") + SignedDuration::from_hours(24);
    assert_eq!(at.ledger.due(&at.home), Some(end));
    at.clock.set(end);
    at.ledger.tick(&at.home);
    let request = &at.ledger.requests()[0];
    assert_eq!((request.state, request.answered), (RequestState::Expired, Some(end)));
    assert_eq!(at.ledger.due(&at.home), None);
    ask(&at, "games").unwrap();
}

#[test]
fn an_answer_can_be_read_for_a_week() {
    let at = At::noon();
    let request = ask(&at, "games").unwrap();
    deny(&at, request.id);
    at.clock.advance(SignedDuration::from_hours(7 * 24 - 1));
    at.ledger.tick(&at.home);
    assert_eq!(at.ledger.requests().len(), 1);
    at.clock.advance(SignedDuration::from_hours(1));
    at.ledger.tick(&at.home);
    assert!(at.ledger.requests().is_empty());
}

#[test]
fn asking_and_answering_are_told() {
    let at = At::noon();
    let request = ask(&at, "games").unwrap();
    deny(&at, request.id);
    let events = at.ledger.events(0);
    let words: Vec<_> = events.iter().map(|event| event.what.word()).collect();
    assert_eq!(words, ["request_made", "request_answered"]);
    assert_eq!(at.ledger.events(1), events[1..]);
    let json = serde_json::to_value(&events[1].what).unwrap();
    assert_eq!(json["kind"], "request_answered");
    let actions: Vec<_> = at.ledger.audit(9).into_iter().map(|row| row.action).collect();
    assert_eq!(actions, ["deny", "ask"]);
}

#[test]
fn the_last_events_are_kept() {
    let at = At::noon();
    for place in 0..=EVENTS_MAX {
        at.ledger.set_time_unknown(place % 2 == 0);
    }
    let events = at.ledger.events(0);
    assert_eq!((events.len(), events[0].id), (EVENTS_MAX, 2));
}
