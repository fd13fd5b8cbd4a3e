//! Pushes events, by REST and by SQS in turn, as a product's own code would.

use std::time::Duration;

use anyhow::{Context, Result};
use posthorn_shared::runtime::Runtime;
use posthorn_shared::settings::Settings;
use serde_json::{Value, json};
use tokio::sync::mpsc::Sender;

use super::client::Client;
use super::happening::{Happening, Road, What};
use crate::stack::Stack;

/// Between two events: slow enough to read along.
const PAUSE: Duration = Duration::from_secs(4);
const TYPES: [&str; 3] = ["order.placed", "order.paid", "order.shipped"];

/// One account's producer.
pub struct Producer {
    client: Client,
    account: String,
    runtime: Runtime,
    events_queue_url: String,
    happenings: Sender<Happening>,
}

impl Producer {
    pub async fn new(
        client: Client,
        account: String,
        stack: &Stack,
        happenings: Sender<Happening>,
    ) -> Self {
        // Only where AWS is matters here, so nothing else can be wrong.
        let mut settings = Settings::from_lookup(|_| None).unwrap_or_else(|_| unreachable!());
        settings.aws_endpoint = Some(stack.aws.clone());
        let runtime = Runtime::connect(settings).await;
        let runtime = runtime.unwrap_or_else(|_| unreachable!());
        let events_queue_url = stack.events_queue_url.clone();
        Self { client, account, runtime, events_queue_url, happenings }
    }

    /// Pushes until it is dropped.
    ///
    /// # Errors
    /// When an event is refused.
    pub async fn run(self) -> Result<()> {
        let mut ticks = tokio::time::interval(PAUSE);
        for number in 1_u32.. {
            ticks.tick().await;
            let road = if number % 2 == 1 { Road::Rest } else { Road::Queue };
            let event_type = TYPES[number as usize % TYPES.len()];
            let id = format!("event-{number}");
            let what = What::Pushed { road, event_type };
            if self.happenings.send(Happening::now(id.clone(), what)).await.is_err() {
                break;
            }
            let event = json!({
                "id": id,
                "type": event_type,
                "data": { "order": number, "total": "19.90" },
            });
            match road {
                Road::Rest => drop(self.client.post("/v1/events", &event).await?),
                Road::Queue => self.send(event).await?,
            }
        }
        Ok(())
    }

    async fn send(&self, mut event: Value) -> Result<()> {
        event["account"] = json!(self.account);
        let message = self.runtime.sqs.send_message().queue_url(&self.events_queue_url);
        message
            .message_body(event.to_string())
            .send()
            .await
            .context("can't send the event to SQS")?;
        Ok(())
    }
}
