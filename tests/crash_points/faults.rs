//! An HTTP client for the AWS SDK that counts the calls, and lets one of them go wrong.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use posthorn_end_to_end::AwsRequest;
use posthorn_shared::aws_endpoint::AwsEndpoint;
use serde_json::{Value, json};
use tokio::sync::watch;

/// What can happen to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The process ends just before the call.
    DiesBefore,
    /// The process ends when the call has had its effect, before it sees the answer.
    DiesAfter,
    /// The service refuses: nothing happened.
    Throttled,
    /// No answer comes, though the call had its effect.
    TimedOut,
    /// Of a batch, the service takes the first half only. Calls that are no batches succeed.
    HalfTaken,
}

impl Fault {
    pub const ALL: [Self; 5] =
        [Self::DiesBefore, Self::DiesAfter, Self::Throttled, Self::TimedOut, Self::HalfTaken];
}

#[derive(Default)]
struct Plan {
    counting: bool,
    /// What was called, in order.
    calls: Vec<String>,
    strike: Option<(usize, Fault)>,
    /// What the strike hit.
    struck: Option<String>,
    /// A service that is down: every call with this name is refused.
    down: Option<&'static str>,
}

/// The faults of one run. Clones share them.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<Plan>>);

impl Faults {
    /// Counts from now on, and does this to the call with this index.
    pub fn begin(&self, strike: Option<(usize, Fault)>) {
        *self.plan() = Plan { counting: true, strike, ..Plan::default() };
    }

    /// Neither counts nor harms any more.
    pub fn end(&self) {
        self.plan().counting = false;
    }

    /// Refuses all calls with this name from now on, or none.
    pub fn set_down(&self, name: Option<&'static str>) {
        self.plan().down = name;
    }

    /// What was called while it counted.
    pub fn calls(&self) -> Vec<String> {
        self.plan().calls.clone()
    }

    /// The call that the strike hit, if the run came that far.
    pub fn struck(&self) -> Option<String> {
        self.plan().struck.clone()
    }

    fn next(&self, name: &str) -> Option<Fault> {
        let mut plan = self.plan();
        if !plan.counting {
            return None;
        }
        let index = plan.calls.len();
        plan.calls.push(name.to_owned());
        if plan.down == Some(name) {
            return Some(Fault::Throttled);
        }
        let (_, fault) = plan.strike.filter(|(at, _)| *at == index)?;
        plan.struck = Some(name.to_owned());
        Some(fault)
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a process still lives.
#[derive(Debug, Clone)]
pub struct Life(Arc<watch::Sender<bool>>);

impl Life {
    pub fn begin() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    fn end(&self) {
        self.0.send_replace(true);
    }

    fn is_over(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when it ends.
    pub async fn over(&self) {
        // The sender is ours: it can't be gone.
        let _ = self.0.subscribe().wait_for(|over| *over).await;
    }
}

/// The client of one process.
#[derive(Clone)]
pub struct FaultyClient {
    pub inner: SharedHttpClient,
    pub faults: Faults,
    pub life: Life,
    /// Where half a batch goes, which the SDK has not signed.
    pub services: AwsEndpoint,
}

impl std::fmt::Debug for FaultyClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FaultyClient")
    }
}

impl HttpClient for FaultyClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        let Self { faults, life, services, .. } = self.clone();
        SharedHttpConnector::new(FaultyConnector { inner, faults, life, services })
    }
}

struct FaultyConnector {
    inner: SharedHttpConnector,
    faults: Faults,
    life: Life,
    services: AwsEndpoint,
}

impl std::fmt::Debug for FaultyConnector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FaultyConnector")
    }
}

impl HttpConnector for FaultyConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let life = self.life.clone();
        if life.is_over() {
            return HttpConnectorFuture::new(std::future::pending());
        }
        let name = name(&request);
        match self.faults.next(&name) {
            None => self.inner.call(request),
            Some(Fault::DiesBefore) => {
                life.end();
                HttpConnectorFuture::new(std::future::pending())
            }
            Some(Fault::DiesAfter) => {
                let call = self.inner.call(request);
                HttpConnectorFuture::new(async move {
                    let _ = call.await;
                    life.end();
                    std::future::pending().await
                })
            }
            Some(Fault::Throttled) => HttpConnectorFuture::ready(Ok(throttled(&name))),
            Some(Fault::TimedOut) => {
                let call = self.inner.call(request);
                HttpConnectorFuture::new(async move {
                    let _ = call.await;
                    Err(ConnectorError::timeout("no answer came".into()))
                })
            }
            Some(Fault::HalfTaken) => self.take_half(&name, request),
        }
    }
}

impl FaultyConnector {
    fn take_half(&self, name: &str, request: HttpRequest) -> HttpConnectorFuture {
        let body = request.body().bytes().unwrap_or_default();
        let Some((kept, refused)) = halve(name, body) else {
            return self.inner.call(request);
        };
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let half = kept.map(|kept| AwsRequest::operation(target, kept.to_string()));
        let services = self.services.clone();
        HttpConnectorFuture::new(async move {
            let mut answer = json!({});
            if let Some(half) = half {
                let taken = half.signed(&services).send(&services).await;
                assert_eq!(taken.status, 200, "{}", taken.text);
                answer = taken.json;
            }
            let (member, entries) = refused;
            answer[member] = entries;
            Ok(response(200, &answer))
        })
    }
}

/// The request's operation, like `PutItem`.
fn name(request: &HttpRequest) -> String {
    match request.headers().get("x-amz-target") {
        Some(target) => target.rsplit('.').next().unwrap_or(target).to_owned(),
        // Scheduler speaks REST, and is asked for one thing only.
        None if request.method() == "POST" => "CreateSchedule".to_owned(),
        None => format!("{} {}", request.method(), request.uri()),
    }
}

fn throttled(name: &str) -> HttpResponse {
    let (status, error) = match name {
        "CreateSchedule" => (429, "ThrottlingException"),
        "SendMessage" | "SendMessageBatch" | "GetQueueAttributes" => {
            (403, "com.amazonaws.sqs#RequestThrottled")
        }
        _ => (400, "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"),
    };
    let mut response = response(status, &json!({ "__type": error, "message": "too many" }));
    response.headers_mut().insert("x-amzn-errortype", error);
    response
}

fn response(status: u16, body: &Value) -> HttpResponse {
    let status = status.try_into().expect("a status code");
    HttpResponse::new(status, SdkBody::from(body.to_string()))
}

/// A member of an answer and its value.
type Member = (&'static str, Value);

/// The request with the first half of the batch, if that is not nothing, and how an answer says that
/// the rest was not taken. `None`: it is no batch.
fn halve(name: &str, body: &[u8]) -> Option<(Option<Value>, Member)> {
    let mut request: Value = serde_json::from_slice(body).ok()?;
    let (list, member) = match name {
        "SendMessageBatch" => (request.get_mut("Entries")?, "Failed"),
        "BatchWriteItem" => {
            (request["RequestItems"].as_object_mut()?.values_mut().next()?, "UnprocessedItems")
        }
        "BatchGetItem" => {
            let tables = request["RequestItems"].as_object_mut()?;
            (tables.values_mut().next()?.get_mut("Keys")?, "UnprocessedKeys")
        }
        _ => return None,
    };
    let entries = list.as_array_mut()?;
    let refused = entries.split_off(entries.len() / 2);
    let nothing_left = entries.is_empty();
    let refused = match member {
        "Failed" => {
            let failed = refused.iter().map(|entry| {
                json!({ "Id": entry["Id"], "SenderFault": false, "Code": "ServiceUnavailable" })
            });
            failed.collect()
        }
        _ => {
            let mut tables = request["RequestItems"].clone();
            for table in tables.as_object_mut()?.values_mut() {
                match member {
                    "UnprocessedKeys" => table["Keys"] = json!(refused),
                    _ => *table = json!(refused),
                }
            }
            tables
        }
    };
    Some((Some(request).filter(|_| !nothing_left), (member, refused)))
}
