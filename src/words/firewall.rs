//! What `amparo firewall` says: what the rules do, for whom, and whether they hold.

use super::{Sentence, Words};

// === At the head of the rules ===

/// What they are.
pub static HEAD: Words = Words::new(
    "Reglas de Amparo contra los desvíos: el DNS a otros servidores se responde aquí, y el DNS \
     cifrado no conecta.",
    "Amparo's rules against ways around: DNS to other servers is answered here, and encrypted DNS \
     does not connect.",
);
/// What they are where the filter is another machine.
pub const HEAD_ELSEWHERE: Sentence = Sentence {
    es: "Reglas de Amparo contra los desvíos, para el enrutador: DNS solo hay en {what}, y el DNS \
         cifrado no conecta.",
    en: "Amparo's rules against ways around, for the router: there is DNS at {what} only, and \
         encrypted DNS does not connect.",
};
/// How they are loaded.
pub const HOW_TO_APPLY: Sentence =
    Sentence { es: "Para ponerlas (como root): {what}", en: "To load them (as root): {what}" };
/// How they are taken back.
pub const HOW_TO_UNDO: Sentence =
    Sentence { es: "Para quitarlas: {what}", en: "To take them back: {what}" };
/// How it is seen that they hold.
pub static HOW_TO_TEST: Words = Words::new(
    "Para probarlas, desde el aparato de un niño: amparo firewall test",
    "To try them, from a child's device: amparo firewall test",
);
/// How long they are there.
pub static UNTIL_RESTART: Words = Words::new(
    "Duran hasta que la máquina se reinicia; docs/firewall dice cómo ponerlas en cada arranque.",
    "They last until this machine restarts; docs/firewall tells how to load them at every start.",
);
/// Whom they are for.
pub const FOR_WHOM: Sentence = Sentence { es: "Valen para {what}.", en: "They are for {what}." };
/// Children and strangers.
pub static CHILDREN_AND_STRANGERS: Words = Words::new(
    "los aparatos de niños y los que no son de nadie; los de adultos quedan libres",
    "children's devices and those that are nobody's; adults' are free",
);
/// Children alone.
pub static CHILDREN_ALONE: Words = Words::new(
    "los aparatos de niños; los demás quedan libres",
    "children's devices; all others are free",
);

// === Notices ===

/// This machine forwards nothing.
pub static FORWARDS_NOTHING: Words = Words::new(
    "Por esta máquina no pasa nada: no reenvía paquetes, así que estas reglas no detienen a nadie. \
     Deben estar en el enrutador: `amparo firewall nftables --amparo DIRECCIÓN` (u `openwrt`) \
     escribe las de allí; DIRECCIÓN es la de esta máquina.",
    "Nothing passes through this machine: it forwards no packets, so these rules stop nobody. They \
     must be on the router: `amparo firewall nftables --amparo ADDRESS` (or `openwrt`) writes those \
     for it; ADDRESS is this machine's.",
);
/// There is one network only.
pub static ONE_NETWORK: Words = Words::new(
    "Esta máquina tiene una sola red, y está al lado del enrutador: lo que los aparatos piden a \
     otros no pasa por ella.",
    "This machine has one network only, so it stands beside the router: what devices ask others \
     does not pass through it.",
);
/// No way out is known.
pub static NO_WAY_OUT: Words = Words::new(
    "No se sabe qué interfaz lleva a Internet (no hay ruta por omisión): las reglas nombran todas. \
     Nombre las de la casa con --house INTERFAZ.",
    "It is not known which interface leads to the internet (there is no default route): the rules \
     name them all. Name the house's with --house INTERFACE.",
);
/// It does not answer over IPv4 or IPv6.
pub const NO_DOOR: Sentence = Sentence {
    es: "Amparo no responde por IPv{what} en esta máquina: el DNS simple por IPv{what} se rechaza.",
    en: "Amparo does not answer over IPv{what} on this machine: plain DNS over IPv{what} is refused.",
};
/// What cannot be seen in a packet.
pub const LEFT_OUT: Sentence = Sentence {
    es: "{what} (de {who}) queda fuera: ningún paquete muestra un id. Escriba también su dirección \
         de hardware.",
    en: "{what} ({who}'s) is left out: no packet shows an id. Write its hardware address as well.",
};
/// What is known by its name, and there.
pub const HOST_NOW: Sentence = Sentence {
    es: "{what} (de {who}) está en las reglas como se lo ve ahora: si cambia, póngalas otra vez.",
    en: "{what} ({who}'s) is in the rules as it is seen now: when it changes, load them again.",
};
/// What is known by its name, and nowhere.
pub const HOST_UNSEEN: Sentence = Sentence {
    es: "{what} (de {who}) queda fuera: nadie lo ha visto. Ponga las reglas otra vez cuando esté.",
    en: "{what} ({who}'s) is left out: nobody has seen it. Load the rules again when it is there.",
};
/// Strangers are free.
pub static STRANGERS_FREE: Words = Words::new(
    "Los aparatos que no son de nadie quedan libres, porque `unknown_devices` es \"open\".",
    "Devices that are nobody's are free, since `unknown_devices` is \"open\".",
);
/// They are for nobody.
pub static NOBODY: Words = Words::new(
    "Ningún niño tiene un aparato que estas reglas vean: no detienen a nadie.",
    "No child has a device that these rules can see: they stop nobody.",
);

// === Doing it ===

/// They are in force.
pub static APPLIED: Words = Words::new("Las reglas están puestas.", "The rules are in force.");
/// They are gone.
pub static UNDONE: Words = Words::new("Las reglas están quitadas.", "The rules are taken back.");
/// It did not work.
pub const NOT_APPLIED: Sentence = Sentence {
    es: "las reglas no se pusieron: `{what}`: {who}. Vale lo que valía antes",
    en: "the rules were not loaded: `{what}`: {who}. What held before still holds",
};
/// Taking them back did not work.
pub const NOT_UNDONE: Sentence = Sentence {
    es: "las reglas no se quitaron: `{what}`: {who}",
    en: "the rules were not taken back: `{what}`: {who}",
};
/// This is no `OpenWrt`.
pub static NO_UCI: Words = Words::new(
    "aquí no hay `uci`: esto no es OpenWrt. Nada se cambió",
    "there is no `uci` here: this is no OpenWrt. Nothing was changed",
);
/// Where the script is to be run.
pub static NO_UCI_HINT: Words = Words::new(
    "sin --apply se imprime lo que hay que escribir en el enrutador",
    "without --apply it prints what to type on the router",
);
/// An interface that cannot be one.
pub const NO_INTERFACE: Sentence = Sentence {
    es: "`{what}` no es nombre de interfaz: letras, cifras y `-_.@:+`, 15 a lo sumo",
    en: "`{what}` is no name of an interface: letters, digits and `-_.@:+`, 15 at most",
};

// === Trying it ===

/// What the columns are.
pub static COLUMNS: [Words; 3] = [
    Words::new("servidor", "resolver"),
    Words::new("modo", "way"),
    Words::new("resultado", "result"),
];
/// What each way is called, by its word.
pub static WAYS: [(&str, Words); 6] = [
    ("dns_udp", Words::new("DNS, UDP", "DNS, UDP")),
    ("dns_tcp", Words::new("DNS, TCP", "DNS, TCP")),
    ("dns_over_tls", Words::new("DNS sobre TLS", "DNS over TLS")),
    ("dns_over_quic", Words::new("DNS sobre QUIC", "DNS over QUIC")),
    ("dns_over_https", Words::new("DNS sobre HTTPS", "DNS over HTTPS")),
    ("dns_over_http3", Words::new("DNS sobre HTTP/3", "DNS over HTTP/3")),
];
/// What each outcome is called, by its word.
pub static OUTCOMES: [(&str, Words); 6] = [
    ("amparo", Words::new("responde Amparo", "Amparo answers")),
    (
        "foreign",
        Words::new("RESPONDE OTRO: se puede evitar el filtro", "ANOTHER ANSWERS: a way around"),
    ),
    ("open", Words::new("CONECTA: se puede evitar el filtro", "IT CONNECTS: a way around")),
    ("refused", Words::new("rechazado", "refused")),
    ("silent", Words::new("no responde nadie", "nobody answers")),
    ("no_way", Words::new("no hay camino desde aquí", "there is no way from here")),
];
/// They hold.
pub static HOLDS: Words =
    Words::new("Las reglas valen para este aparato.", "The rules hold for this device.");
/// They do not.
pub static HOLDS_NOT: Words = Words::new(
    "Las reglas no valen para este aparato, o no se pudo probar.",
    "The rules do not hold for this device, or it could not be shown.",
);
/// From where to ask.
pub static FROM_WHERE: Words = Words::new(
    "Pruebe desde un aparato de niño en la red de la casa: lo que pregunta el enrutador mismo, o un \
     adulto, nunca pasa por ellas.",
    "Try from a child's device on the house's network: what the router itself asks, or an adult, \
     never meets them.",
);
