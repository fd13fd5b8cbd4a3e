//! Where a request comes from: as whoever took it saw it. What the request itself says of that, in
//! `X-Forwarded-For` say, is its sender's to write.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use http::Extensions;
use lambda_http::request::RequestContext;

/// The address of a request's sender: API Gateway's word for it, or the connection's other end. On one
/// machine behind a proxy that is the proxy.
pub fn of(extensions: &Extensions) -> Option<String> {
    match extensions.get::<RequestContext>() {
        Some(RequestContext::ApiGatewayV1(context)) => context.identity.source_ip.clone(),
        Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.clone(),
        _ => {
            let ConnectInfo(peer) = extensions.get::<ConnectInfo<SocketAddr>>()?;
            Some(peer.ip().to_canonical().to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::Request;
    use lambda_http::request::LambdaRequest;
    use serde_json::{Value, json};

    use super::*;

    fn from_lambda(event: Value) -> Option<String> {
        let event: LambdaRequest = serde_json::from_value(event).unwrap();
        of(Request::from(event).extensions())
    }

    #[test]
    fn api_gateway_knows_it_whatever_the_client_claims() {
        let headers = json!({ "host": "api.example.com", "x-forwarded-for": "198.51.100.7" });
        let rest = json!({
            "resource": "/{proxy+}", "path": "/healthz", "httpMethod": "GET", "headers": headers,
            "requestContext": { "httpMethod": "GET", "identity": { "sourceIp": "203.0.113.9" } },
            "isBase64Encoded": false,
        });
        assert_eq!(from_lambda(rest).as_deref(), Some("203.0.113.9"));
        let http = json!({
            "version": "2.0", "routeKey": "$default", "rawPath": "/healthz", "rawQueryString": "",
            "headers": headers, "isBase64Encoded": false,
            "requestContext": {
                "stage": "$default", "timeEpoch": 0,
                "http": {
                    "method": "GET", "path": "/healthz", "protocol": "HTTP/1.1",
                    "sourceIp": "2001:db8::9",
                },
            },
        });
        assert_eq!(from_lambda(http).as_deref(), Some("2001:db8::9"));
    }

    #[test]
    fn on_one_machine_the_connection_does() {
        let mut extensions = Extensions::new();
        assert_eq!(of(&extensions), None);
        let peer: SocketAddr = "[::ffff:203.0.113.9]:4711".parse().unwrap();
        extensions.insert(ConnectInfo(peer));
        assert_eq!(of(&extensions).as_deref(), Some("203.0.113.9"));
    }
}
