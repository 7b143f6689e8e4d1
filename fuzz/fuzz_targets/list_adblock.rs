//! Any text, as a list of the format `adblock`.
#![no_main]

#[path = "../bodies/list.rs"]
mod list;

use amparo::lists::Format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| list::reads(Format::Adblock, text));
