//! Whatever upstream says is kept and given back as it came, until its time is over, to whoever
//! asked that and to nobody else. The octets are steps: what is done, and answers.
#![no_main]

#[path = "../bodies/cache.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| body::run(octets));
