//! The way of a query.
