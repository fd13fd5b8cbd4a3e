//! Links that open the portal of an account, once.

use jiff::{SignedDuration, Timestamp};
use posthorn_shared::base32;
use posthorn_shared::digest::sha256_hex;
use posthorn_shared::ids::AccountId;
use posthorn_shared::store::PortalSession;

use crate::problem::Refusal;
use crate::state::ApiState;

/// How long a link, and the session that comes of it, lasts where nothing is said.
pub const LIFETIME: SignedDuration = SignedDuration::from_hours(1);

/// A link's secret. Only its hash is kept.
pub struct PortalLink {
    /// What stands behind `/portal?session=`.
    pub token: String,
    pub expires_at: Timestamp,
}

/// Makes a link for an account that exists.
pub async fn create(
    state: &ApiState,
    account: &AccountId,
    lifetime: SignedDuration,
) -> Result<PortalLink, Refusal> {
    let clock = &state.runtime.clock;
    let now = clock.now();
    let expires_at = now.checked_add(lifetime).unwrap_or(now);
    let token = format!("phs_{}", base32::encode(clock.random()));
    let link = PortalSession { account: account.clone(), expires_at, used_at: None };
    state.store.create_portal_link(&sha256_hex(&token), &link).await?;
    Ok(PortalLink { token, expires_at })
}
