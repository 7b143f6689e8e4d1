//! What `amparo doctor` says: each check's sentences, and what to do.

use super::{Sentence, Words};

// === The form ===

/// All is well with it.
pub static OK: Words = Words::new("bien", "ok");
/// It is worth knowing.
pub static NOTE: Words = Words::new("nota", "note");
/// The family is served, but not as it thinks.
pub static WARNING: Words = Words::new("aviso", "warning");
/// It does not work.
pub static FAILED: Words = Words::new("falla", "failed");
/// What to do.
pub static FIX: Words = Words::new("Qué hacer:", "What to do:");
/// How to take it back.
pub static UNDO: Words = Words::new("Para deshacerlo:", "To undo it:");
/// Nothing failed, and nothing is to be warned of.
pub static ALL_WELL: Words = Words::new("Todo está como debe.", "All is as it should be.");
/// How many failed and how many are warnings.
pub const COUNTED: Sentence =
    Sentence { es: "Fallas: {what}. Avisos: {who}.", en: "Failed: {what}. Warnings: {who}." };
/// Nobody on the network was asked.
pub static NOT_ASKED: Words = Words::new(
    "No se preguntó a nadie en la red (`--offline`).",
    "Nobody on the network was asked (`--offline`).",
);
/// Some, and so many more.
pub const AND_MORE: Sentence = Sentence { es: "{what} y {who} más", en: "{what} and {who} more" };
/// So many hours.
pub const HOURS: Sentence = Sentence { es: "{what} h", en: "{what} h" };
/// So many days.
pub const DAYS: Sentence = Sentence { es: "{what} días", en: "{what} days" };

// === What is looked at ===

/// The config file.
pub static CONFIG: Words = Words::new("reglas", "rules");
/// The state directory.
pub static STATE: Words = Words::new("estado", "state");
/// The port.
pub static PORT: Words = Words::new("puerto", "port");
/// The clock.
pub static CLOCK: Words = Words::new("reloj", "clock");
/// The upstreams.
pub static UPSTREAMS: Words = Words::new("orígenes", "upstreams");
/// The lists.
pub static LISTS: Words = Words::new("listas", "lists");
/// The devices.
pub static DEVICES: Words = Words::new("aparatos", "devices");
/// How the network is set up.
pub static SETUP: Words = Words::new("red", "network");
/// What the router hands out.
pub static ROUTER: Words = Words::new("enrutador", "router");

// === The config file ===

/// It passes.
pub const CONFIG_GOOD: Sentence = Sentence { es: "{what} está bien.", en: "{what} passes." };
/// It passes, with a warning.
pub const CONFIG_ODD_ONE: Sentence =
    Sentence { es: "{what} está bien, con 1 advertencia.", en: "{what} passes, with 1 warning." };
/// It passes, with so many warnings.
pub const CONFIG_ODD: Sentence = Sentence {
    es: "{what} está bien, con {who} advertencias.",
    en: "{what} passes, with {who} warnings.",
};
/// It has a mistake.
pub const CONFIG_WRONG_ONE: Sentence =
    Sentence { es: "{what} tiene 1 error.", en: "{what} has 1 mistake." };
/// It has so many mistakes.
pub const CONFIG_WRONG: Sentence =
    Sentence { es: "{what} tiene {who} errores.", en: "{what} has {who} mistakes." };
/// What is in force meanwhile.
pub static CONFIG_COPY_SERVES: Words = Words::new(
    "Mientras tanto vale la última copia buena.",
    "Its last good copy is what counts meanwhile.",
);
/// Nothing is in force meanwhile.
pub static CONFIG_NO_COPY: Words = Words::new(
    "Sin corregirlo, Amparo no arranca.",
    "Until that is mended, Amparo does not start.",
);
/// Mend it.
pub static CONFIG_MEND: Words = Words::new(
    "Corrija lo que se muestra arriba, y revise de nuevo:",
    "Mend what is shown above, then look again:",
);
/// There is none.
pub const CONFIG_NONE: Sentence = Sentence {
    es: "No hay archivo de reglas en {what}: todo aparato tiene el perfil 10-12.",
    en: "There is no config file at {what}: every device has the profile 10-12.",
};
/// There was one.
pub const CONFIG_GONE: Sentence = Sentence {
    es: "Había un archivo de reglas y ya no está en {what}; Amparo no arranca sin él.",
    en: "There was a config file, and there is none at {what} now; Amparo does not start \
         without it.",
};
/// Or go on without.
pub const CONFIG_GONE_OR: Sentence = Sentence {
    es: "O, para seguir sin reglas propias, borre su copia: rm {what}",
    en: "Or, to go on without rules of your own, remove its copy: rm {what}",
};
/// It cannot be read.
pub const CONFIG_UNREADABLE: Sentence =
    Sentence { es: "No se puede leer {what}: {who}", en: "{what} cannot be read: {who}" };
/// Name another, or look as root.
pub static CONFIG_UNREADABLE_FIX: Words = Words::new(
    "Pregunte como root, o nombre otro archivo con --config ARCHIVO.",
    "Ask as root, or name another file with --config FILE.",
);
/// Others may write it.
pub const CONFIG_WRITABLE: Sentence = Sentence {
    es: "Otros además de su dueño pueden escribir en {what} (modo {who}): quien escribe \
         allí decide las reglas.",
    en: "Others than its owner may write {what} (mode {who}): whoever writes there makes \
         the rules.",
};
/// Who runs amparo may not read it.
pub const CONFIG_CLOSED: Sentence = Sentence {
    es: "El usuario {who}, de quien es el directorio de estado, no puede leer {what}.",
    en: "User {who}, whose the state directory is, may not read {what}.",
};

// === The state directory ===

/// It can be written.
pub const STATE_GOOD: Sentence =
    Sentence { es: "Se puede guardar en {what}.", en: "{what} can be written." };
/// It is not there yet.
pub const STATE_MISSING: Sentence = Sentence {
    es: "{what} aún no existe; Amparo lo hace la primera vez que arranca.",
    en: "{what} is not there yet; Amparo makes it at its first start.",
};
/// It is not there, and this user cannot make it.
pub const STATE_CANNOT_BE_MADE: Sentence = Sentence {
    es: "{what} no existe, y este usuario no puede hacerlo.",
    en: "{what} is not there, and this user cannot make it.",
};
/// Make it as root.
pub static STATE_AS_ROOT: Words = Words::new(
    "Hágalo como root, o nombre otro con --state DIR:",
    "Make it as root, or name another one with --state DIR:",
);
/// It may not be looked at.
pub const STATE_CLOSED: Sentence = Sentence {
    es: "No se puede mirar en {what}: {who}",
    en: "{what} cannot be looked into: {who}",
};
/// Ask as its owner.
pub static STATE_AS_OWNER: Words = Words::new(
    "Pregunte como su dueño o como root. Si debe ser de quien pregunta, como root:",
    "Ask as its owner, or as root. If it is to be yours, as root:",
);
/// It is the running daemon's, another user.
pub const STATE_NOT_YOURS: Sentence = Sentence {
    es: "{what} es del usuario {who}, con el que Amparo está en marcha; este usuario no \
         escribe allí.",
    en: "{what} is of user {who}, as whom Amparo runs; this user may not write there.",
};
/// It is another user's.
pub const STATE_OF_ANOTHER: Sentence = Sentence {
    es: "{what} es del usuario {who}, y este usuario no puede escribir allí: Amparo no \
         arrancaría.",
    en: "{what} is of user {who}, and this user may not write there: Amparo would not \
         start.",
};
/// Its owner took the right away.
pub const STATE_UNWRITABLE: Sentence = Sentence {
    es: "Su propio dueño no puede escribir en {what}: Amparo no arranca.",
    en: "Its own owner may not write in {what}: Amparo does not start.",
};
/// The disk does not take anything.
pub const STATE_DISK: Sentence = Sentence {
    es: "No se puede guardar nada en {what}: {who}",
    en: "Nothing can be kept in {what}: {who}",
};
/// Others may look into it.
pub const STATE_OPEN: Sentence = Sentence {
    es: "Otros usuarios pueden mirar en {what} (modo {who}): allí está lo que sus hijos \
         preguntaron.",
    en: "Other users may look into {what} (mode {who}): what your children asked for is \
         in there.",
};
/// The disk is nearly full.
pub const STATE_ROOM: Sentence = Sentence {
    es: "Quedan {who} MiB para {what}; las listas y el registro pronto no cabrán.",
    en: "{who} MiB are left for {what}; lists and journal will soon find no room.",
};
/// Make room.
pub static STATE_ROOM_FIX: Words = Words::new(
    "Haga lugar en ese disco, o nombre otro directorio con [state] directory.",
    "Make room on that disk, or name another directory with [state] directory.",
);
/// The journal cannot be read.
pub const STATE_JOURNAL: Sentence = Sentence {
    es: "No se puede leer el registro de {what}: {who}",
    en: "The journal of {what} cannot be read: {who}",
};
/// This user may not look.
pub const STATE_LOCKED: Sentence = Sentence {
    es: "{what} es del usuario {who}; este usuario no puede mirar allí, y así no se ve \
         todo. Pregunte como root:",
    en: "{what} is of user {who}; this user may not look into it, and so much stays \
         unseen. Ask as root:",
};

// === The port ===

/// It is most likely our own.
pub const PORT_LIKELY_OURS: Sentence = Sentence {
    es: "{what}: alguien escucha allí, seguramente el propio Amparo. Solo a root se le \
         dice quién:",
    en: "{what}: somebody listens there, most likely Amparo itself. Root alone is told \
         who:",
};
/// The daemon listens there.
pub const PORT_OURS: Sentence =
    Sentence { es: "Amparo responde en {what}.", en: "Amparo answers on {what}." };
/// It is free.
pub const PORT_FREE: Sentence = Sentence { es: "{what} está libre.", en: "{what} is free." };
/// A program holds it.
pub const PORT_HELD: Sentence = Sentence {
    es: "{who} tiene {what}; Amparo no puede escuchar allí.",
    en: "{who} holds {what}; Amparo cannot listen there.",
};
/// Somebody holds it.
pub const PORT_HELD_UNKNOWN: Sentence = Sentence {
    es: "Otro programa tiene {what}; Amparo no puede escuchar allí.",
    en: "Another program holds {what}; Amparo cannot listen there.",
};
/// It may be this one.
pub const PORT_PERHAPS: Sentence =
    Sentence { es: "Quizá es {what}; entonces:", en: "It may be {what}; then:" };
/// Root is told who.
pub static PORT_ASK_ROOT: Words = Words::new(
    "El sistema solo le dice a root cuál programa es: sudo amparo doctor",
    "The system tells root alone which program it is: sudo amparo doctor",
);
/// We may not bind it.
pub const PORT_FORBIDDEN: Sentence = Sentence {
    es: "Este usuario no puede escuchar en {what}.",
    en: "This user may not listen on {what}.",
};
/// Give the right.
pub static PORT_FORBIDDEN_FIX: Words = Words::new(
    "Arranque Amparo como root, o dé ese derecho al programa (como root):",
    "Start Amparo as root, or give the program that right (as root):",
);
/// It is none of this machine's addresses.
pub const PORT_NOT_OURS: Sentence = Sentence {
    es: "{what} no es una dirección de este equipo.",
    en: "{what} is no address of this machine.",
};
/// Write one that is.
pub static PORT_NOT_OURS_FIX: Words = Words::new(
    "Escriba en `[dns] listen` una de las que se muestran, o quite esa línea.",
    "Write one of those shown into `[dns] listen`, or remove that line.",
);
/// This machine does not have IPv6.
pub const PORT_NO_FAMILY: Sentence = Sentence {
    es: "Este equipo no tiene IPv6: nadie pregunta en {what}.",
    en: "This machine has no IPv6: nobody asks on {what}.",
};
/// The system says something else.
pub const PORT_OTHER: Sentence = Sentence {
    es: "No se puede escuchar en {what}: {who}",
    en: "{what} cannot be listened on: {who}",
};
/// How systemd-resolved lets go of it.
pub static FIX_RESOLVED: Words = Words::new(
    "Haga que suelte el puerto y siga buscando nombres para este equipo (como root):",
    "Have it let go of the port, and go on finding names for this machine (as root):",
);
/// How dnsmasq lets go of it.
pub static FIX_DNSMASQ: Words = Words::new(
    "Que deje de responder preguntas y siga repartiendo direcciones, con este equipo \
         como DNS (como root):",
    "Have it answer no questions and go on handing out addresses, with this machine \
         as DNS (as root):",
);
/// How the dnsmasq that the network manager started ends.
pub static FIX_NETWORK_MANAGER: Words = Words::new(
    "NetworkManager lo arrancó; que no lo haga (como root):",
    "NetworkManager started it; have it do without (as root):",
);
/// How `connmand` lets go of it.
pub static FIX_CONNMAN: Words = Words::new(
    "Arránquelo con --nodnsproxy; las conexiones siguen (como root):",
    "Start it with --nodnsproxy; connections go on (as root):",
);
/// Another resolver.
pub const FIX_STOP: Sentence = Sentence {
    es: "{what} es otro servidor DNS: deténgalo. Las zonas propias que tenga van en \
         `[dns] forward` o `records`.",
    en: "{what} is another DNS server: stop it. Zones of its own go into `[dns] forward` \
         or `records`.",
};
/// Pi-hole.
pub const FIX_PIHOLE: Sentence = Sentence {
    es: "Es Pi-hole: apague su DNS y deje su DHCP y su página (desde la versión 6):",
    en: "It is Pi-hole: turn its DNS off; its DHCP and its page stay (version 6 or \
         later):",
};
/// A container.
pub const FIX_DOCKER: Sentence = Sentence {
    es: "Un contenedor publica el puerto 53. Vea cuál y deténgalo, o quite ese puerto:",
    en: "A container publishes port 53. See which one, and stop it or take that port from \
         it:",
};
/// Another amparo.
pub const FIX_AMPARO: Sentence = Sentence {
    es: "Es un Amparo que aquí no contesta: de otro usuario, o con otro directorio de \
         estado. Si es el que debe servir, todo está bien: pregunte como root, o con \
         --state DIR. Si no, deténgalo:",
    en: "It is an Amparo that does not answer here: of another user, or with another \
         state directory. If it is the one that is to serve, all is well: ask as root, or \
         with --state DIR. If not, stop it:",
};
/// The resolver of a network of virtual machines or containers.
pub const FIX_BRIDGE: Sentence = Sentence {
    es: "Es de {what}, para sus propias máquinas: déjelo y escuche al lado.",
    en: "It is of {what}, for its own machines: leave it, and listen beside it.",
};
/// A program nobody here knows.
pub const FIX_OTHER: Sentence = Sentence {
    es: "Vea qué es {what}, y deténgalo si no hace falta:",
    en: "See what {what} is, and stop it if it is not needed:",
};
/// Listen on other addresses.
pub static FIX_BESIDE: Words = Words::new(
    "O escuche solo en otras direcciones: en `[dns]`, listen = [\"127.0.0.1:53\", \
         \"192.168.1.2:53\"], con la de este equipo.",
    "Or listen on other addresses only: under `[dns]`, listen = [\"127.0.0.1:53\", \
         \"192.168.1.2:53\"], with this machine's own.",
);
/// Remove that line.
pub static FIX_BESIDE_UNDO: Words = Words::new("Quite la línea listen.", "Remove the line listen.");

// === The clock ===

/// Others keep it right.
pub const CLOCK_GOOD: Sentence = Sentence {
    es: "El reloj muestra {what} ({who}), y el sistema lo mantiene en hora.",
    en: "The clock shows {what} ({who}), and the system keeps it right.",
};
/// Nobody keeps it right.
pub const CLOCK_ALONE: Sentence = Sentence {
    es: "El reloj muestra {what} ({who}); el sistema no dice que alguien lo mantenga en \
         hora.",
    en: "The clock shows {what} ({who}); the system does not say that anybody keeps it \
         right.",
};
/// It is not believed.
pub const CLOCK_DOUBT: Sentence = Sentence {
    es: "El reloj muestra {what} ({who}) y no se le puede creer: mientras tanto vale lo \
         más estricto de cada horario.",
    en: "The clock shows {what} ({who}) and cannot be believed: the stricter side of \
         every schedule holds meanwhile.",
};
/// Have others keep it right.
pub static CLOCK_NTP: Words = Words::new(
    "Encienda la hora de la red (NTP) del sistema.",
    "Turn on the system's time by network (NTP).",
);
/// Or set it.
pub static CLOCK_SET: Words = Words::new(
    "O ponga el reloj en hora; Amparo lo nota enseguida.",
    "Or set the clock; Amparo notices at once.",
);
/// No zone was chosen.
pub const ZONE_NONE: Sentence = Sentence {
    es: "Ni el archivo ni el sistema dicen en qué zona horaria vive la familia ({what}): \
         las horas de dormir son las de Greenwich.",
    en: "Neither the file nor the system says in which time zone the family lives \
         ({what}): bedtimes are those of Greenwich.",
};
/// Write it.
pub static ZONE_FIX: Words = Words::new(
    "Escriba en `[household]`: timezone = \"America/Guatemala\", o la suya.",
    "Write under `[household]`: timezone = \"America/Guatemala\", or yours.",
);

// === The upstreams ===

/// Of whom it serves.
pub static GROUP_ADULTS: Words = Words::new("para adultos", "for adults");
/// Of whom it serves.
pub static GROUP_CHILDREN: Words = Words::new("para menores", "for children");
/// Of what it serves.
pub const GROUP_ZONE: Sentence =
    Sentence { es: "para la zona `{what}`", en: "for the zone `{what}`" };
/// It answers.
pub const UPSTREAM_ANSWERS: Sentence =
    Sentence { es: "{who} responde, en {what} ms.", en: "{who} answers, within {what} ms." };
/// It answers late.
pub const UPSTREAM_SLOW: Sentence = Sentence {
    es: "{who} responde, pero tarda {what} ms; uno más cercano se nota.",
    en: "{who} answers, but takes {what} ms; a nearer one is felt.",
};
/// It does not answer.
pub const UPSTREAM_SILENT: Sentence =
    Sentence { es: "{who} no respondió a tiempo.", en: "{who} did not answer in time." };
/// It cannot be reached.
pub const UPSTREAM_NETWORK: Sentence =
    Sentence { es: "No se llega a {who}: {what}.", en: "{who} cannot be reached: {what}." };
/// It cannot be trusted.
pub const UPSTREAM_TLS: Sentence =
    Sentence { es: "{who} no es de confianza: {what}.", en: "{who} is not to be trusted: {what}." };
/// It will not answer.
pub const UPSTREAM_DECLINES: Sentence = Sentence {
    es: "{who} no quiere responder (código {what}).",
    en: "{who} declines to answer (code {what}).",
};
/// Look at the way there.
pub static UPSTREAM_WAY: Words = Words::new(
    "¿Tiene internet este equipo? ¿Deja pasar el enrutador o el proveedor esos \
         puertos (53, 853)? Si no, escriba otro en `[dns] upstreams`.",
    "Has this machine internet? Do router and provider let these ports (53, 853) \
         pass? If not, write another one into `[dns] upstreams`.",
);
/// Look at the name and the clock.
pub static UPSTREAM_TRUST: Words = Words::new(
    "Revise el nombre detrás de `#` en su dirección, y que el reloj esté en hora; la autoridad de un \
     resolutor suyo va en `[dns] upstream_ca`.",
    "Look at the name behind `#` in its address, and whether the clock is right; the authority of a \
     resolver of your own belongs into `[dns] upstream_ca`.",
);
/// Choose another one.
pub static UPSTREAM_OTHER: Words = Words::new(
    "Escriba otro en `[dns] upstreams`, o pregunte a quien lo administra.",
    "Write another one into `[dns] upstreams`, or ask who runs it.",
);

// === The lists ===

/// So many serve.
pub const LISTS_GOOD: Sentence = Sentence {
    es: "Listas que sirven: {what}; nombres en ellas: {who}.",
    en: "Lists that serve: {what}; names in them: {who}.",
};
/// How old the oldest copy is.
pub const LISTS_AGE: Sentence =
    Sentence { es: "La copia más vieja tiene {what}.", en: "The oldest copy is {what} old." };
/// Some never came.
pub const LISTS_COMING: Sentence = Sentence {
    es: "Aún no han llegado, y sus nombres no están cerrados: {what}.",
    en: "These have not come yet, and their names are not closed: {what}.",
};
/// Wait, or hurry.
pub static LISTS_WAIT: Words =
    Words::new("Espere unos minutos, o descárguelas ya:", "Wait some minutes, or fetch them now:");
/// They come when it runs.
pub static LISTS_START: Words = Words::new(
    "Llegan cuando Amparo está en marcha con internet.",
    "They come when Amparo runs and has internet.",
);
/// Some are old.
pub const LISTS_OLD: Sentence = Sentence {
    es: "Estas copias son viejas, hasta de {who}: {what}.",
    en: "These copies are old, up to {who}: {what}.",
};
/// Something is wrong with one.
pub const LIST_TROUBLE: Sentence =
    Sentence { es: "Lista `{what}`: {who}.", en: "List `{what}`: {who}." };
/// This user may not look.
pub static LISTS_LOCKED: Words = Words::new(
    "Este usuario no puede mirar las listas que llegaron; pregunte como root.",
    "This user may not look at the lists that came; ask as root.",
);

// === The devices ===

/// So many are seen.
pub const DEVICES_SEEN: Sentence = Sentence {
    es: "Aparatos que el sistema conoce: {what} (direcciones: {who}).",
    en: "Devices that the kernel tells of: {what} (addresses: {who}).",
};
/// None is seen.
pub static DEVICES_NONE: Words = Words::new(
    "El sistema dirá qué aparato está detrás de una dirección; ahora no ve ninguno en \
         la red.",
    "The kernel will tell which device stands behind an address; it sees none on the \
         network now.",
);
/// Seen late, over IPv4 only.
pub const DEVICES_ARP: Sentence = Sentence {
    es: "Los aparatos nombrados por dirección física se reconocen solo por IPv4, y tarde \
         ({what} ahora).",
    en: "Devices named by hardware address are recognised over IPv4 only, and late \
         ({what} now).",
};
/// Not seen at all.
pub static DEVICES_BLIND: Words = Words::new(
    "Los aparatos nombrados por dirección física no se reconocen: cuentan como \
         desconocidos.",
    "Devices named by hardware address are not recognised: they count as unknown.",
);
/// Let it see them.
pub static DEVICES_FIX: Words = Words::new(
    "En un contenedor, déle la red del equipo (--network host). O nombre los aparatos \
         por su dirección IP.",
    "In a container, give it the machine's own network (--network host). Or name \
         devices by their IP address.",
);

// === The network ===

/// Nothing odd is seen.
pub static SETUP_GOOD: Words = Words::new(
    "Las preguntas llegan de cada aparato, como deben.",
    "Questions come from each device, as they should.",
);
/// Nobody asked yet.
pub static SETUP_NO_QUESTIONS: Words = Words::new(
    "Nadie ha preguntado aún: apunte el enrutador a este equipo.",
    "Nobody has asked yet: point the router at this machine.",
);
/// No daemon runs that would see it.
pub static SETUP_NO_DAEMON: Words = Words::new(
    "Amparo no está en marcha; solo así se ve si las preguntas llegan de cada \
         aparato.",
    "Amparo does not run; only then it is seen whether questions come from each \
         device.",
);
/// Start it.
pub static SETUP_START: Words = Words::new(
    "Arránquelo con `amparo`. Si ya está en marcha, pregunte como root, o nombre su \
         directorio de estado con --state DIR.",
    "Start it with `amparo`. If it runs already, ask as root, or name its state \
         directory with --state DIR.",
);

// === The router ===

/// Only root may ask.
pub static ROUTER_NOT_ROOT: Words = Words::new(
    "Solo root puede preguntar a la red qué DNS reparte:",
    "Root alone may ask the network which DNS it hands out:",
);
/// There is no network.
pub static ROUTER_NO_LINKS: Words = Words::new(
    "Este equipo no tiene red a la que preguntar qué DNS reparte.",
    "This machine has no network to ask which DNS it hands out.",
);
/// Nobody said anything.
pub static ROUTER_SILENT: Words = Words::new(
    "Nadie en la red dijo qué DNS reparte; mírelo en la página del enrutador.",
    "Nobody on the network said which DNS it hands out; look at the router's page.",
);
/// A DHCP client has the port.
pub static ROUTER_PORT_TAKEN: Words = Words::new(
    "Un cliente DHCP de este equipo tiene el puerto 68: no se preguntó qué DNS \
         reparte el enrutador por DHCP.",
    "A DHCP client of this machine has port 68: it was not asked which DNS the router \
         hands out over DHCP.",
);
/// Look on the page.
pub static ROUTER_LOOK: Words = Words::new(
    "Mírelo en la página del enrutador, en LAN o DHCP.",
    "Look at the router's page, under LAN or DHCP.",
);
/// How devices are told.
pub static WAY_DHCP: Words = Words::new("DHCP", "DHCP");
/// How devices are told.
pub static WAY_ADVERT: Words = Words::new("anuncio de IPv6", "IPv6 announcement");
/// It names us alone.
pub const ROUTER_GOOD: Sentence = Sentence {
    es: "{who} reparte {what}: este equipo.",
    en: "{who} hands out {what}: this machine.",
};
/// It names others too.
pub const ROUTER_ALSO: Sentence = Sentence {
    es: "{who} reparte también {what}: un rodeo a esta protección.",
    en: "{who} also hands out {what}: a way around this protection.",
};
/// It does not name us.
pub const ROUTER_OTHER: Sentence = Sentence {
    es: "{who} reparte {what}, que no es este equipo: las preguntas no llegan aquí.",
    en: "{who} hands out {what}, which is not this machine: questions do not come here.",
};
/// Set it on the page.
pub static ROUTER_FIX_DHCP: Words = Words::new(
    "En la página del enrutador, en LAN o DHCP, deje la dirección de este equipo como \
         único servidor DNS; luego apague y encienda el Wi-Fi de los aparatos.",
    "On the router's page, under LAN or DHCP, leave this machine's address as the \
         only DNS server; then switch the devices' Wi-Fi off and on.",
);
/// Set it on the page.
pub static ROUTER_FIX_ADVERT: Words = Words::new(
    "En la página del enrutador, en IPv6, ponga la dirección IPv6 de este equipo como \
         único DNS (RDNSS, DHCPv6), o que no reparta ninguno.",
    "On the router's page, under IPv6, set this machine's IPv6 address as the only \
         DNS (RDNSS, DHCPv6), or have it hand out none.",
);
/// Set it back.
pub static ROUTER_UNDO: Words = Words::new(
    "Ponga de nuevo el DNS del enrutador en automático.",
    "Set the router's DNS back to automatic.",
);
