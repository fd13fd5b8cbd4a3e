//! The api function: the management API, event ingest, and the portal.
//!
//! `operations` does things and knows nothing of JSON shapes; `v1` speaks the native shape over it.

mod address;
mod asset;
mod auth;
mod body;
mod caller_address;
mod description;
mod extract;
mod facade;
mod fields;
mod idempotency;
mod ingest;
pub mod lambda;
mod operations;
mod paging;
mod portal;
mod problem;
mod quotas;
mod reference;
mod request_log;
mod router;
mod state;
mod strict_json;
mod urls;
mod v1;

pub use problem::Refusal;
pub use router::router;

/// How requests are read, without a store behind it: for `tests/fuzz`, no part of the interface.
#[doc(hidden)]
pub mod reading {
    pub use crate::facade::{Presenter, Read, Shown, presenter};
    pub use crate::fields::Fields;
    pub use crate::operations::endpoints::{Wish, read, secret};
    pub use crate::paging::{PageQuery, encode};
    pub use crate::problem::Refusal;
}
