//! The API's description as JSON, and as a page: Redoc, served by us, so that a deployment without
//! the Internet has it, too, and nobody else learns who reads it.

use std::sync::LazyLock;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};

use crate::asset::Asset;
use crate::extract::Path;
use crate::problem::Refusal;
use crate::{description, router};

/// <https://github.com/Redocly/redoc>, MIT; the version is in the file's name.
static REDOC: LazyLock<Asset> = LazyLock::new(|| {
    let text = include_str!("../assets/redoc-2.5.4.standalone.js");
    Asset::new("redoc", "js", "text/javascript; charset=utf-8", text)
});

/// Everything comes from here; Redoc brings its styles with its code, and searches in a worker.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; \
    img-src 'self' data:; connect-src 'self'; worker-src blob:; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

// Relative addresses: API Gateway may put a stage before the path. `{redoc}` is the script's name.
const PAGE: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Posthorn API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<style>body { margin: 0 }</style>
</head>
<body>
<noscript>This page needs JavaScript; <a href="v1/openapi.json">the description itself</a> does not.</noscript>
<redoc spec-url="v1/openapi.json" hide-download-button="false" json-sample-expand-level="3" path-in-middle-panel="true"></redoc>
<script src="docs/{redoc}"></script>
</body>
</html>
"#;

/// `GET /v1/openapi.json`
///
/// Made when somebody first asks for it: most processes are never asked.
pub async fn description() -> Response {
    static JSON: LazyLock<Bytes> = LazyLock::new(|| {
        let openapi = description::complete(router::described().into_openapi());
        // A structure of texts: nothing that could fail to serialize.
        serde_json::to_vec_pretty(&openapi).unwrap_or_default().into()
    });
    respond("application/json", Body::from(Bytes::clone(&JSON)), "no-cache")
}

/// `GET /docs`
pub async fn page() -> Response {
    let page = PAGE.replace("{redoc}", REDOC.name());
    let mut response = respond("text/html; charset=utf-8", Body::from(page), "no-cache");
    let policy = http::HeaderValue::from_static(POLICY);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    response
}

/// `GET /docs/{name}`: the script. API Gateway compresses it (`template.yaml`).
pub async fn script(Path(name): Path<String>) -> Result<Response, Refusal> {
    if name == REDOC.name() { Ok(REDOC.response()) } else { Err(Refusal::NoRoute) }
}

fn respond(content_type: &'static str, body: Body, cache: &'static str) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, http::HeaderValue::from_static(cache));
    response
}
