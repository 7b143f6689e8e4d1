//! A question is read as hickory reads it, or declined; every reply to it is a message about it.
#![no_main]

#[path = "../bodies/question.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| body::run(octets));
