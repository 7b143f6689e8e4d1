//! Running a program that is told something, within bounds.
//!
//! What it reads and what it complains about are files in memory, so that nothing here waits for a
//! program that does not read, or for one that left another behind. Start at [`Program::run`].

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// How long a program may take. `nft` takes milliseconds, a call to a router a second.
pub(super) const RUN_TIME_MAX: Duration = Duration::from_secs(10);
/// What a program may complain, in octets: more comes of one that runs in a circle.
const COMPLAINT_OCTETS_MAX: u64 = 1024 * 1024;
/// How much of it is shown, in octets: a line or two.
const SHOWN_OCTETS: u64 = 300;
/// How often it is looked whether it has ended: often at first, since most end at once.
const LOOK_FIRST: Duration = Duration::from_millis(1);
/// The longest pause between two looks.
const LOOK_LAST: Duration = Duration::from_millis(50);

/// A program with its arguments.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    /// Its path, or its name in `PATH`; then its arguments.
    pub(crate) words: Vec<String>,
}

/// Why a program did not do what it was told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// It is not there.
    #[error("it is not installed")]
    Missing,
    /// It could not be started.
    #[error("it cannot be started: {0}")]
    Unstarted(io::Error),
    /// It took too long.
    #[error("it was stopped after {} seconds", RUN_TIME_MAX.as_secs())]
    TooSlow,
    /// It wrote without end.
    #[error("it was stopped, since it complained without end: {0}")]
    TooLoud(String),
    /// This program is about to end.
    #[error("it was stopped, since amparo ends")]
    Ending,
    /// It says that it failed.
    #[error("it {0}")]
    Failed(String),
}

impl Program {
    /// Runs it, `input` being what it reads, and waits for its end: at most [`RUN_TIME_MAX`], and
    /// not when `ending` becomes true. Whatever it started in its own group ends with it then.
    pub(crate) fn run(
        &self,
        environment: &[(&str, &str)],
        input: &str,
        ending: &AtomicBool,
    ) -> Result<(), Failure> {
        let (mut complaint, mut child) = self.start(environment, input)?;
        let mut waited = Duration::ZERO;
        let mut pause = LOOK_FIRST;
        let failure = loop {
            match child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => {
                    let said = told(&mut complaint);
                    let colon = if said.is_empty() { "" } else { ": " };
                    return Err(Failure::Failed(format!("ended with {status}{colon}{said}")));
                }
                Ok(None) => {}
                Err(error) => break Failure::Unstarted(error),
            }
            if ending.load(Ordering::Acquire) {
                break Failure::Ending;
            }
            if waited >= RUN_TIME_MAX {
                break Failure::TooSlow;
            }
            if complaint.metadata().is_ok_and(|file| file.len() > COMPLAINT_OCTETS_MAX) {
                break Failure::TooLoud(told(&mut complaint));
            }
            std::thread::sleep(pause);
            waited += pause;
            pause = (pause * 2).min(LOOK_LAST);
        };
        stop(&mut child);
        Err(failure)
    }

    fn start(&self, environment: &[(&str, &str)], input: &str) -> Result<(File, Child), Failure> {
        let (program, arguments) = self.words.split_first().ok_or(Failure::Missing)?;
        let mut reads = memory("amparo-in").map_err(Failure::Unstarted)?;
        let complaint = memory("amparo-err").map_err(Failure::Unstarted)?;
        let started = reads
            .write_all(input.as_bytes())
            .and_then(|()| reads.rewind())
            .and_then(|()| complaint.try_clone())
            .and_then(|theirs| {
                Command::new(OsStr::new(program))
                    .args(arguments)
                    .envs(environment.iter().copied())
                    .stdin(reads)
                    .stdout(Stdio::null())
                    .stderr(theirs)
                    .process_group(0)
                    .spawn()
            });
        match started {
            Ok(child) => Ok((complaint, child)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Failure::Missing),
            Err(error) => Err(Failure::Unstarted(error)),
        }
    }
}

/// A file in memory, gone with its last handle.
fn memory(name: &str) -> io::Result<File> {
    Ok(File::from(memfd_create(name, MFdFlags::MFD_CLOEXEC)?))
}

/// Ends a program and what is in its group.
fn stop(child: &mut Child) {
    let group = i32::try_from(child.id()).map(Pid::from_raw);
    // It is ours and not waited for yet, so the number is nobody else's.
    let killed = group.is_ok_and(|group| killpg(group, Signal::SIGKILL).is_ok());
    if !killed {
        let _ = child.kill();
    }
    let _ = child.wait();
}

/// The beginning of what a program complained about, in one line of printable letters.
fn told(complaint: &mut File) -> String {
    let mut octets = Vec::new();
    // What cannot be read is not shown.
    let _ = complaint.rewind().and_then(|()| complaint.take(SHOWN_OCTETS).read_to_end(&mut octets));
    let text = String::from_utf8_lossy(&octets);
    let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    printable.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}
