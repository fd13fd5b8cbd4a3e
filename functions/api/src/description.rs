//! The API's description in OpenAPI 3.1. Routes, bodies and successes come from the handlers; what
//! is the same for all of them (keys, refusals, headers) is added here.

use serde::Serialize;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, Components, ObjectBuilder, Type,
};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{License, OpenApi, Ref, RefOr, Required, Response, ResponseBuilder, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::v1::requests::Filter;

const ABOUT: &str = "\
Webhook delivery. Producers push events; every endpoint that subscribes gets each of them, signed, \
retried for a day, with every attempt on record.

**Keys.** `Authorization: Bearer <key>`, or `X-API-KEY: <key>`. An admin key acts on accounts, and on \
one account's resources when it names it in the header `Posthorn-Account`. An account key carries \
scopes: `manage` (which includes the others), `publish`, `read`.

**Refusals** are problem documents (RFC 9457, `application/problem+json`) that list everything that \
is wrong, with JSON pointers.

**Lists** are cut into pages by `limit` and `cursor`; `next_cursor` is null on the last one.

**Writes.** PATCH is JSON Merge Patch (RFC 7396). Every POST honours `Idempotency-Key` for 24 hours.";

/// A problem document (RFC 9457): what a Refusal answers.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem, example = json!({
    "type": "about:blank",
    "title": "Unprocessable Entity",
    "status": 422,
    "detail": "some fields are invalid",
    "errors": [{ "pointer": "/url", "detail": "is required: a text of 1 to 2048 characters" }]
}))]
struct ProblemDocument {
    r#type: String,
    title: String,
    status: u16,
    /// What would be right.
    detail: String,
    /// Of an invalid input: what is wrong with it, up to 32 problems.
    #[schema(nullable = false)]
    errors: Option<Vec<InvalidField>>,
}

/// One thing that is wrong with an input.
#[derive(Serialize, ToSchema)]
struct InvalidField {
    /// A JSON pointer (RFC 6901) to it; of a query parameter its name after a slash.
    pointer: String,
    detail: String,
}

/// Completes what the handlers say.
pub fn complete(mut openapi: OpenApi) -> OpenApi {
    openapi.info.title = "Posthorn".to_owned();
    openapi.info.description = Some(ABOUT.to_owned());
    openapi.info.version = env!("CARGO_PKG_VERSION").to_owned();
    openapi.info.contact = None;
    openapi.info.license = Some(License::new(env!("CARGO_PKG_LICENSE")));
    let components = openapi.components.get_or_insert_default();
    components.schemas.insert("Problem".to_owned(), ProblemDocument::schema());
    components.schemas.insert("InvalidField".to_owned(), InvalidField::schema());
    components.schemas.insert("Filter".to_owned(), Filter::schema());
    refer_to_items(components);
    close_forms(components, "RetryPolicy");
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let api_key = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-KEY")));
    components.security_schemes.insert("bearer".to_owned(), bearer.into());
    components.security_schemes.insert("api_key".to_owned(), api_key.into());

    for (path, item) in &mut openapi.paths.paths {
        for (_, operation) in operations(item) {
            describe_successes(operation);
            shorten_summary(operation);
        }
        // What needs no key refuses nobody.
        if !path.starts_with("/v1/") || path == "/v1/openapi.json" {
            continue;
        }
        for (method, operation) in operations(item) {
            complete_operation(path, method, operation);
        }
    }
    openapi
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let PathItem { get, post, patch, delete, .. } = item;
    [("get", get), ("post", post), ("patch", patch), ("delete", delete)]
        .into_iter()
        .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// The first sentence of a handler's documentation is its summary, the rest its description.
fn shorten_summary(operation: &mut Operation) {
    let Some(text) = operation.summary.take() else {
        return;
    };
    let text = text.replace('\n', " ");
    let (first, rest) = text.split_once(". ").unwrap_or((&text, ""));
    operation.summary = Some(first.trim_end_matches('.').to_owned());
    if !rest.is_empty() {
        operation.description = Some(rest.to_owned());
    }
}

/// Lists name what they list: generated clients then have one type for it.
fn refer_to_items(components: &mut Components) {
    for (name, schema) in &mut components.schemas {
        if let (Some(item), RefOr::T(Schema::Object(list))) = (name.strip_prefix("List_"), schema) {
            let items = ArrayBuilder::new().items(Ref::from_schema_name(item));
            list.properties.insert("data".to_owned(), items.into());
        }
    }
}

/// The forms of a structure have the members they have, and no others.
fn close_forms(components: &mut Components, name: &str) {
    if let Some(RefOr::T(Schema::OneOf(forms))) = components.schemas.get_mut(name) {
        for form in &mut forms.items {
            if let RefOr::T(Schema::Object(form)) = form {
                form.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
            }
        }
    }
}

fn describe_successes(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response {
            response.description = match status.as_str() {
                "201" => "Created",
                "202" => "Accepted: it is on its way",
                "204" => "Done",
                _ => "As asked",
            }
            .to_owned();
        }
    }
}

fn complete_operation(path: &str, method: &str, operation: &mut Operation) {
    operation.security = Some(vec![
        utoipa::openapi::SecurityRequirement::new("bearer", Vec::<String>::new()),
        utoipa::openapi::SecurityRequirement::new("api_key", Vec::<String>::new()),
    ]);
    let of_an_account = !path.starts_with("/v1/accounts") && !path.starts_with("/v1/dialects");
    let parameters = operation.parameters.get_or_insert_default();
    let takes_query = parameters.iter().any(|parameter| {
        matches!(parameter, RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query)
    });
    if of_an_account {
        let parameter = ParameterBuilder::new()
            .name("Posthorn-Account")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some("With an admin key: the account it acts on."))
            .schema(Some(posthorn_shared::ids::AccountId::schema()));
        parameters.push(parameter.build().into());
    }
    if method == "post" {
        let key = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^[!-~]{1,255}$"))
            .examples(["7c9c1b8e-0f43-4f9b-9a35-7a8d4a3e8f10"]);
        let parameter = ParameterBuilder::new()
            .name("Idempotency-Key")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some(
                "The same request sent again with the same key within 24 hours is answered as it \
                 was the first time, and carried out once.",
            ))
            .schema(Some(Schema::from(key)));
        parameters.push(parameter.build().into());
    }
    let has_body = operation.request_body.is_some();
    let refusals: [(&str, bool, &str); 11] = [
        ("400", true, "The request can't be read"),
        ("401", true, "No key, or an unknown one"),
        ("403", true, "The key lacks the scope"),
        ("404", !path.ends_with("/dialects"), "Unknown, or another account's"),
        ("409", method != "get", "Something is in the way"),
        ("413", matches!(method, "post" | "patch"), "Too large"),
        ("415", has_body, "The body is no JSON"),
        ("422", has_body || takes_query, "Some fields are invalid: all of them are listed"),
        ("429", true, "The key makes too many requests"),
        ("500", true, "A fault of Posthorn's"),
        ("503", true, "Something passing: nothing was accepted, send it again"),
    ];
    for (status, applies, description) in refusals {
        if applies {
            let responses = &mut operation.responses.responses;
            responses.entry(status.to_owned()).or_insert_with(|| problem(status, description));
        }
    }
}

fn problem(status: &str, description: &str) -> RefOr<Response> {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem")));
    let mut response = ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", content.build());
    let header = match status {
        "401" => Some(("WWW-Authenticate", Type::String)),
        "429" => Some(("Retry-After", Type::Integer)),
        _ => None,
    };
    if let Some((name, kind)) = header {
        let schema = ObjectBuilder::new().schema_type(kind);
        response = response.header(name, HeaderBuilder::new().schema(Some(schema)).build());
    }
    RefOr::T(response.build())
}
