//! Comparison of a complete list of AWS with status and the database, at each resync. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    Inventory, RecordedRows, StatusEntry, StatusRecords, TaggedResource, decide::converge::recheck_in,
    describe_orphan,
};
use crate::{
    api::{AccountRef, Arn, CompactId, ResourceKind},
    store::{Orphan, OrphanReason, RecordedResource},
};

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
    accounts: &StatusRecords,
    grace: Duration,
) -> BTreeMap<AccountRef, Duration> {
    let is_ready = |record: &RecordedResource| {
        let entry = accounts.resource(&record.owner.account, record.kind);
        entry.is_some_and(|entry| entry.is_ready && *entry.arn == record.arn)
    };
    let mut rechecks = BTreeMap::new();
    for record in recorded {
        if let Some(update) = record.pending_update.as_ref().filter(|_| is_ready(record)) {
            let recheck_in = recheck_in(update, grace).unwrap_or_default();
            let earliest = rechecks.entry(record.owner.account.clone()).or_insert(recheck_in);
            *earliest = recheck_in.min(*earliest);
        }
    }
    rechecks
}

/// Compares AWS with the status of all accounts and with the database. `accounts`: the statuses after the
/// rows were read.
#[must_use]
pub fn compare_with_records(
    inventory: &Inventory,
    accounts: &StatusRecords,
    recorded: &RecordedRows,
    duplicates: &Duplicates,
) -> ComparisonReport {
    let drifted = drifted(inventory, accounts, recorded);
    let mut report = ComparisonReport { drifted, orphans: BTreeMap::new() };
    let named = Named::new(inventory, accounts, recorded);
    for resource in inventory.others() {
        if duplicates.contains(&resource.arn) {
            named.classify_duplicate(resource, &mut report);
        } else {
            named.classify(resource, &mut report);
        }
    }
    let changed = (0..inventory.statuses().len()).filter(|position| !recorded.is_same_object(*position));
    for (position, entry) in changed.flat_map(|at| inventory.recorded_at(at).map(move |entry| (at, entry))) {
        if accounts.get(entry.account).is_some() {
            // Its account, which status named when the list began, is still there.
            if !is_owner(inventory, position, accounts) && !duplicates.contains(entry.arn) {
                report.drifted.insert(entry.account.clone());
            }
            continue;
        }
        let resource = inventory.to_resource(position, entry);
        if !duplicates.contains(entry.arn) {
            named.classify(&resource, &mut report);
        } else if !recorded.is_as_recorded(position, entry.kind) {
            named.classify_duplicate(&resource, &mut report);
        }
    }
    report
}

/// Returns the accounts with a ready resource of which list and database do not say the same as status.
fn drifted(inventory: &Inventory, accounts: &StatusRecords, recorded: &RecordedRows) -> BTreeSet<AccountRef> {
    let differing: Vec<_> =
        recorded.differing(inventory, accounts).filter(|status| status.is_ready).collect();
    let arns: BTreeSet<&Arn> = differing.iter().map(|status| status.arn).collect();
    let others = inventory.others().filter(|resource| arns.contains(&resource.arn));
    let existing: BTreeMap<&Arn, &TaggedResource> =
        others.map(|resource| (&resource.arn, resource)).collect();
    // The UID counts: a row from before a restore may name an earlier object.
    let rows = recorded.others().iter().filter(|row| arns.contains(&row.arn));
    let in_database: BTreeSet<(&AccountRef, &Arn, Option<&CompactId>)> =
        rows.map(|row| (&row.owner.account, &row.arn, row.owner.uid.as_ref())).collect();
    let disagrees = |status: &StatusEntry<'_>| {
        let Some(position) = inventory.statuses().position(status.account) else { return true };
        let uid = accounts.get(status.account).and_then(|account| account.state().uid);
        let is_listed = if inventory.is_as_recorded(position, status.kind) {
            is_owner(inventory, position, accounts)
        } else {
            let found = existing.get(status.arn);
            found.and_then(|resource| account_of(resource, accounts)).as_ref() == Some(status.account)
        };
        let has_row = recorded.is_as_recorded(position, status.kind)
            && inventory.statuses().at(position).state().uid == uid
            || in_database.contains(&(status.account, status.arn, uid));
        !is_listed || !has_row
    };
    differing.iter().filter(|status| disagrees(status)).map(|status| status.account.clone()).collect()
}

/// The records that name the resources which are not exactly what a status said.
struct Named<'r> {
    inventory: &'r Inventory,
    accounts: &'r StatusRecords,
    /// The accounts of the records, by ARN. A row without an account makes no owner.
    owners: BTreeMap<&'r Arn, &'r AccountRef>,
    /// The ARNs in rows, whether the account exists or not.
    in_rows: BTreeSet<&'r Arn>,
    /// The ARNs in rows of users that are retained.
    retained: BTreeSet<&'r Arn>,
}

impl<'r> Named<'r> {
    fn new(inventory: &'r Inventory, accounts: &'r StatusRecords, recorded: &'r RecordedRows) -> Self {
        let rows = recorded.others().iter();
        let in_rows = rows.clone().map(|row| &row.arn).collect();
        let retained = rows.clone().filter(|row| row.owner.retained).map(|row| &row.arn).collect();
        // A resource that was recorded during the list is in the later status only, and one that was replaced
        // during the list in the earlier one.
        let before = (0..inventory.statuses().len()).flat_map(|position| {
            let kinds =
                ResourceKind::ALL.into_iter().filter(move |kind| !inventory.is_as_recorded(position, *kind));
            kinds.filter_map(move |kind| inventory.statuses().at(position).resource(kind))
        });
        let before = before.filter(|entry| accounts.get(entry.account).is_some());
        let now = accounts.with_positions_in(inventory.statuses()).flat_map(|(status, position)| {
            let entries = ResourceKind::ALL.into_iter().filter_map(|kind| status.resource(kind));
            entries.filter(move |entry| {
                let before =
                    position.and_then(|position| inventory.statuses().at(position).resource(entry.kind));
                before.is_none_or(|before| before.arn != entry.arn)
            })
        });
        let statuses = before.chain(now).map(|entry| (entry.arn, entry.account));
        let rows = rows.filter(|row| accounts.get(&row.owner.account).is_some());
        let owners = statuses.chain(rows.map(|row| (&row.arn, &row.owner.account))).collect();
        Self { inventory, accounts, owners, in_rows, retained }
    }

    /// Classifies a resource: recorded, drifted, or an orphan.
    fn classify(&self, resource: &TaggedResource, report: &mut ComparisonReport) {
        let (arn, kind) = (&resource.arn, resource.kind);
        match (account_of(resource, self.accounts), self.owners.get(arn)) {
            // A duplicate, or an unknown resource of a stalled account.
            (Some(account), None) if self.has(&account, kind) || self.is_stalled(&account) => {
                report.drifted.insert(account);
            }
            // Recorded, or being created or deleted.
            (Some(_), _) => {}
            // A record names the owner, but the tags do not.
            (None, Some(account)) => drop(report.drifted.insert((*account).clone())),
            (None, None) if self.retained.contains(arn) => {}
            (None, None) => report.add_orphan(resource, OrphanReason::Unowned),
        }
    }

    /// Classifies a resource that is on the orphan list as a duplicate: recorded, or an orphan.
    fn classify_duplicate(&self, resource: &TaggedResource, report: &mut ComparisonReport) {
        if !self.owners.contains_key(&resource.arn) && !self.in_rows.contains(&resource.arn) {
            report.add_orphan(resource, OrphanReason::Duplicate);
        }
    }

    /// Returns true if the status of an account names a resource of this kind.
    fn has(&self, account: &AccountRef, kind: ResourceKind) -> bool {
        [self.inventory.statuses(), self.accounts].iter().any(|all| all.resource(account, kind).is_some())
    }

    fn is_stalled(&self, account: &AccountRef) -> bool {
        self.accounts.get(account).is_some_and(|account| account.state().is_stalled)
    }
}

impl ComparisonReport {
    fn add_orphan(&mut self, resource: &TaggedResource, reason: OrphanReason) {
        self.orphans.insert(resource.arn.to_string(), describe_orphan(resource, reason));
    }
}

/// Returns the account in the tags, unless it holds another user.
fn account_of(resource: &TaggedResource, accounts: &StatusRecords) -> Option<AccountRef> {
    let account = AccountRef::parse(resource.account.as_deref()?)?;
    let state = accounts.get(&account)?.state();
    let is_owner = match state.user {
        Some(user) => resource.is_of_user(user),
        // A stalled account without a user, such as one that waits for a username, owns nothing.
        None => !state.is_stalled,
    };
    is_owner.then_some(account)
}

/// Returns true if the account of the status at a position exists, and holds no other user.
fn is_owner(inventory: &Inventory, position: usize, accounts: &StatusRecords) -> bool {
    let status = inventory.statuses().at(position);
    let now = accounts.get(status.account()).map(|account| account.state());
    now.is_some_and(|now| now.user.map_or(!now.is_stalled, |user| status.state().user == Some(user)))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        api::tags,
        ivs::{Listed, Target},
        provision::{
            inventory::tests::{account, inventory_with, listed as listed_as},
            status_record::tests::{TestStatus, records},
        },
        store::{Absences, InFlight, Missing, MissingRow, PendingUpdate, RecordedUser},
    };

    const PREFIX: &str = "arn:aws:ivs:eu-west-1:1:channel/";

    /// Returns the user of an account in the rows.
    fn user(name: &str) -> u128 {
        ["", "todd", "ann", "gone", "kept"].iter().position(|known| *known == name).expect("a name") as u128
    }

    fn arn(id: &str) -> String {
        format!("{PREFIX}{id}")
    }

    fn listed(id: &str, account: &str, user: u128) -> Listed {
        listed_as(&arn(id), account, user)
    }

    /// Returns the status of an account without resources.
    fn without(name: &str) -> TestStatus {
        TestStatus::new(name, Some(user(name)))
    }

    /// Returns the status of an account with a channel.
    fn status(name: &str, id: &str) -> TestStatus {
        without(name).with_channel(&arn(id))
    }

    fn row(name: &str, id: &str) -> RecordedResource {
        let (account, retained) = (account(name), name == "kept");
        let user = Uuid::from_u128(user(name));
        let owner = RecordedUser { user, account, uid: None, retained, deleting: false };
        RecordedResource {
            owner: owner.into(),
            kind: ResourceKind::Channel,
            arn: arn(id).as_str().into(),
            age: Duration::ZERO,
            pending_update: None,
        }
    }

    /// The findings: the accounts that drifted, the orphans by id, and the number of consistent channels.
    #[derive(Debug, Default, PartialEq)]
    struct Found {
        drifted: Vec<String>,
        orphans: Vec<(String, OrphanReason)>,
        consistent: usize,
    }

    /// Compares as a resync does. `before` and `after`: the statuses before the list and after the rows.
    fn compare(
        listed: &[Listed],
        (before, after): (&[TestStatus], &[TestStatus]),
        rows: &[RecordedResource],
        duplicates: &[&str],
    ) -> Found {
        let (inventory, accounts) = (inventory_with(before, listed), records(after));
        let mut recorded = RecordedRows::new(&inventory, &Absences::default());
        let target = Target::new("eu-west-1", Some("1".to_owned()));
        for row in rows {
            recorded.add(row.clone(), &inventory, &target);
        }
        recorded.compare_with(&inventory, &accounts);
        let duplicates = duplicates.iter().map(|id| arn(id).as_str().into()).collect();
        let report = compare_with_records(&inventory, &accounts, &recorded, &duplicates);
        let id = |arn: &String| arn.trim_start_matches(PREFIX).to_owned();
        Found {
            drifted: report.drifted.into_iter().map(|account| account.name).collect(),
            orphans: report.orphans.iter().map(|(arn, orphan)| (id(arn), orphan.reason)).collect(),
            consistent: recorded.consistent()[ResourceKind::Channel],
        }
    }

    fn drift(listed: &[Listed], statuses: &[TestStatus], rows: &[RecordedResource]) -> Found {
        compare(listed, (statuses, statuses), rows, &[])
    }

    fn unowned(ids: &[&str]) -> Vec<(String, OrphanReason)> {
        ids.iter().map(|id| ((*id).to_owned(), OrphanReason::Unowned)).collect()
    }

    fn drifted(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_listed_duplicate_stays_on_the_orphan_list_and_is_no_drift() {
        let statuses = [status("todd", "a")];
        let all = [listed("a", "todd", 1), listed("b", "todd", 1)];
        let found = compare(&all, (&statuses, &statuses), &[row("todd", "a")], &["a", "b"]);
        let orphans = vec![("b".to_owned(), OrphanReason::Duplicate)];
        assert_eq!(
            found,
            Found { orphans, consistent: 1, ..Found::default() },
            "a recorded resource is no orphan"
        );
    }

    #[test]
    fn a_listed_resource_without_a_row_is_unnamed() {
        let statuses = [status("todd", "a"), status("ann", "b")];
        let all = [listed("a", "todd", 1), listed("b", "ann", 2), listed("c", "ann", 2)];
        let inventory = inventory_with(&statuses, &all);
        let mut recorded = RecordedRows::new(&inventory, &Absences::default());
        recorded.add(row("todd", "a"), &inventory, &Target::new("eu-west-1", Some("1".to_owned())));
        let unnamed = |excused: &str| -> BTreeSet<String> {
            let unnamed = recorded.unnamed(&inventory, |found| found.is(&arn(excused)));
            unnamed.iter().map(|resource| resource.arn.to_string()).collect()
        };
        assert_eq!(unnamed("none"), BTreeSet::from([arn("b"), arn("c")]));
        assert_eq!(unnamed("c"), BTreeSet::from([arn("b")]));
    }

    #[test]
    fn consistent_records_are_no_drift() {
        let found = drift(&[listed("a", "todd", 1)], &[status("todd", "a")], &[row("todd", "a")]);
        assert_eq!(found, Found { consistent: 1, ..Found::default() });
    }

    #[test]
    fn a_resource_missing_from_aws_or_the_database_is_drift() {
        let found =
            drift(&[listed("b", "ann", 2)], &[status("todd", "a"), status("ann", "b")], &[row("todd", "a")]);
        assert_eq!(found, Found { drifted: drifted(&["ann", "todd"]), ..Found::default() });
    }

    #[test]
    fn a_row_that_names_an_earlier_object_is_drift() {
        let mut earlier = row("todd", "a");
        let uid = Some("earlier".into());
        earlier.owner = RecordedUser { uid, ..RecordedUser::clone(&earlier.owner) }.into();
        let found = drift(&[listed("a", "todd", 1)], &[status("todd", "a")], &[earlier]);
        assert_eq!(found, Found { drifted: drifted(&["todd"]), ..Found::default() });
    }

    #[test]
    fn a_resource_without_account_is_an_orphan_unless_retained() {
        let all = [listed("gone", "gone", 3), listed("kept", "kept", 4)];
        let found = drift(&all, &[], &[row("kept", "kept"), row("gone", "gone")]);
        assert_eq!(found.orphans, unowned(&["gone"]), "a row alone does not make an owner");
    }

    #[test]
    fn a_duplicate_of_an_account_is_drift() {
        let all = [listed("a", "todd", 1), listed("late", "todd", 1)];
        let found = drift(&all, &[status("todd", "a")], &[row("todd", "a")]);
        assert_eq!(found, Found { drifted: drifted(&["todd"]), consistent: 1, ..Found::default() });
    }

    #[test]
    fn a_resource_of_an_earlier_user_is_an_orphan() {
        let all = [listed("a", "todd", 1), listed("left", "todd", 9)];
        let found = drift(&all, &[status("todd", "a")], &[row("todd", "a")]);
        assert_eq!(found, Found { orphans: unowned(&["left"]), consistent: 1, ..Found::default() });

        let new = TestStatus::new("todd", None);
        let found = drift(&[listed("left", "todd", 1)], std::slice::from_ref(&new), &[]);
        assert_eq!(found, Found::default(), "the account's user is not known yet");

        let waiting = TestStatus { is_stalled: true, ..new };
        let found = drift(&[listed("left", "todd", 1)], &[waiting], &[]);
        assert_eq!(found.orphans, unowned(&["left"]), "an account that waits for a username owns nothing");
    }

    #[test]
    fn a_duplicate_of_a_stalled_account_is_drift_but_its_own_is_not() {
        let mut stalled = TestStatus { is_stalled: true, ..without("todd") };
        let in_a_row = drift(&[listed("a", "todd", 1)], std::slice::from_ref(&stalled), &[row("todd", "a")]);
        assert_eq!(in_a_row, Found::default(), "the row names it, although status does not yet");
        stalled.resources.insert(ResourceKind::Channel, (arn("a").as_str().into(), false));
        let of = |all: &[_]| drift(all, std::slice::from_ref(&stalled), &[row("todd", "a")]);
        assert_eq!(of(&[listed("a", "todd", 1)]), Found { consistent: 1, ..Found::default() });
        let found = of(&[listed("a", "todd", 1), listed("late", "todd", 1)]);
        assert_eq!(found, Found { drifted: drifted(&["todd"]), consistent: 1, ..Found::default() });
    }

    #[test]
    fn a_recorded_resource_that_lost_its_tags_is_drift_and_no_orphan() {
        for (lost, is_ready) in [(tags::USER, true), (tags::USER, false), (tags::ACCOUNT, true)] {
            let mut channel = listed("a", "todd", 1);
            channel.tags.remove(lost);
            let mut status = status("todd", "a");
            status.resources.insert(ResourceKind::Channel, (arn("a").as_str().into(), is_ready));
            let found = drift(&[channel], &[status], &[row("todd", "a")]);
            assert_eq!(found, Found { drifted: drifted(&["todd"]), ..Found::default() }, "{lost}");
        }
    }

    #[test]
    fn what_was_deleted_during_the_list_looks_like_an_orphan() {
        let all = [listed("a", "todd", 1)];
        let during = (&[status("todd", "a")][..], &[][..]);
        let found = compare(&all, during, &[], &[]);
        assert_eq!(found, Found { orphans: unowned(&["a"]), ..Found::default() }, "a Get decides");
        let found = compare(&all, during, &[row("todd", "a")], &["a"]);
        assert_eq!(found, Found::default(), "a row still names the duplicate");
    }

    #[test]
    fn what_was_recorded_or_replaced_during_the_list_is_no_drift() {
        let all = [listed("old", "todd", 1), listed("new", "todd", 1), listed("b", "ann", 2)];
        let before = [status("todd", "old")];
        let after = [status("todd", "new"), status("ann", "b")];
        let found = compare(&all, (&before, &after), &[row("todd", "new"), row("ann", "b")], &[]);
        assert_eq!(found, Found::default());
    }

    #[test]
    fn an_account_that_another_object_has_since_is_drift() {
        let (all, rows) = ([listed("a", "todd", 1)], [row("todd", "a")]);
        let other = |change: fn(&mut TestStatus)| {
            let mut after = status("todd", "a");
            change(&mut after);
            compare(&all, (&[status("todd", "a")], &[after]), &rows, &[])
        };
        let drift = Found { drifted: drifted(&["todd"]), ..Found::default() };
        assert_eq!(other(|after| after.uid = Some("later".into())), drift);
        assert_eq!(other(|after| after.user = Some(Uuid::from_u128(9))), drift);
        assert_eq!(other(|_| ()), Found { consistent: 1, ..Found::default() });
    }

    #[test]
    fn a_row_of_which_more_is_to_be_decided_is_kept() {
        let (all, statuses) = ([listed("a", "todd", 1)], [status("todd", "a")]);
        let inventory = inventory_with(&statuses, &all);
        let kept = |row: RecordedResource, absences: &Absences, region| {
            let mut recorded = RecordedRows::new(&inventory, absences);
            recorded.add(row, &inventory, &Target::new(region, Some("1".to_owned())));
            recorded.others().len()
        };
        let (usual, none) = (row("todd", "a"), Absences::default());
        assert_eq!(kept(usual.clone(), &none, "eu-west-1"), 0);
        assert_eq!(kept(usual.clone(), &none, "us-west-2"), 1, "it is elsewhere");
        let with = |change: fn(&mut RecordedUser)| {
            let mut owner = RecordedUser::clone(&usual.owner);
            change(&mut owner);
            RecordedResource { owner: owner.into(), ..usual.clone() }
        };
        assert_eq!(kept(with(|owner| owner.deleting = true), &none, "eu-west-1"), 1);
        assert_eq!(kept(with(|owner| owner.retained = true), &none, "eu-west-1"), 1);
        let in_flight = InFlight { nonce: Uuid::nil(), due_in: Duration::ZERO, overdue: Duration::ZERO };
        let pending_update = Some(Box::new(PendingUpdate { in_flight, repeats: 0 }));
        assert_eq!(kept(RecordedResource { pending_update, ..usual.clone() }, &none, "eu-west-1"), 1);
        let missing = Missing { arn: arn("former"), ..Missing::default() };
        let evidence = MissingRow { user: usual.owner.user, kind: usual.kind, missing };
        let absences = Absences { rows: vec![evidence], ..none };
        assert_eq!(kept(usual, &absences, "eu-west-1"), 1, "evidence about the user may be forgotten");
    }
}
