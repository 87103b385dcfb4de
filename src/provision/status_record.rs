//! The status of an account, as a resync compares it with AWS and with PostgreSQL.

use std::{fmt, sync::Arc};

use uuid::Uuid;

use crate::{
    api::{AccountRef, Arn, CompactId, ResourceKind, tags},
    ivs::Listed,
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

/// The state of an account, by its status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountState<'a> {
    /// UID of the object.
    pub uid: Option<&'a CompactId>,
    /// The user.
    pub user: Option<Uuid>,
    /// True if the account is stalled: nothing is tried until someone changes something.
    pub is_stalled: bool,
}

/// The status of an account at one moment. A resync and its inventory share it with the cache.
pub trait StatusRecord: fmt::Debug + Send + Sync {
    /// Returns the account.
    fn account(&self) -> &AccountRef;

    /// Returns the username.
    fn username(&self) -> &str;

    /// Returns the state of the account.
    fn state(&self) -> AccountState<'_>;

    /// Returns the resource of this kind that status names.
    fn resource(&self, kind: ResourceKind) -> Option<StatusEntry<'_>>;

    /// Returns true if status says of a listed resource that it is as the current spec says, and it has
    /// another name, or another value of a declared setting or tag; or if status says that it has drifted,
    /// and it has not.
    fn contradicts(&self, kind: ResourceKind, listed: &Listed) -> bool;
}

/// The statuses of all accounts at one moment, by account.
#[derive(Clone, Debug, Default)]
pub struct StatusRecords(Box<[Arc<dyn StatusRecord>]>);

impl StatusRecords {
    /// Takes the statuses in any order. Each account stands once.
    #[must_use]
    pub fn new(statuses: impl IntoIterator<Item = Arc<dyn StatusRecord>>) -> Self {
        let mut statuses: Box<[_]> = statuses.into_iter().collect();
        if !statuses.is_sorted_by_key(|status| status.account()) {
            statuses.sort_unstable_by(|a, b| a.account().cmp(b.account()));
        }
        Self(statuses)
    }

    /// Returns the number of accounts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns true if there is no account.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the statuses, by account.
    pub fn iter(&self) -> impl Iterator<Item = &dyn StatusRecord> {
        self.0.iter().map(Arc::as_ref)
    }

    /// Returns the status of an account.
    #[must_use]
    pub fn get(&self, account: &AccountRef) -> Option<&dyn StatusRecord> {
        self.position(account).map(|position| self.at(position))
    }

    /// Returns the resource of this kind that the status of an account names.
    #[must_use]
    pub fn resource(&self, account: &AccountRef, kind: ResourceKind) -> Option<StatusEntry<'_>> {
        self.get(account)?.resource(kind)
    }

    /// Returns each status with the position of its account in other statuses.
    pub(super) fn with_positions_in<'s>(
        &'s self,
        others: &'s Self,
    ) -> impl Iterator<Item = (&'s dyn StatusRecord, Option<usize>)> {
        let mut position = 0;
        self.iter().map(move |status| {
            while position < others.len() && others.at(position).account() < status.account() {
                position += 1;
            }
            let is_there = position < others.len() && others.at(position).account() == status.account();
            (status, is_there.then_some(position))
        })
    }

    /// Returns the position of an account.
    pub(super) fn position(&self, account: &AccountRef) -> Option<usize> {
        self.0.binary_search_by(|status| status.account().cmp(account)).ok()
    }

    /// Returns the position of the account in the value of a tag.
    pub(super) fn position_of_tag(&self, account: &str) -> Option<usize> {
        let wanted = account.split_once('/')?;
        let of = |account: &AccountRef| (account.namespace.as_str(), account.name.as_str()).cmp(&wanted);
        self.0.binary_search_by(|status| of(status.account())).ok()
    }

    /// Returns the status at a position.
    pub(super) fn at(&self, position: usize) -> &dyn StatusRecord {
        &*self.0[position]
    }
}

/// Returns true if a listed resource is exactly what the status of its account says: its ARN, its name, and
/// the user in its tags.
pub(super) fn is_as_recorded(status: &dyn StatusRecord, kind: ResourceKind, listed: &Listed) -> bool {
    let user = status.state().user.map(CompactId::Uuid);
    let tagged = listed.tags.get(tags::USER).map(|user| CompactId::from(user.as_str()));
    status.resource(kind).is_some_and(|entry| entry.arn.is(&listed.arn))
        && status.username() == listed.name
        && user.is_some()
        && user == tagged
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The status of an account in the tests.
    #[derive(Clone, Debug)]
    pub struct TestStatus {
        pub account: AccountRef,
        pub uid: Option<CompactId>,
        pub user: Option<Uuid>,
        pub is_stalled: bool,
        /// The ARNs, and true for those that are ready.
        pub resources: BTreeMap<ResourceKind, (Arn, bool)>,
    }

    impl TestStatus {
        /// Returns the status of an account whose username is its name.
        pub fn new(name: &str, user: Option<u128>) -> Self {
            let account = AccountRef { namespace: "default".to_owned(), name: name.to_owned() };
            let user = user.map(Uuid::from_u128);
            Self { account, uid: None, user, is_stalled: false, resources: BTreeMap::new() }
        }

        /// Adds a channel that is ready.
        pub fn with_channel(mut self, arn: &str) -> Self {
            self.resources.insert(ResourceKind::Channel, (arn.into(), true));
            self
        }
    }

    impl StatusRecord for TestStatus {
        fn account(&self) -> &AccountRef {
            &self.account
        }

        fn username(&self) -> &str {
            &self.account.name
        }

        fn state(&self) -> AccountState<'_> {
            AccountState { uid: self.uid.as_ref(), user: self.user, is_stalled: self.is_stalled }
        }

        fn resource(&self, kind: ResourceKind) -> Option<StatusEntry<'_>> {
            let (arn, is_ready) = self.resources.get(&kind)?;
            Some(StatusEntry { account: &self.account, kind, arn, is_ready: *is_ready })
        }

        fn contradicts(&self, kind: ResourceKind, listed: &Listed) -> bool {
            let entry = self.resource(kind).filter(|entry| entry.is_ready && entry.arn.is(&listed.arn));
            entry.is_some() && listed.name != self.username()
        }
    }

    pub fn records(all: &[TestStatus]) -> StatusRecords {
        StatusRecords::new(all.iter().map(|status| Arc::new(status.clone()) as Arc<dyn StatusRecord>))
    }

    #[test]
    fn an_account_is_found_in_whatever_order_the_statuses_came() {
        let statuses = records(&["todd", "ann", "bob"].map(|name| TestStatus::new(name, None)));
        for (position, name) in ["ann", "bob", "todd"].into_iter().enumerate() {
            let account = AccountRef { namespace: "default".to_owned(), name: name.to_owned() };
            assert_eq!(statuses.position(&account), Some(position));
            assert_eq!(statuses.position_of_tag(&account.to_string()), Some(position));
        }
        for other in ["default/zoe", "aaa/todd", "todd", ""] {
            assert_eq!(statuses.position_of_tag(other), None);
        }
    }

    #[test]
    fn each_status_is_paired_with_the_earlier_one_of_its_account() {
        let of = |names: &[&str]| {
            records(&names.iter().map(|name| TestStatus::new(name, None)).collect::<Vec<_>>())
        };
        let (now, before) = (of(&["a", "c", "d", "f"]), of(&["b", "c", "d", "e"]));
        let positions: Vec<_> = now.with_positions_in(&before).map(|(_, position)| position).collect();
        assert_eq!(positions, [None, Some(1), Some(2), None]);
    }
}
