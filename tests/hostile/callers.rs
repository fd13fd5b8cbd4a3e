//! Who sends a request, and what such a caller must never get.

use crate::requests::Request;
use crate::routes::Kind;
use crate::tenants::{Tenant, Tenants};
use crate::wire::Reply;

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Manage,
    Publish,
    Read,
}

/// A caller; numbers are those of [`Tenants::all`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    Nobody,
    UnknownKey,
    DeletedKey,
    Key(usize, Scope),
    /// Somebody at the portal; forms come from a page of the session.
    Visitor(usize),
    /// The same without what a form of the session carries: a page of another site.
    Forger(usize),
}

impl Caller {
    /// Every caller there is.
    pub fn all(tenants: &Tenants) -> Vec<Self> {
        let mut all = vec![Self::Nobody, Self::UnknownKey, Self::DeletedKey];
        for (number, tenant) in tenants.all.iter().enumerate() {
            // Keys and sessions that may only look are harmless to their own account, too.
            all.extend([Self::Key(number, Scope::Read), Self::Forger(number)]);
            if tenant.attacks {
                // More often than the others: they get further.
                for _ in 0..3 {
                    all.push(Self::Key(number, Scope::Manage));
                }
                all.extend([Self::Key(number, Scope::Publish), Self::Visitor(number)]);
            }
        }
        all
    }

    /// Whose key or session it is.
    pub fn tenant(self, tenants: &Tenants) -> Option<&Tenant> {
        match self {
            Self::Key(number, _) | Self::Visitor(number) | Self::Forger(number) => {
                tenants.all.get(number)
            }
            Self::Nobody | Self::UnknownKey | Self::DeletedKey => None,
        }
    }

    /// The headers that say who it is.
    pub fn credentials(self, tenants: &Tenants) -> Vec<(&'static str, String)> {
        let bearer = |key: &str| vec![("authorization", format!("Bearer {key}"))];
        let cookie = |tenant: Option<&Tenant>, from: &str| {
            let cookie = tenant.map(|tenant| tenant.cookie.clone()).unwrap_or_default();
            vec![("cookie", cookie), ("sec-fetch-site", from.to_owned())]
        };
        let tenant = self.tenant(tenants);
        match (self, tenant) {
            (Self::Key(_, scope), Some(tenant)) => bearer(match scope {
                Scope::Manage => &tenant.manage.key,
                Scope::Publish => &tenant.publish,
                Scope::Read => &tenant.read,
            }),
            (Self::Visitor(_), tenant) => cookie(tenant, "same-origin"),
            (Self::Forger(_), tenant) => cookie(tenant, "cross-site"),
            (Self::DeletedKey, _) => bearer(&tenants.deleted_key),
            (Self::UnknownKey, _) => bearer("phk_01h455vb4pex5vsknk084sn02q"),
            _ => Vec::new(),
        }
    }

    /// Whether this caller may get an answer that is no refusal.
    fn may_succeed(self, method: &str, path: &str, kind: Kind) -> bool {
        let looks = matches!(method, "GET" | "HEAD");
        match (kind, self) {
            (Kind::Keyed, Self::Key(_, Scope::Manage)) => true,
            (Kind::Keyed, Self::Key(_, Scope::Read)) => looks,
            (Kind::Keyed, Self::Key(_, Scope::Publish)) => {
                (path == "/v1/events" && method == "POST") || path.starts_with("/v1/dialects")
            }
            (Kind::Keyed, _) => false,
            (Kind::Page, Self::Forger(_)) => looks,
            (Kind::Page | Kind::Open, _) => true,
        }
    }

    /// What is wrong with an answer to this caller's request.
    pub fn objection(self, tenants: &Tenants, request: &Request, reply: &Reply) -> Option<String> {
        let Request { method, path, kind, bytes, .. } = request;
        let kind = *kind;
        if reply.status < 400 && !self.may_succeed(method, path, kind) {
            return Some(format!("{self:?} must not get {}", reply.status));
        }
        let own = self.tenant(tenants).map(|tenant| tenant.id.as_str());
        let others = tenants.all.iter().filter(|tenant| Some(tenant.id.as_str()) != own);
        // A portal link names its account to whoever has it.
        let text = String::from_utf8_lossy(bytes);
        let others = others.filter(|it| kind != Kind::Page || !text.contains(&it.things().link));
        for tenant in others {
            if let Some(mark) = tenant.marks.iter().find(|mark| reply.contains(mark)) {
                return Some(format!("{self:?} sees {mark}, which is {}'s", tenant.id));
            }
        }
        None
    }
}
