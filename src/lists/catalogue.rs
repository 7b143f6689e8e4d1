//! What the program knows by itself: categories with their defaults by age, services with their
//! names, starter lists, essential names. Data lives under `blocklists/`; this reads it.

use crate::words::Words;

/// Everything under `blocklists/`.
#[derive(Debug)]
pub struct Catalogue {
    /// The categories, in the order of the file.
    pub categories: Vec<Category>,
    /// The services, in the order of the file.
    pub services: Vec<Service>,
    /// The starter lists.
    pub starters: Vec<Starter>,
    /// The lines of `blocklists/essentials.txt` that are names, `=name` kept.
    pub essentials: Vec<&'static str>,
}

/// A category of sites.
#[derive(Debug)]
pub struct Category {
    /// The id in the config file.
    pub id: &'static str,
    /// What a parent reads.
    pub words: Words,
    /// What each age band does with it, youngest first: [`BANDS`].
    pub by_band: [Stance; 5],
    /// Whether it guards against fraud and spying: closed for adults too, EDE 15.
    pub security: bool,
}

/// The ids of the built-in profiles by age, youngest first, with the first age beyond each.
pub const BANDS: [(&str, u8); 5] =
    [("0-6", 7), ("7-9", 10), ("10-12", 13), ("13-15", 16), ("16-17", 18)];

/// What a built-in profile does with a category.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stance {
    /// Closed.
    Closed,
    /// Closed, unless a restricted mode makes the service safe.
    ClosedUnlessSafe,
    /// Open.
    Open,
}

/// A service: an app or site with all its names.
#[derive(Debug)]
pub struct Service {
    /// The id in the config file.
    pub id: &'static str,
    /// Its proper name.
    pub label: &'static str,
    /// The category it belongs to.
    pub category: Option<&'static str>,
    /// Its names, one a line.
    pub names: &'static str,
}

/// A list of our own.
#[derive(Debug)]
pub struct Starter {
    /// The category it fills.
    pub category: &'static str,
    /// The text: one name a line; in base64 when `hidden`.
    pub text: &'static str,
    /// Whether the text is encoded so that it advertises nothing, and its names are never printed.
    pub hidden: bool,
}

/// The catalogue, read once.
#[must_use]
pub fn catalogue() -> &'static Catalogue {
    static CATALOGUE: std::sync::LazyLock<Catalogue> = std::sync::LazyLock::new(|| Catalogue {
        categories: Vec::new(),
        services: Vec::new(),
        starters: Vec::new(),
        essentials: Vec::new(),
    });
    &CATALOGUE
}
