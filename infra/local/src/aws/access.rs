//! Who may call the port: programs that sign with the stack's access key, as AWS wants every request
//! signed (Signature Version 4), and no web page.

use std::time::SystemTime;

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use http::header::{AUTHORIZATION, HOST};
use http::request::Parts;
use http::{HeaderMap, Uri};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use posthorn_shared::aws_endpoint::AwsKey;
use subtle::ConstantTimeEq;

use super::http::{Answer, MAX_BODY};
use super::{scheduler, sqs};
use crate::door::{Closed, Door, Hosts};

/// Routes below it are ours, and also take the secret by itself, as `Authorization: Bearer`.
const OWN_PREFIX: &str = "/_posthorn/";
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const DATE: &str = "x-amz-date";
const DATE_FORMAT: &str = "%Y%m%dT%H%M%SZ";
/// How far a signature's time may be from ours; AWS allows as much.
const MAX_SKEW: SignedDuration = SignedDuration::from_mins(15);

/// What the port asks of every request.
pub struct Access {
    key: AwsKey,
    door: Door,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error(transparent)]
    Closed(#[from] Closed),
    #[error(
        "Request is missing Authentication Token. Sign it with the stack's access key, which is in \
         the file aws-credentials of its data directory, or in POSTHORN_AWS_KEY."
    )]
    NoSignature,
    #[error("Authorization or X-Amz-Date is incomplete, or is no Signature Version 4.")]
    Incomplete,
    #[error(
        "The security token included in the request is invalid. This stack only takes its own \
         access key, which is in the file aws-credentials of its data directory, or in \
         POSTHORN_AWS_KEY."
    )]
    UnknownKey,
    #[error(
        "The request signature we calculated does not match the signature you provided. Check the \
         secret: it is in the file aws-credentials of the stack's data directory, or in \
         POSTHORN_AWS_KEY."
    )]
    WrongSignature,
    #[error("Signature expired: its time is more than 15 minutes away. Set the clock.")]
    Expired,
    #[error("The request is longer than 17 MiB, broke off, or took too long.")]
    NoBody,
}

impl Refused {
    /// Its name, and the name in SQS's older protocol.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Closed(_) => ("AccessDeniedException", "AccessDenied"),
            Self::NoSignature => {
                ("MissingAuthenticationTokenException", "MissingAuthenticationToken")
            }
            Self::Incomplete => ("IncompleteSignatureException", "IncompleteSignature"),
            Self::UnknownKey => ("UnrecognizedClientException", "InvalidClientTokenId"),
            Self::WrongSignature => ("InvalidSignatureException", "SignatureDoesNotMatch"),
            Self::Expired => ("InvalidSignatureException", "RequestExpired"),
            Self::NoBody => ("RequestEntityTooLargeException", "RequestEntityTooLarge"),
        }
    }

    /// The answer, as the service that was meant writes it.
    fn answer(self, target: &str, uri: &Uri) -> Answer {
        let (name, query_name) = self.names();
        let status = if self == Self::NoBody { 413 } else { 403 };
        if scheduler::is_path(uri.path()) {
            let body = serde_json::json!({ "Message": self.to_string() }).to_string();
            return Answer { error_type: Some(name), ..Answer::rest(status, body.into_bytes()) };
        }
        let kind = format!("com.amazon.coral.service#{name}");
        let answer = Answer::error(status, &kind, &self.to_string());
        let is_sqs = target.starts_with(sqs::TARGET);
        Answer { query_error: is_sqs.then(|| format!("{query_name};Sender")), ..answer }
    }
}

impl Access {
    /// For those who have this key, and find the port under one of these names.
    pub fn new(key: AwsKey, hosts: Hosts) -> Self {
        Self { key, door: Door::of_aws(hosts) }
    }

    /// Lets a request in, with its body read.
    ///
    /// # Errors
    /// The answer to one that is refused.
    pub async fn admit(&self, request: Request) -> Result<Request, Answer> {
        let (parts, body) = request.into_parts();
        match self.check(&parts, body).await {
            Ok(body) => Ok(Request::from_parts(parts, body)),
            Err(refused) => {
                let target = parts.headers.get("x-amz-target");
                let target = target.and_then(|target| target.to_str().ok()).unwrap_or_default();
                Err(refused.answer(target, &parts.uri))
            }
        }
    }

    async fn check(&self, parts: &Parts, body: Body) -> Result<Body, Refused> {
        self.door.check(&parts.method, &parts.headers)?;
        if parts.uri.path().starts_with(OWN_PREFIX) && self.bears_secret(&parts.headers) {
            return Ok(body);
        }
        let claim = Claim::read(&parts.headers)?;
        if !is_same(claim.id, self.key.id()) {
            return Err(Refused::UnknownKey);
        }
        // Not before it is known that somebody of ours sends it.
        let body = to_bytes(body, MAX_BODY).await.map_err(|_| Refused::NoBody)?;
        claim.verify(parts, &body, &self.key, Timestamp::now())?;
        Ok(Body::from(body))
    }

    fn bears_secret(&self, headers: &HeaderMap) -> bool {
        let text = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let secret = text.and_then(|text| text.strip_prefix("Bearer "));
        secret.is_some_and(|secret| is_same(secret, self.key.secret()))
    }
}

/// Compares in a time that says nothing of where two texts differ.
fn is_same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// What a request says of its signature.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
struct Claim<'h> {
    id: &'h str,
    region: &'h str,
    service: &'h str,
    at: Timestamp,
    signed_headers: Vec<&'h str>,
    signature: &'h str,
}

impl<'h> Claim<'h> {
    fn read(headers: &'h HeaderMap) -> Result<Self, Refused> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let authorization = text(AUTHORIZATION.as_str()).ok_or(Refused::NoSignature)?;
        let fields = authorization.strip_prefix(ALGORITHM).ok_or(Refused::Incomplete)?;
        let field = |name: &str| {
            let mut fields = fields.split(',');
            fields.find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
        };
        let credential = field("Credential").ok_or(Refused::Incomplete)?;
        let [id, day, region, service, "aws4_request"] =
            credential.split('/').collect::<Vec<_>>()[..]
        else {
            return Err(Refused::Incomplete);
        };
        let date = text(DATE).ok_or(Refused::Incomplete)?;
        let at = DateTime::strptime(DATE_FORMAT, date)
            .and_then(|at| at.to_zoned(TimeZone::UTC))
            .map_err(|_| Refused::Incomplete)?
            .timestamp();
        // Read back, so that what is signed below is what was sent.
        if at.strftime(DATE_FORMAT).to_string() != date || !date.starts_with(day) || day.len() != 8
        {
            return Err(Refused::Incomplete);
        }
        let signed_headers = field("SignedHeaders").ok_or(Refused::Incomplete)?.split(';');
        let signature = field("Signature").ok_or(Refused::Incomplete)?;
        Ok(Self { id, region, service, at, signed_headers: signed_headers.collect(), signature })
    }

    /// Signs the request as it came, and compares.
    fn verify(
        &self,
        parts: &Parts,
        body: &[u8],
        key: &AwsKey,
        now: Timestamp,
    ) -> Result<(), Refused> {
        if now.duration_since(self.at).abs() > MAX_SKEW {
            return Err(Refused::Expired);
        }
        self.check_coverage(&parts.headers)?;
        let signature = self.expected(parts, body, key).ok_or(Refused::WrongSignature)?;
        if is_same(self.signature, &signature) { Ok(()) } else { Err(Refused::WrongSignature) }
    }

    /// What a request means is in its headers `Host` and `X-Amz-…`: all of them have to be signed.
    fn check_coverage(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let mut has_to_be = headers.keys().map(http::HeaderName::as_str);
        let is_covered = has_to_be.all(|name| {
            let counts = name == HOST.as_str() || name.starts_with("x-amz-");
            !counts || self.signed_headers.contains(&name)
        });
        if is_covered { Ok(()) } else { Err(Refused::Incomplete) }
    }

    /// The signature that belongs to the request; `None`: it can't be signed.
    fn expected(&self, parts: &Parts, body: &[u8], key: &AwsKey) -> Option<String> {
        let identity = key.credentials().into();
        let mut settings = SigningSettings::default();
        // The client says which headers are signed.
        settings.excluded_headers = None;
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(SystemTime::from(self.at))
            .settings(settings)
            .build()
            .ok()?;
        let mut headers = Vec::new();
        // The date is added by who signs.
        for name in self.signed_headers.iter().filter(|name| **name != DATE) {
            for value in parts.headers.get_all(*name) {
                headers.push((*name, value.to_str().ok()?));
            }
        }
        let target = parts.uri.path_and_query()?.as_str();
        let (method, body) = (parts.method.as_str(), SignableBody::Bytes(body));
        let request = SignableRequest::new(method, target, headers.into_iter(), body).ok()?;
        let (_, signature) = sign(request, &parameters.into()).ok()?.into_parts();
        Some(signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of AWS's own test suite (`post-x-www-form-urlencoded`, `get-vanilla-query-order-key-case`).
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-test-suite.html>
    const KEY: &str = "AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    const AT: &str = "2015-08-30T12:36:00Z";
    const SCOPE: &str = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";

    fn request(method: &str, target: &str, pairs: &[(&str, &str)], signed: &str) -> Parts {
        let mut request = http::Request::builder().method(method).uri(target);
        for (name, value) in pairs {
            request = request.header(*name, *value);
        }
        let authorization = format!("{ALGORITHM} Credential={SCOPE}, {signed}");
        let request =
            request.header("host", "example.amazonaws.com").header(DATE, "20150830T123600Z");
        let request = request.header(AUTHORIZATION, authorization);
        request.body(()).unwrap().into_parts().0
    }

    fn verified(parts: &Parts, body: &str) -> Result<(), Refused> {
        let key = KEY.parse().unwrap();
        Claim::read(&parts.headers)?.verify(parts, body.as_bytes(), &key, AT.parse().unwrap())
    }

    fn form() -> Parts {
        let sha256 = "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e";
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("content-length", "13"),
            ("x-amz-content-sha256", sha256),
        ];
        let signed = "SignedHeaders=content-length;content-type;host;x-amz-content-sha256;x-amz-date, \
            Signature=d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b";
        request("POST", "/", &headers, signed)
    }

    #[test]
    fn aws_s_own_signatures_are_verified() {
        assert_eq!(verified(&form(), "Param1=value1"), Ok(()));
        let signed = "SignedHeaders=host;x-amz-date,\
            Signature=b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500";
        let query = request("GET", "/?Param2=value2&Param1=value1", &[], signed);
        assert_eq!(verified(&query, ""), Ok(()));
    }

    #[test]
    fn a_changed_request_is_refused() {
        assert_eq!(verified(&form(), "Param1=value2"), Err(Refused::WrongSignature));
        let mut other = form();
        other.method = http::Method::PUT;
        assert_eq!(verified(&other, "Param1=value1"), Err(Refused::WrongSignature));
        let mut other = form();
        other.uri = Uri::from_static("/?a");
        assert_eq!(verified(&other, "Param1=value1"), Err(Refused::WrongSignature));
        let mut other = form();
        other.headers.insert("content-type", "text/plain".parse().unwrap());
        assert_eq!(verified(&other, "Param1=value1"), Err(Refused::WrongSignature));
        // Not signed: the operation could be another one.
        let mut other = form();
        other.headers.insert("x-amz-target", "AmazonSQS.PurgeQueue".parse().unwrap());
        assert_eq!(verified(&other, "Param1=value1"), Err(Refused::Incomplete));
    }

    #[test]
    fn another_time_is_refused() {
        let form = form();
        let claim = Claim::read(&form.headers).unwrap();
        let key = KEY.parse().unwrap();
        for (now, expected) in [
            ("2015-08-30T12:50:59Z", Ok(())),
            ("2015-08-30T12:21:01Z", Ok(())),
            ("2015-08-30T12:51:01Z", Err(Refused::Expired)),
            ("2015-08-30T12:20:59Z", Err(Refused::Expired)),
        ] {
            let verified = claim.verify(&form, b"Param1=value1", &key, now.parse().unwrap());
            assert_eq!(verified, expected, "{now}");
        }
    }

    #[test]
    fn what_is_no_signature_is_refused() {
        let refused = |name: &'static str, value: &str| {
            let mut form = form();
            form.headers.insert(name, value.parse().unwrap());
            verified(&form, "Param1=value1").unwrap_err()
        };
        for text in [
            "Bearer secret",
            "AWS4-HMAC-SHA256",
            "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host, Signature=0",
            "AWS4-HMAC-SHA256 Credential=a/20150830/r/s/aws4_request, SignedHeaders=host",
            "AWS4-HMAC-SHA256 Credential=a/20150830/r/s/b, SignedHeaders=host, Signature=0",
            "AWS4-HMAC-SHA256 Credential=a/20150831/r/s/aws4_request, SignedHeaders=a, Signature=0",
            "AWS4-HMAC-SHA256 Credential=a//r/s/aws4_request, SignedHeaders=host, Signature=0",
        ] {
            assert_eq!(refused("authorization", text), Refused::Incomplete, "{text}");
        }
        for date in ["now", "20150830T1236Z", "20150830T123660Z", "2015-08-30T12:36:00Z"] {
            assert_eq!(refused(DATE, date), Refused::Incomplete, "{date}");
        }
        let mut form = form();
        form.headers.remove(AUTHORIZATION);
        assert_eq!(verified(&form, "Param1=value1"), Err(Refused::NoSignature));
    }
}
