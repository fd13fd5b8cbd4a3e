//! What the API does, whatever shape it is asked in.

pub mod catalog;
pub mod deliveries;
pub mod endpoints;
pub mod events;
pub mod sends;
pub mod tasks;
