use super::*;

/// An answer about `name` A: this code, these TTLs of A records, this SOA TTL and MINIMUM.
fn answer(name: &Name, code: u8, ttls: &[u32], soa: Option<(u32, u32)>) -> Arc<Response> {
    let count = u8::try_from(ttls.len()).unwrap();
    let mut packet =
        vec![0, 0, 0x81, 0x80 | code, 0, 1, 0, count, 0, u8::from(soa.is_some()), 0, 0];
    packet.extend_from_slice(name.wire());
    packet.extend_from_slice(b"\0\x01\0\x01");
    for ttl in ttls {
        packet.extend_from_slice(b"\xc0\x0c\0\x01\0\x01");
        packet.extend_from_slice(&ttl.to_be_bytes());
        packet.extend_from_slice(b"\0\x04\xc0\0\x02\x07");
    }
    if let Some((ttl, minimum)) = soa {
        packet.extend_from_slice(b"\0\0\x06\0\x01");
        packet.extend_from_slice(&ttl.to_be_bytes());
        packet.extend_from_slice(b"\0\x16\0\0");
        packet.extend_from_slice(&[0; 16]);
        packet.extend_from_slice(&minimum.to_be_bytes());
    }
    Arc::new(Response::read(&packet, name, 1).unwrap())
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn key(name: &Name) -> Key {
    Key::new(name, 1, false, false, 0)
}

const NXDOMAIN: u8 = 3;
const SERVFAIL: u8 = 2;

/// Until which second the answer is fresh, and until which it may serve at all.
fn lives(response: &Arc<Response>) -> (u64, u64) {
    let key = key(&name("x.test"));
    let first = |wanted: fn(&Option<Hit>) -> bool| {
        let cache = Cache::new(1 << 20, 25);
        cache.insert(&key, Arc::clone(response), Tick(5000));
        (0..200_000).find(|second| wanted(&cache.get(&key, Tick(5000 + second * 1000)))).unwrap()
    };
    (first(|hit| hit.as_ref().is_none_or(|hit| hit.aged.stale)), first(Option::is_none))
}

#[test]
fn an_answer_lives_as_long_as_its_shortest_ttl() {
    const DAY: u64 = 86_400;
    let x = name("x.test");
    assert_eq!(lives(&answer(&x, 0, &[300, 60], None)), (60, 60 + DAY));
    assert_eq!(lives(&answer(&x, 0, &[300, 0], None)), (0, 0));
    assert_eq!(lives(&answer(&x, 0, &[999_999], None)), (DAY, 2 * DAY));
    assert_eq!(lives(&answer(&x, NXDOMAIN, &[], Some((900, 600)))), (600, 600 + DAY));
    assert_eq!(lives(&answer(&x, NXDOMAIN, &[], Some((300, 600)))), (300, 300 + DAY));
    assert_eq!(lives(&answer(&x, 0, &[], Some((99_999, 99_999)))), (3600, 3600 + DAY));
    assert_eq!(lives(&answer(&x, 0, &[], None)), (30, 30 + DAY));
    assert_eq!(lives(&answer(&x, SERVFAIL, &[], None)), (5, 5));
}

#[test]
fn a_cut_answer_is_never_kept() {
    let x = name("x.test");
    let mut packet = answer(&x, 0, &[300], None).bytes().to_vec();
    packet[2] |= 0x02;
    let cut = Arc::new(Response::read(&packet, &x, 1).unwrap());
    assert_eq!(lives(&cut), (0, 0));
}

#[test]
fn what_makes_another_answer_makes_another_key() {
    let cache = Cache::new(1 << 20, 25);
    let x = name("x.test");
    cache.insert(&key(&x), answer(&x, 0, &[300], None), Tick(0));
    assert!(cache.get(&Key::new(&name("X.TEST"), 1, false, false, 0), Tick(0)).is_some());
    for other in [
        Key::new(&x, 28, false, false, 0),
        Key::new(&x, 1, true, false, 0),
        Key::new(&x, 1, false, true, 0),
        Key::new(&x, 1, false, false, 1),
        Key::new(&name("test"), 1, false, false, 0),
    ] {
        assert!(cache.get(&other, Tick(0)).is_none());
    }
    let stats = cache.stats();
    assert_eq!((stats.entries, stats.hits, stats.misses), (1, 1, 5));
    cache.clear();
    let stats = cache.stats();
    assert_eq!((stats.entries, stats.bytes, stats.hits), (0, 0, 1));
    assert!(cache.get(&key(&x), Tick(0)).is_none());
}

#[test]
fn a_failure_leaves_an_answer_that_can_still_serve() {
    let cache = Cache::new(1 << 20, 25);
    let x = name("x.test");
    cache.insert(&key(&x), answer(&x, 0, &[60], None), Tick(0));
    let at = |second: u64| cache.get(&key(&x), Tick(second * 1000)).unwrap();
    assert!(!at(70).failed_lately);
    cache.insert(&key(&x), answer(&x, SERVFAIL, &[], None), Tick(70_000));
    assert!(at(71).failed_lately && at(71).aged.stale && !at(71).response.is_negative());
    assert!(!at(75).failed_lately);
    cache.insert(&key(&x), answer(&x, 0, &[60], None), Tick(76_000));
    assert_eq!((at(77).aged, at(77).failed_lately), (Aged { age_seconds: 1, stale: false }, false));
}

#[test]
fn a_flood_of_names_that_do_not_exist_pushes_no_answer_out() {
    const BYTES_MAX: usize = 1 << 20;
    let cache = Cache::new(BYTES_MAX, 25);
    let kept: Vec<Name> = (0..200).map(|i| name(&format!("kept{i}.test"))).collect();
    for x in &kept {
        cache.insert(&key(x), answer(x, 0, &[300], None), Tick(0));
    }
    for i in 0..10_000 {
        let x = name(&format!("flood{i}.test"));
        cache.insert(&key(&x), answer(&x, NXDOMAIN, &[], None), Tick(0));
    }
    assert!(kept.iter().all(|x| cache.get(&key(x), Tick(0)).is_some()));
    let stats = cache.stats();
    assert!(stats.entries > 400 && stats.bytes <= BYTES_MAX as u64, "{stats:?}");
}

#[test]
fn what_is_asked_for_stays_and_what_is_not_goes() {
    const BYTES_MAX: usize = 1 << 20;
    let cache = Cache::new(BYTES_MAX, 25);
    let popular: Vec<Name> = (0..100).map(|i| name(&format!("popular{i}.test"))).collect();
    for x in &popular {
        cache.insert(&key(x), answer(x, 0, &[300], None), Tick(0));
    }
    for i in 0..20_000 {
        let x = name(&format!("once{i}.test"));
        cache.insert(&key(&x), answer(&x, 0, &[300], None), Tick(0));
        if i % 200 == 0 {
            assert!(popular.iter().all(|x| cache.get(&key(x), Tick(0)).is_some()), "{i}");
        }
    }
    assert!(cache.stats().bytes <= BYTES_MAX as u64);
    assert!(cache.get(&key(&name("once0.test")), Tick(0)).is_none());
}

#[test]
fn a_cache_of_no_size_keeps_nothing() {
    let cache = Cache::new(0, 25);
    let x = name("x.test");
    cache.insert(&key(&x), answer(&x, 0, &[300], None), Tick(0));
    cache.insert(&key(&x), answer(&x, NXDOMAIN, &[], None), Tick(0));
    assert_eq!(cache.stats().entries, 0);
}

proptest::proptest! {
    #[test]
    fn the_books_are_right_whatever_comes(
        steps in proptest::collection::vec((0u8..40, 0u8..4, 0u64..100_000), 1..400),
    ) {
        let cache = Cache::new(SHARDS * 4 * 1024, 40);
        let mut now = 0;
        for (which, what, later) in steps {
            now += later;
            let x = name(&format!("n{which}.test"));
            match what {
                0 => { cache.insert(&key(&x), answer(&x, 0, &[300; 3], None), Tick(now)); }
                1 => { cache.insert(&key(&x), answer(&x, NXDOMAIN, &[], None), Tick(now)); }
                2 => { cache.insert(&key(&x), answer(&x, SERVFAIL, &[], None), Tick(now)); }
                _ => { let _ = cache.get(&key(&x), Tick(now)); }
            }
        }
        for shard in &cache.shards {
            let shard = lock(shard);
            for (index, queue) in shard.queues.iter().enumerate() {
                let (mut bytes, mut place, mut newer) = (0, queue.head, NONE);
                while place != NONE {
                    let entry = shard.places[place as usize].as_ref().unwrap();
                    proptest::prop_assert_eq!(usize::from(entry.negative), index);
                    proptest::prop_assert_eq!(entry.newer, newer);
                    bytes += entry.bytes();
                    (newer, place) = (place, entry.older);
                }
                proptest::prop_assert_eq!(queue.tail, newer);
                proptest::prop_assert_eq!(queue.bytes, bytes);
                proptest::prop_assert!(bytes <= queue.bytes_max);
            }
            let held = shard.places.iter().flatten().count();
            proptest::prop_assert_eq!(held, shard.table.len());
        }
    }
}
