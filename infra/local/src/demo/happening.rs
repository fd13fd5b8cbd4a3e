//! What the demo shows: one line per happening.

use std::fmt;
use std::time::Duration;

use jiff::Zoned;

use super::endpoints::{Manner, Reply};
use crate::colours::{BAD, EMPHASIS, FAINT, GOOD, WAITING};
use crate::verification::Verdict;

/// How an event was pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Road {
    Rest,
    Queue,
}

/// Something that happened to an event. Shown with colours; whoever prints it strips them where
/// they are not wanted.
#[derive(Debug, Clone)]
pub struct Happening {
    at: Zoned,
    event: String,
    what: What,
}

#[derive(Debug, Clone)]
pub enum What {
    Pushed { road: Road, event_type: &'static str },
    Arrived { manner: Manner, number: usize, verdict: Verdict, reply: Reply },
    Delivered { manner: Manner, attempts: usize },
    Postponed { manner: Manner, attempts: usize, reason: String, pause: Duration },
    Failed { manner: Manner, attempts: usize, reason: String },
}

impl Happening {
    pub fn now(event: String, what: What) -> Self {
        Self { at: Zoned::now(), event, what }
    }
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (actor, style) = match &self.what {
            What::Pushed { .. } => ("push", EMPHASIS),
            What::Arrived { manner, .. }
            | What::Delivered { manner, .. }
            | What::Postponed { manner, .. }
            | What::Failed { manner, .. } => (manner.name(), manner.style()),
        };
        let at = self.at.strftime("%H:%M:%S%.3f");
        let event = &self.event;
        write!(f, "{FAINT}{at}{FAINT:#}  {style}{actor:<8}{style:#}  {event:<9}  {}", self.what)
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pushed { road: Road::Rest, event_type } => {
                write!(f, "{event_type} by POST /v1/events")
            }
            Self::Pushed { road: Road::Queue, event_type } => {
                write!(f, "{event_type} by SQS SendMessage")
            }
            Self::Arrived { number, verdict, reply, .. } => {
                write!(f, "attempt {number} arrived, ")?;
                match verdict {
                    Verdict::Verified { .. } => write!(f, "{GOOD}signature verified{GOOD:#}")?,
                    other => write!(f, "{BAD}{}{BAD:#}", other.headline())?,
                }
                match reply {
                    Reply::Status(status) => {
                        let style = if (200..300).contains(status) { GOOD } else { BAD };
                        write!(f, ", answered {style}{status}{style:#}")
                    }
                    Reply::Nothing => write!(f, ", {BAD}not answered{BAD:#}"),
                }
            }
            Self::Delivered { attempts, .. } => {
                let times = Times(*attempts);
                write!(f, "{GOOD}delivered{GOOD:#} after {times}")
            }
            Self::Postponed { attempts, reason, pause, .. } => {
                let seconds = pause.as_secs_f64();
                write!(f, "attempt {attempts} failed ({reason}), ")?;
                write!(f, "{WAITING}next in {seconds:.1} s{WAITING:#}")
            }
            Self::Failed { attempts, reason, .. } => {
                let times = Times(*attempts);
                write!(f, "{BAD}failed{BAD:#} after {times} ({reason})")
            }
        }
    }
}

struct Times(usize);

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} attempt{}", self.0, if self.0 == 1 { "" } else { "s" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verification::{Cause, Refusal};

    fn plain(what: &What) -> String {
        anstream::adapter::strip_str(&what.to_string()).to_string()
    }

    #[test]
    fn reads_as_a_sentence() {
        let manner = Manner::Shaky;
        let arrived = |verdict, reply| What::Arrived { manner, number: 1, verdict, reply };
        let differs = Verdict::Refused(Refusal::Differs(Cause::Unknown));
        for (what, line) in [
            (
                What::Pushed { road: Road::Queue, event_type: "order.paid" },
                "order.paid by SQS SendMessage",
            ),
            (
                arrived(Verdict::Verified { by: String::new() }, Reply::Status(500)),
                "attempt 1 arrived, signature verified, answered 500",
            ),
            (
                arrived(differs, Reply::Nothing),
                "attempt 1 arrived, refused: signature differs, not answered",
            ),
            (What::Delivered { manner, attempts: 1 }, "delivered after 1 attempt"),
            (
                What::Postponed {
                    manner,
                    attempts: 2,
                    reason: "status 500".to_owned(),
                    pause: Duration::from_millis(5040),
                },
                "attempt 2 failed (status 500), next in 5.0 s",
            ),
            (
                What::Failed { manner, attempts: 4, reason: "no answer".to_owned() },
                "failed after 4 attempts (no answer)",
            ),
        ] {
            assert_eq!(plain(&what), line);
        }
    }
}
