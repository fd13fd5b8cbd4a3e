//! The retries that are due within a minute.

/// A bucket. In the code it has four shards: here it is one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bucket {
    /// A bit for each delivery that has a row. With two attempts, every row is of the second.
    pub rows: u8,
    /// Schedules that have yet to call.
    pub schedules: u8,
    /// Its time has come.
    pub begun: bool,
    /// It is marked as done, or the sweep's cursor is past it: the sweep does not come again.
    pub passed: bool,
}

impl Bucket {
    /// Whether its rows will be sent, or sent once more.
    pub fn is_live(&self, swept_at_all: bool) -> bool {
        !self.begun || self.schedules > 0 || (swept_at_all && !self.passed)
    }
}
