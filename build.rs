//! Tells the linker to pack what is to be relocated at start: 260 KB less to keep in a router's
//! flash. The program's code needs nothing of this file.

use std::env;
use std::process::Command;

/// The first C library that can unpack it: glibc 2.36, August 2022.
const GLIBC_MINOR_MIN: u32 = 36;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if runs_here() && glibc_minor().is_some_and(|minor| minor >= GLIBC_MINOR_MIN) {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// Whether the program is built for a system like this one. Of another one's C library nothing is
/// known.
fn runs_here() -> bool {
    let said = |name: &str| env::var(name).unwrap_or_default();
    said("HOST") == said("TARGET")
        && said("CARGO_CFG_TARGET_OS") == "linux"
        && said("CARGO_CFG_TARGET_ENV") == "gnu"
}

/// The 36 of `glibc 2.36`. A program never runs with an older one than it was linked with.
fn glibc_minor() -> Option<u32> {
    let said = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let said = String::from_utf8(said.stdout).ok()?;
    said.trim().strip_prefix("glibc 2.")?.split('.').next()?.parse().ok()
}
