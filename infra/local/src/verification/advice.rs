//! What to look at when a delivery does not verify.

use posthorn_shared::dialect::Encoding;

use super::verdict::{Cause, Refusal, Verdict};

impl Verdict {
    /// What to look at, the likeliest first.
    pub fn advice(&self) -> Vec<String> {
        match self {
            Self::Unchecked => one(
                "Start it with --secret, or with --register, which reads the secret from the API.",
            ),
            Self::Verified { .. } => Vec::new(),
            Self::Refused(refusal) => refusal.advice(),
        }
    }
}

impl Refusal {
    fn advice(&self) -> Vec<String> {
        match self {
            Self::Missing { looks_like: Some(dialect), .. } => vec![format!(
                "The headers are those of the dialect {dialect}: start it with --dialect {dialect}."
            )],
            Self::Missing { .. } => all([
                "The sender does not sign, or a proxy on the way drops headers that it does not \
                 know.",
                "If the account uses another dialect, start it with --dialect.",
            ]),
            Self::Unreadable { .. } | Self::Lacks { .. } | Self::NoTime { .. } => one(
                "The sender signs in another way than the dialect, or a proxy changed the request.",
            ),
            Self::TooOld { .. } => all([
                "The signature is right, but the request may be a replay of an earlier one, which \
                 receivers must refuse.",
                "Or a clock is wrong: this machine's runs ahead, or the sender's is behind.",
            ]),
            Self::TooNew { .. } => one(
                "The signature is right, but a clock is wrong: this machine's is behind, or the \
                 sender's runs ahead.",
            ),
            Self::Differs(cause) => cause.advice(),
            Self::Token { .. } => one(
                "The signature is right. The token was shown once, when the endpoint was created: \
                 is it that endpoint's?",
            ),
            Self::TooLarge { .. } => one("Posthorn's deliveries are never that large."),
        }
    }
}

impl Cause {
    fn advice(&self) -> Vec<String> {
        match self {
            Self::Written { each, encoding } => vec![form(each, *encoding)],
            Self::BodyRewritten => one(
                "It fits the same JSON in another layout: something between the sender and here \
                 parsed the body and wrote it again. Pass the bytes on as they came, and verify \
                 those.",
            ),
            Self::BodyAlone { content } => vec![format!(
                "The sender signed the body alone. What is to be signed is {content}."
            )],
            Self::KeyMisread { is_encoded: true } => one(
                "The sender took the secret's text as its key. The key is what base64 decodes from \
                 the part after whsec_.",
            ),
            Self::KeyMisread { is_encoded: false } => one(
                "The sender decoded the secret. In this dialect the text itself is the key, byte \
                 for byte.",
            ),
            Self::SignedByEd25519 => {
                one("The endpoint has an Ed25519 key. Give its public_key (whpk_…) with --secret.")
            }
            Self::SignedByHmac => {
                one("The endpoint has an HMAC secret: give that (whsec_…) with --secret.")
            }
            Self::NoneOfTheForm { each, encoding } => {
                vec![form(each, *encoding), "None of those that came is.".to_owned()]
            }
            Self::Unknown => all([
                "It may be the secret of another endpoint, or one that was rotated: \
                 GET /v1/endpoints/{id}/secret shows the one that holds.",
                "Or the body was changed on its way: a proxy that parses JSON and writes it again, \
                 or characters read in another encoding.",
                "Or the request is forged.",
            ]),
        }
    }
}

fn form(each: &str, encoding: Encoding) -> String {
    let encoding = match encoding {
        Encoding::Hex => "hex",
        Encoding::Base64 => "base64",
    };
    format!("Each signature is to be written as {each}, in {encoding}.")
}

fn one(text: &str) -> Vec<String> {
    vec![text.to_owned()]
}

fn all<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).to_vec()
}
