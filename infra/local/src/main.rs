//! `posthorn`: the whole system on one machine.

use std::process::ExitCode;

// The system allocator returns little of what a burst of small allocations took.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    posthorn::cli::main()
}
