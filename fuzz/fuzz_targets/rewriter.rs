//! A safe form's answer is a message about the question whatever upstream said of the target, and
//! cutting any reply leaves one that is no longer than it may be.
#![no_main]

#[path = "../bodies/rewriter.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| body::run(octets));
