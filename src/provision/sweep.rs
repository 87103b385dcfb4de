//! The sweep: everything AWS has, listed page by page, held against what is recorded. Pure, but for the lists.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::{
    api::{AccountRef, ResourceKind, tags},
    ivs::{Kind, Listed, Result},
    store::UserRecord,
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
        let (_, listed) = all.iter().find(|(_, listed)| listed.name.eq_ignore_ascii_case(username))?;
        listed.tags.get(tags::USER)?.parse().ok()
    }

    /// The ARN of a resource of this user; the first, if a crash left more than one.
    #[must_use]
    pub fn arn(&self, account: &AccountRef, user: Uuid, kind: ResourceKind) -> Option<&str> {
        let of_user = |listed: &Listed| listed.tags.get(tags::USER) == Some(&user.to_string());
        let all = self.accounts.get(&account.to_string())?;
        let mut arns: Vec<_> = all
            .iter()
            .filter(|(found, listed)| *found == kind && of_user(listed))
            .map(|(_, listed)| listed.arn.as_str())
            .collect();
        arns.sort_unstable();
        arns.first().copied()
    }
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
    /// ARNs with our installation's tag that no account owns (I6).
    pub orphans: BTreeSet<String>,
}

/// Holds what AWS has against what status and database say. `accounts` are all there are; `statuses` speak of those
/// that are ready.
#[must_use]
pub fn compare(
    listing: &Listing,
    accounts: &BTreeSet<AccountRef>,
    statuses: &[Record],
    recorded: &[UserRecord],
) -> Report {
    let all = || listing.0.values().flatten();
    let existing: BTreeSet<&str> = all().map(|listed| listed.arn.as_str()).collect();
    let in_database: BTreeSet<(&AccountRef, &str)> =
        recorded.iter().map(|record| (&record.account, record.arn.as_str())).collect();
    let disagrees = |status: &&Record| {
        !existing.contains(status.arn.as_str())
            || !in_database.contains(&(&status.account, status.arn.as_str()))
    };
    let drifted = statuses.iter().filter(disagrees).map(|status| status.account.clone()).collect();

    let known: BTreeSet<&str> = statuses.iter().map(|status| status.arn.as_str()).collect();
    let unknown = all().filter(|listed| !known.contains(listed.arn.as_str())).collect();
    let mut report = Report { drifted, orphans: BTreeSet::new() };
    sort_unknown(unknown, accounts, statuses, recorded, &mut report);
    report
}

/// What no status speaks of: one too many of an account that is ready, or an orphan, or neither.
fn sort_unknown(
    unknown: Vec<&Listed>,
    accounts: &BTreeSet<AccountRef>,
    statuses: &[Record],
    recorded: &[UserRecord],
    report: &mut Report,
) {
    let retained: BTreeSet<&str> =
        recorded.iter().filter(|record| record.retained).map(|record| record.arn.as_str()).collect();
    let named: BTreeMap<String, &AccountRef> =
        accounts.iter().map(|account| (account.to_string(), account)).collect();
    let ready: BTreeSet<&AccountRef> = statuses.iter().map(|status| &status.account).collect();
    for listed in unknown {
        match listed.tags.get(tags::ACCOUNT).and_then(|account| named.get(account)) {
            // It is looked at, and the one too many goes.
            Some(account) if ready.contains(account) => drop(report.drifted.insert((*account).clone())),
            // It is being made, or taken away.
            Some(_) => {}
            None if retained.contains(listed.arn.as_str()) => {}
            None => drop(report.orphans.insert(listed.arn.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ivs::Tags;

    fn account(name: &str) -> AccountRef {
        AccountRef { namespace: "default".to_owned(), name: name.to_owned() }
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
        UserRecord { account: account(name), kind: ResourceKind::Channel, arn: arn.to_owned(), retained }
    }

    #[test]
    fn where_all_agree_there_is_nothing_to_report() {
        let report = compare(
            &listing(vec![listed("a", "todd", 1)]),
            &BTreeSet::from([account("todd")]),
            &[status("todd", "a")],
            &[row("todd", "a")],
        );
        assert_eq!(report, Report::default());
    }

    #[test]
    fn what_vanished_from_aws_or_the_database_is_drift() {
        let accounts = BTreeSet::from([account("todd"), account("ann")]);
        let report = compare(
            &listing(vec![listed("b", "ann", 2)]),
            &accounts,
            &[status("todd", "a"), status("ann", "b")],
            &[row("todd", "a")],
        );
        assert_eq!(report.drifted, accounts);
        assert!(report.orphans.is_empty());
    }

    #[test]
    fn what_no_account_owns_is_an_orphan_unless_it_is_retained() {
        let report = compare(
            &listing(vec![listed("gone", "gone", 3), listed("kept", "kept", 4)]),
            &BTreeSet::new(),
            &[],
            &[row("kept", "kept"), row("gone", "gone")],
        );
        assert_eq!(report.orphans, BTreeSet::from(["gone".to_owned()]), "a row alone keeps nothing");
    }

    #[test]
    fn one_more_than_an_account_should_have_is_drift() {
        let report = compare(
            &listing(vec![listed("a", "todd", 1), listed("late", "todd", 1)]),
            &BTreeSet::from([account("todd")]),
            &[status("todd", "a")],
            &[row("todd", "a")],
        );
        assert_eq!(report.drifted, BTreeSet::from([account("todd")]));
        assert!(report.orphans.is_empty());
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
