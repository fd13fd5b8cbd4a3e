//! `posthorn admin`: the first key, accounts and their keys. Works on the table itself, with the
//! credentials of the environment: whoever may write there needs no key.

use std::io::Write;

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::body::Body;
use clap::Subcommand;
use http::{Method, Request};
use http_body_util::BodyExt;
use posthorn_shared::api_key::{self, AdminKey, AdminKind};
use posthorn_shared::clock::Clock;
use posthorn_shared::digest::sha256_hex;
use posthorn_shared::ids::KeyId;
use posthorn_shared::runtime::Runtime;
use posthorn_shared::store::Store;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::place::{Deployment, Place};
use crate::plain_text::plain;
use crate::web::reason;

const PAGE: usize = 100;

/// What can be done.
#[derive(Subcommand)]
pub enum Command {
    /// Make a key: without --account an admin key, which may do everything. It is printed once, and
    /// only its hash is kept
    CreateKey {
        /// What people call it
        #[arg(long, default_value = "posthorn admin")]
        name: String,
        /// The account whose key it is to be
        #[arg(long)]
        account: Option<String>,
        /// What an account's key may do: manage includes publish and read
        #[arg(long, value_delimiter = ',', default_value = "manage", requires = "account")]
        scopes: Vec<String>,
        #[command(flatten)]
        place: Place,
    },
    /// List the admin keys, or an account's
    ListKeys {
        #[arg(long)]
        account: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// Delete an admin key, or an account's. It works no longer than a second more
    DeleteKey {
        /// key_…
        id: String,
        #[arg(long)]
        account: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// Make an account: a tenant
    CreateAccount {
        /// 1–64 of A–Z a–z 0–9 _ - . :
        id: String,
        /// What people call it; its id, where nothing is said
        #[arg(long)]
        name: Option<String>,
        /// Which product's webhooks it speaks
        #[arg(long, default_value = "standard")]
        dialect: String,
        #[command(flatten)]
        place: Place,
    },
    /// List the accounts
    ListAccounts {
        #[command(flatten)]
        place: Place,
    },
}

/// Does what was asked.
///
/// # Errors
/// When the table can't be reached, or what was asked is refused.
pub async fn run(command: Command) -> Result<()> {
    let mut screen = anstream::stdout();
    match command {
        Command::CreateKey { name, account: None, place, .. } => {
            let admin = Admin::at(&place.find().await?)?;
            let (key, text) = admin.create_key(&name).await?;
            writeln!(screen, "admin key: {text} (shown this once; its id is {})", key.id)?;
        }
        Command::CreateKey { name, account: Some(account), scopes, place } => {
            let admin = Admin::at(&place.find().await?)?;
            let body = json!({ "name": name, "scopes": scopes });
            let path = format!("/v1/accounts/{account}/keys");
            let key = admin.call(Method::POST, &path, Some(&body)).await?;
            let (text, id) = (field(&key, "key"), field(&key, "id"));
            writeln!(screen, "key of {account}: {text} (shown this once; its id is {id})")?;
        }
        Command::ListKeys { account: None, place } => {
            let admin = Admin::at(&place.find().await?)?;
            let mut after = None;
            loop {
                let page = admin.store.admin_keys(PAGE, after.as_deref()).await?;
                for key in page.items {
                    writeln!(screen, "{}  {}  {}", key.id, key.created_at, plain(&key.name))?;
                }
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        Command::ListKeys { account: Some(account), place } => {
            let admin = Admin::at(&place.find().await?)?;
            admin
                .list(&format!("/v1/accounts/{account}/keys"), &["id", "name"], &mut screen)
                .await?;
        }
        Command::DeleteKey { id, account: None, place } => {
            let admin = Admin::at(&place.find().await?)?;
            let id: KeyId = id.parse().context("the id")?;
            if !admin.store.delete_admin_key(&id).await? {
                bail!("there is no admin key {id}; an account's key needs --account");
            }
            writeln!(screen, "deleted")?;
        }
        Command::DeleteKey { id, account: Some(account), place } => {
            let admin = Admin::at(&place.find().await?)?;
            let path = format!("/v1/accounts/{account}/keys/{id}");
            admin.call(Method::DELETE, &path, None).await?;
            writeln!(screen, "deleted")?;
        }
        Command::CreateAccount { id, name, dialect, place } => {
            let admin = Admin::at(&place.find().await?)?;
            let name = name.unwrap_or_else(|| id.clone());
            let body = json!({ "id": id, "name": name, "dialect": dialect });
            let account = admin.call(Method::POST, "/v1/accounts", Some(&body)).await?;
            writeln!(screen, "account {} ({})", field(&account, "id"), field(&account, "dialect"))?;
        }
        Command::ListAccounts { place } => {
            let admin = Admin::at(&place.find().await?)?;
            admin.list("/v1/accounts", &["id", "dialect", "name"], &mut screen).await?;
        }
    }
    Ok(())
}

/// Works on a deployment's table.
pub struct Admin {
    pub runtime: Runtime,
    pub store: Store,
    /// The API itself, in this process: what is refused there is refused here, in the same words.
    api: Router,
    /// The only key that this API takes for an admin's.
    key: String,
}

impl Admin {
    /// # Errors
    /// When the environment names dialects that can't be read.
    pub fn at(deployment: &Deployment) -> Result<Self> {
        let clock = Clock::system();
        let key = api_key::generate(clock.random());
        let mut settings = deployment.settings()?;
        settings.admin_key_sha256 = Some(sha256_hex(&key));
        let runtime = Runtime::with_config(settings, &deployment.config, clock);
        let api = posthorn_api::router(runtime.clone());
        Ok(Self { store: Store::new(&runtime), runtime, api, key })
    }

    /// Makes an admin key.
    ///
    /// # Errors
    /// When the table can't be written, or the name is too long.
    pub async fn create_key(&self, name: &str) -> Result<(AdminKey, String)> {
        if !(1..=256).contains(&name.chars().count()) {
            bail!("--name has 1 to 256 characters");
        }
        let clock = &self.runtime.clock;
        let text = api_key::generate(clock.random());
        let key = AdminKey {
            kind: AdminKind::Admin,
            id: KeyId::new(clock.now(), clock.random()),
            name: name.to_owned(),
            sha256: sha256_hex(&text),
            created_at: clock.now(),
        };
        self.store.create_admin_key(&key).await?;
        Ok((key, text))
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", self.key))
            .body(body.map_or_else(Body::empty, |body| Body::from(body.to_string())))
            .context("an argument makes no path")?;
        let response = self.api.clone().oneshot(request).await?;
        let refused = !response.status().is_success();
        let body = response.into_body().collect().await?.to_bytes();
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        if refused {
            bail!("{}", reason(&answer));
        }
        Ok(answer)
    }

    async fn list(&self, path: &str, columns: &[&str], screen: &mut impl Write) -> Result<()> {
        let mut cursor = String::new();
        loop {
            let page = format!("{path}?limit={PAGE}&cursor={cursor}");
            let page = self.call(Method::GET, &page, None).await?;
            for item in page["data"].as_array().into_iter().flatten() {
                let cells: Vec<String> =
                    columns.iter().map(|column| plain(field(item, column))).collect();
                writeln!(screen, "{}", cells.join("  "))?;
            }
            match page["next_cursor"].as_str() {
                Some(next) => next.clone_into(&mut cursor),
                None => return Ok(()),
            }
        }
    }
}

fn field<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}
