//! What decides, without sockets: the config, the ledger and the policy, with the daemon's order
//! of things.

use std::time::Duration;

use amparo::clock::{Clock, Watch};
use amparo::config::{self, Origin, System};
use amparo::control::{FamilyCommand as Do, Until};
use amparo::house::{Copies, House};
use amparo::ledger::{Actor, Answer, Ledger, Span, TIME_WORD, Via};
use amparo::name::Name;
use amparo::policy::passing::Passing;
use amparo::policy::rules::SubjectId;
use amparo::policy::{Action, Moment};
use amparo::words::Language;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::Driven;
use super::model::ALIASES;
use crate::harness::Home;

pub(super) struct Core<'a> {
    /// One for each version of the config.
    houses: &'a [House; 2],
    version: usize,
    home: Home,
    clock: Clock,
    watch: Watch,
    is_lost: bool,
    ledger: Ledger,
    passing: Passing,
    moment: Moment,
}

/// The house of a config.
pub(super) fn house(text: &str) -> House {
    let text = text.replace("[household]", "[household]\npublic_lists = false");
    let home = Home::with(&text);
    let zone = TimeZone::get("America/Guatemala").expect("the zone is bundled");
    let system =
        System { language: Language::En, zone, zone_name: Some("America/Guatemala".to_owned()) };
    let checked = config::load(&text, &Origin::File(home.config()), &system)
        .unwrap_or_else(|report| panic!("{}", report.render(false)));
    House::open(checked.config, &home.state(), Copies::LookOnly)
}

fn parent() -> Actor {
    Actor { who: "ana".to_owned(), via: Via::Cli }
}

impl<'a> Core<'a> {
    pub(super) fn new(houses: &'a [House; 2], begins: Timestamp) -> Self {
        let clock = Clock::held(begins);
        let (home, watch) = (Home::new(), clock.watch());
        let ledger = Ledger::open(&home.state(), clock.clone());
        ledger.heartbeat(&clock.boot_id());
        let passing = Passing::default();
        let moment = houses[0].policy.moment_with(begins, &passing);
        let (version, is_lost) = (0, false);
        let mut core =
            Core { houses, version, home, clock, watch, is_lost, ledger, passing, moment };
        core.remember();
        core
    }

    fn house(&self) -> &'a House {
        &self.houses[self.version]
    }

    fn subject(&self, id: &str) -> SubjectId {
        let subjects = &self.house().policy.household.subjects;
        let place = subjects.iter().position(|subject| subject.id == id).expect("a child");
        SubjectId(u16::try_from(place).expect("few"))
    }

    /// What the daemon does whenever something changed or is due.
    fn remember(&mut self) {
        if let Some(by) = self.clock.drift(&mut self.watch) {
            self.ledger.step(by);
        }
        let policy = &self.house().policy;
        self.ledger.tick(&policy.household);
        self.passing = self.ledger.passing(&policy.household);
        self.moment = policy.moment_with(self.clock.now(), &self.passing);
    }

    /// Whether the ledger woke the daemon.
    async fn is_woken(&self) -> bool {
        tokio::select! {
            biased;
            () = self.ledger.changed() => true,
            () = std::future::ready(()) => false,
        }
    }

    fn span(&self, until: Until) -> Result<Span, String> {
        let now = self.clock.now();
        let (until, is_length) = match until {
            Until::For(seconds) => {
                (now + SignedDuration::from_secs(i64::try_from(seconds).expect("hours")), true)
            }
            Until::At(until) => (until, false),
            Until::Bedtime | Until::Always => panic!("not in this month"),
        };
        if until <= now {
            return Err("in the past".to_owned());
        }
        Ok(Span { until, is_length })
    }

    fn obey(&self, command: Do) -> Result<u64, String> {
        let (ledger, by) = (&self.ledger, &parent());
        let household = &self.house().policy.household;
        let done = match command {
            Do::Pause { child, until } => ledger.pause(&child, self.span(until)?, by),
            Do::Resume { child } => ledger.resume(&child, by),
            Do::Grant { child, seconds, budget: None } => {
                ledger.free(&child, Duration::from_secs(seconds), by)
            }
            Do::Grant { child, seconds, budget: Some(budget) } => {
                let minutes = u32::try_from(seconds.div_ceil(60)).expect("hours");
                ledger.bonus(household, &child, &budget, minutes, by)
            }
            Do::Allow { what, child, until } => {
                ledger.open_word(&child, &what, self.span(until)?, by)
            }
            Do::Block { what, child, until } => {
                ledger.close_word(&child, &what, self.span(until)?, by)
            }
            Do::Start { child, budget } => ledger.start(household, &child, &budget, by),
            Do::Stop { child, budget } => ledger.stop(household, &child, &budget, by),
            Do::Undo => return ledger.undo(by).map(|_| 0).map_err(|no| format!("{no:?}")),
            Do::Ask { child, what, reason } => {
                let word = if what == TIME_WORD { TIME_WORD } else { what.as_str() };
                let request = ledger.ask(&child, None, word, &reason);
                return request.map(|request| request.id).map_err(|no| format!("{no:?}"));
            }
            Do::Answer { id, approve, until, note, .. } => {
                let until = until.filter(|_| approve);
                let span = until.map(|until| self.span(until)).transpose()?;
                ledger.answer(id, Answer { approve, word: None, span, note }, by)
            }
            Do::Requests | Do::Audit { .. } | Do::Week { .. } => panic!("it changes nothing"),
            Do::Assign { .. } | Do::Forget { .. } => panic!("it is nothing of a while"),
        };
        done.map(|done| done.id).map_err(|no| format!("{no:?}"))
    }
}

impl Driven for Core<'_> {
    const CAN_LOSE_TIME: bool = true;

    async fn tell(&mut self, command: Do) -> Result<u64, String> {
        let told = self.obey(command);
        self.remember();
        told
    }

    async fn advance(&mut self, by: SignedDuration) {
        let household = &self.house().policy.household;
        let due = self.ledger.due(household).into_iter().chain([self.moment.until]).min();
        self.clock.advance(by);
        // Whatever is not due needs nobody who looks: every answer is right by itself.
        if due.is_some_and(|due| due <= self.clock.now()) {
            self.remember();
        }
    }

    async fn step(&mut self, by: SignedDuration) {
        self.clock.step(by);
        self.remember();
    }

    async fn reload(&mut self, version: usize) {
        self.version = version;
        self.remember();
    }

    async fn restart(&mut self) {
        self.ledger.save().expect("there is room");
        self.ledger = Ledger::open(&self.home.state(), self.clock.clone());
        self.ledger.set_time_unknown(self.is_lost);
        self.ledger.heartbeat(&self.clock.boot_id());
        self.remember();
    }

    async fn lose_time(&mut self, is_lost: bool) {
        self.is_lost = is_lost;
        self.ledger.set_time_unknown(is_lost);
        self.remember();
    }

    async fn is_closed(&mut self, id: &str, _: &str, name: &str) -> bool {
        let policy = &self.house().policy;
        let (subject, now) = (self.subject(id), self.clock.now());
        if !self.moment.holds_at(now) {
            self.moment = policy.moment_with(now, &self.passing);
        }
        let parsed = Name::parse(name).expect("a name");
        let verdict = policy.decide(subject, &parsed, &self.moment);
        if verdict.action == Action::Block {
            return true;
        }
        let target = ALIASES.iter().find(|(alias, _)| *alias == name).map(|(_, target)| *target);
        if let Some(target) = target.filter(|_| !verdict.is_final()) {
            let target = Name::parse(target).expect("a name");
            let judged = policy.judge_target(subject, &target, &self.moment);
            let closes = judged.is_some_and(|judged| judged.action == Action::Block);
            let chain = policy.chain([target].into_iter());
            // What is not judged one by one is open altogether.
            assert!(!closes || !policy.passes(subject, &chain, &self.moment), "{target}");
            if closes {
                return true;
            }
        }
        if !verdict.metered.is_empty() {
            self.ledger.touch(&policy.household, subject, verdict.metered);
            if self.is_woken().await {
                self.remember();
            }
        }
        false
    }

    async fn settle(&mut self) {
        if self.is_woken().await {
            self.remember();
        }
    }
}
