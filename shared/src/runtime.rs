//! What a function is built from: settings, AWS clients, and a clock. Made once per process.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::FinalizerInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use crate::changes::Changes;
use crate::clock::Clock;
use crate::deployment_key::{DeploymentKey, NoDeploymentKey};
use crate::metrics::{Count, Metrics};
use crate::settings::Settings;
use crate::traces::Traces;

/// Where AWS is, if not where it always is.
const ENDPOINT_URL: &str = "AWS_ENDPOINT_URL";

/// What all AWS clients of ours speak HTTPS with: one TLS stack, the one that deliveries use.
pub fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https()
}

/// Settings, clients and clock. Cheap to clone.
#[derive(Clone)]
pub struct Runtime {
    pub settings: Arc<Settings>,
    pub dynamodb: aws_sdk_dynamodb::Client,
    pub sqs: aws_sdk_sqs::Client,
    pub scheduler: aws_sdk_scheduler::Client,
    pub clock: Clock,
    pub metrics: Metrics,
    pub traces: Traces,
    pub changes: Changes,
}

/// Counts the calls that AWS refuses because there are too many.
#[derive(Clone)]
struct CountsThrottles(Metrics);

impl std::fmt::Debug for CountsThrottles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CountsThrottles")
    }
}

impl Intercept for CountsThrottles {
    fn name(&self) -> &'static str {
        "CountsThrottles"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let refused = context.response().filter(|answer| !answer.status().is_success());
        let throttled = refused.is_some_and(|answer| {
            // Scheduler names its errors in a header, the others in the body.
            let named = answer.headers().get("x-amzn-errortype").map(is_throttle);
            named.unwrap_or_else(|| answer.body().bytes().is_some_and(names_throttle))
        });
        if throttled {
            self.0.count_of_all(Count::Throttles, 1);
        }
        Ok(())
    }
}

impl Runtime {
    /// The last thing that an invocation does: writes its metrics and sends its traces, since the
    /// process may sleep from then on.
    pub async fn invocation_ends(&self) {
        self.metrics.write();
        self.traces.flush().await;
    }

    /// Builds the clients: credentials and region from the environment, where Lambda puts them, unless
    /// `settings.aws_endpoint` names a stack on this machine, and the only key that it takes. Reads
    /// the deployment key, if the settings name one.
    ///
    /// # Errors
    /// When the deployment key can't be read.
    pub async fn connect(mut settings: Settings) -> Result<Self, NoDeploymentKey> {
        // Not aws_config's chain of providers: on Lambda credentials and region are in the
        // environment, and the rest of the chain is a megabyte of each function and half a minute of
        // each build.
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(http_client())
            .retry_config(RetryConfig::standard().with_max_attempts(4))
            // A call that hangs must fail well before the function does, so that what was done is
            // reported and only the rest is tried again.
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(Duration::from_secs(2))
                    .operation_attempt_timeout(Duration::from_secs(5))
                    .operation_timeout(Duration::from_secs(15))
                    .build(),
            );
        let config = match &settings.aws_endpoint {
            Some(local) => config
                .endpoint_url(&local.url)
                .region(Region::new("us-east-1"))
                .credentials_provider(SharedCredentialsProvider::new(local.key.credentials())),
            None => {
                let mut config = config
                    .region(variable("AWS_REGION").map(Region::new))
                    .service_config(EndpointsOfServices);
                config.set_credentials_provider(
                    credentials(variable).map(SharedCredentialsProvider::new),
                );
                config.set_endpoint_url(variable(ENDPOINT_URL));
                config
            }
        };
        let (config, clock) = (config.build(), Clock::system());
        if let (None, Some(arn)) = (&settings.deployment_key, &settings.deployment_key_arn) {
            settings.deployment_key = Some(DeploymentKey::fetch(&config, arn, clock.now()).await?);
        }
        Ok(Self::with_config(settings, &config, clock))
    }

    /// For tests that bring a connector or a clock of their own.
    pub fn with_config(settings: Settings, config: &SdkConfig, clock: Clock) -> Self {
        let metrics = Metrics::of(settings.metrics.as_deref());
        let traces = Traces::of(settings.traces.as_ref(), clock.clone());
        let dynamodb = aws_sdk_dynamodb::config::Builder::from(config);
        let sqs = aws_sdk_sqs::config::Builder::from(config);
        let scheduler = aws_sdk_scheduler::config::Builder::from(config);
        let counts = CountsThrottles(metrics.clone());
        Self {
            settings: Arc::new(settings),
            dynamodb: aws_sdk_dynamodb::Client::from_conf(
                dynamodb.interceptor(counts.clone()).build(),
            ),
            sqs: aws_sdk_sqs::Client::from_conf(sqs.interceptor(counts.clone()).build()),
            scheduler: aws_sdk_scheduler::Client::from_conf(scheduler.interceptor(counts).build()),
            clock,
            metrics,
            traces,
            changes: Changes::new(),
        }
    }
}

/// `AWS_ENDPOINT_URL_SQS` and the like, which go before `AWS_ENDPOINT_URL`: for interface endpoints of
/// a VPC, as with any SDK of AWS.
#[derive(Debug)]
struct EndpointsOfServices;

impl LoadServiceConfig for EndpointsOfServices {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        if key.env() != ENDPOINT_URL {
            return None;
        }
        variable(&endpoint_variable(key.service_id()))
    }
}

/// The variable with the endpoint of a service, which is known by a name like `Secrets Manager`.
fn endpoint_variable(service: &str) -> String {
    format!("{ENDPOINT_URL}_{}", service.to_ascii_uppercase().replace([' ', '-'], "_"))
}

/// Credentials by the variables that Lambda sets. They don't change while a process lives. `None` where
/// one is missing: the first call then fails and says so.
fn credentials(variable: impl Fn(&str) -> Option<String>) -> Option<Credentials> {
    Some(Credentials::new(
        variable("AWS_ACCESS_KEY_ID")?,
        variable("AWS_SECRET_ACCESS_KEY")?,
        variable("AWS_SESSION_TOKEN"),
        None,
        "environment",
    ))
}

/// The value of an environment variable, unless it is empty.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether this error says "too many": ThrottlingException, RequestThrottled,
/// ProvisionedThroughputExceededException, RequestLimitExceeded, OverLimit.
fn is_throttle(name: &str) -> bool {
    ["Throttl", "ThroughputExceeded", "RequestLimitExceeded", "OverLimit"]
        .iter()
        .any(|part| name.contains(part))
}

/// Whether an answer's body names such an error.
fn names_throttle(body: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Named {
        #[serde(rename = "__type")]
        name: String,
    }
    serde_json::from_slice::<Named>(body).is_ok_and(|error| is_throttle(&error.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_an_endpoint_by_the_name_that_aws_documents() {
        // https://docs.aws.amazon.com/sdkref/latest/guide/ss-endpoints-table.html
        let expected = "AWS_ENDPOINT_URL_SECRETS_MANAGER";
        assert_eq!(endpoint_variable("Secrets Manager"), expected);
        assert_eq!(endpoint_variable("DynamoDB"), "AWS_ENDPOINT_URL_DYNAMODB");
    }

    #[test]
    fn credentials_are_those_of_the_environment() {
        let all = [
            ("AWS_ACCESS_KEY_ID", "AKIA"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_SESSION_TOKEN", "token"),
        ];
        let without = |missing: &'static str| {
            credentials(move |name| {
                let found = all.iter().find(|(known, _)| *known == name && name != missing);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        let credentials = without("").unwrap();
        assert_eq!(credentials.access_key_id(), "AKIA");
        assert_eq!(credentials.secret_access_key(), "secret");
        assert_eq!(credentials.session_token(), Some("token"));
        assert_eq!(without("AWS_SESSION_TOKEN").unwrap().session_token(), None);
        assert!(without("AWS_ACCESS_KEY_ID").is_none());
        assert!(without("AWS_SECRET_ACCESS_KEY").is_none());
    }

    #[test]
    fn throttles_are_told_from_other_errors() {
        let body = |name: &str| format!(r#"{{"__type":"com.amazonaws.x#{name}","message":""}}"#);
        for name in
            ["ThrottlingException", "ProvisionedThroughputExceededException", "RequestThrottled"]
        {
            assert!(names_throttle(body(name).as_bytes()), "{name}");
        }
        for other in [body("ConditionalCheckFailedException"), String::new(), "<html>".to_owned()] {
            assert!(!names_throttle(other.as_bytes()), "{other}");
        }
    }
}
