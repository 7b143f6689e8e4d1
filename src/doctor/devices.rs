//! Whether the kernel tells which device stands behind an address.

use super::{Check, Finding, State, fill};
use crate::clients::Neighbours;
use crate::words::{Language, doctor as words};

pub(super) const CHECK: Check = Check {
    name: "devices",
    label: &words::DEVICES,
    judge: |facts| judge(facts.language, &facts.devices),
};

/// What is known of the kernel's neighbours.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    source: Source,
    /// Devices, and the addresses behind which they stand.
    devices: usize,
    addresses: usize,
}

/// How the kernel tells of them.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    /// All of them, at once.
    Netlink,
    /// Those of IPv4, late; why no better, as the program itself says it.
    ArpFile(String),
    /// Not at all.
    Nothing(String),
}

/// Asks the kernel as the daemon does.
pub(super) fn gather() -> Facts {
    let (neighbours, notice) = Neighbours::start();
    let seen = neighbours.seen();
    let has_arp = std::fs::File::open("/proc/net/arp").is_ok();
    let source = match (notice, has_arp) {
        (None, _) => Source::Netlink,
        (Some(why), true) => Source::ArpFile(why),
        (Some(why), false) => Source::Nothing(why),
    };
    let addresses = seen.iter().map(|device| device.addresses.len()).sum();
    Facts { source, devices: seen.len(), addresses }
}

fn judge(language: Language, facts: &Facts) -> Vec<Finding> {
    let (devices, addresses) = (facts.devices.to_string(), facts.addresses.to_string());
    let finding = match &facts.source {
        Source::Netlink if facts.devices == 0 => {
            Finding::of(State::Note, &words::DEVICES_NONE, language)
        }
        Source::Netlink => {
            Finding::new(State::Ok, fill(language, &words::DEVICES_SEEN, &devices, &addresses))
        }
        Source::ArpFile(why) => {
            Finding::new(State::Warning, fill(language, &words::DEVICES_ARP, &devices, ""))
                .detail(why.as_str())
                .say(words::DEVICES_FIX.in_language(language))
        }
        Source::Nothing(why) => Finding::of(State::Warning, &words::DEVICES_BLIND, language)
            .detail(why.as_str())
            .say(words::DEVICES_FIX.in_language(language)),
    };
    vec![finding]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(source: Source, devices: usize) -> Finding {
        judge(Language::En, &Facts { source, devices, addresses: devices * 3 }).remove(0)
    }

    #[test]
    fn devices_that_are_seen_are_counted() {
        let found = found(Source::Netlink, 4);
        assert_eq!(found.state, State::Ok);
        assert_eq!(found.text, "Devices that the kernel tells of: 4 (addresses: 12).");
    }

    #[test]
    fn without_netlink_it_is_a_warning_with_the_reason() {
        for source in [Source::ArpFile("why".to_owned()), Source::Nothing("why".to_owned())] {
            let found = found(source, 0);
            assert_eq!((found.state, found.detail.as_deref()), (State::Warning, Some("why")));
        }
        assert_eq!(found(Source::Netlink, 0).state, State::Note);
    }
}
