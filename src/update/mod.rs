//! Fetches lists, and keeps out what must not be taken.

pub mod address;
mod connect;
pub mod fetch;
pub mod judge;
mod proxy;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_server;
pub mod trouble;
