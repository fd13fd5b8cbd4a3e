//! Strangers, and what they can do to others: random requests to every route, and bombs of every kind
//! that was ever found, beside a tenant whose events have to go through.
//!
//! `POSTHORN_HOSTILE_SECONDS` makes the large form, which prints figures and asserts how long the other
//! tenant waits; `POSTHORN_HOSTILE_SEED` makes the same random requests again. See README.md.

mod bodies;
mod bombs;
mod bounds;
mod callers;
mod chance;
mod confines;
mod deflate;
mod framing;
mod fuzz;
mod headers;
mod model;
mod requests;
mod routes;
mod settings;
mod sink;
mod tenants;
mod watcher;
mod wire;
