//! The documented rules, in a network of their own.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::hook::Program;
use super::*;

const DOCUMENTS: [&str; 2] = [
    include_str!("../../../docs/enforce/README.md"),
    include_str!("../../../docs/enforce/LEAME.md"),
];

/// How long a test waits before it fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// The first block of a document in this language.
fn block(document: &str, language: &str) -> String {
    let (_, rest) = document.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

#[test]
fn both_documents_show_the_same_rules_and_the_same_program() {
    for language in ["nft", "sh"] {
        let [en, es] = DOCUMENTS.map(|document| {
            let block = block(document, language);
            let code = block.lines().filter(|line| !line.trim_start().starts_with("# "));
            code.collect::<Vec<_>>().join("\n")
        });
        assert_eq!(en, es);
    }
}

/// What the kernel does with the documented rules for a moment.
struct House {
    handed: Arc<Handed>,
    enforcer: Enforcer,
}

/// A connection from the device to a server, both ends; none when it does not come about.
fn connect(device: &str, server: &TcpListener) -> Option<(TcpStream, TcpStream)> {
    let to = server.local_addr().unwrap();
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(ip(device), 0).into()).unwrap();
    socket.connect_timeout(&to.into(), PATIENCE).ok()?;
    let ends = (TcpStream::from(socket), server.accept().unwrap().0);
    for end in [&ends.0, &ends.1] {
        end.set_read_timeout(Some(PATIENCE)).unwrap();
    }
    Some(ends)
}

/// An octet gets from one end to the other.
fn assert_passes(from: &mut TcpStream, to: &mut TcpStream) {
    from.write_all(b"x").unwrap();
    to.read_exact(&mut [0]).unwrap();
}

/// Whoever says something hears that the connection is over, and does not wait in vain.
fn assert_cut(end: &mut TcpStream) {
    end.write_all(b"x").unwrap();
    let error = end.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}");
}

impl House {
    /// Changes what is closed, and waits until the router has heard.
    fn close(&self, names: &'static [&'static str]) {
        self.enforcer.changed(closed(names));
        self.enforcer.settled();
        assert_eq!(self.enforcer.troubles(), []);
    }
}

/// `unshare -n cargo test --lib enforce -- --ignored`
#[test]
#[ignore = "needs a network namespace of its own, and root: it loads rules of nftables"]
fn a_running_connection_is_cut_by_the_documented_rules_and_may_begin_anew_later() {
    let run = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let status = Command::new(words[0]).args(&words[1..]).status().unwrap();
        assert!(status.success(), "{line}");
    };
    run("ip link set lo up");
    for address in ["192.168.1.42/32", "203.0.113.5/32", "203.0.113.7/32"] {
        run(&format!("ip addr add {address} dev lo"));
    }
    for address in ["fd00::42/128", "2001:db8::5/128"] {
        run(&format!("ip -6 addr add {address} dev lo nodad"));
    }
    let nft = Program { words: ["nft", "-f", "-"].map(str::to_owned).to_vec() };
    let load = |rules: &str| nft.run(&[], rules, &AtomicBool::new(false)).unwrap();
    // Twice: whoever installs it may do it again.
    load(&block(DOCUMENTS[0], "nft"));
    load(&block(DOCUMENTS[0], "nft"));
    // All is one machine here, and nothing is forwarded: so what is cut is cut where it comes in,
    // but for the resets, which a router would send and not receive. A firewall as there is on most
    // routers stands behind, and lets pass what is established.
    load(
        "table inet amparo { chain input { type filter hook input priority filter - 10; \
         tcp flags rst accept; jump cut; }; }\n\
         table inet firewall { chain input { type filter hook input priority filter; \
         ct state established accept; }; }",
    );
    load("add element inet amparo closed { 192.168.1.42 . 203.0.113.5 }");

    let settings = EnforceSettings {
        command: None,
        nftables_set: Some(NftablesSet { table: "amparo".to_owned(), set: "closed".to_owned() }),
    };
    let handed = Arc::<Handed>::default();
    let known = |_: &str| vec![ip("fd00::42")];
    let enforcer = Enforcer::new(&settings, Arc::clone(&handed), Clock::System, known).unwrap();
    let house = House { handed, enforcer };
    // What was in the set from before is gone.
    house.close(&[]);
    let video = TcpListener::bind("203.0.113.5:0").unwrap();
    let school = TcpListener::bind("203.0.113.7:0").unwrap();
    let video6 = TcpListener::bind("[2001:db8::5]:0").unwrap();
    let from = ["192.168.1.42", "192.168.1.42", "fd00::42"];
    let to = [&video, &school, &video6];
    let connect_all = || -> Vec<_> {
        from.iter().zip(to).map(|(device, server)| connect(device, server)).collect()
    };
    let mut connections: Vec<_> = connect_all().into_iter().flatten().collect();
    for (device, server) in &mut connections {
        assert_passes(device, server);
        assert_passes(server, device);
    }
    let now = Clock::System.tick();
    house.handed.take(
        [
            to_tablet("video.example", "203.0.113.5 2001:db8::5"),
            to_tablet("school.example", "203.0.113.7"),
        ],
        now,
    );

    house.close(&["video.example"]);
    let [(device4, server4), (device_open, server_open), (device6, server6)] = &mut connections[..]
    else {
        panic!("all three were connected");
    };
    assert_passes(device_open, server_open);
    assert_passes(server_open, device_open);
    for end in [device4, server4, device6, server6] {
        assert_cut(end);
    }
    let begun: Vec<_> = connect_all().iter().map(Option::is_some).collect();
    assert_eq!(begun, [false, true, false]);
    // Closing again, and opening what was never closed, is no mistake.
    house.close(&["video.example", "nothing.example"]);

    house.close(&[]);
    assert!(connect_all().iter().all(Option::is_some));
    load("delete table inet firewall");
}
