//! An upstream's answer is refused or relayed whole, cut only between sets, and never longer
//! than its client takes. The octets are the answer's flags, counts and records.
#![no_main]

#[path = "../bodies/response.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| body::run(octets));
