//! The API is what its description says.
//!
//! `tests/run` installs the tools and sets `POSTHORN_CONTRACT_TOOLS` to the folder of their
//! programs; without that, the tests that need them fail and say so.

mod accounts_apart;
mod generated_client;
mod snapshot;
