//! A configuration profile for iPhone, iPad and Mac: a property list in XML that sets encrypted DNS.
//!
//! Start at [`Profile`]. Its keys are those of Apple's payload `com.apple.dnsSettings.managed`. It
//! knows no files and no config.

use std::fmt::{self, Write as _};

use crate::fnv;

/// How the identifier of each profile of ours begins, with what stands before it.
const OURS: &str = "<key>PayloadIdentifier</key>\n\t<string>amparo.";
/// What a profile of encrypted DNS has in it.
const PAYLOAD_TYPE: &str = "com.apple.dnsSettings.managed";

/// What a profile says. All of it is text as it is meant: it is escaped here.
pub(super) struct Profile<'a> {
    /// The device's id.
    pub id: &'a str,
    /// The resolver's name.
    pub hostname: &'a str,
    /// How it is asked.
    pub reach: Reach<'a>,
    /// On which Wi-Fi it holds; empty: on every network.
    pub wifi: &'a [String],
    /// What the device calls the profile.
    pub name: &'a str,
    /// What the device says it does.
    pub text: &'a str,
}

/// How the resolver is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach<'a> {
    /// At this address, over HTTPS.
    Https(&'a str),
    /// By this name, over TLS at its usual port.
    Tls(&'a str),
}

/// Whether a text is a profile of ours, for whichever device.
pub(super) fn is_ours(text: &str) -> bool {
    text.starts_with("<?xml") && text.contains(PAYLOAD_TYPE) && text.contains(OURS)
}

/// The profile as a file has it.
impl fmt::Display for Profile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, hostname) = (Escaped(self.id), Escaped(self.hostname));
        let (name, text) = (Escaped(self.name), Escaped(self.text));
        let (protocol, key, place) = match self.reach {
            Reach::Https(url) => ("HTTPS", "ServerURL", Escaped(url)),
            Reach::Tls(name) => ("TLS", "ServerName", Escaped(name)),
        };
        write!(
            f,
            r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>PayloadType</key>
	<string>Configuration</string>
	<key>PayloadVersion</key>
	<integer>1</integer>
	{OURS}{hostname}.{id}</string>
	<key>PayloadUUID</key>
	<string>{outer}</string>
	<key>PayloadDisplayName</key>
	<string>{name}</string>
	<key>PayloadDescription</key>
	<string>{text}</string>
	<key>PayloadContent</key>
	<array>
		<dict>
			<key>PayloadType</key>
			<string>{PAYLOAD_TYPE}</string>
			<key>PayloadVersion</key>
			<integer>1</integer>
			<key>PayloadIdentifier</key>
			<string>amparo.{hostname}.{id}.dns</string>
			<key>PayloadUUID</key>
			<string>{inner}</string>
			<key>PayloadDisplayName</key>
			<string>{name}</string>
			<key>DNSSettings</key>
			<dict>
				<key>DNSProtocol</key>
				<string>{protocol}</string>
				<key>{key}</key>
				<string>{place}</string>
			</dict>
{rules}		</dict>
	</array>
</dict>
</plist>
"#,
            outer = self.uuid("profile"),
            inner = self.uuid("payload"),
            rules = OnDemand(self.wifi),
        )
    }
}

impl Profile<'_> {
    /// The same for the same device and resolver, so that a profile takes the place of the one
    /// before it: a UUID of our own making (RFC 9562 §5.8). It names, it protects nothing.
    fn uuid(&self, part: &str) -> String {
        let sum = |half: &str| {
            let pieces = ["amparo", part, half, self.hostname, self.id];
            pieces.iter().fold(fnv::BEGIN, |sum, piece| {
                // An octet that no text has ends each piece.
                fnv::add(fnv::add(sum, piece.as_bytes()), &[0xff])
            })
        };
        let (version, variant) = (8 << 12, 0b10 << 62);
        let high = sum("high") & !0xf000 | version;
        let low = sum("low") & (u64::MAX >> 2) | variant;
        format!(
            "{:08X}-{:04X}-{:04X}-{:04X}-{:012X}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        )
    }
}

/// On which networks the settings hold: the first rule that fits counts.
struct OnDemand<'a>(&'a [String]);

impl fmt::Display for OnDemand<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        f.write_str(
            "\t\t\t<key>OnDemandRules</key>\n\t\t\t<array>\n\t\t\t\t<dict>\n\
             \t\t\t\t\t<key>Action</key>\n\t\t\t\t\t<string>Connect</string>\n\
             \t\t\t\t\t<key>SSIDMatch</key>\n\t\t\t\t\t<array>\n",
        )?;
        for name in self.0 {
            writeln!(f, "\t\t\t\t\t\t<string>{}</string>", Escaped(name))?;
        }
        f.write_str(
            "\t\t\t\t\t</array>\n\t\t\t\t</dict>\n\t\t\t\t<dict>\n\
             \t\t\t\t\t<key>Action</key>\n\t\t\t\t\t<string>Disconnect</string>\n\
             \t\t\t\t</dict>\n\t\t\t</array>\n",
        )
    }
}

/// A text inside an element (XML 1.0 §2.4). What no document may hold (§2.2) shows as U+FFFD.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '\t' | '\n' | ' '..='\u{fffd}' | '\u{10000}'.. => f.write_char(c)?,
                _ => f.write_char('\u{fffd}')?,
            }
        }
        Ok(())
    }
}
