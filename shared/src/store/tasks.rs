//! Tasks, and the claims that keep a second task of a kind from an endpoint while one is on.

use jiff::Timestamp;

use super::document::{self, Change};
use super::keys;
use super::table::item_key;
use super::{Reader, Store, StoreError, number, string};
use crate::ids::{AccountId, TaskId};
use crate::task::{STALLED_AFTER, Task, TaskKind};

impl Store {
    /// Creates a task, unless one of its kind is on for its endpoint: that one's id is the answer
    /// then.
    ///
    /// # Errors
    /// When the table can't be read or written.
    pub async fn create_task(&self, task: &Task) -> Result<Option<TaskId>, StoreError> {
        // The claim first: should this die in between, it runs out by itself.
        let mut claim = item_key(keys::task_claim(&task.endpoint, name(task.kind)));
        claim.insert("k".to_owned(), string(task.id.as_str()));
        claim.insert("u".to_owned(), number(claimed_until(task.updated_at)));
        claim.insert("x".to_owned(), number(self.expiry(task.updated_at)));
        let free = "attribute_not_exists(pk) OR u < :now";
        let now = [(":now", number(task.updated_at.as_second()))];
        if !self.put_if(claim, free, &now).await? {
            let claim = keys::task_claim(&task.endpoint, name(task.kind));
            let Some(item) = self.get(claim, true).await? else {
                return Err(StoreError::Contended);
            };
            return Reader(&item).parse("k").map(Some);
        }
        self.put_task(task, 1).await?;
        Ok(None)
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
        let changed = self.change_item(&key, document::from_item, write, change).await?;
        if let Change::Done(task) = &changed {
            self.hold_claim(task).await?;
        }
        Ok(changed)
    }

    async fn put_task(&self, task: &Task, revision: u64) -> Result<(), StoreError> {
        let item = self.task_item(task, revision)?;
        self.put_if(item, "attribute_not_exists(pk)", &[]).await.map(drop)
    }

    fn task_item(&self, task: &Task, revision: u64) -> Result<super::Item, StoreError> {
        let key = keys::task(&task.account, &task.id);
        let mut item = document::to_item(key, task, revision)?;
        item.insert("x".to_owned(), number(self.expiry(task.created_at)));
        Ok(item)
    }

    async fn hold_claim(&self, task: &Task) -> Result<(), StoreError> {
        let until = match task.is_running() {
            true => claimed_until(task.updated_at),
            false => 0,
        };
        let mut claim = item_key(keys::task_claim(&task.endpoint, name(task.kind)));
        claim.insert("k".to_owned(), string(task.id.as_str()));
        claim.insert("u".to_owned(), number(until));
        claim.insert("x".to_owned(), number(self.expiry(task.updated_at)));
        // Unless it stalled, and another has the claim now.
        self.put_if(claim, "k = :k", &[(":k", string(task.id.as_str()))]).await.map(drop)
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
