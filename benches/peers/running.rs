//! A server's process: started, asked until it filters, and stopped whatever happens.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::machine::now;

/// How long a server may take to end by itself.
const GRACE: Duration = Duration::from_secs(10);
/// How often it is looked whether it has.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The processes that run now, so that a signal can end them.
static RUNNING: Mutex<Vec<u32>> = Mutex::new(Vec::new());
/// What is removed when a signal ends the program.
static FOLDER: OnceLock<PathBuf> = OnceLock::new();

/// A process that is stopped when this is dropped, by a panic too.
pub(crate) struct Running {
    child: Child,
}

impl Running {
    /// Starts a command; what it says goes to the file at `log`.
    pub(crate) fn start(mut command: Command, log: &PathBuf) -> Self {
        let said = File::create(log).expect("the directory is ours");
        let errors = said.try_clone().expect("a file can be had twice");
        command.stdin(Stdio::null()).stdout(said).stderr(errors);
        let mut running = running();
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        running.push(child.id());
        drop(running);
        Running { child }
    }

    /// The kernel's number of it.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        send(self.child.id(), signal);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let id = self.child.id();
        let begin = now();
        if !self.has_ended() {
            self.signal(Signal::SIGTERM);
        }
        while !self.has_ended() {
            if now() > begin + GRACE {
                let _ = self.child.kill();
                let _ = self.child.wait();
                break;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        running().retain(|&other| other != id);
    }
}

/// From now on SIGINT, SIGTERM and SIGHUP end every process that was started here, remove the
/// folder and end the program.
pub(crate) fn stop_all_on_signals(folder: PathBuf) {
    use tokio::signal::unix::{SignalKind, signal};
    let _ = FOLDER.set(folder);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("the system gives a runtime");
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        runtime.block_on(async {
            let listen = |kind| signal(kind).expect("the signal may be listened for");
            let mut interrupt = listen(SignalKind::interrupt());
            let mut terminate = listen(SignalKind::terminate());
            let mut hang_up = listen(SignalKind::hangup());
            let _ = tell.send(());
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hang_up.recv() => {}
            }
        });
        // Held to the end: nothing is started any more.
        let running = running();
        for &id in &*running {
            send(id, Signal::SIGKILL);
        }
        if let Some(folder) = FOLDER.get() {
            let _ = std::fs::remove_dir_all(folder);
        }
        std::process::exit(130);
    });
    let _ = told.recv();
}

fn send(id: u32, signal: Signal) {
    if let Ok(id) = i32::try_from(id) {
        // One that has ended is no child of ours to signal; its number is kept until it is waited
        // for, so it is never another's.
        let _ = kill(Pid::from_raw(id), signal);
    }
}

fn running() -> MutexGuard<'static, Vec<u32>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}
