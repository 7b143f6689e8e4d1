//! The map is being drawn.
pub mod cli;
pub mod clients;
pub mod clock;
pub mod config;
pub mod dns;
pub mod journal;
pub mod lists;
pub mod name;
pub mod policy;
pub mod words;
