//! What a forwarder tells of the device it asks for, in the EDNS options of its question.
//!
//! Read only from forwarders that the household trusts: anybody can write anything there. None of
//! it goes on to an upstream. Start reading at [`told`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use data_encoding::BASE64;

use super::records::{Records, rtype, u16_at};
use super::wire::Question;
use crate::clients::{ClientId, Mac, Told};

/// The options that are read: the numbers of the IANA registry "DNS EDNS0 Option Codes", and those
/// that dnsmasq took from the range for private use.
mod code {
    /// EDNS client subnet (RFC 7871 §6): dnsmasq's `--add-subnet=32,128`.
    pub(super) const SUBNET: u16 = 8;
    /// A hardware address in six octets: dnsmasq's `--add-mac`.
    pub(super) const MAC: u16 = 65001;
    /// A hardware address as text or in base64: `--add-mac=text`, `--add-mac=base64`.
    pub(super) const MAC_AS_TEXT: u16 = 65073;
    /// An id as text: `--add-cpe-id`.
    pub(super) const CPE_ID: u16 = 65074;
}

/// The address families of RFC 7871 §6.
const FAMILY_IPV4: u16 = 1;
const FAMILY_IPV6: u16 = 2;

/// What a question's OPT record tells of its device; none where it tells nothing.
#[must_use]
pub fn told(packet: &[u8], question: &Question) -> Option<Told> {
    let mut told = Told::default();
    for (code, data) in all(packet, question) {
        match code {
            code::MAC => told.mac = told.mac.or_else(|| Mac::of_device(data)),
            code::MAC_AS_TEXT => told.mac = told.mac.or_else(|| mac_of_text(data)),
            code::CPE_ID => {
                let id = std::str::from_utf8(data).ok().and_then(ClientId::new);
                told.id = told.id.or(id);
            }
            code::SUBNET => told.address = told.address.or_else(|| whole_address(data)),
            _ => {}
        }
    }
    (!told.is_empty()).then_some(told)
}

/// The options of a question's OPT record: code and data, up to one that is cut short.
pub(super) fn all<'p>(
    packet: &'p [u8],
    question: &Question,
) -> impl Iterator<Item = (u16, &'p [u8])> + use<'p> {
    let mut records = Records::new(packet, question.end).filter_map(Result::ok);
    let opt = question.edns.and_then(|_| records.find(|record| record.rtype == rtype::OPT));
    let mut options = opt.and_then(|opt| packet.get(opt.data)).unwrap_or_default();
    std::iter::from_fn(move || {
        let (code, length) = (u16_at(options, 0)?, u16_at(options, 2)?);
        let data = options.get(4..4 + usize::from(length))?;
        options = &options[4 + data.len()..];
        Some((code, data))
    })
}

/// A hardware address in one of dnsmasq's two forms: `3c:22:fb:12:34:56`, or in base64.
fn mac_of_text(data: &[u8]) -> Option<Mac> {
    let text = std::str::from_utf8(data).ok()?;
    if let Ok(crate::clients::Address::Mac(mac)) = text.parse() {
        return Some(mac);
    }
    Mac::of_device(&base64(data)?)
}

/// Six octets in base64: eight letters without padding.
fn base64(data: &[u8]) -> Option<[u8; 6]> {
    let mut mac = [0; 6];
    let is_right = BASE64.decode_len(data.len()) == Ok(mac.len());
    is_right.then(|| BASE64.decode_mut(data, &mut mac).ok().map(|_| mac))?
}

/// The address of a client subnet of full length: a shorter one is a network, and nobody's device.
fn whole_address(data: &[u8]) -> Option<IpAddr> {
    let family = u16_at(data, 0)?;
    let (&bits, octets) = (data.get(2)?, data.get(4..)?);
    match (family, bits) {
        (FAMILY_IPV4, 32) => <[u8; 4]>::try_from(octets).ok().map(|v4| Ipv4Addr::from(v4).into()),
        (FAMILY_IPV6, 128) => <[u8; 16]>::try_from(octets).ok().map(|v6| Ipv6Addr::from(v6).into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire;
    use super::*;
    use proptest::prelude::*;

    const MAC: Mac = Mac([0x3c, 0x22, 0xfb, 0x12, 0x34, 0x56]);

    /// A question with these options in its OPT record.
    fn asked(options: &[(u16, &[u8])]) -> Vec<u8> {
        let mut data = Vec::new();
        for (code, option) in options {
            data.extend(code.to_be_bytes());
            data.extend(u16::try_from(option.len()).unwrap().to_be_bytes());
            data.extend(*option);
        }
        let mut packet = b"\xab\xcd\x01\0\0\x01\0\0\0\0\0\x01\x04test\0\0\x01\0\x01".to_vec();
        packet.extend(b"\0\0\x29\x10\0\0\0\0\0");
        packet.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        packet.extend(data);
        packet
    }

    fn of(options: &[(u16, &[u8])]) -> Option<Told> {
        let packet = asked(options);
        told(&packet, &wire::question(&packet).unwrap())
    }

    fn mac(code: u16, data: &[u8]) -> Option<Mac> {
        of(&[(code, data)]).and_then(|told| told.mac)
    }

    #[test]
    fn each_form_of_dnsmasqs_hardware_address_is_read() {
        assert_eq!(mac(65001, &MAC.0), Some(MAC));
        assert_eq!(mac(65073, b"3c:22:fb:12:34:56"), Some(MAC));
        assert_eq!(mac(65073, b"3C:22:FB:12:34:56"), Some(MAC));
        assert_eq!(mac(65073, b"PCL7EjRW"), Some(MAC));
        for nobody in [&b""[..], &[0; 6], &[1; 6], &[2; 5], &[2; 8], b"PCL7EjR=", b"AAAAAAAA"] {
            assert_eq!((mac(65001, nobody), mac(65073, nobody)), (None, None), "{nobody:?}");
        }
    }

    #[test]
    fn an_address_counts_only_whole_and_an_id_only_as_an_id() {
        let address = |data: &[u8]| of(&[(8, data)]).and_then(|told| told.address);
        assert_eq!(address(b"\0\x01\x20\0\x0a\x09\0\x0a"), Some([10, 9, 0, 10].into()));
        let v6 = [&b"\0\x02\x80\0"[..], &[0xfd; 16]].concat();
        assert_eq!(address(&v6), Some([0xfd; 16].into()));
        for part in [
            &b"\0\x01\x18\0\x0a\x09\0"[..],
            b"\0\x01\x20\0\x0a",
            b"\0\x03\x20\0\x0a\x09\0\x0a",
            b"\0",
        ] {
            assert_eq!(address(part), None, "{part:?}");
        }
        let id = |data: &[u8]| of(&[(65074, data)]).and_then(|told| told.id);
        assert_eq!(id(b"Mateo-Phone"), ClientId::new("mateo-phone"));
        assert_eq!((id(b""), id(b"a b"), id(&[0xff; 3])), (None, None, None));
    }

    #[test]
    fn several_options_are_read_together_and_the_first_of_a_kind_counts() {
        let told = of(&[(10, b"cookie12"), (65001, &MAC.0), (65001, &[2; 6]), (65074, b"x")]);
        let expected = Told { mac: Some(MAC), address: None, id: ClientId::new("x") };
        assert_eq!(told, Some(expected));
        assert_eq!(of(&[(10, b"cookie12")]), None);
        let packet = b"\xab\xcd\x01\0\0\x01\0\0\0\0\0\0\x04test\0\0\x01\0\x01";
        assert_eq!(super::told(packet, &wire::question(packet).unwrap()), None);
    }

    proptest! {
        #[test]
        fn any_options_are_read_or_passed_over(data in proptest::collection::vec(any::<u8>(), 0..80)) {
            for code in [8, 65001, 65073, 65074] {
                let _ = of(&[(code, &data)]);
            }
        }

        #[test]
        fn every_address_is_read_in_base64(octets in any::<[u8; 6]>()) {
            let text = BASE64.encode(&octets);
            prop_assert_eq!(base64(text.as_bytes()), Some(octets));
        }
    }
}
