//! A made-up excerpt of each kind of list as they are published, with all that was seen in them:
//! what it is taken for, and what becomes of each line.

use std::borrow::Cow;

use super::format::Skip;
use super::tests::{compile_to, covers, list};
use super::{Format, Report};
use crate::policy::rules::NameSet;

/// Reads an excerpt as whatever it looks like: its report, and that it closes these names and not
/// those.
#[track_caller]
fn report(text: &str, closed: &[&str], open: &[&str]) -> Report {
    let lists = [(list(0, Format::Auto, None), Cow::Borrowed(text.as_bytes()))];
    let compiled = compile_to(None, &lists, &NameSet::default(), 11);
    for name in closed {
        assert!(covers(&compiled.index, name), "{name} is open");
    }
    for name in open {
        assert!(!covers(&compiled.index, name), "{name} is closed");
    }
    compiled.reports.into_iter().next().unwrap()
}

#[track_caller]
fn check(
    report: &Report,
    format: Format,
    taken: usize,
    refused: &[&str],
    skipped: &[(Skip, usize)],
) {
    assert_eq!((report.format, report.taken), (format, taken));
    assert_eq!(report.refused, refused);
    assert_eq!(report.skipped_kinds, skipped);
}

#[test]
fn a_wildcard_list() {
    let text = "# Title: made up\n#\n*.ads.example\n*.Track.example\n*.com.gt\n.more.example\n\
                one.example\n*.192.0.2.7\n*ads.example\n";
    let report = report(
        text,
        &["ads.example", "x.track.example", "more.example", "one.example"],
        &["x.one.example", "example", "site.com.gt"],
    );
    let skipped = [(Skip::Address, 1), (Skip::Pattern, 1)];
    check(&report, Format::Wildcard, 4, &["com.gt"], &skipped);
}

#[test]
fn a_configuration_of_dnsmasq() {
    let text = "# Title: made up\n#\naddress=/ads.example/#\naddress=/a.example/b.example/0.0.0.0\n\
                server=/track.example/\nlocal=/old.example/\naddress=/bank.example/192.0.2.7\n\
                server=/corp.example/192.0.2.53\nserver=/good.ads.example/#\naddress=/com/\n\
                no-resolv\n";
    let report = report(
        text,
        &["x.ads.example", "a.example", "b.example", "track.example", "old.example"],
        &["good.ads.example", "x.good.ads.example", "bank.example", "corp.example"],
    );
    let skipped = [(Skip::Address, 2), (Skip::OtherFormat, 1)];
    check(&report, Format::Dnsmasq, 5, &["com"], &skipped);
}

#[test]
fn a_configuration_of_unbound() {
    let text = "# made up\nserver:\nlocal-zone: \"ads.example\" always_null\n\
                local-zone: \"track.example.\" always_nxdomain\n\
                local-zone: \"trap.example\" redirect\nlocal-data: \"trap.example A 0.0.0.0\"\n\
                local-zone: \"bank.example\" redirect\nlocal-data: \"bank.example A 192.0.2.7\"\n\
                local-zone: \"good.ads.example\" transparent\nlocal-data: \"one.example A 0.0.0.0\"\n\
                local-zone: \"github.io\" refuse\n";
    let report = report(
        text,
        &["x.ads.example", "track.example", "www.trap.example", "one.example"],
        &["good.ads.example", "bank.example", "x.one.example", "me.github.io"],
    );
    check(&report, Format::Unbound, 4, &["github.io"], &[(Skip::Address, 1)]);
}

#[test]
fn a_response_policy_zone() {
    let text = "; made up\n$ORIGIN rpz.example.\n$TTL 60\n@ IN SOA ns.example. root.example. (\n\
                 1 ; serial\n 3600 600 86400 60 )\n IN NS ns.example.\n\
                ads.example CNAME .\n*.ads.example CNAME .\ntrack.example 60 IN CNAME *.\n\
                drop.example CNAME rpz-drop.\ngood.ads.example CNAME rpz-passthru.\n\
                sink.example A 0.0.0.0\nbank.example A 192.0.2.7\n\
                24.0.2.0.192.rpz-ip CNAME .\nslow.example CNAME rpz-tcp-only.\n";
    let report = report(
        text,
        &["ads.example", "x.ads.example", "track.example", "drop.example", "sink.example"],
        &["good.ads.example", "x.track.example", "bank.example", "slow.example"],
    );
    let skipped = [(Skip::Address, 1), (Skip::Modifier, 1), (Skip::IpTrigger, 1)];
    check(&report, Format::Rpz, 5, &[], &skipped);
}

#[test]
fn a_list_of_addresses_of_pages_closes_no_site() {
    let text = "site.example/bad\nwww.other.example/~someone/page.html\nthird.example/x\n";
    let report = report(text, &[], &["site.example", "www.other.example", "third.example"]);
    check(&report, Format::Squidguard, 0, &[], &[(Skip::Path, 3)]);
}
