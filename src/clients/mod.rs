//! Who is asking: address → device → child or adult.
//!
//! [`table`] is pure and holds the household's devices; [`neighbours`] keeps what the kernel knows
//! of hardware addresses. Start reading at [`Table::identify`].
//!
//! [`maker`] knows who made a device.

pub mod address;
mod kernel;
pub mod maker;
pub mod neighbours;
pub mod table;

pub use address::{Address, Mac, NotAnAddress, is_inside};
pub use neighbours::Neighbours;
pub use table::{Client, DeviceRule, Table};
