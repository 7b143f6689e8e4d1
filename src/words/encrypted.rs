//! What is said of encrypted questions.

use super::Sentence;

/// A certificate that cannot be taken, with an older one. `{what}`: the file, `{who}`: why.
pub const OLD_CERTIFICATE_SERVES: Sentence = Sentence {
    es: "El certificado de [dns.encrypted] no se puede usar: {what}: {who}. Sigue sirviendo el anterior.",
    en: "The certificate of [dns.encrypted] cannot be used: {what}: {who}. The one before it goes on serving.",
};
/// A certificate that cannot be taken, the first one. `{what}`: the file, `{who}`: why.
pub const NO_CERTIFICATE: Sentence = Sentence {
    es: "El certificado de [dns.encrypted] no se puede usar: {what}: {who}. Mientras tanto nadie recibe respuestas cifradas; las preguntas sin cifrar se responden como siempre. Corrija el archivo: se lee de nuevo por sí solo.",
    en: "The certificate of [dns.encrypted] cannot be used: {what}: {who}. Meanwhile nobody is answered encrypted; plain questions are answered as always. Mend the file: it is read again by itself.",
};
