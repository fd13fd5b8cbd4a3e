//! Time and randomness as values that come in from outside, so that a test can set them.

use std::sync::Arc;

use jiff::Timestamp;

/// Where the functions read the time and take random numbers from.
#[derive(Clone)]
pub struct Clock {
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    random: Arc<dyn Fn() -> u128 + Send + Sync>,
}

impl Clock {
    /// The machine's clock and its cryptographic random numbers.
    pub fn system() -> Self {
        Self {
            now: Arc::new(Timestamp::now),
            random: Arc::new(|| {
                let mut bytes = [0; 16];
                // Without randomness no secret and no id would be safe: the process can't go on.
                getrandom::fill(&mut bytes).expect("the operating system gives random numbers");
                u128::from_ne_bytes(bytes)
            }),
        }
    }

    /// A clock for tests.
    pub fn fixed(
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
        random: impl Fn() -> u128 + Send + Sync + 'static,
    ) -> Self {
        Self { now: Arc::new(now), random: Arc::new(random) }
    }

    /// The time now, to the millisecond: what ids and most of the table hold, so that no time is
    /// shown in two precisions.
    pub fn now(&self) -> Timestamp {
        let now = (self.now)();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }

    /// 128 random bits.
    pub fn random(&self) -> u128 {
        (self.random)()
    }

    /// A random number in `0.0..1.0`.
    pub fn random_unit(&self) -> f64 {
        // 53 bits fill the mantissa exactly.
        (self.random() >> 75) as f64 / (1u64 << 53) as f64
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}
