//! Every sentence a person reads, in Spanish and English side by side.
//!
//! A text is a [`Words`] with both languages in one place, so a missing one does not compile.

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

/// The id of the window that the key `bedtime` makes.
pub const BEDTIME_ID: &str = "bedtime";
/// What the window of the key `bedtime` is called.
pub static BEDTIME: Words = Words::new("Hora de dormir", "Bedtime");
/// What devices that nobody claimed are called.
pub static UNKNOWN_DEVICES: Words = Words::new("los dispositivos desconocidos", "unknown devices");

// === Why something is open or closed: one sentence a reason ===

/// `essential`
pub const ESSENTIAL: Sentence = Sentence {
    es: "siempre responde: hora, conexión, certificados o ayuda",
    en: "it always answers: time, connectivity, certificates or help",
};
/// `local`
pub const LOCAL: Sentence =
    Sentence { es: "se responde aquí, en casa", en: "it is answered here, in the house" };
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
pub const BRIEF_UNTIL: Sentence = Sentence { es: "{what} hasta las {who}", en: "{what} until {who}" };
/// The family's rules, without saying which.
pub static BRIEF: Words =
    Words::new("Cerrado por las reglas de esta casa", "Closed by the rules of this home");
/// The device is not known.
pub static BRIEF_UNKNOWN: Words =
    Words::new("Este dispositivo no se conoce aquí", "This device is not known here");
