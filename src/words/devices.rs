//! What is said of devices: which they are, whose, what is odd about them, and what is wrong with how
//! the network is set up.

use super::{Language, Sentence, Words};

// === Which device ===

/// A device of a maker.
pub const MADE_BY: Sentence =
    Sentence { es: "un dispositivo de {what}", en: "a device made by {what}" };
/// A device of which nothing is known.
pub static SOME_DEVICE: Words = Words::new("un dispositivo", "a device");
/// A device that makes up its hardware address.
pub static PRIVATE_ADDRESS: Words = Words::new("dirección privada", "private address");
/// A device was seen for the first time.
pub const NEW_DEVICE: Sentence =
    Sentence { es: "dispositivo nuevo: {what}", en: "new device: {what}" };
/// Whose it may be.
pub const MAY_BE: Sentence = Sentence {
    es: "¿es de {who}? `amparo devices assign {what}`",
    en: "is it {who}'s? `amparo devices assign {what}`",
};
/// Nobody's.
pub static NOBODYS: Words = Words::new("de nadie", "nobody's");
/// There are none.
pub static NO_DEVICES: Words = Words::new(
    "Todavía no se ha visto ningún dispositivo: apunte el DNS del router a este equipo.",
    "No device was seen yet: point the router's DNS at this box.",
);
/// What to do with those that are nobody's.
pub static HOW_TO_ASSIGN: Words = Words::new(
    "Para decir de quién es uno: amparo devices assign ID NIÑO",
    "To say whose one is: amparo devices assign ID CHILD",
);
/// Its questions of today.
pub static TODAY: Words = Words::new("hoy", "today");
/// When it was seen last.
pub static SEEN: Words = Words::new("visto", "seen");
/// A device was given to somebody.
pub const ASSIGNED: Sentence =
    Sentence { es: "{what} es ahora de {who}", en: "{what} is {who}'s now" };
/// A private address changes.
pub static ASSIGNED_PRIVATE: Words = Words::new(
    ". Es una dirección privada: apáguela para esta red en los ajustes de Wi-Fi del dispositivo, o al cambiar será otro dispositivo",
    ". It is a private address: turn it off for this network in the device's Wi-Fi settings, or it will be another device when it changes",
);
/// A device was forgotten.
pub const FORGOTTEN: Sentence = Sentence { es: "{what} está olvidado", en: "{what} is forgotten" };
/// It still stands in the file.
pub const STILL_IN_FILE: Sentence = Sentence {
    es: "; en el archivo sigue siendo de {who}",
    en: "; in the file it is still {who}'s",
};
/// No such device.
pub const NO_SUCH_DEVICE: Sentence = Sentence {
    es: "no se conoce ningún dispositivo `{what}`; `amparo devices` los muestra",
    en: "no device `{what}` is known; `amparo devices` shows them",
};
/// The heading of what is odd.
pub static ODD: Words = Words::new(
    "Dispositivos que pueden estar evitando el filtro",
    "Devices that may be going around the filter",
);

// === Signs ===

/// What may be a way around, by the words of `roster::SignKind`; `{what}` is a name or a time.
static SIGNS: [(&str, Sentence); 6] = [
    (
        "silent",
        Sentence {
            es: "estuvo conectado y dejó de preguntar ({what}): usa otro DNS, una VPN, o duerme",
            en: "it was connected and stopped asking ({what}): another DNS, a VPN, or it sleeps",
        },
    ),
    (
        "tunnel",
        Sentence {
            es: "muchísimos nombres largos bajo {what}: parece un túnel por DNS",
            en: "very many long names below {what}: it looks like a tunnel through DNS",
        },
    ),
    (
        "bypass_name",
        Sentence {
            es: "buscó una VPN, un proxy u otro DNS ({what}); está cerrado",
            en: "it looked for a VPN, a proxy or another DNS ({what}); that is closed",
        },
    ),
    (
        "relay",
        Sentence {
            es: "buscó el Relay privado de iCloud ({what}), como todo iPhone; está apagado aquí",
            en: "it looked for iCloud Private Relay ({what}), as every iPhone does; it is off here",
        },
    ),
    (
        "canary",
        Sentence {
            es: "Firefox preguntó si puede usar su propio DNS ({what}), como siempre; se le dijo que no",
            en: "Firefox asked whether it may use a DNS of its own ({what}), as it does; it was told no",
        },
    ),
    (
        "discovery",
        Sentence {
            es: "buscó DNS cifrado ({what}), como hacen los sistemas nuevos; aquí no lo hay",
            en: "it looked for encrypted DNS ({what}), as new systems do; there is none here",
        },
    ),
];

/// What a sign means; none for a word that is none.
#[must_use]
pub fn sign(word: &str) -> Option<&'static Sentence> {
    SIGNS.iter().find(|(kind, _)| *kind == word).map(|(_, sentence)| sentence)
}

/// A device may be on a way around: which, and why.
pub const SUSPICION: Sentence = Sentence { es: "{who}: {what}", en: "{who}: {what}" };

// === How the network is set up ===

/// All questions come from one address.
pub const ONE_ADDRESS: Sentence = Sentence {
    es: "todas las preguntas llegan de una sola dirección ({what}), y hay otros dispositivos en la red: no se distingue quién pregunta",
    en: "all questions come from one address ({what}), and other devices are on the network: nobody can tell who asks",
};
/// What to do about it.
pub static ONE_ADDRESS_FIX: [Words; 3] = [
    Words::new(
        "En el router, en LAN o DHCP, ponga la dirección de este equipo como servidor DNS que se entrega a los dispositivos, y no en la parte de Internet o WAN.",
        "On the router, under LAN or DHCP, set this box's address as the DNS server that is handed to devices, not under Internet or WAN.",
    ),
    Words::new(
        "Si es Docker: use la red del anfitrión (network_mode: host).",
        "If it is Docker: use the host's network (network_mode: host).",
    ),
    Words::new(
        "Si es otro resolvedor a propósito (dnsmasq): añádale `add-mac` y `add-subnet=32,128`, y aquí `trusted_forwarders` en [dns].",
        "If it is another resolver on purpose (dnsmasq): give it `add-mac` and `add-subnet=32,128`, and here `trusted_forwarders` under [dns].",
    ),
];
/// Nobody asks over IPv6.
pub const IPV6_BYPASS: Sentence = Sentence {
    es: "{what} dispositivos tienen direcciones IPv6 y nadie pregunta por IPv6: si el router anuncia otro DNS por IPv6, es una vía alrededor",
    en: "{what} devices have IPv6 addresses and nobody asks over IPv6: if the router announces another DNS over IPv6, that is a way around",
};
/// What to do about it.
pub static IPV6_BYPASS_FIX: [Words; 2] = [
    Words::new(
        "En el router, en IPv6, ponga la dirección IPv6 de este equipo como DNS (RDNSS y DHCPv6), o quite el anuncio de DNS por IPv6.",
        "On the router, under IPv6, set this box's IPv6 address as DNS (RDNSS and DHCPv6), or turn the announcement of DNS over IPv6 off.",
    ),
    Words::new(
        "`amparo doctor` como root pregunta al router qué DNS anuncia.",
        "`amparo doctor` as root asks the router which DNS it announces.",
    ),
];
/// Devices ask somebody else too.
pub const SECOND_RESOLVER: Sentence = Sentence {
    es: "de {what} veces que un dispositivo llegó a casa, {who} no preguntó nada aquí: parece que hay un segundo DNS",
    en: "of {what} times a device came home, {who} asked nothing here: there seems to be a second DNS",
};
/// What to do about it.
pub static SECOND_RESOLVER_FIX: [Words; 2] = [
    Words::new(
        "En el router, en LAN o DHCP, deje solo este equipo como DNS: un segundo servidor es una vía alrededor.",
        "On the router, under LAN or DHCP, leave this box as the only DNS: a second server is a way around.",
    ),
    Words::new(
        "En los dispositivos, apague el DNS privado (Android) y los perfiles de DNS.",
        "On the devices, turn private DNS (Android) and DNS profiles off.",
    ),
];
/// Where more is told.
pub static ASK_DOCTOR: Words =
    Words::new("`amparo doctor` dice qué hacer", "`amparo doctor` tells what to do");

/// A device in a few words: what it calls itself, who made it, whether its address is made up, where
/// it is.
#[must_use]
pub fn describe(
    language: Language,
    host: Option<&str>,
    maker: Option<&str>,
    is_random: bool,
    address: Option<&str>,
) -> String {
    let mut pieces: Vec<String> = Vec::new();
    match (host, maker) {
        (Some(host), Some(maker)) => pieces.push(format!("{host} ({maker})")),
        (Some(host), None) => pieces.push(host.to_owned()),
        (None, Some(maker)) => pieces.push(MADE_BY.fill(language, maker, "")),
        (None, None) => pieces.push(SOME_DEVICE.in_language(language).to_owned()),
    }
    if is_random {
        pieces.push(PRIVATE_ADDRESS.in_language(language).to_owned());
    }
    pieces.extend(address.map(str::to_owned));
    pieces.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_told_by_what_is_known_of_it() {
        let say = |language, host, maker, random| {
            describe(language, host, maker, random, Some("10.0.0.9"))
        };
        assert_eq!(say(Language::En, Some("tv"), Some("LG"), false), "tv (LG), 10.0.0.9");
        assert_eq!(
            say(Language::En, None, Some("Samsung"), false),
            "a device made by Samsung, 10.0.0.9"
        );
        assert_eq!(
            say(Language::Es, None, None, true),
            "un dispositivo, dirección privada, 10.0.0.9"
        );
        assert_eq!(describe(Language::En, Some("tv"), None, false, None), "tv");
    }
}
