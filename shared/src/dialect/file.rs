//! A dialect as a file: TOML, every rule of it a value. What a file does not say is as in
//! `standard`.

use std::time::Duration;

use serde::Deserialize;

use super::envelope::Envelope;
use super::signature::{Encoding, SignatureRule};
use super::template::{Placeholder, Template};
use super::{Dialect, Facade, Header, Words, catalog};
use crate::account::Limits;
use crate::failure_rate::FailureRate;
use crate::ids::AccountId;
use crate::response_rules::{ResponseRules, StatusRange};
use crate::retry_policy::RetryPolicy;
use crate::secret::SecretForm;

/// Header values are short, and so are their templates.
const MAX_NAME: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    title: String,
    /// Seconds, 1–30.
    timeout_seconds: u64,
    body: String,
    retry: RetryPolicy,
    #[serde(default)]
    secret: SecretForm,
    #[serde(default)]
    response: Response,
    #[serde(default)]
    limits: Limits,
    failure_rate: Option<FailureRate>,
    facade: Option<Facade>,
    #[serde(default)]
    words: Words,
    #[serde(default)]
    event_type: Vec<catalog::Entry>,
    #[serde(default)]
    header: Vec<HeaderEntry>,
    #[serde(default)]
    signature: Vec<SignatureEntry>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Response {
    /// Answers after which no attempt is made any more, like `4xx` or `404`.
    #[serde(default)]
    give_up: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HeaderEntry {
    name: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignatureEntry {
    header: String,
    content: String,
    encoding: Encoding,
    #[serde(default = "the_signature")]
    each: String,
    each_ed25519: Option<String>,
    separator: Option<String>,
    #[serde(default = "the_signatures")]
    value: String,
}

fn the_signature() -> String {
    Placeholder::Signature.to_string()
}

fn the_signatures() -> String {
    Placeholder::Signatures.to_string()
}

/// Reads a dialect.
///
/// # Errors
/// What is wrong with it, with the line where TOML knows it.
pub fn parse(text: &str) -> Result<Dialect, String> {
    use Placeholder::{Body, Id, Signature, Signatures, Token, Type, Unix};
    let file: File = toml::from_str(text).map_err(|error| at_line(text, &error))?;
    // Names are what account ids are, for they stand in addresses, too.
    if file.name.len() > MAX_NAME || file.name.parse::<AccountId>().is_err() {
        return Err(format!("name: 1 to {MAX_NAME} of A-Z a-z 0-9 _ - . :"));
    }
    if !(1..=30).contains(&file.timeout_seconds) {
        return Err("timeout_seconds: 1 to 30".to_owned());
    }
    if let Some((pointer, detail)) = file.retry.problems().first() {
        return Err(format!("retry{}: {detail}", pointer.replace('/', ".")));
    }
    if file.signature.is_empty() {
        return Err("signature: at least one; receivers have to know who sends".to_owned());
    }
    let rate = file.failure_rate.iter().flat_map(FailureRate::problems);
    if let Some((field, detail)) = file.limits.problems().into_iter().chain(rate).next() {
        return Err(format!("{field}: {detail}"));
    }
    let header = |entry: HeaderEntry| -> Result<Header, String> {
        let name = header_name(&entry.name)?;
        let value = Template::parse(&entry.value, &[Id, Type, Unix, Token])
            .map_err(|error| format!("header {name}: {error}"))?;
        Ok(Header { name, value })
    };
    let signature = |entry: SignatureEntry| -> Result<SignatureRule, String> {
        let name = header_name(&entry.header)?;
        let template = |field: &str, text: &str, allowed: &[Placeholder]| {
            Template::parse(text, allowed)
                .map_err(|error| format!("signature {name}: {field}: {error}"))
        };
        let content = template("content", &entry.content, &[Id, Unix, Body])?;
        if !content.has(Body) {
            return Err(format!("signature {name}: content: lacks {Body}"));
        }
        let each_ed25519 = entry.each_ed25519.as_deref();
        Ok(SignatureRule {
            content,
            encoding: entry.encoding,
            each: template("each", &entry.each, &[Signature])?,
            each_ed25519: each_ed25519
                .map(|text| template("each_ed25519", text, &[Signature]))
                .transpose()?,
            separator: entry.separator,
            value: template("value", &entry.value, &[Id, Unix, Signatures])?,
            header: name,
        })
    };
    let give_up = file.response.give_up.iter().map(|text| {
        text.parse::<StatusRange>().map_err(|error| format!("response.give_up: {text}: {error}"))
    });
    Ok(Dialect {
        name: file.name,
        title: file.title,
        retry: file.retry,
        timeout: Duration::from_secs(file.timeout_seconds),
        secret: file.secret,
        response: ResponseRules { give_up: give_up.collect::<Result<_, _>>()? },
        limits: file.limits,
        failure_rate: file.failure_rate,
        facade: file.facade,
        words: file.words,
        event_types: catalog::read(file.event_type)?,
        envelope: Envelope::parse(&file.body).map_err(|error| format!("body: {error}"))?,
        headers: file.header.into_iter().map(header).collect::<Result<_, _>>()?,
        signatures: file.signature.into_iter().map(signature).collect::<Result<_, _>>()?,
    })
}

fn header_name(name: &str) -> Result<String, String> {
    match http::HeaderName::from_bytes(name.as_bytes()) {
        Ok(_) => Ok(name.to_owned()),
        Err(_) => Err(format!("header {name}: is no header name (RFC 9110, section 5.6.2)")),
    }
}

fn at_line(text: &str, error: &toml::de::Error) -> String {
    let line = error.span().map(|span| text[..span.start.min(text.len())].lines().count().max(1));
    match line {
        Some(line) => format!("line {line}: {}", error.message()),
        None => error.message().to_owned(),
    }
}
