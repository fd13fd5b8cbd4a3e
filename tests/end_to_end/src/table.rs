//! The stack's own table, for what would take a test too long to bring about.

use posthorn_shared::runtime::Runtime;
use posthorn_shared::settings::Settings;
use posthorn_shared::store::Store;
use posthorn_shared::tenant::Tenant;

use crate::stack::Stack;

/// The store over a running stack's table.
///
/// # Panics
/// When the table can't be reached.
pub async fn store(stack: &Stack) -> Store {
    Store::new(&runtime(stack).await)
}

/// The account that has this id now, told apart from those that had it before.
///
/// # Panics
/// When there is none.
pub async fn tenant(stack: &Stack, id: &str) -> Tenant {
    let account = store(stack).await.account(&id.parse().expect("an id")).await;
    account.expect("an answer").expect("an account").tenant()
}

/// Clients of a running stack's AWS services.
///
/// # Panics
/// When there are none.
pub async fn runtime(stack: &Stack) -> Runtime {
    let mut settings = Settings::from_lookup(|_| None).expect("settings");
    settings.table = "posthorn".to_owned();
    settings.aws_endpoint = Some(stack.aws());
    Runtime::connect(settings).await.expect("a runtime")
}
