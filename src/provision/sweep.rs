//! The sweep: everything AWS has, listed page by page, held against what is recorded. Pure, but for the lists.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use k8s_openapi::jiff::Timestamp;
use uuid::Uuid;

use super::{Owner, decide::provide::look_in, orphan};
use crate::{
    api::{AccountRef, ResourceKind, tags},
    ivs::{Kind, Listed, Result},
    store::{Orphan, OrphanReason, RecordedResource},
};

/// All resources of one kind that carry our installation's tag.
#[derive(Clone, Debug, Default)]
pub struct Listing(pub BTreeMap<ResourceKind, Vec<Listed>>);

impl Listing {
    /// Lists one kind: what is this installation's, and the ARNs of all there are.
    ///
    /// # Errors
    /// What AWS did not do.
    pub async fn add<K: Kind>(
        kind: &K,
        installation: &str,
    ) -> Result<(ResourceKind, Vec<Listed>, Vec<String>)> {
        let mut listed = kind.list().await?;
        let arns = listed.iter().map(|listed| listed.arn.clone()).collect();
        listed
            .retain(|listed| listed.tags.get(tags::INSTALLATION).is_some_and(|found| found == installation));
        Ok((K::KIND, listed, arns))
    }
}

/// What the last sweep saw, by account and by user: what brings a user back when status and database are lost.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    all: Vec<(ResourceKind, Listed)>,
    accounts: BTreeMap<String, Vec<usize>>,
    users: BTreeMap<Uuid, Vec<usize>>,
}

impl Inventory {
    /// Sorts a listing by account and by user.
    #[must_use]
    pub fn new(listing: &Listing) -> Self {
        let mut inventory = Self::default();
        for (kind, listed) in listing.0.iter().flat_map(|(kind, all)| all.iter().map(|one| (*kind, one))) {
            let number = inventory.all.len();
            if let Some(account) = listed.tags.get(tags::ACCOUNT) {
                inventory.accounts.entry(account.clone()).or_default().push(number);
            }
            if let Some(user) = user_of(listed) {
                inventory.users.entry(user).or_default().push(number);
            }
            inventory.all.push((kind, listed.clone()));
        }
        inventory
    }

    fn at(&self, numbers: Option<&Vec<usize>>) -> impl Iterator<Item = (ResourceKind, &Listed)> {
        let numbers = numbers.into_iter().flatten();
        numbers.filter_map(|number| self.all.get(*number)).map(|(kind, listed)| (*kind, listed))
    }

    fn of_account(&self, account: &AccountRef) -> impl Iterator<Item = (ResourceKind, &Listed)> {
        self.at(self.accounts.get(&account.to_string()))
    }

    /// The user that this account's resources are tagged with.
    #[must_use]
    pub fn user(&self, account: &AccountRef, username: &str) -> Option<Uuid> {
        // An account made again under another username is another user, and one that is spelled otherwise is refused where there is a row.
        self.of_account(account)
            .filter(|(_, listed)| listed.name == username)
            .find_map(|(_, listed)| user_of(listed))
    }

    /// All that is tagged with this account and user.
    pub fn of(&self, account: &AccountRef, user: Uuid) -> impl Iterator<Item = (ResourceKind, &Listed)> {
        self.of_account(account).filter(move |(_, listed)| is_users(listed, user))
    }

    /// All of one kind that is tagged with this user, whatever its name.
    #[must_use]
    pub fn of_user(&self, user: Uuid, kind: ResourceKind) -> Vec<Listed> {
        let all = self.at(self.users.get(&user)).filter(|(found, _)| *found == kind);
        all.map(|(_, listed)| listed.clone()).collect()
    }

    /// The ARN of a resource of this user; the first, if a crash left more than one. One of its name and account, and without the
    /// tag that names the user, counts too, where there is no other.
    #[must_use]
    pub fn arn(&self, owner: &Owner, kind: ResourceKind) -> Option<&str> {
        let is_owned = |listed: &Listed| is_users(listed, owner.user);
        let may_be = |(found, listed): &(ResourceKind, &Listed)| {
            *found == kind
                && (is_owned(listed) || listed.name == owner.username && owner.may_own(&listed.tags))
        };
        let all = self.of_account(&owner.account).chain(self.at(self.users.get(&owner.user)));
        let all = all.filter(may_be).map(|(_, listed)| (!is_owned(listed), listed.arn.as_str()));
        all.min().map(|(_, arn)| arn)
    }

    /// The times at which resources were changed last, by ARN, where AWS shows that.
    #[must_use]
    pub fn updates(&self) -> BTreeMap<&str, Timestamp> {
        self.all.iter().filter_map(|(_, listed)| Some((listed.arn.as_str(), listed.updated_at?))).collect()
    }
}

/// The user that tags name.
fn user_of(listed: &Listed) -> Option<Uuid> {
    listed.tags.get(tags::USER)?.parse().ok()
}

fn is_users(listed: &Listed, user: Uuid) -> bool {
    listed.tags.get(tags::USER).is_some_and(|found| *found == user.to_string())
}

/// What an account's status says of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The account.
    pub account: AccountRef,
    /// Which of the three.
    pub kind: ResourceKind,
    /// Its ARN.
    pub arn: String,
    /// Whether status says that it is there as the spec says.
    pub is_well: bool,
}

/// What a sweep found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Accounts whose records do not agree with AWS: they are looked at one by one.
    pub drifted: BTreeSet<AccountRef>,
    /// What carries our installation's tag and no account owns (I6), by ARN.
    pub orphans: BTreeMap<String, Orphan>,
}

/// What is on the orphan list as a duplicate, by ARN.
pub type Duplicates<'a> = BTreeSet<&'a str>;

/// Accounts of which something that is well was changed, and was not seen to stay yet, and how long until it is looked at.
#[must_use]
pub fn changed(
    recorded: &[RecordedResource],
    statuses: &[Record],
    grace: Duration,
) -> BTreeMap<AccountRef, Duration> {
    let well: BTreeSet<_> =
        statuses.iter().filter(|status| status.is_well).map(|status| status.arn.as_str()).collect();
    let mut changed = BTreeMap::new();
    for record in recorded.iter().filter(|record| well.contains(record.arn.as_str())) {
        if let Some(edit) = &record.pending_update {
            let left = look_in(edit, grace).unwrap_or_default();
            let earliest = changed.entry(record.account.clone()).or_insert(left);
            *earliest = left.min(*earliest);
        }
    }
    changed
}

/// How an account stands, by its status.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// UID of its object.
    pub uid: Option<String>,
    /// Its user.
    pub user: Option<Uuid>,
    /// Whether it waits for somebody to change something: then nothing is tried for it.
    pub is_stalled: bool,
}

/// All accounts there are.
pub type Accounts = BTreeMap<AccountRef, Standing>;

/// Holds what AWS has against what status and database say.
#[must_use]
pub fn compare(
    listing: &Listing,
    accounts: &Accounts,
    statuses: &[Record],
    recorded: &[RecordedResource],
    duplicates: &Duplicates<'_>,
) -> Report {
    let all = || listing.0.iter().flat_map(|(kind, all)| all.iter().map(|listed| (*kind, listed)));
    let existing: BTreeMap<&str, &Listed> = all().map(|(_, listed)| (listed.arn.as_str(), listed)).collect();
    // By the object that it is of: a row from before a restore may name an earlier one.
    let in_database: BTreeSet<(&AccountRef, &str, Option<&str>)> =
        recorded.iter().map(|record| (&record.account, &*record.arn, record.uid.as_deref())).collect();
    let uid = |account: &AccountRef| accounts.get(account).and_then(|standing| standing.uid.as_deref());
    let disagrees = |status: &&Record| {
        let found = existing.get(status.arn.as_str());
        found.and_then(|listed| account_of(listed, accounts)).as_ref() != Some(&status.account)
            || !in_database.contains(&(&status.account, &*status.arn, uid(&status.account)))
    };
    let well = statuses.iter().filter(|status| status.is_well);
    let drifted = well.filter(disagrees).map(|status| status.account.clone()).collect();
    let mut report = Report { drifted, orphans: BTreeMap::new() };
    let (known, others): (Vec<_>, Vec<_>) =
        all().partition(|(_, listed)| duplicates.contains(listed.arn.as_str()));
    sort(others.into_iter(), accounts, statuses, recorded, &mut report);
    let is_named = |arn: &str| {
        statuses.iter().any(|status| status.arn == arn) || recorded.iter().any(|row| row.arn == arn)
    };
    for (kind, listed) in known.into_iter().filter(|(_, listed)| !is_named(&listed.arn)) {
        report.orphans.insert(listed.arn.clone(), orphan(kind, listed, OrphanReason::Duplicate));
    }
    report
}

/// Whose each one is: what a record names, one too many, or an orphan.
fn sort<'l>(
    all: impl Iterator<Item = (ResourceKind, &'l Listed)>,
    accounts: &Accounts,
    statuses: &[Record],
    recorded: &[RecordedResource],
    report: &mut Report,
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
            // One beside the one that it has, or one that it does not know of while it waits for a person: it is looked at.
            (Some(account), None) if has.contains(&(&account, kind)) || accounts[&account].is_stalled => {
                report.drifted.insert(account);
            }
            // It is as it should be, or is being made, or taken away.
            (Some(_), _) => {}
            // A record says whose it is, and its tags do not.
            (None, Some(account)) => drop(report.drifted.insert((*account).clone())),
            (None, None) if retained.contains(arn) => {}
            (None, None) => {
                let orphan = orphan(kind, listed, OrphanReason::Unowned);
                report.orphans.insert(listed.arn.clone(), orphan);
            }
        }
    }
}

/// The account whose it is: of this name, and not known to hold another user, or none.
fn account_of(listed: &Listed, accounts: &Accounts) -> Option<AccountRef> {
    let account = AccountRef::parse(listed.tags.get(tags::ACCOUNT)?)?;
    let standing = accounts.get(&account)?;
    let is_its = match standing.user {
        Some(user) => is_users(listed, user),
        // Who waits for a username, say, has nothing.
        None => !standing.is_stalled,
    };
    is_its.then_some(account)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ivs::Tags;

    fn account(name: &str) -> AccountRef {
        AccountRef { namespace: "default".to_owned(), name: name.to_owned() }
    }

    fn accounts(all: &[(&str, u128)]) -> Accounts {
        let standing = |user| Standing { user: Some(Uuid::from_u128(user)), ..Standing::default() };
        all.iter().map(|(name, user)| (account(name), standing(*user))).collect()
    }

    fn listed(arn: &str, account: &str, user: u128) -> Listed {
        let tags = Tags::from([
            (tags::ACCOUNT.to_owned(), format!("default/{account}")),
            (tags::USER.to_owned(), Uuid::from_u128(user).to_string()),
        ]);
        Listed { arn: arn.to_owned(), name: account.to_owned(), tags, updated_at: None }
    }

    fn listing(all: Vec<Listed>) -> Listing {
        Listing(BTreeMap::from([(ResourceKind::Channel, all)]))
    }

    fn status(name: &str, arn: &str) -> Record {
        Record { account: account(name), kind: ResourceKind::Channel, arn: arn.to_owned(), is_well: true }
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

    fn compared(
        listing: &Listing,
        accounts: &Accounts,
        statuses: &[Record],
        recorded: &[RecordedResource],
    ) -> Report {
        compare(listing, accounts, statuses, recorded, &Duplicates::new())
    }

    #[test]
    fn a_duplicate_on_the_list_stays_there_and_is_no_drift() {
        let report = compare(
            &listing(vec![listed("a", "todd", 1), listed("b", "todd", 1)]),
            &accounts(&[("todd", 1)]),
            &[status("todd", "a")],
            &[row("todd", "a")],
            &Duplicates::from(["a", "b"]),
        );
        assert!(report.drifted.is_empty());
        let reasons: Vec<_> = report.orphans.values().map(|orphan| (&orphan.arn, orphan.reason)).collect();
        assert_eq!(reasons, [(&Some("b".to_owned()), OrphanReason::Duplicate)], "what is recorded is none");
    }

    #[test]
    fn what_somebody_renamed_is_found_by_its_tags() {
        let renamed = Listed { name: "another-name".to_owned(), ..listed("a", "todd", 1) };
        let room = listed("r", "todd", 1);
        let listing = Listing(BTreeMap::from([
            (ResourceKind::Channel, vec![renamed.clone()]),
            (ResourceKind::ChatRoom, vec![room]),
        ]));
        let inventory = Inventory::new(&listing);
        assert_eq!(inventory.user(&account("todd"), "todd"), Some(Uuid::from_u128(1)));
        assert_eq!(inventory.of_user(Uuid::from_u128(1), ResourceKind::Channel), [renamed]);
    }

    #[test]
    fn where_all_agree_there_is_nothing_to_report() {
        let report = compared(
            &listing(vec![listed("a", "todd", 1)]),
            &accounts(&[("todd", 1)]),
            &[status("todd", "a")],
            &[row("todd", "a")],
        );
        assert_eq!(report, Report::default());
    }

    #[test]
    fn what_vanished_from_aws_or_the_database_is_drift() {
        let report = compared(
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
        let report = compared(
            &listing(vec![listed("a", "todd", 1)]),
            &accounts(&[("todd", 1)]),
            &[status("todd", "a")],
            &[earlier],
        );
        assert_eq!(report.drifted, BTreeSet::from([account("todd")]));
    }

    #[test]
    fn what_no_account_owns_is_an_orphan_unless_it_is_retained() {
        let report = compared(
            &listing(vec![listed("gone", "gone", 3), listed("kept", "kept", 4)]),
            &Accounts::new(),
            &[],
            &[row("kept", "kept"), row("gone", "gone")],
        );
        let orphans: Vec<_> = report.orphans.into_keys().collect();
        assert_eq!(orphans, ["gone"], "a row alone keeps nothing");
    }

    #[test]
    fn one_more_than_an_account_should_have_is_drift() {
        let report = compared(
            &listing(vec![listed("a", "todd", 1), listed("late", "todd", 1)]),
            &accounts(&[("todd", 1)]),
            &[status("todd", "a")],
            &[row("todd", "a")],
        );
        assert_eq!(report.drifted, BTreeSet::from([account("todd")]));
        assert!(report.orphans.is_empty());
    }

    #[test]
    fn what_another_user_left_is_not_the_accounts_that_has_the_name_now() {
        let report = compared(
            &listing(vec![listed("a", "todd", 2), listed("left", "todd", 1)]),
            &accounts(&[("todd", 2)]),
            &[status("todd", "a")],
            &[row("todd", "a")],
        );
        assert!(report.drifted.is_empty());
        assert_eq!(report.orphans.into_keys().collect::<Vec<_>>(), ["left"]);

        let new = Accounts::from([(account("todd"), Standing::default())]);
        let report = compared(&listing(vec![listed("left", "todd", 1)]), &new, &[], &[]);
        assert_eq!(report, Report::default(), "whose the account is is not known yet");

        let waiting =
            Accounts::from([(account("todd"), Standing { is_stalled: true, ..Standing::default() })]);
        let report = compared(&listing(vec![listed("left", "todd", 1)]), &waiting, &[], &[]);
        assert_eq!(
            report.orphans.into_keys().collect::<Vec<_>>(),
            ["left"],
            "who waits for a username has nothing"
        );
    }

    #[test]
    fn one_too_many_of_an_account_that_waits_for_a_person_is_drift_and_what_it_waits_with_is_not() {
        let user = Some(Uuid::from_u128(1));
        let stalled = Accounts::from([(account("todd"), Standing { user, is_stalled: true, uid: None })]);
        let named = Record { is_well: false, ..status("todd", "a") };
        let of = |all| compared(&listing(all), &stalled, std::slice::from_ref(&named), &[row("todd", "a")]);
        assert_eq!(of(vec![listed("a", "todd", 1)]), Report::default());
        let in_a_row = compared(&listing(vec![listed("a", "todd", 1)]), &stalled, &[], &[row("todd", "a")]);
        assert_eq!(in_a_row, Report::default(), "it is known, though status does not say so yet");
        let report = of(vec![listed("a", "todd", 1), listed("late", "todd", 1)]);
        assert_eq!(report.drifted, BTreeSet::from([account("todd")]));
        assert!(report.orphans.is_empty());
    }

    #[test]
    fn what_has_lost_the_tag_of_its_user_or_its_account_is_drift_and_no_orphan() {
        for (lost, is_well) in [(tags::USER, true), (tags::USER, false), (tags::ACCOUNT, true)] {
            let mut channel = listed("a", "todd", 1);
            channel.tags.remove(lost);
            let report = compared(
                &listing(vec![channel]),
                &accounts(&[("todd", 1)]),
                &[Record { is_well, ..status("todd", "a") }],
                &[row("todd", "a")],
            );
            assert_eq!(report.drifted, BTreeSet::from([account("todd")]), "{lost}");
            assert!(report.orphans.is_empty(), "{lost}");
        }
    }

    #[test]
    fn an_account_is_found_again_by_its_tags() {
        let inventory = Inventory::new(&listing(vec![listed("b", "todd", 1), listed("a", "todd", 1)]));
        assert_eq!(inventory.user(&account("todd"), "todd"), Some(Uuid::from_u128(1)));
        for other in ["Todd", "another"] {
            assert_eq!(inventory.user(&account("todd"), other), None);
        }
        assert_eq!(inventory.arn(&owner(), ResourceKind::Channel), Some("a"));
        assert_eq!(inventory.arn(&owner(), ResourceKind::Stage), None);
        assert_eq!(inventory.user(&account("ann"), "ann"), None);
    }

    #[test]
    fn what_has_lost_the_tag_of_its_user_is_found_by_name_and_account_where_there_is_no_other() {
        let mut channel = listed("a", "todd", 1);
        channel.tags.remove(tags::USER);
        let inventory = Inventory::new(&listing(vec![channel.clone(), listed("b", "todd", 1)]));
        assert_eq!(inventory.user(&account("todd"), "todd"), Some(Uuid::from_u128(1)));
        assert_eq!(inventory.arn(&owner(), ResourceKind::Channel), Some("b"));
        let inventory = Inventory::new(&listing(vec![channel]));
        assert_eq!(inventory.arn(&owner(), ResourceKind::Channel), Some("a"));
    }

    fn owner() -> Owner {
        let (installation, username) = ("here".to_owned(), "todd".to_owned());
        Owner { installation, user: Uuid::from_u128(1), account: account("todd"), username }
    }
}
