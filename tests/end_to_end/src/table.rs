//! The stack's own table, for what would take a test too long to bring about.

use posthorn_shared::runtime::Runtime;
use posthorn_shared::settings::Settings;
use posthorn_shared::store::Store;

use crate::stack::Stack;

/// The store over a running stack's table.
///
/// # Panics
/// When the table can't be reached.
pub async fn store(stack: &Stack) -> Store {
    Store::new(&runtime(stack).await)
}

/// What a function of a running stack has, without its deployment key.
///
/// # Panics
/// When the table can't be reached.
pub async fn runtime(stack: &Stack) -> Runtime {
    let mut settings = Settings::from_lookup(|_| None).expect("settings");
    settings.table = "posthorn".to_owned();
    settings.aws_endpoint_url = Some(stack.aws_url.clone());
    Runtime::connect(settings).await.expect("a runtime")
}
