//! The same questions to this program and to unbound, with the same resolver behind both: where the
//! answers differ, a row of [`DIFFERENT`] says so and why. A difference that is in no row fails, and
//! so does a row that is never met.
//!
//! Everybody in the house is an adult or nobody, and nothing is closed. `draw` makes the cases,
//! `read` compares, `server` starts unbound.

mod draw;
mod read;
mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use crate::harness::packet::framed;
use crate::harness::{Program, Reply};
use draw::Case;
use read::{Read, differences};
use server::{Unbound, socket_to};

/// How long a question waits until it is asked again: unbound says of no more than a hundred
/// questions a second that they are wrong, and is silent on others.
const AGAIN_AFTER: Duration = Duration::from_millis(1_200);
/// How often it is asked: half a minute, on a busy machine.
const TRIES: usize = 25;
/// How many cases the short form has: each kind six times.
const SHORT: usize = 510;
/// The seed of the short form.
const SEED: u64 = 0x0a11_ce5e;

/// Nobody whose questions are not simply answered.
const NOBODYS_HOUSE: &str = r#"
[household]
unknown_devices = "open"

[dns]
rate_limit = 0
"#;

/// A difference that is meant: for cases of a kind (`*`: of all), in this field, with these values
/// (`*`: any).
struct Row {
    kinds: &'static [&'static str],
    field: &'static str,
    ours: &'static str,
    theirs: &'static str,
    /// Why ours is right, or as right.
    #[expect(dead_code, reason = "for whoever reads the table")]
    why: &'static str,
}

const DIFFERENT: &[Row] = &[
    // === Questions ===
    Row {
        kinds: &[
            "opcode IQUERY",
            "opcode STATUS",
            "opcode NOTIFY",
            "opcode UPDATE",
            "opcode 6",
            "opcode 15",
        ],
        field: "RD",
        ours: "0",
        theirs: "1",
        why: "of an opcode that is not ours no flag is known (RFC 8906 §8.1.4)",
    },
    Row {
        kinds: &[
            "opcode IQUERY",
            "opcode STATUS",
            "opcode NOTIFY",
            "opcode UPDATE",
            "opcode 6",
            "opcode 15",
        ],
        field: "question",
        ours: "none",
        theirs: "there",
        why: "nor what stands behind the header: it is not read, and not given back",
    },
    Row {
        kinds: &["opcode NOTIFY"],
        field: "code",
        ours: "NOTIMP",
        theirs: "REFUSED",
        why: "NOTIFY is for servers with zones (RFC 1996); this is none, whoever asks",
    },
    Row {
        kinds: &["opcode NOTIFY"],
        field: "RA",
        ours: "0",
        theirs: "1",
        why: "as for every opcode that is not ours, no flag is set",
    },
    Row {
        kinds: &["no question", "two questions", "two OPT"],
        field: "RA",
        ours: "1",
        theirs: "0",
        why: "recursion is to be had, whatever was wrong with this question (RFC 1035 §4.1.1)",
    },
    Row {
        kinds: &["two questions"],
        field: "question",
        ours: "none",
        theirs: "there",
        why: "of several none is the one that was not answered (RFC 9619 §4)",
    },
    Row {
        kinds: &["flag TC"],
        field: "code",
        ours: "NOERROR",
        theirs: "FORMERR",
        why: "a question that calls itself cut is whole: it is answered (RFC 8906 §8.1.3)",
    },
    Row { kinds: &["flag TC"], field: "RA", ours: "1", theirs: "0", why: "as above" },
    Row { kinds: &["flag TC"], field: "answer", ours: "some", theirs: "none", why: "as above" },
    Row {
        kinds: &["type ANY"],
        field: "answer",
        ours: "1 of 13",
        theirs: "*",
        why: "one short record of our own, and nobody is asked (RFC 8482 §4.2)",
    },
    Row {
        kinds: &["class ANY"],
        field: "code",
        ours: "REFUSED",
        theirs: "NOERROR",
        why: "rules are about the class IN; in every other nothing is answered, nor past them",
    },
    Row { kinds: &["class ANY"], field: "answer", ours: "none", theirs: "some", why: "as above" },
    Row {
        kinds: &[
            "type AXFR",
            "type IXFR",
            "type MAILA",
            "type MAILB",
            "type OPT",
            "type TKEY",
            "type TSIG",
        ],
        field: "RA",
        ours: "1",
        theirs: "0",
        why: "recursion is to be had, for other types",
    },
    Row {
        kinds: &["type MAILA", "type MAILB", "type TKEY", "type TSIG"],
        field: "code",
        ours: "REFUSED",
        theirs: "FORMERR",
        why: "the question holds together; such types are not asked for others (RFC 6895 §3.1)",
    },
    // === Answers ===
    Row {
        kinds: &["FORMERR", "NOTAUTH", "NOTIMP", "REFUSED"],
        field: "code",
        ours: "*",
        theirs: "SERVFAIL",
        why: "what upstream said passes through as it came, its refusals too",
    },
    Row {
        kinds: &["AA and AD"],
        field: "AD",
        ours: "1",
        theirs: "0",
        why: "`dnssec = \"pass\"`: who asked for it is told what upstream validated; unbound \
              validates nothing here",
    },
    Row {
        kinds: &["alias to no name", "alias to nothing"],
        field: "TTL",
        ours: "60",
        theirs: "300",
        why: "an alias that ends in nothing is given no longer than that it is nothing (RFC 2308 §5)",
    },
    Row {
        kinds: &["DNAME", "other name as well", "other type as well", "type 0"],
        field: "answer",
        ours: "*",
        theirs: "*",
        why: "records that were not asked for pass through to whoever asked, and are kept under that \
              question alone: they can poison no other",
    },
    Row {
        kinds: &["authority and additional"],
        field: "authority",
        ours: "some",
        theirs: "none",
        why: "what upstream said passes through as it came; unbound forwards the answer alone",
    },
    Row {
        kinds: &["authority and additional"],
        field: "additional",
        ours: "some",
        theirs: "none",
        why: "as above",
    },
];

/// One answer.
#[track_caller]
fn ask(socket: &UdpSocket, to: SocketAddr, case: &Case, who: &str) -> Read {
    let octets =
        if case.is_tcp { over_tcp(to, &case.packet) } else { over_udp(socket, &case.packet) };
    let octets = octets.unwrap_or_else(|error| panic!("{who} on {}: {error}", case.kind));
    let read = Read::of(&octets).unwrap_or_else(|| panic!("{who} on {}: {octets:?}", case.kind));
    assert!(read.answers(&case.packet), "{who} on {}", case.kind);
    read
}

fn over_udp(socket: &UdpSocket, packet: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut buffer = vec![0; 65_535];
    for _ in 0..TRIES {
        socket.send(packet)?;
        // What answers an earlier try comes late, and is no answer to this question.
        while let Ok(length) = socket.recv(&mut buffer) {
            if buffer[..2] == packet[..2] {
                buffer.truncate(length);
                return Ok(buffer);
            }
        }
    }
    Err(std::io::ErrorKind::TimedOut.into())
}

fn over_tcp(to: SocketAddr, packet: &[u8]) -> std::io::Result<Vec<u8>> {
    let once = || {
        let mut stream = TcpStream::connect(to)?;
        stream.set_read_timeout(Some(AGAIN_AFTER))?;
        stream.write_all(&framed(packet))?;
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut answer)?;
        Ok(answer)
    };
    for _ in 1..TRIES {
        match once() {
            // It closes at once what it does not answer: the second must be over.
            Err(_) => std::thread::sleep(AGAIN_AFTER),
            answered @ Ok(_) => return answered,
        }
    }
    once()
}

/// Asks both every case, and holds the differences against the table.
fn compare(count: usize, seed: u64) {
    let program = Program::start(NOBODYS_HOUSE);
    let Some(unbound) = Unbound::start(program.upstream.address) else { return };
    let (ours, theirs) = (socket_to(program.address), socket_to(unbound.address));
    let mut met = BTreeSet::new();
    let mut unmet: BTreeMap<String, usize> = BTreeMap::new();
    for case in draw::cases(count, seed) {
        program.upstream.reply(&case.name, Reply::Said(case.said.clone()));
        for (name, reply) in &case.also {
            program.upstream.reply(name, reply.clone());
        }
        let our_answer = ask(&ours, program.address, &case, "amparo");
        let their_answer = ask(&theirs, unbound.address, &case, "unbound");
        for (field, ours, theirs) in differences(&our_answer, &their_answer) {
            let fits = |row: &Row| row.fits(case.kind, field, &ours, &theirs);
            if let Some(place) = DIFFERENT.iter().position(fits) {
                met.insert(place);
            } else {
                let line = format!("{}: {field}: `{ours}`, unbound `{theirs}`", case.kind);
                *unmet.entry(line).or_default() += 1;
            }
        }
    }
    let unmet: Vec<String> =
        unmet.iter().map(|(line, times)| format!("{times} x {line}")).collect();
    assert!(unmet.is_empty(), "in no row of the table:\n{}", unmet.join("\n"));
    for (place, row) in DIFFERENT.iter().enumerate() {
        let Row { kinds, field, .. } = row;
        assert!(met.contains(&place), "never met: {kinds:?} {field}: remove the row");
    }
}

impl Row {
    fn fits(&self, kind: &str, field: &str, ours: &str, theirs: &str) -> bool {
        let is = |said: &str, value: &str| said == "*" || said == value;
        self.kinds.iter().any(|&one| is(one, kind))
            && self.field == field
            && is(self.ours, ours)
            && is(self.theirs, theirs)
    }
}

#[test]
fn five_hundred_answers_differ_from_unbounds_only_as_the_table_says() {
    compare(SHORT, SEED);
}

#[test]
#[ignore = "half a minute: tests/long"]
fn many_thousand_answers_differ_from_unbounds_only_as_the_table_says() {
    for seed in 1..=10 {
        compare(SHORT * 2, SEED + seed);
    }
}
