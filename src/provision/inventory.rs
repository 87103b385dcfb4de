//! The inventory: everything that the last resync listed, by account and by user.

use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;
use uuid::Uuid;

use super::Owner;
use crate::{
    api::{AccountRef, ResourceKind, tags},
    ivs::{Kind, Listed, Result},
};

/// The resources of each kind that carry this installation's tag.
#[derive(Clone, Debug, Default)]
pub struct Listing(pub BTreeMap<ResourceKind, Vec<Listed>>);

impl Listing {
    /// Lists one kind: this installation's resources, and the ARNs of all.
    ///
    /// # Errors
    /// The failed call.
    pub async fn of_kind<K: Kind>(
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

/// Everything that the last resync listed, by account and by user. It identifies a user whose status and rows
/// are lost.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    all: Vec<(ResourceKind, Listed)>,
    accounts: BTreeMap<String, Vec<usize>>,
    users: BTreeMap<Uuid, Vec<usize>>,
}

impl Inventory {
    /// Indexes a listing by account and by user.
    #[must_use]
    pub fn new(listing: &Listing) -> Self {
        let mut inventory = Self::default();
        for (kind, listed) in listing.0.iter().flat_map(|(kind, all)| all.iter().map(|one| (*kind, one))) {
            let index = inventory.all.len();
            if let Some(account) = listed.tags.get(tags::ACCOUNT) {
                inventory.accounts.entry(account.clone()).or_default().push(index);
            }
            if let Some(user) = user_of(listed) {
                inventory.users.entry(user).or_default().push(index);
            }
            inventory.all.push((kind, listed.clone()));
        }
        inventory
    }

    fn at(&self, indexes: Option<&Vec<usize>>) -> impl Iterator<Item = (ResourceKind, &Listed)> {
        let indexes = indexes.into_iter().flatten();
        indexes.filter_map(|index| self.all.get(*index)).map(|(kind, listed)| (*kind, listed))
    }

    fn tagged_with(&self, account: &AccountRef) -> impl Iterator<Item = (ResourceKind, &Listed)> {
        self.at(self.accounts.get(&account.to_string()))
    }

    /// Returns the user in the tags of this account's resources.
    #[must_use]
    pub fn user(&self, account: &AccountRef, username: &str) -> Option<Uuid> {
        // An account that was re-created with another username is another user. A different spelling is
        // refused if the user has a row.
        self.tagged_with(account)
            .filter(|(_, listed)| listed.name == username)
            .find_map(|(_, listed)| user_of(listed))
    }

    /// Returns all resources tagged with this account and user.
    pub fn of_account(
        &self,
        account: &AccountRef,
        user: Uuid,
    ) -> impl Iterator<Item = (ResourceKind, &Listed)> {
        self.tagged_with(account).filter(move |(_, listed)| is_of_user(listed, user))
    }

    /// Returns all resources of one kind tagged with this user, whatever their name.
    #[must_use]
    pub fn of_user(&self, user: Uuid, kind: ResourceKind) -> Vec<Listed> {
        let all = self.at(self.users.get(&user)).filter(|(found, _)| *found == kind);
        all.map(|(_, listed)| listed.clone()).collect()
    }

    /// Returns the ARN of this user's resource; the first by ARN if a crash left more than one. A resource of
    /// the same name and account that has lost the user's tag counts only if there is no other.
    #[must_use]
    pub fn arn(&self, owner: &Owner, kind: ResourceKind) -> Option<&str> {
        let is_owned = |listed: &Listed| is_of_user(listed, owner.user);
        let may_be = |(found, listed): &(ResourceKind, &Listed)| {
            *found == kind
                && (is_owned(listed) || listed.name == owner.username && owner.may_own(&listed.tags))
        };
        let all = self.tagged_with(&owner.account).chain(self.at(self.users.get(&owner.user)));
        let all = all.filter(may_be).map(|(_, listed)| (!is_owned(listed), listed.arn.as_str()));
        all.min().map(|(_, arn)| arn)
    }

    /// Returns the times of the last updates, by ARN, for resources whose time AWS returns.
    #[must_use]
    pub fn update_times(&self) -> BTreeMap<&str, Timestamp> {
        self.all.iter().filter_map(|(_, listed)| Some((listed.arn.as_str(), listed.updated_at?))).collect()
    }
}

/// Returns the user in the tags.
fn user_of(listed: &Listed) -> Option<Uuid> {
    listed.tags.get(tags::USER)?.parse().ok()
}

/// Returns true if the tags name this user.
pub(super) fn is_of_user(listed: &Listed, user: Uuid) -> bool {
    listed.tags.get(tags::USER).is_some_and(|found| *found == user.to_string())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::ivs::Tags;

    pub fn account(name: &str) -> AccountRef {
        AccountRef { namespace: "default".to_owned(), name: name.to_owned() }
    }

    pub fn listed(arn: &str, account: &str, user: u128) -> Listed {
        let tags = Tags::from([
            (tags::ACCOUNT.to_owned(), format!("default/{account}")),
            (tags::USER.to_owned(), Uuid::from_u128(user).to_string()),
        ]);
        Listed { arn: arn.to_owned(), name: account.to_owned(), tags, updated_at: None }
    }

    pub fn listing(all: Vec<Listed>) -> Listing {
        Listing(BTreeMap::from([(ResourceKind::Channel, all)]))
    }

    fn owner() -> Owner {
        let (installation, username) = ("here".to_owned(), "todd".to_owned());
        Owner { installation, user: Uuid::from_u128(1), account: account("todd"), username }
    }

    #[test]
    fn a_renamed_resource_is_found_by_its_tags() {
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
    fn the_user_of_an_account_is_found_by_tags() {
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
    fn an_untagged_resource_counts_only_if_there_is_no_other() {
        let mut channel = listed("a", "todd", 1);
        channel.tags.remove(tags::USER);
        let inventory = Inventory::new(&listing(vec![channel.clone(), listed("b", "todd", 1)]));
        assert_eq!(inventory.user(&account("todd"), "todd"), Some(Uuid::from_u128(1)));
        assert_eq!(inventory.arn(&owner(), ResourceKind::Channel), Some("b"));
        let inventory = Inventory::new(&listing(vec![channel]));
        assert_eq!(inventory.arn(&owner(), ResourceKind::Channel), Some("a"));
    }
}
