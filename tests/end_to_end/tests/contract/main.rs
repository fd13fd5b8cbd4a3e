//! The API is what its description says.
//!
//! `tests/run` installs the tools and sets `POSTHORN_CONTRACT_TOOLS` to the folder of their
//! programs; without that, the tests that need them fail and say so.

mod accounts_apart;
mod fuzzed;
mod generated_client;
mod snapshot;

use std::path::{Path, PathBuf};

/// A program among the tools.
fn tool(name: &str) -> PathBuf {
    let folder = std::env::var("POSTHORN_CONTRACT_TOOLS").expect(
        "POSTHORN_CONTRACT_TOOLS: the programs of tests/toolchain/contract.txt (tests/run sets it)",
    );
    Path::new(&folder).join(name)
}

/// A file of `tests/contract`.
fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../contract").join(name)
}
