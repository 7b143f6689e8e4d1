//! Any octets are a calendar's days, in order and within their bounds, or no calendar.
#![no_main]

#[path = "../bodies/ical.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| body::run(octets));
