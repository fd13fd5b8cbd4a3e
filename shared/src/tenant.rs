//! Which of the accounts that have had an id: a platform team may give the id of a deleted account
//! to another, and the two have nothing in common.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ids::AccountId;

/// How far the clocks of those that write times may be apart: the api function's, a queue's.
pub const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// One account, told apart from those that had its id before.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tenant {
    pub id: AccountId,
    /// When the account was created, to the millisecond: always after the one before it was deleted.
    pub created_at: Timestamp,
}

impl Tenant {
    /// What the table says of everything that belongs to it: when it was created, in milliseconds
    /// since the epoch. An account that comes later has a higher one.
    pub fn generation(&self) -> i64 {
        self.created_at.as_millisecond()
    }

    /// Whether something is this account's, by the generation that it names; or, where a release
    /// wrote it that named none, by whether it can have been made after this account was.
    pub fn owns(&self, generation: Option<i64>, made: Timestamp) -> bool {
        match generation {
            Some(generation) => generation == self.generation(),
            None => made >= self.earliest(),
        }
    }

    /// When the first of its things can have been made, by whatever clock.
    pub fn earliest(&self) -> Timestamp {
        self.created_at.checked_sub(SKEW).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

impl fmt::Display for Tenant {
    /// The account's id: all that users know of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_no_account_is_that_of_the_time() {
        let created_at: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        let tenant = Tenant { id: "acme".parse().unwrap(), created_at };
        let former =
            Tenant { created_at: "2026-11-21T09:00:00Z".parse().unwrap(), ..tenant.clone() };
        assert!(former.generation() < tenant.generation());
        for made in ["2026-11-21T08:00:00Z", "2026-11-21T10:30:00Z"] {
            let made = made.parse().unwrap();
            assert!(tenant.owns(Some(tenant.generation()), made));
            assert!(!tenant.owns(Some(former.generation()), made));
        }
        let owns = |made: &str| tenant.owns(None, made.parse().unwrap());
        assert!(owns("2026-11-21T10:30:00Z"));
        assert!(owns("2026-11-21T09:55:00Z"), "by a clock that is behind");
        assert!(!owns("2026-11-21T09:54:59Z"));
    }
}
