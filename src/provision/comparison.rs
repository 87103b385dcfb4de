//! Comparison of a complete list of AWS with status and the database, at each resync. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use uuid::Uuid;

use super::{Listing, decide::converge::recheck_in, describe_orphan, inventory::is_of_user};
use crate::{
    api::{AccountRef, ResourceKind, tags},
    ivs::Listed,
    store::{Orphan, OrphanReason, RecordedResource},
};

/// One resource in the status of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusEntry {
    /// The account.
    pub account: AccountRef,
    /// The kind.
    pub kind: ResourceKind,
    /// The ARN.
    pub arn: String,
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
pub type Duplicates<'a> = BTreeSet<&'a str>;

/// Returns the accounts with a ready resource whose update is pending, and the time until its re-check.
#[must_use]
pub fn pending_rechecks(
    recorded: &[RecordedResource],
    statuses: &[StatusEntry],
    grace: Duration,
) -> BTreeMap<AccountRef, Duration> {
    let ready: BTreeSet<_> =
        statuses.iter().filter(|status| status.is_ready).map(|status| status.arn.as_str()).collect();
    let mut rechecks = BTreeMap::new();
    for record in recorded.iter().filter(|record| ready.contains(record.arn.as_str())) {
        if let Some(update) = &record.pending_update {
            let recheck_in = recheck_in(update, grace).unwrap_or_default();
            let earliest = rechecks.entry(record.account.clone()).or_insert(recheck_in);
            *earliest = recheck_in.min(*earliest);
        }
    }
    rechecks
}

/// The state of an account, by its status.
#[derive(Clone, Debug, Default)]
pub struct AccountState {
    /// UID of the object.
    pub uid: Option<String>,
    /// The user.
    pub user: Option<Uuid>,
    /// True if the account is stalled: nothing is tried until someone changes something.
    pub is_stalled: bool,
}

/// The states of all accounts.
pub type AccountStates = BTreeMap<AccountRef, AccountState>;

/// Compares AWS with the status of all accounts and with the database.
#[must_use]
pub fn compare_with_records(
    listing: &Listing,
    accounts: &AccountStates,
    statuses: &[StatusEntry],
    recorded: &[RecordedResource],
    duplicates: &Duplicates<'_>,
) -> ComparisonReport {
    let all = || listing.0.iter().flat_map(|(kind, all)| all.iter().map(|listed| (*kind, listed)));
    let existing: BTreeMap<&str, &Listed> = all().map(|(_, listed)| (listed.arn.as_str(), listed)).collect();
    // The UID counts: a row from before a restore may name an earlier object.
    let in_database: BTreeSet<(&AccountRef, &str, Option<&str>)> =
        recorded.iter().map(|record| (&record.account, &*record.arn, record.uid.as_deref())).collect();
    let uid = |account: &AccountRef| accounts.get(account).and_then(|state| state.uid.as_deref());
    let disagrees = |status: &&StatusEntry| {
        let found = existing.get(status.arn.as_str());
        found.and_then(|listed| account_of(listed, accounts)).as_ref() != Some(&status.account)
            || !in_database.contains(&(&status.account, &*status.arn, uid(&status.account)))
    };
    let ready = statuses.iter().filter(|status| status.is_ready);
    let drifted = ready.filter(disagrees).map(|status| status.account.clone()).collect();
    let mut report = ComparisonReport { drifted, orphans: BTreeMap::new() };
    let (known, others): (Vec<_>, Vec<_>) =
        all().partition(|(_, listed)| duplicates.contains(listed.arn.as_str()));
    classify(others.into_iter(), accounts, statuses, recorded, &mut report);
    let is_named = |arn: &str| {
        statuses.iter().any(|status| status.arn == arn) || recorded.iter().any(|row| row.arn == arn)
    };
    for (kind, listed) in known.into_iter().filter(|(_, listed)| !is_named(&listed.arn)) {
        report.orphans.insert(listed.arn.clone(), describe_orphan(kind, listed, OrphanReason::Duplicate));
    }
    report
}

/// Classifies each resource: recorded, drifted, or an orphan.
fn classify<'l>(
    all: impl Iterator<Item = (ResourceKind, &'l Listed)>,
    accounts: &AccountStates,
    statuses: &[StatusEntry],
    recorded: &[RecordedResource],
    report: &mut ComparisonReport,
) {
    let rows = recorded.iter().filter(|row| accounts.contains_key(&row.account));
    let rows = rows.map(|row| (row.arn.as_str(), &row.account));
    let named: BTreeMap<_, _> =
        statuses.iter().map(|status| (status.arn.as_str(), &status.account)).chain(rows).collect();
    let has: BTreeSet<_> = statuses.iter().map(|status| (&status.account, status.kind)).collect();
    let retained: BTreeSet<_> =
        recorded.iter().filter(|row| row.retained).map(|row| row.arn.as_str()).collect();
    for (kind, listed) in all {
        let arn = listed.arn.as_str();
        match (account_of(listed, accounts), named.get(arn)) {
            // A duplicate, or an unknown resource of a stalled account.
            (Some(account), None) if has.contains(&(&account, kind)) || accounts[&account].is_stalled => {
                report.drifted.insert(account);
            }
            // Recorded, or being created or deleted.
            (Some(_), _) => {}
            // A record names the owner, but the tags do not.
            (None, Some(account)) => drop(report.drifted.insert((*account).clone())),
            (None, None) if retained.contains(arn) => {}
            (None, None) => {
                let orphan = describe_orphan(kind, listed, OrphanReason::Unowned);
                report.orphans.insert(listed.arn.clone(), orphan);
            }
        }
    }
}

/// Returns the account in the tags, unless it holds another user.
fn account_of(listed: &Listed, accounts: &AccountStates) -> Option<AccountRef> {
    let account = AccountRef::parse(listed.tags.get(tags::ACCOUNT)?)?;
    let state = accounts.get(&account)?;
    let is_owner = match state.user {
        Some(user) => is_of_user(listed, user),
        // A stalled account without a user, such as one that waits for a username, owns nothing.
        None => !state.is_stalled,
    };
    is_owner.then_some(account)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provision::inventory::tests::{account, listed, listing};

    fn accounts(all: &[(&str, u128)]) -> AccountStates {
        let state = |user| AccountState { user: Some(Uuid::from_u128(user)), ..AccountState::default() };
        all.iter().map(|(name, user)| (account(name), state(*user))).collect()
    }

    fn status(name: &str, arn: &str) -> StatusEntry {
        StatusEntry {
            account: account(name),
            kind: ResourceKind::Channel,
            arn: arn.to_owned(),
            is_ready: true,
        }
    }

    fn row(name: &str, arn: &str) -> RecordedResource {
        let retained = name == "kept";
        RecordedResource {
            user: Uuid::nil(),
            age: Duration::ZERO,
            account: account(name),
            uid: None,
            kind: ResourceKind::Channel,
            arn: arn.to_owned(),
            retained,
            deleting: false,
            pending_update: None,
        }
    }

    fn drift(
        listing: &Listing,
        accounts: &AccountStates,
        statuses: &[StatusEntry],
        recorded: &[RecordedResource],
    ) -> ComparisonReport {
        compare_with_records(listing, accounts, statuses, recorded, &Duplicates::new())
    }

    #[test]
    fn a_listed_duplicate_stays_on_the_orphan_list_and_is_no_drift() {
        let report = compare_with_records(
            &listing(vec![listed("a", "todd", 1), listed("b", "todd", 1)]),
            &accounts(&[("todd", 1)]),
            &[status("todd", "a")],
            &[row("todd", "a")],
            &Duplicates::from(["a", "b"]),
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
            &listing(vec![listed("a", "todd", 1)]),
            &accounts(&[("todd", 1)]),
            &[status("todd", "a")],
            &[row("todd", "a")],
        );
        assert_eq!(report, ComparisonReport::default());
    }

    #[test]
    fn a_resource_missing_from_aws_or_the_database_is_drift() {
        let report = drift(
            &listing(vec![listed("b", "ann", 2)]),
            &accounts(&[("todd", 1), ("ann", 2)]),
            &[status("todd", "a"), status("ann", "b")],
            &[row("todd", "a")],
        );
        assert_eq!(report.drifted, BTreeSet::from([account("todd"), account("ann")]));
        assert!(report.orphans.is_empty());
    }

    #[test]
    fn a_row_that_names_an_earlier_object_is_drift() {
        let earlier = RecordedResource { uid: Some("earlier".to_owned()), ..row("todd", "a") };
        let report = drift(
            &listing(vec![listed("a", "todd", 1)]),
            &accounts(&[("todd", 1)]),
            &[status("todd", "a")],
            &[earlier],
        );
        assert_eq!(report.drifted, BTreeSet::from([account("todd")]));
    }

    #[test]
    fn a_resource_without_account_is_an_orphan_unless_retained() {
        let report = drift(
            &listing(vec![listed("gone", "gone", 3), listed("kept", "kept", 4)]),
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
            &listing(vec![listed("a", "todd", 1), listed("late", "todd", 1)]),
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
            &listing(vec![listed("a", "todd", 2), listed("left", "todd", 1)]),
            &accounts(&[("todd", 2)]),
            &[status("todd", "a")],
            &[row("todd", "a")],
        );
        assert!(report.drifted.is_empty());
        assert_eq!(report.orphans.into_keys().collect::<Vec<_>>(), ["left"]);

        let new = AccountStates::from([(account("todd"), AccountState::default())]);
        let report = drift(&listing(vec![listed("left", "todd", 1)]), &new, &[], &[]);
        assert_eq!(report, ComparisonReport::default(), "the account's user is not known yet");

        let waiting = AccountStates::from([(
            account("todd"),
            AccountState { is_stalled: true, ..AccountState::default() },
        )]);
        let report = drift(&listing(vec![listed("left", "todd", 1)]), &waiting, &[], &[]);
        assert_eq!(
            report.orphans.into_keys().collect::<Vec<_>>(),
            ["left"],
            "an account that waits for a username owns nothing"
        );
    }

    #[test]
    fn a_duplicate_of_a_stalled_account_is_drift_but_its_own_is_not() {
        let user = Some(Uuid::from_u128(1));
        let stalled =
            AccountStates::from([(account("todd"), AccountState { user, is_stalled: true, uid: None })]);
        let named = StatusEntry { is_ready: false, ..status("todd", "a") };
        let of = |all| drift(&listing(all), &stalled, std::slice::from_ref(&named), &[row("todd", "a")]);
        assert_eq!(of(vec![listed("a", "todd", 1)]), ComparisonReport::default());
        let in_a_row = drift(&listing(vec![listed("a", "todd", 1)]), &stalled, &[], &[row("todd", "a")]);
        assert_eq!(in_a_row, ComparisonReport::default(), "the row names it, although status does not yet");
        let report = of(vec![listed("a", "todd", 1), listed("late", "todd", 1)]);
        assert_eq!(report.drifted, BTreeSet::from([account("todd")]));
        assert!(report.orphans.is_empty());
    }

    #[test]
    fn a_recorded_resource_that_lost_its_tags_is_drift_and_no_orphan() {
        for (lost, is_ready) in [(tags::USER, true), (tags::USER, false), (tags::ACCOUNT, true)] {
            let mut channel = listed("a", "todd", 1);
            channel.tags.remove(lost);
            let report = drift(
                &listing(vec![channel]),
                &accounts(&[("todd", 1)]),
                &[StatusEntry { is_ready, ..status("todd", "a") }],
                &[row("todd", "a")],
            );
            assert_eq!(report.drifted, BTreeSet::from([account("todd")]), "{lost}");
            assert!(report.orphans.is_empty(), "{lost}");
        }
    }
}
