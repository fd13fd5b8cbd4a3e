//! Traces, where a deployment wants them: spans by OTLP over HTTP to a collector, which on Lambda
//! is an extension beside the function.
//!
//! A trace is an event. Its id is the event's key, 128 bits both, and its first span's id is the
//! key's lower half: so whatever happens to an event, in many processes and over a day, is one
//! trace, and no message carries anything along for it.
//!
//! Spans are gathered in the process and sent when an invocation ends, since a function may sleep
//! after that. They are for looking at: what can't be sent is logged and dropped.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use hyper_rustls::HttpsConnectorBuilder;
use jiff::Timestamp;
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue, Value};
use opentelemetry_http::hyper::HyperClient;
use opentelemetry_otlp::{RetryPolicy, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter, SpanLinks};
use url::Url;

use crate::clock::Clock;
use crate::ids::EventKey;

/// How long an invocation waits for the collector at the most.
const PATIENCE: Duration = Duration::from_secs(1);
/// Spans that wait to be sent; more are dropped.
const MAX_WAITING: usize = 10_000;

/// Where traces go, and how many.
#[derive(Debug, Clone)]
pub struct TraceSettings {
    /// The collector: spans go to `/v1/traces` below it.
    pub collector: Url,
    /// The share of events that are traced, 0 to 1. Which ones follows from their keys, so that
    /// an event is traced by all or by none.
    pub ratio: f64,
    /// What the process is called there.
    pub service: String,
}

/// What a span says is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The event: from its receipt until its deliveries are on their way. All others are below it.
    Event,
    /// A request to the API brought it.
    Accept,
    /// One HTTP request to an endpoint.
    Attempt,
}

/// Something that took place on behalf of an event.
#[derive(Debug)]
pub struct Span {
    step: Step,
    began: Timestamp,
    ended: Timestamp,
    attributes: Vec<KeyValue>,
    failure: Option<String>,
}

impl Span {
    pub fn new(step: Step, began: Timestamp, ended: Timestamp) -> Self {
        Self { step, began, ended, attributes: Vec::new(), failure: None }
    }

    /// With an attribute, named as OpenTelemetry's semantic conventions do where they have one.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.attributes.push(KeyValue::new(name, value));
        self
    }

    /// Marked as an error, with what went wrong.
    #[must_use]
    pub fn failed(mut self, failure: Option<String>) -> Self {
        self.failure = failure;
        self
    }
}

/// Takes spans; does nothing where nobody wants them. Clones share what waits.
#[derive(Clone)]
pub struct Traces(Option<Arc<Recorder>>);

struct Recorder {
    exporter: opentelemetry_otlp::SpanExporter,
    ratio: f64,
    clock: Clock,
    waiting: Mutex<Vec<SpanData>>,
}

impl Traces {
    /// As the settings say. What OpenTelemetry's own variables (`OTEL_EXPORTER_OTLP_HEADERS`, say)
    /// make impossible is logged, and there are no traces then: deliveries don't wait for them.
    pub fn of(settings: Option<&TraceSettings>, clock: Clock) -> Self {
        let Some(TraceSettings { collector, ratio, service }) = settings else {
            return Self(None);
        };
        let connector =
            HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().build();
        let url = format!("{}/v1/traces", collector.as_str().trim_end_matches('/'));
        let built = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(HyperClient::new(connector, PATIENCE, None))
            .with_endpoint(url)
            .with_timeout(PATIENCE)
            // Its pauses would be the invocation's, and hold up the thread.
            .with_retry_policy(RetryPolicy::disabled())
            .build();
        let mut exporter = match built {
            Ok(exporter) => exporter,
            Err(error) => {
                tracing::error!(%collector, %error, "no traces");
                return Self(None);
            }
        };
        let name = KeyValue::new("service.name", service.clone());
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        // What the deployment says in OTEL_RESOURCE_ATTRIBUTES, too.
        exporter.set_resource(&Resource::builder().with_attributes([name, version]).build());
        let waiting = Mutex::default();
        Self(Some(Arc::new(Recorder { exporter, ratio: *ratio, clock, waiting })))
    }

    /// Keeps a span of this event until the next [`flush`](Self::flush), if the event is traced.
    pub fn record(&self, key: &EventKey, span: impl FnOnce() -> Span) {
        let Some(recorder) = self.0.as_deref().filter(|recorder| traced(key, recorder.ratio))
        else {
            return;
        };
        let span = data(key, span(), recorder.clock.random());
        let mut waiting = recorder.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < MAX_WAITING {
            waiting.push(span);
        }
    }

    /// Sends what waits. Takes a second at the most, whatever the collector does.
    pub async fn flush(&self) {
        let Some(recorder) = &self.0 else { return };
        let spans = {
            let mut waiting = recorder.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *waiting)
        };
        if spans.is_empty() {
            return;
        }
        let count = spans.len();
        let sent = tokio::time::timeout(PATIENCE, recorder.exporter.export(spans)).await;
        let error = match sent {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the collector did not answer within a second".to_owned(),
        };
        tracing::warn!(spans = count, error, "traces not sent");
    }
}

/// Whether this event is among the share that is traced: by the random part of its key.
fn traced(key: &EventKey, ratio: f64) -> bool {
    // 62 random bits; the two above them are the same in every key.
    const RANDOM: u64 = (1 << 62) - 1;
    let place = (lower_half(key) & RANDOM) as f64 / RANDOM as f64;
    ratio >= 1.0 || place < ratio
}

fn lower_half(key: &EventKey) -> u64 {
    (key.bits() & u128::from(u64::MAX)) as u64
}

fn data(key: &EventKey, span: Span, random: u128) -> SpanData {
    let event = SpanId::from_bytes(lower_half(key).to_be_bytes());
    let (name, span_kind) = match span.step {
        Step::Event => ("event", SpanKind::Consumer),
        Step::Accept => ("accept", SpanKind::Server),
        Step::Attempt => ("attempt", SpanKind::Client),
    };
    let (id, parent_span_id) = match span.step {
        Step::Event => (event, SpanId::INVALID),
        // Never zero, which is no id.
        _ => (SpanId::from_bytes(((random as u64) | 1).to_be_bytes()), event),
    };
    let trace = TraceId::from_bytes(key.bits().to_be_bytes());
    SpanData {
        span_context: SpanContext::new(trace, id, TraceFlags::SAMPLED, false, TraceState::NONE),
        parent_span_id,
        parent_span_is_remote: true,
        span_kind,
        name: name.into(),
        start_time: SystemTime::from(span.began),
        // Clocks of different machines differ: nothing ends before it began.
        end_time: SystemTime::from(span.ended.max(span.began)),
        attributes: span.attributes,
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: span.failure.map_or(Status::Unset, Status::error),
        instrumentation_scope: InstrumentationScope::builder("posthorn").build(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(random: u128) -> EventKey {
        EventKey::new("2026-11-25T21:00:00Z".parse().unwrap(), random)
    }

    #[test]
    fn a_trace_is_an_event() {
        let (key, at) = (key(0x0123_4567_89ab_cdef), Timestamp::UNIX_EPOCH);
        let event = data(&key, Span::new(Step::Event, at, at), 7);
        let attempt = data(&key, Span::new(Step::Attempt, at, at), 7);
        assert_eq!(event.span_context.trace_id(), attempt.span_context.trace_id());
        assert_eq!(event.span_context.trace_id().to_string(), format!("{:032x}", key.bits()));
        assert_eq!(event.parent_span_id, SpanId::INVALID);
        assert_eq!(attempt.parent_span_id, event.span_context.span_id());
        assert!(event.span_context.is_valid() && attempt.span_context.is_valid());
        assert_ne!(attempt.span_context.span_id(), event.span_context.span_id());
    }

    #[test]
    fn about_the_wanted_share_is_traced_and_always_the_same_events() {
        // Steps through the range evenly, so that the count is exact.
        let keys: Vec<_> = (0..1_000u128).map(|n| key(n << 52)).collect();
        let count = |ratio| keys.iter().filter(|key| traced(key, ratio)).count();
        assert_eq!(count(0.0), 0);
        assert_eq!(count(1.0), 1_000);
        let few: Vec<_> = keys.iter().filter(|key| traced(key, 0.1)).collect();
        assert!((80..=125).contains(&few.len()), "{}", few.len());
        assert!(few.iter().all(|key| traced(key, 0.5)));
    }
}
