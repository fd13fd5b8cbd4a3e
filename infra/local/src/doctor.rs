//! `posthorn doctor`: is a deployment well? Looks at every part of it, then sends an event through the
//! whole: a temporary account, an endpoint that is the deployment's own `/healthz`, a test delivery.

use std::collections::HashMap;
use std::fmt::Display;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::types::{
    ContinuousBackupsStatus, PointInTimeRecoveryStatus, TableStatus, TimeToLiveStatus,
};
use aws_sdk_sqs::types::QueueAttributeName;
use clap::Args;
use http::Method;
use jiff::Timestamp;
use posthorn_shared::aws_error::causes;
use serde_json::{Value, json};

use crate::admin::Admin;
use crate::place::{Deployment, Place, local_api_url};
use crate::plain_text::plain;
use crate::usage::{OrUsage, Usage};
use crate::web::{Caller, Web, api_url};
use crate::{examples, screen};

/// A clock that is off by more than this makes signatures that receivers refuse (they allow five
/// minutes) and requests that AWS refuses.
const MAX_SKEW: Duration = Duration::from_secs(60);
/// How long the test delivery may take: a cold start of each function, and more.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the functions may go on with what they have read.
const FRESH: Duration = Duration::from_millis(1_500);
/// Messages that wait, above which it is said.
const MANY: u64 = 10_000;
const ACCOUNT: &str = "posthorn-doctor";

const EXAMPLES: &str = "\
# The stack on this machine:
posthorn doctor

# A deployment in AWS, by its name and its output ApiUrl:
posthorn doctor --stack posthorn --api-url https://api.example.com";

/// The arguments of `posthorn doctor`.
#[derive(Args)]
#[command(after_help = examples::section(EXAMPLES))]
pub struct Arguments {
    #[command(flatten)]
    place: Place,
    /// URL of the API, which is the stack's output ApiUrl; required with --stack
    ///
    /// Without --stack the default is that of the stack on this machine, at POSTHORN_LISTEN:
    /// http://127.0.0.1:8080.
    #[arg(long, env = "POSTHORN_API_URL", value_name = "URL")]
    api_url: Option<String>,
}

impl Arguments {
    fn api_url(&self) -> Result<String, Usage> {
        match self.api_url.as_deref().filter(|url| !url.is_empty()) {
            Some(url) => api_url(url).wrong_argument("--api-url"),
            None if self.place.is_local() => local_api_url(),
            None => {
                let problem = "--stack needs --api-url, the stack's output ApiUrl (sam list \
                               stack-outputs)";
                Err(Usage::argument(problem))
            }
        }
    }
}

/// Examines a deployment.
///
/// # Errors
/// When something is wrong with it; what, has been printed by then. [`Usage`] when an argument is
/// wrong.
pub async fn run(arguments: Arguments) -> Result<()> {
    let api_url = arguments.api_url()?;
    let deployment = arguments.place.find().await?;
    let admin = Admin::at(&deployment)?;
    let mut examination = Examination::new(screen::stdout());
    let say = &mut examination;
    say.line(&deployment.place);
    let table_is_there = table(&admin, &deployment, say).await?;
    queues(&deployment, say).await;
    schedules(&admin, &deployment, say).await;
    let api_answers = api(&deployment, &api_url, say).await;
    if table_is_there && api_answers {
        delivery(&admin, &deployment, &api_url, say).await;
    } else {
        say.wrong("test delivery", "not made", "fix the problems above first");
    }
    examination.end()
}

/// Prints what is found, a line each. It goes on when a line can't be printed: the exit code tells
/// whether the deployment is well, even if something like `head` reads only the first lines.
struct Examination<W> {
    screen: W,
    wrong: usize,
    /// Why a line could not be printed, and those after it were not.
    unwritten: Option<io::Error>,
}

impl<W: Write> Examination<W> {
    fn new(screen: W) -> Self {
        Self { screen, wrong: 0, unwritten: None }
    }

    fn line(&mut self, text: impl Display) {
        if self.unwritten.is_none() {
            self.unwritten = writeln!(self.screen, "{}", plain(&text.to_string())).err();
        }
    }

    fn well(&mut self, what: &str, found: impl Display) {
        self.line(format_args!("  ok     {what}: {found}"));
    }

    /// Not wrong, but worth a look.
    fn look(&mut self, what: &str, found: impl Display, advice: &str) {
        self.line(format_args!("  look   {what}: {}; {advice}", phrase(found)));
    }

    fn wrong(&mut self, what: &str, found: impl Display, advice: &str) {
        self.wrong += 1;
        self.line(format_args!("  WRONG  {what}: {}; {advice}", phrase(found)));
    }

    /// Fails if anything is wrong, or could not be printed.
    fn end(mut self) -> Result<()> {
        let verdict = match self.wrong {
            0 => "all well".to_owned(),
            1 => "one thing is wrong".to_owned(),
            many => format!("{many} things are wrong"),
        };
        if self.wrong == 0 {
            self.line(verdict);
            return self.unwritten.map_or(Ok(()), |error| Err(error.into()));
        }
        match self.unwritten {
            None => bail!("{verdict}"),
            Some(error) => bail!("{verdict}, not all of which could be printed: {error}"),
        }
    }
}

/// What was found, as a part of a sentence: AWS ends some of its messages with a full stop.
fn phrase(found: impl Display) -> String {
    found.to_string().trim_end_matches('.').to_owned()
}

async fn table<W: Write>(
    admin: &Admin,
    deployment: &Deployment,
    say: &mut Examination<W>,
) -> Result<bool> {
    let (dynamodb, name) = (&admin.runtime.dynamodb, &deployment.stack);
    let described = match dynamodb.describe_table().table_name(name).send().await {
        Ok(described) => described.table.context("DynamoDB described no table")?,
        Err(error @ SdkError::DispatchFailure(_)) => {
            bail!(
                "{} can't be reached: {}; {}",
                deployment.place,
                causes(&error),
                deployment.advice()
            );
        }
        Err(error) => {
            say.wrong("table", causes(&error), deployment.advice());
            return Ok(false);
        }
    };
    match described.table_status {
        Some(TableStatus::Active | TableStatus::Updating) => say.well("table", "active"),
        other => {
            let status = other.map_or_else(|| "unknown".to_owned(), |s| s.as_str().to_lowercase());
            say.wrong("table", status, "wait until it is active");
        }
    }
    if deployment.is_local {
        return Ok(true);
    }
    if described.deletion_protection_enabled == Some(true) {
        say.well("table's deletion protection", "on");
    } else {
        say.look("table's deletion protection", "off", "deploy the template again");
    }
    let ttl = dynamodb.describe_time_to_live().table_name(name).send().await;
    let ttl = ttl.map(|found| found.time_to_live_description);
    let status = ttl.map(|found| found.and_then(|ttl| ttl.time_to_live_status));
    match status {
        Ok(Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)) => {
            say.well("table's expiry", "on");
        }
        Ok(_) => {
            say.wrong(
                "table's expiry",
                "off",
                "it grows without limit, so deploy the template again",
            );
        }
        Err(error) => say.look("table's expiry", causes(&error), deployment.advice()),
    }
    let backups = dynamodb.describe_continuous_backups().table_name(name).send().await;
    let backups = backups.map(|found| found.continuous_backups_description);
    let on = |found: Option<aws_sdk_dynamodb::types::ContinuousBackupsDescription>| {
        found.is_some_and(|backups| {
            let recovery = backups.point_in_time_recovery_description;
            let recovery = recovery.and_then(|found| found.point_in_time_recovery_status);
            backups.continuous_backups_status == ContinuousBackupsStatus::Enabled
                && recovery == Some(PointInTimeRecoveryStatus::Enabled)
        })
    };
    match backups {
        Ok(found) if on(found.clone()) => say.well("table's backups", "on"),
        Ok(_) => say.look("table's backups", "off", "deploy the template again"),
        Err(error) => say.look("table's backups", causes(&error), deployment.advice()),
    }
    Ok(true)
}

async fn queues<W: Write>(deployment: &Deployment, say: &mut Examination<W>) {
    let sqs = aws_sdk_sqs::Client::new(&deployment.config);
    for name in ["events", "deliveries", "tasks"] {
        for (suffix, is_dead_letters) in [("", false), ("-dlq", true)] {
            let what = format!("queue {name}{suffix}");
            let full = format!("{}-{name}{suffix}", deployment.stack);
            let url = match sqs.get_queue_url().queue_name(&full).send().await {
                Ok(found) => found.queue_url.unwrap_or_default(),
                Err(error) => {
                    say.wrong(&what, causes(&error), deployment.advice());
                    continue;
                }
            };
            let all = [QueueAttributeName::All].to_vec();
            let asked = sqs.get_queue_attributes().queue_url(url).set_attribute_names(Some(all));
            let attributes = match asked.send().await {
                Ok(found) => found.attributes.unwrap_or_default(),
                Err(error) => {
                    say.wrong(&what, causes(&error), deployment.advice());
                    continue;
                }
            };
            queue(deployment, name, is_dead_letters, &attributes, say);
        }
    }
}

fn queue<W: Write>(
    deployment: &Deployment,
    name: &str,
    is_dead_letters: bool,
    attributes: &HashMap<QueueAttributeName, String>,
    say: &mut Examination<W>,
) {
    let what = &format!("queue {name}{}", if is_dead_letters { "-dlq" } else { "" });
    let number = |name: &QueueAttributeName| -> u64 {
        attributes.get(name).and_then(|text| text.parse().ok()).unwrap_or(0)
    };
    let waiting = number(&QueueAttributeName::ApproximateNumberOfMessages);
    let in_flight = number(&QueueAttributeName::ApproximateNumberOfMessagesNotVisible);
    if is_dead_letters {
        return match waiting + in_flight {
            0 => say.well(what, "empty"),
            many => {
                let show = deployment.command(&format!("dlq show {name}"));
                let advice = format!("{show} says why; fix that, then redrive them");
                say.look(what, format!("{many} messages"), &advice);
            }
        };
    }
    if !attributes.contains_key(&QueueAttributeName::RedrivePolicy) {
        return say.wrong(what, "has no dead-letter queue", "deploy the template again");
    }
    let delayed = number(&QueueAttributeName::ApproximateNumberOfMessagesDelayed);
    let found = format!("{waiting} waiting, {in_flight} in flight, {delayed} delayed");
    match waiting {
        ..MANY => say.well(what, found),
        _ => say.look(what, found, "if it does not fall, see docs/OPERATING.md, deliveries-age"),
    }
}

async fn schedules<W: Write>(admin: &Admin, deployment: &Deployment, say: &mut Examination<W>) {
    let scheduler = &admin.runtime.scheduler;
    // By their expressions: CloudFormation made their names.
    let listed = scheduler.list_schedules().group_name(&deployment.stack).max_results(100);
    let listed = match listed.send().await {
        Ok(listed) => listed.schedules,
        Err(error) if deployment.is_local => {
            // Its recurring schedules come from the template and are nowhere listed.
            return say.look("schedules", causes(&error), deployment.advice());
        }
        Err(error) => return say.wrong("schedules", causes(&error), deployment.advice()),
    };
    let due = listed.iter().filter(|one| one.name().is_some_and(|name| name.starts_with("due-")));
    say.well("schedules", format!("{} minutes with retries planned", due.count()));
}

async fn api<W: Write>(deployment: &Deployment, url: &str, say: &mut Examination<W>) -> bool {
    let advice = if deployment.is_local {
        "name its API with --api-url or POSTHORN_LISTEN"
    } else {
        "check that --api-url is the output ApiUrl, and that no firewall or WAF is in the way"
    };
    let began = Instant::now();
    let web = Web::new();
    let answer =
        match web.call(Method::GET, &format!("{url}/healthz"), Caller::default(), None).await {
            Ok(answer) => answer,
            Err(error) => {
                say.wrong("API", format!("{url}: {error:#}"), advice);
                return false;
            }
        };
    if answer.status != 200 {
        say.wrong("API", format!("{url}/healthz returned {}", answer.status), advice);
        return false;
    }
    say.well("API", format!("answers in {} ms", began.elapsed().as_millis()));
    let date = answer.date.and_then(|date| Timestamp::try_from(date).ok());
    if let Some(date) = date {
        let skew = Timestamp::now().duration_since(date).unsigned_abs();
        if skew > MAX_SKEW {
            let found = format!("{} s away from the API's", skew.as_secs());
            let advice = "set it: AWS and receivers refuse signatures with a wrong time";
            say.wrong("this machine's clock", found, advice);
        }
    }
    true
}

/// One event through everything, and nothing of it left behind.
async fn delivery<W: Write>(
    admin: &Admin,
    deployment: &Deployment,
    url: &str,
    say: &mut Examination<W>,
) {
    let what = "test delivery";
    let (key, text) = match admin.create_key("posthorn doctor, for a minute").await {
        Ok(made) => made,
        Err(error) => {
            let advice = "check that these credentials may write to the table";
            return say.wrong(what, format!("{error:#}"), advice);
        }
    };
    let patient = Patient { web: Web::new(), url: url.to_owned(), key: text };
    let made = patient.deliver().await;
    // Whatever came of it.
    let cleared = patient.call(Method::DELETE, &format!("/v1/accounts/{ACCOUNT}"), None).await;
    let deleted = admin.store.delete_admin_key(&key.id).await;
    match made {
        Ok(found) => say.well(what, found),
        Err(error) => {
            let advice = "the functions' logs say more (docs/OPERATING.md, Reading the logs)";
            say.wrong(what, format!("{error:#}"), advice);
        }
    }
    if let Err(error) = cleared {
        let advice = format!("delete the account {ACCOUNT}");
        say.look("cleaning up", format!("{error:#}"), &advice);
    }
    if let Err(error) = deleted {
        let delete = deployment.command(&format!("admin delete-key {}", key.id));
        say.look("cleaning up", error, &format!("delete the key with {delete}"));
    }
}

/// The deployment, as a customer's developer sees it.
struct Patient {
    web: Web,
    url: String,
    key: String,
}

impl Patient {
    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let url = format!("{}{path}", self.url);
        let what = format!("{method} {path}");
        let caller = Caller { key: Some(&self.key), account: Some(ACCOUNT) };
        let answer = self.web.call(method, &url, caller, body);
        let answer = answer.await.with_context(|| what.clone())?;
        if !(200..300).contains(&answer.status) {
            bail!("{what} returned {}: {}", answer.status, answer.reason());
        }
        Ok(serde_json::from_str(&answer.text).unwrap_or_default())
    }

    /// Makes a delivery, and returns what was found.
    async fn deliver(&self) -> Result<String> {
        let account = json!({ "id": ACCOUNT, "name": "posthorn doctor: may be deleted" });
        // What a previous examination left behind is no obstacle.
        let _ = self.call(Method::DELETE, &format!("/v1/accounts/{ACCOUNT}"), None).await;
        self.call(Method::POST, "/v1/accounts", Some(&account)).await?;
        // Where the catalog of all accounts has entries, what is in none is refused.
        let event_type = json!({ "name": "doctor.test", "description": "of posthorn doctor" });
        self.call(Method::POST, "/v1/event-types", Some(&event_type)).await?;
        let hook = json!({ "url": format!("{}/healthz", self.url), "retry": { "schedule": [] } });
        let endpoint = self.call(Method::POST, "/v1/endpoints", Some(&hook)).await?;
        let endpoint = endpoint["id"].as_str();
        let endpoint = endpoint.context("the API returned an endpoint without an id")?.to_owned();
        tokio::time::sleep(FRESH).await;
        let began = Instant::now();
        let event = json!({ "type": "doctor.test", "data": { "sent_by": "posthorn doctor" } });
        let event = self.call(Method::POST, "/v1/events", Some(&event)).await?;
        let event = event["id"].as_str();
        let event = event.context("the API returned an event without an id")?.to_owned();
        let path = format!("/v1/events/{event}/deliveries/{endpoint}");
        let mut seen = String::new();
        while began.elapsed() < PATIENCE {
            match self.call(Method::GET, &path, None).await {
                Ok(delivery) if delivery["status"] == "delivered" => {
                    let took = &delivery["attempts"][0]["duration_ms"];
                    let after = began.elapsed().as_millis();
                    return Ok(format!("on record after {after} ms; the attempt took {took} ms"));
                }
                Ok(delivery) if delivery["status"] == "failed" => {
                    let attempt = &delivery["attempts"][0];
                    let code = &attempt["status_code"];
                    let error = attempt["error"]["detail"].as_str().unwrap_or_default();
                    bail!("the attempt failed: status {code} {error}");
                }
                Ok(delivery) => seen = format!("the delivery is {}", delivery["status"]),
                Err(error) => seen = format!("{error:#}"),
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        bail!("the event was accepted, but not delivered within {} s: {seen}", PATIENCE.as_secs())
    }
}
