//! How many messages wait on the deployment's queues, and what to do about dead letters.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;
use futures::future::join_all;
use maud::{Markup, html};
use posthorn_shared::aws_error::causes;
use posthorn_shared::settings::Settings;

use crate::portal::moment::{counted, grouped};
use crate::state::ApiState;

/// How long the page waits for SQS. What is not known by then is said, the rest is shown.
const PATIENCE: Duration = Duration::from_secs(3);

/// A queue of the deployment.
struct Queue {
    /// The setting that names it.
    setting: &'static str,
    url: String,
    holds: &'static str,
    dead_letters: Option<DeadLetters>,
}

/// What is to be known about messages that wait for a person.
struct DeadLetters {
    /// As `posthorn dlq` calls the queue that they come from.
    of: &'static str,
    mend: &'static str,
}

/// Messages of a queue, approximately, as SQS says itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Depth {
    waiting: u64,
    /// Received, and neither deleted nor come back.
    in_flight: u64,
    delayed: u64,
}

/// All queues, and how deep they are; why not, where that can't be read.
pub struct Queues {
    all: Vec<(Queue, Result<Depth, String>)>,
    /// What a command says to be about this deployment.
    place: String,
}

impl Queues {
    /// Asks SQS, once for each queue, all at once.
    pub async fn read(state: &ApiState) -> Self {
        let (sqs, settings) = (&state.runtime.sqs, &state.runtime.settings);
        let read = queues(settings).into_iter().map(|queue| async move {
            let depth = read_depth(sqs, &queue).await;
            if let Err(error) = &depth {
                tracing::warn!(queue = queue.name(), %error, "queue not read");
            }
            (queue, depth)
        });
        // The stack on this machine is where the commands look by themselves.
        let here = settings.aws_endpoint.is_some();
        let place = if here { String::new() } else { format!(" --stack {}", settings.table) };
        Self { all: join_all(read).await, place }
    }

    /// The section that shows them.
    pub fn section(&self) -> Markup {
        html! {
            section.card.log aria-labelledby="queues" {
                h2 #queues { "Queues" }
                p.small.soft {
                    "Messages now, approximately. Delayed: retries of the next 15 minutes, and what waits "
                    "for a rate limit."
                }
                table {
                    caption.unseen { "Messages on each queue" }
                    thead {
                        tr {
                            th scope="col" { "Queue" }
                            th.number scope="col" { "Waiting" }
                            th.number scope="col" { "In flight" }
                            th.number scope="col" { "Delayed" }
                            th scope="col" { "State" }
                        }
                    }
                    tbody { @for (queue, depth) in &self.all { (row(queue, depth)) } }
                }
                (self.advice())
            }
        }
    }

    /// What to do, for each queue with dead letters.
    fn advice(&self) -> Markup {
        let place = &self.place;
        html! {
            @for (queue, depth) in &self.all {
                @if let (Some(letters), Ok(depth)) = (&queue.dead_letters, depth) {
                    @if depth.total() > 0 {
                        div.note.bad {
                            div.stack {
                                p {
                                    strong { (counted(depth.total(), "dead letter")) " on " (queue.name()) "." }
                                    " There: " (queue.holds) "."
                                }
                                p { "Look: " code { "posthorn dlq show " (letters.of) (place) } }
                                p { (letters.mend) " " code { "posthorn dlq redrive " (letters.of) (place) } }
                                p.small.soft {
                                    "A queue keeps them for 14 days. All of them: "
                                    code { "posthorn dlq list" (place) } ". More: docs/RELIABILITY.md, Dead letters."
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn row(queue: &Queue, depth: &Result<Depth, String>) -> Markup {
    html! {
        tr {
            td { span.mono { (queue.name()) } div.small.soft { (queue.holds) } }
            @match depth {
                Ok(depth) => {
                    td.number data-label="Waiting" { (grouped(depth.waiting)) }
                    td.number data-label="In flight" { (grouped(depth.in_flight)) }
                    td.number data-label="Delayed" { (grouped(depth.delayed)) }
                    td { (badge(queue, *depth)) }
                }
                Err(reason) => {
                    td.number data-label="Waiting" { "–" }
                    td.number data-label="In flight" { "–" }
                    td.number data-label="Delayed" { "–" }
                    td {
                        span.badge.warn { "Not known" }
                        div.small.soft { "It can't be read: " (reason) }
                    }
                }
            }
        }
    }
}

fn badge(queue: &Queue, depth: Depth) -> Markup {
    match (&queue.dead_letters, depth.total()) {
        (None, 0) => html! { span.badge { "Empty" } },
        (None, _) => html! { span.badge { "At work" } },
        (Some(_), 0) => html! { span.badge.good { "No dead letters" } },
        (Some(_), count) => html! { span.badge.bad { (counted(count, "dead letter")) } },
    }
}

impl Queue {
    fn name(&self) -> &str {
        match self.url.rsplit('/').next() {
            Some(name) if !name.is_empty() => name,
            _ => self.setting,
        }
    }
}

impl Depth {
    fn total(self) -> u64 {
        self.waiting + self.in_flight + self.delayed
    }
}

fn queues(settings: &Settings) -> [Queue; 6] {
    let work = |setting, url: &String, holds| Queue {
        setting,
        url: url.clone(),
        holds,
        dead_letters: None,
    };
    let dead = |setting, url: &String, holds, of, mend| Queue {
        setting,
        url: url.clone(),
        holds,
        dead_letters: Some(DeadLetters { of, mend }),
    };
    [
        work("POSTHORN_EVENTS_QUEUE_URL", &settings.events_queue_url, "events on their way in"),
        work(
            "POSTHORN_DELIVERIES_QUEUE_URL",
            &settings.deliveries_queue_url,
            "attempts to be made",
        ),
        work(
            "POSTHORN_TASKS_QUEUE_URL",
            &settings.tasks_queue_url,
            "pages of recovers and replays",
        ),
        dead(
            "POSTHORN_EVENTS_DLQ_URL",
            &settings.events_dead_letter_queue_url,
            "events that can't be accepted as they are, each with its reason",
            "events",
            "Create the account or event type that is missing, or mend the schema; then",
        ),
        dead(
            "POSTHORN_DELIVERIES_DLQ_URL",
            &settings.deliveries_dead_letter_queue_url,
            "deliveries that failed ten times before anything could be recorded",
            "deliveries",
            "See the log of the deliver function. When the table is back, or the release that can \
             read them,",
        ),
        dead(
            "POSTHORN_TASKS_DLQ_URL",
            &settings.tasks_dead_letter_queue_url,
            "pages of a recover or replay that failed ten times",
            "tasks",
            "See the log of the retry function, and mend what it says. The task goes on where it \
             was after",
        ),
    ]
}

async fn read_depth(sqs: &Client, queue: &Queue) -> Result<Depth, String> {
    if queue.url.is_empty() {
        return Err(format!("{} is not set", queue.setting));
    }
    let names = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        QueueAttributeName::ApproximateNumberOfMessagesDelayed,
    ];
    let asked = sqs.get_queue_attributes().queue_url(&queue.url);
    let asked = asked.set_attribute_names(Some(names.to_vec())).send();
    let answer = tokio::time::timeout(PATIENCE, asked).await;
    let answer = answer.map_err(|_| format!("no answer within {} s", PATIENCE.as_secs()))?;
    let counts = answer.map_err(|error| causes(&error))?.attributes.unwrap_or_default();
    let count = |name: &QueueAttributeName| -> u64 {
        counts.get(name).and_then(|count| count.parse().ok()).unwrap_or(0)
    };
    let [waiting, in_flight, delayed] = names.each_ref().map(count);
    Ok(Depth { waiting, in_flight, delayed })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(place: &str, dead_letters: u64) -> Queues {
        let settings = Settings::from_lookup(|name| {
            let name = name.strip_suffix("_URL").filter(|_| name.contains("DLQ"))?;
            Some(format!("https://sqs.example/1/{}", name.to_lowercase()))
        })
        .unwrap();
        let depth = |queue: &Queue| match queue.dead_letters {
            Some(DeadLetters { of: "events", .. }) => {
                Ok(Depth { waiting: dead_letters, in_flight: 0, delayed: 0 })
            }
            Some(_) => Ok(Depth { waiting: 0, in_flight: 0, delayed: 0 }),
            None => Err("AccessDenied <not> allowed".to_owned()),
        };
        let all = queues(&settings).into_iter().map(|queue| {
            let depth = depth(&queue);
            (queue, depth)
        });
        Queues { all: all.collect(), place: place.to_owned() }
    }

    #[test]
    fn dead_letters_come_with_what_to_do() {
        let shown = read(" --stack posthorn", 1_234).section().into_string();
        assert!(shown.contains("1,234 dead letters on posthorn_events_dlq"), "{shown}");
        assert!(shown.contains("posthorn dlq show events --stack posthorn<"), "{shown}");
        assert!(shown.contains("posthorn dlq list --stack posthorn<"), "{shown}");
        assert!(!shown.contains("posthorn dlq show deliveries"), "{shown}");
        assert!(!read("", 0).section().into_string().contains("posthorn dlq"));
    }

    #[test]
    fn a_queue_that_cant_be_read_says_why() {
        let shown = read("", 0).section().into_string();
        assert_eq!(shown.matches("AccessDenied &lt;not&gt; allowed").count(), 3, "{shown}");
        // Without a URL it goes by the setting that lacks.
        assert!(shown.contains("POSTHORN_TASKS_QUEUE_URL"), "{shown}");
    }
}
