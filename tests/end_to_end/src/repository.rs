//! Files of the repository, and the tools that `tests/run` installs.

use std::path::{Path, PathBuf};

/// A file or folder of the repository, by its path from the top.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// A program among the tools of `tests/toolchain/contract.txt`. With an empty name: their folder.
///
/// # Panics
/// When `POSTHORN_CONTRACT_TOOLS` does not name that folder.
pub fn contract_tool(name: &str) -> PathBuf {
    let folder = std::env::var("POSTHORN_CONTRACT_TOOLS").expect(
        "POSTHORN_CONTRACT_TOOLS: the programs of tests/toolchain/contract.txt (tests/run sets it)",
    );
    Path::new(&folder).join(name)
}
