//! What goes wrong beside the program: the power, the disk, the clock, the time servers. What a
//! parent was told is kept, and no child gains anything.

mod boundaries;
mod crash;
mod disk;
mod enforce;
mod kill;
mod steps;
mod time;

use amparo::control::{Command, FamilyCommand as Do};
use serde_json::Value;

use crate::harness::{Amparo, Answer};

/// Two children with time of their own, and an adult.
const HOME: &str = r#"
[category.games]
names = ["playground.example"]

[child.sofia]
age     = 9
name    = "Sofía"
devices = ["127.0.0.10"]
bedtime = "20:30-06:30"

[child.mateo]
age     = 14
devices = ["127.0.0.11"]
block   = ["closed.example"]
budget  = { games = "10m" }

[adult.ana]
devices = ["127.0.0.20"]
"#;

/// What the budget is about.
const GAME: &str = "www.playground.example";

fn sofia() -> String {
    "sofia".to_owned()
}

fn mateo() -> String {
    "mateo".to_owned()
}

/// Tells the daemon; what came of it.
async fn tell(amparo: &Amparo, command: Do) -> Value {
    amparo.tell(&Command::Family(command)).await.expect("it does what it is told")
}

/// How it is; what happened before is counted and in force.
async fn status(amparo: &Amparo) -> Value {
    amparo.tell(&Command::Status).await.expect("it tells how it is")
}

/// What was answered is counted, and nothing is done about it: not as after [`status`].
async fn counted(amparo: &Amparo) {
    amparo.tell(&Command::CacheStats).await.expect("it tells how the cache is");
}

fn person<'a>(status: &'a Value, id: &str) -> &'a Value {
    let people = status["people"].as_array().expect("there are people");
    people.iter().find(|one| one["id"] == id).expect("it is one of them")
}

/// The minutes that Mateo has used of his only budget.
fn used(status: &Value) -> u64 {
    person(status, "mateo")["budgets"][0]["used"].as_u64().expect("it is no less than nothing")
}

/// Plays so many minutes from now on, a question in each; the clock then stands at the end of them.
async fn play(amparo: &Amparo, from: &str, minutes: u32) {
    for _ in 0..minutes {
        amparo.ask(from, GAME).await.is_open();
        counted(amparo).await;
        amparo.advance_seconds(60);
    }
}

fn is_closed(answer: &Answer) -> bool {
    answer.addresses().iter().any(std::net::IpAddr::is_unspecified)
}
