//! Fetches lists, and keeps out what must not be taken.

pub mod address;
pub mod judge;
