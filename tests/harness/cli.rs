//! The real program with its arguments, in a home of its own.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// How long a program may take before a test gives up on it: slow machines are busy machines.
const PATIENCE: Duration = Duration::from_secs(60);

/// A temporary directory that stands for one machine: its config file and its state.
#[derive(Clone)]
pub(crate) struct Home {
    directory: Arc<tempfile::TempDir>,
}

/// What a program said.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The program in the background; it ends when this goes.
pub(crate) struct Running {
    child: Child,
    lines: mpsc::Receiver<String>,
    heard: Vec<String>,
}

impl Home {
    /// An empty one.
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("there is room for a directory");
        Home { directory: Arc::new(directory) }
    }

    /// One with this config file.
    pub(crate) fn with(config: &str) -> Self {
        let home = Home::new();
        home.write("amparo.toml", config);
        home
    }

    /// Its directory.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Where its config file is, or would be.
    pub(crate) fn config(&self) -> PathBuf {
        self.path().join("amparo.toml")
    }

    /// Where its state is.
    pub(crate) fn state(&self) -> PathBuf {
        self.path().join("state")
    }

    /// Writes a file into it.
    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).expect("the directory is ours");
    }

    /// Copies the files of another one: those that are there, as they are at one moment.
    pub(crate) fn take_files_of(&self, other: &Home) {
        // While one file after the other is copied the ledger may be written: what was copied then
        // never stood side by side.
        let ledger = |home: &Home| {
            ["ledger.json", "ledger.json.old"]
                .map(|name| std::fs::read(home.state().join(name)).ok())
        };
        loop {
            copy_files(other.path(), self.path());
            if ledger(self) == ledger(other) {
                return;
            }
        }
    }

    /// Runs the program with `--config` and `--state` of this home behind its arguments.
    #[track_caller]
    pub(crate) fn amparo(&self, args: &[&str]) -> Output {
        let (config, state) = (self.config(), self.state());
        self.command(args).arg("--config").arg(config).arg("--state").arg(state).output().into()
    }

    /// Runs the program as [`Home::amparo`] does, with these answers on its standard input.
    #[track_caller]
    pub(crate) fn told(&self, args: &[&str], answers: &str) -> Output {
        self.told_behind(&[], args, answers)
    }

    /// The same behind words that become it.
    #[track_caller]
    pub(crate) fn told_behind(&self, before: &[&str], args: &[&str], answers: &str) -> Output {
        let mut command = self.command_behind(before, args);
        command.arg("--config").arg(self.config()).arg("--state").arg(self.state());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("cargo built the program");
        let mut input = child.stdin.take().expect("it was asked for");
        // It may have ended before it heard all.
        let _heard = std::io::Write::write_all(&mut input, answers.as_bytes());
        drop(input);
        child.wait_with_output().into()
    }

    /// Runs the program with these arguments alone.
    #[track_caller]
    pub(crate) fn bare(&self, args: &[&str]) -> Output {
        self.command(args).output().into()
    }

    /// Runs the program with these arguments alone and this variable.
    #[track_caller]
    pub(crate) fn bare_with(&self, variable: &str, value: &str, args: &[&str]) -> Output {
        self.command(args).env(variable, value).output().into()
    }

    /// Starts the program in the background, with `--config` and `--state` of this home.
    #[track_caller]
    pub(crate) fn start(&self, args: &[&str]) -> Running {
        let mut command = self.command(args);
        command.arg("--config").arg(self.config()).arg("--state").arg(self.state());
        Running::start(command)
    }

    /// Starts the program in the background with these arguments alone.
    #[track_caller]
    pub(crate) fn start_bare(&self, args: &[&str]) -> Running {
        Running::start(self.command(args))
    }

    /// Runs the program with these arguments behind others that become it: `ip netns exec …`. It
    /// gets `--config` and `--state` where this home has its config file.
    #[track_caller]
    pub(crate) fn behind(&self, before: &[&str], args: &[&str]) -> Output {
        self.placed_behind(before, args).output().into()
    }

    /// Starts the program in the background as [`Home::behind`] runs it.
    #[track_caller]
    pub(crate) fn start_behind(&self, before: &[&str], args: &[&str]) -> Running {
        Running::start(self.placed_behind(before, args))
    }

    /// Gives everything in it to another user, with a copy of the program: they may not enter the
    /// directory where it was built.
    pub(crate) fn give_to(&self, user: u32) {
        std::fs::copy(env!("CARGO_BIN_EXE_amparo"), self.copy()).expect("cargo built the program");
        let status =
            Command::new("chown").arg("-R").arg(user.to_string()).arg(self.path()).status();
        assert!(status.is_ok_and(|status| status.success()), "root gives to whom it likes");
    }

    fn copy(&self) -> PathBuf {
        self.path().join("amparo.copy")
    }

    fn command(&self, args: &[&str]) -> Command {
        self.command_behind(&[], args)
    }

    fn placed_behind(&self, before: &[&str], args: &[&str]) -> Command {
        let (config, state) = (self.config(), self.state());
        let mut command = self.command_behind(before, args);
        if config.exists() {
            command.arg("--config").arg(config).arg("--state").arg(state);
        }
        command
    }

    fn command_behind(&self, before: &[&str], args: &[&str]) -> Command {
        let copy = self.copy();
        let program = if copy.exists() { copy } else { env!("CARGO_BIN_EXE_amparo").into() };
        let mut command = match before {
            [] => Command::new(program),
            [first, rest @ ..] => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
        };
        command.args(args).current_dir(self.path()).stdin(Stdio::null());
        // The machine's own settings must not reach the test.
        for name in ["AMPARO_CONFIG", "NO_COLOR", "RUST_LOG", "LC_ALL", "LC_MESSAGES", "TZ"] {
            command.env_remove(name);
        }
        command.env("LANG", "en_US.UTF-8").env("HOME", self.path());
        command.env("XDG_STATE_HOME", self.path()).env("XDG_CONFIG_HOME", self.path());
        command
    }
}

/// Copies what is in a directory. A file that is gone meanwhile is left out, a socket too.
fn copy_files(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("it is there").filter_map(Result::ok) {
        let (path, copy) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().expect("the file system says it");
        if kind.is_dir() {
            std::fs::create_dir(&copy).expect("there is room");
            copy_files(&path, &copy);
        } else if kind.is_file() {
            match std::fs::copy(&path, &copy) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    panic!("{}: {error}", path.display())
                }
                Ok(_) | Err(_) => {}
            }
        }
    }
}

// === impl Output ===

impl From<std::io::Result<std::process::Output>> for Output {
    fn from(output: std::io::Result<std::process::Output>) -> Self {
        let output = output.expect("cargo built the program");
        let text = |bytes| String::from_utf8(bytes).expect("the program speaks UTF-8");
        Output {
            exit: output.status.code().expect("no signal ended it"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

impl Output {
    /// It ended with this code.
    #[track_caller]
    pub(crate) fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.exit, code, "{self}");
        self
    }

    /// It printed this somewhere on standard output.
    #[track_caller]
    pub(crate) fn prints(&self, text: &str) -> &Self {
        assert!(self.stdout.contains(text), "`{text}` is missing:\n{self}");
        self
    }

    /// It said this somewhere on standard error.
    #[track_caller]
    pub(crate) fn complains(&self, text: &str) -> &Self {
        assert!(self.stderr.contains(text), "`{text}` is missing:\n{self}");
        self
    }

    /// It holds no control characters but line ends and tabs: what a terminal would obey.
    #[track_caller]
    pub(crate) fn is_plain(&self) -> &Self {
        let odd = |c: char| c.is_control() && c != '\n' && c != '\t';
        assert!(!self.stdout.chars().chain(self.stderr.chars()).any(odd), "{self:?}");
        self
    }

    /// What it printed, as one JSON object a line.
    #[track_caller]
    pub(crate) fn json(&self) -> Vec<Value> {
        let read = |line: &str| match serde_json::from_str::<Value>(line) {
            Ok(value) => value,
            Err(error) => panic!("`{line}` is no JSON: {error}"),
        };
        self.stdout.lines().filter(|line| !line.trim().is_empty()).map(read).collect()
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit {}\n--- stdout\n{}", self.exit, self.stdout)?;
        write!(f, "\n--- stderr\n{}", self.stderr)
    }
}

// === impl Running ===

impl Running {
    #[track_caller]
    fn start(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("cargo built the program");
        let (sender, lines) = mpsc::channel();
        let streams: [Option<Box<dyn Read + Send>>; 2] = [
            child.stdout.take().map(|stream| Box::new(stream) as _),
            child.stderr.take().map(|stream| Box::new(stream) as _),
        ];
        for stream in streams.into_iter().flatten() {
            let sender = sender.clone();
            thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    // The test may have ended; the rest of the stream is still read.
                    let _over = sender.send(line);
                }
            });
        }
        Running { child, lines, heard: Vec::new() }
    }

    /// Waits for a line that holds this, on either stream.
    #[track_caller]
    pub(crate) fn hears(&mut self, text: &str) -> String {
        // The two streams are read side by side: it may have come before another line.
        if let Some(place) = self.heard.iter().position(|line| line.contains(text)) {
            return self.heard.remove(place);
        }
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => self.heard.push(line),
                Err(why) => panic!("no line with `{text}`: {why}:\n{}", self.heard.join("\n")),
            }
        }
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|ended| ended.is_none())
    }

    /// Ends it as a power cut does.
    #[track_caller]
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("the process is ours");
        self.child.wait().expect("it was started");
    }

    /// Asks it to end, as systemd does, and waits until it has: its exit code.
    #[track_caller]
    pub(crate) fn terminate(mut self) -> i32 {
        let id = i32::try_from(self.child.id()).expect("a process id is small");
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), nix::sys::signal::Signal::SIGTERM)
            .expect("the process is ours");
        let status = self.child.wait().expect("it was started");
        status.code().unwrap_or_else(|| panic!("a signal ended it:\n{}", self.heard.join("\n")))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
