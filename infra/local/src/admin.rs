//! `posthorn admin`: the first key, accounts and their keys, and the deployment key. Works on the table
//! itself, with the credentials of the environment: whoever may write there needs no key.

use std::io::{self, Write};

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::body::Body;
use clap::{Subcommand, ValueEnum};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use posthorn_shared::api_key::{self, AdminKey, AdminKind};
use posthorn_shared::clock::Clock;
use posthorn_shared::digest::sha256_hex;
use posthorn_shared::ids::KeyId;
use posthorn_shared::runtime::Runtime;
use posthorn_shared::store::Store;
use serde::Serialize;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::deployment_key_rotation::Rotation;
use crate::dialect_name::DialectName;
use crate::place::{Deployment, Place};
use crate::plain_text::plain;
use crate::usage::{OrUsage, Usage};
use crate::web::reason;
use crate::{examples, screen};

const PAGE: usize = 100;

/// Examples for `posthorn admin --help`.
pub const EXAMPLES: &str = "\
# The first admin key of a deployment in AWS:
posthorn admin create-key --stack posthorn

# An account on the stack on this machine, and a key for it:
posthorn admin create-account acme --name 'Acme Inc.'
posthorn admin create-key --account acme --scopes publish";

const CREATE_KEY: &str = "\
# An admin key for the stack on this machine:
posthorn admin create-key --name 'on call'

# A key with which the account acme may publish and read:
posthorn admin create-key --account acme --scopes publish,read";

const LIST_KEYS: &str = "\
# The admin keys of a deployment in AWS: id, time of creation, name:
posthorn admin list-keys --stack posthorn

# The keys of the account acme on the stack on this machine:
posthorn admin list-keys --account acme";

const DELETE_KEY: &str = "\
# An admin key, by the id that list-keys shows:
posthorn admin delete-key key_01m7zqbqpqfkwsyd9dce2yehv1

# A key of the account acme:
posthorn admin delete-key key_01m7zqbqpqfkwsyd9dce2yehv1 --account acme";

const CREATE_ACCOUNT: &str = "\
# An account whose webhooks follow Standard Webhooks:
posthorn admin create-account acme --name 'Acme Inc.'

# One that speaks the dialect fltr, in a deployment in AWS:
posthorn admin create-account vaults --dialect fltr --stack posthorn";

const LIST_ACCOUNTS: &str = "\
# The accounts of the stack on this machine: id, dialect, name:
posthorn admin list-accounts";

const ROTATE_DEPLOYMENT_KEY: &str = "\
# On this machine, while the stack runs: seal everything with a new key, then
# drop the former one:
posthorn admin rotate-deployment-key
posthorn admin rotate-deployment-key --finish

# In AWS, with the stack's output DeploymentKeyArn:
posthorn admin rotate-deployment-key --stack posthorn --secret-id \"$ARN\"";

/// The commands below `posthorn admin`.
#[derive(Subcommand)]
pub enum Command {
    /// Create an admin key, or with --account a key of that account
    ///
    /// An admin key may do everything. The key is printed once; only its hash is kept.
    #[command(after_help = examples::section(CREATE_KEY))]
    CreateKey {
        /// Name that people know the key by, 1 to 256 characters
        #[arg(long, default_value = "posthorn admin")]
        name: String,
        /// Account that the key belongs to [default: none, for an admin key]
        #[arg(long)]
        account: Option<String>,
        /// What the account's key may do, separated by commas
        #[arg(
            long,
            value_enum,
            value_delimiter = ',',
            default_value = "manage",
            requires = "account"
        )]
        scopes: Vec<Scope>,
        #[command(flatten)]
        place: Place,
    },
    /// List the admin keys, or with --account the keys of that account
    #[command(after_help = examples::section(LIST_KEYS))]
    ListKeys {
        /// Account whose keys to list [default: none, for the admin keys]
        #[arg(long)]
        account: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// Delete an admin key, or with --account a key of that account
    ///
    /// The key stops working within a second.
    #[command(after_help = examples::section(DELETE_KEY))]
    DeleteKey {
        /// Id of the key: key_…
        id: String,
        /// Account that the key belongs to [default: none, for an admin key]
        #[arg(long)]
        account: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// Create an account, which is a tenant
    #[command(after_help = examples::section(CREATE_ACCOUNT))]
    CreateAccount {
        /// Id of the account: 1 to 64 of A–Z a–z 0–9 _ - . :
        id: String,
        /// Name that people know the account by [default: its id]
        #[arg(long)]
        name: Option<String>,
        /// Dialect of the account's webhooks
        ///
        /// One of standard, fltr, filedgr, flowcode, beltic and flexorch, or of the dialects in
        /// POSTHORN_DIALECTS_DIR.
        #[arg(
            long,
            default_value = "standard",
            value_parser = DialectName,
            hide_possible_values = true
        )]
        dialect: String,
        #[command(flatten)]
        place: Place,
    },
    /// List the accounts
    #[command(after_help = examples::section(LIST_ACCOUNTS))]
    ListAccounts {
        #[command(flatten)]
        place: Place,
    },
    /// Replace the key that seals the endpoints' secrets and headers
    ///
    /// Makes a new key beside the former one, and seals everything with it while the system works
    /// on. Can be run again at any time, and goes on where it was. The former key still opens what
    /// it sealed, also in backups, until --finish drops it.
    #[command(after_help = examples::section(ROTATE_DEPLOYMENT_KEY))]
    RotateDeploymentKey {
        /// Drop the former key, unless something is sealed with it
        #[arg(long)]
        finish: bool,
        /// Secret that holds the key, which is the stack's output DeploymentKeyArn
        ///
        /// Required with --stack. Without --stack the key is in the data directory, at
        /// POSTHORN_DATA_DIR: .posthorn.
        #[arg(long, value_name = "ARN", requires = "stack")]
        secret_id: Option<String>,
        #[command(flatten)]
        place: Place,
    },
}

/// What a key of an account may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Everything that the account may; includes the other two
    Manage,
    /// Send events
    Publish,
    /// Read everything but secrets
    Read,
}

/// Runs a command.
///
/// # Errors
/// [`Usage`] when an argument is wrong; another error when the table can't be reached, the API
/// refuses for another reason, or a new key can't be printed.
pub async fn run(command: Command) -> Result<()> {
    let mut screen = screen::stdout();
    match command {
        Command::CreateKey { name, account: None, place, .. } => {
            check_name(&name)?;
            screen::must_be_kept()?;
            let admin = Admin::find(place).await?;
            let (key, text) = admin.create_key(&name).await?;
            let id = &key.id;
            let shown = writeln!(screen, "admin key: {text} (shown this once; its id is {id})");
            let delete = async {
                admin.store.delete_admin_key(id).await?;
                Ok(())
            };
            delete_unless(shown, &format!("the admin key {id}"), delete).await?;
        }
        Command::CreateKey { name, account: Some(account), scopes, place } => {
            check_name(&name)?;
            screen::must_be_kept()?;
            let admin = Admin::find(place).await?;
            let body = json!({ "name": name, "scopes": scopes });
            let path = format!("/v1/accounts/{account}/keys");
            let key = admin.call(Method::POST, &path, Some(&body)).await?;
            let (text, id) = (field(&key, "key"), field(&key, "id"));
            let shown =
                writeln!(screen, "key of {account}: {text} (shown this once; its id is {id})");
            let path = format!("{path}/{id}");
            let delete = async { admin.call(Method::DELETE, &path, None).await.map(drop) };
            delete_unless(shown, &format!("the key {id} of {account}"), delete).await?;
        }
        Command::ListKeys { account: None, place } => {
            let admin = Admin::find(place).await?;
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
            let admin = Admin::find(place).await?;
            admin
                .list(&format!("/v1/accounts/{account}/keys"), &["id", "name"], &mut screen)
                .await?;
        }
        Command::DeleteKey { id, account: None, place } => {
            let id = id.parse::<KeyId>().wrong_argument(&id)?;
            let admin = Admin::find(place).await?;
            if !admin.store.delete_admin_key(&id).await? {
                bail!("there is no admin key {id}; an account's key needs --account");
            }
            writeln!(screen, "deleted")?;
        }
        Command::DeleteKey { id, account: Some(account), place } => {
            let admin = Admin::find(place).await?;
            let path = format!("/v1/accounts/{account}/keys/{id}");
            admin.call(Method::DELETE, &path, None).await?;
            writeln!(screen, "deleted")?;
        }
        Command::CreateAccount { id, name, dialect, place } => {
            let admin = Admin::find(place).await?;
            let name = name.unwrap_or_else(|| id.clone());
            let body = json!({ "id": id, "name": name, "dialect": dialect });
            let account = admin.call(Method::POST, "/v1/accounts", Some(&body)).await?;
            writeln!(screen, "account {} ({})", field(&account, "id"), field(&account, "dialect"))?;
        }
        Command::ListAccounts { place } => {
            let admin = Admin::find(place).await?;
            admin.list("/v1/accounts", &["id", "dialect", "name"], &mut screen).await?;
        }
        Command::RotateDeploymentKey { finish, secret_id, place } => {
            let mut rotation = Rotation::of(place, secret_id, screen).await?;
            if finish { rotation.finish().await? } else { rotation.rotate().await? }
        }
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), Usage> {
    if (1..=256).contains(&name.chars().count()) {
        return Ok(());
    }
    Err(Usage::argument(format!("--name: {name:?} does not have 1 to 256 characters")))
}

/// Deletes a key again unless it was shown: a key is shown only once, so it would be of no use.
///
/// # Errors
/// When it was not shown, whatever the reason.
async fn delete_unless(
    shown: io::Result<()>,
    key: &str,
    delete: impl Future<Output = Result<()>>,
) -> Result<()> {
    let Err(unwritten) = shown else { return Ok(()) };
    match delete.await {
        Ok(()) => bail!("{key} could not be shown, so it was deleted again: {unwritten}"),
        Err(error) => bail!(
            "{key} could not be shown ({unwritten}) nor deleted again ({error:#}); delete it with \
             posthorn admin delete-key"
        ),
    }
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
    /// Finds the deployment, and makes sure that its table can be read: the API below gives no
    /// reason when it can't.
    async fn find(place: Place) -> Result<Self> {
        let deployment = place.find().await?;
        let admin = Self::at(&deployment)?;
        admin.store.admin_keys(1, None).await.with_context(|| {
            format!("can't read the table of {}; {}", deployment.place, deployment.advice())
        })?;
        Ok(admin)
    }

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

    /// Makes an admin key. Its name has 1 to 256 characters.
    ///
    /// # Errors
    /// When the table can't be written.
    pub async fn create_key(&self, name: &str) -> Result<(AdminKey, String)> {
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
            .wrong_argument("the account or the key's id")?;
        let response = self.api.clone().oneshot(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        match status {
            // A value that can't be right, whatever is in the table.
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => {
                Err(Usage::argument(reason(&answer)).into())
            }
            status if status.is_success() => Ok(answer),
            _ => bail!("{}", reason(&answer)),
        }
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
