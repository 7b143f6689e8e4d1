//! Whether the state directory is there, can be written, has room, and is closed to others.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::{Asked, Check, Finding, State, fill, shell};
use crate::clock::Clock;
use crate::journal::{self, reader::ReadError, reader::Reader};
use crate::ledger::Ledger;
use crate::words::{Language, Words, doctor as words};

pub(super) const CHECK: Check = Check {
    name: "state",
    label: &words::STATE,
    judge: |facts| judge(facts.language, &facts.state),
};

/// With less room the lists' copies and the journal run into the end soon.
const ROOM_BYTES_MIN: u64 = 50 * 1024 * 1024;
/// What others may do with a directory.
const OTHERS: u32 = 0o007;

/// What is known of the state directory.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    directory: PathBuf,
    /// The user who asks.
    user: u32,
    is_running: bool,
    /// Whether this user may not look into it.
    is_locked: bool,
    about: About,
    /// How many octets it may still take.
    room: Option<u64>,
    ledger: Vec<Words>,
    /// Why the journal cannot be read.
    journal: Option<String>,
}

/// What there is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum About {
    /// Nothing yet.
    Missing {
        /// Whether it could be made.
        can_be_made: bool,
    },
    /// It may not even be looked at, or is no directory.
    Closed(String),
    /// It is there.
    There {
        mode: u32,
        owner: u32,
        /// Why nothing can be written there.
        unwritable: Option<Unwritable>,
    },
}

/// Why nothing can be written.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Unwritable {
    /// This user may not.
    Forbidden,
    /// The disk is full, or for reading only.
    Disk(String),
}

/// Looks at it, and writes a file that has no name there.
pub(super) fn gather(directory: &Path, asked: &Asked, clock: &Clock) -> Facts {
    let is_running = matches!(asked, Asked::Answered(_));
    let is_locked = matches!(asked, Asked::Locked);
    let about = About::of(directory);
    let is_there = matches!(about, About::There { .. });
    let room = nix::sys::statvfs::statvfs(directory).ok().map(|about| {
        // The kernel's numbers have other widths on other machines.
        #[expect(clippy::useless_conversion, reason = "it is one on some machines")]
        let (blocks, octets) =
            (u64::from(about.blocks_available()), u64::from(about.fragment_size()));
        blocks.saturating_mul(octets)
    });
    let (mut ledger, mut journal) = (Vec::new(), None);
    if is_there && !is_locked {
        ledger = Ledger::look(directory, clock.clone()).troubles();
        journal = match Reader::open(&directory.join(journal::FILE_NAME)) {
            Ok(_) | Err(ReadError::Missing(_)) => None,
            Err(error @ (ReadError::Newer(_) | ReadError::Store { .. })) => Some(error.to_string()),
        };
    }
    let user = nix::unistd::geteuid().as_raw();
    let directory = directory.to_owned();
    Facts { directory, user, is_running, is_locked, about, room, ledger, journal }
}

fn judge(language: Language, facts: &Facts) -> Vec<Finding> {
    let shown = facts.directory.display().to_string();
    let path = shell(&facts.directory);
    let fill = |sentence, who: &str| fill(language, sentence, &shown, who);
    let mut findings = Vec::new();
    match &facts.about {
        About::Missing { can_be_made: true } => {
            findings.push(Finding::new(State::Note, fill(&words::STATE_MISSING, "")));
        }
        About::Missing { can_be_made: false } => findings.push(
            Finding::new(State::Failed, fill(&words::STATE_CANNOT_BE_MADE, ""))
                .say(words::STATE_AS_ROOT.in_language(language))
                .run(format!("install -d -m 0750 -o {} {path}", facts.user))
                .undo(format!("rmdir {path}")),
        ),
        About::Closed(why) => findings.push(
            Finding::new(State::Failed, fill(&words::STATE_CLOSED, why))
                .say(words::STATE_AS_OWNER.in_language(language)),
        ),
        About::There { mode, owner, unwritable } => {
            findings.push(match unwritable {
                None => Finding::new(State::Ok, fill(&words::STATE_GOOD, "")),
                Some(Unwritable::Forbidden) if facts.is_locked => {
                    Finding::new(State::Note, fill(&words::STATE_LOCKED, &owner.to_string()))
                        .run("sudo amparo doctor")
                }
                // The daemon has its own user: that this one may not write is as it should be.
                Some(Unwritable::Forbidden) if facts.is_running => {
                    Finding::new(State::Note, fill(&words::STATE_NOT_YOURS, &owner.to_string()))
                }
                Some(Unwritable::Forbidden) if *owner == facts.user => {
                    Finding::new(State::Failed, fill(&words::STATE_UNWRITABLE, ""))
                        .run(format!("chmod u+rwx {path}"))
                        .undo(format!("chmod {:04o} {path}", mode & 0o7777))
                }
                Some(Unwritable::Forbidden) => {
                    Finding::new(State::Failed, fill(&words::STATE_OF_ANOTHER, &owner.to_string()))
                        .say(words::STATE_AS_OWNER.in_language(language))
                        .run(format!("chown -R {} {path}", facts.user))
                        .undo(format!("chown -R {owner} {path}"))
                }
                Some(Unwritable::Disk(why)) => {
                    Finding::new(State::Failed, fill(&words::STATE_DISK, why))
                        .run(format!("df -h {path}"))
                }
            });
            if mode & OTHERS != 0 {
                findings.push(
                    Finding::new(
                        State::Warning,
                        fill(&words::STATE_OPEN, &format!("{:04o}", mode & 0o7777)),
                    )
                    .run(format!("chmod o= {path}"))
                    .undo(format!("chmod {:04o} {path}", mode & 0o7777)),
                );
            }
        }
    }
    if let Some(room) = facts.room.filter(|room| *room < ROOM_BYTES_MIN) {
        let mib = (room / 1024 / 1024).to_string();
        findings.push(
            Finding::new(State::Warning, fill(&words::STATE_ROOM, &mib))
                .say(words::STATE_ROOM_FIX.in_language(language))
                .run(format!("df -h {path}")),
        );
    }
    for trouble in &facts.ledger {
        findings.push(Finding::new(State::Warning, trouble.in_language(language)));
    }
    if let Some(why) = &facts.journal {
        findings.push(
            Finding::new(State::Warning, fill(&words::STATE_JOURNAL, why))
                .say(words::STATE_AS_OWNER.in_language(language)),
        );
    }
    findings
}

// === impl About ===

impl About {
    fn of(directory: &Path) -> Self {
        let about = match std::fs::metadata(directory) {
            Ok(about) if about.is_dir() => about,
            Ok(_) => {
                return About::Closed(io::Error::from(io::ErrorKind::NotADirectory).to_string());
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return About::Missing { can_be_made: can_be_made(directory) };
            }
            Err(error) => return About::Closed(error.to_string()),
        };
        #[expect(clippy::wildcard_enum_match_arm, reason = "the system's list of errors")]
        let unwritable = tempfile::tempfile_in(directory).err().map(|error| match error.kind() {
            io::ErrorKind::PermissionDenied => Unwritable::Forbidden,
            _ => Unwritable::Disk(error.to_string()),
        });
        About::There { mode: about.mode(), owner: about.uid(), unwritable }
    }
}

/// Whether a directory could be made: in the nearest one above it that is there.
fn can_be_made(directory: &Path) -> bool {
    let above = directory.ancestors().skip(1).find(|above| above.exists());
    above.is_some_and(|above| {
        nix::unistd::access(above, nix::unistd::AccessFlags::W_OK | nix::unistd::AccessFlags::X_OK)
            .is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(about: About) -> Facts {
        Facts {
            directory: "/var/lib/amparo".into(),
            user: 0,
            is_running: false,
            is_locked: false,
            about,
            room: Some(1 << 40),
            ledger: Vec::new(),
            journal: None,
        }
    }

    fn there(mode: u32, owner: u32, unwritable: Option<Unwritable>) -> About {
        About::There { mode, owner, unwritable }
    }

    fn states(facts: &Facts) -> Vec<State> {
        judge(Language::En, facts).into_iter().map(|finding| finding.state).collect()
    }

    #[test]
    fn a_directory_that_is_ours_alone_is_ok() {
        assert_eq!(states(&facts(there(0o40_750, 0, None))), [State::Ok]);
    }

    #[test]
    fn a_directory_open_to_others_is_a_warning_with_its_undo() {
        let found = judge(Language::En, &facts(there(0o40_755, 0, None)));
        assert_eq!(found[1].state, State::Warning);
        assert_eq!(found[1].fix[0].text(), "chmod o= /var/lib/amparo");
        assert_eq!(found[1].undo[0].text(), "chmod 0755 /var/lib/amparo");
    }

    #[test]
    fn who_may_not_write_fails_unless_the_daemon_is_another_user() {
        let mut facts = facts(there(0o40_750, 998, Some(Unwritable::Forbidden)));
        facts.user = 1000;
        let found = &judge(Language::En, &facts)[0];
        assert_eq!(found.state, State::Failed);
        assert_eq!(found.fix[1].text(), "chown -R 1000 /var/lib/amparo");
        assert_eq!(found.undo[0].text(), "chown -R 998 /var/lib/amparo");
        facts.is_running = true;
        assert_eq!(states(&facts), [State::Note]);
        (facts.is_running, facts.is_locked) = (false, true);
        assert_eq!(states(&facts), [State::Note], "who asks may not even look");
    }

    #[test]
    fn a_full_disk_is_told_before_it_is_full() {
        let mut facts = facts(there(0o40_750, 0, None));
        facts.room = Some(49 * 1024 * 1024);
        let found = &judge(Language::En, &facts)[1];
        assert_eq!(found.state, State::Warning);
        assert!(found.text.contains("49 MiB"), "{}", found.text);
        facts.about = there(0o40_750, 0, Some(Unwritable::Disk("No space left".to_owned())));
        assert_eq!(states(&facts)[0], State::Failed);
    }

    #[test]
    fn nothing_there_yet_is_no_failure_where_it_can_be_made() {
        assert_eq!(states(&facts(About::Missing { can_be_made: true })), [State::Note]);
        assert_eq!(states(&facts(About::Missing { can_be_made: false })), [State::Failed]);
    }

    #[test]
    fn what_is_there_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        let about = About::of(directory.path());
        assert!(matches!(about, About::There { unwritable: None, .. }), "{about:?}");
        let missing = directory.path().join("a/b");
        assert_eq!(About::of(&missing), About::Missing { can_be_made: true });
        let file = directory.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(matches!(About::of(&file), About::Closed(_)));
    }
}
