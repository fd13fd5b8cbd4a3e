//! How an endpoint is doing, kept with it while something is wrong: a circuit breaker, which stops
//! attempts that would only wait for nothing, and a pace, which slows them down.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Attempts without any answer, one after the other, that open the circuit.
pub const OPENS_AFTER: u32 = 5;
/// Until the first probe; after each that fails it is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// No pause is longer: this is how late an endpoint that is well again may be noticed. As long as
/// SQS can delay a message.
const LONGEST_PAUSE: Duration = Duration::from_secs(900);
/// A probe that nobody has told the end of by then is made again.
const PROBE_LEASE: Duration = Duration::from_secs(60);

/// Deliveries per second to an endpoint that asked for less, or has just come back.
const FIRST_PACE: f64 = 16.0;
const SLOWEST: f64 = 1.0;
/// A pace doubles in this time, and ends when it is above [`FASTEST`].
const DOUBLES_IN: Duration = Duration::from_secs(10);
const FASTEST: f64 = 1_000.0;
/// What comes this soon after the last slowing down says the same once more.
const SAME_TROUBLE: Duration = Duration::from_secs(1);

/// What is wrong with an endpoint, if anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// The circuit is open: deliveries are postponed, one probe at a time is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<Open>,
    /// Deliveries are slowed down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pace: Option<Pace>,
}

/// An open circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Open {
    pub since: Timestamp,
    /// When the next probe may be made.
    pub probe_at: Timestamp,
    /// Probes that failed.
    pub failed_probes: u32,
}

/// Deliveries per second, as they were at a time; from then on they become more.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Pace {
    pub per_second: f64,
    pub since: Timestamp,
}

impl Health {
    /// Whether there is anything to know.
    pub fn is_well(&self) -> bool {
        self.open.is_none() && self.pace.is_none()
    }

    /// The circuit opens; `None`: it is open.
    pub fn opened(self, now: Timestamp, time_scale: f64) -> Option<Self> {
        if self.open.is_some() {
            return None;
        }
        let probe_at = later(now, FIRST_PAUSE, time_scale);
        Some(Self { open: Some(Open { since: now, probe_at, failed_probes: 0 }), ..self })
    }

    /// Somebody makes the probe that is due; `None`: none is, or the circuit is closed.
    pub fn probing(self, now: Timestamp, time_scale: f64) -> Option<Self> {
        let open = self.open.filter(|open| open.probe_at <= now)?;
        // A probe takes as long as it takes, however fast time runs.
        let probe_at = later(now, PROBE_LEASE, 1.0).max(later(now, PROBE_LEASE, time_scale));
        Some(Self { open: Some(Open { probe_at, ..open }), ..self })
    }

    /// The probe got no answer; `None`: the circuit is closed.
    pub fn probe_failed(self, now: Timestamp, time_scale: f64) -> Option<Self> {
        let open = self.open?;
        let failed_probes = open.failed_probes.saturating_add(1);
        let probe_at = later(now, pause(failed_probes), time_scale);
        Some(Self { open: Some(Open { probe_at, failed_probes, ..open }), ..self })
    }

    /// An answer came: the circuit closes, and what has piled up goes out at a pace. `None`: it is
    /// closed.
    pub fn answered(self, now: Timestamp) -> Option<Self> {
        self.open?;
        Some(Self { open: None, pace: Some(Pace { per_second: FIRST_PACE, since: now }) })
    }

    /// The endpoint asks for less: half of what it gets, or of the first pace where it had none.
    /// `None`: that has just been done.
    pub fn slowed(self, now: Timestamp, time_scale: f64) -> Option<Self> {
        let just_now = |pace: &Pace| now < later(pace.since, SAME_TROUBLE, time_scale);
        if self.pace.as_ref().is_some_and(just_now) {
            return None;
        }
        let before = self.pace.and_then(|pace| pace.at(now, time_scale));
        let per_second = before.map_or(FIRST_PACE, |pace| (pace / 2.0).max(SLOWEST));
        Some(Self { pace: Some(Pace { per_second, since: now }), ..self })
    }

    /// Deliveries per second that it gets now; `None`: as many as there are.
    pub fn per_second(&self, now: Timestamp, time_scale: f64) -> Option<u32> {
        Some(self.pace?.at(now, time_scale)? as u32)
    }
}

impl Pace {
    fn at(&self, now: Timestamp, time_scale: f64) -> Option<f64> {
        let passed = now.duration_since(self.since).as_secs_f64().max(0.0) * time_scale;
        let pace = self.per_second * 2f64.powf(passed / DOUBLES_IN.as_secs_f64());
        (pace < FASTEST).then_some(pace)
    }
}

impl Open {
    /// How long it rests between probes now.
    pub fn pause(&self) -> Duration {
        pause(self.failed_probes)
    }
}

fn pause(failed_probes: u32) -> Duration {
    // 2^8 times 5 s are above the longest already.
    FIRST_PAUSE.saturating_mul(1 << failed_probes.min(8)).min(LONGEST_PAUSE)
}

fn later(time: Timestamp, by: Duration, time_scale: f64) -> Timestamp {
    let by = SignedDuration::try_from(by.div_f64(time_scale)).unwrap_or_default();
    time.saturating_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: f64) -> Timestamp {
        Timestamp::from_millisecond((seconds * 1000.0) as i64).unwrap()
    }

    #[test]
    fn pauses_grow_and_end() {
        let mut health = Health::default().opened(at(0.0), 1.0).unwrap();
        assert_eq!(health.opened(at(1.0), 1.0), None);
        assert_eq!(health.probing(at(4.9), 1.0), None);
        let mut pauses = Vec::new();
        let mut now = 5.0;
        for _ in 0..10 {
            health = health.probing(at(now), 1.0).expect("it is due");
            assert_eq!(health.probing(at(now), 1.0), None, "one at a time");
            health = health.probe_failed(at(now), 1.0).unwrap();
            let next = health.open.unwrap().probe_at.duration_since(at(now)).as_secs();
            pauses.push(next);
            now += next as f64;
        }
        assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 640, 900, 900, 900]);
        // Nobody told the end of a probe: after a minute another is made.
        let lost = health.probing(at(now), 1.0).unwrap();
        assert!(lost.probing(at(now + 59.0), 1.0).is_none());
        assert!(lost.probing(at(now + 60.0), 1.0).is_some());
    }

    #[test]
    fn after_an_answer_it_goes_on_slowly_then_as_before() {
        let health = Health::default().opened(at(0.0), 1.0).unwrap().answered(at(10.0)).unwrap();
        assert_eq!(health.open, None);
        assert_eq!(health.answered(at(11.0)), None);
        let paces = [10.0, 20.0, 30.0, 60.0].map(|time| health.per_second(at(time), 1.0));
        assert_eq!(paces, [Some(16), Some(32), Some(64), Some(512)]);
        assert_eq!(health.per_second(at(70.0), 1.0), None);
    }

    #[test]
    fn who_asks_for_less_gets_half() {
        let health = Health::default().slowed(at(0.0), 1.0).unwrap();
        assert_eq!(health.per_second(at(0.0), 1.0), Some(16));
        assert_eq!(health.slowed(at(0.5), 1.0), None, "that was the same trouble");
        let health = health.slowed(at(10.0), 1.0).unwrap();
        assert_eq!(health.per_second(at(10.0), 1.0), Some(16));
        let mut health = health;
        for second in 11..30 {
            health = health.slowed(at(f64::from(second)), 1.0).unwrap();
        }
        assert_eq!(health.per_second(at(29.0), 1.0), Some(1));
    }

    /// What may happen to an endpoint.
    #[derive(Debug, Clone, Copy)]
    enum Step {
        Open,
        Probe,
        ProbeFailed,
        Answered,
        Slowed,
    }

    proptest! {
        /// Whatever happens in whatever order, an open circuit always has a probe ahead, never
        /// further away than the longest pause; an answer closes it; and a pace never stops.
        #[test]
        fn it_never_gets_stuck(
            steps in prop::collection::vec((0..5usize, 0.0f64..2_000.0), 1..200),
        ) {
            let kinds = [Step::Open, Step::Probe, Step::ProbeFailed, Step::Answered, Step::Slowed];
            let (mut health, mut now) = (Health::default(), 0.0);
            for (kind, passed) in steps {
                now += passed;
                let changed = match kinds[kind] {
                    Step::Open => health.opened(at(now), 1.0),
                    Step::Probe => health.probing(at(now), 1.0),
                    Step::ProbeFailed => health.probe_failed(at(now), 1.0),
                    Step::Answered => health.answered(at(now)),
                    Step::Slowed => health.slowed(at(now), 1.0),
                };
                if matches!(kinds[kind], Step::Answered) {
                    prop_assert!(changed.unwrap_or(health).open.is_none());
                }
                health = changed.unwrap_or(health);
                if let Some(open) = health.open {
                    let ahead = open.probe_at.duration_since(at(now)).as_secs_f64();
                    prop_assert!(ahead <= LONGEST_PAUSE.as_secs_f64());
                    prop_assert!(health.probing(open.probe_at, 1.0).is_some());
                }
                if let Some(pace) = health.per_second(at(now), 1.0) {
                    prop_assert!((1..=1000).contains(&pace));
                }
            }
        }
    }
}
