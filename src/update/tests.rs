//! What a list server may do to us, and what it may not.

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::fetch::{Fetcher, Limits, Outcome, Progress, WIRE_OCTETS_MAX};
use super::judge::{Seen, judge};
use super::proxy::Proxies;
use super::tests_server::*;
use crate::config::Download;
use crate::house::fetched::Meta;
use crate::house::unpack::{self, Piece};
use crate::lists::files;

const LIST: &str = "a.example\nb.example\n";

/// What is said of a server at `lists.example` that does this. The copy in force stays, and
/// nothing lies beside it.
#[track_caller]
fn disaster(acts: Vec<Act>, expected: &str) -> impl Future<Output = ()> {
    within(PATIENT, acts, expected)
}

/// The same within limits of its own.
#[track_caller]
fn within(limits: Limits, acts: Vec<Act>, expected: &str) -> impl Future<Output = ()> {
    let place = std::panic::Location::caller();
    async move {
        let server = Server::saying(acts).await;
        let household = Household { limits, ..Household::new() };
        let said = household.fails(&server.url("http", "lists.example")).await;
        assert_eq!(said, expected, "{place}");
    }
}

/// The daemon runs a fetch as a task.
fn sendable<T: Send>(future: T) -> T {
    future
}

/// The pause of a server that drips.
const PAUSE: Duration = Duration::from_millis(5);

// === Disasters ===

#[tokio::test]
async fn what_is_no_list_is_told_by_its_status() {
    let page = "<html>an error</html>";
    let cases = [
        ("404 Not Found", "lists.example says there is no such list (404)"),
        ("410 Gone", "lists.example says there is no such list (410)"),
        ("401 Unauthorized", "lists.example asks for a name and a password (401)"),
        ("403 Forbidden", "lists.example does not let us have the list (403)"),
        ("418 Teapot", "lists.example does not accept the question (418)"),
        ("429 Slow Down", "lists.example says it was asked too often (429)"),
        ("500 Oops", "lists.example has a fault of its own (500)"),
        ("503 Busy", "lists.example says it is too busy or under repair (503)"),
        ("206 Part", "lists.example answers with something other than a list (206)"),
        ("300 Choose", "lists.example sends us on in a way we cannot follow (300)"),
        ("999 What", "lists.example answers with a number nobody knows (999)"),
    ];
    for (status, expected) in cases {
        disaster(vec![answer(status, "", page)], expected).await;
    }
    let none = say("HTTP/1.1 204 No Content\r\n\r\n");
    disaster(vec![none], "lists.example answers with something other than a list (204)").await;
}

#[tokio::test]
async fn a_list_that_drips_or_stalls_is_too_slow() {
    let limits = Limits { slow_span: SHORT, ..PATIENT };
    let said = "lists.example is too slow: less than 1000 octets in 0 s";
    let head = || say("HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n");
    within(limits, vec![head(), Act::Drip(vec![b'a'; 10_000], PAUSE)], said).await;
    within(limits, vec![head(), say(vec![b'a'; 9_900]), Act::Stall], said).await;
}

#[tokio::test]
async fn headers_octet_by_octet_are_silence() {
    let limits = Limits { answer: SHORT, ..PATIENT };
    let said = "lists.example does not answer";
    let drip = Act::Drip(b"HTTP/1.1 200 OK\r\n".repeat(1000), PAUSE);
    within(limits, vec![drip], said).await;
    within(limits, vec![Act::Stall], said).await;
    let preliminary = Act::Repeat(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec());
    within(limits, vec![preliminary], said).await;
}

#[tokio::test]
async fn the_whole_has_its_time() {
    let limits = Limits { whole: SHORT, ..PATIENT };
    let acts = vec![say("HTTP/1.1 200 OK\r\n\r\n"), Act::Drip(vec![b'a'; 10_000], PAUSE)];
    within(limits, acts, "it was not all here after 0 s").await;
}

#[tokio::test]
async fn a_list_without_end_ends_at_the_limit() {
    let names = b"a.example\n".repeat(1000);
    let piece = [format!("{:x}\r\n", names.len()).as_bytes(), &names, b"\r\n"].concat();
    let said = "the list is larger than 1 MiB";
    let (plain, chunked) = ("", "Transfer-Encoding: chunked\r\n");
    for (headers, piece) in [(plain, &names), (chunked, &piece)] {
        let head = say(format!("HTTP/1.1 200 OK\r\n{headers}\r\n"));
        disaster(vec![head, Act::Repeat(piece.clone())], said).await;
    }
}

/// At the real limit: run alone, it shows what it costs in memory.
#[tokio::test]
async fn the_real_limit_is_held() {
    let head = say("HTTP/1.1 200 OK\r\n\r\n");
    let server = Server::saying(vec![head, Act::Repeat(b"a.example\n".repeat(10_000))]).await;
    let limits = Limits { octets: WIRE_OCTETS_MAX, ..PATIENT };
    let household = Household { limits, ..Household::new() };
    let said = household.fails(&server.url("http", "lists.example")).await;
    assert_eq!(said, "the list is larger than 64 MiB");
}

#[tokio::test]
async fn ten_gigabytes_are_refused_before_they_come() {
    let head = say("HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n");
    disaster(vec![head, Act::Stall], "the list is larger than 1 MiB").await;
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n";
    let said = "lists.example does not answer as a web server does: \
                invalid content-length parsed";
    disaster(vec![say(head), Act::Stall], said).await;
}

#[tokio::test]
async fn a_list_that_breaks_off_is_no_list() {
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\na.example\n";
    disaster(vec![say(short)], "the list broke off after 10 octets of 100").await;
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\na.example\n\r\n";
    disaster(vec![say(chunked)], "the list broke off after 10 octets").await;
    let half = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\na.exam";
    disaster(vec![say(half)], "the list broke off after 6 octets").await;
    let odd = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nwhat?\r\n";
    disaster(vec![say(odd)], "the list broke off after 0 octets").await;
}

#[tokio::test]
async fn an_encrypted_list_that_breaks_off_is_no_list() {
    let (tls, root) = certified(&["lists.example"]);
    let whole = "HTTP/1.1 200 OK\r\n\r\na.example\n";
    for (acts, expected) in [
        // Without a length, only the end of TLS tells a whole list from half of one.
        (vec![say(whole), Act::Cut], Err("the list broke off after 10 octets")),
        (vec![say(whole)], Ok(())),
    ] {
        let server = Server::at(OUT_THERE, Some(tls.clone()), move |_| acts.clone()).await;
        let mut household = Household::new();
        household.roots = vec![root.clone()];
        let url = server.url("https", "lists.example");
        match expected {
            Err(said) => assert_eq!(household.fails(&url).await, said),
            Ok(()) => assert_eq!(household.fetches(&url).await.1, b"a.example\n"),
        }
    }
}

#[tokio::test]
async fn two_lengths_are_none() {
    let two = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nContent-Length: 20\r\n\r\na.example\n";
    let said = "lists.example does not answer as a web server does: \
                invalid content-length parsed";
    disaster(vec![say(two)], said).await;
}

#[tokio::test]
async fn an_empty_file_is_no_list() {
    let said = "lists.example sent an empty file";
    disaster(vec![answer("200 OK", "", "")], said).await;
    disaster(vec![say("HTTP/1.1 200 OK\r\n\r\n")], said).await;
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    disaster(vec![say(chunked)], said).await;
}

#[tokio::test]
async fn a_page_comes_but_is_not_taken() {
    let page = "<!DOCTYPE html>\n<html><body>Please log in to the hotel's network";
    let server = Server::saying(vec![answer("200 OK", "", page)]).await;
    let household = Household::new();
    let (_, octets) = household.fetches(&server.url("http", "lists.example")).await;
    let seen = Seen { taken: 1000, ..Seen::default() };
    let held = judge(&octets, None, &seen).unwrap_err();
    assert_eq!(held.to_string(), "what came is a web page, not a list");
}

#[tokio::test]
async fn a_bomb_comes_but_is_not_unpacked() {
    let mut bomb = GzEncoder::new(Vec::new(), Compression::default());
    let names = b"a.example\n".repeat(100_000);
    for _ in 0..64 {
        bomb.write_all(&names).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    let server = Server::saying(vec![answer("200 OK", "Content-Encoding: gzip\r\n", bomb)]).await;
    let (_, octets) = Household::new().fetches(&server.url("http", "lists.example")).await;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&octets).unwrap();
    let mut unpacked = 0;
    let why = unpack::read(file.path(), None, &mut |piece| {
        if let Piece::Text(text) = piece {
            unpacked += text.len();
        }
    });
    let said = "it unpacks to more than 50 times its size, which no list does";
    assert_eq!(why.unwrap_err().to_string(), said);
    assert!(unpacked < names.len() * 32, "{unpacked} octets were unpacked");
}

#[tokio::test]
async fn what_is_not_http_is_told() {
    let said = "lists.example does not answer as a web server does: invalid HTTP version parsed";
    disaster(vec![say("SSH-2.0-OpenSSH_9.9\r\n")], said).await;
    disaster(vec![say([0x15, 3, 1, 0, 2, 2, 10])], said).await;
    let said = "lists.example does not answer as a web server does: \
                invalid HTTP status-code parsed";
    disaster(vec![say("HTTP/1.1 abc OK\r\n\r\n")], said).await;
    let said = "lists.example cannot be reached: it closed the connection without an answer";
    disaster(vec![], said).await;
    disaster(vec![say("HTTP/1.1 200")], said).await;
}

#[tokio::test]
async fn a_flood_of_headers_is_not_read() {
    let said = "lists.example answers with more headers than any list needs";
    let head = || say("HTTP/1.1 200 OK\r\n");
    disaster(vec![head(), Act::Repeat(b"X-Flood: 1\r\n".to_vec())], said).await;
    disaster(vec![head(), say("X-Long: "), Act::Repeat(vec![b'x'; 1000])], said).await;
    disaster(vec![head(), say("X: 1\r\n".repeat(200)), say("\r\n")], said).await;
}

#[tokio::test]
async fn what_was_not_asked_for_is_refused() {
    let unasked = say("HTTP/1.1 304 Not Modified\r\n\r\n");
    let said = "lists.example says that nothing has changed, but was not asked that";
    disaster(vec![unasked], said).await;
    let said = "lists.example sends the list packed as `br`, which it was not asked for";
    disaster(vec![answer("200 OK", "Content-Encoding: br\r\n", LIST)], said).await;
    let said = "lists.example sends the list packed as `gzip, gzip`, which it was not asked for";
    disaster(vec![answer("200 OK", "Content-Encoding: gzip, gzip\r\n", LIST)], said).await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told() {
    let household = Household::new();
    household.names.add("dead.example", &[DEAD]);
    let said = household.fails("http://dead.example:9/").await;
    assert_eq!(said, "dead.example cannot be reached: nothing listens there");
    let said = Household::new().fails("https://unknown.example/").await;
    assert_eq!(said, "unknown.example could not be found: there is no such name");
    let household = Household::new();
    household.names.add("empty.example", &[]);
    let said = household.fails("https://empty.example/").await;
    assert_eq!(said, "empty.example could not be found: it has no address");
}

#[tokio::test]
async fn a_disk_that_cannot_be_written_is_told() {
    let server = Server::saying(vec![answer("200 OK", "", LIST)]).await;
    let household = Household::new();
    let lists = files::directory(household.state.path());
    std::fs::remove_dir_all(&lists).unwrap();
    std::fs::write(&lists, "").unwrap();
    let (_, outcome) = household.fetch(&server.url("http", "lists.example")).await;
    let said = outcome.unwrap_err().to_string();
    assert!(said.starts_with("the list could not be written to the disk: "), "{said}");
}

// === Certificates ===

#[tokio::test]
async fn a_server_proves_who_it_is() {
    let (tls, root) = certified(&["lists.example"]);
    let (_, other_root) = certified(&["lists.example"]);
    let server = Server::at(OUT_THERE, Some(tls), |_| vec![answer("200 OK", "", LIST)]).await;
    let household = |root| {
        let mut household = Household::new();
        household.names.add("other.example", &[OUT_THERE]);
        household.roots = vec![root];
        household
    };
    let url = server.url("https", "lists.example");
    assert_eq!(household(root.clone()).fetches(&url).await.1, LIST.as_bytes());
    let said = household(other_root).fails(&url).await;
    let nobody = "lists.example did not prove who it is: \
                  nobody we trust has signed its certificate";
    assert_eq!(said, nobody);
    let said = household(root).fails(&server.url("https", "other.example")).await;
    let another = "other.example did not prove who it is: its certificate is for another name";
    assert_eq!(said, another);
    assert_eq!(server.heads().len(), 1, "nothing was asked of who did not prove it");
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_told() {
    let server = Server::saying(vec![answer("200 OK", "", LIST)]).await;
    let household = Household { limits: Limits { step: SHORT, ..PATIENT }, ..Household::new() };
    // It waits for the end of a head that never comes.
    let said = household.fails(&server.url("https", "lists.example")).await;
    assert_eq!(said, "lists.example does not answer");
}

// === Redirects ===

#[tokio::test]
async fn redirects_are_followed_to_their_end() {
    let (tls, root) = certified(&["mirror.example"]);
    let mirror = Server::at(OUT_THERE, Some(tls), |_| vec![answer("200 OK", "", LIST)]).await;
    let there = mirror.url("https", "mirror.example");
    let first = Server::at(OUT_THERE, None, move |head| {
        let cookie = "Set-Cookie: household=7\r\n";
        let to = match head.split(' ').nth(1) {
            Some("/list.txt") => "a/b?c=d#e",
            Some("/a/b?c=d") => "../up",
            Some("/up") => &there,
            other => panic!("{other:?}"),
        };
        vec![answer("302 Found", &format!("{cookie}Location: {to}\r\n"), "moved")]
    })
    .await;
    let mut household = Household::new();
    household.names.add("mirror.example", &[OUT_THERE]);
    household.roots = vec![root];
    let (_, octets) = household.fetches(&first.url("http", "lists.example")).await;
    assert_eq!(octets, LIST.as_bytes());
    let heads = [first.heads(), mirror.heads()].concat();
    assert_eq!(heads.len(), 4);
    assert!(heads.iter().all(|head| !head.to_lowercase().contains("cookie")));
}

#[tokio::test]
async fn a_circle_is_left() {
    disaster(vec![moved("/list.txt")], "lists.example sends us in a circle").await;
    disaster(vec![moved("#again")], "lists.example sends us in a circle").await;
    let server = Server::at(OUT_THERE, None, |head| {
        vec![moved(if head.starts_with("GET /list.txt") { "/other" } else { "/list.txt" })]
    })
    .await;
    let said = Household::new().fails(&server.url("http", "lists.example")).await;
    assert_eq!(said, "lists.example sends us in a circle");
    assert_eq!(server.heads().len(), 2);
}

#[tokio::test]
async fn on_and_on_is_too_far() {
    let server = Server::at(OUT_THERE, None, |head| {
        let path = head.split(' ').nth(1).unwrap();
        vec![moved(&format!("{path}x"))]
    })
    .await;
    let said = Household::new().fails(&server.url("http", "lists.example")).await;
    assert_eq!(said, "lists.example sends us on and on (4 times)");
    assert_eq!(server.heads().len(), 5);
}

#[tokio::test]
async fn a_redirect_to_nowhere_is_told() {
    let said = "lists.example sends us on, but to no address that can be fetched";
    disaster(vec![answer("302 Found", "", "")], said).await;
    for to in ["file:///etc/passwd", "ftp://a.example/", "gopher://a.example/", "http://", "//"] {
        disaster(vec![moved(to)], said).await;
    }
    disaster(vec![moved("http://name:password@lists.example/")], said).await;
    disaster(vec![moved("javascript:alert(1)")], said).await;
    disaster(vec![say(b"HTTP/1.1 302 Found\r\nLocation: \xff\xfe\r\n\r\n")], said).await;
}

#[tokio::test]
async fn what_was_encrypted_stays_encrypted() {
    let (tls, root) = certified(&["lists.example"]);
    let plain = Server::saying(vec![answer("200 OK", "", LIST)]).await;
    let to = plain.url("http", "lists.example");
    let server = Server::at(OUT_THERE, Some(tls), move |_| vec![moved(&to)]).await;
    let mut household = Household::new();
    household.roots = vec![root];
    let said = household.fails(&server.url("https", "lists.example")).await;
    let expected = "lists.example sends us on over an unencrypted connection, \
                    where anybody could change the list";
    assert_eq!(said, expected);
    assert!(plain.heads().is_empty());
}

// === The household's own machines ===

const NOT_FROM_HERE: &str = "a machine of this household or of the network around it; lists come \
                             from there only when the config names that host itself";

#[tokio::test]
async fn no_redirect_leads_into_the_household() {
    let home = Server::at(AT_HOME, None, |_| vec![answer("200 OK", "", LIST)]).await;
    let port = home.address.port();
    for (host, leads) in [
        ("127.0.0.1", "127.0.0.1 leads to 127.0.0.1"),
        ("2130706433", "127.0.0.1 leads to 127.0.0.1"),
        ("[::1]", "::1 leads to ::1"),
        ("[::ffff:127.0.0.1]", "::ffff:127.0.0.1 leads to ::ffff:127.0.0.1"),
        ("[64:ff9b::7f00:1]", "64:ff9b::7f00:1 leads to 64:ff9b::7f00:1"),
        ("192.168.1.1", "192.168.1.1 leads to 192.168.1.1"),
        ("100.64.0.1", "100.64.0.1 leads to 100.64.0.1"),
        ("169.254.169.254", "169.254.169.254 leads to 169.254.169.254"),
        ("localhost", "localhost leads to 127.0.0.1"),
        ("nas.example", "nas.example leads to 127.0.0.1"),
    ] {
        for is_written in [false, true] {
            let server = Server::saying(vec![moved(&format!("http://{host}:{port}/"))]).await;
            let household = Household { is_written, ..Household::new() };
            let said = household.fails(&server.url("http", "lists.example")).await;
            assert_eq!(said, format!("{leads}, {NOT_FROM_HERE}"));
        }
    }
    assert!(home.heads().is_empty());
}

#[tokio::test]
async fn the_host_a_parent_wrote_may_be_at_home() {
    let home = Server::at(AT_HOME, None, |head| {
        if head.starts_with("GET /moved") {
            vec![answer("200 OK", "", LIST)]
        } else {
            vec![moved("/moved")]
        }
    })
    .await;
    for host in ["nas.example", "127.0.0.1", "localhost", "NAS.example."] {
        let household = Household { is_written: true, ..Household::new() };
        let (_, octets) = household.fetches(&home.url("http", host)).await;
        assert_eq!(octets, LIST.as_bytes(), "{host}");
        let said = Household::new().fails(&home.url("http", host)).await;
        assert!(said.ends_with(NOT_FROM_HERE), "{host}: {said}");
    }
}

#[tokio::test]
async fn an_address_that_is_nobodys_is_never_asked() {
    let household = Household { is_written: true, ..Household::new() };
    household.names.add("closed.example", &[[0, 0, 0, 0].into()]);
    let said = household.fails("http://closed.example/").await;
    let expected = "closed.example leads to 0.0.0.0, which is no server's address \
                    (a blocked name looks like this)";
    assert_eq!(said, expected);
}

#[tokio::test]
async fn a_name_with_several_addresses_is_asked_at_those_that_are_public() {
    let server = Server::saying(vec![answer("200 OK", "", LIST)]).await;
    let household = Household::new();
    household.names.add("many.example", &[AT_HOME, DEAD, OUT_THERE]);
    let (_, octets) = household.fetches(&server.url("http", "many.example")).await;
    assert_eq!(octets, LIST.as_bytes());
}

// === What is asked ===

#[tokio::test]
async fn a_question_tells_nothing_of_the_household() {
    let server = Server::saying(vec![answer("200 OK", "ETag: \"7\"\r\n", LIST)]).await;
    let url = format!("{}?v=1#part", server.url("http", "lists.example"));
    let (came, octets) = Household::new().fetches(&url).await;
    assert_eq!(octets, LIST.as_bytes());
    assert_eq!((came.etag.as_deref(), came.last_modified), (Some("\"7\""), None));
    let expected = format!(
        "GET /list.txt?v=1 HTTP/1.1\r\nhost: lists.example:{}\r\nuser-agent: amparo/{}\r\n\
         accept: */*\r\naccept-encoding: gzip\r\nconnection: close\r\n\r\n",
        server.address.port(),
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(server.heads(), [expected]);
}

#[tokio::test]
async fn nothing_newer_is_nothing_to_fetch() {
    let server = Server::at(OUT_THERE, None, |head| {
        let is_asked = head.contains("if-none-match: W/\"7\"\r\n")
            && head.contains("if-modified-since: Sun, 22 Nov 2026 10:00:00 GMT\r\n");
        let known = "ETag: W/\"7\"\r\nLast-Modified: Sun, 22 Nov 2026 10:00:00 GMT\r\n";
        let unchanged = say("HTTP/1.1 304 Not Modified\r\n\r\n");
        vec![if is_asked { unchanged } else { answer("200 OK", known, LIST) }]
    })
    .await;
    let url = server.url("http", "lists.example");
    let (came, _) = Household::new().fetches(&url).await;
    let meta = Meta {
        url: url.clone(),
        etag: came.etag,
        last_modified: came.last_modified,
        ..Meta::default()
    };
    let household = Household { known: Some(meta.clone()), ..Household::new() };
    let (household, outcome) = household.fetch(&url).await;
    assert!(matches!(outcome, Ok(Outcome::Unchanged)), "{outcome:?}");
    household.assert_untouched();
    // What another address said is not asked here; what no server could have said neither.
    let other = Meta { url: "http://other.example/".to_owned(), ..meta.clone() };
    let damaged = Meta { etag: Some("\n".to_owned()), last_modified: None, ..meta };
    for known in [other, damaged] {
        let household = Household { known: Some(known), ..Household::new() };
        household.fetches(&url).await;
        assert!(!server.heads().pop().unwrap().contains("if-"));
    }
}

#[tokio::test]
async fn a_packed_list_is_kept_as_it_came() {
    let gzip = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let server = Server::saying(vec![answer("200 OK", "Content-Encoding: gzip\r\n", gzip)]).await;
    let url = server.url("http", "lists.example");
    assert_eq!(Household::new().fetches(&url).await.1, gzip);
    // What is packed itself must not be packed once more.
    Household::new().fetches(&url.replace("list.txt", "list.tar.GZ")).await;
    let packing = |head: &String| head.contains("accept-encoding: gzip\r\n");
    assert_eq!(server.heads().iter().map(packing).collect::<Vec<_>>(), [true, false]);
}

#[tokio::test]
async fn a_list_in_pieces_is_whole_and_counted() {
    let pieces = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n\
                  a\r\na.example\n\r\n a\r\nb.example\n\r\n0\r\nX: y\r\n\r\n";
    let pieces = pieces.replace("\r\n a\r\n", "\r\na\r\n");
    let server = Server::saying(vec![say(pieces)]).await;
    let (came, octets) = Household::new().fetches(&server.url("http", "lists.example")).await;
    assert_eq!((octets.as_slice(), came.octets), (LIST.as_bytes(), 20));
    assert_eq!((came.etag, came.last_modified), (None, None));
}

#[tokio::test]
async fn what_is_given_up_leaves_nothing_behind() {
    let head = say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\na.example\n");
    let server = Server::saying(vec![head, Act::Stall]).await;
    let household = Household::new();
    let dialer = super::connect::Dialer::new(household.names.clone(), &[], reach, PATIENT.step);
    let fetcher = Fetcher::with(dialer, Proxies::all("", ""), PATIENT);
    let download = Download {
        list: "big".to_owned(),
        url: server.url("http", "lists.example"),
        every: PATIENT.whole,
        is_written: false,
    };
    let directory = files::directory(household.state.path());
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let fetch = fetcher.fetch(&download, None, &directory, |progress| tell.send(progress).unwrap());
    let fetch = sendable(fetch);
    let half = async {
        let begin = Progress { octets: 0, of: Some(100) };
        assert_eq!(told.recv().await, Some(begin));
        assert_eq!(told.recv().await, Some(Progress { octets: 10, ..begin }));
        assert_eq!(files(&directory).len(), 3);
    };
    tokio::select! {
        outcome = fetch => panic!("{outcome:?}"),
        () = half => {}
    }
    household.assert_untouched();
}

#[tokio::test]
async fn an_address_that_is_none_is_told() {
    for (url, why) in [
        ("ftp://lists.example/", "it begins neither with https:// nor with http://"),
        ("file:///etc/passwd", "it begins neither with https:// nor with http://"),
        ("http://name:word@lists.example/", "it holds a name or a password before an @"),
        ("lists.example", "relative URL without a base"),
        ("http://", "empty host"),
    ] {
        let said = Household::new().fails(url).await;
        let expected = format!("the address of the list is none that can be fetched: {why}");
        assert_eq!(said, expected, "{url}");
    }
}

// === Proxies ===

#[tokio::test]
async fn a_proxy_is_asked_for_the_whole_address() {
    let proxy = Server::at(AT_HOME, None, |_| vec![answer("200 OK", "", LIST)]).await;
    let household = || {
        let mut household = Household::new();
        let at = format!("http://us:secret@{}", proxy.address);
        household.proxies = Proxies::all(&at, "direct.example");
        household.names.add("direct.example", &[DEAD]);
        household
    };
    let (_, octets) = household().fetches("http://lists.example/a?b").await;
    assert_eq!(octets, LIST.as_bytes());
    // A name that only the proxy can look up.
    household().fetches("http://only.there.example/").await;
    let heads = proxy.heads();
    assert!(
        heads[0].starts_with("GET http://lists.example/a?b HTTP/1.1\r\nhost: lists.example\r\n")
    );
    assert!(heads[0].contains("proxy-authorization: Basic dXM6c2VjcmV0\r\n"), "{}", heads[0]);
    // NO_PROXY, and what leads home.
    let said = household().fails("http://direct.example:9/").await;
    assert_eq!(said, "direct.example cannot be reached: nothing listens there");
    for url in ["http://192.168.1.1/", "http://nas.example/", "http://localhost/"] {
        let said = household().fails(url).await;
        assert!(said.ends_with(NOT_FROM_HERE), "{said}");
    }
    assert_eq!(proxy.heads().len(), 2);
}

#[tokio::test]
async fn a_proxy_makes_a_tunnel_and_learns_no_more() {
    let (tls, root) = certified(&["lists.example"]);
    let server = Server::at(OUT_THERE, Some(tls), |_| vec![answer("200 OK", "", LIST)]).await;
    let proxy = Server::tunnelling(OUT_THERE).await;
    let mut household = Household::new();
    household.roots = vec![root];
    household.proxies = Proxies::all(&format!("http://us:secret@{}", proxy.address), "");
    let (_, octets) = household.fetches(&server.url("https", "lists.example")).await;
    assert_eq!(octets, LIST.as_bytes());
    let authority = format!("lists.example:{}", server.address.port());
    let connect = format!(
        "CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\
         Proxy-Authorization: Basic dXM6c2VjcmV0\r\n\r\n"
    );
    assert_eq!(proxy.heads(), [connect]);
    assert!(!server.heads()[0].contains("roxy"), "the password is the proxy's");
}

#[tokio::test]
async fn a_proxy_that_makes_no_tunnel_is_told() {
    let cases: [(Vec<Act>, &str); 5] = [
        (vec![answer("403 No", "", "")], "makes no tunnel to lists.example:443 (403)"),
        (
            vec![answer("407 Who", "", "")],
            "asks for a name and a password: write them into HTTPS_PROXY as \
             http://name:password@host:port (407)",
        ),
        (vec![say("SSH-2.0-OpenSSH\r\n\r\n")], "does not answer as a proxy does"),
        (vec![Act::Repeat(vec![b'x'; 100])], "answers with more than a tunnel needs"),
        (vec![], "cannot be reached: it closed the connection"),
    ];
    for (acts, expected) in cases {
        let proxy = Server::at(AT_HOME, None, move |_| acts.clone()).await;
        let mut household = Household::new();
        household.proxies = Proxies::all(&proxy.address.to_string(), "");
        let said = household.fails("https://lists.example/list.txt").await;
        assert!(said.ends_with(&format!("127.0.0.1 {expected}")), "{said}");
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_told() {
    let mut household = Household::new();
    household.proxies = Proxies::all("http://127.9.0.99:9", "");
    let said = household.fails("https://lists.example/").await;
    let expected = "the proxy 127.9.0.99 of the environment is out of reach: \
                    127.9.0.99 cannot be reached: nothing listens there";
    assert_eq!(said, expected);
}
