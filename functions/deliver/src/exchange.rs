//! One HTTP request and its answer.

use std::error::Error;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::uri::PathAndQuery;
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use posthorn_shared::delivery::{AttemptError, ErrorKind};
use posthorn_shared::own_addresses::HEALTH_PATH;
use url::Url;

use crate::connector::{ConnectError, GuardedConnector, Roads};
use crate::header_case::HeaderCases;

/// Bytes of an answer's body that are read; the rest is left on the connection, which is closed.
const MAX_BODY: usize = 64 * 1024;
/// Idle connections are closed before the load balancers in front of most receivers would (60 s),
/// so that a request seldom meets a connection that is closing.
const IDLE: Duration = Duration::from_secs(50);
/// As many as deliveries under way at once in the one-machine stack; a Lambda function has ten.
const IDLE_PER_HOST: usize = 640;

/// An answer, read as far as it is wanted.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Whether the body went on after [`MAX_BODY`], or broke off.
    pub body_cut: bool,
}

type HttpClient = Client<HttpsConnector<GuardedConnector>, Full<Bytes>>;

/// The client: HTTP/1.1, or HTTP/2 where the receiver speaks it. It follows no redirects, knows no
/// proxies, and connects only where the address guard lets it.
pub struct Exchange {
    client: HttpClient,
    /// For requests to [`HEALTH_PATH`], which may reach the stack's own API. A client with its own
    /// connections: the guard judges connections, and does not see what is sent over them later.
    health: Option<HttpClient>,
    header_cases: HeaderCases,
}

impl Exchange {
    pub fn new(roads: Roads) -> Self {
        let for_health = Roads { own: roads.own.closed_to(HEALTH_PATH), ..roads.clone() };
        let is_other = for_health.own != roads.own;
        let health = is_other.then(|| client(for_health));
        Self { client: client(roads), health, header_cases: HeaderCases::new() }
    }

    /// Sends one POST; `timeout` covers everything from connecting to the end of the answer.
    pub async fn post(
        &self,
        url: &str,
        headers: &[(String, String)],
        body: Bytes,
        timeout: Duration,
    ) -> Result<Answer, AttemptError> {
        let mut request = request(url, headers, body)?;
        if let Some(spelling) = self.header_cases.of(headers).await {
            request.extensions_mut().extend(spelling);
        }
        match tokio::time::timeout(timeout, self.exchange(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(AttemptError {
                kind: ErrorKind::Timeout,
                detail: format!("no complete answer within {} s", timeout.as_secs()),
            }),
        }
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, AttemptError> {
        let path = request.uri().path_and_query().map(PathAndQuery::as_str);
        let health = self.health.as_ref().filter(|_| path == Some(HEALTH_PATH));
        let client = health.unwrap_or(&self.client);
        let response = client.request(request).await.map_err(|error| explain(&error))?;
        let (head, mut incoming) = response.into_parts();
        let mut body = BytesMut::new();
        let mut body_cut = false;
        while let Some(frame) = incoming.frame().await {
            // The status has come: an answer that breaks off afterwards is still an answer.
            let Ok(frame) = frame else {
                body_cut = true;
                break;
            };
            let Ok(data) = frame.into_data() else {
                continue;
            };
            let room = MAX_BODY - body.len();
            body.extend_from_slice(&data[..data.len().min(room)]);
            if data.len() > room {
                body_cut = true;
                break;
            }
        }
        Ok(Answer { status: head.status, headers: head.headers, body: body.freeze(), body_cut })
    }
}

fn client(roads: Roads) -> HttpClient {
    let connector = HttpsConnectorBuilder::new()
        .with_webpki_roots()
        .https_or_http()
        .enable_all_versions()
        .wrap_connector(GuardedConnector::new(roads));
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(IDLE_PER_HOST)
        .http1_preserve_header_case(true)
        .build(connector)
}

fn request(
    url: &str,
    headers: &[(String, String)],
    body: Bytes,
) -> Result<Request<Full<Bytes>>, AttemptError> {
    let malformed = |what: &str, error: &dyn Error| AttemptError {
        kind: ErrorKind::Protocol,
        detail: format!("{what}: {error}; change it in the endpoint"),
    };
    // As browsers do: an international name in its ASCII form, a blank path as a slash.
    let url = Url::parse(url).map_err(|e| malformed("the URL can't be requested", &e))?;
    let uri: Uri = url.as_str().parse().map_err(|e| malformed("the URL can't be requested", &e))?;
    let mut request = Request::post(uri);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    request.body(Full::new(body)).map_err(|e| malformed("a header can't be sent", &e))
}

/// Says in plain words why there was no answer.
fn explain(error: &hyper_util::client::legacy::Error) -> AttemptError {
    let mut source: Option<&(dyn Error + 'static)> = error.source();
    let mut last = error.to_string();
    while let Some(cause) = source {
        if let Some(refused) = find(cause) {
            return AttemptError { kind: refused.kind(), detail: refused.to_string() };
        }
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return AttemptError { kind: ErrorKind::Tls, detail: tls.to_string() };
        }
        if let Some(io) = cause.downcast_ref::<std::io::Error>()
            && let Some(tls) = io.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>())
        {
            return AttemptError { kind: ErrorKind::Tls, detail: tls.to_string() };
        }
        last = cause.to_string();
        source = cause.source();
    }
    let kind = if error.is_connect() { ErrorKind::Connect } else { ErrorKind::Protocol };
    let detail = if kind == ErrorKind::Connect {
        format!("no connection: {last}")
    } else {
        format!("the connection ended without an answer: {last}")
    };
    AttemptError { kind, detail }
}

/// The guard's own error, which hyper hands on in a box or inside an I/O error.
fn find<'e>(cause: &'e (dyn Error + 'static)) -> Option<&'e ConnectError> {
    cause.downcast_ref::<ConnectError>().or_else(|| {
        let io = cause.downcast_ref::<std::io::Error>()?;
        io.get_ref()?.downcast_ref::<ConnectError>()
    })
}
