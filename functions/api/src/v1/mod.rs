//! The native shape of the API: `/v1`, snake_case.

pub mod accounts;
pub mod api_keys;
pub mod deliveries;
pub mod endpoints;
pub mod event_types;
pub mod events;
