//! What closes is told to a program of the family's, which cuts connections.

use std::os::unix::fs::PermissionsExt as _;

use amparo::control::{FamilyCommand as Do, Until};

use super::{counted, mateo, status, tell};
use crate::harness::upstream::DEFAULT_V4;
use crate::harness::{ANA, Amparo, MATEO, SOFIA, until};

/// Bedtime, a child without one, an adult, and a program that writes down what it is told.
const HOME: &str = r#"
[child.sofia]
age     = 9
devices = ["127.0.0.10"]
bedtime = "20:30-06:30"

[child.mateo]
age     = 14
devices = ["127.0.0.11"]

[adult.ana]
devices = ["127.0.0.20"]
"#;
const ENFORCE: &str = "\n[enforce]\ncommand = [\"{dir}/cut\", \"{dir}/told\"]\n";

/// Writes whose it is and each line in front of it, all at once and then an end.
const CUT: &str = "#!/bin/sh\n\
    lines=$(sed \"s/^/$AMPARO_CHILD: /\")\n\
    printf '%s\\nend\\n' \"$lines\" >> \"$1\"\n";

/// The address of a name that stays open, and of one that closes.
const SHARED: &str = "198.51.100.9";

async fn start(at: &'static str) -> Amparo {
    let start = Amparo::start(&format!("{HOME}{ENFORCE}")).at(at).file("cut", CUT);
    let program = start.home().path().join("cut");
    std::fs::set_permissions(program, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    let scripted = start.upstream(|upstream| {
        upstream.address("www.shared.example", SHARED).address("pool.ntp.org", SHARED);
    });
    let amparo = scripted.await;
    // It knows whom to tell before anything is handed out.
    status(&amparo).await;
    amparo
}

/// Each asks for something, which is then known to have been handed out.
async fn everyone_asks(amparo: &Amparo) {
    for from in [SOFIA, MATEO, ANA] {
        for name in ["www.example.com", "www.shared.example", "pool.ntp.org"] {
            amparo.ask(from, name).await.is_open();
        }
    }
    counted(amparo).await;
}

/// The lines of everything told so far, once it was told something so often.
async fn told(amparo: &Amparo, times: usize) -> Vec<String> {
    let path = amparo.home.path().join("told");
    let read = || std::fs::read_to_string(&path).unwrap_or_default();
    let ends = |text: &str| text.lines().filter(|line| *line == "end").count();
    until("what is told", async || ends(&read()) >= times).await;
    let text = read();
    assert_eq!(ends(&text), times, "{text}");
    text.lines().filter(|line| *line != "end").map(str::to_owned).collect()
}

#[tokio::test]
async fn bedtime_cuts_what_the_child_was_handed_and_morning_lets_it_go() {
    let amparo = start("2026-11-23 20:29").await;
    everyone_asks(&amparo).await;
    amparo.set("2026-11-23 20:30");
    let close = format!("sofia: close {SOFIA} {DEFAULT_V4} www.example.com");
    assert_eq!(told(&amparo, 1).await, [close.as_str()]);
    amparo.set("2026-11-24 06:30");
    let open = format!("sofia: open {SOFIA} {DEFAULT_V4} www.example.com");
    assert_eq!(told(&amparo, 2).await, [close, open]);
}

#[tokio::test]
async fn a_pause_cuts_at_once_and_its_end_lets_go() {
    let amparo = start("2026-11-23 16:00").await;
    everyone_asks(&amparo).await;
    tell(&amparo, Do::Pause { child: mateo(), until: Until::For(1800) }).await;
    let close = format!("mateo: close {MATEO} {DEFAULT_V4} www.example.com");
    assert_eq!(told(&amparo, 1).await, [close.as_str()]);
    tell(&amparo, Do::Resume { child: mateo() }).await;
    let open = format!("mateo: open {MATEO} {DEFAULT_V4} www.example.com");
    assert_eq!(told(&amparo, 2).await, [close.as_str(), open.as_str()]);
    tell(&amparo, Do::Pause { child: mateo(), until: Until::For(1800) }).await;
    told(&amparo, 3).await;
    amparo.set("2026-11-23 16:30");
    assert_eq!(told(&amparo, 4).await, [close.as_str(), open.as_str(), &close, &open]);
}

#[tokio::test]
async fn nothing_is_told_any_more_once_the_config_says_nothing_of_it() {
    let amparo = start("2026-11-23 20:29").await;
    everyone_asks(&amparo).await;
    amparo.reload_with(HOME).await.expect("it passes");
    everyone_asks(&amparo).await;
    tell(&amparo, Do::Pause { child: mateo(), until: Until::For(1800) }).await;
    amparo.set("2026-11-23 20:30");
    amparo.ask(SOFIA, "www.example.com").await.is_blocked();
    status(&amparo).await;
    // Whoever would tell it has ended: what was not told by now never is.
    assert!(!amparo.home.path().join("told").exists());
    // Back again, it begins anew: what is closed is told of what is handed out from now on.
    amparo
        .set("2026-11-24 07:00")
        .reload_with(&format!("{HOME}{ENFORCE}"))
        .await
        .expect("it passes");
    everyone_asks(&amparo).await;
    amparo.set("2026-11-24 20:30");
    let close = format!("sofia: close {SOFIA} {DEFAULT_V4} www.example.com");
    assert_eq!(told(&amparo, 1).await, [close]);
}
