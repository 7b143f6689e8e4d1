//! A config that passes still does after an edit, says its word then, and has nothing left to do.
#![no_main]

#[path = "../bodies/config_edit.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| body::run(octets));
