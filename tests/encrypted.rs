//! Encrypted DNS for devices: every way answers as the plain one does, a device may say by the name it
//! asks for which one it is, and nobody who keeps the door open holds up another.

mod clients;

use amparo::config::settings::Scheme;
use amparo::control::Command;
use hickory_proto::rr::RecordType;

use crate::harness::{Amparo, FAMILY, Question};
use clients::{Certificate, Tls, ask, ask_as, place_of, served};

/// The four ways, each with what `status` calls it.
const WAYS: [(Scheme, &str); 4] =
    [(Scheme::Tls, "tls"), (Scheme::Https, "https"), (Scheme::Quic, "quic"), (Scheme::H3, "h3")];
/// Mateo's phone, by the name it asks for: nothing else tells whose it is.
const PHONE: Option<&str> = Some("mateo-phone");

/// The family, with encrypted DNS; Mateo has a phone that says who it is.
fn family() -> String {
    let phone = "devices = [\"127.0.0.11\", \"id:mateo-phone\"]";
    let config = FAMILY.replace("devices = [\"127.0.0.11\"]", phone);
    assert!(config.contains("id:mateo-phone"), "{config}");
    format!(
        "{config}
[dns.encrypted]
certificate = \"{{dir}}/cert.pem\"
private_key = \"{{dir}}/key.pem\"
hostname = \"dns.example.org\"
tls = \"127.0.0.1:0\"
https = \"127.0.0.1:0\"
quic = \"127.0.0.1:0\"
"
    )
}

async fn started(certificate: &Certificate) -> Amparo {
    started_with(&family(), certificate).await
}

async fn started_with(config: &str, certificate: &Certificate) -> Amparo {
    let start = Amparo::start(config);
    start.file("cert.pem", &certificate.chain).file("key.pem", &certificate.key).await
}

#[tokio::test]
async fn every_way_answers_alike() {
    let certificate = Certificate::of("dns.example.org");
    let amparo = started(&certificate).await;
    for (scheme, word) in WAYS {
        for (name, kind) in [
            ("www.tiktok.com", RecordType::A),
            ("www.tiktok.com", RecordType::HTTPS),
            ("www.example.com", RecordType::A),
            ("www.google.com", RecordType::AAAA),
            ("mask.icloud.com", RecordType::A),
            ("amparo.test", RecordType::A),
        ] {
            // Whoever asks from this address without an id is nobody's device.
            let plain = amparo.send_tcp("127.0.0.1", &Question::of(name, kind)).await;
            let said = ask(&amparo, &certificate, scheme, None, name, kind).await;
            assert_eq!(said.answers, plain.message.answers, "{name} over {word}");
            assert_eq!(
                said.metadata.response_code, plain.message.metadata.response_code,
                "{name} over {word}"
            );
        }
    }
}

#[tokio::test]
async fn a_device_says_by_the_name_it_asks_for_which_one_it_is() {
    // Netflix is closed for nobody's devices and open at fourteen.
    let certificate = Certificate::of("dns.example.org");
    let amparo = started(&certificate).await;
    for (scheme, word) in WAYS {
        let blocked = |id| ask_as(&amparo, &certificate, scheme, id, "netflix.com");
        assert!(blocked(None).await, "{word}");
        assert!(!blocked(PHONE).await, "{word}");
        // An id that nobody has says nothing.
        assert!(blocked(Some("nobodys-phone")).await, "{word}");
    }
    let rows = amparo.journal().await;
    assert!(!rows.is_empty(), "what was closed is an attempt");
}

#[tokio::test]
async fn an_id_in_the_path_of_a_request_speaks_before_the_name() {
    let certificate = Certificate::of("dns.example.org");
    let amparo = started(&certificate).await;
    let query = Question::of("netflix.com", RecordType::A).edns().octets();
    for (path, blocked) in [
        ("/dns-query", true),
        ("/dns-query/", true),
        ("/dns-query/mateo-phone", false),
        ("/dns-query/nobodys-phone", true),
    ] {
        let mut tls = Tls::to(&amparo, &certificate, "https", "dns.example.org").await;
        let reply = tls.post(path, "application/dns-message", &query).await;
        assert_eq!(reply.status, 200, "{path}");
        assert_eq!(reply.message().answers[0].data.to_string() == "0.0.0.0", blocked, "{path}");
    }
}

#[tokio::test]
async fn requests_that_are_none_are_refused() {
    let certificate = Certificate::of("dns.example.org");
    let amparo = started(&certificate).await;
    let query = Question::of("www.example.com", RecordType::A).octets();
    let mut tls = Tls::to(&amparo, &certificate, "https", "dns.example.org").await;
    for (request, status) in [
        ("GET /dns-query HTTP/1.1", 400),
        ("GET /dns-query?dns=%% HTTP/1.1", 400),
        ("GET /dns-query?dns=AAAA HTTP/1.1", 400),
        ("GET /dns-query?dns=AAAB HTTP/1.1", 400),
        ("GET / HTTP/1.1", 404),
        ("GET /dns-queryx HTTP/1.1", 404),
        ("GET /dns-query/not%20an%20id HTTP/1.1", 404),
        ("DELETE /dns-query HTTP/1.1", 405),
    ] {
        assert_eq!(tls.request(request).await.status, status, "{request}");
    }
    let said = tls.post("/dns-query", "text/plain", &query).await;
    assert_eq!(said.status, 415);
    let mut tls = Tls::to(&amparo, &certificate, "https", "dns.example.org").await;
    let said = tls.post("/dns-query", "application/dns-message", &vec![0; 20_000]).await;
    assert_eq!(said.status, 413);
}

#[tokio::test]
async fn an_answer_over_https_is_kept_as_long_as_its_shortest_ttl() {
    let certificate = Certificate::of("dns.example.org");
    let amparo = started(&certificate).await;
    let query = Question::of("www.tiktok.com", RecordType::A).octets();
    let encoded = data_encoding::BASE64URL_NOPAD.encode(&query);
    let mut tls = Tls::to(&amparo, &certificate, "https", "dns.example.org").await;
    let said = tls.request(&format!("GET /dns-query?dns={encoded} HTTP/1.1")).await;
    assert_eq!(said.status, 200);
    assert_eq!(said.header("content-type"), Some("application/dns-message"));
    assert_eq!(said.header("cache-control"), Some("max-age=10"));
    assert_eq!(said.body[..2], query[..2], "the id is that of the query");
}

#[tokio::test]
async fn replies_are_padded_for_who_asks() {
    let certificate = Certificate::of("dns.example.org");
    let amparo = started(&certificate).await;
    for name in ["www.tiktok.com", "www.example.com"] {
        let question = Question::of(name, RecordType::A).edns();
        let mut tls = Tls::to(&amparo, &certificate, "tls", "dns.example.org").await;
        assert_ne!(tls.ask(&question.octets()).await.len() % 468, 0);
        let padded = Question::of(name, RecordType::A).edns().option(12, &[0; 30]);
        assert_eq!(tls.ask(&padded.octets()).await.len() % 468, 0);
    }
}

#[tokio::test]
async fn questions_of_one_connection_do_not_wait_for_each_other() {
    let certificate = Certificate::of("dns.example.org");
    let amparo = started(&certificate).await;
    amparo.upstream.hold();
    let mut tls = Tls::to(&amparo, &certificate, "tls", "dns.example.org").await;
    let slow = Question::of("slow.example.com", RecordType::A);
    tls.send(&slow.octets()).await;
    for _ in 0..20 {
        let quick = Question::of("www.tiktok.com", RecordType::A);
        assert_eq!(tls.ask(&quick.octets()).await[..2], quick.id.to_be_bytes());
    }
    amparo.upstream.release();
    assert_eq!(tls.receive().await[..2], slow.id.to_be_bytes());
}

#[tokio::test]
async fn handshakes_that_never_end_hold_up_nobody() {
    let certificate = Certificate::of("dns.example.org");
    let amparo = started(&certificate).await;
    let to = place_of(&amparo, "tls").await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(tokio::net::TcpStream::connect(to).await.expect("it listens"));
    }
    assert!(ask_as(&amparo, &certificate, Scheme::Tls, None, "www.tiktok.com").await);
    amparo.ask("127.0.0.11", "www.tiktok.com").await.is_blocked();
}

#[tokio::test]
async fn who_breaks_the_rules_of_quic_is_sent_away() {
    // RFC 9250 §4.3.3
    let certificate = Certificate::of("dns.example.org");
    let amparo = started(&certificate).await;
    let good = Question::of("www.tiktok.com", RecordType::A).octets();
    let mut nameless = good.clone();
    nameless[..2].fill(0);
    let with_id = clients::framed(&good);
    let two = [clients::framed(&nameless), clients::framed(&nameless)].concat();
    for octets in [with_id, two, vec![0], vec![0, 60, 1]] {
        let connection = clients::quic(&amparo, &certificate).await;
        let (mut send, mut receive) = connection.open_bi().await.expect("there is a stream");
        send.write_all(&octets).await.expect("it takes them");
        send.finish().expect("it is open");
        assert!(receive.read_to_end(1000).await.is_err(), "{octets:?}");
        let quinn::ConnectionError::ApplicationClosed(closed) = connection.closed().await else {
            panic!("{octets:?} is not told")
        };
        assert_eq!(closed.error_code, 2_u32.into(), "DOQ_PROTOCOL_ERROR");
    }
    let connection = clients::quic(&amparo, &certificate).await;
    let (mut send, mut receive) = connection.open_bi().await.expect("there is a stream");
    send.write_all(&clients::framed(&nameless)).await.expect("it takes them");
    send.finish().expect("it is open");
    let reply = receive.read_to_end(1000).await.expect("an answer");
    assert_eq!(reply[2..4], [0, 0], "an answer has no id either");
}

#[tokio::test]
async fn a_newer_certificate_is_shown_without_a_restart_and_a_broken_one_is_not() {
    let (old, new) = (Certificate::of("dns.example.org"), Certificate::of("dns.example.org"));
    let amparo = started(&old).await;
    assert!(ask_as(&amparo, &old, Scheme::Tls, None, "www.tiktok.com").await);
    amparo.home.write("cert.pem", &new.chain);
    amparo.home.write("key.pem", &new.key);
    amparo.reload().await.expect("the rules are the same");
    assert!(ask_as(&amparo, &new, Scheme::Tls, None, "www.tiktok.com").await);

    amparo.home.write("cert.pem", &old.chain);
    amparo.reload().await.expect("the rules are the same");
    let status = amparo.tell(&Command::Status).await.expect("it answers");
    let troubles = status["troubles"].to_string();
    assert!(troubles.contains("cert.pem") && troubles.contains("goes on serving"), "{troubles}");
    assert!(ask_as(&amparo, &new, Scheme::Tls, None, "www.tiktok.com").await);
}

#[tokio::test]
async fn without_a_certificate_plain_questions_are_answered_and_status_says_so() {
    let amparo = Amparo::start(&family()).await;
    amparo.ask("127.0.0.11", "www.tiktok.com").await.is_blocked();
    let status = amparo.tell(&Command::Status).await.expect("it answers");
    let troubles = status["troubles"].to_string();
    assert!(troubles.contains("cert.pem"), "{troubles}");
    // Nobody is led where nobody is answered.
    amparo.ask_type("127.0.0.11", "_dns.resolver.arpa", RecordType::SVCB).await.is_nodata();
}

#[tokio::test]
async fn devices_that_look_for_encrypted_dns_are_told_of_ours() {
    // RFC 9462 §4
    let certificate = Certificate::of("dns.example.org");
    let amparo = started(&certificate).await;
    let at = |word| place_of(&amparo, word);
    let ports = [at("https").await.port(), at("tls").await.port(), at("quic").await.port()];
    // The ports are those of the config: 0 stands in it, which is not what is listened on.
    let config = family()
        .replace("tls = \"127.0.0.1:0\"", &format!("tls = \"127.0.0.1:{}\"", ports[1]))
        .replace("https = \"127.0.0.1:0\"", &format!("https = \"127.0.0.1:{}\"", ports[0]))
        .replace("quic = \"127.0.0.1:0\"", &format!("quic = \"127.0.0.1:{}\"", ports[2]));
    amparo.reload_with(&config).await.expect("the file is good");
    for name in ["_dns.resolver.arpa", "_dns.dns.example.org"] {
        let answer = amparo.ask_type("127.0.0.11", name, RecordType::SVCB).await;
        let told: Vec<String> =
            answer.message.answers.iter().map(|record| record.data.to_string()).collect();
        assert_eq!(told.len(), 3, "{told:?}");
        for ((told, port), protocols) in told.iter().zip(ports).zip(["h2,h3", "dot", "doq"]) {
            let told = told.replace([' ', '"'], "");
            assert!(told.contains("dns.example.org."), "{told}");
            assert!(told.contains(&format!("port={port}")), "{told}");
            assert!(told.contains(&format!("alpn={protocols}")), "{told}");
            assert!(told.contains("ipv4hint=127.0.0.1"), "{told}");
        }
    }
    for name in ["dns.example.org", "mateo-phone.dns.example.org"] {
        amparo.ask("127.0.0.11", name).await.holds_only("127.0.0.1");
    }
    amparo.upstream.saw_nothing();
}

#[tokio::test]
async fn whoever_is_not_served_is_not_served_encrypted_either() {
    let certificate = Certificate::of("dns.example.org");
    let config = format!("[dns]\nallow_from = [\"127.0.0.11\"]\n{}", family());
    let amparo = started_with(&config, &certificate).await;
    for (scheme, word) in WAYS {
        let kind = RecordType::A;
        let said = ask(&amparo, &certificate, scheme, PHONE, "www.example.com", kind).await;
        let code = said.metadata.response_code;
        assert_eq!(code, hickory_proto::op::ResponseCode::Refused, "{word}");
    }
}

#[tokio::test]
async fn kdig_is_answered_over_tls_and_https() {
    let certificate = Certificate::of("dns.example.org");
    let amparo = started(&certificate).await;
    amparo.home.write("ca.pem", &certificate.authority);
    let authority = amparo.home.path().join("ca.pem").display().to_string();
    for (way, word) in [("+tls", "tls"), ("+https", "https")] {
        let to = place_of(&amparo, word).await;
        let arguments = [
            "@127.0.0.1".to_owned(),
            format!("-p{}", to.port()),
            way.to_owned(),
            format!("+tls-ca={authority}"),
            "+tls-hostname=mateo-phone.dns.example.org".to_owned(),
            "+padding".to_owned(),
            "www.tiktok.com".to_owned(),
        ];
        let said = served("kdig", &arguments).await;
        assert!(said.contains("0.0.0.0") && said.contains("TikTok"), "{way}: {said}");
    }
}
