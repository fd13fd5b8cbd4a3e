//! The system through its public surfaces: one module for each.

mod aws_conformance;
mod bad_input;
mod commands;
mod contract;
mod dead_letters;
mod dialects;
mod formats;
mod idempotency;
mod listen;
mod management;
mod manners;
mod observability;
mod pipeline;
mod portal;
mod portal_pages;
mod protection;
mod retries;
mod signatures;
mod start;
