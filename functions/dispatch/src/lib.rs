//! The dispatch function: takes events off the events queue, stores each once, and sends one
//! delivery message to every endpoint that wants it.
//!
//! An event's message leaves the queue only when the event is stored and all its delivery messages
//! are sent; anything less is reported as a failure of that one message, and it comes back.

mod fan_out;
mod intake;
mod rejection;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use futures::future::{BoxFuture, FutureExt as _, join_all};
use jiff::Timestamp;
use posthorn_shared::account_view::{AccountView, AccountViews};
use posthorn_shared::filter::MAX_STEPS;
use posthorn_shared::ids::AccountId;
use posthorn_shared::metrics::Count;
use posthorn_shared::problem::Problem;
use posthorn_shared::queue;
use posthorn_shared::runtime::Runtime;
use posthorn_shared::store::{Claim, Store};
use posthorn_shared::traces::{Span, Step};

use fan_out::FanOut;
use intake::Incoming;
use rejection::Rejection;

/// Events whose filters take more steps than this, a millisecond of a core, come after those of the
/// batch whose filters take fewer.
const FEW_STEPS: u64 = MAX_STEPS / 10;

/// How messages are read, without a store behind it: for `tests/fuzz`, no part of the interface.
#[doc(hidden)]
pub mod reading {
    pub use crate::intake::{Incoming, Message, read};
    pub use crate::rejection::Rejection;
}

/// The function's state: lives as long as the process.
pub struct Dispatch {
    runtime: Runtime,
    store: Store,
    accounts: AccountViews,
}

/// Views of accounts, or why they could not be read.
type Views = HashMap<AccountId, Result<Option<Arc<AccountView>>, String>>;

/// An event whose account takes events of its type.
struct Known {
    event: Incoming,
    view: Arc<AccountView>,
}

/// What becomes of one message of the batch.
enum Fate {
    /// It may leave the queue.
    Done,
    /// It must come back: something passing went wrong.
    Retry(String),
    /// It can never work: off to the dead-letter queue, with the reason.
    Reject(Rejection),
}

/// What a quick check of an event by its type's schema says.
enum Checked {
    Valid(Known),
    /// That it takes longer.
    Costly(Known),
}

impl Dispatch {
    pub fn new(runtime: Runtime) -> Self {
        let store = Store::new(&runtime);
        let dialects = runtime.settings.dialects.clone();
        Self { accounts: AccountViews::new(store.clone(), dialects), store, runtime }
    }

    /// Handles one batch, and answers which of its messages have to come back.
    /// Boxed, so that it is compiled here once, not again in each program that awaits it.
    pub fn handle(&self, batch: SqsEvent) -> BoxFuture<'_, SqsBatchResponse> {
        self.dispatch(batch).boxed()
    }

    async fn dispatch(&self, batch: SqsEvent) -> SqsBatchResponse {
        let messages: Vec<_> = batch.records.into_iter().map(intake::Message::from).collect();
        let mut fates: HashMap<usize, Fate> = HashMap::with_capacity(messages.len());

        let mut incoming = Vec::with_capacity(messages.len());
        let mut keys = HashSet::new();
        for (index, message) in messages.iter().enumerate() {
            match intake::read(index, message) {
                // The same event twice in one batch: the second one waits for the first one's end.
                Ok(event) if !keys.insert(event.key.clone()) => {
                    fates.insert(index, Fate::Retry("twice in one batch".to_owned()));
                }
                Ok(event) => incoming.push(event),
                Err(rejection) => {
                    fates.insert(index, Fate::Reject(rejection));
                }
            }
        }

        let views = self.views(&incoming).await;
        let (mut valid, mut costly) = (Vec::new(), HashMap::<AccountId, Vec<Known>>::new());
        for event in incoming {
            let index = event.index;
            let known = self.known(event, &views).await;
            match known.and_then(|event| self.check_at_once(event)) {
                Ok(Checked::Valid(event)) => valid.push(event),
                Ok(Checked::Costly(event)) => {
                    costly.entry(event.event.account.clone()).or_default().push(event);
                }
                Err(fate) => {
                    fates.insert(index, fate);
                }
            }
        }
        fates.extend(self.take(valid).await);
        // What takes long to check is all that waits for it, each account by itself.
        let costly = costly.into_values().map(|events| async move {
            let (valid, mut fates) = self.check(events).await;
            fates.extend(self.take(valid).await);
            fates
        });
        fates.extend(join_all(costly).await.into_iter().flatten());
        self.settle(messages, fates).await
    }

    /// The view of every account in the batch, each read once.
    async fn views(&self, incoming: &[Incoming]) -> Views {
        let ids: HashSet<&AccountId> = incoming.iter().map(|event| &event.account).collect();
        let views = ids.into_iter().map(|id| async {
            (id.clone(), self.accounts.get(id).await.map_err(|error| error.to_string()))
        });
        join_all(views).await.into_iter().collect()
    }

    /// The event with the view of its account, if that takes events of its type.
    async fn known(&self, event: Incoming, views: &Views) -> Result<Known, Fate> {
        let view = match views.get(&event.account) {
            Some(Ok(Some(view))) if event.is_for(view) => view.clone(),
            Some(Err(error)) => return Err(Fate::Retry(error.clone())),
            found => self.look_again(&event, matches!(found, Some(Ok(Some(_))))).await?,
        };
        if view.knows(&event.event_type) {
            Ok(Known { event, view })
        } else {
            Err(Fate::Reject(Rejection::UnknownEventType(event.event_type.to_string())))
        }
    }

    /// The account that an event is for, if that is another than the one with its id as far as this
    /// process knows. `there`: it knows of one.
    async fn look_again(&self, event: &Incoming, there: bool) -> Result<Arc<AccountView>, Fate> {
        let id = event.account.to_string();
        let found = match &event.tenant {
            Some(tenant) => self.accounts.of(tenant).await,
            None if there => Ok(None),
            None => return Err(Fate::Reject(Rejection::UnknownAccount(id))),
        };
        match found {
            Ok(Some(view)) => Ok(view),
            Ok(None) => Err(Fate::Reject(Rejection::FormerAccount(id))),
            Err(error) => Err(Fate::Retry(error.to_string())),
        }
    }

    /// Checks an event by its type's schema, if that is quick, and was not done before.
    fn check_at_once(&self, known: Known) -> Result<Checked, Fate> {
        let Known { event, view } = &known;
        if event.checked.is_some()
            && event.checked.as_deref() == view.schema_fingerprint(&event.event_type)
        {
            return Ok(Checked::Valid(known));
        }
        match self.accounts.check_at_once(view, &event.event_type, event.data()) {
            None => Ok(Checked::Costly(known)),
            Some(problems) if problems.is_empty() => Ok(Checked::Valid(known)),
            Some(problems) => Err(invalid(event, problems)),
        }
    }

    /// Checks events by their types' schemas, however long that takes. Answers those that are valid.
    async fn check(&self, events: Vec<Known>) -> (Vec<Known>, Vec<(usize, Fate)>) {
        let (mut valid, mut fates) = (Vec::new(), Vec::new());
        for known in events {
            let Known { event, view } = &known;
            match self.accounts.check(view, &event.event_type, event.data()).await {
                Ok(problems) if problems.is_empty() => valid.push(known),
                Ok(problems) => fates.push((event.index, invalid(event, problems))),
                Err(error) => fates.push((event.index, Fate::Retry(error.to_string()))),
            }
        }
        (valid, fates)
    }

    /// Takes valid events: claims their ids, stores them, and sends their deliveries.
    async fn take(&self, valid: Vec<Known>) -> Vec<(usize, Fate)> {
        let claimed = join_all(valid.into_iter().map(|event| self.claim(event))).await;
        let (mut events, mut fates) = (Vec::with_capacity(claimed.len()), Vec::new());
        for outcome in claimed {
            match outcome {
                Ok(event) => events.push(event),
                Err(fate) => fates.push(fate),
            }
        }
        fates.extend(self.store_and_send(events).await);
        fates
    }

    /// Claims the id that its producer gave an event.
    async fn claim(&self, known: Known) -> Result<fan_out::Accepted, (usize, Fate)> {
        let index = known.event.index;
        let event = known.event.into_accepted(known.view);
        let Some(id) = &event.event.id else {
            return Ok(event);
        };
        match self.store.claim_event_id(&event.view.tenant, id, &event.event.key).await {
            Ok(Claim::New) => Ok(event),
            Ok(Claim::Redelivery) => Ok(fan_out::Accepted { seen_before: true, ..event }),
            Ok(Claim::Duplicate) => {
                tracing::info!(account = %event.event.account, event_id = %id, "duplicate event dropped");
                Err((index, Fate::Done))
            }
            Err(error) => Err((index, Fate::Retry(error.to_string()))),
        }
    }

    /// Stores the events, then sends the delivery messages of those that are stored.
    async fn store_and_send(&self, events: Vec<fan_out::Accepted>) -> Vec<(usize, Fate)> {
        let stored = events.iter().map(|accepted| (&accepted.view.tenant, &accepted.event));
        let stored = self.store.put_events(stored).await;
        let mut fates = Vec::with_capacity(events.len());
        let (mut ready, mut expensive) = (Vec::with_capacity(events.len()), Vec::new());
        for (accepted, stored) in events.into_iter().zip(stored) {
            if let Err(error) = stored {
                fates.push((accepted.index, Fate::Retry(error)));
                continue;
            }
            fates.push((accepted.index, Fate::Done));
            self.runtime.metrics.count(&accepted.view.dialect, Count::Accepted, 1);
            let fan_out = fan_out::fan_out(&accepted, FEW_STEPS).await;
            if fan_out.undecided == 0 {
                ready.push((accepted, fan_out));
            } else {
                expensive.push(accepted);
            }
        }
        // No account's events wait for the filters of another.
        fates.extend(self.send(ready).await);
        let mut ready = Vec::with_capacity(expensive.len());
        for accepted in expensive {
            let fan_out = fan_out::fan_out(&accepted, MAX_STEPS).await;
            ready.push((accepted, fan_out));
        }
        fates.extend(self.send(ready).await);
        fates
    }

    /// Sends the delivery messages of events; answers which of these have to come back.
    async fn send(&self, events: Vec<(fan_out::Accepted, FanOut)>) -> Vec<(usize, Fate)> {
        let (mut owners, mut outgoing) = (Vec::new(), Vec::new());
        let mut on_their_way = Vec::with_capacity(events.len());
        for (accepted, FanOut { messages, undecided }) in events {
            let (account, event_id) = (&accepted.event.account, accepted.event.public_id());
            if undecided > 0 {
                tracing::warn!(%account, event_id, undecided, "filters are too expensive");
            }
            tracing::debug!(%account, event_id, endpoints = messages.len(), "dispatched");
            owners.extend(std::iter::repeat_n(accepted.index, messages.len()));
            on_their_way.push((accepted, messages.len()));
            outgoing.extend(messages);
        }
        let url = &self.runtime.settings.deliveries_queue_url;
        let sent = queue::send_all(&self.runtime.sqs, url, outgoing).await;
        let now = self.runtime.clock.now();
        for (accepted, deliveries) in on_their_way {
            self.trace(&accepted, deliveries, now);
        }
        let failed = owners.into_iter().zip(sent).filter_map(|(index, sent)| {
            sent.err().map(|error| (index, Fate::Retry(error.to_string())))
        });
        failed.collect()
    }

    fn trace(&self, accepted: &fan_out::Accepted, deliveries: usize, now: Timestamp) {
        let fan_out::Accepted { event, view, seen_before, .. } = accepted;
        self.runtime.traces.record(&event.key, || {
            Span::new(Step::Event, event.key.received_at(), now)
                .with("posthorn.account", event.account.to_string())
                .with("posthorn.event_id", event.public_id().to_owned())
                .with("posthorn.event_type", event.event_type.to_string())
                .with("posthorn.dialect", view.dialect.name.clone())
                .with("posthorn.deliveries", i64::try_from(deliveries).unwrap_or(i64::MAX))
                .with("posthorn.redelivered", *seen_before)
        });
    }

    /// Moves what was rejected to the dead-letter queue and reports what has to come back.
    async fn settle(
        &self,
        messages: Vec<intake::Message>,
        mut fates: HashMap<usize, Fate>,
    ) -> SqsBatchResponse {
        let (mut rejected, mut dead_letters) = (Vec::new(), Vec::new());
        for (index, fate) in &fates {
            if let Fate::Reject(rejection) = fate {
                let message = &messages[*index];
                tracing::warn!(message_id = %message.id, reason = %rejection, "event rejected");
                rejected.push(*index);
                dead_letters.push(rejection.dead_letter(message));
            }
        }
        let url = &self.runtime.settings.events_dead_letter_queue_url;
        let moved = queue::send_all(&self.runtime.sqs, url, dead_letters).await;
        for (index, moved) in rejected.into_iter().zip(moved) {
            self.runtime.metrics.count_of_all(Count::Rejected, u64::from(moved.is_ok()));
            let fate = moved.map_or_else(|e| Fate::Retry(e.to_string()), |()| Fate::Done);
            fates.insert(index, fate);
        }

        self.runtime.invocation_ends().await;
        let mut response = SqsBatchResponse::default();
        for (index, message) in messages.into_iter().enumerate() {
            if let Some(Fate::Retry(reason)) = fates.get(&index) {
                tracing::warn!(message_id = %message.id, reason, "event stays on the queue");
                let mut failure = BatchItemFailure::default();
                failure.item_identifier = message.id;
                response.batch_item_failures.push(failure);
            }
        }
        response
    }
}

fn invalid(event: &Incoming, problems: Vec<Problem>) -> Fate {
    Fate::Reject(Rejection::Schema { event_type: event.event_type.to_string(), problems })
}
