//! Fetches lists, and keeps out what must not be taken.
//!
//! `keeper` knows which list is due ([`schedule`]) and runs in a thread of its own; `take` does
//! what is to be done for one: [`fetch`] it, [`judge`] it beside the copy in force, and put it in
//! that one's place. Start at [`Updater`].

pub mod address;
mod connect;
pub mod fetch;
pub mod judge;
mod keeper;
mod proxy;
pub mod schedule;
mod take;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_server;
pub mod trouble;

pub use keeper::{Fresh, News, Settings, Updater};
pub use take::{List, Outcome, Wanted};
