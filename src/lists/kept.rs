//! What is kept beside the names of a list or of an index: reports, so that `lists status` reads no
//! list, patterns and exceptions. No one else's format: it changes with the version of the program,
//! and then indexes are built again.

use serde::{Deserialize, Serialize};

use super::exceptions::Exceptions;
use super::format::{Guess, Role};
use super::kind::Kind;
use super::pattern::ListPatterns;
use super::{Format, Matching, Report, Skip};
use crate::name::Name;
use crate::policy::tags::{Tag, TagSet};

/// What is kept of one list.
pub(super) struct Kept {
    pub(super) report: Report,
    pub(super) patterns: ListPatterns,
    /// The names it excepts from itself.
    pub(super) exceptions: Vec<(Name, Kind)>,
}

/// [`Kept`], written.
#[derive(Serialize, Deserialize)]
struct WrittenList {
    report: WrittenReport,
    patterns: WrittenPatterns,
    exceptions: Vec<(String, u8)>,
}

/// What is kept of all lists, written.
#[derive(Serialize, Deserialize)]
struct WrittenAll {
    reports: Vec<WrittenReport>,
    patterns: Vec<WrittenPatterns>,
}

/// [`Report`], written.
#[derive(Serialize, Deserialize)]
struct WrittenReport {
    id: String,
    category: Option<String>,
    format: String,
    /// How many lines look like it, and of how many.
    guess: Option<(usize, usize)>,
    taken: usize,
    skipped: Vec<(String, usize)>,
    refused: Vec<String>,
    refused_count: usize,
}

/// [`ListPatterns`], written.
#[derive(Serialize, Deserialize)]
struct WrittenPatterns {
    tags: Vec<u16>,
    /// Each with its kind.
    close: Vec<(String, u8)>,
    except: Vec<(String, u8)>,
    except_names: Vec<(String, u8)>,
}

/// What is kept of a list, as text.
pub(super) fn write(
    report: &Report,
    patterns: &ListPatterns,
    exceptions: &[(Name, Kind)],
) -> Vec<u8> {
    let written = WrittenList {
        report: WrittenReport::of(report),
        patterns: WrittenPatterns::of(patterns),
        exceptions: names_with_kinds(exceptions.iter().copied()),
    };
    serde_json::to_vec(&written).unwrap_or_default()
}

/// What is kept of a list; none when it is no such text.
pub(super) fn read(text: &[u8]) -> Option<Kept> {
    let written: WrittenList = serde_json::from_slice(text).ok()?;
    let report = written.report.report()?;
    let patterns = written.patterns.patterns()?;
    let exceptions = read_names(&written.exceptions)?;
    Some(Kept { report, patterns, exceptions })
}

/// What is kept of all lists, as text.
pub(super) fn write_all(reports: &[Report], patterns: &[ListPatterns]) -> Vec<u8> {
    let written = WrittenAll {
        reports: reports.iter().map(WrittenReport::of).collect(),
        patterns: patterns.iter().map(WrittenPatterns::of).collect(),
    };
    serde_json::to_vec(&written).unwrap_or_default()
}

/// What is kept of all lists; none when it is no such text.
pub(super) fn read_all(text: &[u8]) -> Option<(Vec<Report>, Vec<ListPatterns>)> {
    let written: WrittenAll = serde_json::from_slice(text).ok()?;
    let reports = written.reports.into_iter().map(WrittenReport::report).collect::<Option<_>>()?;
    let patterns = written.patterns.into_iter().map(WrittenPatterns::patterns);
    Some((reports, patterns.collect::<Option<_>>()?))
}

fn names_with_kinds(names: impl Iterator<Item = (Name, Kind)>) -> Vec<(String, u8)> {
    names.map(|(name, kind)| (name.to_string(), kind.number())).collect()
}

fn read_names(written: &[(String, u8)]) -> Option<Vec<(Name, Kind)>> {
    let read =
        |(name, kind): &(String, u8)| Some((Name::parse(name).ok()?, Kind::from_number(*kind)?));
    written.iter().map(read).collect()
}

// === impl WrittenReport ===

impl WrittenReport {
    fn of(report: &Report) -> Self {
        let kinds = report.skipped_kinds.iter();
        WrittenReport {
            id: report.id.clone(),
            category: report.category.clone(),
            format: report.format.word().to_owned(),
            guess: report.guess.map(|Guess { like, of }| (like, of)),
            taken: report.taken,
            skipped: kinds.map(|(kind, count)| (kind.word().to_owned(), *count)).collect(),
            refused: report.refused.clone(),
            refused_count: report.refused_count,
        }
    }

    fn report(self) -> Option<Report> {
        let kind = |(word, count): (String, usize)| {
            Some((Skip::ALL.into_iter().find(|kind| kind.word() == word)?, count))
        };
        let skipped_kinds = self.skipped.into_iter().map(kind).collect::<Option<Vec<_>>>()?;
        Some(Report {
            id: self.id,
            category: self.category,
            format: Format::of_word(&self.format)?,
            guess: self.guess.map(|(like, of)| Guess { like, of }),
            taken: self.taken,
            skipped: skipped_kinds.iter().map(|(_, count)| count).sum(),
            skipped_kinds,
            refused: self.refused,
            refused_count: self.refused_count,
        })
    }
}

// === impl WrittenPatterns ===

impl WrittenPatterns {
    fn of(patterns: &ListPatterns) -> Self {
        let close = patterns.patterns.iter();
        let with_kind = |(text, role): &(String, Role)| {
            (text.clone(), Kind::of(Matching::Exact, *role).number())
        };
        let names = patterns.exceptions.iter();
        WrittenPatterns {
            tags: patterns.tags.iter().map(|tag| tag.0).collect(),
            close: close.map(with_kind).collect(),
            except: patterns.exceptions.patterns().iter().map(with_kind).collect(),
            except_names: names_with_kinds(
                names.map(|(name, matching, role)| (name, Kind::of(matching, role))),
            ),
        }
    }

    fn patterns(self) -> Option<ListPatterns> {
        let tags = self
            .tags
            .iter()
            .map(|&tag| (usize::from(tag) < crate::policy::tags::TAGS_MAX).then_some(Tag(tag)));
        let tags = tags.collect::<Option<TagSet>>()?;
        let role = |number: u8| -> Option<Role> { Some(Kind::from_number(number)?.role()) };
        let patterns = self.close.into_iter().map(|(text, kind)| Some((text, role(kind)?)));
        let patterns = patterns.collect::<Option<_>>()?;
        let mut exceptions = Exceptions::default();
        for (name, kind) in read_names(&self.except_names)? {
            exceptions.except(&name, kind.matching(), kind.role());
        }
        for (pattern, kind) in &self.except {
            exceptions.except_pattern(pattern, role(*kind)?);
        }
        Some(ListPatterns { tags, patterns, exceptions })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(format: Format, category: Option<&str>) -> Report {
        Report {
            id: "list \"é\"".to_owned(),
            category: category.map(str::to_owned),
            format,
            guess: category.map(|_| Guess { like: 7, of: 9 }),
            taken: 3,
            skipped: 3,
            skipped_kinds: vec![(Skip::Address, 1), (Skip::NotAName, 2)],
            refused: vec!["com".to_owned()],
            refused_count: 200,
        }
    }

    fn patterns() -> ListPatterns {
        let mut exceptions = Exceptions::default();
        let name = Name::parse("good.example").unwrap();
        exceptions.except(&name, Matching::Subdomains, Role::ExceptAll);
        exceptions.except_pattern("^fine", Role::Except);
        let tags = [Tag(3), Tag(511)].into_iter().collect();
        ListPatterns { tags, patterns: vec![("^ads".to_owned(), Role::CloseAll)], exceptions }
    }

    #[test]
    fn what_is_kept_comes_back_as_it_was() {
        let reports = [report(Format::Hosts, None), report(Format::Domains, Some("games"))];
        let mut text = write_all(&reports, &[patterns()]);
        text.extend_from_slice(b"   ");
        let (read_reports, read_patterns) = read_all(&text).unwrap();
        assert_eq!(read_reports, reports);
        assert_eq!(write_all(&read_reports, &read_patterns), write_all(&reports, &[patterns()]));

        let kind = Kind::of(Matching::Below, Role::Except);
        let exceptions = [(Name::parse("a.example").unwrap(), kind)];
        let kept = read(&write(&reports[0], &patterns(), &exceptions)).unwrap();
        assert_eq!((kept.report, kept.exceptions), (reports[0].clone(), exceptions.to_vec()));
        assert_eq!(kept.patterns.patterns, patterns().patterns);
        assert!(read_all(b"").is_none() && read(b"[{}]").is_none());
    }
}
