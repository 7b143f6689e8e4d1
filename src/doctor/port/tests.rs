//! What the doctor says of ports, with machines that were made up.

use super::*;

fn socket(protocol: Protocol, local: &str) -> Socket {
    Socket { protocol, local: local.parse().unwrap(), inode: 1 }
}

fn program(name: &str, arguments: &[&str]) -> Program {
    let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
    Program { pid: 231, name: name.to_owned(), arguments }
}

/// A machine with systemd on which this program has this socket.
fn held_by(program: Option<Program>, local: &str) -> Facts {
    Facts {
        tried: vec![("0.0.0.0:53".parse().unwrap(), Tried::Taken)],
        is_embedded: false,
        in_the_way: vec![
            (socket(Protocol::Udp, local), program.clone()),
            (socket(Protocol::Tcp, local), program),
        ],
        suspects: Vec::new(),
        is_locked: false,
        own: None,
        listens: Vec::new(),
        system: System { is_root: true, has_systemd: true, ..System::default() },
    }
}

#[track_caller]
fn only(facts: &Facts) -> Finding {
    let mut findings = judge(Language::En, facts);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    findings.remove(0)
}

fn lines(steps: &[Step]) -> Vec<&str> {
    let run = steps.iter().filter_map(|step| match step {
        Step::Run(line) => Some(line.as_str()),
        Step::Say(_) => None,
    });
    run.collect()
}

#[test]
fn systemds_resolver_gets_a_drop_in_and_its_exact_undo() {
    let mut facts = held_by(Some(program("systemd-resolved", &[])), "127.0.0.53:53");
    facts.system.resolv_link = Some("../run/systemd/resolve/stub-resolv.conf".to_owned());
    let found = only(&facts);
    assert_eq!(found.state, State::Failed);
    assert_eq!(
        found.text,
        "systemd-resolved (231) holds TCP 127.0.0.53:53, UDP 127.0.0.53:53; \
         Amparo cannot listen there."
    );
    assert_eq!(
        lines(&found.fix),
        [
            "mkdir -p /etc/systemd/resolved.conf.d",
            "printf '[Resolve]\\nDNSStubListener=no\\n' > /etc/systemd/resolved.conf.d/amparo.conf",
            "ln -sf /run/systemd/resolve/resolv.conf /etc/resolv.conf",
            "systemctl restart systemd-resolved",
        ]
    );
    assert_eq!(
        lines(&found.undo),
        [
            "rm /etc/systemd/resolved.conf.d/amparo.conf",
            "ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf",
            "systemctl restart systemd-resolved",
        ]
    );
}

#[test]
fn a_resolv_conf_that_leads_elsewhere_stays() {
    let mut facts = held_by(Some(program("systemd-resolved", &[])), "127.0.0.53:53");
    facts.system.resolv_link = Some("/run/NetworkManager/resolv.conf".to_owned());
    assert!(!only(&facts).fix.iter().any(|step| step.text().contains("resolv.conf\n")));
    assert_eq!(lines(&only(&facts).fix).len(), 3);
    facts.system = System { resolv_names_stub: true, resolv_link: None, ..facts.system };
    assert_eq!(lines(&only(&facts).undo)[1], "mv /etc/resolv.conf.before-amparo /etc/resolv.conf");
}

#[test]
fn dnsmasq_keeps_handing_out_addresses_and_still_names_a_resolver() {
    let facts = held_by(Some(program("dnsmasq", &["/usr/sbin/dnsmasq"])), "0.0.0.0:53");
    let found = only(&facts);
    assert!(lines(&found.fix)[1].contains("option:dns-server,0.0.0.0"), "{found:#?}");
    assert_eq!(lines(&found.undo)[0], "rm /etc/dnsmasq.d/amparo.conf");

    let mut router = facts;
    router.system = System { is_root: true, is_openwrt: true, ..System::default() };
    let found = only(&router);
    assert_eq!(lines(&found.fix)[0], "uci set 'dhcp.@dnsmasq[0].port=0'");
    assert_eq!(lines(&found.undo)[0], "uci delete 'dhcp.@dnsmasq[0].port'");
}

#[test]
fn a_dnsmasq_of_virtual_machines_is_left_alone() {
    let arguments = ["/usr/sbin/dnsmasq", "--conf-file=/var/lib/libvirt/dnsmasq/default.conf"];
    let found = only(&held_by(Some(program("dnsmasq", &arguments)), "192.168.122.1:53"));
    assert_eq!(lines(&found.fix), Vec::<&str>::new());
    assert!(found.fix[1].text().contains("listen"), "{found:#?}");
}

#[test]
fn every_known_program_has_something_to_do() {
    for name in remedies::KNOWN {
        for language in [Language::Es, Language::En] {
            let facts = held_by(Some(program(name, &[])), "0.0.0.0:53");
            let found = judge(language, &facts);
            assert_eq!(found.len(), 1, "{name}");
            assert!(!found[0].fix.is_empty(), "{name}");
        }
    }
}

#[test]
fn a_program_nobody_knows_is_named_with_its_process() {
    let found = only(&held_by(Some(program("mydns", &[])), "127.0.0.1:53"));
    assert_eq!(lines(&found.fix), ["systemctl status 231"]);
}

#[test]
fn who_is_not_root_is_told_a_guess_and_who_knows() {
    let mut facts = held_by(None, "127.0.0.53:53");
    facts.suspects = vec![program("dnsmasq", &[]), program("systemd-resolve", &[])];
    facts.system.is_root = false;
    let found = only(&facts);
    assert!(found.fix[0].text().contains("systemd-resolve (231)"), "{found:#?}");
    assert!(found.fix.last().unwrap().text().contains("root"), "{found:#?}");
}

#[test]
fn a_daemon_that_this_user_may_not_ask_is_no_failure() {
    let mut facts = held_by(None, "0.0.0.0:53");
    facts.suspects = vec![program("dnsmasq", &[])];
    facts.system.is_root = false;
    facts.is_locked = true;
    facts.tried = vec![("0.0.0.0:53".parse().unwrap(), Tried::Forbidden)];
    let found = only(&facts);
    assert_eq!((found.state, lines(&found.fix)), (State::Note, vec!["sudo amparo doctor"]));
    facts.in_the_way.clear();
    assert_eq!(only(&facts).state, State::Note);
}

#[test]
fn our_own_daemon_is_as_it_should_be() {
    let mut facts = held_by(Some(program("amparo", &[])), "0.0.0.0:53");
    facts.own = Some(231);
    facts.listens = vec!["0.0.0.0:53".to_owned()];
    facts.tried.clear();
    let found = only(&facts);
    assert_eq!((found.state, &*found.text), (State::Ok, "Amparo answers on 0.0.0.0:53."));
    // The system did not say whose the sockets are.
    facts.in_the_way = vec![(socket(Protocol::Udp, "0.0.0.0:53"), None)];
    assert_eq!(only(&facts).state, State::Ok);
}

#[test]
fn without_the_right_to_the_port_it_says_how_to_give_it() {
    let mut facts = held_by(None, "0.0.0.0:53");
    facts.in_the_way.clear();
    facts.tried = vec![("0.0.0.0:53".parse().unwrap(), Tried::Forbidden)];
    facts.system.program = Some("/usr/local/bin/amparo".into());
    let found = only(&facts);
    assert_eq!(found.state, State::Failed);
    assert_eq!(lines(&found.fix), ["setcap cap_net_bind_service=+ep /usr/local/bin/amparo"]);
    assert_eq!(lines(&found.undo), ["setcap -r /usr/local/bin/amparo"]);
    facts.is_embedded = true;
    assert_eq!(only(&facts).state, State::Warning, "loopback serves meanwhile");
}

#[test]
fn an_address_of_another_machine_is_told() {
    let mut facts = held_by(None, "0.0.0.0:53");
    facts.in_the_way.clear();
    facts.tried = vec![("192.0.2.1:53".parse().unwrap(), Tried::NotOurs)];
    assert_eq!(only(&facts).state, State::Failed);
    facts.tried = vec![("[::]:53".parse().unwrap(), Tried::NotOurs)];
    assert_eq!(only(&facts).state, State::Note);
}

#[test]
fn sockets_meet_where_their_addresses_do() {
    let meets = |wanted: &str, held: &str| meets(wanted.parse().unwrap(), held.parse().unwrap());
    assert!(meets("0.0.0.0:53", "127.0.0.53:53") && meets("127.0.0.1:53", "0.0.0.0:53"));
    assert!(meets("0.0.0.0:53", "[::]:53"), "one of IPv6 may take IPv4 too");
    assert!(!meets("[::]:53", "0.0.0.0:53") && !meets("127.0.0.1:53", "127.0.0.53:53"));
    assert!(!meets("0.0.0.0:53", "0.0.0.0:5353") && !meets("127.0.0.1:0", "0.0.0.0:0"));
}
