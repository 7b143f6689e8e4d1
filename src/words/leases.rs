//! What is said about lease files, out of which devices get their names.

use super::Sentence;

/// A file cannot be read: the file, and what the system says.
pub const UNREADABLE: Sentence = Sentence {
    es: "no se puede leer {what}, donde el servidor DHCP anota los nombres de los dispositivos: {who}",
    en: "{what} cannot be read, where the DHCP server writes down the names of devices: {who}",
};
/// A file is of no known format: the file, and the formats there are.
pub const NOT_UNDERSTOOD: Sentence = Sentence {
    es: "en {what} no se entiende ninguna línea: los nombres de dispositivos se leen de {who}",
    en: "no line of {what} is understood: names of devices are read from {who}",
};
/// A file is larger than what is read of one: the file, and how much is read.
pub const TOO_LARGE: Sentence = Sentence {
    es: "{what} es más grande que {who}: de lo que sigue no se leen nombres de dispositivos",
    en: "{what} is larger than {who}: no names of devices are read from what comes after",
};
/// A file in one of the usual places belongs to an ordinary user, and is not believed.
pub const NOT_THE_SYSTEMS: Sentence = Sentence {
    es: "{what} es de una cuenta de usuario ({who}) y no del sistema: no se leen nombres de dispositivos de ahí",
    en: "{what} belongs to a user's account ({who}) and not to the system: no names of devices are read from it",
};
/// There are more leases or files than are taken: where the rest begins, and how many are.
pub const TOO_MANY: Sentence = Sentence {
    es: "desde {what} hay más de {who} nombres de dispositivos o archivos: los demás no se leen",
    en: "from {what} on there are more than {who} names of devices or files: the rest is not read",
};
