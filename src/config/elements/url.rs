//! The address a list is fetched from.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::Mistake;
use crate::name::Name;

/// The longest address, in octets: what servers take at least (RFC 9110 §4.1).
const URL_OCTETS_MAX: usize = 8_000;
/// What an address looks like, for messages.
const SUCH_AS: &str = "write it like \"https://example.org/list.txt\"";

/// Reads the address of a list: `http://` or `https://`, a host, and no password. A part of an
/// archive may be named behind a `#`. It is kept as it is written.
pub(in crate::config) fn url(text: &str) -> Result<String, Mistake> {
    if text.len() > URL_OCTETS_MAX {
        return Err(Mistake::new("this is too long for an address", SUCH_AS));
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        let host = text.split('/').next().unwrap_or(text);
        let help = match Name::parse(host) {
            Ok(_) if host.contains('.') && text.is_ascii() => format!("write \"https://{text}\""),
            Ok(_) | Err(_) if text.starts_with(['/', '.', '~']) => {
                format!("for a file of this machine write `file = \"{text}\"`")
            }
            Ok(_) | Err(_) => SUCH_AS.to_owned(),
        };
        return Err(Mistake::new(format!("`{text}` is not an address to fetch from"), help));
    };
    if !matches!(scheme, "http" | "https") {
        let help = match scheme {
            "file" => format!("for a file of this machine write `file = \"{rest}\"`"),
            "HTTP" | "HTTPS" => format!("write \"{}://{rest}\"", scheme.to_ascii_lowercase()),
            _ => "only http:// and https:// are fetched".to_owned(),
        };
        return Err(Mistake::new(format!("lists are not fetched by `{scheme}`"), help));
    }
    if let Some(wrong) = text.chars().find(|letter| !letter.is_ascii_graphic()) {
        let what = format!("`{}` cannot stand in an address", wrong.escape_debug());
        return Err(Mistake::new(what, "copy it from the browser, where it is spelled with %"));
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    if let Some((_, host)) = authority.rsplit_once('@') {
        return Err(Mistake::new(
            "this address holds a user or a password, and lists are fetched without",
            format!("write it without what stands before `@{host}`"),
        ));
    }
    if !is_host_and_port(authority) {
        let what = format!("`{text}` has no host to fetch from");
        return Err(Mistake::new(what, SUCH_AS));
    }
    Ok(text.to_owned())
}

/// Whether this is a name or an address, with or without a port.
fn is_host_and_port(authority: &str) -> bool {
    let is_port = |port: &str| {
        port.bytes().all(|octet| octet.is_ascii_digit())
            && port.parse::<u16>().is_ok_and(|port| port != 0)
    };
    if let Some(rest) = authority.strip_prefix('[') {
        let Some((address, behind)) = rest.split_once(']') else { return false };
        let good = behind.is_empty() || behind.strip_prefix(':').is_some_and(is_port);
        return good && address.parse::<Ipv6Addr>().is_ok();
    }
    let (host, good) = match authority.split_once(':') {
        Some((host, port)) => (host, is_port(port)),
        None => (authority, true),
    };
    // A name that ends in a number is an address or nothing (RFC 1123 §2.1).
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    let is_number = !last.is_empty() && last.bytes().all(|octet| octet.is_ascii_digit());
    good && if is_number { host.parse::<Ipv4Addr>().is_ok() } else { Name::parse(host).is_ok() }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use proptest::prelude::*;

    /// The host of such an address, without the brackets of IPv6.
    fn host(url: &str) -> Option<Result<IpAddr, Name>> {
        let (_, rest) = url.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        let host = match authority.strip_prefix('[') {
            Some(rest) => rest.split(']').next()?,
            None => authority.split(':').next()?,
        };
        match host.parse() {
            Ok(address) => Some(Ok(address)),
            Err(_) => Some(Err(Name::parse(host).ok()?)),
        }
    }

    #[test]
    fn an_address_is_http_a_host_and_whatever_follows() {
        for good in [
            "https://example.org/list.txt",
            "http://example.org",
            "https://example.org:8443/a?b=c#part",
            "http://192.168.1.5/list.txt",
            "http://[fd00::5]:8080/list.txt",
            "http://nas/list.txt",
            "http://dsi.ut-capitole.fr/blacklists/download/adult.tar.gz#adult",
        ] {
            assert_eq!(url(good), Ok(good.to_owned()));
        }
        for bad in [
            "",
            "https://",
            "https:///list.txt",
            "https://exa mple.org/",
            "https://example.org/a b",
            "https://example.org:0/",
            "https://example.org:99999/",
            "https://example.org:/",
            "https://1.2.3/",
            "https://[fd00::5/",
            "https://user:word@example.org/",
            "https://..example.org/",
            "https://niño.example/",
        ] {
            assert!(url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_was_meant_is_told() {
        let help = |text| url(text).unwrap_err().help;
        assert_eq!(help("example.org/l.txt"), "write \"https://example.org/l.txt\"");
        assert_eq!(help("/srv/l.txt"), "for a file of this machine write `file = \"/srv/l.txt\"`");
        assert_eq!(
            help("file:///srv/l.txt"),
            "for a file of this machine write `file = \"/srv/l.txt\"`"
        );
        assert_eq!(help("ftp://example.org/"), "only http:// and https:// are fetched");
        assert_eq!(help("HTTPS://example.org/"), "write \"https://example.org/\"");
        assert!(!url("https://me:secret@example.org/").unwrap_err().what.contains("secret"));
        assert!(!help("https://me:secret@example.org/").contains("secret"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}") {
            let _ = url(&text);
        }

        #[test]
        fn what_is_taken_has_a_host(text in "https?://[a-z0-9.:@\\[\\]/#?-]{0,24}") {
            if url(&text).is_ok() {
                prop_assert!(host(&text).is_some());
            }
        }
    }
}
