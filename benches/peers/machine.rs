//! What the machine tells and lends: time, cores, the CPU time and memory of a process.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// What time it is.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Which core serves and which one asks; none: the kernel chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cores {
    /// Servers, and the echo that is the floor.
    pub(crate) server: Option<usize>,
    /// The load and the upstream.
    pub(crate) load: Option<usize>,
}

/// What a process holds in memory.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Memory {
    /// Resident, mapped files included, in KiB.
    pub(crate) resident_kib: u64,
    /// Of these, its own: what the kernel cannot drop.
    pub(crate) anonymous_kib: u64,
}

impl Cores {
    /// Cores 0 and 1 where they are there and `taskset` may choose them.
    pub(crate) fn find() -> Self {
        let may = |core: usize| {
            let mut command = Command::new("taskset");
            command.args(["-c", &core.to_string(), "true"]);
            command.stdout(Stdio::null()).stderr(Stdio::null());
            command.status().is_ok_and(|status| status.success())
        };
        if may(0) && may(1) {
            Cores { server: Some(0), load: Some(1) }
        } else {
            Cores { server: None, load: None }
        }
    }

    /// A program on the servers' core.
    pub(crate) fn server_command(self, program: &Path) -> Command {
        let Some(core) = self.server else { return Command::new(program) };
        let mut command = Command::new("taskset");
        command.args(["-c", &core.to_string()]).arg(program);
        command
    }
}

/// Puts the calling thread on a core and has its short sleeps end on time.
pub(crate) fn settle_this_thread(core: Option<usize>) {
    let thread = this_thread();
    // Only root may; else a sleep of 20 µs takes 70, which costs an idle client nothing.
    let _ = std::fs::write(format!("/proc/{thread}/timerslack_ns"), "1");
    if let Some(core) = core {
        let mut command = Command::new("taskset");
        command.args(["-p", "-c", &core.to_string(), &thread.to_string()]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let done = command.status().is_ok_and(|status| status.success());
        assert!(done, "a thread could not be put on core {core}, where another could");
    }
}

/// The kernel's number of the calling thread.
pub(crate) fn this_thread() -> u32 {
    let link = std::fs::read_link("/proc/thread-self").expect("/proc is mounted");
    let number = link.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
    number.expect("/proc/thread-self ends with the thread's number")
}

/// The CPU time all threads of a process have had, in nanoseconds.
pub(crate) fn cpu_nanoseconds(process: u32) -> u64 {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{process}/task")) else { return 0 };
    tasks.filter_map(Result::ok).map(|task| task_nanoseconds(&task.path())).sum()
}

/// The CPU time one thread of this process has had, in nanoseconds.
pub(crate) fn thread_nanoseconds(thread: u32) -> u64 {
    task_nanoseconds(Path::new(&format!("/proc/self/task/{thread}")))
}

fn task_nanoseconds(task: &Path) -> u64 {
    let read = |file: &str| std::fs::read_to_string(task.join(file)).unwrap_or_default();
    let exact = read("schedstat").split(' ').next().and_then(|word| word.parse().ok());
    exact.unwrap_or_else(|| {
        // In hundredths of a second, where the kernel was built without schedstat (proc(5)).
        let stat = read("stat");
        let behind_name = stat.rsplit(')').next().unwrap_or_default();
        let fields = behind_name.split_whitespace().skip(11).take(2);
        fields.filter_map(|field| field.parse::<u64>().ok()).sum::<u64>() * 10_000_000
    })
}

/// What a process holds in memory now.
pub(crate) fn memory(process: u32) -> Memory {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    };
    Memory { resident_kib: field("VmRSS:"), anonymous_kib: field("RssAnon:") }
}
