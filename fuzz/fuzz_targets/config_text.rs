//! Any text is a config or a report that can be shown, as plain text and as JSON.
#![no_main]

#[path = "../bodies/config_text.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| body::run(octets));
