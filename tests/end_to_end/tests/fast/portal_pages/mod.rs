//! Pages of the portal beside the endpoints': events, the catalog, signatures.

mod catalog;
mod events;
mod visitor;
