//! The daemon, over its sockets.

use amparo::control::{Command, FamilyCommand};
use jiff::SignedDuration;

use super::model::ALIASES;
use super::{CONFIG, Driven, config};
use crate::harness::Amparo;

pub(super) struct Sockets {
    /// None: it is being restarted.
    amparo: Option<Amparo>,
}

impl Sockets {
    /// It starts where [`super::BEGINS`] does.
    pub(super) async fn start() -> Self {
        let amparo = Amparo::start(CONFIG).at("2027-10-20 07:12:30").upstream(|upstream| {
            for (alias, target) in ALIASES {
                upstream.alias(alias, target);
            }
        });
        let amparo = amparo.await;
        amparo.clock().set_synchronised(true);
        Sockets { amparo: Some(amparo) }
    }

    fn amparo(&self) -> &Amparo {
        self.amparo.as_ref().expect("it runs")
    }
}

impl Driven for Sockets {
    const CAN_LOSE_TIME: bool = false;

    async fn tell(&mut self, command: FamilyCommand) -> Result<u64, String> {
        let told = self.amparo().tell(&Command::Family(command)).await;
        self.settle().await;
        told.map(|told| told["id"].as_u64().expect("it has a number"))
    }

    async fn advance(&mut self, by: SignedDuration) {
        self.amparo().clock().advance(by);
        self.settle().await;
    }

    async fn step(&mut self, by: SignedDuration) {
        self.amparo().clock().step(by);
        self.settle().await;
    }

    async fn reload(&mut self, version: usize) {
        self.amparo().reload_with(&config(version)).await.expect("the file is good");
        self.settle().await;
    }

    async fn restart(&mut self) {
        let amparo = self.amparo.take().expect("it runs");
        self.amparo = Some(amparo.restart().await);
    }

    async fn lose_time(&mut self, _: bool) {}

    async fn is_closed(&mut self, _: &str, device: &str, name: &str) -> bool {
        let said = self.amparo().ask(device, name).await;
        said.addresses().iter().any(std::net::IpAddr::is_unspecified)
    }

    /// Waits until all that happened is counted and in force.
    async fn settle(&mut self) {
        self.amparo().tell(&Command::Status).await.expect("it tells how it is");
    }
}
