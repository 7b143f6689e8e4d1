//! How each program that is known to take the port is made to let go of it, and how that is undone.
//!
//! What a program does beside DNS goes on: dnsmasq keeps handing out addresses.

use std::net::{IpAddr, SocketAddr};

use super::{Program, Step, System, fill};
use crate::doctor::Finding;
use crate::words::{Language, Sentence, doctor as words};

/// The programs that mostly are in the way.
pub(super) const KNOWN: &[&str] = &[
    "systemd-resolved",
    "systemd-resolve",
    "dnsmasq",
    "named",
    "unbound",
    "pihole-FTL",
    "AdGuardHome",
    "docker-proxy",
    "aardvark-dns",
    "connmand",
    "amparo",
];

/// Whether it is systemd's resolver; the kernel keeps 15 letters of what a program calls itself.
pub(super) fn is_resolved(name: &str) -> bool {
    name == "systemd-resolved" || name == "systemd-resolve"
}

/// The finding with what to do about a program, and how to undo it. `held` are its sockets that
/// stand in the way; empty where nobody knows.
pub(super) fn remedy(
    finding: Finding,
    language: Language,
    program: &Program,
    held: &[SocketAddr],
    system: &System,
) -> Finding {
    let say = |finding: Finding, sentence: &Sentence, what: &str| {
        finding.say(fill(language, sentence, what, ""))
    };
    let has = |word: &str| program.arguments.iter().any(|argument| argument.contains(word));
    match program.name.as_str() {
        name if is_resolved(name) => resolved(finding, language, system),
        "dnsmasq" if has("libvirt") => {
            beside(say(finding, &words::FIX_BRIDGE, "libvirt"), language)
        }
        "dnsmasq" if has("NetworkManager") => network_manager(finding, language),
        "dnsmasq" if system.is_openwrt => openwrt(finding, language),
        "dnsmasq" => dnsmasq(finding, language, system),
        "named" => {
            let finding = say(finding, &words::FIX_STOP, "BIND");
            stop(finding, if system.has_systemd { "named" } else { "bind9" }, system)
        }
        "unbound" => stop(say(finding, &words::FIX_STOP, "unbound"), "unbound", system),
        "AdGuardHome" => {
            stop(say(finding, &words::FIX_STOP, "AdGuard Home"), "AdGuardHome", system)
        }
        "pihole-FTL" => say(finding, &words::FIX_PIHOLE, "")
            .run("pihole-FTL --config dns.port 0")
            .undo("pihole-FTL --config dns.port 53"),
        "docker-proxy" => say(finding, &words::FIX_DOCKER, "")
            .run("docker ps --filter publish=53")
            .run("docker stop NAME")
            .undo("docker start NAME"),
        "aardvark-dns" => beside(say(finding, &words::FIX_BRIDGE, "podman"), language),
        "connmand" => connman(finding, language, program, system),
        "amparo" => say(finding, &words::FIX_AMPARO, "").run(format!("kill {}", program.pid)),
        _ => other(finding, language, program, held, system),
    }
}

/// A drop-in, so that nothing of the system's own is edited (resolved.conf(5)).
fn resolved(finding: Finding, language: Language, system: &System) -> Finding {
    const FILE: &str = "/etc/systemd/resolved.conf.d/amparo.conf";
    let mut finding = finding
        .say(words::FIX_RESOLVED.in_language(language))
        .run("mkdir -p /etc/systemd/resolved.conf.d")
        .run(format!("printf '[Resolve]\\nDNSStubListener=no\\n' > {FILE}"))
        .undo(format!("rm {FILE}"));
    match &system.resolv_link {
        Some(link) if link.ends_with("stub-resolv.conf") => {
            finding = finding
                .run("ln -sf /run/systemd/resolve/resolv.conf /etc/resolv.conf")
                .undo(format!("ln -sf {link} /etc/resolv.conf"));
        }
        None if system.resolv_names_stub => {
            // Without it this machine itself would ask nobody.
            finding = finding
                .run("cp /etc/resolv.conf /etc/resolv.conf.before-amparo")
                .run("ln -sf /run/systemd/resolve/resolv.conf /etc/resolv.conf")
                .undo("mv /etc/resolv.conf.before-amparo /etc/resolv.conf");
        }
        Some(_) | None => {}
    }
    finding.run("systemctl restart systemd-resolved").undo("systemctl restart systemd-resolved")
}

/// With port 0 it answers no questions and hands out no resolver by itself any more: it must be
/// told to (dnsmasq(8), `--dhcp-option`; `0.0.0.0` and `[::]` stand for the machine it runs on).
fn dnsmasq(finding: Finding, language: Language, system: &System) -> Finding {
    const FILE: &str = "/etc/dnsmasq.d/amparo.conf";
    let (restart, again) = (restart("dnsmasq", system), self::restart("dnsmasq", system));
    finding
        .say(words::FIX_DNSMASQ.in_language(language))
        .run(format!("printf 'port=0\\n' > {FILE}"))
        .run(format!("printf 'dhcp-option=option:dns-server,0.0.0.0\\n' >> {FILE}"))
        .run(format!("printf 'dhcp-option=option6:dns-server,[::]\\n' >> {FILE}"))
        .run(restart)
        .undo(format!("rm {FILE}"))
        .undo(again)
}

fn openwrt(finding: Finding, language: Language) -> Finding {
    finding
        .say(words::FIX_DNSMASQ.in_language(language))
        .run("uci set 'dhcp.@dnsmasq[0].port=0'")
        .run("uci add_list 'dhcp.lan.dhcp_option=6,0.0.0.0'")
        .run("uci commit dhcp")
        .run("/etc/init.d/dnsmasq restart")
        .undo("uci delete 'dhcp.@dnsmasq[0].port'")
        .undo("uci del_list 'dhcp.lan.dhcp_option=6,0.0.0.0'")
        .undo("uci commit dhcp")
        .undo("/etc/init.d/dnsmasq restart")
}

fn network_manager(finding: Finding, language: Language) -> Finding {
    const FILE: &str = "/etc/NetworkManager/conf.d/amparo.conf";
    finding
        .say(words::FIX_NETWORK_MANAGER.in_language(language))
        .run(format!("printf '[main]\\ndns=default\\n' > {FILE}"))
        .run("systemctl restart NetworkManager")
        .undo(format!("rm {FILE}"))
        .undo("systemctl restart NetworkManager")
}

fn connman(finding: Finding, language: Language, program: &Program, system: &System) -> Finding {
    const FOLDER: &str = "/etc/systemd/system/connman.service.d";
    let finding = finding.say(words::FIX_CONNMAN.in_language(language));
    if !system.has_systemd {
        return finding;
    }
    let line = program.arguments.join(" ");
    let line = if line.contains('\'') || line.is_empty() { "/usr/sbin/connmand -n" } else { &line };
    finding
        .run(format!("mkdir -p {FOLDER}"))
        .run(format!("printf '[Service]\\nExecStart=\\n' > {FOLDER}/amparo.conf"))
        .run(format!("printf '%s\\n' 'ExecStart={line} --nodnsproxy' >> {FOLDER}/amparo.conf"))
        .run("systemctl daemon-reload && systemctl restart connman")
        .undo(format!("rm {FOLDER}/amparo.conf"))
        .undo("systemctl daemon-reload && systemctl restart connman")
}

/// A program nobody here knows: who started it is the system's to say.
fn other(
    finding: Finding,
    language: Language,
    program: &Program,
    held: &[SocketAddr],
    system: &System,
) -> Finding {
    let finding = finding.say(fill(language, &words::FIX_OTHER, &program.name, ""));
    let finding = if system.has_systemd {
        finding.run(format!("systemctl status {}", program.pid))
    } else {
        finding.run(format!("ps -o pid,user,args -p {}", program.pid))
    };
    let is_somewhere = |address: &SocketAddr| match address.ip() {
        IpAddr::V4(ip) => !ip.is_unspecified(),
        IpAddr::V6(ip) => !ip.is_unspecified(),
    };
    if held.iter().all(is_somewhere) && !held.is_empty() {
        return beside(finding, language);
    }
    finding
}

/// It has some addresses only: we may take the others.
fn beside(finding: Finding, language: Language) -> Finding {
    let say = |words: &'static crate::words::Words| words.in_language(language);
    finding.say(say(&words::FIX_BESIDE)).undo_say(say(&words::FIX_BESIDE_UNDO))
}

fn stop(mut finding: Finding, service: &str, system: &System) -> Finding {
    let (stop, start) = match (system.has_systemd, system.is_openwrt) {
        (true, _) => (
            vec![format!("systemctl disable --now {service}")],
            vec![format!("systemctl enable --now {service}")],
        ),
        (false, true) => {
            let script = format!("/etc/init.d/{service}");
            (
                vec![format!("{script} stop"), format!("{script} disable")],
                vec![format!("{script} enable"), format!("{script} start")],
            )
        }
        (false, false) => {
            (vec![format!("service {service} stop")], vec![format!("service {service} start")])
        }
    };
    finding.fix.extend(stop.into_iter().map(Step::Run));
    finding.undo.extend(start.into_iter().map(Step::Run));
    finding
}

fn restart(service: &str, system: &System) -> String {
    if system.has_systemd {
        format!("systemctl restart {service}")
    } else {
        format!("service {service} restart")
    }
}
