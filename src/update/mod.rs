//! Fetches lists, and keeps out what must not be taken.
