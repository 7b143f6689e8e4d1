//! Why something is not done, as a sentence for whoever wanted it.

use super::minutes::BONUS_MINUTES_MAX;
use super::people::FREE_HOURS_MAX;
use super::requests::{REQUESTS_AN_HOUR_MAX, WAITING_MAX};
use super::spans::{WORD_CHARS_MAX, WORDS_MAX};
use crate::words::Words;

/// Why something is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The end lies in the past.
    Past,
    /// More granted time than one may give at once.
    LongTime,
    /// More minutes than one may give in a day.
    ManyMinutes,
    /// Granted time for good.
    TimeForGood,
    /// No word at all, or more than one.
    NoWord,
    /// No word is that long.
    LongWord,
    /// So much is opened and closed for the child already.
    TooManyWords,
    /// There is no pause.
    NotPaused,
    /// The household has nobody with this id.
    NoSuchChild,
    /// The child has no budget of this word.
    NoSuchBudget,
    /// The budget has no limit today.
    NoLimitToday,
    /// The budget is counted by itself.
    CountsByItself,
    /// Nothing is left of the budget.
    NothingLeft,
    /// The budget was not started.
    NotStarted,
    /// Everything is closed by a pause: there is nothing to start.
    Paused,
    /// Time was given, which no budget pays for.
    FreeNow,
    /// Nothing can be taken back.
    NothingToUndo,
    /// There is no request of this number.
    NoSuchRequest,
    /// The request does not wait any more.
    AnsweredAlready,
    /// The child waits for so many answers already.
    TooManyWaiting,
    /// The child asked so often within the hour.
    AskedTooOften,
    /// A parent said no to the same within the hour.
    SaidNo,
}

impl Refusal {
    /// The sentence. What is refused to a child speaks to the child.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "one sentence a refusal, all in one place")]
    pub fn words(&self) -> Words {
        let both = |es: &'static str, en: &'static str| Words::new(es, en);
        let counted = |es: String, en: String| Words { es: es.into(), en: en.into() };
        match self {
            Refusal::Past => both(
                "Ese momento ya pasó. Elija uno que esté por venir.",
                "That moment has passed. Choose one that is still to come.",
            ),
            Refusal::LongTime => counted(
                format!(
                    "Se pueden dar {FREE_HOURS_MAX} horas como máximo. Dé menos, o cambie los horarios."
                ),
                format!(
                    "At most {FREE_HOURS_MAX} hours can be given. Give less, or change the schedules."
                ),
            ),
            Refusal::ManyMinutes => counted(
                format!("En un día se pueden dar {BONUS_MINUTES_MAX} minutos más, y al menos uno."),
                format!(
                    "In a day at most {BONUS_MINUTES_MAX} minutes more can be given, and at least one."
                ),
            ),
            Refusal::TimeForGood => both(
                "El tiempo se da por un rato. Diga hasta cuándo.",
                "Time is given for a while. Say until when.",
            ),
            Refusal::NoWord => both(
                "Falta qué: una categoría, un servicio o un sitio, en una sola palabra.",
                "It does not say what: one word for a category, a service or a site.",
            ),
            Refusal::LongWord => counted(
                format!("Esa palabra es demasiado larga: caben {WORD_CHARS_MAX} letras."),
                format!("That word is too long: there is room for {WORD_CHARS_MAX} letters."),
            ),
            Refusal::TooManyWords => counted(
                format!(
                    "Ya hay {WORDS_MAX} cosas abiertas o cerradas por un rato. Espere a que pase alguna, o escríbalo en las reglas."
                ),
                format!(
                    "{WORDS_MAX} things are open or closed for a while already. Wait for one to end, or write it into the rules."
                ),
            ),
            Refusal::NotPaused => both("No hay ninguna pausa.", "There is no pause."),
            Refusal::NoSuchChild => both(
                "En las reglas no hay nadie con ese nombre.",
                "The rules know nobody by that name.",
            ),
            Refusal::NoSuchBudget => {
                both("No hay ningún límite de tiempo para eso.", "There is no time limit for that.")
            }
            Refusal::NoLimitToday => both(
                "Hoy no hay límite de tiempo para eso.",
                "There is no time limit for that today.",
            ),
            Refusal::CountsByItself => both(
                "Ese tiempo se cuenta solo; no hace falta iniciarlo.",
                "That time counts by itself; it need not be started.",
            ),
            Refusal::NothingLeft => {
                both("Hoy ya no queda tiempo para eso.", "There is no time left for that today.")
            }
            Refusal::NotStarted => both("No se había iniciado.", "It was not started."),
            Refusal::Paused => both(
                "Hay una pausa: nada se puede iniciar hasta que termine.",
                "There is a pause: nothing can be started until it is over.",
            ),
            Refusal::FreeNow => both(
                "Ahora hay tiempo libre, que no se cuenta: no hace falta iniciar nada.",
                "There is free time now, which is not counted: nothing need be started.",
            ),
            Refusal::NothingToUndo => both(
                "No hay ningún cambio que se pueda deshacer.",
                "There is no change that can be taken back.",
            ),
            Refusal::NoSuchRequest => both(
                "No hay ninguna petición con ese número.",
                "There is no request of that number.",
            ),
            Refusal::AnsweredAlready => both(
                "Esa petición ya se respondió o venció.",
                "That request was answered already, or ran out.",
            ),
            Refusal::TooManyWaiting => counted(
                format!(
                    "Ya tienes {WAITING_MAX} peticiones en espera. Dales un poco de tiempo para responder."
                ),
                format!(
                    "You have {WAITING_MAX} requests waiting. Give them a little time to answer."
                ),
            ),
            Refusal::AskedTooOften => counted(
                format!(
                    "Se puede pedir {REQUESTS_AN_HOUR_MAX} veces por hora. Prueba más tarde, o habla con ellos."
                ),
                format!(
                    "You can ask {REQUESTS_AN_HOUR_MAX} times an hour. Try later, or talk with them."
                ),
            ),
            Refusal::SaidNo => both(
                "Hace poco te dijeron que no a esto. Puedes volver a pedirlo en una hora, o hablarlo en persona.",
                "They said no to this a little while ago. You can ask again in an hour, or talk about it in person.",
            ),
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.words().en)
    }
}

impl std::error::Error for Refusal {}
