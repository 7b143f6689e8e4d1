//! `[household]`'s single values, `[dns]`, `[journal]`, `[state]`, `[web]`, `[enforce]`:
//! settings that are not rules.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;
use toml::de::DeTable;

use super::context::Context;
use super::elements::{self, Upstream};
use super::read::{Text, Value, flag, inner, rows, text, texts, texts_of, whole};
use super::settings::{
    BlockedAnswer, DnsSettings, EncryptedSettings, EnforceSettings, JournalSettings, NftablesSet,
    Scheme, Strategy, UpstreamUrl,
};
use super::suggest::{did_you_mean, nearest};
use crate::name::Name;
use crate::policy::budget;
use crate::policy::local::LocalNames;
use crate::words::Language;

/// The cache's bound where the file is silent: small enough for a router.
const CACHE_MIB: u32 = 16;
/// How long a closed name stays closed in a device's own cache, in seconds.
const BLOCKED_TTL_SECONDS: u32 = 10;
/// Queries a second of one client: a page with all its parts takes a few hundred.
const RATE_LIMIT: u32 = 1_000;
/// How long the journal remembers, in days.
const KEEP_DAYS: u32 = 30;
/// How much the journal keeps, in MiB.
const KEEP_MIB: u32 = 200;
/// How often the journal is written, in seconds: what a power cut may lose.
const FLUSH_SECONDS: u32 = 5;
/// The program's own names where `[web] names` is silent.
const OWN_PAGES: [&str; 2] = ["amparo.home.arpa", "ask.home.arpa"];

/// The longest name of an nftables table or set, in octets: the kernel takes 255, people fewer; the
/// `6` of the second set fits in any case.
const NFTABLES_NAME_OCTETS_MAX: usize = 64;

/// Whose questions are taken by default: private ranges (RFC 1918, RFC 6598, RFC 4193), link-local
/// ones and loopback. Anybody else would make this an open resolver.
const PRIVATE_RANGES: [(IpAddr, u8); 9] = [
    (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 0)), 8),
    (IpAddr::V4(Ipv4Addr::new(172, 16, 0, 0)), 12),
    (IpAddr::V4(Ipv4Addr::new(192, 168, 0, 0)), 16),
    (IpAddr::V4(Ipv4Addr::new(100, 64, 0, 0)), 10),
    (IpAddr::V4(Ipv4Addr::new(169, 254, 0, 0)), 16),
    (IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
    (IpAddr::V6(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0)), 7),
    (IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0)), 10),
    (IpAddr::V6(Ipv6Addr::LOCALHOST), 128),
];

/// `[household]` without its rules.
pub(super) struct Home {
    pub(super) name: Option<String>,
    pub(super) language: Language,
    pub(super) zone: TimeZone,
    /// The minute of the day at which a day of budgets begins.
    pub(super) day_starts: u16,
    pub(super) country: Option<String>,
}

/// Checks `[household]`'s single values.
pub(super) fn home(context: &mut Context<'_>) -> Home {
    let mut home = Home {
        name: None,
        language: context.system.language,
        zone: context.system.zone.clone(),
        day_starts: budget::DAY_STARTS,
        country: None,
    };
    let Some(table) = inner(context.root, "household") else { return home };
    home.name = text(table, "name").and_then(|name| Context::shown(name.text));
    if let Some(language) = text(table, "language") {
        home.language = if language.text == "es" { Language::Es } else { Language::En };
    }
    if let Some(zone) = zone(context, table) {
        home.zone = zone;
    }
    if let Some(written) = text(table, "day_starts")
        && let Some(minute) = context.element(&written, elements::minute_of_day)
    {
        home.day_starts = minute;
    }
    if let Some(country) = text(table, "country") {
        if country.text.len() == 2 && country.text.bytes().all(|b| b.is_ascii_alphabetic()) {
            home.country = Some(country.text.to_ascii_uppercase());
        } else {
            let message = format!("`{}` is not a country", country.text);
            context.error(country.span, message, "write its two letters, like `GT`");
        }
    }
    home
}

/// Checks `timezone`, of the household or of somebody.
pub(super) fn zone(context: &mut Context<'_>, table: &DeTable<'_>) -> Option<TimeZone> {
    let written = text(table, "timezone")?;
    let found = TimeZone::get(written.text).ok();
    if found.is_none() {
        unknown_zone(context, &written);
    }
    found
}

fn unknown_zone(context: &mut Context<'_>, zone: &Text<'_>) {
    let help = suggest_zone(zone.text).map_or_else(
        || "write its IANA name, like `America/Guatemala`".to_owned(),
        |found| format!("did you mean `{found}`?"),
    );
    context.error(zone.span.clone(), format!("there is no time zone `{}`", zone.text), help);
}

/// The zone that may be meant: of that city, else the one that is written most like it.
pub(super) fn suggest_zone(text: &str) -> Option<String> {
    // `Etc/GMT-6` lies six hours ahead of Greenwich, the other side of what its name says.
    let known: Vec<String> = jiff::tz::db()
        .available()
        .map(|name| name.to_string())
        .filter(|name| !name.starts_with("Etc/"))
        .collect();
    // Who writes the city alone means the zone of that city.
    let wanted = text.replace(' ', "_");
    let of_city = known.iter().find(|name| {
        name.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(&wanted))
    });
    let found = of_city.map(String::as_str);
    let found = found.or_else(|| nearest(text, known.iter().map(String::as_str)));
    let near_city = || {
        let cities = || known.iter().filter_map(|name| name.rsplit('/').next());
        let city = nearest(&wanted, cities())?;
        known.iter().find(|name| name.rsplit('/').next() == Some(city)).map(String::as_str)
    };
    found.or_else(near_city).map(str::to_owned)
}

/// Checks `[dns]`.
pub(super) fn dns(context: &mut Context<'_>) -> DnsSettings {
    let empty = DeTable::new();
    let table = inner(context.root, "dns").unwrap_or(&empty);
    let listen = texts(table, "listen").map(|places| {
        places.iter().filter_map(|place| context.element(place, elements::listen)).collect()
    });
    for (key, what) in [("listen", "no question comes in"), ("allow_from", "nobody may ask")] {
        if let Some(value) = table
            .get(key)
            .filter(|value| value.get_ref().as_array().is_some_and(|items| items.is_empty()))
        {
            let help = "name some, or remove the line for the default";
            context.error(value.span(), format!("`{key}` is empty: {what}"), help);
        }
    }
    let upstreams = upstreams(context, table, "upstreams");
    let child_upstreams = self::upstreams(context, table, "child_upstreams");
    let mut ranges_of = |key: &str| {
        let ranges = texts(table, key)?;
        let ranges = ranges.iter().filter_map(|range| context.element(range, elements::net));
        Some(ranges.collect::<Vec<_>>())
    };
    let allow_from = ranges_of("allow_from");
    let trusted_forwarders = ranges_of("trusted_forwarders").unwrap_or_default();
    let leases = texts(table, "leases").unwrap_or_default();
    let rebind_allow = texts(table, "rebind_allow").unwrap_or_default();
    let encrypted = encrypted(context, table);
    DnsSettings {
        listen,
        child_upstreams: child_upstreams
            .or_else(|| upstreams.clone())
            .unwrap_or_else(|| vec![over_tls([1, 1, 1, 3], "family.cloudflare-dns.com")]),
        upstreams: upstreams.unwrap_or_else(|| {
            vec![
                over_tls([9, 9, 9, 9], "dns.quad9.net"),
                over_tls([1, 1, 1, 1], "cloudflare-dns.com"),
            ]
        }),
        strategy: match text(table, "strategy").map(|word| word.text) {
            Some("parallel") => Strategy::Parallel,
            Some("in_order") => Strategy::InOrder,
            _ => Strategy::Fastest,
        },
        forward: forward(context, table),
        cache_mib: whole(table, "cache_mib").unwrap_or(CACHE_MIB),
        serve_stale: flag(table, "serve_stale").unwrap_or(true),
        blocked_answer: blocked_answer(context, table),
        blocked_ttl_seconds: whole(table, "blocked_ttl").unwrap_or(BLOCKED_TTL_SECONDS),
        own_networks: allow_from.is_none(),
        allow_from: allow_from.unwrap_or_else(|| PRIVATE_RANGES.to_vec()),
        trusted_forwarders,
        rate_limit: whole(table, "rate_limit").unwrap_or(RATE_LIMIT),
        encrypted,
        rebind_allow: rebind_allow
            .iter()
            .filter_map(|name| context.element(name, elements::name))
            .collect(),
        leases: leases.iter().map(|path| context.path(path.text)).collect(),
    }
}

/// `[dns.encrypted]`; none where it names no place to listen, or lacks what it cannot do without.
fn encrypted(context: &mut Context<'_>, dns: &DeTable<'_>) -> Option<Box<EncryptedSettings>> {
    let table = inner(dns, "encrypted")?;
    let mut places = |key: &str, port: u16| -> Vec<SocketAddr> {
        let written = texts(table, key).unwrap_or_default();
        let read = |text: &str| elements::listen_at(text, port);
        written.iter().filter_map(|place| context.element(place, read)).collect()
    };
    let tls = places("tls", EncryptedSettings::PORT_TLS);
    let https = places("https", EncryptedSettings::PORT_HTTPS);
    let quic = places("quic", EncryptedSettings::PORT_TLS);
    let hostname = text(table, "hostname");
    let hostname = hostname.and_then(|name| context.element(&name, elements::name));
    let file = |key: &str| {
        let written = text(table, key).filter(|path| !path.text.is_empty());
        Some(context.path(written?.text))
    };
    let (certificate, private_key) = (file("certificate"), file("private_key"));
    if tls.is_empty() && https.is_empty() && quic.is_empty() {
        return None;
    }
    let missing: Vec<_> = [("certificate", &certificate), ("private_key", &private_key)]
        .into_iter()
        .filter_map(|(key, path)| path.is_none().then_some(key))
        .collect();
    for key in missing {
        let span = dns.get("encrypted").map_or(0..0, toml::Spanned::span);
        let help = "write the path of its file in PEM: docs/encrypted/README.md";
        context.error(span, format!("`[dns.encrypted]` has no `{key}`"), help);
    }
    let (certificate, private_key) = (certificate?, private_key?);
    Some(Box::new(EncryptedSettings { certificate, private_key, hostname, tls, https, quic }))
}

fn over_tls(address: [u8; 4], name: &str) -> UpstreamUrl {
    UpstreamUrl {
        scheme: Scheme::Tls,
        address: (IpAddr::from(address), 853).into(),
        tls_name: Some(name.to_owned()),
    }
}

fn upstreams(
    context: &mut Context<'_>,
    table: &DeTable<'_>,
    key: &str,
) -> Option<Vec<UpstreamUrl>> {
    let value = table.get(key)?;
    let written = texts_of(value);
    if written.is_empty() && value.get_ref().is_array() {
        let help = "write one, or remove the line: then the built-in ones are asked";
        context.error(value.span(), format!("`{key}` names nobody to ask"), help);
    }
    Some(usable(context, &written, key))
}

/// The upstreams that are spoken to; of each other a warning, and a mistake when none is left.
fn usable(context: &mut Context<'_>, written: &[Text<'_>], key: &str) -> Vec<UpstreamUrl> {
    let before = context.problems.len();
    let mut urls = Vec::new();
    let mut later = Vec::new();
    for one in written {
        match context.element(one, elements::upstream) {
            Some(Upstream::Url(url)) => urls.push(url),
            Some(Upstream::Later(scheme)) => later.push((one.span.clone(), scheme)),
            None => {}
        }
    }
    let mistakes = context.problems.len() > before;
    let none_left = urls.is_empty() && !mistakes;
    for (place, (span, scheme)) in later.into_iter().enumerate() {
        let message = format!("`{scheme}` is not built yet: this upstream is left out");
        if !none_left {
            context.warning(span, message, "meanwhile the others are asked");
        } else if place == 0 {
            let help = "add one with udp://, tcp:// or tls://";
            context.error(span, format!("{message}, and `{key}` has no other"), help);
        }
    }
    urls
}

fn forward(context: &mut Context<'_>, table: &DeTable<'_>) -> Vec<(Name, Vec<UpstreamUrl>)> {
    let Some(zones) = inner(table, "forward") else { return Vec::new() };
    let mut forward = Vec::new();
    for (zone, value) in rows(zones) {
        let name = context.element(&zone, elements::name);
        let written = texts_of(value);
        if written.is_empty() && value.get_ref().is_array() {
            let message = format!("`{}` is forwarded to nobody", zone.text);
            context.error(value.span(), message, "write like `[\"udp://192.168.1.1\"]`");
        }
        let urls = usable(context, &written, "forward");
        forward.extend(name.map(|name| (name, urls)));
    }
    forward
}

fn blocked_answer(context: &mut Context<'_>, table: &DeTable<'_>) -> BlockedAnswer {
    let Some(written) = text(table, "blocked_answer") else { return BlockedAnswer::default() };
    match (written.text, written.text.parse()) {
        ("zero_ip", _) => BlockedAnswer::ZeroIp,
        ("nxdomain", _) => BlockedAnswer::NxDomain,
        (_, Ok(address)) => BlockedAnswer::Address(address),
        (other, Err(_)) => {
            let help = did_you_mean(other, ["zero_ip", "nxdomain"])
                .unwrap_or_else(|| "write `zero_ip`, `nxdomain` or an address".to_owned());
            context.error(written.span, format!("`blocked_answer` cannot be `{other}`"), help);
            BlockedAnswer::default()
        }
    }
}

/// The names answered in the house: `dns.records`, and the program's own pages.
pub(super) fn local_names(context: &mut Context<'_>, dns: &DnsSettings) -> LocalNames {
    let mut records = Vec::new();
    let table = inner(context.root, "dns").and_then(|dns| inner(dns, "records"));
    for (name, value) in table.map(rows).unwrap_or_default() {
        let parsed = context.element(&name, elements::name);
        let addresses: Vec<IpAddr> = texts_of(value)
            .iter()
            .filter_map(|address| context.element(address, elements::address))
            .collect();
        records.extend(parsed.map(|name| (name, addresses)));
    }
    let written = inner(context.root, "web").and_then(|web| texts(web, "names"));
    let own_pages = match written {
        Some(names) => {
            names.iter().filter_map(|name| context.element(name, elements::name)).collect()
        }
        None => OWN_PAGES.iter().filter_map(|name| Name::parse(name).ok()).collect(),
    };
    let forwarded = dns.forward.iter().map(|(zone, _)| *zone).collect();
    LocalNames::new(records, forwarded, own_pages)
}

/// Checks `[journal]` without its level.
pub(super) fn journal(context: &Context<'_>) -> JournalSettings {
    let number = |key, default| {
        let table = inner(context.root, "journal");
        table.and_then(|table| whole(table, key)).unwrap_or(default)
    };
    JournalSettings {
        keep_days: number("keep_days", KEEP_DAYS),
        keep_mib: number("keep_mib", KEEP_MIB),
        flush: Duration::from_secs(number("flush_seconds", FLUSH_SECONDS).into()),
    }
}

/// `[state] directory`.
pub(super) fn state(context: &mut Context<'_>) -> Option<PathBuf> {
    let directory = text(inner(context.root, "state")?, "directory")?;
    if directory.text.is_empty() {
        context.error(directory.span, "`directory` is empty", "write a path, or remove the line");
        return None;
    }
    Some(context.path(directory.text))
}

/// Checks `[enforce]`; none where it names nobody to tell.
pub(super) fn enforce(context: &mut Context<'_>) -> Option<EnforceSettings> {
    let table = inner(context.root, "enforce")?;
    let command = table.get("command").and_then(|value| command(context, value));
    let nftables_set = text(table, "nftables_set").and_then(|set| nftables_set(context, &set));
    (command.is_some() || nftables_set.is_some())
        .then_some(EnforceSettings { command, nftables_set })
}

/// A program with its arguments. Where it has a path, from the directory of the file.
fn command(context: &mut Context<'_>, value: &Value<'_>) -> Option<Vec<String>> {
    let words = texts_of(value);
    let Some(program) = words.first().filter(|program| !program.text.trim().is_empty()) else {
        let help = "write the path of a program, or remove the line";
        context.error(value.span(), "`command` names no program", help);
        return None;
    };
    if words.iter().any(|word| word.text.contains('\0')) {
        let help = "remove it; nothing takes such an argument";
        context.error(value.span(), "`command` holds a NUL character", help);
        return None;
    }
    if words.len() == 1 && program.text.contains(char::is_whitespace) {
        let parts: Vec<&str> = program.text.split_whitespace().collect();
        let message = format!("`{}` is taken as the name of one program", program.text);
        let help = format!("arguments stand by themselves: `command = {parts:?}`");
        context.warning(program.span.clone(), message, help);
    }
    let path = if program.text.contains('/') {
        context.path(program.text).to_string_lossy().into_owned()
    } else {
        program.text.to_owned()
    };
    let arguments = words[1..].iter().map(|word| word.text.to_owned());
    Some(std::iter::once(path).chain(arguments).collect())
}

fn nftables_set(context: &mut Context<'_>, written: &Text<'_>) -> Option<NftablesSet> {
    const HELP: &str = "write family, table and set, like `inet amparo closed`";
    let words: Vec<&str> = written.text.split_whitespace().collect();
    let (message, help) = match words[..] {
        ["inet", table, set] if is_nftables_name(table) && is_nftables_name(set) => {
            return Some(NftablesSet { table: table.to_owned(), set: set.to_owned() });
        }
        ["inet", _, _] => {
            let message = format!("`{}` has a name that nftables does not take", written.text);
            (message, "names have letters, digits, `_` and `-`, and begin with a letter")
        }
        [family @ ("ip" | "ip6" | "arp" | "bridge" | "netdev"), ..] => {
            let message = format!("a table of family `{family}` does not hold both IPv4 and IPv6");
            (message, "make a table of family `inet`: see docs/enforce/README.md")
        }
        _ => (format!("`{}` names no set of nftables", written.text), HELP),
    };
    context.error(written.span.clone(), message, help);
    None
}

/// Whether it is a name that can stand in a script of nftables without quotes.
fn is_nftables_name(name: &str) -> bool {
    name.len() <= NFTABLES_NAME_OCTETS_MAX
        && name.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && name.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"_-".contains(&octet))
}
