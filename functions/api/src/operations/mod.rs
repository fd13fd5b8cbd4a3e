//! What the API does, whatever shape it is asked in.

pub mod accounts;
pub mod catalog;
pub mod deliveries;
pub mod endpoints;
pub mod events;
pub mod portal_links;
pub mod sends;
pub mod tasks;
