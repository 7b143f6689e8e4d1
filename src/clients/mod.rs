//! Who is asking: address → device → child or adult.
//!
//! [`table`] is pure and holds the household's devices; [`neighbours`] keeps what the kernel knows
//! of hardware addresses. Start reading at [`Table::identify`].
//!
//! What a device is called is in [`hosts`], out of three sources: what the DHCP server wrote down
//! ([`leases`]), what the device itself answers ([`mdns`]), and what the router says of its
//! address. [`maker`] knows who made it. None of that is proof of anything: a device says itself
//! what it is called.

pub mod address;
mod budget;
pub mod hosts;
mod kernel;
pub mod leased;
pub mod leases;
pub mod maker;
pub mod mdns;
pub mod neighbours;
pub mod table;
pub mod told;

pub use address::{Address, ClientId, Mac, NotAnAddress, is_inside};
pub use hosts::Hosts;
pub use leased::Leases;
pub use leases::{Lease, LeaseFiles};
pub use neighbours::Neighbours;
pub use table::{Around, Client, DeviceRule, Sighted, Table};
pub use told::Told;
