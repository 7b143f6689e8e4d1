//! Encrypted DNS that devices cannot find, and ids that nothing brings.

use toml::de::DeTable;

use super::Person;
use crate::clients::Address;
use crate::config::elements;
use crate::config::read::{inner, texts};
use crate::config::report::Problem;
use crate::config::settings::DnsSettings;

/// Encrypted DNS without a name.
pub(super) fn nameless(root: &DeTable<'_>, dns: &DnsSettings, problems: &mut Vec<Problem>) {
    let is_nameless = dns.encrypted.as_ref().is_some_and(|encrypted| encrypted.hostname.is_none());
    let table = inner(root, "dns").and_then(|dns| inner(dns, "encrypted"));
    let Some(table) = table.filter(|_| is_nameless) else { return };
    let written = ["tls", "https", "quic"].into_iter().filter_map(|key| table.get(key));
    let Some(first) = written.min_by_key(|value| value.span().start) else { return };
    let message = "`[dns.encrypted]` has no `hostname`: devices do not find it by themselves, \
                   and `amparo device-setup` has no name to tell";
    let help = "add the name in the certificate: `hostname = \"dns.example.org\"`";
    problems.push(Problem::warning(first.span(), message, help));
}

/// Ids where no question can bring one.
pub(super) fn unbrought(people: &[Person<'_>], dns: &DnsSettings, problems: &mut Vec<Problem>) {
    if dns.encrypted.is_some() || !dns.trusted_forwarders.is_empty() {
        return;
    }
    for said in people.iter().filter_map(|person| person.tables.first()) {
        for written in texts(said.table, "devices").unwrap_or_default() {
            if !matches!(elements::device(written.text), Ok(Address::Id(_))) {
                continue;
            }
            let message = format!(
                "nothing brings `{}` of {}: no encrypted DNS is set up, and no trusted forwarder",
                written.text, said.title
            );
            let help = "set up `[dns.encrypted]` (docs/encrypted/README.md), or name \
                        `trusted_forwarders` under [dns]";
            problems.push(Problem::warning(written.span, message, help));
        }
    }
}
