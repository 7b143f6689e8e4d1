//! What comes from upstream comes through as it is, and upstream is asked no more than needed.

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;

use crate::harness::packet::{AD, CD};
use crate::harness::upstream::{
    DEFAULT_V4, NEGATIVE_SECONDS, TTL_SECONDS, long_text, service_record,
};
use crate::harness::{ANA, Amparo, FAMILY, MATEO, Question, Reply, SOFIA, packet, read_frame};
use tokio::io::AsyncWriteExt;

// === As it is ===

#[tokio::test]
async fn an_unknown_type_comes_through_octet_by_octet() {
    let unknown = RecordType::Unknown(65280);
    let rdata = [vec![10, 0, 0, 1], vec![0xff, 0, 0xc0, 12, 7]];
    let amparo = Amparo::start(FAMILY)
        .upstream(|upstream| {
            upstream.data("odd.example", unknown, &rdata);
        })
        .await;
    let answer = amparo.ask_type(ANA, "odd.example", unknown).await;
    answer.has_code(ResponseCode::NoError);
    for octets in &rdata {
        let found = answer.bytes.windows(octets.len()).any(|window| window == octets);
        assert!(found, "{octets:02x?} came through: {:02x?}", answer.bytes);
    }
    let cached = amparo.ask_type(ANA, "odd.example", unknown).await;
    assert_eq!(cached.body(), answer.body(), "and from the cache too");
    assert_eq!(amparo.upstream.count("odd.example"), 1);
    assert_eq!(amparo.upstream.last("odd.example").record_type, unknown);
}

#[tokio::test]
async fn a_service_record_with_unknown_keys_comes_through_octet_by_octet() {
    let record = service_record(1, "edge.example", b"\xff\x01\x00\x03abc");
    let amparo = Amparo::start(FAMILY)
        .upstream(|upstream| {
            upstream.data("svc.example", RecordType::HTTPS, std::slice::from_ref(&record));
        })
        .await;
    let answer = amparo.ask_type(MATEO, "svc.example", RecordType::HTTPS).await;
    let found = answer.bytes.windows(record.len()).any(|window| window == record);
    assert!(found, "{:02x?}", answer.bytes);
}

#[tokio::test]
async fn the_case_of_a_question_is_its_askers() {
    let amparo = Amparo::start(FAMILY).await;
    for name in ["wWw.ExAmPlE.cOm", "WWW.example.COM", "www.example.com"] {
        for who in [ANA, MATEO] {
            let answer = amparo.ask(who, name).await;
            answer.resolves_to(DEFAULT_V4);
            let wire = packet::name_octets(name);
            assert_eq!(answer.body()[..wire.len()], wire, "{name}: {answer:?}");
        }
    }
    assert_eq!(amparo.upstream.count("www.example.com"), 1, "case is no other name");
}

#[tokio::test]
async fn a_labels_octets_may_be_anything() {
    let labels: [&[u8]; 3] = [b"a b\0<\"\n", b"\xff\xfe", b"example"];
    let amparo = Amparo::start(FAMILY).await;
    let question = Question::of("x", RecordType::A).labels(&labels);
    amparo.send(ANA, &question).await.is_open();
}

#[tokio::test]
async fn an_answer_is_authentic_to_who_asked_for_that() {
    let amparo = Amparo::start(FAMILY)
        .upstream(|upstream| {
            upstream.authentic();
        })
        .await;
    let plain = Question::of("www.example.com", RecordType::A);
    // RFC 6840 §5.7 and §5.8: AD where AD or DO was asked, never else.
    for (question, wanted) in [
        (plain.clone(), false),
        (plain.clone().flags(AD), true),
        (plain.clone().edns().dnssec_ok(), true),
    ] {
        let answer = amparo.send(ANA, &question).await;
        assert_eq!(answer.flags() & AD != 0, wanted, "{answer:?}");
    }
}

#[tokio::test]
async fn flags_go_up_and_come_back() {
    let amparo = Amparo::start(FAMILY).await;
    let question = Question::of("www.example.com", RecordType::A);
    let answer = amparo.send(ANA, &question.clone().edns().dnssec_ok().flags(CD)).await;
    assert!(answer.flags() & CD != 0, "CD is copied: {answer:?}");
    let edns = answer.message.edns.as_ref().expect("there is an OPT");
    assert!(edns.flags().dnssec_ok, "DO is copied");
    let seen = amparo.upstream.last("www.example.com");
    assert!(seen.dnssec_ok && seen.flags & CD != 0, "{seen:?}");

    let answer = amparo.send(ANA, &question).await;
    assert!(answer.flags() & CD == 0, "{answer:?}");
    answer.is_open().has_no_edns();
}

#[tokio::test]
async fn we_are_nobodys_authority() {
    let amparo = Amparo::start(FAMILY)
        .upstream(|upstream| {
            upstream.authoritative();
        })
        .await;
    for _ in 0..2 {
        let answer = amparo.ask(ANA, "www.example.com").await;
        assert!(answer.flags() & packet::AA == 0, "fresh and cached: {answer:?}");
    }
}

#[tokio::test]
async fn a_failure_upstream_is_a_failure_here() {
    let amparo = Amparo::start(FAMILY)
        .upstream(|upstream| {
            upstream.reply("broken.example", Reply::ServFail);
        })
        .await;
    amparo.ask(ANA, "broken.example").await.has_code(ResponseCode::ServFail);
    amparo.ask(ANA, "www.example.com").await.is_open();
}

// === Size and transport ===

#[tokio::test]
async fn what_does_not_fit_is_cut_and_whole_over_tcp() {
    let amparo = Amparo::start(FAMILY)
        .upstream(|upstream| {
            upstream.data("big.example", RecordType::TXT, &vec![long_text(1); 15]);
        })
        .await;
    for who in [ANA, MATEO] {
        let plain = Question::of("big.example", RecordType::TXT);
        let cut = amparo.send(who, &plain).await;
        assert!(cut.fits(512).is_cut(), "{cut:?}");
        let cut = amparo.send(who, &plain.clone().edns_payload(4096)).await;
        assert!(cut.fits(1232).has_edns().is_cut(), "{cut:?}");
        let whole = amparo.send_tcp(who, &plain).await;
        assert!(!whole.is_cut(), "{whole:?}");
        assert_eq!(whole.message.answers.len(), 15);
    }
}

#[tokio::test]
async fn what_upstream_cut_is_fetched_over_tcp() {
    let amparo = Amparo::start(FAMILY)
        .upstream(|upstream| {
            upstream.udp_octets_max(100).data("mid.example", RecordType::TXT, &[long_text(3)]);
        })
        .await;
    let question = Question::of("mid.example", RecordType::TXT).edns();
    let answer = amparo.send(ANA, &question).await;
    assert!(!answer.is_cut(), "it fits: {answer:?}");
    assert_eq!(answer.message.answers.len(), 1);
    assert!(amparo.upstream.last("mid.example").tcp);
}

#[tokio::test]
async fn our_own_questions_take_answers_of_1232_octets() {
    let amparo = Amparo::start(FAMILY).await;
    amparo.ask(ANA, "www.example.com").await.is_open();
    assert_eq!(amparo.upstream.last("www.example.com").payload, Some(1232));
}

#[tokio::test]
async fn many_questions_share_a_tcp_connection() {
    let amparo = Amparo::start(FAMILY).await;
    let mut stream = amparo.connect(MATEO).await;
    let questions: Vec<Question> =
        (0..20).map(|n| Question::of(&format!("n{n}.example.com"), RecordType::A)).collect();
    let frames: Vec<u8> = questions.iter().flat_map(|q| packet::framed(&q.octets())).collect();
    // In two parts that cut a length in half: TCP keeps no borders (RFC 7766 §8).
    stream.write_all(&frames[..1]).await.expect("it listens");
    stream.flush().await.expect("it listens");
    stream.write_all(&frames[1..]).await.expect("it listens");
    let mut ids = Vec::new();
    for _ in &questions {
        let message = read_frame(&mut stream).await;
        ids.push(u16::from_be_bytes([message[0], message[1]]));
    }
    ids.sort_unstable();
    assert_eq!(ids, questions.iter().map(|question| question.id).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_slow_question_holds_up_no_other_on_its_connection() {
    let amparo = Amparo::start(FAMILY).await;
    amparo.ask(ANA, "quick.example.com").await.is_open();
    amparo.upstream.hold();
    let slow = Question::of("slow.example.com", RecordType::A);
    let quick = Question::of("quick.example.com", RecordType::A);
    let mut stream = amparo.connect(ANA).await;
    for question in [&slow, &quick] {
        stream.write_all(&packet::framed(&question.octets())).await.expect("it listens");
    }
    let first = read_frame(&mut stream).await;
    assert_eq!(first[..2], quick.id.to_be_bytes(), "the cached one overtakes");
    amparo.upstream.is_asked("slow.example.com").await;
    amparo.upstream.release();
    assert_eq!(read_frame(&mut stream).await[..2], slow.id.to_be_bytes());
}

// === The cache ===

#[tokio::test]
async fn a_cached_answer_grows_old() {
    let amparo = Amparo::start(FAMILY).await;
    let fresh = amparo.ask(ANA, "www.example.com").await;
    assert_eq!(fresh.life_seconds(), TTL_SECONDS);
    let old = amparo.advance_seconds(100).ask(ANA, "www.example.com").await;
    assert_eq!(old.resolves_to(DEFAULT_V4).life_seconds(), TTL_SECONDS - 100, "{old:?}");
    assert_eq!(amparo.upstream.count("www.example.com"), 1);
    amparo.advance_seconds(201).ask(ANA, "www.example.com").await.is_open();
    amparo.upstream.is_asked("www.example.com").await;
}

#[tokio::test]
async fn what_does_not_exist_is_remembered_for_as_long_as_it_says() {
    let amparo = Amparo::start(FAMILY)
        .upstream(|upstream| {
            upstream.reply("gone.example", Reply::NxDomain).reply("empty.example", Reply::NoData);
        })
        .await;
    for name in ["gone.example", "empty.example"] {
        let fresh = amparo.ask(ANA, name).await;
        assert!(fresh.life_seconds() <= NEGATIVE_SECONDS, "{fresh:?}");
    }
    amparo.advance_seconds(20);
    let gone = amparo.ask(ANA, "gone.example").await;
    assert!(gone.is_nxdomain().life_seconds() <= NEGATIVE_SECONDS - 20, "{gone:?}");
    amparo.ask(ANA, "empty.example").await.is_nodata();
    assert_eq!(amparo.upstream.seen().len(), 2, "{:?}", amparo.upstream.seen());
}

#[tokio::test]
async fn the_cache_serves_everybody() {
    let amparo = Amparo::start(FAMILY).await;
    for who in [ANA, MATEO, SOFIA] {
        amparo.ask(who, "www.example.com").await.resolves_to(DEFAULT_V4);
    }
    assert_eq!(amparo.upstream.count("www.example.com"), 1);
}

#[tokio::test]
async fn an_expired_answer_serves_when_nobody_answers_upstream() {
    let amparo = Amparo::start(FAMILY).await;
    amparo.ask(ANA, "www.example.com").await.is_open();
    amparo.upstream.failing();
    let question = Question::of("www.example.com", RecordType::A).edns();
    let stale = amparo.advance_seconds(3600).send(ANA, &question).await;
    stale.resolves_to(DEFAULT_V4).lives_at_most(30);
    // Extended error 3, Stale Answer (RFC 8767 §4, RFC 8914 §4.4).
    assert_eq!(stale.ede().map(|(code, _)| code), Some(3), "{stale:?}");
}

#[tokio::test]
async fn an_expired_answer_meets_todays_rules() {
    let amparo = Amparo::start(FAMILY).at("2026-11-23 19:30").await;
    amparo.ask(SOFIA, "www.example.com").await.is_open();
    amparo.upstream.failing();
    amparo.set("2026-11-23 20:30").ask(SOFIA, "www.example.com").await.is_blocked();
}

#[tokio::test]
async fn an_expired_answer_serves_when_upstream_is_silent_and_makes_room_for_a_new_one() {
    let amparo = Amparo::start(FAMILY).await;
    let question = Question::of("www.example.com", RecordType::A).edns();
    amparo.send(ANA, &question).await.is_open();
    amparo.upstream.silent();
    for who in [ANA, MATEO] {
        let stale = amparo.advance_seconds(3600).send(who, &question).await;
        stale.resolves_to(DEFAULT_V4).lives_at_most(30);
        assert_eq!(stale.ede().map(|(code, _)| code), Some(3), "{stale:?}");
    }
    amparo.upstream.willing().address("www.example.com", "198.51.100.9");
    // The question under way was sent while upstream was silent, and is shared to its end.
    let renewed = async {
        loop {
            let answer = amparo.advance_seconds(10).send(ANA, &question).await;
            if answer.ede().is_none() {
                answer.holds_only("198.51.100.9");
                return;
            }
        }
    };
    crate::harness::within(renewed, "a fresh answer").await;
}

#[tokio::test]
async fn an_expired_name_that_does_not_exist_stays_so_when_upstream_fails() {
    let amparo = Amparo::start(FAMILY)
        .upstream(|upstream| {
            upstream.reply("gone.example", Reply::NxDomain);
        })
        .await;
    amparo.ask(ANA, "gone.example").await.is_nxdomain();
    amparo.upstream.failing();
    let question = Question::of("gone.example", RecordType::A).edns();
    let stale = amparo.advance_seconds(3600).send(ANA, &question).await;
    stale.is_nxdomain().lives_at_most(30);
    // Stale NXDOMAIN Answer (RFC 8914 §4.20).
    assert_eq!(stale.ede().map(|(code, _)| code), Some(19), "{stale:?}");
}

#[tokio::test]
async fn an_expired_answer_lives_no_longer_than_to_the_next_window() {
    let amparo = Amparo::start(FAMILY).at("2026-11-23 19:00").await;
    amparo.ask(SOFIA, "www.example.com").await.is_open();
    amparo.upstream.failing();
    let stale = amparo.set("2026-11-23 20:29:50").ask(SOFIA, "www.example.com").await;
    stale.is_open().lives_at_most(10);
}

#[tokio::test]
async fn a_name_closed_since_it_was_kept_is_closed_though_upstream_is_dead() {
    let amparo = Amparo::start(FAMILY).await;
    amparo.ask(MATEO, "www.example.com").await.is_open();
    amparo.upstream.failing();
    let changed = FAMILY.replace("\"tiktok\"", "\"example.com\"");
    amparo.reload_with(&changed).await.expect("the file is good");
    amparo.ask(MATEO, "www.example.com").await.is_blocked();
    amparo.advance_seconds(3600).ask(MATEO, "www.example.com").await.is_blocked();
}

#[tokio::test]
async fn a_hundred_devices_get_their_own_letters_back() {
    let amparo = Amparo::start(FAMILY)
        .upstream(|upstream| {
            upstream.hold();
        })
        .await;
    let mut asked = Vec::new();
    for n in 0_u32..100 {
        let letters = "letters.example.com".char_indices();
        let name: String = letters
            .map(|(at, c)| if n >> (at % 7) & 1 == 1 { c.to_ascii_uppercase() } else { c })
            .collect();
        let socket = amparo.socket(ANA).await;
        let question = Question::of(&name, RecordType::A);
        socket.send(&question.octets()).await.expect("loopback takes it");
        asked.push((socket, name));
    }
    amparo.upstream.is_asked("letters.example.com").await;
    amparo.upstream.release();
    for (socket, name) in asked {
        let mut reply = [0; 512];
        let received = crate::harness::within(socket.recv(&mut reply), "each answer").await;
        let wire = packet::name_octets(&name);
        assert_eq!(reply[12..12 + wire.len()], wire, "{name}: {received:?}");
    }
}

// === Upstreams ===

#[tokio::test]
async fn identical_questions_in_flight_are_asked_once() {
    let amparo = Amparo::start(FAMILY)
        .upstream(|upstream| {
            upstream.hold();
        })
        .await;
    let question = Question::of("popular.example.com", RecordType::A);
    let mut sockets = Vec::new();
    for _ in 0..20 {
        let socket = amparo.socket(ANA).await;
        socket.send(&question.octets()).await.expect("loopback takes it");
        sockets.push(socket);
    }
    amparo.upstream.is_asked("popular.example.com").await;
    // One that comes as the answer does is no longer in flight with the others.
    let all_came = async || {
        let status = amparo.cli(&["status", "--json"]).await.exits(0).json().remove(0);
        status["queries"].as_u64() >= Some(20)
    };
    crate::harness::until("all twenty questions", all_came).await;
    amparo.upstream.release();
    let mut buffer = [0; 512];
    for socket in &sockets {
        let received = crate::harness::within(socket.recv(&mut buffer), "each answer").await;
        assert!(received.is_ok());
    }
    assert_eq!(amparo.upstream.count("popular.example.com"), 1);
}

#[tokio::test]
async fn a_dead_upstream_costs_no_answer() {
    for strategy in ["fastest", "parallel", "in_order"] {
        let config = format!(
            "{FAMILY}\n[dns]\nupstreams = [\"udp://{{dead}}\", \"udp://{{upstream}}\"]\n\
             strategy = \"{strategy}\"\n"
        );
        let amparo = Amparo::start(&config).await;
        for n in 0..5 {
            amparo.ask(ANA, &format!("n{n}.example.com")).await.is_open();
        }
    }
}

#[tokio::test]
async fn a_silent_upstream_costs_no_answer() {
    let config = format!(
        "{FAMILY}\n[dns]\nupstreams = [\"udp://{{second}}\", \"udp://{{upstream}}\"]\n\
         strategy = \"in_order\"\n"
    );
    let amparo = Amparo::start(&config)
        .second(|second| {
            second.silent();
        })
        .await;
    amparo.ask(ANA, "www.example.com").await.is_open();
}

#[tokio::test]
async fn where_one_upstream_fails_the_next_is_asked() {
    let config = format!(
        "{FAMILY}\n[dns]\nupstreams = [\"udp://{{second}}\", \"udp://{{upstream}}\"]\n\
         strategy = \"in_order\"\n"
    );
    let amparo = Amparo::start(&config)
        .second(|second| {
            second.failing();
        })
        .await;
    amparo.ask(ANA, "www.example.com").await.is_open();
}

#[tokio::test]
async fn without_any_upstream_what_is_closed_stays_closed() {
    let config = format!("{FAMILY}\n[dns]\nupstreams = [\"udp://{{dead}}\"]\n");
    let amparo = Amparo::start(&config).await;
    amparo.ask(MATEO, "www.tiktok.com").await.is_blocked();
    amparo.ask(MATEO, "www.example.com").await.has_code(ResponseCode::ServFail);
}

#[tokio::test]
async fn an_upstream_may_speak_tcp_alone() {
    let config = format!("{FAMILY}\n[dns]\nupstreams = [\"tcp://{{upstream}}\"]\n");
    let amparo = Amparo::start(&config).await;
    amparo.ask(ANA, "www.example.com").await.is_open();
    assert!(amparo.upstream.seen().iter().all(|seen| seen.tcp));
}

#[tokio::test]
async fn what_a_device_says_of_itself_stays_in_the_house() {
    let amparo = Amparo::start(FAMILY).await;
    // Client subnet (RFC 7871), cookie (RFC 7873), a MAC as dnsmasq sends it.
    let question = Question::of("www.example.com", RecordType::A)
        .edns()
        .option(8, &[0, 1, 24, 0, 192, 168, 1])
        .option(10, &[1, 2, 3, 4, 5, 6, 7, 8])
        .option(65001, &[2, 0, 0, 0, 0, 1]);
    amparo.send(ANA, &question).await.is_open();
    let seen = amparo.upstream.last("www.example.com");
    assert_eq!(seen.options, Vec::<u16>::new());
}

#[tokio::test]
async fn an_upstream_that_is_dead_at_the_start_is_said_to_be_and_serves_when_it_comes() {
    let amparo = Amparo::start(FAMILY)
        .upstream(|upstream| {
            upstream.silent();
        })
        .await;
    let question = Question::of("www.example.com", RecordType::A).edns();
    let answer = amparo.send(ANA, &question).await;
    answer.has_code(ResponseCode::ServFail).has_no_address();
    let code = answer.ede().map(|(code, _)| code);
    assert!(matches!(code, Some(22 | 23)), "{answer:?}");
    // For a second nobody is asked again (RFC 9520 §3).
    let asked = amparo.upstream.count("www.example.com");
    for _ in 0..20 {
        let again = amparo.send(ANA, &question).await;
        again.has_code(ResponseCode::ServFail);
        assert_eq!(again.ede().map(|(code, _)| code), code, "{again:?}");
    }
    assert_eq!(amparo.upstream.count("www.example.com"), asked);
    amparo.upstream.willing();
    amparo.advance_seconds(2).send(ANA, &question).await.is_open();
}
