//! `posthorn dlq`: what is in the dead-letter queues, why, and the way back. Works against a
//! deployment in AWS and the stack on this machine alike.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    Message, MessageAttributeValue, MessageSystemAttributeName, QueueAttributeName,
};
use clap::{Subcommand, ValueEnum};
use jiff::Timestamp;
use posthorn_shared::aws_error::causes;
use posthorn_shared::delivery_message::DeliveryMessage;
use posthorn_shared::event::KEY_ATTRIBUTE;
use posthorn_shared::ids::EventKey;
use posthorn_shared::queue::{MESSAGE_ID_ATTRIBUTE, REASON_ATTRIBUTE};

use crate::place::{Deployment, Place};
use crate::plain_text::plain;
use crate::{examples, screen};

/// Seconds that a message is ours alone: far more than it takes to look at it or to send it on.
const HELD: i32 = 60;
/// Messages that one call of SQS gives at the most.
const BATCH: usize = 10;
/// Empty answers after which a queue counts as empty: SQS asks a part of its servers at a time.
const EMPTY_ANSWERS: usize = 3;
/// Bytes of a body that are shown.
const SHOWN: usize = 2_000;

/// Examples for `posthorn dlq --help`.
pub const EXAMPLES: &str = "\
# Count the messages, read those of one queue, and send them back:
posthorn dlq list
posthorn dlq show events
posthorn dlq redrive events";

const LIST: &str = "\
# The queues of the stack on this machine:
posthorn dlq list

# Those of a deployment in AWS:
posthorn dlq list --stack posthorn";

const SHOW: &str = "\
# The first 20 events that could not be accepted, each with its reason:
posthorn dlq show events --max 20

# Deliveries, in a deployment in AWS:
posthorn dlq show deliveries --stack posthorn";

const REDRIVE: &str = "\
# Try with one event, then with all of them:
posthorn dlq redrive events --max 1
posthorn dlq redrive events";

/// The commands below `posthorn dlq`.
#[derive(Subcommand)]
pub enum Command {
    /// Count the messages in each dead-letter queue, and say what brings them there
    #[command(after_help = examples::section(LIST))]
    List(Place),
    /// Show the messages of one queue, and why they failed where that is known
    ///
    /// The messages stay in the queue.
    #[command(after_help = examples::section(SHOW))]
    Show {
        /// Queue whose dead letters to show
        queue: Queue,
        /// Maximum number of messages to show
        #[arg(long, default_value_t = 10)]
        max: usize,
        #[command(flatten)]
        place: Place,
    },
    /// Send the messages of one queue back to where they came from
    ///
    /// Fix first what brought them there: messages that fail again come back.
    #[command(after_help = examples::section(REDRIVE))]
    Redrive {
        /// Queue whose dead letters to send back
        queue: Queue,
        /// Maximum number of messages to send [default: all]
        #[arg(long)]
        max: Option<usize>,
        #[command(flatten)]
        place: Place,
    },
}

/// A queue that has a dead-letter queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Queue {
    /// Events that could not be accepted
    Events,
    /// Deliveries that failed ten times before anything could be recorded
    Deliveries,
    /// Pages of a recover or replay that failed ten times
    Tasks,
}

impl Queue {
    const ALL: [Self; 3] = [Self::Events, Self::Deliveries, Self::Tasks];

    fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Deliveries => "deliveries",
            Self::Tasks => "tasks",
        }
    }

    fn cause(self) -> &'static str {
        match self {
            Self::Events => "events that can't be accepted, each with its reason",
            Self::Deliveries => {
                "deliveries that failed ten times before anything could be recorded"
            }
            Self::Tasks => "pages of a recover or replay that failed ten times",
        }
    }
}

/// Runs a command.
///
/// # Errors
/// When SQS can't be reached, or refuses; with what to do about it.
pub async fn run(command: Command) -> Result<()> {
    let mut screen = screen::stdout();
    match command {
        Command::List(place) => Queues::at(place).await?.list(&mut screen).await,
        Command::Show { queue, max, place } => {
            Queues::at(place).await?.show(queue, max, &mut screen).await
        }
        Command::Redrive { queue, max, place } => {
            Queues::at(place).await?.redrive(queue, max, &mut screen).await
        }
    }
}

/// The queues of one deployment.
struct Queues {
    client: Client,
    deployment: Deployment,
}

impl Queues {
    async fn at(place: Place) -> Result<Self> {
        let deployment = place.find().await?;
        let client = Client::new(&deployment.config);
        Ok(Self { client, deployment })
    }

    async fn url(&self, name: &str) -> Result<String> {
        let Deployment { stack, place, .. } = &self.deployment;
        let name = format!("{stack}-{name}");
        let found = self.client.get_queue_url().queue_name(&name).send().await;
        let found = found.map_err(|error| match error.as_service_error() {
            Some(error) if error.is_queue_does_not_exist() => {
                anyhow::anyhow!("{place} has no queue {name}; {}", self.deployment.advice())
            }
            _ => self.failure("GetQueueUrl", &error),
        })?;
        found.queue_url.with_context(|| format!("SQS returned no URL for the queue {name}"))
    }

    fn failure(&self, call: &str, error: &(impl std::error::Error + 'static)) -> anyhow::Error {
        let Deployment { place, .. } = &self.deployment;
        anyhow::anyhow!("{call} failed on {place}: {}; {}", causes(error), self.deployment.advice())
    }

    async fn waiting(&self, url: &str) -> Result<usize> {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let answer = self
            .client
            .get_queue_attributes()
            .queue_url(url)
            .set_attribute_names(Some(names.to_vec()))
            .send()
            .await
            .map_err(|error| self.failure("GetQueueAttributes", &error))?;
        let counts = answer.attributes.unwrap_or_default();
        Ok(names.iter().filter_map(|name| counts.get(name)?.parse::<usize>().ok()).sum())
    }

    async fn list(&self, screen: &mut impl Write) -> Result<()> {
        writeln!(screen, "{:<16}{:>8}  what brings messages there", "queue", "waiting")?;
        for queue in Queue::ALL {
            let waiting = self.waiting(&self.url(&format!("{}-dlq", queue.name())).await?).await?;
            writeln!(screen, "{:<16}{waiting:>8}  {}", queue.name(), queue.cause())?;
        }
        Ok(())
    }

    /// Up to ten messages, ours for a minute.
    async fn receive(&self, url: &str, max: usize) -> Result<Vec<Message>> {
        let answer = self
            .client
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(max.min(BATCH) as i32)
            .visibility_timeout(HELD)
            .wait_time_seconds(1)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All")
            .send()
            .await
            .map_err(|error| self.failure("ReceiveMessage", &error))?;
        Ok(answer.messages.unwrap_or_default())
    }

    async fn show(&self, queue: Queue, max: usize, screen: &mut impl Write) -> Result<()> {
        let url = self.url(&format!("{}-dlq", queue.name())).await?;
        let mut seen: Vec<Message> = Vec::new();
        let mut empty = 0;
        while seen.len() < max && empty < EMPTY_ANSWERS {
            let received = self.receive(&url, max - seen.len()).await?;
            empty = if received.is_empty() { empty + 1 } else { 0 };
            seen.extend(received);
        }
        let written = seen.iter().try_for_each(|message| write_message(screen, message));
        // Even if nothing reads what is written. If this fails, they are visible in a minute.
        for message in &seen {
            self.put_back(&url, message).await;
        }
        written?;
        writeln!(screen, "{} of about {} messages", seen.len(), self.waiting(&url).await?)?;
        Ok(())
    }

    async fn put_back(&self, url: &str, message: &Message) {
        let receipt = message.receipt_handle.as_deref().unwrap_or_default();
        let change = self.client.change_message_visibility().queue_url(url);
        let _ = change.receipt_handle(receipt).visibility_timeout(0).send().await;
    }

    /// Sends, then deletes: what goes wrong between the two is there twice, and the same.
    async fn redrive(
        &self,
        queue: Queue,
        max: Option<usize>,
        screen: &mut impl Write,
    ) -> Result<()> {
        let from = self.url(&format!("{}-dlq", queue.name())).await?;
        let to = self.url(queue.name()).await?;
        // What comes to the queue from now on has failed again.
        let begun = Timestamp::now();
        let (mut sent, mut left, mut empty) = (0, Vec::new(), 0);
        while max.is_none_or(|max| sent < max) && empty < EMPTY_ANSWERS {
            let wanted = max.map_or(BATCH, |max| max - sent);
            let received = self.receive(&from, wanted).await?;
            empty = if received.is_empty() { empty + 1 } else { 0 };
            for message in received {
                let failed_again = sent_at(&message).is_some_and(|at| at >= begun);
                match again(queue, &message) {
                    Ok(body) if !failed_again => {
                        self.send_back(queue, &message, body, &from, &to).await?;
                        sent += 1;
                    }
                    Ok(_) => left.push((message, "failed again".to_owned())),
                    Err(reason) => left.push((message, reason)),
                }
            }
        }
        for (message, _) in &left {
            self.put_back(&from, message).await;
        }
        writeln!(screen, "{sent} sent back to {}", queue.name())?;
        for (message, reason) in left {
            let id = message.message_id.as_deref().unwrap_or_default();
            writeln!(screen, "{id} stays: {reason}")?;
        }
        Ok(())
    }

    async fn send_back(
        &self,
        queue: Queue,
        message: &Message,
        body: String,
        from: &str,
        to: &str,
    ) -> Result<()> {
        let mut attributes = message.message_attributes.clone().unwrap_or_default();
        attributes.remove(REASON_ATTRIBUTE);
        attributes.remove(MESSAGE_ID_ATTRIBUTE);
        if queue == Queue::Events && !attributes.contains_key(KEY_ATTRIBUTE) {
            // The new message has another id, and the event's key would follow from that: an event
            // that was stored and half sent would become a second one.
            let id = message.message_id.as_deref().unwrap_or_default();
            let key = EventKey::from_message(sent_at(message).unwrap_or_default(), id);
            attributes.insert(KEY_ATTRIBUTE.to_owned(), text(key.to_string())?);
        }
        let groups = message.attributes.as_ref();
        let group = groups.and_then(|all| all.get(&MessageSystemAttributeName::MessageGroupId));
        self.client
            .send_message()
            .queue_url(to)
            .message_body(body)
            .set_message_group_id(group.cloned())
            .set_message_attributes((!attributes.is_empty()).then_some(attributes))
            .send()
            .await
            .map_err(|error| self.failure("SendMessage", &error))?;
        let receipt = message.receipt_handle.as_deref().unwrap_or_default();
        self.client
            .delete_message()
            .queue_url(from)
            .receipt_handle(receipt)
            .send()
            .await
            .map_err(|error| self.failure("DeleteMessage", &error))?;
        Ok(())
    }
}

/// The body to send, or why it can't be sent.
fn again(queue: Queue, message: &Message) -> Result<String, String> {
    let body = message.body.clone().unwrap_or_default();
    if queue != Queue::Deliveries {
        return Ok(body);
    }
    // The attempt may have been made: what is on record is looked at first.
    let delivery = DeliveryMessage::parse(&body).map_err(|error| error.to_string())?;
    Ok(delivery.later().outgoing(Duration::ZERO).body)
}

fn text(value: String) -> Result<MessageAttributeValue> {
    Ok(MessageAttributeValue::builder().data_type("String").string_value(value).build()?)
}

fn sent_at(message: &Message) -> Option<Timestamp> {
    let millis = message.attributes.as_ref()?.get(&MessageSystemAttributeName::SentTimestamp)?;
    Timestamp::from_millisecond(millis.parse().ok()?).ok()
}

fn write_message(screen: &mut impl Write, message: &Message) -> Result<()> {
    let attribute = |name| {
        let attributes = message.message_attributes.as_ref()?;
        attributes.get(name)?.string_value.as_deref()
    };
    let own_id = message.message_id.as_deref().unwrap_or_default();
    let sent = sent_at(message).map_or_else(|| "?".to_owned(), |at| at.to_string());
    writeln!(screen, "{}  sent {sent}", attribute(MESSAGE_ID_ATTRIBUTE).unwrap_or(own_id))?;
    let unknown = "received ten times without success; the function's log has the reason";
    writeln!(screen, "  reason: {}", attribute(REASON_ATTRIBUTE).unwrap_or(unknown))?;
    let body = message.body.as_deref().unwrap_or_default();
    let shown = plain(body);
    let end = shown.floor_char_boundary(SHOWN);
    let more = if end < shown.len() { " …" } else { "" };
    writeln!(screen, "  body: {}{more}\n", &shown[..end])?;
    Ok(())
}
