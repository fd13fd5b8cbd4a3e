//! What verification found, in words for whoever wrote the receiver.

use std::time::Duration;

use posthorn_shared::dialect::Encoding;

use super::spoken::Spoken;

/// Whether a delivery is to be trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// There is no secret to verify with.
    Unchecked,
    /// By the secret that is called so.
    Verified {
        by: String,
    },
    Refused(Refusal),
}

/// Why a delivery is not to be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("header missing: {header}")]
    Missing {
        header: String,
        /// The dialect whose headers it has instead.
        looks_like: Option<String>,
    },
    #[error("header {header} can't be read: it should be {expected}")]
    Unreadable { header: String, expected: String },
    #[error("{what} is missing, which is part of the signed content")]
    Lacks { what: String },
    #[error("timestamp is not a number of seconds: {text:?}")]
    NoTime { text: String },
    #[error("timestamp too old: signed {} ago, {} allowed", Spoken(*by), Spoken(*tolerance))]
    TooOld { by: Duration, tolerance: Duration },
    #[error("timestamp too new: {} in the future, {} allowed", Spoken(*by), Spoken(*tolerance))]
    TooNew { by: Duration, tolerance: Duration },
    #[error("signature differs{}", summary(.0))]
    Differs(Cause),
    #[error("header {header} has another token than the endpoint's")]
    Token { header: String },
    #[error("body larger than {limit} bytes, so the rest was not read")]
    TooLarge { limit: usize },
}

/// Why a signature differs, as far as it can be found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The right bytes, in another form.
    Written {
        each: String,
        encoding: Encoding,
    },
    /// It fits the body as it was before it was parsed and written anew.
    BodyRewritten,
    /// The body alone was signed.
    BodyAlone {
        content: String,
    },
    /// The key was decoded where it must not be, or the other way round.
    KeyMisread {
        is_encoded: bool,
    },
    SignedByEd25519,
    SignedByHmac,
    NoneOfTheForm {
        each: String,
        encoding: Encoding,
    },
    Unknown,
}

fn summary(cause: &Cause) -> &'static str {
    match cause {
        Cause::Written { .. } => ": the right one, written in another form",
        Cause::BodyRewritten => ": the body was rewritten on its way",
        Cause::BodyAlone { .. } => ": only the body was signed",
        Cause::KeyMisread { .. } => ": made with a key that was misread",
        Cause::SignedByEd25519 => ": signed with an Ed25519 key",
        Cause::SignedByHmac => ": signed with an HMAC secret",
        Cause::NoneOfTheForm { .. } => ": none of the form",
        Cause::Unknown => "",
    }
}

impl Verdict {
    /// In a line.
    pub fn headline(&self) -> String {
        match self {
            Self::Unchecked => "not checked: no secret was given".to_owned(),
            Self::Verified { by } => format!("verified with {by}"),
            Self::Refused(refusal) => format!("refused: {refusal}"),
        }
    }
}

impl Refusal {
    /// What a receiver ought to answer.
    pub fn status(&self) -> u16 {
        match self {
            Self::TooLarge { .. } => 413,
            _ => 401,
        }
    }
}
