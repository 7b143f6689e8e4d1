use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::columns::{width, write_below};
use super::log::printable;
use super::{App, Exit, Failure, label, print_json};
use crate::config::Config;
use crate::control::{self, Command};
use crate::firewall::facts::Machine;
use crate::firewall::probe::{self, Tried};
use crate::firewall::{self, Given, Notice, Plan, SeenHost, Turn, doh, nft, openwrt};
use crate::inspect::{self, DeviceStatus, JSON_VERSION};
use crate::policy::rules::Household;
use crate::words::{Language, Words, firewall as say};

/// Rules for the router that keep devices from going around the filter, and a test of them
///
/// Plain DNS to other resolvers is answered by Amparo, DNS over TLS and QUIC (853) and the known
/// addresses of DNS over HTTPS do not connect: for children and for devices that are nobody's.
#[derive(clap::Args)]
pub(super) struct Firewall {
    #[command(subcommand)]
    command: FirewallCommand,
}

#[derive(Subcommand)]
enum FirewallCommand {
    /// Print the rules for nftables, or load them
    Nftables(Rules),
    /// Print what to type on a router with `OpenWrt`, or do it
    Openwrt(Rules),
    /// Ask from this device whether the rules hold; exits with 1 when one does not
    Test(Test),
}

/// What is done with the rules.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
struct Rules {
    #[command(subcommand)]
    test: Option<TestCommand>,
    /// Load them on this machine: in one step, whatever was there of earlier ones
    #[arg(long)]
    apply: bool,
    /// Take exactly them back
    #[arg(long, conflicts_with = "apply")]
    undo: bool,
    /// An interface behind which the house is; may come several times. Else those that do not lead
    /// to the internet
    #[arg(long, value_name = "INTERFACE")]
    house: Vec<String>,
    /// Amparo is not on the router but at this address: then DNS to others is refused there
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["apply", "undo"])]
    amparo: Option<IpAddr>,
    /// What would be done, as JSON; nothing is done without --apply or --undo
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum TestCommand {
    /// Ask from this device whether the rules hold; exits with 1 when one does not
    Test(Test),
}

/// Asking from a device.
#[derive(clap::Args)]
struct Test {
    /// Ask this resolver; may come several times. Else some that everybody knows
    #[arg(long, value_name = "ADDRESS")]
    via: Vec<IpAddr>,
    /// One line of JSON for each try
    #[arg(long)]
    json: bool,
}

/// For what the rules are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Nftables,
    Openwrt,
}

/// The rules with all around them.
struct Written {
    kind: Kind,
    /// What is read by whoever loads them.
    script: String,
    /// What is read by whoever takes them back.
    undo: String,
    plan: Plan,
}

impl Firewall {
    pub(super) fn run(self, app: &App) -> Result<(), Failure> {
        match self.command {
            FirewallCommand::Nftables(rules) => rules.run(Kind::Nftables, app),
            FirewallCommand::Openwrt(rules) => rules.run(Kind::Openwrt, app),
            FirewallCommand::Test(test) => test.run(app),
        }
    }
}

// === impl Rules ===

impl Rules {
    fn run(self, kind: Kind, app: &App) -> Result<(), Failure> {
        if let Some(TestCommand::Test(test)) = self.test {
            return test.run(app);
        }
        let found = app.found_or_default()?;
        let config = &found.checked.config;
        let language = config.household.language;
        if let Some(name) = self.house.iter().find(|name| !nft::is_interface(name)) {
            let name = printable(name);
            return Err(Failure::usage(say::NO_INTERFACE.fill(language, &name, "")));
        }
        let (listen, hosts) = around(app, config, &found.state_directory);
        let plan = Plan::new(Given {
            household: &config.household,
            devices: &config.devices,
            listen: &listen,
            hosts: &hosts,
            machine: &Machine::look(),
            house: &self.house,
            elsewhere: self.amparo,
        });
        let written = Written::new(kind, plan, &rules_file(app));
        let mut out = std::io::stdout().lock();
        if self.json {
            print_json(&mut out, &written.json(&config.household))?;
        } else if !self.apply && !self.undo {
            written.print(&mut out, &config.household)?;
        }
        if self.apply {
            written.tell(language, true)?;
        } else if self.undo {
            written.tell(language, false)?;
        }
        if (self.apply || self.undo) && !self.json {
            let done = if self.apply { &say::APPLIED } else { &say::UNDONE };
            write_below(&mut out, 0, done.in_language(language))?;
        }
        if self.apply && !self.json {
            for notice in &written.plan.notices {
                write_below(&mut out, 0, &sentence(notice, &config.household))?;
            }
            write_below(&mut out, 0, say::HOW_TO_TEST.in_language(language))?;
        }
        Ok(())
    }
}

/// Where the rules are kept on `OpenWrt`: beside the config file.
fn rules_file(app: &App) -> PathBuf {
    const NAME: &str = "firewall.nft";
    let config = app.file().filter(|file| file.is_absolute());
    let folder = config.as_deref().and_then(Path::parent).map(Path::to_owned);
    folder.unwrap_or_else(|| PathBuf::from("/etc/amparo")).join(NAME)
}

/// Where the program listens, and which devices were seen under a name.
fn around(app: &App, config: &Config, state: &Path) -> (Vec<SocketAddr>, Vec<SeenHost>) {
    let status: Option<control::Status> = control::tell(state, &Command::Status).ok();
    let told: Vec<SocketAddr> =
        status.iter().flat_map(|status| &status.listen).filter_map(|at| at.parse().ok()).collect();
    let said = config.dns.listen.clone().unwrap_or_else(|| {
        [IpAddr::from(Ipv4Addr::UNSPECIFIED), Ipv6Addr::UNSPECIFIED.into()]
            .map(|any| SocketAddr::new(any, firewall::DNS_PORT))
            .to_vec()
    });
    let listen = if told.is_empty() { said } else { told };
    let is_host = |rule: &crate::clients::DeviceRule| {
        matches!(rule.address, crate::clients::Address::Host(_))
    };
    if !config.devices.iter().any(is_host) {
        return (listen, Vec::new());
    }
    let devices = super::devices::known(app, state).unwrap_or_default();
    let hosts = devices.into_iter().filter_map(|device: DeviceStatus| {
        let addresses = device.addresses.iter().filter_map(|address| address.parse().ok());
        Some(SeenHost {
            host: device.host?.to_ascii_lowercase(),
            mac: inspect::mac_of(&device.id),
            addresses: addresses.collect(),
        })
    });
    (listen, hosts.collect())
}

// === impl Written ===

impl Written {
    fn new(kind: Kind, plan: Plan, file: &Path) -> Self {
        let (script, undo) = match kind {
            Kind::Nftables => (nft::script(&plan), nft::undo()),
            Kind::Openwrt => (openwrt::script(&plan, file), openwrt::undo(file)),
        };
        Written { kind, script, undo, plan }
    }

    /// Brings the rules about, or takes them back.
    fn tell(&self, language: Language, is_on: bool) -> Result<(), Failure> {
        let program: &[&str] = match self.kind {
            Kind::Nftables => &["nft", "-f", "-"],
            Kind::Openwrt => &openwrt::SHELL,
        };
        if self.kind == Kind::Openwrt && !firewall::is_installed(openwrt::UCI) {
            return Err(Failure::failed(say::NO_UCI.in_language(language))
                .hint(say::NO_UCI_HINT.in_language(language)));
        }
        let script = if is_on { &self.script } else { &self.undo };
        firewall::tell(program, script).map_err(|why| {
            let sentence = if is_on { &say::NOT_APPLIED } else { &say::NOT_UNDONE };
            Failure::failed(sentence.fill(language, program[0], &printable(&why)))
        })
    }

    /// The script, with what a person should know as comments before it.
    fn print(&self, out: &mut dyn Write, household: &Household) -> std::io::Result<()> {
        let language = household.language;
        for line in self.comments(household) {
            let mut text = Vec::new();
            write_below(&mut text, 2, &line)?;
            for line in String::from_utf8_lossy(&text).lines() {
                writeln!(out, "# {}", line.trim_start())?;
            }
        }
        match self.kind {
            Kind::Nftables => {
                let apply =
                    say::HOW_TO_APPLY.fill(language, "amparo firewall nftables --apply", "");
                writeln!(out, "# {apply}")?;
                let undo = format!("nft delete table inet {}", nft::TABLE);
                writeln!(out, "# {}", say::HOW_TO_UNDO.fill(language, &undo, ""))?;
                writeln!(out, "# {}\n", say::HOW_TO_TEST.in_language(language))?;
            }
            Kind::Openwrt => {
                writeln!(out, "# {}", say::HOW_TO_UNDO.fill(language, "", "").trim_end())?;
                for line in self.undo.lines() {
                    writeln!(out, "#   {line}")?;
                }
                writeln!(out, "# {}\n", say::HOW_TO_TEST.in_language(language))?;
            }
        }
        write!(out, "{}", self.script)
    }

    /// What the rules are, for whom, and what is to be known, each a paragraph.
    fn comments(&self, household: &Household) -> Vec<String> {
        let language = household.language;
        let whom = if self.plan.whom.strangers {
            &say::CHILDREN_AND_STRANGERS
        } else {
            &say::CHILDREN_ALONE
        };
        let head = match self.plan.dns {
            Turn::Here(..) => say::HEAD.in_language(language).to_owned(),
            Turn::Refused(at) => say::HEAD_ELSEWHERE.fill(language, &at.to_string(), ""),
        };
        let mut lines = vec![head, say::FOR_WHOM.fill(language, whom.in_language(language), "")];
        if self.kind == Kind::Nftables {
            lines.push(say::UNTIL_RESTART.in_language(language).to_owned());
        }
        lines.extend(self.plan.notices.iter().map(|notice| sentence(notice, household)));
        lines
    }

    fn json(&self, household: &Household) -> serde_json::Value {
        let Plan { house, whom, notices, .. } = &self.plan;
        let texts = |devices: &firewall::Devices| {
            let macs = devices.macs.iter().map(ToString::to_string);
            let v4 = devices.v4.iter().map(ToString::to_string);
            macs.chain(v4).chain(devices.v6.iter().map(ToString::to_string)).collect::<Vec<_>>()
        };
        let ranges = |of_children: bool| {
            let own = whom.ranges.iter().filter(move |range| range.2 == of_children);
            own.map(|(address, length, _)| format!("{address}/{length}"))
        };
        let all = |devices: &firewall::Devices, of_children: bool| {
            texts(devices).into_iter().chain(ranges(of_children)).collect::<Vec<_>>()
        };
        let notices = notices.iter().map(|notice| {
            serde_json::json!({ "kind": word(notice), "text": sentence(notice, household) })
        });
        serde_json::json!({
            "v": JSON_VERSION,
            "kind": match self.kind { Kind::Nftables => "nftables", Kind::Openwrt => "openwrt" },
            "house": house,
            "children": all(&whom.children, true),
            "adults": all(&whom.adults, false),
            "strangers": whom.strangers,
            "reaches_somebody": self.plan.reaches_somebody(),
            "notices": notices.collect::<Vec<_>>(),
            "script": self.script,
            "undo": self.undo,
        })
    }
}

/// What a notice says.
fn sentence(notice: &Notice, household: &Household) -> String {
    let language = household.language;
    let say = |words: &'static Words| words.in_language(language).to_owned();
    let owner = |id: &str| printable(&label(household, id)).into_owned();
    match notice {
        Notice::ForwardsNothing => say(&say::FORWARDS_NOTHING),
        Notice::OneNetwork => say(&say::ONE_NETWORK),
        Notice::NoWayOut => say(&say::NO_WAY_OUT),
        Notice::NoDoor(family) => say::NO_DOOR.fill(language, &family.to_string(), ""),
        Notice::LeftOut(who, what) => say::LEFT_OUT.fill(language, what, &owner(who)),
        Notice::HostNow(who, what) => say::HOST_NOW.fill(language, what, &owner(who)),
        Notice::HostUnseen(who, what) => say::HOST_UNSEEN.fill(language, what, &owner(who)),
        Notice::StrangersFree => say(&say::STRANGERS_FREE),
        Notice::Nobody => say(&say::NOBODY),
    }
}

/// The word of a notice in JSON.
fn word(notice: &Notice) -> &'static str {
    match notice {
        Notice::ForwardsNothing => "forwards_nothing",
        Notice::OneNetwork => "one_network",
        Notice::NoWayOut => "no_way_out",
        Notice::NoDoor(_) => "no_listener",
        Notice::LeftOut(..) => "left_out",
        Notice::HostNow(..) => "host_now",
        Notice::HostUnseen(..) => "host_unseen",
        Notice::StrangersFree => "strangers_free",
        Notice::Nobody => "nobody",
    }
}

// === impl Test ===

impl Test {
    fn run(self, app: &App) -> Result<(), Failure> {
        // A device need not have a config: then it speaks the system's language.
        let language = app.found_or_default()?.checked.config.household.language;
        let addresses = if self.via.is_empty() { probe::usual() } else { self.via };
        let tried = probe::probe(&addresses);
        let mut out = std::io::stdout().lock();
        if self.json {
            for one in &tried {
                print_json(&mut out, &try_json(one))?;
            }
        } else {
            print_tries(&mut out, &tried, language)?;
        }
        out.flush()?;
        if probe::holds(&tried) { Ok(()) } else { Err(Failure::quiet(Exit::Failed)) }
    }
}

fn try_json(one: &Tried) -> serde_json::Value {
    serde_json::json!({
        "v": JSON_VERSION,
        "address": one.address.to_string(),
        "owner": doh::owner_of(one.address),
        "way": one.way.word(),
        "outcome": one.outcome.word(),
        "holds": one.holds(),
    })
}

/// A line a try; a resolver is named once.
fn print_tries(out: &mut dyn Write, tried: &[Tried], language: Language) -> std::io::Result<()> {
    let find = |table: &'static [(&str, Words)], word: &str| {
        let row = table.iter().find(|(known, _)| *known == word);
        row.map_or("", |(_, words)| words.in_language(language))
    };
    let whose = |one: &Tried| match doh::owner_of(one.address) {
        Some(owner) => format!("{} ({owner})", one.address),
        None => one.address.to_string(),
    };
    let [resolver, way, result] = &say::COLUMNS;
    let head = [resolver, way, result].map(|words| words.in_language(language));
    let first = tried.iter().map(|one| width(&whose(one))).chain([width(head[0])]).max();
    let ways = say::WAYS.iter().map(|(_, words)| width(words.in_language(language)));
    let (first, second) = (first.unwrap_or(0), ways.chain([width(head[1])]).max().unwrap_or(0));
    writeln!(out, "{:<first$}  {:<second$}  {}", head[0], head[1], head[2])?;
    let mut before = None;
    for one in tried {
        let name = if before == Some(one.address) { String::new() } else { whose(one) };
        before = Some(one.address);
        let way = find(&say::WAYS, one.way.word());
        let outcome = find(&say::OUTCOMES, one.outcome.word());
        writeln!(out, "{name:<first$}  {way:<second$}  {outcome}")?;
    }
    writeln!(out)?;
    if probe::holds(tried) {
        return write_below(out, 0, say::HOLDS.in_language(language));
    }
    write_below(out, 0, say::HOLDS_NOT.in_language(language))?;
    write_below(out, 0, say::FROM_WHERE.in_language(language))
}
