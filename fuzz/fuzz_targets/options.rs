//! Whatever stands in the options of a question, what they tell of a device is a device, and the
//! question is read the same without them.
#![no_main]

#[path = "../bodies/options.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| body::run(octets));
