//! Any packet is an answer of a time server to one question, or none.
#![no_main]

#[path = "../bodies/sntp.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| body::run(octets));
