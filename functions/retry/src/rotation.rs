//! Reminds of secrets that should be replaced. Called once a day.

use posthorn_shared::account_view::AccountViews;
use posthorn_shared::operational::{OperationalEvent, Reporter};

use crate::{Retry, RetryError, RetryOutcome};

/// Accounts looked at side by side.
const PAGE: usize = 100;

impl Retry {
    /// Looks at the secrets of all endpoints that are switched on.
    pub(crate) async fn remind(&self) -> Result<RetryOutcome, RetryError> {
        let now = self.runtime.clock.now();
        let dialects = self.runtime.settings.dialects.clone();
        let accounts = AccountViews::new(self.store.clone(), dialects);
        let reporter = Reporter::new(self.runtime.clone(), accounts);
        let (mut outcome, mut after) = (RetryOutcome::default(), None::<String>);
        loop {
            let page = self.store.accounts(PAGE, after.as_deref()).await?;
            let mut due = Vec::new();
            for account in &page.items {
                let Some(items) = self.store.account_view(&account.id, false).await? else {
                    continue;
                };
                let tenant = items.account.tenant();
                let active = items.interests.iter().filter(|i| i.disabled_reason.is_none());
                due.extend(active.filter_map(|interest| {
                    let created_at = interest.secret_created_at;
                    OperationalEvent::rotation_due(&tenant, &interest.id, created_at, now)
                }));
            }
            outcome.sent += due.len();
            reporter.tell(due).await;
            after = page.next;
            if after.is_none() {
                return Ok(outcome);
            }
        }
    }
}
