//! The immutable state a query sees from start to end.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, Guard};
use jiff::Timestamp;

use super::pace::Pace;
use super::upstream::{Settings, Upstreams};
use crate::clients::is_inside;
use crate::clock::Clock;
use crate::config::settings::{DnsSettings, Strategy, UpstreamUrl};
use crate::house::House;
use crate::name::Name;
use crate::policy::passing::Passing;
use crate::policy::rules::{JournalLevel, SubjectId, SubjectKind};
use crate::policy::tags::{Tag, TagSet};
use crate::policy::{Action, Moment};

/// A household with its upstreams, compiled for queries.
pub struct State {
    /// The rules, the lists, the devices.
    pub house: House,
    /// Another number for each state: what was learnt under one may not hold in another.
    pub(super) id: u64,
    /// Groups of upstreams, by their place: adults', children's, one for each forwarded zone.
    groups: Vec<Group>,
    /// The last id a group was given.
    next_group: u32,
    /// Zones that are asked elsewhere, with the place of their group.
    forwards: Vec<(Name, u8)>,
    subjects: Vec<Facts>,
    tag_ids: Vec<Arc<str>>,
    /// The category of ways around, and its services and lists.
    bypass: TagSet,
    /// How fast one client may ask.
    pub(super) pace: Pace,
    /// The networks of this machine's interfaces.
    own_networks: Vec<(IpAddr, u8)>,
    moment: ArcSwap<Moment>,
    /// What holds for a while. Locked while a moment is made of it, so that none is kept that was
    /// made of an older one.
    passing: Mutex<Passing>,
}

/// What every query of a subject needs.
#[derive(Debug)]
pub(super) struct Facts {
    /// The id in the journal; none for unknown devices.
    pub(super) id: Option<Arc<str>>,
    pub(super) journal: JournalLevel,
    group: u8,
    /// Whether it is protected from what would lead around the filter: children and unknown devices.
    pub(super) is_child: bool,
    /// Whether the addresses that its devices are given are remembered: what adults ask for never
    /// is.
    is_handed: bool,
    /// Whether ways around are noted of its devices: what adults do never is.
    is_watched: bool,
}

/// Upstreams with what they were made from, so that a reload keeps their connections and health.
struct Group {
    /// What its answers are kept under. Another group never gets it, in no later state: an answer
    /// that was under way during a reload lands where it belongs.
    id: u32,
    urls: Vec<UpstreamUrl>,
    strategy: Strategy,
    upstreams: Arc<Upstreams>,
}

/// The category of ways around the filter.
const BYPASS: &str = "bypass";
/// The place of the adults' group.
const ADULTS: u8 = 0;

impl State {
    /// Compiles a house. Upstreams that `previous` had already are taken over.
    #[must_use]
    pub fn new(
        house: House,
        own_networks: Vec<(IpAddr, u8)>,
        passing: Passing,
        clock: &Clock,
        previous: Option<&State>,
    ) -> Self {
        let dns = &house.config.dns;
        let settings = Settings {
            extra_roots: dns.upstream_ca.clone(),
            validation: dns.validation.clone(),
            ..Settings::default()
        };
        // What was learnt when others were believed is of no use.
        let believer = previous.filter(|state| state.believes_as(dns));
        let mut groups = Vec::new();
        let mut next_group = previous.map_or(0, |state| state.next_group);
        let mut group_of = |urls: &[UpstreamUrl]| -> u8 {
            // Two groups of the same servers are one: they share what they learn and the cache.
            let place = groups.iter().position(|group: &Group| group.urls == urls);
            let place = place.unwrap_or_else(|| {
                let kept = believer.and_then(|state| state.kept(urls, dns.strategy));
                let upstreams = kept.unwrap_or_else(|| {
                    Upstreams::with_settings(urls, dns.strategy, clock.clone(), &settings)
                });
                let id = believer.and_then(|state| state.id_of(urls)).unwrap_or_else(|| {
                    next_group += 1;
                    next_group
                });
                groups.push(Group { id, urls: urls.to_vec(), strategy: dns.strategy, upstreams });
                groups.len() - 1
            });
            u8::try_from(place).unwrap_or(ADULTS)
        };
        let adults = group_of(&dns.upstreams);
        let children = group_of(&dns.child_upstreams);
        let forwards: Vec<(Name, u8)> =
            dns.forward.iter().map(|(zone, urls)| (*zone, group_of(urls))).collect();

        let household = &house.policy.household;
        let subjects = household
            .subjects
            .iter()
            .map(|subject| Facts {
                id: (subject.kind != SubjectKind::Unknown).then(|| subject.id.as_str().into()),
                journal: subject.rules.journal,
                group: if subject.rules.relays_closed { children } else { adults },
                is_child: subject.rules.relays_closed,
                is_handed: house.config.enforce.is_some() && subject.kind != SubjectKind::Adult,
                is_watched: subject.kind != SubjectKind::Adult,
            })
            .collect();
        let tag_ids = household.tags.iter().map(|(_, info)| info.id.as_str().into()).collect();
        let bypass = household.tags.iter().filter(|(_, info)| {
            info.id == BYPASS
                || info.category.is_some_and(|tag| household.tags.info(tag).id == BYPASS)
        });
        let bypass = bypass.map(|(tag, _)| tag).collect();
        let moment = house.policy.moment_with(clock.now(), &passing);
        let (moment, passing) = (ArcSwap::from_pointee(moment), Mutex::new(passing));
        let id = previous.map_or(0, |state| state.id) + 1;
        State {
            pace: Pace::per_second(house.config.dns.rate_limit),
            house,
            id,
            groups,
            next_group,
            forwards,
            subjects,
            tag_ids,
            bypass,
            own_networks,
            moment,
            passing,
        }
    }

    /// What holds at `now`. Computed anew exactly at a boundary, by the first query that meets it:
    /// there is no tick that could come late.
    #[must_use]
    pub fn moment(&self, now: Timestamp) -> Arc<Moment> {
        let moment = self.moment.load_full();
        if moment.holds_at(now) {
            return moment;
        }
        let passing = self.passing.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody else may have been here first.
        let moment = self.moment.load_full();
        if moment.holds_at(now) { moment } else { self.put_in_force(&passing, now) }
    }

    /// Puts what holds for a while into force, for every batch that begins from now on.
    pub fn pass(&self, passing: Passing, now: Timestamp) -> Arc<Moment> {
        let mut held = self.passing.lock().unwrap_or_else(PoisonError::into_inner);
        *held = passing;
        self.put_in_force(&held, now)
    }

    /// What held when it was computed last.
    pub(super) fn latest_moment(&self) -> Guard<Arc<Moment>> {
        self.moment.load()
    }

    /// What holds for a while.
    #[must_use]
    pub fn passing(&self) -> Passing {
        self.passing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put_in_force(&self, passing: &Passing, now: Timestamp) -> Arc<Moment> {
        let moment = Arc::new(self.house.policy.moment_with(now, passing));
        self.moment.store(Arc::clone(&moment));
        moment
    }

    /// Whether questions from this address are taken.
    #[must_use]
    pub fn takes_from(&self, from: IpAddr) -> bool {
        let from = from.to_canonical();
        let dns = &self.house.config.dns;
        let own = if dns.own_networks { self.own_networks.as_slice() } else { &[] };
        dns.allow_from.iter().chain(own).any(|&(network, bits)| is_inside(from, network, bits))
    }

    /// Whether whoever asks from this address is believed when it says for which device.
    #[must_use]
    pub fn trusts(&self, from: IpAddr) -> bool {
        let forwarders = &self.house.config.dns.trusted_forwarders;
        forwarders.iter().any(|&(network, bits)| is_inside(from, network, bits))
    }

    /// The groups of upstreams, for `amparo status`.
    pub fn upstreams(&self) -> impl Iterator<Item = &Arc<Upstreams>> {
        self.groups.iter().map(|group| &group.upstreams)
    }

    /// Whom this machine asks for a name of its own needs: the upstreams of its zone, else the
    /// adults'.
    #[must_use]
    pub fn upstreams_for(&self, name: &Name) -> &Arc<Upstreams> {
        self.upstreams_of(self.zone_of(name).unwrap_or(ADULTS))
    }

    /// Who knows the names of this house: the upstreams of the name's zone, else those of the first zone
    /// that is asked elsewhere; none where no zone is.
    #[must_use]
    pub fn upstreams_of_house(&self, name: &Name) -> Option<&Arc<Upstreams>> {
        let group = self.zone_of(name).or(self.forwards.first().map(|(_, group)| *group))?;
        Some(self.upstreams_of(group))
    }

    /// Whether a name is closed at a moment for the child with this id; none, or an id that is gone:
    /// for unknown devices.
    #[must_use]
    pub fn is_closed(&self, subject: Option<&str>, name: &Name, moment: &Moment) -> bool {
        let policy = &self.house.policy;
        let is_theirs = |facts: &Facts| facts.id.is_some() && facts.id.as_deref() == subject;
        let found = (0..=u16::MAX).zip(&self.subjects).find(|(_, facts)| is_theirs(facts));
        let subject = found.map_or(SubjectId::UNKNOWN, |(place, _)| SubjectId(place));
        policy.decide(subject, name, moment).action == Action::Block
    }

    /// Whether the addresses given to this subject's devices are remembered.
    pub(super) fn hands_to(&self, subject: SubjectId) -> bool {
        self.facts(subject).is_handed
    }

    /// Whether ways around are noted of this subject's devices.
    #[must_use]
    pub fn watches(&self, subject: SubjectId) -> bool {
        self.facts(subject).is_watched
    }

    /// Whether a name may lead to addresses of the house: the household says so, or it asks others
    /// for such names.
    pub(super) fn may_lead_home(&self, name: &Name) -> bool {
        let allowed = &self.house.config.dns.rebind_allow;
        self.zone_of(name).is_some() || allowed.iter().any(|zone| name.is_at_or_below(zone))
    }

    /// Whether a tag is about ways around.
    pub(super) fn leads_around(&self, tag: Tag) -> bool {
        self.bypass.contains(tag)
    }

    /// What every query of a subject needs.
    pub(super) fn facts(&self, subject: SubjectId) -> &Facts {
        &self.subjects[usize::from(subject.0)]
    }

    /// The id of a tag.
    pub(super) fn tag_id(&self, tag: Tag) -> Arc<str> {
        self.tag_ids[usize::from(tag.0)].clone()
    }

    /// The group of upstreams that is asked for a name: that of its zone, else the subject's.
    pub(super) fn group_of(&self, subject: SubjectId, name: &Name) -> u8 {
        self.zone_of(name).unwrap_or(self.facts(subject).group)
    }

    /// The group that is asked for names of the nearest forwarded zone, where there is one.
    fn zone_of(&self, name: &Name) -> Option<u8> {
        let zones = self.forwards.iter().filter(|(zone, _)| name.is_at_or_below(zone));
        let nearest = zones.max_by_key(|(zone, _)| zone.label_count());
        nearest.map(|(_, group)| *group)
    }

    /// A group of upstreams.
    pub(super) fn upstreams_of(&self, group: u8) -> &Arc<Upstreams> {
        &self.groups[usize::from(group)].upstreams
    }

    /// Whether expired answers serve while upstreams fail.
    pub(super) fn serves_stale(&self) -> bool {
        self.house.config.dns.serve_stale
    }

    /// What the answers of a group are kept under.
    pub(super) fn kept_under(&self, group: u8) -> u32 {
        self.groups[usize::from(group)].id
    }

    /// Whether it asks a group of upstreams that an earlier state did not, or the other way round:
    /// then some of what is kept is of no use.
    #[must_use]
    pub fn asks_others_than(&self, earlier: &State) -> bool {
        let same = |group: &Group| earlier.id_of(&group.urls).is_some();
        !earlier.believes_as(&self.house.config.dns)
            || self.groups.len() != earlier.groups.len()
            || !self.groups.iter().all(same)
    }

    /// Whether what upstreams say is believed under the same conditions.
    fn believes_as(&self, dns: &DnsSettings) -> bool {
        let own = &self.house.config.dns;
        own.upstream_ca == dns.upstream_ca && own.validation == dns.validation
    }

    /// Whether signatures are checked here at all.
    pub(super) fn validates(&self) -> bool {
        self.house.config.dns.validation.is_some()
    }

    /// Whether a name stands in a zone that is asked elsewhere: no chain of keys leads there.
    pub(super) fn is_forwarded(&self, name: &Name) -> bool {
        self.zone_of(name).is_some()
    }

    fn id_of(&self, urls: &[UpstreamUrl]) -> Option<u32> {
        self.groups.iter().find(|group| group.urls == urls).map(|group| group.id)
    }

    fn kept(&self, urls: &[UpstreamUrl], strategy: Strategy) -> Option<Arc<Upstreams>> {
        let same = |group: &&Group| group.urls == urls && group.strategy == strategy;
        self.groups.iter().find(same).map(|group| group.upstreams.clone())
    }
}
