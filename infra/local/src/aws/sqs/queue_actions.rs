//! The actions on queues, as the wire has them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use super::Sqs;
use super::error::SqsError;
use super::protocol::{parse, render};
use super::queue::{Extras, QueueSpec, apply, check_name};
use super::worker::Job;
use crate::aws::ACCOUNT;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ByName {
    queue_name: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ByUrl {
    queue_url: Option<String>,
    #[serde(default)]
    attribute_names: Vec<String>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListQueues {
    queue_name_prefix: Option<String>,
    max_results: Option<usize>,
    /// The last name of the page before.
    next_token: Option<String>,
}

impl Sqs {
    pub(super) async fn create_queue_action(
        &self,
        body: &[u8],
        endpoint: &str,
    ) -> Result<Vec<u8>, SqsError> {
        let request: ByName = parse(body)?;
        let name = request.name()?;
        check_name(name)?;
        let (mut spec, mut extras) = (QueueSpec::named(name), Extras::default());
        apply(&mut spec, &mut extras, &request.attributes)?;
        self.inner.meter.sqs("CreateQueue", 0);
        match self.queue(name) {
            // The same again is fine, anything else is not: only given attributes count.
            Ok(existing) => {
                let stored = existing.attributes();
                let (mut same, mut extras) = (existing.spec.clone(), existing.extras.clone());
                apply(&mut same, &mut extras, &request.attributes)?;
                if same != existing.spec || extras != existing.extras {
                    let differs =
                        |name: &&String| stored.get(*name) != request.attributes.get(*name);
                    let attribute = request.attributes.keys().find(differs);
                    return Err(SqsError::QueueNameExists(attribute.cloned().unwrap_or_default()));
                }
            }
            Err(_) => self.put_queue(spec, extras).await?,
        }
        render(&json!({"QueueUrl": url(endpoint, name)}))
    }

    pub(super) async fn delete_queue(&self, body: &[u8]) -> Result<Vec<u8>, SqsError> {
        let request: ByUrl = parse(body)?;
        let queue = self.queue_at(request.queue_url.as_deref())?.id;
        self.inner.meter.sqs("DeleteQueue", 0);
        self.ask(|reply| Job::DeleteQueue { queue, reply }).await?;
        render(&json!({}))
    }

    pub(super) fn get_queue_url(&self, body: &[u8], endpoint: &str) -> Result<Vec<u8>, SqsError> {
        let request: ByName = parse(body)?;
        let queue = self.queue(request.name()?)?;
        self.inner.meter.sqs("GetQueueUrl", 0);
        render(&json!({"QueueUrl": url(endpoint, &queue.spec.name)}))
    }

    pub(super) fn list_queues(&self, body: &[u8], endpoint: &str) -> Result<Vec<u8>, SqsError> {
        let request: ListQueues = parse(body)?;
        self.inner.meter.sqs("ListQueues", 0);
        let prefix = request.queue_name_prefix.unwrap_or_default();
        let after = request.next_token.unwrap_or_default();
        let page = request.max_results.unwrap_or(1_000).clamp(1, 1_000);
        let mut names: Vec<String> = self
            .queues()
            .into_keys()
            .filter(|name| name.starts_with(&prefix) && *name > after)
            .take(page + 1)
            .collect();
        let more = names.len() > page;
        names.truncate(page);
        let urls: Vec<_> = names.iter().map(|name| url(endpoint, name)).collect();
        match names.last() {
            None => render(&json!({})),
            Some(last) if more => render(&json!({"QueueUrls": urls, "NextToken": last})),
            Some(_) => render(&json!({"QueueUrls": urls})),
        }
    }

    pub(super) async fn get_queue_attributes(&self, body: &[u8]) -> Result<Vec<u8>, SqsError> {
        let request: ByUrl = parse(body)?;
        let queue = self.queue_at(request.queue_url.as_deref())?;
        self.inner.meter.sqs("GetQueueAttributes", 0);
        let depth = self.depth(&queue.spec.name).await?;
        let mut attributes = queue.attributes();
        for (name, count) in [
            ("ApproximateNumberOfMessages", depth.visible),
            ("ApproximateNumberOfMessagesNotVisible", depth.in_flight),
            ("ApproximateNumberOfMessagesDelayed", depth.delayed),
        ] {
            attributes.insert(name.to_owned(), count.to_string());
        }
        let asked = &request.attribute_names;
        // Only on queues that have one; not having one is no mistake to ask for.
        let optional = ["RedrivePolicy", "RedriveAllowPolicy", "Policy", "KmsMasterKeyId"];
        if let Some(unknown) = asked.iter().find(|name| {
            *name != "All"
                && !attributes.contains_key(*name)
                && !optional.contains(&name.as_str())
                && *name != "KmsDataKeyReusePeriodSeconds"
        }) {
            return Err(SqsError::InvalidAttributeName(unknown.clone()));
        }
        attributes.retain(|name, _| asked.iter().any(|asked| asked == "All" || asked == name));
        match attributes.is_empty() {
            true => render(&json!({})),
            false => render(&json!({"Attributes": attributes})),
        }
    }

    pub(super) async fn set_queue_attributes(&self, body: &[u8]) -> Result<Vec<u8>, SqsError> {
        let request: ByUrl = parse(body)?;
        let queue = self.queue_at(request.queue_url.as_deref())?;
        let (mut spec, mut extras) = (queue.spec.clone(), queue.extras.clone());
        apply(&mut spec, &mut extras, &request.attributes)?;
        self.inner.meter.sqs("SetQueueAttributes", 0);
        self.put_queue(spec, extras).await?;
        render(&json!({}))
    }

    pub(super) async fn purge_queue(&self, body: &[u8]) -> Result<Vec<u8>, SqsError> {
        let request: ByUrl = parse(body)?;
        let queue = self.queue_at(request.queue_url.as_deref())?.id;
        self.inner.meter.sqs("PurgeQueue", 0);
        self.ask(|reply| Job::Purge { queue, reply }).await?;
        render(&json!({}))
    }
}

impl ByName {
    fn name(&self) -> Result<&str, SqsError> {
        let name = self.queue_name.as_deref();
        name.ok_or_else(|| SqsError::MissingParameter("QueueName".to_owned()))
    }
}

fn url(endpoint: &str, name: &str) -> String {
    format!("{endpoint}/{ACCOUNT}/{name}")
}
