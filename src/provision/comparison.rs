//! Comparison of a complete list of AWS with status and the database, at each resync. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use uuid::Uuid;

use super::{Inventory, TaggedResource, decide::converge::recheck_in, describe_orphan};
use crate::{
    api::{AccountRef, Arn, CompactId, ResourceKind},
    store::{Orphan, OrphanReason, RecordedResource},
};

/// One resource in the status of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusEntry<'a> {
    /// The account.
    pub account: &'a AccountRef,
    /// The kind.
    pub kind: ResourceKind,
    /// The ARN.
    pub arn: &'a Arn,
    /// True if status says that the resource is as the spec says.
    pub is_ready: bool,
}

/// The findings of a resync.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ComparisonReport {
    /// The accounts whose records and AWS disagree. Each is reconciled.
    pub drifted: BTreeSet<AccountRef>,
    /// Resources with this installation's tag that no account owns, by ARN (I6).
    pub orphans: BTreeMap<String, Orphan>,
}

/// The ARNs on the orphan list whose reason is `duplicate`.
pub type Duplicates = BTreeSet<Arn>;

/// Returns the accounts with a ready resource whose update is pending, and the time until its re-check.
#[must_use]
pub fn pending_rechecks(
    recorded: &[RecordedResource],
    statuses: &[StatusEntry<'_>],
    grace: Duration,
) -> BTreeMap<AccountRef, Duration> {
    let ready: BTreeSet<_> =
        statuses.iter().filter(|status| status.is_ready).map(|status| status.arn).collect();
    let mut rechecks = BTreeMap::new();
    for record in recorded.iter().filter(|record| ready.contains(&record.arn)) {
        if let Some(update) = &record.pending_update {
            let recheck_in = recheck_in(update, grace).unwrap_or_default();
            let earliest = rechecks.entry(record.owner.account.clone()).or_insert(recheck_in);
            *earliest = recheck_in.min(*earliest);
        }
    }
    rechecks
}

/// The state of an account, by its status.
#[derive(Clone, Copy, Debug, Default)]
pub struct AccountState<'a> {
    /// UID of the object.
    pub uid: Option<&'a CompactId>,
    /// The user.
    pub user: Option<Uuid>,
    /// True if the account is stalled: nothing is tried until someone changes something.
    pub is_stalled: bool,
}

/// The states of all accounts.
pub type AccountStates<'a> = BTreeMap<&'a AccountRef, AccountState<'a>>;

/// Compares AWS with the status of all accounts and with the database.
#[must_use]
pub fn compare_with_records(
    listed: &Inventory,
    accounts: &AccountStates<'_>,
    statuses: &[StatusEntry<'_>],
    recorded: &[RecordedResource],
    duplicates: &Duplicates,
) -> ComparisonReport {
    let existing: BTreeMap<&Arn, &TaggedResource> =
        listed.all().map(|resource| (&resource.arn, resource)).collect();
    // The UID counts: a row from before a restore may name an earlier object.
    let in_database: BTreeSet<(&AccountRef, &Arn, Option<&CompactId>)> = recorded
        .iter()
        .map(|record| (&record.owner.account, &record.arn, record.owner.uid.as_ref()))
        .collect();
    let uid = |account: &AccountRef| accounts.get(account).and_then(|state| state.uid);
    let disagrees = |status: &&StatusEntry<'_>| {
        let found = existing.get(status.arn);
        found.and_then(|resource| account_of(resource, accounts)).as_ref() != Some(status.account)
            || !in_database.contains(&(status.account, status.arn, uid(status.account)))
    };
    let ready = statuses.iter().filter(|status| status.is_ready);
    let drifted = ready.filter(disagrees).map(|status| status.account.clone()).collect();
    drop((existing, in_database));
    let mut report = ComparisonReport { drifted, orphans: BTreeMap::new() };
    let others = listed.all().filter(|resource| !duplicates.contains(&resource.arn));
    classify(others, accounts, statuses, recorded, &mut report);
    let is_named = |arn: &Arn| {
        statuses.iter().any(|status| status.arn == arn) || recorded.iter().any(|row| row.arn == *arn)
    };
    let known = listed.all().filter(|resource| duplicates.contains(&resource.arn));
    for resource in known.filter(|resource| !is_named(&resource.arn)) {
        report.add_orphan(resource, OrphanReason::Duplicate);
    }
    report
}

/// Classifies each resource: recorded, drifted, or an orphan.
fn classify<'l>(
    all: impl Iterator<Item = &'l TaggedResource>,
    accounts: &AccountStates<'_>,
    statuses: &[StatusEntry<'_>],
    recorded: &[RecordedResource],
    report: &mut ComparisonReport,
) {
    let rows = recorded.iter().filter(|row| accounts.contains_key(&row.owner.account));
    let rows = rows.map(|row| (&row.arn, &row.owner.account));
    let named: BTreeMap<_, _> =
        statuses.iter().map(|status| (status.arn, status.account)).chain(rows).collect();
    let has: BTreeSet<_> = statuses.iter().map(|status| (status.account, status.kind)).collect();
    let retained: BTreeSet<_> =
        recorded.iter().filter(|row| row.owner.retained).map(|row| &row.arn).collect();
    for resource in all {
        let (arn, kind) = (&resource.arn, resource.kind);
        match (account_of(resource, accounts), named.get(arn)) {
            // A duplicate, or an unknown resource of a stalled account.
            (Some(account), None) if has.contains(&(&account, kind)) || accounts[&account].is_stalled => {
                report.drifted.insert(account);
            }
            // Recorded, or being created or deleted.
            (Some(_), _) => {}
            // A record names the owner, but the tags do not.
            (None, Some(account)) => drop(report.drifted.insert((*account).clone())),
            (None, None) if retained.contains(arn) => {}
            (None, None) => report.add_orphan(resource, OrphanReason::Unowned),
        }
    }
}

impl ComparisonReport {
    fn add_orphan(&mut self, resource: &TaggedResource, reason: OrphanReason) {
        self.orphans.insert(resource.arn.to_string(), describe_orphan(resource, reason));
    }
}

/// Returns the account in the tags, unless it holds another user.
fn account_of(resource: &TaggedResource, accounts: &AccountStates<'_>) -> Option<AccountRef> {
    let account = AccountRef::parse(resource.account.as_deref()?)?;
    let state = accounts.get(&account)?;
    let is_owner = match state.user {
        Some(user) => resource.is_of_user(user),
        // A stalled account without a user, such as one that waits for a username, owns nothing.
        None => !state.is_stalled,
    };
    is_owner.then_some(account)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::tags,
        ivs::Listed,
        provision::inventory::tests::{account, inventory, listed},
        store::RecordedUser,
    };

    /// Returns a value for as long as the test runs.
    fn kept<T>(value: T) -> &'static T {
        Box::leak(Box::new(value))
    }

    fn accounts(all: &[(&str, u128)]) -> AccountStates<'static> {
        let state = |user| AccountState { user: Some(Uuid::from_u128(user)), ..AccountState::default() };
        all.iter().map(|(name, user)| (kept(account(name)), state(*user))).collect()
    }

    fn status(name: &str, arn: &str) -> StatusEntry<'static> {
        let (account, arn) = (kept(account(name)), kept(arn.into()));
        StatusEntry { account, kind: ResourceKind::Channel, arn, is_ready: true }
    }

    fn row(name: &str, arn: &str) -> RecordedResource {
        let (account, retained) = (account(name), name == "kept");
        let owner = RecordedUser { user: Uuid::nil(), account, uid: None, retained, deleting: false };
        RecordedResource {
            owner: owner.into(),
            kind: ResourceKind::Channel,
            arn: arn.into(),
            age: Duration::ZERO,
            pending_update: None,
        }
    }

    fn drift(
        listed: &[Listed],
        accounts: &AccountStates<'_>,
        statuses: &[StatusEntry<'_>],
        recorded: &[RecordedResource],
    ) -> ComparisonReport {
        compare_with_records(&inventory(listed), accounts, statuses, recorded, &Duplicates::new())
    }

    #[test]
    fn a_listed_duplicate_stays_on_the_orphan_list_and_is_no_drift() {
        let report = compare_with_records(
            &inventory(&[listed("a", "todd", 1), listed("b", "todd", 1)]),
            &accounts(&[("todd", 1)]),
            &[status("todd", "a")],
            &[row("todd", "a")],
            &Duplicates::from(["a", "b"].map(Arn::from)),
        );
        assert!(report.drifted.is_empty());
        let reasons: Vec<_> = report.orphans.values().map(|orphan| (&orphan.arn, orphan.reason)).collect();
        assert_eq!(
            reasons,
            [(&Some("b".to_owned()), OrphanReason::Duplicate)],
            "a recorded resource is no orphan"
        );
    }

    #[test]
    fn consistent_records_are_no_drift() {
        let report = drift(
            &[listed("a", "todd", 1)],
            &accounts(&[("todd", 1)]),
            &[status("todd", "a")],
            &[row("todd", "a")],
        );
        assert_eq!(report, ComparisonReport::default());
    }

    #[test]
    fn a_resource_missing_from_aws_or_the_database_is_drift() {
        let report = drift(
            &[listed("b", "ann", 2)],
            &accounts(&[("todd", 1), ("ann", 2)]),
            &[status("todd", "a"), status("ann", "b")],
            &[row("todd", "a")],
        );
        assert_eq!(report.drifted, BTreeSet::from([account("todd"), account("ann")]));
        assert!(report.orphans.is_empty());
    }

    #[test]
    fn a_row_that_names_an_earlier_object_is_drift() {
        let mut earlier = row("todd", "a");
        let uid = Some("earlier".into());
        earlier.owner = RecordedUser { uid, ..RecordedUser::clone(&earlier.owner) }.into();
        let report =
            drift(&[listed("a", "todd", 1)], &accounts(&[("todd", 1)]), &[status("todd", "a")], &[earlier]);
        assert_eq!(report.drifted, BTreeSet::from([account("todd")]));
    }

    #[test]
    fn a_resource_without_account_is_an_orphan_unless_retained() {
        let report = drift(
            &[listed("gone", "gone", 3), listed("kept", "kept", 4)],
            &AccountStates::new(),
            &[],
            &[row("kept", "kept"), row("gone", "gone")],
        );
        let orphans: Vec<_> = report.orphans.into_keys().collect();
        assert_eq!(orphans, ["gone"], "a row alone does not make an owner");
    }

    #[test]
    fn a_duplicate_of_an_account_is_drift() {
        let report = drift(
            &[listed("a", "todd", 1), listed("late", "todd", 1)],
            &accounts(&[("todd", 1)]),
            &[status("todd", "a")],
            &[row("todd", "a")],
        );
        assert_eq!(report.drifted, BTreeSet::from([account("todd")]));
        assert!(report.orphans.is_empty());
    }

    #[test]
    fn a_resource_of_an_earlier_user_is_an_orphan() {
        let report = drift(
            &[listed("a", "todd", 2), listed("left", "todd", 1)],
            &accounts(&[("todd", 2)]),
            &[status("todd", "a")],
            &[row("todd", "a")],
        );
        assert!(report.drifted.is_empty());
        assert_eq!(report.orphans.into_keys().collect::<Vec<_>>(), ["left"]);

        let new = AccountStates::from([(kept(account("todd")), AccountState::default())]);
        let report = drift(&[listed("left", "todd", 1)], &new, &[], &[]);
        assert_eq!(report, ComparisonReport::default(), "the account's user is not known yet");

        let waiting = AccountStates::from([(
            kept(account("todd")),
            AccountState { is_stalled: true, ..AccountState::default() },
        )]);
        let report = drift(&[listed("left", "todd", 1)], &waiting, &[], &[]);
        assert_eq!(
            report.orphans.into_keys().collect::<Vec<_>>(),
            ["left"],
            "an account that waits for a username owns nothing"
        );
    }

    #[test]
    fn a_duplicate_of_a_stalled_account_is_drift_but_its_own_is_not() {
        let user = Some(Uuid::from_u128(1));
        let stalled = AccountStates::from([(
            kept(account("todd")),
            AccountState { user, is_stalled: true, uid: None },
        )]);
        let named = StatusEntry { is_ready: false, ..status("todd", "a") };
        let of = |all: &[_]| drift(all, &stalled, std::slice::from_ref(&named), &[row("todd", "a")]);
        assert_eq!(of(&[listed("a", "todd", 1)]), ComparisonReport::default());
        let in_a_row = drift(&[listed("a", "todd", 1)], &stalled, &[], &[row("todd", "a")]);
        assert_eq!(in_a_row, ComparisonReport::default(), "the row names it, although status does not yet");
        let report = of(&[listed("a", "todd", 1), listed("late", "todd", 1)]);
        assert_eq!(report.drifted, BTreeSet::from([account("todd")]));
        assert!(report.orphans.is_empty());
    }

    #[test]
    fn a_recorded_resource_that_lost_its_tags_is_drift_and_no_orphan() {
        for (lost, is_ready) in [(tags::USER, true), (tags::USER, false), (tags::ACCOUNT, true)] {
            let mut channel = listed("a", "todd", 1);
            channel.tags.remove(lost);
            let report = drift(
                &[channel],
                &accounts(&[("todd", 1)]),
                &[StatusEntry { is_ready, ..status("todd", "a") }],
                &[row("todd", "a")],
            );
            assert_eq!(report.drifted, BTreeSet::from([account("todd")]), "{lost}");
            assert!(report.orphans.is_empty(), "{lost}");
        }
    }
}
