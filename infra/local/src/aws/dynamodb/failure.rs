//! Errors as DynamoDB writes them.

use dynoxide::DynoxideError;

use crate::aws::http::Answer;

type Class = fn(String) -> DynoxideError;

/// The library marks the class of a parsing error by a prefix of its message. Its own server
/// takes the marks off; a caller of its types has to do so too.
const MARKS: [(&str, Class); 5] = [
    ("SERIALIZATION_AS_READ:", DynoxideError::SerializationException),
    ("VALIDATION_AS_READ:", DynoxideError::ValidationException),
    ("SERIALIZATION:", DynoxideError::SerializationException),
    ("VALIDATION_REQUEST:", DynoxideError::EnvelopedValidation),
    ("VALIDATION:", DynoxideError::ValidationException),
];

/// What a request that is no such request deserves.
pub fn unreadable(error: &serde_json::Error) -> DynoxideError {
    let message = error.to_string();
    let plain = message.split(" at line ").next().unwrap_or(&message);
    for (mark, class) in MARKS {
        if let Some(rest) = plain.strip_prefix(mark) {
            return class(rest.to_owned());
        }
    }
    if plain.contains("empty AttributeValue") {
        return DynoxideError::ValidationException(
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
                .to_owned(),
        );
    }
    let validation =
        ["missing field", "unknown variant", "invalid type: null", "Supplied AttributeValue"];
    if validation.iter().any(|part| plain.contains(part)) {
        DynoxideError::ValidationException(plain.to_owned())
    } else {
        DynoxideError::SerializationException(plain.to_owned())
    }
}

/// The answer to a request that failed.
pub fn answer(operation: &str, error: DynoxideError) -> Answer {
    let error = match error {
        // Three operations report this class in an envelope, the others bare.
        DynoxideError::EnvelopedValidation(message)
            if matches!(operation, "PutItem" | "UpdateItem" | "DeleteItem") =>
        {
            DynoxideError::ValidationException(format!("1 validation error detected: {message}"))
        }
        error => error,
    };
    if error.status_code() >= 500 {
        tracing::error!(operation, %error, "DynamoDB failed");
    }
    Answer::json(error.status_code(), error.to_json().into_bytes())
}

/// The answer to an operation that DynamoDB does not have.
pub fn unknown_operation() -> Answer {
    let body = br#"{"__type":"com.amazon.coral.service#UnknownOperationException"}"#;
    Answer::json(400, body.to_vec())
}
