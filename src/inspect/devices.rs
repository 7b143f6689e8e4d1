//! The devices that were seen, as they are shown.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::{LazyLock, Mutex, PoisonError};

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{JSON_VERSION, local_time};
use crate::clients::maker::{maker_in_system, maker_of};
use crate::clients::{Address, Around, Mac, Sighted};
use crate::house::House;
use crate::policy::rules::{SubjectId, SubjectKind};
use crate::roster::{Device, Sign};
use crate::words::{self, Language, devices as say};

/// A device in JSON: what `amparo devices` tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceStatus {
    /// [`JSON_VERSION`].
    pub v: u32,
    /// Its hardware address, `id:NAME`, or address.
    pub id: String,
    /// Whose it is: the id of a child or an adult; none: nobody's.
    pub child: Option<String>,
    /// Its addresses, the one seen last first.
    pub addresses: Vec<String>,
    /// What it calls itself.
    pub host: Option<String>,
    /// Who made it.
    pub maker: Option<String>,
    /// Whether its hardware address is made up (a private address).
    pub random_mac: bool,
    /// When it was seen first.
    pub first_seen: String,
    /// When it was seen last: asking, or awake on the network.
    pub last_seen: String,
    /// How much it asked today.
    pub queries_today: u64,
    /// Whose it may be, where it is nobody's: it calls itself as a device of that one does.
    pub suggestion: Option<String>,
    /// What may be a way around, today.
    pub suspicion: Vec<Suspicion>,
}

/// What a device did today that may be a way around.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspicion {
    /// `silent`, `tunnel`, `bypass_name`, `relay`, `canary` or `discovery`.
    pub kind: String,
    /// How often.
    pub count: u64,
    /// When first.
    pub first: String,
    /// When last.
    pub last: String,
    /// The name or the site it was last.
    pub name: Option<String>,
    /// Whether devices do so by themselves, whoever holds them.
    pub usual: bool,
    /// What that means.
    pub text: String,
}

/// Every device that was seen: those of nobody first, then by whose they are, and the one that was seen
/// last first.
#[must_use]
pub fn devices(
    house: &House,
    known: Vec<(String, Device)>,
    around: Around<'_>,
    now: Timestamp,
) -> Vec<DeviceStatus> {
    let seen = around.neighbours.seen().into_iter();
    let mut here: BTreeMap<String, Vec<IpAddr>> =
        seen.map(|seen| (seen.mac.to_string(), seen.addresses)).collect();
    let today = now.to_zoned(house.policy.household.zone.clone()).date();
    let mut shown: Vec<(SubjectId, Timestamp, DeviceStatus)> = known
        .into_iter()
        .map(|(id, device)| {
            let now_at = here.remove(&id).unwrap_or_default();
            let (subject, status) = status_of(house, &id, &device, now_at, around, today);
            (subject, device.last_seen, status)
        })
        .collect();
    suggest(&mut shown);
    shown.sort_by(|(a, seen_a, one), (b, seen_b, other)| {
        a.0.cmp(&b.0).then(seen_b.cmp(seen_a)).then_with(|| one.id.cmp(&other.id))
    });
    shown.into_iter().map(|(.., status)| status).collect()
}

fn status_of(
    house: &House,
    id: &str,
    device: &Device,
    mut addresses: Vec<IpAddr>,
    around: Around<'_>,
    today: Date,
) -> (SubjectId, DeviceStatus) {
    let mac = mac_of(id);
    // Where it is; else where it was last: addresses before that may be another one's by now.
    let last = device.addresses.first().map(|&(address, _)| address);
    let own: Vec<IpAddr> =
        if addresses.is_empty() { last.into_iter().collect() } else { addresses.clone() };
    for (address, _) in &device.addresses {
        if !addresses.contains(address) {
            addresses.push(*address);
        }
    }
    let anywhere = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
    let host = around.hosts.of(own.first().copied().unwrap_or(anywhere), mac);
    let host = host.map(|host| host.to_string());
    let host = host.or_else(|| device.host.clone());
    let client_id = match Address::from_str(id) {
        Ok(Address::Id(id)) => Some(id),
        Ok(Address::Mac(_) | Address::Net(..) | Address::Host(_)) | Err(_) => None,
    };
    let sighted = Sighted { mac, addresses: &own, host: host.as_deref(), id: client_id };
    let subject = house.devices.whose(&sighted);
    let whose = house.policy.subject(subject);
    let language = house.policy.household.language;
    // What was noted before it was given to an adult is nobody's business any more.
    let is_adults = whose.kind == SubjectKind::Adult;
    let signs = if is_adults { &[] } else { device.signs_on(today) };
    let local = |at: Timestamp| local_time(house, at);
    let status = DeviceStatus {
        v: JSON_VERSION,
        id: id.to_owned(),
        child: (whose.kind != SubjectKind::Unknown).then(|| whose.id.clone()),
        addresses: addresses.iter().map(ToString::to_string).collect(),
        host,
        maker: mac.and_then(maker),
        random_mac: mac.is_some_and(Mac::is_random),
        first_seen: local(device.first_seen),
        last_seen: local(device.last_seen),
        queries_today: device.queries_on(today),
        suggestion: None,
        suspicion: signs.iter().map(|sign| suspicion(sign, language, &local)).collect(),
    };
    (subject, status)
}

/// Who made a device: as this program knows, else as the system's lists say, which are read once for
/// each.
#[must_use]
pub fn maker(mac: Mac) -> Option<String> {
    /// More makers than there are devices to remember.
    const MAKERS_MAX: usize = crate::roster::DEVICES_MAX;
    static FOUND: LazyLock<Mutex<HashMap<[u8; 3], Option<String>>>> = LazyLock::new(Mutex::default);

    if let Some(known) = maker_of(mac) {
        return Some(known.to_owned());
    }
    let prefix = [mac.0[0], mac.0[1], mac.0[2]];
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    if found.len() >= MAKERS_MAX {
        found.clear();
    }
    found.entry(prefix).or_insert_with(|| maker_in_system(mac)).clone()
}

/// The hardware address that an id is.
#[must_use]
pub fn mac_of(id: &str) -> Option<Mac> {
    match Address::from_str(id) {
        Ok(Address::Mac(mac)) => Some(mac),
        Ok(Address::Net(..) | Address::Host(_) | Address::Id(_)) | Err(_) => None,
    }
}

fn suspicion(sign: &Sign, language: Language, local: &impl Fn(Timestamp) -> String) -> Suspicion {
    let kind = sign.kind.word();
    let (first, last) = (local(sign.first), local(sign.last));
    // Without a name it is the time that tells.
    let what = sign.name.clone().unwrap_or_else(|| last.get(11..16).unwrap_or_default().to_owned());
    Suspicion {
        kind: kind.to_owned(),
        count: sign.count,
        first,
        last,
        name: sign.name.clone(),
        usual: sign.kind.is_usual(),
        text: say::sign(kind).map(|text| text.fill(language, &what, "")).unwrap_or_default(),
    }
}

/// Says of devices that are nobody's whose they may be: another one calls itself so, and it is the
/// only one that does.
fn suggest(shown: &mut [(SubjectId, Timestamp, DeviceStatus)]) {
    let mut owners: BTreeMap<String, Option<String>> = BTreeMap::new();
    for (_, _, status) in shown.iter() {
        if let (Some(host), Some(child)) = (&status.host, &status.child) {
            let owner = owners.entry(host.clone()).or_insert_with(|| Some(child.clone()));
            if owner.as_ref() != Some(child) {
                *owner = None;
            }
        }
    }
    for (_, _, status) in shown.iter_mut().filter(|(_, _, status)| status.child.is_none()) {
        let host = status.host.as_ref();
        status.suggestion = host.and_then(|host| owners.get(host).cloned().flatten());
    }
}

impl DeviceStatus {
    /// It in a few words.
    #[must_use]
    pub fn described(&self, language: Language) -> String {
        let address = self.addresses.first().map(String::as_str);
        words::devices::describe(
            language,
            self.host.as_deref(),
            self.maker.as_deref(),
            self.random_mac,
            address,
        )
    }

    /// Whether anything about it is odd that devices do not do by themselves.
    #[must_use]
    pub fn is_odd(&self) -> bool {
        self.suspicion.iter().any(|suspicion| !suspicion.usual)
    }
}
