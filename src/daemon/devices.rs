//! Devices: who is on the network, what they call themselves, what is new or odd about them.
//!
//! Nothing here is on the way of a query: that knows a device by what is known already. Here it is
//! looked who is there, lease files are read, devices are asked what they call themselves, and what a
//! family may want to know becomes an event.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::watch;
use tracing::debug;

use super::commands::stopped;
use super::{Shared, blocking};
use crate::clients::hosts::Source;
use crate::clients::{Mac, Sighted, mdns};
use crate::clock::{Clock, Tick};
use crate::control::{EventStatus, SetupFinding, SignStatus};
use crate::dns::State;
use crate::dns::records::rtype;
use crate::dns::upstream::{Ask, Upstreams};
use crate::inspect::{self, DeviceStatus};
use crate::ledger::{Happening, SignSeen};
use crate::policy::rules::SubjectKind;
use crate::roster::{Finding, News, Present};
use crate::words::{Language, Words, devices as say};

/// How often it is looked who is there, beside whenever something happens.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// The pause after each look, so that a flood of events makes few of them.
const LOOK_PAUSE: Duration = Duration::from_secs(1);
/// How many events of new devices there may be in a day: more say that somebody makes them up.
const NEW_A_DAY_MAX: usize = 30;
/// How long a device is waited for that is asked what it calls itself.
const NAME_PATIENCE: Duration = Duration::from_secs(2);
/// How long a device is not asked again that did not tell, in milliseconds.
const NAME_AGAIN_MILLIS: u64 = 60 * 60 * 1000;
/// How many devices are asked in one look.
const NAMES_AT_ONCE: usize = 4;
/// How many devices it is remembered of when they were asked.
const NAMES_MAX: usize = crate::roster::DEVICES_MAX;

/// When each device was asked what it calls itself.
pub(super) type Named = HashMap<String, Tick>;

/// Looks who is there whenever something happens, until told to stop.
pub(super) async fn run(shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut named = Named::new();
    loop {
        shared.look_at_devices().await;
        tokio::select! {
            () = stopped(&mut stop) => return,
            () = ask_names(&shared, &mut named) => {}
        }
        let saved = blocking({
            let roster = Arc::clone(&shared.roster);
            move || roster.save_if_due()
        });
        if let Err(error) = saved.await {
            // `amparo status` tells it too.
            debug!(%error, "which devices there are cannot be saved");
        }
        let something = async {
            tokio::select! {
                () = shared.roster.noticed() => {}
                () = shared.resolver.neighbours().changed() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        };
        tokio::select! {
            () = stopped(&mut stop) => return,
            () = something => {}
        }
    }
}

impl Shared {
    /// Looks who is there, and tells what is new or odd.
    pub(super) async fn look_at_devices(&self) {
        self.read_leases().await;
        let state = self.resolver.state();
        let zone = &state.house.policy.household.zone;
        // The kernel is followed by the machine's clock, all else by the one that is held.
        let (machines, ours) = (Clock::System.tick(), self.clock.tick());
        let on_ours = |at: Tick| Tick(ours.0.saturating_sub(machines.millis_since(at)));
        let seen = self.resolver.neighbours().seen().into_iter();
        let present = seen.map(|seen| {
            let (id, mac) = (seen.mac.to_string(), Some(seen.mac));
            let host = best_address(&seen.addresses)
                .and_then(|address| self.resolver.hosts().of(address, mac));
            if let Some(host) = &host {
                self.roster.named(&id, host);
            }
            let (addresses, host) = (seen.addresses.as_slice(), host.as_deref());
            let sighted = Sighted { mac, addresses, host, id: None };
            let is_watched = state.watches(state.house.devices.whose(&sighted));
            let active = seen.awake.map(on_ours);
            Present { id, addresses: seen.addresses, active, is_watched }
        });
        let present: Vec<Present> = present.collect();
        self.roster.look(zone, &present);
        let news = self.roster.news();
        if news.is_empty() {
            return;
        }
        let devices = self.devices(&state);
        for one in news {
            let (News::New(id) | News::Odd(id)) = &one;
            let Some(device) = devices.iter().find(|device| device.id == *id) else { continue };
            match one {
                News::New(_) => self.tell_new(device),
                News::Odd(_) => self.tell_odd(&state, device),
            }
        }
    }

    /// Reads the lease files again, where they changed.
    pub(super) async fn read_leases(&self) {
        let (resolver, now) = (Arc::clone(&self.resolver), self.clock.now());
        blocking(move || resolver.leases().look(resolver.hosts(), now)).await;
    }

    /// Every device that was seen.
    pub(super) fn devices(&self, state: &State) -> Vec<DeviceStatus> {
        let known = self.roster.devices();
        inspect::devices(&state.house, known, self.resolver.around(), self.clock.now())
    }

    /// What is wrong with how the network is set up.
    pub(super) fn setup(&self, state: &State) -> Vec<SetupFinding> {
        let language = state.house.policy.household.language;
        let findings = self.roster.findings(|address| state.trusts(address));
        findings.iter().map(|finding| setup_finding(finding, language)).collect()
    }

    /// Tells that a device asked for the first time, if it is nobody's.
    fn tell_new(&self, device: &DeviceStatus) {
        self.roster.told(&device.id);
        let address = device.addresses.first().and_then(|address| address.parse().ok());
        if device.child.is_some() || is_this_machine(address) {
            return;
        }
        let today = |at: jiff::Timestamp| self.clock.now().duration_since(at).abs();
        let told = self.ledger.events(0).into_iter().filter(|event| {
            matches!(event.what, Happening::NewDevice { .. })
                && today(event.at) < SignedDuration::from_hours(24)
        });
        if told.count() < NEW_A_DAY_MAX {
            self.ledger.met(&device.id, address, device.host.as_deref());
        }
    }

    /// Tells that a device may be on a way around.
    fn tell_odd(&self, state: &State, device: &DeviceStatus) {
        let household = &state.house.policy.household;
        let owner = household.subjects.iter().find(|one| Some(&one.id) == device.child.as_ref());
        if owner.is_some_and(|owner| owner.kind == SubjectKind::Adult) {
            return;
        }
        let signs = device.suspicion.iter().map(|one| SignSeen {
            kind: one.kind.clone(),
            count: one.count,
            name: one.name.clone(),
        });
        let signs = signs.collect();
        let day = self.clock.now().to_zoned(household.zone.clone()).date();
        self.ledger.suspect(&device.id, device.child.as_deref(), day, signs);
    }
}

/// Whether an address is this machine's own loopback address.
fn is_this_machine(address: Option<IpAddr>) -> bool {
    address.is_some_and(|address| {
        address == IpAddr::from([127, 0, 0, 1])
            || address == IpAddr::V6(std::net::Ipv6Addr::LOCALHOST)
    })
}

/// Asks some devices what they call themselves: the device, then the router.
async fn ask_names(shared: &Arc<Shared>, named: &mut Named) {
    let state = shared.resolver.state();
    let now = shared.clock.tick();
    let hosts = shared.resolver.hosts();
    let mut asked = tokio::task::JoinSet::new();
    for seen in shared.resolver.neighbours().seen() {
        let id = seen.mac.to_string();
        let is_asked = named.get(&id).is_some_and(|at| now.millis_since(*at) < NAME_AGAIN_MILLIS);
        // Who never asked us is asked nothing.
        let is_known = shared.roster.device(&id).is_some();
        let address = best_address(&seen.addresses);
        let Some(address) = address.filter(|_| !is_asked && is_known) else { continue };
        if hosts.of(address, Some(seen.mac)).is_some() {
            continue;
        }
        if named.len() >= NAMES_MAX {
            named.clear();
        }
        named.insert(id, now);
        let upstreams = router_of(&state, address);
        asked.spawn(async move {
            if let Some(host) = mdns::ask_mdns(address, NAME_PATIENCE).await {
                return Some((address, seen.mac, host, Source::Mdns));
            }
            let host = ask_router(upstreams?, address).await?;
            Some((address, seen.mac, host, Source::Router))
        });
        if asked.len() == NAMES_AT_ONCE {
            break;
        }
    }
    while let Some(heard) = asked.join_next().await {
        if let Ok(Some((address, mac, host, source))) = heard {
            hosts.heard(address, Some(mac), &host, source);
            shared.roster.named(&mac.to_string(), &host);
        }
    }
}

/// The address at which a device is asked: IPv4 before IPv6 of the house before link-local ones,
/// which hold on one interface only and are left out.
fn best_address(addresses: &[IpAddr]) -> Option<IpAddr> {
    let is_usable = |address: &&IpAddr| match address {
        IpAddr::V4(_) => true,
        IpAddr::V6(v6) => !v6.is_unicast_link_local(),
    };
    addresses.iter().find(is_usable).copied()
}

/// Whoever knows the names of the house.
type Router = Arc<Upstreams>;

/// Whoever is asked for names in the house: where the household says so with `[dns] forward`.
fn router_of(state: &State, address: IpAddr) -> Option<Router> {
    state.upstreams_of_house(&mdns::reverse_name(address)).map(Arc::clone)
}

/// What the router calls an address.
async fn ask_router(router: Router, address: IpAddr) -> Option<String> {
    let name = mdns::reverse_name(address);
    let question = Ask::of_our_own(&name, rtype::PTR);
    let answer = tokio::time::timeout(NAME_PATIENCE, router.ask(question)).await.ok()?.ok()?;
    let id = u16::from_be_bytes([*answer.first()?, *answer.get(1)?]);
    mdns::host_of(&mdns::first_ptr(&answer, id, &name)?)
}

fn setup_finding(finding: &Finding, language: Language) -> SetupFinding {
    let steps = |fix: &'static [Words]| {
        fix.iter().map(|step| step.in_language(language).to_owned()).collect()
    };
    match finding {
        Finding::OneAddress(address) => SetupFinding {
            kind: "one_address".to_owned(),
            text: say::ONE_ADDRESS.fill(language, &address.to_string(), ""),
            fix: steps(&say::ONE_ADDRESS_FIX),
        },
        Finding::Ipv6Bypass(devices) => SetupFinding {
            kind: "ipv6_bypass".to_owned(),
            text: say::IPV6_BYPASS.fill(language, &devices.to_string(), ""),
            fix: steps(&say::IPV6_BYPASS_FIX),
        },
        Finding::SecondResolver { came, silent } => SetupFinding {
            kind: "second_resolver".to_owned(),
            text: say::SECOND_RESOLVER.fill(language, &came.to_string(), &silent.to_string()),
            fix: steps(&say::SECOND_RESOLVER_FIX),
        },
    }
}

/// An event about a device, with what it says as a sentence.
pub(super) fn of_device(what: &Happening, language: Language, event: &mut EventStatus) {
    match what {
        Happening::NewDevice { device, address, host } => {
            let mac = inspect::mac_of(device);
            let maker = mac.and_then(inspect::maker);
            let address = address.map(|address| address.to_string());
            let is_random = mac.is_some_and(Mac::is_random);
            let described = say::describe(
                language,
                host.as_deref(),
                maker.as_deref(),
                is_random,
                address.as_deref(),
            );
            event.device = Some(device.clone());
            event.text = Some(say::NEW_DEVICE.fill(language, &described, ""));
        }
        Happening::Suspicion { device, signs, .. } => {
            event.device = Some(device.clone());
            let text = |sign: &SignSeen| {
                let what = sign.name.as_deref().unwrap_or_default();
                Some(format!("{} ×{}", say::sign(&sign.kind)?.fill(language, what, ""), sign.count))
            };
            let texts: Vec<String> = signs.iter().filter_map(text).collect();
            event.text = Some(say::SUSPICION.fill(language, &texts.join("; "), device));
            let status = |sign: &SignSeen| SignStatus {
                kind: sign.kind.clone(),
                count: sign.count,
                name: sign.name.clone(),
            };
            event.signs = signs.iter().map(status).collect();
        }
        Happening::RequestMade { .. }
        | Happening::RequestAnswered { .. }
        | Happening::Warning { .. }
        | Happening::UsedUp { .. }
        | Happening::TimeUnknown
        | Happening::TimeKnown => {}
    }
}
