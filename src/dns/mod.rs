//! The way of a query.

pub mod answer;
pub mod cache;
pub mod records;
pub mod rewrite;
pub mod serve;
pub mod tcp;
pub mod udp;
pub mod wire;
pub mod upstream;
