//! What is said about time: the coming week, pauses and given time, budgets, requests.

use super::{Sentence, Words};

// === Days ===

/// The days of the week in three letters, Monday first.
pub static DAYS: [Words; 7] = [
    Words::new("lun", "Mon"),
    Words::new("mar", "Tue"),
    Words::new("mié", "Wed"),
    Words::new("jue", "Thu"),
    Words::new("vie", "Fri"),
    Words::new("sáb", "Sat"),
    Words::new("dom", "Sun"),
];
/// The months, January first.
pub static MONTHS: [Words; 12] = [
    Words::new("enero", "January"),
    Words::new("febrero", "February"),
    Words::new("marzo", "March"),
    Words::new("abril", "April"),
    Words::new("mayo", "May"),
    Words::new("junio", "June"),
    Words::new("julio", "July"),
    Words::new("agosto", "August"),
    Words::new("septiembre", "September"),
    Words::new("octubre", "October"),
    Words::new("noviembre", "November"),
    Words::new("diciembre", "December"),
];
/// A day and its month.
pub const DAY_OF_MONTH: Sentence = Sentence { es: "{what} de {who}", en: "{what} {who}" };
/// The first and the last of some days.
pub const FROM_DAY_TO_DAY: Sentence = Sentence { es: "del {what} al {who}", en: "{what} to {who}" };
/// The heading of a week.
pub const WEEK: Sentence =
    Sentence { es: "{who} — semana {what}", en: "{who} — week of {what}" };
/// What lasts from the first minute of a day to its last.
pub static ALL_DAY: Words = Words::new("todo el día", "all day");
/// No window is open that day.
pub static NO_WINDOWS: Words = Words::new("sin horarios", "no schedule");
/// No window is open now.
pub static NO_WINDOW_NOW: Words = Words::new("ningún horario rige", "no schedule holds");
/// The clocks are set forward by so much, at a time.
pub const CLOCKS_FORWARD: Sentence = Sentence {
    es: "los relojes se adelantan {what} a las {who}",
    en: "the clocks go forward {what} at {who}",
};
/// The clocks are set back by so much, at a time.
pub const CLOCKS_BACK: Sentence = Sentence {
    es: "los relojes se atrasan {what} a las {who}",
    en: "the clocks go back {what} at {who}",
};
/// How long a day with such a change is.
pub const DAY_LASTS: Sentence = Sentence { es: "el día dura {what}", en: "the day lasts {what}" };
/// A window that does not open on a day for which the file makes an exception.
pub const SUSPENDED: Sentence = Sentence {
    es: "{what}: no rige, este día es una excepción",
    en: "{what}: does not apply, this day is an exception",
};

// === What a window does, in a few words ===

/// It closes everything.
pub static ALL_CLOSED: Words = Words::new("todo cerrado", "all closed");
/// It closes everything but a few words.
pub const ALL_CLOSED_BUT: Sentence =
    Sentence { es: "todo cerrado menos {what}", en: "all closed but {what}" };
/// It leaves only a few words open.
pub const ONLY: Sentence = Sentence { es: "solo {what}", en: "only {what}" };
/// It leaves only a longer list open.
pub static ONLY_CHOSEN: Words = Words::new("solo lo elegido", "only what you chose");
/// It closes some words.
pub const WITHOUT: Sentence = Sentence { es: "sin {what}", en: "no {what}" };
/// It closes some words and leaves others open.
pub const WITHOUT_BUT: Sentence =
    Sentence { es: "sin {what}, menos {who}", en: "no {what}, but {who}" };
/// Some words and so many more.
pub const AND_MORE: Sentence = Sentence { es: "{what} y {who} más", en: "{what} and {who} more" };
/// Given time.
pub static FREE: Words =
    Words::new("tiempo libre: los horarios no cierran nada", "free time: schedules close nothing");
/// Opened by hand for a while.
pub const OPENED: Sentence = Sentence { es: "{what}: abierto", en: "{what}: open" };
/// Closed by hand for a while.
pub const CLOSED: Sentence = Sentence { es: "{what}: cerrado", en: "{what}: closed" };
/// A pause.
pub static PAUSE: Words = Words::new("pausa: todo cerrado", "pause: all closed");

// === What holds now ===

/// Nobody knows what time it is.
pub static TIME_UNKNOWN: Words = Words::new(
    "Aún no se sabe qué hora es: rige el lado más estricto de cada horario.",
    "The time is not known yet: every schedule's stricter side holds.",
);
/// The same about the days of a table.
pub static WEEK_UNKNOWN: Words = Words::new(
    "Aún no se sabe qué hora es: puede que esta no sea la semana que viene.",
    "The time is not known yet: this may not be the coming week.",
);
/// Until a time.
pub const UNTIL: Sentence = Sentence { es: "hasta {what}", en: "until {what}" };
/// From a time on.
pub const FROM: Sentence = Sentence { es: "desde {what}", en: "from {what}" };
/// A pause without its end.
pub static PAUSED: Words = Words::new("en pausa", "paused");
/// A pause with its end.
pub const PAUSED_UNTIL: Sentence =
    Sentence { es: "en pausa hasta {what}", en: "paused until {what}" };
/// Given time with its end.
pub const FREE_UNTIL: Sentence = Sentence {
    es: "tiempo libre hasta {what}: los horarios no cierran nada",
    en: "free until {what}: schedules close nothing",
};
/// So many of so many minutes.
pub const USED_OF: Sentence =
    Sentence { es: "cerca de {what} de {who} min usados", en: "about {what} of {who} min used" };
/// None of so many minutes.
pub const UNUSED: Sentence =
    Sentence { es: "{what} min, aún sin usar", en: "{what} min, not used yet" };
/// So many minutes without limit.
pub const USED: Sentence = Sentence {
    es: "cerca de {what} min usados, hoy sin límite",
    en: "about {what} min used, no limit today",
};
/// Not used, without limit.
pub static NO_LIMIT: Words = Words::new("hoy sin límite", "no limit today");
/// A day on which nothing is allowed.
pub static NO_TIME_TODAY: Words = Words::new("hoy no hay tiempo", "no time today");
/// So many minutes left.
pub const LEFT: Sentence = Sentence { es: "quedan cerca de {what}", en: "about {what} left" };
/// No minutes left.
pub static NOTHING_LEFT: Words = Words::new("no queda tiempo", "no time left");
/// A budget that counts from when the child starts it, and is counting.
pub static RUNNING: Words = Words::new("en marcha", "running");
/// The same before it is started.
pub static NOT_STARTED: Words = Words::new("sin iniciar", "not started");
/// One request waits.
pub static REQUEST_WAITS: Words =
    Words::new("1 petición espera: amparo requests", "1 request waits: amparo requests");
/// Several do.
pub const REQUESTS_WAIT: Sentence = Sentence {
    es: "{what} peticiones esperan: amparo requests",
    en: "{what} requests wait: amparo requests",
};
/// The heading of a budget's minutes.
pub static BUDGET: Words = Words::new("tiempo", "budget");
/// The minutes of a budget on a day.
pub const MINUTES_ON: Sentence =
    Sentence { es: "{what}: {who} min ese día", en: "{what}: {who} min that day" };

// === Requests and changes ===

/// There is no request.
pub static NO_REQUESTS: Words =
    Words::new("Nadie ha pedido nada todavía.", "Nobody has asked for anything yet.");
/// A request was taken.
pub const ASKED: Sentence = Sentence {
    es: "Petición {what} de {who} anotada: espera respuesta.",
    en: "Request {what} of {who} is noted: it waits for an answer.",
};
/// What a child asks for who asks for time.
pub static TIME: Words = Words::new("tiempo", "time");
/// What the child is told with an answer.
pub static NOTE: Words = Words::new("nota", "note");
/// Nobody changed anything.
pub static NO_CHANGES: Words =
    Words::new("Nadie ha cambiado nada todavía.", "Nobody has changed anything yet.");
/// A change that was taken back.
pub static UNDONE: Words = Words::new("deshecho", "undone");

/// What the state of a request is called, by its word in JSON.
#[must_use]
pub fn state(word: &str) -> Option<&'static Words> {
    find(&STATES, word)
}

/// What a change is called, by its word in JSON.
#[must_use]
pub fn action(word: &str) -> Option<&'static Words> {
    find(&ACTIONS, word)
}

fn find(table: &'static [(&str, Words)], word: &str) -> Option<&'static Words> {
    table.iter().find(|(id, _)| *id == word).map(|(_, words)| words)
}

static STATES: [(&str, Words); 4] = [
    ("waiting", Words::new("espera", "waiting")),
    ("approved", Words::new("aprobada", "approved")),
    ("denied", Words::new("denegada", "denied")),
    ("expired", Words::new("vencida", "expired")),
];

static ACTIONS: [(&str, Words); 15] = [
    ("pause", Words::new("pausa", "pause")),
    ("resume", Words::new("fin de pausa", "resume")),
    ("grant", Words::new("tiempo libre", "free time")),
    ("bonus", Words::new("más tiempo", "more time")),
    ("allow", Words::new("abrir", "allow")),
    ("block", Words::new("cerrar", "block")),
    ("undo", Words::new("deshacer", "undo")),
    ("ask", Words::new("pedir", "ask")),
    ("approve", Words::new("aprobar", "approve")),
    ("deny", Words::new("denegar", "deny")),
    ("start", Words::new("iniciar", "start")),
    ("stop", Words::new("detener", "stop")),
    ("reload", Words::new("releer", "reload")),
    ("assign", Words::new("asignar", "assign")),
    ("forget", Words::new("olvidar", "forget")),
];
