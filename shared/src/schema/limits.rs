//! How large a schema may be, and how much work a check by it. All of it is bounded by these numbers.

/// Bytes of a schema's text.
pub const MAX_SCHEMA_BYTES: usize = 65_536;
/// Schemas in a schema, itself included, each as often as references lead to it. Where a reference
/// leads back to a schema that is being followed, it counts once more and is not followed again.
pub const MAX_NODES: u64 = 10_000;
/// Schemas inside one another, references followed.
pub const MAX_NESTING: usize = 200;
/// Different patterns, of `pattern` and `patternProperties` together.
pub const MAX_PATTERNS: usize = 50;
/// Bytes of the patterns' text, in all. Reading a class like `\p{L}` takes a thousand times longer
/// than reading its name.
pub const MAX_PATTERN_TEXT: usize = 8_192;
/// Bytes of one pattern, compiled.
pub const MAX_PATTERN_BYTES: usize = 256 * 1024;
/// Bytes of a schema, compiled, its patterns included.
pub const MAX_COMPILED_BYTES: usize = 2 * 1024 * 1024;

/// What a check of one event may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// A keyword on a value, a member, an element, a state of a pattern on a byte. A step takes 5 to
    /// 40 ns.
    pub steps: u64,
    /// Schemas that are checked inside one another. Each takes up to two kilobytes of a thread's
    /// stack, of which a thread has two megabytes.
    pub depth: usize,
}

/// The most that an event costs.
pub const FULL: Budget = Budget { steps: 2_000_000, depth: 500 };
/// What an event may cost where it is met. What takes more leaves the executor.
pub const QUICK: Budget = Budget { steps: 20_000, depth: 100 };
/// Bytes of the data of an event that is checked where it is met.
pub const QUICK_BYTES: usize = 16 * 1024;

/// Problems that are told of one event; the rest are more of the same, most of the time.
pub const MAX_PROBLEMS: usize = 20;

/// Bytes of the compiled schemas that a process keeps.
pub const KEPT_BYTES: u64 = 32 * 1024 * 1024;
