//! Any octets are a name or none, and what is shown of one holds nothing that a terminal, a file or
//! a page would obey, and says which name it is.
#![no_main]

#[path = "../bodies/name.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| body::run(octets));
