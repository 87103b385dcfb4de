//! Accessors and predicates of an account.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use uuid::Uuid;

use super::blocker::Blocker;
use crate::api::{
    ABANDON_ANNOTATION, AccountRef, FINALIZER, RECONCILE_AT_ANNOTATION, StreamerAccount,
    condition::{READY, STALLED, SUSPENDED, find, is_true},
};

/// Accessors and predicates of an account, in addition to those of [`ResourceExt`].
pub(super) trait AccountExt {
    /// Returns the namespace and name.
    fn reference(&self) -> AccountRef;

    /// Returns the UID of the object; empty if it has none yet.
    fn object_uid(&self) -> &str;

    /// Returns true if the object is being deleted.
    fn is_being_deleted(&self) -> bool;

    /// Returns true if our finalizer is on the account.
    fn has_finalizer(&self) -> bool;

    /// Returns true if the object is being deleted and waits for others only: it holds nothing.
    fn is_released(&self) -> bool;

    /// Returns true if a person has asked to abandon the account's resources. It counts only while the
    /// account is being deleted.
    fn is_abandoned(&self) -> bool;

    /// Returns the conditions in status.
    fn conditions(&self) -> &[Condition];

    /// Returns the user that status names.
    fn user_in_status(&self) -> Option<Uuid>;

    /// Returns true if status says that this generation is ready, and every requested reconcile was handled.
    /// A suspended account is never settled: whatever its status says, AWS may be otherwise.
    fn is_settled(&self) -> bool;

    /// Returns true if the spec suspends the account, and status says so.
    fn is_reported_suspended(&self) -> bool;

    /// Returns true if status says that this blocker keeps this generation from being ready.
    fn is_blocked_by(&self, blocker: &Blocker) -> bool;

    /// Returns the reason for which this generation is stalled, if it is.
    fn stalled(&self) -> Option<&str>;

    /// Returns the value of the annotation that requests a reconcile.
    fn reconcile_request(&self) -> Option<&str>;

    /// Returns true if a reconcile was requested that is not handled yet.
    fn is_reconcile_requested(&self) -> bool;
}

impl AccountExt for StreamerAccount {
    fn reference(&self) -> AccountRef {
        AccountRef::of(&self.metadata)
    }

    fn object_uid(&self) -> &str {
        self.metadata.uid.as_deref().unwrap_or_default()
    }

    fn is_being_deleted(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }

    fn has_finalizer(&self) -> bool {
        self.finalizers().iter().any(|name| name == FINALIZER)
    }

    fn is_released(&self) -> bool {
        self.is_being_deleted() && !self.has_finalizer()
    }

    fn is_abandoned(&self) -> bool {
        self.annotations().get(ABANDON_ANNOTATION).is_some_and(|value| value == "true")
    }

    fn conditions(&self) -> &[Condition] {
        self.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default()
    }

    fn user_in_status(&self) -> Option<Uuid> {
        self.status.as_ref()?.user_id.as_ref()?.parse().ok()
    }

    fn is_settled(&self) -> bool {
        self.has_finalizer()
            && !self.spec.is_suspended()
            && self.status.as_ref().is_some_and(|status| {
                Some(status.observed_generation) == self.metadata.generation
                    && status.last_handled_reconcile_at.as_deref() == self.reconcile_request()
                    && is_true(&status.conditions, READY)
            })
    }

    fn is_reported_suspended(&self) -> bool {
        let is_current = |found: &Condition| found.observed_generation == self.metadata.generation;
        self.spec.is_suspended() && find(self.conditions(), SUSPENDED).is_some_and(is_current)
    }

    fn is_blocked_by(&self, blocker: &Blocker) -> bool {
        find(self.conditions(), READY).is_some_and(|ready| {
            ready.observed_generation == self.metadata.generation
                && ready.reason == blocker.reason
                && ready.message == blocker.message
        })
    }

    fn stalled(&self) -> Option<&str> {
        let stalled = find(self.conditions(), STALLED)?;
        (stalled.observed_generation == self.metadata.generation).then_some(stalled.reason.as_str())
    }

    fn reconcile_request(&self) -> Option<&str> {
        self.metadata.annotations.as_ref()?.get(RECONCILE_AT_ANNOTATION).map(String::as_str)
    }

    fn is_reconcile_requested(&self) -> bool {
        let handled = self.status.as_ref().and_then(|status| status.last_handled_reconcile_at.as_deref());
        self.reconcile_request().is_some_and(|request| handled != Some(request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::test_account;

    #[test]
    fn only_the_value_true_abandons_an_account() {
        let with_annotation = |value: Option<&str>| {
            let mut account = test_account("todd", "todd");
            account.metadata.annotations =
                value.map(|value| [(ABANDON_ANNOTATION.to_owned(), value.to_owned())].into());
            account
        };
        assert!(with_annotation(Some("true")).is_abandoned());
        for other in [None, Some(""), Some("false"), Some("True"), Some("yes")] {
            assert!(!with_annotation(other).is_abandoned(), "{other:?}");
        }
    }
}
