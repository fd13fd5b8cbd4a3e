//! What AWS hands over, before `lambda_http` makes a request of it.

use http::{HeaderMap, header};
use lambda_http::request::LambdaRequest;
use url::Url;

const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// Takes out of an event what makes no URL. `lambda_http` builds one of the headers `Host` and
/// `X-Forwarded-Proto` and the path, and panics if it can't; what a client wrote there is none of
/// our business: routes go by the path alone.
pub fn mend(event: &mut LambdaRequest) {
    match event {
        LambdaRequest::ApiGatewayV1(event) => {
            let path = event.path.get_or_insert_default();
            mend_parts(&mut event.headers, &mut event.request_context.domain_name, path);
        }
        LambdaRequest::ApiGatewayV2(event) => {
            let path = event.raw_path.get_or_insert_default();
            mend_parts(&mut event.headers, &mut event.request_context.domain_name, path);
        }
        _ => {}
    }
}

fn mend_parts(headers: &mut HeaderMap, domain: &mut Option<String>, path: &mut String) {
    if !path.starts_with('/') {
        path.insert(0, '/');
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let scheme = text(FORWARDED_PROTO).unwrap_or("https");
    let host = text(header::HOST.as_str()).or(domain.as_deref()).unwrap_or("localhost");
    if Url::parse(&format!("{scheme}://{host}{path}")).is_err() {
        headers.remove(FORWARDED_PROTO);
        headers.remove(header::HOST);
        *domain = None;
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::Request;
    use serde_json::{Value, json};

    use super::*;

    fn request(event: Value) -> Request {
        let mut event: LambdaRequest = serde_json::from_value(event).unwrap();
        mend(&mut event);
        event.into()
    }

    fn rest(headers: &Value, domain: &str, path: &str) -> Value {
        json!({
            "resource": "/{proxy+}", "path": path, "httpMethod": "GET", "headers": headers,
            "requestContext": { "httpMethod": "GET", "domainName": domain, "identity": {} },
            "isBase64Encoded": false,
        })
    }

    fn http(headers: &Value, domain: &str, path: &str) -> Value {
        json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
            "headers": headers, "isBase64Encoded": false,
            "requestContext": {
                "domainName": domain, "stage": "$default", "timeEpoch": 0,
                "http": { "method": "GET", "path": path, "protocol": "HTTP/1.1" },
            },
        })
    }

    #[test]
    fn a_host_that_is_none_harms_nobody() {
        for event in [rest, http] {
            for host in ["1.2.3.4.5", "", "[::", "a b", "ho:st", "%", "@", "api.example.com"] {
                for proto in ["https", "", "no scheme", "1"] {
                    for path in ["/v1/events", "", "v1", ":x", "//", "/%zz", "/\u{0}"] {
                        let headers = json!({ "host": host, "x-forwarded-proto": proto });
                        request(event(&headers, host, path));
                    }
                }
            }
        }
    }

    #[test]
    fn a_host_that_is_one_stays() {
        let headers = json!({ "host": "api.example.com", "x-forwarded-proto": "https" });
        let request = request(rest(&headers, "x.execute-api.example.com", "/v1/events"));
        assert_eq!(request.uri().to_string(), "https://api.example.com/v1/events");
        assert_eq!(request.headers()["host"], "api.example.com");
    }
}
