//! Links that open the portal of an account, once.

use jiff::SignedDuration;
use posthorn_shared::base32;
use posthorn_shared::digest::sha256_hex;
use posthorn_shared::ids::PortalSessionId;
use posthorn_shared::store::PortalVisit;
use posthorn_shared::tenant::Tenant;

use crate::problem::Refusal;
use crate::state::ApiState;

/// How long a link, and the session that comes of it, lasts where nothing is said.
pub const LIFETIME: SignedDuration = SignedDuration::from_hours(1);

/// A link's secret. Only its hash is kept.
pub struct PortalLink {
    /// What stands behind `/portal?session=`.
    pub token: String,
    pub visit: PortalVisit,
}

/// Makes a link for an account that exists.
pub async fn create(
    state: &ApiState,
    account: &Tenant,
    lifetime: SignedDuration,
) -> Result<PortalLink, Refusal> {
    let clock = &state.runtime.clock;
    let now = clock.now();
    let expires_at = now.checked_add(lifetime).unwrap_or(now);
    let token = format!("phs_{}", base32::encode(clock.random()));
    let id = PortalSessionId::new(now, clock.random());
    let sha256 = sha256_hex(&token);
    let visit = state.store.create_portal_link(account, &sha256, id, expires_at).await?;
    let visit = visit.ok_or(Refusal::Unknown("account"))?;
    Ok(PortalLink { token, visit })
}

/// Ends a link, or the session that came of it, at once.
pub async fn end(state: &ApiState, account: &Tenant, id: &str) -> Result<(), Refusal> {
    let unknown = || Refusal::Unknown("portal session");
    let id: PortalSessionId = id.parse().map_err(|_| unknown())?;
    match state.store.end_portal_visit(&account.id, &id).await? {
        true => Ok(()),
        false => Err(unknown()),
    }
}
