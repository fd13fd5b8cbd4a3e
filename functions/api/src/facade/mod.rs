//! `/webhooks` and `/v1/webhooks`: the products' own requests, in the shape that the account's
//! dialect names. A presenter translates; what happens is in the operations, as for `/v1/endpoints`.

mod camel_case;
mod fields;
mod json_api;
mod snake_case;

use std::collections::HashMap;

use axum::body::Body;
use axum::extract::{FromRequestParts, OriginalUri, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{RequestExt, Router};
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use posthorn_shared::api_key::Scope;
use posthorn_shared::delivery::Delivery;
use posthorn_shared::dialect::{Dialect, Facade};
use posthorn_shared::endpoint::Endpoint;
use posthorn_shared::ids::{EndpointId, EventKey, TaskId};
use posthorn_shared::problem::Problem;
use posthorn_shared::store::{DeliveryFilter, DeliveryPage};
use posthorn_shared::stored_event::StoredEvent;
use posthorn_shared::task::TaskKind;
use posthorn_shared::tenant::Tenant;
use serde_json::{Map, Value, json};

use crate::auth::Caller;
use crate::body::RequestBody;
use crate::extract::{Path, Query};
use crate::fields::Fields;
use crate::operations::{endpoints, events, sends, tasks};
use crate::paging::{PageQuery, Room, encode};
use crate::problem::Refusal;
use crate::state::ApiState;
use crate::urls::Urls;

use camel_case::CamelCase;
use json_api::JsonApi;
use snake_case::SnakeCase;

/// Events that are read at once for a log. One has at most 256 KiB.
const EVENTS_AT_ONCE: usize = 25;

/// One shape of requests and answers.
pub trait Presenter: Sync {
    /// Of its answers.
    fn content_type(&self) -> &'static str {
        "application/json"
    }

    /// Of its refusals.
    fn refusal(&self, refusal: Refusal) -> Response {
        refusal.into_response()
    }

    /// The object that holds a webhook's fields in a request.
    fn fields(&self, body: Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
        Ok(body)
    }

    /// Translates a webhook's fields to those of an endpoint. `current` is what is to be changed.
    fn read(
        &self,
        given: Map<String, Value>,
        current: Option<&Endpoint>,
        dialect: &Dialect,
    ) -> Read;

    /// Where a field of an endpoint is in this shape.
    fn pointer(&self, native: &str) -> String;

    /// One webhook.
    fn webhook(&self, endpoint: &Endpoint, shown: Shown) -> Value;

    /// Says of a webhook that was changed which of its headers were dropped.
    fn say_dropped(&self, webhook: &mut Value, headers: &[String]);

    /// The whole answer with one webhook.
    fn one(&self, webhook: Value) -> Value {
        webhook
    }

    /// Which webhooks a request for a list asks for.
    fn wanted(&self, query: &HashMap<String, String>) -> Result<Wanted, Refusal>;

    /// A page of webhooks.
    fn list(&self, page: &ListPage, path: &str) -> Value;

    /// Which deliveries a request for a log asks for.
    fn log_wanted(&self, query: &HashMap<String, String>) -> Result<LogWanted, Refusal>;

    /// Whether the entries of a webhook's log show what was sent.
    fn logs_events(&self) -> bool {
        false
    }

    /// An entry of a webhook's log: a delivery, and its event where it is shown and kept still.
    fn log_entry(&self, delivery: &Delivery, event: Option<&StoredEvent>, call: &Call) -> Value;

    /// A page of a webhook's log.
    fn log(&self, page: &LogPage, path: &str) -> Value;

    /// Which event is to be sent again; `None`: all that failed.
    fn event_to_resend(&self, body: Map<String, Value>) -> Result<Option<String>, Refusal>;

    /// The answer to that.
    fn resent(&self, endpoint: &Endpoint, what: &Resent) -> Value;
}

/// A webhook's fields as those of an endpoint, and what can't be translated, with pointers into the
/// request.
#[derive(Default)]
pub struct Read {
    pub fields: Map<String, Value>,
    pub problems: Vec<Problem>,
}

/// What of a webhook's secrets is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Nor what may be one in the URL: to those who may only read.
    MaskedUrl,
    Nothing,
    /// To whoever set it, or had it set.
    Secret,
    /// At the creation: once.
    SecretAndToken,
}

/// Which part of a list.
pub enum Wanted {
    /// From a cursor on.
    After(PageQuery),
    /// A numbered page (from 1) of those that are on, or off.
    Numbered { active: Option<bool>, number: usize, size: usize },
}

/// A page of webhooks.
pub struct ListPage {
    webhooks: Vec<Value>,
    /// Where the next page begins.
    next: Option<String>,
    /// Of numbered pages: this one, their size, and how many webhooks there are.
    numbered: Option<(usize, usize, usize)>,
}

/// Which part of a log.
pub struct LogWanted {
    filter: DeliveryFilter,
    page: PageQuery,
}

/// A page of a log, newest first.
pub struct LogPage<'a> {
    endpoint: &'a Endpoint,
    entries: Vec<Value>,
    next: Option<String>,
}

/// What was sent again.
pub enum Resent {
    Event(String),
    Failed(TaskId),
}

/// The routes.
pub fn routes() -> Router<ApiState> {
    let mut routes = Router::new();
    for base in ["/webhooks", "/v1/webhooks"] {
        let one = format!("{base}/{{id}}");
        routes = routes
            .route(base, get(list).post(create))
            .route(&one, get(show).put(change).patch(change).delete(remove))
            .route(&format!("{one}/logs"), get(logs))
            .route(&format!("{one}/resend"), post(resend))
            .route(&format!("{one}/rotate-secret"), post(rotate_secret));
    }
    routes
}

/// A request, and everything that it takes to answer it.
pub struct Call {
    state: ApiState,
    account: Tenant,
    urls: Urls,
    dialect: Dialect,
    presenter: &'static dyn Presenter,
    path: String,
    id: Option<String>,
    query: HashMap<String, String>,
    /// Empty for GET, HEAD and DELETE.
    body: Map<String, Value>,
    /// What can't be translated: problems that point into the request already.
    untranslatable: Vec<Problem>,
}

/// Finds out who calls and in which shape, lets `answer` do its part, and puts a refusal into that
/// shape, too.
async fn call(
    state: ApiState,
    mut request: Request,
    scope: Scope,
    answer: impl AsyncFnOnce(&mut Call) -> Result<Response, Refusal>,
) -> Response {
    let found = async {
        let caller = request.extract_parts_with_state::<Caller, _>(&state).await?;
        let account = caller.account(scope)?.clone();
        let dialect = endpoints::dialect(&state, &account).await?;
        let presenter = presenter(&dialect).ok_or(Refusal::NoFacade)?;
        Ok::<_, Refusal>((account, caller.urls(), dialect, presenter))
    };
    let (account, urls, dialect, presenter) = match found.await {
        Ok(found) => found,
        Err(refusal) => return refusal.into_response(),
    };
    let done = async {
        let (mut parts, body) = request.into_parts();
        let id = match Path::<String>::from_request_parts(&mut parts, &state).await {
            Ok(Path(id)) => Some(id),
            Err(_) => None,
        };
        let Query(query) = Query::from_request_parts(&mut parts, &state).await?;
        let OriginalUri(uri) = parts.extensions.get().cloned().ok_or(Refusal::Fault)?;
        let body = match parts.method {
            Method::GET | Method::HEAD | Method::DELETE => Map::new(),
            _ => {
                let body = RequestBody::read(&parts.headers, body).await?;
                Fields::parse_optional(&body)?.into_object()
            }
        };
        let path = uri.path().to_owned();
        let untranslatable = Vec::new();
        let mut call = Call {
            state,
            account,
            urls,
            dialect,
            presenter,
            path,
            id,
            query,
            body,
            untranslatable,
        };
        answer(&mut call).await
    };
    done.await.unwrap_or_else(|refusal| presenter.refusal(refusal))
}

/// What speaks the shape of a dialect's `/webhooks`; `None`: it has none.
pub fn presenter(dialect: &Dialect) -> Option<&'static dyn Presenter> {
    Some(match dialect.facade? {
        Facade::CamelCase => &CamelCase,
        Facade::SnakeCase => &SnakeCase,
        Facade::JsonApi => &JsonApi,
    })
}

impl Call {
    async fn endpoint(&self) -> Result<Endpoint, Refusal> {
        let id = self.id.as_deref().unwrap_or_default();
        endpoints::find(&self.state, &self.account, id).await
    }

    /// The fields of a webhook in the request's body, as an endpoint's.
    fn read(&mut self, current: Option<&Endpoint>) -> Result<Fields, Refusal> {
        let given = self.presenter.fields(std::mem::take(&mut self.body))?;
        let read = self.presenter.read(given, current, &self.dialect);
        self.untranslatable.clone_from(&read.problems);
        Ok(Fields::of(read.fields).noting(read.problems))
    }

    /// A refusal of an endpoint's fields, pointing at those of the webhook.
    fn translate(&self, refusal: Refusal) -> Refusal {
        let Refusal::Invalid(problems) = refusal else {
            return refusal;
        };
        let translate = |mut problem: Problem| {
            if !self.untranslatable.contains(&problem) {
                problem.pointer = self.presenter.pointer(&problem.pointer);
            }
            problem
        };
        Refusal::Invalid(problems.into_iter().map(translate).collect())
    }

    /// As many entries of a log as go into an answer, and where the next page begins.
    async fn log_entries(
        &self,
        found: DeliveryPage,
    ) -> Result<(Vec<Value>, Option<EventKey>), Refusal> {
        let (mut room, mut entries, mut last) = (Room::new(), Vec::new(), None);
        for deliveries in found.deliveries.chunks(EVENTS_AT_ONCE) {
            let keys = deliveries.iter().map(|one| (self.account.id.clone(), one.key.clone()));
            let mut events = match self.presenter.logs_events() {
                true => self.state.store.events(&keys.collect::<Vec<_>>()).await?,
                false => HashMap::new(),
            };
            for delivery in deliveries {
                let event = events.remove(&delivery.key);
                let entry = self.presenter.log_entry(delivery, event.as_ref(), self);
                if !room.takes(&entry) {
                    return Ok((entries, last));
                }
                entries.push(entry);
                last = Some(delivery.key.clone());
            }
        }
        Ok((entries, found.next))
    }

    fn answer(&self, status: StatusCode, value: &Value) -> Response {
        let mut response = Response::new(Body::from(value.to_string()));
        *response.status_mut() = status;
        let content_type = HeaderValue::from_static(self.presenter.content_type());
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        response
    }

    /// What is shown of a webhook to those who look at it.
    fn shown(&self) -> Shown {
        match self.urls {
            Urls::Whole => Shown::Nothing,
            Urls::Masked => Shown::MaskedUrl,
        }
    }

    fn webhook(&self, status: StatusCode, endpoint: &Endpoint, shown: Shown) -> Response {
        let webhook = self.presenter.webhook(endpoint, shown);
        self.answer(status, &self.presenter.one(webhook))
    }
}

async fn create(State(state): State<ApiState>, request: Request) -> Response {
    call(state, request, Scope::Manage, async |call| {
        let fields = call.read(None)?;
        let created = endpoints::create(&call.state, &call.account, fields).await;
        let endpoint = created.map_err(|refusal| call.translate(refusal))?;
        let mut response = call.webhook(StatusCode::CREATED, &endpoint, Shown::SecretAndToken);
        if let Ok(location) = format!("{}/{}", call.path, endpoint.id).parse() {
            response.headers_mut().insert(LOCATION, location);
        }
        Ok(response)
    })
    .await
}

async fn list(State(state): State<ApiState>, request: Request) -> Response {
    call(state, request, Scope::Read, async |call| {
        let (store, presenter) = (&call.state.store, call.presenter);
        let shown = |endpoint: &Endpoint| presenter.webhook(endpoint, call.shown());
        let page = match presenter.wanted(&call.query)? {
            Wanted::After(query) => {
                let after = query.after()?;
                let found =
                    store.endpoints(&call.account, query.limit()?, after.as_deref()).await?;
                let webhooks = found.items.iter().map(shown).collect();
                ListPage { webhooks, next: found.next, numbered: None }
            }
            Wanted::Numbered { active, number, size } => {
                let mut all = endpoints::all(&call.state, &call.account).await?;
                all.retain(|endpoint| active.is_none_or(|active| endpoint.is_active() == active));
                let skipped = number.saturating_sub(1).saturating_mul(size);
                let webhooks = all.iter().skip(skipped).take(size).map(shown).collect();
                ListPage { webhooks, next: None, numbered: Some((number, size, all.len())) }
            }
        };
        Ok(call.answer(StatusCode::OK, &presenter.list(&page, &call.path)))
    })
    .await
}

async fn show(State(state): State<ApiState>, request: Request) -> Response {
    call(state, request, Scope::Read, async |call| {
        Ok(call.webhook(StatusCode::OK, &call.endpoint().await?, call.shown()))
    })
    .await
}

/// PUT and PATCH: what is not said stays as it is, as the pages' own requests expect.
async fn change(State(state): State<ApiState>, request: Request) -> Response {
    call(state, request, Scope::Manage, async |call| {
        let current = call.endpoint().await?;
        let fields = call.read(Some(&current))?;
        let changed = endpoints::change(&call.state, &call.account, &current.id, fields).await;
        let changed = changed.map_err(|refusal| call.translate(refusal))?;
        let mut webhook = call.presenter.webhook(&changed.endpoint, call.shown());
        if !changed.dropped_headers.is_empty() {
            call.presenter.say_dropped(&mut webhook, &changed.dropped_headers);
        }
        Ok(call.answer(StatusCode::OK, &call.presenter.one(webhook)))
    })
    .await
}

async fn remove(State(state): State<ApiState>, request: Request) -> Response {
    call(state, request, Scope::Manage, async |call| {
        let endpoint = call.endpoint().await?;
        call.state.store.delete_endpoint(&call.account, &endpoint.id).await?;
        Ok(StatusCode::NO_CONTENT.into_response())
    })
    .await
}

async fn logs(State(state): State<ApiState>, request: Request) -> Response {
    call(state, request, Scope::Read, async |call| {
        let endpoint = call.endpoint().await?;
        let LogWanted { filter, page } = call.presenter.log_wanted(&call.query)?;
        let after = page.after_parsed::<EventKey>()?;
        let store = &call.state.store;
        let found =
            store.delivery_log(&endpoint.id, &filter, page.limit()?, after.as_ref()).await?;
        let (entries, next) = call.log_entries(found).await?;
        let next = next.as_ref().map(|key| encode(key.as_str()));
        let page = LogPage { endpoint: &endpoint, entries, next };
        Ok(call.answer(StatusCode::OK, &call.presenter.log(&page, &call.path)))
    })
    .await
}

/// Sends one event again, or everything that failed.
async fn resend(State(state): State<ApiState>, request: Request) -> Response {
    call(state, request, Scope::Manage, async |call| {
        let endpoint = call.endpoint().await?;
        let body = std::mem::take(&mut call.body);
        let resent = match call.presenter.event_to_resend(body)? {
            Some(id) => {
                let event = events::find(&call.state, &call.account, &id).await?;
                sends::replay(&call.state, &event, endpoint.clone()).await?;
                Resent::Event(event.public_id().to_owned())
            }
            None => {
                let kept = call.state.runtime.settings.retention;
                let now = call.state.runtime.clock.now();
                let since = now.checked_sub(kept).unwrap_or(Timestamp::UNIX_EPOCH);
                let window = Map::from_iter([("since".to_owned(), json!(since))]);
                let window = Fields::of(window);
                Resent::Failed(
                    tasks::start(&call.state, &endpoint, TaskKind::Recover, window).await?,
                )
            }
        };
        Ok(call.answer(StatusCode::ACCEPTED, &call.presenter.resent(&endpoint, &resent)))
    })
    .await
}

async fn rotate_secret(State(state): State<ApiState>, request: Request) -> Response {
    call(state, request, Scope::Manage, async |call| {
        let id: EndpointId = call.endpoint().await?.id;
        let given = call.presenter.fields(std::mem::take(&mut call.body))?;
        let rotated =
            endpoints::rotate_secret(&call.state, &call.account, &id, Fields::of(given)).await;
        let endpoint = rotated.map_err(|refusal| call.translate(refusal))?;
        Ok(call.webhook(StatusCode::OK, &endpoint, Shown::Secret))
    })
    .await
}
