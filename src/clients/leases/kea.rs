//! Kea: its lease file (CSV with a head, which grows by a line for each change, so that the last
//! one of an address holds), and the answers of its commands `lease4-get-all`, `lease6-get-all` and
//! their kin (JSON), which a script can write into a file where Kea keeps its leases in a database.

use std::collections::HashMap;
use std::net::IpAddr;

use jiff::Timestamp;
use serde_json::Value;

use super::{Example, Format, Lease, Place, mac, mac_of_client_id, mac_of_duid, octets, time};

/// The lease file.
pub(super) const CSV: Format = Format {
    name: "kea-csv",
    summary: "Kea's lease file (memfile)",
    // While Kea cleans its file up, the older lines are in a second and a third one.
    places: &[
        Place::File("/var/lib/kea/kea-leases4.csv"),
        Place::File("/var/lib/kea/kea-leases4.csv.1"),
        Place::File("/var/lib/kea/kea-leases4.csv.2"),
        Place::File("/var/lib/kea/kea-leases6.csv"),
        Place::File("/var/lib/kea/kea-leases6.csv.1"),
        Place::File("/var/lib/kea/kea-leases6.csv.2"),
    ],
    file_names: &["kea-leases"],
    looks_like: |text| Columns::read(text.lines().next().unwrap_or_default()).is_some(),
    parse: parse_csv,
    examples: &[
        Example {
            text: "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id\n\
                   192.168.1.42,3c:22:fb:12:34:56,01:3c:22:fb:12:34:56,3600,1789000000,1,0,0,old-name,0,,0\n\
                   192.168.1.43,3c:22:fb:12:34:57,,4294967295,1790000000,1,0,0,tv,0,,0\n\
                   192.168.1.42,3c:22:fb:12:34:56,01:3c:22:fb:12:34:56,3600,1790000000,1,1,1,mateo-phone.home.arpa.,0,,0\n",
            leases: &[
                ("192.168.1.42", "3c:22:fb:12:34:56", "mateo-phone", "1790000000"),
                ("192.168.1.43", "3c:22:fb:12:34:57", "tv", "-"),
            ],
        },
        // Declined, expired, released, and taken out by a line that lasts no time. A comma in a
        // name is written as a number.
        Example {
            text: "address,hwaddr,valid_lifetime,expire,hostname,state\n\
                   192.168.1.50,,86400,1790000000,,1\n\
                   192.168.1.51,3c:22:fb:12:34:51,3600,1700000000,tablet,2\n\
                   192.168.1.52,3c:22:fb:12:34:52,3600,1790000000,laptop,3\n\
                   192.168.1.53,3c:22:fb:12:34:53,3600,1790000000,console,0\n\
                   192.168.1.53,3c:22:fb:12:34:53,0,1790000000,console,0\n\
                   192.168.1.54,3c:22:fb:12:34:54,3600,1790000000,a&#x2cb,0\n",
            leases: &[
                ("-", "3c:22:fb:12:34:51", "tablet", "-"),
                ("-", "3c:22:fb:12:34:52", "laptop", "-"),
                ("-", "3c:22:fb:12:34:53", "console", "-"),
                ("192.168.1.54", "3c:22:fb:12:34:54", "-", "1790000000"),
            ],
        },
        Example {
            text: "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,hwaddr,state,user_context,hwtype,hwaddr_source,pool_id\n\
                   fd00::42,00:01:00:01:2a:bb:cc:dd:3c:22:fb:12:34:56,4000,1790000000,1,3000,0,7,128,0,0,sofia.lan,,0,,0,0,0\n\
                   fd00:0:0:8::,00:03:00:01:3c:22:fb:12:34:57,4000,1790000000,1,3000,2,7,64,0,0,router2,,0,,0,0,0\n\
                   fd00::43,00:04:aa:bb,4000,1790000000,1,3000,0,7,128,0,0,pc,3c:22:fb:12:34:58,0,,0,0,0\n",
            leases: &[
                ("fd00::42", "3c:22:fb:12:34:56", "sofia", "1790000000"),
                ("-", "3c:22:fb:12:34:57", "router2", "-"),
                ("fd00::43", "3c:22:fb:12:34:58", "pc", "1790000000"),
            ],
        },
        Example { text: "address,hwaddr,valid_lifetime,expire,hostname,state\n", leases: &[] },
    ],
};

/// Answers of commands.
pub(super) const JSON: Format = Format {
    name: "kea-json",
    summary: "Kea's answer to lease4-get-all or lease6-get-all",
    places: &[],
    file_names: &[],
    looks_like: |text| {
        serde_json::from_str(text).is_ok_and(|answer: Value| lists(&answer).next().is_some())
    },
    parse: parse_json,
    examples: &[
        Example {
            text: r#"[{"result":0,"text":"2 IPv4 lease(s) found.","arguments":{"leases":[
                {"cltt":1789996400,"valid-lft":3600,"hostname":"mateo-phone.","hw-address":"3c:22:fb:12:34:56","ip-address":"192.168.1.42","state":0,"subnet-id":1},
                {"cltt":1789996400,"valid-lft":4294967295,"client-id":"01:3c:22:fb:12:34:57","hostname":"","ip-address":"192.168.1.43","state":0}]}}]"#,
            leases: &[
                ("192.168.1.42", "3c:22:fb:12:34:56", "mateo-phone", "1790000000"),
                ("192.168.1.43", "3c:22:fb:12:34:57", "-", "-"),
            ],
        },
        Example {
            text: r#"{"arguments":{"leases":[{"cltt":1789996400,"valid-lft":3600,"hostname":"pc","duid":"00:03:00:01:3c:22:fb:12:34:56","ip-address":"fd00::42","type":"IA_NA","state":0},
                {"hostname":"router2","duid":"00:03:00:01:3c:22:fb:12:34:57","ip-address":"fd00::","prefix-len":64,"type":"IA_PD","state":0}]},"result":0}"#,
            leases: &[
                ("fd00::42", "3c:22:fb:12:34:56", "pc", "1790000000"),
                ("-", "3c:22:fb:12:34:57", "router2", "-"),
            ],
        },
        Example {
            text: r#"[{"ip-address":"192.168.1.42","hw-address":"3c:22:fb:12:34:56","hostname":"tv","state":2}, {"ip-address":"192.168.1.43","state":1}]"#,
            leases: &[("-", "3c:22:fb:12:34:56", "tv", "-")],
        },
        Example {
            text: r#"{"result":3,"text":"0 IPv4 lease(s) found.","arguments":{"leases":[]}}"#,
            leases: &[],
        },
        Example { text: r#"[1, "x", {"a": [{}]}]"#, leases: &[] },
    ],
};

/// How long a lease lasts that never ends, in seconds.
const FOR_EVER: u64 = u32::MAX as u64;
/// How deep lists of leases lie in an answer: an array of answers, their arguments, the list.
const DEPTH_MAX: usize = 3;

/// Which columns of the file hold what.
struct Columns {
    address: usize,
    hwaddr: Option<usize>,
    client_id: Option<usize>,
    duid: Option<usize>,
    valid_lifetime: Option<usize>,
    expire: Option<usize>,
    lease_type: Option<usize>,
    hostname: Option<usize>,
    state: Option<usize>,
}

/// What the server thinks of a lease.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// It holds, or is registered by the device itself.
    Holds,
    /// Somebody else was found at the address: it says nothing of a device.
    Declined,
    /// It has expired or was given back.
    Over,
}

// === The lease file ===

fn parse_csv(text: &str) -> Vec<Lease> {
    let mut lines = text.lines();
    let Some(columns) = lines.next().and_then(Columns::read) else { return Vec::new() };
    let mut leases: Vec<Option<Lease>> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for line in lines {
        let fields: Vec<&str> = line.split(',').collect();
        let Some(address) = fields.get(columns.address) else { continue };
        let lease = columns.lease(&fields);
        if let Some(place) = places.get(address).and_then(|&place| leases.get_mut(place)) {
            *place = lease;
        } else {
            places.insert(address, leases.len());
            leases.push(lease);
        }
    }
    leases.into_iter().flatten().collect()
}

// === Answers ===

fn parse_json(text: &str) -> Vec<Lease> {
    let answer: Value = serde_json::from_str(text).unwrap_or_default();
    lists(&answer).flatten().filter_map(lease_of_json).collect()
}

/// The lists of leases in an answer, in an array of answers, or in a bare list.
fn lists(answer: &Value) -> impl Iterator<Item = &Vec<Value>> {
    let mut found = Vec::new();
    collect(answer, DEPTH_MAX, &mut found);
    found.into_iter()
}

fn collect<'a>(value: &'a Value, depth: usize, found: &mut Vec<&'a Vec<Value>>) {
    match value {
        Value::Array(list) if list.iter().any(|entry| entry.get("ip-address").is_some()) => {
            found.push(list);
        }
        Value::Array(list) if depth > 0 => {
            for value in list {
                collect(value, depth - 1, found);
            }
        }
        Value::Object(entries) => {
            if let Some(Value::Array(list)) = entries.get("leases") {
                found.push(list);
            } else if let Some(arguments) = entries.get("arguments").filter(|_| depth > 0) {
                collect(arguments, depth - 1, found);
            }
        }
        Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn lease_of_json(entry: &Value) -> Option<Lease> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
    let number = |key: &str| entry.get(key).and_then(Value::as_u64);
    let valid = number("valid-lft").unwrap_or(FOR_EVER);
    let until = number("cltt")
        .filter(|_| valid != FOR_EVER)
        .and_then(|since| time(i64::try_from(since.saturating_add(valid)).ok()?));
    lease(
        text("ip-address"),
        [text("hw-address"), text("client-id"), text("duid")],
        text("hostname"),
        until,
        State::of(number("state").unwrap_or(0), valid, text("type") == "IA_PD"),
    )
}

/// A lease out of what both forms say. `ids` are the hardware address, the client id and the DUID.
fn lease(
    address: &str,
    ids: [&str; 3],
    host: &str,
    until: Option<Timestamp>,
    state: State,
) -> Option<Lease> {
    let address: IpAddr = address.parse().ok()?;
    let [hardware, client, duid] = ids;
    let mac = mac(hardware)
        .or_else(|| mac_of_client_id(&octets(client)?))
        .or_else(|| mac_of_duid(&octets(duid)?));
    let lease = Lease::of(Some(address), mac, host, until)?;
    match state {
        State::Holds => Some(lease),
        State::Declined => None,
        State::Over => lease.over(),
    }
}

// === impl Columns ===

impl Columns {
    /// Reads the head of the file.
    fn read(head: &str) -> Option<Self> {
        let names: Vec<&str> = head.trim_end().split(',').collect();
        let column = |name: &str| names.iter().position(|&other| other == name);
        Some(Columns {
            address: column("address")?,
            hwaddr: column("hwaddr"),
            client_id: column("client_id"),
            duid: column("duid"),
            valid_lifetime: Some(column("valid_lifetime")?),
            expire: Some(column("expire")?),
            lease_type: column("lease_type"),
            hostname: column("hostname"),
            state: column("state"),
        })
    }

    fn lease(&self, fields: &[&str]) -> Option<Lease> {
        let text = |column: Option<usize>| {
            column.and_then(|column| fields.get(column)).copied().unwrap_or_default()
        };
        let number = |column| text(column).parse::<u64>().ok();
        let valid = number(self.valid_lifetime)?;
        let until = number(self.expire)
            .filter(|_| valid != FOR_EVER)
            .and_then(|end| time(i64::try_from(end).ok()?));
        lease(
            text(Some(self.address)),
            [text(self.hwaddr), text(self.client_id), text(self.duid)],
            text(self.hostname),
            until,
            State::of(number(self.state).unwrap_or(0), valid, text(self.lease_type) == "2"),
        )
    }
}

// === impl State ===

impl State {
    /// From Kea's number. A line that is valid for no time takes a lease out, and a prefix is no
    /// address of the device that has it.
    fn of(number: u64, valid: u64, is_prefix: bool) -> Self {
        match number {
            1 => State::Declined,
            2 | 3 => State::Over,
            _ if valid == 0 || is_prefix => State::Over,
            _ => State::Holds,
        }
    }
}
