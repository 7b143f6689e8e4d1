//! Every sentence a person reads, in Spanish and English side by side.
//!
//! A text is a [`Words`] with both languages in one place, so a missing one does not compile. What
//! is said about time is in [`time`], about devices in [`devices`], of setting them up in [`setup`].

pub mod devices;
pub mod doctor;
pub mod encrypted;
pub mod family;
pub mod firewall;
pub mod init;
pub mod leases;
pub mod setup;
pub mod time;

use std::fmt;

/// A language the program speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// Spanish.
    Es,
    /// English.
    #[default]
    En,
}

impl Language {
    /// The language's code in the config file: `es` or `en`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Language::Es => "es",
            Language::En => "en",
        }
    }

    /// The language of a locale such as `es_GT.UTF-8`; English when it is another one.
    #[must_use]
    pub fn of_locale(locale: &str) -> Self {
        if locale.starts_with("es") { Language::Es } else { Language::En }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// One text in both languages. `{}` stands where a value goes, in the same order in both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// Spanish.
    pub es: std::borrow::Cow<'static, str>,
    /// English.
    pub en: std::borrow::Cow<'static, str>,
}

impl Words {
    /// A text known when the program is compiled.
    #[must_use]
    pub const fn new(es: &'static str, en: &'static str) -> Self {
        use std::borrow::Cow::Borrowed;
        Words { es: Borrowed(es), en: Borrowed(en) }
    }

    /// One text for both languages: a proper name, or what a parent wrote.
    #[must_use]
    pub fn same(text: &str) -> Self {
        Words { es: text.to_owned().into(), en: text.to_owned().into() }
    }

    /// The text in one language.
    #[must_use]
    pub fn in_language(&self, language: Language) -> &str {
        match language {
            Language::Es => &self.es,
            Language::En => &self.en,
        }
    }
}

/// A sentence about something (`{what}`) and somebody (`{who}`) in both languages.
#[derive(Debug)]
pub struct Sentence {
    /// Spanish.
    pub es: &'static str,
    /// English.
    pub en: &'static str,
}

impl Sentence {
    /// The sentence in one language with its two places filled.
    #[must_use]
    pub fn fill(&self, language: Language, what: &str, who: &str) -> String {
        let text = match language {
            Language::Es => self.es,
            Language::En => self.en,
        };
        text.replace("{who}", who).replace("{what}", what)
    }
}

/// The word for everything in the config file.
pub const INTERNET_ID: &str = "internet";
/// What everything is called.
pub static INTERNET: Words = Words::new("Internet", "the internet");
/// The id of the window that the key `bedtime` makes.
pub const BEDTIME_ID: &str = "bedtime";
/// What the window of the key `bedtime` is called.
pub static BEDTIME: Words = Words::new("Hora de dormir", "Bedtime");
/// What devices that nobody claimed are called.
pub static UNKNOWN_DEVICES: Words = Words::new("los dispositivos desconocidos", "unknown devices");

/// A device that nobody claimed, where one is meant.
pub static UNKNOWN_DEVICE_ONE: Words =
    Words::new("un dispositivo desconocido", "an unknown device");
/// The same in a column of a table.
pub static UNKNOWN_DEVICE_CELL: Words = Words::new("sin dueño", "unknown");
/// A site or a name that was not kept.
pub static SOME_SITE: Words = Words::new("un sitio", "a site");

/// An id as a label, for who has no `name`: `mateo` becomes `Mateo`.
#[must_use]
pub fn capitalised(id: &str) -> String {
    let mut letters = id.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

// === Why something is open or closed: one sentence a reason ===

/// `essential`
pub const ESSENTIAL: Sentence = Sentence {
    es: "siempre responde: hora, conexión, certificados o ayuda",
    en: "it always answers: time, connectivity, certificates or help",
};
/// `local`
pub const LOCAL: Sentence =
    Sentence { es: "se responde aquí, en casa", en: "it is answered here, in the house" };
/// `pause`
pub const PAUSE: Sentence = Sentence { es: "{who} está en pausa", en: "{who} is paused" };
/// `grant`
pub const GRANT: Sentence = Sentence {
    es: "usted abrió {what} para {who} por un rato",
    en: "you opened {what} for {who} for a while",
};
/// `budget`
pub const BUDGET: Sentence = Sentence {
    es: "{what}: a {who} no le queda tiempo ahora",
    en: "{what}: {who} has no time left for it now",
};
/// `schedule`, closed
pub const SCHEDULE: Sentence =
    Sentence { es: "{what}: cerrado para {who}", en: "{what}: closed for {who}" };
/// `schedule`, open by an exception of the window
pub const SCHEDULE_OPEN: Sentence = Sentence {
    es: "{what}: es una de las excepciones de {who}",
    en: "{what}: it is one of the exceptions for {who}",
};
/// `allow_rule`
pub const ALLOW_RULE: Sentence = Sentence {
    es: "{what} está abierto para {who} porque usted lo permitió",
    en: "{what} is open for {who} because you allowed it",
};
/// `block_rule`
pub const BLOCK_RULE: Sentence = Sentence {
    es: "{what} está cerrado para {who} porque usted lo bloqueó",
    en: "{what} is closed for {who} because you blocked it",
};
/// `service`
pub const SERVICE: Sentence =
    Sentence { es: "{what} está cerrado para {who}", en: "{what} is closed for {who}" };
/// `category`
pub const CATEGORY: Sentence = Sentence {
    es: "la categoría «{what}» está cerrada para {who}",
    en: "the category “{what}” is closed for {who}",
};
/// `list`
pub const LIST: Sentence = Sentence {
    es: "la lista {what} lo cierra para {who}",
    en: "the list {what} closes it for {who}",
};
/// `only`, closed
pub const ONLY: Sentence = Sentence {
    es: "{who}: solo está abierto lo que usted eligió",
    en: "{who}: only what you chose is open",
};
/// `only`, open
pub const ONLY_OPEN: Sentence = Sentence {
    es: "está entre lo que usted eligió para {who}",
    en: "it is among what you chose for {who}",
};
/// `safe_search`
pub const SAFE_SEARCH: Sentence = Sentence {
    es: "{what} responde en su forma segura para {who}",
    en: "{what} answers in its safe form for {who}",
};
/// `bypass`
pub const BYPASS: Sentence = Sentence {
    es: "serviría para saltarse esta protección",
    en: "it would lead around this protection",
};
/// `rebind`
pub const REBIND: Sentence = Sentence {
    es: "lleva a una dirección de dentro de la casa",
    en: "it leads to an address inside the house",
};
/// `upstream`
pub const UPSTREAM: Sentence =
    Sentence { es: "lo cierra el resolutor familiar", en: "the family resolver closes it" };
/// `unknown_device`
pub const UNKNOWN_DEVICE: Sentence = Sentence {
    es: "este dispositivo no se conoce, y los desconocidos están bloqueados",
    en: "this device is not known, and unknown devices are blocked",
};
/// `default`
pub const DEFAULT: Sentence =
    Sentence { es: "nada lo cierra para {who}", en: "nothing closes it for {who}" };

// === The same in a few words, for the answer itself (EDE) ===

/// Something is closed.
pub const BRIEF_CLOSED: Sentence =
    Sentence { es: "{what}: cerrado en esta casa", en: "{what}: closed in this home" };
/// A window is open until a time.
pub const BRIEF_UNTIL: Sentence = Sentence { es: "{what} hasta {who}", en: "{what} until {who}" };
/// The time for something is used up.
pub const BRIEF_USED_UP: Sentence =
    Sentence { es: "{what}: no queda tiempo ahora", en: "{what}: no time left now" };
/// Everything is paused.
pub static BRIEF_PAUSED: Words = Words::new("En pausa por ahora", "Paused for now");
/// The family's rules, without saying which.
pub static BRIEF: Words =
    Words::new("Cerrado por las reglas de esta casa", "Closed by the rules of this home");
/// The resolver that was asked closes it.
pub static BRIEF_UPSTREAM: Words =
    Words::new("Lo cierra el resolutor familiar", "The family resolver closes it");
/// The device is not known.
pub static BRIEF_UNKNOWN: Words =
    Words::new("Este dispositivo no se conoce aquí", "This device is not known here");

// === The labels of the command line ===

/// A verdict: closed.
pub static CLOSED: Words = Words::new("cerrado", "closed");
/// A verdict: open.
pub static OPEN: Words = Words::new("abierto", "open");
/// A verdict: the safe form answers.
pub static SAFE_FORM: Words = Words::new("en su forma segura", "in its safe form");
/// A verdict: answered here.
pub static ANSWERED_HERE: Words = Words::new("se responde en casa", "answered here");
/// Between a name and who asks.
pub static FOR: Words = Words::new("para", "for");
/// For when.
pub static AT: Words = Words::new("cuándo", "when");
/// The profile.
pub static PROFILE: Words = Words::new("perfil", "profile");
/// The device.
pub static DEVICE: Words = Words::new("dispositivo", "device");
/// The categories.
pub static CATEGORIES: Words = Words::new("categorías", "categories");
/// The safe name that answers.
pub static ANSWERED_AS: Words = Words::new("responde", "answered as");
/// When it changes.
pub static CHANGES_AT: Words = Words::new("cambia", "changes");
/// The heading of the steps.
pub static STEPS: Words =
    Words::new("pasos; decide el primero que habla:", "steps; the first that speaks decides:");
/// The heading of the lists that hold a name.
pub static ON_LISTS: Words = Words::new("en las listas:", "on lists:");
/// A line of a list.
pub static LINE: Words = Words::new("línea", "line");
/// An entry that must not be advertised.
pub static NOT_SHOWN: Words = Words::new("(no se muestra)", "(not shown)");
/// Nothing is wrong.
pub static ALL_IS_WELL: Words = Words::new("Todo está bien.", "All is well.");
/// The config in force.
pub static RULES: Words = Words::new("reglas", "rules");
/// The lists.
pub static LISTS: Words = Words::new("listas", "lists");
/// The questions.
pub static QUERIES: Words = Words::new("consultas", "queries");
/// The cache.
pub static CACHE: Words = Words::new("caché", "cache");
/// The heading of everyone rules are for.
pub static PEOPLE: Words = Words::new("personas", "people");
/// The heading of the upstreams.
pub static UPSTREAMS: Words = Words::new("servidores de origen", "upstreams");
/// What is open now.
pub static NOW: Words = Words::new("ahora", "now");
/// An upstream answers.
pub static WORKS: Words = Words::new("funciona", "works");
/// An upstream was not asked yet.
pub static UNASKED: Words = Words::new("aún sin preguntas", "not asked yet");
/// An upstream does not answer.
pub static SILENT: Words = Words::new("no responde", "does not answer");
/// No config file.
pub static EMBEDDED_RULES: Words = Words::new("las reglas incluidas", "the embedded defaults");
/// A child.
pub static CHILD: Words = Words::new("menor", "child");
/// An adult.
pub static ADULT: Words = Words::new("adulto", "adult");
/// What runs since when.
pub const SINCE: Sentence =
    Sentence { es: "Amparo {what}, desde {who}", en: "Amparo {what}, since {who}" };
/// The config and when it was read.
pub const RULES_READ: Sentence = Sentence { es: "{what}, leídas {who}", en: "{what}, read {who}" };
/// Names in lists.
pub const NAMES_IN_LISTS: Sentence =
    Sentence { es: "{what} nombres en {who} listas", en: "{what} names in {who} lists" };
/// Questions closed and from the cache.
pub const QUERIES_OF: Sentence = Sentence {
    es: "{what} cerradas, {who} de la caché",
    en: "{what} closed, {who} from the cache",
};
/// Questions without an answer.
pub const QUERIES_FAILED: Sentence =
    Sentence { es: "{what} sin respuesta", en: "{what} without an answer" };
/// Questions that came too fast.
pub const QUERIES_LIMITED: Sentence =
    Sentence { es: "{what} demasiado seguidas", en: "{what} too fast" };
/// What the cache holds.
pub const CACHE_HOLDS: Sentence =
    Sentence { es: "{what} respuestas, {who} KiB", en: "{what} answers, {who} KiB" };

/// What a step of a decision is called, by its word in JSON.
#[must_use]
pub fn step(word: &str) -> Option<&'static Words> {
    STEP_NAMES.iter().find(|(id, _)| *id == word).map(|(_, words)| words)
}

/// Each step of a decision.
static STEP_NAMES: [(&str, Words); 13] = [
    ("essentials", Words::new("imprescindibles", "essentials")),
    ("local", Words::new("en casa", "in the house")),
    ("unknown_device", Words::new("desconocidos", "unknown device")),
    ("pause", Words::new("pausa", "pause")),
    ("grants", Words::new("permisos", "grants")),
    ("schedules", Words::new("horarios", "schedules")),
    ("names", Words::new("sus nombres", "your names")),
    ("bypass", Words::new("rodeos", "ways around")),
    ("budgets", Words::new("tiempo", "budgets")),
    ("lists", Words::new("listas", "lists")),
    ("only", Words::new("solo lo elegido", "only")),
    ("exceptions", Words::new("excepciones", "exceptions")),
    ("safe_form", Words::new("forma segura", "safe form")),
];
