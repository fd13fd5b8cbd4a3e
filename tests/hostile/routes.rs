//! Every route that the stack serves: by its own description, by its source, and the few that neither
//! tells.

use std::fs;
use std::path::Path;

use posthorn_end_to_end::repository;
use serde_json::{Value, json};

/// The AWS port's: services by their targets, the REST service by its paths, and the meter.
pub const AWS_TARGETS: [&str; 9] = [
    "DynamoDB_20120810.Scan",
    "DynamoDB_20120810.Query",
    "DynamoDB_20120810.GetItem",
    "DynamoDB_20120810.PutItem",
    "DynamoDB_20120810.ListTables",
    "AmazonSQS.ListQueues",
    "AmazonSQS.ReceiveMessage",
    "AmazonSQS.SendMessage",
    "AmazonSQS.GetQueueAttributes",
];
pub const AWS_PATHS: [&str; 4] =
    ["/schedules/hostile", "/schedule-groups", "/_posthorn/meter", "/_posthorn/meter/reset"];

/// What is served without a session or key, to anybody.
const OPEN: [&str; 5] = ["/healthz", "/v1/openapi.json", "/docs", "/docs/redoc.js", "/"];
/// At two places: `/webhooks` and `/v1/webhooks`.
const WEBHOOKS: [&str; 5] =
    ["", "/{webhook}", "/{webhook}/logs", "/{webhook}/resend", "/{webhook}/rotate-secret"];

/// A path with placeholders, and bodies that one of its methods takes.
#[derive(Debug, Clone)]
pub struct Route {
    pub path: String,
    pub bodies: Vec<Value>,
}

/// Whom a route is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// For anybody.
    Open,
    /// For holders of a key.
    Keyed,
    /// A page, or a form, of an account's people or the platform team.
    Page,
}

impl Route {
    pub fn kind(&self) -> Kind {
        let path = self.path.as_str();
        if path.starts_with("/portal") {
            Kind::Page
        } else if OPEN.contains(&path) {
            Kind::Open
        } else {
            Kind::Keyed
        }
    }
}

/// All of them, in an order that depends on nothing but the program.
///
/// # Panics
/// When the description or the source says less than it should.
pub fn all(description: &Value) -> Vec<Route> {
    let mut routes = Vec::new();
    for (path, methods) in description["paths"].as_object().expect("paths") {
        let operations = methods.as_object().expect("methods").values();
        let bodies = operations.filter_map(|operation| example(description, operation)).collect();
        routes.push(Route { path: path.clone(), bodies });
    }
    assert!(routes.len() >= 24, "{} paths are described", routes.len());
    let webhook = json!({ "url": "https://example.com/", "events": ["kept.secret"] });
    let resource = json!({ "data": { "type": "webhook-config", "attributes": webhook } });
    for base in ["/webhooks", "/v1/webhooks"] {
        for rest in WEBHOOKS {
            let bodies = vec![webhook.clone(), resource.clone(), json!({ "eventId": "order-1" })];
            routes.push(Route { path: format!("{base}{rest}"), bodies });
        }
    }
    let pages = pages();
    assert!(pages.len() >= 30, "{pages:?}");
    let others = OPEN.iter().map(|path| (*path).to_owned());
    routes.extend(pages.into_iter().chain(others).map(|path| Route { path, bodies: Vec::new() }));
    routes
}

/// The body that the description shows for an operation.
fn example(description: &Value, operation: &Value) -> Option<Value> {
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    if schema.is_null() {
        return None;
    }
    // A body that may be left out is "null, or this".
    let choices = schema["oneOf"].as_array().into_iter().flatten().chain([schema]);
    let names = choices.filter_map(|schema| schema["$ref"].as_str()?.rsplit('/').next());
    let mut examples = names.map(|name| &description["components"]["schemas"][name]["example"]);
    let example = examples.find(|example| !example.is_null()).cloned();
    Some(example.unwrap_or_else(|| json!({ "type": "kept.secret", "data": {} })))
}

/// The portal's paths, from the lines of its source that begin with `.route("`.
fn pages() -> Vec<String> {
    let mut files = Vec::new();
    find(&repository("functions/api/src/portal"), &mut files);
    files.sort();
    let mut paths = Vec::new();
    for file in files {
        let platform = file.contains("/platform/");
        let source = fs::read_to_string(&file).expect("a source file");
        for line in source.lines() {
            let route = line.trim_start().strip_prefix(".route(\"");
            if let Some((path, _)) = route.and_then(|rest| rest.split_once('"')) {
                let base = if platform { "/portal/platform" } else { "/portal" };
                paths.push(format!("{base}{}", path.trim_end_matches('/')));
            }
        }
    }
    // Whoever signs out has no session to go on with.
    paths.retain(|path| !path.ends_with("/leave"));
    paths
}

fn find(folder: &Path, files: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            find(&path, files);
        } else {
            files.push(path.display().to_string());
        }
    }
}
