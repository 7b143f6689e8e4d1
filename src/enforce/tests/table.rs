//! The table is bounded, and forgets the oldest first.

use super::*;

fn address(number: u32) -> IpAddr {
    std::net::Ipv6Addr::from((0x2001_0db8_u128 << 96) + u128::from(number)).into()
}

fn numbered(device: &str, numbers: std::ops::Range<u32>) -> Given {
    let asked = format!("n{}.example", numbers.start);
    let addresses = numbers.map(address).collect();
    Given { addresses, ..given(device, "2001:db8::42", &asked, "") }
}

#[test]
fn one_device_has_so_many_addresses_and_the_oldest_go() {
    let handed = Handed::default();
    let many = u32::try_from(DEVICE_ADDRESSES_MAX).unwrap();
    for number in 0..2 * many {
        handed.take([numbered(TABLET, number..number + 1)], Tick(number.into()));
        assert!(handed.len() <= DEVICE_ADDRESSES_MAX);
    }
    assert!(handed.knows(address(2 * many - 1)) && handed.knows(address(many + many / 2)));
    assert!(!handed.knows(address(0)));
}

#[test]
fn all_devices_have_so_many_addresses_and_the_oldest_go() {
    let handed = Handed::default();
    let (step, all) = (1000_u32, u32::try_from(ADDRESSES_MAX).unwrap());
    for first in (0..2 * all).step_by(1000) {
        let device = format!("device-{}", first / 4000);
        handed.take([numbered(&device, first..first + step)], Tick(first.into()));
        assert!(handed.len() <= ADDRESSES_MAX);
    }
    assert!(handed.len() > ADDRESSES_MAX / 2);
    assert!(handed.knows(address(2 * all - 1)) && !handed.knows(address(0)));
}

#[test]
fn one_answer_too_large_for_a_device_does_not_empty_it() {
    let handed = Handed::default();
    let many = u32::try_from(DEVICE_ADDRESSES_MAX).unwrap();
    handed.take([numbered(TABLET, 0..many + 1)], Tick(0));
    assert!(handed.len() > DEVICE_ADDRESSES_MAX / 2);
}

#[test]
fn an_address_is_forgotten_after_a_day() {
    let handed = Handed::default();
    handed.take([numbered(TABLET, 0..2)], Tick(1));
    handed.take([numbered(TABLET, 0..1)], Tick(2));
    let nothing = |_: Option<&str>, _: &Name| false;
    handed.plan(Tick(KEPT_MILLIS + 1), &nothing, &|_| Vec::new());
    assert!(handed.knows(address(0)) && !handed.knows(address(1)));
    handed.plan(Tick(KEPT_MILLIS + 2), &nothing, &|_| Vec::new());
    assert!(handed.is_empty());
}

#[test]
fn addresses_in_the_house_are_never_remembered() {
    let handed = Handed::default();
    let house = "192.168.1.1 10.0.0.1 127.0.0.1 0.0.0.0 169.254.1.1 224.0.0.1 255.255.255.255 \
                 :: ::1 fe80::1 fd00::1 ff02::1 ::ffff:192.168.1.1";
    handed.take([to_tablet("router.example", house)], Tick(0));
    assert_eq!(handed.len(), 0);
    handed.take([to_tablet("video.example", "203.0.113.5 2001:db8::5")], Tick(0));
    assert_eq!(handed.len(), 2);
    handed.clear();
    assert!(handed.is_empty());
}
