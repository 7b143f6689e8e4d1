//! The way of a query.

pub mod upstream;
