//! What a parent does for a while: pauses, grants, words opened and closed, requests, and taking
//! it back.
//!
//! Each change is made in the ledger, written to the disk, put into force, and only then told.
//! What is for good goes into the config file instead, by the same way as a parent's editor.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{Shared, blocking};
use crate::clients::{Address, Mac};
use crate::config::edit::{self, Change, Edit, Edited};
use crate::config::{self, Origin, System};
use crate::control::{
    Answer, AuditRow, BudgetStatus, Changed, FamilyCommand, RequestStatus, Until,
};
use crate::dns::State;
use crate::inspect;
use crate::ledger::{self, Actor, Permanent, Refusal, RequestState, Span, Undone, Written};
use crate::policy::budget::BudgetMode;
use crate::policy::rules::{SubjectId, SubjectKind, What};
use crate::words::{self, Language, devices, family as say};

/// How long what is approved without a span stays open.
const APPROVED_FOR: Duration = Duration::from_secs(60 * 60);
/// What a child writes to ask for time.
const TIME: &str = ledger::TIME_WORD;
/// Where the config file's last versions are kept, in the state directory.
const BACKUPS: &str = "config";

/// Whom a command is about.
struct Person<'a> {
    state: &'a State,
    subject: SubjectId,
}

/// Does what is told.
pub(super) async fn obey(command: FamilyCommand, shared: &Arc<Shared>, by: Actor) -> Answer {
    match change(command, shared, by).await {
        Ok(answer) => answer,
        Err(sentence) => Answer::Failed(sentence),
    }
}

async fn change(command: FamilyCommand, shared: &Arc<Shared>, by: Actor) -> Result<Answer, String> {
    // What ran out until now, and a clock that was set, comes first. What cannot be kept of that is
    // told by `amparo status`.
    let _ = shared.remember().await;
    let state = shared.resolver.state();
    let (ledger, now) = (&shared.ledger, shared.clock.now());
    let household = &state.house.policy.household;
    let language = household.language;
    let who = |child: &str| Person::find(&state, shared, child);
    let (person, done, text) = match command {
        FamilyCommand::Pause { child, until } => {
            let person = who(&child)?;
            let Some(span) = person.span(until, now)? else {
                return Err(say::PAUSE_FOR_GOOD.in_language(language).to_owned());
            };
            let done = refused(ledger.pause(person.id(), span, &by), language)?;
            let text = say::PAUSED.fill(language, &person.until(done.until, now), person.label());
            (person, done, text)
        }
        FamilyCommand::Resume { child } => {
            let person = who(&child)?;
            let done = refused(ledger.resume(person.id(), &by), language)?;
            let text = say::RESUMED.fill(language, "", person.label());
            (person, done, text)
        }
        FamilyCommand::Grant { child, seconds, budget: None } => {
            let person = who(&child)?;
            let length = Duration::from_secs(seconds);
            let done = refused(ledger.free(person.id(), length, &by), language)?;
            let text = say::FREED.fill(language, &person.until(done.until, now), person.label());
            (person, done, text)
        }
        FamilyCommand::Grant { child, seconds, budget: Some(budget) } => {
            let person = who(&child)?;
            let minutes = u32::try_from(seconds.div_ceil(60)).unwrap_or(u32::MAX);
            let done = ledger.bonus(household, person.id(), &budget, minutes, &by);
            let done = person.of_budget(done)?;
            let more = format!("{} +{minutes} min", person.called(&budget));
            let text = say::MORE_TODAY.fill(language, &more, person.label());
            (person, done, text)
        }
        FamilyCommand::Allow { what, child, until } => {
            return word(shared, &who(&child)?, &what, true, until, &by).await;
        }
        FamilyCommand::Block { what, child, until } => {
            return word(shared, &who(&child)?, &what, false, until, &by).await;
        }
        FamilyCommand::Start { child, budget } => {
            let person = who(&child)?;
            let done = person.of_budget(ledger.start(household, person.id(), &budget, &by))?;
            let text = say::STARTED.fill(language, &person.called(&budget), person.label());
            (person, done, text)
        }
        FamilyCommand::Stop { child, budget } => {
            let person = who(&child)?;
            let done = person.of_budget(ledger.stop(household, person.id(), &budget, &by))?;
            let text = say::STOPPED.fill(language, &person.called(&budget), person.label());
            (person, done, text)
        }
        FamilyCommand::Assign { device, child } => {
            return assign(shared, &who(&child)?, &device, &by).await;
        }
        FamilyCommand::Forget { device } => return forget(shared, &state, &device, &by).await,
        FamilyCommand::Undo => return undo(shared, &by).await,
        FamilyCommand::Answer { id, approve, until, what, note } => {
            return answer(shared, id, approve, until, what, note, &by).await;
        }
        FamilyCommand::Ask { child, what, reason } => {
            let person = who(&child)?;
            let asked = if what == TIME { what } else { person.word(&what)? };
            let request = refused(ledger.ask(person.id(), None, &asked, &reason), language)?;
            shared.remember().await?;
            return Ok(super::commands::done(&request_status(&state, &request)));
        }
        FamilyCommand::Requests => {
            let requests = ledger.requests();
            let requests: Vec<_> = requests.iter().map(|one| request_status(&state, one)).collect();
            return Ok(super::commands::done(&requests));
        }
        FamilyCommand::Audit { limit } => {
            let rows = ledger.audit(limit);
            let rows: Vec<_> = rows.iter().map(|row| audit_row(&state, row)).collect();
            return Ok(super::commands::done(&rows));
        }
        FamilyCommand::Week { child } => {
            let person = who(&child)?;
            let passing = state.passing();
            let week = inspect::week(&state.house.policy, person.subject, now, &passing);
            return Ok(super::commands::done(&week));
        }
    };
    shared.remember().await?;
    Ok(super::commands::done(&person.changed(&done, text)))
}

/// Opens or closes a word for somebody: for a while in the ledger, for good in the config file.
async fn word(
    shared: &Arc<Shared>,
    person: &Person<'_>,
    word: &str,
    allow: bool,
    until: Until,
    by: &Actor,
) -> Result<Answer, String> {
    let language = person.language();
    let word = person.word(word)?;
    let now = shared.clock.now();
    let sentence = if allow { &say::OPENED } else { &say::CLOSED };
    let text = sentence.fill(language, &person.called(&word), person.label());
    let Some(span) = person.span(until, now)? else {
        let what = if allow { Permanent::Allow } else { Permanent::Block };
        let (done, ending) = write(shared, person, &word, what, by).await?;
        let text = format!("{text}{}", ending.in_language(language));
        return Ok(super::commands::done(&person.changed(&done, text)));
    };
    let made = if allow {
        shared.ledger.open_word(person.id(), &word, span, by)
    } else {
        shared.ledger.close_word(person.id(), &word, span, by)
    };
    let done = refused(made, language)?;
    shared.remember().await?;
    let text = format!("{text} {}", person.until(done.until, now));
    Ok(super::commands::done(&person.changed(&done, text)))
}

/// Says whose a device is.
async fn assign(
    shared: &Arc<Shared>,
    person: &Person<'_>,
    device: &str,
    by: &Actor,
) -> Result<Answer, String> {
    let language = person.language();
    let id = device_of(shared, device);
    let (done, ending) = write(shared, person, &id, Permanent::Assign, by).await?;
    // Whoever it is now is told no more that it is new.
    shared.roster.told(&id);
    let mut text = devices::ASSIGNED.fill(language, &id, person.label());
    text.push_str(ending.in_language(language));
    if inspect::mac_of(&id).is_some_and(Mac::is_random) {
        text.push_str(devices::ASSIGNED_PRIVATE.in_language(language));
    }
    Ok(super::commands::done(&person.changed(&done, text)))
}

/// Forgets what is known of a device. What the file says of it stays.
async fn forget(
    shared: &Arc<Shared>,
    state: &State,
    device: &str,
    by: &Actor,
) -> Result<Answer, String> {
    let language = state.house.policy.household.language;
    let id = device_of(shared, device);
    let known = shared.devices(state).into_iter().find(|known| known.id == id);
    if !shared.roster.forget(&id) {
        return Err(devices::NO_SUCH_DEVICE.fill(language, &device.escape_debug().to_string(), ""));
    }
    let done = shared.ledger.note("forget", None, Some(&id), by);
    shared.remember().await?;
    let mut text = devices::FORGOTTEN.fill(language, &id, "");
    let child = known.and_then(|known| known.child);
    if let Some(child) = &child {
        let who = inspect::label(&state.house.policy.household, child);
        text.push_str(&devices::STILL_IN_FILE.fill(language, "", &who));
    }
    let changed = Changed { v: inspect::JSON_VERSION, id: done.id, child, until: None, text };
    Ok(super::commands::done(&changed))
}

/// The device that a person means: of an address, the hardware address behind it, which stays.
fn device_of(shared: &Shared, device: &str) -> String {
    let device = device.trim();
    match device.parse() {
        Ok(Address::Net(address, _)) => {
            let mac = shared.resolver.neighbours().mac_of(address);
            mac.map_or_else(|| device.to_owned(), |mac| mac.to_string())
        }
        Ok(address @ (Address::Mac(_) | Address::Host(_) | Address::Id(_))) => address.to_string(),
        // What it is not is said where it is written.
        Err(_) => device.to_owned(),
    }
}

/// Writes a word or a device into the config file and puts the file into force.
async fn write(
    shared: &Arc<Shared>,
    person: &Person<'_>,
    word: &str,
    what: Permanent,
    by: &Actor,
) -> Result<(ledger::Done, &'static words::Words), String> {
    let language = person.language();
    let file = shared.config_file().map(PathBuf::from);
    let file = file.ok_or_else(|| say::NO_FILE.in_language(language).to_owned())?;
    let _one_at_a_time = shared.editing.lock().await;
    let backups = shared.state_directory.join(BACKUPS);
    let (id, now) = (person.id().to_owned(), shared.clock.now());
    let written = blocking({
        let (id, word) = (id.clone(), word.to_owned());
        move || write_now(&file, (&id, &word, what), &backups, now)
    });
    let written = written.await?;
    let ending = if written.is_some() { &say::WRITTEN } else { &say::ALREADY_SO };
    if written.is_some() {
        shared.reload().await?;
    }
    let done = shared.ledger.for_good(&id, word, what, written.as_ref(), by);
    shared.remember().await?;
    Ok((done, ending))
}

/// Writes a change into the file; none: it says so already.
fn write_now(
    file: &Path,
    (person, word, what): (&str, &str, Permanent),
    backups: &Path,
    now: Timestamp,
) -> Result<Option<Written>, String> {
    let before = config::read_file(file)
        .map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    let origin = Origin::File(file.to_owned());
    let change = match what {
        Permanent::Allow => Change::Allow,
        Permanent::Block => Change::Block,
        Permanent::Assign => Change::Device,
    };
    let edit = Edit { person, word, change };
    let edited = edit::apply(&before, &edit, &System::detect(), &origin);
    let after = match edited.map_err(|wrong| wrong.to_string())? {
        Edited::AlreadySo => return Ok(None),
        Edited::Changed(after) => after,
    };
    let backup = edit::write(file, &before, &after, backups, now);
    let backup = backup.map_err(|wrong| wrong.to_string())?;
    Ok(Some(Written {
        child: person.to_owned(),
        word: word.to_owned(),
        what,
        before_hash: edit::fingerprint(&before),
        after_hash: backup.now,
        backup: backup.path.display().to_string(),
    }))
}

/// Takes back the last change that was not taken back yet.
async fn undo(shared: &Arc<Shared>, by: &Actor) -> Result<Answer, String> {
    let state = shared.resolver.state();
    let language = state.house.policy.household.language;
    let (child, action, word, done) = match refused(shared.ledger.undo(by), language)? {
        Undone::Done { what: row, done } => (row.child, row.action, row.what, done),
        Undone::File(written, id) => {
            let file = shared.config_file().map(PathBuf::from);
            let file = file.ok_or_else(|| say::NO_FILE.in_language(language).to_owned())?;
            let _one_at_a_time = shared.editing.lock().await;
            let now = shared.clock.now();
            let backups = shared.state_directory.join(BACKUPS);
            let Written { child, word, after_hash, backup, what, .. } = written;
            let restored = blocking(move || {
                let (backup, system) = (PathBuf::from(backup), System::detect());
                edit::restore(&file, &after_hash, &backup, &backups, &system, now)
            });
            if let Err(wrong) = restored.await {
                // The one before it can be taken back all the same, the next time.
                shared.ledger.cannot_undo(id);
                return Err(wrong.to_string());
            }
            shared.reload().await?;
            (Some(child), what.word().to_owned(), Some(word), shared.ledger.mark_undone(id, by))
        }
    };
    shared.remember().await?;
    // The file may have been read anew since.
    let household = &shared.resolver.state().house.policy.household;
    let mut what = words::time::action(&action)
        .map_or(action.as_str(), |words| words.in_language(language))
        .to_owned();
    if let Some(word) = word {
        what = format!("{what} {}", inspect::word_label(household, &word));
    }
    let who = child.as_deref().map(|id| inspect::label(household, id)).unwrap_or_default();
    let text = say::UNDONE.fill(language, &what, &who);
    let changed = Changed { v: inspect::JSON_VERSION, id: done.id, child, until: None, text };
    Ok(super::commands::done(&changed))
}

/// Says yes or no to a request.
async fn answer(
    shared: &Arc<Shared>,
    id: u64,
    approve: bool,
    until: Option<Until>,
    word: Option<String>,
    note: Option<String>,
    by: &Actor,
) -> Result<Answer, String> {
    let state = shared.resolver.state();
    let language = state.house.policy.household.language;
    let requests = shared.ledger.requests();
    let request = requests.into_iter().find(|request| request.id == id);
    let request = refused(request.ok_or(Refusal::NoSuchRequest), language)?;
    // Before anything is written into the file for it.
    if request.state != RequestState::Waiting {
        return refused(Err(Refusal::AnsweredAlready), language);
    }
    let person = Person::find(&state, shared, &request.child)?;
    let now = shared.clock.now();
    let word = match word {
        Some(word) if word != TIME => person.word(&word)?,
        Some(word) => word,
        None => request.word.clone(),
    };
    let sentence = if approve { &say::APPROVED } else { &say::DENIED };
    let mut text = sentence.fill(language, &person.called(&word), person.label());
    let until = until.unwrap_or(Until::For(APPROVED_FOR.as_secs()));
    let span = if approve { person.span(until, now)? } else { None };
    if approve && span.is_none() {
        if word == TIME {
            return refused(Err(Refusal::TimeForGood), language);
        }
        let (_, ending) = write(shared, &person, &word, Permanent::Allow, by).await?;
        text.push_str(ending.in_language(language));
    }
    let answer = ledger::Answer { approve, word: Some(word), span, note };
    let done = refused(shared.ledger.answer(id, answer, by), language)?;
    shared.remember().await?;
    if done.until.is_some() {
        text = format!("{text} {}", person.until(done.until, now));
    }
    Ok(super::commands::done(&person.changed(&done, text)))
}

/// How far somebody's budgets are used today.
pub(super) fn budgets(shared: &Shared, state: &State, subject: SubjectId) -> Vec<BudgetStatus> {
    let household = &state.house.policy.household;
    let rules = &state.house.policy.subject(subject).rules;
    let (_, used_up) = state.moment(shared.clock.now()).budgets(subject);
    let usage = shared.ledger.usage(household, subject);
    let person = Person { state, subject };
    let of_budget = rules.budgets.iter().zip(usage).enumerate();
    of_budget
        .map(|(place, (budget, usage))| BudgetStatus {
            budget: budget.id.clone(),
            label: person.called(&budget.id),
            mode: match budget.mode {
                BudgetMode::Measured => "measured",
                BudgetMode::Started => "started",
            }
            .to_owned(),
            minutes: usage.minutes,
            used: usage.used,
            left: usage.left,
            is_running: usage.is_running,
            is_closed: used_up.contains(place),
        })
        .collect()
}

// === impl Person ===

impl<'a> Person<'a> {
    fn find(state: &'a State, shared: &Shared, who: &str) -> Result<Self, String> {
        let around = shared.resolver.around();
        let (subject, _) = inspect::whom(&state.house, around, Some(who))?;
        match state.house.policy.subject(subject).kind {
            SubjectKind::Child | SubjectKind::Adult => Ok(Person { state, subject }),
            // An address of nobody's: it has no rules of its own that could be changed.
            SubjectKind::Unknown => Err(say::NOBODYS.fill(
                state.house.policy.household.language,
                &who.escape_debug().to_string(),
                "",
            )),
        }
    }

    fn id(&self) -> &'a str {
        &self.state.house.policy.subject(self.subject).id
    }

    fn label(&self) -> &'a str {
        &self.state.house.policy.subject(self.subject).label
    }

    fn language(&self) -> Language {
        self.state.house.policy.household.language
    }

    /// A word as the config file has it; `internet` is none that is opened or closed by name.
    fn word(&self, text: &str) -> Result<String, String> {
        let text = text.trim();
        match config::what(text, &self.state.house.policy.household.tags)? {
            What::Everything => Err(say::NOT_EVERYTHING.in_language(self.language()).to_owned()),
            What::Tag(_) | What::Name(..) => Ok(text.to_lowercase()),
        }
    }

    /// What a word is called.
    fn called(&self, word: &str) -> String {
        inspect::word_label(&self.state.house.policy.household, word)
    }

    /// What came of a change of a budget; where there is none of that word, those there are.
    fn of_budget<T>(&self, made: Result<T, Refusal>) -> Result<T, String> {
        let language = self.language();
        match made {
            Err(Refusal::NoSuchBudget) => {
                let rules = &self.state.house.policy.subject(self.subject).rules;
                let budgets: Vec<&str> = rules.budgets.iter().map(|one| one.id.as_str()).collect();
                Err(if budgets.is_empty() {
                    say::NO_BUDGETS.fill(language, "", self.label())
                } else {
                    say::BUDGETS_ARE.fill(language, &budgets.join(", "), self.label())
                })
            }
            made => refused(made, language),
        }
    }

    /// The stretch of time that is meant; none: for good.
    fn span(&self, until: Until, now: Timestamp) -> Result<Option<Span>, String> {
        let language = self.language();
        let (until, is_length) = match until {
            Until::Always => return Ok(None),
            Until::For(seconds) => {
                let length = i64::try_from(seconds).unwrap_or(i64::MAX);
                let length = jiff::SignedDuration::from_secs(length);
                (now.saturating_add(length).unwrap_or(Timestamp::MAX), true)
            }
            Until::At(until) => (until, false),
            Until::Bedtime => {
                let bedtime = self.state.house.policy.next_bedtime(self.subject, now);
                let none = || say::NO_BEDTIME.fill(language, "", self.label());
                (bedtime.ok_or_else(none)?, false)
            }
        };
        if until <= now {
            return refused(Err(Refusal::Past), language);
        }
        Ok(Some(Span { until, is_length }))
    }

    /// "until 21:30", on this one's clock.
    fn until(&self, until: Option<Timestamp>, now: Timestamp) -> String {
        let Some(until) = until else { return String::new() };
        let zone = &self.state.house.policy.subject(self.subject).zone;
        let (until, now) = (until.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
        let moment = say::moment(self.language(), &until, &now);
        words::time::UNTIL.fill(self.language(), &moment, "")
    }

    fn changed(&self, done: &ledger::Done, text: String) -> Changed {
        Changed {
            v: inspect::JSON_VERSION,
            id: done.id,
            child: Some(self.id().to_owned()),
            until: done.until.map(|at| inspect::local_time(&self.state.house, at)),
            text,
        }
    }
}

fn refused<T>(made: Result<T, Refusal>, language: Language) -> Result<T, String> {
    made.map_err(|refusal| refusal.words().in_language(language).to_owned())
}

fn request_status(state: &State, request: &ledger::Request) -> RequestStatus {
    let local = |at: Timestamp| inspect::local_time(&state.house, at);
    RequestStatus {
        v: inspect::JSON_VERSION,
        id: request.id,
        child: request.child.clone(),
        what: request.word.clone(),
        reason: request.reason.clone(),
        at: local(request.at),
        count: request.count,
        state: request.state.word().to_owned(),
        answered: request.answered.map(local),
        until: request.until.map(local),
        note: request.note.clone(),
    }
}

fn audit_row(state: &State, row: &ledger::AuditEntry) -> AuditRow {
    let local = |at: Timestamp| inspect::local_time(&state.house, at);
    AuditRow {
        v: inspect::JSON_VERSION,
        id: row.id,
        at: local(row.at),
        who: row.who.clone(),
        via: row.via.word().to_owned(),
        action: row.action.clone(),
        child: row.child.clone(),
        what: row.what.clone(),
        until: row.until.map(local),
        undone: row.undone,
    }
}
