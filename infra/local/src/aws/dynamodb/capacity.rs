//! The capacity that requests consume: asked for always, shown to those who asked.

use dynoxide::types::ConsumedCapacity;

/// A request with a `ReturnConsumedCapacity`.
pub trait AsksCapacity {
    fn mode(&mut self) -> &mut Option<String>;
}

/// An answer with a `ConsumedCapacity`.
pub trait ReportsCapacity {
    /// The units in all, and no report any more unless `keep`.
    fn take_units(&mut self, keep: bool) -> f64;
}

/// Makes the request report what it consumes. Returns whether the caller wanted that too.
///
/// An invalid mode stays as it is, for the error that it deserves.
pub fn force_report(request: &mut impl AsksCapacity) -> bool {
    let mode = request.mode();
    if matches!(mode.as_deref(), None | Some("NONE")) {
        *mode = Some("TOTAL".to_owned());
        return false;
    }
    true
}

impl ReportsCapacity for Option<ConsumedCapacity> {
    fn take_units(&mut self, keep: bool) -> f64 {
        let units = self.as_ref().map_or(0.0, |capacity| capacity.capacity_units);
        if !keep {
            *self = None;
        }
        units
    }
}

impl ReportsCapacity for Option<Vec<ConsumedCapacity>> {
    fn take_units(&mut self, keep: bool) -> f64 {
        let units = self.iter().flatten().map(|capacity| capacity.capacity_units).sum();
        if !keep {
            *self = None;
        }
        units
    }
}
