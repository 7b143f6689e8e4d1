//! Whatever stands in the options of a question, what they tell of a device is a device, and the
//! question is read the same without them.

use amparo::dns::{options, wire};

/// `example` A, with one record behind it.
const QUESTION: &[u8] = b"\xab\xcd\x01\0\0\x01\0\0\0\0\0\x01\x07example\0\0\x01\0\x01";
/// An OPT record up to its length.
const OPT: &[u8] = b"\0\0\x29\x04\xd0\0\0\0\0";
/// More than that no option of a question is read from here.
const OCTETS_MAX: usize = 4_000;

pub(crate) fn run(octets: &[u8]) {
    let octets = &octets[..octets.len().min(OCTETS_MAX)];
    let length = u16::try_from(octets.len()).expect("it was cut");
    let packet = [QUESTION, OPT, &length.to_be_bytes(), octets].concat();
    let Ok(question) = wire::question(&packet) else { return };
    assert_eq!(question.qtype, 1);
    let Some(told) = options::told(&packet, &question) else { return };
    assert!(!told.is_empty());
    assert!(told.mac.is_none_or(|mac| mac.0 != [0; 6] && mac.0[0] & 1 == 0), "{told:?}");
    let is_id = |octet: u8| octet.is_ascii_alphanumeric() || b"-_.".contains(&octet);
    assert!(told.id.is_none_or(|id| id.as_str().bytes().all(is_id)), "{told:?}");
    // Its octets stand somewhere in the options.
    if let Some(address) = told.address {
        let bits = match address {
            std::net::IpAddr::V4(v4) => v4.octets().to_vec(),
            std::net::IpAddr::V6(v6) => v6.octets().to_vec(),
        };
        assert!(octets.windows(bits.len()).any(|window| window == bits), "{told:?}");
    }
}
