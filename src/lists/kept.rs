//! Reports as an index carries them, so that `lists status` reads no list. No one else's format:
//! it changes with the version of the program, and then indexes are built again.

use serde::{Deserialize, Serialize};

use super::{Format, Report, Skip};

/// [`Report`], written.
#[derive(Serialize, Deserialize)]
struct Kept {
    id: String,
    category: Option<String>,
    format: String,
    taken: usize,
    skipped: Vec<(String, usize)>,
    refused: Vec<String>,
    refused_count: usize,
}

/// The reports as text.
pub(super) fn write(reports: &[Report]) -> Vec<u8> {
    let kept: Vec<Kept> = reports
        .iter()
        .map(|report| Kept {
            id: report.id.clone(),
            category: report.category.clone(),
            format: report.format.word().to_owned(),
            taken: report.taken,
            skipped: report
                .skipped_kinds
                .iter()
                .map(|(kind, count)| (kind.word().to_owned(), *count))
                .collect(),
            refused: report.refused.clone(),
            refused_count: report.refused_count,
        })
        .collect();
    serde_json::to_vec(&kept).unwrap_or_default()
}

/// The reports of a text; none when it is no such text.
pub(super) fn read(text: &[u8]) -> Option<Vec<Report>> {
    let kept: Vec<Kept> = serde_json::from_slice(text).ok()?;
    kept.into_iter()
        .map(|kept| {
            let skipped_kinds = kept
                .skipped
                .into_iter()
                .map(|(word, count)| {
                    let kind = Skip::ALL.into_iter().find(|kind| kind.word() == word)?;
                    Some((kind, count))
                })
                .collect::<Option<Vec<_>>>()?;
            Some(Report {
                id: kept.id,
                category: kept.category,
                format: Format::of_word(&kept.format)?,
                taken: kept.taken,
                skipped: skipped_kinds.iter().map(|(_, count)| count).sum(),
                skipped_kinds,
                refused: kept.refused,
                refused_count: kept.refused_count,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_comes_back_as_it_was() {
        let report = |format, category: Option<&str>| Report {
            id: "list \"é\"".to_owned(),
            category: category.map(str::to_owned),
            format,
            taken: 3,
            skipped: 3,
            skipped_kinds: vec![(Skip::Address, 1), (Skip::NotAName, 2)],
            refused: vec!["com".to_owned()],
            refused_count: 200,
        };
        let reports = [report(Format::Hosts, None), report(Format::Domains, Some("games"))];
        let mut text = write(&reports);
        assert_eq!(read(&text).unwrap(), reports);
        text.extend_from_slice(b"   ");
        assert_eq!(read(&text).unwrap(), reports);
        assert_eq!(read(&write(&[])).unwrap(), []);
        assert!(read(b"").is_none() && read(b"[{}]").is_none());
    }
}
