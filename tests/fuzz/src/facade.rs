//! Requests for endpoints: in the three shapes of `/webhooks`, and in that of `/v1/endpoints`. The
//! input's first byte chooses the shape, the second one what is asked for (to create, to change, to
//! send again, to list); the rest is the request's body, or its query.

use std::collections::HashMap;
use std::sync::LazyLock;

use posthorn_api::reading::{Fields, Presenter, Refusal, Shown, presenter, read, secret};
use posthorn_shared::dialect::{Dialect, Dialects};
use posthorn_shared::endpoint::{Endpoint, Interest};
use posthorn_shared::matching::Matcher;
use posthorn_shared::problem::{MAX_SHOWN_NAME, Problem};
use posthorn_shared::settings::Settings;
use posthorn_shared::tenant::Tenant;
use serde_json::{Map, Value, json};

use crate::choice;

/// The fourth has no shape of its own.
const DIALECTS: [&str; 4] = ["filedgr", "fltr", "beltic", "standard"];

static SETTINGS: LazyLock<Settings> =
    LazyLock::new(|| Settings::from_lookup(|_| None).expect("the defaults are settings"));

/// Fuzzes the reading of requests.
///
/// # Panics
/// When a refusal points at nothing in the request; when what is taken can't be stored, or is shown
/// in a form that is not taken back as the same.
pub fn facade(bytes: &[u8]) {
    let chosen = choice(bytes, DIALECTS.len())
        .and_then(|(dialect, rest)| choice(rest, 4).map(|(asked, rest)| (dialect, asked, rest)));
    let Some((dialect, asked, body)) = chosen else {
        return;
    };
    let dialects = Dialects::built_in();
    let dialect = dialects.named(DIALECTS[dialect]).expect("a built-in dialect");
    let shape = Shape { dialect, presenter: presenter(dialect) };
    if asked == 3 {
        return shape.query(body);
    }
    let object = match Fields::parse_optional(body) {
        Ok(fields) => fields.into_object(),
        Err(refusal) => return shape.check_refusal(refusal, None),
    };
    match asked {
        0 => shape.create(object),
        1 => shape.change(object),
        _ => shape.send_again(object),
    }
}

/// A shape of requests and answers.
struct Shape<'a> {
    dialect: &'a Dialect,
    /// `None`: that of `/v1/endpoints`.
    presenter: Option<&'static dyn Presenter>,
}

impl Shape<'_> {
    fn create(&self, body: Map<String, Value>) {
        match self.created(body.clone()) {
            Ok(endpoint) => self.check_endpoint(&endpoint),
            Err(refusal) => self.check_refusal(refusal, Some(&body.into())),
        }
    }

    /// What `operations::endpoints::create` does, without the store.
    fn created(&self, body: Map<String, Value>) -> Result<Endpoint, Refusal> {
        let (mut fields, own) = self.fields(body, None)?;
        let given = secret(&mut fields, self.dialect);
        let wish = read(fields, self.dialect, &SETTINGS);
        let wish = wish.map_err(|refusal| self.translated(refusal, &own))?;
        let mut endpoint = wish.apply(blank());
        if let Some(secret) = given {
            endpoint.secret = secret;
        }
        Ok(endpoint)
    }

    fn change(&self, body: Map<String, Value>) {
        let current = json!({ "url": "https://example.com/a", "description": "before" });
        let current = read(Fields::of(object(current)), self.dialect, &SETTINGS);
        let current = current.map(|wish| wish.apply(blank())).expect("an endpoint");
        let changed = self.fields(body.clone(), Some(&current)).and_then(|(patch, own)| {
            let (patch, problems) = patch.into_parts();
            let mut merged = object(json!({ "url": current.url, "description": "before" }));
            merged.extend(patch);
            let wish = read(Fields::of(merged).noting(problems), self.dialect, &SETTINGS);
            wish.map_err(|refusal| self.translated(refusal, &own))
        });
        match changed {
            Ok(wish) => self.check_endpoint(&wish.apply(current)),
            Err(refusal) => self.check_refusal(refusal, Some(&body.into())),
        }
    }

    fn send_again(&self, body: Map<String, Value>) {
        let Some(presenter) = self.presenter else {
            return;
        };
        match presenter.event_to_resend(body.clone()) {
            Ok(None) => {}
            Ok(Some(id)) => {
                let text = Value::Object(body).to_string();
                assert!(text.contains(&json!(id).to_string()), "an event that nobody named");
            }
            Err(refusal) => self.check_refusal(refusal, Some(&body.into())),
        }
    }

    fn query(&self, query: &[u8]) {
        let query: HashMap<String, String> =
            url::form_urlencoded::parse(query).into_owned().collect();
        let Some(presenter) = self.presenter else {
            return;
        };
        if let Err(refusal) = presenter.wanted(&query) {
            self.check_refusal(refusal, None);
        }
        if let Err(refusal) = presenter.log_wanted(&query) {
            self.check_refusal(refusal, None);
        }
    }

    /// A request's fields under the names that they have at an endpoint, and the problems that
    /// point into the request already.
    fn fields(
        &self,
        body: Map<String, Value>,
        current: Option<&Endpoint>,
    ) -> Result<(Fields, Vec<Problem>), Refusal> {
        let Some(presenter) = self.presenter else {
            return Ok((Fields::of(body), Vec::new()));
        };
        let read = presenter.read(presenter.fields(body)?, current, self.dialect);
        Ok((Fields::of(read.fields).noting(read.problems.clone()), read.problems))
    }

    /// A refusal of an endpoint's fields, pointing at those of the request.
    fn translated(&self, refusal: Refusal, own: &[Problem]) -> Refusal {
        match (refusal, self.presenter) {
            (Refusal::Invalid(mut problems), Some(presenter)) => {
                for problem in problems.iter_mut().filter(|problem| !own.contains(problem)) {
                    problem.pointer = presenter.pointer(&problem.pointer);
                }
                Refusal::Invalid(problems)
            }
            (refusal, _) => refusal,
        }
    }

    /// A refusal is the client's fault, and shows it where.
    fn check_refusal(&self, refusal: Refusal, body: Option<&Value>) {
        assert!(refusal.status().is_client_error(), "{refusal}");
        if let (Refusal::Invalid(problems), Some(body)) = (&refusal, body) {
            assert!(!problems.is_empty(), "refused without a reason");
            for problem in problems {
                let detail = problem.detail.as_str();
                let missing = detail.starts_with("is required") || problem.pointer == "/data";
                let there = body.pointer(&problem.pointer).is_some();
                let long = |part: &str| part.chars().count() >= MAX_SHOWN_NAME;
                let cut = problem.pointer.split('/').any(long);
                assert!(missing || there || cut, "{problem}: there is no such place in {body}");
            }
        }
        if let Some(presenter) = self.presenter {
            let status = refusal.status();
            assert_eq!(presenter.refusal(refusal).status(), status);
        }
    }

    fn check_endpoint(&self, endpoint: &Endpoint) {
        let stored = serde_json::to_string(endpoint).expect("an endpoint can be stored");
        let loaded: Endpoint = serde_json::from_str(&stored).expect("what is stored can be read");
        assert_eq!(&loaded, endpoint);
        assert!(Matcher::new(Interest::from(loaded)).is_some(), "its filter is none");
        let Some(presenter) = self.presenter else {
            return;
        };
        let shown = presenter.webhook(endpoint, Shown::Secret);
        let sent_back = object(presenter.one(shown.clone()));
        let (fields, _) =
            self.fields(sent_back, Some(endpoint)).expect("what is shown is a request");
        let again = read(fields, self.dialect, &SETTINGS).map(|wish| wish.apply(endpoint.clone()));
        let again = again.unwrap_or_else(|refusal| panic!("{refusal:?}: {shown}"));
        assert_eq!(presenter.webhook(&again, Shown::Secret), shown, "sent back, it is another");
        if self.dialect.name != "beltic" {
            assert_eq!(again.filter.is_some(), endpoint.filter.is_some(), "its filter is lost");
        }
    }
}

/// An endpoint of which nothing is said yet.
fn blank() -> Endpoint {
    let (id, account) = ("ep_01h455vb4pex5vsknk084sn02q".parse(), "acme".parse());
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().expect("a secret");
    let now = jiff::Timestamp::UNIX_EPOCH;
    let account = Tenant { id: account.expect("an id"), created_at: now };
    Endpoint::new(id.expect("an id"), account, secret, now)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
