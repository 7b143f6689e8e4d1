//! What a parent did for a while, in sentences.

use jiff::Zoned;

use super::{Language, Sentence, Words, time};

/// A pause begins.
pub const PAUSED: Sentence =
    Sentence { es: "{who} está en pausa {what}", en: "{who} is paused {what}" };
/// A pause is over.
pub const RESUMED: Sentence =
    Sentence { es: "La pausa de {who} terminó", en: "The pause of {who} is over" };
/// Time was given.
pub const FREED: Sentence = Sentence {
    es: "{who} tiene tiempo libre {what}: los horarios y los límites de tiempo no cierran nada; \
         lo demás sigue cerrado",
    en: "{who} has free time {what}: schedules and budgets close nothing; all else stays closed",
};
/// A budget has more today.
pub const MORE_TODAY: Sentence =
    Sentence { es: "{who} tiene hoy más tiempo: {what}", en: "{who} has more time today: {what}" };
/// Something is open for a while, or for good.
pub const OPENED: Sentence =
    Sentence { es: "Abierto para {who}: {what}", en: "{what} is open for {who}" };
/// Something is closed for a while, or for good.
pub const CLOSED: Sentence =
    Sentence { es: "Cerrado para {who}: {what}", en: "{what} is closed for {who}" };
/// It was written into the config file.
pub static WRITTEN: Words =
    Words::new("; quedó escrito en el archivo", "; it is written into the file");
/// It was so already.
pub static ALREADY_SO: Words = Words::new("; ya era así", "; it was so already");
/// The time of a budget runs.
pub const STARTED: Sentence =
    Sentence { es: "{who} empezó: {what}", en: "{who} has started: {what}" };
/// It does not run any more.
pub const STOPPED: Sentence =
    Sentence { es: "{who} terminó: {what}", en: "{who} has stopped: {what}" };
/// A request was granted.
pub const APPROVED: Sentence =
    Sentence { es: "Se permitió a {who}: {what}", en: "{who} may have: {what}" };
/// A request was not granted.
pub const DENIED: Sentence =
    Sentence { es: "No se permitió a {who}: {what}", en: "{who} may not have: {what}" };
/// A change was taken back.
pub const UNDONE: Sentence =
    Sentence { es: "Se deshizo: {what} ({who})", en: "Taken back: {what} ({who})" };
/// The budgets there are, where another one was named.
pub const BUDGETS_ARE: Sentence = Sentence {
    es: "No hay ningún límite de tiempo para eso. Los de {who}: {what}.",
    en: "There is no time limit for that. Those of {who}: {what}.",
};
/// Somebody without any budget.
pub const NO_BUDGETS: Sentence =
    Sentence { es: "{who} no tiene límites de tiempo.", en: "{who} has no time limits." };
/// Nobody is called that; then come those there are.
pub const NOBODY: Sentence = Sentence {
    es: "nadie se llama `{what}`{who}; en este hogar: ",
    en: "nobody is called `{what}`{who}; in this household: ",
};
/// A word that may have been meant.
pub const MEANT: Sentence =
    Sentence { es: " (¿quiso decir `{what}`?)", en: " (did you mean `{what}`?)" };
/// The household has nobody in it.
pub static NOBODY_YET: Words = Words::new("nadie todavía", "nobody yet");
/// A device is somebody's too.
pub static OR_ADDRESS: Words = Words::new(" (o dé una dirección)", " (or give an address)");

/// There is no config file to write into.
pub static NO_FILE: Words = Words::new(
    "no hay archivo de configuración donde escribirlo: dé un plazo con --until, o cree el archivo",
    "there is no config file to write it into: give it an end with --until, or make the file",
);
/// A device of nobody's.
pub const NOBODYS: Sentence = Sentence {
    es: "{what} no es de nadie: diga el nombre de un menor o de un adulto",
    en: "{what} is nobody's: say the name of a child or an adult",
};
/// Nobody's bedtime is written.
pub const NO_BEDTIME: Sentence = Sentence {
    es: "{who} no tiene `bedtime`: diga una hora, por ejemplo --until 21:00",
    en: "{who} has no `bedtime`: say a time, for example --until 21:00",
};
/// A pause has an end.
pub static PAUSE_FOR_GOOD: Words = Words::new(
    "una pausa tiene un final: para cerrar siempre escriba `block = [\"internet\"]`",
    "a pause has an end: to close for good, write `block = [\"internet\"]`",
);
/// The internet is not opened by name.
pub static NOT_EVERYTHING: Words = Words::new(
    "todo el internet no se abre ni se cierra así: use `amparo grant` o `amparo pause`",
    "the whole internet is not opened or closed this way: use `amparo grant` or `amparo pause`",
);

/// A moment as a person says it behind "until": the time, and the day where that is another one.
#[must_use]
pub fn moment(language: Language, at: &Zoned, now: &Zoned) -> String {
    if at.date() == now.date() {
        return clock(language, &at.strftime("%H:%M").to_string());
    }
    when(language, at, now)
}

/// The same where it says when something happens: `at 20:30`.
#[must_use]
pub fn when(language: Language, at: &Zoned, now: &Zoned) -> String {
    let clock = clock(language, &at.strftime("%H:%M").to_string());
    let day = usize::from(at.weekday().to_monday_zero_offset().unsigned_abs());
    let day = time::DAYS[day % time::DAYS.len()].in_language(language);
    let date = at.strftime("%-d/%-m");
    let is_today = at.date() == now.date();
    match language {
        Language::Es if is_today => format!("a {clock}"),
        Language::En if is_today => format!("at {clock}"),
        Language::Es => format!("el {day} {date} a {clock}"),
        Language::En => format!("{day} {date} at {clock}"),
    }
}

/// A time of day within a sentence: Spanish gives it an article.
#[must_use]
pub fn clock(language: Language, time: &str) -> String {
    match language {
        Language::Es if time.starts_with("01:") => format!("la {time}"),
        Language::Es => format!("las {time}"),
        Language::En => time.to_owned(),
    }
}
