//! An endpoint that leads here, made through the public API and deleted at the end.

use anyhow::{Context, Result, bail};
use clap::Args;
use http::Method;
use posthorn_shared::dialect::{self, Dialect, Dialects};
use posthorn_shared::secret::SecretForm;
use serde_json::{Value, json};

use crate::options;
use crate::place::local_api_url;
use crate::usage::{OrUsage, Usage};
use crate::web::{Answer, Caller, Web, api_url};
use crate::{admin_key, kept_text};

/// The arguments of `posthorn listen` that are about an endpoint of its own.
#[derive(Args)]
#[group(skip)]
#[command(next_help_heading = "Registration")]
pub struct Arguments {
    /// Create an endpoint that leads here, verify with its secret, and delete it on exit
    #[arg(long)]
    register: bool,
    /// URL of the API [default: that of the stack on this machine]
    ///
    /// The stack on this machine is at POSTHORN_LISTEN: http://127.0.0.1:8080 by default.
    #[arg(long, env = "POSTHORN_API_URL", value_name = "URL")]
    api: Option<String>,
    /// API key: one of the account with the scope manage, or an admin key with --account
    ///
    /// With --account, the default is the admin key of the stack on this machine, from
    /// POSTHORN_ADMIN_KEY or POSTHORN_DATA_DIR.
    #[arg(long, env = "POSTHORN_API_KEY", hide_env_values = true)]
    key: Option<String>,
    /// Account to create the endpoint in; required with an admin key
    #[arg(long, requires = "register")]
    account: Option<String>,
    /// Event types to receive, with commas, like vault.created or 'vault.*' [default: all]
    #[arg(long, value_delimiter = ',', requires = "register", value_name = "TYPES")]
    events: Vec<String>,
    /// URL to register, if a tunnel leads here [default: that of --bind and --port]
    #[arg(long, requires = "register")]
    url: Option<String>,
    /// Keep the endpoint on exit
    #[arg(long, requires = "register")]
    keep: bool,
}

impl Arguments {
    /// Whether an endpoint is to be created.
    pub fn is_wanted(&self) -> bool {
        self.register
    }

    fn api(&self) -> Result<String, Usage> {
        match self.api.as_deref().filter(|url| !url.is_empty()) {
            Some(url) => api_url(url).wrong_argument("--api"),
            None => local_api_url(),
        }
    }
}

/// An endpoint that was created.
pub struct Registration {
    web: Web,
    api: String,
    key: String,
    account: Option<String>,
    keep: bool,
    pub endpoint: String,
    pub url: String,
    pub dialect: Dialect,
    pub secret: String,
    pub token: Option<String>,
}

impl Registration {
    /// Creates the endpoint that was asked for, if one was. `here` is where deliveries come.
    ///
    /// # Errors
    /// When the API can't be reached or refuses, with what to do. [`Usage`] when an argument is
    /// wrong or missing.
    pub async fn create(
        arguments: Arguments,
        here: &str,
        dialect: Option<&str>,
        dialects: &Dialects,
    ) -> Result<Option<Self>> {
        if !arguments.is_wanted() {
            return Ok(None);
        }
        let mut registration = Self {
            web: Web::new(),
            api: arguments.api()?,
            key: key(arguments.key, arguments.account.is_some())?,
            account: arguments.account,
            keep: arguments.keep,
            endpoint: String::new(),
            url: arguments.url.unwrap_or_else(|| here.to_owned()),
            dialect: dialects.standard().clone(),
            secret: String::new(),
            token: None,
        };
        let name = match dialect {
            Some(name) => Some(name.to_owned()),
            None => registration.dialect_of_account().await?,
        };
        if let Some(name) = &name {
            registration.dialect = named(dialects, name)?;
        }
        let description = "posthorn listen: deleted when that ends";
        let wish = json!({
            "url": registration.url,
            "description": description,
            "event_types": arguments.events,
        });
        let made = registration.call(Method::POST, "/v1/endpoints", Some(&wish)).await?;
        let text = |name: &str| made[name].as_str().map(str::to_owned);
        registration.endpoint = text("id").context("the API returned an endpoint without an id")?;
        registration.secret =
            text("secret").context("the API returned an endpoint without its secret")?;
        registration.token = text("token");
        if let Err(error) = registration.check_form(name.is_some(), dialects) {
            registration.delete().await?;
            return Err(error);
        }
        Ok(Some(registration))
    }

    /// Deletes the endpoint, unless it is to be kept; returns whether it did.
    ///
    /// # Errors
    /// When the API can't be reached or refuses.
    pub async fn withdraw(&self) -> Result<bool> {
        if self.keep {
            return Ok(false);
        }
        self.delete().await?;
        Ok(true)
    }

    async fn delete(&self) -> Result<()> {
        let path = format!("/v1/endpoints/{}", self.endpoint);
        let deleted = self.call(Method::DELETE, &path, None).await;
        deleted.with_context(|| format!("can't delete the endpoint {}", self.endpoint))?;
        Ok(())
    }

    /// What the account speaks; `None`: an account's key can't see it.
    async fn dialect_of_account(&self) -> Result<Option<String>> {
        let Some(account) = &self.account else { return Ok(None) };
        let path = format!("/v1/accounts/{account}");
        let answer = self.answer(Method::GET, &path, None).await?;
        if answer.status == 403 {
            return Ok(None);
        }
        let account = self.read(answer)?;
        Ok(account["dialect"].as_str().map(str::to_owned))
    }

    /// Whether the secret is of the form that the dialect has. Nobody has said which one it is, if an
    /// account's key was given; where it is any of the `whsec_` ones, they verify alike.
    fn check_form(&self, is_certain: bool, dialects: &Dialects) -> Result<()> {
        let is_standard = self.secret.starts_with("whsec_");
        if is_certain || is_standard == (self.dialect.secret == SecretForm::Standard) {
            return Ok(());
        }
        bail!(
            "the account uses another dialect than {}, and this key may not read which: name it with \
             --dialect ({})",
            dialect::DEFAULT,
            names(dialects)
        );
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let answer = self.answer(method, path, body).await?;
        self.read(answer)
    }

    async fn answer(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer> {
        let caller = Caller { key: Some(&self.key), account: self.account.as_deref() };
        let url = format!("{}{path}", self.api);
        self.web.call(method, &url, caller, body).await.with_context(|| {
            format!(
                "no answer from the API at {}; start a stack with `posthorn`, or name another API \
                 with --api",
                self.api
            )
        })
    }

    fn read(&self, answer: Answer) -> Result<Value> {
        let json: Value = serde_json::from_str(&answer.text).unwrap_or_default();
        let why = answer.reason();
        match answer.status {
            200..300 => Ok(json),
            401 => bail!(
                "the API refuses the key ({why}): give another with --key or POSTHORN_API_KEY"
            ),
            403 => bail!("the API refuses: {why}; give a key with the scope manage with --key"),
            400 if self.account.is_none() => {
                bail!("the API refuses: {why}; name the account with --account")
            }
            404 => bail!("the API refuses: {why}; check --account and --api"),
            422 if is_about(&json, "/url") => {
                bail!("the API refuses: {why}; if a tunnel leads here, give its address with --url")
            }
            status => bail!("the API returned {status}: {why}"),
        }
    }
}

/// Whether a problem names this field.
fn is_about(problem: &Value, pointer: &str) -> bool {
    problem["errors"].as_array().into_iter().flatten().any(|one| one["pointer"] == pointer)
}

/// A name that no dialect has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no dialect {name}; there are {known}, and more with POSTHORN_DIALECTS_DIR")]
pub struct UnknownDialect {
    name: String,
    known: String,
}

/// The dialect of that name.
///
/// # Errors
/// When it is not known, with those that are.
pub fn named(dialects: &Dialects, name: &str) -> Result<Dialect, UnknownDialect> {
    let unknown = || UnknownDialect { name: name.to_owned(), known: names(dialects) };
    dialects.named(name).cloned().ok_or_else(unknown)
}

fn names(dialects: &Dialects) -> String {
    let names: Vec<&str> = dialects.all().map(|dialect| dialect.name.as_str()).collect();
    names.join(", ")
}

fn key(given: Option<String>, names_account: bool) -> Result<String> {
    if let Some(key) = given.filter(|key| !key.is_empty()) {
        return Ok(key);
    }
    let no_key =
        "--register needs --key or POSTHORN_API_KEY: a key of the account with the scope manage";
    if !names_account {
        let problem =
            format!("{no_key}; or --account, and the admin key of the stack on this machine");
        return Err(Usage::argument(problem).into());
    }
    let directory = options::set_or("POSTHORN_DATA_DIR", options::DEFAULTS.data_dir);
    let kept = || kept_text::read(directory.as_ref(), admin_key::FILE);
    let key = options::set("POSTHORN_ADMIN_KEY").or_else(kept);
    key.with_context(|| {
        format!(
            "{no_key}; no stack on this machine has left an admin key in {directory}: start one \
             with `posthorn`, or set POSTHORN_ADMIN_KEY or POSTHORN_DATA_DIR to its values"
        )
    })
}
