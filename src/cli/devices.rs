use std::io::Write;
use std::path::Path;

use clap::Subcommand;
use jiff::{Timestamp, Zoned};

use super::changes::change;
use super::columns::{width, write_below, write_beside};
use super::log::printable;
use super::{App, Failure, label, print_json, readable};
use crate::clients::{Around, Hosts, Leases, Neighbours};
use crate::control::{self, Command, FamilyCommand};
use crate::inspect::{self, DeviceStatus};
use crate::policy::rules::Household;
use crate::roster::Roster;
use crate::words::devices as say;
use crate::words::family::moment;

/// Show which devices were seen, whose they are and what is odd about them; say whose one is
///
/// A device that is nobody's gets what `[household] unknown_devices` says.
#[derive(clap::Args)]
pub(super) struct Devices {
    #[command(subcommand)]
    command: Option<DevicesCommand>,
    /// One line of JSON each
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum DevicesCommand {
    /// Say whose a device is: it is written into the config file, with its comments kept
    Assign {
        /// The device: its id as `amparo devices` shows it, an address, host:NAME or id:NAME
        id: String,
        /// A child's or adult's id or name
        child: String,
    },
    /// Forget what is known of a device; when it comes again it is new
    Forget {
        /// The device, in the same way
        id: String,
    },
}

impl Devices {
    pub(super) fn run(self, app: &App) -> Result<(), Failure> {
        match self.command {
            None => show(app, self.json),
            Some(DevicesCommand::Assign { id, child }) => {
                change(app, self.json, |_| Ok(FamilyCommand::Assign { device: id, child }))
            }
            Some(DevicesCommand::Forget { id }) => {
                change(app, self.json, |_| Ok(FamilyCommand::Forget { device: id }))
            }
        }
    }
}

fn show(app: &App, json: bool) -> Result<(), Failure> {
    let found = app.found_or_default()?;
    let devices = known(app, &found.state_directory)?;
    let mut out = std::io::stdout().lock();
    if json {
        return devices.iter().try_for_each(|device| print_json(&mut out, device));
    }
    let household = &found.checked.config.household;
    let now = app.clock.now().to_zoned(household.zone.clone());
    Ok(print(&mut out, &devices, household, &now)?)
}

/// Every device that was seen: as the daemon tells, else as one wrote it down.
pub(super) fn known(app: &App, state: &Path) -> Result<Vec<DeviceStatus>, Failure> {
    match control::tell(state, &Command::Devices) {
        Ok(devices) => Ok(devices),
        Err(control::Error::Silent { .. }) => seen_last(app),
        Err(error) => Err(error.into()),
    }
}

/// What a daemon wrote down last, with who is there now.
fn seen_last(app: &App) -> Result<Vec<DeviceStatus>, Failure> {
    let (house, state) = app.house()?;
    let ((neighbours, _), hosts) = (Neighbours::start(), Hosts::default());
    Leases::new(&house.config.dns.leases).look(&hosts, app.clock.now());
    let around = Around { neighbours: &neighbours, hosts: &hosts };
    let known = Roster::look_at(&state, app.clock.clone()).devices();
    Ok(inspect::devices(&house, known, around, app.clock.now()))
}

fn print(
    out: &mut dyn Write,
    devices: &[DeviceStatus],
    household: &Household,
    now: &Zoned,
) -> std::io::Result<()> {
    let language = household.language;
    if devices.is_empty() {
        return write_below(out, 0, say::NO_DEVICES.in_language(language));
    }
    let owners: Vec<String> = devices.iter().map(|device| owner(device, household)).collect();
    let ids = devices.iter().map(|device| width(&printable(&device.id))).max().unwrap_or(0);
    let widest = owners.iter().map(|owner| width(owner)).max().unwrap_or(0);
    for (device, owner) in devices.iter().zip(&owners) {
        let head = format!("{:<ids$}  {owner:<widest$}  ", printable(&device.id));
        let described = printable(&device.described(language)).into_owned();
        let today = format!("{} {}", say::TODAY.in_language(language), device.queries_today);
        let seen = shown(&device.last_seen, household, now);
        let seen = format!("{} {seen}", say::SEEN.in_language(language));
        let pieces = [described, today, seen];
        write_beside(out, &head, &str::to_owned, &pieces, " · ")?;
        for suspicion in &device.suspicion {
            let mark = if suspicion.usual { "·" } else { "!" };
            let text = format!("{mark} {} ×{}", printable(&suspicion.text), suspicion.count);
            write_below(out, width(&head), &text)?;
        }
        if let Some(child) = &device.suggestion {
            let command = format!("{} {child}", device.id);
            let text = say::MAY_BE.fill(language, &command, &label(household, child));
            write_below(out, width(&head), &printable(&text))?;
        }
    }
    if devices.iter().any(|device| device.child.is_none()) {
        writeln!(out)?;
        write_below(out, 0, say::HOW_TO_ASSIGN.in_language(language))?;
    }
    Ok(())
}

fn owner(device: &DeviceStatus, household: &Household) -> String {
    match &device.child {
        Some(id) => printable(&label(household, id)).into_owned(),
        None => say::NOBODYS.in_language(household.language).to_owned(),
    }
}

/// A time of today by its hour, another with its day.
fn shown(at: &str, household: &Household, now: &Zoned) -> String {
    match at.parse::<Timestamp>() {
        Ok(at) => {
            let at = at.to_zoned(household.zone.clone());
            if at.date() == now.date() {
                at.strftime("%H:%M").to_string()
            } else {
                moment(household.language, &at, now)
            }
        }
        Err(_) => readable(at),
    }
}

#[cfg(test)]
mod tests {
    use super::super::changes::tests::{here, household, parsed};
    use super::super::columns::COLUMNS;
    use super::*;
    use crate::inspect::Suspicion;
    use crate::words::Language;

    fn tablet() -> DeviceStatus {
        DeviceStatus {
            v: 1,
            id: "3c:22:fb:12:34:56".to_owned(),
            child: Some("sofia".to_owned()),
            addresses: vec!["192.168.1.20".to_owned()],
            host: Some("sofia-tablet".to_owned()),
            maker: Some("Apple".to_owned()),
            random_mac: false,
            first_seen: "2026-11-20T18:00:00-06:00".to_owned(),
            last_seen: "2026-11-23T17:59:00-06:00".to_owned(),
            queries_today: 412,
            suggestion: None,
            suspicion: Vec::new(),
        }
    }

    fn printed(devices: &[DeviceStatus], language: Language) -> String {
        let now = here().now.to_zoned(here().zone);
        let mut out = Vec::new();
        print(&mut out, devices, &household(language), &now).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_device_is_told_with_its_owner_and_what_it_asked() {
        let expected = "\
3c:22:fb:12:34:56  Sofía  sofia-tablet (Apple), 192.168.1.20 · today 412
                          seen 17:59
";
        assert_eq!(printed(&[tablet()], Language::En), expected);
    }

    #[test]
    fn one_of_nobodys_says_how_to_give_it_to_somebody() {
        let stranger = DeviceStatus {
            id: "02:99:99:99:99:99".to_owned(),
            child: None,
            maker: None,
            random_mac: true,
            suggestion: Some("sofia".to_owned()),
            ..tablet()
        };
        let text = printed(&[stranger], Language::Es);
        for part in [
            "02:99:99:99:99:99  de nadie  sofia-tablet, dirección privada, 192.168.1.20",
            "¿es de Sofía? `amparo devices assign",
            "Para decir de quién es uno",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(text.lines().all(|line| width(line) <= COLUMNS), "{text}");
    }

    #[test]
    fn what_is_odd_is_told_apart_from_what_is_usual() {
        let sign = |kind: &str, usual| Suspicion {
            kind: kind.to_owned(),
            count: 3,
            first: String::new(),
            last: String::new(),
            name: None,
            usual,
            text: format!("a {kind} thing \u{1b}[31m"),
        };
        let suspicion = vec![sign("tunnel", false), sign("canary", true)];
        let odd = DeviceStatus { suspicion, ..tablet() };
        let text = printed(&[odd], Language::En);
        assert!(text.contains("! a tunnel thing") && text.contains("· a canary thing"), "{text}");
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn no_device_is_one_sentence() {
        assert!(printed(&[], Language::En).starts_with("No device was seen yet"));
    }

    #[test]
    fn an_assignment_names_a_device_and_somebody() {
        assert!(parsed::<Devices>("assign 02:99:99:99:99:99 sofia").is_ok());
        assert!(parsed::<Devices>("assign 02:99:99:99:99:99").is_err());
        assert!(parsed::<Devices>("forget 02:99:99:99:99:99 --json").is_ok());
    }
}
