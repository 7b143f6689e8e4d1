//! What `amparo device-setup` says: what to set on a phone or a computer so that it asks encrypted,
//! and tells whose it is.
//!
//! The names of menus are those that the systems and browsers show in each language.

use super::{Sentence, Words};

/// What follows is for somebody's devices.
pub const HEAD: Sentence = Sentence {
    es: "DNS cifrado para {who}, con el id {what}",
    en: "Encrypted DNS for {who}, with the id {what}",
};
/// What follows is for a device of nobody's.
pub const HEAD_NOBODYS: Sentence =
    Sentence { es: "DNS cifrado con el id {what}", en: "Encrypted DNS with the id {what}" };

// === Each kind of device ===

/// Where Android has it.
pub static ANDROID: Words = Words::new(
    "Ajustes → Red e Internet → DNS privado → Nombre de host del proveedor de DNS privado:",
    "Settings → Network & internet → Private DNS → Private DNS provider hostname:",
);
/// Android cannot name a port.
pub const ANDROID_PORT: Sentence = Sentence {
    es: "No se puede: Android pregunta solo en el puerto {what}, y `tls` escucha en otro.",
    en: "Not possible: Android asks at port {what} only, and `tls` listens at another one.",
};
/// Android knows DNS over TLS only.
pub static ANDROID_NEEDS_TLS: Words = Words::new(
    "No se puede: el DNS privado es DNS sobre TLS. Escriba `tls` en [dns.encrypted].",
    "Not possible: Private DNS is DNS over TLS. Write `tls` under [dns.encrypted].",
);
/// The id cannot stand in a name.
pub const NO_LABEL: Sentence = Sentence {
    es: "DNS sobre TLS y QUIC llevan el id en el nombre, y `{what}` no cabe en uno: elija un id de letras, cifras y `-`.",
    en: "DNS over TLS and QUIC carry the id in the name, and `{what}` fits into none: choose an id of letters, digits and `-`.",
};

/// How to have a profile written.
pub static APPLE_FIRST: Words = Words::new("Escriba su perfil:", "Write its profile:");
/// The profile is there.
pub const APPLE_WRITTEN: Sentence =
    Sentence { es: "El perfil está en {what}.", en: "The profile is in {what}." };
/// The profile is there, and what was there before was ours too.
pub const APPLE_REPLACED: Sentence = Sentence {
    es: "El perfil está en {what}, en lugar del que Amparo escribió antes.",
    en: "The profile is in {what}, in place of the one that Amparo wrote before.",
};
/// What to do with it.
pub static APPLE_THEN: Words = Words::new(
    "Envíelo al dispositivo (AirDrop, correo) y ábralo allí. En iPhone y iPad: Ajustes → General → VPN y gestión de dispositivos → el perfil → Instalar. En Mac: Ajustes del Sistema → General → Gestión de dispositivos.",
    "Send it to the device (AirDrop, mail) and open it there. On iPhone and iPad: Settings → General → VPN & Device Management → the profile → Install. On a Mac: System Settings → General → Device Management.",
);
/// It holds everywhere.
pub static APPLE_EVERYWHERE: Words = Words::new(
    "Vale en toda red: fuera de casa también. Para que valga solo en casa, añada --wifi con el nombre de su Wi-Fi.",
    "It holds on every network, away from home too. To have it hold at home only, add --wifi with your Wi-Fi's name.",
);
/// It holds at home.
pub const APPLE_WIFI: Sentence =
    Sentence { es: "Vale solo en el Wi-Fi {what}.", en: "It holds on the Wi-Fi {what} only." };
/// No profile is possible.
pub static APPLE_NEEDS: Words = Words::new(
    "no hay perfil posible: los dispositivos de Apple preguntan por DNS sobre HTTPS, o sobre TLS en el puerto 853",
    "no profile is possible: Apple's devices ask by DNS over HTTPS, or over TLS at port 853",
);
/// What to write for that.
pub static APPLE_NEEDS_HINT: Words =
    Words::new("escriba `https` en [dns.encrypted]", "write `https` under [dns.encrypted]");
/// The file is something else.
pub const NOT_OURS: Sentence = Sentence {
    es: "{what} ya existe y no es un perfil que Amparo haya escrito; se queda como está",
    en: "{what} exists and is no profile that Amparo wrote; it stays as it is",
};
/// What to do about it.
pub static NOT_OURS_HINT: Words =
    Words::new("nombre otro archivo, o borre ese", "name another file, or remove that one");
/// The file cannot be written.
pub const CANNOT_WRITE: Sentence = Sentence {
    es: "{what} no se puede escribir: {who}; nada cambió",
    en: "{what} cannot be written: {who}; nothing is changed",
};
/// What is no name of a Wi-Fi.
pub static BAD_WIFI: Words = Words::new(
    "--wifi: el nombre de un Wi-Fi tiene de 1 a 32 bytes, sin caracteres de control",
    "--wifi: a Wi-Fi's name has 1 to 32 octets, and no control characters",
);
/// The heading of the profile on the device.
pub const PROFILE_NAME: Sentence =
    Sentence { es: "DNS de casa: {who}", en: "The house's DNS: {who}" };
/// What the profile does, as the device shows it before it is installed.
pub const PROFILE_TEXT: Sentence = Sentence {
    es: "Este dispositivo pregunta los nombres de Internet, cifrados, a {what}. Allí valen las reglas de la familia.",
    en: "This device asks for names on the internet, encrypted, at {what}. The family's rules hold there.",
};

/// Where Firefox has it.
pub static FIREFOX: Words = Words::new(
    "Firefox: Ajustes → Privacidad y seguridad → DNS sobre HTTPS → Protección máxima → Personalizado.",
    "Firefox: Settings → Privacy & Security → DNS over HTTPS → Max Protection → Custom.",
);
/// Where Chrome and Edge have it.
pub static CHROME: Words = Words::new(
    "Chrome, Edge: Configuración → Privacidad y seguridad → Seguridad → Usar DNS seguro → proveedor personalizado:",
    "Chrome, Edge: Settings → Privacy and security → Security → Use secure DNS → custom provider:",
);
/// The heading of the browsers.
pub static BROWSERS: Words = Words::new("Navegadores", "Browsers");

/// Where Windows has it; the address of the resolver comes first.
pub const WINDOWS: Sentence = Sentence {
    es: "Configuración → Red e Internet → Wi-Fi o Ethernet → Propiedades de hardware → Asignación de servidor DNS → Editar → Manual → IPv4. DNS preferido: {what}. DNS sobre HTTPS: Activado (plantilla manual):",
    en: "Settings → Network & internet → Wi-Fi or Ethernet → Hardware properties → DNS server assignment → Edit → Manual → IPv4. Preferred DNS: {what}. DNS over HTTPS: On (manual template):",
};
/// Where the address of this machine is not known.
pub static THIS_MACHINE: Words =
    Words::new("la dirección de este equipo", "this machine's address");
/// The heading of what remains.
pub static OTHERS: Words = Words::new("Routers, Linux y otros", "Routers, Linux and others");

// === What else to know ===

/// Nobody has this id.
pub const UNLISTED: Sentence = Sentence {
    es: "Nadie tiene `id:{what}` todavía: con ese nombre el dispositivo pregunta, pero no se sabe de quién es.",
    en: "Nobody has `id:{what}` yet: with that name the device asks, but nobody knows whose it is.",
};
/// Somebody else may be meant.
pub const NEAR: Sentence = Sentence { es: "¿Quiso decir {what}?", en: "Did you mean {what}?" };
/// How to say so.
pub static SAY_WHOSE: Words = Words::new("Diga de quién es:", "Say whose it is:");
/// The same by hand.
pub const OR_IN_FILE: Sentence = Sentence {
    es: "O en el archivo, con los que ya estén, en {what}:",
    en: "Or in the file, beside those that are there, under {what}:",
};
/// What stands for somebody in a command.
pub static SOMEBODY: Words = Words::new("QUIÉN", "WHO");
/// What the certificate must be for.
pub const CERTIFICATE: Sentence = Sentence {
    es: "El certificado tiene que valer para {what}; si es de una CA propia, instálela antes en el dispositivo (el DNS privado de Android no acepta ninguna).",
    en: "The certificate must be for {what}; if it comes from a CA of your own, install that on the device first (Android's Private DNS accepts none).",
};
/// Away from home.
pub static AWAY: Words = Words::new(
    "Fuera de casa, un dispositivo así no tiene Internet donde no se llega a este nombre. docs/encrypted/LEAME.md",
    "Away from home, a device set up so has no internet where this name cannot be reached. docs/encrypted/README.md",
);
/// Between what a certificate must be for.
pub static AND: Words = Words::new("y", "and");

// === What is wrong ===

/// Nothing is set up.
pub static NO_LISTENER: Words = Words::new(
    "aquí no hay DNS cifrado: [dns.encrypted] no dice dónde escuchar",
    "there is no encrypted DNS here: [dns.encrypted] names no place to listen",
);
/// What to write; then come the lines.
pub static NO_LISTENER_HINT: Words = Words::new(
    "docs/encrypted/LEAME.md dice cómo; en el archivo de configuración:",
    "docs/encrypted/README.md tells how; in the config file:",
);
/// No name is written.
pub static NO_HOSTNAME: Words = Words::new(
    "`[dns.encrypted]` no tiene `hostname`: no hay nombre que dar a un dispositivo",
    "`[dns.encrypted]` has no `hostname`: there is no name to give to a device",
);
/// What to write.
pub static NO_HOSTNAME_HINT: Words = Words::new(
    "escriba el nombre del certificado: hostname = \"dns.example.org\"",
    "write the certificate's name: hostname = \"dns.example.org\"",
);
/// That is no id.
pub const BAD_ID: Sentence = Sentence {
    es: "`{what}` no es un id: nombre a un menor o un adulto, o un dispositivo con letras, cifras, `-`, `_` y `.`, 63 a lo más, como mateo-tel",
    en: "`{what}` is no id: name a child or an adult, or a device by letters, digits, `-`, `_` and `.`, 63 at most, like mateo-phone",
};
