//! What `amparo init` asks and says, and the comments of the file it writes.

use super::{Sentence, Words};

// === The file ===

/// The beginning of the file.
pub static FILE_HEAD: Words = Words::new(
    "Las reglas de la familia. Amparo toma los cambios por sí solo; `amparo \
         check`\ndice qué está mal. Lo que sigue a un # no cuenta: quítelo para que \
         valga.",
    "The rules of the family. Amparo takes changes by itself; `amparo check` \
         says\nwhat is wrong. What follows a # does not count: take it away to use it.",
);
/// Of the key `timezone`.
pub static FILE_ZONE: Words = Words::new("el reloj de los horarios", "whose clock schedules go by");
/// Of the key `country`.
pub static FILE_COUNTRY: Words =
    Words::new("de cuál país se muestra ayuda", "whose help lines are shown");
/// Of the key `unknown_devices`.
pub static FILE_UNKNOWN: Words =
    Words::new("o \"block\" u \"open\": los de nadie", "or \"block\", \"open\": nobody's devices");
/// Of the key `block` of the household.
pub static FILE_BLOCK_ALL: Words = Words::new("cerrado para toda la casa", "closed for everyone");
/// Above the children.
pub static FILE_CHILDREN: Words = Words::new(
    "Los menores. De la edad salen las reglas; lo que se escribe aquí se añade.\nUn \
         aparato es una dirección física, una dirección o un rango.",
    "The children. Rules come with the age; what is written here is added.\nA device \
         is a hardware address, an address or a range.",
);
/// Above the adults.
pub static FILE_ADULTS: Words = Words::new(
    "Los adultos: para ellos solo se cierran estafas y programas espía.",
    "The adults: only scams and stalkerware are closed for them.",
);
/// Of the key `age`.
pub static FILE_AGE: Words = Words::new("de 0 a 17", "0 to 17");
/// Of somebody without devices.
pub static FILE_NO_DEVICES: Words = Words::new(
    "Aún sin aparatos: devices = [\"3c:22:fb:12:34:56\"]",
    "No devices yet: devices = [\"3c:22:fb:12:34:56\"]",
);
/// Of the key `bedtime`.
pub static FILE_BEDTIME: Words =
    Words::new("todo cerrado a estas horas", "everything closed meanwhile");
/// Of the key `block`.
pub static FILE_BLOCK: Words =
    Words::new("un servicio, una categoría, un nombre", "a service, a category, a name");
/// Of the key `allow`.
pub static FILE_ALLOW: Words = Words::new("siempre abierto", "always open");
/// Of the key `budget`.
pub static FILE_BUDGET: Words = Words::new("tanto tiempo al día", "so much time a day");
/// Above a schedule.
pub static FILE_SCHEDULE: Words =
    Words::new("Un horario; se pueden escribir varios.", "A schedule; there may be several.");
/// The name of a schedule.
pub static FILE_HOMEWORK: Words = Words::new("tareas", "homework");
/// Above a list.
pub static FILE_LIST: Words = Words::new(
    "Una lista propia de nombres; `amparo lists` muestra todas.",
    "A list of names of your own; `amparo lists` shows all.",
);
/// Above what is technical.
pub static FILE_DNS: Words = Words::new(
    "Dónde se escucha y a quién se pregunta; lo que falta tiene un buen valor.",
    "Where to listen, and whom to ask; what is left out has a good default.",
);

// === Questions ===

/// The beginning.
pub static HELLO: Words = Words::new(
    "Unas preguntas y su familia tiene reglas. Intro acepta lo que está entre [ \
         ].\nNada se escribe antes de mostrárselo; Ctrl-D termina sin escribir.",
    "A few questions, and your family has rules. Enter takes what stands in [ \
         ].\nNothing is written before you have seen it; Ctrl-D ends without writing.",
);
/// Which language; asked in both.
pub static ASK_LANGUAGE: Words = Words::new("Idioma: es o en", "Language: es or en");
/// Which time zone.
pub static ASK_ZONE: Words = Words::new("Zona horaria, o su ciudad", "Time zone, or its city");
/// Which country.
pub static ASK_COUNTRY: Words =
    Words::new("País, dos letras (vacío: ninguno)", "Country, two letters (empty: none)");
/// Which country, where one is offered.
pub static ASK_COUNTRY_KNOWN: Words = Words::new("País, dos letras", "Country, two letters");
/// The name of a child.
pub static ASK_CHILD: Words = Words::new(
    "Nombre de un hijo o una hija (vacío: no hay más)",
    "Name of a child (empty: no more)",
);
/// The age.
pub const ASK_AGE: Sentence = Sentence { es: "Edad de {what}", en: "Age of {what}" };
/// The bedtime.
pub const ASK_BEDTIME: Sentence = Sentence {
    es: "Hora de dormir de {what}, como 20:30-06:30 (vacío: ninguna)",
    en: "Bedtime of {what}, like 20:30-06:30 (empty: none)",
};
/// The name of an adult.
pub static ASK_ADULT: Words =
    Words::new("Nombre de un adulto (vacío: no hay más)", "Name of an adult (empty: no more)");
/// Above the devices that are seen.
pub static DEVICES_SEEN: Words =
    Words::new("Aparatos que se ven ahora en la red:", "Devices seen on the network now:");
/// No device is seen.
pub static DEVICES_NONE: Words = Words::new(
    "Ahora no se ve ningún aparato; la dirección física está en sus ajustes de Wi-Fi.",
    "No device is seen now; the hardware address is in its Wi-Fi settings.",
);
/// Which devices.
pub const ASK_DEVICES: Sentence = Sentence {
    es: "Aparatos de {what}: números o direcciones, con comas (vacío: ninguno)",
    en: "Devices of {what}: numbers or addresses, with commas (empty: none)",
};
/// A device that makes its address up.
pub static ADDRESS_CHANGES: Words =
    Words::new("dirección privada: puede cambiar", "private address: it may change");
/// Whether to write it.
pub const ASK_WRITE: Sentence =
    Sentence { es: "¿Escribirlo en {what}? sí o no", en: "Write it to {what}? yes or no" };
/// Yes.
pub static YES: Words = Words::new("sí", "yes");

// === What is wrong with an answer ===

/// It is no text.
pub static BAD_TEXT: Words = Words::new(
    "Eso no es texto UTF-8, o es demasiado largo.",
    "That is no UTF-8 text, or it is too long.",
);
/// It is no language.
pub static BAD_LANGUAGE: Words = Words::new(
    "Escriba es (español) o en (inglés). / Write es (Spanish) or en (English).",
    "Write es (Spanish) or en (English). / Escriba es (español) o en (inglés).",
);
/// It is no zone.
pub const BAD_ZONE: Sentence = Sentence {
    es: "No hay zona horaria «{what}». Escriba su nombre, como America/Guatemala, o su \
         ciudad.",
    en: "There is no time zone “{what}”. Write its name, like America/Guatemala, or its \
         city.",
};
/// It is nearly a zone.
pub const BAD_ZONE_NEAR: Sentence = Sentence {
    es: "No hay zona horaria «{what}». ¿Quiso decir {who}?",
    en: "There is no time zone “{what}”. Did you mean {who}?",
};
/// It is no country.
pub const BAD_COUNTRY: Sentence = Sentence {
    es: "«{what}» no es un país. Escriba sus dos letras, como GT.",
    en: "“{what}” is no country. Write its two letters, like GT.",
};
/// It is no name.
pub const BAD_NAME: Sentence = Sentence {
    es: "Escriba un nombre de 1 a {what} letras.",
    en: "Write a name of 1 to {what} letters.",
};
/// It is no age of a child.
pub const BAD_AGE: Sentence = Sentence {
    es: "«{what}» no es la edad de un menor. Escriba los años, de 0 a {who}; desde los 18 \
         es un adulto.",
    en: "“{what}” is not the age of a child. Write the years, 0 to {who}; from 18 on it \
         is an adult.",
};
/// It is no bedtime.
pub const BAD_BEDTIME: Sentence = Sentence {
    es: "«{what}» no es un horario. Escriba desde y hasta, como 20:30-06:30.",
    en: "“{what}” is no window of time. Write from and to, like 20:30-06:30.",
};
/// There is no such device.
pub const BAD_NUMBER: Sentence = Sentence {
    es: "No hay aparato {what} en la lista.",
    en: "There is no device {what} in the list.",
};
/// It is no device.
pub const BAD_DEVICE: Sentence = Sentence {
    es: "«{what}» no es un aparato. Escriba un número de la lista, una dirección física \
         (3c:22:fb:12:34:56) o una dirección (192.168.1.42).",
    en: "“{what}” is no device. Write a number of the list, a hardware address \
         (3c:22:fb:12:34:56) or an address (192.168.1.42).",
};
/// It is somebody's.
pub const TAKEN_DEVICE: Sentence =
    Sentence { es: "«{what}» ya es de {who}.", en: "“{what}” is {who}'s already." };
/// There are too many.
pub const TOO_MANY_DEVICES: Sentence = Sentence {
    es: "Son demasiados aparatos: hasta {what} por persona.",
    en: "These are too many devices: {what} for a person at most.",
};
/// There are too many.
pub const TOO_MANY_PEOPLE: Sentence = Sentence {
    es: "Son demasiadas personas: hasta {what}. Añada el resto en el archivo.",
    en: "These are too many people: {what} at most. Add the rest in the file.",
};
/// It is neither yes nor no.
pub static BAD_YES: Words = Words::new("Escriba sí o no.", "Write yes or no.");
/// `--child` is wrong.
pub const BAD_CHILD_FLAG: Sentence = Sentence {
    es: "`--child {what}`: escriba NOMBRE:EDAD o NOMBRE:EDAD:HORAS, como mateo:14 o \
         sofía:9:20:30-06:30.",
    en: "`--child {what}`: write NAME:AGE or NAME:AGE:BEDTIME, like mateo:14 or \
         sofía:9:20:30-06:30.",
};
/// `--device` is wrong.
pub const BAD_DEVICE_FLAG: Sentence = Sentence {
    es: "`--device {what}`: escriba QUIÉN=DIRECCIÓN, como sofia=3c:22:fb:12:34:56.",
    en: "`--device {what}`: write WHO=ADDRESS, like sofia=3c:22:fb:12:34:56.",
};
/// Nobody is called that.
pub const NOBODY: Sentence = Sentence {
    es: "`--device {what}`: nadie se llama así aquí; hay: {who}.",
    en: "`--device {what}`: nobody is called that here; there are: {who}.",
};

// === The end ===

/// There is one already.
pub const EXISTS: Sentence = Sentence {
    es: "{what} ya existe y queda como está",
    en: "{what} is there already, and stays as it is",
};
/// What to do with it.
pub const EXISTS_HINT: Sentence = Sentence {
    es: "revíselo con `amparo check {what}`, cámbielo en un editor, o escriba otro con \
         --config ARCHIVO",
    en: "look at it with `amparo check {what}`, change it in an editor, or write another \
         one with --config FILE",
};
/// The answers ended.
pub static STOPPED: Words = Words::new(
    "se acabaron las respuestas; no se escribió nada",
    "the answers ended; nothing was written",
);
/// Too many wrong answers.
pub static TOO_OFTEN: Words = Words::new(
    "demasiadas respuestas que no sirven; no se escribió nada",
    "too many answers that do not serve; nothing was written",
);
/// It was not to be written.
pub static DECLINED: Words = Words::new("No se escribió nada.", "Nothing was written.");
/// It cannot be written.
pub const CANNOT_WRITE: Sentence =
    Sentence { es: "no se puede escribir {what}: {who}", en: "{what} cannot be written: {who}" };
/// What to do.
pub static CANNOT_WRITE_HINT: Words = Words::new(
    "hágalo como root, o nombre otro archivo con --config ARCHIVO",
    "do it as root, or name another file with --config FILE",
);
/// It is written.
pub const WRITTEN: Sentence = Sentence { es: "Escrito: {what}", en: "Written: {what}" };
/// What comes next.
pub static NEXT: Words = Words::new("Lo que sigue:", "What comes next:");
/// Look at it.
pub static NEXT_CHECK: Words = Words::new("revisa el archivo", "looks at the file again");
/// See what is in the way.
pub static NEXT_DOCTOR: Words = Words::new(
    "dice qué falta en este equipo, y cómo arreglarlo",
    "says what is amiss on this machine, and the remedy",
);
/// Start it.
pub static NEXT_RUN: Words = Words::new(
    "lo pone en marcha (como root, por el puerto 53)",
    "starts it (as root, for port 53)",
);
/// Point the router at it.
pub const NEXT_ROUTER: Sentence = Sentence {
    es: "En la página del enrutador, ponga {what} como único servidor DNS.",
    en: "On the router's page, set {what} as the only DNS server.",
};
/// Where its address is not known.
pub static THIS_MACHINE: Words =
    Words::new("la dirección de este equipo", "this machine's address");
/// Try it.
pub const NEXT_TEST: Sentence = Sentence {
    es: "Apague y encienda el Wi-Fi de un aparato y abra {what}: no debe abrir. Con dig:",
    en: "Switch a device's Wi-Fi off and on and open {what}: it must not open. With dig:",
};
