//! Amparo, the family's DNS. This page is the map: read it before the code.
//!
//! # Words
//! One spelling each, in code, config, command line and documents.
//!
//! | word | what it is |
//! |---|---|
//! | *household* | everyone and everything one config file is about |
//! | *child*, *adult* | somebody with rules; in code a [subject](policy::rules::Subject), as are unknown devices |
//! | *device* | what asks: known by hardware address, address, range, name or id ([`clients`]) |
//! | *profile* | a reusable set of rules; each age band has a built-in one |
//! | *category*, *service* | kinds of sites, and apps with all their names ([`lists::catalogue`]) |
//! | *list* | names that fill a category ([`lists`]) |
//! | *tag* | a category, a service or a single list, as one bit of a name ([`policy::tags`]) |
//! | *schedule* | a window in which something is closed or only something is open; *bedtime* is one |
//! | *moment* | which windows are open and what holds for a while, for a stretch of time in which nothing opens or closes |
//! | *budget* | minutes a day for something, measured from what is asked, or started ([`policy::budget`]) |
//! | *grant* | what a parent opens for a while: time free of schedules and budgets, or a word |
//! | *pause* | everything closed for somebody, for a while |
//! | *request* | what a child asks for, with a reason; a parent answers it |
//! | *ledger* | all that expires or is counted, on the disk before it is told ([`ledger`]) |
//! | *passing* | what the ledger says now, in the form in which rules take it ([`policy::passing`]) |
//! | *verdict* | what is done with a question, with its *reason* ([`policy::verdict`]) |
//! | *attempt* | repeated questions for one site, folded into one line a parent can read |
//! | *journal* | what is remembered ([`journal`]) |
//! | *house* | a household with its lists read: all that decides ([`house`]) |
//! | *index* | all names of all lists, one file mapped into memory ([`lists::Index`]) |
//! | *copy* | a fetched list as it came, in the state directory ([`house::fetched`]) |
//! | *held* | kept out of force because it does not look like the list it was ([`update::judge`]) |
//! | *roster* | the devices that were seen, and what is odd about them ([`roster`]) |
//! | *told* | what a trusted forwarder says of the device it asks for ([`clients::Told`]) |
//! | *handed* | the addresses a device was given, so that a router can cut them ([`enforce`]) |
//! | *desk* | what one thread keeps between queries ([`dns::Desk`]) |
//!
//! # The journey of a query
//! ```text
//!  datagram ─► question ─► who ─► tags of the name ─► verdict ─┬─ block   ─► answer built here ──────────┐
//!  (dns::udp)  (dns::wire) (clients)   (lists::Index)  (policy)├─ local   ─► answer built here ──────────┤
//!  TCP, TLS, HTTPS, QUIC ──► the same answer_now()             ├─ rewrite ─► ask for the safe name ─┐    ├─► reply
//!                                                              └─ allow   ─► cache ─► upstream ─► judge  ┘
//!                                                                            again (CNAME and SVCB targets)
//!  every verdict ─► journal, which never makes an answer wait
//!  an open one that a budget covers ─► ledger: this minute was used by this person
//!  addresses handed out ─► enforce, where a router cuts what closes
//! ```
//! Beside it, [`daemon`]'s timekeeper waits for the next boundary (a window, the end of a grant, the
//! last minute of a budget, a step of the clock), has [`policy::Moment`] computed anew at that very
//! instant, and puts the new state in the place of the old one.
//!
//! One direction, one screen: [`dns::Resolver`]. The order in which rules speak is a table:
//! [`policy::ORDER`].
//!
//! Datagrams come in batches, on one thread a core ([`dns::udp`]). Each thread has a
//! [`Desk`](dns::Desk): the state, the time and the clients it knows, looked at once a batch; so a
//! blocked, local or cached answer takes no lock, allocates nothing and writes nothing that another
//! core reads. The journal is told when the replies are on their way.
//!
//! # Layers
//! A module uses only what stands beside it; `tests/tidy.rs` checks this table.
//!
//! | module | may use | what it does |
//! |---|---|---|
//! | [`fnv`] | – | the checksum of what is kept on the disk |
//! | [`name`] | fnv | domain names: parse, walk the parents, show escaped, tell a public suffix |
//! | [`words`] | – | every sentence about the household, Spanish and English side by side |
//! | [`kept`] | fnv | small files that outlive power cuts: two generations, a checksum |
//! | [`sys`] | – | the only file with `unsafe`: what only the kernel can do |
//! | [`clock`] | sys | the only file that asks what time it is |
//! | [`timekeeping`] | clock | whether the time is known, and asking for it where it is not |
//! | [`policy`] | name, words | PURE: who × what × when → verdict and reason. Cannot fail |
//! | [`lists`] | name, words, sys, policy | text → entries → index, a file → look-up |
//! | [`clients`] | name, words, clock, policy | address → device → subject; the kernel's neighbour table; names of devices |
//! | [`ledger`] | name, words, kept, clock, policy | what expires or is counted, durable: pauses, grants, requests, minutes |
//! | [`roster`] | name, words, kept, clock | the devices that were seen, and what is odd about them |
//! | [`config`] | name, words, fnv, policy, lists, clients | the one file: raw → checked, every mistake at once |
//! | [`house`] | all of these but clock | reads the lists of a config: everything that decides, whole |
//! | [`journal`] | name, words, clock, policy, config | SQLite by one writer thread; readers beside it |
//! | [`enforce`] | name, words, clock, config | tells a router the addresses of what just closed |
//! | [`dns`] | name, clock, sys, policy, ledger, clients, roster, config, house, journal, enforce | sockets, wire format, cache, upstreams |
//! | [`update`] | name, words, clock, sys, lists, config, house | fetches lists, and keeps what must not be taken out |
//! | [`inspect`] | name, words, policy, ledger, lists, clients, roster, config, house, update | what the program says of itself, as JSON |
//! | [`control`] | inspect | the language of the control socket |
//! | [`daemon`] | all of these | puts the parts together, owns the tasks, reloads, stops |
//! | [`firewall`] | name, words, policy, clients, enforce, dns | rules for the router against ways around, and whether they hold |
//! | [`doctor`] | all of these but sys, enforce, update, daemon, firewall | what may be wrong with an installation, and what to do |
//! | [`cli`] | all of these | one file a command |
//!
//! # Promises
//! 1. **The core asks no clock, no disk, no network.** Time, names and lists come in as arguments.
//! 2. **A verdict always has its reason**, allow included: ids only, words at the edges.
//! 3. **One immutable state a query** ([`dns::State`]), swapped at once. A state that cannot be
//!    built leaves the old one serving, and says so.
//! 4. **Nothing outlives a boundary**: every TTL handed out ends when a window, a grant or a pause
//!    begins or ends for that child, or a budget does, and after 60 s for children altogether.
//! 5. **The cache knows no child**: it holds what upstream said; the verdict is taken per
//!    question, also on what an answer leads to.
//! 6. **What upstream said passes through as it came**; only policy changes it.
//! 7. **The journal never holds up an answer**, and help is never recorded.
//! 8. **Fail towards the family's decision**: a broken list, file, disk or upstream opens nothing.
//! 9. **A blocked, local or cached answer takes no lock and allocates nothing**, and what deciding
//!    costs does not grow with children or schedules.
//! 10. **Every limit is a named number** with its reason beside it.
//! 11. **What a parent did is on the disk before it is in force**, and in force before it is told.
//! 12. **An unknown time opens nothing**: the stricter side of every schedule, grant and budget.
//!
//! # Where do I change …?
//!
//! | what | where |
//! |---|---|
//! | the order of precedence | [`policy::ORDER`], its claims in `policy/tests.rs` |
//! | a sentence | [`words`] |
//! | a category, service or starter name | `blocklists/`, read by [`lists::catalogue`] |
//! | a list format | one file in `lists/format/`, a line in its table, a page in `docs/lists/` |
//! | a list that others publish | a row of `blocklists/sources.toml`, read by `lists::published` |
//! | what no list may close | `blocklists/list-guard.txt`; what no update may newly close, `everyday.txt` |
//! | what a public suffix is | `blocklists/suffixes.txt`, read by `name/suffix.rs` |
//! | when a list is fetched | [`update::schedule`]; what is kept out of it: [`update::judge`] |
//! | a search engine's safe form | a row in [`policy::safesearch`] |
//! | a special-use name | a row in [`policy::local`] |
//! | a config key | the registry in [`config`], then its use; `config/amparo.toml` fails its test until it mentions it |
//! | what `check` finds odd in a good file | [`config::lint`] |
//! | how a change is written into the file | [`config::edit`] |
//! | which days a calendar file has | [`config::ical`] |
//! | how devices ask encrypted | [`dns::tls`], `dns/https.rs`, [`dns::quic`]; where that is listened on: `daemon/encrypted.rs` |
//! | who may be connected at once | [`dns::seats`]; how fast one device may ask: `dns/pace.rs` |
//! | which addresses are of the house | [`dns::rebind`] |
//! | how upstreams are spoken to | the map in `dns/upstream/mod.rs`; checked signatures: `validate.rs` there |
//! | how a closed name is answered | [`dns::answer`] |
//! | how an upstream is spoken to, and believed | [`dns::upstream`], `docs/upstreams/` |
//! | what `amparo init` asks, and writes | `cli/init/talk.rs`, [`config::draft`]; its sentences: `words/init.rs` |
//! | what `amparo doctor` looks at | one file in `doctor/`, a row of its table; what it says: `words/doctor.rs` |
//! | what is set on a phone for encrypted DNS | `cli/device_setup.rs`; its sentences: `words/setup.rs` |
//! | a command | one file in `cli/` and a variant of its `Command` |
//! | what is kept | [`journal`] |
//! | what counts as use of a budget | [`policy::meter`]; its claims are `tests/family.rs` and `docs/time/` |
//! | a name that devices ask for by themselves | `blocklists/noise.txt`: such names never count |
//! | pauses, grants, requests, undo, the audit | [`ledger`]; what the command line says of them: `daemon/family.rs`, [`words`] |
//! | when windows are open, gaps and folds | [`policy::hours`] |
//! | how the coming week is shown | [`inspect`], `cli/week.rs` |
//! | whether the time is believed, and who is asked for it | [`timekeeping`] |
//! | how a calendar file is read | `config/ical.rs` |
//! | what `check` warns of | `config/lint.rs` |
//! | how a change gets into the config file | `config/edit.rs` |
//! | how a device is recognised | [`clients::Table`]; what a forwarder tells: [`dns::options`] |
//! | what a device is called | [`clients::hosts`] |
//! | what counts as a sign of a way around | `roster/signs.rs`; a wrong set-up: `roster/presence.rs` |
//! | what a router is told, and how | [`enforce`], `docs/enforce/` |
//! | what a router's firewall turns back | [`firewall`], `docs/firewall/`; whose addresses: `blocklists/doh-addresses.txt` |
//! | a DHCP server's lease file | one file in `clients/leases/`, a line in its table, `docs/devices/` |
//! | which makers of devices are known | `clients/makers.sh`, which writes `makers.txt` |

pub mod cli;
pub mod clients;
pub mod clock;
pub mod config;
pub mod control;
pub mod daemon;
pub mod dns;
pub mod doctor;
pub mod enforce;
pub mod firewall;
pub mod fnv;
pub mod house;
pub mod inspect;
pub mod journal;
pub mod kept;
pub mod ledger;
pub mod lists;
pub mod name;
pub mod policy;
pub mod roster;
pub mod sys;
pub mod timekeeping;
pub mod update;
pub mod words;
