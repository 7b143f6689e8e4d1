//! What is closed, for whom, in which form, and how it is said.

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;

use crate::harness::upstream::{ipv4_hint, service_record};
use crate::harness::{ANA, Amparo, FAMILY, MATEO, Question, Reply, SOFIA, STRANGER};

/// The types that must agree about a closed name.
const TYPES: [RecordType; 6] = [
    RecordType::A,
    RecordType::AAAA,
    RecordType::HTTPS,
    RecordType::TXT,
    RecordType::MX,
    RecordType::SVCB,
];
/// Extended error 17, Filtered: the parent's policy (RFC 8914 §4.18).
const FILTERED: u16 = 17;

// === How a closed name is answered ===

#[tokio::test]
async fn every_type_of_a_closed_name_is_closed_with_zero_addresses() {
    let amparo = Amparo::start(FAMILY).await;
    for kind in TYPES {
        amparo.ask_type(MATEO, "www.tiktok.com", kind).await.is_blocked();
    }
    amparo.upstream.saw_nothing();
}

#[tokio::test]
async fn every_type_of_a_closed_name_is_closed_with_nxdomain() {
    let config = format!("{FAMILY}\n[dns]\nblocked_answer = \"nxdomain\"\n");
    let amparo = Amparo::start(&config).await;
    for kind in TYPES {
        amparo.ask_type(MATEO, "www.tiktok.com", kind).await.is_nxdomain();
    }
    amparo.upstream.saw_nothing();
}

#[tokio::test]
async fn a_closed_parent_of_an_open_name_is_not_said_to_be_missing() {
    // A client that believes NXDOMAIN for the parent drops the child with it (RFC 8020).
    let config = "
[child.mateo]
age     = 14
devices = [\"127.0.0.11\"]
block   = [\"=ads.example\"]
allow   = [\"ok.ads.example\"]

[dns]
blocked_answer = \"nxdomain\"
";
    let amparo = Amparo::start(config).await;
    amparo.ask(MATEO, "ads.example").await.is_nodata();
    amparo.ask(MATEO, "ok.ads.example").await.is_open();
}

#[tokio::test]
async fn a_closed_name_may_answer_with_an_address_of_the_family() {
    let config = format!("{FAMILY}\n[dns]\nblocked_answer = \"192.168.1.2\"\n");
    let amparo = Amparo::start(&config).await;
    amparo.ask(MATEO, "tiktok.com").await.holds_only("192.168.1.2");
    amparo.ask_type(MATEO, "tiktok.com", RecordType::AAAA).await.is_nodata();
    amparo.ask_type(MATEO, "tiktok.com", RecordType::HTTPS).await.is_nodata();
}

#[tokio::test]
async fn a_block_lives_ten_seconds() {
    let amparo = Amparo::start(FAMILY).await;
    for kind in TYPES {
        amparo.ask_type(MATEO, "www.tiktok.com", kind).await.lives_at_most(10);
    }
}

#[tokio::test]
async fn a_block_says_so_to_who_speaks_edns() {
    let amparo = Amparo::start(FAMILY).await;
    let question = Question::of("www.tiktok.com", RecordType::A);
    amparo.send(MATEO, &question).await.is_blocked().has_no_edns();
    for kind in TYPES {
        let answer = amparo.send(MATEO, &Question::of("www.tiktok.com", kind).edns()).await;
        answer.is_blocked().has_edns();
        let (code, text) = answer.ede().expect("a block carries an extended error");
        assert_eq!(code, FILTERED, "{answer:?}");
        assert!(!text.is_empty() && text.len() <= 60, "`{text}` is a short sentence");
        assert!(!text.to_lowercase().contains("mateo"), "`{text}` names a child");
    }
}

#[tokio::test]
async fn an_open_name_carries_no_extended_error() {
    let amparo = Amparo::start(FAMILY).await;
    let question = Question::of("www.example.com", RecordType::A).edns();
    assert_eq!(amparo.send(MATEO, &question).await.is_open().ede(), None);
}

#[tokio::test]
async fn a_block_speaks_the_language_of_the_household() {
    let mut texts = Vec::new();
    for (language, word) in [("es", "dormir"), ("en", "Bedtime")] {
        let config = format!("[household]\nlanguage = \"{language}\"\n{FAMILY}");
        let amparo = Amparo::start(&config).at("2026-11-23 21:30").await;
        let question = Question::of("www.example.com", RecordType::A).edns();
        let (_, text) = amparo.send(SOFIA, &question).await.ede().expect("it carries one");
        assert!(text.contains(word), "`{text}` is {language} and says `{word}`");
        texts.push(text);
    }
    assert_ne!(texts[0], texts[1]);
}

// === Which names ===

#[tokio::test]
async fn subdomains_are_closed_with_their_parent() {
    let amparo = Amparo::start(FAMILY).await;
    for name in ["tiktok.com", "www.tiktok.com", "a.b.c.tiktok.com", "v16.tiktokcdn.com"] {
        amparo.ask(MATEO, name).await.is_blocked();
    }
    for name in ["nottiktok.com", "tiktok.com.example", "tiktok.example"] {
        amparo.ask(MATEO, name).await.is_open();
    }
}

#[tokio::test]
async fn a_short_name_does_not_close_a_longer_one_that_ends_like_it() {
    let config = FAMILY.replace("\"tiktok\"", "\"x.com\"");
    let amparo = Amparo::start(&config).await;
    amparo.ask(MATEO, "x.com").await.is_blocked();
    amparo.ask(MATEO, "api.x.com").await.is_blocked();
    amparo.ask(MATEO, "netflix.com").await.is_open();
    amparo.ask(MATEO, "www.netflix.com").await.is_open();
}

#[tokio::test]
async fn letter_case_opens_nothing() {
    let amparo = Amparo::start(FAMILY).await;
    amparo.ask(MATEO, "wWw.TiKtOk.CoM").await.is_blocked();
}

#[tokio::test]
async fn a_name_alone_leaves_what_is_below_it() {
    let amparo = Amparo::start(&FAMILY.replace("\"tiktok\"", "\"=shop.example\"")).await;
    amparo.ask(MATEO, "shop.example").await.is_blocked();
    amparo.ask(MATEO, "www.shop.example").await.is_open();
}

#[tokio::test]
async fn what_one_child_may_not_reach_another_may() {
    let amparo = Amparo::start(FAMILY).await;
    // Both ways round, so that neither a cached answer nor a block crosses over.
    amparo.ask(ANA, "www.tiktok.com").await.is_open();
    amparo.ask(MATEO, "www.tiktok.com").await.is_blocked();
    amparo.ask(MATEO, "tiktok.com").await.is_blocked();
    amparo.ask(ANA, "tiktok.com").await.is_open();
}

#[tokio::test]
async fn a_block_is_the_same_over_tcp() {
    let amparo = Amparo::start(FAMILY).await;
    let question = Question::of("www.tiktok.com", RecordType::A);
    amparo.send_tcp(MATEO, &question).await.is_blocked();
    amparo.send_tcp(ANA, &question).await.is_open();
}

#[tokio::test]
async fn asking_for_signatures_or_unchecked_data_opens_nothing() {
    let amparo = Amparo::start(FAMILY).await;
    let question = Question::of("www.tiktok.com", RecordType::A).edns().dnssec_ok();
    let answer = amparo.send(MATEO, &question.flags(crate::harness::packet::CD)).await;
    answer.is_blocked();
    assert!(!answer.message.metadata.authentic_data, "{answer:?}");
}

#[tokio::test]
async fn asking_for_every_type_opens_nothing() {
    let amparo = Amparo::start(FAMILY).await;
    let answer = amparo.ask_type(MATEO, "www.tiktok.com", RecordType::ANY).await;
    assert!(answer.addresses().iter().all(std::net::IpAddr::is_unspecified), "{answer:?}");
    amparo.upstream.saw_nothing();
}

#[tokio::test]
async fn the_names_a_parent_wrote_speak_before_services() {
    let config = format!("{FAMILY}\n[household]\nallow = [\"www.tiktok.com\"]\n");
    let amparo = Amparo::start(&config).await;
    amparo.ask(MATEO, "www.tiktok.com").await.is_open();
    amparo.ask(MATEO, "m.tiktok.com").await.is_blocked();
}

#[tokio::test]
async fn a_walled_garden_holds_what_is_in_it() {
    let config = "
[child.sofia]
age     = 9
devices = [\"127.0.0.10\"]
only    = [\"school.example\"]
";
    let amparo = Amparo::start(config).await;
    amparo.ask(SOFIA, "www.school.example").await.is_open();
    amparo.ask(SOFIA, "www.example.com").await.is_blocked();
    amparo.ask(SOFIA, "pool.ntp.org").await.is_open();
}

#[tokio::test]
async fn a_list_of_the_family_closes_its_names() {
    let config = format!(
        "{FAMILY}\n[list.extra]\nfile = \"{{dir}}/extra.txt\"\ncategory = \"adult\"\n\
         \n[list.hosts]\nfile = \"{{dir}}/hosts.txt\"\ncategory = \"gambling\"\nformat = \"hosts\"\n"
    );
    let amparo = Amparo::start(&config)
        .file("extra.txt", "# plain names\nnasty.example\n")
        .file("hosts.txt", "0.0.0.0 bet.example www.bet.example\n")
        .await;
    amparo.ask(MATEO, "nasty.example").await.is_blocked();
    amparo.ask(MATEO, "www.nasty.example").await.is_blocked();
    amparo.ask(MATEO, "www.bet.example").await.is_blocked();
    // A hosts file names hosts.
    amparo.ask(MATEO, "other.bet.example").await.is_open();
    amparo.ask(ANA, "nasty.example").await.is_open();
}

// === Essentials ===

#[tokio::test]
async fn essentials_answer_at_bedtime() {
    let amparo = Amparo::start(FAMILY).at("2026-11-23 22:00").await;
    amparo.ask(SOFIA, "www.example.com").await.is_blocked();
    for name in ["pool.ntp.org", "time.google.com", "captive.apple.com", "takeitdown.ncmec.org"] {
        amparo.ask(SOFIA, name).await.is_open();
    }
}

#[tokio::test]
async fn no_rule_closes_an_essential() {
    let config = format!(
        "{}\n[list.wide]\nfile = \"{{dir}}/wide.txt\"\ncategory = \"adult\"\n",
        FAMILY.replace("\"tiktok\"", "\"internet\"")
    );
    let amparo = Amparo::start(&config).file("wide.txt", "unicef.org\nntp.org\norg\n").await;
    amparo.ask(MATEO, "www.example.com").await.is_blocked();
    amparo.ask(MATEO, "www.unicef.org").await.is_open();
    amparo.ask(MATEO, "2.pool.ntp.org").await.is_open();
}

// === In which form ===

#[tokio::test]
async fn a_search_engine_answers_in_its_safe_form() {
    let amparo = Amparo::start(FAMILY)
        .upstream(|upstream| {
            upstream.address("forcesafesearch.google.com", "216.239.38.120");
            upstream.address("forcesafesearch.google.com", "2001:4860:4802:32::78");
            upstream.reply("www.google.com", Reply::ServFail);
        })
        .await;
    let safe = "forcesafesearch.google.com";
    let v4 = amparo.ask(SOFIA, "www.google.com").await;
    v4.points_to(safe).resolves_to("216.239.38.120").lives_at_most(60);
    let v6 = amparo.ask_type(SOFIA, "www.google.com", RecordType::AAAA).await;
    v6.points_to(safe).resolves_to("2001:4860:4802:32::78");
    amparo.ask(SOFIA, "www.google.com.gt").await.points_to(safe);
    amparo.upstream.never_saw("www.google.com");
    // An adult's search is an adult's.
    amparo.ask(ANA, "www.google.com").await.has_code(ResponseCode::ServFail);
}

#[tokio::test]
async fn the_https_record_of_a_search_engine_is_not_a_way_around() {
    let hint = "203.0.113.9".parse().expect("it is an address");
    let amparo = Amparo::start(FAMILY)
        .upstream(|upstream| {
            let record = service_record(1, "", &ipv4_hint(hint));
            upstream.data("www.google.com", RecordType::HTTPS, &[record]);
            upstream.reply("forcesafesearch.google.com", Reply::NoData);
        })
        .await;
    let answer = amparo.ask_type(SOFIA, "www.google.com", RecordType::HTTPS).await;
    answer.has_code(ResponseCode::NoError).points_to("forcesafesearch.google.com");
    assert!(!answer.bytes.windows(4).any(|octets| octets == hint.octets()), "{answer:?}");
    amparo.upstream.never_saw("www.google.com");
}

#[tokio::test]
async fn a_search_engine_without_its_safe_form_stays_closed() {
    for reply in [Reply::ServFail, Reply::NxDomain, Reply::NoData] {
        let amparo = Amparo::start(FAMILY)
            .upstream(|upstream| {
                upstream.reply("forcesafesearch.google.com", reply.clone());
            })
            .await;
        let answer = amparo.ask(SOFIA, "www.google.com").await;
        assert!(answer.addresses().iter().all(std::net::IpAddr::is_unspecified), "{answer:?}");
        amparo.upstream.never_saw("www.google.com");
    }
}

#[tokio::test]
async fn youtube_is_strict_to_nine_and_moderate_to_fifteen() {
    let amparo = Amparo::start(FAMILY).await;
    for name in ["www.youtube.com", "m.youtube.com", "youtubei.googleapis.com"] {
        amparo.ask(SOFIA, name).await.points_to("restrict.youtube.com").is_open();
        amparo.ask(MATEO, name).await.points_to("restrictmoderate.youtube.com").is_open();
    }
    amparo.upstream.never_saw("www.youtube.com");
    let open = amparo.ask(ANA, "www.youtube.com").await;
    assert!(open.is_open().message.answers.len() == 1, "an adult gets it as it comes: {open:?}");
}

#[tokio::test]
async fn a_closed_search_engine_stays_closed() {
    let amparo = Amparo::start(&FAMILY.replace("\"tiktok\"", "\"www.google.com\"")).await;
    amparo.ask(MATEO, "www.google.com").await.is_blocked();
}

#[tokio::test]
async fn bedtime_closes_safe_forms_too() {
    let amparo = Amparo::start(FAMILY).at("2026-11-23 21:00").await;
    amparo.ask(SOFIA, "www.google.com").await.is_blocked();
    amparo.ask(SOFIA, "www.youtube.com").await.is_blocked();
}

// === What an answer points to ===

#[tokio::test]
async fn an_alias_of_a_closed_name_is_closed() {
    let amparo = Amparo::start(FAMILY)
        .upstream(|upstream| {
            upstream.alias("shop.example", "cdn.example").alias("cdn.example", "www.tiktok.com");
        })
        .await;
    // First somebody for whom it is open, so that the answer is in the cache.
    amparo.ask(ANA, "shop.example").await.is_open().points_to("www.tiktok.com");
    for kind in [RecordType::A, RecordType::AAAA, RecordType::HTTPS] {
        amparo.ask_type(MATEO, "shop.example", kind).await.is_blocked();
    }
}

#[tokio::test]
async fn what_an_allowed_name_points_to_is_not_judged() {
    let allowed = "block = [\"tiktok\"]\nallow = [\"shop.example\"]";
    let config = FAMILY.replace("block   = [\"tiktok\"]", allowed);
    let amparo = Amparo::start(&config)
        .upstream(|upstream| {
            upstream.alias("shop.example", "www.tiktok.com");
        })
        .await;
    amparo.ask(MATEO, "shop.example").await.is_open();
    amparo.ask(MATEO, "www.tiktok.com").await.is_blocked();
}

#[tokio::test]
async fn a_walled_garden_does_not_judge_where_its_names_are_hosted() {
    let config = "
[child.sofia]
age     = 9
devices = [\"127.0.0.10\"]
only    = [\"school.example\"]
";
    let amparo = Amparo::start(config)
        .upstream(|upstream| {
            upstream.alias("www.school.example", "edge.hosting.example");
        })
        .await;
    amparo.ask(SOFIA, "www.school.example").await.is_open();
    amparo.ask(SOFIA, "edge.hosting.example").await.is_blocked();
}

#[tokio::test]
async fn a_service_record_that_leads_to_a_closed_name_is_closed() {
    // Alias mode and service mode (RFC 9460 §2.4).
    for priority in [0, 1] {
        let amparo = Amparo::start(FAMILY)
            .upstream(|upstream| {
                let record = service_record(priority, "edge.tiktokv.com", &[]);
                upstream.data("svc.example", RecordType::HTTPS, &[record]);
            })
            .await;
        amparo.ask_type(MATEO, "svc.example", RecordType::HTTPS).await.is_blocked();
        let open = amparo.ask_type(ANA, "svc.example", RecordType::HTTPS).await;
        assert_eq!(open.message.answers.len(), 1, "{open:?}");
    }
}

#[tokio::test]
async fn what_stands_beside_an_essential_target_is_judged_too() {
    let config = FAMILY.replace("\"tiktok\"]", "\"tiktok\"]\nallow = [\"open.example\"]");
    for first in ["time.apple.com", "open.example"] {
        let amparo = Amparo::start(&config)
            .upstream(|upstream| {
                let records =
                    [service_record(1, first, &[]), service_record(2, "edge.tiktokv.com", &[])];
                upstream.data("svc.example", RecordType::HTTPS, &records);
            })
            .await;
        amparo.ask_type(MATEO, "svc.example", RecordType::HTTPS).await.is_blocked();
    }
}

#[tokio::test]
async fn a_target_opened_by_hand_opens_what_it_leads_to() {
    let config = FAMILY.replace("\"tiktok\"]", "\"tiktok\"]\nallow = [\"open.example\"]");
    let amparo = Amparo::start(&config)
        .upstream(|upstream| {
            upstream.alias("shop.example", "open.example").alias("open.example", "www.tiktok.com");
        })
        .await;
    amparo.ask(MATEO, "shop.example").await.is_open();
    amparo.ask(MATEO, "open.example").await.is_open();
}

#[tokio::test]
async fn a_target_that_is_a_fraud_is_closed_for_adults_too() {
    let config = format!(
        "{FAMILY}\n[list.frauds]\nfile = \"{{dir}}/frauds.txt\"\ncategory = \"scam_phishing\"\n"
    );
    let amparo = Amparo::start(&config)
        .file("frauds.txt", "fraud.example\n")
        .upstream(|upstream| {
            upstream.alias("shop.example", "www.fraud.example");
            let record = service_record(0, "www.fraud.example", &[]);
            upstream.data("svc.example", RecordType::HTTPS, &[record]);
        })
        .await;
    for (name, kind) in [
        ("fraud.example", RecordType::A),
        ("shop.example", RecordType::A),
        ("shop.example", RecordType::AAAA),
        ("svc.example", RecordType::HTTPS),
    ] {
        let answer = amparo.send(ANA, &Question::of(name, kind).edns()).await;
        // Extended error 15, Blocked: nothing a family chose (RFC 8914 §4.16).
        assert_eq!(answer.is_blocked().ede().map(|(code, _)| code), Some(15), "{answer:?}");
    }
}

#[tokio::test]
async fn an_adults_safe_search_has_a_life_that_clients_understand() {
    let config = FAMILY.replace("[adult.ana]", "[adult.ana]\nsafe_search = true");
    let amparo = Amparo::start(&config).await;
    for kind in [RecordType::A, RecordType::AAAA, RecordType::HTTPS] {
        let answer = amparo.ask_type(ANA, "www.google.com", kind).await;
        answer.points_to("forcesafesearch.google.com").lives_at_most(300);
    }
}

// === Ways around ===

#[tokio::test]
async fn the_browsers_canary_does_not_exist_for_anybody() {
    let amparo = Amparo::start(FAMILY).await;
    for who in [SOFIA, MATEO, ANA, STRANGER] {
        for kind in [RecordType::A, RecordType::AAAA] {
            amparo.ask_type(who, "use-application-dns.net", kind).await.is_nxdomain();
        }
    }
    amparo.upstream.saw_nothing();
}

#[tokio::test]
async fn relay_names_do_not_exist_for_children() {
    let amparo = Amparo::start(FAMILY).await;
    for name in ["mask.icloud.com", "mask-h2.icloud.com"] {
        for kind in [RecordType::A, RecordType::AAAA, RecordType::HTTPS] {
            // Not a zero address: Apple asks for a negative answer.
            amparo.ask_type(MATEO, name, kind).await.is_nxdomain();
            amparo.ask_type(SOFIA, name, kind).await.is_nxdomain();
            amparo.ask_type(STRANGER, name, kind).await.is_nxdomain();
        }
        amparo.upstream.never_saw(name);
        amparo.ask(ANA, name).await.is_open();
    }
}

// === Devices nobody claimed ===

#[tokio::test]
async fn an_unknown_device_gets_the_rules_of_ten_to_twelve() {
    let amparo = Amparo::start(FAMILY).await;
    amparo.ask(STRANGER, "www.tiktok.com").await.is_blocked();
    amparo.ask(STRANGER, "www.example.com").await.is_open().lives_at_most(60);
    amparo.ask(STRANGER, "www.google.com").await.points_to("forcesafesearch.google.com");
}

#[tokio::test]
async fn a_household_may_block_unknown_devices() {
    let config = format!("[household]\nunknown_devices = \"block\"\n{FAMILY}");
    let amparo = Amparo::start(&config).await;
    amparo.ask(STRANGER, "www.example.com").await.is_blocked();
    amparo.ask(STRANGER, "pool.ntp.org").await.is_open();
    amparo.ask(MATEO, "www.example.com").await.is_open();
}

#[tokio::test]
async fn a_household_may_leave_unknown_devices_open() {
    let config = format!("[household]\nunknown_devices = \"open\"\n{FAMILY}");
    let amparo = Amparo::start(&config).await;
    amparo.ask(STRANGER, "www.tiktok.com").await.is_open();
}

#[tokio::test]
async fn a_range_of_addresses_is_a_device() {
    let config = FAMILY.replace("\"127.0.0.11\"", "\"127.0.7.0/24\"");
    let amparo = Amparo::start(&config).await;
    amparo.ask("127.0.7.200", "www.tiktok.com").await.is_blocked();
}

#[tokio::test]
async fn who_is_not_let_in_is_refused() {
    let config = format!("{FAMILY}\n[dns]\nallow_from = [\"127.0.0.0/27\"]\n");
    let amparo = Amparo::start(&config).await;
    amparo.ask(ANA, "www.example.com").await.is_open();
    let question = Question::of("www.example.com", RecordType::A).edns();
    let answer = amparo.send(STRANGER, &question).await;
    answer.has_code(ResponseCode::Refused).has_no_address();
    // Extended error 18, Prohibited (RFC 8914 §4.19).
    assert_eq!(answer.ede().map(|(code, _)| code), Some(18), "{answer:?}");
}

#[tokio::test]
async fn the_program_answers_to_its_own_name() {
    let amparo = Amparo::start(FAMILY).await;
    amparo.ask(STRANGER, "amparo.test").await.resolves_to("127.0.0.1");
    amparo.ask(ANA, "blocked.amparo.test").await.is_blocked();
    amparo.upstream.saw_nothing();
}
