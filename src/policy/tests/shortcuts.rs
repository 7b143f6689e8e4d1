//! What spares work changes no verdict: each shortcut beside the long way.

use std::hash::BuildHasher as _;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;
use crate::name::Keyed;

/// Lists that also hash names, as the index does. Few bits take many names for mentioned ones.
struct Hashed(Listed, u64);

impl Lookup for Hashed {
    fn tags_of(&self, name: &Name) -> TagSet {
        self.0.tags_of(name)
    }

    fn hash_of(&self, name: &Name) -> u64 {
        Keyed::default().hash_one(name.wire()) & self.1
    }

    fn look_up(&self, name: &Name, mentioned: &Mentioned) -> (TagSet, bool) {
        let labels = name.label_count();
        let is_mentioned = (1..=labels.min(mentioned.labels_max()))
            .any(|count| mentioned.contains(self.hash_of(&name.last_labels(count))));
        (self.tags_of(name), is_mentioned)
    }
}

/// Hashes with a key of its own, as each index has one.
struct Seeded(Keyed);

impl Lookup for Seeded {
    fn tags_of(&self, _: &Name) -> TagSet {
        TagSet::EMPTY
    }

    fn hash_of(&self, name: &Name) -> u64 {
        self.0.hash_one(name.wire())
    }
}

/// Names that rules and questions are made of: on lists, of rules of their own, of nobody.
const NAMES: &[&str] = &[
    "com",
    "x.com",
    "a.x.com",
    "b.a.x.com",
    "c.b.a.x.com",
    "cats.com",
    "catgames.com",
    "roblox.com",
    "kids.roblox.com",
    "chat.roblox.com",
    "tiktok.com",
    "youtube.com",
    "m.youtube.com",
    "videos.youtube.com",
    "www.google.com",
    "school.gt",
    "icloud.com",
    "mask.icloud.com",
    "use-application-dns.net",
    "ntp.org",
    "gt.pool.ntp.org",
    "help.example",
    "printer",
    "localhost",
    "test",
    "blocked.amparo.test",
    "home.arpa",
    "garden.home.arpa",
    "cam.garden.home.arpa",
    "school.example.org",
    "tv.lan",
    "wiki.corp.internal",
];

/// A name that a rule writes.
fn written() -> impl Strategy<Value = String> {
    (select(&["", "="][..]), select(NAMES)).prop_map(|(exact, name)| format!("{exact}{name}"))
}

/// Words of a scope, one at least.
fn words() -> impl Strategy<Value = String> {
    let ids: Vec<&str> = TAGS.iter().map(|(id, _)| *id).collect();
    let everything = prop::bool::weighted(0.1).prop_map(|all| all.then(|| "everything".to_owned()));
    (select(ids), everything, vec(written(), 0..3), any::<bool>()).prop_map(
        |(tag, everything, mut names, tagged)| {
            names.extend(everything);
            if tagged || names.is_empty() {
                names.push(tag.to_owned());
            }
            names.join(" ")
        },
    )
}

fn window() -> impl Strategy<Value = String> {
    let span = select(&["11:00-13:00", "12:00-12:30", "20:00-11:30"][..]);
    let scope = || prop::option::of(words());
    (span, scope(), scope(), scope()).prop_map(|(span, block, only, allow)| {
        let section = |key: &str, words: Option<String>| {
            words.map_or(String::new(), |words| format!(" {key} {words}"))
        };
        let (block, allow) = (section("block", block), section("allow", allow));
        format!("window w {span}{block}{}{allow}", section("only", only))
    })
}

/// The rules of a child, as [`rules`] reads them.
fn lines() -> impl Strategy<Value = Vec<String>> {
    let levels = select(&["child", "profile", "household"][..]);
    let own = (levels, select(&["allow", "block"][..]), written())
        .prop_map(|(level, verb, name)| format!("{level} {verb} {name}"));
    let ids: Vec<&str> = TAGS.iter().map(|(id, _)| *id).collect();
    let closed = subsequence(ids, 1..5).prop_map(|ids| format!("closed {}", ids.join(" ")));
    let only = words().prop_map(|words| format!("only {words}"));
    let switches = &[
        "internet",
        "safe_search",
        "youtube strict",
        "relays_closed",
        "refused",
        "excused tiktok from social",
        "excused youtube from video",
    ];
    let weights = [0.1, 0.5, 0.5, 0.5, 0.05, 0.3, 0.3].map(prop::bool::weighted);
    let switches = weights.prop_map(|on| {
        let switches = switches.iter().zip(on).filter(|(_, on)| *on);
        switches.map(|(line, _)| (*line).to_owned()).collect::<Vec<_>>()
    });
    let rarely = prop::option::weighted(0.15, only);
    (vec(own, 0..6), prop::option::of(closed), vec(window(), 0..4), rarely, switches).prop_map(
        |(own, closed, windows, only, switches)| {
            own.into_iter().chain(closed).chain(windows).chain(only).chain(switches).collect()
        },
    )
}

/// Each name, what stands beside it, above and below, and one with an octet no person writes.
fn asked() -> Vec<Name> {
    let of = |text: &&str| -> Vec<Name> {
        let name = name(text);
        let parent = name.last_labels(name.label_count() - 1);
        let below = [&b"www"[..], b"*", b"x\0.", b"pool"];
        let beside = below.iter().filter_map(|label| parent.child(label));
        let below = below.iter().filter_map(|label| name.child(label));
        below.chain(beside).chain([name, parent]).collect()
    };
    NAMES.iter().chain(LISTED.iter().map(|(name, _)| name)).flat_map(of).collect()
}

/// The household of [`household`] with names of its own.
fn house(lines: &[String]) -> Household {
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let mut household = household(&lines);
    let address = "192.168.1.5".parse().unwrap();
    household.local = LocalNames::new(
        vec![
            (name("cam.garden.home.arpa"), vec![address]),
            (name("school.example.org"), vec![address]),
        ],
        vec![name("lan"), name("corp.internal")],
        vec![name("amparo.home.arpa")],
        Some(&name("dns.example.net")),
    );
    household
}

/// [`Policy::closes_all_below`] by looking at every rule there is.
fn closes_all_below(policy: &Policy, lines: &[String], asked: &Name, moment: &Moment) -> bool {
    let Some(any) = asked.child(b"*") else { return false };
    let verdict = policy.decide(KID, &any, moment);
    let is_below = |name: &Name| name != asked && name.is_at_or_below(asked);
    let wire_is_below = |wire: &[u8]| is_below(&Name::from_wire(wire).unwrap());
    let in_scope = |scope: &Scope| {
        scope.everything || !scope.tags.is_empty() || scope.names.wires().any(wire_is_below)
    };
    let rules = &policy.subject(KID).rules;
    let known = Known { name: &any, tags: policy.tags_of(&any), mentioned: true };
    let opened = if let Reason::Schedule(place) = verdict.reason {
        let window = &rules.schedules[usize::from(place)];
        let by_only = window.only.as_ref().is_some_and(in_scope);
        in_scope(&window.allow) || by_only && !window.block.covers(&known)
    } else if verdict.reason == Reason::Only {
        rules.only.as_ref().is_some_and(in_scope)
    } else if let Reason::Service(_) | Reason::Category(_) | Reason::List(_) = verdict.reason {
        let closed = known.tags.intersection(&rules.closed);
        rules.excused.iter().any(|(_, from)| !closed.intersection(from).is_empty())
    } else {
        false
    };
    let by_hand = lines.iter().any(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        words.get(1) == Some(&"allow") && is_below(&reach(words[2]).0)
    });
    let local = &policy.household.local;
    let here = local
        .wires()
        .filter(|wire| wire_is_below(wire))
        .any(|wire| local.find(&Name::from_wire(wire).unwrap()) != Some(LocalAnswer::NoName));
    let essential = policy.household.essentials.wires().any(wire_is_below);
    verdict.action == Action::Block && !opened && !by_hand && !here && !essential
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_no_rule_mentions_is_decided_as_if_every_rule_had_been_asked(
        lines in lines(),
        mask in select(&[u64::MAX, 0xff][..]),
    ) {
        let plain = Policy::new(house(&lines), Arc::new(listed()));
        let quick = Policy::new(house(&lines), Arc::new(Hashed(listed(), mask)));
        let moment = plain.moment(time("mon", "12:00"));
        for name in asked() {
            prop_assert_eq!(
                quick.decide(KID, &name, &moment),
                plain.decide(KID, &name, &moment),
                "{} with {:?}", name, lines
            );
            prop_assert_eq!(
                quick.judge_target(KID, &name, &moment),
                plain.judge_target(KID, &name, &moment),
                "{} with {:?}", name, lines
            );
        }
    }

    #[test]
    fn open_windows_say_together_what_they_say_one_by_one(lines in lines()) {
        let policy = Policy::new(house(&lines), Arc::new(Hashed(listed(), u64::MAX)));
        let moment = policy.moment(time("mon", "12:00"));
        let schedules = &policy.subject(KID).rules.schedules;
        for name in asked() {
            let known = Known { name: &name, tags: policy.tags_of(&name), mentioned: true };
            let first = |speaks: fn(&Schedule, &Known<'_>) -> bool| {
                let windows = moment.windows(KID).iter().copied();
                windows.map(Reason::Schedule).zip(moment.windows(KID))
                    .find(|(_, place)| speaks(&schedules[usize::from(**place)], &known))
                    .map(|(reason, _)| reason)
            };
            let steps = policy.explain(KID, &name, &moment).steps;
            let said = |step: Step| {
                let row = steps.iter().find(|(known, _)| *known == step).unwrap();
                row.1.map(|verdict| verdict.reason)
            };
            prop_assert_eq!(said(Step::Schedules), first(Schedule::closes), "{}", name);
            prop_assert_eq!(said(Step::Exceptions), first(Schedule::opens), "{}", name);
        }
    }

    #[test]
    fn what_is_open_below_a_closed_name_is_found_without_looking_at_every_rule(lines in lines()) {
        let policy = Policy::new(house(&lines), Arc::new(Hashed(listed(), u64::MAX)));
        let moment = policy.moment(time("mon", "12:00"));
        for name in asked().into_iter().chain([Name::ROOT]) {
            prop_assert_eq!(
                policy.closes_all_below(KID, &name, &moment),
                closes_all_below(&policy, &lines, &name, &moment),
                "{} with {:?}", name, lines
            );
        }
    }
}

#[test]
fn nearly_every_name_is_told_apart_from_those_mentioned() {
    let lookup = Hashed(listed(), u64::MAX);
    let names: Vec<Name> = (0..2000).map(|number| name(&format!("n{number}.example"))).collect();
    let mentioned = Mentioned::new(&names, &lookup);
    assert!(names.iter().all(|name| mentioned.contains(lookup.hash_of(name))));
    let others = (0..20_000).map(|number| name(&format!("o{number}.example")));
    let taken = others.filter(|name| mentioned.contains(lookup.hash_of(name))).count();
    assert!(taken < 200, "{taken} of 20000");
    let none = Mentioned::new(&[], &lookup);
    assert!(!none.contains(lookup.hash_of(&names[0])) && none.labels_max() == 0);
}

#[test]
fn no_suffix_that_many_names_share_is_taken_for_a_mentioned_one() {
    let names: Vec<Name> = (0..1000).map(|number| name(&format!("n{number}.example"))).collect();
    // Each look-up of its own hashes otherwise: without turning, one of fifty would take `com`, `net`
    // or another one.
    for _ in 0..200 {
        let lookup = Seeded(Keyed::default());
        let mentioned = Mentioned::new(&names, &lookup);
        assert!(names.iter().all(|name| mentioned.contains(lookup.hash_of(name))));
        for shared in ["com", "net", "org", "gt", "com.gt", "googleapis.com"] {
            assert!(!mentioned.contains(lookup.hash_of(&name(shared))), "{shared}");
        }
    }
    // A suffix that a rule spells out is one of them.
    let lookup = Seeded(Keyed::default());
    let mentioned = Mentioned::new(&[name("com")], &lookup);
    assert!(mentioned.contains(lookup.hash_of(&name("com"))));
}

#[test]
fn a_closed_answer_says_its_reason_in_a_few_words() {
    let policy = kid(&["window homework 15:00-17:00 block games", "closed games"]);
    for (reason, expected) in [
        (Reason::Schedule(0), "homework until 17:00"),
        (Reason::Schedule(7), "Closed by the rules of this home"),
        (Reason::Category(tag("games").unwrap()), "games: closed in this home"),
        (Reason::Service(tag("tiktok").unwrap()), "tiktok: closed in this home"),
        // A list's name is nobody's business.
        (Reason::List(tag("pets").unwrap()), "Closed by the rules of this home"),
        (Reason::BlockRule(Level::Subject, 2), "Closed by the rules of this home"),
        (Reason::Bypass, "it would lead around this protection"),
        (Reason::Rebind, "it leads to an address inside the house"),
        (Reason::UnknownDevice, "This device is not known here"),
    ] {
        assert_eq!(policy.brief(KID, Verdict::block(reason)), expected);
    }
    // A window of somebody else.
    let unknown = Verdict::block(Reason::Schedule(0));
    assert_eq!(policy.brief(SubjectId::UNKNOWN, unknown), "Closed by the rules of this home");
}
