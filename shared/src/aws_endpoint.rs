//! The AWS services of the one-machine stack: where they are, and the one access key that they take.

use std::fmt;
use std::str::FromStr;

use aws_sdk_sqs::config::Credentials;

use crate::base32;
use crate::clock::Clock;

/// Characters of a secret, at least.
const MIN_SECRET: usize = 24;
/// Characters of an id, at most: those that IAM allows.
const MAX_ID: usize = 128;

/// The services of a stack on this machine.
#[derive(Debug, Clone)]
pub struct AwsEndpoint {
    /// `http://<address>:<port>`, without a slash at the end.
    pub url: String,
    pub key: AwsKey,
}

/// An access key: an id and a secret. Shows the secret to nobody.
#[derive(Clone)]
pub struct AwsKey {
    id: String,
    secret: String,
}

/// Why a text is no access key. Does not repeat the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAwsKey {
    #[error("expected <id>:<secret>, the id and the secret of an access key")]
    Form,
    #[error("the id, before the colon, must have 1 to {MAX_ID} letters, digits or underscores")]
    Id,
    #[error("the secret must have {MIN_SECRET} visible ASCII characters or more")]
    Secret,
}

impl AwsKey {
    /// A new key, whose secret has 256 random bits.
    pub fn generate(clock: &Clock) -> Self {
        let random = || base32::encode(clock.random());
        let id = format!("POSTHORN{}", random().to_ascii_uppercase());
        Self { id, secret: format!("{}{}", random(), random()) }
    }

    fn new(id: &str, secret: &str) -> Result<Self, InvalidAwsKey> {
        let is_id = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !(1..=MAX_ID).contains(&id.len()) || !id.chars().all(is_id) {
            return Err(InvalidAwsKey::Id);
        }
        if secret.len() < MIN_SECRET || !secret.chars().all(|c| c.is_ascii_graphic()) {
            return Err(InvalidAwsKey::Secret);
        }
        Ok(Self { id: id.to_owned(), secret: secret.to_owned() })
    }

    /// Its id, which is not secret.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its secret.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The key as AWS's SDK takes it.
    pub fn credentials(&self) -> Credentials {
        Credentials::new(&self.id, &self.secret, None, None, "posthorn")
    }

    /// A file that AWS's SDKs and CLI read, if `AWS_SHARED_CREDENTIALS_FILE` names it.
    /// <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>
    pub fn to_file(&self, region: &str) -> String {
        let Self { id, secret } = self;
        format!(
            "[default]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n\
             region = {region}"
        )
    }

    /// The key in a text of [`Self::to_file`].
    ///
    /// # Errors
    /// When there is none in it.
    pub fn from_file(text: &str) -> Result<Self, InvalidAwsKey> {
        let value = |name: &str| {
            let mut pairs = text.lines().filter_map(|line| line.split_once('='));
            pairs.find(|(key, _)| key.trim() == name).map_or("", |(_, value)| value.trim())
        };
        Self::new(value("aws_access_key_id"), value("aws_secret_access_key"))
    }
}

/// `<id>:<secret>`
impl FromStr for AwsKey {
    type Err = InvalidAwsKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (id, secret) = text.split_once(':').ok_or(InvalidAwsKey::Form)?;
        Self::new(id, secret)
    }
}

impl fmt::Debug for AwsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsKey").field("id", &self.id).field("secret", &"***").finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_key_comes_back_from_its_file() {
        let key = AwsKey::generate(&Clock::system());
        let read = AwsKey::from_file(&key.to_file("us-east-1")).unwrap();
        assert_eq!((read.id(), read.secret()), (key.id(), key.secret()));
        let pair = format!("{}:{}", key.id(), key.secret()).parse::<AwsKey>().unwrap();
        assert_eq!((pair.id(), pair.secret()), (key.id(), key.secret()));
        assert!(!format!("{key:?}").contains(key.secret()));
        assert_ne!(AwsKey::generate(&Clock::system()).id(), key.id());
    }

    #[test]
    fn what_is_no_key_is_named_and_not_repeated() {
        for (text, expected) in [
            ("local", InvalidAwsKey::Form),
            (":a-secret-of-24-characters", InvalidAwsKey::Id),
            ("a/b:a-secret-of-24-characters", InvalidAwsKey::Id),
            ("local:hunter2", InvalidAwsKey::Secret),
            ("local:a secret of 24 characters", InvalidAwsKey::Secret),
        ] {
            let error = text.parse::<AwsKey>().unwrap_err();
            assert_eq!(error, expected, "{text}");
            assert!(!error.to_string().contains("hunter2"));
        }
        assert_eq!(AwsKey::from_file("[default]").unwrap_err(), InvalidAwsKey::Id);
    }
}
