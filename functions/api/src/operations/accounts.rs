//! Accounts, as the platform team sees them.

use posthorn_shared::account::{Account, Limits};
use posthorn_shared::ids::AccountId;

use crate::problem::Refusal;
use crate::state::ApiState;

/// The account with this id.
pub async fn find(state: &ApiState, id: &str) -> Result<Account, Refusal> {
    let unknown = || Refusal::Unknown("account");
    let id: AccountId = id.parse().map_err(|_| unknown())?;
    state.store.account(&id).await?.ok_or_else(unknown)
}

/// Its limits as they hold: its own, then its dialect's, then everybody's.
pub fn limits(state: &ApiState, account: &Account) -> Limits {
    let dialect = state.runtime.settings.dialects.or_standard(&account.dialect);
    account.limits.or(dialect.limits).or_default()
}
