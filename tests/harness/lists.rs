//! A server of lists that says what a test tells it to, and remembers what it was asked.
//!
//! HTTP/1.1 on one loopback port, one request a connection. It knows validators: who has the
//! newest text is told so and gets nothing.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// What is said at an address.
#[derive(Clone)]
enum Said {
    /// This text, with a validator.
    Text(Vec<u8>),
    /// This text, always whole.
    Plain(Vec<u8>),
    /// This status, with a page.
    Status(u16),
    /// A beginning, and nothing more.
    Stall,
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// What was asked for.
    pub(crate) path: String,
    /// The copy that is there already.
    pub(crate) if_none_match: Option<String>,
    /// What it was answered with.
    pub(crate) status: u16,
}

/// The server. When it goes, nobody listens there any more.
pub(crate) struct ListServer {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<thread::JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    said: Mutex<HashMap<String, Said>>,
    seen: Mutex<Vec<Request>>,
    stalled: Mutex<Vec<TcpStream>>,
    over: AtomicBool,
}

impl ListServer {
    /// One that has nothing yet.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is wide");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared::default());
        let served = Arc::clone(&shared);
        let thread = thread::spawn(move || served.serve(&listener));
        ListServer { address, shared, thread: Some(thread) }
    }

    /// The address of a list there.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    // === The script ===

    /// It has this text.
    pub(crate) fn serves(&self, path: &str, text: &str) -> &Self {
        self.says(path, Said::Text(text.as_bytes().to_vec()))
    }

    /// It has this text, and sends it whole whoever asks.
    pub(crate) fn always_sends(&self, path: &str, text: &str) -> &Self {
        self.says(path, Said::Plain(text.as_bytes().to_vec()))
    }

    /// It answers with a status and a page.
    pub(crate) fn fails(&self, path: &str, status: u16) -> &Self {
        self.says(path, Said::Status(status))
    }

    /// It begins, and never ends.
    pub(crate) fn stalls(&self, path: &str) -> &Self {
        self.says(path, Said::Stall)
    }

    fn says(&self, path: &str, said: Said) -> &Self {
        locked(&self.shared.said).insert(path.to_owned(), said);
        self
    }

    // === What it saw ===

    /// What it was asked at an address, in order.
    pub(crate) fn seen(&self, path: &str) -> Vec<Request> {
        locked(&self.shared.seen).iter().filter(|seen| seen.path == path).cloned().collect()
    }

    /// How often it was asked there.
    pub(crate) fn count(&self, path: &str) -> usize {
        self.seen(path).len()
    }

    /// Waits until it was asked there so often.
    pub(crate) async fn is_asked(&self, path: &str, times: usize) {
        let wanted = format!("request {times} for {path}");
        super::until(&wanted, async || self.count(path) >= times).await;
    }
}

impl Drop for ListServer {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        // A connection wakes the thread, which then sees that it is over.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
        locked(&self.shared.stalled).clear();
    }
}

// === impl Shared ===

impl Shared {
    fn serve(self: Arc<Self>, listener: &TcpListener) {
        while let Ok((stream, _)) = listener.accept() {
            if self.over.load(Ordering::SeqCst) {
                return;
            }
            let shared = Arc::clone(&self);
            thread::spawn(move || shared.answer(stream));
        }
    }

    fn answer(&self, mut stream: TcpStream) -> Option<()> {
        let mut lines = BufReader::new(stream.try_clone().ok()?).lines().map_while(Result::ok);
        let path = lines.next()?.split(' ').nth(1)?.to_owned();
        let mut if_none_match = None;
        for line in lines.take_while(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':')?;
            if name.eq_ignore_ascii_case("if-none-match") {
                if_none_match = Some(value.trim().to_owned());
            }
        }
        let said = locked(&self.said).get(&path).cloned().unwrap_or(Said::Status(404));
        let (status, tag, body) = match &said {
            Said::Text(text) => {
                let tag = tag(text);
                let is_known = if_none_match.as_ref() == Some(&tag);
                if is_known { (304, tag, Vec::new()) } else { (200, tag, text.clone()) }
            }
            Said::Plain(text) => (200, String::new(), text.clone()),
            Said::Status(status) => (*status, String::new(), b"<html>an error</html>".to_vec()),
            Said::Stall => (200, String::new(), Vec::new()),
        };
        locked(&self.seen).push(Request { path, if_none_match, status });
        let length = if matches!(said, Said::Stall) { 1_000_000 } else { body.len() };
        let head = format!(
            "HTTP/1.1 {status} said\r\nContent-Length: {length}\r\nETag: {tag}\r\n\
             Connection: close\r\n\r\n"
        );
        let head = head.replace("ETag: \r\n", "");
        let head = if status == 304 { head.replace("Content-Length: 0\r\n", "") } else { head };
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(&body).ok()?;
        if matches!(said, Said::Stall) {
            locked(&self.stalled).push(stream);
        }
        Some(())
    }
}

fn tag(text: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
