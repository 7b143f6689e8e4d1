//! Services: what closing each of them closes, and above all what it leaves alone.
//!
//! An adult stands for each service: nothing else is closed for adults, so what a claim says of
//! somebody is said of that service.

use std::fmt::Write as _;

use amparo::lists::catalogue::catalogue;
use amparo::name::Name;
use amparo::policy::Action;

use super::{at, check, house, house_with, id_of};

/// An adult for each id, who closes just that.
fn each_closes(ids: &[&str]) -> String {
    let mut config = String::new();
    for id in ids {
        let _ = writeln!(config, "[adult.{id}]\nblock = [\"{id}\"]");
    }
    config
}

fn services() -> Vec<&'static str> {
    catalogue().services.iter().map(|service| service.id).collect()
}

/// The names behind lines of which some begin with `=`.
fn names(lines: &[&str]) -> Vec<Name> {
    let bare = lines.iter().map(|line| line.strip_prefix('=').unwrap_or(line));
    bare.map(|line| Name::parse(line).expect("a table test reads it")).collect()
}

// === One company's services are not one service ===

#[test]
fn instagram_closed_leaves_whatsapp_and_facebook_whole() {
    check(
        &house(&each_closes(&["instagram", "facebook", "messenger", "threads", "whatsapp"])),
        "
        instagram mon 12:00 www.instagram.com        => block service instagram
        instagram mon 12:00 scontent.cdninstagram.com => block service instagram
        instagram mon 12:00 scontent.xx.fbcdn.net    => allow default  # WhatsApp's pictures
        instagram mon 12:00 mmg.whatsapp.net         => allow default
        instagram mon 12:00 static.whatsapp.net      => allow default
        instagram mon 12:00 graph.facebook.com       => allow default
        instagram mon 12:00 www.facebook.com         => allow default
        instagram mon 12:00 www.threads.net          => allow default

        facebook  mon 12:00 m.facebook.com           => block service facebook
        facebook  mon 12:00 scontent.xx.fbcdn.net    => allow default
        facebook  mon 12:00 connect.facebook.net     => allow default  # other sites' sign-in
        facebook  mon 12:00 time.facebook.com        => allow essential
        facebook  mon 12:00 web.whatsapp.com         => allow default
        facebook  mon 12:00 mmg.whatsapp.net         => allow default
        facebook  mon 12:00 www.instagram.com        => allow default
        facebook  mon 12:00 www.messenger.com        => allow default

        messenger mon 12:00 edge-chat.facebook.com   => block service messenger
        messenger mon 12:00 www.facebook.com         => allow default
        threads   mon 12:00 www.instagram.com        => allow default
        whatsapp  mon 12:00 web.whatsapp.com         => block service whatsapp
        whatsapp  mon 12:00 scontent.xx.fbcdn.net    => allow default
        whatsapp  mon 12:00 www.instagram.com        => allow default
        ",
    );
}

#[test]
fn youtube_closed_leaves_googles_other_pictures_and_films() {
    check(
        &house(&each_closes(&["youtube", "gemini", "playstore"])),
        "
        youtube   mon 12:00 www.youtube.com          => block service youtube
        youtube   mon 12:00 r1---sn-x.googlevideo.com => block service youtube
        youtube   mon 12:00 i.ytimg.com              => block service youtube
        youtube   mon 12:00 youtubei.googleapis.com  => block service youtube
        youtube   mon 12:00 yt3.ggpht.com            => block service youtube
        youtube   mon 12:00 lh3.ggpht.com            => allow default
        youtube   mon 12:00 www.googleapis.com       => allow default
        youtube   mon 12:00 fonts.gstatic.com        => allow default
        youtube   mon 12:00 lh3.googleusercontent.com => allow default
        youtube   mon 12:00 www.youtubekids.com      => allow default
        youtube   mon 12:00 classroom.google.com     => allow default

        gemini    mon 12:00 gemini.google.com        => block service gemini
        gemini    mon 12:00 generativelanguage.googleapis.com => allow default
        gemini    mon 12:00 docs.google.com          => allow default

        playstore mon 12:00 play.google.com          => block service playstore
        playstore mon 12:00 play.googleapis.com      => allow default  # security updates
        playstore mon 12:00 android.clients.google.com => allow default
        playstore mon 12:00 mtalk.google.com         => allow default
        playstore mon 12:00 www.google.com           => allow default
        ",
    );
}

#[test]
fn games_closed_leave_schools_accounts_and_other_makers_tools() {
    check(
        &house(&each_closes(&["minecraft", "xbox", "fortnite", "leagueoflegends", "steam"])),
        "
        minecraft mon 12:00 sessionserver.mojang.com => block service minecraft
        minecraft mon 12:00 login.live.com           => allow default
        minecraft mon 12:00 login.microsoftonline.com => allow default
        minecraft mon 12:00 user.auth.xboxlive.com   => allow default
        xbox      mon 12:00 user.auth.xboxlive.com   => block service xbox
        xbox      mon 12:00 login.live.com           => allow default
        xbox      mon 12:00 www.microsoft.com        => allow default
        xbox      mon 12:00 www.minecraft.net        => allow default

        fortnite  mon 12:00 www.fortnite.com         => block service fortnite
        fortnite  mon 12:00 launcher.store.epicgames.com => block service fortnite
        fortnite  mon 12:00 www.artstation.com       => allow default
        fortnite  mon 12:00 www.unrealengine.com     => allow default
        fortnite  mon 12:00 sketchfab.com            => allow default
        fortnite  mon 12:00 easyanticheat.net        => allow default
        fortnite  mon 12:00 other.akamaized.net      => allow default

        leagueoflegends mon 12:00 lol.riotgames.com  => block service leagueoflegends
        leagueoflegends mon 12:00 auth.riotgames.com => allow default
        leagueoflegends mon 12:00 playvalorant.com   => allow default
        steam     mon 12:00 steamcdn-a.akamaihd.net  => block service steam
        steam     mon 12:00 other.akamaihd.net       => allow default
        ",
    );
}

#[test]
fn films_and_videos_closed_leave_the_hosts_that_others_share() {
    check(
        &house(&each_closes(&[
            "tiktok",
            "twitch",
            "netflix",
            "disneyplus",
            "primevideo",
            "snapchat",
            "spotify",
        ])),
        "
        tiktok     mon 12:00 www.tiktok.com          => block service tiktok
        tiktok     mon 12:00 v16-webapp.tiktokcdn.com => block service tiktok
        tiktok     mon 12:00 p16-tiktokcdn-com.akamaized.net => block service tiktok
        tiktok     mon 12:00 www.capcut.com          => allow default
        tiktok     mon 12:00 p16.ibyteimg.com        => allow default  # CapCut, Lemon8
        tiktok     mon 12:00 api.byteoversea.com     => allow default
        tiktok     mon 12:00 sf16.ibytedtos.com      => allow default
        tiktok     mon 12:00 other.akamaized.net     => allow default

        twitch     mon 12:00 usher.ttvnw.net         => block service twitch
        twitch     mon 12:00 x.contribute.live-video.net => allow default
        netflix    mon 12:00 www.netflix.com         => block service netflix
        netflix    mon 12:00 fast.com                => allow default
        disneyplus mon 12:00 disney.api.edge.bamgrid.com => block service disneyplus
        disneyplus mon 12:00 bamgrid.com             => allow default
        disneyplus mon 12:00 abcnews.com             => allow default

        primevideo mon 12:00 atv-ps.amazon.com       => block service primevideo
        primevideo mon 12:00 www.amazon.com          => allow default
        primevideo mon 12:00 images-na.ssl-images-amazon.com => allow default
        primevideo mon 12:00 s3.amazonaws.com        => allow default
        primevideo mon 12:00 d1.cloudfront.net       => allow default

        snapchat   mon 12:00 feelinsonice.appspot.com => block service snapchat
        snapchat   mon 12:00 other.appspot.com       => allow default
        spotify    mon 12:00 other.akamaized.net     => allow default
        ",
    );
}

#[test]
fn work_school_and_shops_closed_in_part_stay_open_in_the_rest() {
    check(
        &house(&each_closes(&["skype", "linkedin", "chatgpt", "mercadolibre", "icloud_relay"])),
        "
        skype        mon 12:00 www.skype.com         => block service skype
        skype        mon 12:00 teams.microsoft.com   => allow default
        linkedin     mon 12:00 l-0005.l-msedge.net   => allow default
        chatgpt      mon 12:00 chatgpt.com           => block service chatgpt
        chatgpt      mon 12:00 browser-intake-datadoghq.com => allow default
        mercadolibre mon 12:00 www.mercadolibre.com.gt => block service mercadolibre
        mercadolibre mon 12:00 http2.mlstatic.com    => allow default
        mercadolibre mon 12:00 www.mercadopago.com   => allow default
        icloud_relay mon 12:00 www.icloud.com        => allow default
        ",
    );
}

// === Labels, not letters ===

#[test]
fn a_short_service_name_is_no_end_of_a_longer_name() {
    check(
        &house(&each_closes(&["twitter", "hbomax", "line", "ea", "omegle_like", "character_ai"])),
        "
        twitter     mon 12:00 x.com            => block service twitter
        twitter     mon 12:00 api.x.com        => block service twitter
        twitter     mon 12:00 t.co             => block service twitter
        twitter     mon 12:00 www.netflix.com  => allow default
        twitter     mon 12:00 www.fedex.com    => allow default
        twitter     mon 12:00 www.target.co    => allow default
        hbomax      mon 12:00 www.max.com      => block service hbomax
        hbomax      mon 12:00 www.cinemax.com  => allow default
        hbomax      mon 12:00 www.imax.com     => allow default
        line        mon 12:00 liff.line.me     => block service line
        line        mon 12:00 www.online.me    => allow default
        ea          mon 12:00 www.ea.com       => block service ea
        ea          mon 12:00 www.ikea.com     => allow default
        omegle_like mon 12:00 ome.tv           => block service omegle_like
        omegle_like mon 12:00 superawesome.tv  => allow default
        character_ai mon 12:00 c.ai            => block service character_ai
        character_ai mon 12:00 abc.ai          => allow default
        ",
    );
}

// === Categories ===

#[test]
fn unofficial_app_stores_closed_leave_the_official_ones_open() {
    check(
        &house(&each_closes(&["app_stores", "bypass", "shorteners"])),
        "
        app_stores mon 12:00 m.apkpure.com           => block category app_stores
        app_stores mon 12:00 play.google.com         => allow default
        app_stores mon 12:00 play-fe.googleapis.com  => allow default
        app_stores mon 12:00 apps.apple.com          => allow default
        app_stores mon 12:00 itunes.apple.com        => allow default
        bypass     mon 12:00 nordvpn.com             => block category bypass
        bypass     mon 12:00 translate.google.com    => allow default
        bypass     mon 12:00 www.icloud.com          => allow default
        shorteners mon 12:00 forms.gle               => allow default
        ",
    );
}

#[test]
fn every_category_and_service_there_ever_was_can_be_closed_by_its_word() {
    // The words of the research that the catalogue was made from, none left out.
    let words = "tiktok youtube youtube_kids roblox fortnite minecraft discord snapchat instagram \
        threads whatsapp facebook messenger messenger_kids twitter reddit pinterest tumblr bereal \
        bluesky vk linkedin twitch kick netflix disneyplus hbomax primevideo hulu paramountplus \
        crunchyroll plutotv dailymotion vimeo bilibili spotify deezer soundcloud steam xbox \
        playstation nintendo leagueoflegends valorant ea freefire clashroyale genshin \
        unblocked_games telegram signal kik viber line wechat skype zoom omegle_like bigo amino \
        wizz yubo tinder grindr onlyfans anon_qa chatgpt gemini copilot meta_ai claude grok \
        deepseek perplexity character_ai replika temu shein mercadolibre playstore app_store \
        icloud_relay betting";
    let words: Vec<&str> = words.split_whitespace().collect();
    assert_eq!(words.len(), 83);
    let house = house(&each_closes(&words));
    let noon = at(&house, "mon", "12:00");
    let moment = house.policy.moment(noon);
    for id in words {
        let services = catalogue().services.iter().filter(|row| row.id == id);
        let starters = catalogue().starters.iter().filter(|row| row.category == id);
        let texts = services.map(|row| row.names).chain(starters.map(|row| row.text));
        let names: Vec<&str> = texts.flat_map(str::lines).collect();
        assert!(!names.is_empty(), "{id} has no name");
        for name in self::names(&names) {
            let verdict = house.policy.decide(id_of(&house, id), &name, &moment);
            assert_eq!(verdict.action, Action::Block, "{name} of {id}");
        }
    }
}

// === What no service may do ===

#[test]
fn no_service_closes_what_everybody_needs() {
    let ids = services();
    let house = house(&each_closes(&ids));
    let noon = at(&house, "mon", "12:00");
    let moment = house.policy.moment(noon);
    let needed = [names(&catalogue().guarded), names(&catalogue().essentials)].concat();
    for id in ids {
        for name in &needed {
            let verdict = house.policy.decide(id_of(&house, id), name, &moment);
            assert_ne!(verdict.action, Action::Block, "{id} closes {name}");
        }
    }
}

#[test]
fn what_lists_may_not_close_is_open_for_children_of_every_age() {
    let config = "[child.a3]\nage = 3\n[child.a9]\nage = 9\n[child.a14]\nage = 14\n";
    let house = house(config);
    let noon = at(&house, "mon", "12:00");
    let moment = house.policy.moment(noon);
    for name in names(&catalogue().guarded) {
        for who in ["a3", "a9", "a14"] {
            let verdict = house.policy.decide(id_of(&house, who), &name, &moment);
            assert_ne!(verdict.action, Action::Block, "{name} is closed for {who}");
        }
    }
}

#[test]
fn closing_a_service_opens_nothing_and_closes_its_own_names_only() {
    let ids = services();
    let mut config = "[child.plain]\nage = 9\n".to_owned();
    for id in &ids {
        let _ = writeln!(config, "[child.{id}]\nage = 9\nblock = [\"{id}\"]");
    }
    let house = house(&config);
    let noon = at(&house, "mon", "12:00");
    let moment = house.policy.moment(noon);
    let all: Vec<Vec<Name>> = catalogue()
        .services
        .iter()
        .map(|row| names(&row.names.lines().collect::<Vec<_>>()))
        .collect();
    let closed = |who: &str, name: &Name| {
        house.policy.decide(id_of(&house, who), name, &moment).action == Action::Block
    };
    for (id, own) in ids.iter().zip(&all) {
        for name in all.iter().flatten() {
            let is_own = own.iter().any(|owned| name.is_at_or_below(owned));
            assert_eq!(closed(id, name), is_own || closed("plain", name), "{id}: {name}");
        }
    }
}

// === A household's own ===

#[test]
fn own_categories_and_services_close_what_they_name_and_lists_fill_them() {
    let config = r#"
        [category.clubs]
        name = "Clubs"
        names = ["club.example", "=exact.example"]
        [category.filled]
        [service.pixelgame]
        names = "pixelgame.example"
        [service.tiktok]
        names = ["tiktok-mirror.example"]
        [category.gambling]
        names = ["lottery.example"]
        [list.more]
        category = "filled"
        file = "more.txt"
        [list.mirrors]
        category = "pixelgame"
        file = "mirrors.txt"
        [child.sofia]
        age = 9
        block = ["clubs", "filled", "pixelgame"]
        [child.mateo]
        age = 14
        block = ["tiktok"]
        [[child.mateo.schedule]]
        name = "homework"
        time = "15:00-17:00"
        block = ["clubs"]
        [child.garden]
        age = 9
        only = ["pixelgame"]
        "#;
    let files = [("more.txt", "filled.example\n"), ("mirrors.txt", "mirror.example\n")];
    let (house, _home) = house_with(config, &files);
    check(
        &house,
        "
        sofia  mon 12:00 www.club.example      => block category clubs
        sofia  mon 12:00 exact.example         => block category clubs
        sofia  mon 12:00 x.exact.example       => allow default
        sofia  mon 12:00 filled.example        => block category filled
        sofia  mon 12:00 pixelgame.example     => block service pixelgame
        sofia  mon 12:00 www.mirror.example    => block service pixelgame
        sofia  mon 12:00 lottery.example       => block category gambling
        mateo  mon 12:00 tiktok-mirror.example => block service tiktok
        mateo  mon 12:00 www.tiktok.com        => block service tiktok
        mateo  mon 12:00 www.club.example      => allow default
        mateo  mon 16:00 www.club.example      => block schedule homework
        mateo  mon 12:00 pixelgame.example     => allow default
        garden mon 12:00 www.mirror.example    => allow only
        garden mon 12:00 www.club.example      => block only
        ",
    );
}
