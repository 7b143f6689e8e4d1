//! However a stream is cut into pieces, the same queries come out. The first octets say where it
//! is cut.
#![no_main]

#[path = "../bodies/tcp_framing.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| body::run(octets));
