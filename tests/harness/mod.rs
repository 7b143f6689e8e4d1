//! The whole program over real sockets: a daemon whose clock the test holds, a resolver that says
//! what the test tells it to, and children who ask from addresses of their own.
//!
//! ```text
//! let amparo = Amparo::start(FAMILY).at("2026-11-23 21:30").await;
//! amparo.ask(SOFIA, "www.example.com").await.is_blocked();
//! amparo.set("2026-11-24 06:30").ask(SOFIA, "www.example.com").await.is_open();
//! ```

pub(crate) mod answer;
pub(crate) mod cli;
pub(crate) mod home_network;
pub(crate) mod lists;
pub(crate) mod load;
pub(crate) mod net;
pub(crate) mod packet;
pub(crate) mod program;
pub(crate) mod time;
pub(crate) mod upstream;

use std::future::IntoFuture;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

use amparo::clock::Clock;
use amparo::control::{self, Command};
use amparo::daemon::{self, Daemon, Options};
use hickory_proto::rr::RecordType;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, civil};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};

pub(crate) use answer::Answer;
pub(crate) use cli::{Home, Output};
pub(crate) use home_network::HomeNetwork;
pub(crate) use lists::ListServer;
pub(crate) use load::{Flood, Numbers};
pub(crate) use net::{Device, Namespace};
pub(crate) use packet::Question;
pub(crate) use program::Program;
pub(crate) use time::TimeServer;
pub(crate) use upstream::{FakeUpstream, Reply};

/// The child of nine: 7-9, bedtime.
pub(crate) const SOFIA: &str = "127.0.0.10";
/// The child of fourteen: 13-15, `tiktok` closed.
pub(crate) const MATEO: &str = "127.0.0.11";
/// The adult.
pub(crate) const ANA: &str = "127.0.0.20";
/// A device that nobody claimed.
pub(crate) const STRANGER: &str = "127.0.0.99";

/// The family of most tests.
pub(crate) const FAMILY: &str = r#"
[child.sofia]
age     = 9
devices = ["127.0.0.10"]
bedtime = "20:30-06:30"

[child.mateo]
age     = 14
devices = ["127.0.0.11"]
block   = ["tiktok"]

[adult.ana]
devices = ["127.0.0.20"]
"#;

/// How often a test looks whether what must come has come.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long a test waits for an answer it must get: slow machines are busy machines.
const PATIENCE: Duration = Duration::from_secs(30);
/// When a device asks again that has no answer: what glibc waits.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
/// When a test starts that does not say: a Monday afternoon.
const SOME_AFTERNOON: &str = "2026-11-23 16:00";

/// A running daemon with everything around it.
pub(crate) struct Amparo {
    daemon: Daemon,
    clock: Clock,
    time_servers: Vec<SocketAddr>,
    server: SocketAddr,
    zone: TimeZone,
    /// Its files.
    pub(crate) home: Home,
    /// The resolver it asks.
    pub(crate) upstream: FakeUpstream,
    /// Another one: `{second}` in the config.
    pub(crate) second: FakeUpstream,
}

/// What is around a daemon that was stopped.
pub(crate) struct Off {
    clock: Clock,
    time_servers: Vec<SocketAddr>,
    zone: TimeZone,
    home: Home,
    upstream: FakeUpstream,
    second: FakeUpstream,
}

/// A daemon about to start.
pub(crate) struct Start {
    config: String,
    at: &'static str,
    time_servers: Vec<SocketAddr>,
    home: Home,
    upstream: FakeUpstream,
    second: FakeUpstream,
}

impl Amparo {
    /// A daemon with these rules. In them `{dir}` is the test's directory and `{upstream}`,
    /// `{second}` and `{dead}` are addresses of resolvers; what a test needs and does not say
    /// (where to listen, whom to ask, the time zone, the language, no public lists) is added.
    pub(crate) fn start(config: &str) -> Start {
        Start {
            config: config.to_owned(),
            at: SOME_AFTERNOON,
            time_servers: Vec::new(),
            home: Home::new(),
            upstream: FakeUpstream::start(),
            second: FakeUpstream::start(),
        }
    }

    // === Asking ===

    /// Asks for a name's address.
    pub(crate) async fn ask(&self, from: &str, name: &str) -> Answer {
        self.ask_type(from, name, RecordType::A).await
    }

    /// Asks for a name's records of one type.
    pub(crate) async fn ask_type(&self, from: &str, name: &str, kind: RecordType) -> Answer {
        self.send(from, &Question::of(name, kind)).await
    }

    /// Asks a question over UDP.
    pub(crate) async fn send(&self, from: &str, question: &Question) -> Answer {
        let bytes = self.exchange(from, &[question.octets()]).await;
        assert_eq!(bytes[..2], question.id.to_be_bytes(), "the answer has the question's id");
        Answer::read(bytes, &self.asked(from))
    }

    /// Asks a question over TCP.
    pub(crate) async fn send_tcp(&self, from: &str, question: &Question) -> Answer {
        let mut stream = self.connect(from).await;
        stream.write_all(&packet::framed(&question.octets())).await.expect("it listens");
        Answer::read(read_frame(&mut stream).await, &self.asked(from))
    }

    /// Sends packets from one socket: the first answer to come back, to whichever.
    ///
    /// They are sent again when nothing comes for long, as a device would: a full socket buffer
    /// drops packets, on loopback too.
    pub(crate) async fn exchange(&self, from: &str, packets: &[Vec<u8>]) -> Vec<u8> {
        let socket = self.socket(from).await;
        let mut buffer = vec![0; 65_535];
        let answered = async {
            loop {
                for packet in packets {
                    socket.send(packet).await.expect("loopback takes it");
                }
                let received = tokio::time::timeout(AGAIN_AFTER, socket.recv(&mut buffer)).await;
                if let Ok(length) = received {
                    return length.expect("it listens");
                }
            }
        };
        let length = within(answered, "an answer").await;
        buffer.truncate(length);
        buffer
    }

    /// A UDP socket of a device, connected to the daemon.
    pub(crate) async fn socket(&self, from: &str) -> UdpSocket {
        let from: IpAddr = from.parse().expect("the test writes an address");
        let socket = UdpSocket::bind((from, 0)).await.expect("loopback is wide");
        socket.connect(self.server).await.expect("loopback has routes");
        socket
    }

    /// A TCP connection of a device to the daemon.
    pub(crate) async fn connect(&self, from: &str) -> TcpStream {
        let from: IpAddr = from.parse().expect("the test writes an address");
        let socket = if from.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
        let socket = socket.expect("there are sockets");
        socket.bind((from, 0).into()).expect("loopback is wide");
        within(socket.connect(self.server), "a connection").await.expect("it listens")
    }

    // === The clock ===

    /// Moves the clock to a wall time of the household: `2026-11-23 21:30`.
    pub(crate) fn set(&self, at: &str) -> &Self {
        self.clock.set(instant(at, &self.zone));
        self
    }

    /// What it shows.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Moves the clock on.
    pub(crate) fn advance_seconds(&self, seconds: i64) -> &Self {
        self.clock.advance(SignedDuration::from_secs(seconds));
        self
    }

    /// The clock itself.
    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Steps the wall clock, as if somebody had set it: no time has passed.
    pub(crate) fn step_seconds(&self, seconds: i64) -> &Self {
        self.clock.step(SignedDuration::from_secs(seconds));
        self
    }

    // === Its files, its commands, its end ===

    /// Tells it something over its socket, as the command line does.
    pub(crate) async fn tell(&self, command: &Command) -> Result<serde_json::Value, String> {
        let (state, command) = (self.home.state(), command.clone());
        // The daemon runs on this thread too: it must not be held up.
        let telling = tokio::task::spawn_blocking(move || control::tell(&state, &command));
        let told = within(telling, "the answer").await.expect("it does not panic");
        told.map_err(|error| error.to_string())
    }

    /// Where it listens.
    pub(crate) fn server(&self) -> SocketAddr {
        self.server
    }

    /// Writes other rules into its file, as [`Amparo::start`] takes them, and has it read them.
    pub(crate) async fn reload_with(&self, config: &str) -> Result<(), String> {
        let config = whole(config, &self.home, &self.upstream, &self.second);
        self.home.write("amparo.toml", &config);
        self.reload().await
    }

    /// Has it read its file again.
    pub(crate) async fn reload(&self) -> Result<(), String> {
        within(self.daemon.reload(), "the reload").await.map(|_| ())
    }

    /// Runs a command of the real program against it.
    pub(crate) async fn cli(&self, args: &[&str]) -> Output {
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        let home = self.home.clone();
        // The daemon runs on this thread too: it must not be held up.
        let run = tokio::task::spawn_blocking(move || {
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            home.amparo(&args)
        });
        run.await.expect("the command ends")
    }

    /// Ends it in good order: what it remembered is then on disk.
    pub(crate) async fn shutdown(self) -> Home {
        within(self.daemon.shutdown(), "the shutdown").await;
        self.home
    }

    /// Ends it and starts it again with the same files and the same clock.
    pub(crate) async fn restart(self) -> Self {
        self.stop().await.start().await
    }

    /// Ends it, with everything around it left as it is.
    pub(crate) async fn stop(self) -> Off {
        let Amparo { daemon, clock, time_servers, zone, home, upstream, second, .. } = self;
        within(daemon.shutdown(), "the shutdown").await;
        Off { clock, time_servers, zone, home, upstream, second }
    }

    /// Another one, with the files of this one as they are now: what a crash at this moment leaves
    /// behind. It has the same clock and asks the same resolvers.
    pub(crate) async fn crashed(&self) -> Self {
        let home = Home::new();
        home.take_files_of(&self.home);
        let (clock, time_servers) = (self.clock.clone(), self.time_servers.clone());
        let (daemon, server) = running(&home, clock.clone(), &time_servers).await;
        let zone = self.zone.clone();
        let (upstream, second) = (FakeUpstream::start(), FakeUpstream::start());
        Amparo { daemon, clock, time_servers, server, zone, home, upstream, second }
    }

    /// The rows of the journal. It ends the daemon first, so that all of them are written.
    pub(crate) async fn journal(self) -> Vec<serde_json::Value> {
        let home = self.shutdown().await;
        home.amparo(&["log", "--json"]).exits(0).json()
    }

    fn asked(&self, from: &str) -> String {
        format!("a question from {from} at {}", self.clock.now().to_zoned(self.zone.clone()))
    }
}

// === impl Off ===

impl Off {
    /// Starts it again.
    pub(crate) async fn start(self) -> Amparo {
        let Off { clock, time_servers, zone, home, upstream, second } = self;
        let (daemon, server) = running(&home, clock.clone(), &time_servers).await;
        Amparo { daemon, clock, time_servers, server, zone, home, upstream, second }
    }
}

// === impl Start ===

impl Start {
    /// At a wall time of the household: `2026-11-23 21:30`.
    pub(crate) fn at(mut self, at: &'static str) -> Self {
        self.at = at;
        self
    }

    /// With time servers.
    pub(crate) fn time_servers(mut self, servers: &[SocketAddr]) -> Self {
        self.time_servers = servers.to_vec();
        self
    }

    /// With a resolver that says this.
    pub(crate) fn upstream(self, script: impl FnOnce(&FakeUpstream)) -> Self {
        script(&self.upstream);
        self
    }

    /// With a second resolver that says this.
    pub(crate) fn second(self, script: impl FnOnce(&FakeUpstream)) -> Self {
        script(&self.second);
        self
    }

    /// Where its files will be.
    pub(crate) fn home(&self) -> &Home {
        &self.home
    }

    /// Its files, with its config, before it starts: for commands that do without it.
    pub(crate) fn prepared(&self) -> Home {
        let config = whole(&self.config, &self.home, &self.upstream, &self.second);
        self.home.write("amparo.toml", &config);
        self.home.clone()
    }

    /// With this file in the test's directory.
    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        self.home.write(name, text);
        self
    }
}

impl IntoFuture for Start {
    type Output = Amparo;
    type IntoFuture = Pin<Box<dyn Future<Output = Amparo>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Start { config, at, time_servers, home, upstream, second } = self;
            let config = whole(&config, &home, &upstream, &second);
            home.write("amparo.toml", &config);
            let zone = zone_of(&config);
            let clock = Clock::held(instant(at, &zone));
            let (daemon, server) = running(&home, clock.clone(), &time_servers).await;
            Amparo { daemon, clock, time_servers, server, zone, home, upstream, second }
        })
    }
}

/// Starts the daemon of a home: it and where it listens.
async fn running(home: &Home, clock: Clock, servers: &[SocketAddr]) -> (Daemon, SocketAddr) {
    match within(started_with(home, clock, servers), "the start").await {
        Ok(daemon) => {
            let server = *daemon.addresses().first().expect("it listens somewhere");
            (daemon, server)
        }
        Err(failure) => panic!("the daemon does not start: {failure:?}"),
    }
}

/// Starts the daemon of a home, or not.
pub(crate) async fn started(home: &Home, clock: Clock) -> Result<Daemon, daemon::Failure> {
    started_with(home, clock, &[]).await
}

async fn started_with(
    home: &Home,
    clock: Clock,
    time_servers: &[SocketAddr],
) -> Result<Daemon, daemon::Failure> {
    daemon::start(Options {
        config_file: Some(home.config()),
        config_expected: None,
        state_directory: Some(home.state()),
        clock,
        listen: None,
        offline: false,
        time_servers: time_servers.to_vec(),
    })
    .await
}

/// The config with what every test needs.
pub(crate) fn whole(
    config: &str,
    home: &Home,
    upstream: &FakeUpstream,
    second: &FakeUpstream,
) -> String {
    let upstreams = format!("[\"udp://{}\"]", upstream.address);
    let directory = home.path().display().to_string();
    let text = with_key(config, "dns", "listen", "\"127.0.0.1:0\"");
    let text = with_key(&text, "dns", "upstreams", &upstreams);
    // Tests ask faster than devices do, and a clock that is held saves no time.
    let text = with_key(&text, "dns", "rate_limit", "0");
    let text = with_key(&text, "household", "timezone", "\"America/Guatemala\"");
    let text = with_key(&text, "household", "language", "\"en\"");
    // No test asks the internet for a list.
    let text = with_key(&text, "household", "public_lists", "false");
    text.replace("{dir}", &directory)
        .replace("{upstream}", &upstream.address.to_string())
        .replace("{second}", &second.address.to_string())
        .replace("{dead}", &upstream::dead_address().to_string())
}

/// The config with a key of a table, unless it says that key itself.
fn with_key(config: &str, table: &str, key: &str, value: &str) -> String {
    let said = |line: &str| line.split('=').next().is_some_and(|word| word.trim() == key);
    if config.lines().any(said) {
        return config.to_owned();
    }
    let header = format!("[{table}]\n");
    match config.split_once(&header) {
        Some((before, after)) => format!("{before}{header}{key} = {value}\n{after}"),
        None => format!("{config}\n{header}{key} = {value}\n"),
    }
}

/// The time zone a config names.
fn zone_of(config: &str) -> TimeZone {
    let line = config.lines().find_map(|line| line.strip_prefix("timezone = "));
    let id = line.expect("every test's config has one").trim_matches('"');
    TimeZone::get(id).expect("the table of zones is in the program")
}

/// The moment at which the household's walls show this.
pub(crate) fn instant(at: &str, zone: &TimeZone) -> Timestamp {
    let wall: civil::DateTime = at.parse().expect("the test writes a date and a time");
    wall.to_zoned(zone.clone()).expect("the wall shows it").timestamp()
}

/// Reads one message from a TCP connection.
pub(crate) async fn read_frame(stream: &mut TcpStream) -> Vec<u8> {
    let length = within(stream.read_u16(), "an answer").await.expect("the connection stays");
    let mut message = vec![0; usize::from(length)];
    within(stream.read_exact(&mut message), "the rest").await.expect("the connection stays");
    message
}

/// Waits until something is so, or the test ends.
pub(crate) async fn until(wanted: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let looking = async {
        while !is_so().await {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    within(looking, wanted).await;
}

/// What must come, or the test ends.
pub(crate) async fn within<T>(what: impl Future<Output = T>, wanted: &str) -> T {
    let Ok(value) = tokio::time::timeout(PATIENCE, what).await else {
        panic!("{wanted} did not come within {} s", PATIENCE.as_secs())
    };
    value
}
