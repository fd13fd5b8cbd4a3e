//! The native shape of the API: `/v1`, snake_case.

pub mod accounts;
pub mod api_keys;
pub mod deliveries;
pub mod dialects;
pub mod endpoints;
pub mod event_types;
pub mod events;
pub mod portal_sessions;
pub mod requests;
pub mod stats;
pub mod tasks;
