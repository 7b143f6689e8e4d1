//! What makes a reload: SIGHUP, a changed config file, list file, calendar file or certificate.
//!
//! Files are looked at every two seconds instead of by inotify: editors replace files, containers
//! mount them, and both break watches.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::info;

use super::Shared;
use super::commands::stopped;
use crate::house::place;
use crate::lists::{Origin, Seen};

/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What is seen of a file without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Look {
    path: PathBuf,
    /// None when it cannot be opened.
    seen: Option<Seen>,
}

/// Reloads whenever there is a reason, until told to stop.
pub(super) async fn run(shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut hangups = signal(SignalKind::hangup()).ok();
    let mut seen = look(&shared);
    loop {
        let hangup = async {
            match &mut hangups {
                Some(hangups) => hangups.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stopped(&mut stop) => return,
            _ = hangup => info!("SIGHUP: reading the config again"),
            () = tokio::time::sleep(LOOK_EVERY) => {
                shared.read_leases().await;
                let now = look(&shared);
                if now == seen {
                    continue;
                }
                info!("a file changed: reading the config again");
            }
        }
        // Before they are read: what changes while they are is read again.
        let before = look(&shared);
        tokio::select! {
            () = stopped(&mut stop) => return,
            // Its outcome is logged and shown by `amparo status`.
            _ = shared.reload() => {}
        }
        seen = look(&shared);
        for now in &mut seen {
            if let Some(was) = before.iter().find(|was| was.path == now.path) {
                now.clone_from(was);
            }
        }
    }
}

/// The config file, the list files and the calendar files as they are now.
fn look(shared: &Shared) -> Vec<Look> {
    let state = shared.resolver.state();
    let config = shared.config_file();
    let lists = state.house.config.lists.iter().filter_map(|source| match &source.origin {
        Origin::File(path) => Some(path.as_path()),
        Origin::Embedded(_) | Origin::EmbeddedHidden(_) | Origin::Written(_) | Origin::Url(_) => {
            None
        }
    });
    let calendars = state.house.config.calendars.iter().map(|calendar| calendar.path.as_path());
    let encrypted = state.house.config.dns.encrypted.as_deref();
    let certificate = encrypted.map(|encrypted| [&encrypted.certificate, &encrypted.private_key]);
    let certificate = certificate.into_iter().flatten().map(PathBuf::as_path);
    let files = config.into_iter().chain(lists).chain(calendars).chain(certificate);
    files.map(look_at).collect()
}

fn look_at(path: &Path) -> Look {
    Look { path: path.to_owned(), seen: place::see(path).ok() }
}
