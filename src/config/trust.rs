//! Whom upstreams are believed: files of certificate authorities, and of keys of signed zones.
//!
//! The only part of the check that reads other files than the one it checks: what stands in them is
//! part of what the household decided, and a file that is gone must not pass in silence. Start at
//! [`certificates`] and [`anchors`].

use std::fs::File;
use std::io::Read as _;
use std::ops::Range;

use data_encoding::BASE64;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use toml::de::DeTable;

use super::context::Context;
use super::read::{text, texts};
use super::settings::{Anchor, Anchors};
use crate::name::Name;

/// The largest file that is read, in octets: a system's whole bundle is a quarter of it.
const FILE_OCTETS_MAX: u64 = 1 << 20;

/// A key that signs other keys has this flag beside the one of all zone keys (RFC 4034 §2.1.1).
const FLAG_ZONE_KEY: u16 = 0x0100;

/// `[dns] upstream_ca`.
pub(super) fn certificates(
    context: &mut Context<'_>,
    table: &DeTable<'_>,
) -> Vec<CertificateDer<'static>> {
    let mut found = Vec::new();
    for written in texts(table, "upstream_ca").unwrap_or_default() {
        let Some(octets) = read(context, written.text, &written.span) else { continue };
        match certificates_in(&octets) {
            Ok(certificates) => found.extend(certificates),
            Err(why) => {
                let message = format!("`{}` {why}", written.text);
                let help = "it should hold an authority's certificate, between lines of \
                            `-----BEGIN CERTIFICATE-----` and `-----END CERTIFICATE-----`";
                context.error(written.span, message, help);
            }
        }
    }
    found
}

/// `[dns] dnssec` and `trust_anchor`; none where nothing is validated.
pub(super) fn anchors(context: &mut Context<'_>, table: &DeTable<'_>) -> Option<Anchors> {
    let files = texts(table, "trust_anchor").unwrap_or_default();
    let validates = text(table, "dnssec").is_some_and(|word| word.text == "validate");
    if let Some(first) = files.first().filter(|_| !validates) {
        let message = "`trust_anchor` has no effect: no signature is validated";
        context.warning(first.span.clone(), message, "write `dnssec = \"validate\"` too");
    }
    let mut own = Vec::new();
    for written in &files {
        let Some(octets) = read(context, written.text, &written.span) else { continue };
        match anchors_in(&String::from_utf8_lossy(&octets)) {
            Ok(anchors) => own.extend(anchors),
            Err(why) => {
                let message = format!("`{}` cannot be used: {why}", written.text);
                let help = "write a DNSKEY record in each line, like `. IN DNSKEY 257 3 8 AwEAA…`";
                context.error(written.span.clone(), message, help);
            }
        }
    }
    let anchors = if files.is_empty() { Anchors::Iana } else { Anchors::Own(own) };
    validates.then_some(anchors)
}

/// The octets of a file; none, and it is reported, when it cannot be read.
fn read(context: &mut Context<'_>, written: &str, span: &Range<usize>) -> Option<Vec<u8>> {
    let path = context.path(written);
    let mut octets = Vec::new();
    let why = match File::open(&path)
        .and_then(|file| file.take(FILE_OCTETS_MAX + 1).read_to_end(&mut octets))
    {
        Ok(_) if octets.len() as u64 > FILE_OCTETS_MAX => "it is too large".to_owned(),
        Ok(_) => return Some(octets),
        Err(error) => error.to_string(),
    };
    let message = format!("`{written}` cannot be read: {why}");
    context.error(span.clone(), message, format!("looked for it at {}", path.display()));
    None
}

fn certificates_in(octets: &[u8]) -> Result<Vec<CertificateDer<'static>>, &'static str> {
    let mut found = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(octets) {
        let certificate = certificate.map_err(|_| "holds something that cannot be read")?;
        RootCertStore::empty()
            .add(certificate.clone())
            .map_err(|_| "holds something that is no certificate")?;
        found.push(certificate);
    }
    if found.is_empty() { Err("holds no certificate") } else { Ok(found) }
}

/// The keys of a text with a DNSKEY record in each line; TTL and class may be left out.
fn anchors_in(text: &str) -> Result<Vec<Anchor>, String> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.split(';').next().unwrap_or_default().trim();
        if !line.is_empty() {
            found.push(anchor(line).map_err(|why| format!("line {number}: {why}"))?);
        }
    }
    if found.is_empty() { Err("it holds no key".to_owned()) } else { Ok(found) }
}

fn anchor(line: &str) -> Result<Anchor, &'static str> {
    let mut words = line.split_whitespace();
    let zone = words.next().unwrap_or_default();
    let zone = if zone == "." { Ok(Name::ROOT) } else { Name::parse(zone) };
    let zone = zone.map_err(|_| "it does not begin with the name of a zone")?;
    let is_between = |word: &&str| word.eq_ignore_ascii_case("IN") || word.parse::<u32>().is_ok();
    match words.find(|word| !is_between(word)) {
        Some(word) if word.eq_ignore_ascii_case("DNSKEY") => {}
        Some(word) if word.eq_ignore_ascii_case("DS") => {
            return Err("a DS record is not enough; copy the key itself, its DNSKEY record");
        }
        Some(_) | None => return Err("it is no DNSKEY record"),
    }
    let mut number = || words.next().and_then(|word| word.parse::<u16>().ok());
    let (flags, protocol, algorithm) = (number(), number(), number());
    if flags.is_none_or(|flags| flags & FLAG_ZONE_KEY == 0) || protocol != Some(3) {
        return Err("it is no key of a zone (flags 257, protocol 3)");
    }
    let algorithm = algorithm.and_then(|number| u8::try_from(number).ok());
    let algorithm = algorithm.ok_or("it does not say its algorithm")?;
    let key: String = words.collect();
    let key = BASE64.decode(key.as_bytes()).ok().filter(|key| !key.is_empty());
    Ok(Anchor { zone, algorithm, key: key.ok_or("its key cannot be read")? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_anchor_is_a_dnskey_record_in_one_line() {
        let text = "; the root\n. 172800 IN DNSKEY 257 3 8 AwEA AQID ; KSK\n\nx.test DNSKEY 257 3 13 AQI=\n";
        let [root, own] = &anchors_in(text).unwrap()[..] else { panic!() };
        assert_eq!((root.zone, root.algorithm), (Name::ROOT, 8));
        assert_eq!(root.key, [3, 1, 0, 1, 2, 3]);
        assert_eq!((own.zone.to_string().as_str(), own.algorithm), ("x.test", 13));
    }

    #[test]
    fn what_is_no_anchor_is_said_with_its_line() {
        let why = |text| anchors_in(text).unwrap_err();
        assert_eq!(why("; nothing\n"), "it holds no key");
        let ds =
            ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D";
        assert!(why(ds).contains("a DS record is not enough"), "{}", why(ds));
        assert_eq!(why(". DNSKEY 257 3 8 AwEAAQID\nx y"), "line 2: it is no DNSKEY record");
        assert!(why(". DNSKEY 257 3 8 !").contains("cannot be read"));
        assert!(why(". DNSKEY 1 3 8 AwEA").contains("no key of a zone"));
    }

    #[test]
    fn certificates_are_found_or_missed_in_words() {
        let key = rcgen::KeyPair::generate().unwrap();
        let own = rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
        let pem = own.pem();
        assert_eq!(certificates_in(format!("a comment\n{pem}{pem}").as_bytes()).unwrap().len(), 2);
        assert_eq!(certificates_in(b""), Err("holds no certificate"));
        assert_eq!(certificates_in(key.serialize_pem().as_bytes()), Err("holds no certificate"));
        let damaged = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n";
        assert_eq!(
            certificates_in(damaged.as_bytes()),
            Err("holds something that is no certificate")
        );
    }

    proptest! {
        #[test]
        fn any_text_is_an_anchor_or_not(text in ".{0,60}", key in "[. a-zA-Z0-9=/+;]{0,40}") {
            let _ = anchors_in(&text);
            let _ = anchors_in(&format!(". DNSKEY 257 3 8 {key}"));
            let _ = certificates_in(text.as_bytes());
        }
    }
}
