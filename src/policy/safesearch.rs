//! Search engines and `YouTube` in their safe form.
//!
//! Each engine publishes a name that answers for it safely; a question for one of its hosts is
//! answered with that name. A new engine is one row of [`ENGINES`]. Whether an engine may be
//! reached at all is decided before this.

use std::sync::LazyLock;

use super::rules::YouTube;
use crate::name::{Name, NameMap};

/// One engine: which names are answered with which other name.
#[derive(Debug, Clone, Copy)]
pub struct Engine {
    /// The id: `google`, `youtube_strict`.
    pub id: &'static str,
    /// What a parent reads.
    pub label: &'static str,
    /// Exact host names that are answered with the target. Never a whole domain: the same
    /// company's mail and maps stand beside its search.
    pub hosts: &'static [&'static str],
    /// The safe name.
    pub target: &'static str,
}

/// The place of the engine that serves a name, in [`ENGINES`].
#[must_use]
pub fn engine_of(name: &Name, safe_search: bool, youtube: YouTube) -> Option<u8> {
    if !safe_search && youtube == YouTube::Open {
        return None;
    }
    match *HOSTS.get(name.wire())? {
        Host::Search(engine) => safe_search.then_some(engine),
        Host::YouTube(engines) => match youtube {
            YouTube::Open => None,
            YouTube::Moderate => Some(engines.moderate),
            YouTube::Strict => Some(engines.strict),
        },
    }
}

/// The safe name of the engine at a place in [`ENGINES`].
///
/// # Panics
/// When the place lies beyond the end of the table: [`engine_of`] gives no such one.
#[must_use]
pub fn target(engine: u8) -> &'static Name {
    static TARGETS: LazyLock<Vec<Name>> = LazyLock::new(|| {
        let parse =
            |engine: &Engine| Name::parse(engine.target).expect("targets parse: table test");
        ENGINES.iter().map(parse).collect()
    });
    &TARGETS[usize::from(engine)]
}

/// All engines.
pub const ENGINES: &[Engine] = &[
    Engine {
        id: "google",
        label: "Google",
        hosts: GOOGLE_HOSTS,
        target: "forcesafesearch.google.com",
    },
    Engine {
        id: "bing",
        label: "Bing",
        hosts: &["bing.com", "www.bing.com", "edgeservices.bing.com"],
        target: "strict.bing.com",
    },
    Engine {
        id: "duckduckgo",
        label: "DuckDuckGo",
        hosts: &["duckduckgo.com", "www.duckduckgo.com", "start.duckduckgo.com"],
        target: "safe.duckduckgo.com",
    },
    Engine { id: "yandex", label: "Yandex", hosts: YANDEX_HOSTS, target: "familysearch.yandex.ru" },
    Engine {
        id: "ecosia",
        label: "Ecosia",
        hosts: &["www.ecosia.org"],
        target: "strict-safe-search.ecosia.org",
    },
    Engine {
        id: "pixabay",
        label: "Pixabay",
        hosts: &["pixabay.com"],
        target: "safesearch.pixabay.com",
    },
    Engine {
        id: "brave",
        label: "Brave Search",
        hosts: &["search.brave.com"],
        target: "forcesafe.search.brave.com",
    },
    Engine { id: "qwant", label: "Qwant", hosts: &["api.qwant.com"], target: "safeapi.qwant.com" },
    Engine {
        id: "startpage",
        label: "Startpage",
        hosts: &["www.startpage.com"],
        target: "safe.startpage.com",
    },
    Engine {
        id: YOUTUBE_MODERATE,
        label: "YouTube",
        hosts: YOUTUBE_HOSTS,
        target: "restrictmoderate.youtube.com",
    },
    Engine {
        id: YOUTUBE_STRICT,
        label: "YouTube",
        hosts: YOUTUBE_HOSTS,
        target: "restrict.youtube.com",
    },
];

const YOUTUBE_MODERATE: &str = "youtube_moderate";
const YOUTUBE_STRICT: &str = "youtube_strict";

/// Where `YouTube` is watched and searched, in the browser and in the apps.
const YOUTUBE_HOSTS: &[&str] = &[
    "youtube.com",
    "www.youtube.com",
    "m.youtube.com",
    "music.youtube.com",
    "youtubei.googleapis.com",
    "youtube.googleapis.com",
    "www.youtube-nocookie.com",
];

/// Yandex's search by country.
#[rustfmt::skip]
const YANDEX_HOSTS: &[&str] = &[
    "ya.ru", "www.ya.ru", "yandex.ru", "www.yandex.ru", "yandex.com", "www.yandex.com", "yandex.by",
    "www.yandex.by", "yandex.kz", "www.yandex.kz", "yandex.ua", "www.yandex.ua", "yandex.uz",
    "www.yandex.uz", "yandex.az", "www.yandex.az", "yandex.com.am", "www.yandex.com.am",
    "yandex.com.ge", "www.yandex.com.ge", "yandex.co.il", "www.yandex.co.il", "yandex.ee",
    "www.yandex.ee", "yandex.eu", "www.yandex.eu", "yandex.fi", "www.yandex.fi", "yandex.fr",
    "www.yandex.fr", "yandex.kg", "www.yandex.kg", "yandex.lt", "www.yandex.lt", "yandex.lv",
    "www.yandex.lv", "yandex.md", "www.yandex.md", "yandex.pl", "www.yandex.pl", "yandex.tj",
    "www.yandex.tj", "yandex.tm", "www.yandex.tm", "yandex.com.tr", "www.yandex.com.tr",
];

/// Google's search by country, as far as known; its page `supported_domains` is the authority. The
/// bare domains lead to `www`.
#[rustfmt::skip]
const GOOGLE_HOSTS: &[&str] = &[
    "www.google.com", "www.google.ad", "www.google.ae", "www.google.com.af", "www.google.com.ag",
    "www.google.com.ai", "www.google.al", "www.google.am", "www.google.co.ao", "www.google.com.ar",
    "www.google.as", "www.google.at", "www.google.com.au", "www.google.az", "www.google.ba",
    "www.google.com.bd", "www.google.be", "www.google.bf", "www.google.bg", "www.google.com.bh",
    "www.google.bi", "www.google.bj", "www.google.com.bn", "www.google.com.bo", "www.google.com.br",
    "www.google.bs", "www.google.bt", "www.google.co.bw", "www.google.by", "www.google.com.bz",
    "www.google.ca", "www.google.cat", "www.google.cc", "www.google.cd", "www.google.cf",
    "www.google.cg", "www.google.ch", "www.google.ci", "www.google.co.ck", "www.google.cl",
    "www.google.cm", "www.google.cn", "www.google.com.co", "www.google.co.cr", "www.google.com.cu",
    "www.google.cv", "www.google.com.cy", "www.google.cz", "www.google.de", "www.google.dj",
    "www.google.dk", "www.google.dm", "www.google.com.do", "www.google.dz", "www.google.com.ec",
    "www.google.ee", "www.google.com.eg", "www.google.es", "www.google.com.et", "www.google.fi",
    "www.google.com.fj", "www.google.fm", "www.google.fr", "www.google.ga", "www.google.ge",
    "www.google.gf", "www.google.gg", "www.google.com.gh", "www.google.com.gi", "www.google.gl",
    "www.google.gm", "www.google.gp", "www.google.gr", "www.google.com.gt", "www.google.gy",
    "www.google.com.hk", "www.google.hn", "www.google.hr", "www.google.ht", "www.google.hu",
    "www.google.co.id", "www.google.ie", "www.google.co.il", "www.google.im", "www.google.co.in",
    "www.google.io", "www.google.iq", "www.google.is", "www.google.it", "www.google.je",
    "www.google.com.jm", "www.google.jo", "www.google.co.jp", "www.google.co.ke",
    "www.google.com.kh", "www.google.ki", "www.google.kg", "www.google.co.kr", "www.google.com.kw",
    "www.google.kz", "www.google.la", "www.google.com.lb", "www.google.com.lc", "www.google.li",
    "www.google.lk", "www.google.co.ls", "www.google.lt", "www.google.lu", "www.google.lv",
    "www.google.com.ly", "www.google.co.ma", "www.google.md", "www.google.me", "www.google.mg",
    "www.google.mk", "www.google.ml", "www.google.com.mm", "www.google.mn", "www.google.ms",
    "www.google.com.mt", "www.google.mu", "www.google.mv", "www.google.mw", "www.google.com.mx",
    "www.google.com.my", "www.google.co.mz", "www.google.com.na", "www.google.com.nf",
    "www.google.com.ng", "www.google.com.ni", "www.google.ne", "www.google.nl", "www.google.no",
    "www.google.com.np", "www.google.nr", "www.google.nu", "www.google.co.nz", "www.google.com.om",
    "www.google.com.pa", "www.google.com.pe", "www.google.com.pg", "www.google.com.ph",
    "www.google.com.pk", "www.google.pl", "www.google.pn", "www.google.com.pr", "www.google.ps",
    "www.google.pt", "www.google.com.py", "www.google.com.qa", "www.google.ro", "www.google.rs",
    "www.google.ru", "www.google.rw", "www.google.com.sa", "www.google.com.sb", "www.google.sc",
    "www.google.se", "www.google.com.sg", "www.google.sh", "www.google.si", "www.google.sk",
    "www.google.com.sl", "www.google.sm", "www.google.sn", "www.google.so", "www.google.sr",
    "www.google.st", "www.google.com.sv", "www.google.td", "www.google.tg", "www.google.co.th",
    "www.google.com.tj", "www.google.tk", "www.google.tl", "www.google.tm", "www.google.tn",
    "www.google.to", "www.google.com.tr", "www.google.tt", "www.google.com.tw", "www.google.co.tz",
    "www.google.com.ua", "www.google.co.ug", "www.google.co.uk", "www.google.com.uy",
    "www.google.co.uz", "www.google.com.vc", "www.google.co.ve", "www.google.vg",
    "www.google.co.vi", "www.google.com.vn", "www.google.vu", "www.google.ws", "www.google.co.za",
    "www.google.co.zm", "www.google.co.zw",
];

/// Which engine serves a host.
#[derive(Debug, Clone, Copy)]
enum Host {
    /// A search engine, by its place.
    Search(u8),
    /// `YouTube`, which has two safe forms.
    YouTube(YouTubeEngines),
}

/// The places of `YouTube`'s two safe forms.
#[derive(Debug, Clone, Copy)]
struct YouTubeEngines {
    moderate: u8,
    strict: u8,
}

/// Every host in wire form, so that finding one neither allocates nor scans.
static HOSTS: LazyLock<NameMap<Host>> = LazyLock::new(|| {
    let place = |id| ENGINES.iter().position(|engine| engine.id == id);
    let place = |id| place(id).and_then(|place| u8::try_from(place).ok());
    let engines = YouTubeEngines {
        moderate: place(YOUTUBE_MODERATE).expect("the row exists: table test"),
        strict: place(YOUTUBE_STRICT).expect("the row exists: table test"),
    };
    let mut hosts = NameMap::default();
    for (engine, at) in ENGINES.iter().zip(0..) {
        let host = match engine.id {
            YOUTUBE_MODERATE | YOUTUBE_STRICT => Host::YouTube(engines),
            _ => Host::Search(at),
        };
        for text in engine.hosts {
            let name = Name::parse(text).expect("hosts are names: table test");
            hosts.insert(name.wire().into(), host);
        }
    }
    hosts
});

#[cfg(test)]
mod tests {
    use super::*;

    /// The id of the engine that serves a name.
    fn engine(name: &str, safe_search: bool, youtube: YouTube) -> Option<&'static str> {
        let name = Name::parse(name).unwrap();
        engine_of(&name, safe_search, youtube).map(|place| ENGINES[usize::from(place)].id)
    }

    /// Whether both rows are forms of `YouTube`, of which only one is ever chosen.
    fn are_both_youtube(a: &Engine, b: &Engine) -> bool {
        a.hosts == YOUTUBE_HOSTS && b.hosts == YOUTUBE_HOSTS
    }

    #[test]
    fn ids_are_unique_and_every_row_is_whole() {
        for (at, row) in ENGINES.iter().enumerate() {
            assert!(ENGINES[..at].iter().all(|other| other.id != row.id), "{}", row.id);
            assert!(!row.label.is_empty() && !row.hosts.is_empty(), "{}", row.id);
            Name::parse(row.target).unwrap();
            for host in row.hosts {
                assert_eq!(Name::parse(host).unwrap().to_string(), *host);
            }
        }
        assert!(u8::try_from(ENGINES.len()).is_ok());
    }

    #[test]
    fn no_host_stands_in_two_rows_or_twice_in_one() {
        for (at, row) in ENGINES.iter().enumerate() {
            for (place, host) in row.hosts.iter().enumerate() {
                assert!(!row.hosts[..place].contains(host), "{host}");
                for other in ENGINES[..at].iter().filter(|other| !are_both_youtube(row, other)) {
                    assert!(!other.hosts.contains(host), "{host}");
                }
            }
        }
    }

    #[test]
    fn a_target_is_never_answered_with_another() {
        for row in ENGINES {
            for youtube in [YouTube::Moderate, YouTube::Strict] {
                assert_eq!(engine(row.target, true, youtube), None, "{}", row.target);
            }
        }
    }

    #[test]
    fn every_host_is_served_by_its_own_row() {
        for row in ENGINES {
            let youtube =
                if row.id == YOUTUBE_STRICT { YouTube::Strict } else { YouTube::Moderate };
            for host in row.hosts {
                assert_eq!(engine(host, true, youtube), Some(row.id), "{host}");
            }
        }
    }

    #[test]
    fn search_is_rewritten_and_what_stands_beside_it_is_not() {
        for (name, expected) in [
            ("www.google.com", Some("google")),
            ("www.google.com.gt", Some("google")),
            ("WWW.Google.es", Some("google")),
            ("google.com", None),
            ("maps.google.com", None),
            ("news.google.com", None),
            ("mail.google.com", None),
            ("accounts.google.com", None),
            ("x.www.google.com", None),
            ("external-content.duckduckgo.com", None),
            ("imgs.search.brave.com", None),
            ("mail.yandex.ru", None),
            ("yandex.ru", Some("yandex")),
            ("www.bing.com", Some("bing")),
        ] {
            assert_eq!(engine(name, true, YouTube::Open), expected, "{name}");
            assert_eq!(engine(name, false, YouTube::Strict), None, "{name}");
        }
    }

    #[test]
    fn youtube_follows_its_own_switch() {
        for (name, covered) in
            [("m.youtube.com", true), ("youtubei.googleapis.com", true), ("i.ytimg.com", false)]
        {
            assert_eq!(engine(name, true, YouTube::Open), None);
            let moderate = covered.then_some("youtube_moderate");
            assert_eq!(engine(name, false, YouTube::Moderate), moderate);
            let strict = covered.then_some("youtube_strict");
            assert_eq!(engine(name, false, YouTube::Strict), strict);
        }
    }
}
