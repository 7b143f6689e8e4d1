use super::*;

const TABLET: &str = "3c:22:fb:12:34:56";

fn clock() -> Clock {
    // A Monday, 16:00 in UTC.
    Clock::held(Timestamp::from_second(1_795_449_600).unwrap())
}

fn roster() -> (Roster, Clock) {
    let clock = clock();
    (Roster::in_memory(clock.clone()), clock)
}

fn ask(roster: &Roster, device: &str, queries: u32) {
    let address = Some([10, 9, 0, 7].into());
    let sighting = Sighting { device: device.into(), address, queries };
    roster.note(&TimeZone::UTC, std::iter::once(sighting));
}

fn sign(roster: &Roster, device: &str, kind: SignKind, name: &str) {
    let what = Did::Sign(kind, name.to_owned());
    roster.suspect(&TimeZone::UTC, std::iter::once(Suspect { device: device.into(), what }));
}

fn new(id: &str) -> News {
    News::New(id.to_owned())
}

#[test]
fn a_device_is_new_once_however_often_it_asks_and_whoever_restarts() {
    let directory = tempfile::tempdir().unwrap();
    let clock = clock();
    let roster = Roster::open(directory.path(), clock.clone());
    ask(&roster, TABLET, 3);
    ask(&roster, TABLET, 4);
    assert_eq!(roster.news(), [new(TABLET)]);
    ask(&roster, TABLET, 1);
    assert_eq!(roster.news(), []);
    roster.save_if_due().unwrap();
    drop(roster);

    // It came back before anybody was told: then once more.
    let roster = Roster::open(directory.path(), clock.clone());
    assert_eq!(roster.news(), [new(TABLET)]);
    roster.told(TABLET);
    roster.save_if_due().unwrap();
    drop(roster);

    let roster = Roster::open(directory.path(), clock);
    ask(&roster, TABLET, 1);
    assert_eq!(roster.news(), []);
    let device = roster.device(TABLET).unwrap();
    assert_eq!(device.queries, 9);
    assert_eq!(device.addresses[0].0, IpAddr::from([10, 9, 0, 7]));
}

#[test]
fn what_is_forgotten_is_new_when_it_comes_back() {
    let (roster, _) = roster();
    ask(&roster, TABLET, 3);
    roster.told(TABLET);
    assert!(roster.forget(TABLET) && !roster.forget(TABLET));
    assert_eq!((roster.devices(), roster.news()), (vec![], vec![]));
    ask(&roster, TABLET, 1);
    assert_eq!(roster.news(), [new(TABLET)]);
}

#[test]
fn signs_of_a_day_are_folded_and_gone_the_next() {
    let (roster, clock) = roster();
    ask(&roster, TABLET, 1);
    let _ = roster.news();
    for _ in 0..3 {
        sign(&roster, TABLET, SignKind::BypassName, "vpn.example");
    }
    sign(&roster, TABLET, SignKind::Canary, "use-application-dns.net");
    assert_eq!(roster.news(), [News::Odd(TABLET.to_owned())]);
    let today = Date::new(2026, 11, 23).unwrap();
    let signs = roster.device(TABLET).unwrap().signs_on(today).to_vec();
    let counts: Vec<_> = signs.iter().map(|sign| (sign.kind, sign.count)).collect();
    assert_eq!(counts, [(SignKind::BypassName, 3), (SignKind::Canary, 1)]);
    assert_eq!(signs[0].name.as_deref(), Some("vpn.example"));

    clock.advance(SignedDuration::from_hours(24));
    ask(&roster, TABLET, 2);
    let device = roster.device(TABLET).unwrap();
    assert_eq!((device.queries, device.signs.len()), (2, 0));
}

#[test]
fn a_tunnel_is_told_from_what_no_cache_knew() {
    let (roster, clock) = roster();
    let site = crate::name::Name::parse("tunnel.example").unwrap();
    for number in 0..1_000u64 {
        clock.advance(SignedDuration::from_millis(50));
        let name_hash = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 9;
        let what = Did::Missed(Box::new(Missed { site, hashes: (5, name_hash), octets: 60 }));
        let suspect = Suspect { device: TABLET.into(), what };
        roster.suspect(&TimeZone::UTC, std::iter::once(suspect));
    }
    let device = roster.device(TABLET).unwrap();
    let [sign] = &device.signs[..] else { panic!("{device:?}") };
    assert_eq!((sign.kind, sign.count), (SignKind::Tunnel, 1));
    assert_eq!(sign.name.as_deref(), Some("tunnel.example"));
}

#[test]
fn whoever_makes_up_addresses_pushes_out_nobody() {
    let (roster, clock) = roster();
    ask(&roster, TABLET, 1);
    for number in 0..5_000u32 {
        ask(&roster, &std::net::Ipv4Addr::from_bits(0x0a00_0000 + number).to_string(), 1);
    }
    assert_eq!(roster.devices().len(), 20);
    for number in 0..5_000u32 {
        clock.advance(SignedDuration::from_secs(1));
        ask(&roster, &std::net::Ipv4Addr::from_bits(0x0a10_0000 + number).to_string(), 1);
    }
    assert_eq!(roster.devices().len(), DEVICES_MAX);
    assert!(roster.device(TABLET).is_some());
}

#[test]
fn a_neighbour_seen_with_more_addresses_is_the_device_that_asked() {
    let (roster, clock) = roster();
    ask(&roster, "10.9.0.7", 4);
    ask(&roster, TABLET, 1);
    clock.advance(SignedDuration::from_mins(5));
    let addresses = vec!["10.9.0.7".parse().unwrap(), "2001:db8::7".parse().unwrap()];
    let active = Some(clock.tick());
    let present = [Present { id: TABLET.to_owned(), addresses, active, is_watched: true }];
    roster.look(&TimeZone::UTC, &present);
    let devices = roster.devices();
    let [(id, device)] = &devices[..] else { panic!("{devices:?}") };
    assert_eq!((id.as_str(), device.queries, device.addresses.len()), (TABLET, 5, 2));
    assert_eq!(device.last_seen, clock.now());
    assert_eq!(device.last_asked, Some(clock.now() - SignedDuration::from_mins(5)));
}

#[test]
fn counts_are_written_seldom_and_a_new_device_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let clock = clock();
    let roster = Roster::open(directory.path(), clock.clone());
    let written = || std::fs::read_to_string(directory.path().join("devices.json")).ok();
    ask(&roster, TABLET, 1);
    roster.save_if_due().unwrap();
    let first = written().unwrap();
    ask(&roster, TABLET, 1);
    roster.save_if_due().unwrap();
    assert_eq!(written().as_ref(), Some(&first));
    clock.advance(SignedDuration::from_mins(31));
    roster.save_if_due().unwrap();
    assert_ne!(written().as_ref(), Some(&first));
}

#[test]
fn a_damaged_file_is_told_and_lived_with() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("devices.json"), "{\"v\":1,").unwrap();
    let roster = Roster::open(directory.path(), clock());
    assert_eq!((roster.devices().len(), roster.troubles().len()), (0, 1));
    ask(&roster, TABLET, 1);
    roster.save().unwrap();
    assert_eq!(Roster::open(directory.path(), clock()).devices().len(), 1);
}
