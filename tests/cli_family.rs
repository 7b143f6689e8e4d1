//! The commands about time.
