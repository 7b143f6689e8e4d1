//! The daemon's side of keeping lists fresh: their servers are found by asking the household's own
//! upstreams, and what came is put into force.
//!
//! The fetching itself is [`crate::update`]'s, in a thread of its own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::watch;

use super::Shared;
use super::commands::stopped;
use crate::control::ListProgress;
use crate::dns::records::{HEADER_OCTETS, Records, Section, rtype, skip_name, u16_at};
use crate::dns::upstream::{Ask, Upstreams};
use crate::dns::wire::{CLASS_IN, rcode};
use crate::dns::{Resolver, State};
use crate::name::Name;
use crate::update::fetch::Addresses;
use crate::update::{Fresh, News, Settings, Updater, Wanted};

/// Finds servers by asking the household's upstreams: the system may ask us, who would have to
/// know already what is to be fetched.
#[derive(Clone)]
pub struct OwnUpstreams {
    state: Arc<dyn Fn() -> Arc<State> + Send + Sync>,
    /// Where the asking runs: connections to upstreams outlive who asks.
    runtime: Handle,
}

/// What keeps the lists of a daemon fresh.
pub(super) struct Updates {
    updater: Updater,
    fresh: Arc<Fresh>,
}

/// Puts new copies into force as they come, until told to stop.
pub(super) async fn run(shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = stopped(&mut stop) => return,
            () = shared.updates.fresh.due() => {}
        }
        tokio::select! {
            () = stopped(&mut stop) => return,
            () = shared.reload_lists() => {}
        }
    }
}

/// What is told of a fetch, as the control socket says it.
#[must_use]
pub fn progress_of(news: &News) -> ListProgress {
    match news {
        News::Progress { list, octets, of } => {
            ListProgress { list: list.clone(), octets: *octets, of: *of, is_over: false }
        }
        News::Over { list, .. } => {
            ListProgress { list: list.clone(), octets: 0, of: None, is_over: true }
        }
    }
}

// === impl Updates ===

impl Updates {
    /// Starts the thread.
    pub(super) fn start(resolver: &Arc<Resolver>, settings: Settings) -> std::io::Result<Self> {
        let wanted = Wanted::of(&resolver.state().house.config);
        let resolver = Arc::clone(resolver);
        let addresses = OwnUpstreams::new(move || resolver.state(), Handle::current());
        let fresh = Arc::new(Fresh::default());
        let updater = Updater::start(addresses, settings, wanted, Arc::clone(&fresh))?;
        Ok(Updates { updater, fresh })
    }

    /// The thread.
    pub(super) fn updater(&self) -> &Updater {
        &self.updater
    }

    /// Whether there are copies that are not in force; whoever asks puts them into force.
    pub(super) fn take(&self) -> bool {
        self.fresh.take()
    }
}

// === impl OwnUpstreams ===

impl OwnUpstreams {
    /// Asks the upstreams of this state, on this runtime.
    pub fn new(state: impl Fn() -> Arc<State> + Send + Sync + 'static, runtime: Handle) -> Self {
        OwnUpstreams { state: Arc::new(state), runtime }
    }
}

impl Addresses for OwnUpstreams {
    async fn of(&self, host: &str) -> Result<Vec<IpAddr>, String> {
        let name = Name::parse(host).map_err(|why| why.to_string())?;
        let state = (self.state)();
        let asking = self.runtime.spawn(async move {
            let upstreams = state.upstreams_for(&name);
            tokio::join!(ask(upstreams, &name, rtype::A), ask(upstreams, &name, rtype::AAAA))
        });
        let (v4, v6) = asking.await.map_err(|_| "amparo is stopping".to_owned())?;
        match (v4, v6) {
            (Ok(v4), Ok(v6)) if v4.is_empty() && v6.is_empty() => {
                Err("it has no address".to_owned())
            }
            (Err(why), Ok(others)) | (Ok(others), Err(why)) if others.is_empty() => Err(why),
            (Err(why), Err(_)) => Err(why),
            // IPv4 first: more homes have that whole.
            (v4, v6) => Ok([v4.unwrap_or_default(), v6.unwrap_or_default()].concat()),
        }
    }
}

/// The addresses of one family that a name has, of those it leads to.
async fn ask(upstreams: &Upstreams, name: &Name, qtype: u16) -> Result<Vec<IpAddr>, String> {
    let ask = Ask::of_our_own(name, qtype);
    let answer = upstreams.ask(ask).await.map_err(|failure| failure.to_string())?;
    addresses_in(&answer, qtype)
}

/// The addresses in an answer.
fn addresses_in(answer: &[u8], qtype: u16) -> Result<Vec<IpAddr>, String> {
    let code = u16_at(answer, 2).unwrap_or(0) & 0xf;
    match code {
        rcode::NOERROR => {}
        rcode::NXDOMAIN => return Err("there is no such name".to_owned()),
        code => return Err(format!("the upstream's answer is an error ({code})")),
    }
    let question_end = skip_name(answer, HEADER_OCTETS).map_err(|error| error.to_string())? + 4;
    let records = Records::new(answer, question_end).filter_map(Result::ok);
    let wanted = records.filter(|record| {
        record.section == Section::Answer && record.rtype == qtype && record.class == CLASS_IN
    });
    let address = |octets: &[u8]| match octets.len() {
        4 => <[u8; 4]>::try_from(octets).ok().map(|octets| Ipv4Addr::from(octets).into()),
        16 => <[u8; 16]>::try_from(octets).ok().map(|octets| Ipv6Addr::from(octets).into()),
        _ => None,
    };
    Ok(wanted.filter_map(|record| address(&answer[record.data])).collect())
}
