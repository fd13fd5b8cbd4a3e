//! A model of how deliveries are kept from being lost, for a checker that tries every order of
//! steps, every crash and every duplicate of a small case. It runs as a test: `tests/model.rs`.
