//! Who is asking: address → device → child or adult.

pub mod neighbours;
pub mod table;

pub use table::{Address, Client, DeviceRule, Mac, Table};
