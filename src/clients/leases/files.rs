//! The lease files of this machine: found, watched, read.
//!
//! Nothing here waits for changes: [`LeaseFiles::read_changed`] looks at each file's times and size
//! and reads where one is another, so that calling it every few seconds costs a few system calls.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::{FORMATS, LEASES_MAX, Lease, Place, read};
use crate::words::leases as words;
use crate::words::{Language, Sentence, Words};

/// How much of a file is read, in octets: ten thousand lines. Servers clean up what has grown.
const FILE_OCTETS_MAX: u64 = 1024 * 1024;
/// How many files are looked at: a directory has one for each interface.
const FILES_MAX: usize = 64;
/// The first number of accounts of people (login.defs(5)). Everybody may write to `/tmp`: what
/// somebody with an account here puts there is not what the DHCP server wrote.
const FIRST_PERSON: u32 = 1000;

/// The files in which a DHCP server on this machine writes down its leases.
#[derive(Debug)]
pub struct LeaseFiles {
    /// Files and directories that a person named; none: the usual places.
    paths: Vec<PathBuf>,
    /// Where the usual places are: `/`, but in tests.
    root: PathBuf,
    /// What was there at the last look; none before the first one.
    seen: Option<Vec<(PathBuf, Mark)>>,
    troubles: Vec<Words>,
}

/// What tells one state of a file from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// Device, inode, size, and the times of the last change of octets and of rights, each in
    /// seconds and nanoseconds.
    There([u64; 3], [i64; 4]),
    /// It cannot be looked at.
    Away,
}

// === impl LeaseFiles ===

impl LeaseFiles {
    /// These files, and the files of these directories. Without any: what there is in the usual
    /// places of [`FORMATS`], looked for again each time.
    #[must_use]
    pub fn new(paths: Vec<PathBuf>) -> Self {
        LeaseFiles { paths, root: PathBuf::from("/"), seen: None, troubles: Vec::new() }
    }

    /// The leases of all files, [`LEASES_MAX`] at most, when a file has changed, come or gone since
    /// the last call; at the first call when there is any file. A file that a server is just
    /// writing may be half there: its end comes with the next call.
    #[must_use]
    pub fn read_changed(&mut self) -> Option<Vec<Lease>> {
        let mut is_cut = None;
        let files = self.files(&mut is_cut);
        // Looked at before they are read: what is written meanwhile is a change for the next call.
        let marks: Vec<_> = files.iter().map(|path| (path.clone(), Mark::of(path))).collect();
        let has_changed = match &self.seen {
            Some(seen) => *seen != marks,
            None => !marks.is_empty(),
        };
        self.seen = Some(marks);
        if !has_changed {
            return None;
        }
        self.troubles.clear();
        let mut leases = Vec::new();
        for path in files {
            if let Err(trouble) = self.read_file(&path, &mut leases) {
                self.troubles.push(trouble);
            }
            if leases.len() > LEASES_MAX {
                leases.truncate(LEASES_MAX);
                is_cut.get_or_insert((path, LEASES_MAX));
            }
        }
        self.troubles
            .extend(is_cut.map(|(path, most)| said(&words::TOO_MANY, &path, &most.to_string())));
        Some(leases)
    }

    /// What is wrong with the files as they were last read: those that cannot be read, or of which
    /// nothing is understood. One sentence each.
    #[must_use]
    pub fn troubles(&self) -> Vec<Words> {
        self.troubles.clone()
    }

    /// The files there are now. Those that a person named are among them when they are not there.
    fn files(&self, is_cut: &mut Option<(PathBuf, usize)>) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for path in &self.paths {
            if path.is_dir() {
                files.extend(entries(path, ""));
            } else {
                files.push(path.clone());
            }
        }
        if self.paths.is_empty() {
            for place in FORMATS.iter().flat_map(|format| format.places) {
                match *place {
                    Place::File(path) => {
                        files.extend(Some(self.below_root(path)).filter(|path| path.is_file()));
                    }
                    Place::Folder(path, beginning) => {
                        files.extend(entries(&self.below_root(path), beginning));
                    }
                }
            }
        }
        if let Some(first) = files.get(FILES_MAX) {
            *is_cut = Some((first.clone(), FILES_MAX));
            files.truncate(FILES_MAX);
        }
        files
    }

    fn below_root(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// Reads one file. What was understood is taken even where there is something to say.
    fn read_file(&self, path: &Path, leases: &mut Vec<Lease>) -> Result<(), Words> {
        let unreadable = |error: io::Error| said(&words::UNREADABLE, path, &error.to_string());
        let about = std::fs::metadata(path).map_err(unreadable)?;
        if !about.is_file() {
            // A pipe would be waited for.
            return Err(unreadable(io::Error::other("it is no file")));
        }
        if self.paths.is_empty() && is_a_persons(about.uid()) {
            return Err(said(&words::NOT_THE_SYSTEMS, path, &about.uid().to_string()));
        }
        let mut octets = Vec::new();
        let file = File::open(path).map_err(unreadable)?;
        file.take(FILE_OCTETS_MAX + 1).read_to_end(&mut octets).map_err(unreadable)?;
        let is_large = u64::try_from(octets.len()).is_ok_and(|length| length > FILE_OCTETS_MAX);
        if is_large {
            // The last line is not whole.
            octets.truncate(octets.iter().rposition(|&octet| octet == b'\n').unwrap_or(0));
        }
        let text = String::from_utf8_lossy(&octets);
        let name = path.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
        match read(&name, &text) {
            Some(found) => leases.extend(found),
            None if is_large => {}
            // A server that has just begun.
            None if text.trim().is_empty() => {}
            None => {
                let known: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
                return Err(said(&words::NOT_UNDERSTOOD, path, &known.join(", ")));
            }
        }
        if is_large {
            return Err(said(&words::TOO_LARGE, path, "1 MiB"));
        }
        Ok(())
    }
}

/// The files of a directory whose names begin so, in order; none when it cannot be read. Hidden
/// files and copies that editors and servers leave behind are no lease files.
fn entries(folder: &Path, beginning: &str) -> Vec<PathBuf> {
    let names = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let is_meant =
        |name: &str| name.starts_with(beginning) && !name.starts_with('.') && !name.ends_with('~');
    let mut files: Vec<PathBuf> = names
        .filter(|entry| is_meant(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        // One more than is taken, so that it is noticed.
        .take(FILES_MAX + 1)
        .collect();
    files.sort();
    files
}

/// Whether an account is that of a person, and not the one this program runs as.
fn is_a_persons(account: u32) -> bool {
    account >= FIRST_PERSON && account != nix::unistd::geteuid().as_raw()
}

/// A sentence about a file in both languages.
fn said(sentence: &Sentence, path: &Path, who: &str) -> Words {
    let path = path.display().to_string();
    let in_language = |language| sentence.fill(language, &path, who);
    Words { es: in_language(Language::Es).into(), en: in_language(Language::En).into() }
}

// === impl Mark ===

impl Mark {
    fn of(path: &Path) -> Self {
        let there = |it: Metadata| {
            let times = [it.mtime(), it.mtime_nsec(), it.ctime(), it.ctime_nsec()];
            Mark::There([it.dev(), it.ino(), it.size()], times)
        };
        std::fs::metadata(path).map_or(Mark::Away, there)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const MATEO: &str = "1790000000 3c:22:fb:12:34:56 192.168.1.42 mateo-phone *\n";
    const SOFIA: &str = "0 3c:22:fb:12:34:57 192.168.1.43 sofia *\n";

    /// The names of the leases that were read; `-` when nothing has changed.
    fn hosts(leases: Option<Vec<Lease>>) -> String {
        let names = |leases: Vec<Lease>| leases.into_iter().filter_map(|lease| lease.host);
        leases.map_or("-".to_owned(), |leases| names(leases).collect::<Vec<_>>().join(" "))
    }

    fn troubles(files: &LeaseFiles) -> String {
        files.troubles().into_iter().map(|words| words.en.into_owned() + "\n").collect()
    }

    #[test]
    fn files_are_read_when_they_change_and_only_then() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dnsmasq.leases");
        fs::write(&path, MATEO).unwrap();
        let mut files = LeaseFiles::new(vec![path.clone()]);
        assert_eq!(hosts(files.read_changed()), "mateo-phone");
        assert_eq!(files.read_changed(), None);
        fs::write(&path, format!("{MATEO}{SOFIA}")).unwrap();
        assert_eq!(hosts(files.read_changed()), "mateo-phone sofia");
        assert_eq!(files.read_changed(), None);
        // Put in its place, as servers do that write a new file first.
        let beside = folder.path().join("new");
        fs::write(&beside, SOFIA).unwrap();
        fs::rename(&beside, &path).unwrap();
        assert_eq!(hosts(files.read_changed()), "sofia");
        assert_eq!(troubles(&files), "");
        // It is gone, and comes back.
        fs::remove_file(&path).unwrap();
        assert_eq!(files.read_changed(), Some(Vec::new()));
        assert!(troubles(&files).contains("dnsmasq.leases cannot be read"), "{}", troubles(&files));
        assert_eq!(files.read_changed(), None);
        fs::write(&path, MATEO).unwrap();
        assert_eq!(hosts(files.read_changed()), "mateo-phone");
        assert_eq!(troubles(&files), "");
    }

    #[test]
    fn all_files_of_a_directory_are_read_each_in_its_format() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("a", MATEO);
        write("b.json", r#"[{"ip-address":"192.168.1.44","hostname":"tv","state":0}]"#);
        write("br-lan", r#"{"Leases":[{"Address":[192,168,1,45],"Hostname":"nas"}]}"#);
        write("c~", SOFIA);
        write(".d", SOFIA);
        // A name that promises another format than its content.
        write("dnsmasq.leases", "lease 192.168.1.46 { client-hostname \"printer\"; }");
        write("empty", "\n");
        fs::create_dir(folder.path().join("more")).unwrap();
        let mut files = LeaseFiles::new(vec![folder.path().to_owned()]);
        let expected = "mateo-phone tv nas printer";
        assert_eq!(hosts(files.read_changed()), expected);
        assert_eq!(troubles(&files), "");
    }

    #[test]
    fn the_usual_places_are_looked_for_again_each_time() {
        let root = tempfile::tempdir().unwrap();
        let mut files = LeaseFiles { root: root.path().to_owned(), ..LeaseFiles::new(Vec::new()) };
        assert_eq!(files.read_changed(), None);
        fs::create_dir_all(root.path().join("var/lib/misc")).unwrap();
        fs::write(root.path().join("var/lib/misc/dnsmasq.leases"), MATEO).unwrap();
        assert_eq!(hosts(files.read_changed()), "mateo-phone");
        fs::create_dir_all(root.path().join("tmp/hosts")).unwrap();
        fs::write(root.path().join("tmp/hosts/odhcpd.br-lan"), "fd00::7 sofia.lan sofia\n")
            .unwrap();
        fs::write(root.path().join("tmp/hosts/dhcp.cfg01411c"), "fd00::8 x.lan x\n").unwrap();
        assert_eq!(hosts(files.read_changed()), "mateo-phone sofia");
        fs::remove_file(root.path().join("tmp/hosts/odhcpd.br-lan")).unwrap();
        assert_eq!(hosts(files.read_changed()), "mateo-phone");
        assert_eq!(troubles(&files), "");
    }

    #[test]
    fn what_is_not_understood_is_said_and_holds_nothing_up() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, octets: &[u8]| fs::write(folder.path().join(name), octets).unwrap();
        write("leases.db", b"\x00\xff\xfenot a lease");
        write("mateo", MATEO.as_bytes());
        let mut large = SOFIA.repeat(30_000);
        large.push_str("0 3c:22:fb");
        write("large", large.as_bytes());
        let missing = folder.path().join("nowhere/leases");
        let mut files = LeaseFiles::new(vec![missing, folder.path().to_owned()]);
        let leases = files.read_changed().unwrap();
        assert_eq!(leases.len(), LEASES_MAX);
        assert_eq!(leases[0].host.as_deref(), Some("sofia"));
        let said = troubles(&files);
        assert_eq!(said.lines().count(), 4, "{said}");
        for part in [
            "nowhere/leases cannot be read",
            "no line of",
            "leases.db is understood: names of devices are read from dnsmasq, odhcpd, kea-csv",
            "large is larger than 1 MiB",
            "more than 8192 names",
        ] {
            assert!(said.contains(part), "{said}");
        }
        assert!(files.troubles().iter().all(|words| words.es != words.en));
    }

    #[test]
    fn what_a_user_of_this_machine_writes_is_not_the_servers() {
        assert!(!is_a_persons(0));
        assert!(!is_a_persons(453));
        assert!(!is_a_persons(nix::unistd::geteuid().as_raw()));
        assert!(is_a_persons(54_321));
    }

    #[test]
    fn only_files_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let mut files = LeaseFiles::new(vec![pipe]);
        assert_eq!(files.read_changed(), Some(Vec::new()));
        assert!(troubles(&files).contains("it is no file"), "{}", troubles(&files));
    }
}
