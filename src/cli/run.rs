use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::{App, Exit, Failure};
use crate::config;
use crate::daemon::{self, Daemon, Options};
use crate::doctor::port;
use crate::timekeeping::sntp;

/// Answer questions (what `amparo` alone does)
#[derive(clap::Args, Default)]
pub(super) struct Run {
    /// Fetch no list and ask no time server: public lists do not count, of your own the last
    /// copies serve; where the time is in doubt, the system must learn it
    #[arg(long)]
    offline: bool,
}

impl Run {
    pub(super) fn run(self, app: &App) -> Result<(), Failure> {
        let config_file = config::find_file(app.place.config.as_deref());
        serve(Options {
            config_file,
            config_expected: Some(config::usual_place()),
            state_directory: app.place.state.clone(),
            listen: None,
            offline: self.offline,
            time_servers: if self.offline { Vec::new() } else { sntp::SERVERS.to_vec() },
            clock: app.clock.clone(),
        })
    }
}

/// Runs a daemon until it is told to stop.
pub(super) fn serve(options: Options) -> Result<(), Failure> {
    log_to_stderr();
    // Datagrams have threads of their own; connections and commands share these.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("the runtime cannot start: {error}")))?;
    runtime.block_on(async {
        let daemon = daemon::start(options).await?;
        // Before anybody hears that it runs, and may want to stop it.
        let told_to_stop = daemon::signals();
        greet(&daemon)?;
        told_to_stop.await;
        daemon.shutdown().await;
        Ok(())
    })
}

/// Says what it listens on, what it filters, and what to try.
fn greet(daemon: &Daemon) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let (names, lists) = daemon.size();
    let listen: Vec<String> = daemon.addresses().iter().map(ToString::to_string).collect();
    writeln!(
        out,
        "Amparo {} answers on {} (UDP and TCP).",
        env!("CARGO_PKG_VERSION"),
        listen.join(" and ")
    )?;
    match daemon.config_file() {
        Some(path) => writeln!(out, "Rules: {}.", path.display())?,
        None => writeln!(
            out,
            "Rules: the embedded defaults, profile 10-12 for every device; write your own in {}.",
            config::usual_place().display()
        )?,
    }
    writeln!(
        out,
        "Filters {names} names in {lists} lists; state in {}.",
        daemon.state_directory().display()
    )?;
    for trouble in daemon.troubles() {
        writeln!(out, "Note: {trouble}")?;
    }
    if let Some(address) = daemon.addresses().first() {
        let (server, port) = (reachable(address), address.port());
        writeln!(out, "\nTry:  dig @{server} -p {port} blocked.amparo.test")?;
        writeln!(out, "      dig @{server} -p {port} omegle.com")?;
        writeln!(out, "      amparo why omegle.com")?;
    }
    out.flush()?;
    Ok(())
}

/// An address a person on this machine can ask.
fn reachable(address: &SocketAddr) -> String {
    if address.ip().is_unspecified() { "127.0.0.1".to_owned() } else { address.ip().to_string() }
}

/// Our own events to stderr, at the level of `$AMPARO_LOG` (`info`). Libraries are left out: some
/// name clients and questions, which is nobody's business in a log.
fn log_to_stderr() {
    let level = std::env::var("AMPARO_LOG").ok().and_then(|level| level.parse().ok());
    let level = level.unwrap_or(LevelFilter::INFO);
    let ours = tracing_subscriber::filter::filter_fn(|about| about.target().starts_with("amparo"));
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none());
    // A second subscriber in one process is a test's; the first one stays.
    let _ = tracing_subscriber::registry().with(layer).with(level).with(ours).try_init();
}

impl From<daemon::Failure> for Failure {
    fn from(failure: daemon::Failure) -> Self {
        match failure {
            daemon::Failure::Config(report) => Failure {
                message: format!("the config is wrong; nothing was started\n{report}"),
                hint: Some("mend it, then try `amparo check`".to_owned()),
                exit: Exit::Config,
            },
            daemon::Failure::Listen { address, ref source } => {
                #[expect(clippy::wildcard_enum_match_arm, reason = "the system's list of errors")]
                let hint = match source.kind() {
                    std::io::ErrorKind::AddrInUse => match port::holder_of(address) {
                        Some(program) => format!(
                            "another program answers there: {}; `amparo doctor` tells how to free it",
                            program.shown()
                        ),
                        None => "another program answers there; `amparo doctor`, asked as root, \
                                 names it and tells how to free it"
                            .to_owned(),
                    },
                    std::io::ErrorKind::PermissionDenied => {
                        "run it as root, or give it the right: \
                         setcap cap_net_bind_service=+ep $(command -v amparo)"
                            .to_owned()
                    }
                    _ => "is it an address of this machine? `ip address` shows them; \
                          [dns] listen says where to listen"
                        .to_owned(),
                };
                Failure::failed(failure.to_string()).hint(hint)
            }
            daemon::Failure::Thread(_) => Failure::failed(failure.to_string())
                .hint("has this user too many processes? `ulimit -u` tells how many it may have"),
            daemon::Failure::State { .. } => Failure::failed(failure.to_string())
                .hint("name another directory with --state DIR or [state] directory"),
        }
    }
}
