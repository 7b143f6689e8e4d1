//! The command line: one file a subcommand.

pub mod log;
pub mod moments;
