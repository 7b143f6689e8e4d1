//! Any octets are leases of each format, with names that may be shown, or none.
#![no_main]

#[path = "../bodies/leases.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| body::run(octets));
