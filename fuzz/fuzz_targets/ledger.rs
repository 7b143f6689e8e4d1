//! Any body of a ledger with a right checksum is one or none: whatever stands in it, using it and
//! writing it upsets nothing.
#![no_main]

#[path = "../bodies/ledger.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| body::run(octets));
