//! The questions, and the answers as people give them: line by line, from a terminal or a pipe.
//!
//! It ends with its input, and after some answers in a row that do not serve: whatever comes, it
//! does not ask for ever.

use std::io::{self, BufRead, Read as _, Write};

use super::{bad_zone, shown};
use crate::cli::columns::{write_below, write_beside};
use crate::clients::neighbours::Seen;
use crate::config::draft::{self, Draft, NoDevice};
use crate::words::{Language, Sentence, Words, init as words};

/// The longest answer, in octets: fifty devices fit.
const ANSWER_OCTETS_MAX: u64 = 4096;
/// How often in a row one question is asked.
const TRIES_MAX: usize = 10;
/// How many addresses of a device are shown.
const ADDRESSES_SHOWN: usize = 2;
/// How many devices are shown: what fits on a few pages.
const DEVICES_SHOWN: usize = 99;

/// A conversation.
pub(super) struct Talk<I, O> {
    input: I,
    out: O,
    language: Language,
}

/// What is asked, and what is known before.
#[expect(clippy::struct_excessive_bools, reason = "each question is one of its own")]
pub(super) struct Plan<'a> {
    /// The language to offer; none: it is not asked.
    pub(super) language: Option<Language>,
    /// Whether the zone is asked.
    pub(super) zone: bool,
    /// The zone to offer, if there is one.
    pub(super) system_zone: Option<String>,
    /// Whether the country is asked.
    pub(super) country: bool,
    /// The country of a zone, to be offered.
    pub(super) country_of: &'a dyn Fn(&str) -> Option<String>,
    /// Whether children are asked for.
    pub(super) children: bool,
    /// Whether adults are asked for.
    pub(super) adults: bool,
    /// The devices on the network now.
    pub(super) seen: &'a [Seen],
    /// What is known of a device: who made it, what it calls itself; or nothing.
    pub(super) describe: Describe<'a>,
}

/// Says in a few words what a device is.
pub(super) type Describe<'a> = &'a dyn Fn(&Seen, Language) -> String;

/// Why a conversation ended before its end.
#[derive(Debug)]
pub(super) enum Stopped {
    /// There are no more answers.
    End,
    /// Too many that do not serve.
    TooOften,
    /// Questions cannot be written, or answers not be read.
    Out(io::Error),
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Stopped::Out(error)
    }
}

impl<I: BufRead, O: Write> Talk<I, O> {
    pub(super) fn new(input: I, out: O, language: Language) -> Self {
        Talk { input, out, language }
    }

    /// The language that is spoken now.
    pub(super) fn language(&self) -> Language {
        self.language
    }

    /// Asks for everything of the plan.
    pub(super) fn family(&mut self, draft: &mut Draft, plan: &Plan<'_>) -> Result<(), Stopped> {
        if let Some(offered) = plan.language {
            // Nobody has said yet which one they read.
            let question = format!("{} / {}", words::ASK_LANGUAGE.es, words::ASK_LANGUAGE.en);
            let language = self.ask(&question, Some(offered.code()), |text, spoken| {
                super::language(text)
                    .ok_or_else(|| words::BAD_LANGUAGE.in_language(spoken).to_owned())
            })?;
            self.language = language;
        }
        draft.language = self.language;
        let hello = words::HELLO.in_language(self.language);
        writeln!(self.out, "\n{hello}\n")?;
        if plan.zone {
            let offered = plan.system_zone.as_deref();
            let question = words::ASK_ZONE.in_language(self.language);
            let zone = self.ask(question, offered, |text, language| {
                draft::zone(text).map_err(|near| {
                    let (sentence, near) = bad_zone(near.as_deref());
                    sentence.fill(language, &shown(text), near)
                })
            })?;
            draft.timezone = Some(zone);
        }
        if plan.country {
            let offered = draft.timezone.as_deref().and_then(plan.country_of);
            let question = match offered {
                Some(_) => words::ASK_COUNTRY_KNOWN.in_language(self.language),
                None => words::ASK_COUNTRY.in_language(self.language),
            };
            draft.country = self.ask(question, offered.as_deref(), |text, language| {
                if text.is_empty() {
                    return Ok(None);
                }
                let country = draft::country(text).map(Some);
                country.ok_or_else(|| words::BAD_COUNTRY.fill(language, &shown(text), ""))
            })?;
        }
        if plan.children {
            writeln!(self.out)?;
            while self.person(draft, &words::ASK_CHILD, true, plan)? {}
        }
        if plan.adults {
            writeln!(self.out)?;
            while self.person(draft, &words::ASK_ADULT, false, plan)? {}
        }
        Ok(())
    }

    /// Shows the file, and asks whether to write it.
    pub(super) fn confirm(&mut self, draft: &Draft, path: &str) -> Result<bool, Stopped> {
        writeln!(self.out, "\n{}", draft.text())?;
        let question = words::ASK_WRITE.fill(self.language, path, "");
        let yes = words::YES.in_language(self.language);
        let is_meant =
            self.ask(&question, Some(yes), |text, language| match text.to_lowercase().as_str() {
                "sí" | "si" | "s" | "yes" | "y" => Ok(true),
                "no" | "n" => Ok(false),
                _ => Err(words::BAD_YES.in_language(language).to_owned()),
            })?;
        if !is_meant {
            writeln!(self.out, "{}", words::DECLINED.in_language(self.language))?;
        }
        Ok(is_meant)
    }

    /// Asks for one person with all that belongs to them; false when there is nobody more.
    fn person(
        &mut self,
        draft: &mut Draft,
        question: &'static Words,
        is_child: bool,
        plan: &Plan<'_>,
    ) -> Result<bool, Stopped> {
        let question = question.in_language(self.language);
        let name = self.ask(question, None, |text, language| {
            if text.is_empty() {
                return Ok(None);
            }
            let most = draft::NAME_LETTERS_MAX.to_string();
            draft::name(text).map(Some).ok_or_else(|| words::BAD_NAME.fill(language, &most, ""))
        })?;
        let Some(name) = name else { return Ok(false) };
        let of_them = |sentence: &Sentence, language| sentence.fill(language, &name, "");
        let mut age = None;
        if is_child {
            let question = of_them(&words::ASK_AGE, self.language);
            let oldest = draft::AGE_MAX.to_string();
            age = Some(self.ask(&question, None, |text, language| {
                draft::age(text).ok_or_else(|| words::BAD_AGE.fill(language, &shown(text), &oldest))
            })?);
        }
        let Some(place) = draft.add(&name, age) else {
            let most = draft::PEOPLE_MAX.to_string();
            let text = words::TOO_MANY_PEOPLE.fill(self.language, &most, "");
            write_below(&mut self.out, 2, &text)?;
            return Ok(false);
        };
        if is_child {
            let question = of_them(&words::ASK_BEDTIME, self.language);
            let bedtime = self.ask(&question, None, |text, language| {
                if text.is_empty() {
                    return Ok(None);
                }
                let bedtime = draft::bedtime(text).map(Some);
                bedtime.ok_or_else(|| words::BAD_BEDTIME.fill(language, &shown(text), ""))
            })?;
            if let Some(bedtime) = bedtime {
                draft.set_bedtime(place, bedtime);
            }
        }
        let free: Vec<&Seen> =
            plan.seen.iter().filter(|one| !draft.has_device(&one.mac.to_string())).collect();
        self.show(&free, plan.describe)?;
        let question = of_them(&words::ASK_DEVICES, self.language);
        let with_devices = self.ask(&question, None, |text, language| {
            // On a copy, so that an answer counts as a whole or not at all.
            let mut tried = draft.clone();
            let answers = text.split([',', ' ']).filter(|answer| !answer.is_empty());
            for answer in answers {
                let device = match number(answer) {
                    Some(number) => {
                        let row = number.checked_sub(1).and_then(|row| free.get(row));
                        let bad = || words::BAD_NUMBER.fill(language, &shown(answer), "");
                        row.ok_or_else(bad)?.mac.to_string()
                    }
                    None => answer.to_owned(),
                };
                tried
                    .add_device(place, &device)
                    .map_err(|why| no_device(&why, &shown(&device), language))?;
            }
            Ok(tried)
        })?;
        *draft = with_devices;
        writeln!(self.out)?;
        Ok(true)
    }

    /// The devices that are nobody's yet, with numbers to pick them by.
    fn show(&mut self, free: &[&Seen], describe: Describe<'_>) -> io::Result<()> {
        if free.is_empty() {
            let text = words::DEVICES_NONE.in_language(self.language);
            return write_below(&mut self.out, 2, text);
        }
        writeln!(self.out, "  {}", words::DEVICES_SEEN.in_language(self.language))?;
        for (row, seen) in free.iter().take(DEVICES_SHOWN).enumerate() {
            let head = format!("  {:>3}  {}  ", row + 1, seen.mac);
            let addresses = seen.addresses.iter().take(ADDRESSES_SHOWN).map(ToString::to_string);
            let mut pieces: Vec<String> = addresses.collect();
            let about = describe(seen, self.language);
            if !about.is_empty() {
                pieces.push(format!("({})", shown(&about)));
            }
            write_beside(&mut self.out, &head, &str::to_owned, &pieces, " ")?;
        }
        Ok(())
    }

    /// Asks until an answer serves. An empty one takes what is offered.
    fn ask<T>(
        &mut self,
        question: &str,
        offered: Option<&str>,
        mut read: impl FnMut(&str, Language) -> Result<T, String>,
    ) -> Result<T, Stopped> {
        for _ in 0..TRIES_MAX {
            let offer = offered.map(|offered| format!(" [{offered}]")).unwrap_or_default();
            write!(self.out, "{question}{offer}: ")?;
            self.out.flush()?;
            let Some(answer) = self.line()? else {
                let sentence = words::BAD_TEXT.in_language(self.language);
                write_below(&mut self.out, 2, sentence)?;
                continue;
            };
            let answer = answer.trim();
            let answer = if answer.is_empty() { offered.unwrap_or_default() } else { answer };
            match read(answer, self.language) {
                Ok(value) => return Ok(value),
                Err(sentence) => write_below(&mut self.out, 2, &sentence)?,
            }
        }
        Err(Stopped::TooOften)
    }

    /// A line; none when it is no text.
    fn line(&mut self) -> Result<Option<String>, Stopped> {
        let mut octets = Vec::new();
        let read = (&mut self.input).take(ANSWER_OCTETS_MAX).read_until(b'\n', &mut octets)?;
        if read == 0 {
            // The question stands on a line of its own, whatever comes next.
            writeln!(self.out)?;
            return Err(Stopped::End);
        }
        let is_whole = octets.ends_with(b"\n") || (read as u64) < ANSWER_OCTETS_MAX;
        Ok(if is_whole { String::from_utf8(octets).ok() } else { None })
    }
}

/// `2`; an address is none.
fn number(text: &str) -> Option<usize> {
    (text.len() <= 3).then(|| text.parse().ok()).flatten()
}

/// Why a device cannot be somebody's, as a sentence.
pub(super) fn no_device(why: &NoDevice, device: &str, language: Language) -> String {
    match why {
        NoDevice::Unknown => words::BAD_DEVICE.fill(language, device, ""),
        NoDevice::Taken(owner) => words::TAKEN_DEVICE.fill(language, device, owner),
        NoDevice::TooMany => {
            words::TOO_MANY_DEVICES.fill(language, &draft::DEVICES_MAX.to_string(), "")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::Mac;
    use proptest::prelude::*;

    /// What a conversation came to, and all that was said.
    fn talk(answers: &[u8]) -> (Result<bool, Stopped>, Draft, String) {
        let seen = [Seen {
            mac: Mac([0x3c, 0x22, 0xfb, 1, 2, 3]),
            addresses: vec!["192.168.1.42".parse().unwrap()],
            awake: None,
        }];
        let plan = Plan {
            language: Some(Language::En),
            zone: true,
            system_zone: Some("America/Guatemala".to_owned()),
            country: true,
            country_of: &|_| Some("GT".to_owned()),
            children: true,
            adults: true,
            seen: &seen,
            describe: &|_, _| "a maker".to_owned(),
        };
        let mut draft = Draft::new(Language::En);
        let mut said = Vec::new();
        let mut talk = Talk::new(answers, &mut said, Language::En);
        let outcome = talk.family(&mut draft, &plan);
        let outcome = outcome.and_then(|()| talk.confirm(&draft, "/etc/amparo/amparo.toml"));
        (outcome, draft, String::from_utf8(said).unwrap())
    }

    #[test]
    fn a_family_is_asked_for_in_its_language() {
        let answers = "es\n\n\nSofía\n9\n20:30-06:30\n1\n\nAna\n192.168.1.10\n\nsí\n";
        let (outcome, draft, said) = talk(answers.as_bytes());
        assert!(outcome.unwrap(), "{said}");
        assert_eq!(draft.timezone.as_deref(), Some("America/Guatemala"));
        assert_eq!((draft.country.as_deref(), draft.size()), (Some("GT"), (1, 1)));
        assert!(draft.has_device("3c:22:fb:01:02:03") && draft.has_device("192.168.1.10"));
        assert!(said.contains("  1  3c:22:fb:01:02:03  192.168.1.42 (a maker)"), "{said}");
        assert!(said.contains("¿Escribirlo en /etc/amparo/amparo.toml? sí o no [sí]: "), "{said}");
        // It was picked, and is not offered again.
        assert!(said.contains("Ahora no se ve ningún aparato"), "{said}");
    }

    #[test]
    fn a_bad_answer_is_asked_again_with_what_to_write() {
        let answers = "klingon\nen\nNowhere At All\n\nGuatemala\ngt\nmateo\nfourteen\n14\nlate\n\n\
                       2\ntablet\n1\n\n\nno\n";
        let (outcome, draft, said) = talk(answers.as_bytes());
        assert!(!outcome.unwrap(), "{said}");
        assert_eq!(draft.size(), (1, 0));
        for sentence in [
            "Write es (Spanish) or en (English).",
            "There is no time zone “Nowhere At All”",
            "“Guatemala” is no country.",
            "“fourteen” is not the age of a child.",
            "“late” is no window of time.",
            "There is no device 2 in the list.",
            "“tablet” is no device.",
            "Nothing was written.",
        ] {
            assert!(said.contains(sentence), "{sentence} in\n{said}");
        }
    }

    #[test]
    fn it_ends_with_its_input_wherever_that_is() {
        let answers = "es\n\n\nSofía\n9\n20:30-06:30\n1\n\nAna\n192.168.1.10\n\nsí\n";
        for lines in 0..12 {
            let some: String = answers.split_inclusive('\n').take(lines).collect();
            let (outcome, ..) = talk(some.as_bytes());
            assert!(matches!(outcome, Err(Stopped::End)), "after {lines} lines: {outcome:?}");
        }
    }

    #[test]
    fn whoever_answers_without_end_is_not_asked_without_end() {
        for answer in ["y\n", "\u{0}", "9\n", "es\n"] {
            let (outcome, ..) = talk(answer.repeat(100_000).as_bytes());
            assert!(outcome.is_err(), "{answer:?}: {outcome:?}");
        }
    }

    proptest! {
        #[test]
        fn any_answers_come_to_an_end(answers in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = talk(&answers);
        }

        #[test]
        fn any_lines_come_to_an_end(
            answers in proptest::collection::vec("es|en||[0-9]{1,2}|sofía|20:30-06:30|[a-z:.]{0,8}", 0..40)
        ) {
            let (_, draft, _) = talk(answers.join("\n").as_bytes());
            prop_assert!(draft.size().0 + draft.size().1 <= draft::PEOPLE_MAX);
        }
    }
}
