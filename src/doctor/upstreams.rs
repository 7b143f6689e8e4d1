//! Whether the resolvers that we ask answer, how fast, and why not.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;

use super::{Check, Finding, Look, State, fill};
use crate::clock::Clock;
use crate::config::DnsSettings;
use crate::config::settings::{Strategy, UpstreamUrl};
use crate::dns::records::u16_at;
use crate::dns::upstream::{Ask, FailureKind, Pace, Settings, Upstreams};
use crate::dns::wire::{CLASS_IN, rcode};
use crate::name::Name;
use crate::words::{Language, Sentence, doctor as words};

pub(super) const CHECK: Check = Check {
    name: "upstreams",
    label: &words::UPSTREAMS,
    judge: |facts| judge(facts.language, &facts.upstreams),
};

/// What the resolvers of the world are asked for: a name that is nobody's (RFC 2606 §3), so that it
/// tells nothing of the household.
const NAME: &str = "example.com";
/// The type of an address, and that of a zone's beginning (RFC 1035 §3.2.2).
const TYPE_A: u16 = 1;
const TYPE_SOA: u16 = 6;
/// How long one is waited for: a resolver far away answers within a second.
const PATIENCE: Duration = Duration::from_secs(3);
/// An answer that takes longer is felt by everybody in the house.
const SLOW_MILLIS: u64 = 400;

/// What came of asking each.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    /// None: nobody was asked.
    asked: Option<Vec<Asked>>,
}

/// What came of asking one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Asked {
    /// The group that it is of.
    group: Group,
    /// Its address, as in the config.
    url: String,
    outcome: Outcome,
}

/// Whom a resolver serves.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Group {
    Adults,
    Children,
    Zone(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    /// It answered, within so many milliseconds.
    Answered(u64),
    /// It answered that it will not: this code.
    Declined(u16),
    /// It did not answer.
    Failed(FailureKind, String),
}

/// Asks each once, all of them at once.
pub(super) fn gather(dns: &DnsSettings, look: &Look) -> Facts {
    if look.offline {
        return Facts::default();
    }
    let mut wanted: Vec<(Group, UpstreamUrl)> = Vec::new();
    let mut want = |group: Group, urls: &[UpstreamUrl]| {
        wanted.extend(urls.iter().map(|url| (group.clone(), url.clone())));
    };
    want(Group::Adults, &dns.upstreams);
    if dns.child_upstreams != dns.upstreams {
        want(Group::Children, &dns.child_upstreams);
    }
    for (zone, urls) in &dns.forward {
        want(Group::Zone(zone.to_string()), urls);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else { return Facts::default() };
    let asked = runtime.block_on(async {
        let asking: Vec<_> = wanted
            .into_iter()
            .map(|(group, url)| {
                let roots = dns.upstream_ca.clone();
                tokio::spawn(ask(group, url, roots, look.clock.clone()))
            })
            .collect();
        let mut asked = Vec::new();
        for one in asking {
            asked.extend(one.await.ok());
        }
        asked
    });
    Facts { asked: Some(asked) }
}

async fn ask(
    group: Group,
    url: UpstreamUrl,
    extra_roots: Vec<CertificateDer<'static>>,
    clock: Clock,
) -> Asked {
    let pace = Pace {
        wait_min: Duration::from_millis(500),
        try_wait: Duration::from_secs(1),
        total: PATIENCE,
        total_when_down: PATIENCE,
        connect: PATIENCE,
        ..Pace::default()
    };
    let settings = Settings { extra_roots, pace, ..Settings::default() };
    let one = [url];
    let server: Arc<Upstreams> =
        Upstreams::with_settings(&one, Strategy::InOrder, clock.clone(), &settings);
    let (name, qtype) = match &group {
        Group::Adults | Group::Children => (NAME, TYPE_A),
        Group::Zone(zone) => (zone.as_str(), TYPE_SOA),
    };
    let name = Name::parse(name).expect("it is a constant, or was a name");
    let began = clock.tick();
    let answer = server
        .ask(Ask {
            name: &name,
            name_as_asked: name.wire(),
            qtype,
            qclass: CLASS_IN,
            dnssec_ok: false,
            checking_disabled: false,
            authentic_data: false,
        })
        .await;
    let took = clock.tick().millis_since(began);
    let url = server.state().into_iter().next().map(|state| state.url).unwrap_or_default();
    let outcome = match answer {
        Ok(octets) => match u16_at(&octets, 2).unwrap_or(0) & 0xf {
            rcode::NOERROR | rcode::NXDOMAIN => Outcome::Answered(took),
            code => Outcome::Declined(code),
        },
        Err(failure) => {
            let told = failure.to_string();
            let why = told.strip_prefix(&format!("{url}: ")).unwrap_or(&told).to_owned();
            Outcome::Failed(failure.kind, why)
        }
    };
    Asked { group, url, outcome }
}

fn judge(language: Language, facts: &Facts) -> Vec<Finding> {
    let Some(asked) = &facts.asked else {
        return vec![Finding::of(State::Note, &words::NOT_ASKED, language)];
    };
    let mut findings: Vec<Finding> = Vec::new();
    for one in asked {
        let others = asked.iter().filter(|other| other.group == one.group);
        let is_served =
            others.into_iter().any(|other| matches!(other.outcome, Outcome::Answered(_)));
        let bad = if is_served { State::Warning } else { State::Failed };
        let whose = match &one.group {
            Group::Adults => words::GROUP_ADULTS.in_language(language).to_owned(),
            Group::Children => words::GROUP_CHILDREN.in_language(language).to_owned(),
            Group::Zone(zone) => fill(language, &words::GROUP_ZONE, zone, ""),
        };
        let who = format!("{} ({whose})", one.url);
        let text = |sentence: &Sentence, what: &str| fill(language, sentence, what, &who);
        findings.push(match &one.outcome {
            Outcome::Answered(millis) if *millis >= SLOW_MILLIS => {
                let text = text(&words::UPSTREAM_SLOW, &millis.to_string());
                Finding::new(State::Note, text)
            }
            Outcome::Answered(millis) => {
                Finding::new(State::Ok, text(&words::UPSTREAM_ANSWERS, &millis.to_string()))
            }
            Outcome::Declined(code) => {
                Finding::new(bad, text(&words::UPSTREAM_DECLINES, &code.to_string()))
                    .say(words::UPSTREAM_OTHER.in_language(language))
            }
            Outcome::Failed(kind, why) => {
                let (said, fix) = match kind {
                    FailureKind::Timeout => (&words::UPSTREAM_SILENT, &words::UPSTREAM_WAY),
                    FailureKind::Network | FailureKind::Busy | FailureKind::Bogus(_) => {
                        (&words::UPSTREAM_NETWORK, &words::UPSTREAM_WAY)
                    }
                    FailureKind::Tls => (&words::UPSTREAM_TLS, &words::UPSTREAM_TRUST),
                };
                Finding::new(bad, text(said, why)).say(fix.in_language(language))
            }
        });
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(group: Group, url: &str, outcome: Outcome) -> Asked {
        Asked { group, url: url.to_owned(), outcome }
    }

    fn silent() -> Outcome {
        Outcome::Failed(FailureKind::Timeout, "it did not answer in time".to_owned())
    }

    fn states(asked: Vec<Asked>) -> Vec<State> {
        let findings = judge(Language::En, &Facts { asked: Some(asked) });
        findings.into_iter().map(|finding| finding.state).collect()
    }

    #[test]
    fn one_of_two_that_is_silent_is_a_warning_and_the_only_one_a_failure() {
        let good = asked(Group::Adults, "udp://192.0.2.1", Outcome::Answered(20));
        let bad = asked(Group::Adults, "udp://192.0.2.2", silent());
        assert_eq!(states(vec![good.clone(), bad.clone()]), [State::Ok, State::Warning]);
        let childs = Asked { group: Group::Children, ..bad };
        assert_eq!(states(vec![good, childs]), [State::Ok, State::Failed]);
    }

    #[test]
    fn it_says_how_fast_and_why_not() {
        let facts = Facts {
            asked: Some(vec![
                asked(Group::Adults, "tls://9.9.9.9#dns.quad9.net", Outcome::Answered(31)),
                asked(Group::Zone("lan".to_owned()), "udp://192.168.1.1", silent()),
                asked(Group::Adults, "udp://192.0.2.3", Outcome::Declined(5)),
                asked(Group::Adults, "udp://192.0.2.4", Outcome::Answered(900)),
            ]),
        };
        let found = judge(Language::En, &facts);
        assert_eq!(
            found[0].text,
            "tls://9.9.9.9#dns.quad9.net (for adults) answers, within 31 ms."
        );
        assert_eq!(found[1].text, "udp://192.168.1.1 (for the zone `lan`) did not answer in time.");
        assert!(found[2].text.contains("(code 5)") && found[3].state == State::Note, "{found:#?}");
    }

    #[test]
    fn nobody_asked_is_told() {
        assert_eq!(judge(Language::Es, &Facts::default())[0].state, State::Note);
    }
}
