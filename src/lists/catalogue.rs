//! What the program knows by itself: categories with their defaults by age, services with their
//! names, starter lists, essential names. Data lives under `blocklists/`; this reads it.

use std::sync::LazyLock;

use super::published::{Published, published};
use crate::words::Words;

/// Everything under `blocklists/`.
#[derive(Debug)]
pub struct Catalogue {
    /// The categories, in the order of the file.
    pub categories: Vec<Category>,
    /// The services, in the order of the file.
    pub services: Vec<Service>,
    /// The starter lists.
    pub starters: Vec<Starter>,
    /// The lines of `blocklists/essentials.txt` that are names, `=name` kept.
    pub essentials: Vec<&'static str>,
    /// The lines of `blocklists/noise.txt` that are names, `=name` kept.
    pub noise: Vec<&'static str>,
    /// The lines of `blocklists/list-guard.txt` that are names, `=name` kept.
    pub guarded: Vec<&'static str>,
    /// The lines of `blocklists/everyday.txt`: names that a list closes by mistake only, as far as
    /// a household is concerned. An update that newly closes several of them is suspect.
    pub everyday: Vec<&'static str>,
    /// The lists that others publish, in the order of `blocklists/sources.toml`.
    pub published: Vec<Published>,
}

/// A category of sites.
#[derive(Debug)]
pub struct Category {
    /// The id in the config file.
    pub id: &'static str,
    /// What a parent reads.
    pub words: Words,
    /// What each age band does with it, youngest first: [`BANDS`].
    pub by_band: [Stance; 5],
    /// Whether it guards against fraud and spying: closed for adults too, EDE 15.
    pub security: bool,
}

/// The ids of the built-in profiles by age, youngest first, with the first age beyond each.
pub const BANDS: [(&str, u8); 5] =
    [("0-6", 7), ("7-9", 10), ("10-12", 13), ("13-15", 16), ("16-17", 18)];

/// What a built-in profile does with a category.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stance {
    /// Closed.
    Closed,
    /// Closed, unless a restricted mode makes the service safe.
    ClosedUnlessSafe,
    /// Open.
    Open,
}

/// A service: an app or site with all its names.
#[derive(Debug)]
pub struct Service {
    /// The id in the config file.
    pub id: &'static str,
    /// Its proper name.
    pub label: &'static str,
    /// The category it belongs to.
    pub category: Option<&'static str>,
    /// Its names, one a line.
    pub names: &'static str,
}

/// A list of our own.
#[derive(Debug, Clone)]
pub struct Starter {
    /// The category it fills.
    pub category: &'static str,
    /// The text: one name a line; in base64 when `hidden`.
    pub text: &'static str,
    /// Whether the text is encoded so that it advertises nothing, and its names are never printed.
    pub hidden: bool,
}

/// The starter lists: the category of each, and its text.
const STARTERS: &[Starter] = &[
    shown("ads_trackers", include_str!("../../blocklists/starter/ads_trackers.txt")),
    shown("adult", include_str!("../../blocklists/starter/adult.txt")),
    shown("ai_companions", include_str!("../../blocklists/starter/ai_companions.txt")),
    shown("alcohol_tobacco", include_str!("../../blocklists/starter/alcohol_tobacco.txt")),
    shown("anon_qa", include_str!("../../blocklists/starter/anon_qa.txt")),
    shown("app_stores", include_str!("../../blocklists/starter/app_stores.txt")),
    shown("bypass", include_str!("../../blocklists/starter/bypass.txt")),
    shown("dating", include_str!("../../blocklists/starter/dating.txt")),
    shown("drugs", include_str!("../../blocklists/starter/drugs.txt")),
    shown("escort_ads", include_str!("../../blocklists/starter/escort_ads.txt")),
    shown("gambling", include_str!("../../blocklists/starter/gambling.txt")),
    shown("gore", include_str!("../../blocklists/starter/gore.txt")),
    shown("hate", include_str!("../../blocklists/starter/hate.txt")),
    shown("live_apps", include_str!("../../blocklists/starter/live_apps.txt")),
    shown("nudify", include_str!("../../blocklists/starter/nudify.txt")),
    shown("piracy", include_str!("../../blocklists/starter/piracy.txt")),
    shown("random_chat", include_str!("../../blocklists/starter/random_chat.txt")),
    shown("shorteners", include_str!("../../blocklists/starter/shorteners.txt")),
    shown("skins_gambling", include_str!("../../blocklists/starter/skins_gambling.txt")),
    shown("stalkerware", include_str!("../../blocklists/starter/stalkerware.txt")),
    shown("temp_mail_sms", include_str!("../../blocklists/starter/temp_mail_sms.txt")),
    shown("unblocked_games", include_str!("../../blocklists/starter/unblocked_games.txt")),
    shown("unsafe_search", include_str!("../../blocklists/starter/unsafe_search.txt")),
    shown("weapons", include_str!("../../blocklists/starter/weapons.txt")),
    Starter {
        category: "selfharm",
        text: include_str!("../../blocklists/starter/selfharm.b64"),
        hidden: true,
    },
];

const fn shown(category: &'static str, text: &'static str) -> Starter {
    Starter { category, text, hidden: false }
}

/// The catalogue, read once.
#[must_use]
pub fn catalogue() -> &'static Catalogue {
    static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue {
        categories: categories(include_str!("../../blocklists/categories.tsv")),
        services: services(include_str!("../../blocklists/services.txt")),
        starters: STARTERS.to_vec(),
        essentials: facts(include_str!("../../blocklists/essentials.txt")).collect(),
        noise: facts(include_str!("../../blocklists/noise.txt")).collect(),
        guarded: facts(include_str!("../../blocklists/list-guard.txt")).collect(),
        everyday: facts(include_str!("../../blocklists/everyday.txt")).collect(),
        published: published(include_str!("../../blocklists/sources.toml")),
    });
    &CATALOGUE
}

/// The text behind a hidden starter list. What is no base64 is no text: a table test holds that
/// ours is.
pub(super) fn unhide(text: &str) -> Vec<u8> {
    let code: Vec<u8> = text.bytes().filter(|octet| !octet.is_ascii_whitespace()).collect();
    data_encoding::BASE64.decode(&code).unwrap_or_default()
}

/// The lines that are neither blank nor comments.
fn facts(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn categories(text: &'static str) -> Vec<Category> {
    facts(text)
        .map(|line| {
            let columns: Vec<_> = line.split('\t').collect();
            let &[id, es, en, b0, b7, b10, b13, b16, guards] = columns.as_slice() else {
                panic!("blocklists/categories.tsv: `{line}` has no nine columns");
            };
            Category {
                id,
                words: Words::new(es, en),
                by_band: [b0, b7, b10, b13, b16].map(stance),
                security: guards == "security",
            }
        })
        .collect()
}

fn stance(word: &str) -> Stance {
    match word {
        "closed" => Stance::Closed,
        "safe" => Stance::ClosedUnlessSafe,
        "open" => Stance::Open,
        other => panic!("blocklists/categories.tsv: `{other}` is no stance"),
    }
}

/// Blocks of `[id] label | category` and then its names, a line each.
fn services(text: &'static str) -> Vec<Service> {
    text.split("\n[")
        .skip(1)
        .map(|block| {
            let (head, names) = block.split_once('\n').expect("names follow the head: table test");
            let (id, rest) = head.split_once("] ").expect("the head has an id: table test");
            let (label, category) = rest.split_once(" | ").expect("and a category: table test");
            let category = (category != "-").then_some(category);
            Service { id, label, category, names: names.trim_end() }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lists::guard::is_too_wide;
    use crate::name::Name;

    /// A name and where it stands.
    type Named = (String, Name);

    /// Every name of every service and starter list.
    fn names() -> Vec<Named> {
        let of_services = catalogue().services.iter().flat_map(|service| {
            service.names.lines().map(|line| (service.id.to_owned(), Name::parse(line).unwrap()))
        });
        let of_starters = catalogue().starters.iter().flat_map(|starter| {
            let text = if starter.hidden { unhide(starter.text) } else { starter.text.into() };
            let text = String::from_utf8(text).unwrap();
            let names: Vec<Named> = text
                .lines()
                .map(|line| (starter.category.to_owned(), Name::parse(line).unwrap()))
                .collect();
            names
        });
        of_services.chain(of_starters).collect()
    }

    fn is_category(id: &str) -> bool {
        catalogue().categories.iter().any(|category| category.id == id)
    }

    /// The names that are a service's own.
    fn service(id: &str) -> Vec<&'static str> {
        let service = catalogue().services.iter().find(|service| service.id == id).unwrap();
        service.names.lines().collect()
    }

    #[test]
    fn categories_and_services_share_one_namespace() {
        let ids = catalogue().categories.iter().map(|category| category.id);
        let mut ids: Vec<_> = ids.chain(catalogue().services.iter().map(|row| row.id)).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count);
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!(ids.iter().all(|id| id.chars().all(plain) && !id.is_empty()));
        assert!(!ids.contains(&"internet") && !ids.contains(&"everything"));
    }

    #[test]
    fn every_category_and_service_has_words_and_a_place() {
        assert_eq!(catalogue().categories.len(), 31);
        for category in &catalogue().categories {
            assert!(!category.words.es.is_empty() && !category.words.en.is_empty());
        }
        for service in &catalogue().services {
            assert!(!service.label.is_empty() && !service.names.is_empty(), "{}", service.id);
            assert!(service.category.is_none_or(is_category), "{}", service.id);
        }
    }

    #[test]
    fn only_what_guards_against_fraud_and_spying_is_a_matter_of_security() {
        let ids = catalogue().categories.iter().filter(|row| row.security).map(|row| row.id);
        assert_eq!(ids.collect::<Vec<_>>(), ["scam_phishing", "stalkerware"]);
    }

    #[test]
    fn video_is_closed_unless_it_can_be_made_safe_and_games_are_open() {
        use Stance::{Closed, ClosedUnlessSafe, Open};
        let stances =
            |id| catalogue().categories.iter().find(|category| category.id == id).unwrap().by_band;
        let to_twelve = [ClosedUnlessSafe, ClosedUnlessSafe, ClosedUnlessSafe, Open, Open];
        assert_eq!(stances("video"), to_twelve);
        assert_eq!(stances("games"), [Open; 5]);
        assert_eq!(stances("adult"), [Closed; 5]);
        assert_eq!(stances("messaging"), [Closed, Closed, Open, Open, Open]);
        assert_eq!(stances("bypass"), [Closed, Closed, Closed, Closed, Open]);
    }

    #[test]
    fn every_starter_file_is_embedded_and_fills_a_category_once() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/blocklists/starter");
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        let mut starters: Vec<_> =
            catalogue().starters.iter().map(|starter| starter.category).collect();
        files.sort_unstable();
        starters.sort_unstable();
        assert_eq!(files, starters);
        assert!(starters.iter().all(|category| is_category(category)));
    }

    #[test]
    fn a_category_without_names_of_its_own_is_known() {
        let empty: Vec<_> = catalogue()
            .categories
            .iter()
            .map(|category| category.id)
            .filter(|id| !catalogue().starters.iter().any(|starter| starter.category == *id))
            .filter(|id| !catalogue().services.iter().any(|row| row.category == Some(id)))
            .collect();
        assert_eq!(empty, ["scam_phishing"]);
    }

    #[test]
    fn every_name_is_a_site_and_stands_in_its_list_once() {
        let names = names();
        assert!(names.len() > 800);
        for (place, (list, name)) in names.iter().enumerate() {
            assert!(!is_too_wide(name), "{name} of {list}");
            let others = names.iter().enumerate().filter(|(other, row)| {
                *other != place && row.0 == *list && name.is_at_or_below(&row.1)
            });
            assert_eq!(others.count(), 0, "{name} of {list} is covered already");
        }
    }

    #[test]
    fn nothing_closes_an_essential_name_by_itself() {
        let essentials: Vec<Name> = catalogue()
            .essentials
            .iter()
            .map(|line| Name::parse(line.strip_prefix('=').unwrap_or(line)).unwrap())
            .collect();
        assert!(essentials.len() > 60);
        for (list, name) in names() {
            let is_dead = essentials.iter().any(|essential| name.is_at_or_below(essential));
            assert!(!is_dead, "{name} of {list} could never be closed");
            // Above an essential name only the owner of both stands; the essential speaks first.
            let owns = ["facebook", "nintendo"].contains(&list.as_str());
            let covers = essentials.iter().any(|essential| essential.is_at_or_below(&name));
            assert!(owns || !covers, "{name} of {list} stands above an essential name");
        }
    }

    #[test]
    fn what_many_services_share_belongs_to_none() {
        let shared = [
            "googleapis.com",
            "ggpht.com",
            "gstatic.com",
            "googleusercontent.com",
            "google.com",
            "akamaized.net",
            "akamaihd.net",
            "appspot.com",
            "amazonaws.com",
            "cloudfront.net",
            "fastly.net",
            "l-msedge.net",
            "live-video.net",
            "ssl-images-amazon.com",
            "riotgames.com",
            "easyanticheat.net",
            "fbcdn.net",
            "live.com",
            "login.live.com",
            "microsoft.com",
            "apple.com",
            "icloud.com",
        ];
        for (list, name) in names() {
            let text = name.to_string();
            assert!(!shared.contains(&text.as_str()), "{name} of {list}");
        }
        assert!(!service("instagram").contains(&"fbcdn.net"));
        assert!(!service("youtube").contains(&"youtubekids.com"));
        assert!(!service("twitch").contains(&"live-video.net"));
        assert!(!service("skype").contains(&"teams.microsoft.com"));
    }

    #[test]
    fn what_no_list_may_close_is_some_hundreds_of_names_and_none_of_ours() {
        let bare = catalogue().guarded.iter().map(|line| line.strip_prefix('=').unwrap_or(line));
        let guarded: Vec<Name> = bare.map(|line| Name::parse(line).unwrap()).collect();
        assert!(guarded.len() > 500);
        for (list, name) in names() {
            let useless = guarded.iter().find(|guarded| guarded.is_at_or_below(&name));
            assert!(useless.is_none(), "{name} of {list} stands at or above a guarded name");
        }
        // Of the kinds that public lists were seen to close.
        for kind in [
            "scarleteen.com",
            "gamblersanonymous.org",
            "988lifeline.org",
            "thetrevorproject.org",
            "amnesty.org",
            "usac.edu.gt",
            "nasa.gov",
            "mineduc.gob.gt",
            "segob.gob.mx",
            "banrural.com.gt",
            "login.live.com",
        ] {
            assert!(guarded.contains(&Name::parse(kind).unwrap()), "{kind}");
        }
    }

    #[test]
    fn everyday_names_are_sites_that_stand_there_once_and_that_nobody_means_to_close() {
        let everyday: Vec<Name> =
            catalogue().everyday.iter().map(|line| Name::parse(line).unwrap()).collect();
        assert!(everyday.len() > 200);
        for (place, name) in everyday.iter().enumerate() {
            assert_eq!(name.to_string(), catalogue().everyday[place]);
            assert!(!is_too_wide(name), "{name}");
            assert!(!everyday[..place].contains(name), "{name} stands there twice");
        }
        for starter in catalogue().starters.iter().filter(|row| !row.hidden) {
            // Schools use these; whoever closes the category means them.
            let meant = starter.category == "shorteners";
            for line in starter.text.lines() {
                let own = Name::parse(line).unwrap();
                let closed = everyday.iter().find(|name| name.is_at_or_below(&own));
                assert!(meant || closed.is_none(), "{line} of {}", starter.category);
            }
        }
    }

    #[test]
    fn noise_is_no_service_no_essential_name_and_stands_there_once() {
        let noise: Vec<(Name, bool)> = catalogue()
            .noise
            .iter()
            .map(|line| match line.strip_prefix('=') {
                Some(exact) => (Name::parse(exact).unwrap(), true),
                None => (Name::parse(line).unwrap(), false),
            })
            .collect();
        assert!((120..=250).contains(&noise.len()), "{}", noise.len());
        let covers = |(noise, is_exact): &(Name, bool), name: &Name| {
            if *is_exact { noise == name } else { name.is_at_or_below(noise) }
        };
        for (place, (name, _)) in noise.iter().enumerate() {
            let by = noise.iter().enumerate().find(|(at, one)| *at != place && covers(one, name));
            assert!(by.is_none(), "{name} is covered already");
            let bare = |line: &&str| Name::parse(line.strip_prefix('=').unwrap_or(line)).unwrap();
            let mut essentials = catalogue().essentials.iter().map(bare);
            let essential = essentials
                .find(|essential| name.is_at_or_below(essential) || essential.is_at_or_below(name));
            assert!(essential.is_none(), "{name} and the essential {essential:?}");
        }
        // What a service is known by stands first, and shows that somebody is there.
        for service in &catalogue().services {
            let first = service.names.lines().next().and_then(|line| Name::parse(line).ok());
            let first = first.unwrap();
            assert!(!noise.iter().any(|one| covers(one, &first)), "{first} of {}", service.id);
            let own = |line: &str| Name::parse(line).unwrap();
            let shown =
                service.names.lines().any(|line| !noise.iter().any(|n| covers(n, &own(line))));
            assert!(shown, "{}", service.id);
        }
    }

    #[test]
    fn noise_is_sorted_within_its_groups() {
        let text = include_str!("../../blocklists/noise.txt");
        let groups: Vec<&str> = text.split("\n\n").collect();
        assert!(groups.len() > 10);
        for group in groups {
            assert!(group.starts_with("# "), "each group says what it is: {group}");
            let names: Vec<&str> = facts(group).collect();
            assert!(names.is_sorted_by(|one, next| one < next), "{group}");
        }
    }

    #[test]
    fn what_must_advertise_nothing_is_encoded() {
        let hidden: Vec<_> = catalogue().starters.iter().filter(|row| row.hidden).collect();
        assert_eq!(hidden.len(), 1);
        assert!(!hidden[0].text.contains('.') && !unhide(hidden[0].text).is_empty());
    }
}
