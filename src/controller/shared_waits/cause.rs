//! The causes that accounts can share. Pure.

use std::collections::BTreeSet;

use crate::{
    api::{Reason, ResourceKind},
    controller::blocker::Blocker,
    ivs::{self, Class},
};

/// A call that can have to wait. Deletions never do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    /// A Create.
    Create,
    /// A Get.
    Get,
    /// A list.
    List,
    /// An Update.
    Update,
    /// Adding tags.
    Tag,
    /// Removing tags.
    Untag,
}

/// The cause of a failure: the operation, the error code, and what the error names. Two accounts that refer
/// to different recording configurations, both of which are missing, have different causes. So have the
/// accounts of two namespaces, if a spec can lead to the failure: the tags of one tenant, which a policy
/// denies, hold up no other tenant, and no tenant sees the ARNs of another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cause {
    /// The kind of resource.
    pub kind: ResourceKind,
    /// The call.
    pub call: Call,
    /// AWS's error code; None if AWS did not answer.
    pub code: Option<String>,
    /// The namespace of the accounts; None if no spec can lead to the failure.
    pub namespace: Option<String>,
    /// The ARNs that the error names, of those that the spec refers to.
    pub resources: BTreeSet<String>,
}

impl Cause {
    /// Returns the cause of a failure of AWS itself.
    pub fn outage(kind: ResourceKind, call: Call, code: Option<String>) -> Self {
        Self { kind, call, code, namespace: None, resources: BTreeSet::new() }
    }

    /// Returns the cause of an error, and the reason that the account shows; None if other accounts cannot
    /// have the same cause. `refers_to` tells whether the spec of the account refers to an ARN.
    pub fn of(
        kind: ResourceKind,
        call: Call,
        error: &ivs::Error,
        namespace: &str,
        refers_to: impl Fn(&str) -> bool,
    ) -> Option<(Self, Reason)> {
        if matches!(error.class, Class::Ambiguous | Class::Invalid | Class::Missing) {
            return None;
        }
        let resources: BTreeSet<_> =
            arns(&error.message).filter(|arn| refers_to(arn)).map(str::to_owned).collect();
        let reason = Blocker::from(error.clone()).reason;
        let namespace = match reason {
            Reason::QuotaExceeded | Reason::PendingVerification | Reason::AwsUnavailable => None,
            Reason::AccessDenied => Some(namespace.to_owned()),
            // Without a name, it is not known who else refers to it.
            Reason::ReferenceNotFound | Reason::LambdaPermission if !resources.is_empty() => {
                Some(namespace.to_owned())
            }
            // Throttling passes within seconds, and a conflict is about one resource.
            _ => return None,
        };
        Some((Self { kind, call, code: error.code.clone(), namespace, resources }, reason))
    }

    /// Returns true if the cause can keep a call of an account in this namespace from succeeding.
    pub fn concerns(&self, namespace: &str, refers_to: impl Fn(&str) -> bool) -> bool {
        self.namespace.as_ref().is_none_or(|of| of == namespace)
            && self.resources.iter().all(|arn| refers_to(arn))
    }
}

/// Returns the ARNs in a message.
fn arns(message: &str) -> impl Iterator<Item = &str> {
    let is_end = |c: char| c.is_whitespace() || "\"'`,;()[]<>".contains(c);
    let words = message.split(is_end).map(|word| word.trim_end_matches(['.', ':']));
    words.filter(|word| word.starts_with("arn:"))
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn error(class: Class, code: Option<&str>, message: &str) -> ivs::Error {
        let (operation, code) = ("CreateStage", code.map(str::to_owned));
        ivs::Error { operation, class, code, message: message.to_owned(), request_id: None }
    }

    fn cause(error: &ivs::Error, refers_to: &str) -> Option<Cause> {
        let cause = Cause::of(ResourceKind::Stage, Call::Create, error, "team", |arn| arn == refers_to);
        cause.map(|(cause, _)| cause)
    }

    #[test]
    fn a_cause_names_the_arns_that_the_spec_refers_to() {
        let message = "User: arn:aws:sts::1:assumed-role/a may not use (arn:aws:ivs:eu-west-1:1:storage/b).";
        let denied = error(Class::Blocked, Some("AccessDeniedException"), message);
        let of_b = cause(&denied, "arn:aws:ivs:eu-west-1:1:storage/b").expect("a cause");
        assert_eq!(of_b.resources, BTreeSet::from(["arn:aws:ivs:eu-west-1:1:storage/b".to_owned()]));
        assert!(!of_b.concerns("team", |arn| arn.ends_with('c')));
        let of_role = cause(&denied, "").expect("a cause");
        assert!(of_role.resources.is_empty() && of_role.concerns("team", |_| false));
    }

    #[test]
    fn what_a_spec_can_lead_to_holds_up_no_other_namespace() {
        let denied = error(Class::Blocked, Some("AccessDeniedException"), "explicit deny of a tag");
        let of_team = cause(&denied, "").expect("a cause");
        assert!(of_team.concerns("team", |_| false) && !of_team.concerns("other", |_| false));
        let quota = error(Class::Blocked, Some("ServiceQuotaExceededException"), "1000 stages");
        assert!(cause(&quota, "").expect("a cause").concerns("other", |_| false));
    }

    #[test]
    fn a_missing_reference_without_a_name_is_not_shared() {
        let named = error(Class::MissingReference, Some("ResourceNotFoundException"), "arn:a not found");
        assert!(cause(&named, "arn:a").is_some());
        assert_eq!(cause(&named, "arn:b"), None);
    }

    #[test]
    fn an_outage_is_shared_and_an_unknown_outcome_is_not() {
        assert!(cause(&error(Class::Transient, None, "no response"), "").is_some());
        for (class, code) in [
            (Class::Ambiguous, None),
            (Class::Invalid, Some("ValidationException")),
            (Class::Missing, Some("ResourceNotFoundException")),
            (Class::Transient, Some("ThrottlingException")),
            (Class::Transient, Some("ConflictException")),
        ] {
            assert_eq!(cause(&error(class, code, "no"), ""), None, "{class:?}");
        }
    }
}
