//! The whole program, from the questions of a device to the rows of the journal.
//!
//! `harness` starts it; every other module is one promise. A test's config is its fixture, and its
//! name is the claim.
#![cfg(test)]

mod harness;

mod around;
mod cli;
mod cli_family;
mod cli_setup;
mod clients;
mod clock;
mod devices;
mod docs;
mod doctor;
mod encrypted;
mod family;
mod faults;
mod filter;
mod firewall;
mod forwarding;
mod hostile;
mod journal;
mod load;
mod month;
mod net;
mod odd;
mod reload;
mod replay;
mod rows;
mod rules;
mod special;
mod streams;
mod unbound;
mod updates;
mod upstreams;
