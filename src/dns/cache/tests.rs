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

fn key(name: &Name) -> Key<'_> {
    Key::new(name, 1, false, false, 0)
}

const NXDOMAIN: u8 = 3;
const SERVFAIL: u8 = 2;

/// Until which second the answer is fresh, and until which it may serve at all.
fn lives(response: &Arc<Response>) -> (u64, u64) {
    let x = name("x.test");
    let key = key(&x);
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
    let (loud, parent) = (name("X.TEST"), name("test"));
    assert!(cache.get(&Key::new(&loud, 1, false, false, 0), Tick(0)).is_some());
    for other in [
        Key::new(&x, 28, false, false, 0),
        Key::new(&x, 1, true, false, 0),
        Key::new(&x, 1, false, true, 0),
        Key::new(&x, 1, false, false, 1),
        Key::new(&parent, 1, false, false, 0),
    ] {
        assert!(cache.get(&other, Tick(0)).is_none());
    }
    assert_eq!(cache.stats().entries, 1);
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
    for i in 1..=20_000 {
        let x = name(&format!("once{i}.test"));
        cache.insert(&key(&x), answer(&x, 0, &[300], None), Tick(i));
        if i % 200 == 1 {
            assert!(popular.iter().all(|x| cache.get(&key(x), Tick(i)).is_some()), "{i}");
        }
    }
    assert!(cache.stats().bytes <= BYTES_MAX as u64);
    let first = name("once1.test");
    assert!(cache.get(&key(&first), Tick(20_000)).is_none());
}

#[test]
fn a_cache_of_no_size_keeps_nothing() {
    let cache = Cache::new(0, 25);
    let x = name("x.test");
    cache.insert(&key(&x), answer(&x, 0, &[300], None), Tick(0));
    cache.insert(&key(&x), answer(&x, NXDOMAIN, &[], None), Tick(0));
    assert_eq!(cache.stats().entries, 0);
}

#[test]
fn a_hundred_thousand_names_asked_once_leave_what_a_family_uses() {
    const BYTES_MAX: usize = 1 << 20;
    for positive in [true, false] {
        let cache = Cache::new(BYTES_MAX, 10);
        let used: Vec<Name> = (0..500).map(|i| name(&format!("used{i}.test"))).collect();
        for x in &used {
            cache.insert(&key(x), answer(x, 0, &[300], None), Tick(0));
        }
        let (mut asked, mut missed) = (0, 0);
        for i in 0..100_000 {
            let x = name(&format!("{i}.flood.test"));
            let flood = if positive {
                answer(&x, 0, &[300], None)
            } else {
                answer(&x, NXDOMAIN, &[], None)
            };
            cache.insert(&key(&x), flood, Tick(0));
            if i % 2 == 0 {
                let x = &used[i / 2 % used.len()];
                asked += 1;
                if cache.get(&key(x), Tick(0)).is_none() {
                    missed += 1;
                    cache.insert(&key(x), answer(x, 0, &[300], None), Tick(0));
                }
            }
        }
        let left = used.iter().filter(|x| cache.get(&key(x), Tick(0)).is_some()).count();
        assert!(left >= 475 && missed * 20 <= asked, "{left} of 500, {missed} of {asked} missed");
        assert!(cache.stats().bytes <= BYTES_MAX as u64);
    }
}

#[test]
fn forgetting_a_name_forgets_what_is_below_it_and_nothing_beside_it() {
    let cache = Cache::new(1 << 20, 25);
    let long = format!("{}.example.test", "a".repeat(60));
    let names = ["example.test", "www.example.test", long.as_str(), "notexample.test", "test"];
    let names = names.map(name);
    for (x, qtype) in names.iter().zip([1, 28].into_iter().cycle()) {
        cache.insert(&Key::new(x, qtype, false, false, 7), answer(x, 0, &[300], None), Tick(0));
    }
    assert_eq!(cache.flush(&name("Example.TEST")), 3);
    assert_eq!((cache.flush(&name("example.test")), cache.stats().entries), (0, 2));
    assert_eq!((cache.flush(&Name::ROOT), cache.stats().entries), (2, 0));
    assert_eq!(cache.stats().evictions, 0);
}

#[test]
fn nothing_is_left_after_clearing() {
    let cache = Cache::new(1 << 21, 25);
    let empty = cache.stats();
    assert!(empty.bytes > 0 && empty.bytes < empty.bytes_max / 8, "{empty:?}");
    let names: Vec<Name> = (0..300).map(|i| name(&format!("n{i}.test"))).collect();
    for x in &names {
        cache.insert(&key(x), answer(x, 0, &[300], None), Tick(0));
    }
    assert_eq!((cache.clear(), cache.stats()), (300, empty));
    assert!(names.iter().all(|x| cache.get(&key(x), Tick(0)).is_none()));
}

#[test]
fn an_answer_that_is_held_outlives_its_place() {
    let cache = Cache::new(1 << 20, 25);
    let x = name("x.test");
    cache.insert(&key(&x), answer(&x, 0, &[300], None), Tick(0));
    let hit = cache.get(&key(&x), Tick(0)).unwrap();
    cache.clear();
    assert_eq!(*hit.response, *answer(&x, 0, &[300], None));
}

// === Fetching before it runs out ===

/// Asks `times` times at this second and says how often a newer answer was to be fetched.
fn due(cache: &Cache, name: &Name, second: u64, times: usize) -> usize {
    let at = Tick(second * 1000);
    (0..times).filter(|_| cache.get(&key(name), at).unwrap().refresh_due).count()
}

#[test]
fn a_popular_answer_is_fetched_again_by_one_before_it_runs_out() {
    let cache = Cache::new(1 << 20, 25);
    let x = name("x.test");
    cache.insert(&key(&x), answer(&x, 0, &[100], None), Tick(0));
    assert_eq!(due(&cache, &x, 1, 10), 0);
    assert_eq!(due(&cache, &x, 89, 10), 0);
    assert_eq!(due(&cache, &x, 90, 10), 1);
    assert_eq!(due(&cache, &x, 94, 10), 0);
    // Nothing came of it: after a pause somebody else is sent.
    assert_eq!(due(&cache, &x, 95, 10), 1);
    assert_eq!(due(&cache, &x, 101, 10), 0);
    // A newer one must become popular again.
    cache.insert(&key(&x), answer(&x, 0, &[100], None), Tick(101_000));
    assert_eq!(due(&cache, &x, 195, 4), 0);
    assert_eq!(due(&cache, &x, 195, 4), 1);
}

#[test]
fn what_nobody_uses_or_soon_ends_is_not_fetched_ahead() {
    let x = name("x.test");
    let cache = Cache::new(1 << 20, 25);
    cache.insert(&key(&x), answer(&x, 0, &[100], None), Tick(0));
    assert_eq!(due(&cache, &x, 95, 4), 0);
    for short in [answer(&x, 0, &[9], None), answer(&x, SERVFAIL, &[], None)] {
        let cache = Cache::new(1 << 20, 25);
        cache.insert(&key(&x), short, Tick(0));
        assert_eq!((0..5).map(|second| due(&cache, &x, second, 10)).sum::<usize>(), 0);
    }
}

#[test]
fn a_fetch_ahead_that_failed_is_not_tried_again_at_once() {
    let cache = Cache::new(1 << 20, 25);
    let x = name("x.test");
    cache.insert(&key(&x), answer(&x, 0, &[1000], None), Tick(0));
    assert_eq!(due(&cache, &x, 900, 10), 1);
    cache.insert(&key(&x), answer(&x, SERVFAIL, &[], None), Tick(904_000));
    assert_eq!(due(&cache, &x, 908, 10), 0);
    assert_eq!(due(&cache, &x, 909, 10), 1);
}

// === Many at once, and anything in any order ===

#[test]
fn whoever_asks_while_others_write_gets_the_answer_to_the_question() {
    // Room for half of the names, so that places change hands all the time.
    let cache = Cache::new(16 * 1024, 40);
    let names: Vec<Name> = (0..40).map(|i| name(&format!("n{i}.test"))).collect();
    let hits = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (cache, names, hits) = (&cache, &names, &hits);
            scope.spawn(move || {
                let mut held = Vec::new();
                for round in 0..20_000_usize {
                    let x = &names[(round * (2 * thread + 1) + round / 40) % names.len()];
                    match round % 7 {
                        0 => cache.insert(&key(x), answer(x, 0, &[300], None), Tick(0)),
                        1 => cache.insert(&key(x), answer(x, NXDOMAIN, &[], None), Tick(0)),
                        2 if round % 700 == 2 => {
                            cache.flush(x);
                        }
                        3 if round % 7000 == 3 => {
                            cache.clear();
                        }
                        _ => {
                            let Some(hit) = cache.get(&key(x), Tick(0)) else { continue };
                            hits.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                            let asked = &hit.response.bytes()[12..12 + x.wire().len()];
                            assert_eq!(asked, x.wire());
                            // More at once than a thread has cheap guards.
                            held.push((hit, x));
                            held.truncate(12 * (round % 50).min(1));
                        }
                    }
                }
                for (hit, x) in held {
                    assert_eq!(&hit.response.bytes()[12..12 + x.wire().len()], x.wire());
                }
            });
        }
    });
    assert!(hits.into_inner() > 0);
    assert_books(&cache);
}

/// Checks that queues, table and octets say the same.
fn assert_books(cache: &Cache) {
    let mut taken = 0;
    for shard in &cache.shards {
        let shard = lock(shard);
        for (index, queue) in shard.queues.iter().enumerate() {
            let (mut bytes, mut entries, mut at, mut newer) = (0, 0, queue.head, shard::NONE);
            while at != shard::NONE {
                let entry = cache.table.entry(shard.place(at)).unwrap();
                let link = shard.links[at as usize];
                assert_eq!((usize::from(entry.negative), link.newer), (index, newer));
                bytes += entry.octets();
                entries += 1;
                (newer, at) = (at, link.older);
            }
            assert_eq!((queue.tail, queue.bytes, queue.entries), (newer, bytes, entries));
            assert!(bytes <= queue.bytes_max);
            taken += entries;
        }
    }
    let places = (0..cache.table.places()).filter(|&place| cache.table.entry(place).is_some());
    assert_eq!(places.count(), taken);
    let stats = cache.stats();
    assert!(stats.bytes <= stats.bytes_max && stats.entries == taken as u64, "{stats:?}");
}

proptest::proptest! {
    #[test]
    fn the_books_are_right_whatever_comes(
        steps in proptest::collection::vec((0u8..90, 0u8..6, 0u64..100_000), 1..400),
    ) {
        let cache = Cache::new(32 * 1024, 40);
        let mut now = 0;
        for (which, what, later) in steps {
            now += later;
            let x = name(&format!("n{which}.test"));
            match what {
                0 => cache.insert(&key(&x), answer(&x, 0, &[300; 3], None), Tick(now)),
                1 => cache.insert(&key(&x), answer(&x, NXDOMAIN, &[], None), Tick(now)),
                2 => cache.insert(&key(&x), answer(&x, SERVFAIL, &[], None), Tick(now)),
                3 => {
 cache.flush(&x);
}
                _ => drop(cache.get(&key(&x), Tick(now))),
            }
            assert!(cache.stats().bytes <= 32 * 1024);
        }
        assert_books(&cache);
    }

    /// The model knows no bound: what the cache has is what the model has, and with room for all
    /// of it the model has no more.
    #[test]
    fn it_is_a_map_that_forgets(
        steps in proptest::collection::vec((0u8..12, 0u8..7, 0u64..60_000), 1..300),
        small in proptest::bool::ANY,
    ) {
        let cache = Cache::new(if small { 4 * 1024 } else { 1 << 20 }, 50);
        let mut model = std::collections::HashMap::new();
        let mut now = 0;
        for (which, what, later) in steps {
            now += later;
            // Every third name stands below another.
            let x = name(&format!("{}n{}.test", if which % 3 == 0 { "a." } else { "" }, which / 3));
            match what {
                0 | 1 => {
                    let kept = answer(&x, 0, &[60 + u32::from(which)], None);
                    cache.insert(&key(&x), kept.clone(), Tick(now));
                    model.insert(x, (kept, now, 60 + u64::from(which)));
                }
                2 => {
                    let kept = answer(&x, NXDOMAIN, &[], Some((30, 30)));
                    cache.insert(&key(&x), kept.clone(), Tick(now));
                    model.insert(x, (kept, now, 30));
                }
                3 => {
                    let count = cache.flush(&x);
                    let held = model.len();
                    model.retain(|y: &Name, _| !y.is_at_or_below(&x));
                    let gone = (held - model.len()) as u64;
                    proptest::prop_assert!(count == gone || (small && count < gone));
                }
                _ => {
                    let hit = cache.get(&key(&x), Tick(now));
                    let kept = model.get(&x).filter(|(_, stored, life)| {
                        (now - stored) / 1000 < life + 86_400
                    });
                    proptest::prop_assert!(hit.is_none() || kept.is_some());
                    proptest::prop_assert!(small || hit.is_some() == kept.is_some());
                    if let (Some(hit), Some((response, stored, life))) = (hit, kept) {
                        let age = (now - stored) / 1000;
                        proptest::prop_assert_eq!(&*hit.response, &**response);
                        proptest::prop_assert_eq!(u64::from(hit.aged.age_seconds), age);
                        proptest::prop_assert_eq!(hit.aged.stale, age >= *life);
                    }
                }
            }
        }
        assert_books(&cache);
    }
}
