//! Tasks, and the claims that keep a second task of a kind from an endpoint while one is on.

use jiff::Timestamp;

use super::counters::Created;
use super::document::{self, Change};
use super::keys;
use super::table::item_key;
use super::transactions::{If, Step, Transacted};
use super::{Item, Reader, Store, StoreError, number, string};
use crate::ids::{AccountId, EndpointId, TaskId};
use crate::task::{STALLED_AFTER, Task, TaskKind};
use crate::tenant::Tenant;

impl Store {
    /// The task of a kind that is on for an endpoint.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn task_under_way(
        &self,
        endpoint: &EndpointId,
        kind: TaskKind,
        now: Timestamp,
    ) -> Result<Option<TaskId>, StoreError> {
        let Some(claim) = self.get(keys::task_claim(endpoint, name(kind)), true).await? else {
            return Ok(None);
        };
        let reader = Reader(&claim);
        match reader.integer("u").is_none_or(|until| until < now.as_second()) {
            true => Ok(None),
            false => reader.parse("k").map(Some),
        }
    }

    /// Creates a task of an account with its claim, unless one of its kind has been created
    /// meanwhile.
    ///
    /// # Errors
    /// When the table can't be written.
    pub async fn create_task(&self, tenant: &Tenant, task: &Task) -> Result<Created, StoreError> {
        let steps = [
            Self::account_is_there(tenant),
            Step::put(self.claim_item(task), If::Expired(task.updated_at.as_second())),
            Step::put(self.task_item(task, 1)?, If::New),
        ];
        Ok(match self.transact(steps).await? {
            Transacted::Done => Created::Done,
            Transacted::Refused(steps) if steps.contains(&0) => Created::NoAccount,
            Transacted::Refused(_) => Created::Taken,
        })
    }

    /// # Errors
    /// When the table can't be read.
    pub async fn task(&self, account: &AccountId, id: &TaskId) -> Result<Option<Task>, StoreError> {
        self.document(keys::task(account, id), true).await
    }

    /// Writes a task down after a page, if it is still as it was when it was read; and holds its
    /// claim, or gives it up if it has ended.
    ///
    /// # Errors
    /// When the table can't be written.
    pub async fn change_task<E>(
        &self,
        task: &Task,
        change: impl FnMut(Task) -> Result<Task, E>,
    ) -> Result<Change<Task, E>, StoreError> {
        let key = keys::task(&task.account, &task.id);
        let write = |task: &Task, revision| self.task_item(task, revision);
        let changed = self.change_item(&key, document::whole, write, change).await?;
        if let Change::Done(task) = &changed {
            self.hold_claim(task).await?;
        }
        Ok(changed)
    }

    fn task_item(&self, task: &Task, revision: u64) -> Result<Item, StoreError> {
        let key = keys::task(&task.account, &task.id);
        let mut item = document::to_item(key, task, revision)?;
        item.insert("x".to_owned(), number(self.expiry(task.created_at)));
        Ok(item)
    }

    async fn hold_claim(&self, task: &Task) -> Result<(), StoreError> {
        let claim = self.claim_item(task);
        // Unless it stalled, and another has the claim now.
        self.put_if(claim, "k = :k", &[(":k", string(task.id.as_str()))]).await.map(drop)
    }

    fn claim_item(&self, task: &Task) -> Item {
        let until = if task.is_running() { claimed_until(task.updated_at) } else { 0 };
        let mut claim = item_key(keys::task_claim(&task.endpoint, name(task.kind)));
        claim.insert("k".to_owned(), string(task.id.as_str()));
        claim.insert("u".to_owned(), number(until));
        claim.insert("x".to_owned(), number(self.expiry(task.updated_at)));
        claim
    }
}

fn claimed_until(now: Timestamp) -> i64 {
    now.as_second().saturating_add_unsigned(STALLED_AFTER.as_secs())
}

fn name(kind: TaskKind) -> &'static str {
    match kind {
        TaskKind::Recover => "recover",
        TaskKind::ReplayMissing => "replay-missing",
    }
}
