//! Steps that a check may take.

/// The steps of one check that are left, and those that it took.
#[derive(Debug)]
pub struct Steps {
    left: u64,
    used: u64,
}

/// There are none left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfSteps;

impl Steps {
    pub fn new(max: u64) -> Self {
        Self { left: max, used: 0 }
    }

    /// Takes steps, before the work that they stand for is done.
    ///
    /// # Errors
    /// When there are not so many left.
    pub fn spend(&mut self, steps: u64) -> Result<(), OutOfSteps> {
        self.left = self.left.checked_sub(steps).ok_or(OutOfSteps)?;
        self.used += steps;
        Ok(())
    }

    /// How many it took.
    pub fn used(&self) -> u64 {
        self.used
    }
}
