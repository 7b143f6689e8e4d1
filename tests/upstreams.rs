//! What whoever is asked may do, and how far it is believed: family resolvers, and signatures.

use amparo::config::settings::Scheme;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use serde_json::Value;

use crate::harness::packet::{AD, CD};
use crate::harness::{ANA, Amparo, FAMILY, MATEO, Question, Reply, SOFIA};

/// The key of a zone above everything, which has signed nothing.
const ANCHOR: &str = ". IN DNSKEY 257 3 15 7iK7v8zH8bFQ1Rr5c1b3o8W8cXJ0oG0wDk3nQm0J0aE=\n";

// === Family resolvers ===

#[tokio::test]
async fn what_a_family_resolver_closes_is_closed_here_and_told() {
    let amparo = Amparo::start(FAMILY)
        .upstream(|upstream| {
            upstream.address("casino.example", "0.0.0.0").address("casino.example", "::");
        })
        .await;
    let question = Question::of("www.casino.example", RecordType::A).edns();
    amparo.send(SOFIA, &question).await.is_open();
    let question = Question::of("casino.example", RecordType::A).edns();
    // New, and from the cache; and whoever asks.
    for who in [SOFIA, SOFIA, ANA] {
        let answer = amparo.send(who, &question).await;
        answer.is_blocked();
        assert_eq!(answer.ede(), Some((17, "The family resolver closes it".to_owned())));
        assert!(answer.life_seconds() <= 10, "as any closed answer: {answer:?}");
    }
    assert_eq!(amparo.upstream.count("casino.example"), 1);
    let rows = amparo.journal().await;
    let of_site: Vec<&Value> = rows.iter().filter(|row| row["site"] == "casino.example").collect();
    let [row] = of_site[..] else { panic!("{rows:#?}") };
    assert_eq!((&row["verdict"], &row["count"]), (&"block".into(), &2.into()));
    assert_eq!(row["reason"]["kind"], "upstream");
    assert_eq!(row["reason"]["text"], "the family resolver closes it");
}

#[tokio::test]
async fn it_is_closed_as_the_household_chose() {
    let config = format!("{FAMILY}\n[dns]\nblocked_answer = \"192.168.1.2\"\n");
    let amparo = Amparo::start(&config)
        .upstream(|upstream| {
            upstream.address("casino.example", "0.0.0.0");
        })
        .await;
    amparo.ask(SOFIA, "casino.example").await.holds_only("192.168.1.2");
    amparo.ask(ANA, "casino.example").await.holds_only("192.168.1.2");
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_not_taken_for_closed() {
    let amparo = Amparo::start(FAMILY)
        .upstream(|upstream| {
            upstream.reply("nothing.example", Reply::NxDomain);
        })
        .await;
    amparo.ask(SOFIA, "nothing.example").await.is_nxdomain();
    assert!(amparo.journal().await.is_empty());
}

// === Signatures ===

/// A household that checks signatures from one key down, and a zone that it asks elsewhere.
fn validating() -> String {
    format!(
        "{FAMILY}\n[dns]\nupstreams = \"udp://{{upstream}}\"\ndnssec = \"validate\"\n\
         trust_anchor = \"{{dir}}/keys.txt\"\nforward = {{ \"lan\" = \"udp://{{second}}\" }}\n"
    )
}

async fn amparo(config: &str) -> Amparo {
    Amparo::start(config)
        .file("keys.txt", ANCHOR)
        .upstream(|upstream| {
            upstream.authentic();
        })
        .await
}

#[tokio::test]
async fn what_is_not_signed_where_it_should_be_is_refused() {
    let amparo = amparo(&validating()).await;
    let question = Question::of("www.example.com", RecordType::A).edns();
    let answer = amparo.send(ANA, &question).await;
    answer.has_code(ResponseCode::ServFail).has_no_address();
    assert_eq!(answer.ede().map(|(code, _)| code), Some(10), "{answer:?}");
    // Asked with DO and CD, whatever the device said.
    let seen = amparo.upstream.seen();
    let first = seen.iter().find(|seen| seen.record_type == RecordType::A).expect("it was asked");
    assert!(first.dnssec_ok && first.flags & CD != 0, "{first:?}");

    // Who checks by himself gets it, and nobody says that it was checked.
    let checked_there = question.flags(CD | AD);
    let answer = amparo.send(ANA, &checked_there).await;
    answer.is_open();
    assert_eq!(answer.flags() & (AD | CD), CD, "{answer:?}");
    // Both stay what they are, side by side in the cache.
    amparo
        .send(ANA, &Question::of("www.example.com", RecordType::A))
        .await
        .has_code(ResponseCode::ServFail);
    amparo.send(ANA, &checked_there).await.is_open();
}

#[tokio::test]
async fn zones_that_are_asked_elsewhere_are_not_checked() {
    let amparo = amparo(&validating()).await;
    amparo.second.authentic();
    let answer = amparo.send(ANA, &Question::of("nas.lan", RecordType::A).flags(AD)).await;
    answer.is_open();
    assert_eq!(answer.flags() & AD, 0, "nothing was checked: {answer:?}");
}

#[tokio::test]
async fn what_is_closed_stays_closed_without_signatures() {
    let amparo = amparo(&validating()).await;
    let question = Question::of("www.tiktok.com", RecordType::A).edns().dnssec_ok().flags(AD);
    let answer = amparo.send(MATEO, &question).await;
    answer.is_blocked();
    assert_eq!(answer.flags() & AD, 0);
    assert_eq!(answer.message.answers.len(), 1, "{answer:?}");
    amparo.upstream.saw_nothing();
}

#[tokio::test]
async fn what_a_family_resolver_closes_needs_no_signature() {
    let amparo = amparo(&validating()).await;
    amparo.upstream.address("casino.example", "0.0.0.0");
    let answer = amparo.send(SOFIA, &Question::of("casino.example", RecordType::A).edns()).await;
    answer.is_blocked();
    assert_eq!(answer.ede().map(|(code, _)| code), Some(17));
}

#[tokio::test]
async fn every_scheme_is_taken_and_shown_as_it_is_written() {
    let urls = Scheme::ALL.map(|scheme| {
        let name = if scheme.is_encrypted() { "#dns.example" } else { "" };
        format!("{}://{{dead}}{name}", scheme.word())
    });
    let config = format!("{FAMILY}\n[dns]\nupstreams = {urls:?}\n");
    let amparo = Amparo::start(&config).await;
    let status = amparo.cli(&["status", "--json"]).await;
    let status: Value = serde_json::from_str(&status.stdout).expect("JSON");
    let shown: Vec<&str> = status["upstreams"]
        .as_array()
        .expect("upstreams")
        .iter()
        .filter_map(|u| u["url"].as_str())
        .collect();
    for scheme in Scheme::ALL {
        let begin = format!("{}://", scheme.word());
        assert!(shown.iter().any(|url| url.starts_with(&begin)), "{scheme:?}: {shown:?}");
    }
}
