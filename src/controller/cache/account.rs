//! One account in the cache.

use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    api::{
        AccountRef, Arn, CompactId, ObservedAccount, Reason, ResourceKind, StreamerAccount,
        condition::{READY, find},
    },
    controller::{account::AccountExt, blocker::Blocker},
    hash::hash,
    ivs::Listed,
    provision::{AccountState, DeclaredFields, StatusEntry, StatusRecord},
};

/// An account as the cache holds it: what decisions need, in compact form. Before anything is done for the
/// account, its live object is read.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "the flags are independent of each other")]
pub struct CachedAccount {
    /// Namespace and name.
    pub reference: AccountRef,
    /// UID of the object.
    pub uid: Option<CompactId>,
    /// Username; empty if it cannot be read.
    pub(in crate::controller) username: Box<str>,
    /// Time of creation.
    pub(in crate::controller) created: Option<Timestamp>,
    /// The user that status names.
    pub(in crate::controller) user: Option<Uuid>,
    /// The reason for which this generation is stalled, if it is.
    pub(in crate::controller) stalled: Option<Box<str>>,
    /// True if the object is being deleted.
    pub(in crate::controller) is_being_deleted: bool,
    /// True if our finalizer is on the account.
    pub(in crate::controller) has_finalizer: bool,
    /// True if status says that this generation is ready, and every requested reconcile was handled.
    pub(in crate::controller) is_settled: bool,
    /// True if status says that this generation has drifted, which is only reported.
    pub(in crate::controller) reports_drift: bool,
    /// True if nothing is to be changed in AWS.
    pub(in crate::controller) is_suspended: bool,
    /// True if this version understands the spec.
    pub(in crate::controller) is_understood: bool,
    /// True if there is nothing to do, see [`needs_nothing`].
    pub(in crate::controller) needs_nothing: bool,
    /// Generation of the spec; 0 if the object has none.
    generation: i64,
    resources: Box<[ResourceInStatus]>,
    /// The settings and tags in the spec.
    declared: DeclaredFields,
    /// Hash of the annotations.
    annotations: u64,
    /// History of the account in the watch.
    pub(in crate::controller) shown: Shown,
}

/// A resource in status.
#[derive(Debug)]
struct ResourceInStatus {
    kind: ResourceKind,
    arn: Arn,
    is_ready: bool,
    /// False if status says that it has drifted from this generation of the spec, true if it has not; None if
    /// status says neither.
    is_as_declared: Option<bool>,
}

/// History of an account in the watch.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::controller) struct Shown {
    /// Time of the latest reconcile, past or planned, that only changed annotations caused.
    pub annotated_at: Option<Instant>,
    /// Time at which the watch showed that our finalizer was added; None if it never showed the account
    /// without it.
    pub finalizer_added: Option<Instant>,
    /// Number of the list that was the latest when the account was shown.
    pub list: u64,
}

impl CachedAccount {
    /// Returns what the cache holds of this account.
    #[must_use]
    pub fn new(account: &ObservedAccount) -> Self {
        Self {
            reference: account.reference(),
            uid: account.metadata.uid.as_deref().map(CompactId::from),
            username: account.spec.username.as_str().into(),
            created: account.metadata.creation_timestamp.as_ref().map(|time| time.0),
            user: account.user_in_status(),
            stalled: account.stalled().map(Box::from),
            is_being_deleted: account.is_being_deleted(),
            has_finalizer: account.has_finalizer(),
            is_settled: account.is_settled(),
            reports_drift: reports_drift(account),
            is_suspended: account.spec.is_suspended(),
            is_understood: account.problem().is_none(),
            needs_nothing: needs_nothing(account),
            generation: account.metadata.generation.unwrap_or_default(),
            resources: resources_in_status(account),
            declared: DeclaredFields::of(&account.spec),
            annotations: hash(account.annotations()),
            shown: Shown::default(),
        }
    }

    /// Returns true if an earlier state has the same object and generation. A deletion makes a new
    /// generation.
    pub(in crate::controller) fn is_same_generation(&self, before: &Self) -> bool {
        self.uid == before.uid && self.generation == before.generation
    }

    /// Returns true if an earlier state has the same annotations.
    pub(in crate::controller) fn has_same_annotations(&self, before: &Self) -> bool {
        self.annotations == before.annotations
    }

    /// Returns true if the object is being deleted and waits for others only: it holds nothing.
    pub(in crate::controller) fn is_released(&self) -> bool {
        self.is_being_deleted && !self.has_finalizer
    }

    /// Returns true if the account waits for a username.
    pub(in crate::controller) fn waits_for_username(&self) -> bool {
        self.stalled.as_deref().is_some_and(|reason| *reason == Reason::UsernameTaken)
    }

    /// Returns the UID of the object as a text; empty if it has none.
    #[must_use]
    pub fn object_uid(&self) -> String {
        self.uid.as_ref().map(CompactId::to_string).unwrap_or_default()
    }

    fn in_status(&self, kind: ResourceKind) -> Option<&ResourceInStatus> {
        self.resources.iter().find(|resource| resource.kind == kind)
    }
}

impl StatusRecord for CachedAccount {
    fn account(&self) -> &AccountRef {
        &self.reference
    }

    fn username(&self) -> &str {
        &self.username
    }

    fn state(&self) -> AccountState<'_> {
        // A suspended account without a user gets none.
        let is_stalled = self.stalled.is_some() || self.is_suspended && self.user.is_none();
        AccountState { uid: self.uid.as_ref(), user: self.user, is_stalled }
    }

    fn resource(&self, kind: ResourceKind) -> Option<StatusEntry<'_>> {
        let resource = self.in_status(kind)?;
        Some(StatusEntry { account: &self.reference, kind, arn: &resource.arn, is_ready: resource.is_ready })
    }

    fn contradicts(&self, kind: ResourceKind, listed: &Listed) -> bool {
        let in_status = self.in_status(kind).filter(|found| found.arn.is(&listed.arn));
        let is_as_declared = in_status.and_then(|found| found.is_as_declared);
        let differs = || *self.username != *listed.name || self.declared.differ_from(kind, listed);
        !self.is_being_deleted
            && self.is_understood
            && !self.is_suspended
            && is_as_declared.is_some_and(|is_as_declared| is_as_declared == differs())
    }
}

fn resources_in_status(account: &StreamerAccount) -> Box<[ResourceInStatus]> {
    let Some(status) = &account.status else { return Box::default() };
    let resource = |kind: ResourceKind| {
        let (arn, condition) = (status.arn(kind)?.into(), find(&status.conditions, kind.condition()));
        let is_ready = condition.is_some_and(|condition| condition.status == "True");
        let current = condition.filter(|it| it.observed_generation == account.metadata.generation);
        let is_as_declared = current.and_then(|condition| match &*condition.reason {
            _ if condition.status == "True" => Some(true),
            reason if *reason == Reason::DriftDetected => Some(false),
            _ => None,
        });
        Some(ResourceInStatus { kind, arn, is_ready, is_as_declared })
    };
    ResourceKind::ALL.into_iter().filter_map(resource).collect()
}

fn reports_drift(account: &StreamerAccount) -> bool {
    let ready = find(account.conditions(), READY);
    ready.is_some_and(|ready| {
        ready.observed_generation == account.metadata.generation && ready.reason == Reason::DriftDetected
    })
}

/// Returns true if there is nothing to do: the account is settled, it is being deleted without our finalizer,
/// or its status says that it is suspended, or why its spec is not understood.
pub(in crate::controller) fn needs_nothing(account: &ObservedAccount) -> bool {
    if account.is_being_deleted() {
        return account.is_released();
    }
    // A status of an earlier version does not say which fields belong to the spec.
    let is_complete = account.status.as_ref().is_some_and(|status| status.observed_spec_hash.is_some());
    account.problem().map_or_else(
        || is_complete && account.is_settled() || account.is_reported_suspended(),
        |problem| account.is_blocked_by(&Blocker::spec_not_understood(problem)),
    )
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

    use super::*;
    use crate::api::{StageStatus, StreamerAccountStatus, test_account};

    #[test]
    fn a_cached_account_has_what_its_object_says() {
        let mut account = test_account("todd", "Todd");
        account.metadata.uid = Some("1".to_owned());
        account.metadata.creation_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
        let ready = Condition {
            type_: ResourceKind::Stage.condition().to_owned(),
            status: "True".to_owned(),
            reason: "Ready".to_owned(),
            message: String::new(),
            observed_generation: None,
            last_transition_time: Time(Timestamp::UNIX_EPOCH),
        };
        account.status = Some(StreamerAccountStatus {
            user_id: Some(Uuid::from_u128(7).to_string()),
            stage: Some(StageStatus { arn: "a".to_owned(), ..StageStatus::default() }),
            conditions: vec![ready],
            ..StreamerAccountStatus::default()
        });
        let cached = CachedAccount::new(&account.clone().into());
        assert_eq!((&*cached.username, cached.object_uid()), ("Todd", "1".to_owned()));
        assert_eq!((cached.user, cached.created), (Some(Uuid::from_u128(7)), Some(Timestamp::UNIX_EPOCH)));
        let (account, arn) = (account.reference(), "a".into());
        let stage = StatusEntry { account: &account, kind: ResourceKind::Stage, arn: &arn, is_ready: true };
        assert_eq!(cached.resource(ResourceKind::Stage), Some(stage));
        assert_eq!(cached.resource(ResourceKind::Channel), None);
        assert!(cached.is_understood && !cached.needs_nothing && !cached.is_released());
    }
}
