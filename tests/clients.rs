//! Programs that other people wrote, asking as a family's devices do. `tests/run` installs them.

use std::process::Command;

use crate::harness::upstream::{DEFAULT_V4, long_text};
use crate::harness::{ANA, Amparo, FAMILY, MATEO};

use hickory_proto::rr::RecordType;

/// Asks with another program from a device's address, and says what it printed.
async fn asks(program: &'static str, amparo: &Amparo, from: &str, args: &str) -> String {
    let server = amparo.server();
    let mut command = Command::new(program);
    command.args([format!("@{}", server.ip()), "-p".to_owned(), server.port().to_string()]);
    command.args(["-b", from]).args(args.split_whitespace());
    // The daemon runs on this thread too: it must not be held up.
    let run = tokio::task::spawn_blocking(move || command.output());
    match run.await.expect("the command ends") {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success(), "{program} {args}: {text}");
            text
        }
        Err(error) => panic!("{program}: {error}; tests/run installs what is missing"),
    }
}

#[tokio::test]
async fn dig_and_kdig_read_every_answer() {
    let amparo = Amparo::start(FAMILY)
        .upstream(|upstream| {
            upstream.data("big.example", RecordType::TXT, &vec![long_text(1); 15]);
        })
        .await;
    for program in ["dig", "kdig"] {
        for transport in ["", "+tcp", "+dnssec", "+noedns"] {
            let args = |name: &str| format!("{name} A {transport}");
            let open = asks(program, &amparo, ANA, &args("www.example.com")).await;
            assert!(open.contains("NOERROR") && open.contains(DEFAULT_V4), "{open}");
            let closed = asks(program, &amparo, MATEO, &args("www.tiktok.com")).await;
            assert!(closed.contains("NOERROR") && closed.contains("0.0.0.0"), "{closed}");
            let missing = asks(program, &amparo, ANA, &args("printer.local")).await;
            assert!(missing.contains("NXDOMAIN") && missing.contains("SOA"), "{missing}");
        }
        // Cut over UDP: the program comes back over TCP by itself.
        let big = asks(program, &amparo, ANA, "big.example TXT").await;
        assert_eq!(big.matches("tttttttttt\"").count(), 15, "{big}");
    }
}

#[tokio::test]
async fn dig_shows_why_a_name_is_closed() {
    let amparo = Amparo::start(FAMILY).await;
    let closed = asks("dig", &amparo, MATEO, "www.tiktok.com HTTPS").await;
    assert!(closed.contains("EDE: 17"), "{closed}");
    for warning in ["malformed", "WARNING", "Got bad packet", "mismatch"] {
        assert!(!closed.contains(warning), "{closed}");
    }
}
