//! Nothing: `Cargo.toml` beside this says what this package is for.
