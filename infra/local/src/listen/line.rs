//! A delivery in the terminal: a line, and what to look at if it is refused.

use std::fmt;
use std::time::Duration;

use jiff::Zoned;
use jiff::tz::TimeZone;

use super::answers::{Answer, Why};
use super::delivery::{Delivery, Repeat};
use crate::colours::{BAD, EMPHASIS, FAINT, GOOD, WAITING};
use crate::plain_text::plain;
use crate::verification::Verdict;

/// Characters of what strangers say in a line.
const MAX_SHOWN: usize = 80;

/// Shown when it has come.
pub struct Arrived<'a>(pub &'a Delivery);

/// Shown when the sender has gone before it was answered.
pub struct HungUp {
    pub number: u64,
    pub after: Duration,
}

impl fmt::Display for Arrived<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Delivery { number, at, target, identity, verdict, repeat, answer, .. } = self.0;
        let at = Zoned::new(*at, TimeZone::system());
        let at = at.strftime("%H:%M:%S%.3f");
        let known = |text: &Option<String>| short(text.as_deref().unwrap_or("?"));
        let (event_type, event_id) = (known(&identity.event_type), known(&identity.event_id));
        write!(f, "{FAINT}{at}{FAINT:#}  #{number:<4} ")?;
        write!(
            f,
            "{EMPHASIS}{event_type}{EMPHASIS:#}  {event_id}  {FAINT}{}{FAINT:#}  ",
            short(target)
        )?;
        let headline = short_by(&verdict.headline(), 2 * MAX_SHOWN);
        let style = match verdict {
            Verdict::Verified { .. } => GOOD,
            Verdict::Refused(_) => BAD,
            Verdict::Unchecked => WAITING,
        };
        write!(f, "{style}{headline}{style:#}")?;
        match repeat {
            Repeat::First => {}
            Repeat::Retry { time } => write!(f, ", {WAITING}retry (time {time}){WAITING:#}")?,
            Repeat::Duplicate { time } => {
                write!(f, ", {WAITING}duplicate (time {time}; it was answered 2xx){WAITING:#}")?;
            }
        }
        write!(f, ", {}", Answered(answer))?;
        for advice in verdict.advice() {
            if matches!(verdict, Verdict::Refused(_)) {
                write!(f, "\n{:14}{FAINT}{}{FAINT:#}", "", plain(&advice))?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for HungUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = Zoned::now();
        let at = at.strftime("%H:%M:%S%.3f");
        let Self { number, after } = self;
        write!(f, "{FAINT}{at}{FAINT:#}  #{number:<4} {BAD}not answered{BAD:#}: ")?;
        write!(f, "the sender hung up after {:.1} s", after.as_secs_f64())
    }
}

/// How a delivery is answered, and why so.
struct Answered<'a>(&'a Answer);

impl fmt::Display for Answered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Answer { status, why, .. } = self.0;
        let style = if self.0.is_success() { GOOD } else { BAD };
        write!(f, "answered {style}{status}{style:#}")?;
        if *why == Why::AtRandom {
            f.write_str(" at random")?;
        }
        match self.0.delay() {
            Duration::ZERO => Ok(()),
            delay => write!(f, " after {delay:?}"),
        }
    }
}

fn short(text: &str) -> String {
    short_by(text, MAX_SHOWN)
}

fn short_by(text: &str, max: usize) -> String {
    let text = plain(text);
    match text.char_indices().nth(max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;
    use jiff::Timestamp;

    use super::super::delivery::Outcome;
    use super::*;
    use crate::verification::{Cause, Identity, Refusal};

    #[test]
    fn reads_as_a_sentence_whatever_strangers_write() {
        let mut delivery = Delivery {
            number: 7,
            at: Timestamp::UNIX_EPOCH,
            target: "/hook".to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            is_cut: false,
            identity: Identity {
                event_id: Some("evt_1".to_owned()),
                event_type: Some("a.b".to_owned()),
                unix: None,
            },
            verdict: Verdict::Verified { by: "--secret 1".to_owned() },
            repeat: Repeat::Duplicate { time: 2 },
            answer: Answer { status: 503, delay_ms: 1_500, why: Why::AtRandom },
            outcome: Outcome::Waiting,
        };
        let shown = |delivery: &Delivery| {
            let line = Arrived(delivery).to_string();
            let line = anstream::adapter::strip_str(&line).to_string();
            line.split_once("  ").unwrap().1.to_owned()
        };
        assert_eq!(
            shown(&delivery),
            "#7    a.b  evt_1  /hook  verified with --secret 1, \
             duplicate (time 2; it was answered 2xx), answered 503 at random after 1.5s"
        );
        delivery.identity.event_type = Some(format!("\u{1b}[2J\n{}", "x".repeat(200)));
        delivery.verdict = Verdict::Refused(Refusal::Differs(Cause::Unknown));
        let shown = shown(&delivery);
        assert!(shown.contains(&format!(" [2J {}…", "x".repeat(75))), "{shown}");
        assert_eq!(shown.lines().count(), 4, "{shown}");
    }
}
