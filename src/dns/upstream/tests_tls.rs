//! DNS over TLS (RFC 7858) against servers with certificates of a private authority.

use std::sync::Arc;

use hickory_proto::op::DnsResponse;
use rustls::pki_types::CertificateDer;
use tokio_rustls::TlsAcceptor;

use super::tests_fakes::*;
use super::{FailureKind, Upstreams};
use crate::config::settings::{Scheme, Strategy};

/// A server's side of TLS with a certificate for these names, and the authority that signed it.
fn certified(names: &[&str]) -> (TlsAcceptor, CertificateDer<'static>) {
    let (config, root) = server_config(names, None);
    (TlsAcceptor::from(Arc::new(config)), root)
}

/// A server with a good certificate for `dns.example`, and a group that trusts it.
async fn server(
    messages_max: usize,
    script: impl Fn(&[u8], usize) -> Vec<Vec<u8>> + Send + Sync + 'static,
) -> (Fake, Arc<Upstreams>) {
    let (acceptor, root) = certified(&["dns.example"]);
    let fake = Fake::stream(Some(acceptor), messages_max, script).await;
    let upstreams = trusting(&[url(Scheme::Tls, fake.address, Some("dns.example"))], root);
    (fake, upstreams)
}

#[tokio::test]
async fn fifty_questions_at_once_share_one_connection() {
    let (fake, upstreams) = server(usize::MAX, honest).await;
    let mut clients = Vec::new();
    for number in 0..50 {
        let upstreams = Arc::clone(&upstreams);
        clients.push(tokio::spawn(async move {
            ask_type(&upstreams, &format!("n{number}.example.com"), 65280).await
        }));
    }
    for client in clients {
        assert_eq!(address_in(&client.await.unwrap().unwrap()), GOOD);
    }
    assert_eq!(fake.connections(), 1);
    let seen = fake.seen();
    assert_eq!(seen.len(), 50);
    // Padded, and with nothing else in the OPT record (RFC 8467 §4.1).
    assert!(seen.iter().all(|(_, query)| query.len() == 128));
    assert!(seen.iter().all(|(_, query)| query[question_end(query) + 11..][..2] == [0, 12]));
}

#[tokio::test]
async fn answers_come_in_any_order() {
    // The first question is answered with the second's reply, behind it.
    let first = std::sync::Mutex::new(Vec::new());
    let (_fake, upstreams) = server(usize::MAX, move |query, nth| {
        if nth == 0 {
            *first.lock().unwrap() = good(query);
            return Vec::new();
        }
        vec![good(query), first.lock().unwrap().clone()]
    })
    .await;
    let (one, other) =
        tokio::join!(ask(&upstreams, "one.example"), ask(&upstreams, "other.example"));
    assert_eq!(&one.unwrap()[13..16], b"one");
    assert_eq!(&other.unwrap()[13..18], b"other");
}

#[tokio::test]
async fn an_address_may_stand_in_the_certificate() {
    let (acceptor, root) = certified(&["127.0.0.1"]);
    let fake = Fake::stream(Some(acceptor), usize::MAX, honest).await;
    let upstreams = trusting(&[url(Scheme::Tls, fake.address, None)], root);
    assert_eq!(address_in(&ask(&upstreams, "a.example").await.unwrap()), GOOD);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_in_a_sentence() {
    let (acceptor, root) = certified(&["other.example"]);
    let fake = Fake::stream(Some(acceptor), usize::MAX, honest).await;
    let upstreams = trusting(&[url(Scheme::Tls, fake.address, Some("dns.example"))], root);
    let failure = ask(&upstreams, "a.example").await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Tls);
    let sentence = "its certificate was not accepted: it is for another name; \
                    compare what follows `#` in the upstream's address";
    assert_eq!(failure.to_string(), format!("tls://{}#dns.example: {sentence}", fake.address));
    let state = &upstreams.state()[0];
    assert_eq!((state.healthy, state.last_error.as_deref()), (false, Some(sentence)));
    assert!(fake.seen().is_empty(), "no question was told to it");
}

#[tokio::test]
async fn an_authority_nobody_trusts_is_refused() {
    let (acceptor, _) = certified(&["dns.example"]);
    let (_, another_root) = certified(&["dns.example"]);
    let fake = Fake::stream(Some(acceptor), usize::MAX, honest).await;
    let upstreams = trusting(&[url(Scheme::Tls, fake.address, Some("dns.example"))], another_root);
    let failure = ask(&upstreams, "a.example").await.unwrap_err();
    assert!(failure.to_string().ends_with("nobody we trust has signed it"), "{failure}");
}

#[tokio::test]
async fn a_server_that_hangs_up_before_the_handshake_is_refused() {
    let fake = Fake::stream(None, 0, silent).await;
    let urls = [url(Scheme::Tls, fake.address, Some("dns.example"))];
    let upstreams = group(&urls, Strategy::Fastest);
    let failure = ask(&upstreams, "a.example").await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Network, "{failure}");
}

#[tokio::test]
async fn a_name_that_is_none_is_said_and_nobody_is_asked() {
    let fake = Fake::stream(None, usize::MAX, honest).await;
    let upstreams = group(&[url(Scheme::Tls, fake.address, Some("a b"))], Strategy::Fastest);
    let failure = ask(&upstreams, "a.example").await.unwrap_err();
    assert!(failure.to_string().ends_with("`a b` after `#` is no name of a host"), "{failure}");
    assert_eq!(fake.connections(), 0);
}

#[tokio::test]
async fn a_broken_connection_is_opened_again() {
    // Hangs up after every third message, with questions open or without.
    let (fake, upstreams) = server(3, honest).await;
    for number in 0..10 {
        let answer = ask(&upstreams, &format!("n{number}.example")).await.unwrap();
        assert_eq!(address_in(&answer), GOOD);
    }
    assert!(fake.connections() >= 4);
    assert!(upstreams.state()[0].healthy);
}

#[tokio::test]
async fn answers_hickory_cannot_read_come_through_as_they_are() {
    // An A record of five octets, an OPT in the answer section, an SVCB whose key is cut.
    for (rtype, data) in [(1, vec![1, 2, 3, 4, 5]), (41, vec![]), (64, vec![0, 1, 0, 0])] {
        let (_fake, upstreams) = server(usize::MAX, {
            let data = data.clone();
            move |query, _| vec![record(query, rtype, &data)]
        })
        .await;
        let answer = ask_type(&upstreams, "odd.example", rtype).await.unwrap();
        assert!(answer.ends_with(&data));
        // Why the exchange is ours: hickory's reads each answer, and drops these.
        assert!(DnsResponse::from_buffer(answer.to_vec()).is_err(), "type {rtype}");
    }
}
