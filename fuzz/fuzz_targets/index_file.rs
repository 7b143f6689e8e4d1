//! Any octets with the shape of an index are one: looking names up in it never goes past its end.
#![no_main]

#[path = "../bodies/index_file.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| body::run(octets));
