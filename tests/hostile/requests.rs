//! Requests of strangers, made from numbers: any caller, any route, any method, and something wrong in
//! the path, the query, the headers, the body or the framing.

use posthorn_end_to_end::Stack;
use serde_json::Value;

use crate::bodies::{self, TIMES, Words};
use crate::callers::Caller;
use crate::chance::Chance;
use crate::framing;
use crate::headers;
use crate::routes::{self, Kind, Route};
use crate::sink::Sink;
use crate::tenants::{EVENT_TYPE, OWN_ID, Tenants, Things};
use crate::wire::address;

/// Bytes of a form: more than is read of any.
const MAX_FORM: usize = 6_000_000;

/// Everything that requests are made of.
pub struct Material {
    pub tenants: Tenants,
    pub routes: Vec<Route>,
    pub callers: Vec<Caller>,
    pub api_url: String,
    pub aws_url: String,
    sink_url: String,
}

/// A request, ready to be sent.
pub struct Request {
    pub caller: Caller,
    pub method: String,
    /// The route that it is meant for.
    pub path: String,
    pub kind: Kind,
    /// Of the port that it goes to.
    pub address: String,
    /// At the port of the AWS services, where strangers get nothing.
    pub must_be_refused: bool,
    pub bytes: Vec<u8>,
    /// Whether it is framed as HTTP wants it, so that an answer has to come.
    pub is_whole: bool,
}

impl Request {
    /// Its beginning, for the message.
    pub fn describe(&self) -> String {
        let shown = &self.bytes[..self.bytes.len().min(1_500)];
        format!(
            "{:?}, {} bytes: {:?}",
            self.caller,
            self.bytes.len(),
            String::from_utf8_lossy(shown)
        )
    }
}

impl Material {
    /// # Panics
    /// When the stack does not describe itself.
    pub async fn gather(stack: &Stack, tenants: Tenants, sink: &Sink) -> Self {
        let description: Value = stack.admin().get("/v1/openapi.json").await;
        Self {
            routes: routes::all(&description),
            callers: Caller::all(&tenants),
            api_url: stack.api_url.clone(),
            aws_url: stack.aws_url.clone(),
            sink_url: sink.url(""),
            tenants,
        }
    }

    /// The request with this number.
    pub fn request(&self, seed: u64, number: u64) -> Request {
        let mut chance = Chance::of(seed, number);
        if chance.one_in(20) {
            return self.for_aws(&mut chance);
        }
        let chance = &mut chance;
        let caller = chance.pick(&self.callers);
        let route = chance.among(&self.routes);
        let own = caller.tenant(&self.tenants);
        // Ids of its own, or of any account.
        let of_others = self.tenants.all[chance.below(self.tenants.all.len())].things();
        let things = match own {
            Some(tenant) if !chance.one_in(3) => tenant.things(),
            _ => of_others,
        };
        let own_id = own.map_or("nobody", |tenant| &tenant.id);
        let words = Words { url: format!("{}{own_id}", self.sink_url), ids: self.ids(&things) };
        let method = method(chance);
        let target = self.target(chance, &route.path, &things);

        let mut fields = caller.credentials(&self.tenants);
        let body = if route.kind() == Kind::Page {
            fields.push(("content-type", "application/x-www-form-urlencoded".to_owned()));
            let csrf = match caller {
                Caller::Visitor(_) => own.map(|tenant| tenant.csrf.clone()),
                _ => None,
            };
            form(chance, &csrf.unwrap_or_default(), &words, &things)
        } else if matches!(method, "GET" | "HEAD") && !chance.one_in(8) {
            Vec::new()
        } else {
            bodies::json_body(chance, &route.bodies, &words)
        };
        if chance.one_in(3) {
            headers::add(chance, &mut fields, &words);
        }
        let host = address(&self.api_url);
        let host = if chance.one_in(20) { "evil.example" } else { host };
        let head = framing::Head { method, target: &target, host, fields };
        let framed = framing::write(chance, head, &body);
        Request {
            caller,
            method: method.to_owned(),
            path: route.path.clone(),
            kind: route.kind(),
            address: address(&self.api_url).to_owned(),
            must_be_refused: false,
            bytes: framed.bytes,
            is_whole: framed.is_whole,
        }
    }

    /// A neighbour or a web page at the port of the AWS services.
    fn for_aws(&self, chance: &mut Chance) -> Request {
        let host = chance.pick(&[address(&self.aws_url), "evil.example:4566", "localhost"]);
        let mut is_foreign = host.starts_with("evil");
        let mut fields = Vec::new();
        let (method, target) = if chance.one_in(3) {
            (chance.pick(&["GET", "POST", "PUT", "DELETE"]), chance.pick(&routes::AWS_PATHS))
        } else {
            let service = chance.pick(&routes::AWS_TARGETS);
            fields.push(("x-amz-target", service.to_owned()));
            ("POST", "/")
        };
        if chance.one_in(2) {
            let signature = "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/dynamodb/aws4_request, \
                             SignedHeaders=host, Signature=0000";
            fields.push(("authorization", signature.to_owned()));
        }
        if chance.one_in(2) {
            fields.push(("origin", "https://evil.example".to_owned()));
            is_foreign = true;
        }
        fields.push((
            "content-type",
            chance.pick(&["application/x-amz-json-1.0", "text/plain"]).to_string(),
        ));
        let key = r#"{"pk":{"S":"HOSTILE"},"sk":{"S":"HOSTILE"}}"#;
        let queue = format!("{}/000000000000/posthorn-events", self.aws_url);
        let body = format!(
            r#"{{"TableName":"posthorn","Key":{key},"Item":{key},"QueueUrl":"{queue}","MessageBody":"x",
            "AttributeNames":["All"],"KeyConditionExpression":"pk = :pk",
            "ExpressionAttributeValues":{{":pk":{{"S":"HOSTILE"}}}}}}"#
        );
        let head = framing::Head { method, target, host, fields };
        let framed = framing::whole(&head, body.as_bytes());
        Request {
            caller: Caller::Nobody,
            method: method.to_owned(),
            path: target.to_owned(),
            kind: Kind::Open,
            address: address(&self.aws_url).to_owned(),
            // The meter tells a neighbour numbers, and a web page nothing.
            must_be_refused: is_foreign || !target.starts_with("/_posthorn/meter"),
            bytes: framed.bytes,
            is_whole: true,
        }
    }

    fn ids(&self, things: &Things) -> Vec<String> {
        let Things { endpoint, event, task, key, .. } = things.clone();
        let accounts = self.tenants.all.iter().map(|tenant| tenant.id.clone());
        accounts.chain([endpoint, event, task, key, OWN_ID.to_owned(), "gone".to_owned()]).collect()
    }

    /// A path, with or without a query; sometimes one that is none.
    fn target(&self, chance: &mut Chance, path: &str, things: &Things) -> String {
        let tenant = &self.tenants.all[chance.below(self.tenants.all.len())];
        let id = match path {
            _ if path.starts_with("/v1/accounts") || path.starts_with("/portal/platform") => {
                &tenant.id
            }
            _ if path.contains("/events") => &things.event,
            _ if path.starts_with("/v1/tasks") => &things.task,
            _ => &things.endpoint,
        };
        let name = if path.contains("dialects") { "standard" } else { EVENT_TYPE };
        let odd = "\u{e9}".repeat(chance.below(2_000));
        let nonsense =
            chance.pick(&["%00", "%ff%fe", "..%2f..", "*", "%", "%c0%af", "order-1", &odd]);
        let mut placeholder = |value: &str| {
            if chance.one_in(5) { nonsense.to_owned() } else { value.to_owned() }
        };
        let mut target = path
            .replace("{id}", &placeholder(id))
            .replace("{key_id}", &placeholder(&things.key))
            .replace("{endpoint_id}", &placeholder(&things.endpoint))
            .replace("{webhook}", &placeholder(&things.endpoint))
            .replace("{event}", &placeholder(&things.event))
            .replace("{task}", &placeholder(&things.task))
            .replace("{name}", &placeholder(name));
        if chance.one_in(2) {
            target.push_str(&query(chance, things));
        }
        match chance.below(60) {
            0 => format!("http://evil.example{target}"),
            1 => format!("/{target}"),
            2 => format!("{target}/"),
            3 => format!("{target}/%2e%2e/%2e%2e/v1/accounts"),
            4 => "*".to_owned(),
            _ => target,
        }
    }
}

fn method(chance: &mut Chance) -> &'static str {
    chance.pick(&[
        "GET", "GET", "GET", "POST", "POST", "POST", "PUT", "PATCH", "PATCH", "DELETE", "HEAD",
        "OPTIONS", "TRACE", "get", "BREW",
    ])
}

fn query(chance: &mut Chance, things: &Things) -> String {
    let mut query = String::from("?");
    for _ in 0..=chance.below(3) {
        let name = chance.pick(&[
            "limit",
            "cursor",
            "since",
            "until",
            "type",
            "event_type",
            "status",
            "session",
            "page",
            "page[number]",
            "page[size]",
            "filter[is_active]",
            "q",
            "offset",
            "language",
        ]);
        let long = "A".repeat(chance.below(9_000));
        let value: &str = match chance.below(4) {
            0 => chance.pick(&TIMES),
            1 => &things.link,
            _ => chance.pick(&[
                "0",
                "1",
                "250",
                "251",
                "-1",
                "99999999999999999999",
                "",
                "%00",
                "%ff",
                "failed",
                "kept.secret",
                "ZXBfMDFoNDU1dmI0cGV4NXZza25rMDg0c24wMnE",
                "====",
                "true",
                &long,
            ]),
        };
        query.push_str(&format!("{name}={value}&"));
    }
    query
}

/// The fields of the portal's forms.
fn form(chance: &mut Chance, csrf: &str, words: &Words, things: &Things) -> Vec<u8> {
    let length = if chance.one_in(25) { 1_200_000 } else { 300 };
    let long = "a%26".repeat(chance.below(length));
    let mut form = format!("csrf={csrf}&session={}&key={}", things.link, things.key);
    for _ in 0..chance.below(12) {
        let name = chance.pick(&[
            "url",
            "description",
            "events",
            "event_type",
            "other_types",
            "filter",
            "filter_example",
            "header_name",
            "header_value",
            "per_second",
            "per_hour",
            "timeout_seconds",
            "retry",
            "secret",
            "new_secret",
            "overlap_seconds",
            "data",
            "since",
            "until",
            "csrf",
        ]);
        let value: &str = match chance.below(6) {
            0 => &words.url,
            1 => chance.pick(&TIMES),
            2 if form.len() + long.len() < MAX_FORM => &long,
            _ => chance.pick(&[
                "",
                "1",
                "-1",
                "kept.secret",
                "chosen",
                "%7B%22a%22%3A1%7D",
                "%ff%fe",
                "%00",
                "%",
                "%3Cscript%3E",
                "5s",
                "{\"data\":{\"of\":[{\"wildcard\":\"*a*a*\"}]}}",
            ]),
        };
        form.push_str(&format!("&{name}={value}"));
    }
    form.into_bytes()
}
