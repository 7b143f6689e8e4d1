//! Taking back: the last change that stands, whole, and never into the past.

use super::*;

/// What was taken back, by its action and what it was about.
fn undo(at: &At) -> Result<String, Refusal> {
    Ok(match at.ledger.undo(&ana())? {
        Undone::Done { what, .. } => {
            let about = what.what.unwrap_or_default();
            format!("{} {about}", what.action).trim_end().to_owned()
        }
        Undone::File(written, id) => format!("file {} {id}", written.word),
    })
}

fn written(word: &str) -> Written {
    Written {
        child: "sofia".to_owned(),
        word: word.to_owned(),
        what: Permanent::Allow,
        before_hash: "a".to_owned(),
        after_hash: "b".to_owned(),
        backup: "amparo.toml.1".to_owned(),
    }
}

fn wrote(at: &At, edit: &Written) -> Done {
    at.ledger.for_good(&edit.child, &edit.word, edit.what, Some(edit), &ana())
}

#[test]
fn for_good_forgets_what_was_said_for_a_while_and_goes_back_to_it() {
    let at = At::noon();
    at.ledger.close_word("sofia", "site.com", at.minutes(60), &ana()).unwrap();
    let done = at.ledger.for_good("sofia", "site.com", Permanent::Allow, None, &ana());
    assert_eq!(at.ledger.audit(1)[0].id, done.id);
    assert_eq!(undo(&at).unwrap(), "allow site.com");
    assert_eq!(undo(&at).unwrap(), "block site.com");
}

#[test]
fn a_pause_taken_back_leaves_the_pause_before_it() {
    let at = At::noon();
    at.ledger.pause("sofia", at.minutes(60), &ana()).unwrap();
    at.ledger.pause("sofia", at.minutes(10), &ana()).unwrap();
    assert_eq!(undo(&at).unwrap(), "pause");
    assert_eq!(at.sofia().paused_until, Some(on_monday("13:00")));
    assert_eq!(undo(&at).unwrap(), "pause");
    assert_eq!(at.sofia().paused_until, None);
    assert_eq!(undo(&at), Err(Refusal::NothingToUndo));
    let undone: Vec<_> = at.ledger.audit(9).iter().map(|row| row.undone).collect();
    assert_eq!(undone, [false, false, true, true], "two undos, two pauses taken back");
}

#[test]
fn a_resume_taken_back_leaves_the_pause() {
    let at = At::noon();
    at.ledger.pause("sofia", at.minutes(60), &ana()).unwrap();
    at.ledger.resume("sofia", &ana()).unwrap();
    assert_eq!(undo(&at).unwrap(), "resume");
    assert_eq!(at.sofia().paused_until, Some(on_monday("13:00")));
}

#[test]
fn granted_time_taken_back_leaves_what_was_granted_before() {
    let at = At::noon();
    let half = Duration::from_secs(30 * 60);
    at.ledger.free("sofia", half, &ana()).unwrap();
    at.ledger.free("sofia", half, &ana()).unwrap();
    undo(&at).unwrap();
    assert_eq!(at.sofia().freed_until, Some(on_monday("12:30")));
    undo(&at).unwrap();
    assert_eq!(at.sofia().freed_until, None);
}

#[test]
fn a_word_taken_back_leaves_the_word_before_it() {
    let at = At::noon();
    at.ledger.close_word("sofia", "games", at.minutes(60), &ana()).unwrap();
    at.ledger.open_word("sofia", "games", at.minutes(60), &ana()).unwrap();
    assert_eq!(undo(&at).unwrap(), "allow games");
    assert_eq!(at.words(), (vec![], vec![tag("games")]));
    assert_eq!(undo(&at).unwrap(), "block games");
    assert_eq!(at.words(), (vec![], vec![]));
}

#[test]
fn what_ran_out_is_passed_over() {
    let at = At::noon();
    at.ledger.close_word("sofia", "games", at.minutes(600), &ana()).unwrap();
    at.ledger.pause("sofia", at.minutes(10), &ana()).unwrap();
    at.wait(10);
    assert_eq!(undo(&at).unwrap(), "block games");
}

#[test]
fn what_was_overtaken_by_what_ran_out_does_not_come_back() {
    let at = At::noon();
    at.ledger.close_word("sofia", "games", at.minutes(600), &ana()).unwrap();
    at.ledger.open_word("sofia", "games", at.minutes(10), &ana()).unwrap();
    at.wait(10);
    assert_eq!(undo(&at), Err(Refusal::NothingToUndo));
    assert_eq!(at.words(), (vec![], vec![]));
}

#[test]
fn what_stood_before_comes_back_only_while_it_would_stand() {
    let at = At::noon();
    at.ledger.pause("sofia", at.minutes(10), &ana()).unwrap();
    at.ledger.pause("sofia", at.minutes(60), &ana()).unwrap();
    at.wait(20);
    assert_eq!(undo(&at).unwrap(), "pause");
    assert_eq!(at.sofia().paused_until, None);
    assert_eq!(undo(&at), Err(Refusal::NothingToUndo));
}

#[test]
fn a_bonus_taken_back_is_subtracted() {
    let at = At::noon();
    let minutes = || at.ledger.usage(&at.home, SOFIA)[GAMES].minutes;
    at.ledger.bonus(&at.home, "sofia", "games", 15, &ana()).unwrap();
    at.ledger.bonus(&at.home, "sofia", "games", 20, &ana()).unwrap();
    assert_eq!(minutes(), Some(95));
    assert_eq!(undo(&at).unwrap(), "bonus games");
    assert_eq!(minutes(), Some(75));
    at.wait(24 * 60);
    assert_eq!(undo(&at), Err(Refusal::NothingToUndo), "yesterday's is over");
}

#[test]
fn an_answer_taken_back_lets_the_request_wait_again() {
    let at = At::noon();
    let request = at.ledger.ask("sofia", None, "site.com", "homework").unwrap();
    let yes = Answer { approve: true, span: Some(at.minutes(60)), ..Answer::default() };
    at.ledger.answer(request.id, yes, &ana()).unwrap();
    assert_eq!(at.words().0.len(), 1);
    assert_eq!(undo(&at).unwrap(), "approve site.com");
    assert_eq!(at.words().0.len(), 0);
    assert_eq!(at.ledger.requests(), std::slice::from_ref(&request));
    at.ledger.answer(request.id, Answer::default(), &ana()).unwrap();
    assert_eq!(undo(&at).unwrap(), "deny site.com");
    assert_eq!(at.ledger.requests()[0].state, RequestState::Waiting);
}

#[test]
fn what_stands_in_the_file_is_handed_back() {
    let at = At::noon();
    at.ledger.pause("sofia", at.minutes(60), &ana()).unwrap();
    let done = wrote(&at, &written("site.com"));
    assert_eq!(undo(&at).unwrap(), format!("file site.com {}", done.id));
    assert_eq!(undo(&at).unwrap(), format!("file site.com {}", done.id), "until it is done");
    at.ledger.mark_undone(done.id, &ana());
    let rows = at.ledger.audit(2);
    assert_eq!((rows[0].action.as_str(), rows[0].what.as_deref()), ("undo", Some("site.com")));
    assert!(rows[1].undone);
    assert_eq!(undo(&at).unwrap(), "pause");
}

#[test]
fn a_file_that_is_another_one_since_is_passed_over() {
    let at = At::noon();
    at.ledger.pause("sofia", at.minutes(60), &ana()).unwrap();
    let done = wrote(&at, &written("site.com"));
    at.ledger.cannot_undo(done.id);
    assert_eq!(undo(&at).unwrap(), "pause");
}

#[test]
fn an_answer_for_good_goes_back_with_the_file() {
    let at = At::noon();
    let request = at.ledger.ask("sofia", None, "site.com", "").unwrap();
    let file = wrote(&at, &written("site.com"));
    let yes = Answer { approve: true, ..Answer::default() };
    at.ledger.answer(request.id, yes, &ana()).unwrap();
    assert_eq!(undo(&at).unwrap(), format!("file site.com {}", file.id));
    at.ledger.mark_undone(file.id, &ana());
    assert_eq!(at.ledger.requests()[0].state, RequestState::Waiting);
    assert_eq!(undo(&at), Err(Refusal::NothingToUndo));
}

#[test]
fn only_the_last_changes_can_be_taken_back() {
    let at = At::noon();
    for place in 0..=UNDO_MAX {
        at.ledger.open_word("sofia", &format!("s{place}.com"), at.minutes(60), &ana()).unwrap();
    }
    for place in (1..=UNDO_MAX).rev() {
        assert_eq!(undo(&at).unwrap(), format!("allow s{place}.com"));
    }
    assert_eq!(undo(&at), Err(Refusal::NothingToUndo));
}

#[test]
fn what_a_child_does_is_not_taken_back() {
    let at = At::noon();
    let sofia = by("sofia", Via::Child);
    at.ledger.ask("sofia", None, "site.com", "").unwrap();
    at.ledger.start(&at.home, "sofia", "youtube", &sofia).unwrap();
    assert_eq!(undo(&at), Err(Refusal::NothingToUndo));
}
