//! Any message is an answer with a name to one question, or none.
#![no_main]

#[path = "../bodies/mdns.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| body::run(octets));
