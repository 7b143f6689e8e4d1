//! What every check has at hand: the document, what surrounds it, and where mistakes go.

use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::System;
use super::elements::Mistake;
use super::read::Text;
use super::report::{Origin, Problem};
use crate::lists::catalogue::Catalogue;

/// One run over one document.
pub(super) struct Context<'a> {
    /// The document.
    pub(super) root: &'a DeTable<'a>,
    /// What the program knows by itself.
    pub(super) catalogue: &'a Catalogue,
    /// What holds where the file is silent.
    pub(super) system: &'a System,
    /// What was found wrong.
    pub(super) problems: Vec<Problem>,
    /// The directory that relative paths start from.
    directory: PathBuf,
}

impl<'a> Context<'a> {
    pub(super) fn new(
        root: &'a DeTable<'a>,
        origin: &Origin,
        system: &'a System,
        catalogue: &'a Catalogue,
    ) -> Self {
        let directory = match origin {
            Origin::Embedded => PathBuf::new(),
            Origin::File(path) => path.parent().map(Path::to_path_buf).unwrap_or_default(),
        };
        Context { root, catalogue, system, problems: Vec::new(), directory }
    }

    /// Reports a mistake.
    pub(super) fn error(
        &mut self,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.problems.push(Problem::error(span, message, help));
    }

    /// Reports what has no effect.
    pub(super) fn warning(
        &mut self,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.problems.push(Problem::warning(span, message, help));
    }

    /// The value of a text, or none and its mistake reported at the text.
    pub(super) fn element<'t, T>(
        &mut self,
        text: &Text<'t>,
        read: impl FnOnce(&'t str) -> Result<T, Mistake>,
    ) -> Option<T> {
        read(text.text)
            .map_err(|Mistake { what, help }| self.error(text.span.clone(), what, help))
            .ok()
    }

    /// A path as it is written, from the directory of the file.
    pub(super) fn path(&self, written: &str) -> PathBuf {
        self.directory.join(written)
    }

    /// A text as it may be shown anywhere: without control characters; none when nothing is left.
    pub(super) fn shown(text: &str) -> Option<String> {
        let shown: String = text.chars().filter(|letter| !letter.is_control()).collect();
        let shown = shown.trim();
        (!shown.is_empty()).then(|| shown.to_owned())
    }
}
