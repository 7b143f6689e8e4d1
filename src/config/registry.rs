//! Every key of the file, once.
//!
//! The reader, "did you mean", the warning that something is not built yet, the JSON schema and
//! the test of the commented defaults all read this table. A new key is one row here and its use
//! in `check` or `build`. It knows no values: only their shape.

use super::registry_rules::{PERSON, RULES};

/// A table of the file.
#[derive(Debug)]
pub struct Table {
    /// Its name in a header; where [`Table::by_id`] holds, what stands before the dot.
    pub name: &'static str,
    /// Whether it is written `[name.ID]`, one for each thing.
    pub by_id: bool,
    /// What it is for.
    pub doc: &'static str,
    /// Its keys.
    pub keys: &'static [&'static [Key]],
    /// Whether it takes other keys too.
    pub open: bool,
    /// When the whole table is not built yet: what is in force meanwhile.
    pub unbuilt: Option<&'static str>,
}

/// A key of a table.
#[derive(Debug)]
pub struct Key {
    /// The key.
    pub name: &'static str,
    /// What its value looks like.
    pub shape: Shape,
    /// A value in TOML: the default, where there is one.
    pub example: &'static str,
    /// What it does, for the schema.
    pub doc: &'static str,
    /// When it is not built yet: what is in force meanwhile.
    pub unbuilt: Option<&'static str>,
}

/// What a value looks like. What it means is checked later.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// `true` or `false`.
    Flag,
    /// A whole number from the first to the last.
    Number(i64, i64),
    /// A whole number; its range has words of its own.
    Age,
    /// Text.
    Text,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Text such as `1h30m`.
    Duration,
    /// One text, or an array of them.
    Texts,
    /// Text, or a table of texts by days.
    Bedtime,
    /// A table of durations, each whole or by days.
    Budget,
    /// A table of texts or arrays of them.
    Records,
    /// A table.
    Table(&'static Table),
    /// An array of tables.
    Tables(&'static Table),
}

impl Table {
    /// All keys.
    pub fn keys(&self) -> impl Iterator<Item = &'static Key> {
        self.keys.iter().flat_map(|keys| keys.iter())
    }

    /// The key of that name.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys().find(|key| key.name == name)
    }
}

impl Key {
    pub(super) const fn new(
        name: &'static str,
        shape: Shape,
        example: &'static str,
        doc: &'static str,
    ) -> Self {
        Key { name, shape, example, doc, unbuilt: None }
    }

    /// The key, marked as not built yet; `meanwhile` says what is in force.
    pub(super) const fn unbuilt(mut self, meanwhile: &'static str) -> Self {
        self.unbuilt = Some(meanwhile);
        self
    }
}

/// The words of a journal level, least first.
pub const LEVELS: &[&str] = &["off", "counts", "sites", "names", "all"];
/// The formats a list may say it has.
pub const FORMATS: &[&str] =
    &["auto", "hosts", "domains", "wildcard", "adblock", "rpz", "dnsmasq", "unbound", "squidguard"];

/// The longest cache: what a home server has to spare, and far below what overflows.
const CACHE_MIB_MAX: i64 = 65_536;
/// The longest TTL of a closed name: a day. Longer, and what a parent opens stays closed.
const BLOCKED_TTL_SECONDS_MAX: i64 = 86_400;
/// The longest the journal remembers: ten years.
const KEEP_DAYS_MAX: i64 = 3_650;
/// The largest journal: a TiB, the largest size a family's disk has.
const KEEP_MIB_MAX: i64 = 1_048_576;
/// The longest that attempts wait in memory; a power cut loses as much.
const FLUSH_SECONDS_MAX: i64 = 3_600;

/// A table written once.
const fn once(name: &'static str, doc: &'static str, keys: &'static [&'static [Key]]) -> Table {
    Table { name, by_id: false, doc, keys, open: false, unbuilt: None }
}

/// A table written `[name.ID]`.
const fn many(name: &'static str, doc: &'static str, keys: &'static [&'static [Key]]) -> Table {
    Table { by_id: true, ..once(name, doc, keys) }
}

/// Every table of the file.
pub static TABLES: &[Table] = &[
    once("household", "The family as a whole.", &[HOUSEHOLD]),
    once("dns", "How questions come in and go out.", &[DNS]),
    Table {
        unbuilt: Some("no page is served; of its keys `names` alone is in force"),
        ..once("web", "The page for the family.", &[WEB])
    },
    once("state", "Where it remembers.", &[STATE]),
    once("journal", "What is remembered of blocked attempts.", &[JOURNAL]),
    many("list", "A list of names, fetched or from a file.", &[LIST]),
    many("category", "A category of your own, or more names for one of ours.", &[NAMED]),
    many("service", "A service of your own, or more names for one of ours.", &[NAMED]),
    many("profile", "A set of rules that several people share.", &[RULES]),
    many("child", "A child: its devices and rules.", &[PERSON, AGE, RULES]),
    many("adult", "An adult: the devices and rules.", &[PERSON, RULES]),
    many("calendar", "Days that a schedule is about, or leaves out.", &[CALENDAR]),
    once("enforce", "Cutting connections of what just closed. docs/enforce/README.md.", &[ENFORCE]),
    Table {
        unbuilt: Some("nobody is told anything"),
        // Where a message goes is each kind's own affair.
        open: true,
        ..many("notify", "Telling a parent.", &[NOTIFY])
    },
];

/// The table of that name.
#[must_use]
pub fn table(name: &str) -> Option<&'static Table> {
    TABLES.iter().find(|table| table.name == name)
}

static ENCRYPTED: Table = once(
    "dns.encrypted",
    "Encrypted DNS for the family's devices. docs/encrypted/README.md.",
    &[ENCRYPTED_KEYS],
);

const HOUSEHOLD: &[Key] = &[
    Key::new("name", Shape::Text, "\"Casa\"", "What the family calls itself.")
        .unbuilt("no page shows it yet"),
    Key::new(
        "language",
        Shape::Choice(&["es", "en"]),
        "\"en\"",
        "The language of reasons and reports. Default: the system's, else en.",
    ),
    Key::new(
        "timezone",
        Shape::Text,
        "\"America/Guatemala\"",
        "IANA name of the time zone. Default: the system's.",
    ),
    Key::new(
        "day_starts",
        Shape::Text,
        "\"04:00\"",
        "When a day of budgets begins: from 00:00 to 23:59.",
    ),
    Key::new("country", Shape::Text, "\"GT\"", "Whose help lines are shown: two letters.")
        .unbuilt("no page shows help lines yet; their names always answer"),
    Key::new(
        "unknown_devices",
        Shape::Text,
        "\"10-12\"",
        "What holds for devices nobody claimed: a profile's id, block or open.",
    ),
    Key::new(
        "public_lists",
        Shape::Flag,
        "true",
        "Whether public lists are fetched for what is closed for somebody. docs/lists/README.md.",
    ),
    Key::new("allow", Shape::Texts, "[]", "Open for everyone: categories, services, names."),
    Key::new("block", Shape::Texts, "[]", "Closed for everyone: categories, services, names."),
];

const DNS: &[Key] = &[
    Key::new(
        "listen",
        Shape::Texts,
        "[\"0.0.0.0:53\", \"[::]:53\"]",
        "Where questions come in, UDP and TCP.",
    ),
    Key::new(
        "upstreams",
        Shape::Texts,
        "[\"tls://9.9.9.9#dns.quad9.net\", \"tls://1.1.1.1#cloudflare-dns.com\"]",
        "Who is asked for adults: scheme, address, and the certificate's name behind #. docs/upstreams/README.md.",
    ),
    Key::new(
        "child_upstreams",
        Shape::Texts,
        "[\"tls://1.1.1.3#family.cloudflare-dns.com\"]",
        "Who is asked for children. Where only upstreams is set, those.",
    ),
    Key::new(
        "upstream_ca",
        Shape::Texts,
        "[]",
        "Files of certificate authorities of your own, in PEM, that may sign for upstreams.",
    ),
    Key::new(
        "strategy",
        Shape::Choice(&["fastest", "parallel", "in_order"]),
        "\"fastest\"",
        "How one of several upstreams is chosen.",
    ),
    Key::new(
        "forward",
        Shape::Records,
        "{ \"lan\" = [\"udp://192.168.1.1\"] }",
        "Names that are asked elsewhere, with all below them.",
    ),
    Key::new(
        "dnssec",
        Shape::Choice(&["pass", "validate"]),
        "\"pass\"",
        "Whether signatures are validated here. docs/upstreams/README.md.",
    ),
    Key::new(
        "trust_anchor",
        Shape::Texts,
        "[]",
        "Files of DNSKEY records to trust when validating. Default: the root's.",
    ),
    Key::new("cache_mib", Shape::Number(0, CACHE_MIB_MAX), "16", "The cache's bound, in MiB."),
    Key::new(
        "serve_stale",
        Shape::Flag,
        "true",
        "Whether expired answers serve when upstreams fail.",
    ),
    Key::new(
        "blocked_answer",
        Shape::Text,
        "\"zero_ip\"",
        "How a closed name is answered: zero_ip, nxdomain or an address.",
    ),
    Key::new(
        "blocked_ttl",
        Shape::Number(0, BLOCKED_TTL_SECONDS_MAX),
        "10",
        "How long that answer is kept, in seconds.",
    ),
    Key::new(
        "rate_limit",
        Shape::Number(0, 1_000_000),
        "1000",
        "Queries a second from one client, five times as many at once; 0: no limit.",
    ),
    Key::new(
        "allow_from",
        Shape::Texts,
        "[\"192.168.0.0/16\", \"fd00::/8\"]",
        "Whose questions are taken. Default: private ranges, loopback, this machine's own networks.",
    ),
    Key::new(
        "trusted_forwarders",
        Shape::Texts,
        "[\"192.168.1.1\"]",
        "Resolvers that say for which device they ask, and are believed. docs/devices/README.md.",
    ),
    Key::new(
        "leases",
        Shape::Texts,
        "\"/tmp/dhcp.leases\"",
        "Where the DHCP server keeps its leases: files or folders. Default: the usual places.",
    ),
    Key::new(
        "rebind_allow",
        Shape::Texts,
        "[\"plex.direct\"]",
        "Names, with all below them, that may lead to addresses in the house. docs/dns/README.md.",
    ),
    Key::new(
        "records",
        Shape::Records,
        "{ \"printer.home.arpa\" = \"192.168.1.5\" }",
        "Names of the house with their addresses.",
    ),
    Key::new("encrypted", Shape::Table(&ENCRYPTED), "{}", "Encrypted DNS for devices."),
];

const ENCRYPTED_KEYS: &[Key] = &[
    Key::new("certificate", Shape::Text, "\"/etc/amparo/cert.pem\"", "The certificate's file."),
    Key::new("private_key", Shape::Text, "\"/etc/amparo/key.pem\"", "Its key's file."),
    Key::new("hostname", Shape::Text, "\"dns.example.org\"", "The name in the certificate."),
    Key::new("tls", Shape::Texts, "\"0.0.0.0:853\"", "Where DNS over TLS listens."),
    Key::new("https", Shape::Texts, "\"0.0.0.0:443\"", "Where DNS over HTTPS listens."),
    Key::new("quic", Shape::Texts, "\"0.0.0.0:853\"", "Where DNS over QUIC listens."),
];

const WEB: &[Key] = &[
    Key::new("listen", Shape::Texts, "\"0.0.0.0:8080\"", "Where the page is served."),
    Key::new("allow_from", Shape::Texts, "[\"192.168.0.0/16\"]", "Who may open it."),
    Key::new("certificate", Shape::Text, "\"/etc/amparo/cert.pem\"", "The certificate's file."),
    Key::new("private_key", Shape::Text, "\"/etc/amparo/key.pem\"", "Its key's file."),
    Key::new(
        "names",
        Shape::Texts,
        "[\"amparo.home.arpa\", \"ask.home.arpa\"]",
        "The page's own names, answered with this program's address.",
    ),
];

const STATE: &[Key] = &[Key::new(
    "directory",
    Shape::Text,
    "\"/var/lib/amparo\"",
    "Where the journal and what expires by itself live.",
)];

const JOURNAL: &[Key] = &[
    Key::new(
        "level",
        Shape::Choice(LEVELS),
        "\"names\"",
        "What is kept of everybody. Default: by age; nothing of adults.",
    ),
    Key::new("keep_days", Shape::Number(1, KEEP_DAYS_MAX), "30", "How long, in days."),
    Key::new("keep_mib", Shape::Number(1, KEEP_MIB_MAX), "200", "How much, in MiB."),
    Key::new(
        "flush_seconds",
        Shape::Number(1, FLUSH_SECONDS_MAX),
        "5",
        "How often it is written: what a power cut may lose.",
    ),
    Key::new("store", Shape::Choice(&["sqlite", "postgres"]), "\"sqlite\"", "Where it is kept.")
        .unbuilt("the journal is one SQLite file in the state directory"),
    Key::new("url", Shape::Text, "\"postgres://localhost/amparo\"", "The store's address.")
        .unbuilt("the journal is one SQLite file in the state directory"),
];

const LIST: &[Key] = &[
    Key::new(
        "category",
        Shape::Text,
        "\"gambling\"",
        "The category its names fill. Without: closed by itself.",
    ),
    Key::new(
        "url",
        Shape::Text,
        "\"https://example.org/list.txt\"",
        "Where it is fetched from: http or https.",
    ),
    Key::new("file", Shape::Text, "\"lists/gambling.txt\"", "Its file, from this file's place."),
    Key::new("format", Shape::Choice(FORMATS), "\"auto\"", "How it is written."),
    Key::new(
        "match",
        Shape::Choice(&["exact", "subdomains"]),
        "\"subdomains\"",
        "What an entry covers. Default: exact for hosts, subdomains for plain names.",
    ),
    Key::new(
        "kind",
        Shape::Choice(&["block", "allow"]),
        "\"block\"",
        "Whether it closes its names, or takes them out of its category (without one: of all categories and lists).",
    ),
    Key::new("enabled", Shape::Flag, "true", "Whether it counts."),
    Key::new("every", Shape::Duration, "\"24h\"", "How often it is fetched: 1h or more."),
];

const NAMED: &[Key] = &[
    Key::new("name", Shape::Text, "\"Minecraft servers\"", "What a parent reads."),
    Key::new("names", Shape::Texts, "[\"example.com\"]", "Its names, each with all below it."),
    Key::new("explain", Shape::Text, "\"Why it is closed.\"", "What a child reads.")
        .unbuilt("no page shows it yet; the name is closed all the same"),
];

const AGE: &[Key] = &[Key::new("age", Shape::Age, "9", "0 to 17: chooses the built-in profile.")];

const CALENDAR: &[Key] = &[
    Key::new(
        "dates",
        Shape::Texts,
        "[\"2026-12-20..2027-01-10\"]",
        "Days, and stretches of days with both ends included.",
    ),
    Key::new(
        "file",
        Shape::Text,
        "\"holidays.ics\"",
        "A file in iCalendar form, from this file's place. docs/time/calendars.md.",
    ),
];

const ENFORCE: &[Key] = &[
    Key::new(
        "command",
        Shape::Texts,
        "\"/usr/local/bin/cut\"",
        "A program, with its arguments as an array: it reads what closes and opens, line by line.",
    ),
    Key::new(
        "nftables_set",
        Shape::Text,
        "\"inet amparo closed\"",
        "Family, table and set of nftables that holds what is closed; for IPv6 with a 6 behind.",
    ),
];

const NOTIFY: &[Key] = &[
    Key::new(
        "kind",
        Shape::Choice(&["ntfy", "telegram", "webhook", "email"]),
        "\"ntfy\"",
        "How it is sent.",
    ),
    Key::new("events", Shape::Texts, "[\"request\"]", "What is told."),
];
