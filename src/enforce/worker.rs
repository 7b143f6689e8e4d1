//! The thread that tells what to cut: one telling at a time, in order.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tracing::{info, warn};

use super::handed::{Handed, Order};
use super::hook::{Failure, Program};
use super::{AddressesOf, IsClosed, Shared, nft};
use crate::clock::{Clock, Tick};
use crate::config::{EnforceSettings, NftablesSet};
use crate::words::Words;

/// Lines told at once: what `nft` takes in far less than its time, and a shell script too.
const LINES_MAX: usize = 2_048;
/// How long to wait before telling again what could not be told.
const RETRY_AFTER: Duration = Duration::from_millis(RETRY_AFTER_MILLIS);
/// The same in milliseconds.
const RETRY_AFTER_MILLIS: u64 = 30_000;
/// How often that is tried, before it waits for the next change: a router that restarts takes two
/// minutes.
const RETRIES_MAX: u32 = 5;
/// The program that fills sets.
const NFT: &str = "nft";
/// The places among the troubles.
const COMMAND: usize = 0;
const NFTABLES: usize = 1;

/// What the thread has at hand.
pub(super) struct Worker {
    command: Option<Program>,
    nftables: Option<Nftables>,
    handed: Arc<Handed>,
    clock: Clock,
    addresses_of: AddressesOf,
    shared: Arc<Shared>,
}

struct Nftables {
    program: Program,
    set: NftablesSet,
    /// Whether what was in the sets from before is out.
    is_flushed: bool,
}

/// Something is to be told again.
struct Retry {
    at: Tick,
    left: u32,
}

impl Worker {
    pub(super) fn new(
        settings: &EnforceSettings,
        handed: Arc<Handed>,
        clock: Clock,
        addresses_of: AddressesOf,
        shared: Arc<Shared>,
    ) -> Self {
        let EnforceSettings { command, nftables_set } = settings;
        let nftables = nftables_set.as_ref().map(|set| Nftables {
            program: Program { words: [NFT, "-f", "-"].map(str::to_owned).to_vec() },
            set: set.clone(),
            is_flushed: false,
        });
        let command = command.as_ref().map(|words| Program { words: words.clone() });
        Worker { command, nftables, handed, clock, addresses_of, shared }
    }

    pub(super) fn run(mut self) {
        self.handed.begin(std::thread::current());
        self.look_for_command();
        // What was said last is kept: what could not be told is tried again by it.
        let mut is_closed: Option<IsClosed> = None;
        let mut retry: Option<Retry> = Some(Retry { at: self.clock.tick(), left: RETRIES_MAX });
        while !self.shared.ending.load(Ordering::Acquire) {
            let (fresh, asked) = {
                let mut mail = self.shared.lock();
                (mail.is_closed.take(), mail.asked)
            };
            let now = self.clock.tick();
            let is_due = retry.as_ref().is_some_and(|retry| retry.at <= now);
            let left = if fresh.is_some() {
                RETRIES_MAX
            } else {
                retry.as_ref().map_or(RETRIES_MAX, |retry| retry.left)
            };
            let let_go = self.handed.let_go();
            let mut is_told = let_go.is_empty() || self.tell_all(let_go);
            if fresh.is_some() || is_due {
                is_closed = fresh.or(is_closed);
                let orders = is_closed
                    .as_ref()
                    .map(|is_closed| self.handed.plan(now, is_closed, &self.addresses_of));
                is_told &= self.tell_all(orders.unwrap_or_default());
                retry = None;
            }
            if !is_told {
                let at = Tick(now.0 + RETRY_AFTER_MILLIS);
                retry = left.checked_sub(1).map(|left| Retry { at, left });
            }
            self.shared.lock().done = asked;
            self.shared.done.notify_all();
            match retry {
                Some(_) => std::thread::park_timeout(RETRY_AFTER),
                None => std::thread::park(),
            }
        }
        self.shared.lock().done = u64::MAX;
        self.shared.done.notify_all();
    }

    /// Says at once what would be said at the first boundary.
    fn look_for_command(&mut self) {
        let Some(program) = self.command.as_ref().and_then(|program| program.words.first()) else {
            return;
        };
        if program.contains('/') && !Path::new(program).is_file() {
            self.note(COMMAND, &program.clone(), Err(Failure::Missing));
        }
    }

    /// Tells everybody as much as they take at once; false when somebody did not hear.
    fn tell_all(&mut self, mut orders: Vec<Order>) -> bool {
        loop {
            let rest = orders.split_off(first_part(&orders));
            let is_done = self.tell(&orders);
            self.handed.settle(orders, is_done);
            if !is_done {
                self.handed.settle(rest, false);
                return false;
            }
            if rest.is_empty() {
                return true;
            }
            orders = rest;
        }
    }

    fn tell(&mut self, orders: &[Order]) -> bool {
        let by_set = self.fill_sets(orders);
        let by_command = self.tell_command(orders);
        let is_fine = !matches!(by_set, Some(Err(_))) && !matches!(by_command, Some(Err(_)));
        if let Some(outcome) = by_set {
            self.note(NFTABLES, NFT, outcome);
        }
        if let Some(outcome) = by_command {
            let words = self.command.as_ref().map(|program| program.words.as_slice());
            let program = words.and_then(<[String]>::first).cloned().unwrap_or_default();
            self.note(COMMAND, &program, outcome);
        }
        is_fine
    }

    /// None: there is nothing to say.
    fn fill_sets(&mut self, orders: &[Order]) -> Option<Result<(), Failure>> {
        let nftables = self.nftables.as_mut()?;
        let mut script =
            if nftables.is_flushed { String::new() } else { nft::flush(&nftables.set) };
        script += &nft::script(&nftables.set, orders.iter().map(|order| &order.line));
        if script.is_empty() {
            return None;
        }
        let outcome = nftables.program.run(&[], &script, &self.shared.ending);
        nftables.is_flushed |= outcome.is_ok();
        Some(outcome)
    }

    /// Once for each child. None: there is nothing to say.
    fn tell_command(&self, orders: &[Order]) -> Option<Result<(), Failure>> {
        let program = self.command.as_ref()?;
        let mut rest: Vec<&Order> = orders.iter().collect();
        let mut outcome = None;
        while let Some(subject) = rest.first().map(|order| order.subject.clone()) {
            let (of_child, others): (Vec<_>, Vec<_>) =
                rest.into_iter().partition(|order| order.subject == subject);
            let lines: Vec<String> = of_child.iter().map(|order| order.line.to_string()).collect();
            let input = lines.join("\n") + "\n";
            let child = subject.as_deref().unwrap_or_default();
            let told = program.run(&[("AMPARO_CHILD", child)], &input, &self.shared.ending);
            // That one child was not heard of must not keep the others from being cut.
            outcome = Some(outcome.unwrap_or(Ok(())).and(told));
            rest = others;
        }
        outcome
    }

    /// Keeps what is wrong for the status page, and says it in the log once.
    fn note(&self, place: usize, program: &str, outcome: Result<(), Failure>) {
        let trouble = outcome.err().map(|failure| sentence(program, &failure));
        let mut mail = self.shared.lock();
        if mail.troubles[place] == trouble {
            return;
        }
        if let Some(trouble) = &trouble {
            warn!("{}", trouble.en);
        } else {
            info!("`{program}` hears again what to cut");
        }
        mail.troubles[place] = trouble;
    }
}

/// How many orders are told at once: those of one address together, since they fail together.
fn first_part(orders: &[Order]) -> usize {
    let of_one = |a: &Order, b: &Order| a.device == b.device && a.line.address == b.line.address;
    let mut end = LINES_MAX.min(orders.len());
    while end > 0 && end < orders.len() && of_one(&orders[end - 1], &orders[end]) {
        end += 1;
    }
    end
}

/// What a person reads: what is wrong, and what holds meanwhile.
fn sentence(program: &str, failure: &Failure) -> Words {
    let es = match failure {
        Failure::Missing => "no está instalado".to_owned(),
        Failure::Unstarted(error) => format!("no se puede iniciar: {error}"),
        Failure::TooSlow => "no terminó a tiempo y se detuvo".to_owned(),
        Failure::TooLoud(said) => format!("se detuvo, porque no dejaba de quejarse: {said}"),
        Failure::Ending => "se detuvo, porque amparo termina".to_owned(),
        Failure::Failed(how) => format!("falló: {how}"),
    };
    Words {
        es: format!(
            "no se cortan las conexiones ya abiertas: `{program}`: {es}. Los nombres se cierran de \
             todos modos; revise `[enforce]` en el archivo de configuración"
        )
        .into(),
        en: format!(
            "connections that are open already are not cut: `{program}`: {failure}. Names are \
             closed all the same; look at `[enforce]` in the config file"
        )
        .into(),
    }
}
