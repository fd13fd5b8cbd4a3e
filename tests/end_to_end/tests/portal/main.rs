//! The customer portal: links and sessions, what keeps its pages safe, its pages in a real browser,
//! their speed over a large log, and the platform team's pages.

mod browser;
mod large_log;
mod link;
mod page;
mod platform;
mod safety;
mod try_out;

use posthorn_end_to_end::Stack;
use posthorn_shared::runtime::Runtime;
use posthorn_shared::settings::Settings;
use posthorn_shared::store::Store;

/// The stack's own table, for what would take a test too long to bring about.
async fn store(stack: &Stack) -> Store {
    let mut settings = Settings::from_lookup(|_| None).expect("settings");
    settings.table = "posthorn".to_owned();
    settings.aws_endpoint_url = Some(stack.aws_url.clone());
    Store::new(&Runtime::connect(settings).await.expect("a runtime"))
}
