//! The sweep: everything AWS has, listed page by page, held against what is recorded. Pure, but for the lists.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use uuid::Uuid;

use super::{decide::provide::look_in, orphan};
use crate::{
    api::{AccountRef, ResourceKind, are_alike, tags},
    ivs::{Kind, Listed, Result},
    store::{Orphan, OrphanReason, UserRecord},
};

/// All resources of one kind that carry our installation's tag.
#[derive(Clone, Debug, Default)]
pub struct Listing(pub BTreeMap<ResourceKind, Vec<Listed>>);

impl Listing {
    /// Lists one kind, and keeps what is this installation's.
    ///
    /// # Errors
    /// What AWS did not do.
    pub async fn add<K: Kind>(kind: &K, installation: &str) -> Result<(ResourceKind, Vec<Listed>)> {
        let mut listed = kind.list().await?;
        listed
            .retain(|listed| listed.tags.get(tags::INSTALLATION).is_some_and(|found| found == installation));
        Ok((K::KIND, listed))
    }
}

/// What the last sweep saw, by account: what brings a user back when status and database are lost.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    accounts: BTreeMap<String, Vec<(ResourceKind, Listed)>>,
}

impl Inventory {
    /// Sorts a listing by account.
    #[must_use]
    pub fn new(listing: &Listing) -> Self {
        let mut accounts: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for (kind, all) in &listing.0 {
            for listed in all {
                if let Some(account) = listed.tags.get(tags::ACCOUNT) {
                    accounts.entry(account.clone()).or_default().push((*kind, listed.clone()));
                }
            }
        }
        Self { accounts }
    }

    /// The user that this account's resources are tagged with.
    #[must_use]
    pub fn user(&self, account: &AccountRef, username: &str) -> Option<Uuid> {
        let all = self.accounts.get(&account.to_string())?;
        // An account made again under another username is another user.
        let (_, listed) = all.iter().find(|(_, listed)| are_alike(&listed.name, username))?;
        listed.tags.get(tags::USER)?.parse().ok()
    }

    /// All that is tagged with this account and user.
    pub fn of(&self, account: &AccountRef, user: Uuid) -> impl Iterator<Item = (ResourceKind, &Listed)> {
        let all = self.accounts.get(&account.to_string()).into_iter().flatten();
        all.filter(move |(_, listed)| is_users(listed, user)).map(|(kind, listed)| (*kind, listed))
    }

    /// The ARN of a resource of this user; the first, if a crash left more than one.
    #[must_use]
    pub fn arn(&self, account: &AccountRef, user: Uuid, kind: ResourceKind) -> Option<&str> {
        let of_kind = self.of(account, user).filter(|(found, _)| *found == kind);
        of_kind.map(|(_, listed)| listed.arn.as_str()).min()
    }
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
}

/// What a sweep found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Accounts whose records do not agree with AWS: they are looked at one by one.
    pub drifted: BTreeSet<AccountRef>,
    /// What carries our installation's tag and no account owns (I6), by ARN.
    pub orphans: BTreeMap<String, Orphan>,
}

/// Accounts of which something was changed that was not seen to stay yet, and how long until it is looked at.
#[must_use]
pub fn changed(recorded: &[UserRecord], grace: Duration) -> BTreeMap<AccountRef, Duration> {
    let mut changed = BTreeMap::new();
    for record in recorded {
        if let Some(edit) = &record.edit {
            let left = look_in(edit, grace).unwrap_or_default();
            let earliest = changed.entry(record.account.clone()).or_insert(left);
            *earliest = left.min(*earliest);
        }
    }
    changed
}

/// All accounts there are, each with the user that its status names.
pub type Accounts = BTreeMap<AccountRef, Option<Uuid>>;

/// Holds what AWS has against what status and database say. `statuses` speak of the parts that are well.
#[must_use]
pub fn compare(
    listing: &Listing,
    accounts: &Accounts,
    statuses: &[Record],
    recorded: &[UserRecord],
) -> Report {
    let all = || listing.0.iter().flat_map(|(kind, all)| all.iter().map(|listed| (*kind, listed)));
    let existing: BTreeSet<&str> = all().map(|(_, listed)| listed.arn.as_str()).collect();
    let in_database: BTreeSet<(&AccountRef, &str)> =
        recorded.iter().map(|record| (&record.account, record.arn.as_str())).collect();
    let disagrees = |status: &&Record| {
        !existing.contains(status.arn.as_str())
            || !in_database.contains(&(&status.account, status.arn.as_str()))
    };
    let drifted = statuses.iter().filter(disagrees).map(|status| status.account.clone()).collect();

    let known: BTreeSet<&str> = statuses.iter().map(|status| status.arn.as_str()).collect();
    let unknown = all().filter(|(_, listed)| !known.contains(listed.arn.as_str())).collect();
    let mut report = Report { drifted, orphans: BTreeMap::new() };
    sort_unknown(unknown, accounts, statuses, recorded, &mut report);
    report
}

/// What no status speaks of: one too many of a part that is well, or an orphan, or neither.
fn sort_unknown(
    unknown: Vec<(ResourceKind, &Listed)>,
    accounts: &Accounts,
    statuses: &[Record],
    recorded: &[UserRecord],
    report: &mut Report,
) {
    let retained: BTreeSet<&str> =
        recorded.iter().filter(|record| record.retained).map(|record| record.arn.as_str()).collect();
    let well: BTreeSet<_> = statuses.iter().map(|status| (&status.account, status.kind)).collect();
    for (kind, listed) in unknown {
        match account_of(listed, accounts) {
            // It is looked at, and the one too many goes.
            Some(account) if well.contains(&(&account, kind)) => drop(report.drifted.insert(account)),
            // It is being made, or taken away.
            Some(_) => {}
            None if retained.contains(listed.arn.as_str()) => {}
            None => {
                let orphan = orphan(kind, listed, OrphanReason::Unowned);
                report.orphans.insert(listed.arn.clone(), orphan);
            }
        }
    }
}

/// The account whose it is: of this name, and not known to hold another user.
fn account_of(listed: &Listed, accounts: &Accounts) -> Option<AccountRef> {
    let account = AccountRef::parse(listed.tags.get(tags::ACCOUNT)?)?;
    let user = accounts.get(&account)?;
    user.is_none_or(|user| is_users(listed, user)).then_some(account)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ivs::Tags;

    fn account(name: &str) -> AccountRef {
        AccountRef { namespace: "default".to_owned(), name: name.to_owned() }
    }

    fn accounts(all: &[(&str, u128)]) -> Accounts {
        all.iter().map(|(name, user)| (account(name), Some(Uuid::from_u128(*user)))).collect()
    }

    fn listed(arn: &str, account: &str, user: u128) -> Listed {
        let tags = Tags::from([
            (tags::ACCOUNT.to_owned(), format!("default/{account}")),
            (tags::USER.to_owned(), Uuid::from_u128(user).to_string()),
        ]);
        Listed { arn: arn.to_owned(), name: account.to_owned(), tags }
    }

    fn listing(all: Vec<Listed>) -> Listing {
        Listing(BTreeMap::from([(ResourceKind::Channel, all)]))
    }

    fn status(name: &str, arn: &str) -> Record {
        Record { account: account(name), kind: ResourceKind::Channel, arn: arn.to_owned() }
    }

    fn row(name: &str, arn: &str) -> UserRecord {
        let retained = name == "kept";
        UserRecord {
            account: account(name),
            kind: ResourceKind::Channel,
            arn: arn.to_owned(),
            retained,
            edit: None,
        }
    }

    #[test]
    fn where_all_agree_there_is_nothing_to_report() {
        let report = compare(
            &listing(vec![listed("a", "todd", 1)]),
            &accounts(&[("todd", 1)]),
            &[status("todd", "a")],
            &[row("todd", "a")],
        );
        assert_eq!(report, Report::default());
    }

    #[test]
    fn what_vanished_from_aws_or_the_database_is_drift() {
        let report = compare(
            &listing(vec![listed("b", "ann", 2)]),
            &accounts(&[("todd", 1), ("ann", 2)]),
            &[status("todd", "a"), status("ann", "b")],
            &[row("todd", "a")],
        );
        assert_eq!(report.drifted, BTreeSet::from([account("todd"), account("ann")]));
        assert!(report.orphans.is_empty());
    }

    #[test]
    fn what_no_account_owns_is_an_orphan_unless_it_is_retained() {
        let report = compare(
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
        let report = compare(
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
        let report = compare(
            &listing(vec![listed("a", "todd", 2), listed("left", "todd", 1)]),
            &accounts(&[("todd", 2)]),
            &[status("todd", "a")],
            &[row("todd", "a")],
        );
        assert!(report.drifted.is_empty());
        assert_eq!(report.orphans.into_keys().collect::<Vec<_>>(), ["left"]);

        let new = Accounts::from([(account("todd"), None)]);
        let report = compare(&listing(vec![listed("left", "todd", 1)]), &new, &[], &[]);
        assert_eq!(report, Report::default(), "whose the account is is not known yet");
    }

    #[test]
    fn an_account_is_found_again_by_its_tags() {
        let inventory = Inventory::new(&listing(vec![listed("b", "todd", 1), listed("a", "todd", 1)]));
        let user = Uuid::from_u128(1);
        assert_eq!(inventory.user(&account("todd"), "Todd"), Some(user));
        assert_eq!(inventory.user(&account("todd"), "another"), None);
        assert_eq!(inventory.arn(&account("todd"), user, ResourceKind::Channel), Some("a"));
        assert_eq!(inventory.arn(&account("todd"), user, ResourceKind::Stage), None);
        assert_eq!(inventory.user(&account("ann"), "ann"), None);
    }
}
