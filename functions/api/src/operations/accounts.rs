//! Accounts, as the platform team sees them.

use std::time::Duration;

use posthorn_shared::account::{Account, Limits};
use posthorn_shared::account_view::FORGOTTEN_AFTER;
use posthorn_shared::ids::AccountId;

use crate::problem::Refusal;
use crate::state::ApiState;

/// Creates an account. If an account with its id was deleted a moment ago, it waits until no process uses
/// what it had read of that one.
pub async fn create(state: &ApiState, account: Account) -> Result<Account, Refusal> {
    let former_deleted_at = state.store.former_account(&account.id).await?;
    let account = match former_deleted_at {
        None => account,
        Some(deleted_at) => {
            let clock = &state.runtime.clock;
            let free_at = deleted_at.saturating_add(FORGOTTEN_AFTER).unwrap_or(deleted_at);
            let pause = Duration::try_from(free_at.duration_since(clock.now()));
            tokio::time::sleep(pause.unwrap_or_default().min(FORGOTTEN_AFTER)).await;
            // Clocks may differ: what is ordered are the accounts of an id.
            let now = clock.now().max(free_at);
            Account { created_at: now, updated_at: now, former_deleted_at, ..account }
        }
    };
    if state.store.create_account(&account).await? {
        return Ok(account);
    }
    let id = &account.id;
    let there = state.store.account(id).await?;
    Err(Refusal::Conflict(match there.is_some_and(|there| there.deleted_at.is_some()) {
        true => {
            format!("the account {id} is still being deleted; delete it again, then create it")
        }
        false => format!("there is an account {id} already"),
    }))
}

/// The account with this id.
pub async fn find(state: &ApiState, id: &str) -> Result<Account, Refusal> {
    let account = find_deleted(state, id).await?;
    match account.deleted_at {
        None => Ok(account),
        Some(_) => Err(Refusal::Unknown("account")),
    }
}

/// Deletes the account with this id, or what is left of it.
pub async fn delete(state: &ApiState, id: &str) -> Result<(), Refusal> {
    let account = find_deleted(state, id).await?;
    Ok(state.store.delete_account(&account).await?)
}

/// The account with this id, even if it is being deleted.
async fn find_deleted(state: &ApiState, id: &str) -> Result<Account, Refusal> {
    let unknown = || Refusal::Unknown("account");
    let id: AccountId = id.parse().map_err(|_| unknown())?;
    state.store.account(&id).await?.ok_or_else(unknown)
}

/// Its limits as they hold: its own, then its dialect's, then everybody's.
pub fn limits(state: &ApiState, account: &Account) -> Limits {
    let dialect = state.runtime.settings.dialects.or_standard(&account.dialect);
    account.limits.or(dialect.limits).or_default()
}
